#!/usr/bin/env python3
"""Rule files that change while the service runs, and how it starts and ends."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

HOOKS = {"hooks": {"in": {"verify": "none", "id": {"json": "/id"}}}}


def says(text, wait=""):
    return f"""
api: pawl/1
rule: says
when: {{webhook: in}}
do:
{wait}
  - set: {{word: "{text}"}}
  - emit: said
    data: {{word: =word}}
"""


def said(pawl):
    return [pawl.client.ok("GET", f"/api/events/{e['id']}")["data"]["word"]
            for e in pawl.events(type="said")]


def word_of_next(pawl, id):
    before = len(said(pawl))
    same(pawl.hook("in", {"id": id}).status, 202, "status")
    return until(lambda: said(pawl)[before:], what="the run's event")[0]


def rules_hash(pawl):
    return pawl.client.ok("GET", "/api/rules")


@test
def sighup_loads_an_edited_rule(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one")})
    same(word_of_next(pawl, "1"), "one", "word")
    pawl.write("rules/says.yaml", says("two"))
    pawl.reload()
    n = [1]

    def two():
        n[0] += 1
        return word_of_next(pawl, str(n[0])) == "two"
    until(two, what="the edited rule")


@test
def a_changed_file_is_seen_without_a_signal(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one")})
    same(word_of_next(pawl, "1"), "one", "word")
    pawl.write("rules/says.yaml", says("two"))
    n = [1]

    def two():
        n[0] += 1
        return word_of_next(pawl, str(n[0])) == "two"
    until(two, what="the edited rule")


@test
def a_broken_file_is_refused_whole_and_the_old_rules_stay(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one")})
    same(word_of_next(pawl, "1"), "one", "word")
    pawl.write("rules/more.yaml", says("other").replace("rule: says", "rule: more"))
    pawl.write("rules/says.yaml", says("two").replace("emit:", "omit:"))
    pawl.reload()
    until(lambda: "says.yaml" in pawl.log(), what="a word about the mistake")
    same(word_of_next(pawl, "2"), "one", "word of the old rule")
    same(len(said(pawl)), 2, "events: the new rule beside the broken one is not there")
    pawl.write("rules/says.yaml", says("three"))
    pawl.reload()
    pawl_words = until(lambda: [word_of_next(pawl, "3")], what="the mended rule")
    assert pawl_words[0] in ("one", "three", "other")


@test
def a_broken_file_refuses_to_start(case):
    pawl = case.pawl(start=False, config=HOOKS, rules={"says.yaml": says("x").replace("do:", "du:")})
    done = pawl.run("serve", "-c", "pawl.yaml", timeout=5)
    assert done.returncode != 0, "it started"
    assert "says.yaml:" in done.stderr + done.stdout, done


@test
def a_parked_run_keeps_its_version(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one", "  - wait: 3s")})
    pawl.hook("in", {"id": "1"})
    pawl.wait_state("waiting")
    pawl.write("rules/says.yaml", says("two", "  - wait: 3s"))
    pawl.restart()
    pawl.hook("in", {"id": "2"})
    pawl.wait_ended(2, timeout=12)
    same(sorted(said(pawl)), ["one", "two"], "words")


@test
def a_parked_run_ends_although_its_rule_is_gone(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one", "  - wait: 3s")})
    pawl.hook("in", {"id": "1"})
    pawl.wait_state("waiting")
    (pawl.folder / "rules/says.yaml").unlink()
    pawl.restart()
    pawl.wait_ended(1, timeout=12)
    same(said(pawl), ["one"], "words")


@test
def sigterm_lets_a_call_under_way_end(case):
    sandbox = case.sandbox()
    pawl = case.pawl(config={**HOOKS, "connections": {"constant_contact": sandbox.connection()}},
                     rules={"call.yaml": """
api: pawl/1
rule: call
when: {webhook: in}
do:
  - call: constant_contact.create_contact_tag
    with: {name: slow}
"""})
    sandbox.fault("delay", "/v3/contact_tags", delay_ms=1500, after_acting=True)
    pawl.hook("in", {"id": "1"})
    until(lambda: sandbox.requests("POST", "/contact_tags"), what="the request")
    same(pawl.term(), 0, "exit code")
    pawl.start()
    pawl.one()
    same(len(sandbox.requests("POST", "/contact_tags")), 1, "requests")


@test
def sigterm_ends_an_idle_service_at_once(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one", "  - wait: 1h")})
    pawl.hook("in", {"id": "1"})
    pawl.wait_state("waiting")
    same(pawl.term(timeout=3), 0, "exit code")
    pawl.start()
    pawl.wait_state("waiting")


@test
def a_store_that_is_in_use_is_refused(case):
    pawl = case.pawl(config=HOOKS, rules={"says.yaml": says("one")})
    other = case.pawl(start=False, config={**HOOKS, "store": pawl.config["store"]})
    done = other.run("serve", "-c", "pawl.yaml", timeout=5)
    same(done.returncode, 3, f"exit code ({done.stderr})")
    assert str(pawl.process.pid) in done.stderr or "lock" in done.stderr or "use" in done.stderr, done
    same(word_of_next(pawl, "1"), "one", "word: the first is unharmed")


if __name__ == "__main__":
    sys.exit(main())
