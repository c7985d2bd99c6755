/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/protocol.h"

#include <stddef.h>
#include <strings.h>

int weir_protocol_parse(const char *name, uint8_t *ret_protocol)
{
    static const struct {
        const char *name;
        uint8_t number;
    } names[] = {
        {"icmp", 1},  {"igmp", 2},  {"ipip", 4},   {"tcp", 6},    {"udp", 17},   {"dccp", 33},
        {"ipv6", 41}, {"gre", 47},  {"esp", 50},   {"ah", 51},    {"icmp6", 58}, {"icmpv6", 58},
        {"ospf", 89}, {"pim", 103}, {"vrrp", 112}, {"l2tp", 115}, {"sctp", 132}, {"udplite", 136},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(name, names[i].name) == 0) {
            *ret_protocol = names[i].number;
            return 0;
        }
    return WEIR_E_USAGE;
}
