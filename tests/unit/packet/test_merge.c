/* SPDX-License-Identifier: Apache-2.0 */
/* Captures merged; a frame is known by its one octet. */
#include "packet/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "build.h"

#define FILES_MAX 4

struct files {
    char *folder;
    char names[FILES_MAX][96];
    const char *paths[FILES_MAX];
    size_t count;
};

static int setup(void **state)
{
    struct files *files = calloc(1, sizeof(*files));
    files->folder = strdup("/tmp/weir-merge-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    struct files *files = *state;
    for (size_t i = 0; i < files->count; i++)
        unlink(files->names[i]);
    rmdir(files->folder);
    free(files->folder);
    free(files);
    return 0;
}

struct given {
    uint32_t second;
    uint8_t octet;
    uint8_t interface;
};

static void save(struct files *files, const uint8_t *octets, size_t length)
{
    size_t i = files->count++;
    snprintf(files->names[i], sizeof(files->names[i]), "%s/%zu", files->folder, i);
    files->paths[i] = files->names[i];
    FILE *file = fopen(files->names[i], "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void add_pcap(struct files *files, const struct given *given, size_t count, size_t cut)
{
    uint8_t octets[4096];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    pcap_header(&out, false, 0xa1b2c3d4, WEIR_LINK_ETHERNET);
    for (size_t i = 0; i < count; i++) {
        file_u32(&out, false, given[i].second);
        file_u32(&out, false, 0);
        file_u32(&out, false, 1);
        file_u32(&out, false, 1);
        weir_write_u8(&out, given[i].octet);
    }
    save(files, octets, out.length - cut);
}

static void add_pcapng(struct files *files, const struct given *given, size_t count)
{
    uint8_t octets[4096];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    pcapng_section(&out, false);
    pcapng_interface(&out, false, WEIR_LINK_ETHERNET, 0, NULL, 0);
    pcapng_interface(&out, false, WEIR_LINK_ETHERNET, 0, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t time = given[i].second * UINT64_C(1000000);
        size_t at = pcapng_begin(&out, false, 6);
        file_u32(&out, false, given[i].interface);
        file_u32(&out, false, (uint32_t)(time >> 32));
        file_u32(&out, false, (uint32_t)time);
        file_u32(&out, false, 1);
        file_u32(&out, false, 1);
        weir_write_u8(&out, given[i].octet);
        weir_write_zeros(&out, 3);
        pcapng_end(&out, false, at);
    }
    save(files, octets, out.length);
}

/* The octets and interfaces that come, `capacity` at a time; the result that ends it. */
static int read_all(const struct files *files, size_t capacity, char *octets, char *interfaces,
                    struct weir_diag *diag)
{
    const struct weir_source_options options = {.first_interface = 2};
    struct weir_source *source;
    assert_int_equal(weir_source_open_merged(files->paths, files->count, &options, &source, diag),
                     0);
    size_t total = 0;
    size_t count;
    struct weir_frame frames[16];
    int result;
    while ((result = weir_source_next(source, frames, capacity, &count, diag)) == 0) {
        assert_in_range(count, 1, capacity);
        for (size_t i = 0; i < count; i++, total++) {
            octets[total] = (char)*frames[i].octets;
            interfaces[total] = (char)('0' + frames[i].interface);
        }
    }
    octets[total] = '\0';
    interfaces[total] = '\0';
    assert_int_equal(weir_source_counters(source)->packets_read, total);
    weir_source_close(source);
    return result;
}

static void frames_come_by_time(void **state)
{
    struct files *files = *state;
    static const struct given one[] = {{1, 'a', 0}, {3, 'c', 0}, {3, 'd', 0}, {9, 'j', 0}};
    static const struct given two[] = {{2, 'b', 1}, {3, 'f', 0}, {4, 'g', 1}, {2, 'h', 1}};
    static const struct given three[] = {{3, 'e', 0}, {8, 'i', 0}};
    add_pcap(files, one, 4, 0);
    add_pcap(files, three, 2, 0);
    add_pcapng(files, two, 4);
    for (size_t capacity = 1; capacity <= 16; capacity++) {
        char octets[32], interfaces[32];
        struct weir_diag diag;
        assert_int_equal(read_all(files, capacity, octets, interfaces, &diag), WEIR_E_END);
        /* One time: the files' order. What goes back in its file comes when it is its turn. */
        assert_string_equal(octets, "abcdefghij");
        assert_string_equal(interfaces, "2322453342");
    }
}

static void an_error_comes_after_all_frames(void **state)
{
    struct files *files = *state;
    static const struct given one[] = {{1, 'a', 0}, {2, 'b', 0}, {3, 'x', 0}};
    static const struct given two[] = {{5, 'c', 0}, {6, 'd', 0}};
    add_pcap(files, one, 3, 1);
    add_pcap(files, two, 2, 0);
    char octets[32], interfaces[32];
    struct weir_diag diag = {0};
    assert_int_equal(read_all(files, 16, octets, interfaces, &diag), WEIR_E_TRUNCATED);
    assert_string_equal(octets, "abcd");
    assert_non_null(strstr(diag.text, files->paths[0]));
}

static void all_have_to_open(void **state)
{
    struct files *files = *state;
    static const struct given one[] = {{1, 'a', 0}};
    add_pcap(files, one, 1, 0);
    const char *const paths[] = {files->paths[0], "nosuch.pcap"};
    struct weir_source *source;
    struct weir_diag diag = {0};
    assert_int_equal(weir_source_open_merged(paths, 2, NULL, &source, &diag), WEIR_E_IO);
    assert_non_null(strstr(diag.text, "nosuch.pcap"));
    assert_int_equal(weir_source_open_merged(paths, WEIR_MERGE_MAX + 1, NULL, &source, &diag),
                     WEIR_E_USAGE);
}

static bool merged_is_stored(const char *one, const char *two)
{
    const char *const paths[] = {one, two};
    struct weir_source *source;
    struct weir_diag diag;
    assert_int_equal(weir_source_open_merged(paths, 2, NULL, &source, &diag), 0);
    bool is_stored = weir_source_is_stored(source);
    weir_source_close(source);
    return is_stored;
}

/* Where one of them is a pipe, all wait for it. */
static void stored_only_if_all_are(void **state)
{
    struct files *files = *state;
    static const struct given one[] = {{1, 'a', 0}};
    add_pcap(files, one, 1, 0);
    assert_true(merged_is_stored(files->paths[0], files->paths[0]));
    for (unsigned i = 0; i < 2; i++) {
        uint8_t begin[64];
        struct weir_writer out = weir_writer_make(begin, sizeof(begin));
        int ends[2];
        char path[32];
        pcap_header(&out, false, 0xa1b2c3d4, WEIR_LINK_ETHERNET);
        assert_int_equal(pipe(ends), 0);
        weir_write_zeros(&out, 16); /* a packet of no octets */
        assert_int_equal(write(ends[1], begin, out.length), out.length);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
        assert_false(i == 0 ? merged_is_stored(path, files->paths[0])
                            : merged_is_stored(files->paths[0], path));
        close(ends[0]);
        close(ends[1]);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(frames_come_by_time),
        CASE(an_error_comes_after_all_frames),
        CASE(all_have_to_open),
        CASE(stored_only_if_all_are),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
