#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the test suites of tests/suites.toml one after the other and adds up what they counted.

A suite is a command. Its tests are counted from the closing lines of the runner it names (unittest, cmocka, meson);
a suite that fails without a failed test, that runs none, or that overruns its time counts as one failed test.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib

TOP = pathlib.Path(__file__).resolve().parents[2]
TAIL_LINES = 60


def count_unittest(log):
    passed = failed = skipped = 0
    for ran, verdict in re.findall(r"^Ran (\d+) tests? in .*\n\n(.*)$", log, re.M):
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", verdict))
        skip = sum(int(n) for n in re.findall(r"skipped=(\d+)", verdict))
        # Failed subtests are counted one by one, their test only once.
        bad = min(bad, int(ran)) if bad else 0
        failed += bad
        skipped += skip
        passed += max(int(ran) - bad - skip, 0)
    return passed, failed, skipped


def count_cmocka(log):
    def total(word):
        return sum(int(n) for n in re.findall(rf"^\[  {word}  \] (\d+) test\(s\)", log, re.M))

    return total("PASSED"), total("FAILED"), total("SKIPPED")


def count_meson(log):
    def total(word):
        return sum(int(n) for n in re.findall(rf"^{word}:\s+(\d+)", log, re.M))

    return (total("Ok") + total("Expected Fail"),
            total("Fail") + total("Unexpected Pass") + total("Timeout"), total("Skipped"))


def count_none(_log):
    return 0, 0, 0


COUNTERS = {"unittest": count_unittest, "cmocka": count_cmocka, "meson": count_meson, "step": count_none}


def run(command, timeout, path, env):
    """Runs a shell command in its own process group; None instead of a status when it overran its time."""
    with open(path, "wb") as log:
        process = subprocess.Popen(["bash", "-euo", "pipefail", "-c", command], cwd=TOP, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=env)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            # SIGTERM first: a lab takes its container down.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            return None
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise


def run_suite(suite, out, env, again=False):
    """(passed, failed, skipped) of a suite; again: it has failed once, and that log is kept beside the new one."""
    path = out / f"{suite['name']}.log"
    if again:
        path.replace(path.with_suffix(".failed-once.log"))
    begin = time.monotonic()
    status = run(suite["command"], suite.get("timeout", 600), path, env)
    seconds = time.monotonic() - begin
    log = path.read_text(encoding="utf-8", errors="replace")
    passed, failed, skipped = COUNTERS[suite["runner"]](log)
    if suite["runner"] == "step":
        passed = 1 if status == 0 else 0
    if status != 0 and failed == 0:
        failed = 1
    if status == 0 and passed + failed + skipped == 0:
        failed = 1
        log += "\n(the suite ran no test)\n"
    word = ("ok, having failed once" if again else "ok") if failed == 0 else "overran its time" if status is None else "FAILED"
    print(f"{suite['name']:<20} {seconds:7.1f} s   {passed:5} passed {failed:4} failed {skipped:4} skipped   {word}",
          flush=True)
    for reason in sorted(set(re.findall(r"skipped ['\"](.+?)['\"]$", log, re.M))):
        print(f"{'':<20} skipped: {reason}", flush=True)
    if failed:
        for line in log.rstrip("\n").split("\n")[-TAIL_LINES:]:
            print(f"    | {line}")
        print(f"    the whole log: {path}", flush=True)
    return passed, failed, skipped


def belong_here(out):
    """Build folders belong to one tree: those of another (an earlier clone) would build that one again."""
    marker = out / "source"
    if not marker.exists() or marker.read_text(encoding="utf-8") != str(TOP):
        for name in ("asan", "release", "clang"):
            shutil.rmtree(out / name, ignore_errors=True)
        marker.write_text(str(TOP), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="*", help="only these (default: all)")
    parser.add_argument("--list", action="store_true", help="list the suites")
    parser.add_argument("--retry", action="store_true",
                        help="run a suite that failed once more, and say so: for machines that others slow down")
    parser.add_argument("--out", default=os.environ.get("PWRESET_OUT", "/tmp/pwreset-test"),
                        help="folder of builds and logs (default: %(default)s)")
    arguments = parser.parse_args()

    suites = tomllib.loads((TOP / "tests/suites.toml").read_text(encoding="utf-8"))["suite"]
    if arguments.list:
        for suite in suites:
            print(f"{suite['name']:<20} {suite['what']}")
        return 0
    unknown = set(arguments.suites) - {s["name"] for s in suites}
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))} (--list shows them)")

    out = pathlib.Path(arguments.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    belong_here(out)
    env = dict(os.environ, OUT=str(out), PATH="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", ""),
               PYTHONDONTWRITEBYTECODE="1")
    totals = [0, 0, 0]
    begin = time.monotonic()
    for suite in suites:
        if arguments.suites and suite["name"] not in arguments.suites and not suite.get("always"):
            continue
        result = run_suite(suite, out, env)
        if result[1] and arguments.retry and not suite.get("always"):
            result = run_suite(suite, out, env, again=True)
        totals = [a + b for a, b in zip(totals, result)]
        if suite.get("always") and result[1]:
            print("nothing else can run without it")
            break
    print(f"\nall suites: {time.monotonic() - begin:.0f} s")
    print(f"{totals[0]} passed, {totals[1]} failed" + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
