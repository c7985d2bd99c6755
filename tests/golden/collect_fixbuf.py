#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_fixbuf.py WEIR

The IPFIX files (RFC 5655) of ../shared as libfixbuf's ipfixDump reads them: as many Templates and
Data Records, and the same sums of the numbers in SUMMED. Files of which ipfixDump
says that something is wrong, or at which it crashes, are left out: collect_reasons.py has those.
"""
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys

FILES_MIN = 8
RECORDS_MIN = 12000

SUMMED = ["octetDeltaCount", "packetDeltaCount", "sourceTransportPort", "destinationTransportPort",
          "protocolIdentifier", "ipVersion"]
TOTALS = re.compile(r"\d+ Messages, (\d+) Data Records, (\d+) Template Records")
VALUE = re.compile(r"\(\d+\) +(\w+) : (\d+)$")
WARNINGS = ("Illegal", "Read ", "End of set", "Missing", "may not be")
# It is a withdrawal, which ipfixDump counts as a Template.
LEFT_OUT = {"ipfixcol/withdrawal-message-256.ipfix",
            # A set that passes the end of its message, of which ipfixDump says nothing.
            "vermont/template_set_length_exceeds_message_boundary.ipfix"}


def of_fixbuf(file):
    """(totals, sums), or None."""
    runs = [subprocess.run(["ipfixDump", what, "--in", file], capture_output=True, timeout=60,
                           check=False) for what in ("--stats", "--data")]
    said = runs[0].stderr.decode(errors="replace")
    if any(done.returncode for done in runs) or any(text in said for text in WARNINGS):
        return None
    totals = TOTALS.search(runs[0].stdout.decode(errors="replace"))
    sums = collections.Counter()
    for line in runs[1].stdout.decode(errors="replace").splitlines():
        found = VALUE.match(line.strip())
        if found and found.group(1) in SUMMED:
            sums[found.group(1)] += int(found.group(2))
    return [int(text) for text in totals.groups()], sums


def of_weir(weir, file):
    done = subprocess.run([weir, "collect", "-r", file, "--to", "json:-", "--stats", "/dev/stderr"],
                          capture_output=True, timeout=60, check=True)
    counted = json.loads(done.stderr)
    sums = collections.Counter()
    for line in done.stdout.splitlines():
        record = json.loads(line)
        for name in SUMMED:
            if isinstance(record.get(name), int):
                sums[name] += record[name]
    return [counted["records"] + counted["options_records"],
            counted["templates"] + counted["options_templates"]], sums


def main():
    weir = sys.argv[1]
    folder = os.path.join(os.environ["WEIR_SHARED"], "data", "export")
    if not os.path.isdir(folder) or not shutil.which("ipfixDump"):
        print("skipped: ../shared/data/export or ipfixDump is not here")
        sys.exit(77)
    files = records = wrong = 0
    for file in sorted(glob.glob(folder + "/*/*.ipfix")):
        name = os.path.relpath(file, folder)
        theirs = None if name in LEFT_OUT else of_fixbuf(file)
        if theirs is None:
            continue
        mine = of_weir(weir, file)
        files += 1
        records += mine[0][0]
        if mine[0] != theirs[0] or +mine[1] != +theirs[1]:
            print(f"{name}: {mine}, not {theirs}")
            wrong += 1
    print(f"{files} files, {records} records, {wrong} files wrong")
    sys.exit(wrong > 0 or files < FILES_MIN or records < RECORDS_MIN)


main()
