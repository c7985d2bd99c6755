/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store looks like on disk: the leaves of its files of flows and the names in its folders.
 * It is the contract between the store's writer and everything that reads, inside weir and
 * outside.
 *
 *     DIR/weir-store                                the marker: WEIR_STORE_MARKER_TEXT
 *     DIR/date=2026-02-03/hour=07/NAME.parquet      finished files, by the UTC hour of `received`
 *     DIR/tables/NAME/date=2026-02-03/NAME-....parquet   the tables beside flows (store/tables.h)
 *     DIR/.tmp/...                                  files being written; no reader looks there
 *     DIR/journal/...                               datagrams whose records are in no file yet
 *
 * A file under WEIR_STORE_GLOB is whole and never changes; it appears by a rename and goes by an
 * unlink. Its name is a catalog entry (struct weir_store_name): a query by time reads names only
 * to know which files matter.
 *
 * Every file has all leaves, in this order, each OPTIONAL: none (NULL) is what the record's
 * template lacks, never zero. A column of a batch (record/column.h) becomes
 *
 *     U8 U16 U32 U64   NAME                 UINT_8 UINT_16 UINT_32 UINT_64
 *     MAC              NAME                 UINT_64, the low 48 bits
 *     TIME             NAME, NAME_ns        TIMESTAMP(MILLIS, UTC), cut down to the millisecond,
 * and UINT_32, the nanoseconds past it (0 to 999,999) ADDRESS          NAME_high, NAME_low  UINT_64
 * each; IPv4 as ::ffff:0:0/96 TEXT             NAME                 STRING
 *
 * The file's key-value metadata has "weir.schema" = WEIR_STORE_SCHEMA_VERSION. All here is
 * constant; any thread may call.
 */
#ifndef WEIR_STORE_SCHEMA_H
#define WEIR_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/column.h"

#define WEIR_STORE_SCHEMA_VERSION "1"
#define WEIR_STORE_MARKER_NAME    "weir-store"
#define WEIR_STORE_MARKER_TEXT    "weir store, schema " WEIR_STORE_SCHEMA_VERSION "\n"
#define WEIR_STORE_TEMPORARY_NAME ".tmp"
#define WEIR_STORE_JOURNAL_NAME   "journal"
#define WEIR_STORE_TABLES_NAME    "tables"
#define WEIR_STORE_GLOB           "date=*/hour=*/*.parquet"

/* How a leaf is typed in Parquet. */
enum weir_leaf_type {
    WEIR_LEAF_UINT_8,  /* INT32, INTEGER(8, false) */
    WEIR_LEAF_UINT_16, /* INT32, INTEGER(16, false) */
    WEIR_LEAF_UINT_32, /* INT32, INTEGER(32, false) */
    WEIR_LEAF_UINT_64, /* INT64, INTEGER(64, false) */
    WEIR_LEAF_INT_64,  /* INT64, INTEGER(64, true) */
    WEIR_LEAF_TIME_MS, /* INT64, TIMESTAMP(MILLIS, isAdjustedToUTC) */
    WEIR_LEAF_STRING,  /* BYTE_ARRAY, STRING */
    WEIR_LEAF_TYPE_COUNT,
};

/* Whether integers of this type are INT64, and not INT32; and whether their order is signed. */
static inline bool weir_leaf_is_wide(enum weir_leaf_type type)
{
    return type >= WEIR_LEAF_UINT_64 && type <= WEIR_LEAF_TIME_MS;
}

static inline bool weir_leaf_is_signed(enum weir_leaf_type type)
{
    return type == WEIR_LEAF_INT_64 || type == WEIR_LEAF_TIME_MS;
}

/* Which part of its column's value a leaf holds. */
enum weir_leaf_part {
    WEIR_LEAF_WHOLE,
    WEIR_LEAF_MS,   /* of a TIME */
    WEIR_LEAF_NS,   /* of a TIME: what is past the millisecond */
    WEIR_LEAF_HIGH, /* of an ADDRESS: octets 0 to 7 */
    WEIR_LEAF_LOW,  /* of an ADDRESS: octets 8 to 15 */
};

/* L(LEAF, leaf_name, COLUMN, LEAF_TYPE, PART): the leaves of one column, by the column's type. */
#define WEIR_LEAVES_U8(L, NAME, name)  L(NAME, name, NAME, UINT_8, WHOLE)
#define WEIR_LEAVES_U16(L, NAME, name) L(NAME, name, NAME, UINT_16, WHOLE)
#define WEIR_LEAVES_U32(L, NAME, name) L(NAME, name, NAME, UINT_32, WHOLE)
#define WEIR_LEAVES_U64(L, NAME, name) L(NAME, name, NAME, UINT_64, WHOLE)
#define WEIR_LEAVES_MAC(L, NAME, name) L(NAME, name, NAME, UINT_64, WHOLE)
#define WEIR_LEAVES_TIME(L, NAME, name) \
    L(NAME, name, NAME, TIME_MS, MS) L(NAME##_NS, name##_ns, NAME, UINT_32, NS)
#define WEIR_LEAVES_ADDRESS(L, NAME, name) \
    L(NAME##_HIGH, name##_high, NAME, UINT_64, HIGH) L(NAME##_LOW, name##_low, NAME, UINT_64, LOW)
#define WEIR_LEAVES_TEXT(L, NAME, name) L(NAME, name, NAME, STRING, WHOLE)

enum weir_leaf {
#define L(LEAF, leaf, COLUMN, TYPE, PART)        WEIR_LEAF_OF_##LEAF,
#define X(NAME, name, TYPE, unit, element, help) WEIR_LEAVES_##TYPE(L, NAME, name)
    WEIR_COLUMNS(X)
#undef X
#undef L
        WEIR_LEAF_COUNT
};

struct weir_leaf_info {
    const char *name;
    unsigned column; /* of those of its schema: enum weir_column, of flows */
    enum weir_leaf_type type;
    enum weir_leaf_part part;
};

/* The leaves of a kind of file, all of them OPTIONAL. */
struct weir_schema {
    const char *name;
    const struct weir_leaf_info *leaves;
    unsigned leaf_count;
};

extern const struct weir_schema weir_flow_schema;

const struct weir_leaf_info *weir_leaf_info(enum weir_leaf leaf);

/* The first leaf of a column; TIME and ADDRESS columns have a second one after it. */
enum weir_leaf weir_leaf_of_column(enum weir_column column);

/*
 * What a file's name says: flows-START-END-ID.parquet, START and END 13 decimal digits, ID up to
 * WEIR_STORE_ID_MAX letters, digits and '-'.
 *
 * Every record of the file has its time, [start, end], within [START, END]; where one of the two
 * is none the other stands for it, and where both are, `received` does. Both are milliseconds
 * since 1970 and the whole millisecond is meant: a record that ended at END + 0.9 ms is within.
 * START 0 says "any time before END".
 */
#define WEIR_STORE_ID_MAX   63
#define WEIR_STORE_NAME_MAX 128

struct weir_store_name {
    int64_t start_ms;
    int64_t end_ms;
    char id[WEIR_STORE_ID_MAX + 1]; /* unique in the store */
    const char *table;              /* of store/tables.h, in place of "flows"; NULL: flows */
};

/*
 * Writes a file's name (no folder) and its terminator. Times outside what 13 digits hold become
 * the nearest that they do, START downwards.
 */
void weir_store_name_format(const struct weir_store_name *name, char text[WEIR_STORE_NAME_MAX]);

/*
 * Reads the name of a file of flows, or where `table` is not NULL of that table. 0, or
 * WEIR_E_NOT_FOUND for a name that is not of this form: then no time is excluded.
 */
WEIR_CHECKED int weir_store_name_parse(const char *table, const char *text,
                                       struct weir_store_name *ret_name);

/*
 * The folder of a time of arrival, "date=2026-02-03/hour=07", and its terminator; of a table
 * "tables/NAME/date=2026-02-03".
 */
#define WEIR_STORE_PARTITION_MAX 48
void weir_store_partition_format(const char *table, int64_t received_ns,
                                 char text[WEIR_STORE_PARTITION_MAX]);

#endif
