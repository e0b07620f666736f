#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Foreign clients drive the service, and the interface documents are all that they need: varlinkctl of systemd 257, and
Python's standard library, which calls every method for people and staff and holds each reply against its document."""
import json
import os
import re
import unittest

import varlink_idl
from harness import CODE, TOP, LabCase, Varlink, VarlinkError, eventually, password64, people

NEW = "teal kayak orbits mars 41"
ACCOUNT, ADMIN, SERVICE, PASSWORD = (f"org.pwreset.{name}" for name in ("Account", "Admin", "Service", "Password"))
DRIVEN = (ACCOUNT, ADMIN, SERVICE)
old = people.password


class Driver:
    """Calls by the documents: what is sent and what comes back has to be what they say."""

    def __init__(self, test):
        self.test = test
        self.documents = varlink_idl.load(TOP / "interfaces", *DRIVEN, "org.pwreset.Failure", "org.varlink.service")
        self.seen = {}

    def __call__(self, link, method, **parameters):
        interface, _, name = method.rpartition(".")
        document = self.documents[interface]
        wanted, promised = document.methods[name]
        self.seen.setdefault(method, set()).update(parameters)
        self.test.assertEqual([], document.struct_complaints(parameters, wanted, method))
        try:
            reply = link.call(method, **parameters)
        except VarlinkError as error:
            home, _, last = error.error.rpartition(".")
            document = self.documents[home]
            self.test.assertEqual([], document.struct_complaints(error.parameters, document.errors[last], error.error))
            raise
        self.test.assertEqual([], document.struct_complaints(reply, promised, f"reply of {method}"))
        return reply

    def undriven(self):
        """Methods that were not called, and parameters that were never given."""
        left = []
        for interface in DRIVEN:
            for name, (wanted, _) in self.documents[interface].methods.items():
                method = f"{interface}.{name}"
                if method not in self.seen:
                    left.append(method)
                else:
                    left += [f"{method}({key})" for key in wanted if key not in self.seen[method]]
        return left


class ForeignClients(LabCase):
    LAB = {"name": f"varlinkctl-{os.getpid()}", "profile": "ldap"}

    def run_it(self, verb, *words, name="ctl"):
        return self.lab.varlinkctl(verb, f"/run/pwreset/{name}", *words, timeout=60)

    def mail_to(self, mailbox, address):
        """The text of the first mail to that address."""
        def found():
            return [mail for mail in self.lab.mails(mailbox) if mail["To"] == address]
        mails = eventually(found, 30)
        self.assertTrue(mails, f"no mail to {address}")
        return self.body(mails[0])

    def test_info_and_interfaces(self):
        info = self.run_it("info").stdout
        for interface in ("org.pwreset.Recovery", "org.pwreset.Admin", "org.varlink.service"):
            self.assertIn(interface, info)

    def test_introspects_every_interface(self):
        for file in sorted((TOP / "interfaces").glob("*.varlink")):
            if file.stem.rpartition(".")[2] in ("Directory", "Mailer", "Relay"):
                continue
            with self.subTest(interface=file.stem):
                done = self.run_it("introspect", file.stem)
                self.assertIn(f"interface {file.stem}", done.stdout, done.stderr)

    def called(self, method, error=None, **parameters):
        """A call by varlinkctl: its reply, or the error that it has to be."""
        self.by_varlinkctl.add(method)
        done = self.run_it("call", method, json.dumps(parameters))
        if error:
            self.assertNotEqual(0, done.returncode, method)
            self.assertIn(error, done.stderr + done.stdout)
            return None
        self.assertEqual(0, done.returncode, f"{method}: {done.stderr}")
        return json.loads(done.stdout)

    def test_varlinkctl_calls_every_method(self):
        self.by_varlinkctl = set()
        self.assertEqual("victor", self.called(f"{ADMIN}.Show", user="victor")["record"]["user"])
        self.called(f"{ADMIN}.Show", "org.pwreset.Failure.NotAllowed", user="nobodyhere")
        self.assertEqual("ok", self.called(f"{ADMIN}.SendLink", users=["victor"])["results"][0]["status"])
        self.called(f"{ADMIN}.Revoke", user="victor")
        self.called(f"{ADMIN}.Unlock", user="victor")
        self.called(f"{ADMIN}.SetMail", user="victor", address="victor@example.net", once=True)
        self.called(f"{ADMIN}.SetPin", user="victor", pin="471108")
        self.called(f"{ADMIN}.VerifyPin", user="victor", pin="471108")
        self.called(f"{ADMIN}.VerifyPin", "org.pwreset.Failure.Refused", user="victor", pin="471109")
        self.called(f"{ADMIN}.RemindUserName", user="victor")
        self.assertEqual(["victor"], self.called(f"{ADMIN}.Find", filter="(uid=victor)")["users"])
        self.assertEqual(0, self.called(f"{ADMIN}.RemindExpiry", days=1, after="zzz")["reminded"])
        self.called(f"{ADMIN}.SetPassword", user="victor", password=password64(NEW))
        self.assert_password("victor", NEW, [old("victor")])
        self.assertIn("version", self.called(f"{SERVICE}.GetStatus"))
        self.assertEqual({}, self.called(f"{SERVICE}.CutHost", host="web1"))
        self.assertEqual(86400, self.called(f"{SERVICE}.GetHost", host="web1")["seconds"])
        self.assertEqual({}, self.called(f"{SERVICE}.LiftHost", host="web1"))
        self.assertTrue(self.called(f"{SERVICE}.Diagnose")["findings"])
        self.assertTrue(self.called(f"{SERVICE}.TestMail", address="victor@example.com")["delivered"])
        self.called(f"{SERVICE}.CutHost", host="otherhost")
        self.called(f"{SERVICE}.LiftHost", host="otherhost")
        self.assertEqual(0, self.called(f"{SERVICE}.GetHost", host="otherhost")["seconds"])
        self.assertTrue(self.called(f"{PASSWORD}.Check", password=password64(NEW))["accepted"])
        self.assertIn("minLength", self.called(f"{PASSWORD}.GetPolicy"))
        self.assertTrue(self.called(f"{ACCOUNT}.ListQuestions", language="de")["questions"])
        # Root is nobody's uid in the directory: one's own account is not root's.
        own = {"user": "victor", "current": password64(NEW)}
        self.called(f"{ACCOUNT}.Status", "org.", user="victor")
        self.called(f"{ACCOUNT}.EnrollQuestions", "org.", answers=[], **own)
        self.called(f"{ACCOUNT}.EnrollCodes", "org.", **own)
        self.called(f"{ACCOUNT}.EnrollMail", "org.", address="victor@example.org", **own)
        self.called(f"{ACCOUNT}.ConfirmMail", "org.", user="victor", address="victor@example.org", code="AAAA-BBBB")
        for interface in (*DRIVEN, PASSWORD):
            document = varlink_idl.load(TOP / "interfaces", interface)[interface]
            for name in document.methods:
                if (interface, name) not in {(PASSWORD, left) for left in ("Verify", "Exists", "Change", "SetByRoot")}:
                    self.assertIn(f"{interface}.{name}", self.by_varlinkctl)

    def drive_account(self, call):
        """One's own settings, as mike: on the tool's socket, and as the page does it."""
        mike = self.as_person("mike")
        own = {"user": "mike", "current": password64(old("mike"))}
        self.assertEqual(0, call(mike, f"{ACCOUNT}.Status")["questions"])
        questions = call(mike, f"{ACCOUNT}.ListQuestions", language="fr")
        ids = [question["id"] for question in questions["questions"][:questions["minimum"]]]
        answers = [{"id": ids[i], "answer": text} for i, text in enumerate(("a blue heron", "Lindenweg in spring", "mike"))]
        wrong = self.assert_error("AnswerRefused", call, mike, f"{ACCOUNT}.EnrollQuestions", answers=answers, **own)
        self.assertEqual({"index": 2, "reason": "personal"}, wrong)
        answers[2]["answer"] = "burnt pancakes"
        call(mike, f"{ACCOUNT}.EnrollQuestions", answers=answers, **own)
        self.assertEqual(10, len(call(mike, f"{ACCOUNT}.EnrollCodes", **own)["codes"]))
        call(mike, f"{ACCOUNT}.EnrollMail", address="mike@example.org", **own)
        code = CODE.search(self.mail_to("elsewhere", "mike@example.org")).group(0)
        call(mike, f"{ACCOUNT}.ConfirmMail", user="mike", address="mike@example.org", code=code)
        self.drive_page(call, own, answers)

    def drive_page(self, call, own, answers):
        """The same as the page asks for it, which says where its visitor is."""
        page, own = self.varlink("web"), {**own, "origin": {"service": "web", "address": "192.0.2.9"}}
        status = call(page, f"{ACCOUNT}.Status", **own)
        self.assertEqual((3, 10, []), (status["questions"], status["savedCodes"], status["missing"]))
        self.assert_error("WrongPassword", call, page, f"{ACCOUNT}.Status", **dict(own, current=password64("wrong")))
        call(page, f"{ACCOUNT}.ListQuestions", language="es", origin=own["origin"])
        call(page, f"{ACCOUNT}.EnrollQuestions", answers=answers, **own)
        self.assertEqual(10, len(call(page, f"{ACCOUNT}.EnrollCodes", **own)["codes"]))
        call(page, f"{ACCOUNT}.EnrollMail", address="mike@example.net", **own)
        code = CODE.search(self.mail_to("elsewhere", "mike@example.net")).group(0)
        call(page, f"{ACCOUNT}.ConfirmMail", user="mike", address="mike@example.net", code=code, origin=own["origin"])

    def drive_admin(self, call):
        """Staff's methods, each as the least role that may call it."""
        helen, ada = self.as_person("helen"), self.as_person("ada")
        self.assert_error("PermissionDenied", call, self.as_person("wendy"), f"{ADMIN}.Show", user="trent")
        self.assertEqual("active", call(helen, f"{ADMIN}.Show", user="trent")["record"]["state"])
        sent = call(helen, f"{ADMIN}.SendLink", users=["trent", "sysop", "nomail"], batch="one run")
        self.assertEqual(["ok", "privileged", "no-address"], [result["status"] for result in sent["results"]])
        self.mail_to("trent", "trent@example.com")
        self.assertEqual(["link"], [request["kind"] for request in call(helen, f"{ADMIN}.Show", user="trent")["record"]["requests"]])
        call(helen, f"{ADMIN}.Revoke", user="trent")
        record = call(helen, f"{ADMIN}.Show", user="trent")["record"]
        self.assertEqual([], record["requests"])
        self.assertEqual(["revoked"], [event["what"] for event in record["events"] if event.get("by")])
        call(helen, f"{ADMIN}.Unlock", user="trent")
        self.assert_error("NotAllowed", call, helen, f"{ADMIN}.SetMail", user="trent", address="trent@example.net")
        call(helen, f"{ADMIN}.SetMail", user="trent", address="trent@example.org", once=True)
        call(ada, f"{ADMIN}.SetPin", user="trent", pin="471108")
        self.assert_error("Refused", call, helen, f"{ADMIN}.VerifyPin", user="trent", pin="471109")
        call(helen, f"{ADMIN}.VerifyPin", user="trent", pin="471108")
        call(helen, f"{ADMIN}.RemindUserName", user="trent")
        first = call(helen, f"{ADMIN}.Find", filter="(uid=user0*)")
        names = list(first["users"])
        while "next" in first:
            first = call(helen, f"{ADMIN}.Find", filter="(uid=user0*)", after=first["next"])
            names += first["users"]
        self.assertEqual(["user0501"], call(helen, f"{ADMIN}.Find", filter="(uid=user0501)", after="user0500")["users"])
        self.assertEqual(names, sorted(set(names)))
        self.assert_error("InvalidParameter", call, helen, f"{ADMIN}.Find", filter="(uid=")
        self.assertEqual(0, call(ada, f"{ADMIN}.RemindExpiry", days=1, after="zzz")["reminded"])
        self.assert_error("PermissionDenied", call, helen, f"{ADMIN}.SetPassword", user="trent", password=password64(NEW))
        weak = self.assert_error("PasswordRefused", call, ada, f"{ADMIN}.SetPassword", user="trent", password=password64("trent1"))
        self.assertTrue(weak["reasons"])
        self.assertEqual({}, call(ada, f"{ADMIN}.SetPassword", user="trent", password=password64(NEW)))
        self.assert_password("trent", NEW, [old("trent")])
        made = call(ada, f"{ADMIN}.SetPassword", user="trent", temporary=True)["password"]
        self.assertTrue(re.fullmatch(r"[A-Za-z0-9+/]+=*", made))
        self.assertTrue(call(helen, f"{ADMIN}.Show", user="trent")["record"]["mustChange"])
        call(ada, f"{ADMIN}.SetPassword", user="wendy", mail=True)
        self.mail_to("wendy", "wendy@example.com")

    def drive_service(self, call):
        root, ada = Varlink(self.lab.path("/run/pwreset/ctl"), 90), self.as_person("ada")
        self.addCleanup(root.close)
        self.assertGreater(call(ada, f"{SERVICE}.GetStatus")["sent"], 0)
        call(ada, f"{SERVICE}.CutHost", host="web2.example.com")
        call(ada, f"{SERVICE}.LiftHost", host="web2.example.com")
        self.assertEqual({"host": "web2.example.com", "connections": 0, "guesses": 0, "seconds": 0},
                         call(ada, f"{SERVICE}.GetHost", host="web2.example.com"))
        findings = call(root, f"{SERVICE}.Diagnose")["findings"]
        self.assertEqual([], [finding for finding in findings if finding["severity"] == "error"])
        told = call(root, f"{SERVICE}.TestMail", address="oscar@example.com")
        self.assertTrue(told["delivered"] and all(step["ok"] for step in told["steps"]), told)
        self.assertEqual(0, call(ada, f"{SERVICE}.GetHost", host="somehost.example.com")["seconds"])
        call(ada, f"{SERVICE}.CutHost", host="somehost.example.com")
        self.assertGreater(call(ada, f"{SERVICE}.GetHost", host="somehost.example.com")["seconds"], 80000)
        call(ada, f"{SERVICE}.LiftHost", host="somehost.example.com")
        self.assertEqual(0, call(ada, f"{SERVICE}.GetHost", host="somehost.example.com")["seconds"])
        self.assert_error("PermissionDenied", call, self.as_person("helen"), f"{SERVICE}.CutHost", host="x")
        self.assert_error("PermissionDenied", call, ada, f"{SERVICE}.Diagnose")
        self.assert_error("PermissionDenied", call, ada, f"{SERVICE}.TestMail", address="oscar@example.com")

    def test_python_drives_every_method_by_the_documents(self):
        call = Driver(self)
        self.drive_account(call)
        self.drive_admin(call)
        self.drive_service(call)
        self.assertEqual([], call.undriven(), "documented, but not driven")


if __name__ == "__main__":
    unittest.main(verbosity=2)
