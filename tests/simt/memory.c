/* What kernels may touch, what they touched, and who touched it before.
 *
 * Every range has shadow cells, one for each granule of 1 to 16 bytes: as many as the smallest access to the
 * page so far. Time is a counter that moves on at every launch, block and barrier, so that a cell's stamp
 * tells whether it was touched in this launch, by this block (blocks run one after another), since its last
 * barrier. A cell holds the last access, and of earlier ones just what can still make an error. */
#include "simt.h"

#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "internal.h"
#include "runtime/base/base.h"

enum {
    PAGE_SHIFT = 12,
    PAGE_BYTES = 1 << PAGE_SHIFT,
    ALIGNMENT = 256, /* of what a GPU allocates */
    REDZONE = 256,
    REDZONE_BYTE = 0xa5
};

/* A cell: the stamp above these bits. */
enum {
    THREAD = 0x7ff,        /* of the last access */
    MANY = 0x7ff,          /* several threads read since the last barrier */
    WRITTEN = 1 << 11,     /* in this launch */
    WRITTEN_NOW = 1 << 12, /* since the last barrier */
    READ = 1 << 13,        /* in this launch */
    OTHERS = 1 << 14,      /* another block read it in this launch */
    STAMP_SHIFT = 16
};

typedef struct Page {
    uint64_t *cells; /* NULL: never touched */
    unsigned shift;  /* a granule has 1 << shift bytes */
} Page;

typedef struct Range {
    uintptr_t begin, end;
    const char *name;
    bool writable;
    Page *pages;
} Range;

static Range **ranges; /* by address */
static int64_t range_count, range_capacity;
static Range *recent;

static uint64_t now, launch_began, block_began;
static SimtTraffic traffic;

/* ---------------------------------------------------------------- ranges */

/* The number of ranges that begin at or before the address. */
static int64_t ranges_before(uintptr_t address)
{
    int64_t low = 0, high = range_count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (ranges[middle]->begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The range that holds all bytes, or NULL. */
static Range *find_range(uintptr_t begin, size_t bytes)
{
    const int64_t before = ranges_before(begin);
    Range *range = before > 0 ? ranges[before - 1] : NULL;
    return range && begin <= range->end && bytes <= range->end - begin ? range : NULL;
}

static size_t page_count(const Range *range)
{
    return ((range->end - 1) >> PAGE_SHIFT) - (range->begin >> PAGE_SHIFT) + 1;
}

void simt_allow(const void *address, size_t bytes, const char *name, bool writable)
{
    const uintptr_t begin = (uintptr_t)address;
    const int64_t at = ranges_before(begin);
    if (bytes == 0)
        hp_bug("a range of no bytes: %s", name);
    if ((at > 0 && ranges[at - 1]->end > begin) || (at < range_count && ranges[at]->begin < begin + bytes))
        hp_bug("%s overlaps what kernels may use already", name);
    Range *range = hp_alloc(1, sizeof *range);
    *range = (Range){.begin = begin, .end = begin + bytes, .name = name, .writable = writable};
    range->pages = hp_alloc(page_count(range), sizeof *range->pages);
    ranges = hp_grow(ranges, range_count, &range_capacity, sizeof *ranges);
    memmove(ranges + at + 1, ranges + at, (size_t)(range_count - at) * sizeof *ranges);
    ranges[at] = range;
    range_count++;
}

static void remove_range(int64_t at)
{
    Range *range = ranges[at];
    for (size_t i = 0; i < page_count(range); i++)
        free(range->pages[i].cells);
    free(range->pages);
    free(range);
    recent = NULL;
    range_count--;
    memmove(ranges + at, ranges + at + 1, (size_t)(range_count - at) * sizeof *ranges);
}

void simt_forget(const void *address)
{
    const int64_t before = ranges_before((uintptr_t)address);
    if (before > 0 && ranges[before - 1]->begin == (uintptr_t)address)
        remove_range(before - 1);
}

bool simt_holds(const void *address, size_t bytes, bool writable)
{
    const Range *range = find_range((uintptr_t)address, bytes);
    return range && (range->writable || !writable);
}

/* ---------------------------------------------------------------- allocations */

/* In front of the first redzone. */
typedef struct Allocation {
    void *block;
    size_t bytes;
} Allocation;

void *simt_allocate(size_t bytes)
{
    size_t room;
    if (bytes == 0)
        bytes = 1;
    if (__builtin_add_overflow(bytes, sizeof(Allocation) + ALIGNMENT + 2 * REDZONE, &room))
        hp_fail("out of memory: %zu bytes were asked for", bytes);
    char *block = hp_alloc(room, 1);
    const uintptr_t first = (uintptr_t)block + sizeof(Allocation) + REDZONE;
    char *memory = block + ((first + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - (uintptr_t)block);
    const Allocation allocation = {block, bytes};
    memcpy(memory - REDZONE - sizeof allocation, &allocation, sizeof allocation);
    memset(memory - REDZONE, REDZONE_BYTE, REDZONE);
    memset(memory + bytes, REDZONE_BYTE, REDZONE);
    simt_allow(memory, bytes, "device memory", true);
    return memory;
}

static void check_redzone(const char *zone)
{
    for (int i = 0; i < REDZONE; i++)
        if (zone[i] != (char)REDZONE_BYTE)
            hp_fail("something wrote beside an allocation of device memory without saying so");
}

void simt_release(void *memory)
{
    Allocation allocation;
    if (!memory)
        return;
    memcpy(&allocation, (char *)memory - REDZONE - sizeof allocation, sizeof allocation);
    check_redzone((char *)memory - REDZONE);
    check_redzone((char *)memory + allocation.bytes);
    simt_forget(memory);
    free(allocation.block);
}

/* ---------------------------------------------------------------- time */

void simt_memory_launch(void)
{
    launch_began = ++now;
}

void simt_memory_block(void)
{
    block_began = ++now;
}

void simt_memory_barrier(void)
{
    now++;
}

/* ---------------------------------------------------------------- accesses */

static _Noreturn void fail_outside(uintptr_t address, uint32_t bytes, const char *verb)
{
    const int64_t before = ranges_before(address);
    const Range *range = before > 0 ? ranges[before - 1] : range_count > 0 ? ranges[0] : NULL;
    if (!range)
        simt_fail("%s %u bytes, and there is no memory", verb, bytes);
    simt_fail("%s %u bytes outside of its memory, at offset %lld of %s, which has %zu bytes", verb, bytes,
              (long long)(address - range->begin), range->name, (size_t)(range->end - range->begin));
}

static _Noreturn void fail_race(const Range *range, uintptr_t address, bool write, uint64_t old)
{
    const bool written = old & (old >> STAMP_SHIFT < now ? WRITTEN : WRITTEN_NOW);
    const char *verb = write ? "writes" : "reads", *did = written ? "wrote" : "read";
    const long long offset = (long long)(address - range->begin);
    if (old >> STAMP_SHIFT < block_began || (write && old & OTHERS))
        simt_fail("%s offset %lld of %s, which another block of the launch %s", verb, offset, range->name,
                  old >> STAMP_SHIFT < block_began ? did : "read");
    if ((old & THREAD) == MANY)
        simt_fail("%s offset %lld of %s, which other threads read, with no barrier between", verb, offset,
                  range->name);
    simt_fail("%s offset %lld of %s, which thread %u %s, with no barrier between", verb, offset, range->name,
              (unsigned)(old & THREAD), did);
}

/* The page gets granules of `bytes` bytes; what its larger ones say holds for each of their parts. */
static void refine(Page *page, uint32_t bytes)
{
    const unsigned shift = (unsigned)__builtin_ctz(bytes);
    const size_t count = (size_t)PAGE_BYTES >> shift;
    uint64_t *cells = hp_alloc(count, sizeof *cells);
    for (size_t i = 0; page->cells && i < count; i++)
        cells[i] = page->cells[i >> (page->shift - shift)];
    free(page->cells);
    *page = (Page){cells, shift};
}

/* One granule. False: a race. */
static inline bool touch(uint64_t *cell, bool write, uint32_t bytes)
{
    const uint64_t old = *cell, stamp = old >> STAMP_SHIFT;
    uint64_t flags = old & (WRITTEN | READ | OTHERS), thread = threadIdx.x;
    if (stamp < launch_began) {
        flags = 0;
    } else if (stamp < block_began) {
        if (write || flags & WRITTEN)
            return false;
        flags |= OTHERS;
    } else {
        if (write && flags & OTHERS)
            return false;
        if (stamp == now) {
            flags |= old & WRITTEN_NOW;
            if ((old & THREAD) != thread) {
                if (write || flags & WRITTEN_NOW)
                    return false;
                thread = MANY;
            }
        }
    }
    if (write) {
        traffic.written_once += flags & WRITTEN ? 0 : bytes;
        flags |= WRITTEN | WRITTEN_NOW;
    } else {
        traffic.read_once += flags & READ ? 0 : bytes;
        flags |= READ;
    }
    *cell = now << STAMP_SHIFT | flags | thread;
    return true;
}

static inline void access_memory(uintptr_t address, uint32_t bytes, bool write)
{
    const char *verb = write ? "writes" : "reads";
    if (!recent || address < recent->begin || address + bytes > recent->end)
        recent = find_range(address, bytes);
    const Range *range = recent;
    if (!range)
        fail_outside(address, bytes, verb);
    if (address & (bytes - 1))
        simt_fail("%s %u bytes at offset %lld of %s, which is not a multiple", verb, bytes,
                  (long long)(address - range->begin), range->name);
    if (write && !range->writable)
        simt_fail("writes to %s, where it may only read", range->name);
    Page *page = &range->pages[(address >> PAGE_SHIFT) - (range->begin >> PAGE_SHIFT)];
    if (!page->cells || bytes < 1u << page->shift)
        refine(page, bytes);
    uint64_t *cells = page->cells + ((address & (PAGE_BYTES - 1)) >> page->shift);
    for (uint32_t i = 0; i < bytes >> page->shift; i++)
        if (!touch(cells + i, write, 1u << page->shift))
            fail_race(range, address + ((uintptr_t)i << page->shift), write, cells[i]);
}

void simt_read(const void *address, uint32_t bytes)
{
    access_memory((uintptr_t)address, bytes, false);
    traffic.read += bytes;
}

void simt_write(const void *address, uint32_t bytes)
{
    access_memory((uintptr_t)address, bytes, true);
    traffic.written += bytes;
}

/* ---------------------------------------------------------------- traffic */

void simt_count(size_t read, size_t written)
{
    traffic.read += read;
    traffic.read_once += read;
    traffic.written += written;
    traffic.written_once += written;
}

SimtTraffic simt_traffic(void)
{
    return traffic;
}

SimtTraffic simt_traffic_since(SimtTraffic before)
{
    return (SimtTraffic){traffic.read - before.read, traffic.written - before.written,
                         traffic.read_once - before.read_once, traffic.written_once - before.written_once};
}
