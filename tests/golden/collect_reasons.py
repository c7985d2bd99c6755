#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: collect_reasons.py WEIR

Files of ../shared that were made to be wrong, or to look so: the counters of `weir collect` that
are not 0 say what became of each, and `weir inspect` says what is broken, at which octet, where
anything is. The projects that the files are from (ipfixcol, vermont, libnetflow9, logstash) agree
on what is wrong, and differ in what they keep of it.
"""
import json
import os
import subprocess
import sys

COUNTERS = ["messages", "messages_malformed", "malformed_version", "malformed_header",
            "malformed_length", "malformed_set", "malformed_template", "malformed_record",
            "records", "templates", "options_templates", "sets_unknown_template",
            "sets_reserved", "withdrawals_ignored", "templates_withdrawn"]

# File; its counters; what inspect says, in parts, in order.
CASES = [
    ("ipfixcol/bad-length-in-set-very-long.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_length": 1},
     ["octet 18: set length 15000 passes the end of the message"]),
    ("ipfixcol/bad-length-in-set.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_length": 1, "templates": 15,
      "sets_reserved": 1},
     ["octet 1008: template 258 has 60 fields, the set ends after 13",
      "octet 1316: the message ends here, 68 octets before its length says"]),
    ("ipfixcol/missing-template-258.ipfix",
     {"messages": 1, "records": 4, "templates": 15, "sets_unknown_template": 1}, []),
    ("ipfixcol/only-data-no-templates.ipfix", {"messages": 1, "sets_unknown_template": 3}, []),
    # It withdraws what was never there.
    ("ipfixcol/withdrawal-message-256.ipfix", {"messages": 1, "withdrawals_ignored": 1}, []),
    # NetFlow v9's scopes written into IPFIX as they were.
    ("ipfixcol/enterprise-from-nfv9.ipfix",
     {"messages": 10, "messages_malformed": 1, "malformed_template": 1, "records": 57,
      "templates": 4, "sets_unknown_template": 1},
     ["octet 380: options template 260 has 8 scope fields among 4 fields"]),
    ("vermont/incorrect_message_length.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_length": 1, "templates": 2},
     ["octet 116: the message ends here, 2 octets before its length says"]),
    ("vermont/template_record_field_number_too_big.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_template": 1, "templates": 1},
     ["octet 20: template 998 has 12 fields, the set ends after 11"]),
    ("vermont/template_set_length_exceeds_message_boundary.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_set": 1, "templates": 1},
     ["octet 70: set length 56 passes the end of the message, 48 octets remain"]),
    ("vermont/template_set_length_too_small.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_template": 1},
     ["octet 20: template 998 has 11 fields, the set ends after 10",
      "octet 68: set length 2 is shorter than its header"]),
    ("vermont/variable_length_template_and_data_exceeding_message_boundary.ipfix",
     {"messages": 1, "messages_malformed": 1, "malformed_record": 1, "records": 1, "templates": 1},
     ["octet 35: a record of template 998 passes the end of its set"]),
    # NetFlow v9's set ids in IPFIX: 0 has no meaning there.
    ("vermont/two_correct_data_templates.ipfix", {"messages": 1, "sets_reserved": 1}, []),
    ("vermont/two_correct_templates_in_one_set.ipfix", {"messages": 1, "templates": 2}, []),
    ("logstash/netflow5_test_invalid01.dat",
     {"messages": 1, "messages_malformed": 1, "malformed_length": 1, "records": 30},
     ["octet 2: count 55582 needs 2667936 octets of records, 1440 are there"]),
    ("logstash/netflow5_test_invalid02.dat",
     {"messages": 1, "messages_malformed": 1, "malformed_length": 1, "records": 30},
     ["octet 2: count 163 needs 7824 octets of records, 1440 are there"]),
    ("libnetflow9/malformed_1.pcap", {}, ["octet 24: records of template 259 have no octets",
                                          "octet 32: records of template 259 have no octets"]),
    ("libnetflow9/malformed_2.pcap", {}, ["octet 34: records of template 4096 have no octets"]),
    ("libnetflow9/malformed_3.pcap", {}, ["octet 24: records of template 259 have no octets"]),
]


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def check(weir, file, counters, reasons):
    wrong = []
    counted = json.loads(run(weir, "collect", "-r", file, "--to", "json:/dev/null", "--stats", "-"))
    got = {name: counted[name] for name in COUNTERS if counted[name]}
    if counters and got != counters:
        wrong.append(f"{got}, not {counters}")
    said = [line.split("!!", 1)[1].strip() for line in run(weir, "inspect", file).splitlines()
            if line.startswith("         !!")]
    if len(said) < len(reasons) or (said and not reasons) or not all(
            line.startswith(reason) for line, reason in zip(said, reasons)):
        wrong.append(f"{said}, not {reasons}")
    if bool(said) != bool(counted["messages_malformed"]):
        wrong.append(f"{counted['messages_malformed']} malformed messages")
    return wrong


def main():
    weir = sys.argv[1]
    folder = os.path.join(os.environ["WEIR_SHARED"], "data", "export")
    if not os.path.isdir(folder):
        print("skipped: ../shared/data/export is not here")
        sys.exit(77)
    bad = 0
    for name, counters, reasons in CASES:
        wrong = check(weir, os.path.join(folder, name), counters, reasons)
        bad += bool(wrong)
        for text in wrong:
            print(f"{name}: {text}")
    print(f"{len(CASES)} files, {bad} wrong")
    sys.exit(bad > 0)


main()
