/* Shapes, and the shape rule of every op. The rules speak to the person who wrote the network. */
#include "graph.h"

enum { MAX_POOL_TAPS = 256 }; /* an index is one byte */

Shape shape_of(int rank, const int64_t *extents)
{
    if (rank < 0 || rank > SHAPE_MAX_RANK)
        internal_error("a shape of rank %d", rank);
    Shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++)
        shape.extents[i] = extents[i];
    return shape;
}

Shape shape_scalar(void)
{
    return (Shape){.rank = 0};
}

bool shape_equal(Shape a, Shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.extents[i] != b.extents[i])
            return false;
    return true;
}

int64_t shape_count(Shape shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++)
        if (__builtin_mul_overflow(count, shape.extents[i], &count))
            internal_error("the number of elements of a shape overflows");
    return count;
}

const char *shape_text(Arena *arena, Shape shape)
{
    Text text = text_new(arena);
    text_add(&text, "[");
    for (int i = 0; i < shape.rank; i++)
        text_add(&text, "%s%lld", i ? ", " : "", (long long)shape.extents[i]);
    text_add(&text, "]");
    return text.data;
}

/* What a rule sees. */
typedef struct Rule {
    Arena *arena;
    Op op;
    int count;
    Node *const *inputs;
    const Attributes *attributes;
} Rule;

/* A shape rule: NULL and *shape, or a sentence. */
typedef const char *ShapeRule(const Rule *rule, Shape *shape);

#define SAY(...) arena_format(rule->arena, __VA_ARGS__)
#define LL(value) ((long long)(value))

static const char *text_of(const Rule *rule, Shape shape)
{
    return shape_text(rule->arena, shape);
}

static const char *rank_must_be(const Rule *rule, int input, int rank, const char *what)
{
    if (rule->inputs[input]->shape.rank == rank)
        return NULL;
    return SAY("%s needs %s, but the shape is %s", op_table[rule->op].name, what,
               text_of(rule, rule->inputs[input]->shape));
}

static const char *rule_given(const Rule *rule, Shape *shape)
{
    (void)rule;
    (void)shape;
    return NULL; /* a variable's own shape */
}

static const char *rule_constant(const Rule *rule, Shape *shape)
{
    (void)rule;
    *shape = shape_scalar();
    return NULL;
}

static const char *rule_image(const Rule *rule, Shape *shape)
{
    const Attributes *a = rule->attributes;
    int64_t planes;
    if (__builtin_add_overflow(a->image.planes, a->image.padding, &planes))
        return SAY("%lld planes with %lld behind them", (long long)a->image.planes,
                   (long long)a->image.padding);
    *shape = shape_of(4, (int64_t[]){a->image.batch, planes, a->image.height, a->image.width});
    return NULL;
}

static const char *rule_random(const Rule *rule, Shape *shape)
{
    Shape draw = rule->inputs[0]->shape;
    *shape = rule->attributes->random.shape;
    if (draw.rank != 1 || shape->rank < 1 || shape->extents[0] != draw.extents[0])
        return SAY("random numbers of shape %s need one draw per row, but there are draws for %s",
                   text_of(rule, *shape), text_of(rule, draw));
    return NULL;
}

static const char *rule_elementwise(const Rule *rule, Shape *shape)
{
    *shape = rule->inputs[0]->shape;
    for (int i = 1; i < rule->count; i++) {
        Shape other = rule->inputs[i]->shape;
        if (shape_equal(*shape, other))
            continue;
        if (shape->rank != other.rank)
            return SAY("%s needs equal shapes, but %s has %d axes and %s has %d", op_table[rule->op].name,
                       text_of(rule, *shape), shape->rank, text_of(rule, other), other.rank);
        int axis = 0;
        while (shape->extents[axis] == other.extents[axis])
            axis++;
        return SAY("%s needs equal shapes, but %s and %s differ: %lld and %lld in axis %d",
                   op_table[rule->op].name, text_of(rule, *shape), text_of(rule, other),
                   LL(shape->extents[axis]), LL(other.extents[axis]), axis);
    }
    return NULL;
}

static const char *rule_reduce(const Rule *rule, Shape *shape)
{
    *shape = rule->inputs[0]->shape;
    if (rule->attributes->axes >> shape->rank)
        return SAY("%s over an axis that the shape %s does not have", op_table[rule->op].name,
                   text_of(rule, *shape));
    for (int i = 0; i < shape->rank; i++)
        if (rule->attributes->axes >> i & 1)
            shape->extents[i] = 1;
    return NULL;
}

static const char *rule_broadcast(const Rule *rule, Shape *shape)
{
    Shape from = rule->inputs[0]->shape;
    bool fits = from.rank == 0 || from.rank == shape->rank;
    for (int i = 0; fits && i < from.rank; i++)
        fits = from.extents[i] == 1 || from.extents[i] == shape->extents[i];
    if (!fits)
        return SAY("the shape %s cannot be repeated to fill %s: only an extent of 1 repeats",
                   text_of(rule, from), text_of(rule, *shape));
    return NULL;
}

static const char *rule_reshape(const Rule *rule, Shape *shape)
{
    Shape from = rule->inputs[0]->shape;
    int64_t count = 1;
    bool fits = true;
    for (int i = 0; fits && i < shape->rank; i++)
        fits = !__builtin_mul_overflow(count, shape->extents[i], &count);
    if (!fits || count != shape_count(from))
        return SAY("%s has %lld elements and cannot become %s, which has %s%lld", text_of(rule, from),
                   LL(shape_count(from)), text_of(rule, *shape), fits ? "" : "more than ", LL(count));
    return NULL;
}

static const char *rule_transpose(const Rule *rule, Shape *shape)
{
    Shape from = rule->inputs[0]->shape;
    unsigned seen = 0;
    *shape = from;
    for (int i = 0; i < from.rank; i++) {
        int axis = rule->attributes->permutation[i];
        if (axis < 0 || axis >= from.rank || seen >> axis & 1)
            return SAY("transpose of %s needs each of its %d axes once", text_of(rule, from), from.rank);
        seen |= 1u << axis;
        shape->extents[i] = from.extents[axis];
    }
    return NULL;
}

static const char *rule_slice(const Rule *rule, Shape *shape)
{
    Shape from = rule->inputs[0]->shape;
    const Attributes *a = rule->attributes;
    *shape = from;
    for (int i = 0; i < from.rank; i++) {
        int64_t start = a->slice.start[i], extent = a->slice.extent[i], step = a->slice.step[i], last;
        if (extent < 1 || step < 1)
            return SAY("a slice takes at least one element at steps of at least 1, not %lld at steps of %lld",
                       LL(extent), LL(step));
        if (start < 0 || __builtin_mul_overflow(extent - 1, step, &last) ||
            __builtin_add_overflow(last, start, &last) || last >= from.extents[i])
            return SAY("a slice of %lld elements from %lld at steps of %lld leaves axis %d, which has %lld",
                       LL(extent), LL(start), LL(step), i, LL(from.extents[i]));
        shape->extents[i] = extent;
    }
    return NULL;
}

static const char *rule_pad(const Rule *rule, Shape *shape)
{
    const Attributes *a = rule->attributes;
    *shape = rule->inputs[0]->shape;
    for (int i = 0; i < shape->rank; i++) {
        int64_t *extent = &shape->extents[i];
        if (a->pad.before[i] < 0 || a->pad.after[i] < 0 ||
            __builtin_add_overflow(*extent, a->pad.before[i], extent) ||
            __builtin_add_overflow(*extent, a->pad.after[i], extent))
            return SAY("padding of %lld and %lld on axis %d: it must be 0 or more", LL(a->pad.before[i]),
                       LL(a->pad.after[i]), i);
    }
    return NULL;
}

static const char *rule_concat(const Rule *rule, Shape *shape)
{
    if (rule->count == 0)
        return "concat needs at least one input";
    int along = rule->attributes->concat;
    *shape = rule->inputs[0]->shape;
    if (along < 0 || along >= shape->rank)
        return SAY("concat along axis %d, which the shape %s does not have", along, text_of(rule, *shape));
    for (int i = 1; i < rule->count; i++) {
        Shape other = rule->inputs[i]->shape;
        bool fits = other.rank == shape->rank;
        for (int axis = 0; fits && axis < shape->rank; axis++)
            fits = axis == along || other.extents[axis] == shape->extents[axis];
        if (!fits)
            return SAY("concat along axis %d needs shapes that agree elsewhere, but %s and %s do not", along,
                       text_of(rule, rule->inputs[0]->shape), text_of(rule, other));
        if (__builtin_add_overflow(shape->extents[along], other.extents[along], &shape->extents[along]))
            return "the result of the concat is too large";
    }
    return NULL;
}

static const char *rule_upsample(const Rule *rule, Shape *shape)
{
    const char *wrong = rank_must_be(rule, 0, 4, "an image of four axes [N, C, H, W]");
    if (wrong)
        return wrong;
    *shape = rule->inputs[0]->shape;
    for (int i = 0; i < 2; i++) {
        int64_t factor = rule->attributes->upsample[i];
        if (factor < 1 || __builtin_mul_overflow(shape->extents[2 + i], factor, &shape->extents[2 + i]))
            return SAY("upsampling by a factor of %lld: it must be a whole number from 1", LL(factor));
    }
    return NULL;
}

static const char *rule_same(const Rule *rule, Shape *shape)
{
    *shape = rule->inputs[0]->shape;
    return NULL;
}

/* One side of a sliding window: how many places it has. */
static const char *window_extent(const Rule *rule, const char *side, int64_t in, int64_t kernel,
                                 int64_t stride, int64_t before, int64_t after, int64_t dilation,
                                 int64_t *out)
{
    if (kernel < 1 || stride < 1 || dilation < 1)
        return SAY("kernel %lld, stride %lld, dilation %lld: each must be at least 1", LL(kernel), LL(stride),
                   LL(dilation));
    if (before < 0 || after < 0)
        return SAY("padding of %lld and %lld: it must be 0 or more", LL(before), LL(after));
    int64_t padded, reach;
    if (__builtin_add_overflow(in, before, &padded) || __builtin_add_overflow(padded, after, &padded) ||
        __builtin_mul_overflow(kernel - 1, dilation, &reach) || __builtin_add_overflow(reach, 1, &reach))
        return SAY("the padding or the kernel is too large");
    if (reach > padded) {
        const char *spread = dilation > 1 ? SAY(" (dilation %lld)", LL(dilation)) : "";
        const char *padding = before + after > 0 ? SAY(" with its padding of %lld", LL(before + after)) : "";
        return SAY("the kernel covers %lld pixels%s, but the %s of %lld%s is smaller", LL(reach), spread,
                   side, LL(in), padding);
    }
    *out = (padded - reach) / stride + 1;
    return NULL;
}

static const char *convolution_extents(const Rule *rule, const int64_t *in, const int64_t *kernel,
                                       int64_t *out)
{
    static const char *const sides[2] = {"height", "width"};
    const Convolution *c = &rule->attributes->convolution;
    const char *wrong = NULL;
    for (int i = 0; i < 2 && !wrong; i++)
        wrong = window_extent(rule, sides[i], in[i], kernel[i], c->stride[i], c->pad_before[i],
                              c->pad_after[i], c->dilation[i], &out[i]);
    return wrong;
}

static const char *groups_must_divide(const Rule *rule, int64_t channels, const char *which)
{
    int64_t groups = rule->attributes->convolution.groups;
    if (groups < 1)
        return SAY("a convolution of %lld groups: there must be at least 1", LL(groups));
    if (channels % groups != 0)
        return SAY("%lld groups do not divide the %lld %s channels of the convolution", LL(groups),
                   LL(channels), which);
    return NULL;
}

static const char *rule_convolution(const Rule *rule, Shape *shape)
{
    const char *wrong = rank_must_be(rule, 0, 4, "an image of four axes [N, C, H, W]");
    if (!wrong)
        wrong = rank_must_be(rule, 1, 4, "a weight of four axes [out, in, height, width]");
    if (wrong)
        return wrong;
    Shape x = rule->inputs[0]->shape, weight = rule->inputs[1]->shape;
    int64_t groups = rule->attributes->convolution.groups;
    if ((wrong = groups_must_divide(rule, x.extents[1], "input")) ||
        (wrong = groups_must_divide(rule, weight.extents[0], "output")))
        return wrong;
    if (x.extents[1] / groups != weight.extents[1])
        return SAY("the image has %lld channels%s, but the convolution's weight %s takes %lld%s",
                   LL(x.extents[1]), groups > 1 ? SAY(" in %lld groups", LL(groups)) : "",
                   text_of(rule, weight), LL(weight.extents[1]), groups > 1 ? " in each" : "");
    *shape = shape_of(4, (int64_t[]){x.extents[0], weight.extents[0], 1, 1});
    return convolution_extents(rule, &x.extents[2], &weight.extents[2], &shape->extents[2]);
}

/* The gradient ops are made by the compiler alone; what is checked is that they undo a convolution. */
static const char *rule_convolution_gradient(const Rule *rule, Shape *shape)
{
    Shape a = rule->inputs[0]->shape, b = rule->inputs[1]->shape;
    const Convolution *c = &rule->attributes->convolution;
    bool of_input = rule->op == OP_CONVOLUTION_GRADIENT_INPUT;
    int64_t channels, out[2];
    if (a.rank != 4 || b.rank != 4 || c->groups < 1 ||
        __builtin_mul_overflow(b.extents[1], of_input ? c->groups : 1, &channels))
        return SAY("%s of %s and %s", op_table[rule->op].name, text_of(rule, a), text_of(rule, b));
    Shape x = of_input ? shape_of(4, (int64_t[]){a.extents[0], channels, c->missing[0], c->missing[1]}) : a;
    Shape weight =
        of_input ? b
                 : shape_of(4, (int64_t[]){channels, a.extents[1] / c->groups, c->missing[0], c->missing[1]});
    Shape gradient = of_input ? a : b;
    const char *wrong = convolution_extents(rule, &x.extents[2], &weight.extents[2], out);
    if (wrong)
        return wrong;
    if (!shape_equal(gradient, shape_of(4, (int64_t[]){x.extents[0], weight.extents[0], out[0], out[1]})) ||
        weight.extents[0] % c->groups != 0 || x.extents[1] % c->groups != 0 ||
        x.extents[1] / c->groups != weight.extents[1])
        return SAY("%s: image %s, weight %s and gradient %s do not belong together", op_table[rule->op].name,
                   text_of(rule, x), text_of(rule, weight), text_of(rule, gradient));
    *shape = of_input ? x : weight;
    return NULL;
}

static const char *pool_extents(const Rule *rule, const int64_t *in, int64_t *out)
{
    static const char *const sides[2] = {"height", "width"};
    const Window *w = &rule->attributes->window;
    for (int i = 0; i < 2; i++) {
        const char *wrong = window_extent(rule, sides[i], in[i], w->kernel[i], w->stride[i], w->pad_before[i],
                                          w->pad_after[i], 1, &out[i]);
        if (wrong)
            return wrong;
        if (w->pad_before[i] >= w->kernel[i] || (out[i] - 1) * w->stride[i] - w->pad_before[i] >= in[i])
            return SAY("a pooling window of %lld with padding %lld and %lld lies in the padding alone",
                       LL(w->kernel[i]), LL(w->pad_before[i]), LL(w->pad_after[i]));
    }
    if (rule->op != OP_AVERAGE_POOL && rule->op != OP_AVERAGE_POOL_GRADIENT &&
        (w->kernel[0] > MAX_POOL_TAPS || w->kernel[1] > MAX_POOL_TAPS / w->kernel[0]))
        return SAY("a max pooling window of %lld by %lld has more than %d pixels", LL(w->kernel[0]),
                   LL(w->kernel[1]), MAX_POOL_TAPS);
    return NULL;
}

static const char *rule_pool(const Rule *rule, Shape *shape)
{
    const char *wrong = rank_must_be(rule, 0, 4, "an image of four axes [N, C, H, W]");
    if (wrong)
        return wrong;
    *shape = rule->inputs[0]->shape;
    return pool_extents(rule, &rule->inputs[0]->shape.extents[2], &shape->extents[2]);
}

static const char *rule_pool_gradient(const Rule *rule, Shape *shape)
{
    Shape gradient = rule->inputs[0]->shape;
    const int64_t *in = rule->attributes->window.input_extent;
    int64_t out[2];
    const char *wrong = rank_must_be(rule, 0, 4, "a gradient of four axes [N, C, H, W]");
    if (!wrong)
        wrong = pool_extents(rule, in, out);
    if (wrong)
        return wrong;
    if (out[0] != gradient.extents[2] || out[1] != gradient.extents[3] ||
        (rule->count == 2 && !shape_equal(gradient, rule->inputs[1]->shape)))
        return SAY("%s: the gradient %s does not belong to a window over %lld by %lld",
                   op_table[rule->op].name, text_of(rule, gradient), LL(in[0]), LL(in[1]));
    *shape = shape_of(4, (int64_t[]){gradient.extents[0], gradient.extents[1], in[0], in[1]});
    return NULL;
}

static const char *rule_matmul(const Rule *rule, Shape *shape)
{
    Shape a = rule->inputs[0]->shape, b = rule->inputs[1]->shape;
    bool fits = a.rank >= 2 && a.rank == b.rank;
    for (int i = 0; fits && i < a.rank - 2; i++)
        fits = a.extents[i] == b.extents[i];
    if (!fits)
        return SAY("a matrix product needs two shapes of equal rank whose leading axes agree, but they are "
                   "%s and %s",
                   text_of(rule, a), text_of(rule, b));
    const int64_t *rows = &a.extents[a.rank - 2], *columns = &b.extents[b.rank - 2];
    bool transpose_a = rule->attributes->matmul.transpose_a,
         transpose_b = rule->attributes->matmul.transpose_b;
    if (rows[!transpose_a] != columns[transpose_b])
        return SAY("a matrix product sums over one axis of both sides, but %s has %lld there and %s has %lld",
                   text_of(rule, a), LL(rows[!transpose_a]), text_of(rule, b), LL(columns[transpose_b]));
    *shape = a;
    shape->extents[a.rank - 2] = rows[transpose_a];
    shape->extents[a.rank - 1] = columns[!transpose_b];
    return NULL;
}

static const char *rule_batchnorm(const Rule *rule, Shape *shape)
{
    static const char *const names[] = {"", "gamma", "beta", "running mean", "running variance"};
    *shape = rule->inputs[0]->shape;
    if (shape->rank < 2)
        return SAY("batch norm needs rows and channels [N, C, ...], but the shape is %s",
                   text_of(rule, *shape));
    for (int i = 1; i < 5; i++) {
        Shape per_channel = rule->inputs[i]->shape;
        if (per_channel.rank != 1 || per_channel.extents[0] != shape->extents[1])
            return SAY("batch norm of %s needs a %s of %lld channels, but its shape is %s",
                       text_of(rule, *shape), names[i], LL(shape->extents[1]), text_of(rule, per_channel));
    }
    if (rule->attributes->batchnorm.batch_statistics && shape_count(*shape) == shape->extents[1])
        return SAY(
            "batch norm of %s has one value per channel, whose variance says nothing: it needs more rows or "
            "pixels",
            text_of(rule, *shape));
    return NULL;
}

static ShapeRule *const rules[OP_COUNT] = {
    [OP_VARIABLE] = rule_given,
    [OP_CONSTANT] = rule_constant,
    [OP_IMAGE] = rule_image,
    [OP_RANDOM] = rule_random,
    [OP_BROADCAST] = rule_broadcast,
    [OP_RESHAPE] = rule_reshape,
    [OP_TRANSPOSE] = rule_transpose,
    [OP_SLICE] = rule_slice,
    [OP_PAD] = rule_pad,
    [OP_CONCAT] = rule_concat,
    [OP_UPSAMPLE] = rule_upsample,
    [OP_REORDER] = rule_same,
    [OP_AFTER] = rule_same,
    [OP_MAX_POOL] = rule_pool,
    [OP_MAX_POOL_INDEX] = rule_pool,
    [OP_MAX_POOL_GRADIENT] = rule_pool_gradient,
    [OP_AVERAGE_POOL] = rule_pool,
    [OP_AVERAGE_POOL_GRADIENT] = rule_pool_gradient,
    [OP_CONVOLUTION] = rule_convolution,
    [OP_CONVOLUTION_GRADIENT_INPUT] = rule_convolution_gradient,
    [OP_CONVOLUTION_GRADIENT_WEIGHT] = rule_convolution_gradient,
    [OP_MATMUL] = rule_matmul,
    [OP_BATCHNORM] = rule_batchnorm,
};

const char *shape_infer(Arena *arena, Op op, int count, Node *const *inputs, const Attributes *attributes,
                        Shape *shape)
{
    static const Attributes no_attributes;
    const OpInfo *info = &op_table[op];
    Rule rule_data = {arena, op, count, inputs, attributes ? attributes : &no_attributes};
    const Rule *rule = &rule_data;
    if (info->input_count >= 0 && count != info->input_count)
        return SAY("%s takes %d inputs, not %d", info->name, info->input_count, count);
    ShapeRule *shape_rule = info->class == CLASS_ELEMENTWISE ? rule_elementwise
                            : info->class == CLASS_REDUCTION ? rule_reduce
                                                             : rules[op];
    if (!shape_rule)
        internal_error("%s has no shape rule", info->name);
    const char *wrong = shape_rule(rule, shape);
    if (wrong)
        return wrong;
    int64_t bytes = 8; /* a double each, in the interpreter */
    for (int i = 0; i < shape->rank; i++) {
        if (shape->extents[i] < 1)
            return SAY("%s gives the shape %s: every extent must be at least 1", info->name,
                       text_of(rule, *shape));
        if (__builtin_mul_overflow(bytes, shape->extents[i], &bytes))
            return SAY("%s gives the shape %s, which is too large for any memory", info->name,
                       text_of(rule, *shape));
    }
    return NULL;
}
