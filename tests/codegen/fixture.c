#include "fixture.h"

#include <string.h>

#include "compiler/grad/autodiff.h"

Graph *graph;

int fixture_set_up(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    graph = graph_new(arena, variables_new(arena), "test");
    return 0;
}

int fixture_tear_down(void **state)
{
    (void)state;
    arena_free(graph->arena);
    return 0;
}

static Node *variable_of_kind(HpVariableKind kind, const char *name, Shape shape)
{
    Variable *v = variables_find(graph->variables, name);
    return graph_variable(
        graph, v ? v : variables_add(graph->variables, arena_string(graph->arena, name), kind, shape));
}

Node *fixture_variable(const char *name, int rank, const int64_t *extents)
{
    return variable_of_kind(HP_PARAMETER, name, shape_of(rank, extents));
}

Node *fixture_input(const char *name, int rank, const int64_t *extents)
{
    return variable_of_kind(HP_INPUT, name, shape_of(rank, extents));
}

Node *fixture_scalar(const char *name, double value)
{
    Node *node = variable_of_kind(HP_SCALAR, name, shape_scalar());
    node->variable->value = value;
    return node;
}

static const char *join(const char *path, const char *part)
{
    return arena_format(graph->arena, "%s.%s", path, part);
}

Node *fixture_conv(const char *name, Node *x, int64_t width, int64_t kernel, int64_t stride)
{
    Convolution c = {.stride = {stride, stride}, .dilation = {1, 1}, .groups = 1};
    for (int i = 0; i < 2; i++)
        c.pad_before[i] = c.pad_after[i] = kernel / 2;
    graph->path = arena_string(graph->arena, name);
    Node *weight =
        fixture_variable(join(name, "weight"), EXTENTS(width, x->shape.extents[1], kernel, kernel));
    return graph_convolution(graph, OP_CONVOLUTION, x, weight, &c);
}

Node *fixture_batchnorm(const char *name, Node *x)
{
    Attributes a = {.batchnorm = {1e-5, 0.1, true, true}};
    int64_t channels = x->shape.extents[1];
    graph->path = arena_string(graph->arena, name);
    Node *inputs[5] = {
        x, fixture_variable(join(name, "weight"), 1, &channels),
        fixture_variable(join(name, "bias"), 1, &channels),
        variable_of_kind(HP_STATISTIC, join(name, "running_mean"), shape_of(1, &channels)),
        variable_of_kind(HP_STATISTIC, join(name, "running_variance"), shape_of(1, &channels))};
    return graph_node(graph, OP_BATCHNORM, 5, inputs, &a);
}

Node *fixture_block(const char *name, Node *x, int64_t width, int64_t stride)
{
    Node *y = fixture_batchnorm(join(name, "bn1"), fixture_conv(join(name, "conv1"), x, width, 3, stride));
    y = fixture_conv(join(name, "conv2"), graph_unary(graph, OP_RELU, y), width, 3, 1);
    y = fixture_batchnorm(join(name, "bn2"), y);
    if (stride != 1) {
        x = fixture_conv(join(name, "downsample.0"), x, width, 1, stride);
        x = fixture_batchnorm(join(name, "downsample.1"), x);
    }
    graph->path = arena_string(graph->arena, name);
    return graph_unary(graph, OP_RELU, graph_binary(graph, OP_ADD, y, x));
}

Node *fixture_pool(Op op, Node *x, int64_t kernel, int64_t stride, int64_t pad, bool count_padding)
{
    Window w = {{kernel, kernel}, {stride, stride}, {pad, pad}, {pad, pad}, count_padding, {0}};
    graph->path = "pool";
    return graph_window(graph, op, &x, 1, &w);
}

Node *fixture_head(Node *x, int64_t classes)
{
    int64_t rows = x->shape.extents[0], width = x->shape.extents[1];
    Node *mean = graph_reduce(graph, OP_REDUCE_MEAN, x, 4 | 8);
    Node *flat = graph_reshape(graph, mean, shape_of(2, (int64_t[]){rows, width}));
    graph->path = "fc";
    Node *weight = fixture_variable("fc.weight", EXTENTS(classes, width)),
         *bias = fixture_variable("fc.bias", 1, &classes);
    Node *y = graph_matmul(graph, flat, weight, false, true);
    bias = graph_reshape(graph, bias, shape_of(2, (int64_t[]){1, classes}));
    return graph_binary(graph, OP_ADD, y, graph_broadcast(graph, bias, y->shape));
}

Node *fixture_bce(Node *logits)
{
    graph->path = "loss";
    Node *labels = fixture_input("labels", logits->shape.rank, logits->shape.extents);
    Node *loss = graph_binary(graph, OP_SUBTRACT, graph_unary(graph, OP_SOFTPLUS, logits),
                              graph_binary(graph, OP_MULTIPLY, logits, labels));
    unsigned all = (1U << logits->shape.rank) - 1;
    return graph_reshape(graph, graph_reduce(graph, OP_REDUCE_MEAN, loss, all), shape_scalar());
}

void fixture_train(Node *loss)
{
    enum { MOST = 256 };
    Node *wrt[MOST] = {NULL}, *gradients[MOST];
    int count = 0;
    for (size_t i = 0; i < graph->nodes.count && count < MOST; i++)
        if (graph->nodes.items[i]->op == OP_VARIABLE && graph->nodes.items[i]->variable->kind == HP_PARAMETER)
            wrt[count++] = graph->nodes.items[i];
    autodiff(graph, loss, NULL, count, wrt, gradients);
    Node *accumulate = fixture_scalar("accumulate", 1);
    for (int i = 0; i < count; i++) {
        const char *name = arena_format(graph->arena, "gradient:%s", wrt[i]->variable->name);
        graph->path = wrt[i]->variable->name;
        Node *old = variable_of_kind(HP_GRADIENT, name, wrt[i]->shape);
        Node *kept = graph_binary(graph, OP_MULTIPLY, old, accumulate);
        graph_update(graph, old->variable, graph_binary(graph, OP_ADD, kept, gradients[i]));
    }
    graph_result(graph, "loss", loss);
    pass_expand(graph);
    pass_fold(graph);
}

void fixture_check(void)
{
    harness_check(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5});
}
