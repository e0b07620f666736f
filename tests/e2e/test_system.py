#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an administrator of the system does with pwresetctl: the doctor and what it mends, reminders by the timer, audit."""
import json
import os
import re
import stat
import time
import unittest

from harness import LabCase, eventually, people, pexpect

OURS = ("/etc/pwreset", "/etc/pwreset/pwreset.conf", "/etc/pwreset/pwreset.conf.d/site.conf", "/etc/pwreset/credentials",
        "/etc/pwreset/credentials/pepper", "/etc/pwreset/credentials/smtp-password", "/run/pwreset", "/run/pwreset/pam",
        "/var/lib/pwreset")
UNITS = ("pwreset-spool.path", "pwreset-mailer.socket", "pwreset-web.socket", "pwreset-pam.socket")


class System(LabCase):
    LAB = {"name": f"system-{os.getpid()}", "profile": "ldap"}
    CANARY = f"uid=user0900,{people.PEOPLE}"
    SETTINGS = {**LabCase.SETTINGS, "directory": {"decoy-dn": CANARY}}

    def findings(self, *words, status=0):
        done = self.ctl("root", "doctor", "--json=short", *words, status=status)
        return json.loads(done.stdout)

    def codes(self, findings, severity="error"):
        return sorted({finding["what"] for finding in findings["findings"] if finding["severity"] == severity})

    def state(self):
        """Owner and mode of what is ours, and what is on of the units."""
        found = {}
        for name in OURS:
            try:
                seen = os.lstat(self.lab.path(name))
                found[name] = (seen.st_uid, seen.st_gid, oct(stat.S_IMODE(seen.st_mode)))
            except FileNotFoundError:
                found[name] = None
        for unit in UNITS:
            found[unit] = tuple(self.lab.exec(["systemctl", word, unit], check=False).stdout.strip() for word in ("is-active", "is-enabled"))
        return found

    # ---- reminders

    def reminders(self):
        """One run of what the timer starts: how many it says it reminded."""
        unit = "pwreset-remind-expiry.service"
        self.lab.exec(["systemctl", "start", unit])
        self.assertEqual("success", self.lab.exec(["systemctl", "show", "-P", "Result", unit]).stdout.strip())
        said = [re.fullmatch(r"People reminded: (\d+)\.", entry["MESSAGE"]) for entry in self.lab.journal(unit)]
        return int([found for found in said if found][-1][1])

    def expire(self, user, days):
        """The password ends in so many days."""
        self.lab.replace(user, shadowLastChange=str(int(time.time() // 86400) - 90 + days), shadowMax="90")

    def test_reminders_go_out_once_for_each_expiry(self):
        timer = "pwreset-remind-expiry.timer"
        self.assertEqual("disabled\n", self.lab.exec(["systemctl", "is-enabled", timer], check=False).stdout)
        due = [f"user{number:04}" for number in range(201, 206)]
        for user in due:
            self.expire(user, 10)
        self.expire("user0206", 30)
        self.expire("user0207", -3)
        self.assertEqual(5, self.reminders())
        for user in due:
            mail = self.lab.wait_mail(user, 1, timeout=30)[0]
            self.assertIn({"en": "expires in", "de": "gilt noch", "es": "caduca", "fr": "expire"}[mail["Content-Language"]], mail["Subject"])
        self.assertEqual(0, self.reminders(), "the same day again")
        self.expire("user0201", 12)
        self.assertEqual(1, self.reminders(), "another expiry")
        self.lab.wait_mail("user0201", 2, timeout=30)
        self.assertEqual([2, 1, 1, 1, 1, 0, 0], [len(self.lab.mails(user)) for user in (*due, "user0206", "user0207")])
        self.lab.exec(["systemctl", "enable", "--now", timer])
        soon = self.lab.exec(["systemctl", "show", "-P", "NextElapseUSecRealtime", timer]).stdout.strip()
        self.assertTrue(soon and soon != "n/a", "it is waiting for its time")

    def test_reminders_wait_for_a_directory_that_is_down(self):
        unit = "pwreset-remind-expiry.service"
        self.lab.restart("pwresetd")
        self.lab.exec(["systemctl", "stop", "slapd"])
        try:
            self.lab.exec(["systemctl", "start", "--no-block", unit])
            state = eventually(lambda: self.lab.exec(["systemctl", "show", "-P", "SubState", unit]).stdout.strip() == "auto-restart", 60)
            self.assertTrue(state, "tried again later")
        finally:
            self.lab.exec(["systemctl", "start", "slapd"])
            self.lab.exec(["systemctl", "stop", unit])
            self.lab.restart("nslcd")
        self.assertTrue(eventually(lambda: not self.lab.exec(["getent", "passwd", "alice"], check=False).returncode, 30))

    # ---- audit

    def audit(self, *words, by="root"):
        done = self.ctl(by, "audit", "--json=short", *words)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_audit_tells_who_did_what_for_whom(self):
        start = time.strftime("%Y-%m-%d %H:%M:%S")
        self.ctl("helen", "show", "bob")
        self.ctl("ada", "unlock", "bob")
        self.ctl("helen", "show", "carol")
        self.ctl("mallory", "show", "bob", status=3)
        self.ctl("ada", "find", "(uid=bob)")
        self.assertIn(("Admin.Find", "ok"), [(entry["what"], entry["result"]) for entry in self.audit("--by=ada", f"--since={start}")])
        for_bob = self.audit("--user=bob", f"--since={start}")
        self.assertEqual([("helen", "Admin.Show", "bob", "ok"), ("ada", "Admin.Unlock", "bob", "ok")],
                         [(entry["who"], entry["what"], entry["user"], entry["result"]) for entry in for_bob])
        self.assertLessEqual({"bob", "carol"}, {entry["user"] for entry in self.audit("--by=helen", f"--since={start}")})
        self.assertEqual(["ada"], [entry["who"] for entry in self.audit("--user=bob", "--by=ada", f"--since={start}")])
        self.assertEqual([], self.audit("--user=bob", "--until=-1h"))
        self.assertEqual(["Admin.Unlock"], [entry["what"] for entry in self.audit("--user=bob", "-n", "1", "--until=now")])
        self.assertEqual(["Admin.Unlock"], [entry["what"] for entry in self.audit("--user=bob", "-n", "1")])
        denied = self.audit("--by=mallory", f"--since={start}")
        self.assertEqual([("Admin.Show", "org.varlink.service.PermissionDenied")], [(entry["what"], entry["result"]) for entry in denied])
        self.ctl("root", "audit", "--since=whenever", status=2)
        # The journal shows people their own part alone, and who writes there is not thereby the daemon.
        self.assertEqual([], self.audit("--user=bob", by="alice"))
        self.lab.exec(["logger", "--journald"], input="MESSAGE=x\nPWRESET_EVENT=call\nPWRESET_METHOD=forged\nPWRESET_USER=bob\n", user="alice")
        self.lab.exec(["journalctl", "--sync"])
        self.assertNotIn("forged", [entry.get("what") for entry in self.audit("--user=bob")])

    def test_audit_follows(self):
        child = self.lab.spawn(["env", "LC_ALL=C.UTF-8", "pwresetctl", "audit", "--follow", "--user=erin"], columns=160)
        self.ctl("ada", "revoke", "erin")
        child.expect(r"  ada +Admin\.Revoke +erin +ok +ctl\r\n", timeout=30)
        self.ctl("helen", "show", "dave")
        self.ctl("helen", "show", "erin")
        child.expect(r"  helen +Admin\.Show +erin +ok +ctl\r\n", timeout=30)
        self.assertNotIn("dave", child.seen.getvalue())
        child.sendcontrol("c")
        child.expect(pexpect.EOF)

    # ---- languages

    def test_people_are_spoken_to_in_their_language(self):
        said = {"en": ("For oneself:", "It is too easy to guess.", "You are not permitted"),
                "de": ("Für einen selbst:", "Es ist zu leicht zu erraten.", "Das dürfen Sie nicht."),
                "es": ("Para uno mismo:", "Es demasiado fácil de adivinar.", "No le está permitido."),
                "fr": ("Pour soi-même :", "Il est trop facile à deviner.", "Cela ne vous est pas permis.")}
        found = {}
        for language, (title, weak, denied) in said.items():
            env = ("LC_ALL=C.UTF-8", f"LANGUAGE={language}")
            self.assertIn(title + "\n", self.ctl("alice", "--help", env=env).stdout)
            self.assertIn(weak, self.ctl("alice", "check-password", "--stdin", status=3, secret="letmein1\n", env=env).stdout)
            self.assertIn(denied, self.ctl("alice", "show", "bob", status=3, env=env).stderr)
            # Programs read this, whatever the locale.
            found[language] = (self.ctl("root", "doctor", "--json=short", env=env).stdout,
                               self.ctl("alice", "status", "--json=short", env=env).stdout,
                               self.ctl("alice", "check-password", "--batch", secret="letmein1\n", env=env).stdout)
        self.assertEqual(1, len(set(found.values())), found)
        shown = self.ctl("alice", "enroll", "codes", "--stdin", secret=people.password("alice") + "\n", env=("LC_ALL=C.UTF-8", "LANGUAGE=fr"))
        self.assertIn("Codes de secours, chacun sert une fois.", shown.stdout)
        # Without such a locale, as it stands in the sources.
        self.assertIn("For oneself:\n", self.ctl("alice", "--help", env=("LC_ALL=C", "LANGUAGE=de")).stdout)

    # ---- the doctor

    def test_1_a_healthy_host_has_nothing_to_mend(self):
        found = self.findings("--fix")
        self.assertEqual(([], []), (self.codes(found), found["fixes"]))
        self.assertIn("nslcd-search", self.codes(found, "notice"))
        self.lab.write("/etc/nslcd.conf", self.lab.read("/etc/nslcd.conf") + "pam_authc_search NONE\n", 0o640)
        self.assertNotIn("nslcd-search", self.codes(self.findings(), "notice"))

    def break_things(self):
        self.lab.exec(["sh", "-ec", """
            cd /etc/pwreset
            mkdir -p pwreset.conf.d; echo '[policy]' >pwreset.conf.d/site.conf
            chmod 0777 . ; chmod 0666 pwreset.conf; chmod 0600 pwreset.conf.d/site.conf
            chmod 0755 credentials; chmod 0644 credentials/pepper
            echo something >credentials/smtp-password; chmod 0644 credentials/smtp-password; chown alice credentials/smtp-password
            chmod 0775 /run/pwreset; chmod 0666 /run/pwreset/pam; chmod 0755 /var/lib/pwreset; chown root /var/lib/pwreset
            systemctl disable --now -q pwreset-spool.path
            systemctl disable -q pwreset-mailer.socket
            systemctl disable --now -q pwreset-web.socket
            systemctl stop pwreset-pam.socket
        """])

    def test_2_fix_mends_what_is_ours_and_can_be_undone(self):
        healthy = self.state()
        # A broker that starts would mend some of it by itself.
        self.varlink("ctl").call("org.pwreset.Password.GetPolicy")
        self.break_things()
        broken = self.state()
        found = self.findings(status=1)
        self.assertLessEqual({"configuration", "credential", "folder", "socket"}, set(self.codes(found)))
        # Nothing is changed by saying what would be.
        dry = self.ctl("root", "doctor", "--fix", "--dry-run", status=1).stdout
        self.assertIn("would mend: chown 0:0 '/etc/pwreset/credentials/pepper' && chmod 0600 '/etc/pwreset/credentials/pepper'\n", dry)
        self.assertEqual(broken, self.state())
        self.ctl("alice", "doctor", "--fix", status=3)
        self.assertEqual(broken, self.state())
        # What somebody else wrote is not made root's by a tool.
        said = self.ctl("root", "doctor", "--fix", status=1).stdout
        self.assertIn("mended: systemctl enable --now pwreset-spool.path\n", said)
        self.assertIn("mended: systemctl enable pwreset-pam.socket && systemctl restart pwresetd.service\n", said)
        self.assertNotIn("pwreset-web.socket\n", said.partition("\n\n")[0], "who runs without the page may do so")
        self.assertRegex(said, r"(?m)^ERROR: A credential can be read by others.*\n +seen: \S+smtp-password: uid \d+, mode 0644\n +mend: chown root")
        script = re.search(r"(?m)^To undo it: sh (\S+)$", said).group(1)
        self.lab.exec(["rm", "/etc/pwreset/credentials/smtp-password"])
        found = self.findings()
        self.assertEqual([], self.codes(found))
        self.assertEqual([], self.codes(found, "warning"))
        mended = self.state()
        for name, value in healthy.items():
            if name not in ("/etc/pwreset/pwreset.conf.d/site.conf", "pwreset-web.socket"):
                self.assertEqual(value, mended[name], name)
        self.assertEqual((0, 0, "0o644"), mended["/etc/pwreset/pwreset.conf.d/site.conf"])
        self.lab.exec(["sh", "-e", script])
        undone = self.state()
        for name in broken:
            if name not in ("/etc/pwreset/credentials/smtp-password", "pwreset-web.socket"):
                self.assertEqual(broken[name], undone[name], name)
        self.findings("--fix")

    def test_3_fix_follows_no_link_and_unmasks_nothing(self):
        self.lab.exec(["sh", "-ec", """
            echo keep >/etc/precious; chmod 0666 /etc/precious
            ln -s /etc/precious /etc/pwreset/credentials/ldap-password
            ln /etc/precious /etc/pwreset/credentials/smtp-password
            systemctl disable --now -q pwreset-spool.path; systemctl mask -q pwreset-spool.path
        """])
        try:
            said = self.ctl("root", "doctor", "--fix", status=1).stdout
            self.assertIn("NOT mended: ", said)
            self.assertNotIn("pwreset-spool.path\n", said.partition("\n\n")[0])
            self.assertEqual("0o666", oct(stat.S_IMODE(os.lstat(self.lab.path("/etc/precious")).st_mode)))
        finally:
            self.lab.exec(["sh", "-ec", """
                rm /etc/pwreset/credentials/ldap-password /etc/pwreset/credentials/smtp-password
                systemctl unmask -q pwreset-spool.path
            """])
        self.findings("--fix")

    def test_canary_and_mail_are_tried_for_real(self):
        before = self.lab.ldap_person("user0900", "userPassword")["userPassword"]
        found = self.findings("--canary", "--test-mail=ivan@example.com", "--all")
        told = {finding["what"]: finding for finding in found["findings"]}
        self.assertEqual(("ok", self.CANARY), (told["canary"]["severity"], told["canary"]["evidence"]))
        self.assertNotEqual(before, self.lab.ldap_person("user0900", "userPassword")["userPassword"])
        self.assertEqual(("ok", "ivan@example.com"), (told["mail"]["severity"], told["mail"]["evidence"]))
        self.assertTrue(self.lab.wait_mail("ivan", 1, timeout=30))
        found = self.findings("--test-mail=nobody-at-all@example.com", status=1)
        self.assertEqual(["mail"], self.codes(found))
        conf = self.lab.read("/etc/pwreset/pwreset.conf")
        self.lab.write("/etc/pwreset/pwreset.conf", conf.replace("decoy-dn=", "#decoy-dn="))
        self.lab.restart("pwresetd")
        self.assertEqual([], self.codes(self.findings()))
        self.assertEqual(["canary"], self.codes(self.findings("--canary", status=1)))
        self.lab.write("/etc/pwreset/pwreset.conf", conf)
        self.lab.restart("pwresetd")

    def test_doctor_tells_of_a_dead_directory(self):
        self.lab.exec(["systemctl", "stop", "slapd"])
        try:
            self.assertIn("directory-unreachable", self.codes(self.findings(status=1)))
        finally:
            self.lab.exec(["systemctl", "start", "slapd"])
            self.lab.restart("nslcd")
            self.assertTrue(eventually(lambda: not self.lab.exec(["getent", "passwd", "alice"], check=False).returncode, 30))


if __name__ == "__main__":
    unittest.main(verbosity=2)
