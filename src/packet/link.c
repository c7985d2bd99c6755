/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/link.h"

#include <string.h>

#include "base/bytes.h"

#define VLAN_TAGS_MAX        8
#define LAYERS_MAX           32   /* of one frame, each label of a stack counted */
#define ETHERTYPE_LENGTH_MAX 1500 /* up to here it is a length, and LLC follows */
#define COUNT(array)         (sizeof(array) / sizeof((array)[0]))

/* What an EtherType announces: a layer, or why there is no packet. */
static const struct ethertype {
    uint16_t type;
    enum weir_rest rest; /* NONE: `layer` follows */
    enum weir_layer layer;
} ethertypes[] = {
    {WEIR_ETHERTYPE_IPV4, WEIR_REST_NONE, WEIR_LAYER_IPV4},
    {WEIR_ETHERTYPE_IPV6, WEIR_REST_NONE, WEIR_LAYER_IPV6},
    {0x8100, WEIR_REST_NONE, WEIR_LAYER_VLAN},
    {0x88a8, WEIR_REST_NONE, WEIR_LAYER_VLAN},
    {0x9100, WEIR_REST_NONE, WEIR_LAYER_VLAN},
    {0x8847, WEIR_REST_NONE, WEIR_LAYER_MPLS},
    {0x8848, WEIR_REST_NONE, WEIR_LAYER_MPLS},
    {0x8864, WEIR_REST_NONE, WEIR_LAYER_PPPOE},
    {0x880b, WEIR_REST_NONE, WEIR_LAYER_PPP},
    {0x6558, WEIR_REST_NONE, WEIR_LAYER_ETHERNET}, /* RFC 1701: bridged */
    {0x894f, WEIR_REST_NONE, WEIR_LAYER_NSH},
    {0x8909, WEIR_REST_NONE, WEIR_LAYER_CISCO_METADATA},
    {0xd28b, WEIR_REST_NONE, WEIR_LAYER_ARISTA_TIME},
    {0x0806, WEIR_REST_ARP, WEIR_LAYER_COUNT},
    {0x8035, WEIR_REST_ARP, WEIR_LAYER_COUNT},
    {0x88cc, WEIR_REST_LLDP, WEIR_LAYER_COUNT},
    {0x8863, WEIR_REST_PPPOE, WEIR_LAYER_COUNT},
    {0x88e5, WEIR_REST_MACSEC, WEIR_LAYER_COUNT},
    {0x888e, WEIR_REST_EAPOL, WEIR_LAYER_COUNT},
};

static const struct ethertype *find_ethertype(uint16_t type)
{
    for (size_t i = 0; i < COUNT(ethertypes); i++)
        if (ethertypes[i].type == type)
            return &ethertypes[i];
    return NULL;
}

const uint8_t *weir_link_take(struct weir_link_cursor *cursor, uint32_t octets)
{
    const uint8_t *at = cursor->at;
    if (cursor->left < octets)
        return NULL;
    cursor->at += octets;
    cursor->left -= octets;
    cursor->whole -= cursor->whole < octets ? cursor->whole : octets;
    return at;
}

static enum weir_rest too_short(const struct weir_link_cursor *cursor)
{
    return weir_link_too_short(cursor, WEIR_REST_MALFORMED_LINK);
}

enum weir_rest weir_link_go_on(struct weir_link_cursor *cursor, enum weir_layer layer)
{
    cursor->layer = layer;
    return WEIR_REST_NONE;
}

enum weir_rest weir_link_go_on_by_type(struct weir_link_cursor *cursor, uint16_t type)
{
    if (type <= ETHERTYPE_LENGTH_MAX)
        return weir_link_go_on(cursor, WEIR_LAYER_LLC);
    const struct ethertype *row = find_ethertype(type);
    if (!row)
        return WEIR_REST_OTHER_PROTOCOL;
    return row->rest == WEIR_REST_NONE ? weir_link_go_on(cursor, row->layer) : row->rest;
}

static enum weir_rest raw_ip(struct weir_link_cursor *cursor)
{
    if (cursor->left < 1)
        return weir_link_too_short(cursor, WEIR_REST_MALFORMED_IP_HEADER);
    return weir_link_go_on(cursor, cursor->at[0] >> 4 == 6 ? WEIR_LAYER_IPV6 : WEIR_LAYER_IPV4);
}

static enum weir_rest ethernet(struct weir_link_cursor *cursor)
{
    const uint8_t *header = weir_link_take(cursor, WEIR_ETHERNET_HEADER_OCTETS);
    if (!header)
        return too_short(cursor);
    cursor->ethernet = header;
    return weir_link_go_on_by_type(cursor, weir_load_be16(header + 12));
}

static enum weir_rest vlan(struct weir_link_cursor *cursor)
{
    const uint8_t *tag = weir_link_take(cursor, 4);
    if (!tag)
        return too_short(cursor);
    if (++cursor->vlan_tags > VLAN_TAGS_MAX)
        return WEIR_REST_MALFORMED_VLAN;
    uint16_t id = weir_load_be16(tag) & 0xfff;
    if (cursor->vlan_tags == 1) {
        cursor->vlan = id;
        cursor->inner_vlan = 0;
    } else if (cursor->vlan_tags == 2) {
        cursor->inner_vlan = id;
    }
    return weir_link_go_on_by_type(cursor, weir_load_be16(tag + 2));
}

/* IP has a SAP of its own, 6; with SNAP the EtherType comes behind one of two codes (802.1H). */
static enum weir_rest llc(struct weir_link_cursor *cursor)
{
    static const uint8_t sap_ip[3] = {0x06, 0x06, 0x03};
    static const uint8_t snap[2][6] = {{0xaa, 0xaa, 0x03, 0, 0, 0}, {0xaa, 0xaa, 0x03, 0, 0, 0xf8}};
    if (cursor->left >= sizeof(sap_ip) && memcmp(cursor->at, sap_ip, sizeof(sap_ip)) == 0) {
        (void)weir_link_take(cursor, sizeof(sap_ip));
        return weir_link_go_on(cursor, WEIR_LAYER_IPV4);
    }
    const uint8_t *header = weir_link_take(cursor, sizeof(snap[0]) + 2);
    if (!header || (memcmp(header, snap[0], sizeof(snap[0])) != 0 &&
                    memcmp(header, snap[1], sizeof(snap[1])) != 0))
        return WEIR_REST_LLC;
    return weir_link_go_on_by_type(cursor, weir_load_be16(header + 6));
}

bool weir_link_may_be_ethernet(const struct weir_link_cursor *cursor, uint32_t skipped)
{
    return cursor->left >= skipped + WEIR_ETHERNET_HEADER_OCTETS &&
           find_ethertype(weir_load_be16(cursor->at + skipped + 12)) != NULL;
}

/*
 * Nothing says what is under the last label but its first four bits: 4 and 6 are IP's versions, 0
 * begins the control word of a pseudowire, 1 an associated channel (RFC 4385 section 3, RFC 4928).
 * A pseudowire without control word may begin with any, and so may its MAC addresses: of Ethernet
 * there has to be a known type.
 */
static enum weir_rest under_labels(struct weir_link_cursor *cursor)
{
    enum { CONTROL_WORD_OCTETS = 4 };
    if (cursor->left < 1)
        return too_short(cursor);
    unsigned first = cursor->at[0] >> 4;
    if (first == 4 || first == 6)
        return weir_link_go_on(cursor, first == 4 ? WEIR_LAYER_IPV4 : WEIR_LAYER_IPV6);
    if (first == 1)
        return WEIR_REST_MPLS;
    if (first == 0 && weir_link_may_be_ethernet(cursor, CONTROL_WORD_OCTETS)) {
        (void)weir_link_take(cursor, CONTROL_WORD_OCTETS);
        return weir_link_go_on(cursor, WEIR_LAYER_ETHERNET);
    }
    return weir_link_may_be_ethernet(cursor, 0) ? weir_link_go_on(cursor, WEIR_LAYER_ETHERNET)
                                                : WEIR_REST_MPLS;
}

static enum weir_rest mpls(struct weir_link_cursor *cursor)
{
    const uint8_t *entry = weir_link_take(cursor, 4);
    if (!entry)
        return too_short(cursor);
    if (!cursor->labels || entry != cursor->labels + 4u * cursor->label_count) {
        cursor->labels = entry;
        cursor->label_count = 0;
    }
    cursor->label_count++;
    weir_link_identify(cursor, WEIR_ENCAPSULATION_MPLS, weir_load_be32(entry) >> 12);
    bool is_last = entry[2] & 1;
    return is_last ? under_labels(cursor) : weir_link_go_on(cursor, WEIR_LAYER_MPLS);
}

static enum weir_rest pppoe(struct weir_link_cursor *cursor)
{
    enum { VERSION_1_TYPE_1 = 0x11, CODE_SESSION = 0 };
    const uint8_t *header = weir_link_take(cursor, 6);
    if (!header)
        return too_short(cursor);
    if (header[0] != VERSION_1_TYPE_1 || header[1] != CODE_SESSION)
        return WEIR_REST_PPPOE;
    weir_link_identify(cursor, WEIR_ENCAPSULATION_PPPOE, weir_load_be16(header + 2));
    return weir_link_go_on(cursor, WEIR_LAYER_PPP);
}

/* Address and control may be left out, and so may the zero before a protocol (RFC 1661 6.5, 6.6).
 */
static enum weir_rest ppp(struct weir_link_cursor *cursor)
{
    static const struct {
        uint16_t protocol;
        enum weir_layer layer;
    } protocols[] = {
        {0x0021, WEIR_LAYER_IPV4},
        {0x0057, WEIR_LAYER_IPV6},
        {0x0281, WEIR_LAYER_MPLS},
        {0x0283, WEIR_LAYER_MPLS},
    };
    if (cursor->left < 2)
        return too_short(cursor);
    if (cursor->at[0] == 0xff && cursor->at[1] == 0x03)
        (void)weir_link_take(cursor, 2);
    bool is_short = cursor->left > 0 && cursor->at[0] & 1;
    const uint8_t *header = weir_link_take(cursor, is_short ? 1 : 2);
    if (!header)
        return too_short(cursor);
    uint16_t protocol = is_short ? header[0] : weir_load_be16(header);
    for (size_t i = 0; i < COUNT(protocols); i++)
        if (protocols[i].protocol == protocol)
            return weir_link_go_on(cursor, protocols[i].layer);
    return WEIR_REST_PPP;
}

/* Cisco HDLC: an EtherType, but for Cisco's own: 0x8035 is its keepalive, and no RARP. */
static enum weir_rest hdlc(struct weir_link_cursor *cursor)
{
    enum { SLARP = 0x8035 };
    const uint8_t *header = weir_link_take(cursor, 4);
    if (!header)
        return too_short(cursor);
    uint16_t type = weir_load_be16(header + 2);
    const struct ethertype *row = find_ethertype(type);
    return row && type != SLARP ? weir_link_go_on_by_type(cursor, type) : WEIR_REST_OTHER_PROTOCOL;
}

static enum weir_rest serial(struct weir_link_cursor *cursor)
{
    enum { HDLC_UNICAST = 0x0f, HDLC_MULTICAST = 0x8f };
    if (cursor->left >= 2 && cursor->at[1] == 0 &&
        (cursor->at[0] == HDLC_UNICAST || cursor->at[0] == HDLC_MULTICAST))
        return weir_link_go_on(cursor, WEIR_LAYER_HDLC);
    return weir_link_go_on(cursor, WEIR_LAYER_PPP);
}

/* Linux cooked: the ARPHRD type says whether the protocol is an EtherType. */
static enum weir_rest cooked(struct weir_link_cursor *cursor, uint16_t arphrd, uint16_t type)
{
    enum { ARPHRD_FRAD = 770, ARPHRD_IPGRE = 778, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };
    bool is_ethertype = arphrd != ARPHRD_FRAD && arphrd != ARPHRD_IPGRE &&
                        arphrd != ARPHRD_RADIOTAP && arphrd != ARPHRD_NETLINK;
    return is_ethertype ? weir_link_go_on_by_type(cursor, type) : WEIR_REST_OTHER_PROTOCOL;
}

static enum weir_rest sll(struct weir_link_cursor *cursor)
{
    const uint8_t *header = weir_link_take(cursor, 16);
    return header ? cooked(cursor, weir_load_be16(header + 2), weir_load_be16(header + 14))
                  : too_short(cursor);
}

static enum weir_rest sll2(struct weir_link_cursor *cursor)
{
    const uint8_t *header = weir_link_take(cursor, 20);
    return header ? cooked(cursor, weir_load_be16(header + 8), weir_load_be16(header))
                  : too_short(cursor);
}

/*
 * NULL and LOOP: an address family of 32 bits in the byte order of the host that captured, or in
 * network order. AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24 (NetBSD, OpenBSD), 28
 * (FreeBSD) or 30 (Darwin). All are below 65536, so the order shows. Some writers put an EtherType
 * into the last two octets, which no family looks like.
 */
static enum weir_rest family(struct weir_link_cursor *cursor)
{
    const uint8_t *header = weir_link_take(cursor, 4);
    if (!header)
        return too_short(cursor);
    uint32_t number = weir_load_be32(header);
    if (number > 0xffff)
        number = __builtin_bswap32(number);
    switch (number) {
    case 2:
        return weir_link_go_on(cursor, WEIR_LAYER_IPV4);
    case 10:
    case 24:
    case 28:
    case 30:
        return weir_link_go_on(cursor, WEIR_LAYER_IPV6);
    default:
        break;
    }
    uint16_t type = weir_load_be16(header + 2);
    bool is_ip = type == WEIR_ETHERTYPE_IPV4 || type == WEIR_ETHERTYPE_IPV6;
    return is_ip ? weir_link_go_on_by_type(cursor, type) : WEIR_REST_OTHER_PROTOCOL;
}

/* Netfilter's log: attributes in host order, of which one is the packet. */
static enum weir_rest nflog(struct weir_link_cursor *cursor)
{
    enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 10, PAYLOAD = 9, TYPE = 0x7fff };
    const uint8_t *header = weir_link_take(cursor, 4);
    if (!header)
        return too_short(cursor);
    if (header[0] != FAMILY_IPV4 && header[0] != FAMILY_IPV6)
        return WEIR_REST_OTHER_PROTOCOL;
    for (;;) {
        const uint8_t *attribute = weir_link_take(cursor, 4);
        if (!attribute)
            return too_short(cursor);
        bool is_little = attribute[2] != 0; /* types are small */
        uint32_t octets = is_little ? weir_load_le16(attribute) : weir_load_be16(attribute);
        uint32_t type = is_little ? weir_load_le16(attribute + 2) : weir_load_be16(attribute + 2);
        if (octets < 4)
            return WEIR_REST_MALFORMED_LINK;
        if ((type & TYPE) == PAYLOAD)
            return weir_link_go_on(cursor,
                                   header[0] == FAMILY_IPV4 ? WEIR_LAYER_IPV4 : WEIR_LAYER_IPV6);
        if (!weir_link_take(cursor, (octets - 4 + 3) / 4 * 4))
            return too_short(cursor);
    }
}

/* The EtherType stands behind the addresses and `octets` of a switch's tag. */
static enum weir_rest switch_tag(struct weir_link_cursor *cursor, uint32_t octets)
{
    const uint8_t *header = weir_link_take(cursor, WEIR_ETHERNET_HEADER_OCTETS + octets);
    return header ? weir_link_go_on_by_type(cursor, weir_load_be16(header + 12 + octets))
                  : too_short(cursor);
}

static enum weir_rest dsa(struct weir_link_cursor *cursor)
{
    return switch_tag(cursor, 4);
}

static enum weir_rest edsa(struct weir_link_cursor *cursor)
{
    return switch_tag(cursor, 8);
}

/* Version, length in words, and options of four octets; the EtherType comes behind. */
static enum weir_rest cisco_metadata(struct weir_link_cursor *cursor)
{
    const uint8_t *header = weir_link_take(cursor, 2);
    const uint8_t *rest = header ? weir_link_take(cursor, header[1] * 4u + 2) : NULL;
    return rest ? weir_link_go_on_by_type(cursor, weir_load_be16(rest + header[1] * 4u))
                : too_short(cursor);
}

/* When a switch of Arista's saw the frame, in 64 or 48 bits. */
static enum weir_rest arista_time(struct weir_link_cursor *cursor)
{
    enum { TIME = 1, BITS_64 = 0x10, BITS_48 = 0x20 };
    const uint8_t *header = weir_link_take(cursor, 4);
    if (!header)
        return too_short(cursor);
    uint16_t version = weir_load_be16(header + 2);
    if (weir_load_be16(header) != TIME || (version != BITS_64 && version != BITS_48))
        return WEIR_REST_OTHER_PROTOCOL;
    uint32_t octets = version == BITS_64 ? 8 : 6;
    const uint8_t *time = weir_link_take(cursor, octets + 2);
    return time ? weir_link_go_on_by_type(cursor, weir_load_be16(time + octets))
                : too_short(cursor);
}

/* Each moves the cursor past its header and sets the next layer, or says why there is no packet. */
static enum weir_rest (*const layers[WEIR_LAYER_COUNT])(struct weir_link_cursor *cursor) = {
    [WEIR_LAYER_RAW_IP] = raw_ip,
    [WEIR_LAYER_ETHERNET] = ethernet,
    [WEIR_LAYER_VLAN] = vlan,
    [WEIR_LAYER_LLC] = llc,
    [WEIR_LAYER_MPLS] = mpls,
    [WEIR_LAYER_PPPOE] = pppoe,
    [WEIR_LAYER_PPP] = ppp,
    [WEIR_LAYER_SERIAL] = serial,
    [WEIR_LAYER_HDLC] = hdlc,
    [WEIR_LAYER_FAMILY] = family,
    [WEIR_LAYER_SLL] = sll,
    [WEIR_LAYER_SLL2] = sll2,
    [WEIR_LAYER_NFLOG] = nflog,
    [WEIR_LAYER_DSA] = dsa,
    [WEIR_LAYER_EDSA] = edsa,
    [WEIR_LAYER_CISCO_METADATA] = cisco_metadata,
    [WEIR_LAYER_ARISTA_TIME] = arista_time,
#define TUNNEL_LAYER(name, function) [WEIR_LAYER_##name] = weir_tunnel_##function,
    WEIR_TUNNEL_LAYER_LIST(TUNNEL_LAYER)
#undef TUNNEL_LAYER
#define WLAN_LAYER(name, function) [WEIR_LAYER_##name] = weir_wlan_##function,
        WEIR_WLAN_LAYER_LIST(WLAN_LAYER)
#undef WLAN_LAYER
};

static const struct {
    uint16_t link_type;
    enum weir_layer layer;
} links[] = {
    {WEIR_LINK_ETHERNET, WEIR_LAYER_ETHERNET},
    {WEIR_LINK_NULL, WEIR_LAYER_FAMILY},
    {WEIR_LINK_LOOP, WEIR_LAYER_FAMILY},
    {WEIR_LINK_RAW, WEIR_LAYER_RAW_IP},
    {WEIR_LINK_DLT_RAW, WEIR_LAYER_RAW_IP},
    {WEIR_LINK_OPENBSD_RAW, WEIR_LAYER_RAW_IP},
    {WEIR_LINK_IPV4, WEIR_LAYER_IPV4},
    {WEIR_LINK_IPV6, WEIR_LAYER_IPV6},
    {WEIR_LINK_SLL, WEIR_LAYER_SLL},
    {WEIR_LINK_SLL2, WEIR_LAYER_SLL2},
    {WEIR_LINK_PPP, WEIR_LAYER_SERIAL},
    {WEIR_LINK_PPP_HDLC, WEIR_LAYER_SERIAL},
    {WEIR_LINK_PPP_ETHERNET, WEIR_LAYER_PPPOE},
    {WEIR_LINK_CISCO_HDLC, WEIR_LAYER_HDLC},
    {WEIR_LINK_MPLS, WEIR_LAYER_MPLS},
    {WEIR_LINK_WLAN, WEIR_LAYER_WLAN},
    {WEIR_LINK_WLAN_RADIOTAP, WEIR_LAYER_RADIOTAP},
    {WEIR_LINK_WLAN_PRISM, WEIR_LAYER_PRISM},
    {WEIR_LINK_WLAN_AVS, WEIR_LAYER_AVS},
    {WEIR_LINK_NFLOG, WEIR_LAYER_NFLOG},
    {WEIR_LINK_DSA_BROADCOM, WEIR_LAYER_DSA},
    {WEIR_LINK_DSA_MARVELL, WEIR_LAYER_EDSA},
};

bool weir_parser_knows_link(uint16_t link_type)
{
    for (size_t i = 0; i < COUNT(links); i++)
        if (links[i].link_type == link_type)
            return true;
    return false;
}

enum weir_rest weir_link_walk(struct weir_link_cursor *cursor)
{
    for (unsigned steps = 0; steps <= LAYERS_MAX; steps++) {
        if (cursor->layer == WEIR_LAYER_IPV4 || cursor->layer == WEIR_LAYER_IPV6)
            return WEIR_REST_NONE;
        enum weir_rest rest = layers[cursor->layer](cursor);
        if (rest != WEIR_REST_NONE)
            return rest;
    }
    return WEIR_REST_MALFORMED_NESTING;
}

enum weir_rest weir_link_find_ip(const struct weir_frame *frame,
                                 struct weir_link_cursor *ret_cursor)
{
    for (size_t i = 0; i < COUNT(links); i++) {
        if (links[i].link_type != frame->link_type)
            continue;
        *ret_cursor = (struct weir_link_cursor){
            .at = frame->octets,
            .left = frame->captured,
            .whole = frame->wire_octets,
            .cut = frame->captured < frame->wire_octets,
            .layer = links[i].layer,
        };
        return weir_link_walk(ret_cursor);
    }
    return WEIR_REST_LINK_TYPE;
}
