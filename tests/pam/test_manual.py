#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual, and the words for the policy: what the module knows is what is written down elsewhere."""

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

    def test_policy_codes(self):
        """Every code that the directory worker can send has its words at the prompt."""
        folder = TOP / "daemon/directory"
        table = (folder / "policy_text.h").read_text()
        codes = set(re.findall(r'POLICY_\w+,\s*"([a-z0-9-]+)"', table))
        check = (folder / "check.c").read_text()
        codes |= set(re.findall(r'password_refuse\(call, "([a-z-]+)"', check))
        codes |= set(re.findall(r'return "([a-z-]+)"', check))
        codes |= set(re.findall(r'REASON_\w+ "([a-z-]+)"', check))
        known = set(re.findall(r'\{ "([a-z0-9-]+)", TEXT_', (TOP / "pam_module/text.c").read_text()))
        self.assertGreater(len(codes), 20)
        self.assertEqual(codes - known, set())

    def test_formats_cleanly(self):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", str(PAGE)], check=True, capture_output=True, text=True
        )
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
