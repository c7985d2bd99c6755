/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static char *put_ipv4(const uint8_t octets[4], char *at)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned octet = octets[i];
        if (i > 0)
            *at++ = '.';
        if (octet >= 100)
            *at++ = (char)('0' + octet / 100);
        if (octet >= 10)
            *at++ = (char)('0' + octet / 10 % 10);
        *at++ = (char)('0' + octet % 10);
    }
    return at;
}

static char *put_group(uint16_t group, char *at)
{
    static const char digits[] = "0123456789abcdef";
    if (group >= 0x1000)
        *at++ = digits[group >> 12];
    if (group >= 0x100)
        *at++ = digits[group >> 8 & 15];
    if (group >= 0x10)
        *at++ = digits[group >> 4 & 15];
    *at++ = digits[group & 15];
    return at;
}

/* The longest run of at least two zero groups, the first of equals; length 0: none. */
static void find_zeros(const uint16_t groups[8], unsigned *ret_start, unsigned *ret_length)
{
    unsigned best_start = 0, best_length = 1;
    for (unsigned i = 0; i < 8;) {
        unsigned start = i;
        while (i < 8 && groups[i] == 0)
            i++;
        if (i - start > best_length) {
            best_start = start;
            best_length = i - start;
        }
        i += i == start;
    }
    *ret_start = best_start;
    *ret_length = best_length > 1 ? best_length : 0;
}

size_t weir_ipv4_format(const uint8_t octets[4], char text[WEIR_ADDRESS_TEXT_MAX])
{
    char *end = put_ipv4(octets, text);
    *end = 0;
    return (size_t)(end - text);
}

size_t weir_ipv6_format(const uint8_t octets[16], char text[WEIR_ADDRESS_TEXT_MAX])
{
    uint16_t groups[8];
    unsigned zeros, zeros_length;
    for (size_t i = 0; i < 8; i++)
        groups[i] = weir_load_be16(octets + i * 2);
    find_zeros(groups, &zeros, &zeros_length);
    /* IPv4-mapped and IPv4-compatible addresses end in dots (RFC 5952 section 5). */
    bool mixed = zeros == 0 && (zeros_length == 6 || (zeros_length == 5 && groups[5] == 0xffff));

    char *at = text;
    for (unsigned i = 0; i < (mixed ? 6 : 8);) {
        if (zeros_length && i == zeros) {
            *at++ = ':';
            *at++ = ':';
            i += zeros_length;
            continue;
        }
        if (i > 0 && at[-1] != ':')
            *at++ = ':';
        at = put_group(groups[i++], at);
    }
    if (mixed) {
        if (at[-1] != ':')
            *at++ = ':';
        at = put_ipv4(octets + 12, at);
    }
    *at = 0;
    return (size_t)(at - text);
}

size_t weir_address_format(struct weir_address address, char text[WEIR_ADDRESS_TEXT_MAX])
{
    uint8_t octets[16];
    weir_store_be64(octets, address.high);
    weir_store_be64(octets + 8, address.low);
    return weir_address_is_v4(address) ? weir_ipv4_format(octets + 12, text)
                                       : weir_ipv6_format(octets, text);
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
