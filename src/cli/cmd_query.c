/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "query/columns.h"
#include "query/run.h"

enum {
    STORE,
    TABLE,
    FROM,
    TO,
    LAST,
    WHERE,
    BY,
    SUM,
    AGG,
    BIN,
    ORDER,
    TOP,
    SELECT,
    UNSCALED,
    SQL,
    FORMAT,
    OUT,
    COLUMNS,
    EXPLAIN,
    MEMORY,
    THREADS,
    OPTION_COUNT,
};

#define FORMAT_PARQUET  WEIR_FORMAT_COUNT
#define PLAN_OCTETS_MAX ((size_t)64 << 20)

static const char *const formats[] = {
    [WEIR_FORMAT_TABLE] = "table",   [WEIR_FORMAT_CSV] = "csv",     [WEIR_FORMAT_JSON] = "json",
    [WEIR_FORMAT_NDJSON] = "ndjson", [WEIR_FORMAT_CHART] = "chart", [FORMAT_PARQUET] = "parquet",
    [FORMAT_PARQUET + 1] = NULL,
};

static const char *const tables[] = {
    [WEIR_TABLE_LEDGER] = "ledger",
    [WEIR_TABLE_INTERFACES] = "interfaces",
    [WEIR_TABLE_COUNT] = NULL,
};

static const struct weir_option options[OPTION_COUNT] = {
    [STORE] = {.name = "store",
               .kind = WEIR_OPTION_FOLDER,
               .value = "DIR",
               .group = "What is asked",
               .help = "the store, as weir collect --store made it"},
    [TABLE] = {.name = "table",
               .kind = WEIR_OPTION_CHOICE,
               .choices = tables,
               .help = "the rows of a table beside the flows, by time: ledger, what came and what "
                       "was lost; interfaces, counters of sFlow. With --columns its columns"},
    [FROM] = {.name = "from",
              .kind = WEIR_OPTION_TIME,
              .help = "flows that ended then or later; without it from the beginning"},
    [TO] = {.name = "to",
            .kind = WEIR_OPTION_TIME,
            .help = "flows that began before then; without it to the end"},
    [LAST] = {.name = "last",
              .kind = WEIR_OPTION_DURATION,
              .min = 1,
              .help = "from so long ago until now, instead of --from and --to"},
    [WHERE] = {.name = "where",
               .kind = WEIR_OPTION_TEXT,
               .value = "FILTER",
               .help = "flows that pass: 'proto tcp and dst port 443 and src net 10.0.0.0/8'"},
    [SQL] = {.name = "sql",
             .kind = WEIR_OPTION_TEXT,
             .value = "SELECT",
             .help =
                 "runs SQL as it is, over the views flows, ledger and interfaces; in place of the "
                 "options below"},
    [BY] = {.name = "by",
            .kind = WEIR_OPTION_TEXT,
            .value = "COL,...",
            .group = "How it is answered",
            .help = "a row a group; without it and without --sum and --agg the flow records. "
                    "Addresses may be networks: src_addr/24, src_addr/24/48"},
    [SUM] = {.name = "sum",
             .kind = WEIR_OPTION_TEXT,
             .value = "COL,...",
             .help = "sums of columns, and flows, their number; packets_error and the like are "
                     "standard errors of sums; without it and without --agg bytes,packets,flows"},
    [AGG] = {.name = "agg",
             .kind = WEIR_OPTION_TEXT,
             .value = "EXPR,...",
             .help = "sum(X) avg(X) min(X) max(X) count(X) distinct(X) p95(X) and flows"},
    [BIN] = {.name = "bin",
             .kind = WEIR_OPTION_DURATION,
             .min = 1000000,
             .help = "a row a bin of this width; octets and packets of a flow are spread over the "
                     "bins that it covers"},
    [ORDER] = {.name = "order",
               .kind = WEIR_OPTION_TEXT,
               .value = "COL[:asc]",
               .help = "sorts by this column, the greatest first, or the smallest; without it by "
                       "the first aggregate, a series by time"},
    [TOP] = {.name = "top",
             .kind = WEIR_OPTION_COUNT,
             .min = 1,
             .help = "the first so many, and the rows other and total where the format has room"},
    [SELECT] = {.name = "select",
                .kind = WEIR_OPTION_TEXT,
                .value = "COL,...",
                .help = "of flow records these columns; without it all, in tables some"},
    [UNSCALED] = {.name = "unscaled",
                  .kind = WEIR_OPTION_FLAG,
                  .help = "counters as observed, not multiplied by the sampling interval"},
    [FORMAT] = {.name = "format",
                .kind = WEIR_OPTION_CHOICE,
                .choices = formats,
                .fallback = "table",
                .group = "Output",
                .help = "table and chart are for people"},
    [OUT] = {.name = "out",
             .kind = WEIR_OPTION_OUTPUT,
             .fallback = "-",
             .help = "where the answer goes"},
    [COLUMNS] = {.name = "columns",
                 .kind = WEIR_OPTION_FLAG,
                 .help = "lists the columns with type, unit and Information Element, and asks "
                         "nothing"},
    [EXPLAIN] = {.name = "explain",
                 .kind = WEIR_OPTION_FLAG,
                 .help = "prints what would be done: SQL, files, work"},
    [MEMORY] = {.name = "memory",
                .kind = WEIR_OPTION_SIZE,
                .min = 32000000,
                .fallback = "1G",
                .help = "most memory to use; what does not fit goes to files in TMPDIR"},
    [THREADS] = {.name = "threads",
                 .kind = WEIR_OPTION_COUNT,
                 .min = 1,
                 .max = 1024,
                 .help = "most threads to use; without it one a processor"},
};

static int write_text(void *context, const void *octets, size_t length, struct weir_diag *diag)
{
    return weir_output_write(context, octets, length, diag);
}

static unsigned screen_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 0;
}

static int read_question(struct weir_call *call, struct weir_question *question,
                         struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    int64_t now_ns = weir_clock_now(&call->clock);
    bool last = weir_arguments_has(arguments, LAST);
    if (last && (weir_arguments_has(arguments, FROM) || weir_arguments_has(arguments, TO)))
        return weir_diag_set(diag, WEIR_E_USAGE, "--last stands for --from and --to: drop one");
    *question = (struct weir_question){
        .where = weir_arguments_text(arguments, WHERE),
        .by = weir_arguments_text(arguments, BY),
        .sum = weir_arguments_text(arguments, SUM),
        .agg = weir_arguments_text(arguments, AGG),
        .select = weir_arguments_text(arguments, SELECT),
        .order = weir_arguments_text(arguments, ORDER),
        .from_ns =
            weir_arguments_has(arguments, FROM) ? weir_arguments_ns(arguments, FROM) : INT64_MIN,
        .to_ns = weir_arguments_has(arguments, TO) ? weir_arguments_ns(arguments, TO) : INT64_MAX,
        .bin_ns = weir_arguments_has(arguments, BIN) ? weir_arguments_ns(arguments, BIN) : 0,
        .top = weir_arguments_has(arguments, TOP) ? weir_arguments_number(arguments, TOP) : 0,
        .unscaled = weir_arguments_flag(arguments, UNSCALED),
        .people = weir_arguments_choice(arguments, FORMAT) == WEIR_FORMAT_TABLE,
        .context = {.now_ns = now_ns, .zone = weir_arguments_zone(arguments)},
    };
    if (last) {
        question->from_ns = now_ns - weir_arguments_ns(arguments, LAST);
        question->to_ns = now_ns;
    }
    return 0;
}

/* Options that --sql or --table take the place of. */
static int check_alone(const struct weir_arguments *arguments, size_t option,
                       struct weir_diag *diag)
{
    static const int others[] = {WHERE, BY, SUM, AGG, BIN, ORDER, SELECT, EXPLAIN};
    static const int of_sql[] = {TABLE, FROM, TO, LAST, TOP};
    static const int of_table[] = {UNSCALED};
    const struct {
        const int *options;
        size_t count;
    } lists[] = {
        {others, sizeof(others) / sizeof(others[0])},
        {option == SQL ? of_sql : of_table, option == SQL ? sizeof(of_sql) / sizeof(of_sql[0])
                                                          : sizeof(of_table) / sizeof(of_table[0])},
    };
    for (size_t list = 0; list < 2; list++)
        for (size_t i = 0; i < lists[list].count; i++)
            if (weir_arguments_has(arguments, (size_t)lists[list].options[i]))
                return weir_diag_set(diag, WEIR_E_USAGE, "--%s has no place beside --%s",
                                     options[lists[list].options[i]].name, options[option].name);
    if (weir_arguments_choice(arguments, FORMAT) == FORMAT_PARQUET)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--format: answers to --%s go to table, csv, json, ndjson or chart",
                             options[option].name);
    return 0;
}

static int answer_table(const struct weir_arguments *arguments,
                        const struct weir_query_store *store, const struct weir_question *question,
                        const struct weir_query_output *output, struct weir_diag *diag)
{
    const struct weir_table_question asked = {
        .table = (enum weir_table)weir_arguments_choice(arguments, TABLE),
        .from_ms = weir_query_bound_ms(question->from_ns),
        .to_ms = weir_query_bound_ms(question->to_ns),
        .top = question->top,
    };
    return weir_query_table(store, &asked, output, diag);
}

static struct weir_query_store store_of(const struct weir_call *call, const char *temp_dir)
{
    const struct weir_arguments *arguments = &call->arguments;
    return (struct weir_query_store){
        .folder = weir_arguments_text(arguments, STORE),
        .memory_octets = weir_arguments_number(arguments, MEMORY),
        .threads = weir_arguments_has(arguments, THREADS)
                       ? (unsigned)weir_arguments_number(arguments, THREADS)
                       : 0,
        .temp_dir = temp_dir,
        .clock = call->clock,
        .stop = weir_stop_requested_by,
    };
}

/* Everything but Parquet, which has no text, goes through a file or standard output. */
static int answer_as_text(struct weir_call *call, const struct weir_query_store *store,
                          const struct weir_question *question, const struct weir_query_plan *plan,
                          struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    const char *path = weir_arguments_text(arguments, OUT);
    struct weir_output *file;
    int result = weir_output_open(path, &file, diag);
    if (result < 0)
        return result;
    const struct weir_query_output output = {
        .format = (enum weir_format)weir_arguments_choice(arguments, FORMAT),
        .screen_width = screen_width(),
        .zone = weir_arguments_zone(arguments),
        .sink = {.write = write_text, .context = file},
    };
    bool table = weir_arguments_has(arguments, TABLE);
    if (weir_arguments_flag(arguments, COLUMNS) && table)
        result = weir_query_table_columns((enum weir_table)weir_arguments_choice(arguments, TABLE),
                                          &output, diag);
    else if (weir_arguments_flag(arguments, COLUMNS))
        result = weir_query_columns(&output, diag);
    else if (table)
        result = answer_table(arguments, store, question, &output, diag);
    else if (weir_arguments_has(arguments, SQL))
        result = weir_query_sql(store, weir_arguments_text(arguments, SQL),
                                weir_arguments_flag(arguments, UNSCALED), &output, diag);
    else if (weir_arguments_flag(arguments, EXPLAIN))
        result = weir_query_explain(store, plan, &output.sink, diag);
    else
        result = weir_query_run(store, plan, &output, diag);
    /* Of a store with a damaged file the answer is whole but for that file. */
    if (result == 0 || result == WEIR_E_MALFORMED) {
        struct weir_diag close_diag = {0};
        int closed = weir_output_close(file, &close_diag);
        if (result == 0 && closed < 0 && diag)
            *diag = close_diag;
        return result < 0 ? result : closed;
    }
    weir_output_abort(file);
    return result;
}

static int answer(struct weir_call *call, const struct weir_question *question,
                  const struct weir_query_plan *plan, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    const char *folder = getenv("TMPDIR"), *path = weir_arguments_text(arguments, OUT);
    char temp_dir[4096];
    int length = snprintf(temp_dir, sizeof(temp_dir), "%s/weir-query-%ld",
                          folder && *folder ? folder : "/var/tmp", (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(temp_dir))
        return weir_diag_set(diag, WEIR_E_USAGE, "TMPDIR is too long a path");
    const struct weir_query_store store = store_of(call, temp_dir);
    if (weir_arguments_choice(arguments, FORMAT) != FORMAT_PARQUET ||
        weir_arguments_flag(arguments, COLUMNS) || weir_arguments_flag(arguments, EXPLAIN))
        return answer_as_text(call, &store, question, plan, diag);
    if (strcmp(path, "-") == 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "--format parquet needs --out FILE");
    return weir_query_to_parquet(&store, plan, path, diag);
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    bool columns = weir_arguments_flag(arguments, COLUMNS);
    bool sql = weir_arguments_has(arguments, SQL);
    bool table = weir_arguments_has(arguments, TABLE);
    struct weir_question question = {0};
    struct weir_query_plan *plan = NULL;
    struct weir_arena arena;
    if (!columns && !weir_arguments_has(arguments, STORE))
        return weir_diag_set(diag, WEIR_E_USAGE, "--store DIR is missing");
    if (columns && weir_arguments_choice(arguments, FORMAT) == FORMAT_PARQUET)
        return weir_diag_set(diag, WEIR_E_USAGE, "--columns has no format parquet");
    int result = sql || table ? check_alone(arguments, sql ? SQL : TABLE, diag) : 0;
    if (result == 0 && !sql)
        result = read_question(call, &question, diag);
    if (result < 0)
        return result;
    weir_arena_init(&arena, PLAN_OCTETS_MAX);
    if (!sql && !table && !columns)
        result = weir_query_plan(&question, &arena, &plan, diag);
    if (result == 0 && plan && plan->shape == WEIR_QUERY_RECORDS &&
        weir_arguments_choice(arguments, FORMAT) == WEIR_FORMAT_CHART)
        result = weir_diag_set(diag, WEIR_E_USAGE,
                               "--format chart is of groups or of bins: give --by or --bin");
    if (result == 0)
        result = answer(call, &question, plan, diag);
    weir_arena_done(&arena);
    return result == WEIR_E_AGAIN && weir_stop_requested() ? 0 : result;
}

static const struct weir_example examples[] = {
    {"weir query --store flows --by src_addr --sum bytes --top 10", "top talkers"},
    {"weir query --store flows --last 1h --bin 1m --by protocol --format chart",
     "traffic over the last hour"},
    {"weir query --store flows --where 'proto tcp and flags S and not flags AFRPU' --by dst_port",
     "ports that are knocked at"},
    {"weir query --store flows --where 'host 192.0.2.1' --order start:asc --format csv",
     "one host's flow records"},
    {"weir query --store flows --sql \"select dst_port, sum(bytes) from flows group by 1\"",
     "SQL of one's own"},
    {"weir query --store flows --sql \"select exporter, sum(records), sum(records_lost) from "
     "ledger "
     "group by 1\"",
     "what was lost on the way"},
    {NULL, NULL},
};

const struct weir_command weir_command_query = {
    .name = "query",
    .summary = "answers questions from a store",
    .usage = "--store DIR [--from T] [--to T | --last D] [--where FILTER] [--by COL,...] "
             "[--sum COL,... | --agg EXPR,...] [--bin D] [--order COL[:asc]] [--top N]\n"
             "--store DIR --sql SELECT\n"
             "--store DIR --table NAME [--from T] [--to T | --last D] [--top N]\n"
             "--columns [--table NAME]",
    .about =
        "A flow belongs to a time when some of it lies there: it ended at --from or later and "
        "began before --to. Counters are multiplied by the sampling interval of their flow; where "
        "that is not known it counts as 1.\n\n"
        "flows counts records; flows_estimated counts for each of those that were selected among "
        "flows (flow_probability) how many it stands for. "
        "Sums of sampled counters are estimates: packets_error, bytes_error and the same of rev_ "
        "are their standard errors, which tables and JSON show beside them and --sum and --agg "
        "can ask for. The truth is within 1.96 of them 95 times in 100, where some thirty packets "
        "were sampled. Octets need the squares of packet lengths (octetDeltaSumOfSquares); of "
        "flows "
        "without them packets are taken for equally long, which makes errors of octets too small, "
        "by 1.4 where half of the packets are of 40 octets and half of 1,500. Of what was not "
        "sampled they are 0.\n\n"
        "In --format json stats has files, octets and "
        "flows_in_files, what was read; sampling_unknown_in_files, how many of those flows do not "
        "say their interval, be it none or 0, is left out where weir did not write them; scaled "
        "says whether anything was multiplied; errors has those of all rows together. Times of "
        "answers, and where days of bins begin, go "
        "by --tz; Parquet has times in UTC.\n\n"
        "A filter has tests, and, or, not and brackets. A test is a column or an Information "
        "Element by its name, an operator (= != < <= > >= in like, or none, which is =) and a "
        "value: a number (1M), an address or a network, a time, a duration (10s), a protocol, a "
        "port by name; 'none' asks whether the exporter said nothing. The phrases of nfdump and "
        "tcpdump work too: host, net, port, src ..., dst ..., src or dst ..., in if, src as, "
        "flags, tcp, inet6, any. A test of two sides ('port 53') passes when one does; with != and "
        "'not in' when both do. 'flags SA' asks for both, 'not flags SA' for neither.\n\n"
        "What the exporter did not say passes no test, and so passes any test behind 'not': "
        "'in_if != 3' leaves out a flow without in_if, 'not in if 3' does not.\n\n"
        "With --bin the octets and packets of a flow are spread evenly over its time, as whole "
        "numbers that add up; the part outside of --from and --to is left out. flows counts a "
        "flow where it begins, other aggregates wherever it reaches.",
    .options = options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a filter is one word in quotes behind --where",
    .run = run,
};
