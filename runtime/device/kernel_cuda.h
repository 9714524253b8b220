/* What CUDA kernels stand on: hpacc puts this text in front of a model's kernels, so that kernels.cu is
 * whole. It is C with a few words of CUDA: with HP_EMULATED defined, a C compiler makes the same kernels for
 * a machine without a GPU (tests/simt), where every access to memory is checked and counted.
 *
 * Elements in memory are float, 16-bit words (half precision, bfloat16) or bytes; kernels compute in float.
 * All accesses to global memory go through hp_get, hp_put, hp_load and hp_store. */
#ifndef HP_KERNEL_CUDA_H
#define HP_KERNEL_CUDA_H

#ifdef HP_EMULATED
#include "simt.h"
#else
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define HP_DEVICE __device__ __forceinline__
#define HP_READ(address, bytes)
#define HP_WRITE(address, bytes)
/* A kernel: its only parameter is `a`, a struct of arguments that has the kernel's name. */
#define KERNEL(name, threads)                                                                                \
    extern "C" __global__ void __launch_bounds__(threads, 1) name(const __grid_constant__ struct name a)
#define HP_SHARED __shared__
#define HP_BARRIER() __syncthreads()
#define HP_UNROLL _Pragma("unroll")
#endif

enum { HP_THREADS = 256 }; /* of every block */

/* The integer pixels that the image kernel samples from: HpImageStore of hpart.h. */
struct hp_image_store {
    const void *pixels; /* [count][height][width][planes] */
    int32_t bits;       /* 8 or 16 */
    int64_t height, width, planes, count;
    float scale, offset; /* value = scale * pixel + offset */
};

/* ---------------------------------------------------------------- elements */

#ifdef HP_EMULATED
HP_DEVICE float hp_float_of_f16(uint16_t bits)
{
    return simt_float_of_f16(bits);
}
HP_DEVICE uint32_t hp_f16_pair(float low, float high)
{
    return simt_f16_of_float(low) | (uint32_t)simt_f16_of_float(high) << 16;
}
HP_DEVICE float hp_float_of_bf16(uint16_t bits)
{
    return simt_float_of_bf16(bits);
}
HP_DEVICE uint32_t hp_bf16_pair(float low, float high)
{
    return simt_bf16_of_float(low) | (uint32_t)simt_bf16_of_float(high) << 16;
}
#else
HP_DEVICE float hp_float_of_f16(uint16_t bits)
{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}
HP_DEVICE uint32_t hp_f16_pair(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}
HP_DEVICE float hp_float_of_bf16(uint16_t bits)
{
    return __uint_as_float((uint32_t)bits << 16);
}
HP_DEVICE uint32_t hp_bf16_pair(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}
#endif

/* One element. */
HP_DEVICE float hp_get_f32(const float *from)
{
    HP_READ(from, 4);
    return *from;
}
HP_DEVICE float hp_get_f16(const uint16_t *from)
{
    HP_READ(from, 2);
    return hp_float_of_f16(*from);
}
HP_DEVICE float hp_get_bf16(const uint16_t *from)
{
    HP_READ(from, 2);
    return hp_float_of_bf16(*from);
}
HP_DEVICE float hp_get_u8(const uint8_t *from)
{
    HP_READ(from, 1);
    return (float)*from;
}
HP_DEVICE float hp_get_u16(const uint16_t *from)
{
    HP_READ(from, 2);
    return (float)*from;
}
HP_DEVICE int64_t hp_get_i64(const int64_t *from)
{
    HP_READ(from, 8);
    return *from;
}
HP_DEVICE double hp_get_f64(const double *from)
{
    HP_READ(from, 8);
    return *from;
}
HP_DEVICE void hp_put_f32(float *to, float value)
{
    HP_WRITE(to, 4);
    *to = value;
}
HP_DEVICE void hp_put_f16(uint16_t *to, float value)
{
    HP_WRITE(to, 2);
    *to = (uint16_t)hp_f16_pair(value, 0);
}
HP_DEVICE void hp_put_bf16(uint16_t *to, float value)
{
    HP_WRITE(to, 2);
    *to = (uint16_t)hp_bf16_pair(value, 0);
}
HP_DEVICE void hp_put_u8(uint8_t *to, float value)
{
    HP_WRITE(to, 1);
    *to = (uint8_t)value;
}
HP_DEVICE void hp_put_f64(double *to, double value)
{
    HP_WRITE(to, 8);
    *to = value;
}

/* Neighbours, by one access where they fill at most 16 bytes. Addresses are multiples of what is accessed. */
struct __attribute__((aligned(8))) hp_words2 {
    uint32_t x, y;
};
struct __attribute__((aligned(16))) hp_words4 {
    uint32_t x, y, z, w;
};
struct __attribute__((aligned(8))) hp_floats2 {
    float x, y;
};
struct __attribute__((aligned(16))) hp_floats4 {
    float x, y, z, w;
};

HP_DEVICE void hp_load2_f32(float *value, const float *from)
{
    HP_READ(from, 8);
    const struct hp_floats2 floats = *(const struct hp_floats2 *)(const void *)from;
    value[0] = floats.x, value[1] = floats.y;
}
HP_DEVICE void hp_load4_f32(float *value, const float *from)
{
    HP_READ(from, 16);
    const struct hp_floats4 floats = *(const struct hp_floats4 *)(const void *)from;
    value[0] = floats.x, value[1] = floats.y, value[2] = floats.z, value[3] = floats.w;
}
HP_DEVICE void hp_load8_f32(float *value, const float *from)
{
    hp_load4_f32(value, from);
    hp_load4_f32(value + 4, from + 4);
}
HP_DEVICE void hp_store2_f32(float *to, const float *value)
{
    HP_WRITE(to, 8);
    struct hp_floats2 floats;
    floats.x = value[0], floats.y = value[1];
    *(struct hp_floats2 *)(void *)to = floats;
}
HP_DEVICE void hp_store4_f32(float *to, const float *value)
{
    HP_WRITE(to, 16);
    struct hp_floats4 floats;
    floats.x = value[0], floats.y = value[1], floats.z = value[2], floats.w = value[3];
    *(struct hp_floats4 *)(void *)to = floats;
}
HP_DEVICE void hp_store8_f32(float *to, const float *value)
{
    hp_store4_f32(to, value);
    hp_store4_f32(to + 4, value + 4);
}

/* The same for both kinds of 16-bit words. */
#define HP_ACCESSES_OF_16_BITS(type)                                                                         \
    HP_DEVICE void hp_unpack_##type(float *value, uint32_t pair)                                             \
    {                                                                                                        \
        value[0] = hp_float_of_##type((uint16_t)pair);                                                       \
        value[1] = hp_float_of_##type((uint16_t)(pair >> 16));                                               \
    }                                                                                                        \
    HP_DEVICE void hp_load2_##type(float *value, const uint16_t *from)                                       \
    {                                                                                                        \
        HP_READ(from, 4);                                                                                    \
        hp_unpack_##type(value, *(const uint32_t *)(const void *)from);                                      \
    }                                                                                                        \
    HP_DEVICE void hp_load4_##type(float *value, const uint16_t *from)                                       \
    {                                                                                                        \
        HP_READ(from, 8);                                                                                    \
        const struct hp_words2 words = *(const struct hp_words2 *)(const void *)from;                        \
        hp_unpack_##type(value, words.x);                                                                    \
        hp_unpack_##type(value + 2, words.y);                                                                \
    }                                                                                                        \
    HP_DEVICE void hp_load8_##type(float *value, const uint16_t *from)                                       \
    {                                                                                                        \
        HP_READ(from, 16);                                                                                   \
        const struct hp_words4 words = *(const struct hp_words4 *)(const void *)from;                        \
        hp_unpack_##type(value, words.x);                                                                    \
        hp_unpack_##type(value + 2, words.y);                                                                \
        hp_unpack_##type(value + 4, words.z);                                                                \
        hp_unpack_##type(value + 6, words.w);                                                                \
    }                                                                                                        \
    HP_DEVICE void hp_store2_##type(uint16_t *to, const float *value)                                        \
    {                                                                                                        \
        HP_WRITE(to, 4);                                                                                     \
        *(uint32_t *)(void *)to = hp_##type##_pair(value[0], value[1]);                                      \
    }                                                                                                        \
    HP_DEVICE void hp_store4_##type(uint16_t *to, const float *value)                                        \
    {                                                                                                        \
        HP_WRITE(to, 8);                                                                                     \
        struct hp_words2 words;                                                                              \
        words.x = hp_##type##_pair(value[0], value[1]);                                                      \
        words.y = hp_##type##_pair(value[2], value[3]);                                                      \
        *(struct hp_words2 *)(void *)to = words;                                                             \
    }                                                                                                        \
    HP_DEVICE void hp_store8_##type(uint16_t *to, const float *value)                                        \
    {                                                                                                        \
        HP_WRITE(to, 16);                                                                                    \
        struct hp_words4 words;                                                                              \
        words.x = hp_##type##_pair(value[0], value[1]);                                                      \
        words.y = hp_##type##_pair(value[2], value[3]);                                                      \
        words.z = hp_##type##_pair(value[4], value[5]);                                                      \
        words.w = hp_##type##_pair(value[6], value[7]);                                                      \
        *(struct hp_words4 *)(void *)to = words;                                                             \
    }
HP_ACCESSES_OF_16_BITS(f16)
HP_ACCESSES_OF_16_BITS(bf16)

HP_DEVICE void hp_load2_u8(float *value, const uint8_t *from)
{
    HP_READ(from, 2);
    const uint32_t word = *(const uint16_t *)(const void *)from;
    value[0] = (float)(word & 255u), value[1] = (float)(word >> 8);
}
HP_DEVICE void hp_bytes_of_word(float *value, uint32_t word)
{
    value[0] = (float)(word & 255u), value[1] = (float)(word >> 8 & 255u);
    value[2] = (float)(word >> 16 & 255u), value[3] = (float)(word >> 24);
}
HP_DEVICE void hp_load4_u8(float *value, const uint8_t *from)
{
    HP_READ(from, 4);
    hp_bytes_of_word(value, *(const uint32_t *)(const void *)from);
}
HP_DEVICE void hp_load8_u8(float *value, const uint8_t *from)
{
    HP_READ(from, 8);
    const struct hp_words2 words = *(const struct hp_words2 *)(const void *)from;
    hp_bytes_of_word(value, words.x);
    hp_bytes_of_word(value + 4, words.y);
}
HP_DEVICE uint32_t hp_word_of_bytes(const float *value)
{
    return (uint32_t)value[0] | (uint32_t)value[1] << 8 | (uint32_t)value[2] << 16 | (uint32_t)value[3] << 24;
}
HP_DEVICE void hp_store2_u8(uint8_t *to, const float *value)
{
    HP_WRITE(to, 2);
    *(uint16_t *)(void *)to = (uint16_t)((uint32_t)value[0] | (uint32_t)value[1] << 8);
}
HP_DEVICE void hp_store4_u8(uint8_t *to, const float *value)
{
    HP_WRITE(to, 4);
    *(uint32_t *)(void *)to = hp_word_of_bytes(value);
}
HP_DEVICE void hp_store8_u8(uint8_t *to, const float *value)
{
    HP_WRITE(to, 8);
    struct hp_words2 words;
    words.x = hp_word_of_bytes(value);
    words.y = hp_word_of_bytes(value + 4);
    *(struct hp_words2 *)(void *)to = words;
}

/* ---------------------------------------------------------------- arithmetic */

HP_DEVICE int64_t hp_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
HP_DEVICE int64_t hp_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
/* NaN goes through maxima, minima and relu, as in the interpreter. */
HP_DEVICE float hp_maximum(float a, float b)
{
    return a > b || a != a ? a : b;
}
HP_DEVICE float hp_minimum(float a, float b)
{
    return a < b || a != a ? a : b;
}
HP_DEVICE double hp_maximum_double(double a, double b)
{
    return a > b || a != a ? a : b;
}
HP_DEVICE double hp_minimum_double(double a, double b)
{
    return a < b || a != a ? a : b;
}
HP_DEVICE float hp_relu(float x)
{
    return x < 0.0f ? 0.0f : x;
}
HP_DEVICE float hp_rsqrt(float x)
{
    return rsqrtf(x);
}
HP_DEVICE float hp_sign(float x)
{
    return (float)((x > 0.0f) - (x < 0.0f));
}
HP_DEVICE float hp_exp(float x)
{
    return expf(x);
}
HP_DEVICE float hp_log(float x)
{
    return logf(x);
}
HP_DEVICE float hp_tanh(float x)
{
    return tanhf(x);
}
HP_DEVICE float hp_erf(float x)
{
    return erff(x);
}
HP_DEVICE float hp_power(float a, float b)
{
    return powf(a, b);
}
HP_DEVICE float hp_sigmoid(float x)
{
    const float e = expf(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}
/* log(1 + exp(x)) without overflow, and its mirror image. */
HP_DEVICE float hp_softplus(float x)
{
    return (x > 0.0f ? x : x != x ? x : 0.0f) + log1pf(expf(-fabsf(x)));
}
HP_DEVICE float hp_log_sigmoid(float x)
{
    return -hp_softplus(-x);
}
/* Of `count` numbers, from their sum and the sum of their squares. */
HP_DEVICE float hp_variance(double sum, double squares, double count)
{
    const double variance = (squares - sum * sum / count) / count;
    return (float)(variance < 0.0 ? 0.0 : variance);
}

/* ---------------------------------------------------------------- random numbers */

/* Philox4x32-10 (Salmon et al. 2011), the first word: runtime/base/philox.c says the same on the host. */
HP_DEVICE float hp_random_uniform(uint64_t seed, uint32_t path, int64_t draw, uint32_t element)
{
    uint32_t c0 = element, c1 = path, c2 = (uint32_t)draw, c3 = (uint32_t)((uint64_t)draw >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1, c3 = (uint32_t)p0, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return (float)(c0 >> 8) * 0x1p-24f;
}

/* ---------------------------------------------------------------- blocks */

/* Where a block stands among those that share a kernel's loops: along its columns, rows and outer loops. */
struct hp_block {
    uint32_t x, y, z, x_count, y_count, z_count;
};

/* One kernel, one grid. */
HP_DEVICE struct hp_block hp_block_of_grid(void)
{
    const struct hp_block block = {blockIdx.x, blockIdx.y, blockIdx.z, gridDim.x, gridDim.y, gridDim.z};
    return block;
}

/* Many calls of a kernel in one launch: the grid, along x, is cut into the calls' blocks. */
struct hp_segment {
    uint32_t first, x_count, y_count, z_count; /* blocks */
};

/* The segment that this block is in: the last one that does not begin behind it. */
HP_DEVICE uint32_t hp_segment_of_block(const struct hp_segment *segments, uint32_t count)
{
    uint32_t low = 0, high = count;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (segments[middle].first <= blockIdx.x)
            low = middle;
        else
            high = middle;
    }
    return low;
}
HP_DEVICE struct hp_block hp_block_of_segment(const struct hp_segment *segment)
{
    const uint32_t number = blockIdx.x - segment->first, row = number / segment->x_count;
    const struct hp_block block = {number % segment->x_count, row % segment->y_count, row / segment->y_count,
                                   segment->x_count,          segment->y_count,       segment->z_count};
    return block;
}

/* The threads of a block stand `width` (a power of two) side by side along the columns of a kernel's loops,
 * and one behind the other along its rows; so do the blocks. A thread takes every step-th column and row. */
HP_DEVICE uint32_t hp_first_column(struct hp_block block, size_t width)
{
    return block.x * (uint32_t)width + threadIdx.x % (uint32_t)width;
}
HP_DEVICE uint32_t hp_column_step(struct hp_block block, size_t width)
{
    return block.x_count * (uint32_t)width;
}
HP_DEVICE uint32_t hp_first_row(struct hp_block block, size_t width)
{
    return block.y * (HP_THREADS / (uint32_t)width) + threadIdx.x / (uint32_t)width;
}
HP_DEVICE uint32_t hp_row_step(struct hp_block block, size_t width)
{
    return block.y_count * (HP_THREADS / (uint32_t)width);
}

/* Adds up `count` numbers a thread over all threads of the block whose number is the same modulo `columns` (a
 * power of two), in a fixed order. Every thread of the block calls it; the threads below `columns` get the
 * sums. `scratch` has room for `count` numbers a thread and may be used again at once. */
HP_DEVICE void hp_block_sums(double *values, int count, double *scratch, uint32_t columns)
{
    const uint32_t thread = threadIdx.x;
    for (int i = 0; i < count; i++)
        scratch[i * HP_THREADS + thread] = values[i];
    HP_BARRIER();
    for (uint32_t step = HP_THREADS / 2; step >= columns; step /= 2) {
        if (thread < step)
            for (int i = 0; i < count; i++)
                scratch[i * HP_THREADS + thread] += scratch[i * HP_THREADS + thread + step];
        HP_BARRIER();
    }
    for (int i = 0; i < count; i++)
        values[i] = scratch[i * HP_THREADS + thread];
    HP_BARRIER();
}
/* The same for maxima. */
HP_DEVICE void hp_block_maxima(double *values, int count, double *scratch, uint32_t columns)
{
    const uint32_t thread = threadIdx.x;
    for (int i = 0; i < count; i++)
        scratch[i * HP_THREADS + thread] = values[i];
    HP_BARRIER();
    for (uint32_t step = HP_THREADS / 2; step >= columns; step /= 2) {
        if (thread < step)
            for (int i = 0; i < count; i++)
                scratch[i * HP_THREADS + thread] = hp_maximum_double(scratch[i * HP_THREADS + thread],
                                                                     scratch[i * HP_THREADS + thread + step]);
        HP_BARRIER();
    }
    for (int i = 0; i < count; i++)
        values[i] = scratch[i * HP_THREADS + thread];
    HP_BARRIER();
}

/* ---------------------------------------------------------------- images */

/* Adds `weight` times the planes of pixel (x, y) of an image, which is 0 outside. */
HP_DEVICE void hp_image_add(float *sums, int planes, const struct hp_image_store *store, int64_t image,
                            int32_t x, int32_t y, float weight)
{
    if (x < 0 || y < 0 || x >= (int32_t)store->width || y >= (int32_t)store->height)
        return;
    const int64_t at = ((image * store->height + y) * store->width + x) * planes;
    if (store->bits == 8) {
        const uint8_t *pixel = (const uint8_t *)store->pixels + at;
        HP_UNROLL
        for (int plane = 0; plane < planes; plane++)
            sums[plane] += weight * hp_get_u8(pixel + plane);
    } else {
        const uint16_t *pixel = (const uint16_t *)store->pixels + at;
        HP_UNROLL
        for (int plane = 0; plane < planes; plane++)
            sums[plane] += weight * hp_get_u16(pixel + plane);
    }
}

/* The planes of output pixel (x, y) of an image: sampled by the affine map (6 numbers: source x is m0 x + m1
 * y + m2, source y is m3 x + m4 y + m5), bilinear, 0 outside, as [0,1] times `gain`, normalised:
 * kernel_image.h says the same. */
HP_DEVICE void hp_image_sample(float *value, int planes, const struct hp_image_store *store, int64_t image,
                               const float *map, float gain, const float *mean, const float *deviation,
                               float x, float y)
{
    const float source_x = hp_get_f32(map) * x + (hp_get_f32(map + 1) * y + hp_get_f32(map + 2));
    const float source_y = hp_get_f32(map + 3) * x + (hp_get_f32(map + 4) * y + hp_get_f32(map + 5));
    /* a point more than a pixel outside has no weight wherever it is */
    const float near_x = source_x > -2.0f ? hp_minimum(source_x, (float)store->width + 1.0f) : -2.0f;
    const float near_y = source_y > -2.0f ? hp_minimum(source_y, (float)store->height + 1.0f) : -2.0f;
    const int32_t left = (int32_t)(near_x + 2.0f) - 2, top = (int32_t)(near_y + 2.0f) - 2;
    float covered = 0.0f;
    for (int plane = 0; plane < planes; plane++)
        value[plane] = 0.0f;
    HP_UNROLL
    for (int tap = 0; tap < 4; tap++) {
        const int32_t tap_x = left + (tap & 1), tap_y = top + (tap >> 1);
        const float weight = (1.0f - fabsf(near_x - (float)tap_x)) * (1.0f - fabsf(near_y - (float)tap_y));
        const int inside = tap_x >= 0 && tap_y >= 0 && tap_x < store->width && tap_y < store->height;
        covered += inside ? weight : 0.0f;
        hp_image_add(value, planes, store, image, tap_x, tap_y, weight);
    }
    for (int plane = 0; plane < planes; plane++) {
        const float factor = gain / hp_get_f32(deviation + plane);
        value[plane] = value[plane] * (store->scale * factor) + covered * (store->offset * factor) -
                       hp_get_f32(mean + plane) / hp_get_f32(deviation + plane);
    }
}

#endif
