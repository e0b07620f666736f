# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private 389 Directory Server with the product's schema and rules. Its folders lie where its own tools put them
(/etc/dirsrv and the like), under an instance name of this process, and are taken away again.
"""

import logging
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import warnings

import slapd
from slapd import BASE, DECOY, MANAGER_PASSWORD, NAMES, PEOPLE, SERVICE, SERVICE_PASSWORD, TOP, fill, free_port, person

PROGRAM = "/usr/sbin/ns-slapd"
ROOT_DN = "cn=Directory Manager"
START_S = 60
FOLDERS = ("/etc/dirsrv/slapd-{}", "/var/lib/dirsrv/slapd-{}", "/var/log/dirsrv/slapd-{}", "/var/lock/dirsrv/slapd-{}",
           "/run/dirsrv/slapd-{}", "/dev/shm/slapd-{}")


def available():
    return os.access(PROGRAM, os.X_OK) and os.getuid() == 0


class Ds389(slapd.Slapd):
    """The same verbs as Slapd, by TCP on loopback. scheme: how it hashes what comes in clear."""

    def __init__(self, people=(), scheme="PBKDF2-SHA512", config=()):
        self.scratch = tempfile.TemporaryDirectory(prefix="pwreset-389-")
        self.dir = pathlib.Path(self.scratch.name)
        self.name = f"pwreset{os.getpid()}"
        self.port = free_port()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.secret = self.dir / "secret"
        self.secret.write_text(MANAGER_PASSWORD)
        self.secret.chmod(0o600)
        self.socket = f"ldapi://{self.dir}/ldapi".replace("/", "%2F").replace("ldapi:%2F%2F", "ldapi://")
        self.process = None
        try:
            self.create()
            self.fill(people, scheme, config)
        except BaseException:
            self.stop()
            raise

    def create(self):
        """By the server's own tool, but for starting it: that wants systemd."""
        warnings.simplefilter("ignore")
        import lib389
        from lib389.instance.setup import SetupDs
        inf = self.dir / "instance.inf"
        inf.write_text(
            "[general]\nconfig_version = 2\nfull_machine_name = localhost.localdomain\nstrict_host_checking = False\n"
            f"systemd = False\nstart = True\n[slapd]\ninstance_name = {self.name}\nroot_password = {MANAGER_PASSWORD}\n"
            f"port = {self.port}\nsecure_port = {self.port + 1}\nself_sign_cert = False\nuser = root\ngroup = root\n"
            f"[backend-userroot]\nsample_entries = no\nsuffix = {BASE}\n")
        lib389.DirSrv.start = lambda made, **_: self.start()
        lib389.DirSrv.stop = lambda made, **_: self.kill(signal.SIGTERM)
        lib389.DirSrv.restart = lambda made, **_: (self.kill(signal.SIGTERM), self.start())
        lib389.DirSrv.status = lambda made: self.process is not None and self.process.poll() is None
        logging.disable(logging.CRITICAL)
        mask = os.umask(0o022)
        SetupDs(False, False, logging.getLogger("ds389"), False).create_from_inf(str(inf))
        os.umask(mask)
        logging.disable(logging.NOTSET)

    def start(self):
        self.process = subprocess.Popen(
            [PROGRAM, "-D", f"/etc/dirsrv/slapd-{self.name}", "-i", str(self.dir / "pid"), "-d", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            done = subprocess.run(["ldapsearch", "-x", "-H", self.uri, "-s", "base", "-b", "", "1.1"], capture_output=True,
                                  check=False)
            if done.returncode == 0:
                return
            if self.process.poll() is not None:
                raise RuntimeError("ns-slapd ended")
            time.sleep(0.2)
        raise RuntimeError("ns-slapd does not answer")

    def fill(self, people, scheme, config):
        done = self.client("ldapmodify", input=(TOP / "ldap/99pwreset.ldif").read_text().replace(
            "dn: cn=schema\n", "dn: cn=schema\nchangetype: modify\nadd: attributeTypes\n").replace(
            "\nobjectClasses:", "\n-\nadd: objectClasses\nobjectClasses:", 1) + "-\n")
        if done.returncode:
            raise RuntimeError(f"schema: {done.stderr}")
        for attribute, value in (("passwordStorageScheme", scheme), ("nsslapd-allow-hashed-passwords", "on"),
                                 ("nsslapd-ldapifilepath", f"{self.dir}/ldapi"), ("nsslapd-ldapilisten", "on"), *config):
            self.modify("cn=config", ("replace", attribute, value))
        self.kill(signal.SIGTERM)
        self.start()
        text = f"dn: {BASE}\nobjectClass: domain\ndc: example\n\n"
        text += "".join(f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n\n"
                       for unit in ("people", "groups", "services"))
        text += (f"dn: {SERVICE}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: pwreset\n"
                 f"userPassword: {SERVICE_PASSWORD}\n\n"
                 f"dn: cn=admins,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: admins\nmember: uid=grace,{PEOPLE}\n\n")
        for number, name in enumerate(NAMES):
            text += person(name, 10001 + number, userPassword=slapd.password_of(name))
        text += person("system", 500, userPassword=slapd.password_of("system")) + "".join(people)
        text += person("decoy entry", 60000, mail=None).replace(f"dn: uid=decoy entry,{PEOPLE}",
                                                                f"dn: {DECOY}").replace("cn::", "cn: decoy\ncn::")
        self.add(text)
        for part in fill((TOP / "ldap/389ds-aci.ldif").read_text(), "server").split("\n\n"):
            done = self.client("ldapmodify", input=part + "\n")
            if done.returncode:
                raise RuntimeError(f"aci: {done.stderr}")

    def client(self, name, *args, input=None):
        return subprocess.run(
            [name, "-H", self.uri, "-x", "-D", ROOT_DN, "-y", str(self.secret), "-o", "ldif-wrap=no", *args], text=True,
            input=input, capture_output=True, check=False, env={"LDAPNOINIT": "1", "PATH": os.environ["PATH"]})

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        for folder in FOLDERS:
            shutil.rmtree(folder.format(self.name), ignore_errors=True)
        self.scratch.cleanup()
