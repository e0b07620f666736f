# SPDX-License-Identifier: LGPL-2.1-or-later
"""A man in the middle of LDAP over Unix sockets, who loses, delays, changes or withholds single messages."""

import os
import socket
import tempfile
import threading
import urllib.parse

MODIFY, MODIFY_DONE, SEARCH, SEARCH_DONE, BIND = 0x66, 0x67, 0x63, 0x65, 0x60
# What answers a request, where it is not the next number.
ANSWERS = {SEARCH: SEARCH_DONE, 0x4A: 0x6B}


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_message(sock):
    head = read_exactly(sock, 2)
    if head[1] < 0x80:
        return head + read_exactly(sock, head[1])
    length = read_exactly(sock, head[1] & 0x7F)
    return head + length + read_exactly(sock, int.from_bytes(length, "big"))


def inside(message):
    """The id and the tag of the operation, and where the latter stands."""
    at = 2 if message[1] < 0x80 else 2 + (message[1] & 0x7F)
    size = message[at + 1]
    identifier = int.from_bytes(message[at + 2:at + 2 + size], "big")
    return identifier, message[at + 2 + size]


def tlv(tag, content):
    length = len(content)
    return bytes([tag]) + (bytes([length]) if length < 0x80 else b"\x82" + length.to_bytes(2, "big")) + content


def result(identifier, tag, code):
    """An answer of that kind with that result code."""
    body = tlv(tag, tlv(0x0A, bytes([code])) + tlv(0x04, b"") + tlv(0x04, b"injected"))
    return tlv(0x30, tlv(0x02, identifier.to_bytes(4, "big")) + body)


class Proxy:
    """rule(direction, tag, count) is asked for each message: None passes it on; else what to do with it.

    "drop": it is lost, the connection stays. "cut": it is lost and the connection closed. ("answer", code): a request
    is not passed on, but answered so. ("instead", code): an answer is replaced so. "short": half of it arrives, then the
    connection is closed. "garbage": bytes that are no LDAP arrive instead.
    """

    def __init__(self, target):
        self.scratch = tempfile.TemporaryDirectory(prefix="pwreset-proxy-")
        self.target, path = target, os.path.join(self.scratch.name, "ldapi")
        self.uri = "ldapi://" + urllib.parse.quote(path, safe="")
        self.rule = None
        self.counts, self.lock = {}, threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def reset(self, rule):
        with self.lock:
            self.counts, self.rule = {}, rule

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(urllib.parse.unquote(self.target.removeprefix("ldapi://")))
            except OSError:
                client.close()
                server.close()
                continue
            threading.Thread(target=self.serve, args=(client, server), daemon=True).start()

    def serve(self, client, server):
        back = threading.Thread(target=self.pump, args=("from", server, client), daemon=True)
        back.start()
        self.pump("to", client, server)
        back.join()
        client.close()
        server.close()

    def decide(self, direction, tag):
        with self.lock:
            key = (direction, tag)
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.rule(direction, tag, self.counts[key]) if self.rule else None

    def pump(self, direction, source, sink):
        try:
            while True:
                message = read_message(source)
                identifier, tag = inside(message)
                what = self.decide(direction, tag)
                if what is None:
                    sink.sendall(message)
                elif what == "cut":
                    break
                elif what == "short":
                    sink.sendall(message[:len(message) // 2])
                    break
                elif what == "garbage":
                    sink.sendall(b"\x30\x05" + b"\xff" * (len(message) - 2))
                elif what[0] == "answer":
                    source.sendall(result(identifier, ANSWERS.get(tag, tag + 1), what[1]))
                elif what[0] == "instead":
                    sink.sendall(result(identifier, tag, what[1]))
        except (EOFError, OSError):
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        # A thread that still waits in accept() would begin that anew behind a signal, by the number of the file: on a later
        # proxy's listener, whose connections it would cut.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        self.scratch.cleanup()
