#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security case 16 on raw sockets: requests that parsers read differently, slow ones, large ones, many of them."""
import contextlib
import http.client
import os
import re
import resource
import select
import socket
import threading
import time
import unittest

from support import LINK, Server, WebCase, wait_for

FORM = b"Host: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SECOND = b"GET /style.css HTTP/1.1\r\nHost: a\r\n\r\n"


def statuses(data):
    return [int(s) for s in re.findall(rb"^HTTP/1\.1 (\d{3})", data, re.M)]


class Smuggling(WebCase):
    """Whatever is sent: one answer at most, and nothing of a second request is carried out."""

    def one(self, data, *wanted, half_close=True):
        answer = self.server.talk(data, half_close=half_close)
        got = [s for s in statuses(answer) if s != 100]
        # libmicrohttpd 0.9.75 writes the head of its own error answers twice; no request has got through then.
        if got in ([400, 400], [413, 413]) and b"<html><head><title>Request" in answer and b"text/css" not in answer:
            got = got[:1]
        self.assertLessEqual(len(got), 1, got)
        self.assertIn(got[0] if got else None, wanted)

    def test_content_length_and_transfer_encoding(self):
        for encoding in (b"chunked", b"identity", b"gzip, chunked", b"Chunked", b" chunked", b"chunked, identity", b"x", b""):
            body = b"0\r\n\r\n" + SECOND
            head = b"POST / HTTP/1.1\r\n" + FORM
            for fields in (b"Content-Length: %d\r\nTransfer-Encoding: %s\r\n" % (len(body), encoding),
                           b"Transfer-Encoding: %s\r\nContent-Length: 3\r\n" % encoding,
                           b"Transfer-Encoding: %s\r\n" % encoding,
                           b"Transfer-Encoding: %s\r\nTransfer-Encoding: identity\r\n" % encoding):
                with self.subTest(fields=fields):
                    self.one(head + fields + b"\r\n" + body, 400, None)
        self.assertEqual([], self.server.daemon.calls)

    def test_content_lengths(self):
        for fields in (b"Content-Length: 6\r\nContent-Length: 0\r\n", b"Content-Length: 0\r\nContent-Length: 6\r\n",
                       b"Content-Length: 6\r\nContent-Length: 6\r\n", b"Content-Length: 6, 6\r\n", b"Content-Length: +6\r\n",
                       b"Content-Length: -1\r\n", b"Content-Length: 0x6\r\n", b"Content-Length: 6 \x0b\r\n",
                       b"Content-Length : 6\r\n", b"Content-Length\t: 6\r\n", b" Content-Length: 6\r\n",
                       b"Content-Length: 18446744073709551622\r\n", b"Content-Length: 4294967302\r\n",
                       b"Content-Length: 6e0\r\n", b"Content-Length:\r\n 6\r\n", b"Content_Length: 6\r\n"):
            with self.subTest(fields=fields):
                self.one(b"POST / HTTP/1.1\r\n" + FORM + fields + b"\r\nuser=a" + SECOND, 400, 411, 413, None)
        self.assertEqual([], self.server.daemon.calls)

    def test_what_follows_a_request_is_not_one(self):
        # Unread bytes behind a request turn the close into a reset, which may overtake the answer.
        self.one(b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 6\r\n\r\nuser=a" + SECOND, 200, None)
        self.one(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + SECOND, 200, None)
        self.one(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" + SECOND, 400, None)
        self.one(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n" + SECOND, 200, None)
        self.one(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505, 405, 404, None)
        self.assertEqual(1, len(self.server.daemon.calls))

    def test_hosts(self):
        for head in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\n Host: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"):
            with self.subTest(head=head):
                self.one(head, 400, None)

    def test_odd_names_and_values(self):
        # Cut at the NUL, and dropped, by the library: neither changes what is served.
        for field in (b"X: \x00z", b": z"):
            self.one(b"GET /code HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n" + SECOND, 200, 400, None)
        for field in (b"X y: z", b"X\x00: z", b"X: a\x01b", b"(X): z", b"X\xff: z", b"X: a\rb", b"X",
                      b"X: 1\r\n folded: 2", b"\tX: y"):
            with self.subTest(field=field):
                self.one(b"GET /code HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n" + SECOND, 400, None)

    def test_request_lines(self):
        for line, wanted in ((b"GET /code\x00/../setup HTTP/1.1", (200, 404, 400, None)), (b"GET  / HTTP/1.1", (200, 400, 404, None)),
                             (b"GET /", (400, None)), (b"GET / HTTP/0.9", (400, 505, None)), (b"GET / HTTP/2.0", (400, 505, None)),
                             (b"GET / HTTP/1.9", (505, 400, None)), (b"get / HTTP/1.1", (405,)), (b"GET http://b/ HTTP/1.1", (404,)),
                             (b"GET //b HTTP/1.1", (404,)), (b"GET /%2e%2e/ HTTP/1.1", (404,)), (b"GET /%72/x HTTP/1.1", (404,)),
                             (b"GET * HTTP/1.1", (404, None)), (b"\x16\x03\x01\x02\x00\x01", (400, None)), (b"GET /" + b"r" * 600 + b" HTTP/1.1", (404,)),
                             (b"GET /code#x HTTP/1.1", (404,)), (b"GET /code; HTTP/1.1", (404,)), (b"GET /code/ HTTP/1.1", (404,))):
            with self.subTest(line=line[:30]):
                self.one(line + b"\r\nHost: a\r\n\r\n", *wanted)

    def test_bare_line_feeds_make_no_second_request(self):
        self.one(b"POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 6\n\nuser=a" + SECOND, 200, 400, None)
        self.one(b"GET / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", 400, None)

    def test_body_limits(self):
        for length, wanted in ((16 * 1024, 400), (16 * 1024 + 1, 413), (10 ** 9, 413)):
            body = b"x" * min(length, 16 * 1024)
            self.one(b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: %d\r\n\r\n" % length + body, wanted, half_close=False)
        self.one(b"POST / HTTP/1.1\r\n" + FORM + b"\r\nuser=a", 411)
        self.one(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n\r\n--x", 415)
        self.assertEqual([], self.server.daemon.calls)

    def test_100_continue(self):
        with self.server.raw() as plain:
            plain.sendall(b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 6\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual([100], statuses(plain.recv(4096)))
            plain.sendall(b"user=a")
            self.assertEqual([200], statuses(self.rest(plain)))
        # What is going to be refused is refused before the body, and without asking for it.
        self.one(b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 99999\r\nExpect: 100-continue\r\n\r\n", 413, half_close=False)
        self.one(b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 6\r\nExpect: 200-ok\r\n\r\n", 417, half_close=False)

    def test_refusals_carry_the_headers_and_no_echo(self):
        got = self.server.talk(b"POST /k4nary HTTP/1.1\r\nHost: k4nary\r\nX: k4nary\r\nTransfer-Encoding: k4nary\r\n\r\n")
        self.assertEqual([400], statuses(got))
        self.assertNotIn(b"k4nary", got)
        self.assertIn(b"Content-Security-Policy: default-src 'none'", got)

    def test_half_a_request(self):
        whole = b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 6\r\n\r\nuser=a"
        for cut in range(0, len(whole), 3):
            with self.server.raw() as plain:
                plain.sendall(whole[:cut])
        self.assertTrue(wait_for(lambda: self.descriptors() < 20, 15))
        self.assertEqual([], self.server.daemon.calls)

    def test_byte_by_byte(self):
        whole = b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 6\r\n\r\nuser=a"
        with self.server.raw() as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in whole:
                plain.sendall(bytes([byte]))
            self.assertEqual([200], statuses(self.rest(plain)))

    def test_gone_before_the_answer(self):
        self.server.daemon.replies["Recovery.InspectLink"] = lambda **_: time.sleep(0.2) or {"user": "carol", "seconds": 9}
        for _ in range(30):
            with self.server.raw() as plain:
                plain.sendall(b"GET /r/" + LINK.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n")
                before = len(self.server.daemon.named("Recovery.InspectLink"))
                wait_for(lambda n=before: len(self.server.daemon.named("Recovery.InspectLink")) > n, 0.1)
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.assertGreater(len(self.server.daemon.named("Recovery.InspectLink")), 0)
        time.sleep(1)
        self.assertTrue(wait_for(lambda: self.descriptors() < 20, 15))
        self.assertEqual(200, self.server.get("/").status)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    @staticmethod
    def rest(plain):
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := plain.recv(65536):
                got += chunk
        return got


class Large(WebCase):
    def test_headers(self):
        line = b"X: " + b"y" * 1000 + b"\r\n"
        for count, wanted in ((20, [200]), (1048, [431])):
            got = self.server.talk(b"GET / HTTP/1.1\r\nHost: a\r\n" + line * count + b"\r\n")
            self.assertIn(statuses(got), (wanted, []) if wanted != [200] else (wanted,))
        got = self.server.talk(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 65 + b"\r\n")
        self.assertEqual([400], statuses(got))
        got = self.server.talk(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1024 * 1024 + b"\r\n\r\n")
        self.assertIn(statuses(got), ([431], [400], [413], []))
        got = self.server.talk(b"GET /" + b"y" * 1024 * 1024 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(statuses(got), ([414], [431], [400], []))
        self.assertEqual(200, self.server.get("/").status)


class Slow(WebCase):
    def test_a_dripping_head_and_body_are_cut(self):
        """A byte a second keeps no connection for longer than the whole request may take."""
        heads = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"POST / HTTP/1.1\r\n" + FORM + b"Content-Length: 9999\r\n\r\nuser=", b"G"]
        begin = time.monotonic()
        open_ones = {self.server.raw(): head for head in heads}
        for plain, head in open_ones.items():
            plain.sendall(head)
        ended = {}
        while open_ones and time.monotonic() - begin < 30:
            for plain in list(open_ones):
                readable = select.select([plain], [], [], 0)[0]
                gone = False
                if readable:
                    with contextlib.suppress(ConnectionResetError):
                        gone = plain.recv(4096) == b""
                    gone = gone or True
                if not gone:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        plain.sendall(b"x")
                        continue
                ended[open_ones.pop(plain)] = time.monotonic() - begin
                plain.close()
            time.sleep(1)
        self.assertEqual({}, open_ones)
        for head, seconds in ended.items():
            with self.subTest(head=head):
                self.assertGreater(seconds, 15)
                self.assertLess(seconds, 25)

    def test_silent_ones_are_cut_sooner(self):
        with self.server.raw(timeout=20) as plain:
            begin = time.monotonic()
            self.assertEqual(b"", plain.recv(1))
            self.assertLess(time.monotonic() - begin, 15)

    def test_a_reader_that_stands_still(self):
        with self.server.raw() as plain:
            plain.sendall(b"GET /setup/questions HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, self.server.get("/").status)


class Crowd(unittest.TestCase):
    N = 10000

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < self.N + 200:
            self.skipTest(f"only {hard} descriptors may be open here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.N + 200, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def crowd(self, server):
        """Opens N connections that stay silent; returns them and the statuses of requests made meanwhile."""
        plains, served = [], []
        for i in range(self.N):
            plains.append(server.raw(timeout=5))
            if i % 500 == 0:
                served.append(self.ask(server))
        return plains, served

    def ask(self, server):
        # Another address, as another person has.
        plain = server.raw(timeout=15, source=None if server.unix else "127.0.0.2")
        with plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return (statuses(plain.recv(65536)) or [None])[0]

    def rss(self, server):
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def run_crowd(self, unix):
        server = Server(unix=unix).start()
        try:
            self.assertEqual(200, self.ask(server))
            plains, served = self.crowd(server)
            kib = self.rss(server)
            descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
            self.assertEqual([200] * len(served), served)
            self.assertLess(descriptors, 1000)
            # ASan's own shadow and quarantine are part of it.
            self.assertLess(kib, 400 * 1024)
            for plain in plains:
                plain.close()
            self.assertEqual(200, self.ask(server))
            self.assertTrue(wait_for(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) < 40, 30))
        finally:
            status = server.stop()
        self.assertEqual(0, status)

    def test_one_address(self):
        self.run_crowd(unix=False)

    def test_behind_a_proxy(self):
        self.run_crowd(unix=True)


class Overload(unittest.TestCase):
    """A daemon that is slow, or never answers."""

    def setUp(self):
        self.server = Server(unix=True).start()
        self.addCleanup(self.server.stop)

    def send(self, method, path, body=b""):
        plain = self.server.raw(timeout=40)
        self.addCleanup(plain.close)
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        plain.sendall(method + b" " + path.encode() + b" HTTP/1.1\r\n" + FORM + length + b"\r\n" + body)
        return plain

    def test_more_than_can_wait(self):
        gate = threading.Event()
        self.server.daemon.replies["Recovery.InspectLink"] = lambda **_: gate.wait(30) and {"user": "carol", "seconds": 60}
        plains = [self.send(b"GET", "/r/" + LINK) for _ in range(300)]
        answered = wait_for(lambda: len(r := select.select(plains, [], [], 0)[0]) == 60 and r, 20)
        self.assertTrue(answered, "48 under way and 192 waiting, the others are told at once")
        for plain in answered:
            self.assertEqual([503], statuses(Smuggling.rest(plain)))
        gate.set()
        self.assertEqual([200] * 240, [s for p in plains if p not in answered for s in statuses(Smuggling.rest(p))])

    def test_no_answer_at_all(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        for method in ("InspectLink", "SetPassword"):
            self.server.daemon.replies["Recovery." + method] = lambda **_: gate.wait(60) and None
        begin = time.monotonic()
        read = self.send(b"GET", "/r/" + LINK)
        write = self.send(b"POST", "/r/" + LINK, b"password=a&again=a")
        page = Smuggling.rest(read)
        self.assertEqual([503], statuses(page))
        self.assertIn(b"Nothing was changed", page)
        page = Smuggling.rest(write)
        self.assertEqual([503], statuses(page))
        self.assertIn(b"We do not know whether it worked", page)
        self.assertLess(time.monotonic() - begin, 30)


class Source(unittest.TestCase):
    """Whose address the daemon is told."""

    def address(self, settings, unix, forwarded):
        server = Server({"web": settings}, unix=unix).start()
        try:
            connection = server.connection()
            connection.putrequest("POST", "/", skip_host=True)
            connection.putheader("Host", "a")
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", "6")
            for value in forwarded:
                connection.putheader("X-Forwarded-For", value)
            connection.endheaders(b"user=a")
            self.assertEqual(200, connection.getresponse().status)
            return server.daemon.named("Recovery.RequestLink")[0]["origin"].get("address")
        except http.client.HTTPException as error:
            self.fail(error)
        finally:
            server.stop()

    def test_behind_a_proxy_the_rightmost(self):
        proxy = {"behind-proxy": "yes"}
        self.assertEqual("192.0.2.1", self.address(proxy, True, ["192.0.2.1"]))
        self.assertEqual("192.0.2.1", self.address(proxy, True, ["203.0.113.1, 192.0.2.1"]))
        self.assertEqual("2001:db8::5", self.address(proxy, True, ["203.0.113.1", "198.51.100.1, 2001:db8::5"]))
        self.assertIsNone(self.address(proxy, True, ["192.0.2.1, localhost"]))
        self.assertIsNone(self.address(proxy, True, []))

    def test_believed_only_when_said_so_and_never_on_a_port(self):
        self.assertIsNone(self.address({"behind-proxy": "no"}, True, ["192.0.2.1"]))
        self.assertEqual("127.0.0.1", self.address({"behind-proxy": "yes"}, False, ["192.0.2.1"]))


if __name__ == "__main__":
    unittest.main()
