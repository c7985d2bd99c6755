/* SPDX-License-Identifier: Apache-2.0 */
#include "export/synth.h"

#include "base/clock.h"

/* A router exports what expired in some tenths of a second together. */
#define RUN_RECORDS 200u
#define CLIENT_BITS 16u
#define SERVER_BITS 20u
#define V4_CLIENTS  UINT32_C(0x0a000000) /* 10.0.0.0/8 */
#define V4_SERVERS  UINT32_C(0xc6120000) /* from 198.18.0.0, RFC 2544's, upwards */
#define V6_DOCUMENT UINT64_C(0x20010db800000000)

static const struct {
    uint16_t port;
    uint8_t protocol;
} services[] = {
    {443, 6},  {443, 17}, {53, 17},  {80, 6},    {123, 17},  {22, 6},   {25, 6},    {993, 6},
    {8080, 6}, {3389, 6}, {161, 17}, {5060, 17}, {1194, 17}, {5222, 6}, {4500, 17}, {51820, 17},
};

#define SYNTH_COLUMNS                                                                    \
    (WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END) | WEIR_COLUMN_BIT(SRC_ADDR) |         \
     WEIR_COLUMN_BIT(DST_ADDR) | WEIR_COLUMN_BIT(SRC_PORT) | WEIR_COLUMN_BIT(DST_PORT) | \
     WEIR_COLUMN_BIT(PROTOCOL) | WEIR_COLUMN_BIT(TOS) | WEIR_COLUMN_BIT(TCP_FLAGS) |     \
     WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(IN_IF) |        \
     WEIR_COLUMN_BIT(OUT_IF) | WEIR_COLUMN_BIT(NEXT_HOP) | WEIR_COLUMN_BIT(SRC_AS) |     \
     WEIR_COLUMN_BIT(DST_AS) | WEIR_COLUMN_BIT(SRC_MASK) | WEIR_COLUMN_BIT(DST_MASK))

void weir_synth_init(struct weir_synth *synth, const struct weir_synth_config *config)
{
    *synth = (struct weir_synth){.config = *config, .random = {config->seed}};
}

/* A host of a population, spread over the address space so that neighbours in rank are not. */
static struct weir_address host(uint32_t rank, bool is_client, bool is_v6)
{
    uint32_t spread = (rank + 1) * UINT32_C(2654435761);
    if (is_v6)
        return (struct weir_address){V6_DOCUMENT | (uint64_t)is_client << 31 | spread >> 12,
                                     UINT64_C(0x0200000000000000) | spread};
    return weir_address_from_v4(is_client ? V4_CLIENTS | spread >> 8 : V4_SERVERS + (spread >> 12));
}

static void set_address(struct weir_batch *batch, enum weir_column column, uint32_t row,
                        struct weir_address address)
{
    weir_batch_high(batch, column)[row] = address.high;
    weir_batch_low(batch, column)[row] = address.low;
}

/* Who talks to whom, over what, and by which way out. */
static void fill_ends(struct weir_synth *synth, struct weir_batch *batch, uint32_t row, bool is_v6)
{
    struct weir_random *random = &synth->random;
    uint32_t client_rank = weir_random_zipf(random, CLIENT_BITS);
    uint32_t server_rank = weir_random_zipf(random, SERVER_BITS);
    uint32_t service = weir_random_zipf(random, 4);
    uint16_t high_port = (uint16_t)(32768 + weir_random_below(random, 28232));
    bool inbound = weir_random_below(random, 2);
    unsigned from = inbound, to = !inbound;
    const enum weir_column addresses[2] = {WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_DST_ADDR};
    const enum weir_column ports[2] = {WEIR_COLUMN_SRC_PORT, WEIR_COLUMN_DST_PORT};
    const enum weir_column systems[2] = {WEIR_COLUMN_SRC_AS, WEIR_COLUMN_DST_AS};
    const enum weir_column masks[2] = {WEIR_COLUMN_SRC_MASK, WEIR_COLUMN_DST_MASK};
    const enum weir_column interfaces[2] = {WEIR_COLUMN_IN_IF, WEIR_COLUMN_OUT_IF};

    set_address(batch, addresses[from], row, host(client_rank, true, is_v6));
    set_address(batch, addresses[to], row, host(server_rank, false, is_v6));
    weir_batch_u16(batch, ports[from])[row] = high_port;
    weir_batch_u16(batch, ports[to])[row] = services[service].port;
    weir_batch_u32(batch, systems[from])[row] = 64496;
    weir_batch_u32(batch, systems[to])[row] = 65536 + server_rank % 4096;
    weir_batch_u8(batch, masks[from])[row] = is_v6 ? 48 : 8;
    weir_batch_u8(batch, masks[to])[row] = is_v6 ? 32 : (uint8_t)(16 + server_rank % 9);
    weir_batch_u32(batch, interfaces[from])[row] = 10 + client_rank % 24;
    weir_batch_u32(batch, interfaces[to])[row] = 1 + server_rank % 4;
    set_address(batch, WEIR_COLUMN_NEXT_HOP, row,
                is_v6 ? (struct weir_address){V6_DOCUMENT, 1 + server_rank % 4}
                      : weir_address_from_v4(UINT32_C(0xc0000201) + server_rank % 4));
    weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL)[row] = services[service].protocol;
    weir_batch_u8(batch, WEIR_COLUMN_TOS)[row] = server_rank % 16 ? 0 : 184;
    weir_batch_u16(batch, WEIR_COLUMN_TCP_FLAGS)[row] =
        services[service].protocol == 6 ? (weir_random_below(random, 4) ? 0x1b : 0x02) : 0;
}

/* How much, and when: sizes by Zipf's law, longer flows for more packets. */
static void fill_volume(struct weir_synth *synth, struct weir_batch *batch, uint32_t row,
                        int64_t exported_ns)
{
    struct weir_random *random = &synth->random;
    uint64_t packets = 1 + weir_random_zipf(random, 1 + weir_random_below(random, 14));
    uint64_t length = 40 + weir_random_below(random, packets > 4 ? 1461 : 200);
    int64_t idle_ms = weir_random_below(random, 15000);
    int64_t lasted_ms = packets == 1 ? 0 : (int64_t)weir_random_zipf(random, 17);
    int64_t end_ms = exported_ns / WEIR_NS_PER_MS - idle_ms;
    weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = packets;
    weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = packets * length;
    weir_batch_time(batch, WEIR_COLUMN_END)[row] = end_ms * WEIR_NS_PER_MS;
    weir_batch_time(batch, WEIR_COLUMN_START)[row] = (end_ms - lasted_ms) * WEIR_NS_PER_MS;
}

uint32_t weir_synth_fill(struct weir_synth *synth, struct weir_batch *batch)
{
    const struct weir_synth_config *config = &synth->config;
    weir_batch_clear(batch);
    uint64_t left = config->records - synth->made;
    if (left == 0)
        return 0;
    uint32_t count = RUN_RECORDS < batch->row_capacity ? RUN_RECORDS : batch->row_capacity;
    if (count > left)
        count = (uint32_t)left;
    bool is_v6 = weir_random_below(&synth->random, 100) < config->v6_percent;
    /* Parts first: duration times records passes 64 bits. */
    int64_t step_ns = config->duration_ns / (int64_t)config->records;
    int64_t rest_ns = config->duration_ns % (int64_t)config->records;
    double passed = (double)synth->made / (double)config->records;
    int64_t exported_ns =
        config->start_ns + step_ns * (int64_t)synth->made + (int64_t)((double)rest_ns * passed);

    struct weir_segment segment = {.columns = SYNTH_COLUMNS, .received_ns = exported_ns};
    uint32_t row = weir_batch_begin(batch, &segment, count);
    for (uint32_t end = row + count; row < end; row++) {
        fill_ends(synth, batch, row, is_v6);
        fill_volume(synth, batch, row, exported_ns);
    }
    synth->made += count;
    return count;
}
