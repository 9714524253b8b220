/* The inner loop of narrow_gradient.c for one width of vectors; included once for each, with
 *   LANES   floats of a vector: the output channels of a block
 *   TARGET  the instruction set, for __attribute__((target))
 *   NAMED   NAMED(x) is x with a suffix of its own */

typedef float NAMED(Lanes) __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

/* The parameters after `row` are constants where it is called, so that everything inside unrolls into
 * registers. */
static inline __attribute__((always_inline, target(TARGET))) void
NAMED(walk_row)(const Row *row, const int width, const int planes, const int blocks)
{
    NAMED(Lanes) sum[2][4][7], lanes[2];
#pragma GCC unroll 8
    for (int b = 0; b < blocks; b++)
#pragma GCC unroll 8
        for (int i = 0; i < planes; i++)
#pragma GCC unroll 8
            for (int k = 0; k < width; k++)
                sum[b][i][k] =
                    *(const NAMED(Lanes) *)(row->sum + b * row->sum_block + k * row->sum_tap + i * LANES);
    const float *x = row->x, *y = row->y;
    for (int64_t ow = 0; ow < row->count; ow++, x += row->stride, y += LANES) {
#pragma GCC unroll 8
        for (int b = 0; b < blocks; b++)
            lanes[b] = *(const NAMED(Lanes) *)(y + b * row->block);
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
                *(NAMED(Lanes) *)(row->sum + b * row->sum_block + k * row->sum_tap + i * LANES) =
                    sum[b][i][k];
}
