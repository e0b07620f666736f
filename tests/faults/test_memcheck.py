#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security case 36: broker, workers, page and module as whole programs under valgrind; what is sent or decided by was set by somebody.

Usage: PWRESET_BUILD=BUILD PWRESET_MEMCHECK=BUILD2 test_memcheck.py; BUILD2 is without the compiler's zeroing of variables:
meson setup BUILD2 -Dc_args='-gdwarf-4 -ftrivial-auto-var-init=uninitialized'
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

import whole
from flows import Change, Enrol, Link, Request, Staff

MEMCHECK = pathlib.Path(os.environ["PWRESET_MEMCHECK"])
ERROR = 99
VALGRIND = ["valgrind", "-q", "--vgdb=no", f"--error-exitcode={ERROR}", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite", f"--suppressions={pathlib.Path(__file__).parent}/memcheck.supp"]
PROGRAMS = {name: MEMCHECK / path.relative_to(whole.BUILD) for name, path in whole.PROGRAMS.items()}
# Everything takes twenty times as long.
SLOW = {"recovery": {"answer-slot": "5000"}, "directory": {"timeout": "30"}, "mail": {"timeout": "30"}}


class Memcheck(unittest.TestCase):
    def test_broker_and_workers(self):
        server = whole.Server(8)
        self.addCleanup(server.stop)
        smtp = whole.relay.Relay()
        self.addCleanup(smtp.close)
        site = whole.Whole(server, smtp, prefix=dict.fromkeys(PROGRAMS, VALGRIND), programs=PROGRAMS, **SLOW).start()
        self.addCleanup(site.close)
        site.struck, site.repeats = lambda: False, 0
        # A worker's first call waits for it to start.
        self.assertTrue(whole.wait_for(lambda: site.call("web", "Account.ListQuestions")[0] == "", 120), site.log_text())
        flows = [flow(site) for flow in (Request, Link, Change, Staff, Enrol)]
        for flow in flows:
            flow.prepare()
            flow.act()
            self.assertEqual(flow.error, "", f"{type(flow).__name__}: {flow.reply} {site.log_text()[-2000:]}")
            flow.check()
        self.assertTrue(whole.wait_for(lambda: site.queued() == 0, 120), site.log_text())
        for flow in flows:
            flow.books()
        with site.lock:
            workers = list(site.processes)
        self.assertEqual({name for name, _ in workers}, {"directory", "mailer"})
        self.assertTrue(whole.wait_for(lambda: not site.workers(), 60), "they leave when they are idle")
        self.assertEqual(os.waitstatus_to_exitcode(site.kill(15)), 0, site.log_text())
        # One that was too slow for the broker has lost its connection, and says so.
        self.assertNotIn(ERROR, [p.returncode for _, p in workers], site.log_text())
        self.assertEqual(re.findall(r"^==\d+==.*", site.log_text(), re.M), [])

    def test_page(self):
        """Every path of the page, by its own tests: a complaint is an exit status, which they look at."""
        environment = dict(os.environ, PWRESET_BUILD=str(MEMCHECK), PWRESET_UNDER=shlex.join(VALGRIND))
        done = subprocess.run([sys.executable, "-m", "unittest", "test_pages"], cwd=pathlib.Path(__file__).parents[1] / "web",
                              env=environment, text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assertRegex(done.stderr, r"Ran [2-9]\d tests")

    def test_module(self):
        for name in ("auth", "password", "replies"):
            with self.subTest(test=name):
                done = subprocess.run([*VALGRIND, "--trace-children=yes", str(MEMCHECK / f"tests/pam/test_pam_{name}")], text=True,
                                      capture_output=True, check=False)
                self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-3000:])
                self.assertIn("[  PASSED  ]", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
