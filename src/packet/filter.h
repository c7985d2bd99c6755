/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF filters over frames, in libpcap's language (pcap-filter(7)).
 *
 *     if (weir_filter_new("tcp and port 443", &filter, &diag) < 0) ...   // diag: libpcap's words
 *     bool pass[256];
 *     if (weir_filter_run(filter, frames, count, pass, &diag) < 0) ...
 *     weir_filter_free(filter);
 *
 * An expression is compiled for Ethernet when the filter is made, so that mistakes show at once,
 * and for every other link type as its first frame comes. Frames of link types that are not parsed
 * pass: the parser counts them. Names of hosts are looked up by libpcap as the filter is compiled.
 *
 * Ownership: the caller frees. Threads: one owner. Limits: 32 link types.
 */
#ifndef WEIR_PACKET_FILTER_H
#define WEIR_PACKET_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "packet/source.h"

struct sock_filter;
struct weir_filter;

/* 0, WEIR_E_NOMEM, or WEIR_E_USAGE with diag: "filter: 'tcp and prt 443': syntax error". */
WEIR_CHECKED int weir_filter_new(const char *expression, struct weir_filter **ret_filter,
                                 struct weir_diag *diag);
void weir_filter_free(struct weir_filter *filter);

/*
 * Sets ret_pass[i] to whether frames[i] passes. 0; WEIR_E_USAGE where the expression cannot be
 * applied to a link type that came, as `ether host` to raw IP; WEIR_E_LIMIT; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_filter_run(struct weir_filter *filter, const struct weir_frame *frames,
                                 size_t count, bool *ret_pass, struct weir_diag *diag);

/*
 * The same of the frames that kept[0 .. *count - 1] name, by their index, or where frame_of is not
 * NULL by an index in that, which has theirs; leaves in front those that pass, and their number.
 */
WEIR_CHECKED int weir_filter_select(struct weir_filter *filter, const struct weir_frame *frames,
                                    const uint16_t *frame_of, uint16_t *kept, size_t *count,
                                    struct weir_diag *diag);

/* A filter for the kernel (SO_ATTACH_FILTER). */
struct weir_filter_steps {
    struct sock_filter *steps;
    uint16_t count;
};

/*
 * Makes a filter that keeps `snaplen` octets of frames that pass, and one octet of others, so that
 * they are counted; of what it does not see as it is on the wire (short frames, and VLAN tags that
 * the kernel takes off) it leaves the judgement to weir_filter_run(). expression NULL: all pass.
 * Results of weir_filter_new; weir_filter_steps_done frees it.
 */
WEIR_CHECKED int weir_filter_compile_kernel(const char *expression, uint16_t link_type,
                                            uint32_t snaplen, struct weir_filter_steps *ret_steps,
                                            struct weir_diag *diag);
void weir_filter_steps_done(struct weir_filter_steps *steps);

#endif
