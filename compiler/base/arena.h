/* The compiler's memory: one arena that lives until exit. Nothing in the compiler is freed one by one,
 * so every pointer a pass sees stays valid for the whole run. Out of memory is fatal with a message. */
#ifndef HPACC_BASE_ARENA_H
#define HPACC_BASE_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);

/* `size` zeroed bytes, aligned for any type. */
void *arena_alloc(Arena *arena, size_t size);

/* Room for `count` elements; the product is checked for overflow. */
void *arena_array(Arena *arena, size_t count, size_t element_size);

#define ARENA_NEW(arena, Type) ((Type *)arena_alloc((arena), sizeof(Type)))
#define ARENA_ARRAY(arena, Type, count) ((Type *)arena_array((arena), (count), sizeof(Type)))

/* Copies of text inside the arena. */
char *arena_string(Arena *arena, const char *text);
char *arena_string_of(Arena *arena, const char *text, size_t length);
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A growing array: LIST(Node *) nodes; list_push(arena, &nodes, node); */
#define LIST(Type)                                                                                           \
    struct {                                                                                                 \
        Type *items;                                                                                         \
        size_t count;                                                                                        \
        size_t capacity;                                                                                     \
    }

void *arena_grow(Arena *arena, void *items, size_t *capacity, size_t count, size_t element_size);

#define list_push(arena, list, item)                                                                         \
    do {                                                                                                     \
        if ((list)->count == (list)->capacity)                                                               \
            (list)->items =                                                                                  \
                arena_grow((arena), (list)->items, &(list)->capacity, (list)->count, sizeof *(list)->items); \
        (list)->items[(list)->count++] = (item);                                                             \
    } while (0)

#endif
