/* Winograd's minimal filtering F(4x4, 3x3), Lavin & Gray 2015, at the points 0, +-A, +-B and infinity:
 *
 *   y = A' [ (G g G') * (B' x B) ] A      for each 4x4 tile of y, summed over the channels of x
 *
 * For each of the 36 frequencies the sum over channels is a matrix product, tiles x channels of x x channels
 * of y. Where tiles are many, every thread takes blocks of tiles through all three steps, with weights
 * transformed once for all. Where they are few and the weights are large, x is transformed once for all, and
 * every thread takes panels of output channels, whose transformed weights never leave its cache.
 *
 * The gradient of x is the same with y for x, taps turned around and the channels exchanged. */
#include <omp.h>
#include <string.h>
#include "../base/base.h"
#include "device.h"
#include "format.h"
#include "winograd.h"

#if defined(__x86_64__)

enum { TILE = 4, TAPS = 3, EDGE = TILE + TAPS - 1, FREQUENCIES = EDGE * EDGE, PANEL = 2, MAX_ROWS = 14 };

/* These points, and not +-1 and +-2, lose least to rounding: 0.6 of their error. */
#define A 0.625f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)

/* The convolution as the loops see it: x and y are what they are forward, and exchanged for the gradient. */
typedef struct Work {
    int64_t lanes, x_blocks, y_blocks, y_channels;
    int64_t x_size[2], y_size[2], pad[2];
    int64_t tile_rows, tile_columns, tiles; /* of one image, of one image, of all */
    int64_t weight_x_block, weight_x_lane, weight_y_block, weight_y_lane, weight_tap; /* strides in floats */
    bool flip, add, relu;
    bool by_panels;       /* each thread takes panels of channels of y, else blocks of tiles */
    int64_t panels, most; /* `most` tiles in a block */
    /* transformed x: [frequency][block][tile][lane], weights: [panel][frequency][channel of x][block][lane],
     * y: [frequency][block][tile][lane]; strides in floats, of frequencies no power of two */
    int64_t v_block, v_frequency, v_count;
    int64_t u_frequency, u_panel, u_count;
    int64_t m_block, m_frequency, m_count;
} Work;

typedef struct Place {
    int64_t image, row, column; /* of a tile */
} Place;

static Place place_of(const Work *work, int64_t tile)
{
    int64_t line = tile / work->tile_columns;
    return (Place){line / work->tile_rows, line % work->tile_rows, tile % work->tile_columns};
}

static int64_t panel_blocks(const Work *work, int64_t panel)
{
    int64_t left = work->y_blocks - panel * PANEL;
    return left < PANEL ? left : PANEL;
}

typedef void (*Multiply)(const Work *work, const float *v, const float *u, float *m);

typedef struct Walk {
    int64_t lanes, rows;
    void (*transform_input)(const Work *work, const float *x, int64_t block, int64_t first, int64_t end,
                            float *v);
    void (*transform_weights)(const Work *work, const float *weight, int64_t panel, float *u);
    Multiply multiply[MAX_ROWS][PANEL]; /* by rows - 1 and blocks - 1 */
    void (*transform_output)(const Work *work, const float *m, int64_t block, int64_t first, int64_t end,
                             const float *bias, float *y);
} Walk;

/* AVX-512: 28 of the 32 registers are sums. */
#define LANES 16
#define ROWS 14
#define TARGET "avx512f"
#define NAMED(name) name##_avx512
#include "winograd_walk.h"
MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)
MULTIPLY(7)
MULTIPLY(8)
MULTIPLY(9)
MULTIPLY(10)
MULTIPLY(11)
MULTIPLY(12)
MULTIPLY(13)
MULTIPLY(14)
#undef LANES
#undef ROWS
#undef TARGET
#undef NAMED

/* AVX2: 12 of the 16. */
#define LANES 8
#define ROWS 6
#define TARGET "avx2,fma"
#define NAMED(name) name##_avx2
#include "winograd_walk.h"
MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)
#undef LANES
#undef ROWS
#undef TARGET
#undef NAMED

#define PAIR(rows, isa)                                                                                      \
    {                                                                                                        \
        multiply_##rows##_1_##isa, multiply_##rows##_2_##isa                                                 \
    }

static const Walk walks[] = {
    {16,
     14,
     transform_input_avx512,
     transform_weights_avx512,
     {PAIR(1, avx512), PAIR(2, avx512), PAIR(3, avx512), PAIR(4, avx512), PAIR(5, avx512), PAIR(6, avx512),
      PAIR(7, avx512), PAIR(8, avx512), PAIR(9, avx512), PAIR(10, avx512), PAIR(11, avx512), PAIR(12, avx512),
      PAIR(13, avx512), PAIR(14, avx512)},
     transform_output_avx512},
    {8,
     6,
     transform_input_avx2,
     transform_weights_avx2,
     {PAIR(1, avx2), PAIR(2, avx2), PAIR(3, avx2), PAIR(4, avx2), PAIR(5, avx2), PAIR(6, avx2)},
     transform_output_avx2},
};

/* ---------------------------------------------------------------- sizes */

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t lanes_of(const HpLibraryCall *call)
{
    return call->format_a == HP_FORMAT_NCHW16C ? 16 : 8;
}

static void set_weight_strides(Work *work, const HpLibraryCall *call)
{
    HpPlaces places =
        hp_format_places(call->format_b, 4, (int64_t[]){call->out_channels, call->in_channels, TAPS, TAPS});
    int y = work->flip ? 1 : 0, x = 1 - y;
    work->weight_y_block = places.stride[y];
    work->weight_y_lane = places.inner_stride[y];
    work->weight_x_block = places.stride[x];
    work->weight_x_lane = places.inner_stride[x];
    work->weight_tap = places.stride[3];
}

/* How tiles are cut: threads have equal shares. */
static void set_blocks(Work *work, int64_t threads)
{
    enum { MOST_TILES = 56, FEW_TILES = 320 };
    work->panels = divide_up(work->y_blocks, PANEL);
    work->by_panels = work->tiles <= FEW_TILES && work->panels >= 2 * threads;
    int64_t blocks = divide_up(divide_up(work->tiles, MOST_TILES), threads) * threads;
    work->most = work->by_panels ? work->tiles : divide_up(work->tiles, blocks);
}

static void set_strides(Work *work)
{
    int64_t lanes = work->lanes, y_blocks = work->by_panels ? PANEL : work->y_blocks;
    work->v_block = work->m_block = work->most * lanes;
    work->v_frequency = work->x_blocks * work->v_block + lanes;
    work->v_count = FREQUENCIES * work->v_frequency;
    work->m_frequency = y_blocks * work->m_block + lanes;
    work->m_count = FREQUENCIES * work->m_frequency;
    work->u_frequency = work->x_blocks * lanes * PANEL * lanes + lanes;
    work->u_panel = FREQUENCIES * work->u_frequency;
    work->u_count = work->by_panels ? work->u_panel : work->panels * work->u_panel;
}

static Work work_of(const HpLibraryCall *call, int64_t threads)
{
    bool gradient = call->kind == HP_CONVOLUTION_GRADIENT_INPUT;
    int64_t lanes = lanes_of(call);
    Work work = {.lanes = lanes, .flip = gradient, .add = call->add, .relu = call->relu};
    int64_t in = divide_up(call->in_channels, lanes), out = divide_up(call->out_channels, lanes);
    work.x_blocks = gradient ? out : in;
    work.y_blocks = gradient ? in : out;
    work.y_channels = gradient ? call->in_channels : call->out_channels;
    for (int i = 0; i < 2; i++) {
        work.x_size[i] = gradient ? call->out_size[i] : call->in_size[i];
        work.y_size[i] = gradient ? call->in_size[i] : call->out_size[i];
        work.pad[i] = gradient ? TAPS - 1 - call->pad_before[i] : call->pad_before[i];
    }
    work.tile_rows = divide_up(work.y_size[0], TILE);
    work.tile_columns = divide_up(work.y_size[1], TILE);
    work.tiles = call->batch * work.tile_rows * work.tile_columns;
    set_weight_strides(&work, call);
    set_blocks(&work, threads);
    set_strides(&work);
    return work;
}

/* ---------------------------------------------------------------- one thread's share */

typedef struct Share {
    int64_t rank, count; /* of the threads */
} Share;

static int64_t share_start(Share share, int64_t items)
{
    return items * share.rank / share.count;
}

static int64_t share_end(Share share, int64_t items)
{
    return items * (share.rank + 1) / share.count;
}

/* All tiles of a block times one panel of one frequency, in groups of about equal size. */
static void multiply_panel(const Work *work, const Walk *walk, const float *v, const float *u, float *m,
                           int64_t tiles, int64_t blocks)
{
    int64_t groups = divide_up(tiles, walk->rows);
    for (int64_t group = 0, first = 0; group < groups; group++) {
        int64_t end = tiles * (group + 1) / groups;
        walk->multiply[end - first - 1][blocks - 1](work, v + first * work->lanes, u,
                                                    m + first * work->lanes);
        first = end;
    }
}

static void run_blocks(const Work *work, const Walk *walk, Share share, const float *x, const float *u,
                       const float *bias, float *y, float *v, float *m)
{
    int64_t blocks = divide_up(work->tiles, work->most);
    for (int64_t block = share_start(share, blocks); block < share_end(share, blocks); block++) {
        int64_t first = block * work->most,
                end = first + work->most < work->tiles ? first + work->most : work->tiles;
        for (int64_t i = 0; i < work->x_blocks; i++)
            walk->transform_input(work, x, i, first, end, v + i * work->v_block);
        for (int64_t f = 0; f < FREQUENCIES; f++)
            for (int64_t panel = 0; panel < work->panels; panel++)
                multiply_panel(work, walk, v + f * work->v_frequency,
                               u + panel * work->u_panel + f * work->u_frequency,
                               m + f * work->m_frequency + panel * PANEL * work->m_block, end - first,
                               panel_blocks(work, panel));
        for (int64_t o = 0; o < work->y_blocks; o++)
            walk->transform_output(work, m + o * work->m_block, o, first, end, bias, y);
    }
}

static void run_panels(const Work *work, const Walk *walk, Share share, const float *v, const float *weight,
                       const float *bias, float *y, float *u, float *m)
{
    for (int64_t panel = share_start(share, work->panels); panel < share_end(share, work->panels); panel++) {
        int64_t blocks = panel_blocks(work, panel);
        walk->transform_weights(work, weight, panel, u);
        for (int64_t f = 0; f < FREQUENCIES; f++)
            multiply_panel(work, walk, v + f * work->v_frequency, u + f * work->u_frequency,
                           m + f * work->m_frequency, work->tiles, blocks);
        for (int64_t k = 0; k < blocks; k++)
            walk->transform_output(work, m + k * work->m_block, panel * PANEL + k, 0, work->tiles, bias, y);
    }
}

/* ---------------------------------------------------------------- the call */

static const Walk *walk_of(int64_t lanes)
{
    return lanes == 16 ? &walks[0] : &walks[1];
}

static bool blocked_alike(const HpLibraryCall *call)
{
    if (call->format_a != call->format_c)
        return false;
    if (call->format_a == HP_FORMAT_NCHW16C)
        return call->format_b == HP_FORMAT_OIHW16I16O || call->format_b == HP_FORMAT_OIHW16O16I ||
               call->format_b == HP_FORMAT_IOHW16O16I || call->format_b == HP_FORMAT_COUNT;
    return call->format_a == HP_FORMAT_NCHW8C &&
           (call->format_b == HP_FORMAT_OIHW8I8O || call->format_b == HP_FORMAT_OIHW8O8I ||
            call->format_b == HP_FORMAT_COUNT);
}

static bool is_possible(const HpLibraryCall *call)
{
    if (call->kind != HP_CONVOLUTION && call->kind != HP_CONVOLUTION_GRADIENT_INPUT)
        return false;
    bool same = call->groups == 1 && blocked_alike(call);
    for (int i = 0; i < 2; i++)
        same = same && call->kernel[i] == TAPS && call->stride[i] == 1 && call->dilation[i] == 1 &&
               call->pad_before[i] < TAPS;
    return same && hp_cpu_has(lanes_of(call) == 16 ? "avx512" : "avx2");
}

/* Our time over that of a direct convolution, fitted to measured layers: a quarter of the products, more
 * where tiles reach over the edge, and transforms of x, y and the weights. */
static bool pays(const HpLibraryCall *call)
{
    double rows = (double)divide_up(call->out_size[0], TILE),
           columns = (double)divide_up(call->out_size[1], TILE);
    double tiles = (double)call->batch * rows * columns;
    double cut = rows * columns * TILE * TILE / (double)(call->out_size[0] * call->out_size[1]);
    double transforms = 10.0 / (double)call->in_channels + 10.0 / (double)call->out_channels + 32 / tiles;
    return 1.5 / 4 * cut * (1 + transforms) < 0.95;
}

bool hp_winograd_fits(HpLibraryCall *call)
{
    bool asked = call->algorithm == HP_ALGORITHM_OWN_WINOGRAD;
    if (!(asked || (call->algorithm == HP_ALGORITHM_AUTO && pays(call))) || !is_possible(call))
        return false;
    if (call->format_b == HP_FORMAT_COUNT)
        call->format_b = lanes_of(call) == 16 ? HP_FORMAT_OIHW16I16O : HP_FORMAT_OIHW8I8O;
    call->algorithm = HP_ALGORITHM_OWN_WINOGRAD;
    call->implementation = "hpanet:winograd";
    call->scratchpad = hp_winograd_scratchpad(call);
    return true;
}

int64_t hp_winograd_scratchpad(const HpLibraryCall *call)
{
    int64_t threads = omp_get_max_threads();
    Work work = work_of(call, threads);
    int64_t shared = work.by_panels ? work.v_count : work.u_count,
            own = work.by_panels ? work.u_count : work.v_count;
    return (shared + threads * (own + work.m_count)) * (int64_t)sizeof(float);
}

void hp_winograd_run(const HpLibraryCall *call, const float *a, const float *b, const float *bias, float *c,
                     void *scratchpad)
{
    const Work work = work_of(call, omp_get_max_threads());
    const Walk *walk = walk_of(work.lanes);
#pragma omp parallel
    {
        Share share = {omp_get_thread_num(), omp_get_num_threads()};
        float *shared = scratchpad;
        if (work.by_panels) {
            float *u = shared + work.v_count + share.rank * (work.u_count + work.m_count),
                  *m = u + work.u_count;
            int64_t first = share_start(share, work.tiles), end = share_end(share, work.tiles);
            for (int64_t i = 0; i < work.x_blocks; i++)
                walk->transform_input(&work, a, i, first, end,
                                      shared + i * work.v_block + first * work.lanes);
#pragma omp barrier
            run_panels(&work, walk, share, shared, b, bias, c, u, m);
        } else {
            float *v = shared + work.u_count + share.rank * (work.v_count + work.m_count),
                  *m = v + work.v_count;
            for (int64_t i = share_start(share, work.panels); i < share_end(share, work.panels); i++)
                walk->transform_weights(&work, b, i, shared + i * work.u_panel);
#pragma omp barrier
            run_blocks(&work, walk, share, a, shared, bias, c, v, m);
        }
    }
}

#else /* other machines leave it to the library */

bool hp_winograd_fits(HpLibraryCall *call)
{
    (void)call;
    return false;
}

int64_t hp_winograd_scratchpad(const HpLibraryCall *call)
{
    (void)call;
    return 0;
}

void hp_winograd_run(const HpLibraryCall *call, const float *a, const float *b, const float *bias, float *c,
                     void *scratchpad)
{
    (void)a, (void)b, (void)bias, (void)c, (void)scratchpad;
    hp_bug("%s wants a kernel that this machine does not have", call->name);
}

#endif
