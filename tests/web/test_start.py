#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starting, refusing to start, ending; own TLS and its renewal."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from support import BUILD, LINK, Server, trusting, wait_for


class Refused(unittest.TestCase):
    """Each of these says what and where, and serves nothing."""

    def refused(self, words, settings=None, texts=None, **kwargs):
        server = Server(settings, texts=texts, **kwargs)
        self.addCleanup(server.stop)
        server.start()
        self.assertEqual(78, server.process.wait(10), "EX_CONFIG: systemd does not try again")
        self.assertRegex(server.logged(), words)
        return server

    def test_no_origin(self):
        self.refused(r"origin", {"web": {"origin": None}})

    def test_texts(self):
        self.refused(r"etc/pwreset/web/en/texts\.conf:3: .*no-such", texts={"etc/pwreset/web/en/texts.conf": "# x\n[ask]\nno-such = x\n"})
        self.refused(r"\"title\" of section \[code\] is missing",
                     texts={"etc/pwreset/web/it/texts.conf": "[ask]\ntitle = x\n"})
        self.refused(r"usr/share/pwreset/web/de/texts\.conf", texts={"usr/share/pwreset/web/de/texts.conf": ""})

    def test_logo(self):
        with tempfile.NamedTemporaryFile(suffix=".png") as f:
            self.refused(r"logo\.png.*no such file", {"web": {"logo": f"{f.name}.logo.png"}})
            f.write(b"GIF89a")
            f.flush()
            os.chmod(f.name, 0o644)
            self.refused(r"neither PNG nor SVG", {"web": {"logo": f.name}})
            f.write(b"<svg" + b" " * 50000)
            f.flush()
            self.refused(r"48 KiB", {"web": {"logo": f.name}})

    def test_sockets(self):
        environment = dict(os.environ)
        environment.pop("LISTEN_FDS", None)
        server = Server()
        self.addCleanup(server.stop)
        server.start()
        done = subprocess.run([BUILD / "web/pwreset-web", "--root", str(server.root)], env=environment, capture_output=True,
                              text=True, timeout=10, check=False)
        self.assertEqual(78, done.returncode)
        self.assertIn("pwreset-http.socket", done.stderr)

    def test_passwords_do_not_cross_the_network_in_the_clear(self):
        server = Server()
        self.addCleanup(server.stop)
        server.listener.close()
        server.listener = socket.socket()
        server.listener.bind(("0.0.0.0", 0))
        server.listener.listen()
        server.start()
        self.assertEqual(78, server.process.wait(10), "EX_CONFIG: systemd does not try again")
        self.assertIn("certificate", server.logged())

    def test_arguments(self):
        for arguments, status in ((["--help"], 0), (["--version"], 0), (["x"], 1), (["--nothing"], 1)):
            done = subprocess.run([BUILD / "web/pwreset-web", *arguments], capture_output=True, timeout=10, check=False)
            self.assertEqual(status, done.returncode, arguments)


class Life(unittest.TestCase):
    def test_leaves_when_idle_and_not_before(self):
        server = Server({"limits": {"idle-exit": "2"}}).start()
        self.addCleanup(server.stop)
        for _ in range(4):
            self.assertEqual(200, server.get("/").status)
            time.sleep(0.8)
        with server.raw() as plain:
            time.sleep(3)
            self.assertIsNone(server.process.poll(), "somebody is connected")
            plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b" 200 ", plain.recv(100))
        self.assertEqual(0, server.process.wait(10))

    def test_an_answer_under_way_is_given_after_sigterm(self):
        server = Server().start()
        self.addCleanup(server.stop)
        asked, gate = threading.Event(), threading.Event()

        def slow(**_):
            asked.set()
            gate.wait(10)
            return {"user": "carol"}

        server.daemon.replies["Recovery.SetPassword"] = slow
        pages = []
        thread = threading.Thread(target=lambda: pages.append(server.post("/r/" + LINK, {"password": "a", "again": "a"})))
        thread.start()
        self.assertTrue(asked.wait(10))
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(server.process.poll())
        gate.set()
        thread.join()
        self.assertEqual("Your password has been changed", pages[0].title())
        self.assertEqual(0, server.process.wait(10))

    def test_site_texts_and_logo(self):
        with tempfile.TemporaryDirectory() as folder:
            logo = os.path.join(folder, "logo.svg")
            with open(logo, "w", encoding="ascii") as f:
                f.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>alert(1)</script></svg>')
            os.chmod(logo, 0o644)
            server = Server({"web": {"logo": logo, "colour": "#ffcc00"}},
                            texts={"etc/pwreset/web/en/texts.conf": "[ask]\ntitle = Lost <your> key?\n"}).start()
            self.addCleanup(server.stop)
            self.assertEqual("Lost &lt;your&gt; key?", server.get("/").title())
            page = server.get("/logo")
            self.assertEqual("image/svg+xml", page.header("Content-Type"))
            self.assertIn("default-src 'none'", page.header("Content-Security-Policy"), "no script of a logo runs")
            self.assertIn("--button:#", server.get("/style.css").text)

    def test_no_core_and_no_environment(self):
        server = Server(environment={"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "HOME": "/nonexistent"}).start()
        self.addCleanup(server.stop)
        self.assertEqual("Forgot your password?", server.get("/").title())
        with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as f:
            self.assertRegex(f.read(), r"Max core file size\s+0\s+0")


class Tls(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pwreset-tls-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.certificate, self.key = (os.path.join(self.folder, n) for n in ("certificate.pem", "key.pem"))
        self.make("first")

    def make(self, name):
        new_key, new = self.key + ".new", self.certificate + ".new"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", new_key, "-out", new],
                       check=True, capture_output=True)
        os.chmod(new_key, 0o640)
        os.chmod(new, 0o644)
        os.rename(new_key, self.key)
        os.rename(new, self.certificate)

    def start(self):
        server = Server({"web": {"certificate": self.certificate, "certificate-key": self.key}}).start()
        self.addCleanup(server.stop)
        server.tls = trusting(self.certificate)
        return server

    def name(self, server):
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain, context.wrap_socket(plain) as tls:
            certificate = ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))
        done = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=certificate, text=True, capture_output=True, check=True)
        return re.search(r"CN = (\S+)", done.stdout).group(1)

    def test_serves_and_reloads_on_change(self):
        server = self.start()
        page = server.post("/r/" + LINK, {"password": "tram lemon", "again": "tram lemon"})
        self.assertEqual("Your password has been changed", page.title())
        self.assertIn("max-age", page.header("Strict-Transport-Security"))
        self.assertEqual("127.0.0.1", server.daemon.named("Recovery.SetPassword")[0]["origin"]["address"])
        self.assertEqual("first", self.name(server))

        # A request under way keeps its connection over the change.
        gate = threading.Event()
        server.daemon.replies["Recovery.InspectLink"] = lambda **_: gate.wait(20) and {"user": "carol", "seconds": 60}
        pages = []
        thread = threading.Thread(target=lambda: pages.append(server.get("/r/" + LINK)))
        thread.start()
        self.assertTrue(wait_for(lambda: len(server.daemon.named("Recovery.InspectLink")) == 1))
        self.make("second")
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: self.name(server) == "second"))
        gate.set()
        thread.join()
        self.assertEqual(200, pages[0].status)

        # And without a signal, within the time of a look.
        self.make("third")
        self.assertTrue(wait_for(lambda: self.name(server) == "third", 15))
        for i in range(8):
            self.make(f"n{i}")
            server.process.send_signal(signal.SIGHUP)
            self.assertTrue(wait_for(lambda n=i: self.name(server) == f"n{n}"))

    def test_a_bad_renewal_leaves_the_old_one_in_use(self):
        server = self.start()
        self.assertEqual("first", self.name(server))
        with open(self.key, "w", encoding="ascii") as f:
            f.write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: "stay in use" in server.logged()))
        self.assertEqual("first", self.name(server))
        os.chmod(self.key, 0o644)
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: "Others have access" in server.logged()))
        self.assertEqual("first", self.name(server))
        os.unlink(self.key)
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: "is it in /etc/pwreset/tls" in server.logged()))
        self.assertEqual("first", self.name(server))
        self.assertNotIn("AAAA", server.logged())

    def test_links_of_renewal_tools(self):
        archive = os.path.join(self.folder, "archive")
        os.mkdir(archive)
        for path in (self.certificate, self.key):
            target = os.path.join(archive, os.path.basename(path))
            os.rename(path, target)
            os.symlink(target, path)
        self.assertEqual("first", self.name(self.start()))

    def test_refused(self):
        os.chmod(self.key, 0o644)
        for words in ("Others have access", "no PEM file"):
            server = Server({"web": {"certificate": self.certificate, "certificate-key": self.key}}).start()
            self.addCleanup(server.stop)
            self.assertEqual(78, server.process.wait(10), "EX_CONFIG: systemd does not try again")
            self.assertIn(words, server.logged())
            os.chmod(self.key, 0o640)
            with open(self.key, "w", encoding="ascii"):
                pass

    def test_old_protocols_and_ciphers(self):
        server = self.start()
        self.assertEqual(200, server.get("/").status)
        for arguments, works in ((["-tls1_3"], True), (["-tls1_2"], True), (["-tls1_1"], False), (["-tls1"], False),
                                 (["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:AES128-GCM-SHA256"], False),
                                 (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], False)):
            done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-brief", *arguments],
                                  input="", text=True, capture_output=True, timeout=20, check=False)
            self.assertEqual(works, done.returncode == 0, (arguments, done.stderr))

    def test_plain_http_and_half_handshakes(self):
        server = self.start()
        server.get("/")
        self.assertNotIn(b"200", server.talk(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        idle = [server.raw() for _ in range(50)]
        for plain in idle[:25]:
            plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        self.assertEqual(200, server.get("/").status)
        for plain in idle:
            plain.close()


if __name__ == "__main__":
    unittest.main()
