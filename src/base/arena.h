/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory given out by moving a pointer, given back all at once.
 *
 *     struct weir_arena arena;
 *     weir_arena_init(&arena, 1 << 20);              // at most 1 MiB
 *     char *name = weir_arena_copy(&arena, text, length + 1);
 *     weir_arena_done(&arena);
 *
 * Blocks double in size from 4 KiB. Every arena has a limit; past it, and when memory cannot be
 * had, allocation returns NULL and the arena stays usable. Threads: one owner.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stddef.h>

struct weir_arena_block;

struct weir_arena {
    struct weir_arena_block *blocks; /* newest first */
    size_t used;                     /* octets given out, alignment included */
    size_t limit;                    /* most octets that may be given out */
};

void weir_arena_init(struct weir_arena *arena, size_t limit_octets);
void weir_arena_done(struct weir_arena *arena);

/* `octets` of zeroed memory aligned for any type, or NULL. */
void *weir_arena_alloc(struct weir_arena *arena, size_t octets);

/* A copy of `octets` octets, or NULL. */
void *weir_arena_copy(struct weir_arena *arena, const void *source, size_t octets);

/* printf into the arena; NULL where it does not fit. */
char *weir_arena_format(struct weir_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
