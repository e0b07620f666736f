# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab for tests: a container with slapd, sshd, Postfix, nslcd and SSSD, and hands to use them.

    with Lab() as lab:
        lab.install_product(builddir)
        child = lab.ssh("alice")            # a pexpect child on a real terminal
        mail = lab.wait_mail("carol", 1)[0]

A Lab ends with its process; several may run at once, in one test or in several.
"""

import email
import email.policy
import io
import json
import pathlib
import shlex
import shutil
import socket
import subprocess
import time

import pexpect

import people
import product
import rules
from container import HERE, POLL_S, Container, LabError, State, states
from directory import Directory

__all__ = ["Lab", "LabError", "State", "people", "states"]

PROFILES = {"both": ("nslcd", "sss"), "ldap": ("nslcd",), "sss": ("sss",)}
NSS = {"both": "files sss ldap", "ldap": "files ldap", "sss": "files sss"}
SSH_PORT, SSH_SSS_PORT = 22, 2222
SMTP_PORT = 25
MAILBOXES = "/var/mail/v"
ELSEWHERE = "elsewhere"  # the Maildir of all addresses below example.org and example.net
CA = "/etc/lab/tls/ca.crt"
EXPECT_S = 20


class Lab(Container, Directory):
    """start() boots it; everything else wants it started."""

    @classmethod
    # pylint: disable-next=too-many-arguments
    def new(
        cls,
        name=None,
        *,
        profile="both",
        ppolicy=True,
        cn_config=False,
        hash_mode="argon2id",
        keep=False,
    ):
        """A lab that is not yet started.

        profile: who knows the people, nslcd (ldap), SSSD (sss), or both side by side, SSSD then for
        the services whose name ends in -sss. ppolicy: the overlay. cn_config: slapd by cn=config.
        hash_mode: what slapd lets the product write, and what its configuration says.
        keep: it outlives this process, and `lab down` ends it.
        """
        if profile not in PROFILES:
            raise LabError(f"profile {profile!r}: one of {', '.join(PROFILES)}")
        if cn_config and hash_mode != "argon2id":
            raise LabError("cn=config was made with the rules for argon2id")
        lab = cls.create(name, keep)
        lab.state.facts.update(
            profile=profile, ppolicy=ppolicy, cn_config=cn_config, hash_mode=hash_mode
        )
        return lab

    @classmethod
    def attach(cls, name):
        """The running lab of that name."""
        lab = cls(State.load(name))
        if not lab.state.running:
            raise LabError(f"lab {name} is not running")
        return lab

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Boots; on failure nothing is left. Returns the lab."""
        facts = self.state.facts
        for service in PROFILES[facts["profile"]]:
            self.write_before_boot(f"/etc/lab/with-{service}", "")
        lower = pathlib.Path(self.state.root)
        nsswitch = (lower / "etc/nsswitch.conf").read_text()
        self.write_before_boot(
            "/etc/nsswitch.conf", nsswitch.replace(NSS["both"], NSS[facts["profile"]])
        )
        defaults = (lower / "etc/default/slapd").read_text()
        chosen = self.slapd_config
        self.write_before_boot(
            "/etc/default/slapd", defaults.replace("/etc/ldap/slapd-ppolicy.conf", chosen)
        )
        kind = self.slapd_kind
        self.write_before_boot(
            f"/etc/ldap/lab/product-{kind}.conf", rules.text(kind, facts["hash_mode"])
        )
        try:
            self.boot()
            self._make_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _make_ready(self):
        shutil.copy(self.path("/etc/hosts"), self.folder / "hosts")
        key = self.path("/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        hosts = f"[lab.example.com]:{SSH_SSS_PORT},lab.example.com"
        (self.folder / "known_hosts").write_text(f"{hosts} {key[0]} {key[1]}\n")
        if self.state.facts["profile"] == "sss":
            self.exec(["lab-pam", "sss"])
        if self.state.facts["ppolicy"]:
            self.lock("lockedtemp")

    # ---- programs

    def spawn(self, argv, user=None, timeout=EXPECT_S, rows=24, columns=100):
        """argv inside, on a real terminal of the container; a pexpect child.

        What it showed so far is in child.seen.getvalue().
        """
        command = shlex.join(str(word) for word in argv)
        entered = self.enter_argv(["script", "-qec", command, "/dev/null"], user)
        return _expect(entered, timeout, rows, columns)

    def netns_argv(self, argv):
        """argv for a program of the host (ssh, a browser, Python) in the lab's network, where
        lab.example.com and reset.example.com are known."""
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return [
            *("nsenter", "--target", str(self.leader), "--net", "--"),
            *("unshare", "--mount", "--propagation", "private"),
            *("sh", "-c", script, str(self.folder / "hosts"), *(str(word) for word in argv)),
        ]

    def net_exec(self, argv, *, check=True, timeout=60, **kwargs):
        """Runs a program of the host in the lab's network to its end."""
        done = subprocess.run(
            self.netns_argv(argv), capture_output=True, text=True, timeout=timeout, check=False, **kwargs
        )
        if check and done.returncode:
            raise LabError(f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def net_spawn(self, argv, timeout=EXPECT_S, rows=24, columns=100):
        """The same on a terminal: a pexpect child."""
        return _expect(self.netns_argv(argv), timeout, rows, columns)

    def ssh_argv(self, user, *command, port=SSH_PORT, options=()):
        """The host's ssh to the lab; options are -o values over these, which win."""
        settings = (
            *options,
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.folder}/known_hosts",
            "GlobalKnownHostsFile=/dev/null",
            "HostKeyAlgorithms=ssh-ed25519",
            "PubkeyAuthentication=no",
            "LogLevel=ERROR",
        )
        words = [word for setting in settings for word in ("-o", setting)]
        return self.netns_argv(
            ["ssh", "-F", "none", "-p", str(port), *words, f"{user}@lab.example.com", *command]
        )

    # pylint: disable-next=too-many-arguments
    def ssh(self, user, *command, port=SSH_PORT, options=(), timeout=EXPECT_S, rows=24, columns=100):
        """A pexpect child with ssh at its prompt."""
        argv = self.ssh_argv(user, *command, port=port, options=options)
        return _expect(argv, timeout, rows, columns)

    # ---- files and units

    def path(self, name):
        """A file inside, as the host sees it. Symbolic links are followed inside; a last part that
        does not exist is left as it is."""
        return _resolve(pathlib.Path(f"/proc/{self.leader}/root"), name)

    def read(self, name):
        return self.path(name).read_text()

    def write(self, name, text, mode=0o644):
        """Writes a file of root's inside."""
        target = self.path(name)
        target.touch(mode=0o600)
        target.write_text(text)
        target.chmod(mode)

    def restart(self, *units):
        self.exec(["systemctl", "restart", *units])

    def wait_sssd(self, timeout=30):
        """Returns when SSSD answers again: after an outage of slapd it takes its time to notice."""
        deadline = time.monotonic() + timeout
        argv = ["pamtester", "sshd-sss", people.PROBE, "authenticate"]
        while self.exec(argv, input=people.password(people.PROBE) + "\n", check=False).returncode:
            if time.monotonic() > deadline:
                raise LabError(f"SSSD is still offline after {timeout} s")
            self.exec(["systemctl", "kill", "--kill-whom=main", "--signal=USR2", "sssd.service"])
            time.sleep(10 * POLL_S)

    def signal(self, program, number="KILL"):
        """A signal to each process inside that runs the program (its name, as ps shows it)."""
        self.exec(["pkill", f"-{number}", "-x", program])

    def journal(self, unit=None, since=None):
        """Journal entries as dicts, the oldest first; since is one of their __CURSORs."""
        self.exec(["journalctl", "--sync"])
        words = ["journalctl", "--output=json", "--all", "--no-pager", "--quiet"]
        words += [f"--unit={unit}"] if unit else []
        words += [f"--after-cursor={since}"] if since else []
        return [json.loads(line) for line in self.exec(words).stdout.splitlines()]

    def journal_text(self, unit=None):
        """The same for reading: one line a message."""
        return "\n".join(
            f"{item.get('SYSLOG_IDENTIFIER', '?')}: {item.get('MESSAGE')}" for item in self.journal(unit)
        )

    # ---- mail

    def mails(self, mailbox):
        """The messages in a Maildir (a uid, or ELSEWHERE), the oldest first; .path is the file."""
        found = []
        for folder in ("new", "cur"):
            place = self.path(f"{MAILBOXES}/{mailbox}") / folder
            found += [file for file in place.glob("*") if file.is_file()]
        found.sort(key=lambda file: (file.stat().st_mtime_ns, file.name))
        return [_message(file) for file in found]

    def all_mails(self):
        """Every mailbox with something in it, to its messages."""
        boxes = {}
        root = self.path(MAILBOXES)
        for folder in sorted({file.parent.parent for file in root.rglob("*") if file.is_file()}):
            name = str(folder.relative_to(root))
            boxes[name] = self.mails(name)
        return boxes

    def wait_mail(self, mailbox, count=1, timeout=15):
        """The messages as soon as there are count of them; LabError with the journal's end when late."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.mails(mailbox)
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                tail = "\n".join(self.journal_text().splitlines()[-30:])
                raise LabError(f"{mailbox}: {len(found)} of {count} mails after {timeout} s\n{tail}")
            time.sleep(POLL_S)

    def stop_relay(self):
        """Postfix down. Stopping "postfix.service" would return while its instance still listens."""
        self.exec(["systemctl", "stop", "postfix@-.service"])

    def start_relay(self):
        self.exec(["systemctl", "start", "postfix@-.service"])
        self.wait_port(SMTP_PORT)

    # ---- network

    def wait_port(self, port, timeout=10):
        """Returns when something listens on the port of the lab's loopback."""
        deadline = time.monotonic() + timeout
        wanted = f":{port:04X}"
        while time.monotonic() < deadline:
            for table in ("tcp", "tcp6"):
                for line in pathlib.Path(f"/proc/{self.leader}/net/{table}").read_text().splitlines()[1:]:
                    fields = line.split()
                    if fields[1].endswith(wanted) and fields[3] == "0A":
                        return
            time.sleep(POLL_S)
        raise LabError(f"nothing listens on port {port}")

    def varlinkctl(self, verb, name, *words, timeout=30):
        """varlinkctl of systemd 257 on a socket inside; a CompletedProcess.

        It runs in the lab's PID namespace: a peer without a process id is refused by sd-varlink.
        """
        argv = [str(HERE / "varlinkctl.sh"), verb, str(self.path(name)), *words]
        entered = ["nsenter", "--target", str(self.leader), "--pid", "--", *argv]
        return subprocess.run(entered, capture_output=True, text=True, timeout=timeout, check=False)

    def connect(self, name, timeout=10):
        """A connected socket to a Unix socket inside; the peer sees this process's uid and gids, but no
        process id, because this process has none in there."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(timeout)
        link.connect(str(self.path(name)))
        return link

    def link(self, other):
        """A cable to another lab's eth0, from the switch that eth0 here is: 10.77.0.1 here, the other has the next free one. Each
        knows the other's name, which is the lab's with ".lab.example.com" behind it."""
        links = self.state.facts.setdefault("links", [])
        if not links:
            self.exec(["ip", "link", "add", "eth0", "type", "bridge"])
            self._address("10.77.0.1")
        if other.name not in links:
            links.append(other.name)
            self.state.save()
        number = links.index(other.name) + 2
        _run_ip(
            *("link", "add", f"port{number}", "netns", str(self.leader), "type", "veth"),
            *("peer", "name", "eth0", "netns", str(other.leader), "address", f"02:00:0a:4d:00:{number:02x}"),
        )
        self.exec(["ip", "link", "set", f"port{number}", "master", "eth0", "up"])
        other._address(f"10.77.0.{number}")
        for lab, there, address in ((self, other, f"10.77.0.{number}"), (other, self, "10.77.0.1")):
            hosts, line = lab.read("/etc/hosts"), f"{address} {there.name}.lab.example.com\n"
            if line not in hosts:
                lab.write("/etc/hosts", hosts + line)

    def _address(self, address):
        self.exec(["ip", "address", "add", f"{address}/24", "dev", "eth0"])
        self.exec(["ip", "link", "set", "eth0", "up"])

    # ---- the product

    def install_product(self, builddir, settings=None, **kwargs):
        """Installs pwreset from a build folder, as a site does: see product.install()."""
        product.install(self, pathlib.Path(builddir), settings or {}, **kwargs)

    def start_proxy(self):
        """nginx with TLS before the page: https://reset.example.com of netns_argv()."""
        product.start_proxy(self)


def _run_ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(words)}: {done.stderr}")


def _expect(argv, timeout, rows, columns):
    child = pexpect.spawn(
        argv[0], argv[1:], timeout=timeout, dimensions=(rows, columns), encoding="utf-8", codec_errors="replace"
    )
    child.delaybeforesend = 0
    child.seen = io.StringIO()
    child.logfile_read = child.seen
    return child


def _message(file):
    with open(file, "rb") as stream:
        message = email.message_from_binary_file(stream, policy=email.policy.default)
    message.path = file
    return message


def _resolve(root, name, depth=0):
    """name below root, links and all: an absolute link inside means the root's inside."""
    if depth > 40:
        raise LabError(f"{name}: too many symbolic links")
    parts, here = [part for part in name.split("/") if part not in ("", ".")], []
    for place, part in enumerate(parts):
        if part == "..":
            here = here[:-1]
            continue
        full = root.joinpath(*here, part)
        if full.is_symlink():
            target = str(full.readlink())
            before = "" if target.startswith("/") else "/".join(here) + "/"
            rest = "/".join([before + target, *parts[place + 1 :]])
            return _resolve(root, rest, depth + 1)
        here.append(part)
    return root.joinpath(*here)
