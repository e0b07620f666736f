# SPDX-License-Identifier: LGPL-2.1-or-later
"""389 Directory Server: the hash modes that work, the one that would lock people out, locks and races."""

import unittest

import slapd
import test_race
import test_recovery
from case import GOOD, DirectoryCase, main, now
from ds389 import Ds389, available
from slapd import DECOY, PEOPLE, SERVICE, SERVICE_PASSWORD, password_of
from worker import Site, b64, identifier

SIMPLE = {"bind": "simple", "bind_dn": SERVICE, "decoy_dn": DECOY}


@unittest.skipUnless(available(), "389-ds-base is not installed, or this is not root: its tools need root")
class Case389(DirectoryCase):
    people_count = 60
    mode = "yescrypt"
    config = ()

    @classmethod
    def make_directory(cls):
        people = [slapd.person(f"p{n:03}", 20000 + n, userPassword=password_of(f"p{n:03}"))
                  for n in range(cls.people_count)]
        return Ds389(people, config=cls.config)

    @classmethod
    def make_site(cls, **options):
        site = Site(cls.slapd.socket, **{"hash": cls.mode, **SIMPLE, **options})
        site.credential("ldap-password", SERVICE_PASSWORD)
        return site

    def findings(self, site):
        return {found["what"]: found for found in self.new_worker(site).call("Service.Diagnose")["findings"]}


class Yescrypt(test_recovery.Recovery, Case389):
    stored = "{CRYPT}$y$"

    def test_trap_of_argon2id_is_refused(self):
        done = self.another_site(hash="argon2id").check()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("hash=argon2id locks people out of 389", done.stderr)

    def test_diagnosis(self):
        findings = self.findings(self.site)
        self.assertEqual([found for found in findings.values() if found["severity"] == "error"], [])
        self.assertEqual(findings["password-write"]["severity"], "ok")
        self.assertEqual(findings["acl-privileged"]["severity"], "ok")
        self.assertFalse({"acl-exposed", "acl-wide", "acl-marks", "size-limit", "directory-clock"} & set(findings))

    def test_diagnosis_of_rules_that_are_too_wide(self):
        for rule, code, evidence in (
                ('(targetattr="userPassword")(version 3.0; acl "wide"; allow (read,search,compare) userdn="ldap:///anyone";)',
                 "acl-exposed", "userPassword"),
                (f'(targetattr="uidNumber")(version 3.0; acl "wide"; allow (write) userdn="ldap:///{SERVICE}";)', "acl-wide", "uidNumber")):
            with self.subTest(code=code):
                self.slapd.modify(PEOPLE, ("add", "aci", rule))
                try:
                    self.assertEqual(self.findings(self.site)[code]["evidence"], evidence)
                finally:
                    self.slapd.modify(PEOPLE, ("delete", "aci", rule))
        self.assertFalse({"acl-exposed", "acl-wide"} & set(self.findings(self.site)))

    def test_several_at_once_and_found_in_pages(self):
        """One search for many, and the walk over people, are understood by this server as by slapd."""
        staff = {"roles": ["helpdesk"], "uid": 99, "via": "ctl"}
        mine = [f"together{n:02}" for n in range(30)]
        self.slapd.add("".join(slapd.person(name, 21000 + n) for n, name in enumerate(mine)))
        names = self.worker.call("Admin.Find", {"filter": "(uid=together*)"}, **staff)["users"]
        self.assertEqual(names, mine)
        users = [*names[:20], "grace", "nobody-here", names[0].upper()]
        alone = [self.worker.call("Admin.SendLink", {"users": [user]}, **staff)["results"][0]["status"] for user in users]
        self.assertEqual(alone, ["ok"] * 20 + ["privileged", "no-such-user", "ok"])
        together = self.worker.call("Admin.SendLink", {"users": users}, **staff)["results"]
        self.assertEqual([result["status"] for result in together], alone)
        requests = [{"id": identifier(), "kind": "link", "user": user, "requester": "99", "roles": ["helpdesk"], "created": now(),
                     "expires": now() + 1800, "attempt": 1} for user in users]
        made = self.worker.call("Directory.MintLinks", {"requests": requests}, via="broker")["results"]
        self.assertEqual([result.get("skip", "ok") for result in made], alone)

    def test_lock_by_administrator(self):
        name = self.take()
        link = self.worker.link(name)
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "nsAccountLock", "true"))
        self.fails("LinkDead", self.worker.set_password, link, GOOD)
        self.assertEqual(self.worker.mint("link", name), {"skip": "inactive"})

    def test_rules(self):
        self.fails("NotAllowed", self.worker.call, "Password.Change", {
            "user": "system", "current": b64(password_of("system")), "password": b64(GOOD)}, via="pam")
        self.assertNotIn("userPassword", str(self.worker.call("Admin.Show", {"user": "alice"}, roles=["owner"])))


class HashedNotAllowed(Case389):
    config = (("nsslapd-allow-hashed-passwords", "off"),)
    people_count = 2

    def test_diagnosis_names_the_setting(self):
        found = self.findings(self.site)["password-policy-overlay"]
        self.assertEqual(found["severity"], "error")
        self.assertIn("nsslapd-allow-hashed-passwords", found["remedy"])


class ServerHashes(test_recovery.Recovery, Case389):
    mode = "server"
    stored = "{PBKDF2-SHA512}"


class Race(test_race.Race, Case389):
    site_options = {"timeout": "30"}  # 64 connections at once, each with a bind that is hashed

    @classmethod
    def second_site(cls):
        return cls.make_site(pepper=cls.site.pepper, **cls.site_options)


if __name__ == "__main__":
    main()
