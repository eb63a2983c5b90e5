#include "proxy/config_arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 * 1024)
#define ALIGN       _Alignof(max_align_t)

struct cr_arena_block {
    struct cr_arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

static struct cr_arena_block *block_new(struct cr_arena *arena, size_t needed)
{
    size_t size = needed > BLOCK_BYTES ? needed : BLOCK_BYTES;
    struct cr_arena_block *block = calloc(1, sizeof(*block) + size);

    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *cr_arena_new(struct cr_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGN - 1) & ~(ALIGN - 1);
    struct cr_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes)
        block = block_new(arena, bytes);
    if (!block)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += bytes;
    return memory;
}

char *cr_arena_copy(struct cr_arena *arena, const char *text, size_t length)
{
    char *copy = cr_arena_new(arena, length + 1, 1);

    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *cr_arena_print(struct cr_arena *arena, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : cr_arena_new(arena, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *cr_arena_grow(struct cr_arena *arena, void *list, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return list;
    void *larger = cr_arena_new(arena, count ? 2 * count : 1, size);
    if (larger && count)
        memcpy(larger, list, count * size);
    return larger;
}

void cr_arena_free(struct cr_arena *arena)
{
    while (arena->blocks) {
        struct cr_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
