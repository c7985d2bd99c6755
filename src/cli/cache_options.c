/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cache_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "meter/protocol.h"

/* A timeout that was not given; parsed ones are never negative. */
#define NOT_GIVEN INT64_C(-1)

#define WORD_MAX 64u

/* Copies what stands before the next comma, and moves on behind it; NULL: nothing is left. */
static const char *next_word(const char *at, char word[WORD_MAX])
{
    size_t length = strcspn(at, ",");
    snprintf(word, WORD_MAX, "%.*s", (int)length, at);
    return at[length] == ',' ? at + length + 1 : at + length;
}

static int parse_entries(const char *value, struct weir_cache_config *config,
                         struct weir_diag *diag)
{
    uint64_t entries;
    if (weir_size_parse(value, &entries) < 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: 'entries=%s': write entries=N, as entries=1M", value);
    if (entries < WEIR_CACHE_ENTRIES_MIN || entries > WEIR_CACHE_ENTRIES_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: entries=%" PRIu64 " is not from %u to %u", entries,
                             WEIR_CACHE_ENTRIES_MIN, WEIR_CACHE_ENTRIES_MAX);
    config->entries = (uint32_t)entries;
    return 0;
}

static int parse_interval(const char *value, struct weir_cache_config *config,
                          struct weir_diag *diag)
{
    if (weir_duration_parse(value, &config->interval_ns) < 0 ||
        config->interval_ns < WEIR_CACHE_TIMEOUT_MIN ||
        config->interval_ns > WEIR_CACHE_TIMEOUT_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: 'interval=%s': write a duration from 1ms to 7d, as "
                             "interval=10s",
                             value);
    return 0;
}

static int parse_portion(const char *value, struct weir_cache_config *config,
                         struct weir_diag *diag)
{
    char *end = NULL;
    unsigned long portions = 0;
    if (strncmp(value, "1/", 2) == 0 && value[2] >= '1' && value[2] <= '9')
        portions = strtoul(value + 2, &end, 10);
    if (portions == 0 || *end != '\0' || portions > WEIR_CACHE_PORTIONS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: 'portion=%s': write portion=1/N, N up to %u, as portion=1/6",
                             value, WEIR_CACHE_PORTIONS_MAX);
    config->portions = (uint32_t)portions;
    return 0;
}

static int parse_setting(const char *word, struct weir_cache_config *config, struct weir_diag *diag)
{
    static const struct {
        const char *name;
        int (*parse)(const char *value, struct weir_cache_config *config, struct weir_diag *diag);
    } settings[] = {
        {"entries=", parse_entries},
        {"interval=", parse_interval},
        {"portion=", parse_portion},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        size_t length = strlen(settings[i].name);
        if (strncmp(word, settings[i].name, length) == 0)
            return settings[i].parse(word + length, config, diag);
    }
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "--cache: '%s': after the kind write entries=N, interval=T or "
                         "portion=1/N, as normal,entries=1M",
                         word);
}

static int parse_kind(const char *word, struct weir_cache_config *config, struct weir_diag *diag)
{
    static const char *const kinds[] = {
        [WEIR_CACHE_NORMAL] = "normal",
        [WEIR_CACHE_IMMEDIATE] = "immediate",
        [WEIR_CACHE_PERMANENT] = "permanent",
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(word, kinds[i]) == 0) {
            config->kind = (enum weir_cache_kind)i;
            return 0;
        }
    return weir_diag_set(diag, WEIR_E_USAGE,
                         "--cache: '%s': a flow cache is normal, immediate or permanent", word);
}

int weir_cache_kind_parse(const char *text, struct weir_cache_config *config,
                          struct weir_diag *diag)
{
    char word[WORD_MAX];
    text = next_word(text, word);
    int result = parse_kind(word, config, diag);
    while (result == 0 && *text != '\0') {
        text = next_word(text, word);
        result = parse_setting(word, config, diag);
    }
    if (result < 0)
        return result;
    if (config->kind == WEIR_CACHE_IMMEDIATE && (config->interval_ns || config->portions))
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: in an immediate cache every packet is a record at once; "
                             "interval= and portion= are for the others");
    if (config->kind == WEIR_CACHE_PERMANENT && !config->interval_ns)
        (void)!weir_duration_parse(WEIR_CACHE_PERMANENT_INTERVAL, &config->interval_ns);
    if (config->portions && !config->interval_ns)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "--cache: portion= says how many flows are reported at a time; "
                             "interval= says how often, as normal,interval=10s,portion=1/6");
    return 0;
}

static int64_t *timeout_of_all(struct weir_cache_config *config, enum weir_cache_timeout which)
{
    return which == WEIR_CACHE_TIMEOUT_IDLE ? &config->idle_ns : &config->active_ns;
}

/* The protocol's timeout, of a row that is made where there is none; NULL: there are too many. */
static int64_t *timeout_of(struct weir_cache_config *config, uint8_t protocol,
                           enum weir_cache_timeout which)
{
    unsigned i = 0;
    while (i < config->timeout_count && config->timeouts[i].protocol != protocol)
        i++;
    if (i == WEIR_PROTOCOL_TIMEOUTS_MAX)
        return NULL;
    if (i == config->timeout_count)
        config->timeouts[config->timeout_count++] = (struct weir_protocol_timeouts){
            .protocol = protocol, .idle_ns = NOT_GIVEN, .active_ns = NOT_GIVEN};
    struct weir_protocol_timeouts *row = &config->timeouts[i];
    return which == WEIR_CACHE_TIMEOUT_IDLE ? &row->idle_ns : &row->active_ns;
}

static int parse_protocol(const char *text, const char *name, uint8_t *ret_protocol,
                          struct weir_diag *diag)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= UINT8_MAX) {
        *ret_protocol = (uint8_t)number;
        return 0;
    }
    if (weir_protocol_parse(text, ret_protocol) < 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "%s: '%s' is no protocol: write its number, or a name such as tcp, "
                             "udp, icmp or icmp6",
                             name, text);
    return 0;
}

/* One of [PROTOCOL=]T; `seen`: there was one for all. */
static int parse_timeout(char *word, enum weir_cache_timeout which, const char *name, bool *seen,
                         struct weir_cache_config *config, struct weir_diag *diag)
{
    char *value = strchr(word, '=');
    int64_t *timeout = timeout_of_all(config, which);
    bool given = *seen;
    if (value) {
        uint8_t protocol;
        *value++ = '\0';
        int result = parse_protocol(word, name, &protocol, diag);
        if (result < 0)
            return result;
        timeout = timeout_of(config, protocol, which);
        if (!timeout)
            return weir_diag_set(diag, WEIR_E_USAGE, "%s: more than %u protocols", name,
                                 WEIR_PROTOCOL_TIMEOUTS_MAX);
        given = *timeout != NOT_GIVEN;
    } else {
        value = word;
        *seen = true;
    }
    if (given)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: given twice%s%s", name,
                             value == word ? "" : " for ", value == word ? "" : word);
    int64_t ns;
    if (weir_duration_parse(value, &ns) < 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "%s: '%s' is not a duration such as 250ms, 15s, 1h30m or 7d", name,
                             value);
    if (ns != 0 && (ns < WEIR_CACHE_TIMEOUT_MIN || ns > WEIR_CACHE_TIMEOUT_MAX))
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: %s is not 0s or in 1ms to 7d", name, value);
    *timeout = ns;
    return 0;
}

int weir_cache_timeouts_parse(const char *const *texts, unsigned count,
                              enum weir_cache_timeout which, const char *name,
                              struct weir_cache_config *config, struct weir_diag *diag)
{
    bool seen = false;
    for (unsigned i = 0; i < count; i++) {
        const char *at = texts[i];
        do {
            char word[WORD_MAX];
            at = next_word(at, word);
            int result = parse_timeout(word, which, name, &seen, config, diag);
            if (result < 0)
                return result;
        } while (*at != '\0');
    }
    return 0;
}

void weir_cache_timeouts_complete(struct weir_cache_config *config)
{
    for (unsigned i = 0; i < config->timeout_count; i++) {
        struct weir_protocol_timeouts *row = &config->timeouts[i];
        if (row->idle_ns == NOT_GIVEN)
            row->idle_ns = config->idle_ns;
        if (row->active_ns == NOT_GIVEN)
            row->active_ns = config->active_ns;
    }
}
