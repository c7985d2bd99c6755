#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_collect.sh [build/weir]
#
# `weir collect` as a program: when it is ready, how it ends, several listeners, broken input,
# places that fail. What it makes of the peers' messages is test_peers_to_collect.sh's.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init

collector=$PEERS_DIR/collector
exports=$PEERS_DIR/exports.pcap
records=2000
"$weir" gen exports --records $records --to "netflow9+pcap:$exports"

# start ARGUMENT...: collects on a new `port`, and is ready. `buffer` is the socket's.
buffer=64Mi
start() {
    port=$(peer_free_port)
    peer_fresh "$collector"
    peer_start "$collector" "$port" "$weir" collect \
        --listen "udp://127.0.0.1:$port?buffer=$buffer" --stats "$collector/stats" "$@"
}

# status_of COMMAND...: its exit status; what it says on standard error is in PEERS_DIR/said.
status_of() {
    local status=0
    "$@" >"$PEERS_DIR/out" 2>"$PEERS_DIR/said" || status=$?
    echo "$status"
}

exists() {
    [[ -e $1 ]] && echo yes || echo no
}

# shellcheck disable=SC2317 # peer_await calls it
both_are_ready() {
    [[ $(grep -c 'collecting on' "$collector/log") == 2 ]]
}

# send COUNT: so many records over UDP, at a rate that loses none.
send() {
    "$weir" gen exports --records "$1" --to "ipfix+udp://127.0.0.1:$port?rate=100k"
}

lines() {
    wc -l <"$1"
}

# A signal: all that had arrived is written, and the file has its name only then.
start --to "json:$collector/records"
send 500
peer_expect "file before the end" no "$(exists "$collector/records")"
peer_stop "$collector" TERM
peer_expect "records after TERM" 500 "$(lines "$collector/records")"
peer_expect "counted after TERM" "500 0 0" \
    "$(json_numbers "$collector/stats" records records_lost datagrams_dropped)"
peer_expect "ready line" "weir: collecting on udp://127.0.0.1:$port?buffer=64Mi" \
    "$(<"$collector/log")"

# What the kernel drops is counted, and adds up by sequence numbers: received + lost = sent. The last
# message has to arrive, since what is lost after it nobody knows of: it goes when nothing waits.
"$weir" gen exports --records 40000 --to "ipfix+file:$PEERS_DIR/exports.ipfix"
buffer=8Ki
start --to json:/dev/null
buffer=64Mi
kill -STOP "$(<"$collector/pid")"
coproc sender { python3 "$WEIR_SOURCE/tests/scenario/send_messages.py" "$PEERS_DIR/exports.ipfix" "$port"; }
sender_pid=$!
read -r _ <&"${sender[0]}"
kill -CONT "$(<"$collector/pid")"
peer_await "what was not dropped has been read" peer_drained "$port"
echo last >&"${sender[1]}"
wait "$sender_pid"
peer_stop "$collector" TERM 2>/dev/null # it warns of what is dropped
read -r received lost dropped < <(json_numbers "$collector/stats" records records_lost datagrams_dropped)
peer_expect "received + lost" 40000 $((received + lost))
peer_expect "some were dropped" yes "$(if ((dropped > 0 && lost > dropped)); then echo yes; fi)"

# Killed: nothing half-written under the final name.
start --to "json:$collector/records"
send 500
peer_stop "$collector" KILL
peer_expect "file after KILL" no "$(exists "$collector/records")"

# The end by count is exact; by silence.
start --to "json:$collector/records" --count 123
send 500
peer_await "the end after 123 records" peer_ended "$(<"$collector/pid")"
peer_expect "records by --count" 123 "$(lines "$collector/records")"
start --to "json:$collector/records" --idle-exit 300ms
send 50
peer_await "the end after silence" peer_ended "$(<"$collector/pid")"
peer_expect "records by --idle-exit" 50 "$(lines "$collector/records")"

# Several listeners.
other=$(peer_free_port)
start --listen "udp://127.0.0.1:$other" --to "json:$collector/records"
peer_await "both listeners" both_are_ready
send 10
port=$other send 20
peer_await "both have been read" peer_drained "$other"
peer_stop "$collector" INT
peer_expect "records of two listeners" 30 "$(lines "$collector/records")"

# What is wrong with the command line is status 2, and says what to do instead.
start
peer_expect "port in use" 2 "$(status_of "$weir" collect --listen "udp://127.0.0.1:$port")"
peer_expect "port in use, said" 1 "$(grep -c "port $port is in use" "$PEERS_DIR/said")"
peer_stop "$collector" TERM
peer_expect "protocol of a listener" 2 "$(status_of "$weir" collect --listen "ipfix+udp://:$port")"
"$weir" gen exports --records 100 --to "netflow9+pcap:$PEERS_DIR/hundred.pcap"
"$weir" collect -r "$PEERS_DIR/hundred.pcap" --to none: --stats - >"$PEERS_DIR/none"
peer_expect "records that go nowhere" '"records":100' "$(grep -o '"records":[0-9]*' "$PEERS_DIR/none" | head -1)"
peer_expect "and are not printed" 1 "$(wc -l <"$PEERS_DIR/none")"
peer_expect "none: is for what is collected" 2 \
    "$(status_of "$weir" gen exports --to none:)"
peer_expect "no such kind of URL" 2 "$(status_of "$weir" collect --listen "carrier-pigeon://:9")"
for wrong in --sampling=0 --sampling=x=5 --sampling=192.0.2.1= --skew=5 --skew=x=auto; do
    peer_expect "$wrong" 2 "$(status_of "$weir" collect -r "$exports" "$wrong")"
done
peer_expect "nothing to collect from" 2 "$(status_of "$weir" collect)"
peer_expect "no such option of a URL" 2 \
    "$(status_of "$weir" collect -r "$exports" --to 'json:-?colour=red')"

# A file that is cut: what was whole is delivered and counted; status 1 and one line.
head -c 20000 "$exports" >"$PEERS_DIR/cut.pcap"
peer_expect "cut file" 1 "$(status_of "$weir" collect -r "$PEERS_DIR/cut.pcap" -r "$exports" \
    --to "json:$PEERS_DIR/records" --stats "$PEERS_DIR/stats")"
peer_expect "cut file, said" 1 "$(grep -c "cut.pcap: octet [0-9]*:" "$PEERS_DIR/said")"
peer_expect "lines said of it" 1 "$(lines "$PEERS_DIR/said")"
peer_expect "records of it and the next" "$(lines "$PEERS_DIR/records")" \
    "$(json_numbers "$PEERS_DIR/stats" records)"
peer_expect "more than those of the next" yes \
    "$(if (($(lines "$PEERS_DIR/records") > records)); then echo yes; fi)"
peer_expect "foreign file" 1 "$(status_of "$weir" collect -r "$0")"
peer_expect "missing file" 1 "$(status_of "$weir" collect -r /nowhere)"

# Places that fail.
# shellcheck disable=SC2016 # the inner shell expands them
if [[ -w /dev/full ]]; then
    peer_expect "full disk" 1 "$(status_of "$weir" collect -r "$exports" --to json:/dev/full)"
    peer_expect "full disk, lines said" 1 "$(lines "$PEERS_DIR/said")"
    peer_expect "a full disk and another place" 1 "$(status_of "$weir" collect -r "$exports" \
        --to json:/dev/full --to "json:$PEERS_DIR/other" --stats "$PEERS_DIR/other.stats")"
    peer_expect "a full disk and another place, lines said" 1 "$(lines "$PEERS_DIR/said")"
    peer_expect "the other place has all" "$(lines "$PEERS_DIR/other")" \
        "$("$weir" collect -r "$exports" | wc -l)"
    peer_expect "standard output is full" 1 \
        "$(status_of bash -c '"$1" collect -r "$2" >/dev/full' - "$weir" "$exports")"
fi
# shellcheck disable=SC2016 # the inner shell expands them
peer_expect "a reader that goes away" 0 "$(status_of bash -c \
    'set -o pipefail; "$1" collect -r "$2" --to json:- --to "json:$3" | head -n 1' - \
    "$weir" "$exports" "$PEERS_DIR/whole")"
peer_expect "and the other place is whole" whole \
    "$(tail -c 2 "$PEERS_DIR/whole" | grep -q '}' && echo whole || echo cut)"

# All formats of files, plain, compressed and from standard input, hold the same.
"$weir" gen exports --records $records --to "ipfix+file:$PEERS_DIR/a.ipfix"
gzip -k "$exports"
"$weir" collect -r "$exports.gz" >"$PEERS_DIR/gz"
"$weir" collect -r "$exports" >"$PEERS_DIR/plain"
"$weir" collect -r - <"$exports" >"$PEERS_DIR/stdin"
peer_expect "gzip as plain" same "$(cmp -s "$PEERS_DIR/gz" "$PEERS_DIR/plain" && echo same)"
peer_expect "standard input as plain" same \
    "$(cmp -s "$PEERS_DIR/stdin" "$PEERS_DIR/plain" && echo same)"
peer_expect "records of an IPFIX file" $records \
    "$("$weir" collect -r "$PEERS_DIR/a.ipfix" | grep -c '"exporter":null')"

# Collected and exported again: the same flows.
"$weir" collect -r "$PEERS_DIR/a.ipfix" --to "ipfix+file:$PEERS_DIR/b.ipfix"
flows_of() {
    "$weir" collect -r "$1" | sed 's/.*"template":[0-9]*,//' | sort | sha256sum
}
peer_expect "exported again" "$(flows_of "$PEERS_DIR/a.ipfix")" "$(flows_of "$PEERS_DIR/b.ipfix")"

# What was learned of exporters is known to the next run; a state that is damaged is said and left,
# and what is no state is left alone.
state=$PEERS_DIR/state
python3 - "$exports" "$PEERS_DIR" <<'PYTHON'
import struct, sys
octets = open(sys.argv[1], "rb").read()
at = [24]
for _ in range(6):
    at.append(at[-1] + 16 + struct.unpack("<I", octets[at[-1] + 8:at[-1] + 12])[0])
open(sys.argv[2] + "/first.pcap", "wb").write(octets[:at[1]])
open(sys.argv[2] + "/rest.pcap", "wb").write(octets[:24] + octets[at[1]:at[6]])
PYTHON
count_of() {
    "$weir" collect -r "$1" "${@:2}" --to "json:$PEERS_DIR/out" --stats - >"$PEERS_DIR/stats"
    json_numbers "$PEERS_DIR/stats" records sets_waiting messages_lost
}
count_of "$PEERS_DIR/first.pcap" --state "$state" >/dev/null
peer_expect "without the state" "0 5 0" "$(count_of "$PEERS_DIR/rest.pcap")"
peer_expect "with the state" "waiting and lost: 0 0" \
    "$(count_of "$PEERS_DIR/rest.pcap" --state "$state" | sed 's/^[1-9][0-9]*/waiting and lost:/')"
truncate --size=-1 "$state"
peer_expect "exit status with a damaged state" 0 \
    "$(status_of "$weir" collect -r "$exports" --state "$state" --to "json:$PEERS_DIR/records")"
peer_expect "what is said of it" \
    "weir: $state: octets lack at its end: what was learned of exporters before is not known" \
    "$(<"$PEERS_DIR/said")"
peer_expect "the state after it" "waiting and lost: 0 0" \
    "$(count_of "$PEERS_DIR/rest.pcap" --state "$state" | sed 's/^[1-9][0-9]*/waiting and lost:/')"

echo "This is something else." >"$state"
peer_expect "exit status with what is no state" 2 \
    "$(status_of "$weir" collect -r "$exports" --state "$state" --to "json:$PEERS_DIR/records")"
peer_expect "what is said of that" \
    "weir: --state: $state: it is no state of a collector, and would be written over" \
    "$(<"$PEERS_DIR/said")"
peer_expect "it is left alone" "This is something else." "$(<"$state")"

# A store has one for each collector that listens.
start --store "$PEERS_DIR/store" --journal off
send 100
peer_stop "$collector" TERM
peer_expect "state in the store" yes \
    "$(exists "$PEERS_DIR/store/.state/udp-127.0.0.1-$port")"

# Who is let in, of captures and over UDP, and how much of each.
counted_of() {
    "$weir" collect -r "$exports" --to json:/dev/null --stats "$PEERS_DIR/stats" "$@"
    json_numbers "$PEERS_DIR/stats" datagrams_read messages datagrams_not_allowed datagrams_limited
}
messages=$(counted_of | cut -d' ' -f1)
from=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["exporters"][0]["address"])' \
    <"$PEERS_DIR/stats")
peer_expect "its network allowed" "$messages $messages 0 0" \
    "$(counted_of --allow 203.0.113.7 --allow "$from/24")"
peer_expect "another one allowed" "$messages 0 $messages 0" "$(counted_of --allow 203.0.113.7)"
read -r _ taken refused limited <<<"$(counted_of --exporter-rate 2/s)"
peer_expect "limited and taken in" "$messages 0" "$((taken + limited)) $refused"
peer_expect "some are limited" yes "$([[ $limited -gt 0 && $taken -ge 2 ]] && echo yes || echo no)"
peer_expect "by address" "$from $limited" "$(python3 -c 'import json, sys
print(*json.load(sys.stdin)["limited"][0].values())' <"$PEERS_DIR/stats")"
for wrong in "--allow 10.0.0.0/33" "--exporter-rate 0" "--exporter-rate 5/h"; do
    # shellcheck disable=SC2086 # two words
    peer_expect "exit status of $wrong" 2 "$(status_of "$weir" collect -r "$exports" $wrong)"
done
for journal in on off; do
    start --store "$PEERS_DIR/let-in" --journal "$journal" --allow 203.0.113.0/24
    send 100
    peer_stop "$collector" TERM
    peer_expect "taken in, journal $journal" "0 0" \
        "$(json_numbers "$collector/stats" messages records)"
    peer_expect "some are refused, journal $journal" no \
        "$([[ $(json_numbers "$collector/stats" datagrams_not_allowed) == 0 ]] && echo yes || echo no)"
done

# Several workers: all that came is stored and printed once, and the sum is one.
start --store "$PEERS_DIR/several" --workers 3 --to "json:$collector/records"
send 2000
peer_stop "$collector" TERM
peer_expect "records of three workers" "2000 2000 0 0" \
    "$(json_numbers "$collector/stats" records records_stored records_lost datagrams_dropped)"
peer_expect "lines of three workers" 2000 "$(lines "$collector/records")"
peer_expect "exit status of --count with several" 2 \
    "$(status_of "$weir" collect --listen "udp://127.0.0.1:$port" --workers 2 --count 5)"
peer_expect "exit status of no workers" 2 \
    "$(status_of "$weir" collect -r "$exports" --workers 0)"
start --workers 2 --to json:/dev/full
"$weir" gen exports --records 500 --to "ipfix+udp://127.0.0.1:$port?rate=100k"
peer_await "end of workers whose only place is full" peer_ended "$(<"$collector/pid")"
peer_expect "what is said of it" yes \
    "$(grep -q "weir: /dev/full: " "$collector/log" && echo yes || echo no)"

peers_verdict
