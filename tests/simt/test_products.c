/* Products against sums by their definition. Operands are eighths of small whole numbers, so that every sum
 * is exact and results are compared bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "number.h"
#include "products.h"
#include "refused.h"
#include "runtime/base/base.h"

/* ---------------------------------------------------------------- tensors */

/* Four axes in the logical order; a matrix is [batch, 1, rows, columns]. */
typedef struct Tensor {
    int64_t shape[4], pitch; /* from pixel to pixel, or row to row */
    HpFormat format;
    HpDataType type;
    bool matrix;
    double *numbers; /* row-major */
    void *memory;    /* on the device */
    int64_t room;    /* elements there */
} Tensor;

enum { OUTSIDE = 77 }; /* what lies between pixels */

static int64_t place(const Tensor *t, const int64_t i[4])
{
    const int64_t *s = t->shape;
    if (t->matrix)
        return (i[0] * s[2] + i[2]) * t->pitch + i[3];
    if (t->format == HP_FORMAT_NHWC)
        return ((i[0] * s[2] + i[2]) * s[3] + i[3]) * t->pitch + i[1];
    return ((i[0] * s[1] + i[1]) * s[2] + i[2]) * s[3] + i[3];
}

static bool next(const Tensor *t, int64_t i[4])
{
    for (int axis = 3; axis >= 0; axis--) {
        if (++i[axis] < t->shape[axis])
            return true;
        i[axis] = 0;
    }
    return false;
}

/* `gap` elements between pixels or rows, 0 for a tensor in one piece. */
static Tensor new_tensor(const int64_t shape[4], HpFormat format, HpDataType type, bool matrix, int64_t gap,
                         uint64_t key)
{
    Tensor t = {.format = format, .type = type, .matrix = matrix};
    memcpy(t.shape, shape, sizeof t.shape);
    t.pitch = (matrix ? shape[3] : shape[1]) + gap;
    const int64_t count = shape[0] * shape[1] * shape[2] * shape[3];
    t.room = matrix                     ? shape[0] * shape[2] * t.pitch
             : format == HP_FORMAT_NHWC ? shape[0] * shape[2] * shape[3] * t.pitch
                                        : count;
    t.numbers = hp_alloc((size_t)count, sizeof *t.numbers);
    t.memory = simt_allocate((size_t)(t.room * hp_data_type_bytes(type)));
    for (int64_t i = 0; i < t.room; i++)
        simt_number_put(type, t.memory, i, OUTSIDE);
    int64_t at[4] = {0}, number = 0;
    do {
        uint32_t words[4];
        hp_philox(key, (uint64_t)number, 0, words);
        t.numbers[number] = ((int)(words[0] % 33) - 16) / 8.0;
        simt_number_put(type, t.memory, place(&t, at), t.numbers[number]);
        number++;
    } while (next(&t, at));
    return t;
}

static void free_tensor(Tensor *t)
{
    free(t->numbers);
    simt_release(t->memory);
}

/* `sums` with the call's epilogue and rounding is what the device holds, and nothing else changed. */
static void assert_result(const HpLibraryCall *call, const Tensor *c, const double *sums, const float *bias)
{
    int64_t at[4] = {0}, number = 0;
    int64_t outside = 0;
    do {
        double expected = sums[number] + (bias ? (double)bias[c->matrix ? at[3] : at[1]] : 0) +
                          (call->add ? c->numbers[number] : 0);
        uint64_t rounded[1] = {0};
        simt_number_put(c->type, rounded, 0, call->relu && expected < 0 ? 0 : expected);
        const double value = simt_number_get(c->type, c->memory, place(c, at));
        if (value != simt_number_get(c->type, rounded, 0))
            fail_msg("%s: element %lld is %g, not %g", call->name, (long long)number, value, expected);
        simt_number_put(c->type, c->memory, place(c, at), OUTSIDE);
        number++;
    } while (next(c, at));
    for (int64_t i = 0; i < c->room; i++)
        outside += simt_number_get(c->type, c->memory, i) != OUTSIDE;
    assert_int_equal(outside, 0);
}

/* Of what the device holds. */
static void assert_statistics(const Tensor *c, const float *statistics)
{
    const int64_t channels = c->shape[1];
    double *sums = hp_alloc(2 * (size_t)channels, sizeof *sums);
    int64_t at[4] = {0};
    do {
        const double value = simt_number_get(c->type, c->memory, place(c, at));
        sums[at[1]] += value;
        sums[channels + at[1]] += value * value;
    } while (next(c, at));
    for (int64_t i = 0; i < 2 * channels; i++)
        assert_true(fabs((double)statistics[i] - sums[i]) <= 1e-6 * sums[channels + i % channels]);
    free(sums);
}

static float *new_bias(int64_t count)
{
    float *bias = simt_allocate((size_t)count * sizeof *bias);
    for (int64_t i = 0; i < count; i++)
        bias[i] = (float)(i % 5 - 2) / 4;
    return bias;
}

/* ---------------------------------------------------------------- convolutions */

/* The sum over all pairs of an input and an output pixel that meet in a tap. */
static void convolve_by_definition(const HpLibraryCall *call, double *x, double *weight, double *y)
{
    const int64_t I = call->in_channels / call->groups, O = call->out_channels / call->groups;
    const int64_t *in = call->in_size, *out = call->out_size, *kernel = call->kernel;
    for (int64_t n = 0; n < call->batch; n++)
        for (int64_t o = 0; o < call->out_channels; o++)
            for (int64_t i = 0; i < I; i++)
                for (int64_t tap = 0; tap < kernel[0] * kernel[1]; tap++)
                    for (int64_t pixel = 0; pixel < in[0] * in[1]; pixel++)
                        for (int64_t to = 0; to < out[0] * out[1]; to++) {
                            const int64_t row = to / out[1] * call->stride[0] +
                                                tap / kernel[1] * call->dilation[0] - call->pad_before[0];
                            const int64_t column = to % out[1] * call->stride[1] +
                                                   tap % kernel[1] * call->dilation[1] - call->pad_before[1];
                            if (row != pixel / in[1] || column != pixel % in[1])
                                continue;
                            double *xi = &x[(n * call->in_channels + o / O * I + i) * in[0] * in[1] + pixel];
                            double *wi = &weight[(o * I + i) * kernel[0] * kernel[1] + tap];
                            double *yi = &y[(n * call->out_channels + o) * out[0] * out[1] + to];
                            if (call->kind == HP_CONVOLUTION)
                                *yi += *xi * *wi;
                            else if (call->kind == HP_CONVOLUTION_GRADIENT_INPUT)
                                *xi += *yi * *wi;
                            else
                                *wi += *xi * *yi;
                        }
}

/* Operands by role: x, weight, y. */
static const int roles[3][3] = {[HP_CONVOLUTION] = {0, 1, 2},
                                [HP_CONVOLUTION_GRADIENT_INPUT] = {2, 1, 0},
                                [HP_CONVOLUTION_GRADIENT_WEIGHT] = {0, 2, 1}};

static void check_convolution(HpLibraryCall call, HpFormat format, HpDataType type, HpDataType type_c,
                              int64_t gap)
{
    const int64_t shapes[3][4] = {
        {call.batch, call.in_channels, call.in_size[0], call.in_size[1]},
        {call.out_channels, call.in_channels / call.groups, call.kernel[0], call.kernel[1]},
        {call.batch, call.out_channels, call.out_size[0], call.out_size[1]}};
    const int *role = roles[call.kind];
    Tensor t[3];
    int64_t gaps[3];
    for (int i = 0; i < 3; i++) { /* weights are in one piece */
        gaps[i] = format == HP_FORMAT_NHWC && role[i] != 1 ? gap : 0;
        t[i] = new_tensor(shapes[role[i]], format, i == 2 ? type_c : type, false, gaps[i], (uint64_t)i + 1);
    }
    call.format_a = call.format_b = call.format_c = format;
    call.type_a = call.type_b = type;
    call.type_c = type_c;
    call.pitch_a = gaps[0] ? t[0].pitch : 0;
    call.pitch_b = gaps[1] ? t[1].pitch : 0;
    call.pitch_c = gaps[2] ? t[2].pitch : 0;
    float *bias = call.bias ? new_bias(t[2].shape[1]) : NULL;
    float *statistics =
        call.statistics ? simt_allocate(2 * (size_t)t[2].shape[1] * sizeof *statistics) : NULL;
    void *scratchpad = call.scratchpad ? simt_allocate((size_t)call.scratchpad) : NULL;
    const int64_t count = t[2].shape[0] * t[2].shape[1] * t[2].shape[2] * t[2].shape[3];
    double *sums = hp_alloc((size_t)count, sizeof *sums), *by_role[3];
    for (int i = 0; i < 3; i++)
        by_role[role[i]] = i == 2 ? sums : t[i].numbers;
    convolve_by_definition(&call, by_role[0], by_role[1], by_role[2]);
    simt_product_run(&call, t[0].memory, t[1].memory, bias, t[2].memory, statistics, scratchpad);
    if (statistics)
        assert_statistics(&t[2], statistics);
    assert_result(&call, &t[2], sums, bias);
    for (int i = 0; i < 3; i++)
        free_tensor(&t[i]);
    simt_release(bias);
    simt_release(statistics);
    simt_release(scratchpad);
    free(sums);
}

static const HpLibraryCall convolutions[] = {
    {.name = "3x3",
     .batch = 2,
     .groups = 1,
     .in_channels = 3,
     .out_channels = 4,
     .in_size = {5, 6},
     .out_size = {5, 6},
     .kernel = {3, 3},
     .stride = {1, 1},
     .pad_before = {1, 1},
     .pad_after = {1, 1},
     .dilation = {1, 1}},
    {.name = "stride",
     .batch = 1,
     .groups = 1,
     .in_channels = 2,
     .out_channels = 3,
     .in_size = {7, 8},
     .out_size = {3, 4},
     .kernel = {3, 2},
     .stride = {2, 2},
     .pad_before = {0, 1},
     .pad_after = {0, 0},
     .dilation = {1, 1},
     .scratchpad = 100},
    {.name = "grouped",
     .batch = 2,
     .groups = 2,
     .in_channels = 4,
     .out_channels = 6,
     .in_size = {4, 4},
     .out_size = {4, 2},
     .kernel = {1, 3},
     .stride = {1, 1},
     .pad_before = {0, 0},
     .pad_after = {0, 0},
     .dilation = {1, 1}},
    {.name = "depthwise",
     .batch = 1,
     .groups = 3,
     .in_channels = 3,
     .out_channels = 3,
     .in_size = {5, 5},
     .out_size = {3, 3},
     .kernel = {3, 3},
     .stride = {2, 2},
     .pad_before = {1, 1},
     .pad_after = {1, 1},
     .dilation = {1, 1}},
    {.name = "dilated",
     .batch = 2,
     .groups = 1,
     .in_channels = 2,
     .out_channels = 2,
     .in_size = {7, 6},
     .out_size = {7, 3},
     .kernel = {3, 2},
     .stride = {1, 1},
     .pad_before = {2, 0},
     .pad_after = {2, 0},
     .dilation = {2, 3}},
};
enum { CONVOLUTIONS = sizeof convolutions / sizeof *convolutions };

static void test_convolutions(void **state)
{
    (void)state;
    static const HpDataType types[][2] = {
        {HP_F32, HP_F32}, {HP_F16, HP_F16}, {HP_BF16, HP_BF16}, {HP_BF16, HP_F32}, {HP_F16, HP_F32}};
    for (int i = 0; i < CONVOLUTIONS; i++) {
        for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
            for (int epilogue = 0; epilogue < 8; epilogue++) {
                HpLibraryCall call = convolutions[i];
                const HpDataType *type = types[(epilogue + i) % 5];
                call.kind = (HpLibraryKind)kind;
                call.bias = epilogue & 1 && kind != HP_CONVOLUTION_GRADIENT_WEIGHT;
                call.add = epilogue & 2;
                call.relu = epilogue & 4;
                call.statistics = kind == HP_CONVOLUTION && !(epilogue & 1);
                check_convolution(call, HP_FORMAT_PLAIN, type[0], type[1], 0);
                check_convolution(call, HP_FORMAT_NHWC, type[0], type[1], 0);
                check_convolution(call, HP_FORMAT_NHWC, type[0], type[1], 5);
            }
        }
    }
}

/* ---------------------------------------------------------------- matrices */

static double matrix_number(const Tensor *t, bool transposed, int64_t batch, int64_t row, int64_t column)
{
    const int64_t r = transposed ? column : row, c = transposed ? row : column;
    return t->numbers[(batch * t->shape[2] + r) * t->shape[3] + c];
}

static void check_matmul(HpLibraryCall call, HpDataType type, HpDataType type_c, int64_t gap)
{
    const int64_t B = call.batch, m = call.m, n = call.n, k = call.k;
    Tensor a = new_tensor(call.transpose_a ? (int64_t[]){B, 1, k, m} : (int64_t[]){B, 1, m, k},
                          HP_FORMAT_PLAIN, type, true, gap, 1);
    Tensor b = new_tensor(call.transpose_b ? (int64_t[]){B, 1, n, k} : (int64_t[]){B, 1, k, n},
                          HP_FORMAT_PLAIN, type, true, gap, 2);
    Tensor c = new_tensor((int64_t[]){B, 1, m, n}, HP_FORMAT_PLAIN, type_c, true, gap, 3);
    call.type_a = call.type_b = type;
    call.type_c = type_c;
    if (gap)
        call.pitch_a = a.pitch, call.pitch_b = b.pitch, call.pitch_c = c.pitch;
    float *bias = call.bias ? new_bias(n) : NULL;
    double *sums = hp_alloc((size_t)(B * m * n), sizeof *sums);
    for (int64_t i = 0; i < B * m * n; i++)
        for (int64_t j = 0; j < k; j++)
            sums[i] += matrix_number(&a, call.transpose_a, i / n / m, i / n % m, j) *
                       matrix_number(&b, call.transpose_b, i / n / m, j, i % n);
    const SimtTraffic before = simt_traffic();
    simt_product_run(&call, a.memory, b.memory, bias, c.memory, NULL, NULL);
    const SimtTraffic moved = simt_traffic_since(before);
    const int64_t bytes = hp_data_type_bytes(type), c_bytes = hp_data_type_bytes(type_c) * B * m * n;
    assert_int_equal(moved.written, c_bytes);
    assert_int_equal(moved.read,
                     bytes * B * (m * k + k * n) + (call.bias ? 4 * n : 0) + (call.add ? c_bytes : 0));
    assert_result(&call, &c, sums, bias);
    free_tensor(&a);
    free_tensor(&b);
    free_tensor(&c);
    simt_release(bias);
    free(sums);
}

static void test_matmuls(void **state)
{
    (void)state;
    for (int bits = 0; bits < 64; bits++) {
        const HpLibraryCall call = {.kind = HP_MATMUL,
                                    .name = "matmul",
                                    .batch = bits & 32 ? 3 : 1,
                                    .m = 4,
                                    .n = 5,
                                    .k = 7,
                                    .transpose_a = bits & 1,
                                    .transpose_b = bits & 2,
                                    .bias = bits & 4,
                                    .add = bits & 8,
                                    .relu = bits & 16};
        check_matmul(call, HP_F32, HP_F32, 0);
        check_matmul(call, HP_F16, HP_F32, 3);
        check_matmul(call, HP_BF16, HP_BF16, 3);
    }
}

/* ---------------------------------------------------------------- reorders */

static void test_reorders(void **state)
{
    (void)state;
    static const HpDataType types[][2] = {{HP_F32, HP_F32}, {HP_F32, HP_F16}, {HP_BF16, HP_F32}};
    const int64_t shape[4] = {2, 3, 4, 5};
    for (int i = 0; i < 3; i++) {
        for (int direction = 0; direction < 2; direction++) {
            HpLibraryCall call = {.kind = HP_REORDER,
                                  .name = "reorder",
                                  .rank = 4,
                                  .shape = {2, 3, 4, 5},
                                  .format_a = direction ? HP_FORMAT_NHWC : HP_FORMAT_PLAIN,
                                  .format_c = direction ? HP_FORMAT_PLAIN : HP_FORMAT_NHWC,
                                  .type_a = types[i][0],
                                  .type_c = types[i][1]};
            Tensor a = new_tensor(shape, call.format_a, call.type_a, false, direction ? 2 : 0, 1);
            Tensor c = new_tensor(shape, call.format_c, call.type_c, false, direction ? 0 : 2, 2);
            call.pitch_a = direction ? a.pitch : 0;
            call.pitch_c = direction ? 0 : c.pitch;
            simt_product_run(&call, a.memory, NULL, NULL, c.memory, NULL, NULL);
            assert_result(&call, &c, a.numbers, NULL);
            free_tensor(&a);
            free_tensor(&c);
        }
    }
    Tensor a = new_tensor((int64_t[]){1, 6, 1, 1}, HP_FORMAT_PLAIN, HP_F32, false, 0, 1);
    Tensor c = new_tensor((int64_t[]){1, 6, 1, 1}, HP_FORMAT_PLAIN, HP_BF16, false, 0, 2);
    const HpLibraryCall plain = {
        .kind = HP_REORDER, .name = "plain", .rank = 2, .shape = {2, 3}, .type_a = HP_F32, .type_c = HP_BF16};
    simt_product_run(&plain, a.memory, NULL, NULL, c.memory, NULL, NULL);
    assert_result(&plain, &c, a.numbers, NULL);
    free_tensor(&a);
    free_tensor(&c);
}

/* ---------------------------------------------------------------- what no library could run */

typedef struct Mistake {
    HpLibraryCall call;
    const void *a, *b, *bias;
    void *c, *scratchpad;
    float *statistics;
} Mistake;

static void run_mistake(void *argument)
{
    const Mistake *m = argument;
    simt_product_run(&m->call, m->a, m->b, m->bias, m->c, m->statistics, m->scratchpad);
}

static void assert_mistake(HpLibraryCall call, const void *a, const void *b, const void *bias, void *c,
                           void *scratchpad, const char *message)
{
    Mistake mistake = {call, a, b, bias, c, scratchpad, c};
    assert_refused(run_mistake, &mistake, message);
}

static void test_refusals(void **state)
{
    (void)state;
    HpLibraryCall call = {
        .kind = HP_MATMUL, .name = "fc", .batch = 1, .m = 2, .n = 2, .k = 2, .bias = true, .scratchpad = 16};
    float *memory = simt_allocate(24 * sizeof *memory), host[4] = {0};
    float *a = memory, *b = memory + 4, *c = memory + 8, *bias = memory + 20, *scratchpad = memory + 16;
    simt_product_run(&call, a, b, bias, c, NULL, scratchpad);
    assert_mistake(call, host, b, bias, c, scratchpad, "fc: operand a (16 bytes at ");
    assert_mistake(call, a, memory + 21, bias, c, scratchpad, "fc: operand b (16 bytes at ");
    assert_mistake(call, a, b, host, c, scratchpad, "fc: the bias (8 bytes at ");
    assert_mistake(call, a, b, bias, host, scratchpad, "fc: the result (16 bytes at ");
    assert_mistake(call, a, b, bias, c, NULL, "fc: the scratchpad (16 bytes at ");
    assert_mistake(call, a, b, bias, memory + 7, scratchpad, "fc: operand b and the result overlap");
    assert_mistake(call, a, b, bias, c, memory + 11, "fc: the result and the scratchpad overlap");
    assert_mistake(call, a, (char *)b + 2, bias, c, scratchpad, "fc: operand b is not aligned");
    call.pitch_b = 1;
    assert_mistake(call, a, b, bias, c, scratchpad, "fc: a pitch of 1 in a matrix of 2 columns");
    HpLibraryCall sums = convolutions[0];
    sums.statistics = true;
    sums.kind = HP_CONVOLUTION_GRADIENT_INPUT;
    assert_mistake(sums, a, b, NULL, c, NULL, "3x3: statistics of what has no channels");
    HpLibraryCall blocked = convolutions[0];
    blocked.format_a = HP_FORMAT_NCHW16C;
    assert_mistake(blocked, a, b, NULL, c, NULL, "3x3: the emulated device has no format nchw16c");
    blocked.format_a = HP_FORMAT_PLAIN;
    blocked.pitch_a = 8;
    assert_mistake(blocked, a, b, NULL, c, NULL, "3x3: a pitch of 8 with 3 channels in format plain");
    simt_release(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convolutions), cmocka_unit_test(test_matmuls),
                                       cmocka_unit_test(test_reorders), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
