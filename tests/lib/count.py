#!/usr/bin/env python3
"""Counts what meson's tests have found and prints `N passed, N failed` as its last line.

Reads testlog.json, one JSON object a line and one a test. A cmocka program counts by its cases; a
test that itself prints `N passed, N failed` counts by that line; any other test counts once. A
program that crashed, ran out of time or left a case unfinished counts as failed, whatever it printed.
"""

import json
import re
import sys

CASE = re.compile(r"^\[ +(RUN|OK|FAILED|SKIPPED) +\] (.*)$", re.M)
TOTAL = re.compile(r"^(?:[\w.-]+: )?\d+ test\(s\)")
LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
GOOD = ("OK", "EXPECTEDFAIL")


class Tally:
    """What one test, or all of them together, came to; `failed` holds names."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def line(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def why_failed(test):
    code = test.get("returncode", 0)
    if test["result"] == "TIMEOUT":
        return "ran out of time"
    if code < 0:
        return f"ended by signal {-code}"
    return f"exit code {code}"


def of_cases(cases):
    """Counts cmocka's cases: a failed or skipped one is printed again at the end."""
    tally, begun, ended, failed, skipped = Tally(), [], set(), {}, set()
    for word, name in cases:
        if word == "RUN":
            begun.append(name)
            continue
        if TOTAL.match(name):
            continue
        ended.add(name)
        if word == "OK":
            tally.passed += 1
        elif word == "SKIPPED":
            skipped.add(name)
        else:
            failed[name] = True
    tally.skipped = len(skipped)
    tally.failed = list(failed) + [f"{n} (not finished)" for n in begun if n not in ended]
    return tally


def of_test(test):
    out, name = test.get("stdout") or "", test["name"]
    tally, lines = Tally(), LINE.findall(out)
    cases = CASE.findall(out + "\n" + (test.get("stderr") or ""))
    if test["result"] == "SKIP":
        tally.skipped = 1
        return tally
    if cases:
        tally = of_cases(cases)
        tally.failed = [f"{name}: {c}" for c in tally.failed]
    elif lines:
        passed, failed, skipped = (int(n or 0) for n in lines[-1])
        tally.passed, tally.skipped = passed, skipped
        tally.failed = [f"{name}: {i + 1} of {failed}" for i in range(failed)]
    elif test["result"] in GOOD:
        tally.passed = 1
    if test["result"] not in GOOD and not tally.failed:
        tally.failed = [f"{name}: {why_failed(test)}"]
    return tally


def main(paths):
    total = Tally()
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                if line.strip():
                    total.add(of_test(json.loads(line)))
    for name in total.failed:
        print(f"FAILED {name}")
    if not total.passed and not total.failed and not total.skipped:
        print("FAILED no test was run")
        total.failed.append("none")
    print(total.line())
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
