/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round of AES encryption (FIPS 197 section 5.1) on a block of 16 octets: SubBytes, ShiftRows,
 * MixColumns, then the round key. Three implementations that give the same block: x86-64's
 * instruction, arm64's, and portable C. For the keyed hashes of base/hash.h and the flow cache.
 *
 * Code that uses the instruction is compiled for it alone (WEIR_AES_TARGET) and called only where
 * weir_aes_available() says so.
 *
 *     WEIR_AES_TARGET static uint64_t fast(...) { block = weir_aes_round(block, key); ... }
 *     static uint64_t portable(...) { block = weir_aes_round_portable(block, key); ... }
 *     return weir_aes_available() ? fast(...) : portable(...);
 */
#ifndef WEIR_BASE_AES_ROUND_H
#define WEIR_BASE_AES_ROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Sixteen octets as two words in memory order. */
typedef uint64_t weir_aes_block __attribute__((vector_size(16)));

#if defined(__x86_64__)
#include <wmmintrin.h>
#define WEIR_AES_TARGET __attribute__((target("aes")))
#elif defined(__aarch64__) && defined(__ARM_NEON) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <arm_neon.h>
#if defined(__clang__)
#define WEIR_AES_TARGET __attribute__((target("aes")))
#else
#define WEIR_AES_TARGET __attribute__((target("+crypto")))
#endif
#endif

/* True where the processor has the instruction and WEIR_AES_TARGET is defined. */
bool weir_aes_available(void);

#if defined(__x86_64__)
WEIR_AES_TARGET static inline weir_aes_block weir_aes_round(weir_aes_block block,
                                                            weir_aes_block key)
{
    return (weir_aes_block)_mm_aesenc_si128((__m128i)block, (__m128i)key);
}
#elif defined(WEIR_AES_TARGET)
WEIR_AES_TARGET static inline weir_aes_block weir_aes_round(weir_aes_block block,
                                                            weir_aes_block key)
{
    /* AESE adds its key before the round and not after it. */
    uint8x16_t mixed = vaesmcq_u8(vaeseq_u8((uint8x16_t)block, vdupq_n_u8(0)));
    return (weir_aes_block)mixed ^ key;
}
#endif

weir_aes_block weir_aes_round_portable(weir_aes_block block, weir_aes_block key);

static inline weir_aes_block weir_aes_load(const void *octets)
{
    weir_aes_block block;
    memcpy(&block, octets, sizeof(block));
    return block;
}

#endif
