#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: slow_fields.py WEIR PRINT_PACKETS

Fields beyond counters, computed from all packets of a flow at once, against those of `weir meter`:
every capture of ../shared, as biflows and as one-way flows, record by record. Which packets are of
a flow is slow_meter.py's, which numbers packets have print_packets'.
"""

import collections
import csv
import math
import os
import subprocess
import sys

import slow_meter
from slow_meter import NEVER, SECOND

FIN, SYN, RST, ACK = 1, 2, 4, 16
HAS_TCP, HAS_MSS, HAS_SCALE, HAS_PAYLOAD = 1, 2, 4, 16
FRAGMENT, LATER, MALFORMED = 1, 2, 8
BOUNDS = (64, 128, 256, 512, 1024, 1500, 9000)
SPLT = 12

Packet = collections.namedtuple("Packet", slow_meter.Packet._fields + (
    "number", "marks", "has", "payload", "sequence", "ack", "window", "mss", "scale"))


def packets_of(print_packets, capture):
    done = subprocess.run([print_packets, capture, "0", "details"], capture_output=True, text=True,
                          check=False)
    base = list(slow_meter.packets_of(print_packets, capture, "0"))
    lines = done.stdout.splitlines()
    assert len(base) == len(lines)
    for number, (packet, line) in enumerate(zip(base, lines)):
        part = line.split("\t")
        detail = [int(value) for value in part[16:26]]
        yield Packet(*packet, number, int(part[11]), *detail[:7])


class Way(slow_meter.Way):
    def __init__(self):
        super().__init__()
        self.all = []

    def add(self, packet):
        super().add(packet)
        self.all.append(packet)


slow_meter.Way = Way
ENDLESS = slow_meter.Limits("--active-timeout", "0s", active=NEVER)


def spread(values):
    """Minimum, maximum, mean and standard deviation."""
    if not values:
        return None, None, None, None
    mean = sum(values) / len(values)
    # Exact, as the mean is not: n squared times the variance.
    n, total = len(values), sum(values)
    variance = (n * sum(value * value for value in values) - total * total) / (n * n)
    return min(values), max(values), mean, math.sqrt(variance)


def gaps(packets):
    return [max(0, b.time - a.time) for a, b in zip(packets, packets[1:])]


def lengths(packets, row, before):
    octets = [packet.octets for packet in packets]
    least, most, mean, deviation = spread(octets)
    row.update({before + "length_min": least, before + "length_max": most,
                before + "length_mean": mean, before + "length_stddev": deviation,
                before + "length_squares": sum(value * value for value in octets) or None})
    buckets = [0] * (len(BOUNDS) + 1)
    for value in octets:
        buckets[sum(value > bound for bound in BOUNDS)] += 1
    row[before + "length_distribution"] = " ".join(map(str, buckets)) if octets else None


def times(packets, row, before):
    names = "iat_min", "iat_max", "iat_mean", "iat_stddev"
    row.update(zip((before + name for name in names), spread(gaps(packets))))


def payload(packets, row, before):
    row[before + "payload_bytes"] = sum(packet.payload for packet in packets) if packets else None
    row[before + "payload_packets"] = (
        sum(packet.payload > 0 for packet in packets) if packets else None)
    row[before + "fragments"] = (
        sum(packet.marks & FRAGMENT for packet in packets) if packets else None)


def sequences(segments):
    """How many are retransmissions, out of order and keep-alives, by octets seen and not seen."""
    again = late = alive = 0
    following = syn = None
    holes = []
    for packet in segments:
        octets = packet.payload + bool(packet.flags & SYN) + bool(packet.flags & FIN)
        is_syn = bool(packet.flags & SYN)
        if following is None or is_syn and syn != packet.sequence:
            following, holes = packet.sequence + octets, []
            syn = packet.sequence if is_syn else syn
            continue
        # The number that is nearest to what would follow.
        start = following + ((packet.sequence - following + 2**31) % 2**32 - 2**31)
        end = start + octets
        if octets <= 1 and not packet.flags & (SYN | FIN) and start == following - 1:
            alive += 1
        elif octets and start >= following:
            if start > following:
                holes = (holes + [(following, start)])[-4:]
            following = end
        elif octets:
            filled = [hole for hole in holes if hole[0] < min(end, following) and start < hole[1]]
            late += bool(filled)
            again += not filled
            for hole in reversed(filled):
                at = holes.index(hole)
                rest = [part for part in ((hole[0], start), (min(end, following), hole[1]))
                        if part[0] < part[1]]
                holes[at:at + 1] = rest[:1]
                holes = (holes + rest[1:])[-4:]
            following = max(following, end)
    return again, late, alive


def tcp(packets, row, before):
    ours = [p for p in packets if p.protocol == 6 and not p.marks & (LATER | MALFORMED)]
    whole = [p for p in ours if p.has & HAS_TCP and not p.flags & RST]
    numbered = [p for p in whole if p.has & HAS_PAYLOAD and not p.marks & FRAGMENT]
    syns = [p for p in whole if p.flags & SYN]

    def first(some, what):
        return getattr(some[0], what) if some else None

    windows = [p.window for p in whole]
    again, late, alive = sequences(numbered) if numbered else (None, None, None)
    row.update({
        before + "tcp_sequence": first(numbered, "sequence"),
        before + "tcp_isn": first(syns, "sequence"),
        before + "tcp_mss": first([p for p in syns if p.has & HAS_MSS], "mss"),
        before + "tcp_window_scale": first([p for p in syns if p.has & HAS_SCALE], "scale"),
        before + "tcp_window": first(whole, "window"),
        before + "tcp_window_min": min(windows, default=None),
        before + "tcp_window_max": max(windows, default=None),
        before + "tcp_zero_windows": sum(
            p.window == 0 and not p.flags & (SYN | FIN) for p in whole) if whole else None,
        before + "tcp_retransmissions": again,
        before + "tcp_out_of_order": late,
        before + "tcp_keep_alives": alive,
        before + "tcp_first_flags": first(ours, "flags"),
    })
    for bit, name in enumerate(("fin", "syn", "rst", "psh", "ack", "urg")):
        row[f"{before}tcp_{name}_packets"] = sum(p.flags >> bit & 1 for p in ours) if ours else None


def handshake(packets, row):
    """Of packets with whether they are of the reverse direction."""
    segments = [(p, is_reverse) for p, is_reverse in packets
                if p.protocol == 6 and not p.marks & (LATER | MALFORMED) and p.has & HAS_TCP]
    client = server = answer = None
    found = {"tcp_rtt": None, "tcp_rtt_server": None, "tcp_rtt_client": None}
    for p, is_reverse in segments:
        kind = p.flags & (SYN | RST | ACK)
        if kind == SYN:
            client, server, answer = (p, is_reverse), None, None
            continue
        if client is None:
            continue
        syn, side = client
        if kind == SYN | ACK and side != is_reverse and p.ack == (syn.sequence + 1) % 2**32:
            server = server if server is not None else max(0, p.time - syn.time)
            answer = p
        elif kind == ACK and side == is_reverse:
            found["tcp_rtt"] = max(0, p.time - syn.time)
            found["tcp_rtt_client"] = max(0, p.time - answer.time) if answer else None
            break
    found["tcp_rtt_server"] = server
    row.update(found)


def responses(packets, row):
    took = [], []
    carrying = [(p, is_reverse) for p, is_reverse in packets if p.payload]
    for (before, a), (after, b) in zip(carrying, carrying[1:]):
        if a != b:
            took[b].append(max(0, after.time - before.time))
    for side, before in enumerate(("", "rev_")):
        least, most, mean, _ = spread(took[side])
        row.update({before + "responses": len(took[side]) or None, before + "response_min": least,
                    before + "response_max": most, before + "response_mean": mean})


def splt(packets, row):
    some = packets[:SPLT]
    row["splt_lengths"] = " ".join(str(min(p.octets, 65535)) for p, _ in some)
    row["splt_times"] = " ".join(
        str(min(max(0, p.time - some[0][0].time) // 1000, 2**32 - 1)) for p, _ in some)
    row["splt_flags"] = " ".join(str(p.flags & 255) for p, _ in some)
    row["splt_directions"] = " ".join(str(int(is_reverse)) for _, is_reverse in some)


def row_of(record, is_biflow):
    row = {}
    ways = [way.all for way in record.ways]
    both = sorted([(p, False) for p in ways[0]] + [(p, True) for p in ways[1]],
                  key=lambda pair: pair[0].number)
    for packets, before in zip(ways, ("", "rev_")[:1 + is_biflow]):
        for compute in (lengths, times, payload, tcp):
            compute(packets, row, before)
    handshake(both, row)
    splt(both, row)
    if is_biflow:
        responses(both, row)
        row.update(zip(("both_iat_min", "both_iat_max", "both_iat_mean", "both_iat_stddev"),
                       spread(gaps([p for p, _ in both]))))
    else:
        for name in ("tcp_rtt_server", "tcp_rtt_client", "splt_directions"):
            del row[name]
    return row


def is_equal(have, want):
    if want is None or have == "":
        return want is None and have == ""
    if isinstance(want, float):
        return math.isclose(float(have), want, rel_tol=1e-9, abs_tol=1e-6)
    return have == str(want)


def compare(weir, capture, packets, is_biflow, seen):
    key_of = slow_meter.biflow if is_biflow else slow_meter.connection
    meter = slow_meter.Meter(key_of, is_biflow, limits=ENDLESS)
    for packet in packets:
        meter.add(packet)
    meter.finish()
    definition = ("keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,bytes,start,"
                  f"end,lengths,iat,payload,fragmentation,tcp,splt:{SPLT}"
                  f"{',responses' if is_biflow else ''}")
    done = subprocess.run(
        [weir, "meter", "-q", "-r", capture, "--format", "csv", "--cache", "normal,entries=1M",
         *ENDLESS.options, *(["--biflow"] if is_biflow else []), "--flow", definition],
        capture_output=True, text=True, check=False)
    # A flow is found again by how it began and how much it was.
    have = collections.defaultdict(list)
    for row in csv.DictReader(done.stdout.splitlines()):
        have[row["splt_lengths"], row["splt_times"], row["packets"], row["bytes"],
             row["src_addr"], row["src_port"], row["dst_port"], row["dst_addr"]].append(row)
    wrong = []
    for record, reason in meter.records:
        named = slow_meter.row_of_connection(record, reason, is_biflow)
        want = row_of(record, is_biflow)
        seen.update(name for name, value in want.items() if value)
        key = (want["splt_lengths"], want["splt_times"], str(named[5]), str(named[6]),
               str(named[0]), str(named[2]), str(named[3]), str(named[1]))
        same = [row for row in have[key]
                if all(is_equal(row.get(name, ""), value) for name, value in want.items())]
        if same:
            have[key].remove(same[0])
        else:
            near = have[key][0] if have[key] else {}
            wrong.append(f"{key}: " + ", ".join(
                f"{name} {near.get(name)!r} and not {value!r}" for name, value in want.items()
                if not is_equal(near.get(name, ""), value))[:400])
    left = sum(len(rows) for rows in have.values())
    if left and not wrong:
        wrong.append(f"{left} records too many")
    return wrong, len(meter.records)


def main():
    weir, print_packets = sys.argv[1:3]
    root = os.path.join(os.environ.get("WEIR_SHARED", "../shared"), "data")
    index = os.path.join(root, "capture-index.tsv")
    if not os.path.exists(index):
        print("skipped: shared file data/capture-index.tsv is not here")
        return 77
    with open(index, encoding="utf-8") as file:
        captures = [os.path.join(root, row["file"]) for row in csv.DictReader(file, delimiter="\t")]
    failures = total = 0
    seen = collections.Counter()
    for capture in captures:
        packets = list(packets_of(print_packets, capture))
        for is_biflow in (False, True):
            wrong, records = compare(weir, capture, packets, is_biflow, seen)
            total += records
            failures += bool(wrong)
            if wrong:
                print(f"FAILED: {capture.removeprefix(root)}: biflow {is_biflow}: {len(wrong)} of "
                      f"{records}: {wrong[0]}")
    rare = [name for name in ("tcp_retransmissions", "tcp_out_of_order", "tcp_keep_alives", "fragments",
                              "tcp_zero_windows", "tcp_rtt_server", "tcp_rtt_client", "rev_responses",
                              "tcp_window_scale", "rev_tcp_mss") if seen[name] == 0]
    if rare:
        print(f"FAILED: no flow has {rare}")
    print(f"{len(captures)} captures, {total} records, {failures} failures")
    return 1 if failures or rare or total < 7000 else 0


sys.exit(main())
