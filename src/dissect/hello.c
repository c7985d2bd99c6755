/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/hello.h"

#include <string.h>

#include "base/reader.h"
#include "dissect/ja4.h"

#define RECORD_HANDSHAKE 22u
#define RECORD_HEADER    5u
#define RECORD_MAX       (16384u + 2048u) /* RFC 5246 section 6.2.3 */
#define CLIENT_HELLO     1u
#define HANDSHAKE_HEADER 4u
#define RANDOM_OCTETS    32u

enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_SUPPORTED_VERSIONS = 43,
};

/* What is being read, and where it goes. */
struct parse {
    struct weir_client_hello *hello;
    struct weir_ja4_input ja4;
};

/* ServerNameList: the first name of type host_name counts, RFC 6066 allows no second. */
static bool read_server_name(struct weir_reader *body, struct parse *parse)
{
    parse->ja4.has_sni = parse->hello->has_sni = true;
    struct weir_reader list = weir_read_block(body, weir_read_u16(body));
    while (weir_reader_remaining(&list) > 0) {
        uint8_t type = weir_read_u8(&list);
        uint16_t length = weir_read_u16(&list);
        const uint8_t *name = weir_read_octets(&list, length);
        if (!name || type != 0)
            continue;
        weir_name_add(&parse->hello->sni, name, length);
        break;
    }
    return !weir_reader_failed(&list);
}

/* Protocols may contain commas; a comma alone is between two. */
static bool read_alpn(struct weir_reader *body, struct parse *parse)
{
    struct weir_reader list = weir_read_block(body, weir_read_u16(body));
    for (bool is_first = true; weir_reader_remaining(&list) > 0; is_first = false) {
        uint8_t length = weir_read_u8(&list);
        struct weir_reader protocol = weir_read_block(&list, length);
        if (weir_reader_failed(&list))
            break;
        if (is_first)
            parse->ja4.first_alpn = protocol;
        else
            weir_name_add_char(&parse->hello->alpn, ',');
        weir_name_add_escaped(&parse->hello->alpn, protocol.octets, length, ',');
    }
    return !weir_reader_failed(&list);
}

static bool read_supported_versions(struct weir_reader *body, struct parse *parse)
{
    struct weir_reader list = weir_read_block(body, weir_read_u8(body));
    uint16_t newest = 0;
    while (weir_reader_remaining(&list) >= 2) {
        uint16_t version = weir_read_u16(&list);
        if (!weir_is_grease(version) && version > newest)
            newest = version;
    }
    if (newest > 0)
        parse->hello->version = newest;
    return !weir_reader_failed(&list);
}

static bool read_signature_algorithms(struct weir_reader *body, struct parse *parse)
{
    parse->ja4.signature_algorithms = weir_read_block(body, weir_read_u16(body));
    return !weir_reader_failed(body);
}

static const struct extension_reader {
    uint16_t type;
    bool (*read)(struct weir_reader *body, struct parse *parse);
} extension_readers[] = {
    {EXTENSION_SERVER_NAME, read_server_name},
    {EXTENSION_SIGNATURE_ALGORITHMS, read_signature_algorithms},
    {EXTENSION_ALPN, read_alpn},
    {EXTENSION_SUPPORTED_VERSIONS, read_supported_versions},
};
#define READER_COUNT (sizeof(extension_readers) / sizeof(extension_readers[0]))

/* Of an extension that is there twice, which none may be, the first counts. */
static bool read_extensions(struct weir_reader extensions, struct parse *parse)
{
    unsigned seen = 0;
    while (weir_reader_remaining(&extensions) > 0) {
        uint16_t type = weir_read_u16(&extensions);
        uint16_t length = weir_read_u16(&extensions);
        struct weir_reader body = weir_read_block(&extensions, length);
        for (unsigned i = 0; i < READER_COUNT; i++) {
            if (extension_readers[i].type != type || seen >> i & 1 || body.failed)
                continue;
            seen |= 1u << i;
            /* A server answers with empty ones (RFC 6066); a client may not, but is understood. */
            if (length > 0 && !extension_readers[i].read(&body, parse))
                return false;
            if (type == EXTENSION_SERVER_NAME)
                parse->ja4.has_sni = parse->hello->has_sni = true;
        }
    }
    return !weir_reader_failed(&extensions);
}

/* The body of a ClientHello, whole. */
static bool read_body(struct weir_reader *body, struct parse *parse)
{
    parse->hello->version = weir_read_u16(body);
    weir_read_skip(body, RANDOM_OCTETS);
    weir_read_skip(body, weir_read_u8(body)); /* legacy_session_id */
    parse->ja4.ciphers = weir_read_block(body, weir_read_u16(body));
    weir_read_skip(body, weir_read_u8(body)); /* legacy_compression_methods */
    if (weir_reader_failed(body) || parse->hello->version >> 8 != 3)
        return false;
    /* Before TLS 1.2 there need not be any (RFC 5246 section 7.4.1.2). */
    if (weir_reader_remaining(body) == 0)
        return true;
    parse->ja4.extensions = weir_read_block(body, weir_read_u16(body));
    return !weir_reader_failed(body) && read_extensions(parse->ja4.extensions, parse);
}

int weir_client_hello_parse(const uint8_t *octets, size_t length, enum weir_hello_carrier carrier,
                            struct weir_client_hello *ret_hello)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    struct weir_client_hello hello = {0};
    struct parse parse = {.hello = &hello, .ja4 = {.carrier = carrier}};
    if (length > 0 && octets[0] != CLIENT_HELLO)
        return WEIR_E_MALFORMED;
    if (length < HANDSHAKE_HEADER)
        return WEIR_E_TRUNCATED;
    uint32_t octets_said = weir_read_u32(&reader) & 0xffffff;
    if (octets_said > WEIR_HELLO_OCTETS_MAX - HANDSHAKE_HEADER)
        return WEIR_E_LIMIT;
    struct weir_reader body = weir_read_block(&reader, octets_said);
    if (weir_reader_failed(&reader))
        return WEIR_E_TRUNCATED;
    if (!read_body(&body, &parse))
        return WEIR_E_MALFORMED;
    parse.ja4.version = hello.version;
    weir_ja4_make(&parse.ja4, hello.ja4);
    *ret_hello = hello;
    return 0;
}

/* SSL 3.0 to TLS 1.3, as records have it. */
static bool is_version(uint16_t version)
{
    return version >= 0x0300 && version <= 0x0304;
}

bool weir_tls_stream_begins(const uint8_t *octets, size_t length)
{
    return length > RECORD_HEADER && octets[0] == RECORD_HANDSHAKE &&
           is_version(weir_load_be16(octets + 1)) && weir_load_be16(octets + 3) <= RECORD_MAX &&
           octets[RECORD_HEADER] == CLIENT_HELLO;
}

int weir_tls_stream_parse(const uint8_t *octets, size_t length, struct weir_client_hello *ret_hello)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    uint8_t joined[WEIR_HELLO_OCTETS_MAX];
    size_t joined_length = 0;
    int result = WEIR_E_TRUNCATED;
    while (result == WEIR_E_TRUNCATED && weir_reader_remaining(&reader) > RECORD_HEADER) {
        uint8_t type = weir_read_u8(&reader);
        uint16_t version = weir_read_u16(&reader);
        size_t record_length = weir_read_u16(&reader);
        if (type != RECORD_HANDSHAKE || !is_version(version) || record_length > RECORD_MAX ||
            record_length == 0)
            return WEIR_E_MALFORMED;
        if (record_length > weir_reader_remaining(&reader))
            record_length = weir_reader_remaining(&reader);
        const uint8_t *fragment = weir_read_octets(&reader, record_length);
        /* Nearly always all of it is in the first record. */
        if (joined_length == 0) {
            result = weir_client_hello_parse(fragment, record_length, WEIR_HELLO_TCP, ret_hello);
            if (result != WEIR_E_TRUNCATED)
                return result;
        }
        if (record_length > sizeof(joined) - joined_length)
            record_length = sizeof(joined) - joined_length;
        memcpy(joined + joined_length, fragment, record_length);
        joined_length += record_length;
        if (joined_length > record_length)
            result = weir_client_hello_parse(joined, joined_length, WEIR_HELLO_TCP, ret_hello);
    }
    return result;
}
