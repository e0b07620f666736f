#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security case 17: what somebody has who has taken over the web process. A shell that needs nothing of the system runs as the real
unit, with a line that lets it in; nothing else of the unit is changed, which is looked at first."""
import base64
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import TOP, LabCase, VarlinkError, eventually  # noqa: E402  pylint: disable=wrong-import-position

UNIT = "pwreset-web.service"
SHELL, OUTSIDE, SAID = "/busybox", "/usr/local/bin/busybox", "/run/taken-over"
DROP_IN = f"/run/systemd/system/{UNIT}.d/taken-over.conf"
LIBRARIES = r"/lib|/lib64|/usr/lib64|/usr/lib/[\w-]+-linux-gnu"
# All files that it may see: the shell, the program, libraries, texts, settings.
MAY_SEE = re.compile(rf"{SHELL}|/usr/lib/pwreset/pwreset-web|({LIBRARIES})/.*|/usr/share/pwreset/web/\w+/texts\.conf|"
                     r"/etc/pwreset/(pwreset\.conf|(pwreset\.conf\.d|web|tls)/.*)|/etc/ld\.so\.cache|/etc/gnutls/.*|"
                     r"(/etc|/usr/share)/crypto-policies/.*")
MAY_CONNECT = ["/run/pwreset/web", "/run/systemd/notify"]
HIDDEN = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/machine-id", "/etc/hosts", "/etc/pwreset/credentials/pepper", "/etc/ldap",
          "/usr/bin/id", "/usr/bin/python3", "/bin/sh", "/usr/sbin/pwresetd", "/usr/lib/pwreset/pwreset-directory", "/var/lib/pwreset",
          "/var/lib/ldap", "/var/log", "/var/mail", "/root", "/home", "/tmp", "/run/slapd/ldapi", "/run/pwreset/ctl", "/run/pwreset/pam",
          "/run/pwreset/directory", "/run/pwreset/mailer", "/run/nslcd/socket", "/run/dbus/system_bus_socket", "/run/systemd/private",
          "/run/systemd/journal/socket", "/run/credentials")
PORTS = (22, 25, 389, 443)
EVERYTHING = "find / -path /proc -prune -o"


def with_tools(script, shell):
    """The script, and the commands in it the shell's own: there are no others where it runs."""
    tools = "".join(f'{name}() {{ {shell} {name} "$@"; }}\n' for name in ("cat", "cp", "id", "ls", "mount", "nc", "ps", "touch", "unshare"))
    return f'{tools}find() {{ {shell} find "$@" 2>/dev/null; }}\n{script}\n'


class TakenOver(LabCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.start_proxy()
        shell = subprocess.run([TOP / "tests/lab/busybox.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        target = cls.lab.path("/usr/local/bin") / "busybox"
        target.write_bytes(pathlib.Path(shell).read_bytes())
        target.chmod(0o755)

    def inside(self, script):
        """What a script writes that runs in place of the program."""
        data = base64.b64encode(("exec 2>&1\n" + with_tools(script, SHELL)).encode()).decode()
        self.lab.exec(["systemctl", "stop", UNIT])
        self.lab.exec(["mkdir", "-p", DROP_IN.rpartition("/")[0]])
        # What it may not call is an error for it, as it is for a site; elsewhere in these tests it kills.
        self.lab.write(DROP_IN, f"[Service]\nType=oneshot\nRestart=no\nSystemCallErrorNumber=EPERM\nExecStart=\nExecStart={SHELL} sh\n"
                       f"BindReadOnlyPaths={OUTSIDE}:{SHELL}\nStandardInput=data\nStandardInputData={data}\nStandardOutput=truncate:{SAID}\n")
        try:
            self.lab.exec(["systemctl", "daemon-reload"])
            self.lab.exec(["systemctl", "start", UNIT], check=False, timeout=120)
            return self.lab.read(SAID)
        finally:
            self.lab.exec(["rm", DROP_IN])
            self.lab.exec(["systemctl", "daemon-reload"])
            self.lab.exec(["systemctl", "reset-failed", UNIT], check=False)

    def outside(self, script):
        """The same user and shell without the unit."""
        return self.lab.exec([OUTSIDE, "sh", "-c", with_tools(script, OUTSIDE)], user="pwreset-web", check=False).stdout

    def of_program(self, name):
        """A file of /proc of the real process."""
        self.page("/")
        pid = self.lab.exec(["systemctl", "show", "-P", "MainPID", UNIT]).stdout.strip()
        self.assertRegex(self.lab.exec(["readlink", f"/proc/{pid}/exe"]).stdout, "/pwreset-web$")
        return self.lab.exec(["cat", f"/proc/{pid}/{name}"]).stdout

    def test_case_17_the_shell_has_what_the_program_has(self):
        def mounts(text):
            return {tuple(line.split()[i] for i in (3, 4, 5)) for line in text.splitlines()}

        def status(text):
            wanted = r"(?m)^((?:Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp|Seccomp_filters):.*?)\s*$"
            return re.findall(wanted, text)

        real = self.of_program("mountinfo"), status(self.of_program("status"))
        found = mounts(self.inside("cat /proc/self/mountinfo"))
        self.assertEqual({SHELL}, {mount[1] for mount in found ^ mounts(real[0])})
        self.assertGreater(len(real[1]), 10)
        self.assertEqual(real[1], status(self.inside("cat /proc/self/status")))

    def test_case_17_it_sees_its_program_and_texts_alone(self):
        look = "".join(f"[ -e {path} ] && echo {path}\n" for path in HIDDEN)
        self.assertIn("root:x:0", self.outside("cat /etc/passwd"))
        self.assertEqual([], [path for path in HIDDEN if not self.lab.path(path).exists()], "there is something to see")
        self.assertEqual("alive\n", self.inside(look + "echo alive"))
        seen = self.inside(f"{EVERYTHING} ! -type d ! -type c ! -type s -print").splitlines()
        self.assertIn("/usr/share/pwreset/web/en/texts.conf", seen)
        self.assertEqual([], [path for path in seen if not MAY_SEE.fullmatch(path) and not path.startswith("/dev/")])
        secret = self.inside("for f in /etc/pwreset/* /etc/pwreset/*/*; do echo $f; cat $f; done")
        self.assertIn("[web]", secret)
        self.assertNotIn("credentials", secret)

    def test_case_17_it_writes_nowhere(self):
        self.assertEqual("alive\n", self.inside(
            f"{EVERYTHING} -type d -print | while read d; do touch $d/x 2>/dev/null && echo $d; done\n"
            f"{EVERYTHING} ! -type c ! -type s ! -type l -print | while read f; do [ -w $f ] && echo $f; done\necho alive"))

    def test_case_17_it_executes_nothing_beyond(self):
        programs = self.inside(f"{EVERYTHING} -type f -perm /111 -print").splitlines()
        self.assertIn("/usr/lib/pwreset/pwreset-web", programs)
        beyond = [path for path in programs if not re.fullmatch(rf"{SHELL}|/usr/lib/pwreset/pwreset-web|({LIBRARIES})/.*", path)]
        self.assertEqual([], beyond)
        # Packages put scripts beside libraries; what they would be run by is not there.
        others = [path for path in programs if re.match(LIBRARIES, path) and not re.search(r"\.so[.\d]*$", path)]
        self.assertEqual("alive\n", self.inside("".join(f"{path} >/dev/null 2>&1\n[ $? -ge 126 ] || echo {path}\n" for path in others) + "echo alive"))
        self.assertEqual("", self.inside(f"{EVERYTHING} -type f -perm /6000 -print"))
        self.assertIn("uid=", self.outside("/usr/bin/id"))
        said = self.inside(f"/usr/bin/id || echo no\n/lib64/ld-linux-x86-64.so.2 /usr/bin/id || echo no\ncp {SHELL} /run/x && /run/x id || echo no\n"
                           "unshare -r /busybox id || echo no\nmount -t tmpfs none /run || echo no")
        self.assertEqual(5, said.splitlines().count("no"), said)
        self.assertNotIn("uid=", said)

    def test_case_17_it_connects_to_nothing(self):
        ports = "".join(f"nc -w 3 127.0.0.1 {port} </dev/null >/dev/null 2>&1 && echo {port}\n" for port in PORTS)
        self.assertEqual([str(port) for port in PORTS], self.outside(ports).split(), "there is something to reach")
        self.assertEqual("alive\n", self.inside(ports + "echo alive"))
        self.assertIn("Address family not supported", self.inside("nc -w 3 127.0.0.1 25"))
        self.assertEqual(["lo"], re.findall(r"(?m)^ *(\w+):", self.inside("cat /proc/self/net/dev")))
        self.assertEqual(MAY_CONNECT, sorted(self.inside(f"{EVERYTHING} -type s -print").split()))
        # Sockets that have a name and no file belong to a network, and this one has none.
        named = re.compile(r"(?m) [@/]\S+$")
        self.assertRegex(self.outside("cat /proc/net/unix"), named)
        self.assertNotRegex(self.inside("cat /proc/self/net/unix"), named)

    def test_case_17_it_sees_no_other_process(self):
        running = self.outside("ps -o pid,comm")
        self.assertRegex(running, r"\bsystemd\b")
        said = self.inside("ps -o pid,comm\nkill -0 1 || echo no\nkill -0 $PPID || echo no")
        self.assertEqual({"busybox"}, set(re.findall(r"(?m)^ *\d+ +(\S+)$", said)), said)
        self.assertEqual(2, said.splitlines().count("no"), said)

    def test_the_others_execute_their_program_and_libraries_alone(self):
        self.lab.exec(["systemctl", "stop", "pwresetd.service"])
        self.ask_code("victor")
        for name, more in (("pwresetd", "/(usr/)?bin/kill"), ("pwreset-directory", "-"), ("pwreset-mailer", "-")):
            pid = self.lab.exec(["pidof", "-s", name]).stdout.strip()
            program = self.lab.exec(["readlink", f"/proc/{pid}/exe"]).stdout.strip()
            # The last at a place is the one on top.
            mounts = dict(line.split()[4:6] for line in self.lab.exec(["cat", f"/proc/{pid}/mountinfo"]).stdout.splitlines())
            with self.subTest(program=name):
                self.assertLess({"/", "/run", "/tmp", "/dev/shm"}, mounts.keys())
                # What is at the last two is systemd's and nspawn's, and read only.
                self.assertEqual([], [place for place, options in mounts.items() if "noexec" not in options.split(",") and
                                      not re.fullmatch(f"{program}|{more}|{LIBRARIES}|/run/systemd/incoming|/run/host/.*", place)])

    def test_case_17_the_page_is_there_again_afterwards(self):
        self.inside("id -u")
        self.assertTrue(eventually(lambda: self.page("/")[0] == 200))

    def test_case_17_the_daemon_gives_it_nothing_without_proof(self):
        link = self.varlink("web")
        for method, parameters in (("Admin.Show", {"user": "bob"}), ("Admin.SendLink", {"users": ["bob"]}),
                                   ("Admin.SetPassword", {"user": "bob", "password": "eA=="}), ("Admin.Unlock", {"user": "bob"}),
                                   ("Service.Diagnose", {}), ("Service.GetStatus", {}), ("Password.Exists", {"user": "bob"}),
                                   ("Password.Verify", {"user": "bob", "password": "eA=="}),
                                   ("Password.SetByRoot", {"user": "bob", "password": "eA=="}),
                                   ("Recovery.GetQuestions", {"user": "bob"}), ("Directory.Mint", {}), ("Mailer.Send", {})):
            with self.subTest(method=method):
                with self.assertRaises(VarlinkError) as caught:
                    link.call("org.pwreset." + method, **parameters)
                self.assertRegex(caught.exception.name, r"PermissionDenied|NotFound")
        with self.assertRaises(VarlinkError):
            link.call("org.pwreset.Recovery.SetPassword", ticket="A" * 80, password="eA==")
        with self.assertRaises(VarlinkError):
            link.call("org.pwreset.Account.Status", user="bob")


if __name__ == "__main__":
    unittest.main()
