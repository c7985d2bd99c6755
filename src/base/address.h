/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internet addresses as one type: 128 bits in two host-order words.
 *
 * IPv4 is carried as ::ffff:0:0/96 (RFC 4291 section 2.5.5.2), so a network of either family is a
 * range of one ordered type, and the store can prune by it. Text is RFC 5952's.
 *
 *     struct weir_address a;
 *     if (weir_address_parse("192.0.2.1", &a) == 0 && weir_address_is_v4(a)) ...
 *     char text[WEIR_ADDRESS_TEXT_MAX];
 *     weir_address_format(a, text);
 */
#ifndef WEIR_BASE_ADDRESS_H
#define WEIR_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define WEIR_ADDRESS_TEXT_MAX  46 /* longest text and its terminator */
#define WEIR_ADDRESS_V4_PREFIX UINT64_C(0x0000ffff00000000)

struct weir_address {
    uint64_t high; /* octets 0 to 7 */
    uint64_t low;  /* octets 8 to 15 */
};

/* An address and how many of its 128 bits count: 192.0.2.0/24 has prefix_length 120. */
struct weir_network {
    struct weir_address address; /* bits past prefix_length are zero */
    uint8_t prefix_length;       /* 0 to 128 */
};

static inline struct weir_address weir_address_from_v4(uint32_t address)
{
    return (struct weir_address){0, WEIR_ADDRESS_V4_PREFIX | address};
}

/* 16 octets in network order. */
static inline struct weir_address weir_address_from_octets(const uint8_t octets[16])
{
    return (struct weir_address){weir_load_be64(octets), weir_load_be64(octets + 8)};
}

static inline bool weir_address_is_v4(struct weir_address address)
{
    return address.high == 0 && address.low >> 32 == 0xffff;
}

static inline bool weir_address_equal(struct weir_address a, struct weir_address b)
{
    return a.high == b.high && a.low == b.low;
}

/*
 * The two families by themselves, of octets in network order; ::ffff:192.0.2.1 stays IPv6. Each
 * writes text and terminator and returns the text's length.
 */
size_t weir_ipv4_format(const uint8_t octets[4], char text[WEIR_ADDRESS_TEXT_MAX]);
size_t weir_ipv6_format(const uint8_t octets[16], char text[WEIR_ADDRESS_TEXT_MAX]);

/* Either, by weir_address_is_v4. Writes text and terminator, returns the text's length. */
size_t weir_address_format(struct weir_address address, char text[WEIR_ADDRESS_TEXT_MAX]);

/* 0, or WEIR_E_USAGE where `text` is no IPv4 or IPv6 address. */
WEIR_CHECKED int weir_address_parse(const char *text, struct weir_address *ret_address);

/*
 * ADDRESS or ADDRESS/LENGTH, the length counted in the family's own bits; without one, a host.
 * 0, or WEIR_E_USAGE for text that is no network or a length out of range. Host bits are cleared.
 */
WEIR_CHECKED int weir_network_parse(const char *text, struct weir_network *ret_network);

/* Last address of the network; the first is network.address. */
struct weir_address weir_network_last(struct weir_network network);

bool weir_network_contains(struct weir_network network, struct weir_address address);

#endif
