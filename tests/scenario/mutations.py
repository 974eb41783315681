#!/usr/bin/env python3
"""What `pawl check` says of rules with one mistake each.

The rules of tests/mutations are correct. Every mutation makes one mistake in one of them: a word is
misspelt, a value is of the wrong type, a line is missing … For each one `pawl check` must say one thing,
on the line of the mistake, with the remedy in it; and nothing at all of the rules as they are.
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, main, same, test  # noqa: E402 pylint: disable=C0413

RULES = REPO / "tests/mutations"
TEXTS = {path.stem: path.read_text() for path in sorted(RULES.glob("*.yaml"))}


def typo(word, nth):
    """A misspelling of a word: a letter less, two in the wrong order, or one twice."""
    at = len(word) // 2
    if nth % 3 == 0:
        return word[:at] + word[at + 1:]
    if nth % 3 == 1 and word[at - 1] != word[at]:
        return word[:at - 1] + word[at] + word[at - 1] + word[at + 1:]
    return word[:at] + word[at] + word[at:]


class Table:
    """The mutations: (what, rule, text, line, remedies)."""

    def __init__(self):
        self.rows = []

    def add(self, what, rule, old, new, *remedies, line=None, at=None):
        """Replaces the only `old` (or that of the line that has `at`); line: where it is told."""
        text = TEXTS[rule]
        start = text.index(at) if at else 0
        place = text.index(old, start)
        assert at or text.count(old) == 1, f"{rule}: {old!r} is there {text.count(old)} times"
        assert old != new
        made = text[:place] + new + text[place + len(old):]
        told = line if isinstance(line, int) else text.count("\n", 0, text.index(line) if line
                                                             else place) + 1
        self.rows.append((what, rule, made, told, remedies))

    def misspell(self, what, rule, word, *, at=None, within=None):
        """within: the text around the word, with the word in it."""
        within = within or word
        new = typo(word, len(self.rows))
        self.add(what, rule, within, within.replace(word, new, 1), word, at=at)


# Words that are names of the author's, or that are others' data.
FREE = {"leads", "hot", "env", "page", "list", "known", "total", "order", "line", "n", "email", "contact",
        "order_id", "id", "as"}


def keys(table):
    """Every word of the language, misspelt where it first stands in each rule."""
    for rule, text in TEXTS.items():
        seen = set()
        for found in re.finditer(r"(?<=[\s{-])([a-z_]{2,}):(?=[\s])", text):
            word = found[1]
            quotes = text.count('"', text.rfind("\n", 0, found.start()), found.start())
            if word in seen or word in FREE or quotes % 2:
                continue
            seen.add(word)
            new = typo(word, len(table.rows))
            made = text[:found.start()] + new + text[found.end(1):]
            table.rows.append(("key", rule, made, text.count("\n", 0, found.start()) + 1, (word,)))


def names(table):
    for rule, text in TEXTS.items():
        for found in re.finditer(r"call: constant_contact\.(\w+)", text):
            table.misspell("action", rule, found[1], within=found[0])
    table.misspell("connection", "lead", "constant_contact",
                   within="constant_contact.add_contact_taggings")
    table.add("action without its connection", "nightly", "call: constant_contact.export_contacts",
              "call: export_contacts", "connection.action")
    for rule, within, word in (
            ("lead", "=contact.contact_id", "contact"), ("lead", "activity: =tagging", "tagging"),
            ("lead", "tagged.outcome ==", "tagged"), ("lead", "=vars.leads", "leads"),
            ("lead", "=vars.hot", "hot"), ("lead", "=vars.hot", "vars"), ("lead", "fail: =error", "error"),
            ("lead", "run.elapsed", "elapsed"), ("lead", "=lower(data", "lower"),
            ("orders", "=vars.page", "page"), ("orders", "=found.contacts[1]", "found"),
            ("orders", "if: not known", "known"), ("orders", "${made.contact_id}", "made"),
            ("orders", "line.amount > 1000", "line"), ("orders", "n: =index", "index"),
            ("orders", ">= total", "total"), ("orders", "${len(sums)} lines", "sums"),
            ("orders", "{paid ~= nil", "paid"), ("nightly", "=vars.list", "vars"),
            ("nightly", "=gone.list_id", "gone"), ("nightly", "activity: =export", "export"),
            ("nightly", "attempt ${count}", "count"), ("nightly", "while: not again", "again"),
            ("nightly", "${score.total}", "score"), ("nightly", "contact: =answer", "answer"), ("talk", "{winner.branch", "winner"),
            ("nightly", "result: =score", "score"), ("nightly", "=vars.env", "env"),
            ("talk", "contains(lower", "contains"), ("talk", "if: answered.data", "answered"),
            ("talk", "and person.email", "person"), ("talk", "time.add(now", "now")):
        table.misspell("name", rule, word, within=within)
    for rule, within, word in (
            ("lead", "if: data.contact.email and", "email"),
            ("lead", "data.contact.consent.status ==", "status"),
            ("lead", "=data.contact.first_name", "first_name"), ("lead", "=contact.contact_id", "contact_id"),
            ("lead", "conversation.status:", "status"), ("orders", "=found.contacts[1]", "contacts"),
            ("orders", "${made.contact_id}", "contact_id"), ("orders", "if: known.first_name", "first_name"),
            ("nightly", "=gone.list_id", "list_id"), ("talk", "lower(data.message.text)", "text"),
            ("talk", "key: =data.conversation.id", "conversation"),
            ("talk", "=data.participant.external_id", "external_id"),
            ("talk", "if: answered.data.message.text ==", "message"),
            ("lead", "tagged.outcome ==", "outcome"), ("nightly", "error.status", "status"),
            ("talk", "time.add(now", "add"),
            ("talk", "{winner.branch}", "branch"), ("orders", "it.data.amount", "data"),
            ("orders", "{event.trigger}", "trigger")):
        table.misspell("field", rule, word, within=within)


def values(table):
    for rule, within, word in (
            ("lead", "conversation: lead.captured", "lead.captured"), ("lead", "[open, pending]", "pending"),
            ("lead", "then: queue", "queue"), ("lead", "jitter: full", "full"),
            ("lead", "error: [throttled, network]", "network"), ("lead", "[throttled, quota_exceeded]",
                                                                "quota_exceeded"),
            ("lead", "timeout: 30m, else: fail", "fail"), ("orders", "webhook: shop/orders", "shop/orders"),
            ("orders", "status: all", "all"), ("orders", "permission_to_send: implicit", "implicit"),
            ("orders", "create_source: Account", "Account"), ("orders", "else: continue", "continue"),
            ("nightly", "missed: skip", "skip"), ("nightly", "[not_found, 404]", "not_found"),
            ("nightly", "Europe/Paris", "Europe/Paris"), ("nightly", "status: active", "active"),
            ("nightly", "lua: score.lua", "score.lua"),
            ("talk", "error: timeout", "timeout"), ("talk", "{conversation: message.received, channel",
                                                    "message.received")):
        table.misspell("value", rule, word, within=within)
    for cron, remedy in (("30 3 * *", "five"), ("60 3 * * MON", "59"), ("30 25 * * MON", "23"),
                         ("30 3 * * MON-FRY", "MON"), ("30 3 32 * *", "31"), ("30 3 * 13 *", "12"),
                         ("30 3 * * MON/0", "names"), ("every day", "0 to 59")):
        table.add("cron", "nightly", "30 3 * * MON-FRI", cron, remedy)
    for rule, old, new in (
            ("lead", "timeout: 2h", "timeout: 2"), ("lead", "first: 5s", "first: 5 sec"),
            ("lead", "timeout: 30m", "timeout: half an hour"), ("orders", "for: 7d", "for: 7 days"),
            ("orders", "cache: 1h", "cache: 1hour"), ("orders", "timeout: 3d", "timeout: 72"),
            ("nightly", "every: 6h", "every: 6"), ("nightly", "within: 1h", "within: =vars.list"),
            ("nightly", "wait: 10m", "wait: 10"), ("talk", "quiet: 30s", "quiet: 30x"),
            ("talk", "timeout: 10m", "timeout: [10m]")):
        table.add("duration", rule, old, new, "m, h", "90s", "10m")


def types(table):
    for rule, old, new, *remedy in (
            ("lead", "list_memberships: [=vars.leads]", "list_memberships: 7", "a list"),
            ("lead", "source: {contact_ids: [=contact.contact_id]}", "source: [all]", "an object"),
            ("lead", "max: 1", "max: many", "whole number"), ("lead", "max: 1", "max: 0", "from 1"),
            ("lead", "attempts: 3", "attempts: some", "from 1"), ("lead", "factor: 2", "factor: 0", "from 1"),
            ("lead", "tag_ids: [=vars.hot]", "tag_ids: {a: b}", "a list"),
            ("lead", "as: tagged", "as: 1st", "letters"), ("lead", "as: contact", "as: data", "another"),
            ("lead", "rule: lead", "rule: Lead", "a-z"), ("lead", "api: pawl/1", "api: pawl/2", "pawl/1"),
            ("orders", "limit: =vars.page", "limit: fifty", "an integer"),
            ("orders", "limit: =vars.page", "limit: 1000", "500"),
            ("orders", "email: =data.email", "email: [a]", "text"),
            ("orders", "email_address: {address: =data.email, permission_to_send: implicit}",
             "email_address: a@example.com", "an object"),
            ("orders", "vars: {page: 50}", "vars: [page]", "map"),
            ("orders", "where: {order_id: =data.order_id}\nvars", "where: order_id\nvars", "where: {"),
            ("orders", "set:\n      known: =found.contacts[1]\n      total: =data.amount * 100",
             "set: known", "map"),
            ("orders", "item: line", "item: [line]", "a name"),
            ("nightly", "share: 0.5", "share: half", "number"), ("nightly", "200/day", "200/hour", "200/day"),
            ("nightly", "detach: true", "detach: maybe", "true or false"),
            ("nightly", "max: 5", "max: five", "whole number"),
            ("nightly", "list_ids: [=gone.list_id]", "list_ids: all", "a list"),
            ("nightly", "do: []", "do: log", "list of steps"),
            ("nightly", 'enabled: =vars.env == "prod"', "enabled: sometimes", "true or false"),
            ("talk", "choices: [{id: a, title: The first}, {id: b, title: The second}]", "choices: a", "list"),
            ("talk", "max: 100", "max: 1.5", "whole number"),
            ("talk", "text: Which one?", "text: [Which one?]", "text"),
            ("talk", "when: {conversation: message.received, channel: web}", "when: message.received", "map"),
            ("talk", "contact_id: =data.participant.external_id", "contact_id: true", "text")):
        table.add("type", rule, old, new, *remedy)


def missing(table):
    """Lines and words that must be there; told at what needs them."""
    for rule, old, new, line, *remedy in (
            ("lead", "      email_address: =data.contact.email\n", "", "- call", "email_address"),
            ("lead", "      list_memberships: [=vars.leads]\n", "", "- call", "list_memberships"),
            ("lead", "      tag_ids: [=vars.hot]\n", "", "- call: constant_contact.add", "tag_ids"),
            ("lead", "rule: lead\n", "", 1, "rule: NAME"),
            ("lead", ", max: 1", "", "limit", "max:"), ("lead", ", else: fail", "", "- wait", "else"),
            ("lead", "    do:\n      - emit: lead.delayed\n        data: =data.contact\n      - fail: =error\n",
             "", "  - error", "do:"),
            ("orders", "key: =data.order_id, ", "", "once", "key:"),
            ("orders", "    where: {order_id: =data.order_id}\nvars", "vars", "event: order.cancelled", "where"),
            ("orders", "              create_source: Account\n", "", "call: constant_contact.create_contact",
             "create_source"),
            ("orders", "      where: {order_id: =data.order_id}\n      match: it.data.amount >= total\n", "",
             "wait:", "where"),
            ("orders", "      else: continue\n", "", "timeout: 3d", "else"),
            ("orders", "  - each: =data.lines\n    item: line\n    do:\n", "  - each: =data.lines\n    item: line\n"
             "    steps:\n", "    do:\n      - if: line", "do"),
            ("nightly", "          list_id: =vars.list\n", "          include_membership_count: all\n", "call: constant_contact.get_contact_list",
             "list_id"),
            ("nightly", ", by: 1", ", for: 1h, put: x", "memory", "one of"),
            ("nightly", '      ask: "Send to ${score.total} contacts?"\n', "", "approve", "ask"),
            ("nightly", "      else:\n        - stop: nobody answered\n", "", "timeout: 1d", "else"),
            ("nightly", ", else: continue", "", "wait: {activity", "else"),
            ("talk", "key: =data.conversation.id, ", "", "collect", "key:"),
            ("talk", ", quiet: 30s", "", "collect", "quiet:"),
            ("talk", "timeout: 10m, else: fail", "timeout: 10m", "- wait: {conversation", "else"),
            ("talk", "with: {contact_id: =data.participant.external_id}", "with: {}", "call:", "contact_id")):
        table.add("missing", rule, old, new, *remedy, line=line)


def order(table):
    for rule, old, new, name in (
            ("lead", "=data.contact.first_name", "=tagged.outcome", "tagged"),
            ("lead", "[=contact.contact_id]", "[=tagging.activity_id]", "tagging"),
            ("lead", "activity: =tagging", "activity: =tagged", "tagged"),
            ("orders", "email: =data.email\n", "email: =made.email_address.address\n", "made"),
            ("orders", "=data.amount * 100", "=sums[1]", "sums"),
            ("orders", "if: not known", "if: not paid", "paid"),
            ("orders", "line.amount > 1000", "line.amount > len(sums)", "sums"),
            ("nightly", "=vars.list\n        as", "=export.activity_id\n        as", "export"),
            ("nightly", "add: runs", 'add: "${score.total}"', "score"),
            ("talk", "text: Which one?", 'text: "${answered.id}"', "answered")):
        table.add("reference ahead", rule, old, new, name, "comes only at line")
    table.add("beside", "talk", "memory: {get: shared/offers}", 'memory: {get: "=person.contact_id"}',
              "after the branches")
    table.add("outside of its loop", "orders", '"${len(sums)} lines', '"${line} lines', "inside its loop")
    table.add("error outside of a catch", "lead", "done in ${run.elapsed}s", "${error.name}", "inside a catch")
    table.add("steps in a condition", "lead", "if: data.contact.email and", "if: steps.contact and",
              "before the run begins")
    table.add("unreachable", "orders", "- stop: nothing to do", "- stop: nothing to do\n          - log: x",
              "never reached", line=TEXTS["orders"][:TEXTS["orders"].index("- stop: nothing")].count("\n") + 2)
    table.add("unreachable catch", "nightly", "- error: [not_found, 404]\n        do", "- do",
              "never reached", line=TEXTS["nightly"][:TEXTS["nightly"].index("- if: error")].count("\n"))
    table.add("name twice", "talk", "as: offers", "as: data", "another")
    table.add("activity of what is none", "lead", "activity: =tagging", "activity: =contact", "activity")
    table.add("secret", "lead", "first_name: =data.contact.first_name", "first_name: =secrets.llm", "secrets")
    table.add("secret as a text", "orders", "data: {order: =data.order_id,",
              "data: {api_key: sk-1234567890, order: =data.order_id,", "pawl.yaml")
    table.add("what cannot be taken back", "orders", "          - emit: order.large\n"
              "            data: {order: =data.order_id, line: =line, n: =index}\n"
              "            subject: =data.order_id\n",
              "          - call: constant_contact.delete_contact\n            with: {contact_id: =line.id}\n",
              "cannot be taken back")
    table.add("single value for a list", "lead", "{contact_ids: [=contact.contact_id]}",
              "{contact_ids: =contact.contact_id}", "write it as [=")
    table.add("single value for a list", "lead", "list_memberships: [=vars.leads]",
              "list_memberships: =data.contact.email", "write it as [=")
    table.add("list for a single value", "orders", "email: =data.email", "email: =sums", "comes only at line")
    table.add("list for a single value", "orders", "address: =data.email, permission_to_send",
              "address: =found.contacts, permission_to_send", "got a list")
    table.add("variable of a wrong type", "lead", "tag_ids: [=vars.hot]", "tag_ids: =vars.hot", "a list")
    table.add("variable of a wrong value", "orders", "vars: {page: 50}", "vars: {page: 5000}", "at most 500",
              line="      limit: =vars.page")
    table.add("own runs", "orders", "  - event: order.*\n    source: [shop, till]",
              "  - run: failed\n    rule: orders-NN", "own runs", line="    source")


def lua(table):
    for rule, old, new, *remedy in (
            ("lead", "data.contact.email and", "data.contact.email &&", "and"),
            ("lead", "status == \"granted\"", "status = \"granted\"", "=="),
            ("lead", "status == \"granted\"", "status === \"granted\"", "=="),
            ("lead", "status == \"granted\"", "status == \"granted", "string", "quote"),
            ("lead", "or 'friend'", "|| 'friend'", "or"), ("lead", "or 'friend'}", "or 'friend'", "}"),
            ("lead", "${tagged.outcome}", "{{tagged.outcome}}", "${"),
            ("lead", "${tagged.outcome}", "${{ tagged.outcome }}", "${"),
            ("lead", "lower(data.contact.email)", "lower(data.contact.email", ")"),
            ("lead", "if: tagged.outcome ==", "if: tagged.outcome !=", "~="),
            ("orders", "if: not known", "if: !known", "not"), ("orders", "=found.contacts[1]", "=found.contacts[0]", "[1]"),
            ("orders", "line.amount > 1000", "line.amount > 1000 and", "expected", "missing", "ends"),
            ("orders", "paid ~= nil", "paid ~= null", "nil"), ("orders", "paid ~= nil", "paid <> nil", "~="),
            ("orders", "paid ~= nil", "paid is not nil", "~="),
            ("orders", "it.data.amount >= total", "it.data.amount => total", ">="),
            ("orders", "=data.amount * 100", "=data.amount x 100", "operator", "expected", "ends"),
            ("nightly", "if: error.status == 500", "if: error.status == 500 ? 1:2", "and"),
            ("nightly", "while: not again", "while: None", "nil"), ("nightly", "if: index > 1", "if:", "expression"),
            ("talk", "\"offer\")", "'offer)", "string", "quote"),
            ("talk", "and person.email_address.address", "and person.email_address.address +", "expected", "ends"),
            ("talk", "'=time.add(now, \"1h\")'", "'=time.add(now, \"1h\"'", ")")):
        table.add("Lua", rule, old, new, *remedy)


def yaml(table):
    for rule, old, new, *remedy in (
            ("lead", '== "granted"', "== \"granted #1\"", "quotes"),
            ("lead", "if: data.contact.email and data.contact.consent.status ==",
             "if: \"x\" == data.contact.email and data.contact.consent.status ==", "quotes"),
            ("lead", "about: A captured lead becomes", "about: A captured lead: becomes", "quotes"),
            ("lead", "key: '=lower(data.contact.email)'", "key: =get(data.contact, 'email')", "quotes"),
            ("lead", "list_memberships: [=vars.leads]", "list_memberships: [=vars.leads", "]"),
            ("lead", "      tag_ids: [", "     tag_ids: [", "indent", "line"),
            ("lead", "    as: contact", "\tas: contact", "spaces"),
            ("orders", "vars: {page: 50}", "vars: {page: 50", "}"),
            ("orders", "      total: =data", "       total: =data", "indent", "quotes"),
            ("orders", "match: it.data.amount >= total", "match: it.data.note == \"a: b\" and total", "quotes"),
            ("orders", "log: \"made ${made.contact_id}\"", "log: \"made ${made.contact_id}", "quote"),
            ("talk", "text: Which one?", "text: @which", "quoted"), ("talk", "text: Which one?", "text: %which", "quoted"),
            ("talk", "text: Which one?", "text: 'Which' one?", "quotes"),
            ("talk", "text: Which one?", "text: !upper Which one?", "tag")):
        table.add("YAML", rule, old, new, *remedy)
    for rule, line in (("lead", "timeout: 2h\n"), ("lead", "    as: tagging\n"), ("orders", "vars: {page: 50}\n"),
                       ("orders", "      status: all\n".rjust(1)), ("nightly", "    max: 5\n"),
                       ("nightly", "  env: prod\n"), ("talk", "    as: asked\n")):
        at = TEXTS[rule].index(line)
        table.add("key twice", rule, line, line + line, "twice",
                  line=TEXTS[rule].count("\n", 0, at) + 2)
    for rule, old, new in (("lead", "as: contact", "as: *nobody"), ("nightly", "env: prod", "<<: *base")):
        table.add("no such anchor", rule, old, new, "anchor", at=None)


def mutations():
    table = Table()
    for part in (keys, names, values, types, missing, order, lua, yaml):
        part(table)
    return table.rows


def config():
    return {"hooks": {"shop/orders": {"verify": "none"}}, "vars": {"env": "dev"},
            "scripts": str(RULES / "scripts")}


def look(case):
    """The mutants, and what is said of each."""
    pawl = case.pawl(start=False, config=config())
    rows = mutations()
    for i, (_, rule, text, _, _) in enumerate(rows):
        text = re.sub(rf"(?m)^rule: {rule}$", f"rule: {rule}-{i:03}", text).replace("-NN", f"-{i:03}")
        pawl.write(f"mutants/{i:03}.yaml", text)
    told = json.loads(pawl.command("check", "--json", "mutants", code=1))["findings"]
    return rows, [[f for f in told if f["file"] == f"mutants/{i:03}.yaml"] for i in range(len(rows))]


def wrong(row, told):
    """What is not as it should be, or None."""
    _, _, _, line, remedies = row
    if not told:
        return "nothing is said"
    if len(told) > 1:
        return "more than one thing is said"
    if told[0]["line"] != line:
        return f"line {told[0]['line']}, not {line}"
    if not any(r in told[0]["message"] for r in remedies):
        return f"no remedy ({' or '.join(remedies)})"
    return None


@test
def correct_rules_give_no_message_at_all(case):
    pawl = case.pawl(start=False, config=config())
    done = json.loads(pawl.command("check", "--json", str(RULES)))
    same(done, {"rules": len(TEXTS), "errors": 0, "findings": []}, "what is said")
    same(pawl.command("fmt", "--check", str(RULES)), "", "what is not formatted")


@test
def mistakes_are_told_once_on_their_line_with_their_remedy(case):
    rows, said = look(case)
    bad = 0
    for i, (row, told) in enumerate(zip(rows, said)):
        why = wrong(row, told)
        if why:
            bad += 1
            what, rule, text, line, _ = row
            lines = text.split("\n")
            print(f"{i:03} {what}, {rule}:{line}: {why}\n    {lines[min(line, len(lines)) - 1].strip()}")
            for f in told:
                print(f"    {f['line']}:{f['column']}: {f['level']}: {f['message']}")
    print(f"{len(rows)} mutations, {len(rows) - bad} told as they should be")
    assert len(rows) >= 200
    same(bad, 0, "mutations that are not told as they should be")


if __name__ == "__main__":
    sys.exit(main())
