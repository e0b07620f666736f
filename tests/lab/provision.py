#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""provision.py ROOT: makes a lab out of a bare root file system, offline, before it ever boots.

What can be done once is done here (certificates, both directories with their people, PAM stacks,
units), so that starting a lab is only starting it. root.sh calls this and keeps the result.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import people
import rules

HERE = pathlib.Path(__file__).resolve().parent
NAME = "lab.example.com"
PAGE = "reset.example.com"
# What a lab has no use for, or what another folder of tests starts when it needs it.
MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer "
    "e2scrub_reap.service fstrim.timer getty@tty1.service console-getty.service systemd-pstore.service "
    "sssd-autofs.socket sssd-nss.socket sssd-pam-priv.socket sssd-pam.socket sssd-ssh.socket "
    "sssd-sudo.socket"
).split()
DISABLED = ("nginx.service",)
ENABLED = ("sshd-sss.service",)
MAIL_UID = 5000
PRIVATE = {"etc/sssd/sssd.conf": 0o600, "etc/sudoers.d/lab": 0o440}


def say(text):
    print(f"lab root: {text}", flush=True)


class Provisioner:
    """Everything below is done to one root."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def path(self, name):
        return self.root / name.lstrip("/")

    def run(self, *argv, **kwargs):
        """Runs inside the root; what it prints is shown only if it fails."""
        env = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["chroot", str(self.root), *argv],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **kwargs,
        )
        if done.returncode:
            sys.exit(f"lab root: {' '.join(argv)} failed ({done.returncode}):\n{done.stdout}")
        return done.stdout

    def write(self, name, text, mode=0o644):
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def files(self):
        """The static tree over the root's, owned by root whoever owns the checkout."""
        for source in sorted((HERE / "files").rglob("*")):
            target = self.path(str(source.relative_to(HERE / "files")))
            if source.is_dir():
                target.mkdir(mode=0o755, exist_ok=True)
                continue
            shutil.copyfile(source, target)
            os.chown(target, 0, 0)
            target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
        for name, mode in PRIVATE.items():
            self.path(name).chmod(mode)

    def certificates(self):
        """A CA, the lab's certificate, and three that no client may accept."""
        tls = self.path("/etc/lab/tls")
        tls.mkdir(parents=True, exist_ok=True)
        _authority(tls, "ca", "pwreset lab CA")
        _certificate(tls, "lab", "ca", [NAME, PAGE])
        _certificate(tls, "wrong-name", "ca", ["other.example.com"])
        _certificate(tls, "expired", "ca", [NAME], dates=("20240101000000Z", "20240201000000Z"))
        with tempfile.TemporaryDirectory() as scratch:
            _authority(pathlib.Path(scratch), "stranger", "pwreset lab stranger")
            _certificate(tls, "untrusted", "stranger", [NAME], authority_dir=pathlib.Path(scratch))
        shutil.copy(tls / "ca.crt", self.path("/usr/local/share/ca-certificates/pwreset-lab.crt"))
        self.run("update-ca-certificates")
        copy = self.path("/etc/ldap/tls")
        copy.mkdir(exist_ok=True)
        for name in ("lab.crt", "lab.key"):
            shutil.copy(tls / name, copy / name)
        self.run("chown", "-R", "openldap:openldap", "/etc/ldap/tls")

    def directory(self):
        """slapd.conf and cn=config, each with and without ppolicy, and the people in both."""
        shutil.copy(rules.FOLDER / "pwreset.schema", self.path("/etc/ldap/schema"))
        self.write("/etc/ldap/lab/product-global.conf", "include /etc/ldap/schema/pwreset.schema\n")
        secret = people.argon2id(people.ADMIN_PASSWORD, people.CROWD_COST)
        with open(self.path("/etc/ldap/lab/database.conf"), "a", encoding="utf-8") as config:
            config.write(f"\nrootpw {secret}\n")
        self.path("/run/slapd").mkdir()
        for kind in ("plain", "ppolicy"):
            say(f"slapd ({kind}): {people.COUNT} people")
            self.write(f"/etc/ldap/lab/product-{kind}.conf", rules.text(kind))
            self.path(f"/var/lib/ldap/{kind}").mkdir(mode=0o700)
            self.path(f"/etc/ldap/slapd.d-{kind}").mkdir(mode=0o750)
            config = f"/etc/ldap/slapd-{kind}.conf"
            ldif = people.ldif(ppolicy=kind == "ppolicy")
            self.run("slapadd", "-q", "-f", config, input=ldif)
            self.run("slaptest", "-f", config, "-F", f"/etc/ldap/slapd.d-{kind}")
            self.run(
                "chown", "-R", "openldap:openldap", f"/var/lib/ldap/{kind}", f"/etc/ldap/slapd.d-{kind}"
            )

    def mail(self):
        self.run("postconf", "-F", "*/*/chroot=n")
        self.run("postalias", "/etc/aliases")
        mailboxes = self.path("/var/mail/v")
        mailboxes.mkdir(parents=True)
        os.chown(mailboxes, MAIL_UID, MAIL_UID)

    def logins(self):
        """The second sshd, the stacks, a person of /etc/passwd, the homes of the named.

        The crowd gets its homes from pam_mkhomedir, which says so on the terminal.
        """
        self.path("/usr/sbin/sshd-sss").symlink_to("sshd")
        self.run("useradd", "-m", "-u", "2001", "-s", "/bin/bash", people.LOCAL_USER)
        lines = (f"{name}:{people.password(name)}\n" for name in ("root", people.LOCAL_USER))
        self.run("chpasswd", input="".join(lines))
        self.run("lab-pam", "ldap")
        for number, person in enumerate(people.NAMED):
            home = f"/home/{person.uid}"
            owner = person.uid_number or people.FIRST_UID_NUMBER + number
            self.run("cp", "-r", "/etc/skel", home)
            self.run("chown", "-R", f"{owner}:{person.gid_number}", home)
        self.write("/etc/motd", "")

    def units(self):
        self.run("systemctl", "mask", *MASKED)
        self.run("systemctl", "disable", *DISABLED)
        self.run("systemctl", "enable", *ENABLED)
        self.run("systemctl", "set-default", "multi-user.target")
        # An empty one would make every start a first boot, which enables all that is installed.
        self.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0o444)
        self.path("/etc/resolv.conf").unlink(missing_ok=True)
        self.write("/etc/resolv.conf", "# the lab asks nobody\n")

    def provision(self):
        for step in (
            self.files,
            self.certificates,
            self.directory,
            self.mail,
            self.logins,
            self.units,
        ):
            say(step.__name__)
            step()


def _openssl(*argv):
    done = subprocess.run(["openssl", *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"lab root: openssl {argv[0]} failed:\n{done.stderr}")


def _key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path))
    path.chmod(0o600)


def _authority(folder, name, subject):
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    _key(key)
    _openssl(
        *("req", "-x509", "-new", "-sha256", "-days", "3650", "-subj", f"/CN={subject}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-key", str(key), "-out", str(cert)),
    )
    cert.chmod(0o644)


def _certificate(folder, name, authority, hosts, dates=None, authority_dir=None):
    """A server's certificate; dates is (from, until) where they are not now and ten years."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    home = authority_dir or folder
    _key(key)
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)
        alternatives = ",".join(f"DNS:{host}" for host in hosts)
        (work / "config").write_text(
            f"[ca]\ndefault_ca=a\n[a]\ndatabase={work}/index\nnew_certs_dir={work}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n"
            f"[e]\nsubjectAltName={alternatives}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
        )
        (work / "index").touch()
        request = str(work / "request")
        _openssl("req", "-new", "-subj", f"/CN={hosts[0]}", "-key", str(key), "-out", request)
        span = ("-startdate", dates[0], "-enddate", dates[1]) if dates else ("-days", "3650")
        _openssl(
            *("ca", "-batch", "-notext", "-config", str(work / "config"), *span, "-in", request),
            *("-cert", str(home / f"{authority}.crt"), "-keyfile", str(home / f"{authority}.key")),
            *("-out", str(cert)),
        )
    cert.chmod(0o644)


def main():
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1], "usr").is_dir():
        sys.exit("usage: provision.py ROOT")
    Provisioner(sys.argv[1]).provision()


if __name__ == "__main__":
    main()
