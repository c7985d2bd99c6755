/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters' clocks: skew, sysUpTime that wraps, restarts or has no header, times that are odd. */
#include "support/peer.h"

#include "collect/timing.h"

#define SECOND WEIR_NS_PER_SECOND
#define WRAP   (INT64_C(1) << 32) /* of sysUpTime, in milliseconds */

enum { ROWS_MAX = 64 };

/* Start and end of rows as a sink got them. */
struct times {
    uint32_t rows;
    int64_t start[ROWS_MAX], end[ROWS_MAX];
};

static int take_times(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct times *times = context;
    (void)diag;
    assert_true(times->rows + batch->row_count <= ROWS_MAX);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        times->start[times->rows] = weir_batch_time(batch, WEIR_COLUMN_START)[i];
        times->end[times->rows++] = weir_batch_time(batch, WEIR_COLUMN_END)[i];
    }
    return 0;
}

static int flush_times(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

static struct weir_collector *collector_of(struct times *times,
                                           const struct weir_exporter_setting *settings,
                                           size_t count)
{
    struct weir_collector_config config = weir_collector_defaults();
    const struct weir_batch_sink sink = {take_times, flush_times, times};
    struct weir_collector *collector;
    weir_hash_key_seed(&config.hash_key, 1);
    config.settings = settings;
    config.setting_count = count;
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    assert_int_equal(weir_collector_add_batch_sink(collector, &sink), 0);
    return collector;
}

/* Sends a message of these two-field flows, whose exporter's sysUpTime is `uptime_ms`. */
static void send(struct weir_collector *collector, struct peer *peer,
                 const struct weir_template *source, int64_t uptime_ms, const uint64_t *values,
                 uint32_t count, int64_t received_ns)
{
    const struct weir_encoder_header header = {
        .sequence = peer->sequence,
        .domain = peer->domain,
        .export_time_ns = peer->second * SECOND,
        .uptime_zero_ns = peer->second * SECOND - uptime_ms * WEIR_NS_PER_MS,
    };
    struct weir_diag diag = {0};
    weir_encoder_begin(&peer->encoder, peer->protocol, peer->octets, sizeof(peer->octets), &header);
    peer->units = 0;
    peer_template(peer, source);
    peer_rows(peer, source, values, count);
    struct weir_datagram datagram = peer_end(peer);
    datagram.received_ns = received_ns;
    assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    assert_int_equal(weir_collector_flush(collector, 0, &diag), 0);
}

static const struct weir_field uptime_fields[] = {{0, 22, 4}, {0, 21, 4}};
static const struct weir_field second_fields[] = {{0, 150, 4}, {0, 151, 4}};

/* sysUpTime and flows on either side of its wrap, in milliseconds from the export time. */
static void wraps(void **state)
{
    (void)state;
    static const struct {
        int64_t uptime_ms; /* since the exporter started */
        int64_t start_ms, end_ms;
    } cases[] = {
        {1000000, -5000, -1},              /* none near */
        {WRAP + 2500, -3500, -2000},       /* the wrap was during the flow */
        {WRAP + 2500, -90000, -3000},      /* after the flow */
        {WRAP - 500, -2000, 800},          /* after the header was made */
        {WRAP - 1, -1, 0},                 /* on the last millisecond */
        {WRAP, -1, 0},                     /* and on the first */
        {WRAP + 10000, -86400000, -20000}, /* a day long */
        {2 * WRAP + 10, -20, 500},
    };
    struct times times = {0};
    struct weir_collector *collector = collector_of(&times, NULL, 0);
    struct weir_template *source = weir_template_new(256, uptime_fields, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    const uint32_t count = sizeof(cases) / sizeof(cases[0]);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t values[] = {(uint32_t)(cases[i].uptime_ms + cases[i].start_ms),
                                   (uint32_t)(cases[i].uptime_ms + cases[i].end_ms)};
        send(collector, &peer, source, cases[i].uptime_ms, values, 1, peer.second * SECOND);
        assert_int_equal(times.start[i] - peer.second * SECOND, cases[i].start_ms * WEIR_NS_PER_MS);
        assert_int_equal(times.end[i] - peer.second * SECOND, cases[i].end_ms * WEIR_NS_PER_MS);
        peer.second += 100;
    }
    struct weir_collect_counters counters = weir_collector_count(collector);
    assert_int_equal(counters.times_after_export + counters.times_reversed, 0);
    free(source);
    weir_collector_free(collector);
}

/* What cannot be is kept, and counted. */
static void odd_times(void **state)
{
    (void)state;
    struct times times = {0};
    struct weir_collector *collector = collector_of(&times, NULL, 0);
    struct weir_template *source = weir_template_new(256, uptime_fields, 2);
    struct weir_template *seconds = weir_template_new(257, second_fields, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    /* The exporter restarted between flows and message: ten seconds up, flows of fifty minutes. */
    send(collector, &peer, source, 10000, (const uint64_t[]){2990000, 3000000}, 1,
         peer.second * SECOND);
    assert_int_equal(times.end[0], peer.second * SECOND + (3000000 - 10000) * WEIR_NS_PER_MS);
    assert_int_equal(weir_collector_count(collector).times_after_export, 1);
    assert_int_equal(weir_collector_count(collector).times_reversed, 0);
    /* Ends a second after its header, more than a second after, before it began. */
    const uint64_t now = (uint64_t)peer.second;
    const uint64_t values[] = {now, now + 1, now, now + 2, now, now - 1};
    send(collector, &peer, seconds, 10000, values, 3, peer.second * SECOND);
    assert_int_equal(weir_collector_count(collector).times_after_export, 2);
    assert_int_equal(weir_collector_count(collector).times_reversed, 1);
    assert_int_equal(times.end[2], (peer.second + 2) * SECOND);
    free(source);
    free(seconds);
    weir_collector_free(collector);
}

/* IPFIX: the beginning of sysUpTime is in the record, in options, or not said. */
static void uptime_without_header(void **state)
{
    (void)state;
    static const struct weir_field with_init[] = {{0, 160, 8}, {0, 22, 4}, {0, 21, 4}};
    struct times times = {0};
    struct weir_collector *collector = collector_of(&times, NULL, 0);
    struct weir_template *source = weir_template_new(256, uptime_fields, 2);
    struct weir_template *own = weir_template_new(257, with_init, 3);
    struct weir_template *options =
        weir_template_new_options(300, (const struct weir_field[]){{0, 143, 4}, {0, 160, 8}}, 2, 1);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    const int64_t export_ns = peer.second * SECOND;
    /* Not said: the latest flow of a message ended with it, the others as much before. */
    send(collector, &peer, source, 0,
         (const uint64_t[]){4000000000, 4000005000, 4000001000, 4000009000, 4000000000, 4000001000},
         3, export_ns);
    assert_int_equal(times.end[1], export_ns);
    assert_int_equal(times.end[0], export_ns - 4 * SECOND);
    assert_int_equal(times.start[0], export_ns - 9 * SECOND);
    /* A minute later; its latest flow ended a second before. */
    peer.second += 60;
    send(collector, &peer, source, 0, (const uint64_t[]){4000060000, 4000068000}, 1, export_ns);
    assert_int_equal(times.end[3], export_ns + 59 * SECOND);
    /* A flow that would have ended after its message shows that sysUpTime began earlier. */
    send(collector, &peer, source, 0, (const uint64_t[]){4000060000, 4000070000}, 1, export_ns);
    assert_int_equal(times.end[4], export_ns + 60 * SECOND);
    /* The exporter began anew. */
    send(collector, &peer, source, 0, (const uint64_t[]){1000, 3000}, 1, export_ns);
    assert_int_equal(times.end[5], export_ns + 60 * SECOND);
    assert_int_equal(times.start[5], export_ns + 58 * SECOND);
    /* Records that say it. */
    const uint64_t init_ms = (uint64_t)(peer.second - 100) * 1000;
    send(collector, &peer, own, 0, (const uint64_t[]){init_ms, 90000, 99000}, 1, export_ns);
    assert_int_equal(times.start[6], (peer.second - 10) * SECOND);
    assert_int_equal(times.end[6], (peer.second - 1) * SECOND);
    /* Options that say it, of 2,000 seconds ago. */
    send(collector, &peer, options, 0, (const uint64_t[]){1, (uint64_t)(peer.second - 2000) * 1000},
         1, export_ns);
    send(collector, &peer, source, 0, (const uint64_t[]){1900000, 1990500}, 1, export_ns);
    assert_int_equal(times.start[7], (peer.second - 100) * SECOND);
    assert_int_equal(times.end[7], peer.second * SECOND - 9500 * WEIR_NS_PER_MS);
    /* And options that cannot be right. */
    send(collector, &peer, options, 0, (const uint64_t[]){1, (uint64_t)peer.second * 1000}, 1,
         export_ns);
    send(collector, &peer, source, 0, (const uint64_t[]){1900000, 1990500}, 1, export_ns);
    assert_int_equal(times.end[8], peer.second * SECOND);
    assert_int_equal(weir_collector_count(collector).times_after_export, 0);
    free(source);
    free(own);
    free(options);
    weir_collector_free(collector);
}

static void skew_is_measured(void **state)
{
    (void)state;
    const struct weir_exporter automatic = {.skew_mode = WEIR_SKEW_AUTO};
    const struct weir_exporter kept = {.skew_mode = WEIR_SKEW_KEEP, .skew_ns = 7};
    const struct weir_exporter given = {.skew_mode = WEIR_SKEW_ADD, .skew_ns = -7};
    struct weir_skew skew = {0};
    int64_t now_ns = PEER_SECOND * SECOND;
    /* Ninety seconds slow, and now and then three more under way. */
    for (unsigned i = 0; i < 100; i++, now_ns += SECOND)
        weir_skew_take(&skew, now_ns, now_ns - (i % 4 ? 93 : 90) * SECOND);
    assert_int_equal(weir_skew_least(&skew), 90 * SECOND);
    assert_in_range(skew.mean_ns, 91 * SECOND, 93 * SECOND);
    assert_int_equal(weir_skew_shift(&skew, &automatic), 90 * SECOND);
    assert_int_equal(weir_skew_shift(&skew, &kept), 0);
    assert_int_equal(weir_skew_shift(&skew, &given), -7);
    /* Half a second less is not followed, and after two minutes the clock that was set is. */
    weir_skew_take(&skew, now_ns, now_ns - 89 * SECOND - SECOND / 2);
    assert_int_equal(weir_skew_shift(&skew, &automatic), 90 * SECOND);
    for (unsigned i = 0; i < 200; i++, now_ns += SECOND)
        weir_skew_take(&skew, now_ns, now_ns - SECOND);
    assert_int_equal(weir_skew_least(&skew), SECOND);
    assert_int_equal(weir_skew_shift(&skew, &automatic), 0);
    /* A clock that is fast, at once. */
    weir_skew_take(&skew, now_ns, now_ns + 60 * SECOND);
    assert_int_equal(weir_skew_shift(&skew, &automatic), -60 * SECOND);
    /* Times that nothing has. */
    weir_skew_take(&skew, INT64_MIN, 5);
    weir_skew_take(&skew, INT64_MAX, -5);
    weir_skew_take(&skew, INT64_MIN, INT64_MAX);
    assert_int_equal(weir_skew_least(&skew), -(INT64_C(1) << 61));
}

/* Times are changed where that was asked for, those of sysUpTime and absolute ones alike. */
static void skew_is_corrected(void **state)
{
    (void)state;
    struct weir_exporter_setting settings[2] = {
        {.has_skew = true, .skew_mode = WEIR_SKEW_ADD, .skew_ns = -90 * SECOND},
        {.has_skew = true, .skew_mode = WEIR_SKEW_AUTO},
    };
    assert_int_equal(weir_network_parse("192.0.2.0/24", &settings[0].network), 0);
    assert_int_equal(weir_network_parse("192.0.2.3", &settings[1].network), 0);
    const char *const addresses[] = {"192.0.2.1", "192.0.2.3", "198.51.100.1"};
    const int64_t expected[] = {-90 * SECOND, 500 * SECOND, 0};
    struct times times = {0};
    struct weir_collector *collector = collector_of(&times, settings, 2);
    struct weir_template *source = weir_template_new(256, uptime_fields, 2);
    struct weir_template *seconds = weir_template_new(257, second_fields, 2);
    for (uint32_t i = 0; i < 3; i++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, addresses[i], 1);
        const int64_t export_ns = peer.second * SECOND;
        const uint64_t now = (uint64_t)peer.second;
        send(collector, &peer, source, 10000, (const uint64_t[]){9000, 10000}, 1,
             export_ns + 500 * SECOND);
        send(collector, &peer, seconds, 10000, (const uint64_t[]){now - 1, now, 0, 0}, 2,
             export_ns + 500 * SECOND);
        for (uint32_t row = 0; row < 2; row++) {
            assert_int_equal(times.start[3 * i + row], export_ns - SECOND + expected[i]);
            assert_int_equal(times.end[3 * i + row], export_ns + expected[i]);
        }
        assert_int_equal(times.start[3 * i + 2], 0);
    }
    assert_int_equal(weir_collector_count(collector).times_shifted, 6);
    assert_int_equal(weir_collector_count(collector).times_after_export, 0);
    free(source);
    free(seconds);
    weir_collector_free(collector);
}

/* sFlow says no export time: what is overtaken or repeated is not newer for having come late. */
static void sent_by_uptime(void **state)
{
    (void)state;
    const int64_t booted = PEER_SECOND * SECOND, ms = WEIR_NS_PER_MS;
    struct weir_uptime uptime = {0};
    int64_t first = weir_uptime_sent(&uptime, 5000, booted + 5000 * ms + 30 * ms);
    int64_t second = weir_uptime_sent(&uptime, 6000, booted + 6000 * ms + 40 * ms);
    assert_true(second > first);
    /* The first again after four seconds, the second at once. */
    assert_true(weir_uptime_sent(&uptime, 5000, booted + 9000 * ms) < second);
    assert_true(weir_uptime_sent(&uptime, 6000, booted + 9001 * ms) <= second);
    /* One that was faster says that the others had been slow. */
    int64_t third = weir_uptime_sent(&uptime, 10000, booted + 10000 * ms + 1 * ms);
    assert_int_equal(third, booted + 10001 * ms);
    /* It starts again, and counts from there. */
    int64_t again = weir_uptime_sent(&uptime, 100, booted + 60000 * ms);
    assert_int_equal(again, booted + 60000 * ms);
    assert_true(weir_uptime_sent(&uptime, 1100, booted + 61000 * ms) > again);
    /* A clock that is slow by 1 in 10,000 never looks like a start. */
    uptime = (struct weir_uptime){0};
    int64_t before = INT64_MIN;
    for (uint32_t i = 0; i < 100000; i++) {
        int64_t received = booted + i * (int64_t)SECOND;
        int64_t sent = weir_uptime_sent(&uptime, i * 1000 - i / 10, received);
        assert_true(sent > before && received - sent < SECOND);
        before = sent;
    }
    /* Times that nothing can have been before or after. */
    (void)weir_uptime_sent(&uptime, UINT32_MAX, INT64_MIN);
    (void)weir_uptime_sent(&uptime, UINT32_MAX, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps),
        cmocka_unit_test(odd_times),
        cmocka_unit_test(uptime_without_header),
        cmocka_unit_test(skew_is_measured),
        cmocka_unit_test(skew_is_corrected),
        cmocka_unit_test(sent_by_uptime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
