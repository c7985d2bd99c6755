#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: fuzz/smoke.sh TARGET SEEDS
# Fuzzes TARGET from SEEDS for WEIR_FUZZ_SECONDS (5). What is found stays in the folder where it
# runs, as crash-*; new inputs that only widen the coverage are thrown away.
set -eu
target=$1
seeds=$2
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
"$target" -max_total_time="${WEIR_FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 "$corpus" "$seeds"
