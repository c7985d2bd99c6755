#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_sampling.py WEIR

Collects export files of ../shared into a store and compares the sampling intervals of their flows
with those that the routers were configured with, as the projects that the files are from have them
in their tests, or as the options records' own names say them.
"""
import csv
import io
import os
import subprocess
import sys
import tempfile

AKVORADO = "export/akvorado/netflow/"
MULTIPLE = [AKVORADO + "multiplesamplingrates-" + name + ".pcap"
            for name in ("options-template", "options-data", "template", "data")]
ASR = [AKVORADO + name + ".pcap" for name in ("options-template", "options-data", "template", "data")]
PMACCT = "export/pmacct/"

# Files, options, and flows by interval; "" is none.
CASES = [
    (MULTIPLE, [], {"2000": 11, "4000": 1}),
    (MULTIPLE[2:], [], {"": 12}),
    (MULTIPLE, ["--sampling", "238.0.0.0/8=9"], {"9": 12}),
    (MULTIPLE[2:], ["--sampling", "77"], {"77": 12}),
    (MULTIPLE, ["--sampling", "77"], {"2000": 11, "4000": 1}),
    (ASR, [], {"30000": 4}),
    ([AKVORADO + "samplingrate-template.pcap", AKVORADO + "samplingrate-data.pcap"], [],
     {"2048": 6}),
    # Of the whole, without a scope; of a Template.
    ([AKVORADO + "data+templates.pcap"], [], {"100": 21}),
    ([AKVORADO + "mpls.pcap"], [], {"10": 2}),
    ([AKVORADO + "nfv5.pcap"], [], {"": 29}),
    # IOS XR in IPFIX: one of one, and one of 256, whose options come first or last.
    (["export/netgauze/srv6.pcap"], [], {"1": 86}),
    ([PMACCT + "104-IPFIXv10-IPv6-CISCO-sampling_option/traffic-00.pcap"], [], {"256": 3}),
    ([PMACCT + "400-IPFIXv10-BMP-CISCO-SRv6-multiple-sources/traffic-00.pcap"], [], {"1": 657}),
    ([PMACCT + "501-IPFIXv10-BGP-IPv6-CISCO-MPLS/traffic-00.pcap"], [], {"1": 74}),
    # They name a sampler that nobody describes.
    ([PMACCT + "101-NFv9-CISCO-cust_primitives/traffic-00.pcap"], [], {"": 51}),
    # softflowd: all packets.
    (["export/logstash/ipfix.dat"], [], {"1": 12}),
]


def intervals(weir, files, options, folder):
    """Flows by interval, as a query of what was collected has them."""
    store = os.path.join(folder, "store")
    command = [weir, "collect", "--quiet", "--store", store, *options]
    for file in files:
        command += ["-r", file]
    subprocess.run(command, check=True, timeout=60)
    asked = subprocess.run([weir, "query", "--store", store, "--by", "sampling", "--sum", "flows",
                            "--format", "csv"],
                           check=True, timeout=60, capture_output=True, text=True)
    return {row["sampling"]: int(row["flows"]) for row in csv.DictReader(io.StringIO(asked.stdout))}


def main():
    weir = sys.argv[1]
    data = os.path.join(os.environ["WEIR_SHARED"], "data")
    if not os.path.exists(os.path.join(data, "expected.tsv")):
        print("skipped: ../shared/data/expected.tsv is not here")
        sys.exit(77)
    wrong = 0
    for names, options, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            got = intervals(weir, [os.path.join(data, name) for name in names], options, folder)
        if got != expected:
            print(f"{names[-1]} {' '.join(options)}: {got}, not {expected}")
            wrong += 1
    print(f"{len(CASES)} collections, {wrong} wrong")
    sys.exit(wrong > 0)


main()
