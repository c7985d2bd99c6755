#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_peers_to_collect.sh [build/weir]
#
# softflowd, pmacctd and nfreplay export the sample to `weir collect`, which is to find in it what
# they say they sent, and what samples/office.tsv says is in the sample.
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
    if record.get("type") != "options":
        flows += 1
        packets += record["packetDeltaCount"]
        octets += record["octetDeltaCount"]
print(flows, packets, octets)
END
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
