/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static const struct weir_leaf_info leaves[WEIR_LEAF_COUNT] = {
#define L(LEAF, leaf, COLUMN, TYPE, PART) \
    [WEIR_LEAF_OF_##LEAF] = {#leaf, WEIR_COLUMN_##COLUMN, WEIR_LEAF_##TYPE, WEIR_LEAF_##PART},
#define X(NAME, name, TYPE, unit, element, help) WEIR_LEAVES_##TYPE(L, NAME, name)
    WEIR_COLUMNS(X)
#undef X
#undef L
};

const struct weir_schema weir_flow_schema = {"flows", leaves, WEIR_LEAF_COUNT};

const struct weir_leaf_info *weir_leaf_info(enum weir_leaf leaf)
{
    return &leaves[leaf];
}

enum weir_leaf weir_leaf_of_column(enum weir_column column)
{
    unsigned leaf = 0;
    while (leaves[leaf].column != column)
        leaf++;
    return (enum weir_leaf)leaf;
}

#define NAME_SUFFIX ".parquet"
#define TIME_DIGITS 13
#define TIME_MAX_MS INT64_C(9999999999999)

static int64_t clamp_ms(int64_t ms)
{
    if (ms < 0)
        return 0;
    return ms > TIME_MAX_MS ? TIME_MAX_MS : ms;
}

void weir_store_name_format(const struct weir_store_name *name, char text[WEIR_STORE_NAME_MAX])
{
    snprintf(text, WEIR_STORE_NAME_MAX, "%s-%013lld-%013lld-%s" NAME_SUFFIX,
             name->table ? name->table : weir_flow_schema.name, (long long)clamp_ms(name->start_ms),
             (long long)clamp_ms(name->end_ms), name->id);
}

/* Reads TIME_DIGITS digits and the '-' after them; returns what follows, or NULL. */
static const char *parse_time(const char *text, int64_t *ret_ms)
{
    int64_t ms = 0;
    for (unsigned i = 0; i < TIME_DIGITS; i++, text++) {
        if (*text < '0' || *text > '9')
            return NULL;
        ms = ms * 10 + (*text - '0');
    }
    *ret_ms = ms;
    return *text == '-' ? text + 1 : NULL;
}

int weir_store_name_parse(const char *table, const char *text, struct weir_store_name *ret_name)
{
    struct weir_store_name name = {.table = table};
    const char *prefix = table ? table : weir_flow_schema.name;
    size_t prefix_length = strlen(prefix);
    if (strncmp(text, prefix, prefix_length) != 0 || text[prefix_length] != '-')
        return WEIR_E_NOT_FOUND;
    text = parse_time(text + prefix_length + 1, &name.start_ms);
    if (text)
        text = parse_time(text, &name.end_ms);
    if (!text)
        return WEIR_E_NOT_FOUND;

    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    if (length == 0 || length > WEIR_STORE_ID_MAX || strcmp(text + length, NAME_SUFFIX) != 0)
        return WEIR_E_NOT_FOUND;
    memcpy(name.id, text, length);
    name.id[length] = 0;
    *ret_name = name;
    return 0;
}

void weir_store_partition_format(const char *table, int64_t received_ns,
                                 char text[WEIR_STORE_PARTITION_MAX])
{
    char folder[WEIR_STORE_PARTITION_MAX];
    time_t seconds = received_ns / WEIR_NS_PER_SECOND - (received_ns % WEIR_NS_PER_SECOND < 0);
    struct tm utc;
    /* int64_t nanoseconds end in the year 2262, so gmtime_r cannot fail. */
    gmtime_r(&seconds, &utc);
    strftime(folder, sizeof(folder), table ? "date=%Y-%m-%d" : "date=%Y-%m-%d/hour=%H", &utc);
    if (table)
        snprintf(text, WEIR_STORE_PARTITION_MAX, WEIR_STORE_TABLES_NAME "/%s/%.16s", table, folder);
    else
        memcpy(text, folder, sizeof(folder));
}
