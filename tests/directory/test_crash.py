# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lost replies, refusals out of the blue, and kill -9 of either side: the password is old or new, and the answer is true."""

import random
import threading
import time

from case import BETTER, FULL, GOOD, PPOLICY, DirectoryCase, main
from proxy import MODIFY, MODIFY_DONE, SEARCH, Proxy
from slapd import DECOY, PEOPLE, password_of
from worker import Failure, Gone, Site, b64, identifier

KILLS = 40 if FULL else 8


def nth(direction, tag, number, what):
    """A rule for the n-th such message alone; number 0: for each."""
    return lambda d, t, count: what if (d, t) == (direction, tag) and number in (0, count) else None


class ThroughProxy:
    """The directory behind a man in the middle."""

    people_count = 80

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxy = Proxy(cls.slapd.uri)
        cls.addClassCleanup(cls.proxy.close)
        cls.bent = Site(cls.proxy.uri, pepper=cls.site.pepper, **cls.site_options)
        cls.addClassCleanup(cls.bent.close)

    def setUp(self):
        super().setUp()
        self.proxy.reset(None)
        self.bent_worker = self.new_worker(self.bent)

    def redeem(self, name, link, rule, **caller):
        self.proxy.reset(rule)
        try:
            return self.bent_worker.set_password(link, GOOD, **caller)
        finally:
            self.proxy.reset(None)

    def assert_old(self, name, link):
        """Nothing changed: the old password binds and the link is good."""
        self.assertTrue(self.slapd.binds(name, password_of(name)))
        self.assertFalse(self.slapd.binds(name, GOOD))
        self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": link})["user"], name)

    def assert_new(self, name):
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.assertEqual(self.slapd.tokens(name), [])

    def test_case_41_reply_lost_and_connection_cut(self):
        name = self.take()
        link = self.worker.link(name)
        self.assertEqual(self.redeem(name, link, nth("from", MODIFY_DONE, 1, "cut")), {"user": name})
        self.assert_new(name)

    def test_case_41_reply_lost_in_silence(self):
        name = self.take()
        link = self.worker.link(name)
        start = time.monotonic()
        self.assertEqual(self.redeem(name, link, nth("from", MODIFY_DONE, 1, "drop"), deadline=9000), {"user": name})
        self.assertLess(time.monotonic() - start, 8)
        self.assert_new(name)

    def test_request_lost(self):
        name = self.take()
        link = self.worker.link(name)
        self.assertEqual(self.redeem(name, link, nth("to", MODIFY, 1, "cut")), {"user": name})
        self.assert_new(name)

    def test_directory_gone_after_the_write(self):
        """Every further message is lost: the outcome is unknown, and said so."""
        name = self.take()
        link = self.worker.link(name)
        seen = []

        def rule(direction, tag, count):
            if (direction, tag) == ("from", MODIFY_DONE):
                seen.append(tag)
            return "cut" if seen else None

        self.fails("OutcomeUnknown", self.redeem, name, link, rule, deadline=3000)
        self.assert_new(name)

    def test_directory_gone_behind_an_enrolment(self):
        """The new codes may be the ones that count, and nobody has seen them: not "nothing was changed"."""
        name = self.take()
        seen = []

        def rule(direction, tag, count):
            if (direction, tag) == ("from", MODIFY_DONE) and self.slapd.entry(name).get("pwresetSavedCode"):
                seen.append(tag)
            return "cut" if seen else None

        self.proxy.reset(rule)
        self.fails("OutcomeUnknown", self.bent_worker.call, "Account.EnrollCodes",
                   {"user": name, "current": b64(password_of(name))}, via="web", deadline=3000)
        self.proxy.reset(lambda *_: "cut")
        self.fails("Unavailable", self.bent_worker.call, "Account.EnrollCodes",
                   {"user": name, "current": b64(password_of(name))}, via="web", deadline=3000)

    def test_directory_gone_before_the_write(self):
        name = self.take()
        link = self.worker.link(name)

        def rule(direction, tag, count):
            return "cut" if self.proxy.counts.get(("to", MODIFY)) else None

        # It had been sent: nobody can know that it was lost on the way.
        self.fails("OutcomeUnknown", self.redeem, name, link, rule, deadline=3000)
        self.assert_old(name, link)

    def test_a_privileged_person_s_write_that_is_late_is_not_called_not_done(self):
        """No mark can be left there. That the old password still binds says nothing: the server may be about to carry it out."""
        late = []

        def rule(direction, tag, count):
            if (direction, tag) == ("to", MODIFY):
                late.append(count)
                return "drop"
            return None

        self.proxy.reset(rule)
        self.fails("OutcomeUnknown", self.bent_worker.call, "Password.Change",
                   {"user": "grace", "current": b64(password_of("grace")), "password": b64(GOOD)}, via="pam", deadline=9000)
        self.assertEqual(late, [1])
        self.assertTrue(self.slapd.binds("grace", password_of("grace")))

    def test_directory_gone_from_the_start(self):
        name = self.take()
        link = self.worker.link(name)
        self.fails("Unavailable", self.redeem, name, link, lambda *_: "cut", deadline=3000)
        self.assert_old(name, link)

    def test_refusals_out_of_the_blue(self):
        for code, error in ((16, None), (20, None), (51, "Unavailable"), (53, "Unavailable"), (50, "Unavailable"),
                            (122, "LinkDead"), (19, "PasswordRefused"), (80, "Unavailable"), (3, "Unavailable")):
            with self.subTest(code=code):
                name = self.take()
                link = self.worker.link(name)
                rule = nth("to", MODIFY, 1, ("answer", code))
                if error is None:
                    self.assertEqual(self.redeem(name, link, rule), {"user": name})
                    self.assert_new(name)
                else:
                    self.fails(error, self.redeem, name, link, rule)
                    self.assert_old(name, link)

    def test_refusals_for_ever(self):
        for code in (16, 20):
            with self.subTest(code=code):
                name = self.take()
                link = self.worker.link(name)
                self.fails("Unavailable", self.redeem, name, link, nth("to", MODIFY, 0, ("answer", code)))
                self.assert_old(name, link)

    def test_done_but_said_refused(self):
        """The server carried it out and answers something else (389-ds has been seen to): the entry tells."""
        for code in (16, 19, 20, 50, 53, 122):
            with self.subTest(code=code):
                name = self.take()
                link = self.worker.link(name)
                self.assertEqual(self.redeem(name, link, nth("from", MODIFY_DONE, 1, ("instead", code))), {"user": name})
                self.assert_new(name)

    def test_lost_reply_of_a_charge_is_never_free(self):
        name = self.take()
        code = self.worker.code(name)
        wrong = code[:2] + ("A" if code[2] != "A" else "B") + code[3:]
        self.proxy.reset(nth("from", MODIFY_DONE, 1, "cut"))
        self.fails("Unavailable", self.bent_worker.call, "Recovery.VerifyCode", {"user": name, "code": wrong})
        self.assertTrue(self.slapd.tokens(name)[0].endswith(":4"))

    def test_lost_reply_of_a_mint_is_replaced(self):
        name, request = self.take(), identifier()
        self.proxy.reset(nth("from", MODIFY_DONE, 1, "cut"))
        link = self.bent_worker.link(name, id=request)
        self.assertEqual(len(self.slapd.tokens(name)), 1)
        self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": link})["user"], name)

    def test_change_with_lost_reply(self):
        for number in (1, 2, 3):
            name = self.take()
            self.proxy.reset(nth("from", MODIFY_DONE, number, "cut"))
            self.assertEqual(self.bent_worker.call("Password.Change", {
                "user": name, "current": b64(password_of(name)), "password": b64(GOOD)}), {})
            self.proxy.reset(None)
            self.assert_new(name)

    def test_reads_survive_a_closed_connection(self):
        name = self.take()
        link = self.worker.link(name)
        for _ in range(3):
            self.assertEqual(self.bent_worker.call("Recovery.InspectLink", {"link": link})["user"], name)
            self.proxy.reset(nth("to", SEARCH, 1, "cut"))


class ProxyWithoutPpolicy(ThroughProxy, DirectoryCase):
    site_options = {"decoy_dn": DECOY, "timeout": "2"}


class ProxyWithPpolicy(ThroughProxy, DirectoryCase):
    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY, "timeout": "2"}

    def test_lock_by_administrator_in_the_last_moment(self):
        """Set between our last look and the write: the assertion stops it (122), and the lock stays."""
        name = self.take()
        link = self.worker.link(name)

        def rule(direction, tag, count):
            if (direction, tag, count) == ("to", MODIFY, 1):
                self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "pwdAccountLockedTime", "000001010000Z"))
            return None

        self.fails("LinkDead", self.redeem, name, link, rule)
        entry = self.slapd.entry(name)
        self.assertEqual(entry["pwdAccountLockedTime"], ["000001010000Z"])
        self.assertTrue(entry["userPassword"][0].startswith("{SSHA}"))

    def test_other_password_in_the_last_moment(self):
        name = self.take()
        link = self.worker.link(name)

        def rule(direction, tag, count):
            if (direction, tag, count) == ("to", MODIFY, 1):
                time.sleep(1.1)
                self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "userPassword", BETTER))
            return None

        self.fails("LinkDead", self.redeem, name, link, rule)
        self.assertTrue(self.slapd.binds(name, BETTER))
        name = self.take()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "userPassword", password_of(name)))
        link = self.worker.link(name)
        self.fails("LinkDead", self.redeem, name, link, rule)
        self.assertTrue(self.slapd.binds(name, BETTER))


class Dying(ThroughProxy, DirectoryCase):
    """The directory dies at the n-th message of a call: whoever it was about, that is told and nothing else."""

    site_options = {"decoy_dn": DECOY, "timeout": "2", "sections": {"recovery": {"questions": "alone"}}}
    MESSAGES_MAX = 40

    def answers(self, method, parameters):
        """Cut at every message, until none is: the answer then, and how many messages there are."""
        for after in range(self.MESSAGES_MAX):
            seen = {"n": 0, "cut": False}

            def rule(direction, _tag, _count, after=after, seen=seen):
                if direction != "to":
                    return None
                seen["n"] += 1
                if seen["n"] <= after:
                    return None
                seen["cut"] = True
                return "cut"

            self.proxy.reset(rule)
            try:
                answer = str(self.bent_worker.call(method, parameters, via="web"))
            except Failure as failure:
                answer = failure.error
            self.proxy.reset(None)
            if not seen["cut"]:
                return answer, after
            self.assertEqual(answer, "Unavailable", (method, parameters, after))
        self.fail("it never ends")

    def test_case_2_dying_directory_tells_nothing(self):
        known, coded, asked, saved = (self.take() for _ in range(4))
        label = self.worker.code(coded)[:2]
        secret = {"current": b64(password_of(asked))}
        ids = [question["id"] for question in self.worker.call("Account.ListQuestions")["questions"]]
        words = ("ratatouille nicoise", "grosser rolf", "the clash live")
        self.worker.call("Account.EnrollQuestions", {"user": asked, **secret, "answers": [
            {"id": ids[i], "answer": words[i]} for i in range(3)]})
        self.worker.call("Account.EnrollCodes", {"user": saved, "current": b64(password_of(saved))})
        calls = [("Recovery.VerifyCode", {"code": f"{label}AA-AAAA"}, "Refused"),
                 ("Recovery.VerifySavedCode", {"code": "AAAA-AAAA-AAAA-AAAA"}, "Refused"),
                 ("Recovery.AnswerQuestions", {"answers": ["x", "y", "z"]}, "Refused"),
                 ("Account.ConfirmMail", {"address": "x@example.net", "code": "AAAA-AAAA"}, "Refused"),
                 ("Password.Change", {"current": b64("wrong"), "password": b64(GOOD)}, "WrongPassword"),
                 ("Account.Status", {"current": b64("wrong")}, "WrongPassword"),
                 ("Recovery.GetQuestions", {}, None)]
        for method, parameters, said in calls:
            counts = {}
            for name in (known, coded, asked, saved, "alice", "nobody", "nobody@example.com"):
                answer, counts[name] = self.answers(method, {"user": name, **parameters})
                self.assertTrue(answer == said if said else answer.startswith("{'questions'"), (method, name, answer))
            print(f"({method}: cut at {min(counts.values())} to {max(counts.values())} messages)", end=" ", flush=True)


class Kills(DirectoryCase):
    """kill -9 at random instants of a redemption."""

    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY, "timeout": "2"}
    people_count = 100

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        worker = cls.site.worker()
        link = worker.link("alice")
        start = time.monotonic()
        worker.set_password(link, GOOD)
        cls.usual = time.monotonic() - start
        worker.close()

    def settle(self, name, link, answer):
        """What is true afterwards; answer: a reply, a Failure or None."""
        old, new = self.slapd.binds(name, password_of(name)), self.slapd.binds(name, GOOD)
        self.assertNotEqual(old, new, "the password is the old one or the new one")
        if isinstance(answer, dict):
            self.assertTrue(new, "said done")
        elif isinstance(answer, Failure) and answer.error != "OutcomeUnknown":
            self.assertTrue(old, f"said {answer}")
        if old:
            self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": link})["user"], name)
        else:
            self.fails("LinkDead", self.worker.call, "Recovery.InspectLink", {"link": link})
            self.assertEqual(self.slapd.tokens(name), [])
        return "new" if new else "old"

    def test_kill_worker(self):
        outcomes = {"old": 0, "new": 0}
        for _ in range(KILLS):
            name = self.take()
            link, victim = self.worker.link(name), self.site.worker()
            victim.call("Recovery.InspectLink", {"link": link})
            victim.send("Recovery.SetPassword", {"ticket": link, "password": b64(GOOD)})
            time.sleep(random.uniform(0, 2 * self.usual))
            victim.kill()
            try:
                answer = victim.receive()
            except (Gone, ConnectionResetError):
                answer = None
            outcomes[self.settle(name, link, answer)] += 1
            victim.close()
        print(f"({outcomes})", end=" ", flush=True)

    def test_kill_slapd(self):
        outcomes = {"old": 0, "new": 0}
        for _ in range(KILLS):
            name = self.take()
            link, racer = self.worker.link(name), self.new_worker()
            racer.call("Recovery.InspectLink", {"link": link})
            racer.send("Recovery.SetPassword", {"ticket": link, "password": b64(GOOD)})
            time.sleep(random.uniform(0, 2 * self.usual))
            self.slapd.kill()
            back = threading.Timer(random.uniform(0, 0.5), self.slapd.start)
            back.start()
            try:
                answer = racer.receive()
            except Failure as failure:
                answer = failure
            back.join()
            outcomes[self.settle(name, link, answer)] += 1
        print(f"({outcomes})", end=" ", flush=True)

    def test_directory_hangs(self):
        """Stopped, not dead: the answer comes within the call's time, and the truth is in the entry."""
        name = self.take()
        link = self.worker.link(name)
        self.slapd.pause()
        start = time.monotonic()
        try:
            self.fails("Unavailable", self.worker.set_password, link, GOOD, deadline=2500)
        finally:
            self.slapd.resume()
        self.assertLess(time.monotonic() - start, 4)
        time.sleep(0.3)
        self.assertEqual(self.settle(name, link, None), "old")

    def test_worker_that_overruns_ends_itself(self):
        """A directory that never answers and a deadline that libldap's time-outs cannot keep: SIGALRM does."""
        stuck = self.new_worker(Site(self.slapd.uri, pepper=self.site.pepper, timeout="60"))
        self.addCleanup(stuck.site.close)
        stuck.call("Password.GetPolicy")
        self.slapd.pause()
        try:
            stuck.send("Recovery.InspectLink", {"link": "A" * 80}, deadline=400)
            with self.assertRaises((Gone, Failure, ConnectionResetError)):
                stuck.receive(5)
        finally:
            self.slapd.resume()


if __name__ == "__main__":
    main()
