/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of TCP connections, RFC 9293 and 7323; the rules stand in feature_state.h. */
#include "meter/feature_state.h"

enum { TCP = 6 };
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

/* Whether sequence number a is before b, RFC 9293 section 3.4. */
static bool is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static bool is_tcp(const struct weir_packet *packet)
{
    return packet->key.protocol == TCP &&
           !(packet->flags & (WEIR_PACKET_LATER_FRAGMENT | WEIR_PACKET_MALFORMED_L4));
}

static uint64_t elapsed(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (uint64_t)to_ns - (uint64_t)from_ns : 0;
}

static void add_hole(struct weir_feature_tcp *tcp, uint32_t from, uint32_t to)
{
    if (tcp->hole_count == WEIR_TCP_HOLES) {
        for (unsigned i = 1; i < WEIR_TCP_HOLES; i++)
            tcp->holes[i - 1] = tcp->holes[i];
        tcp->hole_count--;
    }
    tcp->holes[tcp->hole_count].from = from;
    tcp->holes[tcp->hole_count].to = to;
    tcp->hole_count++;
}

static void remove_hole(struct weir_feature_tcp *tcp, unsigned hole)
{
    tcp->hole_count--;
    for (unsigned i = hole; i < tcp->hole_count; i++)
        tcp->holes[i] = tcp->holes[i + 1];
}

/* Takes from..to out of the holes; false: it was in none. */
static bool fill_holes(struct weir_feature_tcp *tcp, uint32_t from, uint32_t to)
{
    bool filled = false;
    for (unsigned i = tcp->hole_count; i-- > 0;) {
        uint32_t begin = tcp->holes[i].from, end = tcp->holes[i].to;
        if (!is_before(from, end) || !is_before(begin, to))
            continue;
        filled = true;
        bool before = is_before(begin, from), behind = is_before(to, end);
        if (before && behind) {
            tcp->holes[i].to = from;
            add_hole(tcp, to, end);
        } else if (before) {
            tcp->holes[i].to = from;
        } else if (behind) {
            tcp->holes[i].from = to;
        } else {
            remove_hole(tcp, i);
        }
    }
    return filled;
}

static void begin_sequence(struct weir_feature_tcp *tcp, uint32_t next)
{
    tcp->next = next;
    tcp->hole_count = 0;
}

/* A segment that takes `length` of the sequence space from `sequence` on. */
static void take_sequence(struct weir_feature_tcp *tcp, uint32_t sequence, uint32_t length,
                          unsigned flags)
{
    uint32_t end = sequence + length;
    if (!(tcp->known & WEIR_KNOWN_SEGMENT)) {
        tcp->known |= WEIR_KNOWN_SEGMENT;
        tcp->first_sequence = sequence;
        begin_sequence(tcp, end);
    } else if (flags & SYN && (!(tcp->known & WEIR_KNOWN_SYN) || sequence != tcp->syn_sequence)) {
        begin_sequence(tcp, end);
    } else if (length <= 1 && !(flags & (SYN | FIN)) && sequence + 1 == tcp->next) {
        tcp->keep_alives++;
    } else if (length == 0) {
        return;
    } else if (!is_before(sequence, tcp->next)) {
        if (sequence != tcp->next)
            add_hole(tcp, tcp->next, sequence);
        tcp->next = end;
    } else {
        uint32_t to = is_before(tcp->next, end) ? tcp->next : end;
        if (fill_holes(tcp, sequence, to))
            tcp->out_of_order++;
        else
            tcp->retransmissions++;
        if (is_before(tcp->next, end))
            tcp->next = end;
    }
}

static void take_syn(struct weir_feature_tcp *tcp, const struct weir_packet_detail *detail)
{
    if (!(tcp->known & WEIR_KNOWN_SYN))
        tcp->initial_sequence = detail->tcp_sequence;
    tcp->syn_sequence = detail->tcp_sequence;
    if (detail->has & WEIR_DETAIL_MSS && !(tcp->known & WEIR_KNOWN_MSS)) {
        tcp->mss = detail->tcp_mss;
        tcp->known |= WEIR_KNOWN_MSS;
    }
    if (detail->has & WEIR_DETAIL_WINDOW_SCALE && !(tcp->known & WEIR_KNOWN_SCALE)) {
        tcp->window_scale = detail->tcp_window_scale;
        tcp->known |= WEIR_KNOWN_SCALE;
    }
    tcp->known |= WEIR_KNOWN_SYN;
}

static void take_window(struct weir_feature_tcp *tcp, uint16_t window, unsigned flags)
{
    if (!(tcp->known & WEIR_KNOWN_WINDOW))
        tcp->window_first = tcp->window_min = tcp->window_max = window;
    tcp->known |= WEIR_KNOWN_WINDOW;
    if (window < tcp->window_min)
        tcp->window_min = window;
    if (window > tcp->window_max)
        tcp->window_max = window;
    tcp->zero_windows += window == 0 && !(flags & (SYN | FIN));
}

void weir_feature_update_tcp(void *state, const struct weir_feature_packet *in)
{
    struct weir_feature_tcp *tcp = state;
    const struct weir_packet_detail *detail = in->detail;
    unsigned flags = in->packet->tcp_flags;
    if (!is_tcp(in->packet))
        return;
    if (!(tcp->known & WEIR_KNOWN_ANY))
        tcp->first_flags = (uint16_t)flags;
    tcp->known |= WEIR_KNOWN_ANY;
    for (unsigned i = 0; i < sizeof(tcp->flags) / sizeof(tcp->flags[0]); i++)
        tcp->flags[i] += flags >> i & 1;
    if (!(detail->has & WEIR_DETAIL_TCP) || flags & RST)
        return;
    take_window(tcp, detail->tcp_window, flags);
    if (detail->has & WEIR_DETAIL_PAYLOAD && !(in->packet->flags & WEIR_PACKET_FRAGMENT))
        take_sequence(tcp, detail->tcp_sequence,
                      detail->payload_octets + ((flags & SYN) != 0) + ((flags & FIN) != 0), flags);
    if (flags & SYN)
        take_syn(tcp, detail);
}

/* A connection goes on: what was seen of it stays, and only counts begin anew. */
void weir_feature_restart_tcp(void *state)
{
    struct weir_feature_tcp *tcp = state;
    tcp->known &= ~(WEIR_KNOWN_ANY | WEIR_KNOWN_WINDOW);
    tcp->retransmissions = tcp->out_of_order = tcp->keep_alives = tcp->zero_windows = 0;
    for (unsigned i = 0; i < sizeof(tcp->flags) / sizeof(tcp->flags[0]); i++)
        tcp->flags[i] = 0;
}

void weir_feature_update_handshake(void *state, const struct weir_feature_packet *in)
{
    struct weir_feature_handshake *handshake = state;
    const struct weir_packet_detail *detail = in->detail;
    unsigned flags = in->packet->tcp_flags & (SYN | RST | ACK);
    int64_t time_ns = in->packet->time_ns;
    if (!is_tcp(in->packet) || !(detail->has & WEIR_DETAIL_TCP) ||
        handshake->known & WEIR_KNOWN_WHOLE)
        return;
    bool is_client = in->is_reverse == handshake->is_client_reverse;
    if (flags == SYN) {
        *handshake = (struct weir_feature_handshake){
            .known = WEIR_KNOWN_CLIENT_SYN,
            .syn_sequence = detail->tcp_sequence,
            .syn_ns = time_ns,
            .is_client_reverse = in->is_reverse,
        };
    } else if (!(handshake->known & WEIR_KNOWN_CLIENT_SYN)) {
        return;
    } else if (flags == (SYN | ACK) && !is_client &&
               detail->tcp_acknowledgment == handshake->syn_sequence + 1) {
        if (!(handshake->known & WEIR_KNOWN_SERVER))
            handshake->server_ns = elapsed(handshake->syn_ns, time_ns);
        handshake->known |= WEIR_KNOWN_SERVER;
        handshake->answer_ns = time_ns;
    } else if (flags == ACK && is_client) {
        handshake->whole_ns = elapsed(handshake->syn_ns, time_ns);
        handshake->known |= WEIR_KNOWN_WHOLE;
        if (handshake->known & WEIR_KNOWN_SERVER) {
            handshake->client_ns = elapsed(handshake->answer_ns, time_ns);
            handshake->known |= WEIR_KNOWN_CLIENT;
        }
    }
}

void weir_feature_restart_handshake(void *state)
{
    (void)state; /* the connection has one, whatever was said of it */
}

void weir_feature_update_responses(void *state, const struct weir_feature_packet *in)
{
    struct weir_feature_responses *responses = state;
    int64_t time_ns = in->packet->time_ns;
    if (in->detail->payload_octets == 0)
        return;
    if (responses->known && responses->is_reverse != in->is_reverse) {
        struct weir_feature_answers *side = &responses->sides[in->is_reverse];
        uint64_t took = elapsed(responses->last_ns, time_ns);
        if (side->count == 0 || took < side->min_ns)
            side->min_ns = took;
        if (took > side->max_ns)
            side->max_ns = took;
        side->sum_ns += took;
        side->count++;
        responses->known |= WEIR_KNOWN_ANSWER(in->is_reverse);
    }
    responses->known |= WEIR_KNOWN_ANY;
    responses->is_reverse = in->is_reverse;
    responses->last_ns = time_ns;
}
