/* Folding: one walk in topological order. Each node is rewritten with its inputs' replacements, simplified by
 * a rule if one fits, and then shared with an equal node if there is one. A rule returns a folded node, or
 * NULL. */
#include <math.h>

#include "passes.h"
#include "../graph/intern.h"
#include "../graph/interpret.h"

typedef struct Fold {
    Graph *graph;
    NodeTable *table;
} Fold;

static Node *folded(Fold *fold, Node *node);

/* ---- making folded nodes ---- */

static Node *unary(Fold *fold, Op op, Node *x)
{
    return folded(fold, graph_unary(fold->graph, op, x));
}

static Node *binary(Fold *fold, Op op, Node *a, Node *b)
{
    return folded(fold, graph_node(fold->graph, op, 2, (Node *[]){a, b}, NULL));
}

static Node *broadcast(Fold *fold, Node *x, Shape shape)
{
    Node *node = graph_broadcast(fold->graph, x, shape);
    return node == x ? x : folded(fold, node);
}

static Node *reshape(Fold *fold, Node *x, Shape shape)
{
    Node *node = graph_reshape(fold->graph, x, shape);
    return node == x ? x : folded(fold, node);
}

/* A tensor whose elements are all `value`: a broadcast constant, the only form it has after folding. */
static Node *uniform(Fold *fold, double value, Shape shape)
{
    return broadcast(fold, folded(fold, graph_constant(fold->graph, value)), shape);
}

/* ---- looking at folded nodes ---- */

static bool is_uniform(const Node *node, double *value)
{
    if (node->op == OP_BROADCAST)
        node = node->inputs[0];
    if (node->op != OP_CONSTANT)
        return false;
    *value = node->attributes.constant;
    return true;
}

static bool is_value(const Node *node, double wanted)
{
    double value;
    return is_uniform(node, &value) && value == wanted;
}

/* Neither infinite nor NaN, whatever the inputs are. */
static bool is_finite(const Node *node)
{
    double value;
    if (is_uniform(node, &value))
        return isfinite(value);
    return node->op == OP_RANDOM || (node->op >= OP_EQUAL && node->op <= OP_OR);
}

/* ---- elementwise ---- */

static Node *constant_arithmetic(Fold *fold, const Node *node)
{
    double value[3] = {0};
    for (int i = 0; i < node->input_count; i++)
        if (!is_uniform(node->inputs[i], &value[i]))
            return NULL;
    return uniform(fold, interpret_scalar(node->op, value[0], value[1], value[2]), node->shape);
}

/* f(broadcast(a), broadcast(b)) = broadcast(f(a, b)): computed once where the values are, not where they are
 * repeated. Rank-0 sides go along with any other shape. */
static Node *repeat_after(Fold *fold, const Node *node)
{
    Shape small = shape_scalar();
    Node *inputs[3];
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i]->op != OP_BROADCAST)
            return NULL;
        inputs[i] = node->inputs[i]->inputs[0];
        if (inputs[i]->shape.rank > 0 && small.rank > 0 && !shape_equal(small, inputs[i]->shape))
            return NULL;
        if (inputs[i]->shape.rank > 0)
            small = inputs[i]->shape;
    }
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = broadcast(fold, inputs[i], small);
    Node *once = folded(fold, graph_node(fold->graph, node->op, node->input_count, inputs, NULL));
    return broadcast(fold, once, node->shape);
}

static Node *simplify_unary(Fold *fold, Op op, Node *x)
{
    double factor;
    if (op == OP_RELU && x->op == OP_RELU)
        return x;
    if (op != OP_NEGATE)
        return NULL;
    if (x->op == OP_NEGATE)
        return x->inputs[0];
    if (x->op == OP_SUBTRACT)
        return binary(fold, OP_SUBTRACT, x->inputs[1], x->inputs[0]);
    if (x->op == OP_MULTIPLY && is_uniform(x->inputs[1], &factor))
        return binary(fold, OP_MULTIPLY, x->inputs[0], uniform(fold, -factor, x->shape));
    return NULL;
}

static Node *simplify_add(Fold *fold, Node *a, Node *b)
{
    if (is_value(b, 0))
        return a;
    if (b->op == OP_NEGATE)
        return binary(fold, OP_SUBTRACT, a, b->inputs[0]);
    if (a->op == OP_NEGATE)
        return binary(fold, OP_SUBTRACT, b, a->inputs[0]);
    return NULL;
}

static Node *simplify_subtract(Fold *fold, Node *a, Node *b)
{
    if (is_value(b, 0))
        return a;
    if (is_value(a, 0))
        return unary(fold, OP_NEGATE, b);
    if (b->op == OP_NEGATE)
        return binary(fold, OP_ADD, a, b->inputs[0]);
    return NULL;
}

static Node *simplify_multiply(Fold *fold, Node *a, Node *b)
{
    double outer, inner;
    if (is_value(b, 1))
        return a;
    if (is_value(b, -1))
        return unary(fold, OP_NEGATE, a);
    if (is_value(b, 0) && is_finite(a))
        return b;
    if (!is_uniform(b, &outer))
        return NULL;
    if (a->op == OP_NEGATE)
        return binary(fold, OP_MULTIPLY, a->inputs[0], uniform(fold, -outer, a->shape));
    if (a->op == OP_MULTIPLY && is_uniform(a->inputs[1], &inner))
        return binary(fold, OP_MULTIPLY, a->inputs[0], uniform(fold, inner * outer, a->shape));
    return NULL;
}

/* By a constant: times its reciprocal where that is exact. */
static Node *simplify_divide(Fold *fold, Node *a, Node *b)
{
    double divisor;
    int exponent;
    if (is_uniform(b, &divisor) && isfinite(divisor) && fabs(frexp(divisor, &exponent)) == 0.5)
        return binary(fold, OP_MULTIPLY, a, uniform(fold, 1 / divisor, a->shape));
    return NULL;
}

static Node *simplify_power(Fold *fold, Node *a, Node *b)
{
    if (is_value(b, 0))
        return uniform(fold, 1, a->shape);
    if (is_value(b, 1))
        return a;
    if (is_value(b, 2))
        return binary(fold, OP_MULTIPLY, a, a);
    if (is_value(b, -1))
        return binary(fold, OP_DIVIDE, uniform(fold, 1, a->shape), a);
    return NULL;
}

static Node *simplify_elementwise(Fold *fold, Node *node)
{
    Node *a = node->inputs[0], *b = node->input_count > 1 ? node->inputs[1] : NULL;
    double value;
    Node *simple = constant_arithmetic(fold, node);
    if (!simple)
        simple = repeat_after(fold, node);
    if (simple)
        return simple;
    if ((node->op == OP_ADD || node->op == OP_MULTIPLY) && is_uniform(a, &value))
        return binary(fold, node->op, b, a); /* constants stand second */
    switch (node->op) {
    case OP_ADD: return simplify_add(fold, a, b);
    case OP_SUBTRACT: return simplify_subtract(fold, a, b);
    case OP_MULTIPLY: return simplify_multiply(fold, a, b);
    case OP_DIVIDE: return simplify_divide(fold, a, b);
    case OP_POWER: return simplify_power(fold, a, b);
    case OP_MAXIMUM:
    case OP_MINIMUM: return a == b ? a : NULL;
    case OP_SELECT:
        if (is_uniform(a, &value))
            return value != 0 ? b : node->inputs[2];
        return b == node->inputs[2] ? b : NULL;
    default: return b ? NULL : simplify_unary(fold, node->op, a);
    }
}

/* ---- reductions ---- */

static Node *reduce_uniform(Fold *fold, const Node *node, double value)
{
    double count = (double)shape_count(node->inputs[0]->shape) / (double)shape_count(node->shape);
    if (node->op == OP_REDUCE_SUM)
        value *= count;
    else if (node->op == OP_REDUCE_VARIANCE)
        value = 0;
    return uniform(fold, value, node->shape);
}

/* Parts that stand side by side are reduced each on its own, once, however many concatenations hold them. */
static Node *reduce_parts(Fold *fold, const Node *node)
{
    const Node *whole = node->inputs[0];
    Node **parts = ARENA_ARRAY(fold->graph->arena, Node *, (size_t)whole->input_count);
    for (int i = 0; i < whole->input_count; i++)
        parts[i] = folded(fold, graph_reduce(fold->graph, node->op, whole->inputs[i], node->attributes.axes));
    return folded(fold, graph_node(fold->graph, OP_CONCAT, whole->input_count, parts, &whole->attributes));
}

static Node *simplify_reduction(Fold *fold, Node *node)
{
    Node *x = node->inputs[0];
    double value;
    if (x->op == OP_CONCAT && !(node->attributes.axes >> x->attributes.concat & 1))
        return reduce_parts(fold, node);
    if (is_uniform(x, &value) && isfinite(value))
        return reduce_uniform(fold, node, value);
    if (node->op == OP_REDUCE_VARIANCE)
        return NULL;
    if (shape_equal(node->shape, x->shape))
        return x;          /* of one element each */
    if (x->op == node->op) /* a sum of sums, a mean of means */
        return folded(fold, graph_reduce(fold->graph, node->op, x->inputs[0],
                                         node->attributes.axes | x->attributes.axes));
    return NULL;
}

/* ---- movement ---- */

static bool is_identity(const Node *node)
{
    const Attributes *a = &node->attributes;
    if (node->op == OP_REORDER || !shape_equal(node->shape, node->inputs[0]->shape))
        return false;
    for (int axis = 0; node->op == OP_TRANSPOSE && axis < node->shape.rank; axis++)
        if (a->permutation[axis] != axis)
            return false;
    return true; /* a slice, pad, concat or upsampling that keeps the shape keeps the values */
}

static Node *simplify_transpose(Fold *fold, Node *node)
{
    Node *x = node->inputs[0];
    if (x->op != OP_TRANSPOSE)
        return NULL;
    int both[SHAPE_MAX_RANK] = {0};
    bool identity = true;
    for (int axis = 0; axis < node->shape.rank; axis++) {
        both[axis] = x->attributes.permutation[node->attributes.permutation[axis]];
        identity &= both[axis] == axis;
    }
    return identity ? x->inputs[0] : folded(fold, graph_transpose(fold->graph, x->inputs[0], both));
}

/* The longest beginning that is a concatenation of its own becomes one input: a chain of concatenations is
 * one that grows, and each holds the one before it. */
static Node *simplify_concat(Fold *fold, const Node *node)
{
    Graph *graph = fold->graph;
    const Attributes *attributes = &node->attributes;
    int total = node->input_count;
    for (int count = total - 1; count > 1; count--) {
        Node *beginning =
            node_table_find(fold->table, graph_node(graph, OP_CONCAT, count, node->inputs, attributes));
        if (!beginning)
            continue;
        Node **inputs = ARENA_ARRAY(graph->arena, Node *, (size_t)(total - count + 1));
        inputs[0] = beginning;
        for (int i = count; i < total; i++)
            inputs[i - count + 1] = node->inputs[i];
        return folded(fold, graph_node(graph, OP_CONCAT, total - count + 1, inputs, attributes));
    }
    return NULL;
}

/* Every input is the same repeated number, which the pad agrees with. */
static bool moves_uniform(const Node *node, Node **scalar)
{
    double value;
    for (int i = 0; i < node->input_count; i++) {
        const Node *x = node->inputs[i];
        if (x->op != OP_BROADCAST || x->inputs[0]->shape.rank != 0 || (i > 0 && x->inputs[0] != *scalar))
            return false;
        *scalar = x->inputs[0];
    }
    return node->op != OP_PAD || (is_uniform(*scalar, &value) && value == node->attributes.pad.value);
}

static Node *simplify_movement(Fold *fold, Node *node)
{
    Node *x = node->inputs[0], *scalar = NULL;
    if (is_identity(node))
        return x;
    if (node->op == OP_BROADCAST)
        return x->op == OP_BROADCAST ? broadcast(fold, x->inputs[0], node->shape) : NULL;
    if (node->op == OP_REORDER)
        return NULL;
    if (moves_uniform(node, &scalar))
        return broadcast(fold, scalar, node->shape);
    if (node->op == OP_RESHAPE && x->op == OP_RESHAPE)
        return reshape(fold, x->inputs[0], node->shape);
    if (node->op == OP_CONCAT)
        return simplify_concat(fold, node);
    return node->op == OP_TRANSPOSE ? simplify_transpose(fold, node) : NULL;
}

/* ---- the walk ---- */

static Node *simplify(Fold *fold, Node *node)
{
    switch (op_table[node->op].class) {
    case CLASS_ELEMENTWISE: return simplify_elementwise(fold, node);
    case CLASS_REDUCTION: return simplify_reduction(fold, node);
    case CLASS_MOVEMENT: return simplify_movement(fold, node);
    default: return NULL;
    }
}

/* The node that takes this one's place; its inputs are folded already. */
static Node *folded(Fold *fold, Node *node)
{
    Node *simple = simplify(fold, node);
    return simple ? simple : node_table_intern(fold->table, node);
}

void pass_fold(Graph *graph)
{
    Fold fold = {graph, node_table_new(graph->arena)};
    size_t count = graph->nodes.count; /* rules add nodes behind these */
    Node **final = ARENA_ARRAY(graph->arena, Node *, count);
    Span span = graph->span;
    const char *path = graph->path;
    for (size_t i = 0; i < count; i++) {
        Node *node = graph->nodes.items[i];
        for (int j = 0; j < node->input_count; j++)
            node->inputs[j] = final[node->inputs[j]->id];
        graph->span = node->span;
        graph->path = node->name;
        final[i] = folded(&fold, node);
    }
    graph->span = span;
    graph->path = path;
    for (size_t i = 0; i < graph->results.count; i++)
        graph->results.items[i].node = final[graph->results.items[i].node->id];
    for (size_t i = 0; i < graph->updates.count; i++)
        graph->updates.items[i].node = final[graph->updates.items[i].node->id];
    graph_remove_dead(graph);
    graph_sort(graph);
}
