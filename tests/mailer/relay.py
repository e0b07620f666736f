# SPDX-License-Identifier: LGPL-2.1-or-later
"""An SMTP server on the loopback that behaves, but for what a test tells it to do otherwise."""
import base64
import contextlib
import socket
import ssl
import threading
import time

BUSY_S = 30  # how long a server that misbehaves keeps at it


class Over(Exception):
    """The session ends here."""


def hang(session):
    """Says nothing, until the client has gone."""
    with contextlib.suppress(OSError):
        session.sock.settimeout(BUSY_S)
        while session.sock.recv(4096):
            pass
    raise Over


def close(_session):
    raise Over


def say(*parts):
    """Replies with these bytes instead."""
    return lambda session: session.write(b"".join(parts))


def say_and_close(*parts):
    def act(session):
        session.write(b"".join(parts))
        raise Over
    return act


def drip(text=b"250 a" + b"a" * 900 + b"\r\n", delay=0.05):
    def act(session):
        until = time.monotonic() + BUSY_S
        for byte in text:
            session.write(bytes([byte]))
            time.sleep(delay)
            if time.monotonic() > until:
                break
        raise Over
    return act


def flood(chunk):
    """Repeats it without end."""
    def act(session):
        until = time.monotonic() + BUSY_S
        while time.monotonic() < until:
            session.write(chunk)
        raise Over
    return act


class Session:
    def __init__(self, relay, sock):
        self.relay = relay
        self.sock = sock
        self.tls = False
        self.authenticated = False
        self.buffer = b""
        self.sender = self.recipient = None

    def write(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise Over
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        line = line.rstrip(b"\r")
        self.relay.commands.append((self.tls, line.decode("utf-8", "replace")))
        return line

    def step(self, name, default, accept=None):
        """Does what the test wants for this step, else the usual; accept is called before the usual reply leaves."""
        act = self.relay.acts.get(name)
        if isinstance(act, list):  # one by one
            act = act.pop(0) if act else None
        if act is None:
            if accept is not None:
                accept()
            self.write(default)
            return True
        (act if callable(act) else say(act))(self)
        return False

    def start_tls(self):
        self.sock = self.relay.context.wrap_socket(self.sock, server_side=True)
        self.relay.versions.append(self.sock.version())
        self.tls = True
        self.buffer = b""

    def run(self):
        if self.relay.tls == "tls":
            self.start_tls()
        self.step("banner", b"220 relay.example.com ESMTP\r\n")
        while True:
            line = self.line()
            verb = line.split(b" ")[0].upper().decode("ascii", "replace")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.write(b"502 what?\r\n")
            else:
                handler(line)

    def on_ehlo(self, _line):
        words = [b"relay.example.com", b"PIPELINING", b"SIZE 10240000", b"8BITMIME", b"CHUNKING", b"XUSR",
                 b"ENHANCEDSTATUSCODES", *self.relay.extensions]
        if self.relay.tls == "starttls" and not self.tls:
            words.append(b"STARTTLS")
        if self.relay.users and (self.tls or self.relay.auth_in_clear):
            words.append(b"AUTH " + self.relay.mechanisms)
        self.step("EHLO-TLS" if self.tls else "EHLO",
                  b"".join(b"250%c%s\r\n" % (b" "[0] if i == len(words) - 1 else b"-"[0], w)
                           for i, w in enumerate(words)))

    def on_starttls(self, _line):
        if self.step("STARTTLS", b"220 2.0.0 go ahead\r\n"):
            if act := self.relay.acts.get("handshake"):
                act(self)
            self.start_tls()

    def on_auth(self, line):
        words = line.split(b" ")
        if "AUTH" in self.relay.acts:
            self.step("AUTH", b"")
            return
        if words[1].upper() == b"PLAIN":
            _, user, password = base64.b64decode(words[2]).split(b"\0")
        elif words[1].upper() == b"LOGIN":
            if len(words) < 3:
                self.write(b"334 " + base64.b64encode(b"Username:") + b"\r\n")
            user = base64.b64decode(words[2] if len(words) > 2 else self.line())
            self.write(b"334 " + base64.b64encode(b"Password:") + b"\r\n")
            password = base64.b64decode(self.line())
        else:
            self.write(b"504 5.5.4 no such way\r\n")
            return
        self.authenticated = self.relay.users.get(user.decode()) == password.decode()
        self.write(b"235 2.7.0 welcome\r\n" if self.authenticated else b"535 5.7.8 no\r\n")

    def on_mail(self, line):
        self.sender = line.decode("utf-8")
        self.step("MAIL", b"250 2.1.0 Ok\r\n")

    def on_rcpt(self, line):
        self.recipient = line.decode("utf-8")
        self.step("RCPT", b"250 2.1.5 Ok\r\n")

    def on_data(self, _line):
        if not self.step("DATA", b"354 End data with <CR><LF>.<CR><LF>\r\n"):
            return
        if act := self.relay.acts.get("text"):
            act(self)
        data = b""
        while not (data == b".\r\n" or data.endswith(b"\r\n.\r\n")):
            if self.buffer:
                data, self.buffer = data + self.buffer, b""
                continue
            more = self.sock.recv(65536)
            if not more:
                raise Over
            data += more
        text = data[:-3].replace(b"\r\n..", b"\r\n.")
        message = (self.sender, self.recipient, text)
        self.relay.refused.append(message)

        def accept():
            self.relay.refused.remove(message)
            self.relay.messages.append(message)
        self.step("message", b"250 2.0.0 Ok: queued as 4F2A1\r\n", accept)

    def on_rset(self, _line):
        self.step("RSET", b"250 2.0.0 Ok\r\n")

    def on_quit(self, _line):
        self.step("QUIT", b"221 2.0.0 Bye\r\n")
        self.relay.farewells += 1
        raise Over


class Relay:
    """acts: what to do otherwise, by step: bytes, a function of the session, or a list of these, used up one by one."""

    def __init__(self, tls="none", context=None, users=None, mechanisms=b"PLAIN LOGIN", extensions=(), host="127.0.0.1",
                 auth_in_clear=False, **acts):
        self.tls = tls
        self.context = context
        self.users = users or {}
        self.mechanisms = mechanisms
        self.extensions = extensions
        self.auth_in_clear = auth_in_clear
        self.acts = {name.replace("_", "-"): act for name, act in acts.items()}
        self.commands = []   # (under TLS, line)
        self.messages = []   # accepted: (MAIL line, RCPT line, text)
        self.refused = []    # text came, but was not accepted
        self.names = []      # SNI, None where the client sent none
        self.versions = []   # of TLS
        self.farewells = 0
        self.connections = 0
        self.bytes = 0
        if context is not None:
            context.sni_callback = self.on_sni
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def on_sni(self, _socket, name, _context):
        self.names.append(name)

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.one, args=(sock,), daemon=True).start()

    def one(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(self, sock)
        with contextlib.suppress(Over, OSError, ssl.SSLError):
            session.run()
        with contextlib.suppress(OSError):
            session.sock.close()

    def said(self, verb):
        return [line for _, line in self.commands if line.upper().startswith(verb)]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
