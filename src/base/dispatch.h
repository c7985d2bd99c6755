/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run-time dispatch for hot loops: WEIR_CLONES before a function's definition compiles it twice,
 * for the processor every build must run on and for one with AVX2, and the loader chooses. Where
 * the compiler or the platform has no such thing it does nothing, and the code is the same.
 *
 *     WEIR_CLONES static uint64_t sum(const uint64_t *values, size_t count) ...
 *
 * For static functions only: clang 14 gives others a name that no other file finds.
 * ThreadSanitizer's start-up does not survive the loader calling instrumented code: off there.
 */
#ifndef WEIR_BASE_DISPATCH_H
#define WEIR_BASE_DISPATCH_H

#if defined(__SANITIZE_THREAD__)
#define WEIR_NO_CLONES
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_NO_CLONES
#endif
#endif

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__has_attribute) && \
    !defined(WEIR_NO_CLONES)
#if __has_attribute(target_clones)
#define WEIR_CLONES __attribute__((target_clones("default", "avx2")))
#endif
#endif

#ifndef WEIR_CLONES
#define WEIR_CLONES
#endif

#endif
