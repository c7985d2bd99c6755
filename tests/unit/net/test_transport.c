/* SPDX-License-Identifier: Apache-2.0 */
#include "net/file.h"
#include "net/pcap.h"
#include "net/udp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka.h"

/* The linker puts this before the library's calls (--wrap), and names them so. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length);

/* Has datagrams come right before it is asked how many were dropped: once. */
static struct weir_transport *meanwhile;
static unsigned meanwhile_count;

static uint64_t send_many(const struct weir_transport *transport, unsigned count)
{
    static const uint8_t octets[1000];
    const struct weir_message_octets message = {octets, sizeof(octets)};
    struct weir_diag diag = {0};
    uint64_t sent_count = 0;
    size_t sent;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(transport->send(transport->context, &message, 1, &sent, &diag), 0);
        sent_count += sent;
    }
    return sent_count;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    const struct weir_transport *transport = meanwhile;
    meanwhile = NULL;
    if (transport)
        assert_int_equal(send_many(transport, meanwhile_count), meanwhile_count);
    return __real_getsockopt(fd, level, name, value, length);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* A port that was free a moment ago, by asking the kernel for one. */
static struct weir_udp_listener *listen_somewhere(const char *host, uint16_t *ret_port)
{
    struct weir_udp_listener *listener = NULL;
    struct weir_diag diag = {0};
    for (uint16_t port = 20000; port < 30000; port++)
        if (weir_udp_listener_open(host, port, 1 << 20, &listener, &diag) == 0) {
            *ret_port = port;
            return listener;
        }
    fail_msg("no free port: %s", diag.text);
    return NULL;
}

static void send_and_receive(const char *host)
{
    uint16_t port = 0;
    struct weir_udp_listener *listener = listen_somewhere(host, &port);
    struct weir_udp_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag = {0};
    assert_int_equal(weir_udp_sender_open(host, port, 0, &sender, &transport, &diag), 0);
    assert_false(transport.reliable);
    assert_int_equal(transport.message_max, strchr(host, ':') ? 1500 - 48 : 1500 - 28);

    /* The first hundred grow, and the others are of one length but for the last. */
    enum { COUNT = 200 };
    uint8_t octets[COUNT][100];
    struct weir_message_octets messages[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        memset(octets[i], (int)i, sizeof(octets[i]));
        messages[i] = (struct weir_message_octets){octets[i], i + 1};
        if (i >= sizeof(octets[i]))
            messages[i].length = i == COUNT - 1 ? 10 : sizeof(octets[i]);
    }
    size_t sent;
    assert_int_equal(transport.send(transport.context, messages, COUNT, &sent, &diag), 0);
    assert_int_equal(sent, COUNT);

    unsigned received = 0;
    while (received < COUNT) {
        const struct weir_datagram *datagrams;
        int count = weir_udp_listener_receive(listener, 5000, &datagrams, &diag);
        assert_true(count > 0);
        for (int i = 0; i < count; i++, received++) {
            assert_int_equal(datagrams[i].length, messages[received].length);
            assert_memory_equal(datagrams[i].octets, octets[received], datagrams[i].length);
            char text[WEIR_ADDRESS_TEXT_MAX];
            weir_address_format(datagrams[i].source, text);
            assert_string_equal(text, host);
            assert_true(datagrams[i].received_ns > INT64_C(1600000000) * 1000000000);
            assert_int_equal(datagrams[i].destination_port, port);
        }
    }
    const struct weir_datagram *none;
    assert_int_equal(weir_udp_listener_receive(listener, 0, &none, &diag), WEIR_E_AGAIN);
    assert_int_equal(weir_udp_listener_dropped(listener), 0);
    weir_udp_sender_close(sender);
    weir_udp_listener_close(listener);
}

static void datagrams_arrive_over_ipv4(void **state)
{
    (void)state;
    send_and_receive("127.0.0.1");
}

static void datagrams_arrive_over_ipv6(void **state)
{
    (void)state;
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    if (fd < 0)
        skip();
    close(fd);
    send_and_receive("::1");
}

static void a_port_in_use_is_said(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct weir_udp_listener *listener = listen_somewhere("127.0.0.1", &port), *second;
    struct weir_diag diag = {0};
    assert_int_equal(weir_udp_listener_open("127.0.0.1", port, 1 << 20, &second, &diag),
                     WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "is in use"));
    weir_udp_listener_close(listener);
}

static void an_address_of_somebody_else_is_said(void **state)
{
    (void)state;
    struct weir_udp_listener *listener;
    struct weir_diag diag = {0};
    /* RFC 5737: no machine has it. */
    assert_int_equal(weir_udp_listener_open("192.0.2.1", 4739, 1 << 20, &listener, &diag),
                     WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "192.0.2.1"));
}

static void nobody_there_is_no_failure(void **state)
{
    (void)state;
    uint16_t port = 0;
    weir_udp_listener_close(listen_somewhere("127.0.0.1", &port));
    struct weir_udp_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag = {0};
    assert_int_equal(weir_udp_sender_open("127.0.0.1", port, 0, &sender, &transport, &diag), 0);
    struct weir_message_octets message = {(const uint8_t *)"weir", 4};
    for (int i = 0; i < 10; i++) {
        size_t sent;
        assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
        assert_int_equal(sent, 1);
    }
    assert_true(weir_udp_sender_counters(sender).sends_refused > 0);
    weir_udp_sender_close(sender);
}

/* A listener with little room, and who sends to it. */
struct narrow {
    struct weir_udp_listener *listener;
    struct weir_udp_sender *sender;
    struct weir_transport transport;
};

static struct narrow open_narrow(void)
{
    struct narrow narrow;
    struct weir_diag diag = {0};
    uint16_t port = 0;
    weir_udp_listener_close(listen_somewhere("127.0.0.1", &port));
    assert_int_equal(weir_udp_listener_open("127.0.0.1", port, 4096, &narrow.listener, &diag), 0);
    assert_int_equal(
        weir_udp_sender_open("127.0.0.1", port, 0, &narrow.sender, &narrow.transport, &diag), 0);
    return narrow;
}

static void close_narrow(struct narrow *narrow)
{
    weir_udp_sender_close(narrow->sender);
    weir_udp_listener_close(narrow->listener);
}

static uint64_t receive_all(struct narrow *narrow)
{
    const struct weir_datagram *datagrams;
    struct weir_diag diag = {0};
    uint64_t received = 0;
    int count;
    while ((count = weir_udp_listener_receive(narrow->listener, 0, &datagrams, &diag)) > 0)
        received += (uint64_t)count;
    assert_int_equal(count, WEIR_E_AGAIN);
    return received;
}

static void a_full_socket_drops_and_counts(void **state)
{
    (void)state;
    struct narrow narrow = open_narrow();
    uint64_t sent = send_many(&narrow.transport, 200), received = receive_all(&narrow);
    /* Though no datagram comes after those that were dropped. */
    assert_true(received < sent);
    assert_int_equal(received + weir_udp_listener_dropped(narrow.listener), sent);
    close_narrow(&narrow);
}

/* The kernel has told of all of them when datagrams come that only know of those before. */
static void what_was_dropped_is_counted_once(void **state)
{
    (void)state;
    struct narrow narrow = open_narrow();
    uint64_t sent = send_many(&narrow.transport, 200);
    meanwhile = &narrow.transport;
    meanwhile_count = 200;
    sent += meanwhile_count;
    uint64_t received = receive_all(&narrow);
    assert_null(meanwhile);
    received += receive_all(&narrow);
    assert_true(received < sent);
    assert_int_equal(received + weir_udp_listener_dropped(narrow.listener), sent);
    close_narrow(&narrow);
}

static void a_bad_host_or_mtu_is_said(void **state)
{
    (void)state;
    struct weir_udp_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag = {0};
    assert_int_equal(weir_udp_sender_open("no such host", 1, 0, &sender, &transport, &diag),
                     WEIR_E_USAGE);
    assert_int_equal(weir_udp_sender_open("127.0.0.1", 1, 575, &sender, &transport, &diag),
                     WEIR_E_USAGE);
    assert_int_equal(weir_udp_sender_open("127.0.0.1", 1, 65536, &sender, &transport, &diag),
                     WEIR_E_USAGE);
    assert_int_equal(weir_udp_sender_open("127.0.0.1", 1, 1400, &sender, &transport, &diag), 0);
    assert_int_equal(transport.message_max, 1400 - 28);
    weir_udp_sender_close(sender);
}

static char folder[] = "/tmp/weir-test-XXXXXX";

static size_t files_in_folder(void)
{
    char command[sizeof(folder) + 32];
    snprintf(command, sizeof(command), "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    char line[32];
    assert_non_null(fgets(line, sizeof(line), pipe));
    pclose(pipe);
    return strtoul(line, NULL, 10);
}

static void a_file_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    char path[sizeof(folder) + 16];
    snprintf(path, sizeof(path), "%s/a.ipfix", folder);
    struct weir_file_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag = {0};
    static uint8_t octets[60000];
    struct weir_message_octets message = {octets, sizeof(octets)};
    size_t sent;

    assert_int_equal(weir_file_sender_open(path, &sender, &transport, &diag), 0);
    assert_true(transport.reliable);
    for (int i = 0; i < 50; i++)
        assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    weir_file_sender_abort(sender);
    assert_int_equal(files_in_folder(), 0);

    assert_int_equal(weir_file_sender_open(path, &sender, &transport, &diag), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
    assert_int_equal(weir_file_sender_close(sender, &diag), 0);
    assert_int_equal(files_in_folder(), 1);
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    assert_int_equal(ftell(file), 50 * sizeof(octets));
    fclose(file);
    unlink(path);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    char path[sizeof(folder) + 16];
    snprintf(path, sizeof(path), "%s/b.ipfix", folder);
    struct rlimit before, tight = {100000, 100000};
    getrlimit(RLIMIT_FSIZE, &before);
    tight.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    struct weir_file_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag = {0};
    static uint8_t octets[60000];
    struct weir_message_octets message = {octets, sizeof(octets)};
    size_t sent;
    assert_int_equal(weir_file_sender_open(path, &sender, &transport, &diag), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
    assert_int_equal(weir_file_sender_close(sender, &diag), WEIR_E_IO);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_non_null(strstr(diag.text, path));
    assert_non_null(strstr(diag.text, strerror(EFBIG)));
    assert_int_equal(files_in_folder(), 0);
}

static void a_capture_has_each_message_whole(void **state)
{
    (void)state;
    enum { LARGEST = 1472, FILE_HEADER = 24, HEADERS = 16 + 28 };
    char path[sizeof(folder) + 16];
    snprintf(path, sizeof(path), "%s/c.pcap", folder);
    struct weir_pcap_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag = {0};
    assert_int_equal(weir_pcap_sender_open(path, 2055, &sender, &transport, &diag), 0);
    assert_int_equal(transport.message_max, LARGEST);
    static uint8_t octets[LARGEST + 1];
    const struct weir_message_octets messages[] = {
        {octets, 16}, {octets, LARGEST}, {octets, LARGEST + 1}, {octets, 16}};
    size_t sent;
    assert_int_equal(transport.send(transport.context, messages, 4, &sent, &diag), WEIR_E_LIMIT);
    assert_int_equal(sent, 2);
    assert_non_null(strstr(diag.text, "1473"));
    assert_int_equal(weir_pcap_sender_close(sender, &diag), 0);
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    assert_int_equal(ftell(file), FILE_HEADER + 2 * HEADERS + 16 + LARGEST);
    fclose(file);
    unlink(path);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_arrive_over_ipv4),
        cmocka_unit_test(datagrams_arrive_over_ipv6),
        cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(an_address_of_somebody_else_is_said),
        cmocka_unit_test(nobody_there_is_no_failure),
        cmocka_unit_test(a_full_socket_drops_and_counts),
        cmocka_unit_test(what_was_dropped_is_counted_once),
        cmocka_unit_test(a_bad_host_or_mtu_is_said),
        cmocka_unit_test(a_file_appears_whole_or_not_at_all),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(a_capture_has_each_message_whole),
    };
    return cmocka_run_group_tests_name("transport", tests, make_folder, remove_folder);
}
