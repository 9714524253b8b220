/* The prelude of all kernels: accesses in every type and width, and what it computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "kernels/kernels.h"
#include "runtime/base/base.h"

enum { THREADS = 256 };

static void launch(const char *name, unsigned blocks, const void *arguments, size_t bytes)
{
    const char *error = simt_launch(name, (HpGrid){blocks, 1, 1}, arguments, bytes);
    if (error)
        fail_msg("%s", error);
}

/* ---------------------------------------------------------------- copies */

enum { ACCESSES = 300, BLOCKS = 2 };

/* Every byte of the result is the input's, each moved once. Bit patterns are those of finite numbers. */
static void check_copy(const char *type, int width, size_t element)
{
    const size_t bytes = ACCESSES * (size_t)width * element;
    struct copy_f32_1 arguments = {ACCESSES, simt_allocate(bytes), simt_allocate(bytes)};
    uint8_t *x = (uint8_t *)(uintptr_t)arguments.x;
    for (size_t i = 0; i < bytes; i++)
        x[i] = (uint8_t)(i % element == element - 1 && element > 1 ? i * 7 % 0x7b : i * 13 + i / 251);
    char *name = hp_format("copy_%s_%d", type, width);
    for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
        memset(arguments.y, 0x55, bytes);
        simt_set_order((SimtOrder)order, 5);
        const SimtTraffic before = simt_traffic();
        launch(name, BLOCKS, &arguments, sizeof arguments);
        assert_memory_equal(x, arguments.y, bytes);
        const SimtTraffic moved = simt_traffic_since(before);
        assert_int_equal(moved.read, bytes);
        assert_int_equal(moved.read_once, bytes);
        assert_int_equal(moved.written, bytes);
        assert_int_equal(moved.written_once, bytes);
    }
    free(name);
    simt_release(x);
    simt_release(arguments.y);
}

static void test_copies(void **state)
{
    (void)state;
    for (int width = 1; width <= 8; width *= 2) {
        check_copy("f32", width, sizeof(float));
        check_copy("f16", width, sizeof(uint16_t));
        check_copy("bf16", width, sizeof(uint16_t));
        check_copy("u8", width, sizeof(uint8_t));
    }
}

/* ---------------------------------------------------------------- blocks */

static void test_block_sums(void **state)
{
    (void)state;
    float *x = simt_allocate(BLOCKS * THREADS * sizeof *x);
    for (int i = 0; i < BLOCKS * THREADS; i++)
        x[i] = (float)(hp_uniform(1, (uint64_t)i, 0) - 0.75);
    for (uint32_t columns = 1; columns <= THREADS; columns *= 2) {
        const size_t bytes = BLOCKS * columns * sizeof(double);
        struct block_sums arguments = {columns, x, simt_allocate(bytes), simt_allocate(bytes)};
        for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
            simt_set_order((SimtOrder)order, columns);
            memset(arguments.sums, 0, bytes);
            memset(arguments.maxima, 0, bytes);
            launch("block_sums", BLOCKS, &arguments, sizeof arguments);
            for (uint32_t i = 0; i < BLOCKS * columns; i++) {
                double sum = 0, maximum = -INFINITY;
                for (uint32_t thread = i % columns; thread < THREADS; thread += columns) {
                    const double value = x[i / columns * THREADS + thread];
                    sum += value;
                    maximum = value > maximum ? value : maximum;
                }
                assert_true(fabs(arguments.sums[i] - sum) < 1e-12);
                assert_true(arguments.maxima[i] == maximum);
            }
        }
        simt_release(arguments.sums);
        simt_release(arguments.maxima);
    }
    simt_release(x);
}

/* Every block of a batch finds its call and its place in it. */
static void test_segments(void **state)
{
    (void)state;
    static const uint32_t grids[SEGMENTS][3] = {{1, 1, 1}, {7, 1, 1}, {3, 2, 1}, {1, 1, 1}, {2, 3, 4}};
    for (uint32_t count = 1; count <= SEGMENTS; count++) {
        struct segmented arguments = {.count = count};
        uint32_t blocks = 0;
        for (uint32_t i = 0; i < count; i++) {
            arguments.segments[i][0] = blocks;
            memcpy(arguments.segments[i] + 1, grids[i], sizeof grids[i]);
            blocks += grids[i][0] * grids[i][1] * grids[i][2];
        }
        arguments.seen = simt_allocate(blocks * SEEN * sizeof *arguments.seen);
        launch("segmented", blocks, &arguments, sizeof arguments);
        const uint32_t *seen = arguments.seen;
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t z = 0; z < grids[i][2]; z++)
                for (uint32_t y = 0; y < grids[i][1]; y++)
                    for (uint32_t x = 0; x < grids[i][0]; x++, seen += SEEN)
                        assert_memory_equal(seen,
                                            ((uint32_t[]){i, x, y, z, grids[i][0], grids[i][1], grids[i][2]}),
                                            SEEN * sizeof *seen);
        simt_release(arguments.seen);
    }
}

/* ---------------------------------------------------------------- functions */

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double function_of(uint32_t function, double x)
{
    switch (function) {
    case MATH_RELU: return x < 0 ? 0 : x;
    case MATH_SIGN: return (x > 0) - (x < 0);
    case MATH_EXP: return exp(x);
    case MATH_LOG: return log(x);
    case MATH_TANH: return tanh(x);
    case MATH_ERF: return erf(x);
    case MATH_SIGMOID: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
    case MATH_SOFTPLUS: return softplus(x);
    default: return -softplus(-x);
    }
}

static void test_functions(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    float *x = simt_allocate(COUNT * sizeof *x), *y = simt_allocate(COUNT * sizeof *y);
    for (int i = 0; i < COUNT - 5; i++)
        x[i] = (float)(i - COUNT / 2) * 0.1f;
    memcpy(x + COUNT - 5, (float[]){NAN, INFINITY, -INFINITY, 1e-30f, 0.0f}, 5 * sizeof *x);
    simt_set_order(SIMT_FORWARD, 0);
    for (uint32_t function = 0; function < MATH_FUNCTIONS; function++) {
        const struct math arguments = {function, COUNT, x, y};
        launch("math", (COUNT + THREADS - 1) / THREADS, &arguments, sizeof arguments);
        for (int i = 0; i < COUNT; i++) {
            const double exact = function_of(function, (double)x[i]);
            const float expected = (float)exact; /* infinite where a float has no room */
            const bool same = isnan(expected) ? isnan(y[i]) : y[i] == expected;
            if (!same && !(fabs((double)y[i] - exact) <= 1e-6 * fabs(exact) + 1e-37))
                fail_msg("function %u of %g is %g, not %g", function, (double)x[i], (double)y[i], exact);
        }
    }
    simt_release(x);
    simt_release(y);
}

static void test_random_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        uint32_t path;
        int64_t draw;
    } keys[] = {{0, 0, 0}, {1, 2, 3}, {UINT64_MAX, UINT32_MAX, -1}, {0x123456789abcdef0u, 77, 5000000000}};
    float *y = simt_allocate(BLOCKS * THREADS * sizeof *y);
    for (size_t key = 0; key < sizeof keys / sizeof *keys; key++) {
        const struct random_numbers arguments = {keys[key].seed, keys[key].draw, keys[key].path, y};
        launch("random_numbers", BLOCKS, &arguments, sizeof arguments);
        for (uint32_t i = 0; i < BLOCKS * THREADS; i++) {
            const float expected = hp_random_uniform(keys[key].seed, keys[key].path, keys[key].draw, i);
            assert_memory_equal(&y[i], &expected, sizeof expected);
        }
    }
    simt_release(y);
}

/* ---------------------------------------------------------------- images */

/* The kernel's struct is the host's HpImageStore. */
static void test_image_pixels(void **state)
{
    (void)state;
    enum { HEIGHT = 3, WIDTH = 5, PLANES = 2, COUNT = 2 * HEIGHT * WIDTH * PLANES };
    uint8_t bytes[COUNT];
    uint16_t words[COUNT];
    for (int i = 0; i < COUNT; i++) {
        bytes[i] = (uint8_t)(i + 100);
        words[i] = (uint16_t)(i + 1000);
    }
    simt_allow(bytes, sizeof bytes, "bytes", false);
    simt_allow(words, sizeof words, "words", false);
    float *y = simt_allocate(64 * PLANES * sizeof *y);
    for (int bits = 8; bits <= 16; bits *= 2) {
        const HpImageStore store = {.pixels = bits == 8 ? (void *)bytes : (void *)words,
                                    .bits = bits,
                                    .height = HEIGHT,
                                    .width = WIDTH,
                                    .planes = PLANES,
                                    .count = 2,
                                    .scale = 2,
                                    .offset = 0.5f};
        const struct image_pixels arguments = {(const struct hp_image_store *)(const void *)&store, y};
        launch("image_pixels", 1, &arguments, sizeof arguments);
        for (int i = 0; i < 64 * PLANES; i++) {
            const int column = i % 8 - 2, row = i / 8 % 8 - 2, plane = i / 64;
            const bool inside = column >= 0 && row >= 0 && column < WIDTH && row < HEIGHT;
            const int at = ((HEIGHT + row) * WIDTH + column) * PLANES + plane;
            assert_true(y[i] == (inside ? 2.0f * (float)(bits == 8 ? 100 + at : 1000 + at) : 0.0f) + 0.5f);
        }
    }
    simt_release(y);
    simt_forget(bytes);
    simt_forget(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),         cmocka_unit_test(test_block_sums),
        cmocka_unit_test(test_segments),       cmocka_unit_test(test_functions),
        cmocka_unit_test(test_random_numbers), cmocka_unit_test(test_image_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
