#!/usr/bin/env python3
"""Every example of every action against the sandbox: what the catalogue shows as an input works.

Examples that are made of types alone name things that no account has; VALUES says what the
demonstration's account has in their places, GIVEN what an action needs beside that, and FIRST what
must have happened before.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

ADA = "d3e00000-0000-4000-8000-000000000001"
INES = "d3e00000-0000-4000-8000-000000000009"
LEADS = "07936f78-662a-11eb-af0a-fa163e56c9b0"
HOT = "5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"
FIELD = "c0de0001-4752-41e9-9c8a-fa163e6b01c1"
CAMPAIGNS = [f"ca00000{n}-48ef-433a-b836-7ca4f9aa3481" for n in range(5)]
LETTERS = [f"ac00000{n}-957a-48b5-bc45-3edf7fd5a2d1" for n in range(5)]
SENT, DRAFT, SCHEDULED, TESTED = 1, 2, 3, 4
PAGE = "1a000001-957a-48b5-bc45-3edf7fd5a2d1"
CONNECTIONS, PARTNERS = 40, 4  # each partner has to log in, one a second
GUEST = "a1b2c3d4-e5f6-7890-abcd-ef1234567891"

# By the parameter's name, wherever in the input it stands.
VALUES = {
    "contact_id": ADA, "contact_ids": [ADA], "list_id": LEADS, "list_ids": [LEADS],
    "list_memberships": [LEADS], "lists": [LEADS], "contact_list_ids": [LEADS],
    "tag_id": HOT, "tag_ids": [HOT], "tags": [HOT], "taggings": [HOT],
    "custom_field_id": FIELD, "custom_field_ids": [FIELD], "choice_ids": [],
    "campaign_id": CAMPAIGNS[DRAFT], "campaign_ids": [CAMPAIGNS[SENT]],
    "campaign_activity_id": LETTERS[DRAFT], "campaign_activity_ids": [LETTERS[SENT]],
    "source_campaign_activities": [LETTERS[DRAFT]],
    "event_id": "e0000001-4e3b-41ea-a3b8-5a418fce41f4", "track_id": "s8zabc",
    "registration_id": GUEST, "registration_ids": [GUEST], "order_ticket_keys": ["a1b2c1"],
    "automation_flow_id": "f1000001-144a-4dcf-b4dc-a1b2c3d4e5f6",
    "encoded_account_id": "a07e1lxqqqo0", "profile_id": "profile-1",
    "sequence_ids": ["1"], "v2_email_campaign_ids": ["1"],
    "from_email": "letters@example.com", "reply_to_email": "owner@example.com",
    "html_content": "<html><body>[[trackingImage]]Hello</body></html>",
    "anniversary": "2001-02-03", "sms_address": "5551234567", "full_sms_address": "15551234567",
    "country_code": "CH", "dial_code": "1", "sms_consent_permission": "explicit",
    "account_operation_path_parameters": [
        {"path_param_key": "contact_id", "path_param_value": ADA}],
    "account_operation_query_parameters": [
        {"query_param_key": "include", "query_param_value": "taggings"}],
    "account_operation_headers": [{"header_key": "Accept", "header_value": "application/json"}],
    "plan_type": "GOLD",
}
NEW_EMAIL = {"address": "somebody.new@example.com", "permission_to_send": "implicit"}

# By the action: a value at the top of the input where the example has one; None takes it out.
GIVEN = {
    "add_account_email_address": {"email_address": "one.more@example.com"},
    "create_contact": {"email_address": NEW_EMAIL},
    "create_email_campaign_ab_test": {"campaign_activity_id": LETTERS[DRAFT]},
    "delete_email_campaign_ab_test": {"campaign_activity_id": LETTERS[TESTED]},
    "delete_email_campaign_activity_schedule": {"campaign_activity_id": LETTERS[SCHEDULED]},
    "delete_resend_to_non_openers": {"campaign_activity_id": LETTERS[SCHEDULED],
                                     "resend_request_id": "DRAFT"},
    "get_email_campaign_ab_test": {"campaign_activity_id": LETTERS[TESTED]},
    "import_contacts_from_json": {"import_data": [{"email": "row@example.com"}]},
    "list_events": {"next": None, "prev": None},
    "list_event_track_registrations": {"next": None, "prev": None},
    "resubscribe_contact": {"contact_id": INES},
    "update_automation": {"automation_flow": {"name": "Welcome", "status": "DRAFT"}},
    "update_contact": {"email_address": NEW_EMAIL},
    "update_custom_field": {"choices": None},
    "create_custom_field": {"choices": None},
    "update_partner_account_plan": {"plan_type": "GOLD"},
}
REPORTS = ("list_email_", "get_email_links")
SEGMENTS = ("get_segment", "update_segment", "rename_segment", "delete_segment")


def fill(value, name=None):
    """The example with what the account has in the places of ids."""
    if name in VALUES:
        return VALUES[name]
    if isinstance(value, dict):
        return {k: fill(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v) for v in value]
    return value


def input_of(action, example):
    given = fill(example)
    if action.startswith(REPORTS) and "campaign_activity_id" in given:
        given["campaign_activity_id"] = LETTERS[SENT]
    if action.startswith("list_landing_page"):
        given["campaign_activity_id"] = PAGE
    if action.startswith(SEGMENTS):
        given["segment_id"] = 14
    for name, value in GIVEN.get(action, {}).items():
        if value is None:
            given.pop(name, None)
        elif name in given:
            given[name] = value
    if action == "send_partner_account_operation":
        given["account_operation_path_parameters"] = VALUES["account_operation_path_parameters"]
    return given


def finished_export(sandbox):
    activity = sandbox.api("POST", "/activities/contact_exports", {})["activity_id"]
    until(lambda: sandbox.api("GET", f"/activities/{activity}")["state"] == "completed",
          what="the export")
    return activity


def without_address(sandbox):
    sandbox.client.ok("POST", "/_sandbox/reset", {"seed": "none"})


def unsubscribed(sandbox):
    sandbox.client.ok("POST", "/_sandbox/opt_out", {"address": "ada@example.com"})
    return ADA


# By the action: something to be done first; a value that it gives goes into the parameter.
FIRST = {
    "add_account_physical_address": (without_address, None),
    "get_activity_status": (finished_export, "activity_id"),
    "get_contacts_export_file": (finished_export, "file_export_id"),
    "resubscribe_contact": (unsubscribed, "contact_id"),
}


def service(case, sandbox, partner):
    """With many connections of a key each, so that no call waits for the rate of one."""
    connections = {}
    if not partner:
        connections["expert"] = {"base_url": sandbox.base_url, "auth": {"bearer": "test"}}
    for i in range(PARTNERS if partner else CONNECTIONS):
        auth = {"bearer": f"test-{i}"}
        if partner:
            base = sandbox.base_url.removesuffix("/v3")
            auth = {"partner": {
                "client_id": f"partner-{i}", "client_secret": "!env PAWL_TEST_TOKEN",
                "api_key": "test", "token": base + "/partners/oauth2/default/v1/token"}}
        connections[f"c{i}"] = {"connector": "constant_contact", "base_url": sandbox.base_url,
                                "auth": auth}
    return case.pawl(config={"connections": connections, "rules": []})


def call(pawl, connection, action, given):
    connection = "expert" if action == "ask" else f"c{connection}"
    return pawl.client.send("POST", f"/api/actions/{connection}.{action}/call", {"with": given})


def examples(pawl, known={}):  # pylint: disable=dangerous-default-value
    """By action, read once: a process each."""
    if not known:
        for action in pawl.client.ok("GET", "/api/actions")["actions"]:
            name = action["name"].split(".")[1]
            known[name] = json.loads(pawl.command("actions", name, "--json"))
    return known


def try_all(case, kind, partner=False):
    """Each on a fresh account, so that none depends on another; how many there are."""
    sandbox = case.sandbox(activity_ms=0)
    pawl = service(case, sandbox, partner)
    wrong, known = [], {name: action["examples"][kind] for name, action in examples(pawl).items()
                        if action["path"].startswith("/partner/") == partner}
    for nth, name in enumerate(sorted(known)):
        sandbox.client.ok("POST", "/_sandbox/reset", {"seed": "demo"})
        sandbox.client.ok("PUT", "/_sandbox", {"activity_ms": 0})
        given = input_of(name, known[name])
        first, into = FIRST.get(name, (None, None))
        value = first(sandbox) if first else None
        if into:
            given[into] = value
        answer = call(pawl, nth % (PARTNERS if partner else CONNECTIONS), name, given)
        is_file = "json" not in (answer.headers.get("content-type") or "")
        if answer.status != 200 or not is_file and answer.json()["outcome"] != "ok":
            wrong.append(f"{name} {json.dumps(given)[:600]}: {answer}")
    assert not wrong, "\n".join([f"{len(wrong)} fail"] + wrong)
    return len(known)


@test(limit=60)
def the_minimal_example_of_every_action_works(case):
    same(try_all(case, "minimal"), 116, "actions")


@test(limit=60)
def the_full_example_of_every_action_works(case):
    same(try_all(case, "full"), 116, "actions")


@test(limit=60)
def the_examples_of_the_partners_actions_work(case):
    same(try_all(case, "minimal", partner=True), 13, "actions")
    same(try_all(case, "full", partner=True), 13, "actions")


if __name__ == "__main__":
    sys.exit(main())
