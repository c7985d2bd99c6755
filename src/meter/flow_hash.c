/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/flow_hash.h"

#include "base/aes_round.h"

/* Direction's part of a tag, and the tag in place of 0, which means empty. */
#define DIRECTION 0xa5u
#define NOT_EMPTY 0x80u

static inline uint8_t tag_of(uint64_t hash, unsigned direction)
{
    uint8_t tag = (uint8_t)(hash ^ (direction ? DIRECTION : 0));
    return tag ? tag : NOT_EMPTY;
}

/*
 * Each endpoint goes through two rounds with the protocol; their sum knows no direction, and two
 * rounds more mix it. ToS and observation point go in by tail_mask: with connections they must
 * not, since the other direction's may differ.
 */
#define WEIR_DEFINE_FLOW_HASH(name, aes)                                                    \
    void name(const struct weir_hash_key *hash_key, uint64_t tail_mask, uint32_t set_count, \
              struct weir_flow_place *places, size_t count)                                 \
    {                                                                                       \
        weir_aes_block k[WEIR_HASH_ROUNDS];                                                 \
        memcpy(k, hash_key->round, sizeof(k));                                              \
        for (size_t i = 0; i < count; i++) {                                                \
            const struct weir_flow_key *key = &places[i].key;                               \
            uint64_t protocol = (uint64_t)key->protocol << 16;                              \
            weir_aes_block src = {key->src_addr.high, key->src_addr.low};                   \
            weir_aes_block dst = {key->dst_addr.high, key->dst_addr.low};                   \
            src = aes(src ^ k[0], (weir_aes_block){protocol | key->src_port, 0} ^ k[1]);    \
            dst = aes(dst ^ k[0], (weir_aes_block){protocol | key->dst_port, 0} ^ k[1]);    \
            src = aes(src, k[2]);                                                           \
            dst = aes(dst, k[2]);                                                           \
            uint64_t tail = ((uint64_t)key->observation_point << 8 | key->tos) & tail_mask; \
            weir_aes_block sum = src + dst + (weir_aes_block){0, tail};                     \
            sum = aes(aes(sum, k[3]), k[4]);                                                \
            uint64_t hash = sum[0];                                                         \
            places[i].set = (uint32_t)((hash >> 32) * set_count >> 32);                     \
            places[i].tag = tag_of(hash, src[0] < dst[0]);                                  \
            places[i].reverse_tag = tag_of(hash, dst[0] < src[0]);                          \
            places[i].spread = (uint8_t)(hash >> 8);                                        \
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
