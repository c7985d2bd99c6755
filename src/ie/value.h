/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of Information Elements: each abstract data type of RFC 7012 from and to octets
 * (RFC 7011 section 6, with the reduced sizes of 6.2) and from and to text (RFC 7373).
 *
 *     struct weir_scalar value;
 *     if (weir_value_decode(WEIR_TYPE_UNSIGNED32, octets, 2, &value, &diag) == 0)
 *         weir_value_print(&value, &text);                       // "443"
 *     weir_value_print_json(weir_element_find(0, 8), octets, 4, &line);  // "\"192.0.2.1\""
 *
 * Text: integers in decimal; floats as short as gives them back; addresses as RFC 5952 and
 * 00:00:5e:00:53:01; times as RFC 3339 in UTC with the digits of their type; octetArray and the
 * structured types of RFC 6313, whose inside is not looked at here, as 0x and hexadecimal digits;
 * strings without the NULs that pad them, with what could steer a terminal escaped.
 *
 * Ownership: a scalar of an octet array, string or structured type borrows its octets. Threads:
 * pure functions. Nothing allocates but the text buffer of the caller.
 */
#ifndef WEIR_IE_VALUE_H
#define WEIR_IE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "ie/element.h"

/* One value; which member holds it goes by the type. */
struct weir_scalar {
    uint8_t type;        /* enum weir_type */
    uint8_t float_width; /* floats: 4 or 8, octets that it came in */
    union {
        uint64_t u64;        /* unsigned8 to unsigned64; macAddress: low 48 bits */
        int64_t s64;         /* signed8 to signed64 */
        double f64;          /* float32, float64 */
        bool boolean;        /* boolean */
        uint8_t address[16]; /* ipv6Address; ipv4Address: the first 4 */
        uint64_t u256[4];    /* unsigned256, least significant word first */
        struct {
            int64_t seconds;      /* since 1970 */
            uint32_t nanoseconds; /* past them */
        } time;                   /* dateTime* */
        struct {
            const uint8_t *octets;
            size_t length;
        } octets; /* octetArray, string, structured types */
    };
};

/*
 * Integers take 1 to 8 octets whatever their type: NetFlow v9 leaves the length to the exporter
 * (RFC 3954 section 8), and nothing is gained by refusing a wide zero. unsigned256 takes 1 to 32,
 * floats 4 or 8, all others of fixed length that length.
 * 0; WEIR_E_MALFORMED: another length, or a boolean that is neither 1 nor 2; diag says what is
 * allowed.
 */
WEIR_CHECKED int weir_value_decode(enum weir_type type, const uint8_t *octets, size_t length,
                                   struct weir_scalar *ret_value, struct weir_diag *diag);

/* Octets that the value takes at full size; of the variable types, the value's own length. */
size_t weir_value_length(const struct weir_scalar *value);

/*
 * Writes the value in exactly `length` octets. Strings are padded with NUL.
 * 0; WEIR_E_USAGE: the type does not have this length, or the value does not fit it.
 */
WEIR_CHECKED int weir_value_encode(const struct weir_scalar *value, uint8_t *octets, size_t length,
                                   struct weir_diag *diag);

void weir_value_print(const struct weir_scalar *value, struct weir_text_buffer *out);

/*
 * Reads what weir_value_print writes, and RFC 7373's other forms: 0x and 0b before unsigned
 * integers, a sign before signed ones, white space between pairs of hexadecimal digits, any
 * number of digits of a fraction of a second. Strings: \xNN and \\ are undone.
 * `buffer` has room for strlen(text) octets and keeps those of the variable types.
 * 0; WEIR_E_USAGE: not of this type or out of its range; diag says what is.
 */
WEIR_CHECKED int weir_value_parse(enum weir_type type, const char *text, uint8_t *buffer,
                                  struct weir_scalar *ret_value, struct weir_diag *diag);

/*
 * Adds the octets of a field as one JSON value: a number, true or false, or a string of the text
 * (unsigned256, which JSON readers cut, and floats that are not numbers are strings too).
 * Element NULL: not known, an octetArray. Octets that do not decode are added as a string of
 * hexadecimal digits, so that nothing is lost and the output stays JSON: the result is then
 * WEIR_E_MALFORMED, else 0. Failures of `out` are the caller's to ask for.
 */
int weir_value_print_json(const struct weir_element *element, const uint8_t *octets, size_t length,
                          struct weir_text_buffer *out);

#endif
