# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of it on a private directory and relay: the real broker, and real workers that are started as systemd would."""

import base64
import contextlib
import ctypes
import email
import email.policy
import importlib.util
import os
import pathlib
import platform
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/unit"), str(TOP / "tests/directory")]

import slapd as directory  # noqa: E402  pylint: disable=wrong-import-position
from broker_harness import SOCKETS, USERS, Client, Gone, Passed, listen, wait_for  # noqa: E402  pylint: disable=wrong-import-position
from proxy import read_message, tlv  # noqa: E402  pylint: disable=wrong-import-position

__all__ = ["Whole", "Server", "Gone", "wait_for", "directory", "of_mailer", "relay", "SOCKETS"]



def of_mailer(name):
    """A module of tests/mailer, where "worker" is another one than in tests/directory."""
    spec = importlib.util.spec_from_file_location(name, TOP / f"tests/mailer/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


relay = of_mailer("relay")

from keeper import Keeper, Page  # noqa: E402  pylint: disable=wrong-import-position

BUILD = pathlib.Path(os.environ.get("PWRESET_BUILD", TOP / "build"))
PROGRAMS = {"pwresetd": BUILD / "daemon/pwresetd", "directory": BUILD / "daemon/directory/pwreset-directory",
            "mailer": BUILD / "daemon/mailer/pwreset-mailer", "web": BUILD / "web/pwreset-web"}
ORIGIN = "https://reset.example.com"
SLOT_MS = 400
LOGIN_S = 90
HEAL_S = 30
CODE = re.compile(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")
LINK = re.compile(re.escape(ORIGIN) + r"/r/([A-Za-z0-9_-]+)")
SETRESUID = {"x86_64": 117, "aarch64": 147}[platform.machine()]


class Server(directory.Slapd):
    """A slapd that everybody on this host may connect to, and whose people can be tried without another process."""

    def __init__(self, people, **more):
        uid = USERS["pwreset-directory"]
        mapped = f'authz-regexp "gidNumber={uid}\\\\+uidNumber={uid},cn=peercred,cn=external,cn=auth" "{directory.SERVICE}"'
        super().__init__(ppolicy={}, first=mapped, people=[
            directory.person(f"p{n:04}", 20000 + n) for n in range(people)], **more)
        self.dir.chmod(0o755)
        self.numbers, self.lock = iter(range(people)), threading.Lock()

    def take(self):
        """A person that nobody has touched."""
        with self.lock:
            return f"p{next(self.numbers):04}"

    def bind_code(self, user, password):
        dn = f"uid={user},{directory.PEOPLE}".encode()
        body = tlv(0x02, b"\3") + tlv(0x04, dn) + tlv(0x80, password.encode())
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.dir / "ldapi"))
            s.sendall(tlv(0x30, tlv(0x02, b"\1") + tlv(0x60, body)))
            answer = read_message(s)
        return answer[answer.index(b"\x0a\x01") + 2]

    def binds(self, name, password):
        code = self.bind_code(name, password)
        if code not in (0, 49):
            raise RuntimeError(f"bind of {name}: {code}")
        return code == 0


def at_door(door, timeout):
    """Whether a connection waits to be accepted."""
    poll = select.poll()
    poll.register(door, select.POLLIN)
    return bool(poll.poll(timeout))


class Whole(Passed):
    """environment, prefix: of a program ("pwresetd", "directory", "mailer", "web") beyond the usual. launch: pwresetd --listen
    does it all. keep: what dies or hangs is started again, as its unit has it. page: with pwreset-web."""

    def __init__(self, server, smtp, uri=None, environment=None, prefix=None, launch=False, keep=False, page=False, programs=None,
                 **settings):
        self.server, self.smtp, self.launch = server, smtp, launch
        self.environment, self.prefixes = environment or {}, prefix or {}
        self.programs = programs or PROGRAMS
        self.program, self.prefix = self.programs["pwresetd"], self.prefixes.get("pwresetd", ())
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pwf-", dir="/tmp"))
        self.root.chmod(0o755)
        self.state, self.run = self.root / "var/lib/pwreset", self.root / "run/pwreset"
        self.processes, self.lock = [], threading.Lock()
        self.waiting = threading.Lock()  # for the broker's end: of keeper and test, one
        self.files(uri or server.uri, settings)
        self.log = open(self.root / "log", "ab")
        self.keeper = self.page = None
        if launch:
            return
        self.listeners = [listen(self.run / name) for name in SOCKETS]
        self.doors = [listen(self.run / name) for name in ("directory", "mailer")]
        for name, door in zip(("directory", "mailer"), self.doors):
            threading.Thread(target=self.serve, args=(name, door), daemon=True).start()
        if page:
            self.page = Page(self)
            self.page.start()
        if keep:
            self.keeper = Keeper(self)

    def files(self, uri, settings):
        for folder in ("etc/pwreset/credentials", "var/lib/pwreset", "run/pwreset", "usr/share", "usr/lib/pwreset"):
            (self.root / folder).mkdir(parents=True)
        shared = self.root / "usr/share/pwreset"
        shared.mkdir()
        shutil.copytree(TOP / "web/texts", shared / "web", ignore=shutil.ignore_patterns("*.build"))
        for name in ("blocklist.filter", "blocklist.words"):
            shutil.copy(BUILD / "data" / name, shared / name)
        shutil.copytree(TOP / "daemon/directory/questions", shared / "questions")
        shutil.copytree(TOP / "templates", shared / "templates")
        values = {
            "directory": {"uri": uri, "base": directory.PEOPLE, "hash": "argon2id", "argon2-memory": "8192", "argon2-passes": "1",
                          "timeout": "1", "decoy-dn": directory.DECOY},
            "mail": {"from": "pwreset@example.com", "relay": f"127.0.0.1:{self.smtp.port}", "timeout": "5",
                     "helo-name": "host.example.com"},
            "web": {"origin": ORIGIN, "site-name": "Example"},
            "recovery": {"answer-slot": str(SLOT_MS)},
            "roles": {"root-sets-passwords": "yes"},
            "limits": {"per-source": "1000000", "per-user": "1000000", "total": "1000000", "idle-exit": "3600"},
        }
        for section, more in settings.items():
            values[section].update(more)
        conf = self.root / "etc/pwreset/pwreset.conf"
        conf.write_text("".join(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
                                for section, keys in values.items()))
        conf.chmod(0o644)
        pepper = self.root / "etc/pwreset/credentials/pepper"
        pepper.write_text("k1:" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        pepper.chmod(0o600)
        (self.root / "etc/passwd").write_text("".join(f"{n}:x:{i}:{i}::/:/bin/sh\n" for n, i in USERS.items()))
        (self.root / "etc/group").write_text("")
        self.stack()

    # ---- processes

    def of(self, name):
        """The environment of a program."""
        return {**super().surroundings(), "CREDENTIALS_DIRECTORY": str(self.root / "etc/pwreset/credentials"),
                **self.environment.get(name, {})}

    def surroundings(self):
        return {**self.of("pwresetd"), **(self.keeper.environment() if self.keeper else {})}

    def serve(self, name, door):
        """As Accept=yes: a worker for each connection, which is at the door or has its worker in the list, whenever one looks."""
        while True:
            with contextlib.suppress(ValueError):  # closed; accept() says so too
                at_door(door, None)
            with self.lock:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                process = subprocess.Popen([*self.prefixes.get(name, []), str(self.programs[name]), f"--root={self.root}"],
                                           stdin=connection, stdout=subprocess.DEVNULL, stderr=self.log,
                                           env=self.of(name))
                connection.close()
                self.processes.append((name, process))

    def start(self):
        if self.launch:
            return self.start_launcher()
        with self.waiting:
            super().start()
            if self.keeper:
                self.keeper.watch()
        return self

    def start_launcher(self):
        for name in ("pwreset-directory", "pwreset-mailer"):
            shutil.copy(self.programs[name.partition("-")[2]], self.root / "usr/lib/pwreset" / name)
        program = self.root / "pwresetd"
        shutil.copy(self.programs["pwresetd"], program)
        self.pid = subprocess.Popen([str(program), "--listen", f"--root={self.root}"], stderr=self.log).pid
        assert wait_for(lambda: (self.run / "mailer").exists(), 20), self.log_text()
        time.sleep(0.2)
        return self

    def exited(self, timeout=10):
        with self.waiting:
            return super().exited(timeout)

    def kill(self, number=signal.SIGKILL):
        if self.keeper:
            self.keeper.leave()
        return super().kill(number)

    def workers(self, name=None):
        """The running ones."""
        with self.lock:
            self.processes = [(n, p) for n, p in self.processes if p.poll() is None]
            return [p for n, p in self.processes if name in (None, n)]

    def starting(self):
        """The broker has a connection that workers() knows no process of yet."""
        with self.lock:
            return any(at_door(door, 0) for door in self.doors)

    def descriptors(self):
        """What each is, of the broker."""
        found = []
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(f"/proc/{self.pid}/fd/{fd}"))
        return found

    def children(self):
        """Of the broker: look-ups of names."""
        return pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()

    def close(self):
        if self.keeper:
            self.keeper.close()
        if self.page:
            self.page.close()
        self.kill(signal.SIGTERM if self.launch else signal.SIGKILL)
        if not self.launch:
            for s in self.doors:
                s.shutdown(socket.SHUT_RDWR)  # else its thread waits on, and may take a later one's connection
            for s in (*self.listeners, *self.doors):
                s.close()
        # Their connection is gone, so they end.
        for process in self.workers():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- people at a prompt

    def stack(self):
        """The module as it is installed, and below it what asks the directory, as pam_ldap does."""
        check = self.root / "check"
        check.write_text('#!/bin/sh\nexec ldapwhoami -x -H ' + self.server.uri + ' -D "uid=$PAM_USER,' + directory.PEOPLE
                         + '" -w "$(tr -d "\\0")" >/dev/null 2>&1\n')
        check.chmod(0o755)
        folder = self.root / "etc/pam.d"
        folder.mkdir()
        (folder / "login").write_text(f"auth [conv_err=die default=ignore] {BUILD}/pam_module/pam_pwreset.so socket={self.run}/pam\n"
                                      f"auth required pam_exec.so expose_authtok quiet {check}\n")

    def login(self, user, answer, environment=None):
        """Whether the person is let in, and all that was said; answer(prompt, how many before it): None goes away."""
        process = subprocess.Popen([str(BUILD / "tests/faults/login"), str(self.root / "etc/pam.d"), "login", user], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env=environment or {"PATH": os.environ["PATH"]})
        timer = threading.Timer(LOGIN_S, process.kill)
        timer.start()
        said, count = [], 0
        with process, contextlib.suppress(BrokenPipeError):
            for line in process.stdout:
                said.append(line)
                if line.startswith("?"):
                    text = answer(line[1:], count)
                    count += 1
                    if text is None:
                        process.stdin.close()
                    else:
                        process.stdin.write(text + "\n")
                        process.stdin.flush()
        timer.cancel()
        return process.returncode == 0, "".join(said)

    # ---- calls

    def client(self, name, timeout=60):
        if name != "web":
            return Client(self.run / name, timeout)
        # Of this thread alone: glibc's seteuid() would change all of them.
        syscall = ctypes.CDLL(None, use_errno=True).syscall
        syscall(SETRESUID, -1, USERS["pwreset-web"], -1)
        try:
            return Client(self.run / name, timeout)
        finally:
            syscall(SETRESUID, -1, 0, -1)

    def call(self, socket_name, method, timeout=60, **parameters):
        """The error's name ("" for success, "gone" for a closed connection) and the parameters."""
        try:
            with self.client(socket_name, timeout) as c:
                return c.call("org.pwreset." + method, **parameters)
        except (Gone, ConnectionError):
            return "gone", {}

    def mails(self, user):
        rcpt = f"<{user}@example.com>"
        return [text for _, to, text in list(self.smtp.messages) if rcpt in to]

    def mailed(self, user, pattern, count=1, timeout=60):
        """What the newest mail to that person has of it."""
        if not wait_for(lambda: len(self.mails(user)) >= count, timeout):
            raise AssertionError(f"no mail for {user}: {self.log_text()[-1500:]}")
        return find(self.mails(user)[-1], pattern)

    def ready(self):
        """After whatever has failed, people are served again."""
        if not wait_for(lambda: self.call("web", "Password.GetPolicy", timeout=HEAL_S)[0] == "", HEAL_S):
            raise AssertionError(f"the page is not served: {self.log_text()[-1500:]}")

    def queued(self):
        error, reply = self.call("ctl", "Service.GetStatus")
        return reply["queued"] if error == "" else -1


def text_of(message):
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    return parsed.get_body(("plain",)).get_content()


def find(message, pattern):
    match = pattern.search(text_of(message))
    assert match, text_of(message)
    return match.group(match.lastindex or 0)


def token_is_whole(value):
    """kind:id:digest:expiry:tries-left"""
    return re.fullmatch(r"(link|code|grant):[A-Za-z0-9_-]{22}:[^:]+:\d+:\d+", value)
