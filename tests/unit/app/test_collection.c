/* SPDX-License-Identifier: Apache-2.0 */
/* What a collection does at its end. */
#include "app/collection.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/peer.h"

static int64_t records;

static int take_report(void *context, const struct weir_collect_report *report,
                       struct weir_diag *diag)
{
    (void)context;
    (void)diag;
    records += report->counted.records;
    return 0;
}

/* Of common properties (RFC 5473) that never come. */
static struct weir_datagram make_message(struct peer *peer)
{
    static const struct weir_field fields[] = {{0, 137, 2}, {0, 1, 4}, {0, 2, 4}};
    static const uint64_t values[] = {1, 6000, 30};
    struct weir_template *source = weir_template_new(256, fields, 3);
    assert_non_null(source);
    peer_begin(peer);
    peer_template(peer, source);
    peer_rows(peer, source, values, 1);
    free(source);
    return peer_end(peer);
}

static void what_waits_is_in_the_last_report(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-collection-XXXXXX", command[sizeof(path) + 16];
    struct weir_diag diag = {0};
    struct weir_collection *collection;
    struct weir_store_writer *writer;
    struct weir_tables tables;
    assert_non_null(mkdtemp(path));
    const struct weir_store_writer_options options = {.path = path, .clock = weir_clock_system()};
    const struct weir_collection_config config = {
        .collector = weir_collector_defaults(),
        .clock = weir_clock_system(),
        .tables = &tables,
    };
    assert_int_equal(weir_store_writer_open(&options, &writer, &diag), 0);
    assert_int_equal(weir_collection_new(&config, &collection), 0);
    struct weir_collector *collector = weir_collection_collector(collection);
    assert_int_equal(weir_tables_init(&tables, collector, writer, 60 * WEIR_NS_PER_SECOND), 0);
    weir_collector_report_to(collector, &(struct weir_report_sink){take_report, NULL});

    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_datagram datagram = make_message(&peer);
    assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    assert_int_equal(weir_collection_count(collection).records, 0);
    assert_int_equal(weir_collection_flush(collection, &diag), 0);
    assert_int_equal(weir_collection_count(collection).records, 1);
    assert_int_equal(records, 1);

    assert_int_equal(weir_store_writer_close(writer, NULL, &diag), 0);
    weir_collection_free(collection);
    snprintf(command, sizeof(command), "rm -r %s", path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own folder */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_in_the_last_report),
    };
    return cmocka_run_group_tests_name("collection", tests, NULL, NULL);
}
