/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcapng file format (draft-ietf-opsawg-pcapng): blocks in sections, each section in its own
 * byte order and with its own list of interfaces.
 *
 * An interface that comes again in a later section is the same one of the file: by name and link
 * type, and where it has no name by its place in the section.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/reader.h"
#include "packet/source_impl.h"

#define SECTION_HEADER_BLOCK        0x0a0d0d0au
#define INTERFACE_DESCRIPTION_BLOCK 1u
#define OBSOLETE_PACKET_BLOCK       2u
#define SIMPLE_PACKET_BLOCK         3u
#define ENHANCED_PACKET_BLOCK       6u
#define BYTE_ORDER_MAGIC            0x1a2b3c4du

#define BLOCK_HEADER_OCTETS    8  /* type and total length */
#define BLOCK_OVERHEAD_OCTETS  12 /* and the total length again, at the end */
#define SECTION_INTERFACES_MAX 4096
#define INTERFACES_MAX         4096 /* of all sections */

enum { OPTION_END = 0, OPTION_IF_NAME = 2, OPTION_IF_TSRESOL = 9, OPTION_IF_TSOFFSET = 14 };

/* An interface of the section that is being read. */
struct section_interface {
    uint64_t ticks_per_second; /* 0: more than 2^63, so that all times are the offset's */
    int64_t offset_seconds;
    uint32_t tick_ns; /* nanoseconds in a tick where that is whole and the offset is 0, else 0 */
    uint32_t snaplen;
    uint16_t link_type;
    uint16_t index; /* in the file's list */
};

/* An interface of the file. */
struct interface {
    char name[64]; /* "" where the capture gives none; cut to fit */
    uint16_t link_type;
};

struct pcapng_state {
    bool big;
    struct interface *known;
    size_t known_count, known_capacity;
    struct section_interface *interfaces;
    size_t interface_count, interface_capacity;
    int64_t last_time_ns;           /* a Simple Packet Block carries none and takes this */
    uint32_t skipped, left_to_skip; /* length of a long block, and what of it has not been read */
};

/* One block, whole in the buffer. */
struct block {
    const uint8_t *body;
    size_t length;   /* of the body */
    uint64_t offset; /* of the block in the file */
    uint32_t type;
};

static int malformed(const struct weir_source *source, struct weir_diag *diag, uint64_t offset,
                     const char *what)
{
    return weir_source_fail(source, diag, WEIR_E_MALFORMED, offset, "%s", what);
}

/*
 * Looks at the byte order and version of the section header that comes next, before its length can
 * be read.
 */
static int section_start(struct weir_source *source, struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    int result = weir_source_fill(source, 16, "a section header", diag);
    if (result < 0)
        return result;
    const uint8_t *header = source->buffer + source->begin;
    uint64_t offset = weir_source_offset(source);
    if (weir_load_le32(header + 8) == BYTE_ORDER_MAGIC)
        state->big = false;
    else if (weir_load_be32(header + 8) == BYTE_ORDER_MAGIC)
        state->big = true;
    else
        return malformed(source, diag, offset + 8, "no byte-order magic in a section header");
    unsigned major = weir_capture_u16(header + 12, state->big);
    if (major != 1)
        return weir_source_fail(source, diag, WEIR_E_UNSUPPORTED, offset + 12,
                                "pcapng version %u, not 1", major);
    state->interface_count = 0;
    return 0;
}

/* if_tsresol: a power of ten, or of two where the top bit is set. */
static uint64_t ticks_per_second(uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    if (resolution & 0x80)
        return exponent < 64 ? UINT64_C(1) << exponent : 0;
    uint64_t ticks = 1;
    for (unsigned i = 0; i < exponent; i++)
        if (__builtin_mul_overflow(ticks, 10, &ticks))
            return 0;
    return ticks;
}

/* Reads the options of an interface. False where they run past their block. */
static bool interface_options(struct weir_reader *options, bool big, struct interface *name,
                              struct section_interface *interface)
{
    while (weir_reader_remaining(options) >= 4) {
        const uint8_t *head = weir_read_octets(options, 4);
        unsigned code = weir_capture_u16(head, big), length = weir_capture_u16(head + 2, big);
        if (code == OPTION_END)
            return true;
        const uint8_t *value = weir_read_octets(options, (length + 3u) & ~3u);
        if (!value)
            return false;
        if (code == OPTION_IF_NAME) {
            size_t copied = length < sizeof(name->name) - 1 ? length : sizeof(name->name) - 1;
            memcpy(name->name, value, copied);
            name->name[copied] = '\0';
        } else if (code == OPTION_IF_TSRESOL && length == 1) {
            interface->ticks_per_second = ticks_per_second(value[0]);
        } else if (code == OPTION_IF_TSOFFSET && length == 8) {
            interface->offset_seconds = (int64_t)weir_capture_u64(value, big);
        }
    }
    return true;
}

static int add_interface(struct weir_source *source, const struct interface *interface,
                         struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    if (state->known_count == INTERFACES_MAX)
        return weir_source_fail(source, diag, WEIR_E_LIMIT, weir_source_offset(source),
                                "more than %d interfaces", INTERFACES_MAX);
    if (state->known_count == state->known_capacity) {
        size_t capacity = state->known_capacity ? 2 * state->known_capacity : 4;
        struct interface *grown = realloc(state->known, capacity * sizeof(state->known[0]));
        if (!grown)
            return weir_source_fail(source, diag, WEIR_E_NOMEM, weir_source_offset(source),
                                    "no memory for interfaces");
        state->known = grown;
        state->known_capacity = capacity;
    }
    state->known[state->known_count++] = *interface;
    return 0;
}

/* The index in the file's list of the section's next interface; the list grows where it is new. */
static int file_index(struct weir_source *source, const struct interface *interface,
                      uint16_t *ret_index, struct weir_diag *diag)
{
    const struct pcapng_state *state = source->state;
    size_t found = state->known_count;
    for (size_t i = 0; i < state->known_count && found == state->known_count; i++) {
        const struct interface *known = &state->known[i];
        if (known->link_type == interface->link_type && strcmp(known->name, interface->name) == 0 &&
            (interface->name[0] != '\0' || i == state->interface_count))
            found = i;
    }
    *ret_index = (uint16_t)found;
    return found < state->known_count ? 0 : add_interface(source, interface, diag);
}

static int interface_description(struct weir_source *source, const struct block *block,
                                 struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    if (block->length < 8)
        return malformed(source, diag, block->offset, "an interface description is too short");
    if (state->interface_count == SECTION_INTERFACES_MAX)
        return weir_source_fail(source, diag, WEIR_E_LIMIT, block->offset,
                                "more than %d interfaces", SECTION_INTERFACES_MAX);
    if (state->interface_count == state->interface_capacity) {
        size_t capacity = state->interface_capacity ? 2 * state->interface_capacity : 4;
        struct section_interface *grown =
            realloc(state->interfaces, capacity * sizeof(state->interfaces[0]));
        if (!grown)
            return weir_source_fail(source, diag, WEIR_E_NOMEM, block->offset,
                                    "no memory for interfaces");
        state->interfaces = grown;
        state->interface_capacity = capacity;
    }
    struct weir_reader reader = weir_reader_make(block->body, block->length);
    const uint8_t *fixed = weir_read_octets(&reader, 8);
    struct interface described = {.link_type = weir_capture_u16(fixed, state->big)};
    struct section_interface interface = {
        .ticks_per_second = 1000000,
        .snaplen = weir_capture_u32(fixed + 4, state->big),
        .link_type = described.link_type,
    };
    if (!interface_options(&reader, state->big, &described, &interface))
        return malformed(source, diag, block->offset, "an interface option passes its block's end");
    uint64_t ticks = interface.ticks_per_second;
    if (ticks > 0 && WEIR_NS_PER_SECOND % ticks == 0 && interface.offset_seconds == 0)
        interface.tick_ns = (uint32_t)(WEIR_NS_PER_SECOND / ticks);
    int result = file_index(source, &described, &interface.index, diag);
    if (result == 0)
        state->interfaces[state->interface_count++] = interface;
    return result;
}

/* Ticks of an interface to nanoseconds since 1970; moved to the nearest that int64_t can hold. */
static int64_t time_of(struct weir_source *source, const struct section_interface *interface,
                       uint64_t ticks)
{
    int64_t ns;
    if (__builtin_expect(interface->tick_ns > 0, 1)) {
        if (!__builtin_mul_overflow(ticks, (uint64_t)interface->tick_ns, &ns))
            return ns;
    } else {
        uint64_t unit = interface->ticks_per_second;
        int64_t seconds = unit ? (int64_t)((ticks / unit) & INT64_MAX) : 0;
        uint64_t rest = unit ? ticks % unit : 0;
        int64_t fraction =
            unit ? (int64_t)((unsigned __int128)rest * WEIR_NS_PER_SECOND / unit) : 0;
        bool beyond = unit && ticks / unit > INT64_MAX;
        if (!beyond && !__builtin_add_overflow(seconds, interface->offset_seconds, &seconds) &&
            !__builtin_mul_overflow(seconds, WEIR_NS_PER_SECOND, &ns) &&
            !__builtin_add_overflow(ns, fraction, &ns))
            return ns;
    }
    source->counters.packets_time_clamped++;
    return interface->offset_seconds < 0 ? INT64_MIN : INT64_MAX;
}

/* Where the fields of a kind of packet block are. */
struct packet_layout {
    uint8_t data;     /* octets before the frame */
    bool short_index; /* 16-bit interface index, then a drop count */
};

static const struct packet_layout enhanced = {20, false}, obsolete = {20, true};

static int packet_block(struct weir_source *source, const struct block *block,
                        const struct packet_layout *layout, struct weir_frame *frame,
                        struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    const bool big = state->big;
    const uint8_t *body = block->body;
    if (block->length < layout->data)
        return malformed(source, diag, block->offset, "a packet block is too short");
    uint32_t index =
        layout->short_index ? weir_capture_u16(body, big) : weir_capture_u32(body, big);
    if (index >= state->interface_count)
        return malformed(source, diag, block->offset + BLOCK_HEADER_OCTETS,
                         "a packet of an interface that is not described");
    uint32_t captured = weir_capture_u32(body + 12, big);
    if (captured > WEIR_FRAME_OCTETS_MAX)
        return malformed(source, diag, block->offset + BLOCK_HEADER_OCTETS + 12,
                         "a packet longer than 262144 octets");
    if (captured > block->length - layout->data)
        return malformed(source, diag, block->offset + BLOCK_HEADER_OCTETS + 12,
                         "a packet longer than its block");
    const struct section_interface *interface = &state->interfaces[index];
    uint64_t ticks =
        (uint64_t)weir_capture_u32(body + 4, big) << 32 | weir_capture_u32(body + 8, big);
    state->last_time_ns = time_of(source, interface, ticks);
    *frame = (struct weir_frame){
        .octets = body + layout->data,
        .captured = captured,
        .wire_octets = weir_capture_u32(body + 16, big),
        .time_ns = state->last_time_ns,
        .link_type = interface->link_type,
        .interface = (uint16_t)(source->first_interface + interface->index),
    };
    return 0;
}

/* It has neither an interface (it is the first's) nor a captured length nor a time. */
static int simple_packet_block(struct weir_source *source, const struct block *block,
                               struct weir_frame *frame, struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    if (block->length < 4)
        return malformed(source, diag, block->offset, "a packet block is too short");
    if (state->interface_count == 0)
        return malformed(source, diag, block->offset,
                         "a packet of an interface that is not described");
    const struct section_interface *interface = &state->interfaces[0];
    uint32_t wire_octets = weir_capture_u32(block->body, state->big), captured = wire_octets;
    if (interface->snaplen > 0 && captured > interface->snaplen)
        captured = interface->snaplen;
    if (captured > block->length - 4)
        return malformed(source, diag, block->offset + BLOCK_HEADER_OCTETS,
                         "a packet longer than its block");
    if (captured > WEIR_FRAME_OCTETS_MAX)
        return malformed(source, diag, block->offset + BLOCK_HEADER_OCTETS,
                         "a packet longer than 262144 octets");
    *frame = (struct weir_frame){
        .octets = block->body + 4,
        .captured = captured,
        .wire_octets = wire_octets,
        .time_ns = state->last_time_ns,
        .link_type = interface->link_type,
        .interface = (uint16_t)(source->first_interface + interface->index),
    };
    return 0;
}

/* Takes the block off the buffer; 1 where it was a packet, 0 where not, or an error. */
static int read_block(struct weir_source *source, const struct block *block,
                      struct weir_frame *frame, struct weir_diag *diag)
{
    int result;
    switch (block->type) {
    case ENHANCED_PACKET_BLOCK:
        result = packet_block(source, block, &enhanced, frame, diag);
        return result < 0 ? result : 1;
    case OBSOLETE_PACKET_BLOCK:
        result = packet_block(source, block, &obsolete, frame, diag);
        return result < 0 ? result : 1;
    case SIMPLE_PACKET_BLOCK:
        result = simple_packet_block(source, block, frame, diag);
        return result < 0 ? result : 1;
    case INTERFACE_DESCRIPTION_BLOCK:
        return interface_description(source, block, diag);
    case SECTION_HEADER_BLOCK:
        return 0; /* section_start() has read what counts */
    default:
        source->counters.blocks_skipped++;
        return 0;
    }
}

static bool is_read(uint32_t type)
{
    return type == ENHANCED_PACKET_BLOCK || type == OBSOLETE_PACKET_BLOCK ||
           type == SIMPLE_PACKET_BLOCK || type == INTERFACE_DESCRIPTION_BLOCK;
}

/*
 * Skips the body of a block that is longer than the buffer holds, up to its final length. Where
 * the rest of it does not come by now (WEIR_E_AGAIN) the next call goes on.
 */
static int skip_long_body(struct weir_source *source, struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    while (state->left_to_skip > 4) {
        int result = weir_source_fill(source, 1, "a block that is skipped", diag);
        if (result < 0)
            return result;
        size_t available = source->end - source->begin;
        uint32_t left = state->left_to_skip - 4;
        uint32_t taken = available < left ? (uint32_t)available : left;
        source->begin += taken;
        state->left_to_skip -= taken;
    }
    int result = weir_source_fill(source, 4, "a block that is skipped", diag);
    if (result < 0)
        return result;
    uint32_t again = weir_capture_u32(source->buffer + source->begin, state->big);
    if (again != state->skipped)
        return malformed(source, diag, weir_source_offset(source),
                         "the two lengths of a block are not the same");
    source->begin += 4;
    source->counters.blocks_skipped++;
    state->left_to_skip = 0;
    return 0;
}

/*
 * Sees to it that the next block is whole in the buffer and its lengths hold, and describes it.
 * 1; 0 where the block was so long that it was skipped; or an error.
 */
static int next_block(struct weir_source *source, struct block *block, struct weir_diag *diag)
{
    struct pcapng_state *state = source->state;
    if (state->left_to_skip > 0)
        return skip_long_body(source, diag);
    int result = weir_source_fill(source, BLOCK_OVERHEAD_OCTETS, "a block", diag);
    if (result < 0)
        return result;
    uint64_t offset = weir_source_offset(source);
    uint32_t type = weir_capture_u32(source->buffer + source->begin, state->big);
    if (type == SECTION_HEADER_BLOCK && (result = section_start(source, diag)) < 0)
        return result;
    uint32_t total = weir_capture_u32(source->buffer + source->begin + 4, state->big);
    uint32_t least = type == SECTION_HEADER_BLOCK ? 28 : BLOCK_OVERHEAD_OCTETS;
    if (total < least || total % 4 != 0)
        return malformed(source, diag, offset + 4, "a block length that no block can have");
    if (total > WEIR_SOURCE_RECORD_OCTETS) {
        if (is_read(type) || type == SECTION_HEADER_BLOCK)
            return malformed(source, diag, offset + 4, "a block longer than 1 MiB");
        state->skipped = state->left_to_skip = total;
        return skip_long_body(source, diag);
    }
    result = weir_source_fill(source, total, "a block", diag);
    if (result < 0)
        return result;
    const uint8_t *octets = source->buffer + source->begin;
    if (weir_capture_u32(octets + total - 4, state->big) != total)
        return malformed(source, diag, offset + total - 4,
                         "the two lengths of a block are not the same");
    *block = (struct block){
        .body = octets + BLOCK_HEADER_OCTETS,
        .length = total - BLOCK_OVERHEAD_OCTETS,
        .offset = offset,
        .type = type,
    };
    source->begin += total;
    return 1;
}

/* Whether the next block can be taken without moving the buffer and is no error. */
static bool whole_block_there(const struct weir_source *source)
{
    const struct pcapng_state *state = source->state;
    const uint8_t *octets = source->buffer + source->begin;
    size_t available = source->end - source->begin;
    if (available < 16)
        return false;
    if (weir_capture_u32(octets, state->big) == SECTION_HEADER_BLOCK)
        return false;
    return weir_capture_u32(octets + 4, state->big) <= available;
}

static int pcapng_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                       size_t *ret_count, struct weir_diag *diag)
{
    size_t count = 0;
    while (count < capacity && (count == 0 || whole_block_there(source))) {
        struct block block = {0};
        size_t begin = source->begin;
        int result = next_block(source, &block, diag);
        if (result > 0)
            result = read_block(source, &block, &frames[count], diag);
        if (result < 0 && count > 0) {
            source->begin = begin; /* the frames go out first; the error comes again after them */
            break;
        }
        if (result < 0)
            return result;
        count += (size_t)result;
    }
    *ret_count = count;
    return 0;
}

static int pcapng_start(struct weir_source *source, struct weir_diag *diag)
{
    source->state = calloc(1, sizeof(struct pcapng_state));
    if (!source->state)
        return weir_source_fail(source, diag, WEIR_E_NOMEM, 0, "no memory to read it");
    return section_start(source, diag);
}

static void pcapng_stop(struct weir_source *source)
{
    struct pcapng_state *state = source->state;
    if (state) {
        free(state->interfaces);
        free(state->known);
    }
    free(state);
}

const struct weir_source_format weir_source_pcapng = {
    .start = pcapng_start,
    .next = pcapng_next,
    .stop = pcapng_stop,
};
