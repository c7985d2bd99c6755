/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export messages as iterators: message -> set -> template or Data Set -> record -> field.
 *
 * One engine reads IPFIX (RFC 7011), NetFlow v9 (RFC 3954), the fixed formats NetFlow v1, v5, v7
 * and v8, and sFlow 5; what differs is in a small dialect each (ipfix.c, netflow9.c, netflow5.c
 * ...). A fixed-format message is one Data Set under a built-in Template; in sFlow a sample is a
 * set of its own kind, which wire/sflow.h reads. Each `next` has three outcomes:
 * an item (0), the orderly end (WEIR_E_END), or malformed (another error, diag says the rule and
 * the octet, counted from the first of the message); after malformed the iterator has ended.
 *
 *     struct weir_message message;
 *     if (weir_message_open(octets, length, &message, &diag) < 0) ...
 *     struct weir_set set;
 *     while ((result = weir_message_next(&message, &set, &diag)) == 0)
 *         ...
 *
 * Pure: no I/O, no allocation, no state but the iterators, which belong to one thread each. All
 * of them borrow the octets. Limits: WEIR_TEMPLATE_FIELDS_MAX.
 */
#ifndef WEIR_WIRE_MESSAGE_H
#define WEIR_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/reader.h"
#include "record/plan.h"
#include "record/template.h"

enum weir_protocol {
    WEIR_PROTOCOL_NETFLOW1 = 1,
    WEIR_PROTOCOL_NETFLOW5 = 5,
    WEIR_PROTOCOL_NETFLOW7 = 7,
    WEIR_PROTOCOL_NETFLOW8 = 8,
    WEIR_PROTOCOL_NETFLOW9 = 9,
    WEIR_PROTOCOL_IPFIX = 10,
    WEIR_PROTOCOL_SFLOW5 = 105, /* to be told from NetFlow v5 */
};

/* "netflow1" ... "netflow9", "ipfix", "sflow"; never NULL. */
const char *weir_protocol_text(enum weir_protocol protocol);

/* How the protocol's sequence number counts, for the loss ledger. */
enum weir_sequence_unit {
    WEIR_SEQUENCE_RECORDS,  /* IPFIX (data records), NetFlow v5, v7 and v8 (flows) */
    WEIR_SEQUENCE_MESSAGES, /* NetFlow v9, sFlow */
    WEIR_SEQUENCE_NONE,     /* NetFlow v1 has no number */
};

struct weir_dialect;

struct weir_message {
    const struct weir_dialect *dialect;
    const struct weir_template *builtin; /* of a fixed format; NULL: the peer sends its own */
    enum weir_protocol protocol;
    enum weir_sequence_unit sequence_unit;
    uint32_t sequence;
    uint32_t domain;        /* Observation Domain ID; v9: source id; v5, v7: engine type << 8 | id;
                               v8: aggregation scheme << 16 | engine type << 8 | id; v1: 0; sFlow:
                               sub-agent id */
    uint32_t uptime_ms;     /* sysUpTime; 0 for IPFIX, which has none */
    uint16_t count;         /* header's count: records (fixed formats), records and templates (v9:
                               not to be trusted, exporters differ), 0 (IPFIX) */
    uint16_t sampling;      /* v5: interval of the header (low 14 bits), 0: none */
    uint8_t sampling_mode;  /* v5: top 2 bits */
    bool is_ambiguous;      /* fields that descriptions of the format contradict each other about
                               are kept as octets: NetFlow v8 schemes 5, 9, 13, 14 */
    int64_t export_time_ns; /* 0 for sFlow, which has none */
    bool has_agent;         /* sFlow: the datagram names who sampled, and not by zeros */
    struct weir_address agent; /* its address */
    uint32_t samples_left;     /* sFlow: not read yet */
    size_t length;             /* octets of this message: more may follow in a file */
    size_t missing;            /* octets that the header claims and the input lacks */
    struct weir_reader body;   /* sets not yet read */
};

enum weir_set_kind {
    WEIR_SET_TEMPLATE,
    WEIR_SET_OPTIONS_TEMPLATE,
    WEIR_SET_DATA,
    WEIR_SET_RESERVED, /* ids below 256 that are not assigned: to be skipped and counted */
    WEIR_SET_SAMPLE,   /* of sFlow */
};

struct weir_set {
    const struct weir_dialect *dialect;
    enum weir_set_kind kind;
    uint16_t id;             /* Data Set: the Template ID; sample: the number of its format */
    uint32_t format;         /* sample: its data_format */
    struct weir_reader body; /* records not yet read, and padding */
};

/*
 * Reads the header of the message that `octets` begin with. WEIR_E_UNSUPPORTED: a version that is
 * none of ours; WEIR_E_TRUNCATED: not even the header is whole; WEIR_E_MALFORMED: a length shorter
 * than the header. A message that its header says is longer than the input can be read as far as
 * it goes: weir_message_next then reports what lacks after the last set or record that is there.
 */
WEIR_CHECKED int weir_message_open(const uint8_t *octets, size_t length,
                                   struct weir_message *ret_message, struct weir_diag *diag);

/*
 * Only what finds the message's session: protocol, domain, has_agent and agent are set, the rest is
 * not. False: weir_message_open fails. It may fail where this does not, by what else the header
 * says.
 */
bool weir_message_peek(const uint8_t *octets, size_t length, struct weir_message *ret_message);

/* Next set. Octets after the last one that are all zero are taken as padding. */
WEIR_CHECKED int weir_message_next(struct weir_message *message, struct weir_set *ret_set,
                                   struct weir_diag *diag);

/*
 * What the message says of its records, for weir_plan_decode: domain, protocol, export time,
 * sysUpTime, the header's sampling interval. Exporter, arrival and template are the caller's.
 */
struct weir_plan_context weir_message_context(const struct weir_message *message);

/* The Template of a fixed format; NULL for protocols that send theirs, and for v8, where it is the
 * message's. Constant. */
const struct weir_template *weir_message_builtin_template(enum weir_protocol protocol);

/* The ids of built-in Templates: the protocol's number; v8: 80 and the aggregation scheme;
 * sFlow's, which collect/ makes: 105 and 106. */
#define WEIR_BUILTIN_IDS 128u

/*
 * Next Template or Options Template of a set of that kind, in `buffer` of `capacity` octets
 * (WEIR_TEMPLATE_OCTETS_MAX always suffices). IPFIX: also withdrawals. NetFlow v9 knows none, but
 * exporters do send templates without fields; records of those have no octets. WEIR_E_LIMIT: more
 * fields than WEIR_TEMPLATE_FIELDS_MAX or than fit in the buffer.
 */
#define WEIR_TEMPLATE_FIELDS_MAX 1024u
#define WEIR_TEMPLATE_OCTETS_MAX \
    (sizeof(struct weir_template) + WEIR_TEMPLATE_FIELDS_MAX * sizeof(struct weir_field))
WEIR_CHECKED int weir_set_next_template(struct weir_set *set, struct weir_template *buffer,
                                        size_t capacity, struct weir_diag *diag);

/* One field's octets inside a record. */
struct weir_value {
    const struct weir_field *field;
    const uint8_t *octets;
    size_t length; /* as sent: the actual length of a variable one */
};

struct weir_record {
    const struct weir_template *template;
    struct weir_reader octets; /* what of the record weir_record_next has not read yet */
    uint16_t next_field;
};

/*
 * Next record of a Data Set under its template. What is shorter than the smallest record is
 * padding (RFC 7011 section 3.3.1). Malformed: a variable length that passes the end of the set;
 * a template of no octets.
 */
WEIR_CHECKED int weir_set_next_record(struct weir_set *set, const struct weir_template *source,
                                      struct weir_record *ret_record, struct weir_diag *diag);
WEIR_CHECKED int weir_record_next(struct weir_record *record, struct weir_value *ret_value,
                                  struct weir_diag *diag);

#endif
