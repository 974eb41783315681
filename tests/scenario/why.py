#!/usr/bin/env python3
"""pawl why: which part of a rule decided about an event, also after the rule was changed."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

RULES = """
api: pawl/1
rule: yes
when: {event: order.*, where: {country: [CH, DE]}}
if: data.sum > 10 and (data.vip or not contains(data.note, "test"))
do: [{log: x}]
---
api: pawl/1
rule: once-a-day
when: {event: order.made}
once: {key: =data.country, for: 1d}
do: [{log: x}]
---
api: pawl/1
rule: off
enabled: false
when: {event: order.made}
do: [{log: x}]
---
api: pawl/1
rule: by-hand
do: [{log: x}]
---
api: pawl/1
rule: other
when: [{event: other}, {webhook: in}]
do: [{log: x}]
"""


def rule(pawl, event, name):
    return json.loads(pawl.command("why", event, name, "--json"))["rules"][0]


def send(pawl, **data):
    return json.loads(pawl.command("send", "order.made", "--data", json.dumps(data), "--json"))["id"]


@test
def each_reason_is_told(case):
    pawl = case.pawl(config={"hooks": {"in": {"verify": "none"}}}, rules={"a.yaml": RULES})
    good = send(pawl, country="CH", sum=20, note="fine")
    answer = json.loads(pawl.command("why", good, "--json"))
    why = {r["rule"]: r for r in answer["rules"]}
    same(answer["of_its_time"], True, "rules of its time")
    same((why["yes"]["matched"], why["yes"].get("because")), (True, None), "what matched")
    same([(p["text"], p["is"], p["read"]) for p in why["yes"]["parts"]],
         [("data.sum > 10", True, {"data.sum": 20}), ("data.vip", False, {"data.vip": None}),
          ('contains(data.note, "test")', False, {"data.note": "fine"})], "parts")
    same((why["off"]["because"], why["other"]["because"], why["other"]["hears"]),
         ("enabled", "when", ["other", "webhook:in"]), "what did not match")
    same(why["by-hand"]["hears"], [], "by hand")

    bad = send(pawl, country="FR", sum=20, note="")
    same([rule(pawl, bad, "yes")[k] for k in ("because", "path", "found", "wanted")],
         ["where", "country", "FR", ["CH", "DE"]], "where")
    small = send(pawl, country="CH", sum=3, note="")
    low = rule(pawl, small, "yes")
    same((low["because"], low["line"], [(p["text"], p["is"]) for p in low["parts"]]),
         ("if", 5, [("data.sum > 10", False)]), "if: what comes after is not looked at")
    same(rule(pawl, small, "once-a-day")["fate"], "once", "once")
    broken = send(pawl, country="CH", note="")
    why = rule(pawl, broken, "yes")
    same((why["matched"], why["parts"][0]["is"], why["parts"][0]["read"]),
         (True, None, {"data.sum": None}), "an error begins a run that has failed")
    assert "nil" in why["parts"][0]["error"], why

    text = pawl.command("why", small)
    for wanted in ("✗ yes", "its condition, line 5", "false data.sum > 10   data.sum = 3",
                   "✗ once-a-day  its once: has seen that key already",
                   "✗ other       it hears other or webhook:in", "it starts by hand"):
        assert wanted in text, (wanted, text)
    same(pawl.run("why", "nothing").returncode, 1, "no id")
    same(pawl.run("why", good, "nobody").returncode, 1, "no rule")


@test
def a_changed_rule_is_asked_as_it_was(case):
    pawl = case.pawl(config={}, rules={"a.yaml": RULES.replace("[CH, DE]", "CH").split("---")[0]})
    event = send(pawl, country="CH", sum=20, note="")
    old = rule(pawl, event, "yes")["version"]
    for change in ("> 10", "> 30"), ("rule: yes", "rule: new-name"):
        pawl.write("rules/a.yaml", RULES.split("---")[0].replace(*change))
        rules = pawl.client.ok("GET", "/api/rules")["ruleset"]
        pawl.reload()
        until(lambda: pawl.client.ok("GET", "/api/rules")["ruleset"] != rules, what="reload")
        why = rule(pawl, event, "yes")
        same((why["matched"], why["version"]), (True, old), "the rule of then")
    pawl.restart()
    same(rule(pawl, event, "yes")["version"], old, "after a restart")
    later = send(pawl, country="CH", sum=20, note="")
    same(pawl.run("why", later, "yes").returncode, 1, "a rule that was not there any more")


if __name__ == "__main__":
    sys.exit(main())
