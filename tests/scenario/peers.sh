# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The NetFlow and IPFIX programs of Debian 12, driven over loopback, for scenario tests.
#
#   set -euo pipefail
#   . "$WEIR_SOURCE/tests/scenario/peers.sh"
#   peers_init
#   sample=$(peer_sample); port=$(peer_free_port)
#   peer_nfcapd_start "$port" "$PEERS_DIR/nf"
#   sent=$(peer_softflowd_export "$sample" "$port" 9)
#   test "$sent" = "$(peer_nfcapd_totals "$PEERS_DIR/nf")"
#
# A function whose peer is not installed says so and returns 77, which ends a script under `set -e`
# as a skipped test. Totals are one line, "FLOWS PACKETS OCTETS", flows being Data Records.
# Exporters return when all is sent. A collector is started in a folder of its own, which is made
# anew, and is ready when the function returns; `*_totals` waits until it has read all that was
# sent, ends it and counts. What runs longer than PEER_SECONDS is taken for hanging. All files are
# under PEERS_DIR; peers_init sets a trap that ends the peers and removes it.
#
# What was seen of the peers on samples/office.pcap.gz and is not to be mistaken for weir's fault:
#
# - softflowd 1.1.0: right in packets and octets. In version 5 it leaves IPv6 out and calls it
#   "non-IP". Its IPFIX sequence number counts the records of its own message already (RFC 7011
#   3.1: those before it), so that every collector sees gaps both ways. Without -a, versions 9 and
#   10 give times before its own start, which wrap and show as 49.7 days late; with -a, which is
#   used here, one flow of the sample starts and ends at sysUpTime 0, and nfdump dates it 1970.
#   It sends without a pause: a collector needs a big socket buffer (nfcapd's default lost 40 %).
#   Frames padded by Ethernet, of which the sample has none, are known to be counted too long.
# - pmacctd 1.7.7 nfprobe: right in packets, octets and times with a pipe of 64 MB to its plugin;
#   with its default one it sent nothing of a file of 800,000 packets and did not end. Version 5
#   leaves IPv6 out.
# - pmacctd 1.7.7 sfprobe: samples IP only, and keeps to itself the samples of a last datagram that
#   is not full; the pool in a sample counts packets, so that what it has sent can be told.
# - What they get wrong on captures made for it: tests/scenario/test_wrong_totals.sh.
# - nfpcapd 1.7.1: loses 1,425 of the sample's 83,621 IP packets, 1,335 of which it counts as
#   "short caplen": those that snaplen cut inside what it wants to see. Each ICMP packet is a flow.
#   -H sends one flow less than -w writes. nfreplay is right; in version 5 it leaves IPv6 out,
#   and relies on fresh memory being zero.
# - nfcapd and nfdump 1.7.1, nfacctd 1.7.7, tshark 4.0.17, ipfixDump 2.4.1: right in all totals.
#   nfacctd drops what its plugin has not yet read when a signal ends it, and what waits in a plugin
#   buffer larger than the default.
# - fprobe 1.1 (versions 1, 5, 7) meters an interface only and has no end: no function for it.

: "${PEER_SECONDS:=30}"
# Where Debian keeps daemons.
PATH=$PATH:/usr/sbin

# peers_init: PEERS_DIR, and its end.
peers_init() {
    PEERS_DIR=$(mktemp -d -t weir-peers.XXXXXX)
    peers_failed=0
    trap peers_done EXIT
}

# peers_done: for scripts with an EXIT trap of their own.
peers_done() {
    local file
    for file in "$PEERS_DIR"/*/pid; do
        [[ ! -f $file ]] || peer_kill KILL "$(<"$file")"
    done
    rm -rf "$PEERS_DIR"
}

# peer_need PROGRAM...: 77 unless all are installed.
peer_need() {
    local program
    for program in "$@"; do
        if ! command -v "$program" >/dev/null; then
            echo "SKIP: $program is not installed" >&2
            return 77
        fi
    done
}

# peer_await WHAT COMMAND...: until COMMAND succeeds; 1 after PEER_SECONDS.
peer_await() {
    local what=$1 until=$((SECONDS + PEER_SECONDS))
    shift
    until "$@"; do
        if ((SECONDS > until)); then
            echo "peers: $what: not after $PEER_SECONDS s" >&2
            return 1
        fi
        sleep 0.02
    done
}

# peer_sample: the path of the sample capture, decompressed.
peer_sample() {
    local sample=$PEERS_DIR/office.pcap
    [[ -f $sample ]] || gzip -dc "${WEIR_SOURCE:-.}/samples/office.pcap.gz" >"$sample"
    echo "$sample"
}

# peer_sample_truth VERSION: "PACKETS OCTETS" of IP in the sample, as far as an export protocol of
# this version can carry them; from the table beside the sample.
peer_sample_truth() {
    awk -F'\t' -v version="$1" '
        $1 == "IPv4 packets by their total length" { packets += $2; octets += $3 }
        $1 == "IPv6 packets by their payload length + 40" && version != 5 { packets += $2; octets += $3 }
        END { print packets, octets }' "${WEIR_SOURCE:-.}/samples/office.tsv"
}

# peer_expect WHAT WANTED GOT: prints a line, and remembers a difference for peers_verdict.
peer_expect() {
    if [[ $2 == "$3" ]]; then
        echo "ok: $1: $3"
    else
        echo "FAILED: $1: '$3', not '$2'"
        peers_failed=1
    fi
}

# json_numbers FILE NAME...: numbers of a JSON object, such as weir's statistics, on one line.
json_numbers() {
    python3 -c '
import json, sys
numbers = json.load(open(sys.argv[1]))
print(*(numbers[name] for name in sys.argv[2:]))' "$@"
}

# peers_verdict: the end of a test script.
peers_verdict() {
    exit "$peers_failed"
}

# peer_sockets PORT: a line "INODE RECEIVE-QUEUE DROPS" for each UDP socket bound to PORT.
peer_sockets() {
    awk -v port=":$(printf %04X "$1")" '
        substr($2, length($2) - 4) == port { split($5, queue, ":"); print $10, queue[2], $NF }
    ' /proc/net/udp /proc/net/udp6
}

# peer_bound PORT PID: by this process and no other; it may have several sockets there.
peer_bound() {
    local inodes inode
    inodes=$(peer_sockets "$1" | cut -d' ' -f1)
    [[ -n $inodes ]] || return 1
    for inode in $inodes; do
        readlink "/proc/$2/fd/"* 2>/dev/null | grep -qxF "socket:[$inode]" || return 1
    done
}

# peer_drained PORT: nothing waits in a receive queue, nor on its way through the loopback.
peer_drained() {
    # The twelfth column is the length of a processor's backlog.
    ! awk '{ print $12 }' /proc/net/softnet_stat | grep -q '[1-9a-f]' &&
        ! peer_sockets "$1" | grep -qv ' 0* [0-9]*$'
}

# peer_free_port: a UDP port that nobody has; below those that the kernel gives away by itself.
peer_free_port() {
    local port
    while :; do
        port=$((10000 + RANDOM % 20000))
        if [[ -z $(peer_sockets "$port") ]]; then
            echo "$port"
            return 0
        fi
    done
}

# peer_runs PID: is there, and not as a zombie.
peer_runs() {
    [[ -r /proc/$1/stat ]] && ! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null
}

peer_ended() {
    ! peer_runs "$1"
}

# peer_kill SIGNAL PID: a process that has gone is no error.
peer_kill() {
    kill "-$1" "$2" 2>/dev/null || true
}

# peer_start DIR PORT COMMAND...: a collector, in DIR, until it has bound PORT (0: do not wait).
peer_start() {
    local dir=$1 port=$2
    shift 2
    "$@" >"$dir/log" 2>&1 &
    echo $! >"$dir/pid"
    echo "$port" >"$dir/port"
    if ((port != 0)); then
        peer_await "$1 on port $port" peer_bound_or_ended "$port" "$(<"$dir/pid")"
        peer_runs "$(<"$dir/pid")" || {
            echo "peers: $1: $(tail -n 1 "$dir/log")" >&2
            return 1
        }
    fi
}

peer_bound_or_ended() {
    peer_bound "$1" "$2" || peer_ended "$2"
}

# peer_activity PID: the state and the context switches of each thread of PID and of its children.
peer_activity() {
    local process
    for process in "$1" $(pgrep -P "$1"); do
        cat "/proc/$process/task/"*/status 2>/dev/null | grep -E '^(State|.*ctxt_switches)'
    done
}

# peer_idle PID: all its threads sleep, and none has run for a fifth of a second. A thread that has
# something to read would be running or runnable.
peer_idle() {
    local before after
    before=$(peer_activity "$1")
    sleep 0.2
    after=$(peer_activity "$1")
    [[ $before == "$after" ]] && ! grep -q '^State:[[:space:]]*[RD]' <<<"$before"
}

# peer_stop DIR SIGNAL: once all that was sent is read; complains of what the kernel dropped.
peer_stop() {
    local pid port drops
    pid=$(<"$1/pid")
    port=$(<"$1/port")
    if peer_ended "$pid"; then
        echo "peers: the collector on port $port ended by itself: $(tail -n 1 "$1/log")" >&2
        return 1
    fi
    peer_await "port $port read empty" peer_drained "$port"
    # nfacctd reads the socket in one process and counts in another.
    peer_await "rest of process $pid" peer_idle "$pid"
    drops=$(peer_sockets "$port" | awk '{ drops += $3 } END { print drops + 0 }')
    ((drops == 0)) || echo "peers: the kernel dropped $drops datagrams to port $port" >&2
    peer_kill "$2" "$pid"
    peer_await "the end of process $pid" peer_ended "$pid"
    rm "$1/pid"
}

# peer_fresh DIR: an empty folder, with no peer of an earlier start.
peer_fresh() {
    [[ ! -f $1/pid ]] || peer_kill KILL "$(<"$1/pid")"
    rm -rf "$1"
    mkdir -p "$1"
}

# ---- exporters -----------------------------------------------------------------------------------

# peer_softflowd_export FILE PORT VERSION(5|9|10): prints the totals that softflowd says it sent.
peer_softflowd_export() {
    peer_need softflowd || return
    local log=$PEERS_DIR/softflowd.log
    timeout "$PEER_SECONDS" softflowd -a -d -r "$1" -n "127.0.0.1:$2" -v "$3" -m 1000000 \
        -p "$PEERS_DIR/softflowd.pid" -c none >"$log" 2>&1 || {
        echo "peers: softflowd: $(tail -n 1 "$log")" >&2
        return 1
    }
    # "Flows exported: 3693 (6671 records) in ...", and a table by protocol: "tcp (6): OCTETS PACKETS".
    tr '():' '   ' <"$log" | awk '
        $1 == "Flows" && $2 == "exported" { records = $4 }
        $1 == "Per-protocol" { table = 1; next }
        table && $2 ~ /^[0-9]+$/ && NF == 6 { octets += $3; packets += $4 }
        END { print records, packets + 0, octets + 0 }'
}

# peer_pmacctd_export FILE PORT VERSION(5|9|10)
peer_pmacctd_export() {
    peer_need pmacctd || return
    local configuration=$PEERS_DIR/pmacctd.conf log=$PEERS_DIR/pmacctd.log
    cat >"$configuration" <<END
daemonize: false
pcap_savefile: $1
plugins: nfprobe
nfprobe_receiver: 127.0.0.1:$2
nfprobe_version: $3
aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags
plugin_pipe_size: 67108864
plugin_buffer_size: 65536
END
    timeout "$PEER_SECONDS" pmacctd -f "$configuration" >"$log" 2>&1 || {
        echo "peers: pmacctd: $(tail -n 1 "$log")" >&2
        return 1
    }
}

# peer_sfprobe_export FILE PORT: as samples of sFlow, of every packet.
peer_sfprobe_export() {
    peer_need pmacctd || return
    local configuration=$PEERS_DIR/sfprobe.conf log=$PEERS_DIR/sfprobe.log
    cat >"$configuration" <<END
daemonize: false
pcap_savefile: $1
plugins: sfprobe
sfprobe_receiver: 127.0.0.1:$2
sfprobe_agentip: 127.0.0.1
sampling_rate: 1
plugin_pipe_size: 67108864
plugin_buffer_size: 65536
END
    # At the end the plugin and who started it race; either way all packets were read.
    timeout "$PEER_SECONDS" pmacctd -f "$configuration" >"$log" 2>&1 ||
        tail -n 1 "$log" | grep -q 'no more plugins active' || {
        echo "peers: sfprobe: $(tail -n 1 "$log")" >&2
        return 1
    }
}

# peer_nfpcapd_flows FILE DIR: meters FILE into nfdump's files.
peer_nfpcapd_flows() {
    peer_need nfpcapd || return
    peer_fresh "$2"
    timeout "$PEER_SECONDS" nfpcapd -r "$1" -w "$2" >"$2.log" 2>&1 || {
        echo "peers: nfpcapd: $(tail -n 1 "$2.log")" >&2
        return 1
    }
}

# peer_nfreplay_export DIR PORT VERSION(5|9): sends what nfdump's files in DIR hold.
peer_nfreplay_export() {
    peer_need nfdump nfreplay || return
    local flows=$PEERS_DIR/nfreplay.flows log=$PEERS_DIR/nfreplay.log
    # Meson fills fresh memory with a pattern, which nfreplay would send as the counters' first octets.
    { nfdump -q -R "$1" -w "$flows" && MALLOC_PERTURB_=0 timeout "$PEER_SECONDS" \
        nfreplay -H 127.0.0.1 -p "$2" -v "$3" -r "$flows"; } >"$log" 2>&1 || {
        echo "peers: nfreplay: $(tail -n 1 "$log")" >&2
        return 1
    }
}

# ---- collectors ----------------------------------------------------------------------------------

# peer_nfcapd_start PORT DIR: flows go to nfdump's files in DIR/flows.
peer_nfcapd_start() {
    peer_need nfcapd nfdump || return
    peer_fresh "$2"
    mkdir "$2/flows"
    peer_start "$2" "$1" nfcapd -4 -b 127.0.0.1 -p "$1" -w "$2/flows" -t 86400 -B 16000000
}

# peer_nfcapd_totals DIR
peer_nfcapd_totals() {
    peer_stop "$1" TERM
    peer_nfdump_totals "$1/flows"
}

# peer_nfdump_totals DIR [FILTER]: of nfdump's files.
peer_nfdump_totals() {
    peer_need nfdump || return
    # Where there is nothing, nfdump says so in words.
    nfdump -q -R "$1" -o 'fmt:%fl %pkt %byt' -N "${2:-any}" | awk '
        $1 ~ /^[0-9]+$/ { flows++; packets += $2; octets += $3 }
        END { print flows + 0, packets + 0, octets + 0 }'
}

# peer_nfacctd_start PORT DIR
peer_nfacctd_start() {
    peer_need nfacctd || return
    peer_fresh "$2"
    cat >"$2/conf" <<END
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: $1
nfacctd_pipe_size: 16000000
nfacctd_time_new: true
plugins: print
plugin_pipe_size: 67108864
aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags, flows
print_output: csv
print_output_file: $2/flows.csv
print_refresh_time: 86400
END
    peer_start "$2" "$1" nfacctd -f "$2/conf"
    peer_await "nfacctd's plugin" grep -q 'cache entries=' "$2/log"
}

# peer_nfacctd_totals DIR: it aggregates records with equal keys, and counts them.
peer_nfacctd_totals() {
    peer_stop "$1" INT
    # The plugin writes in a process that outlives its parent, and says when it is done.
    peer_await "nfacctd's output" grep -q 'Purging cache - END' "$1/log"
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        { flows += $column["FLOWS"]; packets += $column["PACKETS"]; octets += $column["BYTES"] }
        END { print flows + 0, packets + 0, octets + 0 }' "$1/flows.csv"
}

# peer_tshark_start PORT DIR: captures on lo what goes to PORT; needs root. Somebody has to listen
# there, or the exporter meets ICMP errors.
peer_tshark_start() {
    peer_need tshark || return
    if ((EUID != 0)); then
        echo "SKIP: tshark on lo needs root" >&2
        return 77
    fi
    local marker
    marker=$(peer_free_port)
    peer_fresh "$2"
    peer_start "$2" 0 tshark -q -i lo -B 64 -f "udp dst port $1 or udp dst port $marker" \
        -w "$2/export.pcapng"
    printf '%s\n' "$1" >"$2/port"
    printf '%s\n' "$marker" >"$2/marker"
    peer_await "tshark's capture" peer_tshark_began "$2"
}

peer_tshark_began() {
    [[ -s $1/export.pcapng ]] || peer_ended "$(<"$1/pid")"
}

# peer_tshark_totals DIR: as soon as a datagram sent after all others to another port was captured.
peer_tshark_totals() {
    local marker
    marker=$(<"$1/marker")
    echo weir-peers-marker >"/dev/udp/127.0.0.1/$marker"
    peer_await "tshark's last packet" grep -qa weir-peers-marker "$1/export.pcapng"
    peer_kill INT "$(<"$1/pid")"
    peer_await "the end of tshark" peer_ended "$(<"$1/pid")"
    rm "$1/pid"
    peer_tshark_count -r "$1/export.pcapng" -d "udp.port==$(<"$1/port"),cflow"
}

# peer_tshark_payload DIR FILE: the captured export datagrams, one after the other: for IPFIX, that
# is a file of RFC 5655.
peer_tshark_payload() {
    tshark -n -r "$1/export.pcapng" -Y "udp.dstport == $(<"$1/port")" -T fields -e udp.payload \
        2>"$1/payload.log" | python3 -c '
import sys
for line in sys.stdin:
    sys.stdout.buffer.write(bytes.fromhex(line))' >"$2"
}

# ---- files ---------------------------------------------------------------------------------------

# peer_fixbuf_totals FILE: of an IPFIX file, by libfixbuf's ipfixDump.
peer_fixbuf_totals() {
    peer_need ipfixDump || return
    ipfixDump --data --in "$1" 2>"$PEERS_DIR/ipfixDump.log" | awk '
        NF > 2 && $(NF - 2) == "octetDeltaCount" { flows++; octets += $NF }
        NF > 2 && $(NF - 2) == "packetDeltaCount" { packets += $NF }
        END { print flows + 0, packets + 0, octets + 0 }'
}

# peer_tshark_file_totals FILE: of an IPFIX file.
peer_tshark_file_totals() {
    peer_need tshark || return
    peer_tshark_count -r "$1"
}

# peer_tshark_count TSHARK-ARGUMENT...: a flow is what has octets.
peer_tshark_count() {
    tshark -n -T fields -E separator=/t -e cflow.octets -e cflow.packets "$@" \
        2>"$PEERS_DIR/tshark-count.log" | awk -F'\t' '
        {
            flows += split($1, octet, ",")
            split($2, packet, ",")
            for (i in octet) octets += octet[i]
            for (i in packet) packets += packet[i]
        }
        END { print flows + 0, packets + 0, octets + 0 }'
}
