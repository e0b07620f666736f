#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/security-cases.toml names every case, and nothing in it that is not in the sources."""
import functools
import pathlib
import re
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools/lib"))

import cases  # noqa: E402  pylint: disable=wrong-import-position

SAYS_MAX = 160
# test('pam-' + name, …) and test(name, …) of the meson.build files: what comes before the name.
MADE = re.compile(r"^\s*test\((?:'([\w-]*)'(?: \+ name)?|(name)),", re.M)


@functools.cache
def sources(pattern):
    return {path: path.read_text(encoding="utf-8") for path in sorted((TOP / "tests").glob(pattern))}


def methods(method, owner):
    """Whether some test file defines the method, and the class when one is named."""
    for text in sources("**/*.py").values():
        if re.search(rf"^    def {method}\(", text, re.M) and (not owner or re.search(rf"^class {owner}\b", text, re.M)):
            return True
    return False


def meson_test(name):
    for text in sources("**/meson.build").values():
        for literal, plain in MADE.findall(text):
            rest = name if plain else name[len(literal):] if name.startswith(literal) else None
            if rest == "" or rest and f"'{rest}'" in text:
                return True
    return False


def function(name):
    """Registered in a table of cmocka's, or a method of a Python test that meson runs."""
    return methods(name, None) or any(
        len(re.findall(rf"\b{name}\b", text)) > 1 for path, text in sources("**/test_*.c").items() if path.name != "test_cases.py")


class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases, cls.suites = cases.load()

    def references(self):
        return [(case["number"], *reference.partition(" ")[::2]) for case in self.cases for reference in case.get("tests", ())]

    def test_every_case_has_one_entry(self):
        self.assertEqual(list(range(1, cases.COUNT + 1)), [case["number"] for case in self.cases])
        for case in self.cases:
            with self.subTest(case=case["number"]):
                self.assertLessEqual(set(case), {"number", "says", "tests", "falls_short", "not_here"})
                self.assertTrue(case["says"].endswith(".") and len(case["says"]) <= SAYS_MAX, case["says"])
                self.assertNotEqual(bool(case.get("tests")), bool(case.get("not_here")), "shown by tests, or why not")
                self.assertNotIn("|", str(case))
                self.assertEqual(len(case.get("tests", ())), len(set(case.get("tests", ()))))

    def test_every_suite_is_one(self):
        for number, suite, test in self.references():
            with self.subTest(case=number, test=test):
                self.assertIn(suite, sorted(self.suites))
                self.assertIn(self.suites[suite]["runner"], ("unittest", "meson"))

    def test_the_table_is_read_last(self):
        self.assertEqual("cases", list(self.suites)[-1])

    def test_every_test_is_in_the_sources(self):
        for number, suite, test in self.references():
            with self.subTest(case=number, test=test):
                if self.suites.get(suite, {}).get("runner") == "meson":
                    name, _, inner = test.partition("/")
                    self.assertTrue(meson_test(name), "no meson.build makes it")
                    self.assertTrue(not inner or function(inner), "no such function")
                else:
                    owner, _, method = test.rpartition(".")
                    self.assertTrue(methods(method, owner), "no such method")

    def test_verdicts_are_read_as_they_are_printed(self):
        log = ("test_a (__main__.One.test_a) ... ok\ntest_b (m.One.test_b)\nWhat it is for. ... noise\nok\n"
               "test_c (m.One.test_c) ... 1.5 s ok\ntest_d (m.One.test_d) ... skipped 'no root'\n"
               "test_e (m.One.test_e) ... \n  test_e (m.One.test_e) (user='x') ... FAIL\ntest_f (m.Two.test_f) ... ERROR\n"
               "test_g (m.Two.test_g) ... cut off\n======\nFAIL: test_e (m.One.test_e) (user='x')\n")
        self.assertEqual(cases.parse_unittest(log), {
            "One.test_a": "passed", "One.test_b": "passed", "One.test_c": "passed", "One.test_d": "skipped",
            "One.test_e": "failed", "Two.test_f": "failed", "Two.test_g": "failed"})
        self.assertEqual(cases.parse_cmocka("[       OK ] test_x\n[  FAILED  ] test_y\n[  PASSED  ] 1 test(s).\n"),
                         {"test_x": "passed", "test_y": "failed"})
        run = cases.Unittest(log + "Ran 7 tests in 2.5s\n")
        self.assertEqual((run.find("test_a").verdict, run.find("One.test_e").verdict, run.find("Three.test_a").verdict, run.seconds),
                         ("passed", "failed", "missing", 2.5))


if __name__ == "__main__":
    unittest.main()
