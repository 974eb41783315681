#!/usr/bin/env python3
"""The cookbook: every recipe is clean, in its one layout, and passes tests that go all its ways."""

import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, main, same, test  # noqa: E402 pylint: disable=C0413

BOOK = REPO / "docs/cookbook"


def copied(case):
    """The folder as somebody else has it, whose pawl.yaml is the book's own."""
    pawl = case.pawl(start=False, rules={})
    for own in ("rules", "actions"):  # the product's own actions are meant
        shutil.rmtree(pawl.folder / own, ignore_errors=True)
    for part in ("rules", "scripts"):
        shutil.copytree(BOOK / part, pawl.folder / part, dirs_exist_ok=True)
    shutil.copy(BOOK / "pawl.yaml", pawl.folder / "pawl.yaml")
    return pawl


@test
def the_book_has_twenty_recipes_and_its_index_all_of_them(case):
    files = sorted(f.name for f in (BOOK / "rules").glob("*.yaml"))
    assert len(files) >= 20, len(files)
    named = re.findall(r"\(rules/([a-z-]+\.yaml)\)", (BOOK / "README.md").read_text())
    same(sorted(named), files, "recipes of the index")
    untested = [f for f in files if "\ntests:" not in (BOOK / "rules" / f).read_text()]
    same(untested, [], "recipes without tests")
    assert case


@test
def each_is_clean_and_laid_out(case):
    pawl = copied(case)
    done = pawl.run("check")
    same((done.returncode, done.stdout), (0, ""), "check: " + done.stderr)
    before = {f.name: f.read_text() for f in (pawl.folder / "rules").glob("*.yaml")}
    pawl.command("fmt", "rules")
    for name, text in before.items():
        same((pawl.folder / "rules" / name).read_text(), text, f"layout of {name}")


@test
def each_passes_tests_that_go_all_its_ways(case):
    pawl = copied(case)
    done = pawl.run("test", "--coverage")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    ways = re.findall(r": ([a-z-]+): (\d+) of (\d+) ways", done.stdout + done.stderr)
    assert len(ways) >= 20, done.stdout
    same([(r, have, all_) for r, have, all_ in ways if have != all_], [], "ways that no test goes")


if __name__ == "__main__":
    sys.exit(main())
