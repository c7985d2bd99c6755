/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of RFC 6313, printed for lines of JSON and for the column `other`, which have to agree. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "record/json.h"
#include "support/valid_json.h"

#define LIST(id)                    \
    {                               \
        0, id, WEIR_LENGTH_VARIABLE \
    }
#define BASIC        291
#define SUB          292
#define MULTI        293
#define EXPORT_NS    INT64_C(1700000000000000000)
#define VARIABLE     WEIR_LENGTH_VARIABLE
#define OCTETS_MAX   70000
#define PLANS        4
#define FIRST_ID     300
#define LEARNT_PEN   64512
#define SEMANTIC_ALL 3

/* A session with Templates 300 to 303 and one element described by the exporter. */
struct session {
    struct weir_plan *plans[PLANS];
    struct weir_list_counts counts;
    struct weir_plan_session references;
    struct weir_plan_context context;
    struct weir_plan *plan; /* of the record: one list, and a port after it */
    uint8_t octets[OCTETS_MAX];
    struct weir_writer writer;
    struct weir_text_buffer text; /* what was printed */
};

static const struct weir_element learnt = {
    .name = "turtleCount", .units = "", .pen = LEARNT_PEN, .id = 7, .type = WEIR_TYPE_UNSIGNED32};

static const struct weir_plan *find_plan(const void *of, uint16_t template_id)
{
    const struct session *session = of;
    unsigned index = template_id - FIRST_ID;
    return index < PLANS ? session->plans[index] : NULL;
}

static const struct weir_element *find_element(const void *of, uint32_t pen, uint16_t id)
{
    (void)of;
    return pen == LEARNT_PEN && id == 7 ? &learnt : NULL;
}

static struct weir_plan *compile(uint16_t id, const struct weir_field *fields, uint16_t count)
{
    struct weir_plan *plan = NULL;
    struct weir_template *template = weir_template_new(id, fields, count);
    assert_non_null(template);
    assert_int_equal(weir_plan_compile(template, &plan), 0);
    free(template);
    return plan;
}

static struct session *open_session(uint16_t list)
{
    static const struct weir_field label[] = {{0, 70, 3}, {0, 52, 1}};
    static const struct weir_field name[] = {{0, 82, VARIABLE}, {0, 10, 4}};
    static const struct weir_field nested[] = {LIST(SUB), {0, 4, 1}};
    static const struct weir_field nothing[] = {{0, 10, 0}};
    const struct weir_field record[] = {LIST(list), {0, 11, 2}};
    struct session *session = calloc(1, sizeof(*session));
    assert_non_null(session);
    session->plans[0] = compile(300, label, 2);
    session->plans[1] = compile(301, name, 2);
    session->plans[2] = compile(302, nested, 2);
    session->plans[3] = compile(303, nothing, 1);
    session->plan = compile(256, record, 2);
    session->references = (struct weir_plan_session){
        .find_plan = find_plan,
        .find_element = find_element,
        .of = session,
        .list_counts = &session->counts,
    };
    session->context = (struct weir_plan_context){
        .segment = {.protocol_version = 10},
        .export_time_ns = EXPORT_NS,
        .session = &session->references,
    };
    session->writer = weir_writer_make(session->octets, sizeof(session->octets));
    weir_text_init(&session->text, 8 << 20);
    return session;
}

static void close_session(struct session *session)
{
    for (unsigned i = 0; i < PLANS; i++)
        weir_plan_free(session->plans[i]);
    weir_plan_free(session->plan);
    weir_text_done(&session->text);
    free(session);
}

/* Begins the list's value; end_list writes its length, and the port behind it. */
static size_t begin_list(struct session *session)
{
    size_t at = weir_writer_offset(&session->writer);
    weir_write_u8(&session->writer, 255);
    weir_write_u16(&session->writer, 0);
    return at;
}

static void end_value(struct session *session, size_t at)
{
    size_t length = weir_writer_offset(&session->writer) - at - 3;
    weir_writer_patch_u16(&session->writer, at + 1, (uint16_t)length);
}

static void end_list(struct session *session, size_t at)
{
    end_value(session, at);
    weir_write_u16(&session->writer, 443);
    assert_false(weir_writer_failed(&session->writer));
}

/* Prints `length` octets of record as a line and as `other`; both have the same list. */
static void print_octets(struct session *session, const uint8_t *octets, size_t length)
{
    size_t consumed;
    uint32_t records = 0;
    struct weir_batch *batch = weir_batch_new(1);
    assert_non_null(batch);
    memset(&session->counts, 0, sizeof(session->counts));
    int result = weir_plan_decode(session->plan, octets, length, &session->context, batch,
                                  &consumed, &records, NULL);
    const struct weir_list_counts counts = session->counts;
    memset(&session->counts, 0, sizeof(session->counts));
    weir_text_clear(&session->text);
    weir_text_add_char(&session->text, '{');
    int printed = weir_record_print_json(session->plan, octets, length, &session->context,
                                         &session->text, &consumed, NULL);
    weir_text_add_char(&session->text, '}');
    assert_int_equal(weir_text_error(&session->text), 0);
    assert_true(valid_json(session->text.data, session->text.length));
    assert_int_equal(printed == 0, records == 1);
    assert_int_equal(printed == WEIR_E_MALFORMED, result == WEIR_E_MALFORMED);
    if (records == 1) {
        assert_memory_equal(&counts, &session->counts, sizeof(counts));
        assert_int_equal(weir_batch_u16(batch, WEIR_COLUMN_DST_PORT)[0],
                         weir_load_be16(octets + consumed - 2));
        struct weir_text other = weir_batch_texts(batch, WEIR_COLUMN_OTHER)[0];
        const char *text = batch->text + other.offset;
        assert_true(other.length == 0 || valid_json(text, other.length));
        /* The line goes on where `other` closes its brace. */
        if (other.length > 0)
            assert_memory_equal(text, session->text.data, other.length - 1);
    }
    weir_batch_free(batch);
}

static void assert_printed(struct session *session, const char *list)
{
    char expected[2048];
    print_octets(session, session->octets, weir_writer_offset(&session->writer));
    snprintf(expected, sizeof(expected), "{%s,\"destinationTransportPort\":443}", list);
    assert_string_equal(weir_text_string(&session->text), expected);
}

static void basic_header(struct session *session, uint8_t semantic, uint16_t id, uint16_t length)
{
    weir_write_u8(&session->writer, semantic);
    weir_write_u16(&session->writer, id);
    weir_write_u16(&session->writer, length);
}

static void a_list_of_values(void **state)
{
    (void)state;
    struct session *session = open_session(BASIC);
    size_t list = begin_list(session);
    basic_header(session, 4, 16, 2);
    weir_write_u16(&session->writer, 64500);
    weir_write_u16(&session->writer, 64501);
    end_list(session, list);
    assert_printed(session, "\"basicList\":{\"semantic\":\"ordered\",\"element\":"
                            "\"bgpSourceAsNumber\",\"values\":[64500,64501]}");
    close_session(session);
}

static void values_of_any_kind(void **state)
{
    (void)state;
    static const struct {
        uint8_t semantic;
        uint16_t id, length;
        uint32_t pen;
        const char *octets;
        size_t count;
        const char *expected;
    } rows[] = {
        {0, 82, VARIABLE, 0,
         "\x02"
         "lo\x00\xff\x00\x01x",
         8,
         "{\"semantic\":\"noneOf\",\"element\":\"interfaceName\",\"values\":[\"lo\",\"\",\"x\"]}"},
        {255, 8, 4, 0, "\xc0\x00\x02\x01", 4,
         "{\"semantic\":\"undefined\",\"element\":\"sourceIPv4Address\","
         "\"values\":[\"192.0.2.1\"]}"},
        {9, 0x8000 | 7, 1, LEARNT_PEN, "\x05\x06", 2,
         "{\"semantic\":9,\"element\":\"turtleCount\",\"values\":[5,6]}"},
        {1, 0x8000 | 8, 2, LEARNT_PEN, "\x05\x06", 2,
         "{\"semantic\":\"exactlyOneOf\",\"element\":\"64512/8\",\"values\":[\"0x0506\"]}"},
        {2, 4, 1, 0, "", 0,
         "{\"semantic\":\"oneOrMoreOf\",\"element\":\"protocolIdentifier\",\"values\":[]}"},
        {3, BASIC, VARIABLE, 0, "\x06\x04\x00\x04\x00\x01\x11", 7,
         "{\"semantic\":\"allOf\",\"element\":\"basicList\",\"values\":[{\"semantic\":\"ordered\","
         "\"element\":\"protocolIdentifier\",\"values\":[17]}]}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[512];
        struct session *session = open_session(BASIC);
        size_t list = begin_list(session);
        basic_header(session, rows[i].semantic, rows[i].id, rows[i].length);
        if (rows[i].pen)
            weir_write_u32(&session->writer, rows[i].pen);
        weir_write_octets(&session->writer, rows[i].octets, rows[i].count);
        end_list(session, list);
        snprintf(expected, sizeof(expected), "\"basicList\":%s", rows[i].expected);
        assert_printed(session, expected);
        assert_int_equal(session->counts.malformed, 0);
        close_session(session);
    }
}

static void write_label(struct session *session, uint32_t label, uint8_t ttl)
{
    weir_write_u8(&session->writer, (uint8_t)(label >> 16));
    weir_write_u16(&session->writer, (uint16_t)label);
    weir_write_u8(&session->writer, ttl);
}

static void lists_of_records(void **state)
{
    (void)state;
    struct session *session = open_session(SUB);
    size_t list = begin_list(session);
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    weir_write_u16(&session->writer, 300);
    write_label(session, 0x000121, 64);
    write_label(session, 0x000131, 63);
    end_list(session, list);
    assert_printed(session, "\"subTemplateList\":{\"semantic\":\"allOf\",\"template\":300,"
                            "\"records\":[{\"mplsTopLabelStackSection\":\"0x000121\","
                            "\"minimumTTL\":64},"
                            "{\"mplsTopLabelStackSection\":\"0x000131\",\"minimumTTL\":63}]}");
    close_session(session);

    session = open_session(MULTI);
    list = begin_list(session);
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    weir_write_u16(&session->writer, 300);
    weir_write_u16(&session->writer, 8);
    write_label(session, 0x000121, 64);
    weir_write_u16(&session->writer, 301);
    weir_write_u16(&session->writer, 11);
    weir_write_octets(&session->writer, "\x02lo\x00\x00\x00\x07", 7);
    weir_write_u16(&session->writer, 999);
    weir_write_u16(&session->writer, 4);
    end_list(session, list);
    assert_printed(session,
                   "\"subTemplateMultiList\":{\"semantic\":\"allOf\",\"lists\":["
                   "{\"template\":300,\"records\":[{\"mplsTopLabelStackSection\":\"0x000121\","
                   "\"minimumTTL\":64}]},"
                   "{\"template\":301,\"records\":[{\"interfaceName\":\"lo\","
                   "\"ingressInterface\":7}]},{\"template\":999,\"records\":[]}]}");
    close_session(session);
}

static void records_of_a_template_that_is_not_known(void **state)
{
    (void)state;
    struct session *session = open_session(MULTI);
    size_t list = begin_list(session);
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    weir_write_u16(&session->writer, 999);
    weir_write_u16(&session->writer, 6);
    weir_write_u16(&session->writer, 0xabcd);
    weir_write_u16(&session->writer, 300);
    weir_write_u16(&session->writer, 8);
    write_label(session, 0x000121, 64);
    end_list(session, list);
    assert_printed(session, "\"subTemplateMultiList\":{\"semantic\":\"allOf\",\"lists\":["
                            "{\"template\":999,\"octets\":\"0xabcd\"},"
                            "{\"template\":300,\"records\":[{\"mplsTopLabelStackSection\":"
                            "\"0x000121\",\"minimumTTL\":64}]}]}");
    assert_int_equal(session->counts.unknown_template, 1);
    assert_int_equal(session->counts.malformed, 0);

    /* Nobody who could know. */
    session->context.session = NULL;
    print_octets(session, session->octets, weir_writer_offset(&session->writer));
    assert_non_null(
        strstr(weir_text_string(&session->text), "{\"template\":300,\"octets\":\"0x00012140\"}"));
    close_session(session);
}

/* Template 302 has a subTemplateList of which it may itself be the Template. */
static void write_nested(struct session *session, unsigned levels)
{
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    weir_write_u16(&session->writer, levels ? 302 : 300);
    if (levels == 0) {
        write_label(session, 0x000121, 64);
        return;
    }
    size_t at = begin_list(session);
    write_nested(session, levels - 1);
    end_value(session, at);
    weir_write_u8(&session->writer, 6);
}

static void lists_in_lists(void **state)
{
    (void)state;
    for (unsigned levels = 0; levels < 12; levels++) {
        struct session *session = open_session(SUB);
        size_t list = begin_list(session);
        write_nested(session, levels);
        end_list(session, list);
        print_octets(session, session->octets, weir_writer_offset(&session->writer));
        const char *text = weir_text_string(&session->text);
        /* Eight levels are structure, and what is below them is there as octets. */
        assert_int_equal(session->counts.oversized, levels >= 8);
        assert_int_equal(session->counts.malformed, 0);
        unsigned structures = 0;
        for (const char *at = text; (at = strstr(at, "\"semantic\"")); at++)
            structures++;
        assert_int_equal(structures, levels < 8 ? levels + 1 : 8);
        assert_non_null(strstr(text, levels < 8 ? "\"minimumTTL\":64" : "\"0x03"));
        assert_non_null(strstr(text, "\"destinationTransportPort\":443"));
        close_session(session);
    }
}

static void malformed_lists_are_kept_as_octets(void **state)
{
    (void)state;
    static const struct {
        uint16_t list;
        const char *octets;
        size_t length;
    } rows[] = {
        {BASIC, "\x03\x00\x04\x00", 4},                      /* no whole header */
        {BASIC, "\x03\x80\x04\x00\x01\x00\x00", 7},          /* nor a whole PEN */
        {BASIC, "\x03\x00\x07\x00\x02\x01\xbb\x01", 8},      /* a value and a half */
        {BASIC, "\x03\x00\x07\x00\x00\x01", 6},              /* values of no octets */
        {BASIC, "\x03\x00\x52\xff\xff\x05lo", 8},            /* a text past the end */
        {SUB, "\x03\x01", 2},                                /* no whole Template ID */
        {SUB, "\x03\x01\x2c\x00\x00\x00\x00\x00", 8},        /* a record and a quarter */
        {SUB, "\x03\x01\x2d\x02lo\x00\x00\x00\x01\x09", 11}, /* text past the end */
        {SUB, "\x03\x01\x2f\x00", 4},                        /* records of no octets */
        {MULTI, "", 0},                                      /* */
        {MULTI, "\x03\x01\x2c\x00", 4},                      /* no whole block */
        {MULTI, "\x03\x01\x2c\x00\x03", 5},                  /* shorter than its header */
        {MULTI, "\x03\x01\x2c\x00\x0c\x00\x00\x00\x00", 9},  /* past the end */
        {MULTI, "\x03\x01\x2c\x00\x06\x00\x00", 7},          /* half a record */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct session *session = open_session(rows[i].list);
        char expected[256];
        struct weir_text_buffer hex;
        size_t list = begin_list(session);
        weir_write_octets(&session->writer, rows[i].octets, rows[i].length);
        end_list(session, list);
        print_octets(session, session->octets, weir_writer_offset(&session->writer));
        weir_text_init(&hex, 200);
        weir_text_add_hex(&hex, (const uint8_t *)rows[i].octets, rows[i].length);
        snprintf(expected, sizeof(expected), "\":\"0x%s\",\"destinationTransportPort\":443}",
                 weir_text_string(&hex));
        weir_text_done(&hex);
        if (rows[i].length == 0)
            assert_string_equal(weir_text_string(&session->text),
                                "{\"destinationTransportPort\":443}");
        else
            assert_non_null(strstr(weir_text_string(&session->text), expected));
        assert_int_equal(session->counts.malformed, rows[i].length > 0);
        close_session(session);
    }
}

/* What is wrong inside is kept as octets there, and the list around it is not lost. */
static void a_malformed_list_in_a_list(void **state)
{
    (void)state;
    struct session *session = open_session(SUB);
    size_t list = begin_list(session);
    weir_write_octets(&session->writer, "\x03\x01\x2e\x04\x03\x01\x2c\x00\x06", 9);
    end_list(session, list);
    assert_printed(session, "\"subTemplateList\":{\"semantic\":\"allOf\",\"template\":302,"
                            "\"records\":[{\"subTemplateList\":\"0x03012c00\","
                            "\"protocolIdentifier\":6}]}");
    assert_int_equal(session->counts.malformed, 1);

    /* And where the outer one is wrong too, that one alone counts. */
    session->writer = weir_writer_make(session->octets, sizeof(session->octets));
    list = begin_list(session);
    weir_write_octets(&session->writer, "\x03\x01\x2e\x04\x03\x01\x2c\x00\x06\x09", 10);
    end_list(session, list);
    assert_printed(session, "\"subTemplateList\":\"0x03012e0403012c000609\"");
    assert_int_equal(session->counts.malformed, 1);
    close_session(session);
}

/* 65,535 octets could become megabytes of names; a record has at most one and its octets. */
static void text_is_bounded(void **state)
{
    (void)state;
    struct session *session = open_session(SUB);
    size_t list = begin_list(session);
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    weir_write_u16(&session->writer, 300);
    for (unsigned i = 0; i < 16000; i++)
        write_label(session, i, 64);
    end_list(session, list);
    print_octets(session, session->octets, weir_writer_offset(&session->writer));
    assert_int_equal(session->counts.oversized, 0);
    assert_non_null(strstr(weir_text_string(&session->text), "\"0x003e7f\""));
    assert_true(session->text.length < 1200000);
    close_session(session);

    session = open_session(SUB);
    list = begin_list(session);
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    weir_write_u16(&session->writer, 302);
    for (unsigned i = 0; i < 13000; i++)
        weir_write_octets(&session->writer, "\x03\x03\x03\xe7\x06", 5);
    end_list(session, list);
    print_octets(session, session->octets, weir_writer_offset(&session->writer));
    assert_int_equal(session->counts.oversized, 1);
    assert_int_equal(session->text.length, 2 * 65003 +
                                               sizeof("{\"subTemplateList\":\"0x\","
                                                      "\"destinationTransportPort\":443}") -
                                               1);
    close_session(session);
}

/* Rows in which nothing has changed have one text, and their lists count all the same. */
static void repeated_lists_count_each(void **state)
{
    (void)state;
    struct session *session = open_session(SUB);
    struct weir_batch *batch = weir_batch_new(8);
    size_t consumed;
    uint32_t records;
    assert_non_null(batch);
    for (unsigned i = 0; i < 5; i++) {
        size_t list = begin_list(session);
        weir_write_octets(&session->writer, "\x03\x03\xe7\x01", 4);
        end_list(session, list);
    }
    assert_int_equal(weir_plan_decode(session->plan, session->octets,
                                      weir_writer_offset(&session->writer), &session->context,
                                      batch, &consumed, &records, NULL),
                     0);
    assert_int_equal(records, 5);
    assert_int_equal(session->counts.unknown_template, 5);
    assert_int_equal(weir_batch_texts(batch, WEIR_COLUMN_OTHER)[4].offset,
                     weir_batch_texts(batch, WEIR_COLUMN_OTHER)[0].offset);
    weir_batch_free(batch);
    close_session(session);
}

/* Copies of exact size, so that a sanitizer sees what reads past them. */
static void print_copy(struct session *session, const uint8_t *octets, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, octets, length);
    print_octets(session, copy, length);
    free(copy);
}

static void every_cut_and_every_flip(void **state)
{
    (void)state;
    struct session *session = open_session(MULTI);
    size_t list = begin_list(session);
    weir_write_u8(&session->writer, SEMANTIC_ALL);
    size_t block = weir_writer_offset(&session->writer);
    weir_write_u16(&session->writer, 302);
    weir_write_u16(&session->writer, 0);
    size_t inner = begin_list(session);
    write_nested(session, 2);
    end_value(session, inner);
    weir_write_u8(&session->writer, 6);
    weir_writer_patch_u16(&session->writer, block + 2,
                          (uint16_t)(weir_writer_offset(&session->writer) - block));
    weir_write_u16(&session->writer, 301);
    weir_write_u16(&session->writer, 11);
    weir_write_octets(&session->writer, "\x02lo\x00\x00\x00\x07", 7);
    end_list(session, list);
    size_t length = weir_writer_offset(&session->writer);
    print_copy(session, session->octets, length);
    assert_int_equal(session->counts.malformed + session->counts.unknown_template, 0);
    for (size_t cut = 0; cut < length; cut++)
        print_copy(session, session->octets, cut);
    /* The list cut with its length right: the record goes on after it. */
    for (size_t cut = 3; cut + 2 < length; cut++) {
        uint8_t octets[256];
        memcpy(octets, session->octets, cut);
        weir_store_be16(octets + 1, (uint16_t)(cut - 3));
        weir_store_be16(octets + cut, 443);
        print_copy(session, octets, cut + 2);
        assert_non_null(strstr(weir_text_string(&session->text), "TransportPort\":443}"));
    }
    for (size_t bit = 0; bit < length * 8; bit++) {
        session->octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        print_copy(session, session->octets, length);
        session->octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    close_session(session);
}

static void a_learnt_element_by_its_name(void **state)
{
    (void)state;
    struct session *session = open_session(SUB);
    static const struct weir_field fields[] = {
        {LEARNT_PEN, 7, 2}, {LEARNT_PEN, 8, 1}, {LEARNT_PEN, 7, 1}};
    weir_plan_free(session->plan);
    session->plan = compile(256, fields, 3);
    size_t consumed;
    assert_int_equal(weir_record_print_json(session->plan, (const uint8_t *)"\x01\x00\x02\x03", 4,
                                            &session->context, &session->text, &consumed, NULL),
                     0);
    assert_string_equal(weir_text_string(&session->text),
                        "\"turtleCount\":256,\"64512/8\":\"0x02\",\"turtleCount#2\":3");
    close_session(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_values),
        cmocka_unit_test(values_of_any_kind),
        cmocka_unit_test(lists_of_records),
        cmocka_unit_test(records_of_a_template_that_is_not_known),
        cmocka_unit_test(lists_in_lists),
        cmocka_unit_test(malformed_lists_are_kept_as_octets),
        cmocka_unit_test(a_malformed_list_in_a_list),
        cmocka_unit_test(text_is_bounded),
        cmocka_unit_test(repeated_lists_count_each),
        cmocka_unit_test(every_cut_and_every_flip),
        cmocka_unit_test(a_learnt_element_by_its_name),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
