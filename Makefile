# SPDX-License-Identifier: Apache-2.0
# The front door. Each target installs what this machine lacks for it (tools/bootstrap says what),
# then leaves the work to Meson and Ninja.
#
#   make            build/weir
#   make demo       meter, export, collect, store and query a capture, over loopback
#   make check      every test, in builds with and without sanitizers
#   make lint       formatting, clang-tidy, shellcheck, the order of includes
#   make format     formats the sources
#   make fuzz       fuzzes for a long time: TARGET=ipfix FUZZ_SECONDS=600
#   make bench      measures weir beside its peers
#   make install    PREFIX=/usr/local DESTDIR=
#   make clean
#
# DUCKDB=auto fetches DuckDB, DUCKDB=/opt/duckdb takes include/ and lib/ there, DUCKDB=disabled
# builds without.

BUILD  ?= build
PREFIX ?= /usr/local
DUCKDB ?= auto
export DUCKDB

.PHONY: all demo check lint format fuzz bench install clean

all:
	@tools/bootstrap build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) -Dprefix=$(PREFIX) -Dduckdb=$(DUCKDB)
	@ninja -C $(BUILD)

demo: all
	@tools/demo

check:
	@tools/bootstrap check
	@tools/check

lint:
	@tools/bootstrap check
	@tools/lint

format:
	@tools/bootstrap check
	@git ls-files '*.c' '*.h' | xargs -r clang-format -i

fuzz:
	@tools/bootstrap check
	@tools/fuzz $(TARGET)

bench: all
	@tools/bootstrap check
	@tests/bench/run

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(DESTDIR))

clean:
	@rm -rf $(BUILD) build-check
