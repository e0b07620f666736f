# SPDX-License-Identifier: LGPL-2.1-or-later
"""What 389 Directory Server says of an account, and what its rules need: the rows of docs/directories.md for it."""

import time

from case import BETTER, GOOD, main, now
from slapd import BASE, PEOPLE, password_of
from test_389 import Case389

POLICY = (("passwordTrackUpdateTime", "on"), ("passwordExp", "on"), ("passwordMaxAge", "8640000"), ("passwordLockout", "on"),
          ("passwordMaxFailure", "3"), ("passwordHistory", "on"), ("passwordInHistory", "3"))


def stamp(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))


class Rows(Case389):
    mode = "server"
    config = POLICY
    people_count = 12

    def show(self, name):
        return self.worker.call("Admin.Show", {"user": name}, roles=["owner"], uid=99, via="ctl")["record"]

    def redeem(self, name, password=GOOD, **caller):
        """389 writes pwdUpdateTime after its answer; what is minted before that dies by it."""
        before = now()
        self.worker.set_password(self.worker.link(name, **caller), password, **caller)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.slapd.entry(name, "pwdUpdateTime").get("pwdUpdateTime", [""])[0] >= stamp(before):
                return
            time.sleep(0.05)
        raise AssertionError("no pwdUpdateTime")

    def test_389_times(self):
        name = self.take()
        self.redeem(name)
        record = self.show(name)
        self.assertAlmostEqual(record["passwordChanged"], now(), delta=30)
        self.assertAlmostEqual(record["passwordExpires"], now() + 8640000, delta=60)
        self.assertFalse(record["mustChange"])

    def locked(self):
        name = self.take()
        for _ in range(4):
            try:
                self.slapd.binds(name, "wrong")
            except RuntimeError:
                pass  # 19: it is locked
        record = self.show(name)
        self.assertEqual((record["state"], record["failures"]), ("locked", 3))
        return name

    def test_389_lock_ends_with_a_new_password(self):
        name = self.locked()
        self.redeem(name)
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertIn("accountUnlockTime", self.slapd.entry(name), "389 leaves it behind")
        self.assertEqual(self.show(name)["state"], "active")

    def test_389_unlock(self):
        name = self.locked()
        self.worker.call("Admin.Unlock", {"user": name}, roles=["helpdesk"], uid=99, via="ctl")
        self.assertEqual((self.show(name)["state"], self.show(name)["failures"]), ("active", 0))
        self.assertTrue(self.slapd.binds(name, password_of(name)), "without a reset")

    def test_389_disabled(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "nsAccountLock", "true"))
        self.assertEqual(self.show(name)["state"], "disabled")
        self.assertEqual(self.worker.mint("link", name), {"skip": "inactive"})

    def test_389_expired(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "passwordExpirationTime", "20200101000000Z"))
        self.assertLess(self.show(name)["passwordExpires"], now())
        self.redeem(name)
        self.assertTrue(self.slapd.binds(name, GOOD))

    def test_389_history(self):
        name, later = self.take(), now() + 7200
        self.redeem(name)
        link = self.worker.link(name, now=later)
        self.assertEqual(self.fails("PasswordRefused", self.worker.set_password, link, GOOD, now=later)["reasons"], ["history"])
        self.worker.set_password(link, BETTER, now=later)

    def test_389_must_change(self):
        name = self.take()
        self.slapd.modify("cn=config", ("replace", "passwordMustChange", "on"))
        try:
            self.redeem(name)
            self.assertFalse(self.show(name)["mustChange"], "who has just chosen one need not choose another")
            self.assertTrue(self.slapd.binds(name, GOOD))
        finally:
            self.slapd.modify("cn=config", ("replace", "passwordMustChange", "off"))

    def test_389_privileged_group(self):
        """The shipped rules know groups by memberOf, which only a plugin writes: without it the doctor says so."""
        found = self.findings(self.site)["acl-privileged-group"]
        self.assertEqual((found["severity"], found["evidence"]), ("warning", f"uid=grace,{PEOPLE}"))
        self.assertIn("plugin memberof enable", found["remedy"])
        self.assertEqual(self.worker.mint("link", "grace"), {"skip": "privileged"})
        self.slapd.modify(f"uid=grace,{PEOPLE}", ("add", "objectClass", "nsMemberOf"),
                          ("add", "memberOf", f"cn=admins,ou=groups,{BASE}"))
        self.assertNotIn("acl-privileged-group", self.findings(self.site))


if __name__ == "__main__":
    main()
