#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/run-test.sh PROGRAM [ARGUMENT...]
# Between Meson and every test. cmocka 1.1.5 reports a skipped case as `not ok N # SKIP NAME`, which
# reads as a failure: it becomes what TAP says. When the program fails, what it printed goes to
# stderr as well, since that is what Meson shows of a failed TAP test.
out=$(mktemp) || exit
finish() {
    if [ "$1" != 0 ] && [ "$1" != 77 ]; then
        cat "$out" >&2
    fi
    sed -E 's/^not ok ([0-9]+)( -)? # SKIP (.*)/ok \1 - \3 # SKIP/' "$out"
    rm -f "$out"
    exit "$1"
}
trap 'finish 143' TERM INT
"$@" >"$out"
finish $?
