#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page in the lab: real daemon, directory, mailboxes and units; nginx with the configuration that we ship, then own
TLS."""
import html
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import CODE, LINK, ORIGIN, LabCase, people  # noqa: E402  pylint: disable=wrong-import-position

NEW = "quilt anvil 7 tram lemon"
SAVED = re.compile(r"<li>([A-Z0-9-]{12,})</li>")
DONE = "Your password has been changed"


def old(user):
    return people.password(user)


class Page(LabCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.start_proxy()

    def post(self, path, title, status=200, **fields):
        found, body = self.page(path, fields, ("Accept-Language: en",))
        self.assertEqual((status, title), (found, html.unescape(re.search(r"<h1>(.*?)</h1>", body).group(1))), body)
        return body

    def mailed(self, mailbox, pattern, group=0, count=1):
        body = self.body(self.lab.wait_mail(mailbox, count, timeout=30)[count - 1])
        match = pattern.search(body)
        self.assertTrue(match, body)
        return match.group(group)

    def grant(self, body):
        return re.search(r'name="grant" value="([^"]+)"', body).group(1)

    def test_code_instead_of_a_link(self):
        self.post("/", "Type your code", user="alice", kind="code")
        code = self.mailed("alice", CODE)
        self.post("/code", "Type your code", 422, user="alice", code="AAAA-BBBB")
        self.post("/code", "Type your code", 422, user="bob", code=code)
        grant = self.grant(self.post("/code", "Set a new password", user="alice", code=code.lower().replace("-", " ")))
        body = self.post("/new", "Set a new password", 422, user="alice", grant=grant, password="alice123", again="alice123")
        self.assertNotIn("alice123", body)
        self.post("/new", DONE, user="alice", grant=grant, password=NEW, again=NEW)
        self.assert_password("alice", NEW, [old("alice")])
        self.post("/new", "Type your code", 410, user="alice", grant=grant, password=NEW + "x", again=NEW + "x")
        self.assert_password("alice", NEW)

    def test_link_revoked_by_its_owner(self):
        self.post("/", "Look in your mailbox", user="bob@example.com")
        ticket = self.mailed("bob", LINK, 1)
        self.assertEqual(200, self.page("/revoke/" + ticket)[0])
        self.assertEqual(200, self.page("/r/" + ticket)[0], "a GET of /revoke/ revokes nothing")
        self.post("/revoke/" + ticket, "The link has been cancelled")
        status, body = self.page("/r/" + ticket)
        self.assertIn(status, (404, 410))
        self.assertIn("Ask for a new link", body)
        self.assertEqual(status, self.page("/r/" + ticket, {"password": NEW, "again": NEW})[0])
        self.assert_password("bob", old("bob"), [NEW])

    def test_used_link_says_so(self):
        ticket = self.ask_link_on_page("carol")
        self.post("/r/" + ticket, "Set a new password", 422, password="carol-carol", again="carol-carol")
        self.post("/r/" + ticket, DONE, user="carol", password=NEW, again=NEW)
        for _ in range(2):
            status, body = self.page("/r/" + ticket)
            self.assertIn(status, (404, 410))
            self.assertIn("Ask for a new link", body)
        self.assert_password("carol", NEW, [old("carol")])

    def ask_link_on_page(self, user):
        before = len(self.lab.mails(user))
        self.post("/", "Look in your mailbox", user=user)
        return self.mailed(user, LINK, 1, before + 1)

    def test_user_name(self):
        self.post("/username", "Look in your mailbox", address="frank@example.com")
        self.assertIn("frank", self.mailed("frank", re.compile("(?s).*")))
        self.post("/username", "Look in your mailbox", address="nobody@example.com")

    def test_change(self):
        proof = {"user": "grace", "password": NEW, "again": NEW}
        self.post("/change", "Change your password", 422, current="wrong", **proof)
        self.post("/change", "Change your password", 422, current=old("grace"), user="grace", password="grace1", again="grace1")
        self.assert_password("grace", old("grace"), [NEW])
        self.post("/change", DONE, current=old("grace"), **proof)
        self.assert_password("grace", NEW, [old("grace")])
        unknown = self.post("/change", "Change your password", 422, current="wrong", **dict(proof, user="nosuchperson"))
        self.assertIn("do not belong together", unknown)

    def test_saved_codes(self):
        proof = {"user": "heidi", "current": old("heidi")}
        body = self.post("/setup", "What is set up", **proof)
        self.assertIn("h***", body)
        self.assertNotIn("heidi@", body)
        self.post("/setup/codes", "Recovery codes", 422, user="heidi", current="wrong")
        codes = SAVED.findall(self.post("/setup/codes", "Your recovery codes", **proof))
        self.assertEqual(10, len(set(codes)))
        self.assertIn("10 left", self.post("/setup", "What is set up", **proof))
        grant = self.grant(self.post("/code", "Set a new password", user="heidi", code=codes[3].lower()))
        self.post("/new", DONE, user="heidi", grant=grant, password=NEW, again=NEW)
        self.assert_password("heidi", NEW, [old("heidi")])
        self.post("/code", "Type your code", 422, user="heidi", code=codes[3])

    def test_questions(self):
        status, body = self.page("/setup/questions", headers=("Accept-Language: fr",))
        self.assertEqual(200, status)
        self.assertIn('lang="fr"', body)
        ids = [i for i in re.findall(r'<option value="([^"]+)"', body)]
        first = list(dict.fromkeys(ids))[:3]
        self.assertEqual(3, len(first))
        fields = {"user": "ivan", "current": old("ivan")}
        for i, (question, answer) in enumerate(zip(first, ("a blue heron", "Lindenweg in spring", "burnt pancakes")), 1):
            fields |= {f"question{i}": question, f"answer{i}": answer}
        body = self.post("/setup/questions", "Secret questions", 422, **dict(fields, answer2="ivan"))
        self.assertIn('id="answer2-wrong"', body)
        self.post("/setup/questions", "Your questions are saved", **fields)
        self.assertIn("3 set up", self.post("/setup", "What is set up", user="ivan", current=old("ivan")))

    def test_recovery_address(self):
        proof = {"user": "judy", "current": old("judy")}
        self.post("/setup/mail", "Confirm the address", address="judy@example.org", **proof)
        code = self.mailed("elsewhere", CODE)
        self.post("/setup/confirm", "Confirm the address", 422, user="judy", address="judy@example.org", code="AAAA-BBBB")
        self.post("/setup/confirm", "The address is confirmed", user="judy", address="judy@example.org", code=code)
        self.assertIn("counts after a day", self.post("/setup", "What is set up", **proof))

    def test_case_13_mails_carry_the_configured_origin(self):
        for i, headers in enumerate((("Host: evil.example",), ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"))):
            user = ("rupert", "mallory")[i]
            self.page("/", {"user": user}, headers)
            body = self.body(self.lab.wait_mail(user, 1, timeout=30)[0])
            self.assertNotIn("evil", body)
            self.assertIn(ORIGIN + "/r/", body)

    def test_case_14_twenty_looks(self):
        ticket = self.ask_link_on_page("niaj")
        for _ in range(20):
            self.assertEqual(200, self.page("/r/" + ticket)[0])
        self.post("/r/" + ticket, DONE, password=NEW, again=NEW)

    def test_no_link_in_any_log(self):
        ticket = self.ask_link_on_page("peggy")
        self.page("/r/" + ticket)
        self.post("/r/" + ticket, DONE, password=NEW, again=NEW)
        found = self.lab.exec(["grep", "-rlF", "--", ticket[30:], "/var/log", "/run/log", "/var/lib/pwreset", "/tmp", "/var/tmp"],
                              check=False).stdout
        self.assertEqual("", found)
        self.assertNotIn(ticket[30:], self.lab.journal_text())
        self.assertNotIn(NEW, self.lab.journal_text())


class OwnTls(LabCase):
    """ListenStream=443 and certificate files, in the real units."""

    TLS = "/etc/pwreset/tls"
    SETTINGS = {"web": {"behind-proxy": "no", "certificate": f"{TLS}/fullchain.pem", "certificate-key": f"{TLS}/key.pem"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab = cls.lab
        lab.exec(["sh", "-c", f"mkdir -p {cls.TLS} && cd {cls.TLS} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
                  "-nodes -days 2 -subj /CN=one -addext subjectAltName=DNS:reset.example.com -keyout key.pem -out fullchain.pem "
                  "&& chgrp pwreset-web key.pem && chmod 0640 key.pem && chmod 0644 fullchain.pem"])
        lab.exec(["mkdir", "-p", "/etc/systemd/system/pwreset-http.socket.d"])
        lab.write("/etc/systemd/system/pwreset-http.socket.d/tls.conf", "[Socket]\nListenStream=\nListenStream=443\n")
        lab.exec(["systemctl", "daemon-reload"])
        lab.exec(["systemctl", "stop", "pwreset-web.service"])
        lab.restart("pwreset-http.socket")

    def curl(self, *words):
        done = self.lab.net_exec(["curl", "--silent", "--show-error", "--max-time", "30", "--cacert",
                                  str(self.lab.path(f"{self.TLS}/fullchain.pem")), *words], check=False)
        return done.stdout

    def test_link_by_own_tls_and_a_renewed_certificate(self):
        self.assertIn(DONE.split()[-1], self.curl("-H", "Accept-Language: en", "--data-urlencode", f"current={old('oscar')}",
                                                  "--data-urlencode", f"password={NEW}", "--data-urlencode", f"again={NEW}",
                                                  "--data", "user=oscar", ORIGIN + "/change"))
        self.assert_password("oscar", NEW, [old("oscar")])
        log = self.lab.journal_text("pwreset-web.service")
        self.lab.exec(["sh", "-c", f"cd {self.TLS} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                       "-subj /CN=two -addext subjectAltName=DNS:reset.example.com -keyout key.new -out fullchain.pem && "
                       "chgrp pwreset-web key.new && chmod 0640 key.new && mv key.new key.pem"])
        self.lab.exec(["systemctl", "kill", "--signal=HUP", "pwreset-web.service"])
        self.assertIn("Forgot your password", self.curl("-H", "Accept-Language: en", "--retry", "5", "--retry-all-errors", ORIGIN + "/"), log)
        self.assertIn("read anew", self.lab.journal_text("pwreset-web.service"))


if __name__ == "__main__":
    unittest.main()
