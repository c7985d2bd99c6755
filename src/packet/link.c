/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/link.h"

#include <string.h>

#include "base/bytes.h"

#define VLAN_TAGS_MAX        8
#define ETHERTYPE_LENGTH_MAX 1500 /* up to here it is a length, and LLC follows */

/* Moves past a link header of `octets` octets; the caller sets the EtherType. */
static enum weir_rest take_link(const struct weir_frame *frame, uint32_t octets,
                                struct weir_link_cursor *cursor)
{
    if (frame->captured < octets)
        return weir_link_too_short(frame, WEIR_REST_MALFORMED_LINK);
    cursor->at = frame->octets + octets;
    cursor->left = frame->captured - octets;
    return WEIR_REST_NONE;
}

static enum weir_rest link_ethernet(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    enum weir_rest rest = take_link(frame, WEIR_ETHERNET_HEADER_OCTETS, cursor);
    if (rest == WEIR_REST_NONE)
        cursor->ethertype = weir_load_be16(frame->octets + 12);
    return rest;
}

/* Linux cooked, version 1: the ARPHRD type says whether the protocol is an EtherType. */
static bool is_ethertype(uint16_t arphrd)
{
    enum { ARPHRD_FRAD = 770, ARPHRD_IPGRE = 778, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };
    return arphrd != ARPHRD_FRAD && arphrd != ARPHRD_IPGRE && arphrd != ARPHRD_RADIOTAP &&
           arphrd != ARPHRD_NETLINK;
}

static enum weir_rest link_sll(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    enum weir_rest rest = take_link(frame, 16, cursor);
    if (rest != WEIR_REST_NONE)
        return rest;
    cursor->ethertype = weir_load_be16(frame->octets + 14);
    return is_ethertype(weir_load_be16(frame->octets + 2)) ? rest : WEIR_REST_OTHER_PROTOCOL;
}

static enum weir_rest link_sll2(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    enum weir_rest rest = take_link(frame, 20, cursor);
    if (rest != WEIR_REST_NONE)
        return rest;
    cursor->ethertype = weir_load_be16(frame->octets);
    return is_ethertype(weir_load_be16(frame->octets + 8)) ? rest : WEIR_REST_OTHER_PROTOCOL;
}

static enum weir_rest link_raw(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    if (frame->captured < 1)
        return weir_link_too_short(frame, WEIR_REST_MALFORMED_IP_HEADER);
    cursor->ethertype = frame->octets[0] >> 4 == 6 ? WEIR_ETHERTYPE_IPV6 : WEIR_ETHERTYPE_IPV4;
    return take_link(frame, 0, cursor);
}

static enum weir_rest link_ipv4(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    cursor->ethertype = WEIR_ETHERTYPE_IPV4;
    return take_link(frame, 0, cursor);
}

static enum weir_rest link_ipv6(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    cursor->ethertype = WEIR_ETHERTYPE_IPV6;
    return take_link(frame, 0, cursor);
}

/*
 * NULL and LOOP: an address family of 32 bits in the byte order of the host that captured, or in
 * network order. AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24 (NetBSD, OpenBSD), 28
 * (FreeBSD) or 30 (Darwin). All are below 65536, so the order shows. Some writers put an EtherType
 * into the last two octets, which no family looks like.
 */
static enum weir_rest link_null(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    enum weir_rest rest = take_link(frame, 4, cursor);
    if (rest != WEIR_REST_NONE)
        return rest;
    uint32_t family = weir_load_be32(frame->octets);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2:
        cursor->ethertype = WEIR_ETHERTYPE_IPV4;
        return rest;
    case 10:
    case 24:
    case 28:
    case 30:
        cursor->ethertype = WEIR_ETHERTYPE_IPV6;
        return rest;
    default:
        cursor->ethertype = weir_load_be16(frame->octets + 2);
        return cursor->ethertype == WEIR_ETHERTYPE_IPV4 || cursor->ethertype == WEIR_ETHERTYPE_IPV6
                   ? rest
                   : WEIR_REST_OTHER_PROTOCOL;
    }
}

static const struct {
    uint16_t link_type;
    enum weir_rest (*parse)(const struct weir_frame *frame, struct weir_link_cursor *cursor);
} links[] = {
    {WEIR_LINK_ETHERNET, link_ethernet}, {WEIR_LINK_NULL, link_null},
    {WEIR_LINK_LOOP, link_null},         {WEIR_LINK_RAW, link_raw},
    {WEIR_LINK_DLT_RAW, link_raw},       {WEIR_LINK_OPENBSD_RAW, link_raw},
    {WEIR_LINK_IPV4, link_ipv4},         {WEIR_LINK_IPV6, link_ipv6},
    {WEIR_LINK_SLL, link_sll},           {WEIR_LINK_SLL2, link_sll2},
};

bool weir_parser_knows_link(uint16_t link_type)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (links[i].link_type == link_type)
            return true;
    return false;
}

static const struct {
    uint16_t ethertype;
    enum weir_rest rest;
} not_ip[] = {
    {0x0806, WEIR_REST_ARP},   {0x8035, WEIR_REST_ARP},    {0x88cc, WEIR_REST_LLDP},
    {0x8847, WEIR_REST_MPLS},  {0x8848, WEIR_REST_MPLS},   {0x8863, WEIR_REST_PPPOE},
    {0x8864, WEIR_REST_PPPOE}, {0x88e5, WEIR_REST_MACSEC}, {0x888e, WEIR_REST_EAPOL},
};

static bool is_vlan_tag(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* Goes through VLAN tags and LLC/SNAP (RFC 1042) to an IP EtherType, or finds why there is none. */
static enum weir_rest through_tags(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    for (unsigned tags = 0; cursor->ethertype != WEIR_ETHERTYPE_IPV4;) {
        if (cursor->ethertype == WEIR_ETHERTYPE_IPV6)
            return WEIR_REST_NONE;
        uint32_t octets;
        if (is_vlan_tag(cursor->ethertype)) {
            octets = 4;
            if (cursor->left < octets)
                return weir_link_too_short(frame, WEIR_REST_MALFORMED_LINK);
            if (++tags > VLAN_TAGS_MAX)
                return WEIR_REST_MALFORMED_VLAN;
            if (tags == 1)
                cursor->vlan = weir_load_be16(cursor->at) & 0xfff;
        } else if (cursor->ethertype <= ETHERTYPE_LENGTH_MAX) {
            octets = 8;
            if (cursor->left < octets || memcmp(cursor->at, snap, sizeof(snap)) != 0)
                return WEIR_REST_LLC;
        } else {
            for (size_t i = 0; i < sizeof(not_ip) / sizeof(not_ip[0]); i++)
                if (not_ip[i].ethertype == cursor->ethertype)
                    return not_ip[i].rest;
            return WEIR_REST_OTHER_PROTOCOL;
        }
        cursor->ethertype = weir_load_be16(cursor->at + octets - 2);
        cursor->at += octets;
        cursor->left -= octets;
    }
    return WEIR_REST_NONE;
}

enum weir_rest weir_link_find_ip(const struct weir_frame *frame,
                                 struct weir_link_cursor *ret_cursor)
{
    ret_cursor->vlan = 0;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (links[i].link_type != frame->link_type)
            continue;
        enum weir_rest rest = links[i].parse(frame, ret_cursor);
        return rest == WEIR_REST_NONE ? through_tags(frame, ret_cursor) : rest;
    }
    return WEIR_REST_LINK_TYPE;
}
