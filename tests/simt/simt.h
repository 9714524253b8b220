/* The words that kernels are written in, for a C compiler: kernel_cuda.h includes this where HP_EMULATED is
 * defined. A kernel becomes a C function that the emulator (emulator.h) finds by its name. */
#ifndef SIMT_H
#define SIMT_H

#include <math.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct SimtIndex {
    uint32_t x, y, z;
} SimtIndex;

/* Of the thread that runs; threads of a block lie along x. */
extern SimtIndex threadIdx, blockIdx, blockDim, gridDim;

typedef struct SimtKernel {
    const char *name;
    size_t argument_bytes;
    uint32_t threads;
    void (*run)(const void *arguments);      /* one thread */
    char *shared_begin, *shared_end;         /* the shared memory of all kernels of this file */
    char *own_shared_begin, *own_shared_end; /* what of it this kernel was seen to write */
    struct SimtKernel *next;
} SimtKernel;

/* Called when the file of the kernel is loaded and unloaded. Of two kernels with one name the later is
 * launched. */
void simt_register(SimtKernel *kernel);
void simt_unregister(SimtKernel *kernel);

/* An access that is not to memory the kernel may use, not aligned to its size, or that races with another
 * thread's ends the launch with an error. */
void simt_read(const void *address, uint32_t bytes);
void simt_write(const void *address, uint32_t bytes);
/* Returns when all threads of the block have come to the barrier of this line. */
void simt_barrier(int line);

float simt_float_of_f16(uint16_t bits);
float simt_float_of_bf16(uint16_t bits);
/* To the nearest, halves to even; NaN becomes 0x7fff as on the device. */
uint16_t simt_f16_of_float(float value);
uint16_t simt_bf16_of_float(float value);

/* The linker's bounds of the section that HP_SHARED variables are in; absent where there are none. */
extern char __start_simt_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_simt_shared[] __attribute__((weak, visibility("hidden")));

#define HP_DEVICE static inline __attribute__((unused))

HP_DEVICE float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}
#define HP_READ(address, bytes) simt_read(address, bytes)
#define HP_WRITE(address, bytes) simt_write(address, bytes)
#define HP_SHARED static __attribute__((section("simt_shared")))
#define HP_BARRIER() simt_barrier(__LINE__)
#define HP_UNROLL

#define KERNEL(kernel, block_threads)                                                                        \
    static void simt_body_##kernel(const struct kernel a);                                                   \
    static void simt_run_##kernel(const void *arguments)                                                     \
    {                                                                                                        \
        simt_body_##kernel(*(const struct kernel *)arguments);                                               \
    }                                                                                                        \
    static SimtKernel simt_kernel_##kernel = {.name = #kernel,                                               \
                                              .argument_bytes = sizeof(struct kernel),                       \
                                              .threads = block_threads,                                      \
                                              .run = simt_run_##kernel,                                      \
                                              .shared_begin = __start_simt_shared,                           \
                                              .shared_end = __stop_simt_shared};                             \
    __attribute__((constructor)) static void simt_register_##kernel(void)                                    \
    {                                                                                                        \
        simt_register(&simt_kernel_##kernel);                                                                \
    }                                                                                                        \
    __attribute__((destructor)) static void simt_unregister_##kernel(void)                                   \
    {                                                                                                        \
        simt_unregister(&simt_kernel_##kernel);                                                              \
    }                                                                                                        \
    static void simt_body_##kernel(const struct kernel a)

#endif
