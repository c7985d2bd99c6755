/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines as a transport of the Exporting Process (`json:PATH`): the messages go to a Collecting
 * Process in this process, whose records are printed (sink/json.h). The lines are those that `weir
 * collect` would print of the same export, but for the exporter's address, which is null.
 *
 * Ownership: who opens closes or aborts. Threads: one.
 */
#ifndef WEIR_APP_JSON_SENDER_H
#define WEIR_APP_JSON_SENDER_H

#include "base/error.h"
#include "export/transport.h"

struct weir_json_sender;

/* "-" is standard output. 0, WEIR_E_NOMEM, or WEIR_E_IO with diag. */
WEIR_CHECKED int weir_json_sender_open(const char *path, struct weir_json_sender **ret_sender,
                                       struct weir_transport *ret_transport,
                                       struct weir_diag *diag);

/* Completes the file. Frees the sender in any case. */
WEIR_CHECKED int weir_json_sender_close(struct weir_json_sender *sender, struct weir_diag *diag);

/* Gives up; an incomplete file is removed. NULL does nothing. */
void weir_json_sender_abort(struct weir_json_sender *sender);

#endif
