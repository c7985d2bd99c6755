/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/definition.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/quantity.h"
#include "dissect/application.h"
#include "meter/feature_state.h"
#include "meter/property.h"

#define ADDRESS_BITS 128u
#define V4_BITS      32u
#define V4_BEFORE    (ADDRESS_BITS - V4_BITS) /* of ::ffff:0:0/96 */

/* One item of a list, while it is read. */
struct item {
    const char *text;
    size_t length; /* of all of it */
    size_t name;   /* octets of the name */
    const struct weir_flow_property *property;
};

static int fail(const struct item *item, struct weir_diag *diag, const char *what)
{
    return weir_diag_set(diag, WEIR_E_USAGE, "'%.*s': %s",
                         (int)(item->length < 64 ? item->length : 64), item->text, what);
}

static bool is_allowed(const struct weir_flow_property *property, bool as_key)
{
    return as_key ? property->key_octets > 0 : property->is_field;
}

static int no_such(const struct item *item, bool as_key, struct weir_diag *diag)
{
    const char *kind = as_key ? "key" : "field";
    char name[WEIR_NEAREST_MAX + 1] = "";
    if (item->name < sizeof(name))
        memcpy(name, item->text, item->name);
    struct weir_nearest search = weir_nearest_begin(name);
    for (size_t i = 0; i < weir_flow_property_count; i++)
        if (is_allowed(&weir_flow_properties[i], as_key))
            weir_nearest_offer(&search, weir_flow_properties[i].name);
    for (unsigned group = 1; group < WEIR_FLOW_GROUP_COUNT && !as_key; group++)
        weir_nearest_offer(&search, weir_flow_group_names[group]);
    if (search.best)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such %s; did you mean '%s'?", name, kind,
                             search.best);
    return weir_diag_set(diag, WEIR_E_USAGE, "'%.*s': no such %s; weir meter --fields lists them",
                         (int)(item->name < 64 ? item->name : 64), item->text, kind);
}

static struct weir_address prefix_mask(unsigned bits)
{
    return (struct weir_address){
        .high = bits == 0    ? 0
                : bits >= 64 ? UINT64_MAX
                             : UINT64_MAX << (64 - bits),
        .low = bits <= 64 ? 0 : UINT64_MAX << (ADDRESS_BITS - bits),
    };
}

/* "/BITS" or "/BITS/BITS6"; nothing for all. */
static int read_prefix(const struct item *item, uint8_t bits[WEIR_FAMILY_COUNT],
                       struct weir_diag *diag)
{
    static const char wrong[] = "a prefix length is 0 to 128, and before a second one 0 to 32, as "
                                "in src_addr/24 or src_addr/24/48";
    bits[WEIR_FAMILY_V4] = V4_BITS;
    bits[WEIR_FAMILY_V6] = ADDRESS_BITS;
    const char *at = item->text + item->name;
    const char *end = item->text + item->length;
    if (at == end)
        return 0;
    unsigned count = 0;
    while (at < end && *at == '/' && count < WEIR_FAMILY_COUNT) {
        unsigned value = 0, digits = 0;
        for (at++; at < end && *at >= '0' && *at <= '9' && digits < 4; at++, digits++)
            value = value * 10 + (unsigned)(*at - '0');
        if (digits == 0 || value > ADDRESS_BITS)
            return fail(item, diag, wrong);
        bits[count++] = (uint8_t)value;
    }
    if (at < end || (count == 2 && bits[WEIR_FAMILY_V4] > V4_BITS))
        return fail(item, diag, wrong);
    if (count == 1)
        bits[WEIR_FAMILY_V6] = bits[WEIR_FAMILY_V4];
    if (bits[WEIR_FAMILY_V4] > V4_BITS)
        bits[WEIR_FAMILY_V4] = V4_BITS;
    return 0;
}

/* "/BITS" or "&MASK" of a number of key_bits bits; nothing for all. */
static int read_mask(const struct item *item, uint64_t *ret_mask, struct weir_diag *diag)
{
    unsigned bits = item->property->key_bits;
    const uint64_t all = UINT64_MAX >> (64 - bits);
    size_t length = item->length - item->name;
    char text[32];
    uint64_t value;
    if (length == 0) {
        *ret_mask = all;
        return 0;
    }
    const char *sign = item->text + item->name;
    if (length >= sizeof(text))
        return fail(item, diag, "this is no mask");
    memcpy(text, sign + 1, length - 1);
    text[length - 1] = '\0';
    bool is_mask = *sign == '&';
    if (weir_size_parse(text, &value) < 0 || value == 0 || value > (is_mask ? all : bits))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%.*s': it has %u bits: /1 to /%u, or &1 to &0x%llx",
                             (int)item->length, item->text, bits, bits, (unsigned long long)all);
    *ret_mask = is_mask ? value : all & all << (bits - value);
    return 0;
}

/* Adds bits to a mask of the key; false where it has some of the property's already. */
static bool add_bits(uint8_t *to, const void *bits, size_t octets)
{
    bool had = false;
    const uint8_t *from = bits;
    for (size_t i = 0; i < octets; i++) {
        had |= to[i] != 0;
        to[i] |= from[i];
    }
    return !had;
}

static int add_address_key(const struct item *item, struct weir_flow_definition *definition,
                           struct weir_diag *diag)
{
    bool is_src = item->property->column == WEIR_COLUMN_SRC_ADDR;
    uint8_t *bits = is_src ? definition->src_bits : definition->dst_bits;
    int result = read_prefix(item, bits, diag);
    if (result < 0)
        return result;
    for (unsigned family = 0; family < WEIR_FAMILY_COUNT; family++) {
        struct weir_flow_key *mask = &definition->mask[family];
        struct weir_address *to = is_src ? &mask->src_addr : &mask->dst_addr;
        *to = prefix_mask(bits[family] + (family == WEIR_FAMILY_V4 ? V4_BEFORE : 0));
    }
    return 0;
}

static int add_number_key(const struct item *item, struct weir_flow_definition *definition,
                          struct weir_diag *diag)
{
    const struct weir_flow_property *property = item->property;
    uint64_t mask = 0;
    if (property->is_whole && item->length > item->name)
        return fail(item, diag, "this key has no mask");
    int result = read_mask(item, &mask, diag);
    if (result < 0)
        return result;
    mask <<= property->key_shift;
    const uint8_t one = (uint8_t)mask;
    const uint16_t two = (uint16_t)mask;
    const uint32_t four = (uint32_t)mask;
    const void *bits = property->key_octets == sizeof(one)    ? (const void *)&one
                       : property->key_octets == sizeof(two)  ? (const void *)&two
                       : property->key_octets == sizeof(four) ? (const void *)&four
                                                              : (const void *)&mask;
    size_t offset = property->key_offset;
    bool fresh = true;
    if (offset >= sizeof(struct weir_flow_key)) {
        offset -= sizeof(struct weir_flow_key);
        definition->has_more = true;
        definition->more_mask.has |= property->key_has;
        fresh = add_bits((uint8_t *)&definition->more_mask + offset, bits, property->key_octets);
    } else {
        for (unsigned family = 0; family < WEIR_FAMILY_COUNT; family++)
            fresh &=
                add_bits((uint8_t *)&definition->mask[family] + offset, bits, property->key_octets);
    }
    return fresh ? 0 : fail(item, diag, "these bits are a key twice");
}

static unsigned find_extra(const struct weir_flow_definition *definition, size_t index)
{
    unsigned i = 0;
    while (i < definition->extra_count && definition->extras[i] != index)
        i++;
    return i;
}

static bool has_extra(const struct weir_flow_definition *definition, size_t index)
{
    return find_extra(definition, index) < definition->extra_count;
}

static void set_grouped(struct weir_flow_definition *definition, unsigned place, bool is_grouped)
{
    uint64_t bit = UINT64_C(1) << place % 64;
    uint64_t *word = &definition->grouped.words[place / 64];
    *word = is_grouped ? *word | bit : *word & ~bit;
}

/* Keys stand before fields, whenever they are added. */
static void move_to_keys(struct weir_flow_definition *definition, size_t index)
{
    unsigned place = find_extra(definition, index);
    for (; place > definition->key_extra_count; place--) {
        definition->extras[place] = definition->extras[place - 1];
        set_grouped(definition, place, weir_extra_lacks(&definition->grouped, place - 1));
    }
    definition->extras[place] = (uint8_t)index;
    set_grouped(definition, place, false);
    definition->key_extra_count++;
}

/* The column or the element that shows the property. */
static int add_shown(const struct item *item, weir_column_set *columns,
                     struct weir_flow_definition *definition, struct weir_diag *diag)
{
    const struct weir_flow_property *property = item->property;
    if (property->column != WEIR_COLUMN_COUNT) {
        *columns |= (weir_column_set)1 << property->column;
        return 0;
    }
    size_t index = (size_t)(property - weir_flow_properties);
    if (has_extra(definition, index)) {
        set_grouped(definition, find_extra(definition, index), false);
        return 0;
    }
    if (property->feature == WEIR_FEATURE_APPLICATION && !weir_applications_are_known())
        return fail(item, diag,
                    "nDPI tells applications, and this weir was built without it "
                    "(Debian package libndpi-dev)");
    if (definition->extra_count == WEIR_EXTRA_FIELDS_MAX)
        return fail(item, diag, "records have no room for so many fields");
    definition->extras[definition->extra_count++] = (uint8_t)index;
    return 0;
}

static bool has_key(const struct item *item, const struct weir_flow_definition *definition)
{
    const struct weir_flow_property *property = item->property;
    return property->column == WEIR_COLUMN_COUNT
               ? find_extra(definition, (size_t)(property - weir_flow_properties)) <
                     definition->key_extra_count
               : definition->keys >> property->column & 1;
}

/* splt:N, of how many packets; they are the same for all of its fields. */
static int read_packets(const struct item *item, struct weir_flow_definition *definition,
                        struct weir_diag *diag)
{
    uint64_t packets = WEIR_SPLT_PACKETS;
    size_t length = item->length - item->name;
    char text[8] = "";
    if (length > 0) {
        if (item->text[item->name] != ':' || length - 1 >= sizeof(text))
            return fail(item, diag, "write splt:N, N packets");
        memcpy(text, item->text + item->name + 1, length - 1);
        if (weir_size_parse(text, &packets) < 0 || packets < 1 || packets > WEIR_SPLT_PACKETS_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE, "'%.*s': it tells of 1 to %u packets",
                                 (int)(item->length < 64 ? item->length : 64), item->text,
                                 WEIR_SPLT_PACKETS_MAX);
    }
    if (length > 0 || definition->splt_packets == 0)
        definition->splt_packets = (uint8_t)packets;
    return 0;
}

/* The fields that a group names. */
static int add_group(const struct item *item, enum weir_flow_group group,
                     struct weir_flow_definition *definition, struct weir_diag *diag)
{
    int result = 0;
    if (group == WEIR_FLOW_GROUP_SPLT)
        result = read_packets(item, definition, diag);
    else if (item->length != item->name)
        return fail(item, diag, "only keys have masks");
    for (size_t i = 0; i < weir_flow_property_count && result == 0; i++) {
        struct item one = *item;
        one.property = &weir_flow_properties[i];
        if (one.property->group != group || has_extra(definition, i))
            continue;
        result = add_shown(&one, &definition->fields, definition, diag);
        if (result == 0)
            set_grouped(definition, definition->extra_count - 1u, true);
    }
    return result;
}

static enum weir_flow_group find_group(const struct item *item)
{
    for (unsigned group = 1; group < WEIR_FLOW_GROUP_COUNT; group++)
        if (strlen(weir_flow_group_names[group]) == item->name &&
            memcmp(weir_flow_group_names[group], item->text, item->name) == 0)
            return (enum weir_flow_group)group;
    return WEIR_FLOW_GROUP_NONE;
}

static int add_key(const struct item *item, struct weir_flow_definition *definition,
                   struct weir_diag *diag)
{
    const struct weir_flow_property *property = item->property;
    if (has_key(item, definition))
        return fail(item, diag, "is a key twice");
    int result = property->key_octets == sizeof(struct weir_address)
                     ? add_address_key(item, definition, diag)
                     : add_number_key(item, definition, diag);
    if (result == 0)
        result = add_shown(item, &definition->keys, definition, diag);
    if (result == 0 && property->column == WEIR_COLUMN_COUNT)
        move_to_keys(definition, (size_t)(property - weir_flow_properties));
    return result;
}

static int add_field(const struct item *item, struct weir_flow_definition *definition,
                     struct weir_diag *diag)
{
    if (item->property->feature == WEIR_FEATURE_SPLT) {
        int result = read_packets(item, definition, diag);
        if (result < 0)
            return result;
    } else if (item->length != item->name) {
        return fail(item, diag, "only keys have masks");
    }
    return add_shown(item, &definition->fields, definition, diag);
}

/* Reads NAME,NAME... up to a space or the end, which *ret_rest is then at. */
static int read_list(const char *at, bool as_key, struct weir_flow_definition *definition,
                     const char **ret_rest, struct weir_diag *diag)
{
    for (;; at++) {
        struct item item = {.text = at, .length = strcspn(at, ", "), .name = strcspn(at, ",/&: ")};
        enum weir_flow_group group = as_key ? WEIR_FLOW_GROUP_NONE : find_group(&item);
        item.property = weir_flow_property_find(at, item.name);
        if (!group && (!item.property || !is_allowed(item.property, as_key)))
            return no_such(&item, as_key, diag);
        int result = group    ? add_group(&item, group, definition, diag)
                     : as_key ? add_key(&item, definition, diag)
                              : add_field(&item, definition, diag);
        if (result < 0)
            return result;
        at += item.length;
        if (*at != ',')
            break;
    }
    *ret_rest = at + strspn(at, " ");
    return 0;
}

/* What is of a TCP connection flows have only that are one. */
static int check_connection(const struct weir_flow_definition *definition, struct weir_diag *diag)
{
    if (weir_flow_definition_has_connections(definition))
        return 0;
    for (unsigned i = 0; i < definition->extra_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[definition->extras[i]];
        if (property->needs_connection)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "'%s' is of one connection: all of addresses, ports and protocol "
                                 "are keys then, and length and frame_length are none",
                                 property->name);
    }
    return 0;
}

int weir_flow_definition_parse(const char *text, struct weir_flow_definition *ret_definition,
                               struct weir_diag *diag)
{
    static const char keys[] = "keys=", fields[] = "fields=";
    struct weir_flow_definition definition = {0};
    if (strlen(text) > WEIR_FLOW_DEFINITION_TEXT_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "a flow definition has at most %u letters",
                             WEIR_FLOW_DEFINITION_TEXT_MAX);
    const char *at = text + strspn(text, " ");
    if (strncmp(at, keys, sizeof(keys) - 1) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%s': a flow definition begins with 'keys=', as in "
                             "keys=src_addr/24,dst_port fields=packets,bytes",
                             text);
    int result = read_list(at + sizeof(keys) - 1, true, &definition, &at, diag);
    if (result == 0 && strncmp(at, fields, sizeof(fields) - 1) == 0) {
        definition.has_fields = true;
        result = read_list(at + sizeof(fields) - 1, false, &definition, &at, diag);
    }
    if (result < 0)
        return result;
    if (*at)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%s': after the keys a flow definition has 'fields=' or nothing", at);
    result = check_connection(&definition, diag);
    if (result == 0)
        *ret_definition = definition;
    return result;
}

/* Names without masks, of keys that it has not got, or of fields. */
static int add_names(struct weir_flow_definition *definition, const char *names, bool as_key,
                     struct weir_diag *diag)
{
    int result = 0;
    for (const char *at = names; *at && result == 0; at += *at == ',') {
        size_t length = strcspn(at, ",");
        struct item item = {.text = at, .length = length, .name = length};
        item.property = weir_flow_property_find(at, length);
        if (!item.property || !is_allowed(item.property, as_key))
            return no_such(&item, as_key, diag);
        if (!as_key)
            result = add_field(&item, definition, diag);
        else if (!has_key(&item, definition))
            result = add_key(&item, definition, diag);
        at += length;
    }
    return result;
}

int weir_flow_definition_add_keys(struct weir_flow_definition *definition, const char *names,
                                  struct weir_diag *diag)
{
    return add_names(definition, names, true, diag);
}

int weir_flow_definition_add_fields(struct weir_flow_definition *definition, const char *names,
                                    struct weir_diag *diag)
{
    return add_names(definition, names, false, diag);
}

static struct weir_flow_definition known(const char *text)
{
    struct weir_flow_definition definition;
    if (weir_flow_definition_parse(text, &definition, NULL) < 0)
        abort();
    return definition;
}

struct weir_flow_definition weir_flow_definition_5_tuple(void)
{
    return known("keys=src_addr,dst_addr,src_port,dst_port,protocol");
}

struct weir_flow_definition weir_flow_definition_7_tuple(void)
{
    return known("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if");
}

bool weir_flow_definition_has_ends(const struct weir_flow_definition *definition)
{
    return definition->src_bits[WEIR_FAMILY_V4] == V4_BITS &&
           definition->dst_bits[WEIR_FAMILY_V4] == V4_BITS &&
           definition->src_bits[WEIR_FAMILY_V6] == ADDRESS_BITS &&
           definition->dst_bits[WEIR_FAMILY_V6] == ADDRESS_BITS;
}

bool weir_flow_definition_has_connections(const struct weir_flow_definition *definition)
{
    const struct weir_flow_key *mask = &definition->mask[WEIR_FAMILY_V4];
    return weir_flow_definition_has_ends(definition) && mask->src_port == UINT16_MAX &&
           mask->dst_port == UINT16_MAX && mask->protocol == UINT8_MAX &&
           definition->more_mask.length == 0 && definition->more_mask.frame_length == 0;
}

bool weir_flow_definition_has_icmp(const struct weir_flow_definition *definition)
{
    const struct weir_flow_key *mask = &definition->mask[WEIR_FAMILY_V4];
    return mask->dst_port == UINT16_MAX && mask->protocol == UINT8_MAX;
}

int weir_flow_definition_check_biflow(const struct weir_flow_definition *definition,
                                      struct weir_diag *diag)
{
    const struct weir_flow_key *v4 = &definition->mask[WEIR_FAMILY_V4];
    const struct weir_flow_key *v6 = &definition->mask[WEIR_FAMILY_V6];
    const weir_column_set directional = WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(DST_ADDR) |
                                        WEIR_COLUMN_BIT(SRC_PORT) | WEIR_COLUMN_BIT(DST_PORT);
    const struct weir_flow_more_key *more = &definition->more_mask;
    bool same = weir_address_equal(v4->src_addr, v4->dst_addr) &&
                weir_address_equal(v6->src_addr, v6->dst_addr) && v4->src_port == v4->dst_port &&
                more->src_mac == more->dst_mac;
    if ((!(definition->keys & directional) && more->src_mac == 0) || !same)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "biflows have addresses, ports or MAC addresses among their keys, "
                             "those of the source and of the destination with the same masks");
    return 0;
}

/* Whether a group has nothing for flows of one direction. */
static bool is_of_biflows(unsigned group)
{
    for (size_t i = 0; i < weir_flow_property_count; i++)
        if (weir_flow_properties[i].group == group && !weir_flow_properties[i].is_biflows)
            return false;
    return group != WEIR_FLOW_GROUP_NONE;
}

int weir_flow_definition_check_ending(const struct weir_flow_definition *definition,
                                      struct weir_diag *diag)
{
    for (unsigned i = 0; i < definition->extra_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[definition->extras[i]];
        if (property->feature == WEIR_FEATURE_TOTALS)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "'%s' is of flows that never end: add --cache permanent",
                                 property->name);
    }
    return 0;
}

int weir_flow_definition_check_uniflow(const struct weir_flow_definition *definition,
                                       struct weir_diag *diag)
{
    for (size_t i = 0; i < weir_flow_property_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[i];
        bool has = property->column == WEIR_COLUMN_COUNT
                       ? has_extra(definition, i) &&
                             (!weir_extra_lacks(&definition->grouped, find_extra(definition, i)) ||
                              is_of_biflows(property->group))
                       : definition->fields >> property->column & 1;
        if (has && property->is_biflows)
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s' is a field of biflows: add --biflow",
                                 property->name);
    }
    return 0;
}
