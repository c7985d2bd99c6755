/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/definition.h"

#include <string.h>

#include "base/nearest.h"

#define ALL64 (~UINT64_C(0))
#define ADDRESS      \
    {                \
        ALL64, ALL64 \
    }

/* Each key by the name of its column, and its bits. */
static const struct {
    const char *name;
    enum weir_column column;
    struct weir_flow_key mask;
} keys[] = {
    {"src_addr", WEIR_COLUMN_SRC_ADDR, {.src_addr = ADDRESS}},
    {"dst_addr", WEIR_COLUMN_DST_ADDR, {.dst_addr = ADDRESS}},
    {"src_port", WEIR_COLUMN_SRC_PORT, {.src_port = UINT16_MAX}},
    {"dst_port", WEIR_COLUMN_DST_PORT, {.dst_port = UINT16_MAX}},
    {"protocol", WEIR_COLUMN_PROTOCOL, {.protocol = UINT8_MAX}},
    {"tos", WEIR_COLUMN_TOS, {.tos = UINT8_MAX}},
    {"in_if", WEIR_COLUMN_IN_IF, {.observation_point = UINT16_MAX}},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* Of ToS and interface every packet of a flow without them as keys has some value: the first's. */
#define FIRST_PACKETS_VALUE (WEIR_COLUMN_BIT(TOS) | WEIR_COLUMN_BIT(IN_IF))

struct weir_flow_definition weir_flow_definition_5_tuple(void)
{
    return (struct weir_flow_definition){.mask = {
                                             .src_addr = ADDRESS,
                                             .dst_addr = ADDRESS,
                                             .src_port = UINT16_MAX,
                                             .dst_port = UINT16_MAX,
                                             .protocol = UINT8_MAX,
                                         }};
}

struct weir_flow_definition weir_flow_definition_7_tuple(void)
{
    struct weir_flow_definition definition = weir_flow_definition_5_tuple();
    definition.mask.tos = UINT8_MAX;
    definition.mask.observation_point = UINT16_MAX;
    return definition;
}

static int no_such_key(const char *name, struct weir_diag *diag)
{
    struct weir_nearest search = weir_nearest_begin(name);
    for (size_t i = 0; i < KEY_COUNT; i++)
        weir_nearest_offer(&search, keys[i].name);
    if (strchr(name, '/'))
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': keys with prefix lengths are not supported",
                             name);
    if (search.best)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such key; did you mean '%s'?", name,
                             search.best);
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "'%s': no such key; there are src_addr, dst_addr, src_port, dst_port, "
                         "protocol, tos and in_if",
                         name);
}

static int add_key(const char *name, struct weir_flow_definition *definition, weir_column_set *have,
                   struct weir_diag *diag)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].name, name) != 0)
            continue;
        weir_column_set bit = (weir_column_set)1 << keys[i].column;
        if (*have & bit)
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s': is a key twice", name);
        *have |= bit;
        uint64_t sum[5];
        uint64_t add[5];
        memcpy(sum, &definition->mask, sizeof(sum));
        memcpy(add, &keys[i].mask, sizeof(add));
        for (unsigned word = 0; word < 5; word++)
            sum[word] |= add[word];
        memcpy(&definition->mask, sum, sizeof(sum));
        return 0;
    }
    return no_such_key(name, diag);
}

int weir_flow_definition_parse(const char *text, struct weir_flow_definition *ret_definition,
                               struct weir_diag *diag)
{
    static const char intro[] = "keys=";
    if (strncmp(text, intro, sizeof(intro) - 1) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%s': a flow definition begins with 'keys=', as in "
                             "keys=src_addr,dst_addr,src_port,dst_port,protocol",
                             text);
    struct weir_flow_definition definition = {0};
    weir_column_set have = 0;
    const char *at = text + sizeof(intro) - 1;
    for (;;) {
        char name[64];
        size_t length = strcspn(at, ", ");
        if (length >= sizeof(name))
            return weir_diag_set(diag, WEIR_E_USAGE, "'%.20s...': no such key", at);
        memcpy(name, at, length);
        name[length] = '\0';
        int result = add_key(name, &definition, &have, diag);
        if (result < 0)
            return result;
        at += length;
        if (*at != ',')
            break;
        at++;
    }
    if (*at)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%s': a flow definition has keys only; its fields are fixed", at + 1);
    *ret_definition = definition;
    return 0;
}

/* Whether all bits of `part` are in `whole`. */
static bool covers(const struct weir_flow_key *whole, const struct weir_flow_key *part)
{
    uint64_t a[5];
    uint64_t b[5];
    memcpy(a, whole, sizeof(a));
    memcpy(b, part, sizeof(b));
    for (unsigned word = 0; word < 5; word++)
        if (b[word] & ~a[word])
            return false;
    return true;
}

bool weir_flow_definition_has_connections(const struct weir_flow_definition *definition)
{
    struct weir_flow_definition connection = weir_flow_definition_5_tuple();
    return covers(&definition->mask, &connection.mask);
}

weir_column_set weir_flow_definition_absent(const struct weir_flow_definition *definition)
{
    weir_column_set absent = 0;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (!covers(&definition->mask, &keys[i].mask))
            absent |= (weir_column_set)1 << keys[i].column;
    /* dst_port holds them. */
    if (absent & (WEIR_COLUMN_BIT(PROTOCOL) | WEIR_COLUMN_BIT(DST_PORT)))
        absent |= WEIR_COLUMN_BIT(ICMP_TYPE) | WEIR_COLUMN_BIT(ICMP_CODE);
    return absent & ~FIRST_PACKETS_VALUE;
}
