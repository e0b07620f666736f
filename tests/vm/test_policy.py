#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may what under the SELinux module, asked of the whole policy: Debian's with ours linked in. No machine is needed.

The rules are expanded to types, so that an attribute which lets somebody in by another way is seen too.
"""
import bz2
import functools
import pathlib
import subprocess
import tempfile
import unittest

import setools

TOP = pathlib.Path(__file__).resolve().parents[2]
STORE = pathlib.Path("/var/lib/selinux/default/active/modules/100")
PP_TO_CIL = "/usr/libexec/selinux/hll/pp"
HEADERS = "/usr/share/selinux/devel/Makefile"
POLICY_VERSION = "33"

BROKER, DIRECTORY, MAILER, WEB = "pwresetd_t", "pwreset_directory_t", "pwreset_mailer_t", "pwreset_web_t"
CTL, RELAY, FLEET = "pwresetctl_t", "pwreset_relay_t", "pwreset_fleet_t"
DOMAINS = (BROKER, DIRECTORY, MAILER, WEB, CTL, RELAY, FLEET)
# Domains that authenticate people or change passwords and that Debian's policy does not count to pam_domain.
OTHER_PAM = {
    "passwd_t", "chfn_t", "sysadm_passwd_t", "newrole_t", "run_init_t", "policykit_auth_t", "xscreensaver_t",
    "user_su_t", "staff_su_t", "sysadm_su_t", "auditadm_su_t", "secadm_su_t",
}
# It may write any file that is no secret, and ask the broker as an administrator.
ADMINISTRATOR = "sysadm_t"
NETWORK = {"tcp_socket", "udp_socket", "rawip_socket", "packet_socket", "sctp_socket", "dccp_socket", "icmp_socket",
           "netlink_route_socket", "netlink_socket", "tun_socket"}
# What a socket that somebody else made can be used for.
PASSED = {"accept", "append", "getattr", "getopt", "ioctl", "read", "setopt", "shutdown", "write", "recvfrom"}
WEB_TLS = "pwreset_web_tls"


def build_module(scratch):
    """The module, from the sources, by the policy's headers."""
    sources = [TOP / "selinux" / f"pwreset.{kind}" for kind in ("te", "if", "fc")]
    subprocess.run([TOP / "selinux/build-module", HEADERS, scratch / "module", scratch / "pwreset.pp", *sources],
                   check=True, capture_output=True, text=True)
    return scratch / "pwreset.pp"


def link_policy(scratch, module):
    """The binary policy of all of Debian's modules and ours; (policy, file contexts)."""
    pieces = []
    for folder in sorted(STORE.iterdir()):
        packed = folder / "cil"
        if packed.exists():  # the others are disabled
            piece = scratch / f"{folder.name}.cil"
            data = packed.read_bytes()
            piece.write_bytes(bz2.decompress(data) if data.startswith(b"BZh") else data)
            pieces.append(piece)
    ours = scratch / "pwreset.cil"
    with open(ours, "wb") as cil:
        subprocess.run([PP_TO_CIL, module], stdout=cil, check=True)
    policy, contexts = scratch / "policy", scratch / "file_contexts"
    subprocess.run(["secilc", "-c", POLICY_VERSION, "-M", "1", "-m", "-o", policy, "-f", contexts, *pieces, ours],
                   check=True)
    return policy, contexts


class PolicyCase(unittest.TestCase):
    """One policy for all tests."""

    policy = contexts = None

    @classmethod
    def setUpClass(cls):
        if PolicyCase.policy is not None:
            return
        with tempfile.TemporaryDirectory(prefix="pwreset-policy-") as name:
            scratch = pathlib.Path(name)
            policy, contexts = link_policy(scratch, build_module(scratch))
            PolicyCase.policy = setools.SELinuxPolicy(str(policy))
            PolicyCase.contexts = contexts.read_text()

    # ---- the rules, expanded

    @classmethod
    def attribute(cls, name):
        return {str(kind) for kind in cls.policy.lookup_typeattr(name).expand()}

    @classmethod
    def in_force(cls, rule, switched_on):
        """Whether the rule holds with the booleans as they come, but for those switched on."""
        try:
            condition, block = rule.conditional, rule.conditional_block
        except setools.exception.RuleNotConditional:
            return True
        states = {str(name): str(name) in switched_on or name.state for name in condition.booleans}
        return condition.evaluate(**states) == block

    @classmethod
    @functools.cache
    def allowed(cls, *switched_on):
        """{(class, target): {permission: {sources}}} of the allow rules that touch a type of ours."""
        found = {}
        for rule in cls.policy.terules():
            if rule.ruletype != setools.TERuletype.allow or not cls.in_force(rule, switched_on):
                continue
            sources = {str(kind) for kind in rule.source.expand()}
            targets = {str(kind) for kind in rule.target.expand()}
            if not any(kind.startswith("pwreset") for kind in sources | targets):
                continue
            mine = {kind for kind in sources if kind.startswith("pwreset")}
            for target in targets:
                who = sources if target.startswith("pwreset") else mine
                row = found.setdefault((str(rule.tclass), target), {})
                for permission in rule.perms if who else ():
                    row.setdefault(permission, set()).update(who)
        return found

    def who(self, target, tclass, permission):
        return set(self.allowed().get((tclass, target), {}).get(permission, ()))

    def targets(self, source, tclass, permission, *switched_on):
        """What source may do that to."""
        return {target for (kind, target), row in self.allowed(*switched_on).items()
                if kind == tclass and source in row.get(permission, ())}

    def permissions(self, source, tclass, target, *switched_on):
        """What source may do to target."""
        row = self.allowed(*switched_on).get((tclass, target), {})
        return {permission for permission, sources in row.items() if source in sources}

    @property
    def boundless(self):
        """Who is unconfined by design: nothing of ours could change that."""
        return self.attribute("unconfined_domain_type") | self.attribute("files_unconfined_type")

    def connecting(self, door, listener):
        """Who needs both and has both: writing to the door's file, and connecting to who listens."""
        both = self.who(door, "sock_file", "write") & self.who(listener, "unix_stream_socket", "connectto")
        return both - self.boundless


class Doors(PolicyCase):
    """Who may connect to which socket; the sets are whole, so nobody else may."""

    def assert_connecting(self, door, listener, expected):
        self.assertEqual(expected - self.boundless, self.connecting(door, listener))

    def test_pam(self):
        pam = self.attribute("pam_domain") | OTHER_PAM
        for domain in ("sshd_t", "local_login_t", "crond_t", "xdm_t", "user_sudo_t", "cockpit_session_t"):
            self.assertIn(domain, pam)
        self.assert_connecting("pwreset_pam_door_t", BROKER, pam | {ADMINISTRATOR})

    def test_pam_on_a_host_of_the_fleet(self):
        self.assert_connecting("pwreset_pam_door_t", FLEET, self.attribute("pam_domain") | OTHER_PAM)
        self.assertIn("init_t", self.who(FLEET, "unix_stream_socket", "listen"))
        for door in ("ctl", "relay", "web", "directory", "mailer"):
            self.assertNotIn(FLEET, self.who(f"pwreset_{door}_door_t", "sock_file", "write"), door)

    def test_ctl(self):
        self.assert_connecting("pwreset_ctl_door_t", BROKER, {CTL, ADMINISTRATOR})

    def test_web(self):
        self.assert_connecting("pwreset_web_door_t", BROKER, {WEB, ADMINISTRATOR})

    def test_relay(self):
        self.assert_connecting("pwreset_relay_door_t", BROKER, {RELAY, ADMINISTRATOR})

    def test_workers(self):
        self.assert_connecting("pwreset_directory_door_t", DIRECTORY, {BROKER})
        self.assert_connecting("pwreset_mailer_door_t", MAILER, {BROKER})

    def test_http(self):
        self.assert_connecting("pwreset_http_door_t", WEB, {"httpd_t"})

    def test_systemd_makes_the_doors(self):
        for door in ("pam", "web", "ctl", "relay", "directory", "mailer", "http"):
            self.assertIn("init_t", self.who(f"pwreset_{door}_door_t", "sock_file", "create"))
        for listener in (BROKER, DIRECTORY, MAILER, WEB):
            self.assertIn("init_t", self.who(listener, "unix_stream_socket", "listen"))

    def test_labels(self):
        for door in ("pam", "web", "ctl", "relay", "directory", "mailer", "http"):
            self.assertRegex(self.contexts, rf"(?m)^/run/pwreset/{door}\s+-s\s+system_u:object_r:pwreset_{door}_door_t:s0$")


class Secrets(PolicyCase):
    """Credentials and state."""

    def general(self, tclass, permission):
        """Who may do that to every file there is (backup, integrity checks), whatever its type: as to shadow's."""
        attribute = self.policy.lookup_typeattr("file_type")
        found = set()
        for rule in self.policy.terules():
            if (rule.ruletype == setools.TERuletype.allow and str(rule.tclass) == tclass and rule.target == attribute
                    and permission in rule.perms and self.in_force(rule, ())):
                found |= {str(kind) for kind in rule.source.expand()}
        return found

    def test_readers_of_credentials(self):
        readers = self.who("pwreset_credentials_t", "file", "read")
        self.assertIn("init_t", readers)
        self.assertEqual({ADMINISTRATOR}, readers - self.boundless - self.general("file", "read") - {"init_t"})

    def test_writers_of_credentials(self):
        writers = self.who("pwreset_credentials_t", "file", "write") - self.boundless
        self.assertEqual({ADMINISTRATOR, "systemd_tmpfiles_t"}, writers - self.general("file", "write"))

    def test_our_own_do_not_open_the_file(self):
        """systemd reads it and passes it on."""
        for domain in DOMAINS:
            self.assertEqual(set(), self.permissions(domain, "file", "pwreset_credentials_t"), domain)

    def test_state_is_the_broker_s(self):
        for domain in DOMAINS:
            writes = "write" in self.permissions(domain, "file", "pwreset_var_lib_t")
            reads = "read" in self.permissions(domain, "file", "pwreset_var_lib_t")
            self.assertEqual((domain == BROKER,) * 2, (writes, reads), domain)

    def test_sshd_reads_the_fleet_s_keys_and_the_host_s_own_is_a_secret(self):
        self.assertIn("read", self.permissions("sshd_t", "file", "pwreset_conf_t"))
        self.assertIn("search", self.permissions("sshd_t", "dir", "pwreset_conf_t"))
        self.assertRegex(self.contexts, r"(?m)^/etc/pwreset/fleet\\?\.key\s+--\s+system_u:object_r:pwreset_credentials_t:s0$")

    def test_nobody_writes_the_settings(self):
        for domain in DOMAINS:
            self.assertNotIn("write", self.permissions(domain, "file", "pwreset_conf_t"), domain)

    def test_nobody_reads_what_is_not_theirs(self):
        for domain in DOMAINS:
            for secret in ("shadow_t", "sshd_key_t", "slapd_db_t", "slapd_keytab_t", "tls_privkey_t"):
                self.assertEqual(set(), self.permissions(domain, "file", secret) & {"read", "write", "open"},
                                 f"{domain} {secret}")


class Network(PolicyCase):
    """Who speaks to whom over the network."""

    def test_none_at_all(self):
        for domain in (BROKER, CTL, RELAY):
            for tclass in NETWORK:
                self.assertEqual(set(), {target for target in self.targets(domain, tclass, "create")}, domain)
                self.assertEqual(set(), {target for target in self.targets(domain, tclass, "connect")}, domain)

    def test_ports(self):
        # The mailer's own library connects to the mailer, on a port of the loopback that the kernel picks.
        for domain, ports in ((DIRECTORY, {"ldap_port_t"}), (MAILER, {"smtp_port_t", "unreserved_port_t"}), (FLEET, {"ssh_port_t"})):
            self.assertEqual(ports | {"dns_port_t"}, self.targets(domain, "tcp_socket", "name_connect"), domain)
            self.assertEqual(set(), self.targets(domain, "tcp_socket", "name_bind"), domain)

    def test_page_uses_what_it_is_passed(self):
        for switched_on in ((), (WEB_TLS,)):
            own = self.permissions(WEB, "tcp_socket", WEB, *switched_on)
            self.assertEqual(set(), own - PASSED)
            self.assertIn("accept", own)
            for tclass in NETWORK:
                self.assertEqual(set(), self.targets(WEB, tclass, "create", *switched_on))
            self.assertEqual(set(), self.targets(WEB, "tcp_socket", "name_connect", *switched_on))

    def test_page_s_own_tls_is_a_switch(self):
        self.assertNotIn("read", self.permissions(WEB, "file", "tls_privkey_t"))
        self.assertIn("read", self.permissions(WEB, "file", "tls_privkey_t", WEB_TLS))
        self.assertIn("http_port_t", self.targets(WEB, "tcp_socket", "name_bind", WEB_TLS))
        self.assertEqual(set(), self.targets(WEB, "tcp_socket", "name_bind"))

    def test_directory_by_its_socket(self):
        self.assertIn("slapd_t", self.targets(DIRECTORY, "unix_stream_socket", "connectto"))
        for domain in (BROKER, MAILER, WEB, CTL, RELAY, FLEET):
            self.assertNotIn("slapd_t", self.targets(domain, "unix_stream_socket", "connectto"), domain)


class Confined(PolicyCase):
    """What a domain that was taken over could do beyond its work."""

    def test_no_capabilities(self):
        for domain in DOMAINS:
            for tclass in ("capability", "capability2", "cap_userns", "cap2_userns"):
                row = self.allowed().get((tclass, domain), {})
                self.assertEqual(set(), {name for name, who in row.items() if domain in who}, f"{domain} {tclass}")

    def test_no_other_program(self):
        """Only the relay account's shell starts anything, and that is pwresetctl; a host of the fleet has ssh."""
        for domain in (BROKER, DIRECTORY, MAILER, WEB, CTL):
            started = self.targets(domain, "file", "execute_no_trans")
            self.assertEqual(set(), started - {"ld_so_t", "lib_t"}, domain)
            self.assertEqual(set(), self.targets(domain, "process", "transition"), domain)
        self.assertEqual(set(), self.targets(RELAY, "process", "transition"))
        self.assertEqual(set(), self.targets(FLEET, "process", "transition"))
        self.assertEqual({"shell_exec_t", "ssh_exec_t"},
                         self.targets(FLEET, "file", "execute_no_trans") - {"ld_so_t", "lib_t", "bin_t"})

    def test_nothing_is_made_executable(self):
        for domain in DOMAINS:
            for permission in ("execmem", "execstack", "execheap", "ptrace", "setcurrent", "setexec"):
                self.assertEqual(set(), self.targets(domain, "process", permission), f"{domain} {permission}")

    def test_entered_by_own_program_alone(self):
        for domain, program in ((BROKER, "pwresetd_exec_t"), (DIRECTORY, "pwreset_directory_exec_t"),
                                (MAILER, "pwreset_mailer_exec_t"), (WEB, "pwreset_web_exec_t"),
                                (CTL, "pwresetctl_exec_t"), (RELAY, "shell_exec_t"), (FLEET, "pwreset_fleet_exec_t")):
            self.assertEqual({program}, self.targets(domain, "file", "entrypoint"), domain)

    def test_started_by(self):
        starters = {domain: self.who(domain, "process", "transition") - self.boundless for domain in DOMAINS}
        for domain in (BROKER, DIRECTORY, MAILER, WEB, FLEET):
            self.assertEqual({"init_t", "initrc_t"} - self.boundless, starters[domain], domain)
        self.assertEqual({"init_t", "initrc_t", "user_t", "staff_t"} - self.boundless, starters[CTL])
        self.assertEqual({"sshd_t"} - self.boundless, starters[RELAY])

    def test_an_unrelated_domain_has_no_business(self):
        """One for many: nslcd answers look-ups, runs as root beside us, and gets nowhere."""
        for (tclass, target), row in self.allowed().items():
            if target.startswith("pwreset") and tclass in ("unix_stream_socket", "sock_file"):
                for permission in ("connectto", "write", "read", "open"):
                    self.assertNotIn("nslcd_t", row.get(permission, ()), f"{target} {tclass}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
