/* tiny: its fused kernels
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet */
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

/* The threads of a block stand `width` (a power of two) side by side along the columns of a kernel's loops,
 * and one behind the other along its rows; so do the blocks of the grid. A thread takes every step-th column
 * and row. */
HP_DEVICE uint32_t hp_first_column(size_t width)
{
    return blockIdx.x * (uint32_t)width + threadIdx.x % (uint32_t)width;
}
HP_DEVICE uint32_t hp_column_step(size_t width)
{
    return gridDim.x * (uint32_t)width;
}
HP_DEVICE uint32_t hp_first_row(size_t width)
{
    return blockIdx.y * (HP_THREADS / (uint32_t)width) + threadIdx.x / (uint32_t)width;
}
HP_DEVICE uint32_t hp_row_step(size_t width)
{
    return gridDim.y * (HP_THREADS / (uint32_t)width);
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
// image: image   tests/emit/tiny.hpanet:12
// and 3 more like it
struct kernel_image {
    size_t images;
    size_t rows;
    size_t columns;
    const int64_t *sample;
    const float *affine;
    const float *gain;
    const float *normalization_mean;
    const float *normalization_deviation;
    float *image_image;
    const struct hp_image_store *store;
};
KERNEL(kernel_image, HP_THREADS)
{
    const size_t images = a.images;
    const size_t rows = a.rows;
    const size_t columns = a.columns;
    const int64_t *const sample = a.sample;
    const float *const affine = a.affine;
    const float *const gain = a.gain;
    const float *const normalization_mean = a.normalization_mean;
    const float *const normalization_deviation = a.normalization_deviation;
    float *const image_image = a.image_image;
    const struct hp_image_store *const store = a.store;
    for (size_t at = blockIdx.x * HP_THREADS + threadIdx.x; at < images * rows * columns; at += gridDim.x * HP_THREADS) {
        const uint32_t x = (uint32_t)at % (uint32_t)columns, line = (uint32_t)at / (uint32_t)columns;
        const uint32_t y = line % (uint32_t)rows, n = line / (uint32_t)rows;
        float value[2];
        hp_image_sample(value, 2, store, hp_get_i64(sample + n), affine + 6 * n, hp_get_f32(gain + n), normalization_mean, normalization_deviation,
                        (float)x, (float)y);
        hp_store2_f32(image_image + at * 2, value);
    }
}

// bn1 → pooled: add, rsqrt, multiply, multiply, multiply, subtract, add, relu, ...   tests/emit/tiny.hpanet:18
struct kernel_pooled_max_pool {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *bn1_weight;
    const float *bn1_running_var;
    const float *bn1_bias;
    const float *bn1_running_mean;
    const float *conv1;
    float *pooled_max_pool;
};
KERNEL(kernel_pooled_max_pool, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t rows = a.rows;
    const size_t columns = a.columns;
    const size_t window_0_rows = a.window_0_rows;
    const size_t window_0_columns = a.window_0_columns;
    const size_t stride_n = a.stride_n;
    const size_t stride_row = a.stride_row;
    const size_t stride_column = a.stride_column;
    const size_t stride_n_2 = a.stride_n_2;
    const size_t stride_y = a.stride_y;
    const size_t stride_x = a.stride_x;
    const float *const bn1_weight = a.bn1_weight;
    const float *const bn1_running_var = a.bn1_running_var;
    const float *const bn1_bias = a.bn1_bias;
    const float *const bn1_running_mean = a.bn1_running_mean;
    const float *const conv1 = a.conv1;
    float *const pooled_max_pool = a.pooled_max_pool;
    for (size_t b = hp_first_column(width); b < blocks; b += hp_column_step(width)) {
        float bn1_weight_value[2];
        hp_load2_f32(bn1_weight_value, bn1_weight + b * 2);
        float bn1_running_var_value[2];
        hp_load2_f32(bn1_running_var_value, bn1_running_var + b * 2);
        float bn1_bias_value[2];
        hp_load2_f32(bn1_bias_value, bn1_bias + b * 2);
        float bn1_running_mean_value[2];
        hp_load2_f32(bn1_running_mean_value, bn1_running_mean + b * 2);
        float add[2], rsqrt[2], multiply[2], multiply_2[2], subtract[2];
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            add[lane] = bn1_running_var_value[lane] + 1e-05f;
            rsqrt[lane] = 1.0f / sqrtf(add[lane]);
            multiply[lane] = bn1_weight_value[lane] * rsqrt[lane];
            multiply_2[lane] = bn1_running_mean_value[lane] * multiply[lane];
            subtract[lane] = bn1_bias_value[lane] - multiply_2[lane];
        }
        for (uint32_t at_row = hp_first_row(width); at_row < images * rows * columns; at_row += hp_row_step(width)) {
            const size_t x = at_row % (uint32_t)columns;
            const size_t y = at_row / (uint32_t)columns % (uint32_t)rows;
            const size_t n = at_row / (uint32_t)columns / (uint32_t)rows;
            float largest[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                largest[lane] = -INFINITY;
            }
            for (size_t ky = 0; ky < 2; ky++) {
                const size_t row = y * 2 + ky;
                if (row >= window_0_rows)
                    continue;
                for (size_t kx = 0; kx < 2; kx++) {
                    const size_t column = x * 2 + kx;
                    if (column >= window_0_columns)
                        continue;
                    float conv1_value[2];
                    hp_load2_f32(conv1_value, conv1 + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    HP_UNROLL
                    for (size_t lane = 0; lane < 2; lane++) {
                        const float relu = hp_relu(conv1_value[lane] * multiply[lane] + subtract[lane]);
                        const float candidate = relu;
                        const bool wins = candidate > largest[lane] || candidate != candidate;
                        largest[lane] = wins ? candidate : largest[lane];
                    }
                }
            }
            float pooled_max_pool_lanes[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                pooled_max_pool_lanes[lane] = largest[lane];
            }
            hp_store2_f32(pooled_max_pool + b * 2 + n * stride_n_2 + y * stride_y + x * stride_x, pooled_max_pool_lanes);
        }
    }
}

// means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21
// and 3 more like it
struct kernel_logits_multiply {
    size_t width;
    size_t images;
    size_t blocks;
    size_t pixels;
    size_t stride_n;
    size_t stride_p;
    size_t kept;
    const float *means_relu;
    double *partial;
};
KERNEL(kernel_logits_multiply, HP_THREADS)
{
    const size_t width = a.width;
    const size_t images = a.images;
    const size_t blocks = a.blocks;
    const size_t pixels = a.pixels;
    const size_t stride_n = a.stride_n;
    const size_t stride_p = a.stride_p;
    const size_t kept = a.kept;
    const float *const means_relu = a.means_relu;
    double *const partial = a.partial;
    HP_SHARED double scratch[HP_THREADS * 4];
    for (size_t n = blockIdx.z; n < images; n += gridDim.z) {
        double all_sum[4];
        float sum[4];
        uint32_t group = 0;
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            all_sum[lane] = 0;
            sum[lane] = 0.0f;
        }
        const size_t b = hp_first_column(width);
        if (b < blocks) {
            for (size_t p = hp_first_row(width); p < pixels; p += hp_row_step(width)) {
                float means_relu_value[4];
                hp_load4_f32(means_relu_value, means_relu + n * stride_n + b * 4 + p * stride_p);
                HP_UNROLL
                for (size_t lane = 0; lane < 4; lane++) {
                    sum[lane] += means_relu_value[lane];
                }
                if (++group % 8 == 0) {
                    HP_UNROLL
                    for (size_t lane = 0; lane < 4; lane++) {
                        all_sum[lane] += (double)sum[lane];
                        sum[lane] = 0.0f;
                    }
                }
            }
        }
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            all_sum[lane] += (double)sum[lane];
            sum[lane] = 0.0f;
        }
        hp_block_sums(all_sum, 4, scratch, (uint32_t)width);
        if (threadIdx.x < width && b < blocks) {
            const size_t place = blockIdx.y * kept + (n * blocks + b) * 4;
            HP_UNROLL
            for (size_t lane = 0; lane < 4; lane++) {
                hp_put_f64(partial + 0 * gridDim.y * kept + place + lane, all_sum[lane]);
            }
        }
    }
}

// means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21
// and 1 more like it
struct kernel_logits_multiply_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t blocks;
    size_t pixels;
    size_t stream_3;
    const double *partial;
    const int64_t *draw;
    float *logits_multiply;
    uint64_t seed;
};
KERNEL(kernel_logits_multiply_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const size_t blocks = a.blocks;
    const size_t pixels = a.pixels;
    const size_t stream_3 = a.stream_3;
    const double *const partial = a.partial;
    const int64_t *const draw = a.draw;
    float *const logits_multiply = a.logits_multiply;
    const uint64_t seed = a.seed;
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t lane = at_kept % 4;
            const size_t b = (uint32_t)(at_kept / 4) % (uint32_t)blocks;
            const size_t n = (uint32_t)(at_kept / 4) / (uint32_t)blocks;
            const float random = hp_random_uniform(seed, (uint32_t)stream_3, hp_get_i64(draw + n), (uint32_t)(b * 4 + lane));
            const float multiply = (float)(all_sum / (double)(pixels)) * ((float)(random >= 0.5f) * 2.0f);
            hp_put_f32(logits_multiply + (n * blocks + b) * 4 + lane, multiply);
        }
    }
}

// image: reorder   tests/emit/tiny.hpanet:12
// and 1 more like it
struct kernel_image_reorder {
    size_t width;
    size_t blocks;
    size_t images;
    size_t pixels;
    size_t stride_n;
    size_t stride_b;
    size_t stride_lane;
    const float *image_image;
    float *image_reorder;
};
KERNEL(kernel_image_reorder, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t pixels = a.pixels;
    const size_t stride_n = a.stride_n;
    const size_t stride_b = a.stride_b;
    const size_t stride_lane = a.stride_lane;
    const float *const image_image = a.image_image;
    float *const image_reorder = a.image_reorder;
    for (size_t b = hp_first_column(width); b < blocks; b += hp_column_step(width)) {
        for (uint32_t at_row = hp_first_row(width); at_row < images * pixels; at_row += hp_row_step(width)) {
            const size_t p = at_row % (uint32_t)pixels;
            const size_t n = at_row / (uint32_t)pixels;
            float image_image_value[2];
            hp_load2_f32(image_image_value, image_image + b * 2 + n * stride_n + p * 2);
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                hp_put_f32(image_reorder + b * stride_b + n * stride_n + p + lane * stride_lane, image_image_value[lane]);
            }
        }
    }
}

// loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25
// and 1 more like it
struct kernel_loss_reshape_subtract {
    size_t width;
    size_t outer;
    size_t kept;
    const float *labels;
    const float *head_add;
    float *loss_subtract;
    double *partial;
};
KERNEL(kernel_loss_reshape_subtract, HP_THREADS)
{
    const size_t width = a.width;
    const size_t outer = a.outer;
    const size_t kept = a.kept;
    const float *const labels = a.labels;
    const float *const head_add = a.head_add;
    float *const loss_subtract = a.loss_subtract;
    double *const partial = a.partial;
    HP_SHARED double scratch[HP_THREADS * 1];
    const double multiply = 0.5 * 0.08333333333333333;
    double all_sum[4];
    float sum[4];
    uint32_t group = 0;
    HP_UNROLL
    for (size_t lane = 0; lane < 4; lane++) {
        all_sum[lane] = 0;
        sum[lane] = 0.0f;
    }
    for (size_t o = hp_first_row(width); o < outer; o += hp_row_step(width)) {
        const size_t at = o * 4;
        float labels_value[4];
        hp_load4_f32(labels_value, labels + at);
        float head_add_value[4];
        hp_load4_f32(head_add_value, head_add + at);
        float loss_subtract_lanes[4];
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            const float negate = -head_add_value[lane];
            const float subtract = 1.0f - labels_value[lane];
            const float add = labels_value[lane] * hp_softplus(negate) + subtract * hp_softplus(head_add_value[lane]);
            const float multiply_2 = (float)multiply * subtract * hp_sigmoid(head_add_value[lane]);
            const float multiply_3 = (float)multiply * labels_value[lane] * hp_sigmoid(negate);
            sum[lane] += add;
            loss_subtract_lanes[lane] = multiply_2 - multiply_3;
        }
        hp_store4_f32(loss_subtract + at, loss_subtract_lanes);
        if (++group % 8 == 0) {
            HP_UNROLL
            for (size_t lane = 0; lane < 4; lane++) {
                all_sum[lane] += (double)sum[lane];
                sum[lane] = 0.0f;
            }
        }
    }
    HP_UNROLL
    for (size_t lane = 0; lane < 4; lane++) {
        all_sum[lane] += (double)sum[lane];
        sum[lane] = 0.0f;
    }
    HP_UNROLL
    for (size_t lane = 1; lane < 4; lane++) {
        all_sum[0] += all_sum[lane];
    }
    hp_block_sums(all_sum, 1, scratch, (uint32_t)width);
    if (threadIdx.x == 0) {
        const size_t place = blockIdx.y * kept + 0;
        hp_put_f64(partial + 0 * gridDim.y * kept + place, all_sum[0]);
    }
}

// loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25
// and 1 more like it
struct kernel_loss_reshape_subtract_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t outer;
    const double *partial;
    float *loss_reshape;
};
KERNEL(kernel_loss_reshape_subtract_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const size_t outer = a.outer;
    const double *const partial = a.partial;
    float *const loss_reshape = a.loss_reshape;
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            hp_put_f32(loss_reshape + 0, (float)(all_sum / (double)(outer * 4)));
        }
    }
}

// head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21
// and 1 more like it
struct kernel_bias_add {
    size_t width;
    size_t count_j;
    size_t count_i;
    size_t stride_i;
    size_t kept;
    const float *loss_subtract;
    double *partial;
};
KERNEL(kernel_bias_add, HP_THREADS)
{
    const size_t width = a.width;
    const size_t count_j = a.count_j;
    const size_t count_i = a.count_i;
    const size_t stride_i = a.stride_i;
    const size_t kept = a.kept;
    const float *const loss_subtract = a.loss_subtract;
    double *const partial = a.partial;
    HP_SHARED double scratch[HP_THREADS * 1];
    double all_sum;
    float sum;
    uint32_t group = 0;
    all_sum = 0;
    sum = 0.0f;
    const size_t j = hp_first_column(width);
    if (j < count_j) {
        for (size_t i = hp_first_row(width); i < count_i; i += hp_row_step(width)) {
            sum += hp_get_f32(loss_subtract + j + i * stride_i);
            if (++group % 8 == 0) {
                all_sum += (double)sum;
                sum = 0.0f;
            }
        }
    }
    all_sum += (double)sum;
    sum = 0.0f;
    hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
    if (threadIdx.x < width && j < count_j) {
        const size_t place = blockIdx.y * kept + (j) * 1;
        hp_put_f64(partial + 0 * gridDim.y * kept + place, all_sum);
    }
}

// head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21
// and 1 more like it
struct kernel_bias_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    const double *partial;
    float *gradient_head_bias;
    const float *accumulate;
};
KERNEL(kernel_bias_add_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const double *const partial = a.partial;
    float *const gradient_head_bias = a.gradient_head_bias;
    const float accumulate = hp_get_f32(a.accumulate);
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t j = (uint32_t)at_kept;
            const float gradient_head_bias_value = hp_get_f32(gradient_head_bias + j);
            const float add = (accumulate != 0.0f ? gradient_head_bias_value : 0.0f) + (float)all_sum;
            hp_put_f32(gradient_head_bias + j, add);
        }
    }
}

// gradient:head.weight: select, add   tests/emit/tiny.hpanet:21
// and 3 more like it
struct kernel_weight_add {
    size_t width;
    size_t outer;
    const float *head;
    float *gradient_head_weight;
    const float *accumulate;
};
KERNEL(kernel_weight_add, HP_THREADS)
{
    const size_t width = a.width;
    const size_t outer = a.outer;
    const float *const head = a.head;
    float *const gradient_head_weight = a.gradient_head_weight;
    const float accumulate = hp_get_f32(a.accumulate);
    for (size_t o = hp_first_column(width); o < outer; o += hp_column_step(width)) {
        const size_t at = o * 4;
        float gradient_head_weight_value[4];
        hp_load4_f32(gradient_head_weight_value, gradient_head_weight + at);
        float head_value[4];
        hp_load4_f32(head_value, head + at);
        float gradient_head_weight_lanes[4];
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            const float select = accumulate != 0.0f ? gradient_head_weight_value[lane] : 0.0f;
            gradient_head_weight_lanes[lane] = select + head_value[lane];
        }
        hp_store4_f32(gradient_head_weight + at, gradient_head_weight_lanes);
    }
}

// head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31
// and 3 more like it
struct kernel_weight_add_subtract {
    size_t width;
    size_t outer;
    const float *gradient_head_weight;
    float *m_head_weight;
    float *head_weight;
    const float *momentum;
    const float *lr_top_2;
};
KERNEL(kernel_weight_add_subtract, HP_THREADS)
{
    const size_t width = a.width;
    const size_t outer = a.outer;
    const float *const gradient_head_weight = a.gradient_head_weight;
    float *const m_head_weight = a.m_head_weight;
    float *const head_weight = a.head_weight;
    const float momentum = hp_get_f32(a.momentum);
    const float lr_top_2 = hp_get_f32(a.lr_top_2);
    for (size_t o = hp_first_column(width); o < outer; o += hp_column_step(width)) {
        const size_t at = o * 4;
        float m_head_weight_value[4];
        hp_load4_f32(m_head_weight_value, m_head_weight + at);
        float gradient_head_weight_value[4];
        hp_load4_f32(gradient_head_weight_value, gradient_head_weight + at);
        float head_weight_value[4];
        hp_load4_f32(head_weight_value, head_weight + at);
        float m_head_weight_lanes[4];
        float head_weight_lanes[4];
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            const float add = momentum * m_head_weight_value[lane] + gradient_head_weight_value[lane];
            m_head_weight_lanes[lane] = add;
            head_weight_lanes[lane] = head_weight_value[lane] - lr_top_2 * add;
        }
        hp_store4_f32(m_head_weight + at, m_head_weight_lanes);
        hp_store4_f32(head_weight + at, head_weight_lanes);
    }
}

// head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31
// and 1 more like it
struct kernel_bias_add_subtract {
    size_t width;
    size_t count_i;
    const float *gradient_head_bias;
    float *m_head_bias;
    float *head_bias;
    const float *momentum;
    const float *lr_top_2;
};
KERNEL(kernel_bias_add_subtract, HP_THREADS)
{
    const size_t width = a.width;
    const size_t count_i = a.count_i;
    const float *const gradient_head_bias = a.gradient_head_bias;
    float *const m_head_bias = a.m_head_bias;
    float *const head_bias = a.head_bias;
    const float momentum = hp_get_f32(a.momentum);
    const float lr_top_2 = hp_get_f32(a.lr_top_2);
    for (size_t i = hp_first_column(width); i < count_i; i += hp_column_step(width)) {
        const float m_head_bias_value = hp_get_f32(m_head_bias + i);
        const float gradient_head_bias_value = hp_get_f32(gradient_head_bias + i);
        const float add = momentum * m_head_bias_value + gradient_head_bias_value;
        const float head_bias_value = hp_get_f32(head_bias + i);
        const float m_head_bias_value_2 = hp_get_f32(m_head_bias + i);
        const float gradient_head_bias_value_2 = hp_get_f32(gradient_head_bias + i);
        const float add_2 = momentum * m_head_bias_value_2 + gradient_head_bias_value_2;
        const float head_bias_value_2 = hp_get_f32(head_bias + i);
        hp_put_f32(m_head_bias + i, add_2);
        hp_put_f32(head_bias + i, head_bias_value_2 - lr_top_2 * add_2);
    }
}

// bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17
struct kernel_bn1_mean_variance_add {
    size_t width;
    size_t blocks;
    size_t outer;
    size_t stride_o;
    size_t kept;
    const float *conv1;
    double *partial;
};
KERNEL(kernel_bn1_mean_variance_add, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t outer = a.outer;
    const size_t stride_o = a.stride_o;
    const size_t kept = a.kept;
    const float *const conv1 = a.conv1;
    double *const partial = a.partial;
    HP_SHARED double scratch[HP_THREADS * 2];
    double all_sum[2];
    float sum[2];
    double all_squares[2];
    float squares[2];
    uint32_t group = 0;
    HP_UNROLL
    for (size_t lane = 0; lane < 2; lane++) {
        all_sum[lane] = 0;
        sum[lane] = 0.0f;
        all_squares[lane] = 0;
        squares[lane] = 0.0f;
    }
    const size_t b = hp_first_column(width);
    if (b < blocks) {
        for (size_t o = hp_first_row(width); o < outer; o += hp_row_step(width)) {
            float conv1_value[2];
            hp_load2_f32(conv1_value, conv1 + b * 2 + o * stride_o);
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                sum[lane] += conv1_value[lane];
                squares[lane] += conv1_value[lane] * conv1_value[lane];
            }
            if (++group % 8 == 0) {
                HP_UNROLL
                for (size_t lane = 0; lane < 2; lane++) {
                    all_sum[lane] += (double)sum[lane];
                    sum[lane] = 0.0f;
                    all_squares[lane] += (double)squares[lane];
                    squares[lane] = 0.0f;
                }
            }
        }
    }
    HP_UNROLL
    for (size_t lane = 0; lane < 2; lane++) {
        all_sum[lane] += (double)sum[lane];
        sum[lane] = 0.0f;
        all_squares[lane] += (double)squares[lane];
        squares[lane] = 0.0f;
    }
    hp_block_sums(all_sum, 2, scratch, (uint32_t)width);
    hp_block_sums(all_squares, 2, scratch, (uint32_t)width);
    if (threadIdx.x < width && b < blocks) {
        const size_t place = blockIdx.y * kept + (b) * 2;
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            hp_put_f64(partial + 0 * gridDim.y * kept + place + lane, all_sum[lane]);
            hp_put_f64(partial + 1 * gridDim.y * kept + place + lane, all_squares[lane]);
        }
    }
}

// bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17
struct kernel_bn1_mean_variance_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t outer;
    const double *partial;
    float *bn1_running_mean;
    float *bn1_running_var;
    float *bn1_mean;
    float *bn1_variance;
    float factor;
};
KERNEL(kernel_bn1_mean_variance_add_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const size_t outer = a.outer;
    const double *const partial = a.partial;
    float *const bn1_running_mean = a.bn1_running_mean;
    float *const bn1_running_var = a.bn1_running_var;
    float *const bn1_mean = a.bn1_mean;
    float *const bn1_variance = a.bn1_variance;
    const float factor = a.factor;
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        double all_squares = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_squares += hp_get_f64(partial + (1 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_squares, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t lane = at_kept % 2;
            const size_t b = (uint32_t)(at_kept / 2);
            const size_t at = b * 2 + lane;
            const float mean = (float)(all_sum / (double)(outer));
            const float variance = hp_variance(all_sum, all_squares, (double)(outer));
            const float bn1_running_mean_value = hp_get_f32(bn1_running_mean + at);
            const float bn1_running_var_value = hp_get_f32(bn1_running_var + at);
            hp_put_f32(bn1_mean + at, mean);
            hp_put_f32(bn1_variance + at, variance);
            hp_put_f32(bn1_running_mean + at, bn1_running_mean_value * 0.9f + mean * 0.1f);
            hp_put_f32(bn1_running_var + at, bn1_running_var_value * 0.9f + variance * factor * 0.1f);
        }
    }
}

// bn1 → pooled: subtract, add, rsqrt, multiply, multiply, add, relu, max_pool, ...   tests/emit/tiny.hpanet:18
struct kernel_pooled_max_pool_max_pool_index {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *bn1_mean;
    const float *bn1_variance;
    const float *bn1_weight;
    const float *bn1_bias;
    const float *conv1;
    float *pooled_max_pool;
    uint8_t *pooled_max_pool_index;
};
KERNEL(kernel_pooled_max_pool_max_pool_index, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t rows = a.rows;
    const size_t columns = a.columns;
    const size_t window_0_rows = a.window_0_rows;
    const size_t window_0_columns = a.window_0_columns;
    const size_t stride_n = a.stride_n;
    const size_t stride_row = a.stride_row;
    const size_t stride_column = a.stride_column;
    const size_t stride_n_2 = a.stride_n_2;
    const size_t stride_y = a.stride_y;
    const size_t stride_x = a.stride_x;
    const float *const bn1_mean = a.bn1_mean;
    const float *const bn1_variance = a.bn1_variance;
    const float *const bn1_weight = a.bn1_weight;
    const float *const bn1_bias = a.bn1_bias;
    const float *const conv1 = a.conv1;
    float *const pooled_max_pool = a.pooled_max_pool;
    uint8_t *const pooled_max_pool_index = a.pooled_max_pool_index;
    for (size_t b = hp_first_column(width); b < blocks; b += hp_column_step(width)) {
        float bn1_mean_value[2];
        hp_load2_f32(bn1_mean_value, bn1_mean + b * 2);
        float bn1_variance_value[2];
        hp_load2_f32(bn1_variance_value, bn1_variance + b * 2);
        float bn1_weight_value[2];
        hp_load2_f32(bn1_weight_value, bn1_weight + b * 2);
        float bn1_bias_value[2];
        hp_load2_f32(bn1_bias_value, bn1_bias + b * 2);
        float add[2], rsqrt[2];
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            add[lane] = bn1_variance_value[lane] + 1e-05f;
            rsqrt[lane] = 1.0f / sqrtf(add[lane]);
        }
        for (uint32_t at_row = hp_first_row(width); at_row < images * rows * columns; at_row += hp_row_step(width)) {
            const size_t x = at_row % (uint32_t)columns;
            const size_t y = at_row / (uint32_t)columns % (uint32_t)rows;
            const size_t n = at_row / (uint32_t)columns / (uint32_t)rows;
            float largest[2];
            int largest_tap[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                largest[lane] = -INFINITY;
                largest_tap[lane] = -1;
            }
            for (size_t ky = 0; ky < 2; ky++) {
                const size_t row = y * 2 + ky;
                if (row >= window_0_rows)
                    continue;
                for (size_t kx = 0; kx < 2; kx++) {
                    const size_t column = x * 2 + kx;
                    if (column >= window_0_columns)
                        continue;
                    const int32_t tap = (int32_t)(ky * 2 + kx);
                    float conv1_value[2];
                    hp_load2_f32(conv1_value, conv1 + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    HP_UNROLL
                    for (size_t lane = 0; lane < 2; lane++) {
                        const float multiply = (conv1_value[lane] - bn1_mean_value[lane]) * rsqrt[lane] * bn1_weight_value[lane];
                        const float candidate = hp_relu(multiply + bn1_bias_value[lane]);
                        const bool wins = largest_tap[lane] < 0 || candidate > largest[lane] || candidate != candidate;
                        largest_tap[lane] = wins ? tap : largest_tap[lane];
                        largest[lane] = wins ? candidate : largest[lane];
                    }
                }
            }
            const size_t at = b * 2 + n * stride_n_2 + y * stride_y + x * stride_x;
            float pooled_max_pool_lanes[2];
            float pooled_max_pool_index_lanes[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                pooled_max_pool_lanes[lane] = largest[lane];
                pooled_max_pool_index_lanes[lane] = largest_tap[lane];
            }
            hp_store2_f32(pooled_max_pool + at, pooled_max_pool_lanes);
            hp_store2_u8(pooled_max_pool_index + at, pooled_max_pool_index_lanes);
        }
    }
}

// means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply, multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19
struct kernel_bias_select_add {
    size_t width;
    size_t blocks;
    size_t images;
    size_t pixels;
    size_t stride_n;
    size_t stride_p;
    size_t stride_n_2;
    size_t stream_5;
    size_t kept;
    const int64_t *draw;
    const float *head;
    float *means_relu;
    double *partial;
    uint64_t seed;
};
KERNEL(kernel_bias_select_add, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t pixels = a.pixels;
    const size_t stride_n = a.stride_n;
    const size_t stride_p = a.stride_p;
    const size_t stride_n_2 = a.stride_n_2;
    const size_t stream_5 = a.stream_5;
    const size_t kept = a.kept;
    const int64_t *const draw = a.draw;
    const float *const head = a.head;
    float *const means_relu = a.means_relu;
    double *const partial = a.partial;
    const uint64_t seed = a.seed;
    HP_SHARED double scratch[HP_THREADS * 4];
    double all_sum[4];
    float sum[4];
    uint32_t group = 0;
    HP_UNROLL
    for (size_t lane = 0; lane < 4; lane++) {
        all_sum[lane] = 0;
        sum[lane] = 0.0f;
    }
    const size_t b = hp_first_column(width);
    if (b < blocks) {
        for (uint32_t at_row = hp_first_row(width); at_row < images * pixels; at_row += hp_row_step(width)) {
            const size_t p = at_row % (uint32_t)pixels;
            const size_t n = at_row / (uint32_t)pixels;
            const int64_t draw_value = hp_get_i64(draw + n);
            const size_t at = b * 4 + n * stride_n + p * stride_p;
            float means_relu_value[4];
            hp_load4_f32(means_relu_value, means_relu + at);
            float head_value[4];
            hp_load4_f32(head_value, head + b * 4 + n * stride_n_2);
            float means_relu_lanes[4];
            HP_UNROLL
            for (size_t lane = 0; lane < 4; lane++) {
                const float random = hp_random_uniform(seed, (uint32_t)stream_5, draw_value, (uint32_t)(b * 4 + lane));
                const float multiply = head_value[lane] * ((float)(random >= 0.5f) * 2.0f) * 0.0625f;
                const float select = (means_relu_value[lane] > 0.0f) ? multiply : 0.0f;
                sum[lane] += select;
                means_relu_lanes[lane] = select;
            }
            hp_store4_f32(means_relu + at, means_relu_lanes);
            if (++group % 8 == 0) {
                HP_UNROLL
                for (size_t lane = 0; lane < 4; lane++) {
                    all_sum[lane] += (double)sum[lane];
                    sum[lane] = 0.0f;
                }
            }
        }
    }
    HP_UNROLL
    for (size_t lane = 0; lane < 4; lane++) {
        all_sum[lane] += (double)sum[lane];
        sum[lane] = 0.0f;
    }
    hp_block_sums(all_sum, 4, scratch, (uint32_t)width);
    if (threadIdx.x < width && b < blocks) {
        const size_t place = blockIdx.y * kept + (b) * 4;
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            hp_put_f64(partial + 0 * gridDim.y * kept + place + lane, all_sum[lane]);
        }
    }
}

// means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply, multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19
struct kernel_bias_select_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    const double *partial;
    float *gradient_conv2_bias;
    const float *accumulate;
};
KERNEL(kernel_bias_select_add_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const double *const partial = a.partial;
    float *const gradient_conv2_bias = a.gradient_conv2_bias;
    const float accumulate = hp_get_f32(a.accumulate);
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t lane = at_kept % 4;
            const size_t b = (uint32_t)(at_kept / 4);
            const size_t at = b * 4 + lane;
            const float gradient_conv2_bias_value = hp_get_f32(gradient_conv2_bias + at);
            const float add = (accumulate != 0.0f ? gradient_conv2_bias_value : 0.0f) + (float)all_sum;
            hp_put_f32(gradient_conv2_bias + at, add);
        }
    }
}

// pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient, reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17
struct kernel_bias_sum_add {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    size_t kept;
    const float *bn1_mean;
    const float *bn1_variance;
    const float *pooled_max_pool;
    const float *conv2_convolution_gradient_input;
    const uint8_t *pooled_max_pool_index;
    const float *conv1;
    double *partial;
};
KERNEL(kernel_bias_sum_add, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t rows = a.rows;
    const size_t columns = a.columns;
    const size_t window_0_rows = a.window_0_rows;
    const size_t window_0_columns = a.window_0_columns;
    const size_t stride_n = a.stride_n;
    const size_t stride_row = a.stride_row;
    const size_t stride_column = a.stride_column;
    const size_t stride_n_2 = a.stride_n_2;
    const size_t stride_y = a.stride_y;
    const size_t stride_x = a.stride_x;
    const size_t kept = a.kept;
    const float *const bn1_mean = a.bn1_mean;
    const float *const bn1_variance = a.bn1_variance;
    const float *const pooled_max_pool = a.pooled_max_pool;
    const float *const conv2_convolution_gradient_input = a.conv2_convolution_gradient_input;
    const uint8_t *const pooled_max_pool_index = a.pooled_max_pool_index;
    const float *const conv1 = a.conv1;
    double *const partial = a.partial;
    HP_SHARED double scratch[HP_THREADS * 2];
    double all_sum[2];
    float sum[2];
    double all_sum_2[2];
    float sum_2[2];
    uint32_t group = 0;
    HP_UNROLL
    for (size_t lane = 0; lane < 2; lane++) {
        all_sum[lane] = 0;
        sum[lane] = 0.0f;
        all_sum_2[lane] = 0;
        sum_2[lane] = 0.0f;
    }
    const size_t b = hp_first_column(width);
    if (b < blocks) {
        float bn1_mean_value[2];
        hp_load2_f32(bn1_mean_value, bn1_mean + b * 2);
        float bn1_variance_value[2];
        hp_load2_f32(bn1_variance_value, bn1_variance + b * 2);
        float add[2], rsqrt[2];
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            add[lane] = bn1_variance_value[lane] + 1e-05f;
            rsqrt[lane] = 1.0f / sqrtf(add[lane]);
        }
        for (uint32_t at_row = hp_first_row(width); at_row < images * rows * columns; at_row += hp_row_step(width)) {
            const size_t x = at_row % (uint32_t)columns;
            const size_t y = at_row / (uint32_t)columns % (uint32_t)rows;
            const size_t n = at_row / (uint32_t)columns / (uint32_t)rows;
            float sum_3[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                sum_3[lane] = 0.0f;
            }
            const size_t first_row_2 = (y + 0) < 2 ? 0 : ((y + 0) - 0) / 2;
            for (size_t row = first_row_2; row < window_0_rows && row * 2 <= (y + 0); row++) {
                const size_t ky = (y + 0) - row * 2;
                const size_t first_column_2 = (x + 0) < 2 ? 0 : ((x + 0) - 0) / 2;
                for (size_t column = first_column_2; column < window_0_columns && column * 2 <= (x + 0); column++) {
                    const size_t kx = (x + 0) - column * 2;
                    const int32_t tap = (int32_t)(ky * 2 + kx);
                    float pooled_max_pool_value[2];
                    hp_load2_f32(pooled_max_pool_value, pooled_max_pool + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    float conv2_convolution_gradient_input_value[2];
                    hp_load2_f32(conv2_convolution_gradient_input_value, conv2_convolution_gradient_input + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    float pooled_max_pool_index_value[2];
                    hp_load2_u8(pooled_max_pool_index_value, pooled_max_pool_index + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    HP_UNROLL
                    for (size_t lane = 0; lane < 2; lane++) {
                        const float select = (pooled_max_pool_value[lane] > 0.0f) ? conv2_convolution_gradient_input_value[lane] : 0.0f;
                        sum_3[lane] += pooled_max_pool_index_value[lane] == tap ? select : 0.0f;
                    }
                }
            }
            float conv1_value[2];
            hp_load2_f32(conv1_value, conv1 + b * 2 + n * stride_n_2 + y * stride_y + x * stride_x);
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                const float multiply = sum_3[lane] * ((conv1_value[lane] - bn1_mean_value[lane]) * rsqrt[lane]);
                sum[lane] += sum_3[lane];
                sum_2[lane] += multiply;
            }
            if (++group % 8 == 0) {
                HP_UNROLL
                for (size_t lane = 0; lane < 2; lane++) {
                    all_sum[lane] += (double)sum[lane];
                    sum[lane] = 0.0f;
                    all_sum_2[lane] += (double)sum_2[lane];
                    sum_2[lane] = 0.0f;
                }
            }
        }
    }
    HP_UNROLL
    for (size_t lane = 0; lane < 2; lane++) {
        all_sum[lane] += (double)sum[lane];
        sum[lane] = 0.0f;
        all_sum_2[lane] += (double)sum_2[lane];
        sum_2[lane] = 0.0f;
    }
    hp_block_sums(all_sum, 2, scratch, (uint32_t)width);
    hp_block_sums(all_sum_2, 2, scratch, (uint32_t)width);
    if (threadIdx.x < width && b < blocks) {
        const size_t place = blockIdx.y * kept + (b) * 2;
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            hp_put_f64(partial + 0 * gridDim.y * kept + place + lane, all_sum[lane]);
            hp_put_f64(partial + 1 * gridDim.y * kept + place + lane, all_sum_2[lane]);
        }
    }
}

// pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient, reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17
struct kernel_bias_sum_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    const double *partial;
    float *gradient_bn1_weight;
    float *gradient_bn1_bias;
    float *bn1_sum;
    float *bn1_sum_2;
    const float *accumulate;
};
KERNEL(kernel_bias_sum_add_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const double *const partial = a.partial;
    float *const gradient_bn1_weight = a.gradient_bn1_weight;
    float *const gradient_bn1_bias = a.gradient_bn1_bias;
    float *const bn1_sum = a.bn1_sum;
    float *const bn1_sum_2 = a.bn1_sum_2;
    const float accumulate = hp_get_f32(a.accumulate);
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        double all_sum_2 = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum_2 += hp_get_f64(partial + (1 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum_2, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t lane = at_kept % 2;
            const size_t b = (uint32_t)(at_kept / 2);
            const size_t at = b * 2 + lane;
            const float sum_3 = (float)all_sum;
            const float sum_4 = (float)all_sum_2;
            const float gradient_bn1_weight_value = hp_get_f32(gradient_bn1_weight + at);
            const float add = (accumulate != 0.0f ? gradient_bn1_weight_value : 0.0f) + sum_4;
            const float gradient_bn1_bias_value = hp_get_f32(gradient_bn1_bias + at);
            const float add_2 = (accumulate != 0.0f ? gradient_bn1_bias_value : 0.0f) + sum_3;
            hp_put_f32(bn1_sum + at, sum_3);
            hp_put_f32(bn1_sum_2 + at, sum_4);
            hp_put_f32(gradient_bn1_weight + at, add);
            hp_put_f32(gradient_bn1_bias + at, add_2);
        }
    }
}

// pooled → bn1: greater, select, max_pool_gradient, multiply, subtract, subtract, add, rsqrt, ...   tests/emit/tiny.hpanet:17
struct kernel_bn1_multiply {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *bn1_sum;
    const float *bn1_mean;
    const float *bn1_variance;
    const float *bn1_sum_2;
    const float *bn1_weight;
    const float *pooled_max_pool;
    const float *conv2_convolution_gradient_input;
    const uint8_t *pooled_max_pool_index;
    float *conv1;
    float factor;
};
KERNEL(kernel_bn1_multiply, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t rows = a.rows;
    const size_t columns = a.columns;
    const size_t window_0_rows = a.window_0_rows;
    const size_t window_0_columns = a.window_0_columns;
    const size_t stride_n = a.stride_n;
    const size_t stride_row = a.stride_row;
    const size_t stride_column = a.stride_column;
    const size_t stride_n_2 = a.stride_n_2;
    const size_t stride_y = a.stride_y;
    const size_t stride_x = a.stride_x;
    const float *const bn1_sum = a.bn1_sum;
    const float *const bn1_mean = a.bn1_mean;
    const float *const bn1_variance = a.bn1_variance;
    const float *const bn1_sum_2 = a.bn1_sum_2;
    const float *const bn1_weight = a.bn1_weight;
    const float *const pooled_max_pool = a.pooled_max_pool;
    const float *const conv2_convolution_gradient_input = a.conv2_convolution_gradient_input;
    const uint8_t *const pooled_max_pool_index = a.pooled_max_pool_index;
    float *const conv1 = a.conv1;
    const float factor = a.factor;
    for (size_t b = hp_first_column(width); b < blocks; b += hp_column_step(width)) {
        float bn1_sum_value[2];
        hp_load2_f32(bn1_sum_value, bn1_sum + b * 2);
        float bn1_mean_value[2];
        hp_load2_f32(bn1_mean_value, bn1_mean + b * 2);
        float bn1_variance_value[2];
        hp_load2_f32(bn1_variance_value, bn1_variance + b * 2);
        float bn1_sum_2_value[2];
        hp_load2_f32(bn1_sum_2_value, bn1_sum_2 + b * 2);
        float bn1_weight_value[2];
        hp_load2_f32(bn1_weight_value, bn1_weight + b * 2);
        float multiply[2], add[2], rsqrt[2], multiply_2[2], multiply_3[2];
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            multiply[lane] = bn1_sum_value[lane] * factor;
            add[lane] = bn1_variance_value[lane] + 1e-05f;
            rsqrt[lane] = 1.0f / sqrtf(add[lane]);
            multiply_2[lane] = bn1_sum_2_value[lane] * factor;
            multiply_3[lane] = bn1_weight_value[lane] * rsqrt[lane];
        }
        for (uint32_t at_row = hp_first_row(width); at_row < images * rows * columns; at_row += hp_row_step(width)) {
            const size_t x = at_row % (uint32_t)columns;
            const size_t y = at_row / (uint32_t)columns % (uint32_t)rows;
            const size_t n = at_row / (uint32_t)columns / (uint32_t)rows;
            float sum[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                sum[lane] = 0.0f;
            }
            const size_t first_row_2 = (y + 0) < 2 ? 0 : ((y + 0) - 0) / 2;
            for (size_t row = first_row_2; row < window_0_rows && row * 2 <= (y + 0); row++) {
                const size_t ky = (y + 0) - row * 2;
                const size_t first_column_2 = (x + 0) < 2 ? 0 : ((x + 0) - 0) / 2;
                for (size_t column = first_column_2; column < window_0_columns && column * 2 <= (x + 0); column++) {
                    const size_t kx = (x + 0) - column * 2;
                    const int32_t tap = (int32_t)(ky * 2 + kx);
                    float pooled_max_pool_value[2];
                    hp_load2_f32(pooled_max_pool_value, pooled_max_pool + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    float conv2_convolution_gradient_input_value[2];
                    hp_load2_f32(conv2_convolution_gradient_input_value, conv2_convolution_gradient_input + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    float pooled_max_pool_index_value[2];
                    hp_load2_u8(pooled_max_pool_index_value, pooled_max_pool_index + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    HP_UNROLL
                    for (size_t lane = 0; lane < 2; lane++) {
                        const float select = (pooled_max_pool_value[lane] > 0.0f) ? conv2_convolution_gradient_input_value[lane] : 0.0f;
                        sum[lane] += pooled_max_pool_index_value[lane] == tap ? select : 0.0f;
                    }
                }
            }
            const size_t at = b * 2 + n * stride_n_2 + y * stride_y + x * stride_x;
            float conv1_value[2];
            hp_load2_f32(conv1_value, conv1 + at);
            float conv1_lanes[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                const float multiply_4 = (conv1_value[lane] - bn1_mean_value[lane]) * rsqrt[lane] * multiply_2[lane];
                const float multiply_5 = (sum[lane] - multiply[lane] - multiply_4) * multiply_3[lane];
                conv1_lanes[lane] = multiply_5;
            }
            hp_store2_f32(conv1 + at, conv1_lanes);
        }
    }
}

// bn1.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31
// and 1 more like it
struct kernel_weight_add_subtract_2 {
    size_t width;
    size_t count_i;
    const float *gradient_bn1_weight;
    float *m_bn1_weight;
    float *bn1_weight;
    const float *momentum;
    const float *bottom;
};
KERNEL(kernel_weight_add_subtract_2, HP_THREADS)
{
    const size_t width = a.width;
    const size_t count_i = a.count_i;
    const float *const gradient_bn1_weight = a.gradient_bn1_weight;
    float *const m_bn1_weight = a.m_bn1_weight;
    float *const bn1_weight = a.bn1_weight;
    const float momentum = hp_get_f32(a.momentum);
    const float bottom = hp_get_f32(a.bottom);
    for (size_t i = hp_first_column(width); i < count_i; i += hp_column_step(width)) {
        const size_t at = i * 2;
        float m_bn1_weight_value[2];
        hp_load2_f32(m_bn1_weight_value, m_bn1_weight + at);
        float gradient_bn1_weight_value[2];
        hp_load2_f32(gradient_bn1_weight_value, gradient_bn1_weight + at);
        float bn1_weight_value[2];
        hp_load2_f32(bn1_weight_value, bn1_weight + at);
        float m_bn1_weight_lanes[2];
        float bn1_weight_lanes[2];
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            const float add = momentum * m_bn1_weight_value[lane] + gradient_bn1_weight_value[lane];
            m_bn1_weight_lanes[lane] = add;
            bn1_weight_lanes[lane] = bn1_weight_value[lane] - bottom * add;
        }
        hp_store2_f32(m_bn1_weight + at, m_bn1_weight_lanes);
        hp_store2_f32(bn1_weight + at, bn1_weight_lanes);
    }
}

// conv2.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31
struct kernel_bias_add_subtract_2 {
    size_t width;
    size_t count_i;
    const float *gradient_conv2_bias;
    float *m_conv2_bias;
    float *conv2_bias;
    const float *momentum;
    const float *top;
};
KERNEL(kernel_bias_add_subtract_2, HP_THREADS)
{
    const size_t width = a.width;
    const size_t count_i = a.count_i;
    const float *const gradient_conv2_bias = a.gradient_conv2_bias;
    float *const m_conv2_bias = a.m_conv2_bias;
    float *const conv2_bias = a.conv2_bias;
    const float momentum = hp_get_f32(a.momentum);
    const float top = hp_get_f32(a.top);
    for (size_t i = hp_first_column(width); i < count_i; i += hp_column_step(width)) {
        const size_t at = i * 4;
        float m_conv2_bias_value[4];
        hp_load4_f32(m_conv2_bias_value, m_conv2_bias + at);
        float gradient_conv2_bias_value[4];
        hp_load4_f32(gradient_conv2_bias_value, gradient_conv2_bias + at);
        float conv2_bias_value[4];
        hp_load4_f32(conv2_bias_value, conv2_bias + at);
        float m_conv2_bias_lanes[4];
        float conv2_bias_lanes[4];
        HP_UNROLL
        for (size_t lane = 0; lane < 4; lane++) {
            const float add = momentum * m_conv2_bias_value[lane] + gradient_conv2_bias_value[lane];
            m_conv2_bias_lanes[lane] = add;
            conv2_bias_lanes[lane] = conv2_bias_value[lane] - top * add;
        }
        hp_store4_f32(m_conv2_bias + at, m_conv2_bias_lanes);
        hp_store4_f32(conv2_bias + at, conv2_bias_lanes);
    }
}

// pooled: max_pool   tests/emit/tiny.hpanet:18
// and 1 more like it
struct kernel_pooled_max_pool_2 {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *pooled_relu;
    float *pooled_max_pool;
};
KERNEL(kernel_pooled_max_pool_2, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const size_t images = a.images;
    const size_t rows = a.rows;
    const size_t columns = a.columns;
    const size_t window_0_rows = a.window_0_rows;
    const size_t window_0_columns = a.window_0_columns;
    const size_t stride_n = a.stride_n;
    const size_t stride_row = a.stride_row;
    const size_t stride_column = a.stride_column;
    const size_t stride_n_2 = a.stride_n_2;
    const size_t stride_y = a.stride_y;
    const size_t stride_x = a.stride_x;
    const float *const pooled_relu = a.pooled_relu;
    float *const pooled_max_pool = a.pooled_max_pool;
    for (size_t b = hp_first_column(width); b < blocks; b += hp_column_step(width)) {
        for (uint32_t at_row = hp_first_row(width); at_row < images * rows * columns; at_row += hp_row_step(width)) {
            const size_t x = at_row % (uint32_t)columns;
            const size_t y = at_row / (uint32_t)columns % (uint32_t)rows;
            const size_t n = at_row / (uint32_t)columns / (uint32_t)rows;
            float largest[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                largest[lane] = -INFINITY;
            }
            for (size_t ky = 0; ky < 2; ky++) {
                const size_t row = y * 2 + ky;
                if (row >= window_0_rows)
                    continue;
                for (size_t kx = 0; kx < 2; kx++) {
                    const size_t column = x * 2 + kx;
                    if (column >= window_0_columns)
                        continue;
                    float pooled_relu_value[2];
                    hp_load2_f32(pooled_relu_value, pooled_relu + b * 2 + n * stride_n + row * stride_row + column * stride_column);
                    HP_UNROLL
                    for (size_t lane = 0; lane < 2; lane++) {
                        const float candidate = pooled_relu_value[lane];
                        const bool wins = candidate > largest[lane] || candidate != candidate;
                        largest[lane] = wins ? candidate : largest[lane];
                    }
                }
            }
            float pooled_max_pool_lanes[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                pooled_max_pool_lanes[lane] = largest[lane];
            }
            hp_store2_f32(pooled_max_pool + b * 2 + n * stride_n_2 + y * stride_y + x * stride_x, pooled_max_pool_lanes);
        }
    }
}

// means: reduce_mean, reshape   tests/emit/tiny.hpanet:20
// and 1 more like it
struct kernel_means_reshape_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t blocks;
    size_t pixels;
    const double *partial;
    float *means_reshape;
};
KERNEL(kernel_means_reshape_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const size_t blocks = a.blocks;
    const size_t pixels = a.pixels;
    const double *const partial = a.partial;
    float *const means_reshape = a.means_reshape;
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t lane = at_kept % 4;
            const size_t b = (uint32_t)(at_kept / 4) % (uint32_t)blocks;
            const size_t n = (uint32_t)(at_kept / 4) / (uint32_t)blocks;
            hp_put_f32(means_reshape + (n * blocks + b) * 4 + lane, (float)(all_sum / (double)(pixels)));
        }
    }
}

// loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25
struct kernel_loss_reshape {
    size_t width;
    size_t count_i;
    size_t count_j;
    size_t kept;
    const float *labels;
    const float *head_add;
    double *partial;
};
KERNEL(kernel_loss_reshape, HP_THREADS)
{
    const size_t width = a.width;
    const size_t count_i = a.count_i;
    const size_t count_j = a.count_j;
    const size_t kept = a.kept;
    const float *const labels = a.labels;
    const float *const head_add = a.head_add;
    double *const partial = a.partial;
    HP_SHARED double scratch[HP_THREADS * 1];
    for (size_t i = blockIdx.z; i < count_i; i += gridDim.z) {
        double all_sum;
        float sum;
        uint32_t group = 0;
        all_sum = 0;
        sum = 0.0f;
        for (size_t j = hp_first_row(width); j < count_j; j += hp_row_step(width)) {
            const size_t at = i * count_j + j;
            const float labels_value = hp_get_f32(labels + at);
            const float head_add_value = hp_get_f32(head_add + at);
            const float add = labels_value * hp_softplus(-head_add_value) + (1.0f - labels_value) * hp_softplus(head_add_value);
            sum += add;
            if (++group % 8 == 0) {
                all_sum += (double)sum;
                sum = 0.0f;
            }
        }
        all_sum += (double)sum;
        sum = 0.0f;
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x == 0) {
            const size_t place = blockIdx.y * kept + i;
            hp_put_f64(partial + 0 * gridDim.y * kept + place, all_sum);
        }
    }
}

// loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25
struct kernel_loss_reshape_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t count_j;
    const double *partial;
    float *loss_reshape;
};
KERNEL(kernel_loss_reshape_end, HP_THREADS)
{
    const size_t kept = a.kept;
    const size_t width = a.width;
    const size_t chunks = a.chunks;
    const size_t count_j = a.count_j;
    const double *const partial = a.partial;
    float *const loss_reshape = a.loss_reshape;
    HP_SHARED double scratch[HP_THREADS];
    for (size_t first = blockIdx.x * width; first < kept; first += hp_column_step(width)) {
        const size_t at_kept = first + threadIdx.x % (uint32_t)width;
        double all_sum = 0;
        for (size_t chunk = hp_first_row(width); at_kept < kept && chunk < chunks; chunk += hp_row_step(width))
            all_sum += hp_get_f64(partial + (0 * chunks + chunk) * kept + at_kept);
        hp_block_sums(&all_sum, 1, scratch, (uint32_t)width);
        if (threadIdx.x < width && at_kept < kept) {
            const size_t i = (uint32_t)at_kept;
            hp_put_f32(loss_reshape + i, (float)(all_sum / (double)(count_j)));
        }
    }
}

// conv1.weight: add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17
struct kernel_weight_multiply {
    size_t width;
    size_t pixels;
    size_t images;
    size_t stride_n;
    const float *bn1_weight;
    const float *bn1_running_var;
    const float *conv1_weight;
    float *derived_conv1_weight;
};
KERNEL(kernel_weight_multiply, HP_THREADS)
{
    const size_t width = a.width;
    const size_t pixels = a.pixels;
    const size_t images = a.images;
    const size_t stride_n = a.stride_n;
    const float *const bn1_weight = a.bn1_weight;
    const float *const bn1_running_var = a.bn1_running_var;
    const float *const conv1_weight = a.conv1_weight;
    float *const derived_conv1_weight = a.derived_conv1_weight;
    for (size_t p = hp_first_column(width); p < pixels; p += hp_column_step(width)) {
        for (size_t n = hp_first_row(width); n < images; n += hp_row_step(width)) {
            const float multiply = hp_get_f32(bn1_weight + n) * (1.0f / sqrtf(hp_get_f32(bn1_running_var + n) + 1e-05f));
            const size_t at = p * 2 + n * stride_n;
            float conv1_weight_value[2];
            hp_load2_f32(conv1_weight_value, conv1_weight + at);
            float derived_conv1_weight_lanes[2];
            HP_UNROLL
            for (size_t lane = 0; lane < 2; lane++) {
                derived_conv1_weight_lanes[lane] = conv1_weight_value[lane] * multiply;
            }
            hp_store2_f32(derived_conv1_weight + at, derived_conv1_weight_lanes);
        }
    }
}

// conv1.weight → conv1.bias: add, rsqrt, multiply, multiply, subtract   tests/emit/tiny.hpanet:17
struct kernel_bias_subtract {
    size_t width;
    size_t blocks;
    const float *bn1_bias;
    const float *bn1_running_mean;
    const float *bn1_weight;
    const float *bn1_running_var;
    float *derived_conv1_bias;
};
KERNEL(kernel_bias_subtract, HP_THREADS)
{
    const size_t width = a.width;
    const size_t blocks = a.blocks;
    const float *const bn1_bias = a.bn1_bias;
    const float *const bn1_running_mean = a.bn1_running_mean;
    const float *const bn1_weight = a.bn1_weight;
    const float *const bn1_running_var = a.bn1_running_var;
    float *const derived_conv1_bias = a.derived_conv1_bias;
    for (size_t b = hp_first_column(width); b < blocks; b += hp_column_step(width)) {
        const size_t at = b * 2;
        float bn1_bias_value[2];
        hp_load2_f32(bn1_bias_value, bn1_bias + at);
        float bn1_running_mean_value[2];
        hp_load2_f32(bn1_running_mean_value, bn1_running_mean + at);
        float bn1_weight_value[2];
        hp_load2_f32(bn1_weight_value, bn1_weight + at);
        float bn1_running_var_value[2];
        hp_load2_f32(bn1_running_var_value, bn1_running_var + at);
        float derived_conv1_bias_lanes[2];
        HP_UNROLL
        for (size_t lane = 0; lane < 2; lane++) {
            const float multiply = bn1_weight_value[lane] * (1.0f / sqrtf(bn1_running_var_value[lane] + 1e-05f));
            const float subtract = bn1_bias_value[lane] - bn1_running_mean_value[lane] * multiply;
            derived_conv1_bias_lanes[lane] = subtract;
        }
        hp_store2_f32(derived_conv1_bias + at, derived_conv1_bias_lanes);
    }
}
