/* Contractions. A convolution is a matrix product over "patches": row j is an output pixel (image, y, x),
 * column k one weight tap (channel, ky, kx). With P the patches, W[o][k] the weight, Y[j][o] the output of
 * one group: Y = P W^T,   gradient of P = gradient of Y . W,   gradient of W^T = P^T . gradient of Y and the
 * gradient of the image is the gradient of P added back where the patches came from. */
#include "interpret.h"

#include <stdlib.h>

enum { BLOCK_K = 128, BLOCK_N = 1024 }; /* a block of b stays in the second-level cache */

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

/* target[columns][rows] = source[rows][columns]^T */
static void transpose(int64_t rows, int64_t columns, const double *source, double *target)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
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

/* Copies the patch of one output pixel out of the image of this group's channels, or adds it back. */
static void patch_of_pixel(const Sizes *s, int64_t y, int64_t x, double *image, double *patch, bool add_back)
{
    const Convolution *c = s->attributes;
    int64_t height = s->x.extents[2], width = s->x.extents[3];
    for (int64_t channel = 0; channel < s->in_channels; channel++) {
        for (int64_t ky = 0; ky < s->weight.extents[2]; ky++) {
            int64_t row = y * c->stride[0] - c->pad_before[0] + ky * c->dilation[0];
            for (int64_t kx = 0; kx < s->weight.extents[3]; kx++, patch++) {
                int64_t column = x * c->stride[1] - c->pad_before[1] + kx * c->dilation[1];
                bool inside = row >= 0 && row < height && column >= 0 && column < width;
                double *pixel = inside ? &image[(channel * height + row) * width + column] : NULL;
                if (!add_back)
                    *patch = inside ? *pixel : 0;
                else if (inside)
                    *pixel += *patch;
            }
        }
    }
}

/* All patches of one group; the image is read, or with add_back written. */
static void patches_of_group(const Sizes *s, int64_t group, double *x, double *patches, bool add_back)
{
    int64_t plane = s->x.extents[2] * s->x.extents[3];
    for (int64_t n = 0; n < s->y.extents[0]; n++) {
        double *image = x + (n * s->x.extents[1] + group * s->in_channels) * plane;
        for (int64_t row = 0; row < s->y.extents[2]; row++)
            for (int64_t column = 0; column < s->y.extents[3]; column++, patches += s->taps)
                patch_of_pixel(s, row, column, image, patches, add_back);
    }
}

/* Between y [N, O, H, W] and one group's matrix [pixel][channel]. */
static void output_of_group(const Sizes *s, int64_t group, double *y, double *matrix, bool to_matrix)
{
    int64_t plane = s->y.extents[2] * s->y.extents[3];
    for (int64_t n = 0; n < s->y.extents[0]; n++) {
        for (int64_t o = 0; o < s->out_channels; o++) {
            double *source = y + (n * s->y.extents[1] + group * s->out_channels + o) * plane;
            for (int64_t i = 0; i < plane; i++) {
                double *element = &matrix[(n * plane + i) * s->out_channels + o];
                if (to_matrix)
                    *element = source[i];
                else
                    source[i] = *element;
            }
        }
    }
}

static void convolution_group(const Node *node, const Sizes *s, int64_t group, double *x, double *weight,
                              double *y, double *patches, double *output, double *turned)
{
    int64_t j = s->pixels, k = s->taps, o = s->out_channels;
    double *own_weight = weight + group * o * k;
    if (node->op != OP_CONVOLUTION_GRADIENT_INPUT)
        patches_of_group(s, group, x, patches, false);
    if (node->op != OP_CONVOLUTION)
        output_of_group(s, group, y, output, true);
    switch (node->op) {
    case OP_CONVOLUTION:
        transpose(o, k, own_weight, turned);
        clear(output, j * o);
        multiply_add(j, o, k, patches, k, 1, turned, output);
        output_of_group(s, group, y, output, false);
        break;
    case OP_CONVOLUTION_GRADIENT_INPUT:
        clear(patches, j * k);
        multiply_add(j, k, o, output, o, 1, own_weight, patches);
        patches_of_group(s, group, x, patches, true);
        break;
    default:
        clear(turned, k * o);
        multiply_add(k, o, j, patches, 1, k, output, turned);
        transpose(k, o, turned, own_weight);
    }
}

static void convolution(const Node *node, const double *const *inputs, double *value)
{
    Sizes s = sizes_of(node);
    /* One of the three is written, the others only read. */
    double *a = (double *)inputs[0], *b = (double *)inputs[1];
    double *x = node->op == OP_CONVOLUTION_GRADIENT_INPUT ? value : a;
    double *weight = node->op == OP_CONVOLUTION_GRADIENT_WEIGHT ? value : b;
    double *y = node->op == OP_CONVOLUTION ? value : node->op == OP_CONVOLUTION_GRADIENT_INPUT ? a : b;
    double *patches = interpret_alloc(s.pixels * s.taps);
    double *output = interpret_alloc(s.pixels * s.out_channels);
    double *turned = interpret_alloc(s.out_channels * s.taps);
    if (x == value)
        clear(x, shape_count(s.x));
    for (int64_t group = 0; group < s.attributes->groups; group++)
        convolution_group(node, &s, group, x, weight, y, patches, output, turned);
    free(patches);
    free(output);
    free(turned);
}

void interpret_product(const Node *node, const double *const *inputs, double *value)
{
    if (node->op == OP_MATMUL)
        matmul(node, inputs[0], inputs[1], value);
    else
        convolution(node, inputs, value);
}
