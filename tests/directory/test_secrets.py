# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must be found nowhere (cases 6, 27, 44), and a random source that fails (case 5)."""

import os
import pathlib
import subprocess
import tempfile

from case import BETTER, GOOD, PPOLICY, DirectoryCase, main
from slapd import DECOY, password_of
from worker import Failure, Gone, b64, sanitizer, ticket_of

# The real one for the first calls, which libsodium makes to see whether there is one; then none.
STUB = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>
ssize_t getrandom(void *buf, size_t len, unsigned flags)
{
	static ssize_t (*real)(void *, size_t, unsigned);

	if (!real)
		real = (ssize_t (*)(void *, size_t, unsigned))dlsym(RTLD_NEXT, "getrandom");
	if (access(FLAG, F_OK) == 0) {
		errno = EIO;
		return -1;
	}
	return real(buf, len, flags);
}
"""


class Secrets(DirectoryCase):
    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY}
    people_count = 20

    def test_nothing_live_in_directory_or_log(self):
        name = self.take()
        link = ticket_of(self.worker.mint("link", name))
        mail = self.worker.mint("code", name)["mail"]["values"]
        code, revoke = mail["code"], mail["revoke"].rsplit("/", 1)[1]
        grant = self.verify(name, code)["grant"]
        codes = self.worker.call("Account.EnrollCodes", {"user": name, "current": b64(password_of(name))})["codes"]
        self.worker.call("Admin.SetPin", {"user": name, "pin": "918273"}, roles=["owner"], uid=9, via="ctl")
        stored = self.slapd.client("ldapsearch", "-LLL", "-b", "dc=example,dc=com", "*", "+").stdout
        # The public half of a ticket is its selector and id: the rest is what opens.
        secrets = [link[-40:], grant[-40:], revoke[-40:], code, code.replace("-", ""), code[2:4] + code[5:], *codes,
                   *(saved.replace("-", "") for saved in codes), "918273"]
        for secret in secrets:
            self.assertNotIn(secret, stored)
        self.fails("PasswordRefused", self.worker.set_password, grant, "password", via="pam")
        self.fails("Refused", self.verify, name, "AAAA-AAAA")
        self.fails("WrongPassword", self.worker.call, "Password.Verify", {"user": name, "password": b64("wrong secret 17")})
        self.fails("WrongPassword", self.worker.call, "Password.Verify", {"user": "typed my password here", "password": b64("x")})
        self.worker.set_password(grant, GOOD, via="pam")
        self.fails("LinkDead", self.worker.set_password, link, BETTER)
        log = self.worker.stderr()
        for secret in (*secrets, GOOD, BETTER, "wrong secret 17", "typed my password", b64(GOOD), password_of(name)):
            self.assertNotIn(secret, log)
        stored = self.slapd.client("ldapsearch", "-LLL", "-b", "dc=example,dc=com", "*", "+").stdout
        self.assertNotIn(GOOD, stored)

    def test_no_core_and_no_debugger(self):
        status = pathlib.Path(f"/proc/{self.worker.process.pid}/limits").read_text()
        self.worker.call("Password.GetPolicy")
        status = pathlib.Path(f"/proc/{self.worker.process.pid}/limits").read_text()
        core = next(line for line in status.splitlines() if line.startswith("Max core file size"))
        self.assertEqual(core.split()[4:6], ["0", "0"])

    def test_case_5_random_source_fails(self):
        if sanitizer():
            self.skipTest("the sanitizer's runtime answers getrandom itself: run with an ordinary build")
        with tempfile.TemporaryDirectory() as folder:
            flag = os.path.join(folder, "flag")
            source = os.path.join(folder, "stub.c")
            pathlib.Path(source).write_text(STUB)
            subprocess.run(["gcc", "-shared", "-fPIC", f'-DFLAG="{flag}"', "-o", f"{folder}/stub.so", source], check=True)
            for kind in ("link", "code"):
                name = self.take()
                worker = self.new_worker(LD_PRELOAD=f"{folder}/stub.so")
                worker.call("Password.GetPolicy")
                pathlib.Path(flag).touch()
                try:
                    with self.assertRaises((Gone, ConnectionResetError)):
                        worker.mint(kind, name)
                finally:
                    os.unlink(flag)
                self.assertEqual(self.slapd.tokens(name), [], "nothing was issued")
                self.assertIn("mail", self.worker.mint(kind, name))

    def test_limits_of_a_reply_and_of_a_call(self):
        """Sixty-four KiB a message: a call that is longer ends the connection, and a new worker serves on."""
        with self.assertRaises((Gone, ConnectionResetError, BrokenPipeError)):
            self.worker.call("Recovery.InspectLink", {"link": "A" * 70000})
        other = self.new_worker()
        for bad in ({"link": "x", "more": 1}, {}, {"link": 5}, {"link": None}):
            self.fails("InvalidParameter", other.call, "Recovery.InspectLink", bad)
        for caller in ({"now": 0}, {"now": -5}, {"deadline": 0}, {"operation": "short"}, {"operation": "!" * 22},
                       {"roles": "root"}, {"uid": "0"}, {"via": None}):
            self.fails("InvalidParameter", other.call, "Recovery.InspectLink", {"link": "x"}, **caller)
        self.fails("MethodNotFound", other.call, "Recovery.NoSuchThing", {})

    def test_mint_is_the_brokers_alone(self):
        name = self.take()
        for via in ("pam", "web", "ctl", "relay", ""):
            with self.assertRaises(Failure) as caught:
                self.worker.call("Directory.Mint", {"request": {
                    "id": "A" * 22, "kind": "link", "user": name, "roles": [], "created": 1795294264, "expires": 2795294264,
                    "attempt": 1}}, via=via)
            self.assertEqual(caught.exception.error, "PermissionDenied", via)


class Start(DirectoryCase):
    """What is missing or wrong is named with its place and the remedy, and nothing is served (case 42)."""

    people_count = 1

    def refused(self, site, *words):
        done = site.check()
        self.assertNotEqual(done.returncode, 0)
        for word in words:
            self.assertIn(word, done.stderr)
        with self.assertRaises((Gone, ConnectionResetError, BrokenPipeError)):
            self.new_worker(site).call("Password.GetPolicy")

    def test_pepper(self):
        site = self.another_site()
        path = site.root / "credentials/pepper"
        path.unlink()
        self.refused(site, "pepper", "pwresetctl pepper")
        path.write_text("k1:AAAA\n")
        path.chmod(0o600)
        self.refused(site, "pepper:1:", "32 bytes in base64")

    def test_lists(self):
        for name in ("blocklist.filter", "blocklist.words"):
            site = self.another_site()
            path = site.root / "usr/share/pwreset" / name
            path.unlink()
            self.refused(site, name, "install")
            path.write_bytes(b"no list" * 100)
            self.refused(site, name, "not a list of pwreset")

    def test_ldap_password(self):
        self.refused(self.another_site(bind="simple", bind_dn="cn=x"), "ldap-password", "0600")

    def test_configuration(self):
        self.refused(self.another_site(hash="md5"), "hash=")
        site = self.another_site()
        (site.root / "etc/pwreset/pwreset.conf").chmod(0o666)
        self.refused(site, "pwreset.conf", "chmod")


if __name__ == "__main__":
    main()
