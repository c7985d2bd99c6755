#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test-query.sh WEIR
#
# `weir query` as a command: what it says of a question or a store that is none, and answers in a
# time zone around the days on which its clock is changed.
set -uo pipefail
weir=$1
command=query
# shellcheck source=tests/support/command.sh
. "$WEIR_SOURCE/tests/support/command.sh"

# csv ARGUMENTS...: the rows of an answer, without the header.
csv() {
    "$weir" query --store "$dir/store" --format csv "$@" | tail -n +2
}

expect 'no store' 2 'weir: --store DIR is missing'
expect 'a folder that is not there' 2 "weir: $dir/none: No such file or directory" \
    --store "$dir/none"
mkdir "$dir/empty"
expect 'a folder that is no store' 2 "weir: $dir/empty: this is no store of flows" \
    --store "$dir/empty"

"$weir" gen exports --start 2026-03-28T12:00:00Z --duration 2d --records 20000 \
    --to "netflow9+pcap:$dir/exports.pcap" || fail 'exports'
"$weir" collect -r "$dir/exports.pcap" --store "$dir/store" || fail 'a store'

expect 'a column that is not there' 2 "weir: --by: *did you mean 'src_addr'?" \
    --store "$dir/store" --by src_adr
expect 'a chart of records' 2 'weir: --format chart is of groups or of bins: give --by or --bin' \
    --store "$dir/store" --format chart
expect 'an empty filter' 2 'weir: --where: its value FILTER is empty' --store "$dir/store" --where ''
expect 'too many bins' 2 'weir: --bin: more than 100000 bins from 2026-03-28T*--from and --to' \
    --store "$dir/store" --bin 1ms

if [ "${WEIR_DUCKDB-}" = no ]; then
    expect 'a series without DuckDB' 1 'weir: this weir was built without DuckDB*' \
        --store "$dir/store" --bin 1d
    echo "skipped: series and SQL need DuckDB; $failures failures before"
    [ "$failures" = 0 ]
    exit
fi

equal 'days of UTC' "$(csv --bin 1d --sum flows | cut -d, -f1 | xargs)" \
    '2026-03-28T00:00:00.000Z 2026-03-29T00:00:00.000Z 2026-03-30T00:00:00.000Z'
equal 'days by an offset' "$(csv --bin 1d --sum flows --tz -03:30 | cut -d, -f1 | xargs)" \
    '2026-03-28T00:00:00.000-03:30 2026-03-29T00:00:00.000-03:30 2026-03-30T00:00:00.000-03:30'
if [ ! -e /usr/share/zoneinfo/Europe/Berlin ]; then
    echo "this machine has no time zones (tzdata); $failures failures"
    [ "$failures" = 0 ]
    exit
fi

# The clock is put forward on the 29th: 23 hours, that begin and end at midnight there.
csv --bin 1d --sum bytes,flows --tz Europe/Berlin >"$dir/days"
equal 'days' "$(cut -d, -f1 "$dir/days" | xargs)" \
    '2026-03-28T00:00:00.000+01:00 2026-03-29T00:00:00.000+01:00 2026-03-30T00:00:00.000+02:00'
equal 'flows that began on the day' "$(sed -n 2p "$dir/days" | cut -d, -f3)" \
    "$(csv --sql "select count(*) from flows where
        start >= '2026-03-28 23:00:00' and start < '2026-03-29 22:00:00'")"
equal 'octets are where they were' "$(awk -F, '{ sum += $2 } END { printf "%.0f", sum }' "$dir/days")" \
    "$(csv --sum bytes)"
equal 'octets of the day' "$(sed -n 2p "$dir/days" | cut -d, -f2)" \
    "$(csv --bin 1d --sum bytes --tz Europe/Berlin --from 2026-03-29 --to 2026-03-30 |
        cut -d, -f2)"
equal 'hours' "$(csv --bin 1h --sum flows --tz Europe/Berlin --from 2026-03-29 \
    --to '2026-03-29 05:00' | cut -d, -f1 | cut -c12-13,24- | xargs)" '00+01:00 01+01:00 03+02:00 04+02:00'
equal 'a chart' "$("$weir" query --store "$dir/store" --bin 1d --tz Europe/Berlin --format chart |
    cut -c-25 | tail -n +2 | xargs)" \
    '2026-03-28 00:00:00+01:00 2026-03-29 00:00:00+01:00 2026-03-30 00:00:00+02:00'
equal 'records' "$(csv --select start --order start:asc --top 1 --tz Europe/Berlin | cut -c24-)" \
    '+01:00'
equal 'SQL' "$(csv --sql 'select max(start) from flows' --tz Europe/Berlin | cut -c24-)" '+02:00'

echo "$failures failures"
[ "$failures" = 0 ]
