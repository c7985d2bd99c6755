# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For tests of one command of weir as a program.
#
#   weir=$1 command=meter
#   . "$WEIR_SOURCE/tests/support/command.sh"
#   expect 'no file' 1 'weir: a.pcap: No such*' -r a.pcap
#   [ "$failures" = 0 ]
#
# What the last run printed is in $dir/out and $dir/err; the folder goes at the end.

: "${weir:?}" "${command:?}"
failures=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# expect WHAT STATUS STDERR-PATTERN ARGUMENTS...: of the command; the pattern is bash's.
expect() {
    local what=$1 status=$2 err=$3 got
    shift 3
    "$weir" "$command" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    # shellcheck disable=SC2053 # a pattern it is
    if [ "$got" != "$status" ] || [[ $(cat "$dir/err") != $err ]]; then
        fail "$what: exit $got, expected $status"
        head -n 5 "$dir/err"
    fi
}

# equal WHAT GOT WANTED
equal() {
    [ "$2" = "$3" ] || fail "$1: $2, expected $3"
}
