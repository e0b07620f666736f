#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every dialogue with a name that exists and one that does not, side by side: the same characters on the screen.

sshd replaces what people without an account type by junk, so the dialogues go through it as well as through login.
The transcripts lie in $OUT/pam/transcripts.txt.
"""

import os
import sys
import unittest

from harness import CODE, KEYBOARD_INTERACTIVE, UNLIMITED, LabCase, people, pexpect, stop_daemon
from pam_matrix import FOLDER
from pam_programs import PROMPT, SHELL, Programs, clean, questions, together

NEW = "teal kayak orbits mars 41"
WRONG = "not-the-Password-17"
UNKNOWN = "nosuchperson"
GIVE_UP = object()  # ^D at login, ^C at ssh, which takes ^D for an empty line
WAIT_S = 60
WIDTH = 62
CODES = ("AAAA-AAAA", "BBBB-BBBB", "hello there")
SAVED = ("AAAA-AAAA-AAAA-AAAA", "BBBB-BBBB-BBBB-BBBB", "hello there")
ANSWERS = ("an answer", "another", "a third")
# What is typed from the password prompt on; neither is a local console, so the answers want a mailed code as well.
DIALOGUES = {
    "a wrong password": (WRONG,),
    "an empty one, and no recovery": ("", "", WRONG),
    "mailed code: too many tries": ("", "y", "y", *CODES),
    "mailed code: left for the other ways, these cancelled": ("", "y", "y", "", "", "", WRONG),
    "mailed code: wrong once, then the other ways": ("", "y", "y", "AAAA-AAAA", "", "", "", WRONG),
    "questions: too many tries": ("", "y", "", *("y", *ANSWERS, "AAAA-AAAA") * 3),
    "questions: wrong once, then a saved code": ("", "y", "", "y", *ANSWERS, "AAAA-AAAA", "", SAVED[0], "", WRONG),
    "questions: left at the first": ("", "y", "", "y", "", "", WRONG),
    "questions: left at the second": ("", "y", "", "y", "an answer", "", "", WRONG),
    "saved code: too many tries": ("", "y", "", "", *SAVED),
    "saved code: cancelled": ("", "y", "", "", "", WRONG),
    "given up at the password": (GIVE_UP,),
    "given up at the offer": ("", GIVE_UP),
    "given up at the offer of a code": ("", "y", GIVE_UP),
    "given up at the code": ("", "y", "y", GIVE_UP),
    "given up at the second code": ("", "y", "y", "AAAA-AAAA", GIVE_UP),
    "given up at the offer of questions": ("", "y", "", GIVE_UP),
    "given up at a question": ("", "y", "", "y", "an answer", GIVE_UP),
    "given up at the saved code": ("", "y", "", "", GIVE_UP),
}
TROUBLE = ("", "y", "y", WRONG)


class Transcripts(LabCase):
    SETTINGS = {"limits": UNLIMITED}
    LAB = {"profile": "ldap"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.set_policy(pwdMaxFailure="1000")
        cls.people = iter(f"user{number:04}" for number in range(100, 900))
        cls.programs = Programs(cls.lab)
        cls.pages = []
        cls.addClassCleanup(cls.write)

    @classmethod
    def write(cls):
        FOLDER.mkdir(parents=True, exist_ok=True)
        file = FOLDER / "transcripts.txt"
        file.write_text("\n".join(cls.pages), encoding="utf-8")
        print(f"{len(cls.pages)} transcripts: {file}", flush=True)

    def begin(self, program, name):
        """A child whose next prompt is the password's."""
        if program == "login":
            child = self.lab.spawn(["login", "-p"], timeout=WAIT_S)
            child.expect("login: $")
            child.sendline(name)
            return child
        options = (*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1")
        return self.lab.ssh(name, "id", "-un", options=options, timeout=WAIT_S)

    def transcript(self, program, name, replies):
        child = self.begin(program, name)
        for reply in replies:
            if child.expect([PROMPT, pexpect.EOF]):
                break
            if reply is GIVE_UP:
                child.sendcontrol("d" if program == "login" else "c")
            else:
                child.sendline(reply)
        # login asks for a name again, or ends
        child.expect(["login: $", pexpect.EOF])
        child.close(force=True)
        said = clean(child.seen.getvalue()).replace(name, "NAME")
        for question in questions():
            said = said.replace(question, "<one of the questions>")
        return said

    def page(self, title, columns):
        """Side by side; columns: {heading: text}."""
        rows = [list(columns), ["-" * len(heading) for heading in columns]]
        texts = [text.split("\n") for text in columns.values()]
        for at in range(max(map(len, texts))):
            rows.append([lines[at] if at < len(lines) else "" for lines in texts])
        table = "\n".join(" | ".join(f"{cell:{WIDTH}}" for cell in row).rstrip() for row in rows)
        same = len(columns) > 1 and len(set(columns.values())) == 1
        self.pages.append(f"== {title}\n{table}\n{'identical' if same else ''}\n")
        return same

    def side_by_side(self, dialogues):
        jobs = {}
        for title, replies in dialogues.items():
            for program in ("sshd keyboard-interactive", "login"):
                for name in (next(self.people), UNKNOWN):
                    jobs[title, program, name == UNKNOWN] = (self.transcript, program, name, replies)
        said = together(jobs)
        for title, program, unknown in jobs:
            if unknown:
                continue
            with self.subTest(dialogue=title, program=program):
                known, other = (said[title, program, which] for which in (False, True))
                self.page(f"{program}: {title}", {"known": known, "unknown": other})
                self.assertEqual(known, other)
        return said

    def test_every_dialogue(self):
        said = self.side_by_side(DIALOGUES)
        # sshd shows a message with the prompt that follows it, so the last one not at all
        for title, words in (
            ("mailed code: too many tries", "Too many tries."),
            ("questions: too many tries", "Too many tries."),
            ("saved code: too many tries", "Too many tries."),
            ("saved code: cancelled", "Nothing was changed."),
        ):
            self.assertIn(words, said[title, "login", False])
        for program in ("sshd keyboard-interactive", "login"):
            self.assertEqual(9, said["questions: too many tries", program, False].count("<one of"))

    def test_recovered(self):
        """What only those see who have the code: for the record."""
        for program in ("sshd keyboard-interactive", "login"):
            name = next(self.people)
            child = self.begin(program, name)
            self.programs.answer(child, "", "y", "y")
            child.expect("Code: $")
            code = CODE.search(self.body(self.lab.wait_mail(name, 1, timeout=WAIT_S)[0])).group(0)
            child.sendline(code)
            self.programs.answer(child, "password1", "password1", NEW, NEW)
            child.expect([SHELL, rf"\r\n{name}\r\n"])
            child.close(force=True)
            text = clean(child.seen.getvalue()).replace(name, "NAME").replace(code, "XXXX-XXXX")
            self.page(f"{program}: recovered", {"known": text})
            for words in ("Many people use it.", "Please choose another one."):
                self.assertIn(words, text)
            if program == "login":
                self.assertIn("Your password has been changed.", text)
            self.assertTrue(self.lab.binds(name, NEW))

    def test_expired(self):
        """A password that has to be changed: at most up to the first password both names look alike."""
        for program in ("sshd keyboard-interactive", "login"):
            name = next(self.people)
            self.lab.replace(name, shadowLastChange="0")
            old = people.password(name)
            child = self.begin(program, name)
            self.programs.answer(child, old, old, "password1", "password1", NEW, NEW)
            child.expect([SHELL, rf"\r\n{name}\r\n"])
            child.close(force=True)
            text = clean(child.seen.getvalue()).replace(name, "NAME")
            self.page(f"{program}: expired", {"known": text})
            self.assertTrue(self.lab.binds(name, NEW))

    def test_zz_trouble(self):
        """The daemon hangs: a time-out; then it is not there at all."""
        self.lab.exec(["systemctl", "start", "pwresetd.service"])
        self.lab.signal("pwresetd", "STOP")
        try:
            said = self.side_by_side({"the daemon hangs": TROUBLE})
        finally:
            self.lab.signal("pwresetd", "CONT")
        stop_daemon(self)
        said |= self.side_by_side({"the daemon is away": TROUBLE})
        for text in said.values():
            self.assertIn("Recovery is not available right now.", text)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: the lab needs root")
        sys.exit(77)
    unittest.main()
