/* SPDX-License-Identifier: Apache-2.0 */
#include "query/names.h"

#include <stddef.h>
#include <strings.h>

#include "base/nearest.h"

struct name {
    const char *text;
    uint16_t number;
};

/* Where a number has several names, the one to show is first. */
static const struct name protocols[] = {
    {"tcp", 6},        {"udp", 17},         {"icmp", 1},   {"icmp6", 58},      {"icmpv6", 58},
    {"ipv6-icmp", 58}, {"igmp", 2},         {"ipip", 4},   {"ipencap", 4},     {"egp", 8},
    {"igp", 9},        {"dccp", 33},        {"ipv6", 41},  {"ipv6-route", 43}, {"ipv6-frag", 44},
    {"rsvp", 46},      {"gre", 47},         {"esp", 50},   {"ah", 51},         {"ipv6-nonxt", 59},
    {"ipv6-opts", 60}, {"eigrp", 88},       {"ospf", 89},  {"etherip", 97},    {"pim", 103},
    {"ipcomp", 108},   {"vrrp", 112},       {"carp", 112}, {"l2tp", 115},      {"sctp", 132},
    {"udplite", 136},  {"mpls-in-ip", 137},
};

static const struct name ports[] = {
    {"ftp-data", 20},
    {"ftp", 21},
    {"ssh", 22},
    {"telnet", 23},
    {"smtp", 25},
    {"tacacs", 49},
    {"dns", 53},
    {"domain", 53},
    {"bootps", 67},
    {"dhcp", 67},
    {"bootpc", 68},
    {"tftp", 69},
    {"http", 80},
    {"www", 80},
    {"kerberos", 88},
    {"pop3", 110},
    {"sunrpc", 111},
    {"ntp", 123},
    {"msrpc", 135},
    {"netbios-ns", 137},
    {"netbios-dgm", 138},
    {"netbios-ssn", 139},
    {"imap", 143},
    {"snmp", 161},
    {"snmptrap", 162},
    {"bgp", 179},
    {"ldap", 389},
    {"https", 443},
    {"smb", 445},
    {"microsoft-ds", 445},
    {"submissions", 465},
    {"smtps", 465},
    {"isakmp", 500},
    {"ike", 500},
    {"syslog", 514},
    {"printer", 515},
    {"rip", 520},
    {"dhcpv6-client", 546},
    {"dhcpv6-server", 547},
    {"rtsp", 554},
    {"submission", 587},
    {"ipp", 631},
    {"ldaps", 636},
    {"dns-over-tls", 853},
    {"rsync", 873},
    {"imaps", 993},
    {"pop3s", 995},
    {"socks", 1080},
    {"openvpn", 1194},
    {"mssql", 1433},
    {"oracle", 1521},
    {"l2tp", 1701},
    {"pptp", 1723},
    {"radius", 1812},
    {"radius-acct", 1813},
    {"ssdp", 1900},
    {"mqtt", 1883},
    {"nfs", 2049},
    {"netflow", 2055},
    {"stun", 3478},
    {"mysql", 3306},
    {"rdp", 3389},
    {"ms-wbt-server", 3389},
    {"ipsec-nat-t", 4500},
    {"ipfix", 4739},
    {"vxlan", 4789},
    {"sip", 5060},
    {"sips", 5061},
    {"mdns", 5353},
    {"postgresql", 5432},
    {"postgres", 5432},
    {"vnc", 5900},
    {"geneve", 6081},
    {"sflow", 6343},
    {"redis", 6379},
    {"http-alt", 8080},
    {"https-alt", 8443},
    {"memcached", 11211},
    {"wireguard", 51820},
};

/* RFC 5102 5.11.3 (flowEndReason) and the registry. */
static const struct name end_reasons[] = {
    {"idle", 1}, {"active", 2}, {"end", 3}, {"forced", 4}, {"resources", 5},
};

static const struct name directions[] = {
    {"ingress", 0},
    {"egress", 1},
};

static const struct name export_versions[] = {
    {"meter", 0},    {"netflow1", 1}, {"netflow5", 5}, {"netflow7", 7},
    {"netflow8", 8}, {"netflow9", 9}, {"ipfix", 10},   {"sflow", 105},
};

/* RFC 8158. */
static const struct name nat_events[] = {
    {"create", 1},           {"delete", 2},
    {"exhausted", 3},        {"nat44-create", 4},
    {"nat44-delete", 5},     {"nat64-create", 6},
    {"nat64-delete", 7},     {"bib44-create", 8},
    {"bib44-delete", 9},     {"bib64-create", 10},
    {"bib64-delete", 11},    {"ports-exhausted", 12},
    {"quota-exceeded", 13},  {"address-create", 14},
    {"address-delete", 15},  {"port-block-allocate", 16},
    {"port-block-free", 17}, {"threshold", 18},
};

static const struct name firewall_events[] = {
    {"ignore", 0}, {"created", 1}, {"deleted", 2}, {"denied", 3}, {"alert", 4}, {"update", 5},
};

/* RFC 2474, 2597, 3246, 5865, 8622. */
static const struct name dscps[] = {
    {"default", 0}, {"cs0", 0},   {"le", 1},    {"cs1", 8},   {"af11", 10}, {"af12", 12},
    {"af13", 14},   {"cs2", 16},  {"af21", 18}, {"af22", 20}, {"af23", 22}, {"cs3", 24},
    {"af31", 26},   {"af32", 28}, {"af33", 30}, {"cs4", 32},  {"af41", 34}, {"af42", 36},
    {"af43", 38},   {"cs5", 40},  {"va", 44},   {"ef", 46},   {"cs6", 48},  {"cs7", 56},
};

#define TABLE(array)                                \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }
static const struct {
    const struct name *rows;
    size_t count;
} tables[WEIR_NAMES_COUNT] = {
    [WEIR_NAMES_PROTOCOL] = TABLE(protocols),
    [WEIR_NAMES_PORT] = TABLE(ports),
    [WEIR_NAMES_END_REASON] = TABLE(end_reasons),
    [WEIR_NAMES_DIRECTION] = TABLE(directions),
    [WEIR_NAMES_EXPORT_VERSION] = TABLE(export_versions),
    [WEIR_NAMES_NAT_EVENT] = TABLE(nat_events),
    [WEIR_NAMES_FIREWALL_EVENT] = TABLE(firewall_events),
    [WEIR_NAMES_DSCP] = TABLE(dscps),
};

int weir_name_to_number(enum weir_names names, const char *name, uint16_t *ret_number)
{
    for (size_t i = 0; i < tables[names].count; i++)
        if (strcasecmp(tables[names].rows[i].text, name) == 0) {
            *ret_number = tables[names].rows[i].number;
            return 0;
        }
    return WEIR_E_NOT_FOUND;
}

const char *weir_number_to_name(enum weir_names names, uint16_t number)
{
    for (size_t i = 0; i < tables[names].count; i++)
        if (tables[names].rows[i].number == number)
            return tables[names].rows[i].text;
    return NULL;
}

const char *weir_name_nearest(enum weir_names names, const char *typed)
{
    struct weir_nearest search = weir_nearest_begin(typed);
    for (size_t i = 0; i < tables[names].count; i++)
        weir_nearest_offer(&search, tables[names].rows[i].text);
    return search.best;
}
