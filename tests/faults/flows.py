# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people do from end to end, and what must be true afterwards whatever has failed on the way."""

import base64

from whole import CODE, HEAL_S, LINK, directory, token_is_whole, wait_for

NEW = "seven brave otters 41 sing"
# What says that nothing was done. The rest of the errors leave it open.
UNKNOWN = ("OutcomeUnknown", "gone")
ANSWERS = ("a blue heron", "burnt pancakes", "the river quartet")
REACT_S = 60


def b64(text):
    return base64.b64encode(text.encode()).decode()


class Flow:
    """prepare() while all is well, act() while something fails; check() when all is well again raises AssertionError."""

    changes = True  # the password

    def __init__(self, whole):
        self.whole, self.server = whole, whole.server
        self.user = self.server.take()
        self.old = directory.password_of(self.user)
        self.error = None

    def prepare(self):
        pass

    def act(self):
        try:
            self.error, self.reply = self.call()
        except TimeoutError:
            self.error, self.reply = "late", {}

    def call(self):
        raise NotImplementedError

    def check(self):
        assert self.error != "late", "there was no answer"
        old, new = self.server.binds(self.user, self.old), self.server.binds(self.user, NEW)
        assert old != new, f"password: old {old}, new {new}"
        self.new = new
        if not self.changes:
            assert old, "the password has changed"
        elif self.error == "":
            assert new, "it was said to be done"
        elif self.error not in UNKNOWN:
            assert old, f"it was done, but said: {self.error} {self.reply}"
        self.tokens = self.server.tokens(self.user)
        for value in self.tokens:
            assert token_is_whole(value), value
        if new:
            assert self.tokens == [], f"tokens outlived the password: {self.tokens}"
        self.check_more()

    def check_more(self):
        pass

    def login(self):
        """Who knows the password logs in as ever, through the module."""
        admitted, said = self.whole.login(self.user, lambda _, count: None if count else (NEW if self.new else self.old))
        assert admitted, f"an ordinary login fails: {said}"

    def books(self):
        """When everything has come to its end: who was told."""
        changed = [m for m in self.whole.mails(self.user) if b"changed" in m.partition(b"\r\n\r\n")[0]]
        if self.changes and self.new:
            assert changed, "nobody was told of the change"
        else:
            assert not changed, "told of a change that did not happen"

    def link_alive(self, link):
        error, reply = "", {}

        def asked():
            # What has failed before may have left a dead connection to be noticed.
            nonlocal error, reply
            error, reply = self.whole.call("web", "Recovery.InspectLink", link=link)
            return error not in ("Unavailable", "gone")

        wait_for(asked, HEAL_S)
        assert error in ("", "LinkDead"), f"{error} {reply}"
        return error == ""


class Request(Flow):
    """A code is asked for; the mail may come later, but comes."""

    changes = False
    accepted = False

    def call(self):
        error, reply = self.whole.call("pam", "Recovery.RequestCode", user=self.user)
        self.accepted = error == ""
        if self.accepted:
            self.wait()
        return error, reply

    def wait(self):
        wait_for(lambda: self.whole.mails(self.user) or self.over(), REACT_S)

    def over(self):
        return self.whole.struck() and self.whole.queued() != 0

    def books(self):
        super().books()
        mails = self.whole.mails(self.user)
        if self.accepted:
            assert mails, "accepted, and no mail came"
            assert len(mails) <= 1 + self.whole.repeats, f"{len(mails)} mails"


class Redeem(Flow):
    """A code becomes a grant, and that a password."""

    def prepare(self):
        assert self.whole.call("pam", "Recovery.RequestCode", user=self.user)[0] == ""
        self.code = self.whole.mailed(self.user, CODE)

    def call(self):
        error, reply = self.whole.call("pam", "Recovery.VerifyCode", user=self.user, code=self.code)
        if error:
            assert error in ("Refused", "Unavailable", "gone"), error
            return "Refused", reply
        return self.whole.call("pam", "Recovery.SetPassword", ticket=reply["grant"], password=b64(NEW), user=self.user)

    def check_more(self):
        if not self.new:
            assert any(value.startswith("code:") for value in self.tokens), f"the code is gone: {self.tokens}"


class Link(Flow):
    def prepare(self):
        assert self.whole.call("web", "Recovery.RequestLink", user=self.user)[0] == ""
        self.link = self.whole.mailed(self.user, LINK)

    def call(self):
        return self.whole.call("web", "Recovery.SetPassword", ticket=self.link, password=b64(NEW))

    def check_more(self):
        assert self.link_alive(self.link) != self.new, "the link lives with the new password, or is dead with the old"


class Change(Flow):
    def call(self):
        return self.whole.call("pam", "Password.Change", user=self.user, current=b64(self.old), password=b64(NEW))


class Staff(Flow):
    def call(self):
        return self.whole.call("ctl", "Admin.SetPassword", user=self.user, password=b64(NEW))


class Revoke(Link):
    changes = False

    def call(self):
        return self.whole.call("web", "Recovery.RevokeLink", link=self.link)

    def check_more(self):
        alive = self.link_alive(self.link)
        assert not (alive and self.error == ""), "said to be revoked, and lives"


class Enrol(Flow):
    changes = False

    def call(self):
        error, reply = self.whole.call("web", "Account.ListQuestions")
        if error:
            return error, reply
        answers = [{"id": q["id"], "answer": a} for q, a in zip(reply["questions"], ANSWERS)]
        return self.whole.call("web", "Account.EnrollQuestions", user=self.user, current=b64(self.old), answers=answers)

    def check_more(self):
        stored = self.server.entry(self.user, "pwresetQuestions").get("pwresetQuestions", [])
        assert len(stored) <= 1 and all(value.count(":") == 8 for value in stored), stored
        if self.error == "":
            assert stored, "said to be done"


FLOWS = {flow.__name__.lower(): flow for flow in (Request, Redeem, Link, Change, Staff, Revoke, Enrol)}
