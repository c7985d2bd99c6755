/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Selection Process of a Metering Process (RFC 5470 section 5.3, RFC 5475): filters and
 * samplers one after another, in the order in which they were given. Those that look at frames
 * only run ahead of the parser as long as none before them needs packets, so that what they leave
 * out is never parsed.
 *
 *     weir_select_new(&config, &select, &diag);
 *     ...                                             // kept[]: all frames of a round
 *     result = weir_select_frames(select, frames, kept, &count, &diag);
 *     ...                                             // those are parsed; kept[]: their packets
 *     result = weir_select_packets(select, &round, kept, &count, &diag);
 *     weir_select_describe(select, &description);
 *
 * Ownership: the caller frees; texts of selectors are borrowed. Threads: one owner. Limits:
 * WEIR_SELECTION_MAX; rounds of 65,536 frames.
 */
#ifndef WEIR_APP_SELECT_H
#define WEIR_APP_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "meter/estimate.h"
#include "meter/selection.h"
#include "packet/source.h"
#include "record/selection.h"

struct weir_select;

struct weir_select_config {
    const struct weir_selector *selectors;
    unsigned selector_count;
    uint64_t seed;
    uint64_t stream;      /* as of struct weir_stage_config */
    uint32_t sequence_id; /* numbers of selectors follow from it */
    /* For whole flows: of what the flows are. */
    const struct weir_flow_definition *definitions;
    unsigned definition_count;
    const uint32_t *if_index; /* ifIndex of each interface; NULL: its place, from 1; copied */
    uint32_t if_count;
};

/* The frames of a round, and packets of those that were selected as frames. */
struct weir_select_round {
    const struct weir_frame *frames;
    const struct weir_packet *packets;
    const uint16_t *frame_of;                   /* of each packet */
    const struct weir_packet_detail *details;   /* by packets' `detail`, */
    const struct weir_packet_content *contents; /* and both where somebody needs them */
};

/* 0; WEIR_E_USAGE with diag, for an expression, or too many selectors; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_select_new(const struct weir_select_config *config,
                                 struct weir_select **ret_select, struct weir_diag *diag);
void weir_select_free(struct weir_select *select);

/* Whether every packet is selected, and counting it is all there is to do. */
bool weir_select_is_all(const struct weir_select *select);

/* Whether some stage needs the contents of packets. */
bool weir_select_needs_content(const struct weir_select *select);

/* Whether some stage needs the details of packets. */
bool weir_select_needs_details(const struct weir_select *select);

/*
 * Of the frames that kept[0 .. *count - 1] name leaves in front those that go on. 0, or the error
 * of a filter that cannot be applied to them (packet/filter.h).
 */
WEIR_CHECKED int weir_select_frames(struct weir_select *select, const struct weir_frame *frames,
                                    uint16_t *kept, size_t *count, struct weir_diag *diag);

/* The same of packets, for the stages that are left. */
WEIR_CHECKED int weir_select_packets(struct weir_select *select,
                                     const struct weir_select_round *round, uint16_t *kept,
                                     size_t *count, struct weir_diag *diag);

/* How likely a packet comes through. */
struct weir_sampling_design weir_select_design(const struct weir_select *select);

/* Totals of what was selected, as octets of IP packets, and what they stand for. */
void weir_select_estimate(const struct weir_select *select, struct weir_estimates *ret_estimates);

/* The selectors with what they have seen and selected so far. */
void weir_select_describe(const struct weir_select *select,
                          struct weir_selection_description *ret_description);

#endif
