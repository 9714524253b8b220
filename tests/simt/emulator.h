/* Runs kernels that were compiled with simt.h, on one thread of the host: blocks one after another, the
 * threads of a block as fibers that change at barriers. Device memory is the host's; kernels touch what was
 * allocated or allowed here and nothing else. */
#ifndef SIMT_EMULATOR_H
#define SIMT_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "runtime/hpart.h"

/* In which the blocks of a launch run, and the threads of a block between two barriers. */
typedef enum SimtOrder { SIMT_FORWARD, SIMT_REVERSE, SIMT_SHUFFLED, SIMT_ORDER_COUNT } SimtOrder;

void simt_set_order(SimtOrder order, uint64_t seed);

/* The threads a kernel was compiled for; 0: there is no such kernel. */
uint32_t simt_kernel_threads(const char *name);

/* Runs a kernel; `arguments` is its struct. Returns NULL, or a sentence that names the kernel, block and
 * thread at fault; memory then holds what was written until there. The sentence is kept until the next
 * launch. Errors are: accesses outside of the ranges below or not aligned to their size; a byte that one
 * block writes and another one reads or writes; the same between two threads of a block without a barrier
 * between; a barrier that not all threads of a block reach, and threads at different barriers. */
const char *simt_launch(const char *name, HpGrid grid, const void *arguments, size_t bytes);

/* Bytes of all accesses since the start of the process; `once`: each byte counted once a launch. */
typedef struct SimtTraffic {
    uint64_t read, written, read_once, written_once;
} SimtTraffic;

SimtTraffic simt_traffic(void);
SimtTraffic simt_traffic_since(SimtTraffic before);

/* ---- memory ---- */

/* Zeroed and aligned as the device's memory is; what surrounds it is checked when it is released. */
void *simt_allocate(size_t bytes);
void simt_release(void *memory);

/* Kernels may read, and where writable write, these bytes of the host. Ranges do not overlap: a test that
 * wants finer ones than an allocation forgets the allocation first. `name` is kept, not copied. */
void simt_allow(const void *address, size_t bytes, const char *name, bool writable);
void simt_forget(const void *address); /* the range that begins here, if there is one */

/* For work other than kernels: whether one range holds all of the bytes. */
bool simt_holds(const void *address, size_t bytes, bool writable);
void simt_count(size_t read, size_t written);

#endif
