/* SPDX-License-Identifier: Apache-2.0 */
/* Names of IP protocols as people type them. Pure. */
#ifndef WEIR_METER_PROTOCOL_H
#define WEIR_METER_PROTOCOL_H

#include <stdint.h>

#include "base/error.h"

/* "tcp", in letters of either case. 0 or WEIR_E_USAGE. */
WEIR_CHECKED int weir_protocol_parse(const char *name, uint8_t *ret_protocol);

#endif
