#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: fuzz/replay-shared.sh TARGET [ARGUMENT...]
# Runs TARGET over every export file of ../shared, in place: exit 77, skipped, where it is not.
set -eu
if [ ! -d "${WEIR_SHARED-}/data/export" ]; then
    echo "skipped: ../shared/data/export is not here"
    exit 77
fi
links=$(mktemp -d)
trap 'rm -rf "$links"' EXIT
number=0
find "$(cd "$WEIR_SHARED" && pwd)/data/export" -type f | sort | while read -r file; do
    number=$((number + 1))
    ln -s "$file" "$links/$number"
done
"$@" "$links"
