/* SPDX-License-Identifier: Apache-2.0 */
#include "export/report.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/writer.h"

/* RFC 7011 section 7: the length of a value of variable length, where it is below this. */
#define SHORT_LENGTH_END 255u

_Static_assert(WEIR_REPORT_TEXT_MAX < SHORT_LENGTH_END, "a length is one octet");

/* How the protocol has field `index`, or a field without octets where it has not. */
static struct weir_field field_of(const struct weir_report *report, unsigned index,
                                  enum weir_protocol protocol)
{
    struct weir_field field = report->fields[index].field;
    if (protocol == WEIR_PROTOCOL_IPFIX)
        return field;
    if (field.pen != 0)
        return (struct weir_field){0};
    if (field.length == WEIR_LENGTH_VARIABLE)
        field.length = WEIR_REPORT_TEXT_OCTETS;
    if (index == 0)
        return (struct weir_field){WEIR_PEN_NETFLOW9_SCOPE, report->netflow9_scope, field.length};
    return field;
}

bool weir_report_is_carried(const struct weir_report *report, enum weir_protocol protocol)
{
    return (protocol == WEIR_PROTOCOL_IPFIX && !report->is_netflow9_only) ||
           (protocol == WEIR_PROTOCOL_NETFLOW9 && report->netflow9_scope != WEIR_SCOPE_NONE);
}

struct weir_template *weir_report_template(const struct weir_report *report,
                                           enum weir_protocol protocol, uint16_t template_id)
{
    struct weir_field fields[WEIR_REPORT_FIELDS_MAX];
    uint16_t count = 0;
    assert(report->field_count <= WEIR_REPORT_FIELDS_MAX);
    for (unsigned i = 0; i < report->field_count; i++) {
        struct weir_field field = field_of(report, i, protocol);
        if (field.length > 0)
            fields[count++] = field;
    }
    uint16_t scope = protocol == WEIR_PROTOCOL_IPFIX ? report->scope_count : 1;
    return weir_template_new_options(template_id, fields, count, scope);
}

static void write_text(struct weir_writer *writer, const char *text, uint16_t room)
{
    size_t length = strnlen(text ? text : "", WEIR_REPORT_TEXT_MAX);
    if (room == WEIR_LENGTH_VARIABLE) {
        weir_write_u8(writer, (uint8_t)length);
        weir_write_octets(writer, text, length);
        return;
    }
    length = length < room ? length : room;
    weir_write_octets(writer, text, length);
    weir_write_zeros(writer, room - length);
}

static void write_number(struct weir_writer *writer, uint64_t value, uint16_t octets)
{
    uint64_t greatest = octets < 8 ? (UINT64_C(1) << 8 * octets) - 1 : UINT64_MAX;
    uint8_t *room = weir_write_reserve(writer, octets);
    if (room)
        weir_store_be(room, octets, value < greatest ? value : greatest);
}

static void write_field(struct weir_writer *writer, const struct weir_report_field *field,
                        uint16_t octets, const void *values)
{
    const uint8_t *at = (const uint8_t *)values + field->offset;
    union {
        uint64_t number;
        int64_t time_ns;
        double real;
        const char *text;
    } value;
    memcpy(&value, at, sizeof(value));
    if (field->kind == WEIR_REPORT_KIND_TEXT)
        write_text(writer, value.text, octets);
    else if (field->kind == WEIR_REPORT_KIND_TIME)
        write_number(writer, value.time_ns > 0 ? (uint64_t)(value.time_ns / WEIR_NS_PER_MS) : 0,
                     octets);
    else
        /* A double goes out as its 8 octets. */
        write_number(writer, value.number, octets);
}

static void write_delta(struct weir_writer *writer, const struct weir_report_field *field,
                        uint16_t octets, const void *values, uint64_t *previous)
{
    uint64_t now;
    memcpy(&now, (const uint8_t *)values + field->offset, sizeof(now));
    if (octets > 0)
        write_number(writer, now - *previous, octets);
    *previous = now;
}

size_t weir_report_encode(const struct weir_report *report, enum weir_protocol protocol,
                          uint32_t domain, const void *values,
                          uint64_t previous[WEIR_REPORT_DELTAS_MAX],
                          uint8_t octets[WEIR_REPORT_OCTETS_MAX])
{
    struct weir_writer writer = weir_writer_make(octets, WEIR_REPORT_OCTETS_MAX);
    unsigned deltas = 0;
    for (unsigned i = 0; i < report->field_count; i++) {
        struct weir_field field = field_of(report, i, protocol);
        if (report->fields[i].kind == WEIR_REPORT_KIND_DELTA) {
            assert(deltas < WEIR_REPORT_DELTAS_MAX);
            write_delta(&writer, &report->fields[i], field.length, values, &previous[deltas++]);
        } else if (report->fields[i].kind == WEIR_REPORT_KIND_DOMAIN) {
            weir_write_u32(&writer, domain);
        } else if (field.length > 0) {
            write_field(&writer, &report->fields[i], field.length, values);
        }
    }
    assert(!weir_writer_failed(&writer));
    return weir_writer_offset(&writer);
}
