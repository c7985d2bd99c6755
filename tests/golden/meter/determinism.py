#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: determinism.py WEIR [EVERY]

The same input makes the same records: with one worker the same octets, printed and exported; with
any other number of them the same records in some order, and the same counters; and whatever else
the machine does meanwhile. For each kind of definition, biflow, layer, cache and selection, over
all captures of the shared folder at once and over generated traffic. EVERY: only each so-manieth
kind, for builds that are slow.
"""

import csv
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile

WORKERS = 2, 3, 8

# Meson sets it: the C library then overwrites caches that are given back, many times what is tested.
os.environ.pop("MALLOC_PERTURB_", None)

FIVE = "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,bytes,"

# What is run.
CASES = {
    "the usual": [],
    "five keys": ["--flow", "keys=src_addr,dst_addr,src_port,dst_port,protocol"],
    "unusual keys": ["--flow", "keys=src_addr/24/48,dst_port&0xff00,vlan,ttl,dscp,tcp_flags "
                               "fields=packets,bytes,start,end,end_reason"],
    "keys of the link": ["--flow", "keys=src_mac,dst_mac/24,inner_vlan,mpls_label_1/20,mpls_label_2,"
                                   "fragment,frame_length,dst_port fields=packets,bytes,start,end"],
    "biflows of the link": ["--biflow", "--flow", "keys=src_addr,dst_addr,src_port,dst_port,"
                            "protocol,src_mac,dst_mac,inner_vlan fields=packets,rev_packets,link"],
    "two definitions": ["--flow", "keys=dst_addr,dst_port", "--flow", "keys=src_addr/16/32,protocol"],
    "timeouts": ["--idle-timeout", "500ms", "--active-timeout", "2s"],
    "little room": ["--cache", "normal,entries=8k", "--idle-timeout", "0s"],
    "timeouts by protocol": ["--idle-timeout", "tcp=1s,udp=200ms", "--active-timeout", "5s"],
    "each packet": ["--cache", "immediate"],
    "permanent": ["--cache", "permanent,interval=2s"],
    "permanent biflows": ["--cache", "permanent,interval=2s", "--biflow"],
    "biflows": ["--biflow"],
    "biflows by SYN": ["--biflow", "--direction", "syn", "--idle-timeout", "1s"],
    "biflows by network": ["--biflow", "--direction", "outside:10.0.0.0/8,192.168.0.0/16"],
    "details": ["--flow", FIVE + "lengths,iat,payload,fragmentation,link"],
    "details of biflows": ["--biflow", "--flow", FIVE + "lengths,iat,payload,tls,dns,http"],
    "details of all layers": ["--layer", "both", "--flow", FIVE + "lengths,link,dns"],
    "several processes": ["--next", "--sample", "count:1/3", "--biflow", "--to", "json:/dev/null"],
    "records selected": ["--select", "prob:0.5", "--select", "threshold:bytes=10k", "--seed", "3"],
    "inside": ["--layer", "inner"],
    "all layers": ["--layer", "both"],
    "biflows of all layers": ["--layer", "both", "--biflow"],
    "names": ["--flow", "keys=src_addr,dst_addr,src_port,dst_port,protocol "
                        "fields=packets,bytes,tls,quic_sni,dns,http"],
    "names of biflows": ["--biflow", "--layer", "inner", "--cache", "normal,entries=8k", "--flow",
                         "keys=src_addr,dst_addr,src_port,dst_port,protocol "
                         "fields=packets,tls,quic_sni,dns,http"],
    "applications": ["--biflow", "--cache", "normal,entries=16k", "--flow",
                     "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,app"],
    "filters": ["--filter", "greater 60", "--match", "protocol=tcp|udp"],
    "systematic": ["--sample", "count:1/7"],
    "by time": ["--sample", "time:10ms/90ms"],
    "random": ["--sample", "random:3/20", "--seed", "7"],
    "probability": ["--sample", "prob:0.2", "--seed", "7"],
    "by content": ["--sample", "hash:1/4"],
    "whole flows": ["--sample", "flow:1/3"],
    "in sequence": ["--sample", "count:1/2", "--match", "protocol!=icmp", "--sample", "prob:0.5",
                    "--layer", "both", "--seed", "9"],
}
# Of what each worker has of its own, and of how records of several shapes fill messages.
OF_WORKERS = {"flows_active_peak", "cache_entries", "cache_octets", "cache_octets_peak",
              "memory_octets",
              "messages_sent", "octets_sent"}


def run(weir, files, case, workers, out, ipfix=False):
    """The output of a run, and its counters."""
    stats = out + ".stats"
    command = [weir, "meter", "-q", "--merge", *[part for file in files for part in ("-r", file)],
               *case, "--workers", str(workers), "--stats", stats]
    if ipfix:
        place = command.index("--next") if "--next" in command else len(command)
        command[place:place] = ["--to", "ipfix+file:" + out]
    elif "--next" not in case:
        command += ["--format", "csv"]
    with open(os.devnull if ipfix else out, "wb") as stream:
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{case}: weir meter: {done.stderr.decode()[:500]}")
    with open(stats, encoding="utf-8") as text:
        counters = json.load(text)
    return open(out, "rb").read(), {name: value for name, value in counters.items()
                                    if name not in OF_WORKERS and isinstance(value, int)}


def records(octets):
    # A table's columns are as wide as its first rows.
    lines = [" ".join(line.split()) for line in octets.decode().splitlines()]
    return lines[:1] + sorted(lines[1:])


def spin():
    while True:
        hashlib.sha256(b"x" * 100000).digest()


def check(weir, files, name, case, folder):
    """What differs between runs of one case."""
    wrong = []
    path = os.path.join(folder, "out")
    first, counters = run(weir, files, case, 1, path)
    if len(first.splitlines()) < 100:
        wrong.append(f"{name}: only {len(first.splitlines())} records")
    if run(weir, files, case, 1, path)[0] != first:
        wrong.append(f"{name}: printed, two runs differ")
    if run(weir, files, case, 1, path, True)[0] != run(weir, files, case, 1, path, True)[0]:
        wrong.append(f"{name}: exported, two runs differ")
    for workers in WORKERS:
        other, other_counters = run(weir, files, case, workers, path)
        if records(other) != records(first):
            wrong.append(f"{name}: {workers} workers make other records")
        differ = {key for key in counters if counters[key] != other_counters.get(key)}
        if differ:
            wrong.append(f"{name}: {workers} workers count otherwise: {sorted(differ)[:5]}")
    return wrong


def knows_applications(weir):
    """Whether it was built with nDPI: without it their definition is refused."""
    done = subprocess.run([weir, "meter", "-r", os.devnull, *CASES["applications"]],
                          capture_output=True, check=False)
    return done.returncode != 2


def main():
    weir = sys.argv[1]
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    if not knows_applications(weir):
        del CASES["applications"]
    root = os.path.join(os.environ.get("WEIR_SHARED", "../shared"), "data")
    index = os.path.join(root, "capture-index.tsv")
    captures = []
    if os.path.exists(index):
        captures = [os.path.join(root, row["file"])
                    for row in csv.DictReader(open(index, encoding="utf-8"), delimiter="\t")
                    if row["filetype"] in ("pcap", "pcapng")
                    and "pcapng-conformance/be-" not in row["file"] and "-test901" not in row["file"]]
    failures = runs = 0
    load = [multiprocessing.Process(target=spin, daemon=True) for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        generated = os.path.join(folder, "generated.pcap")
        subprocess.run([weir, "gen", "packets", "-q", "--mix", "realistic", "--packets", "60k",
                        "--out", generated], check=True)
        for process in load:
            process.start()
        for files in filter(None, (captures, [generated])):
            for name, case in list(CASES.items())[::every]:
                if files == [generated] and "layers" in name:
                    continue
                runs += 1
                for wrong in check(weir, files, name, case, folder):
                    print(f"FAILED: {len(files)} files: {wrong}")
                    failures += 1
        for process in load:
            process.kill()
    print(f"{runs} cases, {failures} failures" +
          ("" if captures else "; the shared captures are not here"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
