# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The servers. Each start_* writes the configuration, starts the program in its host's namespace and
# returns when its port is open.

readonly SITES=(www.example.com www.example.net www.example.org)

# await SECONDS WHAT COMMAND...: until COMMAND succeeds.
await() {
    local seconds=$1 what=$2 tries
    shift 2
    for ((tries = seconds * 10; tries > 0; tries--)); do
        if "$@"; then
            return 0
        fi
        sleep 0.1
    done
    die "$what: not ready after $seconds s"
}

# port_open HOST tcp|udp PORT
port_open() {
    local flag=l
    [[ $2 == udp ]] && flag=a
    [[ -n $(inside "$1" ss -Hn"$flag" "--$2" "sport = :$3") ]]
}

await_port() {
    await 20 "$1: $2 port $3" port_open "$@"
}

# start HOST LOG COMMAND...: in the background, with its output in a file for the post-mortem.
start() {
    local host=$1 log=$2
    shift 2
    inside "$host" "$@" >"$RUN/$log.log" 2>&1 &
}

# text OCTETS: lines of text.
text() {
    yes 'The quick brown fox jumps over the lazy dog.' 2>/dev/null | head -c "$1" || true
}

start_dns() {
    text 3000 | fold -w 200 | sed 's/.*/txt-record=long.example.com,"&"/' >"$RUN/long-answers.conf"
    cat >"$RUN/dnsmasq.conf" <<END
no-hosts
no-resolv
user=root
pid-file=$RUN/dnsmasq.pid
edns-packet-max=4096
local=/com/net/org/arpa/
host-record=router.example.com,198.51.100.2,2001:db8:ff::2
host-record=shop.example.com,192.0.2.130,2001:db8:11::130
host-record=www.example.com,198.51.100.68,2001:db8:50::68
host-record=www.example.net,198.51.100.69,2001:db8:50::69
host-record=www.example.org,198.51.100.70,2001:db8:50::70
host-record=mx.example.net,198.51.100.71,2001:db8:50::71
host-record=ntp.example.net,198.51.100.67,2001:db8:50::67
host-record=voip.example.net,198.51.100.72,2001:db8:50::72
host-record=files.example.com,203.0.113.10,2001:db8:30::10
host-record=monitor.example.com,203.0.113.12,2001:db8:30::12
host-record=legacy.example.com,203.0.113.200
cname=cdn.example.org,www.example.org
mx-host=example.net,mx.example.net,10
srv-host=_sip._udp.example.net,voip.example.net,5060
txt-record=example.net,"v=spf1 mx -all"
conf-file=$RUN/long-answers.conf
END
    start dns dnsmasq dnsmasq --keep-in-foreground --conf-file="$RUN/dnsmasq.conf"
    await_port dns udp 53
    printf 'nameserver 198.51.100.66\nnameserver 2001:db8:50::66\n' >/etc/resolv.conf
    printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
}

# One tree of pages serves every site: 20 pages, 10 pictures, a film in 30 pieces, an image of a disc.
make_pages() {
    local n
    mkdir -p "$RUN/www/film"
    for n in {1..20}; do text $((2000 + n * 1700)) >"$RUN/www/page$n.html"; done
    for n in {1..10}; do text $((3000 + n * n * 600)) >"$RUN/www/picture$n.png"; done
    for n in {1..30}; do text 180000 >"$RUN/www/film/piece$n.ts"; done
    text 5000000 >"$RUN/www/disc.iso"
    cp "$RUN/www/page3.html" "$RUN/www/index.html"
}

start_web() {
    local host
    make_pages
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=www.example.com \
        -addext "subjectAltName=DNS:*.example.com,DNS:*.example.net,DNS:*.example.org" \
        -keyout "$RUN/tls.key" -out "$RUN/tls.crt" 2>"$RUN/openssl.log"
    for host in web shop; do
        cat >"$RUN/nginx-$host.conf" <<END
user root;
daemon off;
worker_processes 1;
pid $RUN/nginx-$host.pid;
error_log $RUN/nginx-$host-error.log;
events { worker_connections 512; }
http {
    access_log off;
    default_type text/html;
    keepalive_timeout 10s;
    client_max_body_size 10m;
    ssl_certificate $RUN/tls.crt;
    ssl_certificate_key $RUN/tls.key;
    server {
        listen 80;
        listen [::]:80;
        listen 443 ssl http2;
        listen [::]:443 ssl http2;
        root $RUN/www;
        location /order { return 201 "ordered"; }
        location /admin { return 403; }
    }
}
END
        start $host nginx-$host nginx -c "$RUN/nginx-$host.conf" -e "$RUN/nginx-$host-error.log"
    done
    await_port web tcp 443
    await_port shop tcp 443
}

start_mail() {
    useradd --create-home alice
    useradd --create-home bob
    printf 'bob:correct-horse\n' | chpasswd
    cat >"$RUN/smtpd.conf" <<END
listen on 198.51.100.71 port 25 hostname mx.example.net
listen on 2001:db8:50::71 port 25 hostname mx.example.net
action deliver mbox
match from any for domain "example.net" action deliver
END
    chmod 600 "$RUN/smtpd.conf"
    start mx smtpd smtpd -d -f "$RUN/smtpd.conf"
    await_port mx tcp 25

    cat >"$RUN/dovecot.conf" <<END
base_dir = $RUN/dovecot
log_path = $RUN/dovecot.log
protocols = imap
ssl = yes
ssl_cert = <$RUN/tls.crt
ssl_key = <$RUN/tls.key
disable_plaintext_auth = no
mail_location = mbox:~/mail:INBOX=/var/mail/%u
mail_access_groups = mail
passdb {
    driver = shadow
}
userdb {
    driver = passwd
}
END
    start mx dovecot dovecot -F -c "$RUN/dovecot.conf"
    await_port mx tcp 993
}

start_ssh() {
    local host
    install -d -m 700 /root/.ssh
    install -d /run/sshd
    ssh-keygen -q -t ed25519 -N '' -C bob@example.com -f /root/.ssh/id_ed25519
    cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
    printf 'Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n' >/root/.ssh/config
    ssh-keygen -q -t ed25519 -N '' -C files.example.com -f "$RUN/ssh_host_key"
    for host in files shop; do
        start $host sshd-$host /usr/sbin/sshd -D -e -f /dev/null -h "$RUN/ssh_host_key" \
            -o PidFile=none -o Subsystem='sftp internal-sftp' -o MaxStartups=100
        await_port $host tcp 22
    done
}

# chronyd_command HOST LINE...: sets `chronyd` to the command that keeps a host's time by a
# configuration of these lines. -x: it never touches the clock.
chronyd_command() {
    local configuration=$RUN/chronyd-$1.conf
    printf '%s\n' "pidfile $RUN/chronyd-$1.pid" 'cmdport 0' 'bindcmdaddress /' "${@:2}" >"$configuration"
    chronyd=(chronyd -x -d -u root -f "$configuration")
}

start_time() {
    local chronyd
    chronyd_command ntp 'local stratum 2' allow
    start ntp chronyd-ntp "${chronyd[@]}"
    await_port ntp udp 123
}

start_voice_and_files() {
    start voip iperf3-voip iperf3 --server
    start files iperf3-files iperf3 --server
    await_port voip tcp 5201
    await_port files tcp 5201
}

start_monitoring() {
    start monitor syslog socat -u UDP6-RECV:514,ipv6only=0 /dev/null
    await_port monitor udp 514
    cat >"$RUN/snmpd.conf" <<END
agentAddress udp:161,udp6:161
view office included .1.3.6.1.2.1.1
view office included .1.3.6.1.2.1.2
rocommunity public default -V office
rocommunity6 public default -V office
sysName shop.example.com
sysDescr shop front
sysLocation basement
sysContact alice@example.com
END
    start shop snmpd snmpd -f -Le -C -c "$RUN/snmpd.conf" -p "$RUN/snmpd.pid"
    await_port shop udp 161
}

start_servers() {
    start_dns
    start_web
    start_mail
    start_ssh
    start_time
    start_voice_and_files
    start_monitoring
}
