#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_telegraf.py WEIR

Collects the files of ../shared that lie there with what Telegraf's netflow input made of them
(expected.out, in line protocol), and compares: each of Telegraf's metrics has a record of weir's
with the same values, and none is left over. FIELDS says which Information Elements a field of
Telegraf's may be, and how its text is read; fields that are not in it are left out.
"""
import calendar
import glob
import ipaddress
import json
import os
import re
import subprocess
import sys
import time

FOLDERS_MIN = 7
VALUES_MIN = 900

# name=value, a value being a number with its type's letter or a text in quotes.
FIELD = re.compile(r'([A-Za-z_0-9]+)=("(?:[^"\\]|\\.)*"|[^,\s]+)')

# Not "hopopt", which is what IPv6's first header names: the flow's protocol comes behind it. Nor
# what Telegraf does not look for behind it.
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "ipv6-icmp": 58}
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
END_REASONS = {"idle timeout": 1, "active timeout": 2, "end of flow": 3, "forced end": 4,
               "lack of resources": 5}


def text_of(text):
    return text


def address(text):
    return str(ipaddress.ip_address(text))


def protocol(text):
    return PROTOCOLS.get(text)


def flags(text):
    return sum(FLAGS[letter] for letter in text if letter in FLAGS)


def end_reason(text):
    return END_REASONS[text]


def number(text):
    return int(text, 0)


def direction(text):
    return {"ingress": 0, "egress": 1}[text]


FIELDS = {
    "src": (["sourceIPv4Address", "sourceIPv6Address"], address),
    "dst": (["destinationIPv4Address", "destinationIPv6Address"], address),
    "src_port": (["sourceTransportPort"], number),
    "dst_port": (["destinationTransportPort"], number),
    "protocol": (["protocolIdentifier"], protocol),
    "tcp_flags": (["tcpControlBits"], flags),
    "src_tos": (["ipClassOfService"], number),
    "in_packets": (["packetDeltaCount"], number),
    "in_snmp": (["ingressInterface", "ifIndex"], number),
    "out_snmp": (["egressInterface"], number),
    "in_total_bytes": (["octetTotalCount"], number),
    "flow_start_ms": (["flowStartMilliseconds"], number),
    "flow_end_ms": (["flowEndMilliseconds"], number),
    "flow_end_reason": (["flowEndReason"], end_reason),
    "first_switched": (["flowStartSysUpTime"], number),
    "last_switched": (["flowEndSysUpTime"], number),
    "next_hop": (["ipNextHopIPv4Address"], address),
    "bgp_src_as": (["bgpSourceAsNumber"], number),
    "bgp_dst_as": (["bgpDestinationAsNumber"], number),
    "src_mask": (["sourceIPv4PrefixLength"], number),
    "dst_mask": (["destinationIPv4PrefixLength"], number),
    "vlan_src": (["vlanId"], number),
    "vlan_dst": (["postVlanId"], number),
    "type_6871_40": (["flowAttributes"], number),
    "type_6871_rev_40": (["reverseFlowAttributes"], number),
    "type_6871_21": (["reverseFlowDeltaMilliseconds"], number),
    "type_29305_5": (["reverseIpClassOfService"], number),
    "type_29305_58": (["reverseVlanId"], number),
    "type_29305_85": (["reverseOctetTotalCount"], number),
    "type_29305_86": (["reversePacketTotalCount"], number),
    "app_id": (["applicationId"], text_of),
    "app_name": (["applicationName"], text_of),
    "app_desc": (["applicationDescription"], text_of),
    "interface_desc": (["interfaceDescription"], text_of),
    "agent_ip": (["exporter"], address),
    "agent_subid": (["domain"], number),
    "interface_type": (["ifType"], number),
    "speed": (["ifSpeed"], number),
    "in_unicast_packets_total": (["ifInUcastPkts"], number),
    "in_mcast_packets_total": (["ifInMulticastPkts"], number),
    "in_broadcast_packets_total": (["ifInBroadcastPkts"], number),
    "in_dropped_packets": (["ifInDiscards"], number),
    "in_errors": (["ifInErrors"], number),
    "in_unknown_protocol": (["ifInUnknownProtos"], number),
    "out_bytes": (["ifOutOctets"], number),
    "out_unicast_packets_total": (["ifOutUcastPkts"], number),
    "out_mcast_packets_total": (["ifOutMulticastPkts"], number),
    "out_broadcast_packets_total": (["ifOutBroadcastPkts"], number),
    "out_dropped_packets": (["ifOutDiscards"], number),
    "out_errors": (["ifOutErrors"], number),
    "promiscuous": (["ifPromiscuousMode"], number),
    "direction": (["flowDirection"], direction),
    "in_src_mac": (["sourceMacAddress"], text_of),
    "out_dst_mac": (["destinationMacAddress"], text_of),
    "sampling_drops": (["ignoredPacketTotalCount"], number),
    "ipv4_total_len": (["octetDeltaCount"], number),
    "ttl": (["minimumTTL"], number),
}
# Fields that mean one thing here and another there: (version, field).
SPECIAL = {
    ("NetFlowV5", "in_bytes"): (["octetDeltaCount"], number),
    # Of the options records, what is in this field is their scope, the system.
    ("NetFlowV9", "in_bytes"): (["octetDeltaCount", "scopeSystem"], number),
    ("NetFlowV9", "interface"): (["interfaceName"], text_of),
    ("NetFlowV9", "icmp_type"): (["icmpTypeCodeIPv4"], number),
    ("NetFlowV9", "engine_type"): (["engineType"], number),
    ("NetFlowV9", "engine_id"): (["engineId"], number),
    ("IPFIX", "in_total_packets"): (["packetTotalCount"], number),
    # The data source that sampled, and not the interface that the sample names.
    ("sFlowV5", "in_snmp"): (["observationPointId"], number),
    ("sFlowV5", "in_bytes"): (["ifInOctets"], number),
    ("sFlowV5", "interface"): (["ifIndex"], number),
    ("sFlowV5", "in_total_packets"): (["selectorIdTotalPktsObserved"], number),
    ("sFlowV5", "sampling_interval"): (["samplingInterval"], number),
}


def metrics_of(path):
    """(line, {element names: value}) of each metric."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            tags, rest = line.rstrip("\n").split(" ", 1)
            version = dict(FIELD.findall(tags))["version"]
            fields, sent = {}, dict(FIELD.findall(rest))
            # Telegraf's guess where a packet went out by several interfaces.
            if "out_snmp" not in sent:
                sent.pop("direction", None)
            for name, text in sent.items():
                names, read = SPECIAL.get((version, name), FIELDS.get(name, (None, None)))
                if not names:
                    continue
                quoted = text.startswith('"')
                value = read(text[1:-1].replace('\\"', '"') if quoted else text.rstrip("iu"))
                if value is not None:
                    fields[tuple(names)] = value
            yield line, fields


def value_of(record, names, expected):
    """Of the element that is there; times as milliseconds since 1970, where a number is wanted."""
    for name in names:
        if name not in record:
            continue
        value = record[name]
        if isinstance(expected, int) and isinstance(value, str) and value.endswith("Z"):
            seconds, fraction = re.fullmatch(r"(.*?)(?:\.(\d+))?Z", value).groups()
            moment = calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S"))
            return moment * 1000 + int((fraction or "0").ljust(3, "0")[:3])
        return value
    return None


def matches(record, fields):
    return all(value_of(record, names, value) == value for names, value in fields.items())


def compare(weir, folder):
    """(values compared, what is wrong with them)."""
    command = [weir, "collect"]
    for file in sorted(glob.glob(os.path.join(folder, "*.bin"))):
        command += ["-r", file]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    values, wrong = 0, []
    for line, fields in metrics_of(os.path.join(folder, "expected.out")):
        mine = next((record for record in records if matches(record, fields)), None)
        values += len(fields)
        if mine is None:
            wrong.append(f"no record is {fields}")
        else:
            records.remove(mine)
    wrong += [f"nothing expected is {record}" for record in records]
    return values, wrong


def main():
    weir = sys.argv[1]
    shared = os.path.join(os.environ["WEIR_SHARED"], "data", "export", "telegraf")
    folders = sorted(os.path.dirname(path) for path in glob.glob(shared + "/*/expected.out"))
    if not folders:
        print("skipped: ../shared/data/export/telegraf is not here")
        sys.exit(77)
    values = bad = 0
    for folder in folders:
        more, wrong = compare(weir, folder)
        values += more
        bad += len(wrong)
        for text in wrong[:5]:
            print(f"{os.path.basename(folder)}: {text}")
    print(f"{len(folders)} folders, {values} values compared, {bad} metrics or records wrong")
    sys.exit(bad > 0 or len(folders) < FOLDERS_MIN or values < VALUES_MIN)


main()
