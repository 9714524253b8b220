/* What the prelude computes: sums over a block, functions, random numbers, pixels. */
#include "runtime/device/kernel_cuda.h"
#include "kernels.h"

KERNEL(block_sums, HP_THREADS)
{
    HP_SHARED double scratch[HP_THREADS];
    const uint32_t thread = threadIdx.x;
    double sum = (double)hp_get_f32(a.x + blockIdx.x * HP_THREADS + thread), maximum = sum;
    hp_block_sums(&sum, 1, scratch, a.columns);
    hp_block_maxima(&maximum, 1, scratch, a.columns);
    if (thread < a.columns) {
        hp_put_f64(a.sums + blockIdx.x * a.columns + thread, sum);
        hp_put_f64(a.maxima + blockIdx.x * a.columns + thread, maximum);
    }
}

HP_DEVICE float function_of(uint32_t function, float x)
{
    switch (function) {
    case MATH_RELU: return hp_relu(x);
    case MATH_SIGN: return hp_sign(x);
    case MATH_EXP: return hp_exp(x);
    case MATH_LOG: return hp_log(x);
    case MATH_TANH: return hp_tanh(x);
    case MATH_ERF: return hp_erf(x);
    case MATH_SIGMOID: return hp_sigmoid(x);
    case MATH_SOFTPLUS: return hp_softplus(x);
    default: return hp_log_sigmoid(x);
    }
}

KERNEL(math, HP_THREADS)
{
    const uint32_t i = blockIdx.x * HP_THREADS + threadIdx.x;
    if (i < a.count)
        hp_put_f32(a.y + i, function_of(a.function, hp_get_f32(a.x + i)));
}

KERNEL(random_numbers, HP_THREADS)
{
    const uint32_t i = blockIdx.x * HP_THREADS + threadIdx.x;
    hp_put_f32(a.y + i, hp_random_uniform(a.seed, a.path, a.draw, i));
}

KERNEL(segmented, HP_THREADS)
{
    const struct hp_segment *segments = (const struct hp_segment *)(const void *)a.segments;
    const uint32_t segment = hp_segment_of_block(segments, a.count);
    const struct hp_block block = hp_block_of_segment(segments + segment);
    const uint32_t seen[SEEN] = {segment,       block.x,       block.y,      block.z,
                                 block.x_count, block.y_count, block.z_count};
    if (threadIdx.x < SEEN) {
        HP_WRITE(a.seen + blockIdx.x * SEEN + threadIdx.x, 4);
        a.seen[blockIdx.x * SEEN + threadIdx.x] = seen[threadIdx.x];
    }
}

KERNEL(image_pixels, HP_THREADS)
{
    const struct hp_image_store *store = a.store;
    const int32_t i = (int32_t)threadIdx.x;
    if (i >= 64 * store->planes)
        return;
    float planes[8] = {0};
    hp_image_add(planes, (int)store->planes, store, 1, i % 8 - 2, i / 8 % 8 - 2, 1.0f);
    hp_put_f32(a.y + i, store->scale * planes[i / 64] + store->offset);
}
