#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""varlinkctl of systemd 257 introspects and calls the service; the interface documents are all that it needs."""
import json
import subprocess
import unittest

from harness import TOP, LabCase


class Varlinkctl(LabCase):
    def run_it(self, verb, *words, name="ctl", check=True):
        argv = [TOP / "tests/lab/varlinkctl.sh", verb, self.lab.path(f"/run/pwreset/{name}"), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=check)

    def test_info_and_interfaces(self):
        info = self.run_it("info").stdout
        for interface in ("org.pwreset.Recovery", "org.pwreset.Admin", "org.varlink.service"):
            self.assertIn(interface, info)

    def test_introspects_every_interface(self):
        for file in sorted((TOP / "interfaces").glob("*.varlink")):
            if file.stem.rpartition(".")[2] in ("Directory", "Mailer", "Relay"):
                continue
            with self.subTest(interface=file.stem):
                shown = self.run_it("introspect", file.stem).stdout
                self.assertIn(f"interface {file.stem}", shown)

    def test_calls(self):
        shown = self.run_it("call", "org.pwreset.Admin.Show", json.dumps({"user": "carol"})).stdout
        self.assertEqual("carol", json.loads(shown)["record"]["user"])
        refused = self.run_it("call", "org.pwreset.Admin.Show", json.dumps({"user": "nobodyhere"}), check=False)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn("org.pwreset.Failure.NotAllowed", refused.stderr + refused.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
