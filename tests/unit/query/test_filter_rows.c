/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random filters over random rows: which rows DuckDB lets pass, and which a slow reading of the
 * same filter does.
 */
#include "support/cmocka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "flows.h"
#include "query/row_filter.h"

#define FILTERS 150

__extension__ typedef __int128 wide;

enum compare { EQ, NE, LT, LE, GT, GE };
static const char *const compare_texts[] = {"=", "!=", "<", "<=", ">", ">="};

/* A filter as it was made up: its text, and how to decide it. */
struct node {
    enum { AND, OR, NOT, TEST } kind;
    struct node *left, *right;
    char text[256]; /* of a TEST */
    bool (*passes)(const struct node *, const struct flow *);
    enum weir_column column, second; /* second: of tests of two sides */
    enum compare compare;
    wide values[4];
    unsigned value_count;
    bool negative; /* not in, != : none may be equal, and there is a value */
    struct weir_network network;
    char app[32];
};

static bool compared(wide value, enum compare compare, wide with)
{
    switch (compare) {
    case EQ:
        return value == with;
    case NE:
        return value != with;
    case LT:
        return value < with;
    case LE:
        return value <= with;
    case GT:
        return value > with;
    case GE:
        return value >= with;
    }
    return false;
}

static bool is_scaled(enum weir_column column)
{
    return column == WEIR_COLUMN_BYTES || column == WEIR_COLUMN_PACKETS;
}

static wide value_of(const struct flow *flow, enum weir_column column)
{
    wide value = weir_column_info(column)->type == WEIR_COLUMN_TIME ? (int64_t)flow->number[column]
                                                                    : (wide)flow->number[column];
    if (is_scaled(column) && !flow->none[WEIR_COLUMN_SAMPLING] &&
        flow->number[WEIR_COLUMN_SAMPLING] > 1)
        value *= flow->number[WEIR_COLUMN_SAMPLING];
    return value;
}

static bool number_passes(const struct node *node, const struct flow *flow)
{
    return !flow->none[node->column] &&
           compared(value_of(flow, node->column), node->compare, node->values[0]);
}

static bool is_among(const struct node *node, const struct flow *flow, enum weir_column column)
{
    bool found = false;
    for (unsigned i = 0; i < node->value_count; i++)
        found = found || value_of(flow, column) == node->values[i];
    return !flow->none[column] && found != node->negative;
}

static bool list_passes(const struct node *node, const struct flow *flow)
{
    return is_among(node, flow, node->column);
}

static bool two_lists_pass(const struct node *node, const struct flow *flow)
{
    bool first = is_among(node, flow, node->column), second = is_among(node, flow, node->second);
    return node->negative ? first && second : first || second;
}

static bool is_in_network(const struct node *node, const struct flow *flow, enum weir_column column)
{
    return !flow->none[column] &&
           weir_network_contains(node->network, flow->address[column]) != node->negative;
}

static bool network_passes(const struct node *node, const struct flow *flow)
{
    bool first = is_in_network(node, flow, node->column);
    bool second = is_in_network(node, flow, node->second);
    return node->negative ? first && second : first || second;
}

static bool flags_pass(const struct node *node, const struct flow *flow)
{
    unsigned wanted = (unsigned)node->values[0];
    return !flow->none[WEIR_COLUMN_TCP_FLAGS] &&
           (flow->number[WEIR_COLUMN_TCP_FLAGS] & wanted) == wanted;
}

/* "not flags LIST": none of them, which a flow without flags has. */
static bool no_flags_pass(const struct node *node, const struct flow *flow)
{
    return flow->none[WEIR_COLUMN_TCP_FLAGS] ||
           (flow->number[WEIR_COLUMN_TCP_FLAGS] & (unsigned)node->values[0]) == 0;
}

static bool duration_passes(const struct node *node, const struct flow *flow)
{
    if (flow->none[WEIR_COLUMN_START] || flow->none[WEIR_COLUMN_END])
        return false;
    wide ns = value_of(flow, WEIR_COLUMN_END) - value_of(flow, WEIR_COLUMN_START);
    wide ms = ns / 1000000 - (ns % 1000000 < 0);
    return compared(ms * 1000000, node->compare, node->values[0]);
}

static bool dscp_passes(const struct node *node, const struct flow *flow)
{
    return !flow->none[WEIR_COLUMN_TOS] &&
           compared((wide)(flow->number[WEIR_COLUMN_TOS] >> 2), node->compare, node->values[0]);
}

static bool family_passes(const struct node *node, const struct flow *flow)
{
    return !flow->none[WEIR_COLUMN_SRC_ADDR] &&
           weir_address_is_v4(flow->address[WEIR_COLUMN_SRC_ADDR]) == (node->values[0] == 4);
}

static bool vrf_passes(const struct node *node, const struct flow *flow)
{
    return flow->has_vrf && compared((wide)flow->vrf, node->compare, node->values[0]);
}

static bool is_none(const struct node *node, const struct flow *flow)
{
    return flow->none[node->column] != node->negative;
}

/* SQL's LIKE. */
static bool is_like(const char *text, const char *pattern)
{
    if (*pattern == '%')
        return is_like(text, pattern + 1) || (*text && is_like(text + 1, pattern));
    if (!*pattern || !*text)
        return *pattern == *text;
    return (*pattern == '_' || *pattern == *text) && is_like(text + 1, pattern + 1);
}

static bool pattern_passes(const struct node *node, const struct flow *flow)
{
    return !flow->none[WEIR_COLUMN_APP] && is_like(flow->app, node->app);
}

static bool app_passes(const struct node *node, const struct flow *flow)
{
    return !flow->none[WEIR_COLUMN_APP] && strcmp(flow->app, node->app) == 0;
}

#define PICK(state, array, count) (array)[flows_random(state) % (count)]
#define COUNT(array)              (sizeof(array) / sizeof((array)[0]))

static void say(struct node *node, const char *format, ...) WEIR_PRINTF(2, 3);
static void say(struct node *node, const char *format, ...)
{
    va_list arguments;
    size_t length = strlen(node->text);
    va_start(arguments, format);
    vsnprintf(node->text + length, sizeof(node->text) - length, format, arguments);
    va_end(arguments);
}

static void make_number_test(struct node *node, uint64_t *state)
{
    static const enum weir_column columns[] = {
        WEIR_COLUMN_SRC_PORT, WEIR_COLUMN_DST_PORT, WEIR_COLUMN_BYTES,  WEIR_COLUMN_PACKETS,
        WEIR_COLUMN_IN_IF,    WEIR_COLUMN_OUT_IF,   WEIR_COLUMN_SRC_AS, WEIR_COLUMN_PROTOCOL,
        WEIR_COLUMN_DOMAIN,   WEIR_COLUMN_TOS,
    };
    node->column = PICK(state, columns, COUNT(columns));
    node->compare = (enum compare)(flows_random(state) % 6);
    node->passes = number_passes;
    uint64_t value = is_scaled(node->column) ? PICK(state, flow_counters, flow_counter_count) *
                                                   (flows_random(state) % 3 ? 1 : 100)
                     : node->column == WEIR_COLUMN_SRC_AS ? 65000 + flows_random(state) % 3
                     : node->column == WEIR_COLUMN_SRC_PORT || node->column == WEIR_COLUMN_DST_PORT
                         ? PICK(state, flow_ports, flow_port_count)
                         : flows_random(state) % 20;
    node->values[0] = value;
    say(node, "%s%s%s%ju", weir_column_info(node->column)->name, flows_random(state) % 2 ? " " : "",
        compare_texts[node->compare], (uintmax_t)value);
}

static void make_port_test(struct node *node, uint64_t *state)
{
    static const char *const nouns[] = {"port", "src port", "dst_port"};
    unsigned side = (unsigned)(flows_random(state) % 3);
    node->column = side == 2 ? WEIR_COLUMN_DST_PORT : WEIR_COLUMN_SRC_PORT;
    node->second = WEIR_COLUMN_DST_PORT;
    node->passes = side == 0 ? two_lists_pass : list_passes;
    node->value_count = 1 + (unsigned)(flows_random(state) % 4);
    unsigned form = (unsigned)(flows_random(state) % 3);
    node->negative = form == 2;
    for (unsigned i = 0; i < node->value_count; i++)
        node->values[i] = PICK(state, flow_ports, flow_port_count);
    if (form == 0) {
        node->value_count = 1;
        say(node, "%s %u", nouns[side], (unsigned)node->values[0]);
        return;
    }
    say(node, "%s %sin [", nouns[side], node->negative ? "not " : "");
    for (unsigned i = 0; i < node->value_count; i++)
        say(node, "%s%u", i > 0 ? "," : "", (unsigned)node->values[i]);
    say(node, "]");
}

static void make_network_test(struct node *node, uint64_t *state)
{
    static const struct {
        const char *text;
        enum weir_column column, second;
    } nouns[] = {
        {"net", WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_DST_ADDR},
        {"host", WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_DST_ADDR},
        {"src net", WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_SRC_ADDR},
        {"dst_addr", WEIR_COLUMN_DST_ADDR, WEIR_COLUMN_DST_ADDR},
        {"src or dst ip", WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_DST_ADDR},
    };
    unsigned noun = (unsigned)(flows_random(state) % COUNT(nouns));
    const char *address = PICK(state, flow_addresses, flow_address_count);
    char text[64];
    node->column = nouns[noun].column;
    node->second = nouns[noun].second;
    node->passes = network_passes;
    node->negative = flows_random(state) % 4 == 0;
    bool is_v4 = !strchr(address, ':');
    if (flows_random(state) % 3 == 0)
        snprintf(text, sizeof(text), "%s", address);
    else
        snprintf(text, sizeof(text), "%s/%u", address,
                 (unsigned)(flows_random(state) % (is_v4 ? 33 : 129)));
    assert_int_equal(weir_network_parse(text, &node->network), 0);
    if (flows_random(state) % 4 == 0)
        say(node, "%s %sin [%s]", nouns[noun].text, node->negative ? "not " : "", text);
    else
        say(node, "%s %s %s", nouns[noun].text, node->negative ? "!=" : "", text);
}

static void make_flags_test(struct node *node, uint64_t *state)
{
    static const char letters[] = "FSRPAU";
    char text[8] = "";
    unsigned flags = 1 + (unsigned)(flows_random(state) % 63);
    for (unsigned bit = 0, length = 0; bit < 6; bit++)
        if (flags >> bit & 1)
            text[length++] = letters[bit];
    bool negative = flows_random(state) % 2;
    node->values[0] = flags;
    node->passes = negative ? no_flags_pass : flags_pass;
    say(node, "%sflags %s", negative ? "not " : "", text);
}

static void make_time_test(struct node *node, uint64_t *state)
{
    static const enum weir_column columns[] = {WEIR_COLUMN_START, WEIR_COLUMN_END,
                                               WEIR_COLUMN_RECEIVED};
    node->compare = (enum compare)(flows_random(state) % 6);
    if (flows_random(state) % 2) {
        static const char *const durations[] = {"0s", "1ms", "1s", "1s500us", "10s", "1m40s"};
        int64_t ns;
        const char *text = PICK(state, durations, COUNT(durations));
        assert_int_equal(weir_duration_parse(text, &ns), 0);
        node->values[0] = ns;
        node->passes = duration_passes;
        say(node, "duration %s %s", compare_texts[node->compare], text);
        return;
    }
    node->column = PICK(state, columns, COUNT(columns));
    /* A time that some row has, to the nanosecond or cut. */
    const struct flow *row = &stored_plain->rows[flows_random(state) % stored_plain->count];
    int64_t ns = (int64_t)row->number[WEIR_COLUMN_START];
    if (flows_random(state) % 2)
        ns -= ns % 1000000;
    ns = ns > 0 ? ns : FLOWS_BASE_NS;
    node->values[0] = ns;
    node->passes = number_passes;
    say(node, "%s %s %jd.%09jd", weir_column_info(node->column)->name, compare_texts[node->compare],
        (intmax_t)(ns / 1000000000), (intmax_t)(ns % 1000000000));
}

static void make_text_test(struct node *node, uint64_t *state)
{
    static const char *const patterns[] = {"micro%", "%s", "d_s", "%", "", "1__%", "it's", "%,%"};
    bool like = flows_random(state) % 2;
    const char *text =
        like ? PICK(state, patterns, COUNT(patterns)) : PICK(state, flow_apps, flow_app_count);
    node->passes = like ? pattern_passes : app_passes;
    snprintf(node->app, sizeof(node->app), "%s", text);
    if (strchr(text, '"'))
        say(node, "app %s '%s'", like ? "like" : "=", text);
    else
        say(node, "app %s \"%s\"", like ? "like" : "=", text);
}

static void make_other_test(struct node *node, uint64_t *state)
{
    static const enum weir_column columns[] = {WEIR_COLUMN_IN_IF, WEIR_COLUMN_SRC_ADDR,
                                               WEIR_COLUMN_START, WEIR_COLUMN_APP};
    node->compare = (enum compare)(flows_random(state) % 6);
    switch (flows_random(state) % 4) {
    case 0:
        node->values[0] = flows_random(state) % 64;
        node->passes = dscp_passes;
        say(node, "dscp %s %u", compare_texts[node->compare], (unsigned)node->values[0]);
        break;
    case 1:
        node->values[0] = flows_random(state) % 2 ? 4 : 6;
        node->passes = family_passes;
        say(node, "%s", node->values[0] == 4 ? "inet" : "ip_version = 6");
        break;
    case 2:
        node->values[0] = flows_random(state) % 6;
        node->passes = vrf_passes;
        say(node, "ingressVRFID %s %u", compare_texts[node->compare], (unsigned)node->values[0]);
        break;
    default:
        node->column = PICK(state, columns, COUNT(columns));
        node->negative = flows_random(state) % 2;
        node->passes = is_none;
        say(node, "%s %s none", weir_column_info(node->column)->name, node->negative ? "!=" : "=");
        break;
    }
}

static struct node *make_filter(uint64_t *state, unsigned depth)
{
    static void (*const makers[])(struct node *, uint64_t *) = {
        make_number_test, make_port_test, make_network_test, make_flags_test,
        make_time_test,   make_text_test, make_other_test,
    };
    struct node *node = calloc(1, sizeof(*node));
    assert_non_null(node);
    unsigned choice = (unsigned)(flows_random(state) % 6);
    if (depth == 0 || choice >= 4) {
        node->kind = TEST;
        makers[flows_random(state) % COUNT(makers)](node, state);
    } else {
        node->kind = choice == 0 ? NOT : choice < 3 ? AND : OR;
        node->left = make_filter(state, depth - 1);
        if (node->kind != NOT)
            node->right = make_filter(state, depth - 1);
    }
    return node;
}

static void free_filter(struct node *node)
{
    if (!node)
        return;
    free_filter(node->left);
    free_filter(node->right);
    free(node);
}

static void write_filter(const struct node *node, FILE *out)
{
    if (node->kind == TEST) {
        fputs(node->text, out);
        return;
    }
    /* `not` of a test of flags is its own test, which make_flags_test makes. */
    bool double_bracket = node->kind == NOT && node->left->passes == flags_pass;
    fputs(node->kind == NOT ? "not (" : "(", out);
    if (double_bracket)
        fputs("any and ", out);
    write_filter(node->left, out);
    if (node->kind != NOT) {
        fputs(node->kind == AND ? " and " : " or ", out);
        write_filter(node->right, out);
    }
    fputc(')', out);
}

static bool decide(const struct node *node, const struct flow *flow)
{
    switch (node->kind) {
    case AND:
        return decide(node->left, flow) && decide(node->right, flow);
    case OR:
        return decide(node->left, flow) || decide(node->right, flow);
    case NOT:
        return !decide(node->left, flow);
    case TEST:
        break;
    }
    return node->passes(node, flow);
}

static void check_filter(const struct flows *flows, const struct node *filter, const char *text)
{
    struct weir_question question = question_of_all();
    question.where = text;
    question.select = "flow_label";
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
    char *fields[FIELDS_MAX];
    assert_int_equal(next_line(&at, fields), 1);
    size_t row = 0;
    while (next_line(&at, fields) == 1) {
        size_t found = strtoul(fields[0], NULL, 10);
        for (; row < flows->count && !decide(filter, &flows->rows[row]); row++)
            ;
        if (found != row)
            fail_msg("%s:\nrow %zu passed, %zu should be the next", text, found, row);
        row++;
    }
    for (; row < flows->count; row++)
        if (decide(filter, &flows->rows[row]))
            fail_msg("%s:\nrow %zu should pass", text, row);
    free(csv);
}

static void answers_are_those_of_a_slow_reading(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    const char *seed = getenv("WEIR_SEED");
    uint64_t random = seed ? strtoull(seed, NULL, 0) : 20;
    for (unsigned i = 0; i < FILTERS; i++) {
        struct node *filter = make_filter(&random, 1 + i % 4);
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        write_filter(filter, out);
        fclose(out);
        check_filter(i % 2 ? stored_sampled : stored_plain, filter, text);
        free(text);
        free_filter(filter);
    }
}

/* The same filters over rows of a batch; what they say of elements is for queries only. */
static void rows_of_batches_pass_as_those_of_stores(void **state)
{
    (void)state;
    uint64_t random = 21;
    unsigned refused = 0;
    struct flows *flows = flows_new(5, 400, true);
    struct weir_batch *batch = flows_batch(flows->rows, flows->count);
    bool pass[400];
    for (unsigned i = 0; i < 20 * FILTERS; i++) {
        struct node *node = make_filter(&random, 1 + i % 4);
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        write_filter(node, out);
        fclose(out);
        struct weir_filter_context context = {0};
        struct weir_row_filter *filter = NULL;
        struct weir_diag diag = {0};
        int result = weir_row_filter_new(text, &context, &filter, &diag);
        if (result < 0 && (!strstr(text, "ingressVRFID") || !strstr(diag.text, "has no column")))
            fail_msg("%s: %s", text, diag.text);
        refused += result < 0;
        for (uint32_t s = 0; result == 0 && s < batch->segment_count; s++) {
            const struct weir_segment *segment = &batch->segments[s];
            weir_row_filter_run(filter, batch, segment, pass);
            for (uint32_t row = 0; row < segment->row_count; row++)
                if (pass[row] != decide(node, &flows->rows[segment->first_row + row]))
                    fail_msg("%s:\nrow %u: %d", text, segment->first_row + row, pass[row]);
        }
        weir_row_filter_free(filter);
        free(text);
        free_filter(node);
    }
    assert_true(refused > 0 && refused < 20 * FILTERS / 2);
    weir_batch_free(batch);
    flows_free(flows);
}

/* What rows lack is told before there are any, unless the filter asks whether they have it. */
static void what_no_row_has_is_known(void **state)
{
    (void)state;
    static const weir_column_set columns = WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(BYTES) |
                                           WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(ICMP_TYPE);
    static const struct {
        const char *text, *name, *column; /* no name: nothing is lacking */
    } cases[] = {
        {"bytes > 1M and src net 10.0.0.0/8", NULL, NULL},
        {"", NULL, NULL},
        {"bytes > 1M and (ip_version = 4 or not vlan = 3)", "vlan", "vlan"},
        {"host 10.0.0.1", "dst_addr", "dst_addr"},
        {"vlan = none", NULL, NULL},
        {"vlan = none or vlan in [3, 4]", NULL, NULL},
        {"vlan = none or dst_port = 53", "dst_port", "dst_port"},
        {"dscp = 46", "dscp", "tos"},
        {"duration > 10s", "duration_ms", "end"},
        {"bpp > 100", "bpp", "packets"},
        {"bytes_error > 1", NULL, NULL},
        {"icmp_type = 8", "icmp_type", "protocol"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_filter_context context = {0};
        struct weir_row_filter *filter;
        struct weir_diag diag = {0};
        char name[WEIR_QUERY_FIELD_NAME_MAX] = "";
        enum weir_column column = WEIR_COLUMN_COUNT;
        if (weir_row_filter_new(cases[i].text, &context, &filter, &diag) < 0)
            fail_msg("%s: %s", cases[i].text, diag.text);
        if (weir_row_filter_lacks(filter, columns, name, &column) != (cases[i].name != NULL))
            fail_msg("%s: '%s'", cases[i].text, name);
        if (cases[i].name) {
            assert_string_equal(name, cases[i].name);
            assert_string_equal(weir_column_info(column)->name, cases[i].column);
        }
        weir_row_filter_free(filter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_a_slow_reading),
        cmocka_unit_test(rows_of_batches_pass_as_those_of_stores),
        cmocka_unit_test(what_no_row_has_is_known),
    };
    return cmocka_run_group_tests_name("filter_rows", tests, make_stores, remove_stores);
}
