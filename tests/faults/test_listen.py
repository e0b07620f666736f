#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pwresetd --listen with the real workers: confined as they are, everything that people do works.

Usage: PWRESET_BUILD=BUILD test_listen.py
"""

import re
import subprocess
import tempfile
import time
import unittest

import whole
from flows import FLOWS

# What a library tries first and does without; and the launcher's own look whether there is a way back to root.
EXPECTED = (r"/proc/sys/kernel/random/boot_id", r"^setuid\(0\)")


class Listen(unittest.TestCase):
    def test_everything_works_and_nothing_is_denied(self):
        server = whole.Server(len(FLOWS))
        self.addCleanup(server.stop)
        smtp = whole.relay.Relay()
        self.addCleanup(smtp.close)
        site = whole.Whole(server, smtp, launch=True).start()
        self.addCleanup(site.close)
        site.struck, site.repeats = lambda: False, 0
        with tempfile.NamedTemporaryFile() as trace:
            strace = subprocess.Popen(["strace", "-f", "-qq", "-o", trace.name, "-e", "status=failed", "-p", str(site.pid)])
            time.sleep(0.5)
            try:
                flows = [flow(site) for flow in FLOWS.values()]
                for flow in flows:
                    flow.prepare()
                    flow.act()
                    self.assertEqual(flow.error, "", f"{type(flow).__name__}: {flow.reply}")
                    flow.check()
                self.assertTrue(whole.wait_for(lambda: site.queued() == 0, 30), site.log_text())
                for flow in flows:
                    flow.books()
            finally:
                strace.terminate()
                strace.wait()
            calls = [line.split(None, 1)[1] for line in trace.read().decode(errors="replace").splitlines()]
        self.assertGreater(len(calls), 100, "strace has seen what failed for other reasons")
        denied = [line for line in calls if re.search(r"= -1 (ENOSYS|EACCES|EPERM)|SIGSYS", line)]
        self.assertEqual([line for line in denied if not any(re.search(e, line) for e in EXPECTED)], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
