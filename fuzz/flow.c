/* SPDX-License-Identifier: Apache-2.0 */
/* A flow definition as text: what is accepted is the same when it is read again, can be metered
 * with, and its records have all packets and octets, as uniflows and as biflows. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "meter/cache.h"

#define PACKETS 6u

static void require(bool condition)
{
    if (!condition)
        abort();
}

struct sums {
    uint64_t rows, packets, octets;
};

/* A record need not have counters, nor a biflow a forward direction; one that has them adds up. */
static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct sums *sums = context;
    (void)diag;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        if (batch->all & WEIR_COLUMN_BIT(PACKETS))
            sums->packets += weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
        if (batch->all & WEIR_COLUMN_BIT(BYTES))
            sums->octets += weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
        if (batch->all & WEIR_COLUMN_BIT(REV_PACKETS))
            sums->packets += weir_batch_u64(batch, WEIR_COLUMN_REV_PACKETS)[i];
    }
    sums->rows += batch->row_count;
    return 0;
}

/* Both directions of a connection, a ping and what is in a tunnel, in both versions of IP. */
static void make_packets(struct weir_packet packets[PACKETS])
{
    for (unsigned i = 0; i < PACKETS; i++) {
        bool is_v6 = i >= PACKETS / 2, is_back = i % 2;
        uint64_t prefix = is_v6 ? 0 : WEIR_ADDRESS_V4_PREFIX;
        struct weir_address here = {is_v6 ? 0x20010db800000000 : 0, prefix | 0x0a000001};
        struct weir_address there = {is_v6 ? 0x20010db800000000 : 0, prefix | 0xc0000201};
        packets[i] = (struct weir_packet){
            .key = {.src_addr = is_back ? there : here,
                    .dst_addr = is_back ? here : there,
                    .src_port = is_back ? 443 : 50000,
                    .dst_port = is_back ? 50000 : 443,
                    .protocol = 6,
                    .tos = (uint8_t)(i * 37)},
            .time_ns = (int64_t)i * 1000000,
            .octets = 40 + i,
            .flow_label = i,
            .tcp_flags = (uint16_t)(1u << i),
            .vlan = (uint16_t)i,
            .ttl = (uint8_t)(64 - i),
            .flags = is_v6 ? WEIR_PACKET_V6 : 0,
            .encapsulation = {.id = i,
                              .carried_id = i,
                              .kind = (uint8_t)(i % 3),
                              .depth = (uint8_t)(i % 2)},
        };
    }
    packets[2].key.protocol = 1;
    packets[2].key.src_port = 0;
    packets[2].key.dst_port = 8 << 8;
}

static void meter(const struct weir_flow_definition *definition, enum weir_biflow biflow)
{
    struct weir_cache_config config = weir_cache_config_default();
    struct weir_packet packets[PACKETS];
    struct sums sums = {0};
    const struct weir_batch_sink sink = {.batch = take_batch, .context = &sums};
    struct weir_cache *cache;
    struct weir_diag diag;
    uint64_t octets = 0;
    config.definition = *definition;
    config.biflow = biflow;
    config.entries = 64;
    if (weir_cache_new(&config, &sink, &cache, &diag) < 0)
        return; /* a definition of the other kind of flows */
    make_packets(packets);
    for (unsigned i = 0; i < PACKETS; i++)
        octets += packets[i].octets;
    require(weir_cache_add(cache, packets, PACKETS, &diag) == 0);
    require(weir_cache_finish(cache, &diag) == 0);
    struct weir_cache_counters counters = weir_cache_counters(cache);
    require(counters.packets_metered == PACKETS && counters.octets_metered == octets);
    require(sums.rows == counters.flows_exported && sums.rows == counters.flows_created);
    weir_column_set both = WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES);
    bool has_counters = !definition->has_fields || (definition->fields & both) == both;
    if (has_counters && biflow == WEIR_BIFLOW_NONE)
        require(sums.packets == PACKETS && sums.octets == octets);
    weir_cache_free(cache);
}

/* To the octet: what is parsed twice is the same even where nobody looks. */
static bool same(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct weir_flow_definition)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_flow_definition definition, again;
    struct weir_diag diag;
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    int result = weir_flow_definition_parse(text, &definition, &diag);
    require(result == 0 || result == WEIR_E_USAGE);
    if (result == 0) {
        require(weir_flow_definition_parse(text, &again, &diag) == 0);
        require(same(&definition, &again));
        meter(&definition, WEIR_BIFLOW_NONE);
        meter(&definition, WEIR_BIFLOW_FIRST);
        /* Another key leaves what there was; the same once more changes nothing. */
        if (weir_flow_definition_add_keys(&definition, "layer,tunnel_type", &diag) == 0) {
            again = definition;
            require(weir_flow_definition_add_keys(&definition, "layer", &diag) == 0);
            require(same(&definition, &again));
            meter(&definition, WEIR_BIFLOW_NONE);
        }
    }
    free(text);
    return 0;
}
