#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_wrong_totals.sh [build/weir]
#
# Captures on which meters have been seen to be wrong: Ethernet padding counted as IP, packets that
# the capture cut left out, each ICMP packet a flow of its own, IPv6 left out, packets lost while a
# file is read. weir's totals are the truth, which the captures are made with or which their headers
# are summed up to; what softflowd, nfpcapd and pmacctd say of the same files is shown beside it.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init
peer_need nfcapd nfdump python3

captures=$PEERS_DIR/captures
mkdir "$captures"
python3 "$WEIR_SOURCE/tests/scenario/make_captures.py" "$captures"

# note WHO WHAT TRUTH GOT: of a peer, which may be wrong: that is why weir is not.
note() {
    if [[ $3 == "$4" ]]; then
        echo "note: $1 on $2: right, $4"
    else
        echo "note: $1 on $2: ${4:-nothing}; the truth is $3"
    fi
}

# meter FILE URL [OPTION...]: prints "FLOWS PACKETS OCTETS", what weir says that it metered.
meter() {
    local file=$1 url=$2
    shift 2
    "$weir" meter -q -r "$file" --to "$url" --stats "$PEERS_DIR/meter.json" "$@"
    json_numbers "$PEERS_DIR/meter.json" flows_created packets_metered octets_metered
}

# peers FILE NAME "PACKETS OCTETS": what the others make of it.
peers() {
    local port got
    if command -v softflowd >/dev/null; then
        port=$(peer_free_port)
        peer_nfcapd_start "$port" "$PEERS_DIR/softflowd-nfcapd"
        peer_softflowd_export "$1" "$port" 9 >/dev/null 2>&1 || true
        got=$(peer_nfcapd_totals "$PEERS_DIR/softflowd-nfcapd")
        note softflowd "$2" "$3" "${got#* }"
    fi
    if command -v nfpcapd >/dev/null; then
        peer_nfpcapd_flows "$1" "$PEERS_DIR/nfpcapd" 2>/dev/null || true
        got=$(peer_nfdump_totals "$PEERS_DIR/nfpcapd")
        note nfpcapd "$2" "$3" "${got#* }"
        echo "note: nfpcapd on $2: ${got%% *} flows"
    fi
}

# As it is used by default: with a small pipe to its plugin it loses most of a file.
pmacctd_with_defaults() {
    local port got
    command -v pmacctd >/dev/null || return 0
    port=$(peer_free_port)
    peer_nfcapd_start "$port" "$PEERS_DIR/pmacctd-nfcapd"
    cat >"$PEERS_DIR/pmacctd.conf" <<END
daemonize: false
pcap_savefile: $1
plugins: nfprobe
nfprobe_receiver: 127.0.0.1:$port
nfprobe_version: 9
aggregate: src_host, dst_host, src_port, dst_port, proto, tos
END
    timeout 20 pmacctd -f "$PEERS_DIR/pmacctd.conf" >"$PEERS_DIR/pmacctd.log" 2>&1 || true
    got=$(peer_nfcapd_totals "$PEERS_DIR/pmacctd-nfcapd")
    note pmacctd "$2" "$3" "${got#* }"
}

while IFS=$'\t' read -r name flows packets octets v6_packets v6_octets; do
    file=$captures/$name.pcap
    truth="$packets $octets"
    port=$(peer_free_port)
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    metered=$(meter "$file" "ipfix+udp://127.0.0.1:$port?options=none")
    peer_expect "$name, metered" "$flows $truth" "$metered"
    peer_expect "$name, at nfcapd" "$flows $truth" "$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")"
    # What is not IP is told apart, and nothing is missing.
    peer_expect "$name, left out" "0 0" \
        "$(json_numbers "$PEERS_DIR/meter.json" packets_truncated packets_malformed)"

    # NetFlow v5 has no room for IPv6: it is metered, counted and said.
    port=$(peer_free_port)
    peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
    metered=$(meter "$file" "netflow5+udp://127.0.0.1:$port?options=none")
    got=$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")
    peer_expect "$name as NetFlow v5, metered" "$flows $truth" "$metered"
    peer_expect "$name as NetFlow v5, at nfcapd" \
        "$((packets - v6_packets)) $((octets - v6_octets))" "${got#* }"
    peer_expect "$name as NetFlow v5, flows not carried" "$((v6_packets > 0 ? flows / 2 : 0))" \
        "$(json_numbers "$PEERS_DIR/meter.json" records_not_carried)"
    peers "$file" "$name" "$truth"
done <"$captures/truth.tsv"

"$weir" meter -r "$captures/ipv6.pcap" --progress \
    --to "netflow5+udp://127.0.0.1:$(peer_free_port)" 2>"$PEERS_DIR/notes"
grep -q 'IPv6 flows were not sent: NetFlow v1 and v5 cannot carry them' "$PEERS_DIR/notes" ||
    peer_expect "a note of IPv6 not sent" "a note" "$(<"$PEERS_DIR/notes")"

# Many packets at once, of which nothing may be lost between reading and sending.
many=$captures/many.pcap
"$weir" gen packets -q --packets 800k --precision us --out "$many"
read -r packets octets _ < <(python3 "$WEIR_SOURCE/tests/scenario/make_captures.py" --count "$many")
port=$(peer_free_port)
peer_nfcapd_start "$port" "$PEERS_DIR/nfcapd"
metered=$(meter "$many" "ipfix+udp://127.0.0.1:$port?options=none&rate=200k")
got=$(peer_nfcapd_totals "$PEERS_DIR/nfcapd")
peer_expect "many packets, metered" "$packets $octets" "${metered#* }"
peer_expect "many packets, at nfcapd" "$metered" "$got"
peers "$many" "many packets" "$packets $octets"
pmacctd_with_defaults "$many" "many packets" "$packets $octets"

peers_verdict
