#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/check-includes.sh [--self-test | ROOT]
#
# Fails when a file below ROOT/src includes against the order
#
#   base -> ie -> record -> {wire dissect} -> {packet meter export collect store query}
#        -> {net sink} -> app -> cli
#
# where the arrow reads "is used by". Siblings do not include each other; the exceptions are in
# `siblings`. The libraries in `behind` are included in one folder only.
set -euo pipefail

ranks='base=0 ie=1 record=2 wire=3 dissect=3 packet=4 meter=4 export=4 collect=4 store=4 query=4
net=5 sink=5 app=6 cli=7'

# collect reads export datagrams out of captures; query reads the store.
siblings='query>store collect>packet'

# FIRST-PART-OF-PATH=FOLDER
behind='pcap.h=packet pcap=packet duckdb.h=store microhttpd.h=net nettle=dissect
ndpi=dissect'

check() {
    local root=$1
    (cd "$root" && find src -type f \( -name '*.c' -o -name '*.h' \) | sort | while read -r file; do
        awk -v file="$file" -v ranks="$ranks" -v siblings="$siblings" -v behind="$behind" '
            function fail(why) {
                printf "%s:%d: %s: %s\n", file, FNR, name, why
                bad = 1
            }
            BEGIN {
                n = split(ranks, list)
                for (i = 1; i <= n; i++) { split(list[i], pair, "="); rank[pair[1]] = pair[2] }
                n = split(siblings, list)
                for (i = 1; i <= n; i++) allowed[list[i]] = 1
                n = split(behind, list)
                for (i = 1; i <= n; i++) { split(list[i], pair, "="); home[pair[1]] = pair[2] }
                split(file, part, "/")
                me = part[2]
                if (!(me in rank)) {
                    printf "%s: folder %s has no place in the order\n", file, me
                    bad = 1
                    exit
                }
            }
            /^[ \t]*#[ \t]*include[ \t]*["<]/ {
                name = $0
                sub(/^[^"<]*["<]/, "", name)
                sub(/[">].*$/, "", name)
                n = split(name, part, "/")
                first = part[1]
                if (first in home && home[first] != me) {
                    fail("this library is used in src/" home[first] " only")
                } else if ($0 ~ /include[ \t]*"/ && !(first in home)) {
                    if (n < 2)
                        fail("give the path from src/")
                    else if (!(first in rank))
                        fail("no such folder in the order")
                    else if (first != me && rank[first] == rank[me] && !((me ">" first) in allowed))
                        fail("src/" me " and src/" first " are siblings")
                    else if (rank[first] > rank[me])
                        fail("src/" me " is below src/" first)
                }
            }
            END { exit bad }' "$file" || echo bad >>"$failures"
    done)
}

# Each line is a file, an include, and whether it may stand.
cases='src/wire/a.c "base/reader.h" yes
src/wire/a.c "wire/ipfix.h" yes
src/wire/a.c <stdio.h> yes
src/query/a.c "store/catalog.h" yes
src/collect/a.c "packet/source.h" yes
src/packet/a.c <pcap/pcap.h> yes
src/store/a.c <duckdb.h> yes
src/meter/a.c "dissect/hello.h" yes
src/dissect/a.c <nettle/sha2.h> yes
src/net/a.c <openssl/ssl.h> yes
src/cli/a.c "app/run.h" yes
src/base/a.h "ie/registry.h" no
src/ie/a.c "wire/ipfix.h" no
src/meter/a.c "net/udp.h" no
src/meter/a.c "packet/parse.h" no
src/store/a.c "query/plan.h" no
src/packet/a.c "collect/session.h" no
src/net/a.c "sink/kafka.h" no
src/app/a.c "cli/main.h" no
src/wire/a.c "ipfix.h" no
src/wire/a.c "elsewhere/a.h" no
src/strange/a.c "base/reader.h" no
src/collect/a.c <pcap.h> no
src/query/a.c "duckdb.h" no
src/app/a.c <microhttpd.h> no
src/meter/a.c <nettle/sha2.h> no
src/dissect/a.c "wire/ipfix.h" no
src/web/a.c <openssl/evp.h> no
src/meter/a.c   #  include  "net/udp.h" no'

self_test() {
    local wrong=0 count=0 file include may found
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    while read -r file include; do
        may=${include##* }
        include=${include% *}
        case $include in \#*) ;; *) include="#include $include" ;; esac
        rm -rf "$tree/src"
        mkdir -p "$tree/$(dirname "$file")"
        echo "$include" >"$tree/$file"
        if "$0" "$tree" >/dev/null; then found=yes; else found=no; fi
        if [ "$found" != "$may" ]; then
            echo "self-test: $file: $include: allowed $found, should be $may"
            wrong=1
        fi
        count=$((count + 1))
    done <<<"$cases"
    [ "$count" -gt 20 ] && [ "$wrong" = 0 ]
}

if [ "${1-}" = --self-test ]; then
    self_test
    exit
fi
failures=$(mktemp)
trap 'rm -f "$failures"' EXIT
check "${1-$(dirname "$0")/..}"
[ ! -s "$failures" ]
