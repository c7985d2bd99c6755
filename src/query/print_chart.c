/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charts of the first aggregate. Without bins a bar a row. With bins and no other key a bar a
 * bin, while they fit a screen; else one line a group, in which each letter is some bins.
 */
#include "query/printer.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/calendar.h"
#include "query/bins.h"

#define POINTS_MAX      2000000u
#define GROUPS_MAX      200u
#define BARS_MAX        100 /* bins that get a bar each */
#define BINS_OCTETS_MAX ((size_t)4 << 20)

struct point {
    int64_t time_ms;
    uint32_t group;
    double value;
};

struct state {
    struct weir_text_buffer labels; /* of groups, each with a terminator */
    size_t label_at[GROUPS_MAX];
    double totals[GROUPS_MAX];
    uint32_t group_count;
    struct point *points;
    size_t point_count, point_capacity;
    size_t time_column;  /* SIZE_MAX: none */
    size_t value_column; /* SIZE_MAX: none */
    bool cut;            /* there was more than the limits take */
};

/* Bins, or as many of them as fit one letter. */
struct slots {
    struct weir_bins bins;
    int64_t first; /* number of the first bin */
    size_t count;
    size_t bins_each;
};

static void begin(struct weir_printer *printer)
{
    struct state *state = calloc(1, sizeof(*state));
    printer->state = state;
    if (!state) {
        printer->out.error = WEIR_E_NOMEM;
        return;
    }
    weir_text_init(&state->labels, 1u << 20);
    state->time_column = SIZE_MAX;
    state->value_column = SIZE_MAX;
    for (size_t i = printer->column_count; i-- > 0;) {
        if (printer->columns[i].kind == WEIR_ANSWER_BIN && printer->columns[i].is_key)
            state->time_column = i;
        else if (weir_column_is_number(&printer->columns[i]) && !printer->columns[i].is_key)
            state->value_column = i;
    }
}

static const char *label_of(const struct state *state, uint32_t group)
{
    return state->labels.data + state->label_at[group];
}

/* The group of this label; a new one where there is none yet. */
static uint32_t find_group(struct state *state, const char *label, size_t length)
{
    uint32_t i = 0;
    while (i < state->group_count && strcmp(label_of(state, i), label) != 0)
        i++;
    if (i < state->group_count || i == GROUPS_MAX)
        return i;
    state->label_at[i] = state->labels.length;
    weir_text_add_octets(&state->labels, label, length + 1);
    state->group_count++;
    return i;
}

static void add_point(struct state *state, struct point point)
{
    if (state->point_count == state->point_capacity) {
        size_t capacity = state->point_capacity ? 2 * state->point_capacity : 256;
        struct point *grown =
            capacity <= POINTS_MAX ? realloc(state->points, capacity * sizeof(*grown)) : NULL;
        if (!grown) {
            state->cut = true;
            return;
        }
        state->points = grown;
        state->point_capacity = capacity;
    }
    state->points[state->point_count++] = point;
    state->totals[point.group] += point.value;
}

static void row(struct weir_printer *printer, enum weir_row_role role,
                const struct weir_cell *cells)
{
    struct state *state = printer->state;
    struct weir_text_buffer label;
    if (!state || state->value_column == SIZE_MAX || role == WEIR_ROW_TOTAL)
        return;
    weir_text_init(&label, 1u << 16);
    for (size_t i = 0; i < printer->column_count && role == WEIR_ROW; i++)
        if (printer->columns[i].is_key && i != state->time_column) {
            if (label.length > 0)
                weir_text_add_char(&label, ' ');
            weir_cell_print_for_people(&printer->columns[i], &cells[i], &label);
        }
    if (role == WEIR_ROW_OTHER)
        weir_text_add(&label, "other");
    const struct weir_cell *value = &cells[state->value_column];
    bool real = printer->columns[state->value_column].kind == WEIR_ANSWER_REAL;
    struct point point = {
        .time_ms = state->time_column == SIZE_MAX
                       ? 0
                       : (int64_t)(cells[state->time_column].integer / 1000000),
        .group = find_group(state, weir_text_string(&label), label.length),
        .value = value->is_none ? 0
                 : real         ? value->real
                                : (double)value->integer,
    };
    if (point.group < GROUPS_MAX && weir_text_error(&state->labels) == 0)
        add_point(state, point);
    else
        state->cut = true;
    weir_text_done(&label);
}

/* A bar of eighths of a letter. */
static void print_bar(double share, unsigned width, struct weir_text_buffer *out)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned eighths = share > 0 ? (unsigned)(share * 8 * width + 0.5) : 0;
    for (unsigned i = 0; i < eighths / 8; i++)
        weir_text_add(out, "█");
    weir_text_add(out, parts[eighths % 8]);
    for (unsigned i = eighths / 8 + (eighths % 8 != 0); i < width; i++)
        weir_text_add_char(out, ' ');
}

static void print_label(const char *label, size_t width, struct weir_text_buffer *out)
{
    size_t length = strlen(label), letters = weir_text_width(label, length);
    weir_text_add_octets(out, label, length);
    for (; letters < width; letters++)
        weir_text_add_char(out, ' ');
    weir_text_add(out, "  ");
}

static unsigned bar_width(const struct weir_printer *printer, size_t label_width)
{
    size_t taken = label_width + 2 + 10; /* what stands before the bar, and the number after it */
    return taken + 10 > printer->screen_width ? 10 : printer->screen_width - (unsigned)taken;
}

static void print_amount(double value, struct weir_text_buffer *out)
{
    weir_text_add(out, "  ");
    weir_print_magnitude(value, out);
    weir_text_add_char(out, '\n');
}

static size_t longest_label(const struct state *state)
{
    size_t width = 0;
    for (uint32_t i = 0; i < state->group_count; i++) {
        size_t letters = weir_text_width(label_of(state, i), strlen(label_of(state, i)));
        width = letters > width ? letters : width;
    }
    return width;
}

static void print_groups(struct weir_printer *printer)
{
    struct state *state = printer->state;
    size_t width = longest_label(state);
    double most = 0;
    for (uint32_t i = 0; i < state->group_count; i++)
        most = state->totals[i] > most ? state->totals[i] : most;
    for (uint32_t i = 0; i < state->group_count; i++) {
        print_label(label_of(state, i), width, &printer->out);
        print_bar(most > 0 ? state->totals[i] / most : 0, bar_width(printer, width), &printer->out);
        print_amount(state->totals[i], &printer->out);
    }
}

/* "2026-02-03 10:00:00Z": when a bin begins. */
static void format_start(const struct weir_printer *printer, const struct slots *slots,
                         int64_t number, char text[WEIR_TIME_TEXT_MAX])
{
    const struct state *state = printer->state;
    int64_t ms = weir_bins_start(&slots->bins, number);
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    unsigned rest = (unsigned)(ms - seconds * 1000);
    weir_time_format_in(printer->columns[state->time_column].zone, seconds, rest * 1000000u,
                        rest ? 3 : 0, text);
    text[strlen("2026-02-03")] = ' ';
}

/* The bins from the first point to the last, each a slot of its own. */
static int find_slots(struct weir_printer *printer, struct weir_arena *arena, struct slots *slots)
{
    const struct state *state = printer->state;
    const struct weir_answer_column *column = &printer->columns[state->time_column];
    int64_t first_ms = INT64_MAX, last_ms = INT64_MIN;
    for (size_t i = 0; i < state->point_count; i++) {
        int64_t time = state->points[i].time_ms;
        first_ms = time < first_ms ? time : first_ms;
        last_ms = time > last_ms ? time : last_ms;
    }
    int result = weir_bins_make(column->zone, column->bin_ms, first_ms, last_ms + 1, arena,
                                &slots->bins, NULL);
    if (result < 0)
        return result;
    slots->first = weir_bins_number(&slots->bins, first_ms);
    slots->count = (size_t)(weir_bins_number(&slots->bins, last_ms) + 1 - slots->first);
    slots->bins_each = 1;
    return 0;
}

/* Of several bins each, so that there are at most so many. */
static void widen_slots(struct slots *slots, size_t most)
{
    slots->bins_each = (slots->count + most - 1) / most;
    slots->count = (slots->count + slots->bins_each - 1) / slots->bins_each;
}

/* What slots come to, group after group. */
static double *sum_slots(const struct state *state, const struct slots *slots)
{
    double *sums = calloc((size_t)state->group_count * slots->count + 1, sizeof(*sums));
    for (size_t i = 0; sums && i < state->point_count; i++) {
        const struct point *point = &state->points[i];
        size_t bin = (size_t)(weir_bins_number(&slots->bins, point->time_ms) - slots->first);
        sums[point->group * slots->count + bin / slots->bins_each] += point->value;
    }
    return sums;
}

static double largest(const double *values, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

static void print_bins(struct weir_printer *printer, const double *sums, const struct slots *slots)
{
    char time[WEIR_TIME_TEXT_MAX];
    double most = largest(sums, slots->count);
    for (size_t i = 0; i < slots->count; i++) {
        format_start(printer, slots, slots->first + (int64_t)(i * slots->bins_each), time);
        print_label(time, 0, &printer->out);
        print_bar(most > 0 ? sums[i] / most : 0, bar_width(printer, strlen(time)), &printer->out);
        print_amount(sums[i], &printer->out);
    }
}

static void print_lines(struct weir_printer *printer, const double *sums, const struct slots *slots,
                        int64_t past)
{
    static const char *const heights[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    struct state *state = printer->state;
    struct weir_text_buffer *out = &printer->out;
    char from[WEIR_TIME_TEXT_MAX], to[WEIR_TIME_TEXT_MAX];
    size_t width = longest_label(state);
    double most = largest(sums, slots->count * state->group_count);
    for (uint32_t group = 0; group < state->group_count; group++) {
        print_label(label_of(state, group), width, out);
        for (size_t i = 0; i < slots->count; i++) {
            double value = sums[group * slots->count + i];
            unsigned height = most > 0 ? (unsigned)(value / most * 8 + 0.5) : 0;
            weir_text_add(out, heights[value > 0 && height == 0 ? 1 : height]);
        }
        print_amount(state->totals[group], out);
    }
    format_start(printer, slots, slots->first, from);
    format_start(printer, slots, past, to);
    print_label("", width, out);
    weir_text_printf(out, "%s to %s\n", from, to);
}

static void print_series(struct weir_printer *printer)
{
    struct state *state = printer->state;
    struct weir_arena arena;
    struct slots slots;
    double *sums = NULL;
    weir_arena_init(&arena, BINS_OCTETS_MAX);
    if (find_slots(printer, &arena, &slots) == 0) {
        int64_t past = slots.first + (int64_t)slots.count;
        bool bars =
            state->group_count == 1 && *label_of(state, 0) == '\0' && slots.count <= BARS_MAX;
        widen_slots(&slots, bars ? BARS_MAX : bar_width(printer, longest_label(state)));
        sums = sum_slots(state, &slots);
        if (sums && bars)
            print_bins(printer, sums, &slots);
        else if (sums)
            print_lines(printer, sums, &slots, past);
    }
    if (!sums)
        printer->out.error = WEIR_E_NOMEM;
    free(sums);
    weir_arena_done(&arena);
}

static void finish(struct weir_printer *printer, const struct weir_query_stats *stats)
{
    struct state *state = printer->state;
    (void)stats;
    if (!state)
        return;
    if (state->value_column != SIZE_MAX)
        weir_text_printf(&printer->out, "%s\n", printer->columns[state->value_column].name);
    if (state->value_column == SIZE_MAX)
        weir_text_add(&printer->out, "a chart needs --by or --bin\n");
    else if (state->point_count > 0 && state->time_column != SIZE_MAX)
        print_series(printer);
    else if (state->point_count > 0)
        print_groups(printer);
    if (state->cut)
        weir_text_add(&printer->out, "there was more than a chart shows: --top takes the first\n");
}

static void free_state(struct weir_printer *printer)
{
    struct state *state = printer->state;
    if (!state)
        return;
    weir_text_done(&state->labels);
    free(state->points);
    free(state);
}

const struct weir_printer_type weir_printer_chart = {
    .name = "chart",
    .shows_others = true,
    .begin = begin,
    .row = row,
    .finish = finish,
    .free_state = free_state,
};
