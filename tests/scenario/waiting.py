#!/usr/bin/env python3
"""Runs that wait for messages, events, people and each other; and what keeps runs from starting."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

HOOKS = {"in": {"verify": "none", "id": {"json": "/id"}}, "paid": {"verify": "none"}}
CONFIG = {"hooks": HOOKS, "conversations": {"native": {"verify": "none"}}}


def service(case, *rules):
    return case.pawl(config=CONFIG, rules={f"r{i}.yaml": f"api: pawl/1\n{text}"
                                           for i, text in enumerate(rules)})


ASK = """
rule: size
when: {conversation: intent.detected, intent: order}
do:
  - reply: "Which size, ${data.participant.id}?"
  - wait: {conversation: message.received, timeout: 1h, else: fail}
    as: said
result: =said.data.message.text
"""
ANY_MESSAGE = """
rule: any-message
when: {conversation: message.received}
do: [{log: x}]
"""


@test(limit=30)
def a_visitor_answers_over_a_kill(case):
    pawl = service(case, ASK, ANY_MESSAGE)
    pawl.conversation("intent.detected", {"intent": {"name": "order"}}, subject="web:test:v1")
    run = pawl.wait_state("waiting", rule="size")
    until(lambda: pawl.events(type="message.sent"), what="the question")
    pawl.kill9()
    pawl.start()
    pawl.conversation("message.received", {"message": {"id": "m1", "text": "hello"}},
                      subject="web:test:v2")
    pawl.conversation("message.received", {"message": {"id": "m2", "text": "large"}},
                      subject="web:test:v1")
    run = pawl.one(rule="size")
    same(pawl.step(run, "said")["output"]["data"]["message"]["text"], "large", "the answer")
    # The message that was waited for starts nothing else; the other one does.
    same(len(pawl.runs(rule="any-message")), 1, "runs of the other rule")


APPROVE = """
rule: offer
when: {webhook: in}
do:
  - approve: {ask: "10 % for ${data.who}?", by: sales, timeout: 1d, else: fail}
    as: decided
  - log: "yes by ${decided.by}"
catch:
  - error: rejected
    do: [{set: {said: no}}]
result: =said or decided.by
"""


@test(limit=30)
def a_person_decides_once(case):
    pawl = service(case, APPROVE)
    pawl.hook("in", {"id": "1", "who": "Ann"})
    pawl.hook("in", {"id": "2", "who": "Ben"})
    pawl.wait_runs(lambda runs: sum(r["state"] == "waiting" for r in runs) == 2, what="questions")
    asked = json.loads(pawl.command("approve", "--json"))["waits"]
    same(sorted(w["note"]["ask"] for w in asked), ["10 % for Ann?", "10 % for Ben?"], "questions")
    assert "10 % for Ann?  (for sales)" in pawl.command("approve")
    by_ask = {w["note"]["ask"]: w["run"] for w in asked}
    pawl.restart()
    pawl.command("approve", by_ask["10 % for Ann?"], "--by", "Eve", "--wait")
    pawl.command("approve", by_ask["10 % for Ben?"], "--no", "--note", "too much")
    pawl.wait_ended(2)
    same(pawl.show(by_ask["10 % for Ann?"])["state"], "completed", "state")
    again = pawl.client.send("POST", f"/api/runs/{by_ask['10 % for Ann?']}/approve", {"approve": True})
    same(again.status, 409, "a second answer")
    assert "nobody" in pawl.command("approve")
    same(pawl.client.send("POST", f"/api/runs/{by_ask['10 % for Ann?']}/approve",
                          {"approve": "yes"}).status, 400, "no truth value")


SUM = """
rule: sum
when: {webhook: in}
do:
  - run: half
    with: {n: =data.n}
    as: h
  - memory: {add: total, by: =h}
    as: total
result: =total
---
api: pawl/1
rule: half
do:
  - if: data.n % 2 == 1
    do: [{fail: odd}]
result: =data.n // 2
"""


@test(limit=60)
def sub_runs_and_values_over_kills(case):
    pawl = service(case, SUM)
    for i in range(1, 41):
        pawl.hook("in", {"id": str(i), "n": 2 * i})
        if i % 10 == 0:
            pawl.restart()
    pawl.wait_ended(80, timeout=30)
    same({r["state"] for r in pawl.runs()}, {"completed"}, "states")
    totals = [pawl.step(pawl.show(r["id"]), "total")["output"] for r in pawl.runs(rule="sum")]
    same((max(totals), len(set(totals))), (sum(range(1, 41)), 40), "the total, and each once")
    pawl.hook("in", {"id": "odd", "n": 3})
    run = pawl.wait_state("failed", rule="sum")
    same(run["error"]["message"], "odd", "the child's error")


STARTS = """
rule: once
when: {webhook: in}
once: {key: =data.k, for: 1h}
do: [{log: x}]
---
api: pawl/1
rule: batch
when: {webhook: in}
collect: {key: =data.k, for: 2s}
do: [{set: {n: =len(events)}}]
result: =n
---
api: pawl/1
rule: stop
when: {webhook: in}
if: data.id == "0"
cancel: [{webhook: paid, where: {k: =data.k}}]
do: [{wait: 1h}]
"""


@test(limit=60)
def events_start_once_together_or_end_runs(case):
    pawl = service(case, STARTS)
    answers = [pawl.hook("in", {"id": str(i), "k": "a"}).json() for i in range(6)]
    pawl.restart()
    run = pawl.one(rule="batch")
    same(run["records"][-1]["body"]["result"], 6, "events in the window")
    same(len(pawl.runs(rule="once")), 1, "runs once")
    event = pawl.client.ok("GET", f"/api/events/{answers[1]['id']}")
    same(sorted((d["rule"], d["fate"]) for d in event["decisions"]),
         [("batch", "joined"), ("once", "once")], "why")
    pawl.hook("paid", {"k": "b"})
    same(pawl.wait_state("waiting", rule="stop")["rule"], "stop", "still there")
    pawl.hook("paid", {"k": "a"})
    pawl.wait_state("cancelled", rule="stop")


TICK = """
rule: tick
when: {every: 1s}
do: [{log: '${data.due}'}]
"""


@test(limit=30)
def every_second_over_a_kill_each_once(case):
    pawl = service(case, TICK)
    pawl.wait_ended(2)
    pawl.kill9()
    pawl.start()
    pawl.wait_ended(5, timeout=20)
    due = [e["data"]["due"] for e in pawl.events(type="schedule")]
    same(len(due), len(set(due)), "different due times")
    assert all(d.endswith(".000Z") for d in due), due



@test
def people_decide_what_they_are_asked_and_see_nothing_else(case):
    rule = """
api: pawl/1
rule: asks
when: {event: go}
do:
  - approve: {ask: of eve, by: eve}
    as: a
  - approve: {ask: of both, by: [eve, bob]}
    as: b
  - approve: {ask: of anybody}
    as: c
result: '={a.by, b.by, c.by}'
"""
    pawl = case.pawl(rules={"r.yaml": rule}, config={"people": {
        "eve": {"token": "eve-token"}, "bob": {"token": "bob-token"}}})
    eve, bob = ({"Authorization": f"Bearer {n}-token"} for n in ("eve", "bob"))
    ask = lambda who: pawl.client.ok("GET", "/api/waits", headers=who)["waits"]  # noqa: E731
    pawl.command("send", "go")
    run = until(lambda: ask(eve), what="the question")[0]["run"]
    path = f"/api/runs/{run}/approve"
    same((ask(bob), len(ask(None))), ([], 1), "what bob and all see")
    same(pawl.client.send("POST", path, {"approve": True}, bob).status, 403, "bob is not asked")
    for method, other in (("GET", "/api/runs"), ("GET", "/metrics"), ("GET", f"/api/runs/{run}"),
                          ("POST", f"/api/runs/{run}/cancel"), ("POST", "/events")):
        same(pawl.client.send(method, other, {} if method == "POST" else None, bob).status, 403, other)
    same(pawl.client.send("POST", path, {"approve": True, "by": "bob"}, eve).status, 202, "eve decides")
    until(lambda: ask(bob), what="the question of both")
    assert "of both  (for eve, bob)" in pawl.command("approve", env={"PAWL_TOKEN": "bob-token"})
    pawl.command("approve", run, env={"PAWL_TOKEN": "bob-token"})
    until(lambda: ask(eve) and ask(eve)[0]["note"]["ask"] == "of anybody", what="the last question")
    pawl.command("approve", run, "--wait", env={"PAWL_TOKEN": "eve-token"}, code=1)
    same(pawl.show(pawl.wait_ended(1)[0]["id"])["records"][-1]["body"]["result"], ["eve", "bob", "eve"], "who")
    pawl.write("rules/r.yaml", rule.replace("by: eve}", "by: evee}"))
    assert "no 'evee' under people: in pawl.yaml; did you mean 'eve'?" in "".join(
        (lambda done: (done.stdout, done.stderr))(pawl.run("check")))


@test(limit=40)
def a_conversation_ends_when_nothing_is_said_over_a_kill(case):
    pawl = case.pawl(rules={"r.yaml": """
api: pawl/1
rule: over
when: {conversation: conversation.ended}
do:
  - emit: over
    data: {of: =event.subject, code: =data.outcome.code}
"""}, config={"conversations": {"native": {"verify": "none", "idle_end": "3s"}}})
    over = lambda: [e["data"] for e in pawl.events(type="over")]  # noqa: E731
    pawl.conversation("message.received", {"message": {"id": "m1", "text": "hello"}})
    time.sleep(1.5)
    pawl.conversation("message.received", {"message": {"id": "m2", "text": "are you there?"}})
    last = time.monotonic()
    pawl.restart()
    until(over, 15, "the end")
    assert time.monotonic() - last >= 2.5, time.monotonic() - last
    same(over(), [{"of": "web:test:visitor-1", "code": "idle"}], "ends")
    pawl.conversation("message.received", {"message": {"id": "m3", "text": "again"}})
    until(lambda: len(over()) == 2, 15, "the second end")
    time.sleep(4)
    same(len(over()), 2, "an end begins nothing anew")



@test(limit=30)
def an_event_comes_later_over_a_kill_and_once(case):
    rule = """
api: pawl/1
rule: plans
when: {event: go}
do:
  - emit: it.is.time
    after: 2s
    subject: s-1
    data: {n: =data.n}
---
api: pawl/1
rule: hears
when: {event: it.is.time, subject: s-1}
do: [{emit: over, data: {n: =data.n, source: =event.source}}]
"""
    pawl = case.pawl(rules={"r.yaml": rule})
    pawl.command("send", "go", "--data", '{"n": 7}')
    began = time.monotonic()
    until(lambda: pawl.runs(rule="plans", state="completed"), what="the run that does not wait for it")
    pawl.restart()
    until(lambda: pawl.events(type="over"), 15, "the event")
    assert time.monotonic() - began >= 1.8, time.monotonic() - began
    time.sleep(0.5)
    same([e["data"] for e in pawl.events(type="over")], [{"n": 7, "source": "/rules/plans"}], "events")
    pawl.write("rules/r.yaml", rule.replace("after: 2s", "after: soon"))
    assert "emit: after: is a duration" in pawl.run("check").stdout
    pawl.write("rules/r.yaml", rule.replace("after: 2s", "after: 2d").replace(
        "---", "tests:\n  - given: {event: go, data: {n: 1}}\n    rules: [hears]\n"
        "    expect: {elapsed: 2d, emits: [it.is.time, over]}\n---"))
    done = pawl.run("test")
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
