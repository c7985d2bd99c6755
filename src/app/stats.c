/* SPDX-License-Identifier: Apache-2.0 */
#include "app/stats.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What stands before a member: a comma, a name. */
static void begin_member(struct weir_stats *stats, const char *name)
{
    if (stats->follows)
        weir_text_add_char(stats->out, ',');
    stats->follows = true;
    if (name) {
        weir_text_add_json(stats->out, name, strlen(name));
        weir_text_add_char(stats->out, ':');
    }
}

static void open_level(struct weir_stats *stats, char opening, char closing)
{
    assert(stats->depth < WEIR_STATS_DEPTH_MAX);
    weir_text_add_char(stats->out, opening);
    stats->closing[stats->depth++] = closing;
    stats->follows = false;
}

struct weir_stats weir_stats_begin(struct weir_text_buffer *out)
{
    struct weir_stats stats = {.out = out};
    open_level(&stats, '{', '}');
    return stats;
}

void weir_stats_add(struct weir_stats *stats, const struct weir_stats_part *part)
{
    for (size_t i = 0; i < part->count; i++)
        weir_stats_add_u64(stats, part->rows[i].name,
                           weir_counter_get(&part->rows[i], part->counters));
}

void weir_stats_add_u64(struct weir_stats *stats, const char *name, uint64_t value)
{
    begin_member(stats, name);
    weir_text_add_u64(stats->out, value);
}

void weir_stats_add_i64(struct weir_stats *stats, const char *name, int64_t value)
{
    begin_member(stats, name);
    if (value < 0)
        weir_text_add_char(stats->out, '-');
    weir_text_add_u64(stats->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void weir_stats_add_real(struct weir_stats *stats, const char *name, double value)
{
    char text[32];
    begin_member(stats, name);
    snprintf(text, sizeof(text), "%.15g", value);
    weir_text_add(stats->out, text);
}

void weir_stats_add_text(struct weir_stats *stats, const char *name, const char *value)
{
    begin_member(stats, name);
    weir_text_add_json(stats->out, value, strlen(value));
}

void weir_stats_add_null(struct weir_stats *stats, const char *name)
{
    begin_member(stats, name);
    weir_text_add(stats->out, "null");
}

void weir_stats_open_object(struct weir_stats *stats, const char *name)
{
    begin_member(stats, name);
    open_level(stats, '{', '}');
}

void weir_stats_open_list(struct weir_stats *stats, const char *name)
{
    begin_member(stats, name);
    open_level(stats, '[', ']');
}

void weir_stats_close(struct weir_stats *stats)
{
    assert(stats->depth > 0);
    weir_text_add_char(stats->out, stats->closing[--stats->depth]);
    stats->follows = true;
}

void weir_stats_end(struct weir_stats *stats)
{
    while (stats->depth > 0)
        weir_stats_close(stats);
    weir_text_add_char(stats->out, '\n');
}

void weir_stats_print(const struct weir_stats_part *parts, size_t count,
                      struct weir_text_buffer *out)
{
    struct weir_stats stats = weir_stats_begin(out);
    for (size_t i = 0; i < count; i++)
        weir_stats_add(&stats, &parts[i]);
    weir_stats_end(&stats);
}
