#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What leaves: form, addresses, sessions, languages; security cases 18 and 19."""
import email
import email.header
import email.policy
import email.utils
import html.parser
import os
import pathlib
import re
import subprocess
import time
import unittest

import base
import worker
from relay import hang, say, say_and_close

KINDS = ("link", "code", "username", "changed", "mail-changed", "mail-confirm", "enrolled", "temporary", "expiry", "test")
LANGUAGES = ("en", "es", "de", "fr")
HERE = pathlib.Path(__file__).resolve().parent

try:
    import html5lib
except ImportError:
    html5lib = None


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.loaded, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "href":
                self.found.append(value)
            elif name in ("src", "srcset", "background"):
                self.loaded.append(value)

    def handle_data(self, data):
        self.text.append(data)


class Delivery(base.Case):
    def parse(self, raw):
        """Header, text and HTML of a message that both parsers find without a fault."""
        self.assertNotRegex(raw, rb"[^\r]\n|\r[^\n]")
        head = raw.split(b"\r\n\r\n", 1)[0]
        self.assertLessEqual(max(map(len, raw.split(b"\r\n"))), 998)
        for line in head.split(b"\r\n"):
            self.assertLessEqual(len(line), 78, line)
        message = email.message_from_bytes(raw, policy=email.policy.default)
        parts = list(message.iter_parts())
        self.assertEqual([p.get_content_type() for p in parts], ["text/plain", "text/html"])
        for piece in (message, *parts):
            self.assertEqual(piece.defects, [])
            for name, value in piece.items():
                self.assertEqual(value.defects, (), (name, value))
        second = subprocess.run(["perl", HERE / "mime.pl"], input=raw, check=True, capture_output=True).stdout.decode()
        facts = second.splitlines()
        self.assertNotIn("complaint", second)
        self.assertEqual(facts[:2], ["type multipart/alternative", f"subject {message['Subject']}"])
        text, markup = (p.get_payload(decode=True).decode("utf-8") for p in parts)
        self.assertEqual(facts[2:], [f"part text/plain {len(text)}", f"part text/html {len(markup)}"])
        return message, text.replace("\r\n", "\n"), markup.replace("\r\n", "\n")

    def test_every_kind_in_every_language(self):
        relay = self.relay()
        one = self.worker(relay)
        for language in LANGUAGES:
            for kind in KINDS:
                with self.subTest(language=language, kind=kind):
                    self.assertEqual(one.send(template=kind, language=language, identity=f"{kind}-{language}")["status"], "sent")
                    message, text, markup = self.parse(relay.messages[-1][2])
                    self.check_headers(message, kind, language)
                    self.check_text(kind, text, markup)
                    self.check_markup(markup, language)

    def check_headers(self, message, kind, language):
        self.assertEqual(message["Content-Language"], language)
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        self.assertEqual(message["X-Auto-Response-Suppress"], "All")
        self.assertEqual(message["From"], "Example Help <help@example.com>")
        self.assertEqual(message["To"], "alice@example.com")
        self.assertEqual(message["Message-ID"], f"<{kind}-{language}.0@example.com>")
        self.assertLess(abs(message["Date"].datetime.timestamp() - time.time()), 60)
        self.assertIn("Example", message["Subject"])
        self.assertNotIn(worker.SECRET_CODE, message["Subject"])

    def check_text(self, kind, text, markup):
        values = worker.example_values(kind)
        links = Links()
        links.feed(markup)
        shown = re.sub(r"\s+", " ", "".join(links.text))
        self.assertNotRegex(text + markup, r"\{\{|\}\}|\n\n\n")
        self.assertLessEqual(max(len(line) for line in text.split("\n") if "http" not in line), 72)
        for name in ("user", "link", "code", "password", "address", "host", "requester", "mail"):
            if name in values:
                with self.subTest(value=name):
                    self.assertIn(values[name], text)
                    self.assertIn(values[name], shown if name != "link" else links.found)
        if "revoke" in values:
            self.assertIn(values["revoke"], text)
            self.assertIn(values["revoke"], links.found)
        self.assertIn("help@example.com", text)
        self.assertIn("help@example.com", shown)
        if kind != "test":
            self.assertIn("2026", text)
            self.assertIn("(UTC+01:00)", text)
        self.assertEqual(links.loaded, [], "nothing is loaded from elsewhere")
        self.assertNotIn("url(", markup)

    def check_markup(self, markup, language):
        self.assertIn(f'<html lang="{language}" dir="ltr">', markup)
        self.assertIn("prefers-color-scheme: dark", markup)
        self.assertLess(len(markup), 8192)
        self.assertIsNotNone(html5lib, "python3-html5lib is needed")
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(markup)
        self.assertEqual(parser.errors, [])

    def test_absent_values_leave_no_holes(self):
        relay = self.relay()
        one = self.worker(relay, web={"contact": "", "site-name": ""})
        needed = {"link": ("user", "link", "minutes", "time"), "code": ("user", "code", "minutes", "time"),
                  "mail-confirm": ("user", "code", "minutes", "time"), "expiry": ("user", "minutes"), "test": ()}
        for language in LANGUAGES:
            for kind in KINDS:
                values = worker.example_values(kind)
                only = {name: values[name] for name in needed.get(kind, ("user", "time"))}
                one.call("org.pwreset.Mailer.Send", {"mail": {"id": "a", "template": kind, "language": language,
                                                              "to": ["alice@example.com"], "values": only}})
                message, text, markup = self.parse(relay.messages[-1][2])
                with self.subTest(language=language, kind=kind):
                    self.assertIn("reset.example.com", message["Subject"])
                    self.assertNotRegex(text, r"\{\{|\n\n\n| [,.]|\(\)")
                    self.assertNotRegex(re.sub(r"(?s)<style>.*</style>", "", markup), r"\{\{| [,.]|\(\)|></bdi>|\"\"|<li></li>")

    def test_18_only_the_stored_address_byte_for_byte(self):
        addresses = ["Mike@Example.COM", "mıke@example.com", "mike@exampſe.com", "Kelvin@example.com", "jörg@example.com",
                     "user@bücher.example", "user@xn--bcher-kva.example", "a+b=c!#$%&'*/?^_`{|}~-@example.com",
                     "x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".ex"]
        relay = self.relay(extensions=[b"SMTPUTF8"])
        one = self.worker(relay)
        for address in addresses:
            with self.subTest(address=address):
                self.assertEqual(one.send(to=address)["status"], "sent")
                sender, recipient, raw = relay.messages[-1]
                self.assertEqual(recipient, f"RCPT TO:<{address}>")
                self.assertEqual("SMTPUTF8" in sender, not address.isascii())
                self.assertIn(f"\r\nTo: <{address}>\r\n".encode(), raw)
                self.assertEqual(raw.count(b"\r\nTo:"), 1)

    def test_18_beyond_ascii_only_where_the_relay_can(self):
        relay = self.relay()
        one = self.worker(relay)
        answer = one.send(to="jörg@example.com")
        self.assertEqual(answer["status"], "permanent")
        self.assertIn("SMTPUTF8", answer["detail"])
        self.assertEqual(one.send(identity="second")["status"], "sent")
        self.assertEqual((relay.connections, len(relay.messages), len(relay.said("MAIL"))), (1, 1, 1))

    def test_19_addresses_that_are_none(self):
        relay = self.relay()
        one = self.worker(relay)
        for address in ("a@b\r\nRCPT TO:<evil@example.com>", "a@b>\nBcc: evil@example.com", "a b@example.com", "<a@example.com>",
                        "a@example.com,b@example.com", '"a b"@example.com', "@example.com", "a@", "", "a@b@c", "a..b@example.com",
                        "a@example.com\u2028", "x" * 300 + "@example.com", "a@example.com> SIZE=1", "a\u202e@example.com"):
            with self.subTest(address=address):
                answer = one.send(to=address)
                self.assertEqual(answer["status"], "permanent", answer)
        self.assertEqual((relay.commands, relay.messages), ([], []))

    def test_19_values_that_would_break_the_message(self):
        relay = self.relay()
        one = self.worker(relay)
        for bad in ("a\r\nBcc: evil@example.com", "a\nb", "a\rb", "\x1b[2J", "a\u2028b", "a\u202eb", "x" * 1100, "\x7f"):
            for name in ("name", "user", "host", "requester"):
                with self.subTest(value=bad[:20], name=name), self.assertRaises(worker.VarlinkError) as raised:
                    one.send(values={name: bad})
                self.assertEqual(raised.exception.args, ("org.varlink.service.InvalidParameter", {"parameter": name}))
        for bad in ("javascript:alert(1)", "//example.com/x", "https://", "https:///x", "data:text/html,x", "https://a/\" onclick=\"x",
                    "https://a/<script>", "https://a/ b", "HTTPS://a/b", "https://a/" + "x" * 1100, "https://ü/"):
            with self.subTest(link=bad[:30]), self.assertRaises(worker.VarlinkError):
                one.send(values={"link": bad})
        for name, bad in (("minutes", "-1"), ("minutes", "1e3"), ("time", ""), ("time", "0"), ("minutes", "0"), ("time", "9" * 16), ("minutes", " 5"),
                          ("questions", "no"), ("when", "now"), ("body", "x"), ("nonsense", "x")):
            with self.subTest(name=name, value=bad), self.assertRaises(worker.VarlinkError):
                one.send(template="enrolled" if name == "questions" else "link", values={name: bad})
        self.assertEqual(relay.messages, [])

    def test_19_values_that_look_dangerous_stay_text(self):
        relay = self.relay()
        one = self.worker(relay, web={"site-name": 'A "B" <c@d.example>, =?utf-8?q?=0D=0ABcc:_x?= & sons'})
        nasty = ["=?utf-8?q?=0D=0ABcc:=20evil@example.com?=", ".", "..", "<script>alert(1)</script>", "\" onmouseover=\"x",
                 "' or 1", "{{link}}", "{{#user}}", "%s%n", "x" * 500, "&amp;", "Ω" * 250, "a: b", "-->", "]]>"]
        for name in nasty:
            self.assertEqual(one.send(values={"name": name, "user": name, "host": name})["status"], "sent")
            message, text, markup = self.parse(relay.messages[-1][2])
            with self.subTest(name=name[:30]):
                self.assertEqual(len(message.keys()), 10)
                self.assertIsNone(message["Bcc"])
                self.assertIn(name, text.replace("\n", " ") if " " in name else text)
                links = Links()
                links.feed(markup)
                self.assertIn(name, "".join(links.text))
                self.assertNotIn("<script", markup)
                self.assertEqual(len(re.findall("onmouseover", markup)), markup.count("&quot; onmouseover=&quot;x"))
                self.assertIn('A "B" <c@d.example>, =?utf-8?q?=0D=0ABcc:_x?= & sons', message["Subject"])
        self.assertEqual(len(relay.messages), len(nasty))

    def test_19_names_in_from(self):
        for name in ("Plain Name", "Exämple Hilfe", "Help, Example (IT)", 'The "Desk"', "=?utf-8?q?x?=", "Ω" * 60, "a" * 100):
            relay = self.relay()
            one = self.worker(relay, mail={"from": f"{name} <help@example.com>"})
            with self.subTest(name=name):
                self.assertEqual(one.send()["status"], "sent")
                message, _, _ = self.parse(relay.messages[-1][2])
                # Python's address parser puts a blank between two encoded words; its header decoder knows better.
                raw = email.message_from_bytes(relay.messages[-1][2])["From"]
                shown = str(email.header.make_header(email.header.decode_header(raw)))
                self.assertEqual(email.utils.parseaddr(shown)[0] if '"' in shown else shown.rpartition(" <")[0], name)
                self.assertEqual(message["From"].addresses[0].addr_spec, "help@example.com")

    def test_one_session_carries_many_messages(self):
        relay = self.relay()
        one = self.worker(relay)
        start = time.monotonic()
        for i in range(150):
            self.assertEqual(one.send(identity=f"r{i}")["status"], "sent")
        # A hundred in the first, the rest in the second; with Nagle's rule each would take 42 ms more.
        self.assertEqual((relay.connections, len(relay.messages), relay.farewells), (2, 150, 1))
        self.assertEqual(len({raw for _, _, raw in relay.messages}), 150)
        self.assertLess(time.monotonic() - start, 150 * 0.04)
        one.close()
        self.assertTrue(worker.wait_for(lambda: relay.farewells == 2))

    def test_case_6_what_knows_the_message_ends_when_nothing_follows(self):
        relay = self.relay()
        one = self.worker(relay)
        for i in range(2):
            self.assertEqual(one.send(identity=f"r{i}")["status"], "sent")
            self.assertEqual(len(one.children()), 1, "one session for what follows at once")
            self.assertTrue(worker.wait_for(lambda: not one.children()), "libesmtp's process")
            self.assertEqual(relay.farewells, i + 1)
        self.assertEqual((relay.connections, len(relay.messages)), (2, 2))

    def test_session_that_the_relay_ended_is_replaced(self):
        for goodbye in (say_and_close(b"421 4.4.2 idle too long\r\n"), say_and_close(b"")):
            relay = self.relay(MAIL=[None, goodbye])
            one = self.worker(relay)
            self.assertEqual(one.send()["status"], "sent")
            self.assertEqual(one.send(identity="second")["status"], "sent")
            self.assertEqual((relay.connections, len(relay.messages)), (2, 2))

    def test_text_once_handed_over_is_not_sent_again(self):
        relay = self.relay(message=[None, say_and_close(b"")])
        one = self.worker(relay)
        self.assertEqual(one.send()["status"], "sent")
        self.assertEqual(one.send(identity="second")["status"], "temporary")
        self.assertEqual((relay.connections, len(relay.messages), len(relay.refused)), (1, 1, 1))
        self.assertEqual(len(relay.said("DATA")), 2)

    def test_message_id_is_the_same_in_a_retry(self):
        relay = self.relay(message=[say(b"451 4.3.0 later\r\n")])
        one = self.worker(relay)
        self.assertEqual(one.send(identity="abcDEF_-0123456789xyz")["status"], "temporary")
        self.assertEqual(one.send(identity="abcDEF_-0123456789xyz", values={"link": "https://reset.example.com/r/new"})["status"],
                         "sent")
        ids = [email.message_from_bytes(raw)["Message-ID"] for _, _, raw in relay.refused + relay.messages]
        self.assertEqual(ids, ["<abcDEF_-0123456789xyz.0@example.com>"] * 2)

    def test_several_addresses(self):
        relay = self.relay(RCPT=[None, say(b"550 5.1.1 unknown\r\n")])
        one = self.worker(relay)
        answer = one.send(to=["a@example.com", "b@example.com", "c@example.com"])
        self.assertEqual(answer["status"], "sent")
        self.assertIn("b***@e***.com: RCPT: 550 5.1.1 unknown", answer["detail"])
        self.assertEqual([r for _, r, _ in relay.messages], ["RCPT TO:<a@example.com>", "RCPT TO:<c@example.com>"])
        messages = [email.message_from_bytes(raw) for _, _, raw in relay.messages]
        self.assertEqual([m["To"] for m in messages], ["<a@example.com>", "<c@example.com>"])
        self.assertEqual(len({m["Message-ID"] for m in messages}), 2)
        relay.acts["RCPT"] = [None, say(b"451 4.7.1 greylisted\r\n")]
        self.assertEqual(one.send(to=["a@example.com", "b@example.com"])["status"], "temporary")
        relay.acts["RCPT"] = say(b"550 5.1.1 unknown\r\n")
        self.assertEqual(one.send(to=["a@example.com", "b@example.com"])["status"], "permanent")

    def test_of_several_addresses_a_retry_is_for_those_who_have_nothing(self):
        relay = self.relay(RCPT=[None, say(b"451 4.7.1 greylisted\r\n"), None])
        one = self.worker(relay)
        to = ["a@example.com", "b@example.com", "c@example.com"]
        answer = one.send(to=to, identity="same")
        self.assertEqual((answer["status"], answer["reached"]), ("temporary", [0, 2]))
        answer = one.send(to=to, identity="same", reached=answer["reached"])
        self.assertEqual((answer["status"], answer["reached"]), ("sent", [0, 1, 2]))
        self.assertEqual([r for _, r, _ in relay.messages], [f"RCPT TO:<{to[i]}>" for i in (0, 2, 1)])
        self.assertEqual([email.message_from_bytes(raw)["Message-ID"] for _, _, raw in relay.messages],
                         [f"<same.{i}@example.com>" for i in (0, 2, 1)])
        # Whoever was reached before counts when the rest is refused for good.
        relay.acts["RCPT"] = say(b"550 5.1.1 unknown\r\n")
        self.assertEqual(one.send(to=to, reached=[0])["status"], "sent")
        for bad in ([3], [-1], ["0"], "0", [0] * 17):
            with self.assertRaises(worker.VarlinkError) as caught:
                one.send(to=to, reached=bad)
            self.assertIn("reached", str(caught.exception))

    def test_the_relay_s_words_repeat_no_address_and_come_with_a_remedy(self):
        relay = self.relay(RCPT=say(b"450 4.2.0 <Carol@Example.com>:carol@example.com is greylisted, carol at example.com\r\n"))
        answer = self.worker(relay).send(to=["carol@example.com"])
        self.assertEqual(answer, {"status": "temporary", "reached": [], "remedy": "The relay asks to try again later (greylisting, a full mailbox or "
                                  "a limit).", "detail": "RCPT: 450 4.2.0 <c***@e***.com>:c***@e***.com is greylisted, carol at "
                                  "example.com"})

    def test_relay_by_ipv6_address(self):
        relay = self.relay(host="::1")
        one = self.worker(relay, host="[::1]")
        self.assertEqual(one.probe()["steps"][1]["text"], f"[::1]:{relay.port}")

    def test_relay_by_name_whose_first_address_does_not_answer(self):
        relay = self.relay()
        one = self.worker(relay, host="localhost")
        self.assertTrue(one.probe()["delivered"])

    def test_deadline_of_the_caller(self):
        relay = self.relay(MAIL=hang)
        one = self.worker(relay)
        start = time.monotonic()
        answer = one.call("org.pwreset.Mailer.Send", {"caller": {"deadline": 2000}, "mail": {
            "id": "a", "template": "test", "language": "en", "to": ["a@example.com"], "values": {}}})
        self.assertEqual((answer["status"], answer["detail"]), ("temporary", "MAIL: no answer in time"))
        self.assertLess(time.monotonic() - start, 2.5)

    def test_deadline_is_for_all_addresses_together(self):
        relay = self.relay(RCPT=[None, hang])
        one = self.worker(relay)
        start = time.monotonic()
        self.assertEqual(one.send(to=[f"a{i}@example.com" for i in range(10)])["status"], "temporary")
        self.assertLess(time.monotonic() - start, base.TIMEOUT_S + base.LATE_S)

    def test_parameters_that_are_wrong(self):
        one = self.worker(self.relay())
        good = {"id": "a", "template": "changed", "language": "en", "to": ["a@example.com"], "values": {"user": "a", "time": "1"}}
        cases = {"template": [{"template": "nonsense"}, {"template": "../link"}], "to": [{"to": []}, {"to": [1]},
                 {"to": ["a@example.com"] * 17}], "id": [{"id": "x" * 65}, {"id": 5}], "values": [{"values": []}],
                 "user": [{"values": {"time": "1"}}, {"values": {"user": "", "time": "1"}}], "language": [{"language": "x" * 200}],
                 "more": [{"more": "x"}]}
        for bad, changes in cases.items():
            for change in changes:
                with self.subTest(change=change), self.assertRaises(worker.VarlinkError) as raised:
                    one.call("org.pwreset.Mailer.Send", {"mail": {**good, **change}})
                self.assertEqual(raised.exception.args, ("org.varlink.service.InvalidParameter", {"parameter": bad}))
        for identity in ("a b", "a.b", "ü", "a\n", ""):
            answer = one.call("org.pwreset.Mailer.Send", {"mail": {**good, "id": identity}})
            self.assertEqual(answer["status"], "permanent")
        with self.assertRaises(worker.VarlinkError):
            one.call("org.pwreset.Mailer.Probe", {"address": "a@example.com\r\n"})

    def test_languages_are_negotiated(self):
        site = {"pt/language.conf": (worker.TOP / "templates/es/language.conf").read_text(encoding="utf-8"),
                "pt/layout.txt": "{{body}}", "pt/layout.html": "<p>{{body}}", "pt/link.txt": "Subject: Olá\n\n{{user}} {{link}}\n",
                "pt/link.html": '<a href="{{link}}">{{user}}</a>'}
        relay = self.relay()
        one = self.worker(relay, templates=site)
        wanted = {"pt-BR": "pt", "pt": "pt", "PT-br": "pt", "de-AT": "de", "de-Latn-DE": "de", "xx": "en", "": "en", "x" * 100: "en",
                  "fr;q=0.5, de;q=0.9": "de", "xx, es": "es", "*": "en", "en;q=0, fr": "fr", "de_DE.UTF-8": "en", ",,,;;": "en",
                  "fr; q=0.1,es ;q=0.2": "es"}
        for language, got in wanted.items():
            one.send(language=language)
            with self.subTest(language=language):
                self.assertEqual(email.message_from_bytes(relay.messages[-1][2])["Content-Language"], got)
        one.send(language="pt", template="changed")
        self.assertEqual(email.message_from_bytes(relay.messages[-1][2])["Content-Language"], "en", "pt has no such mail")

    def test_a_text_of_the_site_stands_for_the_shipped_one(self):
        relay = self.relay()
        one = self.worker(relay, templates={"en/changed.txt": "Subject: Ours, {{user}}\n\nOurs: {{user}}\n"})
        one.send(template="changed")
        message, text, markup = self.parse(relay.messages[-1][2])
        self.assertEqual(message["Subject"], "Ours, alice")
        self.assertIn("Ours: alice", text)
        self.assertIn("was changed", markup)


class Start(base.Case):
    """Mistakes in templates: the worker does not start, and says where."""

    def refused(self, templates, *words, mode=None):
        root = self.root(templates=templates)
        if mode is not None:
            (root / "etc/pwreset/templates" / next(iter(templates))).chmod(mode)
        done = subprocess.run([worker.program(), f"--root={root}", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_check(self):
        root = self.root()
        subprocess.run([worker.program(), f"--root={root}", "--check"], check=True)

    def test_standard_input_that_is_no_socket(self):
        done = subprocess.run([worker.program(), f"--root={self.root()}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, "no socket" in done.stderr), (1, True))

    def test_unknown_names(self):
        good = "Subject: a\n\n{{user}}\n{{link}}\n"
        self.refused({"en/link.txt": good + "\n{{nonsense}}\n"}, "en/link.txt:6:", "{{nonsense}}")
        self.refused({"en/link.txt": good + "{{password}}"}, "en/link.txt:5:", "{{password}}")
        self.refused({"en/link.txt": "Subject: {{link}}\n\n{{user}}{{link}}\n"}, "en/link.txt:1:")
        self.refused({"en/link.txt": good + "{{ user }}"}, "en/link.txt:5:")
        self.refused({"en/link.txt": good + "{{user}\n}"}, "en/link.txt:5:")
        self.refused({"en/layout.txt": "{{body}}{{link}}"}, "en/layout.txt:1:")

    def test_values_where_they_do_not_belong(self):
        for bad in ("<a href={{link}}>{{user}}</a>", '<a href="{{user}}">{{link}}</a>', '<a href="x{{link}}">{{user}}</a>',
                    '<a href="{{link}}x">{{user}}</a>', '<a onclick="{{user}}">{{link}}</a>', "<script>{{user}}{{link}}</script>",
                    "<style>{{user}}</style>{{link}}", "<!-- {{user}} -->{{link}}", "<{{user}}>{{link}}", '<a {{user}}="x">{{link}}',
                    '<img src="{{link}}">{{user}}', '<p style="{{user}}">{{link}}', "<a href='{{link}}{{link}}'>{{user}}</a>",
                    '<a title="{{user}}', "<p {{#user}}>{{/user}}{{link}}", "<<a {{user}}>{{link}}", "<?x {{user}}>{{link}}",
                    "</ {{user}}>{{link}}", '<a href = "javascript:{{link}}">{{user}}'):
            with self.subTest(bad=bad):
                self.refused({"en/link.html": "<p>\n" + bad}, "en/link.html:2:")

    def test_sections(self):
        head = "Subject: a\n\n{{user}}{{link}}\n"
        for bad in ("{{#user}}", "{{/user}}", "{{#user}}{{#code}}{{/user}}{{/code}}", "{{#user}}" * 9 + "{{/user}}" * 9):
            with self.subTest(bad=bad):
                self.refused({"en/link.txt": head + bad}, "en/link.txt:4:")

    def test_files(self):
        good = "Subject: a\n\n{{user}}{{link}}\n"
        self.refused({"en/lnik.txt": good}, "en/lnik.txt:", "No mail uses")
        self.refused({"en/link.txt": "{{user}}{{link}}\n"}, "en/link.txt:1:", "Subject:")
        self.refused({"en/link.txt": "Subject: a\n{{user}}{{link}}\n"}, "en/link.txt:1:")
        self.refused({"en/link.txt": "Subject: a\n\n{{user}}\n"}, "en/link.txt:", "{{link}} is missing")
        self.refused({"en/layout.html": "<p>x"}, "en/layout.html:", "{{body}} is missing")
        self.refused({"xx/link.txt": good}, "xx/language.conf:", "copy that of en")
        self.refused({"en/link.txt": good}, "en/link.txt", mode=0o666)
        self.refused({"en/link.txt": "x" * 70000}, "en/link.txt")
        languages = {f"xx/{n}": (worker.TOP / "templates/en" / n).read_text(encoding="utf-8")
                     for n in ("language.conf", "layout.txt", "layout.html")}
        self.refused({**languages, "xx/link.txt": good}, "xx/link.html:", "missing beside")

    def test_language_conf(self):
        good = (worker.TOP / "templates/en/language.conf").read_text(encoding="utf-8")
        for bad in ("nonsense = 1", "direction = up", "months = a b c", "date = {weekday}", "minute = ", "[other]\nx = 1"):
            key = bad.split(" =")[0]
            text = re.sub(rf"(?m)^{key} = .*$", "", good) + bad + "\n"
            with self.subTest(bad=bad):
                self.refused({"en/language.conf": text}, "en/language.conf:")
        self.refused({"en/language.conf": good.replace("hours = hours\n", "")}, "en/language.conf:", "hours=")

    def test_every_template_names_what_its_kind_gives(self):
        """The table of templates/README.md and that of the program say the same: a kind's template with all its names loads."""
        readme = (worker.TOP / "templates/README.md").read_text(encoding="utf-8")
        table = readme.partition("values beside those of all kinds")[2].partition("\n\n")[0]
        common = "user name time when host address service requester site contact page language".split()
        lasting = "minutes lasts until".split()
        seen = set()
        for kind, values in re.findall(r"^\| `([\w-]+)` \|[^|]*\| (.*) \|$", table, re.M):
            seen.add(kind)
            names = [n.strip("*_ ").split(" ")[0].strip("*") for n in values.split(",") if n.strip()]
            text = "".join("{{%s}}" % n for n in dict.fromkeys([*common, *names, *(lasting if "minutes" in names else [])]))
            links = "".join(f'<a href="{{{{{n}}}}}">x</a>' for n in names if n in ("link", "revoke"))
            root = self.root(templates={f"en/{kind}.txt": f"Subject: a\n\n{text}\n", f"en/{kind}.html": text + links})
            with self.subTest(kind=kind):
                subprocess.run([worker.program(), f"--root={root}", "--check"], check=True)
        self.assertEqual(seen, set(KINDS) - {"test"})


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    unittest.main()
