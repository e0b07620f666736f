# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file that interpose.c shares with this side: which call is to fail, and which did."""

import errno
import mmap
import os
import pathlib
import struct
import tempfile

from whole import BUILD

LIBRARY = BUILD / "tests/faults/pwreset_faults.so"
MEMORY, FILES, WRITES, MAKES, WAITS, SOCKETS, MOVES, CHANCE, HANGS = KINDS = tuple(1 << i for i in range(9))
FAULTS = {
    "no memory": (MEMORY, errno.ENOMEM),
    "file fails": (FILES, errno.EIO),
    "disk full": (WRITES, errno.ENOSPC),
    "nothing can be made": (MAKES, errno.EMFILE),
    "interrupted": (WAITS, errno.EINTR),
    "connection fails": (SOCKETS, errno.ECONNRESET),
    "one byte": (MOVES, 0),
    "no random": (CHANCE, errno.EIO),
    "hangs": (HANGS, 0),
}
LAYOUT = struct.Struct(f"=IIII{len(KINDS)}III32s32s768s")
FIRST = 4 + len(KINDS)  # field behind the counts: pid, alarm_ms, name, program, where


class Control:
    """Programs with environment share it."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="pwreset-faults-")
        os.chmod(self.file.name, 0o666)
        self.file.write(bytes(LAYOUT.size))
        self.file.flush()
        self.memory = mmap.mmap(self.file.fileno(), LAYOUT.size)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "PWRESET_FAULTS": self.file.name}

    def arm(self, kind, error, n):
        """The n-th call of that kind fails; 0: none, but they are counted."""
        self.calm()
        self.memory[4:] = LAYOUT.pack(0, kind, error, n, *[0] * len(KINDS), 0, 0, b"", b"", b"")[4:]
        self.memory[0:4] = struct.pack("=I", 1)

    def calm(self):
        self.memory[0:4] = bytes(4)

    def fields(self):
        return LAYOUT.unpack(self.memory[:])

    def seen(self, kind):
        return self.fields()[4 + kind.bit_length() - 1]

    def text(self, i):
        return self.fields()[FIRST + 2 + i].partition(b"\0")[0].decode()

    def struck(self):
        return bool(self.text(0))

    def what(self):
        return f"{self.text(0)} of {self.text(1)} at {self.text(2)}"

    def program(self):
        return self.text(1)

    def hanging(self):
        """The process that hung and the milliseconds that its alarm had left, 0: there was none."""
        return self.fields()[FIRST:FIRST + 2]

    def close(self):
        self.memory.close()
        self.file.close()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
