# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many at once: one redemption wins, tries are never more than the cap, limits hold over two daemons.

Case 9 takes 20 rounds with ppolicy, 20 without and 2 with stricter rules; PWRESET_FULL=1: 200, 200 and 20.
"""

from case import FULL, PPOLICY, DirectoryCase, main, now
from slapd import DECOY, password_of
from worker import Failure, Site, b64, identifier

RACERS = 64
ROUNDS = 200 if FULL else 20
WORDS = ("amber", "birch", "cobalt", "dune", "ember", "fjord", "garnet", "heron", "iris", "juniper", "kelp", "lotus")


def password(round, racer):
    return f"{WORDS[round % 12]} {WORDS[racer % 12]} {racer:02}-{round:03} keeps moss"


class Race:
    people_count = 30
    rounds = ROUNDS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.second_site()
        cls.addClassCleanup(cls.other.close)
        cls.racers = [(cls.site, cls.other)[n % 2].worker() for n in range(RACERS)]
        for racer in cls.racers:
            cls.addClassCleanup(racer.close)

    @classmethod
    def second_site(cls):
        """Another daemon on the same directory."""
        return Site(cls.slapd.uri, pepper=cls.site.pepper, **cls.site_options)

    def all_at_once(self, method, parameters, **caller):
        """The same call on every racer; parameters(n) makes the n-th's. A list of replies and failures."""
        for number, racer in enumerate(self.racers):
            racer.send(method, parameters(number), deadline=60000, **caller)
        answers = []
        for racer in self.racers:
            try:
                answers.append(racer.receive(90))
            except Failure as failure:
                answers.append(failure)
        return answers

    def test_case_9_one_redemption_wins(self):
        name, old = self.take(), None
        for round in range(self.rounds):
            kind = ("link", "code")[round % 2]
            time = now() + round * 7300  # beyond the back-off of the codes' mails
            if kind == "link":
                ticket, via = self.worker.link(name, requester="boss", roles=["administrator"], now=time), "web"
            else:
                ticket, via = self.verify(name, self.worker.code(name, now=time), now=time)["grant"], "pam"
            answers = self.all_at_once(
                "Recovery.SetPassword", lambda n: {"ticket": ticket, "password": b64(password(round, n))}, via=via,
                now=time)
            won = [n for n, answer in enumerate(answers) if not isinstance(answer, Failure)]
            lost = {answer.error for answer in answers if isinstance(answer, Failure)}
            self.assertEqual(len(won), 1, (round, won, lost))
            self.assertLessEqual(lost, {"LinkDead"} if kind == "link" else {"Refused"})
            self.assertTrue(self.slapd.binds(name, password(round, won[0])), round)
            if old:
                self.assertFalse(self.slapd.binds(name, old))
            old = password(round, won[0])

    def test_tries_never_exceed_the_cap(self):
        for round in range(4 if FULL else 2):
            name = self.take()
            code = self.worker.code(name)
            wrong = code[:2] + ("A" if code[2] != "A" else "B") + code[3:]
            answers = self.all_at_once("Recovery.VerifyCode", lambda n: {"user": name, "code": wrong}, via="web")
            self.assertEqual({answer.error for answer in answers}, {"Refused"})
            self.assertTrue(self.slapd.tokens(name)[0].endswith(":0"), self.slapd.tokens(name))
            self.fails("Refused", self.verify, name, code)

    def test_right_code_by_many_leaves_its_tries(self):
        name = self.take()
        code = self.worker.code(name)
        answers = self.all_at_once("Recovery.VerifyCode", lambda n: {"user": name, "code": code}, via="web")
        self.assertTrue(any(not isinstance(answer, Failure) for answer in answers))
        left = [int(token.rsplit(":", 1)[1]) for token in self.slapd.tokens(name) if token.startswith("code:")]
        self.assertEqual(len(left), 1)
        self.assertLessEqual(left[0], 5)

    def test_live_requests_are_capped_over_nodes(self):
        for first in (True, False):
            name = self.take()
            if not first:
                self.worker.code(name)
            answers = self.all_at_once("Directory.Mint", lambda n: {"request": {
                "id": identifier(), "kind": "code", "user": name, "requester": "", "roles": [], "created": now(),
                "expires": now() + 600, "attempt": 1}}, via="broker")
            minted = [answer for answer in answers if not isinstance(answer, Failure) and "mail" in answer]
            codes = [token for token in self.slapd.tokens(name) if token.startswith("code:")]
            self.assertLessEqual(len(codes), 3)
            self.assertEqual(len(codes), len(minted) + (not first))

    def test_two_different_links_one_wins(self):
        name = self.take()
        links = [self.worker.link(name, requester="boss", roles=["owner"]) for _ in range(8)]
        answers = self.all_at_once("Recovery.SetPassword", lambda n: {
            "ticket": links[n % 8], "password": b64(password(0, n))})
        won = [n for n, answer in enumerate(answers) if not isinstance(answer, Failure)]
        self.assertEqual(len(won), 1)
        self.assertTrue(self.slapd.binds(name, password(0, won[0])))
        self.assertFalse(self.slapd.binds(name, password_of(name)))


class WithoutPpolicy(Race, DirectoryCase):
    site_options = {"decoy_dn": DECOY}


class WithPpolicy(Race, DirectoryCase):
    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY}


class StrictPpolicy(Race, DirectoryCase):
    rounds = ROUNDS // 10  # the same race over stricter rules
    ppolicy = PPOLICY["strict"]
    site_options = {"decoy_dn": DECOY}


if __name__ == "__main__":
    main()
