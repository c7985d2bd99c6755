#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_netgauze.py WEIR

Collects captures of ../shared that lie there with what NetGauze decoded of them, and compares the
values field by field: numbers, addresses, texts, octets and TCP flags. What NetGauze gives names
instead of numbers (protocols, algorithms) and times in forms of its own are left out.
"""
import glob
import json
import os
import subprocess
import sys

FILES_MIN = 10
VALUES_MIN = 5000
TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]


def fields_of(record):
    """(name, value) of all fields; those of one element in order, as weir numbers them."""
    counts = {}
    for field in record.get("scope_fields", []) + record["fields"]:
        for name, value in field.items():
            counts[name] = counts.get(name, 0) + 1
            yield (name if counts[name] == 1 else f"{name}#{counts[name]}"), value


def records_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            for packet in json.loads(line).values():
                for data in packet["sets"]:
                    for record in data.get("Data", {}).get("records", []):
                        yield dict(fields_of(record))


def comparable(value):
    """Of NetGauze's value what weir would print; None where the forms differ."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, list) and all(isinstance(octet, int) for octet in value):
        return "0x" + bytes(value).hex()
    if isinstance(value, dict) and list(value)[:8] == TCP_FLAGS:
        return sum(1 << bit for bit, flag in enumerate(TCP_FLAGS) if value[flag])
    return value if isinstance(value, int) else None


def is_address(value):
    return isinstance(value, str) and (value.count(".") == 3 or value.count(":") >= 2)


def compare(name, mine, theirs, values):
    wrong = 0
    for index, (record, fields) in enumerate(zip(mine, theirs)):
        for element, value in fields.items():
            expected = value if is_address(value) else comparable(value)
            if element not in record:
                print(f"{name}: record {index + 1}: lacks {element}: {value}")
                wrong += 1
            if expected is None or element not in record:
                continue
            got = record[element]
            if isinstance(got, int) != isinstance(expected, int) or isinstance(got, bool):
                continue
            if isinstance(got, str) and is_address(value) != is_address(got):
                continue
            values[0] += 1
            if got != expected:
                print(f"{name}: record {index + 1}: {element}: {got} is not {expected}")
                wrong += 1
    return wrong


def main():
    weir = sys.argv[1]
    export = os.path.join(os.environ["WEIR_SHARED"], "data", "export")
    goldens = sorted(glob.glob(export + "/**/netgauze-*-flow.json", recursive=True)
                     + glob.glob(export + "/netgauze/*-flow.json"))
    if not goldens:
        print("skipped: ../shared/data/export has nothing of NetGauze's")
        sys.exit(77)
    files, values, wrong = 0, [0], 0
    for golden in goldens:
        capture = golden.replace("netgauze-", "").removesuffix("-flow.json") + ".pcap"
        if not os.path.exists(capture):
            continue
        done = subprocess.run([weir, "collect", "-r", capture], capture_output=True, timeout=60,
                              check=True)
        mine = [json.loads(line) for line in done.stdout.splitlines()]
        theirs = list(records_of(golden))
        name = os.path.relpath(golden, export)
        if len(mine) != len(theirs):
            print(f"{name}: {len(mine)} records, {len(theirs)} of NetGauze's")
            continue
        files += 1
        wrong += compare(name, mine, theirs, values)
    print(f"{files} files, {values[0]} values compared, {wrong} wrong")
    sys.exit(wrong > 0 or files < FILES_MIN or values[0] < VALUES_MIN)


main()
