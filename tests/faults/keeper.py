# SPDX-License-Identifier: LGPL-2.1-or-later
"""What systemd does for the broker and the page: what dies is started again, and what hangs is ended by its watchdog."""

import contextlib
import http.client
import html
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

from broker_harness import USERS

RESTART_S = 0.2    # RestartSec=
WATCHDOG_S = 5     # WatchdogSec=, 60 in the units
STARTING_S = 20    # TimeoutStartSec=, 90 in the units
TURN_S = 0.05


class Watched:
    """One program with Type=notify. start() starts it, exited(0) tells its end, pid is 0 when it is not there."""

    def __init__(self, root, name, service):
        self.service, self.path = service, str(root / f"{name}.notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(TURN_S)
        self.until, self.stopped = 0, False
        self.wanted = False  # it is to run
        self.lock = threading.RLock()
        self.ended = 0       # by the watchdog
        self.thread = threading.Thread(target=self.work, daemon=True)

    def environment(self):
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(WATCHDOG_S * 1000000)}

    def watch(self):
        self.until, self.wanted = time.monotonic() + STARTING_S, True
        if not self.thread.is_alive():
            self.thread.start()

    def leave(self):
        with self.lock:
            self.wanted = False

    def work(self):
        while not self.stopped:
            with contextlib.suppress(TimeoutError, OSError):
                message = self.socket.recv(4096)
                if b"READY=1" in message or b"WATCHDOG=1" in message:
                    self.until = time.monotonic() + WATCHDOG_S
            with self.lock:
                if self.wanted:
                    self.look()

    def look(self):
        if self.service.exited(0) is not None or not self.service.pid:
            time.sleep(RESTART_S)
            self.service.start()
        elif time.monotonic() > self.until:
            self.ended += 1
            self.until = time.monotonic() + WATCHDOG_S
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.service.pid, signal.SIGKILL)

    def close(self):
        self.leave()
        self.stopped = True
        if self.thread.is_alive():
            self.thread.join()
        self.socket.close()


class Keeper(Watched):
    """The broker's."""

    def __init__(self, whole):
        super().__init__(whole.root, "pwresetd", whole)


class Page:
    """pwreset-web on a port of this host."""

    def __init__(self, whole):
        self.whole, self.process = whole, None
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.keeper = Watched(whole.root, "web", self)

    @property
    def pid(self):
        return self.process.pid if self.process else 0

    def start(self):
        fd = self.listener.fileno()
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{fd}; LISTEN_PID=$$ exec env "$@"', "-",
             *(f"{name}={value}" for name, value in self.whole.of("web").items()),
             str(self.whole.programs["web"]), f"--root={self.whole.root}"],
            pass_fds=(fd,), stdin=subprocess.DEVNULL, stderr=self.whole.log, user=USERS["pwreset-web"],
            group=USERS["pwreset-web"], extra_groups=[],
            env={"PATH": os.environ["PATH"], "LISTEN_FDS": "1", **self.keeper.environment()})
        self.keeper.watch()
        return self

    def exited(self, _timeout):
        return self.process.poll()

    def restart(self):
        self.keeper.leave()
        self.process.kill()
        self.process.wait()
        return self.start()

    def post(self, path, **fields):
        """Status and title of the page; (0, "") when the connection was cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, urllib.parse.urlencode(fields),
                               {"Host": "reset.example.com", "Accept-Language": "en",
                                "Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            found = re.search(r"<h1>(.*?)</h1>", text, re.S)
            return answer.status, html.unescape(found.group(1)) if found else ""
        except (http.client.HTTPException, ConnectionError):
            return 0, ""
        finally:
            connection.close()

    def close(self):
        self.keeper.close()
        if self.process:
            self.process.kill()
            self.process.wait()
        self.listener.close()
