#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_replay.sh [build/weir]
#
# Recordings sent again by `weir replay`: to weir and to nfcapd, which have to find in them what is
# in the recording; in rounds with numbers and times rewritten; at a pace; ended by a signal.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init

collector=$PEERS_DIR/collector
records=3000

# start: collects on a new `port`, and is ready.
start() {
    port=$(peer_free_port)
    peer_fresh "$collector"
    peer_start "$collector" "$port" "$weir" collect --listen "udp://127.0.0.1:$port" \
        --stats "$collector/stats" --to "json:$collector/records"
}

# status_of COMMAND...: its exit status; what it says on standard error is in PEERS_DIR/said.
status_of() {
    local status=0
    "$@" >"$PEERS_DIR/out" 2>"$PEERS_DIR/said" || status=$?
    echo "$status"
}

# flows_of FILE: what JSON lines say of flows, without how they came.
flows_of() {
    sed 's/.*"template":[0-9]*,//' "$1" | sort | sha256sum
}

# nothing_lost: counters of the collector that have to be 0, as they are.
nothing_lost() {
    json_numbers "$collector/stats" records_lost records_unknown records_duplicate messages_lost \
        messages_duplicate messages_late sequence_restarts messages_malformed datagrams_dropped
}
nothing="0 0 0 0 0 0 0 0 0"

for protocol in netflow5 netflow9 ipfix; do
    recording=$PEERS_DIR/$protocol.pcap
    "$weir" gen exports --records $records --ipv6 0 --duration 2s --to "$protocol+pcap:$recording"
    "$weir" collect -r "$recording" --to "json:$PEERS_DIR/recorded"

    # As it was: the same flows arrive.
    start
    "$weir" replay -r "$recording" --to "udp://127.0.0.1:$port" --rate 5k \
        --stats "$PEERS_DIR/replayed"
    peer_stop "$collector" TERM
    peer_expect "$protocol: flows as recorded" "$(flows_of "$PEERS_DIR/recorded")" \
        "$(flows_of "$collector/records")"
    peer_expect "$protocol: nothing lost" "$nothing" "$(nothing_lost)"
    peer_expect "$protocol: what was sent" "$records $(json_numbers "$collector/stats" messages)" \
        "$(json_numbers "$PEERS_DIR/replayed" records_sent messages_sent)"

    # Three rounds with new numbers and times: nothing seems lost, nor to have started anew, and all
    # flows have other times than those recorded, in each round.
    start
    "$weir" replay -r "$recording" --to "udp://127.0.0.1:$port" --rate 5k --loop 3 --rewrite both
    peer_stop "$collector" TERM
    peer_expect "$protocol: records of three rounds" $((3 * records)) \
        "$(json_numbers "$collector/stats" records)"
    peer_expect "$protocol: nothing lost in three rounds" "$nothing" "$(nothing_lost)"
    peer_expect "$protocol: times are of today" 0 "$(grep -c 'Milliseconds":"2025' "$collector/records" || true)"
    peer_expect "$protocol: times of each round differ" yes "$(
        grep -o '"flowStartMilliseconds":"[^"]*"' "$collector/records" | sort -u |
            awk -v records=$records 'END { if (NR > records) print "yes"; else print NR }')"

    # Without new numbers the rounds are one another's duplicates, and are seen as such.
    start
    "$weir" replay -r "$recording" --to "udp://127.0.0.1:$port" --rate 5k --loop 2
    peer_stop "$collector" TERM
    peer_expect "$protocol: rounds with old numbers are noticed" no \
        "$([[ $(nothing_lost) == "$nothing" ]] && echo yes || echo no)"

    # nfcapd finds in it what weir does.
    if command -v nfcapd >/dev/null; then
        totals=$("$weir" collect -r "$recording" --to json:- | python3 -c '
import json, sys
flows = [json.loads(line) for line in sys.stdin]
print(len(flows), sum(flow["packetDeltaCount"] for flow in flows),
      sum(flow["octetDeltaCount"] for flow in flows))')
        port=$(peer_free_port)
        peer_nfcapd_start "$port" "$PEERS_DIR/nf"
        "$weir" replay -r "$recording" --to "udp://127.0.0.1:$port" --rate 2k
        peer_expect "$protocol: nfcapd's totals" "$totals" "$(peer_nfcapd_totals "$PEERS_DIR/nf")"
    fi
done

# Each exporter has a port of its own.
"$weir" gen exports --records 50 --to "ipfix+pcap:$PEERS_DIR/two.pcap"
python3 - "$PEERS_DIR/two.pcap" <<'END'
import struct, sys
octets = bytearray(open(sys.argv[1], "rb").read())
at, number = 24, 0
while at < len(octets):
    captured = struct.unpack_from("<I", octets, at + 8)[0]
    octets[at + 16 + 15] = 1 + number % 2  # the last octet of the IPv4 source address
    octets[at + 16 + 10:at + 16 + 12] = b"\0\0"
    at, number = at + 16 + captured, number + 1
open(sys.argv[1], "wb").write(octets)
END
start
"$weir" replay -r "$PEERS_DIR/two.pcap" --to "udp://127.0.0.1:$port" --stats "$PEERS_DIR/replayed"
peer_stop "$collector" TERM
peer_expect "exporters with a port each" 2 "$(json_numbers "$PEERS_DIR/replayed" exporters_replayed)"

# It goes on until it is stopped, and then ends in good order.
start
"$weir" replay -r "$PEERS_DIR/ipfix.pcap" --to "udp://127.0.0.1:$port" --rewrite both --loop 0 \
    --rate 500 --stats "$PEERS_DIR/replayed" --progress 2>"$PEERS_DIR/progress" &
replay=$!
peer_await "messages to be sent" grep -q '[1-9][0-9]* messages' "$PEERS_DIR/progress"
kill -TERM "$replay"
status=0
wait "$replay" || status=$?
peer_expect "status after TERM" 0 "$status"
peer_stop "$collector" TERM
peer_expect "what was sent until then" "$(json_numbers "$PEERS_DIR/replayed" messages_sent records_sent)" \
    "$(json_numbers "$collector/stats" messages records)"

# What is wrong with the command line or a file is said.
to=udp://127.0.0.1:9
peer_expect "no file" 2 "$(status_of "$weir" replay --to $to)"
peer_expect "no destination" 2 "$(status_of "$weir" replay -r "$recording")"
peer_expect "another protocol" 2 "$(status_of "$weir" replay -r "$recording" --to ipfix+udp://127.0.0.1:9)"
peer_expect "another protocol, said" 1 "$(grep -c 'as they were recorded' "$PEERS_DIR/said")"
peer_expect "no number" 2 "$(status_of "$weir" replay -r "$recording" --to $to --speed fast)"
peer_expect "no number either" 2 "$(status_of "$weir" replay -r "$recording" --to $to --speed nan)"
peer_expect "both" 2 "$(status_of "$weir" replay -r "$recording" --to $to --speed 2 --rate 5)"
peer_expect "standard input twice" 2 "$(status_of "$weir" replay -r - --to $to --loop 2)"
head -c 20000 "$recording" >"$PEERS_DIR/cut.pcap"
peer_expect "a cut file" 1 "$(status_of "$weir" replay -r "$PEERS_DIR/cut.pcap" --to $to --speed 0 \
    --stats "$PEERS_DIR/replayed")"
peer_expect "a cut file, lines said" 1 "$(wc -l <"$PEERS_DIR/said")"
peer_expect "what was whole of it was sent" yes \
    "$([[ $(json_numbers "$PEERS_DIR/replayed" messages_read) -gt 5 ]] && echo yes)"

peers_verdict
