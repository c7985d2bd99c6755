/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to common properties, RFC 5473: which record holds them. Where each came last is kept
 * for WEIR_EXPLAIN_COMMON_MAX of them, the oldest of which make room.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/explain_private.h"
#include "base/bytes.h"

#define COMMON_PROPERTIES_ID 137u

static bool is_reference(const struct weir_value *value)
{
    return value->field->pen == 0 && value->field->id == COMMON_PROPERTIES_ID &&
           value->length >= 1 && value->length <= 8;
}

static struct weir_explain_common *find(const struct weir_explain_walk *walk, uint64_t id)
{
    struct weir_explainer *explainer = walk->explainer;
    const struct weir_session *session = explainer->follower.session;
    for (uint32_t i = 0; session && i < explainer->common_count; i++) {
        struct weir_explain_common *common = &explainer->common[i];
        if (common->id == id && memcmp(&common->session, &session->key, sizeof(session->key)) == 0)
            return common;
    }
    return NULL;
}

void weir_explain_common_put(struct weir_explain_walk *walk, const struct weir_value *value,
                             size_t record)
{
    struct weir_explainer *explainer = walk->explainer;
    const struct weir_session *session = explainer->follower.session;
    if (!is_reference(value) || !session)
        return;
    uint64_t id = weir_load_be(value->octets, (unsigned)value->length);
    struct weir_explain_common *common = find(walk, id);
    if (!common) {
        common = &explainer->common[explainer->common_next];
        explainer->common_next = (explainer->common_next + 1) % WEIR_EXPLAIN_COMMON_MAX;
        if (explainer->common_count < WEIR_EXPLAIN_COMMON_MAX)
            explainer->common_count++;
    }
    *common = (struct weir_explain_common){
        .session = session->key, .id = id, .message = walk->origin->number, .offset = record};
}

void weir_explain_common_note(const struct weir_explain_walk *walk, const struct weir_value *value,
                              char note[WEIR_EXPLAIN_NOTE_MAX])
{
    if (!is_reference(value))
        return;
    const struct weir_explain_common *common =
        find(walk, weir_load_be(value->octets, (unsigned)value->length));
    if (common)
        snprintf(note, WEIR_EXPLAIN_NOTE_MAX, "those at octet %zu of message %" PRIu64,
                 common->offset, common->message);
    else
        snprintf(note, WEIR_EXPLAIN_NOTE_MAX, "which have not come");
}
