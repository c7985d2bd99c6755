/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property match filtering (RFC 5475 section 6.1): packets are selected by the values of their
 * properties.
 *
 *     dst_port=80|443|8000-8099,protocol=tcp,src_addr=10.0.0.0/8,tcp_flags=S/SA
 *
 * All terms have to hold. A term is NAME=VALUE or NAME!=VALUE, and VALUE one or more, with | in
 * between, of a number, LOW-HIGH or NUMBER/MASK, and for addresses ADDRESS or ADDRESS/BITS. Of a
 * term with = one value has to fit, of a term with != none may. A packet without the property, as
 * icmp_type is to TCP, or a port to ICMP and ESP, fits neither. `addr` and `port` are those of
 * either side, as `mac` is. Protocols have names, TCP flags letters of CEUAPRSF, and MAC addresses
 * are written as such, also the masks of them.
 *
 *     struct weir_match match;
 *     if (weir_match_parse(text, &match, &diag) < 0) ...
 *     if (weir_match_packet(&match, &packet, NULL)) ...
 *
 * Open value; borrows if_index, not the text. Any thread. Limits: WEIR_MATCH_TERMS_MAX terms of
 * WEIR_MATCH_VALUES_MAX values in all.
 */
#ifndef WEIR_METER_MATCH_H
#define WEIR_METER_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "record/detail.h"
#include "record/packet.h"

#define WEIR_MATCH_TERMS_MAX  16u
#define WEIR_MATCH_VALUES_MAX 64u

struct weir_match_value {
    struct weir_network network; /* of addresses */
    uint64_t first, last, mask;  /* of numbers: those whose bits under the mask are in a range */
};

struct weir_match_term {
    uint8_t property; /* row of the table in match.c */
    bool is_negated;
    uint8_t first; /* of the values */
    uint8_t count;
};

struct weir_match {
    const uint32_t *if_index; /* ifIndex of each interface; NULL: its place, from 1 */
    uint32_t if_count;
    unsigned term_count;
    unsigned value_count;
    struct weir_match_term terms[WEIR_MATCH_TERMS_MAX];
    struct weir_match_value values[WEIR_MATCH_VALUES_MAX];
};

/* 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_match_parse(const char *text, struct weir_match *ret_match,
                                  struct weir_diag *diag);

/* `detail` of the packet; NULL: it has nothing of what is out of it. */
bool weir_match_packet(const struct weir_match *match, const struct weir_packet *packet,
                       const struct weir_packet_detail *detail);

/* Whether it names what is out of packets' details. */
bool weir_match_needs_detail(const struct weir_match *match);

/* The i-th NAME, and one line of help where it is none of a flow's properties; NULL: the end. */
const char *weir_match_name(size_t i, const char **ret_help);

#endif
