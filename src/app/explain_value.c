/* SPDX-License-Identifier: Apache-2.0 */
#include "app/explain_value.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/calendar.h"
#include "ie/value.h"
#include "record/text.h"

#define TCP_FLAGS_ELEMENT 6u

bool weir_explain_width_fits(enum weir_type type, uint16_t length)
{
    uint16_t full = weir_type_length(type);
    if (full == WEIR_LENGTH_VARIABLE)
        return true;
    switch (type) {
    case WEIR_TYPE_UNSIGNED8:
    case WEIR_TYPE_UNSIGNED16:
    case WEIR_TYPE_UNSIGNED32:
    case WEIR_TYPE_UNSIGNED64:
    case WEIR_TYPE_UNSIGNED256:
    case WEIR_TYPE_SIGNED8:
    case WEIR_TYPE_SIGNED16:
    case WEIR_TYPE_SIGNED32:
    case WEIR_TYPE_SIGNED64:
        return length >= 1 && length <= full;
    case WEIR_TYPE_FLOAT64:
        return length == 4 || length == 8;
    default:
        return length == full;
    }
}

/* Times that say nothing without the message that they stand in. */
static const struct {
    uint16_t element;
    bool after_start; /* milliseconds of sysUpTime; else microseconds before the export time */
} relative_times[] = {{21, true}, {22, true}, {158, false}, {159, false}};

/* The time that a relative one means. */
static bool relative_time(const struct weir_element *element, uint64_t value,
                          const struct weir_message *message, int64_t *ret_ns)
{
    for (size_t i = 0; i < sizeof(relative_times) / sizeof(relative_times[0]); i++) {
        if (element->pen != 0 || element->id != relative_times[i].element || value > UINT32_MAX)
            continue;
        /* Differences of 32 bits, so that a sysUpTime that wrapped in between does no harm. */
        int32_t before_ms = (int32_t)(message->uptime_ms - (uint32_t)value);
        *ret_ns = message->export_time_ns - (relative_times[i].after_start
                                                 ? before_ms * WEIR_NS_PER_MS
                                                 : (int64_t)value * WEIR_NS_PER_US);
        return true;
    }
    return false;
}

static bool is_unsigned(enum weir_type type)
{
    return type >= WEIR_TYPE_UNSIGNED8 && type <= WEIR_TYPE_UNSIGNED64;
}

/* As weir_explain_value, of an integer. */
static bool note_integer(const struct weir_element *element, uint64_t value,
                         const struct weir_message *message, char note[WEIR_EXPLAIN_NOTE_MAX])
{
    int64_t time_ns;
    if (relative_time(element, value, message, &time_ns)) {
        char text[WEIR_TIME_TEXT_MAX];
        weir_time_format_ns(time_ns, text);
        snprintf(note, WEIR_EXPLAIN_NOTE_MAX, "%s", text);
    } else if (element->pen == 0 && element->id == TCP_FLAGS_ELEMENT && value <= UINT16_MAX) {
        weir_tcp_flags_format((uint16_t)value, note);
    } else if (element->has_range && (value < element->range_min || value > element->range_max)) {
        snprintf(note, WEIR_EXPLAIN_NOTE_MAX,
                 "outside of what has a meaning, %" PRIu64 " to %" PRIu64, element->range_min,
                 element->range_max);
        return true;
    }
    return false;
}

bool weir_explain_value(const struct weir_element *element, const uint8_t *octets, size_t length,
                        const struct weir_message *message, struct weir_text_buffer *out,
                        char note[WEIR_EXPLAIN_NOTE_MAX])
{
    struct weir_scalar value;
    struct weir_diag diag = {0};
    note[0] = 0;
    if (!element || length == 0)
        return false;
    enum weir_type type = (enum weir_type)element->type;
    if (weir_value_decode(type, octets, length, &value, &diag) < 0) {
        snprintf(note, WEIR_EXPLAIN_NOTE_MAX, "%s", diag.text);
        return true;
    }
    weir_value_print(&value, out);
    return is_unsigned(type) && note_integer(element, value.u64, message, note);
}
