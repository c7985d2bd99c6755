/* SPDX-License-Identifier: Apache-2.0 */
#include "record/text.h"

#include <ctype.h>
#include <string.h>

/* Bit 0 first. */
static const char flag_letters[] = "FSRPAUECN";
#define ALWAYS_SHOWN 8u
#define RFC_793      0x3f

size_t weir_mac_format(uint64_t mac, char text[WEIR_MAC_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (int shift = 40; shift >= 0; shift -= 8) {
        text[length++] = digits[mac >> (shift + 4) & 15];
        text[length++] = digits[mac >> shift & 15];
        text[length++] = ':';
    }
    text[--length] = '\0';
    return length;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int weir_mac_parse(const char *text, uint64_t *ret_mac)
{
    uint64_t mac = 0;
    for (int octet = 0; octet < 6; octet++) {
        int value = hex_digit(*text);
        if (value < 0)
            return WEIR_E_USAGE;
        int second = hex_digit(*++text);
        if (second >= 0) {
            value = value * 16 + second;
            text++;
        }
        mac = mac << 8 | (uint64_t)value;
        if (octet < 5 && *text != ':' && *text != '-')
            return WEIR_E_USAGE;
        if (octet < 5)
            text++;
    }
    if (*text)
        return WEIR_E_USAGE;
    *ret_mac = mac;
    return 0;
}

size_t weir_tcp_flags_format(uint16_t flags, char text[WEIR_FLAGS_TEXT_MAX])
{
    size_t length = 0;
    for (size_t bit = sizeof(flag_letters) - 1; bit-- > 0;) {
        bool set = (flags >> bit & 1) != 0;
        if (set || bit < ALWAYS_SHOWN)
            text[length++] = set ? flag_letters[bit] : '.';
    }
    text[length] = '\0';
    return length;
}

int weir_tcp_flags_parse(const char *text, uint16_t *ret_flags)
{
    unsigned flags = 0;
    for (; *text; text++) {
        char letter = (char)toupper((unsigned char)*text);
        const char *at = strchr(flag_letters, letter);
        if (at)
            flags |= 1u << (at - flag_letters);
        else if (letter == 'X')
            flags |= RFC_793;
        else if (letter != '.')
            return WEIR_E_USAGE;
    }
    *ret_flags = (uint16_t)flags;
    return 0;
}
