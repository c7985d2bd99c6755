#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: test_sampled_totals.py WEIR

From sampled packets to an answer: for every sampler and every protocol that can say its interval,
what `weir query` answers is what `weir meter` estimated, and the truth is within four standard
errors of it. Seeds are fixed, so what comes out does."""

import json
import subprocess
import sys
import tempfile

weir = sys.argv[1]
SAMPLERS = [
    ["count:1/100"],
    ["time:100ms/900ms"],
    ["random:3/300"],
    ["random:2/3"],
    ["prob:0.05"],
    ["hash:1/20"],
    ["flow:1/4"],
    ["count:1/5", "prob:0.2"],
]
PROTOCOLS = ["netflow5", "netflow9", "ipfix"]


def run(*words, status=0):
    done = subprocess.run([weir, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done


def meter(folder, capture, sampler, *words):
    # NetFlow v5 has no IPv6.
    selection = ["--filter", "ip"] + [word for spec in sampler for word in ("--sample", spec)]
    run("meter", "-r", capture, *selection, "--seed", "9", "--stats", folder + "/stats", "-q", *words)
    with open(folder + "/stats", encoding="ascii") as file:
        return json.load(file)


def is_whole(sampler):
    return sampler != ["random:2/3"]


def check(folder, capture, truth, sampler):
    for protocol in PROTOCOLS:
        target = f"{folder}/{protocol}.pcap"
        if protocol == "netflow5" and not is_whole(sampler):
            done = run("meter", "-r", capture, "--sample", sampler[0], "--to",
                       f"{protocol}+pcap:{target}", status=2)
            assert "interval" in done.stderr, done.stderr
            continue
        said = meter(folder, capture, sampler, "--to", f"{protocol}+pcap:{target}")
        store = f"{folder}/{protocol}-{'-'.join(sampler).replace('/', '_')}"
        run("collect", "-r", target, "--store", store, "-q")
        answer = run("query", "--store", store, "--sum", "packets,bytes", "--format", "csv").stdout
        packets, octets = (float(value) for value in answer.splitlines()[-1].split(","))
        for name, got in ("packets", packets), ("octets", octets):
            estimate, error = said[name + "_estimate"], said[name + "_error"]
            assert abs(got - estimate) <= 1e-4 * estimate + 1, (protocol, sampler, name, got, said)
            assert abs(got - truth[name + "_metered"]) <= 4 * error, (protocol, sampler, name, got)


def main():
    with tempfile.TemporaryDirectory() as folder:
        capture = folder + "/traffic.pcap"
        # So many flows that hardly one outweighs the others.
        run("gen", "packets", "--packets", "100000", "--flows", "60000", "--out", capture)
        truth = meter(folder, capture, [], "--to", f"json:{folder}/records")
        for sampler in SAMPLERS:
            check(folder, capture, truth, sampler)


main()
