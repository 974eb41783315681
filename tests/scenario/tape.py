#!/usr/bin/env python3
"""pawl tape: a real run is cut, and plays again in a test, without what was personal."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

RULE = """
api: pawl/1
rule: signup
when: {conversation: intent.detected, intent: signup}
do:
  - call: constant_contact.list_contacts
    with: {email: =lower(data.contact.email)}
    as: found
  - reply: "Hello ${data.contact.first_name}, what is your company?"
  - wait: {conversation: message.received, timeout: 1h, else: fail}
    as: said
  - approve: {ask: "Add ${data.contact.first_name} of ${said.data.message.text}?", timeout: 1d, else: fail}
    as: ok
  - call: constant_contact.create_contact_from_sign_up_form
    with: {email_address: =data.contact.email, company_name: =said.data.message.text, list_memberships: ["07936f78-662a-11eb-af0a-fa163e56c9b0"]}
    as: contact
  - call: constant_contact.add_contact_taggings
    with: {source: {contact_ids: [=contact.contact_id]}, tag_ids: ["5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"]}
    as: tagging
  - wait: {activity: =tagging, timeout: 30m, else: fail}
    as: tagged
result: =tagged.state
"""

TESTS = """
tests:
  - name: as it was
    tape: tapes/one.yaml
  - name: with words of its own
    tape: tapes/one.yaml
    expect: {result: completed, replies: ["/^Hello/"], calls_some: [contact, {found: {email: person1@example.com}}]}
"""


def real_run(case):
    """A run with everything that a tape can hold, in a service with the sandbox."""
    sandbox = case.sandbox()
    pawl = case.pawl(config={"conversations": {"native": {"verify": "none"}}, "connections": {
        "constant_contact": sandbox.connection()}}, rules={"signup.yaml": RULE})
    sandbox.fault("throttled", "/v3/contacts/sign_up_form", times=1)
    pawl.conversation("intent.detected", {
        "intent": {"name": "signup"}, "contact": {"email": "Eve.Adams@Acme.test", "first_name": "Eve"}})
    run = until(lambda: pawl.runs(state="waiting"), what="the wait")[0]["id"]
    pawl.conversation("message.received", {"message": {"id": "m2", "text": "Eve works at Acme, +41 44 123 45 67"}})
    until(lambda: "Acme" in pawl.command("approve"), what="the question")
    pawl.command("approve", run, "--by", "boss", "--note", "fine")
    pawl.one(timeout=20)
    return pawl, sandbox, run


@test
def a_run_becomes_a_test(case):
    pawl, sandbox, run = real_run(case)
    tape = pawl.command("tape", run)
    for secret in ("Eve", "eve.adams", "Acme.test", "123 45 67", "Bearer"):
        assert secret not in tape, (secret, tape)
    for wanted in ("conversation: intent.detected", "error: throttled", "approve: true", "by: boss",
                   "person1@example.com"):
        assert wanted in tape, (wanted, tape)
    pawl.write("rules/tapes/one.yaml", tape)
    pawl.write("rules/signup.yaml", RULE + TESTS)
    sandbox.kill9()  # what is on the tape needs nobody
    done = pawl.run("test", "rules", "-v")
    same(done.returncode, 0, done.stdout + done.stderr)
    assert "2 tests, 2 passed" in done.stderr, done.stderr
    same(pawl.run("check").returncode, 0, "a tape among the rules is no rule")


@test
def an_edited_rule_is_seen_and_a_changed_action_refused(case):
    pawl, _, run = real_run(case)
    pawl.write("rules/tapes/one.yaml", pawl.command("tape", run))
    for old, new, wanted in (
            ("=said.data.message.text,", "Other,", "company_name: expected"),
            ("  - wait: {activity", "  - call: constant_contact.get_contact\n    with: {contact_id: =contact.contact_id}\n"
             "  - wait: {activity", "the tape has no answer for the constant_contact.get_contact of do.7"),
            ("intent: signup", "intent: other", "the rule has not started, because of where")):
        assert old in RULE, old
        pawl.write("rules/signup.yaml", RULE.replace(old, new) + TESTS)
        done = pawl.run("test", "-n", "as it was")
        same(done.returncode, 1, new)
        assert wanted in done.stdout, (wanted, done.stdout)
    pawl.write("rules/signup.yaml", RULE + TESTS)
    text = pathlib.Path(pawl.folder, "rules/tapes/one.yaml").read_text()
    for old, new, wanted in (
            ("fits:\n  constant_contact.list_contacts: ", "fits:\n  constant_contact.list_contacts: x",
             "constant_contact.list_contacts is not what it was"),
            ("fits:\n", "fits:\n  constant_contact.gone: x\n", "constant_contact.gone, which is not there any more"),
            ("rule: signup", "rule: other", "this is a tape of the rule 'other'"),
            ("tape: pawl/1", "tape: other", "is no tape"),
            ("given:", "given: [", "one.yaml:")):
        assert old in text, (old, text)
        pawl.write("rules/tapes/one.yaml", text.replace(old, new))
        done = pawl.run("test", "rules/signup.yaml", "-n", "as it was")
        same(done.returncode, 1, new)
        assert wanted in done.stdout, (wanted, done.stdout)
    pathlib.Path(pawl.folder, "rules/tapes/one.yaml").unlink()
    assert "one.yaml" in pawl.run("test", "-n", "as it was").stdout, "a tape that is not there"


@test
def only_a_whole_run_is_cut(case):
    sandbox = case.sandbox()
    pawl = case.pawl(config={"connections": {"constant_contact": sandbox.connection()}}, rules={"a.yaml": """
api: pawl/1
rule: waits
when: {event: go}
do: [{wait: 1d}]
"""})
    pawl.command("send", "go")
    run = until(lambda: pawl.runs(state="waiting"), what="the wait")[0]["id"]
    done = pawl.run("tape", run)
    same(done.returncode, 1, "exit code")
    assert "has not ended" in done.stderr, done.stderr



@test
def what_an_http_step_was_answered_is_on_the_tape(case):
    peer = case.peer({"do": "answer", "status": 503, "body": {}, "headers": {}, "close": False, "delay": 0},
                     default={"do": "answer", "status": 200, "body": {"points": 4}, "headers": {}, "close": False,
                              "delay": 0})
    rule = f"""
api: pawl/1
rule: scores
when: {{event: scored}}
do:
  - http: {{url: "{peer.base_url}/scores?of=x"}}
    retry: {{first: 10ms, jitter: none}}
    as: score
result: =score.body.points
"""
    pawl = case.pawl(config={"egress": {"allow": ["127.0.0.1"]}}, rules={"scores.yaml": rule})
    pawl.command("send", "scored")
    run = pawl.one()["id"]
    same([s["what"] for s in pawl.show(run)["steps"]], [f"GET {peer.base_url}/scores"], "what")
    pawl.write("rules/tapes/one.yaml", pawl.command("tape", run))
    pawl.write("rules/scores.yaml", rule + "tests: [{tape: tapes/one.yaml, expect: {result: 4}}]\n")
    pawl.command("test")
    same(len(peer.requests), 2, "requests")
    found = pawl.run("backtest", "rules/scores.yaml")
    assert found.returncode == 0 and "1 call the same" in found.stdout, found.stdout + found.stderr


if __name__ == "__main__":
    sys.exit(main())
