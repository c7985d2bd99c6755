/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sFlow version 5 (sFlow.org, July 2004) below its datagrams: samples, and the records in them.
 * Datagrams and their samples are messages and sets (wire/message.h); a sample is opened here:
 *
 *     struct weir_sflow_sample sample;
 *     if (weir_sflow_sample_open(&set, &sample, &diag) == 0)
 *         while ((result = weir_sflow_record_next(&sample, &record, &diag)) == 0)
 *             if (record.format == WEIR_SFLOW_FORMAT(0, 1))
 *                 ... read record.body ...
 *
 * The compact and the expanded forms of flow samples and of counter samples give the same. Every
 * structure has its length, so one that is not known, or has more at its end than is known, is
 * passed over.
 *
 * Pure: no I/O, no allocation; all borrow the datagram's octets. Threads: as the iterators.
 */
#ifndef WEIR_WIRE_SFLOW_H
#define WEIR_WIRE_SFLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/reader.h"
#include "wire/message.h"

/* A data_format: the enterprise's number and its own for the structure. */
#define WEIR_SFLOW_FORMAT(enterprise, number) ((uint32_t)(enterprise) << 12 | (number))
#define WEIR_SFLOW_ENTERPRISE(format)         ((format) >> 12)
#define WEIR_SFLOW_NUMBER(format)             ((format)&0xfffu)

enum weir_sflow_kind {
    WEIR_SFLOW_FLOW,
    WEIR_SFLOW_COUNTERS,
};

enum weir_sflow_interface_form {
    WEIR_SFLOW_SINGLE,    /* value is an ifIndex, 0: not known */
    WEIR_SFLOW_DISCARDED, /* value is a reason: up to 255 ICMP's for unreachable destinations */
    WEIR_SFLOW_MULTIPLE,  /* value is how many interfaces, 0: not known, but more than one */
};

/* A single interface of this value is the device itself: what it sent, or what was for it. */
#define WEIR_SFLOW_INTERNAL 0x3fffffffu

struct weir_sflow_interface {
    uint32_t form; /* enum weir_sflow_interface_form, or another */
    uint32_t value;
};

struct weir_sflow_sample {
    enum weir_sflow_kind kind;
    uint32_t sequence;     /* of the samples of its kind of this source */
    uint32_t source_type;  /* 0 ifIndex, 1 smonVlanDataSource, 2 entPhysicalEntry */
    uint32_t source_index; /* by type */

    /* Of flow samples; zero in counter samples. */
    uint32_t sampling_rate; /* one packet in this many */
    uint32_t sample_pool;   /* packets that could have been sampled */
    uint32_t drops;         /* samples that were lost for want of resources */
    struct weir_sflow_interface input, output;

    uint32_t records_left;
    struct weir_reader body; /* records not yet read */
};

struct weir_sflow_record {
    uint32_t format;
    struct weir_reader body;
};

/*
 * Reads the header of a set of kind WEIR_SET_SAMPLE. 0; WEIR_E_UNSUPPORTED: a sample of another
 * format, to be passed over; WEIR_E_MALFORMED with diag: it ends inside its header.
 */
WEIR_CHECKED int weir_sflow_sample_open(const struct weir_set *set,
                                        struct weir_sflow_sample *ret_sample,
                                        struct weir_diag *diag);

/* The next record; WEIR_E_END; WEIR_E_MALFORMED with diag: it passes the end of its sample. */
WEIR_CHECKED int weir_sflow_record_next(struct weir_sflow_sample *sample,
                                        struct weir_sflow_record *ret_record,
                                        struct weir_diag *diag);

/*
 * An address with its type in front of it. False: of no type that is known (0 says that there is
 * none); one that is not known fails the reader, since nothing says how long it is.
 */
bool weir_sflow_read_address(struct weir_reader *reader, struct weir_address *ret_address);

/* Octets behind their length in 32 bits, and padded to a multiple of 4, as a block. */
struct weir_reader weir_sflow_read_opaque(struct weir_reader *reader);

#endif
