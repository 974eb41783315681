#!/usr/bin/env python3
"""The example rules from end to end, with the sandbox as the API."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, main, same, test, until  # noqa: E402 pylint: disable=C0413

LEADS = "07936f78-662a-11eb-af0a-fa163e56c9b0"
CUSTOMERS = "1c2f1a50-662a-11eb-af0a-fa163e56c9b0"
HOT = "5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"


def service(case, sandbox):
    config = {"rules": [str(REPO / "rules")], "scripts": str(REPO / "scripts"),
              "hooks": {"crm/contacts": {"verify": "none"}},
              "conversations": {"native": {"verify": "none"}},
              "connections": {"constant_contact": sandbox.connection(),
                              "expert": sandbox.connection()}}
    return case.pawl(config=config)


@test
def a_crm_hook_enters_a_contact_into_the_right_list(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    for stage, email, wanted in (("won", "Won@Example.com", CUSTOMERS),
                                 ("open", "open@example.com", LEADS)):
        answer = pawl.hook("crm/contacts", {
            "contact": {"email": email, "first_name": "Ida", "company": "Ida AG"},
            "deal": {"stage": stage}})
        same(answer.status, 202, "status")
        event = answer.json()["id"]
        run = pawl.one(event=event)
        same(run["rule"], "crm-contact", "rule")
        found = sandbox.contact(email.lower())
        same(found["list_memberships"], [wanted], "lists")
        same((found["first_name"], found["company_name"]), ("Ida", "Ida AG"), "names")
    entered = until(lambda: pawl.events(type="contact.entered"), what="contact.entered")
    same(len(entered), 2, "events that the rule emitted")


@test
def a_hook_without_an_address_matches_nothing(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    same(pawl.hook("crm/contacts", {"contact": {"email": "nobody"}}).status, 202, "status")
    same(pawl.runs(), [], "runs")
    same(sandbox.requests(), [], "requests")


@test
def a_lead_completes_a_contact_and_empties_nothing(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    sandbox.api("POST", "/contacts", {
        "email_address": {"address": "eve@example.com", "permission_to_send": "implicit"},
        "first_name": "Eve", "job_title": "Baker", "create_source": "Account",
        "list_memberships": [LEADS], "taggings": [HOT]})
    answer = pawl.conversation("lead.captured", {"contact": {
        "email": "eve@example.com", "first_name": "Eva", "last_name": "Moser",
        "phone": "+41445550123"}})
    same(answer.status, 202, "status")
    run = pawl.one()
    same(run["rule"], "enrich-contact", "rule")
    found = sandbox.contact("eve@example.com")
    same((found["first_name"], found["last_name"], found["job_title"]), ("Eve", "Moser", "Baker"),
         "names")
    same((found["list_memberships"], found["taggings"]), ([LEADS], [HOT]), "lists and tags")
    same([p["phone_number"] for p in found["phone_numbers"]], ["+41445550123"], "phones")


@test
def a_lead_that_tells_nothing_new_changes_nothing(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    pawl.conversation("lead.captured", {"contact": {"email": "ada@example.com",
                                                    "first_name": "Ada"}})
    pawl.one()
    same(sandbox.requests(changed=True), [], "changes")


@test
def an_intent_is_tagged_and_answered(case):
    sandbox = case.sandbox(activity_ms=200)
    pawl = service(case, sandbox)
    answer = pawl.conversation("intent.detected", {
        "intent": {"name": "demo.requested", "confidence": 0.9},
        "contact": {"email": "Zoe@example.com", "first_name": "Zoe"}}, subject="web:test:zoe")
    same(answer.status, 202, "status")
    run = pawl.one()
    same(run["rule"], "tag-interest", "rule")
    same(sandbox.contact("zoe@example.com")["taggings"], [HOT], "tags")
    same(len(sandbox.requests("POST", "/activities/contacts_taggings_add", True)), 1, "activities")
    replies = pawl.events(type="message.sent")
    same(len(replies), 1, "replies")
    same(replies[0]["subject"], "web:test:zoe", "subject")
    data = pawl.client.ok("GET", f"/api/events/{replies[0]['id']}")["data"]
    same(data["message"]["text"], "Thank you, Zoe. Somebody will write to you today.", "text")


@test
def another_intent_matches_nothing(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    pawl.conversation("intent.detected", {"intent": {"name": "price.asked"},
                                          "contact": {"email": "zoe@example.com"}})
    same(pawl.runs(), [], "runs")


def say(pawl, text, role="customer"):
    answer = pawl.conversation("message.received", {
        "message": {"id": "m", "text": text}, "participant": {"role": role, "id": "visitor-1"}})
    same(answer.status, 202, "status")


def questions(sandbox):
    return sandbox.requests("POST", "/chat/completions")


@test
def what_is_said_in_plain_words_completes_the_contact(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    sandbox.api("POST", "/contacts", {
        "email_address": {"address": "mia@example.com", "permission_to_send": "explicit"},
        "first_name": "Mia", "create_source": "Account", "list_memberships": [LEADS]})
    text = "Hi! My name is Mia Berger, I work for Nordlicht. Write to Mia@Example.com please."
    say(pawl, text)
    run = pawl.one(rule="extract-contact")
    same(pawl.step(run, "told")["output"],
         {"email": "Mia@Example.com", "first_name": "Mia", "last_name": "Berger",
          "company": "Nordlicht"}, "what the expert read")
    found = sandbox.contact("mia@example.com")
    same((found["first_name"], found["last_name"], found["company_name"]),
         ("Mia", "Berger", "Nordlicht"), "names")
    same((found["email_address"]["permission_to_send"], found["list_memberships"]),
         ("explicit", [LEADS]), "consent, lists")
    asked = questions(sandbox)[0]["body"]
    same([m["role"] for m in asked["messages"]], ["system", "user"], "messages")
    same(asked["messages"][1]["content"], text, "question")
    same(asked["response_format"]["json_schema"]["schema"]["properties"]["email"],
         {"type": ["string", "null"]}, "schema")
    # The same said again changes nothing that is known.
    say(pawl, text)
    pawl.wait_ended(2)
    same(len(sandbox.requests("PUT", changed=True)), 1, "updates")


@test
def an_expert_that_makes_an_address_up_is_not_believed(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    made_up = {"choices": [{"message": {"content": '{"email": "ada@example.com"}'}}]}
    sandbox.fault("status", path="/v3/chat/completions", status=400, body=made_up)
    say(pawl, "mine is somewhere@else.example")
    run = pawl.one(state="failed", rule="extract-contact")
    same(run["error"]["name"], "invalid", "an error is an error")
    peer = case.peer(default={"do": "answer", "status": 200, "body": made_up, "headers": {},
                              "close": False, "delay": 0})
    pawl.config["connections"]["expert"]["base_url"] = peer.base_url
    pawl.write_config()
    pawl.restart()
    say(pawl, "mine is somewhere@else.example")
    runs = pawl.wait_ended(2)
    same(runs[-1]["state"], "completed", "state")
    same([e["path"] for e in sandbox.requests() if e["path"].startswith("/v3/contacts")], [],
         "requests about contacts")


@test
def words_of_others_and_without_an_address_are_not_read(case):
    sandbox = case.sandbox()
    pawl = service(case, sandbox)
    say(pawl, "write to me@example.com", role="agent")
    say(pawl, "what does it cost?")
    same((pawl.runs(), questions(sandbox)), ([], []), "runs, questions")


if __name__ == "__main__":
    sys.exit(main())
