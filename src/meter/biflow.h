/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Biflows (RFC 5103): packets of both directions of a communication are one flow, whose source is
 * chosen by one of some methods. Values; any thread.
 */
#ifndef WEIR_METER_BIFLOW_H
#define WEIR_METER_BIFLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "record/packet.h"

enum weir_biflow {
    WEIR_BIFLOW_NONE,      /* each direction is a flow */
    WEIR_BIFLOW_FIRST,     /* the source sent the flow's first packet */
    WEIR_BIFLOW_SYN,       /* it sent the SYN, or is not who answers one; else as FIRST */
    WEIR_BIFLOW_PORT,      /* it has the greater port; with equal ports as FIRST */
    WEIR_BIFLOW_PERIMETER, /* it is outside of the networks given (section 5.2); else as FIRST */
};

/* biflowDirection, Information Element 239. */
enum {
    WEIR_BIFLOW_DIRECTION_ARBITRARY = 0,
    WEIR_BIFLOW_DIRECTION_INITIATOR = 1,
    WEIR_BIFLOW_DIRECTION_PERIMETER = 3,
};

#define WEIR_PERIMETER_NETWORKS_MAX 64u

/* What is inside. */
struct weir_perimeter {
    unsigned count;
    struct weir_network networks[WEIR_PERIMETER_NETWORKS_MAX];
};

/* Whether the networks tell the source from the destination: it is outside and the other inside. */
bool weir_perimeter_tells(const struct weir_perimeter *perimeter, struct weir_address source,
                          struct weir_address destination);

/*
 * Whether the first packet of a flow is one of its reverse direction. A connection's SYN with ACK
 * comes from its destination.
 */
bool weir_biflow_begins_reversed(enum weir_biflow biflow, const struct weir_perimeter *perimeter,
                                 const struct weir_packet *packet);

/*
 * The type and code of the ICMP message that this one answers, or 0 where it is no answer. Biflows
 * have an answer's at its source: so it goes against what it answers, as segments with ports do.
 */
uint16_t weir_biflow_icmp_question(uint16_t type_and_code, bool is_v6);

/* The type and code of the answer to it. */
uint16_t weir_biflow_icmp_answer(uint16_t type_and_code, bool is_v6);

#endif
