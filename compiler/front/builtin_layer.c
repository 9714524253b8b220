/* Layers: what has weights, statistics or random numbers. Weights are named as PyTorch names them. */
#include "builtin.h"

#include <math.h>

enum { IMAGE_RANK = 4 };

static HpInitializer constant_initializer(double value)
{
    return (HpInitializer){HP_INITIAL_CONSTANT, value};
}

/* PyTorch's default of conv and linear, weight and bias alike: kaiming_uniform(a = sqrt 5) is uniform
 * +-1/sqrt(fan_in). */
static bool initializer_of(Call *call, int i, double fan_in, double fan_out, HpInitializer *out)
{
    *out = (HpInitializer){HP_INITIAL_UNIFORM, 1 / sqrt(fan_in)};
    return !call_given(call, i) || initializer_read(call->e, call->expressions[i], fan_in, fan_out, out);
}

static Node *add_bias(Call *call, Node *y, int initial, double fan_in)
{
    HpInitializer initializer;
    int64_t width = y->shape.extents[1];
    if (!initializer_of(call, initial, fan_in, (double)width, &initializer))
        return NULL;
    Node *bias = make_variable(call->e, call->path, "bias", HP_PARAMETER, shape_of(1, &width), initializer,
                               call->span);
    return bias ? make_binary(call->e, OP_ADD, y, broadcast_like(call->e, bias, y), call->span) : NULL;
}

enum {
    CONV_X,
    CONV_WIDTH,
    CONV_KERNEL,
    CONV_STRIDE,
    CONV_PAD,
    CONV_DILATION,
    CONV_GROUPS,
    CONV_BIAS,
    CONV_INITIAL,
    CONV_BIAS_INITIAL
};

static bool groups_divide(Call *call, const Node *x, int64_t width, int64_t groups)
{
    Elaborator *e = call->e;
    int64_t channels = x->shape.extents[1];
    if (channels % groups &&
        report(e, call_span(call, CONV_GROUPS), "shape", "%lld groups do not divide %lld channels",
               (long long)groups, (long long)channels))
        report_origin(e, x, 1);
    if (width % groups &&
        report(e, call_span(call, CONV_WIDTH), "shape", "%lld groups do not divide a width of %lld",
               (long long)groups, (long long)width))
        report_note(e, call_span(call, CONV_GROUPS), "the groups");
    return channels % groups == 0 && width % groups == 0;
}

Value layer_conv(Call *call)
{
    Elaborator *e = call->e;
    if (!call_rank(call, CONV_X, IMAGE_RANK, "[rows, channels, height, width]"))
        return value_error();
    Node *x = call_node(call, CONV_X);
    Attributes attributes = {0};
    Convolution *convolution = &attributes.convolution;
    int64_t width = call_integer(call, CONV_WIDTH), kernel[2];
    convolution->groups = call_integer(call, CONV_GROUPS);
    call_pair(call, CONV_KERNEL, kernel);
    call_pair(call, CONV_STRIDE, convolution->stride);
    call_pair(call, CONV_DILATION, convolution->dilation);
    call_padding(call, CONV_PAD, convolution->pad_before, convolution->pad_after);
    if (!groups_divide(call, x, width, convolution->groups))
        return value_error();
    int64_t in = x->shape.extents[1] / convolution->groups;
    double taps = (double)kernel[0] * (double)kernel[1], fan_in = (double)in * taps;
    HpInitializer initializer;
    if (!initializer_of(call, CONV_INITIAL, fan_in, (double)width * taps, &initializer))
        return value_error();
    Shape shape = shape_of(4, (int64_t[]){width, in, kernel[0], kernel[1]});
    Node *weight = make_variable(e, call->path, "weight", HP_PARAMETER, shape, initializer, call->span);
    Node *y = make_node(e, OP_CONVOLUTION, 2, (Node *[]){x, weight}, &attributes, call->span);
    origin_set(y, 1, call_span(call, CONV_WIDTH));
    if (y && call->values[CONV_BIAS].number != 0)
        y = add_bias(call, y, CONV_BIAS_INITIAL, fan_in);
    return value_tensor(y);
}

enum { LINEAR_X, LINEAR_WIDTH, LINEAR_BIAS, LINEAR_INITIAL, LINEAR_BIAS_INITIAL };

/* Over the last axis; the axes before it are rows of one product. */
Value layer_linear(Call *call)
{
    Elaborator *e = call->e;
    Node *x = call_node(call, LINEAR_X);
    if (!x)
        return value_error();
    if (x->shape.rank < 2) {
        report(e, call_span(call, LINEAR_X), "shape", "'linear' needs [rows, ..., features]; this is %s",
               shape_text(e->program->arena, x->shape));
        return value_error();
    }
    Shape out = x->shape;
    int64_t features = x->shape.extents[x->shape.rank - 1], width = call_integer(call, LINEAR_WIDTH);
    int64_t rows = shape_count(x->shape) / features;
    out.extents[out.rank - 1] = width;
    HpInitializer initializer;
    if (!initializer_of(call, LINEAR_INITIAL, (double)features, (double)width, &initializer))
        return value_error();
    Node *weight = make_variable(e, call->path, "weight", HP_PARAMETER,
                                 shape_of(2, (int64_t[]){width, features}), initializer, call->span);
    Attributes attributes = {.matmul = {.transpose_b = true}};
    Node *flat = make_reshape(e, x, shape_of(2, (int64_t[]){rows, features}), call->span);
    Node *y = make_node(e, OP_MATMUL, 2, (Node *[]){flat, weight}, &attributes, call->span);
    origin_set(y, 1, call_span(call, LINEAR_WIDTH));
    if (y && call->values[LINEAR_BIAS].number != 0)
        y = add_bias(call, y, LINEAR_BIAS_INITIAL, (double)features);
    y = make_reshape(e, y, out, call->span);
    origin_set(y, out.rank - 1, call_span(call, LINEAR_WIDTH));
    return value_tensor(y);
}

/* ---------------------------------------------------------------- normalisation */

static Node *affine_weight(Call *call, const char *name, int64_t channels, double initial)
{
    Program *program = call->e->program;
    Node *node = make_variable(call->e, call->path, name, HP_PARAMETER, shape_of(1, &channels),
                               constant_initializer(initial), call->span);
    if (node && !program->front->loaded)
        list_push(program->arena, &program->front->norms, node->variable);
    return node;
}

/* Biased variance to normalise, unbiased in the running estimate; which of the two normalises is the stage's
 * policy. */
Value layer_batchnorm(Call *call)
{
    enum { X, EPS, MOMENTUM };
    Elaborator *e = call->e;
    Node *x = call_node(call, X);
    if (!x)
        return value_error();
    if (x->shape.rank < 2) {
        report(e, call_span(call, X), "shape", "'batchnorm' needs [rows, channels, ...]; this is %s",
               shape_text(e->program->arena, x->shape));
        return value_error();
    }
    int64_t channels = x->shape.extents[1];
    Shape shape = shape_of(1, &channels);
    Node *inputs[] = {
        x,
        affine_weight(call, "weight", channels, 1),
        affine_weight(call, "bias", channels, 0),
        make_variable(e, call->path, "running_mean", HP_STATISTIC, shape, constant_initializer(0),
                      call->span),
        make_variable(e, call->path, "running_var", HP_STATISTIC, shape, constant_initializer(1), call->span),
    };
    if (!inputs[3])
        return value_error();
    const Variable *statistic = inputs[3]->variable;
    bool moves = e->mode == NETWORK_TRAIN && (!e->stage || e->stage->moves_statistics[statistic->index]);
    Attributes attributes = {.batchnorm = {.epsilon = call->values[EPS].number,
                                           .momentum = call->values[MOMENTUM].number,
                                           .batch_statistics = moves,
                                           .update_statistics = moves}};
    return value_tensor(make_node(e, OP_BATCHNORM, 5, inputs, &attributes, call->span));
}

/* (x - mean) / sqrt(variance + eps) over `axes` */
static Node *standardise(Call *call, Node *x, unsigned axes, double eps)
{
    Elaborator *e = call->e;
    Node *mean = make_reduce(e, OP_REDUCE_MEAN, x, axes, call->span);
    Node *variance = make_reduce(e, OP_REDUCE_VARIANCE, x, axes, call->span);
    if (!mean || !variance)
        return NULL;
    Node *scale = make_unary(e, OP_RSQRT, make_shift(e, variance, eps, call->span), call->span);
    Node *centred = make_binary(e, OP_SUBTRACT, x, graph_broadcast(e->graph, mean, x->shape), call->span);
    return scale
               ? make_binary(e, OP_MULTIPLY, centred, graph_broadcast(e->graph, scale, x->shape), call->span)
               : NULL;
}

static Node *along_axis(Call *call, Node *vector, const Node *like, int axis)
{
    Shape shape = like->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.extents[i] = i == axis ? vector->shape.extents[0] : 1;
    return graph_broadcast(call->e->graph, graph_reshape(call->e->graph, vector, shape), like->shape);
}

static Value scale_and_shift(Call *call, Node *x, int axis)
{
    if (!x)
        return value_error();
    Elaborator *e = call->e;
    Node *weight = affine_weight(call, "weight", x->shape.extents[axis], 1);
    Node *bias = affine_weight(call, "bias", x->shape.extents[axis], 0);
    if (!weight || !bias)
        return value_error();
    Node *scaled = make_binary(e, OP_MULTIPLY, x, along_axis(call, weight, x, axis), call->span);
    return value_tensor(make_binary(e, OP_ADD, scaled, along_axis(call, bias, x, axis), call->span));
}

Value layer_layernorm(Call *call)
{
    enum { X, AXIS, EPS };
    Node *x = call_node(call, X);
    int axis;
    if (!x || !call_axis(call, AXIS, x->shape.rank, &axis))
        return value_error();
    return scale_and_shift(call, standardise(call, x, 1u << axis, call->values[EPS].number), axis);
}

Value layer_groupnorm(Call *call)
{
    enum { X, GROUPS, EPS };
    if (!call_rank(call, X, IMAGE_RANK, "[rows, channels, height, width]"))
        return value_error();
    Elaborator *e = call->e;
    Node *x = call_node(call, X);
    const int64_t *extents = x->shape.extents;
    int64_t groups = call_integer(call, GROUPS);
    if (extents[1] % groups) {
        if (report(e, call_span(call, GROUPS), "shape", "%lld groups do not divide %lld channels",
                   (long long)groups, (long long)extents[1]))
            report_origin(e, x, 1);
        return value_error();
    }
    Shape split = shape_of(5, (int64_t[]){extents[0], groups, extents[1] / groups, extents[2], extents[3]});
    Node *grouped = make_reshape(e, x, split, call->span);
    Node *normal = grouped ? standardise(call, grouped, 0x1c, call->values[EPS].number) : NULL;
    return scale_and_shift(call, make_reshape(e, normal, x->shape, call->span), 1);
}

/* ---------------------------------------------------------------- random layers */

/* x * (random >= p) / (1 - p), where `shape` says which elements are dropped together. */
static Value drop(Call *call, Shape shape)
{
    enum { X, P };
    Elaborator *e = call->e;
    Node *x = call_node(call, X);
    double p = call->values[P].number;
    if (p >= 1) {
        report(e, call_span(call, P), "wrong-number", "'p' is the part that is dropped, below 1; this is %g",
               p);
        return value_error();
    }
    if (!x || e->mode == NETWORK_INFER || p == 0)
        return value_tensor(x);
    if (e->context != CONTEXT_NETWORK) {
        report(e, call->span, "layer-place", "'%s' stands in a network or a block, not here",
               call->builtin->name);
        return value_error();
    }
    Node *random = make_random(e, call->path, shape, call->span);
    Node *kept =
        random ? make_binary(e, OP_GREATER_EQUAL, random, graph_constant(e->graph, p), call->span) : NULL;
    Node *mask = kept ? make_scale(e, kept, 1 / (1 - p), call->span) : NULL;
    if (!mask)
        return value_error();
    return value_tensor(
        make_binary(e, OP_MULTIPLY, x, graph_broadcast(e->graph, mask, x->shape), call->span));
}

Value layer_dropout(Call *call)
{
    Node *x = call_node(call, 0);
    return x ? drop(call, x->shape) : value_error();
}

Value layer_drop_path(Call *call)
{
    Node *x = call_node(call, 0);
    if (!x)
        return value_error();
    Shape shape = x->shape;
    for (int i = 1; i < shape.rank; i++)
        shape.extents[i] = 1;
    return drop(call, shape);
}
