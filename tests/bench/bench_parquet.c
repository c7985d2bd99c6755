/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Parquet writer alone, over batches made before the clock starts.
 *
 *     bench_parquet [CODEC [MILLIONS [MIX [FILE]]]]     CODEC: lz4, zstd, none; MIX: edge, random
 *
 * edge: records as a router at a network's edge exports them (export/synth.h), of 20 exporters, 25
 * a message. random: the same columns with values that no encoding helps. Prints processor
 * nanoseconds a row, octets a row, and the octets a row of each column. Without FILE the octets
 * are thrown away.
 */
#include "store/parquet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "export/synth.h"

#define BATCH_ROWS   4096u
#define MESSAGE_ROWS 25u
#define START_NS     INT64_C(1770102000000000000)

static double processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void copy_rows(const struct weir_batch *from, struct weir_batch *to, uint32_t first,
                      uint32_t count)
{
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        enum weir_column_type type = weir_column_info((enum weir_column)i)->type;
        if (!(from->any >> i & 1))
            continue;
        unsigned width = type == WEIR_COLUMN_ADDRESS ? 8 : weir_column_width(type);
        memcpy((char *)to->columns[i] + (size_t)first * width, from->columns[i],
               (size_t)count * width);
        if (type == WEIR_COLUMN_ADDRESS)
            memcpy(weir_batch_low(to, (enum weir_column)i) + first,
                   weir_batch_low(from, (enum weir_column)i), count * sizeof(uint64_t));
    }
}

/* A batch of messages from 20 exporters; false at the end. */
static bool fill(struct weir_synth *synth, struct weir_batch *part, struct weir_batch *batch,
                 struct weir_random *random)
{
    weir_batch_clear(batch);
    while (weir_batch_room(batch) >= part->row_capacity && weir_synth_fill(synth, part) > 0) {
        struct weir_segment segment = part->segments[0];
        segment.columns |= WEIR_COLUMN_BIT(SAMPLING);
        segment.protocol_version = 10;
        segment.has_exporter = true;
        uint32_t first = batch->row_count;
        for (uint32_t row = 0; row < part->row_count; row += MESSAGE_ROWS) {
            unsigned exporter = weir_random_below(random, 20);
            uint32_t left = part->row_count - row;
            segment.exporter = weir_address_from_v4(0x0a000001 + exporter);
            segment.domain = exporter % 3;
            segment.template_id = (uint16_t)(256 + exporter % 2);
            segment.received_ns += weir_random_below(random, 1000) * WEIR_NS_PER_US;
            weir_batch_begin(batch, &segment, left < MESSAGE_ROWS ? left : MESSAGE_ROWS);
        }
        copy_rows(part, batch, first, part->row_count);
        for (uint32_t row = first; row < batch->row_count; row++)
            weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[row] = 1000;
    }
    return batch->row_count > 0;
}

/* Overwrites the values of all columns by random ones. */
static void make_random(struct weir_batch *batch, struct weir_random *random)
{
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        if (!(batch->any >> i & 1))
            continue;
        size_t octets = (size_t)batch->row_capacity *
                        weir_column_width(weir_column_info((enum weir_column)i)->type);
        uint64_t *words = batch->columns[i];
        for (size_t k = 0; k < octets / 8; k++)
            words[k] = weir_random_next(random);
    }
}

int main(int argc, char **argv)
{
    const char *codec = argc > 1 ? argv[1] : "lz4", *mix = argc > 3 ? argv[3] : "edge";
    uint64_t rows = (uint64_t)(strtod(argc > 2 ? argv[2] : "2", NULL) * 1e6);
    struct weir_parquet_options options = {
        .codec = strcmp(codec, "zstd") == 0   ? WEIR_CODEC_ZSTD
                 : strcmp(codec, "none") == 0 ? WEIR_CODEC_NONE
                                              : WEIR_CODEC_LZ4,
    };
    struct weir_synth_config config = {.seed = 1,
                                       .records = rows,
                                       .start_ns = START_NS,
                                       .duration_ns = (int64_t)rows * 5000, /* 200,000 a second */
                                       .v6_percent = 20};
    struct weir_synth synth;
    struct weir_random random = {2};
    weir_synth_init(&synth, &config);
    struct weir_batch *part = weir_batch_new(200), *batch = weir_batch_new(BATCH_ROWS);
    int fd = open(argc > 4 ? argv[4] : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *file;
    struct weir_parquet_summary summary;
    struct weir_diag diag = {0};
    if (!part || !batch || fd < 0 || weir_parquet_encoder_new(&options, &encoder) < 0 ||
        weir_parquet_new(encoder, &file) < 0) {
        fprintf(stderr, "bench_parquet: cannot start\n");
        return 1;
    }
    weir_parquet_begin(file, fd);
    double spent = 0;
    while (fill(&synth, part, batch, &random)) {
        if (strcmp(mix, "random") == 0)
            make_random(batch, &random);
        double before = processor_ns();
        if (weir_parquet_append(file, batch, 0, batch->row_count, &diag) < 0)
            break;
        spent += processor_ns() - before;
    }
    double before = processor_ns();
    if (weir_parquet_finish(file, &summary, &diag) < 0) {
        fprintf(stderr, "bench_parquet: %s\n", diag.text);
        return 1;
    }
    spent += processor_ns() - before;
    printf("parquet %s %s: %.1f ns a row, %.2f octets a row, %llu rows\n", mix, codec,
           spent / (double)summary.rows, (double)summary.octets / (double)summary.rows,
           (unsigned long long)summary.rows);
    weir_parquet_free(file);
    weir_parquet_encoder_free(encoder);
    weir_batch_free(part);
    weir_batch_free(batch);
    return close(fd) < 0;
}
