/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a source of export messages, told apart by what is in them:
 *
 * - captures (pcap, pcapng) of export datagrams: their UDP payloads, with the addresses and times
 *   of the capture;
 * - IPFIX files (RFC 5655): messages one after another. They say nothing of an exporter, and a
 *   message counts as received at its export time;
 * - export datagrams without a capture around them, one after another, which are told by the
 *   version that each begins with. NetFlow v9 has no length: a datagram ends where a set's id is
 *   no set's but a version.
 *
 * Plain, gzip or zstd; "-" is standard input.
 *
 *     struct weir_input *input;
 *     if (weir_input_open(path, &input, &diag) < 0) ...
 *     while ((result = weir_input_next(input, &datagrams, &count, &diag)) == 0)
 *         ...
 *     weir_input_close(input);
 *
 * Ownership: who opens closes. Threads: one. Limits: a message has at most 65,535 octets.
 */
#ifndef WEIR_COLLECT_INPUT_H
#define WEIR_COLLECT_INPUT_H

#include <stddef.h>

#include "base/error.h"
#include "collect/session.h"
#include "packet/datagram_source.h"
#include "record/datagram.h"

struct weir_input;

/*
 * 0, or with diag, which begins with the file: WEIR_E_IO, WEIR_E_NOMEM, WEIR_E_UNSUPPORTED (it
 * holds nothing that can be read; diag says what it looks like), WEIR_E_TRUNCATED,
 * WEIR_E_MALFORMED.
 */
WEIR_CHECKED int weir_input_open(const char *path, struct weir_input **ret_input,
                                 struct weir_diag *diag);

/* The same over octets in memory, which it borrows; `name` stands in messages. */
WEIR_CHECKED int weir_input_open_memory(const uint8_t *octets, size_t length, const char *name,
                                        struct weir_input **ret_input, struct weir_diag *diag);

void weir_input_close(struct weir_input *input);

/*
 * The next 1 and more messages, valid until the next call. 0; WEIR_E_END; or, after all that was
 * whole has been delivered, the error that ends the file, with diag: its name and the octet. A
 * last message that is cut is delivered as far as it goes, and then reported.
 */
WEIR_CHECKED int weir_input_next(struct weir_input *input,
                                 const struct weir_datagram **ret_datagrams, size_t *ret_count,
                                 struct weir_diag *diag);

/*
 * Where a datagram of the last weir_input_next is in the file: of a capture the number of its
 * packet, from 1; else the octet that it begins at.
 */
uint64_t weir_input_place(const struct weir_input *input, const struct weir_datagram *datagram);

/* What became of the packets of a capture so far; NULL: it is no capture. */
const struct weir_datagram_counters *weir_input_datagrams(const struct weir_input *input);

/* How its messages came. */
enum weir_collect_transport weir_input_transport(const struct weir_input *input);

#endif
