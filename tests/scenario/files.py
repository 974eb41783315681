#!/usr/bin/env python3
"""Files: exports that are fetched, imports that are larger than the API takes, and who may open what."""

import hashlib
import http.server
import json
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from pawl import main, same, test, until  # noqa: E402 pylint: disable=C0413

HOOKS = {"in": {"verify": "none", "id": {"json": "/id"}, "max_body": "16MiB"}}
HEAD = "api: pawl/1\nrule: r\nwhen: {webhook: in}\n"
LIST = "07936f78-662a-11eb-af0a-fa163e56c9b0"
IMPORT_PATH = "/activities/contacts_file_import"

IMPORT = f"""
do:
  - call: constant_contact.import_contacts_from_csv_file
    with: {{file: =data.csv, list_ids: [{LIST}]}}
    as: import
  - wait: {{activity: =import, timeout: 30m, else: fail}}
    as: ended
  - emit: over
    data: '={{parts = #import, outcome = ended.outcome, each = pluck(ended.activities, "outcome")}}'
"""


def service(case, rule, sandbox=None, **config):
    sandbox = sandbox or case.sandbox()
    return sandbox, case.pawl(rules={"r.yaml": HEAD + rule}, config={
        "hooks": HOOKS, "connections": {"constant_contact": sandbox.connection()}, **config})


def people(lines):
    """A file of that many lines, the head among them; one name goes over two lines."""
    rows = ["email,first_name"] + [f"p{i}@example.com,\"P {i}\"" for i in range(lines - 3)]
    return "\n".join(rows[:30]) + '\nq@example.com,"Q\nQ"\n' + "\n".join(rows[30:]) + "\n"


def result(pawl, timeout=15):
    """What the one run gave, once it has ended well."""
    same([r["state"] for r in pawl.wait_ended(1, timeout=timeout)], ["completed"], "states")
    return pawl.events(type="over")[0]["data"]


def uploads(sandbox):
    """The bulk imports, oldest first, by their file's name."""
    found = sandbox.api("GET", "/activities?limit=500")["activities"]
    return [a["source_file_name"] for a in reversed(found) if a.get("source_file_name")]


def contacts(sandbox):
    return sandbox.state()["contacts"]


@test(limit=100)
def a_large_import_goes_in_parts_and_all_arrive_once(case):
    sandbox, pawl = service(case, IMPORT)
    before = contacts(sandbox)
    pawl.hook("in", {"id": "1", "csv": people(90000)})
    same(result(pawl, 90), {"parts": 3, "outcome": "completed", "each": ["completed"] * 3}, "result")
    names = uploads(sandbox)
    same(len(names), 3, "activities")
    same(len(set(names)), 3, "names of files")
    same(contacts(sandbox) - before, 89999 - 1, "new contacts")
    same(len(sandbox.requests("POST", IMPORT_PATH)), 3, "uploads")


@test
def a_small_import_is_one_activity_with_its_answer(case):
    sandbox, pawl = service(case, IMPORT.replace("#import", "import.activity_id").replace(
        ", each = pluck(ended.activities, \"outcome\")", ""))
    pawl.hook("in", {"id": "1", "csv": "email\na1@example.com\n"})
    found = result(pawl)
    same(found["outcome"], "completed", "outcome")
    same(len(found["parts"]), 36, "length of the id")
    same(len(uploads(sandbox)), 1, "activities")


@test(limit=100)
def kills_on_the_way_neither_lose_nor_double_a_part(case):
    sandbox, pawl = service(case, IMPORT)
    before = contacts(sandbox)
    sandbox.fault("delay", "/v3" + IMPORT_PATH, method="POST", delay_ms=3000, times=2)
    pawl.hook("in", {"id": "1", "csv": people(90000)})
    for n in (1, 2):  # each time the API has it and we have no answer
        until(lambda n=n: len(sandbox.requests("POST", IMPORT_PATH)) >= n, 30, f"part {n}")
        pawl.restart()
    same(result(pawl, 90)["outcome"], "completed", "outcome")
    same(len(sandbox.requests("POST", IMPORT_PATH, changed=True)), 3, "uploads")
    same(len(set(uploads(sandbox))), 3, "names of files")
    same(contacts(sandbox) - before, 89998, "new contacts")


@test(limit=60)
def a_part_whose_answer_is_lost_is_known_by_its_files_name(case):
    sandbox, pawl = service(case, IMPORT)
    before = contacts(sandbox)
    sandbox.fault("lose_answer", "/v3" + IMPORT_PATH, method="POST", times=1)
    pawl.hook("in", {"id": "1", "csv": people(50000)})
    same(result(pawl, 50)["parts"], 2, "parts")
    same(len(sandbox.requests("POST", IMPORT_PATH)), 2, "uploads")
    same(contacts(sandbox) - before, 49998, "new contacts")


JSON_PATH = "/activities/contacts_json_import"


def flat(n, **more):
    return [{"email": f"p{i}@example.com", **more} for i in range(n)]


@test(limit=100)
def a_long_list_of_contacts_goes_in_parts_through_a_kill(case):
    sandbox, pawl = service(case, IMPORT.replace("import_contacts_from_csv_file", "import_contacts_from_json")
                            .replace("file: =data.csv", "import_data: =data.people"))
    before = contacts(sandbox)
    sandbox.fault("delay", "/v3" + JSON_PATH, method="POST", delay_ms=3000, times=1)
    pawl.hook("in", json.dumps({"id": "1", "people": flat(85000)}))
    until(lambda: len(sandbox.requests("POST", JSON_PATH)) >= 1, 30, "the first part")
    pawl.restart()
    same(result(pawl, 90), {"parts": 3, "outcome": "completed", "each": ["completed"] * 3}, "result")
    same(contacts(sandbox) - before, 85000, "new contacts")
    same(len(sandbox.requests("POST", JSON_PATH, changed=True)), 3, "parts that were taken")


@test
def a_call_by_hand_refuses_a_list_that_would_need_parts(case):
    sandbox, pawl = service(case, IMPORT)
    pawl.term()
    (pawl.folder / "large.json").write_text(json.dumps(
        {"list_ids": [LIST], "import_data": flat(18000, street="x" * 250)}))
    done = pawl.run("call", "constant_contact.import_contacts_from_json", "--data", "@large.json")
    assert done.returncode and "too_big: import_data is over 40000 elements or 4000000 bytes" in done.stderr, \
        done.stderr
    same(sandbox.requests("POST", JSON_PATH), [], "requests")
    (pawl.folder / "small.json").write_text(json.dumps(
        {"list_ids": [LIST], "import_data": flat(10, street="x" * 250)}))
    pawl.command("call", "constant_contact.import_contacts_from_json", "--data", "@small.json")
    same(len(sandbox.requests("POST", JSON_PATH)), 1, "requests")


EXPORT = """
do:
  - call: constant_contact.export_contacts
    as: export
  - wait: {activity: =export, timeout: 30m, else: fail}
    as: ended
  - call: constant_contact.get_contacts_export_file
    with: {file_export_id: '=match(ended.result_id, "[^/]+$")'}
    as: file
  - each: =csv.rows(file)
    as: rows
    do:
      - if: row["Email address"] == "p7777@example.com"
        do: [{emit: found, data: =row}]
    item: row
    result: =index
  - emit: over
    data: '={file = file, rows = #rows, last = rows[#rows]}'
"""


def seed(sandbox, n):
    """That many contacts, as somebody else made them."""
    for start in range(0, n, 10000):
        sandbox.api("POST", "/activities/contacts_json_import", {"list_ids": [LIST], "import_data": [
            {"email": f"p{i}@example.com"} for i in range(start, min(n, start + 10000))]})
    until(lambda: contacts(sandbox) >= n, 30, "contacts")


@test(limit=110)
def an_export_is_fetched_into_a_file_and_gone_through(case):
    sandbox, pawl = service(case, EXPORT)
    seed(sandbox, 20000)
    n = contacts(sandbox)
    pawl.hook("in", {"id": "1"})
    found = result(pawl, 100)
    same(found["rows"], n, "rows")
    same(found["last"], n, "the last index")
    same(len(pawl.events(type="found")), 1, "rows that were looked for")
    file = found["file"]
    same(file["type"], "text/csv", "type")
    kept = list(pawl.folder.glob(f"pawl.db.files/*/{file['file']}"))
    same(len(kept), 1, "files")
    content = kept[0].read_bytes()
    same(len(content), file["size"], "size")
    same(hashlib.sha256(content).hexdigest(), file["sha256"], "hash")
    same(kept[0].stat().st_mode & 0o777, 0o600, "mode")
    assert b"p7777@example.com" in content
    for part in pawl.folder.glob("pawl.db*"):
        assert part.is_dir() or b"p7778@" not in part.read_bytes(), f"the content is in {part}"


MEGABYTES = 200
BLOCK = bytes(range(256)) * 4096  # a megabyte
DEPOT = """
connector: {name: depot, title: Depot, about: A peer with a large file., base_url: "http://127.0.0.1:1", auth: [bearer]}
group: Files
actions:
  fetch:
    title: Fetch
    about: Gives a large file.
    method: GET
    path: /large
    accept: application/octet-stream
    download: true
    success: [200]
    answer: {open: true, fields: {file: string}}
    effect: read
"""


class Large(http.server.BaseHTTPRequestHandler):
    """Gives the large file."""

    def do_GET(self):  # pylint: disable=C0103
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(MEGABYTES * len(BLOCK)))
        self.end_headers()
        for _ in range(MEGABYTES):
            self.wfile.write(BLOCK)

    def log_message(self, *_):  # pylint: disable=W0221
        pass


def private_kb(process):
    """What it has for itself and has touched."""
    text = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def peak_kb(process, work):
    """Runs work in a thread; how far private memory rose meanwhile."""
    before = most = private_kb(process)
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        most = max(most, private_kb(process))
        time.sleep(0.01)
    return most - before


@test(limit=110)
def a_large_download_keeps_private_memory_flat(case):
    peer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Large)
    threading.Thread(target=peer.serve_forever, daemon=True).start()
    # a sanitizer keeps what is freed for a while: that is no memory of the program's own
    kept = f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=1"
    pawl = case.pawl(actions={"depot.yaml": DEPOT}, env={"ASAN_OPTIONS": kept}, rules={
        "r.yaml": HEAD + "do: [{call: depot.fetch, as: f}, {emit: over, data: =f}]\n"}, config={
            "hooks": HOOKS, "connections": {"depot": {
                "base_url": f"http://127.0.0.1:{peer.server_address[1]}",
                "auth": {"bearer": "!env PAWL_TEST_TOKEN"}}}})
    want = hashlib.sha256()
    for _ in range(MEGABYTES):
        want.update(BLOCK)
    grown = {"a run": peak_kb(pawl.process, lambda: (pawl.hook("in", {"id": "1"}), pawl.one(timeout=50)))}
    file = pawl.events(type="over")[0]["data"]
    same(file["size"], MEGABYTES * len(BLOCK), "size")
    same(file["sha256"], want.hexdigest(), "hash")
    out = pawl.folder / "out.bin"
    grown["pawl call -o through the service"] = peak_kb(pawl.process, lambda: pawl.command(
        "call", "depot.fetch", "-o", str(out), timeout=60))
    same(hashlib.sha256(out.read_bytes()).hexdigest(), want.hexdigest(), "hash of the fetched")
    same(list(pawl.folder.glob("pawl.db.files/calls/*")), [], "files of calls")
    print(f"private memory grew by {grown} KiB", flush=True)
    assert max(grown.values()) < 8192, grown
    out.unlink()
    pawl.term()
    pawl.command("call", "depot.fetch", "-o", str(out), timeout=60)
    same(hashlib.sha256(out.read_bytes()).hexdigest(), want.hexdigest(), "hash without a service")
    same(list(pawl.folder.glob("out.bin.part")), [], "parts")
    peer.shutdown()


@test
def what_looks_like_a_file_opens_none(case):
    sandbox, pawl = service(case, IMPORT.replace("=data.csv", "=data.file"))
    for i, name in enumerate(("/etc/passwd", "../../../../etc/passwd", "0" * 32, "..", "r.yaml")):
        pawl.hook("in", {"id": str(i), "file": {"file": name, "name": "a.csv", "size": 10}})
    runs = pawl.wait_ended(5)
    for run in runs:
        same(run["state"], "failed", "state")
        same(run["error"]["name"], "invalid", "error")
    same(sandbox.requests("POST", IMPORT_PATH), [], "uploads")


@test
def folders_of_runs_that_nobody_knows_go_at_a_start(case):
    _, pawl = service(case, IMPORT)
    pawl.hook("in", {"id": "1", "csv": "email\n" + "".join(f"a{i}@example.com\n" for i in range(40001))})
    result(pawl, 15)
    kept = list(pawl.folder.glob("pawl.db.files/*/*"))
    assert kept, "the run has no files"
    unknown = pawl.folder / "pawl.db.files" / "019a0000-0000-7000-8000-000000000001"
    strange = pawl.folder / "pawl.db.files" / "notes"
    for folder in (unknown, strange):
        folder.mkdir()
        (folder / ("0" * 32)).write_text("x")
    pawl.restart()
    until(lambda: not unknown.exists(), 10, "no folder of an unknown run")
    assert strange.exists() and all(f.exists() for f in kept), "others were removed"


if __name__ == "__main__":
    sys.exit(main())
