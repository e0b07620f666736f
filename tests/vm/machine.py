#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the virtual machine, runs it once under enforcing SELinux, and says what happened in it.

tools/vm-test is the way in. Exit status: 0 when every test inside passed and none was missed, else 1.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import image

BOOT_AND_TESTS_S = 2700
RESULT_SIZE = 64 << 20
MEMORY_MB = 1536
TESTS_MIN = 14  # fewer have not run at all
# Tests knock far more often than people do; and what asks the directory and is not done in the slot is refused, for
# which a second is too short here.
SETTINGS = {
    "limits": {"per-source": "1000000", "per-user": "1000000", "total": "1000000"},
    "recovery": {"answer-slot": "10000"},
}
KERNEL = ("console=ttyS0 panic=-1 root=/dev/nvme0n1 rw security=selinux selinux=1 8250.nr_uarts=4 quiet "
          "systemd.show_status=0 mitigations=off audit=1 audit_backlog_limit=8192 "
          "modprobe.blacklist=kvm_amd,kvm,powernow_k8")


class Clock:
    """A line a step, with its time."""

    def __init__(self):
        self.began = self.last = time.monotonic()

    def __call__(self, what):
        now = time.monotonic()
        print(f"{now - self.last:7.1f} s  {what}", flush=True)
        self.last = now


def qemu(folder, disks, kernel, words):
    """argv of the machine; two serial ports are the ends of one cable."""
    def drive(name, file, serial, *more):
        settings = ",".join((f"if=none,id={name},file={file},format=raw,cache=unsafe,file.locking=off", *more))
        return ["-drive", settings, "-device", f"nvme,drive={name},serial={serial}"]

    cable = folder / "cable"
    return [
        "nice", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64",
        "-m", str(MEMORY_MB), "-smp", "2", "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
        "-no-reboot",
        *drive("root", disks["root"], "root", "snapshot=on"),
        *drive("tests", disks["tests"], "tests", "readonly=on"),
        *drive("results", disks["results"], "results"),
        "-chardev", f"file,id=console,path={folder}/console.log", "-device", "isa-serial,index=0,chardev=console",
        "-chardev", f"socket,id=login,path={cable},server=on,wait=off", "-device", "isa-serial,index=2,chardev=login",
        "-chardev", f"socket,id=person,path={cable}", "-device", "isa-serial,index=3,chardev=person",
        "-device", "virtio-rng-pci",
        "-kernel", str(kernel), "-append", " ".join((KERNEL, *words)),
    ]


def run_machine(folder, disks, kernel, words):
    """Returns when the machine is off, or was taken off at the end of its time."""
    with open(disks["results"], "wb") as file:
        file.truncate(RESULT_SIZE)
    argv = qemu(folder, disks, kernel, words)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as machine:
        deadline = time.monotonic() + BOOT_AND_TESTS_S
        shown = 0
        while machine.poll() is None:
            if time.monotonic() > deadline:
                machine.kill()
                raise image.LabError(f"the machine was not done after {BOOT_AND_TESTS_S} s")
            time.sleep(0.5)
            shown = show_progress(folder / "console.log", shown)


def show_progress(console, shown):
    """Passes on what the tests inside print as they go."""
    text = console.read_text(errors="replace") if console.exists() else ""
    whole = text.rfind("\n") + 1
    for line in text[shown:whole].splitlines():
        if line.startswith("vm: "):
            print(f"           {line[4:]}", flush=True)
    return whole


def judge(rows):
    """Prints each test's row; the number of those that did not pass."""
    bad = 0
    for row in rows:
        print(f"{row['seconds']:7.1f} s  {row['verdict']:<7} {row['what'] or row['name']}")
        if row["verdict"] != "ok":
            bad += 1
            print("\n".join(f"    | {line}" for line in row["text"].rstrip().splitlines()))
    print(f"\n{len(rows) - bad} passed, {bad} failed")
    return bad


def parse():
    parser = argparse.ArgumentParser(prog="tools/vm-test", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build folder")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where audit, journal and console are left")
    parser.add_argument("--keep", action="store_true", help="leave disk and kernel there as well")
    parser.add_argument("--again", action="store_true", help="with the disk and kernel that --keep left")
    parser.add_argument("--permissive", action="store_true", help="only note what would be denied; fails")
    parser.add_argument("tests", nargs="*", metavar="CLASS[.TEST]", help="only these; fails")
    return parser.parse_args()


def make(builddir, disk, scratch, clock):
    """The machine's disk, with the kernel beside it."""
    tree = scratch / "tree"
    tree.mkdir()
    image.make_tree(builddir, SETTINGS, tree, scratch, clock)
    image.make_image(tree, disk)
    shutil.rmtree(tree)
    clock("files labelled, disk made")


def main():
    arguments = parse()
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    words = [f"enforcing={0 if arguments.permissive else 1}"]
    words += [f"pwreset.tests={','.join(arguments.tests)}"] if arguments.tests else []
    with tempfile.TemporaryDirectory(prefix="pwreset-vm-") as name:
        scratch = pathlib.Path(name)
        disks = {disk: scratch / disk for disk in ("root", "tests", "results")}
        kernel = scratch / "vmlinuz"
        if arguments.again:
            disks["root"], kernel = out / "root", out / "vmlinuz"
        else:
            make(arguments.build, disks["root"], scratch, clock)
        image.pack_tests(disks["tests"], scratch)
        if arguments.keep and not arguments.again:
            for file in (disks["root"], kernel):
                image.run("cp", "--sparse=always", file, out / file.name)
        try:
            run_machine(scratch, disks, kernel, words)
        finally:
            shutil.copy(scratch / "console.log", out / "console.log")
        clock("machine ran")
        image.run("tar", "-C", out, "--no-same-owner", "-xf", disks["results"])
    rows = json.loads((out / "result.json").read_text())
    bad = judge(rows)
    print(f"all in {time.monotonic() - clock.began:.0f} s; audit, journal, console: {out}")
    return 1 if bad or len(rows) < TESTS_MIN else 0


if __name__ == "__main__":
    sys.exit(main())
