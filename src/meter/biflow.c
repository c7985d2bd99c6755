/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/biflow.h"

#include <stddef.h>

enum { SYN = 0x02, ACK = 0x10 };

static bool is_inside(const struct weir_perimeter *perimeter, struct weir_address address)
{
    for (unsigned i = 0; i < perimeter->count; i++)
        if (weir_network_contains(perimeter->networks[i], address))
            return true;
    return false;
}

bool weir_perimeter_tells(const struct weir_perimeter *perimeter, struct weir_address source,
                          struct weir_address destination)
{
    return !is_inside(perimeter, source) && is_inside(perimeter, destination);
}

/* ICMP has its type and ESP its SPI where ports are. */
static bool has_ports(const struct weir_packet *packet)
{
    enum { ICMP = 1, ESP = 50, ICMPV6 = 58 };
    uint8_t protocol = packet->key.protocol;
    return protocol != ICMP && protocol != ICMPV6 && protocol != ESP;
}

bool weir_biflow_begins_reversed(enum weir_biflow biflow, const struct weir_perimeter *perimeter,
                                 const struct weir_packet *packet)
{
    switch (biflow) {
    case WEIR_BIFLOW_SYN:
        return (packet->tcp_flags & (SYN | ACK)) == (SYN | ACK);
    case WEIR_BIFLOW_PORT:
        return has_ports(packet) && packet->key.src_port < packet->key.dst_port;
    case WEIR_BIFLOW_PERIMETER:
        return weir_perimeter_tells(perimeter, packet->key.dst_addr, packet->key.src_addr);
    case WEIR_BIFLOW_NONE:
    case WEIR_BIFLOW_FIRST:
        break;
    }
    return false;
}

/* RFC 792, 950 (address mask), 1256 (router discovery), 4443, 2710 and 4861. */
static const struct {
    bool is_v6;
    uint8_t question, answer;
} pairs[] = {
    {false, 8, 0},    {false, 10, 9},   {false, 13, 14},  {false, 15, 16},  {false, 17, 18},
    {true, 128, 129}, {true, 130, 131}, {true, 133, 134}, {true, 135, 136}, {true, 139, 140},
};
#define PAIR_COUNT (sizeof(pairs) / sizeof(pairs[0]))

uint16_t weir_biflow_icmp_question(uint16_t type_and_code, bool is_v6)
{
    for (size_t i = 0; i < PAIR_COUNT; i++)
        if (pairs[i].is_v6 == is_v6 && type_and_code >> 8 == pairs[i].answer)
            return (uint16_t)(pairs[i].question << 8 | (type_and_code & 0xff));
    return 0;
}

uint16_t weir_biflow_icmp_answer(uint16_t type_and_code, bool is_v6)
{
    for (size_t i = 0; i < PAIR_COUNT; i++)
        if (pairs[i].is_v6 == is_v6 && type_and_code >> 8 == pairs[i].question)
            return (uint16_t)(pairs[i].answer << 8 | (type_and_code & 0xff));
    return type_and_code;
}
