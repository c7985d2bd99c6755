#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_flat_memory.py [build/weir]

Memory stays flat under ordinary load: exporters of NetFlow v5, v9 and IPFIX, two of each, send to
`weir collect --store` with its journal, which rotates all the while. Resident memory is read every
few hundred milliseconds. What grows slowly shows as a slope: after the first third, which is for
warming up, the line through the readings must not rise by more than GROWTH_MAX_KB from end to end,
nor may the greatest reading of the last rotations pass that of the first by more. Readings go up
and down by three times as much with each rotation, and a process that had to wait for a processor
has more to do at once: what rises is given the same load again, and has grown only if it rises each
time.

  WEIR_FLAT_SECONDS   how long each time (24; a rotation is a tenth of it, a minute of 600)
  WEIR_FLAT_RATE      records a second of each exporter (20000)
  WEIR_FLAT_LOG       where readings are to be kept: seconds and KiB, resident and of those anonymous
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from helpers import free_port

SOURCE = os.environ.get("WEIR_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(SOURCE, "build", "weir")
SECONDS = int(os.environ.get("WEIR_FLAT_SECONDS", "24"))
RATE = int(os.environ.get("WEIR_FLAT_RATE", "20000"))
LOG = os.environ.get("WEIR_FLAT_LOG")
ROTATE_S = max(SECONDS // 10, 1)
WARM_S = SECONDS / 3
EVERY_S = 0.25
# Of what is read in between rotations: the arrays of an open row group.
GROWTH_MAX_KB = 4096
ROUNDS = 3
PROTOCOLS = ("netflow5", "netflow9", "ipfix") * 2
PATIENCE_S = 60


def is_sanitized():
    with open(WEIR, "rb") as file:
        octets = file.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def await_ready(log, process):
    until = time.monotonic() + PATIENCE_S
    while True:
        with open(log, encoding="utf-8") as file:
            if "collecting on" in file.read():
                return
        if process.poll() is not None or time.monotonic() > until:
            sys.exit("weir does not collect")
        time.sleep(0.01)


def reading(pid):
    """KiB that are resident, and of those the anonymous ones: not the journal's ring."""
    values = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon"):
                values[name] = int(value.split()[0])
    return values["VmRSS"], values["RssAnon"]


def senders(port):
    """Exporters that send until the time is over."""
    return [subprocess.Popen([WEIR, "gen", "exports", "-q", "--seed", str(seed + 1),
                              "--records", str(RATE * SECONDS), "--start",
                              time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                              "--duration", f"{SECONDS}s", "--ipv6",
                              "0" if protocol == "netflow5" else "20",
                              "--to", f"{protocol}+udp://127.0.0.1:{port}?rate={RATE}"])
            for seed, protocol in enumerate(PROTOCOLS)]


def watch(process, exporters):
    """(seconds, KiB resident, KiB anonymous) for as long as the exporters send."""
    start = time.monotonic()
    readings = []
    while any(exporter.poll() is None for exporter in exporters):
        if process.poll() is not None:
            sys.exit(f"weir ended by itself: {process.returncode}")
        readings.append((time.monotonic() - start, *reading(process.pid)))
        time.sleep(EVERY_S)
    return readings


def rise(points):
    """How much the line of least squares rises from the first point to the last."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return slope * (points[-1][0] - points[0][0])


def greatest_before_and_after(points):
    """The greatest reading of the first third of the points, and of the last."""
    third = len(points) // 3
    return max(y for _, y in points[:third]), max(y for _, y in points[-third:])


def is_flat(readings, at_first):
    """Says how it is, too."""
    warm = [(at, rss) for at, rss, _ in readings if at >= WARM_S or not at_first]
    before, after = greatest_before_and_after(warm)
    risen = rise(warm)
    print(f"{min(y for _, y in warm)} to {max(y for _, y in warm)} KiB resident, greatest {before} "
          f"then {after}, rising by {risen:.0f} KiB in {warm[-1][0] - warm[0][0]:.0f} s")
    return risen <= GROWTH_MAX_KB and after <= before + GROWTH_MAX_KB


def collect(folder):
    """(readings of each round, whether the last was flat, counters)"""
    port, log = free_port(), os.path.join(folder, "log")
    stats = os.path.join(folder, "stats")
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [WEIR, "collect", "--listen", f"udp://127.0.0.1:{port}?buffer=32M", "--store",
             os.path.join(folder, "store"), "--rotate", f"{ROTATE_S}s", "--stats", stats],
            stderr=file)
    await_ready(log, process)
    rounds, flat = [], False
    while not flat and len(rounds) < ROUNDS:
        rounds.append(watch(process, senders(port)))
        flat = is_flat(rounds[-1], at_first=len(rounds) == 1)
    process.send_signal(signal.SIGTERM)
    if process.wait(PATIENCE_S) != 0:
        sys.exit(f"weir failed: {process.returncode}; see {log}")
    with open(stats, encoding="utf-8") as file:
        return rounds, flat, json.load(file)


def main():
    if is_sanitized():
        print("skipped: a sanitizer's quarantine is not flat")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="weir-flat.")
    rounds, flat, counters = collect(folder)
    shutil.rmtree(folder)
    if LOG:
        with open(LOG, "w", encoding="ascii") as file:
            file.writelines(f"{at + n * SECONDS:.2f}\t{rss}\t{anon}\n"
                            for n, readings in enumerate(rounds) for at, rss, anon in readings)
    print(f"{len(rounds)} times {SECONDS} s, {counters['records']} records of "
          f"{len(counters['exporters'])} exporters ({counters['datagrams_dropped']} datagrams "
          f"dropped), a rotation each {ROTATE_S} s")
    lacks = counters["records"] < len(rounds) * RATE * SECONDS * len(PROTOCOLS) // 2
    if lacks or not flat:
        print("FAILED")
        sys.exit(1)


main()
