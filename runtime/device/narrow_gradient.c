/* gradient_weight[o, kh, kw, i] = sum over n, oh, ow of x[n, i, oh*stride + kh - pad, ow*stride + kw - pad] *
 * gradient_y[n, o, oh, ow].
 *
 * Lanes are the output channels of a block. A tile keeps some taps of some planes for one or two blocks in
 * registers while it walks one row of y: each pixel of x, broadcast, meets the lanes of each block. x is
 * copied once into rows with their padding, so that the walk has no borders. */
#include <string.h>
#include "../base/base.h"
#include "device.h"
#include "narrow_gradient.h"

#if defined(__x86_64__)

enum { MAX_PLANES = 8 };

typedef struct Row {            /* what a tile walks along */
    const float *x;             /* the first tap of the first plane at ow = 0 */
    int64_t plane, stride;      /* floats from plane to plane, from ow to ow + 1 */
    const float *y;             /* the first block at ow = 0 */
    int64_t block, count;       /* floats from block to block; ow runs to count */
    float *sum;                 /* tap 0, plane 0, first block: [kw][i][lane] */
    int64_t sum_tap, sum_block; /* floats from tap to tap and block to block */
} Row;

typedef void (*Walk)(const Row *row);

#define WALK(width, planes, blocks)                                                                          \
    static __attribute__((target(TARGET))) void NAMED(walk_##width##_##planes##_##blocks)(const Row *row)    \
    {                                                                                                        \
        NAMED(walk_row)(row, width, planes, blocks);                                                         \
    }

/* AVX-512: at most 28 of the 32 registers are sums. */
#define LANES 16
#define TARGET "avx512f"
#define NAMED(name) name##_avx512
#include "narrow_walk.h"
WALK(3, 1, 1)
WALK(3, 1, 2)
WALK(3, 4, 1)
WALK(3, 4, 2)
WALK(5, 1, 1)
WALK(5, 1, 2)
WALK(5, 2, 1)
WALK(5, 2, 2)
WALK(7, 1, 1)
WALK(7, 1, 2)
WALK(7, 2, 1)
WALK(7, 2, 2)
#undef LANES
#undef TARGET
#undef NAMED

/* AVX2: at most 12 of the 16. */
#define LANES 8
#define TARGET "avx2,fma"
#define NAMED(name) name##_avx2
#include "narrow_walk.h"
WALK(3, 1, 1)
WALK(3, 1, 2)
WALK(3, 2, 1)
WALK(3, 2, 2)
WALK(5, 1, 1)
WALK(5, 1, 2)
WALK(7, 1, 1)
#undef LANES
#undef TARGET
#undef NAMED

typedef struct Tiling {
    int lanes, width, planes, blocks;
    Walk one[2], many[2]; /* for one plane and for `planes`; for one block and for two */
} Tiling;

static const Tiling tilings[] = {
    {16, 3, 4, 2, {walk_3_1_1_avx512, walk_3_1_2_avx512}, {walk_3_4_1_avx512, walk_3_4_2_avx512}},
    {16, 5, 2, 2, {walk_5_1_1_avx512, walk_5_1_2_avx512}, {walk_5_2_1_avx512, walk_5_2_2_avx512}},
    {16, 7, 2, 2, {walk_7_1_1_avx512, walk_7_1_2_avx512}, {walk_7_2_1_avx512, walk_7_2_2_avx512}},
    {8, 3, 2, 2, {walk_3_1_1_avx2, walk_3_1_2_avx2}, {walk_3_2_1_avx2, walk_3_2_2_avx2}},
    {8, 5, 1, 2, {walk_5_1_1_avx2, walk_5_1_2_avx2}, {walk_5_1_1_avx2, walk_5_1_2_avx2}},
    {8, 7, 1, 1, {walk_7_1_1_avx2, NULL}, {walk_7_1_1_avx2, NULL}},
};

static int lanes_of(const HpLibraryCall *call)
{
    return call->format_b == HP_FORMAT_NCHW16C ? 16 : 8;
}

static const Tiling *find_tiling(const HpLibraryCall *call)
{
    for (size_t i = 0; i < sizeof tilings / sizeof *tilings; i++)
        if (tilings[i].width == call->kernel[1] && tilings[i].lanes == lanes_of(call))
            return &tilings[i];
    return NULL;
}

/* ---------------------------------------------------------------- one image */

/* What follows from a call. */
typedef struct Sizes {
    int64_t lanes, blocks; /* of output channels */
    int64_t rows, columns; /* of x with its padding */
    int64_t weight;        /* floats of the whole gradient */
} Sizes;

static Sizes sizes_of(const HpLibraryCall *call)
{
    Sizes sizes = {.lanes = lanes_of(call),
                   .rows = call->in_size[0] + call->pad_before[0] + call->pad_after[0],
                   .columns = call->in_size[1] + call->pad_before[1] + call->pad_after[1]};
    sizes.blocks = (call->out_channels + sizes.lanes - 1) / sizes.lanes;
    sizes.weight = sizes.blocks * sizes.lanes * call->in_channels * call->kernel[0] * call->kernel[1];
    return sizes;
}

/* All planes of one image with zeros around them. */
static void pad_image(const HpLibraryCall *call, const Sizes *sizes, const float *x, float *padded)
{
    int64_t height = call->in_size[0], width = call->in_size[1];
    memset(padded, 0, (size_t)(call->in_channels * sizes->rows * sizes->columns) * sizeof *padded);
    for (int64_t i = 0; i < call->in_channels; i++)
        for (int64_t h = 0; h < height; h++)
            memcpy(padded + (i * sizes->rows + h + call->pad_before[0]) * sizes->columns +
                       call->pad_before[1],
                   x + (i * height + h) * width, (size_t)width * sizeof *x);
}

/* Adds what row `oh` of y gives to one or two blocks of the gradient. */
static void add_row(const HpLibraryCall *call, const Sizes *sizes, const float *padded, const float *y,
                    float *sum, int64_t oh, bool two)
{
    const Tiling *tiling = find_tiling(call);
    int64_t planes = call->in_channels, lanes = sizes->lanes;
    Row row = {.plane = sizes->rows * sizes->columns,
               .stride = call->stride[1],
               .block = call->out_size[0] * call->out_size[1] * lanes,
               .count = call->out_size[1],
               .sum_tap = planes * lanes,
               .sum_block = call->kernel[0] * call->kernel[1] * planes * lanes,
               .y = y + oh * call->out_size[1] * lanes};
    for (int64_t kh = 0; kh < call->kernel[0]; kh++)
        for (int64_t i = 0; i < planes;) {
            bool many = i + tiling->planes <= planes;
            row.x = padded + i * row.plane + (oh * call->stride[0] + kh) * sizes->columns;
            row.sum = sum + (kh * call->kernel[1] * planes + i) * lanes;
            (many ? tiling->many : tiling->one)[two](&row);
            i += many ? tiling->planes : 1;
        }
}

static void sum_image(const HpLibraryCall *call, const Sizes *sizes, const float *padded, const float *y,
                      float *sum)
{
    int64_t block_sum = sizes->weight / sizes->blocks, most = find_tiling(call)->blocks;
    int64_t block_y = call->out_size[0] * call->out_size[1] * sizes->lanes;
    memset(sum, 0, (size_t)sizes->weight * sizeof *sum);
    for (int64_t block = 0; block < sizes->blocks; block += most)
        for (int64_t oh = 0; oh < call->out_size[0]; oh++)
            add_row(call, sizes, padded, y + block * block_y, sum + block * block_sum, oh,
                    most == 2 && block + 1 < sizes->blocks);
}

/* ---------------------------------------------------------------- the call */

bool hp_narrow_gradient_fits(HpLibraryCall *call)
{
    HpFormat weight = call->format_b == HP_FORMAT_NCHW16C ? HP_FORMAT_OHWI16O : HP_FORMAT_OHWI8O;
    bool fits = call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT && call->in_channels <= MAX_PLANES &&
                call->groups == 1 && call->dilation[0] == 1 && call->dilation[1] == 1 &&
                call->format_a == HP_FORMAT_PLAIN &&
                (call->format_c == weight || call->format_c == HP_FORMAT_COUNT) &&
                (call->algorithm == HP_ALGORITHM_AUTO || call->algorithm == HP_ALGORITHM_NARROW) &&
                (call->format_b == HP_FORMAT_NCHW16C || call->format_b == HP_FORMAT_NCHW8C) &&
                hp_cpu_has(lanes_of(call) == 16 ? "avx512" : "avx2") && find_tiling(call) != NULL;
    if (!fits)
        return false;
    call->format_c = weight;
    call->algorithm = HP_ALGORITHM_NARROW;
    call->implementation = "hpanet:narrow";
    call->scratchpad = hp_narrow_gradient_scratchpad(call);
    return true;
}

int64_t hp_narrow_gradient_scratchpad(const HpLibraryCall *call)
{
    Sizes sizes = sizes_of(call);
    return call->batch * (call->in_channels * sizes.rows * sizes.columns + sizes.weight) *
           (int64_t)sizeof(float);
}

void hp_narrow_gradient_run(const HpLibraryCall *call, const float *x, const float *gradient_y,
                            float *gradient_weight, void *scratchpad)
{
    Sizes sizes = sizes_of(call);
    int64_t image_x = call->in_channels * call->in_size[0] * call->in_size[1];
    int64_t image_y = sizes.blocks * sizes.lanes * call->out_size[0] * call->out_size[1];
    int64_t image_padded = call->in_channels * sizes.rows * sizes.columns;
    float *sums = scratchpad, *padded = sums + call->batch * sizes.weight;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < call->batch; n++) {
        pad_image(call, &sizes, x + n * image_x, padded + n * image_padded);
        sum_image(call, &sizes, padded + n * image_padded, gradient_y + n * image_y, sums + n * sizes.weight);
    }
#pragma omp parallel for schedule(static)
    for (int64_t j = 0; j < sizes.weight; j++) {
        double sum = 0;
        for (int64_t n = 0; n < call->batch; n++)
            sum += sums[n * sizes.weight + j];
        gradient_weight[j] = (float)sum;
    }
}

#else /* other machines leave it to the library */

bool hp_narrow_gradient_fits(HpLibraryCall *call)
{
    (void)call;
    return false;
}

int64_t hp_narrow_gradient_scratchpad(const HpLibraryCall *call)
{
    (void)call;
    return 0;
}

void hp_narrow_gradient_run(const HpLibraryCall *call, const float *x, const float *gradient_y,
                            float *gradient_weight, void *scratchpad)
{
    (void)x, (void)gradient_y, (void)gradient_weight, (void)scratchpad;
    hp_bug("%s wants a kernel that this machine does not have", call->name);
}

#endif
