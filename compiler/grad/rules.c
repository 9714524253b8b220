/* The gradient rules. In the formulas y is the node's value, dy the gradient that arrives, a b c or x the
 * inputs. */
#include <math.h>

#include "autodiff.h"
#include "../graph/composite.h"

/* What a rule sees; `out` has one place per input. */
typedef struct Rule {
    Graph *graph;
    Node *y, *dy;
    const Gradient *arrived; /* dy is its whole, and all of it unless y is a concatenation */
    const bool *needed;
    Gradient *out;
} Rule;

/* ---- a short notation ---- */

#define A (rule->y->inputs[0])
#define B (rule->y->inputs[1])
#define C (rule->y->inputs[2])
#define Y (rule->y)
#define DY (rule->dy)
#define NUMBER(value) graph_constant(rule->graph, (value))
#define UNARY(op, x) graph_unary(rule->graph, OP_##op, (x))
#define BINARY(op, a, b) graph_binary(rule->graph, OP_##op, (a), (b))
#define ADD(a, b) BINARY(ADD, a, b)
#define SUB(a, b) BINARY(SUBTRACT, a, b)
#define MUL(a, b) BINARY(MULTIPLY, a, b)
#define DIV(a, b) BINARY(DIVIDE, a, b)
#define NEG(a) UNARY(NEGATE, a)
#define SELECT(condition, yes, no) graph_select(rule->graph, (condition), (yes), (no))
#define SUM(x, axes) graph_reduce(rule->graph, OP_REDUCE_SUM, (x), (axes))
#define FILL(x, shape_like) graph_broadcast(rule->graph, (x), (shape_like)->shape)

/* ---- elementwise ---- */

/* y > 0 ? dy : 0. When dy comes from a max pool of y alone, the pixel that won is > 0 exactly when the pooled
 * value is: the pool's own gradient is masked, which is smaller, and y need not be kept for it. */
static Node *relu_rule(const Rule *rule)
{
    Node *index = DY->op == OP_MAX_POOL_GRADIENT ? DY->inputs[1] : NULL;
    if (!index || index->op != OP_MAX_POOL_INDEX || index->inputs[0] != Y)
        return SELECT(BINARY(GREATER, Y, NUMBER(0)), DY, NUMBER(0));
    Node *pooled = graph_window(rule->graph, OP_MAX_POOL, &rule->y, 1, &index->attributes.window);
    Node *inputs[2] = {SELECT(BINARY(GREATER, pooled, NUMBER(0)), DY->inputs[0], NUMBER(0)), index};
    return graph_window(rule->graph, OP_MAX_POOL_GRADIENT, inputs, 2, &DY->attributes.window);
}

/* dy * dy/dx for the ops of one input */
static Node *unary_rule(const Rule *rule)
{
    switch (Y->op) {
    case OP_NEGATE: return NEG(DY);
    case OP_CONVERT: return DY;
    case OP_EXP: return MUL(DY, Y);                                      /* dy * y */
    case OP_LOG: return DIV(DY, A);                                      /* dy / x */
    case OP_SQRT: return DIV(MUL(DY, NUMBER(0.5)), Y);                   /* dy / (2 y) */
    case OP_RSQRT: return MUL(MUL(DY, NUMBER(-0.5)), MUL(Y, MUL(Y, Y))); /* -dy y^3 / 2 */
    case OP_ABS: return MUL(DY, UNARY(SIGN, A));                         /* dy * sign(x) */
    case OP_COS: return NEG(MUL(DY, UNARY(SIN, A)));                     /* -dy * sin(x) */
    case OP_SIN: return MUL(DY, UNARY(COS, A));                          /* dy * cos(x) */
    case OP_TANH: return MUL(DY, SUB(NUMBER(1), MUL(Y, Y)));             /* dy * (1 - y^2) */
    case OP_ERF:                                                         /* dy * 2/sqrt(pi) * exp(-x^2) */
        return MUL(MUL(DY, NUMBER(M_2_SQRTPI)), UNARY(EXP, NEG(MUL(A, A))));
    case OP_RELU: return relu_rule(rule);
    case OP_SIGMOID: return MUL(DY, MUL(Y, SUB(NUMBER(1), Y)));  /* dy * y * (1 - y) */
    case OP_LOG_SIGMOID: return MUL(DY, UNARY(SIGMOID, NEG(A))); /* dy * sigmoid(-x) */
    case OP_SOFTPLUS: return MUL(DY, UNARY(SIGMOID, A));         /* dy * sigmoid(x) */
    default: return NULL;                                        /* sign, floor: flat */
    }
}

/* da = dy * b * a^(b-1), 0 where b is 0;  db = dy * y * log(a), 0 where a is 0 */
static void power_rule(const Rule *rule)
{
    if (rule->needed[0]) {
        Node *slope = MUL(B, BINARY(POWER, A, SUB(B, NUMBER(1))));
        rule->out[0].whole = MUL(DY, SELECT(BINARY(EQUAL, B, NUMBER(0)), NUMBER(0), slope));
    }
    if (rule->needed[1])
        rule->out[1].whole = MUL(DY, SELECT(BINARY(EQUAL, A, NUMBER(0)), NUMBER(0), MUL(Y, UNARY(LOG, A))));
}

/* The gradient goes to the side that was taken; of equals to the first. */
static void choice_rule(const Rule *rule, Node *first)
{
    if (rule->needed[0])
        rule->out[0].whole = SELECT(first, DY, NUMBER(0));
    if (rule->needed[1])
        rule->out[1].whole = SELECT(first, NUMBER(0), DY);
}

static void binary_rule(const Rule *rule)
{
    const bool *needed = rule->needed;
    Gradient *out = rule->out;
    switch (Y->op) {
    case OP_ADD: /* dy, dy */
        out[0].whole = needed[0] ? DY : NULL;
        out[1].whole = needed[1] ? DY : NULL;
        break;
    case OP_SUBTRACT: /* dy, -dy */
        out[0].whole = needed[0] ? DY : NULL;
        out[1].whole = needed[1] ? NEG(DY) : NULL;
        break;
    case OP_MULTIPLY: /* dy b, dy a */
        out[0].whole = needed[0] ? MUL(DY, B) : NULL;
        out[1].whole = needed[1] ? MUL(DY, A) : NULL;
        break;
    case OP_DIVIDE: /* dy / b, -dy y / b */
        out[0].whole = needed[0] ? DIV(DY, B) : NULL;
        out[1].whole = needed[1] ? NEG(DIV(MUL(DY, Y), B)) : NULL;
        break;
    case OP_POWER: power_rule(rule); break;
    case OP_MAXIMUM: choice_rule(rule, BINARY(GREATER_EQUAL, A, B)); break;
    case OP_MINIMUM: choice_rule(rule, BINARY(LESS_EQUAL, A, B)); break;
    default: break; /* comparisons, and, or: flat */
    }
}

/* The condition is flat; each side gets dy where it was taken. */
static void select_rule(const Rule *rule)
{
    if (rule->needed[1])
        rule->out[1].whole = SELECT(A, DY, NUMBER(0));
    if (rule->needed[2])
        rule->out[2].whole = SELECT(A, NUMBER(0), DY);
}

/* ---- reductions ---- */

static double reduced_count(const Node *node)
{
    return (double)shape_count(node->inputs[0]->shape) / (double)shape_count(node->shape);
}

static void reduce_rule(const Rule *rule)
{
    double n = reduced_count(Y);
    unsigned axes = Y->attributes.axes;
    switch (Y->op) {
    case OP_REDUCE_SUM: /* dy to each */ rule->out[0].whole = FILL(DY, A); break;
    case OP_REDUCE_MEAN: /* dy / n to each */ rule->out[0].whole = FILL(MUL(DY, NUMBER(1 / n)), A); break;
    case OP_REDUCE_MAX: { /* dy to the largest, shared among equals */
        Node *largest = BINARY(EQUAL, A, FILL(Y, A));
        rule->out[0].whole = MUL(largest, FILL(DIV(DY, SUM(largest, axes)), A));
        break;
    }
    default: { /* variance: dy * 2/n * (x - mean) */
        Node *mean = graph_reduce(rule->graph, OP_REDUCE_MEAN, A, axes);
        rule->out[0].whole = MUL(FILL(MUL(DY, NUMBER(2 / n)), A), SUB(A, FILL(mean, A)));
    }
    }
}

/* ---- movement ---- */

/* Sums dy over what was repeated. */
static Node *broadcast_rule(const Rule *rule)
{
    unsigned axes = 0;
    for (int axis = 0; axis < Y->shape.rank; axis++)
        if (A->shape.rank == 0 || A->shape.extents[axis] != Y->shape.extents[axis])
            axes |= 1u << axis;
    return graph_reshape(rule->graph, SUM(DY, axes), A->shape);
}

static Node *transpose_rule(const Rule *rule)
{
    int inverse[SHAPE_MAX_RANK] = {0};
    for (int axis = 0; axis < Y->shape.rank; axis++)
        inverse[Y->attributes.permutation[axis]] = axis;
    return graph_transpose(rule->graph, DY, inverse);
}

static Node *slice_of(const Rule *rule, Node *x, const int64_t *start, const int64_t *extent)
{
    Attributes attributes = {0};
    for (int axis = 0; axis < x->shape.rank; axis++) {
        attributes.slice.start[axis] = start[axis];
        attributes.slice.extent[axis] = extent[axis];
        attributes.slice.step[axis] = 1;
    }
    return graph_node(rule->graph, OP_SLICE, 1, &x, &attributes);
}

/* Puts step - 1 zeros after each element along `axis`, but the last: as [outside, extent, inside], padded on
 * the right. */
static Node *spread(const Rule *rule, Node *x, int axis, int64_t step)
{
    int64_t outside = 1, inside = 1, zero[SHAPE_MAX_RANK] = {0};
    for (int i = 0; i < x->shape.rank; i++) {
        outside *= i < axis ? x->shape.extents[i] : 1;
        inside *= i > axis ? x->shape.extents[i] : 1;
    }
    Shape spread_out = x->shape;
    Attributes pad = {.pad.after[2] = (step - 1) * inside};
    Node *flat =
        graph_reshape(rule->graph, x, shape_of(3, (int64_t[]){outside, x->shape.extents[axis], inside}));
    Node *padded = graph_node(rule->graph, OP_PAD, 1, &flat, &pad);
    spread_out.extents[axis] *= step;
    Node *whole = graph_reshape(rule->graph, padded, spread_out);
    spread_out.extents[axis] -= step - 1;
    return slice_of(rule, whole, zero, spread_out.extents);
}

/* Puts dy back where it was cut out; zeros elsewhere. */
static Node *slice_rule(const Rule *rule)
{
    Node *x = DY;
    Attributes pad = {0};
    for (int axis = 0; axis < Y->shape.rank; axis++) {
        if (Y->attributes.slice.step[axis] > 1 && Y->shape.extents[axis] > 1)
            x = spread(rule, x, axis, Y->attributes.slice.step[axis]);
        pad.pad.before[axis] = Y->attributes.slice.start[axis];
        pad.pad.after[axis] = A->shape.extents[axis] - x->shape.extents[axis] - pad.pad.before[axis];
    }
    return graph_node(rule->graph, OP_PAD, 1, &x, &pad);
}

/* The piece of something per channel that belongs to channels [start, start + count). */
static Node *channels_of(const Rule *rule, Node *vector, int64_t start, int64_t count)
{
    Shape shape = vector->shape;
    int64_t from[SHAPE_MAX_RANK] = {0};
    from[1] = start;
    shape.extents[1] = count;
    return slice_of(rule, vector, from, shape.extents);
}

/* Pieces of dy; what was put off stays so. */
static void concat_rule(const Rule *rule)
{
    int64_t start[SHAPE_MAX_RANK] = {0};
    for (int i = 0; i < Y->input_count; i++) {
        const Node *input = Y->inputs[i];
        int64_t extent = input->shape.extents[Y->attributes.concat], from = start[Y->attributes.concat];
        if (rule->needed[i])
            rule->out[i].whole = slice_of(rule, DY, start, input->shape.extents);
        if (rule->needed[i] && rule->arrived->slope) {
            rule->out[i].slope = channels_of(rule, rule->arrived->slope, from, extent);
            rule->out[i].offset = channels_of(rule, rule->arrived->offset, from, extent);
            rule->out[i].mean = channels_of(rule, rule->arrived->mean, from, extent);
        }
        start[Y->attributes.concat] += extent;
    }
}

/* Sums each block of repeated pixels: [N, C, H, factor, W, factor] over the factors. */
static Node *upsample_rule(const Rule *rule)
{
    const int64_t *x = A->shape.extents, *factor = Y->attributes.upsample;
    Shape blocks = shape_of(6, (int64_t[]){x[0], x[1], x[2], factor[0], x[3], factor[1]});
    Node *sum = SUM(graph_reshape(rule->graph, DY, blocks), 1u << 3 | 1u << 5);
    return graph_reshape(rule->graph, sum, A->shape);
}

static void movement_rule(const Rule *rule)
{
    switch (Y->op) {
    case OP_BROADCAST: rule->out[0].whole = broadcast_rule(rule); break;
    case OP_RESHAPE: rule->out[0].whole = graph_reshape(rule->graph, DY, A->shape); break;
    case OP_TRANSPOSE: rule->out[0].whole = transpose_rule(rule); break;
    case OP_SLICE: rule->out[0].whole = slice_rule(rule); break;
    case OP_PAD: rule->out[0].whole = slice_of(rule, DY, Y->attributes.pad.before, A->shape.extents); break;
    case OP_CONCAT: concat_rule(rule); break;
    case OP_UPSAMPLE: rule->out[0].whole = upsample_rule(rule); break;
    default: internal_error("%s has no gradient: it is put in after autodiff", op_table[Y->op].name);
    }
}

/* ---- windows and products ---- */

static void window_rule(const Rule *rule)
{
    Window window = Y->attributes.window;
    window.input_extent[0] = A->shape.extents[2];
    window.input_extent[1] = A->shape.extents[3];
    if (Y->op == OP_MAX_POOL) { /* dy to the pixel that won */
        Node *index = graph_window(rule->graph, OP_MAX_POOL_INDEX, &A, 1, &Y->attributes.window);
        rule->out[0].whole =
            graph_window(rule->graph, OP_MAX_POOL_GRADIENT, (Node *[]){DY, index}, 2, &window);
    } else if (Y->op == OP_AVERAGE_POOL) { /* dy / window size to each pixel */
        rule->out[0].whole = graph_window(rule->graph, OP_AVERAGE_POOL_GRADIENT, &rule->dy, 1, &window);
    } else if (Y->op != OP_MAX_POOL_INDEX) { /* an index is flat */
        internal_error("%s has no gradient: second derivatives are not taken", op_table[Y->op].name);
    }
}

static void convolution_rule(const Rule *rule)
{
    Convolution c = Y->attributes.convolution;
    if (rule->needed[0]) {
        c.missing[0] = A->shape.extents[2];
        c.missing[1] = A->shape.extents[3];
        rule->out[0].whole = graph_convolution(rule->graph, OP_CONVOLUTION_GRADIENT_INPUT, DY, B, &c);
    }
    if (rule->needed[1]) {
        c.missing[0] = B->shape.extents[2];
        c.missing[1] = B->shape.extents[3];
        rule->out[1].whole = graph_convolution(rule->graph, OP_CONVOLUTION_GRADIENT_WEIGHT, A, DY, &c);
    }
}

/* y = a b: da = dy b^T, db = a^T dy; a transposed side gets the transposed gradient. */
static void matmul_rule(const Rule *rule)
{
    bool ta = Y->attributes.matmul.transpose_a, tb = Y->attributes.matmul.transpose_b;
    if (rule->needed[0])
        rule->out[0].whole =
            ta ? graph_matmul(rule->graph, B, DY, tb, true) : graph_matmul(rule->graph, DY, B, false, !tb);
    if (rule->needed[1])
        rule->out[1].whole =
            tb ? graph_matmul(rule->graph, DY, A, true, ta) : graph_matmul(rule->graph, A, DY, !ta, false);
}

static void contraction_rule(const Rule *rule)
{
    if (Y->op == OP_CONVOLUTION)
        convolution_rule(rule);
    else if (Y->op == OP_MATMUL)
        matmul_rule(rule);
    else
        internal_error("%s has no gradient: second derivatives are not taken", op_table[Y->op].name);
}

/* ---- composites ---- */

/* n = (x - mean) * rstd; sums and means over all axes but the channels':
 *   dbeta = sum(dy), dgamma = sum(dy * n)
 *   dx = gamma * rstd * (dy - dbeta / count - n * dgamma / count)   this batch's statistics; of a
 * concatenation, what is in front of the first minus comes at once, the rest is put off dx = gamma * rstd *
 * dy                                          running statistics */
static void batchnorm_rule(const Rule *rule)
{
    if (rule->needed[3] || rule->needed[4])
        internal_error("the gradient of running statistics");
    BatchnormTerms terms = batchnorm_terms(rule->graph, Y);
    bool batch = Y->attributes.batchnorm.batch_statistics;
    bool sums = rule->needed[0] && batch;
    Node *normalized = rule->needed[1] || sums ? batchnorm_normalized(rule->graph, Y, &terms) : NULL;
    Node *dbeta = rule->needed[2] || sums ? SUM(DY, terms.axes) : NULL;
    Node *dgamma = rule->needed[1] || sums ? SUM(MUL(DY, normalized), terms.axes) : NULL;
    double share = (double)shape_count(terms.mean->shape) / (double)shape_count(A->shape);
    Node *scale = rule->needed[0] ? batchnorm_scale(rule->graph, &terms) : NULL;
    if (sums && gradient_can_wait(A)) {
        Node *by_channel = MUL(scale, NUMBER(-share));
        rule->out[0] = (Gradient){.whole = MUL(DY, FILL(scale, A)),
                                  .slope = MUL(MUL(by_channel, terms.rstd), dgamma),
                                  .offset = MUL(by_channel, dbeta),
                                  .mean = terms.mean};
    } else if (rule->needed[0]) {
        Node *inner = DY;
        if (batch) {
            inner = SUB(inner, FILL(MUL(dbeta, NUMBER(share)), A));
            inner = SUB(inner, MUL(normalized, FILL(MUL(dgamma, NUMBER(share)), A)));
        }
        rule->out[0].whole = MUL(inner, FILL(scale, A));
    }
    if (rule->needed[1])
        rule->out[1].whole = graph_reshape(rule->graph, dgamma, B->shape);
    if (rule->needed[2])
        rule->out[2].whole = graph_reshape(rule->graph, dbeta, C->shape);
}

bool gradient_can_wait(const Node *node)
{
    return node->op == OP_CONCAT && node->attributes.concat == 1;
}

void gradient_rule(Graph *graph, Node *node, const Gradient *arrived, const bool *needed, Gradient *gradients)
{
    Rule rule = {graph, node, arrived->whole, arrived, needed, gradients};
    switch (op_table[node->op].class) {
    case CLASS_LEAF: break; /* random numbers do not depend on their draw */
    case CLASS_ELEMENTWISE:
        if (node->input_count == 1)
            gradients[0].whole = unary_rule(&rule);
        else if (node->input_count == 2)
            binary_rule(&rule);
        else
            select_rule(&rule);
        break;
    case CLASS_REDUCTION: reduce_rule(&rule); break;
    case CLASS_MOVEMENT: movement_rule(&rule); break;
    case CLASS_WINDOW: window_rule(&rule); break;
    case CLASS_CONTRACTION: contraction_rule(&rule); break;
    case CLASS_COMPOSITE: batchnorm_rule(&rule); break;
    }
}
