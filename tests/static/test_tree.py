#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must hold for the source tree itself: who includes whom, sizes, licences, no traces of a machine."""
import pathlib
import re
import subprocess
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("common", "pam_module", "daemon", "web", "ctl")
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 100
QUESTION_CHARACTERS_MAX = 50
# A foreign header and the only places that may include it.
HOMES = {
    "ldap.h": r"daemon/directory/ldap\w*\.[ch]",
    "libesmtp.h": r"daemon/mailer/smtp\w*\.[ch]",
    "microhttpd.h": r"web/http\w*\.[ch]",
    "security/": r"pam_module/.*",
    "zxcvbn.h": r"daemon/directory/policy\w*\.c",
}


def tracked(*suffixes):
    names = subprocess.run(["git", "-C", TOP, "ls-files", "-z"], check=True,
                           capture_output=True, text=True).stdout.split("\0")
    return [n for n in names if n and (TOP / n).is_file() and (not suffixes or n.endswith(suffixes))]


def product():
    return [n for n in tracked(".c", ".h") if n.split("/")[0] in SOURCES]


def text(name):
    return (TOP / name).read_text(encoding="utf-8")


def local_headers():
    found = {}
    for name in product():
        if name.endswith(".h"):
            found.setdefault(pathlib.PurePath(name).name, set()).add(name.split("/")[0])
    return found


class Tree(unittest.TestCase):
    def test_folders_include_common_and_themselves_only(self):
        homes = local_headers()
        for name in product():
            folder = name.split("/")[0]
            for header in re.findall(r'^#include "([^"]+)"', text(name), re.M):
                base = pathlib.PurePath(header).name
                if base not in homes:
                    continue
                with self.subTest(file=name, header=header):
                    self.assertTrue(homes[base] & {folder, "common"},
                                    f"{name} includes {header} of {sorted(homes[base])}")
                    for other in SOURCES:
                        if other not in (folder, "common"):
                            self.assertNotIn(f"{other}/", header)

    def test_foreign_headers_have_one_home(self):
        for name in product():
            for header in re.findall(r"^#include <([^>]+)>", text(name), re.M):
                for foreign, home in HOMES.items():
                    if header == foreign or (foreign.endswith("/") and header.startswith(foreign)):
                        with self.subTest(file=name):
                            self.assertRegex(name, f"^{home}$", f"<{header}> has its home elsewhere")

    def test_common_is_libc_only(self):
        foreign = re.compile(r"^#include <(systemd|security|sodium|openssl|microhttpd|libesmtp|ldap|uni(?!std))", re.M)
        for name in product():
            if name.startswith("common/"):
                with self.subTest(file=name):
                    self.assertNotRegex(text(name), foreign)

    def test_each_file_has_licence_and_size(self):
        for name in product():
            body = text(name)
            with self.subTest(file=name):
                self.assertIn("SPDX-License-Identifier: LGPL-2.1-or-later", body.split("\n", 1)[0])
                self.assertLessEqual(body.count("\n"), FILE_LINES_MAX, f"{name} outgrew one subject")

    def test_functions_fit_a_screen(self):
        for name in product():
            if not name.endswith(".c"):
                continue
            start = None
            for number, line in enumerate(text(name).split("\n"), 1):
                if line.startswith("{"):
                    start = number
                elif line.startswith("}") and start is not None:
                    with self.subTest(file=name, line=start):
                        self.assertLessEqual(number - start, FUNCTION_LINES_MAX)
                    start = None

    def test_formatted(self):
        names = tracked(".c", ".h")
        version = subprocess.run(["clang-format", "--version"], check=True, capture_output=True, text=True).stdout
        if " 14." not in version:
            self.skipTest(f"other releases than 14 have other opinions on the same .clang-format: {version.strip()}")
        done = subprocess.run(["clang-format", "--dry-run", "--Werror", *names], cwd=TOP, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[:2000])
        for name in names:
            for number, line in enumerate(text(name).split("\n"), 1):
                # A string stays whole, that it can be searched for.
                if len(line.expandtabs(8)) > COLUMNS_MAX and '"' not in line:
                    self.fail(f"{name}:{number}: beyond {COLUMNS_MAX} columns")

    def test_banned_functions(self):
        banned = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|alloca|pthread_create|strtok)\s*\(")
        for name in product():
            code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", "", text(name), flags=re.S)
            with self.subTest(file=name):
                self.assertNotRegex(code, banned)

    def test_no_machine_in_the_tree(self):
        # Spelt so that this file does not find itself.
        traces = re.compile(r"/(wor" r"k|far" r"m)/|farm-(studio|bench)")
        for name in tracked():
            try:
                body = text(name)
            except UnicodeDecodeError:
                continue
            with self.subTest(file=name):
                self.assertNotRegex(body, traces)

    def test_each_question_fits_a_prompt(self):
        """Greeters cut what is longer; the module puts a space behind it."""
        for name in tracked():
            if not re.fullmatch(r"daemon/directory/questions/[a-z]{2}", name):
                continue
            lines = [line.split("\t") for line in text(name).splitlines() if not line.startswith("#")]
            self.assertGreaterEqual(len(lines), 20, name)
            for line in lines:
                self.assertLess(len(line[1]), QUESTION_CHARACTERS_MAX, f"{name}: {line[0]}")

    def test_every_interface_is_ascii_and_documented(self):
        for name in tracked(".varlink"):
            lines = text(name).split("\n")
            with self.subTest(file=name):
                self.assertTrue(text(name).isascii())
                self.assertTrue(lines[0].startswith("#"), "an interface begins with what it is for")
                self.assertIn(f"interface {pathlib.PurePath(name).stem}", text(name))


if __name__ == "__main__":
    unittest.main()
