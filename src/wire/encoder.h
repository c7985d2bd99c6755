/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds export messages of any dialect in a buffer of the caller's: header, template sets, Data
 * Sets, padding; lengths and counts are patched at the end.
 *
 *     struct weir_encoder e;
 *     weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, capacity, &header);
 *     weir_encoder_template(&e, template);               // 0 or WEIR_E_FULL
 *     uint8_t *room = weir_encoder_records(&e, template, want, &got);
 *     weir_plan_encode(plan, batch, row, got, &context, room, NULL);
 *     size_t length = weir_encoder_end(&e);
 *
 * Pure: no I/O, no allocation. Threads: one at a time.
 */
#ifndef WEIR_WIRE_ENCODER_H
#define WEIR_WIRE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/writer.h"
#include "record/template.h"
#include "wire/message.h"

struct weir_encoder_header {
    uint32_t sequence;
    uint32_t domain;
    uint32_t uptime_ms; /* NetFlow */
    int64_t export_time_ns;
    uint16_t sampling; /* v5: mode in the top 2 bits, interval in the others */
};

struct weir_encoder {
    const struct weir_dialect *dialect;
    struct weir_writer writer;
    size_t set_start; /* of the set that is open; 0: none is */
    uint16_t set_id;
    uint16_t record_count; /* Data Records in the message */
    uint16_t template_count;
};

void weir_encoder_begin(struct weir_encoder *encoder, enum weir_protocol protocol, uint8_t *buffer,
                        size_t capacity, const struct weir_encoder_header *header);

/* Adds a Template or Options Template, opening a set of its kind. 0, WEIR_E_FULL (unchanged). */
WEIR_CHECKED int weir_encoder_template(struct weir_encoder *encoder,
                                       const struct weir_template *source);

/*
 * Room for as many of `want` records of a fixed-length template as fit (0: NULL, and the message
 * is unchanged). The octets are the caller's to fill.
 */
uint8_t *weir_encoder_records(struct weir_encoder *encoder, const struct weir_template *source,
                              uint32_t want, uint32_t *ret_got);

/* Closes the last set, patches lengths and counts; returns the message's octets. */
size_t weir_encoder_end(struct weir_encoder *encoder);

#endif
