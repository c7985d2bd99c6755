/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir collect --metrics`: a thread that answers HTTP requests for /metrics (app/metrics_page.h).
 *
 *     weir_metrics_open(&config, &metrics, &diag);      // listens: a port in use is found out here
 *     weir_metrics_start(metrics, &diag);               // answers
 *     ...
 *     weir_metrics_close(metrics);
 *
 * Beside /metrics there are /healthz, which says that the process answers, and /, which says what
 * there is. The thread asks the workers for snapshots when a page is to be made, at most once a
 * second, and waits for them no longer than half a second: what is older then is shown, and how
 * old.
 *
 * Ownership: borrows the snapshots and the guards until it is closed. Threads: one caller. Limits:
 * those of net/http.h.
 */
#ifndef WEIR_APP_METRICS_H
#define WEIR_APP_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/guard.h"
#include "app/snapshot.h"
#include "base/clock.h"
#include "base/error.h"

#define WEIR_METRICS_EXPORTERS_MAX 65536u

struct weir_metrics;

struct weir_metrics_config {
    const char *address; /* as that of struct weir_http_config */
    struct weir_snapshots *snapshots;
    uint32_t exporter_max; /* of all workers together: as many sessions as a snapshot may have */
    const struct weir_guard_group *guarded;
    bool has_store;
    struct weir_clock clock; /* that of the snapshots */
};

/* As weir_http_open. */
WEIR_CHECKED int weir_metrics_open(const struct weir_metrics_config *config,
                                   struct weir_metrics **ret_metrics, struct weir_diag *diag);

/* 0; WEIR_E_IO: there is no thread. */
WEIR_CHECKED int weir_metrics_start(struct weir_metrics *metrics, struct weir_diag *diag);

/* NULL does nothing. */
void weir_metrics_close(struct weir_metrics *metrics);

uint16_t weir_metrics_port(const struct weir_metrics *metrics);

#endif
