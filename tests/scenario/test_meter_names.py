#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_meter_names.py build/weir

Names out of payloads go the whole way: printed by `weir meter`, exported with variable length, read
by `weir collect` under their elements' names, stored and asked for; and what a hostile client sends
as its name steers no terminal on the way.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

weir = sys.argv[1]
KEYS = "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=packets,bytes,start,end,"
HOSTILE = b"\x1b]0;owned\x07\xff.example"
SHOWN = "\\027]0;owned\\007\\255.example"
TCP, UDP = 6, 17


def fail(text):
    print(f"FAILED: {text}")
    sys.exit(1)


def expect(what, wanted, got):
    if wanted != got:
        fail(f"{what}: {got!r}, not {wanted!r}")
    print(f"ok: {what}: {got!r}")


def block(octets, size=2):
    return len(octets).to_bytes(size, "big") + octets


def client_hello(name):
    sni = struct.pack(">H", 0) + block(block(b"\0" + block(name)))
    alpn = struct.pack(">H", 16) + block(block(block(b"h2", 1) + block(b"http/1.1", 1)))
    body = (b"\x03\x03" + bytes(32) + block(b"", 1) + block(b"\x13\x01\x13\x02") +
            block(b"\0", 1) + block(sni + alpn))
    return b"\x16\x03\x01" + block(b"\x01" + block(body, 3))


def dns_query(name):
    labels = b"".join(block(label, 1) for label in name.split(b"."))
    return struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 28, 1)


def packet(protocol, port, payload, number):
    if protocol == TCP:
        header = struct.pack(">2H2I4H", 40000 + number, port, 1000, 1, 0x5018, 512, 0, 0)
    else:
        header = struct.pack(">4H", 40000 + number, port, 8 + len(payload), 0)
    whole = header + payload
    return struct.pack(">2BHIBBH2I", 0x45, 0, 20 + len(whole), 0, 64, protocol, 0, 0xC0000201,
                       0xC6336401) + whole


def write_capture(path):
    packets = [
        packet(TCP, 443, client_hello(b"www.wikipedia.org"), 0),
        packet(TCP, 443, client_hello(HOSTILE), 1),
        packet(UDP, 53, dns_query(b"www.example.org"), 2),
        packet(TCP, 80, b"GET / HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: a/1\r\n\r\n", 3),
        packet(TCP, 22, b"", 4),
    ]
    with open(path, "wb") as file:
        file.write(struct.pack("<I2H4I", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for number, octets in enumerate(packets):
            file.write(struct.pack("<4I", 1700000000 + number, 0, len(octets), len(octets)) + octets)


def output(*command):
    return subprocess.run([weir, *command], check=True, stdout=subprocess.PIPE, text=True).stdout


def check_records(records):
    """As `weir collect` tells them; a name that a flow lacks is no part of its record."""
    by_port = {record["sourceTransportPort"] - 40000: record for record in records}
    expect("flows", [0, 1, 2, 3, 4], sorted(by_port))
    expect("server name", "www.wikipedia.org", by_port[0]["tlsServerName"])
    expect("protocols", "h2,http/1.1", by_port[0]["tlsApplicationProtocolNames"])
    expect("length of JA4", 36, len(by_port[0]["tlsClientFingerprintJa4"]))
    expect("hostile name", SHOWN, by_port[1]["tlsServerName"])
    expect("question", ("www.example.org", 28),
           (by_port[2]["dnsQuestionName"], by_port[2]["dnsQuestionType"]))
    expect("request", ("GET", "www.example.net", "a/1"),
           tuple(by_port[3]["httpRequest" + name] for name in ("Method", "Host")) +
           (by_port[3]["httpUserAgent"],))
    expect("names of a flow without payload", [],
           [name for name in by_port[4] if name.startswith(("tls", "dns", "http", "app"))])


def main():
    with tempfile.TemporaryDirectory() as folder:
        capture, records = (os.path.join(folder, name) for name in ("a.pcap", "a.ipfix"))
        write_capture(capture)
        has_ndpi = subprocess.run([weir, "meter", "-r", os.devnull, "--flow", KEYS + "app"],
                                  capture_output=True, check=False).returncode != 2
        fields = KEYS + "tls,quic_sni,dns,http" + (",app" if has_ndpi else "")
        for form in ("table", "csv", "json"):
            text = output("meter", "-r", capture, "--flow", fields, "--format", form)
            if any(ord(c) < 32 and c != "\n" or ord(c) == 127 for c in text):
                fail(f"{form}: control characters")
            expect(f"{form}: hostile name", True, SHOWN.replace("\\", "\\\\") in text or
                   SHOWN in text)
        output("meter", "-r", capture, "--flow", fields, "--to", "ipfix+file:" + records)
        lines = [json.loads(line) for line in output("collect", "-r", records).splitlines()]
        check_records([line for line in lines if line.get("type") != "options"])
        store = os.path.join(folder, "store")
        output("collect", "-r", records, "--store", store)
        answer = output("query", "--store", store, "--by", "tlsServerName", "--sum", "flows",
                        "--where", "tlsServerName = 'www.wikipedia.org'", "--format", "csv")
        expect("query", "www.wikipedia.org,1", answer.splitlines()[1])
        if not has_ndpi:
            print("applications: not looked at, built without nDPI")
            return
        answer = output("query", "--store", store, "--by", "app", "--sum", "flows", "--where",
                        "app != ''", "--format", "csv")
        names = {line.split(",")[0] for line in answer.splitlines()[1:]}
        expect("applications", {"TLS.Wikipedia", "TLS", "DNS", "HTTP"}, names)


if __name__ == "__main__":
    main()
