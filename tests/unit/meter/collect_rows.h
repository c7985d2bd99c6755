/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that keeps the rows of the cache's batches as records of the slow meter. */
#ifndef WEIR_TESTS_METER_COLLECT_ROWS_H
#define WEIR_TESTS_METER_COLLECT_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "record/batch.h"
#include "slow_meter.h"

struct collected {
    struct slow_record *records;
    size_t count;
    uint64_t batches;
    int fail_with; /* returned in place of taking rows */
};

/* A number without a column; 0: the row lacks it. */
static inline uint64_t collect_extra(const struct weir_batch *batch, uint32_t row, const char *name)
{
    for (unsigned i = 0; batch->extra && i < batch->extra->count; i++) {
        const struct weir_extra_field *extra = &batch->extra->fields[i];
        uint64_t value = 0;
        if (strcmp(extra->name, name) != 0 || weir_extra_lacks(&batch->extra_absent[row], i))
            continue;
        for (unsigned k = 0; k < extra->field.length; k++)
            value = value << 8 | weir_batch_extra(batch, row)[extra->offset + k];
        return value;
    }
    return 0;
}

static inline void collect_row(const struct weir_batch *batch, uint32_t i, struct slow_record *ret)
{
#define HAS(NAME) ((batch->all & WEIR_COLUMN_BIT(NAME)) != 0)
    memset(ret, 0, sizeof(*ret));
    if (HAS(SRC_ADDR))
        ret->key.src_addr = (struct weir_address){weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[i],
                                                  weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[i]};
    if (HAS(DST_ADDR))
        ret->key.dst_addr = (struct weir_address){weir_batch_high(batch, WEIR_COLUMN_DST_ADDR)[i],
                                                  weir_batch_low(batch, WEIR_COLUMN_DST_ADDR)[i]};
    if (HAS(SRC_PORT))
        ret->key.src_port = weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[i];
    if (HAS(DST_PORT))
        ret->key.dst_port = weir_batch_u16(batch, WEIR_COLUMN_DST_PORT)[i];
    if (HAS(PROTOCOL))
        ret->key.protocol = weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL)[i];
    ret->key.tos = weir_batch_u8(batch, WEIR_COLUMN_TOS)[i];
    ret->key.observation_point = (uint16_t)weir_batch_u32(batch, WEIR_COLUMN_IN_IF)[i];
    ret->first_ns = weir_batch_time(batch, WEIR_COLUMN_START)[i];
    ret->last_ns = weir_batch_time(batch, WEIR_COLUMN_END)[i];
    ret->packets = weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
    ret->octets = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
    ret->tcp_flags = weir_batch_u16(batch, WEIR_COLUMN_TCP_FLAGS)[i];
    ret->vlan = weir_batch_u16(batch, WEIR_COLUMN_VLAN)[i];
    ret->ttl_min = weir_batch_u8(batch, WEIR_COLUMN_TTL_MIN)[i];
    ret->ttl_max = weir_batch_u8(batch, WEIR_COLUMN_TTL_MAX)[i];
    ret->reason = weir_batch_u8(batch, WEIR_COLUMN_END_REASON)[i];
    ret->is_v6 = HAS(FLOW_LABEL);
    if (HAS(FLOW_LABEL))
        ret->flow_label = weir_batch_u32(batch, WEIR_COLUMN_FLOW_LABEL)[i];
    if (HAS(ICMP_TYPE)) {
        ret->icmp_type = weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE)[i];
        ret->icmp_code = weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE)[i];
    }
    if (HAS(REV_PACKETS)) {
        ret->rev_packets = weir_batch_u64(batch, WEIR_COLUMN_REV_PACKETS)[i];
        ret->rev_octets = weir_batch_u64(batch, WEIR_COLUMN_REV_BYTES)[i];
    }
    ret->rev_first_ms = (int64_t)collect_extra(batch, i, "rev_start");
    ret->rev_last_ms = (int64_t)collect_extra(batch, i, "rev_end");
    ret->rev_flags = (uint16_t)collect_extra(batch, i, "rev_tcp_flags");
    ret->rev_ttl_min = (uint8_t)collect_extra(batch, i, "rev_ttl_min");
    ret->rev_ttl_max = (uint8_t)collect_extra(batch, i, "rev_ttl_max");
    ret->key_ttl = (uint8_t)collect_extra(batch, i, "ttl");
    ret->tunnel_type = (uint8_t)collect_extra(batch, i, "tunnel_type");
    ret->tunnel_id = (uint32_t)collect_extra(batch, i, "tunnel_id");
    ret->carried_type = (uint8_t)collect_extra(batch, i, "carried_type");
    ret->carried_id = (uint32_t)collect_extra(batch, i, "carried_id");
    ret->layer = (uint8_t)collect_extra(batch, i, "layer");
    ret->src_mac = collect_extra(batch, i, "src_mac");
    ret->dst_mac = collect_extra(batch, i, "dst_mac");
    ret->inner_vlan = (uint16_t)collect_extra(batch, i, "inner_vlan");
    ret->label = (uint32_t)collect_extra(batch, i, "mpls_label_2");
    ret->frame_length = (uint16_t)collect_extra(batch, i, "frame_length");
    ret->fragment = (uint8_t)collect_extra(batch, i, "fragment");
#undef HAS
}

static inline int collect_batch(void *context, const struct weir_batch *batch,
                                struct weir_diag *diag)
{
    struct collected *into = context;
    if (into->fail_with)
        return weir_diag_set(diag, into->fail_with, "told to fail");
    into->batches++;
    into->records =
        realloc(into->records, (into->count + batch->row_count) * sizeof(*into->records));
    for (uint32_t i = 0; i < batch->row_count; i++)
        collect_row(batch, i, &into->records[into->count++]);
    return 0;
}

#endif
