#!/usr/bin/env python3
"""Lists in pages: joined, gone through, killed in the middle, led astray; and answers kept for a while."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import answer, main, same, test, until  # noqa: E402 pylint: disable=C0413

HOOKS = {"in": {"verify": "none", "id": {"json": "/id"}}}


def rule(steps, name="r"):
    return f"api: pawl/1\nrule: {name}\nwhen: {{webhook: in}}\ndo:\n{steps}"


def of_sandbox(case, steps, contacts=0, **options):
    sandbox = case.sandbox()
    for i in range(contacts):
        sandbox.api("POST", "/contacts", {
            "email_address": {"address": f"p{i:03}@example.com", "permission_to_send": "implicit"},
            "create_source": "Account"})
    pawl = case.pawl(config={"hooks": HOOKS, "connections": {
        "constant_contact": sandbox.connection()}}, rules={"r.yaml": rule(steps)}, **options)
    return sandbox, pawl


def of_peer(case, steps, *script, **options):
    peer = case.peer(*script)
    pawl = case.pawl(config={"hooks": HOOKS, "connections": {"constant_contact": {
        "base_url": peer.base_url, "auth": {"bearer": "!env PAWL_TEST_TOKEN"}, "budget": "none"}}},
        rules={"r.yaml": rule(steps)}, **options)
    return peer, pawl


def page(items, link=None):
    return answer(200, {"contacts": [{"contact_id": i} for i in items],
                        **({"_links": {"next": {"href": link}}} if link else {})})


JOINED = """
  - call: constant_contact.list_contacts
    with: {limit: 10, status: all}
    pages: all
    as: found
  - set: {n: =len(found.contacts), first: '=found.contacts[1].email_address.address'}
"""


@test(limit=60)
def all_pages_are_one_answer(case):
    sandbox, pawl = of_sandbox(case, JOINED, contacts=43)
    total = 43 + 12  # the demonstration's
    pawl.hook("in", {"id": "1"})
    run = pawl.one()
    same(len(pawl.step(run, "found")["output"]["contacts"]), total, "items")
    ids = [c["contact_id"] for c in pawl.step(run, "found")["output"]["contacts"]]
    same(len(set(ids)), total, "different items")
    gets = [e for e in sandbox.requests("GET", "/contacts")]
    same(len(gets), 6, "pages of 10")
    printed = json.loads(pawl.command("call", "constant_contact.list_contacts", "limit=10",
                                      "status=all", "--all-pages", "--json"))
    same([c["contact_id"] for c in printed["contacts"]], ids, "the command's items")


EACH = """
  - each: {call: constant_contact.list_contacts, with: {limit: 10, status: all}}
    item: c
    do:
      - call: constant_contact.add_contact_taggings
        if: starts_with(c.email_address.address, "p")
        with:
          source: {contact_ids: ['=c.contact_id']}
          tag_ids: [5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11]
    result: =c.contact_id
    as: all
"""


@test(limit=90)
def a_kill_in_the_middle_of_the_pages_does_no_item_twice(case):
    sandbox, pawl = of_sandbox(case, EACH, contacts=38)
    pawl.hook("in", {"id": "1"})
    for n in (4, 17, 18, 30):
        until(lambda n=n: len(sandbox.requests("POST", changed=True)) >= 38 + n, 30, "items")
        pawl.restart()
    run = pawl.one(timeout=40)
    tagged = [e["body"]["source"]["contact_ids"][0]
              for e in sandbox.requests("POST", "/activities/contacts_taggings_add", changed=True)]
    same((len(tagged), len(set(tagged))), (38, 38), "taggings, of different contacts")
    same(len(pawl.step(run, "all")["output"]), 50, "results")
    # A page that was recorded is not read again: at most one more for each kill.
    assert len(sandbox.requests("GET", "/contacts")) <= 5 + 4, "pages"


def steps_with(link):
    return [page(["a"], link), page(["b"])]


@test(limit=60)
def a_link_that_leads_away_is_an_error_and_is_not_followed(case):
    other = case.peer()
    for link in (f"{other.base_url}/contacts?cursor=x", "https://127.0.0.1/contacts?cursor=x",
                 "//evil.example/contacts", "file:///etc/passwd"):
        peer, pawl = of_peer(case, JOINED, *steps_with(link))
        pawl.hook("in", {"id": "1"})
        run = pawl.one("failed")
        assert "page" in run["error"]["message"], (link, run["error"])
        same((len(peer.requests), other.requests), (1, []), f"requests after {link}")


@test(limit=60)
def a_cursor_that_comes_again_is_an_error(case):
    link = "/contacts?cursor=same"
    peer, pawl = of_peer(case, JOINED, page(["a"], link), page(["b"], link), page(["c"], link))
    pawl.hook("in", {"id": "1"})
    run = pawl.one("failed")
    assert "before" in run["error"]["message"], run["error"]
    same(len(peer.requests), 2, "requests")


CACHED = """
  - call: constant_contact.list_contact_lists
    with: {limit: =data.limit}
    cache: 1h
    as: lists
"""


@test(limit=60)
def a_kept_answer_serves_all_runs_of_its_parameters(case):
    sandbox, pawl = of_sandbox(case, CACHED)
    for i, limit in enumerate((10, 10, 20, 10)):
        pawl.hook("in", {"id": str(i), "limit": limit})
        pawl.wait_ended(i + 1)
    same(len(sandbox.requests("GET", "/contact_lists")), 2, "requests")
    same({r["state"] for r in pawl.runs()}, {"completed"}, "states")


@test(limit=30)
def only_reads_are_kept_and_only_lists_have_pages(case):
    pawl = case.pawl(start=False, config={"hooks": HOOKS}, rules={"r.yaml": rule("""
  - call: constant_contact.delete_contact
    with: {contact_id: 5b2f1a50-662a-11eb-af0a-fa163e56c9b0}
    cache: 1h
  - call: constant_contact.get_contact
    with: {contact_id: 5b2f1a50-662a-11eb-af0a-fa163e56c9b0}
    pages: all
  - each: {call: constant_contact.get_contact, with: {contact_id: 5b2f1a50-662a-11eb-af0a-fa163e56c9b0}}
    do: [{log: x}]
""")})
    done = pawl.run("check")
    same(done.returncode, 1, "exit code")
    errors = [x for x in (done.stdout + done.stderr).splitlines() if "error:" in x]
    same([x.split(":")[1] for x in errors], ["6", "9", "12"], "\n".join(errors) + " lines")


TWO = """
  - call: cc_shop.list_contact_lists
    cache: 1h
    as: shop
  - call: constant_contact.list_contact_lists
    cache: 1h
    as: own
"""


@test(limit=60)
def connections_of_one_connector_are_apart(case):
    shop, own = case.peer(), case.peer()
    shop.default = answer(200, {"lists": [{"list_id": "1", "name": "shop"}]})
    own.default = answer(200, {"lists": [{"list_id": "2", "name": "own"}]})
    pawl = case.pawl(config={"hooks": HOOKS, "connections": {
        "cc_shop": {"connector": "constant_contact", "base_url": shop.base_url,
                    "auth": {"bearer": "!env SHOP"}, "budget": {"per_day": 5}},
        "constant_contact": {"base_url": own.base_url, "auth": {"bearer": "!env OWN"},
                             "budget": {"per_day": 7}}}},
        rules={"r.yaml": rule(TWO)}, env={"SHOP": "for-shop", "OWN": "for-own"})
    pawl.hook("in", {"id": "1"})
    run = pawl.one()
    same([pawl.step(run, n)["output"]["lists"][0]["name"] for n in ("shop", "own")],
         ["shop", "own"], "answers")
    same([p.requests[0]["headers"]["authorization"] for p in (shop, own)],
         ["Bearer for-shop", "Bearer for-own"], "credentials")
    told = json.loads(pawl.command("budget", "--json", env={"SHOP": "x", "OWN": "x"}))["budgets"]
    same(sorted((b["per_day"], b["spent"]) for b in told), [(5, 1), (7, 1)], "budgets")


def private_kb(pawl):
    text = pathlib.Path(f"/proc/{pawl.process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith(("Private_Clean", "Private_Dirty")))


@test(limit=120)
def memory_does_not_grow_with_the_pages(case):
    big = "x" * 8000  # 60 MB in all

    def pages(n):
        for i in range(n):
            link = f"/contacts?cursor=c{i}" if i < n - 1 else None
            yield answer(200, {"contacts": [{"contact_id": f"{i}-{k}", "notes": [{"content": big}]}
                                            for k in range(50)],
                               **({"_links": {"next": {"href": link}}} if link else {})})
    peer, pawl = of_peer(case, """
  - each: {call: constant_contact.list_contacts}
    item: c
    do: [{if: 'index == 1', do: [{set: {seen: =c.contact_id}}]}]
""", *pages(150))
    pawl.hook("in", {"id": "1"})
    until(lambda: len(peer.requests) >= 20, 30, "pages")
    early = private_kb(pawl)
    most, run = early, None
    end = time.monotonic() + 90
    while time.monotonic() < end and not run:
        most = max(most, private_kb(pawl))
        run = next((r for r in pawl.runs() if r["state"] in ("completed", "failed")), None)
        time.sleep(0.05)
    same(run and run["state"], "completed", "state")
    same(len(peer.requests), 150, "pages")
    # The heap keeps some pages' worth of holes, but nothing that grows with their number.
    assert most - early < 25000, f"{early} kB at the 20th page, {most} kB at the most"


if __name__ == "__main__":
    sys.exit(main())
