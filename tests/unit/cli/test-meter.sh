#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test-meter.sh WEIR
#
# `weir meter` as a command: what it prints and how it ends, on the sample capture and on input
# that is broken, foreign or not there.
set -uo pipefail
weir=$1
sample=$(echo "$WEIR_SOURCE"/samples/office.pcap*)
command=meter
# shellcheck source=tests/support/command.sh
. "$WEIR_SOURCE/tests/support/command.sh"

# stat NAME: one counter of the last --stats.
stat() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
        "$dir/stats" "$1"
}

# The command line.
expect 'nothing to meter' 2 'weir: meter: nothing to meter*-r*-i*'
expect 'file and interface' 2 'weir: meter: -r and -i do not go together*' -r "$sample" -i lo
expect 'format and destination' 2 'weir: meter: --format*--to*' \
    -r "$sample" --to json:- --format csv
expect 'kind of cache' 2 "weir: --cache: 'natural'*" -r "$sample" --cache natural
for wrong in normal,interval=10 normal,interval=0s normal,portion=1/4 immediate,interval=10s \
    permanent,portion=4 permanent,portion=1/0 permanent,portion=1/1025; do
    expect "$wrong" 2 "weir: --cache: *" -r "$sample" --cache "$wrong"
done
for kind in permanent immediate; do
    expect "timeout of $kind" 2 'weir: meter: --idle-timeout is for a normal cache*' \
        -r "$sample" --cache "$kind" --idle-timeout 1s
done
expect 'timeout twice' 2 'weir: --idle-timeout: given twice' \
    -r "$sample" --idle-timeout 1s --idle-timeout tcp=1s,2s
expect 'timeout of a protocol twice' 2 'weir: --active-timeout: given twice for 6' \
    -r "$sample" --active-timeout tcp=1s --active-timeout 6=2s
expect 'no such protocol' 2 "weir: --idle-timeout: 'tpc' is no protocol*" \
    -r "$sample" --idle-timeout tpc=1s
expect 'no such number' 2 "weir: --idle-timeout: '256' is no protocol*" \
    -r "$sample" --idle-timeout 256=1s
expect 'timeout of a protocol' 2 "weir: --idle-timeout: '5' is not a duration*" \
    -r "$sample" --idle-timeout udp=5
expect 'long timeout' 2 'weir: --idle-timeout: 8d is not 0s or in 1ms to 7d' \
    -r "$sample" --idle-timeout 8d
expect 'protocol that is no key' 2 'weir: timeouts of a protocol need*' \
    -r "$sample" --flow keys=src_addr --idle-timeout udp=1s
expect 'setting of cache' 2 "weir: --cache: 'size=3'*" -r "$sample" --cache normal,size=3
expect 'size of cache' 2 'weir: --cache: entries=0 is not from 1*' \
    -r "$sample" --cache normal,entries=0
expect 'flow definition' 2 "weir: --flow: 'dst_adr': no such key; did you mean 'dst_addr'?" \
    -r "$sample" --flow keys=dst_adr
expect 'names' 0 '' --fields --format csv
python3 - "$dir/out" <<'END' || fail 'the list of names'
import csv, sys
rows = {row["name"]: row for row in csv.DictReader(open(sys.argv[1]))}
assert all(row["use"] and row["help"] for row in rows.values())
assert rows["src_addr"]["use"] == "key, match"
assert rows["vlan"]["use"] == "key, field, match"
assert rows["rev_iat_min"]["use"] == "biflow field"
assert rows["rev_iat_min"]["group"] == "iat"
assert rows["rev_iat_min"]["unit"] == "nanoseconds"
assert rows["addr"]["use"] == "match"
assert rows["tcp_window"]["element"] == "186 tcpWindowSize"
END
# Each of them is one: fields beside the keys of a connection, which those of TCP need, and of flows
# that never end, as totals do.
names() {
    python3 -c 'import csv, sys
print(",".join(row["name"] for row in csv.DictReader(open(sys.argv[1]))
               if row["use"].startswith(sys.argv[2]) and row["name"] != "app"))' "$dir/names" "$1"
}
cp "$dir/out" "$dir/names"
connection=keys=src_addr,dst_addr,src_port,dst_port,protocol
expect 'keys that are listed, of which dscp is in tos' 0 '' -r "$sample" --format csv \
    --flow "keys=$(names key | sed s/,dscp//)" --flow keys=dscp
expect 'fields that are listed' 0 '' -r "$sample" --format csv --cache permanent \
    --flow "$connection fields=$(names field)"
expect 'fields of biflows that are listed' 0 '' -r "$sample" --biflow --format csv \
    --cache permanent \
    --flow "$connection fields=$(names biflow)"
expect 'real numbers' 0 '' -r "$sample" --sample random:1/2000 --seed 3 --format json \
    --flow 'keys=protocol fields=packets,estimates'
python3 - "$dir/out" <<'END' || fail 'estimates as numbers'
import json, sys
for row in json.load(open(sys.argv[1]))["rows"]:
    assert row["probability"] == 0.0005 and row["packets_estimate"] == 2000 * row["packets"]
END
expect 'a table of real numbers' 0 '' -r "$sample" --sample random:1/2000 --seed 3 \
    --flow 'keys=protocol fields=packets,estimates'
sed -i '/^counters are as observed: /d' "$dir/out" # what the sample stands for
[ "$(awk '{ print $NF }' "$dir/out" | sort -u)" = $'0.0005\nprobability' ] ||
    fail 'a table of small numbers'
awk 'length > 100' "$dir/out" | grep . && fail 'a table with digits that say nothing'
expect 'definitions with times and without' 0 '' -r "$sample" \
    --flow keys=protocol --flow 'keys=dst_port fields=packets'
awk 'NR > 1 { print $1 == "-", $2 == "-" }' "$dir/out" | sort -u >"$dir/none"
equal 'no duration without times' "$(cat "$dir/none")" $'0 0\n1 1'
expect 'field of biflows' 2 "weir: 'rev_bytes' is a field of biflows: add --biflow" \
    -r "$sample" --flow 'keys=src_addr,dst_addr fields=rev_bytes'
expect 'direction of no biflow' 2 'weir: meter: --direction is for --biflow' \
    -r "$sample" --direction syn
expect 'capture of a file' 2 'weir: meter: --capture is for interfaces (-i)' \
    -r "$sample" --capture ring
expect 'direction' 2 "weir: --direction: 'left'*" -r "$sample" --biflow --direction left
expect 'networks' 2 "weir: --direction: '10.0.0.0/33'*" \
    -r "$sample" --biflow --direction outside:10.0.0.0/33
expect 'biflows of one end' 2 'weir: biflows have*' -r "$sample" --biflow --flow keys=src_addr
expect 'many definitions' 2 'weir: at most 8 flow definitions*' -r "$sample" \
    --flow keys=tos --flow keys=tos --flow keys=tos --flow keys=tos --flow keys=tos \
    --flow keys=tos --flow keys=tos --flow keys=tos --flow keys=tos
expect 'filter' 2 "weir: filter: 'tcp and prt 4'*" -r "$sample" --filter 'tcp and prt 4'
python3 - "$dir" <<'END'
import struct, sys
with open(sys.argv[1] + "/nflog.pcap", "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 239))
    out.write(struct.pack("<IIII", 1, 0, 8, 8) + bytes(8))
END
expect 'link that no filter knows' 1 "weir: $dir/nflog.pcap: filter: 'tcp': *" \
    -r "$dir/nflog.pcap" --filter tcp
expect 'layer' 2 "weir: --layer: 'middle'*" -r "$sample" --layer middle
expect 'layers in NetFlow' 2 'weir: --to: NetFlow has no field*' -r "$sample" --layer both \
    --to netflow9+udp://127.0.0.1:9
for version in 1 5 9; do
    expect "biflows in NetFlow v$version" 2 'weir: --to: NetFlow has no *--biflow: send ipfix+udp:// or json:, or leave --biflow out*' \
        -r "$sample" --biflow --to "netflow$version+udp://127.0.0.1:9"
done
expect 'depth without tunnels' 2 'weir: meter: --tunnel-depth is for --layer inner*' \
    -r "$sample" --tunnel-depth 2
expect 'a process without a place' 1 'weir: *' -r "$sample" --to ipfix+file:/dev/full \
    --next --to "json:$dir/others.json"
equal 'the other process goes on' "$(grep -vc '"type":"options"' "$dir/others.json")" \
    "$("$weir" meter -r "$sample" --format ndjson | wc -l)"
expect 'a sample' 0 '' -r "$sample" --sample count:1/10
[[ $(tail -n 1 "$dir/out") == 'counters are as observed: the sample stands for '*' packets, +- '* ]] ||
    fail "a sample: $(tail -n 1 "$dir/out")"
expect 'sampled flows' 0 '' -r "$sample" --sample flow:1/10
equal 'sampled flows' "$(tail -n 2 "$dir/out" | cut -c1-23)" "$(printf '%s\n' \
    'counters are as observe' 'whole flows were sample')"
expect 'an empty sample' 0 '' -r "$sample" --sample prob:1e-9
[[ $(tail -n 1 "$dir/out") == *': no packet was sampled, and nothing can be estimated' ]] ||
    fail "an empty sample: $(tail -n 1 "$dir/out")"
expect 'a filter of what is not there' 2 \
    "weir: --select: 'match:vlan = 3': 'vlan' is not known: flows of --flow 'keys=src_addr fields=packets' have no vlan" \
    -r "$sample" --flow keys=src_addr,vlan --flow 'keys=src_addr fields=packets' \
    --select 'match:vlan = 3'
expect 'a filter of what is never there' 2 \
    "weir: --select: *'src_mac' is not known: flows of the usual definition have no src_mac" \
    -r "$sample" --select 'match:bytes > 1M or not src mac 02:00:00:00:00:01'
# That time is of batches, and these are others with other workers.
expect 'a filter of when it was exported' 2 "weir: --select: *'received' is not known: flows of *" \
    -r "$sample" --select 'match:received > 2020-01-01'
expect 'a filter of what may be there' 0 '' -r "$sample" --flow keys=src_addr,vlan \
    --flow 'keys=src_addr fields=packets' --select 'match:vlan = none or vlan = 3'
expect 'fields that NetFlow has not' 0 '*weir: note: 2 fields of --flow were not sent: NetFlow*' \
    -r "$sample" --flow 'keys=src_addr fields=packets,iat_min,length_min,splt_lengths' \
    --to "netflow9+pcap:$dir/lacking.pcap" --progress
for spec in count:1/10 random:2/10; do
    expect "workers and $spec" 2 "weir: --select: '$spec' chooses by the order*" \
        -r "$sample" --workers 2 --select match:tcp --select "$spec"
done
expect 'some flows' 0 '' -r "$sample" --select count:1/10
equal 'some flows' "$(tail -n 1 "$dir/out" | cut -d, -f1)" \
    "flows were selected: $(($(wc -l <"$dir/out") - 2)) of 8294"
expect 'sampled lines' 0 '' -r "$sample" --sample count:1/10 --format ndjson
grep -q 'stands for' "$dir/out" && fail 'sampled lines: a note is among them'
expect 'sampled to v1' 2 'weir: --to: NetFlow v1 cannot say that packets were sampled*' \
    -r "$sample" --sample count:1/10 --to netflow1+udp://127.0.0.1:9
expect 'chosen flows to v5' 2 'weir: --to: NetFlow v1 and v5 cannot say by what chance*' \
    -r "$sample" --select threshold:bytes=1M --to netflow5+udp://127.0.0.1:9
expect 'matched flows to v5' 0 '' -r "$sample" --select 'match:bytes > 1' \
    --to "netflow5+pcap:$dir/matched.pcap"
expect 'too little' 2 'weir: --sample: less than one packet in 4294967295*' -r "$sample" \
    --sample count:1/4294967295 --sample prob:0.5
expect 'next to nothing' 2 'weir: --sample: less than one packet in 4294967295*' -r "$sample" \
    --sample prob:1e-300
expect 'no depth' 2 'weir: --tunnel-depth: 0 is not in 1 to 16' -r "$sample" --layer inner --tunnel-depth 0
expect 'inside' 0 '' -r "$sample" --layer inner --tunnel-depth 16
expect 'interface' 2 'weir: nosuch0: no such interface; there are *' -i nosuch0
expect 'timeout' 2 "weir: --idle-timeout: '15'*" -r "$sample" --idle-timeout 15
expect 'URL' 2 "weir: --to: 'gopher://x'*" -r "$sample" --to gopher://x
expect 'option of a URL' 2 'weir: *speed*' -r "$sample" --to 'udp://127.0.0.1:9?speed=3'
expect 'a sampler' 2 "weir: --sample: 'often'*" -r "$sample" --sample often
expect 'its parameters' 2 "weir: --sample: 'count:2/1'*" -r "$sample" --sample count:2/1
expect 'a property' 2 "weir: --match: 'prot': no such property; did you mean *" -r "$sample" --match prot=6
expect 'no keys in common' 2 'weir: flow: *' -r "$sample" --sample flow:1/2 --flow keys=tos

# Totals of a permanent cache are the sums of the flow's records so far.
expect 'totals of flows that end' 2 "weir: 'packets_total' is of flows that never end: *" \
    -r "$sample" --flow 'keys=src_addr fields=packets,totals'
expect 'totals' 0 '' -r "$sample" --cache permanent,interval=10s --format csv \
    --flow 'keys=src_addr,protocol fields=packets,bytes,totals,start'
python3 - "$dir/out" <<'EOF' || fail 'totals: they are not the sums'
import csv, sys
sums, rows = {}, 0
for row in csv.DictReader(open(sys.argv[1])):
    flow = sums.setdefault((row["src_addr"], row["protocol"]), [0, 0])
    flow[0] += int(row["packets"])
    flow[1] += int(row["bytes"])
    assert flow == [int(row["packets_total"]), int(row["octets_total"])], row
    rows += 1
assert rows > 2 * len(sums) > 0
EOF

# MAC addresses are those that expressions mean.
mac=00:00:5e:00:53:02
for side in src dst; do
    expect "$side of Ethernet" 0 '' -r "$sample" --filter "ether $side $mac" --format csv
    sort "$dir/out" >"$dir/one"
    for workers in 1 2; do
        expect "$side, matched" 0 '' -r "$sample" --match "${side}_mac=$mac" --format csv \
            --workers "$workers"
        sort "$dir/out" | cmp -s - "$dir/one" || fail "$side, matched by $workers: other flows"
    done
done
[ "$(wc -l <"$dir/one")" -gt 10 ] || fail 'no flows of a MAC address'

# Stages see what those before them selected, and what they leave out adds up with the input.
for spec in count:1/3 time:10ms/20ms random:1/3 prob:0.3 hash:1/3 flow:1/3; do
    expect "$spec" 0 '' -r "$sample" --match protocol=tcp --sample "$spec" --filter ip --seed 5 \
        --stats "$dir/stats" --format csv
    sort "$dir/out" >"$dir/one"
    expect "$spec with workers" 0 '' -r "$sample" --match protocol=tcp --sample "$spec" --filter ip \
        --seed 5 --stats "$dir/stats" --format csv --workers 3
    sort "$dir/out" | cmp -s - "$dir/one" || fail "$spec: workers change the records"
    grep -q sampling "$dir/out" || fail "$spec: records do not say the interval"
    python3 - "$dir/stats" <<'EOF' || fail "$spec: the stages do not add up"
import json, math, sys
stats = json.load(open(sys.argv[1]))
stages = stats["selection"]
left = stats["packets_parsed"]
for stage in stages:
    assert stage["seen"] == left, stage
    left = stage["selected"]
assert left == stats["packets_selected"] == stats["packets_metered"] > 0
assert math.isclose(stats["packets_estimate"], left / stats["probability"])
assert math.isclose(stats["probability"], 0.3, rel_tol=0.12)
assert stats["packets_error"] > 0 and stats["octets_error"] > 0
EOF
done

# The fields of a record that was sampled, by their formulas.
expect 'estimates' 0 '' -r "$sample" --sample prob:0.3 --seed 5 --format csv \
    --flow 'keys=protocol fields=packets,bytes,length_squares,estimates'
python3 - "$dir/out" <<'EOF' || fail 'estimates of records'
import csv, math, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert rows
for row in rows:
    value = {name: float(row[name]) for name in row if name != "protocol" and row[name]}
    assert math.isclose(value["probability"], 0.3)
    assert math.isclose(value["packets_estimate"], value["packets"] / 0.3)
    assert math.isclose(value["bytes_estimate"], value["bytes"] / 0.3)
    assert math.isclose(value["packets_error"], math.sqrt(value["packets"] * 0.7) / 0.3)
    assert math.isclose(value["bytes_error"], math.sqrt(value["length_squares"] * 0.7) / 0.3)
EOF

expect 'a note about the sample' 0 '*weir: note: the sample stands for * packets, +- *' \
    -r "$sample" --sample count:1/10 --progress --format csv

# Several Metering Processes over the same packets make what each makes by itself. When a record
# left the meter depends on how it came into batches, which workers fill by themselves.
records() {
    sed 's/"received":"[^"]*",//' "$1" | sort
}
first=(--sample flow:1/3 --idle-timeout 1s --domain 7)
second=(--match protocol=udp --flow 'keys=src_addr,dst_addr fields=packets,bytes')
expect 'the first alone' 0 '' -r "$sample" "${first[@]}" --to "json:$dir/first"
expect 'the second alone' 0 '' -r "$sample" "${second[@]}" --format csv
mv "$dir/out" "$dir/second"
for workers in 1 3; do
    expect 'two processes' 0 '' -r "$sample" --workers $workers --stats "$dir/stats" \
        "${first[@]}" --to "json:$dir/one" --next "${second[@]}" --format csv
    cmp -s <(records "$dir/one") <(records "$dir/first") || fail "--next: the first process changed"
    # Beside one that samples it says that it does not.
    cmp -s <(cut -d , -f 1-4 "$dir/out" | sort) <(cut -d , -f 1-4 "$dir/second" | sort) ||
        fail "--next: the second process changed"
    equal "--next: intervals of the second" "$(cut -d, -f5 "$dir/out" | sort -u | tr '\n' ' ')" \
        '1 sampling '
    equal 'processes in --stats' "$(stat processes | grep -o flows_created | wc -l)" 2
done
expect 'two tables' 2 'weir: meter: *--next*' -r "$sample" --next
expect 'workers twice' 2 'weir: meter: --workers *' -r "$sample" --workers 2 --next --workers 2
expect 'domain twice' 2 'weir: --domain: given twice*' -r "$sample" --domain 1 --domain 2

# Input that cannot be read, or not to its end.
expect 'missing file' 1 'weir: nosuch.pcap: No such file or directory' -r nosuch.pcap
equal 'a missing file prints nothing' "$(wc -c <"$dir/out")" 0
echo 'This is text.' >"$dir/text"
expect 'foreign file' 1 "weir: $dir/text: octet 0: *" -r "$dir/text"
gzip -dc "$sample" 2>/dev/null | head -c 100000 >"$dir/cut.pcap"
expect 'truncated file' 1 "weir: $dir/cut.pcap: octet *" -r "$dir/cut.pcap" --stats "$dir/stats" \
    --to "json:$dir/flows"
[ "$(stat packets)" -gt 100 ] || fail 'a truncated file: few packets were read'
equal 'flows of a truncated file' "$(wc -l <"$dir/flows")" "$(stat flows_exported)"
# Both files are told of, and the sample between them is metered.
expect 'several files' 1 "weir: $dir/text: *weir: nosuch.pcap: *" \
    -r "$dir/text" -r "$sample" -r nosuch.pcap --to "json:$dir/flows"
[ -s "$dir/flows" ] || fail 'a readable file between unreadable ones has no flows'

# Output that cannot be written.
expect 'full disk' 1 'weir: *No space left on device' -r "$sample" --to json:/dev/full
expect 'full disk and another' 1 'weir: *No space left on device' -r "$sample" \
    --to "ipfix+file:$dir/whole" --to json:/dev/full --stats "$dir/stats"
"$weir" collect -r "$dir/whole" >"$dir/out" 2>/dev/null || fail 'the other destination'
[ -s "$dir/out" ] || fail 'the other destination got nothing'
[ "$(stat records_sent)" -ge "$(wc -l <"$dir/out")" ] ||
    fail 'records went out when the other destination closed and were not counted'
equal 'a failure is said once' "$(wc -l <"$dir/err")" 1
# A destination that fails on the way: the others get everything.
(
    ulimit -f 64 # KiB
    trap '' XFSZ
    expect 'a file too large' 1 "weir: $dir/large.ipfix: writing: File too large" \
        -r "$sample" -r "$sample" -r "$sample" --cache normal,entries=64 \
        --to "ipfix+file:$dir/large.ipfix" --to udp://127.0.0.1:9 --stats "$dir/stats"
    exit "$failures"
)
failures=$((failures + $?))
[ -e "$dir/large.ipfix" ] && fail 'a file too large has its name'
[ "$(stat records_undelivered)" -gt 0 ] || fail 'what a failed destination did not get is not counted'
equal 'records of both destinations' "$((2 * $(stat flows_exported)))" \
    "$(($(stat records_sent) + $(stat records_failed) + $(stat records_undelivered)))"
expect 'no such folder' 1 "weir: $dir/none/x.ipfix*" -r "$sample" --to "ipfix+file:$dir/none/x.ipfix"
"$weir" meter -r "$sample" >/dev/full 2>"$dir/err" && fail 'full standard output: exit 0'
"$weir" meter -r "$sample" 2>"$dir/err" | head -n 1 >"$dir/out"
equal 'a reader that leaves' "${PIPESTATUS[0]} $(cat "$dir/err")" '0 '

# What comes out.
expect 'the sample' 0 '' -r "$sample" --stats "$dir/stats"
equal 'lines of the table' "$(wc -l <"$dir/out")" "$(($(stat flows_exported) + 1))"
for name in packets octets packets_selected packets_dropped packets_malformed flows_created \
    flows_exported flows_expired_{idle,active,end,resources,forced} records_sent messages_sent; do
    stat "$name" >/dev/null || fail "--stats has no $name"
done
equal 'sum of the reasons' "$(stat flows_exported)" "$(($(stat flows_expired_idle) + \
    $(stat flows_expired_active) + $(stat flows_expired_end) + $(stat flows_expired_resources) + \
    $(stat flows_expired_forced)))"
expect 'CSV' 0 '' -r "$sample" --format csv --stats "$dir/stats"
equal 'packets of all flows' "$(python3 -c '
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
print(sum(int(r["packets"]) for r in rows), sum(int(r["bytes"]) for r in rows))' "$dir/out")" \
    "$(stat packets_metered) $(stat octets_metered)"
cp "$dir/out" "$dir/first"
expect 'the same again' 0 '' -r "$sample" --format csv
cmp -s "$dir/first" "$dir/out" || fail 'metered twice, the sample gives other records'
"$weir" meter -r - --format csv <"$sample" >"$dir/out" || fail 'standard input'
cmp -s "$dir/first" "$dir/out" || fail 'standard input gives other records'
expect 'JSON' 0 '' -r "$sample" --format json
python3 -c '
import json, sys
flows = json.load(open(sys.argv[1]))
assert flows["rows"] and all(len(row) == len(flows["columns"]) for row in flows["rows"])' \
    "$dir/out" || fail 'JSON'
expect 'a small cache' 0 '' -r "$sample" --cache normal,entries=64 --stats "$dir/stats" --format csv
equal 'no more than asked for' "$(stat flows_active_peak)" 64
[ "$(stat flows_expired_resources)" -gt 0 ] || fail 'a small cache never was full'
expect 'a note about what is lost' 0 '*weir: note: * packets of new flows found the permanent*' \
    -r "$sample" --cache permanent,entries=64 --to json:/dev/null --progress
expect 'a note about it' 0 '*weir: note: * flows were ended early*' \
    -r "$sample" --cache normal,entries=64 --to json:/dev/null --progress
expect 'a note about workers' 0 'weir: note: of --workers 4 there are 2: *' \
    -r "$sample" --cache normal,entries=8192 --workers 4 --to json:/dev/null --progress
expect 'a note about v5' 0 '*weir: note: * IPv6 flows were not sent*' \
    -r "$sample" --to "netflow5+pcap:$dir/v5.pcap" --progress
expect 'statistics on standard output' 0 '' -r "$sample" --to json:/dev/null --stats -
python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/out" ||
    fail 'standard output has more than the statistics'
expect 'a filter' 0 '' -r "$sample" --filter tcp --filter 'port 443' --stats "$dir/stats"
[ "$(stat packets_selected)" -lt "$(stat packets)" ] || fail 'a filter let everything pass'

expect 'merged interfaces' 2 'weir: meter: --merge is for files*' -i lo --merge
expect 'merged with itself' 0 '' -r "$sample" -r "$sample" --merge --format csv \
    --flow keys=src_addr,dst_addr,src_port,dst_port,protocol --stats "$dir/stats"
merged=$(stat packets_metered)
expect 'two of a merged file' 0 '' -r "$sample" --stats "$dir/stats"
equal 'packets merged' "$merged" "$((2 * $(stat packets_metered)))"

# Kinds of caches, and what they count.
expect 'an immediate cache' 0 '' -r "$sample" --cache immediate --format csv --stats "$dir/stats"
equal 'records of packets' "$(($(wc -l <"$dir/out") - 1))" "$(stat packets_metered)"
expect 'a permanent cache' 0 '' -r "$sample" --cache permanent,entries=64,interval=1s \
    --to json:/dev/null --stats "$dir/stats"
[ "$(stat packets_no_room)" -gt 0 ] || fail 'a small permanent cache lost nothing'
equal 'what was metered and what was lost' "$(stat packets_parsed)" \
    "$(($(stat packets_metered) + $(stat packets_no_room)))"
equal 'no more flows than entries' "$(stat flows_active_peak)" 64
expect 'portions' 0 '' -r "$sample" --cache normal,interval=1s,portion=1/4 \
    --idle-timeout 0s --idle-timeout tcp=1m,icmp6=0s --stats "$dir/stats" --to json:/dev/null
[ "$(stat flows_expired_active)" -gt 0 ] || fail 'portions were not reported'
[ "$(stat flows_continued)" -gt 0 ] || fail 'no flow went on'

# The number of workers does not show, not even where flows end for want of room.
"$weir" gen packets --mix hard --packets 20k --out "$dir/hard.pcap" -q
for input in "$sample" "$dir/hard.pcap"; do
    for workers in 1 2 5; do
        expect "$workers workers" 0 '' -r "$input" --format csv --cache normal,entries=8192 \
            --idle-timeout 1h --workers "$workers" --stats "$dir/stats"
        sort "$dir/out" >"$dir/sorted.$workers"
        [ "$workers" = 1 ] || cmp -s "$dir/sorted.1" "$dir/sorted.$workers" ||
            fail "$workers workers give other records of $input than one"
    done
done
[ "$(stat flows_expired_resources)" -gt 0 ] || fail 'the cache never was full'
for workers in 1 3; do
    expect "$workers workers, biflows of two definitions" 0 '' -r "$sample" --format csv \
        --workers "$workers" --biflow --flow 'keys=src_addr,dst_addr fields=packets,rev_packets' \
        --flow 'keys=src_port,dst_port,vlan fields=bytes,rev_bytes,rev_start'
    sort "$dir/out" >"$dir/sorted.$workers"
done
cmp -s "$dir/sorted.1" "$dir/sorted.3" || fail 'workers give other biflows than one'
for cache in permanent,entries=8192,interval=500ms immediate \
    normal,entries=8192,interval=300ms,portion=1/3; do
    for workers in 1 3; do
        expect "$workers workers, $cache" 0 '' -r "$sample" --format csv --biflow \
            --workers "$workers" --cache "$cache"
        sort "$dir/out" >"$dir/sorted.$workers"
    done
    cmp -s "$dir/sorted.1" "$dir/sorted.3" || fail "$cache: workers give other records than one"
done
# Flow definitions: masks, fields, several at once, biflows. Sums are those of all packets.
expect 'masks and fields' 0 '' -r "$sample" --format csv \
    --flow 'keys=src_addr/24,dst_addr/24/48,dscp fields=packets,bytes,start,end'
equal 'columns of masks and fields' "$(head -n 1 "$dir/out")" \
    'start,end,src_addr,dst_addr,packets,bytes,src_mask,dst_mask,dscp'
expect 'several definitions' 0 '' -r "$sample" --format csv --stats "$dir/stats" \
    --flow 'keys=protocol fields=packets,bytes' --flow 'keys=ttl fields=packets,bytes'
python3 -c '
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1])))
stats = json.load(open(sys.argv[2]))
for key in ("protocol", "ttl"):
    own = [row for row in rows if row[key]]
    assert own, key
    assert sum(int(row["packets"]) for row in own) == stats["packets_parsed"], key
    assert sum(int(row["bytes"]) for row in own) == stats["octets_parsed"], key' \
    "$dir/out" "$dir/stats" || fail 'sums of several definitions'
for how in first syn port outside:192.0.2.0/24,2001:db8:10::/48; do
    expect "biflows, $how" 0 '' -r "$sample" --biflow --direction "$how" --stats "$dir/stats" \
        --to "json:$dir/flows" --to "ipfix+file:$dir/biflows.ipfix"
    python3 -c '
import ipaddress, json, sys
flows = [json.loads(line) for line in open(sys.argv[1])]
stats = json.load(open(sys.argv[2]))
sums = [sum(flow[name] + flow.get("reverse" + name[0].upper() + name[1:], 0) for flow in flows)
        for name in ("packetDeltaCount", "octetDeltaCount")]
assert sums == [stats["packets_parsed"], stats["octets_parsed"]], sums
assert len(flows) == stats["flows_exported"]
two = [flow for flow in flows if "reversePacketDeltaCount" in flow]
assert two and all(flow["reversePacketDeltaCount"] > 0 for flow in two)
assert all("reverseTcpControlBits" in flow and "reverseFlowStartMilliseconds" in flow for flow in two)
networks = [ipaddress.ip_network(text) for text in sys.argv[3].partition("outside:")[2].split(",") if text]
def inside(flow, end):
    address = flow.get(end + "IPv4Address") or flow[end + "IPv6Address"]
    return any(ipaddress.ip_address(address) in network for network in networks)
ends = [(inside(flow, "source"), inside(flow, "destination")) for flow in flows]
assert (True, False) not in ends
assert [flow["biflowDirection"] for flow in flows] == [3 if end == (False, True) else 1 for end in ends]
assert len(set(ends)) == (2 if networks else 1), set(ends)' \
        "$dir/flows" "$dir/stats" "$how" || fail "biflows, $how"
done

# A signal while standard input waits ends it in good order.
mkfifo "$dir/pipe"
for workers in 1 2; do
    "$weir" meter -r - --format csv --workers "$workers" <"$dir/pipe" >"$dir/out" 2>"$dir/err" &
    meter=$!
    exec 3>"$dir/pipe"
    gzip -dc "$sample" 2>/dev/null >&3
    kill -INT "$meter"
    wait "$meter"
    equal "interrupted, $workers workers" "$? $(cat "$dir/err")" '0 '
    exec 3>&-
    [ "$(wc -l <"$dir/out")" -gt 1 ] || fail 'interrupted, no flow came out'
done

# Records that cannot be written end it, also while standard input waits, whoever reads there.
for workers in 1 2 4; do
    timeout 20 "$weir" meter -r - --idle-timeout 1s --to json:/dev/full --workers "$workers" \
        <"$dir/pipe" 2>"$dir/err" &
    meter=$!
    exec 3>"$dir/pipe"
    (trap '' PIPE; gzip -dc "$sample" 2>/dev/null >&3)
    wait "$meter"
    equal "no space, $workers workers" "$? $(cat "$dir/err")" \
        '1 weir: /dev/full: writing: No space left on device'
    exec 3>&-
done

[ "$failures" = 0 ] && echo 'weir meter: all as it should be'
exit "$((failures > 0))"
