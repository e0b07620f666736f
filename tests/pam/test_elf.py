#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the module needs and shows: libpam and libc, and the six entry points alone."""

import re
import subprocess
import sys
import unittest

MODULE = sys.argv.pop(1)
ENTRIES = {
    f"pam_sm_{name}"
    for name in ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session", "chauthtok")
}
# The loader is no library that one links.
ALLOWED = re.compile(r"libpam\.so\.0|libc\.so\.6|ld-linux.*")
# What would change the process that loaded it, or run something in it.
FORBIDDEN = {
    "signal", "sigaction", "sigprocmask", "pthread_sigmask", "raise", "kill", "alarm", "setitimer",
    "umask", "chdir", "fork", "vfork", "clone", "posix_spawn", "execve", "execv", "execvp", "system",
    "popen", "setenv", "putenv", "unsetenv", "clearenv", "getenv", "secure_getenv", "setlocale",
    "uselocale", "bindtextdomain", "textdomain", "dgettext", "dcgettext", "gettext", "setuid",
    "seteuid", "setresuid", "setgid", "setrlimit", "pthread_create", "atexit", "__cxa_atexit",
    "dlopen", "getaddrinfo", "gethostbyname", "openlog", "syslog", "exit", "_exit", "abort",
}  # fmt: skip


def readelf(*options):
    return subprocess.run(
        ["readelf", "-W", *options, MODULE], check=True, capture_output=True, text=True
    ).stdout


def symbols():
    """(name, defined) of the dynamic symbol table."""
    for line in readelf("--dyn-syms").splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0].endswith(":") and fields[0][:-1].isdigit():
            yield fields[7].split("@")[0], fields[6] != "UND"


class Elf(unittest.TestCase):
    def test_needed(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d"))
        self.assertIn("libpam.so.0", needed)
        self.assertEqual([name for name in needed if not ALLOWED.fullmatch(name)], [])

    def test_exports(self):
        self.assertEqual({name for name, defined in symbols() if defined}, ENTRIES)

    def test_imports(self):
        imported = {name for name, defined in symbols() if not defined}
        self.assertIn("pam_get_authtok", imported)
        self.assertEqual(imported & FORBIDDEN, set())

    def test_no_writable_data(self):
        """No globals: nothing in .data and .bss but what the toolchain puts there."""
        sizes = {
            found[1]: int(found[2], 16)
            for found in re.finditer(r"\] (\.\S+)\s+\S+\s+\S+\s+\S+\s+(\S+)", readelf("-S"))
        }
        self.assertLessEqual(sizes.get(".data", 0) + sizes.get(".bss", 0), 16)

    def test_hardened(self):
        self.assertIn("BIND_NOW", readelf("-d"))
        self.assertIn("GNU_RELRO", readelf("-l"))
        self.assertNotRegex(readelf("-l"), r"GNU_STACK.*RWE")


if __name__ == "__main__":
    unittest.main()
