#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what the tests of the page need: a browser, proxies, and checkers from npm, outside the tree.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$top/tools/lib/packages.sh"

# The proxies are started by the tests alone, not by their packages.
if [[ $EUID == 0 && ! -e /usr/sbin/policy-rc.d ]]; then
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 0755 /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
install_packages "${PKGS_WEB[@]}"
# Some machines have them from elsewhere, where Debian's own would conflict.
command -v npm >/dev/null || install_packages nodejs npm

cache=${PWRESET_CACHE:-/var/cache/pwreset-lab}/npm
packages=(playwright-core axe-core html-validate)
mkdir -p "$cache"
for name in "${packages[@]}"; do
	[[ -d "$cache/node_modules/$name" ]] && continue
	(cd "$cache" && npm install --no-audit --no-fund --loglevel=error "${packages[@]}")
	break
done
