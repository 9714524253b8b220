/* An operand is gathered into doubles in the order image, row, column, channel (weights: output, row, column,
 * input), so that one loop nest serves all formats, types and pitches. */
#include "products.h"

#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "number.h"
#include "runtime/base/base.h"
#include "runtime/device/device.h"
#include "runtime/device/format.h"

enum { IMAGE, ROW, COLUMN, CHANNEL, AXES };
enum { GARBAGE = 0xff, WORTH_THREADS = 1 << 18 /* multiplications */ };

typedef struct Operand {
    HpDataType type;
    int64_t extent[AXES], stride[AXES];
} Operand;

/* ---------------------------------------------------------------- operands */

static Operand tensor_operand(const HpLibraryCall *call, HpFormat format, HpDataType type,
                              const int64_t shape[4], int64_t pitch)
{
    const int64_t channels = shape[1], rows = shape[2], columns = shape[3];
    const int64_t pixel = pitch ? pitch : channels;
    Operand operand = {.type = type, .extent = {shape[0], rows, columns, channels}};
    if (pixel < channels || (pitch && format != HP_FORMAT_NHWC))
        hp_fail("%s: a pitch of %lld with %lld channels in format %s", call->name, (long long)pitch,
                (long long)channels, hp_format_name(format));
    if (format == HP_FORMAT_NHWC)
        memcpy(operand.stride, (int64_t[]){rows * columns * pixel, columns * pixel, pixel, 1},
               sizeof operand.stride);
    else if (format == HP_FORMAT_PLAIN)
        memcpy(operand.stride, (int64_t[]){channels * rows * columns, columns, 1, rows * columns},
               sizeof operand.stride);
    else
        hp_fail("%s: the emulated device has no format %s", call->name, hp_format_name(format));
    return operand;
}

static Operand x_operand(const HpLibraryCall *call, HpFormat format, HpDataType type, int64_t pitch)
{
    const int64_t shape[] = {call->batch, call->in_channels, call->in_size[0], call->in_size[1]};
    return tensor_operand(call, format, type, shape, pitch);
}

static Operand y_operand(const HpLibraryCall *call, HpFormat format, HpDataType type, int64_t pitch)
{
    const int64_t shape[] = {call->batch, call->out_channels, call->out_size[0], call->out_size[1]};
    return tensor_operand(call, format, type, shape, pitch);
}

static Operand weight_operand(const HpLibraryCall *call, HpFormat format, HpDataType type, int64_t pitch)
{
    const int64_t shape[] = {call->out_channels, call->in_channels / call->groups, call->kernel[0],
                             call->kernel[1]};
    return tensor_operand(call, format, type, shape, pitch);
}

/* rows x columns as the product sees them; what lies transposed has its rows along the pitch. Matrices of a
 * batch follow each other. */
static Operand matrix_operand(const HpLibraryCall *call, HpDataType type, int64_t rows, int64_t columns,
                              bool transposed, int64_t pitch)
{
    const int64_t lying_rows = transposed ? columns : rows, lying_columns = transposed ? rows : columns;
    const int64_t row = pitch ? pitch : lying_columns;
    if (row < lying_columns)
        hp_fail("%s: a pitch of %lld in a matrix of %lld columns", call->name, (long long)pitch,
                (long long)lying_columns);
    return (Operand){.type = type,
                     .extent = {call->batch, rows, 1, columns},
                     .stride = {lying_rows * row, transposed ? 1 : row, 0, transposed ? row : 1}};
}

static Operand reorder_operand(const HpLibraryCall *call, HpFormat format, HpDataType type, int64_t pitch)
{
    if (call->rank == 4)
        return tensor_operand(call, format, type, call->shape, pitch);
    const int64_t count = hp_format_count(HP_FORMAT_PLAIN, call->rank, call->shape);
    return tensor_operand(call, format, type, (int64_t[]){1, count, 1, 1}, pitch);
}

static int64_t operand_count(const Operand *operand)
{
    return operand->extent[0] * operand->extent[1] * operand->extent[2] * operand->extent[3];
}

/* From the first byte to behind the last one. */
static size_t operand_bytes(const Operand *operand)
{
    int64_t last = 0;
    for (int axis = 0; axis < AXES; axis++)
        last += (operand->extent[axis] - 1) * operand->stride[axis];
    return (size_t)((last + 1) * hp_data_type_bytes(operand->type));
}

/* ---------------------------------------------------------------- checks */

typedef struct Bytes {
    const char *name;
    const void *at;
    size_t count;
} Bytes;

static void check_held(const HpLibraryCall *call, Bytes bytes, HpDataType type, bool writable)
{
    if (!simt_holds(bytes.at, bytes.count, writable))
        hp_fail("%s: %s (%zu bytes at %p) lies outside of the device's memory", call->name, bytes.name,
                bytes.count, bytes.at);
    if ((uintptr_t)bytes.at % (uintptr_t)hp_data_type_bytes(type))
        hp_fail("%s: %s is not aligned to its elements", call->name, bytes.name);
}

static void check_apart(const HpLibraryCall *call, Bytes one, Bytes other)
{
    const char *a = one.at, *b = other.at;
    if (one.count > 0 && other.count > 0 && a < b + other.count && b < a + one.count)
        hp_fail("%s: %s and %s overlap", call->name, one.name, other.name);
}

/* What is written overlaps nothing. */
static void check_operands(const HpLibraryCall *call, const Bytes *read, int read_count, const Bytes *written,
                           int written_count)
{
    for (int i = 0; i < written_count; i++) {
        for (int j = 0; j < read_count; j++)
            check_apart(call, read[j], written[i]);
        for (int j = 0; j < i; j++)
            check_apart(call, written[j], written[i]);
    }
}

/* ---------------------------------------------------------------- gathering and writing */

static int64_t place(const Operand *operand, int64_t image, int64_t row, int64_t column, int64_t channel)
{
    return image * operand->stride[IMAGE] + row * operand->stride[ROW] + column * operand->stride[COLUMN] +
           channel * operand->stride[CHANNEL];
}

static double *gather(const Operand *operand, const void *memory)
{
    double *numbers = hp_alloc((size_t)operand_count(operand), sizeof *numbers), *to = numbers;
    for (int64_t n = 0; n < operand->extent[IMAGE]; n++)
        for (int64_t h = 0; h < operand->extent[ROW]; h++)
            for (int64_t w = 0; w < operand->extent[COLUMN]; w++)
                for (int64_t c = 0; c < operand->extent[CHANNEL]; c++)
                    *to++ = simt_number_get(operand->type, memory, place(operand, n, h, w, c));
    return numbers;
}

/* With the call's epilogue. */
static void write_result(const HpLibraryCall *call, const Operand *operand, const double *numbers,
                         const float *bias, void *memory)
{
    for (int64_t n = 0; n < operand->extent[IMAGE]; n++)
        for (int64_t h = 0; h < operand->extent[ROW]; h++)
            for (int64_t w = 0; w < operand->extent[COLUMN]; w++)
                for (int64_t c = 0; c < operand->extent[CHANNEL]; c++) {
                    const int64_t at = place(operand, n, h, w, c);
                    double value = *numbers++;
                    if (call->bias)
                        value += (double)bias[c];
                    if (call->add)
                        value += simt_number_get(operand->type, memory, at);
                    if (call->relu)
                        value = value < 0 ? 0 : value;
                    simt_number_put(operand->type, memory, at, value);
                }
}

/* Of the result as it is stored. */
static void sum_channels(const Operand *operand, const void *memory, float *statistics)
{
    const int64_t channels = operand->extent[CHANNEL], pixels = operand_count(operand) / channels;
    double *numbers = gather(operand, memory);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0;
        for (int64_t pixel = 0; pixel < pixels; pixel++) {
            const double value = numbers[pixel * channels + c];
            sum += value;
            squares += value * value;
        }
        statistics[c] = (float)sum;
        statistics[channels + c] = (float)squares;
    }
    free(numbers);
}

/* ---------------------------------------------------------------- products */

/* The input pixel below tap `k` of output pixel `out`; -1: padding. */
static int64_t source(const HpLibraryCall *call, int axis, int64_t out, int64_t k)
{
    const int64_t in = out * call->stride[axis] + k * call->dilation[axis] - call->pad_before[axis];
    return in < call->in_size[axis] ? in : -1;
}

/* The channels of an input pixel, their weights in one tap, and an output. */
static inline void meet(HpLibraryKind kind, int64_t channels, double *restrict x, double *restrict weights,
                        double *restrict y)
{
    double sum = 0;
    if (kind == HP_CONVOLUTION) {
#pragma omp simd reduction(+ : sum)
        for (int64_t c = 0; c < channels; c++)
            sum += x[c] * weights[c];
        *y += sum;
    } else if (kind == HP_CONVOLUTION_GRADIENT_INPUT) {
        for (int64_t c = 0; c < channels; c++)
            x[c] += *y * weights[c];
    } else {
        for (int64_t c = 0; c < channels; c++)
            weights[c] += *y * x[c];
    }
}

/* All that meets in one channel of one output image; the kind says which of the three is the result. */
static void convolve_plane(const HpLibraryCall *call, int64_t image, int64_t output, double *x,
                           double *weight, double *y)
{
    const int64_t inputs = call->in_channels / call->groups;
    const int64_t first = output / (call->out_channels / call->groups) * inputs;
    const int64_t height = call->out_size[0], width = call->out_size[1];
    for (int64_t at = 0; at < height * width * call->kernel[0] * call->kernel[1]; at++) {
        const int64_t tap = at % (call->kernel[0] * call->kernel[1]);
        const int64_t pixel = at / (call->kernel[0] * call->kernel[1]);
        const int64_t h = source(call, 0, pixel / width, tap / call->kernel[1]);
        const int64_t w = source(call, 1, pixel % width, tap % call->kernel[1]);
        if (h < 0 || w < 0)
            continue;
        double *xs = x + ((image * call->in_size[0] + h) * call->in_size[1] + w) * call->in_channels + first;
        double *weights = weight + (output * call->kernel[0] * call->kernel[1] + tap) * inputs;
        double *sum = y + (image * height * width + pixel) * call->out_channels + output;
        meet(call->kind, inputs, xs, weights, sum);
    }
}

/* Threads share images or output channels, whichever the result has. */
static void convolve(const HpLibraryCall *call, double *x, double *weight, double *y)
{
    const bool by_image = call->kind == HP_CONVOLUTION_GRADIENT_INPUT;
    const int64_t outer = by_image ? call->batch : call->out_channels;
    const int64_t inner = by_image ? call->out_channels : call->batch;
    const int64_t taps = call->kernel[0] * call->kernel[1] * call->in_channels / call->groups;
#pragma omp parallel for if (outer * inner * taps * call->out_size[0] * call->out_size[1] > WORTH_THREADS)
    for (int64_t i = 0; i < outer; i++)
        for (int64_t j = 0; j < inner; j++)
            convolve_plane(call, by_image ? i : j, by_image ? j : i, x, weight, y);
}

static void multiply(const HpLibraryCall *call, const double *a, const double *b, double *c)
{
#pragma omp parallel for if (call->batch * call->m * call->n * call->k > WORTH_THREADS)
    for (int64_t row = 0; row < call->batch * call->m; row++)
        for (int64_t k = 0; k < call->k; k++)
            for (int64_t column = 0; column < call->n; column++)
                c[row * call->n + column] +=
                    a[row * call->k + k] * b[(row / call->m * call->k + k) * call->n + column];
}

static void compute(const HpLibraryCall *call, double *a, double *b, double *c, int64_t count)
{
    switch (call->kind) {
    case HP_CONVOLUTION: convolve(call, a, b, c); break;
    case HP_CONVOLUTION_GRADIENT_INPUT: convolve(call, c, b, a); break;
    case HP_CONVOLUTION_GRADIENT_WEIGHT: convolve(call, a, c, b); break;
    case HP_MATMUL: multiply(call, a, b, c); break;
    case HP_REORDER: memcpy(c, a, (size_t)count * sizeof *c); break;
    }
}

/* ---------------------------------------------------------------- a call */

typedef struct Operands {
    Operand a, b, c;
    int read_count; /* 1: no b */
} Operands;

static Operands operands_of(const HpLibraryCall *call)
{
    const HpFormat a = call->format_a, b = call->format_b, c = call->format_c;
    const int64_t pa = call->pitch_a, pb = call->pitch_b, pc = call->pitch_c;
    switch (call->kind) {
    case HP_CONVOLUTION:
        return (Operands){x_operand(call, a, call->type_a, pa), weight_operand(call, b, call->type_b, pb),
                          y_operand(call, c, call->type_c, pc), 2};
    case HP_CONVOLUTION_GRADIENT_INPUT:
        return (Operands){y_operand(call, a, call->type_a, pa), weight_operand(call, b, call->type_b, pb),
                          x_operand(call, c, call->type_c, pc), 2};
    case HP_CONVOLUTION_GRADIENT_WEIGHT:
        return (Operands){x_operand(call, a, call->type_a, pa), y_operand(call, b, call->type_b, pb),
                          weight_operand(call, c, call->type_c, pc), 2};
    case HP_MATMUL:
        return (Operands){matrix_operand(call, call->type_a, call->m, call->k, call->transpose_a, pa),
                          matrix_operand(call, call->type_b, call->k, call->n, call->transpose_b, pb),
                          matrix_operand(call, call->type_c, call->m, call->n, false, pc), 2};
    case HP_REORDER:
        return (Operands){.a = reorder_operand(call, a, call->type_a, pa),
                          .c = reorder_operand(call, c, call->type_c, pc),
                          .read_count = 1};
    }
    hp_bug("product %d", (int)call->kind);
}

static size_t moved_bytes(const Operand *operand)
{
    return (size_t)(operand_count(operand) * hp_data_type_bytes(operand->type));
}

void simt_product_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                      float *statistics, void *scratchpad)
{
    const Operands o = operands_of(call);
    if (call->bias && (call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT || call->kind == HP_REORDER))
        hp_fail("%s: a bias of what has no channels", call->name);
    if (call->statistics && call->kind != HP_CONVOLUTION)
        hp_fail("%s: statistics of what has no channels", call->name);
    const size_t bias_bytes = call->bias ? (size_t)o.c.extent[CHANNEL] * sizeof(float) : 0;
    const Bytes read[] = {{"operand a", a, operand_bytes(&o.a)},
                          {"operand b", b, o.read_count == 2 ? operand_bytes(&o.b) : 0},
                          {"the bias", bias, bias_bytes}};
    const size_t statistics_bytes = call->statistics ? 2 * (size_t)o.c.extent[CHANNEL] * sizeof(float) : 0;
    const Bytes written[] = {{"the result", c, operand_bytes(&o.c)},
                             {"the scratchpad", scratchpad, (size_t)call->scratchpad},
                             {"the statistics", statistics, statistics_bytes}};
    check_held(call, read[0], call->type_a, false);
    if (o.read_count == 2)
        check_held(call, read[1], call->type_b, false);
    if (call->bias)
        check_held(call, read[2], HP_F32, false);
    check_held(call, written[0], call->type_c, true);
    check_operands(call, read, 3, written, 3);
    if (call->scratchpad > 0) {
        check_held(call, written[1], HP_U8, true);
        memset(scratchpad, GARBAGE, (size_t)call->scratchpad);
    }
    if (call->statistics)
        check_held(call, written[2], HP_F32, true);
    const int64_t count = operand_count(&o.c);
    double *from_a = gather(&o.a, a), *from_b = o.read_count == 2 ? gather(&o.b, b) : NULL;
    double *numbers = hp_alloc((size_t)count, sizeof *numbers);
    compute(call, from_a, from_b, numbers, count);
    write_result(call, &o.c, numbers, bias, c);
    if (call->statistics)
        sum_channels(&o.c, c, statistics);
    simt_count(moved_bytes(&o.a) + (o.read_count == 2 ? moved_bytes(&o.b) : 0) + bias_bytes +
                   (call->add ? moved_bytes(&o.c) : 0),
               moved_bytes(&o.c) + statistics_bytes);
    free(from_a);
    free(from_b);
    free(numbers);
}
