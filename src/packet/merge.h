/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several captures read as one, in the order of their frames' times: of frames of one time those of
 * the capture named first.
 *
 *     if (weir_source_open_merged(paths, count, NULL, &source, &diag) < 0) ...
 *     while ((result = weir_source_next(source, frames, 256, &count, &diag)) == 0) ...
 *
 * A capture's own order stays where its times go back. Interfaces are numbered as they come, so
 * that each of each capture has a number of its own. One that cannot be read to its end is read as
 * far as it can, and its error is that of the whole, after all the others.
 *
 * As packet/source.h for all else. Limits: WEIR_MERGE_MAX captures, 4096 interfaces in all.
 */
#ifndef WEIR_PACKET_MERGE_H
#define WEIR_PACKET_MERGE_H

#include "packet/source.h"

#define WEIR_MERGE_MAX 256u

/* Results of weir_source_open; WEIR_E_USAGE for more captures than the limit. */
WEIR_CHECKED int weir_source_open_merged(const char *const *paths, size_t count,
                                         const struct weir_source_options *options,
                                         struct weir_source **ret_source, struct weir_diag *diag);

#endif
