#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security case 20: nothing leaves without the TLS and the AUTH that the configuration demands."""
import base64
import ssl
import subprocess
import time
import unittest

import base
import worker
from certificates import Authority
from relay import close, drip, flood, hang

USER, PASSWORD = "relay-user", "correct horse battery"


class Tls(base.Case):
    def good(self, names="DNS:localhost,IP:127.0.0.1", **how):
        return self.authority().context(names, **how)

    def refused(self, relay, step, words, host="127.0.0.1", password=None, mail=None):
        """Tries one mail: it fails at the step, in these words, and nothing of it leaves."""
        one = self.worker(relay, password, host=host, mail=mail)
        start = time.monotonic()
        answer = one.send()
        self.assertLess(time.monotonic() - start, base.TIMEOUT_S + base.LATE_S)
        self.assertEqual(answer["status"], "temporary", answer)
        self.assertTrue(answer["detail"].startswith(step + ": "), answer)
        self.assertIn(words, answer["detail"])
        self.assertEqual((relay.said("MAIL"), relay.messages, relay.refused), ([], [], []))
        self.assert_no_secret(answer["detail"])
        one.close()
        return answer["detail"]

    def test_starttls_by_name_with_sni(self):
        relay = self.relay(tls="starttls", context=self.good())
        one = self.worker(relay, host="localhost")
        self.assertEqual(one.send()["status"], "sent")
        self.assertEqual(one.send(identity="second")["status"], "sent")
        self.assertEqual((relay.names, relay.connections, relay.versions), (["localhost"], 1, ["TLSv1.3"]))
        self.assertTrue(all(tls for tls, line in relay.commands if line.startswith(("MAIL", "RCPT", "DATA"))))

    def test_starttls_by_address_without_sni(self):
        relay = self.relay(tls="starttls", context=self.good("IP:127.0.0.1"))
        self.assertEqual(self.worker(relay).send()["status"], "sent")
        self.assertEqual(relay.names, [None])

    def test_tls_from_the_start(self):
        relay = self.relay(tls="tls", context=self.good())
        one = self.worker(relay, host="localhost")
        self.assertEqual([one.send(identity=i)["status"] for i in "abc"], ["sent"] * 3)
        self.assertEqual((relay.connections, relay.names), (1, ["localhost"]))

    def test_tls_12_is_enough(self):
        relay = self.relay(tls="starttls", context=self.good(maximum=ssl.TLSVersion.TLSv1_2))
        self.assertEqual(self.worker(relay).send()["status"], "sent")
        self.assertEqual(relay.versions, ["TLSv1.2"])

    def test_20_tls_11_is_refused(self):
        relay = self.relay(tls="starttls", context=self.good(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1))
        self.refused(relay, "TLS", "handshake failed")

    def test_session_tickets_do_not_hang(self):
        # libesmtp 1.1.0 hung in 11 of 65 sessions.
        context = self.good(minimum=ssl.TLSVersion.TLSv1_3)
        context.num_tickets = 20
        relay = self.relay(tls="starttls", context=context)
        one = self.worker(relay)
        start = time.monotonic()
        for i in range(65):
            self.assertTrue(one.probe()["delivered"], i)
        self.assertEqual((relay.connections, len(relay.messages)), (65, 65))
        self.assertLess(time.monotonic() - start, 60)

    def test_20_starttls_stripped(self):
        relay = self.relay(tls="starttls", context=self.good(), EHLO=b"250-relay.example.com\r\n250 8BITMIME\r\n")
        self.refused(relay, "STARTTLS", "not offered")

    def test_20_starttls_in_other_words_is_not_offered(self):
        for words in (b"XSTARTTLS", b"STARTTLSX", b"X STARTTLS"):
            relay = self.relay(tls="starttls", context=self.good(), EHLO=b"250-STARTTLS\r\n250 " + words + b"\r\n")
            with self.subTest(words=words):
                self.refused(relay, "STARTTLS", "not offered")

    def test_20_starttls_refused(self):
        for reply in (b"454 4.7.0 not available\r\n", b"502 5.5.1 no\r\n", b"250 Ok\r\n"):
            with self.subTest(reply=reply):
                self.refused(self.relay(tls="starttls", context=self.good(), STARTTLS=reply), "STARTTLS", reply[:3].decode())

    def test_20_bytes_injected_behind_the_starttls_reply(self):
        def inject(extra):
            def act(session):
                session.write(b"220 go ahead\r\n" + extra)
                session.start_tls()
            return act
        for extra in (b"250-evil\r\n250 AUTH PLAIN\r\n", b"2", b"\0"):
            relay = self.relay(tls="starttls", context=self.good(), STARTTLS=inject(extra))
            with self.subTest(extra=extra):
                self.refused(relay, "STARTTLS", "in clear text where TLS has to begin")

    def test_20_bytes_injected_a_little_later(self):
        def act(session):
            session.sock.setblocking(True)
            session.sock.recv(5)  # the ClientHello is on its way
            session.write(b"250-evil\r\n250 AUTH PLAIN\r\n")
            session.sock.recv(4096)
            time.sleep(0.2)
        relay = self.relay(tls="starttls", context=self.good(), handshake=act)
        self.refused(relay, "TLS", "handshake failed")

    def test_20_certificates_that_are_not_believed(self):
        other = Authority(self.folder / "other", "Other CA")
        cases = {
            "wrong name": (self.good("DNS:elsewhere.example.com"), "the certificate is for elsewhere.example.com, not for localhost"),
            "longer name": (self.good("DNS:localhost.example.com"), "not for localhost"),
            "name with a NUL": (self.good("IP:127.0.0.1"), "is for 127.0.0.1, not for localhost"),
            "expired": (self.good(start="20200101000000Z", end="20201231235959Z"), "good until 2020-12-31 23:59 UTC"),
            "early": (self.good(start="20450101000000Z"), "not valid yet"),
            "unknown authority": (other.context("DNS:localhost"), "not trusted"),
            "for clients": (self.good("DNS:localhost", usage="clientAuth"), "not trusted"),
        }
        for name, (context, words) in cases.items():
            for tls in ("starttls", "tls"):
                with self.subTest(case=name, tls=tls):
                    self.refused(self.relay(tls=tls, context=context), "certificate", words, host="localhost")

    def test_20_address_must_be_in_the_certificate(self):
        self.refused(self.relay(tls="starttls", context=self.good("DNS:localhost,IP:127.0.0.2")), "certificate",
                     "not for 127.0.0.1")
        # What stands as a DNS name is no address.
        self.refused(self.relay(tls="starttls", context=self.good("DNS:127.0.0.1")), "certificate", "not for 127.0.0.1")

    def test_20_the_system_does_not_know_this_authority(self):
        relay = self.relay(tls="starttls", context=self.good())
        self.refused(relay, "certificate", "not trusted", host="localhost", mail={"tls-ca-file": ""})

    def test_clear_text_where_tls_should_be(self):
        relay = self.relay()
        self.refused(relay, "TLS", "handshake failed", mail={"tls": "tls", "tls-ca-file": str(self.authority().file)})

    def test_handshakes_that_do_not_end(self):
        def behind_hello(act):
            def later(session):
                session.sock.recv(5)
                act(session)
            return later

        def one(name):
            act = {"hang": hang, "drip": drip(b"\x16\x03\x03\x40\x00" + b"\0" * 500), "close": close,
                   "garbage": flood(b"\x16\x03\x03\x00\x01\x00" * 100)}[name]
            relay = self.relay(tls="starttls", context=self.good(), handshake=behind_hello(act))
            return self.refused(relay, "TLS", "")
        results = self.together(one, ["hang", "drip", "close", "garbage"])
        self.assertIn("no answer in time", results["hang"])
        self.assertIn("no answer in time", results["drip"])
        # Each record holds a HelloRequest, which OpenSSL drops and reads on, without ever coming back.
        self.assertIn("no answer in time", results["garbage"])

    def test_hang_at_each_step_under_tls(self):
        def one(step):
            relay = self.relay(tls="starttls", context=self.good(), **{step: hang})
            answer = self.worker(relay).send()
            return answer
        for step, answer in self.together(one, ["EHLO-TLS", "MAIL", "RCPT", "DATA", "message"]).items():
            with self.subTest(step=step):
                self.assertEqual((answer["status"], answer["detail"]), ("temporary", f"{step.split('-')[0]}: no answer in time"))

    def test_records_without_data_do_not_hold_the_worker(self):
        # As many tickets as OpenSSL sends, each a record that is no speech; then silence.
        context = self.good(minimum=ssl.TLSVersion.TLSv1_3)
        context.num_tickets = 255
        self.refused(self.relay(tls="tls", context=context, banner=hang), "banner", "no answer in time")

    def auth_relay(self, **how):
        return self.relay(tls="starttls", context=self.good(), users={USER: PASSWORD}, **how)

    def test_auth_by_each_way(self):
        for way in (b"PLAIN", b"LOGIN", b"XOAUTH2 LOGIN PLAIN", b"login"):
            relay = self.auth_relay(mechanisms=way)
            one = self.worker(relay, PASSWORD, mail={"user": USER})
            with self.subTest(way=way):
                self.assertEqual(one.send()["status"], "sent")
                self.assertEqual(one.send(identity="second")["status"], "sent")
                self.assertEqual((len(relay.said("AUTH")), relay.connections), (1, 1))

    def test_20_wrong_password_is_final(self):
        # libesmtp 1.1.0 goes on without: 40 of 40 mails went out.
        for way in (b"PLAIN", b"LOGIN", b"PLAIN LOGIN CRAM-MD5"):
            relay = self.auth_relay(mechanisms=way)
            with self.subTest(way=way):
                self.refused(relay, "AUTH", "535 5.7.8", password="wrong", mail={"user": USER})
                self.assertEqual(len(relay.said("AUTH")), 1, "no second way is tried")

    def test_20_auth_refused_for_other_reasons(self):
        for reply in (b"454 4.7.0 try later\r\n", b"504 5.5.4 no\r\n", b"500 what\r\n", b"538 5.7.11 encrypt\r\n", b"250 ok\r\n",
                      b"334 !!!\r\n", b"334-QQ==\r\n334 QQ==\r\n"):
            with self.subTest(reply=reply):
                self.refused(self.auth_relay(AUTH=reply), "AUTH", "", password=PASSWORD, mail={"user": USER})

    def test_20_auth_not_offered(self):
        self.refused(self.auth_relay(mechanisms=b"XOAUTH2 NTLM CRAM-MD5 EXTERNAL"), "AUTH", "no way of it", password=PASSWORD,
                     mail={"user": USER})

    def test_20_auth_offered_in_clear_text_only(self):
        relay = self.auth_relay(auth_in_clear=True, EHLO_TLS=b"250-relay.example.com\r\n250 8BITMIME\r\n")
        self.refused(relay, "AUTH", "no way of it", password=PASSWORD, mail={"user": USER})
        self.assertEqual(relay.said("AUTH"), [])

    def test_auth_challenges_without_end(self):
        def act(session):
            for _ in range(1000):
                session.write(b"334 QUFBQQ==\r\n")
                session.line()
        self.refused(self.auth_relay(AUTH=act), "libesmtp", "does not come to an end", password=PASSWORD, mail={"user": USER})

    def test_password_that_the_relay_repeats_is_not_told(self):
        def act(session):
            line = session.relay.commands[-1][1].encode()
            session.write(b"535 5.7.8 " + base64.b64encode(PASSWORD.encode()) + b" " + PASSWORD.encode() + b" " + line + b"\r\n")
        relay = self.auth_relay(AUTH=act)
        detail = self.refused(relay, "AUTH", "535 5.7.8", password=PASSWORD, mail={"user": USER})
        self.assertEqual(detail, "AUTH: 535 5.7.8")
        steps = self.worker(relay, PASSWORD, mail={"user": USER}).probe()["steps"]
        self.assertNotIn(base64.b64encode(b"\0" + USER.encode() + b"\0" + PASSWORD.encode()).decode()[:20], str(steps))
        self.assertNotIn("horse", str(steps))

    def start_refused(self, words, password=None, **mail):
        root = self.root(None, mail=mail)
        one = worker.Worker(root, password)
        one.process.wait(timeout=20)
        self.assertEqual(one.process.returncode, 1)
        self.assertIn(words, one.close())

    def test_20_configurations_that_would_send_secrets_in_clear_text(self):
        self.start_refused("user= would be sent in clear", PASSWORD, user=USER)
        self.start_refused("pwreset.conf:", relay="mail.example.com:25")
        self.start_refused("smtp-password", None, user=USER, tls="starttls")
        self.start_refused("smtp-password", "x" * 256, user=USER, tls="starttls")
        self.start_refused("tls-ca-file", None, tls="starttls", **{"tls-ca-file": "/nonexistent.pem"})

    def test_password_is_in_no_command_line_or_environment(self):
        relay = self.auth_relay()
        one = self.worker(relay, PASSWORD, mail={"user": USER})
        one.send()
        for pid in (one.process.pid, *one.children()):
            for name in ("cmdline", "environ"):
                shown = subprocess.run(["cat", f"/proc/{pid}/{name}"], capture_output=True, check=True).stdout
                self.assertNotIn(PASSWORD.encode(), shown)


if __name__ == "__main__":
    unittest.main()
