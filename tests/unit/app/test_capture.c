/* SPDX-License-Identifier: Apache-2.0 */
/* Metering several interfaces at once: both ends of a pair, so that each frame is seen twice. */
#include "support/veth.h"

#include <pthread.h>

#include "app/meter.h"

#define ROWS_MAX 16

/* All packets, and the usual cache. */
static struct weir_metering_config usual;

struct row {
    uint32_t in_if, out_if;
    uint8_t direction;
    uint16_t src_port;
    uint64_t packets;
};

struct capture {
    int fds[2];
    struct row rows[ROWS_MAX];
    unsigned count;
    uint64_t wanted; /* packets until it is to stop */
};

static int take(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    struct capture *capture = context;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        assert_true(capture->count < ROWS_MAX);
        capture->rows[capture->count++] = (struct row){
            .in_if = weir_batch_u32(batch, WEIR_COLUMN_IN_IF)[i],
            .out_if = weir_batch_u32(batch, WEIR_COLUMN_OUT_IF)[i],
            .direction = weir_batch_u8(batch, WEIR_COLUMN_DIRECTION)[i],
            .src_port = weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[i],
            .packets = weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i],
        };
    }
    return 0;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

static bool has_enough(void *context, const struct weir_meter *meter)
{
    const struct capture *capture = context;
    return weir_meter_cache_counters(meter).packets_metered >= capture->wanted;
}

static void expect_row(const struct capture *capture, struct row wanted)
{
    unsigned found = 0;
    for (unsigned i = 0; i < capture->count; i++) {
        const struct row *row = &capture->rows[i];
        found += row->in_if == wanted.in_if && row->out_if == wanted.out_if &&
                 row->direction == wanted.direction && row->src_port == wanted.src_port &&
                 row->packets == wanted.packets;
    }
    assert_int_equal(found, 1);
}

static void each_interface_is_an_observation_point(void **state)
{
    (void)state;
    static const char *const names[] = {"weir0", "weir1"};
    struct capture capture = {.fds = {veth_open(names[0]), veth_open(names[1])}, .wanted = 20};
    const struct weir_meter_config config = {
        .processes = &usual,
        .process_count = 1,
        .interfaces = names,
        .interface_count = 2,
        .clock = weir_clock_system(),
        .stop = has_enough,
        .stop_context = &capture,
    };
    struct weir_meter *meter;
    struct weir_diag diag = {0};
    if (weir_meter_new(&config, &meter, &diag) < 0)
        fail_msg("%s", diag.text);
    const struct weir_batch_sink sink = {take, flush, &capture};
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, &diag), 0);
    uint8_t octets[512];
    for (unsigned i = 0; i < 10; i++)
        veth_send(capture.fds[i >= 6], octets, veth_udp(octets, 0, i < 6 ? 600 : 400, 10));
    assert_int_equal(weir_meter_listen(meter, &diag), 0);
    uint32_t index[] = {if_nametoindex(names[0]), if_nametoindex(names[1])};
    assert_int_equal(capture.count, 4);
    expect_row(&capture, (struct row){0, index[0], 1, 600, 6});
    expect_row(&capture, (struct row){index[1], 0, 0, 600, 6});
    expect_row(&capture, (struct row){0, index[1], 1, 400, 4});
    expect_row(&capture, (struct row){index[0], 0, 0, 400, 4});
    weir_meter_free(meter);
    close(capture.fds[0]);
    close(capture.fds[1]);
}

/* Asked to stop before it has read anything, it still takes what had come by then. */
static void what_came_before_the_end_is_metered(void **state)
{
    (void)state;
    static const char *const names[] = {"weir1"};
    struct capture capture = {.wanted = 0};
    const struct weir_meter_config config = {
        .processes = &usual,
        .process_count = 1,
        .interfaces = names,
        .interface_count = 1,
        .clock = weir_clock_system(),
        .stop = has_enough,
        .stop_context = &capture,
    };
    struct weir_meter *meter;
    struct weir_diag diag = {0};
    if (weir_meter_new(&config, &meter, &diag) < 0)
        fail_msg("%s", diag.text);
    const struct weir_batch_sink sink = {take, flush, &capture};
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, &diag), 0);
    int fd = veth_open("weir0");
    uint8_t octets[512];
    for (unsigned i = 0; i < 5000; i++)
        veth_send(fd, octets, veth_udp(octets, 0, 600, 200));
    assert_int_equal(weir_meter_listen(meter, &diag), 0);
    assert_int_equal(capture.count, 1);
    assert_int_equal(capture.rows[0].packets, 5000);
    weir_meter_free(meter);
    close(fd);
}

#define PAIRS       200u
#define PER_FLOW    5u
#define WORKERS_MAX 8u

/* Flows of pairs of hosts, by the last octet of the source, in both directions. */
struct shared {
    uint64_t packets[2][PAIRS];
    unsigned rows;
    pthread_t threads[WORKERS_MAX];
    unsigned thread_count;
    uint64_t wanted;
};

static void note_thread(struct shared *shared)
{
    for (unsigned i = 0; i < shared->thread_count; i++)
        if (pthread_equal(shared->threads[i], pthread_self()))
            return;
    assert_true(shared->thread_count < WORKERS_MAX);
    shared->threads[shared->thread_count++] = pthread_self();
}

static int take_shared(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    struct shared *shared = context;
    note_thread(shared);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        bool is_out = weir_batch_u8(batch, WEIR_COLUMN_DIRECTION)[i];
        enum weir_column column = is_out ? WEIR_COLUMN_DST_ADDR : WEIR_COLUMN_SRC_ADDR;
        uint64_t pair = weir_batch_low(batch, column)[i] & 0xff;
        assert_true(pair < PAIRS);
        shared->packets[is_out][pair] += weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
        shared->rows++;
    }
    return 0;
}

static bool has_all(void *context, const struct weir_meter *meter)
{
    const struct shared *shared = context;
    return weir_meter_cache_counters(meter).packets_metered >= shared->wanted;
}

/* From 192.0.2.PAIR to 192.0.2.255, or back. */
static void send_pair(int fd, uint8_t pair, bool is_back)
{
    uint8_t octets[512];
    size_t length = veth_udp(octets, 0, 53, 10);
    octets[14 + (is_back ? 19 : 15)] = pair;
    octets[14 + (is_back ? 15 : 19)] = 255;
    veth_send(fd, octets, length);
}

/* Each flow is whole and at one worker, and several workers have some. */
static void share_an_interface(const struct weir_metering_config *process)
{
    static const char *const names[] = {"weir0"};
    int fds[] = {veth_open("weir0"), veth_open("weir1")};
    struct shared shared = {.wanted = 2 * PAIRS * PER_FLOW};
    const struct weir_meter_config config = {
        .processes = process,
        .process_count = 1,
        .workers = 3,
        .interfaces = names,
        .interface_count = 1,
        .clock = weir_clock_system(),
        .stop = has_all,
        .stop_context = &shared,
    };
    struct weir_meter *meter;
    struct weir_diag diag = {0};
    if (weir_meter_new(&config, &meter, &diag) < 0)
        fail_msg("%s", diag.text);
    assert_int_equal(weir_meter_worker_count(meter), 3);
    const struct weir_batch_sink sink = {take_shared, flush, &shared};
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, &diag), 0);
    for (unsigned i = 0; i < PER_FLOW; i++) {
        for (unsigned pair = 0; pair < PAIRS; pair++) {
            send_pair(fds[1], (uint8_t)pair, false);
            send_pair(fds[0], (uint8_t)pair, true);
        }
    }
    assert_int_equal(weir_meter_listen(meter, &diag), 0);
    assert_int_equal(shared.rows, 2 * PAIRS);
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        assert_int_equal(shared.packets[0][pair], PER_FLOW);
        assert_int_equal(shared.packets[1][pair], PER_FLOW);
    }
    assert_int_equal(shared.thread_count, 3);
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
    weir_meter_count(meter, &own, &source, &parse, &cache);
    assert_int_equal(own.packets, shared.wanted);
    assert_int_equal(own.packets_dropped, 0);
    assert_int_equal(cache.flows_exported, 2 * PAIRS);
    weir_meter_free(meter);
    close(fds[0]);
    close(fds[1]);
}

static struct weir_metering_config process_of(const char *flow)
{
    struct weir_metering_config process = usual;
    struct weir_diag diag = {0};
    if (weir_flow_definition_parse(flow, &process.cache.definition, &diag) < 0)
        fail_msg("%s", diag.text);
    return process;
}

static void workers_share_an_interface(void **state)
{
    (void)state;
    share_an_interface(&usual);
    struct weir_metering_config ends = process_of("keys=src_addr,dst_addr,in_if");
    share_an_interface(&ends);
}

/* What goes to one network, say, comes to every worker. */
static void flows_without_both_ends_are_of_one_worker(void **state)
{
    (void)state;
    static const char *const names[] = {"weir0"};
    const struct weir_metering_config process = process_of("keys=src_addr,dst_addr/24");
    const struct weir_meter_config config = {
        .processes = &process,
        .process_count = 1,
        .workers = 3,
        .interfaces = names,
        .interface_count = 1,
        .clock = weir_clock_system(),
    };
    struct weir_meter *meter;
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_new(&config, &meter, &diag), 0);
    assert_int_equal(weir_meter_worker_count(meter), 1);
    weir_meter_free(meter);
}

/* Packets by layer, and the flows. */
struct layers {
    uint64_t packets[2];
    uint64_t octets[2];
    unsigned rows;
    uint64_t wanted;
};

static int take_layers(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    struct layers *layers = context;
    assert_non_null(batch->extra);
    assert_string_equal(batch->extra->fields[0].name, "layer");
    for (uint32_t i = 0; i < batch->row_count; i++) {
        unsigned layer = weir_batch_extra(batch, i)[batch->extra->fields[0].offset];
        assert_in_range(layer, 0, 1);
        layers->packets[layer] += weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
        layers->octets[layer] += weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
        layers->rows++;
    }
    return 0;
}

static bool has_both_layers(void *context, const struct weir_meter *meter)
{
    const struct layers *layers = context;
    return weir_meter_cache_counters(meter).packets_metered >= layers->wanted;
}

/* IP in IP from 192.0.2.PAIR: the packet once more, behind a header of its own. */
static void send_tunnel(int fd, uint8_t pair)
{
    enum { LINK = 14, HEADER = 20 };
    uint8_t octets[512];
    size_t length = veth_udp(octets, 0, 53, 10);
    octets[LINK + 15] = pair;
    memmove(octets + LINK + HEADER, octets + LINK, length - LINK);
    octets[LINK + 9] = 4;
    octets[LINK + 2] = 0;
    octets[LINK + 3] = (uint8_t)(length - LINK + HEADER);
    veth_send(fd, octets, length + HEADER);
}

/* A worker that is given a frame has the packets of all its layers. */
static void workers_share_tunnels(void **state)
{
    (void)state;
    static const char *const names[] = {"weir0"};
    int fd = veth_open("weir1");
    struct layers layers = {.wanted = 2 * PAIRS * PER_FLOW};
    struct weir_metering_config both = usual;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_definition_add_keys(&both.cache.definition, "layer", &diag), 0);
    const struct weir_meter_config config = {
        .processes = &both,
        .process_count = 1,
        .workers = 3,
        .tunnel_depth = 4,
        .all_layers = true,
        .interfaces = names,
        .interface_count = 1,
        .clock = weir_clock_system(),
        .stop = has_both_layers,
        .stop_context = &layers,
    };
    struct weir_meter *meter;
    if (weir_meter_new(&config, &meter, &diag) < 0)
        fail_msg("%s", diag.text);
    const struct weir_batch_sink sink = {take_layers, flush, &layers};
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, &diag), 0);
    for (unsigned i = 0; i < PER_FLOW; i++)
        for (unsigned pair = 0; pair < PAIRS; pair++)
            send_tunnel(fd, (uint8_t)pair);
    assert_int_equal(weir_meter_listen(meter, &diag), 0);
    assert_int_equal(layers.rows, 2 * PAIRS);
    assert_int_equal(layers.packets[0], PAIRS * PER_FLOW);
    assert_int_equal(layers.packets[1], PAIRS * PER_FLOW);
    assert_int_equal(layers.octets[0] - layers.octets[1], 20 * PAIRS * PER_FLOW);
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
    weir_meter_count(meter, &own, &source, &parse, &cache);
    assert_int_equal(own.packets, PAIRS * PER_FLOW);
    assert_int_equal(parse.packets_parsed, PAIRS * PER_FLOW);
    assert_int_equal(parse.packets_inner, PAIRS * PER_FLOW);
    assert_int_equal(parse.octets_parsed, layers.octets[0]);
    assert_int_equal(parse.octets_inner, layers.octets[1]);
    weir_meter_free(meter);
    close(fd);
}

static void what_cannot_be_shared_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"any"};
    const struct weir_meter_config config = {
        .processes = &usual,
        .process_count = 1,
        .workers = 2,
        .interfaces = names,
        .interface_count = 1,
        .clock = weir_clock_system(),
    };
    struct weir_meter *meter;
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_new(&config, &meter, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "any: "));
}

int main(void)
{
    usual.cache = weir_cache_config_default();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_interface_is_an_observation_point),
        cmocka_unit_test(what_came_before_the_end_is_metered),
        cmocka_unit_test(workers_share_an_interface),
        cmocka_unit_test(flows_without_both_ends_are_of_one_worker),
        cmocka_unit_test(workers_share_tunnels),
        cmocka_unit_test(what_cannot_be_shared_is_refused),
    };
    veth_enter_or_skip();
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
