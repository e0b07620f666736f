#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The authselect profile with every set of features.

Debian has no authselect, so its template language is expanded here as authselect-profiles(5) tells:
{include if X} and {exclude if X} keep or drop a line, {if X:text|other} chooses a text.
"""

import itertools
import pathlib
import re
import unittest

PROFILE = pathlib.Path(__file__).resolve().parents[2] / "packaging/authselect/pwreset"
STACKS = ("system-auth", "password-auth")


def holds(expression, features):
    found = re.fullmatch(r'(not )?"([a-z-]+)"', expression)
    return (found[2] in features) != bool(found[1])


def expand(text, features):
    lines = []
    for line in text.splitlines():
        found = re.search(r"\{(include|exclude) if ([^}]*)\}", line)
        if found and holds(found[2], features) != (found[1] == "include"):
            continue
        line = re.sub(r"\s*\{(?:include|exclude) if [^}]*\}", "", line)
        line = re.sub(
            r"\{if ([^:}]*):([^|}]*)(?:\|([^}]*))?\}",
            lambda m: m[2] if holds(m[1], features) else m[3] or "",
            line,
        )
        if line.strip():
            lines.append(line)
    return lines


def known_features():
    return set(re.findall(r"^([a-z-]+)::$", (PROFILE / "README").read_text(), re.M))


def stack(name, kind, features):
    """[(control, module, arguments)]"""
    result = []
    for line in expand((PROFILE / name).read_text(), features):
        found = re.fullmatch(rf"-?{kind}\s+(\[[^]]*\]|\S+)\s+(\S+)\s*(.*)", line)
        if found:
            result.append((found[1], found[2], found[3].split()))
    return result


class Authselect(unittest.TestCase):
    def each(self):
        features = sorted(known_features())
        for n in range(len(features) + 1):
            for chosen in itertools.combinations(features, n):
                for name in STACKS:
                    with self.subTest(name=name, features=chosen):
                        yield name, set(chosen)

    def test_features_are_documented(self):
        used = set()
        for name in STACKS + ("REQUIREMENTS",):
            used |= set(re.findall(r'"([a-z-]+)"', (PROFILE / name).read_text()))
        self.assertEqual(used, known_features())

    def test_every_line_is_a_pam_line(self):
        for name, features in self.each():
            for line in expand((PROFILE / name).read_text(), features):
                self.assertRegex(line, r"^-?(auth|account|password|session)\s+(\[[a-z_0-9= ]+\]|[a-z]+)\s+pam_\w+\.so")
                self.assertNotIn("{", line)

    def test_auth(self):
        for name, features in self.each():
            lines = stack(name, "auth", features)
            modules = [module for _, module, _ in lines]
            index = modules.index("pam_pwreset.so")
            self.assertLess(index, modules.index("pam_unix.so"))
            self.assertEqual(modules[-1], "pam_deny.so")
            control, _, arguments = lines[index]
            if "with-faillock" in features:
                self.assertIn("authtok_recover_err=1", control)
                self.assertEqual(arguments, ["faillock"])
                # what the jump is over
                self.assertEqual(lines[index + 1][1:], ("pam_faillock.so", ["preauth", "silent"]))
                self.assertIn("pam_faillock.so", [line[1] for line in stack(name, "account", features)])
            else:
                self.assertEqual(arguments, [])
                self.assertNotIn("authtok_recover_err", control)
                self.assertNotIn("pam_faillock.so", modules)

    def test_password(self):
        for name, features in self.each():
            lines = stack(name, "password", features)
            ours = [line for line in lines if line[1] == "pam_pwreset.so"]
            self.assertEqual(len(ours), 1)
            policy = "with-policy-only" in features
            self.assertEqual(ours[0][2], ["policy_only"] if policy else [])
            self.assertEqual(lines.index(ours[0]) == 0, policy)
            self.assertEqual("pam_sss.so" in [line[1] for line in lines], policy)
            self.assertEqual(lines[-1][1], "pam_deny.so")


if __name__ == "__main__":
    unittest.main()
