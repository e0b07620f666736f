#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes the lab's root into one that boots by itself with SELinux, once, and prints its folder: the root of
# tests/lab/root.sh with a kernel and the policy in it. It is named by what it is made from.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
CACHE=${PWRESET_CACHE:-/var/cache/pwreset-lab}
SUITE=bookworm
SOURCES=/etc/apt/sources.list.d/debian.sources
KEEP=2

# shellcheck source=tools/lib/packages.sh
source "$TOP/tools/lib/packages.sh"

say() { echo "vm root: $*" >&2; }

# The host's apt works on the root, whose scripts run inside.
apt_inside() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dir="$1/root" -o DPkg::Chroot-Directory="$1/root" \
		-o Dir::State::status="$1/root/var/lib/dpkg/status" -o Dir::Etc::sourcelist="$SOURCES" \
		-o Dir::Etc::sourceparts=/dev/null -o APT::Install-Recommends=false -o APT::Sandbox::User=root \
		-o Dpkg::Use-Pty=0 "${@:2}" >>"$CACHE/vm.log" 2>&1 || {
		tail -n 25 "$CACHE/vm.log" >&2
		say "apt-get ${*:2} failed"
		return 1
	}
}

main() {
	local root key out scratch
	root=$("$TOP/tests/lab/root.sh")
	key=$(printf '%s\n' "$SUITE" "$(basename "$root")" "${PKGS_VM_ROOT[@]}" | sha256sum | cut -c1-16)
	out=$CACHE/vm-$key
	exec 9>"$CACHE/vm.lock"
	flock 9
	if [[ ! -d "$out" ]]; then
		say "adding a kernel and the policy (once, a minute or more); its log: $CACHE/vm.log"
		scratch=$(mktemp -d "$CACHE/vmroot.XXXXXX")
		# shellcheck disable=SC2064 # the name as it is now
		trap "rm -rf --one-file-system '$scratch'" EXIT
		: >"$CACHE/vm.log"
		cp -a --reflink=auto "$root" "$scratch/root"
		apt_inside "$scratch" update
		apt_inside "$scratch" install "${PKGS_VM_ROOT[@]}"
		apt_inside "$scratch" clean
		rm -f "$scratch"/root/boot/initrd.img-*
		mv "$scratch/root" "$out"
	fi
	touch "$out"
	find "$CACHE" -maxdepth 1 -type d -name 'vm-*' -printf '%T@ %p\n' | sort -rn |
		tail -n "+$((KEEP + 1))" | cut -d' ' -f2- | xargs -r rm -rf --one-file-system
	echo "$out"
}

main "$@"
