# SPDX-License-Identifier: LGPL-2.1-or-later
"""What works on which directory: each test is named in the table of docs/directories.md, and each test there is here.

Servers that cannot be had in a test (FreeIPA, Active Directory) are slapd with the root DSE that those show.
"""

import pathlib
import re
import tempfile
import time
import unittest

import slapd
from case import BETTER, GOOD, DirectoryCase, main, now
from slapd import BASE, DECOY, PEOPLE, TOP, Slapd, password_of
from worker import Site, b64

DAY = 86400
HASHING = "ppolicy_hash_cleartext\n"
DEFAULT_POLICY = f"cn=default,ou=policies,{BASE}"


def stamp(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))


class Row(DirectoryCase):
    people_count = 14

    def show(self, name, **caller):
        return self.worker.call("Admin.Show", {"user": name}, roles=["owner"], uid=99, via="ctl", **caller)["record"]

    def put(self, name, **values):
        self.slapd.modify(f"uid={name},{PEOPLE}", *(("replace", key, value) for key, value in values.items()))

    def policy(self, **values):
        self.slapd.modify(DEFAULT_POLICY, *(("replace", key, value) for key, value in values.items()))

    def findings(self, site=None):
        worker = self.new_worker(site)
        return {found["what"]: found for found in worker.call("Service.Diagnose", deadline=20000)["findings"]}

    def redeemed(self, name, form, password=GOOD):
        self.worker.set_password(self.worker.link(name), password)
        self.assertTrue(self.slapd.binds(name, password))
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.assertRegex(self.slapd.entry(name)["userPassword"][0], form)

    def gets_nothing(self, name, **caller):
        self.assertIn(self.worker.mint("link", name, **caller).get("skip"), ("inactive", "privileged"))


class Plain(Row):
    """slapd without the overlay: what shadow(5) says."""

    def test_plain(self):
        name = self.take()
        self.redeemed(name, r"^\{ARGON2\}")
        self.assertEqual(self.slapd.entry(name)["shadowLastChange"], [str(now() // DAY)])
        self.assertEqual(self.findings()["change-visible"]["severity"], "ok")

    def test_plain_show(self):
        name, today = self.take(), now() // DAY
        self.put(name, shadowLastChange=str(today - 10), shadowMax="90")
        record = self.show(name)
        self.assertEqual(record["passwordChanged"], (today - 10) * DAY)
        self.assertEqual(record["passwordExpires"], (today + 80) * DAY)
        self.assertEqual((record["state"], record["mustChange"]), ("active", False))
        self.put(name, shadowLastChange="0")
        self.assertTrue(self.show(name)["mustChange"])
        self.redeemed(name, r"^\{ARGON2\}")
        self.assertFalse(self.show(name)["mustChange"])

    def test_plain_expired(self):
        name, today = self.take(), now() // DAY
        self.put(name, shadowLastChange=str(today - 100), shadowMax="90")
        self.assertLess(self.show(name)["passwordExpires"], now())
        self.redeemed(name, r"^\{ARGON2\}")  # a password that is over is what recovery is for
        self.put(name, shadowExpire=str(today - 1))
        self.assertEqual(self.show(name)["state"], "expired")
        self.gets_nothing(name, now=now() + 7200)


class Overlay(Row):
    """ppolicy; hashes are ours."""

    ppolicy = {"pwdMaxAge": "8640000"}
    form = r"^\{ARGON2\}"

    def test_quality(self):
        for quality in "012":
            self.policy(pwdCheckQuality=quality)
            self.redeemed(self.take(), self.form)

    def test_safe_modify_and_minimum_age(self):
        self.policy(pwdSafeModify="TRUE", pwdMinAge="3600")
        name = self.take()
        self.redeemed(name, self.form)
        later = now() + 7200
        self.worker.set_password(self.worker.link(name, now=later), BETTER, now=later)
        self.assertTrue(self.slapd.binds(name, BETTER))
        self.policy(pwdSafeModify="FALSE", pwdMinAge="0")

    def test_must_change(self):
        self.policy(pwdMustChange="TRUE")
        name = self.take()
        self.put(name, pwdReset="TRUE")
        self.assertTrue(self.show(name)["mustChange"])
        self.redeemed(name, self.form)
        self.assertFalse(self.show(name)["mustChange"])
        self.assertNotIn("pwdReset", self.slapd.entry(name))
        self.policy(pwdMustChange="FALSE")

    def test_expiry(self):
        name = self.take()
        self.redeemed(name, self.form)
        self.assertAlmostEqual(self.show(name)["passwordExpires"], now() + 8640000, delta=30)

    def test_locks(self):
        name = self.take()
        for _ in range(5):
            self.slapd.binds(name, "wrong")
        record = self.show(name)
        self.assertEqual((record["state"], record["failures"]), ("locked", 5))
        self.worker.set_password(self.worker.link(name), GOOD)
        self.assertEqual((self.show(name)["state"], self.show(name)["failures"]), ("active", 0))
        self.assertTrue(self.slapd.binds(name, GOOD))
        name = self.take()
        self.put(name, pwdAccountLockedTime="000001010000Z")
        self.assertEqual(self.show(name)["state"], "locked-by-administrator")
        self.gets_nothing(name)
        self.assertEqual(self.slapd.entry(name)["pwdAccountLockedTime"], ["000001010000Z"])

    def test_account_times(self):
        name = self.take()
        self.put(name, pwdEndTime=stamp(now() - 60))
        self.assertEqual(self.show(name)["state"], "expired")
        self.gets_nothing(name)
        name = self.take()
        done = self.slapd.client("ldapmodify", "-e", "!relax", input=f"dn: uid={name},{PEOPLE}\nchangetype: modify\n"
                                 f"replace: pwdStartTime\npwdStartTime: {stamp(now() + 3600)}\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.show(name)["state"], "disabled")
        self.gets_nothing(name)

    def test_history(self):
        """The overlay cannot compare hashes: the history is pwreset's own."""
        name, later = self.take(), now() + 7200
        self.redeemed(name, self.form)
        link = self.worker.link(name, now=later)
        self.assertEqual(self.fails("PasswordRefused", self.worker.set_password, link, GOOD, now=later)["reasons"], ["history"])
        self.worker.set_password(link, BETTER, now=later)


class OverlayYescrypt(Row):
    ppolicy = {}
    slapd_options = {"acl": "yescrypt"}
    site_options = {"hash": "yescrypt"}

    def test_yescrypt(self):
        for quality in "012":
            self.policy(pwdCheckQuality=quality)
            self.redeemed(self.take(), r"^\{CRYPT\}\$y\$")


class ServerHashing(Row):
    """hash=server: the overlay hashes, and judges."""

    ppolicy = {"pwdInHistory": "3", "pwdMinLength": "12"}
    slapd_options = {"acl": "server", "extra": HASHING}
    site_options = {"hash": "server", "decoy_dn": DECOY}

    def test_server_hashing(self):
        for quality in "012":
            self.policy(pwdCheckQuality=quality)
            self.redeemed(self.take(), r"^\{SSHA\}")
        found = self.findings()
        self.assertEqual((found["server-hashing"]["severity"], found["canary"]["severity"]), ("ok", "ok"))

    def test_server_judges(self):
        self.policy(pwdCheckQuality="2")
        name, later = self.take(), now() + 7200
        self.assertEqual(self.reasons(self.worker.link(name), "zq7!Kw#2vX"), ["too-short"], "eight would do for ours")
        self.redeemed(name, r"^\{SSHA\}")
        link = self.worker.link(name, now=later)
        self.assertEqual(self.reasons(link, GOOD, now=later), ["history"])

    def reasons(self, link, password, **caller):
        return self.fails("PasswordRefused", self.worker.set_password, link, password, **caller)["reasons"]


class NobodyHashes(Row):
    """hash=server and an overlay that was not told to hash: only a trial shows it."""

    ppolicy = {}
    slapd_options = {"acl": "server"}
    site_options = {"hash": "server", "decoy_dn": DECOY}
    people_count = 2

    def test_server_does_not_hash(self):
        found = self.findings()["server-hashing"]
        self.assertEqual(found["severity"], "error")
        self.assertIn("ppolicy_hash_cleartext", found["remedy"])
        self.assertNotIn("userPassword", self.slapd.entry(DECOY), "what the trial stored does not stay")

    def test_without_an_entry_to_try(self):
        found = self.findings(self.another_site(decoy_dn=None))["server-hashing"]
        self.assertEqual(found["severity"], "warning")
        self.assertIn("decoy-dn=", found["remedy"])


class Elsewhere(Row):
    """Accounts whose password is kept or checked elsewhere too."""

    # smbk5pwd keeps these beside userPassword; the samba package ships the whole schema.
    SAMBA = ("attributetype ( 1.3.6.1.4.1.7165.2.1.25 NAME 'sambaNTPassword' EQUALITY caseIgnoreIA5Match "
             "SYNTAX 1.3.6.1.4.1.1466.115.121.1.26{32} SINGLE-VALUE )\n"
             "attributetype ( 1.3.6.1.4.1.7165.2.1.27 NAME 'sambaPwdLastSet' EQUALITY integerMatch "
             "SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n"
             "attributetype ( 1.3.6.1.4.1.7165.2.1.29 NAME 'sambaPwdMustChange' EQUALITY integerMatch "
             "SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n"
             "attributetype ( 1.3.6.1.4.1.7165.2.1.28 NAME 'sambaPwdCanChange' EQUALITY integerMatch "
             "SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n"
             "objectclass ( 1.3.6.1.4.1.7165.2.2.6 NAME 'sambaSamAccount' SUP top AUXILIARY MUST uid "
             "MAY ( sambaNTPassword $ sambaPwdLastSet $ sambaPwdMustChange $ sambaPwdCanChange ) )\n")
    slapd_options = {"first": SAMBA, "modules": ("smbk5pwd",), "extra": "overlay smbk5pwd\nsmbk5pwd-enable samba\n"}

    def not_here(self, name, dn=None):
        before = self.slapd.entry(name)["userPassword"]
        self.gets_nothing(name)
        self.fails("Refused", self.worker.call, "Recovery.VerifyCode", {"user": name, "code": "ABCDEFGH"})
        for verb, more in (("SetPassword", {"password": b64(GOOD)}), ("SetPassword", {}), ("SetPassword", {"temporary": True})):
            self.assertEqual(self.fails("NotAllowed", self.worker.call, f"Admin.{verb}", {"user": name, **more}, roles=["owner"],
                                        uid=9, via="ctl"), {"reason": "not-possible-here"})
        self.assertEqual(self.show(name)["state"], "not-possible-here")
        self.assertEqual(self.slapd.entry(name)["userPassword"], before)

    def test_smbk5pwd(self):
        """The overlay keeps the two in step for its own operation alone, so that a plain write would part them."""
        name = self.take()
        dn = f"uid={name},{PEOPLE}"
        self.slapd.modify(dn, ("add", "objectClass", "sambaSamAccount"))
        self.assertEqual(self.slapd.client("ldappasswd", "-s", "set by its own way 1", dn).returncode, 0)
        first = self.slapd.entry(name)["sambaNTPassword"]
        self.slapd.modify(dn, ("replace", "userPassword", "set by a plain write 2"))
        self.assertTrue(self.slapd.binds(name, "set by a plain write 2"))
        self.assertEqual(self.slapd.entry(name)["sambaNTPassword"], first, "the key is the old one's")
        self.not_here(name)
        self.assertEqual(self.findings()["foreign-keys"]["severity"], "error")
        self.slapd.modify(dn, ("delete", "sambaNTPassword"), ("delete", "sambaPwdLastSet"), ("delete", "objectClass", "sambaSamAccount"))
        self.assertNotIn("foreign-keys", self.findings())

    def test_sasl(self):
        name = self.take()
        self.assertNotIn("delegated-passwords", self.findings())
        for value in (f"{{SASL}}{name}@EXAMPLE.COM", f"{{sasl}}{name}@EXAMPLE.COM"):
            self.put(name, userPassword=value)
            self.not_here(name)
        # The doctor looks at the first people that the directory tells, of which this is one.
        self.put("alice", userPassword="{SASL}alice@EXAMPLE.COM")
        self.assertEqual(self.findings()["delegated-passwords"]["severity"], "error")
        self.put("alice", userPassword=password_of("alice"))

    def test_sasl_between_mail_and_redemption(self):
        name = self.take()
        link = self.worker.link(name)
        self.put(name, userPassword=f"{{SASL}}{name}@EXAMPLE.COM")
        self.fails("LinkDead", self.worker.set_password, link, GOOD)


class Impostor(unittest.TestCase):
    """Servers that are known by their root DSE: nothing is served, and the doctor says why."""

    ATTRIBUTES = ("attributetype ( 2.25.4711.1 NAME 'ipaTopologyPluginVersion' EQUALITY caseIgnoreMatch "
                  "SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n"
                  "attributetype ( 2.25.4711.2 NAME 'supportedCapabilities' EQUALITY objectIdentifierMatch "
                  "SYNTAX 1.3.6.1.4.1.1466.115.121.1.38 )\n")

    def unfit(self, lines, words):
        with tempfile.NamedTemporaryFile("w", suffix=".ldif") as dse:
            dse.write(f"dn:\n{lines}\n")
            dse.flush()
            directory = Slapd(first=f"{self.ATTRIBUTES}rootDSE {dse.name}\n")
            self.addCleanup(directory.stop)
        site = Site(directory.uri)
        self.addCleanup(site.close)
        done = site.check()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(words, done.stderr)
        worker = site.worker()
        self.addCleanup(worker.close)
        before = directory.entry("alice")
        with self.assertRaises(Exception) as caught:
            worker.link("alice")
        self.assertEqual(caught.exception.error, "Unavailable")
        self.assertEqual(directory.entry("alice"), before)
        found = {found["what"]: found for found in worker.call("Service.Diagnose")["findings"]}
        self.assertEqual(found["server-unfit"]["severity"], "error")
        self.assertIn(words, found["server-unfit"]["remedy"])

    def test_freeipa(self):
        self.unfit("ipaTopologyPluginVersion: 1.0", "this is FreeIPA")

    def test_active_directory(self):
        self.unfit("supportedCapabilities: 1.2.840.113556.1.4.800\nsupportedCapabilities: 1.2.840.113556.1.4.1670",
                   "this is Active Directory")


class Table(unittest.TestCase):
    """docs/directories.md and the tests name one another."""

    def test_each_row_is_tried(self):
        text = (TOP / "docs/directories.md").read_text()
        named = set(re.findall(r"`(\w+\.py) (test_\w+)`", text))
        here = pathlib.Path(__file__).parent
        for file, test in named:
            self.assertIn(f"def {test}(", (here / file).read_text(), f"docs/directories.md: {file}")
        for file in (pathlib.Path(__file__).name, "test_389_rows.py"):
            for test in re.findall(r"def (test_\w+)\(", (here / file).read_text()):
                if test != "test_each_row_is_tried":
                    self.assertIn((file, test), named, "not in docs/directories.md")
        rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| server")]
        self.assertGreater(len(rows), 10)
        for row in rows:
            self.assertRegex(row, r"`\w+\.py test_\w+`", "a row that nothing tries")


if __name__ == "__main__":
    main()
