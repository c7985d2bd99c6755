#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/scenario/test_top_exact.sh [build/weir]
#
# The greatest N of very many groups, which a query finds by way of sums of buckets, are those that
# plain SQL finds by making all groups: where a few stand out, and where none does. A query that
# has not room enough says why it fails.
set -euo pipefail

: "${WEIR_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
weir=${1:-$WEIR_SOURCE/build/weir}
if [ "${WEIR_DUCKDB-}" = no ]; then
    echo "SKIP: weir was built without DuckDB" >&2
    exit 77
fi
folder=$(mktemp -d -t weir-top.XXXXXX)
trap 'rm -rf "$folder"' EXIT
store=$folder/store
failed=0

"$weir" gen exports --records 1200k --to "ipfix+pcap:$folder/exports.pcap"
"$weir" collect -r "$folder/exports.pcap" --store "$store"

# compare WHAT SQL-AGGREGATE TOP KEYS AGGREGATE [FILTER [SQL-FILTER]]: rows without order, since
# SQL orders ties by text.
compare() {
    local ours theirs
    ours=$("$weir" query --store "$store" --by "$4" --agg "$5" --top "$3" --where "${6:-any}" \
        --format csv | tail -n +2 | cut -d, -f"$(awk -F, '{ print NF + 1 }' <<<"$4")" | sort)
    theirs=$("$weir" query --store "$store" --format csv --sql \
        "select $2 as a from flows where ${7:-true} group by $4 order by a desc limit $3" |
        tail -n +2 | sort)
    if [[ $ours != "$theirs" || -z $ours ]]; then
        printf 'FAILED: %s: weir has\n%s\nand SQL\n%s\n' "$1" "$ours" "$theirs"
        failed=1
    else
        echo "ok: $1"
    fi
}

compare "sources by octets" "sum(bytes)" 10 src_addr "sum(bytes)"
compare "conversations by octets" "sum(bytes)" 20 src_addr,dst_addr,dst_port "sum(bytes)"
compare "ports by packets, filtered" "sum(packets)" 10 dst_port "sum(packets)" \
    'proto udp or dst port 22' "protocol = 17 or dst_port = 22"
compare "conversations by flows" "count(*)" 30 src_addr,dst_addr flows
# All groups are alike, and the buckets left out are greater than any: the sieve does not hold.
compare "groups of which none stands out" "count(*)" 5 src_addr,dst_addr,src_port,dst_port,start flows
compare "more groups than there are" "sum(bytes)" 900 protocol "sum(bytes)"

# What does not fit and has nowhere to go is an error that says so.
said=$(TMPDIR=$folder/none "$weir" query --store "$store" --memory 32M --format csv \
    --sql "select *, row_number() over (order by bytes) as r from flows order by r" 2>&1) &&
    failed=1
if [[ $said != *"Out of Memory"* && $said != *"Failed to create directory"* ]]; then
    echo "FAILED: nowhere to go: weir says: $said"
    failed=1
fi

exit "$failed"
