/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/names.h"

#include <string.h>

#include "dissect/assembly.h"
#include "dissect/dns.h"
#include "dissect/hello.h"
#include "dissect/http.h"
#include "dissect/quic.h"

/* What a stream begins with. */
enum stream {
    STREAM_TLS,
    STREAM_HTTP,
    STREAM_DNS,
    STREAM_QUIC,
    STREAM_UNKNOWN, /* what it begins with has not come yet */
};

/* A beginning that is being put together. */
struct weir_name_work {
    uint8_t stream; /* enum stream */
    bool is_reverse;
    uint32_t base; /* TCP's number of its first octet */
    struct weir_quic quic;
    struct weir_assembly assembly;
};

/* Octets of the finder's sizes of rooms; the last holds whatever there may be. */
static const uint16_t room_octets[WEIR_NAME_ROOMS] = {
    64, 128, 256, 512, sizeof(struct weir_names) + WEIR_NAME_KIND_COUNT *WEIR_NAME_OCTETS_MAX};

/* One flow in so many may be put together at once, or have names that need so much room. */
#define WORK_SHARE     32u
#define LONG_SHARE     8u
#define REGION_MINIMUM 64u

static uint32_t share_of(uint32_t entries, uint32_t share)
{
    return entries / share > REGION_MINIMUM ? entries / share : REGION_MINIMUM;
}

void weir_name_finder_init(struct weir_name_finder *finder, uint32_t entries, uint32_t regions)
{
    uint32_t each = entries / (regions > 0 ? regions : 1) + 1;
    memset(finder, 0, sizeof(*finder));
    weir_pool_init(&finder->works, sizeof(struct weir_name_work), share_of(each, WORK_SHARE));
    for (unsigned i = 0; i < WEIR_NAME_ROOMS; i++) {
        bool is_long = room_octets[i] > 256;
        weir_pool_init(&finder->rooms[i], room_octets[i],
                       is_long ? share_of(each, LONG_SHARE) : UINT32_MAX);
    }
}

void weir_name_finder_done(struct weir_name_finder *finder)
{
    weir_pool_done(&finder->works);
    for (unsigned i = 0; i < WEIR_NAME_ROOMS; i++)
        weir_pool_done(&finder->rooms[i]);
}

uint64_t weir_name_finder_octets(const struct weir_name_finder *finder)
{
    uint64_t octets = finder->works.octets;
    for (unsigned i = 0; i < WEIR_NAME_ROOMS; i++)
        octets += finder->rooms[i].octets;
    return octets;
}

/* What one look found: the names in the order of their kinds. */
struct finding {
    uint32_t quic_version;
    uint16_t tls_version;
    uint16_t dns_type;
    uint8_t has;
    bool is_dns;
    const char *texts[WEIR_NAME_KIND_COUNT];
    uint8_t lengths[WEIR_NAME_KIND_COUNT];
};

static void take(struct finding *finding, enum weir_name_kind kind, const char *text, size_t length)
{
    finding->has |= (uint8_t)(1u << kind);
    finding->texts[kind] = text;
    finding->lengths[kind] = (uint8_t)length;
}

static void take_unless_empty(struct finding *finding, enum weir_name_kind kind,
                              const struct weir_name *name)
{
    if (name->length > 0)
        take(finding, kind, name->text, name->length);
}

/* What was found before, and is not found anew. */
static void take_old(struct finding *finding, const struct weir_names *old)
{
    const char *text = old->text;
    for (unsigned kind = 0; kind < WEIR_NAME_KIND_COUNT; text += old->lengths[kind++])
        if (old->has >> kind & 1 && !(finding->has >> kind & 1))
            take(finding, (enum weir_name_kind)kind, text, old->lengths[kind]);
}

/* Keeps a finding, with what was found before. */
static void keep(struct weir_name_finder *finder, struct weir_name_search *search, unsigned region,
                 struct finding *finding)
{
    struct weir_names *old = search->found;
    if (old)
        take_old(finding, old);
    size_t octets = sizeof(struct weir_names);
    for (unsigned kind = 0; kind < WEIR_NAME_KIND_COUNT; kind++)
        octets += finding->lengths[kind];
    unsigned room = 0;
    while (octets > room_octets[room])
        room++;
    struct weir_names *names = weir_pool_take(&finder->rooms[room], region);
    if (!names) {
        finder->counters.without_room++;
        return;
    }
    *names = (struct weir_names){
        .quic_version = finding->quic_version,
        .tls_version = finding->tls_version,
        .dns_type = finding->dns_type,
        .has = finding->has,
        .is_dns = finding->is_dns,
        .room = (uint8_t)room,
    };
    char *to = names->text;
    for (unsigned kind = 0; kind < WEIR_NAME_KIND_COUNT; kind++) {
        names->lengths[kind] = finding->lengths[kind];
        if (finding->lengths[kind] > 0)
            memcpy(to, finding->texts[kind], finding->lengths[kind]);
        to += finding->lengths[kind];
    }
    search->found = names;
    if (old)
        weir_pool_give(&finder->rooms[old->room], region, old);
    else
        finder->counters.found++;
}

static void keep_hello(struct weir_name_finder *finder, struct weir_name_search *search,
                       unsigned region, const struct weir_client_hello *hello,
                       uint32_t quic_version)
{
    struct finding finding = {.quic_version = quic_version, .tls_version = hello->version};
    if (hello->has_sni)
        take(&finding, WEIR_NAME_SNI, hello->sni.text, hello->sni.length);
    take_unless_empty(&finding, WEIR_NAME_ALPN, &hello->alpn);
    take(&finding, WEIR_NAME_JA4, hello->ja4, sizeof(hello->ja4));
    keep(finder, search, region, &finding);
    search->is_done = true;
}

static void keep_question(struct weir_name_finder *finder, struct weir_name_search *search,
                          unsigned region, const struct weir_dns_question *question)
{
    struct finding finding = {.dns_type = question->type, .is_dns = true};
    take(&finding, WEIR_NAME_DNS, question->name.text, question->name.length);
    keep(finder, search, region, &finding);
    search->is_done = true;
}

/* Behind CONNECT there is probably TLS; a request whose line was not whole is none. */
static void keep_request(struct weir_name_finder *finder, struct weir_name_search *search,
                         unsigned region, const struct weir_http_request *request)
{
    static const char connect[] = "CONNECT";
    struct finding finding = {0};
    if (request->method.length == 0)
        return;
    take(&finding, WEIR_NAME_HTTP_METHOD, request->method.text, request->method.length);
    take_unless_empty(&finding, WEIR_NAME_HTTP_HOST, &request->host);
    take_unless_empty(&finding, WEIR_NAME_HTTP_AGENT, &request->user_agent);
    keep(finder, search, region, &finding);
    search->is_done = request->method.length != sizeof(connect) - 1 ||
                      memcmp(request->method.text, connect, sizeof(connect) - 1) != 0;
}

/*
 * Reads the beginning of a stream and keeps what it has. 0; WEIR_E_TRUNCATED while there is to be
 * more of it; another error where it is no such stream.
 */
static int read_stream(struct weir_name_finder *finder, struct weir_name_search *search,
                       unsigned region, enum stream stream, const uint8_t *octets, size_t length)
{
    struct weir_client_hello hello;
    struct weir_dns_question question;
    struct weir_http_request request;
    int result;
    switch (stream) {
    case STREAM_TLS:
        result = weir_tls_stream_parse(octets, length, &hello);
        if (result == 0)
            keep_hello(finder, search, region, &hello, 0);
        return result;
    case STREAM_DNS:
        result = weir_dns_stream_parse(octets, length, &question);
        if (result == 0)
            keep_question(finder, search, region, &question);
        return result;
    case STREAM_HTTP:
        result = weir_http_parse(octets, length, &request);
        if (result == 0)
            keep_request(finder, search, region, &request);
        return result;
    case STREAM_QUIC:
    case STREAM_UNKNOWN:
        break;
    }
    return WEIR_E_MALFORMED;
}

/* Gives up what is being put together. */
static void drop_work(struct weir_name_finder *finder, struct weir_name_search *search,
                      unsigned region)
{
    weir_pool_give(&finder->works, region, search->work);
    search->work = NULL;
}

static struct weir_name_work *begin_work(struct weir_name_finder *finder,
                                         struct weir_name_search *search, enum stream stream,
                                         const struct weir_payload *payload)
{
    struct weir_name_work *work = weir_pool_take(&finder->works, payload->region);
    if (!work) {
        finder->counters.without_room++;
        search->is_done = true;
        return NULL;
    }
    work->stream = (uint8_t)stream;
    work->is_reverse = payload->is_reverse;
    work->base = payload->tcp_sequence;
    weir_assembly_init(&work->assembly);
    search->work = work;
    return work;
}

/* What a segment or the beginning of a stream is; STREAM_UNKNOWN: nothing that has names. */
static enum stream stream_of(const struct weir_payload *payload, const uint8_t *octets,
                             size_t length)
{
    if (weir_tls_stream_begins(octets, length))
        return STREAM_TLS;
    if (weir_dns_is_port(payload->dst_port) || weir_dns_is_port(payload->src_port))
        return STREAM_DNS;
    return weir_http_begins(octets, length) ? STREAM_HTTP : STREAM_UNKNOWN;
}

/* One more segment of what is being put together. */
static void go_on_tcp(struct weir_name_finder *finder, struct weir_name_search *search,
                      const struct weir_payload *payload)
{
    struct weir_name_work *work = search->work;
    uint32_t offset = payload->tcp_sequence - work->base;
    if (payload->is_reverse != work->is_reverse || work->stream == STREAM_QUIC ||
        offset >= WEIR_ASSEMBLY_OCTETS)
        return;
    int result = weir_assembly_add(&work->assembly, offset, payload->octets, payload->captured);
    size_t length = weir_assembly_length(&work->assembly);
    if (result == 0 && length == 0)
        return;
    if (work->stream == STREAM_UNKNOWN)
        work->stream = (uint8_t)stream_of(payload, work->assembly.octets, length);
    if (result == 0)
        result = read_stream(finder, search, payload->region, (enum stream)work->stream,
                             work->assembly.octets, length);
    if (result == WEIR_E_TRUNCATED && length < WEIR_ASSEMBLY_OCTETS)
        return;
    if (result < 0)
        weir_names_finish(finder, search, payload->region);
    drop_work(finder, search, payload->region);
}

/* Whether a segment is of the beginning of its stream, but comes ahead of the first. */
static bool is_ahead(const struct weir_name_search *search, const struct weir_payload *payload)
{
    uint32_t offset = payload->tcp_sequence - search->base;
    return search->has_base && payload->is_reverse == search->is_base_reverse && offset > 0 &&
           offset < WEIR_ASSEMBLY_OCTETS && search->packets == 0;
}

/* A segment that may begin something. */
static void begin_tcp(struct weir_name_finder *finder, struct weir_name_search *search,
                      const struct weir_payload *payload)
{
    enum stream stream = stream_of(payload, payload->octets, payload->captured);
    if (is_ahead(search, payload)) {
        if (begin_work(finder, search, STREAM_UNKNOWN, payload)) {
            search->work->base = search->base;
            go_on_tcp(finder, search, payload);
        }
        return;
    }
    if (stream == STREAM_UNKNOWN)
        return;
    int result =
        read_stream(finder, search, payload->region, stream, payload->octets, payload->captured);
    struct weir_name_work *work =
        result == WEIR_E_TRUNCATED ? begin_work(finder, search, stream, payload) : NULL;
    if (work && weir_assembly_add(&work->assembly, 0, payload->octets, payload->captured) < 0)
        drop_work(finder, search, payload->region);
}

/* Adds a datagram of QUIC to what came of the hello before. */
static void look_at_quic(struct weir_name_finder *finder, struct weir_name_search *search,
                         const struct weir_payload *payload)
{
    struct weir_name_work fresh, *work = search->work;
    struct weir_client_hello hello;
    if (work && (payload->is_reverse != work->is_reverse || work->stream != STREAM_QUIC))
        return;
    if (!work) {
        fresh.quic.version = 0;
        weir_assembly_init(&fresh.assembly);
    }
    struct weir_quic *quic = work ? &work->quic : &fresh.quic;
    struct weir_assembly *assembly = work ? &work->assembly : &fresh.assembly;
    int result = weir_quic_read(quic, payload->octets, payload->captured, assembly);
    if (result == WEIR_E_NOT_FOUND)
        return;
    if (result == 0)
        result = weir_client_hello_parse(assembly->octets, weir_assembly_length(assembly),
                                         WEIR_HELLO_QUIC, &hello);
    if (result == 0)
        keep_hello(finder, search, payload->region, &hello, quic->version);
    if (result != WEIR_E_TRUNCATED) {
        search->is_done = true;
        drop_work(finder, search, payload->region);
    } else if (!work && (work = begin_work(finder, search, STREAM_QUIC, payload))) {
        work->quic = fresh.quic;
        weir_assembly_copy(&work->assembly, &fresh.assembly);
    }
}

static void look_at_datagram(struct weir_name_finder *finder, struct weir_name_search *search,
                             const struct weir_payload *payload)
{
    struct weir_dns_question question;
    if (weir_quic_begins(payload->octets, payload->captured))
        look_at_quic(finder, search, payload);
    else if ((weir_dns_is_port(payload->dst_port) || weir_dns_is_port(payload->src_port)) &&
             weir_dns_parse(payload->octets, payload->captured, &question) == 0)
        keep_question(finder, search, payload->region, &question);
}

void weir_names_look_closely(struct weir_name_finder *finder, struct weir_name_search *search,
                             const struct weir_payload *payload)
{
    if (payload->is_syn && !search->has_base) {
        search->base = payload->tcp_sequence;
        search->has_base = true;
        search->is_base_reverse = payload->is_reverse;
    }
    if (payload->captured == 0)
        return;
    if (payload->protocol == WEIR_PAYLOAD_UDP)
        look_at_datagram(finder, search, payload);
    else if (payload->protocol != WEIR_PAYLOAD_TCP)
        search->is_done = true;
    else if (search->work)
        go_on_tcp(finder, search, payload);
    else
        begin_tcp(finder, search, payload);
    if (++search->packets == WEIR_NAMES_PACKETS && !search->is_done) {
        weir_names_finish(finder, search, payload->region);
        search->is_done = true;
    }
    /* Flows without the whole 5-tuple have streams side by side: another one had a name. */
    if (search->is_done)
        drop_work(finder, search, payload->region);
}

void weir_names_finish(struct weir_name_finder *finder, struct weir_name_search *search,
                       unsigned region)
{
    struct weir_http_request request = {0};
    const struct weir_name_work *work = search->work;
    if (!work)
        return;
    if (work->stream == STREAM_HTTP &&
        weir_http_parse(work->assembly.octets, weir_assembly_length(&work->assembly), &request) ==
            WEIR_E_TRUNCATED)
        keep_request(finder, search, region, &request);
    drop_work(finder, search, region);
}

void weir_names_release(struct weir_name_finder *finder, struct weir_name_search *search,
                        unsigned region)
{
    weir_pool_give(&finder->works, region, search->work);
    if (search->found)
        weir_pool_give(&finder->rooms[search->found->room], region, search->found);
    memset(search, 0, sizeof(*search));
}

const char *weir_names_text(const struct weir_names *names, enum weir_name_kind kind,
                            uint8_t *ret_length)
{
    if (!names || !(names->has >> kind & 1))
        return NULL;
    const char *text = names->text;
    for (unsigned i = 0; i < (unsigned)kind; i++)
        text += names->lengths[i];
    *ret_length = names->lengths[kind];
    return text;
}
