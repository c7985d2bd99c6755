/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans alone: octets to columns and back, sets of 25 records as a datagram carries them.
 *
 *     bench_plan [MILLIONS [NAME]]
 *
 * Prints nanoseconds of processor time a record for each template, the best of seven runs over so
 * many records. The octets are random but for what routers send the same in every record.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "record/plan.h"
#include "wire/message.h"

#define SET_RECORDS 25u
#define BATCH_ROWS  8192u
#define SETS        64u /* that are gone round, so that values differ */
#define RUNS        7
#define EXPORT_NS   INT64_C(1700000000000000000)

struct workload {
    const char *name;
    struct weir_field fields[32];
};

static const struct workload workloads[] = {
    {"v9, 20 fields",
     {{0, 22, 4}, {0, 21, 4}, {0, 1, 4},  {0, 2, 4}, {0, 10, 4}, {0, 14, 4}, {0, 8, 4},
      {0, 12, 4}, {0, 4, 1},  {0, 5, 1},  {0, 7, 2}, {0, 11, 2}, {0, 15, 4}, {0, 16, 4},
      {0, 17, 4}, {0, 9, 1},  {0, 13, 1}, {0, 6, 1}, {0, 61, 1}, {0, 58, 2}}},
    {"ipfix, 20 fields",
     {{0, 8, 4},   {0, 12, 4},  {0, 15, 4}, {0, 10, 4}, {0, 14, 4},  {0, 2, 8}, {0, 1, 8},
      {0, 152, 8}, {0, 153, 8}, {0, 7, 2},  {0, 11, 2}, {0, 6, 2},   {0, 4, 1}, {0, 5, 1},
      {0, 16, 4},  {0, 17, 4},  {0, 9, 1},  {0, 13, 1}, {0, 136, 1}, {0, 58, 2}}},
    {"ipfix IPv6, 20 fields",
     {{0, 27, 16}, {0, 28, 16}, {0, 62, 16}, {0, 10, 4}, {0, 14, 4},  {0, 2, 8}, {0, 1, 8},
      {0, 156, 8}, {0, 157, 8}, {0, 7, 2},   {0, 11, 2}, {0, 6, 2},   {0, 4, 1}, {0, 5, 1},
      {0, 16, 4},  {0, 17, 4},  {0, 29, 1},  {0, 30, 1}, {0, 136, 1}, {0, 58, 2}}},
    {"ipfix, both families",
     {{0, 8, 4},
      {0, 12, 4},
      {0, 27, 16},
      {0, 28, 16},
      {0, 2, 8},
      {0, 1, 8},
      {0, 152, 8},
      {0, 153, 8},
      {0, 7, 2},
      {0, 11, 2},
      {0, 4, 1}}},
    {"v9, 3 elements to other",
     {{0, 22, 4},
      {0, 21, 4},
      {0, 1, 4},
      {0, 2, 4},
      {0, 10, 4},
      {0, 14, 4},
      {0, 8, 4},
      {0, 12, 4},
      {0, 4, 1},
      {0, 5, 1},
      {0, 7, 2},
      {0, 11, 2},
      {0, 6, 1},
      {0, 48, 2},
      {0, 60, 1},
      {0, 89, 1}}},
    {"ipfix, 3 that vary to other",
     {{0, 152, 8},
      {0, 153, 8},
      {0, 1, 8},
      {0, 2, 8},
      {0, 8, 4},
      {0, 12, 4},
      {0, 4, 1},
      {0, 7, 2},
      {0, 11, 2},
      {0, 148, 8},
      {0, 25, 2},
      {0, 26, 2}}},
    {"ipfix, variable name",
     {{0, 152, 8},
      {0, 153, 8},
      {0, 1, 8},
      {0, 2, 8},
      {0, 8, 4},
      {0, 12, 4},
      {0, 4, 1},
      {0, 7, 2},
      {0, 11, 2},
      {0, 96, 65535}}},
};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Elements that one router sends the same in all records; either family's addresses are absent. */
static size_t put_field(const struct weir_field *field, unsigned record, struct weir_random *random,
                        uint8_t *to)
{
    if (field->length == WEIR_LENGTH_VARIABLE) {
        static const char *const names[] = {"http", "dns", "ssl", "unknown"};
        const char *name = names[record / 3 % 4];
        to[0] = (uint8_t)strlen(name);
        memcpy(to + 1, name, to[0]);
        return 1u + to[0];
    }
    bool same = field->id == 48 || field->id == 60 || field->id == 89;
    bool absent = (field->id == 8 || field->id == 12) ? record % 5 == 4
                                                      : field->length == 16 && record % 5 != 4;
    for (unsigned i = 0; i < field->length; i++)
        to[i] = same ? 1 : absent ? 0 : (uint8_t)weir_random_next(random);
    return field->length;
}

struct set {
    size_t length;
    uint8_t octets[SET_RECORDS * 256];
};

static void make_sets(const struct weir_template *template, struct set *sets)
{
    struct weir_random random = {1};
    for (unsigned s = 0; s < SETS; s++) {
        sets[s].length = 0;
        for (unsigned r = 0; r < SET_RECORDS; r++)
            for (unsigned f = 0; f < template->field_count; f++)
                sets[s].length +=
                    put_field(&template->fields[f], r, &random, sets[s].octets + sets[s].length);
    }
}

static double decode_ns(const struct weir_plan *plan, const struct set *sets, uint64_t records,
                        struct weir_batch *batch)
{
    struct weir_plan_context context = {
        .segment = {.domain = 1, .has_exporter = true},
        .export_time_ns = EXPORT_NS,
        .uptime_zero_ns = EXPORT_NS - WEIR_NS_PER_SECOND * 100000,
    };
    uint64_t done = 0;
    double begin = cpu_seconds();
    for (uint64_t s = 0; done < records; s++) {
        const struct set *set = &sets[s % SETS];
        size_t consumed;
        uint32_t got;
        struct weir_diag diag;
        if (weir_batch_room(batch) < SET_RECORDS)
            weir_batch_clear(batch);
        context.segment.received_ns++; /* each set is of a message of its own */
        if (weir_plan_decode(plan, set->octets, set->length, &context, batch, &consumed, &got,
                             &diag) < 0)
            exit(1);
        done += got;
    }
    return (cpu_seconds() - begin) * 1e9 / (double)done;
}

static double encode_ns(const struct weir_plan *plan, uint64_t records,
                        const struct weir_batch *batch)
{
    struct weir_plan_context context = {
        .export_time_ns = EXPORT_NS,
        .uptime_zero_ns = EXPORT_NS - WEIR_NS_PER_SECOND * 100000,
    };
    static uint8_t octets[SET_RECORDS * 256];
    uint64_t done = 0, clamped = 0;
    uint32_t row = 0;
    double begin = cpu_seconds();
    for (; done < records; done += SET_RECORDS) {
        if (row + SET_RECORDS > batch->row_count)
            row = 0;
        weir_plan_encode(plan, batch, row, SET_RECORDS, &context, octets, &clamped);
        row += SET_RECORDS;
    }
    return (cpu_seconds() - begin) * 1e9 / (double)done;
}

static void run(const char *name, const struct weir_template *template, uint64_t records)
{
    struct weir_plan *plan;
    static struct set sets[SETS];
    struct weir_batch *batch = weir_batch_new(BATCH_ROWS);
    if (!batch || weir_plan_compile(template, &plan) < 0)
        exit(1);
    make_sets(template, sets);
    double decode = 1e9, encode = 1e9;
    for (int i = 0; i < RUNS; i++)
        decode = fmin(decode, decode_ns(plan, sets, records, batch));
    for (int i = 0; i < RUNS && !template->is_variable; i++)
        encode = fmin(encode, encode_ns(plan, records, batch));
    printf("%-28s decode %6.1f ns", name, decode);
    if (!template->is_variable)
        printf("   encode %6.1f ns", encode);
    printf("   a record\n");
    weir_plan_free(plan);
    weir_batch_free(batch);
}

int main(int argc, char **argv)
{
    uint64_t records = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1) * 1000000;
    const char *only = argc > 2 ? argv[2] : NULL;
    if (!only || strcmp(only, "v5") == 0)
        run("v5", weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5), records);
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        uint16_t count = 0;
        if (only && strcmp(only, workloads[i].name) != 0)
            continue;
        while (count < 32 && workloads[i].fields[count].id)
            count++;
        struct weir_template *template = weir_template_new(256, workloads[i].fields, count);
        if (!template)
            return 1;
        run(workloads[i].name, template, records);
        free(template);
    }
    return 0;
}
