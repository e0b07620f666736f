# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's slapd as its manager sees it: read, change, lock, bind, grow. A part of Lab."""

import base64
import subprocess
import time
import urllib.parse

import people
from container import LabError

_ENV = {"PATH": "/usr/bin:/bin", "LDAPNOINIT": "1", "LC_ALL": "C.UTF-8"}


class Directory:
    """Stands beside Container, whose state, leader, exec and restart it uses."""

    @property
    def slapd_kind(self):
        """Which of the two databases: with ppolicy, or plain."""
        return "ppolicy" if self.state.facts["ppolicy"] else "plain"

    @property
    def slapd_config(self):
        """The configuration that slapd runs by: a file, or the folder of a cn=config."""
        kind = self.slapd_kind
        return f"/etc/ldap/slapd.d-{kind}" if self.state.facts["cn_config"] else f"/etc/ldap/slapd-{kind}.conf"

    @property
    def ldapi(self):
        """slapd's socket as the host reaches it; root there is the manager."""
        place = f"/proc/{self.leader}/root/run/slapd/ldapi"
        return "ldapi://" + urllib.parse.quote(place, safe="")

    def _ldap(self, program, words, stdin=None, check=True):
        argv = [program, "-Q", "-Y", "EXTERNAL", "-H", self.ldapi, *words]
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=_ENV
        )
        if check and done.returncode:
            raise LabError(f"{program} {words}: {done.returncode}\n{done.stderr}\n{stdin or ''}")
        return done

    def ldap_search(self, search, *attributes, base=people.BASE, scope="sub"):
        """Pairs of dn and {attribute: [str]}; name operational attributes or "+" to see them."""
        words = ["-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, search, *attributes]
        return list(_parse_ldif(self._ldap("ldapsearch", words).stdout))

    def ldap_person(self, uid, *attributes):
        """The attributes of one person; all of them by default."""
        found = self.ldap_search(f"(uid={uid})", *(attributes or ("*", "+")), base=people.PEOPLE)
        if len(found) != 1:
            raise LabError(f"{uid}: {len(found)} entries")
        return found[0][1]

    def ldap_modify(self, ldif, check=True):
        """ldapmodify as the manager, with the relax control so that operational attributes go too."""
        return self._ldap("ldapmodify", ["-e", "relax"], ldif, check)

    def replace(self, uid, **values):
        """Replaces attributes of a person; a value is a str, a list of them, or None to delete."""
        text = f"dn: uid={uid},{people.PEOPLE}\nchangetype: modify\n"
        for name, value in values.items():
            listed = [] if value is None else [value] if isinstance(value, str) else value
            text += f"replace: {name}\n" + "".join(people.ldif_line(name, item) for item in listed) + "-\n"
        self.ldap_modify(text)

    def set_policy(self, **values):
        """Replaces values of the default policy: set_policy(pwdInHistory="5")."""
        text = f"dn: cn=default,{people.POLICIES}\nchangetype: modify\n"
        text += "".join(f"replace: {name}\n{name}: {value}\n-\n" for name, value in values.items())
        self.ldap_modify(text)

    def lock(self, uid, forever=False):
        """ppolicy's lock: as of now, or an administrator's that no time lifts."""
        stamp = people.ADMIN_LOCK if forever else time.strftime("%Y%m%d%H%M%SZ", time.gmtime())
        self.replace(uid, pwdAccountLockedTime=stamp)

    def binds(self, uid, secret):
        """Whether the directory takes this password; a failure counts there as any other does."""
        argv = ["ldapwhoami", "-x", "-H", self.ldapi, "-D", f"uid={uid},{people.PEOPLE}", "-w", secret]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=60, check=False, env=_ENV
        )
        if done.returncode not in (0, 49):
            raise LabError(f"bind as {uid}: {done.returncode}\n{done.stderr}")
        return done.returncode == 0

    def add_people(self, first, count):
        """Makes the crowd larger by user{first} and the count - 1 after it; slapd pauses meanwhile."""
        flag = "-F" if self.state.facts["cn_config"] else "-f"
        text = "".join(
            people.person_ldif(person, 0, self.state.facts["ppolicy"])
            for person in people.generated(count, first)
        )
        self.exec(["systemctl", "stop", "slapd"])
        self.exec(
            ["runuser", "-u", "openldap", "--", "slapadd", "-q", flag, self.slapd_config],
            input=text,
            timeout=600,
        )
        self.exec(["systemctl", "start", "slapd"])


def _parse_ldif(text):
    for record in text.split("\n\n"):
        dn, attributes = None, {}
        for line in record.splitlines():
            if not line or line.startswith("#"):
                continue
            name, _, value = line.partition(":")
            value = value.strip()
            if value.startswith(": "):
                value = base64.b64decode(value[2:]).decode("utf-8", "replace")
            if name == "dn":
                dn = value
            else:
                attributes.setdefault(name, []).append(value)
        if dn is not None:
            yield dn, attributes
