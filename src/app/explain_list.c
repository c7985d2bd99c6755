/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of RFC 6313, octet by octet. */
#include "app/explain_private.h"

#define DEPTH_MAX      8u /* as the Collecting Process has it */
#define ENTERPRISE_BIT 0x8000u
#define BLOCK_HEADER   4u /* of a subTemplateMultiList: Template ID and length */

struct list {
    struct weir_explain_walk *walk;
    unsigned depth; /* of what is inside */
    struct weir_reader reader;
};

typedef bool explain_function(struct list *list);

/* IANA's "IPFIX Structured Data Types Semantics". */
static const char *semantic_text(uint64_t semantic)
{
    static const char *const texts[] = {"noneOf", "exactlyOneOf", "oneOrMoreOf", "allOf",
                                        "ordered"};
    if (semantic < sizeof(texts) / sizeof(texts[0]))
        return texts[semantic];
    return semantic == 255 ? "undefined" : "not assigned";
}

/* A number of `width` octets; 0 where they lack. */
static uint64_t take_number(struct list *list, const char *name, unsigned width, bool is_semantic)
{
    size_t at = weir_reader_offset(&list->reader);
    uint64_t number = weir_read_uint(&list->reader, width);
    if (weir_reader_failed(&list->reader))
        return 0;
    struct weir_explain_item item =
        weir_explain_item_of(list->walk, WEIR_EXPLAIN_HEADER, list->depth, at, at + width);
    item.name = name;
    item.number = number;
    item.text = is_semantic ? semantic_text(number) : "";
    weir_explain_show(list->walk, &item);
    return number;
}

/* RFC 7011 section 7. */
static size_t take_variable_length(struct weir_reader *reader)
{
    size_t length = weir_read_u8(reader);
    return length < 255 ? length : weir_read_u16(reader);
}

/* The element that all values of a basicList are of. */
static struct weir_field take_field(struct list *list)
{
    size_t at = weir_reader_offset(&list->reader);
    struct weir_field field = {.id = weir_read_u16(&list->reader)};
    field.length = weir_read_u16(&list->reader);
    if (field.id & ENTERPRISE_BIT)
        field.pen = weir_read_u32(&list->reader);
    field.id = field.id & (uint16_t)~ENTERPRISE_BIT;
    if (weir_reader_failed(&list->reader))
        return field;
    struct weir_explain_item item = weir_explain_item_of(
        list->walk, WEIR_EXPLAIN_FIELD, list->depth, at, weir_reader_offset(&list->reader));
    item.field = &field;
    item.element = weir_follower_element(&list->walk->explainer->follower, &field);
    weir_explain_show(list->walk, &item);
    return field;
}

/* Section 4.5.1. False, as of the other two: it does not fill its field. */
static bool explain_basic(struct list *list)
{
    struct weir_reader *reader = &list->reader;
    take_number(list, "semantic", 1, true);
    struct weir_field field = take_field(list);
    while (weir_reader_remaining(reader) > 0) {
        struct weir_value value = {.field = &field, .length = field.length};
        if (field.length == WEIR_LENGTH_VARIABLE)
            value.length = take_variable_length(reader);
        value.octets = weir_read_octets(reader, value.length);
        if (weir_reader_failed(reader) || field.length == 0)
            return false;
        if (value.length > 0)
            weir_explain_value_at(list->walk, list->depth, &value, false);
    }
    return !weir_reader_failed(reader);
}

/* All octets of `body` as records of a Template. */
static bool explain_records(struct list *list, uint16_t id, struct weir_reader body)
{
    struct weir_explain_walk *walk = list->walk;
    const struct weir_template_entry *entry =
        weir_template_table_find(&walk->explainer->follower.session->templates, id);
    size_t at = weir_reader_offset(&body), end = at + weir_reader_remaining(&body);
    if (!entry) {
        weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, list->depth, at, end,
                          "of a template that has not come");
        return true;
    }
    struct weir_set set = {.kind = WEIR_SET_DATA, .id = id, .body = body};
    struct weir_record record;
    for (uint64_t number = 1;; number++) {
        at = weir_reader_offset(&set.body);
        if (weir_set_next_record(&set, entry->shared->source, &record, NULL) < 0)
            break;
        weir_explain_record_at(walk, list->depth, id, number, &record);
    }
    if (at == end)
        return true;
    /* Where the list is said to be broken. */
    list->reader.offset = at;
    return false;
}

/* Section 4.5.2. */
static bool explain_sub_template(struct list *list)
{
    take_number(list, "semantic", 1, true);
    uint16_t id = (uint16_t)take_number(list, "template", 2, false);
    if (weir_reader_failed(&list->reader))
        return false;
    return explain_records(list, id, list->reader);
}

/* Section 4.5.3. */
static bool explain_sub_template_multi(struct list *list)
{
    struct weir_reader *reader = &list->reader;
    take_number(list, "semantic", 1, true);
    while (weir_reader_remaining(reader) > 0) {
        uint16_t id = (uint16_t)take_number(list, "template", 2, false);
        size_t length = take_number(list, "length", 2, false);
        if (weir_reader_failed(reader) || length < BLOCK_HEADER)
            return false;
        struct weir_reader block = weir_read_block(reader, length - BLOCK_HEADER);
        if (weir_reader_failed(reader) || !explain_records(list, id, block))
            return false;
    }
    return !weir_reader_failed(reader);
}

static const struct {
    explain_function *explain;
    const char *rule;
} lists[WEIR_TYPE_COUNT] = {
    [WEIR_TYPE_BASIC_LIST] = {explain_basic, "RFC 6313 section 4.5.1"},
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = {explain_sub_template, "RFC 6313 section 4.5.2"},
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = {explain_sub_template_multi, "RFC 6313 section 4.5.3"},
};

void weir_explain_list(struct weir_explain_walk *walk, unsigned depth, enum weir_type type,
                       size_t at, size_t length)
{
    if (!lists[type].explain)
        return;
    if (walk->list_depth == DEPTH_MAX) {
        weir_explain_suspect(walk, depth, at, "lists in lists, more than %u deep: it is not read",
                             DEPTH_MAX);
        return;
    }
    struct list list = {
        .walk = walk,
        .depth = depth,
        .reader = weir_reader_make(walk->origin->datagram->octets + at, length),
    };
    list.reader.offset = at;
    walk->list_depth++;
    bool is_whole = lists[type].explain(&list);
    walk->list_depth--;
    if (is_whole)
        return;
    struct weir_diag diag;
    weir_diag_fill_at(&diag, WEIR_E_MALFORMED, weir_reader_offset(&list.reader),
                      "the list of %zu octets from %zu on does not fill its field", length, at);
    weir_explain_broken(walk, depth, &diag, lists[type].rule);
}
