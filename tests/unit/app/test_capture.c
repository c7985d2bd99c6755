/* SPDX-License-Identifier: Apache-2.0 */
/* Metering several interfaces at once: both ends of a pair, so that each frame is seen twice. */
#include "support/veth.h"

#include "app/meter.h"

#define ROWS_MAX 16

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
        .cache = weir_cache_config_default(),
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
    assert_int_equal(weir_meter_add_sink(meter, &sink, &diag), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_interface_is_an_observation_point),
    };
    veth_enter_or_skip();
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
