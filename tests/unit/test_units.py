#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units: exposure by systemd-analyze, and what each process must not be given.

Usage: test_units.py SOURCE-FOLDER FOLDER-OF-BUILT-UNITS [unittest arguments]
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = BUILT = None
SERVICES = ("pwresetd.service", "pwreset-directory@.service", "pwreset-mailer@.service", "pwreset-web.service",
            "pwreset-fleet@.service", "pwreset-remind-expiry.service")
EXPOSURE_MAX = 1.5
# HACKING.md: user, mode, Accept=.
SOCKETS = {"pam": ("root", "0600", False), "web": ("pwreset-web", "0600", False), "ctl": ("root", "0666", False),
           "relay": ("pwreset-relay", "0600", False), "directory": ("pwreset", "0600", True),
           "mailer": ("pwreset", "0600", True)}
USERS = {"pwresetd.service": "pwreset", "pwreset-directory@.service": "pwreset-directory",
         "pwreset-mailer@.service": "pwreset-mailer", "pwreset-web.service": "pwreset-web",
         "pwreset-fleet@.service": "pwreset-fleet", "pwreset-remind-expiry.service": "root"}
CREDENTIALS = {"pwreset-directory@.service": ["ldap-password", "pepper"], "pwreset-mailer@.service": ["smtp-password"],
               "pwreset-fleet@.service": ["key"]}


def built(name):
    """A unit as it is installed."""
    return BUILT / name if (BUILT / name).exists() else SOURCE / name


class Unit(dict):
    """Keys of all sections with the list of their values: units repeat keys."""

    def __init__(self, path):
        super().__init__()
        for line in path.read_text(encoding="utf-8").splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith(("#", ";")):
                self.setdefault(key.strip(), []).append(value.strip())

    def one(self, key, otherwise=None):
        return self.get(key, [otherwise])[-1]


class Units(unittest.TestCase):
    def test_exposure(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        for name in SERVICES:
            with self.subTest(unit=name):
                run = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", str(built(name))],
                                     capture_output=True, text=True, check=False)
                found = re.search(r"Overall exposure level for \S+: ([\d.]+)", run.stdout)
                self.assertIsNotNone(found, run.stdout + run.stderr)
                self.assertLessEqual(float(found[1]), EXPOSURE_MAX)
                print(f"{name}: {found[1]}", file=sys.stderr)

    def test_systemd_understands_every_line(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for path in [*(built(n) for n in SERVICES), *SOURCE.glob("*.socket"), *SOURCE.glob("*.path")]:
                text = path.read_text(encoding="utf-8")
                (folder / path.name).write_text(re.sub(r"^ExecStart=(?:.*\\\n)*.*", "ExecStart=/bin/true", text, flags=re.M))
            for path in sorted(folder.iterdir()):
                name = path.name.replace("@", "@x")
                if name != path.name:
                    shutil.copy(path, folder / name)
                run = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(folder / name)],
                                     capture_output=True, text=True, check=False)
                ours = [line for line in run.stderr.splitlines() if "pwreset" in line and "Unknown" in line]
                self.assertEqual(ours, [], name)

    def test_each_process_is_its_own_user_without_privileges(self):
        for name in SERVICES:
            unit = Unit(built(name))
            with self.subTest(unit=name):
                self.assertEqual(unit.one("User"), USERS[name])
                for key, value in {"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectProc": "invisible", "LimitCORE": "0",
                                   "MemoryDenyWriteExecute": "yes", "UMask": "0077"}.items():
                    self.assertEqual(unit.one(key), value, key)
                # An empty root has nothing of the system's that could be protected.
                self.assertTrue(unit.one("ProtectSystem") == "strict" or unit.one("TemporaryFileSystem", "").startswith("/:ro"))
                self.assertIn("@system-service", unit.one("SystemCallFilter", "") + " ".join(unit["SystemCallFilter"]))
                self.assertTrue(unit.one("MemoryMax") and unit.one("TasksMax"))

    def test_the_broker_has_no_network_and_no_secret(self):
        unit = Unit(BUILT / "pwresetd.service")
        self.assertEqual(unit["RestrictAddressFamilies"], ["AF_UNIX"])
        self.assertEqual((unit.one("PrivateNetwork"), unit.one("IPAddressDeny")), ("yes", "any"))
        self.assertNotIn("LoadCredential", unit)
        # Peers' uids would all be "nobody".
        self.assertNotIn("PrivateUsers", unit)

    def test_the_page_has_a_root_of_its_own(self):
        """What it sees of the host: tests/web/test_taken_over.py runs a shell in it."""
        unit = Unit(BUILT / "pwreset-web.service")
        self.assertEqual((unit["RestrictAddressFamilies"], unit.one("PrivateNetwork")), (["AF_UNIX"], "yes"))
        self.assertRegex(unit.one("TemporaryFileSystem"), "^/:ro,noexec,nosuid,nodev /run:ro,noexec,nosuid,nodev$")
        for key in ("BindPaths", "ReadWritePaths", "PrivateTmp", "StateDirectory", "LoadCredential"):
            self.assertNotIn(key, unit)
        bound = [path.removeprefix("-") for line in unit["BindReadOnlyPaths"] for path in line.split()]
        self.assertEqual([path for path in bound if not re.match(
            r"(/usr)?/lib(64)?(/[\w.-]*linux[\w.-]*)?$|/(etc|run|usr/(lib|share))/pwreset/(pwreset-web|pwreset\.conf(\.d)?|web|tls)$|"
            r"/run/systemd/notify$|/etc/(ld\.so\.cache|gnutls|crypto-policies)$|/usr/share/crypto-policies$", path)], [])

    def test_a_daemon_executes_its_own_program_and_nothing_else(self):
        for name in ("pwresetd.service", "pwreset-directory@.service", "pwreset-mailer@.service"):
            unit = Unit(BUILT / name)
            with self.subTest(unit=name):
                self.assertEqual(unit.one("NoExecPaths").split()[0], "/")
                self.assertEqual(unit.one("ExecPaths").split()[0], unit.one("ExecStart"))
                others = [path for path in unit.one("ExecPaths").split()[1:] if not re.match(r"-(/usr)?/lib(64)?(/[\w.-]*linux[\w.-]*)?$", path)]
                self.assertEqual(others, ["-/bin/kill", "-/usr/bin/kill"] if "ExecReload" in unit else [])

    def test_secrets_and_state_are_where_they_belong(self):
        for name in SERVICES:
            unit = Unit(built(name))
            with self.subTest(unit=name):
                loaded = sorted(x.partition(":")[0] for x in unit.get("LoadCredential", []))
                self.assertEqual(loaded, CREDENTIALS.get(name, []))
                self.assertEqual(unit.one("StateDirectory"), "pwreset" if name == "pwresetd.service" else None)
                self.assertNotIn("RuntimeDirectory", unit)

    def test_sockets(self):
        for name, (user, mode, accept) in SOCKETS.items():
            unit = Unit(SOURCE / f"pwreset-{name}.socket")
            with self.subTest(socket=name):
                self.assertEqual(unit.one("ListenStream"), f"/run/pwreset/{name}")
                self.assertEqual(unit.one("SocketUser", "root"), user)
                self.assertEqual(unit.one("SocketMode"), mode)
                self.assertEqual(unit.one("Accept", "no") == "yes", accept)
                self.assertEqual(unit.one("TriggerLimitIntervalSec"), "0")
                if accept:
                    self.assertTrue(unit.one("MaxConnections"))
                else:
                    self.assertEqual((unit.one("FileDescriptorName"), unit.one("Service")), (name, "pwresetd.service"))
        passed = Unit(BUILT / "pwresetd.service").one("Sockets").split()
        self.assertEqual(sorted(passed), sorted(f"pwreset-{n}.socket" for n, s in SOCKETS.items() if not s[2]))

    def test_a_fleets_host_has_ssh_alone_and_nothing_that_its_file_could_undo(self):
        unit = Unit(SOURCE / "pwreset-fleet.socket")
        self.assertEqual((unit.one("ListenStream"), unit.one("SocketMode"), unit.one("Accept"), unit.one("Conflicts")),
                         ("/run/pwreset/pam", "0600", "yes", "pwreset-pam.socket"))
        self.assertEqual(unit.one("TriggerLimitIntervalSec"), "0")
        self.assertEqual("-/usr/lib/pwreset/pwreset-fleet", Unit(SOURCE / "pwreset-fleet@.service").one("ExecStart"))
        text = (SOURCE / "pwreset-fleet").read_text(encoding="utf-8").replace("\\\n", "")
        command = shlex.split(re.search(r"^\s+ssh -F /etc/pwreset/fleet.ssh -T .*$", text, re.M)[0])
        for option in ("StrictHostKeyChecking=yes", "BatchMode=yes", "PreferredAuthentications=publickey", "ControlPath=none",
                       "IdentitiesOnly=yes", "ClearAllForwardings=yes"):
            self.assertIn(option, command)

    def test_the_fleets_hosts_have_an_sshd_of_their_own_and_each_a_share_of_it(self):
        unit = Unit(BUILT / "pwreset-relay-ssh.socket")
        self.assertEqual(("yes", "0"), (unit.one("Accept"), unit.one("TriggerLimitIntervalSec")))
        self.assertLess(int(unit.one("MaxConnectionsPerSource")) * 4, int(unit.one("MaxConnections")))
        service, group = Unit(SOURCE / "pwreset-relay-ssh@.service"), Unit(SOURCE / "pwreset-relay.slice")
        self.assertEqual("pwreset-relay.slice", service.one("Slice"))
        for key in ("TasksMax", "MemoryMax"):
            self.assertTrue(service.one(key) and group.one(key), key)
        self.assertEqual("-/usr/sbin/sshd -i -f /usr/share/pwreset/fleet.sshd", service.one("ExecStart"))
        said = dict(line.split(maxsplit=1) for line in (SOURCE / "fleet.sshd").read_text(encoding="utf-8").splitlines()
                    if not line.startswith("#"))
        for key, value in (("AllowUsers", "pwreset-relay"), ("AuthenticationMethods", "publickey"), ("DisableForwarding", "yes"),
                           ("PermitTTY", "no"), ("PermitRootLogin", "no"), ("MaxSessions", "1"), ("UsePAM", "no")):
            self.assertEqual(value, said[key])

    def test_reminders_are_made_by_root_who_can_do_nothing_else(self):
        """The broker asks for the number 0; test_each_process above holds that there is nothing behind it."""
        unit, timer = Unit(BUILT / "pwreset-remind-expiry.service"), Unit(SOURCE / "pwreset-remind-expiry.timer")
        self.assertEqual((unit["RestrictAddressFamilies"], unit.one("PrivateNetwork"), unit.one("Type")), (["AF_UNIX"], "yes", "oneshot"))
        self.assertEqual((timer.one("OnCalendar"), timer.one("Persistent")), ("daily", "yes"))
        self.assertTrue(timer.one("RandomizedDelaySec"))

    def test_what_waits_is_sent_after_a_boot(self):
        unit = Unit(SOURCE / "pwreset-spool.path")
        self.assertEqual((unit.one("PathExists"), unit.one("Unit")), ("/var/lib/pwreset/spool", "pwresetd.service"))
        self.assertIn("\nWantedBy=pwresetd.service\n", (SOURCE / "pwreset-spool.path").read_text(encoding="utf-8"),
                      "it watches again after it has given up")


if __name__ == "__main__":
    SOURCE, BUILT = pathlib.Path(sys.argv.pop(1)), pathlib.Path(sys.argv.pop(1))
    unittest.main(verbosity=2)
