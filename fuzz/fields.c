/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to flows with all fields but nDPI's, which takes long to begin: three octets that choose
 * definition, direction and tunnels, then frames, each behind one octet that says what link it is
 * of and how long after the one before it came, and two of length. They are parsed with all details
 * and metered one by one and many at once, each time out of memory that is gone afterwards: the
 * rows are the same, and hold to the rules of what they say.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/reader.h"
#include "base/text.h"
#include "meter/cache.h"
#include "packet/parse.h"

#define HEAD_OCTETS 3u
#define FRAMES_MAX  64u
#define DEPTH       2u
#define TIME_NS     (INT64_C(1700000000) * WEIR_NS_PER_SECOND)

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* A field of a row, where it has it; its octets in *ret_octets. */
static bool find_field(const struct weir_batch *batch, uint32_t row, const char *name,
                       const uint8_t **ret_octets)
{
    const struct weir_extra_fields *extra = batch->extra;
    for (unsigned i = 0; i < extra->count; i++)
        if (strcmp(extra->fields[i].name, name) == 0) {
            *ret_octets = weir_batch_extra(batch, row) + extra->fields[i].offset;
            return !weir_extra_lacks(&batch->extra_absent[row], i);
        }
    return false;
}

static bool get_uint(const struct weir_batch *batch, uint32_t row, const char *name,
                     unsigned octets, uint64_t *ret_value)
{
    const uint8_t *at;
    if (!find_field(batch, row, name, &at))
        return false;
    *ret_value = weir_load_be(at, octets);
    return true;
}

static bool get_float(const struct weir_batch *batch, uint32_t row, const char *name,
                      double *ret_value)
{
    uint64_t bits;
    if (!get_uint(batch, row, name, sizeof(bits), &bits))
        return false;
    memcpy(ret_value, &bits, sizeof(bits));
    return true;
}

/* Names, of any length: well-formed text without control characters. */
static void check_texts(const struct weir_batch *batch, uint32_t row)
{
    static const char *const names[] = {
        "tls_sni",     "tls_alpn",  "quic_sni",        "dns_question",
        "http_method", "http_host", "http_user_agent",
    };
    uint32_t point = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const uint8_t *octets;
        if (!find_field(batch, row, names[i], &octets))
            continue;
        size_t length = octets[0] < 255 ? octets[0] : weir_load_be16(octets + 1);
        octets += octets[0] < 255 ? 1 : 3;
        for (size_t at = 0; at < length;) {
            unsigned used = weir_utf8_next(octets + at, length - at, &point);
            require(used > 0 && point >= 0x20 && !(point >= 0x7f && point < 0xa0));
            at += used;
        }
    }
}

/* The mean is between the least and the most, and nothing is further from it than these. */
static void check_spread(const struct weir_batch *batch, uint32_t row, const char *const names[4],
                         unsigned octets)
{
    uint64_t min, max;
    double mean, deviation;
    if (!get_uint(batch, row, names[0], octets, &min))
        return;
    require(get_uint(batch, row, names[1], octets, &max) && min <= max);
    double slack = 1e-9 * (double)max + 1e-6;
    require(get_float(batch, row, names[2], &mean));
    require(mean >= (double)min - slack && mean <= (double)max + slack);
    if (get_float(batch, row, names[3], &deviation))
        require(deviation >= 0 && deviation <= (double)(max - min) + slack);
}

/* Of a direction's packets each is one thing at most. */
static void check_tcp(const struct weir_batch *batch, uint32_t row, const char *const names[3],
                      uint64_t packets)
{
    uint64_t sum = 0, value;
    for (unsigned i = 0; i < 3; i++)
        if (get_uint(batch, row, names[i], 4, &value))
            sum += value;
    require(sum <= packets);
}

/* What came out of a run: a digest of all rows, in whatever order they came. */
struct outcome {
    uint64_t rows;
    uint64_t packets;
    uint64_t digest;
};

static int take(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    static const char *const lengths[2][4] = {
        {"length_min", "length_max", "length_mean", "length_stddev"},
        {"rev_length_min", "rev_length_max", "rev_length_mean", "rev_length_stddev"},
    };
    static const char *const gaps[2][4] = {
        {"iat_min", "iat_max", "iat_mean", "iat_stddev"},
        {"rev_iat_min", "rev_iat_max", "rev_iat_mean", "rev_iat_stddev"},
    };
    static const char *const segments[2][3] = {
        {"tcp_retransmissions", "tcp_out_of_order", "tcp_keep_alives"},
        {"rev_tcp_retransmissions", "rev_tcp_out_of_order", "rev_tcp_keep_alives"},
    };
    struct outcome *outcome = context;
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 1);
    (void)diag;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        uint64_t packets[2] = {weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i], 0};
        if (batch->any & WEIR_COLUMN_BIT(REV_PACKETS))
            packets[1] = weir_batch_u64(batch, WEIR_COLUMN_REV_PACKETS)[i];
        check_texts(batch, i);
        for (unsigned way = 0; way < 2; way++) {
            check_spread(batch, i, lengths[way], 4);
            check_spread(batch, i, gaps[way], 8);
            check_tcp(batch, i, segments[way], packets[way]);
        }
        for (unsigned f = 0; f < batch->extra->count; f++) {
            const struct weir_extra_field *field = &batch->extra->fields[f];
            const uint8_t *octets = weir_batch_extra(batch, i) + field->offset;
            bool is_variable = field->field.length == WEIR_LENGTH_VARIABLE;
            if (weir_extra_lacks(&batch->extra_absent[i], f))
                continue;
            size_t length = is_variable ? weir_extra_variable_octets(octets) : field->field.length;
            require(length <= field->room);
            outcome->digest += weir_hash(&key, octets, length) * (2 * f + 1);
        }
        outcome->packets += packets[0] + packets[1];
    }
    outcome->rows += batch->row_count;
    return 0;
}

/* The definitions for flows and for biflows; parsed once, since that takes longer than all else. */
static const struct weir_flow_definition *definition_of(unsigned which, bool is_biflow)
{
    static const char *const texts[] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,bytes,lengths,iat,"
        "payload,fragmentation,link,tcp,splt,tls,dns,http",
        "keys=src_addr/24/48,dst_addr/24/48,protocol fields=packets,lengths,iat,link,tls,dns,http,"
        "tcp_window,tcp_zero_windows,splt:64",
    };
    static struct weir_flow_definition parsed[2][2];
    static bool is_parsed[2][2];
    struct weir_flow_definition *definition = &parsed[which][is_biflow];
    struct weir_diag diag = {0};
    char text[512];
    if (is_parsed[which][is_biflow])
        return definition;
    (void)snprintf(text, sizeof(text), "%s%s", texts[which],
                   is_biflow ? ",rev_packets,responses" : "");
    require(weir_flow_definition_parse(text, definition, &diag) == 0);
    is_parsed[which][is_biflow] = true;
    return definition;
}

static struct weir_cache_config config_of(const uint8_t *head)
{
    struct weir_cache_config config = weir_cache_config_default();
    config.definition = *definition_of(head[0] % 2, head[1] & 1);
    config.entries = 64;
    config.biflow = head[1] & 1 ? WEIR_BIFLOW_FIRST : WEIR_BIFLOW_NONE;
    config.kind = head[1] % 5 == 4 ? WEIR_CACHE_IMMEDIATE : WEIR_CACHE_NORMAL;
    config.active_ns = head[1] & 2 ? WEIR_NS_PER_SECOND : config.active_ns;
    return config;
}

struct input {
    struct weir_frame frames[FRAMES_MAX];
    size_t count;
};

static void read_frames(struct weir_reader reader, struct input *input)
{
    static const uint16_t links[] = {WEIR_LINK_ETHERNET, WEIR_LINK_RAW, WEIR_LINK_SLL,
                                     WEIR_LINK_MPLS};
    int64_t now_ns = TIME_NS;
    input->count = 0;
    while (weir_reader_remaining(&reader) > 3 && input->count < FRAMES_MAX) {
        uint8_t octet = weir_read_u8(&reader);
        uint16_t length = weir_read_u16(&reader);
        size_t captured = weir_reader_remaining(&reader);
        captured = captured < length ? captured : length;
        now_ns += octet & 0x80 ? -1000000 : (INT64_C(1) << (5 + (octet >> 2 & 31)));
        input->frames[input->count++] = (struct weir_frame){
            .octets = weir_read_octets(&reader, captured),
            .captured = (uint32_t)captured,
            .wire_octets = length,
            .link_type = links[octet & 3],
            .time_ns = now_ns,
        };
    }
}

static void check_detail(const struct weir_frame *frame, const struct weir_packet *packet,
                         const struct weir_packet_detail *detail)
{
    const uint8_t *end = frame->octets + frame->captured;
    if (detail->payload) {
        require(detail->has & WEIR_DETAIL_PAYLOAD);
        require(detail->payload_captured > 0 && detail->payload_captured <= detail->payload_octets);
        require(detail->payload + detail->payload_captured <= end);
        require(detail->network >= frame->octets && detail->network < detail->payload);
        require(detail->network + detail->network_captured ==
                detail->payload + detail->payload_captured);
    }
    require(detail->payload_octets <= packet->octets);
    require(!(detail->has & WEIR_DETAIL_TCP) || packet->key.protocol == 6);
}

/* Parses and meters frames [first, first + count) out of copies of exactly their size. */
static void meter(struct weir_parser *parser, struct weir_cache *cache, const struct input *input,
                  size_t first, size_t count)
{
    static struct weir_packet packets[FRAMES_MAX * (DEPTH + 1)];
    static struct weir_packet_detail details[FRAMES_MAX * (DEPTH + 1)];
    struct weir_frame frames[FRAMES_MAX];
    uint8_t *copies[FRAMES_MAX];
    uint16_t places[FRAMES_MAX * (DEPTH + 1)];
    struct weir_diag diag;
    for (size_t i = 0; i < count; i++) {
        frames[i] = input->frames[first + i];
        copies[i] = malloc(frames[i].captured ? frames[i].captured : 1);
        require(copies[i] != NULL);
        if (frames[i].captured > 0)
            memcpy(copies[i], frames[i].octets, frames[i].captured);
        frames[i].octets = copies[i];
    }
    size_t made = weir_parse_details(parser, frames, count, packets, details, places);
    for (size_t i = 0; i < made; i++)
        check_detail(&frames[places[i]], &packets[i], &details[i]);
    require(weir_cache_add_details(cache, packets, details, made, &diag) == 0);
    for (size_t i = 0; i < count; i++)
        free(copies[i]);
}

static struct outcome run(const uint8_t *head, const struct input *input, size_t at_once)
{
    const struct weir_parser_options options = {
        .fragment_entries = 4,
        .tunnel_depth = head[2] & 1 ? DEPTH : 0,
        .all_layers = head[2] & 2,
    };
    const struct weir_cache_config config = config_of(head);
    struct outcome outcome = {0};
    const struct weir_batch_sink sink = {.batch = take, .context = &outcome};
    struct weir_parser *parser;
    struct weir_cache *cache;
    struct weir_diag diag;
    require(weir_parser_new(&options, &parser) == 0);
    require(weir_cache_new(&config, &sink, &cache, &diag) == 0);
    for (size_t i = 0; i < input->count; i += at_once)
        meter(parser, cache, input, i, input->count - i < at_once ? input->count - i : at_once);
    /* Flows are left to be freed with the cache, too. */
    if (!(head[2] & 4) || at_once > 1)
        require(weir_cache_finish(cache, &diag) == 0);
    const struct weir_parse_counters *parsed = weir_parser_counters(parser);
    struct weir_cache_counters counters = weir_cache_counters(cache);
    require(counters.packets_metered == parsed->packets_parsed + parsed->packets_inner);
    require(outcome.packets <= counters.packets_metered);
    weir_cache_free(cache);
    weir_parser_free(parser);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input;
    if (size < HEAD_OCTETS)
        return 0;
    read_frames(weir_reader_make(data + HEAD_OCTETS, size - HEAD_OCTETS), &input);
    struct outcome single = run(data, &input, 1);
    struct outcome many = run(data, &input, FRAMES_MAX);
    if (data[2] & 4)
        return 0;
    require(single.rows == many.rows && single.packets == many.packets);
    require(single.digest == many.digest);
    return 0;
}
