#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_slow_disk.py build/weir build/tests/libslow_disk.so

A disk of which every fsync takes two seconds, while flows come and the store rotates: receiving
never waits, the kernel drops nothing, and all that was sent is stored.

  WEIR_SLOW_MS   what an fsync takes (2000)
  WEIR_RATE      records a second (400k)
  WEIR_BINARY    another weir, to compare
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

SLOW_DISK = os.path.abspath(sys.argv[2])
WEIR = sys.argv[1]
BINARY = os.environ.get("WEIR_BINARY", WEIR)
SLOW_MS = int(os.environ.get("WEIR_SLOW_MS", "2000"))
RATE = os.environ.get("WEIR_RATE", "400k")
SECONDS = 6
ROTATE_S = 4
PATIENCE_S = 100


def fail(what):
    print(f"FAILED: {what}")
    sys.exit(1)


def begin(folder, store, port):
    """Starts to collect."""
    environment = dict(os.environ, LD_PRELOAD=SLOW_DISK, WEIR_SLOW_MS=str(SLOW_MS),
                       WEIR_GAP_FILE=os.path.join(folder, "gap"))
    process = subprocess.Popen(
        [BINARY, "collect", "--listen", f"udp://127.0.0.1:{port}", "--store", store, "--rotate",
         f"{ROTATE_S}s", "--stats", os.path.join(folder, "stats")],
        stderr=subprocess.PIPE, text=True, env=environment)
    line = process.stderr.readline()
    if "collecting on" not in line:
        process.kill()
        fail(f"weir did not begin: {line}")
    return process


def main():
    folder = tempfile.mkdtemp(prefix="weir-slow.")
    store = os.path.join(folder, "store")
    port = free_port()
    process = begin(folder, store, port)
    records = int(float(RATE.replace("k", "e3").replace("M", "e6")) * SECONDS)
    # The last rotation is done with while the first still is: they queue.
    subprocess.run([WEIR, "gen", "exports", "--records", str(records), "--to",
                    f"ipfix+udp://127.0.0.1:{port}?rate={RATE}"], check=True)
    stopped = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_S)
    took_s = time.monotonic() - stopped
    with open(os.path.join(folder, "stats"), encoding="utf-8") as file:
        stats = json.load(file)
    with open(os.path.join(folder, "gap"), encoding="ascii") as file:
        gap_us, syncs = (int(n) for n in file.read().split())
    stored = int(subprocess.run([WEIR, "query", "--store", store, "--sql",
                                 "select count(*) from flows", "--format", "csv"], check=True,
                                capture_output=True, text=True).stdout.split()[-1])
    left = [name for name in os.listdir(os.path.join(store, "journal", "0"))
            if name.endswith((".pcapng", ".parquet"))]
    print(f"{records} records sent, {stored} stored, {stats['datagrams_dropped']} datagrams dropped by "
          f"the kernel, {stats['journal_waits']} waits of the receiver, {stats.get('finish_waits', '-')} of the "
          f"decoder; {syncs} syncs of {SLOW_MS} ms; longest time between two calls that received "
          f"{gap_us / 1000:.1f} ms; the end took {took_s:.1f} s")
    if process.returncode != 0 or said:
        fail(f"status {process.returncode}: {said}")
    if stored != records or stats["datagrams_dropped"] or stats["journal_waits"] or left:
        fail(f"kept {folder}; in the journal is left {left}")
    shutil.rmtree(folder)


main()
