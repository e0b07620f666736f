#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the main job in a lab of real systems and shows it as people see it.

Exit status: 0 when everything was proved, 1 when something failed.
"""
import argparse
import html.parser
import pathlib
import re
import sys
import textwrap
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lab"))

import pexpect  # noqa: E402  pylint: disable=wrong-import-position

from lab import Lab, people  # noqa: E402  pylint: disable=wrong-import-position

ORIGIN = "https://reset.example.com"
COOKED = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")
CODE = re.compile(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")
LINK = re.compile(re.escape(ORIGIN) + r"/r/[A-Za-z0-9_-]+")
WIDTH = 92


class Failed(Exception):
    """Something that was to be proved is not so."""


class PageText(html.parser.HTMLParser):
    """A page as a person hears it: its words and what can be filled in."""

    def __init__(self, page):
        super().__init__()
        self.lines, self.hidden = [""], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("style", "script", "head"):
            self.hidden += 1
        if tag in ("p", "h1", "h2", "li", "form", "div", "br", "label", "main", "footer"):
            self.lines.append("")
        if tag == "input" and attrs.get("type") != "hidden":
            self.lines[-1] += f" [{attrs.get('name', '')}: {'_' * 20}]"
        if tag == "button":
            self.lines[-1] += " [[ "

    def handle_endtag(self, tag):
        if tag in ("style", "script", "head"):
            self.hidden -= 1
        if tag == "button":
            self.lines[-1] += " ]]"

    def handle_data(self, data):
        if not self.hidden:
            self.lines[-1] += re.sub(r"\s+", " ", data)

    def __str__(self):
        return "\n".join(line.strip() for line in self.lines if line.strip())


class Demo:
    """The lab, the screen and the books."""

    def __init__(self, lab):
        self.lab = lab
        self.rows = []
        self.began = 0.0

    def show(self, title, text):
        print(f"  ┌─ {title} " + "─" * max(0, WIDTH - len(title) - 5))
        for line in COOKED.sub("", str(text)).strip("\n").split("\n"):
            for piece in textwrap.wrap(line, WIDTH, drop_whitespace=False) or [""]:
                print(f"  │ {piece}")
        print("  └" + "─" * WIDTH, flush=True)

    def play(self, title, scene):
        print(f"\n━━ {title}", flush=True)
        self.began = time.monotonic()
        try:
            scene()
        except Exception as error:  # pylint: disable=broad-except
            self.rows.append((False, f"{title}: {type(error).__name__}: {error}".split("\n")[0],
                              time.monotonic() - self.began))
            print(f"  failed: {error}", flush=True)

    def prove(self, what, holds):
        now = time.monotonic()
        self.rows.append((bool(holds), what, now - self.began))
        self.began = now
        print(f"  {'✓' if holds else '✗'} {what}", flush=True)

    def mail(self, user, count, title):
        message = self.lab.wait_mail(user, count, timeout=30)[count - 1]
        body = message.get_body(("plain",)).get_content()
        head = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
        self.show(f"{title} ({user}'s mailbox)", f"{head}\n\n{body}")
        return body

    def found(self, pattern, text, what):
        match = pattern.search(text)
        if not match:
            raise Failed(f"no {what} in the mail")
        return match.group(0)

    def page(self, path, *fields):
        """GET, or POST of name=value fields, by the host's curl; (status, body)."""
        ca = self.lab.path("/etc/lab/tls/ca.crt")
        argv = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(ca),
                "--write-out", "\n%{http_code}"]
        if fields:
            argv += ["--header", f"Origin: {ORIGIN}"]
        for field in fields:
            argv += ["--data-urlencode", field]
        out = self.lab.net_exec([*argv, ORIGIN + path]).stdout
        body, _, status = out.rpartition("\n")
        return int(status), body

    # ---- scenes

    def at_the_prompt(self):
        new = "teal kayak orbits mars 41"
        before = len(self.lab.mails("alice"))
        child = self.lab.ssh("alice", options=("PreferredAuthentications=keyboard-interactive",), timeout=40)
        child.expect("[Pp]assword: ")
        child.sendline("")
        child.expect("Enter = try again: ")
        child.sendline("y")
        child.expect("Enter = other ways: ")
        child.sendline("y")
        child.expect("Code: ")
        code = self.found(CODE, self.mail("alice", before + 1, "the mail"), "code")
        child.sendline(code)
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new)
        child.expect(r"alice@lab:\S*\$ ")
        child.sendline("id -un && exit")
        child.expect("\r\nalice\r\n")
        child.expect(pexpect.EOF)
        self.show("alice's terminal: ssh alice@lab.example.com", child.seen.getvalue())
        self.prove("alice pressed Enter at ssh's prompt and has a shell in the same connection", True)
        self.prove("her new password binds, the old one does not",
                   self.lab.binds("alice", new) and not self.lab.binds("alice", people.password("alice")))

    def on_the_page(self):
        new = "copper lantern hums 77 softly"
        before = len(self.lab.mails("bob"))
        status, body = self.page("/")
        self.show(f"the page ({status})", PageText(body))
        status, body = self.page("/", "user=bob")
        self.show(f"after asking for a link ({status})", PageText(body))
        link = self.found(LINK, self.mail("bob", before + 1, "the mail"), "link")
        path = link.removeprefix(ORIGIN)
        looks = [self.page(path)[0] for _ in range(3)]
        self.prove("three GETs of the link leave it alive", looks == [200, 200, 200])
        self.show("the page behind the link", PageText(self.page(path)[1]))
        status, body = self.page(path, f"password={new}", f"again={new}")
        self.show(f"after the POST ({status})", PageText(body))
        self.prove("bob's new password binds, the old one does not",
                   self.lab.binds("bob", new) and not self.lab.binds("bob", people.password("bob")))
        self.prove("bob logs in by ssh with it", self.logs_in("bob", new))
        status, body = self.page(path)
        self.show(f"the link once more ({status})", PageText(body))
        self.prove("the link is dead", status in (404, 410))

    def by_the_help_desk(self):
        new = "violet anchor drifts 12 north"
        before = len(self.lab.mails("carol"))
        done = self.lab.exec(["pwresetctl", "send-link", "carol"], user="helen")
        self.show("helen of the help desk: pwresetctl send-link carol", done.stdout)
        link = self.found(LINK, self.mail("carol", before + 1, "the mail"), "link")
        status, body = self.page(link.removeprefix(ORIGIN), f"password={new}", f"again={new}")
        self.show(f"carol sets a password ({status})", PageText(body))
        self.prove("carol used the link that the help desk sent", self.lab.binds("carol", new))
        record = self.lab.exec(["pwresetctl", "show", "carol"], user="helen").stdout
        self.show("helen: pwresetctl show carol", record)

    def with_passwd(self):
        new = "amber glacier sings 93 twice"
        child = self.lab.spawn(["passwd"], user="dave", timeout=30)
        child.expect("[Cc]urrent .*assword: ")
        child.sendline(people.password("dave"))
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new + "x")
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new)
        child.expect("changed|updated successfully")
        child.wait()
        self.show("dave's terminal: passwd", child.seen.getvalue())
        self.prove("dave changed his password with passwd; a mistyped repetition was said and asked again",
                   self.lab.binds("dave", new) and not self.lab.binds("dave", people.password("dave")))
        self.mail("dave", len(self.lab.mails("dave")) or 1, "he is told")

    def logs_in(self, user, secret):
        child = self.lab.ssh(user, "id", "-un", options=("PreferredAuthentications=password",), timeout=40)
        child.expect("password: ")
        child.sendline(secret)
        return child.expect([f"\r\n{user}\r\n", "denied"]) == 0

    # ---- books

    def table(self):
        print("\n━━ What was proved")
        for holds, what, seconds in self.rows:
            print(f"  {'✓' if holds else '✗ FAILED'} {what:<86} {seconds:6.1f} s")
        failed = sum(not holds for holds, _, _ in self.rows)
        print(f"\n{len(self.rows) - failed} proved, {failed} failed")
        return failed


def how_to_try(lab):
    me = f"tests/lab/lab --name {lab.name}"
    print(textwrap.dedent(f"""
        The lab is still up. Everybody's password is NAME-old-Harbor-42 unless changed above (erin, frank, grace … are untouched).
          {me} ssh erin                     press Enter at the prompt
          {me} mails erin                   her mailbox
          {me} net curl --cacert {lab.path('/etc/lab/tls/ca.crt')} {ORIGIN}/
          {me} exec -u helen pwresetctl send-link frank
          {me} exec pwresetctl doctor
          {me} exec journalctl -u pwresetd
          sockets: {lab.path('/run/pwreset')}/{{pam,web,ctl}}
          {me} down                         ends it"""))


def main():
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="leave the lab up and say how to try it")
    arguments = parser.parse_args()

    began = time.monotonic()
    print("starting the lab: systemd, slapd with a thousand people, Postfix, sshd, nginx", flush=True)
    lab = Lab.new("demo" if arguments.keep else None, keep=arguments.keep)
    with_product(lab.start(), arguments.build)
    demo = Demo(lab)
    print(f"the lab is up and pwreset installed in it: {time.monotonic() - began:.1f} s")
    try:
        demo.play("Alice forgot her password and is at an ssh prompt", demo.at_the_prompt)
        demo.play("Bob asks on the page", demo.on_the_page)
        demo.play("The help desk sends Carol a link", demo.by_the_help_desk)
        demo.play("Dave runs passwd", demo.with_passwd)
        failed = demo.table()
        if arguments.keep:
            how_to_try(lab)
    finally:
        if not arguments.keep:
            lab.stop()
    return 1 if failed else 0


def with_product(lab, build):
    try:
        lab.install_product(build)
        lab.start_proxy()
    except BaseException:
        lab.stop()
        raise


if __name__ == "__main__":
    sys.exit(main())
