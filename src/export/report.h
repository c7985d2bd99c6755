/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: what a Metering or an Exporting Process says of itself in options data (RFC 7011
 * section 3.4.2.2 and 4, RFC 5476 section 6.5), as tables. A report is an Options Template, each of
 * whose fields names the member of a struct of values that it is read from, and a function that
 * gives these values, one struct a record.
 *
 *     static const struct weir_report_field fields[] = {
 *         WEIR_REPORT_DOMAIN,                                          // the scope
 *         WEIR_REPORT_NUMBER(0, 164, 8, struct process, ignored),
 *     };
 *     struct weir_report report = {
 *         .fields = fields, .field_count = 2, .scope_count = 1,
 *         .netflow9_scope = WEIR_SCOPE_SYSTEM, .is_statistics = true,
 *         .values = values_of, .context = process,
 *     };
 *
 * NetFlow v9 has scopes of its own (RFC 3954 section 6.1): the first field of the scope becomes
 * that one, the others are plain fields. It has neither elements of enterprises, which are left
 * out, nor texts of any length, which get WEIR_REPORT_TEXT_OCTETS.
 *
 * Open values; fields and what values point to are borrowed. Threads: those of the exporter. Limits
 * below.
 */
#ifndef WEIR_EXPORT_REPORT_H
#define WEIR_EXPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/template.h"
#include "wire/message.h"

/* A record fits into the smallest message that exporters make. */
#define WEIR_REPORT_FIELDS_MAX  32u
#define WEIR_REPORT_OCTETS_MAX  400u
#define WEIR_REPORT_TEXT_OCTETS 32u /* of a text in NetFlow v9 */
#define WEIR_REPORT_TEXT_MAX    64u /* longer ones are cut */
#define WEIR_REPORT_DELTAS_MAX  3u  /* fields of a report */

enum weir_report_kind {
    WEIR_REPORT_KIND_NUMBER, /* uint64_t; the greatest that fits in place of greater ones */
    WEIR_REPORT_KIND_DELTA,  /* uint64_t that grows; sent is by how much since the last record */
    WEIR_REPORT_KIND_TIME,   /* int64_t, nanoseconds since 1970, sent in milliseconds; 0: none */
    WEIR_REPORT_KIND_REAL,   /* double, as float64 */
    WEIR_REPORT_KIND_TEXT,   /* const char * */
    WEIR_REPORT_KIND_DOMAIN, /* the exporter's Observation Domain, without a value */
};

/* NetFlow v9's scopes. */
enum weir_report_scope {
    WEIR_SCOPE_NONE, /* NetFlow v9 does not get the report */
    WEIR_SCOPE_SYSTEM = 1,
    WEIR_SCOPE_INTERFACE = 2,
    WEIR_SCOPE_CACHE = 4,
    WEIR_SCOPE_TEMPLATE = 5,
};

struct weir_report_field {
    struct weir_field field; /* as in IPFIX */
    uint16_t offset;         /* of the value in the struct */
    uint8_t kind;            /* enum weir_report_kind */
};

#define WEIR_REPORT_FIELD(pen, id, octets, kind_, type, member)                   \
    {                                                                             \
        {(pen), (id), (octets)}, offsetof(type, member), WEIR_REPORT_KIND_##kind_ \
    }
/* observationDomainId */
#define WEIR_REPORT_DOMAIN                      \
    {                                           \
        {0, 149, 4}, 0, WEIR_REPORT_KIND_DOMAIN \
    }
#define WEIR_REPORT_NUMBER(pen, id, octets, type, member) \
    WEIR_REPORT_FIELD(pen, id, octets, NUMBER, type, member)
#define WEIR_REPORT_DELTA(pen, id, octets, type, member) \
    WEIR_REPORT_FIELD(pen, id, octets, DELTA, type, member)
#define WEIR_REPORT_TIME(id, type, member)      WEIR_REPORT_FIELD(0, id, 8, TIME, type, member)
#define WEIR_REPORT_REAL(pen, id, type, member) WEIR_REPORT_FIELD(pen, id, 8, REAL, type, member)
#define WEIR_REPORT_TEXT(pen, id, type, member) \
    WEIR_REPORT_FIELD(pen, id, WEIR_LENGTH_VARIABLE, TEXT, type, member)

struct weir_report {
    const struct weir_report_field *fields; /* the scope first */
    uint8_t field_count;
    uint8_t scope_count;
    uint8_t netflow9_scope; /* enum weir_report_scope */
    bool is_netflow9_only;  /* IPFIX says it otherwise */
    bool is_statistics;     /* sent again and again, and at the end; else as often as Templates */
    /*
     * The values of record `index`, from 0; NULL: there are no more. Where there are deltas there
     * is one record.
     */
    const void *(*values)(void *context, uint32_t index);
    void *context;
};

/* Flow Records that were left out before they came to the exporter, and what they count. */
struct weir_report_left_out {
    uint64_t records, packets, octets;
    int64_t first_ns, last_ns; /* when */
};

/* Reports that belong together. */
struct weir_report_source {
    const struct weir_report *reports; /* copied by the exporter */
    size_t count;
    /*
     * Before a round of reports: makes values right as of now. False: they cannot be had now, and
     * the statistics of this source are not sent. NULL: they always are.
     */
    bool (*refresh)(void *context, bool is_end);
    void *context;
    uint32_t metering_process_id; /* of whose Flow Records are exported; 0: nobody says */
    const struct weir_report_left_out *left_out; /* of them, as of the last refresh; NULL: none */
};

/* Whether the protocol has such reports. */
bool weir_report_is_carried(const struct weir_report *report, enum weir_protocol protocol);

/* The Options Template of a report that is carried, the caller's to free; NULL without memory. */
struct weir_template *weir_report_template(const struct weir_report *report,
                                           enum weir_protocol protocol, uint16_t template_id);

/*
 * Writes one record, at most WEIR_REPORT_OCTETS_MAX octets; returns how many they are. Deltas are
 * from the values in `previous`, in the order of their fields, which become those of now.
 */
size_t weir_report_encode(const struct weir_report *report, enum weir_protocol protocol,
                          uint32_t domain, const void *values,
                          uint64_t previous[WEIR_REPORT_DELTAS_MAX],
                          uint8_t octets[WEIR_REPORT_OCTETS_MAX]);

#endif
