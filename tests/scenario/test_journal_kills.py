#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_journal_kills.py [build/weir]

Kills `weir collect` again and again while numbered flows come, also while it recovers what the kill
before left, and looks at what is stored in the end: of what it had received 20 ms before a kill
everything, unless it was kept from a processor meanwhile, and nothing twice. The ledger tells of as
many records as there are.

A datagram counts as received once it has left the socket's receive queue. NetFlow v5 comes slowly
and as fast as it can be sent; NetFlow v9 of one Observation Domain whose Template came once, before
the first kill, and of another whose Template comes after the last.

  WEIR_KILLS   how many (15)
  WEIR_SEED    of when and what (taken from the clock, and printed)
"""

import csv
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from helpers import free_port

SOURCE = os.environ.get("WEIR_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(SOURCE, "build", "weir")
KILLS = int(os.environ.get("WEIR_KILLS", "15"))
SEED = int(os.environ.get("WEIR_SEED", str(time.time_ns() % 1000000)))
SAFE_S = 0.020
RECORDS = 4  # a datagram
BURST = 20000  # datagrams
EARLY_MAX = 200  # sets that may wait for their Template
PATIENCE_S = 60

random.seed(SEED)


class Sender(threading.Thread):
    """Sends numbered records, and remembers when each datagram was sent."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.address = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent = []  # (time after it was sent, first number, how many)
        self.number = 1
        self.pace_s = None  # None: pause
        self.v9_sequence = {1: 0, 2: 0}
        self.early = 0
        self.ending = False
        self.lock = threading.Lock()
        self.start()

    def send(self, octets, count):
        self.socket.sendto(octets, self.address)
        self.sent.append((time.monotonic(), self.number, count))
        self.number += count

    def send_v5(self):
        now = time.time()
        header = struct.pack("!HHIIIIBBH", 5, RECORDS, 1000000, int(now), 0, self.number - 1, 0, 0, 0)
        records = b"".join(
            struct.pack("!IIIHHIIIIHHBBBBHHBBH", 0x0a000001, 0x0a000002, 0, 1, 2, 1, self.number + i,
                        900000, 950000, 1234, 80, 0, 0, 6, 0, 0, 0, 24, 24, 0)
            for i in range(RECORDS))
        self.send(header + records, RECORDS)

    def v9_header(self, domain):
        self.v9_sequence[domain] += 1
        return struct.pack("!HHIIII", 9, 1, 1000000, int(time.time()), self.v9_sequence[domain], domain)

    def send_v9(self, domain):
        data = struct.pack("!HHQI", 256, 4 + 12, self.number, 0x0a000003)
        self.send(self.v9_header(domain) + data, 1)

    def send_template(self, domain):
        fields = struct.pack("!HHHHHH", 256, 2, 1, 8, 8, 4)
        with self.lock:
            self.send(self.v9_header(domain) + struct.pack("!HH", 0, 4 + len(fields)) + fields, 0)

    def burst(self, count):
        for _ in range(count):
            with self.lock:
                self.send_v5()

    def run(self):
        while not self.ending:
            pace_s = self.pace_s
            if pace_s is None:
                time.sleep(0.001)
                continue
            with self.lock:
                self.send_v5()
                self.send_v9(1)
                if self.early < EARLY_MAX and random.random() < 0.1:
                    self.early += 1
                    self.send_v9(2)
            time.sleep(pace_s)


def queue_of(port):
    """(octets in the receive queue, datagrams dropped) of the socket; None: there is none."""
    with open("/proc/net/softnet_stat", encoding="ascii") as file:
        backlog = sum(int(line.split()[11], 16) for line in file)
    with open("/proc/net/udp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port:
                return int(fields[4].split(":")[1], 16) + backlog, int(fields[12])
    return None


def is_waiting(stat):
    """Whether the thread waits for something; one that has ended does for ever."""
    try:
        with open(stat, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "S"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Collector:
    """One life of weir."""

    def __init__(self, folder, port):
        self.log = os.path.join(folder, "log")
        self.port = port
        self.file = open(self.log, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [WEIR, "collect", "--listen", f"udp://127.0.0.1:{port}?buffer=64Mi", "--store",
             os.path.join(folder, "store"), "--rotate", "1s"], stderr=self.file)
        self.started = time.monotonic()

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def await_ready(self):
        while "collecting on" not in self.said():
            if self.process.poll() is not None or time.monotonic() > self.started + PATIENCE_S:
                sys.exit(f"weir did not begin: {self.said()}")
            time.sleep(0.002)
        return time.monotonic()

    def await_empty(self):
        """A moment at which all that was sent before it had been received."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            moment = time.monotonic()
            queue = queue_of(self.port)
            if queue and queue[0] == 0:
                return moment, queue[1]
        sys.exit("the receive queue does not run empty")

    def await_rest(self):
        """Each thread has come to a point where it waits: what it had in hand it has seen to."""
        until = time.monotonic() + PATIENCE_S
        tasks = f"/proc/{self.process.pid}/task"
        left = set(os.listdir(tasks))
        while left:
            left = {task for task in left if not is_waiting(f"{tasks}/{task}/stat")}
            if time.monotonic() > until:
                sys.exit("weir does not come to rest")

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self.file.close()
        return status


def ask(store, sql):
    """The rows of an answer, numbers all."""
    query = subprocess.Popen([WEIR, "query", "--store", store, "--sql", sql, "--format", "csv"],
                             stdout=subprocess.PIPE, text=True)
    rows = csv.reader(query.stdout)
    next(rows)
    answer = [[int(value or 0) for value in row] for row in rows]
    if query.wait() != 0:
        sys.exit("the query failed")
    return answer


def stored_numbers(store):
    """How often each number is stored."""
    return dict(ask(store, "select bytes, count(*) as n from flows group by bytes"))


def live_until_killed(folder, port, sender, lives):
    """Starts it, sends, kills it; adds (ready, safe until, dropped) to lives."""
    collector = Collector(folder, port)
    if random.random() < 0.25:
        time.sleep(random.uniform(0, 0.15))
        collector.end(signal.SIGKILL)  # before it is ready, or soon after: while it recovers
        return
    ready = collector.await_ready()
    sender.pace_s = random.choice((0.0005, 0.003, 0.02))
    if random.random() < 0.5:
        sender.burst(random.randint(100, BURST))
    time.sleep(random.uniform(0, 1.2))
    safe, dropped = collector.await_empty()
    collector.await_rest()
    time.sleep(max(0, safe + SAFE_S - time.monotonic()))
    collector.end(signal.SIGKILL)
    lives.append((ready, safe, dropped))


def main():
    if os.environ.get("WEIR_DUCKDB") == "no":
        print("skipped: weir was built without DuckDB")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="weir-kills.")
    port = free_port()
    sender = Sender(port)
    lives = []
    first = Collector(folder, port)
    ready = first.await_ready()
    sender.send_template(1)
    safe, dropped = first.await_empty()
    first.await_rest()
    time.sleep(SAFE_S)
    first.end(signal.SIGKILL)
    lives.append((ready, safe, dropped))
    for _ in range(KILLS - 1):
        live_until_killed(folder, port, sender, lives)
    sender.pace_s = None
    last = Collector(folder, port)
    ready = last.await_ready()
    with sender.lock:
        sender.send_v9(1)
    sender.send_template(2)
    safe, dropped = last.await_empty()
    lives.append((ready, safe, dropped))
    status = last.end(signal.SIGTERM)
    sender.ending = True
    judge(folder, sender, lives, status)


def judge(folder, sender, lives, status):
    counts = stored_numbers(os.path.join(folder, "store"))
    told = ask(os.path.join(folder, "store"), "select sum(records) from ledger")[0][0]
    twice = [number for number, count in counts.items() if count > 1]
    foreign = [number for number in counts if not 0 < number < sender.number]
    dropped = sum(life[2] for life in lives)
    received = missing = 0
    at = 0
    for moment, number, count in sender.sent:
        while at < len(lives) and moment >= lives[at][1]:
            at += 1
        if at == len(lives) or moment < lives[at][0]:
            continue
        received += count
        missing += sum(number + i not in counts for i in range(count))
    left = [name for name in os.listdir(os.path.join(folder, "store", "journal", "0"))
            if name.endswith((".pcapng", ".parquet")) or name == "ring"]
    print(f"seed {SEED}: {KILLS} kills; of {sender.number - 1} records sent {received} had to be "
          f"stored, {sum(counts.values())} are, the ledger says {told}; {missing} missing, {len(twice)} twice; "
          f"the kernel dropped {dropped} datagrams; {sender.early} waited for their Template")
    # What the kernel dropped nobody received.
    bad = (missing > dropped * RECORDS or twice or foreign or left or status != 0 or received == 0
           or told != sum(counts.values()))
    if bad:
        print(f"FAILED: status {status}, left {left}, foreign {foreign[:5]}, twice {twice[:5]}; "
              f"kept {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


main()
