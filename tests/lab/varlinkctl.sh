#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# varlinkctl.sh ARGUMENT...: runs varlinkctl of systemd 257, the first whose sd-varlink is public, as a
# foreign client of our sockets. It comes from Debian 13's packages, unpacked beside the libraries that
# they need into the lab's cache; nothing of the host is touched.

set -euo pipefail

CACHE=${PWRESET_CACHE:-/var/cache/pwreset-lab}
SOURCES=/etc/apt/sources.list.d/debian.sources
SUITE=trixie
TREE=$CACHE/varlinkctl-$SUITE
MACHINE=x86_64-linux-gnu
LOADER=usr/lib64/ld-linux-x86-64.so.2

die() {
	echo "varlinkctl.sh: $*" >&2
	exit 1
}

# The host's sources with the suite replaced; the updates' and the security suites are not needed.
write_sources() {
	sed -n '1,/^$/p' "$SOURCES" | sed "s/^Suites:.*/Suites: $SUITE/" >"$1"
	grep -q "^Suites: $SUITE" "$1" || die "$SOURCES: no Suites line in its first stanza"
}

unpack() {
	local scratch=$1 deb
	mkdir -p "$scratch"/{state/lists/partial,cache/archives/partial,sources,tree}
	: >"$scratch/status"
	write_sources "$scratch/sources/$SUITE.sources"
	local apt=(apt-get -qq -o Dir::State="$scratch/state" -o Dir::State::status="$scratch/status"
		-o Dir::Cache="$scratch/cache" -o Dir::Etc::SourceList=/dev/null
		-o Dir::Etc::SourceParts="$scratch/sources" -o APT::Sandbox::User=root)
	echo "varlinkctl.sh: fetching systemd of $SUITE (once)" >&2
	"${apt[@]}" update >&2
	"${apt[@]}" -y --no-install-recommends --download-only install systemd >&2
	for deb in "$scratch"/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$scratch/tree"
	done
	[[ -x "$scratch/tree/usr/bin/varlinkctl" ]] || die "$SUITE's systemd has no varlinkctl"
}

fetch() {
	[[ "$(uname -m)" == x86_64 ]] || die "only x86_64 is provided for"
	[[ -r "$SOURCES" ]] || die "no $SOURCES"
	mkdir -p "$CACHE"
	exec 9>"$TREE.lock"
	flock 9
	if [[ ! -d "$TREE" ]]; then
		SCRATCH=$(mktemp -d "$TREE.XXXXXX")
		trap 'rm -rf --one-file-system "$SCRATCH"' EXIT
		unpack "$SCRATCH"
		mv "$SCRATCH/tree" "$TREE"
		rm -rf --one-file-system "$SCRATCH"
		trap - EXIT
	fi
	exec 9>&-
}

[[ -d "$TREE" ]] || fetch
exec "$TREE/$LOADER" --library-path "$TREE/usr/lib/$MACHINE:$TREE/usr/lib/$MACHINE/systemd" \
	"$TREE/usr/bin/varlinkctl" "$@"
