#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The matrix of programs and PAM stacks: what people see with the module, and that nobody else sees anything.

Every ordinary dialogue is first recorded without the product and then compared, byte by byte.
"""

import os
import sys
import time
import unittest

from harness import BUILD, BY_PASSWORD, CODE, KEYBOARD_INTERACTIVE, UNLIMITED, LabCase, people, pexpect, stop_daemon
from lab import Lab
from pam_matrix import GREETER, ROWS, Marks, run_apart
from pam_programs import ORDINARY, SHELL, Programs, clean, together

NEW = "teal kayak orbits mars 41"
WRONG = "not-the-Password-17"
NEXT = "seven quiet lanterns over Oslo"
OFFER = "Forgot it? y = recover, Enter = try again: "
OFFER_MAIL = "E-mail me a code? y = yes, Enter = other ways: "
UNAVAILABLE = "Recovery is not available right now."

# The other half of pam_faillock, as a site has it.
TALLY = """Name: Tally of failed logins
Default: no
Priority: 0
Auth-Type: Primary
Auth:
	[default=die]	pam_faillock.so authfail
Account-Type: Additional
Account:
	required	pam_faillock.so
"""
TALLY_ABOVE = """Name: Tally of failed logins, asked first
Default: no
Priority: 1024
Auth-Type: Primary
Auth:
	requisite	pam_faillock.so preauth silent
"""


class Stack:
    """Tests over one kind of stack; the classes below say which."""

    PROFILE = None  # ldap: nslcd and pam_ldap; sss: SSSD
    TALLY = False
    lab = None
    before = {}
    marks = None

    @classmethod
    def setUpClass(cls):
        cls.marks = Marks(cls.PROFILE + ("+faillock" if cls.TALLY else ""))
        cls.addClassCleanup(cls.marks.save)
        cls.lab = Lab.new(profile=cls.PROFILE)
        cls.addClassCleanup(cls.lab.stop)
        cls.lab.start()
        # pwdReset counts where pwdMustChange says so
        cls.lab.set_policy(pwdMaxFailure="1000", pwdMustChange="TRUE")
        cls.people = iter(f"user{number:04}" for number in range(100, 900))
        cls.programs = Programs(cls.lab)
        main = "sss" if cls.PROFILE == "sss" else "ldap"
        pam = ["pwreset-recovery", "pwreset-password"]
        if cls.TALLY:
            cls.lab.write("/usr/share/pam-configs/tally", TALLY)
            cls.lab.write("/usr/share/pam-configs/tally-above", TALLY_ABOVE)
            cls.tally(1000)
            cls.lab.exec(["lab-pam", main, "--enable", "tally", "tally-above"])
            pam = ["pwreset-recovery-faillock", "pwreset-password", "tally", "--disable", "tally-above"]
        cls.before = cls.record()
        cls.lab.install_product(BUILD, {"limits": UNLIMITED}, pam=tuple(pam))
        cls.nudge("1")

    @classmethod
    def tally(cls, deny):
        cls.lab.write("/etc/security/faillock.conf", f"deny = {deny}\nfail_interval = 900\n")

    @classmethod
    def record(cls):
        """{(row, kind of reply): transcript}"""
        jobs = {}
        for row, (method, offers) in ORDINARY.items():
            program = getattr(cls.programs, method)
            admin = "sudo" in row
            good = people.password("alice" if admin else "bob")
            for kind, secret in (("right", good), ("wrong", WRONG), ("empty", "")):
                if not (kind == "empty" and offers):
                    jobs[row, kind] = (program, secret)
        return together(jobs)

    def mark(self, row, column):
        self.marks.add(row, column)

    def person(self, **attributes):
        """Somebody whom no other test has, with the password that everybody has."""
        uid = next(self.people)
        if attributes:
            self.lab.replace(uid, **attributes)
        return uid

    def compare(self, after, column):
        """Marks the rows in which nothing differs from what was recorded."""
        for row in ORDINARY:
            kinds = [kind for name, kind in self.before if name == row]
            if all(self.before[row, kind] == after[row, kind] for kind in kinds):
                self.mark(row, column)
        for key, text in self.before.items():
            with self.subTest(program=key[0], reply=key[1]):
                self.assertEqual(text, after[key])
                self.assertNotIn("[does not end]", text)
        # The recording itself has to be one of logins that worked.
        for row in ORDINARY:
            if row not in ("ssh BatchMode", "sudo -n"):
                self.assertIn("[0]", self.before[row, "right"], row)
                self.assertNotIn("[0]", self.before[row, "wrong"], row)

    # ---- unchanged

    def test_ordinary_logins_are_unchanged(self):
        self.compare(self.record(), "unchanged")

    def test_cron(self):
        self.assertEqual("bob\n", self.programs.cron())
        self.mark("cron", "unchanged")

    def test_given_up_at_the_password(self):
        """^D at login: asked once, as without the module."""
        child = self.lab.spawn(["login", "-p"])
        self.programs.answer(child, "bob")
        child.expect("Password: $")
        child.sendcontrol("d")
        child.expect("lab login: $", timeout=20)
        self.assertEqual(1, child.seen.getvalue().count("Password:"))
        child.close(force=True)

    # ---- recovery

    def begin(self, child, user, new=NEW):
        """The dialogue of a mailed code, from the password prompt to the last Enter."""
        before = len(self.lab.mails(user))
        for prompt, reply in (("Password: $", ""), ("try again: $", "y"), ("other ways: $", "y")):
            child.expect(prompt)
            child.sendline(reply)
        child.expect("Code: $")
        mail = self.lab.wait_mail(user, before + 1, timeout=30)[before]
        child.sendline(CODE.search(LabCase.body(mail)).group(0))
        for prompt in ("New password: $", "Retype new password: $"):
            child.expect(prompt)
            child.sendline(new)

    def recover_ssh(self, user):
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=40)
        self.begin(child, user)
        child.expect(SHELL)
        child.sendline("id -un; exit")
        said = self.programs.end(child)
        self.assertIn(f"\n{user}\n", said)
        return said

    def recover_login(self, user):
        child = self.lab.spawn(["login", "-p"], timeout=40)
        child.expect("login: $")
        child.sendline(user)
        self.begin(child, user)
        child.expect(SHELL)
        child.sendline("id -un; exit")
        said = self.programs.end(child)
        self.assertIn(f"\n{user}\n", said)
        return said

    def test_recovery_by_ssh(self):
        user = self.person()
        said = self.recover_ssh(user)
        self.assertIn("Your password has been changed.", said)
        self.assertTrue(self.lab.binds(user, NEW))
        self.assertFalse(self.lab.binds(user, people.password(user)))
        self.mark("sshd keyboard-interactive", "recovery")

    def test_recovery_by_login(self):
        user = self.person()
        self.recover_login(user)
        self.assertTrue(self.lab.binds(user, NEW))
        self.mark("login", "recovery")

    def copying(self, program, user):
        """scp or sftp at a terminal, as a person runs it, up to the server's first prompt."""
        host = f"{user}@lab.example.com"
        words = ["/etc/hostname", f"{host}:copied"] if program == "scp" else [host]
        chosen = (*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1")
        options = [word for option in chosen for word in ("-o", option)] + self.programs.options()
        return self.lab.net_spawn([program, *options, *words], timeout=60)

    def copied(self, program, user, child):
        """Whether the file arrived, once the server's last prompt is answered."""
        if program == "sftp" and child.expect(["sftp> $", pexpect.EOF]) == 0:
            child.sendline("put /etc/hostname copied")
            child.expect("sftp> $")
            child.sendline("bye")
        said = self.programs.end(child)
        home = self.lab.exec(["sh", "-c", f"echo ~{user}"]).stdout.strip()
        there = self.lab.exec(["test", "-s", f"{home}/copied"], check=False).returncode == 0
        self.assertEqual(there, said.endswith("[0]"), said)
        return there

    def test_copying(self):
        """Who copies a file meets the same dialogues as who logs in."""
        for program in ("scp", "sftp"):
            user = self.person()
            child = self.copying(program, user)
            self.begin(child, user)
            self.assertTrue(self.copied(program, user, child))
            self.assertTrue(self.lab.binds(user, NEW))
            self.mark(program, "recovery")
            user = self.person()
            child = self.copying(program, user)
            self.programs.answer(child, "", "y", "y", "AAAA-AAAA", "BBBB-BBBB", "hello there")
            self.assertFalse(self.copied(program, user, child))
            self.mark(program, "refused")
            user = self.person(**self.EXPIRED)
            child = self.copying(program, user)
            self.programs.answer(child, people.password(user), people.password(user), NEXT, NEXT)
            self.assertTrue(self.copied(program, user, child))
            self.assertTrue(self.lab.binds(user, NEXT))
            self.mark(program, "expired")

    def test_try_again(self):
        user = self.person()
        child = self.lab.ssh(user, "id", "-un", options=KEYBOARD_INTERACTIVE)
        said = self.programs.talk(child, "", "", people.password(user))
        self.assertTrue(said.endswith(f"{user}\n[0]"), said)

    def test_code_outlives_the_connection(self):
        user = self.person()
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=40)
        self.programs.answer(child, "", "y", "y")
        child.expect("Code: $")
        code = CODE.search(LabCase.body(self.lab.wait_mail(user, 1, timeout=30)[0])).group(0)
        child.close(force=True)
        child = self.lab.spawn(["login", "-p"], timeout=40)
        self.programs.answer(child, user, "", "y", "y", code, NEW, NEW)
        child.expect(SHELL)
        child.close(force=True)
        self.assertTrue(self.lab.binds(user, NEW))

    # ---- refused, and who exists

    def refused(self, user, ssh):
        """Three wrong codes; the transcript without the name."""
        wrong = ("AAAA-AAAA", "BBBB-BBBB", "hello there")
        if ssh:
            child = self.lab.ssh(user, "id", options=(*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1"))
            said = self.programs.talk(child, "", "y", "y", *wrong)
        else:
            child = self.lab.spawn(["login", "-p"])
            self.programs.answer(child, user, "", "y", "y", *wrong)
            child.expect(["login: $", pexpect.TIMEOUT], timeout=20)
            child.expect(["login: $", pexpect.TIMEOUT], timeout=5)
            said = clean(child.seen.getvalue())
            child.close(force=True)
        return said.replace(user, "NAME")

    def test_refused_and_unknown_look_alike(self):
        names = [self.person(), "nosuchperson", "fresh", "disabled", "nomail", "expired", "stan", "lockedadmin"]
        for ssh, row in ((True, "sshd keyboard-interactive"), (False, "login")):
            said = together({name: (self.refused, name, ssh) for name in names})
            for name in names:
                with self.subTest(row=row, name=name):
                    self.assertEqual(said[names[0]], said[name])
            self.assertEqual(2, said[names[0]].count("Wrong code."))
            self.assertNotIn("New password", said[names[0]])
            self.mark(row, "refused")

    def test_other_ways_look_alike(self):
        """Questions that nobody enrolled, then no saved code, over ssh's junk and at the console."""
        for ssh in (True, False):
            said = {}
            for name in (self.person(), "nosuchperson"):
                if ssh:
                    options = (*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1")
                    child = self.lab.ssh(name, "id", options=options)
                else:
                    child = self.lab.spawn(["login", "-p"])
                    self.programs.answer(child, name)
                for prompt, reply in (("Password: $", ""), ("try again: $", "y"), ("ways: $", ""), ("way: $", "y")):
                    child.expect(prompt, timeout=20)
                    child.sendline(reply)
                # the decoys of a name are its own: count them
                asked = 0
                while child.expect([r"\? $", "Code: $", "way: $"], timeout=20) == 0:
                    asked += 1
                    child.sendline("an answer")
                if "Code:" in child.after:
                    child.sendline("AAAA-AAAA")
                    child.expect("way: $", timeout=20)
                said[name] = (asked, child.before.replace(name, "NAME"))
                child.close(force=True)
            first, second = said.values()
            self.assertGreaterEqual(first[0], 3)
            self.assertEqual(first[0], second[0])

    # ---- a password that has to be changed

    EXPIRED = {"shadowLastChange": "0"}

    def test_forced_change_by_ssh(self):
        user = self.person(**self.EXPIRED)
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=40)
        self.programs.answer(child, people.password(user), people.password(user), NEXT, NEXT)
        child.expect(SHELL)
        child.close(force=True)
        self.assertTrue(self.lab.binds(user, NEXT))
        self.mark("sshd keyboard-interactive", "expired")

    def test_forced_change_by_ssh_with_a_password(self):
        """The method asks once; sshd lets passwd ask at the terminal, and ends."""
        user = self.person(**self.EXPIRED)
        child = self.lab.ssh(user, options=(*BY_PASSWORD, "NumberOfPasswordPrompts=1"), timeout=60)
        self.programs.answer(child, people.password(user), people.password(user), NEXT, NEXT)
        child.expect([SHELL, pexpect.EOF])
        child.close(force=True)
        self.assertTrue(self.lab.binds(user, NEXT))
        self.mark("sshd password", "expired")

    def test_forced_change_by_sudo(self):
        self.lab.replace("dave", **self.EXPIRED)
        old = people.password("dave")
        said = self.programs.talk(self.lab.spawn(["sudo", "-k", "id", "-un"], user="dave"), old, old, NEXT, NEXT)
        self.assertTrue(self.lab.binds("dave", NEXT), said)
        self.assertTrue(said.endswith("root\n[0]"), said)
        self.mark("sudo", "expired")

    def test_forced_change_by_passwd(self):
        """Who need not log in to change it."""
        user = self.person(**self.EXPIRED)
        said = self.programs.passwd(user, people.password(user), NEXT, NEXT)
        self.assertIn("[0]", said)
        self.assertTrue(self.lab.binds(user, NEXT))
        self.mark("passwd", "expired")

    def test_forced_change_by_login(self):
        user = self.person(**self.EXPIRED)
        child = self.lab.spawn(["login", "-p"], timeout=40)
        self.programs.answer(child, user, people.password(user), people.password(user), NEXT, NEXT)
        child.expect(SHELL)
        child.close(force=True)
        self.assertTrue(self.lab.binds(user, NEXT))
        self.mark("login", "expired")

    def test_forced_change_with_wrong_current(self):
        user = self.person(**self.EXPIRED)
        child = self.lab.spawn(["login", "-p"], timeout=40)
        self.programs.answer(child, user, people.password(user), WRONG)
        child.expect("That is not your current password.")
        child.expect([pexpect.EOF, "login: $", pexpect.TIMEOUT], timeout=10)
        self.assertNotRegex(child.seen.getvalue(), "New password")
        child.close(force=True)
        self.assertTrue(self.lab.binds(user, people.password(user)))

    def test_forced_change_by_su(self):
        user = self.person(**self.EXPIRED)
        child = self.lab.spawn(["su", "-", user, "-c", "id -un"], user="alice")
        said = self.programs.talk(child, people.password(user), people.password(user), NEXT, NEXT)
        self.assertIn(f"\n{user}\n", said)
        self.assertTrue(self.lab.binds(user, NEXT))
        self.mark("su", "expired")

    def test_recovery_is_no_reason_for_another_change(self):
        """shadowLastChange=0 and a forgotten password: one new password, and a shell."""
        for recover in (self.recover_ssh, self.recover_login):
            user = self.person(**self.EXPIRED)
            said = recover(user)
            self.assertNotIn("Current password", said)
            self.assertEqual(1, said.count("Retype new password"))
            self.assertTrue(self.lab.binds(user, NEW))

    # ---- passwd and chpasswd

    def test_passwd(self):
        user = self.person()
        old = people.password(user)
        said = self.programs.passwd(user, WRONG)
        self.assertIn("That is not your current password.\nNothing was changed.\n", said)
        self.assertTrue(self.lab.binds(user, old))
        said = self.programs.passwd(user, old, "one thing here", "another thing", "", "", "")
        self.assertRegex(said, "are not the same|do not match")
        self.assertNotIn("[0]", said)
        self.assertTrue(self.lab.binds(user, old))
        said = self.programs.passwd(user, old, *self.weak_first(), NEXT, NEXT)
        self.assertIn("[0]", said)
        self.assertTrue(self.lab.binds(user, NEXT))
        self.assertFalse(self.lab.binds(user, old))
        self.mark("passwd", "unchanged")

    def weak_first(self):
        """Here the module asks for the new password, and asks again."""
        return ("password1", "password1")

    def local_again(self):
        """What lou may go back to."""
        return people.password("lou")

    def test_passwd_of_an_administrator(self):
        """Nothing recovers such an account; but who knows the password changes it, with the own rights."""
        old = people.password("adam")
        self.assertIn("Nothing was changed.\n", self.programs.passwd("adam", WRONG))
        said = self.programs.passwd("adam", old, NEXT, NEXT)
        self.assertIn("[0]", said)
        self.assertTrue(self.lab.binds("adam", NEXT))
        self.assertFalse(self.lab.binds("adam", old))

    def test_passwd_of_a_local_account(self):
        """lou is in /etc/passwd alone: pam_unix's dialogue, and the daemon hears nothing."""
        stop_daemon(self)
        said = self.programs.passwd("lou", people.password("lou"), NEXT, NEXT)
        self.assertIn("[0]", said)
        self.assertIn("[0]", self.programs.chpasswd("lou", self.local_again()))
        self.mark("chpasswd", "unchanged")
        self.mark("chpasswd", "daemon dead")

    def test_root_for_somebody_else(self):
        user = self.person()
        said = self.programs.passwd_by_root(user, NEXT, NEXT)
        self.assertIn("Not allowed here: try pwresetctl set-password.", said)
        self.assertNotIn("[0]", said)
        self.assertNotIn("[0]", self.programs.chpasswd(user, NEXT))
        self.assertTrue(self.lab.binds(user, people.password(user)))
        self.mark("passwd", "refused")
        self.mark("chpasswd", "refused")

    # ---- the daemon is away

    def test_daemon_stopped(self):
        stop_daemon(self)
        self.compare(self.record(), "daemon dead")
        self.assertEqual("bob\n", self.programs.cron())
        self.mark("cron", "daemon dead")
        user = self.person()
        child = self.lab.ssh(user, "id", "-un", options=KEYBOARD_INTERACTIVE)
        said = self.programs.talk(child, "", "y", "y", people.password(user))
        self.assertIn(UNAVAILABLE, said)
        self.assertTrue(said.endswith(f"{user}\n[0]"), said)
        said = self.programs.passwd(user)
        self.assertIn("Passwords cannot be changed right now.", said)
        self.assertNotIn("[0]", said)
        self.mark("passwd", "daemon dead")

    def test_daemon_hangs(self):
        """Bounded by timeout=, and only where recovery was asked for."""
        self.lab.exec(["systemctl", "start", "pwresetd.service"])
        self.lab.signal("pwresetd", "STOP")
        self.addCleanup(self.lab.signal, "pwresetd", "CONT")
        user = self.person()
        child = self.lab.ssh(user, "id", "-un", options=KEYBOARD_INTERACTIVE)
        self.programs.answer(child, people.password(user))
        self.assertTrue(self.programs.end(child).endswith("[0]"))
        child = self.lab.spawn(["login", "-p"], timeout=40)
        self.programs.answer(child, user, "", "y", "y")
        child.expect(UNAVAILABLE, timeout=20)
        child.expect("Password: $")
        child.sendline(people.password(user))
        child.expect(SHELL)
        child.close(force=True)

    # ---- passwords that look like something else

    ODD = ("y", "forgot", "  two  spaces ", " pässwörd ☃ ünd ", "-n", "%s%n", "a" * 100)
    LONGEST = "b" * 511  # of a local account: nslcd, for one, has room for less

    def test_odd_passwords(self):
        """At sshd and login alike: no reply is taken for a choice."""
        users = {secret: self.person() for secret in self.ODD}
        for secret, user in users.items():
            self.lab.replace(user, userPassword=people.argon2id(secret, people.CROWD_COST))
            self.lab.replace(user, pwdReset=None)
        jobs = {}
        for secret, user in users.items():
            mine = Programs(self.lab, user)
            jobs[secret, "sshd"] = (mine.sshd_keyboard, secret)
            jobs[secret, "login"] = (mine.login, secret)
        self.lab.exec(["useradd", "-m", "-s", "/bin/bash", "long"])
        self.addCleanup(self.lab.exec, ["userdel", "-r", "long"], check=False)
        self.lab.exec(["chpasswd", "-c", "SHA512"], input=f"long:{self.LONGEST}\n")
        users[self.LONGEST] = "long"
        mine = Programs(self.lab, "long")
        jobs[self.LONGEST, "sshd"] = (mine.sshd_keyboard, self.LONGEST)
        jobs[self.LONGEST, "login"] = (mine.login, self.LONGEST)
        for (secret, program), said in together(jobs).items():
            with self.subTest(secret=secret, program=program):
                self.assertTrue(said.endswith("[0]"), said)
                self.assertNotRegex(said, "Forgot|incorrect|denied")

    def test_empty_password(self):
        """A local account without one, where sshd allows it not: login does."""
        self.lab.exec(["useradd", "-m", "-s", "/bin/bash", "blank"])
        self.lab.exec(["passwd", "-d", "blank"])
        self.addCleanup(self.lab.exec, ["userdel", "-r", "blank"], check=False)
        child = self.lab.spawn(["login", "-p"])
        self.programs.answer(child, "blank", "", "", "")
        child.expect(SHELL, timeout=20)
        child.close(force=True)

    # ---- advice

    def test_nudge(self):
        """On a terminal, on one day in so many, and nowhere else."""
        words = "Recovery is not set up: pwresetctl enroll"
        user = self.person(mail=None)
        self.assertIn(words, self.shell(user))
        quiet = Programs(self.lab, user)
        for program in (quiet.scp, quiet.sftp, quiet.sshpass, quiet.sshd_keyboard, quiet.su):
            with self.subTest(program=program.__name__):
                self.assertNotIn(words, program(people.password(user)))
        self.assertEqual(f"{user}\n", quiet.cron())
        for days, shown in ((str(self.other_divisor(user)), False), ("1", True)):
            self.nudge(days)
            self.assertEqual(shown, words in self.shell(user), days)

    def shell(self, user):
        """What somebody sees who logs in by ssh and leaves."""
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=60)
        self.programs.answer(child, people.password(user))
        child.expect(SHELL)
        child.sendline("exit")
        return self.programs.end(child)

    @staticmethod
    def other_divisor(user):
        """A number of days whose day for user it is not, at midnight neither."""
        day = int(time.time()) // 86400 + sum(user.encode())
        return next(n for n in range(2, 60) if day % n and (day + 1) % n)

    @classmethod
    def nudge(cls, days):
        for name in ("common-session", "common-session-noninteractive"):
            path = f"/etc/pam.d/{name}"
            lines = [line for line in cls.lab.read(path).splitlines() if "pam_pwreset.so" not in line]
            cls.lab.write(path, "\n".join([*lines, f"session optional pam_pwreset.so nudge={days}", ""]))


class Tallied(Stack):
    """With pam_faillock as well."""

    TALLY = True

    def test_locked_tally(self):
        """Three failures: the right password is refused, a recovery is not, and resets the tally."""
        self.tally(3)
        self.addCleanup(self.tally, 1000)
        for recover in (self.recover_ssh, self.recover_login):
            user = self.person()
            mine = Programs(self.lab, user)
            for _ in range(3):
                self.assertNotIn("[0]", mine.sshd_keyboard(WRONG))
            self.assertNotIn("[0]", mine.sshd_keyboard(people.password(user)))
            recover(user)
            self.assertIn("[0]", mine.sshd_keyboard(NEW))


class Ldap(Stack, unittest.TestCase):
    PROFILE = "ldap"


class Sss(Stack, unittest.TestCase):
    PROFILE = "sss"
    # SSSD looks at the directory's own policy, not at shadow attributes
    EXPIRED = {"pwdReset": "TRUE"}

    # pam_pwquality asks for the new password there, and once only.
    def weak_first(self):
        return ()


class LdapTally(Tallied, unittest.TestCase):
    PROFILE = "ldap"


class SssTally(Tallied, unittest.TestCase):
    PROFILE = "sss"
    EXPIRED = {"pwdReset": "TRUE"}

    def weak_first(self):
        return ()


class PolicyOnly(unittest.TestCase):
    """The other stack of passwd: the module judges, pam_unix and pam_ldap write."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab.new(profile="ldap")
        cls.addClassCleanup(cls.lab.stop)
        cls.lab.start()
        cls.lab.install_product(BUILD, {"limits": UNLIMITED}, pam=("pwreset-recovery", "pwreset-policy"))
        cls.programs = Programs(cls.lab)

    def test_person_of_the_directory(self):
        old = people.password("carol")
        said = self.programs.passwd("carol", old, "password1", "password1", "carol2026", "carol2026", NEXT, NEXT)
        self.assertIn("[0]", said)
        self.assertEqual(2, said.count("Not accepted. New password:"))
        self.assertTrue(self.lab.binds("carol", NEXT))
        said = self.programs.passwd("ivan", people.password("ivan"), *("password1",) * 6)
        self.assertIn("Too many tries. Nothing was changed.", said)
        self.assertTrue(self.lab.binds("ivan", people.password("ivan")))

    def test_wrong_current_one(self):
        said = self.programs.passwd("judy", WRONG, NEXT, NEXT)
        self.assertNotIn("[0]", said)
        self.assertTrue(self.lab.binds("judy", people.password("judy")))

    def test_variation_of_the_old_one(self):
        """The policy hears the old password from the module that asked for it."""
        old = people.password("kim")
        said = self.programs.passwd("kim", old, old + "3", old + "3", "", "")
        self.assertIn("Not accepted", said)
        self.assertTrue(self.lab.binds("kim", old))

    def test_local_account(self):
        said = self.programs.passwd("lou", people.password("lou"), "password1", "password1", NEXT, NEXT)
        self.assertIn("[0]", said)
        self.assertIn("Not accepted", said)
        self.assertTrue(Programs(self.lab, "lou").sshd_keyboard(NEXT).endswith("lou\n[0]"))

    def test_root_is_told_and_obeyed(self):
        self.lab.exec(["useradd", "-m", "lea"])
        said = self.programs.passwd_by_root("lea", "password1", "password1")
        self.assertIn("Many people use it.", said)
        self.assertIn("[0]", said)
        self.assertIn("[0]", self.programs.chpasswd("lea", NEXT))

    def test_zz_daemon_away(self):
        """People are refused, root is not."""
        stop_daemon(self)
        said = self.programs.passwd("niaj", people.password("niaj"), NEXT, NEXT)
        self.assertIn("Passwords cannot be changed right now.", said)
        self.assertNotIn("[0]", said)
        self.assertTrue(self.lab.binds("niaj", people.password("niaj")))
        self.lab.exec(["useradd", "-m", "leo"])
        said = self.programs.passwd_by_root("leo", NEXT, NEXT)
        self.assertIn("The new password could not be checked.", said)
        self.assertIn("[0]", said)


APART = ("Ldap", "Sss", "LdapTally", "SssTally", "PolicyOnly")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: the lab needs root")
        sys.exit(77)
    # By name a class or test runs here, and prints no matrix.
    if [word for word in sys.argv[1:] if word != "-v"]:
        unittest.main()
    sys.exit(run_apart(__file__, APART, "programs", [row for row in ROWS if row != GREETER]))
