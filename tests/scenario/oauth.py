#!/usr/bin/env python3
"""Logging in, renewing tokens, and what becomes of runs when a login is void: the real program, the
sandbox's sign-in server, kills in the worst moments; and that no secret shows anywhere."""

import base64
import http.client
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import (TOKEN_ENV, Child, die_with_us, free_port, main, program,  # noqa: E402 pylint: disable=C0413
                  same, test, until)
import os  # noqa: E402 pylint: disable=C0411,C0413

TOKEN = "/oauth2/default/v1/token"
CLIENT, SECRET, API_KEY = "client-canary-id", "canary-client-secret-8d1f", "canary-api-key-77aa"
RULE = """
api: pawl/1
rule: add
when: {webhook: in}
do:
  - call: constant_contact.create_contact
    with:
      email_address: {address: '=data.email', permission_to_send: implicit}
      create_source: Account
"""


class Login:
    """A service that logs in at a sandbox which lets nobody else in."""

    def __init__(self, case, oauth=None, auth=None):
        self.sandbox = case.sandbox(oauth={
            "required": True, "interval_s": 1, "clients": {
                CLIENT: {"secret": SECRET, "redirect_uris": []}}, **(oauth or {})})
        self.site = f"http://127.0.0.1:{self.sandbox.port}"
        self.redirect = f"http://127.0.0.1:{free_port()}/done"
        base = f"{self.site}/oauth2/default/v1"
        self.sandbox.client.ok("PUT", "/_sandbox", {"oauth": {"clients": {
            CLIENT: {"secret": SECRET, "redirect_uris": [self.redirect]}}}})
        self.oauth2 = oauth2 = {"client_id": CLIENT, "client_secret": "!env CANARY_SECRET",
                                "authorize": f"{base}/authorize", "token": f"{base}/token",
                                "device": f"{base}/device/authorize",
                                "redirect_uri": self.redirect}
        partner = {"client_id": CLIENT, "client_secret": "!env CANARY_SECRET",
                   "api_key": "!env CANARY_KEY",
                   "token": f"{self.site}/partners/oauth2/default/v1/token"}
        self.env = {"CANARY_SECRET": SECRET, "CANARY_KEY": API_KEY}
        self.pawl = case.pawl(start=False, env=self.env, rules={"add.yaml": RULE}, config={
            "hooks": {"in": {"verify": "none", "id": {"json": "/id"}}},
            "connections": {"constant_contact": {
                "base_url": self.sandbox.base_url, "budget": "none",
                "auth": auth or {"oauth2": oauth2, "partner": partner}}}})

    def command(self, *args, code=0, **options):
        return self.pawl.command(*args, code=code, env=self.env, **options)

    def approve(self):
        """A person types the newest device's code."""
        until(lambda: self.sandbox.client.send(
            "POST", "/_sandbox/device", {"decision": "approve"}).status < 300, what="a device")

    def connect(self, *args):
        """Starts `pawl connect` and gives its process."""
        return subprocess.Popen(
            [program(), "connect", "constant_contact", *args], cwd=self.pawl.folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=die_with_us, env={**os.environ, **TOKEN_ENV, **self.env})

    def log_in(self):
        process = self.connect("--device")
        self.approve()
        out, err = process.communicate(timeout=20)
        same(process.returncode, 0, f"exit code ({err})")
        return out

    def asked(self, grant=None):
        """How many tokens were asked for."""
        return len([e for e in self.sandbox.log_entries() if e["path"] == TOKEN and
                    (not grant or f"grant_type={grant}" in (e.get("body") or ""))])

    def expire(self):
        self.sandbox.client.ok("POST", "/_sandbox/revoke", {"what": "access"})

    def send(self, n, first=0):
        for i in range(first, first + n):
            same(self.pawl.hook("in", {"id": str(i), "email": f"o{i}@example.com"}).status, 202)

    def status(self, code=0):
        text = self.command("connect", "--status", "--json", code=code)
        return json.loads(text)["connections"][0]

    def created(self):
        return self.sandbox.requests("POST", "/contacts", changed=True)


def page_of(url):
    """What the browser does: GET, without following."""
    parts = urllib.parse.urlsplit(url)
    conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    conn.request("GET", f"{parts.path or '/'}?{parts.query}")
    answer = conn.getresponse()
    text = answer.read().decode()
    conn.close()
    return answer.status, answer.getheader("Location"), text


# ---- logging in ----

@test(limit=60)
def a_device_logs_in_without_a_service_and_runs_use_it(case):
    login = Login(case)
    same(login.status(code=1)["state"], "never", "state before")
    out = login.log_in()
    assert re.search(r"open\n\n +http.*activate", out), out
    assert "constant_contact is connected" in out, out
    same(login.status()["state"], "ok", "state after")
    login.pawl.start()
    login.send(3)
    same({r["state"] for r in login.pawl.wait_ended(3)}, {"completed"}, "states")
    same(login.asked("refresh_token"), 0, "refreshes")


@test(limit=60)
def runs_are_held_until_somebody_logs_in_and_then_go_on(case):
    login = Login(case)
    login.pawl.start()
    login.send(3)
    run = login.pawl.wait_state("held")
    shown = login.command("runs", "show", run["id"])
    assert "pawl connect constant_contact" in shown and "needs a login" in shown, shown
    same(login.sandbox.requests("POST", "/contacts"), [], "requests before the login")
    login.log_in()
    same({r["state"] for r in login.pawl.wait_ended(3)}, {"completed"}, "states")
    same(len(login.created()), 3, "contacts")


@test(limit=60)
def a_browser_logs_in_with_a_service_and_without(case):
    login = Login(case)
    for with_service, pkce in ((False, False), (True, True)):
        if with_service:
            login.oauth2["pkce"] = True
            login.pawl.write_config()
            login.pawl.start()
        process = login.connect("--browser", "--json")
        shown = ""
        while "authorize_url" not in shown or not shown.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.communicate()
            shown += line
        url = json.loads(shown)["authorize_url"]
        assert ("code_challenge_method=S256" in url) == pkce and SECRET not in url, url
        login.sandbox.client.ok("PUT", "/_sandbox", {"oauth": {"auto_approve": True}})
        status, where, _ = page_of(url)
        same(status, 302, "the sign-in page")
        assert where.startswith(login.redirect), where
        # Somebody else's answer is no answer to this login.
        same(page_of(login.redirect + "?code=x&state=wrong")[0], 400, "a wrong state")
        same(page_of(where)[0], 200, "the listener")
        _, err = process.communicate(timeout=20)
        same(process.returncode, 0, f"exit code ({err})")
        same(login.status()["state"], "ok", "state")


@test(limit=60)
def a_refused_device_is_told_and_changes_nothing(case):
    login = Login(case)
    login.log_in()
    process = login.connect("--device")
    until(lambda: login.sandbox.client.send(
        "POST", "/_sandbox/device", {"decision": "deny"}).status < 300, what="a device")
    _, err = process.communicate(timeout=20)
    same(process.returncode, 1, "exit code")
    assert "access_denied" in err or "refused" in err, err
    same(login.status()["state"], "ok", "the login before")


# ---- renewing ----

@test(limit=60)
def ten_runs_at_an_expired_token_cause_one_refresh(case):
    login = Login(case)
    login.log_in()
    login.pawl.start()
    login.send(1)
    login.pawl.wait_ended(1)
    login.expire()
    login.send(10, first=1)
    same({r["state"] for r in login.pawl.wait_ended(11)}, {"completed"}, "states")
    same(login.asked("refresh_token"), 1, "refreshes")
    same(len(login.created()), 11, "contacts")


@test(limit=60)
def a_kill_after_the_new_token_is_kept_loses_nothing(case):
    login = Login(case)
    login.log_in()
    login.pawl.start()
    login.expire()
    # The call that waits for the token is delayed, so that the kill comes when the token is in use.
    login.sandbox.fault("delay", path="/v3/contacts", delay_ms=3000, skip=1)
    login.send(1)
    until(lambda: login.asked("refresh_token") == 1, what="a refresh")
    until(lambda: len(login.sandbox.requests("POST", "/contacts")) >= 1, what="a call")
    login.pawl.restart()
    same({r["state"] for r in login.pawl.wait_ended(1, timeout=30)}, {"completed"}, "states")
    same(login.asked("refresh_token"), 1, "refreshes")
    same(login.status()["state"], "ok", "state")


@test(limit=60)
def a_kill_before_the_new_token_is_kept_ends_in_needs_login_and_nothing_else_is_lost(case):
    login = Login(case)
    login.log_in()
    login.pawl.start()
    login.send(1)
    login.pawl.wait_ended(1)
    login.expire()
    # The server has rotated the token; its answer is on its way when the process dies.
    login.sandbox.fault("delay", path=TOKEN, delay_ms=5000)
    login.send(2, first=1)
    until(lambda: login.asked("refresh_token") == 1, what="a refresh")
    login.pawl.restart()
    login.pawl.wait_runs(lambda runs: sum(r["state"] == "held" for r in runs) == 2, 20, "held runs")
    same(login.asked("refresh_token"), 2, "the old token was tried once")
    told = login.status(code=1)
    same(told["state"], "needs_login", "state")
    assert told["reason"], told
    login.log_in()
    same({r["state"] for r in login.pawl.wait_ended(3)}, {"completed"}, "states")
    same(len(login.created()), 3, "contacts")


@test(limit=60)
def a_long_lived_token_survives_a_lost_answer(case):
    login = Login(case, oauth={"refresh": "long_lived"})
    login.log_in()
    login.pawl.start()
    login.expire()
    login.sandbox.fault("lose_answer", path=TOKEN)
    login.send(2)
    same({r["state"] for r in login.pawl.wait_ended(2, timeout=30)}, {"completed"}, "states")
    same(login.status()["state"], "ok", "state")


@test(limit=60)
def a_void_login_holds_its_runs_also_over_a_restart(case):
    login = Login(case)
    login.log_in()
    login.pawl.start()
    login.sandbox.client.ok("POST", "/_sandbox/revoke", {"what": "all"})
    login.send(2)
    login.pawl.wait_runs(lambda runs: sum(r["state"] == "held" for r in runs) == 2, 20, "held runs")
    login.pawl.restart()
    same(login.status(code=1)["state"], "needs_login", "state")
    login.log_in()
    same({r["state"] for r in login.pawl.wait_ended(2)}, {"completed"}, "states")
    same(len(login.created()), 2, "contacts")


@test(limit=60)
def a_doubt_and_an_activity_outlive_the_token(case):
    login = Login(case)
    login.log_in()
    login.pawl.write("rules/export.yaml", """
api: pawl/1
rule: export
when: {webhook: in}
if: data.id == "export"
do:
  - call: constant_contact.export_contacts
    as: begun
  - wait: {activity: =begun, timeout: 10m, else: fail}
""")
    login.sandbox.client.ok("PUT", "/_sandbox", {"activity_ms": 4000})
    login.pawl.start()
    login.pawl.hook("in", {"id": "export", "email": "e@example.com"})
    login.pawl.wait_state("waiting", rule="export")
    # Killed with a request under way, and the token is worth nothing afterwards: only a look can tell.
    login.sandbox.fault("delay", method="POST", path="/v3/contacts", delay_ms=3000, times=2)
    login.send(1, first=5)
    until(lambda: len(login.sandbox.requests("POST", "/contacts")) >= 2, what="calls")
    login.pawl.kill9()
    login.expire()
    login.pawl.start()
    runs = login.pawl.wait_ended(3, timeout=40)
    same({r["state"] for r in runs}, {"completed"}, "states")
    same((len(login.created()), login.asked("refresh_token")), (2, 1), "contacts, refreshes")


# ---- partners, privileges ----

@test(limit=60)
def a_partners_call_uses_its_own_token_and_key(case):
    login = Login(case)
    out = json.loads(login.command("call", "constant_contact.list_partner_accounts", "--json"))
    assert out, "an answer"
    sent = [e for e in login.sandbox.log_entries() if e["path"].startswith("/partners/oauth2")]
    same(len(sent), 1, "partner's tokens")


@test(limit=30)
def a_403_names_scope_and_privilege(case):
    login = Login(case)
    login.log_in()
    login.sandbox.fault("status", path="/v3/contact_lists", status=403)
    done = login.pawl.run("call", "constant_contact.list_contact_lists", env=login.env)
    same(done.returncode, 1, "exit code")
    assert "contact_data" in done.stderr and "contacts:lists:read" in done.stderr, done.stderr


# ---- nothing shows ----

def secrets_of(login):
    """What must not be seen: what we gave, and the refresh tokens and codes that we sent."""
    bodies = [e.get("body") for e in login.sandbox.log_entries() if e["path"] == TOKEN]
    sent = [v for body in bodies for k, v in urllib.parse.parse_qsl(body or "")
            if k in ("refresh_token", "device_code", "code")]
    assert len(sent) >= 2, bodies
    return [SECRET, API_KEY, base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()] + sent


@test(limit=60)
def no_secret_is_in_store_log_answers_or_output(case):
    login = Login(case)
    seen = [login.log_in()]
    login.pawl.start()
    login.send(2)
    runs = login.pawl.wait_ended(2)
    login.expire()
    login.send(2, first=2)
    runs = login.pawl.wait_ended(4)
    seen.append(login.command("connect", "--status"))
    seen.append(login.command("connect", "--status", "--json"))
    seen.append(login.command("runs", "show", runs[-1]["id"], "--json"))
    seen.append(login.command("runs", "show", runs[-1]["id"]))
    seen += [login.pawl.client.get(path).body for path in
             ("/api/connections", "/api/connections/constant_contact", "/metrics", "/api/runs",
              "/api/events", f"/api/runs/{runs[-1]['id']}")]
    same(login.pawl.term(), 0, "exit code")
    seen.append(login.pawl.log())
    files = [p for p in login.pawl.folder.rglob("*") if p.is_file() and not p.name.endswith(".key")]
    haystack = b"\n".join(p.read_bytes() for p in files) + "\n".join(seen).encode()
    # The search itself must be able to find: what is known to be there is found.
    assert b"o0@example.com" in haystack and CLIENT.encode() in haystack
    # Access tokens are JWTs here: three parts, the first of which begins with a brace.
    same(re.findall(rb"eyJ[\w-]{20,}\.[\w-]{20,}\.", haystack), [], "access tokens")
    for secret in secrets_of(login):
        assert secret.encode() not in haystack, f"{secret[:6]}… is seen"
    keys = list(login.pawl.folder.glob("*.key"))
    same([oct(k.stat().st_mode & 0o777) for k in keys], ["0o600"], "modes of the key file")


if __name__ == "__main__":
    sys.exit(main())
