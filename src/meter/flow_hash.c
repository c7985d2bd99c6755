/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/flow_hash.h"

#include "base/aes_round.h"
#include "meter/biflow.h"

/* Direction's part of a tag. */
#define DIRECTION 0xa5u

/* 0 means empty. */
static inline uint8_t tag_of(uint64_t hash, unsigned direction)
{
    uint8_t tag = (uint8_t)(hash ^ ((0u - direction) & DIRECTION));
    return (uint8_t)(tag + (tag == 0));
}

/* What follows the addresses of a key as one word, and its parts. */
static inline uint64_t load_rest(const struct weir_flow_key *key)
{
    uint64_t rest;
    memcpy(&rest, &key->src_port, sizeof(rest));
    return rest;
}
_Static_assert(offsetof(struct weir_flow_key, src_port) == 32 &&
                   offsetof(struct weir_flow_key, dst_port) == 34 &&
                   offsetof(struct weir_flow_key, protocol) == 36 &&
                   offsetof(struct weir_flow_key, tos) == 37 &&
                   offsetof(struct weir_flow_key, observation_point) == 38,
               "the parts of a key are where the word is taken apart");

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define REST_V6                 ((uint64_t)WEIR_FLOW_KEY_V6 << 48)
#define REST_SRC_PORT(rest)     ((rest)&0xffff)
#define REST_DST_PORT(rest)     ((rest) >> 16 & 0xffff)
#define REST_PROTOCOL(rest)     ((rest) >> 32 & 0xff)
#define REST_TAIL(rest)         ((rest) >> 40)
#define REST_OF_PORTS(src, dst) ((src) | (dst) << 16)
#else
#define REST_V6                 ((uint64_t)WEIR_FLOW_KEY_V6)
#define REST_SRC_PORT(rest)     ((rest) >> 48)
#define REST_DST_PORT(rest)     ((rest) >> 32 & 0xffff)
#define REST_PROTOCOL(rest)     ((rest) >> 24 & 0xff)
#define REST_TAIL(rest)         ((rest)&0xffffff)
#define REST_OF_PORTS(src, dst) ((src) << 48 | (dst) << 32)
#endif

/* The word with its ports exchanged where the mask is ones: a branch nobody could foresee. */
static inline uint64_t exchange_ports(uint64_t rest, uint64_t mask)
{
    uint64_t differ = (REST_SRC_PORT(rest) ^ REST_DST_PORT(rest)) & mask;
    return rest ^ REST_OF_PORTS(differ, differ);
}

/* An ICMP message that answers another has what that would have in the other direction. */
__attribute__((noinline)) static uint64_t icmp_ports(const struct weir_packet *packet,
                                                     uint64_t rest)
{
    bool is_v6 = packet->flags & WEIR_PACKET_V6;
    if (packet->key.protocol != weir_icmp_protocol(is_v6))
        return rest;
    uint16_t question = weir_biflow_icmp_question(packet->key.dst_port, is_v6);
    if (!question)
        return rest;
    uint64_t ports = REST_OF_PORTS(UINT64_C(0xffff), UINT64_C(0xffff));
    return (rest & ~ports) | REST_OF_PORTS((uint64_t)question, UINT64_C(0));
}

/* Which family it is cannot be foreseen, that it is neither ICMP can. */
static inline uint64_t biflow_ports(const struct weir_packet *packet, uint64_t rest)
{
    uint8_t protocol = packet->key.protocol;
    bool may_answer = (protocol == WEIR_PROTOCOL_ICMP) | (protocol == WEIR_PROTOCOL_ICMPV6);
    return __builtin_expect(may_answer, 0) ? icmp_ports(packet, rest) : rest;
}

/*
 * Each endpoint goes through two rounds with the protocol; their sum knows no direction, and two
 * rounds more mix it. A MAC address that is a key is of its endpoint. ToS and observation point go
 * in by tail_mask: with connections they must not, since the other direction's may differ; neither
 * must most of the further keys. An octet of a port reaches only one half of its endpoint's block,
 * so both halves say which end is the first.
 */
#define WEIR_DEFINE_FLOW_HASH(name, aes, is_biflow)                                                \
    void name(const struct weir_flow_hasher *hasher, const struct weir_packet *packets,            \
              const struct weir_flow_more_key *more, struct weir_flow_place *places, size_t count) \
    {                                                                                              \
        weir_aes_block k[WEIR_HASH_ROUNDS];                                                        \
        memcpy(k, hasher->hash_key.round, sizeof(k));                                              \
        const uint64_t tail_mask = hasher->tail_mask;                                              \
        const uint64_t bucket_count = hasher->bucket_count;                                        \
        for (size_t i = 0; i < count; i++) {                                                       \
            const struct weir_flow_key *key = &packets[i].key;                                     \
            const bool is_v6 = (packets[i].flags & WEIR_PACKET_V6) != 0;                           \
            const struct weir_flow_key *mask = &hasher->mask[is_v6];                               \
            struct weir_flow_place *place = &places[i];                                            \
            weir_aes_block src = weir_aes_load(&key->src_addr) & weir_aes_load(&mask->src_addr);   \
            weir_aes_block dst = weir_aes_load(&key->dst_addr) & weir_aes_load(&mask->dst_addr);   \
            uint64_t rest = load_rest(key);                                                        \
            if (is_biflow)                                                                         \
                rest = biflow_ports(&packets[i], rest);                                            \
            rest &= load_rest(mask);                                                               \
            rest |= is_v6 ? REST_V6 : 0;                                                           \
            const weir_aes_block src_addr = src, dst_addr = dst;                                   \
            uint64_t protocol = REST_PROTOCOL(rest) << 16;                                         \
            weir_aes_block src_end = {protocol | REST_SRC_PORT(rest)};                             \
            weir_aes_block dst_end = {protocol | REST_DST_PORT(rest)};                             \
            if (more) {                                                                            \
                src_end[1] = more[i].src_mac & hasher->hashed_more.src_mac;                        \
                dst_end[1] = more[i].dst_mac & hasher->hashed_more.dst_mac;                        \
            }                                                                                      \
            src = aes(src ^ k[0], src_end ^ k[1]);                                                 \
            dst = aes(dst ^ k[0], dst_end ^ k[1]);                                                 \
            src = aes(src, k[2]);                                                                  \
            dst = aes(dst, k[2]);                                                                  \
            weir_aes_block sum = src + dst + (weir_aes_block){REST_TAIL(rest) & tail_mask};        \
            if (more) {                                                                            \
                weir_aes_block m[4], hashed[4];                                                    \
                memcpy(m, &more[i], sizeof(m));                                                    \
                memcpy(hashed, &hasher->hashed_more, sizeof(hashed));                              \
                weir_aes_block mixed = aes((m[1] & hashed[1]) ^ k[0], k[1]);                       \
                mixed = aes(mixed ^ (m[2] & hashed[2]), k[2]);                                     \
                sum ^= aes(mixed ^ (m[3] & hashed[3]), k[3]);                                      \
            }                                                                                      \
            sum = aes(aes(sum, k[3]), k[4]);                                                       \
            uint64_t hash = sum[0];                                                                \
            const bool swapped = (is_biflow) && dst[0] + dst[1] < src[0] + src[1];                 \
            const weir_aes_block exchanged = {0u - (uint64_t)swapped, 0u - (uint64_t)swapped};     \
            const weir_aes_block differ = (src_addr ^ dst_addr) & exchanged;                       \
            const weir_aes_block first = src_addr ^ differ, second = dst_addr ^ differ;            \
            if (is_biflow)                                                                         \
                rest = exchange_ports(rest, exchanged[0]);                                         \
            place->swapped = swapped;                                                              \
            memcpy(&place->key.src_addr, &first, sizeof(first));                                   \
            memcpy(&place->key.dst_addr, &second, sizeof(second));                                 \
            memcpy(&place->key.src_port, &rest, sizeof(rest));                                     \
            place->bucket = (uint32_t)((hash >> 32) * bucket_count >> 32);                         \
            place->tag = tag_of(hash, !(is_biflow) && src[0] < dst[0]);                            \
            place->reverse_tag = tag_of(hash, !(is_biflow) && dst[0] < src[0]);                    \
            place->spread = (uint8_t)(hash >> 8);                                                  \
            place->bits = (uint8_t)(hash >> 16);                                                   \
        }                                                                                          \
    }

WEIR_DEFINE_FLOW_HASH(weir_flow_hash_portable, weir_aes_round_portable, false)
WEIR_DEFINE_FLOW_HASH(weir_flow_hash_portable_biflow, weir_aes_round_portable, true)

#ifdef WEIR_AES_TARGET
WEIR_AES_TARGET static weir_flow_hash hash_fast, hash_fast_biflow;
WEIR_AES_TARGET static WEIR_DEFINE_FLOW_HASH(hash_fast, weir_aes_round, false) WEIR_AES_TARGET
    static WEIR_DEFINE_FLOW_HASH(hash_fast_biflow, weir_aes_round, true)
#endif

        weir_flow_hash *weir_flow_hash_choose(bool is_biflow)
{
#ifdef WEIR_AES_TARGET
    if (weir_aes_available())
        return is_biflow ? hash_fast_biflow : hash_fast;
#endif
    return is_biflow ? weir_flow_hash_portable_biflow : weir_flow_hash_portable;
}
