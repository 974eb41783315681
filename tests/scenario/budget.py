#!/usr/bin/env python3
"""What an API key may spend: a burst keeps to the rate, a used-up day parks runs and fails none."""

import datetime
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

HOOKS = {"in": {"verify": "none", "id": {"json": "/id"}}}
CONTACT = """
api: pawl/1
rule: contact
when: {webhook: in}
do:
  - call: constant_contact.create_contact
    with:
      email_address: {address: '=data.email', permission_to_send: implicit}
      create_source: Account
"""
READ = """
api: pawl/1
rule: read
when: {webhook: in}
do:
  - call: constant_contact.list_contact_lists
"""


def of_sandbox(case, sandbox, rule, budget, **options):
    return case.pawl(config={"hooks": HOOKS, "connections": {
        "constant_contact": sandbox.connection(budget=budget)}}, rules={"r.yaml": rule}, **options)


def send(pawl, n):
    for i in range(n):
        same(pawl.hook("in", {"id": str(i), "email": f"b{i}@example.com"}).status, 202, "answer")


def budget(pawl):
    found = json.loads(pawl.command("budget", "--json"))["budgets"]
    same(len(found), 1, "budgets")
    return found[0]


def seconds(entry):
    return datetime.datetime.fromisoformat(entry["at"].replace("Z", "+00:00")).timestamp()


def most_in_a_second(entries):
    at = sorted(seconds(e) for e in entries)
    return max(sum(1 for t in at if start <= t < start + 1) for start in at)


@test(limit=60)
def a_burst_keeps_to_the_rate_and_is_all_done(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT, {"per_second": 4, "per_day": 10000})
    send(pawl, 40)
    runs = pawl.wait_ended(40, timeout=45)
    same({r["state"] for r in runs}, {"completed"}, "states")
    sent = sandbox.requests("POST", "/contacts")
    same(len(sent), 40, "requests")
    same({e["status"] for e in sent}, {201}, "answers")
    assert most_in_a_second(sent) <= 4, [e["at"] for e in sent]
    told = budget(pawl)
    same((told["spent"], told["pauses"], told["waiting"]), (40, 0, 0), "spent, pauses, waiting")
    same([(s["name"], s["spent"]) for s in told["shares"]], [("contact", 40)], "shares")
    assert "40 of 10000 spent" in pawl.command("budget")
    assert 'pawl_budget_rule_spent{budget="constant_contact",rule="contact"} 40' in \
        pawl.client.get("/metrics").body


@test(limit=60)
def a_used_up_day_parks_the_rest_and_fails_none(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, READ, {"per_second": 100, "per_day": 20})
    send(pawl, 30)
    until(lambda: len(pawl.runs(state="completed")) == 20 and len(pawl.runs(state="waiting")) == 10,
          15, "20 completed runs and 10 that wait")
    same(len(sandbox.requests("GET", "/contact_lists")), 20, "requests")
    turns = budget(pawl)["turns_at"]
    for run in pawl.runs(state="waiting"):
        assert turns <= pawl.show(run["id"])["due"] <= turns[:14] + "01:10.000Z", run
    assert "used up" in pawl.command("budget")
    # A restart does not open the day again, for rules or for people.
    pawl.restart()
    until(lambda: budget(pawl)["left"] == 0, what="the day's sum after a restart")
    same(pawl.run("call", "constant_contact.list_contact_lists").returncode != 0, True, "refused")
    same(len(sandbox.requests("GET", "/contact_lists")), 20, "requests")
    same(len(pawl.runs(state="waiting")), 10, "waiting runs")


@test(limit=30)
def what_the_api_says_of_the_day_holds_for_all_of_the_key(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, READ, {"per_second": 100, "per_day": 1000})
    sandbox.fault("quota_exceeded", "/v3/contact_lists")
    send(pawl, 1)
    until(lambda: sandbox.requests("GET", "/contact_lists"), what="the refused request")
    until(lambda: budget(pawl)["left"] == 0, what="an exhausted day")
    same(pawl.hook("in", {"id": "later"}).status, 202, "answer")
    pawl.wait_runs(lambda runs: len(runs) == 2 and
                   all(r["state"] in ("waiting", "retrying") for r in runs), what="parked runs")
    same(len(sandbox.requests("GET", "/contact_lists")), 1, "requests")


@test(limit=30)
def connections_of_one_key_share_what_it_may_spend(case):
    sandbox = case.sandbox()
    limits = {"per_second": 100, "per_day": 10, "key": "app"}
    pawl = case.pawl(config={"hooks": HOOKS, "connections": {
        "constant_contact": sandbox.connection(budget=limits),
        "other": sandbox.connection(connector="constant_contact", budget=limits)}},
        rules={"r.yaml": READ, "o.yaml": READ.replace("rule: read", "rule: other").replace(
            "constant_contact.", "other.")})
    send(pawl, 10)
    until(lambda: len(pawl.runs(state="completed")) == 10 and len(pawl.runs(state="waiting")) == 10,
          15, "10 completed runs and 10 that wait")
    told = budget(pawl)
    same(told["connections"], ["constant_contact", "other"], "connections")
    same(sorted((s["name"], s["spent"] > 0) for s in told["shares"]),
         [("other", True), ("read", True)], "shares")


if __name__ == "__main__":
    sys.exit(main())
