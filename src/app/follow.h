/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows export messages from one to the next without collecting: which session a message is of,
 * its Templates, and where its sequence number stands. For who looks at messages (explain.h) or
 * changes them on their way (rewrite.h), with the sessions of the Collecting Process, so that
 * both come to what a collector would.
 *
 *     weir_follower_open(&follower, &message, &datagram, transport);   // the message's session
 *     weir_follower_learn(&follower, source, &outcome);                // each Template of it
 *     source = weir_follower_template(&follower, &message, set.id);    // NULL: not known
 *     weir_follower_close(&follower, &message, held, slack);           // enters its number
 *
 * Ownership: embedded, with init and done. Threads: one. Limits: those of weir_collector_defaults.
 */
#ifndef WEIR_APP_FOLLOW_H
#define WEIR_APP_FOLLOW_H

#include <stdint.h>

#include "base/error.h"
#include "collect/session.h"
#include "record/datagram.h"
#include "wire/message.h"

struct weir_follower {
    struct weir_sessions sessions;
    struct weir_session *session; /* of the message that is open */
    struct weir_arrival arrival;
    struct weir_template_origin origin; /* of its Templates */
    uint32_t template_limit;            /* a session */
    struct weir_template *buffer;       /* for weir_set_next_template: WEIR_TEMPLATE_OCTETS_MAX */
    struct weir_template *known;        /* what weir_follower_template gives, of as many octets */
};

/* What a Template did to its session. */
enum weir_follow_outcome {
    WEIR_FOLLOW_NEW,
    WEIR_FOLLOW_REPEATED,
    WEIR_FOLLOW_REDEFINED,
    WEIR_FOLLOW_WITHDRAWN,
    WEIR_FOLLOW_IGNORED, /* a withdrawal of what is not there, or over UDP (RFC 7011 8.4) */
    WEIR_FOLLOW_REFUSED, /* more Templates than there may be */
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_follower_init(struct weir_follower *follower);
void weir_follower_done(struct weir_follower *follower);

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_follower_open(struct weir_follower *follower,
                                    const struct weir_message *message,
                                    const struct weir_datagram *datagram,
                                    enum weir_collect_transport transport);

/* A Template, Options Template or withdrawal of the open message. 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_follower_learn(struct weir_follower *follower,
                                     const struct weir_template *source,
                                     enum weir_follow_outcome *ret_outcome);

/* The Template of a Data Set of the open message, valid until the next call; or NULL. */
const struct weir_template *weir_follower_template(struct weir_follower *follower,
                                                   const struct weir_message *message, uint16_t id);

/* Takes in what a record of an Options Template says of the open message's session. */
void weir_follower_learn_options(struct weir_follower *follower, const struct weir_message *message,
                                 const struct weir_record *record);

/* What a field means, by the registry or as the session described it (RFC 5610); or NULL. */
const struct weir_element *weir_follower_element(const struct weir_follower *follower,
                                                 const struct weir_field *field);

/*
 * Enters the message's number into the ledger of its session, which follower->session shows until
 * the next is opened. held: its Data Records that could be read; slack: octets that could not.
 */
void weir_follower_close(struct weir_follower *follower, const struct weir_message *message,
                         struct weir_sequence_records held, uint32_t slack);

/* Messages of files without addresses begin new counts: their file is another one. */
void weir_follower_next_file(struct weir_follower *follower);

#endif
