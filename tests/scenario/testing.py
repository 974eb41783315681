#!/usr/bin/env python3
"""pawl test: what passes, what each kind of failure says, and what is written for other programs."""

import json
import pathlib
import sys
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, main, same, test  # noqa: E402 pylint: disable=C0413

RULE = """
api: pawl/1
rule: signup
when:
  - conversation: intent.detected
    intent: signup
  - schedule: "0 9 * * MON"
    zone: Europe/Paris
once: {key: =data.contact.email, for: 1d}
if: data.due or data.contact
do:
  - if: event.type == "schedule"
    do:
      - emit: weekly
        data: {due: =data.due}
      - stop: it was only the clock
  - memory: {add: asked}
    as: asked
  - reply: "What is your e-mail address? (${asked})"
  - wait: {conversation: message.received, timeout: 1h, else: [{stop: silence}]}
    as: said
  - call: constant_contact.create_contact_from_sign_up_form
    with: {email_address: =said.data.message.text, list_memberships: ["07936f78-662a-11eb-af0a-fa163e56c9b0"]}
    as: contact
  - wait: 3d
  - approve: {ask: "Add ${said.data.message.text}?", timeout: 1d, else: fail}
    as: ok
  - run: mark
    with: {id: =contact.contact_id}
    as: marked
result: {id: =contact.contact_id, by: =ok.by}
---
api: pawl/1
rule: mark
do:
  - call: constant_contact.add_contact_taggings
    with: {source: {contact_ids: [=data.id]}, tag_ids: ["5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"]}
    as: tagging
"""

ID = "07936f78-662a-11eb-af0a-fa163e56c9b1"
WHOLE = """
  - name: the whole way
    given: &intent {conversation: intent.detected, data: {intent: {name: signup}, contact: {}}, memory: {asked: 1}}
    answers: {contact: [{error: throttled}, {contact_id: %s}]}
    faults: {tagging: [lost_before, null]}
    then: &said
      - {after: 10m, conversation: message.received, data: {message: {text: a@example.com}}}
      - {restart: true}
      - {approve: true, by: eve}
    expect: &well
      state: completed
      runs: 1
      elapsed: {min: 3d10m, max: 3d11m}
      result: {id: %s, by: eve}
      calls: [{contact: {email_address: a@example.com}}, {tagging: {source: {contact_ids: [%s]}}}]
      replies: ["/^What.*2/"]
      emits: []
      memory: {asked: 2}
      steps: {contact: {outcome: ok}}
""" % (ID, ID, ID)

GOOD = """
api: pawl/1
rule: dates
when: {event: dates}
do: [{log: x}]
result: =time.format(now, "%H:%M")
tests:
  - {name: zone, given: {event: dates, now: "2026-07-01T10:00:00Z", zone: Europe/Paris}, expect: {result: "12:00"}}
"""


def files(tests):
    head, other = RULE.split("---\n", 1)
    return {"signup.yaml": head + "tests:\n" + tests + "---\n" + other}


def play(case, tests, *args):
    """The rules with these tests, played: where, and what came of it."""
    pawl = case.pawl(start=False, config={"conversations": {"native": {"verify": "none"}}},
                     rules=files(tests), name=f"pawl{len(case.children)}")
    return pawl, pawl.run("test", *args)


@test
def a_whole_conversation_with_waits_an_approval_and_a_restart(case):
    _, done = play(case, WHOLE + """
  - name: the clock
    given: {now: "2026-11-23T08:00:00Z", schedule: "0 9 * * MON"}
    expect: {reason: it was only the clock, emits: [{weekly: {due: "2026-11-23T08:00:00.000Z"}}]}
  - name: silence
    given: *intent
    expect: {reason: silence, elapsed: 1h, calls: []}
  - name: refused
    given: *intent
    then: [{conversation: message.received, data: {message: {text: b@example.com}}}, {approve: false}]
    expect: {runs: 1, error: rejected}
  - name: an order that is not there
    given: {conversation: intent.detected, data: {intent: {name: signup}}}
    expect: {matched: false, because: if}
  - name: another intent
    given: {conversation: intent.detected, data: {intent: {name: other}, contact: {}}}
    expect: {matched: false, because: where}
  - name: another kind of event
    given: {event: other}
    expect: {matched: false, because: when}
  - name: once a day
    given:
      - {conversation: intent.detected, data: {intent: {name: signup}, contact: {email: a@example.com}}}
      - {after: 2h, conversation: intent.detected, data: {intent: {name: signup}, contact: {email: a@example.com}}}
    expect: {runs: 1, reason: silence}
  - name: cancelled
    given: *intent
    then: [{after: 1m, cancel: true}]
    expect: {state: cancelled, calls: []}
""")
    same(done.returncode, 0, done.stdout + done.stderr)
    assert "9 tests, 9 passed, 0 failed" in done.stderr, done.stderr


@test
def every_expectation_can_fail(case):
    """Each of these says one thing that is not so."""
    wrong = {
        "state: failed": 'state: expected "failed", got "completed"',
        "runs: 2": "runs: expected 2, got 1",
        "elapsed: 3d": "elapsed: expected 3d, got 3d10m",
        "result: {by: adam}": 'result: by: expected "adam", got "eve"',
        "calls: [contact]": "calls: expected 1, got 2",
        "calls: [tagging, contact]": "call 1: expected tagging, got",
        "calls: [{contact: {email_address: x}}, tagging]":
            'contact: email_address: expected "x", got "a@example.com"',
        "calls_some: [constant_contact.delete_contact]": "calls_some: no call is",
        "replies: []": "replies: expected [], got",
        'replies: ["/nothing/"]': 'replies: [1]: expected "/nothing/", got',
        "emits: [x]": 'emits: expected ["x"], got []',
        "memory: {asked: 3}": "memory: asked: expected 3, got 2",
        "steps: {contact: {outcome: partial}}": 'outcome: expected "partial", got "ok"',
        "steps: {contact: null}": "step contact: expected null",
        "steps: {nowhere: {}}": "step nowhere: it was not reached",
        "error: invalid": 'state: expected "failed"',
        "{matched: false, because: if}": "matched: expected false, but the rule has run",
        "reason: silence": 'reason: expected "silence", got nothing',
    }
    tests = WHOLE
    for i, text in enumerate(wrong):
        body = text if text.startswith("{") else "{" + text + "}"
        tests += f"""
  - name: wrong {i}
    given: *intent
    answers: {{contact: {{contact_id: {ID}}}}}
    then: *said
    expect: {body}
"""
    pawl, done = play(case, tests, "--json")
    same(done.returncode, 1, "exit code")
    told = {t["name"]: t for t in json.loads(done.stdout)["tests"]}
    same(told["the whole way"]["problems"], [], "what passes")
    for i, (text, wanted) in enumerate(wrong.items()):
        problems = told[f"wrong {i}"]["problems"]
        assert any(wanted in p["text"] for p in problems), (text, problems)
        lines = pathlib.Path(pawl.folder, "rules/signup.yaml").read_text().splitlines()
        assert text.split(":")[0].strip("{") in lines[problems[0]["line"] - 1], (text, problems[0])


@test
def tests_that_are_wrong_themselves(case):
    for text, wanted in (
            ("answers: {contct: {}}\n    expect: {reason: silence}", "'contct' is neither a step's name nor an action"),
            ("answers: {contact: [{contact_id: x}]}\n    faults: {contact: [null]}\n    then: [{approve: true}]\n"
             "    expect: {reason: silence}", "no run waits for a person"),
            ("then: [{conversation: message.received, data: {message: {text: a@example.com}}}]\n    answers: {contact: []}\n"
             "    expect: {state: failed}", "answers: has 0 for contact"),
            ("rules: [nobody]\n    expect: {reason: silence}", "there is no rule 'nobody'"),
            ("expect: {reason: silenc}", 'reason: expected "silenc", got "silence"')):
        _, done = play(case, "  - name: x\n    given: {conversation: intent.detected, "
                         "data: {intent: {name: signup}, contact: {}}}\n    " + text + "\n")
        same(done.returncode, 1, text)
        assert wanted in done.stdout, (wanted, done.stdout, done.stderr)
    for text, wanted in (
            ("{name: x, given: {}, expect: {stat: x}}", "unknown key 'stat'; did you mean 'state'?"),
            ("{name: x, given: {after: soon}, expect: {}}", "after: takes a time"),
            ("{name: x, given: {}, then: [{aprove: true}], expect: {}}", "did you mean 'approve'?"),
            ("{name: x, given: {}, faults: {contact: [lots]}, expect: {}}", "unknown fault 'lots'; did you mean 'lost'?"),
            ("{name: x, given: {zone: Mars}, expect: {}}", "zone: takes a name"),
            ("{name: x, given: {now: noon}, expect: {}}", "now: takes a time"),
            ("{name: x, given: {}, expect: {matched: false}}", "needs because:"),
            ("{name: x, given: {}, expect: {elapsed: {maxx: 3d}}}", "did you mean 'max'?"),
            ("{name: x, given: {}}", "a test needs given: and expect:")):
        _, done = play(case, "  - " + text + "\n")
        same(done.returncode, 1, text)
        assert wanted in done.stderr, (wanted, done.stderr)


@test
def zones_and_endless_rules(case):
    pawl = case.pawl(start=False, config={}, rules={"good.yaml": GOOD, "endless.yaml": """
api: pawl/1
rule: endless
when: {event: go}
do:
  - while: "true"
    max: 100000
    do: [{wait: 1d}]
tests:
  - {name: forever, given: {event: go}, expect: {state: completed}}
"""})
    done = pawl.run("test", "rules/good.yaml")
    same(done.returncode, 0, done.stdout + done.stderr)
    done = pawl.run("test", "rules/endless.yaml")
    same(done.returncode, 1, "exit code")
    assert "does not come to an end" in done.stdout, done.stdout


@test
def junit_and_coverage_for_other_programs(case):
    pawl, done = play(case, WHOLE + """
  - name: "x < y & z"
    given: *intent
    expect: {state: failed}
""", "--junit", "out.xml", "--coverage")
    same(done.returncode, 1, "exit code")
    assert "no test takes this way: do" in done.stdout, done.stdout
    root = xml.etree.ElementTree.parse(pathlib.Path(pawl.folder, "out.xml")).getroot()
    same((root.get("tests"), root.get("failures")), ("2", "1"), "sums")
    cases = {c.get("name"): c for c in root.iter("testcase")}
    assert cases["x < y & z"].find("failure") is not None, "no failure"
    assert cases["the whole way"].find("failure") is None, "a failure"
    done = pawl.run("test", "--coverage", "--json")
    (cover,) = json.loads(done.stdout)["coverage"]
    same((cover["rule"], cover["ways"] > cover["taken"] > 0), ("signup", True), "coverage")


@test
def the_rules_that_come_along_pass_their_tests(case):
    pawl = case.pawl(start=False, config={
        "rules": [str(REPO / "rules")], "scripts": str(REPO / "scripts"),
        "hooks": {"crm/contacts": {"verify": "none"}}})
    done = pawl.run("test", "--coverage")
    same(done.returncode, 0, done.stdout + done.stderr)
    assert " 0 failed" in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(main())
