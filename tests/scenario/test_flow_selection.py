#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_flow_selection.py [build/weir]

Flows and packets that are selected by chance, from a capture to an answer: `weir meter` with
--sample and --select into an IPFIX file, `weir collect --store`, `weir query`. What the query estimates is what all flows came to,
within 1.96 of the error that it says nineteen times in twenty, and not more to one side than to the
other; and what --stats says of each selector adds up.
"""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("WEIR_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(SOURCE, "build", "weir")
SEEDS = range(1, 21)
PACKETS = 20000
# What is sampled, of packets and of flows; octets of sampled packets are not looked at, since their
# error is the least that it can be (query/error.h).
WAYS = {
    "threshold": ([], ["threshold:bytes=50k"]),
    "uniform": ([], ["prob:0.3"]),
    "sequence": ([], ["match:proto tcp", "hash:2/3", "threshold:packets=20"]),
    "packets": (["--sample", "random:2/15"], []),
    "whole-flows": (["--sample", "flow:2/3"], []),
    "both": (["--sample", "prob:0.3", "--sample", "flow:2/3"], ["threshold:packets=30"]),
}
OF_PACKETS = ("packets", "both")
# A single flow may have a third of the packets here. Where it is left out, nothing in the sample
# tells of it, so where chance does not know sizes the truth is outside more often.
LEAST_WITHIN = {"whole-flows": 12, "both": 14}


def fail(what):
    print(f"FAILED: {what}")
    sys.exit(1)


def weir(*arguments):
    done = subprocess.run([WEIR, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode != 0:
        fail(f"weir {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout.decode()


def answer(store):
    text = weir("query", "--store", store, "--format", "csv", "--agg",
                "packets,bytes,packets_error,bytes_error,flows")
    return {name: float(value or 0) for name, value in next(csv.DictReader(io.StringIO(text))).items()}


def truth_of(capture, condition):
    text = weir("meter", "-r", capture, "--format", "csv")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if condition(row)]
    return {name: sum(int(row[name]) for row in rows) for name in ("packets", "bytes")}


def check_stats(stats, specs, flows):
    """Each selector sees what the one before it selected, and the last what is sent."""
    selectors = stats.get("flow_selectors", [])
    if [selector["selector"] for selector in selectors] != specs:
        fail(f"selectors {selectors}")
    seen = stats["flows_exported"]
    for selector in selectors:
        if selector["flows_seen"] != seen:
            fail(f"{selector} saw other flows than {seen}")
        if any(selector[unit + "_selected"] > selector[unit + "_seen"]
               for unit in ("flows", "packets", "octets")):
            fail(f"{selector} selects what it did not see")
        seen = selector["flows_selected"]
    if not seen == stats["records_sent"] == flows:
        fail(f"{seen} selected, {stats['records_sent']} sent, {flows} stored")


def run(folder, seed, name, truth, capture):
    exported = os.path.join(folder, "flows.ipfix")
    store = os.path.join(folder, f"store-{seed}-{name}")
    samples, specs = WAYS[name]
    options = samples + [word for spec in specs for word in ("--select", spec)]
    stats = json.loads(weir("meter", "-r", capture, *options, "--to", "ipfix+file:" + exported,
                            "--stats", "-"))
    weir("collect", "-q", "-r", exported, "--store", store)
    got = answer(store)
    check_stats(stats, specs, got["flows"])
    return [(got[name] - truth[name], got[name + "_error"]) for name in ("packets", "bytes")]


def check(name, errors):
    """Of 20 within 1.96 standard errors are 16 or more, 997 times in 1,000, of normal errors."""
    for number, what in enumerate(("packets",) if name in OF_PACKETS else ("packets", "bytes")):
        own = [error[number] for error in errors]
        within = sum(abs(off) <= 1.96 * error for off, error in own)
        together = sum(off for off, _ in own) / sum(error ** 2 for _, error in own) ** 0.5
        print(f"# {name}: {what} {within} of {len(own)} within, {together:+.2f} all together")
        if within < LEAST_WITHIN.get(name, 16):
            fail(f"{name}: {what}: {own}")
        if abs(together) > 3:
            fail(f"{name}: {what} are too large or too small: {own}")


def main():
    if os.environ.get("WEIR_DUCKDB") == "no":
        print("skipped: weir was built without DuckDB")
        sys.exit(77)
    errors = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory(prefix="weir-selection-") as folder:
        capture = os.path.join(folder, "packets.pcap")
        for seed in SEEDS:
            weir("gen", "packets", "--packets", str(PACKETS), "--seed", str(seed), "--out", capture)
            truth = truth_of(capture, lambda row: True)
            of_tcp = truth_of(capture, lambda row: row["protocol"] == "6")
            for name, own in errors.items():
                own.append(run(folder, seed, name, of_tcp if name == "sequence" else truth, capture))
        for name, own in errors.items():
            check(name, own)


if __name__ == "__main__":
    main()
