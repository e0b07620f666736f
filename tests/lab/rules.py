# SPDX-License-Identifier: LGPL-2.1-or-later
"""The product's access rules and indices for slapd.conf, with the lab's names in them.

What stands between @ is explained in the head of ldap/slapd-acl.conf.
"""

import pathlib
import re

import people

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "ldap"
# By [directory] hash=: what a new value looks like, and the rights to set one and to clear the old.
HASHES = {
    "argon2id": ("[{]ARGON2[}][$]argon2id[$]", "maz", "mz"),
    "yescrypt": ("[{]CRYPT[}][$]y[$]", "maz", "mz"),
    "server": (".", "az", "z"),
}


def _filled(name, hash_mode):
    """A file of ldap/: its lines for the group "admins" once for each privileged group."""
    text = ""
    for line in (FOLDER / name).read_text().splitlines(keepends=True):
        if line.startswith("#"):
            continue
        groups = people.PRIVILEGED_GROUPS if "cn=admins," in line else ("admins",)
        text += "".join(line.replace("cn=admins,", f"cn={group},") for group in groups)
    scheme, assign, clear = HASHES[hash_mode]
    values = {
        "BASE": people.BASE,
        "PEOPLE": people.PEOPLE,
        "SERVICE": people.SERVICE_DN,
        "SCHEME": scheme,
        "SET": assign,
        "CLEAR": clear,
    }
    return re.sub(r"@([A-Z]+)@", lambda mark: values[mark[1]], text)


def text(kind, hash_mode="argon2id"):
    """What a database of that kind (plain, ppolicy) includes before the site's own rules."""
    files = ["slapd-acl.conf", "slapd-index.conf"]
    if kind == "ppolicy":
        files.insert(0, "slapd-acl-ppolicy.conf")
    return "".join(_filled(name, hash_mode) for name in files)
