#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: names.py WEIR

Names out of payloads, over captures of the shared folder: server names, DNS questions and HTTP
hosts are tshark's; JA4 is what is computed here of the lists that tshark shows; applications are
those that nDPI's own project expects, where weir was built with nDPI.
"""

import collections
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

CAPTURES = [
    "flowtest/tls10.pcap", "flowtest/tls12.pcap", "flowtest/tls12_alpn.pcap",
    "flowtest/tls_ssl30.pcap", "flowtest/tls_version_error.pcap", "flowtest/dns_aaaa.pcap",
    "flowtest/dns_mx.pcap", "flowtest/http_put.pcap", "ipfixprobe/http.pcap",
    "ipfixprobe/quic_initial-sample.pcap", "ipfixprobe/tls.pcap", "ipfixprobe/mixed.pcap",
    "ipfixprobe/vlan.pcap", "ndpi/1kxun.pcap", "ndpi/http_ipv6.pcap", "ndpi/vxlan.pcap",
    "pcapplusplus/example2.pcap", "pcapplusplus/raw_ip.pcap", "pcapplusplus/sll.pcap",
    "tcpdump/quic_handshake.pcap",
]

# The goldens of nDPI are a newer one's, which knows more protocols and other names.
APPLICATIONS_EQUAL_AT_LEAST = 0.90

FIELDS = [
    "tls.handshake.type", "tls.handshake.extensions_server_name", "tls.handshake.version",
    "tls.handshake.extension.type", "tls.handshake.ciphersuite", "tls.handshake.sig_hash_alg",
    "tls.handshake.extensions_alpn_str", "tls.handshake.extensions.supported_version",
    "quic.version", "dns.qry.name", "http.host", "http.request.method", "tcp.port",
]
PROTOCOLS = {"TCP": 6, "UDP": 17}
GREASE = {0x0A0A + 0x1010 * i for i in range(16)}
VERSIONS = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10", 0x300: "s3"}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def tshark(path):
    """The packets that tell names, each a dictionary of lists."""
    command = ["tshark", "-r", path, "-Y", "tls.handshake.type==1 || dns.qry.name || http.request",
               "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x02"]
    for field in FIELDS:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    for line in out.splitlines():
        values = (line.split("\t") + [""] * len(FIELDS))[:len(FIELDS)]
        yield {f: v.split("\x02") if v else [] for f, v in zip(FIELDS, values)}


def numbers(values):
    return [int(value, 0) for value in values]


def short_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def alpn_ends(values):
    if not values:
        return "00"
    octets = values[0].encode()
    if all(chr(o).isalnum() and o < 128 for o in (octets[0], octets[-1])):
        return chr(octets[0]) + chr(octets[-1])
    return octets.hex()[0] + octets.hex()[-1]


def ja4(packet):
    """FoxIO's fingerprint of what tshark shows of a ClientHello."""
    def plain(field):
        return [n for n in numbers(packet[field]) if n not in GREASE]
    ciphers = plain("tls.handshake.ciphersuite")
    extensions = plain("tls.handshake.extension.type")
    versions = plain("tls.handshake.extensions.supported_version")
    version = max(versions) if versions else numbers(packet["tls.handshake.version"])[0]
    algorithms = ",".join(f"{n:04x}" for n in plain("tls.handshake.sig_hash_alg"))
    hashed = ",".join(f"{n:04x}" for n in sorted(extensions) if n not in (0, 16))
    return "{}{}{}{:02}{:02}{}_{}_{}".format(
        "q" if packet["quic.version"] else "t", VERSIONS.get(version, "00"),
        "d" if 0 in extensions else "i", min(len(ciphers), 99), min(len(extensions), 99),
        alpn_ends(packet["tls.handshake.extensions_alpn_str"]),
        short_hash(",".join(f"{n:04x}" for n in sorted(ciphers))),
        short_hash(hashed and hashed + ("_" + algorithms if algorithms else "")))


def weir_flows(weir, path, fields):
    done = subprocess.run(
        [weir, "meter", "-r", path, "--biflow", "--layer", "inner", "--format", "ndjson", "--flow",
         "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets," + fields],
        capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def expected_names(path):
    names = collections.defaultdict(set)
    for packet in tshark(path):
        if "1" in packet["tls.handshake.type"] and packet["tls.handshake.version"]:
            names["tls_ja4"].add(ja4(packet))
            names["tls_sni"].update(packet["tls.handshake.extensions_server_name"][:1])
        names["dns_question"].update(packet["dns.qry.name"][:1])
        if packet["http.request.method"] and packet["tcp.port"]:
            names["http_host"].update(packet["http.host"][:1])
    return names


def compare_names(weir, root):
    wrong = []
    count = collections.Counter()
    for name in CAPTURES:
        path = os.path.join(root, name)
        expected = expected_names(path)
        flows = weir_flows(weir, path, "tls,quic_sni,dns,http")
        for field in ("tls_ja4", "tls_sni", "dns_question", "http_host"):
            got = {flow[field] for flow in flows if flow[field] is not None}
            count[field] += len(got)
            if got != expected[field]:
                wrong.append(f"{name}: {field}: weir has {sorted(got - expected[field])}, "
                             f"tshark {sorted(expected[field] - got)}")
    print("names compared:", dict(count))
    if not all(count[field] > 10 for field in ("tls_ja4", "tls_sni", "dns_question", "http_host")):
        wrong.append("too few names to mean anything")
    return wrong


ENDS = re.compile(r"\s+\d+\s+(\S+) \[?([0-9a-f.:]+?)\]?:(\d+) <?->? \[?([0-9a-f.:]+?)\]?:(\d+) "
                  r".*?\[proto: [\d.]+/([^\]]+)\].*?\[Confidence: ([^\]]+)\]")


def compare_applications(weir, root):
    """Of flows that nDPI's project is sure of those that weir names as it does, or in part."""
    compared = equal = 0
    differences = collections.Counter()
    folder = os.path.join(root, "ndpi", "expected")
    for name in sorted(os.listdir(folder)):
        path = os.path.join(root, "ndpi", name.removesuffix(".out"))
        if not os.path.exists(path):
            continue
        flows = {}
        for flow in weir_flows(weir, path, "app"):
            ends = [(flow["src_addr"], flow["src_port"]), (flow["dst_addr"], flow["dst_port"])]
            key = (frozenset(ends), flow["protocol"])
            flows[key] = flows.get(key) or flow["app"]
        for line in open(os.path.join(folder, name), encoding="utf-8", errors="replace"):
            found = ENDS.match(line)
            if not found or found.group(7) != "DPI" or found.group(1) not in PROTOCOLS:
                continue
            key = (frozenset([(found.group(2), int(found.group(3))),
                              (found.group(4), int(found.group(5)))]), PROTOCOLS[found.group(1)])
            if key not in flows:
                continue
            compared += 1
            if flows[key] and set(found.group(6).split(".")) & set(flows[key].split(".")):
                equal += 1
            else:
                differences[found.group(6), flows[key]] += 1
    print(f"applications: {equal} of {compared} as nDPI's project has them; otherwise:",
          dict(differences.most_common(12)))
    if compared < 100 or equal < APPLICATIONS_EQUAL_AT_LEAST * compared:
        return [f"applications: {equal} of {compared} are equal"]
    return []


def main():
    weir = sys.argv[1]
    root = os.path.join(os.environ.get("WEIR_SHARED", ""), "data", "capture")
    if not os.environ.get("WEIR_SHARED") or not os.path.isdir(root):
        skip("there is no shared folder")
    if not shutil.which("tshark"):
        skip("there is no tshark")
    wrong = compare_names(weir, root)
    has_ndpi = subprocess.run([weir, "meter", "-r", os.path.join(root, CAPTURES[0]), "--flow",
                               "keys=protocol fields=app"], capture_output=True, check=False)
    if has_ndpi.returncode == 0:
        wrong += compare_applications(weir, root)
    else:
        print("applications: not compared, built without nDPI")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
