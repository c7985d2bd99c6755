#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every table of counters that a header declares is in the reference, src/app/counters.c.
set -euo pipefail
cd "$WEIR_SOURCE"
tables=$(grep -rhoE 'extern const struct weir_counter weir_\w+' src --include='*.h' | grep -oE '\w+$')
bad=0
for table in $tables; do
    name=${table#weir_}
    if ! grep -qE "ROWS\w*\(${name%_table}\)" src/app/counters.c; then
        echo "$table is not in src/app/counters.c"
        bad=1
    fi
done
[ "$(wc -w <<<"$tables")" -gt 5 ] && [ "$bad" = 0 ]
