#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: fuzz/run.sh TARGET SEEDS
# Fuzzes TARGET from SEEDS for WEIR_FUZZ_SECONDS (5). Inputs that widen the coverage are kept in
# the folder WEIR_FUZZ_CORPUS, if that is set; a crash is kept where this runs, as crash-*.
set -eu
target=$1
seeds=$2
if [ -n "${WEIR_FUZZ_CORPUS-}" ]; then
    corpus=$WEIR_FUZZ_CORPUS
else
    corpus=$(mktemp -d)
    trap 'rm -rf "$corpus"' EXIT
fi
# libFuzzer's own exit status for a crash, 77, is what Meson takes for a test that was skipped.
"$target" -error_exitcode=1 -max_total_time="${WEIR_FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 "$corpus" "$seeds"
