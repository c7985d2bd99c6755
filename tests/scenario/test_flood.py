#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_flood.py [build/weir]

Floods `weir collect --store` with broken datagrams: those of ../shared with octets changed, cut,
and put together anew, as fast as they can be sent, from so many addresses that no two seem to be of
one exporter. An innocent exporter sends numbered flows to the same port meanwhile. In the end all
of these are stored, once; the collector has not grown past its bound, and ends as it should.

Who floods waits where the receive queue is half full: what the kernel drops is not the question.

  WEIR_FLOOD_SECONDS   how long (10)
  WEIR_SEED            of what is broken (taken from the clock, and printed)
"""

import csv
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from helpers import free_port

SOURCE = os.environ.get("WEIR_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(SOURCE, "build", "weir")
SECONDS = float(os.environ.get("WEIR_FLOOD_SECONDS", "10"))
SEED = int(os.environ.get("WEIR_SEED", str(time.time_ns() % 1000000)))
EXPORT = os.path.join(os.environ.get("WEIR_SHARED", os.path.join(SOURCE, "..", "shared")),
                      "data", "export")
BUFFER = 64 << 20
RSS_MAX_KB = 256 * 1024
# A sanitizer's quarantine and shadow are not the collector's.
RSS_SANITIZED_MAX_KB = 3 * 1024 * 1024
IP_PKTINFO = 8  # Linux; Python has no name for it before 3.12
INNOCENT = "127.250.250.250"
PACE_S = 0.002
POOL = 4096
PATIENCE_S = 120
# Meson has the C library fill what is allocated: that makes resident what is kept in reserve.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "MALLOC_PERTURB_"}


def payloads_of_pcap(octets):
    """UDP payloads of an Ethernet capture, roughly: they will be broken anyway."""
    order = "<" if octets[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(octets):
        length = struct.unpack_from(order + "I", octets, at + 8)[0]
        frame = octets[at + 16:at + 16 + length]
        if len(frame) > 42:
            yield frame[42:]
        at += 16 + length


def datagrams():
    """Those of the shared captures, and bare ones."""
    found = []
    for path, _, names in os.walk(EXPORT):
        for name in sorted(names):
            with open(os.path.join(path, name), "rb") as file:
                octets = file.read()
            if name.endswith(".pcap"):
                found += payloads_of_pcap(octets)
            elif octets[:1] == b"\0" and len(octets) < 60000:
                found.append(octets)
    return found


def broken(random_source, whole):
    """A datagram with up to 8 octets changed, cut or with another's end."""
    octets = bytearray(random_source.choice(whole))
    for _ in range(random_source.randrange(9)):
        octets[random_source.randrange(len(octets))] = random_source.randrange(256)
    kind = random_source.random()
    if kind < 0.1:
        del octets[random_source.randrange(len(octets)):]
    elif kind < 0.2:
        other = random_source.choice(whole)
        octets[random_source.randrange(len(octets)):] = other[random_source.randrange(len(other)):]
    return bytes(octets[:60000])


def queue_of(port):
    """(octets in the receive queue, datagrams dropped) of the socket; (0, 0): there is none."""
    with open("/proc/net/udp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port:
                return int(fields[4].split(":")[1], 16), int(fields[12])
    return 0, 0


def flood(port, seed, until, sent):
    """Sends; a quarter of the time from one address, else from a new one each time."""
    chance = random.Random(seed)
    whole = datagrams()
    pool = [broken(chance, whole) for _ in range(POOL)]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    count = 0
    while time.monotonic() < until:
        for _ in range(64):
            index = chance.randrange(POOL)
            if chance.random() < 0.02:
                pool[index] = broken(chance, whole)
            low = 1 if chance.random() < 0.25 else chance.randrange(1, 240 << 16)
            address = 127 << 24 | low
            # struct in_pktinfo: the interface, the source, and what is not used.
            info = struct.pack("=I", 0) + address.to_bytes(4, "big") + bytes(4)
            try:
                sender.sendmsg([pool[index]], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0,
                               ("127.0.0.1", port))
                count += 1
            except OSError:
                pass  # empty, or too long
        while queue_of(port)[0] > BUFFER // 2:
            time.sleep(0.002)
    sent.value = count


def send_innocent(sender, port, number):
    """NetFlow v5 of four flows, whose octets are their numbers."""
    now = int(time.time())
    header = struct.pack("!HHIIIIBBH", 5, 4, 1000000, now, 0, number - 1, 0, 0, 0)
    records = b"".join(
        struct.pack("!IIIHHIIIIHHBBBBHHBBH", 0x0a000001, 0x0a000002, 0, 1, 2, 1, number + i,
                    900000, 950000, 1234, 80, 0, 0, 6, 0, 0, 0, 24, 24, 0) for i in range(4))
    sender.sendto(header + records, ("127.0.0.1", port))
    return number + 4


def wait_for(process):
    """(exit status, KiB that were resident at most, its end included)"""
    until = time.monotonic() + PATIENCE_S
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss
        if time.monotonic() > until:
            process.kill()
            sys.exit(f"weir has not ended after {PATIENCE_S} s")
        time.sleep(0.01)


def is_sanitized():
    with open(WEIR, "rb") as file:
        return b"__asan_init" in file.read()


def stored_numbers(store):
    """How often each number of the innocent exporter's is stored."""
    done = subprocess.run([WEIR, "query", "--store", store, "--where", f"exporter {INNOCENT}",
                           "--by", "bytes", "--sum", "flows", "--format", "csv"],
                          stdout=subprocess.PIPE, text=True, check=True)
    rows = csv.reader(done.stdout.splitlines())
    next(rows)
    return {int(row[0]): int(row[1]) for row in rows}


def await_that(what, holds, process):
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if process.poll() is not None:
            sys.exit(f"weir ended by itself before {what}: {process.returncode}")
        if time.monotonic() > until:
            sys.exit(f"{what}: not after {PATIENCE_S} s")
        time.sleep(0.01)


def run(folder, port):
    """(status, numbers sent, broken datagrams sent, counted, dropped by the kernel, memory)"""
    log = os.path.join(folder, "log")
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [WEIR, "collect", "--listen", f"udp://127.0.0.1:{port}?buffer={BUFFER}", "--store",
             os.path.join(folder, "store"), "--rotate", "5s", "--stats",
             os.path.join(folder, "stats")], stderr=file, env=ENVIRONMENT)

    def ready():
        with open(log, encoding="utf-8") as file:
            return "collecting on" in file.read()
    await_that("it is ready", ready, process)
    until = time.monotonic() + SECONDS
    sent = multiprocessing.Value("L", 0)
    flooder = multiprocessing.Process(target=flood, args=(port, SEED, until, sent), daemon=True)
    flooder.start()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((INNOCENT, 0))
    number = 1
    while time.monotonic() < until:
        number = send_innocent(sender, port, number)
        time.sleep(PACE_S)
        if process.poll() is not None:
            break
    flooder.join()
    await_that("the receive queue is empty", lambda: queue_of(port)[0] == 0, process)
    dropped = queue_of(port)[1]
    process.send_signal(signal.SIGTERM)
    status, memory = wait_for(process)
    counted = 0
    if os.path.exists(os.path.join(folder, "stats")):
        with open(os.path.join(folder, "stats"), encoding="utf-8") as file:
            counted = json.load(file)["messages"]
    return status, number - 1, sent.value, counted, dropped, memory


def main():
    if os.environ.get("WEIR_DUCKDB") == "no":
        print("skipped: weir was built without DuckDB")
        sys.exit(77)
    if not os.path.isdir(EXPORT):
        print("skipped: ../shared/data/export is not here")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="weir-flood.")
    status, numbers, sent, counted, dropped, memory = run(folder, free_port())
    counts = stored_numbers(os.path.join(folder, "store"))
    missing = [number for number in range(1, numbers + 1) if number not in counts]
    twice = [number for number, count in counts.items() if count > 1]
    bound = RSS_SANITIZED_MAX_KB if is_sanitized() else RSS_MAX_KB
    print(f"seed {SEED}: {SECONDS:.0f} s, {sent} broken datagrams; of {numbers} flows of "
          f"the innocent exporter {len(missing)} are missing and {len(twice)} stored twice; the kernel "
          f"dropped {dropped} datagrams; {memory // 1024} MiB resident of {bound // 1024}")
    came = sent + numbers // 4
    if (status or missing or twice or dropped or counted != came or sent < SECONDS * 100
            or memory > bound):
        print(f"FAILED: status {status}, missing {missing[:5]}, twice {twice[:5]}, counted "
              f"{counted} messages of {came}; kept {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


main()
