#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The profiles for pam-auth-update, by that tool itself in a folder of the test's own."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

OURS = pathlib.Path(__file__).resolve().parents[2] / "packaging/pam-configs"
TOOL = "/usr/sbin/pam-auth-update"
SHARED = pathlib.Path("/usr/share")

# As the packages of nss-pam-ldapd, SSSD, libpam-fprintd and libpam-pwquality have them, in what counts here.
OTHERS = {
    "ldap": """Name: LDAP
Default: yes
Priority: 128
Auth-Type: Primary
Auth-Initial:
	[success=end default=ignore]	pam_ldap.so minimum_uid=1000
Auth:
	[success=end default=ignore]	pam_ldap.so minimum_uid=1000 use_first_pass
Password-Type: Primary
Password-Initial:
	[success=end default=ignore]	pam_ldap.so minimum_uid=1000
Password:
	[success=end default=ignore]	pam_ldap.so minimum_uid=1000 try_first_pass
""",
    "fprintd": """Name: Fingerprint
Default: no
Priority: 260
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_fprintd.so max-tries=1
""",
    "pwquality": """Name: Quality
Default: no
Priority: 1024
Password-Type: Primary
Password:
	requisite	pam_pwquality.so retry=3
""",
    "faillock": """Name: Tally
Default: no
Priority: 0
Auth-Type: Primary
Auth:
	[default=die]	pam_faillock.so authfail
Account-Type: Additional
Account:
	required	pam_faillock.so
""",
}


class Profiles(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pwreset-profiles-"))
        self.addCleanup(shutil.rmtree, self.root)
        configs = self.root / "usr/share/pam-configs"
        configs.mkdir(parents=True)
        (self.root / "etc/pam.d").mkdir(parents=True)
        (self.root / "var/lib/pam").mkdir(parents=True)
        for template in (SHARED / "pam").glob("common-*"):
            if not template.name.endswith("md5sums"):
                shutil.copy(template, self.root / "etc/pam.d")
        shutil.copy(SHARED / "pam-configs/unix", configs)
        for name, text in OTHERS.items():
            (configs / name).write_text(text)
        for profile in OURS.iterdir():
            shutil.copy(profile, configs)

    def enable(self, *names):
        """The tool's own doing; its answers go to a debconf database that is thrown away."""
        environment = os.environ | {
            "DEBIAN_FRONTEND": "noninteractive",
            "DEBCONF_DB_REPLACE": f"File{{{self.root}/debconf.dat}}",
            "LC_ALL": "C",
        }
        subprocess.run(
            [TOOL, "--root", str(self.root), "--force", "--enable", *names],
            env=environment,
            check=True,
            capture_output=True,
        )

    def stack(self, kind):
        """[(control, module, arguments)] of common-KIND."""
        lines = []
        for line in (self.root / f"etc/pam.d/common-{kind}").read_text().splitlines():
            found = re.match(rf"{kind}\s+(\[[^]]*\]|\S+)\s+(\S+)\s*(.*)", line)
            if found:
                lines.append((found[1], found[2], found[3].split()))
        return lines

    def modules(self, kind):
        return [module for _, module, _ in self.stack(kind)]

    def jump_target(self, stack, index):
        """Where success=N of that line leads."""
        return stack[index + 1 + int(re.search(r"success=(\d+)", stack[index][0])[1])][1]

    def test_nothing_by_default(self):
        self.enable("unix", "ldap")
        for kind in ("auth", "password", "account", "session"):
            self.assertNotIn("pam_pwreset.so", self.modules(kind))

    def test_recovery(self):
        self.enable("unix", "ldap", "pwreset-recovery")
        stack = self.stack("auth")
        self.assertEqual(
            [line[1] for line in stack],
            ["pam_pwreset.so", "pam_unix.so", "pam_ldap.so", "pam_deny.so", "pam_permit.so"],
        )
        self.assertEqual(stack[0], ("[conv_err=die default=ignore]", "pam_pwreset.so", []))
        # what was typed is used below, and asked for there where the module stepped aside
        self.assertIn("try_first_pass", stack[1][2])
        self.assertIn("use_first_pass", stack[2][2])
        self.assertEqual(self.jump_target(stack, 1), "pam_permit.so")
        self.assertEqual(self.jump_target(stack, 2), "pam_permit.so")

    def test_recovery_below_fingerprints(self):
        self.enable("unix", "ldap", "fprintd", "pwreset-recovery")
        self.assertEqual(
            self.modules("auth")[:3], ["pam_fprintd.so", "pam_pwreset.so", "pam_unix.so"]
        )

    def test_recovery_above_faillock(self):
        self.enable("unix", "ldap", "faillock", "pwreset-recovery-faillock")
        stack = self.stack("auth")
        self.assertEqual(
            [line[1] for line in stack],
            [
                "pam_pwreset.so",
                "pam_faillock.so",
                "pam_unix.so",
                "pam_ldap.so",
                "pam_faillock.so",
                "pam_deny.so",
                "pam_permit.so",
            ],
        )
        # the jump of a recovery is over the tally alone
        self.assertIn("authtok_recover_err=1 ", stack[0][0])
        self.assertEqual(stack[0][2], ["faillock"])
        self.assertEqual(stack[1][0], "requisite")
        self.assertEqual(stack[1][2][0], "preauth")
        self.assertEqual(self.jump_target(stack, 2), "pam_permit.so")
        self.assertEqual(stack[4][2], ["authfail"])

    def test_password(self):
        self.enable("unix", "ldap", "pwreset-password")
        stack = self.stack("password")
        self.assertEqual(
            [line[1] for line in stack],
            ["pam_unix.so", "pam_pwreset.so", "pam_ldap.so", "pam_deny.so", "pam_permit.so"],
        )
        # pam_unix asks for itself: nobody above it has
        self.assertNotIn("use_authtok", stack[0][2])
        self.assertEqual(stack[1][2], [])
        self.assertIn("default=die", stack[1][0])
        self.assertEqual(self.jump_target(stack, 1), "pam_permit.so")

    def test_policy(self):
        self.enable("unix", "ldap", "pwreset-policy")
        stack = self.stack("password")
        self.assertEqual([line[1] for line in stack][:3], ["pam_pwreset.so", "pam_unix.so", "pam_ldap.so"])
        self.assertEqual(stack[0], ("requisite", "pam_pwreset.so", ["policy_only"]))
        self.assertIn("use_authtok", stack[1][2])

    def test_policy_after_another(self):
        self.enable("unix", "ldap", "pwquality", "pwreset-policy", "pwreset-password")
        stack = self.stack("password")
        self.assertEqual(
            [line[1] for line in stack][:4],
            ["pam_pwquality.so", "pam_pwreset.so", "pam_unix.so", "pam_pwreset.so"],
        )
        self.assertEqual(stack[1][2], ["policy_only", "use_authtok"])


if __name__ == "__main__":
    if not os.access(TOOL, os.X_OK):
        print(f"skipped: {TOOL} is Debian's, and not here")
        sys.exit(77)
    if os.geteuid() != 0:
        print("skipped: pam-auth-update wants root")
        sys.exit(77)
    unittest.main()
