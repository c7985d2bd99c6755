# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the scripts beside it: the builds that are for testing, in build-check/.

builds=build-check

# build NAME: configures and builds it. Prints what was wrong, and Ninja's progress.
build() {
    local dir=$builds/$1 options=(-Dtests=enabled -Dwerror=true -Dduckdb="${DUCKDB-auto}")
    local cc=clang
    case $1 in
    # -O1 keeps the reports readable; b_lundef: the runtime is not among a library's libraries.
    sanitize) options+=(-Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dfuzz=true) ;;
    threads) options+=(-Db_sanitize=thread -Db_lundef=false -Doptimization=1) ;;
    plain) cc=gcc ;;
    esac
    if [ ! -f "$dir/build.ninja" ]; then
        rm -rf "$dir"
        CC=$cc meson setup "$dir" "${options[@]}" >"$builds-$1.log" 2>&1 || {
            cat "$builds-$1.log"
            return 1
        }
        rm -f "$builds-$1.log"
    fi
    ninja -C "$dir"
}

# under NAME COMMAND...: runs it as programs of that build must be run. The sanitizers of clang 14
# place their shadow where a kernel that randomises addresses widely may put something else.
under() {
    local name=$1 fixed=()
    shift
    if [ "$name" != plain ] && setarch "$(uname -m)" -R true 2>/dev/null; then
        fixed=(setarch "$(uname -m)" -R)
    fi
    "${fixed[@]}" "$@"
}
