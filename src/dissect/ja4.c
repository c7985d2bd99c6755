/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/ja4.h"

#include <nettle/sha2.h>
#include <string.h>

#define VALUES_MAX      (WEIR_HELLO_OCTETS_MAX / 2)
#define HASH_CHARACTERS 12u
#define EXTENSION_SNI   0u
#define EXTENSION_ALPN  16u

static const char digits[] = "0123456789abcdef";

struct values {
    unsigned count;
    uint16_t value[VALUES_MAX];
};

static void take(struct values *values, uint16_t value)
{
    if (!weir_is_grease(value) && values->count < VALUES_MAX)
        values->value[values->count++] = value;
}

static void take_list(struct values *values, struct weir_reader list)
{
    while (weir_reader_remaining(&list) >= 2)
        take(values, weir_read_u16(&list));
}

static void take_extensions(struct values *values, struct weir_reader extensions)
{
    while (weir_reader_remaining(&extensions) >= 4) {
        take(values, weir_read_u16(&extensions));
        weir_read_skip(&extensions, weir_read_u16(&extensions));
    }
}

/* Shell's sort: a client chooses how many values there are, and in which order. */
static void sort(struct values *values)
{
    static const unsigned gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
        for (unsigned i = gaps[g]; i < values->count; i++) {
            uint16_t value = values->value[i];
            unsigned at = i;
            for (; at >= gaps[g] && values->value[at - gaps[g]] > value; at -= gaps[g])
                values->value[at] = values->value[at - gaps[g]];
            values->value[at] = value;
        }
}

/* Adds "002f,0035" to what is hashed, `before` ahead of it. */
static void hash_list(struct sha256_ctx *hash, const struct values *values, const char *before)
{
    for (unsigned i = 0; i < values->count; i++) {
        uint16_t value = values->value[i];
        const uint8_t text[4] = {(uint8_t)digits[value >> 12], (uint8_t)digits[value >> 8 & 15],
                                 (uint8_t)digits[value >> 4 & 15], (uint8_t)digits[value & 15]};
        const char *between = i == 0 ? before : ",";
        sha256_update(hash, strlen(between), (const uint8_t *)between);
        sha256_update(hash, sizeof(text), text);
    }
}

/* The beginning of the hash; zeros where nothing was hashed. */
static void put_hash(struct sha256_ctx *hash, bool is_empty, char *to)
{
    uint8_t digest[HASH_CHARACTERS / 2];
    sha256_digest(hash, sizeof(digest), digest);
    if (is_empty)
        memset(digest, 0, sizeof(digest));
    for (unsigned i = 0; i < sizeof(digest); i++) {
        to[2 * i] = digits[digest[i] >> 4];
        to[2 * i + 1] = digits[digest[i] & 15];
    }
}

static void put_count(unsigned count, char *to)
{
    unsigned shown = count < 99 ? count : 99;
    to[0] = (char)('0' + shown / 10);
    to[1] = (char)('0' + shown % 10);
}

static void put_version(uint16_t version, char *to)
{
    static const struct {
        uint16_t version;
        char text[3];
    } versions[] = {
        {0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
    };
    const char *text = "00";
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (versions[i].version == version)
            text = versions[i].text;
    to[0] = text[0];
    to[1] = text[1];
}

static bool is_alphanumeric(uint8_t octet)
{
    return (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= 'a' && octet <= 'z');
}

/* The first and last character of a protocol; of its digits where one of them is no letter. */
static void put_alpn(struct weir_reader alpn, char *to)
{
    size_t length = weir_reader_remaining(&alpn);
    to[0] = to[1] = '0';
    if (length == 0)
        return;
    uint8_t first = weir_read_u8(&alpn);
    uint8_t last = first;
    if (length > 1) {
        weir_read_skip(&alpn, length - 2);
        last = weir_read_u8(&alpn);
    }
    bool as_text = is_alphanumeric(first) && is_alphanumeric(last);
    to[0] = as_text ? (char)first : digits[first >> 4];
    to[1] = as_text ? (char)last : digits[last & 15];
}

static void remove_value(struct values *values, uint16_t value)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < values->count; i++)
        if (values->value[i] != value)
            values->value[kept++] = values->value[i];
    values->count = kept;
}

void weir_ja4_make(const struct weir_ja4_input *input, char ret_ja4[WEIR_JA4_OCTETS])
{
    struct values list;
    struct sha256_ctx hash;
    list.count = 0;
    ret_ja4[0] = input->carrier == WEIR_HELLO_QUIC ? 'q' : 't';
    put_version(input->version, ret_ja4 + 1);
    ret_ja4[3] = input->has_sni ? 'd' : 'i';
    put_alpn(input->first_alpn, ret_ja4 + 8);
    ret_ja4[10] = ret_ja4[23] = '_';

    take_list(&list, input->ciphers);
    put_count(list.count, ret_ja4 + 4);
    sort(&list);
    sha256_init(&hash);
    hash_list(&hash, &list, "");
    put_hash(&hash, list.count == 0, ret_ja4 + 11);

    list.count = 0;
    take_extensions(&list, input->extensions);
    put_count(list.count, ret_ja4 + 6);
    remove_value(&list, EXTENSION_SNI);
    remove_value(&list, EXTENSION_ALPN);
    sort(&list);
    bool is_empty = list.count == 0;
    sha256_init(&hash);
    hash_list(&hash, &list, "");
    list.count = 0;
    take_list(&list, input->signature_algorithms);
    hash_list(&hash, &list, "_");
    put_hash(&hash, is_empty, ret_ja4 + 24);
}
