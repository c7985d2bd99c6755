/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v8: flows that a router has added up by one of fourteen aggregation schemes, which the
 * header names. Each scheme is a Template of its own.
 *
 * Where descriptions contradict each other nobody can tell which one an exporter followed: which
 * of two octets is the mask of the source (schemes 5, 13, 14), and where ToS and interfaces stand
 * (scheme 9). These octets are kept as they came, under names that say so, and the message is
 * marked (is_ambiguous).
 */
#include "base/clock.h"
#include "wire/dialect.h"

#define HEADER_OCTETS   28u
#define RESERVED_OCTETS 4u
#define SCHEME_OFFSET   22u
#define DOMAIN_SCHEME   16u /* bit of the domain where the scheme begins */

#define IANA(id, octets) \
    {                    \
        0, id, octets    \
    }
#define OURS(id, octets)             \
    {                                \
        WEIR_PEN_BUILTIN, id, octets \
    }

/* What the schemes of routers begin with, and what those of Catalyst switches have of it. */
#define COUNTERS IANA(2, 4), IANA(1, 4), IANA(22, 4), IANA(21, 4)
#define COUNTED  IANA(3, 4), COUNTERS

#define SRC_ADDRESS  IANA(8, 4)
#define DST_ADDRESS  IANA(12, 4)
#define SRC_PREFIX   IANA(44, 4)
#define DST_PREFIX   IANA(45, 4)
#define SRC_MASK     IANA(9, 1)
#define DST_MASK     IANA(13, 1)
#define SRC_AS       IANA(16, 2)
#define DST_AS       IANA(17, 2)
#define SRC_PORT     IANA(7, 2)
#define DST_PORT     IANA(11, 2)
#define INPUT        IANA(10, 2)
#define OUTPUT       IANA(14, 2)
#define PROTOCOL     IANA(4, 1)
#define TOS          IANA(5, 1)
#define ROUTER       IANA(43, 4) /* ipv4RouterSc */
#define EXCESS_TOS   OURS(6, 1)  /* excessPacketClassOfService */
#define EXCESS_COUNT OURS(7, 4)  /* excessPacketDeltaCount */
#define MASKS        OURS(8, 2)  /* netflow8PrefixLengthsUnordered */
#define UNSETTLED_9  OURS(9, 8)  /* netflow8Scheme9TosAndInterfaces */
#define PAD(octets)  IANA(210, octets)

/* Ids are 80 and the scheme: not to be taken for one another, nor for a Template that was sent. */
#define SCHEME(number, octets, ...)                 \
    static const struct weir_template s##number = { \
        .id = 80 + (number),                        \
        .record_length = (octets),                  \
        WEIR_BUILTIN_FIELDS(__VA_ARGS__),           \
    }

SCHEME(1, 28, COUNTED, SRC_AS, DST_AS, INPUT, OUTPUT);
SCHEME(2, 28, COUNTED, PROTOCOL, PAD(3), SRC_PORT, DST_PORT);
SCHEME(3, 32, COUNTED, SRC_PREFIX, SRC_MASK, PAD(1), SRC_AS, INPUT, PAD(2));
SCHEME(4, 32, COUNTED, DST_PREFIX, DST_MASK, PAD(1), DST_AS, OUTPUT, PAD(2));
SCHEME(5, 40, COUNTED, SRC_PREFIX, DST_PREFIX, MASKS, PAD(2), SRC_AS, DST_AS, INPUT, OUTPUT);
SCHEME(6, 32, DST_ADDRESS, COUNTERS, OUTPUT, TOS, EXCESS_TOS, EXCESS_COUNT, ROUTER);
SCHEME(7, 40, DST_ADDRESS, SRC_ADDRESS, COUNTERS, OUTPUT, INPUT, TOS, EXCESS_TOS, PAD(2),
       EXCESS_COUNT, ROUTER);
SCHEME(8, 44, DST_ADDRESS, SRC_ADDRESS, DST_PORT, SRC_PORT, COUNTERS, OUTPUT, INPUT, TOS, PROTOCOL,
       EXCESS_TOS, PAD(1), EXCESS_COUNT, ROUTER);
SCHEME(9, 32, COUNTED, SRC_AS, DST_AS, UNSETTLED_9);
SCHEME(10, 32, COUNTED, PROTOCOL, TOS, PAD(2), SRC_PORT, DST_PORT, INPUT, OUTPUT);
SCHEME(11, 32, COUNTED, SRC_PREFIX, SRC_MASK, TOS, SRC_AS, INPUT, PAD(2));
SCHEME(12, 32, COUNTED, DST_PREFIX, DST_MASK, TOS, DST_AS, OUTPUT, PAD(2));
SCHEME(13, 40, COUNTED, SRC_PREFIX, DST_PREFIX, MASKS, TOS, PAD(1), SRC_AS, DST_AS, INPUT, OUTPUT);
SCHEME(14, 40, COUNTED, SRC_PREFIX, DST_PREFIX, MASKS, TOS, PROTOCOL, SRC_PORT, DST_PORT, INPUT,
       OUTPUT);

static const struct {
    const struct weir_template *builtin; /* NULL: no scheme has this number */
    bool is_ambiguous;
} schemes[] = {
    [1] = {&s1, false},  [2] = {&s2, false},   [3] = {&s3, false},   [4] = {&s4, false},
    [5] = {&s5, true},   [6] = {&s6, false},   [7] = {&s7, false},   [8] = {&s8, false},
    [9] = {&s9, true},   [10] = {&s10, false}, [11] = {&s11, false}, [12] = {&s12, false},
    [13] = {&s13, true}, [14] = {&s14, true},
};

/*
 * A router adds up the same flows by each scheme that it is told, and counts each by itself: the
 * scheme is part of the domain, lest a sum be made of them.
 */
static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    weir_dialect_read_times(reader, message);
    message->sequence = weir_read_u32(reader);
    message->domain = weir_read_u16(reader);
    unsigned scheme = weir_read_u8(reader);
    weir_read_skip(reader, 1 + RESERVED_OCTETS); /* the scheme's version: always 2 */
    if (scheme >= sizeof(schemes) / sizeof(schemes[0]) || !schemes[scheme].builtin)
        return weir_diag_set_at(diag, WEIR_E_UNSUPPORTED, SCHEME_OFFSET,
                                "aggregation scheme %u is none that is known", scheme);
    message->domain |= (uint32_t)scheme << DOMAIN_SCHEME;
    message->builtin = schemes[scheme].builtin;
    message->is_ambiguous = schemes[scheme].is_ambiguous;
    message->length = HEADER_OCTETS + (size_t)message->count * message->builtin->record_length;
    return 0;
}

const struct weir_dialect weir_dialect_netflow8 = {
    .name = "netflow8",
    .title = "NetFlow v8",
    .protocol = WEIR_PROTOCOL_NETFLOW8,
    .sequence_unit = WEIR_SEQUENCE_RECORDS,
    .header_octets = HEADER_OCTETS,
    .read_header = read_header,
};
