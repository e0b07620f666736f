#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every text of pwresetctl, and each of the findings that it shows, in every language: none missing, none extra, none guessed, and what is no word is the same.

test_ctl_texts.py SOURCE_FOLDER. To mend what it finds: ninja -C BUILD pwreset-update-po, then translate in po/.
"""
import ast
import collections
import pathlib
import re
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1))
LANGUAGES = ("de", "es", "fr")
# What a translation must carry over: formats, options, paths, sections, keys, names of programs, modules and units.
FORMAT = re.compile(r"%[0-9$]*(?:ll|z)?[sudc]|%%")
KEPT = re.compile(r"--[a-z][a-z-]+=?|(?<![\w)])/(?:etc|run|var|usr)(?:/[\w-]+(?:\.[\w-]+)*)+|\[[a-z]+\]|\b[a-z]+-[a-z-]+=|\b(?:pam|nslcd|sshd|slapd|pwreset)(?:[_.-]?\w+)*"
                  r"|\b[\w-]+\.(?:service|socket|conf)\b|\bpwdMustChange\b")
SHELL = re.compile(r"(?m)^  (?:systemctl|journalctl|pwresetctl) .*$")


class Entry:
    """One message of a catalogue."""

    def __init__(self):
        self.flags, self.text, self.translation, self.obsolete = "", "", "", False


def entries(text):
    """The messages of a .po or .pot, its header left out."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        entry, field = Entry(), None
        for line in block.splitlines():
            if line.startswith("#~"):
                entry.obsolete = True
            elif line.startswith("#,"):
                entry.flags += line
            elif match := re.match(r'(msgid|msgstr)? ?(".*")$', line):
                field = match[1] or field
                name = "text" if field == "msgid" else "translation"
                setattr(entry, name, getattr(entry, name) + ast.literal_eval(match[2]))
        if entry.obsolete or entry.text:
            found.append(entry)
    return found


def catalogue(language):
    return entries((SOURCE / "po" / f"{language}.po").read_text(encoding="utf-8"))


def wanted():
    """What stands in the sources now."""
    files = [line for line in (SOURCE / "po/POTFILES").read_text().split("\n") if line and not line.startswith("#")]
    argv = ["xgettext", "--from-code=UTF-8", "--language=C", "--keyword", "--keyword=_", "--keyword=N_", "--keyword=finding:4", "--output=-",
            *files]
    done = subprocess.run(argv, cwd=SOURCE, capture_output=True, text=True, check=True)
    return [entry.text for entry in entries(done.stdout)]


class Texts(unittest.TestCase):
    longMessage = True

    @staticmethod
    def each():
        """(message, what to say of it) in every language."""
        return [(entry, f"{language}: {entry.text!r}") for language in LANGUAGES for entry in catalogue(language)]

    def test_languages_are_those_of_the_page(self):
        lines = [line for line in (SOURCE / "po/LINGUAS").read_text().split() if re.fullmatch("[a-z]{2}", line)]
        self.assertEqual(list(LANGUAGES), lines)
        pages = sorted(path.name for path in (SOURCE / "web/texts").iterdir())
        self.assertEqual(pages, sorted({"en", *LANGUAGES}))

    def test_every_source_is_looked_at(self):
        files = [line for line in (SOURCE / "po/POTFILES").read_text().split("\n") if line and not line.startswith("#")]
        # The daemon's findings are put into words by the tool.
        wanted_files = [*(SOURCE / "ctl").glob("*.c"), *(SOURCE / "daemon/directory").glob("diagnose*.c")]
        self.assertEqual(files, sorted(str(path.relative_to(SOURCE)) for path in wanted_files))

    def test_none_is_missing_and_none_is_extra(self):
        texts = wanted()
        self.assertGreater(len(texts), 300)
        for language in LANGUAGES:
            there = {entry.text for entry in catalogue(language) if not entry.obsolete}
            self.assertEqual((set(), set()), (set(texts) - there, there - set(texts)), f"{language}: missing, extra")

    def test_none_is_empty_guessed_or_left_over(self):
        for entry, of in self.each():
            self.assertTrue(entry.translation, of)
            self.assertNotIn("fuzzy", entry.flags, of)
            self.assertFalse(entry.obsolete, of)

    def test_msgfmt_accepts_them(self):
        for language in LANGUAGES:
            argv = ["msgfmt", "--check-format", "--check-domain", "--output-file=/dev/null", str(SOURCE / "po" / f"{language}.po")]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_what_is_no_word_is_kept(self):
        for entry, of in self.each():
            self.assertEqual(FORMAT.findall(entry.text), FORMAT.findall(entry.translation), of)
            self.assertEqual(collections.Counter(KEPT.findall(entry.text)), collections.Counter(KEPT.findall(entry.translation)), of)
            self.assertEqual(SHELL.findall(entry.text), SHELL.findall(entry.translation), of)

    def test_edges_are_kept(self):
        edges = re.compile(r"^\s*|\s*$")
        for entry, of in self.each():
            if entry.text in ("ok      ", "FAILED  "):
                self.assertEqual(len(entry.text), len(entry.translation), of)
            else:
                self.assertEqual(edges.findall(entry.text), edges.findall(entry.translation), of)
            self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f]", entry.translation), of)

    def test_nothing_is_said_without_a_catalogue(self):
        """Words handed to what prints for people, without _() around them."""
        said = re.compile(r'(?:complain\(|complain_usage\(\w+, |\bputs\(|printf\((?:\w+, )?)"[^"]*[a-z]{3,} [a-z]+ ')
        for path in sorted((SOURCE / "ctl").glob("*.c")):
            for line in path.read_text(encoding="utf-8").splitlines():
                if said.search(line) and "pwresetctl send-link --" not in line and "# Undoes what" not in line:
                    self.fail(f"{path.name}: {line.strip()}")


if __name__ == "__main__":
    unittest.main()
