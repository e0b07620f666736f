# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole site for runs over many people: slapd with mdb, pwresetd with its real workers, a relay that notes each mail.

Everything stands in folders and on sockets of its own; only processes started here are ended. tools/bench-bulk prints the
figures, test_bulk.py holds a small run against its bounds.
"""
import base64
import collections
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/directory"), str(TOP / "tests/unit")]
import broker_harness  # noqa: E402  (their folders come by the line above)
import slapd  # noqa: E402

USERS = broker_harness.USERS
DIRECTORY_CONNECTIONS = 4
CONFIG = """
[directory]
uri = {uri}
base = ou=people,dc=example,dc=com
group-base = ou=groups,dc=example,dc=com
privileged-groups = admins
hash = argon2id
connections = {connections}
[mail]
from = it@example.com
relay = 127.0.0.1:{port}
[web]
origin = https://reset.example.com
site-name = Example
[limits]
idle-exit = 2
"""
LAPSE_S = 60  # without any progress


class Stuck(Exception):
    """Nothing moves any more."""


class Directory(slapd.Slapd):
    """With room for a hundred thousand people; only the service may read more than the server's usual 500 entries."""

    def config(self):
        text = super().config().replace("maxsize 268435456", "maxsize 4294967296").replace("sizelimit unlimited", "")
        text = text.replace(f'suffix "{slapd.BASE}"', f'suffix "{slapd.BASE}"\nlimits dn.exact="{slapd.SERVICE}" size=unlimited')
        return text.replace("index objectClass", "index sn,gidNumber,memberUid,member,uniqueMember eq\nindex objectClass")


def name_of(number):
    return f"p{number:06}"


def people(count, groups):
    """groups: how many are in department 1, then 2 …; the others are in 0."""
    secret = slapd.ssha("a password that nobody tries")
    ends = [sum(groups[:i + 1]) for i in range(len(groups))]
    for number in range(count):
        department = next((i + 1 for i, end in enumerate(ends) if number < end), 0)
        yield slapd.person(name_of(number), 100000 + number, userPassword=secret, sn=f"Department{department}")


class Sink:
    """The relay, and what it has taken."""

    def __init__(self, program, folder):
        self.path = folder / "mails"
        self.read = self.seen = 0
        self.process = subprocess.Popen([program, f"--log={self.path}"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def mails(self):
        """(time, user, Message-ID) of each."""
        if not self.path.exists():
            return []
        rows = [line.split(" ") for line in self.path.read_text().splitlines()]
        return [(float(t), recipient.partition("@")[0], identity) for t, recipient, identity in rows]

    def count(self):
        """Reads what has come since the last time: whoever waits asks often, on the cores that are measured."""
        if self.path.exists():
            with open(self.path, "rb") as file:
                file.seek(self.read)
                text = file.read()
            self.read += len(text)
            self.seen += text.count(b"\n")
        return self.seen

    def close(self):
        self.process.kill()
        self.process.wait()


class Site:
    """build: a folder of a build. People are loaded before the server starts."""

    def __init__(self, build, count, groups, connections=DIRECTORY_CONNECTIONS):
        self.build = pathlib.Path(build)
        self.groups, self.connections = groups, connections
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pwreset-bulk-", dir="/tmp"))
        self.root.chmod(0o755)
        self.launcher = self.sink = self.directory = None
        self.memory = {}
        try:
            start = time.monotonic()
            self.directory = Directory(people=people(count, groups), first=self.mapping())
            self.load_s = time.monotonic() - start
            for folder in (self.directory.dir, self.directory.dir / "ldapi"):
                folder.chmod(0o777)
            self.sink = Sink(self.build / "tests/bench/smtp-sink", self.root)
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def mapping():
        uid = USERS["pwreset-directory"]
        return f'authz-regexp "gidNumber={uid}\\\\+uidNumber={uid},cn=peercred,cn=external,cn=auth" "{slapd.SERVICE}"'

    def prepare(self):
        root = self.root
        for folder in ("etc/pwreset/credentials", "usr/lib/pwreset", "usr/share/pwreset", "var/lib", "run"):
            (root / folder).mkdir(parents=True)
        (root / "etc/pwreset/credentials").chmod(0o700)
        broker = broker_harness
        (root / "etc/passwd").write_text("".join(f"{n}:x:{i}:{i}::/:/bin/sh\n" for n, i in broker.USERS.items()))
        (root / "etc/group").write_text("".join(f"{n}:x:{i}:\n" for n, i in {**broker.GROUPS, **broker.USERS}.items()))
        conf = root / "etc/pwreset/pwreset.conf"
        conf.write_text(CONFIG.format(uri=self.directory.uri, port=self.sink.port, connections=self.connections))
        conf.chmod(0o644)
        pepper = root / "etc/pwreset/credentials/pepper"
        pepper.write_text("k1:" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        pepper.chmod(0o600)
        # Other users run them, who may not get at the folder of the build.
        programs = root / "usr/lib/pwreset"
        for path in ("pwresetd", "directory/pwreset-directory", "mailer/pwreset-mailer"):
            shutil.copy(self.build / "daemon" / path, programs)
        for name in ("blocklist.filter", "blocklist.words"):
            shutil.copy(self.build / "data" / name, root / "usr/share/pwreset")
        shutil.copytree(TOP / "templates", root / "usr/share/pwreset/templates")
        shutil.copytree(TOP / "daemon/directory/questions", root / "usr/share/pwreset/questions")

    def start(self):
        log = open(self.root / "log", "ab")
        self.launcher = subprocess.Popen([str(self.root / "usr/lib/pwreset/pwresetd"), "--listen", f"--root={self.root}"], stderr=log)
        log.close()
        ctl = self.root / "run/pwreset/ctl"
        if not broker_harness.wait_for(ctl.exists, 20):
            raise RuntimeError((self.root / "log").read_text(errors="replace"))

    def close(self):
        if self.launcher:
            self.launcher.terminate()
            self.launcher.wait(40)
        if self.sink:
            self.sink.close()
        if self.directory:
            self.directory.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    # People and processes.

    def names(self, group):
        begin = sum(self.groups[:group - 1])
        return [name_of(n) for n in range(begin, begin + self.groups[group - 1])]

    def pids(self, program):
        """The launcher's children of that name, oldest first."""
        path = f"/proc/{self.launcher.pid}/task/{self.launcher.pid}/children"
        found = []
        for pid in pathlib.Path(path).read_text().split():
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == program:
                    found.append(int(pid))
            except OSError:
                continue  # has ended meanwhile
        return found

    def memory_kib(self, program):
        """The most that any of them has taken."""
        most = 0
        for pid in self.pids(program):
            match = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
            most = max(most, int(match.group(1)) if match else 0)
        return most

    def send_link(self, *args):
        """pwresetctl send-link, under way."""
        return subprocess.Popen([str(self.build / "ctl/pwresetctl"), f"--socket={self.root}/run/pwreset/ctl", "send-link", *args],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})

    def noted(self):
        """Names of runs that are taken down."""
        try:
            return (self.root / "var/lib/pwreset/batches").read_bytes().count(b'"tag"')
        except OSError:
            return 0

    def wait(self, condition, progress):
        """Until condition(); raises Stuck when progress() has stood still for long."""
        last, moved = None, time.monotonic()
        while not condition():
            seen = progress()
            if seen != last:
                last, moved = seen, time.monotonic()
            if time.monotonic() - moved > LAPSE_S:
                raise Stuck(f"{last}: " + (self.root / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def wait_mails(self, count):
        self.wait(lambda: self.sink.count() >= count, self.sink.count)

    def reached(self, names):
        return len({user for _, user, _ in self.sink.mails()} & set(names))

    # What is measured.

    def raw_rate(self, names):
        """Modifies of such entries a second, by as many connections as the service has, of what a link writes and no more.

        With the service's own identity (EXTERNAL makes us that), so that the same access rules are asked.
        """
        parts = [names[i::self.connections] for i in range(self.connections)]
        files = []
        for i, part in enumerate(parts):
            path = self.root / f"raw{i}.ldif"
            path.write_text("".join(self.raw_change(name) for name in part))
            files.append(path)
        start = time.monotonic()
        running = [subprocess.Popen(["ldapmodify", "-H", self.directory.uri, "-Y", "EXTERNAL", "-Q", "-f", str(path)],
                                    stdout=subprocess.DEVNULL, env={"LDAPNOINIT": "1", "PATH": os.environ["PATH"]})
                   for path in files]
        failed = [p.wait() for p in running if p.wait() != 0]
        if failed:
            raise RuntimeError(f"ldapmodify: {failed}")
        return len(names) / (time.monotonic() - start)

    @staticmethod
    def raw_change(name):
        text = secrets.token_urlsafe
        value = f"link:{text(16)}:S.k1.{text(6)}.{text(32)}:20301231235959Z:1"
        return (f"dn: uid={name},{slapd.PEOPLE}\nchangetype: modify\nadd: objectClass\nobjectClass: pwresetAccount\n-\n"
                f"add: pwresetToken\npwresetToken: {value}\n-\n\n")

    def steady(self, file):
        """A run without trouble: seconds until the last name is accepted, mails that are out by then, and seconds until the last is; self.memory: KiB."""
        names = file.read_text().split()
        before, start = self.sink.count(), time.monotonic()
        program = self.send_link(f"--file={file}")
        _, err = program.communicate()
        accepted, early = time.monotonic() - start, self.sink.count() - before
        if program.returncode:
            raise RuntimeError(f"send-link: {program.returncode} {err[-500:]}")
        self.wait_mails(before + len(names))
        took = time.monotonic() - start
        self.memory = {name: self.memory_kib(name) for name in ("pwresetd", "pwreset-directory", "pwreset-mailer")}
        return accepted, early, took


class Person(threading.Thread):
    """Asks for a code now and then while a run is under way, each time somebody else; how long each mail took."""

    def __init__(self, site, names):
        super().__init__(daemon=True)
        self.site, self.names, self.asked, self.over = site, list(names), {}, threading.Event()

    def run(self):
        for name in self.names:
            with broker_harness.Client(self.site.root / "run/pwreset/pam") as c:
                self.asked[name] = time.clock_gettime(time.CLOCK_MONOTONIC)
                c.call("org.pwreset.Recovery.RequestCode", user=name, origin={"service": "sshd", "address": "192.0.2.7"})
            if self.over.wait(1):
                return

    def stop(self):
        """Seconds of each."""
        self.over.set()
        self.join(60)
        broker_harness.wait_for(lambda: self.site.reached(self.asked) == len(self.asked), LAPSE_S)
        arrived = {user: at for at, user, _ in reversed(self.site.sink.mails())}
        return [arrived[name] - at if name in arrived else float("inf") for name, at in self.asked.items()]


class Kills:
    """A run over a file that is killed at each of its processes and goes on each time."""

    def __init__(self, site, file, names):
        self.site, self.file, self.names = site, file, names
        self.done = []  # what was killed
        self.base = site.noted()
        self.mails = site.sink.count()
        self.batch = f"bench-{os.getpid()}"

    def begin(self):
        return self.site.send_link(f"--file={self.file}", f"--batch={self.batch}")

    def kill(self, what, pid):
        os.kill(pid, signal.SIGKILL)
        self.done.append(what)

    def accepted(self, share):
        return lambda: self.site.noted() - self.base >= share * len(self.names)

    def run(self):
        """The exit code of the command that was started again, and its words."""
        site, sent = self.site, lambda share: (lambda: site.sink.count() - self.mails >= share * len(self.names))
        program = self.begin()
        site.wait(self.accepted(0.3), site.noted)
        self.kill("pwresetctl", program.pid)
        program.communicate()
        program = self.begin()
        site.wait(self.accepted(0.6), site.noted)
        for what, share in (("pwresetd", 0), ("pwreset-directory", 0.4), ("pwreset-mailer", 0.5), ("pwresetd", 0.7)):
            site.wait(sent(share), site.sink.count)
            site.wait(lambda what=what: site.pids(what), site.sink.count)
            self.kill(what, site.pids(what)[0])
        out, err = program.communicate()
        site.wait(lambda: site.reached(self.names) == len(self.names), site.sink.count)
        # What was in a killed mailer's hands is tried again seconds later: a mail too many, if it had left.
        site.wait(lambda: not (site.root / "var/lib/pwreset/spool").exists(), site.sink.count)
        return program.returncode, out + err

    def verdict(self):
        """Names without a mail, mails too many, those of them with another Message-ID, the most that one person has too many."""
        wanted, seen = set(self.names), collections.defaultdict(list)
        for _, user, identity in self.site.sink.mails():
            if user in wanted:
                seen[user].append(identity)
        extra = {user: len(ids) - 1 for user, ids in seen.items() if len(ids) > 1}
        other = sum(len(set(ids)) - 1 for ids in seen.values())
        return len(wanted - set(seen)), sum(extra.values()), other, max(extra.values(), default=0)

    def tokens(self):
        """How many of the names have so many links in the directory."""
        done = self.site.directory.client("ldapsearch", "-LLL", "-b", slapd.PEOPLE, "(sn=Department2)", "pwresetToken")
        counts = collections.Counter(entry.count("\npwresetToken:") for entry in done.stdout.strip().split("\n\n"))
        return dict(counts)
