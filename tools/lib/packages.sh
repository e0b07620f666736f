# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What pwreset needs from Debian 12, one array per purpose, and the one function that installs it.
# Sourced by tools/*, tests/lab/root.sh and CI; running it does nothing.
# shellcheck disable=SC2034 # the arrays are for those

# Build: compilers and the headers of the libraries that meson.build names.
PKGS_BUILD=(
	gcc clang meson ninja-build pkg-config gettext
	libpam0g-dev libsystemd-dev libseccomp-dev libldap-dev libsodium-dev libesmtp-dev libssl-dev
	libmicrohttpd-dev libzxcvbn-dev libunistring-dev libcrypt-dev xz-utils
)

# Unit, PAM and static tests on the host.
PKGS_TEST=(
	libcmocka-dev libjansson-dev
	libmime-tools-perl python3-html5lib openssl
	slapd slapd-contrib ldap-utils libnss-wrapper 389-ds-base
	python3 python3-pexpect valgrind strace binutils clang-format locales groff-base libpam-modules libpam-runtime
)

# Static analysis.
PKGS_ANALYZE=(clang-tidy cppcheck)

# The lab on the host: makes the root, runs the container, talks to what is inside.
PKGS_LAB=(
	mmdebstrap systemd-container zstd openssl util-linux iproute2 ca-certificates
	python3 python3-pexpect libsodium23 openssh-client sshpass curl ldap-utils nftables
)

# The container's root: the services of a site, and the libraries that the product links.
# ASan and UBSan are there so that a sanitizer build can be installed as it is.
PKGS_ROOT=(
	systemd-sysv dbus libpam-systemd iproute2 procps openssl ca-certificates locales tzdata zstd
	login passwd sudo cron libpam-runtime libpam-modules pamtester
	slapd slapd-contrib ldap-utils libsasl2-modules
	postfix postfix-ldap postfix-pcre
	openssh-server openssh-client openssh-sftp-server sshpass
	nslcd libnss-ldapd libpam-ldapd
	sssd-ldap sssd-tools libpam-sss libnss-sss
	nginx-light python3-minimal bash-completion faketime cracklib-runtime
	libsystemd0 libldap-2.5-0 libsodium23 libesmtp6 libmicrohttpd12 libzxcvbn0 libunistring2
	libcrypt1 libssl3 libasan8 libubsan1
)

# The page's tests: a browser, the proxies of docs/proxy, and node for the checkers (npm: see tests/web/prepare.sh).
PKGS_WEB=(
	chromium fonts-dejavu-core nginx-light apache2 openssl python3
)

# SELinux module: the policy's headers build it, its store and setools let the tests read the whole.
PKGS_SELINUX=(
	selinux-policy-default selinux-policy-dev checkpolicy semodule-utils policycoreutils
	secilc make python3-setools
)

# The virtual machine of tools/vm-test on the host, and what its root has beside the lab's.
PKGS_VM=(qemu-system-x86 e2fsprogs policycoreutils gcc libc6-dev)
PKGS_VM_ROOT=(linux-image-cloud-amd64 selinux-policy-default policycoreutils policycoreutils-python-utils python3-pexpect curl)

# How long to wait for another apt or dpkg that holds the lock.
PKGS_LOCK_WAIT_S=600

# install_packages NAME...: installs what dpkg-query says is missing; nothing missing costs no apt.
install_packages() {
	local name present missing=() as_root=()

	present=$(dpkg-query -W -f='${Package}:${db:Status-Status}\n' "$@" 2>/dev/null || true)
	for name in "$@"; do
		[[ $'\n'"$present"$'\n' == *$'\n'"$name:installed"$'\n'* ]] || missing+=("$name")
	done
	((${#missing[@]})) || return 0

	if ((EUID != 0)); then
		command -v sudo >/dev/null || {
			echo "packages: root is needed to install: ${missing[*]}" >&2
			return 1
		}
		as_root=(sudo)
	fi
	echo "packages: installing ${missing[*]}" >&2
	local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y
		-o Dpkg::Use-Pty=0 -o "DPkg::Lock::Timeout=$PKGS_LOCK_WAIT_S")
	if [[ -z "${PKGS_UPDATED:-}" ]]; then
		_packages_update "${apt[@]}" || return 1
		PKGS_UPDATED=1
	fi
	"${apt[@]}" install --no-install-recommends "${missing[@]}" >&2
}

# The lists' lock is not covered by DPkg::Lock::Timeout: of two updates at once, one has to wait.
_packages_update() {
	local deadline=$((SECONDS + PKGS_LOCK_WAIT_S)) said

	until said=$("$@" update 2>&1); do
		if [[ "$said" != *"Could not get lock"* ]] || ((SECONDS > deadline)); then
			printf '%s\npackages: apt-get update failed\n' "$said" >&2
			return 1
		fi
		sleep 2
	done
}
