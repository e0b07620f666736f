#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs over many people on a whole site of their own (bulk.py): real slapd, real workers, a relay that notes each mail.

As root; PWRESET_BUILD: the folder of a release build. Small, for every run of the tests; tools/bench-bulk is the same with
ten thousand links and the rates.
"""
import json
import os
import subprocess
import sys
import time
import unittest

import bulk
import slapd

PEOPLE = 2000
LINKS = 300
PERSONS = 8
PERSON_S = 5
SETTLE_S = 1.5


class Bulk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = bulk.Site(os.environ["PWRESET_BUILD"], PEOPLE, [LINKS, LINKS, 40, PERSONS])
        cls.addClassCleanup(cls.site.close)

    def file(self, lines):
        path = self.site.root / "names"
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def send(self, *args):
        program = self.site.send_link(*args)
        out, err = program.communicate(timeout=120)
        return program.returncode, out, err

    def test_killed_at_every_process_nobody_is_left_out(self):
        names = self.site.names(2)
        kills = bulk.Kills(self.site, self.file(names), names)
        code, words = kills.run()
        self.assertEqual(code, 0, words)
        self.assertEqual(kills.done, ["pwresetctl", "pwresetd", "pwreset-directory", "pwreset-mailer", "pwresetd"])
        missing, extra, other, _ = kills.verdict()
        print(f"{LINKS} links over {len(kills.done)} kills: {extra} mails too many", file=sys.stderr)
        self.assertEqual((missing, other), (0, 0))
        self.assertLessEqual(extra, len(kills.done))
        self.assertEqual(kills.tokens(), {1: LINKS})
        # And once more: nobody is sent anything.
        before = self.site.sink.count()
        self.assertEqual(self.send(f"--file={kills.file}", f"--batch={kills.batch}")[0], 0)
        time.sleep(SETTLE_S)
        self.assertEqual(self.site.sink.count(), before)

    def test_persons_do_not_wait_behind_a_run(self):
        person = bulk.Person(self.site, self.site.names(4))
        person.start()
        code, out, err = self.send("--filter=(sn=Department1)")
        self.assertEqual((code, out), (0, f"Links on their way: {LINKS}, refused: 0.\n"), err)
        self.site.wait(lambda: self.site.reached(self.site.names(1)) == LINKS, self.site.sink.count)
        waits = person.stop()
        print(f"mails to {len(waits)} persons meanwhile: {max(waits) * 1000:.0f} ms at most", file=sys.stderr)
        self.assertLess(max(waits), PERSON_S)

    def test_everybody_is_found_page_by_page(self):
        done = subprocess.run([str(self.site.build / "ctl/pwresetctl"), f"--socket={self.site.root}/run/pwreset/ctl", "find",
                               "(cn=*)"], capture_output=True, text=True, check=True)
        names = done.stdout.split("\n")[:-1]
        self.assertEqual(names, sorted(names))
        self.assertEqual([name for name in names if name.startswith("p0")], [bulk.name_of(n) for n in range(PEOPLE)])

    def test_one_mail_whatever_spelling_and_reasons_for_the_others(self):
        one, two, three, four = self.site.names(3)[:4]
        self.site.directory.modify(f"uid={three},{slapd.PEOPLE}", ("delete", "mail"))
        self.site.directory.modify(f"uid={four},{slapd.PEOPLE}", ("replace", "shadowExpire", "1"))
        before = self.site.sink.count()
        wanted = [one, one.upper(), f"{one}@example.com", two, "nobody-here", three, four]
        code, out, err = self.send(f"--file={self.file(wanted)}", "--json=short", "-q")
        results = {r["user"]: r["status"] for line in out.splitlines() for r in json.loads(line)["results"]}
        self.assertEqual((code, results), (1, {
            one: "ok", one.upper(): "ok", f"{one}@example.com": "ok", two: "ok", "nobody-here": "no-such-user",
            three: "no-address", four: "expired"}), err)
        self.site.wait_mails(before + 2)
        time.sleep(SETTLE_S)
        self.assertEqual(sorted(user for _, user, _ in self.site.sink.mails()[before:]), [one, two])
        code, out, _ = self.send(f"--file={self.file(wanted)}", "-q")
        self.assertEqual(code, 1)
        for name in "nobody-here", three, four:
            self.assertRegex(out, rf"(?m)^{name}\s+\S")


if __name__ == "__main__":
    unittest.main(verbosity=2)
