#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes the lab's root file system once and keeps it: root.sh prints the folder of a ready root.
#
#   root.sh [base|root]      base: the tarball of bare packages; root (default): provisioned folder
#
# Two layers, each named by a hash of what it is made from, so that a changed input makes a new one
# and nothing else does:  base-HASH.tar.zst  mmdebstrap, a minute or two;
#                         root-HASH/         base unpacked and provisioned, some seconds.
# A layer is built beside its place and renamed into it: what exists is whole.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
CACHE=${PWRESET_CACHE:-/var/cache/pwreset-lab}
SUITE=bookworm
SOURCES=/etc/apt/sources.list.d/debian.sources
LOCALES=(en_US.UTF-8 es_ES.UTF-8 de_DE.UTF-8 fr_FR.UTF-8)
KEEP_ROOTS=3
PYTHON=/usr/bin/python3

# shellcheck source=tools/lib/packages.sh
source "$TOP/tools/lib/packages.sh"

say() { echo "lab root: $*" >&2; }
die() {
	say "$*"
	exit 1
}

preseed() {
	cat <<-PRESEED
		slapd slapd/no_configuration boolean true
		postfix postfix/main_mailer_type select No configuration
		libnss-ldapd libnss-ldapd/nsswitch multiselect
		nslcd nslcd/ldap-uris string ldapi:///
		nslcd nslcd/ldap-base string dc=example,dc=com
		libraries/restart-without-asking boolean true
	PRESEED
}

# A root is given its locales here: localedef is the only slow step that no input of ours changes.
# shellcheck disable=SC2016 # $1 is for mmdebstrap's hooks
set_args() {
	local path locale exclude=()
	for path in doc man locale info lintian; do
		exclude+=(--dpkgopt="path-exclude=/usr/share/$path/*")
	done
	ARGS=(
		--variant=apt
		--include="$(IFS=,; echo "${PKGS_ROOT[*]}")"
		--aptopt='APT::Install-Recommends "false"'
		"${exclude[@]}"
		--dpkgopt='path-include=/usr/share/locale/locale.alias'
		--essential-hook="copy-in $1/preseed.txt /root"
		--essential-hook='chroot "$1" debconf-set-selections /root/preseed.txt'
		--customize-hook='rm -f "$1/root/preseed.txt"'
	)
	for locale in "${LOCALES[@]}"; do
		ARGS+=(--customize-hook="chroot \"\$1\" localedef -i ${locale%.*} -f ${locale#*.} $locale")
	done
}

# The scratch folder's name is no input, hence the fixed one here.
base_key() {
	set_args SCRATCH
	{
		printf '%s\n' "$SUITE" "${ARGS[@]}"
		preseed
		cat "$SOURCES"
	} | sha256sum | cut -c1-16
}

# Everything that provision.py reads: its own sources, the files it copies, the product's schema.
root_key() {
	local dirs=("$HERE/files" "$HERE"/{provision,people,rules}.py "$TOP/ldap")
	{
		base_key
		find "${dirs[@]}" -type f ! -path '*/__pycache__/*' -print0 | sort -z |
			xargs -0 sha256sum | sed "s|$TOP/||"
	} | sha256sum | cut -c1-16
}

build_base() {
	local out=$1 scratch
	scratch=$(mktemp -d "$CACHE/base.XXXXXX")
	SCRATCH=$scratch
	say "building the base of packages (once, a minute or more); its log: $CACHE/base.log"
	preseed >"$scratch/preseed.txt"
	set_args "$scratch"
	mmdebstrap "${ARGS[@]}" "$SUITE" "$scratch/root" "$SOURCES" >"$CACHE/base.log" 2>&1 || {
		tail -n 25 "$CACHE/base.log" >&2
		die "mmdebstrap failed"
	}
	tar -C "$scratch/root" --xattrs --xattrs-include='*' --numeric-owner -cf - . |
		zstd -q -T0 -3 -o "$scratch/base.tar.zst"
	mv "$scratch/base.tar.zst" "$out"
	rm -rf --one-file-system "$scratch"
}

build_root() {
	local base=$1 out=$2 scratch
	scratch=$(mktemp -d "$CACHE/root.XXXXXX")
	SCRATCH=$scratch
	say "provisioning a root from $(basename "$base")"
	mkdir "$scratch/root"
	tar -C "$scratch/root" --xattrs --xattrs-include='*' --numeric-owner -I zstd -xpf "$base"
	"$PYTHON" "$HERE/provision.py" "$scratch/root" >&2
	mv "$scratch/root" "$out"
	rm -rf --one-file-system "$scratch"
}

# Old layers go, but never a root that stands below a running lab (its state file names it).
prune() {
	local dir used
	used=$(cat /run/pwreset-lab/*.json 2>/dev/null || true)
	find "$CACHE" -maxdepth 1 -type d -name 'root-*' -printf '%T@ %p\n' | sort -rn |
		tail -n "+$((KEEP_ROOTS + 1))" | cut -d' ' -f2- | while read -r dir; do
		[[ "$used" == *"$dir\""* ]] || rm -rf --one-file-system "$dir"
	done
	find "$CACHE" -maxdepth 1 -type f -name 'base-*.tar.zst' -printf '%T@ %p\n' | sort -rn |
		tail -n +3 | cut -d' ' -f2- | xargs -r rm -f
}

main() {
	local want=${1:-root} base root
	[[ "$want" == base || "$want" == root ]] || die "usage: root.sh [base|root]"
	((EUID == 0)) || die "must run as root"
	[[ -r "$SOURCES" ]] || die "no $SOURCES: the root takes its packages from where the host does"
	install_packages "${PKGS_LAB[@]}"
	mkdir -p "$CACHE"

	SCRATCH=
	trap '[[ -z "$SCRATCH" ]] || rm -rf --one-file-system "$SCRATCH"' EXIT
	base=$CACHE/base-$(base_key).tar.zst
	exec 9>"$CACHE/lock"
	flock 9
	[[ -e "$base" ]] || build_base "$base"
	if [[ "$want" == base ]]; then
		echo "$base"
		return
	fi
	root=$CACHE/root-$(root_key)
	[[ -d "$root" ]] || build_root "$base" "$root"
	touch "$root"
	prune
	echo "$root"
}

main "$@"
