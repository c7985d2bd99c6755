/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name out of a packet's payload, made fit for records, tables and terminals: well-formed UTF-8
 * without control characters, of at most WEIR_NAME_OCTETS_MAX octets.
 *
 * What is no such text is escaped as \DDD, the octet in decimal (RFC 1035 section 5.1), and a
 * backslash as \\, so that two names that differ stay two. A name that is longer is cut before the
 * first character or escape that does not fit.
 *
 *     struct weir_name host = {0};
 *     weir_name_add(&host, octets, length);
 *     printf("%.*s\n", host.length, host.text);
 *
 * Open value without ownership; pure functions; any thread.
 */
#ifndef WEIR_DISSECT_NAME_H
#define WEIR_DISSECT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_NAME_OCTETS_MAX 255u

struct weir_name {
    uint8_t length;
    bool is_cut; /* there was more; nothing is added any longer */
    char text[WEIR_NAME_OCTETS_MAX];
};

/* Adds octets behind what the name has. */
void weir_name_add(struct weir_name *name, const uint8_t *octets, size_t length);

/* The same, with each `escaped` in them behind a backslash. */
void weir_name_add_escaped(struct weir_name *name, const uint8_t *octets, size_t length,
                           char escaped);

/* Adds one printable ASCII character as it is. */
void weir_name_add_char(struct weir_name *name, char letter);

#endif
