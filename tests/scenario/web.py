#!/usr/bin/env python3
"""The step http: what is sent and kept, what a lost answer comes to, and who may be asked."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import (RESET_AFTER, RESET_BEFORE, SILENT, answer, main, same, test,  # noqa: E402 pylint: disable=C0413
                  until)

SECRET = "s3cret-value-9"
HEAD = "api: pawl/1\nrule: r\nwhen: {webhook: in}\n"
CONFIG = {"hooks": {"in": {"verify": "none", "id": {"json": "/id"}, "max_body": "4MiB"}},
          "secrets": {"key": SECRET}, "egress": {"allow": ["127.0.0.0/8"]}}


def asking(case, steps, *script, default=None, **config):
    peer = case.peer(*script, default=default)
    return peer, case.pawl(rules={"r.yaml": HEAD + steps.replace("URL", peer.base_url)},
                           config={**CONFIG, **config})


def ended(pawl, state="completed"):
    run = pawl.wait_ended(1)[0]
    same(run["state"], state, "state: " + str(run.get("error")))
    return pawl.show(run["id"])


def result(run):
    return run["records"][-1]["body"].get("result")


def stored(pawl):
    """All bytes of the store."""
    return b"".join(p.read_bytes() for p in pawl.folder.rglob("*") if p.is_file()
                    and p.name.split(".")[0] == "pawl" and "db" in p.name)


@test
def what_is_said_is_sent_and_the_secret_is_kept_nowhere(case):
    peer, pawl = asking(case, """
do:
  - http:
      url: URL/x?a=1
      query: {q: =data.q, k: [1, "b c"], no: =data.nothing, key: =secrets.key}
      headers: {X-Key: "Bearer ${secrets.key}", X-N: 5}
      body: {said: =data.q, key: "=secrets.key"}
    as: got
result: =got
""", answer(body={"told": SECRET, "n": 1}, headers={"X-Told": "<" + SECRET + ">", "Set-Cookie": "a=b"}))
    pawl.hook("in", {"id": "1", "q": "ä&=+ \U0001F600"})
    run = ended(pawl)
    asked = peer.requests[0]
    same(asked["path"], "/x?a=1&q=%C3%A4%26%3D%2B%20%F0%9F%98%80&k=1&k=b%20c&key=" + SECRET, "path")
    same((asked["method"], asked["headers"]["x-key"], asked["headers"]["x-n"]),
         ("POST", "Bearer " + SECRET, "5"), "headers")
    same(asked["headers"]["content-type"], "application/json", "type")
    same(peer.bodies()[0], {"said": "ä&=+ \U0001F600", "key": SECRET}, "body")
    same(result(run)["body"], {"told": "***", "n": 1}, "result")
    same((result(run)["headers"]["x-told"], "set-cookie" in result(run)["headers"]), ("<***>", False),
         "headers of the result")
    pawl.term()
    assert b"${secret:key}" in stored(pawl), "the journal names the secret"
    assert SECRET.encode() not in stored(pawl), "and does not hold it"
    assert SECRET not in pawl.log(), "nor does the log"


@test
def nobody_outside_can_name_a_secret(case):
    peer, pawl = asking(case, """
do:
  - http: {url: "URL/${data.q}", headers: {X-Q: =data.q}, body: =data.q}
""")
    pawl.hook("in", {"id": "1", "q": "${secret:key}"})
    ended(pawl)
    same(peer.requests[0]["body"], "${secret:key}", "body")
    same(peer.requests[0]["headers"]["x-q"], "${secret:key}", "header")


@test
def a_lost_answer_is_settled_by_the_effect(case):
    _, pawl = asking(case, "do: [{http: {url: URL/a, body: {}}}]\n", RESET_AFTER)
    pawl.hook("in", {"id": "1"})
    run = pawl.wait_state("in_doubt")
    peer = case.peers[0]
    same(len(peer.requests), 1, "sends")
    pawl.command("runs", "retry", run["id"])
    ended(pawl)
    same(len(peer.requests), 2, "sends after a person said so")


@test
def a_key_makes_it_safe_to_send_again(case):
    peer, pawl = asking(case, """
do:
  - http: {url: URL/a, body: {n: 1}, key_header: Idempotency-Key}
    retry: {first: 10ms, jitter: none}
""", RESET_AFTER, answer(500), answer(body={"ok": True}))
    pawl.hook("in", {"id": "1"})
    ended(pawl)
    same(len(peer.requests), 3, "sends")
    same(len({r["headers"]["idempotency-key"] for r in peer.requests}), 1, "keys")


@test
def what_was_killed_is_sent_again_or_in_doubt(case):
    peer, pawl = asking(case, """
do:
  - choose:
      - if: data.keyed
        do: [{http: {url: URL/a, body: "=data.id", key_header: Idempotency-Key}}]
      - else: [{http: {url: URL/a, body: "=data.id"}}]
""", SILENT, SILENT)
    pawl.hook("in", {"id": "1", "keyed": True})
    pawl.hook("in", {"id": "2", "keyed": False})
    until(lambda: len(peer.requests) == 2, what="both are sent")
    pawl.kill9()
    pawl.start()
    pawl.wait_state("in_doubt")
    pawl.wait_state("completed")
    same(sorted(r["body"] for r in peer.requests), ["1", "1", "2"], "requests")


@test
def statuses_are_errors_unless_they_are_named(case):
    peer, pawl = asking(case, """
do:
  - http: {url: URL/a, ok: [404]}
    as: a
  - try:
      - http: {url: URL/b}
    catch:
      - error: not_found
        do: [{set: {b: =error.status}}]
  - http: {url: URL/c, method: PUT, body: x}
    retry: {first: 10ms, jitter: none}
    as: c
  - try: [{http: {url: URL/d}}]
    catch: [{do: [{set: {d: =error.message}}]}]
result: ={a = a.status, b = b, c = c.body, d = d}
""", answer(404), answer(404), RESET_BEFORE, RESET_AFTER, answer(body=[1]),
                        answer(302, headers={"Location": "http://elsewhere.example/"}))
    pawl.hook("in", {"id": "1"})
    found = result(ended(pawl))
    same((found["a"], found["b"], found["c"]), (404, 404, [1]), "results")
    assert "http://elsewhere.example/" in found["d"] and "redirect" in found["d"], found
    same(len(peer.requests), 5, "requests")


@test
def private_addresses_and_hosts_that_are_not_named_are_not_asked(case):
    peer, pawl = asking(case, """
do:
  - try: [{http: {url: =data.url}}]
    catch: [{do: [{set: {name: =error.name}}]}]
result: =name
""", egress={"allow": ["*.example.com"]})
    own = f"127.0.0.1:{peer.port}"
    urls = [f"http://{own}/", f"http://localhost:{peer.port}/", f"http://[::1]:{peer.port}/",
            f"http://[::ffff:127.0.0.1]:{peer.port}/", f"http://2130706433:{peer.port}/",
            f"http://0x7f.1:{peer.port}/", f"http://a.example.com@{own}/", f"http://{own}\\@a.example.com/",
            f"http://{own}#@a.example.com/", "file:///etc/passwd", f"gopher://{own}/"]
    for i, url in enumerate(urls):
        pawl.hook("in", {"id": str(i), "url": url})
    runs = pawl.wait_ended(len(urls))
    same({result(pawl.show(r["id"])) for r in runs} <= {"forbidden", "invalid"}, True, "errors")
    same(len(peer.requests), 0, "requests")


@test
def public_is_the_rule_where_nothing_is_said(case):
    peer, pawl = asking(case, """
do:
  - try: [{http: {url: =data.url}}]
    catch: [{do: [{set: {name: =error.name}}]}]
result: =name
""", egress={})
    urls = [f"http://{h}:{peer.port}/" for h in
            ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0")]
    for i, url in enumerate(urls):
        pawl.hook("in", {"id": str(i), "url": url})
    runs = pawl.wait_ended(len(urls))
    same([result(pawl.show(r["id"])) for r in runs], ["forbidden"] * len(urls), "errors")
    same(len(peer.requests), 0, "requests")


@test
def a_connection_gives_its_host_and_its_credentials(case):
    peer = case.peer()
    other = case.peer()
    pawl = case.pawl(rules={"r.yaml": HEAD + f"""
do:
  - http: {{connection: shop, path: /orders, query: {{n: 1}}}}
  - try: [{{http: {{connection: shop, url: "{other.base_url}/steal"}}}}]
    catch: [{{do: [{{set: {{name: =error.name}}}}]}}]
result: =name
"""}, config={**CONFIG, "egress": {}, "connections": {
        "shop": {"base_url": peer.base_url + "/v1", "auth": {"bearer": "t0ken"}}}})
    pawl.hook("in", {"id": "1"})
    same(result(ended(pawl)), "forbidden", "the other host")
    same([(r["path"], r["headers"]["authorization"]) for r in peer.requests],
         [("/v1/orders?n=1", "Bearer t0ken")], "requests")
    same(len(other.requests), 0, "requests of another host")


@test
def files_come_and_go(case):
    peer, pawl = asking(case, """
do:
  - http: {url: URL/a, save: list.json}
    as: a
  - http: {url: URL/b, method: PUT, body: =a.body}
  - http: {url: URL/c, multipart: {note: hi, file: =a.body}, effect: idempotent}
  - http: {url: URL/d, form: {a: "x y", b: [1, 2]}, effect: idempotent}
result: =a.body.name
""", answer(body={"n": 7}))
    pawl.hook("in", {"id": "1"})
    same(result(ended(pawl)), "list.json", "name")
    _, b, c, d = peer.requests
    same(b["body"], '{"n": 7}', "body")
    assert 'name="file"; filename="list.json"' in c["body"] and '{"n": 7}' in c["body"], c
    assert c["headers"]["content-type"].startswith("multipart/form-data; boundary="), c
    same((d["body"], d["headers"]["content-type"]),
         ("a=x%20y&b=1&b=2", "application/x-www-form-urlencoded"), "form")


@test
def an_event_is_sent_to_somebody_else_under_one_id(case):
    peer, pawl = asking(case, """
do:
  - emit: order.seen
    data: {n: =data.n}
    subject: o-7
    to: URL/events
    retry: {first: 10ms, jitter: none}
    as: sent
  - try: [{emit: x.y, to: "http://192.0.2.1/"}]
    catch: [{do: [{set: {name: =error.name}}]}]
result: ={status = sent.status, name = name}
""".replace("result: ={status = sent.status, name = name}", "result: '={status = sent.status, name = name}'"),
                        RESET_AFTER, answer(503), answer(202))
    pawl.hook("in", {"id": "1", "n": 5})
    same(result(ended(pawl)), {"status": 202, "name": "forbidden"}, "result")
    same(len(peer.requests), 3, "sends")
    events = peer.bodies()
    assert events[0] == events[1] == events[2], events
    same((events[0]["specversion"], events[0]["type"], events[0]["source"], events[0]["subject"], events[0]["data"]),
         ("1.0", "order.seen", "urn:pawl:rule:r", "o-7", {"n": 5}), "event")
    assert peer.requests[0]["headers"]["content-type"].startswith("application/cloudevents+json"), peer.requests[0]
    same(pawl.events(type="order.seen"), [], "events of our own")


@test
def one_service_sends_events_to_another(case):
    other = case.pawl(name="other", rules={"o.yaml": "api: pawl/1\nrule: o\nwhen: {event: order.seen}\n"
                                          "do: [{emit: heard, data: =data}]\n"})
    pawl = case.pawl(rules={"r.yaml": HEAD + f"do: [{{emit: order.seen, data: {{n: 5}}, "
                                             f"to: 'http://127.0.0.1:{other.port}/events'}}]\n"}, config=CONFIG)
    pawl.hook("in", {"id": "1"})
    ended(pawl)
    until(lambda: [e["data"] for e in other.events(type="heard")] == [{"n": 5}], what="the event over there")


if __name__ == "__main__":
    sys.exit(main())
