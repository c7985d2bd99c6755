/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds export messages of any dialect in a buffer of the caller's: header, template sets, Data
 * Sets, padding to 4 octets; lengths and counts are patched at the end.
 *
 *     struct weir_encoder e;
 *     weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, capacity, &header);
 *     result = weir_encoder_template(&e, template);      // 0 or WEIR_E_FULL
 *     uint8_t *room = weir_encoder_records(&e, template, want, &got);
 *     weir_plan_encode(plan, batch, row, got, &e.context, room, NULL);
 *     size_t length = weir_encoder_end(&e);
 *
 * Pure: no I/O, no allocation. Threads: one at a time. Limits: a message of 65,532 octets; the
 * fixed formats' records per message.
 */
#ifndef WEIR_WIRE_ENCODER_H
#define WEIR_WIRE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/writer.h"
#include "record/plan.h"
#include "record/template.h"
#include "wire/message.h"

struct weir_encoder_header {
    uint32_t sequence;
    uint32_t domain; /* v5: engine type << 8 | id */
    int64_t export_time_ns;
    int64_t uptime_zero_ns; /* NetFlow: when sysUpTime was 0; a whole number of milliseconds */
    uint16_t sampling;      /* v5: mode in the top 2 bits, interval in the others */
};

struct weir_encoder {
    const struct weir_dialect *dialect;
    struct weir_writer writer;
    struct weir_plan_context context; /* times as this header gives them, for weir_plan_encode */
    size_t set_start;                 /* of the set that is open; 0: none is */
    uint32_t set_record_length;       /* of its Data Records; 0: templates */
    uint16_t set_id;
    uint16_t record_count; /* Data Records in the message */
    uint16_t template_count;
};

/*
 * Starts a message. NetFlow's sysUpTime is derived so that it and the header's time, in the
 * resolution that each has (v9: whole seconds), name the same instant; flow times then arrive
 * exact to the millisecond. A buffer too small for the header makes everything after it fail.
 */
void weir_encoder_begin(struct weir_encoder *encoder, enum weir_protocol protocol, uint8_t *buffer,
                        size_t capacity, const struct weir_encoder_header *header);

/*
 * Adds a Template, Options Template or (IPFIX) withdrawal, opening a set of its kind. 0;
 * WEIR_E_FULL; WEIR_E_UNSUPPORTED: the protocol cannot say it (any template in v5, an enterprise's
 * element or variable length in v9). The message is unchanged on failure.
 */
WEIR_CHECKED int weir_encoder_template(struct weir_encoder *encoder,
                                       const struct weir_template *source);

/*
 * Room for as many of `want` records of a fixed-length template as fit (0: NULL, and the message
 * is unchanged). The octets are the caller's to fill.
 */
uint8_t *weir_encoder_records(struct weir_encoder *encoder, const struct weir_template *source,
                              uint32_t want, uint32_t *ret_got);

/*
 * Room for one record of `length` octets, of a Template with or without fields of variable length;
 * NULL: it does not fit, and the message is unchanged.
 */
uint8_t *weir_encoder_record(struct weir_encoder *encoder, const struct weir_template *source,
                             uint32_t length);

/* Closes the last set, patches lengths and counts; returns the message's octets, 0: it failed. */
size_t weir_encoder_end(struct weir_encoder *encoder);

#endif
