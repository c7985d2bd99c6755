/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of exporters: how far one is from ours, and when a sysUpTime began that no header
 * tells.
 *
 * Skew is arrival minus export time: positive where the exporter's clock is slow or its messages
 * are long under way. NetFlow v9 and IPFIX headers say whole seconds, so up to one of it is theirs.
 * Shown are a moving mean and the least of the last minute or two, which is the clock's share; it
 * is what WEIR_SKEW_AUTO adds to times, where it is two seconds or more, and in steps: what is
 * added stays until it is a second off.
 *
 * IPFIX has no sysUpTime in its header (RFC 7011 section 3.1). Flow times by sysUpTime refer to
 * systemInitTimeMilliseconds (RFC 5102 section 5.9.5), in the record or in options. Exporters do
 * without, or say one by which the latest flow of a message ended after it or over an hour before:
 * then sysUpTime is taken to have begun as late as it can have, so that no flow ends after its
 * message, and anew where flows would have ended over an hour before.
 *
 *     weir_skew_take(&session->skew, received_ns, export_time_ns);
 *     zero_ns = weir_uptime_zero(&session->uptime, source, octets, length, export_time_ns);
 *
 * Open values, zero at first. Threads: one.
 */
#ifndef WEIR_COLLECT_TIMING_H
#define WEIR_COLLECT_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/exporter.h"
#include "record/template.h"

struct weir_skew {
    bool has_started;
    int64_t mean_ns;
    int64_t least_ns[2];    /* of this window and the one before */
    int64_t window_from_ns; /* by arrival */
    int64_t step_ns;        /* what WEIR_SKEW_AUTO adds */
};

/* Takes a message in. */
void weir_skew_take(struct weir_skew *skew, int64_t received_ns, int64_t export_time_ns);

/* The least skew of the last minute or two. */
int64_t weir_skew_least(const struct weir_skew *skew);

/* What is to be added to this session's times. */
int64_t weir_skew_shift(const struct weir_skew *skew, const struct weir_exporter *exporter);

struct weir_uptime {
    int64_t init_time_ns; /* from options; 0: not known */
    int64_t zero_ns;      /* found out; 0: not yet */
    uint32_t latest_ms;   /* of weir_uptime_sent, since then */
};

/*
 * When a message was sent that says its sysUpTime and no export time, sFlow's: by it and by how
 * soon messages can arrive. Of one that was overtaken or is a repetition this is not later than of
 * those that came before it, unlike its arrival; an exporter that starts again begins anew.
 */
int64_t weir_uptime_sent(struct weir_uptime *uptime, uint32_t uptime_ms, int64_t received_ns);

/*
 * When the sysUpTime began that these records of an IPFIX message refer to; export_time_ns where
 * they do not refer to it.
 */
int64_t weir_uptime_zero(struct weir_uptime *uptime, const struct weir_template *source,
                         const uint8_t *octets, size_t length, int64_t export_time_ns);

#endif
