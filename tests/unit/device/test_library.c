/* Every kind of library call against loops in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/base/base.h"
#include "runtime/device/device.h"
#include "runtime/device/format.h"
#include "runtime/device/library.h"
#include "runtime/device/product.h"
#include "runtime/device/winograd.h"

/* ---------------------------------------------------------------- helpers */

static float *random_floats(int64_t count, uint64_t key)
{
    float *values = hp_alloc((size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(hp_uniform(key, (uint64_t)i, 0) * 2 - 1);
    return values;
}

static float *packed_copy(HpFormat format, int rank, const int64_t *shape, const float *plain)
{
    float *packed = hp_device_cpu.allocate((size_t)hp_format_count(format, rank, shape) * sizeof *packed);
    hp_format_pack(format, rank, shape, plain, packed);
    return packed;
}

/* Compares with max|a - r| / max|r| and checks that padded elements are still 0. */
static void assert_close(const HpLibraryCall *call, HpFormat format, int rank, const int64_t *shape,
                         const float *packed, const double *expected, double tolerance)
{
    int64_t count = hp_format_count(HP_FORMAT_PLAIN, rank, shape);
    int64_t packed_count = hp_format_count(format, rank, shape);
    float *plain = hp_alloc((size_t)count, sizeof *plain),
          *again = hp_alloc((size_t)packed_count, sizeof *again);
    hp_format_unpack(format, rank, shape, packed, plain);
    double error = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        error = fmax(error, fabs(plain[i] - expected[i]));
        largest = fmax(largest, fabs(expected[i]));
    }
    if (!(error <= tolerance * largest))
        fail_msg("%s (kind %d, formats %s %s %s, %s): error %g of %g", call->name, call->kind,
                 hp_format_name(call->format_a), hp_format_name(call->format_b),
                 hp_format_name(call->format_c), call->implementation ? call->implementation : "any", error,
                 largest);
    hp_format_pack(format, rank, shape, plain, again);
    assert_memory_equal(packed, again, (size_t)packed_count * sizeof *packed);
    free(plain);
    free(again);
}

/* As the call says: nothing is chosen again. */
static void run_chosen(HpLibraryCall *call, const float *a, const float *b, const float *bias, float *c)
{
    int64_t bytes = hp_library_create(call);
    assert_int_equal(bytes, call->scratchpad);
    void *scratchpad = bytes > 0 ? hp_device_cpu.allocate((size_t)bytes) : NULL;
    hp_library_execute(call, a, b, bias, c, scratchpad);
    hp_device_cpu.release(scratchpad);
    hp_library_destroy(call);
}

static void run(HpLibraryCall *call, const float *a, const float *b, const float *bias, float *c)
{
    const char *why = NULL;
    if (!hp_library_query(call, &why))
        fail_msg("%s: %s", call->name, why);
    run_chosen(call, a, b, bias, c);
}

/* Every candidate of the call computes the same. */
static void check_candidates(const HpLibraryCall *call, const int64_t *shape_c, const float *a,
                             const float *b, const float *bias, const float *c, const double *expected,
                             double tolerance)
{
    HpLibraryCall candidates[HP_MAX_CANDIDATES];
    int count = hp_product_candidates(call, candidates), rank = call->kind == HP_MATMUL ? 3 : 4;
    assert_in_range(count, 1, HP_MAX_CANDIDATES);
    for (int i = 0; i < count; i++) {
        const char *name = candidates[i].implementation;
        float *packed_c = packed_copy(call->format_c, rank, shape_c, c);
        run_chosen(&candidates[i], a, b, bias, packed_c);
        assert_close(&candidates[i], call->format_c, rank, shape_c, packed_c, expected,
                     name && strstr(name, "wino") ? fmax(1e-4, tolerance) : tolerance);
        hp_device_cpu.release(packed_c);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, candidates[j].implementation);
    }
}

/* ---------------------------------------------------------------- convolutions */

typedef struct Shapes {
    int64_t x[4], weight[4], y[4];
} Shapes;

static Shapes shapes_of(const HpLibraryCall *c)
{
    return (Shapes){.x = {c->batch, c->in_channels, c->in_size[0], c->in_size[1]},
                    .weight = {c->out_channels, c->in_channels / c->groups, c->kernel[0], c->kernel[1]},
                    .y = {c->batch, c->out_channels, c->out_size[0], c->out_size[1]}};
}

static int64_t place(const int64_t *shape, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return ((i * shape[1] + j) * shape[2] + k) * shape[3] + l;
}

/* For every (x, weight, y) triple that meets: calls add with their row-major places. */
static void visit_triples(const HpLibraryCall *c, void (*add)(int64_t x, int64_t w, int64_t y, void *user),
                          void *user)
{
    Shapes s = shapes_of(c);
    int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t o = 0; o < c->out_channels; o++)
            for (int64_t i = 0; i < group_in; i++)
                for (int64_t oh = 0; oh < c->out_size[0]; oh++)
                    for (int64_t ow = 0; ow < c->out_size[1]; ow++)
                        for (int64_t kh = 0; kh < c->kernel[0]; kh++)
                            for (int64_t kw = 0; kw < c->kernel[1]; kw++) {
                                int64_t h = oh * c->stride[0] - c->pad_before[0] + kh * c->dilation[0];
                                int64_t w = ow * c->stride[1] - c->pad_before[1] + kw * c->dilation[1];
                                if (h < 0 || w < 0 || h >= c->in_size[0] || w >= c->in_size[1])
                                    continue;
                                add(place(s.x, n, o / group_out * group_in + i, h, w),
                                    place(s.weight, o, i, kh, kw), place(s.y, n, o, oh, ow), user);
                            }
}

typedef struct Naive {
    const float *a, *b;
    double *c;
} Naive;

static void add_forward(int64_t x, int64_t w, int64_t y, void *user)
{
    Naive *naive = user;
    naive->c[y] += (double)naive->a[x] * naive->b[w];
}

static void add_gradient_input(int64_t x, int64_t w, int64_t y, void *user)
{
    Naive *naive = user;
    naive->c[x] += (double)naive->a[y] * naive->b[w];
}

static void add_gradient_weight(int64_t x, int64_t w, int64_t y, void *user)
{
    Naive *naive = user;
    naive->c[w] += (double)naive->a[x] * naive->b[y];
}

static const int64_t *operand_shape(const Shapes *s, HpLibraryKind kind, int operand)
{
    const int64_t *shapes[3][3] = {{s->x, s->weight, s->y}, {s->y, s->weight, s->x}, {s->x, s->y, s->weight}};
    return shapes[kind][operand];
}

static void check_convolution(HpLibraryCall call, double tolerance)
{
    static void (*const rules[])(int64_t, int64_t, int64_t, void *) = {add_forward, add_gradient_input,
                                                                       add_gradient_weight};
    Shapes s = shapes_of(&call);
    const int64_t *shape_a = operand_shape(&s, call.kind, 0), *shape_b = operand_shape(&s, call.kind, 1);
    const int64_t *shape_c = operand_shape(&s, call.kind, 2);
    int64_t count_c = hp_format_count(HP_FORMAT_PLAIN, 4, shape_c), plane = shape_c[2] * shape_c[3];
    float *a = random_floats(hp_format_count(HP_FORMAT_PLAIN, 4, shape_a), 1);
    float *b = random_floats(hp_format_count(HP_FORMAT_PLAIN, 4, shape_b), 2);
    float *c = random_floats(count_c, 3), *bias = random_floats(call.out_channels, 4);
    double *expected = hp_alloc((size_t)count_c, sizeof *expected);
    visit_triples(&call, rules[call.kind], &(Naive){a, b, expected});
    for (int64_t i = 0; i < count_c; i++) {
        expected[i] += (call.bias ? bias[i / plane % call.out_channels] : 0) + (call.add ? c[i] : 0);
        expected[i] = call.relu ? fmax(expected[i], 0) : expected[i];
    }
    const char *why = NULL;
    if (!hp_library_query(&call, &why))
        fail_msg("%s: %s", call.name, why);
    float *packed_a = packed_copy(call.format_a, 4, shape_a, a),
          *packed_b = packed_copy(call.format_b, 4, shape_b, b);
    check_candidates(&call, shape_c, packed_a, packed_b, call.bias ? bias : NULL, c, expected, tolerance);
    float *owned[] = {a, b, c, bias};
    for (size_t i = 0; i < 4; i++)
        free(owned[i]);
    hp_device_cpu.release(packed_a);
    hp_device_cpu.release(packed_b);
    free(expected);
}

typedef struct Layer {
    const char *name;
    int64_t batch, groups, in, out, size[2], kernel[2], stride, pad_before, pad_after, dilation;
} Layer;

static const Layer layers[] = {
    {"3x3", 2, 1, 32, 48, {9, 7}, {3, 3}, 1, 1, 1, 1},
    {"first layer", 2, 1, 4, 32, {23, 21}, {7, 7}, 2, 3, 3, 1},
    {"one plane", 1, 1, 1, 8, {8, 8}, {3, 3}, 1, 0, 0, 1},
    {"1x1", 2, 1, 20, 35, {5, 6}, {1, 1}, 1, 0, 0, 1},
    {"1x1 stride 2", 2, 1, 64, 128, {8, 8}, {1, 1}, 2, 0, 0, 1},
    {"odd channels", 2, 1, 13, 19, {7, 9}, {3, 3}, 2, 1, 1, 1},
    {"padded on one side", 1, 1, 16, 16, {8, 8}, {3, 3}, 2, 0, 1, 1},
    {"not square", 1, 1, 16, 32, {10, 6}, {1, 5}, 1, 2, 2, 1},
    {"dilated", 1, 1, 16, 16, {11, 11}, {3, 3}, 1, 2, 2, 2},
    {"groups", 2, 4, 64, 64, {7, 7}, {3, 3}, 1, 1, 1, 1},
    {"odd groups", 2, 3, 15, 21, {7, 7}, {3, 3}, 1, 1, 1, 1},
    {"depthwise", 2, 32, 32, 32, {9, 9}, {3, 3}, 1, 1, 1, 1},
    {"odd depthwise", 2, 19, 19, 19, {9, 9}, {3, 3}, 2, 1, 1, 1},
};

static HpLibraryCall call_of(const Layer *layer, HpLibraryKind kind, HpFormat images, HpFormat weights)
{
    HpLibraryCall call = {.kind = kind,
                          .name = layer->name,
                          .batch = layer->batch,
                          .groups = layer->groups,
                          .in_channels = layer->in,
                          .out_channels = layer->out};
    for (int d = 0; d < 2; d++) {
        call.in_size[d] = layer->size[d];
        call.kernel[d] = layer->kernel[d];
        call.stride[d] = layer->stride;
        call.pad_before[d] = layer->kernel[d] == 1 ? 0 : layer->pad_before;
        call.pad_after[d] = layer->kernel[d] == 1 ? 0 : layer->pad_after;
        call.dilation[d] = layer->dilation;
        int64_t window = (layer->kernel[d] - 1) * layer->dilation + 1;
        call.out_size[d] =
            (layer->size[d] + call.pad_before[d] + call.pad_after[d] - window) / layer->stride + 1;
    }
    HpFormat formats[3] = {images, images, images};
    formats[kind == HP_CONVOLUTION_GRADIENT_WEIGHT ? 2 : 1] = weights;
    call.format_a = formats[0];
    call.format_b = formats[1];
    call.format_c = formats[2];
    return call;
}

/* Asks with formats left open; where the library then only has its slow loops, plain formats as the layout
 * pass does. */
static HpLibraryCall choose(HpLibraryCall call)
{
    const char *why = NULL;
    if (!hp_library_query(&call, &why))
        call.format_a = call.format_b = call.format_c = HP_FORMAT_PLAIN;
    return call;
}

static void convolutions(void **state)
{
    (void)state;
    static const HpFormat choices[][2] = {{HP_FORMAT_COUNT, HP_FORMAT_COUNT},
                                          {HP_FORMAT_PLAIN, HP_FORMAT_PLAIN},
                                          {HP_FORMAT_NHWC, HP_FORMAT_HWIO}};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++)
            for (size_t choice = 0; choice < sizeof choices / sizeof *choices; choice++)
                check_convolution(choose(call_of(&layers[i], kind, choices[choice][0], choices[choice][1])),
                                  choice == 0 ? 1e-4 : 1e-5);
}

static void blocked_images_between_layers(void **state)
{
    (void)state;
    int64_t block = hp_preferred_channel_block();
    if (block == 0)
        skip();
    HpFormat blocked = block == 16 ? HP_FORMAT_NCHW16C : HP_FORMAT_NCHW8C;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++)
            if (layers[i].in >= block && layers[i].groups == 1)
                check_convolution(choose(call_of(&layers[i], kind, blocked, HP_FORMAT_COUNT)), 1e-4);
}

/* The library takes it by itself for large layers; where it has it. Its transforms cost accuracy: 1e-4 is the
 * bound. */
static void winograd(void **state)
{
    (void)state;
    static const Layer layer = {"Winograd", 1, 1, 32, 48, {18, 14}, {3, 3}, 1, 1, 1, 1};
    int found = 0;
    for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
        HpLibraryCall call = call_of(&layer, kind, HP_FORMAT_COUNT, HP_FORMAT_COUNT), chosen;
        const char *why = NULL;
        call.algorithm = HP_ALGORITHM_WINOGRAD;
        call.bias = call.add = call.relu = kind == HP_CONVOLUTION;
        chosen = call;
        if (!hp_library_query(&chosen, &why) || chosen.algorithm != HP_ALGORITHM_WINOGRAD)
            continue;
        check_convolution(call, 1e-4);
        found++;
    }
    if (!found)
        skip();
}

/* ---- our own Winograd ---- */

static const Layer winograd_layers[] = {
    {"one tile", 1, 1, 8, 8, {4, 4}, {3, 3}, 1, 1, 1, 1},
    {"less than a tile", 2, 1, 16, 16, {3, 2}, {3, 3}, 1, 1, 1, 1},
    {"one pixel", 1, 1, 8, 8, {1, 1}, {3, 3}, 1, 1, 1, 1},
    {"no padding", 2, 1, 19, 35, {13, 7}, {3, 3}, 1, 0, 0, 1},
    {"full padding", 1, 1, 20, 5, {6, 9}, {3, 3}, 1, 2, 2, 1},
    {"padded before", 1, 1, 33, 16, {8, 11}, {3, 3}, 1, 2, 0, 1},
    {"padded after", 1, 1, 16, 40, {9, 10}, {3, 3}, 1, 0, 1, 1},
    {"many tiles", 2, 1, 12, 8, {30, 33}, {3, 3}, 1, 1, 1, 1},
    {"many channels", 1, 1, 24, 136, {7, 7}, {3, 3}, 1, 1, 1, 1},
    {"many odd channels", 1, 1, 137, 23, {6, 5}, {3, 3}, 1, 1, 1, 1},
};

/* For images in blocks of 8 and 16 channels and every order of the weights; images[i] goes with weights[i].
 */
static void own_winograd(void **state)
{
    (void)state;
    static const HpFormat images[] = {HP_FORMAT_NCHW8C, HP_FORMAT_NCHW8C, HP_FORMAT_NCHW16C,
                                      HP_FORMAT_NCHW16C, HP_FORMAT_NCHW16C};
    static const HpFormat weights[] = {HP_FORMAT_OIHW8I8O, HP_FORMAT_OIHW8O8I, HP_FORMAT_OIHW16I16O,
                                       HP_FORMAT_OIHW16O16I, HP_FORMAT_IOHW16O16I};
    int found = 0;
    for (size_t i = 0; i < sizeof winograd_layers / sizeof *winograd_layers; i++)
        for (size_t f = 0; f < sizeof images / sizeof *images; f++)
            for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_INPUT; kind++) {
                HpLibraryCall call = call_of(&winograd_layers[i], kind, images[f], weights[f]);
                call.algorithm = HP_ALGORITHM_OWN_WINOGRAD;
                if (!hp_winograd_fits(&call))
                    continue;
                check_convolution(call, 1e-5);
                call.bias = call.add = call.relu = kind == HP_CONVOLUTION;
                check_convolution(call, 1e-5);
                found++;
            }
    if (!found)
        skip();
}

/* Whatever the number of threads and however they share the work. */
static void own_winograd_is_the_same_for_any_threads(void **state)
{
    (void)state;
    int threads = omp_get_max_threads();
    for (size_t i = 0; i < sizeof winograd_layers / sizeof *winograd_layers; i++) {
        HpLibraryCall call =
            call_of(&winograd_layers[i], HP_CONVOLUTION, HP_FORMAT_NCHW8C, HP_FORMAT_OIHW8I8O);
        call.algorithm = HP_ALGORITHM_OWN_WINOGRAD;
        if (!hp_winograd_fits(&call))
            skip();
        Shapes s = shapes_of(&call);
        size_t bytes = (size_t)hp_format_count(call.format_c, 4, s.y) * sizeof(float);
        float *x = random_floats(hp_format_count(HP_FORMAT_PLAIN, 4, s.x), 1);
        float *weight = random_floats(hp_format_count(HP_FORMAT_PLAIN, 4, s.weight), 2);
        float *a = packed_copy(call.format_a, 4, s.x, x),
              *b = packed_copy(call.format_b, 4, s.weight, weight);
        float *one = hp_device_cpu.allocate(bytes), *many = hp_device_cpu.allocate(bytes);
        omp_set_num_threads(1);
        run(&call, a, b, NULL, one);
        for (int count = 2; count <= 3; count++) {
            omp_set_num_threads(count);
            run(&call, a, b, NULL, many);
            assert_memory_equal(one, many, bytes);
        }
        float *device[] = {a, b, one, many};
        for (size_t j = 0; j < 4; j++)
            hp_device_cpu.release(device[j]);
        free(x);
        free(weight);
    }
    omp_set_num_threads(threads);
}

/* It is taken unasked where it pays, and not where a direct convolution is faster or it cannot be. */
static void own_winograd_is_taken_where_it_pays(void **state)
{
    (void)state;
    static const Layer pays = {"pays", 16, 1, 64, 64, {28, 28}, {3, 3}, 1, 1, 1, 1};
    static const Layer others[] = {{"few pixels", 1, 1, 64, 64, {7, 7}, {3, 3}, 1, 1, 1, 1},
                                   {"cut tiles", 16, 1, 64, 64, {5, 5}, {3, 3}, 1, 1, 1, 1},
                                   {"few channels", 16, 1, 8, 8, {28, 28}, {3, 3}, 1, 1, 1, 1},
                                   {"stride", 16, 1, 64, 64, {28, 28}, {3, 3}, 2, 1, 1, 1},
                                   {"dilation", 16, 1, 64, 64, {28, 28}, {3, 3}, 1, 2, 2, 2},
                                   {"groups", 16, 2, 64, 64, {28, 28}, {3, 3}, 1, 1, 1, 1},
                                   {"5x5", 16, 1, 64, 64, {28, 28}, {5, 5}, 1, 2, 2, 1}};
    HpFormat blocked = hp_preferred_channel_block() == 16 ? HP_FORMAT_NCHW16C : HP_FORMAT_NCHW8C;
    HpLibraryCall call = call_of(&pays, HP_CONVOLUTION, blocked, HP_FORMAT_COUNT);
    call.algorithm = HP_ALGORITHM_OWN_WINOGRAD;
    if (!hp_winograd_fits(&call))
        skip();
    call.algorithm = HP_ALGORITHM_AUTO;
    assert_true(hp_winograd_fits(&call));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        call = call_of(&others[i], HP_CONVOLUTION, blocked, HP_FORMAT_COUNT);
        assert_false(hp_winograd_fits(&call));
    }
}

/* The first layers of networks, for which there may be a kernel of our own. */
static void narrow_weight_gradients(void **state)
{
    (void)state;
    static const int64_t cases[][4] = {/* planes, out, kernel, stride */
                                       {4, 64, 7, 2}, {3, 32, 3, 1}, {1, 16, 5, 1}, {5, 40, 7, 2},
                                       {4, 35, 3, 2}, {2, 17, 5, 3}, {8, 48, 3, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t *c = cases[i];
        Layer layer = {"narrow", 3, 1, c[0], c[1], {19, 23}, {c[2], c[2]}, c[3], c[2] / 2, c[2] / 2, 1};
        HpLibraryCall call =
            call_of(&layer, HP_CONVOLUTION_GRADIENT_WEIGHT, HP_FORMAT_PLAIN, HP_FORMAT_COUNT);
        call.format_b = hp_preferred_channel_block() == 16  ? HP_FORMAT_NCHW16C
                        : hp_preferred_channel_block() == 8 ? HP_FORMAT_NCHW8C
                                                            : HP_FORMAT_NHWC;
        check_convolution(choose(call), 1e-5);
    }
}

/* NHWC images of fewer channels than a block: the library's own choice writes past its workspace. */
static void strided_weight_gradients_of_few_channels(void **state)
{
    (void)state;
    static const Layer layer = {"few channels", 32, 1, 4, 8, {32, 32}, {1, 1}, 2, 0, 0, 1};
    check_convolution(
        choose(call_of(&layer, HP_CONVOLUTION_GRADIENT_WEIGHT, HP_FORMAT_NHWC, HP_FORMAT_COUNT)), 1e-5);
    check_convolution(
        choose(call_of(&layer, HP_CONVOLUTION_GRADIENT_WEIGHT, HP_FORMAT_NHWC, HP_FORMAT_OIHW8I8O)), 1e-5);
}

static void convolution_epilogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int bits = 1; bits < 8; bits++) {
            HpLibraryCall call = call_of(&layers[i], HP_CONVOLUTION, HP_FORMAT_COUNT, HP_FORMAT_COUNT);
            call.bias = bits & 1;
            call.add = bits & 2;
            call.relu = bits & 4;
            check_convolution(call, 1e-4);
        }
}

/* ---------------------------------------------------------------- matrix products */

static void check_matmul(HpLibraryCall call)
{
    int64_t batch = call.batch, m = call.m, n = call.n, k = call.k, count = batch * m * n;
    float *a = random_floats(batch * m * k, 1), *b = random_floats(batch * k * n, 2),
          *c = random_floats(count, 3);
    float *bias = random_floats(n, 4);
    double *expected = hp_alloc((size_t)count, sizeof *expected);
    for (int64_t p = 0; p < batch; p++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = (call.bias ? bias[j] : 0) + (call.add ? c[(p * m + i) * n + j] : 0);
                for (int64_t l = 0; l < k; l++)
                    sum += (double)a[p * m * k + (call.transpose_a ? l * m + i : i * k + l)] *
                           b[p * k * n + (call.transpose_b ? j * k + l : l * n + j)];
                expected[(p * m + i) * n + j] = call.relu ? fmax(sum, 0) : sum;
            }
    const char *why = NULL;
    if (!hp_library_query(&call, &why))
        fail_msg("%s: %s", call.name, why);
    check_candidates(&call, (int64_t[]){batch, m, n}, a, b, call.bias ? bias : NULL, c, expected, 1e-5);
    float *owned[] = {a, b, c, bias};
    for (size_t i = 0; i < 4; i++)
        free(owned[i]);
    free(expected);
}

static void matrix_products(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {
        {1, 16, 28, 512}, {1, 1, 1, 1}, {1, 28, 512, 16}, {3, 5, 7, 11}, {2, 64, 64, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int bits = 0; bits < 32; bits++)
            check_matmul((HpLibraryCall){.kind = HP_MATMUL,
                                         .name = "matmul",
                                         .batch = sizes[i][0],
                                         .m = sizes[i][1],
                                         .n = sizes[i][2],
                                         .k = sizes[i][3],
                                         .transpose_a = bits & 1,
                                         .transpose_b = bits & 2,
                                         .bias = bits & 4,
                                         .add = bits & 8,
                                         .relu = bits & 16});
}

/* ---------------------------------------------------------------- reorders */

static void reorders(void **state)
{
    (void)state;
    static const int64_t shapes[][4] = {{3, 21, 5, 4}, {32, 16, 3, 3}, {1, 3, 1, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int from = 0; from < HP_FORMAT_COUNT; from++)
            for (int to = 0; to < HP_FORMAT_COUNT; to++) {
                int64_t count = hp_format_count(HP_FORMAT_PLAIN, 4, shapes[i]);
                HpLibraryCall call = {
                    .kind = HP_REORDER, .name = "reorder", .rank = 4, .format_a = from, .format_c = to};
                memcpy(call.shape, shapes[i], sizeof shapes[i]);
                float *plain = random_floats(count, 1), *a = packed_copy(from, 4, shapes[i], plain);
                float *c = packed_copy(to, 4, shapes[i], plain);
                memset(c, 0, (size_t)hp_format_count(to, 4, shapes[i]) * sizeof *c);
                double *expected = hp_alloc((size_t)count, sizeof *expected);
                for (int64_t j = 0; j < count; j++)
                    expected[j] = plain[j];
                run(&call, a, NULL, NULL, c);
                assert_close(&call, to, 4, shapes[i], c, expected, 0);
                hp_device_cpu.release(a);
                hp_device_cpu.release(c);
                free(plain);
                free(expected);
            }
}

/* ---------------------------------------------------------------- portable */

static void portable_choices_do_not_ask_the_machine(void **state)
{
    (void)state;
    hp_library_set_portable();
    assert_int_equal(hp_preferred_channel_block(), 0);
    HpLibraryCall call =
        call_of(&layers[1], HP_CONVOLUTION_GRADIENT_WEIGHT, HP_FORMAT_COUNT, HP_FORMAT_COUNT);
    const char *why = NULL;
    assert_true(hp_library_query(&call, &why));
    assert_int_equal(call.format_a, HP_FORMAT_NHWC);
    assert_int_equal(call.format_b, HP_FORMAT_NHWC);
    assert_int_equal(call.format_c, HP_FORMAT_HWIO);
    assert_int_equal(call.algorithm, HP_ALGORITHM_DIRECT);
    assert_int_equal(call.scratchpad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(blocked_images_between_layers),
        cmocka_unit_test(winograd),
        cmocka_unit_test(own_winograd),
        cmocka_unit_test(own_winograd_is_the_same_for_any_threads),
        cmocka_unit_test(own_winograd_is_taken_where_it_pays),
        cmocka_unit_test(narrow_weight_gradients),
        cmocka_unit_test(strided_weight_gradients_of_few_channels),
        cmocka_unit_test(convolution_epilogues),
        cmocka_unit_test(matrix_products),
        cmocka_unit_test(reorders),
        cmocka_unit_test(portable_choices_do_not_ask_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
