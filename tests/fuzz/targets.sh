# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The fuzz targets and how each is run: sourced by tools/fuzz and oss-fuzz/build.sh, at the top of the tree.

fuzz_targets() {
	local file

	for file in tests/fuzz/fuzz_*.c; do
		file=${file##*/fuzz_}
		echo "${file%.c}"
	done
}

# The dictionary by what the target reads; nothing for those that need none.
fuzz_dictionary() {
	case $1 in
	json | varlink | broker) echo tests/fuzz/json.dict ;;
	ini | config) echo tests/fuzz/ini.dict ;;
	form | request) echo tests/fuzz/http.dict ;;
	esac
}

# libFuzzer's options, one a line.
fuzz_options() {
	case $1 in
	# A script of the broker's takes longer than a text, and what it does last is like what it did first.
	broker) printf '%s\n' max_len=500 timeout=60 ;;
	*) echo timeout=10 ;;
	esac
}
