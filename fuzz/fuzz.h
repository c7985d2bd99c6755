/* SPDX-License-Identifier: Apache-2.0 */
/* The one function of a fuzz target. Returns 0. DATA is exactly SIZE octets on the heap. */
#ifndef WEIR_FUZZ_FUZZ_H
#define WEIR_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
