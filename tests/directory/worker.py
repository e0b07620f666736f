# SPDX-License-Identifier: LGPL-2.1-or-later
"""pwreset-directory on one end of a socket pair, spoken to as the broker does."""

import base64
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import time

from slapd import PEOPLE, TOP

# PWRESET_BUILD: the folder of a build; without it what is installed is tested.
BUILD = os.environ.get("PWRESET_BUILD")
PROGRAM = f"{BUILD}/daemon/directory/pwreset-directory" if BUILD else "/usr/lib/pwreset/pwreset-directory"
DATA = f"{BUILD}/data" if BUILD else "/usr/share/pwreset"
ORIGIN = "https://reset.example.com"
DEADLINE_MS = 8000


class Failure(Exception):
    """A Varlink error: its last name, and its parameters."""

    def __init__(self, error, parameters):
        super().__init__(f"{error} {parameters}")
        self.error = error.rsplit(".", 1)[-1]
        self.parameters = parameters


class Gone(Exception):
    """The worker closed the connection without an answer."""


def identifier():
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")


def sanitizer():
    """The runtime that must be loaded before whatever else is preloaded, where the program has one."""
    return [name.decode() for name in re.findall(rb"libasan\.so\.\d+", pathlib.Path(PROGRAM).read_bytes())][:1]


def b64(password):
    raw = password if isinstance(password, bytes) else password.encode()
    return base64.b64encode(raw).decode()


class Site:
    """A folder that stands for /: configuration, credentials, data files."""

    def __init__(self, uri, sections=None, pepper=None, **directory):
        self.scratch = tempfile.TemporaryDirectory(prefix="pwreset-site-")
        self.root = pathlib.Path(self.scratch.name)
        self.config = {
            "directory": {"uri": uri, "base": PEOPLE, "hash": "argon2id", "argon2-memory": "8192", "argon2-passes": "1",
                          "group-base": "ou=groups,dc=example,dc=com", "privileged-groups": "admins"},
            "mail": {"from": "pwreset@example.com"},
            "web": {"origin": ORIGIN, "site-name": "Example"},
        }
        self.config["directory"].update({key.replace("_", "-"): value for key, value in directory.items()})
        for name, values in (sections or {}).items():
            self.config.setdefault(name, {}).update(values)
        for folder in ("etc/pwreset", "credentials", "usr/share/pwreset"):
            (self.root / folder).mkdir(parents=True)
        for name in ("blocklist.filter", "blocklist.words"):
            (self.root / "usr/share/pwreset" / name).symlink_to(f"{DATA}/{name}")
        (self.root / "usr/share/pwreset/questions").symlink_to(TOP / "daemon/directory/questions")
        self.pepper = pepper or ["k1:" + base64.b64encode(secrets.token_bytes(32)).decode()]
        self.names = {}
        self.write()

    def write(self):
        text = "".join(
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items() if value is not None)
            for name, values in self.config.items())
        path = self.root / "etc/pwreset/pwreset.conf"
        path.write_text(text)
        path.chmod(0o644)
        self.credential("pepper", "\n".join(self.pepper) + "\n")

    def credential(self, name, text):
        path = self.root / "credentials" / name
        path.write_text(text)
        path.chmod(0o600)

    def environment(self):
        return {"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(self.root / "credentials"),
                **{key: os.environ[key] for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if key in os.environ},
                **self.names}

    def worker(self, **environment):
        return Worker(self, environment)

    def accounts(self, users=(), groups=()):
        """What the host's name service knows, by nss_wrapper: (name, uid), and (group, gid, [members])."""
        passwd, group = self.root / "passwd", self.root / "group"
        passwd.write_text("".join(f"{name}:x:{uid}:10000::/:/bin/sh\n" for name, uid in users))
        group.write_text("".join(f"{name}:x:{gid}:{','.join(members)}\n" for name, gid, members in groups))
        self.names = {"NSS_WRAPPER_PASSWD": str(passwd), "NSS_WRAPPER_GROUP": str(group),
                      "LD_PRELOAD": " ".join([*sanitizer(), "libnss_wrapper.so"])}

    def check(self):
        return subprocess.run([PROGRAM, "--check", f"--root={self.root}"], env=self.environment(), text=True,
                              capture_output=True, check=False)

    def close(self):
        self.scratch.cleanup()


class Worker:
    def __init__(self, site, environment=None, uid=None):
        self.site = site
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PROGRAM, f"--root={site.root}"], stdin=theirs, stdout=subprocess.DEVNULL,
                                        stderr=self.log, env={**site.environment(), **(environment or {})},
                                        user=uid, group=uid, extra_groups=None if uid is None else [])
        theirs.close()
        self.pending = b""

    def send(self, method, parameters=None, **caller):
        who = {"uid": -1, "roles": [], "via": "web", "now": int(time.time()), "deadline": DEADLINE_MS,
               "operation": identifier(), **caller}
        message = {"method": f"org.pwreset.{method}", "parameters": {**(parameters or {}), "caller": who}}
        self.sock.sendall(json.dumps(message).encode() + b"\0")
        return who

    def receive(self, timeout=30):
        self.sock.settimeout(timeout)
        while b"\0" not in self.pending:
            data = self.sock.recv(65536)
            if not data:
                raise Gone(self.stderr())
            self.pending += data
        message, _, self.pending = self.pending.partition(b"\0")
        reply = json.loads(message)
        if "error" in reply:
            raise Failure(reply["error"], reply.get("parameters") or {})
        return reply.get("parameters") or {}

    def call(self, method, parameters=None, **caller):
        self.send(method, parameters, **caller)
        return self.receive()

    def mint(self, kind, user, requester="", roles=(), created=None, id=None, now=None, **more):
        now = now or int(time.time())
        request = {"id": id or identifier(), "kind": kind, "user": user, "requester": requester, "roles": list(roles),
                   "created": created or now, "expires": now + 1800, "attempt": 1, **more}
        return self.call("Directory.Mint", {"request": request}, now=now, via="broker", operation=request["id"])

    def link(self, user, **more):
        """The ticket of a link that was mailed."""
        return ticket_of(self.mint("link", user, **more))

    def code(self, user, **more):
        return self.mint("code", user, **more)["mail"]["values"]["code"]

    def set_password(self, ticket, password, **more):
        caller = {key: more.pop(key) for key in ("now", "deadline", "operation", "via") if key in more}
        return self.call("Recovery.SetPassword", {"ticket": ticket, "password": b64(password), **more}, **caller)

    def stderr(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.sock.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            text = self.stderr()
            self.log.close()
        if "Sanitizer" in text or "runtime error" in text:
            raise AssertionError(text)
        return text


def ticket_of(reply):
    link = reply["mail"]["values"]["link"]
    assert link.startswith(ORIGIN + "/r/"), link
    return link[len(ORIGIN) + 3:]
