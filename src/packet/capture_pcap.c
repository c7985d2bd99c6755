/* SPDX-License-Identifier: Apache-2.0 */
/* The pcap file format (draft-ietf-opsawg-pcap): a file header and records, in either byte order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "packet/source_impl.h"

#define FILE_HEADER_OCTETS 24
#define CACHE_LINE         64u
#define FETCH_AHEAD        512u /* octets; a record's length is known with its header only */

struct pcap_variant {
    uint32_t magic;
    uint32_t fraction_ns;   /* nanoseconds in a unit of the second half of the time */
    unsigned record_header; /* octets */
};

static const struct pcap_variant variants[] = {
    {0xa1b2c3d4, 1000, 16},
    {0xa1b23c4d, 1, 16},
    {0xa1b2cd34, 1000, 24}, /* "modified": interface, protocol and packet type follow */
};

struct pcap_state {
    const struct pcap_variant *variant;
    uint16_t link_type;
    bool big;
    bool lengths_may_be_swapped; /* libpcap before 0.5 (version 2.3) wrote them in both orders */
};

static int pcap_start(struct weir_source *source, struct weir_diag *diag)
{
    int result = weir_source_fill(source, FILE_HEADER_OCTETS, "the pcap file header", diag);
    if (result < 0)
        return result;
    struct pcap_state *state = calloc(1, sizeof(*state));
    source->state = state;
    if (!state)
        return weir_source_fail(source, diag, WEIR_E_NOMEM, 0, "no memory to read it");
    const uint8_t *header = source->buffer + source->begin;
    const size_t variant_count = sizeof(variants) / sizeof(variants[0]);
    for (size_t i = 0; i < 2 * variant_count && !state->variant; i++) {
        state->big = i & 1;
        if (weir_capture_u32(header, state->big) == variants[i / 2].magic)
            state->variant = &variants[i / 2];
    }
    unsigned major = weir_capture_u16(header + 4, state->big);
    unsigned minor = weir_capture_u16(header + 6, state->big);
    if (!state->variant || major != 2)
        return weir_source_fail(source, diag, WEIR_E_UNSUPPORTED, 4, "pcap version %u.%u, not 2.x",
                                major, minor);
    state->lengths_may_be_swapped = minor <= 3;
    /* The upper 16 bits of the last word tell the length of a frame check sequence. */
    state->link_type = (uint16_t)weir_capture_u32(header + 20, state->big);
    source->begin += FILE_HEADER_OCTETS;
    return 0;
}

static int too_long(const struct weir_source *source, uint32_t captured, struct weir_diag *diag)
{
    return weir_source_fail(source, diag, WEIR_E_MALFORMED, weir_source_offset(source) + 8,
                            "a record of %u octets, and %d is the most", captured,
                            WEIR_FRAME_OCTETS_MAX);
}

/* Compiled once for each byte order. One check of the header's length covers its four loads. */
__attribute__((always_inline)) static inline int read_records(struct weir_source *source,
                                                              struct weir_frame *frames,
                                                              size_t capacity, size_t *ret_count,
                                                              bool big, struct weir_diag *diag)
{
    const struct pcap_state *state = source->state;
    const size_t header_octets = state->variant->record_header;
    const int64_t fraction_ns = state->variant->fraction_ns;
    const int64_t fraction_max = WEIR_NS_PER_SECOND / fraction_ns;
    const uint16_t link_type = state->link_type;
    const uint16_t interface = source->first_interface;
    const uint8_t *record = source->buffer + source->begin;
    const uint8_t *end = source->buffer + source->end;
    size_t count = 0;
    while (count < capacity) {
        size_t available = (size_t)(end - record);
        size_t need = header_octets;
        uint32_t captured = 0, wire_octets = 0;
        if (__builtin_expect(available >= header_octets, 1)) {
            captured = weir_capture_u32(record + 8, big);
            wire_octets = weir_capture_u32(record + 12, big);
            if (__builtin_expect(captured > wire_octets && state->lengths_may_be_swapped, 0)) {
                uint32_t swap = captured;
                captured = wire_octets;
                wire_octets = swap;
            }
            need += captured;
        }
        if (__builtin_expect(available < need || captured > WEIR_FRAME_OCTETS_MAX, 0)) {
            if (count > 0)
                break;
            int result = captured > WEIR_FRAME_OCTETS_MAX
                             ? too_long(source, captured, diag)
                             : weir_source_fill(source, need, "a record", diag);
            if (result < 0)
                return result;
            record = source->buffer + source->begin;
            end = source->buffer + source->end;
            continue;
        }
        int64_t fraction = weir_capture_u32(record + 4, big);
        if (__builtin_expect(fraction > fraction_max, 0)) {
            /* A whole second may come from rounding; more of it says nothing. */
            fraction = fraction_max;
            source->counters.packets_time_clamped++;
        }
        if (available >= FETCH_AHEAD + CACHE_LINE) {
            __builtin_prefetch(record + FETCH_AHEAD);
            __builtin_prefetch(record + FETCH_AHEAD + CACHE_LINE);
        }
        frames[count++] = (struct weir_frame){
            .octets = record + header_octets,
            .captured = captured,
            .wire_octets = wire_octets,
            .time_ns = (int64_t)weir_capture_u32(record, big) * WEIR_NS_PER_SECOND +
                       fraction * fraction_ns,
            .link_type = link_type,
            .interface = interface,
        };
        record += need;
    }
    source->begin = (size_t)(record - source->buffer);
    *ret_count = count;
    return 0;
}

static int pcap_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                     size_t *ret_count, struct weir_diag *diag)
{
    const struct pcap_state *state = source->state;
    return state->big ? read_records(source, frames, capacity, ret_count, true, diag)
                      : read_records(source, frames, capacity, ret_count, false, diag);
}

static void pcap_stop(struct weir_source *source)
{
    free(source->state);
}

const struct weir_source_format weir_source_pcap = {
    .start = pcap_start,
    .next = pcap_next,
    .stop = pcap_stop,
};
