# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab as seen from inside: in the virtual machine its tests are not around the system but in it."""
import pathlib
import sys
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lab"))
sys.path.insert(0, str(TOP / "tests/e2e"))

from container import ENVIRONMENT, State  # noqa: E402  pylint: disable=wrong-import-position
from lab import Lab  # noqa: E402  pylint: disable=wrong-import-position

LOOK_EVERY_S = 0.2
FOLDER = pathlib.Path("/run/pwreset-vm")


class Here(Lab):
    """Lab's hands without the way in: the system around this process is the lab."""

    def __init__(self):
        FOLDER.mkdir(exist_ok=True)
        facts = {"profile": "ldap", "ppolicy": True, "cn_config": False, "hash_mode": "argon2id", "keep": True}
        super().__init__(State("vm", "/", str(FOLDER), leader=1, facts=facts))
        key = self.path("/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        (FOLDER / "known_hosts").write_text(f"lab.example.com {key[0]} {key[1]}\n")

    def enter_argv(self, argv, user=None):
        become = ("runuser", "-u", user, "--") if user else ()
        return ["env", "-i", *ENVIRONMENT, *become, *argv]

    def netns_argv(self, argv):
        return [str(word) for word in argv]

    def stop(self, clean=False):
        """The machine ends by itself."""

    def run_by_systemd(self, argv, timeout=60):
        """Runs argv as a service, in the domain that its file's label gives; the status."""
        words = ["systemd-run", "--quiet", "--wait", "--collect", "--"]
        return self.exec([*words, *argv], check=False, timeout=timeout).returncode


class Watch(threading.Thread):
    """Notes in which SELinux type each program is seen, from start() to stop()."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = {}
        self._over = threading.Event()

    def look(self):
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                program = (process / "comm").read_text().strip()
                label = (process / "attr/current").read_text().strip("\0\n")
            except OSError:
                continue  # it has ended
            if program.startswith(("pwreset", "passwd")):
                self.seen.setdefault(program, set()).add(label.split(":")[2])

    def run(self):
        while not self._over.wait(LOOK_EVERY_S):
            self.look()

    def stop(self):
        self._over.set()
        self.join()


WATCH = Watch()
