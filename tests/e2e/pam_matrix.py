# SPDX-License-Identifier: LGPL-2.1-or-later
"""The matrix of programs and PAM stacks, as a table of what was really run.

Each process that runs a part writes what it tried to $OUT/pam/STACK.json; whoever is asked prints all of
it and leaves it in $OUT/pam/matrix.md. A cell that is neither tried nor explained here is a failure.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

FOLDER = pathlib.Path(os.environ.get("OUT", "/tmp/pwreset-test")) / "pam"
COLUMNS = ("unchanged", "recovery", "refused", "expired", "daemon dead")
STACKS = ("ldap", "sss", "ldap+faillock", "sss+faillock")
GREETER = "lightdm greeter"
ROWS = (
    *("sshd keyboard-interactive", "sshd password", "login", "su", "sudo", "passwd", "chpasswd", "scp", "sftp"),
    *("sshpass", "ssh BatchMode", "sudo -S", "sudo -n", "cron", GREETER),
)
ONE_REPLY = "the method carries one reply: there is nothing to choose with, and the module steps aside"
ELSEWHERE = "not in services=: recovery there would be privilege by secret answer"
ASKS_NOBODY = "asks nobody anything"
ROOT_SETS = "root sets a password there, nobody proves who he is"
# (row, column): why there is nothing to try
NOT_APPLICABLE = {
    ("sshd password", "recovery"): ONE_REPLY,
    ("sshd password", "refused"): ONE_REPLY,
    ("sshpass", "recovery"): ONE_REPLY,
    ("sshpass", "refused"): ONE_REPLY,
    ("sshpass", "expired"): ONE_REPLY,
    ("su", "recovery"): ELSEWHERE,
    ("su", "refused"): ELSEWHERE,
    ("sudo", "recovery"): ELSEWHERE,
    ("sudo", "refused"): ELSEWHERE,
    ("sudo -S", "recovery"): ELSEWHERE,
    ("sudo -S", "refused"): ELSEWHERE,
    ("sudo -S", "expired"): "its input ends after the password, so nothing new can be typed",
    ("passwd", "recovery"): "changes a password that is known; who has forgotten it does not get that far",
    ("chpasswd", "recovery"): ROOT_SETS,
    ("chpasswd", "expired"): ROOT_SETS,
    **{
        (row, column): ASKS_NOBODY
        for row in ("ssh BatchMode", "sudo -n", "cron")
        for column in ("recovery", "refused", "expired")
    },
}
# faillock stands in the same common-auth for it; what it adds is tried by login and sshd
GREETER_STACKS = ("ldap", "sss")
AT_ONCE = 4


class Marks:
    """What one stack has shown."""

    def __init__(self, stack):
        self.stack = stack
        self.cells = set()

    def add(self, row, column):
        if row not in ROWS or column not in COLUMNS:
            raise KeyError((row, column))
        self.cells.add((row, column))

    def save(self, part="programs"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"stack": self.stack, "cells": sorted(self.cells)})
        (FOLDER / f"{self.stack}-{part}.json").write_text(text, encoding="utf-8")


def forget(part):
    """What an earlier run left."""
    for file in FOLDER.glob(f"*-{part}.json"):
        file.unlink()


def _load():
    done = {stack: set() for stack in STACKS}
    for file in FOLDER.glob("*.json"):
        saved = json.loads(file.read_text(encoding="utf-8"))
        done[saved["stack"]].update(tuple(cell) for cell in saved["cells"])
    return done


def _cell(done, row, column, notes):
    stacks = GREETER_STACKS if row == GREETER else STACKS
    missing = [stack for stack in stacks if (row, column) not in done[stack]]
    if (row, column) in NOT_APPLICABLE:
        reason = NOT_APPLICABLE[row, column]
        if reason not in notes:
            notes.append(reason)
        return f"n/a ({notes.index(reason) + 1})", []
    if not missing:
        return f"passed {len(stacks)}/{len(stacks)}", []
    return f"FAILED {len(stacks) - len(missing)}/{len(stacks)}", [f"{row}, {column}: not shown on {', '.join(missing)}"]


def report(rows=ROWS):
    """Prints and writes the table; what is missing of these rows, a line each."""
    done, notes, missing = _load(), [], []
    lines = ["| program | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for row in ROWS:
        cells = []
        for column in COLUMNS:
            cell, lacks = _cell(done, row, column, notes)
            if lacks and row not in rows:
                cell = "see e2e-greeter" if row == GREETER else "not run"
            elif lacks:
                missing += lacks
            cells.append(cell)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    lines += ["", f"Stacks: {', '.join(STACKS)}; the greeter's: {', '.join(GREETER_STACKS)}."]
    lines += [f"({n}) {reason}" for n, reason in enumerate(notes, 1)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "matrix.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n" + "\n".join(lines + missing) + f"\nwritten to {FOLDER}/matrix.md\n", flush=True)
    return missing


def _run_class(file, name):
    log = FOLDER / f"{name}.log"
    began = time.monotonic()
    with open(log, "wb") as out:
        argv = [sys.executable, str(pathlib.Path(file).resolve()), "-v", name]
        failed = subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return failed, log.read_text(encoding="utf-8", errors="replace")


def run_apart(file, classes, part, rows):
    """The classes of a test file at the same time, each in a process and a lab of its own, since most of each is
    waiting for delays that PAM makes; then their logs, and the matrix. What the process has to exit with."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    forget(part)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda name: _run_class(file, name), classes))
    print("\n".join(log for _, log in done), flush=True)
    missing = report(rows)
    return 1 if missing or any(failed for failed, _ in done) else 0
