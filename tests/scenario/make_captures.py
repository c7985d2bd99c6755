#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make_captures.py FOLDER
       make_captures.py --count FILE

Writes captures on which meters have been seen to be wrong, and FOLDER/truth.tsv: of each its name,
the flows, IP packets and IP octets in it, and how many of them are IPv6. --count prints the IP
packets and octets of an Ethernet capture as its IP headers have them, and those of IPv4 alone.
"""

import ipaddress
import os
import struct
import sys

START = 1767225600  # 2026-01-01
SNAPLEN = 262144
ETHERNET_SHORTEST = 60


def ipv4(protocol, number, payload, hosts=16):
    source = 0x0a000000 + number % hosts + 1
    total = 20 + len(payload)
    return struct.pack(">BBHHHBBHII", 0x45, 0, total, number & 0xffff, 0, 64, protocol, 0, source,
                       0xc0000201) + payload


def ipv6(protocol, number, payload, hosts=16):
    source = ipaddress.ip_address(f"2001:db8::{number % hosts + 1:x}").packed
    return struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64) + source + \
        ipaddress.ip_address("2001:db8:1::1").packed + payload


def tcp(number, payload=b"", hosts=16):
    return struct.pack(">HHIIBBHHH", 40000 + number % hosts, 443, number, 0, 0x50, 0x10, 1000, 0,
                       0) + payload


def udp(number, payload, hosts=16):
    return struct.pack(">HHHH", 30000 + number % hosts, 53, 8 + len(payload), 0) + payload


def echo(number):
    return struct.pack(">BBHHH", 8, 0, 0, 7, number & 0xffff) + b"0123456789abcdef" * 3


def frame(packet):
    """Ethernet pads what is shorter than its shortest frame."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    octets = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + kind + packet
    return octets + bytes(max(0, ETHERNET_SHORTEST - len(octets)))


def write(path, packets, captured=SNAPLEN):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, captured, 1))
        for number, packet in enumerate(packets):
            octets = frame(packet)
            kept = octets[:captured]
            file.write(struct.pack("<IIII", START + number // 1000, number % 1000 * 1000, len(kept),
                                   len(octets)) + kept)


# name: packets, octets captured of each, flows
CAPTURES = {
    # 40 octets of IP in frames of 60: the padding is no IP.
    "padding": ([ipv4(6, i, tcp(i)) for i in range(2000)], SNAPLEN, 16),
    # The capture ends inside the TCP header; what is on the wire is said by IP.
    "snaplen": ([ipv4(6, i, tcp(i, b"x" * 600)) for i in range(2000)], 48, 16),
    # It ends behind the header, as captures of headers do.
    "headers": ([ipv4(6, i, tcp(i, b"x" * 600)) for i in range(2000)], 64, 16),
    # All echo requests of one host to another are one flow.
    "icmp": ([ipv4(1, i, echo(i), 4) for i in range(1000)], SNAPLEN, 4),
    "ipv6": ([ipv6(17, i, udp(i, b"y" * 90)) if i % 3 == 0 else ipv4(17, i, udp(i, b"y" * 90))
              for i in range(1500)], SNAPLEN, 32),
}


def count(path):
    """Packets and octets of IP, and those of IPv4 alone, of an Ethernet capture."""
    octets = open(path, "rb").read()
    order = "<" if octets[:1] in (b"\xd4", b"\x4d") else ">"
    at, sums = 24, [0, 0, 0, 0]
    while at < len(octets):
        kept = struct.unpack_from(order + "I", octets, at + 8)[0]
        kind = octets[at + 28:at + 30]
        if kind == b"\x08\x00":
            length = struct.unpack_from(">H", octets, at + 32)[0]
            sums = [sums[0] + 1, sums[1] + length, sums[2] + 1, sums[3] + length]
        elif kind == b"\x86\xdd":
            length = struct.unpack_from(">H", octets, at + 34)[0] + 40
            sums = [sums[0] + 1, sums[1] + length, *sums[2:]]
        at += 16 + kept
    return sums


def main():
    if sys.argv[1] == "--count":
        print(*count(sys.argv[2]))
        return
    folder = sys.argv[1]
    with open(os.path.join(folder, "truth.tsv"), "w", encoding="utf-8") as truth:
        for name, (packets, captured, flows) in CAPTURES.items():
            write(os.path.join(folder, name + ".pcap"), packets, captured)
            v6 = [packet for packet in packets if packet[0] >> 4 == 6]
            print(name, flows, len(packets), sum(map(len, packets)), len(v6), sum(map(len, v6)),
                  sep="\t", file=truth)


if __name__ == "__main__":
    main()
