# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab for chaos: two slapds in mirror mode in one container, and the product that fails over between them."""
import re
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for folder in ("tests/lab", "tests/e2e"):
    sys.path.insert(0, str(TOP / folder))

from lab import Lab, LabError, people  # noqa: E402  pylint: disable=wrong-import-position
from product import STARTTLS  # noqa: E402  pylint: disable=wrong-import-position

FIRST_PORT, SECOND_PORT = 389, 1389
CODE_MINUTES, LINK_MINUTES = 1, 2
CONVERGE_S = 30
START_S = 20
SECOND = """[Unit]
Description=the other provider
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/sbin/slapd -d 0 -u openldap -g openldap -f /etc/ldap/slapd-second.conf -h "ldap://:%d/ ldapi://%%%%2Frun%%%%2Fslapd%%%%2Fsecond"
LimitNOFILE=1024
""" % SECOND_PORT
MIRROR = """serverID {number}
include /etc/ldap/lab/{frame}
database mdb
directory /var/lib/ldap/{folder}
include /etc/ldap/lab/product-ppolicy.conf
include /etc/ldap/lab/database.conf
syncrepl rid=00{number} provider=ldap://127.0.0.1:{other} type=refreshAndPersist retry="1 +" searchbase="{base}" bindmethod=simple
	binddn="{admin}" credentials="{secret}" network-timeout=2 keepalive=1:2:1
multiprovider on
overlay syncprov
overlay ppolicy
ppolicy_default "cn=default,{policies}"
ppolicy_use_lockout
"""
SETTINGS = {
    "limits": {"per-source": "1000000", "per-user": "1000000", "total": "1000000"},
    "recovery": {"code-minutes": str(CODE_MINUTES), "link-minutes": str(LINK_MINUTES), "answer-slot": "500"},
    "directory": {**STARTTLS, "uri": f"ldap://lab.example.com ldap://lab.example.com:{SECOND_PORT}", "timeout": "3",
                  "read-uri": f"ldap://lab.example.com ldap://lab.example.com:{SECOND_PORT}"},
    "mail": {"timeout": "10"},
}


class Site:
    """A lab with both providers; ends with close()."""

    def __init__(self, build, name, count):
        """count: so many of the crowd, user0001 and on, are to be there."""
        self.lab = Lab.new(name)
        there = people.COUNT - len(people.NAMED)
        try:
            self.lab.start()
            if count > there:
                self.lab.add_people(there + 1, count - there)
            self._mirror()
            self.lab.install_product(build, SETTINGS)
            # Whom a wrong password locks out is another test's.
            self.lab.set_policy(pwdMaxFailure="0")
            self.lab.start_proxy()
            self.wait_converged()
        except BaseException:
            self.lab.stop()
            raise

    def close(self):
        self.lab.stop()

    def _mirror(self):
        lab = self.lab
        lab.exec(["systemctl", "stop", "slapd"])
        everybody = lab.exec(["slapcat", "-f", "/etc/ldap/slapd-ppolicy.conf"]).stdout
        modules = "".join(f"moduleload /usr/lib/ldap/{name}\n" for name in ("ppolicy", "syncprov"))
        frame = lab.read("/etc/ldap/lab/global.conf")
        lab.write("/etc/ldap/lab/global-second.conf", re.sub(r"/run/slapd/slapd\.(pid|args)", r"/run/slapd/second.\1", frame))
        for number, (file, frame, folder, other) in enumerate((
                ("slapd-ppolicy.conf", "global.conf", "ppolicy", SECOND_PORT),
                ("slapd-second.conf", "global-second.conf", "second", FIRST_PORT)), 1):
            lab.write(f"/etc/ldap/{file}", modules + MIRROR.format(
                number=number, frame=frame, folder=folder, other=other, base=people.BASE, admin=people.ADMIN_DN,
                secret=people.ADMIN_PASSWORD, policies=people.POLICIES))
        lab.exec(["install", "-d", "-o", "openldap", "-g", "openldap", "-m", "700", "/var/lib/ldap/second"])
        lab.exec(["runuser", "-u", "openldap", "--", "slapadd", "-q", "-w", "-f", "/etc/ldap/slapd-second.conf"],
                 input=everybody, timeout=120)
        lab.write("/etc/systemd/system/slapd-second.service", SECOND)
        lab.exec(["systemctl", "daemon-reload"])
        lab.exec(["systemctl", "start", "slapd", "slapd-second"])
        self.wait_converged()

    def uri(self, second):
        """A provider's socket as the host reaches it; root there is the manager."""
        name = "second" if second else "ldapi"
        return "ldapi://" + urllib.parse.quote(f"/proc/{self.lab.leader}/root/run/slapd/{name}", safe="")

    def _ldap(self, program, second, *words):
        return subprocess.run([program, "-H", self.uri(second), *words], capture_output=True, text=True, timeout=60,
                              check=False, env={"PATH": "/usr/bin:/bin", "LDAPNOINIT": "1", "LC_ALL": "C.UTF-8"})

    def context(self, second):
        """What a provider has seen from each: {server id: change sequence number}; None while it does not answer."""
        done = self._ldap("ldapsearch", second, "-Q", "-Y", "EXTERNAL", "-LLL", "-o", "nettimeout=5", "-s", "base", "-b",
                          people.BASE, "contextCSN")
        if done.returncode:
            return None
        seen = re.findall(r"^contextCSN: (\S+)$", done.stdout, re.M)
        return {csn.split("#")[2]: csn for csn in seen}

    def wait_converged(self, seconds=CONVERGE_S):
        """Returns when each provider has what the other had at the call."""
        deadline = time.monotonic() + seconds
        before = None
        while time.monotonic() < deadline:
            now = [self.context(second) for second in (False, True)]
            if None not in now:
                before = before or now
                newest = {sid: max(csn.get(sid, "") for csn in before) for sid in {*before[0], *before[1]}}
                if all(csn.get(sid, "") >= newest[sid] for csn in now for sid in newest):
                    return
            time.sleep(0.2)
        raise LabError(f"the providers are not in step after {seconds} s: {before} {now}")

    def values(self, second, attribute):
        """{user: [value]} of all who have one, as that provider has them."""
        done = self._ldap("ldapsearch", second, "-Q", "-Y", "EXTERNAL", "-LLL", "-o", "ldif-wrap=no", "-b", people.PEOPLE,
                          f"({attribute}=*)", attribute)
        if done.returncode:
            raise LabError(f"{attribute}: {done.returncode}\n{done.stderr}")
        found, user = {}, None
        for line in done.stdout.splitlines():
            key, _, value = line.partition(": ")
            if key == "dn":
                user = value.partition(",")[0].partition("=")[2]
            elif key.rstrip(":") == attribute:
                found.setdefault(user, []).append(value)
        return found

    def hashes(self, second):
        """{user: what is stored of the password}; to ask by binding takes its time."""
        return {user: values[0] for user, values in self.values(second, "userPassword").items()}

    def stamps(self, second):
        """{user: entryCSN}"""
        return {user: values[0] for user, values in self.values(second, "entryCSN").items()}

    def binds(self, user, secret, second=False):
        """Whether a provider takes the password."""
        done = self._ldap("ldapwhoami", second, "-x", "-D", f"uid={user},{people.PEOPLE}", "-w", secret)
        if done.returncode not in (0, 49):
            raise LabError(f"bind as {user}: {done.returncode}\n{done.stderr}")
        return done.returncode == 0

    def start_provider(self, second):
        """systemd keeps neither of them up: they are not ours."""
        self.lab.exec(["systemctl", "restart", "slapd-second" if second else "slapd"])
        deadline = time.monotonic() + START_S
        while self.context(second) is None:
            if time.monotonic() > deadline:
                raise LabError(f"{'the second' if second else 'the first'} provider does not come back")
            time.sleep(0.1)

    def firewall(self, rules):
        """Replaces what is dropped inside by nftables rules."""
        text = "add table inet chaos\nadd chain inet chaos in { type filter hook input priority 0 ; }\nflush chain inet chaos in\n"
        text += "".join(f"add rule inet chaos in {rule} drop\n" for rule in rules)
        self.lab.net_exec(["nft", "-f", "-"], input=text)
