/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels: packets in packets. Which layer follows an IP header is told by the protocol or, in UDP,
 * by a port; since ports prove nothing, what follows UDP has to look like the tunnel it may be.
 * From there on weir_link_walk() goes to the IP header inside. Private to packet/.
 *
 * IP in IP (RFC 2003, 2473, 4213), GRE (RFC 1701, 2637, 2784, 2890, 8086), ERSPAN types I to III,
 * EtherIP (RFC 3378), SRv6 (RFC 8986), MPLS in IP and UDP (RFC 4023, 7510), L2TPv2 and v3 (RFC
 * 2661, 3931), VXLAN (RFC 7348) and its generic protocol extension, NSH (RFC 8300), GENEVE (RFC
 * 8926), GTP-U (3GPP TS 29.281), Teredo (RFC 4380).
 */
#ifndef WEIR_PACKET_TUNNEL_H
#define WEIR_PACKET_TUNNEL_H

#include "packet/link.h"
#include "record/packet.h"

/* The layer that comes behind a packet's IP header, or WEIR_LAYER_COUNT where it is no tunnel. */
enum weir_layer weir_tunnel_layer(const struct weir_packet *packet);

/*
 * Whether a UDP payload over IPv4, `captured` octets of `whole`, is Teredo's by what it is: between
 * relays and clients there are no known ports (RFC 4380 section 2.14), but one of the addresses
 * inside is Teredo's, and the length is that of the datagram.
 */
bool weir_tunnel_is_teredo(const uint8_t *payload, uint32_t captured, uint32_t whole);

#endif
