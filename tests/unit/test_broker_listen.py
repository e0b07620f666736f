#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pwresetd --listen: without systemd, the same sockets, users and processes.

Usage: test_broker_listen.py PWRESETD [unittest arguments]
"""
import ctypes
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time
import unittest

from broker_harness import USERS, Broker, Client, wait_for

PROGRAM = None
# Whether this kernel confines files.
LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1) > 0
MODES = {"pam": (0, 0o600), "web": ("pwreset-web", 0o600), "ctl": (0, 0o666), "relay": ("pwreset-relay", 0o600),
         "directory": ("pwreset", 0o600), "mailer": ("pwreset", 0o600)}
WORKER = os.environ.get("LISTEN_WORKER", "")  # the program of listen_worker.c


class Listen(unittest.TestCase):
    def setUp(self):
        self.b = Broker(PROGRAM, idle_exit=1)
        self.addCleanup(self.b.close)
        for s in self.b.listeners:
            s.close()
        self.b.directory.refuse()
        self.b.mailer.refuse()
        for name in MODES:
            (self.b.run / name).unlink(missing_ok=True)
        programs = self.b.root / "usr/lib/pwreset"
        programs.mkdir(parents=True)
        for name in ("pwreset-directory", "pwreset-mailer"):
            (programs / name).write_bytes(pathlib.Path(WORKER).read_bytes())
            (programs / name).chmod(0o755)
        credentials = self.b.root / "etc/pwreset/credentials"
        credentials.mkdir(mode=0o700)
        for name in ("pepper", "smtp-password"):
            (credentials / name).write_text(f"the {name}")
            (credentials / name).chmod(0o600)
        # The launched broker is another user, which must get at the program.
        self.program = self.b.root / "pwresetd"
        self.program.write_bytes(pathlib.Path(PROGRAM).read_bytes())
        self.program.chmod(0o755)
        self.start()

    def start(self):
        self.launcher = subprocess.Popen([str(self.program), "--listen", f"--root={self.b.root}"], stderr=self.b.log)
        self.addCleanup(self.stop)
        self.assertTrue(wait_for(lambda: all((self.b.run / name).exists() for name in MODES), 10), self.b.log_text())
        time.sleep(0.1)

    def stop(self):
        self.launcher.terminate()
        return self.launcher.wait(30)

    def children(self):
        pid = self.launcher.pid
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def test_sockets_have_their_owners_and_modes(self):
        for name, (owner, mode) in MODES.items():
            st = (self.b.run / name).stat()
            self.assertTrue(stat.S_ISSOCK(st.st_mode))
            self.assertEqual((st.st_uid, st.st_mode & 0o777), (USERS.get(owner, 0), mode), name)
        self.assertEqual(self.b.state.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.b.state.stat().st_uid, USERS["pwreset"])

    def test_broker_and_workers_are_their_own_users_and_have_their_own_secrets(self):
        with Client(self.b.run / "pam") as c:
            error, about = c.call("org.pwreset.Password.Exists", user="x")
            self.assertEqual(error, "", self.b.log_text())
            uids = sorted(os.stat(f"/proc/{p}").st_uid for p in self.children()
                          if pathlib.Path(f"/proc/{p}/comm").read_text().strip() == "pwresetd")
            status = [pathlib.Path(f"/proc/{p}/status").read_text() for p in self.children()]
        # A broker that cannot be dumped belongs to root in /proc; its status says who it is.
        self.assertTrue(any(f"Uid:\t{USERS['pwreset']}\t{USERS['pwreset']}" in text for text in status), uids)
        self.assertTrue(all("NoNewPrivs:\t1" in text and "CapEff:\t0000000000000000" in text for text in status))
        self.assertTrue(all("Seccomp:\t2" in text for text in status))
        self.assertEqual(about, {"uid": USERS["pwreset-directory"], "gid": USERS["pwreset-directory"], "groups": 0,
                                 "environment": ["PATH", "CREDENTIALS_DIRECTORY"], "pepper": "the pepper", "smtp": None,
                                 "listed": False, "programs": not LANDLOCK, "fds": 4})
        with Client(self.b.run / "ctl") as c:
            about = c.call("org.pwreset.Service.TestMail", address="it@example.com")[1]
        self.assertEqual((about["uid"], about["pepper"], about["smtp"]),
                         (USERS["pwreset-mailer"], None, "the smtp-password"))

    def test_idle_it_leaves_and_comes_back(self):
        for _ in range(2):
            with Client(self.b.run / "ctl") as c:
                self.assertEqual(c.call("org.varlink.service.GetInfo")[0], "", self.b.log_text())
            self.assertTrue(wait_for(lambda: not self.children(), 10))

    def test_a_killed_broker_is_started_again_for_what_waits(self):
        os.rename(self.b.root / "usr/lib/pwreset/pwreset-directory", self.b.root / "away")
        with Client(self.b.run / "pam") as c:
            self.assertEqual(c.call("org.pwreset.Recovery.RequestCode", user="x")[0], "")
        for p in self.children():
            os.kill(p, signal.SIGKILL)
        os.rename(self.b.root / "away", self.b.root / "usr/lib/pwreset/pwreset-directory")
        self.assertTrue(wait_for(lambda: "no-address" in self.b.log_text(), 20), self.b.log_text())

    def test_sigterm_takes_everything_along(self):
        with Client(self.b.run / "pam") as c:
            c.call("org.pwreset.Password.Exists", user="x")
            pids = self.children()
            self.assertEqual(self.stop(), 0)
        self.assertTrue(wait_for(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), 5))
        self.assertFalse(any((self.b.run / name).exists() for name in MODES))

    def test_one_at_a_time(self):
        second = subprocess.run([str(self.program), "--listen", f"--root={self.b.root}"], capture_output=True, text=True,
                                timeout=10, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another pwresetd --listen is running", second.stderr)
        with Client(self.b.run / "ctl") as c:
            self.assertEqual(c.call("org.varlink.service.GetInfo")[0], "")

    def test_a_credential_that_others_can_read_is_refused(self):
        self.stop()
        (self.b.root / "etc/pwreset/credentials/pepper").chmod(0o640)
        second = subprocess.run([str(self.program), "--listen", f"--root={self.b.root}"], capture_output=True, text=True,
                                timeout=10, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("pepper: must be a file of root with mode 0600", second.stderr)


class Start(unittest.TestCase):
    """What is wrong is said, and whoever waits at the door is not made to wait for the next."""

    def test_a_wrong_configuration_names_file_and_line(self):
        b = Broker(PROGRAM)
        self.addCleanup(b.close)
        (b.root / "etc/pwreset/pwreset.conf").write_text("[mail]\nfrom = it@example.com\nfroom = x\n")
        with Client(b.run / "ctl", 5) as c:
            b.start()
            self.assertEqual(os.waitstatus_to_exitcode(b.exited(5)), 78)
            self.assertEqual(c.s.recv(10), b"")
        self.assertIn("pwreset.conf:3", b.log_text())

    def test_without_sockets(self):
        b = Broker(PROGRAM)
        self.addCleanup(b.close)
        r = subprocess.run([PROGRAM, f"--root={b.root}"], capture_output=True, text=True, timeout=10, check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("No sockets were passed", r.stderr)

    def test_options(self):
        self.assertIn("--listen", subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout)
        self.assertRegex(subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout,
                         r"^pwresetd \d")
        for bad in (["--nothing"], ["word"], ["--root=relative"]):
            self.assertEqual(subprocess.run([PROGRAM, *bad], capture_output=True, check=False).returncode, 1)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: needs root, as --listen does")
        sys.exit(77)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")
