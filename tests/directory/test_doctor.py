# SPDX-License-Identifier: LGPL-2.1-or-later
"""The directory's part of the doctor: what is broken is found, and what it says mends it."""

import re

from case import DirectoryCase, main, now
from slapd import BASE, DECOY, SERVICE, SERVICE_PASSWORD, TOP, fill, free_port
from worker import Site

DATABASE = "olcDatabase={1}mdb,cn=config"


class Doctor(DirectoryCase):
    ppolicy = {}
    people_count = 30
    slapd_options = {"cn_config": True}

    def findings(self, site=None, **caller):
        call = {"roles": ["root"], "via": "ctl", "uid": 0, "deadline": 20000, **caller}
        return self.new_worker(site).call("Service.Diagnose", **call)["findings"]

    def found(self, what, site=None, **caller):
        return [(found["severity"], found.get("evidence")) for found in self.findings(site, **caller) if found["what"] == what]

    def ldif(self, text):
        done = self.slapd.client("ldapmodify", input=text)
        self.assertEqual(done.returncode, 0, done.stderr)

    def rule(self, rule):
        """Before all others, for the time of the test."""
        self.ldif(f"dn: {DATABASE}\nchangetype: modify\nadd: olcAccess\nolcAccess: {{0}}{rule}\n")
        self.addCleanup(self.ldif, f"dn: {DATABASE}\nchangetype: modify\ndelete: olcAccess\nolcAccess: {{0}}\n")

    def test_nothing_is_wrong(self):
        wrong = [found for found in self.findings() if found["severity"] in ("error", "warning")]
        self.assertEqual(wrong, [])

    def test_whoever_sees_what_keeps_accounts_shut(self):
        self.rule("to attrs=pwresetPin by * compare by * break")
        self.assertEqual(self.found("acl-exposed"), [("error", "pwresetPin")])

    def test_stored_passwords_that_everybody_sees(self):
        self.rule("to attrs=userPassword by * read by * break")
        self.assertEqual(self.found("acl-exposed"), [("error", "userPassword")])
        self.assertEqual([severity for severity, _ in self.found("password-read")], ["error"])

    def test_other_people_who_see_it(self):
        """Only somebody who is logged in can tell: the entry of decoy-dn= is."""
        site = self.another_site(decoy_dn=DECOY)
        self.assertEqual(self.found("acl-exposed", site), [])
        self.rule("to attrs=pwresetQuestions by users read by * break")
        self.assertEqual(self.found("acl-exposed"), [])
        self.assertEqual(self.found("acl-exposed", site), [("error", "pwresetQuestions")])

    def test_rights_that_are_too_wide(self):
        self.assertEqual(self.found("acl-wide"), [])
        self.rule(f'to attrs=homeDirectory by dn.exact="{SERVICE}" write by * break')
        self.assertEqual(self.found("acl-wide"), [("warning", "homeDirectory")])

    def test_rights_that_are_missing_beside_the_password(self):
        for attribute in ("pwdEndTime", "shadowExpire"):
            self.rule(f'to attrs={attribute} by dn.exact="{SERVICE}" read by * break')
            self.assertEqual(self.found("acl-marks"), [("error", attribute)])
            self.doCleanups()
            self.worker = self.new_worker()
        self.assertEqual(self.found("acl-marks"), [])

    def test_size_limit_and_its_line(self):
        def limit(value):
            self.ldif(f"dn: {DATABASE}\nchangetype: modify\nreplace: olcSizeLimit\nolcSizeLimit: {value}\n")

        self.addCleanup(limit, "unlimited")
        limit(7)
        self.assertEqual(self.found("size-limit"), [], "the shipped rules have the line")
        self.ldif(f"dn: {DATABASE}\nchangetype: modify\ndelete: olcLimits\n")
        self.assertEqual(self.found("size-limit"), [("warning", "7")])
        line = re.search(r"(?m)^olcLimits: .*$", fill((TOP / "ldap/slapd-acl.ldif").read_text(), "argon2id")).group(0)
        self.ldif(f"dn: {DATABASE}\nchangetype: modify\nadd: olcLimits\n{line}\n")
        self.assertEqual(self.found("size-limit"), [])

    def test_policies_and_their_ldif(self):
        self.ldif(f"dn: cn=default,ou=policies,{BASE}\nchangetype: modify\nreplace: pwdMaxFailure\npwdMaxFailure: 2\n-\n"
                  "delete: pwdFailureCountInterval\n")
        codes = ("ppolicy-must-change", "ppolicy-lockout", "ppolicy-interval")
        seen = {found["what"]: found for found in self.findings()}
        for code in codes:
            self.assertEqual(seen[code]["evidence"], f"cn=default,ou=policies,{BASE}")
            head, _, change = seen[code]["remedy"].partition("\n")
            self.assertEqual(head, "ldapmodify:")
            self.ldif(change + "\n")
        self.assertFalse(set(codes) & {found["what"] for found in self.findings()})

    def test_clocks(self):
        site = self.another_site(decoy_dn=DECOY)
        self.assertEqual(self.found("directory-clock", site), [])
        severity, seen = self.found("directory-clock", site, now=now() + 3600)[0]
        self.assertEqual(severity, "warning")
        self.assertRegex(seen, r"^-3(600|59\d) s: ldapi:")

    def test_hash_without_an_entry_to_try(self):
        self.assertEqual([severity for severity, _ in self.found("hash-untried")], ["notice"])
        self.assertEqual(self.found("hash-untried", self.another_site(decoy_dn=DECOY)), [])


class Order(DirectoryCase):
    slapd_options = {"port": free_port()}

    def test_a_socket_among_several(self):
        """Whichever stands first: on another host that name is another server."""
        network = f"ldap://127.0.0.1:{self.slapd.port}"
        for uri, wrong in ((f"{network} {self.slapd.uri}", True), (f"{self.slapd.uri} {network}", True), (self.slapd.uri, False)):
            site = Site(uri, bind="simple", bind_dn=SERVICE)
            self.addCleanup(site.close)
            site.credential("ldap-password", SERVICE_PASSWORD)
            seen = self.new_worker(site).call("Service.Diagnose", roles=["root"], via="ctl", uid=0, deadline=20000)["findings"]
            self.assertEqual("uri-order" in {found["what"] for found in seen}, wrong, uri)


if __name__ == "__main__":
    main()
