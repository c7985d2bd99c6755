/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "app/explain_print.h"
#include "base/calendar.h"
#include "ie/value.h"
#include "wire/sflow.h"

static const char *const kinds[] = {
    [WEIR_EXPLAIN_MESSAGE] = "message", [WEIR_EXPLAIN_HEADER] = "header",
    [WEIR_EXPLAIN_SET] = "set",         [WEIR_EXPLAIN_TEMPLATE] = "template",
    [WEIR_EXPLAIN_FIELD] = "field",     [WEIR_EXPLAIN_STRUCTURE] = "structure",
    [WEIR_EXPLAIN_RECORD] = "record",   [WEIR_EXPLAIN_VALUE] = "value",
    [WEIR_EXPLAIN_PADDING] = "padding", [WEIR_EXPLAIN_UNREAD] = "unread",
    [WEIR_EXPLAIN_SUSPECT] = "suspect", [WEIR_EXPLAIN_BROKEN] = "broken",
};

static void add_text(struct weir_text_buffer *out, const char *name, const char *text)
{
    weir_text_printf(out, ",\"%s\":", name);
    weir_text_add_json(out, text, strlen(text));
}

static void add_number(struct weir_text_buffer *out, const char *name, uint64_t number)
{
    weir_text_printf(out, ",\"%s\":%" PRIu64, name, number);
}

static void add_flag(struct weir_text_buffer *out, const char *name, bool is_set)
{
    if (is_set)
        weir_text_printf(out, ",\"%s\":true", name);
}

static void add_hex(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    weir_text_add(out, ",\"hex\":\"");
    weir_text_add_hex(out, item->octets, item->length);
    weir_text_add_char(out, '"');
}

static void add_message(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    const struct weir_explain_origin *origin = item->origin;
    const struct weir_datagram *datagram = origin->datagram;
    add_number(out, "number", origin->number);
    if (origin->transport == WEIR_COLLECT_UDP) {
        char address[WEIR_ADDRESS_TEXT_MAX], time[WEIR_TIME_TEXT_MAX];
        weir_address_format(datagram->source, address);
        weir_time_format_ns(datagram->received_ns, time);
        add_number(out, "packet", origin->place);
        add_text(out, "exporter", address);
        add_number(out, "exporter_port", datagram->source_port);
        add_number(out, "port", datagram->destination_port);
        add_text(out, "received", time);
    } else {
        add_number(out, "offset", origin->place);
    }
    if (item->message)
        add_text(out, "protocol", weir_protocol_text(item->message->protocol));
}

static void add_template(struct weir_text_buffer *out, const struct weir_template *source)
{
    add_number(out, "id", source->id);
    add_flag(out, "options", source->is_options);
    add_flag(out, "withdrawal", source->is_withdrawal);
    add_number(out, "field_count", source->field_count);
    if (source->scope_count)
        add_number(out, "scope_count", source->scope_count);
    add_number(out, "record_octets", source->record_length);
    add_flag(out, "variable", source->is_variable);
}

static void add_element(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    const struct weir_element *element = item->element;
    if (element && *element->name)
        add_text(out, "name", element->name);
    /* NetFlow v9's scopes and what only fixed formats have are of nobody's registry. */
    if (item->field->pen < WEIR_PEN_BUILTIN)
        add_number(out, "pen", item->field->pen);
    add_number(out, "id", item->field->id);
    add_flag(out, "scope", item->is_scope);
}

static void add_field(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    add_element(out, item);
    if (item->element)
        add_text(out, "type", weir_type_text((enum weir_type)item->element->type));
    if (item->field->length == WEIR_LENGTH_VARIABLE)
        add_flag(out, "variable", true);
    else
        add_number(out, "width", item->field->length);
}

static void add_value(struct weir_text_buffer *out, const struct weir_explain_item *item)
{
    add_element(out, item);
    weir_text_add(out, ",\"value\":");
    /* Octets that are no value of the type are shown as such; a suspicion says so. */
    (void)weir_value_print_json(item->element, item->octets, item->length, out);
    if (item->element && item->element->units[0])
        add_text(out, "unit", item->element->units);
    if (item->note)
        add_text(out, "means", item->note);
}

/* What belongs to the kind. */
static void add_members(const struct weir_explain_printer *printer,
                        const struct weir_explain_item *item)
{
    struct weir_text_buffer *out = printer->out;
    switch (item->kind) {
    case WEIR_EXPLAIN_MESSAGE:
        add_message(out, item);
        break;
    case WEIR_EXPLAIN_HEADER:
        add_text(out, "name", item->name);
        add_number(out, "value", item->number);
        if (item->text[0])
            add_text(out, "means", item->text);
        break;
    case WEIR_EXPLAIN_SET:
        /* The records of a fixed format stand in no set. */
        if (!item->message->builtin)
            add_number(out, "id", item->set->id);
        add_text(out, "holds", item->name);
        break;
    case WEIR_EXPLAIN_TEMPLATE:
        add_template(out, item->source);
        break;
    case WEIR_EXPLAIN_FIELD:
        add_field(out, item);
        break;
    case WEIR_EXPLAIN_STRUCTURE:
        add_text(out, "name", item->name);
        add_number(out, "enterprise", WEIR_SFLOW_ENTERPRISE(item->number));
        add_number(out, "format", WEIR_SFLOW_NUMBER(item->number));
        break;
    case WEIR_EXPLAIN_RECORD:
        add_number(out, "number", item->number);
        add_number(out, "template", item->template_id);
        add_flag(out, "options", item->source->is_options);
        break;
    case WEIR_EXPLAIN_VALUE:
        add_value(out, item);
        break;
    case WEIR_EXPLAIN_PADDING:
    case WEIR_EXPLAIN_UNREAD:
        add_text(out, "text", item->text);
        add_hex(out, item);
        return;
    case WEIR_EXPLAIN_SUSPECT:
    case WEIR_EXPLAIN_BROKEN:
        add_number(out, "octet", item->offset);
        add_text(out, "text", item->text);
        if (item->rule)
            add_text(out, "rule", item->rule);
        return;
    }
    if (printer->hex)
        add_hex(out, item);
}

static void close_item(struct weir_explain_printer *printer)
{
    weir_text_add(printer->out, printer->has_members ? "]}" : "}");
    printer->levels--;
    printer->has_members = true; /* the one that it was in */
}

void weir_explain_print_json(void *context, const struct weir_explain_item *item)
{
    struct weir_explain_printer *printer = context;
    struct weir_text_buffer *out = printer->out;
    while (printer->levels > item->depth)
        close_item(printer);
    if (printer->levels > 0)
        weir_text_add(out, printer->has_members ? "," : ",\"items\":[");
    weir_text_printf(out, "{\"kind\":\"%s\"", kinds[item->kind]);
    if (item->length > 0)
        weir_text_printf(out, ",\"octets\":[%zu,%zu]", item->offset,
                         item->offset + item->length - 1);
    add_members(printer, item);
    printer->levels++;
    printer->has_members = false;
}

void weir_explain_end_json(struct weir_explain_printer *printer)
{
    if (printer->levels == 0)
        return;
    while (printer->levels > 0)
        close_item(printer);
    printer->has_members = false;
    weir_text_add_char(printer->out, '\n');
}
