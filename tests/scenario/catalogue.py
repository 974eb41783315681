#!/usr/bin/env python3
"""The catalogue, as it is shown: examples that can be pasted, and are understood as they stand."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, RESET_AFTER, answer, main, same, test  # noqa: E402 pylint: disable=C0413

HEAD = "api: pawl/1\nrule: examples\nwhen:\n  - event: examples.wanted\ndo:\n"
CONFIG = {"connections": {"constant_contact": {"connector": "constant_contact",
                                               "auth": {"bearer": "any"}}}}


def example_of(text):
    """The step at the end of a description."""
    lines = text[text.rindex("\nexample"):].splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("  - call: "))
    return "\n".join(lines[at:]) + "\n"


@test
def every_example_is_a_step_that_checks(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={})
    names = [a["name"] for a in json.loads(pawl.command("actions", "--json"))
             if a["name"].startswith("constant_contact.")]
    same(len(names), 128, "number of actions")
    rule = HEAD
    for name in names:
        rule += example_of(pawl.command("actions", name))
        rule += example_of(pawl.command("actions", "--full", name))
    pawl.write("rules/examples.yaml", rule)
    done = pawl.run("check")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "warning" not in done.stdout + done.stderr, done.stdout[:3000]


@test
def every_listed_title_is_found(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={})
    found = 0
    for line in (REPO / "tests/unit/actions/operations.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, _, _, _, title = line.split(None, 4)
        if title == "-":
            continue
        first = json.loads(pawl.command("actions", "--json", *title.split()))[0]
        assert first["title"] == title or title == "Remove Contact Tagging", (name, title, first)
        found += 1
    same(found, 93, "titles found")


@test
def a_field_that_an_answer_cannot_have_is_found_in_lists_too(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={"r.yaml": HEAD + """
  - call: constant_contact.get_contact
    with: {contact_id: 5b2f1a50-662a-11eb-af0a-fa163e56c9b0, include: [custom_fields]}
    as: c
  - log: =c.custom_fields[1].value
  - log: =c.custom_fields[1].valu
  - log: "${c.list_memberships[1].name}"
"""})
    done = pawl.run("check")
    errors = [x for x in (done.stdout + done.stderr).splitlines() if "error:" in x]
    same([x.split(": error: ")[0] for x in errors], ["rules/r.yaml:11:11", "rules/r.yaml:12:13"],
         "\n".join(errors) + " places")
    assert "did you mean 'custom_fields[1].value'" in errors[0], errors


@test
def a_field_that_an_item_of_a_loop_cannot_have_is_found(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={"r.yaml": HEAD + """
  - call: constant_contact.list_contacts
    as: found
  - each: =found.contacts
    item: one
    do:
      - log: =one.contact_idd
      - log: =one.contact_id
      - each: =one.phone_numbers
        do: [{log: =item.phone_numbr}]
  - each: {call: constant_contact.list_contacts, with: {limit: 5}}
    item: two
    do:
      - log: =two.notes[1].contnt
      - log: =two.notes[1].content
  - each: =filter(found.contacts, "x")
    do: [{log: =item.whatever}]
"""})
    done = pawl.run("check")
    errors = [x.split(": error: ") for x in (done.stdout + done.stderr).splitlines() if "error:" in x]
    same([x[1] for x in errors], [
        "the result 'one' has no field 'contact_idd'; did you mean 'contact_id'?",
        "the result 'item' has no field 'phone_numbr'; did you mean 'phone_number'?",
        "the result 'two' has no field 'notes[1].contnt'; did you mean 'notes[1].content'?"], "errors")


def notes_of_the_readme():
    """The connector that actions/README.md shows, as it stands there."""
    text = (REPO / "actions/README.md").read_text()
    block = text[text.index("`actions/notes.yaml`:"):].split("```yaml\n", 1)[1]
    return block.split("```", 1)[0]


NOTE_RULE = """
api: pawl/1
rule: note
when: {webhook: in}
do:
  - call: notes.add_note
    with: {customer: =data.who, topic: visit, text: =data.text}
    as: note
"""


def of_notes(case, text, peer):
    config = {"hooks": {"in": {"verify": "none"}}, "connections": {
        "notes": {"base_url": peer.base_url, "auth": {"bearer": "!env PAWL_TEST_TOKEN"}}}}
    return case.pawl(config=config, actions={"notes.yaml": text}, rules={"note.yaml": NOTE_RULE},
                     start=False)


@test
def a_connector_takes_a_file_and_no_c(case):
    made = {"id": "n1", "topic": "visit", "text": "tea", "made_at": "2030-01-01T00:00:00Z"}
    peer = case.peer(answer(201, made), RESET_AFTER, answer(200, {"notes": [made]}),
                     answer(409, {"code": "dup", "detail": "there is one"}))
    pawl = of_notes(case, notes_of_the_readme(), peer)
    same(json.loads(pawl.command("actions", "add_note", "--json"))["title"], "Add Note", "title")
    pawl.start()
    pawl.hook("in", {"who": "c/7", "text": "tea"})
    run = pawl.one()
    same(pawl.step(run, "note")["output"], made, "result")
    same((peer.requests[0]["path"], peer.bodies()[0]),
         ("/customers/c%2F7/notes", {"topic": "visit", "text": "tea"}), "request")
    same(peer.requests[0]["headers"]["authorization"], "Bearer test", "credentials")
    # Its effect class works as any other's: the lost answer is looked for, and found to be another's.
    pawl.hook("in", {"who": "c/7", "text": "coffee"})
    runs = pawl.wait_ended(2)
    same((runs[-1]["state"], runs[-1]["error"]["name"]), ("failed", "exists"), "the second run")
    same([r["method"] for r in peer.requests], ["POST", "POST", "GET"], "requests")


@test
def a_mistake_in_a_definition_has_its_place(case):
    text = notes_of_the_readme()
    for old, new, wanted in (
            ("look_up: list_notes", "look_up: list_nots", r"notes\.yaml:\d+:\d+: .*list_nots"),
            ("effect: read", "effect: reed", r"notes\.yaml:\d+:\d+: .*reed"),
            ("    title: Add Note", "    titel: Add Note", r"notes\.yaml:\d+:\d+: .*titel"),
            ("customer: string\n      topic", "customers: string\n      topic",
             r"notes\.yaml:\d+:\d+: .*customer")):
        assert old in text, old
        pawl = of_notes(case, text.replace(old, new, 1), case.peer())
        done = pawl.run("check")
        assert done.returncode == 1, (old, done)
        assert re.search(wanted, done.stdout + done.stderr), (old, done.stdout + done.stderr)



@test
def stubs_for_lua_have_the_library_and_every_action(case):
    pawl = case.pawl(start=False, config=CONFIG, rules={"r.yaml": HEAD + "  - lua: stubs.lua\n"})
    stubs = pawl.command("schema", "--lua")
    same(len(re.findall(r"^---@class constant_contact\.", stubs, re.M)), 128, "classes")
    same(len(re.findall(r"^---@overload fun\(action: \"constant_contact\.", stubs, re.M)), 128, "overloads")
    rules = (REPO / "docs/RULES.md").read_text()
    library = rules[rules.index("The library: "):].split(", and Lua's own", 1)[0]
    operations = rules[rules.index("\n`call`, `wait`, `wait_event`"):].split("are recorded", 1)[0]
    named = {w for part in re.findall(r"`([^`]*)`", library + operations) for w in part.split("(")[0].split()}
    missing = [w for w in sorted(named) if not re.search(rf"^(function {re.escape(w)}\(|{re.escape(w)} = )", stubs, re.M)]
    same(missing, [], "names without a stub")
    pawl.write("scripts/stubs.lua", re.sub(r"^function (call|wait_event|require)\(", r"local function my_\1(", stubs, flags=re.M))
    done = pawl.run("check")
    same(done.returncode, 0, "the stubs are Lua: " + done.stdout[:500])


if __name__ == "__main__":
    sys.exit(main())
