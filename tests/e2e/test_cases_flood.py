#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security cases 12 and 45: floods and guesses against the limits that a site has by default."""
import collections
import json
import os
import pathlib
import secrets
import time
import unittest

from harness import CODE, LINK, LabCase, Varlink, password64, people

PER_SOURCE = 30  # [limits] per-source= as shipped: so many a minute, and as many at once
GUESSES = 10000
FLOOD = 5000
BATCH = 25
NEW = "teal kayak orbits mars 41"
GUESSER = {"service": "sshd", "address": "192.0.2.66"}
KNOCKER = {"service": "sshd", "address": "198.51.100.66"}
NEIGHBOUR = {"service": "sshd", "address": "192.0.2.7"}


class Flood(LabCase):
    LAB = {"name": f"cases-{os.getpid()}"}
    SETTINGS = {"recovery": {"answer-slot": "100"}}

    def pelt(self, calls, name="pam", uid=None):
        """How often each answer came to (method, parameters), sent over one connection as fast as it takes them."""
        seen = collections.Counter()
        calls = list(calls)
        with Varlink(self.lab.path(f"/run/pwreset/{name}"), 60, uid) as link:
            for start in range(0, len(calls), BATCH):
                batch = calls[start:start + BATCH]
                for method, parameters in batch:
                    link.send(method, parameters)
                for _ in batch:
                    seen[json.loads(link.receive()).get("error", "ok").rpartition(".")[2]] += 1
        return seen

    def minutes_worth(self, begin):
        """What one source may have had since then: a bucket, and what ran into it meanwhile."""
        return PER_SOURCE * (2 + (time.monotonic() - begin) / 60)

    def broker_kib(self):
        pid = self.lab.exec(["systemctl", "show", "-P", "MainPID", "pwresetd.service"]).stdout.strip()
        status = pathlib.Path(f"/proc/{self.lab.leader}/root/proc/{pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def tokens(self):
        return sum(len(entry["pwresetToken"]) for _, entry in self.lab.ldap_search("(pwresetToken=*)", "pwresetToken"))

    def mails(self):
        return sum(len(box) for box in self.lab.all_mails().values())

    def served(self, user):
        """Somebody at another address is served while all this goes on."""
        begin = time.monotonic()
        before = len(self.lab.mails(user))
        self.varlink().call("org.pwreset.Recovery.RequestCode", user=user, origin=NEIGHBOUR)
        body = self.body(self.lab.wait_mail(user, before + 1, timeout=30)[before])
        self.assertTrue(CODE.search(body))
        return time.monotonic() - begin

    def test_case_12_guesses_slow_their_source_and_hurt_nobody(self):
        before = len(self.lab.mails("alice"))
        self.varlink("web").call("org.pwreset.Recovery.RequestLink", user="alice", origin=NEIGHBOUR)
        link = LINK.search(self.body(self.lab.wait_mail("alice", before + 1, timeout=30)[before])).group(1)
        alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        codes = ("".join(secrets.choice(alphabet) for _ in range(8)) for _ in range(GUESSES))
        begin = time.monotonic()
        seen = self.pelt(("org.pwreset.Recovery.VerifyCode", {"user": "alice", "code": code, "origin": GUESSER})
                         for code in codes)
        print(f"{GUESSES} guesses in {time.monotonic() - begin:.1f} s: {dict(seen)}")
        self.assertLessEqual(set(seen), {"Refused", "TryLater"})
        self.assertGreater(seen["Refused"], 0)
        self.assertLessEqual(seen["Refused"], self.minutes_worth(begin))
        seen = self.pelt((("org.pwreset.Recovery.InspectLink", {"link": link[:40] + secrets.token_urlsafe(40)[:len(link) - 40],
                                                                "origin": GUESSER}) for _ in range(1000)), "web",
                         self.uid("pwreset-web"))
        self.assertLessEqual(set(seen), {"LinkDead", "TryLater"}, seen)
        self.assertLessEqual(seen["LinkDead"], self.minutes_worth(begin))
        # The account was not touched by any of it.
        self.assertTrue(self.ssh_login("alice", people.password("alice")))
        self.varlink("web").call("org.pwreset.Recovery.SetPassword", ticket=link, password=password64(NEW), origin=NEIGHBOUR)
        self.assert_password("alice", NEW, [people.password("alice")])

    def test_case_45_one_address(self):
        self.served("bob")
        mails, tokens, kib, begin = self.mails(), self.tokens(), self.broker_kib(), time.monotonic()
        names = [f"user{number:04}" for number in range(1, 800)] + [f"nobody{number}" for number in range(FLOOD - 799)]
        seen = self.pelt(("org.pwreset.Recovery.RequestCode", {"user": name, "origin": KNOCKER}) for name in names)
        print(f"one address: {FLOOD} requests in {time.monotonic() - begin:.1f} s: {dict(seen)}")
        self.assertLessEqual(set(seen), {"ok", "TryLater"})
        took = self.served("bob")
        print(f"a neighbour had the mail after {took:.1f} s")
        self.bounded(mails + 1, tokens + 1, kib, seen["ok"], begin)

    def bounded(self, mails, tokens, kib, accepted, begin):
        self.assertGreater(accepted, 0)
        self.assertLessEqual(accepted, self.minutes_worth(begin))
        # All that was accepted has been worked through, the mails of it and no more.
        link = self.varlink("ctl")
        deadline = time.monotonic() + 60
        while link.call("org.pwreset.Service.GetStatus")["queued"] and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertLessEqual(self.mails() - mails, accepted)
        self.assertLessEqual(self.tokens() - tokens, accepted)
        self.assertLess(self.broker_kib() - kib, 16 * 1024)

    def test_case_45_one_name_from_many_addresses(self):
        self.served("carol")
        kib, begin = self.broker_kib(), time.monotonic()
        before = len(self.lab.mails("dave"))
        seen = self.pelt(("org.pwreset.Recovery.RequestCode",
                          {"user": "dave", "origin": {"service": "sshd", "address": f"10.{n >> 8}.{n & 255}.1"}})
                         for n in range(FLOOD))
        print(f"one name: {FLOOD} requests in {time.monotonic() - begin:.1f} s: {dict(seen)}")
        self.assertLessEqual(set(seen), {"ok", "TryLater"})
        took = self.served("carol")
        print(f"somebody else had the mail after {took:.1f} s")
        self.assertLessEqual(len(self.lab.mails("dave")) - before, 3, "three live requests a person")
        self.assertLessEqual(len(self.lab.ldap_search("(uid=dave)", "pwresetToken")[0][1].get("pwresetToken", [])), 3)
        self.assertLess(self.broker_kib() - kib, 16 * 1024)

    def test_case_45_one_uid(self):
        self.served("erin")
        kib, begin = self.broker_kib(), time.monotonic()
        seen = self.pelt((("org.pwreset.Admin.SendLink", {"users": [f"user{n % 900 + 1:04}"]}) for n in range(FLOOD)), "ctl",
                         self.uid("mallory"))
        print(f"one uid: {FLOOD} calls in {time.monotonic() - begin:.1f} s: {dict(seen)}")
        self.assertLessEqual(set(seen), {"PermissionDenied", "TryLater"})
        self.assertGreater(seen["TryLater"], FLOOD // 2)
        self.served("erin")
        self.assertLess(self.broker_kib() - kib, 16 * 1024)


if __name__ == "__main__":
    unittest.main(verbosity=2)
