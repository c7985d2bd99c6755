#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: goldens.py WEIR DOCUMENT [--print]

Compares the flows of `weir meter` with those that other projects expect of the same captures
(data/capture/*/expected of the shared folder). DOCUMENT (doc/goldens.md) says of each whether it
is equal, equal with `--layer inner` or `--layer both`, or why not; a golden that is not what its
row says fails, and so does one without a row.
--print shows what is found instead.
"""

import csv
import io
import json
import ipaddress
import os
import re
import subprocess
import sys

CAPTURES = "data/capture"

# How ipfixprobe's outputs were made: README.md of the shared folder.
IPFIXPROBE_INPUTS = {
    "basic": "mixed", "basicplus": "http", "bstats": "bstats", "dns": "dns", "dnssd": "dnssd",
    "http": "http", "idpcontent": "idpcontent", "nettisa": "mixed", "ovpn": "ovpn",
    "passivedns": "dns", "phists": "mixed", "pstats": "mixed", "quic": "quic_initial-sample",
    "ssadetector": "ovpn", "tls": "tls", "vlan": "vlan",
}

ICMP, ICMPV6, SCTP, ESP = 1, 58, 132, 50
PROTOCOLS = {"TCP": 6, "UDP": 17, "ICMP": ICMP, "ICMPV6": ICMPV6, "SCTP": SCTP, "IGMP": 2,
             "GRE": 47, "ESP": ESP, "AH": 51, "IPIP": 4, "PGM": 113}


class Side:
    """One direction of a communication: all its flows together."""

    def __init__(self):
        self.packets = self.bytes = self.tcp_flags = 0
        self.first = None

    def add(self, flow):
        self.packets += int(flow["packets"])
        self.bytes += int(flow["bytes"])
        self.tcp_flags |= int(flow["tcp_flags"])
        if self.first is None or flow["start"] < self.first["start"]:
            self.first = flow


# Of these others give ports that mean something else, or none.
PORTLESS = (ICMP, ICMPV6, SCTP, ESP)


def ends(src, dst, src_port, dst_port, protocol):
    """The key of one direction and that of the other."""
    protocol = int(protocol)
    ports = (0, 0) if protocol in PORTLESS else (int(src_port), int(dst_port))
    return (src, dst, *ports, protocol), (dst, src, ports[1], ports[0], protocol)


def port(flow, name):
    return 0 if int(flow["protocol"]) in PORTLESS else int(flow[name])


def key_of(flow, names=("src_ip", "dst_ip", "src_port", "dst_port", "protocol")):
    values = {
        "src_ip": flow["src_addr"], "dst_ip": flow["dst_addr"],
        "src_port": port(flow, "src_port"), "dst_port": port(flow, "dst_port"),
        "protocol": int(flow["protocol"]),
    }
    return tuple(values[name] for name in names)


def meter(weir, capture, more=""):
    """The flows of a capture, by direction of the 5-tuple and more keys."""
    done = subprocess.run(
        [*weir, "-r", capture, "--format", "csv", "--flow",
         "keys=src_addr,dst_addr,src_port,dst_port,protocol" + more],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{capture}: weir meter: {done.stderr.strip()}")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def sides(flows, key_function):
    result = {}
    for flow in flows:
        result.setdefault(key_function(flow), Side()).add(flow)
    return result


def number(text):
    return int(text, 0)


def compare_flowtest(weir, golden, folder):
    """Annotations of CESNET's FlowTest: YAML of one fixed form."""
    text = open(golden, encoding="utf-8", errors="replace").read()
    pcap = re.search(r"^pcap: (.*)$", text, re.M).group(1)
    names = re.search(r"^key: \[(.*)\]$", text, re.M)
    names = names.group(1).split(", ") if names else \
        ["src_ip", "dst_ip", "src_port", "dst_port", "protocol"]
    expected = []
    for line in text[text.index("\nflows:") + 7:].splitlines():
        if re.match(r"  - \S", line):
            expected.append({})
        field = re.match(r"  [- ] (\S+): (\S+)$", line)
        if field and expected:
            expected[-1][field.group(1)] = field.group(2)
    flows = meter(weir, os.path.join(folder, pcap))
    both = sides(flows, lambda flow: key_of(flow, names))
    differences = []
    for flow in expected:
        numbers = ("src_port", "dst_port", "protocol")
        key = tuple(number(flow[n]) if n in numbers else flow[n] for n in names)
        swap = {"src_ip": "dst_ip", "dst_ip": "src_ip", "src_port": "dst_port",
                "dst_port": "src_port", "protocol": "protocol"}
        reverse = tuple(key[names.index(swap[n])] for n in names)
        for suffix, side in (("", both.get(key)), ("@rev", both.get(reverse))):
            for name, value in flow.items():
                if (name.endswith("@rev")) != bool(suffix):
                    continue
                plain = name.removesuffix("@rev")
                found = found_of(side, plain)
                if found is not None and found != number(value):
                    differences.append(f"{name} {found}, expected {value}")
    return differences, len(expected)


def found_of(side, name):
    """What weir has of a field of FlowTest; None: it has no such field."""
    if name in ("packets", "bytes", "tcp_flags"):
        return getattr(side, name) if side else 0
    if side is None:
        return None
    first = side.first
    if name == "icmp_type_code":
        return int(first["icmp_type"] or 0) * 256 + int(first["icmp_code"] or 0)
    columns = {"tos": "tos", "ttl": "ttl_max", "icmp_type": "icmp_type", "icmp_code": "icmp_code",
               "vlan_id": "vlan"}
    if name in columns:
        return int(first[columns[name]] or 0)
    return None


def compare_ipfixprobe(weir, golden, folder):
    """CSV of ipfixprobe's records; its header line stands wherever sorting put it."""
    lines = open(golden, encoding="utf-8", errors="replace").read().splitlines()
    header = next(line for line in lines if line.startswith("ipaddr "))
    columns = [column.split(" ")[1] for column in header.split(",")]
    records = [dict(zip(columns, row)) for row in
               csv.reader(line for line in lines if line != header)]
    name = os.path.basename(golden).removesuffix(".txt")
    flows = meter(weir, os.path.join(folder, IPFIXPROBE_INPUTS[name] + ".pcap"))
    both = sides(flows, key_of)
    expected = {}
    for record in records:
        forth, back = ends(record["SRC_IP"], record["DST_IP"], record["SRC_PORT"],
                           record["DST_PORT"], record["PROTOCOL"])
        for key, suffix in ((forth, ""), (back, "_REV")):
            sums = expected.setdefault(key, [0, 0])
            sums[0] += int(record["PACKETS" + suffix])
            sums[1] += int(record["BYTES" + suffix])
    return compare_sums(both, expected), len(records)


def compare_sums(both, expected):
    differences = []
    for key, (packets, octets) in sorted(expected.items(), key=str):
        side = both.get(key, Side())
        if (side.packets, side.bytes) != (packets, octets):
            differences.append(f"{key}: {side.packets} packets, {side.bytes} octets, expected "
                               f"{packets}, {octets}")
    return differences


def compare_zeek(weir, golden, folder):
    """Zeek's conn.log."""
    pcap = re.match(r"(.*?\.pcap(ng)?)\.", os.path.basename(golden)).group(1)
    rows, fields = [], []
    for line in open(golden, encoding="utf-8", errors="replace").read().splitlines():
        if line.startswith("#fields"):
            fields = line.split("\t")[1:]
        elif not line.startswith("#"):
            rows.append(dict(zip(fields, line.split("\t"))))
    both = sides(meter(weir, os.path.join(folder, pcap)), key_of)
    expected = {}
    for row in rows:
        forth, back = ends(row["id.orig_h"], row["id.resp_h"], row["id.orig_p"],
                           row["id.resp_p"], row["ip_proto"])
        for key, side in ((forth, "orig"), (back, "resp")):
            sums = expected.setdefault(key, [0, 0])
            sums[0] += int(row[side + "_pkts"])
            sums[1] += int(row[side + "_ip_bytes"])
    return compare_sums(both, expected), len(rows)


def frames_of(weir, capture):
    """The frames that are IP packets, and their octets on the wire."""
    done = subprocess.run([*weir, "-r", capture, "--to", "json:/dev/null", "--stats", "-"],
                          capture_output=True, text=True, check=True)
    counted = json.loads(done.stdout)
    return (counted["packets_parsed"], counted["octets_parsed"] + counted["octets_link_layer"] -
            counted["octets_beyond_frame"])


def compare_ndpi(weir, golden, folder):
    """nDPI's list of flows: packets of each direction (its octets are those of frames), and its
    totals by protocol: packets, octets and flows."""
    capture = os.path.join(folder, os.path.basename(golden).removesuffix(".out"))
    both = sides(meter(weir, capture), key_of)
    expected, count = {}, 0
    text = open(golden, encoding="utf-8", errors="replace").read()
    for line in text.splitlines():
        match = re.match(r"\s+\d+\s+(\S+) (\S+):(\d+) (<->|->) (\S+):(\d+) "
                         r".*?\[(\d+) pkts/\d+ bytes (?:<->|->) (\d+) pkts/", line)
        if not match:
            continue
        count += 1
        # It also shortens a single group of zeros, against RFC 5952.
        hosts = [str(ipaddress.ip_address(match[end].strip("[]"))) for end in (2, 5)]
        forth, back = ends(*hosts, match[3], match[6], PROTOCOLS.get(match[1]) or match[1])
        for key, packets in ((forth, match[7]), (back, match[8])):
            expected[key] = expected.get(key, 0) + int(packets)
    differences = [f"{key}: {both.get(key, Side()).packets} packets, expected {packets}"
                   for key, packets in sorted(expected.items(), key=str)
                   if both.get(key, Side()).packets != packets]
    totals = re.findall(r"^[^\t:]+\t(\d+)\t(\d+)\t(\d+) *$", text.split("\n\t1\t")[0], re.M)
    sums = [sum(int(total[i]) for total in totals) for i in range(3)]
    frames = frames_of(weir, capture)
    if (*frames, count) != tuple(sums):
        differences.append(f"{frames[0]} packets in {frames[1]} octets, {count} flows, expected "
                           f"{sums[0]}, {sums[1]}, {sums[2]}")
    return differences, count


SURICATA_NAMES = {"ICMP": {ICMP, ICMPV6}, "TCP": {6}, "UDP": {17}, "SCTP": {SCTP}}


def suricata_checks(text):
    """The checks of flows and of the decoder's counts: (kind, how many, what has to match)."""
    checks, match, is_match = [], None, False
    for line in text.splitlines():
        part = re.match(r"\s*(?:- )?(\S+?):\s*(.*?)\s*$", line)
        if not part or line.lstrip().startswith("#"):
            continue
        name, value = part.groups()
        if name in ("filter", "stats"):
            match, is_match = {}, name == "stats"
            checks.append([name, 1, match])
        elif match is not None and name == "count":
            checks[-1][1] = int(value)
        elif name == "match":
            is_match = True
        elif is_match and match is not None:
            match[name] = value
    return [check for check in checks
            if check[0] == "stats" or check[2].get("event_type") in ("flow", "netflow")]


def suricata_side(match, netflow):
    """The names of what Suricata says of a direction, and of weir's columns or sums."""
    if netflow:
        return {"netflow.pkts": "packets", "netflow.min_ttl": "ttl_min",
                "netflow.max_ttl": "ttl_max", "tcp.tcp_flags": "tcp_flags"}, {}
    return ({"flow.pkts_toserver": "packets", "icmp_type": "icmp_type", "icmp_code": "icmp_code"},
            {"flow.pkts_toclient": "packets", "response_icmp_type": "icmp_type",
             "response_icmp_code": "icmp_code"})


def suricata_is(side, names, match):
    """Whether a direction has what is asked of it; one without packets has counters of 0."""
    for name, column in names.items():
        if name not in match:
            continue
        want = int(match[name], 16 if name == "tcp.tcp_flags" else 10)
        if side is None:
            have = 0 if column == "packets" else None
        elif column in ("packets", "tcp_flags"):
            have = getattr(side, column)
        else:
            have = int(side.first[column] or 0)
        if have != want:
            return False
    return True


def suricata_key_is(flow, match):
    """Whether a flow's key is the one asked for."""
    def address(text):
        return str(ipaddress.ip_address(text))
    spi = int(flow["src_port"] or 0) << 16 | int(flow["dst_port"] or 0)
    vlans = [number for number in re.findall(r"\d+", match.get("vlan", match.get("vlan[0]", "")))]
    return all((
        "src_ip" not in match or flow["src_addr"] == address(match["src_ip"]),
        "dest_ip" not in match or flow["dst_addr"] == address(match["dest_ip"]),
        "src_port" not in match or flow["src_port"] == match["src_port"],
        "dest_port" not in match or flow["dst_port"] == match["dest_port"],
        "proto" not in match or int(flow["protocol"]) in SURICATA_NAMES[match["proto"]],
        "spi" not in match or (int(flow["protocol"]) == ESP and spi == int(match["spi"])),
        not vlans or flow["vlan"] == vlans[0],
    ))


def suricata_found(flows, match):
    """How many flows of weir's are as asked; Suricata's are of both directions, or of one."""
    netflow = match["event_type"] == "netflow"
    # Its ICMP flows have no type, and its SPI is one flow.
    def key(flow):
        icmp = int(flow["protocol"]) in (ICMP, ICMPV6)
        ports = (0, 0) if icmp else (flow["src_port"], flow["dst_port"])
        return flow["src_addr"], flow["dst_addr"], *ports, flow["protocol"], flow["vlan"]
    def turned(it):
        return it[1], it[0], it[3], it[2], *it[4:]
    by_key = sides(flows, key)
    first = {}
    for flow in sorted(flows, key=lambda flow: flow["start"]):
        if netflow or turned(key(flow)) not in first:
            first.setdefault(key(flow), flow)
    forth, back = suricata_side(match, netflow)
    return sum(suricata_key_is(flow, match) and suricata_is(by_key[it], forth, match) and
               suricata_is(by_key.get(turned(it)), back, match) for it, flow in first.items())


def compare_suricata(weir, golden, folder):
    """What Suricata's tests ask of its flow and netflow events and of the decoder's counters."""
    capture = os.path.join(folder, os.path.basename(golden).removesuffix(".test.yaml"))
    checks = suricata_checks(open(golden, encoding="utf-8").read())
    flows = meter(weir, capture, ",vlan") if checks else []
    differences, count = [], 0
    for kind, wanted, match in checks:
        # What Suricata does to packets, or counts of rules, is no flow.
        if any(name.startswith(("flow.action", "stats.")) for name in match):
            continue
        count += 1
        if kind == "filter":
            found = suricata_found(flows, match)
            if found != wanted:
                differences.append(f"{found} flows, expected {wanted}, with {match}")
            continue
        for name, value in match.items():
            found = suricata_decoded(flows, name)
            if found is not None and found != int(value):
                differences.append(f"{name} {found}, expected {value}")
    return differences, count


def suricata_decoded(flows, name):
    """The packets that its decoder counts under a name."""
    versions = {"decoder.ipv4": ".", "decoder.ipv6": ":"}
    protocols = {"decoder.tcp": 6, "decoder.udp": 17}
    if name in versions:
        return sum(int(flow["packets"]) for flow in flows if versions[name] in flow["src_addr"])
    if name in protocols:
        return sum(int(flow["packets"]) for flow in flows if int(flow["protocol"]) == protocols[name])
    return None


LAYERS = (("outer", ["equal"]), ("inner", ["equal inside"]), ("both", ["equal in both"]))

COMPARISONS = (
    ("flowtest", r"(?!fields|ipfix-mapping).*\.ya?ml", compare_flowtest),
    ("ipfixprobe", r".*\.txt", compare_ipfixprobe),
    ("zeek", r"(?!.*bad-checksum-syn).*\.conn\.log", compare_zeek),
    ("ndpi", r".*\.out", compare_ndpi),
    ("suricata", r".*\.yaml", compare_suricata),
)


def rows_of(document):
    """The rows `| golden | flows | result | why |` of the document."""
    rows = {}
    for line in open(document, encoding="utf-8").read().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            rows[cells[0].strip("`")] = cells
    return rows


def main():
    weir, document = sys.argv[1:3]
    show = "--print" in sys.argv
    root = os.path.join(os.environ.get("WEIR_SHARED", "../shared"), CAPTURES)
    if not os.path.isdir(root):
        print(f"skipped: shared file {CAPTURES} is not here")
        return 77
    rows, failures, seen = {} if show else rows_of(document), 0, set()
    for project, pattern, compare in COMPARISONS:
        folder = os.path.join(root, project)
        for name in sorted(os.listdir(os.path.join(folder, "expected"))):
            if not re.fullmatch(pattern, name):
                continue
            golden = f"{project}/{name}"
            seen.add(golden)
            expected = os.path.join(folder, "expected", name)
            row = rows.get(golden, [])
            # As the document has it; a difference has to be one with every layer.
            for layer, result in LAYERS:
                if show or result == row[2:3] or row[2:3] not in [name for _, name in LAYERS]:
                    differences, count = compare([weir, "meter", "--layer", layer], expected, folder)
                    if not differences:
                        break
            result = "differs" if differences else result[0] if count else "no flows"
            if show:
                print(f"| `{golden}` | {count} | {result} | {'; '.join(differences)[:400]} |")
                continue
            if not row or row[1] != str(count) or row[2] != result or \
                    (result in ("differs", "no flows")) != bool(row[3]):
                print(f"FAILED: {golden}: {count} flows, {result}; the document has {row}")
                for difference in differences[:5]:
                    print("   ", difference)
                failures += 1
    for golden in rows.keys() - seen:
        print(f"FAILED: {golden}: in the document, but not there")
        failures += 1
    if not show:
        print(f"{len(seen)} goldens, {failures} not as the document says")
    return 1 if failures else 0


sys.exit(main())
