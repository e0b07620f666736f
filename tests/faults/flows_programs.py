# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same by the programs that people have before them: the page, the tool, and the module in a login."""

import subprocess
import threading

from flows import NEW, REACT_S, Flow, Link
from whole import BUILD, CODE, wait_for

TOOL = BUILD / "ctl/pwresetctl"


class Page(Link):
    """The link is used on the page."""

    def prepare(self):
        super().prepare()
        self.whole.page.restart()

    def call(self):
        status, title = self.whole.page.post(f"/r/{self.link}", user=self.user, password=NEW, again=NEW)
        if title == "Your password has been changed":
            return "", title
        # A page of the connection's library says nothing of what became of it.
        return ("OutcomeUnknown" if title in ("", "We do not know whether it worked") else "Unavailable"), f"{status} {title}"


class Tool(Flow):
    """pwresetctl set-password, by root."""

    def call(self):
        done = subprocess.run([str(TOOL), f"--socket={self.whole.run}/ctl", "set-password", self.user, "--stdin"],
                              input=f"{NEW}\n{NEW}\n", env=self.whole.of("pwresetctl"), text=True, capture_output=True, timeout=90,
                              check=False)
        if done.returncode == 0:
            return "", done.stdout
        return ("Unavailable" if "Nothing was changed" in done.stderr else "OutcomeUnknown"), f"{done.returncode} {done.stderr}"


class Prompt(Flow):
    """Forgotten at the prompt, and in by the mailed code."""

    def call(self):
        self.given = False
        admitted, said = self.whole.login(self.user, self.answer, self.whole.of("login"))
        if admitted or "has been changed" in said:
            return "", said
        return ("OutcomeUnknown" if self.given else "Refused"), said

    def answer(self, prompt, count):
        if "Code" in prompt:
            wait_for(lambda: self.whole.mails(self.user) or (self.whole.struck() and self.whole.queued() != 0), REACT_S)
            return self.whole.mailed(self.user, CODE) if self.whole.mails(self.user) else None
        if "New password" in prompt or "Retype" in prompt:
            self.given = True
            return NEW
        if "assword" in prompt:
            return "" if count == 0 else None
        return "y"


FLOWS_PROGRAMS = {flow.__name__.lower(): flow for flow in (Page, Tool, Prompt)}
