/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of messages, one after another (RFC 5655), as a transport of the Exporting Process.
 *
 * It is written as base/output.h says: whole under its name, or not there; "-" is standard output.
 *
 * Ownership: who opens closes or aborts. Threads: one.
 */
#ifndef WEIR_NET_FILE_H
#define WEIR_NET_FILE_H

#include "base/error.h"
#include "export/transport.h"

struct weir_file_sender;

/* 0, WEIR_E_NOMEM, or WEIR_E_IO with diag. *ret_transport stays valid until it is closed. */
WEIR_CHECKED int weir_file_sender_open(const char *path, struct weir_file_sender **ret_sender,
                                       struct weir_transport *ret_transport,
                                       struct weir_diag *diag);

/* Writes what waits, makes it durable and gives it its name. Frees the sender in any case. */
WEIR_CHECKED int weir_file_sender_close(struct weir_file_sender *sender, struct weir_diag *diag);

/* Gives up: removes the temporary file. NULL does nothing. */
void weir_file_sender_abort(struct weir_file_sender *sender);

#endif
