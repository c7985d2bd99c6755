/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "app/replay.h"
#include "app/rewrite.h"
#include "app/stats.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/signals.h"
#include "net/sender.h"

enum { READ, TO, SPEED, RATE, LOOP, COUNT, REWRITE, STATS, OPTION_COUNT };

#define SPEED_MAX        1e9
#define STATS_OCTETS_MAX ((size_t)1 << 20)

static const char *const rewrites[] = {"times", "sequence", "both", NULL};
static const unsigned rewrite_bits[] = {WEIR_REWRITE_TIMES, WEIR_REWRITE_SEQUENCE,
                                        WEIR_REWRITE_TIMES | WEIR_REWRITE_SEQUENCE};

static const struct weir_option options[OPTION_COUNT] = {
    [READ] = {.name = "read",
              .letter = 'r',
              .kind = WEIR_OPTION_FILE,
              .repeatable = true,
              .group = "What and where to",
              .help = "pcap or pcapng of export datagrams, an IPFIX file, or bare datagrams one "
                      "after another; plain, gzip or zstd, - for standard input"},
    [TO] = {.name = "to", .kind = WEIR_OPTION_URL, .help = "the collector: udp://HOST:PORT"},
    [SPEED] = {.name = "speed",
               .kind = WEIR_OPTION_TEXT,
               .value = "FACTOR",
               .fallback = "1",
               .group = "How fast",
               .help = "times the pace of the recording: 10, 0.5; 0 is as fast as it goes"},
    [RATE] = {.name = "rate",
              .kind = WEIR_OPTION_COUNT,
              .value = "MESSAGES",
              .min = 1,
              .max = 1000000000,
              .help = "so many messages a second, whatever the recording's pace was"},
    [LOOP] = {.name = "loop",
              .kind = WEIR_OPTION_COUNT,
              .fallback = "1",
              .group = "When it ends",
              .help = "after all files were sent so often; 0 goes on until it is stopped"},
    [COUNT] = {.name = "count",
               .kind = WEIR_OPTION_COUNT,
               .min = 1,
               .help = "after so many messages"},
    [REWRITE] = {.name = "rewrite",
                 .kind = WEIR_OPTION_CHOICE,
                 .choices = rewrites,
                 .group = "What is changed",
                 .help = "times: as if the first message was exported now; sequence: numbers "
                         "follow one another, so that nothing seems lost; both"},
    [STATS] = {.name = "stats",
               .kind = WEIR_OPTION_OUTPUT,
               .group = "Output",
               .help = "writes all counters as one JSON object at the end; - is standard output"},
};

/* A run of the command. */
struct run {
    struct weir_call *call;
    struct weir_url url;
    unsigned sender_count;
    struct weir_sender senders[WEIR_REPLAY_TRANSPORTS_MAX];
    uint64_t stop_calls; /* progress is looked at with some of them: clocks cost */
};

/* Until then, or until a signal comes. */
static void wait_until(void *context, int64_t due_ns)
{
    (void)context;
    const struct weir_clock clock = weir_clock_monotonic();
    struct pollfd signals = {.fd = weir_signals_fd(), .events = POLLIN};
    int64_t left_ns = due_ns - weir_clock_now(&clock);
    struct timespec left = {left_ns / WEIR_NS_PER_SECOND, left_ns % WEIR_NS_PER_SECOND};
    if (left_ns > 0)
        (void)ppoll(&signals, 1, &left, NULL);
}

static int open_sender(void *context, unsigned index, struct weir_transport *ret_transport,
                       struct weir_diag *diag)
{
    struct run *run = context;
    int result = weir_sender_open(&run->url, &run->senders[index], diag);
    if (result < 0) {
        weir_diag_prefix(diag, "--to");
        return result;
    }
    run->sender_count = index + 1;
    *ret_transport = run->senders[index].transport;
    return 0;
}

/* Stops on a signal; shows progress on the way. */
static bool stop(void *context, const struct weir_replay *replay)
{
    struct run *run = context;
    if (++run->stop_calls % 64 == 0 && weir_progress_due(&run->call->progress)) {
        const struct weir_replay_counters *counters = weir_replay_counters(replay);
        weir_progress_show(
            &run->call->progress, "%" PRIu64 " messages, %" PRIu64 " records, %" PRIu64 " late",
            counters->messages_sent, counters->records_sent, counters->messages_late);
    }
    return weir_stop_requested();
}

static int read_url(struct run *run, struct weir_diag *diag)
{
    static const char *const none[] = {NULL};
    const struct weir_arguments *arguments = &run->call->arguments;
    if (!weir_arguments_has(arguments, TO))
        return weir_diag_set(diag, WEIR_E_USAGE, "replay: --to is wanted: udp://HOST:PORT");
    int result = weir_url_parse(weir_arguments_text(arguments, TO), &run->url, diag);
    if (result == 0)
        result = weir_url_check_options(&run->url, none, diag);
    if (result == 0 && (run->url.transport != WEIR_URL_UDP || run->url.protocol != WEIR_URL_ANY))
        result = weir_diag_set(diag, WEIR_E_USAGE,
                               "messages are sent as they were recorded, to udp://HOST:PORT; 'weir "
                               "collect -r FILE --to URL' makes others of them");
    if (result < 0)
        weir_diag_prefix(diag, "--to");
    return result;
}

static int read_pace(const struct weir_arguments *arguments, struct weir_pace_config *pace,
                     struct weir_diag *diag)
{
    const char *text = weir_arguments_text(arguments, SPEED);
    char *end;
    pace->speed = strtod(text, &end);
    /* Neither nan nor inf, nor what strtod takes for a number besides digits and a point. */
    if (!*text || *end || strspn(text, "0123456789.") != strlen(text) || pace->speed > SPEED_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--speed: '%s': a number is wanted, as 10 or 0.5, or 0", text);
    if (!weir_arguments_has(arguments, RATE))
        return 0;
    pace->rate = weir_arguments_number(arguments, RATE);
    if (weir_arguments_count_given(arguments, SPEED) > 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "--rate, --speed: one of the two");
    return 0;
}

/* The files of -r, in order; *ret_count of them. NULL without memory. */
static const char **read_files(const struct weir_arguments *arguments, size_t *ret_count)
{
    const char **paths = calloc(arguments->given_count + 1, sizeof(*paths));
    size_t count = 0;
    for (size_t i = 0; paths && i < arguments->given_count; i++)
        if (arguments->given[i].option == &options[READ])
            paths[count++] = arguments->given[i].text;
    *ret_count = count;
    return paths;
}

static int check_files(const char *const *paths, size_t count, uint64_t times,
                       struct weir_diag *diag)
{
    if (count == 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "replay: nothing to send: give a file with -r");
    for (size_t i = 0; i < count; i++)
        if (times != 1 && strcmp(paths[i], "-") == 0)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "--loop: standard input can be read once only");
    return 0;
}

static int print_stats(const struct run *run, const struct weir_replay *replay,
                       struct weir_diag *diag)
{
    struct weir_udp_sender_counters network = {0};
    for (unsigned i = 0; i < run->sender_count; i++) {
        struct weir_udp_sender_counters one = weir_sender_counters(&run->senders[i]);
        weir_counter_add_all(weir_udp_sender_counter_table, weir_udp_sender_counter_count, &one,
                             &network);
    }
    const struct weir_stats_part parts[] = {
        {weir_replay_counter_table, weir_replay_counter_count, weir_replay_counters(replay)},
        {weir_udp_sender_counter_table, weir_udp_sender_counter_count, &network},
    };
    struct weir_text_buffer text;
    weir_text_init(&text, STATS_OCTETS_MAX);
    weir_stats_print(parts, 2, &text);
    int result = weir_print(&text, weir_arguments_text(&run->call->arguments, STATS), diag);
    weir_text_done(&text);
    return result;
}

static int replay(struct run *run, const struct weir_replay_config *config,
                  const char *const *paths, size_t count, struct weir_diag *diag)
{
    struct weir_replay *replay;
    int result = weir_replay_new(config, &replay, diag);
    if (result < 0)
        return result;
    result = weir_replay_files(replay, paths, count, diag);
    weir_progress_clear(&run->call->progress);
    if (weir_arguments_has(&run->call->arguments, STATS)) {
        struct weir_diag own = {0};
        int printed = print_stats(run, replay, &own);
        if (printed < 0 && result == 0) {
            result = printed;
            *diag = own;
        }
    }
    weir_replay_free(replay);
    for (unsigned i = 0; i < run->sender_count; i++)
        weir_sender_abort(&run->senders[i]);
    return result;
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    struct run *run = calloc(1, sizeof(*run));
    size_t count = 0;
    const char **paths = read_files(arguments, &count);
    struct weir_replay_config config = {
        .now_ns = weir_clock_now(&call->clock),
        .times = weir_arguments_number(arguments, LOOP),
        .clock = weir_clock_monotonic(),
        .wait = wait_until,
        .open = open_sender,
        .stop = stop,
        .context = run,
    };
    if (weir_arguments_has(arguments, COUNT))
        config.message_limit = weir_arguments_number(arguments, COUNT);
    if (weir_arguments_has(arguments, REWRITE))
        config.rewrite = rewrite_bits[weir_arguments_choice(arguments, REWRITE)];
    int result = 0;
    if (!run || !paths)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory to replay with");
    else
        run->call = call;
    if (result == 0)
        result = check_files(paths, count, config.times, diag);
    if (result == 0)
        result = read_pace(arguments, &config.pace, diag);
    if (result == 0)
        result = read_url(run, diag);
    if (result == 0)
        result = replay(run, &config, paths, count, diag);
    free(paths);
    free(run);
    return result;
}

static const struct weir_example examples[] = {
    {"weir replay -r exports.pcap --to udp://127.0.0.1:2055", "at the pace it was captured at"},
    {"weir replay -r exports.pcap --to udp://127.0.0.1:2055 --rewrite both --loop 0 --rate 1k",
     "new traffic for a collector without end, a thousand messages a second"},
    {NULL, NULL},
};

const struct weir_command weir_command_replay = {
    .name = "replay",
    .summary = "sends recorded export messages again",
    .usage = "-r FILE... --to udp://HOST:PORT [OPTION]...",
    .about = "Sends the export messages of captures and IPFIX files as they were recorded, each "
             "exporter from a port of its own: at their own pace, at another, or at a rate.\n\n"
             "With --rewrite times one and the same number of seconds is added to the time of "
             "every message and every absolute time in its records; what counts from sysUpTime or "
             "from the export time keeps its meaning. When the recording is sent again its times "
             "go on where they ended. With --rewrite sequence the numbers of each exporter and "
             "Observation Domain follow one another as its protocol counts. sFlow has no times but "
             "sysUpTime.\n\n"
             "It ends with the last file, or on SIGINT or SIGTERM. What the network did not take "
             "is counted, and is no failure.",
    .options = options,
    .option_count = OPTION_COUNT,
    .examples = examples,
    .operands_hint = "a file stands behind -r",
    .run = run,
};
