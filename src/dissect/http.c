/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/http.h"

#include <string.h>
#include <strings.h>

#include "base/reader.h"

/* Methods are words of any letters; what is used has capitals, and some a hyphen. */
static bool is_method_letter(uint8_t octet)
{
    return (octet >= 'A' && octet <= 'Z') || octet == '-';
}

static size_t method_length(const uint8_t *octets, size_t length)
{
    size_t letters = 0;
    while (letters < length && letters <= WEIR_HTTP_METHOD_MAX && is_method_letter(octets[letters]))
        letters++;
    return letters;
}

bool weir_http_begins(const uint8_t *octets, size_t length)
{
    size_t letters = method_length(octets, length);
    return letters > 1 && letters <= WEIR_HTTP_METHOD_MAX && letters < length &&
           octets[letters] == ' ';
}

/* A line without its end, which may be one octet or two (RFC 9112 section 2.2); NULL: no end. */
static const uint8_t *read_line(struct weir_reader *reader, size_t *ret_length)
{
    size_t remaining = weir_reader_remaining(reader);
    const uint8_t *end = remaining ? memchr(reader->octets, '\n', remaining) : NULL;
    if (!end)
        return NULL;
    size_t length = (size_t)(end - reader->octets);
    const uint8_t *line = weir_read_octets(reader, length + 1);
    *ret_length = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
    return line;
}

/* "GET /index.html HTTP/1.1" */
static bool is_request_line(const uint8_t *line, size_t length)
{
    static const char version[] = " HTTP/1.";
    const size_t end = sizeof(version) - 1 + 1;
    size_t method = method_length(line, length);
    return length > method + end && memcmp(line + length - end, version, end - 1) == 0;
}

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

/* Takes the value of a field of this name, where the line is one. */
static void take_field(const uint8_t *line, size_t length, const char *name, struct weir_name *to)
{
    size_t begin = strlen(name);
    if (to->length > 0 || length <= begin || line[begin] != ':' ||
        strncasecmp((const char *)line, name, begin) != 0)
        return;
    for (begin++; begin < length && is_blank(line[begin]); begin++)
        ;
    while (length > begin && is_blank(line[length - 1]))
        length--;
    weir_name_add(to, line + begin, length - begin);
}

int weir_http_parse(const uint8_t *octets, size_t length, struct weir_http_request *ret_request)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    struct weir_http_request request = {0};
    if (!weir_http_begins(octets, length))
        return WEIR_E_MALFORMED;
    size_t octets_of_line = 0;
    const uint8_t *line = read_line(&reader, &octets_of_line);
    if (line && !is_request_line(line, octets_of_line))
        return WEIR_E_MALFORMED;
    if (line)
        weir_name_add(&request.method, octets, method_length(octets, length));
    while (line && octets_of_line > 0) {
        line = read_line(&reader, &octets_of_line);
        if (!line)
            break;
        take_field(line, octets_of_line, "host", &request.host);
        take_field(line, octets_of_line, "user-agent", &request.user_agent);
    }
    *ret_request = request;
    return line ? 0 : WEIR_E_TRUNCATED;
}
