/* SPDX-License-Identifier: Apache-2.0 */
#include "store/footer_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/reader.h"
#include "store/thrift.h"
#include "store/thrift_reader.h"

/* Field numbers of Parquet's metadata (parquet.thrift). */
enum {
    FILE_ROW_GROUPS = 4,
    GROUP_COLUMNS = 1,
    GROUP_ROWS = 3,
    CHUNK_METADATA = 3,
    META_TYPE = 1,
    META_PATH = 3,
    META_CODEC = 4,
    META_PACKED = 7,
    META_DATA_PAGE = 9,
    META_DICTIONARY_PAGE = 11,
    META_STATISTICS = 12,
    STAT_NULLS = 3,
    STAT_MAX = 5,
    STAT_MIN = 6,
};

#define TAIL_OCTETS 8u /* of a file: length of the footer, "PAR1" */

/* A bound of an integer leaf: 4 or 8 octets, little-endian. False for what is none. */
static bool read_bound(struct weir_reader *reader, enum weir_leaf_type type, uint64_t *ret_value)
{
    struct weir_reader bound = weir_read_block(reader, weir_thrift_read_varint(reader));
    size_t width = weir_leaf_is_wide(type) ? 8 : 4;
    if (type == WEIR_LEAF_STRING || weir_reader_remaining(&bound) != width)
        return false;
    *ret_value = width == 8 ? weir_read_le64(&bound) : weir_read_le32(&bound);
    return true;
}

/* One column chunk while it is read. */
struct chunk {
    const struct weir_leaf_info *info; /* NULL: no leaf of the schema */
    enum weir_leaf leaf;
    struct weir_footer_chunk says;
};

static void read_chunk_statistics(struct weir_reader *reader, struct chunk *chunk)
{
    struct weir_footer_chunk *says = &chunk->says;
    int64_t field = 0;
    unsigned type;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (field == STAT_NULLS && type == WEIR_THRIFT_I64) {
            says->none_count = (uint64_t)weir_thrift_read_zigzag(reader);
            says->none_known = true;
        } else if (field == STAT_MAX && type == WEIR_THRIFT_BINARY && chunk->info) {
            says->max_known = read_bound(reader, chunk->info->type, &says->max);
        } else if (field == STAT_MIN && type == WEIR_THRIFT_BINARY && chunk->info) {
            says->min_known = read_bound(reader, chunk->info->type, &says->min);
        } else {
            weir_thrift_skip(reader, type);
        }
    }
}

/* A column's name: a list of one element. `expected` is looked at first: files have our order. */
static void read_path(struct weir_reader *reader, unsigned expected, struct chunk *chunk)
{
    unsigned type;
    uint64_t count = weir_thrift_read_list(reader, &type);
    struct weir_reader name = weir_read_block(reader, weir_thrift_read_varint(reader));
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

static bool is_integer(unsigned type)
{
    return type == WEIR_THRIFT_I32 || type == WEIR_THRIFT_I64;
}

static void read_chunk_metadata(struct weir_reader *reader, unsigned expected, struct chunk *chunk)
{
    uint64_t pages[META_STATISTICS] = {0}; /* integers by field */
    int64_t field = 0;
    unsigned type;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (field == META_PATH && type == WEIR_THRIFT_LIST)
            read_path(reader, expected, chunk);
        else if (field == META_STATISTICS && type == WEIR_THRIFT_STRUCT)
            read_chunk_statistics(reader, chunk);
        else if (field >= 0 && field < META_STATISTICS && is_integer(type))
            pages[field] = (uint64_t)weir_thrift_read_zigzag(reader);
        else
            weir_thrift_skip(reader, type);
    }
    uint64_t dictionary = pages[META_DICTIONARY_PAGE];
    chunk->says.type = (int32_t)pages[META_TYPE];
    chunk->says.codec = (int32_t)pages[META_CODEC];
    chunk->says.offset = dictionary ? dictionary : pages[META_DATA_PAGE];
    chunk->says.octets = pages[META_PACKED];
}

static void read_chunk(struct weir_reader *reader, unsigned expected,
                       struct weir_footer_group *group)
{
    struct chunk chunk = {.says = {.is_there = true}};
    int64_t field = 0;
    unsigned type;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (field == CHUNK_METADATA && type == WEIR_THRIFT_STRUCT)
            read_chunk_metadata(reader, expected, &chunk);
        else
            weir_thrift_skip(reader, type);
    }
    if (chunk.info)
        group->chunks[chunk.leaf] = chunk.says;
}

static void read_row_group(struct weir_reader *reader, struct weir_footer_group *group)
{
    int64_t field = 0;
    unsigned type, element;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (field == GROUP_COLUMNS && type == WEIR_THRIFT_LIST) {
            uint64_t count = weir_thrift_read_list(reader, &element);
            for (unsigned i = 0; i < count && !weir_reader_failed(reader); i++)
                read_chunk(reader, i % WEIR_LEAF_COUNT, group);
        } else if (field == GROUP_ROWS && type == WEIR_THRIFT_I64) {
            group->rows = (uint64_t)weir_thrift_read_zigzag(reader);
        } else {
            weir_thrift_skip(reader, type);
        }
    }
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++)
        if (group->chunks[i].none_known && group->chunks[i].none_count > group->rows)
            reader->failed = true;
}

static int read_footer(struct weir_reader *reader,
                       int (*visit)(void *context, const struct weir_footer_group *group),
                       void *context)
{
    int64_t field = 0;
    unsigned type, element;
    while ((type = weir_thrift_read_field(reader, &field)) != 0) {
        if (field != FILE_ROW_GROUPS || type != WEIR_THRIFT_LIST) {
            weir_thrift_skip(reader, type);
            continue;
        }
        uint64_t count = weir_thrift_read_list(reader, &element);
        for (; count > 0 && !weir_reader_failed(reader); count--) {
            struct weir_footer_group group = {0};
            read_row_group(reader, &group);
            int result = weir_reader_failed(reader) ? 0 : visit(context, &group);
            if (result < 0)
                return result;
        }
    }
    return 0;
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
    if (length > WEIR_FOOTER_OCTETS_MAX || length > size - TAIL_OCTETS)
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

int weir_footer_read(int fd, int (*visit)(void *context, const struct weir_footer_group *group),
                     void *context, struct weir_diag *diag)
{
    uint8_t *octets = NULL;
    size_t length = 0;
    uint64_t offset = 0;
    int result = load_footer(fd, &octets, &length, &offset, diag);
    if (result < 0)
        return result;
    struct weir_reader reader = weir_reader_make(octets, length);
    result = read_footer(&reader, visit, context);
    if (result == 0 && weir_reader_failed(&reader))
        result = weir_diag_set_at(diag, WEIR_E_MALFORMED, offset + weir_reader_offset(&reader),
                                  "the footer is damaged");
    free(octets);
    return result;
}
