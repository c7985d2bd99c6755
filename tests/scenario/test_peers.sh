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

failed=0

# expect WHAT WANTED GOT
expect() {
    if [[ $2 == "$3" ]]; then
        echo "ok: $1: $3"
    else
        echo "FAILED: $1: $3, not $2"
        failed=1
    fi
}

# truth NAME: "PACKETS OCTETS" from the table beside the sample.
truth() {
    awk -F'\t' -v name="$1" '$1 == name { print $2, $3 }' "$WEIR_SOURCE/samples/office.tsv"
}

# truth_of VERSION: what an exporter of this version can carry of the sample.
truth_of() {
    local v4 v6
    read -r -a v4 <<<"$(truth 'IPv4 packets by their total length')"
    read -r -a v6 <<<"$(truth 'IPv6 packets by their payload length + 40')"
    if (($1 == 5)); then
        echo "${v4[*]}"
    else
        echo "$((v4[0] + v6[0])) $((v4[1] + v6[1]))"
    fi
}

sample=$(peer_sample)

for version in 5 9 10; do
    port=$(peer_free_port)
    # tshark looks on while nfcapd collects.
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    peer_tshark_start "$port" "$PEERS_DIR/tshark"
    sent=$(peer_softflowd_export "$sample" "$port" $version)
    expect "softflowd v$version, what it says" "$(truth_of $version)" "${sent#* }"
    expect "softflowd v$version to nfcapd" "$sent" "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"
    expect "softflowd v$version under tshark" "$sent" "$(peer_tshark_totals "$PEERS_DIR/tshark")"
    if ((version == 10)); then
        peer_tshark_payload "$PEERS_DIR/tshark" "$PEERS_DIR/softflowd.ipfix"
        expect "softflowd v10 as a file, ipfixDump" "$sent" "$(peer_fixbuf_totals "$PEERS_DIR/softflowd.ipfix")"
        expect "softflowd v10 as a file, tshark" "$sent" "$(peer_tshark_file_totals "$PEERS_DIR/softflowd.ipfix")"
    fi

    port=$(peer_free_port)
    peer_nfacctd_start "$port" "$PEERS_DIR/nfacctd"
    sent=$(peer_softflowd_export "$sample" "$port" $version)
    expect "softflowd v$version to nfacctd" "$sent" "$(peer_nfacctd_totals "$PEERS_DIR/nfacctd")"

    port=$(peer_free_port)
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    peer_pmacctd_export "$sample" "$port" $version
    got=$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")
    expect "pmacctd v$version to nfcapd" "$(truth_of $version)" "${got#* }"
done

peer_nfpcapd_flows "$sample" "$PEERS_DIR/nfpcapd"
metered=$(peer_nfdump_totals "$PEERS_DIR/nfpcapd")
port=$(peer_free_port)
peer_nfacctd_start "$port" "$PEERS_DIR/nfacctd"
peer_nfreplay_export "$PEERS_DIR/nfpcapd" "$port" 9
expect "nfpcapd, nfreplay v9 to nfacctd" "$metered" "$(peer_nfacctd_totals "$PEERS_DIR/nfacctd")"
port=$(peer_free_port)
peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
peer_nfreplay_export "$PEERS_DIR/nfpcapd" "$port" 5
expect "nfpcapd, nfreplay v5 to nfcapd" "$(peer_nfdump_totals "$PEERS_DIR/nfpcapd" ipv4)" \
    "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"

exit $failed
