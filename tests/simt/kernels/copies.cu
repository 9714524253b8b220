/* Copies in all types and widths of the prelude. */
#include "runtime/device/kernel_cuda.h"
#include "kernels.h"

#define COPY_ONE(type)                                                                                       \
    KERNEL(copy_##type##_1, HP_THREADS)                                                                      \
    {                                                                                                        \
        const uint32_t i = blockIdx.x * HP_THREADS + threadIdx.x;                                            \
        if (i < a.count)                                                                                     \
            hp_put_##type(a.y + i, hp_get_##type(a.x + i));                                                  \
    }
#define COPY_WIDE(type, width)                                                                               \
    KERNEL(copy_##type##_##width, HP_THREADS)                                                                \
    {                                                                                                        \
        const uint32_t i = blockIdx.x * HP_THREADS + threadIdx.x;                                            \
        float v[width];                                                                                      \
        if (i >= a.count)                                                                                    \
            return;                                                                                          \
        hp_load##width##_##type(v, a.x + width * i);                                                         \
        hp_store##width##_##type(a.y + width * i, v);                                                        \
    }
#define COPIES(type) COPY_ONE(type) COPY_WIDE(type, 2) COPY_WIDE(type, 4) COPY_WIDE(type, 8)
COPIES(f32)
COPIES(f16)
COPIES(bf16)
COPIES(u8)
