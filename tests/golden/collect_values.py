#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_values.py WEIR

Collects the export files of ../shared with the real binary and compares the values of its JSON
lines with what tshark printed of the same files (../shared/data/decode-tshark, see the README.md
there), record by record and field by field. FIELDS says which label of tshark's is which
Information Element; labels that are not in it, and those that come twice in a record, are left out.
"""
import csv
import datetime
import gzip
import json
import os
import re
import subprocess
import sys

FILES_MIN = 30
VALUES_MIN = 10000
LIST_VALUES_MIN = 40

# tshark read these with templates that another file of their group gave the same ids: its flows end
# before they start, and its addresses are parts of two.
MISREAD = re.compile(r"export/embedded/bitkeks-python-netflow-v9-so/\d+-lib-L\d+\.ipfix\.bin")


def number(text):
    """443, 443 (443), TCP (6), 0x18, ACK, PSH: the number that is meant."""
    found = re.fullmatch(r"\d+", text) or re.match(r"(0x[0-9a-f]+|\d+)\b", text)
    named = re.search(r"\((\d+)\)$", text)
    if named and not re.match(r"\d+ \(prefix|0x", text):
        return int(named.group(1))
    return int(found.group(0), 0)


def text_of(text):
    return text


def hexadecimal(text):
    return "0x" + text


def hexadecimal_number(text):
    return int(text, 16)


def octets_in_text(text):
    return text.split()[0]


def time_of(text):
    """Nanoseconds since 1970 of tshark's absolute times, as a string of weir's."""
    found = re.fullmatch(r"(\w{3} +\d+, \d{4} \d\d:\d\d:\d\d)\.(\d{9}) UTC", text)
    moment = datetime.datetime.strptime(found.group(1), "%b %d, %Y %H:%M:%S")
    return moment, int(found.group(2))


def uptime_ms(text):
    if text == "Jan  1, 1970 00:00:00.000000000 UTC":
        return 0  # as tshark prints it
    seconds, fraction = text.removesuffix(" seconds").split(".")
    return int(seconds) * 1000 + int(fraction) // 1000000


def same_time(mine, theirs):
    """Equal in the digits that weir prints; NTP fractions, which have no such digits, may be
    rounded by one and cut by the other."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z", mine)
    moment = datetime.datetime.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S")
    digits = found.group(2) or ""
    nanoseconds = int(digits.ljust(9, "0"))
    between = round((moment - theirs[0]).total_seconds()) * 10**9 + nanoseconds - theirs[1]
    return abs(between) < 10 ** (9 - len(digits)) if len(digits) >= 6 else between == 0


# Templates of the NetFlow v8 schemes where tshark takes a side and weir keeps octets as they came.
UNSETTLED = {85, 89, 93, 94}

# Label of tshark's: the Information Elements it may be, and how its text is read.
FIELDS = {
    "SrcAddr": (["sourceIPv4Address", "sourceIPv6Address"], text_of),
    "DstAddr": (["destinationIPv4Address", "destinationIPv6Address"], text_of),
    "NextHop": (["ipNextHopIPv4Address", "ipNextHopIPv6Address"], text_of),
    "BGPNextHop": (["bgpNextHopIPv4Address", "bgpNextHopIPv6Address"], text_of),
    "SrcNet": (["sourceIPv4Prefix"], text_of),
    "DstNet": (["destinationIPv4Prefix"], text_of),
    "Router Shortcut": (["ipv4RouterSc"], text_of),
    "Flows": (["deltaFlowCount"], number),
    "Marked ToS": (["excessPacketClassOfService"], hexadecimal_number),
    "Extra packets": (["excessPacketDeltaCount"], hexadecimal_number),
    "Export Flags": (["netflow7FieldFlags"], number),
    "SrcPort": (["sourceTransportPort"], number),
    "DstPort": (["destinationTransportPort"], number),
    "Protocol": (["protocolIdentifier"], number),
    "IP ToS": (["ipClassOfService"], number),
    "TCP Flags": (["tcpControlBits"], number),
    "Packets": (["packetDeltaCount"], number),
    "Octets": (["octetDeltaCount"], number),
    "Permanent Packets": (["packetTotalCount"], number),
    "Permanent Octets": (["octetTotalCount"], number),
    "Post Packets": (["postPacketDeltaCount"], number),
    "Post Octets": (["postOctetDeltaCount"], number),
    "Initiator Octets": (["initiatorOctets"], number),
    "Responder Octets": (["responderOctets"], number),
    "DeltaOctetsSquared": (["octetDeltaSumOfSquares"], number),
    "InputInt": (["ingressInterface"], number),
    "OutputInt": (["egressInterface"], number),
    "SrcAS": (["bgpSourceAsNumber"], number),
    "DstAS": (["bgpDestinationAsNumber"], number),
    "SrcMask": (["sourceIPv4PrefixLength", "sourceIPv6PrefixLength"], number),
    "DstMask": (["destinationIPv4PrefixLength", "destinationIPv6PrefixLength"], number),
    "IPVersion": (["ipVersion"], number),
    "IP TTL": (["ipTTL"], number),
    "MinTTL": (["minimumTTL"], number),
    "MaxTTL": (["maximumTTL"], number),
    "Direction": (["flowDirection"], number),
    "ICMP Type": (["icmpTypeCodeIPv4", "icmpTypeCodeIPv6"], number),
    "IPv4 ICMP Type": (["icmpTypeIPv4"], number),
    "IPv4 ICMP Code": (["icmpCodeIPv4"], number),
    "IPv6 ICMP Type": (["icmpTypeIPv6", "icmpTypeCodeIPv6"], number),
    "IPv6 ICMP Code": (["icmpCodeIPv6", "icmpTypeCodeIPv6"], number),
    "Vlan Id": (["vlanId"], number),
    "Post Vlan Id": (["postVlanId"], number),
    "Dot1q Vlan Id": (["dot1qVlanId"], number),
    "Dot1q Customer Vlan Id": (["dot1qCustomerVlanId"], number),
    "Dot1q Priority": (["dot1qPriority"], number),
    "Ethernet Type": (["ethernetType"], number),
    "Source Mac Address": (["sourceMacAddress"], octets_in_text),
    "Destination Mac Address": (["destinationMacAddress"], octets_in_text),
    "Flow End Reason": (["flowEndReason"], number),
    "Flow Id": (["flowId"], number),
    "Biflow Direction": (["biflowDirection"], number),
    "Firewall Event": (["firewallEvent"], number),
    "Nat Event": (["natEvent"], number),
    "Extended firewall event code": (["firewallEventExtended"], number),
    "Ingress ACL ID": (["ingressAclId"], hexadecimal),
    "Egress ACL ID": (["egressAclId"], hexadecimal),
    "AAA username": (["userName"], text_of),
    "SrcPrefix": (["sourceIPv4Prefix"], text_of),
    "Post NAT Source IPv4 Address": (["postNATSourceIPv4Address"], text_of),
    "Post NAT Destination IPv4 Address": (["postNATDestinationIPv4Address"], text_of),
    "Post NAPT Source Transport Port": (["postNAPTSourceTransportPort"], number),
    "Post NAPT Destination Transport Port": (["postNAPTDestinationTransportPort"], number),
    "Ingress VRFID": (["ingressVRFID"], number),
    "Egress VRFID": (["egressVRFID"], number),
    "VRFname": (["VRFname"], text_of),
    "IfName": (["interfaceName"], text_of),
    "IfDescr": (["interfaceDescription"], text_of),
    "TopLabelAddr": (["mplsTopLabelIPv4Address"], text_of),
    "TopLabelAddr V6": (["mplsTopLabelIPv6Address"], text_of),
    "TopLabelType": (["mplsTopLabelType"], number),
    "MPLS VPN RD": (["mplsVpnRouteDistinguisher"], hexadecimal),
    "EngineType": (["engineType"], number),
    "EngineId": (["engineId"], number),
    "SamplerID": (["samplerId"], number),
    "SamplerName": (["samplerName"], text_of),
    "Sampling interval": (["samplingInterval"], number),
    "Sampling algorithm": (["samplingAlgorithm"], number),
    "Selector Id": (["selectorId"], number),
    "Selector Name": (["selectorName"], text_of),
    "Selector Algorithm": (["selectorAlgorithm"], number),
    "Sampling Packet Interval": (["samplingPacketInterval"], number),
    "Sampling Size": (["samplingSize"], number),
    "Sampling Population": (["samplingPopulation"], number),
    "Observation Domain Id": (["observationDomainId"], number),
    "Observation Point Id": (["observationPointId"], number),
    "Frame Length": (["dataLinkFrameSize"], number),
    "ApplicationName": (["applicationName"], text_of),
    "ApplicationDesc": (["applicationDescription"], text_of),
    "Layer2 Segment Id": (["layer2SegmentId"], number),
    "Observation Time Milliseconds": (["observationTimeMilliseconds"], time_of),
    "System Init Time": (["systemInitTimeMilliseconds"], time_of),
    "Flow inactive timeout": (["flowIdleTimeout"], number),
    "Flow active timeout": (["flowActiveTimeout"], number),
}
TIMES = {
    "switched": ("flow{}SysUpTime", uptime_ms),
    "seconds": ("flow{}Seconds", time_of),
    "milliseconds": ("flow{}Milliseconds", time_of),
    "microseconds": ("flow{}Microseconds", time_of),
    "nanoseconds": ("flow{}Nanoseconds", time_of),
}
EDGES = {"StartTime": "Start", "EndTime": "End"}

# Lists: tshark prints the items of a subTemplateList, and the octets of a subTemplateMultiList.
ITEM = re.compile(r"List Item \d+")
MULTI_LIST = "Enterprise Private entry: ((null)) Type 293: Value (hex bytes)"
WIDTHS = {"tcpSequenceNumber": 4, "initialTCPFlags": 1, "unionTCPFlags": 1,
          "reverseTcpSequenceNumber": 4, "reverseInitialTCPFlags": 1, "reverseUnionTCPFlags": 1}


def octets_of_lists(value):
    """A subTemplateMultiList of weir's as it was sent, where WIDTHS has all of its fields."""
    octets = bytes([["noneOf", "exactlyOneOf", "oneOrMoreOf", "allOf"].index(value["semantic"])])
    for entry in value["lists"]:
        records = b"".join(field.to_bytes(WIDTHS[name], "big")
                           for record in entry["records"] for name, field in record.items())
        octets += entry["template"].to_bytes(2, "big") + (len(records) + 4).to_bytes(2, "big")
        octets += records
    return octets.hex(" ")


def compare_lists(name, mine, theirs, values):
    """Wrong lists of a file."""
    wrong = 0
    for index, (record, lists) in enumerate(zip(mine, theirs)):
        if "multi" in lists:
            values[1] += 1
            if octets_of_lists(record["subTemplateMultiList"]) != lists["multi"]:
                print(f"{name}: record {index + 1}: {record['subTemplateMultiList']}")
                wrong += 1
        items = lists.get("items", [])
        records = record["subTemplateList"]["records"] if items else []
        if len(items) != len(records):
            print(f"{name}: record {index + 1}: {len(records)} in its list, not {len(items)}")
            wrong += 1
        for item, there in zip(items, records):
            for label, text in item.items():
                elements, reader = FIELDS[label]
                values[1] += 1
                if not is_same(elements[0], label, there.get(elements[0]), reader(text)):
                    print(f"{name}: record {index + 1}: {elements[0]}: {there} is not {text}")
                    wrong += 1
    return wrong


def lists_of(path):
    """What tshark printed of lists, one dictionary a record."""
    records, depth = [], None
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            indent = len(line) - len(line.lstrip(" "))
            text = line.lstrip(" ").rstrip("\n")
            label, _, value = text.partition(": ")
            if re.fullmatch(r"(Flow \d+|pdu \d+/\d+)", text):
                records.append({})
                depth = None
            elif text.startswith(MULTI_LIST):
                records[-1]["multi"] = text.removeprefix(MULTI_LIST + ": ")
            elif ITEM.fullmatch(text):
                records[-1].setdefault("items", []).append({})
                depth = indent
            elif text == "[Malformed Packet: CFLOW]" and records:
                records[-1].pop("items", None)
            elif depth is not None and indent == depth + 4 and label in FIELDS:
                records[-1]["items"][-1][label] = value
    return records


def records_of(path):
    """What tshark printed, one list of (elements, reader, text, label) a record."""
    records, seen, kind = [], {}, None
    depth = None
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            indent = len(line) - len(line.lstrip(" "))
            text = line.lstrip(" ").rstrip("\n")
            begins = re.fullmatch(r"(Flow \d+|pdu \d+/\d+)", text)
            if begins:
                records.append([])
                seen, kind, depth = {}, None, indent
                continue
            if depth is None or indent <= depth:
                depth = None
                continue
            duration = re.match(r"\[Duration: .*\((\w+)\)\]$", text)
            if duration:
                kind = duration.group(1)
            label, _, value = text.partition(": ")
            if indent == depth + 8 and label in EDGES and kind in TIMES:
                name, reader = TIMES[kind]
                field = ([name.format(EDGES[label])], reader, value, label)
            elif indent == depth + 4 and label in FIELDS and "(Reverse Type" not in value:
                field = (*FIELDS[label], value, label)
            else:
                continue
            # What comes twice has its second meaning elsewhere.
            if label in seen:
                records[-1] = [other for other in records[-1] if other[3] != label]
            else:
                records[-1].append(field)
            seen[label] = True
    return records


def is_same(element, label, mine, theirs):
    if element == "icmpTypeCodeIPv6" and label != "ICMP Type":
        mine = mine >> 8 if label == "IPv6 ICMP Type" else mine & 255
    if isinstance(theirs, tuple):
        return same_time(mine, theirs)
    if isinstance(mine, str):
        mine = mine.split("\0", maxsplit=1)[0]  # where tshark ends a text
    return mine == theirs


def compare(name, mine, theirs, vendor_values):
    """Wrong fields of a file; values that were compared are counted."""
    wrong = 0
    for index, (record, fields) in enumerate(zip(mine, theirs)):
        for elements, reader, text, label in fields:
            there = [element for element in elements if element in record]
            if not there and record["template"] in UNSETTLED:
                continue
            if not there:
                print(f"{name}: record {index + 1}: lacks {' or '.join(elements)}: {text}")
                wrong += 1
                continue
            vendor_values[0] += 1
            if not is_same(there[0], label, record[there[0]], reader(text)):
                print(f"{name}: record {index + 1}: {there[0]}: {record[there[0]]} is not {text}")
                wrong += 1
    return wrong


def collect(weir, files):
    command = [weir, "collect", "--quiet", "--stats", "/dev/stderr"]
    for file in files:
        command += ["-r", file]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        return None, None
    return [json.loads(line) for line in done.stdout.splitlines()], json.loads(done.stderr)


def main():
    weir = sys.argv[1]
    data = os.path.join(os.environ["WEIR_SHARED"], "data")
    table = os.path.join(data, "expected.tsv")
    if not os.path.exists(table):
        print("skipped: ../shared/data/expected.tsv is not here")
        sys.exit(77)
    with open(table, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t")
                if re.match(r"(netflow[15789]|ipfix):", row["protocol"])]
    groups = {}
    for index, row in enumerate(rows):
        name = row["group"] if row["group"] != "-" else f"file {index}"
        groups.setdefault(name, []).append(row)

    compared, values, wrong = 0, [0, 0], 0
    for group in groups.values():
        group.sort(key=lambda row: not ("templ" in row["file"] or "tpl" in row["file"]))
        files, before, late = [], 0, 0
        for row in group:
            files.append(os.path.join(data, row["file"]))
            lines, stats = collect(weir, files)
            if lines is None:
                break
            mine, now_late = lines[before:], stats["records_buffered"]
            text = os.path.join(data, "decode-tshark",
                                row["file"].removeprefix("export/") + ".txt.gz")
            if (row["crosscheck"] == "agree" and mine and now_late == late
                    and os.path.exists(text) and not MISREAD.fullmatch(row["file"])):
                theirs = records_of(text)
                if len(theirs) == len(mine):
                    compared += 1
                    wrong += compare(row["file"], mine, theirs, values)
                    wrong += compare_lists(row["file"], mine, lists_of(text), values)
                else:
                    print(f"{row['file']}: {len(mine)} records, {len(theirs)} in tshark's text")
            before, late = len(lines), now_late
    print(f"{compared} files, {values[0]} values, {values[1]} in lists compared, {wrong} wrong")
    sys.exit(wrong > 0 or compared < FILES_MIN or values[0] < VALUES_MIN
             or values[1] < LIST_VALUES_MIN)


main()
