#!/usr/bin/env python3
"""Every example of every action against the sandbox: what the catalogue shows as an input works.

They are taken as they are shown; FIRST says what must have happened before, for the few actions that
work on nothing that the demonstration's account has from the start.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

ADA = "d3e00000-0000-4000-8000-000000000001"
CONNECTIONS, PARTNERS = 40, 4  # each partner has to log in, one a second


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
        given = known[name]
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
