#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_counts.py WEIR

Collects the export files of ../shared with the real binary and compares what it counts with what
two other decoders agree on: templates, options templates, Data Records, options records, and Data
Sets without a template.

expected.tsv counts each file alone, after those of its group that come before it: templates by
name first, the others in the order of the table. What weir decodes late, because it kept it until
its template came, is not in those numbers.
"""
import csv
import json
import os
import subprocess
import sys

OURS = {"netflow1", "netflow5", "netflow7", "netflow8", "netflow9", "ipfix",
        "sflow5"}
# Data Records and flow samples both become Flow Records.
RECORDS = {"data_records", "sflow_flow_samples"}
COUNTERS = {
    "templates": "templates",
    "option_templates": "options_templates",
    "data_records": "records",
    "option_data_records": "options_records",
    "data_sets_without_template": "sets_unknown_template",
    "sflow_counter_samples": "counter_records",
}


# In that table without the datagram whose sample is of an ICMP packet, which a filter took for ICMP.
MISCOUNTED = {"export/ndpi/sflow.pcap"}


def is_ours(row):
    protocols = {part.split(":")[0] for part in row["protocol"].split()[0].split("+")}
    return protocols <= OURS


def groups_of(rows):
    """The rows of files that are read together, in the order in which they are."""
    groups = {}
    for index, row in enumerate(rows):
        name = row["group"] if row["group"] != "-" else f"file {index}"
        groups.setdefault(name, []).append(row)
    for group in groups.values():
        # A stable sort: templates first.
        group.sort(key=lambda row: not ("templ" in row["file"] or "tpl" in row["file"]))
    return groups.values()


def collect(weir, files):
    """The counters of a run over the files. A file that is cut or foreign at its end is none the
    less read as far as it goes."""
    command = [weir, "collect", "--to", "json:/dev/null", "--stats", "-"]
    for file in files:
        command += ["-r", file]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def differences(row, before, after):
    got = {name: after[counter] - before.get(counter, 0) for name, counter in COUNTERS.items()}
    late = after["records_buffered"] - before.get("records_buffered", 0)
    want = {name: int(row[name]) for name in COUNTERS}
    want["data_records"] = sum(int(row[name]) for name in RECORDS)
    if late:
        # Which of them were options nobody counted.
        for numbers in (got, want):
            numbers["data_records"] += numbers.pop("option_data_records")
        got["data_records"] -= late
    return {name: (got[name], want[name]) for name in want if got[name] != want[name]}


def main():
    weir = sys.argv[1]
    data = os.path.join(os.environ["WEIR_SHARED"], "data")
    table = os.path.join(data, "expected.tsv")
    if not os.path.exists(table):
        print("skipped: ../shared/data/expected.tsv is not here")
        sys.exit(77)
    with open(table, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if is_ours(row)]
    agreed = wrong = 0
    for group in groups_of(rows):
        files, before = [], {}
        for row in group:
            files.append(os.path.join(data, row["file"]))
            after = collect(weir, files)
            if row["crosscheck"] == "agree" and row["file"] not in MISCOUNTED:
                agreed += 1
                found = differences(row, before, after)
                if found:
                    wrong += 1
                    print(f"{row['file']}: (found, expected): {found}")
            before = after
    print(f"{agreed - wrong} of {agreed} files as expected")
    sys.exit(wrong > 0 or agreed < 100)


if __name__ == "__main__":
    main()
