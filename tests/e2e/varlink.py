# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Varlink client of a few lines over a Unix socket; nothing but the standard library."""
import base64
import json
import os
import socket


class VarlinkError(Exception):
    """An error reply."""

    def __init__(self, error, parameters):
        super().__init__(f"{error} {parameters}")
        self.error, self.parameters = error, parameters

    @property
    def name(self):
        """The last part: Refused, TryLater …"""
        return self.error.rpartition(".")[2]


class Varlink:
    """One connection. call() raises VarlinkError; raw() gives the bytes of the reply."""

    def __init__(self, path, timeout=30, uid=None, groups=None):
        """uid, groups: as whom to connect, where this process is root; the first of the groups is the primary one."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.rest = b""
        if uid is None:
            self.socket.connect(str(path))
            return
        # The way there is root's alone (/proc/PID/root), so it is opened before.
        folder, _, name = str(path).rpartition("/")
        way = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        own = os.getegid(), os.getgroups()
        if groups:
            os.setgroups(groups)
            os.setegid(groups[0])
        os.seteuid(uid)
        try:
            self.socket.connect(f"/proc/self/fd/{way}/{name}")
        finally:
            os.seteuid(0)
            os.setegid(own[0])
            os.setgroups(own[1])
            os.close(way)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, method, parameters, **flags):
        message = {"method": method, "parameters": parameters, **flags}
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.rest:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise ConnectionResetError("the service closed the connection")
            self.rest += chunk
        message, _, self.rest = self.rest.partition(b"\0")
        return message

    def raw(self, method, **parameters):
        self.send(method, parameters)
        return self.receive()

    def call(self, method, **parameters):
        reply = json.loads(self.raw(method, **parameters))
        if "error" in reply:
            raise VarlinkError(reply["error"], reply.get("parameters", {}))
        return reply.get("parameters", {})


def password64(text):
    """A password as the interfaces carry it."""
    return base64.b64encode(text.encode()).decode()
