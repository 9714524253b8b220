/* What generated kernels call: the functions of kernel_math.h against libm in double, the sampler of
 * kernel_image.h against its definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/device/kernel_image.h"
#include "runtime/device/kernel_math.h"

/* ---- functions ---- */

static double log_sigmoid(double x)
{
    return (x < 0 ? x : 0) - log1p(exp(-fabs(x)));
}

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

typedef struct Function {
    const char *name;
    float (*ours)(float);
    double (*exact)(double);
    float from, to;
    double units; /* of the last place */
} Function;

/* In units of the last place of the exact result; half of the smallest normal number counts as one below it.
 */
static double units_off(float ours, double exact)
{
    double unit = exp2(floor(log2(fmax(fabs(exact), (double)1.17549435e-38f))) - 23);
    return fabs((double)ours - exact) / unit;
}

static void test_functions(void **state)
{
    (void)state;
    static const Function functions[] = {
        {"exp", hp_exp, exp, -103, 88.7f, 2},
        {"log", hp_log, log, 1e-44f, 3e38f, 2},
        {"tanh", hp_tanh, tanh, -12, 12, 4},
        {"sigmoid", hp_sigmoid, sigmoid, -87, 30, 4},
        {"log_sigmoid", hp_log_sigmoid, log_sigmoid, -100, 87, 4},
        {"softplus", hp_softplus, softplus, -87, 100, 4},
    };
    enum { POINTS = 200000 };
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        const Function *function = &functions[f];
        double worst = 0;
        for (int i = 0; i <= POINTS; i++) {
            double part = (double)i / POINTS;
            float x = (float)(function->from + part * ((double)function->to - (double)function->from));
            if (function->ours == hp_log) /* by exponents */
                x = (float)exp2(-149 + part * (127.9 + 149));
            double off = units_off(function->ours(x), function->exact((double)x));
            worst = off > worst ? off : worst;
        }
        if (worst > function->units)
            fail_msg("%s is off by %.2f units of the last place, allowed are %.1f", function->name, worst,
                     function->units);
    }
}

static void test_special_values(void **state)
{
    (void)state;
    assert_true(isnan(hp_exp(NAN)) && isnan(hp_log(NAN)) && isnan(hp_tanh(NAN)) && isnan(hp_relu(NAN)));
    assert_true(isnan(hp_maximum(NAN, 1)) && isnan(hp_maximum(1, NAN)) && isnan(hp_minimum(1, NAN)));
    assert_true(isnan(hp_sigmoid(NAN)) && isnan(hp_log_sigmoid(NAN)) && isnan(hp_softplus(NAN)) &&
                isnan(hp_log(-1)));
    assert_true(hp_exp(INFINITY) == INFINITY && hp_exp(-INFINITY) == 0 && hp_exp(0) == 1 &&
                hp_exp(89) == INFINITY);
    assert_true(hp_log(INFINITY) == INFINITY && hp_log(0) == -INFINITY && hp_log(1) == 0);
    assert_true(hp_tanh(INFINITY) == 1 && hp_tanh(-INFINITY) == -1 && hp_tanh(0) == 0);
    assert_true(hp_sigmoid(INFINITY) == 1 && hp_sigmoid(-INFINITY) == 0);
    assert_true(hp_variance(3, 3, 3) == 0 && hp_variance(0, 12, 3) == 4);
}

/* ---- images ---- */

static uint64_t random_state;

static uint32_t next(void)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(random_state >> 33);
}

static double pixel(const HpImageStore *store, int64_t n, int64_t y, int64_t x, int plane)
{
    if (y < 0 || y >= store->height || x < 0 || x >= store->width)
        return 0;
    int64_t at = ((n * store->height + y) * store->width + x) * store->planes + plane;
    double raw =
        store->bits == 8 ? ((const uint8_t *)store->pixels)[at] : ((const uint16_t *)store->pixels)[at];
    return (double)store->scale * raw + (double)store->offset;
}

/* Bilinear; what lies outside is 0. */
static double sample_at(const HpImageStore *store, int64_t n, double y, double x, int plane)
{
    int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
    double down = y - (double)top, right = x - (double)left;
    return (1 - down) * ((1 - right) * pixel(store, n, top, left, plane) +
                         right * pixel(store, n, top, left + 1, plane)) +
           down * ((1 - right) * pixel(store, n, top + 1, left, plane) +
                   right * pixel(store, n, top + 1, left + 1, plane));
}

/* The kernel wants the number of planes as a constant. */
static void run_kernel(const HpContext *context, int planes, int64_t side, const int64_t *sample,
                       const float *affine, const float *gain, const float *mean, const float *deviation,
                       float *out)
{
    switch (planes) {
    case 1: hp_image_kernel(context, 1, 2, side, side, sample, affine, gain, mean, deviation, out); break;
    case 3: hp_image_kernel(context, 3, 2, side, side, sample, affine, gain, mean, deviation, out); break;
    case 4: hp_image_kernel(context, 4, 2, side, side, sample, affine, gain, mean, deviation, out); break;
    default: hp_image_kernel(context, 5, 2, side, side, sample, affine, gain, mean, deviation, out);
    }
}

static void check_image(int planes, int bits, const float affine[12])
{
    enum { HEIGHT = 21, WIDTH = 30, IMAGES = 3, SIDE = 70 };
    size_t count = (size_t)(IMAGES * HEIGHT * WIDTH * planes);
    unsigned char *pixels = malloc(count * (size_t)bits / 8); /* exactly: reading behind it is a fault */
    for (size_t i = 0; i < count * (size_t)bits / 8; i++)
        pixels[i] = (unsigned char)next();
    HpContext context = {.images = {.pixels = pixels,
                                    .bits = bits,
                                    .height = HEIGHT,
                                    .width = WIDTH,
                                    .planes = planes,
                                    .count = IMAGES,
                                    .scale = bits == 8 ? 1.0f / 255 : 1.0f / 65535,
                                    .offset = 0.25f}};
    const int64_t sample[2] = {2, 0};
    const float gain[2] = {1, 1.25f}, mean[5] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f},
                deviation[5] = {1, 2, 0.5f, 0.25f, 3};
    float *out = malloc(sizeof(float) * 2 * (size_t)planes * SIDE * SIDE);
    run_kernel(&context, planes, SIDE, sample, affine, gain, mean, deviation, out);
    for (int64_t n = 0; n < 2; n++)
        for (int plane = 0; plane < planes; plane++)
            for (int64_t y = 0; y < SIDE; y++)
                for (int64_t x = 0; x < SIDE; x++) {
                    const float *a = affine + 6 * n;
                    double source_x = (double)(a[0] * (float)x + (a[1] * (float)y + a[2]));
                    double source_y = (double)(a[3] * (float)x + (a[4] * (float)y + a[5]));
                    double value =
                        sample_at(&context.images, sample[n], source_y, source_x, plane) * (double)gain[n];
                    value = (value - (double)mean[plane]) / (double)deviation[plane];
                    double ours = (double)out[((n * planes + plane) * SIDE + y) * SIDE + x];
                    if (fabs(ours - value) > 2e-4)
                        fail_msg("%d planes of %d bits: image %d, plane %d, (%d, %d) is %g, not %g", planes,
                                 bits, (int)n, plane, (int)x, (int)y, ours, value);
                }
    free(out);
    free(pixels);
}

static void test_image(void **state)
{
    (void)state;
    static const float identity[12] = {1, 0, 0, 0, 1, 0, 0.4f, 0, 0.5f, 0, 0.3f, -0.5f};
    static const float turned[12] = {0.3f, -0.4f, 14, 0.35f, 0.25f, -3, -1, 0.01f, 29, 0.02f, -1, 20};
    static const float far_away[12] = {1, 0, -1e6f, 0, 1, 5, 1, 0, 3e9f, 0, 1, 3e9f};
    static const int planes[] = {1, 3, 4, 5};
    for (int i = 0; i < 4; i++)
        for (int bits = 8; bits <= 16; bits += 8) {
            check_image(planes[i], bits, identity);
            check_image(planes[i], bits, turned);
            check_image(planes[i], bits, far_away);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
