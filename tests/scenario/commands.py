#!/usr/bin/env python3
"""The commands, what they print and how they exit."""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, free_port, main, program, same, test  # noqa: E402 pylint: disable=C0413

RULE = """
api: pawl/1
rule: tag
when:
  - webhook: in
  - event: tag.wanted
if: data.name
do:
  - call: constant_contact.create_contact_tag
    with: {name: =data.name}
    as: tag
"""


def service(case, **options):
    sandbox = case.sandbox()
    pawl = case.pawl(config={"hooks": {"in": {"verify": "none"}}, "connections": {
        "constant_contact": sandbox.connection()}}, rules={"tag.yaml": RULE}, **options)
    return sandbox, pawl


@test
def help_and_version_and_wrong_use(case):
    pawl = case.pawl(start=False)
    assert "usage: pawl" in pawl.command("help")
    assert pawl.command("--version").strip(), "no version"
    assert "--wait" in pawl.command("help", "send")
    for args in (["nosuch"], ["send"], ["runs", "--nosuch"], ["runs", "--state", "nosuch"],
                 ["resume", "x", "--as", "maybe"], ["help", "nosuch"],
                 ["sandbox", "--seed", "nosuch"], ["-c", "x.yaml", "check"], ["serve", "more"],
                 ["serve", "--listen", "nowhere"]):
        done = pawl.run(*args)
        same(done.returncode, 2, f"exit code of {args}")
        same(done.stdout, "", f"stdout of {args}")
        same(done.stderr.count("\n"), 1, f"lines that {args} says")
        assert not done.stderr.endswith(" \n"), done.stderr
    for args, text in ((["sandbox", "--seed", "nosuch"], "--seed takes demo or none"),
                       (["-c", "x.yaml", "check"], "comes behind the command"),
                       (["serve", "--listen", "nowhere"], "--listen: error: listen takes")):
        assert text in pawl.run(*args).stderr, pawl.run(*args).stderr


@test
def without_a_service_commands_cannot(case):
    pawl = case.pawl(start=False)
    for args in (["runs"], ["send", "x"], ["show", "019aaaaa-0000-7000-8000-000000000000"]):
        same(pawl.run(*args).returncode, 3, f"exit code of {args}")


@test
def a_call_that_updates_keeps_what_it_does_not_name(case):
    sandbox, pawl = service(case)
    listed = sandbox.api("GET", "/contacts?email=ada@example.com")["contacts"] or sandbox.api(
        "GET", "/contacts")["contacts"]
    id = listed[0]["contact_id"]

    def change(title):
        pawl.command("call", "constant_contact.update_contact", f"contact_id={id}",
                     "update_source=Account", f"job_title={title}",
                     "email_address.permission_to_send=explicit")
        now = sandbox.api("GET", f"/contacts/{id}")
        same(now["job_title"], title, "what was given")
        for name in ("first_name", "last_name"):
            same(now.get(name), listed[0].get(name), name)
        same(now["email_address"]["address"], listed[0]["email_address"]["address"], "address")

    change("Baker")
    pawl.term()
    change("Cook")  # without a service


@test
def check_finds_the_mistakes(case):
    pawl = case.pawl(start=False, rules={"tag.yaml": RULE},
                     config={"hooks": {"in": {"verify": "none"}}})
    pawl.command("check")
    pawl.command("check", "rules/tag.yaml")
    pawl.write("rules/bad.yaml", RULE.replace("rule: tag", "rule: bad").replace("webhook:", "webhok:"))
    done = pawl.run("check")
    same(done.returncode, 1, "exit code")
    assert "rules/bad.yaml:5:" in done.stdout and "webhook" in done.stdout, done.stdout
    found = json.loads(pawl.command("check", "--json", code=1))
    same([found["rules"], found["errors"], len(found["findings"])], [0, 1, 1], "counts")
    told = found["findings"][0]
    same([told[k] for k in ("file", "line", "column", "level", "remedy")],
         ["rules/bad.yaml", 5, 5, "error", "did you mean 'webhook'?"], "finding")
    assert told["message"].startswith("unknown trigger 'webhok'"), told
    same(pawl.run("-c", "nosuch.yaml", "check").returncode, 2, "exit code of wrong use")
    same(pawl.run("check", "-c", "nosuch.yaml").returncode, 2, "exit code without a configuration")


@test
def check_misses_rules_that_others_name(case):
    rules = {"lead.yaml": "rule: lead\ndo: [{log: x}]\n",
             "more.yaml": "rule: more\nwhen: {run: failed, rule: lead}\ndo:\n  - run: laed\n"
                          "  - run: lead\n"}
    pawl = case.pawl(start=False, rules=rules)
    found = json.loads(pawl.command("check", "--json"))["findings"]
    same([(f["file"], f["line"], f["level"], f["message"]) for f in found],
         [("rules/more.yaml", 4, "warning", "there is no rule 'laed' here; did you mean 'lead'?")],
         "findings")
    same(json.loads(pawl.command("check", "--json", "rules/more.yaml"))["findings"], [],
         "findings of a file alone")


@test
def check_watches_rules_scripts_and_the_configuration(case):
    pawl = case.pawl(start=False, rules={"tag.yaml": RULE}, config={})
    watching = subprocess.Popen([program(), "check", "--watch", "--json"], cwd=pawl.folder,
                                stdout=subprocess.PIPE, text=True)
    try:
        def line():
            return json.loads(watching.stdout.readline())

        same(line()["findings"][0]["message"][:12], "no hook 'in'", "the first check")
        pawl.write("rules/tag.yaml", RULE.replace("webhook: in", "event: in"))
        same(line(), {"rules": 1, "errors": 0, "findings": []}, "after the rule was written")
        pawl.write("rules/more.yaml", "rule: more\ndo: [{lua: s.lua}]\n")
        same(line()["errors"], 1, "without the script")
        pawl.write("scripts/s.lua", "return 1\n")
        same(line()["errors"], 0, "after the script was written")
        pawl.write("rules/more.yaml", "rule: more\ndo: [\n")
        same([f["file"] for f in line()["findings"]], ["rules/more.yaml"], "files with mistakes")
        same(watching.poll(), None, "exit code while it watches")
    finally:
        watching.kill()
        watching.wait()


@test
def fmt_gives_rules_their_layout(case):
    pawl = case.pawl(start=False, rules={"tag.yaml": RULE}, config={
        "hooks": {"in": {"verify": "none"}}})
    ugly = RULE.replace("  - ", "-   ").replace("with: {name: =data.name}",
                                               "with: { name:    =data.name }  # why").lstrip()
    made = (pawl.folder / "rules/tag.yaml").read_text().lstrip().replace("name}", "name}  # why")
    pawl.write("rules/ugly/tag.yaml", ugly)
    same(pawl.command("fmt", "--check", code=1), "rules/tag.yaml\nrules/ugly/tag.yaml\n", "names")
    same((pawl.folder / "rules/ugly/tag.yaml").read_text(), ugly, "text after --check")
    os.chmod(pawl.folder / "rules/ugly/tag.yaml", 0o640)
    os.symlink("ugly/tag.yaml", pawl.folder / "rules/linked.yaml")
    same(pawl.command("fmt", "rules/linked.yaml"), "rules/linked.yaml\n", "names")
    same((pawl.folder / "rules/ugly/tag.yaml").read_text(), made, "text")
    same((pawl.folder / "rules/ugly/tag.yaml").stat().st_mode & 0o777, 0o640, "mode")
    assert (pawl.folder / "rules/linked.yaml").is_symlink(), "the link is gone"
    same(sorted(x.name for x in (pawl.folder / "rules/ugly").iterdir()), ["tag.yaml"], "files")
    same(pawl.command("fmt", "rules/ugly"), "", "names of what is formatted already")
    same(pawl.command("fmt", "-", input=ugly), made, "stdout")
    pawl.command("fmt", "--check", "-", input=ugly, code=1)
    pawl.command("fmt", "--check", "-", input=made)
    pawl.write("rules/ugly/bad.yaml", "a: [1\n")
    told = pawl.command("fmt", "rules/ugly", code=1)
    assert told.startswith("rules/ugly/bad.yaml:1:4: error: "), told
    same((pawl.folder / "rules/ugly/bad.yaml").read_text(), "a: [1\n", "what has no layout")
    told = json.loads(pawl.command("fmt", "--json", "rules/ugly", code=1))
    same([(e["file"], e["line"]) for e in told["errors"]], [("rules/ugly/bad.yaml", 1)], "errors")
    pawl.command("fmt", "nosuch", code=3)
    pawl.command("fmt", "-", "rules", code=2)


@test
def the_example_rules_are_formatted(case):
    pawl = case.pawl(start=False)
    same(pawl.command("fmt", "--check", str(REPO / "rules")), "", "files to format")


@test
def schema_explains_every_word(case):
    pawl = case.pawl(start=False, config={
        "hooks": {"in": {"verify": "none"}},
        "connections": {"shop": {"connector": "constant_contact", "auth": {"bearer": "x"}}}})
    schema = json.loads(pawl.command("schema"))
    parts = schema["definitions"]
    silent = []

    def look(v, path):
        for key, value in v.items() if isinstance(v, dict) else enumerate(v):
            if key == "properties" and not path.endswith("/if"):
                silent.extend(f"{path}/{name}" for name, p in value.items()
                              if "description" not in p and "$ref" not in p)
            if isinstance(value, (dict, list)):
                look(value, f"{path}/{key}")

    look(schema, "")
    same([x for x in silent if "/trigger/then/" not in x], [], "words without a sentence")
    for kind in ("call", "wait", "each", "if", "choose", "try", "set", "lua", "emit", "reply"):
        assert kind in parts[f"step_{kind}"]["required"], kind
    same(parts["trigger"]["properties"]["webhook"]["enum"], ["in"], "hooks")
    call = parts["step_call"]["properties"]["call"]
    for name in ("constant_contact.create_contact", "shop.create_contact"):
        assert name in call["enum"], name
    same(len(call["enum"]), len(call["enumDescriptions"]), "sentences about actions")
    known = json.loads(pawl.command("actions", "--json"))
    assert len(known) > 100
    for action in known:
        with_ = parts[f"call_{action['name']}"]
        if "address" in with_["properties"]:
            assert with_["properties"]["address"]["description"], action["name"]


@test
def check_refuses_every_broken_rule(case):
    pawl = case.pawl(start=False, config={"hooks": {"crm": {"verify": "none"},
                                                    "shop/orders": {"verify": "none"}}})
    taken = []
    files = sorted((REPO / "tests/broken").glob("*.yaml"))
    for file in files:
        done = pawl.run("check", str(file))
        if done.returncode != 1 or f"{file.name}:" not in done.stdout:
            taken.append((file.name, done.returncode, done.stdout[:200], done.stderr[:200]))
    assert len(files) > 50 and not taken, taken


@test
def check_takes_the_example_rules(case):
    pawl = case.pawl(start=False, config={
        "rules": [str(REPO / "rules")], "scripts": str(REPO / "scripts"),
        "hooks": {"crm/contacts": {"verify": "none"}},
        "connections": {"constant_contact": {"auth": {"bearer": "x"}}}})
    pawl.command("check")


@test
def actions_are_found_and_described(case):
    pawl = case.pawl(start=False)
    assert "constant_contact.create_contact_tag" in pawl.command("actions", "tag", "create")
    text = pawl.command("actions", "constant_contact.create_contact")
    for word in ("email_address", "create_source", "keyed", "/contacts"):
        assert word in text, f"{word} is not in {text}"
    found = json.loads(pawl.command("actions", "--json", "create_contact"))
    assert found
    pawl.command("actions", "no", "such", "thing", code=1)


@test
def call_does_one_action_through_the_service(case):
    sandbox, pawl = service(case)
    made = json.loads(pawl.command("call", "constant_contact.create_contact_tag", "name=by-hand"))
    same(made["name"], "by-hand", "name")
    same(len(sandbox.requests("POST", "/contact_tags", True)), 1, "creations")
    done = pawl.run("call", "constant_contact.create_contact_tag", "name=by-hand")
    same(done.returncode, 1, f"exit code ({done.stderr})")
    done = pawl.run("call", "constant_contact.create_contact_tag", "nome=x")
    assert done.returncode in (1, 2) and "name" in done.stderr, done
    same(pawl.run("call", "constant_contact.nosuch").returncode, 2, "exit code of no action")


@test
def call_joins_a_list_that_comes_in_parts(case):
    _, pawl = service(case)
    ada = json.loads(pawl.command("call", "constant_contact.list_contacts", "email=ada@example.com",
                                  "include=taggings", "include=notes,list_memberships"))
    assert {"taggings", "notes", "list_memberships"} <= set(ada["contacts"][0]), ada
    done = pawl.run("call", "constant_contact.list_contacts", "limit=1", "limit=2")
    same(done.returncode, 2, "exit code")
    assert "given twice" in done.stderr, done.stderr


@test
def call_says_when_not_all_was_done(case):
    sandbox, pawl = service(case)
    cancelled = "a1b2c3d4-e5f6-7890-abcd-ef1234567893"
    args = ["call", "constant_contact.update_event_track_registrations", "--data", json.dumps({
        "event_id": "e0000001-4e3b-41ea-a3b8-5a418fce41f4", "track_id": "s8zabc",
        "registration_status": "CANCELED", "registration_ids": [cancelled]})]
    for what in ("through the service", "alone"):
        done = pawl.run(*args)
        same(done.returncode, 0, f"exit code {what}")
        same(json.loads(done.stdout), {"failed_registration_ids": [cancelled]}, f"answer {what}")
        assert "partial" in done.stderr, f"{what}: {done.stderr}"
        pawl.term()
    assert sandbox.alive()


@test
def a_wrong_connection_is_told_at_its_place(case):
    pawl = case.pawl(start=False, config={"connections": {"a": {"connector": "nosuch"}}})
    done = pawl.run("serve")
    same(done.returncode, 2, "exit code")
    line = 1 + next(i for i, x in enumerate((pawl.folder / "pawl.yaml").read_text().splitlines())
                    if '"a":' in x)
    assert f"pawl.yaml:{line}:" in done.stderr, done.stderr


@test
def call_works_without_a_service(case):
    sandbox = case.sandbox()
    pawl = case.pawl(start=False, config={"connections": {"constant_contact": sandbox.connection()}})
    pawl.write("body.json", json.dumps({"name": "from-file"}))
    made = json.loads(pawl.command("call", "constant_contact.create_contact_tag", "--data", "@body.json"))
    same(made["name"], "from-file", "name")
    pawl.command("call", "constant_contact.list_contact_tags", "limit=2", "-o", "out.json")
    same(len(json.loads((pawl.folder / "out.json").read_text())["tags"]), 2, "tags")


@test
def send_waits_for_the_runs(case):
    _, pawl = service(case)
    text = pawl.command("send", "tag.wanted", "name=one", "--wait")
    assert "create_contact_tag" in text, text
    text = pawl.command("send", "tag.wanted", "--data", '{"name": "one"}', "--wait", code=1)
    assert "exists" in text, text
    text = pawl.command("send", "webhook:in", "--data", "-", input='{"name": "two"}')
    event = text.strip()
    same(pawl.one(event=event)["rule"], "tag", "rule")
    pawl.command("send", "nobody.cares", "--wait")
    pawl.command("send", "tag.wanted", "x=", "--data", "{", code=2)


@test
def runs_and_show_tell_what_was(case):
    _, pawl = service(case)
    pawl.command("send", "tag.wanted", "name=one", "--wait")
    pawl.command("send", "tag.wanted", "name=one", "--wait", code=1)
    runs = json.loads(pawl.command("runs", "--json"))["runs"]
    same([r["state"] for r in runs], ["failed", "completed"], "states, newest first")
    same(pawl.command("runs").count("\n"), 2, "lines")
    failed = json.loads(pawl.command("runs", "--state", "failed", "--json"))["runs"]
    same([r["id"] for r in failed], [runs[0]["id"]], "failed runs")
    same(json.loads(pawl.command("runs", "--rule", "nosuch", "--json"))["runs"], [], "runs")
    text = pawl.command("show", runs[0]["id"])
    for word in ("tag", "failed", "exists"):
        assert word in text, f"{word} is not in {text}"
    assert pawl.command("show", runs[0]["id"][-8:]), "by the end of its id"
    whole = json.loads(pawl.command("show", runs[1]["id"], "--json"))
    for key in ("id", "rule", "version", "state", "event", "created", "started", "ended", "steps"):
        assert whole.get(key) is not None, f"{key} is missing in {whole}"
    step = pawl.step(whole, "tag")
    for key in ("path", "kind", "state", "attempts", "started", "ended", "input", "output"):
        assert step.get(key) is not None, f"{key} is missing in {step}"
    same(pawl.run("show", "019aaaaa-0000-7000-8000-000000000000").returncode, 1, "exit code of no run")


@test
def the_url_leads_to_another_service(case):
    _, pawl = service(case)
    other = case.pawl(start=False, config={"listen": f"127.0.0.1:{free_port()}"})
    same(other.run("runs").returncode, 3, "exit code")
    other.command("runs", "--url", pawl.url)


if __name__ == "__main__":
    sys.exit(main())
