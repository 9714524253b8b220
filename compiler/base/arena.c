#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostic.h"

/* Under AddressSanitizer a guard lies between any two allocations, so that running past one is seen. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { GUARD = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
enum { GUARD = 0 };
#endif

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *previous;
    _Alignas(max_align_t) char bytes[];
};

struct Arena {
    Chunk *last;
    size_t used, size; /* of the last chunk */
};

enum { FIRST_CHUNK = 1 << 16, LARGEST_CHUNK = 1 << 22 };

static void *allocate_or_stop(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        fatal("out of memory: %zu more bytes were needed", size);
    return memory;
}

Arena *arena_new(void)
{
    return allocate_or_stop(sizeof(Arena));
}

void arena_free(Arena *arena)
{
    while (arena->last) {
        Chunk *previous = arena->last->previous;
        free(arena->last);
        arena->last = previous;
    }
    free(arena);
}

/* Chunks double up to LARGEST_CHUNK; a larger request gets a chunk of its own size. */
static void add_chunk(Arena *arena, size_t at_least)
{
    size_t size = arena->size ? arena->size * 2 : FIRST_CHUNK;
    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    if (size < at_least)
        size = at_least;
    if (size > SIZE_MAX - sizeof(Chunk))
        fatal("out of memory: %zu more bytes were needed", size);
    Chunk *chunk = allocate_or_stop(sizeof(Chunk) + size);
    chunk->previous = arena->last;
    arena->last = chunk;
    arena->used = 0;
    arena->size = size;
}

void *arena_alloc(Arena *arena, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    if (size > SIZE_MAX - alignment - GUARD)
        fatal("out of memory: %zu more bytes were needed", size);
    size_t taken = (size + alignment - 1) / alignment * alignment + GUARD;
    if (!arena->last || taken > arena->size - arena->used)
        add_chunk(arena, taken);
    char *memory = arena->last->bytes + arena->used;
    ASAN_POISON_MEMORY_REGION(memory + size, taken - size);
    arena->used += taken;
    return memory;
}

void *arena_array(Arena *arena, size_t count, size_t element_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, element_size, &size))
        fatal("out of memory: %zu elements of %zu bytes were needed", count, element_size);
    return arena_alloc(arena, size);
}

char *arena_string(Arena *arena, const char *text)
{
    return arena_string_of(arena, text, strlen(text));
}

char *arena_string_of(Arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        fatal("out of memory: a text of %zu bytes was needed", length);
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_format(Arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        internal_error("cannot format '%s'", format);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *arena_grow(Arena *arena, void *items, size_t *capacity, size_t count, size_t element_size)
{
    size_t larger = *capacity ? *capacity * 2 : 8;
    if (larger < *capacity)
        fatal("out of memory: a list of %zu elements cannot grow", count);
    void *moved = arena_array(arena, larger, element_size);
    if (count)
        memcpy(moved, items, count * element_size);
    *capacity = larger;
    return moved;
}
