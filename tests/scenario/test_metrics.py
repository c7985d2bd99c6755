#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_metrics.py [build/weir]

`weir collect --metrics` over real HTTP: scraped while flows come that a network loses, repeats and
overtakes, and while clients that say nothing, say little and do not listen are connected.

Every scrape is well formed by the rules of the format, no counter falls from one to the next, the
last one says what --stats says, and of each exporter what came and what was lost is what was sent.
"""

import atexit
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from helpers import free_port

SOURCE = os.environ.get("WEIR_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(SOURCE, "build", "weir")
SKIP = 77
PATIENCE_S = 60
SCRAPE_S = 5  # no scrape may take longer
EXPORTERS = 5
MESSAGES = 6000  # of each
RECORDS = 4  # a message
LABELS = ["exporter", "domain", "protocol", "source", "worker"]


def fail(what):
    print(f"FAILED: {what}")
    sys.exit(1)


# ---- The format ----

NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
SAMPLE = re.compile(r"([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9]+(?:\.[0-9]+)?)\Z")
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|\Z)')


def parse(text):
    """{metric: type}, {(metric, labels): value}; fails where the text breaks a rule of 0.0.4."""
    types, samples, current, has_help = {}, {}, None, False
    if not text.endswith("\n"):
        fail("the last line has no end")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            current, help_text = line[7:].split(" ", 1)
            if current in types or not NAME.match(current) or not help_text.strip():
                fail(f"HELP: {line}")
            has_help = True
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            if name != current or not has_help or name in types or kind not in ("counter", "gauge"):
                fail(f"TYPE: {line}")
            if (kind == "counter") != name.endswith("_total"):
                fail(f"{name} is a {kind}")
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            if not match or match[1] != current or current not in types:
                fail(f"sample: {line}")
            labels = LABEL.findall(match[2] or "")
            if match[2] and sum(len(n) + len(v) + 4 for n, v in labels) != len(match[2]) + 1:
                fail(f"labels: {line}")
            key = (current, tuple(labels))
            if key in samples or len({n for n, _ in labels}) != len(labels):
                fail(f"twice: {line}")
            samples[key] = float(match[3])
    return types, samples


class Page:
    def __init__(self, text):
        self.text = text
        self.types, self.samples = parse(text)

    def get(self, name):
        return self.samples[(name, ())]

    def by_exporter(self, name):
        """{(exporter, domain, protocol): sum}"""
        sums = {}
        for (metric, labels), value in self.samples.items():
            if metric != name:
                continue
            if [label for label, _ in labels] != LABELS:
                fail(f"labels of {name}: {labels}")
            key = tuple(value for _, value in labels[:3])
            sums[key] = sums.get(key, 0) + value
        return sums


def check_growth(before, after):
    for key, value in before.samples.items():
        if before.types[key[0]] == "counter" and after.samples.get(key, 0) < value:
            fail(f"{key} fell from {value} to {after.samples.get(key)}")


# ---- The collector ----

class Collector:
    def __init__(self, folder, *options, metrics="127.0.0.1:0"):
        self.port = free_port()
        self.stats_path = os.path.join(folder, f"stats-{self.port}")
        self.process = subprocess.Popen(
            [WEIR, "collect", "--listen", f"udp://127.0.0.1:{self.port}", "--metrics", metrics,
             "--stats", self.stats_path, *options], stderr=subprocess.PIPE, text=True)
        # Also where a check fails nothing is left running.
        atexit.register(self.process.kill)
        self.url = None
        for line in self.process.stderr:
            match = re.match(r"weir: metrics on (http://\S+)/metrics$", line)
            if match:
                self.url = match[1]
            if "collecting on" in line:
                break
        # What it says must not fill the pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def scrape(self):
        begun = time.monotonic()
        with urllib.request.urlopen(self.url + "/metrics", timeout=PATIENCE_S) as answer:
            if answer.headers["Content-Type"] != "text/plain; version=0.0.4; charset=utf-8":
                fail(f"Content-Type: {answer.headers['Content-Type']}")
            page = Page(answer.read().decode("utf-8", "strict"))
        if time.monotonic() - begun > SCRAPE_S:
            fail(f"a scrape took {time.monotonic() - begun:.1f} s")
        return page

    def await_page(self, what, condition):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            page = self.scrape()
            if condition(page):
                return page
            if time.monotonic() > deadline:
                fail(f"{what} did not come:\n{page.text[:20000]}")
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(PATIENCE_S) != 0:
            fail(f"exit status {self.process.returncode}")
        with open(self.stats_path) as file:
            return json.load(file)


# ---- Exporters ----

def message(number, records=RECORDS):
    """NetFlow v5; `number` counts messages."""
    header = struct.pack("!HHIIIIBBH", 5, records, 1000000 + number, 1770102000 + number // 1000, 0,
                         number * RECORDS, 0, 0, 0)
    return header + records * struct.pack("!IIIHHIIIIHHBBBBHHBBH", 0x0a000001, 0x0a000002, 0, 1, 2,
                                          1, 100, 900000, 950000, 1234, 80, 0, 0, 6, 0, 0, 0, 24,
                                          24, 0)


def through_network(seed):
    """Which messages arrive, in which order: some never, some twice, some late; the ends do."""
    rng = random.Random(seed)
    arrived = []
    for number in range(MESSAGES):
        is_end = number < 2 or number >= MESSAGES - 2
        if not is_end and rng.random() < 0.05:
            continue
        delay = 0 if is_end or rng.random() < 0.9 else rng.randint(1, 3)
        arrived.append((number + delay, number))
        if not is_end and number < MESSAGES - 8 and rng.random() < 0.02:
            arrived.append((number + rng.randint(1, 4), number))
    return [number for _, number in sorted(arrived)]


class Exporter(threading.Thread):
    def __init__(self, index, port):
        super().__init__(daemon=True)
        self.target = ("127.0.0.1", port)
        self.source = f"127.0.4.{index + 1}"
        # They differ in how much they send, so that it is known who has the most messages.
        self.numbers = through_network(index)
        self.start()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((self.source, 0))
            for sent, number in enumerate(self.numbers):
                sender.sendto(message(number), self.target)
                if sent % 8 == 0:
                    time.sleep(0.002)  # a pace that small socket buffers keep up with


class Nuisance(threading.Thread):
    """Says nothing, says little, or asks and does not listen; and asks again and again."""

    SOURCE = ("127.0.4.99", 0)  # of one address there may be so many connections

    def __init__(self, url):
        super().__init__(daemon=True)
        host, port = url[len("http://"):].rsplit(":", 1)
        self.address = (host, int(port))
        self.held = []
        for request in (b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"):
            client = socket.create_connection(self.address, source_address=self.SOURCE)
            client.sendall(request)
            self.held.append(client)
        self.stopping = False
        self.start()

    def run(self):
        requests = (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"\0\xff" * 500,
                    b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        turn = 0
        while not self.stopping:
            turn += 1
            try:
                with socket.create_connection(self.address, source_address=self.SOURCE) as client:
                    client.sendall(requests[turn % 3])
            except OSError:
                pass


# ---- Checks ----

def metric_names():
    """{name in --stats: metric}, of what collect has while it runs; and of what the end changes."""
    reference = subprocess.run([WEIR, "help", "--counters"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
    steady, stored, rest = {}, {}, {}
    for part in reference.split("\n## ")[1:]:
        rows = dict(re.findall(r"^\| `(\w+)` \| \w+ \| `(\w+)` \|", part, re.M))
        if not part.split("\n")[2].startswith("In `weir collect`"):
            rest.update(rows)
        elif part.split("\n")[0] in ("The store", "The journal"):
            stored.update(rows)
        else:
            steady.update(rows)
    if len(steady) < 50 or len(stored) < 15 or len(rest) < 10:
        fail(f"the reference: {steady} {stored} {rest}")
    return steady, stored, rest


def check_against_stats(page, stats):
    steady, stored, rest = metric_names()
    for name, metric in steady.items():
        if page.get(metric) != stats[name]:
            fail(f"{metric} was {page.get(metric)}, and --stats has {name} {stats[name]}")
    for name, metric in stored.items():
        if page.get(metric) > stats[name]:
            fail(f"{metric} was {page.get(metric)}, and --stats has {name} {stats[name]}")
    metrics = set(page.types)
    named = set(steady.values()) | set(stored.values()) | set(rest.values())
    strange = {name for name in metrics - named if not name.startswith("weir_collect_exporter_")}
    if strange or named - metrics:
        fail(f"not in the reference: {strange}; not on the page: {named - metrics}")


def check_exporters(page, stats, exporters):
    totals = {(e["address"], str(e["domain"]), e["protocol"]): e for e in stats["exporters"]}
    families = [name for name in page.types if name.startswith("weir_collect_exporter_")]
    if len(families) != 18:
        fail(f"families of exporters: {families}")
    if "weir_collect_exporter_clock_skew_seconds" not in families:
        fail("no skew")
    for exporter in exporters:
        key = (exporter.source, "0", "netflow5")
        of = {name[len("weir_collect_exporter_"):]: page.by_exporter(name)[key] for name in families}
        told = (of["records_total"] - of["records_duplicate"] + of["records_lost"] +
                of["records_unknown"])
        if told != MESSAGES * RECORDS:
            fail(f"{key}: {told} told of, {MESSAGES * RECORDS} sent: {of}")
        if of["messages_total"] != len(exporter.numbers) and not stats["datagrams_dropped"]:
            fail(f"{key}: {of['messages_total']} messages of {len(exporter.numbers)}")
        if not of["records_lost"] or not of["messages_late"] or not of["messages_duplicate"]:
            fail(f"{key}: nothing lost, late or twice: {of}")
        for name in ("records_lost", "records_duplicate", "messages_late"):
            if of[name] != totals[key][name]:
                fail(f"{key}: {name} {of[name]}, in --stats {totals[key][name]}")


def check_promtool(page):
    promtool = shutil.which("promtool")
    if not promtool:
        print("promtool is not here; what it would say is not known")
        return
    result = subprocess.run([promtool, "check", "metrics"], input=page.text, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0 or result.stdout:
        fail(f"promtool: {result.stdout}")
    for what in (["check", "rules", os.path.join(SOURCE, "doc", "prometheus-rules.yml")],
                 ["test", "rules", os.path.join(SOURCE, "tests", "scenario",
                                                "prometheus_rules_test.yml")]):
        result = subprocess.run([promtool, *what], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        if result.returncode != 0:
            fail(f"promtool: {result.stdout}")


def check_documents(page):
    """Every metric that the documents speak of is there."""
    for name in ("metrics.md", "prometheus-rules.yml"):
        with open(os.path.join(SOURCE, "doc", name)) as file:
            named = set(re.findall(r"\b(?:weir_collect|process)_[a-z_]+[a-z]\b", file.read()))
        strange = {metric for metric in named if metric not in page.types}
        if len(named) < 5 or strange:
            fail(f"{name} speaks of {strange}")


def status_of(collector, method, path):
    request = urllib.request.Request(collector.url + path, method=method,
                                     data=b"x" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def scrape_under_load(folder):
    collector = Collector(folder, "--store", os.path.join(folder, "store"), "--workers", "2",
                          "--rotate", "1s", "--quiet")
    if status_of(collector, "GET", "/")[0] != 200 or b"/metrics" not in status_of(
            collector, "GET", "/")[1] or status_of(collector, "GET", "/healthz") != (200, b"ok\n"):
        fail("/ or /healthz")
    if status_of(collector, "HEAD", "/metrics") != (200, b""):
        fail("HEAD")
    if [status_of(collector, *what)[0] for what in
            (("GET", "/metric"), ("POST", "/metrics"), ("PUT", "/"))] != [404, 405, 405]:
        fail("what is refused")
    exporters = [Exporter(index, collector.port) for index in range(EXPORTERS)]
    nuisance = Nuisance(collector.url)
    page, scrapes = collector.scrape(), 0
    while any(exporter.is_alive() for exporter in exporters):
        after = collector.scrape()
        check_growth(page, after)
        page, scrapes = after, scrapes + 1
    sent = sum(len(exporter.numbers) for exporter in exporters)
    page = collector.await_page("the last message", lambda page: page.get(
        "weir_collect_messages_total") + page.get("weir_collect_datagrams_dropped_total") >= sent)
    nuisance.stopping = True
    nuisance.join()
    ages = [value for (name, _), value in page.samples.items()
            if name == "weir_collect_worker_snapshot_age_seconds"]
    if len(ages) != 2 or not all(0 <= age < 2 for age in ages):
        fail(f"ages: {ages}")
    stats = collector.stop()
    check_against_stats(page, stats)
    check_exporters(page, stats, exporters)
    check_documents(page)
    check_promtool(page)
    print(f"{scrapes} scrapes while {sent} messages came, "
          f"{int(page.get('weir_collect_records_lost'))} records lost, "
          f"{int(page.get('weir_collect_http_requests_total'))} requests answered")


def exporters_past_the_limit(folder):
    collector = Collector(folder, "--to", f"json:{folder}/records", "--metrics-exporters", "3")
    for index in range(EXPORTERS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((f"127.0.4.{index + 1}", 0))
            for number in range(index + 1):
                sender.sendto(message(number), ("127.0.0.1", collector.port))
    page = collector.await_page("all messages", lambda page: page.get(
        "weir_collect_messages_total") == EXPORTERS * (EXPORTERS + 1) // 2)
    exposed = page.by_exporter("weir_collect_exporter_messages_total")
    if exposed != {(f"127.0.4.{index}", "0", "netflow5"): index for index in (3, 4, 5)}:
        fail(f"exposed: {exposed}")
    if (page.get("weir_collect_exporters_exposed"), page.get("weir_collect_exporters_left_out"),
            page.get("weir_collect_sessions")) != (3, EXPORTERS - 3, EXPORTERS):
        fail("what is left out is not counted")
    if "weir_collect_records_stored_total" in page.types:
        fail("there is no store")
    collector.stop()


def addresses(folder):
    """A port in use, what is no address, and IPv6."""
    collector = Collector(folder, "--to", f"json:{folder}/records")
    for address, said in ((collector.url[len("http://"):], "Address already in use"),
                          ("9464", "is no HOST:PORT"), ("192.0.2.1:9464", "Cannot assign")):
        result = subprocess.run([WEIR, "collect", "--listen", f"udp://127.0.0.1:{free_port()}",
                                 "--metrics", address], stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)
        lines = result.stderr.splitlines()
        if result.returncode != 2 or len(lines) != 1 or said not in lines[0] or (
                f"--metrics: '{address}'" not in lines[0]):
            fail(f"{address}: {result.returncode}, {result.stderr}")
    collector.stop()
    if os.path.exists("/proc/net/if_inet6") and open("/proc/net/if_inet6").read():
        collector = Collector(folder, "--to", f"json:{folder}/records", metrics="[::1]:0")
        if not collector.url.startswith("http://[::1]:"):
            fail(f"IPv6: {collector.url}")
        collector.scrape()
        collector.stop()


def main():
    folder = tempfile.mkdtemp(prefix="weir-metrics.")
    probe = subprocess.run([WEIR, "collect", "--listen", f"udp://127.0.0.1:{free_port()}",
                            "--metrics", "x"],
                           stderr=subprocess.PIPE, text=True)
    if "built without libmicrohttpd" in probe.stderr:
        print("this weir was built without libmicrohttpd")
        sys.exit(SKIP)
    scrape_under_load(folder)
    exporters_past_the_limit(folder)
    addresses(folder)
    shutil.rmtree(folder)


main()
