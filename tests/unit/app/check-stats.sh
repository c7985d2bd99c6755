#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: check-stats.sh WEIR
# Every counter that the reference gives to `weir collect` is in its --stats, and of a capture every
# packet is in one of them.
set -euo pipefail
weir=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
capture=$WEIR_SOURCE/samples/office.pcap.gz
"$weir" collect -r "$capture" --store "$folder/store" --stats "$folder/stats" --quiet
"$weir" meter -r "$capture" --to "ipfix+file:$folder/flows" --stats "$folder/metered" --quiet
"$weir" help --counters >"$folder/reference"
python3 - "$folder/stats" "$folder/reference" "$folder/metered" <<'END'
import json, re, sys

stats = json.load(open(sys.argv[1]))
names = []
for part in open(sys.argv[2]).read().split("\n## ")[1:]:
    if "In `weir collect`." in part:
        names += re.findall(r"^\| `(\w+)`", part, re.M)
missing = [name for name in names if name not in stats]
packets = sum(stats[name] for name in ("datagrams_read", "fragments_cut", "packets_not_udp"))
in_capture = json.load(open(sys.argv[3]))["packets"]
if len(names) < 40 or missing or packets != in_capture or stats["messages"] != stats["datagrams_read"]:
    sys.exit(f"{len(names)} names, not in --stats: {missing}; {packets} packets of {in_capture}")
END
