# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's thousand people, the same in every run: who they are, what they know, and their LDIF.

Tests import this to name people; provision.py feeds ldif() to slapadd. Everybody's password follows
one rule (password()), so that nothing has to be looked up.
"""

import base64
import ctypes
import ctypes.util
import dataclasses
import hashlib
import uuid

BASE = "dc=example,dc=com"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
POLICIES = f"ou=policies,{BASE}"
SERVICE_DN = f"cn=pwreset,ou=services,{BASE}"
SERVICE_PASSWORD = "service-Harbor-42"
ADMIN_DN = f"cn=admin,{BASE}"
ADMIN_PASSWORD = "admin-Harbor-42"
DOMAIN = "example.com"

COUNT = 1000
FIRST_UID_NUMBER = 5000
PEOPLE_GID = 10000
INACTIVE_GID = 10090  # the primary group by which the site marks who may not come in (yet)
ACTIVATED = "20260105080000Z"  # when everybody's password was last set
LAST_CHANGE_DAY = 20458  # the same day for shadowLastChange
ADMIN_LOCK = "000001010000Z"  # ppolicy's sign of a lock that no time lifts

# Argon2id: what the product writes by default for the named, next to nothing for the crowd.
NAMED_COST = (2, 19456 << 10)
CROWD_COST = (1, 64 << 10)

# Local groups of these names would win over the directory's, hence no "staff".
ROLE_GROUPS = ("pwreset-helpdesk", "pwreset-admin", "pwreset-owner")
PRIVILEGED_GROUPS = ("it-staff", "board")
SUDO_GROUP = "labsudo"
LOCAL_USER = "lou"  # in /etc/passwd alone
PROBE = "probe"  # Lab.wait_sssd() logs in as this one: let tests leave it alone


def password(uid):
    """The password with which uid (root and the local user too) starts."""
    return f"{uid}-old-Harbor-42"


@dataclasses.dataclass(frozen=True)
class Person:
    """One entry below ou=people; extra is attributes that both directories take, policy only ppolicy's."""

    uid: str
    name: str
    language: str = "en"
    mail: tuple = None  # None: uid@example.com
    uid_number: int = 0
    gid_number: int = PEOPLE_GID
    groups: tuple = ()
    has_password: bool = True
    named: bool = True
    extra: dict = dataclasses.field(default_factory=dict)
    policy: dict = dataclasses.field(default_factory=dict)

    @property
    def dn(self):
        return f"uid={self.uid},{PEOPLE}"

    @property
    def mails(self):
        return (f"{self.uid}@{DOMAIN}",) if self.mail is None else self.mail


ORDINARY = (
    Person("alice", "Alice Anders", groups=(SUDO_GROUP,)),
    Person("bob", "Bob Brenner", groups=(SUDO_GROUP,)),
    Person("carol", "Carol Casillas"),
    Person("dave", "Dave Dorsey", groups=(SUDO_GROUP,)),
    Person("erin", "Erin Estrada"),
    Person("frank", "Frank Fischer", "de"),
    Person("grace", "Grace Galvez", "es"),
    Person("heidi", "Heidi Hofer", "de"),
    Person("ivan", "Ivan Ilves"),
    Person("judy", "Judy Jarre", "fr"),
    Person("kim", "Kim Kowalska"),
    Person("mallory", "Mallory Moss"),
    Person("niaj", "Niaj Nandi"),
    Person("oscar", "Oscar Olmos", "es"),
    Person("peggy", "Peggy Petit", "fr"),
    Person("rupert", "Rupert Rao"),
    Person("sybil", "Sybil Stone"),
    Person("trent", "Trent Tait"),
    Person("victor", "Victor Vance"),
    Person("wendy", "Wendy Wu"),
    Person("zoe", "Zoé Müller-Ünal", "fr"),
    Person("mike", "Mike Kask"),  # case 18: mıke@ and K (U+212A) are typed for this one
    Person("o.brien", "Pat O'Brien, Jr. (ops) <x>"),
)

# Each has a property that recovery has to see; the name says which.
SPECIAL = (
    Person("lockedadmin", "Lock Admin", policy={"pwdAccountLockedTime": [ADMIN_LOCK]}),
    Person("lockedtemp", "Lock Temp"),  # Lab.start() locks it: a temporary lock has to be recent
    Person("expired", "Ex Pired", extra={"shadowExpire": ["1"]}),
    Person(
        "pwexpired",
        "Password Expired",
        extra={"shadowLastChange": ["20000"], "shadowMax": ["90"]},
        policy={
            "pwdChangedTime": ["20241004080000Z"],
            "pwdPolicySubentry": [f"cn=aging,{POLICIES}"],
        },
    ),
    Person(
        "mustchange",
        "Must Change",
        extra={"shadowLastChange": ["0"]},
        policy={"pwdReset": ["TRUE"]},
    ),
    Person("nomail", "No Mail", mail=()),
    Person("dupmail1", "Dup One", mail=("shared@example.com",)),
    Person("dupmail2", "Dup Two", mail=("shared@example.com",)),
    Person("twomail", "Two Mail", mail=("twomail@example.com", "twomail@example.org")),
    Person("fresh", "Never Activated", gid_number=INACTIVE_GID, has_password=False),
    Person(
        "disabled",
        "Dis Abled",
        gid_number=INACTIVE_GID,
        extra={"userPassword": ["{CRYPT}!disabled"]},
    ),
    Person("helen", "Helen Desk", groups=("pwreset-helpdesk",)),
    Person("hank", "Hank Desk", groups=("pwreset-helpdesk",)),
    Person("ada", "Ada Min", groups=("pwreset-admin",)),
    Person("adam", "Adam Min", groups=("pwreset-admin",)),
    Person("olga", "Olga Owner", groups=("pwreset-owner",)),
    Person("otto", "Otto Owner", groups=("pwreset-owner",)),
    Person("stan", "Stan Staff", groups=("it-staff",)),
    Person("nestor", "Nestor Nested"),  # in directors, which is in board
    Person("sysop", "Sys Op", uid_number=900),  # privileged by number
    Person(PROBE, "Lab Probe"),
)

NAMED = ORDINARY + SPECIAL
BY_UID = {person.uid: person for person in NAMED}

_GIVEN = (
    "Ana Ben Cleo Dario Edith Fumi Gia Hugo Ines Jan Kofi Lena Milo Nora Omar Pia Quinn Rosa Sven Tara "
    "Uma Vera Wout Xenia Yusuf Zita"
).split()
_FAMILY = (
    "Abel Bauer Conti Diaz Ek Ferri Gold Hahn Ito Joshi Klein Lopez Meyer Nagy Ortiz Popov Quist Ruiz "
    "Sato Toth Urban Vogel Weber Xu Young Zapata"
).split()
_LANGUAGES = ("en", "es", "de", "fr")


def generated(count, first=1):
    """The crowd: user0001 and so on."""
    for number in range(first, first + count):
        given = _GIVEN[number % len(_GIVEN)]
        family = _FAMILY[number * 7 // len(_GIVEN) % len(_FAMILY)]
        yield Person(
            f"user{number:04}",
            f"{given} {family}",
            _LANGUAGES[number % len(_LANGUAGES)],
            uid_number=FIRST_UID_NUMBER + 5000 + number,
            named=False,
        )


def everybody(count=COUNT):
    """The named first, then as many of the crowd as make count."""
    yield from NAMED
    yield from generated(max(0, count - len(NAMED)))


def argon2id(secret, cost):
    """slapd's {ARGON2} value by libsodium, as the product makes it."""
    sodium = _sodium()
    out = ctypes.create_string_buffer(128)
    raw = secret.encode()
    passes, memory = cost
    if sodium.crypto_pwhash_str(
        out, raw, ctypes.c_ulonglong(len(raw)), ctypes.c_ulonglong(passes), ctypes.c_size_t(memory)
    ):
        raise MemoryError("crypto_pwhash_str")
    return "{ARGON2}" + out.value.decode()


def _sodium():
    name = ctypes.util.find_library("sodium")
    if not name:
        raise RuntimeError("libsodium23 is not installed (PKGS_LAB of tools/lib/packages.sh)")
    sodium = ctypes.CDLL(name)
    if sodium.sodium_init() < 0:
        raise RuntimeError("sodium_init")
    return sodium


def ldif_line(attribute, value):
    """One attribute of an LDIF record, in base64 where it has to be."""
    raw = value.encode()
    safe = all(32 <= byte < 127 for byte in raw) and value[:1] not in (" ", ":", "<")
    if safe and not value.endswith(" "):
        return f"{attribute}: {value}\n"
    return f"{attribute}:: {base64.b64encode(raw).decode()}\n"


def entry(dn, attributes):
    """One LDIF record; attributes maps names to lists of str."""
    known = uuid.UUID(bytes=hashlib.sha256(dn.encode()).digest()[:16], version=4)
    lines = [ldif_line("dn", dn), ldif_line("entryUUID", str(known))]
    for name, values in attributes.items():
        lines += [ldif_line(name, value) for value in values]
    return "".join(lines) + "\n"


def person_ldif(person, number, ppolicy):
    """number is the place among everybody(), for those without a uid number of their own."""
    names = person.name.split()
    attributes = {
        "objectClass": ["inetOrgPerson", "posixAccount", "shadowAccount"],
        "uid": [person.uid],
        "cn": [person.name],
        "sn": [names[-1]],
        "givenName": [names[0]],
        # gecos is an IA5 string in the schema
        "gecos": [person.name.encode("ascii", "replace").decode().replace("?", "_")],
        "uidNumber": [str(person.uid_number or FIRST_UID_NUMBER + number)],
        "gidNumber": [str(person.gid_number)],
        "homeDirectory": [f"/home/{person.uid}"],
        "loginShell": ["/bin/bash"],
        "preferredLanguage": [person.language],
        "shadowLastChange": [str(LAST_CHANGE_DAY)],
        "shadowMin": ["0"],
        "shadowMax": ["99999"],
        "shadowWarning": ["7"],
    }
    if person.mails:
        attributes["mail"] = list(person.mails)
    if person.has_password:
        cost = NAMED_COST if person.named else CROWD_COST
        attributes["userPassword"] = [argon2id(password(person.uid), cost)]
        if ppolicy:
            attributes["pwdChangedTime"] = [ACTIVATED]
    attributes.update(person.extra)
    if ppolicy:
        attributes.update(person.policy)
    return entry(person.dn, attributes)


def policy_ldif(name, **settings):
    """A ppolicy of the lab; without settings one that locks after five failures, for a quarter hour."""
    values = {
        "pwdAttribute": "userPassword",
        "pwdLockout": "TRUE",
        "pwdMaxFailure": "5",
        "pwdLockoutDuration": "900",
        "pwdFailureCountInterval": "900",
        "pwdInHistory": "0",
        "pwdCheckQuality": "0",
        "pwdMinAge": "0",
        "pwdMaxAge": "0",
        "pwdMustChange": "FALSE",
        "pwdAllowUserChange": "TRUE",
        "pwdSafeModify": "FALSE",
    }
    values.update(settings)
    attributes = {"objectClass": ["organizationalRole", "pwdPolicy"], "cn": [name]}
    attributes.update({key: [value] for key, value in values.items()})
    return entry(f"cn={name},{POLICIES}", attributes)


def posix_group_ldif(name, number, uids):
    """A group with members by name; those whose primary group it is are not among them."""
    return entry(
        f"cn={name},{GROUPS}",
        {
            "objectClass": ["posixGroup"],
            "cn": [name],
            "gidNumber": [str(number)],
            "memberUid": uids,
        },
    )


def group_ldif(crowd):
    """posixGroups of the named, everybody's primary groups, and two groupOfNames, one in the other."""
    members = {name: [] for name in (*ROLE_GROUPS, "it-staff", SUDO_GROUP)}
    for person in crowd:
        for name in person.groups:
            members[name].append(person.uid)
    text = posix_group_ldif("people", PEOPLE_GID, []) + posix_group_ldif("inactive", INACTIVE_GID, [])
    for number, (name, uids) in enumerate(members.items(), PEOPLE_GID + 1):
        text += posix_group_ldif(name, number, uids)
    nested = {"board": f"cn=directors,{GROUPS}", "directors": BY_UID["nestor"].dn}
    for name, member in nested.items():
        text += entry(
            f"cn={name},{GROUPS}", {"objectClass": ["groupOfNames"], "cn": [name], "member": [member]}
        )
    return text


def frame_ldif(ppolicy):
    """The suffix, its branches, the policies and the service's entry."""
    text = entry(
        BASE, {"objectClass": ["dcObject", "organization"], "dc": ["example"], "o": ["Example"]}
    )
    for branch in ("people", "groups", "services", *(["policies"] if ppolicy else [])):
        text += entry(
            f"ou={branch},{BASE}", {"objectClass": ["organizationalUnit"], "ou": [branch]}
        )
    text += entry(
        SERVICE_DN,
        {
            "objectClass": ["applicationProcess", "simpleSecurityObject"],
            "cn": ["pwreset"],
            "userPassword": [argon2id(SERVICE_PASSWORD, CROWD_COST)],
        },
    )
    if ppolicy:
        text += policy_ldif("default") + policy_ldif("aging", pwdMaxAge="7776000")
    return text


def ldif(ppolicy, count=COUNT):
    """The whole directory for slapadd."""
    crowd = list(everybody(count))
    text = [frame_ldif(ppolicy), group_ldif(crowd)]
    text += [person_ldif(person, number, ppolicy) for number, person in enumerate(crowd)]
    return "".join(text)
