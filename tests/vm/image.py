# SPDX-License-Identifier: LGPL-2.1-or-later
"""The disk of the virtual machine: pwreset is installed in a lab, as everywhere, and the lab's files become an image.

The lab runs on the root of root.sh, so that the policy can be built inside. Files get their labels here, before the
image is made: nothing is relabelled at boot.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(TOP / "tests/lab")]

from facts import FLEET_PORT, INSIDE, LOGINS, SERIAL_LOGIN, TESTS_DISK  # noqa: E402
from lab import Lab, LabError  # noqa: E402  pylint: disable=wrong-import-position

IMAGE_SIZE = "1600M"
MODULE = "/usr/share/selinux/packages/pwreset.pp"
CONTEXTS = "/etc/selinux/default/contexts"
# Services that must not write while their files are taken.
WRITERS = ("postfix@-.service", "nslcd.service", "slapd.service", "nginx.service", "cron.service")
# Our own parts of the tree, which the tests inside import.
TEST_FOLDERS = ("tests/lab", "tests/e2e", "tests/vm")

# What Debian's policy lacks for the lab's other services, with or without us: slapd maps its database; nslcd notifies
# itself by a pipe; Postfix looks people up by ldapi; logind's helper asks nslcd.
SITE_TE = """
policy_module(lab_site, 1.0)
gen_require(`
	type slapd_t, slapd_db_t, nslcd_t, postfix_smtpd_t, postfix_virtual_t, systemd_user_runtime_dir_t;
')
allow slapd_t slapd_db_t:file map;
allow nslcd_t self:capability sys_resource;
allow nslcd_t self:fifo_file rw_fifo_file_perms;
ldap_stream_connect(postfix_smtpd_t)
ldap_stream_connect(postfix_virtual_t)
nslcd_stream_connect(systemd_user_runtime_dir_t)
"""
# Their init scripts make these folders with the script's label.
SITE_TMPFILES = "d /run/slapd 0755 openldap openldap -\nd /run/nslcd 0755 nslcd nslcd -\n"
TEST_UNIT = f"""
[Unit]
Description=Tests of pwreset in a virtual machine
After=multi-user.target

[Service]
Type=exec
SELinuxContext=unconfined_u:unconfined_r:unconfined_t:s0
ExecStart=/bin/sh -c 'tar -xf {TESTS_DISK} -C {INSIDE} && exec /usr/bin/python3 {INSIDE}/tests/vm/inside.py'
ExecStopPost=systemctl poweroff --force --force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
"""


class VmLab(Lab):
    """A lab on the machine's root."""

    @staticmethod
    def build_root(script=HERE / "root.sh"):
        return Lab.build_root(script)


def run(*argv, **kwargs):
    """A program of the host to its end; what it says is shown if it fails."""
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **kwargs)
    if done.returncode:
        raise LabError(f"{' '.join(str(word) for word in argv)}: {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def build_site_module(scratch):
    """The module with what Debian's policy lacks for the lab's other services."""
    (scratch / "lab_site.te").write_text(SITE_TE)
    run(TOP / "selinux/build-module", "/usr/share/selinux/devel/Makefile", scratch / "site", scratch / "lab_site.pp",
        scratch / "lab_site.te")
    return scratch / "lab_site.pp"


def load_policy(lab, site_module):
    """Both modules, the people's SELinux users, the fleet's port: what semanage would write here, where no kernel has SELinux."""
    lab.write("/var/lib/selinux/default/active/ports.local", f"portcon tcp {FLEET_PORT} system_u:object_r:ssh_port_t:s0\n")
    seusers = "".join(f"{login}:{user}:s0\n" for login, user in LOGINS.items())
    lab.write("/var/lib/selinux/default/active/seusers.local", seusers)
    shutil.copy(site_module, lab.path("/root") / "lab_site.pp")
    lab.exec(["semodule", "-n", "-i", MODULE, "/root/lab_site.pp"], timeout=180)
    config = lab.read("/etc/selinux/config")
    lab.write("/etc/selinux/config", re.sub(r"(?m)^SELINUX=.*", "SELINUX=enforcing", config))


def prepare_site(lab):
    """slapd as a file of its own (Debian links its tools to it, and the last one's label stays)."""
    lab.exec(["sh", "-c", "cp -p /usr/sbin/slapd /usr/sbin/slapd.own && mv /usr/sbin/slapd.own /usr/sbin/slapd"])
    lab.write("/etc/tmpfiles.d/lab-site.conf", SITE_TMPFILES)


def pack_tests(tests, scratch):
    """A disk with the tests of the tree and the probe, as a tar."""
    run("gcc", "-static", "-O", "-Wall", "-Werror", "-o", scratch / "probe", HERE / "probe.c")
    run("tar", "--exclude=__pycache__", "-cf", tests, "-C", TOP, *TEST_FOLDERS, "-C", scratch, "probe")


def prepare_tests(lab):
    """The unit that runs the tests of the second disk, and a terminal with a login prompt."""
    lab.exec(["mkdir", INSIDE])
    lab.write("/etc/systemd/system/pwreset-vm.service", TEST_UNIT)
    units = lab.path("/etc/systemd/system")
    (units / "multi-user.target.wants/pwreset-vm.service").symlink_to("/etc/systemd/system/pwreset-vm.service")
    getty = units / "getty.target.wants"
    getty.mkdir(exist_ok=True)
    (getty / f"serial-getty@{SERIAL_LOGIN}.service").symlink_to("/lib/systemd/system/serial-getty@.service")
    lab.exec(["systemctl", "mask", "serial-getty@ttyS0.service"])


def make_tree(builddir, settings, tree, scratch, timed):
    """The machine's files: a lab with pwreset in it, shut, and taken."""
    site_module = build_site_module(scratch)
    with VmLab.new(f"selinux-{os.getpid()}", profile="ldap") as lab:
        lab.start()
        timed("lab started")
        prepare_site(lab)
        lab.install_product(builddir, settings)
        lab.start_proxy()
        lab.exec(["systemctl", "enable", "nginx.service"])
        timed("product installed")
        prepare_tests(lab)
        load_policy(lab, site_module)
        timed("policy built with the module")
        lab.exec(["systemctl", "stop", *WRITERS])
        take = lab.enter_argv(["tar", "--one-file-system", "--numeric-owner", "-C", "/", "-cf", "-", "."])
        with subprocess.Popen(take, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as packer:
            run("tar", "-C", tree, "--numeric-owner", "-xpf", "-", stdin=packer.stdout)
    (tree / "etc/machine-id").chmod(0o644)
    timed("files taken")


def make_image(tree, image):
    """Labels, then a file system; the kernel goes beside it."""
    # The lab ran without SELinux, which Debian answers with a relabelling at the next boot.
    (tree / ".autorelabel").unlink(missing_ok=True)
    run("setfiles", "-mF", "-r", tree, tree / CONTEXTS.lstrip("/") / "files/file_contexts", tree)
    kernels = sorted((tree / "boot").glob("vmlinuz-*"))
    if len(kernels) != 1:
        raise LabError(f"{len(kernels)} kernels in the root, not one")
    shutil.copy(kernels[0], image.parent / "vmlinuz")
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, image, IMAGE_SIZE)

