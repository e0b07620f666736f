# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the end-to-end tests share: a lab with the product in it, and short ways to do what people do."""
import html
import os
import pathlib
import re
import sys
import time
import unittest
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lab"))
sys.path.insert(0, str(TOP / "tests/e2e"))

import pexpect  # noqa: E402  pylint: disable=wrong-import-position

from lab import Lab, people  # noqa: E402  pylint: disable=wrong-import-position
from varlink import Varlink, VarlinkError, password64  # noqa: E402  pylint: disable=wrong-import-position

__all__ = ["LabCase", "Varlink", "VarlinkError", "password64", "people", "pexpect", "html", "eventually"]

BUILD = pathlib.Path(os.environ.get("OUT", "/tmp/pwreset-test")) / "release"
ORIGIN = "https://reset.example.com"
CODE = re.compile(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")
LINK = re.compile(re.escape(ORIGIN) + r"/r/([A-Za-z0-9_-]+)")
KEYBOARD_INTERACTIVE = ("PreferredAuthentications=keyboard-interactive",)
BY_PASSWORD = ("PreferredAuthentications=password",)

SERVICES = ("pwresetd.service", "pwreset-directory@.service", "pwreset-mailer@.service", "pwreset-web.service")

# Tests knock far more often than people do.
UNLIMITED = {"per-source": "1000000", "per-user": "1000000", "total": "1000000"}


def eventually(what, seconds=20, step=0.05):
    """The first true value of what() within seconds, else the last."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(step)


def stop_daemon(case):
    """Until the end of the test. What waits in the spool would have it started again, and systemd starts no socket whose
    service runs, hence both ways all of it."""
    case.lab.exec(["systemctl", "stop", "pwreset-spool.path"])
    case.lab.exec(["systemctl", "stop", "pwreset-pam.socket", "pwresetd.service"])
    again = "systemctl stop pwresetd.service; systemctl start pwreset-pam.socket pwreset-spool.path"
    case.addCleanup(case.lab.exec, ["sh", "-c", again])


class LabCase(unittest.TestCase):
    """One lab for each class; settings and profile are the class's."""

    SETTINGS = {"limits": UNLIMITED}
    LAB = {}
    MAIL_WITHIN_S = 30
    lab = None

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab.new(**cls.LAB)
        cls.addClassCleanup(cls.lab.stop)
        cls.lab.start()
        cls.lab.install_product(BUILD, cls.SETTINGS)
        cls.arm_filters()

    @classmethod
    def arm_filters(cls):
        """A system call outside SystemCallFilter= is an error elsewhere, which a library may pass over; here it kills, and each
        class ends with the look whether it has killed anybody."""
        for unit in SERVICES:
            folder = f"/etc/systemd/system/{unit}.d"
            cls.lab.exec(["mkdir", "-p", folder])
            cls.lab.write(f"{folder}/filter.conf", "[Service]\nSystemCallErrorNumber=\n")
        cls.lab.exec(["systemctl", "daemon-reload"])
        cls.addClassCleanup(cls.look_for_filtered)

    @classmethod
    def look_for_filtered(cls):
        said = cls.lab.exec(["journalctl", "--quiet", "--no-pager", "--output=cat", "_PID=1"], check=False).stdout
        assert not re.search("status=31/SYS", said), [line for line in said.splitlines() if "31/SYS" in line]

    # ---- the service

    def varlink(self, name="pam", timeout=30):
        """A connection as whoever the socket is for: root, or the page's user."""
        uid = self.uid("pwreset-web") if name == "web" else None
        link = Varlink(self.lab.path(f"/run/pwreset/{name}"), timeout, uid)
        self.addCleanup(link.close)
        return link

    def as_person(self, user):
        """A connection to the tool's socket as somebody who is logged in has it: uid and groups."""
        groups = [int(number) for number in self.lab.exec(["id", "-G", user]).stdout.split()]
        link = Varlink(self.lab.path("/run/pwreset/ctl"), 60, self.uid(user), groups)
        self.addCleanup(link.close)
        return link

    def uid(self, user):
        return int(self.lab.exec(["id", "-u", user]).stdout)

    def ask_code(self, user):
        """A code for user as it stands in the mail."""
        return self.from_mail("pam", "RequestCode", user, CODE, 0)

    def ask_link(self, user):
        """A ticket for user: the part of the link behind /r/."""
        return self.from_mail("web", "RequestLink", user, LINK, 1)

    def from_mail(self, name, method, user, pattern, group):
        before = len(self.lab.mails(user))
        self.varlink(name).call(f"org.pwreset.Recovery.{method}", user=user)
        body = self.body(self.lab.wait_mail(user, before + 1, timeout=self.MAIL_WITHIN_S)[before])
        match = pattern.search(body)
        self.assertTrue(match, body)
        return match.group(group)

    @staticmethod
    def body(message):
        return message.get_body(("plain",)).get_content()

    def set_password(self, ticket, new, link=None):
        return (link or self.varlink()).call("org.pwreset.Recovery.SetPassword", ticket=ticket,
                                             password=password64(new))

    def assert_error(self, name, function, *args, **kwargs):
        with self.assertRaises(VarlinkError) as caught:
            function(*args, **kwargs)
        self.assertEqual(name, caught.exception.name)
        return caught.exception.parameters

    def ctl(self, user, *words, status=0, secret=None, env=()):
        """pwresetctl as that person, its exit status as it has to be; the CompletedProcess."""
        done = self.lab.exec(["env", *env, "pwresetctl", *words], user=None if user == "root" else user, input=secret, check=False)
        self.assertEqual(status, done.returncode, f"{words}: {done.stdout}{done.stderr}")
        return done

    # ---- people

    def assert_password(self, user, good, bad=()):
        self.assertTrue(self.lab.binds(user, good), f"{user}: {good!r} does not bind")
        for secret in bad:
            self.assertFalse(self.lab.binds(user, secret), f"{user}: {secret!r} still binds")

    def ssh_login(self, user, secret, options=BY_PASSWORD, timeout=40):
        """Whether ssh lets user in with that password."""
        child = self.lab.ssh(user, "id", "-un", options=(*options, "NumberOfPasswordPrompts=1"), timeout=timeout)
        child.expect("[Pp]assword: ")
        child.sendline(secret)
        met = child.expect([rf"\r\n{re.escape(user)}\r\n", "denied", pexpect.EOF])
        child.close(force=True)
        return met == 0

    # ---- the page

    def page(self, path, fields=None, headers=()):
        """(status, body) of a GET or of a POST of the fields through the proxy."""
        ca = self.lab.path("/etc/lab/tls/ca.crt")
        argv = ["curl", "--silent", "--show-error", "--max-time", "30", "--cacert", str(ca),
                "--write-out", "\n%{http_code}"]
        for header in headers:
            argv += ["--header", header]
        if fields is not None:
            argv += ["--header", f"Origin: {ORIGIN}", "--data", urllib.parse.urlencode(fields)]
        body, _, status = self.lab.net_exec([*argv, ORIGIN + path]).stdout.rpartition("\n")
        return int(status), body
