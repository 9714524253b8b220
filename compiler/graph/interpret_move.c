/* Movement and reductions: walks over a shape in which source and target each have strides of their own. */
#include "interpret.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void interpret_strides(Shape shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
        strides[axis] = stride;
        stride *= shape.extents[axis];
    }
}

static void walk_line(int64_t count, const double *source, int64_t source_stride, double *target,
                      int64_t target_stride, Combine combine)
{
    switch (combine) {
    case COMBINE_COPY:
        for (int64_t i = 0; i < count; i++)
            target[i * target_stride] = source[i * source_stride];
        break;
    case COMBINE_ADD:
        for (int64_t i = 0; i < count; i++)
            target[i * target_stride] += source[i * source_stride];
        break;
    case COMBINE_MAX:
        for (int64_t i = 0; i < count; i++) {
            double value = source[i * source_stride];
            if (value > target[i * target_stride] || isnan(value))
                target[i * target_stride] = value;
        }
        break;
    }
}

void interpret_walk(Shape shape, const double *source, const int64_t *source_strides, double *target,
                    const int64_t *target_strides, Combine combine)
{
    int last = shape.rank - 1;
    if (last < 0) {
        walk_line(1, source, 0, target, 0, combine);
        return;
    }
    int64_t index[SHAPE_MAX_RANK] = {0};
    for (;;) {
        walk_line(shape.extents[last], source, source_strides[last], target, target_strides[last], combine);
        int axis = last - 1;
        for (; axis >= 0; axis--) {
            source += source_strides[axis];
            target += target_strides[axis];
            if (++index[axis] < shape.extents[axis])
                break;
            source -= source_strides[axis] * shape.extents[axis];
            target -= target_strides[axis] * shape.extents[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            return;
    }
}

/* The strides by which `small` is read while walking over `large`: 0 where an extent of 1 repeats. */
static void repeat_strides(Shape small, Shape large, int64_t *strides)
{
    int64_t own[SHAPE_MAX_RANK];
    interpret_strides(small, own);
    for (int axis = 0; axis < large.rank; axis++)
        strides[axis] = small.rank == 0 || small.extents[axis] != large.extents[axis] ? 0 : own[axis];
}

static void transpose(const Node *node, const double *x, double *value)
{
    int64_t own[SHAPE_MAX_RANK], permuted[SHAPE_MAX_RANK], target[SHAPE_MAX_RANK];
    interpret_strides(node->inputs[0]->shape, own);
    interpret_strides(node->shape, target);
    for (int axis = 0; axis < node->shape.rank; axis++)
        permuted[axis] = own[node->attributes.permutation[axis]];
    interpret_walk(node->shape, x, permuted, value, target, COMBINE_COPY);
}

static void broadcast(const Node *node, const double *x, double *value)
{
    int64_t source[SHAPE_MAX_RANK], target[SHAPE_MAX_RANK];
    repeat_strides(node->inputs[0]->shape, node->shape, source);
    interpret_strides(node->shape, target);
    interpret_walk(node->shape, x, source, value, target, COMBINE_COPY);
}

static void slice(const Node *node, const double *x, double *value)
{
    int64_t source[SHAPE_MAX_RANK], target[SHAPE_MAX_RANK];
    interpret_strides(node->inputs[0]->shape, source);
    interpret_strides(node->shape, target);
    for (int axis = 0; axis < node->shape.rank; axis++) {
        x += node->attributes.slice.start[axis] * source[axis];
        source[axis] *= node->attributes.slice.step[axis];
    }
    interpret_walk(node->shape, x, source, value, target, COMBINE_COPY);
}

static void pad(const Node *node, const double *x, double *value)
{
    int64_t source[SHAPE_MAX_RANK], target[SHAPE_MAX_RANK], count = shape_count(node->shape);
    for (int64_t i = 0; i < count; i++)
        value[i] = node->attributes.pad.value;
    interpret_strides(node->inputs[0]->shape, source);
    interpret_strides(node->shape, target);
    for (int axis = 0; axis < node->shape.rank; axis++)
        value += node->attributes.pad.before[axis] * target[axis];
    interpret_walk(node->inputs[0]->shape, x, source, value, target, COMBINE_COPY);
}

static void concat(const Node *node, const double *const *inputs, double *value)
{
    int64_t source[SHAPE_MAX_RANK], target[SHAPE_MAX_RANK];
    int along = node->attributes.concat;
    interpret_strides(node->shape, target);
    for (int i = 0; i < node->input_count; i++) {
        Shape shape = node->inputs[i]->shape;
        interpret_strides(shape, source);
        interpret_walk(shape, inputs[i], source, value, target, COMBINE_COPY);
        value += shape.extents[along] * target[along];
    }
}

/* Each pixel becomes a block: a walk over [N, C, H, factor, W, factor]. */
static void upsample(const Node *node, const double *x, double *value)
{
    const int64_t *from = node->inputs[0]->shape.extents, *factor = node->attributes.upsample;
    Shape blocks = shape_of(6, (int64_t[]){from[0], from[1], from[2], factor[0], from[3], factor[1]});
    int64_t target[SHAPE_MAX_RANK];
    int64_t source[SHAPE_MAX_RANK] = {from[1] * from[2] * from[3], from[2] * from[3], from[3], 0, 1, 0};
    interpret_strides(blocks, target);
    interpret_walk(blocks, x, source, value, target, COMBINE_COPY);
}

void interpret_movement(const Node *node, const double *const *inputs, double *value)
{
    switch (node->op) {
    case OP_BROADCAST: broadcast(node, inputs[0], value); break;
    case OP_RESHAPE:
    case OP_AFTER:
    case OP_REORDER: memcpy(value, inputs[0], (size_t)shape_count(node->shape) * sizeof *value); break;
    case OP_TRANSPOSE: transpose(node, inputs[0], value); break;
    case OP_SLICE: slice(node, inputs[0], value); break;
    case OP_PAD: pad(node, inputs[0], value); break;
    case OP_CONCAT: concat(node, inputs, value); break;
    case OP_UPSAMPLE: upsample(node, inputs[0], value); break;
    default: internal_error("%s has no interpreter rule", op_table[node->op].name);
    }
}

void interpret_reduction(const Node *node, const double *x, double *value)
{
    Shape from = node->inputs[0]->shape;
    int64_t source[SHAPE_MAX_RANK], target[SHAPE_MAX_RANK];
    int64_t in = shape_count(from), out = shape_count(node->shape);
    interpret_strides(from, source);
    repeat_strides(node->shape, from, target);
    for (int64_t i = 0; i < out; i++)
        value[i] = node->op == OP_REDUCE_MAX ? -INFINITY : 0;
    interpret_walk(from, x, source, value, target, node->op == OP_REDUCE_MAX ? COMBINE_MAX : COMBINE_ADD);
    if (node->op == OP_REDUCE_SUM || node->op == OP_REDUCE_MAX)
        return;
    double share = (double)out / (double)in;
    for (int64_t i = 0; i < out; i++)
        value[i] *= share;
    if (node->op == OP_REDUCE_MEAN)
        return;
    double *square = interpret_alloc(in); /* (x - mean)^2 */
    interpret_walk(from, value, target, square, source, COMBINE_COPY);
    for (int64_t i = 0; i < in; i++)
        square[i] = (x[i] - square[i]) * (x[i] - square[i]);
    for (int64_t i = 0; i < out; i++)
        value[i] = 0;
    interpret_walk(from, square, source, value, target, COMBINE_ADD);
    for (int64_t i = 0; i < out; i++)
        value[i] *= share;
    free(square);
}
