/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of RFC 6313 as JSON; json.h has the form. */
#include <stdio.h>

#include "base/reader.h"
#include "record/print.h"

#define DEPTH_MAX       8u
#define TEXT_OCTETS_MAX ((size_t)1 << 20)
#define ENTERPRISE_BIT  0x8000u
#define BLOCK_HEADER    4u /* of a subTemplateMultiList: Template ID and length */

enum outcome {
    PRINTED,
    MALFORMED,
    TOO_MUCH,
};

typedef enum outcome print_function(struct weir_print *print, struct weir_reader *reader);

/* IANA's "IPFIX Structured Data Types Semantics". */
static void print_semantic(struct weir_print *print, uint8_t semantic)
{
    static const char *const texts[] = {"noneOf", "exactlyOneOf", "oneOrMoreOf", "allOf",
                                        "ordered"};
    weir_text_add(print->out, "{\"semantic\":");
    if (semantic < sizeof(texts) / sizeof(texts[0]))
        weir_text_printf(print->out, "\"%s\"", texts[semantic]);
    else if (semantic == 255)
        weir_text_add(print->out, "\"undefined\"");
    else
        weir_text_add_u64(print->out, semantic);
}

/*
 * A record has at most so much text, whatever names and nesting make of 65,535 octets. Failures of
 * the buffer end it too: what follows would not be added.
 */
static bool has_room(const struct weir_print *print)
{
    return !weir_text_error(print->out) && print->out->length - print->start <= TEXT_OCTETS_MAX;
}

/* RFC 7011 section 7. */
static size_t read_variable_length(struct weir_reader *reader)
{
    size_t length = weir_read_u8(reader);
    return length < 255 ? length : weir_read_u16(reader);
}

/* Section 4.5.1: {"semantic":"ordered","element":"bgpSourceAsNumber","values":[...]} */
static enum outcome print_basic(struct weir_print *print, struct weir_reader *reader)
{
    uint8_t semantic = weir_read_u8(reader);
    uint16_t id = weir_read_u16(reader), length = weir_read_u16(reader);
    uint32_t pen = id & ENTERPRISE_BIT ? weir_read_u32(reader) : 0;
    if (weir_reader_failed(reader))
        return MALFORMED;
    id = id & (uint16_t)~ENTERPRISE_BIT;
    const struct weir_element *element = weir_print_find(print, pen, id);
    print_semantic(print, semantic);
    if (element && *element->name)
        weir_text_printf(print->out, ",\"element\":\"%s\",\"values\":[", element->name);
    else
        weir_text_printf(print->out, ",\"element\":\"%u/%u\",\"values\":[", pen, id);
    for (bool first = true; weir_reader_remaining(reader) > 0; first = false) {
        size_t octets = length == WEIR_LENGTH_VARIABLE ? read_variable_length(reader) : length;
        struct weir_octets value = {weir_read_octets(reader, octets), (uint32_t)octets};
        if (weir_reader_failed(reader) || length == 0)
            return MALFORMED;
        if (!has_room(print))
            return TOO_MUCH;
        if (!first)
            weir_text_add_char(print->out, ',');
        weir_print_value(print, element, value);
    }
    weir_text_add(print->out, "]}");
    return PRINTED;
}

/* All octets as records of a Template: "template":300,"records":[{...},...] */
static enum outcome print_records(struct weir_print *print, uint16_t id, struct weir_reader *reader)
{
    const struct weir_plan_session *session = print->context ? print->context->session : NULL;
    const struct weir_plan *plan = session ? session->find_plan(session->of, id) : NULL;
    size_t length = weir_reader_remaining(reader);
    const uint8_t *octets = weir_read_octets(reader, length);
    weir_text_printf(print->out, "\"template\":%u,", id);
    if (!plan && length > 0) {
        weir_text_add(print->out, "\"octets\":\"0x");
        weir_text_add_hex(print->out, octets, length);
        weir_text_add_char(print->out, '"');
        print->counts.unknown_template++;
        return PRINTED;
    }
    weir_text_add(print->out, "\"records\":[");
    for (bool first = true; length > 0; first = false) {
        struct weir_row row;
        if (plan->record_length == 0 || !weir_plan_locate(plan, octets, length, &row))
            return MALFORMED;
        if (!has_room(print))
            return TOO_MUCH;
        weir_text_add(print->out, first ? "{" : ",{");
        weir_print_members(print, plan, &row);
        weir_text_add_char(print->out, '}');
        octets += row.length;
        length -= row.length;
    }
    weir_text_add_char(print->out, ']');
    return PRINTED;
}

/* Section 4.5.2: {"semantic":"allOf","template":300,"records":[...]} */
static enum outcome print_sub_template(struct weir_print *print, struct weir_reader *reader)
{
    uint8_t semantic = weir_read_u8(reader);
    uint16_t id = weir_read_u16(reader);
    if (weir_reader_failed(reader))
        return MALFORMED;
    print_semantic(print, semantic);
    weir_text_add_char(print->out, ',');
    enum outcome outcome = print_records(print, id, reader);
    weir_text_add_char(print->out, '}');
    return outcome;
}

/* Section 4.5.3: {"semantic":"allOf","lists":[{"template":300,"records":[...]},...]} */
static enum outcome print_sub_template_multi(struct weir_print *print, struct weir_reader *reader)
{
    uint8_t semantic = weir_read_u8(reader);
    if (weir_reader_failed(reader))
        return MALFORMED;
    print_semantic(print, semantic);
    weir_text_add(print->out, ",\"lists\":[");
    for (bool first = true; weir_reader_remaining(reader) > 0; first = false) {
        uint16_t id = weir_read_u16(reader), length = weir_read_u16(reader);
        if (weir_reader_failed(reader) || length < BLOCK_HEADER)
            return MALFORMED;
        struct weir_reader block = weir_read_block(reader, length - BLOCK_HEADER);
        if (weir_reader_failed(reader))
            return MALFORMED;
        if (!has_room(print))
            return TOO_MUCH;
        weir_text_add(print->out, first ? "{" : ",{");
        enum outcome outcome = print_records(print, id, &block);
        if (outcome != PRINTED)
            return outcome;
        weir_text_add_char(print->out, '}');
    }
    weir_text_add(print->out, "]}");
    return PRINTED;
}

bool weir_print_list(struct weir_print *print, enum weir_type type, struct weir_octets value)
{
    static print_function *const functions[WEIR_TYPE_COUNT] = {
        [WEIR_TYPE_BASIC_LIST] = print_basic,
        [WEIR_TYPE_SUB_TEMPLATE_LIST] = print_sub_template,
        [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = print_sub_template_multi,
    };
    if (!functions[type] || weir_text_error(print->out))
        return false;
    const size_t before = print->out->length;
    const struct weir_list_counts counts = print->counts;
    struct weir_reader reader = weir_reader_make(value.octets, value.length);
    enum outcome outcome = TOO_MUCH;
    if (print->depth < DEPTH_MAX) {
        print->depth++;
        outcome = functions[type](print, &reader);
        print->depth--;
    }
    /* What the buffer cannot hold is its owner's to report. */
    if (outcome == PRINTED || weir_text_error(print->out))
        return true;
    weir_text_truncate(print->out, before);
    print->counts = counts;
    print->counts.malformed += outcome == MALFORMED;
    print->counts.oversized += outcome == TOO_MUCH;
    return false;
}
