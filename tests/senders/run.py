#!/usr/bin/env python3
"""Webhooks that the libraries of npm sign, sent by Node to a running service, with all of octokit's example payloads.

    run.py MODULES      (a folder with node_modules)

Every delivery must be taken once and be in the store byte by byte; every one with another body must be refused.
"""

import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

MODULES = sys.argv.pop(1) if len(sys.argv) > 1 else str(HERE)
SECRETS = {"standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "svix": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
           "stripe": "whsec_test_secret", "twilio": "12345", "github": "It's a Secret to Everybody"}
PRESETS = {"standard": "standard-webhooks"}

RULE = """
api: pawl/1
rule: hears
when: [{webhook: standard}, {webhook: svix}, {webhook: stripe}, {webhook: twilio}, {webhook: github}, {event: com.example.made}]
do: [{set: {x: =event.type}}]
"""


@test(limit=120)
def what_libraries_sign_is_taken_once_and_byte_by_byte(case):
    pawl = case.pawl(config={"public_url": "https://hooks.example.com", "hooks": {
        name: {"verify": {"preset": PRESETS.get(name, name), "secret": secret}} for name, secret in SECRETS.items()}},
        rules={"a.yaml": RULE})

    def send():
        began = time.monotonic()
        done = subprocess.run(["node", str(HERE / "send.mjs"), MODULES, f"http://127.0.0.1:{pawl.port}", json.dumps(SECRETS)],
                              capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], time.monotonic() - began

    first, seconds = send()
    changed = [d for d in first if "changed" in d["name"]]
    taken = [d for d in first if "changed" not in d["name"]]
    same({d["status"] for d in changed}, {401}, "changed bodies")
    same([d for d in taken if d["status"] != 202], [], "signed bodies")
    octokit = [d for d in taken if d["name"].startswith("octokit")]
    events = len(taken) + 1  # the batch has two
    print(f"{len(octokit)} payloads of octokit, {len(taken) - len(octokit)} other deliveries taken, "
          f"{len(changed)} changed ones refused, {seconds:.2f} s with Node's start")
    assert len(octokit) >= 300, len(octokit)
    runs = until(lambda: len(pawl.runs()) >= events and pawl.runs(), timeout=60, what="runs")
    same(len(runs), events, "runs")
    again, _ = send()
    fresh = [d for d in again if d["status"] == 202 and not d["name"].startswith("cloudevents batch")]
    same(fresh, [], "the same deliveries again")
    bodies = {d["name"]: d["id"] for d in octokit}
    stored = subprocess.run(["node", "-e", """
const {createRequire} = require('node:module')
const r = createRequire(require('node:path').resolve(process.argv[1], 'x.js'))
const all = r('@octokit/webhooks-examples/api.github.com/index.json')
console.log(JSON.stringify(Object.fromEntries(all.flatMap(e => e.examples.map((b, i) => [`octokit ${e.name} ${i}`, JSON.stringify(b)])))))
""", MODULES], capture_output=True, text=True, check=True)
    import sqlite3  # pylint: disable=C0415
    with sqlite3.connect(f"file:{pawl.folder / 'pawl.db'}?mode=ro", uri=True) as db:
        kept = {bytes(i).hex(): body for i, body in db.execute("SELECT id, body FROM event")}
    wanted = json.loads(stored.stdout)
    wrong = [name for name, id in bodies.items() if kept[id.replace("-", "")] != wanted[name]]
    same(wrong, [], "bodies in the store")


if __name__ == "__main__":
    main()
