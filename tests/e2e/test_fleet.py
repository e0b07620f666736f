#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host with the module, one socket unit and ssh, beside a central one: two containers and a cable, set up by the scripts
that "pwresetctl fleet add" prints; people at its prompts, a hostile root on it, and nothing at the other end."""
import json
import re
import subprocess
import time
import unittest

from harness import (BUILD, CODE, KEYBOARD_INTERACTIVE, UNLIMITED, LabCase, Varlink, eventually, password64, people, pexpect)
from lab import Lab

NEW = "teal kayak orbits mars 41"
WEB, EVIL, BUSY = "web1.example.com", "evil.example.com", "busy.example.com"
GUESSES = 8
CALLS = 60  # a minute, and at once
R, P, S = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Service."
CONSOLE = {"service": "login", "terminal": "tty1", "host": "lab"}
ANSWERS = ["a blue heron", "Lindenweg in spring", "burnt pancakes"]
EVIL_KEY, BUSY_KEY = "/root/evil.key", "/root/busy.key"


class Forced:
    """The forced command of a host's key, as its root has it: bytes in, bytes out."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.held = b""

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def call(self, method, **parameters):
        """The error's last part ("" for success; None: the connection has ended) and the parameters."""
        try:
            self.send(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")
            while b"\0" not in self.held:
                data = self.process.stdout.read1(65536)
                if not data:
                    return None, {}
                self.held += data
        except BrokenPipeError:
            return None, {}
        text, _, self.held = self.held.partition(b"\0")
        reply = json.loads(text)
        return reply.get("error", "").rpartition(".")[2], reply.get("parameters", {})

    def close(self):
        """What it said on stderr."""
        self.process.kill()
        said = self.process.communicate()[1]
        return said.decode()


def setUpModule():  # pylint: disable=invalid-name
    """One pair of containers for all: what a test does to a host's standing it takes back."""
    lab = LabCase.lab = Lab.new(profile="ldap")
    unittest.addModuleCleanup(lab.stop)
    lab.start()
    lab.install_product(BUILD, {"limits": {**UNLIMITED, "per-source": str(CALLS), "host-guesses": str(GUESSES)}})
    host = Fleet.host = Lab.new(profile="ldap")
    unittest.addModuleCleanup(host.stop)
    host.start()
    lab.link(host)
    # The people are the central directory's, at this host too.
    host.exec(["systemctl", "stop", "slapd.service", "postfix@-.service"])
    host.write("/etc/nslcd.conf", host.read("/etc/nslcd.conf").replace("ldapi:///", "ldap://10.77.0.1/"), 0o640)
    host.restart("nslcd")
    Fleet.central = f"{lab.name}.lab.example.com"
    subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--tags", "fleet,i18n,man",
                    "--destdir", f"/proc/{host.leader}/root"], check=True)
    there = Fleet.scripts(WEB)[0]
    Fleet.admit(WEB, host.exec(["sh", "-e", "-c", there], timeout=120).stdout.splitlines()[-1])
    for name, key in ((EVIL, EVIL_KEY), (BUSY, BUSY_KEY)):
        host.exec(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
        Fleet.admit(name, host.read(key + ".pub"))


class Fleet(LabCase):
    """self.lab is the central host."""

    host = central = None

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def scripts(cls, host, *words, lab=None, **kwargs):
        """What is to be run there and here, as the central host lab prints it."""
        lab = lab or cls.lab
        text = lab.exec(["pwresetctl", "fleet", "add", host, *words, f"--central={lab.name}.lab.example.com"], **kwargs).stdout
        parts = re.split(r"(?m)^# \d\. ", text)
        return ["# " + part for part in parts[1:3]]

    @classmethod
    def admit(cls, host, key, lab=None):
        (lab or cls.lab).exec(["sh", "-e", "-c", cls.scripts(host, "-", lab=lab, input=key + "\n")[1]])

    def forced(self, *words, key=EVIL_KEY, central=None):
        central = central or self.central
        argv = ["ssh", "-F", "/etc/pwreset/fleet.ssh", "-i", key, "-o", "BatchMode=yes", "-o", "HostKeyAlias=pwreset-central",
                "-o", "UserKnownHostsFile=/etc/pwreset/fleet.known_hosts", "-o", "StrictHostKeyChecking=yes", *words]
        link = Forced(self.host.enter_argv(argv if central in words else [*argv, "-T", central]))
        self.addCleanup(link.close)
        return link

    def prompt(self, timeout=30):
        """A connection to the module's socket at the fleet's host, as root."""
        link = Varlink(self.host.path("/run/pwreset/pam"), timeout)
        self.addCleanup(link.close)
        return link

    def lift(self, host, lab=None):
        (lab or self.lab).exec(["pwresetctl", "fleet", "lift", host])

    def listed(self, host, lab=None):
        """The line of "fleet list", as JSON."""
        lines = (lab or self.lab).exec(["pwresetctl", "fleet", "list", "--json=short"]).stdout.splitlines()
        return next(item for item in map(json.loads, lines) if item["host"] == host)

    def ask(self, link):
        """Seconds until a name is known, or not."""
        start = time.monotonic()
        self.assertEqual({"exists": True}, link.call(P + "Exists", user="bob"))
        return time.monotonic() - start

    def login(self, user, secret, timeout=40):
        """Seconds of an ordinary login at the fleet's host."""
        start = time.monotonic()
        child = self.host.ssh(user, "id", "-un", options=("PreferredAuthentications=password", "NumberOfPasswordPrompts=1"),
                              timeout=timeout)
        child.expect("[Pp]assword: ")
        child.sendline(secret)
        self.assertEqual(0, child.expect([rf"\r\n{user}\r\n", "denied", pexpect.EOF]), child.seen.getvalue())
        child.close(force=True)
        return time.monotonic() - start


class People(Fleet):
    def test_recovery_at_the_prompt(self):
        child = self.host.ssh("alice", options=KEYBOARD_INTERACTIVE, timeout=40)
        for question, answer in (("[Pp]assword: ", ""), ("Enter = try again: ", "y"), ("Enter = other ways: ", "y")):
            child.expect(question)
            child.sendline(answer)
        child.expect("Code: ")
        body = self.body(self.lab.wait_mail("alice", 1, timeout=30)[0])
        self.assertIn(WEB, body)
        for question, answer in (("", CODE.search(body).group(0)), ("New password: ", NEW), ("Retype new password: ", NEW)):
            child.expect(question)
            child.sendline(answer)
        child.expect(r"alice@lab:\S*\$ ")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        self.assert_password("alice", NEW, [people.password("alice")])
        told = self.body(self.lab.wait_mail("alice", 2)[1])
        self.assertIn(WEB, told)

    def test_passwd(self):
        child = self.host.spawn(["passwd"], user="dave", timeout=40)
        for question, answer in (("[Cc]urrent .*assword: ", people.password("dave")), ("New password: ", "password1"),
                                 ("Retype new password: ", "password1"), ("New password: ", NEW), ("Retype new password: ", NEW)):
            child.expect(question)
            child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(0, child.exitstatus, child.seen.getvalue())
        self.assert_password("dave", NEW, [people.password("dave")])
        self.login("dave", NEW)

    def test_root_here_sets_nobodys_password(self):
        child = self.host.spawn(["passwd", "bob"], timeout=40)
        child.expect("New password: ")
        child.sendline(NEW)
        child.expect("Retype new password: ")
        child.sendline(NEW)
        child.expect(pexpect.EOF)
        child.close()
        self.assertNotEqual(0, child.exitstatus)
        self.assert_password("bob", people.password("bob"), [NEW])
        self.lift(WEB)

    def test_privileged_people_recover_nowhere(self):
        mails = len(self.lab.mails("carol"))
        for user in ("stan", "sysop", "ada", "carol"):
            self.assertEqual({}, self.prompt().call(R + "RequestCode", user=user))
        self.lab.wait_mail("carol", mails + 1, timeout=30)
        self.assertEqual([[]] * 3, [self.lab.mails(user) for user in ("stan", "sysop", "ada")])
        self.assert_error("Refused", self.prompt().call, R + "VerifyCode", user="stan", code="AAAA-BBBB")
        # Their current password proves nothing here either, and no failure is counted against them.
        self.assert_error("WrongPassword", self.prompt().call, P + "Verify", user="stan",
                          password=password64(people.password("stan")))
        self.lift(WEB)

    def test_where_the_person_sits_is_not_the_hosts_to_say(self):
        listed = self.varlink("ctl").call("org.pwreset.Account.ListQuestions")["questions"]
        lines = [people.password("erin"), *(f"{asked['id']}\t{text}" for asked, text in zip(listed, ANSWERS))]
        self.lab.exec(["pwresetctl", "enroll", "questions", "--stdin"], user="erin", input="\n".join(lines) + "\n")
        here = self.varlink().call(R + "GetQuestions", user="erin", origin=CONSOLE)
        self.assertFalse(here["needsCode"])
        evil = self.forced()
        there = evil.call(R + "GetQuestions", user="erin", origin=CONSOLE)[1]
        self.assertEqual((True, here["questions"]), (there["needsCode"], there["questions"]))
        self.assertEqual("Refused", evil.call(R + "AnswerQuestions", user="erin", answers=ANSWERS, origin=CONSOLE)[0])
        code = self.ask_code("erin")
        error, reply = evil.call(R + "AnswerQuestions", user="erin", answers=ANSWERS, code=code, origin=CONSOLE)
        self.assertEqual("", error)
        self.assertIn("grant", reply)
        self.lift(EVIL)


class Administrator(Fleet):
    def findings(self, lab):
        said = lab.exec(["pwresetctl", "doctor", "--json=short", "--all"], check=False).stdout
        return {(found["what"], found["severity"]) for found in json.loads(said)["findings"]
                if found["what"].startswith(("fleet", "unit"))}

    def test_the_doctor_on_both_sides(self):
        self.assertEqual({("fleet-central", "ok")}, self.findings(self.host))
        keys = self.lab.read("/etc/pwreset/fleet.keys")
        self.assertIn(("fleet-sshd", "ok"), self.findings(self.lab))
        self.assertNotIn(("fleet-keys", "error"), self.findings(self.lab))
        # The site speaks German, and so does the tool of a host that has nothing else of pwreset.
        said = self.host.exec(["env", "LC_ALL=C.UTF-8", "LANGUAGE=de", "pwresetctl", "doctor", "--all"], check=False).stdout
        self.assertIn("Ein zentraler Rechner antwortet.", said)
        # An account that sshd takes for locked.
        self.lab.exec(["usermod", "-p", "!", "pwreset-relay"])
        self.assertIn(("fleet-account", "error"), self.findings(self.lab))
        self.lab.exec(["usermod", "-p", "*", "pwreset-relay"])
        # A key that may do more, there; a key that others may read, and a socket that is down, here.
        self.lab.write("/etc/pwreset/fleet.keys", keys + keys.splitlines()[0].replace("restrict,", "restrict,port-forwarding,") + "\n")
        self.assertIn(("fleet-keys", "error"), self.findings(self.lab))
        self.lab.write("/etc/pwreset/fleet.keys", keys)
        self.host.exec(["chmod", "0644", "/etc/pwreset/fleet.key"])
        self.host.exec(["systemctl", "stop", "pwreset-fleet.socket"])
        self.assertEqual({("fleet-central", "error"), ("fleet-key", "error"), ("unit", "error")}, self.findings(self.host))
        self.host.exec(["chmod", "0600", "/etc/pwreset/fleet.key"])
        self.host.exec(["systemctl", "start", "pwreset-fleet.socket"])
        self.assertEqual({("fleet-central", "ok")}, self.findings(self.host))


class Hostile(Fleet):
    """Root of a fleet's host, with its key in hand and nobody's code or answers."""

    def test_the_key_opens_one_door(self):
        evil = self.forced(self.central, "id; cat /etc/passwd")  # whatever is asked for, it is the relay
        self.assertEqual("pwresetd", evil.call("org.varlink.service.GetInfo")[1]["product"])
        for method, parameters in ((P + "SetByRoot", {"user": "bob", "password": password64(NEW)}),
                                   ("org.pwreset.Admin.SetPassword", {"user": "bob", "password": password64(NEW)}),
                                   (S + "LiftHost", {"host": EVIL}),
                                   ("org.pwreset.Relay.Hello", {"host": WEB})):
            link = self.forced()
            self.assertEqual("PermissionDenied", link.call(method, **parameters)[0], method)
            self.assertEqual((None, {}), link.call(P + "Exists", user="bob"), "no second try")
        through = self.forced("-W", "127.0.0.1:389", self.central)
        self.assertEqual(b"", through.process.stdout.read())
        self.assertIn("prohibited", through.close())
        terminal = self.forced("-tt", self.central)
        self.assertIn("PTY", terminal.process.stderr.readline().decode())
        self.assert_password("bob", people.password("bob"), [NEW])
        self.lift(EVIL)

    def test_guesses_under_many_names_cut_it_off_by_its_own(self):
        since = self.lab.journal()[-1]["__CURSOR"]
        code = self.ask_code("frank")
        waiting, seen = self.forced(), []
        self.assertEqual("", waiting.call(R + "RequestCode", user="grace")[0])
        evil = self.forced()
        for i in range(GUESSES + 5):
            error, _ = evil.call(R + "VerifyCode", user=f"user{i:04}", code="AAAA-BBBB", origin={"address": f"192.0.2.{i}"})
            seen.append(error)
            if error is None:
                break
        self.assertEqual(["Refused"] * (GUESSES + 1) + [None], seen)
        self.assertEqual((None, {}), waiting.call(P + "Exists", user="bob"), "its other connections end as well")
        again = self.forced()
        self.assertEqual((None, {}), again.call(P + "Exists", user="bob"))
        self.assertIn("try again", again.close().lower())
        cut = [entry for entry in self.lab.journal(since=since) if entry.get("PWRESET_EVENT") == "cut"]
        self.assertEqual([EVIL], [entry["PWRESET_HOST"] for entry in cut])
        self.assertIn(EVIL, self.lab.exec(["pwresetctl", "audit", "--since=-1h"]).stdout)
        self.assertTrue(0 < self.listed(EVIL)["seconds"] <= 3600)
        # Others go on, and what it guessed at is as it was.
        self.assertEqual(0, self.listed(WEB)["seconds"])
        self.assertIn("grant", self.prompt().call(R + "VerifyCode", user="frank", code=code))
        self.assertEqual({"exists": True}, self.prompt().call(P + "Exists", user="bob"))
        self.lift(EVIL)
        self.assertEqual("", self.forced().call(P + "Exists", user="bob")[0])

    def test_it_is_slowed_by_its_name(self):
        busy = self.forced(key=BUSY_KEY)
        seen = [busy.call(R + "RequestCode", user=f"nobody{i}", origin={"address": f"192.0.2.{i}"})[0] for i in range(CALLS + 10)]
        self.assertLess(CALLS - 5, seen.count(""))
        self.assertLess(3, seen.count("TryLater"))
        self.assertEqual({}, self.prompt().call(R + "RequestCode", user="nobody0"))

    def test_names_that_are_nobodys_cut_it_off(self):
        evil = self.forced()
        seen = [evil.call(P + "Exists", user=f"nobody{i}")[0] for i in range(GUESSES + 2)]
        self.assertEqual([""] * (GUESSES + 1) + [None], seen)
        self.assertTrue(self.listed(EVIL)["seconds"])
        self.lift(EVIL)

    def test_a_flood_starves_neither_the_prompt_here_nor_other_hosts(self):
        usual = [max(self.ask(connect()) for _ in range(3)) for connect in (self.varlink, self.prompt)]
        links = [self.forced() for _ in range(12)]
        for link in links:
            self.assertEqual("", link.call("org.varlink.service.GetInfo")[0])
            link.send(b'{"method":"org.pwreset.Password.Exi')
        self.assertEqual(12, self.listed(EVIL)["connections"])
        took = [self.ask(self.varlink()), self.ask(self.prompt())]
        print(f"half-said connections, none and twelve: {usual[0]:.2f} and {took[0]:.2f} s here, "
              f"{usual[1]:.2f} and {took[1]:.2f} s through the other host", flush=True)
        for before, after in zip(usual, took):
            self.assertLess(after, 3 * before + 2)
        for link in links:
            link.close()
        self.lift(EVIL)


class Away(Fleet):
    """Nothing answers at the other end."""

    def ask_in_vain(self, seconds):
        """An empty password, then recovery, which is not to be had; then the password after all."""
        child = self.host.ssh("heidi", "id", "-un", options=KEYBOARD_INTERACTIVE, timeout=40)
        start = time.monotonic()
        for question, answer in (("[Pp]assword: ", ""), ("Enter = try again: ", "y"), ("Enter = other ways: ", "y")):
            child.expect(question)
            child.sendline(answer)
        child.expect("(?i)(not available|unavailable|cannot|try again later)")
        self.assertLess(time.monotonic() - start, seconds)
        child.close(force=True)

    def test_central_down(self):
        usual = self.login("heidi", people.password("heidi"))
        self.lab.exec(["systemctl", "stop", "ssh.service", "pwreset-relay-ssh.socket"])
        self.addCleanup(self.lab.exec, ["systemctl", "start", "ssh.service", "pwreset-relay-ssh.socket"])
        took = self.login("heidi", people.password("heidi"))
        print(f"an ordinary login: {usual:.2f} s, and {took:.2f} s with the central host down", flush=True)
        self.assertLess(took, usual + 3)
        self.ask_in_vain(20)
        child = self.host.spawn(["passwd"], user="heidi", timeout=40)
        child.expect(pexpect.EOF)
        child.close()
        self.assertNotEqual(0, child.exitstatus)
        self.assert_password("heidi", people.password("heidi"))

    DARK = "10.77.0.3"  # nearer to 10.77.0.2 than the central host is, so getaddrinfo() has it first

    def central_is(self, addresses):
        names = [line for line in self.host.read("/etc/hosts").splitlines() if self.central not in line]
        self.host.write("/etc/hosts", "\n".join([*names, *(f"{a} {self.central}" for a in addresses), ""]))

    def test_dark_and_the_next(self):
        self.addCleanup(self.central_is, ["10.77.0.1"])
        self.central_is([self.DARK])
        took = self.login("heidi", people.password("heidi"))
        print(f"an ordinary login with the central host dark: {took:.2f} s", flush=True)
        self.assertLess(took, 10)
        self.ask_in_vain(20)
        # Of two central hosts the first is dark.
        self.central_is([self.DARK, "10.77.0.1"])
        # What the kernel learnt of its darkness shortens the wait.
        self.host.exec(["ip", "neigh", "flush", "to", self.DARK])
        start = time.monotonic()
        self.assertEqual({"exists": True}, self.prompt().call(P + "Exists", user="bob"))
        took = time.monotonic() - start
        print(f"the first of two central hosts dark: {took:.2f} s", flush=True)
        self.assertLess(took, 15, "what the module waits")
        self.assertIn(self.DARK, self.host.exec(["ip", "neigh", "show"]).stdout, "it was not tried")


class Crowd(Fleet):
    """A host that opens connections by the thousand, some hundred a second: what fills the kernel's queue is a packet filter's."""

    EVIL_ADDRESS = "10.77.0.66"
    SHARE = 32  # MaxConnectionsPerSource=
    # Opens and keeps what is not closed, for as long as it is let.
    OPENER = f"""
import select, socket, sys, time
kept, opened, until = [], 0, time.monotonic() + 120
print("on", flush=True)
while time.monotonic() < until and not select.select([sys.stdin], [], [], 0)[0]:
    s = socket.socket()
    s.settimeout(2)
    try:
        s.bind(("{EVIL_ADDRESS}", 0))
        s.connect(("10.77.0.1", 4722))
        kept.append(s)
        opened += 1
    except OSError:
        s.close()
    if len(kept) > 500: kept.pop(200).close()
    time.sleep(0.005)
print(opened, flush=True)
"""

    def connections(self):
        """What the fleet's sshd has in hand, by address."""
        units = self.lab.exec(["systemctl", "list-units", "--plain", "--no-legend", "pwreset-relay-ssh@*"]).stdout
        return sum(self.EVIL_ADDRESS in line for line in units.splitlines())

    def test_thousands_of_connections_starve_nobody(self):
        self.host.exec(["ip", "address", "add", f"{self.EVIL_ADDRESS}/24", "dev", "eth0"])
        self.addCleanup(self.host.exec, ["ip", "address", "del", f"{self.EVIL_ADDRESS}/24", "dev", "eth0"])
        usual = [self.ask(self.prompt()), self.own_login()]
        # With its key: as many as it is let, each inside and silent.
        for _ in range(8):
            self.forced("-N", "-b", self.EVIL_ADDRESS, self.central)
        self.addCleanup(self.host.exec, ["pkill", "-x", "ssh"], check=False)  # such a one does not end with its input
        argv = self.host.netns_argv(["/usr/bin/python3", "-c", self.OPENER])
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
            self.assertEqual("on\n", crowd.stdout.readline())
            self.assertTrue(eventually(lambda: self.connections() >= self.SHARE, 60), "it is not let in at all")
            took, most, began = [0, 0], 0, time.monotonic()
            while time.monotonic() < began + 15:
                took = [max(took[0], self.ask(self.prompt())), max(took[1], self.own_login())]
                most = max(most, self.connections())
            crowd.stdin.close()
            opened = int(crowd.stdout.readline())
        print(f"{opened} connections of one host, {most} at once: a call of another took {usual[0]:.2f} and {took[0]:.2f} s, "
              f"a login at the central host {usual[1]:.2f} and {took[1]:.2f} s", flush=True)
        self.assertGreater(opened, 500)
        self.assertLessEqual(most, self.SHARE)
        for before, after in zip(usual, took):
            self.assertLess(after, 5 * before + 3)
        self.assertEqual("active", self.lab.exec(["systemctl", "is-active", "pwreset-relay-ssh.socket"]).stdout.strip())

    def own_login(self):
        """Seconds of an ordinary login at the central host."""
        start = time.monotonic()
        self.assertTrue(self.ssh_login("ivan", people.password("ivan"), timeout=60))
        return time.monotonic() - start


class Removed(Fleet):
    def test_without_its_key_there_is_nothing(self):
        since = self.lab.journal()[-1]["__CURSOR"]
        evil = self.forced()
        self.assertEqual("", evil.call(P + "Exists", user="bob")[0])
        said = self.lab.exec(["pwresetctl", "fleet", "remove", EVIL]).stdout
        self.assertEqual((None, {}), evil.call(P + "Exists", user="bob"))
        self.lab.exec(["sh", "-e", "-c", said])
        self.lift(EVIL)
        gone = self.forced()
        self.assertEqual((None, {}), gone.call(P + "Exists", user="bob"))
        self.assertIn("Permission denied", gone.close())
        self.assertNotIn(EVIL, self.lab.exec(["pwresetctl", "fleet", "list"]).stdout)
        self.assertIn(WEB, self.lab.exec(["pwresetctl", "fleet"]).stdout)
        self.assertEqual({"exists": True}, self.prompt().call(P + "Exists", user="bob"))
        self.assertTrue(eventually(lambda: any("CutHost" in entry.get("PWRESET_METHOD", "")
                                               for entry in self.lab.journal(since=since))))


if __name__ == "__main__":
    unittest.main(verbosity=2)
