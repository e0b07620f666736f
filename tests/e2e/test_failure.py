#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Killed, stopped, cut off: nothing lost, the password old or new, the person told the truth."""
import json
import threading
import time
import unittest

from harness import (CODE, KEYBOARD_INTERACTIVE, LINK, UNLIMITED, LabCase, Varlink, VarlinkError, eventually,
                     password64, people, stop_daemon)

# A kill at each of these seconds after the call: from before the spool's sync to after the mail.
STEPS = [0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4]
VICTIMS = {
    "broker": ("pwresetd.service",),
    "directory": ("pwreset-directory@*.service",),
    "mailer": ("pwreset-mailer@*.service",),
    "slapd": ("slapd.service",),
}


class Killed(LabCase):
    def kill(self, victim):
        """slapd is not ours and does not come back by itself."""
        self.lab.exec(["systemctl", "kill", "--signal=KILL", *VICTIMS[victim]], check=False)
        if victim == "slapd":
            self.lab.restart("slapd")

    def test_requests_survive(self):
        people_left = iter(f"user{number:04}" for number in range(1, 900))
        for victim in VICTIMS:
            for delay in STEPS:
                user = next(people_left)
                with self.subTest(victim=victim, delay=delay, user=user):
                    try:
                        with Varlink(self.lab.path("/run/pwreset/pam")) as link:
                            link.send("org.pwreset.Recovery.RequestCode", {"user": user})
                            timer = threading.Timer(delay, self.kill, [victim])
                            timer.start()
                            accepted = "error" not in json.loads(link.receive())
                            timer.join()
                    except ConnectionError:
                        accepted = False
                        timer.join()
                    if accepted:
                        self.lab.wait_mail(user, 1, timeout=90)
                        self.assertTrue(eventually(lambda: self.newest_code_opens(user), 30))
                        self.assertLessEqual(len(self.lab.mails(user)), 2, "at most one duplicate for a kill")

    def newest_code_opens(self, user):
        """Whose sender died after the mail had gone gets a second mail, and its code is the one that counts."""
        code = CODE.search(self.body(self.lab.mails(user)[-1])).group(0)
        try:
            self.varlink().call("org.pwreset.Recovery.VerifyCode", user=user, code=code)
        except VarlinkError as error:
            self.assertEqual("Refused", error.name)
            return False
        return True

    def test_redemptions_are_old_or_new(self):
        people_left = iter(f"user{number:04}" for number in range(900, 1000))
        for victim in ("broker", "directory", "slapd"):
            for delay in STEPS:
                user = next(people_left)
                with self.subTest(victim=victim, delay=delay, user=user):
                    self.redeem_and_kill(victim, delay, user)

    def stored(self, user):
        """The hash, read as the manager: to ask by binding would count as failures."""
        return self.lab.ldap_person(user, "userPassword")["userPassword"]

    def redeem_and_kill(self, victim, delay, user):
        old, new = people.password(user), "teal kayak orbits mars 41"
        ticket = self.ask_link(user)
        before = self.stored(user)
        timer = threading.Timer(delay, self.kill, [victim])
        try:
            with Varlink(self.lab.path("/run/pwreset/pam"), timeout=40) as link:
                link.send("org.pwreset.Recovery.SetPassword", {"ticket": ticket, "password": password64(new)})
                timer.start()
                reply = json.loads(link.receive())
            said = reply.get("error", "done").rpartition(".")[2]
        except ConnectionError:
            said = "cut off"
        timer.join()
        if said in ("cut off", "OutcomeUnknown"):
            # The directory worker may be at it still: a broker that died does not take its modify back.
            eventually(lambda: self.stored(user) != before, 1)
        works = [secret for secret in (old, new) if self.lab.binds(user, secret)]
        self.assertEqual(1, len(works), f"{said}: {works}")
        truth = {"done": [new], "Unavailable": [old], "Refused": [old]}.get(said)
        if truth:
            self.assertEqual(truth, works, said)
        else:
            self.assertIn(said, ("OutcomeUnknown", "cut off", "LinkDead"))
        if works == [old]:
            # Nothing was used up: the same link still opens.
            self.set_password(ticket, new)
            self.assert_password(user, new, [old])


class RelayDown(LabCase):
    def test_mail_comes_when_the_relay_is_back_and_nothing_lies_about(self):
        self.lab.stop_relay()
        for user in ("alice", "bob"):
            self.varlink().call("org.pwreset.Recovery.RequestCode", user=user)
            self.varlink("web").call("org.pwreset.Recovery.RequestLink", user=user)
        time.sleep(8)
        spool = b"".join(file.read_bytes() for file in self.lab.path("/var/lib/pwreset").rglob("*") if file.is_file())
        self.assertIn(b"alice", spool, "the requests wait")
        # The broker restarted meanwhile knows of them.
        self.lab.exec(["systemctl", "restart", "pwresetd.service"])
        self.lab.start_relay()
        secrets = []
        for user in ("alice", "bob"):
            for message in self.lab.wait_mail(user, 2, timeout=120):
                body = self.body(message)
                secrets += [found.replace("-", "") for found in CODE.findall(body)] + LINK.findall(body)
        self.assertGreaterEqual(len(secrets), 4)
        # What is being sent is in memory; what has been sent is not.
        self.assertTrue(eventually(lambda: self.status()["queued"] == 0))
        self.nowhere(secrets)

    def status(self):
        return self.varlink("ctl").call("org.pwreset.Service.GetStatus")

    def nowhere(self, secrets):
        """Not in the state folder, the directory, the journal, or the memory of the broker."""
        places = {"state": b"".join(f.read_bytes() for f in self.lab.path("/var/lib/pwreset").rglob("*") if f.is_file())}
        places["journal"] = json.dumps(self.lab.journal()).encode()
        places["directory"] = json.dumps(self.lab.ldap_search("(objectClass=*)", "*", "+")).encode()
        pid = self.lab.exec(["systemctl", "show", "-P", "MainPID", "pwresetd.service"]).stdout.strip()
        if pid != "0":
            places["broker's memory"] = self.memory(pid)
        for place, content in places.items():
            for secret in secrets:
                at = content.find(secret.encode())
                self.assertEqual(-1, at, f"{place}: ...{content[max(0, at - 200):at + 200]!r}...")

    def memory(self, pid):
        """Every private writable page of a process inside, read from outside."""
        inside = f"/proc/{self.lab.leader}/root/proc/{pid}"
        chunks = []
        with open(f"{inside}/maps", encoding="ascii") as maps, open(f"{inside}/mem", "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                if not mode.startswith("rw") or "[v" in line:
                    continue
                begin, end = (int(part, 16) for part in span.split("-"))
                try:
                    memory.seek(begin)
                    chunks.append(memory.read(end - begin))
                except OSError:
                    continue
        return b"".join(chunks)


class DaemonDead(LabCase):
    """A dead or hung daemon costs recovery, never a login."""

    def timed_login(self, user):
        begin = time.monotonic()
        self.assertTrue(self.ssh_login(user, people.password(user), KEYBOARD_INTERACTIVE))
        return time.monotonic() - begin

    def test_stopped(self):
        usual = self.timed_login("erin")
        stop_daemon(self)
        self.assertLess(self.timed_login("erin"), usual + 2)
        child = self.lab.ssh("erin", options=KEYBOARD_INTERACTIVE, timeout=60)
        child.expect("[Pp]assword: ")
        child.sendline("")
        child.expect("Enter = try again: ")
        child.sendline("y")
        # Whatever is said, the ordinary way is open again within the bound.
        child.expect("Enter = other ways: ")
        child.sendline("y")
        child.expect("(?i)not available")
        child.expect("[Pp]assword: ")
        child.sendline(people.password("erin"))
        child.expect(r"erin@lab:\S*\$ ")
        child.close(force=True)

    def test_hung(self):
        self.varlink("ctl").call("org.varlink.service.GetInfo")
        self.lab.exec(["systemctl", "kill", "--signal=STOP", "pwresetd.service"])
        self.addCleanup(self.lab.exec, ["systemctl", "kill", "--signal=CONT", "pwresetd.service"])
        begin = time.monotonic()
        self.assertTrue(self.ssh_login("frank", people.password("frank"), KEYBOARD_INTERACTIVE))
        self.assertLess(time.monotonic() - begin, 5)
        child = self.lab.ssh("frank", options=KEYBOARD_INTERACTIVE, timeout=60)
        child.expect("[Pp]assword: ")
        child.sendline("")
        child.expect("Enter = try again: ")
        child.sendline("y")
        child.expect("Enter = other ways: ")
        begin = time.monotonic()
        child.sendline("y")
        child.expect("(?i)not available")
        self.assertLess(time.monotonic() - begin, 30)
        child.close(force=True)


class IdleExit(LabCase):
    SETTINGS = {"limits": dict(UNLIMITED, **{"idle-exit": "3"})}

    def active(self):
        return self.lab.exec(["systemctl", "is-active", "pwresetd.service"], check=False).stdout.strip()

    def test_leaves_when_idle_and_comes_back(self):
        with Varlink(self.lab.path("/run/pwreset/pam")) as link:
            link.call("org.pwreset.Recovery.RequestCode", user="alice")
        self.lab.wait_mail("alice", 1, timeout=30)
        self.assertEqual("active", self.active())
        self.assertTrue(eventually(lambda: self.active() == "inactive", 30), self.active())
        with Varlink(self.lab.path("/run/pwreset/pam")) as link:
            link.call("org.pwreset.Recovery.RequestCode", user="bob")
        self.lab.wait_mail("bob", 1, timeout=30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
