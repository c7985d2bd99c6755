#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_sum_rule.py [build/weir]

What came and what was lost is what was sent: export messages of every protocol through a network
that loses, repeats and overtakes them, and then

  records - records_duplicate + records_lost + records_unknown = records sent     IPFIX, NetFlow v5
  messages - messages_duplicate + messages_lost = messages sent             NetFlow v9, sFlow

exactly, by --stats and by the ledger that is in the store.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("WEIR_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(SOURCE, "build", "weir")
RECORDS = 20000
SEEDS = 4
COUNTERS = ("messages", "octets", "records", "options_records", "counter_records", "records_lost",
            "messages_lost", "records_unknown", "records_duplicate", "messages_duplicate",
            "messages_late", "sequence_restarts", "messages_malformed", "sets_unknown_template",
            "records_buffered")
SFLOW_START = 1770102000


def fail(what):
    print(f"FAILED: {what}")
    sys.exit(1)


def read_capture(path):
    """The global header, and (time, packet) of each packet."""
    with open(path, "rb") as file:
        data = file.read()
    packets = []
    at = 24
    while at < len(data):
        seconds, fraction, kept, length = struct.unpack_from("<IIII", data, at)
        packets.append(((seconds, fraction), data[at + 16:at + 16 + kept]))
        at += 16 + kept
        assert kept == length
    return data[:24], packets


def write_capture(path, header, packets):
    with open(path, "wb") as file:
        file.write(header)
        for (seconds, fraction), packet in packets:
            file.write(struct.pack("<IIII", seconds, fraction, len(packet), len(packet)) + packet)


def through_network(packets, seed):
    """Loses one in ten, repeats one in twenty, and has some overtaken; the ends arrive."""
    rng = random.Random(seed)
    arrived = []
    for number, packet in enumerate(packets):
        is_end = number < 2 or number == len(packets) - 1
        if not is_end and rng.random() < 0.10:
            continue
        delay = 0 if is_end or rng.random() < 0.9 else rng.randint(1, 3)
        arrived.append((number + delay, number, packet))
        if not is_end and number < len(packets) - 8 and rng.random() < 0.05:
            arrived.append((number + rng.randint(1, 4), number, packet))
    arrived.sort(key=lambda entry: entry[0])
    # They arrive one after the other, whatever they are.
    times = sorted(entry[2][0] for entry in arrived)
    return [(time, entry[2][1]) for time, entry in zip(times, arrived)]


def sflow_capture(path, header, count):
    """Datagrams of an agent with an interface counter sample each, as a capture."""
    packets = []
    for i in range(count):
        counters = struct.pack("!IIQII", 7, 6, 1000000000, 1, 3)
        counters += struct.pack("!QIIIIII", 1000 * i, 10 * i, 0, 0, 0xffffffff, 0, 0)
        counters += struct.pack("!QIIIII", 2000 * i, 20 * i, 0, 0, 0, 0) + struct.pack("!I", 2)
        record = struct.pack("!II", 1, len(counters)) + counters
        sample = struct.pack("!III", i, 7, 1) + record
        datagram = struct.pack("!II4sIIII", 5, 1, bytes((192, 0, 2, 77)), 3, i, 1000 * i, 1)
        datagram += struct.pack("!II", 2, len(sample)) + sample
        udp = struct.pack("!HHHH", 6343, 6343, 8 + len(datagram), 0) + datagram
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         bytes((192, 0, 2, 77)), bytes((192, 0, 2, 1)))
        packets.append(((SFLOW_START + i, 0), bytes(12) + b"\x08\x00" + ip + udp))
    # Ethernet, whatever the captures of the other protocols are of.
    write_capture(path, header[:20] + struct.pack("<I", 1), packets)


def collect(path, *options):
    result = subprocess.run([WEIR, "collect", "-r", path, "--stats", "-", *options],
                            stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def ask(store, sql):
    result = subprocess.run([WEIR, "query", "--store", store, "--sql", sql, "--format", "json"],
                            stdout=subprocess.PIPE, check=True, text=True)
    return [list(row.values()) for row in json.loads(result.stdout)["rows"]]


def check_rule(what, protocol, sums, sent):
    if protocol in ("netflow9", "sflow"):
        told = sums["messages"] - sums["messages_duplicate"] + sums["messages_lost"]
        expected = sent["messages"]
    else:
        told = (sums["records"] + sums["options_records"] - sums["records_duplicate"] +
                sums["records_lost"] + sums["records_unknown"])
        expected = sent["records"]
    if told != expected:
        fail(f"{what}: {told} told of, {expected} sent: { {name: sums[name] for name in COUNTERS} }")


def check_interfaces(store, arrived):
    row = ask(store, "select count(*), count(distinct out_octets), max(in_octets), "
                     "min(if_index), max(exporter), count(in_discards) from interfaces")[0]
    if row[0] != arrived["counter_records"] or row[3:] != [7, "192.0.2.77", 0]:
        fail(f"interfaces: {row}, of {arrived['counter_records']} samples")


def check_protocol(folder, protocol):
    capture = os.path.join(folder, protocol + ".pcap")
    lossy = os.path.join(folder, "lossy.pcap")
    if protocol == "sflow":
        header, _ = read_capture(os.path.join(folder, "netflow5.pcap"))
        sflow_capture(capture, header, 1000)
    else:
        subprocess.run([WEIR, "gen", "exports", "--quiet", "--records", str(RECORDS), "--to",
                        f"{protocol}+pcap:{capture}"], check=True)
    sent = collect(capture, "--to", f"json:{folder}/sent")
    header, packets = read_capture(capture)
    for seed in range(SEEDS):
        store = os.path.join(folder, f"store-{protocol}-{seed}")
        write_capture(lossy, header, through_network(packets, seed))
        stats = collect(lossy, "--store", store)
        what = f"{protocol}, seed {seed}"
        if not stats["messages_lost"] and not stats["records_lost"]:
            fail(f"{what}: nothing was lost")
        if not stats["messages_late"] or not stats["messages_duplicate"]:
            fail(f"{what}: nothing late, or nothing twice: {stats}")
        check_rule(f"{what}, --stats", protocol, stats, sent)
        sums = dict(zip(COUNTERS, ask(store, "select " + ", ".join(
            f"sum({name})" for name in COUNTERS) + " from ledger")[0]))
        sums = {name: int(value) for name, value in sums.items()}
        check_rule(f"{what}, ledger", protocol, sums, sent)
        differing = [name for name in COUNTERS if sums[name] != stats[name]]
        if differing:
            fail(f"{what}: ledger and --stats differ in {differing}: { {name: sums[name] for name in COUNTERS} }")
        intervals = ask(store, "select count(*), count(distinct time) from ledger "
                               "where since <= time and time < since + interval 1 minute")[0]
        if intervals[0] < 10 or intervals[0] != intervals[1]:
            fail(f"{what}: rows and intervals: {intervals}")
        if protocol == "sflow":
            check_interfaces(store, stats)
        print(f"{what}: {stats['messages']} messages, {sums['records_lost']} records and "
              f"{sums['messages_lost']} messages lost, {sums['messages_duplicate']} twice, "
              f"{sums['messages_late']} late, {intervals[0]} intervals")


def main():
    if os.environ.get("WEIR_DUCKDB") == "no":
        print("skipped: weir was built without DuckDB")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="weir-sums.")
    for protocol in ("netflow5", "netflow9", "ipfix", "sflow"):
        check_protocol(folder, protocol)
    shutil.rmtree(folder)


main()
