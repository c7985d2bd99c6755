/* SPDX-License-Identifier: Apache-2.0 */
#include "app/destination.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/json_sender.h"
#include "base/quantity.h"
#include "net/sender.h"

struct weir_destination {
    struct weir_sender sender;
    struct weir_json_sender *json; /* in place of the sender, for json: */
    struct weir_exporter *exporter;
};

static const enum weir_protocol protocols[] = {
    [WEIR_URL_ANY] = WEIR_PROTOCOL_IPFIX,         [WEIR_URL_NETFLOW1] = WEIR_PROTOCOL_NETFLOW1,
    [WEIR_URL_NETFLOW5] = WEIR_PROTOCOL_NETFLOW5, [WEIR_URL_NETFLOW9] = WEIR_PROTOCOL_NETFLOW9,
    [WEIR_URL_IPFIX] = WEIR_PROTOCOL_IPFIX,
};

/* The options that each transport takes. */
#define EVERY "domain", "options", "stats-interval"
static const char *const udp_options[] = {EVERY, "template-refresh", "rate", "mtu", "gso", NULL};
static const char *const file_options[] = {EVERY, "template-refresh", "rate", NULL};
static const char *const pcap_options[] = {EVERY, "template-refresh", "rate", "port", NULL};
static const char *const json_options[] = {EVERY, NULL};
#undef EVERY
static const char *const *const options[] = {
    [WEIR_URL_UDP] = udp_options,
    [WEIR_URL_FILE] = file_options,
    [WEIR_URL_PCAP] = pcap_options,
    [WEIR_URL_JSON] = json_options,
};

static void sleep_ns(void *context, int64_t duration_ns)
{
    (void)context;
    struct timespec left = {duration_ns / WEIR_NS_PER_SECOND, duration_ns % WEIR_NS_PER_SECOND};
    /* A signal may want the process to stop: it does not wait on. */
    (void)nanosleep(&left, NULL);
}

static int read_duration(const struct weir_url *url, const char *name, int64_t *ret_ns,
                         struct weir_diag *diag)
{
    const char *text = weir_url_option(url, name);
    if (text && weir_duration_parse(text, ret_ns) < 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s=%s: a duration is wanted, as 10m", name, text);
    return 0;
}

static int read_options(const struct weir_url *url, struct weir_exporter_config *config,
                        struct weir_diag *diag)
{
    int result = weir_url_check_options(url, options[url->transport], diag);
    uint64_t domain = config->domain;
    if (result == 0)
        result = weir_url_number(url, "domain", UINT32_MAX, &domain, diag);
    if (result == 0)
        result = weir_url_number(url, "rate", UINT32_MAX, &config->records_per_second, diag);
    if (result == 0)
        result = read_duration(url, "template-refresh", &config->template_refresh_ns, diag);
    if (result == 0)
        result = read_duration(url, "stats-interval", &config->stats_interval_ns, diag);
    config->domain = (uint32_t)domain;
    return result;
}

/* Whether options data goes there. Lines are of flows unless somebody asks for others. */
static int read_wants(const struct weir_url *url, bool *ret_wants, struct weir_diag *diag)
{
    const char *text = weir_url_option(url, "options");
    *ret_wants = url->transport != WEIR_URL_JSON || weir_url_option(url, "stats-interval");
    if (!text)
        return 0;
    *ret_wants = strcmp(text, "all") == 0;
    if (!*ret_wants && strcmp(text, "none") != 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "options=%s: write all or none", text);
    return 0;
}

int weir_destination_open(const struct weir_url *url, uint32_t default_domain,
                          struct weir_destination **ret_destination, struct weir_diag *diag)
{
    return weir_destination_open_reporting(url, default_domain, 0, NULL, ret_destination, diag);
}

int weir_destination_open_reporting(const struct weir_url *url, uint32_t default_domain,
                                    uint32_t process_id, const struct weir_report_source *source,
                                    struct weir_destination **ret_destination,
                                    struct weir_diag *diag)
{
    struct weir_exporter_config config = {
        .protocol = protocols[url->protocol],
        .domain = default_domain,
        .template_refresh_ns = WEIR_EXPORTER_REFRESH_NS,
        .stats_interval_ns = WEIR_EXPORTER_STATS_NS,
        .process_id = process_id,
        .clock = weir_clock_system(),
        .sleep_ns = sleep_ns,
    };
    if (url->transport == WEIR_URL_NONE)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'none:' is for what is collected only; json:/dev/null takes flows");
    bool wants = false;
    int result = read_options(url, &config, diag);
    if (result == 0)
        result = read_wants(url, &wants, diag);
    config.has_options = source && wants;
    if (result < 0)
        return result;
    struct weir_destination *destination = calloc(1, sizeof(*destination));
    if (!destination)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a destination");
    struct weir_transport *transport = &destination->sender.transport;
    if (url->transport == WEIR_URL_JSON)
        result = weir_json_sender_open(url->path, &destination->json, transport, diag);
    else
        result = weir_sender_open(url, &destination->sender, diag);
    if (result == 0)
        result = weir_exporter_new(&config, transport, &destination->exporter, diag);
    if (result == 0 && source)
        result = weir_exporter_add_reports(destination->exporter, source, diag);
    if (result < 0) {
        weir_destination_abort(destination);
        return result;
    }
    *ret_destination = destination;
    return 0;
}

struct weir_batch_sink weir_destination_sink(struct weir_destination *destination)
{
    return weir_exporter_sink(destination->exporter);
}

const struct weir_exporter_counters *weir_destination_counters(
    const struct weir_destination *destination)
{
    return weir_exporter_counters(destination->exporter);
}

struct weir_udp_sender_counters weir_destination_sender_counters(
    const struct weir_destination *destination)
{
    return weir_sender_counters(&destination->sender);
}

int weir_destination_end(struct weir_destination *destination, struct weir_diag *diag)
{
    return weir_exporter_end(destination->exporter, diag);
}

int weir_destination_close(struct weir_destination *destination, struct weir_diag *diag)
{
    int result = weir_exporter_flush(destination->exporter, diag);
    if (result == 0 && destination->json) {
        result = weir_json_sender_close(destination->json, diag);
        destination->json = NULL;
    } else if (result == 0) {
        result = weir_sender_close(&destination->sender, diag);
    }
    weir_destination_abort(destination);
    return result;
}

void weir_destination_abort(struct weir_destination *destination)
{
    if (!destination)
        return;
    weir_exporter_free(destination->exporter);
    weir_json_sender_abort(destination->json);
    weir_sender_abort(&destination->sender);
    free(destination);
}
