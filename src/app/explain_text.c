/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "app/explain_print.h"
#include "base/calendar.h"

#define LINE_MAX_LETTERS 120u
#define HEX_COLUMN       46u /* after the octets and the name */
#define HEX_OCTETS       8u  /* of a value, in that column */
#define TEXT_COLUMN      66u
#define DUMP_OCTETS      16u /* a line */
#define DUMP_LINES       4u  /* of what is not read, where not all was asked for */

static const char *const colours[] = {
    [WEIR_EXPLAIN_MESSAGE] = "\x1b[1m",
    [WEIR_EXPLAIN_SUSPECT] = "\x1b[33m",
    [WEIR_EXPLAIN_BROKEN] = "\x1b[31m",
};

/* Fills up to a column of the line that begins at `start`, with two spaces at least. */
static void pad(struct weir_text_buffer *out, size_t start, size_t column)
{
    weir_text_add(out, "  ");
    while (weir_text_error(out) == 0 && out->length - start < column)
        weir_text_add_char(out, ' ');
}

/* Ends the line that begins at `start`; what is too long is cut, between letters. */
static void end_line(struct weir_text_buffer *out, size_t start)
{
    if (weir_text_error(out))
        return;
    while (out->length > start && out->data[out->length - 1] == ' ')
        out->length--;
    if (out->length - start > LINE_MAX_LETTERS) {
        size_t cut = start + LINE_MAX_LETTERS - 3;
        while (((uint8_t)out->data[cut] & 0xc0) == 0x80)
            cut--;
        weir_text_truncate(out, cut);
        weir_text_add(out, "...");
    }
    weir_text_add_char(out, '\n');
}

/* Octets and indentation. */
static size_t begin_line(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = out->length;
    char range[32] = "";
    if (item->length == 1)
        snprintf(range, sizeof(range), "%zu", item->offset);
    else if (item->length > 1)
        snprintf(range, sizeof(range), "%zu-%zu", item->offset, item->offset + item->length - 1);
    weir_text_printf(out, "%11s  %*s", range, 2 * (int)(item->depth > 0 ? item->depth - 1 : 0), "");
    return start;
}

static void add_hex(struct weir_text_buffer *out, const struct weir_explain_item *item,
                    size_t start)
{
    pad(out, start, HEX_COLUMN);
    bool is_long = item->length > HEX_OCTETS;
    weir_text_add_hex(out, item->octets, is_long ? HEX_OCTETS : item->length);
    if (is_long)
        weir_text_add(out, "..");
    pad(out, start, TEXT_COLUMN);
}

static void add_element(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    if (item->is_scope)
        weir_text_add(out, "scope ");
    if (item->element && *item->element->name)
        weir_text_add(out, item->element->name);
    else if (item->field->pen == WEIR_PEN_NETFLOW9_SCOPE)
        weir_text_printf(out, "%u", item->field->id);
    else
        weir_text_printf(out, "%" PRIu32 "/%u", item->field->pen, item->field->id);
}

static void print_message(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    const struct weir_explain_origin *origin = item->origin;
    size_t start = out->length;
    if (origin->transport == WEIR_COLLECT_UDP) {
        char address[WEIR_ADDRESS_TEXT_MAX], time[WEIR_TIME_TEXT_MAX];
        weir_address_format(origin->datagram->source, address);
        weir_time_format_ns(origin->datagram->received_ns, time);
        weir_text_printf(out,
                         "message %" PRIu64 ", packet %" PRIu64
                         ": %s, %zu octets from %s port %u to port %u, %s",
                         origin->number, origin->place, item->name ? item->name : "no message",
                         item->length, address, origin->datagram->source_port,
                         origin->datagram->destination_port, time);
    } else {
        weir_text_printf(out, "message %" PRIu64 ", octet %" PRIu64 " of the file: %s, %zu octets",
                         origin->number, origin->place, item->name ? item->name : "no message",
                         item->length);
    }
    end_line(out, start);
}

static void print_header(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = begin_line(out, item);
    weir_text_add(out, item->name);
    add_hex(out, item, start);
    weir_text_printf(out, "%" PRIu64, item->number);
    if (item->text[0])
        weir_text_printf(out, " (%s)", item->text);
    end_line(out, start);
}

static void print_set(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = begin_line(out, item);
    /* The records of a fixed format stand in no set, and samples are none. */
    if (!item->message->builtin && item->set->kind != WEIR_SET_SAMPLE)
        weir_text_printf(out, "set %u: ", item->set->id);
    weir_text_printf(out, "%s, %zu octets", item->name, item->length);
    end_line(out, start);
}

static void print_template(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    const struct weir_template *source = item->source;
    const char *kind = source->is_options ? "options template" : "template";
    size_t start = begin_line(out, item);
    if (source->is_withdrawal && source->id < 256)
        weir_text_printf(out, "withdrawal of every %s", kind);
    else if (source->is_withdrawal)
        weir_text_printf(out, "withdrawal of %s %u", kind, source->id);
    else
        weir_text_printf(out, "%s %u: %u fields, ", kind, source->id, source->field_count);
    if (!source->is_withdrawal && source->scope_count)
        weir_text_printf(out, "%u of them the scope, ", source->scope_count);
    if (!source->is_withdrawal)
        weir_text_printf(out, "records of %s%" PRIu32 " octets",
                         source->is_variable ? "at least " : "", source->record_length);
    end_line(out, start);
}

static void print_field(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    const struct weir_field *field = item->field;
    const char *enterprise = weir_enterprise_text(field->pen);
    size_t start = begin_line(out, item);
    add_element(out, item);
    add_hex(out, item, start);
    if (field->length == WEIR_LENGTH_VARIABLE)
        weir_text_add(out, "variable ");
    else
        weir_text_printf(out, "%u octet%s ", field->length, field->length == 1 ? "" : "s");
    weir_text_add(out, item->element ? weir_type_text((enum weir_type)item->element->type)
                                     : "of unknown type");
    if (field->pen == WEIR_PEN_NETFLOW9_SCOPE)
        weir_text_printf(out, ", scope %u", field->id);
    else
        weir_text_printf(out, ", %s%s%" PRIu32 "/%u", enterprise, *enterprise ? " " : "",
                         field->pen, field->id);
    end_line(out, start);
}

static void print_structure(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = begin_line(out, item);
    weir_text_printf(out, "%s, %zu octets", item->name, item->length);
    end_line(out, start);
}

static void print_record(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = begin_line(out, item);
    weir_text_printf(out, "%srecord %" PRIu64 ", %zu octets",
                     item->source->is_options ? "options " : "", item->number, item->length);
    end_line(out, start);
}

/* Times are shown as such, whatever they are counted in. */
static bool has_unit(const struct weir_element *element)
{
    return element && element->units[0] &&
           !(element->type >= WEIR_TYPE_DATE_TIME_SECONDS &&
             element->type <= WEIR_TYPE_DATE_TIME_NANOSECONDS);
}

static void print_value(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = begin_line(out, item);
    add_element(out, item);
    add_hex(out, item, start);
    weir_text_add(out, item->text);
    if (item->text[0] && has_unit(item->element))
        weir_text_printf(out, " %s", item->element->units);
    if (item->note)
        weir_text_printf(out, " (%s)", item->note);
    end_line(out, start);
}

/* Sixteen octets a line, in hexadecimal and as letters. */
static void print_dump(struct weir_text_buffer *out, const struct weir_explain_item *item,
                       size_t lines_max)
{
    for (size_t at = 0; at < item->length; at += DUMP_OCTETS) {
        size_t count = item->length - at < DUMP_OCTETS ? item->length - at : DUMP_OCTETS;
        size_t start = out->length;
        if (at / DUMP_OCTETS == lines_max) {
            weir_text_printf(out, "%11s    %zu octets more\n", "...", item->length - at);
            return;
        }
        weir_text_printf(out, "%11zu    ", item->offset + at);
        for (size_t i = 0; i < count; i++)
            weir_text_printf(out, "%s%02x", i == DUMP_OCTETS / 2 ? "  " : " ",
                             item->octets[at + i]);
        pad(out, start, TEXT_COLUMN);
        for (size_t i = 0; i < count; i++) {
            char letter = (char)item->octets[at + i];
            weir_text_add_char(out, letter >= ' ' && letter <= '~' ? letter : '.');
        }
        end_line(out, start);
    }
}

static void print_rest(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = begin_line(out, item);
    weir_text_add(out, item->text);
    if (item->kind == WEIR_EXPLAIN_PADDING)
        add_hex(out, item, start);
    else
        weir_text_printf(out, ", %zu octets:", item->length);
    end_line(out, start);
}

/* "!!" a rule is broken, "??" it looks wrong: what one greps for. */
static void print_finding(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    size_t start = out->length;
    bool is_broken = item->kind == WEIR_EXPLAIN_BROKEN;
    weir_text_printf(out, "%11s  ", is_broken ? "!!" : "??");
    if (!is_broken && item->offset > 0)
        weir_text_printf(out, "octet %zu: ", item->offset);
    weir_text_add(out, item->text);
    if (item->rule) {
        if (out->length - start + strlen(item->rule) + 3 > LINE_MAX_LETTERS) {
            end_line(out, start);
            start = out->length;
            weir_text_printf(out, "%12s", "");
        }
        weir_text_printf(out, " (%s)", item->rule);
    }
    end_line(out, start);
}

typedef void print_item(struct weir_text_buffer *out, const struct weir_explain_item *item);

static print_item *const printers[] = {
    [WEIR_EXPLAIN_MESSAGE] = print_message, [WEIR_EXPLAIN_HEADER] = print_header,
    [WEIR_EXPLAIN_SET] = print_set,         [WEIR_EXPLAIN_TEMPLATE] = print_template,
    [WEIR_EXPLAIN_FIELD] = print_field,     [WEIR_EXPLAIN_STRUCTURE] = print_structure,
    [WEIR_EXPLAIN_RECORD] = print_record,   [WEIR_EXPLAIN_VALUE] = print_value,
    [WEIR_EXPLAIN_PADDING] = print_rest,    [WEIR_EXPLAIN_UNREAD] = print_rest,
    [WEIR_EXPLAIN_SUSPECT] = print_finding, [WEIR_EXPLAIN_BROKEN] = print_finding,
};

void weir_explain_print_text(void *context, const struct weir_explain_item *item)
{
    const struct weir_explain_printer *printer = context;
    struct weir_text_buffer *out = printer->out;
    const char *colour = printer->colour ? colours[item->kind] : NULL;
    if (colour)
        weir_text_add(out, colour);
    printers[item->kind](out, item);
    if (colour)
        weir_text_add(out, "\x1b[0m");
    if (item->kind == WEIR_EXPLAIN_MESSAGE && printer->hex)
        print_dump(out, item, SIZE_MAX);
    if (item->kind == WEIR_EXPLAIN_UNREAD && !printer->hex)
        print_dump(out, item, DUMP_LINES);
}
