/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of a Collecting Process: what is kept of one Exporting Process and Observation Domain,
 * found by {exporter address, Observation Domain, protocol, transport} (RFC 7011 section 3.4.1:
 * Template ids mean something only there) and among those by learned source ports
 * (collect/source.h).
 *
 *     struct weir_session *session;
 *     result = weir_sessions_get(sessions, &key, &arrival, &session);   // found, or made
 *     entry = weir_template_table_find(&session->templates, id);
 *     ...
 *     weir_source_enter(&session->source, &arrival, session->sequence.counting, &counted);
 *
 * Look-up is O(1) and keyed, so nobody can aim collisions at it. Limits: a number of sessions,
 * past which the one that was idle for longest is forgotten and counted; its counters stay in the
 * total. Ownership: the table owns the sessions. Threads: one.
 */
#ifndef WEIR_COLLECT_SESSION_H
#define WEIR_COLLECT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/share.h"
#include "base/slots.h"
#include "collect/budget.h"
#include "collect/common.h"
#include "collect/counters.h"
#include "collect/exporter.h"
#include "collect/recall.h"
#include "collect/report.h"
#include "collect/sequence.h"
#include "collect/source.h"
#include "collect/tally.h"
#include "collect/templates.h"
#include "collect/timing.h"
#include "collect/types.h"
#include "collect/waiting.h"
#include "wire/message.h"

enum weir_collect_transport {
    WEIR_COLLECT_UDP,  /* from a socket or out of a capture: the source address is the exporter's */
    WEIR_COLLECT_FILE, /* messages without addresses (RFC 5655), whole and in order */
};

/* Hashed and compared as octets: no padding. */
struct weir_session_key {
    struct weir_address exporter; /* of sFlow the agent's; all zero where nothing says */
    uint32_t domain;
    uint16_t protocol;  /* enum weir_protocol */
    uint16_t transport; /* enum weir_collect_transport */
};
_Static_assert(sizeof(struct weir_session_key) == 24, "no padding");

/* For who sends a session's messages on under numbers of his own; weir_session leaves it zero. */
struct weir_renumbering {
    uint32_t first;  /* number that the first message came with */
    uint32_t next;   /* number of the next message, if that held nothing that cannot be read */
    uint32_t unread; /* octets of the last one that could not, and may be as many records */
    bool has_begun;
};

/* Counters that messages change all the time; weir_session_count adds them to the others. */
struct weir_session_counts {
    uint64_t messages;
    uint64_t octets;
    uint64_t records;
    uint64_t sampling_unknown;
};

/* In the order of how often it is needed: many exporters are many lines of memory. */
struct weir_session {
    /* With every message. */
    _Alignas(64) struct weir_session_key key;
    struct weir_session *next_in_bucket;
    struct weir_session *newer, *older; /* by last message */
    uint64_t turn;                      /* greater, newer */
    struct weir_template_table templates;
    struct weir_exporter *exporter; /* shared with its other domains */
    struct weir_source source;      /* of its ports only the newest */
    int64_t held_from_ns;           /* seldom needed, as the other ports are */
    struct weir_common *common;     /* RFC 5473; NULL: none came */
    uint32_t number;                /* among the sources of its key, from 0 on */
    uint32_t sampling_said;         /* by the header of the last message; 0: nothing */
    bool has_held;        /* rows were held back for options of its samplers, from then on */
    bool has_undecodable; /* sets were dropped: unknown records stay unknown */
    bool has_inherited;   /* what waits may be of Templates that are there */
    bool is_reported;     /* all that was counted of it, or `reported` */
    struct weir_session_counts counts;
    struct weir_list_counts list_counts;
    struct weir_waiting waiting;
    struct weir_uptime uptime;
    struct weir_skew skew;
    struct weir_sequence sequence; /* up to its holes */

    /* When something is learned, lost or wrong. */
    struct weir_tally tally;               /* but for what weir_session_count adds */
    struct weir_report_counters *reported; /* see weir_session_reported */
    struct weir_types types;               /* elements it described, RFC 5610 */
    struct weir_recall recall;             /* the records that described all that */
    struct weir_plan_session references;   /* all of which its records refer to */
    struct weir_renumbering renumbering;
};

struct weir_session_limits {
    uint32_t sessions;            /* at least 1 */
    uint32_t templates;           /* a session, both kinds */
    int64_t template_lifetime_ns; /* over UDP, without a refresh; 0: for ever */
    struct weir_waiting_limits waiting;
    size_t template_octets; /* of all sessions */
    size_t waiting_octets;
};

/* Messages that can be foreseen at a time. */
#define WEIR_SESSIONS_FORESEEN 16u

struct weir_sessions {
    struct weir_session_limits limits;
    struct weir_hash_key hash_key;
    struct weir_template_pool pool; /* of all sessions */
    struct weir_budget waiting_budget;
    uint32_t sets_awaiting; /* common properties */
    struct weir_recall_table recall;
    struct weir_exporters exporters;
    struct weir_slots slots; /* of sessions */
    struct weir_session **buckets;
    uint32_t bucket_mask;
    uint32_t count;
    struct weir_session *newest, *oldest;
    uint64_t turn;
    /* By weir_sessions_foresee, in the order of the messages; NULL: none of its key is known. */
    struct weir_session *foreseen[WEIR_SESSIONS_FORESEEN];
    uint32_t foreseen_count;
    uint32_t foreseen_next;
    int64_t state_ns;                     /* of the latest state that was saved or restored */
    struct weir_collect_counters evicted; /* of those that are forgotten, and tallies' rest */
    /* Called for a session that is about to be forgotten; NULL: nobody wants to know. */
    void (*forget)(void *context, struct weir_session *session);
    void *forget_context;
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_sessions_init(struct weir_sessions *sessions,
                                    const struct weir_session_limits *limits,
                                    const struct weir_hash_key *hash_key);
void weir_sessions_done(struct weir_sessions *sessions);

/* The session of this message, made if need be, and now the newest. 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_sessions_get(struct weir_sessions *sessions,
                                   const struct weir_session_key *key,
                                   const struct weir_arrival *arrival,
                                   struct weir_session **ret_session);

/* Too many for a processor's cache. */
static inline bool weir_sessions_are_many(const struct weir_sessions *sessions)
{
    return sessions->count >= 1024;
}

/*
 * Fetches into the cache what messages of these keys, WEIR_SESSIONS_FORESEEN at most, will need,
 * all at a time: else each waits for memory a dozen times, where there are many.
 */
void weir_sessions_foresee(struct weir_sessions *sessions, const struct weir_session_key *keys,
                           size_t count);

/* Makes another session of this key, which has no port yet, and is the newest. As above. */
WEIR_CHECKED int weir_sessions_add(struct weir_sessions *sessions,
                                   const struct weir_session_key *key,
                                   struct weir_session **ret_session);

/*
 * The session's Template of this id for a message that came now; NULL: none is known, or over UDP
 * it was not repeated within its lifetime (RFC 7011 section 8.4), and all such are gone. Valid as
 * that of weir_template_table_find.
 */
const struct weir_template_entry *weir_sessions_find_template(struct weir_sessions *sessions,
                                                              struct weir_session *session,
                                                              uint16_t id, int64_t now_ns);

/* Removes what is past its lifetime. */
void weir_sessions_expire_templates(struct weir_sessions *sessions, struct weir_session *session,
                                    int64_t now_ns);

/*
 * To be called with each message before it is read: NetFlow v9 forgets its Templates when it
 * restarts (RFC 3954 section 7); what it sends before new ones is of those that come. Nothing says
 * that of IPFIX: there, new ones take their place.
 */
void weir_sessions_note_restart(struct weir_sessions *sessions, struct weir_session *session,
                                const struct weir_message *message);

/* Forgets all sessions, as if each had been the longest idle. */
void weir_sessions_clear(struct weir_sessions *sessions);

/*
 * Of the sessions that were made after this turn leaves those of the share whose key no session of
 * before has; the others were never there. An agent of sFlow says its address itself, and which
 * worker its datagrams come to is not known: it is of no share where there are several.
 */
void weir_sessions_sift(struct weir_sessions *sessions, const struct weir_share *share,
                        uint64_t turn);

/* Forgets the session whose last message is oldest; there has to be one. */
void weir_sessions_evict(struct weir_sessions *sessions);

/*
 * What of the session's counters was reported. Nothing, until it was for the first time; then all
 * of them, for as long as nothing is counted: weir_session_keep_reported, to be called before that,
 * makes a copy. Sessions of a single message, of which a flood makes many, need none.
 */
struct weir_report_counters weir_session_reported(const struct weir_session *session);

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_session_copy_reported(struct weir_session *session);
static inline int weir_session_keep_reported(struct weir_session *session)
{
    return session->is_reported && !session->reported ? weir_session_copy_reported(session) : 0;
}

/* All that it has counted is reported now; returns what of it is new. */
struct weir_report_counters weir_session_report(struct weir_session *session,
                                                const struct weir_collect_counters *counters);

/* The session's counters with those of its ledger. */
struct weir_collect_counters weir_session_count(const struct weir_session *session);

/* The sum of all sessions, forgotten ones included. */
struct weir_collect_counters weir_sessions_count(const struct weir_sessions *sessions);

#endif
