/* SPDX-License-Identifier: Apache-2.0 */
/* What --sample and --match take, a first octet of 's' or 'm' and then the text: what is accepted
 * selects of packets that it sees some, the same each time, and counts them. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "meter/selection.h"

#define PACKETS 256u

static void require(bool condition)
{
    if (!condition)
        abort();
}

static struct {
    struct weir_packet packets[PACKETS];
    struct weir_packet_detail details[PACKETS];
    struct weir_packet_content contents[PACKETS];
    int64_t times[PACKETS];
    uint8_t octets[PACKETS][40];
} seen;

static void make_packets(void)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        memset(seen.octets[i], (int)i, sizeof(seen.octets[i]));
        seen.octets[i][0] = 0x45;
        seen.times[i] = (int64_t)i * 1000003;
        seen.packets[i] = (struct weir_packet){
            .key = {.src_addr = {0, WEIR_ADDRESS_V4_PREFIX | 0x0a000000 | i},
                    .dst_addr = {0, WEIR_ADDRESS_V4_PREFIX | 0xc0000201},
                    .src_port = (uint16_t)(i * 257),
                    .dst_port = 443,
                    .protocol = i % 3 ? 6 : 17,
                    .tos = (uint8_t)i},
            .time_ns = seen.times[i],
            .octets = 40,
            .tcp_flags = (uint16_t)(i & 0x3f),
            .vlan = (uint16_t)(i % 5),
            .ttl = (uint8_t)i,
            .detail = (uint16_t)i,
        };
        seen.details[i] = (struct weir_packet_detail){
            .src_mac = i, .dst_mac = UINT64_C(0x020000000000) | i, .has = WEIR_DETAIL_ETHERNET};
        seen.contents[i] = (struct weir_packet_content){seen.octets[i], seen.octets[i] + 20,
                                                        seen.octets[i] + sizeof(seen.octets[i])};
    }
}

/* Which packets are selected, handed over in pieces of this size. */
static size_t run(const struct weir_selector *selector, const struct weir_stage_config *config,
                  size_t piece, bool ret_selected[PACKETS])
{
    const struct weir_selection_items items = {seen.times, seen.packets, seen.details,
                                               seen.contents};
    struct weir_stage sampler;
    size_t total = 0;
    memset(ret_selected, 0, PACKETS * sizeof(*ret_selected));
    weir_stage_init(&sampler, selector, config);
    for (size_t first = 0; first < PACKETS; first += piece) {
        uint16_t kept[PACKETS];
        size_t size = PACKETS - first < piece ? PACKETS - first : piece;
        for (size_t i = 0; i < size; i++)
            kept[i] = (uint16_t)(first + i);
        size_t count = weir_stage_run(&sampler, &items, kept, size);
        require(count <= size);
        for (size_t i = 0; i < count; i++) {
            require(kept[i] >= first && kept[i] < first + size);
            require(i == 0 || kept[i] > kept[i - 1]);
            ret_selected[kept[i]] = true;
        }
        total += count;
    }
    require(sampler.selector.seen == PACKETS && sampler.selector.selected == total);
    return total;
}

static void check_selector(const struct weir_selector *selector, const struct weir_match *match,
                           uint64_t seed)
{
    const struct weir_flow_definition definition = weir_flow_definition_5_tuple();
    struct weir_flow_part part;
    struct weir_diag diag;
    require(weir_flow_part_of(&definition, 1, &part, &diag) == 0);
    const struct weir_stage_config config = {.seed = seed, .flow_part = &part, .match = match};
    bool whole[PACKETS], pieces[PACKETS];
    size_t count = run(selector, &config, PACKETS, whole);
    require(count == run(selector, &config, 7, pieces));
    require(memcmp(whole, pieces, sizeof(whole)) == 0);
    require(selector->probability >= 0 && selector->probability <= 1);
    if (selector->probability == 1 && !match)
        require(count == PACKETS);
}

static void check_match(const char *text)
{
    struct weir_match match;
    struct weir_diag diag;
    int result = weir_match_parse(text, &match, &diag);
    require(result == 0 || result == WEIR_E_USAGE);
    if (result < 0)
        return;
    require(match.term_count <= WEIR_MATCH_TERMS_MAX && match.value_count <= WEIR_MATCH_VALUES_MAX);
    const struct weir_selector selector = {
        .kind = WEIR_SELECTOR_MATCH, .probability = 1, .text = text};
    check_selector(&selector, &match, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct weir_selector selector;
    struct weir_diag diag;
    char *text = malloc(size);
    require(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    make_packets();
    if (data[0] == 'm') {
        check_match(text);
    } else {
        int result = weir_selector_parse_sample(text, &selector, &diag);
        require(result == 0 || result == WEIR_E_USAGE);
        if (result == 0) {
            check_selector(&selector, NULL, 0);
            check_selector(&selector, NULL, data[0]);
        }
    }
    free(text);
    return 0;
}
