/* What generated kernels are made of besides plain C: functions without branches, so that loops over them
 * become vector code. Accurate to about 2 units in the last place; NaN stays NaN. */
#ifndef HPART_DEVICE_KERNEL_MATH_H
#define HPART_DEVICE_KERNEL_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

static inline float hp_float_of_bits(int32_t bits)
{
    union {
        int32_t bits;
        float value;
    } both = {.bits = bits};
    return both.value;
}

static inline int32_t hp_bits_of_float(float value)
{
    union {
        float value;
        int32_t bits;
    } both = {.value = value};
    return both.bits;
}

static inline size_t hp_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline ptrdiff_t hp_smaller(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}

static inline ptrdiff_t hp_larger(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}

static inline float hp_relu(float x)
{
    return x < 0.0f ? 0.0f : x;
}

static inline float hp_rsqrt(float x)
{
    return 1.0f / sqrtf(x);
}

static inline float hp_sign(float x)
{
    return (float)((x > 0.0f) - (x < 0.0f));
}

static inline float hp_maximum(float a, float b)
{
    return a < b || b != b ? b : a;
}

static inline float hp_minimum(float a, float b)
{
    return a > b || b != b ? b : a;
}

static inline double hp_maximum_double(double a, double b)
{
    return a < b || b != b ? b : a;
}

static inline double hp_minimum_double(double a, double b)
{
    return a > b || b != b ? b : a;
}

/* 2^n * (1 + r + r^2/2 + ...) with x = n ln 2 + r, |r| <= ln 2 / 2; 2^n in two factors, so that tiny results
 * are rounded once and huge ones become infinite. */
static inline float hp_exp(float x)
{
    float limited = x > 89.0f ? 89.0f : x;
    limited = limited < -104.0f ? -104.0f : limited;
    float n = limited * 1.44269504f + 12582912.0f; /* rounds to a whole number */
    n -= 12582912.0f;
    float r = limited - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int32_t whole = (int32_t)n, half = whole / 2;
    float result =
        p * hp_float_of_bits((half + 127) * (1 << 23)) * hp_float_of_bits((whole - half + 127) * (1 << 23));
    return x != x ? x : result;
}

/* The exponent and a polynomial of the mantissa in [sqrt 1/2, sqrt 2). */
static inline float hp_log(float x)
{
    bool tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    int32_t bits = hp_bits_of_float(scaled);
    int32_t exponent = ((bits - 0x3f3504f3) >> 23); /* 0 for mantissas up to sqrt 2 */
    float m = hp_float_of_bits(bits - exponent * (1 << 23)) - 1.0f;
    float e = (float)(exponent - (tiny ? 23 : 0)), z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float result = m * z * p + e * -2.12194440e-4f - 0.5f * z + m + e * 0.693359375f;
    result = x == INFINITY ? x : result;
    result = x == 0.0f ? -INFINITY : result;
    return x < 0.0f || x != x ? NAN : result;
}

/* log(1 + t) for t in [0, 1]: the logarithm, corrected for what 1 + t lost. */
static inline float hp_log1p_unit(float t)
{
    float u = 1.0f + t, lost = u - 1.0f;
    return lost == 0.0f ? t : hp_log(u) * (t / lost);
}

static inline float hp_tanh(float x)
{
    float size = fabsf(x), z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float small = p * z * x + x;
    float large = 1.0f - 2.0f / (hp_exp(2.0f * size) + 1.0f);
    return size < 0.625f ? small : x < 0.0f ? -large : large;
}

static inline float hp_erf(float x)
{
    return erff(x);
}

static inline float hp_sigmoid(float x)
{
    return 1.0f / (1.0f + hp_exp(-x));
}

static inline float hp_log_sigmoid(float x)
{
    return (x < 0.0f ? x : 0.0f) - hp_log1p_unit(hp_exp(-fabsf(x)));
}

static inline float hp_softplus(float x)
{
    return (x > 0.0f ? x : 0.0f) + hp_log1p_unit(hp_exp(-fabsf(x)));
}

/* Squares, cubes and roots are common exponents. */
static inline float hp_power(float a, float b)
{
    if (__builtin_constant_p(b) && b == 2.0f)
        return a * a;
    if (__builtin_constant_p(b) && b == 3.0f)
        return a * a * a;
    if (__builtin_constant_p(b) && b == 0.5f)
        return a == -INFINITY ? INFINITY : sqrtf(a);
    return powf(a, b);
}

/* Biased, from sums in double; rounding may not make it negative. */
static inline float hp_variance(double sum, double squares, double count)
{
    double mean = sum / count, variance = squares / count - mean * mean;
    return variance < 0 ? 0.0f : (float)variance;
}

/* Bytes to words, as many as a block has lanes: one instruction that compilers do not find. */
static inline void hp_widen_8(int32_t *out, const uint8_t *in)
{
#ifdef __AVX2__
    _mm256_storeu_si256((__m256i *)out, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)in)));
#else
    for (int i = 0; i < 8; i++)
        out[i] = in[i];
#endif
}

static inline void hp_widen_16(int32_t *out, const uint8_t *in)
{
#ifdef __AVX512F__
    _mm512_storeu_si512(out, _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)in)));
#else
    hp_widen_8(out, in);
    hp_widen_8(out + 8, in + 8);
#endif
}

#endif
