/* Text and tables that live as long as an HpData, and the list of what is wrong with a user's files. */
#include "internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block {
    struct Block *next;
    max_align_t data[];
} Block;

struct HpPool {
    Block *blocks;
    char *free;
    size_t left;
};

enum { BLOCK_BYTES = 1 << 16 };

HpPool *hp_pool_new(void)
{
    return hp_alloc(1, sizeof(HpPool));
}

void *hp_pool_alloc(HpPool *pool, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        hp_fail("out of memory: %zu times %zu bytes were asked for", count, size);
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (bytes > pool->left) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        Block *block = hp_alloc(1, sizeof(Block) + room);
        block->next = pool->blocks;
        pool->blocks = block;
        pool->free = (char *)block->data;
        pool->left = room;
    }
    void *memory = pool->free;
    pool->free += bytes;
    pool->left -= bytes;
    return memory;
}

const char *hp_pool_string(HpPool *pool, const char *text, size_t length)
{
    return memcpy(hp_pool_alloc(pool, length + 1, 1), text, length);
}

void hp_pool_free(HpPool *pool)
{
    if (!pool)
        return;
    for (Block *block = pool->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(pool);
}

/* Open addressing, at most half full. */
struct HpNames {
    const char **keys;
    int64_t *values;
    size_t capacity, count;
};

HpNames *hp_names_new(void)
{
    return hp_alloc(1, sizeof(HpNames));
}

static size_t names_slot(const HpNames *names, const char *key)
{
    size_t slot = hp_hash(key, strlen(key), 0) & (names->capacity - 1);
    while (names->keys[slot] && strcmp(names->keys[slot], key) != 0)
        slot = (slot + 1) & (names->capacity - 1);
    return slot;
}

int64_t hp_names_find(const HpNames *names, const char *key)
{
    if (names->capacity == 0)
        return -1;
    size_t slot = names_slot(names, key);
    return names->keys[slot] ? names->values[slot] : -1;
}

static void names_grow(HpNames *names)
{
    HpNames old = *names;
    names->capacity = old.capacity ? 2 * old.capacity : 64;
    names->keys = hp_alloc(names->capacity, sizeof *names->keys);
    names->values = hp_alloc(names->capacity, sizeof *names->values);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.keys[i]) {
            size_t slot = names_slot(names, old.keys[i]);
            names->keys[slot] = old.keys[i];
            names->values[slot] = old.values[i];
        }
    free(old.keys);
    free(old.values);
}

void hp_names_add(HpNames *names, const char *key, int64_t value)
{
    if (2 * (names->count + 1) > names->capacity)
        names_grow(names);
    size_t slot = names_slot(names, key);
    if (names->keys[slot])
        hp_bug("the name '%s' was added twice", key);
    names->keys[slot] = key;
    names->values[slot] = value;
    names->count++;
}

void hp_names_free(HpNames *names)
{
    if (!names)
        return;
    free(names->keys);
    free(names->values);
    free(names);
}

void hp_problems_add(HpProblems *problems, const char *format, ...)
{
    va_list arguments;
    char *text;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        hp_fail("out of memory while making a message");
    va_end(arguments);
    problems->texts = hp_grow(problems->texts, problems->count, &problems->capacity, sizeof *problems->texts);
    problems->texts[problems->count++] = text;
}

void hp_problems_free(HpProblems *problems)
{
    for (int64_t i = 0; i < problems->count; i++)
        free(problems->texts[i]);
    free(problems->texts);
    *problems = (HpProblems){0};
}
