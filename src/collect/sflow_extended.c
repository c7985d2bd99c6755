/* SPDX-License-Identifier: Apache-2.0 */
/* Extended data of flow samples: what the agent knows of a packet besides its header. */
#include <string.h>

#include "collect/sflow_blocks.h"

#define VLAN_MAX     4095u
#define PRIORITY_MAX 7u
#define LABELS       3u

/* RFC 6313 section 4.5.1. */
enum { SEMANTIC_ALL_OF = 3, SEMANTIC_ORDERED = 4 };
#define LIST_HEADER_OCTETS 5u
#define LONG_LENGTH        255u

static void write_address(struct weir_sflow_builder *record, unsigned v4_block, unsigned v6_block,
                          struct weir_address address)
{
    bool is_v4 = weir_address_is_v4(address);
    struct weir_writer *out = weir_sflow_block(record, is_v4 ? v4_block : v6_block);
    if (is_v4) {
        weir_write_u32(out, (uint32_t)address.low);
    } else {
        weir_write_u64(out, address.high);
        weir_write_u64(out, address.low);
    }
    weir_sflow_block_end(record);
}

/* Where a VLAN or a priority is not known, agents give 0 or a number that none has. */
static void take_switch(struct weir_sflow_builder *record, struct weir_reader *body,
                        const struct weir_sflow_taker *taker)
{
    (void)taker;
    uint32_t vlan = weir_read_u32(body), priority = weir_read_u32(body);
    uint32_t post_vlan = weir_read_u32(body), post_priority = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    if (vlan > 0 && vlan <= VLAN_MAX)
        weir_sflow_write_u16(record, BLOCK_VLAN, vlan);
    if (post_vlan > 0 && post_vlan <= VLAN_MAX)
        weir_sflow_write_u16(record, BLOCK_POST_VLAN, post_vlan);
    if (priority > PRIORITY_MAX || post_priority > PRIORITY_MAX)
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_PRIORITIES);
    weir_write_u8(out, (uint8_t)priority);
    weir_write_u8(out, (uint8_t)post_priority);
    weir_sflow_block_end(record);
}

/* Whose prefixes the lengths are of shows when all of the sample is known. */
static void take_router(struct weir_sflow_builder *record, struct weir_reader *body,
                        const struct weir_sflow_taker *taker)
{
    (void)taker;
    struct weir_address next_hop;
    bool has_next_hop = weir_sflow_read_address(body, &next_hop);
    uint32_t source = weir_read_u32(body), destination = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    if (has_next_hop)
        write_address(record, BLOCK_NEXT_HOP4, BLOCK_NEXT_HOP6, next_hop);
    struct weir_writer *out = weir_sflow_block(record, BLOCK_MASKS4);
    weir_write_u8(out, (uint8_t)source);
    weir_write_u8(out, (uint8_t)destination);
    weir_sflow_block_end(record);
}

/* The numbers of an AS path: how many, its first and its last. Reads past them. */
struct path {
    uint32_t count, first, last;
};

static struct path read_path(struct weir_reader *body, struct weir_writer *out)
{
    struct path path = {0};
    uint32_t segments = weir_read_u32(body);
    for (uint32_t i = 0; i < segments && !weir_reader_failed(body); i++) {
        weir_read_skip(body, 4); /* a set or a sequence */
        uint32_t count = weir_read_u32(body);
        for (uint32_t k = 0; k < count && !weir_reader_failed(body); k++) {
            path.last = weir_read_u32(body);
            path.first = path.count == 0 ? path.last : path.first;
            path.count++;
            if (out)
                weir_write_u32(out, path.last);
        }
    }
    return path;
}

/* A basicList (RFC 6313 section 4.5.1) of `count` values of 4 octets, which are to follow. */
static void begin_list(struct weir_writer *out, uint8_t semantic, uint16_t element, uint32_t count)
{
    size_t length = LIST_HEADER_OCTETS + (size_t)count * 4;
    if (length < LONG_LENGTH) {
        weir_write_u8(out, (uint8_t)length);
    } else {
        weir_write_u8(out, LONG_LENGTH);
        weir_write_u16(out, (uint16_t)length);
    }
    weir_write_u8(out, semantic);
    weir_write_u16(out, element);
    weir_write_u16(out, 4);
}

static void take_gateway(struct weir_sflow_builder *record, struct weir_reader *body,
                         const struct weir_sflow_taker *taker)
{
    (void)taker;
    struct weir_address next_hop;
    bool has_next_hop = weir_sflow_read_address(body, &next_hop);
    uint32_t router_as = weir_read_u32(body);
    uint32_t source_as = weir_read_u32(body), source_peer_as = weir_read_u32(body);
    struct weir_reader path_again = *body;
    struct path path = read_path(body, NULL);
    uint32_t communities = weir_read_u32(body);
    if (communities > weir_reader_remaining(body) / 4)
        communities = UINT32_MAX / 4; /* more than there is: the next read fails */
    const uint8_t *community = weir_read_octets(body, (size_t)communities * 4);
    uint32_t preference = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    if (has_next_hop)
        write_address(record, BLOCK_BGP_NEXT_HOP4, BLOCK_BGP_NEXT_HOP6, next_hop);
    struct weir_writer *out = weir_sflow_block(record, BLOCK_GATEWAY);
    weir_write_u32(out, source_as);
    weir_write_u32(out, path.last);
    weir_write_u32(out, source_peer_as);
    weir_write_u32(out, path.first);
    weir_write_u32(out, router_as);
    weir_write_u32(out, preference);
    begin_list(out, SEMANTIC_ORDERED, 17, path.count); /* bgpDestinationAsNumber */
    (void)read_path(&path_again, out);
    begin_list(out, SEMANTIC_ALL_OF, 483, communities); /* bgpCommunity */
    weir_write_octets(out, community, (size_t)communities * 4);
    weir_sflow_block_end(record);
}

static void write_text(struct weir_writer *out, const struct weir_reader *text)
{
    size_t length = text->remaining;
    if (length < LONG_LENGTH) {
        weir_write_u8(out, (uint8_t)length);
    } else {
        weir_write_u8(out, LONG_LENGTH);
        weir_write_u16(out, (uint16_t)length);
    }
    weir_write_octets(out, text->octets, length);
}

static void take_user(struct weir_sflow_builder *record, struct weir_reader *body,
                      const struct weir_sflow_taker *taker)
{
    (void)taker;
    weir_read_skip(body, 4); /* character sets: UTF-8 is what agents are to use */
    struct weir_reader source = weir_sflow_read_opaque(body);
    weir_read_skip(body, 4);
    struct weir_reader destination = weir_sflow_read_opaque(body);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_USER);
    write_text(out, &source);
    write_text(out, &destination);
    weir_sflow_block_end(record);
}

/* The upper labels of the packet as it came; a label's first 24 bits are what IPFIX has of it. */
static void take_mpls(struct weir_sflow_builder *record, struct weir_reader *body,
                      const struct weir_sflow_taker *taker)
{
    (void)taker;
    struct weir_address next_hop;
    (void)weir_sflow_read_address(body, &next_hop);
    uint32_t labels[LABELS] = {0}, count = weir_read_u32(body);
    for (uint32_t i = 0; i < count && !weir_reader_failed(body); i++) {
        uint32_t label = weir_read_u32(body);
        if (i < LABELS)
            labels[i] = label;
    }
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_MPLS);
    for (unsigned i = 0; i < LABELS; i++) {
        weir_write_u8(out, (uint8_t)(labels[i] >> 24));
        weir_write_u16(out, (uint16_t)(labels[i] >> 8));
    }
    weir_sflow_block_end(record);
}

static void take_nat(struct weir_sflow_builder *record, struct weir_reader *body,
                     const struct weir_sflow_taker *taker)
{
    (void)taker;
    struct weir_address source, destination;
    bool has_source = weir_sflow_read_address(body, &source);
    bool has_destination = weir_sflow_read_address(body, &destination);
    if (weir_reader_failed(body))
        return;
    if (has_source)
        write_address(record, BLOCK_NAT_SRC4, BLOCK_NAT_SRC6, source);
    if (has_destination)
        write_address(record, BLOCK_NAT_DST4, BLOCK_NAT_DST6, destination);
}

static void take_nat_ports(struct weir_sflow_builder *record, struct weir_reader *body,
                           const struct weir_sflow_taker *taker)
{
    (void)taker;
    uint32_t source = weir_read_u32(body), destination = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_NAT_PORTS);
    weir_write_u16(out, (uint16_t)source);
    weir_write_u16(out, (uint16_t)destination);
    weir_sflow_block_end(record);
}

static void take_vni(struct weir_sflow_builder *record, struct weir_reader *body,
                     const struct weir_sflow_taker *taker)
{
    (void)taker;
    uint32_t vni = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    weir_write_u64(weir_sflow_block(record, BLOCK_VNI), vni);
    weir_sflow_block_end(record);
}

/* One number. */
static void take_number(struct weir_sflow_builder *record, struct weir_reader *body,
                        const struct weir_sflow_taker *taker)
{
    uint32_t value = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    weir_write_u32(weir_sflow_block(record, taker->block), value);
    weir_sflow_block_end(record);
}

/* Takes what stands before the next blank, and the blank, off a text. */
static struct weir_reader read_word(struct weir_reader *text)
{
    const uint8_t *blank = memchr(text->octets, ' ', text->remaining);
    struct weir_reader word = *text;
    if (!blank)
        return (struct weir_reader){0};
    word.remaining = (size_t)(blank - text->octets);
    weir_read_skip(text, word.remaining + 1);
    return word;
}

/* A request line (RFC 9112 section 3), "GET /index.html HTTP/1.1", or its target alone. */
static void take_url(struct weir_sflow_builder *record, struct weir_reader *body,
                     const struct weir_sflow_taker *taker)
{
    (void)taker;
    weir_read_skip(body, 4); /* whose URL it is: the source's or the destination's */
    struct weir_reader line = weir_sflow_read_opaque(body);
    struct weir_reader host = weir_sflow_read_opaque(body);
    if (weir_reader_failed(body))
        return;
    struct weir_reader method = read_word(&line), target = read_word(&line);
    struct weir_writer *out = weir_sflow_block(record, BLOCK_URL);
    write_text(out, &method);
    write_text(out, target.remaining > 0 ? &target : &line);
    write_text(out, &host);
    weir_sflow_block_end(record);
}

/* A name and so many numbers. */
static void take_named(struct weir_sflow_builder *record, struct weir_reader *body,
                       const struct weir_sflow_taker *taker)
{
    size_t numbers = taker->more;
    struct weir_reader name = weir_sflow_read_opaque(body);
    const uint8_t *octets = weir_read_octets(body, numbers * 4);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, taker->block);
    write_text(out, &name);
    weir_write_octets(out, octets, numbers * 4);
    weir_sflow_block_end(record);
}

static void take_mpls_fec(struct weir_sflow_builder *record, struct weir_reader *body,
                          const struct weir_sflow_taker *taker)
{
    (void)taker;
    uint32_t length = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    weir_write_u8(weir_sflow_block(record, BLOCK_MPLS_FEC), (uint8_t)length);
    weir_sflow_block_end(record);
}

/* TPID and TCI of each tag that was taken off, the outermost first. */
static void take_vlan_tags(struct weir_sflow_builder *record, struct weir_reader *body,
                           const struct weir_sflow_taker *taker)
{
    (void)taker;
    uint32_t count = weir_read_u32(body);
    if (count > weir_reader_remaining(body) / 4)
        count = UINT32_MAX / 4; /* more than there is: the next read fails */
    const uint8_t *tags = weir_read_octets(body, (size_t)count * 4);
    if (weir_reader_failed(body))
        return;
    struct weir_reader all = weir_reader_make(tags, (size_t)count * 4);
    write_text(weir_sflow_block(record, BLOCK_VLAN_TAGS), &all);
    weir_sflow_block_end(record);
}

/* IEEE 802.11; `more`: octets of what only structures about transmitted packets have. */
static void take_wlan(struct weir_sflow_builder *record, struct weir_reader *body,
                      const struct weir_sflow_taker *taker)
{
    struct weir_reader ssid = weir_sflow_read_opaque(body);
    const uint8_t *bssid = weir_read_octets(body, 8); /* 6, padded */
    weir_read_skip(body, 4);                          /* which of 802.11a, b, g, n */
    weir_read_skip(body, taker->more);                /* transmissions, and how long they took */
    uint32_t channel = weir_read_u32(body);
    uint64_t speed = weir_read_u64(body);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_WLAN);
    write_text(out, &ssid);
    weir_write_octets(out, bssid, 6);
    weir_write_u8(out, (uint8_t)(channel < UINT8_MAX ? channel : UINT8_MAX));
    weir_write_u64(out, speed);
    weir_sflow_block_end(record);
}

/* What stands around the packet in a tunnel: as sampled_ethernet, sampled_ipv4, sampled_ipv6. */
static void take_tunnel_macs(struct weir_sflow_builder *record, struct weir_reader *body,
                             const struct weir_sflow_taker *taker)
{
    weir_read_skip(body, 4);
    const uint8_t *source = weir_read_octets(body, 8);
    const uint8_t *destination = weir_read_octets(body, 8);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, taker->block);
    weir_write_octets(out, source, 6);
    weir_write_octets(out, destination, 6);
    weir_sflow_block_end(record);
}

/* `more`: the block of what is not addresses. */
static void take_tunnel_ip(struct weir_sflow_builder *record, struct weir_reader *body,
                           const struct weir_sflow_taker *taker)
{
    bool is_v4 = taker->block == BLOCK_IN_IPV4 || taker->block == BLOCK_OUT_IPV4;
    size_t octets = is_v4 ? 8 : 32;
    weir_read_skip(body, 4);
    uint32_t protocol = weir_read_u32(body);
    const uint8_t *both = weir_read_octets(body, octets);
    uint32_t source_port = weir_read_u32(body), destination_port = weir_read_u32(body);
    weir_read_skip(body, 4); /* TCP flags */
    uint32_t tos = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    weir_write_octets(weir_sflow_block(record, taker->block), both, octets);
    weir_sflow_block_end(record);
    struct weir_writer *out = weir_sflow_block(record, taker->more);
    weir_write_u8(out, (uint8_t)protocol);
    weir_write_u8(out, (uint8_t)tos);
    weir_write_u16(out, (uint16_t)source_port);
    weir_write_u16(out, (uint16_t)destination_port);
    weir_sflow_block_end(record);
}

/* Of enterprise 0; 1014 and 1015 are of sFlow's 802.11 structures, 1021 and on of its tunnel
 * structures. */
const struct weir_sflow_taker weir_sflow_extended[] = {
    {WEIR_SFLOW_FORMAT(0, 1001), take_switch, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1002), take_router, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1003), take_gateway, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1004), take_user, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1005), take_url, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1006), take_mpls, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1007), take_nat, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1008), take_named, BLOCK_MPLS_TUNNEL, 2},
    {WEIR_SFLOW_FORMAT(0, 1009), take_named, BLOCK_MPLS_VC, 2},
    {WEIR_SFLOW_FORMAT(0, 1010), take_named, BLOCK_MPLS_FTN, 1},
    {WEIR_SFLOW_FORMAT(0, 1011), take_mpls_fec, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1012), take_vlan_tags, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1014), take_wlan, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1015), take_wlan, 0, 12},
    {WEIR_SFLOW_FORMAT(0, 1020), take_nat_ports, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 1021), take_tunnel_macs, BLOCK_OUT_MACS, 0},
    {WEIR_SFLOW_FORMAT(0, 1022), take_tunnel_macs, BLOCK_IN_MACS, 0},
    {WEIR_SFLOW_FORMAT(0, 1023), take_tunnel_ip, BLOCK_OUT_IPV4, BLOCK_OUT_IP},
    {WEIR_SFLOW_FORMAT(0, 1024), take_tunnel_ip, BLOCK_IN_IPV4, BLOCK_IN_IP},
    {WEIR_SFLOW_FORMAT(0, 1025), take_tunnel_ip, BLOCK_OUT_IPV6, BLOCK_OUT_IP},
    {WEIR_SFLOW_FORMAT(0, 1026), take_tunnel_ip, BLOCK_IN_IPV6, BLOCK_IN_IP},
    {WEIR_SFLOW_FORMAT(0, 1027), take_number, BLOCK_OUT_OFFSET, 0},
    {WEIR_SFLOW_FORMAT(0, 1028), take_number, BLOCK_IN_OFFSET, 0},
    {WEIR_SFLOW_FORMAT(0, 1029), take_number, BLOCK_OUT_VNI, 0},
    {WEIR_SFLOW_FORMAT(0, 1030), take_vni, 0, 0},
};
const size_t weir_sflow_extended_count =
    sizeof(weir_sflow_extended) / sizeof(weir_sflow_extended[0]);
