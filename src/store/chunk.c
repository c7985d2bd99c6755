/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/bitpack.h"
#include "store/bloom.h"
#include "store/rle.h"
#include "store/thrift.h"
#include "store/utf8.h"

#define RUN_LENGTH_MIN 8u  /* values a run on average, for run-length encoding to pay */
#define SMALL_OCTETS   64u /* PLAIN values that a dictionary page's header would outweigh */
#define RUNS_SHARE     4u  /* values a run at least, for runs to stay runs */
#define TRIES_SKIPPED  7u
#define LARGE_ROWS     16384u /* a chunk that tells what others will be like */

/*
 * What a codec is for decides what it may cost. LZ4 is for files that are written as records
 * arrive: pages that gain less than a sixth are left as they are. With zstd size counts, and
 * indices compress further while deltas do not, so a dictionary may be larger than they are.
 * Measured on records of a router at the edge: zstd 30.2 and 26.7 octets a row without and with
 * such dictionaries, LZ4 31.9 and 31.6, for 25 ns a row.
 */
static const struct {
    unsigned gain_percent;       /* least gain for which to compress */
    unsigned dictionary_percent; /* what a dictionary may have more than deltas */
} tuning[] = {
    [WEIR_CODEC_LZ4] = {16, 0},
    [WEIR_CODEC_ZSTD] = {10, 30},
    [WEIR_CODEC_NONE] = {0, 0},
};

/* Parquet's PageHeader, DataPageHeader, DictionaryPageHeader. */
enum {
    PAGE_TYPE = 1,
    PAGE_PLAIN_SIZE = 2,
    PAGE_PACKED_SIZE = 3,
    PAGE_DATA = 5,
    PAGE_DICTIONARY = 7
};
enum { DATA_VALUES = 1, DATA_ENCODING = 2, DATA_LEVELS = 3, DATA_REPETITION = 4 };
enum { DICTIONARY_VALUES = 1, DICTIONARY_ENCODING = 2, DICTIONARY_SORTED = 3 };
enum { TYPE_DATA_PAGE = 0, TYPE_DICTIONARY_PAGE = 2 };

struct weir_chunk_encoder {
    enum weir_codec codec;
    uint32_t row_max;
    struct weir_compressor *compressor;
    struct weir_dictionary dictionary;
    bool has_dictionary;            /* of the chunk at hand */
    uint64_t *scratch;              /* runs made values; offsets of text */
    struct weir_octets body;        /* data page before compression */
    struct weir_octets entries;     /* dictionary page before compression */
    struct weir_octets packed_body; /* both after it */
    struct weir_octets packed_entries;
    struct weir_rle rle;
    struct weir_chunk chunk;
};

int weir_chunk_encoder_new(enum weir_codec codec, uint32_t row_max,
                           struct weir_chunk_encoder **ret_encoder)
{
    assert(row_max >= 1 && row_max <= WEIR_CHUNK_ROWS_MAX);
    struct weir_chunk_encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return WEIR_E_NOMEM;
    encoder->codec = codec;
    encoder->row_max = row_max;
    encoder->scratch = malloc(row_max * sizeof(*encoder->scratch));
    if (!encoder->scratch || weir_compressor_new(codec, &encoder->compressor) < 0 ||
        weir_dictionary_init(&encoder->dictionary, row_max) < 0) {
        weir_chunk_encoder_free(encoder);
        return WEIR_E_NOMEM;
    }
    *ret_encoder = encoder;
    return 0;
}

void weir_chunk_encoder_free(struct weir_chunk_encoder *encoder)
{
    if (!encoder)
        return;
    free(encoder->scratch);
    weir_compressor_free(encoder->compressor);
    weir_dictionary_done(&encoder->dictionary);
    weir_octets_done(&encoder->body);
    weir_octets_done(&encoder->entries);
    weir_octets_done(&encoder->packed_body);
    weir_octets_done(&encoder->packed_entries);
    weir_octets_done(&encoder->chunk.bloom);
    free(encoder);
}

static void begin_chunk(struct weir_chunk_encoder *encoder, const struct weir_chunk_source *source)
{
    struct weir_octets bloom = encoder->chunk.bloom;
    weir_octets_clear(&bloom);
    encoder->chunk = (struct weir_chunk){
        .bloom = bloom,
        .encoding = WEIR_ENCODING_PLAIN,
        .value_count = source->value_count,
        .null_count = source->row_count - source->value_count,
    };
    encoder->has_dictionary = false;
    weir_octets_clear(&encoder->entries);
    weir_octets_clear(&encoder->body);
    weir_octets_le32(&encoder->body, (uint32_t)source->levels->length);
    weir_octets_append(&encoder->body, source->levels->data, source->levels->length);
}

/* The bits of a dictionary index: one at least, which is what readers are used to. */
static unsigned index_width(uint32_t distinct)
{
    return distinct > 1 ? weir_bits(distinct - 1) : 1;
}

/* The dictionary's integers as its page has them. */
static void put_entries(struct weir_chunk_encoder *encoder, unsigned plain_width)
{
    const struct weir_dictionary *dictionary = &encoder->dictionary;
    uint8_t *room = weir_octets_reserve(&encoder->entries, (size_t)dictionary->count * plain_width);
    if (!room)
        return;
    for (uint32_t i = 0; i < dictionary->count; i++) {
        if (plain_width == 8)
            weir_store_le64(room + i * 8ul, dictionary->values[i]);
        else
            weir_store_le32(room + i * 4ul, (uint32_t)dictionary->values[i]);
    }
}

static void begin_indices(struct weir_chunk_encoder *encoder)
{
    encoder->has_dictionary = true;
    encoder->chunk.encoding = WEIR_ENCODING_DICTIONARY;
    unsigned width = index_width(encoder->dictionary.count);
    weir_octets_u8(&encoder->body, (uint8_t)width);
    weir_rle_begin(&encoder->rle, &encoder->body, width);
}

/* The dictionary's indices, as runs where there are many. */
static void put_indices(struct weir_chunk_encoder *encoder, uint32_t count)
{
    begin_indices(encoder);
    uint16_t *ids = encoder->dictionary.ids;
    if (weir_values_changes(ids, count) > count / RUN_LENGTH_MIN) {
        weir_rle_packed(&encoder->body, ids, count, encoder->rle.width);
        return;
    }
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && ids[end] == ids[i];)
            end++;
        weir_rle_put(&encoder->rle, ids[i], end - i);
    }
    weir_rle_end(&encoder->rle);
}

/* What a dictionary and its indices come to, before compression. */
static uint64_t dictionary_octets(uint32_t count, uint32_t distinct, unsigned plain_width)
{
    return (uint64_t)distinct * plain_width + (uint64_t)count * index_width(distinct) / 8;
}

/* The most distinct values whose dictionary comes to no more than `octets`. */
static uint32_t distinct_max(uint32_t count, unsigned plain_width, uint64_t octets)
{
    uint64_t most = 0;
    for (unsigned width = 1; width <= 16; width++) {
        uint64_t indices = (uint64_t)count * width / 8;
        if (indices >= octets)
            break;
        uint64_t distinct = (octets - indices) / plain_width;
        if (distinct > UINT64_C(1) << width)
            distinct = UINT64_C(1) << width;
        most = distinct > most ? distinct : most;
    }
    return (uint32_t)most;
}

/* By table where values lie close together, by hash else. */
static bool try_dictionary(struct weir_dictionary *dictionary, const struct weir_values *values,
                           struct weir_range range, uint64_t octets)
{
    unsigned plain_width = weir_values_plain_width(values);
    if (weir_dictionary_direct(dictionary, values, range)) {
        if (dictionary_octets(values->count, dictionary->count, plain_width) > octets)
            return false;
        weir_dictionary_index(dictionary, values, range);
        return true;
    }
    uint32_t limit = distinct_max(values->count, plain_width, octets);
    return limit > 0 && weir_dictionary_hash(dictionary, values, limit);
}

/* Whether it is not tried this time. */
static bool is_skipped(uint8_t *to_skip)
{
    if (*to_skip == 0)
        return false;
    --*to_skip;
    return true;
}

/* Builds the dictionary, with indices, where that comes to no more than `octets`. */
static bool build_dictionary(struct weir_chunk_encoder *encoder, const struct weir_values *values,
                             struct weir_range range, uint64_t octets,
                             struct weir_chunk_history *history)
{
    if (is_skipped(&history->dictionaries_to_skip))
        return false;
    bool built = try_dictionary(&encoder->dictionary, values, range, octets);
    if (!built && values->count >= LARGE_ROWS)
        history->dictionaries_to_skip = TRIES_SKIPPED;
    return built;
}

static void set_dictionary_of_one(struct weir_chunk_encoder *encoder, uint64_t value,
                                  unsigned plain_width, uint32_t count)
{
    encoder->dictionary.count = 1;
    encoder->dictionary.values[0] = value;
    encoder->dictionary.is_sorted = true;
    put_entries(encoder, plain_width);
    begin_indices(encoder);
    weir_rle_put(&encoder->rle, 0, count);
    weir_rle_end(&encoder->rle);
}

static void put_values(struct weir_chunk_encoder *encoder, const struct weir_values *values,
                       struct weir_chunk_history *history)
{
    unsigned plain_width = weir_values_plain_width(values);
    uint64_t plain = (uint64_t)values->count * plain_width;
    struct weir_range range = weir_values_range(values);
    encoder->chunk.range = range;
    if (plain <= SMALL_OCTETS) {
        weir_values_plain(values, &encoder->body);
        return;
    }
    if (range.min == range.max) {
        set_dictionary_of_one(encoder, range.min, plain_width, values->count);
        return;
    }
    uint64_t delta = weir_values_delta_estimate(values);
    uint64_t best = delta < plain ? delta : plain;
    uint64_t allowed = best + best * tuning[encoder->codec].dictionary_percent / 100;
    if (build_dictionary(encoder, values, range, allowed, history)) {
        put_entries(encoder, plain_width);
        put_indices(encoder, values->count);
    } else if (delta < plain - plain / 16) {
        encoder->chunk.encoding = WEIR_ENCODING_DELTA;
        weir_values_delta(values, &encoder->body);
    } else {
        weir_values_plain(values, &encoder->body);
    }
}

/* Run values, each `count` or 1 times, as an array of the leaf's own width. */
static struct weir_values load_runs(struct weir_chunk_encoder *encoder,
                                    const struct weir_chunk_source *source, bool expanded)
{
    bool wide = weir_leaf_is_wide(source->type);
    uint32_t *narrow = (uint32_t *)encoder->scratch;
    uint32_t count = 0;
    for (uint32_t i = 0; i < source->run_count; i++) {
        const struct weir_run *run = &source->runs[i];
        for (uint32_t k = 0; k < (expanded ? run->count : 1); k++, count++) {
            if (wide)
                encoder->scratch[count] = run->value;
            else
                narrow[count] = (uint32_t)run->value;
        }
    }
    return (struct weir_values){
        .data = encoder->scratch,
        .count = count,
        .width = wide ? 8 : 4,
        .is_signed = weir_leaf_is_signed(source->type),
    };
}

static void put_runs(struct weir_chunk_encoder *encoder, const struct weir_chunk_source *source)
{
    unsigned plain_width = weir_leaf_is_wide(source->type) ? 8 : 4;
    bool few = (uint64_t)source->value_count * plain_width > SMALL_OCTETS &&
               (source->run_count == 1 || source->run_count <= source->value_count / RUNS_SHARE);
    struct weir_values values = load_runs(encoder, source, !few);
    if (few) {
        struct weir_range range = weir_values_range(&values);
        encoder->chunk.range = range;
        if (range.min == range.max) {
            set_dictionary_of_one(encoder, range.min, plain_width, source->value_count);
            return;
        }
        if (build_dictionary(encoder, &values, range, UINT64_MAX, source->history)) {
            put_entries(encoder, plain_width);
            begin_indices(encoder);
            for (uint32_t i = 0; i < source->run_count; i++)
                weir_rle_put(&encoder->rle, encoder->dictionary.ids[i], source->runs[i].count);
            weir_rle_end(&encoder->rle);
            return;
        }
        values = load_runs(encoder, source, true);
    }
    put_values(encoder, &values, source->history);
}

/* A text and its length in front, as PLAIN has it. */
static void put_text(struct weir_octets *octets, const uint8_t *text, uint32_t length)
{
    weir_octets_le32(octets, length);
    weir_octets_append(octets, text, length);
}

struct text {
    const uint8_t *octets;
    size_t length;
};

static bool text_is_less(struct text a, struct text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = memcmp(a.octets, b.octets, shorter);
    return order < 0 || (order == 0 && a.length < b.length);
}

static struct weir_chunk_bound lower_bound(struct text text)
{
    size_t length = weir_utf8_cut(text.octets, text.length, WEIR_CHUNK_BOUND_OCTETS);
    struct weir_chunk_bound bound = {
        .is_known = true, .is_exact = length == text.length, .length = (uint8_t)length};
    memcpy(bound.octets, text.octets, length);
    return bound;
}

/*
 * A long text is cut after an ASCII character, which is made the next one, so that the bound is
 * valid text and above all that begins as the text does. Without such a character it is not known.
 */
static struct weir_chunk_bound upper_bound(struct text text)
{
    if (text.length <= WEIR_CHUNK_BOUND_OCTETS)
        return lower_bound(text);
    struct weir_chunk_bound bound = {0};
    size_t length = WEIR_CHUNK_BOUND_OCTETS;
    while (length > 0 && text.octets[length - 1] >= 0x7f)
        length--;
    if (length == 0)
        return bound;
    memcpy(bound.octets, text.octets, length);
    bound.octets[length - 1]++;
    bound.length = (uint8_t)length;
    bound.is_known = true;
    return bound;
}

/* Sets the bounds and returns the octets of all texts as PLAIN has them. */
static uint64_t bound_texts(const struct weir_texts *texts, struct weir_chunk *chunk)
{
    struct text at = {texts->octets, texts->lengths[0]};
    struct text least = at, greatest = at;
    uint64_t plain = 4 + at.length;
    for (uint32_t i = 1; i < texts->count; i++) {
        at.octets += at.length;
        at.length = texts->lengths[i];
        plain += 4 + at.length;
        if (text_is_less(at, least))
            least = at;
        else if (text_is_less(greatest, at))
            greatest = at;
    }
    chunk->min = lower_bound(least);
    chunk->max = upper_bound(greatest);
    return plain;
}

static void put_texts(struct weir_chunk_encoder *encoder, const struct weir_texts *texts)
{
    uint64_t plain = bound_texts(texts, &encoder->chunk);
    uint32_t *offsets = (uint32_t *)encoder->scratch;
    struct weir_dictionary *dictionary = &encoder->dictionary;
    if (plain > SMALL_OCTETS &&
        weir_dictionary_texts(dictionary, texts, texts->count - 1, offsets)) {
        for (uint32_t i = 0; i < dictionary->count; i++) {
            uint32_t first = (uint32_t)dictionary->values[i];
            put_text(&encoder->entries, texts->octets + offsets[first], texts->lengths[first]);
        }
        if (dictionary_octets(texts->count, dictionary->count, 0) + encoder->entries.length <=
            plain) {
            put_indices(encoder, texts->count);
            return;
        }
        weir_octets_clear(&encoder->entries);
    }
    const uint8_t *text = texts->octets;
    for (uint32_t i = 0; i < texts->count; i++) {
        put_text(&encoder->body, text, texts->lengths[i]);
        text += texts->lengths[i];
    }
}

static void set_bound(struct weir_chunk_bound *bound, uint64_t value, enum weir_leaf_type type)
{
    bool wide = weir_leaf_is_wide(type);
    *bound = (struct weir_chunk_bound){.is_known = true, .is_exact = true, .length = wide ? 8 : 4};
    weir_store_le64(bound->octets, value);
}

/* Of the values or, where there is one, of the dictionary. */
static void fill_bloom(struct weir_chunk_encoder *encoder, const struct weir_chunk_source *source)
{
    struct weir_octets *bloom = &encoder->chunk.bloom;
    /* Without a dictionary runs have been made values, which are still there. */
    const uint64_t *values =
        source->kind == WEIR_CHUNK_RUNS ? encoder->scratch : source->values.data;
    uint32_t count = source->value_count;
    if (encoder->has_dictionary) {
        values = encoder->dictionary.values;
        count = encoder->dictionary.count;
    }
    weir_bloom_begin(bloom, count);
    weir_bloom_add(bloom, values, count);
    weir_bloom_end(bloom);
}

static void put_page(struct weir_chunk_encoder *encoder, int type, size_t plain_size,
                     const struct weir_octets *packed, uint32_t value_count,
                     struct weir_octets *out)
{
    struct weir_chunk *chunk = &encoder->chunk;
    size_t before = out->length;
    struct weir_thrift thrift = weir_thrift_make(out);
    weir_thrift_i32(&thrift, PAGE_TYPE, type);
    weir_thrift_i32(&thrift, PAGE_PLAIN_SIZE, (int32_t)plain_size);
    weir_thrift_i32(&thrift, PAGE_PACKED_SIZE, (int32_t)packed->length);
    if (type == TYPE_DATA_PAGE) {
        weir_thrift_struct(&thrift, PAGE_DATA);
        weir_thrift_i32(&thrift, DATA_VALUES, (int32_t)value_count);
        weir_thrift_i32(&thrift, DATA_ENCODING, (int32_t)chunk->encoding);
        weir_thrift_i32(&thrift, DATA_LEVELS, WEIR_ENCODING_RLE);
        weir_thrift_i32(&thrift, DATA_REPETITION, WEIR_ENCODING_RLE);
    } else {
        weir_thrift_struct(&thrift, PAGE_DICTIONARY);
        weir_thrift_i32(&thrift, DICTIONARY_VALUES, (int32_t)value_count);
        weir_thrift_i32(&thrift, DICTIONARY_ENCODING, WEIR_ENCODING_PLAIN);
        weir_thrift_bool(&thrift, DICTIONARY_SORTED, encoder->dictionary.is_sorted);
    }
    weir_thrift_end(&thrift);
    weir_thrift_end(&thrift);
    chunk->plain_octets += out->length - before + plain_size;
    weir_octets_append(out, packed->data, packed->length);
    chunk->packed_octets += out->length - before;
}

/* Whether compression is likely to pay. */
static bool gains(struct weir_chunk_encoder *encoder, const struct weir_chunk_source *source)
{
    const struct weir_octets *body = &encoder->body, *entries = &encoder->entries;
    size_t plain = body->length + entries->length;
    if (plain <= SMALL_OCTETS || is_skipped(&source->history->probes_to_skip))
        return false;
    size_t estimate = weir_compress_estimate(encoder->compressor, body->data, body->length) +
                      weir_compress_estimate(encoder->compressor, entries->data, entries->length);
    bool pays = estimate * 100 <= (uint64_t)plain * (100 - tuning[encoder->codec].gain_percent);
    if (!pays && source->value_count >= LARGE_ROWS)
        source->history->probes_to_skip = TRIES_SKIPPED;
    return pays;
}

/* Whether both pages are compressed, and smaller so, in packed_body and packed_entries. */
static bool compress_pages(struct weir_chunk_encoder *encoder,
                           const struct weir_chunk_source *source)
{
    const struct weir_octets *body = &encoder->body, *entries = &encoder->entries;
    if (!gains(encoder, source))
        return false;
    weir_octets_clear(&encoder->packed_body);
    weir_octets_clear(&encoder->packed_entries);
    weir_compress(encoder->compressor, body->data, body->length, &encoder->packed_body);
    if (encoder->has_dictionary)
        weir_compress(encoder->compressor, entries->data, entries->length,
                      &encoder->packed_entries);
    return !encoder->packed_body.failed && !encoder->packed_entries.failed &&
           encoder->packed_body.length + encoder->packed_entries.length <
               body->length + entries->length;
}

static void put_pages(struct weir_chunk_encoder *encoder, const struct weir_chunk_source *source,
                      struct weir_octets *out)
{
    struct weir_chunk *chunk = &encoder->chunk;
    bool packed = compress_pages(encoder, source);
    chunk->codec = weir_codec_number(packed ? encoder->codec : WEIR_CODEC_NONE);
    if (encoder->has_dictionary)
        put_page(encoder, TYPE_DICTIONARY_PAGE, encoder->entries.length,
                 packed ? &encoder->packed_entries : &encoder->entries, encoder->dictionary.count,
                 out);
    chunk->data_page_offset = chunk->packed_octets;
    put_page(encoder, TYPE_DATA_PAGE, encoder->body.length,
             packed ? &encoder->packed_body : &encoder->body, source->row_count, out);
}

int weir_chunk_encode(struct weir_chunk_encoder *encoder, const struct weir_chunk_source *source,
                      struct weir_octets *out, const struct weir_chunk **ret_chunk)
{
    struct weir_chunk *chunk = &encoder->chunk;
    begin_chunk(encoder, source);
    if (source->value_count > 0) {
        switch (source->kind) {
        case WEIR_CHUNK_VALUES:
            put_values(encoder, &source->values, source->history);
            break;
        case WEIR_CHUNK_RUNS:
            put_runs(encoder, source);
            break;
        case WEIR_CHUNK_TEXTS:
            put_texts(encoder, &source->texts);
            break;
        }
        if (source->kind != WEIR_CHUNK_TEXTS) {
            set_bound(&chunk->min, chunk->range.min, source->type);
            set_bound(&chunk->max, chunk->range.max, source->type);
        }
        if (source->has_bloom)
            fill_bloom(encoder, source);
    }
    if (encoder->body.failed || encoder->entries.failed)
        return WEIR_E_NOMEM;
    put_pages(encoder, source, out);
    if (out->failed || chunk->bloom.failed)
        return WEIR_E_NOMEM;
    *ret_chunk = chunk;
    return 0;
}
