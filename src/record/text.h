/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of columns as text for people, where the number alone says little: MAC addresses and
 * TCP flags. Addresses are in base/address.h.
 *
 *     char text[WEIR_FLAGS_TEXT_MAX];
 *     weir_tcp_flags_format(0x12, text);     // "...A..S."
 *
 * Threads: pure functions.
 */
#ifndef WEIR_RECORD_TEXT_H
#define WEIR_RECORD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_MAC_TEXT_MAX   18 /* with its terminator */
#define WEIR_FLAGS_TEXT_MAX 10

/* "00:00:5e:00:53:01"; returns the text's length. */
size_t weir_mac_format(uint64_t mac, char text[WEIR_MAC_TEXT_MAX]);

/* Six octets in hex with ':' or '-' between them. 0, or WEIR_E_USAGE. */
WEIR_CHECKED int weir_mac_parse(const char *text, uint64_t *ret_mac);

/*
 * One place for each flag, lowest at the end, '.' where it is not set: CWR ECE URG ACK PSH RST
 * SYN FIN as C E U A P R S F, and N before them where the ninth (RFC 7125: NS) is set. Returns the
 * text's length.
 */
size_t weir_tcp_flags_format(uint16_t flags, char text[WEIR_FLAGS_TEXT_MAX]);

/*
 * Letters of flags in any order and case, dots ignored; X: the six of RFC 793. 0, or
 * WEIR_E_USAGE.
 */
WEIR_CHECKED int weir_tcp_flags_parse(const char *text, uint16_t *ret_flags);

#endif
