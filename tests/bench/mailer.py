#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
How many mails a second one worker hands to a relay that answers at once: over reused sessions (a hundred mails each) and with
a session for each mail. The relay is a small program of its own (smtp_sink.c), so that it is not what is measured.
Usage: mailer.py SINK [COUNT]; the worker is found by PWRESET_BUILD.
"""
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mailer"))
import worker  # noqa: E402  (its folder comes by the line above)


def run(sink, folder, one_each, count):
    command = [sink] + (["--one"] if one_each else [])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        with worker.Worker(worker.make_root(folder, {"relay": f"127.0.0.1:{port}"})) as one:
            one.send()
            call = {"mail": {"id": "bench", "template": "link", "language": "en", "to": ["alice@example.com"],
                             "values": worker.example_values("link")}}
            start = time.monotonic()
            for _ in range(count):
                assert one.call("org.pwreset.Mailer.Send", call)["status"] == "sent"
            seconds = time.monotonic() - start
        process.terminate()
    return count / seconds


def main():
    sink, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory(prefix="pwreset-bench-") as folder:
        for name, one_each in (("reused session", False), ("a session each", True)):
            print(f"{name}: {run(sink, f'{folder}/{one_each}', one_each, count):.0f} mails/s")


if __name__ == "__main__":
    main()
