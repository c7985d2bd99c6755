/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/reassemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define WAITING_MAX     64
#define DATAGRAM_OCTETS 65536
#define UNIT_OCTETS     8
#define TIMEOUT_NS      (30 * WEIR_NS_PER_SECOND)

struct waiting {
    struct weir_fragment_key key;
    int64_t time_ns; /* of its first piece to come */
    bool used;
    uint32_t length;   /* of the whole, 0: the last piece has not come */
    uint32_t received; /* octets, each counted once */
    uint32_t reach;    /* end of the farthest piece */
    uint32_t skipped;
    uint8_t *octets; /* DATAGRAM_OCTETS, kept for the next datagram of this place */
    uint64_t have[DATAGRAM_OCTETS / UNIT_OCTETS / 64];
};

struct weir_reassembly {
    struct waiting waiting[WAITING_MAX];
};

int weir_reassembly_new(struct weir_reassembly **ret_reassembly)
{
    struct weir_reassembly *reassembly = calloc(1, sizeof(*reassembly));
    if (!reassembly)
        return WEIR_E_NOMEM;
    *ret_reassembly = reassembly;
    return 0;
}

void weir_reassembly_free(struct weir_reassembly *reassembly)
{
    if (!reassembly)
        return;
    for (size_t i = 0; i < WAITING_MAX; i++)
        free(reassembly->waiting[i].octets);
    free(reassembly);
}

static bool is_expired(const struct waiting *waiting, int64_t time_ns)
{
    return time_ns > waiting->time_ns &&
           (uint64_t)time_ns - (uint64_t)waiting->time_ns > (uint64_t)TIMEOUT_NS;
}

/* The datagram of a piece, or the place for a new one: a free one, else the oldest's. */
static struct waiting *place_for(struct weir_reassembly *reassembly, const struct weir_piece *piece,
                                 struct weir_datagram_counters *counters)
{
    struct waiting *free_place = NULL, *oldest = &reassembly->waiting[0];
    for (size_t i = 0; i < WAITING_MAX; i++) {
        struct waiting *waiting = &reassembly->waiting[i];
        if (waiting->used && is_expired(waiting, piece->time_ns)) {
            waiting->used = false;
            counters->datagrams_incomplete++;
        }
        if (!waiting->used)
            free_place = waiting;
        else if (memcmp(&waiting->key, &piece->key, sizeof(piece->key)) == 0)
            return waiting;
        else if (waiting->time_ns < oldest->time_ns)
            oldest = waiting;
    }
    struct waiting *place = free_place ? free_place : oldest;
    if (place->used)
        counters->datagrams_incomplete++;
    uint8_t *octets = place->octets ? place->octets : malloc(DATAGRAM_OCTETS);
    *place = (struct waiting){
        .key = piece->key,
        .time_ns = piece->time_ns,
        .used = octets != NULL,
        .octets = octets,
    };
    return place;
}

enum piece_state { PIECE_NEW, PIECE_AGAIN, PIECE_OVERLAPS };

static bool has_unit(const struct waiting *waiting, uint32_t unit)
{
    return waiting->have[unit / 64] >> unit % 64 & 1;
}

static enum piece_state look_at(const struct waiting *waiting, const struct weir_piece *piece)
{
    uint32_t first = piece->offset / UNIT_OCTETS;
    uint32_t units = (piece->length + UNIT_OCTETS - 1) / UNIT_OCTETS, had = 0;
    for (uint32_t unit = first; unit < first + units; unit++)
        had += has_unit(waiting, unit);
    if (had == 0)
        return PIECE_NEW;
    bool same = had == units && piece->offset + piece->length <= waiting->reach &&
                memcmp(waiting->octets + piece->offset, piece->octets, piece->length) == 0;
    return same ? PIECE_AGAIN : PIECE_OVERLAPS;
}

/* A piece's end contradicts the end that is known, or no datagram can have it. */
static bool contradicts(const struct waiting *waiting, const struct weir_piece *piece)
{
    uint32_t end = piece->offset + piece->length;
    if (piece->length == 0 || (piece->more && piece->length % UNIT_OCTETS != 0))
        return true;
    if (!piece->more)
        return waiting->reach > end || (waiting->length > 0 && waiting->length != end);
    return waiting->length > 0 && end > waiting->length;
}

bool weir_reassembly_add(struct weir_reassembly *reassembly, const struct weir_piece *piece,
                         struct weir_datagram_counters *counters, const uint8_t **ret_octets,
                         uint32_t *ret_length)
{
    if (piece->length > DATAGRAM_OCTETS || piece->offset > DATAGRAM_OCTETS - piece->length) {
        counters->datagrams_overlapping++;
        return false;
    }
    struct waiting *waiting = place_for(reassembly, piece, counters);
    if (!waiting->used) {
        counters->datagrams_incomplete++;
        return false;
    }
    enum piece_state state = contradicts(waiting, piece) ? PIECE_OVERLAPS : look_at(waiting, piece);
    if (state == PIECE_OVERLAPS) {
        waiting->used = false;
        counters->datagrams_overlapping++;
        return false;
    }
    if (state == PIECE_AGAIN)
        return false;
    uint32_t end = piece->offset + piece->length;
    memcpy(waiting->octets + piece->offset, piece->octets, piece->length);
    for (uint32_t unit = piece->offset / UNIT_OCTETS; unit * UNIT_OCTETS < end; unit++)
        waiting->have[unit / 64] |= UINT64_C(1) << unit % 64;
    waiting->received += piece->length;
    if (end > waiting->reach)
        waiting->reach = end;
    if (!piece->more)
        waiting->length = end;
    if (piece->offset == 0)
        waiting->skipped = piece->skipped;
    if (waiting->length == 0 || waiting->received < waiting->length)
        return false;
    waiting->used = false;
    counters->datagrams_reassembled++;
    *ret_octets = waiting->octets + waiting->skipped;
    *ret_length = waiting->length - waiting->skipped;
    return true;
}

void weir_reassembly_end(struct weir_reassembly *reassembly,
                         struct weir_datagram_counters *counters)
{
    for (size_t i = 0; i < WAITING_MAX; i++) {
        counters->datagrams_incomplete += reassembly->waiting[i].used;
        reassembly->waiting[i].used = false;
    }
}
