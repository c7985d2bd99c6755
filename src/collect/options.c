/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/options.h"

#include "base/bytes.h"
#include "collect/common.h"
#include "collect/sampler_options.h"
#include "collect/types.h"

static const struct weir_options_learner *const learners[] = {
    &weir_types_learner,
    &weir_common_learner,
    &weir_sampler_learner,
};

bool weir_options_learn(struct weir_session *session, const struct weir_options_record *record)
{
    bool is_recalled = false;
    for (size_t i = 0; i < sizeof(learners) / sizeof(learners[0]); i++)
        if (learners[i]->suits(record->source)) {
            learners[i]->learn(session, record);
            is_recalled = is_recalled || learners[i]->is_recalled;
        }
    return is_recalled;
}

bool weir_options_has(const struct weir_template *source, uint32_t pen, uint16_t id, bool in_scope)
{
    unsigned first = in_scope ? 0 : source->scope_count;
    unsigned end = in_scope ? source->scope_count : source->field_count;
    for (unsigned i = first; i < end; i++)
        if (source->fields[i].pen == pen && source->fields[i].id == id)
            return true;
    return false;
}

bool weir_options_find(const struct weir_options_record *record, uint32_t pen, uint16_t id,
                       struct weir_value *ret_value)
{
    struct weir_record fields = {
        .template = record->source,
        .octets = weir_reader_make(record->octets, record->length),
    };
    struct weir_value value;
    while (weir_record_next(&fields, &value, NULL) == 0)
        if (value.field->pen == pen && value.field->id == id) {
            *ret_value = value;
            return true;
        }
    return false;
}

bool weir_options_number(const struct weir_options_record *record, uint32_t pen, uint16_t id,
                         uint64_t *ret_number)
{
    struct weir_value value;
    if (!weir_options_find(record, pen, id, &value) || value.length < 1 || value.length > 8)
        return false;
    *ret_number = weir_load_be(value.octets, (unsigned)value.length);
    return true;
}
