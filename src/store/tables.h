/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a store beside its flows: what was lost on the way, and the counters of
 * interfaces. Each list of columns is the one from which rows, files, queries and their reference
 * are made.
 *
 *     struct weir_table_row row = weir_table_row(WEIR_TABLE_LEDGER);
 *     weir_table_set(&row, WEIR_LEDGER_MESSAGES, 17);
 *     weir_table_set_address(&row, WEIR_LEDGER_EXPORTER_HIGH, address);
 *     weir_store_writer_add(writer, &row, &diag);
 *
 * Files are as those of flows (store/schema.h), one row group or more of OPTIONAL leaves:
 *
 *     DIR/tables/NAME/date=2026-02-03/NAME-FROM-TO-ID.parquet
 *
 * partitioned by the UTC day, and named by the range, of their rows' times. A row's time is its
 * first column. All here is constant, and rows are values; any thread may call.
 */
#ifndef WEIR_STORE_TABLES_H
#define WEIR_STORE_TABLES_H

#include <stdint.h>

#include "base/address.h"
#include "store/schema.h"

enum weir_table {
    WEIR_TABLE_LEDGER,
    WEIR_TABLE_INTERFACES,
    WEIR_TABLE_COUNT,
};

/* How a column is stored: integers by their width, I64 signed; ADDRESS in two leaves. */
enum weir_table_type {
    WEIR_TABLE_U8,
    WEIR_TABLE_U16,
    WEIR_TABLE_U32,
    WEIR_TABLE_U64,
    WEIR_TABLE_I64,
    WEIR_TABLE_TIME, /* milliseconds since 1970 */
    WEIR_TABLE_ADDRESS,
    WEIR_TABLE_TYPE_COUNT,
};

/*
 * X(NAME, name, TYPE, unit, help). The counters of an interval are what was counted in it, so they
 * add up over time. Those that are signed may go down: what was lost comes late, or an exporter
 * turns out to count otherwise.
 */
#define WEIR_LEDGER_KEYS(X)                                                                     \
    X(TIME, time, TIME, "", "arrival of the last message of the interval")                      \
    X(SINCE, since, TIME, "", "arrival of its first message")                                   \
    X(EXPORTER, exporter, ADDRESS, "",                                                          \
      "address of the Exporting Process; none: nothing says, or what is of no exporter")        \
    X(DOMAIN, domain, U32, "", "Observation Domain, source id or engine; none: of no exporter") \
    X(PROTOCOL_VERSION, protocol_version, U8, "",                                               \
      "1 5 7 8 9: NetFlow; 10: IPFIX; 105: sFlow 5; none: of no exporter")                      \
    X(SAMPLING, sampling, U32, "packets",                                                       \
      "interval of all that the exporter sends, if it has one and it is known")                 \
    X(SKEW_MS, skew_ms, I64, "ms", "how far the exporter's clock is behind ours, as --stats")
#define WEIR_LEDGER_COUNTERS(X)                                                                 \
    X(MESSAGES, messages, U64, "messages", "that came, malformed ones included")                \
    X(OCTETS, octets, U64, "octets", "of these messages")                                       \
    X(RECORDS, records, U64, "records", "Flow Records")                                         \
    X(OPTIONS_RECORDS, options_records, U64, "records", "of Options Templates")                 \
    X(COUNTER_RECORDS, counter_records, U64, "records", "of interface counters, of sFlow")      \
    X(RECORDS_LOST, records_lost, I64, "records",                                               \
      "by sequence numbers; of NetFlow v9 and sFlow estimated from messages_lost")              \
    X(MESSAGES_LOST, messages_lost, I64, "messages", "by sequence numbers that count messages") \
    X(RECORDS_UNKNOWN, records_unknown, I64, "records",                                         \
      "lack next to sets without a Template: in them, or lost")                                 \
    X(RECORDS_DUPLICATE, records_duplicate, I64, "records",                                     \
      "in messages that had come before, where numbers count records")                          \
    X(MESSAGES_DUPLICATE, messages_duplicate, I64, "messages", "that had come before")          \
    X(MESSAGES_LATE, messages_late, I64, "messages", "overtaken by others; not lost")           \
    X(SEQUENCE_RESTARTS, sequence_restarts, I64, "", "new counts that exporters began")         \
    X(MESSAGES_MALFORMED, messages_malformed, U64, "messages", "that broke a rule")             \
    X(SETS_UNKNOWN_TEMPLATE, sets_unknown_template, U64, "sets",                                \
      "whose Template was not known when they came")                                            \
    X(SETS_OVERFLOWED, sets_overflowed, U64, "sets",                                            \
      "of these, dropped because too much was waiting")                                         \
    X(RECORDS_BUFFERED, records_buffered, U64, "records",                                       \
      "that waited for their Template and were decoded")                                        \
    X(RECORDS_SAMPLING_UNKNOWN, records_sampling_unknown, U64, "records",                       \
      "whose sampling interval was not known when they came")
/* Of no exporter, since nobody looked into these datagrams. */
#define WEIR_LEDGER_DATAGRAMS(X)                                                                 \
    X(DATAGRAMS_DROPPED, datagrams_dropped, U64, "datagrams", "by the kernel, for want of room") \
    X(DATAGRAMS_NOT_ALLOWED, datagrams_not_allowed, U64, "datagrams", "that --allow left out")   \
    X(DATAGRAMS_LIMITED, datagrams_limited, U64, "datagrams", "past --exporter-rate")
#define WEIR_LEDGER_COLUMNS(X) WEIR_LEDGER_KEYS(X) WEIR_LEDGER_COUNTERS(X) WEIR_LEDGER_DATAGRAMS(X)

/* sFlow's if_counters; counters are as the agent counts them, since its own beginning. */
#define WEIR_INTERFACE_COLUMNS(X)                                                            \
    X(TIME, time, TIME, "", "when the sample arrived")                                       \
    X(EXPORTER, exporter, ADDRESS, "", "address of the agent")                               \
    X(SUB_AGENT, sub_agent, U32, "", "which of the agent's")                                 \
    X(IF_INDEX, if_index, U32, "", "SNMP index of the interface")                            \
    X(IF_TYPE, if_type, U32, "", "IANAifType")                                               \
    X(SPEED, speed, U64, "bits/second", "ifSpeed")                                           \
    X(DIRECTION, direction, U32, "", "0 unknown, 1 full-duplex, 2 half-duplex, 3 in, 4 out") \
    X(STATUS, status, U32, "", "bit 0: administratively up, bit 1: operationally up")        \
    X(IN_OCTETS, in_octets, U64, "octets", "received")                                       \
    X(IN_UCAST, in_ucast, U32, "packets", "received for one")                                \
    X(IN_MULTICAST, in_multicast, U32, "packets", "received for many")                       \
    X(IN_BROADCAST, in_broadcast, U32, "packets", "received for all")                        \
    X(IN_DISCARDS, in_discards, U32, "packets", "received and dropped, though not wrong")    \
    X(IN_ERRORS, in_errors, U32, "packets", "received with errors")                          \
    X(IN_UNKNOWN_PROTOS, in_unknown_protos, U32, "packets", "received of no known protocol") \
    X(OUT_OCTETS, out_octets, U64, "octets", "sent")                                         \
    X(OUT_UCAST, out_ucast, U32, "packets", "sent to one")                                   \
    X(OUT_MULTICAST, out_multicast, U32, "packets", "sent to many")                          \
    X(OUT_BROADCAST, out_broadcast, U32, "packets", "sent to all")                           \
    X(OUT_DISCARDS, out_discards, U32, "packets", "not sent, though not wrong")              \
    X(OUT_ERRORS, out_errors, U32, "packets", "not sent for errors")                         \
    X(PROMISCUOUS, promiscuous, U32, "", "ifPromiscuousMode: 1 true, 2 false")

/* The leaves of each table: NAME, or NAME_HIGH and NAME_LOW of an address. */
#define WEIR_TABLE_LEAVES_U8(L, NAME, name)   L(NAME, name, NAME, UINT_8, WHOLE)
#define WEIR_TABLE_LEAVES_U16(L, NAME, name)  L(NAME, name, NAME, UINT_16, WHOLE)
#define WEIR_TABLE_LEAVES_U32(L, NAME, name)  L(NAME, name, NAME, UINT_32, WHOLE)
#define WEIR_TABLE_LEAVES_U64(L, NAME, name)  L(NAME, name, NAME, UINT_64, WHOLE)
#define WEIR_TABLE_LEAVES_I64(L, NAME, name)  L(NAME, name, NAME, INT_64, WHOLE)
#define WEIR_TABLE_LEAVES_TIME(L, NAME, name) L(NAME, name, NAME, TIME_MS, WHOLE)
#define WEIR_TABLE_LEAVES_ADDRESS             WEIR_LEAVES_ADDRESS

#define X(NAME, name, TYPE, unit, help)   WEIR_TABLE_LEAVES_##TYPE(L, NAME, name)
#define L(LEAF, leaf, COLUMN, TYPE, PART) WEIR_LEDGER_##LEAF,
enum weir_ledger_leaf { WEIR_LEDGER_COLUMNS(X) WEIR_LEDGER_LEAVES };
#undef L
#define L(LEAF, leaf, COLUMN, TYPE, PART) WEIR_INTERFACE_##LEAF,
enum weir_interface_leaf { WEIR_INTERFACE_COLUMNS(X) WEIR_INTERFACE_LEAVES };
#undef L
#undef X

#define WEIR_TABLE_LEAVES_MAX 32u
_Static_assert(WEIR_LEDGER_LEAVES <= WEIR_TABLE_LEAVES_MAX &&
                   WEIR_INTERFACE_LEAVES <= WEIR_TABLE_LEAVES_MAX,
               "a row has room for the leaves of every table");

struct weir_table_column {
    const char *name;
    enum weir_table_type type;
    const char *unit;
    const char *help;
};

struct weir_table_info {
    struct weir_schema schema; /* its name is the table's */
    const struct weir_table_column *columns;
    unsigned column_count;
    const char *help; /* one line */
};

const struct weir_table_info *weir_table_info(enum weir_table table);

/* 0, or WEIR_E_NOT_FOUND. */
WEIR_CHECKED int weir_table_find(const char *name, enum weir_table *ret_table);

struct weir_table_row {
    enum weir_table table;
    uint32_t present;                       /* bit 1 << leaf; what is not set is none */
    uint64_t values[WEIR_TABLE_LEAVES_MAX]; /* of signed leaves as two's complement */
};

static inline struct weir_table_row weir_table_row(enum weir_table table)
{
    return (struct weir_table_row){.table = table};
}

static inline void weir_table_set(struct weir_table_row *row, unsigned leaf, uint64_t value)
{
    row->present |= UINT32_C(1) << leaf;
    row->values[leaf] = value;
}

static inline void weir_table_set_signed(struct weir_table_row *row, unsigned leaf, int64_t value)
{
    weir_table_set(row, leaf, (uint64_t)value);
}

/* `high`: the first of the two leaves. */
static inline void weir_table_set_address(struct weir_table_row *row, unsigned high,
                                          struct weir_address address)
{
    weir_table_set(row, high, address.high);
    weir_table_set(row, high + 1, address.low);
}

#endif
