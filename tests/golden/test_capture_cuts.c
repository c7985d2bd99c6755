/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every capture of ../shared, broken: the file cut and changed, and each of its frames cut by the
 * capture, shorter on the wire, and with octets changed, twice: all bits, and one of them. What
 * comes of it is parsed outside of tunnels, inside, and both, and metered. What holds whatever
 * comes:
 *
 * - each frame is a packet or counted under one cause, and so are its octets (packet/parse.h);
 * - the flows have all packets that were parsed, and their octets;
 * - a file that is cut earlier has no more frames.
 *
 *   WEIR_CUTS   how many cuts and changes of a frame or file, and how many frames of a file, at
 *               most, evenly spread (20); 0: all
 */
#include "support/cmocka.h"
#include "support/files.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

#include "meter/cache.h"
#include "packet/parse.h"
#include "packet/source.h"
#include "packet/stream.h"

#define FILES_MIN     200u
#define FRAMES        64u
#define DEPTH         4u
#define FILE_CUTS_MAX 4096u
#define LAYERS        3u

static unsigned long limit;
static struct {
    uint64_t frames, cuts, changes, file_cuts, file_changes;
} done;

/* A meter of one kind of layers, with a cache of its own; all that is tried goes through it. */
struct subject {
    struct weir_parser *parser;
    struct weir_cache *cache;
    uint64_t fed, fed_octets;
    uint64_t rows, packets, octets; /* of the records */
};

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct subject *subject = context;
    (void)diag;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        subject->packets += weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
        subject->octets += weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
    }
    subject->rows += batch->row_count;
    return 0;
}

static void begin(struct subject *subject, unsigned layers)
{
    static const char *const definitions[LAYERS] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
        "keys=src_addr/24/64,dst_port,vlan,tunnel_type,tunnel_id,ttl,tcp_flags",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,layer,carried_type,carried_id",
    };
    const struct weir_parser_options options = {
        .fragment_entries = 64,
        .tunnel_depth = layers > 0 ? DEPTH : 0,
        .all_layers = layers == 2,
    };
    struct weir_cache_config config = weir_cache_config_default();
    struct weir_diag diag = {0};
    *subject = (struct subject){0};
    const struct weir_batch_sink sink = {.batch = take_batch, .context = subject};
    config.entries = 256;
    assert_int_equal(weir_flow_definition_parse(definitions[layers], &config.definition, &diag), 0);
    assert_int_equal(weir_parser_new(&options, &subject->parser), 0);
    assert_int_equal(weir_cache_new(&config, &sink, &subject->cache, &diag), 0);
}

static void feed(struct subject *subject, const struct weir_frame *frames, size_t count)
{
    struct weir_packet packets[FRAMES * (DEPTH + 1)];
    struct weir_diag diag = {0};
    for (size_t i = 0; i < count; i++)
        subject->fed_octets += frames[i].wire_octets;
    subject->fed += count;
    size_t made = weir_parse_batch(subject->parser, frames, count, packets, NULL);
    assert_int_equal(weir_cache_add(subject->cache, packets, made, &diag), 0);
}

static void check_parser(const struct subject *subject)
{
    const struct weir_parse_counters *c = weir_parser_counters(subject->parser);
    uint64_t packets = c->packets_parsed;
    uint64_t octets = c->octets_parsed + c->octets_link_layer - c->octets_beyond_frame;
    for (unsigned i = 0; i < WEIR_REST_COUNT; i++) {
        packets += c->rest[i].packets;
        octets += c->rest[i].octets;
    }
    assert_int_equal(packets, subject->fed);
    assert_int_equal(octets, subject->fed_octets);
    assert_int_equal(c->packets_observed, subject->fed);
}

/* Ends all flows, which have to have what was parsed. */
static void check(struct subject *subject)
{
    struct weir_diag diag = {0};
    const struct weir_parse_counters *c = weir_parser_counters(subject->parser);
    check_parser(subject);
    assert_int_equal(weir_cache_finish(subject->cache, &diag), 0);
    assert_int_equal(subject->packets, c->packets_parsed + c->packets_inner);
    assert_int_equal(subject->octets, c->octets_parsed + c->octets_inner);
    assert_int_equal(subject->rows, weir_cache_counters(subject->cache).flows_exported);
}

static void end(struct subject *subject)
{
    weir_cache_free(subject->cache);
    weir_parser_free(subject->parser);
}

static size_t step_of(size_t length)
{
    return limit == 0 || length <= limit ? 1 : (length + limit - 1) / limit;
}

static void feed_all(struct subject *subjects, const struct weir_frame *frame)
{
    for (unsigned i = 0; i < LAYERS; i++)
        feed(&subjects[i], frame, 1);
}

/* At the end of its block, so that ASan sees a read past it. */
static void try_cuts(struct subject *subjects, const struct weir_frame *frame, uint8_t *block)
{
    struct weir_frame cut = *frame;
    size_t step = step_of(frame->captured);
    for (size_t octets = 0; octets <= frame->captured; octets += step, done.cuts++) {
        uint8_t *at = block + frame->captured - octets;
        memcpy(at, frame->octets, octets);
        cut.octets = at;
        cut.captured = (uint32_t)octets;
        cut.wire_octets = frame->wire_octets;
        feed_all(subjects, &cut);
        cut.wire_octets = cut.captured;
        feed_all(subjects, &cut);
    }
}

static void try_changes(struct subject *subjects, const struct weir_frame *frame, uint8_t *block)
{
    struct weir_frame changed = *frame;
    size_t step = step_of(frame->captured);
    memcpy(block, frame->octets, frame->captured);
    changed.octets = block;
    for (size_t at = 0; at < frame->captured; at += step) {
        /* Which one bit differs from octet to octet. */
        const uint8_t masks[] = {0xff, (uint8_t)(1u << (at * 2654435761u >> 13 & 7))};
        for (size_t i = 0; i < sizeof(masks); i++, done.changes++) {
            block[at] ^= masks[i];
            feed_all(subjects, &changed);
            block[at] ^= masks[i];
        }
    }
}

static void try_frame(struct subject *subjects, const struct weir_frame *frame)
{
    uint8_t *block = malloc(frame->captured + 1);
    assert_non_null(block);
    try_cuts(subjects, frame, block + 1);
    try_changes(subjects, frame, block);
    free(block);
    for (unsigned i = 0; i < LAYERS; i++)
        check_parser(&subjects[i]);
    done.frames++;
}

static struct weir_source *open_octets(const uint8_t *octets, size_t length)
{
    struct weir_stream *stream;
    struct weir_source *source;
    struct weir_diag diag = {0};
    assert_int_equal(weir_stream_open_memory(octets, length, "broken", &stream, &diag), 0);
    if (weir_source_open_stream(stream, NULL, &source, &diag) == 0)
        return source;
    weir_stream_close(stream);
    return NULL;
}

/* Frames that a file still has. */
static uint64_t read_file(struct subject *subject, const uint8_t *octets, size_t length)
{
    struct weir_source *source = open_octets(octets, length);
    struct weir_frame frames[FRAMES];
    struct weir_diag diag = {0};
    uint64_t total = 0;
    size_t count;
    while (source && weir_source_next(source, frames, FRAMES, &count, &diag) == 0) {
        feed(subject, frames, count);
        total += count;
    }
    weir_source_close(source);
    check(subject);
    return total;
}

static void try_file_cuts(struct subject *subject, const uint8_t *octets, size_t length)
{
    size_t step = step_of(length);
    if (step < length / FILE_CUTS_MAX)
        step = length / FILE_CUTS_MAX;
    uint64_t before = 0;
    for (size_t cut = 0; cut <= length; cut += step, done.file_cuts++) {
        uint8_t *block = malloc(cut + 1);
        assert_non_null(block);
        memcpy(block + 1, octets, cut);
        uint64_t frames = read_file(subject, block + 1, cut);
        assert_true(frames >= before);
        before = frames;
        free(block);
    }
}

/* Mostly near the beginning, where lengths and types of everything are. */
static void try_file_changes(struct subject *subject, uint8_t *octets, size_t length)
{
    size_t most = limit == 0 ? 2048 : 2 * limit;
    for (size_t i = 0; i < most; i++, done.file_changes++) {
        size_t range = i % 2 ? length : (length < 256 ? length : 256);
        if (range == 0)
            return;
        size_t at = i * 2654435761u % range;
        uint8_t mask = i % 4 < 2 ? 0xff : (uint8_t)(1u << (i / 4 % 8));
        octets[at] ^= mask;
        (void)read_file(subject, octets, length);
        octets[at] ^= mask;
    }
}

static void try_frames(struct subject *subjects, const uint8_t *octets, size_t length)
{
    struct weir_source *source = open_octets(octets, length);
    struct weir_frame frames[FRAMES];
    struct weir_diag diag = {0};
    size_t count, total = 0;
    uint64_t left = limit ? limit : UINT64_MAX;
    if (!source)
        return;
    while (left > 0 && weir_source_next(source, frames, FRAMES, &count, &diag) == 0) {
        /* The first of the file, and then one of some. */
        for (size_t i = 0; i < count && left > 0; i++, total++) {
            if (limit && total > limit / 2 && total % 37 != 0)
                continue;
            try_frame(subjects, &frames[i]);
            left--;
        }
    }
    weir_source_close(source);
}

static void try_file(struct subject *subjects, const char *path, unsigned number)
{
    size_t length;
    uint8_t *octets = test_file_octets(path, &length);
    try_frames(subjects, octets, length);
    try_file_cuts(&subjects[number % LAYERS], octets, length);
    try_file_changes(&subjects[(number + 1) % LAYERS], octets, length);
    free(octets);
}

static void broken_captures_are_counted(void **state)
{
    (void)state;
    char folder[WEIR_TEST_PATH_MAX];
    const char *wanted = getenv("WEIR_CUTS");
    limit = wanted ? strtoul(wanted, NULL, 10) : 20;
    test_shared_or_skip("data/capture", folder);
    char **paths;
    struct subject subjects[LAYERS];
    unsigned count = test_files_below(folder, "expected", &paths);
    assert_true(count > FILES_MIN);
    for (unsigned i = 0; i < LAYERS; i++)
        begin(&subjects[i], i);
    for (unsigned i = 0; i < count; i++)
        try_file(subjects, paths[i], i);
    for (unsigned i = 0; i < LAYERS; i++) {
        check(&subjects[i]);
        end(&subjects[i]);
    }
    printf("# %u files, %llu frames: %llu cuts, %llu changes; %llu cuts and %llu changes of "
           "files\n",
           count, (unsigned long long)done.frames, (unsigned long long)done.cuts,
           (unsigned long long)done.changes, (unsigned long long)done.file_cuts,
           (unsigned long long)done.file_changes);
    test_files_free(paths, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_captures_are_counted),
    };
    return cmocka_run_group_tests_name("golden capture cuts", tests, NULL, NULL);
}
