/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads: an octet that says what they are taken for, then pieces, each behind two octets of
 * length. What comes out is held to the rules of the headers in dissect/. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "base/text.h"
#include "dissect/application.h"
#include "dissect/assembly.h"
#include "dissect/dns.h"
#include "dissect/hello.h"
#include "dissect/http.h"
#include "dissect/names.h"
#include "dissect/quic.h"

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_name(const struct weir_name *name)
{
    uint32_t point = 0;
    for (size_t at = 0; at < name->length;) {
        unsigned used = weir_utf8_next((const uint8_t *)name->text + at, name->length - at, &point);
        require(used > 0 && point >= 0x20 && !(point >= 0x7f && point < 0xa0));
        at += used;
    }
}

static int check_hello(int result, const struct weir_client_hello *hello, char kind)
{
    if (result == 0) {
        check_name(&hello->sni);
        check_name(&hello->alpn);
        require(hello->ja4[0] == kind && hello->ja4[10] == '_' && hello->ja4[23] == '_');
        require(hello->has_sni == (hello->ja4[3] == 'd'));
    }
    return result;
}

static int take_hello(const uint8_t *octets, size_t length)
{
    struct weir_client_hello hello;
    return check_hello(weir_client_hello_parse(octets, length, WEIR_HELLO_QUIC, &hello), &hello,
                       'q');
}

static int take_tls(const uint8_t *octets, size_t length)
{
    struct weir_client_hello hello;
    int result = check_hello(weir_tls_stream_parse(octets, length, &hello), &hello, 't');
    if (result == 0)
        require(weir_tls_stream_begins(octets, length));
    return result;
}

static int take_dns(const uint8_t *octets, size_t length)
{
    struct weir_dns_question question;
    int result = weir_dns_parse(octets, length, &question);
    if (result == 0)
        check_name(&question.name);
    return result;
}

static int take_dns_stream(const uint8_t *octets, size_t length)
{
    struct weir_dns_question question;
    int result = weir_dns_stream_parse(octets, length, &question);
    if (result == 0)
        require(take_dns(octets + 2, length - 2) == 0);
    return result;
}

static int take_http(const uint8_t *octets, size_t length)
{
    struct weir_http_request request = {0};
    int result = weir_http_parse(octets, length, &request);
    check_name(&request.method);
    check_name(&request.host);
    check_name(&request.user_agent);
    return result;
}

static int (*const streams[])(const uint8_t *octets, size_t length) = {
    take_hello, take_tls, take_dns, take_dns_stream, take_http,
};
#define STREAM_COUNT (sizeof(streams) / sizeof(streams[0]))

/* Each piece is a datagram. */
static void take_quic(struct weir_reader *reader)
{
    struct weir_quic quic = {0};
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    while (weir_reader_remaining(reader) > 2) {
        struct weir_reader piece = weir_read_block(reader, weir_read_u16(reader));
        if (weir_reader_failed(reader))
            break;
        size_t before = weir_assembly_length(&assembly);
        int result = weir_quic_read(&quic, piece.octets, piece.remaining, &assembly);
        require(weir_assembly_length(&assembly) >= before);
        require(result != WEIR_E_NOT_FOUND || weir_assembly_length(&assembly) == before);
        (void)take_hello(assembly.octets, weir_assembly_length(&assembly));
    }
}

/* Each piece goes where its first two octets say. */
static void take_stream(unsigned kind, struct weir_reader *reader)
{
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    while (weir_reader_remaining(reader) > 4) {
        struct weir_reader piece = weir_read_block(reader, weir_read_u16(reader));
        uint16_t offset = weir_read_u16(&piece);
        if (weir_reader_failed(reader) || weir_reader_failed(&piece) ||
            weir_assembly_add(&assembly, offset, piece.octets, piece.remaining) < 0)
            break;
        size_t length = weir_assembly_length(&assembly);
        uint8_t *copy = malloc(length ? length : 1);
        require(copy != NULL);
        memcpy(copy, assembly.octets, length);
        (void)streams[kind](copy, length);
        free(copy);
    }
}

static void check_names(const struct weir_names *names)
{
    for (unsigned kind = 0; kind < WEIR_NAME_KIND_COUNT; kind++) {
        struct weir_name name = {0};
        const char *text = weir_names_text(names, (enum weir_name_kind)kind, &name.length);
        if (!text)
            continue;
        memcpy(name.text, text, name.length);
        check_name(&name);
        require(kind != WEIR_NAME_JA4 || name.length == WEIR_JA4_OCTETS);
    }
}

/* Each piece is a packet of one flow: protocol and direction, port, place in the stream, payload.
 */
static void take_flow(struct weir_reader *reader)
{
    static const uint16_t ports[] = {443, 53, 80, 5353};
    struct weir_name_finder finder;
    struct weir_name_search search = {0};
    weir_name_finder_init(&finder, 64, 1);
    while (weir_reader_remaining(reader) > 6) {
        struct weir_reader piece = weir_read_block(reader, weir_read_u16(reader));
        uint8_t kind = weir_read_u8(&piece), port = weir_read_u8(&piece);
        uint16_t sequence = weir_read_u16(&piece);
        if (weir_reader_failed(reader) || weir_reader_failed(&piece))
            break;
        const struct weir_payload payload = {
            .octets = piece.octets,
            .captured = (uint32_t)piece.remaining,
            .tcp_sequence = UINT32_MAX - 100 + sequence,
            .dst_port = ports[port % 4],
            .protocol = kind & 1 ? WEIR_PAYLOAD_UDP : WEIR_PAYLOAD_TCP,
            .is_reverse = kind & 2,
            .is_syn = (kind & 5) == 4,
        };
        weir_names_look(&finder, &search, &payload);
        require(!search.is_done || !search.work);
    }
    weir_names_finish(&finder, &search, 0);
    require(!search.work);
    check_names(search.found);
    weir_names_release(&finder, &search, 0);
    require(finder.works.used[0] == 0);
    for (unsigned i = 0; i < WEIR_NAME_ROOMS; i++)
        require(finder.rooms[i].used[0] == 0);
    weir_name_finder_done(&finder);
}

/* Each piece is an IP packet of one flow. nDPI takes long to begin, so there is one for all. */
static void take_application(struct weir_reader *reader)
{
    static struct weir_applications *applications;
    struct weir_application_search search = {0};
    char name[WEIR_APPLICATION_NAME_OCTETS_MAX];
    struct weir_diag diag = {0};
    if (!weir_applications_are_known())
        return;
    require(applications || weir_applications_new(64, 1, &applications, &diag) == 0);
    while (weir_reader_remaining(reader) > 2) {
        struct weir_reader piece = weir_read_block(reader, weir_read_u16(reader));
        if (weir_reader_failed(reader) || piece.remaining < 40)
            break;
        uint8_t *copy = malloc(piece.remaining);
        require(copy != NULL);
        memcpy(copy, piece.octets, piece.remaining);
        const struct weir_payload payload = {
            .network = copy,
            .octets = copy + 20,
            .captured = (uint32_t)piece.remaining - 20,
            .network_octets = (uint32_t)piece.remaining,
            .protocol = copy[0] >> 4 == 6 ? copy[6] : copy[9],
        };
        weir_applications_look(applications, &search, &payload);
        require(!search.is_done || !search.flow);
        free(copy);
    }
    weir_applications_finish(applications, &search, 0);
    require(weir_applications_name(applications, &search, name) <= sizeof(name));
    weir_applications_release(applications, &search, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct weir_reader reader = weir_reader_make(data + 1, size - 1);
    unsigned kind = data[0] % (STREAM_COUNT + 3);
    if (kind == STREAM_COUNT)
        take_quic(&reader);
    else if (kind == STREAM_COUNT + 1)
        take_flow(&reader);
    else if (kind == STREAM_COUNT + 2)
        take_application(&reader);
    else
        take_stream(kind, &reader);
    return 0;
}
