#!/usr/bin/env python3
"""pawl backtest: an edited rule against what was recorded; nothing is sent."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

RULE = """
api: pawl/1
rule: signup
when: {conversation: lead.captured}
if: data.contact.first_name == "Ada"
do:
  - call: constant_contact.list_contacts
    with: {email: =data.contact.email}
    as: found
  - reply: "Your company?"
  - wait: {conversation: message.received, timeout: 1h, else: [{stop: silence}]}
    as: said
  - call: constant_contact.create_contact_from_sign_up_form
    with: {email_address: =data.contact.email, company_name: =said.data.message.text, list_memberships: ["07936f78-662a-11eb-af0a-fa163e56c9b0"]}
    as: contact
  - call: constant_contact.add_contact_taggings
    with: {source: {contact_ids: [=contact.contact_id]}, tag_ids: ["5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"]}
    as: tagging
  - wait: {activity: =tagging, timeout: 30m, else: fail}
    as: tagged
"""


def history(case):
    """Two runs of the rule, one of which has a company told, and two events that started none."""
    sandbox = case.sandbox()
    pawl = case.pawl(config={"conversations": {"native": {"verify": "none"}}, "connections": {
        "constant_contact": sandbox.connection()}}, rules={"signup.yaml": RULE})
    ids = {}
    for n, name in enumerate(("Ada", "Ada", "Eve", "Zoe")):
        answer = pawl.conversation("lead.captured", {"contact": {"email": f"p{n}@example.com", "first_name": name}},
                                   subject=f"web:test:v{n}")
        ids[n] = answer.json()["id"]
    until(lambda: len(pawl.runs(state="waiting")) == 2, what="both wait")
    pawl.conversation("message.received", {"message": {"id": "m", "text": "Acme"}}, subject="web:test:v0")
    pawl.wait_state("completed", timeout=20)
    return pawl, sandbox, ids


def backtest(pawl, *changes):
    text = RULE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    pawl.write("edited.yaml", text)
    return json.loads(pawl.command("backtest", "edited.yaml", "--since", "1h", "--json"))[0]


def ids_of(found, key):
    return [e["event"] for e in found[key]]


@test
def the_same_rule_does_the_same(case):
    pawl, sandbox, _ = history(case)
    sent = len(sandbox.requests())
    found = backtest(pawl)
    same((found["before"], found["now"], found["same"]), (2, 2, 2), "runs")
    same([found[k] for k in ("new", "gone", "changed", "unknown")], [[], [], [], []], "differences")
    same((found["calls_before"], found["calls_now"]), (4, 4), "calls")
    same(len(sandbox.requests()), sent, "nothing is sent")
    text = pawl.command("backtest", "edited.yaml")
    assert "started 2, would start 2: 0 new (+), 0 no more (-)" in text, text
    assert "calls a day: 0.6 before, 0.6 now" in text, text


@test
def what_would_start_and_what_no_more(case):
    pawl, _, ids = history(case)
    found = backtest(pawl, ('== "Ada"', '== "Eve"'))
    same((ids_of(found, "new"), ids_of(found, "gone")), ([ids[2]], [ids[0], ids[1]]), "differences")
    same(found["gone"][0]["why"]["parts"][0]["read"], {"data.contact.first_name": "Ada"}, "why")
    same(found["new"][0]["unknown"]["call"], "constant_contact.list_contacts", "what is not known")
    text = pawl.command("backtest", "edited.yaml")
    assert f"+ {ids[2]}" in text and f"- {ids[0]}" in text, text
    assert 'because of if: data.contact.first_name == "Eve"' in text, text


@test
def what_would_be_called_otherwise(case):
    pawl, _, ids = history(case)
    found = backtest(pawl, ("company_name: =said.data.message.text", "company_name: =upper(said.data.message.text)"))
    same((ids_of(found, "changed"), found["same"]), ([ids[0]], 1), "changed")
    change = found["changed"][0]
    same((change["at"], change["before"][1]["input"]["company_name"], change["calls"][1]["input"]["company_name"]),
         (1, "Acme", "ACME"), "the change")
    text = pawl.command("backtest", "edited.yaml")
    assert "- call 2: constant_contact.create_contact_from_sign_up_form" in text and '"ACME"' in text, text
    # a step in front of the others: its answer is not known, the others' are
    found = backtest(pawl, ("do:\n", "do:\n  - call: constant_contact.list_contact_lists\n    with: {}\n"))
    same(len(found["changed"]), 2, "another first call")
    # a step that only waits, in front: paths move, answers are found all the same
    found = backtest(pawl, ("do:\n", "do:\n  - log: hello\n"))
    same((found["same"], found["changed"], found["unknown"]), (2, [], []), "moved steps")


@test
def mistakes_are_told(case):
    pawl, _, _ = history(case)
    pawl.write("bad.yaml", RULE.replace("do:", "dou:"))
    done = pawl.run("backtest", "bad.yaml")
    same(done.returncode, 1, "a rule with a mistake")
    assert "did you mean 'do'?" in done.stderr, done.stderr
    same(pawl.run("backtest", "edited.yaml", "--since", "soon").returncode, 2, "since")
    same(pawl.run("backtest").returncode, 2, "no file")


if __name__ == "__main__":
    sys.exit(main())
