#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: inspect_counts.py WEIR

Every export file of ../shared, whatever is in it: `weir inspect` counts in it what `weir collect`
counts, says so by its exit status, prints no line of more than 120 letters, and JSON that is JSON.
What is decoded late, by a Template that came after it, only the collector counts.
"""
import json
import os
import subprocess
import sys

COUNTERS = {
    "messages_explained": "messages",
    "messages_broken": "messages_malformed",
    "templates_explained": "templates",
    "options_templates_explained": "options_templates",
    "sets_unread": "sets_unknown_template",
    "sets_reserved": "sets_reserved",
}
RECORDS = {"records_explained": "records", "options_records_explained": "options_records",
           "counter_records_explained": "counter_records"}


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
    return done


def check(weir, file):
    """What is wrong, a text each."""
    summary = run(weir, "inspect", "--summary", "--format", "json", file)
    collected = run(weir, "collect", "-r", file, "--to", "json:/dev/null", "--stats", "-")
    ours, theirs = json.loads(summary.stdout or "{}"), json.loads(collected.stdout)
    pairs = COUNTERS if theirs["records_buffered"] else COUNTERS | RECORDS
    wrong = [f"{name} {ours[name]}, collect: {theirs[other]}"
             for name, other in pairs.items() if ours[name] != theirs[other]]
    if ours["messages_broken"] and summary.returncode != 1:
        wrong.append("exit status 0 though messages are broken")

    text = run(weir, "inspect", file).stdout.decode()
    wrong += [f"a line of {len(line)} letters: {line}"
              for line in text.splitlines() if len(line) > 120]
    if (text.count("\n         !!") > 0) != (ours["messages_broken"] > 0):
        wrong.append("what is broken is not in the text")
    objects = run(weir, "inspect", "--format", "json", "--hex", file).stdout.splitlines()
    if len(objects) != ours["messages_explained"]:
        wrong.append(f"{len(objects)} objects of {ours['messages_explained']} messages")
    for line in objects:
        message = json.loads(line)
        if len(message["hex"]) // 2 != message.get("octets", [0, -1])[1] + 1:
            wrong.append(f"message {message['number']} has octets that are not in it")
    return wrong


def main():
    folder = os.path.join(os.environ["WEIR_SHARED"], "data", "export")
    if not os.path.isdir(folder):
        print("skipped: ../shared/data/export is not here")
        sys.exit(77)
    files = [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]
    bad = 0
    for file in sorted(files):
        wrong = check(sys.argv[1], file)
        bad += bool(wrong)
        for text in wrong[:5]:
            print(f"{file}: {text}")
    print(f"{len(files) - bad} of {len(files)} files as collect has them")
    sys.exit(bad > 0 or len(files) < 100)


main()
