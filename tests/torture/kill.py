#!/usr/bin/env python3
"""Kills the service with SIGKILL at random moments under load, and counts what came of it.

Senders post events with ids and keep to one until it is answered 202 or 200. The sandbox is a process
of its own that is never killed, so its log is what an API would have seen. When the last run has
ended, every event must have led to exactly one run of each rule that matches it, every run must have
completed, and nothing may have been done twice or not at all.
"""

import argparse
import collections
import http.client
import json
import pathlib
import random
import sys
import threading
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/lib"))
from pawl import Case, Client, on_term  # noqa: E402 pylint: disable=C0413
import signal  # noqa: E402 pylint: disable=C0411,C0413

HOT = "5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"
LEADS = "07936f78-662a-11eb-af0a-fa163e56c9b0"

RULES = {
    # A creation by key, an update, a read, an event for the next rule.
    "lead.yaml": f"""
api: pawl/1
rule: lead
when: {{webhook: t/lead}}
do:
  - call: constant_contact.create_contact
    with:
      email_address: {{address: '=data.email', permission_to_send: implicit}}
      first_name: =data.name
      create_source: Account
      list_memberships: [{LEADS}]
    as: made
  - call: constant_contact.update_contact
    with:
      contact_id: =made.contact_id
      email_address: {{address: '=data.email', permission_to_send: implicit}}
      first_name: =data.name
      last_name: Updated
      update_source: Account
  - call: constant_contact.get_contact
    with: {{contact_id: =made.contact_id}}
    as: read
  - emit: lead.made
    data: {{n: =data.n, contact_id: =read.contact_id, last_name: =read.last_name}}
""",
    # A second rule of the same event.
    "watch.yaml": """
api: pawl/1
rule: watch
when: {webhook: t/lead}
do:
  - set: {seen: =data.n}
  - wait: 30ms
""",
    # A job, and a wait for its end.
    "made.yaml": f"""
api: pawl/1
rule: made
when: {{event: lead.made}}
do:
  - if: data.last_name ~= "Updated"
    do:
      - fail: "the update was lost"
  - call: constant_contact.add_contact_taggings
    with:
      source: {{contact_ids: [=data.contact_id]}}
      tag_ids: [{HOT}]
    as: tagging
  - wait: {{activity: =tagging, timeout: 30m, else: fail}}
    as: tagged
  - if: tagged.outcome ~= "completed"
    do:
      - fail: "tagging ended as ${{tagged.outcome}}"
""",
    # A loop of creations by key.
    "many.yaml": """
api: pawl/1
rule: many
when: {webhook: t/many}
do:
  - each: =data.names
    item: name
    do:
      - call: constant_contact.create_contact_tag
        with: {name: =name}
        as: tag
    result: =tag.tag_id
    as: ids
  - if: len(ids) ~= len(data.names)
    do:
      - fail: "an iteration was lost"
""",
    # A script with calls and a wait.
    "script.yaml": """
api: pawl/1
rule: script
when: {webhook: t/script}
do:
  - lua: twice.lua
    with: {name: =data.name}
    as: twice
  - if: twice.list ~= twice.again
    do:
      - fail: "the script's calls do not fit"
""",
    # A reply that becomes an event.
    "talk.yaml": """
api: pawl/1
rule: talk
when: {conversation: message.received}
do:
  - reply: "You said ${data.message.text}."
""",
}

SCRIPTS = {"twice.lua": """
local args = ...
local made = call("constant_contact.create_contact_list", {name = args.name, favorite = false})
wait("20ms")
local again = call("constant_contact.get_contact_list", {list_id = made.list_id})
return {list = made.list_id, again = again.list_id}
"""}

# How many runs of each rule an event of that kind leads to, its emitted events' included.
EXPECTED = {"lead": ["lead", "watch", "made"], "many": ["many"], "script": ["script"],
            "talk": ["talk"]}


# Read only to find out what became of a request whose answer was lost; no rule reads them.
PROBES = {"/v3/contacts", "/v3/contact_tags", "/v3/contact_lists", "/v3/activities"}


class Sender(threading.Thread):
    """Posts events of some kinds, one after the other; each until it is answered well."""

    def __init__(self, port, name, kinds, pause, stop):
        super().__init__(daemon=True)
        self.client, self.tag, self.kinds = Client(port, timeout=5), name, kinds
        self.pause, self.stop_event = pause, stop
        self.acked = []  # (kind, number, the event's id, status)
        self.refused = collections.Counter()
        self.again = 0

    def request(self, kind, n):
        key = f"{self.tag}-{n}"
        if kind == "talk":
            body = {"specversion": "1.0", "id": f"t:{key}", "source": "/conversations/web/test",
                    "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json", "type": "message.received",
                    "subject": f"web:test:{key}", "data": {
                        "platform": "web", "account": "test",
                        "conversation": {"id": key, "channel": "web", "status": "open"},
                        "participant": {"role": "customer", "id": key},
                        "message": {"id": f"m-{key}", "text": f"hello {key}"}}}
            return "/conversations/native", body, "application/cloudevents+json"
        data = {"id": f"t:{key}", "n": key, "name": f"name-{key}", "email": f"{key}@example.com",
                "names": [f"tag-{key}-{i}" for i in range(3)]}
        return f"/hooks/t/{kind}", data, "application/json"

    def post(self, path, body, mime):
        try:
            return self.client.send("POST", path, json.dumps(body), {"Content-Type": mime})
        except (OSError, http.client.HTTPException):
            return None

    def run(self):
        n = 0
        while not self.stop_event.is_set():
            n += 1
            kind = self.kinds[n % len(self.kinds)]
            path, body, mime = self.request(kind, n)
            while True:
                answer = self.post(path, body, mime)
                if answer and answer.status in (200, 202):
                    break
                if answer:
                    self.refused[answer.status] += 1
                    if answer.status not in (429, 503):
                        raise RuntimeError(f"{path} was answered {answer}")
                self.again += 1
                time.sleep(0.01)
            self.acked.append((kind, f"{self.tag}-{n}", answer.json()["id"], answer.status))
            time.sleep(self.pause * random.random() * 2)


def config_of(sandbox, options):
    hooks = {f"t/{k}": {"verify": "none", "id": {"json": "/id"}} for k in ("lead", "many", "script")}
    connection = sandbox.connection()
    if options.per_second:
        connection["budget"] = {"per_second": options.per_second, "per_day": options.per_day}
    return {"hooks": hooks, "conversations": {"native": {"verify": "none"}},
            "connections": {"constant_contact": connection}, "log": {"level": "info"}}


def torture(service, senders, options, rng):
    """The kills; gives the recovery times in seconds."""
    times, gap = [], options.seconds / options.kills
    for thread in senders:
        thread.start()
    for _ in range(options.kills):
        time.sleep(rng.uniform(0.1, 1.9) * gap)
        broken = [t.tag for t in senders if not t.is_alive()]
        if broken:
            raise AssertionError(f"a sender ended: {broken}")
        service.kill9()
        if rng.random() < 0.2:  # once more while it starts
            service.spawn_only()
            time.sleep(rng.uniform(0, 0.08))
            service.kill9()
        times.append(service.start(timeout=30))
    return times


def is_settling(service, run):
    """A job whose answer was lost, between two looks, or one that waits until that is settled."""
    if run["rule"] != "made" or run["state"] not in ("retrying", "waiting"):
        return False
    return not any(s["kind"] == "wait" for s in service.show(run["id"])["steps"])


def await_end(service, expected, patience):
    """All runs, when those that are expected are there and have ended; or what is left."""
    end = time.monotonic() + patience
    while True:
        runs = service.runs()
        open_ = [r for r in runs if r["state"] not in ("completed", "failed", "cancelled", "in_doubt")]
        if (not open_ and len(runs) >= expected) or time.monotonic() >= end:
            return runs, open_
        time.sleep(0.25)


class Findings:
    """What is wrong; a few examples of each kind are enough."""

    def __init__(self):
        self.all = collections.defaultdict(list)

    def add(self, kind, what):
        self.all[kind].append(what)

    def tell(self):
        for kind, found in self.all.items():
            print(f"WRONG {len(found)} x {kind}: {'; '.join(map(str, found[:4]))}")
        return bool(self.all)


def check_runs(found, service, runs, open_, acked):
    """Each event one run of each rule; each run completed."""
    settling = [r for r in open_ if is_settling(service, r)]
    if settling and all(r["state"] == "waiting" for r in settling):
        found.add("jobs that wait for none", [r["id"] for r in settling])
    for r in open_:
        if r not in settling:
            found.add("run that does not end", (r["rule"], r["id"], r["state"]))
    for r in runs:
        if r["state"] not in ("completed", "failed", "cancelled", "in_doubt"):
            continue
        if r["state"] != "completed":
            found.add(f"run that is {r['state']}", (r["rule"], r["id"], r.get("error")))
    by_event = collections.defaultdict(collections.Counter)
    for r in runs:
        by_event[r["event"]][r["rule"]] += 1
    known = set()
    for kind, key, event, _ in acked:
        direct = {rule: 1 for rule in EXPECTED[kind] if rule != "made"}
        known.add(event)
        if by_event[event] != direct:
            word = "event lost" if not by_event[event] else "event with other runs"
            found.add(word, (kind, key, event, dict(by_event[event])))
    for event, rules in by_event.items():
        if event not in known and dict(rules) != {"made": 1}:
            found.add("runs of no event that was answered", (event, dict(rules)))
    return settling


def check_count(found, what, counts, wanted):
    for key, n in counts.items():
        if n != 1:
            found.add(f"{what} done {n} times", key)
        if key not in wanted:
            found.add(f"{what} of nobody", key)
    for key in wanted:
        if key not in counts:
            found.add(f"{what} never done", key)


def check_effects(found, entries, acked, settling_emails, service):
    """By natural key: what the API was changed by."""
    done = collections.defaultdict(collections.Counter)
    contact_of, last_name = {}, {}
    for e in entries:
        if not e["changed"]:
            continue
        body, path = e.get("body") or {}, e["path"]
        if e["method"] == "POST" and path == "/v3/contacts":
            email = body["email_address"]["address"]
            done["contact"][email] += 1
            contact_of[e["effect"]["id"]] = email
        elif e["method"] == "PUT":
            last_name[body["email_address"]["address"]] = body["last_name"]
        elif path == "/v3/contact_tags":
            done["tag"][body["name"]] += 1
        elif path == "/v3/contact_lists":
            done["list"][body["name"]] += 1
        elif path == "/v3/activities/contacts_taggings_add":
            for contact in body["source"]["contact_ids"]:
                done["tagging"][contact_of.get(contact, contact)] += 1
        else:
            found.add("change of an unknown kind", (e["method"], path))
    keys = collections.defaultdict(list)
    for kind, key, _, _ in acked:
        keys[kind].append(key)
    emails = {f"{k}@example.com" for k in keys["lead"]}
    check_count(found, "contact", done["contact"], emails)
    check_count(found, "tagging", {k: n for k, n in done["tagging"].items() if n != 1 or
                                   k not in settling_emails}, emails - settling_emails)
    check_count(found, "tag", done["tag"], {f"tag-{k}-{i}" for k in keys["many"] for i in range(3)})
    check_count(found, "list", done["list"], {f"name-{k}" for k in keys["script"]})
    for email in emails - set(last_name):
        found.add("update never done", email)
    replies = collections.Counter(e["subject"] for e in service.events(type="message.sent"))
    check_count(found, "reply", replies, {f"web:test:{k}" for k in keys["talk"]})
    return sum(sum(c.values()) for c in done.values())


def emails_of(service, runs):
    """The leads whose taggings are not settled yet."""
    ids = {service.show(r["id"])["event"] for r in runs}
    data = [service.client.ok("GET", f"/api/events/{i}")["data"] for i in ids]
    return {f"{d['n']}@example.com" for d in data}


def round_(case, options, rng):
    """One whole torture; gives whether something is wrong."""
    sandbox = case.sandbox(activity_ms=40, log_max=1000000)
    service = case.pawl(start=False, config=config_of(sandbox, options), rules=RULES, scripts=SCRIPTS)
    service.start()
    stop = threading.Event()
    kinds = ["lead", "many", "script", "lead"]
    pause = 3 / options.rate
    senders = [Sender(service.port, "a", kinds, pause, stop),
               Sender(service.port, "b", kinds[::-1], pause, stop),
               Sender(service.port, "c", ["talk", "lead"], pause, stop)]
    began = time.monotonic()
    times = torture(service, senders, options, rng)
    stop.set()
    for thread in senders:
        thread.join(30)
        assert not thread.is_alive(), "a sender has not come to its end"
    loaded = time.monotonic() - began
    acked = [a for t in senders for a in t.acked]
    expected = sum(len(EXPECTED[kind]) for kind, *_ in acked)
    runs, open_ = await_end(service, expected, options.patience)
    found = Findings()
    settling = check_runs(found, service, runs, open_, acked)
    entries = sandbox.log_entries()
    effects = check_effects(found, entries, acked, emails_of(service, settling), service)
    if len(runs) != expected and not found.all:
        found.add("wrong number of runs", (len(runs), expected))
    probes = sum(1 for e in entries if e["method"] == "GET" and e["path"] in PROBES)
    wrong = found.tell()
    late = sum(1 for a in acked if a[3] == 200)
    print(f"kills={options.kills} events={len(acked)} again={sum(t.again for t in senders)} "
          f"duplicates={late} runs={len(runs)} settling={len(settling)} requests={len(entries)} "
          f"effects={effects} looked_up={probes} recovery_ms max={max(times) * 1000:.0f} "
          f"median={sorted(times)[len(times) // 2] * 1000:.0f} load_s={loaded:.1f} "
          f"total_s={time.monotonic() - began:.1f} seed={options.seed} "
          f"{'WRONG' if wrong else 'nothing lost, nothing twice'}", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, help="of load (default: 0.4 a kill)")
    parser.add_argument("--rate", type=float, default=120, help="events a second, about")
    parser.add_argument("--per-second", type=float, help="the connection's budget (default: none)")
    parser.add_argument("--per-day", type=int, default=1000000, help="with --per-second")
    parser.add_argument("--patience", type=float, default=240,
                        help="seconds for the runs to end after the last kill")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    options.seconds = options.seconds or 0.4 * options.kills
    signal.signal(signal.SIGTERM, on_term)
    rng, case, wrong = random.Random(options.seed), Case(), True
    try:
        wrong = round_(case, options, rng)
    except (AssertionError, OSError, http.client.HTTPException) as e:
        print(f"WRONG {type(e).__name__}: {e}; seed={options.seed}")
    finally:
        case.end(wrong)
    print(f"[  FAILED  ] kill_{options.kills}_times" if wrong else
          f"[       OK ] kill_{options.kills}_times")
    print("0 passed, 1 failed" if wrong else "1 passed, 0 failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
