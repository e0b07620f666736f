# SPDX-License-Identifier: LGPL-2.1-or-later
"""Staff's verbs: every cell of the matrix of roles (case 43), and what each verb does."""

import base64
import itertools

from case import BETTER, GOOD, PPOLICY, DirectoryCase, main, now
from slapd import BASE, DECOY, PEOPLE, TOP, password_of, person
from worker import Failure, Site, b64, identifier

# What the matrix says, written down a second time on purpose: role -> targets it may touch, verbs it has.
TARGETS = {
    "person": "plain", "helpdesk": "deskman", "administrator": "adminman", "group": "grouped", "system": "system",
    "owner": "ownerman",
}
TOUCH = {
    "helpdesk": {"person"},
    "administrator": {"person", "helpdesk", "administrator", "group"},
    "owner": set(TARGETS),
    "root": set(TARGETS),
}
HELPDESK = {"Show", "SendLink", "Revoke", "Unlock", "SetMail", "VerifyPin", "RemindUserName"}
VERBS = {
    "Show": {}, "SendLink": {}, "Revoke": {}, "Unlock": {}, "SetMail": {"address": "new@desk.example"},
    "SetPassword": {}, "SetPin": {"pin": "4711"}, "VerifyPin": {"pin": "4711"},
    "RemindUserName": {},
}


class Matrix(DirectoryCase):
    people_count = 1
    # As the manager: what is refused here is refused by the worker, not by the directory's rules.
    slapd_options = {"acl": None}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.slapd.add("".join(person(name, 40000 + number) for number, name in enumerate(
            ("plain", "deskman", "adminman", "grouped", "ownerman"))))
        cls.slapd.modify(f"cn=admins,ou=groups,{BASE}", ("add", "member", f"uid=grouped,{PEOPLE}"))
        import slapd
        cls.site = Site(cls.slapd.uri, bind="simple", bind_dn=slapd.MANAGER, sections={
            "roles": {"helpdesk": "desk", "administrator": "bosses", "owner": "chiefs"},
            "mail": {"helpdesk-domains": "desk.example"}})
        cls.addClassCleanup(cls.site.close)
        cls.site.credential("ldap-password", slapd.MANAGER_PASSWORD)
        cls.site.accounts(groups=[("desk", 2000, ["deskman"]), ("bosses", 2001, ["adminman"]),
                                  ("chiefs", 2002, ["ownerman"])])

    def attempt(self, verb, user, roles, uid):
        """"ok", a reason of NotAllowed, or an error."""
        parameters = {"users": [user]} if verb == "SendLink" else {"user": user}
        try:
            reply = self.worker.call(f"Admin.{verb}", {**parameters, **VERBS[verb]}, roles=roles, uid=uid, via="ctl")
        except Failure as failure:
            return failure.parameters.get("reason", failure.error)
        return reply["results"][0]["status"] if verb == "SendLink" else "ok"

    def test_case_43_every_cell(self):
        good = {"ok", "not-enrolled", "Refused"}
        tried = 0
        for (role, touch), (target, user), verb in itertools.product(TOUCH.items(), TARGETS.items(), VERBS):
            has = role != "helpdesk" or verb in HELPDESK
            uid = int(self.slapd.entry(user, "uidNumber")["uidNumber"][0])
            with self.subTest(role=role, target=target, verb=verb):
                answer = self.attempt(verb, user, [role], 99)
                if not has:
                    self.assertEqual(answer, "PermissionDenied")
                elif target in touch:
                    self.assertIn(answer, good)
                else:
                    self.assertEqual(answer, "privileged")
                # Nobody acts on oneself through a staff verb.
                answer = self.attempt(verb, user, [role], uid)
                self.assertIn(answer, {"oneself"} if has else {"PermissionDenied"})
                tried += 1
        self.assertEqual(tried, 4 * 6 * 9)

    def test_the_document_says_the_same(self):
        """docs/roles.md, cell by cell, against what the test of every cell goes by."""
        rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in (TOP / "docs/roles.md").read_text().splitlines()
                if line.startswith("| ") and not line.startswith(("| verb", "| account"))]
        self.assertTrue(all(len(row) == 4 for row in rows), rows)
        told = {row[0]: tuple(cell == "yes" for cell in row[1:]) for row in rows}
        for start, targets in (("an ordinary person", ["person"]), ("holder of the role helpdesk", ["helpdesk", "administrator"]),
                               ("member of", ["group"]), ("`uidNumber` below", ["system"]), ("holder of the role owner", ["owner"])):
            row = next(cells for name, cells in told.items() if name.startswith(start))
            for target in targets:
                self.assertEqual(row, tuple(target in TOUCH[role] for role in ("helpdesk", "administrator", "owner")), start)
        verbs = {verb.strip(): cells for names, cells in told.items() if names.startswith(("show", "set-password"))
                 for verb in names.replace("fleet (list, remove, lift)", "fleet").split(",")}
        for verb in VERBS:
            name = next(name for name in verbs if name.replace("-", "") == verb.lower())
            self.assertEqual(verbs.pop(name), (verb in HELPDESK, True, True), name)
        # What has no account to be tried on: the broker's table decides (tests/fuzz/broker_model.c states it a second time).
        self.assertEqual(verbs, {"find": (True, True, True), "remind-expiry": (False, True, True), "statistics": (False, True, True),
                                 "fleet": (False, True, True)})

    def test_no_role_no_verb(self):
        for verb in VERBS:
            for roles in ([], ["nonsense"], ["Owner"], [""]):
                self.assertEqual(self.attempt(verb, "plain", roles, 99), "PermissionDenied")

    def test_results_fit_into_a_reply_or_nobody_is_sent_anything(self):
        def ask(users):
            return self.worker.call("Admin.SendLink", {"users": users}, roles=["owner"], uid=99, via="ctl")["results"]

        # What is longest in a reply: 256 bytes that are each escaped. A part of a run with "more" is 50 names.
        self.assertEqual(["no-such-user"] * 50, [result["status"] for result in ask([f"{i:03}" + '"' * 253 for i in range(50)])])
        with self.assertRaises(Failure) as caught:
            ask([f"person{i:03}@{'x' * 90}.example.com" for i in range(500)])
        self.assertEqual(("InvalidParameter", {"parameter": "users"}), (caught.exception.error, caught.exception.parameters))
        self.assertEqual("ok", self.attempt("SendLink", "plain", ["owner"], 99), "the worker goes on")

    def test_several_roles_are_the_sum(self):
        self.assertEqual(self.attempt("Show", "adminman", ["helpdesk", "administrator"], 99), "ok")
        self.assertEqual(self.attempt("SetPin", "ownerman", ["helpdesk", "administrator"], 99), "privileged")

    def test_mint_asks_the_matrix_again(self):
        """A request out of the spool carries the roles of who asked; the account may have become privileged since."""
        for roles, user, expected in ((["helpdesk"], "plain", None), (["helpdesk"], "adminman", "privileged"),
                                      (["administrator"], "ownerman", "privileged"), (["owner"], "ownerman", None), ([], "plain",
                                                                                                                 "privileged")):
            for kind in ("link", "username"):
                reply = self.worker.mint(kind, user, requester="99", roles=roles)
                self.assertEqual(reply.get("skip"), expected, (roles, user, kind))
        self.assertEqual(self.worker.mint("link", "ownerman", requester="40004", roles=["owner"])["skip"], "privileged")
        self.assertEqual(self.worker.mint("temporary", "plain", requester="99", roles=["helpdesk"])["skip"], "privileged")

    def test_privileged_link_by_owner_is_redeemed(self):
        link = self.worker.link("adminman", requester="99", roles=["owner"])
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": "adminman"})

    def test_helpdesk_domains(self):
        for address, reason in (("new@desk.example", "ok"), ("new@DESK.example", "ok"), ("new@elsewhere.example", "domain-not-allowed"),
                                ("new@sub.desk.example", "domain-not-allowed"), ("new@desk.example.net", "domain-not-allowed")):
            for role, expected in (("helpdesk", reason), ("administrator", "ok")):
                try:
                    self.worker.call("Admin.SetMail", {"user": "plain", "address": address}, roles=[role], uid=99, via="ctl")
                    answer = "ok"
                except Failure as failure:
                    answer = failure.parameters["reason"]
                self.assertEqual(answer, expected, (role, address))


class Verbs:
    people_count = 60
    site_options = {"decoy_dn": DECOY}

    def staff(self, verb, user, role="administrator", **parameters):
        caller = {key: parameters.pop(key) for key in ("now", "operation") if key in parameters}
        return self.worker.call(f"Admin.{verb}", {"user": user, **parameters}, roles=[role], uid=99, via="ctl", **caller)

    def show(self, user, **caller):
        return self.worker.call("Admin.Show", {"user": user}, roles=["owner"], uid=99, via="ctl", **caller)["record"]

    def test_show(self):
        name = self.take()
        self.worker.code(name)
        record = self.show(name)
        self.assertEqual(record["state"], "active")
        self.assertEqual(record["addresses"], [f"{name[0]}***@e***.com"])
        self.assertEqual([(request["kind"], request["triesLeft"]) for request in record["requests"]], [("code", 5)])
        self.assertNotIn(self.slapd.tokens(name)[0].split(":")[2], str(record))

    def test_send_link_checks_each(self):
        name = self.take()
        results = self.worker.call("Admin.SendLink", {"users": [name, "nobody", "system", "", name]}, roles=["helpdesk"], uid=99,
                                   via="ctl")["results"]
        self.assertEqual([result["status"] for result in results], ["ok", "no-such-user", "privileged", "no-such-user", "ok"])
        self.fails("InvalidParameter", self.worker.call, "Admin.SendLink", {"users": [name] * 501}, roles=["owner"])
        self.fails("InvalidParameter", self.worker.call, "Admin.SendLink", {"users": [name, 5]}, roles=["owner"])

    def test_revoke(self):
        name, start = self.take(), now()
        link, code = self.worker.link(name), self.worker.code(name)
        self.staff("Revoke", name, role="helpdesk", now=start + 1)
        self.dead("revoked", self.worker.set_password, link, GOOD, now=start + 1)
        self.fails("Refused", self.verify, name, code)
        # What waits in the spool is older than the revocation, and dies with it.
        self.assertEqual(self.worker.mint("link", name, created=start, now=start + 5), {"skip": "expired"})
        self.worker.link(name, now=start + 5)

    def test_pin(self):
        name = self.take()
        self.assertEqual(self.fails("NotAllowed", self.staff, "VerifyPin", name, pin="4711"), {"reason": "not-enrolled"})
        for pin in ("", "123", "1" * 13, "12a4", "１２３４"):
            self.fails("InvalidParameter", self.staff, "SetPin", name, pin=pin)
        self.staff("SetPin", name, pin="004711")
        self.assertEqual(self.staff("VerifyPin", name, role="helpdesk", pin="004711"), {})
        for _ in range(5):
            self.fails("Refused", self.staff, "VerifyPin", name, pin="4711")
        self.fails("Refused", self.staff, "VerifyPin", name, pin="004711")
        self.staff("Unlock", name)
        self.assertEqual(self.staff("VerifyPin", name, pin="004711"), {})
        self.assertTrue(self.show(name)["pin"])

    def test_pin_guessed_in_parallel(self):
        name = self.take()
        self.staff("SetPin", name, pin="9173")
        racers = [self.new_worker() for _ in range(24)]
        for racer in racers:
            racer.send("Admin.VerifyPin", {"user": name, "pin": "0000"}, roles=["helpdesk"], uid=99, via="ctl", deadline=60000)
        for racer in racers:
            self.fails("Refused", racer.receive, 60)
        self.assertTrue(self.slapd.entry(name)["pwresetPin"][0].endswith(":0"))

    def test_set_password_chosen(self):
        name, operation = self.take(), identifier()
        self.assertEqual(self.staff("SetPassword", name, password=b64(GOOD), operation=operation), {})
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        mail = self.worker.mint("changed", name, id=operation, requester="0", roles=["administrator"])["mail"]
        self.assertEqual(mail["values"]["requester"], "root")
        self.fails("PasswordRefused", self.staff, "SetPassword", name, password=b64("password"))
        self.fails("InvalidParameter", self.staff, "SetPassword", name, password=b64(GOOD), mail=True)

    def test_set_password_generated(self):
        name = self.take()
        password = base64.b64decode(self.staff("SetPassword", name)["password"]).decode()
        self.assertRegex(password, r"^[2-9a-hj-np-z]{4}(-[2-9a-hj-np-z]{4}){3}$")
        self.assertTrue(self.slapd.binds(name, password))

    def test_temporary_password(self):
        name, start = self.take(), now()
        password = base64.b64decode(self.staff("SetPassword", name, temporary=True)["password"]).decode()
        record = self.show(name)
        self.assertTrue(record["mustChange"])
        self.assertTrue(start + 86400 <= record["temporaryUntil"] <= start + 5 * 86400, record)
        self.assertEqual(record["earlierPasswords"], 1)
        self.assert_temporary(name, start)
        # A second one does not take the first one's end for the account's own.
        self.staff("SetPassword", name, temporary=True)
        self.assert_temporary(name, start)
        self.fails("WrongPassword", self.worker.call, "Password.Change",
                   {"user": name, "current": b64(password), "password": b64(GOOD)})
        self.worker.set_password(self.worker.link(name), GOOD)
        self.assert_lasting(name)
        record = self.show(name)
        self.assertEqual((record["mustChange"], "temporaryUntil" in record, record["earlierPasswords"]), (False, False, 3))
        self.assertTrue(self.slapd.binds(name, GOOD))

    def test_temporary_password_that_is_over_recovers(self):
        name, later = self.take(), now() + 3 * 86400
        self.staff("SetPassword", name, temporary=True)
        self.worker.set_password(self.worker.link(name, now=later), GOOD, now=later)
        self.assert_lasting(name)

    def test_temporary_password_by_mail(self):
        name, start = self.take(), now()
        self.assertEqual(self.staff("SetPassword", name, mail=True), {})
        self.assertTrue(self.slapd.binds(name, password_of(name)), "it is set when the mail goes")
        request = identifier()
        mails = [self.worker.mint("temporary", name, id=request, requester="99", roles=["administrator"], created=start - 1,
                                  attempt=attempt)["mail"] for attempt in (1, 2)]
        self.assertNotEqual(mails[0]["values"]["password"], mails[1]["values"]["password"])
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.assert_temporary(name, start)
        self.assertEqual(self.slapd.entry(name)["userPassword"][0][:8], "{ARGON2}")

    def test_remind_user_name(self):
        name = self.take()
        self.assertEqual(self.staff("RemindUserName", name, role="helpdesk"), {})
        self.slapd.modify(f"uid={name},{PEOPLE}", ("delete", "mail"))
        self.assertEqual(self.fails("NotAllowed", self.staff, "RemindUserName", name), {"reason": "no-address"})

    def find(self, filter, role="helpdesk", **more):
        return self.worker.call("Admin.Find", {"filter": filter, **more}, roles=[role], uid=99, via="ctl")

    def test_find_goes_as_far_as_its_time(self):
        """A walk that would overrun its call's deadline is a page that says where to go on, not an error."""
        seen = self.worker.call("Admin.Find", {"filter": "(|(uid=alice)(uid=bob))"}, roles=["owner"], uid=99, via="ctl", deadline=2900)
        self.assertEqual(seen, {"users": ["alice"], "next": "alice"})
        rest = self.find("(|(uid=alice)(uid=bob))", after=seen["next"])
        self.assertEqual(rest, {"users": ["bob"]})

    def test_find(self):
        everybody = self.find("(uid=*)")
        self.assertNotIn("next", everybody)
        self.assertEqual(everybody["users"], sorted(everybody["users"]))
        self.assertIn("alice", everybody["users"])
        self.assertFalse({"system", "grace", "heidi"} & set(everybody["users"]), "not within helpdesk's reach")
        self.assertEqual(self.find("(|(uid=alice)(uid=bob))")["users"], ["alice", "bob"])
        self.assertEqual(self.find("(uid=*)", after="frank")["users"][0], "p000")
        for bad in ("", "uid=alice", "(uid=alice)(uid=bob)", "(uid=alice))(|(uid=*)", "(", "(&)(", "(uid=alice"):
            self.fails("InvalidParameter", self.find, bad)
        # The service's own rules bound what a filter can ask: hashes are not among it.
        self.assertEqual(self.find("(userPassword=*)")["users"], [])

    def test_expiry_is_told_once(self):
        name, start = self.take(), now()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowMax", "90"),
                          ("replace", "shadowLastChange", str(start // 86400 - 87)))

        def due():
            return self.worker.call("Admin.RemindExpiry", {"days": 7}, roles=["root"], uid=0, via="ctl")["users"]

        self.assertEqual(due(), [name])
        request = identifier()
        # Again and again until the relay takes it; another run's request is of no use any more, however often it was tried.
        for attempt in (1, 2):
            mail = self.worker.mint("expiry", name, requester="0", roles=["root"], id=request, attempt=attempt)["mail"]
            self.assertTrue(2 * 1440 <= int(mail["values"]["minutes"]) <= 3 * 1440)
        self.assertEqual(due(), [])
        for attempt in (1, 2):
            self.assertEqual(self.worker.mint("expiry", name, requester="0", roles=["root"], attempt=attempt), {"skip": "not-done"})
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowLastChange", str(start // 86400 - 86)))
        self.assertEqual(due(), [name], "another expiry")
        self.slapd.modify(f"uid={name},{PEOPLE}", ("delete", "shadowMax"))


class Shadow(Verbs, DirectoryCase):
    def assert_temporary(self, name, start):
        entry = self.slapd.entry(name)
        self.assertEqual(entry["shadowLastChange"], ["0"])
        self.assertIn(int(entry["shadowExpire"][0]), (start // 86400 + 2, start // 86400 + 3))

    def assert_lasting(self, name):
        entry = self.slapd.entry(name)
        self.assertNotIn("shadowExpire", entry)
        self.assertGreater(int(entry["shadowLastChange"][0]), 20000)

    def test_own_end_of_an_account_is_restored(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowExpire", "40000"))
        for _ in range(2):
            self.staff("SetPassword", name, temporary=True)
        self.worker.set_password(self.worker.link(name), GOOD)
        self.assertEqual(self.slapd.entry(name)["shadowExpire"], ["40000"])


class Ppolicy(Verbs, DirectoryCase):
    ppolicy = PPOLICY["strict"]

    def assert_temporary(self, name, start):
        entry = self.slapd.entry(name)
        self.assertEqual(entry["pwdReset"], ["TRUE"])
        self.assertIn("pwdEndTime", entry)

    def assert_lasting(self, name):
        entry = self.slapd.entry(name)
        self.assertNotIn("pwdReset", entry)
        self.assertNotIn("pwdEndTime", entry)

    def test_unlock(self):
        name = self.take()
        for _ in range(6):
            self.slapd.binds(name, "wrong")
        record = self.show(name)
        self.assertEqual((record["state"], record["failures"]), ("locked", 5))
        self.assertAlmostEqual(record["lockedSince"], now(), delta=5)
        self.assertEqual(self.staff("Unlock", name, role="helpdesk"), {})
        self.assertEqual(self.show(name)["failures"], 0)
        self.assertTrue(self.slapd.binds(name, password_of(name)), "without a reset")

    def test_administrators_lock_stays(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "pwdAccountLockedTime", "000001010000Z"))
        self.assertEqual(self.show(name)["state"], "locked-by-administrator")
        for verb, more in (("Unlock", {}), ("SetPassword", {"password": b64(GOOD)})):
            self.assertEqual(self.fails("NotAllowed", self.staff, verb, name, **more), {"reason": "locked"})
        self.assertEqual(self.slapd.entry(name)["pwdAccountLockedTime"], ["000001010000Z"])

    def test_temporary_password_forces_a_change(self):
        name = self.take()
        password = base64.b64decode(self.staff("SetPassword", name, temporary=True)["password"]).decode()
        self.assertEqual(self.worker.call("Password.Change", {
            "user": name, "current": b64(password), "password": b64(BETTER)}), {})
        self.assert_lasting(name)


class PpolicyThatBindsNobody(DirectoryCase):
    ppolicy = PPOLICY["plain"]

    def test_temporary_password_without_pwdMustChange(self):
        """pwdReset alone would let the person in with it until it ends: the shadow map forces the change."""
        name = self.take()
        Verbs.staff(self, "SetPassword", name, temporary=True)
        entry = self.slapd.entry(name)
        self.assertEqual((["TRUE"], ["0"]), (entry["pwdReset"], entry["shadowLastChange"]))
        self.worker.set_password(self.worker.link(name), GOOD)
        entry = self.slapd.entry(name)
        self.assertNotIn("pwdReset", entry)
        self.assertGreater(int(entry["shadowLastChange"][0]), 20000)

    def test_temporary_password_that_nothing_would_have_changed(self):
        """Neither a policy that binds nor the shadow map: it would be a password like any other, known to staff."""
        name = self.take()
        dn = f"uid={name},{PEOPLE}"
        self.slapd.modify(dn, ("delete", "shadowLastChange"), ("replace", "objectClass", "inetOrgPerson", "posixAccount"))
        for more in ({"temporary": True}, {"mail": True}, {"temporary": True, "password": b64(GOOD)}):
            self.assertEqual(self.fails("NotAllowed", Verbs.staff, self, "SetPassword", name, **more), {"reason": "cannot-be-temporary"})
        self.assertTrue(self.slapd.binds(name, password_of(name)), "nothing was written")
        policy = f"cn=default,ou=policies,{BASE}"
        self.slapd.modify(policy, ("replace", "pwdMustChange", "TRUE"))
        self.addCleanup(self.slapd.modify, policy, ("delete", "pwdMustChange"))
        Verbs.staff(self, "SetPassword", name, temporary=True)
        self.assertEqual(self.slapd.entry(name)["pwdReset"], ["TRUE"])


if __name__ == "__main__":
    main()
