/* SPDX-License-Identifier: Apache-2.0 */
#include "app/json_sender.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "collect/collector.h"
#include "sink/json.h"

/* What a UDP datagram on Ethernet holds; the size of messages does not show in the lines. */
#define MESSAGE_OCTETS 1472u

/* RFC 7011 section 3.1: version, length, then the export time in seconds. */
#define EXPORT_TIME_OFFSET 4u
#define HEADER_OCTETS      16u

struct weir_json_sender {
    struct weir_collector *collector;
    struct weir_json_sink *json;
};

static int receive(void *context, const struct weir_message_octets *messages, size_t count,
                   size_t *ret_sent, struct weir_diag *diag)
{
    struct weir_json_sender *sender = context;
    for (size_t i = 0; i < count; i++) {
        struct weir_datagram datagram = {
            .octets = messages[i].octets,
            .length = messages[i].length,
        };
        /* It arrives when it was sent: the file's time, not that of the machine. */
        if (datagram.length >= HEADER_OCTETS)
            datagram.received_ns =
                weir_load_be32(datagram.octets + EXPORT_TIME_OFFSET) * WEIR_NS_PER_SECOND;
        int result = weir_collector_receive(sender->collector, &datagram, WEIR_COLLECT_FILE, diag);
        if (result < 0) {
            *ret_sent = i;
            return result;
        }
    }
    *ret_sent = count;
    /* Who reads along wants the lines now; messages come many at a time. */
    return weir_collector_flush(sender->collector, 0, diag);
}

int weir_json_sender_open(const char *path, struct weir_json_sender **ret_sender,
                          struct weir_transport *ret_transport, struct weir_diag *diag)
{
    struct weir_json_sender *sender = calloc(1, sizeof(*sender));
    if (!sender)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    struct weir_collector_config config = weir_collector_defaults();
    config.session_max = 1;
    int result = weir_collector_new(&config, &sender->collector);
    if (result < 0)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    if (result == 0)
        result = weir_json_sink_open(path, &sender->json, diag);
    if (result == 0) {
        struct weir_record_sink records = weir_json_sink_records(sender->json);
        result = weir_collector_add_record_sink(sender->collector, &records);
    }
    if (result < 0) {
        weir_json_sender_abort(sender);
        return result;
    }
    *ret_transport = (struct weir_transport){
        .send = receive,
        .context = sender,
        .message_max = MESSAGE_OCTETS,
        .reliable = true,
    };
    *ret_sender = sender;
    return 0;
}

int weir_json_sender_close(struct weir_json_sender *sender, struct weir_diag *diag)
{
    int result = weir_json_sink_close(sender->json, diag);
    sender->json = NULL;
    weir_json_sender_abort(sender);
    return result;
}

void weir_json_sender_abort(struct weir_json_sender *sender)
{
    if (!sender)
        return;
    weir_json_sink_abort(sender->json);
    weir_collector_free(sender->collector);
    free(sender);
}
