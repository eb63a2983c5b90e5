/* Memory of one configuration, released all at once.
 *
 * The YAML nodes, the resolved model and every string in it live here, so that nothing in
 * the loader has to say who owns what. Not shared between threads; never hands memory back
 * piece by piece.
 */
#ifndef CR_CONFIG_ARENA_H
#define CR_CONFIG_ARENA_H

#include <stddef.h>

struct cr_arena_block;

struct cr_arena {
    struct cr_arena_block *blocks;
};

/* `count` zeroed objects of `size` bytes, aligned for anything; NULL when there is no memory or
 * the product overflows. */
void *cr_arena_new(struct cr_arena *arena, size_t count, size_t size);
/* A copy of the first `length` bytes of `text`, terminated. */
char *cr_arena_copy(struct cr_arena *arena, const char *text, size_t length);
char *cr_arena_print(struct cr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* `list` with room for one more: moves it to a place twice as large when `count` fills it. */
void *cr_arena_grow(struct cr_arena *arena, void *list, size_t count, size_t size);
void cr_arena_free(struct cr_arena *arena);

#endif
