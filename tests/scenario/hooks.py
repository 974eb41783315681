#!/usr/bin/env python3
"""Hooks of other people's services: their signatures, handshakes, kinds and lists, over real HTTP."""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
URL = "https://hooks.example.com"

HOOKS = {
    "github": {"verify": {"preset": "github", "secret": ["older", SECRET]}},
    "slack": {"verify": {"preset": "slack", "secret": SECRET}},
    "meta": {"verify": {"preset": "meta", "secret": SECRET, "token": "meaty"}},
    "zoom": {"verify": {"preset": "zoom", "secret": SECRET}},
    "twitch": {"verify": {"preset": "twitch", "secret": SECRET}},
    "hubspot": {"verify": {"preset": "hubspot-v3", "secret": SECRET}},
    "sunshine": {"verify": {"preset": "sunshine", "secret": SECRET},
                 "answer": {"status": 200, "body": {"taken": True}}},
    "basic": {"verify": {"type": "basic", "user": "eve", "secret": SECRET}},
    "query": {"verify": {"type": "token", "query": "key", "secret": SECRET}},
}

RULE = """
api: pawl/1
rule: pushes
when: {webhook: github#push}
do: [{log: "${event.type} ${data.ref}"}]
---
api: pawl/1
rule: github
when: {webhook: github}
do: [{wait: {webhook: github, where: {ref: again}, timeout: 1h, else: fail}, as: again}]
---
api: pawl/1
rule: contacts
when: {webhook: hubspot#contact.creation}
do: [{log: "${data.objectId}"}]
---
api: pawl/1
rule: messages
when: [{webhook: meta}, {webhook: slack}, {webhook: sunshine}]
do: [{log: "${json.encode(event.headers)}"}]
"""


def service(case):
    return case.pawl(config={"public_url": URL, "hooks": HOOKS}, rules={"a.yaml": RULE})


def mac(text, algorithm="sha256", secret=SECRET):
    return hmac.new(secret.encode(), text.encode(), algorithm)


def post(pawl, path, body, **headers):
    return pawl.client.send("POST", f"/hooks/{path}", body,
                            {"Content-Type": "application/json", **headers})


def github(pawl, body, event="push", delivery="1", secret=SECRET):
    return post(pawl, "github", body, **{
        "X-GitHub-Event": event, "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": "sha256=" + mac(body, secret=secret).hexdigest()})


def slack(pawl, body, at=None, secret=SECRET):
    at = str(int(at or time.time()))
    return post(pawl, "slack", body, **{
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": "v0=" + mac(f"v0:{at}:{body}", secret=secret).hexdigest()})


@test
def kinds_are_heard_apart_and_together(case):
    pawl = service(case)
    body = '{"ref": "main"}'
    same(github(pawl, body).status, 202, "signed")
    same(github(pawl, body).status, 200, "the same delivery again")
    same(github(pawl, body, delivery="2", secret="older").status, 202, "with the older secret")
    same(github(pawl, body, delivery="3", secret="other").status, 401, "with another one")
    same(github(pawl, body, event="issues", delivery="4").status, 202, "another kind")
    runs = until(lambda: len(pawl.runs()) == 5 and pawl.runs(), what="runs")
    same(sorted(r["rule"] for r in runs), ["github"] * 3 + ["pushes"] * 2, "rules")
    same(len(pawl.events(type="webhook:github#push")), 2, "events of that type")
    # a wait for the hook takes any kind
    same(github(pawl, '{"ref": "again"}', event="issues", delivery="5").status, 202, "status")
    until(lambda: len([r for r in pawl.runs() if r["rule"] == "github" and r["state"] == "completed"]) == 3,
          what="the waits")


@test
def a_signature_counts_for_its_time_and_bytes_alone(case):
    pawl = service(case)
    body = '{"event_id": "e1", "event": {"type": "message", "text": "hi"}}'
    same(slack(pawl, body).status, 202, "fresh")
    same(slack(pawl, body, at=time.time() + 1).status, 200, "the same event again")
    for at in (time.time() - 400, time.time() + 400):
        same(slack(pawl, body, at=at).status, 401, "too far from now")
    answer = slack(pawl, body, secret="other")
    same(answer.status, 401, "another secret")
    assert SECRET not in answer.body, answer
    run = pawl.one()
    log = run["steps"][0]
    assert "signature" not in json.dumps(log).lower(), log
    same(len(pawl.events()), 1, "events")


@test
def handshakes_are_answered_and_become_no_events(case):
    pawl = service(case)
    answer = slack(pawl, '{"type": "url_verification", "challenge": "3eZbrw1a"}')
    same((answer.status, answer.body, answer.headers["content-type"]), (200, "3eZbrw1a", "text/plain"), "slack")
    same(slack(pawl, '{"type": "url_verification", "challenge": "x"}', secret="other").status, 401, "not signed")
    ask = "/hooks/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    answer = pawl.client.send("GET", ask + "meaty")
    same((answer.status, answer.body), (200, "1158201444"), "meta")
    same(pawl.client.send("GET", ask + "other").status, 403, "another token")
    same(pawl.client.send("GET", "/hooks/meta?x=1").status, 401, "no handshake, and not signed")
    body, at = '{"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}', str(int(time.time()))
    answer = post(pawl, "zoom", body, **{"x-zm-request-timestamp": at,
                                         "x-zm-signature": "v0=" + mac(f"v0:{at}:{body}").hexdigest()})
    same(answer.json(), {"plainToken": "qgg8vlvZRS6UYooatFL8Aw",
                         "encryptedToken": mac("qgg8vlvZRS6UYooatFL8Aw").hexdigest()}, "zoom")
    body, at = '{"challenge": "pogchamp"}', time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    answer = post(pawl, "twitch", body, **{
        "Twitch-Eventsub-Message-Id": "m1", "Twitch-Eventsub-Message-Timestamp": at,
        "Twitch-Eventsub-Message-Type": "webhook_callback_verification",
        "Twitch-Eventsub-Message-Signature": "sha256=" + mac("m1" + at + body).hexdigest()})
    same((answer.status, answer.body), (200, "pogchamp"), "twitch")
    for path in ("/hooks/github", "/events"):
        answer = pawl.client.send("OPTIONS", path, headers={"WebHook-Request-Origin": "events.example.com"})
        same((answer.status, answer.headers["webhook-allowed-origin"], answer.headers["allow"]),
             (200, "events.example.com", "POST"), path)
    same(pawl.events(), [], "events")


@test
def one_delivery_may_hold_many_events(case):
    pawl = service(case)

    def hubspot(events):
        body, at = json.dumps(events), str(int(time.time() * 1000))
        text = f"POST{URL}/hooks/hubspot{body}{at}"
        return post(pawl, "hubspot", body, **{
            "X-HubSpot-Request-Timestamp": at,
            "X-HubSpot-Signature-v3": base64.b64encode(mac(text).digest()).decode()})

    events = [{"subscriptionId": 1, "eventId": 7, "objectId": n, "occurredAt": 5,
               "subscriptionType": "contact.creation"} for n in (11, 12)]
    answer = hubspot(events)
    same((answer.status, len(answer.json()["ids"])), (202, 2), "two events")
    again = hubspot(events + [{**events[0], "objectId": 13}])
    same((again.status, again.json()["ids"][:2]), (202, answer.json()["ids"]), "one is new")
    same(hubspot(events).status, 200, "none is new")
    runs = until(lambda: len(pawl.runs()) == 3 and pawl.runs(), what="runs")
    same({r["rule"] for r in runs}, {"contacts"}, "rules")

    body = json.dumps({"entry": [{"changes": [{"value": {"messages": [{"id": "w1"}]}}, {"value": {"messages": [{"id": "w2"}]}}]},
                                 {"messaging": [{"message": {"mid": "m3"}}]}]})
    answer = post(pawl, "meta", body, **{"X-Hub-Signature-256": "sha256=" + mac(body).hexdigest()})
    same((answer.status, len(answer.json()["ids"])), (202, 3), "entries, changes and messaging")
    assert mac(body).hexdigest() not in json.dumps(pawl.events()), "a signature is kept"


@test
def tokens_passwords_and_answers_of_ones_own(case):
    pawl = service(case)
    body = '{"events": [{"id": "s1", "type": "conversation:message"}]}'
    answer = post(pawl, "sunshine", body, **{"X-API-Key": SECRET})
    same((answer.status, answer.json()), (200, {"taken": True}), "an answer of one's own")
    same(post(pawl, "sunshine", body, **{"X-API-Key": SECRET + "x"}).status, 401, "another token")
    same(post(pawl, "sunshine", body).status, 401, "no token")
    for user, secret, wanted in (("eve", SECRET, 202), ("eve", "x", 401), ("adam", SECRET, 401), ("", "", 401)):
        basic = base64.b64encode(f"{user}:{secret}".encode()).decode()
        same(post(pawl, "basic", json.dumps({"n": len(user + secret)}), Authorization=f"Basic {basic}").status, wanted, user + secret)
    same(post(pawl, f"query?key={SECRET}", "{}").status, 202, "in the query")
    same(post(pawl, "query?key=x", "{}").status, 401, "another one in the query")
    same(len(pawl.events()), 3, "events")
    assert SECRET not in json.dumps(pawl.events()), "a token is kept"


@test
def what_would_be_open_is_refused_at_the_start(case):
    for hooks, wanted in (
            ({"a": {"verify": {"preset": "slack"}}}, "the secret is missing"),
            ({"a": {"verify": {"preset": "slack", "secret": ""}}}, "the secret is empty"),
            ({"a": {"verify": {"preset": "slak", "secret": "x"}}}, "did you mean 'slack'?"),
            ({"a": {"verify": {"preset": "twilio", "secret": "x"}}}, "public_url must say"),
            ({"a": {"verify": {"type": "hmac", "secret": "x", "signed": "{id}", "signature": {"header": "s"}}}},
             "anybody could change the body")):
        pawl = case.pawl(start=False, config={"hooks": hooks}, name=f"p{len(case.children)}")
        done = pawl.run("serve", "-c", "pawl.yaml")
        same(done.returncode, 2, wanted)
        assert wanted in done.stderr, (wanted, done.stderr)


if __name__ == "__main__":
    sys.exit(main())
