/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value of a record for people: as ie/value.h prints it, and what is to be known beside. Private
 * to app/.
 */
#ifndef WEIR_APP_EXPLAIN_VALUE_H
#define WEIR_APP_EXPLAIN_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "ie/element.h"
#include "wire/message.h"

#define WEIR_EXPLAIN_NOTE_MAX 320

/*
 * Whether a field of this length can hold values of the type: whole or in reduced size (RFC 7011
 * section 6.2), but not wider than the type.
 */
bool weir_explain_width_fits(enum weir_type type, uint16_t length);

/*
 * Adds the value's text to `out`, nothing where its octets say none. `note` gets what the message
 * makes of it (the time of a sysUpTime), letters of flags, or why it is no value of the type or
 * none that has a meaning; else it is empty. True: the note is of something wrong.
 */
bool weir_explain_value(const struct weir_element *element, const uint8_t *octets, size_t length,
                        const struct weir_message *message, struct weir_text_buffer *out,
                        char note[WEIR_EXPLAIN_NOTE_MAX]);

#endif
