/* SPDX-License-Identifier: Apache-2.0 */
#include "app/exposition.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Words of rows' names that stand otherwise in metrics. */
static const struct {
    const char *word;
    const char *becomes; /* NULL: left out, since the unit says it */
} words[] = {
    {"octets", NULL},
    {"ns", NULL},
    {"counter", "interface"},
};

/* How a unit ends the name; what others count is in the name already. */
static const char *const unit_suffixes[] = {
    [WEIR_UNIT_OCTETS] = "_bytes",
    [WEIR_UNIT_NANOSECONDS] = "_seconds",
};

struct weir_exposition weir_exposition_begin(struct weir_text_buffer *out)
{
    return (struct weir_exposition){.out = out};
}

static void append(char name[WEIR_EXPOSITION_NAME_MAX], const char *text, size_t length)
{
    size_t before = strlen(name);
    assert(before + length < WEIR_EXPOSITION_NAME_MAX);
    memcpy(name + before, text, length);
    name[before + length] = 0;
}

static void append_word(char name[WEIR_EXPOSITION_NAME_MAX], const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i].word) != length || memcmp(words[i].word, word, length) != 0)
            continue;
        if (!words[i].becomes)
            return;
        word = words[i].becomes;
        length = strlen(word);
        break;
    }
    append(name, "_", 1);
    append(name, word, length);
}

void weir_exposition_name(const char *prefix, const struct weir_counter *row,
                          char ret_name[WEIR_EXPOSITION_NAME_MAX])
{
    ret_name[0] = 0;
    append(ret_name, prefix, strlen(prefix));
    for (const char *word = row->name; *word;) {
        size_t length = strcspn(word, "_");
        append_word(ret_name, word, length);
        word += length + (word[length] == '_');
    }
    bool has_suffix = row->unit < sizeof(unit_suffixes) / sizeof(unit_suffixes[0]) &&
                      unit_suffixes[row->unit] != NULL;
    if (has_suffix)
        append(ret_name, unit_suffixes[row->unit], strlen(unit_suffixes[row->unit]));
    if (!row->is_gauge)
        append(ret_name, "_total", 6);
}

/* UTF-8, with a backslash before what has a meaning of its own in this place. */
static void add_escaped(struct weir_text_buffer *out, const char *text, bool is_quoted)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t point;
        unsigned length = weir_utf8_next(at, left, &point);
        if (*at == '\n')
            weir_text_add(out, "\\n");
        else if (*at == '\\' || (*at == '"' && is_quoted))
            weir_text_printf(out, "\\%c", *at);
        else if (length == 0)
            weir_text_add(out, "\xef\xbf\xbd"); /* U+FFFD */
        else
            weir_text_add_octets(out, at, length);
        length += length == 0;
        at += length;
        left -= length;
    }
}

void weir_exposition_open(struct weir_exposition *exposition, const char *prefix,
                          const struct weir_counter *row)
{
    struct weir_text_buffer *out = exposition->out;
    weir_exposition_name(prefix, row, exposition->name);
    exposition->unit = row->unit;
    weir_text_printf(out, "# HELP %s ", exposition->name);
    add_escaped(out, row->help, false);
    weir_text_printf(out, "\n# TYPE %s %s\n", exposition->name,
                     row->is_gauge ? "gauge" : "counter");
}

static void add_value(struct weir_exposition *exposition, uint64_t value)
{
    const uint64_t second = (uint64_t)WEIR_NS_PER_SECOND;
    bool is_time = exposition->unit == WEIR_UNIT_NANOSECONDS;
    weir_text_add_u64(exposition->out, is_time ? value / second : value);
    if (is_time)
        weir_text_printf(exposition->out, ".%09u", (unsigned)(value % second));
    weir_text_add_char(exposition->out, '\n');
}

/* The line up to the value. */
static void begin_sample(struct weir_exposition *exposition, const struct weir_label *labels,
                         size_t label_count)
{
    struct weir_text_buffer *out = exposition->out;
    weir_text_add(out, exposition->name);
    for (size_t i = 0; i < label_count; i++) {
        weir_text_printf(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_escaped(out, labels[i].value, true);
        weir_text_add_char(out, '"');
    }
    weir_text_add(out, label_count > 0 ? "} " : " ");
}

void weir_exposition_add(struct weir_exposition *exposition, const struct weir_label *labels,
                         size_t label_count, uint64_t value)
{
    begin_sample(exposition, labels, label_count);
    add_value(exposition, value);
}

void weir_exposition_add_signed(struct weir_exposition *exposition, const struct weir_label *labels,
                                size_t label_count, int64_t value)
{
    begin_sample(exposition, labels, label_count);
    if (value < 0)
        weir_text_add_char(exposition->out, '-');
    add_value(exposition, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void weir_exposition_add_all(struct weir_exposition *exposition, const char *prefix,
                             const struct weir_counter *rows, size_t count, const void *counters)
{
    for (size_t i = 0; i < count; i++) {
        weir_exposition_open(exposition, prefix, &rows[i]);
        weir_exposition_add(exposition, NULL, 0, weir_counter_get(&rows[i], counters));
    }
}
