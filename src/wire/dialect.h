/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one export protocol adds to the common engine: constants and a few operations. Private to
 * wire/. A new protocol is a file with one of these, an entry in dialect.c and one in
 * enum weir_protocol.
 */
#ifndef WEIR_WIRE_DIALECT_H
#define WEIR_WIRE_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/reader.h"
#include "base/writer.h"
#include "ie/element.h"
#include "record/template.h"
#include "wire/encoder.h"
#include "wire/message.h"

#define WEIR_SET_HEADER_OCTETS 4u
#define WEIR_FIRST_DATA_SET_ID 256u

struct weir_dialect {
    const char *name;            /* as URLs and JSON say it */
    const char *title;           /* as people do */
    enum weir_protocol protocol; /* NetFlow and IPFIX: the version in the first two octets */
    enum weir_sequence_unit sequence_unit;
    uint16_t header_octets;
    /* Where the header has its Observation Domain, and in how many octets; 0: not in one place. */
    uint8_t domain_at;
    uint8_t domain_octets;

    /* Fixed formats have a Template (v8: many, see read_header); to be written, at most so many
     * records a message. */
    const struct weir_template *builtin;
    uint16_t records_max;

    /* The others have sets. */
    uint16_t template_set_id;
    uint16_t options_set_id;

    /*
     * Reads the header after the version, of which header_octets are known to be there, and sets
     * message->length to what the header says (0: it does not) and may set message->builtin.
     */
    int (*read_header)(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag);
    /* NULL: sets or a fixed format. As weir_message_next. */
    int (*next_set)(struct weir_message *message, struct weir_set *ret_set, struct weir_diag *diag);
    /* NULL: weir does not write this protocol. */
    void (*write_header)(struct weir_encoder *encoder, const struct weir_encoder_header *header);
    /* Puts lengths and counts into a header that is there. */
    void (*patch_header)(struct weir_encoder *encoder);

    /*
     * Reads a template's header: id, field_count, scope_count of `source`, whose is_options is
     * set. Octets that lack fail the reader, which the engine reports.
     */
    int (*read_template)(struct weir_reader *reader, struct weir_template *source,
                         struct weir_diag *diag);
    struct weir_field (*read_field)(struct weir_reader *reader, bool is_scope);
    void (*write_template)(struct weir_writer *writer, const struct weir_template *source);
    void (*write_field)(struct weir_writer *writer, const struct weir_field *field);
    bool (*can_write)(const struct weir_template *source);
};

extern const struct weir_dialect weir_dialect_ipfix;
extern const struct weir_dialect weir_dialect_netflow9;
extern const struct weir_dialect weir_dialect_netflow1;
extern const struct weir_dialect weir_dialect_netflow5;
extern const struct weir_dialect weir_dialect_netflow7;
extern const struct weir_dialect weir_dialect_netflow8;
extern const struct weir_dialect weir_dialect_sflow5;

/* Fields of a built-in Template, which are as many as are written down. */
#define WEIR_BUILTIN_FIELDS(...)                                                           \
    .field_count = sizeof((struct weir_field[]){__VA_ARGS__}) / sizeof(struct weir_field), \
    .fields = {__VA_ARGS__}

/* What the headers of all fixed formats begin with, to the millisecond, as sysUpTime is. */
void weir_dialect_read_times(struct weir_reader *reader, struct weir_message *message);
void weir_dialect_write_times(struct weir_encoder *encoder, uint16_t version,
                              const struct weir_encoder_header *header);

/* The dialect of this number, or NULL. */
const struct weir_dialect *weir_dialect_find(unsigned protocol);

#endif
