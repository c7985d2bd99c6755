#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: count-tests.py TESTLOG.json
Prints how many cases of a Meson test run passed, failed and were skipped, and below that each test
that failed with the lines that say why; on stderr why cases were skipped. A test that prints TAP
counts by its cases, any other test as one."""
import collections
import json
import re
import sys

TELLING = re.compile(r"^not ok \d+(?!.*# SKIP)|^FAIL|^Traceback|AssertionError|== ?ERROR:|"
                     r"runtime error:|WARNING: ThreadSanitizer|^Base64: ")


def account(test):
    """A failed test's name and result, and what of its output says why: each of the first telling
    lines with two after it, or the last lines where none tells."""
    # What a test prints on stdout is on stderr again where it failed: tests/run-test.sh.
    printed = test["stdout"].splitlines() + test.get("stderr", "").splitlines()
    lines = [line[:160] for line in dict.fromkeys(printed)]
    told = [n for n, line in enumerate(lines) if TELLING.search(line)][:3]
    shown = sorted({n + after for n in told for after in range(3) if n + after < len(lines)})
    shown = shown or range(max(0, len(lines) - 4), len(lines))
    return [f"{test['name']}: {test['result']} after {test['duration']:.0f} s",
            *(f"  {lines[n]}" for n in shown)]


passed = failed = skipped = 0
reasons = collections.Counter()
failures = []
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
            failures += account(test)
        elif not cases:
            passed += 1
        failed += test_failed
        skipped += test_skipped
        reasons.update(re.findall(r"^(?:# )?(skipped: .*)$", test["stdout"], re.MULTILINE))
for reason, count in reasons.most_common():
    print(f"  {reason}" + (f" ({count} times)" if count > 1 else ""), file=sys.stderr)
print(f"{passed} {failed} {skipped}", *failures, sep="\n")
