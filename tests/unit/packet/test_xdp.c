/* SPDX-License-Identifier: Apache-2.0 */
/* Capture through AF_XDP, of a pair of interfaces made for it. */
#include "support/veth.h"

#include <signal.h>
#include <sys/wait.h>

#include "packet/live.h"
#include "packet/parse.h"

#define FRAMES 40000u

static const struct weir_live_options options = {
    .method = WEIR_LIVE_XDP, .wait_ms = 1000, .first_interface = 3};

/* The kernel lets go of a queue a moment after who had it closed it or ended. */
static int open_again(struct weir_source **ret_source, struct weir_diag *diag)
{
    int result;
    do {
        result = weir_live_open("weir0", &options, ret_source, diag);
    } while (result == WEIR_E_IO && strstr(diag->text, "busy"));
    return result;
}

static struct weir_source *open_source(void)
{
    struct weir_source *source;
    struct weir_diag diag = {0};
    if (open_again(&source, &diag) < 0)
        fail_msg("%s", diag.text);
    return source;
}

static void send_udp(int fd, uint16_t vlan, uint16_t port, size_t payload)
{
    uint8_t octets[2048];
    veth_send(fd, octets, veth_udp(octets, vlan, port, payload));
}

/* All that comes in, in order, a few frames at a time; what goes out is not seen. */
static void frames_come_in(void **state)
{
    (void)state;
    struct weir_source *source = open_source();
    struct weir_parser *parser;
    assert_int_equal(weir_parser_new(NULL, &parser), 0);
    int in = veth_open("weir1"), out = veth_open("weir0");
    unsigned sent = 0, seen = 0;
    while (seen < FRAMES) {
        for (unsigned i = 0; i < 100 && sent < FRAMES; i++, sent++)
            send_udp(in, sent % 3 ? 0 : 7, (uint16_t)sent, 100 + sent % 1000);
        send_udp(out, 0, 1, 10);
        while (seen < sent) {
            struct weir_frame frames[64];
            struct weir_packet packets[64];
            size_t count;
            struct weir_diag diag = {0};
            int result = weir_source_next(source, frames, 64, &count, &diag);
            if (result == WEIR_E_AGAIN)
                continue;
            assert_int_equal(result, 0);
            assert_int_equal(weir_parse_batch(parser, frames, count, packets, NULL), count);
            for (size_t i = 0; i < count; i++, seen++) {
                assert_int_equal(packets[i].key.src_port, seen & 0xffff);
                assert_int_equal(packets[i].key.observation_point, 3);
                assert_int_equal(packets[i].vlan, seen % 3 ? 0 : 7);
                assert_int_equal(packets[i].octets, 128 + seen % 1000);
            }
        }
    }
    assert_int_equal(weir_source_counters(source)->packets_read, FRAMES);
    assert_int_equal(weir_source_counters(source)->packets_dropped_kernel, 0);
    weir_parser_free(parser);
    weir_source_close(source);
    close(in);
    close(out);
}

/* Nothing of it stays when who captures is killed: it can be done again. */
static void a_killed_capture_leaves_nothing(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct weir_source *source;
        char opened = weir_live_open("weir0", &options, &source, NULL) == 0;
        if (write(ready[1], &opened, 1) == 1)
            pause();
        _exit(1);
    }
    char opened = 0;
    assert_int_equal(read(ready[0], &opened, 1), 1);
    assert_int_equal(opened, 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    struct weir_source *source = open_source();
    weir_source_close(source);
}

static void unknown_interface(void **state)
{
    (void)state;
    struct weir_source *source;
    struct weir_diag diag = {0};
    assert_int_equal(weir_live_open("nosuch0", &options, &source, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "nosuch0: no such interface"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_in),
        cmocka_unit_test(a_killed_capture_leaves_nothing),
        cmocka_unit_test(unknown_interface),
    };
    veth_enter_or_skip();
    /* In a user namespace of its own a process may not load programs. */
    struct weir_source *source;
    struct weir_diag diag = {0};
    if (weir_live_open("weir0", &options, &source, &diag) < 0) {
        printf("1..0 # SKIP %s\n", diag.text);
        return 0;
    }
    weir_source_close(source);
    return cmocka_run_group_tests_name("xdp", tests, NULL, NULL);
}
