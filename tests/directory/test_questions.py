# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secret questions, saved codes, recovery addresses: enrolling and recovering (cases 3, 24 to 28)."""

import base64
import ctypes
import hmac
import itertools
import math
import random
import re
import statistics
import struct
import time

from case import FULL, GOOD, PPOLICY, DirectoryCase, main, now
from slapd import DECOY, PEOPLE, password_of
from worker import Failure, Site, b64, identifier

CONSOLE = {"service": "login", "terminal": "tty1"}
REMOTE = {"service": "sshd", "terminal": "ssh", "address": "192.0.2.7"}
ANSWERS = ["Großer Rolf der Bär", "Ratatouille  niçoise", "Ｔｈｅ Ｃｌａｓｈ"]


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def argon2id(secret, salt):
    """As stretch.c has it, by libsodium itself."""
    made = ctypes.create_string_buffer(32)
    sodium = ctypes.CDLL("libsodium.so.23")
    done = sodium.crypto_pwhash(made, ctypes.c_ulonglong(32), secret, ctypes.c_ulonglong(len(secret)), salt, ctypes.c_ulonglong(2),
                                ctypes.c_size_t(19456 * 1024), 2)
    assert done == 0
    return made.raw


class Enrolment(DirectoryCase):
    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY}

    def ids(self):
        return [question["id"] for question in self.worker.call("Account.ListQuestions")["questions"]]

    def enroll(self, name, answers=ANSWERS, ids=None, worker=None, **caller):
        pairs = [{"id": id, "answer": answer} for id, answer in zip(ids or self.ids(), answers)]
        return (worker or self.worker).call("Account.EnrollQuestions", {
            "user": name, "current": b64(password_of(name)), "answers": pairs}, **caller)

    def ask(self, name, origin=CONSOLE, worker=None, **more):
        return (worker or self.worker).call("Recovery.GetQuestions", {"user": name, "origin": origin, **more}, via="pam")

    def answer(self, name, answers=ANSWERS, origin=CONSOLE, worker=None, at=None, **more):
        return (worker or self.worker).call("Recovery.AnswerQuestions", {
            "user": name, "answers": answers, "origin": origin, **more}, via="pam", now=at or now())

    def test_enrol_ask_answer_set(self):
        name = self.take()
        self.assertEqual(self.enroll(name), {})
        asked = self.ask(name)
        self.assertFalse(asked["needsCode"])
        self.assertEqual([question["id"] for question in asked["questions"]], self.ids()[:3])
        german = self.ask(name, language="de-AT")["questions"][0]["text"]
        self.assertEqual(german, "Wer war Ihr Held, als Sie zehn waren?")
        grant = self.answer(name)["grant"]
        self.assertEqual(self.worker.set_password(grant, GOOD, user=name, via="pam"), {"user": name})
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertEqual(self.worker.call("Admin.Show", {"user": name}, roles=["owner"])["record"]["questionTriesLeft"], 5)

    def test_case_28_forms_of_one_answer(self):
        name = self.take()
        self.enroll(name)
        for answers in (["GROSSER rolf DER BÄR", "ratatouille nic\u0327oise", "the clash"],
                        ["  großer\u00a0Rolf\tder Ba\u0308r ", "RATATOUILLE NIÇOISE", "Ｔｈｅ　Ｃｌａｓｈ"]):
            self.assertIn("grant", self.answer(name, answers))
        for answers in (["grober rolf der bar", *ANSWERS[1:]], [ANSWERS[1], ANSWERS[0], ANSWERS[2]]):
            self.fails("Refused", self.answer, name, answers)

    def test_case_24_one_wrong_looks_like_all_wrong(self):
        name = self.take()
        self.enroll(name)
        for answers in ([*ANSWERS[:2], "wrong"], ["wrong"] * 3, ANSWERS[:2], [""] * 3, ["x" * 5000] * 3):
            self.assertEqual(self.fails("Refused", self.answer, name, answers), {})

    def test_five_tries_a_day_twenty_in_all(self):
        name, start = self.take(), now()
        self.enroll(name, now=start)
        for day in range(4):
            for _ in range(5):
                self.fails("Refused", self.answer, name, ["wrong"] * 3, at=start + day * 86400)
            self.fails("Refused", self.answer, name, at=start + day * 86400)
        self.fails("Refused", self.answer, name, at=start + 5 * 86400)
        # Only questions are off, and IT restores them.
        self.worker.code(name, now=start + 5 * 86400)
        self.worker.call("Admin.Unlock", {"user": name}, roles=["helpdesk"], via="ctl", uid=5, now=start + 5 * 86400)
        self.assertIn("grant", self.answer(name, at=start + 5 * 86400))

    def test_clock_set_back_gives_no_tries(self):
        name, start = self.take(), now()
        self.enroll(name, now=start)
        for _ in range(5):
            self.fails("Refused", self.answer, name, ["wrong"] * 3, at=start)
        self.fails("Refused", self.answer, name, at=start - 86400)

    def test_case_25_fifty_at_once_five_evaluated(self):
        name = self.take()
        self.enroll(name)
        racers = [self.new_worker() for _ in range(50)]
        for number, racer in enumerate(racers):
            racer.send("Recovery.AnswerQuestions", {"user": name, "answers": ["wrong"] * 3, "origin": CONSOLE}, via="pam",
                       deadline=60000)
        for racer in racers:
            self.fails("Refused", racer.receive, 60)
        value = self.slapd.entry(name)["pwresetQuestions"][0].split(":")
        self.assertEqual((value[6], value[8]), ("0", "15"))
        self.fails("Refused", self.answer, name)

    def test_case_26_bad_answers(self):
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "cn", "Maria José Nuñez"), ("replace", "sn", "Nuñez"))
        ids = self.ids()
        cases = [("", "empty"), ("  \t ", "empty"), ("...", "empty"), ("ab", "too-short"), ("é", "too-short"),
                 ("password", "common"), ("123", "common"), ("QWERTY", "common"), ("aaaaaa", "common"), ("Madrid", "common"),
                 (name, "personal"), ("josé", "personal"), ("NUN\u0303EZ maria", "personal"),
                 (f"{name}@example.com", "personal"), ("example", "personal"),
                 ("your hero", "in-question"), ("als Sie zehn", "in-question"), ("héros", "in-question")]
        for answer, reason in cases:
            refused = self.fails("AnswerRefused", self.enroll, name, [answer, *ANSWERS[1:]])
            self.assertEqual(refused, {"index": 0, "reason": reason}, answer)
        refused = self.fails("AnswerRefused", self.enroll, name, [ANSWERS[0], ANSWERS[1], " grosser rolf  der bär"])
        self.assertEqual(refused, {"index": 2, "reason": "duplicate"})
        refused = self.fails("AnswerRefused", self.enroll, name, ids=[ids[0], ids[1], ids[0]])
        self.assertEqual(refused, {"index": 2, "reason": "duplicate"})
        for ids_ in ([ids[0], ids[1]], ids[:4], [ids[0], ids[1], "no-such-question"]):
            self.fails("InvalidParameter", self.enroll, name, [*ANSWERS, "one answer more"][:len(ids_)], ids=ids_)
        self.assertNotIn("pwresetQuestions", self.slapd.entry(name))

    def test_case_3_decoys_are_stable_everywhere(self):
        other = Site(self.slapd.uri, pepper=self.site.pepper)
        self.addCleanup(other.close)
        elsewhere = self.new_worker(other)
        name = self.take()
        seen = set()
        for who in ("nobody", "NOBODY", "somebody", "x@example.com", name):
            first = self.ask(who)
            self.assertEqual(len(first["questions"]), 3)
            self.assertEqual(self.ask(who.swapcase() if who.isascii() else who), first)
            self.assertEqual(self.ask(who, worker=elsewhere), first)
            self.assertEqual(len({question["id"] for question in first["questions"]}), 3)
            seen.add(tuple(question["id"] for question in first["questions"]))
            self.fails("Refused", self.answer, who)
        self.assertGreater(len(seen), 2)

    def test_case_3_an_address_is_not_asked_what_its_owner_is(self):
        """The same questions for both would tell that somebody is there, and whose address it is."""
        for enrolled in (False, True):
            name = self.take()
            address = f"{name}@example.com"
            if enrolled:
                self.enroll(name)
            self.assertNotEqual(self.ask(name)["questions"], self.ask(address)["questions"])
            self.assertEqual(self.ask(address), self.ask(address.upper()))
            self.fails("Refused", self.answer, address)
        self.assertIn("grant", self.answer(name))

    def test_modes(self):
        name = self.take()
        self.enroll(name)
        for origin, local in ((CONSOLE, True), ({"terminal": ":0"}, True), ({"terminal": "/dev/tty3", "address": ""}, True),
                              ({"terminal": "/dev/ttyS0"}, True), (REMOTE, False), ({"terminal": "pts/3"}, False),
                              ({"terminal": "ssh"}, False), ({}, False), ({"terminal": "ttys1"}, False),
                              ({"terminal": "tty1", "address": "192.0.2.1"}, False)):
            self.assertEqual(self.ask(name, origin)["needsCode"], not local, origin)
        # A host of the fleet may claim what it likes: nobody sits at a console there, and no answers do without the code.
        for via in ("web", "relay"):
            self.assertTrue(self.worker.call("Recovery.GetQuestions", {"user": name, "origin": CONSOLE}, via=via)["needsCode"])
            self.fails("Refused", self.worker.call, "Recovery.AnswerQuestions",
                       {"user": name, "answers": ANSWERS, "origin": CONSOLE}, via=via)
        self.fails("Refused", self.answer, name, origin=REMOTE)
        code = self.worker.code(name)
        self.fails("Refused", self.answer, name, ["wrong"] * 3, origin=REMOTE, code=code)
        wrong = code[:3] + ("A" if code[3] != "A" else "B") + code[4:]
        self.fails("Refused", self.answer, name, origin=REMOTE, code=wrong)
        self.assertEqual(self.slapd.entry(name)["pwresetQuestions"][0].split(":")[6], "4",
                         "without the code nobody can use up the tries")
        grant = self.answer(name, origin=REMOTE, code=code)["grant"]
        self.worker.set_password(grant, GOOD, via="pam")
        off = Site(self.slapd.uri, sections={"recovery": {"questions": "off"}}, pepper=self.site.pepper)
        self.addCleanup(off.close)
        closed = self.new_worker(off)
        self.fails("Refused", self.ask, name, worker=closed)
        self.fails("Refused", self.answer, name, worker=closed)

    def test_case_27_no_answer_without_the_pepper(self):
        """The whole entry in a stranger's hands: a dictionary with the right answers in it finds nothing."""
        name = self.take()
        self.enroll(name)
        thief = Site(self.slapd.uri, pepper=["k1:" + b64(b"0" * 32)])
        self.addCleanup(thief.close)
        self.fails("Refused", self.answer, name, worker=self.new_worker(thief))
        stored = " ".join(self.slapd.entry(name)["pwresetQuestions"])
        for word in re.split(r"\s+", " ".join(ANSWERS)):
            self.assertNotIn(word.lower(), stored.lower())

    def test_case_27_dictionary_over_what_was_stolen(self):
        """The stored value, the format and a dictionary with the right answers in it, at the cost that is configured (Argon2id, 19 MiB,
        two passes): nothing without the pepper; with it, by the same hand, the one."""
        name = self.take()
        self.enroll(name)
        _, _, ids, _, salt, verifier, *_ = self.slapd.entry(name)["pwresetQuestions"][0].split(":")
        uuid = self.slapd.entry(name, "entryUUID")["entryUUID"][0]
        right = ["grosser rolf der bär", "ratatouille niçoise", "the clash"]
        words = [*right, "paris", "rex", "pizza", "mueller", "blue", "london", "bello", "pasta", "schmidt", "red", "hamster", "gold", "audi",
                 "maria", "rome", "max", "tom", "soup", "smith"]  # 22: more than 10,000 triples
        triples = itertools.product(words, repeat=3)
        dictionary = [right, *(list(triple) for triple in itertools.islice(triples, (10000 if FULL else 120) - 1))]
        self.assertEqual(len(dictionary), 10000 if FULL else 120)

        def derive(pepper, answers):
            parts = ["pwreset answers 1", "known", uuid]
            for id, answer in zip(ids.split(","), answers):
                parts += [id, answer]
            keyed = hmac.new(pepper, digestmod="sha256")
            for part in parts:
                keyed.update(struct.pack("<Q", len(part.encode())) + part.encode())
            return argon2id(keyed.digest(), unb64url(salt))

        stored = unb64url(verifier)
        self.assertEqual([answers for answers in dictionary if derive(bytes(32), answers) == stored], [])
        self.assertEqual(derive(base64.b64decode(self.site.pepper[0].partition(":")[2]), right), stored, "the hand can do it")

    def test_case_24_time_of_an_answer(self):
        """Before the broker's slot hides it: one right answer of three takes as long as none."""
        taken = {"one right": [], "none right": []}
        people = [self.take() for _ in range(10)]
        for name in people:
            self.enroll(name)
        tries = [(name, kind) for name in people for kind in ["one right", "none right"] * 2]
        random.Random(24).shuffle(tries)
        for name, kind in tries:
            answers = [ANSWERS[0], "wrong", "wrong"] if kind == "one right" else ["wrong"] * 3
            begin = time.perf_counter()
            self.fails("Refused", self.answer, name, answers)
            taken[kind].append(time.perf_counter() - begin)
        one, none = taken.values()
        t = (statistics.mean(one) - statistics.mean(none)) / math.sqrt(
            statistics.variance(one) / len(one) + statistics.variance(none) / len(none))
        print(f"one right {statistics.mean(one) * 1e3:.1f} ms, none right {statistics.mean(none) * 1e3:.1f} ms, Welch t = {t:+.2f} "
              f"over {len(tries)} answers")
        self.assertLess(abs(t), 4.5)

    def test_wrong_password_enrols_nothing(self):
        name = self.take()
        for method, parameters in (("EnrollQuestions", {"answers": []}), ("EnrollCodes", {}),
                                   ("EnrollMail", {"address": "new@example.net"})):
            self.fails("WrongPassword", self.worker.call, f"Account.{method}",
                       {"user": name, "current": b64("wrong"), **parameters})
            self.fails("WrongPassword", self.worker.call, f"Account.{method}",
                       {"user": "nobody", "current": b64("wrong"), **parameters})
            self.fails("WrongPassword", self.worker.call, f"Account.{method}",
                       {"user": name, "current": "", **parameters})
            self.fails("InvalidParameter", self.worker.call, f"Account.{method}", {"current": b64("wrong"), **parameters})

    def test_saved_codes_each_once(self):
        name = self.take()
        codes = self.worker.call("Account.EnrollCodes", {"user": name, "current": b64(password_of(name))})["codes"]
        self.assertEqual(len(set(codes)), 10)
        for code in codes:
            self.assertRegex(code, r"^[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}$")
        self.assertFalse(any(code in str(self.slapd.entry(name)) for code in codes))

        def use(code, who=name):
            return self.worker.call("Recovery.VerifySavedCode", {"user": who, "code": code}, via="pam")

        grant = use(codes[3].lower().replace("-", " "))["grant"]
        self.fails("Refused", use, codes[3])
        for bad in ("", "ABCD", codes[1][:-1], codes[1][:-1] + "0", "é" * 16):
            self.fails("Refused", use, bad)
        self.fails("Refused", use, codes[1], self.take())
        self.fails("Refused", use, codes[1], "nobody")
        self.assertEqual(self.worker.set_password(grant, GOOD, via="pam", user=name), {"user": name})
        status = self.worker.call("Account.Status", {"user": name, "current": b64(GOOD)})
        self.assertEqual((status["savedCodes"], status["missing"]), (9, ["questions"]))

    def test_saved_code_by_many_at_once(self):
        name = self.take()
        code = self.worker.call("Account.EnrollCodes", {"user": name, "current": b64(password_of(name))})["codes"][0]
        racers = [self.new_worker() for _ in range(16)]
        for racer in racers:
            racer.send("Recovery.VerifySavedCode", {"user": name, "code": code}, via="pam", deadline=30000)
        won = 0
        for racer in racers:
            try:
                won += "grant" in racer.receive(30)
            except Failure as failure:
                self.assertEqual(failure.error, "Refused")
        self.assertEqual(won, 1)


class Addresses(DirectoryCase):
    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY}

    def enroll(self, name, address, **caller):
        operation = identifier()
        self.worker.call("Account.EnrollMail", {"user": name, "current": b64(password_of(name)), "address": address},
                         operation=operation, **caller)
        return operation

    def confirm(self, name, address, code, **caller):
        return self.worker.call("Account.ConfirmMail", {"user": name, "address": address, "code": code}, **caller)

    def recipients(self, name, at):
        return self.worker.mint("link", name, requester="1", roles=["owner"], now=at)["mail"]["to"]

    def test_enrol_confirm_wait(self):
        name, start = self.take(), now()
        new = f"{name}@elsewhere.example"
        operation = self.enroll(name, new, now=start)
        told = self.worker.mint("mail-changed", name, id=operation, now=start)["mail"]
        self.assertEqual((told["to"], told["values"]["mail"]), ([f"{name}@example.com"], f"{name[0]}***@e***.example"))
        mail = self.worker.mint("mail-confirm", name, id=operation, now=start)["mail"]
        self.assertEqual(mail["to"], [new])
        code = mail["values"]["code"]
        self.assertEqual(self.recipients(name, start), [f"{name}@example.com"])
        self.assertEqual(self.worker.mint("link", new, now=start), {"skip": "no-such-user"})
        self.assertEqual(self.confirm(name, new.upper(), code.lower(), now=start), {})
        status = self.worker.call("Account.Status", {"user": name, "current": b64(password_of(name))}, now=start)
        self.assertEqual([address["state"] for address in status["addresses"]], ["valid", "waiting"])
        self.assertEqual(self.recipients(name, start + 86399), [f"{name}@example.com"])
        self.assertEqual(self.recipients(name, start + 86400), [f"{name}@example.com", new])
        # Found by it then, and by it alone: mail goes to the stored form of what was typed.
        self.assertEqual(self.worker.mint("link", new.upper(), now=start + 86401)["mail"]["to"], [new])
        self.fails("Refused", self.confirm, name, new, code)

    def test_next_address_takes_over_in_a_day(self):
        name, start = self.take(), now()
        for number, when in enumerate((start, start + 100000)):
            address = f"{name}-{number}@elsewhere.example"
            mail = self.worker.mint("mail-confirm", name, id=self.enroll(name, address, now=when), now=when)["mail"]
            self.confirm(name, address, mail["values"]["code"], now=when)
        first, second = (f"{name}-{number}@elsewhere.example" for number in (0, 1))
        self.assertIn(first, self.recipients(name, start + 100001))
        self.assertNotIn(second, self.recipients(name, start + 100001))
        later = self.recipients(name, start + 100000 + 86400)
        self.assertIn(second, later)
        self.assertNotIn(first, later)

    def test_wrong_codes_end_it(self):
        name = self.take()
        new = f"{name}@elsewhere.example"
        code = self.worker.mint("mail-confirm", name, id=self.enroll(name, new))["mail"]["values"]["code"]
        wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
        for _ in range(5):
            self.fails("Refused", self.confirm, name, new, wrong)
        self.fails("Refused", self.confirm, name, new, code)
        self.fails("Refused", self.confirm, "nobody", new, code)
        self.fails("Refused", self.confirm, name, "other@elsewhere.example", code)

    def test_somebody_elses_address_is_not_taken(self):
        """Entering another's address must neither find me by it nor make it ambiguous for its owner."""
        name, victim = self.take(), self.take()
        self.enroll(name, f"{victim}@example.com")
        self.assertEqual(self.worker.mint("link", f"{victim}@example.com")["mail"]["values"]["user"], victim)

    def test_known_or_impossible_addresses(self):
        name = self.take()
        before = self.slapd.entry(name)
        self.enroll(name, f"{name.upper()}@EXAMPLE.com")
        self.assertEqual(self.slapd.entry(name).get("pwresetMail"), before.get("pwresetMail"))
        for address in ("", "x", "x@", "a@b@c", "a b@example.com", "m\u0131ke@example.com", "a@ex\u00e4mple.com",
                        "a@example.com\n", "x" * 250 + "@example.com", "<a@example.com>"):
            self.fails("InvalidParameter", self.enroll, name, address)

    def test_change_of_address_kills_tokens(self):
        name = self.take()
        link = self.worker.link(name)
        self.enroll(name, f"{name}@elsewhere.example")
        self.fails("LinkDead", self.worker.set_password, link, GOOD)

    def test_once_ends_with_redemption_or_a_day(self):
        for way in ("redeemed", "over"):
            name, start = self.take(), now()
            boss = f"boss-{name}@example.com"
            operation = identifier()
            self.worker.call("Admin.SetMail", {"user": name, "address": boss, "once": True}, roles=["administrator"],
                             uid=5, via="ctl", operation=operation, now=start)
            self.assertEqual(self.recipients(name, start), [f"{name}@example.com", boss])
            self.assertIn(f"{name}@example.com",
                          self.worker.mint("mail-changed", name, id=operation, now=start)["mail"]["to"])
            if way == "redeemed":
                self.worker.set_password(self.worker.link(name, now=start), GOOD, now=start)
                self.assertNotIn("pwresetMail", self.slapd.entry(name))
            else:
                self.assertEqual(self.recipients(name, start + 86400), [f"{name}@example.com"])

    def test_lasting_address_by_staff_replaces_own_ones_which_are_told(self):
        name, start = self.take(), now()
        for number in (1, 2):
            operation = identifier()
            self.worker.call("Admin.SetMail", {"user": name, "address": f"{name}-{number}@example.com"}, now=start,
                             roles=["administrator"], uid=5, via="ctl", operation=operation)
        self.assertEqual(self.recipients(name, start), [f"{name}@example.com", f"{name}-2@example.com"])
        self.assertIn(f"{name}-1@example.com", self.worker.mint("mail-changed", name, id=operation, now=start)["mail"]["to"])


class Own(DirectoryCase):
    """On ctl an account is one's own by uid and name, both."""

    def test_uid_and_name(self):
        site = Site(self.slapd.uri, pepper=self.site.pepper)
        self.addCleanup(site.close)
        site.accounts(users=[("p001", 20001), ("p002", 29999), ("other", 20003), ("alias", 20004)])
        worker = self.new_worker(site)
        self.assertEqual(worker.call("Account.Status", via="ctl", uid=20001)["user"], "p001")
        self.assertEqual(worker.call("Account.Status", {"user": "p001"}, via="ctl", uid=20001)["user"], "p001")
        self.fails("PermissionDenied", worker.call, "Account.Status", {"user": "p004"}, via="ctl", uid=20001)
        for uid in (29999, 20003, 20004, 20005, 0, -1):
            self.assertEqual(self.fails("NotAllowed", worker.call, "Account.Status", via="ctl", uid=uid),
                             {"reason": "no-such-user"})
        codes = worker.call("Account.EnrollCodes", {"current": b64(password_of("p001"))}, via="ctl", uid=20001)["codes"]
        self.assertEqual(len(codes), 10)
        self.fails("WrongPassword", worker.call, "Account.EnrollCodes", {"current": b64("wrong")}, via="ctl", uid=20001)

    def test_an_alias_enrols_nothing_of_which_nobody_is_told(self):
        """The notice goes to whom the name finds: an address that two have, or that counts no more, finds nobody."""
        site = Site(self.slapd.uri, pepper=self.site.pepper)
        self.addCleanup(site.close)
        site.accounts(users=[("p010", 20010)])
        worker = self.new_worker(site)
        shared, current = "desk@example.com", b64(password_of("p010"))
        for name in ("p010", "p011"):
            self.slapd.modify(f"uid={name},{PEOPLE}", ("add", "mail", shared))
        operation = identifier()
        for alias in (shared, "p010@example.com"):
            for method, more in (("EnrollCodes", {}), ("EnrollMail", {"address": "x@elsewhere.example"}), ("EnrollQuestions", {"answers": []})):
                self.fails("PermissionDenied", worker.call, f"Account.{method}", {"user": alias, "current": current, **more},
                           via="ctl", uid=20010, operation=operation)
        self.assertNotIn("pwresetSavedCode", self.slapd.entry("p010"))
        worker.call("Account.EnrollCodes", {"user": "p010", "current": current}, via="ctl", uid=20010, operation=operation)
        self.assertIn("p010@example.com", worker.mint("enrolled", "p010", id=operation)["mail"]["to"])

    def test_the_page_may_say_where_its_visitor_is(self):
        name = self.take()
        page = {"user": name, "current": b64("wrong"), "origin": {"service": "web", "address": "192.0.2.7"}}
        for method, parameters in (("Status", {}), ("EnrollCodes", {}), ("EnrollMail", {"address": "x@example.net"}),
                                   ("EnrollQuestions", {"answers": []})):
            self.fails("WrongPassword", self.worker.call, f"Account.{method}", {**page, **parameters}, via="web")
        where = {"origin": page["origin"]}
        self.fails("Refused", self.worker.call, "Account.ConfirmMail",
                   {"user": name, "address": "x@example.net", "code": "ABCD", **where}, via="web")
        self.dead("unknown", self.worker.call, "Recovery.InspectLink", {"link": "x", **where}, via="web")
        self.assertTrue(self.worker.call("Account.ListQuestions", where, via="web")["questions"])
        self.assertTrue(self.worker.call("Password.Check", {"password": b64(GOOD), **where}, via="web")["accepted"])


if __name__ == "__main__":
    main()
