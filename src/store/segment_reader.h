/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment of a journal that was left (store/journal_folder.h), datagram by datagram.
 *
 *     weir_segment_reader_open(&folder, id, &reader, &diag);
 *     while ((result = weir_segment_reader_next(reader, &datagram, &diag)) == 0)
 *         ...
 *     weir_segment_reader_close(reader);
 *
 * It ends with the last block that is whole: what a power failure left behind it is cut, and
 * counted. Threads: one.
 */
#ifndef WEIR_STORE_SEGMENT_READER_H
#define WEIR_STORE_SEGMENT_READER_H

#include <stdint.h>

#include "base/error.h"
#include "record/datagram.h"
#include "store/journal_folder.h"

struct weir_segment_reader;

/* 0; WEIR_E_IO, WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_segment_reader_open(const struct weir_journal_folder *folder, uint64_t id,
                                          struct weir_segment_reader **ret_reader,
                                          struct weir_diag *diag);
void weir_segment_reader_close(struct weir_segment_reader *reader);

/* The next datagram, valid until the next call. 0, WEIR_E_END, or WEIR_E_IO with diag. */
WEIR_CHECKED int weir_segment_reader_next(struct weir_segment_reader *reader,
                                          struct weir_datagram *ret_datagram,
                                          struct weir_diag *diag);

/* At the end: octets behind the last whole block. */
uint64_t weir_segment_reader_cut(const struct weir_segment_reader *reader);

#endif
