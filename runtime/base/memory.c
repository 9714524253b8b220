/* Checked memory: never NULL, sizes never wrap around. */
#include "base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail_out_of_memory(size_t count, size_t size)
{
    hp_fail("out of memory: %zu times %zu bytes were asked for", count, size);
}

void *hp_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        fail_out_of_memory(count, size);
    return memory;
}

void *hp_realloc(void *memory, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        fail_out_of_memory(count, size);
    void *moved = realloc(memory, bytes ? bytes : 1);
    if (!moved)
        fail_out_of_memory(count, size);
    return moved;
}

void *hp_grow(void *items, int64_t count, int64_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? 2 * *capacity : 64;
    return hp_realloc(items, (size_t)*capacity, size);
}

char *hp_string(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(hp_alloc(size, 1), text, size);
}

char *hp_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        hp_fail("out of memory while making a message");
    return text;
}
