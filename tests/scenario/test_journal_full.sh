#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_journal_full.sh [build/weir]
#
# A collector whose disk is full: it goes on collecting, the journal stops and says so once, and when
# there is room again all is stored that was in it.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
if [[ -z ${WEIR_OWN_MOUNTS:-} ]]; then
    if ! unshare --mount true 2>/dev/null; then
        echo "SKIP: no file system may be mounted here" >&2
        exit 77
    fi
    WEIR_OWN_MOUNTS=1 exec unshare --mount "$0" "$@"
fi
# shellcheck source=tests/scenario/peers.sh
. "$WEIR_SOURCE/tests/scenario/peers.sh"
peers_init

disk=$PEERS_DIR/disk
collector=$PEERS_DIR/collector
mkdir "$disk"
mount -t tmpfs -o size=80m none "$disk"
trap 'umount --lazy "$disk"; peers_done' EXIT
fallocate -l 36M "$disk/other"

port=$(peer_free_port)
peer_fresh "$collector"
peer_start "$collector" "$port" "$weir" collect --listen "udp://127.0.0.1:$port?buffer=64Mi" \
    --store "$disk/store" --rotate 1s --stats "$collector/stats"

# send SEED RECORDS: at a rate that loses none.
send() {
    "$weir" gen exports --seed "$1" --records "$2" --to "ipfix+udp://127.0.0.1:$port?rate=100k"
}
said() {
    grep -c "$1" "$collector/log" || true
}
# shellcheck disable=SC2317 # peer_await calls them
has_said() {
    send 9 100
    [[ $(said "$1") -gt 0 ]]
}
# shellcheck disable=SC2317
one_segment_is_left() {
    send 9 100
    [[ $(find "$disk/store/journal/0" -name '*.pcapng' | wc -l) == 1 ]]
}

send 1 300000
peer_await "the disk is full" has_said "the journal stops"
peer_expect "collects on" yes "$(peer_runs "$(<"$collector/pid")" && echo yes)"
rm "$disk/other"
peer_await "there is room again" has_said "the journal goes on"
send 2 100000
peer_await "what was put off is stored" one_segment_is_left
pid=$(<"$collector/pid")
peer_stop "$collector" TERM
peer_expect "has ended" yes "$(peer_ended "$pid" && echo yes)"

# How often it stops depends on who gets the room; each time is said once, and so is each end of it.
read -r stops received stored dropped recovered lost < <(json_numbers "$collector/stats" \
    journal_stops records records_stored journal_dropped journal_recovered_segments datagrams_dropped)
peer_expect "stops said" "$stops" "$(said 'the journal stops')"
peer_expect "nothing lost on the way" 0 "$lost"
peer_expect "segments were put off" yes "$( ((recovered > 0)) && echo yes)"
# 42 records at most are in a datagram.
peer_expect "what is missing is counted" yes \
    "$( ((stored <= received && received - stored <= dropped * 42)) && echo yes)"
peer_expect "records in the store" "$stored" \
    "$("$weir" query --store "$disk/store" --sum flows --format csv | tail -n 1)"

# What cannot be stored at the end is said, and stored by the next run.
peer_fresh "$collector"
port=$(peer_free_port)
peer_start "$collector" "$port" "$weir" collect --listen "udp://127.0.0.1:$port?buffer=64Mi" \
    --store "$disk/store" --rotate 1h
send 3 20000
fill() { dd if=/dev/zero of="$disk/other" bs=64k 2>/dev/null || true; }
fill
peer_stop "$collector" TERM || true
peer_expect "is said at the end" 1 "$(said 'what could not be stored stays there')"
rm "$disk/other"
"$weir" collect --listen "udp://127.0.0.1:$port" --store "$disk/store" --idle-exit 10ms
peer_expect "and stored the next time" "$((stored + 20000))" \
    "$("$weir" query --store "$disk/store" --sum flows --format csv | tail -n 1)"
peers_verdict
