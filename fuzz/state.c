/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a collector's state, under a header that is right: restored, and where that went
 * well saved and restored again. A message then finds the collector in order.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "collect/state.h"

#define HEADER_OCTETS 28u

static void check(bool holds)
{
    if (!holds)
        abort();
}

static struct weir_collector *new_collector(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    weir_hash_key_seed(&config.hash_key, 0);
    config.session_max = 4;
    config.template_max = 8;
    config.template_octets = 100000;
    config.waiting = (struct weir_waiting_limits){.sets = 4, .octets = 2000};
    config.waiting_octets = 5000;
    config.batch_rows = 16;
    check(weir_collector_new(&config, &collector) == 0);
    return collector;
}

static void check_limits(const struct weir_collector *collector)
{
    const struct weir_sessions *sessions = weir_collector_sessions(collector);
    check(sessions->count <= sessions->limits.sessions);
    check(sessions->pool.budget.used <= sessions->pool.budget.limit);
    check(sessions->waiting_budget.used <= sessions->waiting_budget.limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t message[16] = {0, 10, 0, 16};
    const struct weir_datagram datagram = {.octets = message, .length = sizeof(message)};
    struct weir_diag diag = {0};
    struct weir_hash_key key;
    struct weir_text_buffer state;
    uint8_t *octets = malloc(HEADER_OCTETS + size);
    struct weir_collector *collector = new_collector();
    check(octets != NULL);
    weir_hash_key_seed(&key, 0);
    weir_text_init(&state, 4 << 20);
    /* The header is what an empty collector saves, with another length and checksum. */
    check(weir_collector_save(collector, 1, &state) == 0);
    memcpy(octets, state.data, HEADER_OCTETS);
    if (size)
        memcpy(octets + HEADER_OCTETS, data, size);
    weir_store_be64(octets + 12, size);
    weir_store_be64(octets + 20, weir_hash(&key, octets + HEADER_OCTETS, size));
    weir_text_clear(&state);
    if (weir_collector_restore(collector, octets, HEADER_OCTETS + size, &diag) == 0) {
        check_limits(collector);
        check(weir_collector_save(collector, 1, &state) == 0);
        check(weir_collector_restore(collector, state.data, state.length, &diag) == 0);
    } else {
        check(weir_collector_sessions(collector)->count == 0);
    }
    check(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag) == 0);
    check_limits(collector);
    weir_collector_free(collector);
    weir_text_done(&state);
    free(octets);
    return 0;
}
