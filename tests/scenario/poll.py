#!/usr/bin/env python3
"""The trigger poll: what is new or has changed in a list starts a run, each time once."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

RULE = """
api: pawl/1
rule: leads
when:
  - poll: constant_contact.list_contacts
    with: {updated_after: =poll.since, status: all}
    every: 1s
    key: item.contact_id
    changed: =item.updated_at
    FIRST
do:
  - emit: seen
    data: {id: =data.contact_id, change: =event.change}
"""


def service(case, first="first: skip"):
    sandbox = case.sandbox()
    return sandbox, case.pawl(rules={"r.yaml": RULE.replace("FIRST", first)}, config={
        "connections": {"constant_contact": sandbox.connection()}})


def contact(sandbox, email):
    return sandbox.api("POST", "/contacts", {"email_address": {"address": email}, "create_source": "Account"})


def looks(pawl, n):
    """At least n more looks have ended."""
    def ended():
        return len([r for r in pawl.runs(rule="leads.poll") if r["state"] == "completed"])
    before = ended()
    until(lambda: ended() >= before + n, 15, "looks")


def seen(pawl):
    return sorted((e["data"]["id"], e["data"]["change"]) for e in pawl.events(type="seen"))


@test(limit=60)
def what_is_new_or_has_changed_starts_a_run_once_over_kills(case):
    sandbox, pawl = service(case)
    looks(pawl, 1)
    same(seen(pawl), [], "what was there already")
    first = contact(sandbox, "new@example.com")
    until(lambda: seen(pawl) == [(first["contact_id"], "new")], 15, "the new one")
    pawl.restart()
    looks(pawl, 2)
    same(seen(pawl), [(first["contact_id"], "new")], "once")
    sandbox.api("PUT", f"/contacts/{first['contact_id']}", {
        "email_address": {"address": "new@example.com"}, "first_name": "Eve", "update_source": "Account"})
    until(lambda: (first["contact_id"], "changed") in seen(pawl), 15, "the change")
    made = [(contact(sandbox, f"k{i}@example.com")["contact_id"], "new") for i in range(30)]
    for _ in range(3):
        pawl.restart()
    until(lambda: set(made) <= set(seen(pawl)), 30, "all that were made")
    looks(pawl, 2)
    same(seen(pawl), sorted(made + [(first["contact_id"], "new"), (first["contact_id"], "changed")]), "events")
    same(pawl.runs(rule="leads", state="failed"), [], "failed runs")


@test(limit=40)
def first_all_tells_what_is_there(case):
    sandbox, pawl = service(case, "first: all")
    n = sandbox.state()["contacts"]
    until(lambda: len(seen(pawl)) >= n, 20, "all contacts")
    looks(pawl, 1)
    same(len({i for i, _ in seen(pawl)}), len(seen(pawl)), "each once")


@test(limit=40)
def a_look_that_fails_tells_nothing_and_the_next_one_does(case):
    sandbox, pawl = service(case)
    looks(pawl, 1)
    new = contact(sandbox, "late@example.com")
    sandbox.fault("throttled", "/v3/contacts", method="GET", times=2)
    until(lambda: seen(pawl) == [(new["contact_id"], "new")], 25, "the new one")


if __name__ == "__main__":
    sys.exit(main())
