# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real pwreset-web on a socket of the test's, with a scripted daemon behind it."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PWRESET_BUILD")
                     or pathlib.Path(os.environ.get("OUT", "/tmp/pwreset-test")) / "asan")
UNDER = shlex.split(os.environ.get("PWRESET_UNDER", ""))  # valgrind, in tests/faults/test_memcheck.py
PATIENCE_S = 120 if UNDER else 15
ORIGIN = "https://id.example.org"
LANGUAGES = ("de", "en", "es", "fr")
POLICY = {"minLength": 8, "maxBytes": 511, "minBits": 40}
QUESTIONS = [{"id": f"q{i}", "text": text} for i, text in enumerate((
    "What was the name of your first soft toy?", "In which street did your grandparents live?",
    "What was the first dish that you learned to cook?", "Who sat beside you in the first year of school?",
    "What is the title of a book that you read twice?", "Where did you lose something that you still miss?"))]
CODES = ["4KQT-7M2X-9DHC-R5WN", "H8JC-3VPL-Q2ZT-6XKD", "9WRM-T4EA-7KNU-B3GH", "C6XD-2QFV-8LYJ-M5TP",
         "7ZNE-R9KB-4HUW-X3CQ", "B5TG-6PMA-2VXJ-D8LR", "K3YH-9CQN-W7EF-4TZU", "M8RD-5XVB-3GJL-P6KA",
         "E2WT-7HNC-Q9YF-8XMP", "U4LG-B6ZK-5RTD-3VJH"]
MISSING = object()


def ticket(name=b"carol", secret=b"\x5a" * 32):
    """A ticket as common/token.h has it, by name."""
    selector = b"n" + name
    raw = bytes([1, len(selector)]) + selector + b"\x01" * 16 + secret
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


LINK = ticket()
GRANT = ticket(secret=b"\xa5" * 32)


class Fault(Exception):
    """An error reply."""

    def __init__(self, error, **parameters):
        super().__init__(error)
        self.error = error if "." in error else f"org.pwreset.Failure.{error}"
        self.parameters = parameters


class Daemon:
    """/run/pwreset/web: answers from a table of functions and remembers what was asked."""

    def __init__(self, path):
        self.calls = []
        self.replies = {}
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(128)
        self.reset()
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self):
        with self.lock:
            self.calls.clear()
        self.replies = {
            "Recovery.RequestLink": {}, "Recovery.RequestCode": {}, "Recovery.RemindUserName": {},
            "Recovery.InspectLink": {"user": "carol", "seconds": 1740, "language": "en"},
            "Recovery.SetPassword": {"user": "carol"}, "Recovery.RevokeLink": {},
            "Recovery.VerifyCode": {"grant": GRANT, "seconds": 300},
            "Recovery.VerifySavedCode": {"grant": GRANT, "seconds": 300},
            "Password.GetPolicy": POLICY, "Password.Change": {},
            "Account.Status": {"user": "carol", "addresses": [
                {"address": "c***@e***.org", "state": "valid", "own": False},
                {"address": "c***@m***.net", "state": "waiting", "own": True}],
                               "questions": 0, "savedCodes": 7, "passwordChanged": 1792368000,
                               "missing": ["questions"]},
            "Account.ListQuestions": {"questions": QUESTIONS, "minimum": 3},
            "Account.EnrollQuestions": {}, "Account.EnrollCodes": {"codes": CODES},
            "Account.EnrollMail": {}, "Account.ConfirmMail": {},
        }

    def named(self, method):
        with self.lock:
            return [parameters for name, parameters in self.calls if name == method]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.socket.accept()[0]
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        data = b""
        with connection, contextlib.suppress(OSError):
            while chunk := connection.recv(65536):
                data += chunk
                while b"\0" in data:
                    message, data = data.split(b"\0", 1)
                    reply = self.answer(json.loads(message))
                    if reply is None:
                        return
                    connection.sendall(reply)

    def answer(self, call):
        name = call["method"].removeprefix("org.pwreset.")
        with self.lock:
            self.calls.append((name, call.get("parameters", {})))
        reply = self.replies.get(name, MISSING)
        try:
            if callable(reply):
                reply = reply(**call.get("parameters", {}))
            if isinstance(reply, Fault):
                raise reply
        except Fault as fault:
            return json.dumps({"error": fault.error, "parameters": fault.parameters}).encode() + b"\0"
        if reply is MISSING:
            return b'{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"x"}}\0'
        if reply is None or isinstance(reply, bytes):
            return reply
        return json.dumps({"parameters": reply}).encode() + b"\0"

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # else its thread waits on, and may take a later one's connection
        self.socket.close()


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.text = body.decode("utf-8", "replace")

    def header(self, name):
        values = [v for k, v in self.headers if k.lower() == name.lower()]
        assert len(values) < 2, f"{name} stands {len(values)} times"
        return values[0] if values else None

    def title(self):
        return re.search(r"<h1>(.*?)</h1>", self.text, re.S).group(1)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """One pwreset-web; settings of [web] and other sections on top of what it needs."""

    def __init__(self, settings=None, unix=False, texts=None, environment=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pwreset-web-"))
        self.unix = unix
        self.tls = None
        (self.root / "run/pwreset").mkdir(parents=True)
        (self.root / "etc/pwreset").mkdir(parents=True)
        shipped = self.root / "usr/share/pwreset/web"
        for language in LANGUAGES:
            (shipped / language).mkdir(parents=True)
            shutil.copy(TOP / "web/texts" / language / "texts.conf", shipped / language)
        for name, text in (texts or {}).items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.configure(settings or {})
        self.daemon = Daemon(self.root / "run/pwreset/web")
        self.environment = environment or {}
        self.process = None
        self.listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.listener.bind(str(self.root / "http") if unix else ("127.0.0.1", 0))
        self.listener.listen(4096)
        self.port = None if unix else self.listener.getsockname()[1]

    def configure(self, settings):
        values = {"directory": {"uri": "ldapi:///", "base": "dc=example,dc=org", "hash": "argon2id"},
                  "mail": {"from": "id@example.org"},
                  "limits": {"idle-exit": "3600"},
                  "web": {"origin": ORIGIN, "site-name": "Example University", "contact": "help@example.org"}}
        for section, keys in settings.items():
            values.setdefault(section, {}).update(keys)
        text = "".join(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items() if v is not None)
                       for section, keys in values.items())
        path = self.root / "etc/pwreset/pwreset.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    def start(self):
        fd = self.listener.fileno()
        environment = dict(os.environ, LISTEN_FDS="1", **self.environment)
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=1")
        self.log = open(self.root / "log", "wb")
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{fd}; LISTEN_PID=$$ exec "$@"', "-", *UNDER, str(BUILD / "web/pwreset-web"),
             "--root", str(self.root)],
            pass_fds=(fd,), stderr=self.log, stdin=subprocess.DEVNULL, env=environment)
        return self

    def logged(self):
        return (self.root / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """The exit status, after SIGTERM."""
        status = None
        if self.process:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.listener.close()
        self.daemon.close()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
        return status

    def connection(self, timeout=PATIENCE_S):
        if self.unix:
            return UnixConnection(str(self.root / "http"), timeout)
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def raw(self, timeout=PATIENCE_S, source=None):
        if self.unix:
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(timeout)
            plain.connect(str(self.root / "http"))
            return plain
        return socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0) if source else None)

    def talk(self, data, timeout=PATIENCE_S, half_close=False):
        """Sends bytes and reads until the other side closes."""
        got = b""
        with self.raw(timeout) as plain:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                plain.sendall(data)
                if half_close:
                    plain.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while chunk := plain.recv(65536):
                    got += chunk
        return got

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE_S):
        sent = {"Host": "id.example.org", "Accept-Language": "en", **(headers or {})}
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection = self.connection(timeout)
        try:
            connection.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
            response = connection.getresponse()
            return Response(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, fields, **headers):
        body = fields if isinstance(fields, (str, bytes)) else urllib.parse.urlencode(fields)
        return self.request("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})


class WebCase(unittest.TestCase):
    """One server for a class."""

    SETTINGS = {}
    UNIX = False
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.SETTINGS, cls.UNIX).start()

    @classmethod
    def tearDownClass(cls):
        log = cls.server.logged()
        status = cls.server.stop()
        assert status == 0, f"pwreset-web ended with {status}:\n{log}"

    def setUp(self):
        self.server.daemon.reset()


def wait_for(what, seconds=10):
    deadline = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def trusting(certificate):
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    return context
