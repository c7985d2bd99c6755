/* SPDX-License-Identifier: Apache-2.0 */
#include "flows.h"

#include "support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/batch.h"
#include "store/catalog.h"
#include "store/parquet.h"
#include "store/schema.h"

const char *const flow_addresses[] = {
    "10.0.0.1",     "10.0.0.2",       "10.0.1.1",         "10.255.255.255",
    "11.0.0.0",     "192.0.2.1",      "255.255.255.255",  "2001:db8::1",
    "2001:db8::2",  "2001:db8:0:1::", "2001:db9::1",      "::",
    "ffff:ffff::1", "::ffff:0:0",     "::fffe:ffff:ffff",
};
const size_t flow_address_count = sizeof(flow_addresses) / sizeof(flow_addresses[0]);
const uint16_t flow_ports[] = {0, 22, 53, 80, 123, 443, 1024, 40000, 65535};
const size_t flow_port_count = sizeof(flow_ports) / sizeof(flow_ports[0]);
const uint64_t flow_counters[] = {0, 1, 40, 1500, 999999, 1000000, 1000001, UINT64_C(1) << 40};
const size_t flow_counter_count = sizeof(flow_counters) / sizeof(flow_counters[0]);
const char *const flow_apps[] = {"dns",  "microsoft-teams", "microscope", "it's",
                                 "100%", "a\"b,c\n"};
const size_t flow_app_count = sizeof(flow_apps) / sizeof(flow_apps[0]);

uint64_t flows_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

#define PICK(state, array, count) (array)[flows_random(state) % (count)]

static void set(struct flow *flow, enum weir_column column, uint64_t value)
{
    flow->none[column] = false;
    flow->number[column] = value;
}

static void set_address(struct flow *flow, enum weir_column column, const char *text)
{
    flow->none[column] = false;
    assert_int_equal(weir_address_parse(text, &flow->address[column]), 0);
}

static void make_times(struct flow *flow, uint64_t *state)
{
    int64_t start = FLOWS_BASE_NS + (int64_t)(flows_random(state) % 600000) * 1000000;
    int64_t length = 0;
    switch (flows_random(state) % 4) {
    case 0:
        break;
    case 1:
        length = (int64_t)(flows_random(state) % 5000) * 1000000;
        break;
    case 2:
        length = (int64_t)(flows_random(state) % UINT64_C(200000000000));
        break;
    default:
        start += (int64_t)(flows_random(state) % 1000000);
        length = (int64_t)(flows_random(state) % 3000000);
        break;
    }
    if (flows_random(state) % 10)
        set(flow, WEIR_COLUMN_START, (uint64_t)start);
    if (flows_random(state) % 10)
        set(flow, WEIR_COLUMN_END, (uint64_t)(start + length));
}

static void make_texts(struct flow *flow, uint64_t *state)
{
    if (flows_random(state) % 4) {
        flow->none[WEIR_COLUMN_APP] = false;
        snprintf(flow->app, sizeof(flow->app), "%s", PICK(state, flow_apps, flow_app_count));
    }
    flow->none[WEIR_COLUMN_OTHER] = flows_random(state) % 4 == 0;
    flow->has_vrf = !flow->none[WEIR_COLUMN_OTHER] && flows_random(state) % 2;
    flow->vrf = (uint32_t)(flows_random(state) % 5);
    if (flow->has_vrf)
        snprintf(flow->other, sizeof(flow->other), "{\"ingressVRFID\":%u,\"x\":\"'\"}", flow->vrf);
}

static void make_row(struct flow *flow, size_t index, bool sampled, uint64_t *state)
{
    static const uint8_t protocols[] = {1, 6, 17, 58};
    memset(flow, 0, sizeof(*flow));
    memset(flow->none, true, sizeof(flow->none));
    set(flow, WEIR_COLUMN_RECEIVED, (uint64_t)(FLOWS_BASE_NS + (int64_t)index * 1000000));
    set(flow, WEIR_COLUMN_DOMAIN, flows_random(state) % 3);
    set(flow, WEIR_COLUMN_PROTOCOL_VERSION, 10);
    set(flow, WEIR_COLUMN_TEMPLATE, 256);
    set(flow, WEIR_COLUMN_FLOW_LABEL, index);
    make_times(flow, state);
    make_texts(flow, state);
#define MAYBE(COLUMN, value)     \
    if (flows_random(state) % 5) \
    set(flow, WEIR_COLUMN_##COLUMN, (value))
    if (flows_random(state) % 8)
        set_address(flow, WEIR_COLUMN_SRC_ADDR, PICK(state, flow_addresses, flow_address_count));
    if (flows_random(state) % 8)
        set_address(flow, WEIR_COLUMN_DST_ADDR, PICK(state, flow_addresses, flow_address_count));
    MAYBE(SRC_PORT, PICK(state, flow_ports, flow_port_count));
    MAYBE(DST_PORT, PICK(state, flow_ports, flow_port_count));
    MAYBE(PROTOCOL, PICK(state, protocols, sizeof(protocols)));
    MAYBE(TOS, flows_random(state) % 256);
    MAYBE(TCP_FLAGS, flows_random(state) % 64);
    MAYBE(PACKETS, PICK(state, flow_counters, flow_counter_count));
    MAYBE(BYTES, PICK(state, flow_counters, flow_counter_count));
    MAYBE(IN_IF, flows_random(state) % 4);
    MAYBE(OUT_IF, flows_random(state) % 4);
    MAYBE(SRC_AS, 65000 + flows_random(state) % 3);
    MAYBE(SRC_MAC, UINT64_C(0x00005e005300) + flows_random(state) % 3);
    MAYBE(END_REASON, 1 + flows_random(state) % 5);
    if (sampled) {
        MAYBE(SAMPLING, flows_random(state) % 4 * 100);
    }
#undef MAYBE
}

static void put_value(struct weir_batch *batch, uint32_t row, const struct flow *flow,
                      enum weir_column column)
{
    struct weir_text *text;
    const char *from = column == WEIR_COLUMN_APP ? flow->app : flow->other;
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_U8:
        weir_batch_u8(batch, column)[row] = (uint8_t)flow->number[column];
        break;
    case WEIR_COLUMN_U16:
        weir_batch_u16(batch, column)[row] = (uint16_t)flow->number[column];
        break;
    case WEIR_COLUMN_U32:
        weir_batch_u32(batch, column)[row] = (uint32_t)flow->number[column];
        break;
    case WEIR_COLUMN_U64:
    case WEIR_COLUMN_MAC:
        weir_batch_u64(batch, column)[row] = flow->number[column];
        break;
    case WEIR_COLUMN_TIME:
        weir_batch_time(batch, column)[row] = (int64_t)flow->number[column];
        break;
    case WEIR_COLUMN_ADDRESS:
        weir_batch_high(batch, column)[row] = flow->address[column].high;
        weir_batch_low(batch, column)[row] = flow->address[column].low;
        break;
    case WEIR_COLUMN_TEXT:
        text = &weir_batch_texts(batch, column)[row];
        assert_int_equal(weir_batch_add_text(batch, from, strlen(from), text), 0);
        break;
    case WEIR_COLUMN_TYPE_COUNT:
        break;
    }
}

struct weir_batch *flows_batch(const struct flow *rows, size_t count)
{
    struct weir_batch *batch = weir_batch_new((uint32_t)count);
    assert_non_null(batch);
    for (size_t i = 0; i < count; i++) {
        struct weir_segment segment = {
            .received_ns = (int64_t)rows[i].number[WEIR_COLUMN_RECEIVED],
            .domain = (uint32_t)rows[i].number[WEIR_COLUMN_DOMAIN],
            .template_id = 256,
            .protocol_version = 10,
        };
        for (unsigned column = WEIR_COLUMN_FIRST_OF_ROW; column < WEIR_COLUMN_COUNT; column++)
            if (!rows[i].none[column])
                segment.columns |= (weir_column_set)1 << column;
        uint32_t row = weir_batch_begin(batch, &segment, 1);
        for (unsigned column = WEIR_COLUMN_FIRST_OF_ROW; column < WEIR_COLUMN_COUNT; column++)
            if (!rows[i].none[column])
                put_value(batch, row, &rows[i], (enum weir_column)column);
    }
    return batch;
}

/* Writes rows as one file of the store, under the name that says its times. */
static void write_file(const struct flows *flows, size_t first, size_t count, unsigned number)
{
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *file;
    struct weir_parquet_summary summary;
    struct weir_diag diag = {0};
    char part[128], path[300], temporary[200];
    snprintf(part, sizeof(part), "%s/date=2023-11-14", flows->folder);
    mkdir(part, 0700);
    snprintf(part, sizeof(part), "%s/date=2023-11-14/hour=22", flows->folder);
    mkdir(part, 0700);
    snprintf(temporary, sizeof(temporary), "%s/new", part);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    struct weir_batch *batch = flows_batch(flows->rows + first, count);
    const struct weir_parquet_options options = {.row_group_rows = 256};
    assert_int_equal(weir_parquet_encoder_new(&options, &encoder), 0);
    assert_int_equal(weir_parquet_new(encoder, &file), 0);
    weir_parquet_begin(file, fd);
    assert_int_equal(weir_parquet_append(file, batch, 0, batch->row_count, &diag), 0);
    assert_int_equal(weir_parquet_finish(file, &summary, &diag), 0);
    close(fd);
    weir_parquet_free(file);
    weir_parquet_encoder_free(encoder);
    weir_batch_free(batch);
    struct weir_store_name name = {.start_ms = summary.start_ms, .end_ms = summary.end_ms};
    char text[WEIR_STORE_NAME_MAX];
    snprintf(name.id, sizeof(name.id), "%u", number);
    weir_store_name_format(&name, text);
    snprintf(path, sizeof(path), "%s/%s", part, text);
    assert_int_equal(rename(temporary, path), 0);
}

static int by_start(const void *a, const void *b)
{
    const struct flow *first = a, *second = b;
    int64_t one = (int64_t)first->number[WEIR_COLUMN_START];
    int64_t two = (int64_t)second->number[WEIR_COLUMN_START];
    return (one > two) - (one < two);
}

static struct flows *new_store(size_t count)
{
    struct flows *flows = calloc(1, sizeof(*flows));
    assert_non_null(flows);
    flows->rows = calloc(count + 1, sizeof(*flows->rows));
    assert_non_null(flows->rows);
    flows->count = count;
    strcpy(flows->folder, "/tmp/weir-flows-XXXXXX");
    assert_non_null(mkdtemp(flows->folder));
    char marker[128];
    snprintf(marker, sizeof(marker), "%s/" WEIR_STORE_MARKER_NAME, flows->folder);
    int fd = open(marker, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, WEIR_STORE_MARKER_TEXT, strlen(WEIR_STORE_MARKER_TEXT)),
                     strlen(WEIR_STORE_MARKER_TEXT));
    close(fd);
    return flows;
}

static void write_files(const struct flows *flows)
{
    size_t piece = flows->count / 3 + 1;
    for (size_t first = 0; first < flows->count; first += piece)
        write_file(flows, first, flows->count - first < piece ? flows->count - first : piece,
                   (unsigned)(first / piece));
}

struct flows *flows_new(uint64_t seed, size_t count, bool sampled)
{
    struct flows *flows = new_store(count);
    for (size_t i = 0; i < count; i++)
        make_row(&flows->rows[i], i, sampled, &seed);
    /* Files then hold times that lie together, as they do in life. */
    qsort(flows->rows, count, sizeof(flows->rows[0]), by_start);
    for (size_t i = 0; i < count; i++)
        flows->rows[i].number[WEIR_COLUMN_FLOW_LABEL] = i;
    write_files(flows);
    return flows;
}

struct flows *flows_of_counters(uint64_t bytes, uint32_t sampling, size_t count)
{
    struct flows *flows = new_store(count);
    for (size_t i = 0; i < count; i++) {
        struct flow *flow = &flows->rows[i];
        memset(flow->none, true, sizeof(flow->none));
        set(flow, WEIR_COLUMN_RECEIVED, FLOWS_BASE_NS);
        set(flow, WEIR_COLUMN_START, FLOWS_BASE_NS);
        set(flow, WEIR_COLUMN_END, FLOWS_BASE_NS);
        set(flow, WEIR_COLUMN_BYTES, bytes);
        set(flow, WEIR_COLUMN_SAMPLING, sampling);
    }
    write_files(flows);
    return flows;
}

struct flow flow_blank(void)
{
    struct flow flow = {0};
    memset(flow.none, true, sizeof(flow.none));
    flow_set(&flow, WEIR_COLUMN_RECEIVED, FLOWS_BASE_NS);
    flow_set(&flow, WEIR_COLUMN_START, FLOWS_BASE_NS);
    flow_set(&flow, WEIR_COLUMN_END, FLOWS_BASE_NS);
    return flow;
}

void flow_set(struct flow *flow, enum weir_column column, uint64_t value)
{
    set(flow, column, value);
}

struct flows *flows_of(const struct flow *rows, size_t count)
{
    struct flows *flows = new_store(count);
    memcpy(flows->rows, rows, count * sizeof(*rows));
    write_files(flows);
    return flows;
}

struct flows *flows_of_sources(const char *const *addresses, size_t address_count, size_t count)
{
    struct flows *flows = new_store(count);
    for (size_t i = 0; i < count; i++) {
        struct flow *flow = &flows->rows[i];
        memset(flow->none, true, sizeof(flow->none));
        set(flow, WEIR_COLUMN_RECEIVED, FLOWS_BASE_NS);
        set(flow, WEIR_COLUMN_START, FLOWS_BASE_NS);
        set(flow, WEIR_COLUMN_END, FLOWS_BASE_NS);
        set(flow, WEIR_COLUMN_BYTES, i);
        set_address(flow, WEIR_COLUMN_SRC_ADDR, addresses[i % address_count]);
    }
    write_files(flows);
    return flows;
}

void flows_drop_leaf(const struct flows *flows, const char *leaf, size_t files)
{
    struct weir_catalog catalog;
    struct weir_diag diag = {0};
    assert_int_equal(weir_catalog_read(flows->folder, INT64_MIN, INT64_MAX, &catalog, &diag), 0);
    assert_in_range(files, 1, catalog.count);
    for (size_t i = 0; i < files; i++) {
        size_t length = catalog.files[i].octets;
        uint8_t *octets = malloc(length);
        int fd = open(catalog.files[i].path, O_RDWR);
        assert_true(octets && fd >= 0);
        assert_int_equal(pread(fd, octets, length, 0), length);
        unsigned renamed = 0;
        for (uint8_t *at = octets;
             (at = memmem(at, length - (size_t)(at - octets), leaf, strlen(leaf))) != NULL;
             at++, renamed++)
            at[0] = '_';
        /* In the schema, and in each row group. */
        assert_true(renamed >= 2);
        assert_int_equal(pwrite(fd, octets, length, 0), length);
        close(fd);
        free(octets);
    }
    weir_catalog_done(&catalog);
}

void flows_free(struct flows *flows)
{
    char command[128];
    if (!flows)
        return;
    snprintf(command, sizeof(command), "rm -rf '%s'", flows->folder);
    if (system(command) != 0)
        print_message("%s failed\n", command);
    free(flows->rows);
    free(flows);
}
