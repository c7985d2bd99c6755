#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: generate-elements.py FOLDER [OUTPUT]

Turns the registries in FOLDER into the C tables behind src/ie/element.h: all elements ordered by
(PEN, id), and two open-addressed hash tables of indices into them, by number and by name.
Without OUTPUT the C text goes to standard output.

An element that two sources name is taken from the first one in SOURCES.
"""
import csv
import os
import sys
import xml.etree.ElementTree as ElementTree

# informationElementDataType and informationElementSemantics of IANA's IPFIX registry, in the
# order of their numbers; src/ie/element.h has the same numbers.
TYPES = """octetArray unsigned8 unsigned16 unsigned32 unsigned64 signed8 signed16 signed32 signed64
    float32 float64 boolean macAddress string dateTimeSeconds dateTimeMilliseconds
    dateTimeMicroseconds dateTimeNanoseconds ipv4Address ipv6Address basicList subTemplateList
    subTemplateMultiList unsigned256""".split()
SEMANTICS = """default quantity totalCounter deltaCounter identifier flags list snmpCounter
    snmpGauge""".split()
TYPE_NUMBERS = {name.lower(): number for number, name in enumerate(TYPES)}
SEMANTICS_NUMBERS = {name.lower(): number for number, name in enumerate(SEMANTICS)}

IANA_NAMESPACE = "{http://www.iana.org/assignments}"
CERT_NAMESPACE = "{http://www.cert.org/ipfix}"

REVERSE_PEN = 29305        # RFC 5103 section 6.1
CERT_PEN = 6871
OWN_REVERSE_BIT = 0x4000  # CERT's own use of RFC 5103 section 6.2

# RFC 5103 section 6.1: what describes the record, the process or the session has no reverse.
# The first two lines are the RFC's own list; the rest are later elements that meet its criteria.
NOT_REVERSIBLE = set(
    [148, 145, 149, 137, 130, 131, 173, *range(211, 218)]           # identifiers, configuration
    + [40, 41, 42, *range(163, 169), 210, 239]                      # statistics, padding, biflow
    + [160, 259, 260, 261, 262, 263, 264, 265, *range(266, 277)]    # RFC 5655 and session scope
    + [287, 291, 292, 293, 303, *range(339, 347)]                   # RFC 5610, RFC 6313
    + [*range(434, 450)]                                            # RFC 8038
)


class RegistryError(Exception):
    pass


class Element:
    """One Information Element as a registry gives it; raises RegistryError where it is wrong."""

    def __init__(self, pen, number, name, data_type, semantics="", units="", bounds="",
                 deprecated=False):
        self.pen = int(pen)
        self.number = int(number)
        self.name = name.strip()
        self.units = " ".join((units or "").split())
        if self.units in ("none", "inferred"):
            self.units = ""
        self.deprecated = deprecated
        try:
            self.type = TYPE_NUMBERS[data_type.strip().lower()]
            self.semantics = SEMANTICS_NUMBERS[(semantics or "default").strip().lower()]
        except KeyError as unknown:
            raise RegistryError(f"{self}: no such type or semantics: {unknown}") from None
        self.range = parse_range(bounds)
        if not 0 <= self.number < 32768:
            raise RegistryError(f"{self}: number out of range")
        if not self.name.isascii() or not all(c.isalnum() or c in "-_" for c in self.name):
            raise RegistryError(f"{self}: name has characters that names do not have")

    def __str__(self):
        return f"{self.pen}/{self.number} {self.name}"

    def reversed(self, pen, number):
        other = object.__new__(Element)
        other.__dict__.update(self.__dict__)
        other.pen, other.number = pen, number
        other.name = "reverse" + self.name[0].upper() + self.name[1:]
        return other


def parse_range(text):
    """'0-0xFFFF' as (0, 65535); None where there is no range."""
    text = "".join((text or "").split())
    if not text:
        return None
    low, separator, high = text.partition("-")
    if not separator:
        raise RegistryError(f"range '{text}' is not LOW-HIGH")
    return int(low, 0), int(high, 0)


def read_iana(path, pen):
    """IANA's XML form, which several enterprises use too."""
    for registry in ElementTree.parse(path).getroot().iter(IANA_NAMESPACE + "registry"):
        if not registry.get("id").endswith("-information-elements"):
            continue
        for record in registry.findall(IANA_NAMESPACE + "record"):
            def field(name):
                return record.findtext(IANA_NAMESPACE + name, "").strip()

            # Reserved and unassigned numbers, and ranges of them, have no data type.
            if not field("dataType"):
                continue
            element = Element(record.findtext(CERT_NAMESPACE + "enterpriseId", str(pen)),
                              field("elementId"), field("name"), field("dataType"),
                              field("dataTypeSemantics"), field("units"), field("range"),
                              field("status") in ("deprecated", "obsolete"))
            yield element
            if record.findtext(CERT_NAMESPACE + "reversible", "").strip() == "true":
                yield element.reversed(CERT_PEN, element.number | OWN_REVERSE_BIT)


def read_libfds(path, pen):
    """The XML form of libfds: one <scope> with the PEN, then <element>s."""
    root = ElementTree.parse(path).getroot()
    if int(root.findtext("scope/pen")) != pen:
        raise RegistryError(f"{path}: PEN is not {pen}")
    for element in root.findall("element"):
        yield Element(pen, element.findtext("id"), element.findtext("name"),
                      element.findtext("dataType"), element.findtext("dataSemantics"),
                      element.findtext("units"),
                      deprecated=element.findtext("status") == "deprecated")


def read_csv(path, pen):
    """CSV with a header row; the names of columns are IANA's, Antrea's or vendors.csv's."""
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            def field(*names):
                return next((row[name] for name in names if row.get(name)), "")

            element = Element(field("pen", "Enterprise ID") or pen, field("id", "ElementID"),
                              field("name", "Name"), field("type", "Abstract Data Type"),
                              field("Data Type Semantics"), field("Units"), field("Range"),
                              field("Status") == "deprecated")
            yield element
            if field("Reversible") == "yes":
                yield element.reversed(element.pen, element.number | OWN_REVERSE_BIT)


def read_ntop(path, pen):
    """PEN.ID,name,kind: kinds are of presentation, so a width is the exporter's to choose."""
    kinds = {"uint": "unsigned64", "string": "string", "hex": "octetArray", "proto": "unsigned8"}
    with open(path, encoding="utf-8", newline="") as file:
        for number, name, kind in csv.reader(line for line in file if not line.startswith("#")):
            row_pen, _, number = number.partition(".")
            if int(row_pen) != pen:
                raise RegistryError(f"{path}: PEN is not {pen}")
            if kind == "ip":
                kind = "ipv6Address" if "ipv6" in name else "ipv4Address"
            yield Element(pen, number, name, kinds.get(kind, kind))


SOURCES = [
    ("iana/ipfix-2026-07-22.xml", 0, read_iana),
    ("enterprise/cisco-9.xml", 9, read_libfds),
    ("enterprise/nokia-637.xml", 637, read_iana),
    ("enterprise/huawei-2011.xml", 2011, read_iana),
    ("enterprise/netgauze-3746.xml", 3746, read_iana),
    ("enterprise/netscaler-5951.xml", 5951, read_libfds),
    ("enterprise/cert-6871.xml", CERT_PEN, read_iana),
    ("enterprise/vmware-6876.xml", 6876, read_iana),
    ("enterprise/cesnet-8057.xml", 8057, read_libfds),
    ("enterprise/muni-16982.xml", 16982, read_libfds),
    ("enterprise/ntop-35632.csv", 35632, read_ntop),
    ("enterprise/flowmon-39499.xml", 39499, read_libfds),
    ("enterprise/antrea-56506.csv", 56506, read_csv),
    ("enterprise/vendors.csv", None, read_csv),
    ("enterprise/builtin.csv", 4294967294, read_csv),
]


def read_all(folder):
    """All elements of all sources and the reverse ones, ordered by (PEN, number)."""
    elements = {}
    for path, pen, read in SOURCES:
        count = 0
        for element in read(os.path.join(folder, path), pen):
            elements.setdefault((element.pen, element.number), element)
            count += 1
        if count == 0:
            raise RegistryError(f"{path}: no elements")
    for element in [e for (pen, _), e in elements.items() if pen == 0]:
        if element.number not in NOT_REVERSIBLE:
            elements[REVERSE_PEN, element.number] = element.reversed(REVERSE_PEN, element.number)
    return [elements[key] for key in sorted(elements)]


def hash_number(pen, number, bits):
    """As weir_element_find in src/ie/element.c."""
    return ((pen << 16 | number) * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> (64 - bits)


def hash_name(name, bits):
    """FNV-1a folded to its high bits, as weir_element_by_name in src/ie/element.c."""
    value = 0xCBF29CE484222325
    for octet in name.encode():
        value = (value ^ octet) * 0x100000001B3 & (1 << 64) - 1
    return (value * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> (64 - bits)


def open_addressed(hashes, bits):
    """Slots of index + 1, 0 for empty, linear probing."""
    slots = [0] * (1 << bits)
    for index, slot in hashes:
        while slots[slot]:
            slot = (slot + 1) % len(slots)
        slots[slot] = index + 1
    return slots


def name_owners(elements):
    """Which index a name leads to: IANA's before an enterprise's, current before deprecated."""
    owners = {}
    order = sorted(range(len(elements)),
                   key=lambda i: (elements[i].pen != 0, elements[i].deprecated, i))
    for index in order:
        owners.setdefault(elements[index].name, index)
    return owners


def write(elements, out):
    bits = (len(elements) * 2).bit_length()
    numbers = open_addressed(
        ((i, hash_number(e.pen, e.number, bits)) for i, e in enumerate(elements)), bits)
    names = open_addressed(
        ((i, hash_name(name, bits)) for name, i in sorted(name_owners(elements).items())), bits)
    out.write("/* Generated by data/generate-elements.py. */\n")
    out.write('#include "ie/element-tables.h"\n\n')
    out.write("const struct weir_element weir_element_rows[] = {\n")
    for e in elements:
        low, high = e.range or (0, 0)
        out.write(f'    {{"{e.name}", "{e.units}", {low}u, {high}u, {e.pen}u, {e.number}, '
                  f"{e.type}, {e.semantics}, {int(e.range is not None)}, "
                  f"{int(e.deprecated)}}},\n")
    out.write("};\n")
    out.write(f"const uint32_t weir_element_count = {len(elements)};\n")
    out.write(f"const uint32_t weir_element_hash_bits = {bits};\n")
    for table, slots in (("numbers", numbers), ("names", names)):
        out.write(f"const uint16_t weir_element_{table}[{len(slots)}] = {{\n")
        for start in range(0, len(slots), 16):
            out.write("    " + " ".join(f"{slot}," for slot in slots[start:start + 16]) + "\n")
        out.write("};\n")


def main():
    try:
        elements = read_all(sys.argv[1])
    except (RegistryError, OSError, ValueError, ElementTree.ParseError) as error:
        sys.exit(f"generate-elements.py: {error}")
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w", encoding="utf-8") as out:
            write(elements, out)
    else:
        write(elements, sys.stdout)


if __name__ == "__main__":
    main()
