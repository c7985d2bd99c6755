/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: make_seeds FOLDER
 *
 * Writes the seeds of the targets `message`, `plan`, `list`, `dissect` and `fields`, and of
 * `collect` those of fixed formats, of sFlow and of what options records teach, into folders of
 * their names in FOLDER: `ninja fuzz-seeds` after a change of their forms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../tests/support/payload_builder.h"
#include "../tests/support/sflow_builder.h"
#include "wire/encoder.h"

#define FIELDS_MAX 24u

struct shape {
    const char *name;
    enum weir_protocol protocol;
    uint16_t scope_count;
    struct weir_field fields[FIELDS_MAX];
};

static const struct shape shapes[] = {
    {"netflow1", WEIR_PROTOCOL_NETFLOW1, 0, {{0}}},
    {"netflow5", WEIR_PROTOCOL_NETFLOW5, 0, {{0}}},
    {"netflow9",
     WEIR_PROTOCOL_NETFLOW9,
     0,
     {{0, 8, 4},
      {0, 12, 4},
      {0, 22, 4},
      {0, 21, 4},
      {0, 7, 2},
      {0, 11, 2},
      {0, 4, 1},
      {0, 48, 2},
      {0, 1, 4},
      {0, 2, 4},
      {0, 40001, 2}}},
    {"netflow9-options",
     WEIR_PROTOCOL_NETFLOW9,
     1,
     {{WEIR_PEN_NETFLOW9_SCOPE, 1, 4}, {0, 34, 4}, {0, 35, 1}, {0, 82, 8}}},
    {"ipfix",
     WEIR_PROTOCOL_IPFIX,
     0,
     {{0, 27, 16},
      {0, 28, 16},
      {0, 154, 8},
      {0, 157, 8},
      {0, 139, 2},
      {29305, 1, 8},
      {35632, 99, 3},
      {0, 56, 6},
      {0, 195, 1},
      {0, 31, 3}}},
    {"ipfix-families",
     WEIR_PROTOCOL_IPFIX,
     0,
     {{0, 8, 4},
      {0, 27, 16},
      {0, 152, 8},
      {0, 22, 4},
      {0, 158, 4},
      {0, 4, 2},
      {0, 1, 8},
      {0, 1, 8},
      {0, 210, 3}}},
    {"ipfix-options", WEIR_PROTOCOL_IPFIX, 1, {{0, 149, 4}, {0, 41, 8}, {0, 95, 4}, {0, 96, 6}}},
    {"ipfix-variable",
     WEIR_PROTOCOL_IPFIX,
     0,
     {{0, 8, 4}, {0, 82, 65535}, {0, 7, 2}, {0, 96, 65535}, {0, 4, 1}, {0, 291, 65535}}},
};

static struct weir_template *template_of(const struct shape *shape)
{
    const struct weir_template *builtin = weir_message_builtin_template(shape->protocol);
    uint16_t count = 0;
    if (builtin)
        return weir_template_copy(builtin);
    while (count < FIELDS_MAX && shape->fields[count].id)
        count++;
    return shape->scope_count
               ? weir_template_new_options(300, shape->fields, count, shape->scope_count)
               : weir_template_new(300, shape->fields, count);
}

/* Records whose octets count up; variable fields hold a few. Returns their octets. */
static size_t put_records(const struct weir_template *source, unsigned count, uint8_t *to)
{
    size_t at = 0;
    for (unsigned r = 0; r < count; r++)
        for (unsigned f = 0; f < source->field_count; f++) {
            size_t length = source->fields[f].length;
            if (length == WEIR_LENGTH_VARIABLE)
                to[at++] = (uint8_t)(length = 2 + r);
            for (size_t i = 0; i < length; i++, at++)
                to[at] = (uint8_t)(i + 1 < length ? 0 : 'a' + r + f);
        }
    return at;
}

static FILE *create(const char *folder, const char *target, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    return file;
}

static void put_u16(FILE *file, unsigned value)
{
    (void)fputc((int)(value >> 8 & 255), file);
    (void)fputc((int)(value & 255), file);
}

/* A datagram with the template and, of fixed length, three records; for IPFIX a withdrawal too. */
static void write_message(const char *folder, const struct shape *shape,
                          const struct weir_template *source)
{
    static const struct weir_encoder_header header = {
        .sequence = 7, .domain = 1, .export_time_ns = INT64_C(1700000000000000000)};
    uint8_t octets[2048], records[1024];
    size_t length = put_records(source, 3, records);
    struct weir_encoder encoder;
    uint32_t got;
    FILE *file = create(folder, "message", shape->name);
    weir_encoder_begin(&encoder, shape->protocol, octets, sizeof(octets), &header);
    (void)!weir_encoder_template(&encoder, source);
    if (!source->is_variable) {
        uint8_t *room = weir_encoder_records(&encoder, source, 3, &got);
        memcpy(room, records, length);
    }
    size_t total = weir_encoder_end(&encoder);
    put_u16(file, (unsigned)total);
    (void)fwrite(octets, 1, total, file);
    if (shape->protocol == WEIR_PROTOCOL_IPFIX) {
        struct weir_template withdrawal = {
            .id = 300, .is_options = source->is_options, .is_withdrawal = true};
        weir_encoder_begin(&encoder, shape->protocol, octets, sizeof(octets), &header);
        (void)!weir_encoder_template(&encoder, &withdrawal);
        total = weir_encoder_end(&encoder);
        put_u16(file, (unsigned)total);
        (void)fwrite(octets, 1, total, file);
    }
    (void)fclose(file);
}

/* A datagram as a seed of `message` and of `collect`. */
static void write_datagram(const char *folder, const char *name, const uint8_t *octets,
                           size_t length)
{
    FILE *file = create(folder, "message", name);
    put_u16(file, (unsigned)length);
    (void)fwrite(octets, 1, length, file);
    (void)fclose(file);
    file = create(folder, "collect", name);
    (void)fputc(1, file); /* the exporter */
    put_u16(file, (unsigned)length);
    (void)fwrite(octets, 1, length, file);
    (void)fclose(file);
}

/* One record of a fixed format: of v1 and v7, or of a scheme of v8. */
static void write_fixed(const char *folder, uint8_t version, uint8_t scheme)
{
    uint8_t octets[128] = {0, version, 0, 1, [22] = scheme, [23] = 2};
    struct weir_message message;
    char name[32];
    if (weir_message_open(octets, sizeof(octets), &message, NULL) < 0)
        exit(1);
    for (size_t i = 4; i < message.length; i++)
        if (i < 22 || i > 23)
            octets[i] = (uint8_t)i;
    (void)snprintf(name, sizeof(name), scheme ? "netflow%u-%u" : "netflow%u", version, scheme);
    write_datagram(folder, name, octets, message.length);
}

/* Every structure that is read, in samples of either form. */
static void write_sflow_seeds(const char *folder)
{
    static const unsigned flow_formats[] = {2,    3,    4,    1001, 1002, 1003,
                                            1004, 1006, 1007, 1020, 1030};
    static const unsigned counter_formats[] = {2, 5, 1001};
    struct sflow_builder b;
    sflow_datagram(&b, 7, 41);
    for (unsigned expanded = 0; expanded < 2; expanded++) {
        size_t sample = sflow_flow(&b, expanded);
        sflow_header(&b, 1, 68, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
        sflow_header(&b, 12, 140, 0, sflow_udp6_packet, sizeof(sflow_udp6_packet));
        sflow_end(&b, sample);
        sample = sflow_counters(&b, expanded);
        sflow_if_counters(&b);
        sflow_end(&b, sample);
    }
    write_datagram(folder, "sflow-samples", b.octets, weir_writer_offset(&b.writer));
    sflow_datagram(&b, 7, 42);
    for (unsigned i = 0; i < sizeof(flow_formats) / sizeof(flow_formats[0]); i++) {
        size_t sample = sflow_flow(&b, false), record = sflow_record(&b, flow_formats[i]);
        sflow_u32s(&b, 16, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u);
        sflow_end(&b, record);
        sflow_end(&b, sample);
    }
    for (unsigned i = 0; i < sizeof(counter_formats) / sizeof(counter_formats[0]); i++) {
        size_t sample = sflow_counters(&b, false), record = sflow_record(&b, counter_formats[i]);
        for (unsigned k = 0; k < 16; k++)
            sflow_u32s(&b, 1, k);
        sflow_end(&b, record);
        sflow_end(&b, sample);
    }
    write_datagram(folder, "sflow-structures", b.octets, weir_writer_offset(&b.writer));
}

static void write_plan(const char *folder, const struct shape *shape,
                       const struct weir_template *source)
{
    uint8_t records[1024];
    size_t length = put_records(source, 3, records);
    FILE *file = create(folder, "plan", shape->name);
    (void)fputc(source->field_count, file);
    for (unsigned i = 0; i < source->field_count; i++) {
        put_u16(file, source->fields[i].pen >> 16);
        put_u16(file, source->fields[i].pen & 65535);
        put_u16(file, source->fields[i].id);
        put_u16(file, source->fields[i].length);
    }
    (void)fputc(1, file);
    (void)fwrite(records, 1, length, file);
    (void)fclose(file);
}

/* Lists of Template 300, interfaceName and ingressInterface, and 301, which has such a list. */
static void write_lists(const char *folder)
{
    static const struct {
        const char *name;
        uint8_t kind;
        uint8_t length;
        const char *octets;
    } lists[] = {
        {"basic", 0, 9, "\x04\x00\x10\x00\x02\xfb\xf4\xfb\xf5"},
        {"basic-enterprise", 0, 11, "\x03\x80\x0e\x00\x01\x00\x00\x1a\xd7\x02\x12"},
        {"basic-nested", 0, 12, "\x03\x01\x23\xff\xff\x06\x04\x00\x04\x00\x01\x11"},
        {"records", 1, 14, "\x03\x01\x2c\x02lo\x00\x00\x00\x01\x00\x00\x00\x02"},
        {"records-nested", 1, 14, "\x03\x01\x2d\x09\x03\x01\x2c\x01x\x00\x00\x00\x01\x06"},
        {"records-unknown", 1, 5, "\x03\x02\x00\xab\xcd"},
        {"several", 2, 19,
         "\x03\x01\x2c\x00\x0a\x01x\x00\x00\x00\x01\x01\x2d\x00\x09\x03\x03\x02\x06"},
    };
    static const uint16_t fields[2][2][2] = {{{82, 65535}, {10, 4}}, {{292, 65535}, {4, 1}}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        FILE *file = create(folder, "list", lists[i].name);
        (void)fputc(lists[i].kind, file);
        put_u16(file, 0x0202);
        for (unsigned k = 0; k < 4; k++) {
            put_u16(file, 0);
            put_u16(file, 0);
            put_u16(file, fields[k / 2][k % 2][0]);
            put_u16(file, fields[k / 2][k % 2][1]);
        }
        (void)fwrite(lists[i].octets, 1, lists[i].length, file);
        (void)fclose(file);
    }
}

/* A message in which an options record teaches what the record of the flow is read with. */
static void write_taught(const char *folder, const char *name, const struct weir_template *teaching,
                         const char *taught, const struct weir_template *flow, const char *record)
{
    static const struct weir_encoder_header header = {
        .sequence = 7, .domain = 1, .export_time_ns = INT64_C(1700000000000000000)};
    uint8_t octets[512];
    struct weir_encoder encoder;
    uint32_t got;
    FILE *file = create(folder, "collect", name);
    weir_encoder_begin(&encoder, WEIR_PROTOCOL_IPFIX, octets, sizeof(octets), &header);
    (void)!weir_encoder_template(&encoder, teaching);
    (void)!weir_encoder_template(&encoder, flow);
    memcpy(weir_encoder_records(&encoder, teaching, 1, &got), taught, teaching->record_length);
    memcpy(weir_encoder_records(&encoder, flow, 1, &got), record, flow->record_length);
    size_t total = weir_encoder_end(&encoder);
    (void)fputc(1, file);
    put_u16(file, (unsigned)total);
    (void)fwrite(octets, 1, total, file);
    (void)fclose(file);
}

static void write_all_taught(const char *folder)
{
    static const struct weir_field type_fields[] = {
        {0, 303, 2}, {0, 346, 4}, {0, 339, 1}, {0, 344, 1}, {0, 341, 4}};
    static const struct weir_field typed_fields[] = {{0, 7, 2}, {64512, 7, 4}};
    static const struct weir_field property_fields[] = {{0, 137, 2}, {0, 12, 4}, {0, 137, 2}};
    static const struct weir_field flow_fields[] = {{0, 137, 2}, {0, 1, 4}};
    struct weir_template *types = weir_template_new_options(300, type_fields, 5, 2);
    struct weir_template *typed = weir_template_new(301, typed_fields, 2);
    struct weir_template *properties = weir_template_new_options(300, property_fields, 3, 1);
    struct weir_template *flow = weir_template_new(301, flow_fields, 2);
    if (!types || !typed || !properties || !flow)
        exit(1);
    write_taught(folder, "ipfix_types", types, "\x00\x07\x00\x00\xfc\x00\x07\x01name", typed,
                 "\x00\x35\xff\xff\xff\xfe");
    write_taught(folder, "ipfix_common", properties, "\x00\x01\xc0\x00\x02\x01\x00\x01", flow,
                 "\x00\x01\x00\x00\x00\x40");
    free(types);
    free(typed);
    free(properties);
    free(flow);
}

/* What the pieces of a seed of `dissect` are taken for: as fuzz/dissect.c has it. */
enum payload {
    PAYLOAD_HELLO,
    PAYLOAD_TLS,
    PAYLOAD_DNS,
    PAYLOAD_DNS_STREAM,
    PAYLOAD_HTTP,
    PAYLOAD_QUIC,
    PAYLOAD_FLOW,
    PAYLOAD_APPLICATION,
};

/* A stream in two pieces, the second first. */
static void write_stream(const char *folder, const char *name, enum payload kind,
                         const uint8_t *octets, size_t length)
{
    FILE *file = create(folder, "dissect", name);
    const size_t half = length / 2;
    (void)fputc((int)kind, file);
    put_u16(file, (unsigned)(length - half + 2));
    put_u16(file, (unsigned)half);
    (void)fwrite(octets + half, 1, length - half, file);
    put_u16(file, (unsigned)(half + 2));
    put_u16(file, 0);
    (void)fwrite(octets, 1, half, file);
    (void)fclose(file);
}

/* A hello in two datagrams. */
static void write_quic(const char *folder, const char *name, const struct payload_quic *quic,
                       const uint8_t *hello, size_t length)
{
    FILE *file = create(folder, "dissect", name);
    (void)fputc(PAYLOAD_QUIC, file);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t frames[1024], packet[2048];
        struct weir_writer out = weir_writer_make(frames, sizeof(frames));
        size_t from = i * (length / 2);
        payload_crypto(&out, from, hello + from, i ? length - from : length / 2);
        size_t octets = payload_quic_initial(quic, i, frames, out.length, out.length + 20, packet,
                                             sizeof(packet));
        put_u16(file, (unsigned)octets);
        (void)fwrite(packet, 1, octets, file);
    }
    (void)fclose(file);
}

/* Two packets of a flow over TCP, or by UDP. */
static void write_flow(const char *folder, const char *name, unsigned kind, unsigned port,
                       const uint8_t *octets, size_t length)
{
    FILE *file = create(folder, "dissect", name);
    (void)fputc(PAYLOAD_FLOW, file);
    for (size_t at = 0; at < length; at += length / 2 + 1) {
        size_t count = length - at < length / 2 + 1 ? length - at : length / 2 + 1;
        put_u16(file, (unsigned)count + 4);
        (void)fputc((int)kind, file);
        (void)fputc((int)port, file);
        put_u16(file, (unsigned)at);
        (void)fwrite(octets + at, 1, count, file);
    }
    (void)fclose(file);
}

static void write_dissect_seeds(const char *folder)
{
    static const char request[] = "POST /a HTTP/1.1\r\nHost: www.example.org\r\n"
                                  "User-Agent: b/1 (c)\r\nAccept: */*\r\n\r\n";
    uint8_t hello[1024], octets[2048];
    struct weir_writer out = weir_writer_make(hello, sizeof(hello));
    payload_hello(&out, &payload_hello_usual);
    size_t length = out.length;
    write_stream(folder, "hello", PAYLOAD_HELLO, hello, length);
    write_quic(folder, "quic-1", &payload_quic_v1, hello, length);
    write_quic(folder, "quic-2", &payload_quic_v2, hello, length);
    size_t records = payload_tls_records(hello, length, 100, octets, sizeof(octets));
    write_stream(folder, "tls", PAYLOAD_TLS, octets, records);
    write_flow(folder, "flow-tls", 0, 0, octets, records);
    out = weir_writer_make(octets, sizeof(octets));
    size_t begin = payload_begin(&out);
    payload_dns(&out, "www.example.org.", 28);
    payload_end(&out, begin);
    write_stream(folder, "dns", PAYLOAD_DNS, octets + begin, out.length - begin);
    write_stream(folder, "dns-stream", PAYLOAD_DNS_STREAM, octets, out.length);
    write_stream(folder, "http", PAYLOAD_HTTP, (const uint8_t *)request, sizeof(request) - 1);
    write_flow(folder, "flow-http", 2, 2, (const uint8_t *)request, sizeof(request) - 1);
    write_flow(folder, "flow-dns", 0, 1, octets, out.length);
}

/* A conversation of a seed of `fields`: each packet goes into the file as it is made. */
struct talk {
    FILE *file;
    uint8_t protocol;
    uint16_t server_port;
    uint32_t sequence[2]; /* of client and server, what each sends next */
};

enum { TALK_TCP = 6, TALK_UDP = 17 };
enum { FIN = 1, SYN = 2, ACK = 16 };

static struct talk begin_talk(const char *folder, const char *name, const char *head,
                              uint8_t protocol, uint16_t server_port)
{
    struct talk talk = {create(folder, "fields", name), protocol, server_port, {1000, UINT32_MAX}};
    (void)fwrite(head, 1, 3, talk.file);
    return talk;
}

/* A packet of IPv4 without link layer, `back` octets before what its sender would send next. */
static void say_again(struct talk *talk, bool is_server, unsigned flags, uint32_t back,
                      const void *payload, size_t length)
{
    uint8_t packet[2048];
    struct weir_writer out = weir_writer_make(packet, sizeof(packet));
    size_t options = flags & SYN ? 8 : 0;
    size_t header = talk->protocol == TALK_TCP ? 20 + options : 8;
    uint32_t sequence = talk->sequence[is_server] - back;
    weir_write_u16(&out, 0x4500);
    weir_write_u16(&out, (uint16_t)(20 + header + length));
    weir_write_u32(&out, 0x00010000);
    weir_write_u32(&out, 64u << 24 | (unsigned)talk->protocol << 16);
    weir_write_u32(&out, is_server ? 0xc6336402 : 0xc0000201);
    weir_write_u32(&out, is_server ? 0xc0000201 : 0xc6336402);
    weir_write_u16(&out, is_server ? talk->server_port : 40000);
    weir_write_u16(&out, is_server ? 40000 : talk->server_port);
    if (talk->protocol == TALK_TCP) {
        weir_write_u32(&out, sequence);
        weir_write_u32(&out, talk->sequence[!is_server]);
        weir_write_u16(&out, (uint16_t)((header / 4) << 12 | flags));
        weir_write_u16(&out, 1000);
        weir_write_u32(&out, 0);
        weir_write_octets(&out, "\2\4\5\xb4\3\3\7", options);
        talk->sequence[is_server] =
            sequence + (uint32_t)length + ((flags & SYN) != 0) + ((flags & FIN) != 0);
    } else {
        weir_write_u16(&out, (uint16_t)(8 + length));
        weir_write_u16(&out, 0);
    }
    weir_write_octets(&out, payload, length);
    (void)fputc(15 << 2 | 1, talk->file);
    put_u16(talk->file, (unsigned)out.length);
    (void)fwrite(packet, 1, out.length, talk->file);
}

static void say(struct talk *talk, bool is_server, unsigned flags, const void *payload,
                size_t length)
{
    say_again(talk, is_server, flags, 0, payload, length);
}

/* A connection with a request in two segments, one of them twice, and an answer out of order. */
static void write_connection(const char *folder, const char *name, const char *head, uint16_t port,
                             const uint8_t *octets, size_t length)
{
    static const uint8_t answer[300] = {0x17, 3, 3, 1, 0x27};
    struct talk talk = begin_talk(folder, name, head, TALK_TCP, port);
    size_t half = length / 2;
    say(&talk, false, SYN, NULL, 0);
    say(&talk, true, SYN | ACK, NULL, 0);
    say(&talk, false, ACK, NULL, 0);
    say(&talk, false, ACK, octets, half);
    say_again(&talk, false, ACK, (uint32_t)half, octets, half);
    say(&talk, false, ACK, octets + half, length - half);
    talk.sequence[1] += 100;
    say(&talk, true, ACK, answer + 100, 200);
    say_again(&talk, true, ACK, 300, answer, 100);
    talk.sequence[1] += 200;
    say_again(&talk, true, ACK, 1, answer, 1);
    say(&talk, true, ACK | FIN, NULL, 0);
    say(&talk, false, ACK | FIN, NULL, 0);
    (void)fclose(talk.file);
}

/* A question in a datagram, and what else may be an answer. */
static void write_datagrams(const char *folder, const char *name, const char *head, uint16_t port,
                            const uint8_t *octets, size_t length)
{
    struct talk talk = begin_talk(folder, name, head, TALK_UDP, port);
    say(&talk, false, 0, octets, length);
    say(&talk, true, 0, octets, length);
    (void)fclose(talk.file);
}

/* A packet of TCP with the beginning of a stream, for nDPI. */
static void write_application(const char *folder, const char *name, const uint8_t *octets,
                              size_t length)
{
    FILE *file = create(folder, "dissect", name);
    uint8_t packet[2048];
    struct weir_writer out = weir_writer_make(packet, sizeof(packet));
    weir_write_u16(&out, 0x4500);
    weir_write_u16(&out, (uint16_t)(40 + length));
    weir_write_u32(&out, 0x00010000);
    weir_write_u32(&out, 64u << 24 | TALK_TCP << 16);
    weir_write_u32(&out, 0xc0000201);
    weir_write_u32(&out, 0xc6336402);
    weir_write_u32(&out, 40000u << 16 | 443);
    weir_write_u64(&out, 1);
    weir_write_u32(&out, 0x50180100);
    weir_write_u32(&out, 0);
    weir_write_octets(&out, octets, length);
    (void)fputc(PAYLOAD_APPLICATION, file);
    put_u16(file, (unsigned)out.length);
    (void)fwrite(packet, 1, out.length, file);
    (void)fclose(file);
}

static void write_fields_seeds(const char *folder)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: \xff.example.org\r\n\r\n";
    uint8_t hello[1024], octets[2048], frames[1024];
    struct weir_writer out = weir_writer_make(hello, sizeof(hello));
    payload_hello(&out, &payload_hello_usual);
    size_t length = out.length;
    size_t records = payload_tls_records(hello, length, 100, octets, sizeof(octets));
    write_connection(folder, "tls", "\0\1\0", 443, octets, records);
    write_application(folder, "application-tls", octets, records);
    write_application(folder, "application-http", (const uint8_t *)request, sizeof(request) - 1);
    write_connection(folder, "http", "\0\2\1", 80, (const uint8_t *)request, sizeof(request) - 1);
    write_connection(folder, "prefixes", "\1\1\3", 80, (const uint8_t *)request,
                     sizeof(request) - 1);
    out = weir_writer_make(frames, sizeof(frames));
    payload_crypto(&out, 0, hello, length);
    size_t datagram = payload_quic_initial(&payload_quic_v1, 0, frames, out.length, out.length + 20,
                                           octets, sizeof(octets));
    write_datagrams(folder, "quic", "\0\1\4", 443, octets, datagram);
    out = weir_writer_make(octets, sizeof(octets));
    payload_dns(&out, "www.example.org.", 28);
    write_datagrams(folder, "dns", "\0\4\0", 53, octets, out.length);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    write_dissect_seeds(argv[1]);
    write_fields_seeds(argv[1]);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct weir_template *source = template_of(&shapes[i]);
        if (!source)
            return 1;
        write_message(argv[1], &shapes[i], source);
        write_plan(argv[1], &shapes[i], source);
        free(source);
    }
    write_lists(argv[1]);
    write_all_taught(argv[1]);
    write_fixed(argv[1], 7, 0);
    for (uint8_t scheme = 1; scheme <= 14; scheme++)
        write_fixed(argv[1], 8, scheme);
    write_sflow_seeds(argv[1]);
    return 0;
}
