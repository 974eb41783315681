#!/usr/bin/env python3
"""Calls every action against a mock that is made of the API's own contract, which refuses what it does
not allow.

    run.py CONNECTOR CONTRACT      or PAWL_CONTRACT in the environment

For each action the least and the fullest input that `pawl actions --json` gives is sent by `pawl call`
and must pass; the wrong one must be refused before anything is sent. PAWL names the program (build/pawl);
PRISM the mock (tests/contract/node_modules/.bin/prism, after `npm ci` there). Exits with 77 (skipped)
when the contract or the mock is not there.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
SKIPPED = 77
WORKERS = 2
READY_S = 60


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(SKIPPED)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# Where a contract contradicts itself or what the API does: pattern, replacement. Each must be found.
FAULTS = {"constant_contact": [
    # No elements at most: the limit is not known.
    (r"\n *maxItems: 0(?=\n)", ""),
    # The words of a list's elements stand at the list.
    (r"\n        enum:\n        - \"accessible\"", ""),
    # Several words with commas between them are one text, which the list of words does not have.
    (r"(\n( *)format: \"csv\")\n\2enum:(?:\n\2- .*)+", r"\1"),
    # A text or a list of texts, as its description says.
    (r"(\n      parameter_value:)\n        type: \"object\"", r"\1"),
    # What a new event must have; a PATCH of one may leave it out.
    (r"(\n  EventDto:\n    type: \"object\")\n    required:(?:\n    - .*)+", r"\1"),
]}


def repaired(text, connector):
    for pattern, replacement in FAULTS.get(connector, []):
        text, n = re.subn(pattern, replacement, text)
        if not n:
            print(f"note: nothing in the contract is like {pattern!r}")
    return without_security(text)


def without_security(text):
    """The contract without its demands for credentials, which are another test's affair."""
    kept, inside = [], None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and (indent > inside or
                                                    indent == inside and line.lstrip()[0] == "-"):
            continue
        inside = None
        if re.match(r"\s*(security|securityDefinitions):\s*$", line):
            inside = indent
            continue
        kept.append(line)
    return "\n".join(kept) + "\n"


class Pawl:
    """The program with a configuration that leads to the mock."""

    def __init__(self, folder, connector, base_url):
        self.program = os.environ.get("PAWL", str(REPO / "build" / "pawl"))
        self.connector = connector
        self.config = folder / "pawl.yaml"
        self.config.write_text(json.dumps({
            "actions": [str(REPO / "actions")],
            "connections": {connector: {"connector": connector, "base_url": base_url,
                                        "auth": {"bearer": "any"}}}}))

    def run(self, *args):
        return subprocess.run([self.program, args[0], "-c", self.config, *args[1:]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)

    def actions(self):
        done = self.run("actions", "--json")
        if done.returncode != 0:
            sys.exit(f"pawl actions: {done.stderr}")
        return [a["name"] for a in json.loads(done.stdout)
                if a["name"].startswith(self.connector + ".")]

    def describe(self, name):
        return json.loads(self.run("actions", "--json", name).stdout)

    def call(self, name, params):
        return self.run("call", name, "--data", json.dumps(params))


class Mock:
    """The contract's mock, which answers 4xx to what violates it and says so in its log."""

    def __init__(self, prism, contract, connector, folder):
        self.copy = folder / "contract.yaml"
        self.copy.write_text(repaired(contract.read_text(encoding="utf-8"), connector), encoding="utf-8")
        self.port = free_port()
        self.log = open(folder / "mock.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [prism, "mock", "--host", "127.0.0.1", "--port", str(self.port), self.copy],
            stdout=self.log, stderr=subprocess.STDOUT)
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self):
        end = time.monotonic() + READY_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url + "/", timeout=5)
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.2)
        self.stop()
        sys.exit("the mock has not begun: " + self.text()[-2000:])

    def text(self):
        return (self.copy.parent / "mock.log").read_text(encoding="utf-8", errors="replace")

    def sent(self):
        """How many requests have come."""
        return self.text().count("Request received")

    def violations(self):
        """What was wrong with them; answers are the contract's own examples and not looked at."""
        return sorted(set(re.findall(r"Violation: (request.*)", self.text())))

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def first_lines(text, n=6):
    return "\n    ".join(text.strip().splitlines()[:n])


def try_valid(pawl, name, kind, params):
    done = pawl.call(name, params)
    if done.returncode == 0:
        return None
    return f"{name}: the {kind} input is refused ({done.returncode})\n    {first_lines(done.stderr)}"


def try_invalid(pawl, name, params):
    done = pawl.call(name, params)
    if done.returncode == 2 and "error: " in done.stderr:
        return None
    return f"{name}: the invalid input is not refused: {done.returncode} {done.stderr}"


def main():
    connector = sys.argv[1] if len(sys.argv) > 1 else "constant_contact"
    contract = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("PAWL_CONTRACT", "")
    prism = os.environ.get("PRISM", str(HERE / "node_modules" / ".bin" / "prism"))
    if not contract or not os.path.isfile(contract):
        skip("no contract: name its file, or set PAWL_CONTRACT")
    if not os.path.exists(prism):
        skip("no mock: run `npm ci` in tests/contract, or set PRISM")
    with tempfile.TemporaryDirectory() as folder:
        mock = Mock(prism, pathlib.Path(contract), connector, pathlib.Path(folder))
        try:
            mock.wait()
            pawl = Pawl(pathlib.Path(folder), connector, mock.url)
            names = pawl.actions()
            with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
                examples = list(pool.map(lambda n: pawl.describe(n)["examples"], names))
                before = mock.sent()
                wrong = list(pool.map(lambda x: try_invalid(pawl, x[0], x[1]["invalid"]),
                                      zip(names, examples)))
                leaked = mock.sent() - before
                valid = [(n, k, e[k]) for n, e in zip(names, examples) for k in ("minimal", "full")]
                bad = list(pool.map(lambda x: try_valid(pawl, *x), valid))
                came = mock.sent() - before - leaked
            violations = mock.violations()
        finally:
            mock.stop()
    for text in [t for t in wrong + bad if t]:
        print("FAIL", text)
    failed = sum(t is not None for t in wrong + bad)
    print(f"{len(names)} actions: {len(valid) - sum(t is not None for t in bad)} of {len(valid)} valid "
          f"inputs pass ({came} requests came), {len(wrong) - sum(t is not None for t in wrong)} of "
          f"{len(wrong)} invalid inputs are refused, {leaked} of them after sending")
    for text in violations:
        print("violation:", text)
    sys.exit(1 if failed or leaked or violations or not names else 0)


if __name__ == "__main__":
    main()
