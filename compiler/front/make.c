#include "elaborate.h"

#include <math.h>
#include <string.h>

static const int64_t LARGEST_EXTENT = INT64_C(1) << 31;
static const double LARGEST_COUNT = 1099511627776.0; /* 2^40 elements */

const char *name_nodes(Elaborator *e, const char *path)
{
    const char *old = e->graph ? e->graph->path : NULL;
    if (e->graph && e->context == CONTEXT_NETWORK)
        e->graph->path = *path ? path : NULL;
    return old;
}

void name_back(Elaborator *e, const char *old)
{
    if (e->graph)
        e->graph->path = old;
}

static bool shape_is_sane(Elaborator *e, Shape shape, Span span)
{
    double count = 1;
    for (int i = 0; i < shape.rank; i++) {
        count *= (double)shape.extents[i];
        if (shape.extents[i] < 1 || shape.extents[i] > LARGEST_EXTENT || count > LARGEST_COUNT) {
            report(e, span, "too-large", "a tensor %s is more than any machine holds",
                   shape_text(e->program->arena, shape));
            return false;
        }
    }
    return true;
}

void origin_set(Node *node, int axis, Span span)
{
    if (node && axis < node->shape.rank)
        node->origins[axis] = span;
}

static void report_shape(Elaborator *e, Op op, int count, Node *const *inputs, const char *reason, Span span)
{
    unsigned axes = differing_axes(count, inputs);
    if (is_window(op)) {
        window_report(e, inputs[0], reason, span);
        return;
    }
    if (report(e, span, "shape", "%s", reason))
        report_origins(e, axes ? count : 1, inputs, axes ? axes : inputs[0]->shape.rank == 4 ? ~3u : ~1u);
}

Node *make_node(Elaborator *e, Op op, int count, Node *const *inputs, const Attributes *attributes, Span span)
{
    for (int i = 0; i < count; i++)
        if (!inputs[i])
            return NULL;
    Shape shape;
    const char *reason = shape_infer(e->program->arena, op, count, inputs, attributes, &shape);
    if (reason) {
        report_shape(e, op, count, inputs, reason, span);
        return NULL;
    }
    if (!shape_is_sane(e, shape, span))
        return NULL;
    range_check(e, op, inputs, span);
    window_check(e, op, inputs, attributes, span);
    e->graph->span = span;
    return graph_node(e->graph, op, count, inputs, attributes);
}

Node *make_unary(Elaborator *e, Op op, Node *a, Span span)
{
    return make_node(e, op, 1, &a, NULL, span);
}

Node *make_binary(Elaborator *e, Op op, Node *a, Node *b, Span span)
{
    if (!a || !b)
        return NULL;
    if (a->shape.rank == 0 && b->shape.rank > 0)
        a = graph_broadcast(e->graph, a, b->shape);
    if (b->shape.rank == 0 && a->shape.rank > 0)
        b = graph_broadcast(e->graph, b, a->shape);
    return make_node(e, op, 2, (Node *[]){a, b}, NULL, span);
}

Node *make_scale(Elaborator *e, Node *a, double factor, Span span)
{
    return make_binary(e, OP_MULTIPLY, a, graph_constant(e->graph, factor), span);
}

Node *make_shift(Elaborator *e, Node *a, double term, Span span)
{
    return make_binary(e, OP_ADD, a, graph_constant(e->graph, term), span);
}

Node *make_reduce(Elaborator *e, Op op, Node *a, unsigned axes, Span span)
{
    Attributes attributes = {.axes = axes};
    return axes ? make_node(e, op, 1, &a, &attributes, span) : a;
}

Node *make_reshape(Elaborator *e, Node *a, Shape shape, Span span)
{
    if (!a || !shape_is_sane(e, shape, span))
        return NULL;
    e->graph->span = span;
    return graph_reshape(e->graph, a, shape);
}

bool is_claimed(const Elaborator *e, const char *name)
{
    for (size_t i = 0; i < e->claims.count; i++)
        if (!strcmp(e->claims.items[i].name, name))
            return true;
    return false;
}

/* Reports a name that is taken. */
static bool claim(Elaborator *e, const char *name, const char *what, Span span)
{
    for (size_t i = 0; i < e->claims.count; i++) {
        if (strcmp(e->claims.items[i].name, name))
            continue;
        if (report(e, span, "duplicate-path", "two %s are named '%s'", what, name)) {
            report_note(e, e->claims.items[i].span, "the other one is made here");
            report_help(
                e,
                "a layer is named by the value it is bound to; say 'as name' or 'as [i]' to name it apart");
        }
        return false;
    }
    list_push(e->program->arena, &e->claims, ((Claim){name, span}));
    return true;
}

Node *make_variable(Elaborator *e, const char *path, const char *name, HpVariableKind kind, Shape shape,
                    HpInitializer initializer, Span span)
{
    const char *full = path_join(e->program->arena, path, name);
    if (e->context != CONTEXT_NETWORK) {
        report(e, span, "layer-place", "a layer with weights stands in a network or a block, not here");
        return NULL;
    }
    if (!shape_is_sane(e, shape, span) || !claim(e, full, "weights", span))
        return NULL;
    Variable *variable = variables_find(e->program->variables, full);
    if (!variable) {
        variable = variables_add(e->program->variables, full, kind, shape);
        variable->initializer = initializer;
        variable->span = span;
        variable->group = -1;
    } else if (variable->kind != kind) {
        report(e, span, "duplicate-path", "'%s' is a name that every program has; choose another", full);
        return NULL;
    } else if (!shape_equal(variable->shape, shape)) {
        internal_error("'%s' changed its shape between two elaborations", full);
    }
    e->graph->span = span;
    return graph_variable(e->graph, variable);
}

Node *make_random(Elaborator *e, const char *path, Shape shape, Span span)
{
    if (!claim(e, path_join(e->program->arena, path, "random"), "streams of random numbers", span))
        return NULL;
    Variable *draw = variables_find(e->program->variables, "draw");
    Node *input = graph_variable(e->graph, draw);
    Attributes attributes = {0};
    attributes.random.path = path;
    attributes.random.shape = shape;
    return make_node(e, OP_RANDOM, 1, &input, &attributes, span);
}

Variable *scalar_variable(Program *program, const char *name, double value)
{
    Variable *variable = variables_find(program->variables, name);
    if (variable && variable->kind != HP_SCALAR)
        fatal("the weight '%s' has the name of a number of the recipe: call its layer otherwise", name);
    if (variable)
        return variable;
    variable =
        variables_add(program->variables, arena_string(program->arena, name), HP_SCALAR, shape_scalar());
    variable->value = value;
    variable->group = -1;
    return variable;
}
