/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer that exports, and what a collector makes of it: messages are put together with
 * wire/encoder.h and counted as each protocol says.
 *
 *     struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
 *     peer_begin(&peer);
 *     peer_template(&peer, flows);
 *     peer_flows(&peer, flows, 100, 3);              // packets 100, 101, 102
 *     struct weir_datagram datagram = peer_end(&peer);
 */
#ifndef WEIR_TESTS_SUPPORT_PEER_H
#define WEIR_TESTS_SUPPORT_PEER_H

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "collect/collector.h"
#include "wire/encoder.h"

#define PEER_SECOND INT64_C(1700000000)

/* What flows of these tests have: 24 octets. */
extern const struct weir_field peer_flow_fields[4];
/* The same the other way round. */
extern const struct weir_field peer_other_fields[4];
/* exportingProcessId as the scope, exportedFlowRecordTotalCount. */
extern const struct weir_field peer_option_fields[2];

struct peer {
    struct weir_encoder encoder;
    struct weir_address address;
    uint16_t port;
    int64_t second;
    int64_t booted_second; /* when its sysUpTime was 0 */
    enum weir_protocol protocol;
    uint32_t domain;
    uint32_t sequence;
    uint32_t units; /* in the message that is open */
    uint16_t sampling;
    uint8_t octets[4096];
};

struct peer peer_of(enum weir_protocol protocol, const char *address, uint32_t domain);

void peer_begin(struct peer *peer);

void peer_template(struct peer *peer, const struct weir_template *source);

/* A withdrawal of `id`: of all of its kind where it is 2 or 3. */
void peer_withdraw(struct peer *peer, uint16_t id, bool is_options);

/* Records whose packets count up from `first`; each has ten times as many octets. */
void peer_flows(struct peer *peer, const struct weir_template *source, uint64_t first,
                uint32_t count);

/* Records with these values, record by record; a Template's fields have one each. */
void peer_rows(struct peer *peer, const struct weir_template *source, const uint64_t *values,
               uint32_t count);

/* Closes the message; its octets are the peer's, until it begins another. */
struct weir_datagram peer_end(struct peer *peer);

/* Rows and options records as they were delivered. */
enum { TAKEN_MAX = 20000 };

struct taken_row {
    struct weir_address exporter;
    uint32_t domain;
    uint16_t template_id;
    bool has_exporter;
    int64_t received_ns;
    uint64_t packets, bytes;
    struct weir_address src_addr;
    uint32_t sampling;
    uint32_t sampling_size; /* 0: none */
    uint32_t flow_probability;
    bool has_sampling;
};

struct taken {
    uint32_t rows;
    uint32_t batches;
    uint32_t largest_batch;
    uint32_t records, options; /* at the record sink */
    uint32_t flushes;
    int error; /* what the sinks answer */
    struct taken_row row[TAKEN_MAX];
};

int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag);

int take_record(void *context, const struct weir_collected_record *record, struct weir_diag *diag);

int take_flush(void *context, int64_t now_ns, struct weir_diag *diag);

/* A collector with its sinks, the Templates of the tests. */
struct desk {
    struct weir_collector *collector;
    struct taken *taken;
    struct weir_template *flows;   /* 256 */
    struct weir_template *other;   /* 256 too */
    struct weir_template *options; /* 300 */
};

enum { DESK_BATCHES = 1, DESK_RECORDS = 2 };

/* The defaults, with hashes that are the same in every run. */
struct weir_collector_config desk_config(void);

struct desk desk_open_default(unsigned sinks);
struct desk desk_open(const struct weir_collector_config *config, unsigned sinks);

void desk_close(struct desk *desk);

/* Receives what the peer has put together, over UDP. */
void desk_receive(struct desk *desk, struct peer *peer);

struct weir_collect_counters desk_count(struct desk *desk);

uint64_t sum_of_causes(const struct weir_collect_counters *counters);

#endif
