/* Movement, products and sizes. */
#include "builtin.h"

#include <math.h>

Value move_concat(Call *call)
{
    Elaborator *e = call->e;
    if (call->rest_count == 0) {
        report(e, call->span, "missing-argument", "'concat' is called without tensors");
        return value_error();
    }
    Node **inputs = ARENA_ARRAY(e->program->arena, Node *, call->rest_count);
    for (size_t i = 0; i < call->rest_count; i++) {
        inputs[i] = value_node(e, call->rest[i], call->span);
        if (!inputs[i])
            return value_error();
    }
    Attributes attributes = {0};
    if (!call_axis(call, 0, inputs[0]->shape.rank, &attributes.concat))
        return value_error();
    if (call->rest_count == 1)
        return value_tensor(inputs[0]);
    return value_tensor(make_node(e, OP_CONCAT, (int)call->rest_count, inputs, &attributes, call->span));
}

Value move_slice(Call *call)
{
    enum { X, AXIS, FIRST, COUNT, STEP };
    Node *x = call_node(call, X);
    int axis;
    if (!x || !call_axis(call, AXIS, x->shape.rank, &axis))
        return value_error();
    Attributes attributes = {0};
    for (int i = 0; i < x->shape.rank; i++) {
        attributes.slice.extent[i] = x->shape.extents[i];
        attributes.slice.step[i] = 1;
    }
    int64_t first = call_integer(call, FIRST), count = call_integer(call, COUNT),
            step = call_integer(call, STEP);
    if (first + (count - 1) * step >= x->shape.extents[axis]) {
        if (report(call->e, call->span, "shape", "a slice to %lld leaves axis %d, which has %lld",
                   (long long)(first + (count - 1) * step), axis, (long long)x->shape.extents[axis]))
            report_origin(call->e, x, axis);
        return value_error();
    }
    attributes.slice.start[axis] = first;
    attributes.slice.extent[axis] = count;
    attributes.slice.step[axis] = step;
    Node *result = make_node(call->e, OP_SLICE, 1, &x, &attributes, call->span);
    origin_set(result, axis, call_span(call, COUNT));
    return value_tensor(result);
}

/* The extents are those behind axis 0, which stays; one of them may be -1: what is left. */
Value move_reshape(Call *call)
{
    enum { X, EXTENTS };
    Elaborator *e = call->e;
    Node *x = call_node(call, X);
    if (!x)
        return value_error();
    Value list = call->values[EXTENTS];
    Shape shape = {.rank = (int)list.count + 1, .extents = {x->shape.extents[0]}};
    int64_t have = shape_count(x->shape) / x->shape.extents[0];
    int open = 0;
    double known = 1;
    for (int i = 1; i < shape.rank && shape.rank <= SHAPE_MAX_RANK; i++) {
        shape.extents[i] = (int64_t)list.items[i - 1].number;
        if (shape.extents[i] <= 0)
            open = open ? SHAPE_MAX_RANK : i;
        else
            known *= (double)shape.extents[i];
    }
    if (open && open < SHAPE_MAX_RANK && shape.extents[open] == -1 && fmod((double)have, known) == 0) {
        shape.extents[open] = (int64_t)((double)have / known);
        known = (double)have;
        open = 0;
    }
    if (open || known != (double)have || shape.rank > SHAPE_MAX_RANK) {
        report(e, call->span, "shape", "%s has %lld elements a row, which these extents do not hold",
               shape_text(e->program->arena, x->shape), (long long)have);
        return value_error();
    }
    return value_tensor(make_reshape(e, x, shape, call->span));
}

Value move_flatten(Call *call)
{
    enum { X, FIRST };
    Node *x = call_node(call, X);
    int64_t first = call_integer(call, FIRST);
    if (!x)
        return value_error();
    if (first >= x->shape.rank) {
        report(call->e, call_span(call, FIRST), "wrong-number", "axis %lld of a tensor with %d axes",
               (long long)first, x->shape.rank);
        return value_error();
    }
    Shape shape = {.rank = (int)first + 1};
    for (int i = 0; i < shape.rank; i++)
        shape.extents[i] = x->shape.extents[i];
    for (int i = shape.rank; i < x->shape.rank; i++)
        shape.extents[first] *= x->shape.extents[i];
    return value_tensor(make_reshape(call->e, x, shape, call->span));
}

Value move_transpose(Call *call)
{
    enum { X, AXES };
    Node *x = call_node(call, X);
    Value list = call->values[AXES];
    if (!x)
        return value_error();
    Attributes attributes = {0};
    unsigned seen = 0;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].number < x->shape.rank) {
            attributes.permutation[i] = (int)list.items[i].number;
            seen |= 1u << attributes.permutation[i];
        }
    if ((int)list.count != x->shape.rank || seen != (1u << x->shape.rank) - 1) {
        report(call->e, call_span(call, AXES), "wrong-number", "'axes' names each of the %d axes once",
               x->shape.rank);
        return value_error();
    }
    return value_tensor(make_node(call->e, OP_TRANSPOSE, 1, &x, &attributes, call->span));
}

Value move_pad(Call *call)
{
    enum { X, SIZE, VALUE };
    if (!call_rank(call, X, 4, "[rows, channels, height, width]"))
        return value_error();
    Node *x = call_node(call, X);
    Attributes attributes = {0};
    call_padding(call, SIZE, &attributes.pad.before[2], &attributes.pad.after[2]);
    attributes.pad.value = call->values[VALUE].number;
    return value_tensor(make_node(call->e, OP_PAD, 1, &x, &attributes, call->span));
}

Value move_upsample(Call *call)
{
    enum { X, FACTOR };
    if (!call_rank(call, X, 4, "[rows, channels, height, width]"))
        return value_error();
    Node *x = call_node(call, X);
    Attributes attributes = {0};
    call_pair(call, FACTOR, attributes.upsample);
    return value_tensor(make_node(call->e, OP_UPSAMPLE, 1, &x, &attributes, call->span));
}

Value move_broadcast(Call *call)
{
    enum { X, LIKE };
    Elaborator *e = call->e;
    Node *x = call_node(call, X), *like = call_node(call, LIKE);
    if (!x || !like)
        return value_error();
    if (x->shape.rank == 1 && like->shape.rank > 1 && x->shape.extents[0] == like->shape.extents[1])
        return value_tensor(broadcast_like(e, x, like));
    bool fits = x->shape.rank == like->shape.rank || x->shape.rank == 0;
    for (int i = 0; fits && i < x->shape.rank; i++)
        fits = x->shape.extents[i] == 1 || x->shape.extents[i] == like->shape.extents[i];
    if (fits)
        return value_tensor(graph_broadcast(e->graph, x, like->shape));
    report(e, call->span, "shape", "%s does not repeat to %s: equal extents or extents of 1 are needed",
           shape_text(e->program->arena, x->shape), shape_text(e->program->arena, like->shape));
    return value_error();
}

Value move_matmul(Call *call)
{
    enum { A, B, TRANSPOSE_A, TRANSPOSE_B };
    Node *inputs[] = {call_node(call, A), call_node(call, B)};
    Attributes attributes = {.matmul = {.transpose_a = call->values[TRANSPOSE_A].number != 0,
                                        .transpose_b = call->values[TRANSPOSE_B].number != 0}};
    return value_tensor(make_node(call->e, OP_MATMUL, 2, inputs, &attributes, call->span));
}

/* ---------------------------------------------------------------- sizes */

static Value extent_of(Call *call, int axis)
{
    const Node *x = call_node(call, 0);
    if (!x)
        return value_error();
    if (axis < x->shape.rank)
        return value_number((double)x->shape.extents[axis]);
    report(call->e, call->span, "shape", "'%s' needs axis %d; %s has none", call->builtin->name, axis,
           shape_text(call->e->program->arena, x->shape));
    return value_error();
}

Value size_channels(Call *call)
{
    return extent_of(call, 1);
}

Value size_height(Call *call)
{
    return extent_of(call, 2);
}

Value size_width(Call *call)
{
    return extent_of(call, 3);
}

Value size_extent(Call *call)
{
    const Node *x = call_node(call, 0);
    int axis;
    return x && call_axis(call, 1, x->shape.rank, &axis) ? extent_of(call, axis) : value_error();
}

static bool asks_labels(Call *call)
{
    if (call->values[0].kind == VALUE_TARGET)
        return true;
    report(call->e, call_span(call, 0), "wrong-kind", "'%s' asks the labels; this is %s", call->builtin->name,
           value_describe(call->e, call->values[0]));
    return false;
}

Value size_classes(Call *call)
{
    return asks_labels(call) ? value_number((double)call->e->program->dataset->class_count) : value_error();
}

/* Whether each image has exactly one of the labels. */
Value size_one_of(Call *call)
{
    return asks_labels(call) ? value_boolean(call->e->program->dataset->one_of) : value_error();
}

Value size_length(Call *call)
{
    Value list = call->values[0];
    if (list.kind == VALUE_LIST)
        return value_number((double)list.count);
    report(call->e, call_span(call, 0), "wrong-kind", "'length' counts the items of a list; this is %s",
           value_describe(call->e, list));
    return value_error();
}
