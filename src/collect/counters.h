/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Collecting Process counts, once a session and once in total. The rows of the table are
 * what --stats prints.
 *
 * Every message that breaks a rule counts once in messages_malformed and once under the first
 * rule that it broke: the malformed_* rows add up to it. The loss ledger is collect/ledger.h's:
 * what it says may be taken back, when what was missing comes or an exporter turns out to count in
 * another way (collect/sequence.h), so its rows are gauges.
 */
#ifndef WEIR_COLLECT_COUNTERS_H
#define WEIR_COLLECT_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"

#define WEIR_COLLECT_COUNTERS(X, G)                                                                \
    X(messages, MESSAGES, "datagrams and messages of files that came, malformed ones included")    \
    X(octets, OCTETS, "octets of these messages")                                                  \
    X(messages_malformed, MESSAGES, "messages that broke a rule; what was whole of them counts")   \
    X(malformed_version, MESSAGES, "no version or NetFlow v8 aggregation scheme that is known")    \
    X(malformed_header, MESSAGES, "header cut, or its length below its own")                       \
    X(malformed_length, MESSAGES, "shorter or longer than the header says")                        \
    X(malformed_set, MESSAGES, "a set's length passes the message, or is below its header's")      \
    X(malformed_template, MESSAGES, "a Template that is cut, without octets, or with a wrong id")  \
    X(malformed_record, MESSAGES, "a Data Record that passes the end of its set")                  \
    X(malformed_list, MESSAGES, "a list (RFC 6313) that does not fill its field")                  \
    X(records, RECORDS, "Flow Records")                                                            \
    X(records_ambiguous, RECORDS,                                                                  \
      "of these, of NetFlow v8 schemes that descriptions disagree about: some octets as they "     \
      "came")                                                                                      \
    X(options_records, RECORDS, "Data Records of Options Templates")                               \
    X(counter_records, RECORDS, "records of interface counters, of sFlow's counter samples")       \
    X(structures_skipped, NONE, "samples of sFlow, and records in them, of formats not known")     \
    X(headers_unparsed, PACKETS, "packets that sFlow sampled and in which no IP packet was found") \
    X(options_not_kept, RECORDS, "of these, for want of room not known to the next run")           \
    X(templates, TEMPLATES, "Template Records that came, repeated ones included")                  \
    X(options_templates, TEMPLATES, "Options Template Records that came, repeated ones included")  \
    X(templates_redefined, TEMPLATES, "Templates that came with other fields than before")         \
    X(templates_withdrawn, TEMPLATES, "Templates that exporters withdrew")                         \
    X(withdrawals_ignored, TEMPLATES,                                                              \
      "over UDP, where none may be sent, or of Templates not known")                               \
    X(templates_expired, TEMPLATES,                                                                \
      "over UDP, not repeated within their lifetime, or from before a restart of the exporter")    \
    X(templates_refused, TEMPLATES, "Templates not taken at the limit of the session or of all")   \
    X(sets_unknown_template, SETS, "Data Sets whose Template was not known when they came")        \
    X(sets_overflowed, SETS, "of these, dropped because too much was waiting")                     \
    G(sets_waiting, SETS, "of these, still waiting for their Template")                            \
    X(sets_reserved, SETS, "sets with an id that has no meaning, skipped")                         \
    X(records_buffered, RECORDS, "Data Records that waited for their Template and were decoded")   \
    X(lists_malformed, NONE, "lists (RFC 6313) that do not fill their field, kept as octets")      \
    X(lists_unknown_template, NONE, "lists of a Template not known, its records kept as octets")   \
    X(lists_oversized, NONE, "lists nested deeper than 8, or past 1 MiB of text: kept as octets")  \
    X(elements_learnt, NONE, "Information Elements that exporters described (RFC 5610)")           \
    X(elements_refused, NONE, "descriptions that contradict others, break rules or are too many")  \
    X(properties_learnt, RECORDS,                                                                  \
      "common properties (RFC 5473) that came, repeated ones included")                            \
    X(properties_refused, RECORDS, "common properties that break rules or are too many")           \
    X(properties_unknown, RECORDS,                                                                 \
      "Flow Records that went out without all of their common properties")                         \
    X(properties_awaited, RECORDS,                                                                 \
      "Flow Records that came ahead of their common properties and waited for them")               \
    G(sets_waiting_properties, SETS, "of Data Sets, parts that still wait for common properties")  \
    G(records_lost, RECORDS,                                                                       \
      "by sequence numbers; of NetFlow v9, which counts messages, estimated from messages_lost")   \
    G(records_unknown, RECORDS,                                                                    \
      "lack by sequence numbers next to sets without a Template: in them, or lost")                \
    G(records_duplicate, RECORDS, "in messages that had come before, where numbers count records") \
    G(messages_lost, MESSAGES, "by sequence numbers that count messages")                          \
    G(messages_late, MESSAGES, "overtaken by others; not lost")                                    \
    G(messages_duplicate, MESSAGES, "that had come before; their records count again")             \
    G(sequence_restarts, NONE, "exporters that began a new count")                                 \
    X(samplers_learned, NONE,                                                                      \
      "sampling intervals that options said anew or otherwise than before")                        \
    X(samplers_refused, NONE, "of these, not taken at the limit of the exporter or of all")        \
    X(records_sampling_unknown, RECORDS,                                                           \
      "that went into columns and whose sampling interval was not known when they came")           \
    X(records_sampling_corrected, RECORDS, "of these, given theirs by options that came later")    \
    X(records_sampling_overridden, RECORDS, "whose sampling interval is that of --sampling")       \
    X(times_after_export, RECORDS,                                                                 \
      "whose flow ended more than a second after the time of their message; kept as they are")     \
    X(times_reversed, RECORDS, "whose flow ended before it began; kept as they are")               \
    X(times_shifted, RECORDS, "whose start and end were shifted by --skew")                        \
    X(datagrams_dropped, DATAGRAMS, "by the kernel for want of room; not known by exporter")       \
    X(sessions_opened, NONE, "exporters and Observation Domains that were met")                    \
    X(sessions_restored, NONE, "of these, known from before the start")                            \
    X(sources_found, NONE, "of these, further exporters behind an address, told by their ports")   \
    X(sessions_joined, NONE, "of these, found to be of an exporter that changes its port")         \
    X(sessions_evicted, NONE, "of these, forgotten at the limit; the longest idle go first")

struct weir_collect_counters {
#define X(name, unit, help) uint64_t name;
    WEIR_COLLECT_COUNTERS(X, X)
#undef X
};

extern const struct weir_counter weir_collect_counter_table[];
extern const size_t weir_collect_counter_count;

/* What a Collecting Process has at the moment. */
struct weir_collect_levels {
    uint64_t sessions;
    uint64_t sessions_most;
    uint64_t templates_octets;
    uint64_t waiting_octets;
};

extern const struct weir_counter weir_collect_level_table[];
extern const size_t weir_collect_level_count;

/* What rule a message broke, as the offset of its counter. */
enum weir_malformed {
    WEIR_MALFORMED_NONE,
    WEIR_MALFORMED_VERSION,
    WEIR_MALFORMED_HEADER,
    WEIR_MALFORMED_LENGTH,
    WEIR_MALFORMED_SET,
    WEIR_MALFORMED_TEMPLATE,
    WEIR_MALFORMED_RECORD,
    WEIR_MALFORMED_LIST,
};

/* Counts a malformed message; NONE does nothing. */
void weir_collect_count_malformed(struct weir_collect_counters *counters,
                                  enum weir_malformed cause);

#endif
