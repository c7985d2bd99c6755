#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_meter_to_peers.sh [build/weir]
#
# `weir meter` exports the sample in each protocol, and nfcapd, nfacctd, tshark and ipfixDump read
# the totals that weir says it sent and that samples/office.tsv says are in the sample.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init
peer_need nfcapd nfdump nfacctd tshark ipfixDump

sample=$(peer_sample)

# meter URL: prints "RECORDS PACKETS OCTETS", what weir says of it.
meter() {
    "$weir" meter -r "$sample" --to "$1" --stats "$PEERS_DIR/meter.json"
    json_numbers "$PEERS_DIR/meter.json" records_sent packets_metered octets_metered
}

# nfcapd takes IPFIX's sequence number for a count of flows alone, and options data for what is lost.
port=$(peer_free_port)
peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
sent=$(meter "ipfix+udp://127.0.0.1:$port?options=none")
peer_expect "IPFIX without options data to nfcapd" "${sent%% *} $(peer_sample_truth 10)" \
    "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"
peer_expect "its sequence as nfcapd counts" "Sequence Errors: 0, Bad Packets: 0" \
    "$(grep -o 'Sequence Errors: .*' "$PEERS_DIR/nfcapd/log")"

for protocol in netflow5:5 netflow9:9 ipfix:10; do
    truth=$(peer_sample_truth "${protocol#*:}")
    url=${protocol%:*}+udp://127.0.0.1

    port=$(peer_free_port)
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    peer_tshark_start "$port" "$PEERS_DIR/tshark"
    sent=$(meter "$url:$port")
    # Version 5 cannot carry IPv6, which was metered all the same.
    wanted="${sent%% *} $truth"
    peer_expect "$url to nfcapd" "$wanted" "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"
    peer_expect "$url under tshark" "$wanted" "$(peer_tshark_totals "$PEERS_DIR/tshark")"
    [[ $url == ipfix* ]] ||
        peer_expect "$url, sequence as nfcapd counts" "Sequence Errors: 0, Bad Packets: 0" \
            "$(grep -o 'Sequence Errors: .*' "$PEERS_DIR/nfcapd/log")"

    port=$(peer_free_port)
    peer_nfacctd_start "$port" "$PEERS_DIR/nfacctd"
    sent=$(meter "$url:$port")
    peer_expect "$url to nfacctd" "${sent%% *} $truth" "$(peer_nfacctd_totals "$PEERS_DIR/nfacctd")"
done

sent=$(meter "ipfix+file:$PEERS_DIR/office.ipfix")
peer_expect "metered" "$(peer_sample_truth 10)" "${sent#* }"
peer_expect "a file for ipfixDump" "$sent" "$(peer_fixbuf_totals "$PEERS_DIR/office.ipfix")"
peer_expect "a file for tshark" "$sent" "$(peer_tshark_file_totals "$PEERS_DIR/office.ipfix")"
peer_expect "complaints of ipfixDump" "" "$(cat "$PEERS_DIR/ipfixDump.log")"

peers_verdict
