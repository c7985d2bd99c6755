/* SPDX-License-Identifier: Apache-2.0 */
#include "app/intake.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES    WEIR_METER_WORKERS_FETCH
#define PROCESSES WEIR_METER_WORKERS_PROCESSES

/* What a process keeps of a round, which is frames that came together. */
struct choice {
    struct weir_select *select;
    uint16_t kept[FRAMES]; /* first frames, then packets */
    size_t count;
    struct weir_packet packets[FRAMES]; /* those kept, where they are not all */
};

struct weir_intake {
    struct weir_parser *parser;
    bool is_plain;      /* one process, and that selects every packet */
    bool needs_content; /* somebody asks for what packets carry */
    uint64_t selected;  /* by those who select every packet */
    struct weir_frame frames[FRAMES];
    struct weir_frame chosen[FRAMES]; /* of them, those that somebody selects */
    uint16_t frame_of[FRAMES];        /* of each packet */
    struct weir_packet_content contents[FRAMES];
    struct choice choices[PROCESSES];
    unsigned process_count;
};

int weir_intake_new(const struct weir_intake_config *config, struct weir_intake **ret_intake,
                    struct weir_diag *diag)
{
    struct weir_intake *intake = calloc(1, sizeof(*intake));
    if (!intake || weir_parser_new(&config->parser, &intake->parser) < 0) {
        free(intake);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter");
    }
    intake->process_count = config->process_count;
    for (unsigned i = 0; i < config->process_count; i++) {
        intake->choices[i].select = config->selects[i];
        intake->needs_content |= weir_select_needs_content(config->selects[i]);
    }
    intake->is_plain = config->process_count == 1 && weir_select_is_all(config->selects[0]);
    if (intake->needs_content && config->parser.all_layers) {
        weir_intake_free(intake);
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "hash: of the packets that all layers make it cannot be said which "
                             "content is theirs");
    }
    *ret_intake = intake;
    return 0;
}

void weir_intake_free(struct weir_intake *intake)
{
    if (!intake)
        return;
    weir_parser_free(intake->parser);
    free(intake);
}

static size_t parse(const struct weir_intake *intake, const struct weir_meter_room *room,
                    const struct weir_frame *frames, size_t count, uint16_t *ret_frame)
{
    return room->details
               ? weir_parse_details(intake->parser, frames, count, room->packets, room->details,
                                    ret_frame)
               : weir_parse_batch(intake->parser, frames, count, room->packets, ret_frame);
}

/* The same one by one, with where in its frame the content of each packet is. */
static size_t parse_content(struct weir_intake *intake, const struct weir_meter_room *room,
                            size_t count)
{
    size_t packets = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_frame *frame = &intake->chosen[i];
        struct weir_packet *packet = &room->packets[packets];
        struct weir_layers layers;
        if (weir_parse_frame(intake->parser, frame, packet, &layers) != WEIR_REST_NONE)
            continue;
        if (room->details) {
            packet->detail = (uint16_t)packets;
            weir_parse_detail(frame, packet, &layers, &room->details[packets]);
        }
        intake->contents[packets] = (struct weir_packet_content){frame->octets + layers.network,
                                                                 frame->octets + layers.fragment,
                                                                 frame->octets + layers.end};
        intake->frame_of[packets++] = (uint16_t)i;
    }
    return packets;
}

/* Parses the frames that some process keeps, once each, and notes which frame a packet was. */
static size_t parse_kept(struct weir_intake *intake, const struct weir_meter_room *room,
                         size_t frame_count)
{
    uint16_t origin[FRAMES];
    bool is_kept[FRAMES] = {false};
    size_t chosen = 0;
    for (unsigned i = 0; i < intake->process_count; i++)
        for (size_t k = 0; k < intake->choices[i].count; k++)
            is_kept[intake->choices[i].kept[k]] = true;
    for (size_t i = 0; i < frame_count; i++) {
        if (!is_kept[i])
            continue;
        origin[chosen] = (uint16_t)i;
        intake->chosen[chosen++] = intake->frames[i];
    }
    size_t packets = intake->needs_content
                         ? parse_content(intake, room, chosen)
                         : parse(intake, room, intake->chosen, chosen, intake->frame_of);
    for (size_t i = 0; i < packets; i++)
        intake->frame_of[i] = origin[intake->frame_of[i]];
    return packets;
}

/* From the frames that a process keeps to their packets, both in their order. */
static void keep_packets(const struct weir_intake *intake, struct choice *choice,
                         size_t packet_count)
{
    uint16_t packets[FRAMES];
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < packet_count; i++) {
        while (at < choice->count && choice->kept[at] < intake->frame_of[i])
            at++;
        if (at < choice->count && choice->kept[at] == intake->frame_of[i])
            packets[kept++] = (uint16_t)i;
    }
    memcpy(choice->kept, packets, kept * sizeof(packets[0]));
    choice->count = kept;
}

/* Has a process select of the packets; those that it keeps are ret_packets. */
static int select_packets(struct weir_intake *intake, const struct weir_meter_room *room,
                          struct choice *choice, size_t packet_count,
                          struct weir_meter_packets *ret_packets, struct weir_diag *diag)
{
    const struct weir_select_round round = {
        .frames = intake->frames,
        .packets = room->packets,
        .frame_of = intake->frame_of,
        .details = room->details,
        .contents = intake->contents,
    };
    keep_packets(intake, choice, packet_count);
    int result = weir_select_packets(choice->select, &round, choice->kept, &choice->count, diag);
    *ret_packets = (struct weir_meter_packets){room->packets, choice->count};
    if (choice->count == packet_count)
        return result;
    for (size_t i = 0; i < choice->count; i++)
        choice->packets[i] = room->packets[choice->kept[i]];
    ret_packets->packets = choice->packets;
    return result;
}

/* What a process selects that has no stage is counted here, as others are by their last. */
static int select_frames(struct weir_intake *intake, struct choice *choice, size_t frame_count,
                         struct weir_diag *diag)
{
    choice->count = frame_count;
    for (size_t i = 0; i < frame_count; i++)
        choice->kept[i] = (uint16_t)i;
    intake->selected += weir_select_is_all(choice->select) ? frame_count : 0;
    return weir_select_frames(choice->select, intake->frames, choice->kept, &choice->count, diag);
}

static int select_round(struct weir_intake *intake, const struct weir_meter_room *room,
                        size_t frame_count, struct weir_meter_packets *packets,
                        struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < intake->process_count && result == 0; i++)
        result = select_frames(intake, &intake->choices[i], frame_count, diag);
    if (result < 0)
        return result;
    size_t packet_count = parse_kept(intake, room, frame_count);
    for (unsigned i = 0; i < intake->process_count && result == 0; i++)
        result = select_packets(intake, room, &intake->choices[i], packet_count, &packets[i], diag);
    return result;
}

int weir_intake_read(struct weir_intake *intake, struct weir_source *source,
                     const struct weir_meter_room *room, struct weir_meter_packets *packets,
                     struct weir_diag *diag)
{
    size_t count;
    size_t most = FRAMES / weir_parser_packets_per_frame(intake->parser);
    int result = weir_source_next(source, intake->frames, most, &count, diag);
    if (result < 0)
        return result;
    if (intake->is_plain) {
        intake->selected += count;
        packets[0] = (struct weir_meter_packets){room->packets,
                                                 parse(intake, room, intake->frames, count, NULL)};
    } else if ((result = select_round(intake, room, count, packets, diag)) < 0) {
        weir_diag_prefix(diag, "%s", weir_source_name(source));
        return result;
    }
    return count == most ? WEIR_METER_FETCHED_MORE : WEIR_METER_FETCHED;
}

uint64_t weir_intake_selected(const struct weir_intake *intake)
{
    uint64_t selected = intake->selected;
    for (unsigned i = 0; i < intake->process_count; i++) {
        struct weir_selection_description selection;
        weir_select_describe(intake->choices[i].select, &selection);
        if (selection.count > 0)
            selected += selection.selectors[selection.count - 1].selected;
    }
    return selected;
}

const struct weir_parser *weir_intake_parser(const struct weir_intake *intake)
{
    return intake->parser;
}
