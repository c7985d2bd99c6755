# SPDX-License-Identifier: Apache-2.0
# The front door: each target installs what it needs (tools/bootstrap), then runs Meson and Ninja.

BUILD ?= build

.PHONY: all
all:
	@tools/bootstrap build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD)

.PHONY: format
format:
	@git ls-files '*.c' '*.h' | xargs -r clang-format -i
