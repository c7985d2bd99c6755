#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: count-tests.py TESTLOG.json
Prints how many cases of a Meson test run passed, failed and were skipped, and on stderr why those
were skipped. A test that prints TAP counts by its cases, any other test as one."""
import collections
import json
import re
import sys

passed = failed = skipped = 0
reasons = collections.Counter()
with open(sys.argv[1]) as log:
    for test in map(json.loads, log):
        cases = re.findall(r"^(not ok|ok) \d+(.*)$", test["stdout"], re.MULTILINE)
        test_skipped = sum("# SKIP" in text for _, text in cases)
        test_failed = sum(word == "not ok" and "# SKIP" not in text for word, text in cases)
        passed += len(cases) - test_skipped - test_failed
        if test["result"] == "SKIP":
            test_skipped = test_skipped or 1
        elif test["result"] not in ("OK", "EXPECTEDFAIL"):
            # A program that died after its last case, or had none, has no case to show for it.
            test_failed = test_failed or 1
        elif not cases:
            passed += 1
        failed += test_failed
        skipped += test_skipped
        reasons.update(re.findall(r"^(?:# )?(skipped: .*)$", test["stdout"], re.MULTILINE))
for reason, count in reasons.most_common():
    print(f"  {reason}" + (f" ({count} times)" if count > 1 else ""), file=sys.stderr)
print(passed, failed, skipped)
