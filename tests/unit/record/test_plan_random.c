/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random Templates and records: plans against a slow decoder that takes one record, one column at
 * a time and knows nothing of theirs but the rules in plan.h; and what was decoded survives being
 * encoded and decoded again.
 */
#include "support/cmocka.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "ie/value.h"
#include "record/plan.h"

#define EXPORT_NS  INT64_C(1700000000000000000)
#define UPTIME_MS  UINT32_C(86400000)
#define FIELDS_MAX 30u
#define NONE       UINT_MAX

static const struct {
    uint32_t pen;
    uint16_t id;
    uint16_t lengths[4];
} palette[] = {
    {0, 1, {1, 4, 8, 9}},          {0, 2, {3, 4, 8, 5}},
    {0, 4, {1, 1, 2, 4}},          {0, 5, {1, 1, 1, 2}},
    {0, 6, {1, 2, 1, 4}},          {0, 7, {2, 2, 1, 4}},
    {0, 8, {4, 4, 4, 16}},         {0, 10, {2, 4, 8, 3}},
    {0, 11, {2, 2, 2, 2}},         {0, 12, {4, 4, 4, 4}},
    {0, 15, {4, 4, 4, 5}},         {0, 16, {2, 4, 2, 4}},
    {0, 22, {4, 4, 4, 8}},         {0, 21, {4, 4, 4, 4}},
    {0, 27, {16, 16, 16, 4}},      {0, 28, {16, 16, 16, 16}},
    {0, 32, {2, 2, 2, 1}},         {0, 34, {4, 2, 1, 4}},
    {0, 139, {2, 2, 2, 2}},        {0, 150, {4, 4, 4, 8}},
    {0, 152, {8, 8, 8, 4}},        {0, 153, {8, 8, 8, 8}},
    {0, 154, {8, 8, 8, 8}},        {0, 156, {8, 8, 8, 8}},
    {0, 157, {8, 8, 8, 8}},        {0, 158, {4, 4, 4, 4}},
    {0, 176, {1, 1, 1, 2}},        {0, 177, {1, 1, 1, 1}},
    {0, 195, {1, 1, 1, 2}},        {0, 56, {6, 6, 6, 8}},
    {0, 31, {4, 3, 3, 2}},         {0, 85, {4, 8, 7, 6}},
    {0, 180, {2, 2, 2, 2}},        {0, 182, {2, 2, 2, 2}},
    {0, 58, {2, 2, 1, 2}},         {0, 243, {2, 2, 2, 2}},
    {29305, 1, {4, 8, 4, 8}},      {0, 231, {4, 8, 4, 8}},
    {0, 60, {1, 1, 2, 0}},         {0, 82, {8, 65535, 65535, 3}},
    {0, 95, {4, 4, 9, 1}},         {0, 96, {8, 65535, 4, 16}},
    {0, 210, {1, 2, 3, 65535}},    {35632, 12345, {1, 65535, 4, 0}},
    {0, 40001, {2, 2, 65535, 1}},  {0, 48, {1, 2, 4, 4}},
    {UINT32_MAX, 1, {4, 2, 1, 0}},
};
#define PALETTE_COUNT (sizeof(palette) / sizeof(palette[0]))

struct value {
    const uint8_t *octets;
    size_t length;
};

/* One random case: a template, records, and what a message says of them. */
struct scene {
    struct weir_random random;
    struct weir_template *template;
    struct weir_plan_context context;
    unsigned winners[WEIR_COLUMN_COUNT]; /* field of each column, or NONE */
    unsigned alternates[WEIR_COLUMN_COUNT];
    unsigned partners[WEIR_COLUMN_COUNT]; /* the column that is of the same family, or NONE */
    size_t length;
    uint32_t count;
    uint8_t octets[64 * 1024];
};

static uint32_t below(struct scene *scene, uint32_t bound)
{
    return weir_random_below(&scene->random, bound);
}

static void make_template(struct scene *scene)
{
    struct weir_field fields[FIELDS_MAX];
    uint16_t count = (uint16_t)(1 + below(scene, FIELDS_MAX));
    bool may_vary = below(scene, 2);
    for (uint16_t i = 0; i < count; i++) {
        uint32_t pick = below(scene, PALETTE_COUNT);
        uint16_t length = palette[pick].lengths[below(scene, 4)];
        if (length == WEIR_LENGTH_VARIABLE && !may_vary)
            length = 5;
        fields[i] = (struct weir_field){palette[pick].pen, palette[pick].id, length};
    }
    scene->template = weir_template_new(300, fields, count);
    assert_non_null(scene->template);
}

/* Zeros, small values, letters, or anything. */
static void put_octets(struct scene *scene, uint8_t *to, size_t length)
{
    uint32_t kind = below(scene, 4);
    for (size_t i = 0; i < length; i++)
        to[i] = kind == 0                     ? 0
                : kind == 1 && i + 1 < length ? 0
                : kind == 2 && (i & 1)        ? (uint8_t)('a' + below(scene, 3))
                                              : (uint8_t)below(scene, 256);
}

static void make_records(struct scene *scene)
{
    scene->count = below(scene, 8) ? below(scene, 30) : 250 + below(scene, 20);
    scene->length = 0;
    for (uint32_t r = 0; r < scene->count; r++)
        for (unsigned f = 0; f < scene->template->field_count; f++) {
            size_t length = scene->template->fields[f].length;
            if (length == WEIR_LENGTH_VARIABLE) {
                length = below(scene, 9);
                if (below(scene, 4) == 0) {
                    scene->octets[scene->length++] = 255;
                    scene->octets[scene->length++] = 0;
                }
                scene->octets[scene->length++] = (uint8_t)length;
            }
            put_octets(scene, scene->octets + scene->length, length);
            scene->length += length;
        }
}

/* Walks one record; returns its octets. */
static size_t walk(const struct weir_template *template, const uint8_t *record,
                   struct value values[FIELDS_MAX])
{
    size_t at = 0;
    for (unsigned f = 0; f < template->field_count; f++) {
        size_t length = template->fields[f].length;
        if (length == WEIR_LENGTH_VARIABLE) {
            length = record[at++];
            if (length == 255) {
                length = (size_t)record[at] << 8 | record[at + 1];
                at += 2;
            }
        }
        values[f] = (struct value){record + at, length};
        at += length;
    }
    return at;
}

static uint64_t big_endian(struct value value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < value.length; i++)
        sum = sum * 256 + value.octets[i];
    return sum;
}

static bool is_zero(struct value value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.octets[i])
            return false;
    return true;
}

/* Whether a field of this length can fill the column. */
static bool can_fill(const struct weir_field *field, enum weir_column column)
{
    static const uint8_t time_lengths[] = {4, 4, 8, 8, 8, 8, 8, 8, 4, 4};
    uint16_t length = field->length;
    if (field->id == 32 || field->id == 139)
        return length == 2;
    if (field->id == 195)
        return length == 1;
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_TIME:
        return length == (field->id < 150 ? 4 : time_lengths[field->id - 150]);
    case WEIR_COLUMN_ADDRESS:
        return length == 4 || length == 16;
    case WEIR_COLUMN_MAC:
        return length == 6;
    case WEIR_COLUMN_TEXT:
        return length > 0;
    default:
        return length >= 1 && length <= 8;
    }
}

static bool is_too_wide(const struct weir_field *field, enum weir_column column)
{
    enum weir_column_type type = weir_column_info(column)->type;
    bool plain = type <= WEIR_COLUMN_U64 && field->id != 32 && field->id != 139;
    return plain && field->length > weir_column_width(type);
}

/* The field that fills the column best but for `but`, or NONE. */
static unsigned best(const struct weir_template *template, enum weir_column column, unsigned but)
{
    unsigned found = NONE;
    for (unsigned f = 0; f < template->field_count; f++) {
        const struct weir_field *field = &template->fields[f];
        enum weir_column own;
        if (f == but || weir_column_for_element(field->pen, field->id, &own) < 0 || own != column ||
            !can_fill(field, column))
            continue;
        if (but != NONE && is_too_wide(field, column))
            continue;
        if (found == NONE ||
            weir_column_rank(field->pen, field->id) <
                weir_column_rank(template->fields[found].pen, template->fields[found].id))
            found = f;
    }
    return found;
}

/* The best field of a family; masks have theirs by element. */
static unsigned best_of(const struct weir_template *template, enum weir_column column, bool is_v6)
{
    unsigned found = NONE;
    for (unsigned f = 0; f < template->field_count; f++) {
        const struct weir_field *field = &template->fields[f];
        bool is_mask = column == WEIR_COLUMN_SRC_MASK || column == WEIR_COLUMN_DST_MASK;
        bool own_v6 = is_mask ? field->id == 29 || field->id == 30 : field->length == 16;
        enum weir_column own;
        if (weir_column_for_element(field->pen, field->id, &own) < 0 || own != column ||
            !can_fill(field, column) || own_v6 != is_v6)
            continue;
        if (found == NONE ||
            weir_column_rank(field->pen, field->id) <
                weir_column_rank(template->fields[found].pen, template->fields[found].id))
            found = f;
    }
    return found;
}

static void settle_pair(struct scene *scene, enum weir_column a, enum weir_column b)
{
    const enum weir_column both[] = {a, b};
    unsigned fields[2][2], first = NONE;
    bool first_is_v6 = false;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned v6 = 0; v6 < 2; v6++) {
            fields[i][v6] = best_of(scene->template, both[i], v6);
            if (fields[i][v6] == NONE)
                return;
            if (first == NONE || fields[i][v6] < first) {
                first = fields[i][v6];
                first_is_v6 = v6;
            }
        }
    for (unsigned i = 0; i < 2; i++) {
        scene->winners[both[i]] = fields[i][first_is_v6];
        scene->alternates[both[i]] = fields[i][!first_is_v6];
        scene->partners[both[i]] = both[!i];
    }
    const enum weir_column masks[] = {WEIR_COLUMN_SRC_MASK, WEIR_COLUMN_DST_MASK};
    for (unsigned i = 0; a == WEIR_COLUMN_SRC_ADDR && i < 2; i++) {
        unsigned own = best_of(scene->template, masks[i], first_is_v6);
        unsigned other = best_of(scene->template, masks[i], !first_is_v6);
        if (own == NONE || other == NONE)
            continue;
        scene->winners[masks[i]] = own;
        scene->alternates[masks[i]] = other;
    }
}

static void make_scene(struct scene *scene, uint64_t seed)
{
    scene->random.state = seed;
    make_template(scene);
    make_records(scene);
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        enum weir_column column = (enum weir_column)i;
        bool is_counter = weir_column_info(column)->type == WEIR_COLUMN_U64;
        unsigned winner = best(scene->template, column, NONE);
        scene->winners[i] = winner;
        scene->alternates[i] =
            winner == NONE || is_counter ? NONE : best(scene->template, column, winner);
        scene->partners[i] = NONE;
    }
    settle_pair(scene, WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_DST_ADDR);
    settle_pair(scene, WEIR_COLUMN_NAT_SRC_ADDR, WEIR_COLUMN_NAT_DST_ADDR);
    scene->context = (struct weir_plan_context){
        .export_time_ns = EXPORT_NS,
        .uptime_zero_ns = EXPORT_NS - UPTIME_MS * WEIR_NS_PER_MS,
        .sampling = below(scene, 2) ? 0 : 64,
    };
}

/* Whether the field of a column among these is zero, and that of its partner. */
static bool are_zero(const struct scene *scene, const unsigned *fields, const struct value *values,
                     enum weir_column column)
{
    unsigned partner = scene->partners[column];
    return is_zero(values[fields[column]]) && (partner == NONE || is_zero(values[fields[partner]]));
}

static int64_t slow_time(uint16_t id, struct value value)
{
    uint64_t number = big_endian(value);
    if (id == 21 || id == 22) {
        int64_t after = (int64_t)number - (int64_t)UPTIME_MS;
        if (after > INT32_MAX)
            after -= INT64_C(4294967296);
        return EXPORT_NS + after * 1000000;
    }
    if (id <= 151)
        return (int64_t)number * 1000000000;
    if (id <= 153)
        return number > INT64_MAX / 1000000 ? INT64_MAX / 1000000 * 1000000
                                            : (int64_t)number * 1000000;
    if (id >= 158)
        return EXPORT_NS - (int64_t)number * 1000;
    if (number == 0)
        return 0;
    int64_t seconds = (int64_t)(number >> 32) - INT64_C(2208988800);
    if (number < UINT64_C(1) << 63)
        seconds += INT64_C(4294967296);
    long double fraction = (long double)(uint32_t)number / 4294967296.0L;
    if (id <= 155) {
        fraction = (long double)((uint32_t)number & ~2047u) / 4294967296.0L;
        return seconds * 1000000000 + (int64_t)(fraction * 1000000.0L + 0.5L) * 1000;
    }
    return seconds * 1000000000 + (int64_t)(fraction * 1000000000.0L);
}

static uint64_t slow_integer(const struct weir_field *field, enum weir_column column,
                             struct value value)
{
    uint64_t number = big_endian(value);
    unsigned octets = weir_column_width(weir_column_info(column)->type);
    uint64_t limit = octets == 8 ? UINT64_MAX : (UINT64_C(1) << octets * 8) - 1;
    if (field->id == 195)
        return (number & 63) * 4;
    if (field->id == 32 || field->id == 139)
        return number >> 8;
    return number < limit ? number : limit;
}

static uint64_t found_integer(const struct weir_batch *batch, enum weir_column column, uint32_t row)
{
    switch (weir_column_width(weir_column_info(column)->type)) {
    case 1:
        return weir_batch_u8(batch, column)[row];
    case 2:
        return weir_batch_u16(batch, column)[row];
    case 4:
        return weir_batch_u32(batch, column)[row];
    default:
        return weir_batch_u64(batch, column)[row];
    }
}

/* The field whose value the row's column has. */
static unsigned field_of_row(const struct scene *scene, enum weir_column column,
                             const struct value *values)
{
    unsigned winner = scene->winners[column], second = scene->alternates[column];
    if (winner != NONE && second != NONE && are_zero(scene, scene->winners, values, column) &&
        !are_zero(scene, scene->alternates, values, column))
        return second;
    return winner;
}

static void check_column(const struct scene *scene, const struct weir_batch *batch,
                         enum weir_column column, uint32_t row, const struct value *values)
{
    unsigned f = field_of_row(scene, column, values);
    if (f == NONE)
        return;
    const struct weir_field *field = &scene->template->fields[f];
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_TIME:
        assert_true(weir_batch_time(batch, column)[row] == slow_time(field->id, values[f]));
        break;
    case WEIR_COLUMN_ADDRESS: {
        struct weir_address expected = field->length == 4
                                           ? weir_address_from_v4((uint32_t)big_endian(values[f]))
                                           : weir_address_from_octets(values[f].octets);
        assert_true(weir_batch_high(batch, column)[row] == expected.high);
        assert_true(weir_batch_low(batch, column)[row] == expected.low);
        break;
    }
    case WEIR_COLUMN_TEXT:
        break;
    default: {
        uint64_t expected = slow_integer(field, column, values[f]);
        if (column == WEIR_COLUMN_SAMPLING && expected == 0)
            expected = scene->context.sampling;
        assert_true(found_integer(batch, column, row) == expected);
        if ((field->id == 32 || field->id == 139) && scene->winners[WEIR_COLUMN_ICMP_CODE] == NONE)
            assert_int_equal(weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE)[row], values[f].octets[1]);
        break;
    }
    }
}

/* The fields of a row that have no place in a column, as `other` is to show them. */
static void slow_other(const struct scene *scene, const struct value *values,
                       struct weir_text_buffer *out)
{
    const struct weir_template *template = scene->template;
    weir_text_clear(out);
    for (unsigned f = 0; f < template->field_count; f++) {
        const struct weir_field *field = &template->fields[f];
        enum weir_column column;
        bool keep = values[f].length > 0 && !(field->pen == 0 && field->id == 210);
        if (weir_column_for_element(field->pen, field->id, &column) == 0) {
            unsigned winner = scene->winners[column];
            if (winner == f && is_too_wide(field, column))
                keep = big_endian(values[f]) != slow_integer(field, column, values[f]);
            else if (winner == f)
                keep = false;
            else if (scene->alternates[column] == f)
                keep =
                    keep && !is_zero(values[f]) && !are_zero(scene, scene->winners, values, column);
        }
        if (!keep)
            continue;
        unsigned repeat = 1;
        for (unsigned i = 0; i < f; i++)
            repeat += template->fields[i].pen == field->pen && template->fields[i].id == field->id;
        const struct weir_element *element = weir_element_find(field->pen, field->id);
        static const struct weir_element system = {.type = WEIR_TYPE_UNSIGNED64};
        weir_text_add_char(out, out->length ? ',' : '{');
        if (field->pen == UINT32_MAX)
            weir_text_add(out, "\"scopeSystem");
        else if (element)
            weir_text_printf(out, "\"%s", element->name);
        else
            weir_text_printf(out, "\"%u/%u", field->pen, field->id);
        if (repeat > 1)
            weir_text_printf(out, "#%u", repeat);
        weir_text_add(out, "\":");
        (void)weir_value_print_json(field->pen == UINT32_MAX ? &system : element, values[f].octets,
                                    values[f].length, out);
    }
    if (out->length)
        weir_text_add_char(out, '}');
}

static void check_row(const struct scene *scene, const struct weir_batch *batch, uint32_t row,
                      const struct value *values, struct weir_text_buffer *text)
{
    for (unsigned column = WEIR_COLUMN_FIRST_OF_ROW; column < WEIR_COLUMN_COUNT; column++)
        check_column(scene, batch, (enum weir_column)column, row, values);
    slow_other(scene, values, text);
    if (batch->all & WEIR_COLUMN_BIT(OTHER)) {
        struct weir_text other = weir_batch_texts(batch, WEIR_COLUMN_OTHER)[row];
        assert_int_equal(other.length, text->length);
        if (text->length)
            assert_memory_equal(batch->text + other.offset, text->data, text->length);
    } else {
        assert_int_equal(text->length, 0);
    }
}

static weir_column_set slow_columns(const struct scene *scene)
{
    weir_column_set set = 0;
    for (unsigned column = WEIR_COLUMN_FIRST_OF_ROW; column < WEIR_COLUMN_COUNT; column++) {
        unsigned f = scene->winners[column];
        if (f == NONE)
            continue;
        set |= (weir_column_set)1 << column;
        uint16_t id = scene->template->fields[f].id;
        if (id == 32 || id == 139)
            set |= WEIR_COLUMN_BIT(ICMP_CODE);
    }
    const weir_column_set icmp = WEIR_COLUMN_BIT(ICMP_TYPE) | WEIR_COLUMN_BIT(ICMP_CODE);
    if (set & WEIR_COLUMN_BIT(PROTOCOL) && set & WEIR_COLUMN_BIT(DST_PORT) && !(set & icmp))
        set |= icmp;
    return scene->context.sampling ? set | WEIR_COLUMN_BIT(SAMPLING) : set;
}

/* Decodes a copy that ends exactly where the records do. */
static int decode_exactly(const struct weir_plan *plan, const struct scene *scene, size_t length,
                          struct weir_batch *batch, uint32_t *ret_records)
{
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, scene->octets, length);
    size_t consumed = 0;
    struct weir_diag diag = {0};
    int result =
        weir_plan_decode(plan, copy, length, &scene->context, batch, &consumed, ret_records, &diag);
    assert_true(consumed <= length);
    assert_int_equal(*ret_records, batch->row_count);
    if (result < 0)
        assert_true(diag.has_offset);
    free(copy);
    return result;
}

static void plans_agree_with_the_slow_decoder(void **state)
{
    (void)state;
    struct scene *scene = malloc(sizeof(*scene));
    struct weir_batch *batch = weir_batch_new(512);
    struct weir_text_buffer text;
    weir_text_init(&text, 1 << 20);
    assert_non_null(scene);
    assert_non_null(batch);
    unsigned rows = 0;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct weir_plan *plan;
        make_scene(scene, seed);
        assert_int_equal(weir_plan_compile(scene->template, &plan), 0);
        uint32_t records;
        int result = decode_exactly(plan, scene, scene->length, batch, &records);
        if (scene->template->record_length == 0) {
            assert_int_equal(records, 0);
        } else {
            assert_int_equal(result, 0);
            assert_int_equal(records, scene->count);
        }
        if (records)
            assert_true((batch->all & ~WEIR_COLUMN_BIT(OTHER)) == slow_columns(scene));
        size_t at = 0;
        for (uint32_t row = 0; row < records; row++) {
            struct value values[FIELDS_MAX];
            at += walk(scene->template, scene->octets + at, values);
            check_row(scene, batch, row, values, &text);
        }
        rows += records;
        weir_batch_clear(batch);
        weir_plan_free(plan);
        free(scene->template);
    }
    assert_true(rows > 50000);
    weir_text_done(&text);
    weir_batch_free(batch);
    free(scene);
}

/* Times that every form can say come back; from a coarser or finer form, to the second. */
static bool same_times(const struct scene *scene, const struct weir_batch *a,
                       const struct weir_batch *b, enum weir_column column)
{
    int64_t exact = scene->alternates[column] == NONE ? 1 : WEIR_NS_PER_SECOND;
    for (uint32_t row = 0; row < a->row_count; row++) {
        int64_t one = weir_batch_time(a, column)[row], other = weir_batch_time(b, column)[row];
        bool is_common = one >= EXPORT_NS - INT64_C(1000) * WEIR_NS_PER_SECOND &&
                         one <= EXPORT_NS + INT64_C(1000) * WEIR_NS_PER_SECOND;
        if ((exact == 1 || is_common) && one >= 0 && llabs(one - other) >= exact)
            return false;
    }
    return true;
}

static bool same_column(const struct scene *scene, const struct weir_batch *a,
                        const struct weir_batch *b, enum weir_column column)
{
    enum weir_column_type type = weir_column_info(column)->type;
    if (type == WEIR_COLUMN_TEXT)
        return true; /* printed for people; not what was sent */
    if (type == WEIR_COLUMN_TIME)
        return same_times(scene, a, b, column);
    /* An alternate's value may be too much for the winner, whose field it is written to as well. */
    if (type != WEIR_COLUMN_ADDRESS)
        return scene->alternates[column] != NONE ||
               memcmp(a->columns[column], b->columns[column],
                      a->row_count * weir_column_width(type)) == 0;
    return memcmp(weir_batch_high(a, column), weir_batch_high(b, column), a->row_count * 8) == 0 &&
           memcmp(weir_batch_low(a, column), weir_batch_low(b, column), a->row_count * 8) == 0;
}

static void what_was_decoded_survives_encoding(void **state)
{
    (void)state;
    struct scene *scene = malloc(sizeof(*scene));
    struct weir_batch *first = weir_batch_new(512), *second = weir_batch_new(512);
    assert_non_null(scene);
    assert_non_null(first);
    assert_non_null(second);
    for (uint64_t seed = 10001; seed <= 13000; seed++) {
        struct weir_plan *plan;
        make_scene(scene, seed);
        assert_int_equal(weir_plan_compile(scene->template, &plan), 0);
        uint32_t records = 0, again = 0;
        if (!scene->template->is_variable && scene->template->record_length > 0) {
            assert_int_equal(decode_exactly(plan, scene, scene->length, first, &records), 0);
            memset(scene->octets, 0xee, scene->length + 1);
            weir_plan_encode(plan, first, 0, records, &scene->context, scene->octets, NULL);
            assert_int_equal(scene->octets[scene->length], 0xee);
            assert_int_equal(decode_exactly(plan, scene, scene->length, second, &again), 0);
            assert_int_equal(again, records);
        }
        for (unsigned c = WEIR_COLUMN_FIRST_OF_ROW; records && c < WEIR_COLUMN_COUNT; c++)
            if (first->all >> c & 1 && !same_column(scene, first, second, (enum weir_column)c))
                fail_msg("seed %llu: %s", (unsigned long long)seed,
                         weir_column_info((enum weir_column)c)->name);
        weir_batch_clear(first);
        weir_batch_clear(second);
        weir_plan_free(plan);
        free(scene->template);
    }
    weir_batch_free(first);
    weir_batch_free(second);
    free(scene);
}

/* Cut anywhere: what is whole is there, and no octet past the cut is read. Flipped: likewise. */
static void every_cut_and_flip_ends_orderly(void **state)
{
    (void)state;
    struct scene *scene = malloc(sizeof(*scene));
    struct weir_batch *batch = weir_batch_new(512);
    assert_non_null(scene);
    assert_non_null(batch);
    for (uint64_t seed = 20001; seed <= 20060; seed++) {
        struct weir_plan *plan;
        make_scene(scene, seed);
        assert_int_equal(weir_plan_compile(scene->template, &plan), 0);
        size_t length = scene->length < 600 ? scene->length : 600;
        uint32_t before = 0, records;
        for (size_t cut = 0; cut <= length; cut++) {
            (void)decode_exactly(plan, scene, cut, batch, &records);
            assert_true(records >= before);
            before = records;
            weir_batch_clear(batch);
        }
        for (size_t i = 0; i < length; i++)
            for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
                scene->octets[i] ^= (uint8_t)flip;
                (void)decode_exactly(plan, scene, length, batch, &records);
                scene->octets[i] ^= (uint8_t)flip;
                weir_batch_clear(batch);
            }
        weir_plan_free(plan);
        free(scene->template);
    }
    weir_batch_free(batch);
    free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_agree_with_the_slow_decoder),
        cmocka_unit_test(what_was_decoded_survives_encoding),
        cmocka_unit_test(every_cut_and_flip_ends_orderly),
    };
    return cmocka_run_group_tests_name("plans at random", tests, NULL, NULL);
}
