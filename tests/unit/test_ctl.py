#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pwresetctl itself, against a scripted service: output, prompts, exit codes, bulk work, completion and manual.

test_ctl.py PROGRAM SOURCE_FOLDER. What a real daemon answers is tried by tests/e2e; here the answers are ours.
"""
import base64
import json
import os
import pathlib
import pty
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = sys.argv.pop(1)
SOURCE = pathlib.Path(sys.argv.pop(1))
ENV = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "TZ": "UTC",
       **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
OWN = pwd.getpwuid(os.getuid()).pw_name
FAILURE = "org.pwreset.Failure."


class Service:
    """Answers each call by answer(method, parameters) -> dict, or several of them one after the other; None to hang up."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = []
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name + "/s"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        data = b""
        with peer:
            while True:
                try:
                    part = peer.recv(65536)
                except ConnectionResetError:
                    return
                if not part:
                    return
                data += part
                while b"\0" in data:
                    message, data = data.split(b"\0", 1)
                    assert len(message) < 65536
                    call = json.loads(message)
                    self.calls.append(call)
                    answer = self.answer(call["method"], call.get("parameters", {}))
                    for reply in [answer] if answer is None or isinstance(answer, dict) else answer:
                        if reply is None:
                            return
                        reply = json.dumps(reply, ensure_ascii=False).encode()
                        assert len(reply) < 65536, "the service may not say more either"
                        try:
                            peer.sendall(reply + b"\0")
                        except BrokenPipeError:
                            return

    def close(self):
        # Wakes the thread before the descriptor's number can become another service's.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        self.folder.cleanup()


def ok(**parameters):
    return {"parameters": parameters}


def error(name, **parameters):
    return {"error": name, "parameters": parameters}


class Case(unittest.TestCase):
    def service(self, answer):
        service = Service(answer if callable(answer) else lambda method, parameters: answer)
        self.addCleanup(service.close)
        return service

    def run_ctl(self, answer, *args, stdin="", timeout=60):
        self.served = self.service(answer)
        return subprocess.run([PROGRAM, "--socket=" + self.served.path, *args], input=stdin, text=True, errors="surrogateescape",
                              capture_output=True, env=ENV, timeout=timeout)

    def parameters(self):
        return self.served.calls[-1].get("parameters", {})


RECORD = {
    "user": "carol", "name": "Carol \u001b[31mRed", "dn": "uid=carol,ou=people", "uidNumber": 1003, "state": "locked", "privileged": False,
    "addresses": ["c***@e***.com"], "passwordChanged": 1795290302, "mustChange": True, "failures": 3, "lockedSince": 1795290302,
    "questions": 0, "questionTriesLeft": 0, "savedCodes": 9, "pin": True,
    "requests": [{"kind": "link", "id": "abc", "expires": 1795290302, "triesLeft": 1}],
    "events": [{"time": 1795290302, "what": "changed", "by": "0"}, {"time": 1795290303, "what": "new-event"}],
}


class Output(Case):
    def test_show(self):
        got = self.run_ctl(ok(record=RECORD), "show", "carol")
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        self.assertEqual(self.served.calls, [{"method": "org.pwreset.Admin.Show", "parameters": {"user": "carol"}}])
        for line in ("                  User: carol", "                  Name: Carol ?[31mRed", "                 State: locked by failures: see unlock",
                     "      Password changed: 2026-11-21 19:45:02 UTC", "        Must change it: yes", "             Addresses: c***@e***.com",
                     "OPEN  UNTIL                    TRIES LEFT  ID", "link  2026-11-21 19:45:02 UTC  1           abc",
                     "2026-11-21 19:45:02 UTC  new password   root", "2026-11-21 19:45:03 UTC  new-event      -"):
            self.assertIn(line + "\n", got.stdout)
        self.assertNotIn("\x1b", got.stdout)

    def test_show_tells_what_is_over_and_what_is_temporary(self):
        """A state of "active" must not hide a password that is over."""
        record = {**RECORD, "addresses": ["c***@e***.com", "d***@e***.org"], "passwordExpires": 1700000000, "temporaryUntil": 1795290302,
                  "earlierPasswords": 4}
        got = self.run_ctl(ok(record=record), "show", "carol").stdout
        for line in ("      Password expired: 2023-11-14 22:13:20 UTC", "      Temporary, until: 2026-11-21 19:45:02 UTC",
                     "     Earlier passwords: 4", "             Addresses: c***@e***.com", "                        d***@e***.org"):
            self.assertIn(line + "\n", got)
        later = self.run_ctl(ok(record={**record, "passwordExpires": 4000000000}), "show", "carol").stdout
        self.assertIn("      Password expires: 2096-", later)

    def test_json_is_what_the_service_said(self):
        for mode in ("short", "pretty"):
            got = self.run_ctl(ok(record=RECORD), "show", "carol", "--json=" + mode)
            self.assertEqual(json.loads(got.stdout), {"record": RECORD})
            self.assertEqual(got.stdout.count("\n") == 1, mode == "short")
            self.assertNotIn("\x1b", got.stdout)
        self.assertEqual(self.run_ctl(ok(record=RECORD), "show", "carol", "-j").stdout.count("\n"), 1)

    def test_status(self):
        answer = ok(user="dave", addresses=[{"address": "d***@e***.org", "state": "waiting", "own": True}], questions=3, savedCodes=10,
                    missing=["mail", "something-new"])
        got = self.run_ctl(answer, "status")
        self.assertIn("             Addresses: d***@e***.org (recovery address, counts 24 hours after it was confirmed)\n", got.stdout)
        self.assertIn("                        something-new\n", got.stdout)
        self.assertEqual(self.served.calls[0]["parameters"], {})

    def test_test_mail(self):
        steps = [{"step": "connect", "ok": True, "text": "127.0.0.1:25"}, {"step": "RCPT TO", "ok": False, "text": "550 no", "remedy": "ask the relay"}]
        got = self.run_ctl(ok(delivered=False, steps=steps), "test-mail", "a@example.com")
        self.assertEqual(got.returncode, 1)
        self.assertEqual(got.stdout, "ok      connect: 127.0.0.1:25\nFAILED  RCPT TO: 550 no\n        ask the relay\n"
                                     "The relay has not taken the message.\n")
        self.assertEqual(self.run_ctl(ok(delivered=True, steps=[]), "test-mail", "a@example.com").returncode, 0)
        self.assertEqual(self.run_ctl(None, "test-mail", "not an address").returncode, 2)

    def test_statistics_and_policy(self):
        got = self.run_ctl(ok(version="9.9", queued=5, oldest=300, sent=1, failed=2, refused=3), "statistics")
        self.assertIn("      The oldest since: 5 min\n", got.stdout)
        got = self.run_ctl(ok(minLength=8, maxBytes=511, minBits=40), "policy")
        self.assertIn("8 characters or more", got.stdout)

    def test_doctor_has_the_daemons_findings(self):
        finding = {"severity": "warning", "what": "acl-any", "text": "Too much.", "evidence": "cn=\u009bx", "remedy": "less"}
        got = self.run_ctl(ok(findings=[finding, {"severity": "ok", "what": "fine", "text": "Fine."}]), "doctor")
        self.assertIn("warning: Too much. [acl-any]\n    seen: cn=?x\n    mend: less\n", got.stdout)
        self.assertNotIn("[fine]", got.stdout)
        self.assertIn("[fine]", self.run_ctl(ok(findings=[{"severity": "ok", "what": "fine", "text": "Fine."}]), "doctor", "--all").stdout)
        found = json.loads(self.run_ctl(ok(findings=[finding]), "doctor", "--json=short").stdout)["findings"]
        self.assertIn(finding, found)
        self.assertIn("[not-root]", self.run_ctl(error("org.varlink.service.PermissionDenied"), "doctor").stdout)

    def test_doctor_tells_what_could_not_be_asked(self):
        """A mail or a redemption that was asked for and not tried is an error, whatever kept it from being tried."""
        def found(answer, *args):
            got = self.run_ctl(answer, "doctor", "--json=short", *args)
            findings = {(f["what"], f["severity"]) for f in json.loads(got.stdout)["findings"]}
            self.assertEqual(got.returncode, any(severity == "error" for _, severity in findings))
            return findings

        def no_mail(reply):
            return lambda method, parameters: reply if method.endswith("TestMail") else ok(findings=[])
        for reply in (None, error(FAILURE + "Unavailable"), {"nonsense": 1}):
            self.assertIn(("mail", "error"), found(no_mail(reply), "--test-mail=a@example.com"))
        self.assertNotIn(("mail", "error"), found(no_mail(ok(delivered=True, steps=[])), "--test-mail=a@example.com"))
        tried = {"severity": "ok", "what": "canary", "text": "Fine."}
        for answer in (ok(findings=[]), None, error("org.varlink.service.PermissionDenied"), error(FAILURE + "Unavailable")):
            self.assertIn(("canary", "error"), found(answer, "--canary"))
            self.assertNotIn(("canary", "error"), found(answer))
        self.assertNotIn(("canary", "error"), found(ok(findings=[tried]), "--canary"))

    def test_find_goes_on_to_the_end(self):
        def answer(method, parameters):
            return ok(users=["a", "b"], next="b") if "after" not in parameters else ok(users=["c"])
        got = self.run_ctl(answer, "find", "(uid=*)")
        self.assertEqual(got.stdout, "a\nb\nc\n")
        self.assertEqual([c["parameters"].get("after") for c in self.served.calls], [None, "b"])
        self.assertEqual(json.loads(self.run_ctl(answer, "find", "(uid=*)", "--json=pretty").stdout), {"users": ["a", "b", "c"]})
        # A service that always says "next" does not keep the tool for ever.
        self.assertEqual(self.run_ctl(ok(users=["a"], next="b"), "find", "(uid=*)").stdout, "a\na\n")

    def test_remind_expiry(self):
        def answer(method, parameters):
            return ok(reminded=3, next="m") if "after" not in parameters else ok(reminded=4)
        self.assertEqual(self.run_ctl(answer, "remind-expiry", "--days=7").stdout, "People reminded: 7.\n")
        self.assertEqual(self.served.calls[0]["parameters"], {"days": 7})

    def test_pepper(self):
        lines = {self.run_ctl(None, "pepper").stdout for _ in range(3)}
        self.assertEqual(len(lines), 3)
        for line in lines:
            match = re.fullmatch(r"([A-Za-z0-9_-]{1,16}):([A-Za-z0-9+/=]+)\n", line)
            self.assertEqual(len(base64.b64decode(match[2], validate=True)), 32)


class Errors(Case):
    def test_exit_codes_and_words(self):
        for name, parameters, code, words in (
                (FAILURE + "Refused", {}, 3, "Refused"),
                (FAILURE + "NotAllowed", {"reason": "privileged"}, 3, "Not allowed: the account is privileged"),
                (FAILURE + "NotAllowed", {"reason": "new\x1breason"}, 3, "Not allowed: new?reason"),
                (FAILURE + "TryLater", {"seconds": 150}, 5, "Try again in 2 min."),
                (FAILURE + "Unavailable", {}, 5, "does not answer"),
                (FAILURE + "OutcomeUnknown", {}, 1, "may have been done or not"),
                ("org.varlink.service.PermissionDenied", {}, 3, "not permitted"),
                ("org.varlink.service.MethodNotFound", {"method": "x.Y"}, 1, "does not know x.Y"),
                ("org.varlink.service.InvalidParameter", {"parameter": "user"}, 2, '"user"'),
                ("org.varlink.service.InvalidParameter", {"parameter": "filter"}, 2, "such as '(gidNumber=20007)'"),
                ("org.example.Odd", {}, 1, "org.example.Odd")):
            with self.subTest(error=name):
                got = self.run_ctl(error(name, **parameters), "unlock", "carol")
                self.assertEqual((got.returncode, got.stdout), (code, ""))
                self.assertTrue(got.stderr.startswith("pwresetctl: "))
                self.assertIn(words, got.stderr)

    def test_service_not_there(self):
        got = subprocess.run([PROGRAM, "--socket=/nonexistent/s", "show", "x"], capture_output=True, text=True, env=ENV)
        self.assertEqual(got.returncode, 4)
        self.assertIn("systemctl enable --now pwreset-ctl.socket", got.stderr)

    def test_service_hangs_up_or_lies(self):
        self.assertEqual(self.run_ctl(None, "show", "x").returncode, 4)
        got = self.run_ctl({"nonsense": 1}, "show", "x")
        self.assertEqual(got.returncode, 4)
        self.assertIn("is not pwresetd", got.stderr)

    def test_broken_pipe_and_full_disk(self):
        service = self.service(ok(users=["x" * 50] * 1000))
        with open("/dev/full", "wb") as full:
            got = subprocess.run([PROGRAM, "--socket=" + service.path, "find", "(a=b)"], stdout=full, stderr=subprocess.PIPE, env=ENV)
        self.assertEqual(got.returncode, 1)
        self.assertIn(b"could not be written", got.stderr)

    def test_first_failure_is_the_status_and_others_are_tried(self):
        def answer(method, parameters):
            return error(FAILURE + "NotAllowed", reason="privileged") if parameters["user"] == "b" else ok()
        got = self.run_ctl(answer, "revoke", "a", "b", "c")
        self.assertEqual(got.returncode, 3)
        self.assertEqual(len(self.served.calls), 3)
        self.assertIn("That was b.", got.stderr)


class Secrets(Case):
    """--stdin and the terminal."""

    def test_set_password_stdin(self):
        got = self.run_ctl(ok(), "set-password", "carol", "--stdin", "--temporary", stdin="pass wörd \n")
        self.assertEqual(got.returncode, 0)
        self.assertEqual(self.parameters(), {"user": "carol", "password": base64.b64encode("pass wörd ".encode()).decode(), "temporary": True})

    def test_set_password_generated(self):
        shown = base64.b64encode(b"river-lamp-42").decode()
        self.assertEqual(self.run_ctl(ok(password=shown), "set-password", "carol", "--generate").stdout, "New password: river-lamp-42\n")
        self.assertEqual(self.parameters(), {"user": "carol"})
        self.assertEqual(self.run_ctl(ok(password=shown), "-q", "set-password", "carol", "--generate").stdout, "river-lamp-42\n")
        self.assertEqual(self.run_ctl(ok(), "set-password", "carol", "--mail").returncode, 0)
        self.assertEqual(self.parameters(), {"user": "carol", "mail": True})
        for wrong in (("--generate", "--mail"), ("--generate", "--stdin"), ("--mail", "--stdin")):
            self.assertEqual(self.run_ctl(ok(), "set-password", "carol", *wrong).returncode, 2)

    def test_refused_inputs(self):
        for text, code in (("", 1), ("x" * 512 + "\n", 2), ("a\0b\n", 2)):
            got = self.run_ctl(ok(), "set-password", "carol", "--stdin", stdin=text)
            self.assertEqual((got.returncode, self.served.calls), (code, []))
        self.assertEqual(self.run_ctl(ok(), "set-password", "carol", "--stdin", stdin="x" * 511).returncode, 0)

    def test_pins(self):
        for pin, code in (("1234", 0), ("123", 2), ("1234567890123", 2), ("12a4", 2), ("", 1)):
            got = self.run_ctl(ok(), "set-pin", "carol", "--stdin", stdin=pin + "\n" if pin else "")
            self.assertEqual(got.returncode, code, pin)
        got = self.run_ctl(error(FAILURE + "Refused"), "verify-pin", "carol", "--stdin", stdin="0000\n")
        self.assertEqual(got.returncode, 3)
        self.assertEqual(self.parameters(), {"user": "carol", "pin": "0000"})

    def test_password_refused_says_why(self):
        got = self.run_ctl(error(FAILURE + "PasswordRefused", reasons=["common", "new-code"], hints=["longer"], bits=5), "set-password", "carol",
                           "--stdin", stdin="x\n")
        self.assertEqual(got.returncode, 3)
        self.assertIn("  It is among the most common passwords.\n  new-code\n  Make it longer.\n", got.stderr)

    def test_enroll_questions_stdin(self):
        got = self.run_ctl(ok(), "enroll", "questions", "--stdin", stdin="current\nq1\tan answer\nq2\tzwölf\n")
        self.assertEqual(got.returncode, 0)
        self.assertEqual(self.parameters(), {"user": OWN, "current": base64.b64encode(b"current").decode(),
                                             "answers": [{"id": "q1", "answer": "an answer"}, {"id": "q2", "answer": "zwölf"}]})
        self.assertEqual(self.run_ctl(ok(), "enroll", "questions", "--stdin", stdin="current\nno tab\n").returncode, 2)
        got = self.run_ctl(error("org.pwreset.Account.AnswerRefused", index=1, reason="common"), "enroll", "questions", "--stdin",
                           stdin="c\nq1\ta\nq2\tb\n")
        self.assertIn("Answer 2 cannot be taken: too many people would give it.", got.stderr)

    def test_enroll_codes_and_mail(self):
        got = self.run_ctl(ok(codes=["AAAA-BBBB", "CCCC-DDDD"]), "enroll", "codes", "--stdin", "-q", stdin="pw\n")
        self.assertEqual(got.stdout, "    AAAA-BBBB\n    CCCC-DDDD\n")
        got = self.run_ctl(ok(), "enroll", "mail", "a@example.com", "--stdin", stdin="pw\n")
        self.assertIn("pwresetctl confirm-mail a@example.com", got.stdout)
        self.assertEqual(self.run_ctl(ok(), "confirm-mail", "a@example.com", "--stdin", stdin="7KQ4-M2XD\n").returncode, 0)
        self.assertEqual(self.parameters(), {"user": OWN, "address": "a@example.com", "code": "7KQ4-M2XD"})
        for wrong in (["mail"], ["codes", "x"], ["pins"], ["mail", "not an address"]):
            self.assertEqual(self.run_ctl(ok(), "enroll", *wrong, "--stdin").returncode, 2, wrong)

    def test_check_password(self):
        got = self.run_ctl(ok(accepted=False, reasons=["leaked"], hints=[], bits=12), "check-password", "--stdin", "--user=eve", stdin="x\n")
        self.assertEqual((got.returncode, got.stdout), (3, "Not good enough: about 12 bits.\n  It was found in leaked passwords.\n"))
        self.assertEqual(self.parameters()["user"], "eve")

    def test_check_password_batch(self):
        later = iter([error(FAILURE + "TryLater", seconds=1)])

        def answer(method, parameters):
            password = base64.b64decode(parameters["password"])
            if password == b"second":
                reply = next(later, None)
                if reply:
                    return reply
            return ok(accepted=password != b"bad", reasons=["common", "too-short"] if password == b"bad" else [], hints=[], bits=50)
        text = "good\nbad\tlogin\tAda Lovelace, Office\nsecond\n" + "x" * 600 + "\n\n"
        got = self.run_ctl(answer, "check-password", "--batch", stdin=text)
        self.assertEqual(got.stdout, "ok\ncommon too-short\nok\ntoo-long\nok\n")
        self.assertEqual(self.served.calls[1]["parameters"]["words"], ["login", "Ada", "Lovelace", "Office"])
        self.assertEqual(got.returncode, 0)


class Terminal(Case):
    def talk(self, answer, args, dialogue, end=0):
        """Types each reply when its prompt has come; returns all that was shown."""
        self.served = self.service(answer)
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(PROGRAM, [PROGRAM, "--socket=" + self.served.path, *args], ENV)
        shown, seen = b"", 0
        try:
            for prompt, reply in dialogue:
                limit = time.monotonic() + 20
                while prompt.encode() not in shown[seen:]:
                    self.assertLess(time.monotonic(), limit, f"no {prompt!r} in {shown!r}")
                    if select.select([fd], [], [], 0.2)[0]:
                        shown += os.read(fd, 4096)
                seen = len(shown)
                # At once: what was typed before a question is flushed, and the question comes after that.
                os.write(fd, reply.encode())
            while True:
                try:
                    part = os.read(fd, 4096)
                except OSError:
                    break
                if not part:
                    break
                shown += part
        finally:
            # A child that still asks ends by the hang-up.
            os.close(fd)
            _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), end, shown)
        return shown.decode()

    def test_password_is_not_shown_and_asked_twice(self):
        shown = self.talk(ok(), ["set-password", "carol"],
                          [("New password: ", "first\n"), ("Retype new password: ", "other\n"), ("New password: ", "sEcret1\n"), ("Retype new password: ", "sEcret1\n")])
        self.assertNotIn("sEcret1", shown)
        self.assertNotIn("first", shown)
        self.assertIn("They are not the same.", shown)
        self.assertEqual(self.parameters()["password"], base64.b64encode(b"sEcret1").decode())

    def test_interrupt(self):
        self.talk(ok(), ["set-password", "carol"], [("New password: ", "abc\x03")], end=-signal.SIGINT)
        self.assertEqual(self.served.calls, [])

    def test_enroll_questions(self):
        def answer(method, parameters):
            if method.endswith("ListQuestions"):
                return ok(questions=[{"id": f"q{i}", "text": f"Question {i}?"} for i in range(1, 5)], minimum=2)
            return ok()
        again = "Answer again: "
        shown = self.talk(answer, ["enroll", "questions"],
                          [("Current password: ", "cur\n"), ("Number of a question: ", "9\n"), ("Number of a question: ", "2\n"), ("Answer: ", "two\n"),
                           (again, "two\n"), ("Number of a question: ", "2\n"), ("Number of a question: ", "4\n"), ("Answer: ", "four\n"), (again, "four\n")])
        self.assertIn("Your secret questions are set up.", shown)
        self.assertEqual(self.parameters()["answers"], [{"id": "q2", "answer": "two"}, {"id": "q4", "answer": "four"}])
        self.assertNotIn("four", shown)

    def test_enroll_questions_that_are_too_few(self):
        shown = self.talk(ok(questions=[{"id": "q1", "text": "Question 1?"}], minimum=2), ["enroll", "questions"],
                          [("Current password: ", "cur\n")], end=1)
        self.assertIn("The service offers too few questions: 1, and 2 have to be answered.", shown)
        self.assertEqual(["org.pwreset.Account.ListQuestions"], [call["method"] for call in self.served.calls])

    def test_no_terminal(self):
        service = self.service(ok())
        got = subprocess.run([PROGRAM, "--socket=" + service.path, "set-password", "x"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             env=ENV, start_new_session=True)
        self.assertEqual(got.returncode, 2)
        self.assertIn("--stdin", got.stderr)


class Bulk(Case):
    def send(self, answer, names, *args, **kwargs):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            f.write("".join(name + "\n" for name in names))
            f.flush()
            return self.run_ctl(answer, "send-link", "--file=" + f.name, *args, **kwargs)

    @staticmethod
    def all_ok(method, parameters):
        return ok(results=[{"user": u, "status": "no-address" if u.endswith("99") else "ok"} for u in parameters["users"]])

    def test_one(self):
        got = self.run_ctl(self.all_ok, "send-link", "carol", "user99")
        self.assertEqual(got.stdout, "USER    RESULT\ncarol   a link is on its way\nuser99  no e-mail address is on file: see set-mail\n")
        self.assertEqual((got.returncode, got.stderr), (1, ""))
        self.assertEqual(self.run_ctl(self.all_ok, "send-link", "user99").returncode, 3)
        self.assertEqual(self.run_ctl(self.all_ok, "send-link", "carol").returncode, 0)

    def test_many(self):
        names = [f"user{i}" for i in range(1234)]
        got = self.send(self.all_ok, names)
        sizes = [len(c["parameters"]["users"]) for c in self.served.calls]
        self.assertEqual(sizes, [500, 500, 234])
        self.assertEqual(sum((c["parameters"]["users"] for c in self.served.calls), []), names)
        ids = {c["parameters"]["batch"] for c in self.served.calls}
        self.assertEqual(len(ids), 1)
        self.assertIn(f"--batch={ids.pop()}", got.stderr)
        self.assertIn("Links on their way: 1222, refused: 12.\n", got.stdout)
        self.assertEqual(got.stdout.count("no e-mail address"), 12)
        self.assertEqual(got.returncode, 1)

    def test_long_names_fit_into_messages(self):
        for letter in "ü", "\\", "\U0001f600":
            names = [letter * (240 // len(letter.encode())) + f"{i}a" for i in range(600)]
            got = self.send(self.all_ok, names, "-q")
            self.assertEqual(sum(len(c["parameters"]["users"]) for c in self.served.calls), 600)
            self.assertEqual((got.returncode, got.stderr), (0, ""))

    def test_goes_on_after_trouble(self):
        trouble = iter([None, error(FAILURE + "TryLater", seconds=1), error(FAILURE + "Unavailable")])

        def answer(method, parameters):
            for reply in trouble:
                return reply
            return self.all_ok(method, parameters)
        got = self.send(answer, [f"u{i}a" for i in range(600)])
        self.assertEqual(got.returncode, 0)
        self.assertEqual([len(c["parameters"]["users"]) for c in self.served.calls], [500, 500, 500, 500, 100])
        self.assertEqual(len({c["parameters"]["batch"] for c in self.served.calls}), 1)
        self.assertIn("Links on their way: 600, refused: 0.", got.stdout)

    def test_stops_when_not_permitted(self):
        got = self.send(error("org.varlink.service.PermissionDenied"), [f"u{i}" for i in range(600)])
        self.assertEqual((got.returncode, len(self.served.calls)), (3, 1))
        self.assertIn("Stopped after 0 of 600. To go on:", got.stderr)

    def test_interrupted_and_resumed(self):
        release = threading.Event()

        def answer(method, parameters):
            if len(self.served.calls) == 2:
                release.wait(20)
            return self.all_ok(method, parameters)
        self.served = self.service(answer)
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("".join(f"u{i}\n" for i in range(2000)))
            f.flush()
            program = subprocess.Popen([PROGRAM, "--socket=" + self.served.path, "send-link", "--file=" + f.name], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=ENV)
            while len(self.served.calls) < 2:
                time.sleep(0.02)
            program.send_signal(signal.SIGINT)
            time.sleep(0.2)
            release.set()
            out, err = program.communicate(timeout=30)
            # The call in hand was finished, no other begun.
            self.assertEqual((program.returncode, len(self.served.calls)), (130, 2))
            self.assertIn("Stopped after 1000 of 2000. To go on:", err)
            command = re.findall(r"pwresetctl (send-link --file='(.*)' --batch=(\S+))", err)[-1]
            self.assertEqual(command[1], f.name)
            again = self.run_ctl(self.all_ok, "send-link", "--file=" + f.name, "--batch=" + command[2])
        self.assertEqual(again.returncode, 1)
        self.assertEqual({c["parameters"]["batch"] for c in self.served.calls}, {command[2]})

    def test_filter_and_stdin(self):
        def answer(method, parameters):
            if method.endswith("Find"):
                return ok(users=[f"f{i}" for i in range(30)])
            return self.all_ok(method, parameters)
        got = self.run_ctl(answer, "send-link", "--filter=(ou=x)")
        self.assertIn("Links on their way: 30", got.stdout)
        got = self.run_ctl(ok(users=[]), "send-link", "--filter=(ou=x)")
        self.assertEqual((got.returncode, got.stdout, len(self.served.calls)), (3, "", 1))
        self.assertIn("The filter selects nobody", got.stderr)
        self.assertEqual(self.run_ctl(answer, "send-link", "--file=-").returncode, 0)
        got = self.run_ctl(answer, "send-link", "--file=-", "--json=short", stdin="a\n\nb\r\n")
        self.assertEqual(json.loads(got.stdout), {"results": [{"user": "a", "status": "ok"}, {"user": "b", "status": "ok"}]})

    def test_wrong_command_lines(self):
        for args in ([], ["a", "--file=x"], ["--file=/nonexistent"], ["a", "--batch"], ["--filter=x", "--file=y"], [" "]):
            got = self.run_ctl(self.all_ok, "send-link", *args)
            self.assertEqual((got.returncode, self.served.calls), (2, []), args)

    def test_bad_lines_are_all_named_before_anything_is_sent(self):
        lines = ["good", "bad\x01name", "", "long" * 70, "fine", "also\x1b[31mbad"] + ["\x02"] * 30
        got = self.send(self.all_ok, lines)
        self.assertEqual((got.returncode, self.served.calls, got.stdout), (2, [], ""))
        said = got.stderr.splitlines()
        self.assertRegex(said[0], r'/tmp/.*:2: "bad\?name" is no user name: one a line, ')
        self.assertRegex(said[1], r':4: "longlong.*" is no user name')
        self.assertRegex(said[2], r':6: "also\?\[31mbad" is no')
        self.assertEqual(len(said), 21)
        self.assertRegex(said[20], r"Lines to be mended or taken out of /tmp/\S+: 33\. Nothing was sent\.")
        with tempfile.NamedTemporaryFile("wb") as f:
            for text in b"a\0b\n", b"\xff\xfe\n", b"x" * 100000:
                f.seek(0)
                f.truncate()
                f.write(b"good\n" + text)
                f.flush()
                got = self.run_ctl(self.all_ok, "send-link", "--file=" + f.name)
                self.assertEqual((got.returncode, self.served.calls), (2, []))
                self.assertIn(":2: ", got.stderr)

    def test_what_editors_and_tables_leave_in_a_file(self):
        with tempfile.NamedTemporaryFile("wb") as f:
            f.write(b"\xef\xbb\xbfcarol\r\n  dave\t\r\n\n \ncarol\neve")
            f.flush()
            got = self.run_ctl(self.all_ok, "send-link", "--file=" + f.name)
        self.assertEqual(self.parameters()["users"], ["carol", "dave", "eve"])
        self.assertIn("Named more than once and sent one link: 1.", got.stderr)
        self.assertEqual(got.returncode, 0)

    def test_many_times_the_same(self):
        names = [f"u{i % 700}a" for i in range(5000)]
        got = self.send(self.all_ok, names)
        self.assertEqual(sum((c["parameters"]["users"] for c in self.served.calls), []), names[:700])
        self.assertIn("Links on their way: 700, refused: 0.", got.stdout)

    def parts(self, method, parameters, size=50):
        users = parameters["users"]
        for i in range(0, len(users), size):
            reply = self.all_ok(method, {"users": users[i:i + size]})
            yield {**reply, "continues": True} if i + size < len(users) else reply

    def test_parts(self):
        names = [f"user{i}" for i in range(1234)]
        got = self.send(self.parts, names)
        self.assertTrue(all(c["more"] for c in self.served.calls))
        self.assertEqual(sum((c["parameters"]["users"] for c in self.served.calls), []), names)
        self.assertIn("Links on their way: 1222, refused: 12.\n", got.stdout)
        got = self.send(self.parts, names, "--json=short", "-q")
        lines = [json.loads(line) for line in got.stdout.splitlines()]
        self.assertEqual(len(lines), 25)
        self.assertEqual([r["user"] for line in lines for r in line["results"]], names)

    def test_cut_off_between_parts_goes_on_behind_them(self):
        trouble = iter([120, None])

        def answer(method, parameters):
            replies, keep = list(self.parts(method, parameters)), next(trouble, None)
            return replies if keep is None else [*replies[:2], None]
        names = [f"u{i}a" for i in range(300)]
        got = self.send(answer, names)
        self.assertEqual(got.returncode, 0)
        self.assertEqual([len(c["parameters"]["users"]) for c in self.served.calls], [300, 200])
        self.assertEqual(len({c["parameters"]["batch"] for c in self.served.calls}), 1)
        self.assertIn("Links on their way: 300, refused: 0.", got.stdout)

    def test_a_service_that_says_nothing_of_it(self):
        got = self.send(ok(results=[]), ["a", "b"])
        self.assertEqual((got.returncode, len(self.served.calls)), (4, 1))

    def test_interrupted_between_parts(self):
        release = threading.Event()

        def answer(method, parameters):
            for i, reply in enumerate(self.parts(method, parameters)):
                if i == 2:
                    release.wait(20)
                yield reply
        self.served = self.service(answer)
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("".join(f"u{i}\n" for i in range(400)))
            f.flush()
            program = subprocess.Popen([PROGRAM, "--socket=" + self.served.path, "send-link", "--file=" + f.name], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=ENV)
            while not self.served.calls:
                time.sleep(0.02)
            time.sleep(0.2)
            program.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            release.set()
            _, err = program.communicate(timeout=30)
        self.assertEqual((program.returncode, len(self.served.calls)), (130, 1))
        self.assertIn("Stopped after 150 of 400. To go on:", err)

    def test_few_interrupted_between_parts(self):
        release = threading.Event()

        def answer(method, parameters):
            for i, reply in enumerate(self.parts(method, parameters, size=1)):
                if i == 1:
                    release.wait(20)
                yield reply
        self.served = self.service(answer)
        program = subprocess.Popen([PROGRAM, "--socket=" + self.served.path, "send-link", "a", "b", "c"], stdout=subprocess.DEVNULL, env=ENV)
        while not self.served.calls:
            time.sleep(0.02)
        time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        time.sleep(0.2)
        release.set()
        self.assertEqual((program.wait(30), len(self.served.calls)), (130, 1))

    def test_progress_on_a_terminal_and_nothing_elsewhere(self):
        def answer(method, parameters):
            for reply in self.parts(method, parameters):
                time.sleep(0.12)
                yield reply
        names = [f"u{i}a" for i in range(400)]
        self.assertNotIn("a second", self.send(answer, names).stderr)
        self.served = self.service(answer)
        ours, theirs = pty.openpty()
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("".join(name + "\n" for name in names))
            f.flush()
            program = subprocess.Popen([PROGRAM, "--socket=" + self.served.path, "send-link", "--file=" + f.name],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, env=ENV)
            os.close(theirs)
            shown = b""
            while True:
                try:
                    data = os.read(ours, 4096)
                except OSError:
                    break
                if not data:
                    break
                shown += data
            program.communicate(timeout=10)
        os.close(ours)
        self.assertRegex(shown.decode(), r"\r\x1b\[K\d+/400 \(\d+%\), \d+ a second, .* left, 0 refused")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-80:])


class Fleet(unittest.TestCase):
    """The two scripts, run in a folder of their own, with stand-ins for what would change this host."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in ("bin", "pwreset"):
            (self.root / name).mkdir(parents=True)
        for name in ("systemd-sysusers", "systemctl", "pam-auth-update", "usermod", "selinuxenabled"):
            stand_in = self.root / "bin" / name
            stand_in.write_text(f"#!/bin/sh\nexit {int(name == 'selinuxenabled')}\n")
            stand_in.chmod(0o755)
        keygen = self.root / "bin/ssh-keygen"
        keygen.write_text("#!/bin/sh\nfor f; do :; done; echo secret > $f; echo public > $f.pub\n")
        keygen.chmod(0o755)

    def run_scripts(self, *args, central="central1"):
        """What each step has left: the files, by name."""
        argv = [PROGRAM, "fleet", "add", *args, f"--central={central}"]
        text = subprocess.run(argv, capture_output=True, text=True, env=ENV, check=True).stdout
        for script in re.split(r"(?m)^# \d\. ", text)[1:3]:
            script = "# " + script.replace("/etc/pwreset", f"{self.root}/pwreset")
            subprocess.run(["sh", "-eu"], input=script, text=True, capture_output=True, check=True,
                           env={**ENV, "PATH": f"{self.root}/bin:{ENV['PATH']}"})
        return {path.name: path.read_text() for path in self.root.glob("pwreset/*")}

    def key(self, letter):
        path = self.root / f"{letter}.pub"
        path.write_text(f"ssh-ed25519 {letter * 68} root@host\n")
        return str(path)

    def test_run_again(self):
        first = self.run_scripts("web1.example.com", self.key("A"))
        self.assertEqual("Host central1\n\tPort 4722\n\tUser pwreset-relay\n", first["fleet.ssh"])
        self.assertIn("pwreset-central ", first["fleet.known_hosts"])
        # What the administrator has added is not taken away, nor are keys of others; a second central host stands behind the first.
        mine = {"fleet.ssh": "Host central1\n\tHostName 192.0.2.1\n",
                "fleet.known_hosts": "pwreset-central ssh-ed25519 " + "C" * 68 + "\n"}
        for name, text in mine.items():
            (self.root / "pwreset" / name).write_text(text)
        for _ in range(2):
            for central in ("central1", "central2"):
                again = self.run_scripts("web1.example.com", self.key("A"), central=central)
        both = {"fleet.ssh": mine["fleet.ssh"] + first["fleet.ssh"].replace("central1", "central2"),
                "fleet.known_hosts": mine["fleet.known_hosts"] + first["fleet.known_hosts"]}
        self.assertEqual({**first, **both}, again)

    def test_a_new_key_takes_the_place_of_the_old_one(self):
        others = ("web1xexample.com", "web11.example.com", "a.web1.example.com", "web1.example.com.org")
        for host in (*others, "web1.example.com"):
            self.run_scripts(host, self.key("A"))
        lines = self.run_scripts("web1.example.com", self.key("B"))["fleet.keys"].splitlines()
        self.assertEqual(len(lines), len(others) + 1)
        for host, line in zip((*others, "web1.example.com"), lines):
            body = ("B" if host == "web1.example.com" else "A") * 68
            self.assertEqual(line, f'restrict,command="/usr/bin/pwresetctl relay {host}" ssh-ed25519 {body}')
        # Without a key there is nothing yet to put in the old one's place.
        self.assertIn("B" * 68, self.run_scripts("web1.example.com")["fleet.keys"])


class Relay(Case):
    def test_hello_then_bytes(self):
        seen = []

        def answer(method, parameters):
            seen.append((method, parameters))
            return ok(n=len(seen))
        self.served = self.service(answer)
        program = subprocess.Popen([PROGRAM, "--socket=" + self.served.path, "relay", "host7.example.com"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=ENV)
        program.stdin.write(b'{"method":"org.pwreset.Recovery.Requ')
        program.stdin.flush()
        time.sleep(0.1)
        program.stdin.write(b'estCode","parameters":{"user":"x"}}\0')
        program.stdin.flush()
        reply = b""
        while not reply.endswith(b"\0"):
            reply += program.stdout.read1(100)
        self.assertEqual(json.loads(reply[:-1]), {"parameters": {"n": 2}})
        program.stdin.close()
        self.assertEqual(program.wait(10), 0)
        program.stdout.close()
        self.assertEqual(seen, [("org.pwreset.Relay.Hello", {"host": "host7.example.com"}), ("org.pwreset.Recovery.RequestCode", {"user": "x"})])

    def test_who_says_no_more_still_gets_the_answer(self):
        def answer(method, parameters):
            if method.endswith("RequestCode"):
                time.sleep(0.5)
            return ok(said=method)
        self.served = self.service(answer)
        call = b'{"method":"org.pwreset.Recovery.RequestCode","parameters":{"user":"x"}}\0'
        got = subprocess.run([PROGRAM, "--socket=" + self.served.path, "relay", "h"], input=call, capture_output=True, env=ENV,
                             timeout=20, check=False)
        self.assertEqual((got.returncode, got.stdout[-1:]), (0, b"\0"))
        self.assertEqual(json.loads(got.stdout[:-1]), {"parameters": {"said": "org.pwreset.Recovery.RequestCode"}})

    def test_much_both_ways(self):
        self.served = self.service(lambda method, parameters: ok(**parameters))
        program = subprocess.Popen([PROGRAM, "--socket=" + self.served.path, "relay", "h"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENV)
        message = json.dumps({"method": "a.B", "parameters": {"x": "y" * 30000}}).encode() + b"\0"
        writer = threading.Thread(target=lambda: (program.stdin.write(message * 50), program.stdin.flush()))
        writer.start()
        got = b""
        while got.count(b"\0") < 50:
            got += program.stdout.read1(65536)
        writer.join()
        program.stdin.close()
        self.assertEqual(program.wait(10), 0)
        program.stdout.close()

    def test_refused(self):
        self.assertEqual(self.run_ctl(error("org.varlink.service.PermissionDenied"), "relay", "h").returncode, 3)
        for host in ("-oProxyCommand=x", "a b", "a/b", ""):
            got = self.run_ctl(ok(), "relay", "--", host)
            self.assertEqual((got.returncode, self.served.calls), (2, []), host)


class Documents(unittest.TestCase):
    """Help, completion and manual name the same verbs and options."""

    @classmethod
    def setUpClass(cls):
        def help_of(*args):
            return subprocess.run([PROGRAM, *args, "--help"], capture_output=True, text=True, env=ENV, check=True).stdout
        options = re.compile(r"^  (?:(-\w), |)?(--[\w-]+|-\w)", re.M)
        cls.verbs = re.findall(r"^  ([a-z-]+) ", help_of().split("\nOptions:")[0], re.M)
        cls.common = set(options.findall(help_of().split("\nOptions:")[1]))
        cls.own = {v: set(options.findall(help_of(v).split("\nOptions:")[1])) - cls.common for v in cls.verbs}

    def test_there_are_verbs(self):
        self.assertGreater(len(self.verbs), 20)
        self.assertIn(("", "--generate"), self.own["set-password"])

    def test_completion(self):
        text = (SOURCE / "ctl/completion/bash/pwresetctl").read_text()
        table = dict(re.findall(r"^\t\t\[([\w-]+)\]='([^']*)'", text, re.M))
        common = set(table.pop("COMMON").replace("=", "").split())
        self.assertEqual(set(table), set(self.verbs))
        self.assertEqual(common, {o for pair in self.common for o in pair if o})
        for verb in self.verbs:
            with self.subTest(verb=verb):
                self.assertEqual(set(table[verb].replace("=", "").split()), {o for pair in self.own[verb] for o in pair if o})

    def test_manual(self):
        text = (SOURCE / "man/pwresetctl.1").read_text().replace("\\-", "-")
        for verb in self.verbs:
            self.assertRegex(text, rf'\.TP\n\.(B|BI|BR) "?{verb}\b')
        for pair in set().union(self.common, *self.own.values()):
            for option in filter(None, pair):
                self.assertRegex(text, rf'(?m)^\.B[IR]? .*{option}\b')

    def test_every_finding_of_this_host_is_in_the_manual(self):
        text = (SOURCE / "man/pwresetctl.1").read_text()
        codes = set()
        for source in (SOURCE / "ctl").glob("doctor*.c"):
            codes |= set(re.findall(r'SEVERITY_\w+, "([a-z-]+)"', source.read_text()))
            codes |= set(re.findall(r'\.missing, "([a-z-]+)"', source.read_text()))
        self.assertGreater(len(codes), 15)
        section = text.split(".SH FINDINGS")[1].split(".SH ")[0]
        for code in codes:
            self.assertRegex(section, rf'(?<![\w-]){code}(?![\w-])')


if __name__ == "__main__":
    unittest.main()
