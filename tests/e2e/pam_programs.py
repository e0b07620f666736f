# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that ask for passwords, each as a person or a script uses it, and what they said.

Every function returns a transcript that is the same each time, so that two can be compared.
"""

import concurrent.futures
import functools
import pathlib
import re

import pexpect

KEYBOARD = ("PreferredAuthentications=keyboard-interactive", "NumberOfPasswordPrompts=1")
PASSWORD = ("PreferredAuthentications=password", "NumberOfPasswordPrompts=1")
PROMPT = r"(?:: |\? )$"
SHELL = r"[$#] $"
WAIT_S = 60  # for whom the machine is busy: nothing waits so long that works
# Lines that differ from run to run, or that the first login of somebody has and the second has not.
VARYING = re.compile(r"^(Last (failed )?login|Creating directory|There (was|were) \d+ failed).*\n", re.M)
NOISE = re.compile(r"\x1b\][^\x07]*\x07|\x1b\[[0-9;?]*[a-zA-Z]|\r")


def clean(text):
    return VARYING.sub("", NOISE.sub("", text))


def together(jobs):
    """{key: what its function returned}; most of a login is waiting."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = {key: pool.submit(function, *words) for key, (function, *words) in jobs.items()}
        return {key: future.result() for key, future in running.items()}


@functools.cache
def questions():
    """The English questions that ship, the longest first: a name's decoys are its own."""
    file = pathlib.Path(__file__).resolve().parents[2] / "daemon/directory/questions/en"
    lines = file.read_text(encoding="utf-8").splitlines()
    return sorted((line.split("\t")[1] for line in lines if not line.startswith("#")), key=len, reverse=True)


class Programs:
    """Of one lab. user: who logs in; admin: who is in sudoers."""

    def __init__(self, lab, user="bob", admin="alice"):
        self.lab = lab
        self.user = user
        self.admin = admin

    # ---- at a terminal

    @staticmethod
    def end(child):
        """What the child said, and how it ended."""
        if child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=WAIT_S):
            child.close(force=True)
            return clean(child.seen.getvalue()) + "[does not end]"
        child.close()
        return clean(child.seen.getvalue()) + f"[{child.exitstatus}]"

    @staticmethod
    def answer(child, *replies):
        """A reply to each prompt, as far as there are prompts."""
        for reply in replies:
            if child.expect([PROMPT, pexpect.EOF, pexpect.TIMEOUT], timeout=WAIT_S):
                return
            child.sendline(reply)

    def talk(self, child, *replies):
        self.answer(child, *replies)
        return self.end(child)

    def sshd_keyboard(self, secret):
        return self.talk(self.lab.ssh(self.user, "id", "-un", options=KEYBOARD), secret)

    def sshd_password(self, secret):
        return self.talk(self.lab.ssh(self.user, "id", "-un", options=PASSWORD), secret)

    def batch_mode(self, _secret):
        return self.end(self.lab.ssh(self.user, "id", options=("BatchMode=yes",)))

    def login(self, secret, *more):
        """login(1) up to its shell or its next prompt."""
        child = self.lab.spawn(["login", "-p"])
        self.answer(child, self.user, secret, *more)
        met = child.expect([SHELL, "login: $", pexpect.EOF, pexpect.TIMEOUT], timeout=WAIT_S)
        if met == 0:
            child.sendline("id -un; exit")
            return self.end(child)
        child.close(force=True)
        return clean(child.seen.getvalue()) + f"[{('', 'asks again', 'ends', 'waits')[met]}]"

    def su(self, secret):
        return self.talk(self.lab.spawn(["su", "-", self.user, "-c", "id -un"], user=self.admin), secret)

    def sudo(self, secret):
        child = self.lab.spawn(["sudo", "-k", "id", "-un"], user=self.admin)
        return self.talk(child, secret, secret, secret)

    # ---- by scripts

    def command(self, argv, secret, **kwargs):
        done = self.lab.net_exec(["sshpass", "-p", secret, *argv], check=False, **kwargs)
        return clean(f"{done.stdout}{done.stderr}[{done.returncode}]")

    def options(self):
        """The words between ssh's name and its host, as the lab has them."""
        argv = self.lab.ssh_argv(self.user)
        words = argv[argv.index("-F") : -1]
        place = words.index("-p")
        return words[:place] + words[place + 2 :]

    def sshpass(self, secret):
        return self.command(["ssh", *self.options(), f"{self.user}@lab.example.com", "id", "-un"], secret)

    def scp(self, secret):
        host = f"{self.user}@lab.example.com"
        return self.command(["scp", "-q", *self.options(), "/etc/hostname", f"{host}:copied"], secret)

    def sftp(self, secret):
        host = f"{self.user}@lab.example.com"
        return self.command(["sftp", "-q", *self.options(), host], secret, input="pwd\n")

    def sudo_stdin(self, secret):
        argv = ["sudo", "-k", "-S", "id", "-un"]
        done = self.lab.exec(argv, input=f"{secret}\n", user=self.admin, check=False)
        return clean(f"{done.stdout}{done.stderr}[{done.returncode}]")

    def sudo_never(self, _secret):
        done = self.lab.exec(["sudo", "-k", "-n", "id", "-un"], user=self.admin, check=False)
        return clean(f"{done.stdout}{done.stderr}[{done.returncode}]")

    def cron(self):
        """What a job of a person's prints under the real daemon, which asks PAM for account and session. It is
        one for the machine's start, which cron believes in where it finds no trace of an earlier one."""
        mark = f"/var/tmp/cron-{self.user}"
        self.lab.write("/etc/cron.d/pam", f"@reboot {self.user} id -un >{mark} 2>&1\n")
        self.lab.exec(["rm", "-f", "/run/crond.reboot", mark])
        self.lab.restart("cron")
        self.lab.exec(["sh", "-c", f"until test -s {mark}; do sleep 0.1; done"], timeout=90)
        return self.lab.read(mark)

    # ---- changing passwords

    def passwd(self, user, *replies):
        return self.talk(self.lab.spawn(["passwd"], user=user), *replies)

    def passwd_by_root(self, user, *replies):
        return self.talk(self.lab.spawn(["passwd", user]), *replies)

    def chpasswd(self, user, secret):
        done = self.lab.exec(["chpasswd"], input=f"{user}:{secret}\n", check=False)
        return clean(f"{done.stdout}{done.stderr}[{done.returncode}]")


# name in the matrix: (method, whether an empty reply leads to the offer of recovery)
ORDINARY = {
    "sshd keyboard-interactive": ("sshd_keyboard", True),
    "sshd password": ("sshd_password", False),
    "login": ("login", True),
    "su": ("su", False),
    "sudo": ("sudo", False),
    "sshpass": ("sshpass", True),
    "scp": ("scp", True),
    "sftp": ("sftp", True),
    "ssh BatchMode": ("batch_mode", False),
    "sudo -S": ("sudo_stdin", False),
    "sudo -n": ("sudo_never", False),
}
