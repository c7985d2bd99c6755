/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/flow_hash.h"

#include "base/aes_round.h"

/* Direction's part of a tag, and the tag in place of 0, which means empty. */
#define DIRECTION 0xa5u
#define NOT_EMPTY 0x80u

static inline uint8_t tag_of(uint64_t hash, unsigned direction)
{
    uint32_t tag = (uint8_t)hash ^ ((0u - direction) & DIRECTION);
    /* 1 below 0 borrows: 0x80 for a tag of 0 and nothing for any other. */
    return (uint8_t)(tag | (((tag - 1) >> 24) & NOT_EMPTY));
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
#define REST_V6             ((uint64_t)WEIR_FLOW_KEY_V6 << 48)
#define REST_SRC_PORT(rest) ((rest)&0xffff)
#define REST_DST_PORT(rest) ((rest) >> 16 & 0xffff)
#define REST_PROTOCOL(rest) ((rest) >> 32 & 0xff)
#define REST_TAIL(rest)     ((rest) >> 40)
#else
#define REST_V6             ((uint64_t)WEIR_FLOW_KEY_V6)
#define REST_SRC_PORT(rest) ((rest) >> 48)
#define REST_DST_PORT(rest) ((rest) >> 32 & 0xffff)
#define REST_PROTOCOL(rest) ((rest) >> 24 & 0xff)
#define REST_TAIL(rest)     ((rest)&0xffffff)
#endif

/*
 * Each endpoint goes through two rounds with the protocol; their sum knows no direction, and two
 * rounds more mix it. ToS and observation point go in by tail_mask: with connections they must
 * not, since the other direction's may differ.
 */
#define WEIR_DEFINE_FLOW_HASH(name, aes)                                                    \
    void name(const struct weir_flow_hasher *hasher, const struct weir_packet *packets,     \
              struct weir_flow_place *places, size_t count)                                 \
    {                                                                                       \
        weir_aes_block k[WEIR_HASH_ROUNDS];                                                 \
        memcpy(k, hasher->hash_key.round, sizeof(k));                                       \
        const weir_aes_block src_mask = weir_aes_load(&hasher->mask.src_addr);              \
        const weir_aes_block dst_mask = weir_aes_load(&hasher->mask.dst_addr);              \
        const uint64_t rest_mask = load_rest(&hasher->mask);                                \
        const uint64_t tail_mask = hasher->tail_mask;                                       \
        const uint64_t set_count = hasher->set_count;                                       \
        for (size_t i = 0; i < count; i++) {                                                \
            const struct weir_flow_key *key = &packets[i].key;                              \
            struct weir_flow_place *place = &places[i];                                     \
            weir_aes_block src = weir_aes_load(&key->src_addr) & src_mask;                  \
            weir_aes_block dst = weir_aes_load(&key->dst_addr) & dst_mask;                  \
            uint64_t rest = load_rest(key) & rest_mask;                                     \
            rest |= packets[i].flags & WEIR_PACKET_V6 ? REST_V6 : 0;                        \
            memcpy(&place->key.src_addr, &src, sizeof(src));                                \
            memcpy(&place->key.dst_addr, &dst, sizeof(dst));                                \
            memcpy(&place->key.src_port, &rest, sizeof(rest));                              \
            uint64_t protocol = REST_PROTOCOL(rest) << 16;                                  \
            src = aes(src ^ k[0], (weir_aes_block){protocol | REST_SRC_PORT(rest)} ^ k[1]); \
            dst = aes(dst ^ k[0], (weir_aes_block){protocol | REST_DST_PORT(rest)} ^ k[1]); \
            src = aes(src, k[2]);                                                           \
            dst = aes(dst, k[2]);                                                           \
            weir_aes_block sum = src + dst + (weir_aes_block){REST_TAIL(rest) & tail_mask}; \
            sum = aes(aes(sum, k[3]), k[4]);                                                \
            uint64_t hash = sum[0];                                                         \
            place->set = (uint32_t)((hash >> 32) * set_count >> 32);                        \
            place->tag = tag_of(hash, src[0] < dst[0]);                                     \
            place->reverse_tag = tag_of(hash, dst[0] < src[0]);                             \
            place->spread = (uint8_t)(hash >> 8);                                           \
        }                                                                                   \
    }

WEIR_DEFINE_FLOW_HASH(weir_flow_hash_portable, weir_aes_round_portable)

#ifdef WEIR_AES_TARGET
WEIR_AES_TARGET static weir_flow_hash hash_fast;
WEIR_AES_TARGET static WEIR_DEFINE_FLOW_HASH(hash_fast, weir_aes_round)
#endif

    weir_flow_hash *weir_flow_hash_choose(void)
{
#ifdef WEIR_AES_TARGET
    if (weir_aes_available())
        return hash_fast;
#endif
    return weir_flow_hash_portable;
}
