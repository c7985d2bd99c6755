/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every export file of ../shared, cut at every octet and with every octet changed, twice: all its
 * bits, and one of them. Each datagram that comes of it is sent by an exporter of its own, who has
 * sent the Templates of the datagrams before it and nothing else, and by one who has sent all the
 * broken ones before; the files themselves are cut, too. What holds whatever comes:
 *
 * - a message that came is counted, and a malformed one once, under one rule;
 * - what is counted is handed over, and can be printed;
 * - a cut message has no more records than one that is cut later.
 *
 *   WEIR_CUTS   how many cuts and changes of a datagram or file at most, evenly spread (10);
 *               0: at every octet
 */
#include "support/cmocka.h"
#include "support/files.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "collect/collector.h"
#include "collect/input.h"
#include "record/json.h"

#define FILES_MIN      100u
#define PRIMERS_MAX    16u
#define FILE_CUTS_MAX  16384u
#define MESSAGE_OCTETS 65535u

static unsigned long limit;
static struct {
    uint64_t datagrams, cuts, changes, file_cuts;
} done;

/* What a collector handed over. */
struct taken {
    uint64_t rows;
    uint64_t records[WEIR_RECORD_COUNTERS + 1]; /* by kind */
    struct weir_text_buffer line;
};

/* A datagram of a file, copied, and whether Templates are in it that none before it had. */
struct item {
    struct weir_datagram datagram;
    uint8_t *octets;
    bool is_primer;
};

struct file {
    const char *name;
    enum weir_collect_transport transport;
    struct item *items;
    size_t count;
};

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)diag;
    taken->rows += batch->row_count;
    return 0;
}

static int take_record(void *context, const struct weir_collected_record *record,
                       struct weir_diag *diag)
{
    struct taken *taken = context;
    size_t consumed = 0;
    weir_text_clear(&taken->line);
    assert_int_equal(weir_record_print_json(record->plan, record->octets, record->length,
                                            record->origin, &taken->line, &consumed, diag),
                     0);
    assert_int_equal(consumed, record->length);
    taken->records[record->kind]++;
    return 0;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

static struct weir_collector *new_collector(struct taken *taken)
{
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    const struct weir_batch_sink batches = {take_batch, flush, taken};
    const struct weir_record_sink records = {
        .record = take_record, .flush = flush, .context = taken};
    weir_hash_key_seed(&config.hash_key, 0);
    config.session_max = 4;
    config.template_max = 64;
    config.template_octets = 1u << 20;
    config.waiting = (struct weir_waiting_limits){.sets = 4, .octets = 4000};
    config.waiting_octets = 10000;
    config.batch_rows = 64;
    config.hold_rows = 32;
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    assert_int_equal(weir_collector_add_batch_sink(collector, &batches), 0);
    assert_int_equal(weir_collector_add_record_sink(collector, &records), 0);
    return collector;
}

/* A collector, what it handed over, and how many messages it was given. */
struct subject {
    struct taken taken;
    struct weir_collector *collector;
    uint64_t fed;
};

static void begin(struct subject *subject)
{
    *subject = (struct subject){0};
    weir_text_init(&subject->taken.line, 16 << 20);
    subject->collector = new_collector(&subject->taken);
}

static void receive(struct subject *subject, const struct weir_datagram *datagram,
                    enum weir_collect_transport transport)
{
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_receive(subject->collector, datagram, transport, &diag), 0);
    subject->fed++;
}

/* Hands everything over, checks what must hold, and counts records. */
static uint64_t check(struct subject *subject)
{
    const struct taken *taken = &subject->taken;
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_flush(subject->collector, 0, &diag), 0);
    struct weir_collect_counters c = weir_collector_count(subject->collector);
    assert_int_equal(c.messages, subject->fed);
    assert_true(c.messages_malformed <= c.messages);
    assert_int_equal(c.messages_malformed, c.malformed_version + c.malformed_header +
                                               c.malformed_length + c.malformed_set +
                                               c.malformed_template + c.malformed_record +
                                               c.malformed_list);
    assert_int_equal(c.records, taken->rows);
    assert_int_equal(c.records, taken->records[WEIR_RECORD_FLOW]);
    assert_int_equal(c.options_records, taken->records[WEIR_RECORD_OPTIONS]);
    assert_int_equal(c.counter_records, taken->records[WEIR_RECORD_COUNTERS]);
    assert_true(c.sets_unknown_template >= c.sets_waiting + c.sets_overflowed);
    return c.records + c.options_records + c.counter_records;
}

static void end(struct subject *subject)
{
    (void)check(subject);
    weir_collector_free(subject->collector);
    weir_text_done(&subject->taken.line);
}

/* Records that come of a datagram of an exporter who is new. */
static uint64_t records_of(struct subject *subject, const struct file *file,
                           const struct item *item, struct weir_datagram datagram)
{
    datagram.source = weir_address_from_v4((uint32_t)subject->fed);
    unsigned primers = 0;
    for (const struct item *at = file->items; at < item && primers < PRIMERS_MAX; at++)
        if (at->is_primer && weir_address_equal(at->datagram.source, item->datagram.source)) {
            struct weir_datagram primer = at->datagram;
            primer.source = datagram.source;
            receive(subject, &primer, WEIR_COLLECT_UDP);
            primers++;
        }
    uint64_t before = check(subject);
    receive(subject, &datagram, WEIR_COLLECT_UDP);
    return check(subject) - before;
}

static size_t step_of(size_t length)
{
    return limit == 0 || length <= limit ? 1 : (length + limit - 1) / limit;
}

/* To each exporter what is tried: new ones, and one that is old. */
struct trial {
    const struct file *file;
    const struct item *item;
    struct subject novices, veteran;
};

static uint64_t try_datagram(struct trial *trial, const struct weir_datagram *datagram)
{
    receive(&trial->veteran, datagram, trial->file->transport);
    return records_of(&trial->novices, trial->file, trial->item, *datagram);
}

static void try_cuts(struct trial *trial)
{
    size_t length = trial->item->datagram.length, step = step_of(length);
    struct weir_datagram cut = trial->item->datagram;
    uint8_t *block = malloc(length + 1);
    assert_non_null(block);
    uint64_t before = 0;
    for (cut.length = 0; cut.length <= length; cut.length += step, done.cuts++) {
        /* At the end of its block, so that ASan sees a read past it. */
        uint8_t *octets = block + length + 1 - cut.length;
        memcpy(octets, trial->item->octets, cut.length);
        cut.octets = octets;
        uint64_t records = try_datagram(trial, &cut);
        if (records < before)
            fail_msg("%s: cut after octet %zu: fewer records than after fewer octets",
                     trial->file->name, cut.length);
        before = records;
    }
    assert_true(before <= try_datagram(trial, &trial->item->datagram));
    free(block);
}

static void try_changes(struct trial *trial)
{
    struct weir_datagram changed = trial->item->datagram;
    size_t step = step_of(changed.length);
    uint8_t *octets = malloc(changed.length + 1);
    assert_non_null(octets);
    changed.octets = octets;
    memcpy(octets, trial->item->octets, changed.length);
    for (size_t at = 0; at < changed.length; at += step) {
        /* Which one bit differs from octet to octet. */
        const uint8_t masks[] = {0xff, (uint8_t)(1u << (at * 2654435761u >> 13 & 7))};
        for (size_t i = 0; i < sizeof(masks); i++, done.changes++) {
            octets[at] ^= masks[i];
            (void)try_datagram(trial, &changed);
            octets[at] ^= masks[i];
        }
    }
    free(octets);
}

static void add_item(struct file *file, const struct weir_datagram *datagram)
{
    file->items = realloc(file->items, (file->count + 1) * sizeof(*file->items));
    assert_non_null(file->items);
    struct item *item = &file->items[file->count++];
    *item = (struct item){.datagram = *datagram, .octets = malloc(datagram->length + 1)};
    assert_non_null(item->octets);
    memcpy(item->octets, datagram->octets, datagram->length);
    item->datagram.octets = item->octets;
}

/* The datagrams of a file; one that cannot be read as a file is one datagram. */
static void read_datagrams(const uint8_t *octets, size_t length, struct file *file)
{
    struct weir_input *input;
    struct weir_diag diag = {0};
    const struct weir_datagram *datagrams;
    size_t count;
    file->transport = WEIR_COLLECT_UDP;
    if (weir_input_open_memory(octets, length, file->name, &input, &diag) == 0) {
        file->transport = weir_input_transport(input);
        while (weir_input_next(input, &datagrams, &count, &diag) == 0)
            for (size_t i = 0; i < count; i++)
                add_item(file, &datagrams[i]);
        weir_input_close(input);
    }
    if (file->count == 0 && length <= MESSAGE_OCTETS)
        add_item(file, &(struct weir_datagram){.octets = octets, .length = length});
}

static uint64_t templates_known(const struct weir_collector *collector)
{
    const struct weir_sessions *sessions = weir_collector_sessions(collector);
    uint64_t count = weir_collector_count(collector).templates_redefined;
    for (const struct weir_session *at = sessions->newest; at; at = at->older)
        count += at->templates.count;
    return count;
}

static void find_primers(struct file *file)
{
    struct subject subject;
    uint64_t before = 0;
    begin(&subject);
    for (size_t i = 0; i < file->count; i++) {
        receive(&subject, &file->items[i].datagram, file->transport);
        uint64_t known = templates_known(subject.collector);
        file->items[i].is_primer = known > before;
        before = known;
    }
    end(&subject);
}

/* The file ends anywhere: what is whole of it is read. */
static void try_file_cuts(const uint8_t *octets, size_t length, const struct file *file)
{
    size_t step = step_of(length);
    if (step < length / FILE_CUTS_MAX)
        step = length / FILE_CUTS_MAX;
    for (size_t cut = 0; cut <= length; cut += step, done.file_cuts++) {
        struct weir_input *input;
        struct weir_diag diag = {0};
        const struct weir_datagram *datagrams;
        size_t count, total = 0;
        uint8_t *block = malloc(cut + 1);
        assert_non_null(block);
        memcpy(block + 1, octets, cut);
        if (weir_input_open_memory(block + 1, cut, file->name, &input, &diag) == 0) {
            while (weir_input_next(input, &datagrams, &count, &diag) == 0)
                total += count;
            weir_input_close(input);
        }
        free(block);
        /* What is cut at the end may look like the beginning of another message. */
        if (total > file->count + 1)
            fail_msg("%s: cut after octet %zu: %zu datagrams", file->name, cut, total);
    }
}

static void try_file(const char *path)
{
    size_t length;
    uint8_t *octets = test_file_octets(path, &length);
    struct file file = {.name = path};
    struct trial trial = {.file = &file};
    read_datagrams(octets, length, &file);
    find_primers(&file);
    begin(&trial.novices);
    begin(&trial.veteran);
    for (size_t i = 0; i < file.count; i++, done.datagrams++) {
        trial.item = &file.items[i];
        try_cuts(&trial);
        try_changes(&trial);
    }
    end(&trial.novices);
    end(&trial.veteran);
    try_file_cuts(octets, length, &file);
    for (size_t i = 0; i < file.count; i++)
        free(file.items[i].octets);
    free(file.items);
    free(octets);
}

static void broken_files_are_counted(void **state)
{
    (void)state;
    char folder[WEIR_TEST_PATH_MAX];
    const char *wanted = getenv("WEIR_CUTS");
    limit = wanted ? strtoul(wanted, NULL, 10) : 10;
    test_shared_or_skip("data/export", folder);
    char **files;
    unsigned file_count = test_files_below(folder, NULL, &files);
    assert_true(file_count > FILES_MIN);
    for (unsigned i = 0; i < file_count; i++)
        try_file(files[i]);
    test_files_free(files, file_count);
    printf("# %u files, %llu datagrams: %llu cuts, %llu changes; %llu cuts of files\n", file_count,
           (unsigned long long)done.datagrams, (unsigned long long)done.cuts,
           (unsigned long long)done.changes, (unsigned long long)done.file_cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files_are_counted),
    };
    return cmocka_run_group_tests_name("golden cuts", tests, NULL, NULL);
}
