#!/usr/bin/env python3
"""The catalogue, as it is shown: examples that can be pasted, and are understood as they stand."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, main, same, test  # noqa: E402 pylint: disable=C0413

HEAD = "api: pawl/1\nrule: examples\nwhen:\n  - event: examples.wanted\ndo:\n"
CONFIG = {"connections": {"constant_contact": {"connector": "constant_contact",
                                               "auth": {"bearer": "any"}}}}


def example_of(text):
    """The step at the end of a description."""
    lines = text[text.rindex("\nexample"):].splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("  - call: "))
    return "\n".join(lines[at:]) + "\n"


@test
def every_example_is_a_step_that_checks(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={})
    names = [a["name"] for a in json.loads(pawl.command("actions", "--json"))
             if a["name"].startswith("constant_contact.")]
    same(len(names), 128, "number of actions")
    rule = HEAD
    for name in names:
        rule += example_of(pawl.command("actions", name))
        rule += example_of(pawl.command("actions", "--full", name))
    pawl.write("rules/examples.yaml", rule)
    done = pawl.run("check")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "warning" not in done.stdout + done.stderr, done.stdout[:3000]


@test
def every_listed_title_is_found(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={})
    found = 0
    for line in (REPO / "tests/unit/actions/operations.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, _, _, _, title = line.split(None, 4)
        if title == "-":
            continue
        first = json.loads(pawl.command("actions", "--json", *title.split()))[0]
        assert first["title"] == title or title == "Remove Contact Tagging", (name, title, first)
        found += 1
    same(found, 93, "titles found")


if __name__ == "__main__":
    main()
