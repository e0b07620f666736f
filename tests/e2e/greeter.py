# SPDX-License-Identifier: LGPL-2.1-or-later
"""lightdm with its GTK greeter on Xvfb inside a lab, driven by xdotool: a graphical login without a screen.

The packages are not in the lab's root, since nothing else needs them: they are fetched once into the
lab's cache, for the root's own package state, and installed into the container.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import struct
import subprocess
import time
import zlib

CACHE = pathlib.Path(os.environ.get("PWRESET_CACHE", "/var/cache/pwreset-lab"))
PACKAGES = ("lightdm", "lightdm-gtk-greeter", "xvfb", "xdotool", "openbox")
SIZE = (1024, 768)
BUFFER = "/run/xvfb"
WAIT_S = 30
LOG_IN = (628, 430)  # the button, while there is no message above it

WRAPPER = f"""#!/bin/bash
# lightdm's X server: Xvfb knows no seat and no virtual terminal
args=()
while (($#)); do
	case $1 in
	-seat) shift ;;
	vt* | -novtswitch) ;;
	*) args+=("$1") ;;
	esac
	shift
done
exec Xvfb "${{args[@]}}" -screen 0 {SIZE[0]}x{SIZE[1]}x24 -fbdir {BUFFER}
"""
CONF = """[LightDM]
logind-check-graphical=false
lock-memory=false

[Seat:*]
xserver-command=/usr/local/bin/xvfb-for-lightdm
greeter-hide-users=true
greeter-show-manual-login=true
user-session=openbox
"""


def fetched(root):
    """The folder with the packages that the root lacks; downloaded by the first who asks."""
    status = pathlib.Path(root) / "var/lib/dpkg/status"
    key = hashlib.sha256(status.read_bytes() + repr(PACKAGES).encode()).hexdigest()[:16]
    folder = CACHE / f"greeter-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "greeter.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        scratch = CACHE / f"greeter-{key}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "archives/partial").mkdir(parents=True)
        (scratch / "state").mkdir()
        # apt trusts a status file below its own state only
        shutil.copy(status, scratch / "state/status")
        options = (
            f"Dir::State={scratch}/state",
            f"Dir::State::status={scratch}/state/status",
            "Dir::State::lists=/var/lib/apt/lists",
            f"Dir::Cache={scratch}",
            "Debug::NoLocking=1",
            "APT::Sandbox::User=root",
        )
        words = [word for option in options for word in ("-o", option)]
        subprocess.run(
            ["apt-get", "-qq", "-y", *words, "--no-install-recommends", "--download-only", "install", *PACKAGES],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (scratch / "archives").rename(folder)
        shutil.rmtree(scratch)
    return folder


def install(lab):
    """Installs and starts it; returns when the greeter waits for a name."""
    target = lab.path("/var/tmp") / "greeter"
    shutil.copytree(fetched(lab.state.root), target, ignore=shutil.ignore_patterns("partial", "lock"))
    environment = "DEBIAN_FRONTEND=noninteractive"
    command = f"{environment} dpkg --force-unsafe-io -i /var/tmp/greeter/*.deb && rm -r /var/tmp/greeter"
    lab.exec(["sh", "-c", command], timeout=600)
    lab.exec(["mkdir", "-p", "/etc/lightdm/lightdm.conf.d", BUFFER])
    lab.write("/usr/local/bin/xvfb-for-lightdm", WRAPPER, 0o755)
    lab.write("/etc/lightdm/lightdm.conf.d/lab.conf", CONF)


class Greeter:
    """The one screen of the lab."""

    def __init__(self, lab, shots):
        self.lab = lab
        self.shots = pathlib.Path(shots)
        self.shots.mkdir(parents=True, exist_ok=True)

    def running(self, *pattern):
        return self.lab.exec(["pgrep", *pattern], check=False).returncode == 0

    def wait(self, what, message):
        deadline = time.monotonic() + WAIT_S
        while not what():
            if time.monotonic() > deadline:
                raise AssertionError(message)
            time.sleep(0.1)

    def restart(self):
        """A fresh greeter, whoever was logged in."""
        self.lab.exec(["systemctl", "restart", "lightdm"])
        self.wait(lambda: self.running("-f", "^/usr/sbin/lightdm-gtk-greeter"), "no greeter")
        self.wait(lambda: self.run("search", "--class", "lightdm-gtk-greeter") == 0, "no window")
        time.sleep(1)

    def run(self, *words):
        argv = ["env", "DISPLAY=:0", "XAUTHORITY=/var/run/lightdm/root/:0", "xdotool", *words]
        return self.lab.exec(argv, check=False).returncode

    def type(self, text, still=0.6):
        """Text and Enter; returns when nothing has moved for that long. What asks the daemon greys the
        fields for a while, and what is typed into them then is lost."""
        before = self.pixels()
        if text:
            self.run("type", "--delay", "15", text)
        self.run("key", "Return")
        self.settle(before, still)

    def click(self, text):
        """Text, and the button with the mouse."""
        before = self.pixels()
        if text:
            self.run("type", "--delay", "15", text)
        self.run("mousemove", str(LOG_IN[0]), str(LOG_IN[1]), "click", "1")
        self.settle(before, 0.6)

    def settle(self, before, still):
        """Returns when the screen has changed and is still again, or after some seconds."""
        last, since = before, time.monotonic()
        deadline = since + 10
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.pixels()
            # a blinking cursor is no movement: it changes few bytes
            if now[3] != last[3] and sum(a != b for a, b in zip(now[3][::64], last[3][::64])) > 8:
                last, since = now, time.monotonic()
            elif now != before and time.monotonic() - since > still:
                return

    def pixels(self):
        """Xvfb's frame buffer, an XWD file: header size, then at word 3 depth, 4 width, 5 height … 12
        bytes a line, 19 colours."""
        raw = self.lab.path(f"{BUFFER}/Xvfb_screen0").read_bytes()
        words = struct.unpack(">25I", raw[:100])
        width, height, stride, colours = words[4], words[5], words[12], words[19]
        start = words[0] + colours * 12
        return width, height, stride, raw[start : start + stride * height]

    def shot(self, name):
        """A PNG of the screen."""
        width, height, stride, raw = self.pixels()
        lines = bytearray()
        for y in range(height):
            line = raw[y * stride : y * stride + width * 4]
            rgb = bytearray(width * 3)
            rgb[0::3], rgb[1::3], rgb[2::3] = line[2::4], line[1::4], line[0::4]
            lines += b"\0" + rgb
        png = b"\x89PNG\r\n\x1a\n"
        chunks = (
            (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(bytes(lines))),
            (b"IEND", b""),
        )
        for kind, data in chunks:
            png += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        (self.shots / f"{name}.png").write_bytes(png)

    def session_of(self, user):
        """Whether user has a desktop."""
        try:
            self.wait(lambda: self.running("-u", user, "-x", "openbox"), "")
        except AssertionError:
            return False
        return True
