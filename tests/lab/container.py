# SPDX-License-Identifier: LGPL-2.1-or-later
"""One systemd-nspawn container over a read-only root: started, entered, stopped, and never left over.

The root is the lower layer of an overlay that only the container's own mount namespace sees, so that
starting copies nothing and no end, however sudden, leaves a mount. A running container is described by
a state file; whose process is gone, is reaped by the next that starts.
"""

import ctypes
import dataclasses
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
STATE = pathlib.Path("/run/pwreset-lab")
SPACE = pathlib.Path(os.environ.get("PWRESET_LAB_DIR", "/var/lib/pwreset-lab"))
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\Z")
BOOT_S = 60
STOP_S = 20
POLL_S = 0.01
PR_SET_PDEATHSIG = 1
ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "TERM=xterm",
    "LANG=C.UTF-8",
)
# nspawn's death alone would leave its container running; that of a PID namespace's first process leaves
# nothing. So nspawn is the first process of one, and unshare's end is nspawn's.
ISOLATE = (
    *("unshare", "--mount", "--propagation", "private"),
    *("--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
)
# $1 the overlay's folder, $2 the lower root, $3 the files in which to join a cgroup, then the command.
# Where an overlay cannot lie on what the folder lies on, the root is copied.
LAUNCH = r"""
set -eu
for procs in $3; do echo $$ >"$procs"; done
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root" 2>"$1/overlay.log" || {
	cp -a --reflink=auto "$2/." "$1/root" && cp -a "$1/upper/." "$1/root"
}
shift 3
exec "$@"
"""

_numbers = itertools.count(1)


class LabError(Exception):
    """Something that the lab was asked for did not happen; the text says what, and what was seen."""


def start_time(pid):
    """The kernel's start time of a process, which with the pid names it for good; None when gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def alive(process):
    """process is [pid, start time], as in a state file."""
    return process is not None and start_time(process[0]) == process[1]


def _children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclasses.dataclass
class State:
    """What a running container's state file holds."""

    name: str
    root: str  # the lower layer; root.sh keeps it while it is named here
    folder: str
    process: list = None  # unshare, whose only child is nspawn
    leader: int = 0
    owner: list = None  # the process that it must not outlive, if any
    cgroups: list = dataclasses.field(default_factory=list)
    facts: dict = dataclasses.field(default_factory=dict)

    @property
    def file(self):
        return STATE / f"{self.name}.json"

    def _write(self):
        STATE.mkdir(mode=0o755, exist_ok=True)
        scratch = self.file.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(dataclasses.asdict(self)))
        return scratch

    def claim(self):
        """Saves it for the first time, which only one of several can."""
        scratch = self._write()
        try:
            os.link(scratch, self.file)
        except FileExistsError:
            raise LabError(f"a lab called {self.name} is already there") from None
        finally:
            scratch.unlink()

    def save(self):
        self._write().replace(self.file)

    @classmethod
    def load(cls, name):
        try:
            return cls(**json.loads((STATE / f"{name}.json").read_text()))
        except FileNotFoundError:
            raise LabError(f"no lab is called {name}") from None

    @property
    def running(self):
        return alive(self.process)

    @property
    def orphaned(self):
        return not self.running or (self.owner is not None and not alive(self.owner))


def states():
    """All labs of this host, running or not."""
    found = []
    for file in sorted(STATE.glob("*.json")):
        try:
            found.append(State.load(file.stem))
        except LabError:
            pass  # ended since
    return found


def reap():
    """Clears away what nobody owns any more. One that is being started has its owner's name on it."""
    for state in states():
        if state.orphaned and not (state.process is None and alive(state.owner)):
            Container(state).destroy()


def _cgroup_mounts():
    """Where each cgroup hierarchy is mounted, by the name it has in /proc/PID/cgroup."""
    mounts = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind == "cgroup2":
            mounts[""] = fields.split()[4]
        elif kind == "cgroup":
            for option in options.split(","):
                mounts[option] = fields.split()[4]
    return mounts


def _make_cgroups(name):
    """A cgroup of its own in each hierarchy; without one, two PID 1s would share their units' groups.

    Not where the host's systemd makes a scope, as it does for every nspawn without --keep-unit.
    """
    mounts, made = _cgroup_mounts(), []
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        mount = mounts.get(controllers) or mounts.get(controllers.split(",")[0])
        if mount is None:
            continue
        parent = pathlib.Path(mount + path)
        group = parent / f"pwreset-lab-{name}"
        group.mkdir(exist_ok=True)
        for knob in ("cpuset.cpus", "cpuset.mems"):
            if "cpuset" in controllers:
                (group / knob).write_text((parent / knob).read_text())
        made.append(str(group))
    return made


class Container:
    """Its life and the ways into it; Lab builds on this."""

    def __init__(self, state):
        self.state = state
        self.folder = pathlib.Path(state.folder)
        self._process = None  # only in the process that booted it

    @classmethod
    def create(cls, name=None, keep=False):
        """A container that is yet to be booted; keep lets it outlive this process."""
        reap()
        name = name or f"t{os.getpid()}-{next(_numbers)}"
        if not NAME.match(name):
            raise LabError(f"{name!r} is no name for a lab: small letters, digits, hyphens")
        root = cls.build_root()
        owner = [os.getpid(), start_time(os.getpid())]
        state = State(name, str(root), str(SPACE / name), owner=owner)
        state.facts["keep"] = keep
        state.claim()
        container = cls(state)
        shutil.rmtree(container.folder, ignore_errors=True)
        for part in ("upper", "work", "root"):
            (container.folder / part).mkdir(parents=True, mode=0o755)
        container.write_before_boot("/etc/machine-id", uuid.uuid4().hex + "\n", 0o444)
        return container

    @staticmethod
    def build_root(script=HERE / "root.sh"):
        """The folder of a ready root; builds it the first time."""
        done = subprocess.run([script], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise LabError(f"{script} failed")
        return pathlib.Path(done.stdout.strip())

    @property
    def name(self):
        return self.state.name

    @property
    def leader(self):
        return self.state.leader

    @property
    def console(self):
        """What nspawn and the container's console said."""
        return self.folder / "console.log"

    def write_before_boot(self, name, text, mode=0o644):
        """Puts a file over the root's; its folders are taken for root's 0755."""
        target = self.folder / "upper" / name.lstrip("/")
        target.parent.mkdir(parents=True, mode=0o755, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def boot(self):
        """Returns when the container's systemd says that all is running."""
        own_cgroup = not pathlib.Path("/run/systemd/system").is_dir()
        if own_cgroup:
            self.state.cgroups = _make_cgroups(self.name)
        procs = " ".join(f"{group}/cgroup.procs" for group in self.state.cgroups)
        nspawn = (
            *("systemd-nspawn", "--quiet", "--directory", str(self.folder / "root")),
            *("--machine", self.name, "--hostname", "lab", "--register=no"),
            *(("--keep-unit",) if own_cgroup else ()),
            *("--private-network", "--console=read-only", "--resolv-conf=off", "--timezone=off", "--boot"),
        )
        with open(self.console, "wb") as log:
            self._process = process = subprocess.Popen(
                [*ISOLATE, "sh", "-c", LAUNCH, "sh", str(self.folder), self.state.root, procs, *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=None if self.state.facts["keep"] else _die_with_parent,
            )
        self.state.process = [process.pid, start_time(process.pid)]
        if self.state.facts["keep"]:
            self.state.owner = None
        self.state.save()
        deadline = time.monotonic() + BOOT_S
        self.state.leader = self._wait_for_leader(process, deadline)
        self.state.save()
        self._wait_for_running(deadline)

    def _fail(self, what):
        tail = self.console.read_text(errors="replace")[-2000:] if self.console.exists() else ""
        raise LabError(f"lab {self.name}: {what}\n{tail}")

    def _wait_for_leader(self, process, deadline):
        """nspawn's only child that has become init, and whose system bus is there."""
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._fail(f"nspawn ended with {process.returncode}")
            for nspawn in _children(process.pid):
                for child in _children(nspawn):
                    if os.path.exists(f"/proc/{child}/root/run/dbus/system_bus_socket"):
                        return child
            time.sleep(POLL_S)
        return self._fail("no systemd after a minute")

    def _wait_for_running(self, deadline):
        left = max(1, deadline - time.monotonic())
        done = self.exec(["systemctl", "is-system-running", "--wait"], check=False, timeout=left)
        if done.stdout.strip() != "running":
            failed = self.exec(["systemctl", "list-units", "--failed", "--no-legend"], check=False)
            self._fail(f"is {done.stdout.strip()}, not running: {failed.stdout}")

    def enter_argv(self, argv, user=None):
        """argv run inside, with the container's environment; as user by runuser."""
        if not self.state.running:
            raise LabError(f"lab {self.name} is not running")
        become = ("runuser", "-u", user, "--") if user else ()
        inside = ("env", "-i", *ENVIRONMENT, *become, *argv)
        return ["nsenter", "--target", str(self.leader), "--all", "--root", "--wd", "--", *inside]

    # pylint: disable-next=too-many-arguments
    def exec(self, argv, input=None, check=True, timeout=60, user=None, text=True):
        """Runs argv inside to its end; a failure is a LabError unless check is off."""
        try:
            done = subprocess.run(
                self.enter_argv([str(word) for word in argv], user),
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                text=text,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise LabError(f"{argv}: not done after {timeout} s: {late.stdout} {late.stderr}") from None
        if check and done.returncode:
            raise LabError(f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def stop(self, clean=False):
        """Powers off when clean, else pulls the plug; the container and its files are gone after."""
        if clean:
            self._signal_nspawn(signal.SIGTERM)
        self.destroy()

    def reboot(self):
        """Shuts it down and boots it again, on the same files; what was plugged into it is gone."""
        self._signal_nspawn(signal.SIGTERM)
        for group in self.state.cgroups:
            _remove_cgroup(pathlib.Path(group))
        self.boot()

    def _signal_nspawn(self, number):
        """To nspawn, not unshare, which then ends by itself and leaves no zombie."""
        if self.state.running:
            for nspawn in _children(self.state.process[0]):
                os.kill(nspawn, number)
            self._wait_for_end(STOP_S)

    def _wait_for_end(self, seconds):
        deadline = time.monotonic() + seconds
        while self.state.running and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if self._process is not None:
            self._process.poll()

    def destroy(self):
        """Whatever is left of it goes: processes by their ids alone, cgroups, files."""
        self._signal_nspawn(signal.SIGKILL)
        if self.state.running:  # it has no nspawn yet
            os.kill(self.state.process[0], signal.SIGKILL)
            self._wait_for_end(STOP_S)
        for group in self.state.cgroups:
            _remove_cgroup(pathlib.Path(group))
        shutil.rmtree(self.folder, ignore_errors=True)
        for left in ("propagate", "unix-export"):
            shutil.rmtree(f"/run/systemd/nspawn/{left}/{self.name}", ignore_errors=True)
        self.state.file.unlink(missing_ok=True)


def _remove_cgroup(group):
    """Empty groups only; the kernel keeps one that still has a dying process, so a few tries."""
    for _ in range(200):
        try:
            for folder, _, _ in os.walk(group, topdown=False):
                os.rmdir(folder)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(POLL_S)
