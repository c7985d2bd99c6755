/* SPDX-License-Identifier: Apache-2.0 */
#include "app/explain_protocol.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What the headers of all fixed formats begin with. */
#define TIMES                                                                         \
    {"version", 0, 2, WEIR_HEADER_NUMBER}, {"count", 2, 2, WEIR_HEADER_NUMBER},       \
        {"sysUpTime", 4, 4, WEIR_HEADER_UPTIME}, {"seconds", 8, 4, WEIR_HEADER_TIME}, \
    {                                                                                 \
        "nanoseconds", 12, 4, WEIR_HEADER_NUMBER                                      \
    }
/* And those that have a number. */
#define NUMBERED                                                                                  \
    TIMES, {"sequence", 16, 4, WEIR_HEADER_SEQUENCE}, {"engine type", 20, 1, WEIR_HEADER_NUMBER}, \
    {                                                                                             \
        "engine id", 21, 1, WEIR_HEADER_NUMBER                                                    \
    }

static const struct weir_header_field netflow1_fields[] = {TIMES};

static const struct weir_header_field netflow5_fields[] = {
    NUMBERED,
    {"sampling", 22, 2, WEIR_HEADER_SAMPLING},
};

static const struct weir_header_field netflow7_fields[] = {
    NUMBERED,
    {"reserved", 22, 2, WEIR_HEADER_NUMBER},
};

static const struct weir_header_field netflow8_fields[] = {
    NUMBERED,
    {"aggregation scheme", 22, 1, WEIR_HEADER_NUMBER},
    {"scheme version", 23, 1, WEIR_HEADER_NUMBER},
    {"reserved", 24, 4, WEIR_HEADER_NUMBER},
};

static const struct weir_header_field netflow9_fields[] = {
    {"version", 0, 2, WEIR_HEADER_NUMBER},     {"count", 2, 2, WEIR_HEADER_NUMBER},
    {"sysUpTime", 4, 4, WEIR_HEADER_UPTIME},   {"seconds", 8, 4, WEIR_HEADER_TIME},
    {"sequence", 12, 4, WEIR_HEADER_SEQUENCE}, {"source id", 16, 4, WEIR_HEADER_NUMBER},
};

static const struct weir_header_field ipfix_fields[] = {
    {"version", 0, 2, WEIR_HEADER_NUMBER},
    {"length", 2, 2, WEIR_HEADER_NUMBER},
    {"export time", 4, 4, WEIR_HEADER_TIME},
    {"sequence", 8, 4, WEIR_HEADER_SEQUENCE},
    {"Observation Domain", 12, 4, WEIR_HEADER_NUMBER},
};

static const struct weir_protocol_rules protocols[] = {
    {
        .title = "sFlow",
        .version = 0,
        .is_sflow = true,
        .header = "sFlow 5, sample_datagram_v5",
        .set = "sFlow 5, sample_record",
        .record = "sFlow 5, flow_record and counter_record",
    },
    {
        .title = "NetFlow v1",
        .version = 1,
        .fields = netflow1_fields,
        .field_count = COUNT_OF(netflow1_fields),
        .header = "NetFlow v1: a header of 16 octets, then count records",
        .set = "NetFlow v1: records of 48 octets, as many as count says",
        .record = "NetFlow v1: records of 48 octets",
    },
    {
        .title = "NetFlow v5",
        .version = 5,
        .fields = netflow5_fields,
        .field_count = COUNT_OF(netflow5_fields),
        .header = "NetFlow v5: a header of 24 octets, then count records",
        .set = "NetFlow v5: records of 48 octets, as many as count says",
        .record = "NetFlow v5: records of 48 octets",
    },
    {
        .title = "NetFlow v7",
        .version = 7,
        .fields = netflow7_fields,
        .field_count = COUNT_OF(netflow7_fields),
        .header = "NetFlow v7: a header of 24 octets, then count records",
        .set = "NetFlow v7: records of 52 octets, as many as count says",
        .record = "NetFlow v7: records of 52 octets",
    },
    {
        .title = "NetFlow v8",
        .version = 8,
        .fields = netflow8_fields,
        .field_count = COUNT_OF(netflow8_fields),
        .header = "NetFlow v8: a header of 28 octets with a scheme, then count records",
        .set = "NetFlow v8: as many records as count says",
        .record = "NetFlow v8: records of the scheme's size",
    },
    {
        .title = "NetFlow v9",
        .version = 9,
        .fields = netflow9_fields,
        .field_count = COUNT_OF(netflow9_fields),
        .header = "RFC 3954 section 5.1",
        .set = "RFC 3954 section 5",
        .template = "RFC 3954 section 5.2",
        .options_template = "RFC 3954 section 6.1",
        .record = "RFC 3954 section 5.3",
    },
    {
        .title = "IPFIX",
        .version = 10,
        .fields = ipfix_fields,
        .field_count = COUNT_OF(ipfix_fields),
        .header = "RFC 7011 section 3.1",
        .set = "RFC 7011 section 3.3.2",
        .template = "RFC 7011 section 3.4.1",
        .options_template = "RFC 7011 section 3.4.2.2",
        .record = "RFC 7011 section 3.4.3",
    },
};

const struct weir_protocol_rules *weir_protocol_rules_find(unsigned version)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (protocols[i].version == version)
            return &protocols[i];
    return NULL;
}
