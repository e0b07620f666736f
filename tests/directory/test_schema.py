# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `pwresetctl schema` prints, given to directories that have never seen pwreset, by the commands that stand in its comments.

The rules are then tried as in test_access.py, and a person recovers. The service is a user of its own, as on a site: only root
is the directory's manager. pwresetctl runs where an overlay shows it installed.
"""

import os
import pathlib
import re
import shlex
import signal
import stat
import subprocess
import tempfile
import unittest

import ds389
import slapd
import test_access
import worker
from case import GOOD, PPOLICY, DirectoryCase, main
from ds389 import Ds389
from slapd import BASE, MANAGER_PASSWORD, NAMES, PEOPLE, SERVICE, SERVICE_PASSWORD, TOP, Slapd, frame, password_of, person

UID = 64123  # nobody's
DEBIAN_INIT = pathlib.Path("/usr/share/slapd/slapd.init.ldif")
DOCS = TOP / "docs/directories.md"
ENV = {"PATH": os.environ["PATH"], "LDAPNOINIT": "1", "LC_ALL": "C.UTF-8"}


class Installed:
    """pwresetctl on a PATH of its own, with the shipped files, a configuration and the service's user where it looks for them."""

    def __init__(self, uri, **directory):
        self.scratch = tempfile.TemporaryDirectory(prefix="pwreset-schema-")
        self.dir = pathlib.Path(self.scratch.name)
        self.dir.chmod(0o755)
        for name in ("etc/pwreset", "usr/share/pwreset", "bin"):
            (self.dir / name).mkdir(parents=True)
        (self.dir / "usr/share/pwreset/ldap").mkdir()
        for file in (TOP / "ldap").iterdir():
            (self.dir / "usr/share/pwreset/ldap" / file.name).write_bytes(file.read_bytes())
        values = {"uri": uri, "base": PEOPLE, "hash": "argon2id", "group-base": f"ou=groups,{BASE}", "privileged-groups": "admins",
                  **directory}
        (self.dir / "etc/pwreset/pwreset.conf").write_text(
            "[directory]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
            + "[mail]\nfrom=it@example.com\n[web]\norigin=https://reset.example.com\n")
        (self.dir / "etc/passwd").write_text(
            pathlib.Path("/etc/passwd").read_text() + f"pwreset-directory:x:{UID}:{UID}::/:/usr/sbin/nologin\n")
        self.script("pwresetctl", "".join(f"mount -t overlay overlay -o ro,lowerdir={self.dir}/{name}:/{name} /{name}\n"
                                          for name in ("usr/share", "etc")) + f'exec {worker.BUILD}/ctl/pwresetctl "$@"\n')

    def script(self, name, text):
        path = self.dir / "bin" / name
        inside = self.dir / f"{name}.sh"
        inside.write_text(f"set -e\n{text}")
        path.write_text(f'#!/bin/sh\nexec unshare --mount --propagation private sh {inside} "$@"\n')
        path.chmod(0o755)

    def run(self, command, **names):
        """A command of the output or of the docs; names: what stands in it for what is here."""
        for old, new in names.items():
            command = command.replace(old, new)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], text=True, capture_output=True, check=False,
                              env={**ENV, "PATH": f"{self.dir}/bin:{ENV['PATH']}"})
        return done.returncode, done.stdout, done.stderr

    def commands(self, *words):
        """The command lines in the comments of what is printed."""
        code, text, said = self.run(shlex.join(["pwresetctl", "schema", *words]))
        if code:
            raise RuntimeError(said)
        return [line[4:] for line in text.splitlines() if re.match(r"#   (pwresetctl|include|dsconf) ", line)]

    def close(self):
        self.scratch.cleanup()


def new_person(number):
    return person(f"p{number:03}", 20000 + number)


class Fresh(Slapd):
    """slapd.conf of a site that has just been told to include three files."""

    def __init__(self, ppolicy, people):
        self.installed = None
        super().__init__(ppolicy=ppolicy, people=people)

    def config(self):
        self.installed = Installed(self.uri)
        ppolicy = ["--ppolicy"] if self.ppolicy is not None else []
        includes = {}
        for command in self.installed.commands("conf"):
            match = re.fullmatch(r"pwresetctl schema conf (--\w+) > /etc/ldap/(\S+)", command)
            if match:
                part, name = match.groups()
                code, text, said = self.installed.run(shlex.join(["pwresetctl", "schema", "conf", part, *ppolicy]))
                if code:
                    raise RuntimeError(said)
                (self.dir / name).write_text(text)
            else:
                name = command.removeprefix("include /etc/ldap/")
                includes[part.strip("-")] = f"include {self.dir}/{name}"
        overlay = "" if self.ppolicy is None else (
            f'overlay ppolicy\nppolicy_default "cn=default,ou=policies,{BASE}"\nppolicy_use_lockout\n')
        return "\n".join([
            *(f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "nis", "inetorgperson")),
            "modulepath /usr/lib/ldap", "moduleload back_mdb", "moduleload argon2", "moduleload ppolicy", f"pidfile {self.dir}/pid",
            includes["schema"], "database mdb", f"directory {self.dir}/db", f'suffix "{BASE}"', f'rootdn "{slapd.MANAGER}"',
            f"rootpw {slapd.ssha(MANAGER_PASSWORD)}", includes["acl"], "access to attrs=userPassword by self =xw by anonymous auth by * none",
            "access to * by * read", includes["index"], overlay, ""])

    def start(self):
        super().start()
        self.scratch_open()

    def scratch_open(self):
        """The service is another user than the one that made the folder."""
        self.dir.chmod(0o755)
        (self.dir / "ldapi").chmod(0o777)

    def stop(self):
        super().stop()
        if self.installed:
            self.installed.close()


class FreshConfig(Fresh):
    """cn=config as Debian's slapd sets it up."""

    def __init__(self, ppolicy, people):
        # pylint: disable=super-init-not-called
        self.scratch = tempfile.TemporaryDirectory(prefix="pwreset-slapd-")
        self.dir = pathlib.Path(self.scratch.name)
        self.ppolicy, self.cn_config, self.port, self.tls, self.process = ppolicy, True, None, None, None
        self.uri = "ldapi://" + str(self.dir / "ldapi").replace("/", "%2F")
        self.secret = self.dir / "secret"
        self.secret.write_text(MANAGER_PASSWORD)
        self.secret.chmod(0o600)
        for name in ("db", "slapd.d"):
            (self.dir / name).mkdir()
        init = DEBIAN_INIT.read_text().replace("@SUFFIX@", BASE).replace("@PASSWORD@", slapd.ssha(MANAGER_PASSWORD))
        init = init.replace("/var/lib/ldap", str(self.dir / "db")).replace("/var/run/slapd", str(self.dir))
        done = subprocess.run(["slapadd", "-n0", "-F", str(self.dir / "slapd.d")], input=init, text=True, capture_output=True,
                              check=False, env={**ENV, "PATH": ENV["PATH"] + ":/usr/sbin"})
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.installed = Installed(self.uri)
        self.start()
        if ppolicy is not None:
            self.as_root("dn: cn=module{0},cn=config\nchangetype: modify\nadd: olcModuleLoad\nolcModuleLoad: ppolicy\n\n"
                         "dn: olcOverlay=ppolicy,olcDatabase={1}mdb,cn=config\nchangetype: add\nobjectClass: olcPPolicyConfig\n"
                         f"olcOverlay: ppolicy\nolcPPolicyDefault: cn=default,ou=policies,{BASE}\nolcPPolicyUseLockout: TRUE\n")
        text = frame(ppolicy) + "".join(person(name, 10001 + number) for number, name in enumerate(NAMES))
        self.add(text + person("system", 500) + "".join(people))
        self.before = self.rules()
        self.said = self.apply()

    def as_root(self, ldif):
        done = subprocess.run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", self.uri], input=ldif, text=True, capture_output=True,
                              check=False, env=ENV)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def apply(self):
        command, = self.installed.commands("ldif")
        if self.ppolicy is not None:
            command = command.replace("schema ldif", "schema ldif --ppolicy")
        return self.installed.run(command, **{"ldapi:///": self.uri})[2]

    def rules(self):
        """What of cn=config we touch: everything but schema and indices."""
        found = []
        for dn, names in (("cn=config", ["olcAuthzRegexp"]), ("olcDatabase={1}mdb,cn=config", ["olcAccess", "olcLimits"])):
            done = subprocess.run(["ldapsearch", "-Q", "-LLL", "-Y", "EXTERNAL", "-H", self.uri, "-o", "ldif-wrap=no", "-s", "base",
                                   "-b", dn, *names], text=True, capture_output=True, check=True, env=ENV)
            found += [line for line in done.stdout.splitlines() if line.startswith("olc")]
        return found


class AsService:
    """Worker and command-line tools run as the service's own user, whom EXTERNAL tells apart from root."""

    @classmethod
    def make_site(cls, **options):
        site = worker.Site(cls.slapd.uri, **options)
        site.root.chmod(0o755)
        for path in (site.root, *site.root.rglob("*")):
            if not path.is_symlink():
                os.chown(path, UID, UID)
        return site

    def new_worker(self, site=None, **environment):
        made = worker.Worker(site or self.site, environment, uid=UID)
        self.addCleanup(made.close)
        return made

    def tool(self, name, *args, input=None):
        return subprocess.run([name, "-Q", "-Y", "EXTERNAL", "-H", self.slapd.uri, "-o", "ldif-wrap=no", *args], text=True,
                              input=input, capture_output=True, check=False, env=ENV, user=UID, group=UID, extra_groups=[])

    def test_recovery(self):
        name = self.take()
        grant = self.verify(name, self.worker.code(name))["grant"]
        self.assertEqual(self.worker.set_password(grant, GOOD, via="pam"), {"user": name})
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.assertTrue(self.slapd.entry(name)["userPassword"][0].startswith("{ARGON2}"))


@unittest.skipUnless(os.getuid() == 0, "not root: the service cannot be another user, and nothing can be mounted")
class SlapdConf(AsService, test_access.Rules, DirectoryCase):
    @classmethod
    def make_directory(cls):
        return Fresh(PPOLICY["strict"], [new_person(n) for n in range(10)])


@unittest.skipUnless(os.getuid() == 0, "not root: the service cannot be another user, and nothing can be mounted")
class CnConfig(AsService, test_access.Rules, DirectoryCase):
    @classmethod
    def make_directory(cls):
        return FreshConfig(PPOLICY["strict"], [new_person(n) for n in range(10)])


@unittest.skipUnless(os.getuid() == 0, "not root: the service cannot be another user, and nothing can be mounted")
class Life(AsService, DirectoryCase):
    """Without ppolicy: put in twice, changed, taken out."""

    @classmethod
    def make_directory(cls):
        return FreshConfig(None, [new_person(n) for n in range(10)])

    def block(self, number):
        text = re.findall(r"^```\n(.*?)^```", DOCS.read_text(), re.M | re.S)[number]
        code, _, said = self.slapd.installed.run(text, **{"ldapi:///": self.slapd.uri, "-W": f"-y {self.slapd.secret}"})
        self.assertEqual(code, 0, said)

    def test_what_was_there_is_left(self):
        """Indices that Debian's slapd has already are refused, one at a time, and nothing else is."""
        failed = re.findall(r"^ldap_\w+: (.*)$", self.slapd.said, re.M)
        self.assertEqual(len(failed), 6, self.slapd.said)  # objectClass uid uidNumber gidNumber memberUid member
        self.assertEqual({text.rpartition(" ")[2] for text in failed}, {"(80)", "(20)"})
        self.assertIn("pwresetMail eq", self.slapd.installed.run(
            f"ldapsearch -Q -LLL -Y EXTERNAL -H {self.slapd.uri} -b 'olcDatabase={{1}}mdb,cn=config' -s base olcDbIndex")[1])

    def test_upgrade_and_removal(self):
        applied = self.slapd.rules()
        self.assertGreater(len(applied), len(self.slapd.before) + 10)
        self.block(0)
        self.assertEqual(self.slapd.rules(), self.slapd.before)
        self.slapd.apply()
        self.assertEqual(self.slapd.rules(), applied)
        name = self.take()
        self.worker.set_password(self.worker.link(name), GOOD)
        self.assertIn("pwresetEvent", self.slapd.entry(name))
        self.block(0)
        self.block(1)
        entry = self.slapd.entry(name)
        self.assertFalse([key for key in entry if key.startswith("pwreset")] + [value for value in entry["objectClass"] if "pwreset" in value])
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.slapd.apply()


class Fresh389(Ds389):
    """389 Directory Server: schema by file and reload, rules by ldapmodify."""

    def fill(self, people, scheme, config):
        self.installed = Installed(self.uri, hash="server", bind="simple", **{"bind-dn": SERVICE})
        add, dsconf = self.installed.commands("389ds", "--schema")
        acl, = self.installed.commands("389ds", "--acl")
        self.do(add, INSTANCE=self.name)
        self.do(dsconf.replace("dsconf INSTANCE", f"dsconf -D {shlex.quote(ds389.ROOT_DN)} -w {shlex.quote(MANAGER_PASSWORD)} {self.uri}"))
        self.modify("cn=config", ("replace", "nsslapd-ldapifilepath", f"{self.dir}/ldapi"), ("replace", "nsslapd-ldapilisten", "on"))
        self.kill(signal.SIGTERM)
        self.start()
        text = f"dn: {BASE}\nobjectClass: domain\ndc: example\n\n"
        text += "".join(f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n\n"
                       for unit in ("people", "groups", "services"))
        self.add(text + f"dn: {SERVICE}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: pwreset\n"
                 f"userPassword: {SERVICE_PASSWORD}\n\n" + person("system", 500, userPassword=password_of("system")) + "".join(people))
        self.do(acl.replace("-H ldaps://HOST", f"-x -H {self.uri}").replace("-W", f"-y {self.secret}"))

    def do(self, command, **names):
        code, _, said = self.installed.run(command, **names)
        if code:
            raise RuntimeError(f"{command}: {said}")

    def stop(self):
        super().stop()
        self.installed.close()


@unittest.skipUnless(ds389.available(), "389-ds-base is not installed, or this is not root: its tools need root")
class Ds(DirectoryCase):
    people_count = 3

    @classmethod
    def make_directory(cls):
        return Fresh389([person(f"p{n:03}", 20000 + n, userPassword=password_of(f"p{n:03}")) for n in range(cls.people_count)])

    @classmethod
    def make_site(cls, **options):
        site = worker.Site(cls.slapd.socket, hash="server", bind="simple", bind_dn=SERVICE, **options)
        site.credential("ldap-password", SERVICE_PASSWORD)
        return site

    def as_service(self, who, *lines):
        text = f"dn: uid={who},{PEOPLE}\nchangetype: modify\n" + "".join(f"{line}\n" for line in lines)
        return subprocess.run(["ldapmodify", "-x", "-H", self.slapd.uri, "-D", SERVICE, "-w", SERVICE_PASSWORD], text=True, input=text,
                              capture_output=True, check=False, env=ENV).returncode

    def test_recovery(self):
        name = self.take()
        self.worker.set_password(self.worker.link(name), GOOD)
        self.assertTrue(self.slapd.binds(name, GOOD))

    def test_nothing_else(self):
        name = self.take()
        self.assertEqual(self.as_service(name, "replace: userPassword", "userPassword: of an ordinary person"), 0)
        self.assertEqual(self.as_service("system", "replace: userPassword", "userPassword: of a privileged one"), 50)
        for attribute, value in (("mail", "thief@example.net"), ("uidNumber", "0"), ("homeDirectory", "/"), ("cn", "x"),
                                 ("nsAccountLock", "false"), ("aci", "(version 3.0)")):
            self.assertEqual(self.as_service(name, f"replace: {attribute}", f"{attribute}: {value}"), 50, attribute)
        self.assertEqual(self.as_service(name, "add: objectClass", "objectClass: extensibleObject"), 50)
        seen = subprocess.run(["ldapsearch", "-x", "-LLL", "-H", self.slapd.uri, "-D", SERVICE, "-w", SERVICE_PASSWORD, "-b", PEOPLE,
                               "(uid=*)", "*", "userPassword"], text=True, capture_output=True, check=True, env=ENV).stdout
        self.assertIn(f"uid: {name}", seen)
        self.assertNotIn("userPassword", seen)


if __name__ == "__main__":
    main()
