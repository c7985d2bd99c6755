/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_OCTETS 4096u
#define ALIGNMENT          alignof(max_align_t)

struct weir_arena_block {
    struct weir_arena_block *older;
    size_t used;
    size_t capacity;
    alignas(max_align_t) unsigned char octets[];
};

void weir_arena_init(struct weir_arena *arena, size_t limit_octets)
{
    *arena = (struct weir_arena){.limit = limit_octets};
}

static void free_blocks(struct weir_arena_block *block)
{
    while (block) {
        struct weir_arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void weir_arena_done(struct weir_arena *arena)
{
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
}

static struct weir_arena_block *add_block(struct weir_arena *arena, size_t octets)
{
    size_t capacity = arena->blocks ? arena->blocks->capacity : FIRST_BLOCK_OCTETS / 2;
    do {
        if (capacity > SIZE_MAX / 2 - sizeof(struct weir_arena_block))
            return NULL;
        capacity *= 2;
    } while (capacity < octets);
    struct weir_arena_block *block = malloc(sizeof(*block) + capacity);
    if (!block)
        return NULL;
    block->older = arena->blocks;
    block->used = 0;
    block->capacity = capacity;
    arena->blocks = block;
    return block;
}

void *weir_arena_alloc(struct weir_arena *arena, size_t octets)
{
    if (octets > SIZE_MAX - ALIGNMENT)
        return NULL;
    size_t rounded = (octets + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > arena->limit - arena->used)
        return NULL;
    struct weir_arena_block *block = arena->blocks;
    if (!block || rounded > block->capacity - block->used)
        block = add_block(arena, rounded);
    if (!block)
        return NULL;
    void *memory = block->octets + block->used;
    block->used += rounded;
    arena->used += rounded;
    memset(memory, 0, rounded);
    return memory;
}

void *weir_arena_copy(struct weir_arena *arena, const void *source, size_t octets)
{
    void *memory = weir_arena_alloc(arena, octets);
    if (memory && octets)
        memcpy(memory, source, octets);
    return memory;
}

char *weir_arena_format(struct weir_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : weir_arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
