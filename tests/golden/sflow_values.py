#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: sflow_values.py WEIR

Collects the sFlow files of ../shared with the real binary and compares the values of its JSON lines
with what tshark printed of the same files (../shared/data/decode-tshark), sample by sample: what
the agent says, what is in the sampled header, and counters. Of labels that come twice in a
structure the first one counts.
"""
import csv
import gzip
import json
import os
import re
import subprocess
import sys

FILES_MIN = 20
VALUES_MIN = 5000

# tshark's text lacks a datagram of the one, and takes no notice of wrong lengths in the other.
LEFT_OUT = {
    "export/ndpi/sflow.pcap",
    "export/embedded/cloudflare-goflow/001-sflow_test-L23.sflow5.bin",
}


def number(text):
    """10, 1 out of 1000 packets, 3799711844 total packets, UDP (17), 0x0010 (ACK)."""
    named = re.search(r"\((\d+)\)$", text)
    ratio = re.match(r"1 out of (\d+)", text)
    found = named or ratio or re.match(r"(0x[0-9a-f]+|-?\d+)", text)
    return int(found.group(1), 0)


def address(text):
    return text.split()[0]


def payload(text):
    return number(text) + 40


LOST = "what follows something unknown"

# Structure (None: of the sample), tshark's label: the Information Elements it may be.
SAMPLED = {
    (None, "Sampling rate"): (["samplingInterval"], number),
    (None, "Sample pool"): (["selectorIdTotalPktsObserved"], number),
    (None, "Dropped packets"): (["ignoredPacketTotalCount"], number),
    (None, "Source ID index"): (["observationPointId"], number),
    ("Extended switch data", "Incoming 802.1Q VLAN"): (["vlanId"], number),
    ("Extended switch data", "Outgoing 802.1Q VLAN"): (["postVlanId"], number),
    ("Extended router data", "Next hop"):
        (["ipNextHopIPv4Address", "ipNextHopIPv6Address"], address),
    ("Extended router data", "Next hop source mask"):
        (["sourceIPv4PrefixLength", "sourceIPv6PrefixLength"], number),
    ("Extended router data", "Next hop destination mask"):
        (["destinationIPv4PrefixLength", "destinationIPv6PrefixLength"], number),
    ("Extended gateway data", "Next hop"):
        (["bgpNextHopIPv4Address", "bgpNextHopIPv6Address"], address),
    ("Extended gateway data", "AS Router"): (["bgpRouterAsNumber"], number),
    ("Extended gateway data", "AS Source"): (["bgpSourceAsNumber"], number),
    ("Extended gateway data", "AS Peer"): (["bgpPrevAdjacentAsNumber"], number),
    ("Extended gateway data", "localpref"): (["bgpLocalPreference"], number),
    ("Processor information", "5s CPU Load (100 = 1%)"): (["processorLoad5s"], number),
    ("Processor information", "Total Memory"): (["processorMemoryTotal"], number),
    ("Processor information", "Free Memory"): (["processorMemoryFree"], number),
}
INTERFACE = {
    "Interface index": "ifIndex", "Interface Type": "ifType", "Interface Speed": "ifSpeed",
    "Interface Direction": "ifDirection", "Promiscuous Mode": "ifPromiscuousMode",
    "Input Unknown Protocol Packets": "ifInUnknownProtos",
}
for way, name in (("Input", "In"), ("Output", "Out")):
    for label, counter in (("Octets", "Octets"), ("Packets", "UcastPkts"), ("Errors", "Errors"),
                           ("Multicast Packets", "MulticastPkts"),
                           ("Broadcast Packets", "BroadcastPkts"),
                           ("Discarded Packets", "Discards")):
        INTERFACE[f"{way} {label}"] = f"if{name}{counter}"
ETHERNET = """Alignment Errors, FCS Errors, Single Collision Frames, Multiple Collision Frames,
    SQE Test Errors, Deferred Transmissions, Late Collisions, Excessive Collisions,
    Internal Mac Transmit Errors, Carrier Sense Errors, Frame Too Longs,
    Internal Mac Receive Errors, Symbol Errors"""
for label, element in INTERFACE.items():
    SAMPLED["Generic interface counters", label] = ([element], number)
for label in re.split(r",\s+", ETHERNET):
    SAMPLED["Ethernet interface counters", label] = (["dot3Stats" + label.replace(" ", "")], number)
# In the sampled header.
HEADER = {
    "Source Address": (["sourceIPv4Address", "sourceIPv6Address"], address),
    "Destination Address": (["destinationIPv4Address", "destinationIPv6Address"], address),
    "Total Length": (["octetDeltaCount"], number),
    "Payload Length": (["octetDeltaCount"], payload),
    "Time to Live": (["minimumTTL"], number),
    "Hop Limit": (["minimumTTL"], number),
    "Source Port": (["sourceTransportPort"], number),
    "Destination Port": (["destinationTransportPort"], number),
    "Protocol": (["protocolIdentifier"], number),
}


def samples_of(path):
    """What tshark printed: one dictionary {label: (elements, reader, text)} a sample."""
    samples, structure = [], None
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            indent = len(line) - len(line.lstrip(" "))
            label, _, text = line.strip().partition(": ")
            if indent == 4 and re.match(r"(Expanded )?([Ff]low|[Cc]ounters) sample", line.strip()):
                samples.append({})
                structure = None
            elif indent <= 4:
                structure = None if indent == 4 else structure
            if not samples:
                continue
            if indent == 8 and not text and structure != LOST:
                # Past a structure that it does not know tshark does not find the next one.
                structure = LOST if label.startswith("Unknown") else label
            if indent == 8:
                field = SAMPLED.get((None, label))
            elif indent == 12:
                field = SAMPLED.get((structure, label))
            else:
                is_header = indent == 20 and structure == "Raw packet header"
                field = HEADER.get(label) if is_header else None
            if field and (structure, label) not in samples[-1]:
                samples[-1][structure if indent > 8 else None, label] = (*field, text)
    return samples


def compare(name, mine, theirs):
    """How many values there were, and how many of them are wrong."""
    values = wrong = 0
    for index, (record, fields) in enumerate(zip(mine, theirs)):
        for (_, label), (elements, reader, text) in fields.items():
            there = [element for element in elements if element in record]
            want = reader(text)
            # 0 is a VLAN that is not known.
            if not there and label.endswith("VLAN") and (want == 0 or want > 4095):
                continue
            values += 1
            if not there or record[there[0]] != want:
                got = record[there[0]] if there else "nothing"
                print(f"{name}: sample {index + 1}: {label}: {got} is not {text}")
                wrong += 1
    return values, wrong


def main():
    weir = sys.argv[1]
    data = os.path.join(os.environ["WEIR_SHARED"], "data")
    table = os.path.join(data, "expected.tsv")
    if not os.path.exists(table):
        print("skipped: ../shared/data/expected.tsv is not here")
        sys.exit(77)
    with open(table, newline="", encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file, delimiter="\t")
                 if row["protocol"].startswith("sflow5") and row["crosscheck"] == "agree"]
    files = values = wrong = 0
    for name in names:
        text = os.path.join(data, "decode-tshark", name.removeprefix("export/") + ".txt.gz")
        if name in LEFT_OUT or not os.path.exists(text):
            continue
        done = subprocess.run([weir, "collect", "-r", os.path.join(data, name)],
                              capture_output=True, timeout=60, check=False)
        mine = [json.loads(line) for line in done.stdout.splitlines()]
        mine = [record for record in mine if record["protocol"] == "sflow"]
        theirs = samples_of(text)
        if len(mine) != len(theirs):
            print(f"{name}: {len(mine)} samples, {len(theirs)} in tshark's text")
            wrong += 1
        more, bad = compare(name, mine, theirs)
        files, values, wrong = files + 1, values + more, wrong + bad
    print(f"{files} files, {values} values compared, {wrong} wrong")
    sys.exit(wrong > 0 or files < FILES_MIN or values < VALUES_MIN)


main()
