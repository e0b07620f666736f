# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people do while things fail: each load is a process, does one thing over and over, and writes down what it was told."""
import contextlib
import ctypes
import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import time
import urllib.parse

import pexpect

from harness import CODE, KEYBOARD_INTERACTIVE, LINK, ORIGIN
from lab import LabError, people
from varlink import Varlink, VarlinkError, password64

CALL_S = 40
MAIL_S = 45
PROMPT_S = 60
TRIES = 6
PAUSE_S = 1
BULK = 12
WORDS = ("teal kayak orbits mars velvet pylon harbor quartz cobble lantern mosaic tundra walnut zephyr bramble sextant gazelle "
         "marzipan obelisk trellis").split()
# Answers after which the password is what it was; what else is said, or nothing, leaves it open.
DEFINITE = ("Refused", "LinkDead", "Unavailable", "PasswordRefused", "TryLater", "WrongPassword", "NotAllowed",
            "PermissionDenied", "InvalidParameter")
AGAIN = ("Unavailable", "TryLater", "OutcomeUnknown")
CLONE_NEWNET = 0x40000000


class Stop(Exception):
    """This person gets no further."""


class Load:
    """One person after the other; subclasses say what a person does in live()."""

    def __init__(self, site, names, seed, until, book):
        self.lab, self.names, self.until = site.lab, names, until
        self.random = random.Random(seed)
        self.book = book
        self.web = int(self.lab.exec(["id", "-u", "pwreset-web"]).stdout)
        self.last = None

    def run(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for user in self.names:
            if time.time() > self.until:
                break
            with contextlib.suppress(Stop):
                self.live(user)

    def live(self, user):
        raise NotImplementedError

    def note(self, what, **more):
        self.book.write(json.dumps({"what": what, "time": time.time(), **more}) + "\n")
        self.book.flush()

    def new_password(self):
        return " ".join(self.random.sample(WORDS, 4)) + f" {self.random.randrange(10, 100)}"

    # ---- one call

    def call(self, name, method, **parameters):
        """(outcome, reply or error): "ok", "refused" (surely nothing happened), "unknown"."""
        try:
            with Varlink(self.lab.path(f"/run/pwreset/{name}"), CALL_S, self.web if name == "web" else None) as link:
                return "ok", link.call(method, **parameters)
        except VarlinkError as error:
            return ("refused" if error.name in DEFINITE else "unknown"), error.name
        except ConnectionRefusedError:
            return "refused", "ConnectionRefused"
        except (OSError, ValueError) as error:
            return "unknown", type(error).__name__

    def persist(self, name, method, **parameters):
        """call(), by a person who tries again a few times."""
        for _ in range(TRIES):
            outcome, reply = self.call(name, method, **parameters)
            if outcome == "ok" or reply not in (*AGAIN, "ConnectionRefused", "ConnectionResetError", "BrokenPipeError"):
                break
            time.sleep(PAUSE_S)
        return outcome, reply

    # ---- mail

    def box(self, user):
        place = self.lab.path(f"/var/mail/v/{user}/new")
        return {file.name for file in place.iterdir()} if place.is_dir() else set()

    def wait_secret(self, user, pattern, group, known):
        """The code or link of a mail that came since; without one the person gives up."""
        deadline = time.monotonic() + MAIL_S
        while time.monotonic() < deadline:
            if self.box(user) - known:
                for message in self.lab.mails(user):
                    if message.path.name not in known:
                        found = pattern.search(message.get_body(("plain",)).get_content())
                        if found:
                            return found.group(group)
            time.sleep(0.1)
        self.note("gave-up", user=user)
        raise Stop

    # ---- writing

    def set_password(self, user, ticket, via):
        """Redeems, trying again as people do; every try and what was said to it is noted."""
        new = self.new_password()
        for _ in range(TRIES):
            outcome, reply = self.call("pam" if via != "link" else "web", "org.pwreset.Recovery.SetPassword", ticket=ticket,
                                       password=password64(new))
            self.note("set", user=user, new=new, outcome="done" if outcome == "ok" else outcome, via=via, said=reply)
            if outcome == "ok" or reply in ("Refused", "LinkDead", "PasswordRefused"):
                break
            time.sleep(PAUSE_S)
        if via == "link":
            self.note("ticket", user=user, ticket=ticket, used=outcome == "ok")

    def requested(self, user, kind, outcome):
        self.note("request", user=user, kind=kind, outcome={"ok": "accepted"}.get(outcome, outcome))
        if outcome == "refused":
            raise Stop

    def grant(self, user, code, method="VerifyCode"):
        outcome, reply = self.persist("pam", f"org.pwreset.Recovery.{method}", user=user, code=code)
        if outcome != "ok":
            self.note("no-grant", user=user, said=reply)
            raise Stop
        return reply["grant"]


class Codes(Load):
    """A code by the socket, as the module asks for one; every third person forgets about it."""

    def live(self, user):
        known = self.box(user)
        self.requested(user, "code", self.call("pam", "org.pwreset.Recovery.RequestCode", user=user)[0])
        code = self.wait_secret(user, CODE, 0, known)
        if self.random.randrange(3) == 0:
            self.note("code", user=user, code=code)
            return
        self.set_password(user, self.grant(user, code), "code")


class Page(Load):
    """A link by the page behind the proxy, from within the lab's network."""

    def run(self):
        with open(f"/proc/{self.lab.leader}/ns/net", encoding="ascii") as net:
            if ctypes.CDLL(None, use_errno=True).setns(net.fileno(), CLONE_NEWNET) < 0:
                raise OSError(ctypes.get_errno(), "setns")
        self.tls = ssl.create_default_context(cafile=str(self.lab.path("/etc/lab/tls/ca.crt")))
        self.host = urllib.parse.urlsplit(ORIGIN).hostname
        super().run()

    def http(self, method, path, fields=None):
        """The status; 0 when the connection was lost, -1 when there was none."""
        body = urllib.parse.urlencode(fields) if fields else None
        headers = {"Host": self.host, "Connection": "close"}
        if body:
            headers.update({"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded"})
        try:
            plain = socket.create_connection(("127.0.0.1", 443), CALL_S)
        except OSError:
            return -1
        with plain:
            try:
                connection = http.client.HTTPConnection(self.host, timeout=CALL_S)
                connection.sock = self.tls.wrap_socket(plain, server_hostname=self.host)
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                answer.read()
                connection.close()
                return answer.status
            except (OSError, http.client.HTTPException):
                return 0

    def live(self, user):
        known = self.box(user)
        status = self.http("POST", "/", {"user": user})
        self.requested(user, "link", {200: "ok", -1: "refused", 429: "refused"}.get(status, "unknown"))
        ticket = self.wait_secret(user, LINK, 1, known)
        if self.random.randrange(3) == 0:
            self.note("ticket", user=user, ticket=ticket, used=False)
            return
        new = self.new_password()
        for _ in range(TRIES):
            status = self.http("GET", f"/r/{ticket}")
            if status == 200:
                status = self.http("POST", f"/r/{ticket}", {"password": new, "again": new})
                outcome = {200: "done", 404: "refused", 410: "refused", 422: "refused", 429: "refused"}.get(status, "unknown")
                self.note("set", user=user, new=new, outcome=outcome, via="page", said=status)
                if outcome == "done":
                    break
            if status in (404, 410, 422):
                break
            time.sleep(PAUSE_S)
        self.note("ticket", user=user, ticket=ticket, used=status == 200)


class Prompt(Load):
    """A forgotten password at ssh's prompt, on a real terminal, up to the shell."""

    def live(self, user):
        known, new = self.box(user), self.new_password()
        child = self.lab.ssh(user, "id", "-un", options=(*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1"), timeout=PROMPT_S)
        sent = accepted = False
        try:
            for prompt, reply in (("[Pp]assword: ", ""), ("Enter = try again: ", "y"), ("Enter = other ways: ", "y")):
                child.expect(prompt)
                child.sendline(reply)
            child.expect("Code: ")
            accepted = True
            child.sendline(self.wait_secret(user, CODE, 0, known))
            child.expect("New password: ")
            child.sendline(new)
            child.expect("Retype new password: ")
            child.sendline(new)
            sent = True
            child.expect("has been changed")
            self.note("set", user=user, new=new, outcome="done", via="prompt", said="")
            met = child.expect([rf"\r\n{re.escape(user)}\r\n", pexpect.EOF])
            self.note("login", user=user, outcome="in" if met == 0 else "out")
        except (pexpect.EOF, pexpect.TIMEOUT):
            if sent:
                self.note("set", user=user, new=new, outcome="unknown", via="prompt", said=child.seen.getvalue()[-200:])
        finally:
            self.note("request", user=user, kind="code", outcome="accepted" if accepted else "unknown")
            child.close(force=True)


class Bulk(Load):
    """Helpdesk sends links to a list; interrupted, the run goes on by itself."""

    def run(self):
        while time.time() < self.until and self.names:
            some, self.names = self.names[:BULK], self.names[BULK:]
            self.lab.write("/tmp/chaos-names", "".join(f"{user}\n" for user in some))
            status = -1
            with contextlib.suppress(LabError):
                status = self.lab.exec(["pwresetctl", "send-link", "--file=/tmp/chaos-names"], user="helen", check=False,
                                       timeout=240).returncode
            for user in some:
                self.note("request", user=user, kind="link", outcome="accepted" if status == 0 else "unknown", bulk=True)
            time.sleep(2)


class Enrol(Load):
    """Saved codes are enrolled by the page's socket, and one of them sets a password."""

    def live(self, user):
        outcome, reply = self.call("web", "org.pwreset.Account.EnrollCodes", user=user, current=password64(people.password(user)))
        self.note("enrol", user=user, outcome="done" if outcome == "ok" else outcome, said="" if outcome == "ok" else reply)
        if outcome == "ok":
            self.set_password(user, self.grant(user, self.random.choice(reply["codes"]), "VerifySavedCode"), "saved")


class Change(Load):
    """passwd: the current password for a new one."""

    def live(self, user):
        new = self.new_password()
        for _ in range(TRIES):
            outcome, reply = self.call("pam", "org.pwreset.Password.Change", user=user,
                                       current=password64(people.password(user)), password=password64(new))
            self.note("set", user=user, new=new, outcome="done" if outcome == "ok" else outcome, via="change", said=reply)
            if outcome == "ok" or reply == "WrongPassword":
                break
            time.sleep(PAUSE_S)


# Whose turn it is how often: processes of each.
CREW = (Codes, Codes, Page, Prompt, Bulk, Enrol, Change)


def start(site, folder, seed, until, names):
    """The processes' ids, each with a share of the names and a book of its own in the folder."""
    pids = []
    for number, kind in enumerate(CREW):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                with open(folder / f"{number}-{kind.__name__}.jsonl", "a", encoding="utf-8") as book:
                    kind(site, names[number::len(CREW)], f"{seed}-{number}", until, book).run()
                status = 0
            except BaseException as error:  # pylint: disable=broad-exception-caught
                (folder / f"{number}-{kind.__name__}.error").write_text(repr(error), encoding="utf-8")
            finally:
                os._exit(status)
        pids.append(pid)
    return pids
