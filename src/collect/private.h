/* SPDX-License-Identifier: Apache-2.0 */
/* What files of collect/ tell each other and nobody else: states of sessions (collect/state.h). */
#ifndef WEIR_COLLECT_PRIVATE_H
#define WEIR_COLLECT_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "collect/session.h"

/* As weir_collector_save, weir_collector_restore and weir_collector_restore_share. */
WEIR_CHECKED int weir_state_save(struct weir_sessions *sessions, int64_t now_ns,
                                 struct weir_text_buffer *out);
WEIR_CHECKED int weir_state_restore(struct weir_sessions *sessions, const void *octets,
                                    size_t length, struct weir_diag *diag);
WEIR_CHECKED int weir_state_add(struct weir_sessions *sessions, const struct weir_share *share,
                                const void *octets, size_t length, struct weir_diag *diag);

#endif
