#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What services for password recovery offer to IT staff, row by row, by the real tool, page and prompt."""
import json
import os
import re
import unittest

from harness import CODE, KEYBOARD_INTERACTIVE, LINK, LabCase, eventually, people, pexpect

NEW = "teal kayak orbits mars 41"
OTHER = "brass otter hums quietly 7"
ANSWERS = ("a blue heron", "Lindenweg in spring", "burnt pancakes")
old = people.password


class Services(LabCase):
    LAB = {"name": f"services-{os.getpid()}", "profile": "ldap"}
    # A pseudo-terminal counts as the network, where questions alone would open nothing.
    SETTINGS = {**LabCase.SETTINGS, "recovery": {"questions": "alone"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.set_policy(pwdMustChange="TRUE")
        # What the doctor says of such a policy: nslcd's search after its bind would be refused.
        cls.lab.write("/etc/nslcd.conf", cls.lab.read("/etc/nslcd.conf") + "pam_authc_search NONE\n", 0o640)
        cls.lab.restart("nslcd")
        cls.lab.start_proxy()

    def record(self, user, by="helen"):
        return json.loads(self.ctl(by, "show", user, "--json=short").stdout)["record"]

    def newest(self, mailbox, before):
        return self.lab.wait_mail(mailbox, before + 1, timeout=30)[before]

    def journal_of(self, user):
        """Entries of the mails that were asked for somebody."""
        return [entry for entry in self.lab.journal("pwresetd.service")
                if entry.get("PWRESET_USER") == user and entry.get("PWRESET_EVENT") == "mail"]

    def test_recovery_is_started_from_the_record(self):
        before = self.record("carol")
        self.assertEqual(("active", [], ["c***@e***.com"]), (before["state"], before["requests"], before["addresses"]))
        self.assertIn("on its way", self.ctl("helen", "send-link", "carol").stdout)
        ticket = LINK.search(self.body(self.newest("carol", 0))).group(1)
        self.assertEqual(["link"], [request["kind"] for request in self.record("carol")["requests"]])
        self.assert_password("carol", old("carol"))
        self.assertEqual(200, self.page("/r/" + ticket, {"user": "carol", "password": NEW, "again": NEW})[0])
        after = self.record("carol")
        self.assertEqual([], after["requests"])
        self.assertIn("changed", [event["what"] for event in after["events"]])
        self.assertGreater(after["passwordChanged"], before["passwordChanged"])
        self.assert_password("carol", NEW, [old("carol")])
        self.assertRegex(self.ctl("root", "audit", "--user=carol", "--by=helen").stdout, r"(?m)  helen  mail link +carol  sent  ")

    def test_bulk_from_a_selection(self):
        names = [f"user{number:04}" for number in range(20, 30)]
        found = self.ctl("helen", "find", "(uid=user002*)").stdout.split()
        self.assertEqual(names, found)
        done = self.ctl("helen", "send-link", "--filter=(uid=user002*)")
        self.assertIn("Links on their way: 10, refused: 0.", done.stdout)
        for name in names:
            self.assertTrue(LINK.search(self.body(self.newest(name, 0))))
        run = re.search(r"--batch=(\S+)", done.stderr).group(1)
        self.ctl("helen", "send-link", "--filter=(uid=user002*)", f"--batch={run}")
        self.ctl("helen", "send-link", "user0030")
        self.newest("user0030", 0)
        self.assertEqual([1] * 10, [len(self.lab.mails(name)) for name in names], "the same run again mails nobody twice")

    def test_password_specified_now(self):
        self.ctl("helen", "set-password", "bob", "--stdin", status=3, secret=NEW + "\n")
        self.assert_password("bob", old("bob"))
        self.assertIn("not good enough", self.ctl("ada", "set-password", "bob", "--stdin", status=3, secret="bob12345\n").stderr)
        self.assert_password("bob", old("bob"))
        self.ctl("ada", "set-password", "bob", "--stdin", secret=NEW + "\n")
        self.assert_password("bob", NEW, [old("bob")])
        self.assertTrue(self.ssh_login("bob", NEW))
        self.assertFalse(self.ssh_login("bob", old("bob")))
        self.assertIn("changed", self.newest("bob", 0)["Subject"].lower())

    def test_owner_only_by_owner(self):
        for words in (("send-link", "otto"), ("revoke", "otto"), ("set-password", "otto", "--generate")):
            for by in ("helen", "ada"):
                said = self.ctl(by, *words, status=3)
                self.assertRegex(said.stdout + said.stderr, "privileged|permitted")
        self.assertIn("somebody else", self.ctl("olga", "send-link", "olga", status=3).stdout)
        self.ctl("olga", "send-link", "otto")
        ticket = LINK.search(self.body(self.newest("otto", 0))).group(1)
        self.assertEqual(200, self.page("/r/" + ticket)[0])

    def test_pin_on_the_telephone(self):
        self.assertIn("not set up", self.ctl("helen", "verify-pin", "erin", "--stdin", status=3, secret="4711\n").stderr)
        self.ctl("helen", "set-pin", "erin", "--stdin", status=3, secret="471108\n")
        self.ctl("ada", "set-pin", "erin", "--stdin", status=2, secret="47x1\n")
        self.ctl("ada", "set-pin", "erin", "--stdin", secret="471108\n")
        self.assertTrue(self.record("erin")["pin"])
        self.ctl("helen", "verify-pin", "erin", "--stdin", secret="471108\n")
        for _ in range(5):
            self.ctl("helen", "verify-pin", "erin", "--stdin", status=3, secret="471109\n")
        self.ctl("helen", "verify-pin", "erin", "--stdin", status=3, secret="471108\n")
        self.ctl("helen", "unlock", "erin")
        self.ctl("helen", "verify-pin", "erin", "--stdin", secret="471108\n")
        self.assertTrue(self.lab.binds("erin", old("erin")), "no PIN locks a login")

    def test_forgotten_user_name(self):
        self.ctl("helen", "remind-username", "grace")
        self.assertIn("\n    grace\n", self.body(self.newest("grace", 0)).replace("\r", ""))
        known = self.page("/username", {"address": "zoe@example.com"})
        self.assertEqual(known, self.page("/username", {"address": "nobody@example.com"}))
        self.assertIn("zoe", self.body(self.newest("zoe", 0)))
        self.assertIn("no e-mail address", self.ctl("helen", "remind-username", "nomail", status=3).stderr)

    def test_other_address_for_once(self):
        before = len(self.lab.mails("elsewhere"))
        self.assertIn("no e-mail address", self.ctl("helen", "send-link", "nomail", status=3).stdout)
        self.assertIn("not for helpdesk", self.ctl("helen", "set-mail", "nomail", "pat@example.net", "--once", status=3).stderr)
        self.ctl("helen", "set-mail", "nomail", "pat@example.org", "--once")
        self.assertEqual(["p***@e***.org"], self.record("nomail")["addresses"])
        self.ctl("helen", "send-link", "nomail")
        link = eventually(lambda: [mail for mail in self.lab.mails("elsewhere")[before:] if LINK.search(self.body(mail))], 30)
        self.assertEqual("pat@example.org", link[0]["To"])
        ticket = LINK.search(self.body(link[0])).group(1)
        self.assertEqual(200, self.page("/r/" + ticket, {"user": "nomail", "password": NEW, "again": NEW})[0])
        self.assert_password("nomail", NEW, [old("nomail")])
        self.assertEqual([], self.record("nomail")["addresses"], "it is gone after the recovery")
        self.ctl("helen", "send-link", "nomail", status=3)

    def forced_change(self, user, temporary, new):
        """Logs in with the temporary password, and is made to choose another."""
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=40)
        child.expect("[Pp]assword: ")
        child.sendline(temporary)
        child.expect("[Cc]urrent [^:]*[Pp]assword: ")
        child.sendline(temporary)
        for prompt in ("New password: ", "Retype new password: "):
            child.expect(prompt)
            child.sendline(new)
        child.expect(rf"{user}@lab:\S*\$ ")
        child.sendline("id -un; exit")
        child.expect(rf"\r\n{user}\r\n")
        child.expect(pexpect.EOF)

    def test_temporary_password_forces_a_change(self):
        shown = self.ctl("ada", "set-password", "dave", "--temporary", "--generate").stdout
        temporary = re.fullmatch(r"New password: (\S.*)\n", shown).group(1)
        self.assert_password("dave", temporary, [old("dave")])
        self.assertTrue(self.record("dave")["mustChange"])
        self.forced_change("dave", temporary, NEW)
        self.assert_password("dave", NEW, [temporary])
        self.assertFalse(self.record("dave")["mustChange"])
        self.assertTrue(self.ssh_login("dave", NEW))

    def test_temporary_password_where_the_policy_does_not_ask_for_a_change(self):
        """slapd's own default is pwdMustChange FALSE."""
        self.lab.set_policy(pwdMustChange="FALSE")
        try:
            temporary = self.ctl("ada", "set-password", "heidi", "--temporary", "--generate", "-q").stdout.strip()
            self.forced_change("heidi", temporary, NEW)
        finally:
            self.lab.set_policy(pwdMustChange="TRUE")
        self.assert_password("heidi", NEW, [temporary])
        self.assertTrue(self.ssh_login("heidi", NEW))

    def test_temporary_password_by_mail(self):
        self.ctl("ada", "set-password", "frank", "--mail")
        body = self.body(self.newest("frank", 0)).replace("\r", "")
        self.assertIn("Passwort", body, "in the person's language")
        temporary = re.search(r"\n    (\S[^\n]*)\n", body).group(1)
        self.assert_password("frank", temporary, [old("frank")])
        self.forced_change("frank", temporary, NEW)
        self.assert_password("frank", NEW, [temporary])

    def test_mail_test(self):
        said = self.ctl("root", "test-mail", "ivan@example.com").stdout
        self.assertIn("The relay has taken the message", said)
        self.assertNotIn("FAILED", said)
        self.assertEqual("auto-generated", self.newest("ivan", 0)["Auto-Submitted"])
        said = self.ctl("root", "test-mail", "nobody-at-all@example.com", status=1).stdout
        self.assertRegex(said, r"(?m)^FAILED  .*550")
        self.ctl("ada", "test-mail", "ivan@example.com", status=3)

    def test_refused_accounts_look_alike_outside_and_leave_a_line_for_it(self):
        reasons = {"fresh": "inactive", "expired": "inactive", "disabled": "inactive", "lockedadmin": "inactive",
                   "sysop": "privileged", "stan": "privileged", "ada": "privileged"}
        unknown = self.page("/", {"user": "nosuchperson"})
        for user in reasons:
            self.assertEqual(unknown, self.page("/", {"user": user}), user)
        prompts = {self.refused_at_the_prompt(user) for user in ("nosuchperson", "expired", "sysop")}
        self.assertEqual(1, len(prompts), prompts)
        for user, reason in reasons.items():
            entries = eventually(lambda: self.journal_of(user), 30)  # pylint: disable=cell-var-from-loop
            self.assertTrue(entries, f"no line about {user}")
            self.assertEqual({reason}, {entry["PWRESET_RESULT"] for entry in entries}, user)
            self.assertIn(reason, self.ctl("root", "audit", f"--user={user}").stdout)
            self.assertEqual([], self.lab.mails(user), user)
        self.assertEqual([], self.journal_of("nosuchperson"), "whoever types a password there finds it in no log")
        # Staff are told, and may activate a new account.
        self.assertIn("expired", self.ctl("ada", "send-link", "expired", status=3).stdout)
        self.assertIn("locked", self.ctl("ada", "send-link", "lockedadmin", status=3).stdout)
        self.ctl("ada", "send-link", "fresh")
        self.assertTrue(LINK.search(self.body(self.newest("fresh", 0))))

    def refused_at_the_prompt(self, user):
        """What a person sees who asks for a code and types one that is none."""
        child = self.lab.ssh(user, options=(*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1"), timeout=40)
        for prompt, reply in (("[Pp]assword: ", ""), ("try again: ", "y"), ("other ways: ", "y"), ("Code: ", "AAAA-BBBB"),
                              ("other ways: ", "")):
            child.expect(prompt)
            child.sendline(reply)
        child.expect(": ")
        child.close(force=True)
        return re.sub(rf"\b{user}@", "USER@", child.seen.getvalue())

    # ---- what people set up for themselves

    def enroll_questions(self, user):
        child = self.lab.spawn(["env", "LC_ALL=C.UTF-8", "pwresetctl", "enroll", "questions"], user=user, timeout=40)
        child.expect("Current password: ")
        child.sendline(old(user))
        child.expect(r"Choose 3 of them\.")
        for number, answer in enumerate(ANSWERS, 1):
            child.expect("Number of a question: ")
            child.sendline(str(number))
            child.expect("  Answer: ")
            child.sendline(answer)
            child.expect("  Answer again: ")
            child.sendline(answer)
        child.expect("Your secret questions are set up.")
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(0, child.exitstatus)
        self.assertFalse(any(answer in child.seen.getvalue() for answer in ANSWERS), "answers are typed without echo")

    def test_questions_set_up_at_the_terminal_open_the_login(self):
        self.enroll_questions("judy")
        self.assertEqual(3, self.record("judy")["questions"])
        child = self.lab.spawn(["login", "-p"], timeout=40)
        for prompt, reply in (("login: ", "judy"), ("[Pp]assword: ", ""), ("try again: ", "y"), ("other ways: ", ""),
                              ("other way: ", "y")):
            child.expect(prompt)
            child.sendline(reply)
        for answer in ANSWERS:
            child.expect(r"\?[^\n]*[: ]$")
            child.sendline(answer.upper())
        for prompt in ("New password: ", "Retype new password: "):
            child.expect(prompt)
            child.sendline(NEW)
        child.expect(r"judy@lab:\S*\$ ")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        self.assert_password("judy", NEW, [old("judy")])

    def test_recovery_address_confirmed_at_once(self):
        before = len(self.lab.mails("elsewhere"))
        child = self.lab.spawn(["env", "LC_ALL=C.UTF-8", "pwresetctl", "enroll", "mail", "kim@example.net"], user="kim", timeout=40)
        child.expect("Current password: ")
        child.sendline(old("kim"))
        child.expect(r"Code in the mail \(Enter = later\): ")
        mails = eventually(lambda: [mail for mail in self.lab.mails("elsewhere")[before:] if mail["To"] == "kim@example.net"], 30)
        child.sendline(CODE.search(self.body(mails[0])).group(0).lower())
        child.expect("The address is confirmed. It counts in 24 hours.")
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(0, child.exitstatus)
        self.assertIn("counts 24 hours after", self.ctl("kim", "status").stdout)
        self.assertIn("address", self.newest("kim", 0)["Subject"].lower(), "the address on file is told")

    def test_recovery_address_confirmed_later(self):
        before = len(self.lab.mails("elsewhere"))
        self.ctl("peggy", "enroll", "mail", "peggy@example.net", "--stdin", secret=old("peggy") + "\n")
        self.assertIn("not confirmed", self.ctl("peggy", "status").stdout)
        mails = eventually(lambda: [mail for mail in self.lab.mails("elsewhere")[before:] if mail["To"] == "peggy@example.net"], 30)
        code = CODE.search(self.body(mails[0])).group(0)
        wrong = ("2" if code[-1] != "2" else "3")
        self.ctl("peggy", "confirm-mail", "peggy@example.net", "--stdin", status=3, secret=code[:-1] + wrong + "\n")
        self.ctl("kim", "confirm-mail", "peggy@example.net", "--stdin", status=3, secret=code + "\n")
        self.ctl("peggy", "confirm-mail", "peggy@example.net", "--stdin", secret=code + "\n")
        self.assertIn("counts 24 hours after", self.ctl("peggy", "status").stdout)

    def test_status_says_what_is_missing(self):
        shown = self.ctl("sybil", "status").stdout
        for missing in ("enroll questions", "enroll codes"):
            self.assertIn(missing, shown)
        self.assertNotIn("enroll mail", shown, "there is an address on file")
        self.assertIn("enroll mail", self.ctl("nomail", "status").stdout)
        codes = self.ctl("sybil", "enroll", "codes", "--stdin", "--quiet", secret=old("sybil") + "\n").stdout.split()
        self.assertEqual(10, len(set(codes)))
        shown = self.ctl("sybil", "status").stdout
        self.assertNotIn("enroll codes", shown)
        self.assertRegex(shown, r"Saved codes: 10\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
