/* The loops of winograd.c for one width of vectors; included once for each, with
 *   LANES   floats of a vector: the channels of a block
 *   ROWS    tiles that a product keeps in registers, for two blocks of output channels
 *   TARGET  the instruction set, for __attribute__((target))
 *   NAMED   NAMED(x) is x with a suffix of its own */

typedef float NAMED(Lanes) __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef int32_t NAMED(Ints) __attribute__((vector_size(LANES * sizeof(float))));
typedef double NAMED(Doubles) __attribute__((vector_size(LANES * sizeof(double))));

#define Lanes NAMED(Lanes)
#define Ints NAMED(Ints)
#define Doubles NAMED(Doubles)
#define INLINE static inline __attribute__((always_inline, target(TARGET)))

/* v = B' x */
INLINE void NAMED(transform_pixels)(const Lanes x[EDGE], Lanes v[EDGE])
{
    Lanes p = x[4] - B2 * x[2], q = A * (x[3] - B2 * x[1]);
    Lanes r = x[4] - A2 * x[2], s = B * (x[3] - A2 * x[1]);
    v[0] = A2 * B2 * x[0] - (A2 + B2) * x[2] + x[4];
    v[1] = p + q;
    v[2] = p - q;
    v[3] = r + s;
    v[4] = r - s;
    v[5] = A2 * B2 * x[1] - (A2 + B2) * x[3] + x[5];
}

/* u = G g */
INLINE void NAMED(transform_taps)(const Doubles g[TAPS], Doubles u[EDGE])
{
    const double a2 = A2, b2 = B2;
    Doubles p = (g[0] + a2 * g[2]) * (1 / (2 * a2 * (a2 - b2))), q = g[1] * (1 / (2 * A * (a2 - b2)));
    Doubles r = (g[0] + b2 * g[2]) * (1 / (2 * b2 * (b2 - a2))), s = g[1] * (1 / (2 * B * (b2 - a2)));
    u[0] = g[0] * (1 / (a2 * b2));
    u[1] = p + q;
    u[2] = p - q;
    u[3] = r + s;
    u[4] = r - s;
    u[5] = g[2];
}

/* y = A' m */
INLINE void NAMED(transform_sums)(const Lanes m[EDGE], Lanes y[TILE])
{
    Lanes s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    y[0] = m[0] + s1 + s2;
    y[1] = A * d1 + B * d2;
    y[2] = A2 * s1 + B2 * s2;
    y[3] = A * A2 * d1 + B * B2 * d2 + m[5];
}

/* One tile of one block of x: `pixels` is its first pixel, `row` the floats from row to row. */
INLINE void NAMED(transform_tile)(const float *pixels, int64_t row, float *v, int64_t frequency)
{
    Lanes columns[EDGE][EDGE], x[EDGE], out[EDGE];
    for (int j = 0; j < EDGE; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < EDGE; i++)
            x[i] = *(const Lanes *)(pixels + i * row + j * LANES);
        NAMED(transform_pixels)(x, out);
#pragma GCC unroll 6
        for (int i = 0; i < EDGE; i++)
            columns[i][j] = out[i];
    }
    for (int i = 0; i < EDGE; i++) {
        NAMED(transform_pixels)(columns[i], out);
#pragma GCC unroll 6
        for (int j = 0; j < EDGE; j++)
            *(Lanes *)(v + (i * EDGE + j) * frequency) = out[j];
    }
}

/* Tiles `first` to `end` of one block of channels of x, into v[0], v[LANES], ... of every frequency. */
static __attribute__((target(TARGET))) void
NAMED(transform_input)(const Work *work, const float *x, int64_t block, int64_t first, int64_t end, float *v)
{
    float border[EDGE * EDGE * LANES];
    int64_t height = work->x_size[0], width = work->x_size[1];
    for (int64_t tile = first; tile < end; tile++, v += LANES) {
        Place place = place_of(work, tile);
        const float *image = x + (place.image * work->x_blocks + block) * height * width * LANES;
        int64_t h = place.row * TILE - work->pad[0], w = place.column * TILE - work->pad[1];
        if (h >= 0 && w >= 0 && h + EDGE <= height && w + EDGE <= width) {
            NAMED(transform_tile)(image + (h * width + w) * LANES, width * LANES, v, work->v_frequency);
            continue;
        }
        for (int i = 0; i < EDGE; i++)
            for (int j = 0; j < EDGE; j++) {
                bool inside = h + i >= 0 && h + i < height && w + j >= 0 && w + j < width;
                *(Lanes *)(border + (i * EDGE + j) * LANES) =
                    inside ? *(const Lanes *)(image + ((h + i) * width + w + j) * LANES) : (Lanes){0};
            }
        NAMED(transform_tile)(border, EDGE * LANES, v, work->v_frequency);
    }
}

/* All weights that lead from channels of x to the blocks of a panel of y. In double: an error of a weight is
 * the same in every tile, so that it would grow with the image where rounding errors of x and y average out.
 */
static __attribute__((target(TARGET))) void NAMED(transform_weights)(const Work *work, const float *weight,
                                                                     int64_t panel, float *u)
{
    int64_t blocks = panel_blocks(work, panel);
    for (int64_t c = 0; c < work->x_blocks * LANES; c++)
        for (int64_t k = 0; k < blocks; k++, u += LANES) {
            const float *from = weight + c / LANES * work->weight_x_block + c % LANES * work->weight_x_lane +
                                (panel * PANEL + k) * work->weight_y_block;
            Doubles g[TAPS][TAPS], rows[TAPS][EDGE], column[TAPS], out[EDGE];
            for (int i = 0; i < TAPS; i++)
                for (int j = 0; j < TAPS; j++) {
                    const float *tap = from + (i * TAPS + j) * work->weight_tap;
                    int64_t row = work->flip ? TAPS - 1 - i : i, at = work->flip ? TAPS - 1 - j : j;
                    if (work->weight_y_lane == 1)
                        g[row][at] = __builtin_convertvector(*(const Lanes *)tap, Doubles);
                    else
                        for (int lane = 0; lane < LANES; lane++)
                            g[row][at][lane] = tap[lane * work->weight_y_lane];
                }
            for (int i = 0; i < TAPS; i++)
                NAMED(transform_taps)(g[i], rows[i]);
            for (int j = 0; j < EDGE; j++) {
                for (int i = 0; i < TAPS; i++)
                    column[i] = rows[i][j];
                NAMED(transform_taps)(column, out);
                for (int i = 0; i < EDGE; i++)
                    *(Lanes *)(u + (i * EDGE + j) * work->u_frequency) =
                        __builtin_convertvector(out[i], Lanes);
            }
        }
}

/* m = v u for `rows` tiles and `blocks` blocks of output channels, which are constants where it is called. */
INLINE void NAMED(multiply)(const Work *work, const float *v, const float *u, float *m, const int rows,
                            const int blocks)
{
    Lanes sum[ROWS][PANEL], lanes[PANEL];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int k = 0; k < blocks; k++)
            sum[r][k] = (Lanes){0};
    for (int64_t block = 0; block < work->x_blocks; block++, v += work->v_block)
        for (int64_t c = 0; c < LANES; c++, u += blocks * LANES) {
#pragma GCC unroll 2
            for (int k = 0; k < blocks; k++)
                lanes[k] = *(const Lanes *)(u + k * LANES);
#pragma GCC unroll 16
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
                for (int k = 0; k < blocks; k++)
                    sum[r][k] += v[r * LANES + c] * lanes[k];
        }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int k = 0; k < blocks; k++)
            *(Lanes *)(m + k * work->m_block + r * LANES) = sum[r][k];
}

#define MULTIPLY(rows)                                                                                       \
    static __attribute__((target(TARGET))) void NAMED(multiply_##rows##_1)(const Work *work, const float *v, \
                                                                           const float *u, float *m)         \
    {                                                                                                        \
        NAMED(multiply)(work, v, u, m, rows, 1);                                                             \
    }                                                                                                        \
    static __attribute__((target(TARGET))) void NAMED(multiply_##rows##_2)(const Work *work, const float *v, \
                                                                           const float *u, float *m)         \
    {                                                                                                        \
        NAMED(multiply)(work, v, u, m, rows, 2);                                                             \
    }

/* y = relu(sums + bias + what y holds) of one tile, where it lies inside of y. */
INLINE void NAMED(store_tile)(const Work *work, const float *m, Lanes bias, Place place, float *image)
{
    Lanes rows[TILE][EDGE], column[EDGE], y[TILE];
    for (int j = 0; j < EDGE; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < EDGE; i++)
            column[i] = *(const Lanes *)(m + (i * EDGE + j) * work->m_frequency);
        NAMED(transform_sums)(column, y);
#pragma GCC unroll 4
        for (int i = 0; i < TILE; i++)
            rows[i][j] = y[i];
    }
    int64_t h = place.row * TILE, w = place.column * TILE;
    for (int i = 0; i < TILE && h + i < work->y_size[0]; i++) {
        NAMED(transform_sums)(rows[i], y);
        float *at = image + ((h + i) * work->y_size[1] + w) * LANES;
        for (int j = 0; j < TILE && w + j < work->y_size[1]; j++, at += LANES) {
            Lanes value = y[j] + bias;
            if (work->add)
                value += *(const Lanes *)at;
            if (work->relu)
                value = (Lanes)((Ints)value & ~(value <= 0)); /* keeps what is no number */
            *(Lanes *)at = value;
        }
    }
}

static __attribute__((target(TARGET))) void NAMED(transform_output)(const Work *work, const float *m,
                                                                    int64_t block, int64_t first, int64_t end,
                                                                    const float *bias, float *y)
{
    Lanes lanes = {0};
    for (int64_t lane = 0; bias && lane < LANES && block * LANES + lane < work->y_channels; lane++)
        lanes[lane] = bias[block * LANES + lane];
    for (int64_t tile = first; tile < end; tile++, m += LANES) {
        Place place = place_of(work, tile);
        NAMED(store_tile)
        (work, m, lanes, place,
         y + (place.image * work->y_blocks + block) * work->y_size[0] * work->y_size[1] * LANES);
    }
}

#undef Lanes
#undef Ints
#undef Doubles
#undef INLINE
