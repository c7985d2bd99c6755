/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_printer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/output.h"

struct weir_flow_printer {
    struct weir_output *output;
    struct weir_printer *printer;
    struct weir_answer_column columns[WEIR_QUERY_COLUMNS_MAX];
    size_t column_count;
};

#define COLUMN(name)                                                    \
    {                                                                   \
        .source = WEIR_QUERY_FIELD_COLUMN, .column = WEIR_COLUMN_##name \
    }
#define COMPUTED(name)                                                        \
    {                                                                         \
        .source = WEIR_QUERY_FIELD_COMPUTED, .computed = WEIR_COMPUTED_##name \
    }

/* What a table shows, and the column that it takes for it. */
static const struct {
    struct weir_query_field field;
    weir_column_set needs;
} shown[] = {
    {COLUMN(START), WEIR_COLUMN_BIT(START)},
    {COMPUTED(DURATION_MS), WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END)},
    {COLUMN(PROTOCOL), WEIR_COLUMN_BIT(PROTOCOL)},
    {COLUMN(SRC_ADDR), WEIR_COLUMN_BIT(SRC_ADDR)},
    {COLUMN(SRC_PORT), WEIR_COLUMN_BIT(SRC_PORT)},
    {COLUMN(DST_ADDR), WEIR_COLUMN_BIT(DST_ADDR)},
    {COLUMN(DST_PORT), WEIR_COLUMN_BIT(DST_PORT)},
    {COLUMN(TCP_FLAGS), WEIR_COLUMN_BIT(TCP_FLAGS)},
    {COLUMN(TOS), WEIR_COLUMN_BIT(TOS)},
    {COLUMN(PACKETS), WEIR_COLUMN_BIT(PACKETS)},
    {COLUMN(BYTES), WEIR_COLUMN_BIT(BYTES)},
    {COLUMN(END_REASON), WEIR_COLUMN_BIT(END_REASON)},
};

static void add_column(struct weir_flow_printer *printer, const struct weir_query_field *source)
{
    bool computed = source->source == WEIR_QUERY_FIELD_COMPUTED;
    struct weir_query_field field = computed ? weir_query_field_of_computed(source->computed)
                                             : weir_query_field_of_column(source->column);
    const char *name =
        computed ? weir_computed_info(field.computed)->name : weir_column_info(field.column)->name;
    printer->columns[printer->column_count++] = weir_answer_column_of(&field, name);
}

static void choose_columns(struct weir_flow_printer *printer, enum weir_format format,
                           weir_column_set columns)
{
    if (format == WEIR_FORMAT_TABLE) {
        for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
            if ((shown[i].needs & ~columns) == 0)
                add_column(printer, &shown[i].field);
        return;
    }
    for (weir_column_set rest = columns; rest; rest &= rest - 1) {
        const struct weir_query_field field = {.source = WEIR_QUERY_FIELD_COLUMN,
                                               .column = (enum weir_column)__builtin_ctzll(rest)};
        add_column(printer, &field);
    }
}

/* Times of one flow may lie further apart than 63 bits hold. */
static struct weir_cell duration(const struct weir_batch *batch, uint32_t row)
{
    uint64_t ns = (uint64_t)weir_batch_time(batch, WEIR_COLUMN_END)[row] -
                  (uint64_t)weir_batch_time(batch, WEIR_COLUMN_START)[row];
    return (struct weir_cell){.integer = ns / (uint64_t)WEIR_NS_PER_MS};
}

static struct weir_cell cell_of(const struct weir_batch *batch,
                                const struct weir_query_field *field, uint32_t row)
{
    if (field->source == WEIR_QUERY_FIELD_COMPUTED)
        return duration(batch, row);
    enum weir_column column = field->column;
    struct weir_cell cell = {.is_none = (batch->all >> column & 1) == 0};
    if (cell.is_none)
        return cell;
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_U8:
        cell.integer = weir_batch_u8(batch, column)[row];
        break;
    case WEIR_COLUMN_U16:
        cell.integer = weir_batch_u16(batch, column)[row];
        break;
    case WEIR_COLUMN_U32:
        cell.integer = weir_batch_u32(batch, column)[row];
        break;
    case WEIR_COLUMN_U64:
    case WEIR_COLUMN_MAC:
        cell.integer = weir_batch_u64(batch, column)[row];
        break;
    case WEIR_COLUMN_TIME:
        cell.integer = weir_batch_time(batch, column)[row];
        break;
    case WEIR_COLUMN_ADDRESS:
        cell.address.high = weir_batch_high(batch, column)[row];
        cell.address.low = weir_batch_low(batch, column)[row];
        break;
    case WEIR_COLUMN_TEXT:
        cell.text = batch->text + weir_batch_texts(batch, column)[row].offset;
        cell.length = weir_batch_texts(batch, column)[row].length;
        break;
    case WEIR_COLUMN_TYPE_COUNT:
        break;
    }
    return cell;
}

static int print_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    const struct weir_flow_printer *printer = context;
    struct weir_cell cells[WEIR_QUERY_COLUMNS_MAX];
    int result = 0;
    for (uint32_t row = 0; row < batch->row_count && result == 0; row++) {
        for (size_t i = 0; i < printer->column_count; i++)
            cells[i] = cell_of(batch, &printer->columns[i].field, row);
        result = weir_printer_row(printer->printer, WEIR_ROW, cells, diag);
    }
    return result;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    const struct weir_flow_printer *printer = context;
    (void)now_ns;
    int result = weir_printer_flush(printer->printer, diag);
    return result < 0 ? result : weir_output_flush(printer->output, diag);
}

static int write_text(void *context, const void *octets, size_t length, struct weir_diag *diag)
{
    return weir_output_write(context, octets, length, diag);
}

int weir_flow_printer_open(const char *path, enum weir_format format, weir_column_set columns,
                           const struct weir_zone *zone, struct weir_flow_printer **ret_printer,
                           struct weir_diag *diag)
{
    struct weir_flow_printer *printer = calloc(1, sizeof(*printer));
    if (!printer)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to print flows");
    int result = weir_output_open(path, &printer->output, diag);
    if (result < 0) {
        free(printer);
        return result;
    }
    choose_columns(printer, format, columns);
    for (size_t i = 0; i < printer->column_count; i++)
        printer->columns[i].zone = zone;
    const struct weir_text_sink sink = {.write = write_text, .context = printer->output};
    result = weir_printer_new(format, printer->columns, printer->column_count, 0, &sink,
                              &printer->printer, diag);
    if (result < 0) {
        weir_flow_printer_abort(printer);
        return result;
    }
    *ret_printer = printer;
    return 0;
}

struct weir_batch_sink weir_flow_printer_sink(struct weir_flow_printer *printer)
{
    return (struct weir_batch_sink){.batch = print_batch, .flush = flush, .context = printer};
}

int weir_flow_printer_close(struct weir_flow_printer *printer, struct weir_diag *diag)
{
    int result = weir_printer_finish(printer->printer, NULL, diag);
    if (result == 0) {
        result = weir_output_close(printer->output, diag);
        printer->output = NULL;
    }
    weir_flow_printer_abort(printer);
    return result;
}

void weir_flow_printer_abort(struct weir_flow_printer *printer)
{
    if (!printer)
        return;
    weir_output_abort(printer->output);
    weir_printer_free(printer->printer);
    free(printer);
}
