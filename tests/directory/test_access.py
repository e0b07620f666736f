# SPDX-License-Identifier: LGPL-2.1-or-later
"""Case 40: what the shipped rules let the service do, tried with the command-line tools as the service itself.

Once as slapd.conf includes them, once as cn=config takes them.
"""

import base64
import os
import re
import subprocess
import unittest

import slapd
from case import GOOD, PPOLICY, DirectoryCase, main
from slapd import BASE, DECOY, PEOPLE, SERVICE, TOP, fill, password_of, ssha
from worker import Site

ARGON2ID = "{ARGON2}$argon2id$v=19$m=8192,t=1,p=1$yP0Hzz7fESgC6nHfrDhoqA$W+LleMsNBJBXmIitLVXetBAJ9QGGnO0fWUDJWiu2H0M"
OWN = ("pwresetToken", "pwresetQuestions", "pwresetSavedCode", "pwresetMail", "pwresetMailState", "pwresetPin",
       "pwresetHistory", "pwresetEvent")


class Rules:
    ppolicy = PPOLICY["strict"]
    people_count = 10

    def tool(self, name, *args, input=None):
        return subprocess.run([name, "-Q", "-Y", "EXTERNAL", "-H", self.slapd.uri, "-o", "ldif-wrap=no", *args], text=True,
                              input=input, capture_output=True, check=False,
                              env={"LDAPNOINIT": "1", "PATH": os.environ["PATH"]})

    def modify(self, who, op, attribute, value=None):
        """The result code of that change as the service."""
        dn = who if "=" in who else f"uid={who},{PEOPLE}"
        text = f"dn: {dn}\nchangetype: modify\n{op}: {attribute}\n"
        if value is not None:
            text += f"{attribute}:: {base64.b64encode(value.encode()).decode()}\n"
        return self.tool("ldapmodify", input=text).returncode

    def seen(self, who, *attributes):
        dn = who if "=" in who else f"uid={who},{PEOPLE}"
        done = self.tool("ldapsearch", "-LLL", "-s", "base", "-b", dn, *attributes)
        return re.findall(r"^(\w+):", done.stdout, re.M)

    def test_it_is_the_service(self):
        self.assertIn(SERVICE, self.tool("ldapwhoami").stdout)

    def test_hashes_are_not_seen(self):
        self.assertNotIn("userPassword", self.seen("alice", "*", "+"))
        self.assertNotIn("userPassword", self.seen("alice", "userPassword"))
        for search in ("(userPassword=*)", "(userPassword={SSHA}*)"):
            done = self.tool("ldapsearch", "-LLL", "-b", PEOPLE, search, "uid")
            self.assertNotIn("uid:", done.stdout)
        done = self.tool("ldapcompare", f"uid=alice,{PEOPLE}", f"userPassword:{password_of('alice')}")
        self.assertNotIn(done.returncode, (5, 6))

    def test_only_argon2id_is_written(self):
        before = self.slapd.entry("bob")["userPassword"]
        for value in ("clear text", ssha("x"), "{CRYPT}$y$j9T$x$y", "{ARGON2}$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA",
                      " " + ARGON2ID, "x" + ARGON2ID, "{SASL}bob@EXAMPLE.COM", ""):
            self.assertNotEqual(self.modify("bob", "replace", "userPassword", value), 0, value)
            self.assertNotEqual(self.modify("bob", "add", "userPassword", value), 0, value)
        self.assertEqual(self.slapd.entry("bob")["userPassword"], before)
        self.assertEqual(self.modify("bob", "replace", "userPassword", ARGON2ID), 0)

    def test_privileged_people_are_out_of_reach(self):
        for who in ("system", "grace", SERVICE, slapd.MANAGER):
            self.assertNotEqual(self.modify(who, "replace", "userPassword", ARGON2ID), 0, who)
            if who != slapd.MANAGER:
                self.assertTrue(self.slapd.entry(who)["userPassword"][0].startswith("{SSHA}"), who)
        self.assertNotEqual(self.modify("system", "add", "objectClass", "pwresetAccount"), 0)
        self.assertNotEqual(self.modify("system", "replace", "shadowLastChange", "1"), 0)

    def test_nothing_else_is_written(self):
        for attribute, value in (("mail", "thief@example.net"), ("cn", "x"), ("uidNumber", "0"), ("gidNumber", "0"),
                                 ("homeDirectory", "/"), ("loginShell", "/bin/sh"), ("objectClass", "extensibleObject"),
                                 ("sn", "x"), ("shadowMax", "1"), ("pwdAccountLockedTime", "000001010000Z"),
                                 ("pwdPolicySubentry", f"cn=x,{BASE}")):
            for op in ("replace", "add"):
                self.assertEqual(self.modify("carol", op, attribute, value), 50, (op, attribute))
        self.assertEqual(self.modify(f"cn=admins,ou=groups,{BASE}", "add", "member", f"uid=carol,{PEOPLE}"), 50)
        done = self.tool("ldapadd", input=slapd.person("intruder", 20999))
        self.assertEqual(done.returncode, 50, done.stderr)
        self.assertEqual(self.tool("ldapdelete", f"uid=carol,{PEOPLE}").returncode, 50)
        self.assertEqual(self.tool("ldapmodrdn", f"uid=carol,{PEOPLE}", "uid=lorac").returncode, 50)

    def test_what_it_needs(self):
        self.assertEqual(self.modify("dave", "add", "objectClass", "pwresetAccount"), 0)
        for attribute in OWN:
            value = "x@example.com" if attribute == "pwresetMail" else "x"
            self.assertEqual(self.modify("dave", "add", attribute, value), 0, attribute)
            self.assertIn(attribute, self.seen("dave", attribute))
            self.assertEqual(self.modify("dave", "delete", attribute, value), 0, attribute)
        for attribute, value in (("shadowLastChange", "20001"), ("shadowExpire", "30000"), ("pwdReset", "TRUE"),
                                 ("pwdEndTime", "20300101000000Z")):
            self.assertEqual(self.modify("dave", "replace", attribute, value), 0, attribute)
        for attribute in ("uid", "mail", "uidNumber", "entryUUID", "objectClass", "cn"):
            self.assertIn(attribute, self.seen("dave", attribute))
        self.assertIn("member", self.seen(f"cn=admins,ou=groups,{BASE}", "member"))
        self.assertIn("pwdMaxFailure", self.seen(f"cn=default,ou=policies,{BASE}", "pwdMaxFailure"))

    def test_lock_by_failures_may_go_an_administrators_not(self):
        dn = f"uid=erin,{PEOPLE}"
        for value, code in (("20200101000000Z", 0), ("000001010000Z", 50)):
            self.slapd.modify(dn, ("replace", "pwdAccountLockedTime", value))
            self.assertEqual(self.modify("erin", "delete", "pwdAccountLockedTime", value), code, value)

    def test_others_see_nothing_of_ours(self):
        self.worker.link("frank")
        for credentials in (("-D", f"uid=alice,{PEOPLE}", "-w", password_of("alice")), (),
                            ("-D", f"uid=frank,{PEOPLE}", "-w", password_of("frank"))):
            done = subprocess.run(["ldapsearch", "-LLL", "-x", "-H", self.slapd.uri, *credentials, "-b",
                                   f"uid=frank,{PEOPLE}", "*", "+"], text=True, capture_output=True, check=True)
            self.assertIn("uid: frank", done.stdout)
            self.assertNotIn("pwresetToken", done.stdout)
            self.assertNotIn("pwresetEvent", done.stdout)

    def test_diagnosis_agrees(self):
        findings = {found["what"]: found for found in
                    self.worker.call("Service.Diagnose", roles=["root"], via="ctl", uid=0)["findings"]}
        for what in ("schema", "password-write", "password-read", "acl-privileged", "transport", "people"):
            self.assertEqual(findings[what]["severity"], "ok", findings[what])
        self.assertEqual([found for found in findings.values() if found["severity"] == "error"], [])


class SlapdConf(Rules, DirectoryCase):
    pass


class CnConfig(Rules, DirectoryCase):
    """The LDIF forms, applied to a running cn=config that has neither schema nor rules."""

    slapd_options = {"acl": None, "cn_config": True}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("slapd-acl.ldif", "slapd-acl-ppolicy.ldif"):
            text = fill((TOP / "ldap" / name).read_text(), "argon2id").replace("@DATABASE@", "olcDatabase={1}mdb,cn=config")
            done = cls.slapd.client("ldapmodify", input=text)
            if done.returncode:
                raise RuntimeError(f"{name}: {done.stderr}")


class WithoutRules(DirectoryCase):
    """The doctor says what is missing."""

    slapd_options = {"acl": None}

    def test_diagnosis(self):
        findings = {found["what"]: found for found in self.worker.call("Service.Diagnose")["findings"]}
        self.assertEqual(findings["acl"]["severity"], "error")
        self.assertIn("schema --acl", findings["acl"]["remedy"])

    def test_service_with_too_much(self):
        site = Site(self.slapd.uri, bind="simple", bind_dn=slapd.MANAGER)
        self.addCleanup(site.close)
        site.credential("ldap-password", slapd.MANAGER_PASSWORD)
        findings = {found["what"]: found for found in self.new_worker(site).call("Service.Diagnose")["findings"]}
        self.assertEqual(findings["password-read"]["severity"], "error")
        self.assertEqual(findings["acl-privileged"]["severity"], "warning")
        self.assertEqual(findings["password-any-form"]["severity"], "warning")


class PlainWriter(DirectoryCase):
    """=w instead of =mz: the overlay refuses, and the doctor says why."""

    ppolicy = PPOLICY["strict"]
    slapd_options = {"acl": "plain"}

    def test_diagnosis(self):
        findings = {found["what"]: found for found in self.worker.call("Service.Diagnose")["findings"]}
        self.assertEqual(findings["password-policy-overlay"]["severity"], "error")
        self.assertIn("=mz", findings["password-policy-overlay"]["remedy"])
        self.fails("Unavailable", self.worker.set_password, self.worker.link("alice"), GOOD)
        self.assertTrue(self.slapd.binds("alice", password_of("alice")))


class Canary(DirectoryCase):
    site_options = {"decoy_dn": DECOY}
    people_count = 1

    def test_redemption_for_real(self):
        findings = {found["what"]: found for found in self.worker.call("Service.Diagnose", deadline=20000)["findings"]}
        self.assertEqual(findings["canary"]["severity"], "ok", findings["canary"])
        self.assertNotIn("pwresetToken", self.slapd.entry(DECOY))


class CannotCheckHashes(DirectoryCase):
    """slapd without its argon2 module takes the hash, with result 0, and nobody logs in any more."""

    site_options = {"decoy_dn": DECOY}
    slapd_options = {"argon2": False}
    people_count = 1

    def test_diagnosis(self):
        found = [found for found in self.worker.call("Service.Diagnose", deadline=20000)["findings"]
                 if found["what"] == "canary"][0]
        self.assertEqual(found["severity"], "error")
        self.assertIn("moduleload argon2", found["remedy"])


class NobodyHashes(DirectoryCase):
    """hash=server on a slapd that would store the password as it is."""

    site_options = {"hash": "server"}
    slapd_options = {"acl": "server"}
    people_count = 1

    def test_diagnosis(self):
        findings = {found["what"]: found for found in self.worker.call("Service.Diagnose")["findings"]}
        self.assertEqual(findings["server-hashing"]["severity"], "error")


class NoSchema(unittest.TestCase):
    def test_diagnosis(self):
        directory = slapd.Slapd(acl=None, schema=False)
        self.addCleanup(directory.stop)
        site = Site(directory.uri)
        self.addCleanup(site.close)
        worker = site.worker()
        self.addCleanup(worker.close)
        findings = {found["what"]: found for found in worker.call("Service.Diagnose")["findings"]}
        self.assertEqual(findings["schema"]["severity"], "error")
        self.assertIn("pwresetctl schema", findings["schema"]["remedy"])


if __name__ == "__main__":
    main()
