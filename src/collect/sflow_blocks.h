/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a flow sample's record, and what takes a structure of a sample apart into them.
 * Private to sflow_flow.c, which has the blocks' fields and the packet itself, and
 * sflow_extended.c, which has what the agent knows of it besides.
 */
#ifndef WEIR_COLLECT_SFLOW_BLOCKS_H
#define WEIR_COLLECT_SFLOW_BLOCKS_H

#include "collect/sflow_record.h"

enum {
    BLOCK_TIME,
    BLOCK_SAMPLE,
    BLOCK_DIRECTION,
    BLOCK_DISCARD,
    BLOCK_MULTIPLE,
    BLOCK_ETHERNET,
    BLOCK_VLAN,
    BLOCK_POST_VLAN,
    BLOCK_PRIORITIES,
    BLOCK_IPV4,
    BLOCK_IPV6,
    BLOCK_FLOW_LABEL,
    BLOCK_IP,
    BLOCK_TTL,
    BLOCK_FRAME,
    BLOCK_NEXT_HOP4,
    BLOCK_NEXT_HOP6,
    BLOCK_MASKS4,
    BLOCK_MASKS6,
    BLOCK_BGP_NEXT_HOP4,
    BLOCK_BGP_NEXT_HOP6,
    BLOCK_GATEWAY,
    BLOCK_USER,
    BLOCK_MPLS,
    BLOCK_NAT_SRC4,
    BLOCK_NAT_SRC6,
    BLOCK_NAT_DST4,
    BLOCK_NAT_DST6,
    BLOCK_NAT_PORTS,
    BLOCK_VNI,
    BLOCK_OUT_VNI,
    BLOCK_URL,
    BLOCK_MPLS_TUNNEL,
    BLOCK_MPLS_VC,
    BLOCK_MPLS_FTN,
    BLOCK_MPLS_FEC,
    BLOCK_VLAN_TAGS,
    BLOCK_WLAN,
    BLOCK_IN_OFFSET,
    BLOCK_OUT_OFFSET,
    /* Of packets as they are in a tunnel: where it came in, and in the same order where it went
       out. */
    BLOCK_IN_MACS,
    BLOCK_IN_IPV4,
    BLOCK_IN_IPV6,
    BLOCK_IN_IP,
    BLOCK_OUT_MACS,
    BLOCK_OUT_IPV4,
    BLOCK_OUT_IPV6,
    BLOCK_OUT_IP,
    BLOCK_COUNT,
};

_Static_assert(BLOCK_COUNT <= WEIR_SFLOW_BLOCKS_MAX, "a bit for each block");

/* A block of one number, which may be too great for it. */
static inline void weir_sflow_write_u16(struct weir_sflow_builder *record, unsigned block,
                                        uint32_t value)
{
    weir_write_u16(weir_sflow_block(record, block),
                   (uint16_t)(value < UINT16_MAX ? value : UINT16_MAX));
    weir_sflow_block_end(record);
}

struct weir_sflow_taker {
    uint32_t format;
    /* Fails the reader where the structure is cut. */
    void (*take)(struct weir_sflow_builder *record, struct weir_reader *body,
                 const struct weir_sflow_taker *taker);
    unsigned block; /* for takers of several structures: which it becomes */
    unsigned more;  /* and what else tells them apart */
};

extern const struct weir_sflow_taker weir_sflow_extended[];
extern const size_t weir_sflow_extended_count;

#endif
