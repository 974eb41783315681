#!/usr/bin/env python3
"""Calls that are refused, answered badly or not at all: what is sent again, and what never."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import (  # noqa: E402 pylint: disable=C0413
    CLOSE_AFTER, HALF, RESET_AFTER, RESET_BEFORE, SILENT, answer, main, same, test, until)

HOOKS = {"in": {"verify": "none", "id": {"json": "/id"}}}
HEAD = "api: pawl/1\nrule: r\nwhen: {webhook: in}\n"
LIST = "07936f78-662a-11eb-af0a-fa163e56c9b0"
HOT = "5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"

CONTACT = """
do:
  - call: constant_contact.create_contact
    with:
      email_address: {address: '=data.email', permission_to_send: implicit}
      create_source: Account
    as: made
  - emit: over
    data: {adopted: =steps.made.adopted, contact_id: =made.contact_id}
"""
TAGGING = f"""
do:
  - call: constant_contact.create_contact_from_sign_up_form
    with: {{email_address: '=data.email', list_memberships: [{LIST}]}}
    as: contact
  - call: constant_contact.add_contact_taggings
    with:
      source: {{contact_ids: [=contact.contact_id]}}
      tag_ids: [{HOT}]
    as: tagging
  - wait: {{activity: =tagging, timeout: 30m, else: fail}}
    as: tagged
  - emit: over
    data: {{adopted: =steps.tagging.adopted, outcome: =tagged.outcome}}
"""
READ = """
do:
  - call: constant_contact.list_contact_lists
    as: lists
  - emit: over
"""

PEER_ACTIONS = """
connector:
  name: shop
  title: Shop
  about: The peer of these tests.
  base_url: http://127.0.0.1:1
  auth: [bearer]
group: Orders
actions:
  order:
    title: Order
    about: Must never be sent twice.
    method: POST
    path: /orders
    params:
      number: {type: string, in: body, required: true}
    success: [200]
    answer: {fields: {id: string}}
    effect: once
  rename:
    title: Rename
    about: May be sent again.
    method: PUT
    path: /orders/{number}
    params:
      number: string
      name: {type: string, in: body}
    success: [200]
    answer: {fields: {id: string}}
    effect: idempotent
  look:
    title: Look
    about: Changes nothing.
    method: GET
    path: /orders/{number}
    params:
      number: string
    success: [200]
    answer: {fields: {id: string}}
    effect: read
  find:
    title: Find
    about: Finds customers by their key.
    method: GET
    path: /customers
    params:
      key: {type: string, in: query}
    success: [200]
    answer: {fields: {items: {items: {open: true, fields: {key: string, id: string, created: datetime}}}}}
    effect: read
  customer:
    title: Customer
    about: Has a natural key.
    method: POST
    path: /customers
    params:
      key: {type: string, in: body, required: true}
    success: [200]
    answer: {fields: {id: string, key: string, created: datetime}}
    errors: {409: exists}
    effect: keyed
    reconcile: {look_up: find, key: {key: key}, match: {key: key}, items: items, created: created, id: id}
"""


def of_sandbox(case, sandbox, rule, **options):
    return case.pawl(config={"hooks": HOOKS, "connections": {
        "constant_contact": sandbox.connection()}}, rules={"r.yaml": HEAD + rule}, **options)


def of_peer(case, peer, *steps, tail=""):
    rule = "do:\n" + "".join(f"  - call: shop.{s}\n    retry: {{first: 100ms}}\n" for s in steps)
    return case.pawl(config={"hooks": HOOKS, "connections": {"shop": {
        "base_url": peer.base_url, "auth": {"bearer": "!env PAWL_TEST_TOKEN"}, "timeout": "1s"}}},
        rules={"r.yaml": HEAD + rule + tail}, actions={"shop.yaml": PEER_ACTIONS})


def order(number="n1"):
    return f"order\n    with: {{number: {number}}}"


def look(number="n1"):
    return f"look\n    with: {{number: {number}}}"


def over(pawl):
    return [pawl.client.ok("GET", f"/api/events/{e['id']}")["data"] for e in pawl.events(type="over")]


# ---- refused, and again later ----

@test
def a_throttled_call_waits_and_goes_again(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.fault("throttled", "/v3/contacts", method="POST", times=2)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    pawl.one()
    sent = sandbox.requests("POST", "/contacts")
    same([e["status"] for e in sent], [429, 429, 201], "answers")
    same(len(sandbox.requests(changed=True)), 1, "changes")


@test
def an_unavailable_api_gets_the_call_again(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.fault("status", "/v3/contacts", method="POST", status=503)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    pawl.one()
    same([e["status"] for e in sandbox.requests("POST", "/contacts")], [503, 201], "answers")


@test
def a_read_is_sent_again_after_a_server_error_and_a_lost_answer(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, READ.replace("    as: lists", "    retry: {first: 100ms}"))
    sandbox.faults({"kind": "status", "path": "/v3/contact_lists", "status": 500},
                   {"kind": "lose_answer", "path": "/v3/contact_lists"})
    pawl.hook("in", {"id": "1"})
    pawl.one()
    same(len(sandbox.requests("GET", "/contact_lists")), 3, "requests")


@test
def attempts_end(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, READ.replace(
        "    as: lists", "    retry: {attempts: 3, first: 50ms}"))
    sandbox.fault("status", "/v3/contact_lists", status=500, times=0)
    pawl.hook("in", {"id": "1"})
    run = pawl.one("failed")
    same(run["error"]["name"], "5xx", "error")
    same(len(sandbox.requests("GET", "/contact_lists")), 3, "requests")


@test
def a_retry_survives_a_kill(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.fault("throttled", "/v3/contacts", method="POST", times=1)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    pawl.wait_state("retrying")
    pawl.restart()
    pawl.one()
    same([e["status"] for e in sandbox.requests("POST", "/contacts")], [429, 201], "answers")


@test
def what_exists_on_a_first_try_is_an_error(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    pawl.hook("in", {"id": "1", "email": "ada@example.com"})
    run = pawl.one("failed")
    same((run["error"]["name"], run["error"]["status"]), ("exists", 409), "error")
    same(len(sandbox.requests("POST", "/contacts")), 1, "requests")


# ---- lost answers ----

@test
def a_creation_whose_answer_was_lost_is_adopted(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.fault("lose_answer", "/v3/contacts", method="POST", after_acting=True)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    pawl.one()
    same(len(sandbox.requests("POST", "/contacts")), 1, "requests")
    same(over(pawl), [{"adopted": True, "contact_id": sandbox.contact("a@example.com")["contact_id"]}],
         "result")


@test
def a_creation_that_was_not_done_is_sent_again(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.fault("lose_answer", "/v3/contacts", method="POST", after_acting=False)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    pawl.one()
    same(len(sandbox.requests("POST", "/contacts")), 2, "requests")
    same(len(sandbox.requests("POST", "/contacts", True)), 1, "creations")
    same([d.get("adopted") for d in over(pawl)], [None], "adopted")


@test
def a_creation_under_way_at_a_kill_is_adopted(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.fault("delay", "/v3/contacts", method="POST", delay_ms=3000, after_acting=True)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    until(lambda: sandbox.requests("POST", "/contacts"), what="the request")
    pawl.restart()
    pawl.one()
    same(len(sandbox.requests("POST", "/contacts")), 1, "requests")
    same([d["adopted"] for d in over(pawl)], [True], "adopted")


@test
def somebody_elses_contact_is_not_adopted(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, CONTACT)
    sandbox.client.ok("PUT", "/_sandbox", {"now_offset_ms": -3600000})  # an hour ago
    sandbox.api("POST", "/contacts/sign_up_form", {
        "email_address": "old@example.com", "list_memberships": [LIST]})
    sandbox.client.ok("PUT", "/_sandbox", {"now_offset_ms": 0})
    sandbox.fault("lose_answer", "/v3/contacts", method="POST", after_acting=False)
    pawl.hook("in", {"id": "1", "email": "old@example.com"})
    run = pawl.one("failed")
    same(run["error"]["name"], "exists", "error")
    same(len(sandbox.requests(changed=True)), 1, "changes")


@test
def a_job_whose_answer_was_lost_is_adopted(case):
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, TAGGING)
    sandbox.fault("lose_answer", "/v3/activities/contacts_taggings_add", after_acting=True)
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    pawl.one(timeout=15)
    same(len(sandbox.requests("POST", "/activities/contacts_taggings_add")), 1, "requests")
    same(sandbox.state()["activities"], 1, "activities")
    same(over(pawl), [{"adopted": True, "outcome": "completed"}], "result")
    same(sandbox.contact("a@example.com")["taggings"], [HOT], "tags")


@test
def a_lost_job_is_not_taken_for_another_one(case):
    # One run's job is under way and slowly answered; another run's was lost before it was done. The
    # second must not take the first one's job for its own.
    sandbox = case.sandbox()
    pawl = of_sandbox(case, sandbox, TAGGING)
    path = "/v3/activities/contacts_taggings_add"
    sandbox.faults({"kind": "delay", "path": path, "delay_ms": 1500, "after_acting": True},
                   {"kind": "lose_answer", "path": path, "after_acting": False})
    pawl.hook("in", {"id": "1", "email": "a@example.com"})
    until(lambda: sandbox.requests("POST", path[3:]), what="the first job")
    pawl.hook("in", {"id": "2", "email": "b@example.com"})
    first = pawl.wait_state("completed", timeout=15)

    def both():
        return all(r["state"] in ("completed", "retrying", "in_doubt") for r in pawl.runs())
    until(both, timeout=15, what="the second run's doubt or end")
    for run in pawl.runs(state="completed"):
        email = "a@example.com" if run["id"] == first["id"] else "b@example.com"
        same(sandbox.contact(email)["taggings"], [HOT], f"tags of {email}")


# ---- a peer that breaks off: once ----

@test
def an_order_whose_reused_connection_is_reset_is_sent_once(case):
    # The first request makes the connection; the POST goes over it again and is reset after it was
    # read. A client that repeats it by itself would order twice.
    for how in (RESET_AFTER, CLOSE_AFTER):
        peer = case.peer(answer(body={"id": "x"}), how, default=answer(body={"id": "again"}))
        pawl = of_peer(case, peer, look(), order())
        pawl.hook("in", {"id": "1"})
        run = pawl.one("in_doubt")
        same([(r["method"], r["conn"]) for r in peer.requests], [("GET", 1), ("POST", 1)],
             f"requests ({how['do']}): the connection was reused and nothing repeated")
        pawl.restart()
        same(pawl.show(run["id"])["state"], "in_doubt", "state after a restart")
        same(len(peer.requests), 2, "requests after a restart")
        pawl.kill9()


@test
def a_customer_whose_reused_connection_is_reset_is_looked_up(case):
    peer = case.peer(answer(body={"id": "x"}), RESET_AFTER, answer(body={"items": []}),
                     default=answer(body={"id": "c9", "key": "k"}))
    pawl = of_peer(case, peer, look(), "customer\n    with: {key: k}")
    pawl.hook("in", {"id": "1"})
    pawl.one()
    same([r["method"] for r in peer.requests], ["GET", "POST", "GET", "POST"], "requests")


@test
def every_lost_answer_puts_an_order_in_doubt(case):
    for how in (RESET_AFTER, CLOSE_AFTER, HALF, SILENT, answer(status=500), answer(status=502)):
        peer = case.peer(how)
        pawl = of_peer(case, peer, order())
        pawl.hook("in", {"id": "1"})
        pawl.one("in_doubt")
        same(len(peer.bodies()), 1, f"orders ({how})")
        pawl.kill9()


@test
def an_order_that_surely_was_not_taken_goes_again(case):
    for how in (answer(status=503), answer(status=429)):
        peer = case.peer(how, default=answer(body={"id": "o"}))
        pawl = of_peer(case, peer, order())
        pawl.hook("in", {"id": "1"})
        pawl.one()
        same(len(peer.bodies()), 2, f"orders ({how})")
        pawl.kill9()


@test
def a_peer_that_is_not_there_is_tried_again(case):
    peer = case.peer()
    pawl = of_peer(case, peer, order())
    peer.stop()
    pawl.hook("in", {"id": "1"})
    run = pawl.wait_state("retrying")
    step = pawl.show(run["id"])["steps"][-1]
    same(step["state"], "retrying", "step")


@test
def an_order_under_way_at_a_kill_is_in_doubt(case):
    peer = case.peer(answer(delay=3))
    pawl = of_peer(case, peer, order())
    pawl.hook("in", {"id": "1"})
    until(lambda: peer.bodies(), what="the order")
    pawl.restart()
    pawl.one("in_doubt")
    same(len(peer.bodies()), 1, "orders")


@test
def an_update_is_sent_again_whatever_happens(case):
    peer = case.peer(RESET_AFTER, HALF, answer(status=500), RESET_BEFORE,
                     default=answer(body={"id": "o"}))
    pawl = of_peer(case, peer, "rename\n    with: {number: n1, name: x}")
    pawl.hook("in", {"id": "1"})
    pawl.one()
    same([b["name"] for b in peer.bodies("PUT")], ["x"] * 4, "updates that were read")


@test
def a_catch_that_names_doubt_takes_it(case):
    peer = case.peer(RESET_AFTER)
    pawl = of_peer(case, peer, order(), tail="catch:\n  - error: [in_doubt]\n"
                   "    do: [{emit: over, data: {name: =error.name}}]\n")
    pawl.hook("in", {"id": "1"})
    pawl.one()
    same(over(pawl), [{"name": "in_doubt"}], "what was caught")


# ---- a person decides ----

@test
def a_person_says_done(case):
    peer = case.peer(RESET_AFTER)
    pawl = of_peer(case, peer, order() + "\n    as: o", tail="  - emit: over\n    data: {id: =o.id}\n")
    pawl.hook("in", {"id": "1"})
    run = pawl.one("in_doubt")
    pawl.command("resume", run["id"], "--as", "done", "--result", '{"id": "o7"}')
    pawl.one()
    same(over(pawl), [{"id": "o7"}], "result")
    same(len(peer.bodies()), 1, "orders")


@test
def a_person_says_again(case):
    peer = case.peer(RESET_AFTER, default=answer(body={"id": "o8"}))
    pawl = of_peer(case, peer, order() + "\n    as: o", tail="  - emit: over\n    data: {id: =o.id}\n")
    pawl.hook("in", {"id": "1"})
    run = pawl.one("in_doubt")
    pawl.restart()
    pawl.command("resume", run["id"], "--as", "again", "--wait")
    pawl.one()
    same(over(pawl), [{"id": "o8"}], "result")
    same(len(peer.bodies()), 2, "orders")


@test
def a_person_says_fail(case):
    peer = case.peer(RESET_AFTER)
    pawl = of_peer(case, peer, order())
    pawl.hook("in", {"id": "1"})
    run = pawl.one("in_doubt")
    pawl.command("resume", run["id"], "--as", "fail")
    run = pawl.one("failed")
    same(run["error"]["name"], "in_doubt", "error")
    pawl.command("resume", run["id"], "--as", "done", code=1)


if __name__ == "__main__":
    sys.exit(main())
