#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two central hosts on one directory, with one pepper, and a host of the fleet that asks the first and then the second: the
first one stopped, hung, cut off, rebooted. What one has mailed the other redeems; whom one has cut off the other has not."""
import os
import signal
import subprocess
import unittest

from harness import BUILD, CODE, UNLIMITED, LabCase, eventually, password64, people  # finds the lab's modules
from test_fleet import EVIL, EVIL_KEY, GUESSES, P, R, WEB, Fleet

import product  # pylint: disable=wrong-import-order
from lab import Lab  # pylint: disable=wrong-import-order

NEW = "teal kayak orbits mars 41"
SETTINGS = {"limits": {**UNLIMITED, "host-guesses": str(GUESSES)}}


class Central(Fleet):
    """self.lab has the directory too and is asked second; self.first is asked first."""

    first = None

    @classmethod
    def setUpClass(cls):
        cls.lab = LabCase.lab = cls.boot()
        cls.lab.install_product(BUILD, SETTINGS)
        cls.first, Fleet.host = cls.boot(), cls.boot()
        for lab in (cls.host, cls.first):
            cls.lab.link(lab)
        cls.connect_first()
        cls.first.install_product(BUILD, {**SETTINGS, "directory": product.STARTTLS})
        product.credential(cls.first, "pepper", cls.lab.read("/etc/pwreset/credentials/pepper"))
        cls.host.exec(["systemctl", "stop", "slapd.service", "postfix@-.service"])
        cls.host.write("/etc/nslcd.conf", cls.host.read("/etc/nslcd.conf").replace("ldapi:///", "ldap://10.77.0.1/"), 0o640)
        cls.host.restart("nslcd")
        subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--tags", "fleet,i18n,man",
                        "--destdir", f"/proc/{cls.host.leader}/root"], check=True)
        cls.host.exec(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", EVIL_KEY])
        # As the docs say: both steps of each.
        for central in (cls.first, cls.lab):
            there = cls.scripts(WEB, lab=central)[0]
            key = cls.host.exec(["sh", "-e", "-c", there], timeout=120).stdout.splitlines()[-1]
            cls.admit(WEB, key, lab=central)
            cls.admit(EVIL, cls.host.read(EVIL_KEY + ".pub"), lab=central)

    @classmethod
    def boot(cls):
        lab = Lab.new(profile="ldap")
        cls.addClassCleanup(lab.stop)
        return lab.start()

    @classmethod
    def connect_first(cls):
        """Its directory is the other's, whose certificate has this name; the host knows it."""
        hosts = [line for line in cls.first.read("/etc/hosts").splitlines() if "lab.example.com" not in line]
        cls.first.write("/etc/hosts", "\n".join([*hosts, "10.77.0.1 lab.example.com", ""]))
        line = f"10.77.0.3 {cls.first.name}.lab.example.com\n"
        if line not in cls.host.read("/etc/hosts"):
            cls.host.write("/etc/hosts", cls.host.read("/etc/hosts") + line)

    def setUp(self):
        for lab in (self.first, self.lab):
            self.lift(EVIL, lab)
            self.lift(WEB, lab)

    def code(self, user, lab):
        """One asked for at the host's prompt, out of the mail that that central host sent."""
        before = len(lab.mails(user))
        self.assertEqual({}, self.prompt().call(R + "RequestCode", user=user))
        body = self.body(lab.wait_mail(user, before + 1, timeout=60)[before])
        self.assertIn(WEB, body)
        return CODE.search(body).group(0)

    def other_takes_over(self, user, stop, go_on):
        """A code of the first central host; then that is away, and the second redeems it."""
        code = self.code(user, self.first)
        usual = self.ask(self.prompt())
        stop()
        self.addCleanup(go_on)
        took = self.ask(self.prompt())
        grant = self.prompt().call(R + "VerifyCode", user=user, code=code)["grant"]
        self.set_password(grant, NEW, self.prompt())
        self.assert_password(user, NEW, [people.password(user)])
        self.login(user, NEW)
        print(f"{self.id().rpartition('.')[2]}: a call took {usual:.2f} s, and {took:.2f} s by the second central host", flush=True)
        self.assertLess(took, 15, "what the module waits")

    def first_answers(self):
        """Its doctor on the host says so, and it is the first again that mails."""
        self.assertTrue(eventually(lambda: "active" == self.first.exec(
            ["systemctl", "is-active", "pwreset-relay-ssh.socket"], check=False).stdout.strip()))
        self.code("victor", self.first)

    def test_stopped(self):
        units = ("pwreset-relay-ssh.socket", "pwreset-relay.socket", "pwresetd.service")
        self.other_takes_over("alice", lambda: self.first.exec(["systemctl", "stop", *units]),
                              lambda: self.first.exec(["systemctl", "start", *units[:2]]))
        self.doCleanups()
        self.first_answers()

    def test_hung(self):
        """Its kernel takes connections, and nobody behind it says a word."""
        self.other_takes_over("bob", lambda: os.kill(self.first.leader, signal.SIGSTOP),
                              lambda: os.kill(self.first.leader, signal.SIGCONT))

    def test_cut_off(self):
        """Packets to it are dropped."""
        self.other_takes_over("dave", lambda: self.first.exec(["ip", "link", "set", "eth0", "down"]),
                              lambda: self.first.exec(["ip", "link", "set", "eth0", "up"]))

    def test_rebooted_with_a_code_under_way(self):
        code = self.code("erin", self.first)
        self.first.reboot()
        self.lab.link(self.first)
        self.connect_first()
        grant = self.prompt().call(R + "VerifyCode", user="erin", code=code)["grant"]
        self.set_password(grant, NEW, self.prompt())
        self.assert_password("erin", NEW, [people.password("erin")])
        self.first_answers()

    def test_a_code_of_the_second_is_good_at_the_first(self):
        self.first.exec(["systemctl", "stop", "pwreset-relay-ssh.socket"])
        self.addCleanup(self.first.exec, ["systemctl", "start", "pwreset-relay-ssh.socket"])
        code = self.code("frank", self.lab)
        self.doCleanups()
        grant = self.prompt().call(R + "VerifyCode", user="frank", code=code)["grant"]
        self.set_password(grant, NEW, self.prompt())
        self.assert_password("frank", NEW, [people.password("frank")])

    def test_each_cuts_a_host_off_by_its_name_by_itself(self):
        there, here = (self.forced(central=f"{lab.name}.lab.example.com") for lab in (self.first, self.lab))
        for evil, lab, other in ((there, self.first, self.lab), (here, self.lab, None)):
            seen = [evil.call(P + "Exists", user=f"nobody{i}")[0] for i in range(GUESSES + 2)]
            self.assertEqual([""] * (GUESSES + 1) + [None], seen)
            self.assertTrue(self.listed(EVIL, lab)["seconds"])
            if other:
                self.assertEqual(0, self.listed(EVIL, other)["seconds"])
            self.assertEqual(0, self.listed(WEB, lab)["seconds"])
        self.assertEqual({"exists": True}, self.prompt().call(P + "Exists", user="bob"))

    def test_who_is_cut_off_by_the_first_does_not_go_on_to_the_second(self):
        """The host's own name this time: what its people may guess is not doubled by a second central host."""
        for i in range(GUESSES + 1):
            self.prompt().call(P + "Exists", user=f"nobody{i}")
        self.assertTrue(self.listed(WEB, self.first)["seconds"])
        with self.assertRaises((OSError, EOFError)):
            self.prompt().call(P + "Exists", user="bob")
        self.assertEqual(0, self.listed(WEB)["guesses"])

    def test_both_change_the_same_password(self):
        """Known passwords as well: at the host's passwd, and what the other central host then takes for right."""
        self.prompt().call(P + "Change", user="grace", current=password64(people.password("grace")), password=password64(NEW))
        self.assertEqual({}, self.varlink().call(P + "Verify", user="grace", password=password64(NEW)))
        self.assert_password("grace", NEW, [people.password("grace")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
