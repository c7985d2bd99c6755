/* SPDX-License-Identifier: Apache-2.0 */
/* Segments that were left: each is decoded with what was known when it began. */
#include "app/recovery.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/writer.h"
#include "collect/state.h"
#include "store/pcapng.h"
#include "store/ring.h"
#include "support/cmocka.h"

#define NOW_NS INT64_C(1770102000000000000)
#define FIRST  UINT64_C(1770102000000)

struct fixture {
    char path[64];
    struct weir_collector_config config;
    struct weir_journal_folder folder;
    uint32_t sequence; /* of the exporter */
};

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct weir_store_writer *writer;
    struct weir_diag diag;
    assert_non_null(fixture);
    strcpy(fixture->path, "/tmp/weir-recovery-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    fixture->config = weir_collector_defaults();
    /* It makes the store. */
    const struct weir_store_writer_options options = {.path = fixture->path,
                                                      .clock = weir_clock_system()};
    assert_int_equal(weir_store_writer_open(&options, &writer, &diag), 0);
    assert_int_equal(weir_store_writer_close(writer, NULL, &diag), 0);
    assert_int_equal(weir_journal_folder_take(fixture->path, 0, true, &fixture->folder, &diag), 0);
    *state = fixture;
    return 0;
}

static int drop(void **state)
{
    struct fixture *fixture = *state;
    char command[sizeof(fixture->path) + 16];
    weir_journal_folder_close(&fixture->folder);
    snprintf(command, sizeof(command), "rm -r %s", fixture->path);
    int removed = system(command); /* NOLINT(cert-env33-c): the test's own folder */
    free(fixture);
    return removed;
}

/* A NetFlow v9 message with one set. */
static struct weir_datagram message(struct fixture *fixture, uint16_t set_id, const uint8_t *body,
                                    size_t length, uint8_t octets[512])
{
    struct weir_writer w = weir_writer_make(octets, 512);
    weir_write_u16(&w, 9);
    weir_write_u16(&w, 1);
    weir_write_u32(&w, 1000000);
    weir_write_u32(&w, NOW_NS / WEIR_NS_PER_SECOND);
    weir_write_u32(&w, fixture->sequence++);
    weir_write_u32(&w, 1);
    weir_write_u16(&w, set_id);
    weir_write_u16(&w, (uint16_t)(length + 4));
    weir_write_octets(&w, body, length);
    return (struct weir_datagram){
        .octets = octets,
        .length = weir_writer_offset(&w),
        .source = weir_address_from_v4(0xc0000209),
        .received_ns = NOW_NS,
    };
}

static struct weir_datagram template_message(struct fixture *fixture, uint8_t octets[512])
{
    static const uint8_t body[] = {1, 0, 0, 2, 0, 1, 0, 8, 0, 8, 0, 4};
    return message(fixture, 0, body, sizeof(body), octets);
}

static struct weir_datagram data_message(struct fixture *fixture, uint8_t octets[512])
{
    static const uint8_t body[24] = {[7] = 1, [11] = 2, [19] = 3, [23] = 4};
    return message(fixture, 256, body, sizeof(body), octets);
}

/* A segment of so many messages with two records each. */
static void leave_segment(struct fixture *fixture, uint64_t id, unsigned messages)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    uint8_t octets[512], block[1024];
    weir_segment_name(id, name);
    int fd = openat(fixture->folder.fd, name, O_WRONLY | O_CREAT, 0666);
    weir_pcapng_section(block);
    assert_int_equal(write(fd, block, WEIR_PCAPNG_SECTION_OCTETS), WEIR_PCAPNG_SECTION_OCTETS);
    for (unsigned i = 0; i < messages; i++) {
        struct weir_datagram datagram = data_message(fixture, octets);
        weir_pcapng_packet(block, &datagram);
        size_t length = weir_pcapng_packet_octets(&datagram);
        assert_int_equal(write(fd, block, length), length);
    }
    close(fd);
}

/* The state of a collector that got these messages. */
static void leave_state(struct fixture *fixture, uint64_t id, bool has_template, unsigned messages)
{
    struct weir_collector *collector;
    struct weir_text_buffer state;
    struct weir_diag diag;
    uint8_t octets[512];
    assert_int_equal(weir_collector_new(&fixture->config, &collector), 0);
    if (has_template) {
        struct weir_datagram datagram = template_message(fixture, octets);
        assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    }
    for (unsigned i = 0; i < messages; i++) {
        struct weir_datagram datagram = data_message(fixture, octets);
        assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    }
    weir_text_init(&state, WEIR_JOURNAL_STATE_MAX);
    assert_int_equal(weir_collector_save(collector, NOW_NS, &state), 0);
    assert_int_equal(weir_journal_folder_save_state(
                         &fixture->folder, id, (const uint8_t *)state.data, state.length, &diag),
                     0);
    weir_text_done(&state);
    weir_collector_free(collector);
}

static struct weir_recovery recover(struct fixture *fixture, size_t most)
{
    struct weir_recovery recovery = {
        .store = fixture->path, .clock = weir_clock_system(), .collector = &fixture->config};
    struct weir_diag diag;
    if (weir_recover(&recovery, &fixture->folder, WEIR_RECOVER_ALL, most, &diag) < 0)
        fail_msg("%s", diag.text);
    return recovery;
}

/* Flow Records of one more message to a collector with the last state of the folder. */
static uint64_t records_after(struct fixture *fixture)
{
    struct weir_journal_ids states;
    struct weir_octets state = {0};
    struct weir_collector *collector;
    struct weir_diag diag;
    uint8_t octets[512];
    assert_int_equal(weir_journal_folder_states(&fixture->folder, &states, &diag), 0);
    assert_true(states.count > 0);
    assert_int_equal(weir_journal_folder_load_state(&fixture->folder, states.ids[states.count - 1],
                                                    &state, &diag),
                     0);
    assert_int_equal(weir_collector_new(&fixture->config, &collector), 0);
    assert_int_equal(weir_collector_restore(collector, state.data, state.length, &diag), 0);
    struct weir_datagram datagram = data_message(fixture, octets);
    assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    uint64_t records = weir_collector_count(collector).records;
    weir_collector_free(collector);
    weir_octets_done(&state);
    weir_journal_ids_done(&states);
    return records;
}

static void test_a_segment_begins_with_its_state(void **state)
{
    struct fixture *fixture = *state;
    leave_state(fixture, FIRST, true, 0);
    leave_segment(fixture, FIRST, 5);
    leave_segment(fixture, FIRST + 7, 3);
    struct weir_recovery recovery = recover(fixture, SIZE_MAX);
    assert_int_equal(recovery.stored.records_stored, 16);
    assert_int_equal(recovery.stored.files_written, 2);
    assert_int_equal(recovery.counted.journal_recovered_segments, 2);
    assert_int_equal(recovery.counted.journal_recovered_datagrams, 8);
    assert_int_equal(recovery.counted.journal_cut_octets, 0);
    assert_int_equal(records_after(fixture), 2);
    recovery = recover(fixture, SIZE_MAX);
    assert_int_equal(recovery.counted.journal_recovered_segments, 0);
}

/* Killed between the segment's file and its state, the run before left an earlier state. */
static void test_a_segment_without_a_state_begins_with_the_last_before_it(void **state)
{
    struct fixture *fixture = *state;
    leave_state(fixture, FIRST, true, 0);
    leave_segment(fixture, FIRST + 5, 0);
    struct weir_recovery recovery = recover(fixture, SIZE_MAX);
    assert_int_equal(recovery.counted.journal_recovered_segments, 1);
    assert_int_equal(records_after(fixture), 2);
    leave_segment(fixture, FIRST + 9, 4);
    recovery = recover(fixture, SIZE_MAX);
    assert_int_equal(recovery.stored.records_stored, 8);
    assert_int_equal(records_after(fixture), 2);
}

/* Sets that wait are in the state of the segment after theirs, and nowhere else. */
static void test_what_waits_is_neither_lost_nor_doubled(void **state)
{
    struct fixture *fixture = *state;
    uint8_t octets[512], block[1024];
    leave_state(fixture, FIRST, false, 3);
    leave_segment(fixture, FIRST, 2);
    struct weir_recovery recovery = recover(fixture, SIZE_MAX);
    assert_int_equal(recovery.stored.records_stored, 0);
    leave_segment(fixture, FIRST + 1, 1);
    char name[WEIR_SEGMENT_NAME_MAX];
    weir_segment_name(FIRST + 1, name);
    int fd = openat(fixture->folder.fd, name, O_WRONLY | O_APPEND);
    struct weir_datagram datagram = template_message(fixture, octets);
    size_t length = weir_pcapng_packet_octets(&datagram);
    weir_pcapng_packet(block, &datagram);
    assert_int_equal(write(fd, block, length), length);
    close(fd);
    recovery = recover(fixture, SIZE_MAX);
    assert_int_equal(recovery.stored.records_stored, 12);
    assert_int_equal(records_after(fixture), 2);
}

static void test_one_at_a_time_and_the_oldest_first(void **state)
{
    struct fixture *fixture = *state;
    leave_state(fixture, FIRST, true, 0);
    leave_segment(fixture, FIRST + 20, 1);
    leave_segment(fixture, FIRST + 10, 2);
    struct weir_recovery recovery = recover(fixture, 1);
    assert_int_equal(recovery.stored.records_stored, 4);
    recovery = recover(fixture, 1);
    assert_int_equal(recovery.stored.records_stored, 2);
}

/* While somebody collects, whose segment has a state and may have no file yet. */
static void test_one_that_is_tried_again_leaves_no_state(void **state)
{
    struct fixture *fixture = *state;
    struct weir_recovery recovery = {
        .store = fixture->path, .clock = weir_clock_system(), .collector = &fixture->config};
    struct weir_journal_ids states;
    struct weir_diag diag;
    leave_state(fixture, FIRST, true, 0);
    leave_segment(fixture, FIRST, 1);
    leave_state(fixture, FIRST + 20, true, 0);
    assert_int_equal(weir_recover(&recovery, &fixture->folder, FIRST + 20, 1, &diag), 0);
    assert_int_equal(recovery.stored.records_stored, 2);
    assert_int_equal(weir_journal_folder_states(&fixture->folder, &states, &diag), 0);
    assert_int_equal(states.count, 1);
    assert_int_equal(states.ids[0], FIRST + 20);
    weir_journal_ids_done(&states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_segment_begins_with_its_state, make, drop),
        cmocka_unit_test_setup_teardown(
            test_a_segment_without_a_state_begins_with_the_last_before_it, make, drop),
        cmocka_unit_test_setup_teardown(test_what_waits_is_neither_lost_nor_doubled, make, drop),
        cmocka_unit_test_setup_teardown(test_one_at_a_time_and_the_oldest_first, make, drop),
        cmocka_unit_test_setup_teardown(test_one_that_is_tried_again_leaves_no_state, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
