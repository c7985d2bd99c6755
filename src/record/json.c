/* SPDX-License-Identifier: Apache-2.0 */
#include "record/json.h"

#include <string.h>

#include "ie/value.h"
#include "record/print.h"

const struct weir_element *weir_print_find(const struct weir_print *print, uint32_t pen,
                                           uint16_t id)
{
    const struct weir_plan_session *session = print->context ? print->context->session : NULL;
    const struct weir_element *element = weir_element_find(pen, id);
    return element || !session ? element : session->find_element(session->of, pen, id);
}

void weir_print_value(struct weir_print *print, const struct weir_element *element,
                      struct weir_octets value)
{
    if (element && weir_print_list(print, (enum weir_type)element->type, value))
        return;
    /* Octets that the type does not allow are printed as such: nothing more is to be done. */
    (void)weir_value_print_json(element, value.octets, value.length, print->out);
}

static void print_member(struct weir_print *print, const struct weir_plan_field *field,
                         struct weir_octets value)
{
    const struct weir_element *element = field->element;
    if (!element)
        element = weir_print_find(print, field->pen, field->id);
    if (field->element || !element || !*element->name)
        weir_text_add_octets(print->out, field->key, field->key_length);
    else if (field->repeat == 1)
        weir_text_printf(print->out, "\"%s\":", element->name);
    else
        weir_text_printf(print->out, "\"%s#%u\":", element->name, field->repeat);
    weir_print_value(print, element, value);
}

/* The time of a field that says it relative to the message, as the absolute element. */
static void print_absolute(struct weir_print *print, const struct weir_plan_field *field,
                           struct weir_octets value)
{
    const struct weir_operation_times times = weir_plan_times(print->context);
    const struct weir_field absolute = {0, field->absolute->id, 8};
    int64_t time_ns = 0;
    uint8_t octets[8];
    field->to_time->decode(value.octets, 0, 1, &times, &time_ns, NULL);
    (void)weir_operation_for(&absolute, WEIR_COLUMN_START, false)
        ->encode(octets, 0, 1, &times, &time_ns, NULL);
    weir_text_add(print->out, ",\"");
    weir_text_add(print->out, field->absolute->name);
    weir_text_add(print->out, "\":");
    (void)weir_value_print_json(field->absolute, octets, sizeof(octets), print->out);
}

void weir_print_members(struct weir_print *print, const struct weir_plan *plan,
                        const struct weir_row *row)
{
    bool first = true;
    for (uint16_t i = 0; i < plan->field_count; i++) {
        const struct weir_plan_field *field = &plan->fields[i];
        struct weir_octets value = weir_plan_value(plan, row, i);
        if (field->is_padding || value.length == 0)
            continue;
        if (!first)
            weir_text_add_char(print->out, ',');
        first = false;
        print_member(print, field, value);
        if (print->context && field->to_time && field->absolute)
            print_absolute(print, field, value);
    }
}

static void add_counts(const struct weir_plan_context *context,
                       const struct weir_list_counts *counts)
{
    struct weir_list_counts *total =
        context && context->session ? context->session->list_counts : NULL;
    if (!total)
        return;
    total->malformed += counts->malformed;
    total->unknown_template += counts->unknown_template;
    total->oversized += counts->oversized;
}

int weir_record_print_json(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                           const struct weir_plan_context *context, struct weir_text_buffer *out,
                           size_t *ret_consumed, struct weir_diag *diag)
{
    size_t offset = context ? context->offset : 0;
    if (length == 0 || length < plan->record_length)
        return WEIR_E_END;
    if (plan->record_length == 0)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, offset,
                                "records of template %u have no octets", plan->template_id);
    struct weir_row row;
    if (!weir_plan_locate(plan, octets, length, &row))
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, offset,
                                "a record of template %u passes the end of its set",
                                plan->template_id);
    struct weir_print print = {.out = out, .context = context, .start = out->length};
    weir_print_members(&print, plan, &row);
    add_counts(context, &print.counts);
    *ret_consumed = row.length;
    return 0;
}

/* Whether the value is greater than `octets` octets can say. */
static bool is_wide(struct weir_octets value, uint8_t octets)
{
    return value.length > octets && !weir_all_zero(value.octets, value.length - octets);
}

/* A field's octets where they are to be kept in this row, none where not. */
static struct weir_octets kept_octets(const struct weir_plan *plan, const struct weir_row *row,
                                      uint16_t index)
{
    const struct weir_plan_field *field = &plan->fields[index];
    struct weir_octets value = weir_plan_value(plan, row, index);
    bool keep = true;
    if (field->keep == WEIR_KEEP_WIDE) {
        keep = is_wide(value, field->column_octets);
    } else if (field->keep == WEIR_KEEP_AS_LOSER) {
        bool is_won = false;
        for (unsigned i = 0; i < 2 && field->winners[i] != WEIR_PLAN_NONE; i++) {
            struct weir_octets winner = weir_plan_value(plan, row, field->winners[i]);
            is_won = is_won || !weir_all_zero(winner.octets, winner.length);
        }
        keep = is_won && !weir_all_zero(value.octets, value.length);
    }
    return keep ? value : (struct weir_octets){value.octets, 0};
}

static void print_other(struct weir_print *print, const struct weir_plan *plan,
                        const struct weir_octets *kept)
{
    struct weir_text_buffer *out = print->out;
    char separator = '{';
    print->start = out->length;
    print->counts = (struct weir_list_counts){0};
    for (uint16_t i = 0; i < plan->kept_count; i++) {
        if (kept[i].length == 0)
            continue;
        weir_text_add_char(out, separator);
        separator = ',';
        print_member(print, &plan->fields[plan->kept[i]], kept[i]);
    }
    if (separator == ',')
        weir_text_add_char(out, '}');
}

static bool same_octets(const struct weir_octets *a, const struct weir_octets *b, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        if (a[i].length != b[i].length || memcmp(a[i].octets, b[i].octets, a[i].length) != 0)
            return false;
    return true;
}

/* RFC 6759 section 4: an engine and a selector, "13:80"; hexadecimal where there is no selector. */
static void print_app_id(struct weir_octets id, struct weir_text_buffer *out)
{
    if (id.length >= 2 && id.length <= 9) {
        weir_text_add_u64(out, id.octets[0]);
        weir_text_add_char(out, ':');
        weir_text_add_u64(out, weir_load_be(id.octets + 1, id.length - 1));
    } else if (id.length > 0) {
        weir_text_add(out, "0x");
        weir_text_add_hex(out, id.octets, id.length);
    }
}

/* The name without the NULs that pad it; printable, since what a peer sent is shown to people. */
static void print_app(struct weir_octets name, struct weir_octets id, struct weir_text_buffer *out)
{
    while (name.length > 0 && name.octets[name.length - 1] == 0)
        name.length--;
    if (name.length > 0)
        weir_text_add_printable(out, name.octets, name.length);
    else if (!weir_all_zero(id.octets, id.length))
        print_app_id(id, out);
}

static struct weir_octets value_or_none(const struct weir_plan *plan, const struct weir_row *row,
                                        uint16_t field)
{
    if (field == WEIR_PLAN_NONE)
        return (struct weir_octets){row->octets, 0};
    return weir_plan_value(plan, row, field);
}

/* The pieces that one row's texts are made of, to be compared with those of the row before. */
struct pieces {
    struct weir_octets app[2];
    struct weir_octets kept[WEIR_PLAN_FIELDS_MAX];
};

/* What is the same as in the row before has the same text, which is kept once. */
static void print_row(struct weir_print *print, const struct weir_plan *plan,
                      const struct weir_row *row, const struct pieces *before, struct pieces *now,
                      struct weir_text *app, struct weir_text *other)
{
    struct weir_text_buffer *out = print->out;
    if (plan->columns & WEIR_COLUMN_BIT(APP)) {
        now->app[0] = value_or_none(plan, row, plan->app_name);
        now->app[1] = value_or_none(plan, row, plan->app_id);
        if (!before || !same_octets(before->app, now->app, 2)) {
            size_t start = out->length;
            print_app(now->app[0], now->app[1], out);
            *app = (struct weir_text){(uint32_t)start, (uint32_t)(out->length - start)};
        }
    }
    if (plan->kept_count) {
        for (uint16_t i = 0; i < plan->kept_count; i++)
            now->kept[i] = kept_octets(plan, row, plan->kept[i]);
        if (!before || !same_octets(before->kept, now->kept, plan->kept_count)) {
            size_t start = out->length;
            print_other(print, plan, now->kept);
            *other = (struct weir_text){(uint32_t)start, (uint32_t)(out->length - start)};
        }
    }
}

/* Whether the texts of this record are known to be those of the one before. */
static bool same_texts(const struct weir_plan *plan, const uint8_t *record, const uint8_t *before)
{
    if (!before || plan->variable_count)
        return false;
    for (uint16_t i = 0; i < plan->text_span_count; i++) {
        const struct weir_plan_span *span = &plan->text_spans[i];
        if (memcmp(record + span->offset, before + span->offset, span->length) != 0)
            return false;
    }
    return true;
}

int weir_plan_decode_text(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                          const uint32_t *starts, uint32_t count,
                          const struct weir_plan_context *context, struct weir_batch *batch,
                          uint32_t row, uint32_t *ret_done)
{
    /* The batch's text, grown in place. */
    struct weir_text_buffer out = {
        .data = batch->text,
        .length = batch->text_length,
        .capacity = batch->text_capacity,
        .limit = WEIR_BATCH_TEXT_MAX,
    };
    struct weir_text *apps = weir_batch_texts(batch, WEIR_COLUMN_APP) + row;
    struct weir_text *others = weir_batch_texts(batch, WEIR_COLUMN_OTHER) + row;
    struct weir_print print = {.out = &out, .context = context};
    struct weir_text app = {0}, other = {0};
    struct pieces pieces[2];
    uint32_t done = 0;
    const struct pieces *before = NULL;
    const uint8_t *last = NULL; /* record before */
    for (; done < count; done++) {
        struct weir_row record;
        const uint8_t *at = octets + starts[done];
        size_t length_before = out.length;
        if (!same_texts(plan, at, last)) {
            if (!weir_plan_locate(plan, at, length - starts[done], &record))
                break; /* never: it was located before */
            struct pieces *now = before == &pieces[0] ? &pieces[1] : &pieces[0];
            print_row(&print, plan, &record, before, now, &app, &other);
            before = now;
        }
        last = at;
        if (weir_text_error(&out) != 0) {
            out.length = length_before;
            break;
        }
        add_counts(context, &print.counts);
        if (plan->columns & WEIR_COLUMN_BIT(APP))
            apps[done] = app;
        if (plan->kept_count)
            others[done] = other;
    }
    batch->text = out.data;
    batch->text_length = (uint32_t)out.length;
    batch->text_capacity = (uint32_t)out.capacity;
    *ret_done = done;
    return weir_text_error(&out) == WEIR_E_LIMIT ? WEIR_E_FULL : weir_text_error(&out);
}
