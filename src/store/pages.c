/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pages.h"

#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/dispatch.h"
#include "base/reader.h"
#include "store/bitunpack.h"
#include "store/octets.h"
#include "store/thrift.h"
#include "store/thrift_reader.h"

/* Parquet's numbers. */
enum { PAGE_TYPE = 1, PAGE_PLAIN_SIZE = 2, PAGE_PACKED_SIZE = 3, PAGE_DATA = 5, PAGE_ENTRIES = 7 };
enum { INNER_VALUES = 1, INNER_ENCODING = 2, INNER_LEVELS = 3 };
enum { TYPE_DATA = 0, TYPE_DICTIONARY = 2 };
enum { PHYSICAL_INT32 = 1, PHYSICAL_INT64 = 2 };
enum { CODEC_NONE = 0, CODEC_ZSTD = 6, CODEC_LZ4_RAW = 7 };
enum {
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
    ENCODING_DELTA = 5,
    ENCODING_DICTIONARY = 8,
};

#define DELTA_BLOCK 128u
#define DELTA_MINIS (DELTA_BLOCK / WEIR_BITPACK_MINI)
/* A page of 8 octets a value, levels, and what packing may add. */
#define PAGE_OCTETS_MAX  (WEIR_PAGES_ROWS_MAX * 10u)
#define CHUNK_OCTETS_MAX (4u << 20)

struct weir_pages {
    uint64_t entries[WEIR_PAGES_ENTRIES_MAX];
    uint64_t values[WEIR_PAGES_ROWS_MAX + DELTA_BLOCK];
    uint16_t ids[WEIR_PAGES_ROWS_MAX + WEIR_BITPACK_GROUP];
    uint8_t has[WEIR_PAGES_ROWS_MAX + WEIR_BITPACK_GROUP];
    struct weir_octets raw;   /* pages as the file has them, and slack */
    struct weir_octets plain; /* the page at hand without compression, and slack */
    ZSTD_DCtx *zstd;
};

int weir_pages_new(struct weir_pages **ret_pages)
{
    struct weir_pages *pages = malloc(sizeof(*pages));
    if (!pages)
        return WEIR_E_NOMEM;
    pages->raw = pages->plain = (struct weir_octets){0};
    pages->zstd = NULL;
    *ret_pages = pages;
    return 0;
}

void weir_pages_free(struct weir_pages *pages)
{
    if (!pages)
        return;
    weir_octets_done(&pages->raw);
    weir_octets_done(&pages->plain);
    ZSTD_freeDCtx(pages->zstd);
    free(pages);
}

static int unsupported(struct weir_diag *diag, const char *what)
{
    return weir_diag_set(diag, WEIR_E_UNSUPPORTED, "a column chunk with %s", what);
}

static int damaged(struct weir_diag *diag, const char *what)
{
    return weir_diag_set(diag, WEIR_E_MALFORMED, "a damaged column chunk: %s", what);
}

struct page {
    uint64_t type, plain_size, packed_size;
    uint64_t values, encoding, levels;
};

static void read_inner(struct weir_reader *reader, struct page *page)
{
    int64_t field = 0;
    unsigned type;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (type != WEIR_THRIFT_I32) {
            weir_thrift_skip(reader, type);
            continue;
        }
        uint64_t value = (uint64_t)weir_thrift_read_zigzag(reader);
        page->values = field == INNER_VALUES ? value : page->values;
        page->encoding = field == INNER_ENCODING ? value : page->encoding;
        page->levels = field == INNER_LEVELS ? value : page->levels;
    }
}

/* A page's header. */
static struct page read_header(struct weir_reader *reader)
{
    struct page page = {.type = UINT64_MAX, .encoding = UINT64_MAX, .levels = UINT64_MAX};
    int64_t field = 0;
    unsigned type;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (type == WEIR_THRIFT_STRUCT && (field == PAGE_DATA || field == PAGE_ENTRIES)) {
            read_inner(reader, &page);
        } else if (type == WEIR_THRIFT_I32) {
            uint64_t value = (uint64_t)weir_thrift_read_zigzag(reader);
            page.type = field == PAGE_TYPE ? value : page.type;
            page.plain_size = field == PAGE_PLAIN_SIZE ? value : page.plain_size;
            page.packed_size = field == PAGE_PACKED_SIZE ? value : page.packed_size;
        } else {
            weir_thrift_skip(reader, type);
        }
    }
    return page;
}

/* Decompresses into `room`, of exactly `plain_size` octets. */
static bool decompress(struct weir_pages *pages, int32_t codec, const uint8_t *packed,
                       size_t packed_size, uint8_t *room, size_t plain_size)
{
    if (codec == CODEC_LZ4_RAW)
        return LZ4_decompress_safe((const char *)packed, (char *)room, (int)packed_size,
                                   (int)plain_size) == (int)plain_size;
    return ZSTD_decompressDCtx(pages->zstd, room, plain_size, packed, packed_size) == plain_size;
}

/* The page's octets, with slack behind them. */
static int open_page(struct weir_pages *pages, int32_t codec, const struct page *page,
                     struct weir_reader *reader, struct weir_reader *ret_body,
                     struct weir_diag *diag)
{
    struct weir_reader packed = weir_read_block(reader, page->packed_size);
    if (weir_reader_failed(&packed) || page->plain_size > PAGE_OCTETS_MAX)
        return damaged(diag, "the size of a page");
    if (codec == CODEC_NONE) {
        *ret_body = packed;
        return 0;
    }
    if (codec == CODEC_ZSTD && !pages->zstd && !(pages->zstd = ZSTD_createDCtx()))
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    weir_octets_clear(&pages->plain);
    uint8_t *room = weir_octets_room(&pages->plain, page->plain_size + WEIR_BITPACK_SLACK);
    if (!room)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    if (!decompress(pages, codec, packed.octets, packed.remaining, room, page->plain_size))
        return damaged(diag, "compression");
    memset(room + page->plain_size, 0, WEIR_BITPACK_SLACK);
    *ret_body = weir_reader_make(room, page->plain_size);
    return 0;
}

/* PLAIN integers of the leaf's width. */
static void read_plain(struct weir_reader *reader, unsigned width, uint32_t count, uint64_t *values)
{
    const uint8_t *octets = weir_read_octets(reader, (size_t)count * width);
    if (!octets)
        return;
    if (width == 8)
        for (uint32_t i = 0; i < count; i++)
            values[i] = weir_load_le64(octets + i * 8ul);
    else
        for (uint32_t i = 0; i < count; i++)
            values[i] = weir_load_le32(octets + i * 4ul);
}

/* The runs of the RLE hybrid, one after the other. */
struct run {
    uint32_t count;        /* of its values, that are wanted */
    const uint8_t *packed; /* NULL: `value`, all of them */
    uint16_t value;
};

/* The next run; its count is 0 where there is none or the reader fails. */
static struct run next_run(struct weir_reader *reader, unsigned width, uint32_t wanted)
{
    struct run run = {0};
    uint64_t header = weir_thrift_read_varint(reader), count = header >> 1;
    if (header & 1) {
        if (count > WEIR_PAGES_ROWS_MAX)
            reader->failed = true;
        run.packed = weir_read_octets(reader, count * width);
        count *= 8;
    } else {
        run.value = width > 0 ? weir_read_u8(reader) : 0;
        if (width > 8)
            run.value = (uint16_t)(run.value | weir_read_u8(reader) << 8);
    }
    if (weir_reader_failed(reader) || count == 0) {
        reader->failed = true;
        return (struct run){0};
    }
    run.count = count < wanted ? (uint32_t)count : wanted;
    return run;
}

static void fill_u16(uint16_t *to, uint16_t value, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = value;
}

/* `count` dictionary indices; there is room for a group more. */
static void read_ids(struct weir_reader *reader, unsigned width, uint32_t count, uint16_t *ids)
{
    for (uint32_t done = 0; done < count && !weir_reader_failed(reader);) {
        struct run run = next_run(reader, width, count - done);
        if (run.packed)
            weir_bitunpack_u16(run.packed, (run.count + 7ul) / 8 * 8, width, ids + done);
        else
            fill_u16(ids + done, run.value, run.count);
        done += run.count;
    }
}

/* Definition levels, one a row; returns how many rows have a value. */
static uint32_t read_levels(struct weir_reader *reader, uint32_t rows, uint8_t *has)
{
    uint32_t value_count = 0;
    for (uint32_t done = 0; done < rows && !weir_reader_failed(reader);) {
        struct run run = next_run(reader, 1, rows - done);
        for (uint32_t i = 0; run.packed && i < run.count; i++) {
            has[done + i] = run.packed[i / 8] >> i % 8 & 1;
            value_count += has[done + i];
        }
        if (!run.packed && run.count > 0) {
            memset(has + done, run.value & 1, run.count);
            value_count += (run.value & 1) * run.count;
        }
        done += run.count;
    }
    return value_count;
}

static int read_delta(struct weir_reader *reader, bool narrow, uint32_t count, uint64_t *values,
                      struct weir_diag *diag)
{
    uint64_t block = weir_thrift_read_varint(reader), minis = weir_thrift_read_varint(reader);
    uint64_t total = weir_thrift_read_varint(reader);
    uint64_t value = (uint64_t)weir_thrift_read_zigzag(reader);
    uint64_t mask = narrow ? UINT32_MAX : UINT64_MAX;
    if (weir_reader_failed(reader) || total != count)
        return damaged(diag, "the count of deltas");
    if (block != DELTA_BLOCK || minis != DELTA_MINIS)
        return unsupported(diag, "deltas in blocks of another size");
    if (count > 0)
        values[0] = value & mask;
    for (uint32_t done = 1; done < count;) {
        uint64_t least = (uint64_t)weir_thrift_read_zigzag(reader);
        const uint8_t *widths = weir_read_octets(reader, DELTA_MINIS);
        for (unsigned mini = 0; widths && mini < DELTA_MINIS && done < count; mini++) {
            const uint8_t *octets =
                widths[mini] > 64 ? NULL : weir_read_octets(reader, widths[mini] * 4u);
            if (!octets)
                return damaged(diag, "deltas");
            /* There is room for a whole block past the last value. */
            value = weir_bitunpack_sums(octets, widths[mini], value, least, mask, values + done);
            done += WEIR_BITPACK_MINI;
        }
        if (!widths)
            return damaged(diag, "deltas");
    }
    return 0;
}

WEIR_CLONES static uint16_t greatest(const uint16_t *ids, uint32_t count)
{
    uint16_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = ids[i] > most ? ids[i] : most;
    return most;
}

/* What is known of a chunk while it is decoded. */
struct decoding {
    struct weir_pages *pages;
    const struct weir_footer_chunk *chunk;
    struct weir_reader reader;
    unsigned width; /* octets of a PLAIN value */
    uint32_t rows;
    uint32_t entry_count;
    struct weir_diag *diag;
};

/* From one value after the other to one a row; where there is none, `nothing`. */
static void spread_u16(uint16_t *values, uint32_t count, const uint8_t *has, uint32_t rows,
                       uint16_t nothing)
{
    for (uint32_t row = rows; row-- > 0;)
        values[row] = has[row] ? values[--count] : nothing;
}

static void spread_u64(uint64_t *values, uint32_t count, const uint8_t *has, uint32_t rows)
{
    for (uint32_t row = rows; row-- > 0;)
        values[row] = has[row] ? values[--count] : 0;
}

/* A dictionary gets one more entry, 0, for rows without a value; a full one is given up. */
static void spread(struct decoding *decoding, uint32_t count)
{
    struct weir_pages *pages = decoding->pages;
    if (decoding->entry_count == WEIR_PAGES_ENTRIES_MAX) {
        for (uint32_t i = 0; i < count; i++)
            pages->values[i] = pages->entries[pages->ids[i]];
        decoding->entry_count = 0;
    }
    if (decoding->entry_count == 0) {
        spread_u64(pages->values, count, pages->has, decoding->rows);
        return;
    }
    spread_u16(pages->ids, count, pages->has, decoding->rows, (uint16_t)decoding->entry_count);
    pages->entries[decoding->entry_count++] = 0;
}

static int read_entries(struct decoding *decoding, const struct page *page)
{
    struct weir_reader body;
    if (page->encoding != ENCODING_PLAIN || page->values == 0 ||
        page->values > WEIR_PAGES_ENTRIES_MAX)
        return unsupported(decoding->diag, "such a dictionary");
    int result = open_page(decoding->pages, decoding->chunk->codec, page, &decoding->reader, &body,
                           decoding->diag);
    if (result < 0)
        return result;
    decoding->entry_count = (uint32_t)page->values;
    read_plain(&body, decoding->width, decoding->entry_count, decoding->pages->entries);
    return weir_reader_failed(&body) ? damaged(decoding->diag, "the dictionary") : 0;
}

static int read_values(struct decoding *decoding, const struct page *page, struct weir_reader *body,
                       uint32_t count)
{
    struct weir_pages *pages = decoding->pages;
    int result = 0;
    bool indexed = page->encoding == ENCODING_DICTIONARY && count > 0;
    if (indexed && decoding->entry_count == 0)
        return damaged(decoding->diag, "indices without a dictionary");
    decoding->entry_count = indexed ? decoding->entry_count : 0;
    if (indexed) {
        unsigned width = weir_read_u8(body);
        if (width > 16)
            return unsupported(decoding->diag, "so wide indices");
        read_ids(body, width, count, pages->ids);
        if (!weir_reader_failed(body) && greatest(pages->ids, count) >= decoding->entry_count)
            return damaged(decoding->diag, "an index past the dictionary");
    } else if (page->encoding == ENCODING_DELTA && count > 0) {
        result = read_delta(body, decoding->width == 4, count, pages->values, decoding->diag);
    } else if (page->encoding == ENCODING_PLAIN) {
        read_plain(body, decoding->width, count, pages->values);
    } else if (count > 0) {
        return unsupported(decoding->diag, "such an encoding");
    }
    if (result == 0 && weir_reader_failed(body))
        return damaged(decoding->diag, "values");
    return result;
}

static int read_data(struct decoding *decoding, const struct page *page,
                     struct weir_leaf_values *ret_values)
{
    struct weir_pages *pages = decoding->pages;
    struct weir_reader body;
    if (page->type != TYPE_DATA || page->values != decoding->rows || page->levels != ENCODING_RLE)
        return unsupported(decoding->diag, "such pages");
    int result =
        open_page(pages, decoding->chunk->codec, page, &decoding->reader, &body, decoding->diag);
    if (result < 0)
        return result;
    struct weir_reader levels = weir_read_block(&body, weir_read_le32(&body));
    uint32_t count = read_levels(&levels, decoding->rows, pages->has);
    if (weir_reader_failed(&levels))
        return damaged(decoding->diag, "definition levels");
    result = read_values(decoding, page, &body, count);
    if (result < 0)
        return result;
    bool all = count == decoding->rows;
    if (!all)
        spread(decoding, count);
    *ret_values = (struct weir_leaf_values){
        .row_count = decoding->rows,
        .entry_count = decoding->entry_count,
        .entries = pages->entries,
        .ids = pages->ids,
        .values = pages->values,
        .has = all ? NULL : pages->has,
    };
    return 0;
}

/* What no page has to be looked at for. */
static int check(const struct weir_footer_chunk *chunk, enum weir_leaf leaf, uint64_t rows,
                 unsigned *ret_width, struct weir_diag *diag)
{
    enum weir_leaf_type type = weir_leaf_info(leaf)->type;
    *ret_width = type == WEIR_LEAF_UINT_64 || type == WEIR_LEAF_TIME_MS ? 8 : 4;
    if (type == WEIR_LEAF_STRING ||
        chunk->type != (*ret_width == 8 ? PHYSICAL_INT64 : PHYSICAL_INT32))
        return unsupported(diag, "values of another type");
    if (chunk->codec != CODEC_NONE && chunk->codec != CODEC_ZSTD && chunk->codec != CODEC_LZ4_RAW)
        return unsupported(diag, "such compression");
    if (rows == 0 || rows > WEIR_PAGES_ROWS_MAX || chunk->octets > CHUNK_OCTETS_MAX)
        return unsupported(diag, "so many rows");
    return 0;
}

/* Decodes pages->raw, behind which is slack. */
static int decode(struct weir_pages *pages, const struct weir_footer_chunk *chunk, unsigned width,
                  uint64_t rows, struct weir_leaf_values *ret_values, struct weir_diag *diag)
{
    struct decoding decoding = {
        .pages = pages,
        .chunk = chunk,
        .reader = weir_reader_make(pages->raw.data, pages->raw.length),
        .width = width,
        .rows = (uint32_t)rows,
        .diag = diag,
    };
    struct page page = read_header(&decoding.reader);
    if (page.type == TYPE_DICTIONARY && !weir_reader_failed(&decoding.reader)) {
        int result = read_entries(&decoding, &page);
        if (result < 0)
            return result;
        page = read_header(&decoding.reader);
    }
    if (weir_reader_failed(&decoding.reader))
        return damaged(diag, "the header of a page");
    return read_data(&decoding, &page, ret_values);
}

static uint8_t *raw_room(struct weir_pages *pages, size_t length)
{
    weir_octets_clear(&pages->raw);
    uint8_t *room = weir_octets_room(&pages->raw, length + WEIR_BITPACK_SLACK);
    if (!room)
        return NULL;
    memset(room + length, 0, WEIR_BITPACK_SLACK);
    pages->raw.length = length;
    return room;
}

int weir_pages_decode(struct weir_pages *pages, const uint8_t *octets, size_t length,
                      const struct weir_footer_chunk *chunk, enum weir_leaf leaf, uint64_t rows,
                      struct weir_leaf_values *ret_values, struct weir_diag *diag)
{
    unsigned width;
    int result = check(chunk, leaf, rows, &width, diag);
    if (result < 0)
        return result;
    uint8_t *room = raw_room(pages, length);
    if (!room)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    memcpy(room, octets, length);
    return decode(pages, chunk, width, rows, ret_values, diag);
}

int weir_pages_read(struct weir_pages *pages, int fd, const struct weir_footer_chunk *chunk,
                    enum weir_leaf leaf, uint64_t rows, struct weir_leaf_values *ret_values,
                    struct weir_diag *diag)
{
    unsigned width;
    int result = check(chunk, leaf, rows, &width, diag);
    if (result < 0)
        return result;
    uint8_t *room = raw_room(pages, chunk->octets);
    if (!room)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    ssize_t got =
        chunk->offset > INT64_MAX ? 0 : pread(fd, room, chunk->octets, (off_t)chunk->offset);
    if (got < 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
    if ((uint64_t)got != chunk->octets)
        return damaged(diag, "it is not all there");
    return decode(pages, chunk, width, rows, ret_values, diag);
}
