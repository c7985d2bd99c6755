/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data Records as JSON by IANA name, and the same for the column `other`.
 *
 * Each field is a member: its name in the registry, or where it knows none the name that the
 * exporter gave (RFC 5610), or "PEN/number" ("scope/number" for a NetFlow v9 scope), and its value
 * as ie/value.h prints it; octets of an element that is not known as 0x and hexadecimal digits. A
 * second field of the same element is "NAME#2". Padding and fields of no octets are left out.
 *
 * Lists (RFC 6313) are objects: a basicList, a subTemplateList and a subTemplateMultiList,
 *
 *     {"semantic":"ordered","element":"bgpSourceAsNumber","values":[64500,64501]}
 *     {"semantic":"allOf","template":300,"records":[{"mplsLabelStackSection":"0x000121"}]}
 *     {"semantic":"allOf","lists":[{"template":300,"records":[...]},{"template":301,...}]}
 *
 * Records of a Template that the session lacks stand as "octets":"0x..." in place of "records". A
 * list that is malformed, nested deeper than 8, or with which the record's text would pass 1 MiB
 * is printed as an octet array, and counted.
 *
 *     weir_text_add(&line, "{\"exporter\":\"192.0.2.1\",");
 *     weir_record_print_json(plan, octets, length, &context, &line, &consumed, &diag);
 *     weir_text_add(&line, "}\n");
 *
 * Threads: pure but for the buffer of the caller.
 */
#ifndef WEIR_RECORD_JSON_H
#define WEIR_RECORD_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "record/plan.h"

/*
 * Adds the members of the record that `octets` begin with, without braces. With a context (NULL:
 * none), times relative to the message are also given absolutely, unless the record has those
 * itself: flowStartSysUpTime as flowStartMilliseconds, flowStartDeltaMicroseconds as
 * flowStartMicroseconds, and likewise their ends.
 * 0; WEIR_E_END: no record, only padding; WEIR_E_MALFORMED with diag: a variable length passes
 * `length`, or the template has no octets. Failures of `out` are the caller's to ask for.
 */
WEIR_CHECKED int weir_record_print_json(const struct weir_plan *plan, const uint8_t *octets,
                                        size_t length, const struct weir_plan_context *context,
                                        struct weir_text_buffer *out, size_t *ret_consumed,
                                        struct weir_diag *diag);

#endif
