/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of a file, one after the other: plain, gzip or zstd, from a path, standard input or
 * memory. Which compression it is shows in the first octets, never in the name. Members that
 * follow each other (RFC 1952 section 2.2, RFC 8878 section 3) read as one.
 *
 *     struct weir_stream *stream;
 *     if (weir_stream_open("-", &stream, &diag) < 0) ...
 *     switch (weir_stream_content(stream, &diag)) { case WEIR_CONTENT_IPFIX: ... }
 *     while ((result = weir_stream_read(stream, buffer, sizeof(buffer), &count, &diag)) == 0) ...
 *     weir_stream_close(stream);
 *
 * Every diag begins with the name of the file. Ownership: the caller closes; memory given to
 * weir_stream_open_memory is borrowed until then. Threads: one owner. Limits: gzip keeps 32 KiB,
 * zstd at most 128 MiB (a window of 2^27, what its format asks of every decoder).
 */
#ifndef WEIR_PACKET_STREAM_H
#define WEIR_PACKET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct weir_stream;

/* What the first octets of the (uncompressed) content say that it is. */
enum weir_content {
    WEIR_CONTENT_UNKNOWN,
    WEIR_CONTENT_EMPTY,
    WEIR_CONTENT_PCAP,
    WEIR_CONTENT_PCAPNG,
    WEIR_CONTENT_IPFIX,   /* RFC 5655 */
    WEIR_CONTENT_NETFLOW, /* export datagrams without a capture around them */
    WEIR_CONTENT_FOREIGN, /* known, and nothing that weir reads */
};

/* Opens PATH, `-` for standard input. 0, or WEIR_E_IO or WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_stream_open(const char *path, struct weir_stream **ret_stream,
                                  struct weir_diag *diag);

/* The same over `length` octets in memory; `name` stands in messages and is copied. */
WEIR_CHECKED int weir_stream_open_memory(const uint8_t *octets, size_t length, const char *name,
                                         struct weir_stream **ret_stream, struct weir_diag *diag);

void weir_stream_close(struct weir_stream *stream);

/*
 * Asked ten times a second while octets are waited for, and when a signal interrupts that: true
 * makes the read give up with WEIR_E_AGAIN, which is no error and does not stick. Without it,
 * waiting goes on.
 */
void weir_stream_set_stop(struct weir_stream *stream, bool (*stop)(void *context), void *context);

/*
 * Up to `capacity` (at least 1) octets. 0 with *ret_count > 0; WEIR_E_END at the end; else
 * WEIR_E_IO, WEIR_E_MALFORMED (compressed data break their format), WEIR_E_TRUNCATED (they end
 * too early) or WEIR_E_LIMIT (zstd window). All that came before an error is delivered first, and
 * the error is the answer to every later call. Offsets count the file's own octets.
 */
WEIR_CHECKED int weir_stream_read(struct weir_stream *stream, uint8_t *into, size_t capacity,
                                  size_t *ret_count, struct weir_diag *diag);

/*
 * What the content is; reads ahead, and takes nothing away from weir_stream_read. An enum
 * weir_content, or the negative error of reading.
 */
WEIR_CHECKED int weir_stream_content(struct weir_stream *stream, struct weir_diag *diag);

/* What it looks like, for a person: "is an IPFIX file". Only after weir_stream_content. */
const char *weir_stream_content_text(const struct weir_stream *stream);

/* Whether all of it is there, as in a file or in memory, and nobody has to wait for more. */
bool weir_stream_is_stored(const struct weir_stream *stream);

/* The path or name given; "standard input" for `-`. */
const char *weir_stream_name(const struct weir_stream *stream);

#endif
