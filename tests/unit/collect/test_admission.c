/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/admission.h"

#include <string.h>

#include "base/clock.h"
#include "support/cmocka.h"

#define START_NS (1700000000 * WEIR_NS_PER_SECOND)

static struct weir_admission *make(struct weir_admission_config config)
{
    struct weir_admission *admission;
    weir_hash_key_seed(&config.hash_key, 1);
    assert_int_equal(weir_admission_new(&config, &admission), 0);
    return admission;
}

static struct weir_admission *make_allowing(const char *const *texts, size_t count)
{
    struct weir_network networks[8];
    for (size_t i = 0; i < count; i++)
        assert_int_equal(weir_network_parse(texts[i], &networks[i]), 0);
    return make((struct weir_admission_config){.networks = networks, .network_count = count});
}

static struct weir_datagram datagram_of(const char *address, int64_t received_ns)
{
    struct weir_datagram datagram = {.received_ns = received_ns, .length = 1};
    assert_int_equal(weir_address_parse(address, &datagram.source), 0);
    return datagram;
}

static size_t admit(struct weir_admission *admission, struct weir_datagram datagram)
{
    struct weir_datagram admitted;
    return weir_admission_filter(admission, &datagram, 1, &admitted);
}

static size_t admit_many(struct weir_admission *admission, struct weir_datagram datagram,
                         unsigned count)
{
    size_t admitted = 0;
    while (count-- > 0)
        admitted += admit(admission, datagram);
    return admitted;
}

static void without_networks_all_are_allowed(void **state)
{
    (void)state;
    struct weir_admission *admission = make((struct weir_admission_config){0});
    assert_int_equal(admit(admission, datagram_of("192.0.2.1", 0)), 1);
    assert_int_equal(admit(admission, datagram_of("2001:db8::1", -5)), 1);
    assert_int_equal(weir_admission_count(admission)->datagrams_not_allowed, 0);
    weir_admission_free(admission);
    weir_admission_free(NULL);
}

static void networks_are_allowed_from_first_to_last(void **state)
{
    (void)state;
    static const char *const networks[] = {"192.0.2.9",   "10.0.0.0/8",    "2001:db8::/32",
                                           "10.1.0.0/16", "192.0.2.16/28", "11.0.0.0/8"};
    static const struct {
        const char *address;
        size_t admitted;
    } cases[] = {
        {"9.255.255.255", 0},  {"10.0.0.0", 1},         {"10.1.2.3", 1},
        {"10.255.255.255", 1}, {"11.0.0.0", 1},         {"11.255.255.255", 1},
        {"12.0.0.0", 0},       {"192.0.2.8", 0},        {"192.0.2.9", 1},
        {"192.0.2.10", 0},     {"192.0.2.15", 0},       {"192.0.2.16", 1},
        {"192.0.2.31", 1},     {"192.0.2.32", 0},       {"2001:db7:ffff::", 0},
        {"2001:db8::", 1},     {"2001:db8:ffff::1", 1}, {"2001:db9::", 0},
    };
    struct weir_admission *admission = make_allowing(networks, 6);
    uint64_t refused = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t admitted = admit(admission, datagram_of(cases[i].address, START_NS));
        if (admitted != cases[i].admitted)
            fail_msg("%s: %zu", cases[i].address, admitted);
        refused += admitted == 0;
        assert_int_equal(weir_admission_count(admission)->datagrams_not_allowed, refused);
    }
    weir_admission_free(admission);
}

static void what_is_admitted_keeps_its_order(void **state)
{
    (void)state;
    static const char *const networks[] = {"192.0.2.0/24"};
    struct weir_admission *admission = make_allowing(networks, 1);
    struct weir_datagram datagrams[] = {
        datagram_of("192.0.2.1", START_NS),
        datagram_of("192.0.3.1", START_NS),
        datagram_of("192.0.2.2", START_NS),
    };
    struct weir_datagram admitted[3];
    assert_int_equal(weir_admission_filter(admission, datagrams, 3, admitted), 2);
    assert_memory_equal(&admitted[0], &datagrams[0], sizeof(admitted[0]));
    assert_memory_equal(&admitted[1], &datagrams[2], sizeof(admitted[1]));
    weir_admission_free(admission);
}

static void a_second_s_worth_comes_at_once_and_then_the_rate(void **state)
{
    (void)state;
    struct weir_admission *admission =
        make((struct weir_admission_config){.datagrams_per_second = 100});
    assert_int_equal(admit_many(admission, datagram_of("192.0.2.1", START_NS), 250), 100);
    /* Each has a bucket of its own. */
    assert_int_equal(admit_many(admission, datagram_of("192.0.2.2", START_NS), 30), 30);
    assert_int_equal(
        admit_many(admission, datagram_of("192.0.2.1", START_NS + WEIR_NS_PER_SECOND / 10), 50),
        10);
    assert_int_equal(
        admit_many(admission, datagram_of("192.0.2.1", START_NS + 60 * WEIR_NS_PER_SECOND), 250),
        100);
    assert_int_equal(weir_admission_count(admission)->datagrams_limited, 150 + 40 + 150);

    size_t position = 0;
    struct weir_address address, wanted;
    uint64_t limited;
    assert_int_equal(weir_address_parse("192.0.2.1", &wanted), 0);
    assert_int_equal(weir_admission_limited(admission, &position, &address, &limited), 0);
    assert_true(weir_address_equal(address, wanted));
    assert_int_equal(limited, 340);
    assert_int_equal(weir_admission_limited(admission, &position, &address, &limited),
                     WEIR_E_NOT_FOUND);
    weir_admission_free(admission);
}

static void a_clock_set_back_limits_nobody(void **state)
{
    (void)state;
    struct weir_admission *admission =
        make((struct weir_admission_config){.datagrams_per_second = 10});
    assert_int_equal(admit_many(admission, datagram_of("192.0.2.1", START_NS), 20), 10);
    assert_int_equal(
        admit_many(admission, datagram_of("192.0.2.1", START_NS - 3600 * WEIR_NS_PER_SECOND), 20),
        10);
    assert_int_equal(admit_many(admission, datagram_of("192.0.2.1", INT64_MIN), 20), 10);
    assert_int_equal(admit_many(admission, datagram_of("192.0.2.1", INT64_MAX), 20), 10);
    weir_admission_free(admission);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    struct weir_admission *admission =
        make((struct weir_admission_config){.datagrams_per_second = 2, .address_max = 16});
    for (unsigned i = 0; i < 100; i++) {
        struct weir_datagram datagram = {.source = weir_address_from_v4(i),
                                         .received_ns = START_NS};
        assert_int_equal(admit_many(admission, datagram, 3), 2);
    }
    uint64_t forgotten = weir_admission_count(admission)->limits_forgotten;
    assert_true(forgotten >= 100 - 16 && forgotten < 100);
    assert_int_equal(weir_admission_count(admission)->datagrams_limited, 100);
    /* Where all buckets are full again nothing is lost with one. */
    for (unsigned i = 100; i < 104; i++) {
        struct weir_datagram datagram = {.source = weir_address_from_v4(i),
                                         .received_ns = START_NS + (i - 90) * WEIR_NS_PER_SECOND};
        assert_int_equal(admit(admission, datagram), 1);
    }
    assert_int_equal(weir_admission_count(admission)->limits_forgotten, forgotten);
    weir_admission_free(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_networks_all_are_allowed),
        cmocka_unit_test(networks_are_allowed_from_first_to_last),
        cmocka_unit_test(what_is_admitted_keeps_its_order),
        cmocka_unit_test(a_second_s_worth_comes_at_once_and_then_the_rate),
        cmocka_unit_test(a_clock_set_back_limits_nobody),
        cmocka_unit_test(the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
