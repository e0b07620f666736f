# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs pwreset into a running lab as HACKING.md and README.md tell an administrator to.

What has a name in the contract stands in the tables on top; the code below only walks them.
"""

import base64
import os
import pathlib
import re
import subprocess

import people
from container import LabError

PROXIES = pathlib.Path(__file__).resolve().parents[2] / "docs/proxy"
CONF = "/etc/pwreset/pwreset.conf"
CREDENTIALS = "/etc/pwreset/credentials"
DIRECTORY_USER = "pwreset-directory"
SLAPD_EXTRA = "/etc/ldap/lab/product-global.conf"
PREFIXES = ("/run/pwreset", "/var/lib/pwreset", "/etc/pwreset")
# Enabled and started if they were installed.
UNITS = (
    "pwreset-directory.socket",
    "pwreset-mailer.socket",
    "pwreset-pam.socket",
    "pwreset-web.socket",
    "pwreset-ctl.socket",
    "pwreset-relay.socket",
    "pwreset-http.socket",
    "pwreset-spool.path",
)
# Debian's pam-auth-update profiles that a site would tick; without them, the lines that README gives.
PAM_PROFILES = ("pwreset-recovery", "pwreset-password")
PAM_BY_HAND = {
    "common-auth": "auth\toptional\tpam_pwreset.so",
    "common-password": "password\tsufficient\tpam_pwreset.so",
}
# What an administrator fills in when taking over docs/proxy's nginx configuration.
PROXY_VALUES = {
    "server_name": "reset.example.com",
    "ssl_certificate": "/etc/lab/tls/lab.crt",
    "ssl_certificate_key": "/etc/lab/tls/lab.key",
}
PROXY_GROUP = "pwreset-proxy"  # may speak to the page's socket
HTTPS_PORT = 443

EXTERNAL = {
    "uri": "ldapi:///",
    "base": people.PEOPLE,
    "group-base": people.GROUPS,
    "bind": "external",
    "privileged-groups": " ".join(people.PRIVILEGED_GROUPS),
    "inactive-filter": f"(gidNumber={people.INACTIVE_GID})",
}
STARTTLS = {
    "uri": "ldap://lab.example.com",
    "bind": "simple",
    "bind-dn": people.SERVICE_DN,
    "start-tls": "yes",
    "tls-ca-file": "/etc/lab/tls/ca.crt",
}
SETTINGS = {
    "directory": EXTERNAL,
    "mail": {
        "relay": "127.0.0.1:25",
        "tls": "none",
        "from": "Example IT <it@example.com>",
        "helpdesk-domains": "example.org",
    },
    "web": {"origin": "https://reset.example.com", "site-name": "Example", "behind-proxy": "yes"},
    "recovery": {},
    "policy": {},
    "roles": {
        "helpdesk": people.ROLE_GROUPS[0],
        "administrator": people.ROLE_GROUPS[1],
        "owner": people.ROLE_GROUPS[2],
    },
    "limits": {},
}


def merged(settings):
    """The lab's settings with those of a test over them; a value of None takes a key away."""
    result = {section: dict(keys) for section, keys in SETTINGS.items()}
    for section, keys in settings.items():
        result.setdefault(section, {}).update(keys)
    return {
        section: {key: value for key, value in keys.items() if value is not None}
        for section, keys in result.items()
    }


def conf_text(settings):
    """pwreset.conf of merged settings."""
    text = ""
    for section, keys in settings.items():
        if keys:
            text += f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) + "\n"
    return text


def new_pepper():
    """A line of the pepper file."""
    return f"lab1:{base64.b64encode(os.urandom(32)).decode()}\n"


def install(lab, builddir, settings, pam=PAM_PROFILES, start=True):
    """meson install into the lab, users, folders, configuration, secrets, directory, PAM, units.

    settings: {section: {key: value}} over SETTINGS. pam: profiles to enable beside the lab's own, or
    PAM_BY_HAND; empty leaves the stacks alone. start=False leaves the sockets closed.
    """
    destination = f"/proc/{lab.leader}/root"
    done = subprocess.run(
        ["meson", "install", "-C", str(builddir), "--no-rebuild", "--quiet", "--destdir", destination],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"meson install: {done.returncode}\n{done.stdout}")
    lab.exec(["systemd-sysusers"])
    lab.exec(["systemd-tmpfiles", "--create", *(f"--prefix={prefix}" for prefix in PREFIXES)])
    configure(lab, settings)
    credential(lab, "pepper", new_pepper())
    if merged(settings)["directory"].get("bind") == "simple":
        credential(lab, "ldap-password", people.SERVICE_PASSWORD + "\n")
    admit_service(lab)
    enable_pam(lab, pam)
    lab.exec(["systemctl", "daemon-reload"])
    units = installed_units(lab)
    lab.state.facts["units"] = units
    lab.state.save()
    if units:
        lab.exec(["systemctl", "enable", *(["--now"] if start else []), *units])


def configure(lab, settings):
    """Writes pwreset.conf; a running daemon is not told."""
    lab.exec(["mkdir", "-p", os.path.dirname(CONF)])
    everything = merged(settings)
    everything["directory"].setdefault("hash", lab.state.facts["hash_mode"])
    lab.write(CONF, conf_text(everything))


def credential(lab, name, text):
    """A secret file of root's."""
    lab.exec(["mkdir", "-p", "-m", "0700", CREDENTIALS])
    lab.write(f"{CREDENTIALS}/{name}", text, 0o600)


def admit_service(lab):
    """Lets slapd know the directory worker's user, whose number systemd-sysusers has just chosen."""
    ids = lab.exec(["getent", "passwd", DIRECTORY_USER], check=False).stdout.split(":")
    if len(ids) < 4:
        return
    peer = f"gidNumber={ids[3]}+uidNumber={ids[2]},cn=peercred,cn=external,cn=auth"
    if lab.state.facts["cn_config"]:
        escaped = peer.replace("+", "\\+")
        lab.ldap_modify(
            "dn: cn=config\nchangetype: modify\nadd: olcAuthzRegexp\n"
            f'olcAuthzRegexp: "{escaped}" "{people.SERVICE_DN}"\n'
        )
        return
    # slapd.conf takes a backslash inside quotes away, hence two
    line = peer.replace("+", "\\\\+")
    text = lab.read(SLAPD_EXTRA)
    lab.write(SLAPD_EXTRA, f'{text}authz-regexp "{line}" "{people.SERVICE_DN}"\n')
    lab.restart("slapd")


def enable_pam(lab, pam):
    """Wires the module: by profiles, as pam-auth-update does it, or by hand."""
    folder = lab.path("/usr/share/pam-configs")
    if pam == PAM_PROFILES and not all((folder / name).exists() for name in pam):
        pam = PAM_BY_HAND
    if pam is PAM_BY_HAND:
        wire_by_hand(lab)
    elif pam:
        main = "sss" if lab.state.facts["profile"] == "sss" else "ldap"
        lab.exec(["lab-pam", main, "--enable", *pam])


def wire_by_hand(lab):
    """Puts each line before the first of its stack, and lets pam_unix use what was typed there."""
    for name, line in PAM_BY_HAND.items():
        for file in (name, f"{name}-sss"):
            text = lab.read(f"/etc/pam.d/{file}")
            kind = line.split("\t", maxsplit=1)[0]
            text = re.sub(rf"(?m)^{kind}\t", lambda found: f"{line}\n{found[0]}", text, count=1)
            if kind == "auth":
                text = text.replace("pam_unix.so nullok\n", "pam_unix.so nullok try_first_pass\n")
            lab.write(f"/etc/pam.d/{file}", text)


def installed_units(lab):
    """Those of UNITS that meson installed."""
    folders = ("/usr/lib/systemd/system", "/etc/systemd/system")
    return [unit for unit in UNITS if any((lab.path(folder) / unit).exists() for folder in folders)]


def start_proxy(lab):
    """nginx before the page, by the configuration that we ship."""
    found = sorted(PROXIES.glob("*nginx*"))
    if len(found) != 1:
        raise LabError(f"docs/proxy holds {len(found)} files for nginx, not one")
    text = found[0].read_text()
    for directive, value in PROXY_VALUES.items():
        text, count = re.subn(rf"(?m)^(\s*{directive}\s)[^;]+;", rf"\g<1>{value};", text)
        if not count:
            raise LabError(f"{found[0].name} has no {directive}")
    lab.exec(["usermod", "-a", "-G", PROXY_GROUP, "www-data"])
    lab.exec(["rm", "-f", "/etc/nginx/sites-enabled/default"])
    lab.write("/etc/nginx/sites-enabled/pwreset", text)
    lab.restart("nginx")
    lab.wait_port(HTTPS_PORT)
