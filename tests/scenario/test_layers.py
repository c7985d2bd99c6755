#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_layers.py build/weir

Two tenants with the same addresses in VXLANs of their own, metered with --layer both, exported,
stored and asked: sums of one layer are those of a run with that layer alone, and the records of a
tunnel and of what is inside it are joined by the tunnel's number.
"""
import csv
import io
import json
import os
import struct
import subprocess
import sys
import tempfile

from make_captures import ipv4, tcp, udp, write

weir = sys.argv[1]
PACKETS = 600
# Outer IP and UDP, VXLAN and Ethernet.
OVERHEAD = 20 + 8 + 8 + 14
failures = 0


def expect(what, wanted, got):
    global failures
    failures += wanted != got
    print(f"{'ok' if wanted == got else 'FAILED'}: {what}: {got}" +
          ("" if wanted == got else f", not {wanted}"))


def vxlan(number, payload):
    """In one of two networks; both have the same hosts."""
    header = struct.pack(">BxxxI", 8, (100 + number % 2) << 8)
    inner = b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b\x08\x00" + payload
    datagram = bytearray(udp(number, header + inner, 4))
    datagram[2:4] = struct.pack(">H", 4789)
    return ipv4(17, number, bytes(datagram), 4)


def meter(folder, *options):
    stats = os.path.join(folder, "stats")
    done = subprocess.run([weir, "meter", "-q", "-r", os.path.join(folder, "tunnels.pcap"),
                           "--stats", stats, *options], check=True, capture_output=True, text=True)
    with open(stats, encoding="utf-8") as file:
        return done.stdout, json.load(file)


def sums(folder, layer):
    rows = csv.DictReader(io.StringIO(meter(folder, "--layer", layer, "--format", "csv")[0]))
    totals = [(int(row["packets"]), int(row["bytes"])) for row in rows]
    return [sum(total[0] for total in totals), sum(total[1] for total in totals)]


def query(folder, where, by):
    out = subprocess.run([weir, "query", "--store", os.path.join(folder, "store"), "--where", where,
                          "--by", by, "--sum", "packets,bytes", "--format", "csv"],
                         check=True, capture_output=True, text=True).stdout
    return {tuple(row[name] for name in by.split(",")): [int(row["packets"]), int(row["bytes"])]
            for row in csv.DictReader(io.StringIO(out))}


with tempfile.TemporaryDirectory() as folder:
    packets = [vxlan(i, ipv4(6, i // 2, tcp(i, b"z" * (i % 2 * 100), 4), 4)) for i in range(PACKETS)]
    write(os.path.join(folder, "tunnels.pcap"), packets)
    _, counted = meter(folder, "--layer", "both", "--to", f"ipfix+file:{folder}/flows.ipfix")
    subprocess.run([weir, "collect", "-q", "-r", f"{folder}/flows.ipfix", "--store",
                    f"{folder}/store"], check=True, capture_output=True)
    outer, inner = sums(folder, "outer"), sums(folder, "inner")
    expect("outside", [PACKETS, sum(map(len, packets))], outer)
    expect("inside", [PACKETS, outer[1] - PACKETS * OVERHEAD], inner)
    expect("counters of both", [*outer, *inner],
           [counted[name] for name in ("packets_parsed", "octets_parsed", "packets_inner",
                                       "octets_inner")])
    expect("stored, by layer", {("0",): outer, ("1",): inner},
           query(folder, "packets > 0", "tunnelLayer"))
    carried = query(folder, "tunnelLayer = 0", "carriedTunnelType,carriedTunnelId")
    inside = query(folder, "tunnelLayer = 1", "tunnelType,tunnelId")
    expect("tunnels", {("8", "100"), ("8", "101")}, set(carried))
    expect("joined", {tunnel: [count, octets - count * OVERHEAD]
                      for tunnel, (count, octets) in carried.items()}, inside)
    hosts = query(folder, "tunnelLayer = 1", "src_addr,tunnelId")
    expect("hosts of the tenants are apart", 8, len(hosts))
    rows = csv.DictReader(io.StringIO(meter(folder, "--layer", "both", "--biflow", "--format",
                                            "csv")[0]))
    numbers = {(row["layer"], row["tunnel_id"], row["carried_id"]) for row in rows}
    expect("biflows have the numbers of their first packets", True,
           {row[0] for row in numbers} == {"0", "1"} and
           all(row[1] in ("100", "101") and row[2] == "" for row in numbers if row[0] == "1") and
           all(row[1] == "" and row[2] in ("100", "101") for row in numbers if row[0] == "0"))
sys.exit(1 if failures else 0)
