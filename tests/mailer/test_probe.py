#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `pwresetctl test-mail` tells: each step, what was refused, the remedy; never a secret."""
import socket
import ssl
import unittest

import base
from certificates import Authority
from relay import close, hang, say

USER, PASSWORD = "relay-user", "correct horse battery"


class Probe(base.Case):
    def steps(self, one):
        """The names of the steps that went well, and the one that did not (or None)."""
        answer = one.probe()
        steps = answer["steps"]
        failed = [s for s in steps if not s["ok"]]
        self.assertEqual(answer["delivered"], not failed, steps)
        self.assertLessEqual(len(failed), 1)
        for step in steps:
            self.assertEqual(step["remedy"] is None, step["ok"], step)
            self.assertTrue(step["text"])
            self.assertNotIn("horse", step["text"])
        if failed:
            self.assertIs(failed[0], steps[-1], "nothing comes behind what failed")
        return [s["step"] for s in steps if s["ok"]], failed[0] if failed else None

    def test_all_steps_in_clear_text(self):
        relay = self.relay()
        self.assertEqual(self.steps(self.worker(relay)),
                         (["resolve", "connect", "banner", "EHLO", "MAIL", "RCPT", "DATA", "message"], None))
        self.assertEqual(relay.farewells, 1)

    def test_all_steps_with_starttls_and_auth(self):
        relay = self.relay(tls="starttls", context=self.authority().context("DNS:localhost"), users={USER: PASSWORD})
        one = self.worker(relay, PASSWORD, host="localhost", mail={"user": USER})
        self.assertEqual(self.steps(one), (["resolve", "connect", "banner", "EHLO", "STARTTLS", "TLS", "certificate", "EHLO", "AUTH",
                                            "MAIL", "RCPT", "DATA", "message"], None))
        text = {s["step"]: s["text"] for s in one.probe()["steps"]}
        self.assertEqual(text["certificate"], "issued for localhost, good until 2049-12-31 00:00 UTC")
        self.assertRegex(text["TLS"], r"TLSv1\.3 \S+")
        self.assertEqual(text["AUTH"], "235 2.7.0")

    def test_all_steps_with_tls_from_the_start(self):
        relay = self.relay(tls="tls", context=self.authority().context("DNS:localhost"))
        self.assertEqual(self.steps(self.worker(relay, host="localhost"))[0][:6],
                         ["resolve", "connect", "TLS", "certificate", "banner", "EHLO"])

    def test_a_session_that_is_open_does_not_hide_the_first_steps(self):
        relay = self.relay()
        one = self.worker(relay)
        one.send()
        self.assertEqual(self.steps(one)[0][:3], ["resolve", "connect", "banner"])
        self.assertEqual(relay.connections, 2)

    def check(self, one, step, text, remedy):
        good, failed = self.steps(one)
        self.assertIsNotNone(failed, good)
        self.assertEqual(failed["step"], step, failed)
        self.assertIn(text, failed["text"])
        self.assertIn(remedy, failed["remedy"])

    def test_each_refusal_has_its_remedy(self):
        cases = {
            "banner": (say(b"554 5.7.1 no service\r\n"), "554 5.7.1", "its own log"),
            "EHLO": (say(b"501 5.5.4 bad name\r\n"), "501 5.5.4", "helo-name="),
            "MAIL": (say(b"553 5.7.1 not yours\r\n"), "553 5.7.1", "from="),
            "RCPT": (say(b"550 5.1.1 unknown\r\n"), "550 5.1.1", "does not take mail for this address"),
            "DATA": (say(b"554 5.5.1 no\r\n"), "554 5.5.1", "refused the message"),
            "message": (say(b"552 5.3.4 too big\r\n"), "552 5.3.4", "filter"),
        }
        for step, (act, text, remedy) in cases.items():
            with self.subTest(step=step):
                self.check(self.worker(self.relay(**{step: act})), step, text, remedy)
        self.check(self.worker(self.relay(RCPT=b"450 4.2.0 greylisted\r\n")), "RCPT", "450", "greylisting")
        self.check(self.worker(self.relay(MAIL=b"452 4.3.1 full\r\n")), "MAIL", "452", "later")
        self.check(self.worker(self.relay(banner=close)), "banner", "ended", "ended")
        self.check(self.worker(self.relay(banner=b"SSH-2.0-OpenSSH_9.2\r\n")), "banner", "not SMTP", "port 465")

    def test_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.check(self.worker(mail={"relay": f"127.0.0.1:{port}"}), "connect", "refused", "start the mail server")
        self.check(self.worker(mail={"relay": "nonexistent.invalid:25", "tls": "starttls"}), "resolve", "nonexistent.invalid",
                   "relay=")
        self.check(self.worker(self.relay(banner=hang)), "banner", "no answer in time", "timeout=")

    def test_tls_and_auth(self):
        def starttls(context, host="localhost", password=None, mail=None, **how):
            return self.worker(self.relay(tls="starttls", context=context, **how), password, host=host, mail=mail)
        good = self.authority().context("DNS:localhost")
        other = Authority(self.folder / "other", "Other CA").context("DNS:localhost")
        expired = self.authority().context("DNS:localhost", end="20201231235959Z")
        early = self.authority().context("DNS:localhost", start="20450101000000Z")
        old = self.authority().context("DNS:localhost", minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1)
        self.check(starttls(good, EHLO=b"250 relay\r\n"), "STARTTLS", "not offered", "tls=tls")
        self.check(starttls(good, host="127.0.0.1"), "certificate", "for localhost, not for 127.0.0.1", "relay=")
        self.check(starttls(expired), "certificate", "expired", "Renew")
        self.check(starttls(early), "certificate", "not valid yet", "clock")
        self.check(starttls(other), "certificate", "not trusted", "tls-ca-file=")
        self.check(starttls(old), "TLS", "handshake failed", "TLS 1.2")
        users = {"users": {USER: PASSWORD}, "mail": {"user": USER}}
        self.check(starttls(good, password="wrong", **users), "AUTH", "535 5.7.8", "smtp-password")
        self.check(starttls(good, password=PASSWORD, mechanisms=b"NTLM", **users), "AUTH", "offered", "587")
        self.check(starttls(good, password=PASSWORD, AUTH=b"454 4.7.0 later\r\n", **users), "AUTH", "454 4.7.0", "at present")

    def test_address_that_needs_smtputf8(self):
        one = self.worker(self.relay())
        answer = one.probe("jörg@example.com")
        self.assertEqual((answer["delivered"], answer["steps"][-1]["step"]), (False, "MAIL"))
        self.assertIn("smtputf8_enable", answer["steps"][-1]["remedy"])


if __name__ == "__main__":
    unittest.main()
