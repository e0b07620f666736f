#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# busybox.sh: prints the path of a statically linked busybox: a shell that needs nothing of where it runs. It comes from Debian's
# package, unpacked into the lab's cache; nothing of the host is touched.

set -euo pipefail

CACHE=${PWRESET_CACHE:-/var/cache/pwreset-lab}
PROGRAM=$CACHE/busybox-static

mkdir -p "$CACHE"
exec 9>"$PROGRAM.lock"
flock 9
if [[ ! -x "$PROGRAM" ]]; then
	scratch=$(mktemp -d "$PROGRAM.XXXXXX")
	trap 'rm -rf --one-file-system "$scratch"' EXIT
	cd "$scratch"
	echo "busybox.sh: fetching busybox-static (once)" >&2
	apt-get -qq -o APT::Sandbox::User=root download busybox-static >&2 ||
		{ apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download busybox-static; } >&2
	dpkg-deb -x busybox-static_*.deb tree
	mv tree/bin/busybox "$PROGRAM"
fi
echo "$PROGRAM"
