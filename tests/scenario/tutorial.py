#!/usr/bin/env python3
"""docs/TUTORIAL.md, followed word by word in one shell: its files, its commands, and what it says they show."""

import os
import pathlib
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import REPO, die_with_us, free_port, main, program, test  # noqa: E402 pylint: disable=C0413

FILE = re.compile(r"`((?:rules/)?[a-z-]+\.yaml)`")
BLOCK = re.compile(r"((?:^[^\n`]*[^\n]*\n)?)\n```(\w+)\n(.*?)^```$", re.M | re.S)
MARK = "-- the end of what it showed --"


class Shell:
    """A bash with job control, whose output is read as it comes."""

    def __init__(self, home):
        env = {**os.environ, "HOME": str(home), "PS1": "", "TERM": "dumb"}
        self.child = subprocess.Popen(["bash", "--norc", "--noprofile", "-m"], cwd=home, env=env, bufsize=0,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, preexec_fn=die_with_us)
        self.seen = ""

    def read(self, done, limit):
        """Reads until done(text) or the time is over; what came."""
        end = time.monotonic() + limit
        while not done(self.seen) and time.monotonic() < end:
            if select.select([self.child.stdout], [], [], 0.05)[0]:
                self.seen += os.read(self.child.stdout.fileno(), 65536).decode(errors="replace")
        text, self.seen = self.seen, ""
        return text

    def run(self, command, wanted):
        """What a command shows, and what those in the background show in the meantime."""
        later = command.endswith("&")
        self.child.stdin.write((command + ("\n" if later else f"\necho; echo '{MARK}'\n")).encode())
        if later:
            return self.read(lambda t: wanted.search(t), 15)
        return self.read(lambda t: MARK in t, 15)

    def end(self):
        self.child.stdin.write(b"kill -9 $(jobs -p) 2>/dev/null; exit\n")
        self.child.wait(10)


def pattern(lines):
    """What is shown, where a … stands for anything in its line."""
    whole = [r"[^\n]*".join(re.escape(part) for part in line.split("…")) for line in lines]
    return re.compile("\n".join(f"{line}[ ]*" for line in whole))


def steps(text):
    """(file, its text) and (command, what it shows) in their order."""
    for before, kind, body in BLOCK.findall(text):
        if kind == "yaml":
            yield "file", FILE.findall(before)[-1], body
        elif kind == "console":
            for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
                command, _, shown = part.partition("\n")
                yield "command", command, shown.rstrip("\n").split("\n") if shown.strip() else []


@test(limit=90)
def the_tutorial_followed_word_by_word(case):
    text = (REPO / "docs/TUTORIAL.md").read_text()
    for port in ("8080", "8090"):  # others may be using these
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    ports = re.findall(r"http://127\.0\.0\.1:(\d+)", text)
    sandbox, service = ports[0], next(p for p in ports if p != ports[0])
    text = text.replace("pawl sandbox --seed demo", f"pawl sandbox --seed demo --listen 127.0.0.1:{sandbox}")
    text = text.replace("```yaml\nconnections:", f"```yaml\nlisten: 127.0.0.1:{service}\nconnections:")
    (case.folder / "bin/build").mkdir(parents=True)
    (case.folder / "bin/build/pawl").symlink_to(program())
    shell = Shell(case.folder)
    shell.run("cd bin", re.compile(""))
    commands = 0
    try:
        for kind, what, wanted in steps(text):
            if kind == "file":
                (case.folder / "forms" / what).write_text(wanted)
                continue
            commands += 1
            shown = shell.run(what, pattern(wanted))
            assert pattern(wanted).search(shown), f"$ {what}\n{shown}\n-- and not --\n" + "\n".join(wanted)
    finally:
        shell.end()
    assert commands >= 20, commands


if __name__ == "__main__":
    sys.exit(main())
