/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tables.h"

#include <string.h>

#define X(NAME, name, TYPE, unit, help) {#name, WEIR_TABLE_##TYPE, unit, help},
static const struct weir_table_column ledger_columns[] = {WEIR_LEDGER_COLUMNS(X)};
static const struct weir_table_column interface_columns[] = {WEIR_INTERFACE_COLUMNS(X)};
#undef X

/* Of an address two leaves have the number of its column. */
#define X(NAME, name, TYPE, unit, help) LEDGER_COLUMN_##NAME,
enum { WEIR_LEDGER_COLUMNS(X) LEDGER_COLUMN_COUNT };
#undef X
#define X(NAME, name, TYPE, unit, help) INTERFACE_COLUMN_##NAME,
enum { WEIR_INTERFACE_COLUMNS(X) INTERFACE_COLUMN_COUNT };
#undef X

#define X(NAME, name, TYPE, unit, help) WEIR_TABLE_LEAVES_##TYPE(L, NAME, name)
#define L(LEAF, leaf, COLUMN, TYPE, PART) \
    {#leaf, LEDGER_COLUMN_##COLUMN, WEIR_LEAF_##TYPE, WEIR_LEAF_##PART},
static const struct weir_leaf_info ledger_leaves[] = {WEIR_LEDGER_COLUMNS(X)};
#undef L
#define L(LEAF, leaf, COLUMN, TYPE, PART) \
    {#leaf, INTERFACE_COLUMN_##COLUMN, WEIR_LEAF_##TYPE, WEIR_LEAF_##PART},
static const struct weir_leaf_info interface_leaves[] = {WEIR_INTERFACE_COLUMNS(X)};
#undef L
#undef X

static const struct weir_table_info tables[WEIR_TABLE_COUNT] = {
    [WEIR_TABLE_LEDGER] = {{"ledger", ledger_leaves, WEIR_LEDGER_LEAVES},
                           ledger_columns,
                           LEDGER_COLUMN_COUNT,
                           "what came and what was lost, by exporter and Observation Domain"},
    [WEIR_TABLE_INTERFACES] = {{"interfaces", interface_leaves, WEIR_INTERFACE_LEAVES},
                               interface_columns,
                               INTERFACE_COLUMN_COUNT,
                               "counters of interfaces, from sFlow's counter samples"},
};

const struct weir_table_info *weir_table_info(enum weir_table table)
{
    return &tables[table];
}

int weir_table_find(const char *name, enum weir_table *ret_table)
{
    for (unsigned i = 0; i < WEIR_TABLE_COUNT; i++)
        if (strcmp(tables[i].schema.name, name) == 0) {
            *ret_table = (enum weir_table)i;
            return 0;
        }
    return WEIR_E_NOT_FOUND;
}
