#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: packet_values.py PRINT_PACKETS

Parses every capture of ../shared, once outside of tunnels and once inside, and compares each frame
with what tshark says of the same IP header: addresses, protocol, length, ToS, TTL, ports, ICMP type and code, TCP flags, VLAN, time, and what identifies the tunnel.
Frames that make no packet have to be such as have no IP header that weir looks for. For tshark the
captures are put into one file, since starting it takes longer than reading them all.
"""
import csv
import os
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
PACKETS_MIN = 35800
PORTS_MIN = 29000

FRAGMENT, LATER_FRAGMENT, TRUNCATED, MALFORMED_TRANSPORT = 1, 2, 4, 8

FIELDS = """frame.time_epoch frame.protocols ip.src ip.dst ip.proto ip.len ip.dsfield ip.ttl
ipv6.src ipv6.dst ipv6.plen ipv6.tclass ipv6.hlim tcp.srcport tcp.dstport tcp.flags udp.srcport
udp.dstport sctp.srcport sctp.dstport dccp.srcport dccp.dstport icmp.type icmp.code icmpv6.type
icmpv6.code vlan.id ieee8021ad.id erspan.vlan mpls.label pppoe.session_id
gre.key gtp.teid vxlan.vni geneve.vni""".split()

INSIDE_MIN = 1300
DEPTHS = 0, 4
AH = 51

# enum weir_encapsulation_kind: tshark's field of the id.
IDS = {1: "mpls.label", 2: "pppoe.session_id", 4: "gre.key", 8: "vxlan.vni", 9: "geneve.vni",
       10: "gtp.teid"}

PORTS = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udp"}

# Where a frame that makes no packet may yet have an IP header: behind a header that is not parsed,
# or one that is cut or breaks a rule.
WITH_IP_BEHIND = {"mpls", "ppp", "macsec", "wlan", "wlan_fragment", "wlan_aggregated", "link_type",
                  "other_protocol", "truncated", "malformed_ip_version", "malformed_ip_header",
                  "malformed_ip_length"}

# (capture, field): tshark's value is another, and why.
DIFFER = {
    ("akvorado/mpls-eompls-cw.pcap", "src"): "tshark does not look into this pseudowire",
    ("akvorado/mpls-eompls-cw.pcap", "dst"): "the same",
    ("akvorado/mpls-eompls-cw.pcap", "ports"): "the same",
    ("pcapplusplus/ipv4-options.pcap", "dst"): "tshark gives the end of a source route",
    ("zeek/trunc-ipv4-internally-truncated-header.pcap", "dst"): "the options are cut",
    ("pcapplusplus/pcapng-example.pcapng", "time"): "after 2262, which weir clamps",
    ("tcpdump/bigtcp-ipv6.pcap", "ports"): "tshark gives up at a length of 0",
    ("tcpdump/timestamp_invalid_micro.pcap", "time"): "fractions of a second or more",
}

COLUMNS = "version src dst protocol octets tos ttl src_port dst_port tcp_flags vlan flags time depth kind id".split()


def tshark(paths):
    """The frames of all captures, in order."""
    command = ["tshark", "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
               "--enable-heuristic", "teredo_udp", "-T", "fields", "-E", "occurrence=a", "-E", "separator=/t"]
    for field in FIELDS:
        command += ["-e", field]
    with tempfile.TemporaryDirectory() as folder:
        merged = os.path.join(folder, "all.pcapng")
        subprocess.run(["mergecap", "-a", "-F", "pcapng", "-w", merged, *paths], check=True)
        output = subprocess.run([*command, "-r", merged], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, check=True).stdout
    frames = [dict(zip(FIELDS, line.split("\t"))) for line in output.splitlines()]
    # Custom blocks of pcapng, which are no packets.
    return [frame for frame in frames if frame["frame.protocols"] != "data"]


def number(text):
    return int(text, 0) if text else None


def outermost_vlan(frame, depth):
    """The first tag before an IP header, or where there is none before the one outside it. A mirror
    says of a frame without tag where it was."""
    layers, segment, tags, mirrored = frame["frame.protocols"].split(":"), 0, {}, {}
    seen = {"vlan": 0, "ieee8021ad": 0}
    for layer in layers:
        if layer in ("ip", "ipv6"):
            if segment == depth:
                break
            segment += 1
        elif layer in seen:
            values = frame[layer + ".id"].split(",")
            tags.setdefault(segment, number(values[seen[layer]]))
            seen[layer] += 1
        elif layer == "erspan" and number(frame["erspan.vlan"].split(",")[0]):
            mirrored[segment] = number(frame["erspan.vlan"].split(",")[0])
    tags = {**mirrored, **tags}
    return tags[max(tags)] if tags else 0


def at_depth(frame, depth, version):
    """The frame's fields of one IP header and what it carries; None where tshark has no such."""
    layers = frame["frame.protocols"].split(":")
    ips = [i for i, layer in enumerate(layers) if layer in ("ip", "ipv6")]
    if depth and (depth >= len(ips) or layers[ips[depth]] != {"4": "ip", "6": "ipv6"}[version]):
        return None
    at = ips[depth] if depth else 0
    fields = {}
    for name, text in frame.items():
        values = text.split(",") if name in FIELDS[2:] else [text]
        before = layers[:at].count(name.split(".")[0]) if depth else 0
        fields[name] = values[before] if before < len(values) else ""
    return fields


def expected(ours, whole_frame, frame, into):
    """What tshark says, by our names; None where it says nothing."""
    said = {"vlan": outermost_vlan(whole_frame, int(ours["depth"]))}
    field = IDS.get(int(ours["kind"]))
    if field and whole_frame[field]:
        ids = [number(text) for text in whole_frame[field].split(",")]
        said["id"] = int(ours["id"]) if int(ours["id"]) in ids else ids
    if ours["version"] == "6":
        payload = number(frame["ipv6.plen"])
        said.update(src=frame["ipv6.src"], dst=frame["ipv6.dst"], tos=number(frame["ipv6.tclass"]),
                    ttl=number(frame["ipv6.hlim"]), octets=payload + 40 if payload else None)
    else:
        said.update(src=frame["ip.src"], dst=frame["ip.dst"], tos=number(frame["ip.dsfield"]),
                    ttl=number(frame["ip.ttl"]), octets=number(frame["ip.len"]),
                    protocol=number(frame["ip.proto"]))
        if said["protocol"] == AH and into:
            del said["protocol"]  # what it authenticates is gone on to
    seconds, nanoseconds = frame["frame.time_epoch"].split(".")
    if int(seconds) > 0:  # Simple Packet Blocks have no time
        said["time"] = int(seconds) * 10**9 + int(nanoseconds)
    protocol, flags = int(ours["protocol"]), int(ours["flags"])
    if flags & (LATER_FRAGMENT | TRUNCATED | MALFORMED_TRANSPORT):
        return said
    if protocol in PORTS:
        ports = [number(frame[PORTS[protocol] + side]) for side in (".srcport", ".dstport")]
        said["ports"] = tuple(ports)
        if protocol == 6 and frame["tcp.flags"]:
            said["tcp_flags"] = number(frame["tcp.flags"]) & 0x1ff
    for icmp, name in ((1, "icmp"), (58, "icmpv6")):
        if protocol == icmp and frame[name + ".type"]:
            code = number(frame[name + ".code"]) or 0
            said["ports"] = (0, number(frame[name + ".type"]) * 256 + code)
    return said


def compare(name, frame_number, ours, frame, into, counts):
    wrong = []
    if ours["version"] == "rest":
        has_ip = frame["ip.src"] or frame["ipv6.src"]
        if has_ip and ours["src"] not in WITH_IP_BEHIND:
            wrong.append(f"{name}: frame {frame_number}: {ours['src']}, and {frame['frame.protocols']}")
        return wrong
    whole_frame, depth = frame, int(ours["depth"])
    frame = at_depth(whole_frame, depth, ours["version"])
    if not frame:
        return [f"{name}: frame {frame_number}: tshark has no IP header so deep"]
    counts["inside"] += depth > 0
    counts["packets"] += 1
    values = {key: ours[key] if key in ("src", "dst") else int(ours[key]) for key in COLUMNS}
    values["ports"] = (values["src_port"], values["dst_port"])
    for key, value in expected(ours, whole_frame, frame, into).items():
        if value is None:
            continue
        counts["ports"] += key == "ports"
        if values[key] != value and (name, key) in DIFFER:
            counts["differ"].add((name, key))
        elif values[key] != value:
            wrong.append(f"{name}: frame {frame_number}: {key} {values[key]}, tshark {value}")
    return wrong


def parse(path, depth):
    printed = subprocess.run([sys.argv[1], path, str(depth)], capture_output=True, text=True, check=True)
    return [dict(zip(COLUMNS, line.split("\t"))) for line in printed.stdout.splitlines()]


def main():
    shared = os.path.join(os.environ.get("WEIR_SHARED", "../shared"), "data")
    if not os.path.exists(os.path.join(shared, "capture-index.tsv")) or not shutil.which("tshark"):
        print("skipped: the shared captures, or tshark, are not here")
        return SKIP
    with open(os.path.join(shared, "capture-index.tsv"), encoding="utf-8") as index:
        # tshark cannot read all of those without a type.
        files = [row["file"] for row in csv.DictReader(index, delimiter="\t")
                 if row["filetype"] != "?"]
    frames = tshark([os.path.join(shared, file) for file in files])
    counts = {"packets": 0, "ports": 0, "inside": 0, "differ": set()}
    wrong = []
    for depth in DEPTHS:
        rest = iter(frames)
        for file in files:
            name = file.removeprefix("capture/")
            for i, ours in enumerate(parse(os.path.join(shared, file), depth), 1):
                frame = next(rest, None)
                if frame is None:
                    wrong.append(f"{name}: frame {i}: tshark has no more")
                    break
                wrong += compare(name, i, ours, frame, depth > 0, counts)
        left = len(list(rest))
        if left:
            wrong.append(f"{left} frames are left of tshark's")
    wrong += [f"{name}: {key} differs no more" for name, key in DIFFER.keys() - counts["differ"]]
    print("\n".join(wrong[:40]))
    print(f"{len(files)} captures, {counts['packets']} packets, {counts['inside']} of them in tunnels, "
          f"ports of {counts['ports']}; {len(wrong)} wrong")
    return int(bool(wrong) or counts["inside"] < INSIDE_MIN or
               counts["packets"] < PACKETS_MIN or counts["ports"] < PORTS_MIN)


sys.exit(main())
