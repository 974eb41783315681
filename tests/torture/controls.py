#!/usr/bin/env python3
"""Negative controls of kill.py: a program with a fault of its own must be found out.

Takes a build with -Dfaults=true (makes one when there is none), turns each fault on, and tortures it
with seed after seed until kill.py fails. A fault that no seed brings to light is a failure here.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]

# What a fault must at least be found by: any other trouble would prove nothing.
FAULTS = {
    "LATE_INTENT": r"WRONG \d+ x (run that is failed|\w+ done \d+ times)",
    "EARLY_ANSWER": r"WRONG \d+ x event lost",
}


def faults_build(folder):
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(folder), "-Dfaults=true", "-Dtests=disabled"],
                       cwd=REPO, check=True, stdout=sys.stderr)
    subprocess.run(["ninja", "-C", str(folder), "engine/pawl"], check=True, stdout=sys.stderr)
    return folder / "engine/pawl"


def torture(program, fault, seed, options):
    env = {**os.environ, "PAWL": str(program)}
    if fault:
        env[f"PAWL_FAULT_{fault}"] = "1"
    done = subprocess.run(
        [sys.executable, str(REPO / "tests/torture/kill.py"), "--kills", str(options.kills),
         "--seed", str(seed), "--patience", str(options.patience)],
        env=env, capture_output=True, text=True, check=False)
    lines = [x for x in done.stdout.splitlines() if x.startswith(("WRONG", "kills="))]
    print("\n".join(f"  {x}" for x in lines), flush=True)
    return done.returncode, done.stdout


def find(program, fault, pattern, options):
    """The seed under which it is found out, or None."""
    for seed in range(options.seed, options.seed + options.tries):
        print(f"{fault}, seed {seed}:", flush=True)
        code, text = torture(program, fault, seed, options)
        if code and re.search(pattern, text):
            return seed
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=REPO / "build-faults")
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--patience", type=float, default=15)
    parser.add_argument("--tries", type=int, default=6, help="seeds for each fault")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    options = parser.parse_args()
    program, failed = faults_build(options.build), 0
    for fault, pattern in FAULTS.items():
        name = f"the_fault_{fault.lower()}_is_found_out"
        seed = find(program, fault, pattern, options)
        failed += seed is None
        print(f"[  FAILED  ] {name}" if seed is None else f"[       OK ] {name}", flush=True)
    print("no fault:", flush=True)
    code, _ = torture(program, None, options.seed, options)
    failed += code != 0
    print("[  FAILED  ] without_a_fault_nothing_is_found" if code else
          "[       OK ] without_a_fault_nothing_is_found")
    print(f"{len(FAULTS) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
