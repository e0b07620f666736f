#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds every fuzz target into $OUT with its seeds, dictionary and options, as OSS-Fuzz wants them. Run at the top of the tree
# with CC, CFLAGS, LIB_FUZZING_ENGINE, WORK and OUT set; README.md beside this says how to try it without OSS-Fuzz.
set -euo pipefail
: "${OUT:?where the targets go}" "${WORK:?where to build}" "${LIB_FUZZING_ENGINE:?what to link with}" "${CC:?a clang}"

# shellcheck source=tests/fuzz/targets.sh
. tests/fuzz/targets.sh

mapfile -t targets < <(fuzz_targets)
mkdir -p "$OUT/lib" "$WORK"
# What the targets are linked with is not there where they run.
[ -f "$WORK/build/build.ninja" ] || LDFLAGS="${LDFLAGS-} -Wl,-rpath,\$ORIGIN/lib" meson setup "$WORK/build" -Dfuzz=true -Dfuzz_engine="$LIB_FUZZING_ENGINE" \
	-Db_lundef=false -Dselinux=disabled
ninja -C "$WORK/build" "${targets[@]/#/tests/fuzz/fuzz_}"
# The policy's data is made by programs of ours, which need no sanitizer for it and would be slow with one.
[ -f "$WORK/data/build.ninja" ] || env -u CFLAGS -u CXXFLAGS meson setup "$WORK/data" -Dtests=false -Dselinux=disabled
ninja -C "$WORK/data" data/blocklist.filter data/blocklist.words

for target in "${targets[@]}"; do
	program=$WORK/build/tests/fuzz/fuzz_$target
	cp "$program" "$OUT/"
	ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^(libc|libm|libdl|libpthread|librt|libresolv|libgcc_s)\.so/ { print $3 }' |
		xargs -r cp -nL -t "$OUT/lib"
	(cd "tests/fuzz/corpus/$target" && zip -q -r - .) >"$OUT/fuzz_${target}_seed_corpus.zip"
	dictionary=$(fuzz_dictionary "$target")
	[ -z "$dictionary" ] || cp "$dictionary" "$OUT/fuzz_$target.dict"
	{ echo '[libfuzzer]'; fuzz_options "$target"; } >"$OUT/fuzz_$target.options"
done
cp "$WORK/data/data/blocklist.filter" "$WORK/data/data/blocklist.words" "$OUT/"
