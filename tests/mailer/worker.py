# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pwreset-mailer for a test: its root folder, its process, and calls to it."""
import json
import os
import pathlib
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
CALL_TIMEOUT_S = 60


def program():
    """The built worker; the build folder comes from the environment or is the usual one."""
    for build in (os.environ.get("PWRESET_BUILD"), TOP / "build"):
        if build and (path := pathlib.Path(build) / "daemon/mailer/pwreset-mailer").is_file():
            return path
    raise FileNotFoundError("pwreset-mailer is not built: set PWRESET_BUILD to the build folder")


def make_root(folder, mail, web=None, templates=None):
    """Writes a root with the shipped templates; mail and web are dicts of keys, templates the site's files."""
    root = pathlib.Path(folder)
    etc = root / "etc/pwreset"
    etc.mkdir(parents=True)
    shared = root / "usr/share/pwreset"
    shared.mkdir(parents=True)
    (shared / "templates").symlink_to(TOP / "templates")
    for name, text in (templates or {}).items():
        path = etc / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sections = {
        "directory": {"uri": "ldapi:///", "base": "dc=example,dc=com", "hash": "argon2id"},
        "mail": {"from": "Example Help <help@example.com>", "timeout": "5", "helo-name": "host.example.com", **mail},
        "web": {"origin": "https://reset.example.com", "site-name": "Example", "contact": "help@example.com",
                **(web or {})},
    }
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
    (etc / "pwreset.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


class VarlinkError(Exception):
    pass


class Worker:
    """A running worker with its connection."""

    def __init__(self, root, password=None, command=()):
        self.root = pathlib.Path(root)
        ours, theirs = socket.socketpair()
        env = {"PATH": "/usr/bin:/bin", "TZ": "Europe/Berlin"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        if password is not None:
            folder = self.root / "credentials"
            folder.mkdir(mode=0o700)
            path = folder / "smtp-password"
            path.write_text(password, encoding="utf-8")
            path.chmod(0o400)
            env["CREDENTIALS_DIRECTORY"] = str(folder)
        self.process = subprocess.Popen([*command, program(), f"--root={self.root}"], stdin=theirs, env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()
        self.socket = ours
        self.socket.settimeout(CALL_TIMEOUT_S)
        self.errors = ""

    def call(self, method, parameters):
        message = json.dumps({"method": method, "parameters": parameters}).encode() + b"\0"
        self.socket.sendall(message)
        return self.reply()

    def reply(self):
        data = b""
        while not data.endswith(b"\0"):
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionResetError("the worker ended: " + self.close())
            data += more
        reply = json.loads(data[:-1])
        if "error" in reply:
            raise VarlinkError(reply["error"], reply.get("parameters"))
        return reply["parameters"]

    def send(self, to="alice@example.com", template="link", language="en", identity="AAAAAAAAAAAAAAAAAAAAAA", values=None, **more):
        """Status and detail of a mail; values are added to what the kinds need."""
        return self.call("org.pwreset.Mailer.Send", {"mail": {
            "id": identity, "template": template, "language": language, "to": [to] if isinstance(to, str) else to,
            "values": {**example_values(template), **(values or {})}}, **more})

    def probe(self, address="alice@example.com"):
        return self.call("org.pwreset.Mailer.Probe", {"address": address})

    def close(self):
        """Ends it; what it wrote to stderr."""
        self.socket.close()
        if self.process.stderr and not self.process.stderr.closed:
            try:
                self.errors += self.process.communicate(timeout=10)[1].decode(errors="replace")
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.errors += self.process.communicate()[1].decode(errors="replace") + "(killed)"
        return self.errors

    def children(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


SECRET_LINK = "https://reset.example.com/r/QVbW4Jr9mmsXo2fLZqK1Tt0aXyPqRsTuVwXyZ0123456789abcd"
SECRET_REVOKE = "https://reset.example.com/revoke/Zz9Yy8Xx7Ww6Vv5Uu4Tt3Ss2Rr1Qq0Pp"
SECRET_CODE = "7KQ4-M2XD"
SECRET_PASSWORD = "wombat-Lantern-49"


def example_values(template):
    common = {"user": "alice", "name": "Alice Example", "time": "1795286400", "host": "lab.example.com",
              "address": "192.0.2.7"}
    more = {
        "link": {"link": SECRET_LINK, "minutes": "30", "revoke": SECRET_REVOKE},
        "code": {"code": SECRET_CODE, "link": SECRET_LINK, "minutes": "10", "revoke": SECRET_REVOKE},
        "mail-changed": {"mail": "new@example.org"},
        "mail-confirm": {"code": SECRET_CODE, "minutes": "10"},
        "enrolled": {"questions": "yes", "codes": "yes"},
        "temporary": {"password": SECRET_PASSWORD, "minutes": "1440", "requester": "Ina Admin"},
        "expiry": {"minutes": "7200"},
    }
    return {**common, **more.get(template, {})}


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
