/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter.h"

#include "support/cmocka.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../packet/build.h"
#include "scratch.h"

#define SECOND_0 1700000000u

/* All packets, and the usual cache. */
static struct weir_metering_config usual;

/* What came to a sink. */
struct taken {
    uint64_t packets;
    uint64_t octets;
    uint32_t rows;
    uint32_t in_if[16];
    unsigned flushes;
    int fail_with;
    uint32_t sampling; /* of the last row; 0: it does not say */
};

static int take(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    if (taken->fail_with)
        return weir_diag_set(diag, taken->fail_with, "told to fail");
    for (uint32_t i = 0; i < batch->row_count; i++) {
        taken->packets += weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
        taken->octets += weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
        if (taken->rows < 16)
            taken->in_if[taken->rows] = weir_batch_u32(batch, WEIR_COLUMN_IN_IF)[i];
        taken->rows++;
    }
    const struct weir_segment *last = &batch->segments[batch->segment_count - 1];
    taken->sampling = last->columns & WEIR_COLUMN_BIT(SAMPLING)
                          ? weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[batch->row_count - 1]
                          : 0;
    return 0;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)now_ns;
    (void)diag;
    taken->flushes++;
    return 0;
}

/* A capture in the making. */
struct capture {
    uint8_t octets[32768];
    struct weir_writer out;
};

static void capture_begin(struct capture *capture)
{
    capture->out = weir_writer_make(capture->octets, sizeof(capture->octets));
    pcap_header(&capture->out, false, 0xa1b2c3d4, WEIR_LINK_ETHERNET);
}

static void capture_add(struct capture *capture, uint32_t second, const struct frame_builder *frame)
{
    uint32_t length = (uint32_t)frame->out.length;
    file_u32(&capture->out, false, SECOND_0 + second);
    file_u32(&capture->out, false, 0);
    file_u32(&capture->out, false, length);
    file_u32(&capture->out, false, length);
    weir_write_octets(&capture->out, frame->octets, length);
}

static void capture_add_udp(struct capture *capture, uint32_t second, uint16_t port)
{
    struct frame_builder frame;
    frame_begin(&frame);
    frame_ethernet(&frame, 0x0800);
    frame_ipv4(&frame, 17);
    frame_udp(&frame, port, 53, 72);
    frame_length(&frame);
    capture_add(capture, second, &frame);
}

static void capture_add_arp(struct capture *capture, uint32_t second)
{
    struct frame_builder frame;
    frame_begin(&frame);
    frame_ethernet(&frame, 0x0806);
    weir_write_zeros(&frame.out, 28);
    capture_add(capture, second, &frame);
}

static struct weir_meter *meter_of(const struct weir_meter_config *config, struct taken *taken)
{
    struct weir_meter *meter;
    struct weir_diag diag;
    assert_int_equal(weir_meter_new(config, &meter, &diag), 0);
    struct weir_batch_sink sink = {.batch = take, .flush = flush, .context = taken};
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, &diag), 0);
    return meter;
}

struct counted {
    struct weir_meter_counters own;
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
};

static struct counted count(struct weir_meter *meter)
{
    struct counted all;
    weir_meter_count(meter, &all.own, &all.source, &all.parse, &all.cache);
    return all;
}

static void a_file_becomes_flows(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct capture capture;
    capture_begin(&capture);
    capture_add_udp(&capture, 0, 1000);
    capture_add_arp(&capture, 1);
    capture_add_udp(&capture, 2, 1001);
    capture_add_udp(&capture, 3, 1000);
    scratch_write(*state, "a.pcap", capture.octets, capture.out.length);

    struct weir_meter_config config = {.processes = &usual, .process_count = 1};
    struct taken taken = {0};
    struct weir_meter *meter = meter_of(&config, &taken);
    struct weir_diag diag;
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "a.pcap", path), &diag), 0);
    assert_int_equal(taken.rows, 2);
    assert_int_equal(taken.packets, 3);
    assert_int_equal(taken.octets, 300);
    assert_int_equal(taken.flushes, 1);
    assert_int_equal(taken.in_if[0], 1);
    struct counted counted = count(meter);
    assert_int_equal(counted.own.packets, 4);
    assert_int_equal(counted.own.octets, 3 * 114 + 42);
    assert_int_equal(counted.own.packets_selected, 4);
    assert_int_equal(counted.parse.rest[WEIR_REST_ARP].packets, 1);
    assert_int_equal(counted.cache.flows_exported, 2);

    /* The flows of a file end with it: a second one begins its own. */
    assert_int_equal(weir_meter_read(meter, path, &diag), 0);
    assert_int_equal(taken.rows, 4);
    assert_int_equal(taken.flushes, 2);
    assert_int_equal(count(meter).own.packets, 8);
    weir_meter_free(meter);
}

static void what_is_readable_of_a_broken_file_counts(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct capture capture;
    capture_begin(&capture);
    capture_add_udp(&capture, 0, 1000);
    capture_add_udp(&capture, 1, 1000);
    size_t whole = capture.out.length;
    capture_add_udp(&capture, 2, 1000);
    struct weir_meter_config config = {.processes = &usual, .process_count = 1};
    for (size_t length = whole + 1; length < capture.out.length; length += 7) {
        scratch_write(*state, "cut.pcap", capture.octets, length);
        struct taken taken = {0};
        struct weir_meter *meter = meter_of(&config, &taken);
        struct weir_diag diag = {0};
        assert_int_equal(weir_meter_read(meter, scratch_path(*state, "cut.pcap", path), &diag),
                         WEIR_E_TRUNCATED);
        assert_non_null(strstr(diag.text, "cut.pcap"));
        assert_non_null(strstr(diag.text, "octet"));
        assert_int_equal(taken.packets, 2);
        assert_int_equal(taken.flushes, 1);
        assert_false(weir_meter_has_failed(meter));
        weir_meter_free(meter);
    }
}

static void filters_run_one_after_another(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct capture capture;
    capture_begin(&capture);
    for (uint16_t port = 1000; port < 1010; port++)
        capture_add_udp(&capture, 0, port);
    capture_add_arp(&capture, 1);
    scratch_write(*state, "a.pcap", capture.octets, capture.out.length);
    const struct weir_selector filters[] = {
        {.kind = WEIR_SELECTOR_FILTER, .text = "udp"},
        {.kind = WEIR_SELECTOR_FILTER, .text = "portrange 1003-1005"},
    };
    struct weir_metering_config filtering = {
        .cache = weir_cache_config_default(), .selectors = filters, .selector_count = 2};
    struct weir_meter_config config = {
        .processes = &filtering,
        .process_count = 1,
    };
    struct taken taken = {0};
    struct weir_meter *meter = meter_of(&config, &taken);
    struct weir_diag diag;
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "a.pcap", path), &diag), 0);
    assert_int_equal(taken.rows, 3);
    assert_int_equal(count(meter).own.packets, 11);
    assert_int_equal(count(meter).own.packets_selected, 3);
    weir_meter_free(meter);

    filtering.selectors =
        &(struct weir_selector){.kind = WEIR_SELECTOR_FILTER, .text = "udp and prt 3"};
    filtering.selector_count = 1;
    assert_int_equal(weir_meter_new(&config, &meter, &diag), WEIR_E_USAGE);
}

/* {count 1/2, ports, the first half of the rest}: each sees what the one before it left. */
static void stages_run_in_their_order(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct capture capture;
    capture_begin(&capture);
    for (uint16_t port = 1000; port < 1040; port++)
        capture_add_udp(&capture, 0, port);
    for (unsigned i = 0; i < 4; i++)
        capture_add_arp(&capture, 1);
    scratch_write(*state, "a.pcap", capture.octets, capture.out.length);
    static const struct {
        uint8_t kind;
        const char *text;
        uint64_t seen, selected;
    } rows[] = {
        {WEIR_SELECTOR_COUNT, "count:1/2", 44, 22},
        {WEIR_SELECTOR_MATCH, "src_port=1000-1019", 20, 10}, /* ARP has become no packet */
        {WEIR_SELECTOR_FILTER, "udp and src portrange 1000-1015", 10, 8},
        {WEIR_SELECTOR_COUNT, "count:3/4", 8, 6},
    };
    struct weir_selector selectors[4];
    struct weir_diag diag = {0};
    for (unsigned i = 0; i < 4; i++) {
        selectors[i] =
            (struct weir_selector){.kind = rows[i].kind, .text = rows[i].text, .probability = 1};
        if (rows[i].kind == WEIR_SELECTOR_COUNT)
            assert_int_equal(weir_selector_parse_sample(rows[i].text, &selectors[i], &diag), 0);
    }
    struct weir_metering_config process = {
        .cache = weir_cache_config_default(), .selectors = selectors, .selector_count = 4};
    struct weir_meter_config config = {.processes = &process, .process_count = 1};
    struct taken taken = {0};
    struct weir_meter *meter = meter_of(&config, &taken);
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "a.pcap", path), &diag), 0);
    struct weir_cache_counters cache;
    struct weir_selection_description selection;
    struct weir_estimates estimates;
    weir_meter_count_process(meter, 0, &cache, &selection, &estimates);
    assert_int_equal(selection.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(selection.selectors[i].seen, rows[i].seen);
        assert_int_equal(selection.selectors[i].selected, rows[i].selected);
    }
    struct counted counted = count(meter);
    assert_int_equal(counted.own.packets_selected, 6);
    assert_int_equal(counted.parse.rest[WEIR_REST_ARP].packets, 2);
    assert_int_equal(taken.packets, 6);
    assert_true(estimates.estimate.packets == 6 * 2 / 0.75);
    weir_meter_free(meter);
}

/* Several processes read the packets once, each with a selection and flows of its own. */
static void processes_work_side_by_side(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct capture capture;
    capture_begin(&capture);
    for (uint16_t port = 1000; port < 1040; port++)
        capture_add_udp(&capture, 0, port);
    capture_add_arp(&capture, 1);
    scratch_write(*state, "a.pcap", capture.octets, capture.out.length);
    struct weir_diag diag = {0};
    struct weir_flow_definition sources;
    struct weir_selector count_10, match;
    assert_int_equal(weir_selector_parse_sample("count:1/10", &count_10, &diag), 0);
    match = (struct weir_selector){
        .kind = WEIR_SELECTOR_MATCH, .text = "src_port=1005", .probability = 1};
    assert_int_equal(weir_flow_definition_parse("keys=src_addr", &sources, &diag), 0);
    const struct weir_metering_config processes[] = {
        {.cache = usual.cache},
        {.cache = usual.cache, .selectors = &count_10, .selector_count = 1},
        {.cache = usual.cache, .definitions = &sources, .definition_count = 1},
        {.cache = usual.cache, .selectors = &match, .selector_count = 1},
    };
    static const struct {
        uint64_t packets;
        uint32_t rows;
        uint32_t sampling; /* said by all, since one of them samples */
    } wanted[] = {{40, 40, 1}, {4, 4, 10}, {40, 1, 1}, {1, 1, 1}}; /* one of five was ARP */
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        struct weir_meter_config config = {
            .processes = processes, .process_count = 4, .workers = workers};
        struct taken taken[4] = {{0}};
        struct weir_meter *meter = meter_of(&config, &taken[0]);
        for (unsigned i = 1; i < 4; i++) {
            struct weir_batch_sink sink = {.batch = take, .flush = flush, .context = &taken[i]};
            assert_int_equal(weir_meter_add_sink(meter, i, &sink, &diag), 0);
        }
        assert_int_equal(weir_meter_read(meter, scratch_path(*state, "a.pcap", path), &diag), 0);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(taken[i].rows, wanted[i].rows);
            assert_int_equal(taken[i].packets, wanted[i].packets);
            assert_int_equal(taken[i].sampling, wanted[i].sampling);
            assert_int_equal(taken[i].flushes, 1);
        }
        struct counted counted = count(meter);
        assert_int_equal(counted.own.packets, 41);
        assert_int_equal(counted.own.packets_selected, 41 + 5 + 41 + 1);
        assert_int_equal(counted.parse.packets_parsed, 40);
        assert_int_equal(counted.cache.packets_metered, 85);
        weir_meter_free(meter);
    }
}

static void interfaces_of_a_file_have_numbers(void **state)
{
    char path[SCRATCH_PATH_MAX];
    uint8_t octets[4096];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    pcapng_section(&out, false);
    pcapng_interface(&out, false, WEIR_LINK_ETHERNET, 0, NULL, 0);
    pcapng_interface(&out, false, WEIR_LINK_ETHERNET, 0, NULL, 0);
    struct frame_builder frame;
    frame_begin(&frame);
    frame_ethernet(&frame, 0x0800);
    frame_ipv4(&frame, 17);
    frame_udp(&frame, 1, 2, 10);
    frame_length(&frame);
    for (uint32_t interface = 0; interface < 2; interface++) {
        size_t at = pcapng_begin(&out, false, 6);
        file_u32(&out, false, interface);
        file_u32(&out, false, 0);
        file_u32(&out, false, 1000);
        file_u32(&out, false, (uint32_t)frame.out.length);
        file_u32(&out, false, (uint32_t)frame.out.length);
        weir_write_octets(&out, frame.octets, frame.out.length);
        pcapng_end(&out, false, at);
    }
    scratch_write(*state, "a.pcapng", octets, out.length);
    struct weir_meter_config config = {.processes = &usual, .process_count = 1};
    struct taken taken = {0};
    struct weir_meter *meter = meter_of(&config, &taken);
    struct weir_diag diag;
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "a.pcapng", path), &diag), 0);
    assert_int_equal(taken.rows, 2);
    assert_int_equal(taken.in_if[0] + taken.in_if[1], 3);
    weir_meter_free(meter);
}

static void foreign_files_are_refused(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct weir_meter_config config = {.processes = &usual, .process_count = 1};
    struct taken taken = {0};
    struct weir_meter *meter = meter_of(&config, &taken);
    struct weir_diag diag = {0};
    scratch_write(*state, "text", "This is no capture, it is text.\n", 32);
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "text", path), &diag),
                     WEIR_E_UNSUPPORTED);
    assert_non_null(strstr(diag.text, path));
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "missing", path), &diag),
                     WEIR_E_IO);
    assert_non_null(strstr(diag.text, path));
    assert_int_equal(taken.rows, 0);
    weir_meter_free(meter);
}

static bool stop_now(void *context, const struct weir_meter *meter)
{
    (void)context;
    return weir_meter_cache_counters(meter).packets_metered > 0;
}

static void stopping_ends_in_good_order(void **state)
{
    char path[SCRATCH_PATH_MAX];
    static uint8_t octets[1 << 18];
    struct capture capture;
    capture_begin(&capture);
    capture_add_udp(&capture, 0, 1000);
    size_t record = capture.out.length - 24;
    memcpy(octets, capture.octets, capture.out.length);
    size_t length = capture.out.length;
    for (; length + record < sizeof(octets); length += record)
        memcpy(octets + length, octets + 24, record);
    scratch_write(*state, "long.pcap", octets, length);
    struct weir_meter_config config = {.processes = &usual, .process_count = 1, .stop = stop_now};
    struct taken taken = {0};
    struct weir_meter *meter = meter_of(&config, &taken);
    struct weir_diag diag;
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "long.pcap", path), &diag), 0);
    assert_int_equal(taken.rows, 1);
    assert_in_range(taken.packets, 1, 256);
    assert_int_equal(taken.packets, count(meter).own.packets);
    assert_int_equal(taken.flushes, 1);
    weir_meter_free(meter);
}

static void a_failing_sink_ends_the_work(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct capture capture;
    capture_begin(&capture);
    capture_add_udp(&capture, 0, 1000);
    scratch_write(*state, "a.pcap", capture.octets, capture.out.length);
    struct weir_meter_config config = {.processes = &usual, .process_count = 1};
    struct taken taken = {.fail_with = WEIR_E_IO};
    struct weir_meter *meter = meter_of(&config, &taken);
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_read(meter, scratch_path(*state, "a.pcap", path), &diag),
                     WEIR_E_IO);
    assert_string_equal(diag.text, "told to fail");
    assert_true(weir_meter_has_failed(meter));
    weir_meter_free(meter);
}

static void an_unknown_interface_is_refused(void **state)
{
    (void)state;
    const char *const names[] = {"no-such-if0"};
    struct weir_meter_config config = {
        .processes = &usual,
        .process_count = 1,
        .interfaces = names,
        .interface_count = 1,
    };
    struct weir_meter *meter;
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_new(&config, &meter, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "no-such-if0"));
}

/* A meter of what is sent to a port of loopback, and what it makes. */
struct loopback {
    int receiver, sender;
    char port[32];
    struct taken taken;
    int64_t now_ns; /* of those that have a clock of their own */
    unsigned asked;
};

static void open_loopback(struct loopback *loopback)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(to);
    loopback->receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    loopback->sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(loopback->receiver, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getsockname(loopback->receiver, (struct sockaddr *)&to, &length), 0);
    assert_int_equal(connect(loopback->sender, (const struct sockaddr *)&to, sizeof(to)), 0);
    snprintf(loopback->port, sizeof(loopback->port), "udp port %u", ntohs(to.sin_port));
}

/* Listens until `stop` says so. The meter is the caller's to free. */
static struct weir_meter *listen_to(struct loopback *loopback, struct weir_clock clock,
                                    bool (*stop)(void *context, const struct weir_meter *meter))
{
    const struct weir_selector filter = {.kind = WEIR_SELECTOR_FILTER, .text = loopback->port};
    struct weir_metering_config filtering = {
        .cache = weir_cache_config_default(), .selectors = &filter, .selector_count = 1};
    const char *const names[] = {"lo"};
    struct weir_meter_config config = {
        .processes = &filtering,
        .process_count = 1,
        .interfaces = names,
        .interface_count = 1,
        .clock = clock,
        .stop = stop,
        .stop_context = loopback,
    };
    struct weir_meter *meter;
    struct weir_diag diag;
    open_loopback(loopback);
    if (weir_meter_new(&config, &meter, &diag) < 0) {
        printf("# skipped: %s\n", diag.text);
        fflush(stdout);
        skip();
    }
    struct weir_batch_sink sink = {.batch = take, .flush = flush, .context = &loopback->taken};
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, &diag), 0);
    assert_int_equal(weir_meter_listen(meter, &diag), 0);
    close(loopback->sender);
    close(loopback->receiver);
    return meter;
}

/* A datagram is sent to loopback each time that the meter asks whether to stop. */
static bool stop_after_three(void *context, const struct weir_meter *meter)
{
    const struct loopback *loopback = context;
    (void)!send(loopback->sender, "0123456789", 10, 0);
    return weir_meter_cache_counters(meter).packets_metered >= 3;
}

static void an_interface_is_metered_until_stopped(void **state)
{
    (void)state;
    struct loopback loopback = {0};
    struct weir_meter *meter = listen_to(&loopback, weir_clock_system(), stop_after_three);
    const struct taken *taken = &loopback.taken;
    assert_int_equal(taken->rows, 1);
    assert_true(taken->packets >= 3);
    assert_int_equal(taken->octets, taken->packets * 38);
    assert_int_equal(taken->in_if[0], if_nametoindex("lo"));
    assert_true(taken->flushes > 0);
    assert_int_equal(count(meter).cache.packets_metered, taken->packets);
    weir_meter_free(meter);
}

/* The clock is set back by an hour, and runs on by half a second each time. */
static bool stop_after_a_flush(void *context, const struct weir_meter *meter)
{
    struct loopback *loopback = context;
    (void)meter;
    (void)!send(loopback->sender, "0123456789", 10, 0);
    loopback->now_ns += (loopback->asked++ ? 500 : -3600 * 1000) * WEIR_NS_PER_MS;
    return loopback->taken.flushes > 0 || loopback->asked > 20;
}

static void a_clock_set_back_puts_off_no_flush(void **state)
{
    (void)state;
    struct loopback loopback = {.now_ns = INT64_C(1700000000) * WEIR_NS_PER_SECOND};
    weir_meter_free(listen_to(&loopback, weir_clock_manual(&loopback.now_ns), stop_after_a_flush));
    assert_true(loopback.asked <= 20);
}

/* A pipe that stays open, with a capture in it. */
struct pipe {
    int ends[2];
    char path[SCRATCH_PATH_MAX];
};

static struct pipe pipe_of(const struct capture *capture)
{
    struct pipe made;
    assert_int_equal(pipe(made.ends), 0);
    snprintf(made.path, sizeof(made.path), "/proc/self/fd/%d", made.ends[0]);
    assert_int_equal(write(made.ends[1], capture->octets, capture->out.length),
                     capture->out.length);
    return made;
}

static void pipe_close(const struct pipe *made)
{
    close(made->ends[0]);
    close(made->ends[1]);
}

/* Asked ten times a second or more often. */
#define ASKED_MAX 200u

struct patience {
    uint64_t wanted;
    unsigned asked;
};

static bool has_metered(void *context, const struct weir_meter *meter)
{
    struct patience *patience = context;
    return weir_meter_cache_counters(meter).packets_metered == patience->wanted ||
           ++patience->asked == ASKED_MAX;
}

/* Of a pipe that stays open all is metered that has come, however many frames that are. */
static void nobody_waits_with_packets_in_hand(void **state)
{
    (void)state;
    const unsigned counts[] = {WEIR_METER_WORKERS_FETCH - 1, WEIR_METER_WORKERS_FETCH};
    for (unsigned workers = 1; workers <= 3; workers++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            struct capture capture;
            capture_begin(&capture);
            for (unsigned k = 0; k < counts[i]; k++)
                capture_add_udp(&capture, 0, (uint16_t)(1000 + k));
            const struct pipe input = pipe_of(&capture);
            struct patience patience = {.wanted = counts[i]};
            const struct weir_meter_config config = {
                .processes = &usual,
                .process_count = 1,
                .workers = workers,
                .clock = weir_clock_system(),
                .stop = has_metered,
                .stop_context = &patience,
            };
            struct taken taken = {0};
            struct weir_diag diag;
            struct weir_meter *meter = meter_of(&config, &taken);
            assert_int_equal(weir_meter_read(meter, input.path, &diag), 0);
            assert_true(patience.asked < ASKED_MAX);
            assert_int_equal(taken.rows, counts[i]);
            weir_meter_free(meter);
            pipe_close(&input);
        }
    }
}

/* What came to a sink and was flushed there; sinks and whether to stop are asked by any thread. */
struct flushed {
    atomic_uint rows, shown; /* shown: rows, when it was flushed */
    _Atomic int64_t shown_ns;
    int64_t now_ns;
    unsigned asked;
};

/* Of eleven flows the last is under way. */
#define ENDED 10u

static int add_rows(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct flushed *flushed = context;
    (void)diag;
    flushed->rows += batch->row_count;
    return 0;
}

static int show_rows(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct flushed *flushed = context;
    (void)diag;
    flushed->shown_ns = now_ns;
    flushed->shown = flushed->rows;
    return 0;
}

static int cannot_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    return weir_diag_set(diag, WEIR_E_IO, "told to fail");
}

/* Half a second passes each time. */
static bool has_shown(void *context, const struct weir_meter *meter)
{
    struct flushed *flushed = context;
    (void)meter;
    flushed->now_ns += 500 * WEIR_NS_PER_MS;
    return flushed->shown == ENDED || ++flushed->asked == ASKED_MAX;
}

static int read_pipe(const char *path, unsigned workers, struct flushed *flushed,
                     int (*sink_flush)(void *, int64_t, struct weir_diag *), struct weir_diag *diag)
{
    const struct weir_meter_config config = {
        .processes = &usual,
        .process_count = 1,
        .workers = workers,
        .clock = weir_clock_manual(&flushed->now_ns),
        .stop = has_shown,
        .stop_context = flushed,
    };
    const struct weir_batch_sink sink = {
        .batch = add_rows, .flush = sink_flush, .context = flushed};
    struct weir_meter *meter;
    assert_int_equal(weir_meter_new(&config, &meter, diag), 0);
    assert_int_equal(weir_meter_add_sink(meter, 0, &sink, diag), 0);
    int result = weir_meter_read(meter, path, diag);
    weir_meter_free(meter);
    return result;
}

/* Who reads along sees flows that have ended while the pipe is open and nothing more comes. */
static void what_has_ended_of_a_pipe_is_shown(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct capture capture;
        struct flushed flushed = {.rows = 0};
        struct weir_diag diag;
        capture_begin(&capture);
        for (uint16_t port = 0; port < ENDED; port++)
            capture_add_udp(&capture, 0, (uint16_t)(1000 + port));
        capture_add_udp(&capture, 60, 2000);
        const struct pipe input = pipe_of(&capture);
        assert_int_equal(read_pipe(input.path, workers, &flushed, show_rows, &diag), 0);
        assert_true(flushed.asked < ASKED_MAX);
        assert_int_equal(flushed.rows, ENDED + 1);
        assert_int_equal(flushed.shown_ns, (SECOND_0 + 60) * WEIR_NS_PER_SECOND);
        flushed = (struct flushed){.rows = 0};
        assert_int_equal(write(input.ends[1], capture.octets, capture.out.length),
                         capture.out.length);
        assert_int_equal(read_pipe(input.path, workers, &flushed, cannot_flush, &diag), WEIR_E_IO);
        assert_string_equal(diag.text, "told to fail");
        assert_true(flushed.asked < ASKED_MAX);
        pipe_close(&input);
    }
}

int main(void)
{
    usual.cache = weir_cache_config_default();
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_file_becomes_flows),
        CASE(what_is_readable_of_a_broken_file_counts),
        CASE(filters_run_one_after_another),
        CASE(stages_run_in_their_order),
        CASE(processes_work_side_by_side),
        CASE(interfaces_of_a_file_have_numbers),
        CASE(foreign_files_are_refused),
        CASE(stopping_ends_in_good_order),
        CASE(a_failing_sink_ends_the_work),
        CASE(an_unknown_interface_is_refused),
        CASE(an_interface_is_metered_until_stopped),
        CASE(a_clock_set_back_puts_off_no_flush),
        cmocka_unit_test(nobody_waits_with_packets_in_hand),
        cmocka_unit_test(what_has_ended_of_a_pipe_is_shown),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
