/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_MAX   256u
#define BACKLOG    16
#define ROUNDS_MAX 64u /* of work on connections before the caller has its turn again */

/* A connection, while there is one. */
struct connection {
    int fd; /* -1: none */
    int64_t until_ns;
    uint64_t version; /* of a page, which is on its way to it; 0: none */
};

struct weir_http {
    struct weir_http_config config;
    struct weir_http_counters counters;
    struct MHD_Daemon *daemon;
    int fd; /* libmicrohttpd's epoll */
    uint16_t port;
    struct {
        struct MHD_Response *response; /* NULL: not made yet, or it could not be */
        int64_t until_ns;
        uint64_t version;
    } made[WEIR_HTTP_PAGES_MAX]; /* one a page */
    uint64_t versions;           /* made so far, of all pages */
    struct connection connections[WEIR_HTTP_CONNECTIONS];
};

/* ---- Listening ---- */

/* HOST:PORT into its two parts; the host without brackets, "" where there is none. */
static int split_address(const char *text, char host[HOST_MAX], const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    bool is_bracketed = text[0] == '[';
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 5 || strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return WEIR_E_USAGE;
    size_t length = (size_t)(colon - text);
    if (is_bracketed && (length < 2 || text[length - 1] != ']'))
        return WEIR_E_USAGE;
    if (!is_bracketed && memchr(text, ':', length))
        return WEIR_E_USAGE;
    text += is_bracketed;
    length -= is_bracketed ? 2 : 0;
    if (length >= HOST_MAX || (is_bracketed && length == 0))
        return WEIR_E_USAGE;
    memcpy(host, text, length);
    host[length] = 0;
    *ret_port = colon + 1;
    return 0;
}

/* The first address of the list that can be listened on; -1 with errno. */
static int listen_on(const struct addrinfo *list)
{
    int reason = EADDRNOTAVAIL;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        int on = 1, off = 0;
        int fd =
            socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
        if (fd < 0) {
            reason = errno;
            continue;
        }
        /* A run that has just ended must not keep the next one from its port. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (at->ai_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
            return fd;
        reason = errno;
        close(fd);
    }
    errno = reason;
    return -1;
}

static int open_socket(const char *address, int *ret_fd, struct weir_diag *diag)
{
    char host[HOST_MAX];
    const char *port;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    if (split_address(address, host, &port) < 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "'%s' is no HOST:PORT such as 127.0.0.1:9464 or [::1]:9464", address);
    int looked_up = getaddrinfo(*host ? host : "::", port, &hints, &list);
    if (looked_up != 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such host: %s", address,
                             gai_strerror(looked_up));
    int fd = listen_on(list);
    int reason = errno;
    freeaddrinfo(list);
    /* A machine without IPv6. */
    if (fd < 0 && !*host && reason == EAFNOSUPPORT && getaddrinfo(NULL, port, &hints, &list) == 0) {
        fd = listen_on(list);
        reason = errno;
        freeaddrinfo(list);
    }
    if (fd < 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': %s%s", address, strerror(reason),
                             reason == EADDRINUSE
                                 ? "; choose another port or stop what uses it (ss -ltnp shows it)"
                                 : "");
    *ret_fd = fd;
    return 0;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t length = sizeof(address);
    if (getsockname(fd, &address.any, &length) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* ---- Answers ---- */

/* Every connection ends with its answer, so that none is held for nothing. */
static struct MHD_Response *make_response(void *octets, size_t length, const char *type,
                                          enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(length, octets, mode);
    if (!response)
        return NULL;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

/* What is no page: a line. */
static enum MHD_Result refuse(struct weir_http *http, struct MHD_Connection *connection,
                              unsigned status, char *line)
{
    struct MHD_Response *response =
        make_response(line, strlen(line), "text/plain; charset=utf-8", MHD_RESPMEM_PERSISTENT);
    http->counters.http_requests_refused++;
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_YES;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Whether one of the first so many connections has this version of a page on its way. */
static bool is_held(const struct weir_http *http, uint64_t version, size_t connections)
{
    for (size_t i = 0; version != 0 && i < connections; i++)
        if (http->connections[i].fd >= 0 && http->connections[i].version == version)
            return true;
    return false;
}

static bool is_newest(const struct weir_http *http, uint64_t version)
{
    for (size_t i = 0; i < WEIR_HTTP_PAGES_MAX; i++)
        if (http->made[i].version == version)
            return true;
    return false;
}

/* Whether those who are slow hold so many versions of pages that no more can be left to them. */
static bool are_held(const struct weir_http *http)
{
    unsigned held = 0;
    for (size_t i = 0; i < WEIR_HTTP_CONNECTIONS; i++) {
        const struct connection *slot = &http->connections[i];
        held += slot->fd >= 0 && slot->version != 0 && !is_newest(http, slot->version) &&
                !is_held(http, slot->version, i);
    }
    return held >= WEIR_HTTP_VERSIONS_HELD;
}

/* Whether a page is to be made: it has not been, in vain neither, just now. */
static bool is_stale(const struct weir_http *http, size_t index)
{
    return weir_clock_now(&http->config.clock) >= http->made[index].until_ns;
}

static void make_page(struct weir_http *http, size_t index)
{
    const struct weir_http_page *page = &http->config.pages[index];
    struct weir_text_buffer text;
    /* Whom it is on its way to still has it. */
    if (http->made[index].response)
        MHD_destroy_response(http->made[index].response);
    http->made[index].response = NULL;
    weir_text_init(&text, WEIR_HTTP_PAGE_MAX);
    page->print(http->config.context, &text);
    if (weir_text_error(&text) == 0 && text.length > 0)
        http->made[index].response =
            make_response(text.data, text.length, page->content_type, MHD_RESPMEM_MUST_FREE);
    if (!http->made[index].response)
        weir_text_done(&text);
    http->made[index].version = ++http->versions;
    http->made[index].until_ns = weir_clock_now(&http->config.clock) + WEIR_HTTP_PAGE_NS;
}

/* The connection has this version until it ends. */
static void note_answer(struct MHD_Connection *connection, uint64_t version)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *slot = info ? info->socket_context : NULL;
    if (slot)
        slot->version = version;
}

static enum MHD_Result answer_page(struct weir_http *http, struct MHD_Connection *connection,
                                   size_t index)
{
    static char failed[] = "no memory for the page\n", slow[] = "too many slow clients have it\n";
    if (is_stale(http, index)) {
        if (is_held(http, http->made[index].version, WEIR_HTTP_CONNECTIONS) && are_held(http))
            return refuse(http, connection, MHD_HTTP_SERVICE_UNAVAILABLE, slow);
        make_page(http, index);
    }
    if (!http->made[index].response)
        return refuse(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, failed);
    http->counters.http_requests++;
    note_answer(connection, http->made[index].version);
    return MHD_queue_response(connection, MHD_HTTP_OK, http->made[index].response);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    static char not_allowed[] = "GET or HEAD\n", not_found[] = "no such page; / says which\n";
    struct weir_http *http = context;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED, not_allowed);
    /* The first call has the headers alone. What follows is not wanted, and answered at its end. */
    if (!*state || *upload_size > 0) {
        *state = http;
        *upload_size = 0;
        return MHD_YES;
    }
    for (size_t i = 0; http->config.pages[i].path; i++)
        if (strcmp(url, http->config.pages[i].path) == 0)
            return answer_page(http, connection, i);
    return refuse(http, connection, MHD_HTTP_NOT_FOUND, not_found);
}

/* ---- Connections ---- */

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct weir_http *http = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct connection *slot = *socket_context;
        if (slot)
            slot->fd = -1;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context = NULL;
    for (size_t i = 0; info && i < WEIR_HTTP_CONNECTIONS; i++) {
        struct connection *slot = &http->connections[i];
        if (slot->fd >= 0)
            continue;
        slot->fd = info->connect_fd;
        slot->version = 0;
        slot->until_ns = weir_clock_now(&http->config.clock) + http->config.connection_ns;
        *socket_context = slot;
        return;
    }
}

/* libmicrohttpd's own timeout is for who says nothing; this is for who says it too slowly. */
static void cut_connections(struct weir_http *http)
{
    int64_t now_ns = weir_clock_now(&http->config.clock);
    for (size_t i = 0; i < WEIR_HTTP_CONNECTIONS; i++) {
        struct connection *slot = &http->connections[i];
        if (slot->fd < 0 || slot->until_ns > now_ns)
            continue;
        shutdown(slot->fd, SHUT_RDWR);
        slot->until_ns = INT64_MAX;
        http->counters.http_connections_cut++;
    }
}

/* ---- The outside ---- */

static int start_daemon(struct weir_http *http, int listener)
{
    unsigned timeout_s = (unsigned)(http->config.connection_ns / WEIR_NS_PER_SECOND) + 1;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, handle, http, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, WEIR_HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        WEIR_HTTP_CONNECTIONS_EACH, MHD_OPTION_CONNECTION_TIMEOUT, timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEIR_HTTP_REQUEST_OCTETS,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, http, MHD_OPTION_END);
    if (!http->daemon) {
        int reason = errno;
        close(listener);
        errno = reason;
        return WEIR_E_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return WEIR_E_IO;
    http->fd = info->epoll_fd;
    return 0;
}

int weir_http_open(const struct weir_http_config *config, struct weir_http **ret_http,
                   struct weir_diag *diag)
{
    int listener;
    int result = open_socket(config->address, &listener, diag);
    if (result < 0)
        return result;
    struct weir_http *http = calloc(1, sizeof(*http));
    if (!http) {
        close(listener);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to serve pages with");
    }
    http->config = *config;
    if (config->connection_ns == 0)
        http->config.connection_ns = WEIR_HTTP_CONNECTION_NS;
    http->port = port_of(listener);
    for (size_t i = 0; i < WEIR_HTTP_CONNECTIONS; i++)
        http->connections[i].fd = -1;
    if (start_daemon(http, listener) < 0) {
        int reason = errno;
        weir_http_close(http);
        return weir_diag_set(diag, WEIR_E_IO, "'%s': pages cannot be served: %s", config->address,
                             strerror(reason));
    }
    *ret_http = http;
    return 0;
}

void weir_http_close(struct weir_http *http)
{
    if (!http)
        return;
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    for (size_t i = 0; i < WEIR_HTTP_PAGES_MAX; i++)
        if (http->made[i].response)
            MHD_destroy_response(http->made[i].response);
    free(http);
}

uint16_t weir_http_port(const struct weir_http *http)
{
    return http->port;
}

int weir_http_fd(const struct weir_http *http)
{
    return http->fd;
}

int weir_http_wait(const struct weir_http *http)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    int64_t wait_ns = INT64_MAX;
    int64_t now_ns = weir_clock_now(&http->config.clock);
    for (size_t i = 0; i < WEIR_HTTP_CONNECTIONS; i++) {
        const struct connection *slot = &http->connections[i];
        if (slot->fd >= 0 && slot->until_ns != INT64_MAX && slot->until_ns - now_ns < wait_ns)
            wait_ns = slot->until_ns - now_ns;
    }
    if (MHD_get_timeout(http->daemon, &library_ms) == MHD_YES &&
        library_ms < (uint64_t)(INT32_MAX) && (int64_t)library_ms * WEIR_NS_PER_MS < wait_ns)
        wait_ns = (int64_t)library_ms * WEIR_NS_PER_MS;
    if (wait_ns == INT64_MAX)
        return -1;
    return wait_ns <= 0 ? 0 : (int)((wait_ns + WEIR_NS_PER_MS - 1) / WEIR_NS_PER_MS);
}

void weir_http_serve(struct weir_http *http)
{
    unsigned rounds = 0;
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    cut_connections(http);
    /* What it has in hand does not show in the descriptor: it says that it wants no waiting. */
    do {
        if (MHD_run(http->daemon) != MHD_YES)
            return;
    } while (++rounds < ROUNDS_MAX && MHD_get_timeout(http->daemon, &timeout_ms) == MHD_YES &&
             timeout_ms == 0);
}

struct weir_http_counters weir_http_count(const struct weir_http *http)
{
    return http->counters;
}
