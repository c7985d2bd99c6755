#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_peers_to_collect.sh [build/weir]
#
# softflowd, pmacctd (also as an agent of sFlow) and nfreplay export the sample to `weir collect`,
# which is to find in it what they say they sent, and what samples/office.tsv says is in the sample.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init
peer_need softflowd pmacctd nfpcapd nfdump nfreplay

sample=$(peer_sample)
collector=$PEERS_DIR/collector

# collect: starts weir on a new `port`.
collect() {
    port=$(peer_free_port)
    peer_fresh "$collector"
    peer_start "$collector" "$port" "$weir" collect --listen "udp://127.0.0.1:$port" \
        --to "json:$collector/records" --stats "$collector/stats"
}

# collected: ends it; prints the totals of its records, "FLOWS PACKETS OCTETS".
collected() {
    peer_stop "$collector" TERM
    python3 - "$collector/records" <<'END'
import json, sys
flows = packets = octets = 0
for line in open(sys.argv[1]):
    record = json.loads(line)
    if "type" not in record:
        flows += 1
        packets += record["packetDeltaCount"]
        octets += record["octetDeltaCount"]
print(flows, packets, octets)
END
}

# sampled: how many packets the last sample of sFlow was taken from.
sampled() {
    grep -o '"selectorIdTotalPktsObserved":[0-9]*' "$collector/records" | cut -d: -f2 | sort -n |
        tail -n 1
}

# expect_clean WHAT: nothing malformed, nothing lost.
expect_clean() {
    peer_expect "$1, malformed and lost" "0 0" \
        "$(json_numbers "$collector/stats" messages_malformed records_lost)"
}

for version in 5 9 10; do
    truth=$(peer_sample_truth $version)

    collect
    sent=$(peer_softflowd_export "$sample" "$port" $version)
    peer_expect "softflowd v$version" "$sent" "$(collected)"
    # In version 10 softflowd counts in a way of its own, which has to be learned.
    expect_clean "softflowd v$version"

    collect
    peer_pmacctd_export "$sample" "$port" $version
    got=$(collected)
    peer_expect "pmacctd v$version" "$truth" "${got#* }"
    expect_clean "pmacctd v$version"
done

collect
peer_sfprobe_export "$sample" "$port"
got=$(collected)
# One record a packet that it sampled, one in one, which are those of the sample but for a datagram.
peer_expect "sfprobe" "$(sampled) $(sampled)" "${got% *}"
read -r truth _ <<<"$(peer_sample_truth 10)"
peer_expect "sfprobe, all but a last datagram" 1 "$((truth - $(sampled) < 16))"
expect_clean "sfprobe"

peer_nfpcapd_flows "$sample" "$PEERS_DIR/nfpcapd"
for version in 5 9; do
    filter=any
    ((version == 9)) || filter=ipv4
    collect
    peer_nfreplay_export "$PEERS_DIR/nfpcapd" "$port" $version
    peer_expect "nfpcapd and nfreplay v$version" "$(peer_nfdump_totals "$PEERS_DIR/nfpcapd" $filter)" \
        "$(collected)"
    expect_clean "nfreplay v$version"
done

peers_verdict
