/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/types.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collect/options.h"

struct weir_type_entry {
    struct weir_element element; /* its name is the one below */
    bool is_contradicted;        /* described in two ways, so in none */
    uint8_t name_length;         /* as sent, for comparison; cut where it is longer */
    char sent[WEIR_TYPE_NAME_MAX];
    char name[WEIR_TYPE_NAME_MAX + 1];
};

/* RFC 5610 section 3.10, with the types and semantics of IANA's registries since. */
static bool may_be(const struct weir_element *described)
{
    enum weir_semantics semantics = (enum weir_semantics)described->semantics;
    enum weir_type type = (enum weir_type)described->type;
    if (type >= WEIR_TYPE_COUNT || semantics >= WEIR_SEMANTICS_COUNT)
        return false;
    bool is_list = type >= WEIR_TYPE_BASIC_LIST && type <= WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST;
    if (semantics == WEIR_SEMANTICS_DEFAULT)
        return true;
    if (semantics == WEIR_SEMANTICS_LIST || is_list)
        return semantics == WEIR_SEMANTICS_LIST && is_list;
    bool is_flags = semantics == WEIR_SEMANTICS_FLAGS;
    if (type >= WEIR_TYPE_SIGNED8 && type <= WEIR_TYPE_SIGNED64)
        return !is_flags;
    if (type == WEIR_TYPE_FLOAT32 || type == WEIR_TYPE_FLOAT64)
        return !is_flags && semantics != WEIR_SEMANTICS_IDENTIFIER;
    return (type >= WEIR_TYPE_UNSIGNED8 && type <= WEIR_TYPE_UNSIGNED64) ||
           type == WEIR_TYPE_UNSIGNED256;
}

static bool has_name(const struct weir_types *types, const char *name)
{
    for (uint32_t i = 0; i < types->count; i++)
        if (strcmp(types->entries[i]->name, name) == 0)
            return true;
    return false;
}

/* Whether the name can stand in JSON beside all others. */
static bool is_free(const struct weir_types *types, const char *name)
{
    /* What sink/json.h has in a line besides elements. */
    static const char *const members[] = {"exporter", "domain",   "received",
                                          "protocol", "template", "type"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i], name) == 0)
            return false;
    return !weir_element_by_name(name) && !has_name(types, name);
}

static void set_name(const struct weir_types *types, struct weir_type_entry *entry,
                     const uint8_t *name, size_t length)
{
    entry->element.name = entry->name;
    entry->name_length = (uint8_t)(length < WEIR_TYPE_NAME_MAX ? length : WEIR_TYPE_NAME_MAX);
    memcpy(entry->sent, name, entry->name_length);
    if (length == 0 || length > WEIR_TYPE_NAME_MAX)
        return;
    for (size_t i = 0; i < length; i++)
        if (!(name[i] < 128 && isalnum(name[i])) && name[i] != '-' && name[i] != '_')
            return;
    char text[WEIR_TYPE_NAME_MAX + 1] = "";
    memcpy(text, name, length);
    if (is_free(types, text))
        memcpy(entry->name, text, length);
}

static uint64_t number_of(uint32_t pen, uint16_t id)
{
    return (uint64_t)pen << 16 | id;
}

/* Index of the first entry that is not before this element. */
static uint32_t place_of(const struct weir_types *types, uint32_t pen, uint16_t id)
{
    uint32_t low = 0, high = types->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct weir_element *element = &types->entries[middle]->element;
        if (number_of(element->pen, element->id) < number_of(pen, id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct weir_type_entry *entry_at(const struct weir_types *types, uint32_t place,
                                        uint32_t pen, uint16_t id)
{
    if (place == types->count)
        return NULL;
    struct weir_type_entry *entry = types->entries[place];
    return entry->element.pen == pen && entry->element.id == id ? entry : NULL;
}

static bool says_the_same(const struct weir_type_entry *entry, const struct weir_element *described,
                          const uint8_t *name, size_t length)
{
    size_t compared = length < WEIR_TYPE_NAME_MAX ? length : WEIR_TYPE_NAME_MAX;
    return entry->element.type == described->type &&
           entry->element.semantics == described->semantics && entry->name_length == compared &&
           memcmp(entry->sent, name, compared) == 0;
}

static int make_room(struct weir_types *types)
{
    if (types->count < types->capacity)
        return 0;
    uint32_t capacity = types->capacity ? types->capacity * 2 : 8;
    struct weir_type_entry **grown =
        realloc(types->entries, capacity * sizeof(struct weir_type_entry *));
    if (!grown)
        return WEIR_E_NOMEM;
    types->entries = grown;
    types->capacity = capacity;
    return 0;
}

int weir_types_put(struct weir_types *types, const struct weir_element *described,
                   const uint8_t *name, size_t name_length, struct weir_budget *budget)
{
    const uint32_t pen = described->pen;
    const uint16_t id = described->id;
    if (weir_element_find(pen, id))
        return 0;
    if (!may_be(described) || pen == WEIR_PEN_NETFLOW9_SCOPE)
        return WEIR_E_MALFORMED;
    uint32_t place = place_of(types, pen, id);
    struct weir_type_entry *entry = entry_at(types, place, pen, id);
    if (entry) {
        entry->is_contradicted |= !says_the_same(entry, described, name, name_length);
        return entry->is_contradicted ? WEIR_E_MALFORMED : 0;
    }
    if (types->count == WEIR_TYPES_MAX || !weir_budget_take(budget, sizeof(*entry)))
        return WEIR_E_LIMIT;
    entry = calloc(1, sizeof(*entry));
    if (!entry || make_room(types) < 0) {
        free(entry);
        weir_budget_give_back(budget, sizeof(*entry));
        return WEIR_E_NOMEM;
    }
    entry->element = (struct weir_element){
        .units = "",
        .pen = pen,
        .id = id,
        .type = described->type,
        .semantics = described->semantics,
    };
    set_name(types, entry, name, name_length);
    memmove(&types->entries[place + 1], &types->entries[place],
            (types->count - place) * sizeof(struct weir_type_entry *));
    types->entries[place] = entry;
    types->count++;
    return 0;
}

const struct weir_element *weir_types_find(const struct weir_types *types, uint32_t pen,
                                           uint16_t id)
{
    const struct weir_type_entry *entry = entry_at(types, place_of(types, pen, id), pen, id);
    return entry && !entry->is_contradicted ? &entry->element : NULL;
}

void weir_types_done(struct weir_types *types, struct weir_budget *budget)
{
    weir_budget_give_back(budget, types->count * sizeof(struct weir_type_entry));
    for (uint32_t i = 0; i < types->count; i++)
        free(types->entries[i]);
    free(types->entries);
    *types = (struct weir_types){0};
}

/* The elements of RFC 5610 section 3, and PSAMP's informationElementId. */
enum {
    INFORMATION_ELEMENT_ID = 303,
    DATA_TYPE = 339,
    NAME = 341,
    SEMANTICS = 344,
    PRIVATE_ENTERPRISE_NUMBER = 346,
};

static bool suits(const struct weir_template *source)
{
    return weir_options_has(source, 0, INFORMATION_ELEMENT_ID, true) &&
           weir_options_has(source, 0, DATA_TYPE, false);
}

static void learn(struct weir_session *session, const struct weir_options_record *record)
{
    uint64_t id = 0, pen = 0, type = WEIR_TYPE_COUNT, semantics = WEIR_SEMANTICS_DEFAULT;
    struct weir_value name = {.octets = record->octets};
    /* What lacks is as good as zero but for the type. */
    (void)weir_options_number(record, 0, INFORMATION_ELEMENT_ID, &id);
    (void)weir_options_number(record, 0, PRIVATE_ENTERPRISE_NUMBER, &pen);
    (void)weir_options_number(record, 0, DATA_TYPE, &type);
    (void)weir_options_number(record, 0, SEMANTICS, &semantics);
    (void)weir_options_find(record, 0, NAME, &name);
    while (name.length > 0 && name.octets[name.length - 1] == 0)
        name.length--; /* padding of a fixed length */
    struct weir_element described = {
        .pen = pen <= UINT32_MAX ? (uint32_t)pen : WEIR_PEN_NETFLOW9_SCOPE,
        .id = id & 0x7fff, /* the enterprise bit is to be ignored */
        .type = type < WEIR_TYPE_COUNT ? (uint8_t)type : WEIR_TYPE_COUNT,
        .semantics = semantics < WEIR_SEMANTICS_COUNT ? (uint8_t)semantics : WEIR_SEMANTICS_COUNT,
    };
    uint32_t before = session->types.count;
    int result =
        weir_types_put(&session->types, &described, name.octets, name.length, record->budget);
    WEIR_TALLY(&session->tally, elements_learnt, session->types.count - before);
    WEIR_TALLY(&session->tally, elements_refused, result < 0);
}

const struct weir_options_learner weir_types_learner = {suits, learn, .is_recalled = true};
