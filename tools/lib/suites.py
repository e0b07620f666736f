#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the test suites of tests/suites.toml, two beside each other, and adds up what they counted.

Most suites wait far more than they compute, so two at a time nearly halve the whole. What others build on ("always") runs
first, and what measures time or reads the other suites' logs ("alone") last, each by itself.
A suite is a command. Its tests are counted from the closing lines of the runner it names (unittest, cmocka, meson);
a suite that fails without a failed test, that runs none, or that overruns its time counts as one failed test.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

TOP = pathlib.Path(__file__).resolve().parents[2]
TAIL_LINES = 60
LANES = 2

stopping = threading.Event()
printing = threading.Lock()


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
    """Runs a shell command in its own process group; None instead of a status when it overran its time or was stopped."""
    with open(path, "wb") as log:
        process = subprocess.Popen(["bash", "-euo", "pipefail", "-c", command], cwd=TOP, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=env)
        end = time.monotonic() + timeout
        while time.monotonic() < end and not stopping.is_set():
            try:
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
        # SIGTERM first: a lab takes its container down.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return None


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
    lines = [f"{suite['name']:<20} {seconds:7.1f} s   {passed:5} passed {failed:4} failed {skipped:4} skipped   {word}"]
    lines += [f"{'':<20} skipped: {reason}" for reason in sorted(set(re.findall(r"skipped ['\"](.+?)['\"]$", log, re.M)))]
    if failed:
        lines += [f"    | {line}" for line in log.rstrip("\n").split("\n")[-TAIL_LINES:]]
        lines.append(f"    the whole log: {path}")
    with printing:
        print("\n".join(lines), flush=True)
    return passed, failed, skipped


def run_stage(suites, lanes, out, env, retry):
    """The sums of suites that may run beside each other, started in their order."""
    def one(suite):
        result = run_suite(suite, out, env)
        if result[1] and retry and not suite.get("always") and not stopping.is_set():
            result = run_suite(suite, out, env, again=True)
        return result

    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        try:
            results = [future.result() for future in [pool.submit(one, suite) for suite in suites]]
        except BaseException:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [sum(column) for column in zip((0, 0, 0), *results)]


def belong_here(out):
    """Build folders belong to one tree: those of another (an earlier clone) would build that one again."""
    marker = out / "source"
    if not marker.exists() or marker.read_text(encoding="utf-8") != str(TOP):
        for name in ("asan", "release", "clang", "memcheck", "tidy", "analyzer"):
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
    chosen = [s for s in suites if not arguments.suites or s["name"] in arguments.suites or s.get("always")]
    stages = [[[s], 1] for s in chosen if s.get("always")]
    stages.append([[s for s in chosen if not s.get("always") and not s.get("alone")], LANES])
    stages += [[[s], 1] for s in chosen if s.get("alone")]
    # A run in the background has it ignored, and so would have the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # So that suites that are at work take their labs down, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    totals = [0, 0, 0]
    begin = time.monotonic()
    for stage, lanes in stages:
        result = run_stage(stage, lanes, out, env, arguments.retry)
        totals = [a + b for a, b in zip(totals, result)]
        if result[1] and stage[0].get("always"):
            print("nothing else can run without it")
            break
    print(f"\nall suites: {time.monotonic() - begin:.0f} s")
    print(f"{totals[0]} passed, {totals[1]} failed" + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
