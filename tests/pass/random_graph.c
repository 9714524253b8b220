#include "random_graph.h"

#include <math.h>
#include <string.h>

/* The state of one construction: every value so far, all of shape [ROWS, CHANNELS, SIDE, SIDE] or rank 0. */
enum { ROWS = 3, CHANNELS = 4, SIDE = 4 };

typedef struct Maker {
    Graph *graph;
    RandomKind kind;
    uint32_t random;
    NodeList images, scalars, vectors; /* vectors: parameters [CHANNELS] */
    int variables;
} Maker;

static uint32_t next(Maker *maker, uint32_t below)
{
    maker->random = maker->random * 1664525u + 1013904223u;
    return (maker->random >> 10) % below;
}

static Node *pick(Maker *maker, const NodeList *list)
{
    /* the last ones more often: deep graphs, not wide ones */
    uint32_t reach = (uint32_t)list->count;
    if (reach > 4 && next(maker, 3))
        reach = 4;
    return list->items[list->count - 1 - next(maker, reach)];
}

static Shape image_shape(void)
{
    return shape_of(4, (int64_t[]){ROWS, CHANNELS, SIDE, SIDE});
}

static Variable *new_variable(Maker *maker, HpVariableKind kind, const char *prefix, Shape shape)
{
    const char *name = arena_format(maker->graph->arena, "%s%d", prefix, maker->variables++);
    return variables_add(maker->graph->variables, name, kind, shape);
}

static Node *new_vector(Maker *maker, HpVariableKind kind, const char *prefix)
{
    Node *node =
        graph_variable(maker->graph, new_variable(maker, kind, prefix, shape_of(1, (int64_t[]){CHANNELS})));
    list_push(maker->graph->arena, &maker->vectors, node);
    return node;
}

static double number(Maker *maker)
{
    static const double numbers[] = {0, 1, -1, 2, 0.5, 3, -0.25, 1.75};
    return numbers[next(maker, 8)];
}

/* Keeps values small, so that errors stay comparable. */
static Node *tame(Maker *maker, Node *x)
{
    return graph_unary(maker->graph, OP_TANH, x);
}

static Node *unary(Maker *maker, Node *x)
{
    static const Op smooth[] = {OP_NEGATE, OP_COS,     OP_SIN,         OP_TANH,    OP_ERF,
                                OP_NEGATE, OP_SIGMOID, OP_LOG_SIGMOID, OP_SOFTPLUS};
    static const Op rough[] = {OP_RELU, OP_ABS, OP_RELU};
    Op op =
        maker->kind != RANDOM_SMOOTH && next(maker, 3) == 0 ? rough[next(maker, 3)] : smooth[next(maker, 9)];
    if (next(maker, 8) == 0)
        return graph_unary(maker->graph, OP_EXP, tame(maker, x));
    return graph_unary(maker->graph, op, x);
}

static Node *binary(Maker *maker, Node *a, Node *b)
{
    static const Op smooth[] = {OP_ADD, OP_SUBTRACT, OP_MULTIPLY};
    static const Op rough[] = {OP_MAXIMUM, OP_MINIMUM, OP_LESS, OP_GREATER_EQUAL};
    if (maker->kind != RANDOM_SMOOTH && next(maker, 4) == 0)
        return graph_binary(maker->graph, rough[next(maker, 4)], a, b);
    if (next(maker, 6) == 0) { /* a positive divisor or base */
        Node *positive =
            graph_binary(maker->graph, OP_ADD, graph_unary(maker->graph, OP_SOFTPLUS, tame(maker, b)),
                         graph_constant(maker->graph, 0.5));
        return next(maker, 2) ? graph_binary(maker->graph, OP_DIVIDE, tame(maker, a), positive)
                              : graph_binary(maker->graph, OP_POWER, positive,
                                             graph_constant(maker->graph, number(maker)));
    }
    return graph_binary(maker->graph, smooth[next(maker, 3)], tame(maker, a), b);
}

static Node *repeat_vector(Maker *maker, Node *vector)
{
    Node *image = graph_reshape(maker->graph, vector, shape_of(4, (int64_t[]){1, CHANNELS, 1, 1}));
    return graph_broadcast(maker->graph, image, image_shape());
}

static Node *reduce(Maker *maker, Node *x)
{
    static const Op ops[] = {OP_REDUCE_MEAN, OP_REDUCE_VARIANCE, OP_REDUCE_SUM, OP_REDUCE_MAX};
    Op op = ops[next(maker, maker->kind == RANDOM_SMOOTH ? 3 : 4)];
    Node *reduced = graph_reduce(maker->graph, op, tame(maker, x), next(maker, 16));
    if (next(maker, 4) == 0)
        reduced = graph_reduce(maker->graph, op, reduced, next(maker, 16));
    return graph_broadcast(maker->graph, reduced, image_shape());
}

/* There and back again by another way each. */
static Node *move(Maker *maker, Node *x)
{
    Graph *graph = maker->graph;
    Attributes a = {0};
    switch (next(maker, 5)) {
    case 0: {
        static const int turn[4] = {1, 0, 3, 2};
        return graph_transpose(graph, unary(maker, graph_transpose(graph, x, turn)), turn);
    }
    case 1: {
        Node *flat = graph_reshape(graph, x, shape_of(2, (int64_t[]){ROWS, CHANNELS * SIDE * SIDE}));
        return graph_reshape(graph, flat, image_shape());
    }
    case 2: {
        for (int axis = 0; axis < 4; axis++) {
            a.pad.before[axis] = axis == 2;
            a.pad.after[axis] = axis == 3 ? 2 : 0;
        }
        a.pad.value = number(maker);
        Node *padded = graph_node(graph, OP_PAD, 1, &x, &a);
        a = (Attributes){.slice = {{0, 0, 0, 1}, {ROWS, CHANNELS, SIDE, SIDE}, {1, 1, 1, 1}}};
        return graph_node(graph, OP_SLICE, 1, &padded, &a);
    }
    case 3: {
        Node *both = graph_node(graph, OP_CONCAT, 2, (Node *[]){x, pick(maker, &maker->images)},
                                &(Attributes){.concat = 1});
        a = (Attributes){.slice = {{0}, {ROWS, CHANNELS, SIDE, SIDE}, {1, 2, 1, 1}}};
        return graph_node(graph, OP_SLICE, 1, &both, &a);
    }
    default: {
        Window window = {{2, 2}, {2, 2}, {0}, {0}, false, {0}};
        Op op = maker->kind == RANDOM_SMOOTH ? OP_AVERAGE_POOL
                : next(maker, 2)             ? OP_MAX_POOL
                                             : OP_AVERAGE_POOL;
        Node *pooled = graph_window(graph, op, &x, 1, &window);
        return graph_node(graph, OP_UPSAMPLE, 1, &pooled, &(Attributes){.upsample = {2, 2}});
    }
    }
}

static Node *batchnorm(Maker *maker, Node *x)
{
    bool batch = maker->kind == RANDOM_TRAIN && next(maker, 3);
    Attributes a = {.batchnorm = {1e-5, 0.1, batch, batch && next(maker, 2)}};
    Node *inputs[5] = {x, new_vector(maker, HP_PARAMETER, "gamma"), new_vector(maker, HP_PARAMETER, "beta"),
                       new_vector(maker, HP_STATISTIC, "running_mean"),
                       new_vector(maker, HP_STATISTIC, "running_variance")};
    return graph_node(maker->graph, OP_BATCHNORM, 5, inputs, &a);
}

static Node *product(Maker *maker, Node *x)
{
    Convolution c = {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {0}};
    if (next(maker, 4) == 0) {
        Node *weight =
            graph_variable(maker->graph, new_variable(maker, HP_PARAMETER, "matrix",
                                                      shape_of(4, (int64_t[]){ROWS, CHANNELS, SIDE, SIDE})));
        return graph_matmul(maker->graph, x, weight, next(maker, 2), next(maker, 2));
    }
    c.groups = next(maker, 2) ? 1 : 2;
    Variable *weight = new_variable(maker, HP_PARAMETER, "weight",
                                    shape_of(4, (int64_t[]){CHANNELS, CHANNELS / c.groups, 3, 3}));
    maker->graph->path = arena_format(maker->graph->arena, "conv%d", maker->variables);
    Node *y = graph_convolution(maker->graph, OP_CONVOLUTION, x, graph_variable(maker->graph, weight), &c);
    maker->graph->path = NULL;
    if (next(maker, 2))
        y = graph_binary(maker->graph, OP_ADD, y,
                         repeat_vector(maker, new_vector(maker, HP_PARAMETER, "bias")));
    return maker->kind != RANDOM_SMOOTH && next(maker, 2) ? batchnorm(maker, y) : y;
}

static void step(Maker *maker)
{
    Graph *graph = maker->graph;
    Node *a = pick(maker, &maker->images), *b = pick(maker, &maker->images), *node;
    switch (next(maker, 11)) {
    case 0:
    case 1: node = unary(maker, a); break;
    case 2:
    case 3: node = binary(maker, a, b); break;
    case 4:
        node = graph_broadcast(graph, binary(maker, a, graph_constant(graph, number(maker))), image_shape());
        break;
    case 5: node = reduce(maker, a); break;
    case 6: node = move(maker, a); break;
    case 7: node = product(maker, a); break;
    case 8: { /* arithmetic of weights and scalars alone */
        Node *scalar = binary(maker, pick(maker, &maker->scalars), graph_constant(graph, number(maker)));
        list_push(graph->arena, &maker->scalars, scalar);
        Node *vector = binary(maker, pick(maker, &maker->vectors), pick(maker, &maker->vectors));
        list_push(graph->arena, &maker->vectors, vector);
        node = graph_binary(graph, OP_MULTIPLY, repeat_vector(maker, vector), scalar);
        break;
    }
    case 9:
        node =
            maker->kind == RANDOM_SMOOTH
                ? a
                : graph_select(graph, graph_binary(graph, OP_GREATER, a, graph_constant(graph, 0.1)), a, b);
        break;
    default: node = graph_binary(graph, OP_MULTIPLY, a, pick(maker, &maker->scalars));
    }
    list_push(graph->arena, &maker->images, node);
}

Graph *random_graph(Arena *arena, RandomKind kind, uint32_t seed, int steps)
{
    Variables *variables = variables_new(arena);
    Maker maker = {
        .graph = graph_new(arena, variables, "random"), .kind = kind, .random = seed * 2654435761u + 1};
    Graph *graph = maker.graph;
    Variable *image = new_variable(&maker, HP_INPUT, "image", image_shape());
    list_push(arena, &maker.images, graph_variable(graph, image));
    list_push(arena, &maker.scalars,
              graph_variable(graph, new_variable(&maker, HP_SCALAR, "scalar", shape_scalar())));
    new_vector(&maker, HP_PARAMETER, "vector");
    for (int i = 0; i < steps; i++)
        step(&maker);
    for (int i = 0; i < 3 && (size_t)i < maker.images.count; i++)
        graph_result(graph, arena_format(arena, "r%d", i),
                     maker.images.items[maker.images.count - 1 - (size_t)i]);
    graph_update(graph, new_variable(&maker, HP_OPTIMIZER_STATE, "state", image_shape()),
                 pick(&maker, &maker.images));
    return graph;
}

void random_fill(Interpreter *interpreter, const Variables *variables, uint32_t seed)
{
    for (size_t i = 0; i < variables->list.count; i++) {
        const Variable *variable = variables->list.items[i];
        double *values = interpreter_variable(interpreter, variable);
        uint32_t random = seed + hp_random_path(variable->name);
        bool positive = strstr(variable->name, "variance") != NULL;
        for (int64_t j = 0; j < shape_count(variable->shape); j++) {
            random = random * 1664525u + 1013904223u;
            double uniform = (double)(random >> 8) * 0x1p-24;
            values[j] = positive ? 0.5 + uniform : 2 * uniform - 1;
        }
    }
}

double random_error(const double *a, const double *r, int64_t count)
{
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isnan(a[i]) && isnan(r[i]))
            continue;
        if (!(fabs(a[i] - r[i]) <= worst))
            worst = isnan(a[i] - r[i]) ? INFINITY : fabs(a[i] - r[i]);
        largest = fmax(largest, fabs(r[i]));
    }
    return worst == 0 ? 0 : worst / fmax(largest, 1e-300);
}
