# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel's audit said about types of ours."""
import re
import subprocess

OURS = re.compile(r"[:\"](?:pwreset\w*_t)\b")
DENIAL = re.compile(r"avc:\s+denied\s|SELINUX_ERR|security_compute_sid:\s+invalid context|op=security_\w+_transition")
SHORT = re.compile(r"avc:\s+denied\s+\{ ([^}]+) \}.*?scontext=\S+?:\S+?:(\w+):.*?tcontext=\S+?:\S+?:(\w+):.*?tclass=(\w+)")


def lines():
    """Every audit message of this boot, from the journal and from the kernel's own buffer, each once."""
    seen = {}
    for argv in (["journalctl", "--sync"], ["journalctl", "--boot", "--no-pager", "--all", "--output=cat", "_TRANSPORT=audit"],
                 ["dmesg", "--notime"]):
        text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        for line in text.splitlines():
            if DENIAL.search(line):
                stamp = re.search(r"audit\((\d+\.\d+:\d+)\)", line)
                seen.setdefault(stamp[1] if stamp else line, line)
    return list(seen.values())


def ours(messages):
    """Those in which one of our types stands."""
    return [line for line in messages if OURS.search(line)]


def short(message):
    """Permissions, source, target and class of a denial; anything else as it is."""
    found = SHORT.search(message)
    return f"{found[2]} -> {found[3]}:{found[4]} {{ {found[1]} }}" if found else message
