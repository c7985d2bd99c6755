/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: make_meter_seeds FOLDER
 *
 * Writes the seeds of the targets `flow`, `select`, `meter_options` and `cache` into folders of
 * their names in FOLDER: `ninja fuzz-meter-seeds` after a change of what they read.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_SEEDS  24u
#define CACHE_OCTETS (4u + 8u * 200u)

static void write_seed(const char *folder, const char *target, const char *name, const void *octets,
                       size_t length)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, target);
    (void)mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(octets, 1, length, file) != length || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void write_texts(const char *folder, const char *target, const char *const *texts)
{
    for (unsigned i = 0; texts[i]; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%02u", i);
        write_seed(folder, target, name, texts[i], strlen(texts[i]));
    }
}

/* Runs of packets that are alike, so that flows have some; now and then anything. */
static void write_cache_seeds(const char *folder)
{
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < CACHE_SEEDS; i++) {
        uint8_t octets[CACHE_OCTETS];
        char name[16];
        for (size_t k = 0; k < sizeof(octets); k++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            octets[k] = (uint8_t)(state >> 40);
            bool is_new = k < 12 || state >> 61 == 0;
            if (!is_new && k % 8 != 4)
                octets[k] = octets[k - 8];
        }
        octets[0] = (uint8_t)i;
        octets[1] = (uint8_t)(i / 3);
        snprintf(name, sizeof(name), "c%02u", i);
        write_seed(folder, "cache", name, octets, sizeof(octets));
    }
}

int main(int argc, char **argv)
{
    static const char *const flows[] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
        "keys=src_addr/26,dst_addr/26,dscp fields=packets,bytes,start,end",
        "keys=src_addr/24/48,dst_port&0xff00,vlan/8,ttl",
        "keys=icmp_type,icmp_code,flow_label&0x3,length,tcp_flags fields=duration_ms,ip_version",
        "keys=src_addr,dst_addr,layer,tunnel_type,tunnel_id,carried_type,carried_id",
        ("keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,bytes,rev_packets,"
         "rev_bytes,rev_start,rev_end,rev_tcp_flags,biflow_direction"),
        "keys=protocol fields=ttl_min,ttl_max,end_reason,tos,dscp,in_if",
        "keys=dst_addr/0/128",
        NULL,
    };
    static const char *const selections[] = {
        "scount:1/10",
        "scount:3/1k",
        "stime:10ms/990ms",
        "srandom:5/100",
        "sprob:0.01",
        "shash:1/16",
        "sflow:1/4",
        "sprob:1",
        "mdst_port=80|443|8000-8099,protocol=tcp,src_addr=10.0.0.0/8,tcp_flags=S/SA",
        "mttl!=1-4,vlan=0x100/0xf00",
        "maddr=2001:db8::/32|192.0.2.1,port!=53",
        "mprotocol=udp|icmp,length=40-1500",
        NULL,
    };
    static const char *const lines[] = {
        "-r\na.pcap\n--cache\nnormal,entries=1k\n--idle-timeout\n15s\n--active-timeout\n30m",
        "-r\na.pcap\n--sample\ncount:1/10\n--match\nport=53\n--sample\nflow:1/4\n--seed\n7",
        "-r\na.pcap\n-r\nb.pcap\n--merge\n--filter\ntcp\n--layer\nboth\n--tunnel-depth\n2",
        "-r\na.pcap\n--biflow\n--direction\noutside:10.0.0.0/8,2001:db8::/32\n--workers\n2",
        "-i\neth0\n--to\nnetflow9+udp://192.0.2.1:2055?mtu=1400\n--domain\n9\n--stats\n-",
        "-r\na.pcap\n--select\nrandom:1/10\n--select\nmatch:bytes>1M\n--to\nipfix+file:/x",
        "-r\na.pcap\n--cache\nimmediate\n--cache\npermanent,entries=1k,interval=60s",
        "-r\na.pcap\n--flow\nkeys=src_addr/24\n--flow\nkeys=dst_port fields=packets\n--format\ncsv",
        NULL,
    };
    if (argc != 2)
        return 2;
    write_texts(argv[1], "meter_options", lines);
    write_texts(argv[1], "flow", flows);
    write_texts(argv[1], "select", selections);
    write_cache_seeds(argv[1]);
    return 0;
}
