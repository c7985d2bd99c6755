/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `weir meter`, an argument a line: each grammar of its options. What is
 * accepted has values in their ranges, and a Metering Process can be made of it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "app/meter.h"
#include "cli/meter_options.h"

#define ARGUMENTS_MAX 64
#define ENTRIES_MAX   (1u << 16)
#define WORKERS_MAX   4u

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Interfaces would be opened, and what takes much memory is not tried. */
static bool is_small(const struct weir_meter_config *config)
{
    bool is_small = config->interface_count == 0 && config->workers <= WORKERS_MAX;
    for (unsigned i = 0; i < config->process_count; i++)
        is_small &= config->processes[i].cache.entries <= ENTRIES_MAX;
    return is_small;
}

static void check_cache(const struct weir_cache_config *cache)
{
    require(cache->entries >= WEIR_CACHE_ENTRIES_MIN && cache->entries <= WEIR_CACHE_ENTRIES_MAX);
    require(cache->idle_ns >= 0 && cache->idle_ns <= WEIR_CACHE_TIMEOUT_MAX);
    require(cache->active_ns >= 0 && cache->active_ns <= WEIR_CACHE_TIMEOUT_MAX);
}

static void make(struct weir_meter_settings *settings)
{
    struct weir_meter *meter = NULL;
    struct weir_diag diag = {0};
    int64_t now_ns = 0;
    settings->config.clock = weir_clock_manual(&now_ns);
    if (weir_meter_new(&settings->config, &meter, &diag) < 0) {
        require(diag.text[0] != '\0');
        return;
    }
    struct weir_meter_fields fields;
    weir_meter_fields(meter, 0, &fields);
    require(fields.columns != 0 || fields.extra_count > 0);
    require(weir_meter_cache_counters(meter).packets_metered == 0);
    weir_meter_free(meter);
}

static void check(const struct weir_arguments *arguments)
{
    struct weir_meter_settings settings;
    struct weir_diag diag = {0};
    int result = weir_meter_settings_parse(arguments, &settings, &diag);
    require(result == 0 || diag.text[0] != '\0');
    if (result == 0) {
        require(settings.config.process_count >= 1);
        for (unsigned i = 0; i < settings.config.process_count; i++)
            check_cache(&settings.config.processes[i].cache);
        require(settings.config.tunnel_depth <= WEIR_TUNNEL_DEPTH_MAX);
        if (is_small(&settings.config))
            make(&settings);
    }
    weir_meter_settings_done(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_arguments arguments = {0};
    struct weir_diag diag = {0};
    char *argv[ARGUMENTS_MAX];
    int argc = 0;
    int64_t now_ns = 0;
    const struct weir_clock clock = weir_clock_manual(&now_ns);
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *at = text; at && argc < ARGUMENTS_MAX; argc++) {
        argv[argc] = at;
        at = strchr(at, '\n');
        if (at)
            *at++ = '\0';
    }
    if (weir_arguments_parse(&arguments, weir_meter_options, OPTION_COUNT, argc, argv, &clock,
                             &diag) == 0 &&
        !arguments.help)
        check(&arguments);
    weir_arguments_done(&arguments);
    free(text);
    return 0;
}
