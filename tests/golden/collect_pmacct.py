#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_pmacct.py WEIR

Collects the captures of pmacct's tests in ../shared into a store, asks it for the sums that pmacct
was asked for there, by the same keys, and compares them with its answers (output-flow-00.json).
Both scale by the sampling intervals that options gave.

pmacct replayed the captures from addresses of its own, so the exporter is not among the keys; nor
is what only splits its groups further, which are added up. Of flows in a tunnel it has the inner
addresses, protocol and ports: of these only the totals are compared.
"""
import collections
import csv
import glob
import io
import json
import os
import subprocess
import sys
import tempfile

FOLDERS_MIN = 8
GROUPS_MIN = 250

KEYS = ["src_addr", "dst_addr", "src_port", "dst_port", "protocol", "tos", "in_if", "out_if"]
THEIRS = ["ip_src", "ip_dst", "port_src", "port_dst", "ip_proto", "tos", "iface_in", "iface_out"]
TUNNEL = "in a tunnel"
TOTAL = "all"
PROTOCOLS = {"icmp": "1", "igmp": "2", "ipencap": "4", "tcp": "6", "udp": "17", "ipv6": "41",
             "gre": "47", "ipv6-icmp": "58", "ospf": "89", "pim": "103", "vrrp": "112"}


def sums_of_pmacct(path):
    sums = collections.Counter()
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            if "ip_src" not in record:
                continue
            key = [str(record[name]) for name in THEIRS]
            key[4] = PROTOCOLS.get(record["ip_proto"], str(record["ip_proto"]))
            if record.get("tunnel_ip_src"):
                key = [TUNNEL]
            for name in ("bytes", "packets"):
                sums[tuple(key), name] += record[name]
                sums[TOTAL, name] += record[name]
    return sums


def sums_of_weir(weir, captures, folder):
    store = os.path.join(folder, "store")
    for capture in captures:
        # Each is of an exporter of its own, whatever its address.
        subprocess.run([weir, "collect", "--quiet", "--store", store, "-r", capture], check=True,
                       timeout=60)
    asked = subprocess.run([weir, "query", "--store", store, "--by", ",".join(KEYS), "--sum",
                            "bytes,packets", "--format", "csv"],
                           check=True, timeout=60, capture_output=True, text=True)
    sums = collections.Counter()
    for row in csv.DictReader(io.StringIO(asked.stdout)):
        key = tuple(row[name] or "0" for name in KEYS)
        for name in ("bytes", "packets"):
            sums[key, name] += int(row[name] or 0)
            sums[TOTAL, name] += int(row[name] or 0)
    return sums


def main():
    if os.environ.get("WEIR_DUCKDB") == "no":
        print("skipped: weir was built without DuckDB")
        sys.exit(77)
    weir = sys.argv[1]
    shared = os.path.join(os.environ["WEIR_SHARED"], "data", "export", "pmacct")
    goldens = sorted(glob.glob(shared + "/*/output-flow-00.json"))
    if not goldens:
        print("skipped: ../shared/data/export/pmacct is not here")
        sys.exit(77)
    folders = groups = wrong = 0
    for golden in goldens:
        captures = sorted(glob.glob(os.path.join(os.path.dirname(golden), "traffic-*.pcap")))
        with tempfile.TemporaryDirectory() as folder:
            mine = sums_of_weir(weir, captures, folder)
        theirs = sums_of_pmacct(golden)
        folders += 1
        groups += len(theirs) // 2
        different = [(key, mine[key], count) for key, count in theirs.items()
                     if key[0] != (TUNNEL,) and mine[key] != count]
        wrong += len(different)
        for key, got, expected in different[:6]:
            print(f"{os.path.basename(os.path.dirname(golden))}: {key}: {got}, not {expected}")
    print(f"{folders} folders, {groups} groups, {wrong} sums wrong")
    sys.exit(wrong > 0 or folders < FOLDERS_MIN or groups < GROUPS_MIN)


main()
