#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every page does, without a browser: calls to the daemon, answers, refusals. Security cases 8, 13, 14 and 15."""
import base64
import html.parser
import re
import threading
import unittest

from support import (CODES, GRANT, LINK, ORIGIN, QUESTIONS, TOP, Fault, Server, WebCase, ticket, wait_for)

PAGES = ("/", "/r/" + LINK, "/r/damaged", "/revoke/" + LINK, "/code", "/username", "/change", "/setup", "/setup/codes",
         "/setup/mail", "/setup/confirm", "/setup/questions", "/nothing")
ASSETS = ("/style.css", "/script.js", "/logo")
HERE = {"service": "web", "address": "127.0.0.1"}
CANARY = "k4nary<&\"'>Typed"


def b64(text):
    return base64.b64encode(text.encode()).decode()


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.names = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.found += [attrs[a] for a in ("href", "src", "action") if attrs.get(a)]
        if tag in ("input", "select"):
            self.names[attrs["name"]] = attrs


class Ask(WebCase):
    def test_link(self):
        page = self.server.post("/", {"user": "carol"}, Accept_Language="es")
        self.assertEqual((200, "es"), (page.status, page.header("Content-Language")))
        self.assertEqual([{"user": "carol", "language": "es", "origin": {"service": "web", "address": "127.0.0.1"}}],
                         self.server.daemon.named("Recovery.RequestLink"))

    def test_code(self):
        page = self.server.post("/", {"user": "carol@example.org", "kind": "code"})
        self.assertEqual((200, "Type your code"), (page.status, page.title()))
        self.assertIn('action="/code"', page.text)
        self.assertEqual(1, len(self.server.daemon.named("Recovery.RequestCode")))
        self.assertEqual([], self.server.daemon.named("Recovery.RequestLink"))

    def test_every_name_gets_the_same_bytes(self):
        pages = {self.server.post("/", {"user": user}).body for user in ("carol", "nobody", "Ünknöwn", "a@b.example")}
        self.assertEqual(1, len(pages))

    def test_not_a_name(self):
        for user in ("", " ", "\t", "a\nb", "x" * 257, "a\x7fb"):
            with self.subTest(user=user):
                self.assertEqual(422, self.server.post("/", {"user": user}).status)
        self.assertEqual([], self.server.daemon.calls)

    def test_too_many(self):
        self.server.daemon.replies["Recovery.RequestLink"] = Fault("TryLater", seconds=181)
        page = self.server.post("/", {"user": "carol"})
        self.assertEqual((429, "181"), (page.status, page.header("Retry-After")))
        self.assertIn("4\u00a0min", page.text)

    def test_username(self):
        page = self.server.post("/username", {"address": "carol@example.org"})
        self.assertEqual(200, page.status)
        self.assertEqual("carol@example.org", self.server.daemon.named("Recovery.RemindUserName")[0]["address"])
        for address in ("", "carol", "a@b@c", "a b@c.d", "<x>@y.z"):
            with self.subTest(address=address):
                self.assertEqual(422, self.server.post("/username", {"address": address}).status)
        self.assertEqual(1, len(self.server.daemon.calls))


class Redeem(WebCase):
    def test_form_names_the_account_for_password_managers(self):
        names = Links(self.server.get("/r/" + LINK).text).names
        self.assertEqual(("username", "carol"), (names["user"]["autocomplete"], names["user"]["value"]))
        for field in ("password", "again"):
            self.assertEqual(("new-password", "password"),
                             (names[field]["autocomplete"], names[field]["type"]))
            self.assertNotIn("value", names[field])
            self.assertNotIn("maxlength", names[field], "a silently cut password is another password")

    def test_policy_is_explained_before_typing(self):
        page = self.server.get("/r/" + LINK).text
        self.assertIn("8 or more characters", page)
        self.assertIn("29\u00a0min left", page)
        self.assertLess(page.index("8 or more"), page.index('id="password"'))

    def test_set(self):
        page = self.server.post("/r/" + LINK, {"user": "carol", "password": "tram lemon quilt", "again": "tram lemon quilt"})
        self.assertEqual((200, "Your password has been changed"), (page.status, page.title()))
        self.assertEqual([{"ticket": LINK, "password": b64("tram lemon quilt"), "user": "carol",
                           "origin": {"service": "web", "address": "127.0.0.1"}}],
                         self.server.daemon.named("Recovery.SetPassword"))

    def test_bytes_arrive_as_typed(self):
        for password in (" leading and trailing ", "a+b&c=d%41", "пароль 日本 \U0001f511", "x" * 511, "é" * 255, '<"\'>&amp;'):
            with self.subTest(password=password):
                self.server.daemon.reset()
                self.server.post("/r/" + LINK, {"password": password, "again": password})
                self.assertEqual(b64(password), self.server.daemon.named("Recovery.SetPassword")[0]["password"])

    def test_nothing_is_sent_when_the_two_differ(self):
        page = self.server.post("/r/" + LINK, {"password": CANARY, "again": CANARY + "x"})
        self.assertEqual(422, page.status)
        self.assertIn("not the same", page.text)
        self.assertIn('aria-invalid="true"', page.text)
        self.assertEqual([], self.server.daemon.named("Recovery.SetPassword"))

    def test_empty_and_too_long(self):
        for password, words in (("", "Please fill in"), ("x" * 512, "too long"), ("é" * 256, "too long")):
            with self.subTest(length=len(password)):
                page = self.server.post("/r/" + LINK, {"password": password, "again": password})
                self.assertEqual(422, page.status)
                self.assertIn(words, page.text)
        self.assertEqual([], self.server.daemon.named("Recovery.SetPassword"))

    def test_refused_in_words(self):
        self.server.daemon.replies["Recovery.SetPassword"] = Fault(
            "PasswordRefused", reasons=["too-short", "leaked", "of-a-later-version"], hints=["longer"], bits=12)
        page = self.server.post("/r/" + LINK, {"password": CANARY, "again": CANARY})
        self.assertEqual(422, page.status)
        for words in ("8 characters are the least", "leak of passwords", "Make it longer", "<title>Error: "):
            self.assertIn(words, page.text)
        self.assertNotIn("of-a-later-version", page.text)
        self.assertEqual("carol", Links(page.text).names["user"]["value"])
        self.server.daemon.replies["Recovery.SetPassword"] = Fault("PasswordRefused", reasons=["new"], hints=[], bits=1)
        self.assertIn("rules of this site", self.server.post("/r/" + LINK, {"password": "x", "again": "x"}).text)

    def test_dead_links_say_why_and_what_next(self):
        for reason, status, title in (("expired", 410, "expired"), ("used", 410, "used already"),
                                      ("revoked", 410, "no longer works"), ("unknown", 404, "not complete"),
                                      ("something-new", 404, "not complete")):
            for method in ("Recovery.InspectLink", "Recovery.SetPassword"):
                with self.subTest(reason=reason, method=method):
                    self.server.daemon.reset()
                    self.server.daemon.replies[method] = Fault("LinkDead", reason=reason)
                    page = (self.server.get("/r/" + LINK) if "Inspect" in method else
                            self.server.post("/r/" + LINK, {"password": "a", "again": "a"}))
                    self.assertEqual(status, page.status)
                    self.assertIn(title, page.title())
                    self.assertRegex(page.text, r'class="action"><a href="/">')

    def test_cut_off_links_ask_nobody(self):
        for path in ("", LINK[:-1], LINK[:40], LINK + "A", LINK + ".", LINK + "%20", "x" * 241, "..%2f", "a/b"):
            with self.subTest(path=path):
                self.assertEqual(404, self.server.get("/r/" + path).status)
                self.assertEqual(404, self.server.post("/r/" + path, {"password": "a", "again": "a"}).status)
        self.assertEqual([], self.server.daemon.calls)

    def test_unknown_outcome_is_said(self):
        for reply in (Fault("OutcomeUnknown"), None):
            with self.subTest(reply=reply):
                self.server.daemon.replies["Recovery.SetPassword"] = reply
                page = self.server.post("/r/" + LINK, {"password": "a", "again": "a"})
                self.assertEqual((503, "We do not know whether it worked"), (page.status, page.title()))
                self.assertNotIn("Nothing was changed", page.text)

    def test_account_language_where_the_browser_wants_none_of_ours(self):
        self.server.daemon.replies["Recovery.InspectLink"] = {"user": "carol", "seconds": 60, "language": "fr-CH"}
        self.assertEqual("fr", self.server.get("/r/" + LINK, Accept_Language="ja").header("Content-Language"))
        self.assertEqual("de", self.server.get("/r/" + LINK, Accept_Language="de").header("Content-Language"))

    def test_revoke(self):
        page = self.server.get("/revoke/" + LINK)
        self.assertEqual(200, page.status)
        self.assertEqual([], self.server.daemon.calls)
        page = self.server.post("/revoke/" + LINK, "")
        self.assertEqual((200, "The link has been cancelled"), (page.status, page.title()))
        self.assertEqual(LINK, self.server.daemon.named("Recovery.RevokeLink")[0]["link"])


class Code(WebCase):
    def test_mailed_code_leads_to_a_form(self):
        page = self.server.post("/code", {"user": "carol", "code": "7kq4 m2xd"})
        self.assertEqual(200, page.status)
        names = Links(page.text).names
        self.assertEqual((GRANT, "carol"), (names["grant"]["value"], names["user"]["value"]))
        self.assertEqual("7kq4 m2xd", self.server.daemon.named("Recovery.VerifyCode")[0]["code"])
        self.assertNotIn("7kq4", page.text.lower())

    def test_saved_code(self):
        self.assertEqual(200, self.server.post("/code", {"user": "carol", "code": CODES[0]}).status)
        self.assertEqual(CODES[0], self.server.daemon.named("Recovery.VerifySavedCode")[0]["code"])

    def test_wrong_code(self):
        self.server.daemon.replies["Recovery.VerifyCode"] = Fault("Refused")
        self.server.daemon.replies["Recovery.VerifySavedCode"] = Fault("Refused")
        bodies = set()
        for user, code in (("carol", "AAAA-BBBB"), ("nobody", "AAAA-BBBB"), ("carol", CODES[1]), ("carol", "1"),
                           ("carol", "x" * 200)):
            page = self.server.post("/code", {"user": user, "code": code})
            self.assertEqual(422, page.status)
            bodies.add(page.body)
        self.assertEqual(1, len(bodies))

    def test_grant(self):
        fields = {"user": "carol", "grant": GRANT, "password": "new one here", "again": "new one here"}
        page = self.server.post("/new", fields)
        self.assertEqual((200, "Your password has been changed"), (page.status, page.title()))
        call = self.server.daemon.named("Recovery.SetPassword")[0]
        self.assertEqual((GRANT, b64("new one here")), (call["ticket"], call["password"]))
        self.server.daemon.replies["Recovery.SetPassword"] = Fault("PasswordRefused", reasons=["common"], hints=[], bits=3)
        page = self.server.post("/new", fields)
        self.assertEqual((422, GRANT), (page.status, Links(page.text).names["grant"]["value"]))
        self.server.daemon.replies["Recovery.SetPassword"] = Fault("Refused")
        page = self.server.post("/new", fields)
        self.assertEqual((410, "Type your code"), (page.status, page.title()))

    def test_foreign_grant(self):
        for grant in ("", "x", GRANT[:-4], '"><script>'):
            fields = {"user": "carol", "grant": grant, "password": "a", "again": "a"}
            self.assertEqual(400, self.server.post("/new", fields).status)
        self.assertEqual([], self.server.daemon.calls)

    def test_nothing_behind_the_form(self):
        page = self.server.get("/new")
        self.assertEqual((303, "/code"), (page.status, page.header("Location")))


class Change(WebCase):
    FIELDS = {"user": "carol", "current": "old one", "password": "new one", "again": "new one"}

    def test_change(self):
        page = self.server.post("/change", self.FIELDS)
        self.assertEqual((200, "Your password has been changed"), (page.status, page.title()))
        self.assertEqual([{"user": "carol", "current": b64("old one"), "password": b64("new one"),
                           "origin": {"service": "web", "address": "127.0.0.1"}}],
                         self.server.daemon.named("Password.Change"))

    def test_fields_for_password_managers(self):
        names = Links(self.server.get("/change").text).names
        self.assertEqual(["username", "current-password", "new-password", "new-password"],
                         [names[n]["autocomplete"] for n in ("user", "current", "password", "again")])

    def test_wrong(self):
        self.server.daemon.replies["Password.Change"] = Fault("WrongPassword")
        bodies = {self.server.post("/change", dict(self.FIELDS, user=user)).body for user in ("carol", "nobody", "a\x01")}
        self.assertEqual(1, len(bodies))
        self.assertIn("do not belong together", bodies.pop().decode())

    def test_well_known(self):
        page = self.server.get("/.well-known/change-password")
        self.assertEqual((302, "/change"), (page.status, page.header("Location")))


class Setup(WebCase):
    PROOF = {"user": "carol", "current": "old one"}

    def test_status(self):
        page = self.server.post("/setup", self.PROOF)
        self.assertEqual(200, page.status)
        for words in ("c***@m***.net", "counts after a day", "7 left", "Not set up", "2026-10-19"):
            self.assertIn(words, page.text)
        self.assertEqual([{"user": "carol", "current": b64("old one"), "origin": HERE}],
                         self.server.daemon.named("Account.Status"))

    def test_codes_are_shown_once(self):
        page = self.server.post("/setup/codes", self.PROOF)
        self.assertEqual(CODES, re.findall(r"<li>(\S+-\S+)</li>", page.text))
        self.assertEqual("no-store", page.header("Cache-Control"))
        self.assertNotIn(CODES[0], self.server.get("/setup/codes").text)

    def test_address(self):
        page = self.server.post("/setup/mail", dict(self.PROOF, address="carol@home.example"))
        self.assertEqual((200, "Confirm the address"), (page.status, page.title()))
        names = Links(page.text).names
        self.assertEqual(("carol", "carol@home.example"), (names["user"]["value"], names["address"]["value"]))
        page = self.server.post("/setup/confirm", {"user": "carol", "address": "carol@home.example", "code": "7KQ4-M2XD"})
        self.assertEqual((200, "The address is confirmed"), (page.status, page.title()))
        self.assertEqual([{"address": "carol@home.example", "code": "7KQ4-M2XD", "user": "carol", "origin": HERE}],
                         self.server.daemon.named("Account.ConfirmMail"))

    def test_questions(self):
        names = Links(self.server.get("/setup/questions", Accept_Language="de").text).names
        self.assertEqual({"question1", "answer1", "question2", "answer2", "question3", "answer3", "user", "current"}, set(names))
        self.assertEqual("de", self.server.daemon.named("Account.ListQuestions")[0]["language"])
        fields = dict(self.PROOF, question1="q0", answer1="one", question2="q1", answer2="two", question3="q2", answer3="Drei ß")
        page = self.server.post("/setup/questions", fields)
        self.assertEqual((200, "Your questions are saved"), (page.status, page.title()))
        self.assertEqual([{"id": "q0", "answer": "one"}, {"id": "q1", "answer": "two"}, {"id": "q2", "answer": "Drei ß"}],
                         self.server.daemon.named("Account.EnrollQuestions")[0]["answers"])

    def test_questions_refused(self):
        fields = dict(self.PROOF, question1="q0", answer1=CANARY, question2="q1", answer2="two", question3="q2", answer3="3")
        for reason, words in (("too-short", "Answer 2 is too short"), ("common", "many people give"),
                              ("personal", "your name"), ("in-question", "stands in the question"),
                              ("duplicate", "same as another"), ("empty", "is empty"), ("title", "cannot be used"),
                              ("later", "cannot be used")):
            with self.subTest(reason=reason):
                self.server.daemon.replies["Account.EnrollQuestions"] = Fault(
                    "org.pwreset.Account.AnswerRefused", index=1, reason=reason)
                page = self.server.post("/setup/questions", fields)
                self.assertEqual(422, page.status)
                self.assertIn(words, page.text)
                self.assertIn('aria-describedby="answer2-wrong"', page.text)
                self.assertEqual(3, page.text.count(" selected"))
        page = self.server.post("/setup/questions", dict(fields, question2="q0"))
        self.assertIn("different question each time", page.text)
        page = self.server.post("/setup/questions", dict(fields, question2="", answer3=""))
        self.assertIn("Answer 3 is empty", page.text)

    def test_wrong_password_everywhere(self):
        posts = {"/setup": self.PROOF, "/setup/codes": self.PROOF,
                 "/setup/mail": dict(self.PROOF, address="a@b.example"),
                 "/setup/questions": dict(self.PROOF, question1="q0", answer1="1", question2="q1", answer2="2",
                                          question3="q2", answer3="3")}
        for method in ("Status", "EnrollCodes", "EnrollMail", "EnrollQuestions"):
            self.server.daemon.replies["Account." + method] = Fault("WrongPassword")
        for path, fields in posts.items():
            with self.subTest(path=path):
                page = self.server.post(path, fields)
                self.assertEqual(422, page.status)
                self.assertIn("do not belong together", page.text)
                self.assertNotIn("old one", page.text)


class Always(WebCase):
    SETTINGS = {"web": {"site-name": "A <b> & \"C\"", "help-text": "<i>Room</i> 7", "contact": "https://help.example.org/?a&b"}}

    def test_case_15_headers(self):
        for path in PAGES + ASSETS + ("/.well-known/change-password",):
            page = self.server.get(path)
            with self.subTest(path=path):
                policy = dict((d.strip().split(" ", 1) + [""])[:2] for d in page.header("Content-Security-Policy").split(";"))
                self.assertEqual("'none'", policy["default-src"])
                self.assertEqual("'none'", policy["frame-ancestors"])
                self.assertEqual("'none'", policy["base-uri"])
                self.assertEqual("'self'", policy["form-action"])
                self.assertNotIn("unsafe", page.header("Content-Security-Policy"))
                self.assertNotRegex(page.header("Content-Security-Policy"), r"https?:|\*")
                self.assertEqual("no-referrer", page.header("Referrer-Policy"))
                self.assertEqual("nosniff", page.header("X-Content-Type-Options"))
                self.assertEqual("DENY", page.header("X-Frame-Options"))
                self.assertEqual("same-origin", page.header("Cross-Origin-Opener-Policy"))
                self.assertEqual("same-origin", page.header("Cross-Origin-Resource-Policy"))
                self.assertIn("camera=()", page.header("Permissions-Policy"))
                self.assertIn("max-age=", page.header("Strict-Transport-Security"))
                self.assertEqual("close", page.header("Connection"))
                self.assertIsNone(page.header("Set-Cookie"))
                self.assertIsNone(page.header("Server"))
                if path not in ASSETS:
                    self.assertEqual("no-store", page.header("Cache-Control"))

    def test_case_15_no_third_party(self):
        for path in PAGES:
            for link in Links(self.server.get(path).text).found:
                with self.subTest(path=path, link=link):
                    self.assertTrue(re.match(r"/(?!/)|\?lang=|#", link) or link == "https://help.example.org/?a&b", link)
        self.assertNotRegex(self.server.get("/style.css").text, r"url\(|@import|https?:")
        self.assertNotRegex(self.server.get("/script.js").text, r"https?:|fetch|XMLHttp|cookie|innerHTML|localStorage")

    def test_no_inline_code(self):
        for path in PAGES:
            text = self.server.get(path).text
            with self.subTest(path=path):
                self.assertNotRegex(text, r"<script(?! src=\"/script\.js\?)|<style|\son\w+=|\sstyle=|javascript:")

    def test_configured_texts_are_escaped(self):
        text = self.server.get("/").text
        self.assertIn("A &lt;b&gt; &amp; &quot;C&quot;", text)
        self.assertIn("&lt;i&gt;Room", text)
        self.assertIn('href="https://help.example.org/?a&amp;b"', text)

    def test_case_13_host(self):
        for host in ("evil.example", "evil.example:443", "id.example.org@evil.example", "[::1]", "127.0.0.1"):
            for header in ("Host", "X-Forwarded-Host"):
                with self.subTest(host=host, header=header):
                    headers = {header: host, "X-Forwarded-Proto": "http", "Forwarded": f"host={host}"}
                    page = self.server.request("POST", "/", "user=carol", headers)
                    self.assertEqual(200, page.status)
                    self.assertNotIn("evil", page.text)
                    page = self.server.request("GET", "/.well-known/change-password", None, headers)
                    self.assertEqual("/change", page.header("Location"))
        for call in self.server.daemon.named("Recovery.RequestLink"):
            self.assertNotIn("evil", str(call))
            self.assertNotIn("host", call["origin"])

    def test_every_call_says_where_the_visitor_is(self):
        proof = {"user": "carol", "current": "old one"}
        for path, fields in (("/setup", proof), ("/setup/codes", proof), ("/setup/mail", {**proof, "address": "c@example.net"}),
                             ("/setup/confirm", {"user": "carol", "address": "c@example.net", "code": "7KQ4-M2XD"}),
                             ("/setup/questions", {**proof, **{f"question{i + 1}": f"q{i}" for i in range(3)},
                                                   **{f"answer{i + 1}": f"answer {i}" for i in range(3)}})):
            self.assertEqual(200, self.server.post(path, fields).status, path)
        self.server.get("/setup/questions")
        self.server.get("/r/" + LINK)
        calls = [(name, call) for name, call in self.server.daemon.calls if name != "Password.GetPolicy"]
        self.assertEqual({"Account." + name for name in ("Status", "EnrollCodes", "EnrollMail", "ConfirmMail", "ListQuestions",
                                                         "EnrollQuestions")} | {"Recovery.InspectLink"}, {name for name, _ in calls})
        for name, call in calls:
            self.assertEqual(HERE, call.get("origin"), name)

    def test_case_14_get_and_head_use_nothing_up(self):
        for method in ("GET", "HEAD"):
            for _ in range(20):
                headers = {"Sec-Purpose": "prefetch", "X-Purpose": "preview"}
                for path in ("/r/", "/revoke/"):
                    page = self.server.request(method, path + LINK, None, headers)
                    self.assertEqual(200, page.status)
                    self.assertEqual(method == "HEAD", not page.body)
        self.assertEqual({"Recovery.InspectLink", "Password.GetPolicy"}, {n for n, _ in self.server.daemon.calls} |
                         {"Password.GetPolicy"})
        head = self.server.request("HEAD", "/r/" + LINK)
        self.assertEqual(str(len(self.server.get("/r/" + LINK).body)), head.header("Content-Length"))

    def test_case_8_parameters(self):
        bodies = (b"", b"user=a&user=b", b"user[]=a", b"user%5B%5D=a", b"user=a&extra=1", b"user", b"user=%00", b"user=%ff",
                  b"user=%C0%AF", b"user=%ED%A0%80", b"user=%zz", b"user=a&", b"&user=a", b"USER=a", b"user=" + b"x" * 1025,
                  b'{"user":"a"}', b"user=a&kind=other", b"user=a&kind=link&kind=code", b"user=\xff", b"user=a\x00b")
        for body in bodies:
            with self.subTest(body=body[:40]):
                self.assertEqual(400, self.server.post("/", body).status)
        for body in (b"password=a&again=a&password=b", b"password[]=a&again=a", b"password=a", b"ticket=x&password=a&again=a"):
            with self.subTest(body=body):
                self.assertEqual(400, self.server.post("/r/" + LINK, body).status)
        self.assertEqual(400, self.server.post("/revoke/" + LINK, b"link=x").status)
        self.assertEqual([], self.server.daemon.calls)

    def test_query_decides_nothing_but_the_language(self):
        page = self.server.request("POST", "/?user=mallory&lang=de", "user=carol")
        self.assertEqual("carol", self.server.daemon.named("Recovery.RequestLink")[0]["user"])
        self.assertEqual("en", page.header("Content-Language"))
        for query in ("lang=de&lang=fr", "lang=<b>", "lang=xx", "lang=" + "d" * 300, "LANG=de", "lang=DE"):
            self.assertEqual("en", self.server.get("/?" + query).header("Content-Language"))
            self.assertNotIn("<b>", self.server.get("/?" + query).text.split("</header>")[1].split("help.example")[0])
        page = self.server.get("/?lang=de")
        self.assertEqual("de", page.header("Content-Language"))
        self.assertIn('action="/?lang=de"', page.text)
        self.assertIn('href="/code?lang=de"', page.text)

    def test_forms_of_other_sites(self):
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                        {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {"Origin": ORIGIN + ".evil.example"}):
            with self.subTest(headers=headers):
                self.assertEqual(403, self.server.request("POST", "/r/" + LINK, "password=a&again=a", headers).status)
        self.assertEqual([], self.server.daemon.calls)
        for headers in ({"Origin": ORIGIN}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {"Origin": "null"}, {}):
            self.assertEqual(200, self.server.request("POST", "/r/" + LINK, "password=a&again=a", headers).status)

    def test_what_was_typed_is_never_shown(self):
        proof = {"user": CANARY, "current": CANARY}
        self.server.daemon.replies.update({
            "Recovery.VerifyCode": Fault("Refused"), "Recovery.VerifySavedCode": Fault("Refused"),
            "Password.Change": Fault("WrongPassword"), "Account.ConfirmMail": Fault("Refused"),
            "Account.EnrollQuestions": Fault("org.pwreset.Account.AnswerRefused", index=0, reason="common"),
            "Recovery.SetPassword": Fault("PasswordRefused", reasons=["common"], hints=["longer"], bits=1)})
        for name in ("Status", "EnrollCodes", "EnrollMail"):
            self.server.daemon.replies["Account." + name] = Fault("WrongPassword")
        posts = (("/", {"user": CANARY}), ("/", {"user": "\x01" + CANARY}), ("/code", {"user": CANARY, "code": CANARY}),
                 ("/r/" + LINK, {"password": CANARY, "again": CANARY}), ("/r/" + LINK, {"password": CANARY, "again": "x"}),
                 ("/username", {"address": CANARY}), ("/change", dict(proof, password=CANARY, again=CANARY)),
                 ("/setup", proof), ("/setup/codes", proof), ("/setup/mail", dict(proof, address=CANARY)),
                 ("/setup/confirm", {"user": CANARY, "address": "a@b.example", "code": CANARY}),
                 ("/setup/questions", dict(proof, question1=CANARY, answer1=CANARY, question2="q1", answer2=CANARY,
                                           question3="q2", answer3=CANARY)))
        for path, fields in posts:
            page = self.server.post(path, fields)
            with self.subTest(path=path, status=page.status):
                self.assertNotIn("k4nary", page.text)
                self.assertNotIn("k4nary", str(page.headers))
        self.assertNotIn("k4nary", self.server.logged())

    def test_methods(self):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "CONNECT"):
            page = self.server.request(method, "/")
            self.assertEqual((405, "GET, HEAD, POST"), (page.status, page.header("Allow")))
        page = self.server.post("/style.css", "")
        self.assertEqual((405, "GET, HEAD"), (page.status, page.header("Allow")))
        self.assertEqual(404, self.server.post("/nothing", "").status)

    def test_daemon_away(self):
        for reply, status in ((Fault("Unavailable"), 503), (Fault("org.varlink.service.PermissionDenied"), 503),
                              (None, 503), (b"nonsense\0", 503), (b'{"continues":true}\0', 503), (b"{}", 503)):
            with self.subTest(reply=reply):
                self.server.daemon.replies["Recovery.InspectLink"] = reply
                if reply == b"{}":
                    self.server.daemon.replies["Recovery.InspectLink"] = None
                page = self.server.get("/r/" + LINK)
                self.assertEqual(status, page.status)
                self.assertIsNotNone(page.header("Retry-After"))
                self.assertIn("Nothing was changed", page.text)

    def test_strange_replies(self):
        for reply in ({}, {"user": 7, "seconds": 10}, {"user": "carol"}, {"user": "car\nol", "seconds": 5},
                      {"user": "x" * 300, "seconds": 5}):
            with self.subTest(reply=reply):
                self.server.daemon.replies["Recovery.InspectLink"] = reply
                self.assertEqual(503, self.server.get("/r/" + LINK).status)
        self.server.daemon.replies["Recovery.InspectLink"] = {"user": "<script>", "seconds": 5}
        self.assertIn('value="&lt;script&gt;"', self.server.get("/r/" + LINK).text)

    def test_assets_may_be_kept(self):
        text = self.server.get("/r/" + LINK).text
        for path in ASSETS:
            url = re.search(rf'"({re.escape(path)}\?[0-9a-f]{{8}})"', text).group(1)
            page = self.server.get(url)
            self.assertEqual(200, page.status)
            self.assertIn("immutable", page.header("Cache-Control"))

    def test_many_at_once(self):
        gate = threading.Event()

        def slow(**_):
            gate.wait(20)
            return {"user": "carol", "seconds": 60}

        self.server.daemon.replies["Recovery.InspectLink"] = slow
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.append(self.server.get("/r/" + LINK).status)) for _ in range(90)]
        for thread in threads:
            thread.start()
        # While these wait for the directory, a page that needs nothing is served at once.
        self.assertTrue(wait_for(lambda: len(self.server.daemon.named("Recovery.InspectLink")) == 48))
        self.assertEqual(200, self.server.get("/").status)
        self.assertEqual(48, len(self.server.daemon.named("Recovery.InspectLink")), "never more connections than the limit")
        gate.set()
        for thread in threads:
            thread.join()
        self.assertEqual([200] * 90, statuses)


class DaemonGone(unittest.TestCase):
    def test_no_socket(self):
        server = Server().start()
        self.addCleanup(server.stop)
        self.assertEqual(200, server.get("/").status)
        (server.root / "run/pwreset/web").unlink()
        page = server.post("/", {"user": "carol"})
        self.assertEqual(503, page.status)
        self.assertIn("Nothing was changed", page.text)
        page = server.post("/r/" + LINK, {"password": "a", "again": "a"})
        self.assertIn("Nothing was changed", page.text)


class Codes(WebCase):
    """Every code that the daemon can give has its words."""

    def test_reasons_and_hints(self):
        table = (TOP / "daemon/directory/policy_text.h").read_text(encoding="utf-8")
        reasons, hints = (re.findall(r'\{ POLICY_' + mark + r'[A-Z0-9_]+, "([a-z0-9-]+)"', table) for mark in ("(?!HINT_)", "HINT_"))
        self.assertGreater(len(reasons), 15)
        self.assertGreater(len(hints), 5)
        for code in reasons + ["history", "too-young", "directory-policy"] + hints:
            with self.subTest(code=code):
                kind = "hints" if code in hints else "reasons"
                self.server.daemon.replies["Recovery.SetPassword"] = Fault(
                    "PasswordRefused", **({"reasons": ["too-short"], "hints": [], "bits": 1} | {kind: [code]}))
                page = self.server.post("/r/" + LINK, {"password": "x", "again": "x"}).text
                self.assertNotIn("rules of this site", page)
                self.assertEqual(3 if code in hints else 2, page.split("</main>")[0].split("</div>")[0].count("<li>"))


class Languages(WebCase):
    def test_negotiated(self):
        for accept, language in (("de-AT,de;q=0.9", "de"), ("fr", "fr"), ("es-419", "es"), ("ja", "en"), ("", "en"), ("*", "en"),
                                 ("en;q=0, fr;q=0.1", "fr")):
            page = self.server.get("/", Accept_Language=accept)
            self.assertEqual(language, page.header("Content-Language"))
            self.assertIn(f'<html lang="{language}">', page.text)

    def test_links_of_other_accounts_are_separate(self):
        other = ticket(b"dave")
        self.server.get("/r/" + other)
        self.assertEqual(other, self.server.daemon.named("Recovery.InspectLink")[0]["link"])
        self.assertEqual(6, len(QUESTIONS))


if __name__ == "__main__":
    unittest.main()
