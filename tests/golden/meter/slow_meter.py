#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: slow_meter.py WEIR PRINT_PACKETS

An independent meter, slow and obvious, against `weir meter`: every capture of ../shared and
generated traffic, outside of tunnels, inside, and both, under several flow definitions and as
biflows, record by record; and with other kinds of caches and other limits. It has the packets from
print_packets, which packet_values.py checks with tshark.
"""

import collections
import copy
import csv
import datetime
import ipaddress
import math
import os
import subprocess
import sys
import tempfile

# Meson has the C library fill what is freed: a large cache, a thousand times.
os.environ.pop("MALLOC_PERTURB_", None)

FIN, SYN, RST, ACK = 1, 2, 4, 16
IDLE, ACTIVE, END, FORCED = 1, 2, 3, 4
SECOND = 10**9
IDLE_NS, ACTIVE_NS, LINGER_NS, LATE_PACKETS = 15 * SECOND, 1800 * SECOND, 2 * SECOND, 1024

CONNECTIONS = ("keys=src_addr,dst_addr,src_port,dst_port,protocol "
               "fields=packets,bytes,start,end,tcp_flags,ttl_min,ttl_max,end_reason")
NETWORKS = ("keys=src_addr/20/48,dst_port&0xff00,dscp,vlan,tunnel_type,tunnel_id "
            "fields=packets,bytes,start,end,tcp_flags,end_reason")
LINK = ("keys=src_mac/24,dst_mac,inner_vlan,mpls_label_1/20,fragment "
        "fields=packets,bytes,start,end,tcp_flags,end_reason")
BIFLOWS = ("keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,bytes,start,end,"
           "tcp_flags,end_reason,rev_packets,rev_bytes,rev_tcp_flags,rev_start,rev_end")

# ICMP messages that ask, and their answers.
ANSWERS = {(1, 8): 0, (1, 10): 9, (1, 13): 14, (1, 15): 16, (1, 17): 18, (58, 128): 129,
           (58, 130): 131, (58, 133): 134, (58, 135): 136, (58, 139): 140}
QUESTIONS = {(protocol, answer): question for (protocol, question), answer in ANSWERS.items()}

Packet = collections.namedtuple(
    "Packet", "version src dst protocol octets tos ttl src_port dst_port flags vlan kind id time "
              "layer fragment link")
Link = collections.namedtuple("Link", "has src_mac dst_mac inner_vlan label_count label")


def packets_of(print_packets, capture, *how):
    done = subprocess.run([print_packets, capture, *how], capture_output=True, text=True,
                          check=False)
    for line in done.stdout.splitlines():
        if line.startswith("rest"):
            continue
        part = line.split("\t")
        number = [int(value) for value in part[3:]]
        yield Packet(int(part[0]), ipaddress.ip_address(part[1]), ipaddress.ip_address(part[2]),
                     number[0], number[1], number[2], number[3], number[4], number[5], number[6],
                     number[7], number[11], number[12], number[9], number[10], number[8] & 1,
                     Link(*number[13:14], *number[23:]) if number[13:] else None)


class Way:
    """What was counted of one direction."""

    def __init__(self):
        self.packets = self.octets = self.flags = 0
        self.times, self.ttls = [], []

    def add(self, packet):
        self.packets += 1
        self.octets += packet.octets
        self.flags |= packet.flags
        self.times = [min([packet.time, *self.times]), max([packet.time, *self.times])]
        self.ttls = [min([packet.ttl, *self.ttls]), max([packet.ttl, *self.ttls])]


class Flow:
    def __init__(self, key, now):
        self.key, self.start, self.seen, self.closed = key, now, now, False
        self.rests, self.fins, self.ways = True, [False, False], (Way(), Way())

    def begin(self, now):
        """A record, with its first packet."""
        self.start, self.rests, self.ways = now, False, (Way(), Way())


Record = collections.namedtuple("Record", "key ways")

NEVER = math.inf


class Limits:
    """Kind of cache, timeouts of all and of some protocols, and how often flows are reported."""

    def __init__(self, *options, kind="normal", idle=IDLE_NS, active=ACTIVE_NS, own=None,
                 interval=None):
        self.options, self.kind, self.interval = list(options), kind, interval
        self.all, self.own = (idle, active), own or {}

    def of(self, protocol):
        return (NEVER, NEVER) if self.kind == "permanent" else self.own.get(protocol, self.all)

    def longest_idle(self):
        return max(self.of(protocol)[0] for protocol in [None, *self.own])

    def turn(self, start):
        """The last moment before a record that began then is reported anyway."""
        return (start // self.interval + 1) * self.interval - 1 if self.interval else NEVER


USUAL = Limits("--cache", "normal,entries=1M")
# One more for each capture, in turn.
OTHERS = [
    Limits("--cache", "normal,entries=1M", "--active-timeout", "2s", active=2 * SECOND),
    Limits("--cache", "normal,entries=1M", "--idle-timeout", "tcp=1s,17=250ms",
           "--idle-timeout", "3s", "--active-timeout", "icmp=1s,tcp=0s", idle=3 * SECOND,
           own={6: (SECOND, NEVER), 17: (SECOND // 4, ACTIVE_NS), 1: (3 * SECOND, SECOND)}),
    Limits("--cache", "permanent,entries=1M,interval=500ms", kind="permanent",
           interval=SECOND // 2),
    Limits("--cache", "immediate", kind="immediate"),
    Limits("--cache", "normal,entries=1M,interval=700ms", "--idle-timeout", "0s",
           "--active-timeout", "3s", idle=NEVER, active=3 * SECOND, interval=7 * SECOND // 10),
]


class Every:
    """Systematic count-based sampling: the first n of every N packets that it is shown."""

    def __init__(self, count, of):
        self.count, self.of, self.shown = count, of, 0

    def __call__(self, packet):
        self.shown += 1
        return (self.shown - 1) % self.of < self.count


def in_first(on, period):
    """Systematic time-based sampling: periods count from 1970."""
    return lambda packet: packet.time % period < on


# Stages of selection: as weir has them, and as predicates that each see what passed those before.
SELECTIONS = [
    (["--match", "protocol!=255", "--sample", "count:2/5"], lambda: [Every(2, 5)]),
    (["--match", "port=53|80|400-499", "--sample", "time:300ms/700ms"], lambda: [
        lambda packet: any(port in (53, 80) or 400 <= port < 500
                           for port in (packet.src_port, packet.dst_port)),
        in_first(3 * SECOND // 10, SECOND)]),
    (["--match", "length=60-576,protocol!=tcp", "--sample", "count:1/3", "--match", "ttl=0-127",
      "--sample", "count:3/4"], lambda: [
          lambda packet: 60 <= packet.octets <= 576 and packet.protocol != 6, Every(1, 3),
          lambda packet: packet.ttl < 128, Every(3, 4)]),
    (["--sample", "time:50ms/50ms", "--match", "tcp_flags=S/SA,ip_version=4,addr!=10.0.0.0/9"],
     lambda: [in_first(SECOND // 20, SECOND // 10), lambda packet:
              packet.protocol == 6 and packet.flags & (SYN | ACK) == SYN and packet.version == 4 and
              not any(address in ipaddress.ip_network("10.0.0.0/9")
                      for address in (packet.src, packet.dst))]),
]


def turned(key):
    version, src, dst, src_port, dst_port, protocol = key
    return version, dst, src, dst_port, src_port, protocol


def connection(packet):
    return (packet.version, packet.src, packet.dst, packet.src_port, packet.dst_port,
            packet.protocol)


def biflow(packet):
    """The same, but an ICMP message that answers goes against what it answers."""
    key = connection(packet)
    is_icmp = packet.protocol == {4: 1, 6: 58}[packet.version]
    question = QUESTIONS.get((packet.protocol, packet.dst_port >> 8))
    if not is_icmp or question is None:
        return key
    return (*key[:3], question << 8 | packet.dst_port & 255, 0, packet.protocol)


def network(packet):
    length = {4: 20, 6: 48}[packet.version]
    prefix = ipaddress.ip_network((packet.src, length), strict=False).network_address
    return (packet.version, prefix, packet.dst_port & 0xff00, packet.tos >> 2, packet.vlan,
            packet.kind, packet.id)


def link(packet):
    """What the frame has in its headers before IP, where it has it."""
    of = packet.link
    is_ethernet = of.has & 8
    return (packet.version, of.src_mac >> 24 << 24 if is_ethernet else None,
            of.dst_mac if is_ethernet else None, of.inner_vlan or None,
            of.label & 0xfffff0 if of.label_count else None, packet.fragment)


class Meter:
    def __init__(self, key_of, is_biflow=False, by_syn=False, limits=USUAL):
        self.key_of, self.is_biflow, self.by_syn = key_of, is_biflow, by_syn
        self.limits = limits
        self.has_connections = key_of not in (network, link) and limits.kind == "normal"
        self.flows, self.records = {}, []
        self.now, self.late = None, 0

    def report(self, flow, reason):
        if not flow.rests:
            self.records.append((Record(flow.key, flow.ways), reason))
        flow.rests = True

    def end(self, flow, reason):
        self.report(flow, reason)
        del self.flows[flow.key]

    def examine(self, flow):
        """Does what the flow is due for by now; whether it is still there."""
        idle, active = self.limits.of(None if self.key_of in (network, link) else flow.key[-1])
        linger = min(LINGER_NS, idle)
        old = min(flow.start + active, self.limits.turn(flow.start))
        silent = flow.seen + (linger if flow.closed else idle)
        if not flow.rests and self.now > old and old < silent:
            self.report(flow, ACTIVE)
        if flow.rests and not flow.closed and idle == NEVER and self.limits.kind == "normal":
            silent = flow.seen + min(active, self.limits.interval or NEVER)
        if self.now > silent:
            self.end(flow, END if flow.closed else IDLE)
        return self.now <= silent

    def finish(self):
        for flow in list(self.flows.values()):
            if self.examine(flow):
                self.end(flow, END if flow.closed else FORCED)

    def take_time(self, time):
        if self.now is not None and time < self.now - self.limits.longest_idle():
            self.late += 1
            if self.late < LATE_PACKETS:
                return
            self.finish()
            self.now = None
        self.late = 0
        self.now = time if self.now is None else max(self.now, time)

    def live(self, key):
        """The flow of this key that has not ended by now."""
        flow = self.flows.get(key)
        return flow if flow and self.examine(flow) else None

    def hear(self, packet):
        """Of a packet that is another's."""
        self.take_time(packet.time)

    def add(self, packet):
        self.take_time(packet.time)
        key = self.key_of(packet)
        flow = self.live(key)
        if not flow and self.is_biflow:
            flow = self.live(turned(key))
        opens = packet.flags & (SYN | FIN) == SYN and self.has_connections
        if flow and opens and (flow.closed or flow.fins[flow.key != key]):
            self.end(flow, END)
            flow = None
        if not flow:
            answers = self.by_syn and packet.flags & (SYN | ACK) == SYN | ACK
            flow = Flow(turned(key) if answers else key, self.now)
            self.flows[flow.key] = flow
        if flow.rests:
            flow.begin(self.now)
        flow.ways[flow.key != key].add(packet)
        flow.fins[flow.key != key] |= bool(packet.flags & FIN)
        flow.seen = self.now
        if self.limits.kind == "immediate":
            self.end(flow, IDLE)
        elif packet.flags & (FIN | RST) and self.has_connections:
            self.close(flow, packet)

    def close(self, flow, packet):
        if self.is_biflow:
            flow.closed |= bool(packet.flags & RST or all(flow.fins))
            return
        other = self.live(turned(flow.key))
        if packet.flags & RST or other and other.fins[0]:
            flow.closed = True
            if other:
                other.closed = True


def row_of_connection(flow, reason, is_biflow):
    version, src, dst, src_port, dst_port, protocol = flow.key
    if protocol == {4: 1, 6: 58}[version] and src_port and is_biflow:
        src_port, dst_port = 0, ANSWERS.get((protocol, src_port >> 8), src_port >> 8) << 8 | src_port & 255
    way, reverse = flow.ways
    times = way.times or reverse.times
    row = [src, dst, src_port, dst_port, protocol, way.packets, way.octets, *times, way.flags]
    if not is_biflow:
        return [*row, *way.ttls, reason]
    row.append(reason)
    if not reverse.packets:
        return row + [""] * 5
    return row + [reverse.packets, reverse.octets, reverse.flags,
                  *(time // 10**6 * 10**6 for time in reverse.times)]


def row_of_network(flow, reason):
    _, prefix, port, dscp, vlan, kind, number = flow.key
    way = flow.ways[0]
    return [prefix, port, dscp, vlan, kind, number, way.packets, way.octets, *way.times, way.flags,
            reason]


def mac_text(number):
    return "" if number is None else ":".join(f"{octet:02x}" for octet in number.to_bytes(6, "big"))


def row_of_link(flow, reason):
    _, src_mac, dst_mac, inner_vlan, label, fragment = flow.key
    way = flow.ways[0]
    return [mac_text(src_mac), mac_text(dst_mac), inner_vlan or "",
            "" if label is None else f"0x{label:06x}", fragment, way.packets, way.octets,
            *way.times, way.flags, reason]


def row_of(name, flow, reason):
    if name == "networks":
        return row_of_network(flow, reason)
    return row_of_link(flow, reason) if name == "link" else \
        row_of_connection(flow, reason, name == "biflows")


def time_of(text):
    if not text:
        return ""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00") - datetime.datetime(
        1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (seconds.days * 86400 + seconds.seconds) * SECOND + int((fraction or "0").ljust(9, "0"))


CONNECTION_COLUMNS = "src_addr dst_addr src_port dst_port protocol packets bytes start end tcp_flags".split()
COLUMNS = {
    "connections": [*CONNECTION_COLUMNS, "ttl_min", "ttl_max", "end_reason"],
    "biflows": [*CONNECTION_COLUMNS, "end_reason", "rev_packets", "rev_bytes", "rev_tcp_flags",
                "rev_start", "rev_end"],
    "networks": "src_addr dst_port dscp vlan tunnel_type tunnel_id packets bytes start end "
                "tcp_flags end_reason".split(),
    "link": "src_mac dst_mac inner_vlan mpls_label_1 fragment packets bytes start end tcp_flags "
            "end_reason".split(),
}


def rows_of_weir(weir, capture, layer, options, name, selects, more=()):
    done = subprocess.run([weir, "meter", "-q", "-r", capture, "--layer", layer, "--format", "csv",
                           *options],
                          capture_output=True, text=True, check=False)
    rows = []
    for row in csv.DictReader(done.stdout.splitlines()):
        if selects(row):
            rows.append([time_of(row[column]) if column.endswith(("start", "end")) else row[column]
                         for column in [*COLUMNS[name], *more]])
    return sorted([str(value) for value in row] for row in rows)


def compare(weir, print_packets, capture, layer, other, selection):
    """What differs, and how many records there were."""
    packets = list(packets_of(print_packets, capture, "4" if layer == "inner" else "0",
                              "details"))
    uniflows = ["--flow", CONNECTIONS, "--flow", NETWORKS]
    cases = [
        ("connections", Meter(connection), uniflows, lambda row: row["src_port"] != ""),
        ("connections", Meter(connection, limits=other), uniflows[:2], lambda row: True),
        ("biflows", Meter(biflow, True, limits=other), ["--biflow", "--flow", BIFLOWS],
         lambda row: True),
        ("networks", Meter(network), uniflows, lambda row: row["dscp"] != ""),
        ("link", Meter(link), ["--flow", LINK], lambda row: True),
        ("biflows", Meter(biflow, True), ["--biflow", "--flow", BIFLOWS], lambda row: True),
        ("biflows", Meter(biflow, True, True),
         ["--biflow", "--direction", "syn", "--flow", BIFLOWS], lambda row: True),
    ]
    select_options, stages = selection
    cases.append(("connections", Meter(connection), uniflows[:2] + select_options,
                  lambda row: True))
    wrong, records = [], 0
    for name, meter, options, selects in cases:
        selectors = stages() if options[-len(select_options):] == select_options else []
        for packet in packets:
            if all(selector(packet) for selector in selectors):
                meter.add(packet)
        meter.finish()
        rows = [row_of(name, *record) for record in meter.records]
        want = sorted([str(value) for value in row] for row in rows)
        have = rows_of_weir(weir, capture, layer, options + meter.limits.options, name, selects)
        records += len(want)
        if have != want:
            counts = [collections.Counter(map(tuple, rows)) for rows in (have, want)]
            more = list((counts[0] - counts[1]).elements())[:1]
            less = list((counts[1] - counts[0]).elements())[:1]
            wrong.append(f"{name}: {len(have)} records, expected {len(want)}; weir has {more}, "
                         f"not {less}")
    return wrong, records


def compare_layers(weir, print_packets, capture):
    """The same of all layers at once: a meter each, all of which are told the time."""
    packets = list(packets_of(print_packets, capture, "4", "all"))
    if not any(packet.layer for packet in packets):
        return [], 0
    wrong, records = [], 0
    for name, meter, options in (
            ("connections", Meter(connection), ["--flow", CONNECTIONS]),
            ("networks", Meter(network), ["--flow", NETWORKS]),
            ("biflows", Meter(biflow, True), ["--biflow", "--flow", BIFLOWS])):
        meters = [copy.deepcopy(meter) for _ in range(max(p.layer for p in packets) + 1)]
        for packet in packets:
            for layer, one in enumerate(meters):
                (one.add if layer == packet.layer else one.hear)(packet)
        want = []
        for layer, one in enumerate(meters):
            one.finish()
            want += [[*row_of(name, *record), layer] for record in one.records]
        want = sorted([str(value) for value in row] for row in want)
        have = rows_of_weir(weir, capture, "both", options + meter.limits.options, name,
                            lambda row: True, ["layer"])
        records += len(want)
        if have != want:
            wrong.append(f"{name}: {len(have)} records, expected {len(want)}")
    return wrong, records


def main():
    weir, print_packets = sys.argv[1:3]
    root = os.path.join(os.environ.get("WEIR_SHARED", "../shared"), "data")
    index = os.path.join(root, "capture-index.tsv")
    if not os.path.exists(index):
        print("skipped: shared file data/capture-index.tsv is not here")
        return 77
    captures = [os.path.join(root, row["file"])
                for row in csv.DictReader(open(index, encoding="utf-8"), delimiter="\t")]
    failures = total = 0
    with tempfile.TemporaryDirectory() as scratch:
        for mix in ("realistic", "hard"):
            captures.append(os.path.join(scratch, mix + ".pcap"))
            subprocess.run([weir, "gen", "packets", "-q", "--mix", mix, "--packets", "20k", "--out",
                            captures[-1]], check=True)
        for number, capture in enumerate(captures):
            for layer in ("outer", "inner", "both"):
                wrong, records = compare_layers(weir, print_packets, capture) \
                    if layer == "both" else compare(weir, print_packets, capture, layer,
                                                    OTHERS[number % len(OTHERS)],
                                                    SELECTIONS[number % len(SELECTIONS)])
                total += records
                for line in wrong:
                    print(f"FAILED: {capture.removeprefix(root)}: {layer}: {line}")
                    failures += 1
    print(f"{len(captures)} captures, {total} records, {failures} failures")
    return 1 if failures or total < 100000 else 0


if __name__ == "__main__":
    sys.exit(main())
