#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds tests/security-cases.toml against the logs of a run of tools/test and writes docs/security-cases.md.

A case is shown when every test that is named for it passed in its suite's log. A named test that failed, was skipped, or
is in no log of a suite that ran makes the exit status 1; a suite without a log makes its cases "not run".
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import sys
import time
import tomllib

TOP = pathlib.Path(__file__).resolve().parents[2]
TABLE = TOP / "tests/security-cases.toml"
SUITES = TOP / "tests/suites.toml"
COUNT = 48

PASSED, FAILED, SKIPPED, MISSING, NOT_RUN = "passed", "failed", "skipped", "missing", "not run"
# What makes the run as a whole a failure, the worst first; a skipped test shows nothing.
BAD = (FAILED, MISSING, SKIPPED)


@dataclasses.dataclass
class Result:
    """One test in one log."""

    verdict: str
    seconds: float = None


def parse_unittest(log):
    """{"Class.method": verdict} of verbose unittest output, whatever else is written in between."""
    heads = list(re.finditer(r"^(\w+) \((?:[\w.]+\.)?(\w+)\.(\w+)\)(?:$| \.\.\.)", log, re.M))
    found = {}
    for place, head in enumerate(heads):
        if head[1] != head[3]:
            continue
        end = heads[place + 1].start() if place + 1 < len(heads) else len(log)
        rest = log[head.end():end].split("\n======", 1)[0]
        verdict = re.search(r"(?:^|\.\.\. | |s )(ok|FAIL|ERROR|skipped ['\"].*|expected failure|unexpected success)$", rest, re.M)
        word = verdict[1] if verdict else ""
        found[f"{head[2]}.{head[1]}"] = PASSED if word in ("ok", "expected failure") else (
            SKIPPED if word.startswith("skipped") else FAILED)
    # A test whose subtests failed has its verdict here only.
    for method, path in re.findall(r"^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)", log, re.M):
        parts = path.split(".")
        name = f"{parts[-2]}.{method}" if parts[-1] == method and len(parts) > 1 else f"{parts[-1]}.{method}"
        found[name] = FAILED
    return found


def parse_cmocka(log):
    words = {"OK": PASSED, "FAILED": FAILED, "SKIPPED": SKIPPED}
    return {name: words[word] for word, name in re.findall(r"^\[\s+(OK|FAILED|SKIPPED)\s+\] ([a-z]\w+)$", log, re.M)}


class Unittest:
    """The log of a suite of unittest's; its methods by Class.method."""

    def __init__(self, log):
        self.tests = parse_unittest(log)
        self.seconds = sum(float(seconds) for seconds in re.findall(r"^Ran \d+ tests? in ([\d.]+)s$", log, re.M))

    def find(self, name):
        """A method of every class that has it, or of one."""
        hits = [verdict for test, verdict in self.tests.items() if name in (test, test.partition(".")[2])]
        for verdict in (*BAD, PASSED):
            if verdict in hits:
                return Result(verdict)
        return Result(MISSING)


class Meson:
    """meson's testlog.json; its tests by name, what they printed by function."""

    VERDICTS = {"OK": PASSED, "EXPECTEDFAIL": PASSED, "SKIP": SKIPPED}

    def __init__(self, text):
        self.tests = {}
        for line in text.splitlines():
            entry = json.loads(line)
            self.tests[entry["name"].rpartition(" / ")[2]] = entry
        self.seconds = sum(entry["duration"] for entry in self.tests.values())

    def find(self, name):
        test, _, function = name.partition("/")
        entry = self.tests.get(test)
        if not entry:
            return Result(MISSING)
        whole = Result(self.VERDICTS.get(entry["result"], FAILED), entry["duration"])
        if not function or whole.verdict == SKIPPED:
            return whole
        said = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
        inner = parse_cmocka(said) | {key.partition(".")[2]: value for key, value in parse_unittest(said).items()}
        return Result(inner.get(function, MISSING), entry["duration"])


def read_suite(suite, out):
    """What is known of a suite's last run; None when there was none."""
    log = out / f"{suite['name']}.log"
    if not log.is_file():
        return None
    if suite["runner"] == "meson":
        folder = re.search(r"meson test -C (\S+)", suite["command"])[1].replace("$OUT", str(out))
        path = pathlib.Path(folder) / "meson-logs/testlog.json"
        return Meson(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
    return Unittest(log.read_text(encoding="utf-8", errors="replace"))


def load():
    """The cases and the suites by name."""
    cases = tomllib.loads(TABLE.read_text(encoding="utf-8"))["case"]
    suites = {suite["name"]: suite for suite in tomllib.loads(SUITES.read_text(encoding="utf-8"))["suite"]}
    return cases, suites


def judge(case, runs):
    """[(reference, Result)] and the word for the case."""
    results = []
    for reference in case.get("tests", ()):
        suite, _, name = reference.partition(" ")
        run = runs.get(suite)
        results.append((reference, run.find(name) if run else Result(NOT_RUN)))
    verdicts = {result.verdict for _, result in results}
    for verdict in (*BAD, NOT_RUN):
        if verdict in verdicts:
            return results, verdict
    return results, "passed" if results else "not here"


def took(result):
    if result.seconds is None:
        return ""
    return f" {result.seconds:.1f} s"


def rows_of(case, results, word):
    """One table row; tests that did not pass say so beside their name."""
    tests = []
    for reference, result in results:
        suite, _, name = reference.partition(" ")
        tests.append(f"{suite}: `{name}`{took(result)}" + ("" if result.verdict == PASSED else f" **{result.verdict}**"))
    if case.get("not_here"):
        tests.append(f"*Not tested here:* {case['not_here']}")
    if case.get("falls_short"):
        tests.append(f"*Falls short:* {case['falls_short']}")
        word += ", in part" if word == PASSED else ""
    return f"| {case['number']} | {case['says']} | {'<br>'.join(tests)} | {word} |"


def document(judged, runs, out):
    """The whole page."""
    counts = {}
    for case, _, word in judged:
        word = "passed in part" if word == PASSED and case.get("falls_short") else word
        counts[word] = counts.get(word, 0) + 1
    newest = max((log.stat().st_mtime for name in runs if (log := out / f"{name}.log").is_file()), default=None)
    date = time.strftime("%Y-%m-%d", time.gmtime(newest)) if newest else "never"
    lines = [
        "# Security cases",
        "",
        "Made by `tools/lib/cases.py` of `tests/security-cases.toml` and the logs of a run of `tools/test`; do not edit.",
        "*In part* means that every test named passed and that something of the case is still without one.",
        "",
        f"Last run: {date}. " + ", ".join(f"{number} {word}" for word, number in sorted(counts.items())) + ".",
        "",
        "| case | what must hold | shown by | result |",
        "|---|---|---|---|",
        *(rows_of(*entry) for entry in judged),
        "",
        "## Suites",
        "",
        "unittest does not time its tests, so the time of those is that of their suite. `tools/test SUITE` runs one again.",
        "",
        "| suite | tests | time |",
        "|---|---|---|",
    ]
    for name, run in runs.items():
        lines.append(f"| {name} | {len(run.tests)} | {run.seconds:.0f} s |" if run else f"| {name} | not run | |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/lib/cases.py", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", default=os.environ.get("PWRESET_OUT", "/tmp/pwreset-test"),
                        help="folder of the logs (default: %(default)s)")
    parser.add_argument("--to", default=str(TOP / "docs/security-cases.md"), help="the page (default: %(default)s)")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out)

    cases, suites = load()
    named = {reference.partition(" ")[0] for case in cases for reference in case.get("tests", ())}
    runs = {name: read_suite(suite, out) for name, suite in suites.items() if name in named}
    judged = [(case, *judge(case, runs)) for case in sorted(cases, key=lambda case: case["number"])]
    pathlib.Path(arguments.to).write_text(document(judged, runs, out), encoding="utf-8")

    bad = 0
    for case, results, _ in judged:
        for reference, result in results:
            if result.verdict in BAD:
                bad += 1
                print(f"case {case['number']}: {reference}: {result.verdict}")
    shown = sum(word == PASSED for _, _, word in judged)
    not_run = sum(word == NOT_RUN for _, _, word in judged)
    print(f"{shown} of {len(judged)} cases shown, {not_run} not run, {bad} tests failed or missing; {arguments.to}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
