# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The network: one namespace a host, veth pairs for cables, bridges for switches.
#
#   alice bob carol dave phone ── lan ┐                                ┌ dns ntp web mx voip
#                        shop ── dmz ─┤ router ══ uplink ══ provider ──┤ visitors scanner
#                                                 (observed)    │
#                                                               └─ cable, MTU 1400 ─ dcgw ── files monitor
#
# The uplink carries the Internet without a tag and the leased line to the data centre in VLAN 30.
# All addresses are documentation addresses (RFC 5737, RFC 3849), all MAC addresses documentation
# MAC addresses (RFC 7042 2.1.2).

readonly VLAN_ID=30
readonly UPLOAD_RATE=12mbit DOWNLOAD_RATE=24mbit
readonly DC_LINK_MTU=1400

interfaces_made=0

# inside HOST COMMAND...: runs a command in a host's namespace.
inside() {
    local host=$1
    shift
    nsenter --net="/run/netns/$host" "$@"
}

# add_host NAME...
add_host() {
    local host
    for host in "$@"; do
        ip netns add "$host"
        ip -n "$host" link set lo up
        # Reno is what every kernel allows in a namespace, whatever it prefers itself. No address
        # waits for duplicate address detection.
        inside "$host" sysctl -qw net.ipv4.tcp_congestion_control=reno \
            net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_ra=0
    done
}

# add_cable HOST-A INTERFACE-A HOST-B INTERFACE-B: a veth pair whose frames are as on a wire: no
# segmentation or checksum is left to hardware that is not there.
add_cable() {
    local host_a=$1 interface_a=$2 host_b=$3 interface_b=$4 end
    ip -n "$host_a" link add "$interface_a" address "$(next_mac 1)" type veth \
        peer name "$interface_b" netns "$host_b" address "$(next_mac 2)"
    interfaces_made=$((interfaces_made + 2))
    for end in "$host_a $interface_a" "$host_b $interface_b"; do
        inside "${end% *}" ethtool -K "${end#* }" tx off tso off gso off gro off >/dev/null
        ip -n "${end% *}" link set "${end#* }" up
    done
}

# next_mac OFFSET: a documentation MAC address not yet given away.
next_mac() {
    printf '00:00:5e:00:53:%02x' $((interfaces_made + $1))
}

# add_switch HOST BRIDGE ADDRESS...: a bridge, with the addresses that the host itself has on it.
add_switch() {
    local host=$1 bridge=$2
    shift 2
    interfaces_made=$((interfaces_made + 1))
    ip -n "$host" link add "$bridge" address "$(next_mac 0)" type bridge mcast_snooping 0
    ip -n "$host" link set "$bridge" up
    add_addresses "$host" "$bridge" "$@"
}

# add_addresses HOST INTERFACE ADDRESS/LENGTH...
add_addresses() {
    local host=$1 interface=$2 address
    shift 2
    for address in "$@"; do
        ip -n "$host" address add "$address" dev "$interface"
    done
}

# plug HOST SWITCH-HOST BRIDGE GATEWAY4 GATEWAY6 ADDRESS/LENGTH...: a host on a switch.
plug() {
    local host=$1 switch=$2 bridge=$3 gateway4=$4 gateway6=$5
    shift 5
    add_host "$host"
    add_cable "$host" eth0 "$switch" "p-$host"
    ip -n "$switch" link set "p-$host" master "$bridge"
    add_addresses "$host" eth0 "$@"
    ip -n "$host" route add default via "$gateway4"
    ip -n "$host" route add default via "$gateway6"
}

# add_router NAME...
add_router() {
    add_host "$@"
    local host
    for host in "$@"; do
        # Errors are part of the picture: none are held back.
        inside "$host" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
            net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.icmp_msgs_per_sec=10000
    done
}

# add_vlan HOST TRUNK PORT: PORT carries VLAN_ID on TRUNK.
add_vlan() {
    local host=$1 trunk=$2 port=$3 object=/run/vlan-$1.o
    add_cable "$host" "$port" "$host" "$port-tag"
    bpf-gcc -O2 -DVLAN=$VLAN_ID -DTRUNK="$(interface_index "$host" "$trunk")" \
        -DPORT="$(interface_index "$host" "$port-tag")" \
        -idirafter /usr/include -idirafter "/usr/include/$(uname -m)-linux-gnu" \
        -c "$RECORDER/vlan.c" -o "$object"
    tc -n "$host" qdisc add dev "$port-tag" clsact
    tc -n "$host" filter add dev "$port-tag" ingress bpf direct-action object-file "$object" section tc/tag
    tc -n "$host" qdisc add dev "$trunk" clsact
    tc -n "$host" filter add dev "$trunk" ingress bpf direct-action object-file "$object" section tc/untag
}

interface_index() {
    ip -n "$1" -o link show dev "$2" | cut -d: -f1
}

# shape HOST INTERFACE RATE
shape() {
    tc -n "$1" qdisc add dev "$2" root tbf rate "$3" burst 16kb latency 60ms
}

build_network() {
    add_router router provider dcgw

    add_cable router uplink provider office
    add_vlan router uplink vlan30
    add_vlan provider office vlan30
    shape router uplink $UPLOAD_RATE
    shape provider office $DOWNLOAD_RATE
    add_cable provider dc dcgw provider
    ip -n provider link set dc mtu $DC_LINK_MTU
    ip -n dcgw link set provider mtu $DC_LINK_MTU

    add_addresses router uplink 198.51.100.2/30 2001:db8:ff::2/64
    add_addresses provider office 198.51.100.1/30 2001:db8:ff::1/64
    add_addresses router vlan30 198.51.100.6/30 2001:db8:fe::2/64
    add_addresses provider vlan30 198.51.100.5/30 2001:db8:fe::1/64
    add_addresses provider dc 198.51.100.9/30 2001:db8:fd::1/64
    add_addresses dcgw provider 198.51.100.10/30 2001:db8:fd::2/64

    add_switch router lan 192.0.2.1/25 2001:db8:10::1/64
    add_switch router dmz 192.0.2.129/25 2001:db8:11::1/64
    add_switch provider net 198.51.100.65/26 2001:db8:50::1/64
    add_switch dcgw rack 203.0.113.1/24 2001:db8:30::1/64

    ip -n router route add default via 198.51.100.1
    ip -n router route add default via 2001:db8:ff::1
    ip -n router route add 203.0.113.0/24 via 198.51.100.5
    ip -n router route add 2001:db8:30::/64 via 2001:db8:fe::1
    ip -n provider route add 192.0.2.0/24 via 198.51.100.2
    ip -n provider route add 2001:db8:10::/47 via 2001:db8:ff::2
    ip -n provider route add 203.0.113.0/24 via 198.51.100.10
    ip -n provider route add 2001:db8:30::/64 via 2001:db8:fd::2
    ip -n dcgw route add default via 198.51.100.9
    ip -n dcgw route add default via 2001:db8:fd::1
    # What the data centre sends to the office goes back by the leased line.
    ip -n provider route add default via 198.51.100.6 table $VLAN_ID
    ip -n provider route add default via 2001:db8:fe::2 table $VLAN_ID
    ip -n provider rule add iif dc to 192.0.2.0/24 table $VLAN_ID
    ip -n provider -6 rule add iif dc to 2001:db8:10::/47 table $VLAN_ID

    local lan=(router lan 192.0.2.1 2001:db8:10::1)
    plug alice "${lan[@]}" 192.0.2.11/25 2001:db8:10::11/64
    plug bob "${lan[@]}" 192.0.2.12/25 2001:db8:10::12/64
    plug carol "${lan[@]}" 192.0.2.13/25 2001:db8:10::13/64
    plug dave "${lan[@]}" 192.0.2.14/25 2001:db8:10::14/64
    plug phone "${lan[@]}" 192.0.2.20/25 2001:db8:10::20/64
    inside carol sysctl -qw net.ipv4.tcp_ecn=1

    plug shop router dmz 192.0.2.129 2001:db8:11::1 192.0.2.130/25 2001:db8:11::130/64

    local net=(provider net 198.51.100.65 2001:db8:50::1)
    plug dns "${net[@]}" 198.51.100.66/26 2001:db8:50::66/64
    plug ntp "${net[@]}" 198.51.100.67/26 2001:db8:50::67/64
    plug web "${net[@]}" 198.51.100.{68,69,70}/26 2001:db8:50::{68,69,70}/64
    plug mx "${net[@]}" 198.51.100.71/26 2001:db8:50::71/64
    plug voip "${net[@]}" 198.51.100.72/26 2001:db8:50::72/64
    plug scanner "${net[@]}" 198.51.100.126/26 2001:db8:50::126/64
    plug visitors "${net[@]}" 198.51.100.{80..119}/26 2001:db8:50::{80..119}/64

    local rack=(dcgw rack 203.0.113.1 2001:db8:30::1)
    plug files "${rack[@]}" 203.0.113.10/24 2001:db8:30::10/64
    plug monitor "${rack[@]}" 203.0.113.12/24 2001:db8:30::12/64
}
