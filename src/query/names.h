/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that stand for numbers in questions and in tables for people: protocols, well-known
 * ports, reasons for a flow's end and the like. A short list of what people type, after IANA's
 * registries; numbers always work.
 *
 *     if (weir_name_to_number(WEIR_NAMES_PORT, "https", &number) == 0)    // 443
 *
 * All is constant; any thread may call.
 */
#ifndef WEIR_QUERY_NAMES_H
#define WEIR_QUERY_NAMES_H

#include <stdint.h>

#include "base/error.h"

enum weir_names {
    WEIR_NAMES_NONE,
    WEIR_NAMES_PROTOCOL,
    WEIR_NAMES_PORT,
    WEIR_NAMES_END_REASON,
    WEIR_NAMES_DIRECTION,
    WEIR_NAMES_EXPORT_VERSION,
    WEIR_NAMES_NAT_EVENT,
    WEIR_NAMES_FIREWALL_EVENT,
    WEIR_NAMES_DSCP,
    WEIR_NAMES_COUNT,
};

/* Any case. 0, or WEIR_E_NOT_FOUND. */
WEIR_CHECKED int weir_name_to_number(enum weir_names names, const char *name, uint16_t *ret_number);

/* The first name of a number, or NULL. */
const char *weir_number_to_name(enum weir_names names, uint16_t number);

/* The name that a mistyped one is nearest to, or NULL. */
const char *weir_name_nearest(enum weir_names names, const char *typed);

#endif
