# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is meant by what was typed: nobody but exactly that person (cases 18, 21, 37, 38), and who is out of reach."""

import pathlib
import socket
import subprocess
import tempfile
import time
import unittest

import slapd
from case import GOOD, DirectoryCase, main, now
from slapd import BASE, DECOY, PEOPLE, SERVICE, certificates, free_port, password_of, person
from worker import Site, b64


class Typed(DirectoryCase):
    people_count = 5
    site_options = {"decoy_dn": DECOY}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.slapd.add(
            person("mike", 30001, mail=["mike@example.com", "m.k@example.com"]) +
            person("kate", 30002, mail="kate@example.com") +
            person("twin1", 30003, mail="twins@example.com") + person("twin2", 30004, mail="Twins@example.com") +
            person("paula@example.com", 30005, mail="paula@example.org") +
            person("straße", 30006, mail="strasse@example.com", homeDirectory="/home/s") + person("a*b", 30007) + person("x,y=z+\"w\"", 30008, mail="xyzw@example.com").replace(
                'dn: uid=x,y=z+"w",', 'dn: uid=x\\,y\\3Dz\\2B\\22w\\22,') +
            person("nomail", 30009, mail=None))

    def whom(self, typed):
        reply = self.worker.mint("link", typed, requester="1", roles=["owner"])
        return (reply["mail"]["values"]["user"], reply["mail"]["to"]) if "mail" in reply else reply["skip"]

    def test_names(self):
        for typed in ("mike", "MIKE", "Mike"):
            self.assertEqual(self.whom(typed), ("mike", ["mike@example.com", "m.k@example.com"]))
        for typed in (" mike", "mike ", "mi  ke", "ｍｉｋｅ", "m\u0131ke", "mi\u212ae", "mike\u200b", "mike\u00ad", "strasse", "STRASSE",
                      "STRAßE "):
            self.assertEqual(self.whom(typed), "no-such-user", typed)
        self.assertEqual(self.whom("straße")[0], "straße")

    def test_case_18_only_the_stored_address(self):
        for typed in ("mike@example.com", "MIKE@EXAMPLE.COM", "Mike@Example.Com"):
            self.assertEqual(self.whom(typed), ("mike", ["mike@example.com"]))
        self.assertEqual(self.whom("M.K@example.com"), ("mike", ["m.k@example.com"]))
        for typed in ("m\u0131ke@example.com", "mi\u212ae@example.com", "mike@ex\u00e4mple.com", "mike@exa\uff4dple.com",
                      "\uff4dike@example.com", "mike@example.com\u0000", "mike@example.com ", " mike@example.com", "mike@ example.com",
                      "mike@example.com\n", "mi\u017fe@example.com", "mike@example\u3002com", "mike+x@example.com",
                      "mike@example.com,kate@example.com", "mike@example.com>kate@example.com", "mike@xn--exmple-cua.com",
                      "\"mike\"@example.com", "mike(x)@example.com"):
            if "\u0000" in typed:
                continue  # no such text can be sent: the codec refuses it
            self.assertEqual(self.whom(typed), "no-such-user", repr(typed))

    def test_case_21_shared_address_is_nobodys(self):
        self.assertEqual(self.whom("twins@example.com"), "ambiguous")
        self.assertEqual(self.whom("twin1")[0], "twin1")
        self.assertIn("<1>", self.worker.stderr(), "an alert")

    def test_name_with_at_is_a_name_first(self):
        self.assertEqual(self.whom("paula@example.com"), ("paula@example.com", ["paula@example.org"]))

    def test_case_37_specials_are_literal(self):
        self.assertEqual(self.whom("a*b")[0], "a*b")
        self.assertEqual(self.whom('x,y=z+"w"')[0], 'x,y=z+"w"')
        for typed in ("*", "a*", "mi*", "*)(uid=*", "mike)(|(uid=*", "mike\\", "\\2a", "mike\\00", "(uid=mike)", "uid=mike",
                      f"uid=mike,{PEOPLE}", "#", "mike;", "&", "mike)(userPassword=*", "x" * 256, "\u202emike"):
            self.assertEqual(self.whom(typed), "no-such-user", typed)
        self.fails("InvalidParameter", self.worker.mint, "link", "x" * 257)
        for user in ("x" * 20000, "", "\x01", "\x7f"):
            self.fails("Refused", self.worker.call, "Recovery.VerifyCode", {"user": user, "code": "ABCDEFGH"})

    def test_no_address(self):
        self.assertEqual(self.whom("nomail"), "no-address")

    def test_link_carries_account_over_renaming(self):
        link = self.worker.link("kate")
        done = self.slapd.client("ldapmodrdn", "-r", f"uid=kate,{PEOPLE}", "uid=katherine")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": "katherine"})


FOREIGN = ("krbPrincipalAux", "krbPrincipal", "krb5KDCEntry", "sambaSamAccount", "ipaNTUserAttrs")


class OutOfReach(DirectoryCase):
    """Accounts that have no self-service: one answer for all, and a line for IT."""

    people_count = 40
    # The classes of MIT Kerberos, Heimdal (smbk5pwd), Samba and FreeIPA, without what they carry.
    slapd_options = {"first": "".join(f"objectclass ( 2.25.4711.{number} NAME '{name}' SUP top AUXILIARY )\n"
                                      for number, name in enumerate(FOREIGN))}
    site_options = {"inactive_filter": "(&(objectClass=shadowAccount)(shadowMax=7777))", "decoy_dn": DECOY}

    def refused_alike(self, name, line):
        self.assertIn(self.worker.mint("code", name)["skip"], ("privileged", "inactive"))
        self.fails("Refused", self.worker.call, "Recovery.VerifyCode", {"user": name, "code": "ABCDEFGH"})
        self.assertIn(f"recovery-refused: {name}: {line}", self.worker.stderr())

    def test_states(self):
        day = now() // 86400
        for line, *change in (("expired", "replace", "shadowExpire", str(day)), ("expired", "replace", "shadowExpire", "0"),
                              ("never-activated", "replace", "shadowMax", "7777"),
                              *(("not-possible-here", "add", "objectClass", name) for name in FOREIGN)):
            name = self.take()
            self.slapd.modify(f"uid={name},{PEOPLE}", tuple(change))
            with self.subTest(line):
                self.refused_alike(name, line)
        for value in (str(day + 1), "-1"):
            name = self.take()
            self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowExpire", value))
            self.worker.link(name)

    def test_keys_beside_the_password_are_said(self):
        """A password set here would leave the Kerberos or Samba keys old: staff and the doctor are told."""
        for name, foreign in ((self.take(), foreign) for foreign in FOREIGN):
            self.slapd.modify(f"uid={name},{PEOPLE}", ("add", "objectClass", foreign))
            self.assertEqual(self.fails("NotAllowed", self.worker.call, "Admin.SetPassword", {"user": name}, roles=["owner"],
                                        uid=9, via="ctl"), {"reason": "not-possible-here"})
            found = [found for found in self.worker.call("Service.Diagnose")["findings"] if found["what"] == "foreign-keys"]
            self.assertEqual(found[0]["severity"], "error")

    def test_administrators_link_activates(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowMax", "7777"))
        self.assertEqual(self.worker.mint("link", name), {"skip": "inactive"})
        link = self.worker.link(name, requester="4", roles=["administrator"])
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": name})
        self.assertTrue(self.slapd.binds(name, GOOD))
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowExpire", "1"))
        self.assertEqual(self.worker.mint("link", name, requester="4", roles=["owner"]), {"skip": "inactive"})

    def test_privileged_by_number_group_and_nested_group(self):
        for name in ("system", "grace", "heidi"):
            self.refused_alike(name, "privileged")
            # At passwd, with their own rights, they may change one that they know: test_password.py.
            change = {"user": name, "current": b64(password_of(name)), "password": b64(GOOD)}
            self.fails("WrongPassword", self.worker.call, "Password.Change", change, via="web")

    def test_privileged_by_memberuid_primary_group_and_name_service(self):
        member, primary, local, plain = (self.take() for _ in range(4))
        self.slapd.add(f"dn: cn=ops,ou=groups,{BASE}\nobjectClass: posixGroup\ncn: ops\ngidNumber: 10777\nmemberUid: {member}\n\n")
        self.slapd.modify(f"uid={primary},{PEOPLE}", ("replace", "gidNumber", "10777"))
        site = Site(self.slapd.uri, sections={"roles": {"helpdesk": "desk", "administrator": "ops", "owner": "chiefs"}},
                    pepper=self.site.pepper)
        self.addCleanup(site.close)
        site.accounts(groups=[("desk", 2000, [local]), ("chiefs", 2001, [])])
        worker = self.new_worker(site)
        for name in (member, primary, local):
            self.assertEqual(worker.mint("link", name), {"skip": "privileged"}, name)
        self.assertIn("mail", worker.mint("link", plain))
        # What the host said of its groups is believed for two seconds, not longer.
        time.sleep(2.1)
        site.accounts(groups=[("desk", 2000, [local, plain]), ("chiefs", 2001, [])])
        self.assertEqual(worker.mint("link", plain), {"skip": "privileged"})

    def test_circles_and_depths_of_groups_end(self):
        deep = self.take()
        text = ""
        for number in range(12):
            inside = f"uid={deep},{PEOPLE}" if number == 0 else f"cn=deep{number - 1},ou=groups,{BASE}"
            text += (f"dn: cn=deep{number},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: deep{number}\nmember: {inside}\n"
                     + (f"member: cn=deep11,ou=groups,{BASE}\n" if number == 0 else "") + "\n")
        self.slapd.add(text)
        self.assertEqual(self.worker.mint("link", deep), {"skip": "privileged"}, "what cannot be found out is no")


class Servers(unittest.TestCase):
    """Lists of servers, TLS, referrals."""

    @classmethod
    def setUpClass(cls):
        cls.tls = tempfile.TemporaryDirectory(prefix="pwreset-tls-")
        cls.addClassCleanup(cls.tls.cleanup)
        certificates(cls.tls.name)
        cls.port = free_port()
        cls.slapd = slapd.Slapd(tls=cls.tls.name, port=cls.port, extra=cls.extra())
        cls.addClassCleanup(cls.slapd.stop)

    @staticmethod
    def extra():
        return ""

    def site(self, uri, **directory):
        directory = {"bind": "simple", "bind-dn": slapd.SERVICE, "tls-ca-file": f"{self.tls.name}/ca.crt", "timeout": "2",
                     **directory}
        site = Site(uri, **directory)
        self.addCleanup(site.close)
        site.credential("ldap-password", slapd.SERVICE_PASSWORD)
        return site

    def answers(self, site, **environment):
        worker = site.worker(**environment)
        self.addCleanup(worker.close)
        findings = worker.call("Service.Diagnose", deadline=9000)["findings"]
        broken = [found for found in findings if found["what"] == "directory-unreachable"]
        return broken[0]["evidence"] if broken else None

    def test_start_tls_and_ldaps(self):
        for uri, start in ((f"ldap://127.0.0.1:{self.port}", "yes"),
                           (f"ldaps://127.0.0.1:{self.port + 1}", "no")):
            self.assertIsNone(self.answers(self.site(uri, start_tls=start)), uri)

    def test_recovery_over_start_tls(self):
        site = self.site(f"ldap://127.0.0.1:{self.port}", start_tls="yes")
        worker = site.worker()
        self.addCleanup(worker.close)
        worker.set_password(worker.link("alice"), GOOD)
        self.assertTrue(self.slapd.binds("alice", GOOD))
        worker.call("Password.Change", {"user": "bob", "current": b64(password_of("bob")), "password": b64(GOOD)})
        self.assertTrue(self.slapd.binds("bob", GOOD))

    def test_case_38_certificates(self):
        for ca in ("stranger.crt", "missing.crt"):
            for uri, start in ((f"ldap://127.0.0.1:{self.port}", "yes"), (f"ldaps://127.0.0.1:{self.port + 1}", "no")):
                self.assertIsNotNone(self.answers(self.site(uri, start_tls=start, **{"tls-ca-file": f"{self.tls.name}/{ca}"})))

    def test_case_38_wrong_name(self):
        folder = pathlib.Path(self.tls.name, "other")
        folder.mkdir()
        for name in ("ca.crt", "wrong.crt", "wrong.key"):
            (folder / name.replace("wrong", "server")).write_bytes(pathlib.Path(self.tls.name, name).read_bytes())
        port = free_port()
        other = slapd.Slapd(tls=folder, port=port)
        self.addCleanup(other.stop)
        for uri, start in ((f"ldap://127.0.0.1:{port}", "yes"), (f"ldaps://127.0.0.1:{port + 1}", "no")):
            self.assertIsNotNone(self.answers(self.site(uri, start_tls=start)))

    def test_case_32_environment_and_user_files_have_no_say(self):
        home = pathlib.Path(self.tls.name, "home")
        home.mkdir(exist_ok=True)
        (home / ".ldaprc").write_text("TLS_REQCERT never\nURI ldap://127.0.0.1:1\n")
        site = self.site(f"ldap://127.0.0.1:{self.port}", start_tls="yes", **{"tls-ca-file": f"{self.tls.name}/stranger.crt"})
        self.assertIsNotNone(self.answers(site, HOME=str(home), LDAPTLS_REQCERT="never", LDAPRC="ldaprc",
                                          LDAPCONF=str(home / ".ldaprc"), LDAPTLS_CACERT=f"{self.tls.name}/ca.crt"))

    def test_first_reachable_and_fail_over(self):
        dead = f"ldap://127.0.0.1:{free_port()}"
        site = self.site(f"{dead} ldap://127.0.0.1:{self.port}", start_tls="yes")
        self.assertIsNone(self.answers(site))
        self.assertIsNotNone(self.answers(self.site(f"{dead} {dead}", start_tls="yes")))

    def test_wrong_service_password(self):
        site = self.site(f"ldap://127.0.0.1:{self.port}", start_tls="yes")
        site.credential("ldap-password", "wrong")
        self.assertIn("Invalid credentials", self.answers(site))

    def test_case_41_server_that_hangs_in_the_handshake(self):
        """It accepts and says nothing: bounded, and the next server is asked."""
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            for scheme in ("ldap", "ldaps"):
                start = time.monotonic()
                uri = f"{scheme}://127.0.0.1:{mute.getsockname()[1]} ldap://127.0.0.1:{self.port}"
                self.assertIsNone(self.answers(self.site(uri, start_tls="yes")), scheme)
                self.assertLess(time.monotonic() - start, 9)

    def test_plain_ldap_is_for_hashes_alone(self):
        done = self.site(f"ldap://127.0.0.1:{self.port}", start_tls="no", hash="server").check()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("hash=server", done.stderr)


class Referrals(DirectoryCase):
    """Case 38: a referral is no answer, and nobody follows it with our credentials: where it points nobody comes."""

    people_count = 1

    @classmethod
    def setUpClass(cls):
        cls.lure = socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(cls.lure.close)
        cls.away = f"ldap://127.0.0.1:{cls.lure.getsockname()[1]}"
        cls.slapd_options = {"extra": f'referral "{cls.away}/"'}
        super().setUpClass()

    def tearDown(self):
        self.lure.settimeout(0.3)
        with self.assertRaises(TimeoutError, msg="somebody came"):
            self.lure.accept()

    def test_referral_entry_is_not_followed(self):
        self.slapd.client("ldapadd", "-M", input=f"dn: uid=away,{PEOPLE}\nobjectClass: referral\nobjectClass: extensibleObject\n"
                          f"uid: away\nref: {self.away}/uid=away,dc=example,dc=net\n\n")
        self.assertEqual(self.worker.mint("link", "away"), {"skip": "no-such-user"})
        for method in ("VerifyCode", "AnswerQuestions"):
            self.fails("Refused", self.worker.call, f"Recovery.{method}", {
                "user": "away", **({"code": "ABCDEFGH"} if method == "VerifyCode" else {"answers": ["a", "b", "c"]})}, via="web")
        self.fails("WrongPassword", self.worker.call, "Password.Verify", {"user": "away", "password": b64("its password")})
        self.assertIn("mail", self.worker.mint("link", "alice"))

    def test_base_elsewhere(self):
        site = Site(self.slapd.uri, base="dc=example,dc=net")
        self.addCleanup(site.close)
        self.fails("Unavailable", self.new_worker(site).mint, "link", "alice")

    def test_somebody_who_follows_is_seen(self):
        """That the trap works: ldapsearch is told to follow."""
        done = subprocess.Popen(["ldapsearch", "-x", "-C", "-o", "nettimeout=2", "-H", self.slapd.uri, "-b", "dc=example,dc=net"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(done.wait)
        self.lure.settimeout(10)
        self.lure.accept()[0].close()
        done.wait(20)


class SizeLimit(DirectoryCase):
    """Case 38: the server gives one entry and says that there are more."""

    slapd_options = {"replica": f'limits dn.exact="{SERVICE}" size=1'}
    people_count = 4

    def test_case_38_two_matches_of_which_one_is_seen(self):
        first, second = self.take(), self.take()
        self.slapd.modify(f"uid={second},{PEOPLE}", ("replace", "mail", f"{first}@example.com"))
        self.assertEqual(self.worker.mint("link", f"{first}@example.com"), {"skip": "ambiguous"})
        other = self.take()
        self.assertIn("mail", self.worker.mint("link", f"{other}@example.com"))

    def test_case_38_groups_of_which_one_is_seen(self):
        """Who is in more groups than can be seen is privileged, until that is known better."""
        name = self.take()
        self.slapd.add("".join(f"dn: cn=many{n},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: many{n}\n"
                               f"member: uid={name},{PEOPLE}\n\n" for n in range(2)))
        self.assertEqual(self.worker.mint("link", name), {"skip": "privileged"})

    def test_nobody_is_left_out_in_silence(self):
        """A run over a filter, or over everybody, refuses to begin with some of them."""
        staff = {"via": "ctl", "uid": 0, "roles": ["root"]}
        for method, parameters in ("Admin.Find", {"filter": "(cn=*)"}), ("Admin.RemindExpiry", {"days": 7}):
            self.assertEqual(self.fails("NotAllowed", self.worker.call, method, parameters, **staff), {"reason": "not-possible-here"})
        self.assertIn("size=unlimited", self.worker.stderr())


if __name__ == "__main__":
    main()
