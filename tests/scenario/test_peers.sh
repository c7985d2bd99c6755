#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_peers.sh
#
# Do the peers agree with each other, and with what samples/office.tsv says of the sample? They are
# the yardstick of the other scenario tests, so this says whether the yardstick is straight.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
export WEIR_SOURCE
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init

sample=$(peer_sample)

for version in 5 9 10; do
    port=$(peer_free_port)
    # tshark looks on while nfcapd collects.
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    peer_tshark_start "$port" "$PEERS_DIR/tshark"
    sent=$(peer_softflowd_export "$sample" "$port" $version)
    peer_expect "softflowd v$version, what it says" "$(peer_sample_truth $version)" "${sent#* }"
    peer_expect "softflowd v$version to nfcapd" "$sent" "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"
    peer_expect "softflowd v$version under tshark" "$sent" "$(peer_tshark_totals "$PEERS_DIR/tshark")"
    if ((version == 10)); then
        peer_tshark_payload "$PEERS_DIR/tshark" "$PEERS_DIR/softflowd.ipfix"
        peer_expect "softflowd v10 as a file, ipfixDump" "$sent" "$(peer_fixbuf_totals "$PEERS_DIR/softflowd.ipfix")"
        peer_expect "softflowd v10 as a file, tshark" "$sent" "$(peer_tshark_file_totals "$PEERS_DIR/softflowd.ipfix")"
    fi

    port=$(peer_free_port)
    peer_nfacctd_start "$port" "$PEERS_DIR/nfacctd"
    sent=$(peer_softflowd_export "$sample" "$port" $version)
    peer_expect "softflowd v$version to nfacctd" "$sent" "$(peer_nfacctd_totals "$PEERS_DIR/nfacctd")"

    port=$(peer_free_port)
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    peer_pmacctd_export "$sample" "$port" $version
    got=$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")
    peer_expect "pmacctd v$version to nfcapd" "$(peer_sample_truth $version)" "${got#* }"
done

peer_nfpcapd_flows "$sample" "$PEERS_DIR/nfpcapd"
metered=$(peer_nfdump_totals "$PEERS_DIR/nfpcapd")
port=$(peer_free_port)
peer_nfacctd_start "$port" "$PEERS_DIR/nfacctd"
peer_nfreplay_export "$PEERS_DIR/nfpcapd" "$port" 9
peer_expect "nfpcapd, nfreplay v9 to nfacctd" "$metered" "$(peer_nfacctd_totals "$PEERS_DIR/nfacctd")"
port=$(peer_free_port)
peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
peer_nfreplay_export "$PEERS_DIR/nfpcapd" "$port" 5
peer_expect "nfpcapd, nfreplay v5 to nfcapd" "$(peer_nfdump_totals "$PEERS_DIR/nfpcapd" ipv4)" \
    "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"

peers_verdict
