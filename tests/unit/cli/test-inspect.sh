#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test-inspect.sh WEIR
#
# `weir inspect` as a program: what it reads, what it prints of it, how it ends.
# shellcheck disable=SC2016 # what bash -c is given it expands itself
set -euo pipefail
weir=$1
failures=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# expect WHAT STATUS STDOUT-PATTERN STDERR-PATTERN COMMAND...: patterns of bash, whole output.
expect() {
    local what=$1 status=$2 out=$3 err=$4 got=0
    shift 4
    "$@" >"$dir/out" 2>"$dir/err" || got=$?
    # shellcheck disable=SC2053 # patterns they are
    if [[ $got != "$status" || $(<"$dir/out") != $out || $(<"$dir/err") != $err ]]; then
        echo "FAILED: $what: exit $got, expected $status"
        head -n 5 "$dir/out" "$dir/err"
        failures=$((failures + 1))
    fi
}

"$weir" gen exports --records 60 --ipv6 0 --to "ipfix+pcap:$dir/a.pcap"
"$weir" gen exports --records 2000 --ipv6 0 --to "ipfix+file:$dir/a.ipfix"

expect 'nothing to read' 2 '' 'weir: inspect: a file is wanted*' "$weir" inspect
expect 'no such file' 1 '' 'weir: /nowhere: No such file*' "$weir" inspect /nowhere
expect 'a capture' 0 'message 1, packet 1: IPFIX, * octets from 192.0.2.1 port *message 4, packet 4*' \
    '' "$weir" inspect "$dir/a.pcap"
expect 'a file' 0 'message 1, octet 0 of the file: IPFIX*message 2, octet *' '' \
    "$weir" inspect "$dir/a.ipfix"
expect 'standard input' 0 'message 1, octet 0 of the file: IPFIX*' '' \
    bash -c '"$1" inspect - <"$2"' - "$weir" "$dir/a.ipfix"
expect 'one message' 0 'message 3, packet 3: *    record 1, 70 octets*' '' \
    "$weir" inspect --message 3 "$dir/a.pcap"
"$weir" inspect --message 3 "$dir/a.pcap" >"$dir/out-of-one"
expect 'and no other' 0 1 '' grep -c '^message' "$dir/out-of-one"
expect 'a message that is not there' 1 '' 'weir: */a.pcap: there is no message 5: it has 4' \
    "$weir" inspect --message 5 "$dir/a.pcap"
expect 'octets in hexadecimal' 0 '*          0     00 0a *' '' \
    "$weir" inspect --message 1 --hex "$dir/a.ipfix"
expect 'a summary of two files' 0 '*messages_broken *0*records_explained *2060*' '' \
    "$weir" inspect --summary "$dir/a.pcap" "$dir/a.ipfix"
expect 'the same for a program' 0 '{"messages_explained":4,*}' '' \
    "$weir" inspect --summary --format json "$dir/a.pcap"
expect 'no colours but on a terminal' 1 '' '' \
    bash -c '"$1" inspect "$2" | grep -q "$(printf "\033")"' - "$weir" "$dir/a.pcap"
expect 'a reader that goes away' 0 'message 1*' '' \
    bash -c 'set -o pipefail; "$1" inspect "$2" | head -n 1' - "$weir" "$dir/a.pcap"

# A set in the second message that is shorter than its header: one line says which.
python3 - "$dir/a.ipfix" "$dir/broken.ipfix" <<'END'
import sys
octets = bytearray(open(sys.argv[1], "rb").read())
second = octets[2] << 8 | octets[3]
octets[second + 18:second + 20] = b"\0\3"
open(sys.argv[2], "wb").write(octets)
END
expect 'a broken rule' 1 \
    '*         !!  octet 18: set length 3 is shorter than its header (RFC 7011 section 3.3.2)*' \
    'weir: */broken.ipfix: 1 of * messages is broken: message 2: octet 18: set length 3 is shorter*' \
    "$weir" inspect "$dir/broken.ipfix"
expect 'what is good is read all the same' 1 '{*"messages_broken":1,*"records_explained":*}' '*' \
    "$weir" inspect --summary --format json "$dir/broken.ipfix" "$dir/a.pcap"
head -c 1000 "$dir/a.ipfix" >"$dir/cut.ipfix"
expect 'a file that is cut' 1 '*!!  octet 1000: the message ends here*' \
    'weir: */cut.ipfix: 1 of 1 messages is broken: *' "$weir" inspect "$dir/cut.ipfix"

echo "$failures failures"
[[ $failures == 0 ]]
