/* Launches: every thread of a block runs on a fiber. A fiber takes one thread after another until one of them
 * waits at a barrier; the next fiber goes on from there, so that a kernel without barriers needs one. */
#include "simt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "fiber.h"
#include "internal.h"
#include "runtime/base/base.h"

enum { MOST_THREADS = 1024, MOST_BLOCKS_YZ = 65535, GARBAGE = 0xff }; /* as floats, garbage is NaN */

SimtIndex threadIdx, blockIdx, blockDim, gridDim;

static SimtKernel *kernels;

static SimtOrder order;
static uint64_t random_state;

/* The block that runs. */
static const SimtKernel *kernel;
static const void *kernel_arguments;
static uint32_t thread_order[MOST_THREADS];
static uint32_t begun, ended;            /* numbers of threads */
static uint32_t ended_thread;            /* one of those that ended */
static SimtFiber *waiting[MOST_THREADS]; /* by thread: what waits at a barrier */
static int waiting_line[MOST_THREADS];

static SimtFiber fibers[MOST_THREADS];
static uint32_t fibers_opened, fibers_waiting;

static char *error;

/* ---------------------------------------------------------------- kernels */

void simt_register(SimtKernel *added)
{
    added->next = kernels;
    kernels = added;
}

void simt_unregister(SimtKernel *removed)
{
    SimtKernel **link = &kernels;
    while (*link && *link != removed)
        link = &(*link)->next;
    if (*link)
        *link = removed->next;
}

static SimtKernel *find_kernel(const char *name)
{
    for (SimtKernel *candidate = kernels; candidate; candidate = candidate->next)
        if (strcmp(candidate->name, name) == 0)
            return candidate;
    return NULL;
}

uint32_t simt_kernel_threads(const char *name)
{
    const SimtKernel *found = find_kernel(name);
    return found ? found->threads : 0;
}

/* ---------------------------------------------------------------- order */

void simt_set_order(SimtOrder wanted, uint64_t seed)
{
    order = wanted;
    random_state = seed;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_word(void)
{
    uint64_t word = random_state += 0x9e3779b97f4a7c15u;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
}

static void make_order(uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        items[i] = order == SIMT_REVERSE ? count - 1 - i : i;
    for (uint32_t i = count; order == SIMT_SHUFFLED && i > 1; i--) {
        const uint32_t other = (uint32_t)(random_word() % i), kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

/* ---------------------------------------------------------------- errors */

static void keep_error(char *message)
{
    free(error);
    error = message;
}

static void fail_thread(uint32_t thread, const char *format, va_list arguments)
{
    char *what = NULL;
    if (vasprintf(&what, format, arguments) < 0)
        hp_fail("out of memory while making a message");
    keep_error(hp_format("kernel %s, block (%u,%u,%u), thread %u: %s", kernel->name, blockIdx.x, blockIdx.y,
                         blockIdx.z, thread, what));
    free(what);
}

__attribute__((format(printf, 2, 3))) static void fail_at_barrier(uint32_t thread, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_thread(thread, format, arguments);
    va_end(arguments);
}

void simt_fail(const char *format, ...)
{
    va_list arguments;
    if (!kernel)
        hp_bug("a kernel's access outside of a launch");
    va_start(arguments, format);
    fail_thread(threadIdx.x, format, arguments);
    va_end(arguments);
    simt_fiber_leave();
    hp_bug("a thread that failed runs on");
}

/* ---------------------------------------------------------------- threads of a block */

static void run_threads(void)
{
    for (;;) {
        while (begun < kernel->threads) {
            threadIdx.x = thread_order[begun++];
            kernel->run(kernel_arguments);
            ended++;
            ended_thread = threadIdx.x;
        }
        simt_fiber_leave();
    }
}

/* Only fibers[fibers_waiting] takes new threads, so it is the one that comes here first for a thread. */
void simt_barrier(int line)
{
    const uint32_t thread = threadIdx.x;
    if (!waiting[thread])
        waiting[thread] = &fibers[fibers_waiting++];
    waiting_line[thread] = line;
    simt_fiber_leave();
}

/* Every thread to its first barrier, or to its end. */
static void begin_threads(void)
{
    begun = ended = fibers_waiting = 0;
    memset(waiting, 0, kernel->threads * sizeof *waiting);
    make_order(thread_order, kernel->threads);
    while (begun < kernel->threads && !error) {
        if (fibers_waiting == fibers_opened)
            simt_fiber_open(&fibers[fibers_opened++], run_threads);
        simt_fiber_enter(&fibers[fibers_waiting]);
    }
}

/* Whether all threads wait at the same barrier. */
static bool check_barrier(void)
{
    uint32_t first = 0;
    while (first < kernel->threads && (!waiting[first] || waiting_line[first] == 0))
        first++;
    if (ended > 0) {
        fail_at_barrier(ended_thread, "ended while thread %u waits at the barrier of line %d", first,
                        waiting_line[first]);
        return false;
    }
    for (uint32_t thread = 0; thread < kernel->threads; thread++) {
        if (waiting_line[thread] == waiting_line[0])
            continue;
        fail_at_barrier(thread, "waits at the barrier of line %d and thread 0 at that of line %d",
                        waiting_line[thread], waiting_line[0]);
        return false;
    }
    return true;
}

static void run_block(void)
{
    simt_memory_block();
    begin_threads();
    while (!error && ended < kernel->threads && check_barrier()) {
        simt_memory_barrier();
        make_order(thread_order, kernel->threads);
        for (uint32_t i = 0; i < kernel->threads && !error; i++) {
            threadIdx.x = thread_order[i];
            waiting_line[threadIdx.x] = 0;
            simt_fiber_enter(waiting[threadIdx.x]);
        }
    }
}

/* ---------------------------------------------------------------- shared memory */

/* Widens what is known of the kernel's own shared memory by what is no garbage any more. */
static void find_shared(SimtKernel *launched)
{
    char *begin = launched->shared_begin, *end = launched->shared_end;
    while (begin < end && *begin == (char)GARBAGE)
        begin++;
    while (end > begin && end[-1] == (char)GARBAGE)
        end--;
    if (begin == end)
        return;
    if (!launched->own_shared_begin || begin < launched->own_shared_begin)
        launched->own_shared_begin = begin;
    if (end > launched->own_shared_end)
        launched->own_shared_end = end;
}

/* A block finds garbage in its shared memory: in all of it when it is a launch's first one, which shows what
 * the kernel writes, and in that part when it is a later one. */
static void spoil_shared(SimtKernel *launched, uint32_t block)
{
    if (block == 1)
        find_shared(launched);
    char *begin = block == 0 ? launched->shared_begin : launched->own_shared_begin;
    char *end = block == 0 ? launched->shared_end : launched->own_shared_end;
    if (begin != end)
        memset(begin, GARBAGE, (size_t)(end - begin));
}

/* ---------------------------------------------------------------- launches */

static bool check_launch(const SimtKernel *found, const char *name, HpGrid grid, size_t bytes)
{
    uint32_t blocks;
    if (!found)
        keep_error(hp_format("there is no kernel %s", name));
    else if (found->threads == 0 || found->threads > MOST_THREADS)
        keep_error(hp_format("kernel %s: blocks of %u threads", name, found->threads));
    else if (bytes != found->argument_bytes)
        keep_error(hp_format("kernel %s takes %zu bytes of arguments and gets %zu", name,
                             found->argument_bytes, bytes));
    else if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > INT32_MAX || grid.y > MOST_BLOCKS_YZ ||
             grid.z > MOST_BLOCKS_YZ || __builtin_mul_overflow(grid.x, grid.y, &blocks) ||
             __builtin_mul_overflow(blocks, grid.z, &blocks))
        keep_error(hp_format("kernel %s: a grid of %u x %u x %u blocks", name, grid.x, grid.y, grid.z));
    return !error;
}

static void restart_fibers(void)
{
    for (uint32_t i = 0; i < fibers_opened; i++)
        simt_fiber_restart(&fibers[i], run_threads);
}

const char *simt_launch(const char *name, HpGrid grid, const void *arguments, size_t bytes)
{
    SimtKernel *launched = find_kernel(name);
    keep_error(NULL);
    if (!check_launch(launched, name, grid, bytes))
        return error;
    const uint32_t blocks = grid.x * grid.y * grid.z;
    uint32_t *block_order = hp_alloc(blocks, sizeof *block_order);
    kernel = launched;
    kernel_arguments = arguments;
    gridDim = (SimtIndex){grid.x, grid.y, grid.z};
    blockDim = (SimtIndex){launched->threads, 1, 1};
    make_order(block_order, blocks);
    simt_memory_launch();
    for (uint32_t i = 0; i < blocks && !error; i++) {
        const uint32_t block = block_order[i];
        blockIdx = (SimtIndex){block % grid.x, block / grid.x % grid.y, block / grid.x / grid.y};
        spoil_shared(launched, i);
        run_block();
    }
    find_shared(launched);
    free(block_order);
    kernel = NULL;
    if (error)
        restart_fibers();
    return error;
}
