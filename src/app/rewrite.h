/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes recorded export messages in place, so that they pass for new ones.
 *
 * Times: one whole number of seconds is added to the header's time and to every absolute time in
 * the records (dateTime elements, those inside of lists not), such that the first message was
 * exported now. Times that count from sysUpTime or from the export time keep their meaning by
 * themselves. Sequence: numbers follow one another in each session, in the unit of its protocol,
 * whatever the recording lacks; the first of a session keeps its own.
 *
 * When a recording is sent once more its times go on where they ended, sysUpTime and the times
 * that count from it too, so that no exporter seems to have started anew.
 *
 *     weir_rewriter_new(WEIR_REWRITE_TIMES | WEIR_REWRITE_SEQUENCE, now_ns, &rewriter);
 *     weir_rewriter_message(rewriter, octets, &datagram, transport, &records);   // each message
 *     weir_rewriter_again(rewriter);                        // from the first message once more
 *     weir_rewriter_free(rewriter);
 *
 * sFlow has no time but sysUpTime, which goes on when the recording is sent once more.
 *
 * Data Sets whose Template has not come keep their times; how many records they hold is taken from
 * the recorded numbers. Threads: one. Limits: those of app/follow.h.
 */
#ifndef WEIR_APP_REWRITE_H
#define WEIR_APP_REWRITE_H

#include <stdint.h>

#include "base/error.h"
#include "collect/session.h"
#include "record/datagram.h"

#define WEIR_REWRITE_TIMES    1u
#define WEIR_REWRITE_SEQUENCE 2u

struct weir_rewriter;

/* what: bits of the two; 0: nothing is changed, records are counted. 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_rewriter_new(unsigned what, int64_t now_ns,
                                   struct weir_rewriter **ret_rewriter);
void weir_rewriter_free(struct weir_rewriter *rewriter);

/*
 * Changes a message; `octets` are datagram's, writable. *ret_records: Data Records that it holds,
 * as far as they can be read. 0; WEIR_E_NOMEM; WEIR_E_MALFORMED: no message whose header can be
 * read, which is left as it is.
 */
WEIR_CHECKED int weir_rewriter_message(struct weir_rewriter *rewriter, uint8_t *octets,
                                       const struct weir_datagram *datagram,
                                       enum weir_collect_transport transport,
                                       uint32_t *ret_records);

void weir_rewriter_again(struct weir_rewriter *rewriter);

#endif
