/* SPDX-License-Identifier: Apache-2.0 */
#include "query/field.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"

static const struct computed {
    struct weir_computed_info info;
    enum weir_value_type type;
    uint64_t maximum;
} computed_fields[WEIR_COMPUTED_COUNT] = {
#define C(NAME, field_name, TYPE, max, unit_text, help_text) \
    [WEIR_COMPUTED_##NAME] = {{#field_name, (unit_text), (help_text)}, WEIR_VALUE_##TYPE, (max)},
    WEIR_COMPUTED(C)
#undef C
};

static const struct {
    enum weir_value_type type;
    uint64_t maximum;
} column_types[WEIR_COLUMN_TYPE_COUNT] = {
    [WEIR_COLUMN_U8] = {WEIR_VALUE_UINT, UINT8_MAX},
    [WEIR_COLUMN_U16] = {WEIR_VALUE_UINT, UINT16_MAX},
    [WEIR_COLUMN_U32] = {WEIR_VALUE_UINT, UINT32_MAX},
    [WEIR_COLUMN_U64] = {WEIR_VALUE_UINT, UINT64_MAX},
    [WEIR_COLUMN_TIME] = {WEIR_VALUE_TIME, 0},
    [WEIR_COLUMN_ADDRESS] = {WEIR_VALUE_ADDRESS, 0},
    [WEIR_COLUMN_MAC] = {WEIR_VALUE_MAC, 0},
    [WEIR_COLUMN_TEXT] = {WEIR_VALUE_TEXT, 0},
};

/* Columns whose values have names, or another type than the one that holds them. */
static const struct {
    enum weir_column column;
    enum weir_names names;
    bool flags;
} column_notes[] = {
    {WEIR_COLUMN_PROTOCOL, WEIR_NAMES_PROTOCOL, false},
    {WEIR_COLUMN_SRC_PORT, WEIR_NAMES_PORT, false},
    {WEIR_COLUMN_DST_PORT, WEIR_NAMES_PORT, false},
    {WEIR_COLUMN_NAT_SRC_PORT, WEIR_NAMES_PORT, false},
    {WEIR_COLUMN_NAT_DST_PORT, WEIR_NAMES_PORT, false},
    {WEIR_COLUMN_END_REASON, WEIR_NAMES_END_REASON, false},
    {WEIR_COLUMN_DIRECTION, WEIR_NAMES_DIRECTION, false},
    {WEIR_COLUMN_PROTOCOL_VERSION, WEIR_NAMES_EXPORT_VERSION, false},
    {WEIR_COLUMN_NAT_EVENT, WEIR_NAMES_NAT_EVENT, false},
    {WEIR_COLUMN_FIREWALL_EVENT, WEIR_NAMES_FIREWALL_EVENT, false},
    {WEIR_COLUMN_TCP_FLAGS, WEIR_NAMES_NONE, true},
};

static const struct {
    enum weir_value_type type;
    uint64_t maximum;
} element_types[WEIR_TYPE_COUNT] = {
    [WEIR_TYPE_OCTET_ARRAY] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_UNSIGNED8] = {WEIR_VALUE_UINT, UINT8_MAX},
    [WEIR_TYPE_UNSIGNED16] = {WEIR_VALUE_UINT, UINT16_MAX},
    [WEIR_TYPE_UNSIGNED32] = {WEIR_VALUE_UINT, UINT32_MAX},
    [WEIR_TYPE_UNSIGNED64] = {WEIR_VALUE_UINT, UINT64_MAX},
    [WEIR_TYPE_SIGNED8] = {WEIR_VALUE_INT, 0},
    [WEIR_TYPE_SIGNED16] = {WEIR_VALUE_INT, 0},
    [WEIR_TYPE_SIGNED32] = {WEIR_VALUE_INT, 0},
    [WEIR_TYPE_SIGNED64] = {WEIR_VALUE_INT, 0},
    [WEIR_TYPE_FLOAT32] = {WEIR_VALUE_REAL, 0},
    [WEIR_TYPE_FLOAT64] = {WEIR_VALUE_REAL, 0},
    [WEIR_TYPE_BOOLEAN] = {WEIR_VALUE_BOOL, 0},
    [WEIR_TYPE_MAC_ADDRESS] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_STRING] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_DATE_TIME_SECONDS] = {WEIR_VALUE_TIME, 0},
    [WEIR_TYPE_DATE_TIME_MILLISECONDS] = {WEIR_VALUE_TIME, 0},
    [WEIR_TYPE_DATE_TIME_MICROSECONDS] = {WEIR_VALUE_TIME, 0},
    [WEIR_TYPE_DATE_TIME_NANOSECONDS] = {WEIR_VALUE_TIME, 0},
    [WEIR_TYPE_IPV4_ADDRESS] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_IPV6_ADDRESS] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_BASIC_LIST] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = {WEIR_VALUE_TEXT, 0},
    [WEIR_TYPE_UNSIGNED256] = {WEIR_VALUE_TEXT, 0},
};

/* P(text, FORM, first, second, value): first and second are columns, COMPUTED + them, or NONE. */
#define COMPUTED(NAME) (WEIR_COLUMN_COUNT + WEIR_COMPUTED_##NAME)
#define COLUMN(NAME)   WEIR_COLUMN_##NAME
#define NONE           UINT8_MAX
static const struct {
    const char *text;
    uint8_t form;
    uint8_t first;
    uint8_t second;
    uint8_t value;
} phrases[] = {
#define ONE(text, field)                        \
    {                                           \
        text, WEIR_PHRASE_FIELD, field, NONE, 0 \
    }
#define EITHER(text, first, second)                \
    {                                              \
        text, WEIR_PHRASE_EITHER, first, second, 0 \
    }
#define SIDES(noun, SRC, DST)                                              \
    EITHER(noun, COLUMN(SRC), COLUMN(DST)), ONE("src " noun, COLUMN(SRC)), \
        ONE("dst " noun, COLUMN(DST))
    SIDES("host", SRC_ADDR, DST_ADDR),
    SIDES("ip", SRC_ADDR, DST_ADDR),
    SIDES("addr", SRC_ADDR, DST_ADDR),
    SIDES("net", SRC_ADDR, DST_ADDR),
    ONE("src", COLUMN(SRC_ADDR)),
    ONE("dst", COLUMN(DST_ADDR)),
    SIDES("port", SRC_PORT, DST_PORT),
    SIDES("as", SRC_AS, DST_AS),
    SIDES("mask", SRC_MASK, DST_MASK),
    SIDES("mac", SRC_MAC, DST_MAC),
    ONE("src vlan", COLUMN(VLAN)),
    ONE("dst vlan", COLUMN(POST_VLAN)),
    EITHER("if", COLUMN(IN_IF), COLUMN(OUT_IF)),
    ONE("in if", COLUMN(IN_IF)),
    ONE("out if", COLUMN(OUT_IF)),
    SIDES("nat ip", NAT_SRC_ADDR, NAT_DST_ADDR),
    SIDES("nat net", NAT_SRC_ADDR, NAT_DST_ADDR),
    SIDES("nat port", NAT_SRC_PORT, NAT_DST_PORT),
    SIDES("xip", NAT_SRC_ADDR, NAT_DST_ADDR),
    SIDES("xport", NAT_SRC_PORT, NAT_DST_PORT),
    ONE("nat event", COLUMN(NAT_EVENT)),
    ONE("firewall event", COLUMN(FIREWALL_EVENT)),
    ONE("proto", COLUMN(PROTOCOL)),
    ONE("flags", COLUMN(TCP_FLAGS)),
    ONE("icmp-type", COLUMN(ICMP_TYPE)),
    ONE("icmp-code", COLUMN(ICMP_CODE)),
    ONE("next ip", COLUMN(NEXT_HOP)),
    ONE("next hop", COLUMN(NEXT_HOP)),
    ONE("bgpnext ip", COLUMN(BGP_NEXT_HOP)),
    ONE("router ip", COLUMN(EXPORTER)),
    ONE("octets", COLUMN(BYTES)),
    ONE("flow label", COLUMN(FLOW_LABEL)),
    ONE("flowdir", COLUMN(DIRECTION)),
    ONE("ttl", COLUMN(TTL_MIN)),
    ONE("duration", COMPUTED(DURATION_MS)),
    ONE("srcip", COLUMN(SRC_ADDR)),
    ONE("dstip", COLUMN(DST_ADDR)),
    ONE("srcport", COLUMN(SRC_PORT)),
    ONE("dstport", COLUMN(DST_PORT)),
    ONE("srcas", COLUMN(SRC_AS)),
    ONE("dstas", COLUMN(DST_AS)),
    {"any", WEIR_PHRASE_ANY, NONE, NONE, 0},
    {"inet", WEIR_PHRASE_FAMILY, NONE, NONE, 4},
    {"ipv4", WEIR_PHRASE_FAMILY, NONE, NONE, 4},
    {"inet6", WEIR_PHRASE_FAMILY, NONE, NONE, 6},
    {"ipv6", WEIR_PHRASE_FAMILY, NONE, NONE, 6},
    {"ip6", WEIR_PHRASE_FAMILY, NONE, NONE, 6},
    {"tcp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 6},
    {"udp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 17},
    {"icmp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 1},
    {"icmp6", WEIR_PHRASE_PROTOCOL, NONE, NONE, 58},
    {"icmpv6", WEIR_PHRASE_PROTOCOL, NONE, NONE, 58},
    {"igmp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 2},
    {"sctp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 132},
    {"gre", WEIR_PHRASE_PROTOCOL, NONE, NONE, 47},
    {"esp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 50},
    {"ospf", WEIR_PHRASE_PROTOCOL, NONE, NONE, 89},
    {"vrrp", WEIR_PHRASE_PROTOCOL, NONE, NONE, 112},
#undef SIDES
#undef EITHER
#undef ONE
};
#define PHRASE_COUNT (sizeof(phrases) / sizeof(phrases[0]))

struct weir_query_field weir_query_field_of_column(enum weir_column column)
{
    enum weir_column_type type = weir_column_info(column)->type;
    struct weir_query_field field = {
        .source = WEIR_QUERY_FIELD_COLUMN,
        .column = column,
        .type = column_types[type].type,
        .maximum = column_types[type].maximum,
        .keep_v4 = WEIR_QUERY_FIELD_UNMASKED,
        .keep_v6 = WEIR_QUERY_FIELD_UNMASKED,
    };
    for (size_t i = 0; i < sizeof(column_notes) / sizeof(column_notes[0]); i++)
        if (column_notes[i].column == column) {
            field.names = column_notes[i].names;
            if (column_notes[i].flags)
                field.type = WEIR_VALUE_FLAGS;
        }
    return field;
}

struct weir_query_field weir_query_field_of_computed(enum weir_computed computed)
{
    return (struct weir_query_field){
        .source = WEIR_QUERY_FIELD_COMPUTED,
        .computed = computed,
        .type = computed_fields[computed].type,
        .names = computed == WEIR_COMPUTED_DSCP ? WEIR_NAMES_DSCP : WEIR_NAMES_NONE,
        .maximum = computed_fields[computed].maximum,
        .keep_v4 = WEIR_QUERY_FIELD_UNMASKED,
        .keep_v6 = WEIR_QUERY_FIELD_UNMASKED,
    };
}

const struct weir_computed_info *weir_computed_info(enum weir_computed computed)
{
    return &computed_fields[computed].info;
}

static int field_by_plain_name(const char *name, struct weir_query_field *ret_field)
{
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++)
        if (strcasecmp(weir_column_info((enum weir_column)i)->name, name) == 0) {
            *ret_field = weir_query_field_of_column((enum weir_column)i);
            return 0;
        }
    for (unsigned i = 0; i < WEIR_COMPUTED_COUNT; i++)
        if (strcasecmp(computed_fields[i].info.name, name) == 0) {
            *ret_field = weir_query_field_of_computed((enum weir_computed)i);
            return 0;
        }
    const struct weir_element *element = weir_element_by_name(name);
    if (!element || element->type >= WEIR_TYPE_COUNT)
        return WEIR_E_NOT_FOUND;
    enum weir_column column;
    if (weir_column_for_element(element->pen, element->id, &column) == 0) {
        *ret_field = weir_query_field_of_column(column);
        return 0;
    }
    *ret_field = (struct weir_query_field){
        .source = WEIR_QUERY_FIELD_ELEMENT,
        .element = element,
        .type = element_types[element->type].type,
        .maximum = element_types[element->type].maximum,
        .keep_v4 = WEIR_QUERY_FIELD_UNMASKED,
        .keep_v6 = WEIR_QUERY_FIELD_UNMASKED,
    };
    return 0;
}

/* Digits up to `stop` as a number of at most `most`. */
static bool parse_bits(const char **text, char stop, unsigned most, uint8_t *ret_bits)
{
    const char *at = *text;
    unsigned bits = 0;
    while (isdigit((unsigned char)*at) && bits <= most)
        bits = bits * 10 + (unsigned)(*at++ - '0');
    if (at == *text || bits > most || (*at != stop && *at != '\0'))
        return false;
    *text = *at ? at + 1 : at;
    *ret_bits = (uint8_t)bits;
    return true;
}

#define SUBNET_V6 64u

int weir_query_field_by_name(const char *name, struct weir_query_field *ret_field)
{
    char plain[WEIR_QUERY_FIELD_NAME_MAX];
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : strlen(name);
    if (length >= sizeof(plain))
        return WEIR_E_NOT_FOUND;
    memcpy(plain, name, length);
    plain[length] = '\0';
    struct weir_query_field field;
    int result = field_by_plain_name(plain, &field);
    if (result < 0)
        return result;
    if (slash) {
        const char *at = slash + 1;
        uint8_t bits, bits_v6 = SUBNET_V6;
        bool two = strchr(at, '/') != NULL;
        if (field.type != WEIR_VALUE_ADDRESS || !parse_bits(&at, '/', two ? 32 : 128, &bits) ||
            (two && (!parse_bits(&at, '\0', 128, &bits_v6) || *at)))
            return WEIR_E_USAGE;
        field.keep_v4 = bits <= 32 ? bits : WEIR_QUERY_FIELD_UNMASKED;
        field.keep_v6 = bits <= 32 ? bits_v6 : bits;
    }
    *ret_field = field;
    return 0;
}

size_t weir_query_field_name(const struct weir_query_field *field,
                             char text[WEIR_QUERY_FIELD_NAME_MAX])
{
    const char *name =
        field->source == WEIR_QUERY_FIELD_COLUMN     ? weir_column_info(field->column)->name
        : field->source == WEIR_QUERY_FIELD_COMPUTED ? computed_fields[field->computed].info.name
                                                     : field->element->name;
    int length = snprintf(text, WEIR_QUERY_FIELD_NAME_MAX, "%s", name);
    if (field->keep_v6 != WEIR_QUERY_FIELD_UNMASKED) {
        size_t at = (size_t)length, room = WEIR_QUERY_FIELD_NAME_MAX - at;
        if (field->keep_v4 == WEIR_QUERY_FIELD_UNMASKED)
            length += snprintf(text + at, room, "/%u", field->keep_v6);
        else if (field->keep_v6 == SUBNET_V6)
            length += snprintf(text + at, room, "/%u", field->keep_v4);
        else
            length += snprintf(text + at, room, "/%u/%u", field->keep_v4, field->keep_v6);
    }
    return (size_t)length;
}

const char *weir_query_field_unit(const struct weir_query_field *field)
{
    switch (field->source) {
    case WEIR_QUERY_FIELD_COLUMN:
        return weir_column_info(field->column)->unit;
    case WEIR_QUERY_FIELD_COMPUTED:
        return computed_fields[field->computed].info.unit;
    case WEIR_QUERY_FIELD_ELEMENT:
        return field->element->units;
    }
    return "";
}

bool weir_query_field_is_stored(const struct weir_query_field *field)
{
    return field->source == WEIR_QUERY_FIELD_COLUMN && field->column != WEIR_COLUMN_ICMP_TYPE &&
           field->column != WEIR_COLUMN_ICMP_CODE;
}

/* What is estimated, and by how much it may be off. */
static const struct {
    enum weir_query_field_source source;
    unsigned estimated; /* a column or a computed one */
    enum weir_computed error;
} errors[] = {
    {WEIR_QUERY_FIELD_COLUMN, WEIR_COLUMN_PACKETS, WEIR_COMPUTED_PACKETS_ERROR},
    {WEIR_QUERY_FIELD_COLUMN, WEIR_COLUMN_BYTES, WEIR_COMPUTED_BYTES_ERROR},
    {WEIR_QUERY_FIELD_COLUMN, WEIR_COLUMN_REV_PACKETS, WEIR_COMPUTED_REV_PACKETS_ERROR},
    {WEIR_QUERY_FIELD_COLUMN, WEIR_COLUMN_REV_BYTES, WEIR_COMPUTED_REV_BYTES_ERROR},
    {WEIR_QUERY_FIELD_COMPUTED, WEIR_COMPUTED_FLOWS_ESTIMATED, WEIR_COMPUTED_FLOWS_ERROR},
};

bool weir_query_field_is_error(const struct weir_query_field *field)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (field->source == WEIR_QUERY_FIELD_COMPUTED && field->computed == errors[i].error)
            return true;
    return false;
}

bool weir_query_field_error_of(const struct weir_query_field *field,
                               struct weir_query_field *ret_error)
{
    unsigned estimated = field->source == WEIR_QUERY_FIELD_COLUMN     ? (unsigned)field->column
                         : field->source == WEIR_QUERY_FIELD_COMPUTED ? (unsigned)field->computed
                                                                      : WEIR_COLUMN_COUNT;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (field->source == errors[i].source && estimated == errors[i].estimated) {
            *ret_error = weir_query_field_of_computed(errors[i].error);
            return true;
        }
    return false;
}

bool weir_query_field_is_counter(const struct weir_query_field *field)
{
    return field->source == WEIR_QUERY_FIELD_COLUMN &&
           (field->column == WEIR_COLUMN_PACKETS || field->column == WEIR_COLUMN_BYTES ||
            field->column == WEIR_COLUMN_REV_PACKETS || field->column == WEIR_COLUMN_REV_BYTES);
}

static struct weir_query_field phrase_field(uint8_t number)
{
    if (number < WEIR_COLUMN_COUNT)
        return weir_query_field_of_column((enum weir_column)number);
    return weir_query_field_of_computed((enum weir_computed)(number - WEIR_COLUMN_COUNT));
}

bool weir_phrase_find(const char *text, struct weir_phrase *ret_phrase)
{
    size_t i = 0;
    while (i < PHRASE_COUNT && strcasecmp(phrases[i].text, text) != 0)
        i++;
    if (i == PHRASE_COUNT)
        return false;
    *ret_phrase = (struct weir_phrase){
        .text = phrases[i].text,
        .form = (enum weir_phrase_form)phrases[i].form,
        .value = phrases[i].value,
    };
    if (phrases[i].first != NONE)
        ret_phrase->fields[0] = phrase_field(phrases[i].first);
    if (phrases[i].second != NONE)
        ret_phrase->fields[1] = phrase_field(phrases[i].second);
    return true;
}

const char *weir_query_field_nearest(const char *text)
{
    struct weir_nearest search = weir_nearest_begin(text);
    for (size_t i = 0; i < PHRASE_COUNT; i++)
        weir_nearest_offer(&search, phrases[i].text);
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++)
        weir_nearest_offer(&search, weir_column_info((enum weir_column)i)->name);
    for (unsigned i = 0; i < WEIR_COMPUTED_COUNT; i++)
        weir_nearest_offer(&search, computed_fields[i].info.name);
    if (!search.best) {
        size_t count;
        const struct weir_element *elements = weir_elements(&count);
        for (size_t i = 0; i < count; i++)
            weir_nearest_offer(&search, elements[i].name);
    }
    return search.best;
}
