#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the compiler and the linker can do against an attacker is in each binary that is installed.

Usage: PWRESET_BUILD=BUILD test_hardening.py; BUILD as a distribution builds it, without sanitizers.
"""

import json
import os
import pathlib
import platform
import re
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["PWRESET_BUILD"])
ENDBR64 = bytes.fromhex("f30f1efa")  # where an indirect jump may land


def readelf(path, *options):
    return subprocess.run(["readelf", "-W", *options, path], check=True, capture_output=True, text=True).stdout


def installed():
    """Every ELF file that meson installs."""
    shown = subprocess.run(["meson", "introspect", "--installed", str(BUILD)], check=True, capture_output=True, text=True).stdout
    for source in json.loads(shown):
        path = pathlib.Path(source)
        if path.is_file() and path.open("rb").read(4) == b"\x7fELF":
            yield path


class Hardening(unittest.TestCase):
    def setUp(self):
        self.binaries = list(installed())
        self.assertGreaterEqual({path.name for path in self.binaries}, {
            "pwresetd", "pwreset-directory", "pwreset-mailer", "pwreset-web", "pwresetctl", "pam_pwreset.so"})

    def imports(self, path):
        return set(re.findall(r"UND +(\w+)", readelf(path, "--dyn-syms")))

    def test_linked(self):
        for path in self.binaries:
            header, segments, dynamic = readelf(path, "-h"), readelf(path, "-l"), readelf(path, "-d")
            self.assertRegex(header, r"Type: +DYN", "position independent")
            self.assertIn("GNU_RELRO", segments, path.name)
            self.assertRegex(dynamic, "BIND_NOW|NOW")
            self.assertNotRegex(dynamic, r"TEXTREL|RPATH|RUNPATH")
            self.assertRegex(segments, r"GNU_STACK.* RW ")
            self.assertNotRegex(segments, r"LOAD.* RWE", "written or executed, never both")

    def test_stack_protector(self):
        for path in self.binaries:
            self.assertIn("__stack_chk_fail", self.imports(path), path.name)

    def test_fortified(self):
        for path in self.binaries:
            checked = {name for name in self.imports(path) if name.endswith("_chk")}
            self.assertTrue(checked, f"{path.name}: no function of the checked kind")
            self.assertEqual(self.imports(path) & {"sprintf", "vsprintf", "strcpy", "strcat", "gets"}, set(), path.name)

    @unittest.skipUnless(platform.machine() == "x86_64", "CET is x86's")
    def test_control_flow(self):
        for path in self.binaries:
            # Not the mark in the notes: the linker leaves it out where the C library's own start files lack it, as Debian's do.
            self.assertGreater(path.read_bytes().count(ENDBR64), 20, path.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
