/* SPDX-License-Identifier: Apache-2.0 */
#include "record/column.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define REVERSE_PEN 29305u /* RFC 5103 section 6.1 */

static const struct weir_column_info columns[WEIR_COLUMN_COUNT] = {
#define X(NAME, column_name, TYPE, unit_text, element_id, help_text) \
    [WEIR_COLUMN_##NAME] = {                                         \
        .name = #column_name,                                        \
        .unit = (unit_text),                                         \
        .help = (help_text),                                         \
        .type = WEIR_COLUMN_##TYPE,                                  \
        .pen = WEIR_COLUMN_##NAME == WEIR_COLUMN_REV_PACKETS ||      \
                       WEIR_COLUMN_##NAME == WEIR_COLUMN_REV_BYTES   \
                   ? REVERSE_PEN                                     \
                   : 0,                                              \
        .element = (element_id),                                     \
    },
    WEIR_COLUMNS(X)
#undef X
};

static const uint8_t widths[WEIR_COLUMN_TYPE_COUNT] = {
    [WEIR_COLUMN_U8] = 1,  [WEIR_COLUMN_U16] = 2,  [WEIR_COLUMN_U32] = 4,
    [WEIR_COLUMN_U64] = 8, [WEIR_COLUMN_TIME] = 8, [WEIR_COLUMN_ADDRESS] = 16,
    [WEIR_COLUMN_MAC] = 8, [WEIR_COLUMN_TEXT] = 8,
};

/*
 * Elements that say what a column says, under another number. Of those that fill one column the
 * earlier is the better: times of finer resolution and those that do not hang on the sender's
 * sysUpTime, deltas before totals.
 */
static const struct {
    uint32_t pen;
    uint16_t element;
    uint8_t column;
} same_meaning[] = {
    {0, 154, WEIR_COLUMN_START},       /* flowStartMicroseconds */
    {0, 152, WEIR_COLUMN_START},       /* flowStartMilliseconds */
    {0, 158, WEIR_COLUMN_START},       /* flowStartDeltaMicroseconds */
    {0, 22, WEIR_COLUMN_START},        /* flowStartSysUpTime */
    {0, 150, WEIR_COLUMN_START},       /* flowStartSeconds */
    {0, 155, WEIR_COLUMN_END},         /* flowEndMicroseconds */
    {0, 153, WEIR_COLUMN_END},         /* flowEndMilliseconds */
    {0, 159, WEIR_COLUMN_END},         /* flowEndDeltaMicroseconds */
    {0, 21, WEIR_COLUMN_END},          /* flowEndSysUpTime */
    {0, 151, WEIR_COLUMN_END},         /* flowEndSeconds */
    {0, 325, WEIR_COLUMN_END},         /* observationTimeNanoseconds: of an event or a packet, */
    {0, 324, WEIR_COLUMN_END},         /* observationTimeMicroseconds (plan.h) */
    {0, 323, WEIR_COLUMN_END},         /* observationTimeMilliseconds */
    {0, 322, WEIR_COLUMN_END},         /* observationTimeSeconds */
    {0, 27, WEIR_COLUMN_SRC_ADDR},     /* sourceIPv6Address */
    {0, 28, WEIR_COLUMN_DST_ADDR},     /* destinationIPv6Address */
    {0, 44, WEIR_COLUMN_SRC_ADDR},     /* sourceIPv4Prefix: of flows added up, with src_mask */
    {0, 45, WEIR_COLUMN_DST_ADDR},     /* destinationIPv4Prefix */
    {0, 170, WEIR_COLUMN_SRC_ADDR},    /* sourceIPv6Prefix */
    {0, 169, WEIR_COLUMN_DST_ADDR},    /* destinationIPv6Prefix */
    {0, 180, WEIR_COLUMN_SRC_PORT},    /* udpSourcePort */
    {0, 182, WEIR_COLUMN_SRC_PORT},    /* tcpSourcePort */
    {0, 181, WEIR_COLUMN_DST_PORT},    /* udpDestinationPort */
    {0, 183, WEIR_COLUMN_DST_PORT},    /* tcpDestinationPort */
    {0, 195, WEIR_COLUMN_TOS},         /* ipDiffServCodePoint: its upper six bits */
    {0, 178, WEIR_COLUMN_ICMP_TYPE},   /* icmpTypeIPv6 */
    {0, 179, WEIR_COLUMN_ICMP_CODE},   /* icmpCodeIPv6 */
    {0, 32, WEIR_COLUMN_ICMP_TYPE},    /* icmpTypeCodeIPv4: fills icmp_code too */
    {0, 139, WEIR_COLUMN_ICMP_TYPE},   /* icmpTypeCodeIPv6: fills icmp_code too */
    {0, 86, WEIR_COLUMN_PACKETS},      /* packetTotalCount */
    {0, 298, WEIR_COLUMN_PACKETS},     /* initiatorPackets */
    {0, 85, WEIR_COLUMN_BYTES},        /* octetTotalCount */
    {0, 231, WEIR_COLUMN_BYTES},       /* initiatorOctets */
    {0, 299, WEIR_COLUMN_REV_PACKETS}, /* responderPackets */
    {REVERSE_PEN, 86, WEIR_COLUMN_REV_PACKETS},
    {0, 232, WEIR_COLUMN_REV_BYTES}, /* responderOctets */
    {REVERSE_PEN, 85, WEIR_COLUMN_REV_BYTES},
    {0, 50, WEIR_COLUMN_SAMPLING},      /* samplerRandomInterval */
    {0, 310, WEIR_COLUMN_SAMPLING},     /* samplingPopulation: only with samplingSize (plan.c) */
    {0, 48, WEIR_COLUMN_SAMPLER},       /* samplerId */
    {0, 301, WEIR_COLUMN_SAMPLER},      /* selectionSequenceId: of several selectors */
    {0, 243, WEIR_COLUMN_VLAN},         /* dot1qVlanId */
    {0, 254, WEIR_COLUMN_POST_VLAN},    /* postDot1qVlanId */
    {0, 62, WEIR_COLUMN_NEXT_HOP},      /* ipNextHopIPv6Address */
    {0, 63, WEIR_COLUMN_BGP_NEXT_HOP},  /* bgpNextHopIPv6Address */
    {0, 29, WEIR_COLUMN_SRC_MASK},      /* sourceIPv6PrefixLength */
    {0, 30, WEIR_COLUMN_DST_MASK},      /* destinationIPv6PrefixLength */
    {0, 281, WEIR_COLUMN_NAT_SRC_ADDR}, /* postNATSourceIPv6Address */
    {0, 282, WEIR_COLUMN_NAT_DST_ADDR}, /* postNATDestinationIPv6Address */
    {0, 95, WEIR_COLUMN_APP},           /* applicationId */
};

const struct weir_column_info *weir_column_info(enum weir_column column)
{
    return &columns[column];
}

unsigned weir_column_width(enum weir_column_type type)
{
    return widths[type];
}

int weir_column_find(uint32_t pen, uint16_t element, enum weir_column *ret_column,
                     unsigned *ret_rank)
{
    if (element == 0)
        return WEIR_E_NOT_FOUND;
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++)
        if (columns[i].element == element && columns[i].pen == pen) {
            *ret_column = (enum weir_column)i;
            *ret_rank = 0;
            return 0;
        }
    for (unsigned i = 0; i < sizeof(same_meaning) / sizeof(same_meaning[0]); i++)
        if (same_meaning[i].element == element && same_meaning[i].pen == pen) {
            *ret_column = (enum weir_column)same_meaning[i].column;
            *ret_rank = i + 1;
            return 0;
        }
    return WEIR_E_NOT_FOUND;
}

int weir_column_for_element(uint32_t pen, uint16_t element, enum weir_column *ret_column)
{
    unsigned rank;
    return weir_column_find(pen, element, ret_column, &rank);
}

unsigned weir_column_rank(uint32_t pen, uint16_t element)
{
    enum weir_column column;
    unsigned rank = UINT_MAX;
    return weir_column_find(pen, element, &column, &rank) == 0 ? rank : UINT_MAX;
}
