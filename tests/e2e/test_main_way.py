#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A forgotten password becomes a login: at the prompt, on the page, by IT, and passwd, through real programs."""
import unittest

from harness import CODE, KEYBOARD_INTERACTIVE, LINK, LabCase, password64, people, pexpect

NEW = "teal kayak orbits mars 41"


class MainWay(LabCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.start_proxy()

    def recover(self, child, user, new):
        """The dialogue of a mailed code up to the last Enter."""
        before = len(self.lab.mails(user))
        child.expect("[Pp]assword: ")
        child.sendline("")
        child.expect("Enter = try again: ")
        child.sendline("y")
        child.expect("Enter = other ways: ")
        child.sendline("y")
        child.expect("Code: ")
        body = self.body(self.lab.wait_mail(user, before + 1, timeout=30)[before])
        child.sendline(CODE.search(body).group(0).lower().replace("-", " "))
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new)

    def test_ssh_prompt(self):
        child = self.lab.ssh("alice", options=KEYBOARD_INTERACTIVE, timeout=40)
        self.recover(child, "alice", NEW)
        child.expect(r"alice@lab:\S*\$ ")
        child.sendline("id -un; exit")
        child.expect("\r\nalice\r\n")
        child.expect(pexpect.EOF)
        self.assert_password("alice", NEW, [people.password("alice")])
        told = self.lab.wait_mail("alice", 2)[1]
        self.assertIn("changed", told["Subject"].lower())

    def test_login_prompt(self):
        child = self.lab.spawn(["login", "-p"], timeout=40)
        child.expect("login: ")
        child.sendline("erin")
        self.recover(child, "erin", NEW)
        child.expect(r"erin@lab:\S*\$ ")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        self.assert_password("erin", NEW, [people.password("erin")])

    def test_page(self):
        status, body = self.page("/", {"user": "bob"})
        self.assertEqual(200, status)
        unknown = self.page("/", {"user": "nosuchperson"})
        self.assertEqual((status, body), unknown)
        path = "/r/" + LINK.search(self.body(self.lab.wait_mail("bob", 1, timeout=30)[0])).group(1)
        for _ in range(3):
            self.assertEqual(200, self.page(path)[0])
        self.assertTrue(self.lab.binds("bob", people.password("bob")), "the old one works until the new one is set")
        self.assertEqual(200, self.page(path, {"password": NEW, "again": NEW})[0])
        self.assert_password("bob", NEW, [people.password("bob")])
        self.assertTrue(self.ssh_login("bob", NEW))
        self.assertIn(self.page(path)[0], (404, 410))

    def test_page_refuses_a_weak_password_in_words(self):
        path = "/r/" + self.ask_link("kim")
        status, body = self.page(path, {"password": "password1", "again": "password1"})
        self.assertIn(status, (200, 422))
        self.assertNotIn("password1", body)
        status, body = self.page(path, {"password": NEW, "again": NEW + "x"})
        self.assertNotIn(NEW, body)
        self.assertTrue(self.lab.binds("kim", people.password("kim")))
        self.assertEqual(200, self.page(path, {"password": NEW, "again": NEW})[0])
        self.assert_password("kim", NEW)

    def test_send_link(self):
        done = self.lab.exec(["pwresetctl", "send-link", "carol"], user="helen")
        self.assertIn("carol", done.stdout)
        ticket = LINK.search(self.body(self.lab.wait_mail("carol", 1, timeout=30)[0])).group(1)
        self.set_password(ticket, NEW)
        self.assert_password("carol", NEW, [people.password("carol")])

    def test_send_link_is_for_staff(self):
        done = self.lab.exec(["pwresetctl", "send-link", "judy"], user="mallory", check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("permi", (done.stderr + done.stdout).lower())
        self.assertEqual([], self.lab.mails("judy"))

    def test_passwd(self):
        child = self.lab.spawn(["passwd"], user="dave", timeout=40)
        child.expect("[Cc]urrent .*assword: ")
        child.sendline(people.password("dave"))
        child.expect("New password: ")
        child.sendline(NEW)
        child.expect("Retype new password: ")
        child.sendline(NEW + "x")
        child.expect("New password: ")
        child.sendline(NEW)
        child.expect("Retype new password: ")
        child.sendline(NEW)
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(0, child.exitstatus)
        self.assert_password("dave", NEW, [people.password("dave")])

    def test_passwd_says_that_the_current_one_is_wrong(self):
        child = self.lab.spawn(["passwd"], user="ivan", timeout=40)
        child.expect("[Cc]urrent .*assword: ")
        child.sendline("not it")
        child.expect("(?i)not your current password")
        child.expect(pexpect.EOF)
        child.close()
        self.assertNotEqual(0, child.exitstatus)
        self.assert_password("ivan", people.password("ivan"))

    def test_those_without_self_service(self):
        boxes = {box: len(mails) for box, mails in self.lab.all_mails().items()}
        names = ("lockedadmin", "expired", "nomail", "fresh", "disabled", "stan", "nestor", "sysop", "helen",
                 "ada", "olga", "dupmail1", "shared@example.com", "nosuchperson")
        replies = {self.varlink().raw("org.pwreset.Recovery.RequestCode", user=name) for name in names}
        self.assertEqual(1, len(replies))
        # One who is mailed comes last, so that all before have had their turn.
        self.ask_code("victor")
        after = {box: len(mails) for box, mails in self.lab.all_mails().items() if box != "victor"}
        boxes.pop("victor", None)
        self.assertEqual(boxes, after)

    def test_an_expired_password_recovers(self):
        grant = self.varlink().call("org.pwreset.Recovery.VerifyCode", user="pwexpired",
                                    code=self.ask_code("pwexpired"))["grant"]
        self.set_password(grant, NEW)
        self.assert_password("pwexpired", NEW)
        self.assertTrue(self.ssh_login("pwexpired", NEW))

    def test_change_with_the_current_one(self):
        call = self.varlink().call
        self.assert_error("WrongPassword", call, "org.pwreset.Password.Change", user="trent",
                          current=password64("no"), password=password64(NEW))
        reasons = self.assert_error("PasswordRefused", call, "org.pwreset.Password.Change", user="trent",
                                    current=password64(people.password("trent")), password=password64("trent1234"))
        self.assertTrue(reasons["reasons"])
        self.assert_password("trent", people.password("trent"))
        call("org.pwreset.Password.Change", user="trent", current=password64(people.password("trent")),
             password=password64(NEW))
        self.assert_password("trent", NEW, [people.password("trent")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
