#!/usr/bin/env python3
"""Conversation platforms: what each sends gives exactly the events beside it, in tests/data/conversations."""

import hashlib
import hmac
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, main, same, test, until  # noqa: E402 pylint: disable=C0413

DATA = REPO / "tests/data/conversations"
NO_TIME = ("dialogflow-cx",)  # its payloads have none: the time of receipt counts
ANSWERS = {"rasa": {"events": [], "responses": []}, "dialogflow-cx": {"fulfillmentResponse": {"messages": []}}}
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def as_sent(event, platform):
    """What the store has of an event, as the sample has it."""
    out = {"specversion": "1.0", "id": event["ext_id"], "source": event["source"], "type": event["type"],
           "subject": event["subject"], "time": event["time"], "datacontenttype": "application/json", "data": event["data"]}
    if platform in NO_TIME:
        del out["time"]
    return out


@test
def every_sample_gives_the_events_beside_it(case):
    pawl = case.pawl(config={})
    seen, count = set(), 0
    for folder in sorted(DATA.iterdir()):
        for file in sorted(folder.iterdir()):
            sample = json.loads(file.read_text())
            form = sample.get("form")
            answer = pawl.client.send(
                "POST", f"/conversations/{folder.name}", form or json.dumps(sample["sent"]),
                {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"})
            name = f"{folder.name}/{file.name}"
            assert answer.status in (200, 202), (name, answer)
            if "tracker" in sample["sent"] or folder.name == "dialogflow-cx":
                same(answer.json(), ANSWERS[folder.name], f"{name}: what the platform hears")
            fresh = [e for e in pawl.events() if e["id"] not in seen]
            seen |= {e["id"] for e in fresh}
            wanted = [dict(e) for e in sample["events"]]
            if folder.name in NO_TIME:
                for e in wanted:
                    del e["time"]
            same([as_sent(e, folder.name) for e in sorted(fresh, key=lambda e: e["seq"])], wanted, name)
            count += len(wanted)
    print(f"{count} events of {len(list(DATA.iterdir()))} platforms")
    assert count >= 48, count


@test
def a_platform_that_is_sent_again_is_no_second_event(case):
    pawl = case.pawl(config={})
    sample = json.loads((DATA / "slack/01-im-message.json").read_text())["sent"]
    for wanted in (202, 200):
        same(pawl.client.send("POST", "/conversations/slack", sample).status, wanted, "status")
    same(len(pawl.events()), 1, "events")


@test
def a_signed_platform_is_verified_and_its_handshake_answered(case):
    pawl = case.pawl(config={"conversations": {"slack": {"verify": {"preset": "slack", "secret": SECRET}}}}, rules={"a.yaml": """
api: pawl/1
rule: greets
when: {conversation: message.received, platform: slack}
do: [{reply: "Hello"}]
"""})
    sample = json.dumps(json.loads((DATA / "slack/01-im-message.json").read_text())["sent"])

    def send(body, secret=SECRET):
        at = str(int(time.time()))
        mac = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        return pawl.client.send("POST", "/conversations/slack", body, {
            "Content-Type": "application/json", "X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + mac})

    same(send(sample, "other").status, 401, "another secret")
    same(pawl.client.send("POST", "/conversations/slack", sample, {"Content-Type": "application/json"}).status, 401, "unsigned")
    answer = send('{"type": "url_verification", "challenge": "abc"}')
    same((answer.status, answer.body), (200, "abc"), "handshake")
    same(send(sample).status, 202, "signed")
    sent = until(lambda: pawl.events(type="message.sent"), what="the reply")
    same((sent[0]["subject"], sent[0]["data"]["message"]["text"]), ("slack:T061EG9R6:D0PNCRP9N", "Hello"), "reply")
    same(len(pawl.runs()), 1, "the bot's own message starts nothing")


@test
def a_new_platform_needs_a_file(case):
    pawl = case.pawl(config={}, scripts={"adapters/acme_chat.lua": """
local event = require "event"
return function(body)
  if not body.room then return nil end
  local of = {platform = "acme-chat", account = "one", conversation = {id = body.room, channel = "acme"}}
  return {events = {event.new(of, "message.received", body.id, event.seconds(body.at),
    {participant = {role = "customer", id = "u"}, message = {id = body.id, text = body.text}})}}
end
"""})
    same(pawl.client.send("POST", "/conversations/acme-chat", {"room": "r1", "id": "m1", "at": 1795427110, "text": "hi"}).status, 202, "status")
    same(pawl.events()[0]["subject"], "acme-chat:one:r1", "subject")
    for path, body, wanted in (("acme-chat", {"other": 1}, 400), ("nowhere", {"x": 1}, 404), ("main", {}, 404), ("..%2Fmain", {}, 404),
                               ("acme-chat", {"room": "r", "id": "m2", "at": "x"}, 500)):
        answer = pawl.client.send("POST", f"/conversations/{path}", body)
        assert answer.status in (wanted, 422), (path, body, answer)
    same(len(pawl.events()), 1, "events")


if __name__ == "__main__":
    sys.exit(main())
