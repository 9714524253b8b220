/* Pooling over [rows, channels, height, width]. */
#include "builtin.h"

static const char IMAGE_SHAPE[] = "[rows, channels, height, width]";

enum { POOL_X, POOL_KERNEL, POOL_STRIDE, POOL_PAD, POOL_CEIL, POOL_COUNT_PADDING };

/* Rounds the number of windows up, as PyTorch's ceil_mode: the last one must begin inside the image or its
 * padding. */
static void pad_to_ceil(Window *window, const Shape *shape)
{
    for (int i = 0; i < 2; i++) {
        int64_t size = shape->extents[2 + i],
                span = size + window->pad_before[i] + window->pad_after[i] - window->kernel[i];
        if (span < 0)
            continue;
        int64_t last = (span + window->stride[i] - 1) / window->stride[i];
        if (last * window->stride[i] >= size + window->pad_before[i])
            last--;
        int64_t after = last * window->stride[i] + window->kernel[i] - size - window->pad_before[i];
        window->pad_after[i] = after > window->pad_after[i] ? after : window->pad_after[i];
    }
}

static bool read_window(Call *call, Window *window)
{
    if (!call_rank(call, POOL_X, 4, IMAGE_SHAPE))
        return false;
    call_pair(call, POOL_KERNEL, window->kernel);
    call_pair(call, call_given(call, POOL_STRIDE) ? POOL_STRIDE : POOL_KERNEL, window->stride);
    call_padding(call, POOL_PAD, window->pad_before, window->pad_after);
    for (int i = 0; i < 2; i++)
        if (2 * window->pad_before[i] > window->kernel[i] || 2 * window->pad_after[i] > window->kernel[i]) {
            report(call->e, call_span(call, POOL_PAD), "wrong-number",
                   "a padding of more than half the window (%lld) would pool nothing but padding",
                   (long long)window->kernel[i]);
            return false;
        }
    return true;
}

Value pool_max(Call *call)
{
    Attributes attributes = {0};
    if (!read_window(call, &attributes.window))
        return value_error();
    Node *x = call_node(call, POOL_X);
    if (call->values[POOL_CEIL].number != 0)
        pad_to_ceil(&attributes.window, &x->shape);
    return value_tensor(make_node(call->e, OP_MAX_POOL, 1, &x, &attributes, call->span));
}

/* What rounding up adds behind the image is never counted, as in PyTorch: where the padding is, it becomes
 * part of the image first. */
static Node *round_up(Call *call, Node *x, Window *window)
{
    Window rounded = *window;
    pad_to_ceil(&rounded, &x->shape);
    bool grown = false, padded = false;
    for (int i = 0; i < 2; i++) {
        grown |= rounded.pad_after[i] > window->pad_after[i];
        padded |= window->pad_before[i] + window->pad_after[i] > 0;
    }
    if (!grown)
        return x;
    if (padded && window->count_padding) {
        Attributes attributes = {0};
        for (int i = 0; i < 2; i++) {
            attributes.pad.before[2 + i] = window->pad_before[i];
            attributes.pad.after[2 + i] = window->pad_after[i];
            rounded.pad_before[i] = 0;
            rounded.pad_after[i] -= window->pad_after[i];
        }
        x = make_node(call->e, OP_PAD, 1, &x, &attributes, call->span);
    }
    rounded.count_padding = false;
    *window = rounded;
    return x;
}

Value pool_average(Call *call)
{
    Attributes attributes = {0};
    if (!read_window(call, &attributes.window))
        return value_error();
    Node *x = call_node(call, POOL_X);
    attributes.window.count_padding = call->values[POOL_COUNT_PADDING].number != 0;
    if (call->values[POOL_CEIL].number != 0)
        x = round_up(call, x, &attributes.window);
    return value_tensor(make_node(call->e, OP_AVERAGE_POOL, 1, &x, &attributes, call->span));
}

static Value pool_all(Call *call, Op op)
{
    if (!call_rank(call, POOL_X, 4, IMAGE_SHAPE))
        return value_error();
    Node *x = call_node(call, POOL_X);
    Node *pooled = make_reduce(call->e, op, x, 0xc, call->span);
    return value_tensor(make_reshape(call->e, pooled, shape_of(2, x->shape.extents), call->span));
}

Value pool_global_average(Call *call)
{
    return pool_all(call, OP_REDUCE_MEAN);
}

Value pool_global_max(Call *call)
{
    return pool_all(call, OP_REDUCE_MAX);
}

/* One axis at a time: the mean of a rectangle is the mean of its rows' means. Window i of n covers
 * floor(i size / n) to ceil((i + 1) size / n), PyTorch's rule. */
static Node *adapt_axis(Call *call, Node *x, int axis, int64_t count)
{
    if (!x || x->shape.extents[axis] == count)
        return x;
    Elaborator *e = call->e;
    int64_t size = x->shape.extents[axis];
    Node **parts = ARENA_ARRAY(e->program->arena, Node *, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        Attributes slice = {0};
        for (int j = 0; j < 4; j++) {
            slice.slice.extent[j] = x->shape.extents[j];
            slice.slice.step[j] = 1;
        }
        slice.slice.start[axis] = i * size / count;
        slice.slice.extent[axis] = ((i + 1) * size + count - 1) / count - slice.slice.start[axis];
        Node *part = make_node(e, OP_SLICE, 1, &x, &slice, call->span);
        parts[i] = part ? make_reduce(e, OP_REDUCE_MEAN, part, 1u << axis, call->span) : NULL;
    }
    Attributes concat = {.concat = axis};
    return make_node(e, OP_CONCAT, (int)count, parts, &concat, call->span);
}

Value pool_adaptive_average(Call *call)
{
    enum { X, SIZE };
    enum { LARGEST = 64 };
    if (!call_rank(call, X, 4, IMAGE_SHAPE))
        return value_error();
    Node *x = call_node(call, X);
    int64_t size[2];
    call_pair(call, SIZE, size);
    if (size[0] > LARGEST || size[1] > LARGEST) {
        report(call->e, call_span(call, SIZE), "wrong-number", "'size' is at most %d", LARGEST);
        return value_error();
    }
    bool even = x->shape.extents[2] % size[0] == 0 && x->shape.extents[3] % size[1] == 0;
    if (!even)
        return value_tensor(adapt_axis(call, adapt_axis(call, x, 2, size[0]), 3, size[1]));
    Attributes attributes = {0};
    for (int i = 0; i < 2; i++)
        attributes.window.kernel[i] = attributes.window.stride[i] = x->shape.extents[2 + i] / size[i];
    if (attributes.window.kernel[0] == 1 && attributes.window.kernel[1] == 1)
        return call->values[X];
    return value_tensor(make_node(call->e, OP_AVERAGE_POOL, 1, &x, &attributes, call->span));
}
