#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: captures.py WEIR

Meters every capture of the shared folder. None may crash; packets and octets of the flows and the
counted rest must be those of the file, which capture-index.tsv has from tshark; outside of tunnels,
inside, and of both, where those outside are told from the others.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile

# Where the index says something else than the packets of the file, and what those are.
NOT_AS_INDEXED = {
    # tshark counts Custom Blocks as packets (capinfos does not).
    "pcapng-conformance/be-test018.pcapng": (4, 1312),
    "pcapng-conformance/le-test018.pcapng": (4, 1312),
    "pcapng-conformance/be-test102.pcapng": (5, 1480),
    "pcapng-conformance/le-test102.pcapng": (5, 1480),
    "pcapng-conformance/be-test202.pcapng": (8, 2304),
    "pcapng-conformance/le-test202.pcapng": (8, 2304),
    # tshark does not know the link type.
    "tcpdump/brcm-tag.pcap": (23, 4082),
    "tcpdump/edsa.pcap": (10, 872),
}

# These are broken on purpose: exit status 1, after what was readable.
BROKEN = {
    "pcapng-conformance/be-test901.pcapng",
    "pcapng-conformance/le-test901.pcapng",
}


def check(weir, path, row, layer, scratch):
    """What is wrong with the metering of one capture."""
    name = row["file"].removeprefix("capture/")
    flows, stats = (os.path.join(scratch, part) for part in ("flows.json", "stats.json"))
    done = subprocess.run([weir, "meter", "-r", path, "--layer", layer, "--to", "json:" + flows, "--stats", stats],
                          capture_output=True, text=True, check=False)
    if done.returncode < 0:
        return [f"killed by {signal.Signals(-done.returncode).name}"]
    if done.returncode != (1 if name in BROKEN else 0):
        return [f"exit status {done.returncode}: {done.stderr.strip()[:300]}"]
    if (done.stderr.count("\n") == 1) != (name in BROKEN):
        return [f"stderr: {done.stderr.strip()[:300]}"]
    wrong = []
    counted = json.load(open(stats, encoding="utf-8"))
    packets = octets = 0
    layers = {"outer": (0, 0), "inner": (0, 0)}
    for line in open(flows, encoding="utf-8"):
        flow = json.loads(line)
        packets += flow["packetDeltaCount"]
        octets += flow["octetDeltaCount"]
        place = "inner" if flow.get("tunnelLayer") else "outer"
        layers[place] = (layers[place][0] + flow["packetDeltaCount"],
                         layers[place][1] + flow["octetDeltaCount"])
    parsed = (counted["packets_parsed"] + counted["packets_inner"],
              counted["octets_parsed"] + counted["octets_inner"])
    if (packets, octets) != parsed:
        wrong.append(f"flows have {packets} packets, {octets} octets; parsed {parsed}")
    if layers["outer"] != (counted["packets_parsed"], counted["octets_parsed"]):
        wrong.append(f"layer 0 has {layers['outer']}; parsed {counted['packets_parsed']}, "
                     f"{counted['octets_parsed']}")
    packets, octets = layers["outer"]
    causes = ("arp lldp mpls pppoe ppp macsec eapol llc wlan other_protocol wlan_fragment "
              "wlan_aggregated link_type truncated malformed_link malformed_vlan "
              "malformed_nesting malformed_ip_version malformed_ip_header "
              "malformed_ip_length").split()
    packets += sum(counted["packets_" + cause] for cause in causes)
    octets += sum(counted["octets_" + cause] for cause in causes)
    octets += counted["octets_link_layer"] - counted["octets_beyond_frame"]
    if (packets, octets) != (counted["packets"], counted["octets"]):
        wrong.append(f"with the rest {packets} packets, {octets} octets; read "
                     f"{counted['packets']}, {counted['octets']}")
    expected = NOT_AS_INDEXED.get(name, (int(row["packets"]), int(row["wire_bytes"])))
    if (counted["packets"], counted["octets"]) != expected:
        wrong.append(f"read {counted['packets']} packets, {counted['octets']} octets; the file "
                     f"has {expected[0]}, {expected[1]}")
    return wrong


def main():
    weir = sys.argv[1]
    root = os.path.join(os.environ.get("WEIR_SHARED", "../shared"), "data")
    index = os.path.join(root, "capture-index.tsv")
    if not os.path.exists(index):
        print("skipped: shared file data/capture-index.tsv is not here")
        return 77
    failures = captures = 0
    with tempfile.TemporaryDirectory() as scratch:
        for row in csv.DictReader(open(index, encoding="utf-8"), delimiter="\t"):
            captures += 1
            for layer in ("outer", "inner", "both"):
                for wrong in check(weir, os.path.join(root, row["file"]), row, layer, scratch):
                    print(f"FAILED: {row['file']}: {layer}: {wrong}")
                    failures += 1
    print(f"{captures} captures, {failures} failures")
    return 1 if failures or not captures else 0


sys.exit(main())
