/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones by name, for --tz: UTC, local, +02:00, Europe/Zurich.
 *
 *     struct weir_zone zone;
 *     int64_t offset_s;
 *     if (weir_zone_open("Europe/Zurich", &offset_s, &zone, &diag) == 0)
 *         weir_moment_parse(text, now_ns, &zone, &time_ns);
 *
 * A zone by name goes by the C library's one time zone of the process: it sets TZ. Call it before
 * threads are made, for one zone in a process.
 */
#ifndef WEIR_CLI_ZONE_H
#define WEIR_CLI_ZONE_H

#include <stdint.h>

#include "base/error.h"
#include "base/quantity.h"

/*
 * *offset_s keeps the offset of a zone that is one, and must live as long as the zone.
 * 0; WEIR_E_USAGE: no such zone on this machine.
 */
WEIR_CHECKED int weir_zone_open(const char *name, int64_t *offset_s, struct weir_zone *ret_zone,
                                struct weir_diag *diag);

#endif
