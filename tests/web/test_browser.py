#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every page in a real browser: 360 and 1280 wide (320 measured), light and dark, four languages, with and without
JavaScript; axe-core, html-validate, geometry, weight. Screenshots under $OUT/web-screenshots."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from support import LANGUAGES, LINK, TOP, Fault, Server, ticket

OUT = pathlib.Path(os.environ.get("OUT", "/tmp/pwreset-test")) / "web-screenshots"
CACHE = pathlib.Path(os.environ.get("PWRESET_CACHE", "/var/cache/pwreset-lab")) / "npm"
DEAD = {name: ticket(name.encode()) for name in ("expired", "used", "revoked", "busy", "away")}
WEIGHT_MAX = 15000
PAGES = 39


def secret(text):
    return base64.b64encode(text.encode()).decode()


def inspect(link, **_):
    for name, text in DEAD.items():
        if link == text:
            raise {"busy": Fault("TryLater", seconds=400), "away": Fault("Unavailable")}.get(name) or Fault("LinkDead", reason=name)
    return {"user": "carol", "seconds": 1740, "language": "en"}


def set_password(password, **_):
    if password == secret("lost"):
        raise Fault("OutcomeUnknown")
    if password == secret("weak"):
        raise Fault("PasswordRefused", reasons=["too-short", "common", "leaked", "personal", "keyboard-walk", "too-guessable"],
                    hints=["longer", "more-words", "no-personal"], bits=11)
    return {"user": "carol"}


def change(current, **_):
    if current == secret("wrong"):
        raise Fault("WrongPassword")
    return {}


def verify(code, **_):
    if code == "AAAA-AAAA":
        raise Fault("Refused")
    return {"grant": ticket(secret=b"\xa5" * 32), "seconds": 300}


def confirm(**parameters):
    verify(**parameters)
    return {}


def enroll(answers, **_):
    if answers[1]["answer"] == "blue":
        raise Fault("org.pwreset.Account.AnswerRefused", index=1, reason="common")
    return {}


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = shutil.which("chromium")
        if not cls.browser or not shutil.which("node"):
            raise unittest.SkipTest("chromium and node are not installed (tests/web/prepare.sh)")
        if not (CACHE / "node_modules/playwright-core").is_dir():
            raise unittest.SkipTest(f"the npm packages are not in {CACHE} (tests/web/prepare.sh)")
        cls.server = Server({"web": {"origin": "http://localhost", "help-text": "Library, ground floor, Monday to Friday from 9 to 17."}})
        cls.server.daemon.replies.update({
            "Recovery.InspectLink": inspect, "Recovery.SetPassword": set_password, "Password.Change": change,
            "Recovery.VerifyCode": verify, "Account.ConfirmMail": confirm, "Account.EnrollQuestions": enroll})
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)

    def run_script(self, name, **plan):
        plan |= {"base": f"http://localhost:{self.server.port}", "browser": self.browser,
                 "links": {"good": f"/r/{LINK}", **{n: f"/r/{t}" for n, t in DEAD.items()}}}
        done = subprocess.run(["node", TOP / "tests/web" / name, CACHE], input=json.dumps(plan), text=True,
                              capture_output=True, timeout=900, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def walk(self, language, javascript):
        out = OUT / language / ("js" if javascript else "nojs")
        shutil.rmtree(out, ignore_errors=True)
        result = self.run_script("walk.mjs", language=language, javascript=javascript, out=str(out))
        self.assertEqual([], result["findings"], "\n" + "\n".join(result["findings"]))
        self.assertEqual(PAGES, len(result["visited"]))
        self.assertEqual(PAGES * 4 + 1, len(list(out.glob("*.png"))))

    def test_script_keyboard_and_weight(self):
        before = len(self.server.daemon.named("Recovery.RequestLink"))
        result = self.run_script("behave.mjs")
        self.assertEqual([], result["findings"])
        users = [c["user"] for c in self.server.daemon.named("Recovery.RequestLink")[before:]]
        self.assertEqual(["carol", "twice"], users)
        print(f"\nfirst page: {result['weight']['bytes']} bytes in {len(result['weight']['requests'])} requests "
              f"({', '.join(result['weight']['requests'])}), loaded after {result['timing']['load']} ms")
        self.assertLessEqual(result["weight"]["bytes"], WEIGHT_MAX)


for _language in LANGUAGES:
    for _javascript in (True, False):
        setattr(Browser, f"test_walk_{_language}_{'js' if _javascript else 'nojs'}",
                lambda self, l=_language, j=_javascript: self.walk(l, j))

if __name__ == "__main__":
    unittest.main()
