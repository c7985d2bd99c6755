/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture file of export datagrams, as a transport of the Exporting Process: what a sniffer
 * would have seen had the messages been sent over UDP from 192.0.2.1. Collectors that read
 * captures, and Wireshark, take it.
 *
 * Files are written as net/file.h says. Classic pcap, raw IPv4, nanoseconds; a datagram's time is
 * its message's export time, so the file is repeatable.
 */
#ifndef WEIR_NET_PCAP_H
#define WEIR_NET_PCAP_H

#include <stdint.h>

#include "base/error.h"
#include "export/transport.h"

struct weir_pcap_sender;

/* port: the datagrams' destination port. Errors as weir_file_sender_open. */
WEIR_CHECKED int weir_pcap_sender_open(const char *path, uint16_t port,
                                       struct weir_pcap_sender **ret_sender,
                                       struct weir_transport *ret_transport,
                                       struct weir_diag *diag);
WEIR_CHECKED int weir_pcap_sender_close(struct weir_pcap_sender *sender, struct weir_diag *diag);
void weir_pcap_sender_abort(struct weir_pcap_sender *sender);

#endif
