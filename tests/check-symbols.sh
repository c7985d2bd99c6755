#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/check-symbols.sh BUILD
#
# Fails when two of the libraries under BUILD/src define the same name: the linker takes one or
# refuses both, and that only where a program uses the two. Also when a name does not begin with
# weir_.
set -euo pipefail
build=$1

find "$build/src" -name 'lib*.a' | while read -r library; do
    # Names that a compiler or a sanitizer makes have a dot or begin with an underscore.
    nm --defined-only --extern-only "$library" 2>/dev/null |
        awk -v library="$(basename "$library")" \
            'NF == 3 && $2 ~ /[A-TX-Z]/ && $3 !~ /^_|\./ {print $3, library}' | sort -u
done | sort | awk '
    { libraries[$1] = libraries[$1] " " $2; count[$1]++; total++ }
    $1 !~ /^weir_/ { print $1 " of " $2 " does not begin with weir_"; bad = 1 }
    END {
        for (name in count)
            if (count[name] > 1) {
                print name " is defined in" libraries[name]
                bad = 1
            }
        if (total < 100) {
            print "only " total " names were found"
            bad = 1
        }
        exit bad
    }'
