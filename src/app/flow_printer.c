/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_printer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/output.h"
#include "base/reader.h"
#include "base/text.h"
#include "ie/value.h"

/* One row's values of types that are printed by their text. */
#define TEXT_OCTETS_MAX ((size_t)64 << 10)

enum { ENTERPRISE = 0x8000 }; /* in the number of an element, RFC 7011 section 3.2 */

#define COLUMNS_MAX (WEIR_COLUMN_COUNT + 2u * WEIR_EXTRA_FIELDS_MAX)

struct weir_flow_printer {
    struct weir_output *output;
    struct weir_printer *printer;
    struct weir_answer_column columns[COLUMNS_MAX];
    size_t column_count;
    size_t first_extra; /* of the columns; those from here on are of extra fields */
    struct weir_text_buffer texts;
    /* Where each of them is in rows of the extra fields last met; WEIR_EXTRA_FIELDS_MAX: not. */
    const struct weir_extra_fields *extra;
    uint8_t places[COLUMNS_MAX];
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
    {COLUMN(REV_PACKETS), WEIR_COLUMN_BIT(REV_PACKETS)},
    {COLUMN(REV_BYTES), WEIR_COLUMN_BIT(REV_BYTES)},
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

static bool has_column(const struct weir_flow_printer *printer, const char *name)
{
    for (size_t i = 0; i < printer->column_count; i++)
        if (strcmp(printer->columns[i].name, name) == 0)
            return true;
    return false;
}

/* How the values of a type are shown; those that are not named here as their text. */
static const enum weir_answer_kind kinds[WEIR_TYPE_COUNT] = {
    [WEIR_TYPE_OCTET_ARRAY] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_UNSIGNED8] = WEIR_ANSWER_INTEGER,
    [WEIR_TYPE_UNSIGNED16] = WEIR_ANSWER_INTEGER,
    [WEIR_TYPE_UNSIGNED32] = WEIR_ANSWER_INTEGER,
    [WEIR_TYPE_UNSIGNED64] = WEIR_ANSWER_INTEGER,
    [WEIR_TYPE_SIGNED8] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_SIGNED16] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_SIGNED32] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_SIGNED64] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_FLOAT32] = WEIR_ANSWER_REAL,
    [WEIR_TYPE_FLOAT64] = WEIR_ANSWER_REAL,
    [WEIR_TYPE_BOOLEAN] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_MAC_ADDRESS] = WEIR_ANSWER_MAC,
    [WEIR_TYPE_STRING] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_DATE_TIME_SECONDS] = WEIR_ANSWER_TIME,
    [WEIR_TYPE_DATE_TIME_MILLISECONDS] = WEIR_ANSWER_TIME,
    [WEIR_TYPE_DATE_TIME_MICROSECONDS] = WEIR_ANSWER_TIME,
    [WEIR_TYPE_DATE_TIME_NANOSECONDS] = WEIR_ANSWER_TIME,
    [WEIR_TYPE_IPV4_ADDRESS] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_IPV6_ADDRESS] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_BASIC_LIST] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = WEIR_ANSWER_TEXT,
    [WEIR_TYPE_UNSIGNED256] = WEIR_ANSWER_TEXT,
};

static enum weir_type type_of(const struct weir_field *field)
{
    const struct weir_element *element = weir_field_element(field);
    return element ? (enum weir_type)element->type : WEIR_TYPE_OCTET_ARRAY;
}

/* A table of nothing in particular has what fits a screen, and what tells its rows apart. */
static bool is_always_shown(const char *name)
{
    static const char *const names[] = {"layer", "tunnel_type", "tunnel_id", "carried_type",
                                        "carried_id"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static int add_extras(struct weir_flow_printer *printer, const struct weir_extra_fields *extra,
                      bool are_few, struct weir_diag *diag)
{
    for (size_t i = 0; i < extra->count; i++) {
        const struct weir_extra_field *from = &extra->fields[i];
        if (has_column(printer, from->name) ||
            (are_few && i >= extra->key_count && !is_always_shown(from->name)))
            continue;
        if (printer->column_count == COLUMNS_MAX)
            return weir_diag_set(diag, WEIR_E_LIMIT, "flows with more than %u fields to print",
                                 COLUMNS_MAX);
        const struct weir_element *element = weir_field_element(&from->field);
        printer->columns[printer->column_count++] = (struct weir_answer_column){
            .name = from->name,
            .unit = element ? element->units : "",
            .kind = kinds[type_of(&from->field)],
            .is_key = true,
        };
    }
    return 0;
}

/* Learns where the fields of the columns are in these rows. */
static void find_places(struct weir_flow_printer *printer, const struct weir_extra_fields *extra)
{
    printer->extra = extra;
    for (size_t i = printer->first_extra; i < printer->column_count; i++) {
        uint8_t place = 0;
        while (extra && place < extra->count &&
               strcmp(extra->fields[place].name, printer->columns[i].name) != 0)
            place++;
        printer->places[i] = extra && place < extra->count ? place : WEIR_EXTRA_FIELDS_MAX;
    }
}

static struct weir_cell cell_of_text(struct weir_text_buffer *texts,
                                     const struct weir_scalar *value)
{
    size_t start = texts->length;
    /* What a string has is escaped by who prints it, in its own way. */
    if (value->type == WEIR_TYPE_STRING)
        weir_text_add_octets(texts, value->octets.octets, value->octets.length);
    else
        weir_value_print(value, texts);
    /* The buffer may move: what is behind it is told apart when all cells are there. */
    return (struct weir_cell){.integer = (weir_int128)start, .length = texts->length - start};
}

/* The values of a basicList that weir made, which are of fixed length, with spaces between. */
static struct weir_cell cell_of_list(struct weir_text_buffer *texts, const uint8_t *octets,
                                     size_t length)
{
    size_t start = texts->length;
    struct weir_reader reader = weir_reader_make(octets, length);
    weir_read_skip(&reader, 1);
    uint16_t id = weir_read_u16(&reader), each = weir_read_u16(&reader);
    uint32_t pen = id & ENTERPRISE ? weir_read_u32(&reader) : 0;
    const struct weir_element *element = weir_element_find(pen, id & (uint16_t)~ENTERPRISE);
    while (each > 0 && weir_reader_remaining(&reader) >= each) {
        struct weir_scalar value;
        if (texts->length > start)
            weir_text_add_char(texts, ' ');
        if (weir_value_decode(element ? (enum weir_type)element->type : WEIR_TYPE_OCTET_ARRAY,
                              weir_read_octets(&reader, each), each, &value, NULL) == 0)
            weir_value_print(&value, texts);
    }
    return (struct weir_cell){.integer = (weir_int128)start, .length = texts->length - start};
}

static struct weir_cell cell_of_extra(struct weir_flow_printer *printer, size_t column,
                                      const struct weir_batch *batch, uint32_t row)
{
    uint8_t place = printer->places[column];
    if (place == WEIR_EXTRA_FIELDS_MAX || weir_extra_lacks(&batch->extra_absent[row], place))
        return (struct weir_cell){.is_none = true};
    const struct weir_extra_field *from = &batch->extra->fields[place];
    const uint8_t *octets = weir_batch_extra(batch, row) + from->offset;
    size_t length = from->field.length;
    if (length == WEIR_LENGTH_VARIABLE) {
        size_t whole = weir_extra_variable_octets(octets);
        size_t before = whole > 255 ? 3 : 1;
        octets += before;
        length = whole - before;
    }
    if (type_of(&from->field) == WEIR_TYPE_BASIC_LIST)
        return cell_of_list(&printer->texts, octets, length);
    struct weir_scalar value;
    if (weir_value_decode(type_of(&from->field), octets, length, &value, NULL) < 0)
        return (struct weir_cell){.is_none = true};
    switch (printer->columns[column].kind) {
    case WEIR_ANSWER_INTEGER:
    case WEIR_ANSWER_MAC:
        return (struct weir_cell){.integer = value.u64};
    case WEIR_ANSWER_REAL:
        return (struct weir_cell){.real = value.f64};
    case WEIR_ANSWER_TIME:
        return (struct weir_cell){.integer = (weir_int128)value.time.seconds * WEIR_NS_PER_SECOND +
                                             value.time.nanoseconds};
    default:
        return cell_of_text(&printer->texts, &value);
    }
}

static void add_columns(struct weir_flow_printer *printer, weir_column_set columns)
{
    for (; columns; columns &= columns - 1) {
        const struct weir_query_field field = {
            .source = WEIR_QUERY_FIELD_COLUMN,
            .column = (enum weir_column)__builtin_ctzll(columns),
        };
        add_column(printer, &field);
    }
}

static void choose_columns(struct weir_flow_printer *printer, enum weir_format format,
                           const struct weir_flow_printer_fields *fields)
{
    if (format != WEIR_FORMAT_TABLE) {
        add_columns(printer, fields->columns);
        return;
    }
    weir_column_set rest = fields->named & fields->columns;
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if ((shown[i].needs & ~fields->columns) == 0) {
            add_column(printer, &shown[i].field);
            rest &= ~shown[i].needs;
        }
    add_columns(printer, rest);
}

/* Times of one flow may lie further apart than 63 bits hold. */
static struct weir_cell duration(const struct weir_batch *batch, uint32_t row)
{
    const weir_column_set times = WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END);
    if ((batch->all & times) != times)
        return (struct weir_cell){.is_none = true};
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
    struct weir_flow_printer *printer = context;
    struct weir_cell cells[COLUMNS_MAX];
    int result = 0;
    if (batch->extra != printer->extra)
        find_places(printer, batch->extra);
    for (uint32_t row = 0; row < batch->row_count && result == 0; row++) {
        for (size_t i = 0; i < printer->first_extra; i++)
            cells[i] = cell_of(batch, &printer->columns[i].field, row);
        weir_text_clear(&printer->texts);
        for (size_t i = printer->first_extra; i < printer->column_count; i++)
            cells[i] = cell_of_extra(printer, i, batch, row);
        if (weir_text_error(&printer->texts) < 0)
            return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to print flows");
        /* Where nothing was added all are empty. */
        const char *texts = printer->texts.data ? printer->texts.data : "";
        for (size_t i = printer->first_extra; i < printer->column_count; i++)
            if (printer->columns[i].kind == WEIR_ANSWER_TEXT)
                cells[i].text = texts + (size_t)cells[i].integer;
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

int weir_flow_printer_open(const char *path, enum weir_format format,
                           const struct weir_flow_printer_fields *fields,
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
    weir_text_init(&printer->texts, TEXT_OCTETS_MAX);
    choose_columns(printer, format, fields);
    printer->first_extra = printer->column_count;
    bool are_few = format == WEIR_FORMAT_TABLE && !fields->named;
    for (unsigned i = 0; i < fields->extra_count && result == 0; i++)
        result = add_extras(printer, fields->extras[i], are_few, diag);
    find_places(printer, NULL);
    for (size_t i = 0; i < printer->column_count; i++)
        printer->columns[i].zone = zone;
    const struct weir_text_sink sink = {.write = write_text, .context = printer->output};
    if (result == 0)
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

int weir_flow_printer_close(struct weir_flow_printer *printer, const char *closing,
                            struct weir_diag *diag)
{
    int result = weir_printer_finish(printer->printer, NULL, diag);
    if (result == 0)
        result = weir_output_write(printer->output, closing, strlen(closing), diag);
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
    weir_text_done(&printer->texts);
    free(printer);
}
