/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/stream.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"

#define RAW_OCTETS  ((size_t)256 << 10) /* read from a compressed file at once */
#define HEAD_OCTETS ((size_t)32)        /* enough to tell every content of the table below */
#define STOP_MS     100                 /* how often who waits for input is asked whether to */

struct codec;

struct weir_stream {
    char *name;
    int fd; /* -1: memory */
    const uint8_t *memory;
    size_t memory_left;
    const struct codec *codec; /* NULL until the first read */
    z_stream zlib;
    ZSTD_DStream *zstd;
    bool inside_member; /* of compressed data: the end may not come here */
    bool raw_ended;
    uint8_t *raw; /* compressed octets, or what was read to tell the codec */
    size_t raw_begin, raw_end;
    uint64_t raw_offset; /* in the file, of raw[0] */
    uint8_t head[HEAD_OCTETS];
    size_t head_begin, head_end;
    const char *content_text;
    int error; /* sticky */
    struct weir_diag diag;
    bool (*stop)(void *context); /* NULL: never */
    void *stop_context;
};

/*
 * One way to uncompress. `read` moves octets from `raw` to `into`, sets *ret_count and returns 0,
 * WEIR_E_END or an error; it may do both, count and error, and is not called after an error.
 */
struct codec {
    uint8_t magic[4];
    size_t magic_length;
    int (*start)(struct weir_stream *stream);
    int (*read)(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count);
    void (*stop)(struct weir_stream *stream);
};

/* What a content begins with. Rows are tried in order. */
struct signature {
    const char *magic;
    size_t length;
    enum weir_content content;
    const char *text;
};

#define MAGIC(octets) (octets), sizeof(octets) - 1
static const struct signature signatures[] = {
    {MAGIC("\xd4\xc3\xb2\xa1"), WEIR_CONTENT_PCAP, "is a pcap file"},
    {MAGIC("\xa1\xb2\xc3\xd4"), WEIR_CONTENT_PCAP, "is a pcap file"},
    {MAGIC("\x4d\x3c\xb2\xa1"), WEIR_CONTENT_PCAP, "is a pcap file"},
    {MAGIC("\xa1\xb2\x3c\x4d"), WEIR_CONTENT_PCAP, "is a pcap file"},
    {MAGIC("\x34\xcd\xb2\xa1"), WEIR_CONTENT_PCAP, "is a pcap file"},
    {MAGIC("\xa1\xb2\xcd\x34"), WEIR_CONTENT_PCAP, "is a pcap file"},
    {MAGIC("\x0a\x0d\x0d\x0a"), WEIR_CONTENT_PCAPNG, "is a pcapng file"},
    {MAGIC("\x00\x0a"), WEIR_CONTENT_IPFIX, "is an IPFIX file"},
    {MAGIC("\x00\x01\x00"), WEIR_CONTENT_NETFLOW, "is bare NetFlow v1 without a capture around it"},
    {MAGIC("\x00\x05\x00"), WEIR_CONTENT_NETFLOW, "is bare NetFlow v5 without a capture around it"},
    {MAGIC("\x00\x07\x00"), WEIR_CONTENT_NETFLOW, "is bare NetFlow v7 without a capture around it"},
    {MAGIC("\x00\x08\x00"), WEIR_CONTENT_NETFLOW, "is bare NetFlow v8 without a capture around it"},
    {MAGIC("\x00\x09\x00"), WEIR_CONTENT_NETFLOW, "is bare NetFlow v9 without a capture around it"},
    {MAGIC("\x00\x00\x00\x05\x00\x00\x00"), WEIR_CONTENT_NETFLOW,
     "is bare sFlow without a capture around it"},
    {MAGIC("\x0c\xa5"), WEIR_CONTENT_FOREIGN, "is an nfdump file"},
    {MAGIC("PAR1"), WEIR_CONTENT_FOREIGN, "is a Parquet file"},
    {MAGIC("snoop\0\0\0"), WEIR_CONTENT_FOREIGN, "is a snoop capture, which is not read"},
    {MAGIC("GMBU"), WEIR_CONTENT_FOREIGN, "is a Network Monitor capture, which is not read"},
    {MAGIC("\xfd"
           "7zXZ\0"),
     WEIR_CONTENT_FOREIGN, "is xz compressed; only gzip and zstd are read"},
    {MAGIC("BZh"), WEIR_CONTENT_FOREIGN, "is bzip2 compressed; only gzip and zstd are read"},
    {MAGIC("\x04\x22\x4d\x18"), WEIR_CONTENT_FOREIGN,
     "is lz4 compressed; only gzip and zstd are read"},
    {MAGIC("PK\x03\x04"), WEIR_CONTENT_FOREIGN, "is a zip archive"},
    {MAGIC("\x7f"
           "ELF"),
     WEIR_CONTENT_FOREIGN, "is a program"},
};

/*
 * Waits for input where somebody may want that to end: a signal that says so may have come to
 * another thread, or just before. Whether to read.
 */
static bool await(const struct weir_stream *stream)
{
    struct pollfd input = {.fd = stream->fd, .events = POLLIN};
    for (;;) {
        int ready = poll(&input, 1, STOP_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
        if (stream->stop(stream->stop_context))
            return false;
    }
}

static int raw_read(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count)
{
    *ret_count = 0;
    if (stream->fd < 0) {
        size_t count = capacity < stream->memory_left ? capacity : stream->memory_left;
        if (count == 0)
            return WEIR_E_END;
        memcpy(into, stream->memory, count);
        stream->memory += count;
        stream->memory_left -= count;
        *ret_count = count;
        return 0;
    }
    if (stream->stop && !await(stream))
        return WEIR_E_AGAIN;
    ssize_t count;
    while ((count = read(stream->fd, into, capacity)) < 0 && errno == EINTR)
        if (stream->stop && stream->stop(stream->stop_context))
            return WEIR_E_AGAIN;
    if (count < 0)
        return weir_diag_set(&stream->diag, WEIR_E_IO, "%s", strerror(errno));
    *ret_count = (size_t)count;
    return count > 0 ? 0 : WEIR_E_END;
}

/* Reads more into an empty `raw`. 0, WEIR_E_END with raw_ended set, or an error. */
static int raw_fill(struct weir_stream *stream)
{
    stream->raw_offset += stream->raw_end;
    stream->raw_begin = stream->raw_end = 0;
    int result = raw_read(stream, stream->raw, RAW_OCTETS, &stream->raw_end);
    if (result == WEIR_E_END)
        stream->raw_ended = true;
    return result;
}

static uint64_t raw_position(const struct weir_stream *stream)
{
    return stream->raw_offset + stream->raw_begin;
}

static int plain_start(struct weir_stream *stream)
{
    (void)stream;
    return 0;
}

/* What was read to tell the codec, then straight into the caller's buffer. */
static int plain_read(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count)
{
    size_t count = stream->raw_end - stream->raw_begin;
    if (count == 0)
        return raw_read(stream, into, capacity, ret_count);
    if (count > capacity)
        count = capacity;
    memcpy(into, stream->raw + stream->raw_begin, count);
    stream->raw_begin += count;
    *ret_count = count;
    return 0;
}

static void plain_stop(struct weir_stream *stream)
{
    (void)stream;
}

static int gzip_start(struct weir_stream *stream)
{
    /* 16 asks zlib for the gzip wrapper and nothing else. */
    if (inflateInit2(&stream->zlib, 16 + MAX_WBITS) != Z_OK)
        return weir_diag_set(&stream->diag, WEIR_E_NOMEM, "no memory to uncompress");
    stream->inside_member = true;
    return 0;
}

/*
 * Between members: zero octets pad a file up to a block, as tapes and some writers leave them;
 * another member goes on; anything else does not belong there.
 */
static int gzip_between(struct weir_stream *stream)
{
    while (stream->raw_begin < stream->raw_end && stream->raw[stream->raw_begin] == 0)
        stream->raw_begin++;
    if (stream->raw_begin == stream->raw_end)
        return 0;
    if (stream->raw[stream->raw_begin] != 0x1f)
        return weir_diag_set_at(&stream->diag, WEIR_E_MALFORMED, raw_position(stream),
                                "what follows the gzip data is none");
    (void)inflateReset(&stream->zlib);
    stream->inside_member = true;
    return 0;
}

static int gzip_read(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count)
{
    z_stream *zlib = &stream->zlib;
    size_t want = capacity < UINT32_MAX ? capacity : UINT32_MAX;
    zlib->next_out = into;
    zlib->avail_out = (uInt)want;
    int result = 0;
    while (zlib->avail_out == want && result == 0) {
        if (stream->raw_begin == stream->raw_end && (result = raw_fill(stream)) < 0)
            break;
        if (!stream->inside_member) {
            result = gzip_between(stream);
            continue;
        }
        zlib->next_in = stream->raw + stream->raw_begin;
        zlib->avail_in = (uInt)(stream->raw_end - stream->raw_begin);
        int status = inflate(zlib, Z_NO_FLUSH);
        stream->raw_begin = stream->raw_end - zlib->avail_in;
        if (status == Z_STREAM_END)
            stream->inside_member = false;
        else if (status == Z_MEM_ERROR)
            result = weir_diag_set(&stream->diag, WEIR_E_NOMEM, "no memory to uncompress");
        else if (status != Z_OK && status != Z_BUF_ERROR)
            result = weir_diag_set_at(&stream->diag, WEIR_E_MALFORMED, raw_position(stream),
                                      "the gzip data are damaged (%s)",
                                      zlib->msg ? zlib->msg : "no reason given");
    }
    *ret_count = want - zlib->avail_out;
    return result;
}

static void gzip_stop(struct weir_stream *stream)
{
    inflateEnd(&stream->zlib);
}

static int zstd_start(struct weir_stream *stream)
{
    stream->zstd = ZSTD_createDStream();
    if (!stream->zstd)
        return weir_diag_set(&stream->diag, WEIR_E_NOMEM, "no memory to uncompress");
    stream->inside_member = true;
    return 0;
}

static int zstd_read(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count)
{
    ZSTD_outBuffer out = {.dst = into, .size = capacity};
    int result = 0;
    while (out.pos == 0 && result == 0) {
        if (stream->raw_begin == stream->raw_end && (result = raw_fill(stream)) < 0)
            break;
        ZSTD_inBuffer in = {.src = stream->raw, .size = stream->raw_end, .pos = stream->raw_begin};
        size_t status = ZSTD_decompressStream(stream->zstd, &out, &in);
        stream->raw_begin = in.pos;
        if (ZSTD_isError(status))
            result = weir_diag_set_at(&stream->diag, WEIR_E_MALFORMED, raw_position(stream),
                                      "the zstd data are damaged (%s)", ZSTD_getErrorName(status));
        else
            stream->inside_member = status != 0;
    }
    *ret_count = out.pos;
    return result;
}

static void zstd_stop(struct weir_stream *stream)
{
    ZSTD_freeDStream(stream->zstd);
}

/* The last row has no magic and takes what is left. */
static const struct codec codecs[] = {
    {{0x1f, 0x8b, 0x08}, 3, gzip_start, gzip_read, gzip_stop},
    {{0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_start, zstd_read, zstd_stop},
    {{0}, 0, plain_start, plain_read, plain_stop},
};

/* Reads until the longest magic can be compared, and chooses the codec. */
static int choose_codec(struct weir_stream *stream)
{
    while (stream->raw_end < sizeof(codecs[0].magic)) {
        size_t count;
        int result =
            raw_read(stream, stream->raw + stream->raw_end, RAW_OCTETS - stream->raw_end, &count);
        if (result == WEIR_E_END)
            break;
        if (result < 0)
            return result;
        stream->raw_end += count;
    }
    const struct codec *codec = codecs;
    while (stream->raw_end < codec->magic_length ||
           memcmp(stream->raw, codec->magic, codec->magic_length) != 0)
        codec++;
    int result = codec->start(stream);
    if (result == 0)
        stream->codec = codec;
    return result;
}

/* Reads from the codec; an error that comes with octets waits for the next call. */
static int codec_read(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count)
{
    *ret_count = 0;
    if (stream->error < 0)
        return stream->error;
    int result = stream->codec ? 0 : choose_codec(stream);
    if (result == 0)
        result = stream->codec->read(stream, into, capacity, ret_count);
    if (result == WEIR_E_END && stream->inside_member)
        result = weir_diag_set_at(&stream->diag, WEIR_E_TRUNCATED, raw_position(stream),
                                  "the file ends inside its compressed data");
    if (result < 0 && result != WEIR_E_AGAIN) {
        stream->error = result;
        weir_diag_prefix(&stream->diag, "%s", stream->name);
    }
    return *ret_count > 0 ? 0 : result;
}

static int fail(const struct weir_stream *stream, int result, struct weir_diag *diag)
{
    if (diag && result != WEIR_E_END && result != WEIR_E_AGAIN)
        *diag = stream->diag;
    return result;
}

void weir_stream_set_stop(struct weir_stream *stream, bool (*stop)(void *context), void *context)
{
    stream->stop = stop;
    stream->stop_context = context;
}

int weir_stream_read(struct weir_stream *stream, uint8_t *into, size_t capacity, size_t *ret_count,
                     struct weir_diag *diag)
{
    size_t count = stream->head_end - stream->head_begin;
    if (count > 0) {
        if (count > capacity)
            count = capacity;
        memcpy(into, stream->head + stream->head_begin, count);
        stream->head_begin += count;
        *ret_count = count;
        return 0;
    }
    int result = codec_read(stream, into, capacity, &count);
    if (result < 0)
        return fail(stream, result, diag);
    *ret_count = count;
    return 0;
}

static bool is_text(const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isprint(octets[i]) && !isspace(octets[i]))
            return false;
    return length > 0;
}

int weir_stream_content(struct weir_stream *stream, struct weir_diag *diag)
{
    while (stream->head_end < HEAD_OCTETS) {
        size_t count;
        int result = codec_read(stream, stream->head + stream->head_end,
                                HEAD_OCTETS - stream->head_end, &count);
        if (result < 0 && result != WEIR_E_END && stream->head_end == 0)
            return fail(stream, result, diag);
        if (result < 0)
            break;
        stream->head_end += count;
    }
    if (stream->head_end == 0) {
        stream->content_text = "is empty";
        return WEIR_CONTENT_EMPTY;
    }
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        const struct signature *row = &signatures[i];
        if (stream->head_end >= row->length && memcmp(stream->head, row->magic, row->length) == 0) {
            stream->content_text = row->text;
            return (int)row->content;
        }
    }
    if (is_text(stream->head, stream->head_end)) {
        stream->content_text = "is text";
        return WEIR_CONTENT_FOREIGN;
    }
    stream->content_text = "is of a kind that weir does not know";
    return WEIR_CONTENT_UNKNOWN;
}

const char *weir_stream_content_text(const struct weir_stream *stream)
{
    return stream->content_text;
}

bool weir_stream_is_stored(const struct weir_stream *stream)
{
    struct stat status;
    return stream->fd < 0 || (fstat(stream->fd, &status) == 0 && S_ISREG(status.st_mode));
}

const char *weir_stream_name(const struct weir_stream *stream)
{
    return stream->name;
}

/* Without anything to read yet; NULL with diag: no memory. */
static struct weir_stream *stream_new(const char *name, struct weir_diag *diag)
{
    struct weir_stream *stream = calloc(1, sizeof(*stream));
    if (stream) {
        stream->fd = -1;
        stream->name = strdup(name);
        stream->raw = malloc(RAW_OCTETS);
    }
    if (stream && stream->name && stream->raw)
        return stream;
    weir_stream_close(stream);
    (void)weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to read it", name);
    return NULL;
}

int weir_stream_open(const char *path, struct weir_stream **ret_stream, struct weir_diag *diag)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct weir_stream *stream = stream_new(standard_input ? "standard input" : path, diag);
    if (!stream)
        return WEIR_E_NOMEM;
    /* A duplicate, so that closing the stream leaves the process its standard input. */
    stream->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (stream->fd < 0) {
        int result = weir_diag_set(diag, WEIR_E_IO, "%s: %s", stream->name, strerror(errno));
        weir_stream_close(stream);
        return result;
    }
    *ret_stream = stream;
    return 0;
}

int weir_stream_open_memory(const uint8_t *octets, size_t length, const char *name,
                            struct weir_stream **ret_stream, struct weir_diag *diag)
{
    struct weir_stream *stream = stream_new(name, diag);
    if (!stream)
        return WEIR_E_NOMEM;
    stream->memory = octets;
    stream->memory_left = length;
    *ret_stream = stream;
    return 0;
}

void weir_stream_close(struct weir_stream *stream)
{
    if (!stream)
        return;
    if (stream->codec)
        stream->codec->stop(stream);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->raw);
    free(stream->name);
    free(stream);
}
