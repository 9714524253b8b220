/* Contractions. A convolution is a matrix product over "patches": P[k][j] is what weight tap k (channel, ky,
 * kx) of one group sees at output pixel j (image, y, x). With the weight W[o][k] and the output Y[o][j]: Y =
 * W P,   gradient of P = W^T . gradient of Y,   gradient of W = gradient of Y . P^T and the gradient of the
 * image is the gradient of P added back where the patches came from. */
#include "interpret.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_K = 128, BLOCK_N = 1024, TILE = 16 }; /* a block of b stays in the second-level cache */

/* c[i][0..n) += sum over four k of a[i][k] * b[k][0..n), for two rows i. */
static void two_by_four(int64_t n, const double *a, int64_t a_row, int64_t a_column, const double *b,
                        int64_t b_row, double *c, int64_t c_row)
{
    const double *b0 = b, *b1 = b + b_row, *b2 = b + 2 * b_row, *b3 = b + 3 * b_row;
    double *restrict c0 = c, *restrict c1 = c + c_row;
    const double *above = a, *below = a + a_row;
    double p0 = above[0], p1 = above[a_column], p2 = above[2 * a_column], p3 = above[3 * a_column];
    double q0 = below[0], q1 = below[a_column], q2 = below[2 * a_column], q3 = below[3 * a_column];
    for (int64_t j = 0; j < n; j++) {
        c0[j] += p0 * b0[j] + p1 * b1[j] + p2 * b2[j] + p3 * b3[j];
        c1[j] += q0 * b0[j] + q1 * b1[j] + q2 * b2[j] + q3 * b3[j];
    }
}

static void one_by_one(int64_t n, double a, const double *restrict b, double *restrict c)
{
    for (int64_t j = 0; j < n; j++)
        c[j] += a * b[j];
}

/* c[m][n] += a[m][k] b[k][n]; b and c are dense, a has any strides. */
static void multiply_add(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_column,
                         const double *b, double *c)
{
    for (int64_t first = 0; first < n; first += BLOCK_N) {
        int64_t width = n - first < BLOCK_N ? n - first : BLOCK_N;
        for (int64_t from = 0; from < k; from += BLOCK_K) {
            int64_t to = k - from < BLOCK_K ? k : from + BLOCK_K;
            for (int64_t i = 0; i < m; i += 2) {
                int64_t p = from;
                for (; i + 1 < m && p + 3 < to; p += 4)
                    two_by_four(width, a + i * a_row + p * a_column, a_row, a_column, b + p * n + first, n,
                                c + i * n + first, n);
                for (; p < to; p++)
                    for (int64_t row = i; row < i + 2 && row < m; row++)
                        one_by_one(width, a[row * a_row + p * a_column], b + p * n + first,
                                   c + row * n + first);
            }
        }
    }
}

static void clear(double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = 0;
}

/* target[columns][rows] = source[rows][columns]^T, in tiles: both sides are used a cache line at a time. */
static void transpose(int64_t rows, int64_t columns, const double *source, double *target)
{
    for (int64_t top = 0; top < rows; top += TILE)
        for (int64_t left = 0; left < columns; left += TILE)
            for (int64_t i = top; i < top + TILE && i < rows; i++)
                for (int64_t j = left; j < left + TILE && j < columns; j++)
                    target[j * rows + i] = source[i * columns + j];
}

static void matmul(const Node *node, const double *a, const double *b, double *value)
{
    int rank = node->shape.rank;
    const int64_t *a_extents = &node->inputs[0]->shape.extents[rank - 2];
    bool transpose_a = node->attributes.matmul.transpose_a, transpose_b = node->attributes.matmul.transpose_b;
    int64_t m = node->shape.extents[rank - 2], n = node->shape.extents[rank - 1], k = a_extents[!transpose_a];
    int64_t batch = shape_count(node->shape) / (m * n);
    double *turned = transpose_b ? interpret_alloc(n * k) : NULL;
    clear(value, batch * m * n);
    for (int64_t i = 0; i < batch; i++) {
        const double *right = b + i * k * n;
        if (transpose_b) {
            transpose(n, k, right, turned);
            right = turned;
        }
        multiply_add(m, n, k, a + i * m * k, transpose_a ? 1 : k, transpose_a ? m : 1, right,
                     value + i * m * n);
    }
    free(turned);
}

/* The sizes of one convolution, whichever of its three tensors is computed. */
typedef struct Sizes {
    Shape x, weight, y;
    const Convolution *attributes;
    int64_t in_channels, out_channels; /* of one group */
    int64_t pixels, taps;              /* rows and columns of the patches of one group */
} Sizes;

static Sizes sizes_of(const Node *node)
{
    Sizes s = {.attributes = &node->attributes.convolution};
    Shape a = node->inputs[0]->shape, b = node->inputs[1]->shape;
    s.x = node->op == OP_CONVOLUTION_GRADIENT_INPUT ? node->shape : a;
    s.weight = node->op == OP_CONVOLUTION_GRADIENT_WEIGHT ? node->shape : b;
    s.y = node->op == OP_CONVOLUTION ? node->shape : node->op == OP_CONVOLUTION_GRADIENT_INPUT ? a : b;
    s.in_channels = s.weight.extents[1];
    s.out_channels = s.weight.extents[0] / s.attributes->groups;
    s.pixels = s.y.extents[0] * s.y.extents[2] * s.y.extents[3];
    s.taps = s.in_channels * s.weight.extents[2] * s.weight.extents[3];
    return s;
}

/* One tap's row of the patches, of one image: copied out of the channel's plane, or added back to it. */
static void patch_row(const Sizes *s, int64_t ky, int64_t kx, double *plane, double *row, bool add_back)
{
    const Convolution *c = s->attributes;
    int64_t height = s->x.extents[2], width = s->x.extents[3];
    for (int64_t y = 0; y < s->y.extents[2]; y++) {
        int64_t from_y = y * c->stride[0] - c->pad_before[0] + ky * c->dilation[0];
        for (int64_t x = 0; x < s->y.extents[3]; x++, row++) {
            int64_t from_x = x * c->stride[1] - c->pad_before[1] + kx * c->dilation[1];
            bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
            if (!add_back)
                *row = inside ? plane[from_y * width + from_x] : 0;
            else if (inside)
                plane[from_y * width + from_x] += *row;
        }
    }
}

/* All patches of one group; the image is read, or with add_back written. */
static void patches_of_group(const Sizes *s, int64_t group, double *x, double *patches, bool add_back)
{
    int64_t plane = s->x.extents[2] * s->x.extents[3], out_plane = s->y.extents[2] * s->y.extents[3];
    int64_t taps_y = s->weight.extents[2], taps_x = s->weight.extents[3];
    for (int64_t tap = 0; tap < s->taps; tap++) {
        int64_t channel = group * s->in_channels + tap / (taps_y * taps_x);
        for (int64_t n = 0; n < s->y.extents[0]; n++)
            patch_row(s, tap / taps_x % taps_y, tap % taps_x, x + (n * s->x.extents[1] + channel) * plane,
                      patches + tap * s->pixels + n * out_plane, add_back);
    }
}

/* Between y [N, O, H, W] and one group's matrix [o][j]. */
static void output_of_group(const Sizes *s, int64_t group, double *y, double *matrix, bool to_matrix)
{
    int64_t plane = s->y.extents[2] * s->y.extents[3];
    for (int64_t o = 0; o < s->out_channels; o++) {
        for (int64_t n = 0; n < s->y.extents[0]; n++) {
            double *pixels = y + (n * s->y.extents[1] + group * s->out_channels + o) * plane;
            double *row = matrix + o * s->pixels + n * plane;
            memcpy(to_matrix ? row : pixels, to_matrix ? pixels : row, (size_t)plane * sizeof *row);
        }
    }
}

/* The three tensors of a convolution, one of which is written, and room for one group's matrices. */
typedef struct Tensors {
    double *x, *weight, *y;
    double *patches, *turned; /* P and its transpose */
    double *output;           /* Y */
} Tensors;

static void convolution_group(Op op, const Sizes *s, int64_t group, const Tensors *t)
{
    int64_t j = s->pixels, k = s->taps, o = s->out_channels;
    double *weight = t->weight + group * o * k;
    if (op != OP_CONVOLUTION_GRADIENT_INPUT)
        patches_of_group(s, group, t->x, t->patches, false);
    if (op != OP_CONVOLUTION)
        output_of_group(s, group, t->y, t->output, true);
    switch (op) {
    case OP_CONVOLUTION:
        clear(t->output, o * j);
        multiply_add(o, j, k, weight, k, 1, t->patches, t->output);
        output_of_group(s, group, t->y, t->output, false);
        break;
    case OP_CONVOLUTION_GRADIENT_INPUT:
        clear(t->patches, k * j);
        multiply_add(k, j, o, weight, 1, k, t->output, t->patches);
        patches_of_group(s, group, t->x, t->patches, true);
        break;
    default:
        transpose(k, j, t->patches, t->turned);
        clear(weight, o * k);
        multiply_add(o, k, j, t->output, j, 1, t->turned, weight);
    }
}

static void convolution(const Node *node, const double *const *inputs, double *value)
{
    Sizes s = sizes_of(node);
    double *a = (double *)inputs[0], *b = (double *)inputs[1]; /* only read */
    Tensors t = {.patches = interpret_alloc(s.taps * s.pixels),
                 .turned =
                     interpret_alloc(node->op == OP_CONVOLUTION_GRADIENT_WEIGHT ? s.taps * s.pixels : 1),
                 .output = interpret_alloc(s.out_channels * s.pixels)};
    t.x = node->op == OP_CONVOLUTION_GRADIENT_INPUT ? value : a;
    t.weight = node->op == OP_CONVOLUTION_GRADIENT_WEIGHT ? value : b;
    t.y = node->op == OP_CONVOLUTION ? value : node->op == OP_CONVOLUTION_GRADIENT_INPUT ? a : b;
    if (t.x == value)
        clear(value, shape_count(s.x));
    for (int64_t group = 0; group < s.attributes->groups; group++)
        convolution_group(node->op, &s, group, &t);
    free(t.patches);
    free(t.turned);
    free(t.output);
}

void interpret_product(const Node *node, const double *const *inputs, double *value)
{
    if (node->op == OP_MATMUL)
        matmul(node, inputs[0], inputs[1], value);
    else
        convolution(node, inputs, value);
}
