#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: check-registry.py DUMP-PROGRAM DATA-FOLDER

Reads IANA's registry again, by plain text search and not by the generator's parser, and checks
that every element is found by number and by name with what the XML says, that its reverse is
found where there is one, and that numbers which the registry does not assign are not found.
"""
import html
import re
import subprocess
import sys

dump, folder = sys.argv[1:]
text = open(folder + "/iana/ipfix-2026-07-22.xml", encoding="utf-8").read()
start = text.index('<registry id="ipfix-information-elements">')
end = text.index("<registry id=", start + 1)

elements, others = {}, []
for record in re.findall(r"<record\b[^>]*>(.*?)</record>", text[start:end], re.S):
    def field(tag):
        found = re.search(rf"<{tag}>\s*(.*?)\s*</{tag}>", record, re.S)
        return html.unescape(found.group(1)) if found else ""

    numbers = field("elementId")
    if field("dataType"):
        elements[int(numbers)] = {tag: field(tag) for tag in (
            "name", "dataType", "dataTypeSemantics", "units", "range", "status")}
    else:
        low, _, high = numbers.partition("-")
        others += [int(low), int(high or low)]

assert len(elements) > 490 and 1 in elements and 533 in elements, len(elements)
asked = "".join(f"0 {n} {e['name']}\n" for n, e in elements.items())
asked += "".join(f"29305 {n} reverse{e['name'][0].upper()}{e['name'][1:]}\n"
                 for n, e in elements.items())
asked += "".join(f"0 {n} Unassigned\n" for n in others)
answers = subprocess.run([dump], input=asked, capture_output=True, text=True,
                         check=True).stdout.splitlines()
answers = list(zip(answers[::2], answers[1::2]))
count = len(elements)
assert len(answers) == 2 * count + len(others), len(answers)

wrong = 0


def expect(what, got, wanted):
    global wrong
    if got != wanted:
        print(f"{what}: got {got!r}, the registry says {wanted!r}")
        wrong += 1


no_reverse = []
for index, (number, e) in enumerate(elements.items()):
    low, _, high = "".join(e["range"].split()).partition("-")
    units = "" if e["units"] in ("none", "inferred") else " ".join(e["units"].split())
    row = "\t".join(map(str, (
        e["dataType"], e["dataTypeSemantics"] or "default", units, int(bool(low)),
        int(low or "0", 0), int(high or "0", 0), int(e["status"] == "deprecated"))))
    line = f"0\t{number}\t{e['name']}\t{row}"
    expect(f"number {number}", answers[index][0], line)
    expect(f"name {e['name']}", answers[index][1], line)
    reverse = f"29305\t{number}\treverse{e['name'][0].upper()}{e['name'][1:]}\t{row}"
    if answers[count + index] == ("none", "none"):
        no_reverse.append(number)
    else:
        expect(f"reverse {number}", answers[count + index], (reverse, reverse))
for number, answer in zip(others, answers[2 * count:]):
    expect(f"unassigned {number}", answer, ("none", "none"))

# RFC 5103 section 6.1 by name of its list, and a Flow Key, which has a reverse.
for number in (148, 145, 149, 137, 130, 173, 41, 40, 42, 163, 168, 210, 239):
    if number not in no_reverse:
        print(f"{number} must not be reversible")
        wrong += 1
for number in (1, 2, 4, 7, 8, 27, 136, 152):
    if number in no_reverse:
        print(f"{number} must be reversible")
        wrong += 1
print(f"{count} elements, {count - len(no_reverse)} reverse ones, {wrong} wrong")
sys.exit(wrong != 0)
