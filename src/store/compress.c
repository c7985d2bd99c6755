/* SPDX-License-Identifier: Apache-2.0 */
#include "store/compress.h"

#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#define PROBE_OCTETS (16u << 10)
#define ZSTD_LEVEL   1
#define LZ4_SPEED    1

struct weir_compressor {
    enum weir_codec codec;
    void *lz4;
    ZSTD_CCtx *zstd;
    struct weir_octets probe;
};

int weir_compressor_new(enum weir_codec codec, struct weir_compressor **ret_compressor)
{
    struct weir_compressor *compressor = calloc(1, sizeof(*compressor));
    if (!compressor)
        return WEIR_E_NOMEM;
    compressor->codec = codec;
    if (codec == WEIR_CODEC_LZ4)
        compressor->lz4 = malloc((size_t)LZ4_sizeofState());
    if (codec == WEIR_CODEC_ZSTD)
        compressor->zstd = ZSTD_createCCtx();
    if (codec != WEIR_CODEC_NONE && !compressor->lz4 && !compressor->zstd) {
        weir_compressor_free(compressor);
        return WEIR_E_NOMEM;
    }
    *ret_compressor = compressor;
    return 0;
}

void weir_compressor_free(struct weir_compressor *compressor)
{
    if (!compressor)
        return;
    free(compressor->lz4);
    ZSTD_freeCCtx(compressor->zstd);
    weir_octets_done(&compressor->probe);
    free(compressor);
}

int32_t weir_codec_number(enum weir_codec codec)
{
    static const int32_t numbers[] = {
        [WEIR_CODEC_NONE] = 0, [WEIR_CODEC_ZSTD] = 6, [WEIR_CODEC_LZ4] = 7, /* LZ4_RAW: blocks
                                                                               without the frame
                                                                               that number 5
                                                                               disagrees on */
    };
    return numbers[codec];
}

void weir_compress(struct weir_compressor *compressor, const uint8_t *octets, size_t length,
                   struct weir_octets *ret_octets)
{
    if (compressor->codec == WEIR_CODEC_NONE) {
        weir_octets_append(ret_octets, octets, length);
        return;
    }
    size_t bound = compressor->codec == WEIR_CODEC_LZ4 ? (size_t)LZ4_compressBound((int)length)
                                                       : ZSTD_compressBound(length);
    uint8_t *room = weir_octets_room(ret_octets, bound);
    if (!room)
        return;
    size_t packed = 0;
    if (compressor->codec == WEIR_CODEC_LZ4) {
        packed =
            (size_t)LZ4_compress_fast_extState(compressor->lz4, (const char *)octets, (char *)room,
                                               (int)length, (int)bound, LZ4_SPEED);
    } else {
        packed = ZSTD_compressCCtx(compressor->zstd, room, bound, octets, length, ZSTD_LEVEL);
        /* With room for the worst case only memory can lack. */
        if (ZSTD_isError(packed)) {
            ret_octets->failed = true;
            return;
        }
    }
    ret_octets->length += packed;
}

size_t weir_compress_estimate(struct weir_compressor *compressor, const uint8_t *octets,
                              size_t length)
{
    if (compressor->codec == WEIR_CODEC_NONE || length == 0)
        return length;
    size_t taken = length < PROBE_OCTETS ? length : PROBE_OCTETS;
    weir_octets_clear(&compressor->probe);
    weir_compress(compressor, octets + (length - taken) / 2, taken, &compressor->probe);
    if (compressor->probe.failed)
        return length;
    return (size_t)((double)length * (double)compressor->probe.length / (double)taken);
}
