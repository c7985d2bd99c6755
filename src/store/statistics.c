/* SPDX-License-Identifier: Apache-2.0 */
#include "store/statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/reader.h"
#include "store/thrift.h"

/* Field numbers of Parquet's metadata (parquet.thrift). */
enum {
    FILE_ROW_GROUPS = 4,
    GROUP_COLUMNS = 1,
    GROUP_ROWS = 3,
    CHUNK_METADATA = 3,
    META_PATH = 3,
    META_STATISTICS = 12,
    STAT_NULLS = 3,
    STAT_MAX = 5,
    STAT_MIN = 6,
};

#define TAIL_OCTETS 8u /* of a file: length of the footer, "PAR1" */
#define SKIP_DEPTH  16u

struct footer {
    struct weir_reader reader;
    struct weir_statistics statistics;
};

static uint64_t read_varint(struct weir_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t octet = weir_read_u8(reader);
        value |= (uint64_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return value;
    }
    reader->failed = true;
    return 0;
}

static int64_t read_zigzag(struct weir_reader *reader)
{
    uint64_t value = read_varint(reader);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Type of the next field and its number, in *field; 0 at the struct's end. */
static unsigned next_field(struct weir_reader *reader, int64_t *field)
{
    uint8_t octet = weir_read_u8(reader);
    if (weir_reader_failed(reader) || octet == 0)
        return 0;
    *field = octet >> 4 ? *field + (octet >> 4) : read_zigzag(reader);
    return octet & 15;
}

/* Elements of a list, and their type. */
static uint64_t read_list(struct weir_reader *reader, unsigned *ret_type)
{
    uint8_t octet = weir_read_u8(reader);
    *ret_type = octet & 15;
    return octet >> 4 == 15 ? read_varint(reader) : octet >> 4;
}

static void skip(struct weir_reader *reader, unsigned type, unsigned depth)
{
    int64_t field = 0;
    unsigned element;
    uint64_t count;
    if (depth > SKIP_DEPTH)
        reader->failed = true;
    if (weir_reader_failed(reader))
        return;
    switch (type) {
    case WEIR_THRIFT_TRUE:
    case WEIR_THRIFT_FALSE:
        return;
    case WEIR_THRIFT_I8:
        weir_read_skip(reader, 1);
        return;
    case WEIR_THRIFT_I16:
    case WEIR_THRIFT_I32:
    case WEIR_THRIFT_I64:
        (void)read_varint(reader);
        return;
    case WEIR_THRIFT_BINARY:
        weir_read_skip(reader, read_varint(reader));
        return;
    case WEIR_THRIFT_LIST:
        /* Elements of no octets cannot make this long: every round reads or fails. */
        for (count = read_list(reader, &element); count > 0 && !weir_reader_failed(reader); count--)
            if (element == WEIR_THRIFT_TRUE || element == WEIR_THRIFT_FALSE)
                weir_read_skip(reader, 1);
            else
                skip(reader, element, depth + 1);
        return;
    case WEIR_THRIFT_STRUCT:
        while ((type = next_field(reader, &field)) != 0)
            skip(reader, type, depth + 1);
        return;
    default: /* doubles and maps: Parquet's metadata has none that we pass */
        reader->failed = true;
    }
}

/* A bound of an integer leaf: 4 or 8 octets, little-endian. False for what is none. */
static bool read_bound(struct weir_reader *reader, enum weir_leaf_type type, uint64_t *ret_value)
{
    struct weir_reader bound = weir_read_block(reader, read_varint(reader));
    size_t width = type == WEIR_LEAF_UINT_64 || type == WEIR_LEAF_TIME_MS ? 8 : 4;
    if (type == WEIR_LEAF_STRING || weir_reader_remaining(&bound) != width)
        return false;
    *ret_value = width == 8 ? weir_read_le64(&bound) : weir_read_le32(&bound);
    return true;
}

/* What one column chunk says. */
struct chunk {
    const struct weir_leaf_info *info; /* NULL: no leaf of the schema */
    enum weir_leaf leaf;
    struct weir_leaf_statistics statistics;
    bool has_min, has_max;
};

static void read_chunk_statistics(struct weir_reader *reader, struct chunk *chunk)
{
    int64_t field = 0;
    unsigned type;
    while ((type = next_field(reader, &field)) != 0) {
        if (field == STAT_NULLS && type == WEIR_THRIFT_I64) {
            chunk->statistics.none_count = (uint64_t)read_zigzag(reader);
            chunk->statistics.none_known = true;
        } else if (field == STAT_MAX && type == WEIR_THRIFT_BINARY && chunk->info) {
            chunk->has_max = read_bound(reader, chunk->info->type, &chunk->statistics.max);
        } else if (field == STAT_MIN && type == WEIR_THRIFT_BINARY && chunk->info) {
            chunk->has_min = read_bound(reader, chunk->info->type, &chunk->statistics.min);
        } else {
            skip(reader, type, 0);
        }
    }
}

/* A column's name: a list of one element. `expected` is looked at first: files have our order. */
static void read_path(struct weir_reader *reader, unsigned expected, struct chunk *chunk)
{
    unsigned type;
    uint64_t count = read_list(reader, &type);
    struct weir_reader name = weir_read_block(reader, read_varint(reader));
    if (count != 1 || type != WEIR_THRIFT_BINARY || weir_reader_failed(reader) ||
        name.remaining == 0) {
        reader->failed = true;
        return;
    }
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        unsigned leaf = (expected + i) % WEIR_LEAF_COUNT;
        const struct weir_leaf_info *info = weir_leaf_info((enum weir_leaf)leaf);
        if (strlen(info->name) == name.remaining &&
            memcmp(info->name, name.octets, name.remaining) == 0) {
            chunk->info = info;
            chunk->leaf = (enum weir_leaf)leaf;
            return;
        }
    }
}

static void read_chunk_metadata(struct weir_reader *reader, unsigned expected, struct chunk *chunk)
{
    int64_t field = 0;
    unsigned type;
    while ((type = next_field(reader, &field)) != 0) {
        if (field == META_PATH && type == WEIR_THRIFT_LIST)
            read_path(reader, expected, chunk);
        else if (field == META_STATISTICS && type == WEIR_THRIFT_STRUCT)
            read_chunk_statistics(reader, chunk);
        else
            skip(reader, type, 0);
    }
}

static bool is_less(enum weir_leaf_type type, uint64_t a, uint64_t b)
{
    return type == WEIR_LEAF_TIME_MS ? (int64_t)a < (int64_t)b : a < b;
}

/* `more` values of a leaf beside those of `into`. */
static void merge(struct weir_leaf_statistics *into, const struct weir_leaf_statistics *more,
                  enum weir_leaf_type type)
{
    if (more->any && !into->any) {
        into->min = more->min;
        into->max = more->max;
    } else if (more->any) {
        if (is_less(type, more->min, into->min))
            into->min = more->min;
        if (is_less(type, into->max, more->max))
            into->max = more->max;
    }
    into->any = into->any || more->any;
    into->is_known = into->is_known && more->is_known;
    into->none_known = into->none_known && more->none_known;
    into->none_count += more->none_count;
}

static void read_chunk(struct footer *footer, unsigned expected, struct chunk *chunks)
{
    struct chunk chunk = {0};
    int64_t field = 0;
    unsigned type;
    while ((type = next_field(&footer->reader, &field)) != 0) {
        if (field == CHUNK_METADATA && type == WEIR_THRIFT_STRUCT)
            read_chunk_metadata(&footer->reader, expected, &chunk);
        else
            skip(&footer->reader, type, 0);
    }
    if (chunk.info)
        chunks[chunk.leaf] = chunk;
}

static void read_row_group(struct footer *footer)
{
    struct chunk chunks[WEIR_LEAF_COUNT] = {0};
    uint64_t rows = 0;
    int64_t field = 0;
    unsigned type, element;
    while ((type = next_field(&footer->reader, &field)) != 0) {
        if (field == GROUP_COLUMNS && type == WEIR_THRIFT_LIST) {
            uint64_t count = read_list(&footer->reader, &element);
            for (unsigned i = 0; i < count && !weir_reader_failed(&footer->reader); i++)
                read_chunk(footer, i % WEIR_LEAF_COUNT, chunks);
        } else if (field == GROUP_ROWS && type == WEIR_THRIFT_I64) {
            rows = (uint64_t)read_zigzag(&footer->reader);
        } else {
            skip(&footer->reader, type, 0);
        }
    }
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++) {
        struct weir_leaf_statistics *chunk = &chunks[i].statistics;
        /* A leaf that a file lacks has no value in it. */
        if (!chunks[i].info)
            *chunk = (struct weir_leaf_statistics){.none_count = rows, .none_known = true};
        if (chunk->none_known && chunk->none_count > rows)
            footer->reader.failed = true;
        chunk->any = !chunk->none_known || chunk->none_count < rows;
        chunk->is_known = !chunk->any || (chunks[i].has_min && chunks[i].has_max);
        merge(&footer->statistics.leaves[i], chunk, weir_leaf_info((enum weir_leaf)i)->type);
    }
    footer->statistics.rows += rows;
    footer->statistics.row_groups++;
}

static void read_footer(struct footer *footer)
{
    int64_t field = 0;
    unsigned type, element;
    while ((type = next_field(&footer->reader, &field)) != 0) {
        if (field != FILE_ROW_GROUPS || type != WEIR_THRIFT_LIST) {
            skip(&footer->reader, type, 0);
            continue;
        }
        uint64_t count = read_list(&footer->reader, &element);
        for (; count > 0 && !weir_reader_failed(&footer->reader); count--)
            read_row_group(footer);
    }
}

struct weir_statistics weir_statistics_none(void)
{
    struct weir_statistics statistics = {0};
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++)
        statistics.leaves[i] = (struct weir_leaf_statistics){.is_known = true, .none_known = true};
    return statistics;
}

/* The octets of the footer, which the caller frees, and where it is. */
static int load_footer(int fd, uint8_t **ret_octets, size_t *ret_length, uint64_t *ret_offset,
                       struct weir_diag *diag)
{
    struct stat status;
    uint8_t tail[TAIL_OCTETS];
    if (fstat(fd, &status) != 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
    uint64_t size = (uint64_t)status.st_size;
    if (size < 2 * TAIL_OCTETS ||
        pread(fd, tail, TAIL_OCTETS, (off_t)(size - TAIL_OCTETS)) != (ssize_t)TAIL_OCTETS ||
        memcmp(tail + 4, "PAR1", 4) != 0)
        return weir_diag_set(diag, WEIR_E_MALFORMED, "this is no Parquet file, or not the whole");
    uint32_t length = weir_load_le32(tail);
    if (length > WEIR_STATISTICS_FOOTER_MAX || length > size - TAIL_OCTETS)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, size - TAIL_OCTETS,
                                "a footer of %u octets cannot be", length);
    uint8_t *octets = malloc(length ? length : 1);
    if (!octets)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the footer");
    *ret_offset = size - TAIL_OCTETS - length;
    if (pread(fd, octets, length, (off_t)*ret_offset) != (ssize_t)length) {
        free(octets);
        return weir_diag_set(diag, WEIR_E_IO, "the footer cannot be read");
    }
    *ret_octets = octets;
    *ret_length = length;
    return 0;
}

int weir_statistics_add(struct weir_statistics *statistics, const char *path,
                        struct weir_diag *diag)
{
    uint8_t *octets = NULL;
    size_t length = 0;
    uint64_t offset = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno))
                        : load_footer(fd, &octets, &length, &offset, diag);
    if (result == 0) {
        struct footer footer = {weir_reader_make(octets, length), *statistics};
        read_footer(&footer);
        if (weir_reader_failed(&footer.reader))
            result = weir_diag_set_at(diag, WEIR_E_MALFORMED,
                                      offset + weir_reader_offset(&footer.reader),
                                      "the footer is damaged");
        else
            *statistics = footer.statistics;
    }
    if (fd >= 0)
        close(fd);
    free(octets);
    if (result < 0)
        weir_diag_prefix(diag, "%s", path);
    return result;
}
