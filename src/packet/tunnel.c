/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/tunnel.h"

#include "base/bytes.h"

#define UDP_HEADER_OCTETS 8
#define COUNT(array)      (sizeof(array) / sizeof((array)[0]))

enum { PROTOCOL_UDP = 17 };

enum weir_layer weir_tunnel_layer(const struct weir_packet *packet)
{
    static const struct {
        uint8_t protocol;
        enum weir_layer layer;
    } protocols[] = {
        {4, WEIR_LAYER_IPV4},       {41, WEIR_LAYER_IPV6},     {47, WEIR_LAYER_GRE},
        {97, WEIR_LAYER_ETHERIP},   {115, WEIR_LAYER_L2TP_IP}, {137, WEIR_LAYER_MPLS},
        {143, WEIR_LAYER_ETHERNET},
    };
    static const struct {
        uint16_t port;
        bool also_source; /* what comes back has the port as its source */
        enum weir_layer layer;
    } ports[] = {
        {4789, false, WEIR_LAYER_VXLAN},     {8472, false, WEIR_LAYER_VXLAN},
        {6081, false, WEIR_LAYER_GENEVE},    {2152, true, WEIR_LAYER_GTP_U},
        {3544, true, WEIR_LAYER_TEREDO},     {1701, true, WEIR_LAYER_L2TP_UDP},
        {4754, false, WEIR_LAYER_GRE_UDP},   {6635, false, WEIR_LAYER_MPLS_UDP},
        {4790, false, WEIR_LAYER_VXLAN_GPE},
    };
    const struct weir_flow_key *key = &packet->key;
    if (key->protocol != PROTOCOL_UDP) {
        for (size_t i = 0; i < COUNT(protocols); i++)
            if (protocols[i].protocol == key->protocol)
                return protocols[i].layer;
        return WEIR_LAYER_COUNT;
    }
    for (size_t i = 0; i < COUNT(ports); i++)
        if (ports[i].port == key->dst_port ||
            (ports[i].also_source && ports[i].port == key->src_port))
            return ports[i].layer;
    return WEIR_LAYER_COUNT;
}

static enum weir_rest too_short(const struct weir_link_cursor *cursor)
{
    return weir_link_too_short(cursor, WEIR_REST_MALFORMED_LINK);
}

/* The port was somebody else's. */
static enum weir_rest no_tunnel(struct weir_link_cursor *cursor)
{
    cursor->is_no_tunnel = true;
    return WEIR_REST_OTHER_PROTOCOL;
}

/* The header of `octets` behind that of UDP; NULL where the datagram has less. */
static const uint8_t *take_udp(struct weir_link_cursor *cursor, uint32_t octets)
{
    const uint8_t *udp = weir_link_take(cursor, UDP_HEADER_OCTETS + octets);
    return udp ? udp + UDP_HEADER_OCTETS : NULL;
}

/* A short datagram is somebody else's, if it is the capture's doing nobody knows. */
static enum weir_rest short_udp(struct weir_link_cursor *cursor)
{
    return cursor->cut ? WEIR_REST_TRUNCATED : no_tunnel(cursor);
}

/* IP of either version, or something else. */
static enum weir_rest ip_by_version(struct weir_link_cursor *cursor)
{
    if (cursor->left < 1)
        return too_short(cursor);
    unsigned version = cursor->at[0] >> 4;
    if (version != 4 && version != 6)
        return WEIR_REST_OTHER_PROTOCOL;
    return weir_link_go_on(cursor, version == 4 ? WEIR_LAYER_IPV4 : WEIR_LAYER_IPV6);
}

/* RFC 1701's source routes, up to one of length 0; only old packets have them. */
static bool take_routes(struct weir_link_cursor *cursor)
{
    const uint8_t *route;
    do {
        route = weir_link_take(cursor, 4);
        if (!route || (route[3] > 0 && !weir_link_take(cursor, route[3])))
            return false;
    } while (route[3] > 0);
    return true;
}

enum weir_rest weir_tunnel_gre(struct weir_link_cursor *cursor)
{
    enum {
        CHECKSUM = 0x8000,
        ROUTING = 0x4000,
        KEY = 0x2000,
        SEQUENCE = 0x1000,
        ACKNOWLEDGMENT = 0x0080, /* version 1 */
        VERSION = 7,
        TYPE_ERSPAN_2 = 0x88be, /* and I, which has no sequence */
        TYPE_ERSPAN_3 = 0x22eb,
        TYPE_MIN = 0x0600, /* below there are no EtherTypes, but keepalives */
    };
    const uint8_t *header = weir_link_take(cursor, 4);
    if (!header)
        return too_short(cursor);
    uint16_t flags = weir_load_be16(header), type = weir_load_be16(header + 2);
    bool is_pptp = (flags & VERSION) == 1;
    if ((flags & VERSION) > 1)
        return WEIR_REST_OTHER_PROTOCOL;
    uint32_t before_key = flags & (CHECKSUM | ROUTING) ? 4 : 0;
    uint32_t octets = before_key + (flags & KEY ? 4 : 0) + (flags & SEQUENCE ? 4 : 0) +
                      (is_pptp && flags & ACKNOWLEDGMENT ? 4 : 0);
    const uint8_t *fields = weir_link_take(cursor, octets);
    if (!fields)
        return too_short(cursor);
    uint32_t key = flags & KEY ? weir_load_be32(fields + before_key) : 0;
    weir_link_identify(cursor, WEIR_ENCAPSULATION_GRE, is_pptp ? key & 0xffff : key);
    if (!is_pptp && flags & ROUTING && !take_routes(cursor))
        return too_short(cursor);
    if (is_pptp && !(flags & SEQUENCE))
        return WEIR_REST_OTHER_PROTOCOL; /* an acknowledgment, without payload */
    if (type == TYPE_ERSPAN_3)
        return weir_link_go_on(cursor, WEIR_LAYER_ERSPAN_3);
    if (type == TYPE_ERSPAN_2) {
        weir_link_identify(cursor, WEIR_ENCAPSULATION_ERSPAN, 0);
        return weir_link_go_on(cursor,
                               flags & SEQUENCE ? WEIR_LAYER_ERSPAN_2 : WEIR_LAYER_ETHERNET);
    }
    return type < TYPE_MIN ? WEIR_REST_OTHER_PROTOCOL : weir_link_go_on_by_type(cursor, type);
}

enum weir_rest weir_tunnel_gre_udp(struct weir_link_cursor *cursor)
{
    /* RFC 8086: checksum, key and sequence number, and all else 0. */
    enum { MAY_BE_SET = 0xb000 };
    const uint8_t *udp = weir_link_take(cursor, UDP_HEADER_OCTETS);
    if (!udp || cursor->left < 4)
        return short_udp(cursor);
    if (weir_load_be16(cursor->at) & ~(unsigned)MAY_BE_SET)
        return no_tunnel(cursor);
    return weir_link_go_on(cursor, WEIR_LAYER_GRE);
}

enum weir_rest weir_tunnel_mpls_udp(struct weir_link_cursor *cursor)
{
    return take_udp(cursor, 0) ? weir_link_go_on(cursor, WEIR_LAYER_MPLS) : short_udp(cursor);
}

/* The header has the VLAN that the frame was seen in, whose tag need not be there any more. */
static void take_vlan(struct weir_link_cursor *cursor, const uint8_t *header)
{
    uint16_t vlan = weir_load_be16(header) & 0xfff;
    if (vlan)
        cursor->vlan = vlan;
}

enum weir_rest weir_tunnel_erspan_2(struct weir_link_cursor *cursor)
{
    const uint8_t *header = weir_link_take(cursor, 8);
    if (!header)
        return too_short(cursor);
    if (header[0] >> 4 != 1)
        return WEIR_REST_OTHER_PROTOCOL;
    take_vlan(cursor, header);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_ERSPAN, weir_load_be16(header + 2) & 0x3ff);
    return weir_link_go_on(cursor, WEIR_LAYER_ETHERNET);
}

enum weir_rest weir_tunnel_erspan_3(struct weir_link_cursor *cursor)
{
    enum { FRAME_IP = 2, SUBHEADER = 1 };
    const uint8_t *header = weir_link_take(cursor, 12);
    if (!header)
        return too_short(cursor);
    if (header[0] >> 4 != 2)
        return WEIR_REST_OTHER_PROTOCOL;
    if (header[11] & SUBHEADER && !weir_link_take(cursor, 8))
        return too_short(cursor);
    take_vlan(cursor, header);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_ERSPAN, weir_load_be16(header + 2) & 0x3ff);
    if ((header[10] >> 2 & 0x1f) == FRAME_IP)
        return ip_by_version(cursor);
    return weir_link_go_on(cursor, WEIR_LAYER_ETHERNET);
}

enum weir_rest weir_tunnel_etherip(struct weir_link_cursor *cursor)
{
    enum { VERSION_3 = 0x3000 };
    const uint8_t *header = weir_link_take(cursor, 2);
    if (!header)
        return too_short(cursor);
    if (weir_load_be16(header) != VERSION_3)
        return WEIR_REST_OTHER_PROTOCOL;
    return weir_link_go_on(cursor, WEIR_LAYER_ETHERNET);
}

/*
 * Behind an L2TPv3 session come a cookie of 0, 4 or 8 octets and a sublayer of 0 or 4, as the two
 * ends agreed and no packet says. The first place where an Ethernet header may be is taken.
 */
static enum weir_rest find_ethernet(struct weir_link_cursor *cursor)
{
    for (uint32_t skipped = 0; skipped <= 12; skipped += 4) {
        if (!weir_link_may_be_ethernet(cursor, skipped))
            continue;
        (void)weir_link_take(cursor, skipped);
        return weir_link_go_on(cursor, WEIR_LAYER_ETHERNET);
    }
    return cursor->cut && cursor->left < 12 + WEIR_ETHERNET_HEADER_OCTETS
               ? WEIR_REST_TRUNCATED
               : WEIR_REST_OTHER_PROTOCOL;
}

enum weir_rest weir_tunnel_l2tp_ip(struct weir_link_cursor *cursor)
{
    const uint8_t *session = weir_link_take(cursor, 4);
    if (!session)
        return too_short(cursor);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_L2TP, weir_load_be32(session));
    /* Session 0 is the control connection's. */
    return weir_load_be32(session) ? find_ethernet(cursor) : WEIR_REST_OTHER_PROTOCOL;
}

/* What is behind the first two octets of an L2TPv2 data message. */
static enum weir_rest l2tp_2(struct weir_link_cursor *cursor, uint16_t flags)
{
    enum { LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200 };
    if (flags & LENGTH && !weir_link_take(cursor, 2))
        return short_udp(cursor);
    const uint8_t *ids = weir_link_take(cursor, 4);
    if (!ids || (flags & SEQUENCE && !weir_link_take(cursor, 4)))
        return short_udp(cursor);
    if (flags & OFFSET) {
        const uint8_t *offset = weir_link_take(cursor, 2);
        if (!offset || !weir_link_take(cursor, weir_load_be16(offset)))
            return short_udp(cursor);
    }
    weir_link_identify(cursor, WEIR_ENCAPSULATION_L2TP, weir_load_be32(ids));
    return weir_link_go_on(cursor, WEIR_LAYER_PPP);
}

enum weir_rest weir_tunnel_l2tp_udp(struct weir_link_cursor *cursor)
{
    enum { CONTROL = 0x8000, RESERVED_2 = 0x34f0, RESERVED_3 = 0x7ff0 };
    const uint8_t *header = take_udp(cursor, 2);
    if (!header)
        return short_udp(cursor);
    uint16_t flags = weir_load_be16(header);
    if (flags & CONTROL)
        return no_tunnel(cursor);
    if ((flags & 0xf) == 2 && !(flags & RESERVED_2))
        return l2tp_2(cursor, flags);
    if ((flags & 0xf) != 3 || flags & RESERVED_3)
        return no_tunnel(cursor);
    return weir_link_take(cursor, 2) ? weir_link_go_on(cursor, WEIR_LAYER_L2TP_IP)
                                     : short_udp(cursor);
}

enum weir_rest weir_tunnel_vxlan(struct weir_link_cursor *cursor)
{
    enum { HAS_VNI = 0x08, HAS_POLICY = 0x80 };
    const uint8_t *header = take_udp(cursor, 8);
    if (!header)
        return short_udp(cursor);
    if ((header[0] & ~(unsigned)HAS_POLICY) != HAS_VNI || header[7] != 0)
        return no_tunnel(cursor);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_VXLAN, weir_load_be32(header + 4) >> 8);
    return weir_link_go_on(cursor, WEIR_LAYER_ETHERNET);
}

/* What the one octet of VXLAN-GPE and NSH announces. */
static enum weir_rest by_next_protocol(struct weir_link_cursor *cursor, uint8_t next)
{
    static const enum weir_layer layers[] = {
        WEIR_LAYER_COUNT,    WEIR_LAYER_IPV4, WEIR_LAYER_IPV6,
        WEIR_LAYER_ETHERNET, WEIR_LAYER_NSH,  WEIR_LAYER_MPLS,
    };
    if (next == 0 || next >= COUNT(layers))
        return WEIR_REST_OTHER_PROTOCOL;
    return weir_link_go_on(cursor, layers[next]);
}

enum weir_rest weir_tunnel_vxlan_gpe(struct weir_link_cursor *cursor)
{
    enum { VERSION = 0x30, HAS_VNI = 0x08, HAS_NEXT = 0x04, IS_OAM = 0x01, RESERVED = 0xc0 };
    const uint8_t *header = take_udp(cursor, 8);
    if (!header)
        return short_udp(cursor);
    if (header[0] & (VERSION | RESERVED) || !(header[0] & HAS_NEXT) || header[7] != 0)
        return no_tunnel(cursor);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_VXLAN,
                       header[0] & HAS_VNI ? weir_load_be32(header + 4) >> 8 : 0);
    return header[0] & IS_OAM ? WEIR_REST_OTHER_PROTOCOL : by_next_protocol(cursor, header[3]);
}

enum weir_rest weir_tunnel_nsh(struct weir_link_cursor *cursor)
{
    enum { VERSION = 0xc000, IS_OAM = 0x2000, WORDS = 0x3f, WORDS_MIN = 2 };
    const uint8_t *header = weir_link_take(cursor, 4);
    if (!header)
        return too_short(cursor);
    uint16_t word = weir_load_be16(header);
    if (word & (VERSION | IS_OAM) || (word & WORDS) < WORDS_MIN)
        return WEIR_REST_OTHER_PROTOCOL;
    if (!weir_link_take(cursor, ((word & WORDS) - 1u) * 4))
        return too_short(cursor);
    return by_next_protocol(cursor, header[3]);
}

enum weir_rest weir_tunnel_geneve(struct weir_link_cursor *cursor)
{
    enum { OPTION_WORDS = 0x3f, RESERVED = 0x3f };
    const uint8_t *header = take_udp(cursor, 8);
    if (!header)
        return short_udp(cursor);
    if (header[0] >> 6 != 0 || header[1] & RESERVED || header[7] != 0)
        return no_tunnel(cursor);
    if (!weir_link_take(cursor, (header[0] & OPTION_WORDS) * 4u))
        return too_short(cursor);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_GENEVE, weir_load_be32(header + 4) >> 8);
    return weir_link_go_on_by_type(cursor, weir_load_be16(header + 2));
}

/* Extension headers: their length in words, and at their end the type of the next. */
static bool take_gtp_extensions(struct weir_link_cursor *cursor, uint8_t next)
{
    while (next != 0) {
        uint32_t octets = cursor->left > 0 ? cursor->at[0] * 4u : 0;
        const uint8_t *extension = octets > 0 ? weir_link_take(cursor, octets) : NULL;
        if (!extension)
            return false;
        next = extension[octets - 1];
    }
    return true;
}

enum weir_rest weir_tunnel_gtp_u(struct weir_link_cursor *cursor)
{
    enum {
        VERSION_AND_TYPE = 0xf8,
        GTP_1 = 0x30,
        HAS_EXTENSION = 4,
        OPTIONAL = 7, /* with any of the flags all fields are there */
        G_PDU = 255,
    };
    const uint8_t *header = take_udp(cursor, 8);
    if (!header)
        return short_udp(cursor);
    if ((header[0] & VERSION_AND_TYPE) != GTP_1 || header[1] != G_PDU)
        return no_tunnel(cursor);
    if (header[0] & OPTIONAL) {
        const uint8_t *fields = weir_link_take(cursor, 4);
        if (!fields || (header[0] & HAS_EXTENSION && !take_gtp_extensions(cursor, fields[3])))
            return too_short(cursor);
    }
    weir_link_identify(cursor, WEIR_ENCAPSULATION_GTP_U, weir_load_be32(header + 4));
    return ip_by_version(cursor);
}

bool weir_tunnel_is_teredo(const uint8_t *payload, uint32_t captured, uint32_t whole)
{
    enum { PREFIX = 0x20010000, IPV6_OCTETS = 40 };
    return captured >= IPV6_OCTETS && payload[0] >> 4 == 6 &&
           weir_load_be16(payload + 4) + (uint32_t)IPV6_OCTETS == whole &&
           (weir_load_be32(payload + 8) == PREFIX || weir_load_be32(payload + 24) == PREFIX);
}

enum weir_rest weir_tunnel_teredo(struct weir_link_cursor *cursor)
{
    enum { AUTHENTICATION = 1, ORIGIN = 0 };
    if (!weir_link_take(cursor, UDP_HEADER_OCTETS))
        return short_udp(cursor);
    if (cursor->left >= 4 && weir_load_be16(cursor->at) == AUTHENTICATION &&
        !weir_link_take(cursor, 4u + cursor->at[2] + cursor->at[3] + 9))
        return short_udp(cursor);
    if (cursor->left >= 2 && weir_load_be16(cursor->at) == ORIGIN && !weir_link_take(cursor, 8))
        return short_udp(cursor);
    if (cursor->left < 6)
        return short_udp(cursor);
    /* Behind the packet there may be trailers (RFC 6081). */
    if (cursor->at[0] >> 4 != 6 || weir_load_be16(cursor->at + 4) + 40u > cursor->whole)
        return no_tunnel(cursor);
    weir_link_identify(cursor, WEIR_ENCAPSULATION_TEREDO, 0);
    return weir_link_go_on(cursor, WEIR_LAYER_IPV6);
}
