#!/usr/bin/env python3
"""Runs that wait, loop, fail and are cancelled, over a kill of the service."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

HOOKS = {"in": {"verify": "none", "id": {"json": "/id"}}}
HEAD = "api: pawl/1\nrule: r\nwhen: {webhook: in}\n"


def service(case, rule, sandbox=None, **options):
    config = {"hooks": HOOKS, "conversations": {"native": {"verify": "none"}}}
    if sandbox:
        config["connections"] = {"constant_contact": sandbox.connection()}
    return case.pawl(config=config, rules={"r.yaml": HEAD + rule}, **options)


def data_of(pawl, kind):
    return [pawl.client.ok("GET", f"/api/events/{e['id']}")["data"] for e in pawl.events(type=kind)]


@test
def a_wait_ends_on_time_after_a_kill(case):
    pawl = service(case, "do:\n  - wait: 2s\n  - emit: over\n    data: {n: =data.id}\n")
    began = time.monotonic()
    pawl.hook("in", {"id": "1"})
    pawl.wait_state("waiting")
    pawl.restart()
    until(lambda: data_of(pawl, "over"), what="the end of the wait")
    took = time.monotonic() - began
    assert 1.9 <= took < 4, f"it took {took:.2f} s"
    pawl.one()


@test
def a_wait_that_was_due_while_nobody_ran_ends_at_the_start(case):
    pawl = service(case, "do:\n  - wait: 1s\n  - emit: over\n")
    pawl.hook("in", {"id": "1"})
    pawl.wait_state("waiting")
    pawl.kill9()
    time.sleep(1.2)
    pawl.start()
    until(lambda: pawl.events(type="over"), timeout=3, what="the end of the wait")
    pawl.one()


@test
def an_accepted_event_runs_after_a_kill_at_once(case):
    pawl = service(case, "do:\n  - emit: over\n")
    for i in range(5):
        same(pawl.hook("in", {"id": str(i)}).status, 202, "status")
        pawl.restart()
    runs = pawl.wait_ended(5)
    same([r["state"] for r in runs], ["completed"] * 5, "states")
    same(len(pawl.events(type="over")), 5, "events")


@test
def an_activity_is_awaited_over_a_restart(case):
    sandbox = case.sandbox(activity_ms=2500)
    pawl = service(case, """
do:
  - call: constant_contact.create_contact_from_sign_up_form
    with: {email_address: a@example.com, list_memberships: [07936f78-662a-11eb-af0a-fa163e56c9b0]}
    as: contact
  - call: constant_contact.add_contact_taggings
    with:
      source: {contact_ids: [=contact.contact_id]}
      tag_ids: [5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11]
    as: tagging
  - wait: {activity: =tagging, timeout: 30m, else: fail}
    as: tagged
  - emit: over
    data: {outcome: =tagged.outcome}
""", sandbox)
    pawl.hook("in", {"id": "1"})
    pawl.wait_state("waiting")
    pawl.restart()
    pawl.one(timeout=15)
    same(data_of(pawl, "over"), [{"outcome": "completed"}], "outcome")
    same(len(sandbox.requests("POST", "/activities/contacts_taggings_add")), 1, "activities")
    same(len(sandbox.requests("POST", "/contacts/sign_up_form")), 1, "sign-ups")


@test
def a_script_goes_on_where_it_was_killed(case):
    sandbox = case.sandbox()
    pawl = service(case, "do:\n  - lua: s.lua\n    with: {name: =data.id}\n    as: s\n"
                   "  - emit: over\n    data: {id: =s.id, same: =s.same}\n", sandbox,
                   scripts={"s.lua": """
local args = ...
local made = call("constant_contact.create_contact_tag", {name = args.name})
local r = uuid()
wait("3s")
local again = call("constant_contact.get_contact_tag_details", {tag_id = made.tag_id})
return {id = again.tag_id, same = made.tag_id == again.tag_id}
"""})
    pawl.hook("in", {"id": "tag-1"})
    pawl.wait_state("waiting")
    pawl.restart()
    pawl.one()
    same([d["same"] for d in data_of(pawl, "over")], [True], "result")
    same(len(sandbox.requests("POST", "/contact_tags")), 1, "creations")
    same(len(sandbox.requests("GET")), 1, "reads")


@test
def a_loop_goes_on_where_it_was_killed(case):
    sandbox = case.sandbox()
    pawl = service(case, """
do:
  - each: =data.names
    item: name
    do:
      - call: constant_contact.create_contact_tag
        with: {name: =name}
        as: tag
      - wait: 400ms
    result: =tag.name
    as: names
  - emit: over
    data: {names: =names}
""", sandbox)
    names = [f"t{i}" for i in range(5)]
    pawl.hook("in", {"id": "1", "names": names})
    for n in (2, 4):
        until(lambda n=n: len(sandbox.requests("POST", "/contact_tags")) >= n, what=f"{n} tags")
        pawl.restart()
    pawl.one()
    same([d["names"] for d in data_of(pawl, "over")], [names], "results")
    same([e["body"]["name"] for e in sandbox.requests("POST", "/contact_tags", True)], names, "tags")


@test
def a_catch_takes_its_error_and_finally_runs(case):
    sandbox = case.sandbox()
    pawl = service(case, """
do:
  - try:
      - call: constant_contact.get_contact
        with: {contact_id: 00000000-0000-4000-8000-000000000000}
    catch:
      - error: [throttled]
        do: [{emit: wrong}]
      - error: [not_found]
        do: [{emit: caught, data: {name: =error.name, status: =error.status}}]
    finally:
      - emit: inner
  - fail: "on purpose"
catch:
  - error: [network]
    do: [{emit: wrong}]
finally:
  - emit: outer
""", sandbox)
    pawl.hook("in", {"id": "1"})
    run = pawl.one("failed")
    assert "on purpose" in run["error"]["message"], run["error"]
    same(data_of(pawl, "caught"), [{"name": "not_found", "status": 404}], "what was caught")
    same([len(pawl.events(type=t)) for t in ("wrong", "inner", "outer")], [0, 1, 1], "events")


@test
def a_run_that_waits_can_be_cancelled(case):
    pawl = service(case, "do:\n  - wait: 1h\n  - emit: over\nfinally:\n  - emit: last\n")
    pawl.hook("in", {"id": "1"})
    run = pawl.wait_state("waiting")
    pawl.command("cancel", run["id"])
    pawl.one("cancelled")
    same([len(pawl.events(type=t)) for t in ("over", "last")], [0, 1], "events")
    pawl.command("cancel", run["id"], code=1)


@test
def a_failed_run_can_be_tried_again(case):
    sandbox = case.sandbox()
    pawl = service(case, """
do:
  - call: constant_contact.create_contact_tag
    with: {name: first}
  - call: constant_contact.update_contact_tag
    with: {tag_id: 5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11, name: second}
""", sandbox)
    sandbox.fault("status", "/v3/contact_tags/*", status=400, times=1)
    pawl.hook("in", {"id": "1"})
    run = pawl.one("failed")
    pawl.restart()
    pawl.command("retry", run["id"])
    pawl.one()
    same(len(sandbox.requests("POST", "/contact_tags")), 1, "the first step is not done again")


@test
def a_run_that_crashed_the_service_three_times_is_ended(case):
    pawl = service(case, "do:\n  - wait: 1s\n  - emit: over\n")
    pawl.hook("in", {"id": "1"})
    bad = pawl.wait_state("waiting")["id"]
    pawl.hook("in", {"id": "2"})
    pawl.wait_runs(lambda runs: len([r for r in runs if r["state"] == "waiting"]) == 2)
    pawl.kill9()
    notes = pawl.folder / "pawl.db.crash"
    assert not notes.exists(), "a kill leaves no note"
    notes.write_text(f"{bad}\n" * 3)
    pawl.start()
    runs = {r["id"]: r for r in pawl.wait_ended(2)}
    same(runs.pop(bad)["error"]["name"], "poison", "error")
    same([r["state"] for r in runs.values()], ["completed"], "the other run")
    pawl.term()
    assert not notes.exists(), "a clean end forgets"


@test
def an_error_in_a_condition_is_a_failed_run(case):
    pawl = service(case, "if: data.n + 1 > 2\ndo:\n  - emit: over\n")
    pawl.hook("in", {"id": "1"})
    run = pawl.one("failed")
    same(run["error"]["step"], "if", "step")


@test
def a_service_that_cannot_start_says_why(case):
    pawl = service(case, "do:\n  - emit: over\n")
    (pawl.folder / "junk.db").write_bytes(b"no database at all " * 400)
    for store, text in (("pawl.db", "is in use by process"), ("junk.db", "is not a database"),
                        ("rules", "unable to open"), ("nowhere/x.db", "No such file")):
        done = pawl.run("serve", "--listen", "127.0.0.1:0", "--store", f"sqlite:{store}")
        same(done.returncode, 3, f"exit code with {store}")
        assert text in done.stderr, f"{store}: {done.stderr}"
    done = pawl.run("serve", "--store", "sqlite:other.db")
    same(done.returncode, 3, "exit code with a port that is taken")
    assert "in use" in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(main())
