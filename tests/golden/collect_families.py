#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_families.py WEIR

Flows of exporters whose Templates have both address families (segment routing over IPv6, MPLS): in
the store, source and destination of each are of one family.
"""
import csv
import io
import os
import subprocess
import sys
import tempfile

FILES = [
    "export/netgauze/srv6.pcap",
    "export/pmacct/400-IPFIXv10-BMP-CISCO-SRv6-multiple-sources/traffic-00.pcap",
    "export/pmacct/400-IPFIXv10-BMP-CISCO-SRv6-multiple-sources/traffic-01.pcap",
    "export/pmacct/500-IPFIXv10-BGP-CISCO-SRv6/traffic-00.pcap",
    "export/pmacct/501-IPFIXv10-BGP-IPv6-CISCO-MPLS/traffic-00.pcap",
]
FLOWS_MIN = 700


def pairs_of(weir, file):
    """(source, destination, flows) of the file's flows."""
    with tempfile.TemporaryDirectory() as store:
        subprocess.run([weir, "collect", "-r", file, "--store", store], check=True, timeout=60)
        done = subprocess.run([weir, "query", "--store", store, "--by", "src_addr,dst_addr",
                               "--sum", "flows", "--format", "csv"],
                              check=True, timeout=60, capture_output=True, text=True)
    rows = list(csv.reader(io.StringIO(done.stdout)))
    return [(source, destination, int(flows)) for source, destination, flows in rows[1:]]


def main():
    data = os.path.join(os.environ["WEIR_SHARED"], "data")
    if not os.path.exists(os.path.join(data, "expected.tsv")):
        print("skipped: ../shared/data is not here")
        sys.exit(77)
    flows, mixed = 0, []
    for name in FILES:
        for source, destination, count in pairs_of(sys.argv[1], os.path.join(data, name)):
            flows += count
            if source and destination and (":" in source) != (":" in destination):
                mixed.append(f"{name}: {source} to {destination}")
    print("\n".join(mixed[:20] + [f"{flows} flows, {len(mixed)} pairs of two families"]))
    sys.exit(bool(mixed) or flows < FLOWS_MIN)


main()
