# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changing a known password: checks by bind that never lock anybody, and what passwd sees."""

import time

from case import BETTER, GOOD, PPOLICY, DirectoryCase, main, now
from slapd import DECOY, PEOPLE, password_of
from worker import Failure, Site, b64, identifier


class Passwords:
    people_count = 40

    def verify_password(self, name, password, **caller):
        return self.worker.call("Password.Verify", {"user": name, "password": b64(password)}, **caller)

    def change(self, name, current, password, worker=None, **caller):
        return (worker or self.worker).call("Password.Change", {
            "user": name, "current": b64(current), "password": b64(password)}, **caller)

    def test_verify(self):
        name = self.take()
        self.assertEqual(self.verify_password(name, password_of(name)), {})
        self.fails("WrongPassword", self.verify_password, name, "wrong")
        self.fails("WrongPassword", self.verify_password, "nobody", "wrong")
        self.assertEqual(self.fails("NotAllowed", self.verify_password, "nobody", "wrong", via="pam"),
                         {"reason": "no-such-user"})

    def test_empty_password_proves_nothing(self):
        """A bind with a name and no password is anonymous, and succeeds."""
        name = self.take()
        self.fails("WrongPassword", self.verify_password, name, "")
        self.fails("WrongPassword", self.change, name, "", GOOD)

    def test_exists(self):
        name = self.take()
        for user, exists in ((name, True), (name.upper(), True), ("nobody", False), (f"{name}@example.com", False), ("", False)):
            self.assertEqual(self.worker.call("Password.Exists", {"user": user}, via="pam"), {"exists": exists}, user)

    def test_change(self):
        name = self.take()
        link = self.worker.link(name)
        self.assertEqual(self.change(name, password_of(name), GOOD), {})
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.fails("LinkDead", self.worker.set_password, link, BETTER)
        self.fails("WrongPassword", self.change, name, password_of(name), BETTER)
        self.assertNotIn("proof", str(self.slapd.entry(name)["pwresetEvent"]))

    def test_refused_change(self):
        name = self.take()
        for password, reason in (("short", "too-short"), (password_of(name), "old-password"),
                                 (password_of(name) + "1", "old-password")):
            refused = self.fails("PasswordRefused", self.change, name, password_of(name), password)
            self.assertIn(reason, refused["reasons"], password)
        self.assertTrue(self.slapd.binds(name, password_of(name)))

    def test_bytes_of_all_kinds(self):
        """Old passwords are whatever they are: raw bytes."""
        name, raw = self.take(), bytes(range(128, 256)) + b" \t y "
        self.slapd.client("ldapmodify", input=f"dn: uid={name},{PEOPLE}\nchangetype: modify\nreplace: userPassword\n"
                          f"userPassword:: {b64(raw)}\n-\n")
        self.assertEqual(self.verify_password(name, raw), {})
        self.assertEqual(self.change(name, raw, "пять серых котов 58"), {})
        self.assertTrue(self.slapd.binds(name, "пять серых котов 58"))
        for bad in ("not base64", "QQ=", "Q Q="):
            self.fails("InvalidParameter", self.worker.call, "Password.Verify", {"user": name, "password": bad})

    def scheme(self, name):
        return self.slapd.entry(name)["userPassword"][0].partition("}")[0] + "}"

    def test_privileged_people_change_what_they_know_with_their_own_rights(self):
        for name in ("grace", "heidi", "system"):
            old = password_of(name)
            for via, error in (("web", "WrongPassword"), ("relay", "WrongPassword"), ("ctl", "NotAllowed")):
                self.fails(error, self.change, name, old, GOOD, via=via)
            self.fails("WrongPassword", self.change, name, "wrong", GOOD, via="pam")
            self.assertIn("old-password", self.fails("PasswordRefused", self.change, name, old, old + "1", via="pam")["reasons"])
            self.assertTrue(self.slapd.binds(name, old))
            before, operation = set(self.slapd.entry(name)), identifier()
            self.assertEqual(self.change(name, old, GOOD, via="pam", operation=operation), {})
            self.assertTrue(self.slapd.binds(name, GOOD))
            self.assertFalse(self.slapd.binds(name, old))
            self.assertEqual(self.scheme(name), self.SCHEME)
            entry = self.slapd.entry(name)
            self.assertFalse({key for key in set(entry) - before if key.startswith("pwreset")}, "nothing of ours is written there")
            # Everybody is told of a change, but of none that was not.
            told = self.worker.mint("changed", name, id=operation, done=True)
            self.assertEqual(told["mail"]["to"], [f"{name}@example.com"])
            later = now() + 5
            skipped = self.worker.mint("changed", name, created=later, missed=True)["skip"]
            # Where nothing shows when a password was changed nobody can tell, and that is told in the end.
            visible = "pwdChangedTime" in self.slapd.entry(name, "pwdChangedTime")
            self.assertEqual(skipped, "not-done" if visible else "unsure")
            if not visible:
                mail = self.worker.mint("changed", name, created=later, now=later + 601)["mail"]
                self.assertEqual(mail["values"]["unsure"], "yes")
            # And no way back in has been opened.
            self.assertEqual(self.worker.mint("link", name), {"skip": "privileged"})
            self.fails("WrongPassword", self.worker.call, "Account.EnrollCodes", {"user": name, "current": b64(GOOD)})
            self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "userPassword", old))

    def test_set_by_root(self):
        name = self.take()
        call = {"user": name, "password": b64(GOOD)}
        self.fails("PermissionDenied", self.worker.call, "Password.SetByRoot", call, via="pam", roles=["root"])
        site = Site(self.slapd.uri, sections={"roles": {"root-sets-passwords": "yes"}}, pepper=self.site.pepper)
        self.addCleanup(site.close)
        allowed = self.new_worker(site)
        self.fails("PermissionDenied", allowed.call, "Password.SetByRoot", call, via="relay")
        for privileged in ("system", "grace", "heidi"):
            self.assertEqual(self.fails("NotAllowed", allowed.call, "Password.SetByRoot",
                                        {**call, "user": privileged}, via="pam", roles=["root"]), {"reason": "privileged"})
        self.assertEqual(allowed.call("Password.SetByRoot", call, via="pam", roles=["root"]), {})
        self.assertTrue(self.slapd.binds(name, GOOD))

    def test_check(self):
        name = self.take()

        def judge(password, **more):
            return self.worker.call("Password.Check", {"password": b64(password), **more}, via=more.pop("via", "ctl"))

        self.assertTrue(judge(GOOD)["accepted"])
        self.assertIn("common", judge("password1")["reasons"])
        self.assertIn("personal", judge("zanzibarquux", words=["Zanzibarquux"])["reasons"])
        self.assertIn("old-password", judge(GOOD + "1", old=b64(GOOD))["reasons"])
        self.assertEqual(judge("x" * 512)["reasons"], ["too-long"])
        self.assertTrue(self.worker.call("Password.Check", {"password": b64(f"{name}@example.com"), "user": name},
                                         via="pam")["reasons"])


class WithoutPpolicy(Passwords, DirectoryCase):
    SCHEME = "{ARGON2}"
    site_options = {"decoy_dn": DECOY}


class StrictPpolicy(Passwords, DirectoryCase):
    SCHEME = "{SSHA}"  # its policy has to see the password, and slapd hashes it then
    ppolicy = PPOLICY["strict"]
    site_options = {"decoy_dn": DECOY}

    def test_server_history_is_ours_for_hashes(self):
        name = self.take()
        self.change(name, password_of(name), GOOD)
        self.change(name, GOOD, BETTER)
        self.assertEqual(self.fails("PasswordRefused", self.change, name, BETTER, GOOD)["reasons"], ["history"])


class Lockout(DirectoryCase):
    """pwdMaxFailure is 5: strangers at our doors never get an account locked."""

    ppolicy = PPOLICY["plain"]
    people_count = 40
    site_options = {"decoy_dn": DECOY}

    def guess(self, name, **caller):
        try:
            self.worker.call("Password.Verify", {"user": name, "password": b64("wrong")}, **{"via": "pam", **caller})
        except Failure as failure:
            return failure.error
        return None

    def test_stops_below_the_limit(self):
        name = self.take()
        answers = [self.guess(name) for _ in range(12)]
        self.assertEqual(answers[:4], ["WrongPassword"] * 4)
        self.assertEqual(set(answers[4:]), {"TryLater"})
        self.assertTrue(self.slapd.binds(name, password_of(name)), "one's own login still works")
        self.assertEqual(self.guess(name), "WrongPassword", "and a login starts the count anew")

    def test_on_the_page_nobody_is_told_to_wait(self):
        """It would tell who exists."""
        for name in (self.take(), "nobody"):
            self.assertEqual([self.guess(name, via="web") for _ in range(8)], ["WrongPassword"] * 8)

    def test_seconds_until_the_interval_is_over(self):
        name, start = self.take(), now()
        for _ in range(4):
            self.guess(name, now=start)
        seconds = self.fails("TryLater", self.worker.call, "Password.Verify", {"user": name, "password": b64("wrong")},
                             via="pam", now=start)["seconds"]
        self.assertTrue(290 <= seconds <= 301, seconds)
        self.assertEqual(self.guess(name, now=start + 310), "WrongPassword")

    def test_fifty_at_once(self):
        name = self.take()
        racers = [self.new_worker() for _ in range(50)]
        for racer in racers:
            racer.send("Password.Verify", {"user": name, "password": b64("wrong")}, via="pam", deadline=60000)
        errors = []
        for racer in racers:
            with self.assertRaises(Failure) as caught:
                racer.receive(60)
            errors.append(caught.exception.error)
        self.assertLessEqual(set(errors), {"WrongPassword", "TryLater"})
        self.assertLessEqual(errors.count("WrongPassword"), 4)
        self.assertNotIn("pwdAccountLockedTime", self.slapd.entry(name))
        self.assertTrue(self.slapd.binds(name, password_of(name)))

    def test_worker_killed_in_between_holds_nobody_up_for_long(self):
        name, start = self.take(), now()
        entry = f"uid={name},{PEOPLE}"
        self.slapd.modify(entry, ("add", "objectClass", "pwresetAccount"))
        for number in range(4):
            self.slapd.modify(entry, ("add", "pwresetEvent", f"proof:{start}:{'A' * 21}{number}::"))
        self.assertEqual(self.guess(name, now=start), "TryLater")
        self.assertEqual(self.guess(name, now=start + 31), "WrongPassword")
        self.assertFalse([event for event in self.slapd.entry(name).get("pwresetEvent", []) if event.startswith("proof")])

    def test_locked_account_is_told_nothing(self):
        name = self.take()
        for _ in range(5):
            self.slapd.binds(name, "wrong")
        self.assertIn(self.guess(name), ("TryLater", "WrongPassword"))

    def test_recovery_and_login_failures_are_apart(self):
        name = self.take()
        code = self.worker.code(name)
        wrong = code[:2] + ("A" if code[2] != "A" else "B") + code[3:]
        for _ in range(8):
            self.fails("Refused", self.verify, name, wrong)
        self.assertNotIn("pwdFailureTime", self.slapd.entry(name))


class Expired(DirectoryCase):
    """An expired password is still a proof, and recovers."""

    ppolicy = {"pwdMaxAge": "1", "pwdGraceAuthNLimit": "0"}
    people_count = 5

    def test_change_and_link(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "userPassword", password_of(name)))
        time.sleep(2.1)
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.fails("WrongPassword", self.worker.call, "Password.Change",
                   {"user": name, "current": b64("wrong"), "password": b64(GOOD)})
        self.assertEqual(self.worker.call("Password.Change", {
            "user": name, "current": b64(password_of(name)), "password": b64(GOOD)}), {})
        self.worker.set_password(self.worker.link(name), BETTER)


if __name__ == "__main__":
    main()
