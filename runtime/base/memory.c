/* Checked memory: never NULL, sizes never wrap around. */
#include "base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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

/* ---- how much there is ---- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The number in a file that holds one; -1 without one ("max", no such file). */
static int64_t number_in(const char *path)
{
    long long value = -1;
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lld", &value) != 1)
        value = -1;
    if (file)
        fclose(file);
    return value;
}

/* What the control group of this process, or the one it sees as its root, may take in all. */
static int64_t group_limit(void)
{
    char line[512], path[512] = "/";
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "0::%511[^\n]", path) == 1)
            break;
    if (file)
        fclose(file);
    char *own = hp_format("/sys/fs/cgroup%s/memory.max", path);
    int64_t limit = smaller(number_in(own), number_in("/sys/fs/cgroup/memory.max"));
    free(own);
    return smaller(limit, number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
}

int64_t hp_memory_available(void)
{
    char line[256];
    long long kilobytes;
    int64_t bytes = -1;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && bytes < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1)
            bytes = kilobytes * 1024;
    if (file)
        fclose(file);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        bytes = smaller(bytes, (int64_t)limit.rlim_cur);
    return smaller(bytes, group_limit());
}
