#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test-weir.sh WEIR MAN-PAGES...
#
# What the binary does before any subcommand does its work: exit statuses, help, man pages,
# completion, standard output that cannot be written. MAN-PAGES are the names in doc/meson.build.
# shellcheck disable=SC2016 # what bash -c is given it expands itself
set -uo pipefail
weir=$1
shift
failures=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# expect WHAT STATUS STDOUT-PATTERN STDERR-PATTERN COMMAND...: patterns of bash, whole output.
expect() {
    local what=$1 status=$2 out=$3 err=$4 got
    shift 4
    "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    # shellcheck disable=SC2053 # patterns they are
    if [ "$got" != "$status" ] || [[ $(cat "$dir/out") != $out ]] || [[ $(cat "$dir/err") != $err ]]
    then
        echo "FAILED: $what: exit $got, expected $status"
        head -n 5 "$dir/out" "$dir/err"
        failures=$((failures + 1))
    fi
}

expect 'version' 0 'weir +([0-9]).+([0-9]).+([0-9])' '' "$weir" --version
expect 'no command' 2 '' 'weir *usage:*' "$weir"
expect 'help' 0 'weir *Commands:*elements*Exit status:*' '' "$weir" --help
expect 'help by command' 0 'weir *Commands:*' '' "$weir" help
expect 'help of a command' 0 'weir elements - *usage: weir elements*--format*Examples:*' '' \
    "$weir" elements --help
expect 'the same another way' 0 '' '' \
    bash -c 'diff <("$1" elements --help) <("$1" help elements)' - "$weir"
expect 'help of a group' 0 'usage: weir gen COMMAND*gen packets*gen exports*' '' "$weir" gen --help
expect 'help of a group by command' 0 'usage: weir gen COMMAND*' '' "$weir" help gen
expect 'a group is no command' 2 '' \
    "weir: gen: one of packets, exports is to follow; see 'weir gen --help'" "$weir" gen
expect 'no command of a group' 2 '' "weir: gen: 'pakets' is none of packets, exports" \
    "$weir" gen pakets
expect 'a mistyped group' 2 '' "weir: 'genn': no such command; did you mean 'weir gen packets'?" \
    "$weir" genn packets
expect 'no option of weir' 2 '' "weir: '-V': no such option; see 'weir --help'" "$weir" -V
expect 'a filter without its option' 2 '' \
    "weir: query: 'ip' is one word too many; a filter is one word in quotes behind --where" \
    "$weir" query --store . --where src ip 192.0.2.1
expect 'help of no command' 2 '' "weir: help: 'metre': no such command*" "$weir" help metre
expect 'mistyped command' 2 '' "weir: 'elemnts': no such command; did you mean 'weir elements'?" \
    "$weir" elemnts
expect 'strange command' 2 '' "weir: 'xyzzy': no such command; see 'weir --help'" \
    "$weir" xyzzy
expect 'mistyped option' 2 '' 'weir: --fromat: no such option; did you mean --format?' \
    "$weir" elements --fromat csv
expect 'a file that cannot be written at the end' 2 '' \
    'weir: --stats: /nowhere/stats: No such file or directory' \
    "$weir" collect -r /dev/null --stats /nowhere/stats
expect 'a folder for a file' 2 '' "weir: --state: $dir: Is a directory" \
    "$weir" collect -r /dev/null --state "$dir"
printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0\377\377\0\0\1\0\0\0' >"$dir/empty.pcap"
expect 'a capture without export messages' 0 '' 'weir: note: there was no export message*' \
    "$weir" collect -r "$dir/empty.pcap"
expect 'the same, quietly' 0 '' '' "$weir" collect -r "$dir/empty.pcap" --quiet
expect 'a destination that is none' 2 '' "weir: --to: '2055' is no URL; did you mean udp://:2055?" \
    "$weir" collect -r "$dir/empty.pcap" --to 2055
expect 'a word too many' 2 '' "weir: help: 'x' is one word too many; see --help" "$weir" help a b x

expect 'records that end after 2106' 2 '' 'weir: gen exports: --start*2106' \
    "$weir" gen exports --to "ipfix+file:$dir/late" --start 2100-01-01 --duration 3650d
expect 'records from before 1970' 2 '' 'weir: gen exports: --start*1970*' \
    "$weir" gen exports --to "ipfix+file:$dir/early" --start 1960-01-01

expect 'an element by name' 0 '*0 *8  sourceIPv4Address *ipv4Address*' '' \
    "$weir" elements sourceIPv4Address
expect 'an element by number' 0 '*39499 *1  httpHost *string*' '' "$weir" elements 39499/1
expect 'a pattern' 0 '*flowStartSeconds*flowStartNanoseconds*' '' "$weir" elements 'FLOWSTART*'
expect 'csv' 0 $'pen,id,name,*\n0,85,octetTotalCount,unsigned64,totalCounter,octets,,false' '' \
    "$weir" elements 85 --format csv
expect 'no such element' 1 '' \
    "weir: elements: 'octetDeltaCuont': no such *; did you mean 'octetDeltaCount'?" \
    "$weir" elements octetDeltaCuont
expect 'no such type' 2 '' "weir: --type: 'uint' is no abstract data type" \
    "$weir" elements --type uint
"$weir" elements --format json >"$dir/json"
expect 'json' 0 '2??? True' '' python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))
print(len(rows), {"pen": 0, "id": 31, "name": "flowLabelIPv6", "type": "unsigned32",
    "semantics": "identifier", "units": "", "range": [0, 1048575], "deprecated": False} in rows)' \
    "$dir/json"

expect 'a reader that goes away' 0 'weir*' '' \
    bash -c 'set -o pipefail; for i in 1 2 3; do "$1" elements; done | head -c 0; echo weir' - "$weir"
if [ -w /dev/full ]; then
    expect 'a full disk' 1 '' 'weir: standard output: *No space left on device' \
        bash -c '"$1" elements >/dev/full' - "$weir"
fi
expect 'standard output closed' 1 '' 'weir: standard output: *' bash -c '"$1" elements >&-' - "$weir"

while read -r command; do
    # shellcheck disable=SC2086 # two words are two
    expect "$command --help" 0 "weir $command - *usage: weir $command *" '' "$weir" $command --help
done < <("$weir" help --commands)

# Help fits 80 columns, but for examples, which are typed as they are, and long words.
for command in '' $("$weir" help --commands | tr ' ' '-'); do
    # shellcheck disable=SC2086 # two words are two
    "$weir" help ${command//-/ } >"$dir/help"
    expect "width of the help of '$command'" 0 '' '' awk 'length > 80 && NF > 1 && !/^  weir /' "$dir/help"
    expect "no line of it ends in a space" 1 '' '' grep -n ' $' "$dir/help"
done

# What few need stands behind the options, what all want to see at the end.
expect 'topics of help' 0 $'*\nPackets:\n*\nTunnels (--layer):\n*\nExamples:\n*' '' "$weir" meter --help
expect 'topics of a man page' 0 '*.SH OPTIONS*.SH NOTES*.SS "Tunnels (\\-\\-layer)"*.SH EXAMPLES*' '' \
    "$weir" help --man meter

# Every command has a man page that is installed, and every page a command.
expect 'man pages' 0 "$(printf '%s\n' "$@" | sort)" '' \
    bash -c '"$1" help --commands | tr " " "-" | sort' - "$weir"
for page in '' $("$weir" help --commands | tr ' ' '-'); do
    # shellcheck disable=SC2086 # two words are two
    "$weir" help --man ${page//-/ } >"$dir/page"
    expect "man page of '$page'" 0 '.TH *.SH NAME*.SH SYNOPSIS*.SH OPTIONS*' '' cat "$dir/page"
    if command -v groff >/dev/null; then
        expect "roff of '$page'" 0 '*' '' groff -man -Tutf8 -ww -z "$dir/page"
    fi
done

expect 'reference of counters' 0 '# Counters*| `flows_created` | counter | flows | *' '' "$weir" help --counters

# Completion, as bash runs it.
complete_words() {
    bash -c 'compopt() { :; }; eval "$("$1" help --completion)"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; printf "%s\n" "${COMPREPLY[@]}"' - "$weir" "$@"
}
expect 'completes commands' 0 'elements' '' complete_words weir elem
expect 'completes a group once' 0 'gen' '' complete_words weir ge
expect 'completes commands of a group' 0 $'packets\nexports\n--help' '' complete_words weir gen ''
expect 'completes what help explains' 0 'collect' '' complete_words weir help col
expect 'completes options of two words' 0 '--records' '' complete_words weir gen exports --rec
expect 'completes options' 0 $'--enterprise' '' complete_words weir elements --ent
expect 'completes common options' 0 '--quiet' '' complete_words weir elements --qu
expect 'completes choices' 0 'json' '' complete_words weir elements --format j

echo "$failures failures"
[ "$failures" = 0 ]
