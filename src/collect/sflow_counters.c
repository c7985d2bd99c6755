/* SPDX-License-Identifier: Apache-2.0 */
/* Counter samples: structures that are kept as they stand, under the names of their MIBs. */
#include "collect/sflow_record.h"
#include "ie/element.h"

enum {
    BLOCK_SOURCE,
    BLOCK_INTERFACE,
    BLOCK_ETHERNET,
    BLOCK_TOKEN_RING,
    BLOCK_VG,
    BLOCK_VLAN,
    BLOCK_WLAN,
    BLOCK_PROCESSOR,
    BLOCK_COUNT
};

#define OURS(id, octets)             \
    {                                \
        WEIR_PEN_BUILTIN, id, octets \
    }

const struct weir_sflow_blocks weir_sflow_counter_blocks =
    {
        .template_id = WEIR_SFLOW_COUNTERS_TEMPLATE,
        .is_counters = true,
        .count = BLOCK_COUNT,
        .blocks =
            {
                /* observationPointId, sampleSequenceNumber */
                [BLOCK_SOURCE] = {2, {{0, 138, 8}, OURS(16, 4)}},
                /* if_counters, ifIndex to ifPromiscuousMode */
                [BLOCK_INTERFACE] = {19,
                                     {OURS(20, 4), OURS(21, 4), OURS(22, 8), OURS(23, 4),
                                      OURS(24, 4), OURS(25, 8), OURS(26, 4), OURS(27, 4),
                                      OURS(28, 4), OURS(29, 4), OURS(30, 4), OURS(31, 4),
                                      OURS(32, 8), OURS(33, 4), OURS(34, 4), OURS(35, 4),
                                      OURS(36, 4), OURS(37, 4), OURS(38, 4)}},
                /* ethernet_counters, dot3StatsAlignmentErrors to dot3StatsSymbolErrors */
                [BLOCK_ETHERNET] = {13,
                                    {OURS(40, 4), OURS(41, 4), OURS(42, 4), OURS(43, 4),
                                     OURS(44, 4), OURS(45, 4), OURS(46, 4), OURS(47, 4),
                                     OURS(48, 4), OURS(49, 4), OURS(50, 4), OURS(51, 4),
                                     OURS(52, 4)}},
                /* tokenring_counters, dot5StatsLineErrors to dot5StatsFreqErrors */
                [BLOCK_TOKEN_RING] = {18,
                                      {OURS(110, 4), OURS(111, 4), OURS(112, 4), OURS(113, 4),
                                       OURS(114, 4), OURS(115, 4), OURS(116, 4), OURS(117, 4),
                                       OURS(118, 4), OURS(119, 4), OURS(120, 4), OURS(121, 4),
                                       OURS(122, 4), OURS(123, 4), OURS(124, 4), OURS(125, 4),
                                       OURS(126, 4), OURS(127, 4)}},
                /* vg_counters (100VG-AnyLAN), dot12InHighPriorityFrames ... */
                [BLOCK_VG] = {14,
                              {OURS(130, 4), OURS(131, 8), OURS(132, 4), OURS(133, 8), OURS(134, 4),
                               OURS(135, 4), OURS(136, 4), OURS(137, 4), OURS(138, 4), OURS(139, 8),
                               OURS(140, 4), OURS(141, 8), OURS(142, 8), OURS(143, 8)}},
                /* vlan_counters: vlanId in the lower half of its 32 bits, vlanOctets ... */
                [BLOCK_VLAN] = {7,
                                {{0, 210, 2},
                                 {0, 58, 2},
                                 OURS(55, 8),
                                 OURS(56, 4),
                                 OURS(57, 4),
                                 OURS(58, 4),
                                 OURS(59, 4)}},
                /* ieee80211_counters, dot11TransmittedFragmentCount to dot11QoSCFPollsLostCount */
                [BLOCK_WLAN] = {20, {OURS(150, 4), OURS(151, 4), OURS(152, 4), OURS(153, 4),
                                     OURS(154, 4), OURS(155, 4), OURS(156, 4), OURS(157, 4),
                                     OURS(158, 4), OURS(159, 4), OURS(160, 4), OURS(161, 4),
                                     OURS(162, 4), OURS(163, 4), OURS(164, 4), OURS(165, 4),
                                     OURS(166, 4), OURS(167, 4), OURS(168, 4), OURS(169, 4)}},
                /* processor: loads in hundredths of a percent, memory */
                [BLOCK_PROCESSOR] = {5,
                                     {OURS(60, 4), OURS(61, 4), OURS(62, 4), OURS(63, 8),
                                      OURS(64, 8)}},
            },
};

static const struct {
    uint32_t format;
    uint16_t octets;
    uint16_t block;
} structures[] = {
    {WEIR_SFLOW_FORMAT(0, 1), 88, BLOCK_INTERFACE},
    {WEIR_SFLOW_FORMAT(0, 2), 52, BLOCK_ETHERNET},
    {WEIR_SFLOW_FORMAT(0, 3), 72, BLOCK_TOKEN_RING},
    {WEIR_SFLOW_FORMAT(0, 4), 80, BLOCK_VG},
    {WEIR_SFLOW_FORMAT(0, 5), 28, BLOCK_VLAN},
    {WEIR_SFLOW_FORMAT(0, 6), 80, BLOCK_WLAN},
    {WEIR_SFLOW_FORMAT(0, 1001), 28, BLOCK_PROCESSOR},
};

int weir_sflow_take_counters(struct weir_sflow_builder *record,
                             const struct weir_sflow_record *taken)
{
    for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++) {
        if (structures[i].format != taken->format)
            continue;
        struct weir_reader body = taken->body;
        const uint8_t *octets = weir_read_octets(&body, structures[i].octets);
        if (!octets)
            return WEIR_E_MALFORMED;
        weir_sflow_block_of(record, structures[i].block, octets, structures[i].octets);
        return 0;
    }
    return WEIR_E_UNSUPPORTED;
}

void weir_sflow_finish_counters(struct weir_sflow_builder *record,
                                const struct weir_sflow_sample *sample)
{
    struct weir_writer *out = weir_sflow_block(record, BLOCK_SOURCE);
    weir_write_u32(out, sample->source_type);
    weir_write_u32(out, sample->source_index);
    weir_write_u32(out, sample->sequence);
    weir_sflow_block_end(record);
}
