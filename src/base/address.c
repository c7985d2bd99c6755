/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t weir_address_format(struct weir_address address, char text[WEIR_ADDRESS_TEXT_MAX])
{
    uint8_t octets[16];
    weir_store_be64(octets, address.high);
    weir_store_be64(octets + 8, address.low);
    /* The buffer holds every address, so inet_ntop cannot fail. */
    if (weir_address_is_v4(address))
        inet_ntop(AF_INET, octets + 12, text, WEIR_ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, octets, text, WEIR_ADDRESS_TEXT_MAX);
    return strlen(text);
}

int weir_address_parse(const char *text, struct weir_address *ret_address)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, text, octets) == 1)
        *ret_address = weir_address_from_v4(weir_load_be32(octets));
    else if (inet_pton(AF_INET6, text, octets) == 1)
        *ret_address = weir_address_from_octets(octets);
    else
        return WEIR_E_USAGE;
    return 0;
}

/* The two words of a mask of `length` leading ones. */
static struct weir_address mask_of(unsigned length)
{
    struct weir_address mask = {0, 0};
    if (length > 0)
        mask.high = UINT64_MAX << (length >= 64 ? 0 : 64 - length);
    if (length > 64)
        mask.low = UINT64_MAX << (128 - length);
    return mask;
}

int weir_network_parse(const char *text, struct weir_network *ret_network)
{
    char copy[WEIR_ADDRESS_TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof(copy))
        return WEIR_E_USAGE;
    memcpy(copy, text, length);
    copy[length] = 0;

    struct weir_address address;
    if (weir_address_parse(copy, &address) < 0)
        return WEIR_E_USAGE;
    unsigned offset = weir_address_is_v4(address) && !strchr(copy, ':') ? 96 : 0;
    unsigned long bits = 128 - offset;
    if (slash) {
        char *end;
        if (slash[1] < '0' || slash[1] > '9')
            return WEIR_E_USAGE;
        bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > 128 - offset)
            return WEIR_E_USAGE;
    }
    unsigned prefix_length = (unsigned)bits + offset;
    struct weir_address mask = mask_of(prefix_length);
    ret_network->address.high = address.high & mask.high;
    ret_network->address.low = address.low & mask.low;
    ret_network->prefix_length = (uint8_t)prefix_length;
    return 0;
}

struct weir_address weir_network_last(struct weir_network network)
{
    struct weir_address mask = mask_of(network.prefix_length);
    return (struct weir_address){network.address.high | ~mask.high,
                                 network.address.low | ~mask.low};
}

bool weir_network_contains(struct weir_network network, struct weir_address address)
{
    struct weir_address mask = mask_of(network.prefix_length);
    return (address.high & mask.high) == network.address.high &&
           (address.low & mask.low) == network.address.low;
}
