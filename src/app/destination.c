/* SPDX-License-Identifier: Apache-2.0 */
#include "app/destination.h"

#include <stdlib.h>
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
static const char *const udp_options[] = {"domain", "template-refresh", "rate", "mtu", NULL};
static const char *const file_options[] = {"domain", "template-refresh", "rate", NULL};
static const char *const pcap_options[] = {"domain", "template-refresh", "rate", "port", NULL};
static const char *const json_options[] = {"domain", NULL};
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

static int read_options(const struct weir_url *url, struct weir_exporter_config *config,
                        struct weir_diag *diag)
{
    int result = weir_url_check_options(url, options[url->transport], diag);
    uint64_t domain = config->domain;
    if (result == 0)
        result = weir_url_number(url, "domain", UINT32_MAX, &domain, diag);
    if (result == 0)
        result = weir_url_number(url, "rate", UINT32_MAX, &config->records_per_second, diag);
    const char *refresh = weir_url_option(url, "template-refresh");
    if (result == 0 && refresh && weir_duration_parse(refresh, &config->template_refresh_ns) < 0)
        result = weir_diag_set(diag, WEIR_E_USAGE,
                               "template-refresh=%s: a duration is wanted, as 10m", refresh);
    config->domain = (uint32_t)domain;
    return result;
}

int weir_destination_open(const struct weir_url *url, uint32_t default_domain,
                          struct weir_destination **ret_destination, struct weir_diag *diag)
{
    struct weir_exporter_config config = {
        .protocol = protocols[url->protocol],
        .domain = default_domain,
        .template_refresh_ns = WEIR_EXPORTER_REFRESH_NS,
        .clock = weir_clock_system(),
        .sleep_ns = sleep_ns,
    };
    if (url->transport == WEIR_URL_NONE)
        return weir_diag_set(diag, WEIR_E_USAGE, "'none:' is for what is collected only");
    int result = read_options(url, &config, diag);
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
