/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/parse.h"

#define REST_ROWS(cause, suffix, text)                                                   \
    {.name = "packets_" #suffix,                                                         \
     .help = "frames not metered: " text,                                                \
     .offset = offsetof(struct weir_parse_counters, rest[WEIR_REST_##cause].packets),    \
     .unit = WEIR_UNIT_PACKETS},                                                         \
        {.name = "octets_" #suffix,                                                      \
         .help = "octets on the wire of frames not metered: " text,                      \
         .offset = offsetof(struct weir_parse_counters, rest[WEIR_REST_##cause].octets), \
         .unit = WEIR_UNIT_OCTETS},

const struct weir_counter weir_parse_counter_table[] = {
    WEIR_COUNTER(struct weir_parse_counters, packets_observed, PACKETS, "frames seen"),
    WEIR_COUNTER(struct weir_parse_counters, octets_observed, OCTETS,
                 "octets of these frames on the wire"),
    WEIR_COUNTER(struct weir_parse_counters, packets_parsed, PACKETS,
                 "frames that were IP packets and went on to selection"),
    WEIR_COUNTER(struct weir_parse_counters, octets_parsed, OCTETS,
                 "octets of these packets by their IP length"),
    WEIR_COUNTER(struct weir_parse_counters, octets_link_layer, OCTETS,
                 "octets of these frames outside their IP packets: headers, padding, trailers"),
    WEIR_COUNTER(struct weir_parse_counters, octets_beyond_frame, OCTETS,
                 "octets that IP lengths claim past the end of their frames"),
    WEIR_COUNTER(struct weir_parse_counters, packets_malformed, PACKETS,
                 "frames not metered because they break a rule, all causes"),
    WEIR_COUNTER(struct weir_parse_counters, octets_malformed, OCTETS,
                 "octets on the wire of these frames"),
    WEIR_COUNTER(struct weir_parse_counters, packets_cut, PACKETS,
                 "packets metered although the capture ends inside a header"),
    WEIR_COUNTER(struct weir_parse_counters, packets_malformed_transport, PACKETS,
                 "packets metered without ports because the transport header breaks a rule"),
    WEIR_COUNTER(struct weir_parse_counters, packets_length_of_frame, PACKETS,
                 "packets with an IP length of 0 (offload), metered with the frame's"),
    WEIR_COUNTER(struct weir_parse_counters, packets_fragment, PACKETS,
                 "packets that are fragments"),
    WEIR_COUNTER(struct weir_parse_counters, packets_fragment_unmatched, PACKETS,
                 "later fragments whose first was not seen, metered without ports"),
    WEIR_COUNTER(struct weir_parse_counters, fragments_evicted, ENTRIES,
                 "datagrams forgotten before their time because the fragment table was full"),
    WEIR_COUNTER(struct weir_parse_counters, packets_in_tunnels, PACKETS,
                 "packets metered by an IP header inside a tunnel"),
    WEIR_COUNTER(struct weir_parse_counters, octets_of_tunnels, OCTETS,
                 "octets of octets_link_layer between the outermost IP header and that one"),
    WEIR_COUNTER(struct weir_parse_counters, packets_inner, PACKETS,
                 "packets inside tunnels that were metered beside the outermost, packets_parsed"),
    WEIR_COUNTER(struct weir_parse_counters, octets_inner, OCTETS,
                 "octets of these packets by their IP length; octets_parsed has them already"),
    WEIR_COUNTER(struct weir_parse_counters, packets_tunnel_other, PACKETS,
                 "packets metered by the tunnel's header because it carries no IP that is known"),
    WEIR_COUNTER(struct weir_parse_counters, packets_tunnel_fragment, PACKETS,
                 "packets metered by the tunnel's header because they are fragments of it"),
    WEIR_COUNTER(struct weir_parse_counters, packets_tunnel_deep, PACKETS,
                 "packets metered by a tunnel's header because it is one too deep"),
    WEIR_COUNTER(struct weir_parse_counters, packets_tunnel_cut, PACKETS,
                 "packets metered by the tunnel's header because the capture ends there"),
    WEIR_COUNTER(struct weir_parse_counters, packets_tunnel_malformed, PACKETS,
                 "packets metered by the tunnel's header because what is inside breaks a rule"),
    WEIR_REST_LIST(REST_ROWS)};
const size_t weir_parse_counter_count =
    sizeof(weir_parse_counter_table) / sizeof(weir_parse_counter_table[0]);

void weir_parse_counters_add(const struct weir_parse_counters *from,
                             struct weir_parse_counters *into)
{
    weir_counter_add_all(weir_parse_counter_table, weir_parse_counter_count, from, into);
    if (from->ignored_first_ns == 0)
        return;
    if (into->ignored_first_ns == 0 || from->ignored_first_ns < into->ignored_first_ns)
        into->ignored_first_ns = from->ignored_first_ns;
    if (from->ignored_last_ns > into->ignored_last_ns)
        into->ignored_last_ns = from->ignored_last_ns;
}
