/* gradient_weight[o, kh, kw, i] = sum over n, oh, ow of x[n, i, oh*stride + kh - pad, ow*stride + kw - pad] *
 * gradient_y[n, o, oh, ow].
 *
 * Lanes are 16 output channels. A tile keeps WIDTH taps of PLANES planes for BLOCKS blocks of lanes in
 * registers while it walks one row of y: each pixel of x, broadcast, meets BLOCKS vectors of y. x is copied
 * once into rows with their padding, so that the walk has no borders. */
#include <string.h>
#include "../base/base.h"
#include "narrow_gradient.h"

enum { LANES = 16, MAX_PLANES = 8 };

#if defined(__x86_64__)

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

typedef struct Row {            /* what a tile walks along */
    const float *x;             /* the first tap of the first plane at ow = 0 */
    int64_t plane, stride;      /* floats from plane to plane, from ow to ow + 1 */
    const float *y;             /* the first block at ow = 0 */
    int64_t block, count;       /* floats from block to block; ow runs to count */
    float *sum;                 /* tap 0, plane 0, first block: [kw][i][lane] */
    int64_t sum_tap, sum_block; /* floats from tap to tap and block to block */
} Row;

/* The parameters after `row` are constants where it is called, so that everything inside unrolls into
 * registers. */
static inline __attribute__((always_inline, target("avx512f"))) void
walk_row(const Row *row, const int width, const int planes, const int blocks)
{
    Lanes sum[2][4][7];
#pragma GCC unroll 8
    for (int b = 0; b < blocks; b++)
#pragma GCC unroll 8
        for (int i = 0; i < planes; i++)
#pragma GCC unroll 8
            for (int k = 0; k < width; k++)
                sum[b][i][k] = *(const Lanes *)(row->sum + b * row->sum_block + k * row->sum_tap + i * LANES);
    const float *x = row->x, *y = row->y;
    for (int64_t ow = 0; ow < row->count; ow++, x += row->stride, y += LANES) {
        Lanes lanes[2];
#pragma GCC unroll 8
        for (int b = 0; b < blocks; b++)
            lanes[b] = *(const Lanes *)(y + b * row->block);
#pragma GCC unroll 8
        for (int i = 0; i < planes; i++)
#pragma GCC unroll 8
            for (int k = 0; k < width; k++)
#pragma GCC unroll 8
                for (int b = 0; b < blocks; b++)
                    sum[b][i][k] += x[i * row->plane + k] * lanes[b];
    }
#pragma GCC unroll 8
    for (int b = 0; b < blocks; b++)
#pragma GCC unroll 8
        for (int i = 0; i < planes; i++)
#pragma GCC unroll 8
            for (int k = 0; k < width; k++)
                *(Lanes *)(row->sum + b * row->sum_block + k * row->sum_tap + i * LANES) = sum[b][i][k];
}

/* At most 28 of the 32 vector registers are sums: 2 blocks of 2 planes of 7 taps, or 2 of 4 planes of 3. */
typedef void (*Walk)(const Row *row);
#define DEFINE_WALK(width, planes, blocks)                                                                   \
    static __attribute__((target("avx512f"))) void walk_##width##_##planes##_##blocks(const Row *row)        \
    {                                                                                                        \
        walk_row(row, width, planes, blocks);                                                                \
    }
#define DEFINE_WALKS(width, planes)                                                                          \
    DEFINE_WALK(width, 1, 1)                                                                                 \
    DEFINE_WALK(width, 1, 2) DEFINE_WALK(width, planes, 1) DEFINE_WALK(width, planes, 2)
DEFINE_WALKS(3, 4)
DEFINE_WALKS(5, 2)
DEFINE_WALKS(7, 2)

typedef struct Tiling {
    int width, planes;
    Walk walks[2][2]; /* [all planes of a tile, not one][two blocks, not one] */
} Tiling;

static const Tiling tilings[] = {
    {3, 4, {{walk_3_1_1, walk_3_1_2}, {walk_3_4_1, walk_3_4_2}}},
    {5, 2, {{walk_5_1_1, walk_5_1_2}, {walk_5_2_1, walk_5_2_2}}},
    {7, 2, {{walk_7_1_1, walk_7_1_2}, {walk_7_2_1, walk_7_2_2}}},
};

static const Tiling *find_tiling(const HpLibraryCall *call)
{
    for (size_t i = 0; i < sizeof tilings / sizeof *tilings; i++)
        if (tilings[i].width == call->kernel[1])
            return &tilings[i];
    return NULL;
}

/* ---------------------------------------------------------------- one image */

/* Sizes that follow from a call. */
typedef struct Sizes {
    int64_t rows, columns;  /* of x with its padding */
    int64_t blocks, weight; /* of output channels; floats of the whole gradient */
} Sizes;

static Sizes sizes_of(const HpLibraryCall *call)
{
    Sizes sizes = {.rows = call->in_size[0] + call->pad_before[0] + call->pad_after[0],
                   .columns = call->in_size[1] + call->pad_before[1] + call->pad_after[1],
                   .blocks = (call->out_channels + LANES - 1) / LANES};
    sizes.weight = sizes.blocks * LANES * call->in_channels * call->kernel[0] * call->kernel[1];
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

/* Adds what one row of y gives to one or two blocks of the gradient. */
static void add_row(const HpLibraryCall *call, const Sizes *sizes, const Tiling *tiling, const float *padded,
                    const float *y, float *sum, int64_t oh, bool two)
{
    int64_t planes = call->in_channels;
    Row row = {.plane = sizes->rows * sizes->columns,
               .stride = call->stride[1],
               .block = call->out_size[0] * call->out_size[1] * LANES,
               .count = call->out_size[1],
               .sum_tap = planes * LANES,
               .sum_block = call->kernel[0] * call->kernel[1] * planes * LANES,
               .y = y + oh * call->out_size[1] * LANES};
    for (int64_t kh = 0; kh < call->kernel[0]; kh++)
        for (int64_t i = 0; i < planes;) {
            bool whole = i + tiling->planes <= planes;
            row.x = padded + i * row.plane + (oh * call->stride[0] + kh) * sizes->columns;
            row.sum = sum + (kh * call->kernel[1] * planes + i) * LANES;
            tiling->walks[whole][two](&row);
            i += whole ? tiling->planes : 1;
        }
}

static void sum_image(const HpLibraryCall *call, const Sizes *sizes, const float *padded, const float *y,
                      float *sum)
{
    const Tiling *tiling = find_tiling(call);
    int64_t block_sum = sizes->weight / sizes->blocks,
            block_y = call->out_size[0] * call->out_size[1] * LANES;
    memset(sum, 0, (size_t)sizes->weight * sizeof *sum);
    for (int64_t block = 0; block < sizes->blocks; block += 2)
        for (int64_t oh = 0; oh < call->out_size[0]; oh++)
            add_row(call, sizes, tiling, padded, y + block * block_y, sum + block * block_sum, oh,
                    block + 1 < sizes->blocks);
}

/* ---------------------------------------------------------------- the call */

bool hp_narrow_gradient_fits(HpLibraryCall *call)
{
    __builtin_cpu_init();
    bool fits = call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT && call->in_channels <= MAX_PLANES &&
                call->groups == 1 && call->dilation[0] == 1 && call->dilation[1] == 1 &&
                find_tiling(call) != NULL &&
                (call->format_a == HP_FORMAT_PLAIN || call->format_a == HP_FORMAT_COUNT) &&
                (call->format_b == HP_FORMAT_NCHW16C || call->format_b == HP_FORMAT_COUNT) &&
                (call->format_c == HP_FORMAT_OHWI16O || call->format_c == HP_FORMAT_COUNT) &&
                (call->algorithm == HP_ALGORITHM_AUTO || call->algorithm == HP_ALGORITHM_NARROW) &&
                __builtin_cpu_supports("avx512f");
    if (!fits)
        return false;
    call->format_a = HP_FORMAT_PLAIN;
    call->format_b = HP_FORMAT_NCHW16C;
    call->format_c = HP_FORMAT_OHWI16O;
    call->algorithm = HP_ALGORITHM_NARROW;
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
    int64_t image_y = sizes.blocks * LANES * call->out_size[0] * call->out_size[1];
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
