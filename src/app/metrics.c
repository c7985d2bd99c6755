/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/exposition.h"
#include "app/metrics_page.h"
#include "base/bell.h"

#define AWAIT_MS 500

struct weir_metrics {
    struct weir_metrics_config config;
    const struct weir_snapshot_session **room;
    struct weir_http *http;
    struct weir_bell stop;
    atomic_bool stopping;
    bool is_running;
    pthread_t thread;
};

static void print_metrics(void *context, struct weir_text_buffer *out)
{
    struct weir_metrics *metrics = context;
    const struct weir_metrics_config *config = &metrics->config;
    weir_snapshots_ask(config->snapshots);
    weir_snapshots_await(config->snapshots, AWAIT_MS);
    const struct weir_metrics_page page = {
        .snapshots = config->snapshots,
        .exporter_max = config->exporter_max,
        .room = metrics->room,
        .guarded = config->guarded,
        .has_store = config->has_store,
        .now_ns = weir_clock_now(&config->clock),
        .http = weir_http_count(metrics->http),
    };
    weir_metrics_page_print(&page, out);
}

static void print_health(void *context, struct weir_text_buffer *out)
{
    (void)context;
    weir_text_add(out, "ok\n");
}

static void print_index(void *context, struct weir_text_buffer *out)
{
    (void)context;
    weir_text_add(out, "<!doctype html>\n<title>weir collect</title>\n<h1>weir collect</h1>\n"
                       "<p><a href=\"/metrics\">/metrics</a> for Prometheus; "
                       "<a href=\"/healthz\">/healthz</a> says that it answers.\n");
}

static const struct weir_http_page pages[] = {
    {"/metrics", WEIR_EXPOSITION_CONTENT_TYPE, print_metrics},
    {"/healthz", "text/plain; charset=utf-8", print_health},
    {"/", "text/html; charset=utf-8", print_index},
    {NULL, NULL, NULL},
};

int weir_metrics_open(const struct weir_metrics_config *config, struct weir_metrics **ret_metrics,
                      struct weir_diag *diag)
{
    size_t most = (size_t)config->exporter_max * weir_snapshots_workers(config->snapshots);
    struct weir_metrics *metrics = calloc(1, sizeof(*metrics));
    const struct weir_snapshot_session **room =
        calloc(most, sizeof(struct weir_snapshot_session *));
    if (!metrics || !room) {
        free(metrics);
        free(room);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to serve metrics with");
    }
    metrics->config = *config;
    metrics->room = room;
    const struct weir_http_config http = {
        .address = config->address,
        .pages = pages,
        .context = metrics,
        .clock = config->clock,
    };
    int result = weir_bell_open(&metrics->stop);
    if (result < 0)
        weir_diag_set(diag, WEIR_E_IO, "an eventfd: %s", strerror(errno));
    else
        result = weir_http_open(&http, &metrics->http, diag);
    if (result < 0)
        weir_metrics_close(metrics);
    else
        *ret_metrics = metrics;
    return result;
}

static void *serve(void *context)
{
    struct weir_metrics *metrics = context;
    while (!atomic_load(&metrics->stopping)) {
        struct pollfd fds[] = {{.fd = weir_http_fd(metrics->http), .events = POLLIN},
                               {.fd = weir_bell_fd(&metrics->stop), .events = POLLIN}};
        (void)poll(fds, 2, weir_http_wait(metrics->http));
        weir_http_serve(metrics->http);
    }
    return NULL;
}

int weir_metrics_start(struct weir_metrics *metrics, struct weir_diag *diag)
{
    int reason = pthread_create(&metrics->thread, NULL, serve, metrics);
    if (reason != 0)
        return weir_diag_set(diag, WEIR_E_IO, "cannot start a thread: %s", strerror(reason));
    metrics->is_running = true;
    return 0;
}

void weir_metrics_close(struct weir_metrics *metrics)
{
    if (!metrics)
        return;
    if (metrics->is_running) {
        atomic_store(&metrics->stopping, true);
        weir_bell_wake(&metrics->stop);
        pthread_join(metrics->thread, NULL);
    }
    weir_http_close(metrics->http);
    weir_bell_close(&metrics->stop);
    free(metrics->room);
    free(metrics);
}

uint16_t weir_metrics_port(const struct weir_metrics *metrics)
{
    return weir_http_port(metrics->http);
}
