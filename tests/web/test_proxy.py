#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shipped proxy configurations in front of the real page: TLS, source address, and no token in any log."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from support import CODES, LINK, TOP, Server, trusting, wait_for

NAME = "reset.example.org"


def free_port():
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        return plain.getsockname()[1]


class Proxy:
    """What the tests of each proxy have in common."""

    PROGRAM = None
    FILE = None
    process = None

    @classmethod
    def setUpClass(cls):
        if not shutil.which(cls.PROGRAM):
            raise unittest.SkipTest(f"{cls.PROGRAM} is not installed")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pwreset-proxy-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.folder.chmod(0o755)
        (cls.folder / "logs").mkdir(mode=0o777)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1",
                        "-keyout", cls.folder / "key.pem", "-out", cls.folder / "fullchain.pem"], check=True, capture_output=True)
        cls.server = Server({"web": {"origin": f"https://{NAME}", "behind-proxy": "yes"}}, unix=True).start()
        cls.addClassCleanup(cls.server.stop)
        os.chmod(cls.server.root, 0o755)
        os.chmod(cls.server.root / "http", 0o666)
        cls.port, cls.plain_port = free_port(), free_port()
        cls.launch(cls.adapted())
        cls.addClassCleanup(cls.end)
        assert wait_for(cls.up), cls.everything()

    @classmethod
    def adapted(cls):
        """The shipped file with this test's paths and ports."""
        text = (TOP / "docs/proxy" / cls.FILE).read_text(encoding="utf-8")
        for old, new in (("/run/pwreset/http", str(cls.server.root / "http")),
                         ("/etc/ssl/reset.example.org", str(cls.folder)),
                         ("/var/log/nginx", str(cls.folder / "logs")), ("${APACHE_LOG_DIR}", str(cls.folder / "logs"))):
            assert old in text or "log" in old.lower(), f"{cls.FILE} has no {old}"
            text = text.replace(old, new)
        return text

    @classmethod
    def launch(cls, text):
        raise NotImplementedError

    @classmethod
    def end(cls):
        if cls.process.poll() is None:
            cls.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            cls.process.wait(15)
        if cls.process.poll() is None:
            cls.process.kill()
            cls.process.wait()

    @classmethod
    def up(cls):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", cls.port), 1).close()
            return True
        return False

    @classmethod
    def everything(cls):
        """All that the proxy has written anywhere."""
        return "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in sorted(cls.folder.rglob("*"))
                         if p.is_file() and p.suffix != ".pem")

    def setUp(self):
        self.server.daemon.reset()

    def ask(self, method, path, body=None, headers=None):
        """Through the proxy."""
        through = Server.__new__(Server)
        through.unix, through.port, through.tls = False, self.port, trusting(self.folder / "fullchain.pem")
        return through.request(method, path, body, {"Host": NAME, **(headers or {})}, timeout=40)

    def test_page_and_source(self):
        page = self.ask("GET", "/r/" + LINK)
        self.assertEqual((200, "Set a new password"), (page.status, page.title()))
        page = self.ask("POST", "/r/" + LINK, "password=tram+lemon&again=tram+lemon",
                        {"X-Forwarded-For": "203.0.113.77", "Forwarded": "for=203.0.113.78", "Origin": f"https://{NAME}"})
        self.assertEqual("Your password has been changed", page.title())
        self.assertEqual("127.0.0.1", self.server.daemon.named("Recovery.SetPassword")[0]["origin"]["address"])

    def test_headers_arrive(self):
        page = self.ask("GET", "/")
        for name in ("Content-Security-Policy", "Strict-Transport-Security", "Referrer-Policy", "X-Content-Type-Options"):
            self.assertIsNotNone(page.header(name), name)
        self.assertEqual("no-store", page.header("Cache-Control"))
        self.assertIsNone(page.header("Set-Cookie"))

    def test_no_token_in_a_log_even_when_the_page_is_away(self):
        secrets = [LINK, LINK[:40], "c4naryQuery", "c4naryBody", "c4naryAgent", CODES[0]]
        headers = {"User-Agent": "c4naryAgent", "Referer": f"https://{NAME}/r/{LINK}"}
        for path in ("/r/", "/revoke/", "/r//", "/R/", "//r/", "/./r/", "/%72/", "/r/../r/"):
            self.ask("GET", f"{path}{LINK}?c4naryQuery", None, headers)
        self.ask("POST", "/r/" + LINK, "password=c4naryBody&again=c4naryBody", headers)
        self.ask("POST", "/setup/codes", "user=carol&current=c4naryBody", headers)
        self.ask("POST", "/r/" + LINK, "password=" + "x" * 20000, headers)
        moved = self.server.root / "http.away"
        os.rename(self.server.root / "http", moved)
        try:
            for path in ("/r/", "/revoke/"):
                self.assertIn(self.ask("GET", path + LINK, None, headers).status, (502, 503, 504))
                self.ask("POST", path + LINK, "password=c4naryBody&again=c4naryBody", headers)
        finally:
            os.rename(moved, self.server.root / "http")
        with socket.create_connection(("127.0.0.1", self.plain_port), 10) as plain:
            plain.sendall(f"GET /r/{LINK} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            answer = plain.recv(65536).decode()
            self.assertRegex(answer, r"^HTTP/1.1 301")
        written = self.everything()
        self.assertTrue(re.search(r" GET ", written), "it does log something")
        for secret in secrets:
            with self.subTest(secret=secret[:12]):
                self.assertNotIn(secret, written)

    def test_smuggling_ends_at_the_proxy_or_at_the_page(self):
        for fields in (b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 6\r\nContent-Length: 9\r\n",
                       b"Content-Length : 6\r\n", b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding: chunked, identity\r\n"):
            with socket.create_connection(("127.0.0.1", self.port), 10) as plain, \
                    trusting(self.folder / "fullchain.pem").wrap_socket(plain) as tls:
                tls.sendall(f"POST / HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/x-www-form-urlencoded\r\n".encode() +
                            fields + b"\r\nuser=aGET /style.css HTTP/1.1\r\nHost: a\r\n\r\n")
                got = b""
                with contextlib.suppress(OSError):
                    while chunk := tls.recv(65536):
                        got += chunk
                with self.subTest(fields=fields):
                    self.assertNotIn(b"text/css", got)
        # Chunked alone is the proxy's to undo: what reaches the page has a length.
        page = self.ask("POST", "/", b"5\r\nuser=\r\n5\r\ncarol\r\n0\r\n\r\n",
                        {"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"})
        self.assertIn(page.status, (200, 411, 400))


class Nginx(Proxy, unittest.TestCase):
    PROGRAM = "nginx"
    FILE = "nginx.conf"

    @classmethod
    def launch(cls, text):
        text = re.sub(r"listen \[::\][^;]*;", "", text)
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{cls.port} ssl;").replace("listen 80;", f"listen 127.0.0.1:{cls.plain_port};")
        temporary = " ".join(f"{n}_temp_path {cls.folder}/{n};" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = cls.folder / "nginx.conf"
        path.write_text(f"daemon off; pid {cls.folder}/pid; error_log {cls.folder}/logs/main.log notice;\n"
                        f"events {{ worker_connections 128; }}\nhttp {{ {temporary}\n{text}\n}}\n", encoding="utf-8")
        with open(cls.folder / "logs/stderr", "wb") as stderr:
            cls.process = subprocess.Popen(["nginx", "-p", str(cls.folder), "-c", str(path)], stderr=stderr)


class Apache(Proxy, unittest.TestCase):
    PROGRAM = "apache2"
    FILE = "apache.conf"

    @classmethod
    def launch(cls, text):
        text = text.replace("*:443", f"127.0.0.1:{cls.port}").replace("*:80", f"127.0.0.1:{cls.plain_port}")
        modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in (
            "mpm_event", "authz_core", "ssl", "socache_shmcb", "proxy", "proxy_http", "headers", "setenvif", "reqtimeout", "alias", "env"))
        path = cls.folder / "apache.conf"
        path.write_text(f"ServerRoot {cls.folder}\nServerName localhost\nPidFile {cls.folder}/pid\nDefaultRuntimeDir {cls.folder}\n"
                        f"{modules}User www-data\nGroup www-data\nMutex posixsem\nErrorLog {cls.folder}/logs/main.log\n"
                        f"Listen 127.0.0.1:{cls.port}\nListen 127.0.0.1:{cls.plain_port}\n{text}\n", encoding="utf-8")
        with open(cls.folder / "logs/stderr", "wb") as stderr:
            cls.process = subprocess.Popen(["apache2", "-d", str(cls.folder), "-f", str(path), "-DFOREGROUND"], stderr=stderr)


if __name__ == "__main__":
    unittest.main()
