/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/dns.h"

#include "base/reader.h"

#define HEADER_OCTETS    12u
#define NAME_OCTETS_MAX  255u
#define LABEL_OCTETS_MAX 63u
#define OPCODE_MAX       6u /* DSO, RFC 8490 */

bool weir_dns_is_port(uint16_t port)
{
    return port == 53 || port == 5353 || port == 5355;
}

/* A name that is nothing but labels: in the first question there is nothing to point back to. */
static int read_name(struct weir_reader *reader, struct weir_name *name)
{
    size_t begin = weir_reader_offset(reader);
    for (bool is_first = true;; is_first = false) {
        uint8_t length = weir_read_u8(reader);
        const uint8_t *label = weir_read_octets(reader, length);
        if (length > LABEL_OCTETS_MAX)
            return WEIR_E_MALFORMED;
        if (weir_reader_failed(reader))
            return WEIR_E_TRUNCATED;
        if (weir_reader_offset(reader) - begin > NAME_OCTETS_MAX)
            return WEIR_E_MALFORMED;
        if (!is_first && length > 0)
            weir_name_add_char(name, '.');
        if (length == 0) {
            if (is_first)
                weir_name_add_char(name, '.');
            return 0;
        }
        weir_name_add_escaped(name, label, length, '.');
    }
}

int weir_dns_parse(const uint8_t *octets, size_t length, struct weir_dns_question *ret_question)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    struct weir_dns_question question = {0};
    if (length < HEADER_OCTETS)
        return WEIR_E_TRUNCATED;
    weir_read_skip(&reader, 2); /* its ID */
    uint16_t flags = weir_read_u16(&reader);
    uint16_t questions = weir_read_u16(&reader);
    weir_read_skip(&reader, 6);
    if ((flags >> 11 & 15) > OPCODE_MAX || flags & 0x40)
        return WEIR_E_MALFORMED;
    if (questions == 0)
        return WEIR_E_NOT_FOUND;
    int result = read_name(&reader, &question.name);
    if (result < 0)
        return result;
    question.type = weir_read_u16(&reader);
    weir_read_skip(&reader, 2); /* its class */
    if (weir_reader_failed(&reader))
        return WEIR_E_TRUNCATED;
    *ret_question = question;
    return 0;
}

int weir_dns_stream_parse(const uint8_t *octets, size_t length,
                          struct weir_dns_question *ret_question)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    uint16_t said = weir_read_u16(&reader);
    if (weir_reader_failed(&reader))
        return WEIR_E_TRUNCATED;
    if (said < HEADER_OCTETS)
        return WEIR_E_MALFORMED;
    size_t there = weir_reader_remaining(&reader);
    int result = weir_dns_parse(reader.octets, there < said ? there : said, ret_question);
    /* A message that ends before its question does is none. */
    return result == WEIR_E_TRUNCATED && there >= said ? WEIR_E_MALFORMED : result;
}
