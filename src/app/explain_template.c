/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: their fields, what is strange about these, and what a session makes of them. */
#include "app/explain_private.h"
#include "app/explain_value.h"

#define TEMPLATE_HEADER_OCTETS 4u
#define OPTIONS_HEADER_OCTETS  6u
#define FIELD_OCTETS           4u
#define ENTERPRISE_OCTETS      8u
#define ENTERPRISE_BIT         0x8000u
#define PADDING_ELEMENT        210u

static void check_field(const struct weir_explain_walk *walk, const struct weir_template *source,
                        unsigned index, size_t offset)
{
    const struct weir_field *field = &source->fields[index];
    const struct weir_element *element = weir_follower_element(&walk->explainer->follower, field);
    if (!element) {
        weir_explain_suspect(walk, 3, offset,
                             "an element that is not known: its values are octets");
        return;
    }
    if (!weir_explain_width_fits((enum weir_type)element->type, field->length))
        weir_explain_suspect(walk, 3, offset, "no %s has a width of %u octets",
                             weir_type_text((enum weir_type)element->type), field->length);
    if (field->pen == 0 && field->id == PADDING_ELEMENT)
        return;
    for (unsigned i = 0; i < index; i++)
        if (source->fields[i].pen == field->pen && source->fields[i].id == field->id) {
            weir_explain_suspect(walk, 3, offset, "a second %s: field %u is one already",
                                 element->name, i + 1);
            return;
        }
}

/* The fields of the template that begins at `at`. */
static void explain_fields(const struct weir_explain_walk *walk, const struct weir_template *source,
                           size_t at)
{
    const uint8_t *octets = walk->origin->datagram->octets;
    at += source->is_options ? OPTIONS_HEADER_OCTETS : TEMPLATE_HEADER_OCTETS;
    for (unsigned i = 0; i < source->field_count; i++) {
        bool is_enterprise = walk->message.protocol == WEIR_PROTOCOL_IPFIX &&
                             weir_load_be16(octets + at) & ENTERPRISE_BIT;
        size_t next = at + (is_enterprise ? ENTERPRISE_OCTETS : FIELD_OCTETS);
        struct weir_explain_item item = weir_explain_item_of(walk, WEIR_EXPLAIN_FIELD, 3, at, next);
        item.field = &source->fields[i];
        item.element = weir_follower_element(&walk->explainer->follower, item.field);
        item.is_scope = i < source->scope_count;
        weir_explain_show(walk, &item);
        check_field(walk, source, i, at);
        at = next;
    }
}

static void count_template(struct weir_explain_counters *counters,
                           const struct weir_template *source)
{
    if (source->is_withdrawal)
        counters->withdrawals_explained++;
    else if (source->is_options)
        counters->options_templates_explained++;
    else
        counters->templates_explained++;
}

/* What the session makes of it. */
static void check_outcome(const struct weir_explain_walk *walk, const struct weir_template *source,
                          enum weir_follow_outcome outcome, size_t at)
{
    switch (outcome) {
    case WEIR_FOLLOW_NEW:
    case WEIR_FOLLOW_REPEATED:
    case WEIR_FOLLOW_WITHDRAWN:
        break;
    case WEIR_FOLLOW_REDEFINED:
        weir_explain_suspect(
            walk, 3, at, "template %u was another one before, and was not withdrawn", source->id);
        break;
    case WEIR_FOLLOW_IGNORED:
        weir_explain_suspect(walk, 3, at, "%s",
                             walk->origin->transport == WEIR_COLLECT_UDP
                                 ? "a withdrawal over UDP, which is ignored (RFC 7011 section 8.4)"
                                 : "a withdrawal of what is not there");
        break;
    case WEIR_FOLLOW_REFUSED:
        weir_explain_suspect(walk, 3, at, "more templates than are kept: it is not");
        break;
    }
}

/* 0, WEIR_E_NOMEM. */
static int explain_template(struct weir_explain_walk *walk, const struct weir_template *source,
                            size_t at, size_t end)
{
    struct weir_explain_item item = weir_explain_item_of(walk, WEIR_EXPLAIN_TEMPLATE, 2, at, end);
    item.source = source;
    weir_explain_show(walk, &item);
    count_template(&walk->explainer->counters, source);
    explain_fields(walk, source, at);
    enum weir_follow_outcome outcome;
    int result = weir_follower_learn(&walk->explainer->follower, source, &outcome);
    if (result < 0)
        return result;
    check_outcome(walk, source, outcome, at);
    if (!source->is_withdrawal && source->record_length == 0) {
        struct weir_diag diag;
        weir_diag_fill_at(&diag, WEIR_E_MALFORMED, at, "records of template %u have no octets",
                          source->id);
        weir_explain_broken(walk, 3, &diag, walk->rules->template);
    }
    return 0;
}

int weir_explain_templates(struct weir_explain_walk *walk, struct weir_set *set, size_t end)
{
    struct weir_template *source = walk->explainer->follower.buffer;
    for (;;) {
        struct weir_diag diag = {0};
        size_t at = weir_reader_offset(&set->body);
        int result = weir_set_next_template(set, source, WEIR_TEMPLATE_OCTETS_MAX, &diag);
        if (result == WEIR_E_END) {
            weir_explain_rest(walk, WEIR_EXPLAIN_PADDING, 2, at, end, "padding");
            return 0;
        }
        if (result < 0) {
            weir_explain_broken(walk, 2, &diag,
                                set->kind == WEIR_SET_TEMPLATE ? walk->rules->template
                                                               : walk->rules->options_template);
            weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end,
                              "nothing after that can be read");
            return 0;
        }
        walk->template_count++;
        result = explain_template(walk, source, at, weir_reader_offset(&set->body));
        if (result < 0)
            return result;
    }
}
