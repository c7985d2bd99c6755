# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What a recording must hold, and the truth about it that is written beside it.

# name | at least so many packets | filter in tcpdump's language. Of a fragmented packet, only the
# first fragment has ports. No filter needs to know of VLAN tags.
readonly KINDS='
IPv4                      | 20000 | ip
IPv6                      | 10000 | ip6
ARP                       |     2 | arp
VLAN 30                   |  5000 | vlan 30
web, HTTP                 |  1000 | tcp port 80
web, HTTPS                |  5000 | tcp port 443
DNS over UDP              |  1000 | udp port 53
DNS over TCP              |    50 | tcp port 53
mail, SMTP                |   500 | tcp port 25
mail, IMAPS               |   500 | tcp port 993
ssh, scp and rsync        |  3000 | tcp port 22
NTP                       |   100 | udp port 123
SNMP                      |   100 | udp port 161
syslog                    |    50 | udp port 514
bulk transfer, iperf3 TCP |  3000 | tcp port 5201
voice, iperf3 UDP         |  5000 | udp port 5201
ping, IPv4                |   200 | icmp[0] = 8 or icmp[0] = 0
ping, IPv6                |   200 | icmp6[0] = 128 or icmp6[0] = 129
time exceeded             |    10 | icmp[0] = 11 or icmp6[0] = 3
unreachable               |    10 | (icmp[0] = 3 and icmp[1] != 4) or icmp6[0] = 1
packet too big            |     1 | (icmp[0] = 3 and icmp[1] = 4) or icmp6[0] = 2
fragments, IPv4           |    50 | ip[6:2] & 0x3fff != 0
fragments, IPv6           |    50 | ip6[6] = 44
port scan                 |  1000 | host 198.51.100.126 or host 2001:db8:50::126
TCP reset                 |   500 | tcp[13] & 4 != 0 or (ip6[6] = 6 and ip6[53] & 4 != 0)
neighbour discovery       |     2 | icmp6[0] = 135 or icmp6[0] = 136
expedited forwarding      |  2000 | ip[1] >> 2 = 46 or (ip6[0:2] >> 6) & 63 = 46
ECN                       |   100 | ip[1] & 3 != 0 or (ip6[0:2] >> 4) & 3 != 0
'
readonly PACKETS_MIN=30000 PACKETS_MAX=100000 OCTETS_MAX=3000000

sharks() {
    tshark -n -E occurrence=f -E separator=/t -T fields "$@" 2>>"$RUN/tshark.log"
}

# count_kinds CAPTURE: a line `name<TAB>packets<TAB>octets<TAB>filter<TAB>minimum` for each kind.
count_kinds() {
    local name minimum filter part=$RUN/part.pcap
    while IFS='|' read -r name minimum filter; do
        filter=${filter# }
        # `vlan` moves the offsets of all that follows it.
        [[ $filter == vlan* ]] || filter="($filter) or (vlan and ($filter))"
        tcpdump -n -r "$1" --time-stamp-precision=nano -w "$part" "$filter" 2>>"$RUN/tcpdump-check.log"
        printf '%s\t%s\t%s\t%s\n' "${name%"${name##*[! ]}"}" \
            "$(capinfos -TrM -c -d "$part" | cut -f2,3)" "$filter" "${minimum// /}"
    done < <(sed '/^$/d' <<<"$KINDS")
}

# count_totals CAPTURE: lines `name<TAB>packets<TAB>octets` for all frames and for what IP says of
# itself (total length; IPv6 with its header). An ICMP error's quotation is not counted again.
count_totals() {
    sharks -r "$1" -e frame.len -e frame.cap_len -e ip.len -e ipv6.plen |
        awk -F'\t' '
            { frames++; octets += $1; captured += $2 }
            $3 != "" { v4++; v4_octets += $3; next }
            $4 != "" { v6++; v6_octets += $4 + 40 }
            END {
                printf "frames\t%d\t%d\t\n", frames, octets
                printf "frames as captured\t%d\t%d\t\n", frames, captured
                printf "IPv4 packets by their total length\t%d\t%d\t\n", v4, v4_octets
                printf "IPv6 packets by their payload length + 40\t%d\t%d\t\n", v6, v6_octets
            }'
}

# write_truth CAPTURE: the table beside the capture; RUN/kinds keeps the minima for the check.
write_truth() {
    printf '# Counted by tshark and tcpdump when office.pcap.gz was recorded.\n'
    printf '#what\tpackets\toctets\tfilter\n'
    count_totals "$1"
    count_kinds "$1" | tee "$RUN/kinds" | cut -f1-4
}

# check_capture CAPTURE: after write_truth; dies unless the capture holds all it should, and nothing
# of this machine.
check_capture() {
    local capture=$1 packets name minimum foreign word lacking=
    packets=$(capinfos -T -r -M -c "$capture" | cut -f2)
    if ((packets < PACKETS_MIN || packets > PACKETS_MAX)); then
        die "the capture has $packets packets; $PACKETS_MIN to $PACKETS_MAX are wanted"
    fi
    while IFS=$'\t' read -r name packets _ _ minimum; do
        if ((packets < minimum)); then
            lacking+=" $name ($packets of $minimum);"
        fi
    done <"$RUN/kinds"
    [[ -z $lacking ]] || die "the capture has too few packets of:${lacking%;}"
    foreign=$(sharks -r "$capture" -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst |
        tr '\t' '\n' | sort -u |
        grep -vE '^$|^192\.0\.2\.|^198\.51\.100\.|^203\.0\.113\.|^2001:db8:|^fe80:|^ff02:' || true)
    [[ -z $foreign ]] || die "addresses that are not for documentation: ${foreign//$'\n'/ }"
    foreign=$(sharks -r "$capture" -e eth.src | sort -u |
        grep -v '^00:00:5e:00:53:' || true)
    [[ -z $foreign ]] || die "MAC addresses that are not for documentation: ${foreign//$'\n'/ }"
    while read -r word; do
        if strings -n 3 "$capture" | grep -qiF -- "$word"; then
            die "the capture contains '$word', a name of this machine"
        fi
    done <"$RUN/machine-names"
}
