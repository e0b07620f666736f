# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether the books balance: what people were told against mailboxes, journal, directory and processes."""
import collections
import contextlib
import json
import re
import time

from harness import CODE
from lab import people
from mirror_site import CODE_MINUTES, LINK_MINUTES
from varlink import Varlink, VarlinkError

MESSAGE_ID = re.compile(r"<([\w-]{22})\.\d+@")
SENDS_MAX = 8  # daemon/delivery.h, DELIVERY_UNKNOWN_MAX: mails of one request
CLOCK_S = 2
LOGINS = 2
CALLS = 5
LIVE_MAX = 3  # [recovery] live-requests=
LIFE_S = {"code": CODE_MINUTES * 60, "link": LINK_MINUTES * 60}


def comm(name):
    """As ps shows it."""
    return name[:15]


class Books:
    """read() first; each check adds to wrong, and figures says what was counted."""

    def __init__(self, site, folder, users, hashes, say=print):
        self.site, self.lab, self.folder, self.say = site, site.lab, folder, say
        self.users, self.hashes = users, hashes
        self.wrong, self.figures = [], collections.Counter()
        self.notes, self.mailed, self.ends = [], {}, {}
        self.final, self.newer = {}, {}

    def complain(self, text):
        self.wrong.append(text)

    def read(self):
        """What was told, mailed and logged."""
        for file in sorted(self.folder.rglob("*.jsonl")):
            self.notes += [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        self.notes.sort(key=lambda note: note["time"])
        for file in self.folder.rglob("*.error"):
            self.complain(f"a load broke down: {file.stem}: {file.read_text(encoding='utf-8')}")
        for box, messages in self.lab.all_mails().items():
            for message in messages:
                self.figures["mails"] += 1
                found = MESSAGE_ID.match(message["Message-ID"] or "")
                if found:
                    self.mailed.setdefault(found[1], []).append((box, message))
                else:
                    self.complain(f"{box}: a mail with Message-ID {message['Message-ID']}")
        for item in self.lab.exec(["journalctl", "-o", "json", "--all", "--quiet", "PWRESET_EVENT=mail"]).stdout.splitlines():
            entry = json.loads(item)
            self.ends.setdefault(entry["PWRESET_REQUEST"], {})[entry["PWRESET_KIND"]] = (
                entry["PWRESET_RESULT"], entry.get("PWRESET_USER"))

    def of(self, what):
        return [note for note in self.notes if note["what"] == what]

    def by_user(self, what):
        found = collections.defaultdict(list)
        for note in self.of(what):
            found[note["user"]].append(note)
        return found

    # ---- mails

    def ids(self, kind):
        """The requests of that kind: those mailed by mailbox, those ended otherwise by user."""
        mailed, ended = collections.defaultdict(set), collections.defaultdict(set)
        for request, ends in self.ends.items():
            if kind not in ends:
                continue
            result, user = ends[kind]
            if request in self.mailed:
                mailed[self.mailed[request][0][0]].add(request)
            elif result == "sent":
                self.complain(f"{kind} {request} for {user}: logged as sent, and in no mailbox")
            else:
                ended[user].add(request)
                self.figures[f"ended: {result}"] += 1
        return mailed, ended

    def check_requests(self):
        """Each accepted request has its mail or its logged end, and nobody got what nobody asked for."""
        asked = self.by_user("request")
        for kind in ("code", "link"):
            mailed, ended = self.ids(kind)
            lost = 0
            for user in {*asked, *mailed}:
                told = [note["outcome"] for note in asked.get(user, ()) if note["kind"] == kind]
                have = len(mailed[user]) + len(ended.get(user, ()))
                accepted = told.count("accepted")
                self.figures[f"requests accepted: {kind}"] += accepted
                self.figures[f"requests of unknown outcome: {kind}"] += told.count("unknown")
                missing = max(0, accepted - have)
                lost += missing
                if missing:
                    self.figures[f"without a mail: {kind} for {user}"] += missing
                if have > accepted + told.count("unknown"):
                    self.complain(f"{user}: {have} of {kind}, asked for: {told}")
            # An end that is logged before the directory has said that there is such a person names nobody.
            if lost > len(ended[None]):
                self.complain(f"{lost} requests ({kind}) have neither mail nor end; {len(ended[None])} ended without a name")

    def check_duplicates(self):
        for request, messages in self.mailed.items():
            boxes = {box for box, _ in messages}
            if len(boxes) > 1:
                self.complain(f"{request}: to {sorted(boxes)}")
            self.figures["duplicates"] += len(messages) - 1
            if len(messages) > SENDS_MAX:
                self.complain(f"{request}: {len(messages)} mails")
            if request not in self.ends:
                self.complain(f"{request}: mailed to {sorted(boxes)}, and its end is not in the log")

    # ---- passwords

    def check_passwords(self, only=None):
        """The new one binds where that was said, the old where it was refused, exactly one in any case; both providers agree."""
        told = self.by_user("set")
        first, second = self.site.hashes(False), self.site.hashes(True)
        stamps, contexts = [self.site.stamps(number) for number in (False, True)], [self.site.context(number) for number in (False, True)]
        for user in only or self.users:
            if first[user] != second[user]:
                self.check_disagreement(user, [stamps[number][user] for number in (0, 1)], contexts)
            if user not in told:
                if first[user] != self.hashes[user]:
                    self.complain(f"{user}: did nothing, and has another password")
                continue
            self.check_password(user, told[user])
            self.figures["redemptions and changes"] += self.final.get(user) != people.password(user)

    def check_disagreement(self, user, stamps, contexts):
        """Excused is what slapd shows to be a fault of its replication (docs/directories.md): the provider with the older entry says by
        its contextCSN that it has had the newer write, and has not carried it out. Then what was said must be true of the newer."""
        newer = stamps[1] > stamps[0]
        seen = contexts[not newer].get(stamps[newer].split("#")[2], "")
        self.say(f"{user}: entryCSN {stamps}, contextCSN {contexts}")
        if stamps[0] != stamps[1] and seen >= stamps[newer]:
            self.newer[user] = newer
            self.figures["entries that slapd's replication lost"] += 1
        else:
            self.complain(f"{user}: the providers disagree")

    def check_password(self, user, notes):
        may = {people.password(user)}
        for note in notes:
            self.figures[f"writes {note['outcome']}"] += 1
            if note["outcome"] == "done":
                may = {note["new"]}
            elif note["outcome"] == "unknown":
                may.add(note["new"])
        works = [secret for secret in {people.password(user): 0, **{note["new"]: 0 for note in notes}} if self.site.binds(user, secret, self.newer.get(user, False))]
        if len(works) == 1 and works[0] in may:
            self.final[user] = works[0]
            return
        said = [(note["via"], note["outcome"], note["said"], note["new"]) for note in notes]
        self.complain(f"{user}: {works} bind, told: {said}")

    def check_notices(self):
        """Everybody was told of what happened, and of nothing else."""
        mailed, _ = self.ids("changed")
        told = self.by_user("set")
        for user in {*told, *mailed}:
            if user in told and user not in self.final:
                continue
            happened = user in self.final and self.final[user] != people.password(user)
            tries = [note for note in told.get(user, ()) if note["outcome"] != "refused"]
            # Tried again while a provider was away, the same change may happen once more.
            if not int(happened) <= len(mailed[user]) <= (len(tries) if happened else 0):
                said = [(note["via"], note["outcome"], note["said"]) for note in told.get(user, ())]
                self.complain(f"{user}: told {len(mailed[user])} times of {int(happened)} changes ({said})")
        mailed, _ = self.ids("enrolled")
        for user, notes in self.by_user("enrol").items():
            done = [note["outcome"] for note in notes]
            self.figures["enrolments"] += done.count("done")
            if not done.count("done") <= len(mailed[user]) <= done.count("done") + done.count("unknown"):
                self.complain(f"{user}: told {len(mailed[user])} times of enrolments {done}")

    # ---- tokens

    def check_tokens(self):
        """No token lives beyond its time: none in the directory promises it, and what is over opens nothing."""
        now = time.time()
        for second in (False, True):
            for user, values in self.site.values(second, "pwresetToken").items():
                kinds = collections.Counter()
                for value in values:
                    kind, _, _, expiry, _ = value.split(":")
                    self.figures["tokens in the directory"] += not second
                    if int(expiry) > now + LIFE_S.get(kind, 300) + CLOCK_S:
                        self.complain(f"{user}: {kind} until {int(expiry) - now:.0f} s from now")
                    kinds[kind] += int(expiry) > now
                if max(kinds.values(), default=0) > LIVE_MAX:
                    self.complain(f"{user}: {dict(kinds)} live")
        for note in self.of("ticket"):
            if note["used"] or now - note["time"] > LIFE_S["link"] + CLOCK_S:
                self.must_be_dead(note["user"], "web", "InspectLink", link=note["ticket"])
        for note in self.of("code"):
            if now - note["time"] > LIFE_S["code"] + CLOCK_S:
                self.must_be_dead(note["user"], "pam", "VerifyCode", user=note["user"], code=note["code"])
        # The last code of the longest silent shows that all this is not just because nothing opens any more.
        user = next(user for user in reversed(self.users) if user not in self.by_user("request"))
        before = len(self.lab.mails(user))
        self.call("pam", "RequestCode", user=user)
        body = self.lab.wait_mail(user, before + 1, timeout=60)[before].get_body(("plain",)).get_content()
        self.call("pam", "VerifyCode", user=user, code=CODE.search(body).group(0))

    def call(self, name, method, **parameters):
        uid = int(self.lab.exec(["id", "-u", "pwreset-web"]).stdout) if name == "web" else None
        for left in reversed(range(CALLS)):
            try:
                with Varlink(self.lab.path(f"/run/pwreset/{name}"), 30, uid) as link:
                    return link.call(f"org.pwreset.Recovery.{method}", **parameters)
            except VarlinkError as error:
                # A machine that has too much to do at the moment says nothing of what was asked.
                if error.name != "Unavailable" or left == 0:
                    raise
                time.sleep(2)
        raise AssertionError("not reached")

    def must_be_dead(self, person, name, method, **parameters):
        try:
            self.call(name, method, **parameters)
        except VarlinkError as error:
            self.figures["dead tokens tried"] += 1
            if error.name not in ("LinkDead", "Refused"):
                self.complain(f"{person}: {method} of a dead token: {error.name}")
        else:
            self.complain(f"{person}: {method}: the token is alive beyond its time")

    # ---- processes

    def check_queues(self, waiting):
        """The spool is empty, or it is known why not."""
        for request, kind, due in waiting:
            self.complain(f"the spool holds {kind} {request}, due in {due:.0f} s")

    def processes(self):
        """(pid, state, name) of each, ps itself left out."""
        lines = self.lab.exec(["ps", "-eo", "pid=,stat=,comm="]).stdout.splitlines()
        return [item for item in (line.split(None, 2) for line in lines) if item[2] != "ps"]

    def descriptors(self, pid):
        return sorted(self.lab.exec(["sh", "-c", f"cd /proc/{pid}/fd && for fd in *; do readlink $fd || true; done"]).stdout.split())

    def check_processes(self, idle_s):
        """Nothing is left over: no zombie, no worker without work, no descriptor more than after a fresh start."""
        deadline = time.monotonic() + idle_s
        while time.monotonic() < deadline:
            left = [item for item in self.processes() if item[1].startswith("Z") or
                    item[2] in (comm("pwreset-directory"), comm("pwreset-mailer"))]
            if not left:
                break
            time.sleep(0.5)
        for item in left:
            self.complain(f"left over: {item}")
        failed = self.lab.exec(["systemctl", "list-units", "--failed", "--no-legend", "--plain"]).stdout.split("\n")
        self.wrong += [f"failed: {line}" for line in failed if "pwreset" in line]
        for unit, wake in (("pwreset-web.service", None), ("pwresetd.service", "ctl")):
            used = self.open_descriptors(unit, wake)
            self.lab.exec(["systemctl", "restart", unit])
            fresh = self.open_descriptors(unit, wake)
            more = collections.Counter(used) - collections.Counter(fresh)
            self.figures[f"descriptors of {unit}"] = len(used)
            if sum(more.values()) > 0:
                self.complain(f"{unit}: descriptors beyond a fresh start's: {dict(more)}")
            if not wake:
                # The page keeps a connection to the broker for a while.
                self.lab.exec(["systemctl", "stop", unit])

    def open_descriptors(self, unit, wake):
        """By kind and name, sockets by kind alone: their numbers differ."""
        if wake:
            # Refused, hence in the journal, for which a socket is opened the first time.
            uid = int(self.lab.exec(["id", "-u", "mallory"]).stdout)
            with Varlink(self.lab.path(f"/run/pwreset/{wake}"), 30, uid) as link, contextlib.suppress(VarlinkError):
                link.call("org.pwreset.Service.GetStatus")
        else:
            self.lab.exec(["systemctl", "start", unit])
        time.sleep(1.5)
        pid = self.lab.exec(["systemctl", "show", "-P", "MainPID", unit]).stdout.strip()
        return [re.sub(r"\[\d+\]", "", name) for name in self.descriptors(pid)]

    def check_logins(self, login):
        """login(user, secret): people who had nothing to do with it, and some with their new passwords."""
        changed = [user for user, secret in self.final.items() if secret != people.password(user)]
        idle = [user for user in ("alice", "frank", "o.brien") if user not in self.final]
        for user in idle + changed[:LOGINS]:
            self.figures["logins"] += 1
            if not login(user, self.final.get(user, people.password(user))):
                self.complain(f"{user}: cannot log in")
        for note in self.of("login"):
            self.figures[f"logins at the prompt: {note['outcome']}"] += 1
