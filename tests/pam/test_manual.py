#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pam_pwreset(8) names every argument of the module and no other, and every code that it returns."""

import pathlib
import re
import subprocess
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "man/pam_pwreset.8"


class Manual(unittest.TestCase):
    def test_arguments(self):
        table = re.findall(r'\{ "(\w+)", ARG_', (TOP / "pam_module/args.c").read_text())
        section = PAGE.read_text().split(".SH ARGUMENTS")[1].split(".SH ")[0]
        heads = re.findall(r"^\.TP\n\.\w+ (\w+)", section, re.M)
        self.assertEqual(sorted(heads), sorted(table))

    def test_defaults(self):
        header = (TOP / "pam_module/args.h").read_text()
        page = PAGE.read_text()
        for name in ("ARGS_SOCKET", "ARGS_SERVICES", "ARGS_TIMEOUT_S", "ARGS_TRIES"):
            value = re.search(rf'#define {name} "?([^"\n]+)"?', header)[1]
            self.assertIn(value, page)

    def test_return_values(self):
        returned = set()
        for name in ("pam_pwreset.c", "password.c"):
            returned |= set(re.findall(r"return [^;]*?\b(PAM_[A-Z_]+)\b", (TOP / "pam_module" / name).read_text()))
        section = PAGE.read_text().split(".SH RETURN VALUES")[1].split(".SH ")[0]
        missing = {code for code in returned if code not in section}
        # out of memory needs no explanation; the other one is a flag
        self.assertLessEqual(missing, {"PAM_BUF_ERR", "PAM_CHANGE_EXPIRED_AUTHTOK"})

    def test_formats_cleanly(self):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", str(PAGE)], check=True, capture_output=True, text=True
        )
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
