#!/usr/bin/env python3
"""What senders get for an answer, and which events are the same."""

import hashlib
import hmac
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test  # noqa: E402 pylint: disable=C0413

NOTE = """
api: pawl/1
rule: note
when:
  - webhook: shop/orders
  - event: order.*
do:
  - set: {seen: =data}
"""
HOOKS = {
    "shop/orders": {"verify": "none", "id": {"header": "X-Order-Id"}},
    "plain": {"verify": "none"},
    "by/field": {"verify": "none", "id": {"json": "/order/id"}},
    "small": {"verify": "none", "max_body": "1KiB"},
    "token": {"verify": {"bearer": "s3cret"}},
    "signed": {"verify": {"hmac": {"algorithm": "sha256", "header": "X-Signature",
                                   "encoding": "hex", "prefix": "sha256=", "secret": "k"}}},
}


def service(case, **more):
    return case.pawl(config={"hooks": HOOKS, **more}, rules={"note.yaml": NOTE})


def id_of(answer, status=202):
    same(answer.status, status, f"status of {answer}")
    return answer.json()["id"]


@test
def an_event_is_answered_202_with_its_id_and_can_be_read(case):
    pawl = service(case)
    id = id_of(pawl.hook("shop/orders", {"total": 12}, {"X-Order-Id": "o1"}))
    event = pawl.client.ok("GET", f"/api/events/{id}")
    same((event["type"], event["source"], event["data"]),
         ("webhook:shop/orders", "/hooks/shop/orders", {"total": 12}), "event")
    run = pawl.one(event=id)
    same(run["rule"], "note", "rule")


@test
def the_same_id_is_the_same_event(case):
    pawl = service(case)
    first = id_of(pawl.hook("shop/orders", {"total": 1}, {"X-Order-Id": "o1"}))
    again = pawl.hook("shop/orders", {"total": 2}, {"X-Order-Id": "o1"})
    same(id_of(again, 200), first, "id")
    other = id_of(pawl.hook("shop/orders", {"total": 1}, {"X-Order-Id": "o2"}))
    assert other != first
    same(len(pawl.wait_ended(2)), 2, "runs")
    pawl.restart()
    same(id_of(pawl.hook("shop/orders", {}, {"X-Order-Id": "o1"}), 200), first, "id after a restart")


@test
def without_an_id_the_body_tells(case):
    pawl = service(case)
    first = id_of(pawl.hook("plain", {"a": 1}))
    same(id_of(pawl.hook("plain", {"a": 1}), 200), first, "id of the same body")
    assert id_of(pawl.hook("plain", {"a": 2})) != first
    assert id_of(pawl.hook("shop/orders", {"a": 1})) != first, "another hook is another source"


@test
def an_id_may_stand_in_the_body(case):
    pawl = service(case)
    first = id_of(pawl.hook("by/field", {"order": {"id": "7"}, "n": 1}))
    same(id_of(pawl.hook("by/field", {"order": {"id": "7"}, "n": 2}), 200), first, "id")


@test
def who_is_not_allowed_is_answered_401_and_nothing_is_kept(case):
    pawl = service(case)
    body = json.dumps({"a": 1})
    right = "sha256=" + hmac.new(b"k", body.encode(), hashlib.sha256).hexdigest()
    cases = [("token", {}), ("token", {"Authorization": "Bearer wrong"}),
             ("token", {"Authorization": "s3cret"}), ("signed", {}),
             ("signed", {"X-Signature": right[:-1] + ("0" if right[-1] != "0" else "1")}),
             ("signed", {"X-Signature": right[7:]})]
    for hook, headers in cases:
        answer = pawl.hook(hook, body, {"Content-Type": "application/json", **headers})
        same(answer.status, 401, f"{hook} {headers}")
    same(pawl.events(), [], "events")
    id_of(pawl.hook("token", {"a": 1}, {"Authorization": "Bearer s3cret"}))
    id_of(pawl.hook("signed", body, {"Content-Type": "application/json", "X-Signature": right}))


@test
def what_cannot_be_taken_gets_its_status(case):
    pawl = service(case)
    json_type = {"Content-Type": "application/json"}
    rows = [
        ("POST", "/hooks/nowhere", "{}", json_type, 404),
        ("GET", "/nowhere", None, {}, 404),
        ("GET", "/hooks/plain", None, {}, 405),
        ("PUT", "/hooks/plain", "{}", json_type, 405),
        ("POST", "/hooks/small", json.dumps({"a": "x" * 2000}), json_type, 413),
        ("POST", "/hooks/plain", "{", json_type, 400),
        ("POST", "/hooks/plain", '{"a": 1, "a": 2}', json_type, 400),
        ("POST", "/events", "{}", {"Content-Type": "application/cloudevents+json"}, 400),
        ("POST", "/events", "<a/>", {"Content-Type": "text/xml"}, 415),
    ]
    for method, path, body, headers, status in rows:
        answer = pawl.client.send(method, path, body, headers)
        same(answer.status, status, f"{method} {path}: {answer}")
    same(pawl.events(), [], "events")


@test
def a_hook_that_does_not_say_who_may_send_refuses_to_start(case):
    for verify in (None, {"bearer": ""}, {"hmac": {"algorithm": "sha256", "header": "X-S"}}):
        hook = {} if verify is None else {"verify": verify}
        pawl = case.pawl(start=False, config={"hooks": {"open": hook}})
        done = pawl.run("serve", "-c", "pawl.yaml", timeout=5)
        assert done.returncode in (2, 3), f"{verify}: exit code {done.returncode}"
        assert "open" in done.stderr or "verify" in done.stderr, done.stderr


@test
def a_secret_whose_variable_is_not_set_refuses_to_start(case):
    pawl = case.pawl(start=False)
    pawl.write("pawl.yaml", f"listen: 127.0.0.1:{pawl.port}\nhooks:\n"
               "  crm: {verify: {bearer: !env PAWL_TEST_NOT_SET}}\n")
    done = pawl.run("serve", "-c", "pawl.yaml", timeout=5)
    assert done.returncode in (2, 3) and "PAWL_TEST_NOT_SET" in done.stderr, done


@test
def cloudevents_come_structured_binary_and_in_batches(case):
    pawl = service(case)
    one = {"specversion": "1.0", "id": "c1", "source": "/shop", "type": "order.paid",
           "subject": "o1", "data": {"n": 1}}
    structured = {"Content-Type": "application/cloudevents+json"}
    first = id_of(pawl.client.send("POST", "/events", json.dumps(one), structured))
    same(id_of(pawl.client.send("POST", "/events", json.dumps(one), structured), 200), first, "id")
    binary = {"Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "c2",
              "ce-source": "/shop", "ce-type": "order.sent", "ce-subject": "o2"}
    second = id_of(pawl.client.send("POST", "/events", '{"n": 2}', binary))
    batch = [{**one, "id": f"b{i}", "type": "order.packed", "data": {"n": i}} for i in range(3)]
    answer = pawl.client.send("POST", "/events", json.dumps(batch),
                              {"Content-Type": "application/cloudevents-batch+json"})
    same(answer.status, 202, f"status of {answer}")
    runs = pawl.wait_ended(5)
    same(len(runs), 5, "runs")
    same({r["state"] for r in runs}, {"completed"}, "states")
    event = pawl.client.ok("GET", f"/api/events/{second}")
    same((event["type"], event["subject"], event["data"]), ("order.sent", "o2", {"n": 2}), "event")


@test
def a_batch_with_a_bad_event_is_refused_whole(case):
    pawl = service(case)
    good = {"specversion": "1.0", "id": "b1", "source": "/shop", "type": "order.paid", "data": {}}
    bad = {"specversion": "1.0", "id": "b2", "source": "/shop", "data": {}}
    answer = pawl.client.send("POST", "/events", json.dumps([good, bad]),
                              {"Content-Type": "application/cloudevents-batch+json"})
    same(answer.status, 400, f"status of {answer}")
    same(pawl.events(), [], "events")


@test
def an_admin_token_guards_the_api(case):
    pawl = service(case, admin={"token": "t0p"})
    same(pawl.client.get("/api/runs").status, 401, "without a token")
    same(pawl.client.get("/api/runs", Authorization="Bearer t0p").status, 200, "with it")
    id_of(pawl.hook("plain", {"a": 1}))


if __name__ == "__main__":
    sys.exit(main())
