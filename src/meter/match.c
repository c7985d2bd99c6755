/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/match.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/quantity.h"
#include "meter/key.h"
#include "meter/protocol.h"
#include "record/text.h"

#define VALUE_TEXT_MAX 64u

#define PROTOCOL_TCP 6u
#define PROTOCOL_ESP 50u

#define MAC_MAX UINT64_C(0xffffffffffff)

/* A packet, and its detail; NULL: nobody told. */
struct seen {
    const struct weir_packet *packet;
    const struct weir_packet_detail *detail;
};

/* The property of a packet as a number. False: it has none. */
typedef bool read_number(const struct weir_match *match, const struct seen *seen,
                         uint64_t *ret_value);

/* A number that has a name or letters. 0 or WEIR_E_USAGE. */
typedef int parse_name(const char *text, uint64_t *ret_value);

struct property {
    const char *name;
    const char *help; /* of what flows do not have, too (meter/property.h) */
    uint64_t greatest;
    read_number *number; /* NULL: addresses, of the sides below */
    read_number *other;  /* the other side's, where either may fit */
    parse_name *parse;   /* NULL: numbers only */
    bool is_of_src, is_of_dst;
    bool is_of_detail;
};

#define READER(name, value)                                                                        \
    static bool name(const struct weir_match *match, const struct seen *seen, uint64_t *ret_value) \
    {                                                                                              \
        const struct weir_packet *packet = seen->packet;                                           \
        (void)match;                                                                               \
        *ret_value = (value);                                                                      \
        return true;                                                                               \
    }

READER(read_protocol, packet->key.protocol)
READER(read_tos, packet->key.tos)
READER(read_dscp, packet->key.tos >> 2)
READER(read_ip_version, packet->flags &WEIR_PACKET_V6 ? 6 : 4)
READER(read_ttl, packet->ttl)
READER(read_length, packet->octets)
READER(read_frame_length, packet->wire_octets)
READER(read_vlan, packet->vlan)
READER(read_fragment, (packet->flags & WEIR_PACKET_FRAGMENT) != 0)
READER(read_tunnel_type, packet->encapsulation.kind)
READER(read_tunnel_id, packet->encapsulation.id)
READER(read_tunnel_depth, packet->encapsulation.depth)
#undef READER

/* Of ICMP type and code stand in the place of ports, of ESP the SPI. */
static bool has_ports(const struct weir_packet *packet)
{
    return packet->key.protocol != PROTOCOL_ESP &&
           packet->key.protocol != weir_icmp_protocol((packet->flags & WEIR_PACKET_V6) != 0);
}

static bool read_src_port(const struct weir_match *match, const struct seen *seen,
                          uint64_t *ret_value)
{
    (void)match;
    *ret_value = seen->packet->key.src_port;
    return has_ports(seen->packet);
}

static bool read_dst_port(const struct weir_match *match, const struct seen *seen,
                          uint64_t *ret_value)
{
    (void)match;
    *ret_value = seen->packet->key.dst_port;
    return has_ports(seen->packet);
}

static bool read_tcp_flags(const struct weir_match *match, const struct seen *seen,
                           uint64_t *ret_value)
{
    (void)match;
    *ret_value = seen->packet->tcp_flags;
    return seen->packet->key.protocol == PROTOCOL_TCP;
}

static bool read_flow_label(const struct weir_match *match, const struct seen *seen,
                            uint64_t *ret_value)
{
    (void)match;
    *ret_value = seen->packet->flow_label;
    return seen->packet->flags & WEIR_PACKET_V6;
}

static bool read_icmp(const struct weir_packet *packet, unsigned shift, uint64_t *ret_value)
{
    *ret_value = packet->key.dst_port >> shift & 0xffu;
    return packet->key.protocol == weir_icmp_protocol((packet->flags & WEIR_PACKET_V6) != 0);
}

static bool read_icmp_type(const struct weir_match *match, const struct seen *seen,
                           uint64_t *ret_value)
{
    (void)match;
    return read_icmp(seen->packet, 8, ret_value);
}

static bool read_icmp_code(const struct weir_match *match, const struct seen *seen,
                           uint64_t *ret_value)
{
    (void)match;
    return read_icmp(seen->packet, 0, ret_value);
}

/* As records show it: 0 for the interface by which the packet did not go. */
static uint64_t interface_of(const struct weir_match *match, const struct weir_packet *packet,
                             bool of_egress)
{
    unsigned place = packet->key.observation_point & WEIR_POINT_INTERFACE;
    bool is_egress = packet->key.observation_point & WEIR_POINT_EGRESS;
    if (is_egress != of_egress)
        return 0;
    if (!match->if_index)
        return place + 1;
    return place < match->if_count ? match->if_index[place] : 0;
}

static bool read_in_if(const struct weir_match *match, const struct seen *seen, uint64_t *ret_value)
{
    *ret_value = interface_of(match, seen->packet, false);
    return true;
}

static bool read_out_if(const struct weir_match *match, const struct seen *seen,
                        uint64_t *ret_value)
{
    *ret_value = interface_of(match, seen->packet, true);
    return true;
}

static bool read_src_mac(const struct weir_match *match, const struct seen *seen,
                         uint64_t *ret_value)
{
    (void)match;
    *ret_value = seen->detail ? seen->detail->src_mac : 0;
    return seen->detail && seen->detail->has & WEIR_DETAIL_ETHERNET;
}

static bool read_dst_mac(const struct weir_match *match, const struct seen *seen,
                         uint64_t *ret_value)
{
    (void)match;
    *ret_value = seen->detail ? seen->detail->dst_mac : 0;
    return seen->detail && seen->detail->has & WEIR_DETAIL_ETHERNET;
}

static int parse_protocol(const char *text, uint64_t *ret_value)
{
    uint8_t protocol;
    int result = weir_protocol_parse(text, &protocol);
    if (result == 0)
        *ret_value = protocol;
    return result;
}

static int parse_flags(const char *text, uint64_t *ret_value)
{
    uint16_t flags;
    int result = weir_tcp_flags_parse(text, &flags);
    if (result == 0)
        *ret_value = flags;
    return result;
}

static const struct property properties[] = {
    {"src_addr", .is_of_src = true},
    {"dst_addr", .is_of_dst = true},
    {"addr", "src_addr or dst_addr", .is_of_src = true, .is_of_dst = true},
    {"src_port", .greatest = UINT16_MAX, .number = read_src_port},
    {"dst_port", .greatest = UINT16_MAX, .number = read_dst_port},
    {"port", "src_port or dst_port", .greatest = UINT16_MAX, .number = read_src_port,
     .other = read_dst_port},
    {"protocol", .greatest = UINT8_MAX, .number = read_protocol, .parse = parse_protocol},
    {"tos", .greatest = UINT8_MAX, .number = read_tos},
    {"dscp", .greatest = 63, .number = read_dscp},
    {"ip_version", .greatest = 15, .number = read_ip_version},
    {"tcp_flags", .greatest = 0x1ff, .number = read_tcp_flags, .parse = parse_flags},
    {"icmp_type", .greatest = UINT8_MAX, .number = read_icmp_type},
    {"icmp_code", .greatest = UINT8_MAX, .number = read_icmp_code},
    {"ttl", .greatest = UINT8_MAX, .number = read_ttl},
    {"length", .greatest = UINT32_MAX, .number = read_length},
    {"frame_length", .greatest = UINT32_MAX, .number = read_frame_length},
    {"vlan", .greatest = 4095, .number = read_vlan},
    {"src_mac", .greatest = MAC_MAX, .number = read_src_mac, .parse = weir_mac_parse,
     .is_of_detail = true},
    {"dst_mac", .greatest = MAC_MAX, .number = read_dst_mac, .parse = weir_mac_parse,
     .is_of_detail = true},
    {"mac", "src_mac or dst_mac", .greatest = MAC_MAX, .number = read_src_mac,
     .other = read_dst_mac, .parse = weir_mac_parse, .is_of_detail = true},
    {"flow_label", .greatest = 0xfffff, .number = read_flow_label},
    {"fragment", .greatest = 1, .number = read_fragment},
    {"in_if", .greatest = UINT32_MAX, .number = read_in_if},
    {"out_if", .greatest = UINT32_MAX, .number = read_out_if},
    {"tunnel_type", .greatest = UINT8_MAX, .number = read_tunnel_type},
    {"tunnel_id", .greatest = UINT32_MAX, .number = read_tunnel_id},
    {"tunnel_depth", "tunnels that the packet was taken out of", .greatest = UINT8_MAX,
     .number = read_tunnel_depth},
};
#define PROPERTY_COUNT (sizeof(properties) / sizeof(properties[0]))

/* ---- Parsing ---- */

static int find_property(const char *name, uint8_t *ret_property, struct weir_diag *diag)
{
    struct weir_nearest search = weir_nearest_begin(name);
    for (size_t i = 0; i < PROPERTY_COUNT; i++) {
        if (strcmp(properties[i].name, name) == 0) {
            *ret_property = (uint8_t)i;
            return 0;
        }
        weir_nearest_offer(&search, properties[i].name);
    }
    if (search.best)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such property; did you mean '%s'?", name,
                             search.best);
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "'%s': no such property of packets; weir meter --fields lists them", name);
}

static int parse_number(const struct property *property, const char *text, uint64_t *ret_value)
{
    if (property->parse && *text != '\0' && property->parse(text, ret_value) == 0)
        return 0;
    int result = weir_size_parse(text, ret_value);
    return result == 0 && *ret_value > property->greatest ? WEIR_E_USAGE : result;
}

/* N, N-N or N/MASK. */
static int parse_range(const struct property *property, char *text,
                       struct weir_match_value *ret_value)
{
    struct weir_match_value value = {.mask = UINT64_MAX};
    char *sign = strpbrk(text, "-/");
    char kind = sign ? *sign : '\0';
    if (sign)
        *sign = '\0';
    int result = parse_number(property, text, &value.first);
    value.last = value.first;
    if (result == 0 && kind)
        result = parse_number(property, sign + 1, kind == '-' ? &value.last : &value.mask);
    if (sign)
        *sign = kind;
    if (result < 0 || value.last < value.first || (value.first & ~value.mask && kind == '/'))
        return WEIR_E_USAGE;
    *ret_value = value;
    return 0;
}

static int add_value(struct weir_match *match, struct weir_match_term *term, char *text,
                     struct weir_diag *diag)
{
    const struct property *property = &properties[term->property];
    if (match->value_count == WEIR_MATCH_VALUES_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "more than %u values", WEIR_MATCH_VALUES_MAX);
    struct weir_match_value *value = &match->values[match->value_count];
    if (!property->number) {
        if (weir_network_parse(text, &value->network) < 0)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "'%s': %s is an address or a network, as 10.0.0.0/8", text,
                                 property->name);
    } else if (parse_range(property, text, value) < 0 && property->greatest == MAC_MAX) {
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%s': %s is an address as 02:00:00:00:00:01, or ADDRESS/MASK", text,
                             property->name);
    } else if (parse_range(property, text, value) < 0) {
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': %s is 0 to %llu, LOW-HIGH or VALUE/MASK",
                             text, property->name, (unsigned long long)property->greatest);
    }
    match->value_count++;
    term->count++;
    return 0;
}

static int add_values(struct weir_match *match, struct weir_match_term *term, const char *text,
                      size_t length, struct weir_diag *diag)
{
    for (const char *end = text + length;; text++) {
        char one[VALUE_TEXT_MAX];
        size_t octets = 0;
        while (text + octets < end && text[octets] != '|')
            octets++;
        if (octets == 0 || octets >= sizeof(one))
            return weir_diag_set(diag, WEIR_E_USAGE, "'%.*s': a value is wanted here",
                                 (int)(octets < VALUE_TEXT_MAX ? octets : VALUE_TEXT_MAX), text);
        memcpy(one, text, octets);
        one[octets] = '\0';
        int result = add_value(match, term, one, diag);
        text += octets;
        if (result < 0 || text == end)
            return result;
    }
}

static int add_term(struct weir_match *match, const char *text, size_t length,
                    struct weir_diag *diag)
{
    char name[WEIR_NEAREST_MAX + 1];
    if (match->term_count == WEIR_MATCH_TERMS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "more than %u terms", WEIR_MATCH_TERMS_MAX);
    struct weir_match_term *term = &match->terms[match->term_count++];
    const char *sign = memchr(text, '=', length);
    bool is_negated = sign && sign > text && sign[-1] == '!';
    size_t name_length = sign ? (size_t)(sign - text) - is_negated : 0;
    if (name_length == 0 || name_length >= sizeof(name))
        return weir_diag_set(diag, WEIR_E_USAGE, "'%.*s': write NAME=VALUE or NAME!=VALUE",
                             (int)(length < 64 ? length : 64), text);
    memcpy(name, text, name_length);
    name[name_length] = '\0';
    *term =
        (struct weir_match_term){.is_negated = is_negated, .first = (uint8_t)match->value_count};
    int result = find_property(name, &term->property, diag);
    if (result < 0)
        return result;
    return add_values(match, term, sign + 1, length - (size_t)(sign + 1 - text), diag);
}

int weir_match_parse(const char *text, struct weir_match *ret_match, struct weir_diag *diag)
{
    *ret_match = (struct weir_match){0};
    for (;; text++) {
        size_t length = strcspn(text, ",");
        int result = add_term(ret_match, text, length, diag);
        if (result < 0)
            return result;
        text += length;
        if (*text == '\0')
            return 0;
    }
}

/* ---- Matching ---- */

static bool fits_number(const struct weir_match *match, const struct weir_match_term *term,
                        uint64_t number)
{
    for (unsigned i = 0; i < term->count; i++) {
        const struct weir_match_value *value = &match->values[term->first + i];
        uint64_t masked = number & value->mask;
        if (masked >= value->first && masked <= value->last)
            return true;
    }
    return false;
}

static bool fits_address(const struct weir_match *match, const struct weir_match_term *term,
                         struct weir_address address)
{
    for (unsigned i = 0; i < term->count; i++)
        if (weir_network_contains(match->values[term->first + i].network, address))
            return true;
    return false;
}

static bool fits(const struct weir_match *match, const struct weir_match_term *term,
                 const struct seen *seen)
{
    const struct weir_packet *packet = seen->packet;
    const struct property *property = &properties[term->property];
    uint64_t number;
    if (!property->number)
        return ((property->is_of_src && fits_address(match, term, packet->key.src_addr)) ||
                (property->is_of_dst && fits_address(match, term, packet->key.dst_addr))) !=
               term->is_negated;
    if (!property->number(match, seen, &number))
        return false;
    bool has = fits_number(match, term, number);
    if (!has && property->other && property->other(match, seen, &number))
        has = fits_number(match, term, number);
    return has != term->is_negated;
}

bool weir_match_needs_detail(const struct weir_match *match)
{
    bool needs = false;
    for (unsigned i = 0; i < match->term_count; i++)
        needs |= properties[match->terms[i].property].is_of_detail;
    return needs;
}

bool weir_match_packet(const struct weir_match *match, const struct weir_packet *packet,
                       const struct weir_packet_detail *detail)
{
    const struct seen seen = {packet, detail};
    for (unsigned i = 0; i < match->term_count; i++)
        if (!fits(match, &match->terms[i], &seen))
            return false;
    return true;
}

const char *weir_match_name(size_t i, const char **ret_help)
{
    if (i >= PROPERTY_COUNT)
        return NULL;
    *ret_help = properties[i].help;
    return properties[i].name;
}
