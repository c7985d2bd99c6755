# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Who talks to whom, and when. Actors run side by side; `at` follows the clock of the recording.
# A command that fails is often what is wanted (a closed port, a wrong password), so actors ignore
# exit codes: recorder/check.sh decides by the packets.

readonly DURATION=300

# now: seconds since the recording began.
now() {
    echo $((SECONDS - traffic_began))
}

# at SECOND: waits for that second of the recording.
at() {
    local wait=$(($1 - $(now)))
    if ((wait > 0)); then
        sleep "$wait"
    fi
}

# quietly HOST COMMAND...: the exit code and the output do not matter; complaints are logged.
quietly() {
    inside "$@" </dev/null >/dev/null 2>>"$RUN/traffic.log" || true
}

# below N: sets `pick` to a number from 0 to N - 1, repeatable per actor by its RANDOM seed.
below() {
    pick=$((RANDOM % $1))
}

# pause MIN MAX: seconds.
pause() {
    below $((($2 - $1) * 10 + 1))
    local tenths=$(($1 * 10 + pick))
    sleep $((tenths / 10)).$((tenths % 10))
}

# browse HOST SEED [CURL-OPTION...]: a page and some of its pictures every few seconds, by name (so
# DNS comes first), over both IP versions and over HTTP, HTTPS with HTTP/1.1 and with HTTP/2.
browse() {
    local host=$1 pick schemes=(http https https https) versions=(-4 -6 -6) http=(--http1.1 --http2)
    RANDOM=$2
    shift 2
    while (($(now) < DURATION - 5)); do
        local site scheme version protocol urls=() n
        below ${#SITES[@]} && site=${SITES[pick]}
        below ${#schemes[@]} && scheme=${schemes[pick]}
        below ${#versions[@]} && version=${versions[pick]}
        below ${#http[@]} && protocol=${http[pick]}
        below 20 && urls+=("$scheme://$site/page$((pick + 1)).html")
        below 4
        for ((n = pick; n > 0; n--)); do
            below 10 && urls+=("$scheme://$site/picture$((pick + 1)).png")
        done
        below 12 && ((pick == 0)) && urls+=("$scheme://$site/missing.html")
        quietly "$host" curl -sk --max-time 10 "$version" "$protocol" "$@" "${urls[@]}"
        pause 3 8
    done
}

# Visitors of the office's shop: many addresses, short visits, some orders.
visit() {
    local pick
    RANDOM=$1
    while (($(now) < DURATION - 5)); do
        below 40 && local n=$((80 + pick))
        local source=198.51.100.$n base=http://192.0.2.130
        below 3
        if ((pick == 0)); then
            source=2001:db8:50::$n base='https://[2001:db8:11::130]'
        fi
        below 20 && local page=$((pick + 1))
        below 8
        if ((pick == 0)); then
            quietly visitors curl -sk --interface "$source" --data "basket=$(text 900)" "$base/order"
        else
            quietly visitors curl -sk --interface "$source" "$base/page$page.html" "$base/picture1.png"
        fi
        pause 0 3
    done
}

watch_film() {
    local n
    at 100
    for n in {1..12}; do
        quietly dave curl -sk -6 --limit-rate 120k "https://www.example.org/film/piece$n.ts"
    done
}

ask_dns() {
    local name host round=0
    while (($(now) < DURATION - 5)); do
        for host in alice bob carol dave; do
            for name in 'example.net MX' '_sip._udp.example.net SRV' 'nowhere.example.org A' \
                'cdn.example.org AAAA' 'example.net TXT'; do
                # shellcheck disable=SC2086 # name and type
                quietly $host dig +tries=1 $name
            done
        done
        quietly alice dig +tries=1 @2001:db8:50::66 -x 198.51.100.68
        quietly bob dig +tries=1 +tcp www.example.org A
        quietly carol dig +tries=1 +bufsize=4096 +ignore long.example.com TXT
        quietly carol dig +tries=1 @2001:db8:50::66 +bufsize=4096 long.example.com TXT
        # No name server there: an ICMP port unreachable comes back.
        quietly dave dig +tries=1 +time=1 @198.51.100.68 www.example.com
        round=$((round + 1))
        at $((round * 20))
    done
}

keep_time() {
    local host chronyd
    for host in alice bob carol dave; do
        chronyd_command $host 'server 198.51.100.67 iburst minpoll 4 maxpoll 4' \
            'server 2001:db8:50::67 iburst minpoll 4 maxpoll 5'
        quietly $host timeout $((DURATION - 5)) "${chronyd[@]}" &
    done
    wait
}

send_mail() {
    local n
    for n in {1..16}; do
        at $((20 + n * 15))
        quietly alice swaks --server mx.example.net --helo alice.example.com --from alice@example.com \
            --to bob@example.net --header "Subject: offer $n" --body "$(text $((n * 1500)))"
        quietly shop curl -s -6 smtp://mx.example.net/shop.example.com \
            --mail-from orders@example.com --mail-rcpt bob@example.net -T "$RUN/www/page2.html"
        quietly bob curl -sk imaps://mx.example.net/INBOX --user bob:correct-horse
        quietly bob curl -sk "imaps://mx.example.net/INBOX;MAILINDEX=$n" --user bob:correct-horse
    done
}

# A session as typed by a person: an answer twice a second, for minutes.
work_over_ssh() {
    at 12
    # shellcheck disable=SC2016 # it is the far end that expands
    quietly bob ssh -4 files.example.com 'for i in $(seq 300); do date; sleep 0.5; done' &
    at 40
    # shellcheck disable=SC2016
    quietly monitor ssh 2001:db8:11::130 'for i in $(seq 40); do uptime -p; sleep 1; done' &
    wait
}

# The peak of the recording: files go up to the data centre, by way of a link with a smaller MTU.
back_up() {
    at 70
    text 5200000 >"$RUN/ledger.db"
    quietly bob rsync -e ssh "$RUN/ledger.db" files.example.com:/tmp/ledger-v6.db
    at 82
    quietly bob scp -q -4 "$RUN/ledger.db" files.example.com:/tmp/ledger-v4.db
}

measure_the_line() {
    at 130
    quietly alice iperf3 --repeating-payload -6 -c files.example.com -n 4M -R
    at 136
    quietly alice iperf3 --repeating-payload -4 -c files.example.com -n 2M -P 2
}

download() {
    at 215
    quietly carol curl -sk -6 -o /dev/null https://www.example.net/disc.iso
    at 226
    quietly carol curl -s -4 -o /dev/null http://www.example.com/disc.iso
}

# Telephone calls: 50 packets a second each way, marked expedited forwarding.
telephone() {
    local call=(iperf3 --udp --bidir --bitrate 68800 --length 172 --tos 0xb8 --repeating-payload)
    at 30
    quietly phone "${call[@]}" --time 45 -c 198.51.100.72
    at 180
    quietly phone "${call[@]}" --time 30 -c 2001:db8:50::72
}

monitor() {
    local round=0
    while (($(now) < DURATION - 5)); do
        quietly monitor snmpbulkwalk -v2c -c public 192.0.2.130 .1.3.6.1.2.1.2
        quietly monitor snmpget -v2c -c public 'udp6:[2001:db8:11::130]' .1.3.6.1.2.1.1.{1,3,5}.0
        quietly monitor ping -c 2 -i 0.5 192.0.2.1
        quietly monitor ping -c 2 -i 0.5 2001:db8:10::1
        round=$((round + 1))
        at $((round * 10))
    done
}

log_events() {
    local n=0
    while (($(now) < DURATION - 5)); do
        n=$((n + 1))
        quietly shop logger --udp --server monitor.example.com --port 514 --tag shop "order $n paid"
        pause 1 4
    done
}

probe_paths() {
    at 5
    quietly alice ping -c 60 -i 1 198.51.100.68 &
    quietly carol ping -c 100 -i 1 2001:db8:50::68 &
    at 20
    quietly alice traceroute -n 203.0.113.10
    quietly alice traceroute -n -6 2001:db8:30::10
    at 60
    quietly bob ping -c 15 -i 0.5 -s 4000 198.51.100.70
    quietly bob ping -c 15 -i 0.5 -s 4000 2001:db8:50::70
    at 110
    quietly dave traceroute -n -I 198.51.100.70
    quietly dave traceroute -n -6 -T -p 443 2001:db8:50::70
    at 120
    # Nobody has these addresses: the data centre's router answers.
    quietly dave ping -c 5 203.0.113.200
    quietly dave ping -c 5 2001:db8:30::200
    quietly dave curl -s --max-time 3 http://legacy.example.com/
    # Closed ports: TCP answers with a reset.
    quietly carol curl -s http://www.example.com:8081/
    quietly carol curl -s -6 http://www.example.com:8081/
    at 200
    quietly carol traceroute -n 203.0.113.12
    wait
}

scan() {
    local patient=(nmap -n -Pn --max-retries 1 -T4)
    at 160
    quietly scanner nmap -n -sn --max-retries 0 --max-rate 100 192.0.2.0/24
    quietly scanner "${patient[@]}" -sS -p1-1000 --max-rate 250 192.0.2.130
    quietly scanner "${patient[@]}" -sS -F --max-rate 250 192.0.2.11-14
    quietly scanner "${patient[@]}" -sS -6 -p1-500 --max-rate 250 2001:db8:11::130
    quietly scanner "${patient[@]}" -sU -F --max-rate 50 192.0.2.130
    at 255
    local n
    for n in {1..25}; do
        quietly scanner ssh -o BatchMode=yes -o PubkeyAuthentication=no "admin$n@192.0.2.130"
    done
}

# run_traffic: everything above, from beginning to end.
run_traffic() {
    local actor
    traffic_began=$SECONDS
    browse alice 11 &
    browse bob 12 &
    browse carol 13 &
    browse dave 14 --user-agent 'dave/1.0' &
    visit 21 &
    visit 22 &
    for actor in watch_film ask_dns keep_time send_mail work_over_ssh back_up measure_the_line \
        download telephone monitor log_events probe_paths scan; do
        $actor &
    done
    at $DURATION
}
