#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_meter_options.py build/weir

What `weir meter` reports of itself in options data is what its --stats say, read by `weir collect`,
by tshark and by ipfixDump, with sequence numbers in which nothing is lost.
"""
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

weir = sys.argv[1]
source = os.environ.get("WEIR_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..")


def fail(text):
    print(f"FAILED: {text}")
    sys.exit(1)


def expect(what, wanted, got):
    if wanted != got:
        fail(f"{what}: {got}, not {wanted}")
    print(f"ok: {what}: {got}")


def meter(folder, url, *options):
    stats = os.path.join(folder, "meter.json")
    subprocess.run([weir, "meter", "-r", os.path.join(folder, "office.pcap"), "--to", url,
                    "--stats", stats, *options], check=True)
    with open(stats, encoding="utf-8") as file:
        return json.load(file)


def collect(folder, path):
    stats = os.path.join(folder, "collect.json")
    out = subprocess.run([weir, "collect", "-r", path, "--to", "json:-", "--stats", stats],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    with open(stats, encoding="utf-8") as file:
        return [json.loads(line) for line in out.splitlines()], json.load(file)


def last_with(lines, *names):
    found = [line for line in lines if line.get("type") == "options" and
             all(name in line for name in names)]
    return found[-1] if found else {}


def check_values(what, lines, stats, own_elements):
    process = last_with(lines, "packetTotalCount", "observedFlowTotalCount")
    pairs = {"packetTotalCount": "packets", "octetTotalCount": "octets",
             "droppedPacketTotalCount": "packets_dropped",
             "observedFlowTotalCount": "flows_created"}
    if own_elements:
        pairs |= {"selectedPacketTotalCount": "packets_selected",
                  "meteredPacketTotalCount": "packets_metered",
                  "meteredOctetTotalCount": "octets_metered", "activeFlowCount": "flows_active",
                  "activeFlowPeakCount": "flows_active_peak",
                  "flowCacheEntryCount": "cache_entries", "flowCacheOctetCount": "cache_octets"}
    expect(f"{what}: the Metering Process", {name: stats[pairs[name]] for name in pairs},
           {name: process.get(name) for name in pairs})
    sent = last_with(lines, "exportedFlowRecordTotalCount")
    flows = sum("type" not in line for line in lines)
    expect(f"{what}: records sent", (stats["records_sent"], flows),
           (sent["exportedFlowRecordTotalCount"], sent["exportedFlowRecordTotalCount"]))
    expect(f"{what}: not sent", 0, last_with(lines, "notSentFlowTotalCount")["notSentFlowTotalCount"])
    if not own_elements:
        return
    reasons = ("idle", "active", "end", "forced", "resources")
    expired = {line["flowEndReason"]: line["expiredFlowTotalCount"] for line in lines
               if "expiredFlowTotalCount" in line}
    expect(f"{what}: expired", {i + 1: stats[f"flows_expired_{reason}"]
                                for i, reason in enumerate(reasons)}, expired)
    ignored = {line["ignoredPacketCause"]: line["ignoredPacketTotalCount"] for line in lines
               if "ignoredPacketCause" in line}
    expect(f"{what}: ignored by cause", {"arp": stats["packets_arp"]}, ignored)
    keys = {line["templateId"] for line in lines if "flowKeyIndicator" in line}
    expect(f"{what}: Templates with keys", {line["template"] for line in lines
                                            if "type" not in line}, keys)


def check_ipfix(folder):
    path = os.path.join(folder, "office.ipfix")
    stats = meter(folder, f"ipfix+file:{path}?stats-interval=30s")
    lines, collected = collect(folder, path)
    check_values("IPFIX", lines, stats, True)
    expect("options records", (stats["options_sent"], 0),
           (collected["options_records"], collected["records_lost"]))
    dump = subprocess.run(["ipfixDump", "--in", path], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace").stdout
    expect("data records of ipfixDump", stats["options_sent"] + stats["records_sent"],
           dump.count("--- data record "))
    if f"exportedFlowRecordTotalCount : {stats['records_sent']}\n" not in dump:
        fail("ipfixDump does not name exportedFlowRecordTotalCount")
    shown = subprocess.run(["tshark", "-r", path, "-V"], check=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, errors="replace").stdout
    expect("Options Templates under tshark", len({line["template"] for line in lines
                                                  if line.get("type") == "options"}),
           shown.count("FlowSet Id: Options Template"))
    if "alformed" in shown or "ignoredPacketTotalCount" not in shown:
        fail("tshark does not read it all")


def check_twice(folder):
    """Time is the capture's: a file exported twice is the same to the octet."""
    octets = []
    for number in range(2):
        path = os.path.join(folder, f"twice{number}.ipfix")
        meter(folder, f"ipfix+file:{path}?stats-interval=10s", "--sample", "prob:0.5")
        with open(path, "rb") as file:
            octets.append(file.read())
    if octets[0] != octets[1]:
        fail("a file exported twice is not the same")
    print(f"ok: {len(octets[0])} octets, twice")


def check_workers(folder):
    """Options data of a file do not depend on how many threads meter, but for its place."""
    texts = []
    for workers in ("2", "3"):
        path = os.path.join(folder, f"workers{workers}.ipfix")
        stats = meter(folder, f"ipfix+file:{path}", "--workers", workers)
        lines, _ = collect(folder, path)
        check_values(f"{workers} workers", lines, stats, True)
        texts.append(sorted(json.dumps(line) for line in lines
                            if "expiredFlowTotalCount" in line or "packetTotalCount" in line))
    lines = [[text for text in side if "activeFlowPeakCount" not in text] for side in texts]
    expect("2 and 3 workers", lines[0], lines[1])


def check_netflow9(folder):
    path = os.path.join(folder, "office9.pcap")
    stats = meter(folder, f"netflow9+pcap:{path}")
    lines, collected = collect(folder, path)
    check_values("NetFlow v9", lines, stats, False)
    expect("messages lost", 0, collected["messages_lost"])


def check_sampling(folder):
    """PSAMP's reports say what --stats do, and a collector knows the interval of every record."""
    path = os.path.join(folder, "sampled.ipfix")
    stats = meter(folder, f"ipfix+file:{path}", "--filter", "ip", "--sample", "random:1/10",
                  "--sample", "hash:1/2", "--select", "hash:1/4")
    lines, collected = collect(folder, path)
    selectors = [line for line in lines if "selectorAlgorithm" in line]
    expect("Selectors", [(5, "ip"), (3, "random:1/10"), (6, "hash:1/2")],
           [(line["selectorAlgorithm"], line["selectorName"]) for line in selectors])
    sequences = [line for line in lines if "selectionSequenceId" in line and "selectorId" in line]
    expect("their sequence, and that of flows",
           [[line["selectorId"] for line in selectors], [65537]],
           [[line[name] for name in line if name.startswith("selectorId")] for line in sequences])
    sequence = sequences[0]
    selected = sum(line.get("flowSelectedFlowDeltaCount", 0) for line in lines)
    unsent = last_with(lines, "notSentFlowTotalCount")["notSentFlowTotalCount"]
    expect("flows selected and left out", (stats["records_sent"], stats["flows_exported"]),
           (selected, selected + unsent))
    counts = last_with(lines, "selectorIdTotalPktsObserved")
    expect("what they selected", (stats["packets"], stats["packets_selected"]),
           (counts["selectorIdTotalPktsObserved"], counts["selectorIdTotalPktsSelected#3"]))
    estimate = last_with(lines, "estimatedPacketTotalCount")["estimatedPacketTotalCount"]
    expect("the estimate", 20 * stats["packets_selected"], estimate)
    accuracy = next(line for line in lines if "absoluteError" in line)
    low, high = accuracy["lowerCILimit"], accuracy["upperCILimit"]
    if not 0 < low < estimate < high or accuracy["confidenceLevel"] != 0.95:
        fail(f"accuracy: {accuracy}")
    flows = last_with(lines, "selectorIDTotalFlowsObserved")
    expect("selected flows", (stats["flows_exported"], stats["records_sent"]),
           (flows["selectorIDTotalFlowsObserved"], flows["selectorIDTotalFlowsSelected"]))
    expect("the sequence of each record", {sequence["selectionSequenceId"]},
           {line.get("selectionSequenceId") for line in lines if "type" not in line})
    expect("sampling that is unknown", 0, collected["records_sampling_unknown"])
    for protocol in ("ipfix", "netflow9", "netflow5"):
        path, store = (os.path.join(folder, f"sampled.{protocol}.{end}") for end in ("pcap", "store"))
        stats = meter(folder, f"{protocol}+pcap:{path}", "--sample", "count:1/10")
        subprocess.run([weir, "collect", "-r", path, "--store", store], check=True)
        rows = subprocess.run([weir, "query", "--store", store, "--by", "sampling", "--sum", "flows",
                               "--format", "csv"], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.split()
        expect(f"interval and flows of {protocol}", f"10,{stats['records_sent']}", rows[1])


def check_processes(folder):
    """Each of several Metering Processes reports itself, where its records go."""
    paths = [os.path.join(folder, f"process{number}.ipfix") for number in (1, 2)]
    meter(folder, f"ipfix+file:{paths[0]}", "--sample", "count:1/10", "--next", "--filter", "udp",
          "--to", f"ipfix+file:{paths[1]}")
    for number, path in enumerate(paths, 1):
        lines, _ = collect(folder, path)
        expect(f"process {number}", {number}, {line["meteringProcessId"] for line in lines
                                               if "meteringProcessId" in line})
        process = last_with(lines, "observedFlowTotalCount")
        sent = last_with(lines, "exportedFlowRecordTotalCount")
        flows = sum("type" not in line for line in lines)
        expect(f"flows of process {number}", (flows, flows),
               (process["observedFlowTotalCount"], sent["exportedFlowRecordTotalCount"]))
        expect(f"sequence of process {number}", number,
               last_with(lines, "selectionSequenceId")["selectionSequenceId"])


def check_switches(folder):
    path = os.path.join(folder, "none.ipfix")
    stats = meter(folder, f"ipfix+file:{path}?options=none")
    expect("options=none", 0, stats["options_sent"])
    stats = meter(folder, f"ipfix+file:{path}?stats-interval=0s")
    lines, _ = collect(folder, path)
    expect("without statistics", {"flowKeyIndicator"},
           {name for line in lines if line.get("type") == "options" for name in line} &
           {"flowKeyIndicator", "packetTotalCount", "exportedMessageTotalCount"})
    expect("JSON lines", 0, meter(folder, "json:" + os.path.join(folder, "a.json"))["options_sent"])
    stats = meter(folder, "json:" + os.path.join(folder, "a.json") + "?stats-interval=60s")
    with open(os.path.join(folder, "a.json"), encoding="utf-8") as file:
        check_values("JSON", [json.loads(line) for line in file], stats, True)


def main():
    for program in ("tshark", "ipfixDump"):
        if not shutil.which(program):
            print(f"SKIP: {program} is not installed")
            sys.exit(77)
    folder = tempfile.mkdtemp(prefix="weir-options.")
    with gzip.open(os.path.join(source, "samples", "office.pcap.gz")) as packed, \
            open(os.path.join(folder, "office.pcap"), "wb") as capture:
        shutil.copyfileobj(packed, capture)
    check_ipfix(folder)
    check_twice(folder)
    check_workers(folder)
    check_netflow9(folder)
    check_sampling(folder)
    check_processes(folder)
    check_switches(folder)
    shutil.rmtree(folder)


main()
