#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each allocation and each system call of broker and workers fails in turn, over each flow; half of them while workers start.

Usage: PWRESET_BUILD=BUILD test_calls.py; PWRESET_FULL=1: a stride through all of them, else a sample by PWRESET_SEED.
"""

import errno
import mmap
import struct
import tempfile
import unittest

from campaign import Campaign, Point
from flows import FLOWS, Request
from whole import BUILD

LIBRARY = BUILD / "tests/faults/pwreset_faults.so"
MEMORY, FILES, WRITES, MAKES, WAITS, SOCKETS, MOVES, CHANCE = (1 << i for i in range(8))
FAULTS = {
    "no memory": (MEMORY, errno.ENOMEM),
    "file fails": (FILES, errno.EIO),
    "disk full": (WRITES, errno.ENOSPC),
    "nothing can be made": (MAKES, errno.EMFILE),
    "interrupted": (WAITS, errno.EINTR),
    "connection fails": (SOCKETS, errno.ECONNRESET),
    "one byte": (MOVES, 0),
    "no random": (CHANCE, errno.EIO),
}
LAYOUT = struct.Struct("=IIII8I32s32s")


class Calls(Point):
    """The n-th call of a kind in any of the site's processes."""

    def __init__(self, _server):
        self.file = tempfile.NamedTemporaryFile(prefix="pwreset-faults-")
        self.file.write(bytes(LAYOUT.size))
        self.file.flush()
        self.control = mmap.mmap(self.file.fileno(), LAYOUT.size)
        mine = {"LD_PRELOAD": str(LIBRARY), "PWRESET_FAULTS": self.file.name}
        self.environment = {name: mine for name in ("pwresetd", "directory", "mailer")}
        self.site = None

    def prepare(self, site):
        self.site = site

    def arm(self, fault, n):
        if n % 2:
            # Cold: those that are there end, and new ones start under the fault.
            for worker in self.site.whole.workers():
                worker.terminate()
                worker.wait()
        kind, error = FAULTS[fault] if fault else (0, 0)
        self.calm()
        self.control[4:] = LAYOUT.pack(0, kind, error, n, *[0] * 8, b"", b"")[4:]
        self.control[0:4] = struct.pack("=I", 1)

    def fields(self):
        return LAYOUT.unpack(self.control[:])

    def places(self, faults):
        seen = self.fields()[4:12]
        return {fault: seen[FAULTS[fault][0].bit_length() - 1] for fault in faults}

    def struck(self):
        return bool(self.fields()[12].strip(b"\0"))

    def calm(self):
        self.control[0:4] = bytes(4)

    def close(self):
        self.control.close()
        self.file.close()


class Start(Request):
    """The broker starts, and takes a request."""

    def call(self):
        self.whole.kill()
        self.whole.start()
        return super().call()


class Failing(unittest.TestCase):
    def test_every_call_of_every_flow(self):
        self.assertTrue(LIBRARY.exists(), "it is in builds without sanitizers")
        made = Campaign("calls", Calls, list(FAULTS), {**FLOWS, "start": Start}, sample=48)
        self.assertEqual(made.run(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
