#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: export_files.py WEIR DOCUMENT [--print]

What `weir collect` makes of every file of ../shared/data/export. DOCUMENT (doc/exports.md) is what
--print prints; where it is not, the test fails.

Files that belong together are read one after another, templates first, as expected.tsv has them
(see collect_counts.py); a row says what its file added.
"""
import csv
import difflib
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from collect_counts import groups_of

HEAD = """\
# Export files of other projects, and what weir makes of them

`tests/golden/export_files.py --print` writes this page from the folder `data/export` of the shared
captures, and fails where it is not true any more. Files that belong together are read one after
another, templates first. Records are of flows; *options* are records of Options Templates,
*counters* those of sFlow's counter samples. *Late*: of the records, those that waited for their
Template.

What is equal to what others decode is tested beside it: counts with two other decoders
(`collect_counts.py`), values with tshark, NetGauze, pmacct, Telegraf, libfixbuf and Logstash's
codec (`collect_*.py`, `sflow_values.py`).

Of sFlow's structures those of enterprise 0 are decoded: samples 1 to 4; in flow samples 1 to 4, 1001
to 1012, 1014, 1015 and 1020 to 1030; in counter samples 1 to 6 and 1001. What has no Information
Element at IANA stands under weir's own names (`data/enterprise/builtin.csv`). All others are passed
over and counted by enterprise and format, in `sflow_skipped` of `--stats` and here.
"""
COLUMNS = [("messages", ["messages"]), ("templates", ["templates", "options_templates"]),
           ("records", ["records"]), ("options", ["options_records"]),
           ("counters", ["counter_records"]), ("late", ["records_buffered"])]
REMARKS = [
    ("sets_unknown_template", "sets whose Template had not come"),
    ("sets_reserved", "sets with an id that has no meaning"),
    ("withdrawals_ignored", "withdrawals over UDP, or of Templates not known"),
    ("headers_unparsed", "sampled packets without IP"),
    ("lists_malformed", "lists that do not fill their field"),
    ("lists_unknown_template", "lists of a Template not known"),
    ("elements_refused", "descriptions of elements refused"),
    ("datagrams_cut", "datagrams cut by the capture"),
    ("datagrams_incomplete", "datagrams of which fragments are missing"),
    ("packets_not_udp", "packets that are not UDP"),
]
# What files that hold no message are: folder, what weir says of them, and what they are.
OTHERS = [
    ("", "octet 0: it is text", "text, of what others expect or how they were configured"),
    ("flow-tools-files", "octet 0: no export message begins here",
     "files in flow-tools' own format, which are no export messages"),
    ("sflow-logstash", "octet 0: no export message begins here",
     "headers of packets as samples have them, without a datagram around them"),
]


def collect(weir, files):
    """(counters, what is said of the last file or "")"""
    command = [weir, "collect", "--to", "json:/dev/null", "--stats", "-"]
    for file in files:
        command += ["-r", file]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
    said = [line for line in done.stderr.decode().splitlines()
            if line.startswith(f"weir: {files[-1]}: ")]
    text = said[-1].removeprefix(f"weir: {files[-1]}: ") if said else ""
    return json.loads(done.stdout), text


def first_reason(weir, file):
    done = subprocess.run([weir, "inspect", file], capture_output=True, timeout=60, check=False)
    for line in done.stdout.decode().splitlines():
        if line.startswith("         !!"):
            return line.split("!!", 1)[1].split(" (RFC")[0].strip()
    return ""


def remarks_of(weir, file, added, said):
    remarks = []
    if added.get("messages_malformed"):
        reason = first_reason(weir, file)
        remarks.append(f"malformed: {added['messages_malformed']}" + (reason and f", {reason}"))
    elif said:
        remarks.append(said)
    remarks += [f"{text}: {added[name]}" for name, text in REMARKS if added.get(name)]
    if added.get("structures_skipped"):
        formats = ", ".join(f"{one['structure']} {one['enterprise']}:{one['format']}"
                            for one in added["sflow_skipped"])
        remarks.append(f"structures of sFlow passed over: {added['structures_skipped']} ({formats})")
    return "; ".join(remarks)


def rows_of(weir, data, names):
    """{name: (numbers, remarks)} of the files that expected.tsv has, and of the others alone."""
    with open(os.path.join(data, "expected.tsv"), newline="", encoding="utf-8") as file:
        table = [row for row in csv.DictReader(file, delimiter="\t") if row["file"] in names]
    listed = {row["file"] for row in table}
    groups = [[row["file"] for row in group] for group in groups_of(table)]
    groups += [[name] for name in names if name not in listed]
    rows = {}
    for group in groups:
        files, before = [], {}
        for name in group:
            files.append(os.path.join(data, name))
            after, said = collect(weir, files)
            added = {key: value - before.get(key, 0) for key, value in after.items()
                     if isinstance(value, int)}
            added["sflow_skipped"] = after.get("sflow_skipped", [])
            numbers = [sum(added[key] for key in keys) for _, keys in COLUMNS]
            rows[name] = numbers, remarks_of(weir, files[-1], added, said)
            before = after
    return rows


def section(folder, rows):
    """The lines of a folder: a table of what holds messages, and a list of what does not."""
    lines = ["", f"## {folder}", ""]
    held = {name: row for name, row in rows.items() if row[0][0]}
    if held:
        lines += ["| file | " + " | ".join(title for title, _ in COLUMNS) + " | |",
                  "|---|" + "--:|" * len(COLUMNS) + "---|"]
    for name, (numbers, remarks) in sorted(held.items()):
        cells = " | ".join(str(number) if number else "" for number in numbers)
        lines.append(f"| `{name}` | {cells} | {remarks} |")
    others = {}
    for name, (_, remarks) in sorted(rows.items()):
        if name not in held:
            reason = next((text for where, said, text in OTHERS
                           if folder.startswith(where) and remarks.startswith(said)),
                          remarks or "empty")
            others.setdefault(reason, []).append(name)
    for reason, names in others.items():
        if held:
            lines.append("")
        listed = ", ".join(f"`{name}`" for name in names)
        lines.append(f"Not decoded, {reason}: {listed}.")
    return lines


def document(weir, data):
    root = os.path.join(data, "export")
    names = sorted(os.path.relpath(os.path.join(path, name), data)
                   for path, _, files in os.walk(root) for name in files)
    folders = {}
    for name, row in rows_of(weir, data, names).items():
        _, folder, rest = name.split("/", 2)
        folders.setdefault(folder, {})[rest] = row
    lines = HEAD.splitlines()
    for folder in sorted(folders):
        lines += section(folder, folders[folder])
    return [line + "\n" for line in lines]


def main():
    weir, path = sys.argv[1:3]
    data = os.path.join(os.environ["WEIR_SHARED"], "data")
    if not os.path.exists(os.path.join(data, "expected.tsv")):
        print("skipped: ../shared/data is not here")
        sys.exit(77)
    found = document(weir, data)
    if "--print" in sys.argv:
        sys.stdout.writelines(found)
        return
    with open(path, encoding="utf-8") as file:
        written = file.readlines()
    differences = list(difflib.unified_diff(written, found, path, "what was found"))
    sys.stdout.writelines(differences[:40])
    print(f"{len(found)} lines, {'not ' if differences else ''}as in {path}")
    sys.exit(bool(differences))


main()
