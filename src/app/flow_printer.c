/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_printer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/output.h"
#include "base/text.h"
#include "query/names.h"
#include "record/text.h"

/* Rows that the table keeps to find its widths, and the most octets of text held at once. */
#define ROWS_KEPT    1000u
#define OCTETS_MAX   ((size_t)4 << 20)
#define OCTETS_HELD  ((size_t)64 << 10)
#define TABLE_CELLS  10u
#define CELL_DIVIDER '\n'

struct weir_flow_printer {
    struct weir_output *output;
    enum weir_flows_format format;
    weir_column_set columns;
    struct weir_text_buffer text; /* to be written; of a table first the cells of the rows kept */
    uint64_t rows;
    bool has_widths; /* the table's header has been printed */
    size_t widths[TABLE_CELLS];
};

static bool has(const struct weir_batch *batch, enum weir_column column)
{
    return batch->all >> column & 1;
}

static void add_start(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    int64_t time_ns = weir_batch_time(batch, WEIR_COLUMN_START)[row];
    int64_t seconds = time_ns / WEIR_NS_PER_SECOND;
    int64_t past = time_ns % WEIR_NS_PER_SECOND;
    if (past < 0) {
        past += WEIR_NS_PER_SECOND;
        seconds--;
    }
    char text[WEIR_TIME_TEXT_MAX];
    size_t length = weir_time_format(seconds, (uint32_t)past, 3, text);
    char *between = strchr(text, 'T');
    *between = ' ';
    weir_text_add_octets(out, text, length - 1);
}

static void add_duration(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    /* Times of one flow may lie further apart than 63 bits hold. */
    uint64_t ns = (uint64_t)weir_batch_time(batch, WEIR_COLUMN_END)[row] -
                  (uint64_t)weir_batch_time(batch, WEIR_COLUMN_START)[row];
    weir_text_printf(out, "%" PRIu64 ".%03" PRIu64, ns / 1000000000, ns / 1000000 % 1000);
}

static void add_protocol(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    uint8_t protocol = weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL)[row];
    const char *name = weir_number_to_name(WEIR_NAMES_PROTOCOL, protocol);
    if (name)
        weir_text_add(out, name);
    else
        weir_text_add_u64(out, protocol);
}

/* "192.0.2.1:443", "[2001:db8::1]:443", without the port where there is none. */
static void add_endpoint(const struct weir_batch *batch, uint32_t row, enum weir_column address,
                         enum weir_column port, struct weir_text_buffer *out)
{
    char text[WEIR_ADDRESS_TEXT_MAX] = "*";
    bool brackets = false;
    bool has_port = has(batch, port) && !has(batch, WEIR_COLUMN_ICMP_TYPE);
    if (has(batch, address)) {
        struct weir_address value = {weir_batch_high(batch, address)[row],
                                     weir_batch_low(batch, address)[row]};
        weir_address_format(value, text);
        brackets = has_port && !weir_address_is_v4(value);
    }
    weir_text_printf(out, brackets ? "[%s]" : "%s", text);
    if (has_port)
        weir_text_printf(out, ":%u", weir_batch_u16(batch, port)[row]);
}

static void add_source(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    add_endpoint(batch, row, WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_SRC_PORT, out);
}

static void add_destination(const struct weir_batch *batch, uint32_t row,
                            struct weir_text_buffer *out)
{
    add_endpoint(batch, row, WEIR_COLUMN_DST_ADDR, WEIR_COLUMN_DST_PORT, out);
}

/* TCP flags; of ICMP the type and code. */
static void add_flags(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    if (has(batch, WEIR_COLUMN_ICMP_TYPE)) {
        weir_text_printf(out, "%u.%u", weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE)[row],
                         weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE)[row]);
        return;
    }
    char text[WEIR_FLAGS_TEXT_MAX];
    weir_tcp_flags_format(weir_batch_u16(batch, WEIR_COLUMN_TCP_FLAGS)[row], text);
    weir_text_add(out, text);
}

static void add_tos(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    weir_text_add_u64(out, weir_batch_u8(batch, WEIR_COLUMN_TOS)[row]);
}

static void add_packets(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    weir_text_add_u64(out, weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row]);
}

static void add_octets(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    weir_text_add_u64(out, weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row]);
}

static void add_end(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out)
{
    uint8_t reason = weir_batch_u8(batch, WEIR_COLUMN_END_REASON)[row];
    const char *name = weir_number_to_name(WEIR_NAMES_END_REASON, reason);
    weir_text_add(out, name ? name : "?");
}

static const struct {
    const char *header;
    bool is_right; /* to the right edge */
    void (*add)(const struct weir_batch *batch, uint32_t row, struct weir_text_buffer *out);
    weir_column_set needs; /* left out where no record has these */
} cells[TABLE_CELLS] = {
    {"START (UTC)", false, add_start, WEIR_COLUMN_BIT(START)},
    {"DURATION", true, add_duration, WEIR_COLUMN_BIT(END)},
    {"PROTO", false, add_protocol, WEIR_COLUMN_BIT(PROTOCOL)},
    {"SOURCE", false, add_source, WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(SRC_PORT)},
    {"DESTINATION", false, add_destination, WEIR_COLUMN_BIT(DST_ADDR) | WEIR_COLUMN_BIT(DST_PORT)},
    {"FLAGS", false, add_flags, WEIR_COLUMN_BIT(TCP_FLAGS)},
    {"TOS", true, add_tos, WEIR_COLUMN_BIT(TOS)},
    {"PACKETS", true, add_packets, WEIR_COLUMN_BIT(PACKETS)},
    {"BYTES", true, add_octets, WEIR_COLUMN_BIT(BYTES)},
    {"END", false, add_end, WEIR_COLUMN_BIT(END_REASON)},
};

static bool is_shown(const struct weir_flow_printer *printer, unsigned cell)
{
    return (cells[cell].needs & printer->columns) != 0;
}

static int write_text(struct weir_flow_printer *printer, struct weir_text_buffer *text,
                      struct weir_diag *diag)
{
    int result = weir_text_error(text);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "%s: %s",
                             weir_output_name(printer->output), weir_error_text(result));
    result = text->length ? weir_output_write(printer->output, text->data, text->length, diag) : 0;
    weir_text_clear(text);
    return result;
}

/* Adds one cell, filled up to its column's width; the last one of a line is not filled up. */
static void add_cell(struct weir_flow_printer *printer, unsigned cell, const char *text,
                     size_t length, struct weir_text_buffer *out)
{
    static const char blanks[] = "                                                            ";
    size_t width = printer->widths[cell];
    if (length > width)
        printer->widths[cell] = width = length;
    int fill = (int)(width - length);
    if (cells[cell].is_right)
        weir_text_printf(out, "%.*s", fill, blanks);
    weir_text_add_octets(out, text, length);
    bool is_last = cell + 1 == TABLE_CELLS;
    if (!cells[cell].is_right && !is_last)
        weir_text_printf(out, "%.*s", fill, blanks);
    weir_text_add(out, is_last ? "\n" : "  ");
}

/* The header, and the rows kept, now that the widths are known. */
static int begin_table(struct weir_flow_printer *printer, struct weir_diag *diag)
{
    struct weir_text_buffer lines;
    int result = weir_text_error(&printer->text);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "%s: %s",
                             weir_output_name(printer->output), weir_error_text(result));
    weir_text_init(&lines, OCTETS_MAX);
    for (unsigned cell = 0; cell < TABLE_CELLS; cell++)
        if (is_shown(printer, cell))
            add_cell(printer, cell, cells[cell].header, strlen(cells[cell].header), &lines);
    const char *at = printer->text.data;
    const char *end = at + printer->text.length;
    for (uint64_t row = 0; row < printer->rows; row++)
        for (unsigned cell = 0; cell < TABLE_CELLS; cell++) {
            if (!is_shown(printer, cell))
                continue;
            const char *divider = memchr(at, CELL_DIVIDER, (size_t)(end - at));
            add_cell(printer, cell, at, (size_t)(divider - at), &lines);
            at = divider + 1;
        }
    printer->has_widths = true;
    weir_text_clear(&printer->text);
    result = write_text(printer, &lines, diag);
    weir_text_done(&lines);
    return result;
}

static int print_table_row(struct weir_flow_printer *printer, const struct weir_batch *batch,
                           uint32_t row, struct weir_diag *diag)
{
    struct weir_text_buffer *text = &printer->text;
    for (unsigned cell = 0; cell < TABLE_CELLS; cell++) {
        if (!is_shown(printer, cell))
            continue;
        size_t before = text->length;
        cells[cell].add(batch, row, text);
        size_t length = text->length - before;
        if (!printer->has_widths) {
            if (length > printer->widths[cell])
                printer->widths[cell] = length;
            weir_text_add_char(text, CELL_DIVIDER);
            continue;
        }
        char copy[128];
        length = length < sizeof(copy) ? length : sizeof(copy);
        memcpy(copy, text->data + before, length);
        weir_text_truncate(text, before);
        add_cell(printer, cell, copy, length, text);
    }
    printer->rows++;
    return !printer->has_widths && printer->rows == ROWS_KEPT ? begin_table(printer, diag) : 0;
}

/* A value as CSV and JSON have it; text in quotes for JSON alone. */
static void add_value(const struct weir_batch *batch, enum weir_column column, uint32_t row,
                      const char *quote, struct weir_text_buffer *out)
{
    char text[WEIR_TIME_TEXT_MAX];
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_U8:
        weir_text_add_u64(out, weir_batch_u8(batch, column)[row]);
        break;
    case WEIR_COLUMN_U16:
        weir_text_add_u64(out, weir_batch_u16(batch, column)[row]);
        break;
    case WEIR_COLUMN_U32:
        weir_text_add_u64(out, weir_batch_u32(batch, column)[row]);
        break;
    case WEIR_COLUMN_U64:
        weir_text_add_u64(out, weir_batch_u64(batch, column)[row]);
        break;
    case WEIR_COLUMN_TIME:
        weir_time_format_ns(weir_batch_time(batch, column)[row], text);
        weir_text_printf(out, "%s%s%s", quote, text, quote);
        break;
    case WEIR_COLUMN_ADDRESS:
        weir_address_format((struct weir_address){weir_batch_high(batch, column)[row],
                                                  weir_batch_low(batch, column)[row]},
                            text);
        weir_text_printf(out, "%s%s%s", quote, text, quote);
        break;
    default: /* the Metering Process fills no column of another type */
        break;
    }
}

/* The values of a row, or with no batch the names of the columns. */
static void print_line(struct weir_flow_printer *printer, const struct weir_batch *batch,
                       uint32_t row)
{
    bool json = printer->format == WEIR_FLOWS_JSON;
    const char *quote = json ? "\"" : "";
    struct weir_text_buffer *out = &printer->text;
    bool first = true;
    for (weir_column_set rest = printer->columns; rest; rest &= rest - 1) {
        enum weir_column column = (enum weir_column)__builtin_ctzll(rest);
        if (!first)
            weir_text_add_char(out, ',');
        first = false;
        if (!batch)
            weir_text_printf(out, "%s%s%s", quote, weir_column_info(column)->name, quote);
        else if (has(batch, column))
            add_value(batch, column, row, quote, out);
        else if (json)
            weir_text_add(out, "null");
    }
}

static void print_row(struct weir_flow_printer *printer, const struct weir_batch *batch,
                      uint32_t row)
{
    if (printer->format == WEIR_FLOWS_CSV) {
        print_line(printer, batch, row);
        weir_text_add_char(&printer->text, '\n');
        return;
    }
    weir_text_add(&printer->text, printer->rows ? ",\n[" : "\n[");
    print_line(printer, batch, row);
    weir_text_add_char(&printer->text, ']');
}

static int print_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct weir_flow_printer *printer = context;
    for (uint32_t row = 0; row < batch->row_count; row++) {
        int result = 0;
        if (printer->format == WEIR_FLOWS_TABLE) {
            result = print_table_row(printer, batch, row, diag);
        } else {
            print_row(printer, batch, row);
            printer->rows++;
        }
        bool is_kept = printer->format == WEIR_FLOWS_TABLE && !printer->has_widths;
        if (result == 0 && !is_kept && printer->text.length >= OCTETS_HELD)
            result = write_text(printer, &printer->text, diag);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Prints all that has come; a table that was waiting for its widths begins now. */
static int print_held(struct weir_flow_printer *printer, struct weir_diag *diag)
{
    if (printer->format == WEIR_FLOWS_TABLE && !printer->has_widths)
        return printer->rows ? begin_table(printer, diag) : 0;
    return write_text(printer, &printer->text, diag);
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_flow_printer *printer = context;
    (void)now_ns;
    int result = print_held(printer, diag);
    return result < 0 ? result : weir_output_flush(printer->output, diag);
}

int weir_flow_printer_open(const char *path, enum weir_flows_format format, weir_column_set columns,
                           struct weir_flow_printer **ret_printer, struct weir_diag *diag)
{
    struct weir_flow_printer *printer = calloc(1, sizeof(*printer));
    if (!printer)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to print flows");
    int result = weir_output_open(path, &printer->output, diag);
    if (result < 0) {
        free(printer);
        return result;
    }
    printer->format = format;
    printer->columns = columns;
    weir_text_init(&printer->text, OCTETS_MAX);
    for (unsigned cell = 0; cell < TABLE_CELLS; cell++)
        printer->widths[cell] = strlen(cells[cell].header);
    if (format != WEIR_FLOWS_TABLE) {
        weir_text_add(&printer->text, format == WEIR_FLOWS_JSON ? "{\"columns\":[" : "");
        print_line(printer, NULL, 0);
        weir_text_add(&printer->text, format == WEIR_FLOWS_JSON ? "],\n\"rows\":[" : "\n");
    }
    *ret_printer = printer;
    return 0;
}

struct weir_batch_sink weir_flow_printer_sink(struct weir_flow_printer *printer)
{
    return (struct weir_batch_sink){.batch = print_batch, .flush = flush, .context = printer};
}

static struct weir_output *free_printer(struct weir_flow_printer *printer)
{
    struct weir_output *output = printer->output;
    weir_text_done(&printer->text);
    free(printer);
    return output;
}

int weir_flow_printer_close(struct weir_flow_printer *printer, struct weir_diag *diag)
{
    if (printer->format == WEIR_FLOWS_JSON)
        weir_text_add(&printer->text, "\n]}\n");
    int result = print_held(printer, diag);
    struct weir_output *output = free_printer(printer);
    if (result == 0)
        return weir_output_close(output, diag);
    weir_output_abort(output);
    return result;
}

void weir_flow_printer_abort(struct weir_flow_printer *printer)
{
    if (printer)
        weir_output_abort(free_printer(printer));
}
