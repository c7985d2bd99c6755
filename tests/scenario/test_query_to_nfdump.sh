#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_query_to_nfdump.sh [build/weir]
#
# The same flows in nfdump's files and in weir's store give the same answers to the same questions.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
if [ "${WEIR_DUCKDB-}" = no ]; then
    echo "SKIP: weir was built without DuckDB" >&2
    exit 77
fi
peers_init
peer_need nfcapd nfdump
store=$PEERS_DIR/store
flows=$PEERS_DIR/nfcapd/flows
records=20000

# Two generated sets that are the same but for where they go: both ends get all of it.
port=$(peer_free_port)
peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
"$weir" gen exports --records "$records" --to "netflow9+udp://127.0.0.1:$port?rate=50k"
"$weir" gen exports --records "$records" --to "netflow9+pcap:$PEERS_DIR/exports.pcap"
"$weir" collect -r "$PEERS_DIR/exports.pcap" --store "$store"
peer_expect "flows in nfdump's files" "$records" \
    "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd" | cut -d' ' -f1)"

# ask ARGUMENT...: weir's answer as lines of numbers and addresses, without its header, sorted.
ask() {
    "$weir" query --store "$store" --format csv "$@" | tail -n +2 |
        grep -vE '^(other|total),' | sort
}

# nf ARGUMENT...: nfdump's, with its padding taken off.
nf() {
    nfdump -q -N -6 -R "$flows" "$@" | tr -d ' ' | grep , | sort
}

peer_expect "ten sources of most octets" \
    "$(nfdump -q -R "$flows" -s srcip/bytes -n 10 -o csv | grep ,any, | cut -d, -f5,10 | sort)" \
    "$(ask --by src_addr --sum bytes --top 10)"
peer_expect "twenty conversations of most octets" \
    "$(nf -A srcip,dstip,dstport -O bytes -n 20 -o 'fmt:%sa,%da,%dp,%byt')" \
    "$(ask --by src_addr,dst_addr,dst_port --sum bytes --top 20)"
peer_expect "protocol, port and network" \
    "$(nf -A proto -o 'fmt:%fl,%pkt,%byt' 'proto tcp and dst port 443 and src net 10.0.0.0/8')" \
    "$(ask --where 'proto tcp and dst port 443 and src net 10.0.0.0/8' --by protocol \
        --sum flows,packets,bytes | cut -d, -f2-)"
peer_expect "twenty records of most octets" \
    "$(nf -O bytes -n 20 -o 'fmt:%sa,%da,%sp,%dp,%pkt,%byt')" \
    "$("$weir" query --store "$store" --order bytes:desc --top 20 --format ndjson |
        python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line)
    print(*(r[c] for c in ("src_addr", "dst_addr", "src_port", "dst_port", "packets", "bytes")),
          sep=",")' | sort)"

# Filters that both languages have, by what they let through.
for filter in 'proto udp' 'host 198.21.198.239' 'net 198.18.0.0/16 and not port 443' \
    'packets > 100 and bytes < 100000' 'src port > 50000 or dst port < 100' 'inet6' \
    'flags S and not flags AFRPU' 'in if 3' 'tos 184' 'duration > 1000'; do
    ours=$filter
    # nfdump's duration is a number of milliseconds.
    [[ $filter != duration* ]] || ours='duration > 1s'
    peer_expect "filter $filter" "$(peer_nfdump_totals "$flows" "$filter" | tr ' ' ,)" \
        "$(ask --where "$ours" --agg 'flows,sum(packets),sum(bytes)')"
done

peers_verdict
