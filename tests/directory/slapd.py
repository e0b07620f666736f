# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private slapd with the product's schema and access rules, on sockets in a folder of its own.

The service is who SASL EXTERNAL says this process is; the manager binds by password. Nothing of the host's directory
service is touched, and only processes started here are ended.
"""

import base64
import contextlib
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
BASE = "dc=example,dc=com"
PEOPLE = f"ou=people,{BASE}"
SERVICE = f"cn=pwreset,ou=services,{BASE}"
DECOY = f"cn=decoy,{PEOPLE}"
MANAGER = f"cn=admin,{BASE}"
MANAGER_PASSWORD = "manager of the test directory"
SERVICE_PASSWORD = "service of the test directory"
START_S = 20
NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")


def ssha(password):
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def password_of(name):
    return f"{name} had this once 4711"


RIGHTS = {
    "argon2id": {"SCHEME": "[{]ARGON2[}][$]argon2id[$]", "SET": "maz", "CLEAR": "mz"},
    "yescrypt": {"SCHEME": "[{]CRYPT[}][$]y[$]", "SET": "maz", "CLEAR": "mz"},
    "server": {"SCHEME": ".", "SET": "az", "CLEAR": "z"},
    "plain": {"SCHEME": "[{]ARGON2[}][$]argon2id[$]", "SET": "az", "CLEAR": "z"},  # what a site might think of
}


def fill(text, hash):
    """The product's files name no directory: these are the names of this one."""
    names = {"BASE": BASE, "PEOPLE": PEOPLE, "SERVICE": SERVICE, **RIGHTS[hash]}
    for key, value in names.items():
        text = text.replace(f"@{key}@", value)
    return text


def person(name, number, ppolicy=False, **attributes):
    """One entry as LDIF; a keyword replaces the attribute of that name, None leaves it out."""
    fields = {
        "objectClass": ["inetOrgPerson", "posixAccount", "shadowAccount"],
        "uid": name,
        "cn": f"{name.capitalize()} Example",
        "sn": "Example",
        "givenName": name.capitalize(),
        "mail": f"{name}@example.com",
        "uidNumber": str(number),
        "gidNumber": "10000",
        "homeDirectory": f"/home/{name}",
        "userPassword": ssha(password_of(name)),
        "shadowLastChange": "20000",
    }
    fields.update(attributes)
    lines = [f"dn: uid={name},{PEOPLE}"]
    for key, values in fields.items():
        for value in [values] if isinstance(values, str) else values or []:
            lines.append(f"{key}:: {base64.b64encode(value.encode()).decode()}")
    return "\n".join(lines) + "\n\n"


def frame(ppolicy):
    text = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n"
    for unit in ("people", "groups", "services", "policies"):
        text += f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n\n"
    text += (
        f"dn: {SERVICE}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: pwreset\n"
        f"userPassword: {ssha(SERVICE_PASSWORD)}\n\n"
        f"dn: cn=staff,ou=groups,{BASE}\nobjectClass: posixGroup\ncn: staff\ngidNumber: 10000\n\n"
        f"dn: cn=admins,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: admins\nmember: uid=grace,{PEOPLE}\n"
        f"member: cn=inner,ou=groups,{BASE}\n\n"
        f"dn: cn=inner,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: inner\nmember: uid=heidi,{PEOPLE}\n\n"
    )
    if ppolicy is not None:
        rules = {"pwdAttribute": "userPassword", "pwdLockout": "TRUE", "pwdMaxFailure": "5",
                 "pwdFailureCountInterval": "300", **ppolicy}
        text += f"dn: cn=default,ou=policies,{BASE}\nobjectClass: pwdPolicy\nobjectClass: device\ncn: default\n"
        text += "".join(f"{key}: {value}\n" for key, value in rules.items()) + "\n"
    return text


class Slapd:
    """ppolicy: None for no overlay, else a dict of pwd… rules. tls: a folder with ca.crt, server.crt, server.key.

    acl: the hash mode for which the product's rules are installed, or None. cn_config: run from a folder of cn=config, which
    the manager may change. load: with people, or empty for replication. first: lines before the databases.
    """

    def __init__(self, ppolicy=None, people=(), tls=None, port=None, extra="", acl="argon2id", replica="",
                 schema=True, cn_config=False, load=True, modules=(), first="", argon2=True):
        self.scratch = tempfile.TemporaryDirectory(prefix="pwreset-slapd-")
        self.dir = pathlib.Path(self.scratch.name)
        self.ppolicy, self.tls, self.port, self.acl = ppolicy, tls, port, acl
        self.extra, self.replica, self.schema, self.cn_config = extra, replica, schema, cn_config
        self.modules, self.first, self.argon2 = modules, first, argon2
        self.process = None
        self.uri = "ldapi://" + urllib.parse.quote(str(self.dir / "ldapi"), safe="")
        self.secret = self.dir / "secret"
        self.secret.write_text(MANAGER_PASSWORD)
        self.secret.chmod(0o600)
        (self.dir / "db").mkdir()
        (self.dir / "slapd.conf").write_text(self.config())
        text = frame(ppolicy)
        for number, name in enumerate(NAMES):
            text += person(name, 10001 + number)
        text += person("system", 500) + "".join(people)
        text += f"dn: {DECOY}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\ncn: decoy\nsn: decoy\nuid: decoy entry\n"
        text += "uidNumber: 60000\ngidNumber: 60000\nhomeDirectory: /nonexistent\n\n"
        if load:
            self.tool("slapadd", "-q", input=text)
        if cn_config:
            (self.dir / "slapd.d").mkdir()
            self.tool("slaptest", "-F", str(self.dir / "slapd.d"))
        self.start()

    def config(self):
        ldap = TOP / "ldap"
        schema = [f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "nis", "inetorgperson")]
        if self.schema:
            schema.append(f"include {ldap}/pwreset.schema")
        modules = ["back_mdb", *(["argon2"] if self.argon2 else []), *(["ppolicy"] if self.ppolicy is not None else []), *self.modules]
        tls = [] if not self.tls else [
            f"TLSCACertificateFile {self.tls}/ca.crt", f"TLSCertificateFile {self.tls}/server.crt",
            f"TLSCertificateKeyFile {self.tls}/server.key"]
        acl = ""
        if self.acl:
            acl = fill((ldap / "slapd-acl-ppolicy.conf").read_text(), self.acl) if self.ppolicy is not None else ""
            acl += fill((ldap / "slapd-acl.conf").read_text(), self.acl)
        who = f"gidNumber={os.getgid()}\\\\+uidNumber={os.getuid()},cn=peercred,cn=external,cn=auth"
        overlay = "" if self.ppolicy is None else (
            f'overlay ppolicy\nppolicy_default "cn=default,ou=policies,{BASE}"\nppolicy_use_lockout\n')
        return "\n".join([
            *schema, "modulepath /usr/lib/ldap", *(f"moduleload {name}" for name in modules),
            f"pidfile {self.dir}/pid", "sizelimit unlimited", *tls, self.first,
            f'authz-regexp "{who}" "{SERVICE}"',
            *(["database config", f'access to * by dn.exact="{MANAGER}" manage by * none'] if self.cn_config else []),
            "database mdb", f"directory {self.dir}/db", f'suffix "{BASE}"', f'rootdn "{MANAGER}"',
            f"rootpw {ssha(MANAGER_PASSWORD)}", "maxsize 268435456",
            "index objectClass,uid,uidNumber,mail,entryUUID,entryCSN eq", *(["index pwresetMail eq"] if self.schema else []), self.replica,
            acl, "access to attrs=userPassword by self =xw by anonymous auth by * none",
            "access to * by * read", overlay, self.extra, ""])

    def tool(self, name, *args, **options):
        done = subprocess.run([f"/usr/sbin/{name}", "-f", str(self.dir / "slapd.conf"), *args], text=True,
                              capture_output=True, check=False, **options)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")
        return done.stdout

    def urls(self):
        urls = [self.uri]
        if self.port:
            urls.append(f"ldap://127.0.0.1:{self.port}/")
            if self.tls:
                urls.append(f"ldaps://127.0.0.1:{self.port + 1}/")
        return " ".join(urls)

    def start(self):
        log = open(self.dir / "log", "ab")
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", *(["-F", str(self.dir / "slapd.d")] if self.cn_config else
                                  ["-f", str(self.dir / "slapd.conf")]), "-h", self.urls(), "-d", "0"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
                if probe.connect_ex(str(self.dir / "ldapi")) == 0:
                    return
            if self.process.poll() is not None:
                raise RuntimeError("slapd: " + (self.dir / "log").read_text(errors="replace"))
            time.sleep(0.02)
        raise RuntimeError("slapd does not answer")

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        self.scratch.cleanup()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # As the manager.

    def client(self, name, *args, input=None):
        return subprocess.run(
            [name, "-H", self.uri, "-x", "-D", MANAGER, "-y", str(self.secret), "-o", "ldif-wrap=no", *args],
            text=True, input=input, capture_output=True, check=False, env={"LDAPNOINIT": "1", "PATH": os.environ["PATH"]})

    def modify(self, dn, *changes):
        """changes: ("replace"|"add"|"delete", attribute, value…)."""
        text = f"dn: {dn}\nchangetype: modify\n"
        for op, attribute, *values in changes:
            text += f"{op}: {attribute}\n"
            text += "".join(f"{attribute}:: {base64.b64encode(v.encode()).decode()}\n" for v in values) + "-\n"
        done = self.client("ldapmodify", "-e", "!relax" if any("pwdAccountLocked" in c[1] or "pwdEndTime" in c[1] or
                                                               "pwdFailureTime" in c[1] for c in changes)
                           else "manageDSAit", input=text)
        if done.returncode:
            raise RuntimeError(f"ldapmodify {dn}: {done.stderr}")

    def add(self, ldif):
        done = self.client("ldapadd", input=ldif)
        if done.returncode:
            raise RuntimeError(f"ldapadd: {done.stderr}")

    def entry(self, name, *attributes):
        """The attributes of a person as lists of text, as the manager sees them."""
        dn = name if "=" in name else f"uid={name},{PEOPLE}"
        done = self.client("ldapsearch", "-LLL", "-s", "base", "-b", dn, *(attributes or ("*", "+")))
        if done.returncode:
            raise RuntimeError(f"ldapsearch {dn}: {done.stderr}")
        found = {}
        for line in done.stdout.splitlines():
            if not line or line.startswith("dn:"):
                continue
            key, _, value = line.partition(":")
            value = base64.b64decode(value[2:]).decode() if value.startswith(": ") else value[1:]
            found.setdefault(key, []).append(value)
        return found

    def tokens(self, name):
        return self.entry(name, "pwresetToken").get("pwresetToken", [])

    def binds(self, name, password):
        """Whether that person can log in with that password."""
        dn = name if "=" in name else f"uid={name},{PEOPLE}"
        file = self.dir / f"try-{os.getpid()}"
        file.write_bytes(password if isinstance(password, bytes) else password.encode())
        done = subprocess.run(["ldapwhoami", "-H", self.uri, "-x", "-D", dn, "-y", str(file)], text=True,
                              capture_output=True, check=False,
                              env={"LDAPNOINIT": "1", "PATH": os.environ["PATH"]})
        file.unlink()
        if done.returncode not in (0, 49):
            raise RuntimeError(f"ldapwhoami: {done.returncode} {done.stderr}")
        return done.returncode == 0


def certificates(folder):
    """A CA, and a certificate for localhost and 127.0.0.1; another CA's beside it."""
    folder = pathlib.Path(folder)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN=test {name}", "-days", "2")
    for name, subject in (("server", "DNS:localhost,IP:127.0.0.1"), ("wrong", "DNS:other.example.com")):
        (folder / "ext").write_text(f"subjectAltName={subject}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                f"{name}.crt", "-days", "2", "-extfile", "ext")
    return folder


def free_port():
    """Two neighbouring free ports on loopback: the first."""
    while True:
        with contextlib.closing(socket.socket()) as one, contextlib.closing(socket.socket()) as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
