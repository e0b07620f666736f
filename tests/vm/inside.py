#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs in the virtual machine: the ways of people through enforcing SELinux, what the audit said, and who is kept out.

Each test is timed; the results go to the third disk as a tar, with the audit and the journal.
"""
import json
import pathlib
import re
import subprocess
import sys
import time
import traceback
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import audit  # noqa: E402  pylint: disable=wrong-import-position
import here  # noqa: E402  pylint: disable=wrong-import-position
from facts import RESULT_DISK  # noqa: E402  pylint: disable=wrong-import-position

OUT = pathlib.Path("/var/lib/pwreset-vm")


class TimedResult(unittest.TestResult):
    """A line a test on the console as it happens, and a row for the report."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def _row(self, test, verdict, text=""):
        name = test.id().split(".", 1)[1] if "." in test.id() else test.id()
        what = (test.shortDescription() or "") if hasattr(test, "shortDescription") else ""
        self.rows.append({"name": name, "what": what, "verdict": verdict, "text": text,
                          "seconds": round(time.monotonic() - self.began, 2)})
        last = text.rstrip().rpartition("\n")[2][:200]
        print(f"vm: {name}: {verdict} {self.rows[-1]['seconds']} s {last}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._row(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._row(test, "failed", "".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        super().addError(test, err)
        self._row(test, "failed", "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._row(test, "skipped", reason)


def wanted():
    """The tests that the kernel's command line names; None: all."""
    found = re.search(r"\bpwreset\.tests=(\S+)", pathlib.Path("/proc/cmdline").read_text())
    return found[1].split(",") if found else None


def suites():
    """People's ways, then the audit of them, then the denials that are meant."""
    import kept_out  # pylint: disable=import-outside-toplevel
    import ways  # pylint: disable=import-outside-toplevel

    only = wanted()
    for case in (ways.Ways, kept_out.Audit, kept_out.KeptOut):
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(case)
        yield unittest.TestSuite(
            test for test in tests
            if only is None or case.__name__ in only or test.id().split(".", 1)[1] in only)


def report(result):
    OUT.mkdir(exist_ok=True)
    (OUT / "result.json").write_text(json.dumps(result.rows, indent=1))
    messages = audit.lines()
    (OUT / "audit.txt").write_text("\n".join(messages) + "\n")
    (OUT / "domains.json").write_text(
        json.dumps({name: sorted(types) for name, types in here.WATCH.seen.items()}, indent=1))
    journal = ["journalctl", "--boot", "--no-pager", "--output=short-monotonic"]
    (OUT / "journal.txt").write_bytes(subprocess.run(journal, capture_output=True, check=False).stdout)
    subprocess.run(["tar", "-C", OUT, "-cf", RESULT_DISK, "."], check=True)


def main():
    result = TimedResult()
    here.WATCH.start()
    try:
        for suite in suites():
            suite.run(result)
    finally:
        report(result)


if __name__ == "__main__":
    main()
