#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security cases 2, 5, 6, 20, 23, 44, 46 and 47: what is behind the service fails, what is in its logs, how it is confined."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

from harness import CODE, KEYBOARD_INTERACTIVE, UNLIMITED, LabCase, VarlinkError, eventually, password64, people

NEW = "teal kayak orbits mars 41"
KINDS = ("heidi", "lockedadmin", "expired", "nomail", "stan", "dupmail1", "nosuchperson", "shared@example.com")
TYPED = "typed for a name 9090"
ATTACH_S = 10
EXPOSURE_MAX = 15  # systemd-analyze counts in tenths
STATE = "/var/lib/pwreset"
UNITS = ("pwresetd.service", "pwreset-directory@.service", "pwreset-mailer@.service", "pwreset-web.service")


class Trouble(LabCase):
    LAB = {"name": f"cases-{os.getpid()}"}
    SETTINGS = {"limits": UNLIMITED}

    @classmethod
    def arm_filters(cls):
        """Not here: a call that strace makes fail has no number any more when the filter sees it."""

    def login(self, user):
        """Possible as soon as nslcd has found slapd again, which another test may have stopped before."""
        return eventually(lambda: self.ssh_login(user, people.password(user)), 40, 1)

    def same(self, name, method, **parameters):
        """The one reply that all kinds of names got."""
        replies = {user: self.varlink(name, 60).raw(method, user=user, **parameters) for user in KINDS}
        self.assertEqual(1, len(set(replies.values())), replies)
        return json.loads(replies["nosuchperson"])

    # ---- case 2

    def test_case_2_relay_down(self):
        self.lab.stop_relay()
        self.addCleanup(self.lab.start_relay)
        self.assertNotIn("error", self.same("pam", "org.pwreset.Recovery.RequestCode"))
        self.assertNotIn("error", self.same("web", "org.pwreset.Recovery.RequestLink"))
        self.assertIn("Refused", self.same("pam", "org.pwreset.Recovery.VerifyCode", code="AAAA-BBBB")["error"])

    def test_case_2_directory_down(self):
        self.lab.exec(["systemctl", "stop", "slapd.service"])
        self.addCleanup(self.lab.restart, "slapd")
        self.assertNotIn("error", self.same("pam", "org.pwreset.Recovery.RequestCode"))
        self.assertNotIn("error", self.same("web", "org.pwreset.Recovery.RequestLink"))
        # The first call tries to connect for longer than the slot lasts, whoever it is for.
        self.varlink().raw("org.pwreset.Recovery.VerifyCode", user="nosuchperson", code="AAAA-BBBB")
        self.same("pam", "org.pwreset.Recovery.VerifyCode", code="AAAA-BBBB")

    # ---- case 5

    def processes(self, program):
        """The host's numbers of the lab's processes that run it (its name, as ps shows it)."""
        mine = os.readlink(f"/proc/{self.lab.leader}/ns/pid")
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "comm").read_text().strip() == program[:15] and os.readlink(folder / "ns/pid") == mine:
                    found.append(int(folder.name))
        return found

    @contextlib.contextmanager
    def without_random(self, pid):
        """Every getrandom() of that process fails; a list with what strace saw, filled at the end."""
        with open(f"/proc/{self.lab.leader}/root/run/cases-strace", "w+", encoding="utf-8") as trace:
            strace = subprocess.Popen(["strace", "-qq", "-e", "trace=getrandom", "-e", "inject=getrandom:error=EIO",
                                       "-p", str(pid)], stderr=trace)
            seen = []
            try:
                self.assertTrue(eventually(lambda: re.search(
                    r"TracerPid:\s[1-9]", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")), ATTACH_S))
                yield seen
            finally:
                strace.terminate()
                strace.wait()
                trace.seek(0)
                seen += trace.read().splitlines()

    def test_case_5_no_random_in_the_broker(self):
        self.varlink("ctl").call("org.varlink.service.GetInfo")
        broker = self.processes("pwresetd")
        with self.without_random(broker[0]) as seen:
            for name, method in (("pam", "RequestCode"), ("web", "RequestLink")):
                self.assert_error("Unavailable", self.varlink(name).call, f"org.pwreset.Recovery.{method}", user="judy")
                self.assertNotIn('"judy"', self.lab.exec(["sh", "-c", f"cat {STATE}/spool 2>/dev/null; true"]).stdout)
        self.assertTrue(any("INJECTED" in line for line in seen), seen)
        self.assertEqual(broker, self.processes("pwresetd"), "others are served")
        # The one mail that comes is that of the request which could be taken.
        self.ask_code("judy")
        self.assertEqual(1, len(self.lab.mails("judy")))
        self.assertEqual(1, len(self.lab.ldap_person("judy", "pwresetToken")["pwresetToken"]))

    def test_case_5_no_random_in_the_directory_worker(self):
        self.ask_code("ivan")
        with contextlib.ExitStack() as stack:
            workers = self.processes("pwreset-directory")
            self.assertTrue(workers, "one waits for more work")
            traces = [stack.enter_context(self.without_random(pid)) for pid in workers]
            self.varlink().call("org.pwreset.Recovery.RequestCode", user="kim")
            self.assertTrue(eventually(lambda: set(workers) - set(self.processes("pwreset-directory"))),
                            "it goes on without random numbers")
        self.assertTrue(any("INJECTED" in line for trace in traces for line in trace), traces)
        # What it would have made then does not exist; another worker makes a good one of the same request.
        self.assertTrue(CODE.search(self.body(self.lab.wait_mail("kim", 1, timeout=60)[0])))
        tokens = self.lab.ldap_person("kim", "pwresetToken")["pwresetToken"]
        self.assertEqual(1, len(tokens), tokens)

    # ---- case 6

    @staticmethod
    def memory(pid):
        """Every writable page of a process's own."""
        chunks = []
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                if not mode.startswith("rw") or "[v" in line:
                    continue
                begin, end = (int(part, 16) for part in span.split("-"))
                with contextlib.suppress(OSError):
                    memory.seek(begin)
                    chunks.append(memory.read(end - begin))
        return b"".join(chunks)

    @staticmethod
    def children(pids):
        """Of those processes, the ones whose parent is among them."""
        found = []
        for pid in pids:
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
                if int(re.search(r"PPid:\s(\d+)", status)[1]) in pids:
                    found.append(pid)
        return found

    def test_case_6_no_token_in_idle_processes(self):
        code, link = self.ask_code("sybil"), self.ask_link("sybil")
        # The mailer's child, with libesmtp in it, knows the last messages until there is none for a second.
        self.assertTrue(eventually(lambda: not self.children(self.processes("pwreset-mailer"))))
        pids = {f"{program} {pid}": pid for program in ("pwresetd", "pwreset-directory", "pwreset-mailer")
                for pid in self.processes(program)}
        self.assertEqual({"pwresetd", "pwreset-directory", "pwreset-mailer"}, {name.split()[0] for name in pids},
                         "the workers have not gone yet")
        for process, pid in pids.items():
            memory = self.memory(pid)
            self.assertGreater(len(memory), 100000, process)
            for secret in (code, code.replace("-", ""), link, link[40:]):
                at = memory.find(secret.encode())
                self.assertEqual(-1, at, f"{process}: {secret}: ...{memory[max(0, at - 100):at + 100]!r}...")

    def test_case_6_no_core(self):
        begin = self.lab.journal()[-1]["__CURSOR"]

        def ends(unit):
            return lambda: re.findall(r"Main process exited, code=(killed|dumped), status=11/SEGV", "\n".join(
                item["MESSAGE"] for item in self.lab.journal(since=begin) if unit[:-1] in item.get("UNIT", "")))

        self.lab.exec(["systemd-run", "--unit=cases-core", "--property=LimitCORE=infinity", "--property=WorkingDirectory=/var/tmp",
                       "sleep", "60"])
        self.lab.exec(["systemctl", "kill", "--signal=SEGV", "cases-core.service"])
        self.assertTrue(eventually(ends("cases-core.service")))
        if ends("cases-core.service")() != ["dumped"]:
            self.skipTest("nothing leaves a core on this machine")
        self.ask_code("trent")
        self.varlink("web").call("org.pwreset.Password.GetPolicy")
        self.lab.exec(["systemctl", "start", "pwreset-web.service"])
        for unit, program in (("pwreset-directory@", "pwreset-directory"), ("pwreset-mailer@", "pwreset-mailer"),
                              ("pwreset-web.service", "pwreset-web"), ("pwresetd.service", "pwresetd")):
            with self.subTest(unit=unit):
                pids = self.processes(program)
                self.assertTrue(pids)
                for pid in pids:
                    # The mailer's child goes with the mailer.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGSEGV)
                self.assertTrue(eventually(ends(unit)), "it died of it")
                self.assertEqual({"killed"}, set(ends(unit)()))

    # ---- case 46

    def stop(self):
        self.lab.exec(["systemctl", "stop", "pwresetd.service"])

    @contextlib.contextmanager
    def small_state(self):
        """The state folder on a file system of its own with 64 KiB."""
        self.stop()
        self.lab.exec(["mount", "-t", "tmpfs", "-o", f"size=64k,mode=0700,uid={self.uid('pwreset')},gid={self.uid('pwreset')}",
                       "cases", STATE])
        try:
            yield
        finally:
            self.stop()
            self.lab.exec(["umount", STATE])

    def said(self, words):
        self.assertTrue(eventually(lambda: words in self.lab.journal_text("pwresetd.service")), words)

    def test_case_46_disk_full(self):
        with self.small_state():
            self.lab.exec(["sh", "-c", f"dd if=/dev/zero of={STATE}/ballast bs=4k 2>/dev/null; true"])
            for user in ("rupert", "nosuchperson"):
                self.assert_error("Unavailable", self.varlink().call, "org.pwreset.Recovery.RequestCode", user=user)
            self.said("The spool cannot be written")
            self.said("No space left on device")
            self.assertTrue(self.login("rupert"))
            self.lab.exec(["rm", f"{STATE}/ballast"])
            self.ask_code("rupert")

    def test_case_46_disk_read_only(self):
        with self.small_state():
            self.lab.exec(["mount", "-o", "remount,ro", STATE])
            for user in ("peggy", "nosuchperson"):
                # Not even started, or started and unable to write: either way no promise is made.
                with self.assertRaises((ConnectionError, VarlinkError)) as caught:
                    self.varlink().call("org.pwreset.Recovery.RequestCode", user=user)
                self.assertIn(getattr(caught.exception, "name", "Unavailable"), ("Unavailable",))
            self.said("Read-only file system")
            self.assertTrue(self.login("peggy"))
            self.stop()
            self.lab.exec(["mount", "-o", "remount,rw", STATE])
            self.ask_code("peggy")

    def unit_state(self, unit):
        return self.lab.exec(["systemctl", "is-active", unit], check=False).stdout.strip()

    def watches_again(self):
        self.stop()
        self.varlink("ctl").call("org.varlink.service.GetInfo")
        return self.unit_state("pwreset-spool.path") == "active"

    def test_a_wrong_configuration_takes_nothing_away_for_good(self):
        wrong = "/etc/pwreset/pwreset.conf.d/wrong.conf"
        self.lab.stop_relay()
        self.varlink().call("org.pwreset.Recovery.RequestCode", user="wendy")
        self.lab.exec(["sh", "-c", f"mkdir -p /etc/pwreset/pwreset.conf.d; echo '[mail]\nfroom = x' >{wrong}"])
        # A stop leaves the spool, and the spool starts it again, in vain, until systemd has had enough.
        self.stop()
        self.assertTrue(eventually(lambda: self.unit_state("pwreset-spool.path") == "failed", 60, 0.5))
        with self.assertRaises(ConnectionError):
            self.varlink().call("org.pwreset.Recovery.RequestCode", user="wendy")
        self.lab.exec(["rm", wrong])
        self.lab.start_relay()
        # The limit of what it triggers ends with its interval.
        self.assertTrue(eventually(self.watches_again, 60, 2), "it watches again")
        self.assertTrue(CODE.search(self.body(self.lab.wait_mail("wendy", 1, timeout=60)[0])))

    # ---- case 47

    def test_case_47_exposure(self):
        for unit in UNITS:
            with self.subTest(unit=unit):
                done = self.lab.exec(["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}",
                                      f"/usr/lib/systemd/system/{unit}"], check=False)
                print(unit, done.stdout.strip().splitlines()[-1:])
                self.assertEqual(0, done.returncode, done.stdout[-300:] + done.stderr)


class Talkative(LabCase):
    """Case 44, in a lab of its own: its journal has hundreds of megabytes."""

    LAB = {"name": f"cases-log-{os.getpid()}"}
    SETTINGS = {"limits": UNLIMITED}

    def test_case_44_no_secret_at_debug_level(self):
        self.lab.write("/etc/ssh/sshd_config.d/cases.conf", "LogLevel DEBUG3\n")
        for unit in ("pwresetd", "pwreset-web", "pwreset-directory@", "pwreset-mailer@"):
            folder = f"/etc/systemd/system/{unit}.service.d"
            self.lab.exec(["mkdir", "-p", folder])
            self.lab.write(f"{folder}/cases.conf", "[Service]\nEnvironment=SYSTEMD_LOG_LEVEL=debug LDAP_DEBUG=-1 LDAPDEBUG=-1\n")
        self.lab.exec(["sh", "-c", "postconf debug_peer_list=127.0.0.1 debug_peer_level=3; systemctl daemon-reload;"
                       "systemctl restart ssh pwresetd postfix@-"])
        self.lab.start_relay()
        secrets = self.use_everything("niaj")
        secrets += [people.password("niaj"), people.SERVICE_PASSWORD]
        text = json.dumps(self.lab.journal(), ensure_ascii=False).encode()
        text += b"".join(file.read_bytes() for file in self.lab.path("/var/log").rglob("*") if file.is_file())
        self.assertIn(b"debug3", text, "it was the debug level")
        for secret in secrets:
            at = text.find(secret.encode())
            self.assertEqual(-1, at, f"{secret!r}: ...{text[max(0, at - 200):at + 200]!r}...")
        # slapd logs what is searched for. We do not log it: people type passwords where names belong.
        for unit in UNITS:
            self.assertNotIn(TYPED, self.lab.journal_text(unit.replace("@", "@*")))

    def use_everything(self, user):
        """Each way once, right and wrong; whatever must be in no log."""
        code, link = self.ask_code(user), self.ask_link(user)
        wrong = "a wrong secret 5150"
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=60)
        child.expect("[Pp]assword: ")
        child.sendline(wrong)
        child.expect("[Pp]assword: ")
        child.close(force=True)
        self.assert_error("Refused", self.varlink().call, "org.pwreset.Recovery.VerifyCode", user=TYPED, code="AAAA-BBBB")
        self.assert_error("WrongPassword", self.varlink().call, "org.pwreset.Password.Change", user=user,
                          current=password64(wrong), password=password64(NEW))
        self.assert_error("PasswordRefused", self.set_password, link, "niaj1234")
        grant = self.varlink().call("org.pwreset.Recovery.VerifyCode", user=user, code=code)["grant"]
        self.set_password(link, NEW)
        self.assert_password(user, NEW)
        kept = [wrong, NEW, grant, link, link[30:], "niaj1234"]
        return kept + [code, code.replace("-", "")] + [password64(secret) for secret in (wrong, NEW, "niaj1234")]


class Stripped(LabCase):
    """Case 20 with a real relay: nothing without its TLS, and the log says why."""

    LAB = {"name": f"cases-tls-{os.getpid()}"}
    SETTINGS = {"limits": UNLIMITED, "mail": {"relay": "lab.example.com:25", "tls": "starttls",
                                             "tls-ca-file": "/etc/lab/tls/ca.crt"}}

    def relay(self, certificate, level="may"):
        self.lab.exec(["postconf", f"smtpd_tls_cert_file=/etc/lab/tls/{certificate}.crt",
                       f"smtpd_tls_key_file=/etc/lab/tls/{certificate}.key", f"smtpd_tls_security_level={level}"])
        self.lab.stop_relay()
        self.lab.start_relay()

    def failures(self, since):
        return [line for line in self.lab.journal(since=since) if line.get("PWRESET_EVENT") == "put-off"]

    def test_case_20_nothing_without_tls_and_it_is_said(self):
        self.ask_code("alice")
        for user, certificate, level, words in (
                ("bob", "lab", "none", r"STARTTLS.*not offered.* The relay offers no STARTTLS: enable TLS there"),
                ("carol", "wrong-name", "may", r"certificate is for other\.example\.com.* Set \[mail\] relay= to a name that")):
            with self.subTest(certificate=certificate, level=level):
                self.relay(certificate, level)
                said = self.lab.journal()[-1]["__CURSOR"]
                self.varlink().call("org.pwreset.Recovery.RequestCode", user=user)
                self.assertTrue(eventually(lambda: self.failures(said), 30), "said at the first failure")
                line = self.failures(said)[0]
                print(line["MESSAGE"])
                self.assertRegex(line["MESSAGE"], words)
                self.assertEqual(("relay-failed", "4"), (line["PWRESET_RESULT"], line["PRIORITY"]))
                self.assertNotIn(f"{user}@", str(line))
                self.assertEqual([], self.lab.mails(user))
        self.relay("lab")
        self.ask_code("dave")
        # Nothing is lost, and that it is over is said once.
        self.assertTrue(eventually(lambda: sorted(self.lab.all_mails()) == ["alice", "bob", "carol", "dave"], 120, 1))
        self.assertTrue(eventually(lambda: "relay-back" in self.lab.journal_text("pwresetd.service"), 20))

    def test_case_47_no_call_outside_the_filters(self):
        """In every lab of the end-to-end tests such a call kills, and the class fails (LabCase.arm_filters): here that it is so."""
        self.ask_code("user0007")
        self.lab.exec(["systemctl", "start", "pwreset-web.service"])
        for unit in ("pwresetd.service", "pwreset-web.service"):
            shown = self.lab.exec(["systemctl", "show", "--property=SystemCallErrorNumber", "--value", unit]).stdout.strip()
            self.assertNotIn(shown, ("", "0", "1", "EPERM"), unit)
        done = self.lab.exec(["systemd-run", "--quiet", "--wait", "--pipe", "--property=SystemCallFilter=~chroot", "sh", "-c",
                              "chroot /; echo $?"], check=False)
        self.assertEqual("159", done.stdout.strip(), "128 and SIGSYS")


class Late(LabCase):
    """Case 23: what could not be sent in its time is not sent."""

    LAB = {"name": f"cases-late-{os.getpid()}"}
    SETTINGS = {"limits": UNLIMITED, "recovery": {"mail-minutes": "1"}}

    def status(self):
        return self.varlink("ctl").call("org.pwreset.Service.GetStatus")

    def test_case_23_nothing_is_sent_after_the_request_s_life(self):
        self.lab.stop_relay()
        for user in ("alice", "bob"):
            self.varlink().call("org.pwreset.Recovery.RequestCode", user=user)
        self.varlink("web").call("org.pwreset.Recovery.RequestLink", user="carol")
        self.assertEqual(3, self.status()["queued"])
        self.assertTrue(eventually(lambda: self.status()["queued"] == 0, 120, 1), "given up when its time is over")
        self.lab.start_relay()
        self.ask_code("dave")
        self.assertEqual(["dave"], sorted(self.lab.all_mails()))
        log = self.lab.journal_text("pwresetd.service")
        self.assertEqual(3, log.count("expired"), log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
