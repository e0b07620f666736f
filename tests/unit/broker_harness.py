# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real pwresetd on sockets that the test listens on, between peers that the test plays.

The workers are played only where a real one cannot be made to die, hang or lie on demand.
"""
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOCKETS = ("pam", "web", "ctl", "relay")
USERS = {"pwreset": 61001, "pwreset-web": 61002, "pwreset-relay": 61003, "helen": 61010, "ada": 61011, "olga": 61012,
         "alice": 61013, "pwreset-directory": 61020, "pwreset-mailer": 61021}
GROUPS = {"desk": 62001, "admins": 62002, "owners": 62003}
CONFIG = """
[directory]
base = dc=example,dc=com
hash = yescrypt
connections = {connections}
[mail]
from = it@example.com
timeout = 5
connections = 2
[web]
origin = https://reset.example.com
[recovery]
answer-slot = {slot}
[roles]
helpdesk = desk
administrator = admins
owner = owners
root-sets-passwords = {root_sets}
[limits]
per-source = {per_source}
per-user = {per_user}
total = {total}
clients = {clients}
clients-per-uid = {clients_per_uid}
host-guesses = {host_guesses}
spool = {spool}
idle-exit = {idle_exit}
"""
DEFAULTS = {"connections": 4, "slot": 300, "root_sets": "no", "per_source": 100000, "per_user": 100000, "total": 1000000,
            "clients": 512, "clients_per_uid": 64, "host_guesses": 1000000, "spool": 100000, "idle_exit": 60}
# A ticket as common/token.h has it, for the name "alice"; its last 32 bytes are the secret.
TICKET_BYTES = b"\x01\x06nalice" + bytes(range(16)) + b"SECRET-OF-THE-LINK-32-BYTES-LONG"
TICKET = base64.urlsafe_b64encode(TICKET_BYTES).decode().rstrip("=")
STOP_S = 2  # a broker with a hung worker takes longer, and is killed


class Gone(Exception):
    """The other side has closed the connection."""


def listen(path, mode=0o666):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    os.chmod(path, mode)
    s.listen(1024)
    return s


def receive(s, held):
    """One message; held: a bytearray of what came behind the last."""
    while b"\0" not in held:
        data = s.recv(65536)
        if not data:
            raise Gone()
        held += data
    text, _, rest = bytes(held).partition(b"\0")
    held[:] = rest
    return json.loads(text)


class Client:
    def __init__(self, path, timeout=30):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        self.s.connect(str(path))
        self.held = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, method, more=None, **parameters):
        message = {"method": method, "parameters": parameters}
        message.update(more or {})
        self.s.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        try:
            return receive(self.s, self.held)
        except ConnectionResetError as e:
            raise Gone() from e

    def call(self, method, **parameters):
        """The error's name ("" for success) and the parameters."""
        self.send(method, **parameters)
        reply = self.receive()
        return reply.get("error", "").rpartition(".")[2], reply.get("parameters", {})


class Worker:
    """Listens as systemd does for the workers; handle(method, parameters) gives a reply, or plays a trick."""

    def __init__(self, path):
        self.calls, self.together = [], []
        self.handle = lambda method, parameters: {}
        self.concurrent = self.peak = 0
        self.lock = threading.Lock()
        self.path = path
        self.connections = set()
        self.total = 0
        self.open()

    def open(self):
        if self.path.exists():
            self.path.unlink()
        self.s = listen(self.path)
        threading.Thread(target=self.accept, args=(self.s,), daemon=True).start()

    def refuse(self):
        """Nobody listens any more."""
        self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()
        self.path.unlink()
        for c in list(self.connections):
            c.close()

    def accept(self, s):
        while True:
            try:
                connection, _ = s.accept()
            except OSError:
                return
            with self.lock:
                self.connections.add(connection)
                self.total += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        held = bytearray()
        try:
            while True:
                call = receive(connection, held)
                with self.lock:
                    self.concurrent += 1
                    self.peak = max(self.peak, self.concurrent)
                try:
                    reply = self.answer(call["method"], call.get("parameters", {}))
                finally:
                    with self.lock:
                        self.concurrent -= 1
                if isinstance(reply, bytes):
                    connection.sendall(reply)
                elif isinstance(reply, str):
                    connection.sendall(json.dumps({"error": reply, "parameters": {}}).encode() + b"\0")
                else:
                    connection.sendall(json.dumps({"parameters": reply}).encode() + b"\0")
        except (Gone, OSError, Die):
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()

    def answer(self, method, parameters):
        if method.endswith(".MintLinks"):
            return self.mint_links(method, parameters)
        with self.lock:
            self.calls.append((method, parameters))
        return self.handle(method, parameters)

    def mint_links(self, method, parameters):
        """What Mint has to say to each; no more than the first that it fails, as a worker does. Tests see calls of Mint."""
        results = []
        with self.lock:
            self.together.append(len(parameters["requests"]))
        for request in parameters["requests"]:
            reply = self.answer(method.removesuffix("Links"), {"request": request, "caller": parameters["caller"]})
            if not isinstance(reply, dict):
                return reply if not results else {"results": results}
            results.append(reply)
        return {"results": results}

    def methods(self):
        with self.lock:
            return [m.rpartition(".")[2] for m, _ in self.calls]

    def of(self, method):
        with self.lock:
            return [p for m, p in self.calls if m.rpartition(".")[2] == method]


class Die(Exception):
    """Raised by a handler: the worker dies with the call in its hands."""


class Passed:
    """pwresetd on sockets that are passed to it as systemd does. Who is derived from it has root, program, listeners and log."""

    pid = 0
    prefix = ()
    program = ""

    def surroundings(self):
        """Its environment, beside the sockets."""
        return {"PATH": os.environ["PATH"], **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
                                               if name in os.environ}}

    def start(self):
        pid = os.fork()
        if pid == 0:
            self._child()
        self.pid = pid
        return self

    def _child(self):
        try:
            high = [os.dup2(s.fileno(), 200 + i) for i, s in enumerate(self.listeners)]
            os.dup2(self.log.fileno(), 2)
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)
            os.closerange(3 + len(high), 1024)
            environment = {**self.surroundings(), "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high)),
                           "LISTEN_FDNAMES": ":".join(SOCKETS)}
            arguments = [*self.prefix, str(self.program), f"--root={self.root}"]
            os.execve(shutil.which(arguments[0]), arguments, environment)
        finally:
            os._exit(127)

    def exited(self, timeout=10):
        """The wait status, or None."""
        end = time.monotonic() + timeout
        while self.pid:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return status
            if time.monotonic() > end:
                return None
            time.sleep(0.005)
        return None

    def kill(self, number=signal.SIGKILL):
        if not self.pid:
            return None
        os.kill(self.pid, number)
        return self.exited(40)

    def restart(self):
        self.kill()
        return self.start()

    def log_text(self):
        return (self.root / "log").read_text(errors="replace")


class Broker(Passed):
    """A root folder, the sockets, and pwresetd on them when it is started; its workers are played."""

    def __init__(self, program, **settings):
        self.program = program
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pwb-", dir="/tmp"))
        os.chmod(self.root, 0o755)
        self.state = self.root / "var/lib/pwreset"
        self.run = self.root / "run/pwreset"
        for folder in ("etc/pwreset", "var/lib/pwreset", "run/pwreset"):
            (self.root / folder).mkdir(parents=True, mode=0o755)
        self.configure(**settings)
        (self.root / "etc/passwd").write_text("".join(f"{n}:x:{i}:{i}::/:/bin/sh\n" for n, i in USERS.items()))
        (self.root / "etc/group").write_text("".join(f"{n}:x:{i}:\n" for n, i in GROUPS.items()))
        self.listeners = [listen(self.run / name) for name in SOCKETS]
        self.directory = Worker(self.run / "directory")
        self.mailer = Worker(self.run / "mailer")
        self.mailer.handle = lambda method, parameters: {"status": "sent", "detail": ""}
        self.directory.handle = mint
        self.log = open(self.root / "log", "ab")

    def configure(self, **settings):
        conf = self.root / "etc/pwreset/pwreset.conf"
        conf.write_text(CONFIG.format(**{**DEFAULTS, **settings}))
        conf.chmod(0o644)

    def surroundings(self):
        # Leaks cannot be looked for in a traced process.
        return {**super().surroundings(), **({"ASAN_OPTIONS": "detect_leaks=0"} if self.prefix else {})}

    def client(self, name, timeout=30):
        return Client(self.run / name, timeout)

    def call(self, name, method, **parameters):
        with self.client(name) as c:
            return c.call(method, **parameters)

    def complaints(self):
        """What the sanitizers have to say, leaks at its end included."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            self.exited(STOP_S)
        return [line for line in self.log_text().splitlines() if "Sanitizer" in line or "runtime error" in line]

    def close(self):
        self.kill()
        for s in self.listeners:
            s.close()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)


class Case(unittest.TestCase):
    """A broker for each test, which leaves nothing for the sanitizers to say."""

    program = None  # set by run()
    settings = {}

    def setUp(self):
        self.b = Broker(self.program, **self.settings).start()
        self.addCleanup(self.b.close)
        self.addCleanup(lambda: self.assertEqual(self.b.complaints(), []))

    def sent(self):
        """The Message-IDs of the mails, in order."""
        return [p["mail"]["id"] for p in self.b.mailer.of("Send")]

    def queued(self):
        return self.b.call("ctl", "org.pwreset.Service.GetStatus")[1]["queued"]


def run():
    """For a test's main: the program is its first argument. As root, to be the peers that it plays."""
    if os.geteuid() != 0:
        print("skipped: needs root, to be the peers that it plays")
        sys.exit(77)
    Case.program = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")


def mint(method, parameters):
    """A directory worker that knows everybody."""
    if not method.endswith(".Mint"):
        return {}
    request = parameters["request"]
    return {"mail": {"id": request["id"], "template": request["kind"], "language": "en",
                     "to": [f"{request.get('user', 'x')}@example.com"], "values": {"code": "CANARY42"}}}


def as_user(uid, gid, groups, function):
    """function() in a child of that user; its JSON-able result."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            os.write(w, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def wait_for(condition, timeout=15):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if stat.S_ISREG(p.stat().st_mode)}
