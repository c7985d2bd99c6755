/* SPDX-License-Identifier: Apache-2.0 */
/* Templates that end without being withdrawn, as the Collecting Process has it. */
#include "app/follow.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/writer.h"
#include "support/cmocka.h"

#define NOW_NS   (INT64_C(1770102000) * WEIR_NS_PER_SECOND)
#define EXPORTER UINT32_C(0xc0000209)
#define ID       260u

/* A NetFlow v9 header that came so long after the first, of an exporter that runs for so long. */
static struct weir_datagram header(uint8_t octets[20], uint32_t seconds, uint32_t uptime_ms)
{
    struct weir_writer w = weir_writer_make(octets, 20);
    weir_write_u16(&w, 9);
    weir_write_u16(&w, 0);
    weir_write_u32(&w, uptime_ms);
    weir_write_u32(&w, (uint32_t)(NOW_NS / WEIR_NS_PER_SECOND) + seconds);
    weir_write_u32(&w, 0);
    weir_write_u32(&w, 1);
    return (struct weir_datagram){
        .octets = octets,
        .length = 20,
        .source = weir_address_from_v4(EXPORTER),
        .source_port = 5000,
        .received_ns = NOW_NS + seconds * WEIR_NS_PER_SECOND,
    };
}

/* Whether the Template is known to a message, which teaches it where `learns` says so. */
static bool is_known(struct weir_follower *follower, uint32_t seconds, uint32_t uptime_ms,
                     bool learns)
{
    static const struct weir_field fields[] = {{0, 8, 4}, {0, 12, 4}};
    uint8_t octets[20];
    const struct weir_datagram datagram = header(octets, seconds, uptime_ms);
    struct weir_message message;
    assert_int_equal(weir_message_open(octets, sizeof(octets), &message, NULL), 0);
    assert_int_equal(weir_follower_open(follower, &message, &datagram, WEIR_COLLECT_UDP), 0);
    if (learns) {
        enum weir_follow_outcome outcome;
        struct weir_template *source = weir_template_new(ID, fields, 2);
        assert_int_equal(weir_follower_learn(follower, source, &outcome), 0);
        free(source);
    }
    bool known = weir_follower_template(follower, &message, ID) != NULL;
    weir_follower_close(follower, &message, (struct weir_sequence_records){0}, 0);
    return known;
}

static void test_templates_have_a_lifetime(void **state)
{
    struct weir_follower follower;
    (void)state;
    assert_int_equal(weir_follower_init(&follower), 0);
    assert_false(is_known(&follower, 0, 1000000, false));
    assert_true(is_known(&follower, 0, 1000000, true));
    assert_true(is_known(&follower, 5400, 6400000, false));
    assert_false(is_known(&follower, 5401, 6401000, false));
    assert_true(is_known(&follower, 5402, 6402000, true));
    weir_follower_done(&follower);
}

static void test_a_restart_makes_them_void(void **state)
{
    struct weir_follower follower;
    (void)state;
    assert_int_equal(weir_follower_init(&follower), 0);
    assert_true(is_known(&follower, 0, 1000000, true));
    assert_true(is_known(&follower, 60, 1060000, false));
    assert_false(is_known(&follower, 120, 1000, false));
    assert_true(is_known(&follower, 121, 2000, true));
    weir_follower_done(&follower);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates_have_a_lifetime),
        cmocka_unit_test(test_a_restart_makes_them_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
