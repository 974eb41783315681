"""Black-box tests: the program as a child process, the sandbox, a peer that misbehaves, a runner.

A test is a function of one argument, the Case, which starts what the test needs and ends it however
the test ends. Nothing sleeps for a fixed time where there is something to look at.
"""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

REPO = pathlib.Path(__file__).resolve().parents[2]
ENDED = ("completed", "failed", "cancelled")
IDLE_S = 5  # older connections are not trusted: the other end may just be closing them
TOKEN_ENV = {"PAWL_TEST_TOKEN": "test"}
LIBC = ctypes.CDLL(None)


def program():
    """The program under test: PAWL, or the one that `./dev build` makes."""
    return os.environ.get("PAWL") or str(REPO / "build/pawl")


def die_with_us():
    LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)


def free_port():
    """One below the range from which outgoing connections take theirs, so that it stays free."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def until(look, timeout=10.0, what="it", pause=0.01):
    """The first true value that look() gives; fails when there is none within the time."""
    end = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(pause)


def same(found, wanted, what="value"):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


# ---- HTTP ----

class Answer:
    """What a server answered."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    """One keep-alive connection, made again when it is gone. A request is never sent twice by it."""

    def __init__(self, port, timeout=10):
        self.port, self.timeout, self.conn, self.used = port, timeout, None, 0

    def close(self):
        if self.conn:
            self.conn.close()
            self.conn = None

    def send(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        if time.monotonic() - self.used > IDLE_S:
            self.close()
        self.used = time.monotonic()
        if self.conn is None:
            self.conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.conn.request(method, path, body, headers)
            answer = self.conn.getresponse()
            text = answer.read()
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return Answer(answer.status, dict((k.lower(), v) for k, v in answer.getheaders()),
                      text.decode(errors="replace"))

    def get(self, path, **headers):
        return self.send("GET", path, headers=headers)

    def ok(self, method, path, body=None, headers=None):
        answer = self.send(method, path, body, headers)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer}"
        return answer.json() if answer.body.strip() else None


def retrying(work, timeout=10):
    """Does work() again while the server cannot be reached: for reads alone."""
    end = time.monotonic() + timeout
    while True:
        try:
            return work()
        except (OSError, http.client.HTTPException):
            if time.monotonic() >= end:
                raise
            time.sleep(0.005)


# ---- processes ----

class Child:
    """A process of the program; what it says goes to a file."""

    def __init__(self, name, folder):
        self.name, self.folder, self.process = name, pathlib.Path(folder), None
        self.log_path = self.folder / f"{name}.log"

    def spawn(self, args, env=None):
        assert self.process is None or self.process.poll() is not None, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program(), *map(str, args)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, preexec_fn=die_with_us, env={**os.environ, **TOKEN_ENV, **(env or {})})

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill9(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def term(self, timeout=15):
        """Asks it to end; gives the exit code."""
        self.process.terminate()
        return self.process.wait(timeout)

    def wait_port(self, port, path, timeout):
        def look():
            if not self.alive():
                raise AssertionError(f"{self.name} ended with {self.process.returncode}")
            client = Client(port, timeout=2)
            try:
                return client.get(path).status == 200
            except (OSError, http.client.HTTPException):
                return False
            finally:
                client.close()
        until(look, timeout, f"{self.name} at {path}", pause=0.003)


class Pawl(Child):
    """A service with a folder of its own: pawl.yaml, rules/, scripts/, actions/, the store."""

    def __init__(self, folder, config=None, rules=None, scripts=None, actions=None, name="pawl",
                 env=None):
        super().__init__(name, folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client, self.env = Client(self.port), env
        self.config = {
            "listen": f"127.0.0.1:{self.port}", "store": f"sqlite:{self.folder}/pawl.db",
            "rules": ["rules"], "scripts": "scripts", "zone": "UTC",
            "actions": [str(REPO / "actions")], "log": {"level": "debug"}, **(config or {})}
        for sub in ("rules", "scripts", "actions"):
            (self.folder / sub).mkdir(exist_ok=True)
        if actions:
            self.config["actions"] = [str(REPO / "actions"), "actions"]
        self.write_config()
        for sub, files in (("rules", rules), ("scripts", scripts), ("actions", actions)):
            for name_, text in (files or {}).items():
                self.write(f"{sub}/{name_}", text)

    def write(self, path, text):
        """Whole or not at all, as an editor does it."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(file.name + ".new~")
        new.write_text(text)
        new.rename(file)

    def write_config(self):
        """JSON is YAML; "!env NAME" as a text becomes the tag."""
        text = json.dumps(self.config, indent=1) + "\n"
        self.write("pawl.yaml", re.sub(r'"(!env \w+)"', r"\1", text))

    def spawn_only(self, *args):
        self.spawn(["serve", "-c", "pawl.yaml", *args], self.env)

    def start(self, *args, timeout=15):
        """Starts it and waits until it is ready; gives the seconds that took."""
        began = time.monotonic()
        self.spawn_only(*args)
        self.wait_port(self.port, "/readyz", timeout)
        return time.monotonic() - began

    def kill9(self):
        super().kill9()
        self.client.close()

    def restart(self, timeout=15):
        self.kill9()
        return self.start(timeout=timeout)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    # -- commands --

    def run(self, *args, input=None, timeout=20, env=None):
        """A command of the program beside the service: what it printed, and its exit code."""
        done = subprocess.run([program(), *map(str, args)], cwd=self.folder, input=input,
                              capture_output=True, text=True, timeout=timeout,
                              preexec_fn=die_with_us, env={**os.environ, **TOKEN_ENV, **(env or {})})
        return done

    def command(self, *args, code=0, **options):
        """The same; fails on another exit code. Gives what it printed."""
        done = self.run(*args, **options)
        assert done.returncode == code, (f"pawl {' '.join(map(str, args))}: exit code "
                                         f"{done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    # -- events --

    def hook(self, path, data, headers=None):
        return self.client.send("POST", f"/hooks/{path}", data, headers)

    def conversation(self, kind, data, id=None, subject="web:test:visitor-1", platform="native"):
        """One native event of a conversation; gives its answer."""
        common = {"platform": "web", "account": "test",
                  "conversation": {"id": subject.split(":")[-1], "channel": "web", "status": "open"},
                  "participant": {"role": "customer", "id": "visitor-1"}}
        event = {"specversion": "1.0", "id": id or f"t:{random.getrandbits(64):x}",
                 "source": "/conversations/web/test", "type": kind, "subject": subject,
                 "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json",
                 "data": {**common, **data}}
        return self.client.send("POST", f"/conversations/{platform}", json.dumps(event),
                                {"Content-Type": "application/cloudevents+json"})

    # -- the API --

    def pages(self, path, key):
        """All pages of a list, newest first as the API has them."""
        found, cursor = [], None
        while True:
            sep = "&" if "?" in path else "?"
            answer = retrying(lambda: self.client.ok(
                "GET", path + f"{sep}limit=200" + (f"&cursor={cursor}" if cursor else "")))
            found += answer[key]
            cursor = answer.get("next")
            if not cursor:
                return found

    def runs(self, **where):
        """All runs, oldest first; where: fields that must be so."""
        runs = self.pages("/api/runs", "runs")[::-1]
        return [r for r in runs if all(r.get(k) == v for k, v in where.items())]

    def events(self, **where):
        events = self.pages("/api/events", "events")[::-1]
        return [e for e in events if all(e.get(k) == v for k, v in where.items())]

    def show(self, id):
        return retrying(lambda: self.client.ok("GET", f"/api/runs/{id}"))

    def wait_runs(self, want, timeout=10, what="runs"):
        """The runs, as soon as want(runs) is true of them."""
        last = []

        def look():
            last[:] = self.runs()
            return want(last)
        try:
            until(look, timeout, what, pause=0.02)
        except AssertionError as e:
            states = [(r["rule"], r["state"], r.get("error")) for r in last[-10:]]
            raise AssertionError(f"{e}; the runs are {states}") from None
        return last

    def wait_ended(self, n=1, timeout=10, **where):
        """n runs, when all of them have ended (or wait for a person)."""
        def fits(r):
            return all(r.get(k) == v for k, v in where.items())

        def want(runs):
            mine = [r for r in runs if fits(r)]
            return len(mine) >= n and all(r["state"] in ENDED + ("in_doubt",) for r in mine)
        runs = self.wait_runs(want, timeout, f"{n} ended runs {where or ''}")
        return [r for r in runs if fits(r)]

    def wait_state(self, state, timeout=10, **where):
        """The first run in that state."""
        def pick(runs):
            return [r for r in runs if r["state"] == state
                    and all(r.get(k) == v for k, v in where.items())]
        return pick(self.wait_runs(pick, timeout, f"a run that is {state}"))[0]

    def one(self, state="completed", timeout=10, **where):
        """The only run, ended in that state, whole."""
        runs = self.wait_ended(1, timeout, **where)
        assert len(runs) == 1, f"{len(runs)} runs, not 1: {runs}"
        run = self.show(runs[0]["id"])
        assert run["state"] == state, f"the run is {run['state']}, not {state}: {run.get('error')}"
        return run

    @staticmethod
    def step(run, name):
        """The one step of a run with that name or path."""
        found = [s for s in run["steps"] if name in (s.get("name"), s["path"])]
        assert found, f"no step {name} among {[(s['path'], s.get('name')) for s in run['steps']]}"
        return found[-1]


class Sandbox(Child):
    """The stand-in of the Constant Contact API as a process of its own."""

    def __init__(self, folder, name="sandbox", **settings):
        super().__init__(name, folder)
        self.port = free_port()
        self.client, self.settings = Client(self.port), settings
        self.base_url = f"http://127.0.0.1:{self.port}/v3"

    def start(self, seed="demo"):
        self.spawn(["sandbox", "--listen", f"127.0.0.1:{self.port}"])
        self.wait_port(self.port, "/_sandbox", 15)
        self.client.ok("POST", "/_sandbox/reset", {"seed": seed})
        if self.settings:
            self.client.ok("PUT", "/_sandbox", self.settings)
        return self

    def connection(self, **more):
        """Its entry under connections:, without limits unless the test wants some."""
        return {"base_url": self.base_url, "auth": {"bearer": "!env PAWL_TEST_TOKEN"},
                "budget": "none", **more}

    def faults(self, *faults):
        self.client.ok("POST", "/_sandbox/faults", list(faults))

    def fault(self, kind, path="/v3/", **more):
        self.faults({"kind": kind, "path": path, **more})

    def log_entries(self, since=0):
        """Every request since that number."""
        found = []
        while True:
            part = self.client.ok("GET", f"/_sandbox/log?since={since}&limit=2000")["entries"]
            if not part:
                return found
            found += part
            since = part[-1]["n"]

    def requests(self, method=None, path=None, changed=None):
        return [e for e in self.log_entries() if (method in (None, e["method"]))
                and (path is None or e["path"] == "/v3" + path)
                and (changed is None or e["changed"] == changed)]

    def state(self):
        return self.client.ok("GET", "/_sandbox/state")

    def api(self, method, path, body=None):
        """A request to the API itself, as somebody else."""
        return self.client.ok(method, "/v3" + path, body, {"Authorization": "Bearer other"})

    def contact(self, email, include="taggings,list_memberships,phone_numbers"):
        found = self.api("GET", f"/contacts?email={email}&status=all&include={include}")["contacts"]
        assert len(found) == 1, f"{len(found)} contacts have {email}"
        return found[0]


# ---- a peer that misbehaves ----

def answer(status=200, body=None, headers=None, close=False, delay=0):
    """A behaviour: a whole answer."""
    return {"do": "answer", "status": status, "body": {} if body is None else body,
            "headers": headers or {}, "close": close, "delay": delay}


RESET_BEFORE = {"do": "reset_before"}   # RST before the request is read
RESET_AFTER = {"do": "reset_after"}     # RST after the whole request is read
CLOSE_AFTER = {"do": "close_after"}     # FIN after the whole request is read
HALF = {"do": "half"}                   # half an answer, then FIN
SILENT = {"do": "silent"}               # read, never answered


class Peer:
    """A scripted HTTP server on a raw socket.

    Each request takes the next behaviour of the script, then the default. `requests` holds each
    request that was read whole: {conn, nth, method, path, headers, body}.
    """

    def __init__(self, script=(), default=None):
        self.script, self.default = list(script), default or answer()
        self.requests, self.conns, self.lock = [], 0, threading.Lock()
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which else keeps it open
        self.listener.close()
        for s in list(self.open):
            with contextlib.suppress(OSError):
                s.close()

    def then(self, *behaviours):
        with self.lock:
            self.script += behaviours

    def bodies(self, method="POST", path=None):
        return [json.loads(r["body"] or "null") for r in list(self.requests)
                if r["method"] == method and path in (None, r["path"])]

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.conns += 1
                self.open.add(s)
                number = self.conns
            threading.Thread(target=self.serve, args=(s, number), daemon=True).start()

    def next(self):
        with self.lock:
            return self.script.pop(0) if self.script else self.default

    def serve(self, s, number):
        buf, nth = b"", 0
        try:
            while True:
                if not buf:
                    select.select([s], [], [])
                    if not s.recv(1, socket.MSG_PEEK):
                        return
                how, nth = self.next(), nth + 1
                if how["do"] == "reset_before":
                    self.reset(s)
                    return
                request, buf = self.read(s, buf)
                if request is None:
                    return
                with self.lock:
                    self.requests.append({"conn": number, "nth": nth, **request})
                if not self.behave(s, how):
                    return
        except (OSError, ValueError):
            pass
        finally:
            self.open.discard(s)
            s.close()

    @staticmethod
    def read(s, buf):
        while b"\r\n\r\n" not in buf:
            part = s.recv(65536)
            if not part:
                return None, b""
            buf += part
        head, buf = buf.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}
        size = int(headers.get("content-length", 0))
        while len(buf) < size:
            part = s.recv(65536)
            if not part:
                return None, b""
            buf += part
        return {"method": method, "path": path, "headers": headers,
                "body": buf[:size].decode()}, buf[size:]

    @staticmethod
    def reset(s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def behave(self, s, how):
        """False when the connection is over."""
        do = how["do"]
        if do == "reset_after":
            self.reset(s)
            return False
        if do == "close_after":
            return False
        if do == "silent":
            while s.recv(65536):
                pass
            return False
        if do == "half":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 400\r\n\r\n{\"id\": \"cut")
            return False
        time.sleep(how["delay"])
        body = json.dumps(how["body"]).encode()
        head = [f"HTTP/1.1 {how['status']} X", "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                *(f"{k}: {v}" for k, v in how["headers"].items())]
        if how["close"]:
            head.append("Connection: close")
        s.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        return not how["close"]


# ---- the runner ----

class Case:
    """What one test has started; ends it all."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-test-"))
        self.children, self.peers = [], []

    def sandbox(self, **settings):
        settings.setdefault("activity_ms", 300)
        box = Sandbox(self.folder, **settings)
        self.children.append(box)
        return box.start()

    def peer(self, *script, default=None):
        peer = Peer(script, default)
        self.peers.append(peer)
        return peer

    def pawl(self, start=True, **options):
        folder = self.folder / f"p{len(self.children)}"
        folder.mkdir()
        service = Pawl(folder, **options)
        self.children.append(service)
        if start:
            service.start()
        return service

    def end(self, failed):
        for child in self.children:
            child.kill9()
        for peer in self.peers:
            peer.stop()
        if failed:
            for child in self.children:
                text = child.log()[-4000:]
                print(f"---- the end of {child.name}'s log ----\n{text}----", flush=True)
        if not os.environ.get("PAWL_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


TESTS = []


def test(work=None, *, limit=20, skip=None):
    """Registers a test. limit: seconds. skip: why it cannot pass yet; naming it runs it all the same."""
    def register(f):
        TESTS.append((f.__name__, f, limit, skip))
        return f
    return register(work) if work else register


class TooLong(BaseException):
    """The time of a test is over."""


def on_alarm(*_):
    raise TooLong()


def on_term(*_):
    raise SystemExit(143)


def tell_where(error, text):
    """The lines that led there, outside of this file first and last."""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename != __file__ or os.environ.get("PAWL_TRACE"):
            print(f"{pathlib.Path(frame.filename).name}:{frame.lineno}: {frame.line}")
    print(text)


def run_one(name, work, limit):
    case, failed = Case(), True
    print(f"[ RUN      ] {name}", flush=True)
    began = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        work(case)
        failed = False
    except TooLong as e:
        tell_where(e, f"not within {limit} s")
    except Exception as e:  # pylint: disable=broad-except
        tell_where(e, f"{type(e).__name__}: {e}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        case.end(failed)
    if failed:
        print(f"[  FAILED  ] {name}", flush=True)
    else:
        print(f"[       OK ] {name}", flush=True)
    if os.environ.get("PAWL_TIMES"):
        print(f"   {time.monotonic() - began:6.2f} s", flush=True)
    return not failed


def main(words=None):
    """Runs the tests whose names contain one of the words, or all; the exit code."""
    words = sys.argv[1:] if words is None else words
    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, on_term)
    results, skipped = [], 0
    for name, work, limit, skip in TESTS:
        if words and not any(w in name for w in words):
            continue
        if skip and name not in words:
            print(f"[  SKIPPED ] {name}\n{skip}", flush=True)
            skipped += 1
        else:
            results.append(run_one(name, work, limit))
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed"
          + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not results else 0
