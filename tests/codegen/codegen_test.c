/* Kernels against the interpreter. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/grad/autodiff.h"
#include "harness.h"

static Graph *graph;

static int set_up(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    graph = graph_new(arena, variables_new(arena), "test");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(graph->arena);
    return 0;
}

static Node *variable(const char *name, int rank, const int64_t *extents)
{
    Variable *v = variables_find(graph->variables, name);
    return graph_variable(graph, v ? v : variables_add(graph->variables, name, HP_PARAMETER, shape_of(rank, extents)));
}

static void check(void)
{
    harness_check(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5});
}

#define EXTENTS(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

static void test_elementwise(void **state)
{
    (void)state;
    Node *a = variable("a", EXTENTS(3, 5, 7)), *b = variable("b", EXTENTS(3, 5, 7));
    Node *x = graph_binary(graph, OP_ADD, graph_unary(graph, OP_RELU, a), graph_binary(graph, OP_MULTIPLY, a, b));
    x = graph_binary(graph, OP_DIVIDE, x, graph_constant(graph, 3));
    graph_result(graph, "x", graph_unary(graph, OP_TANH, x));
    check();
}

static void test_softmax(void **state)
{
    (void)state;
    Node *x = variable("x", EXTENTS(6, 28));
    Node *m = graph_broadcast(graph, graph_reduce(graph, OP_REDUCE_MAX, x, 2), x->shape);
    Node *e = graph_unary(graph, OP_EXP, graph_binary(graph, OP_SUBTRACT, x, m));
    Node *s = graph_broadcast(graph, graph_reduce(graph, OP_REDUCE_SUM, e, 2), x->shape);
    graph_result(graph, "y", graph_binary(graph, OP_DIVIDE, e, s));
    graph_result(graph, "mean", graph_reduce(graph, OP_REDUCE_MEAN, graph_unary(graph, OP_LOG, s), 3));
    graph_result(graph, "columns", graph_reduce(graph, OP_REDUCE_VARIANCE, e, 1));
    check();
}

/* ---- networks ---- */

static Node *conv(const char *name, Node *x, int64_t width, int64_t kernel, int64_t stride)
{
    Convolution c = {.stride = {stride, stride}, .dilation = {1, 1}, .groups = 1};
    for (int i = 0; i < 2; i++)
        c.pad_before[i] = c.pad_after[i] = kernel / 2;
    const char *weight = arena_format(graph->arena, "%s.weight", name);
    graph->path = arena_string(graph->arena, name);
    Node *w = variable(weight, EXTENTS(width, x->shape.extents[1], kernel, kernel));
    return graph_convolution(graph, OP_CONVOLUTION, x, w, &c);
}

static Node *batchnorm(const char *name, Node *x)
{
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_variance"};
    Attributes a = {.batchnorm = {1e-5, 0.1, true, true}};
    Node *inputs[5] = {x};
    graph->path = arena_string(graph->arena, name);
    for (int i = 0; i < 4; i++)
        inputs[1 + i] = variable(arena_format(graph->arena, "%s.%s", name, parts[i]), EXTENTS(x->shape.extents[1]));
    return graph_node(graph, OP_BATCHNORM, 5, inputs, &a);
}

static Node *basic_block(const char *name, Node *x, int64_t width, int64_t stride)
{
#define PATH(part) arena_format(graph->arena, "%s.%s", name, part)
    Node *y = graph_unary(graph, OP_RELU, batchnorm(PATH("bn1"), conv(PATH("conv1"), x, width, 3, stride)));
    y = batchnorm(PATH("bn2"), conv(PATH("conv2"), y, width, 3, 1));
    if (stride != 1)
        x = batchnorm(PATH("downsample.1"), conv(PATH("downsample.0"), x, width, 1, stride));
    graph->path = arena_string(graph->arena, name);
    return graph_unary(graph, OP_RELU, graph_binary(graph, OP_ADD, y, x));
#undef PATH
}

static Node *pool(Op op, Node *x, int64_t kernel, int64_t stride, int64_t pad)
{
    Window w = {{kernel, kernel}, {stride, stride}, {pad, pad}, {pad, pad}, true, {0}};
    graph->path = "pool";
    return graph_window(graph, op, &x, 1, &w);
}

/* Gradients of all parameters with "gradient:" updates that accumulate. */
static void train(Node *loss)
{
    Node *wrt[128] = {0}, *gradients[128];
    int count = 0;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.items[i];
        if (node->op == OP_VARIABLE && node->variable->kind == HP_PARAMETER && !strstr(node->variable->name, "running") &&
            strcmp(node->variable->name, "image") != 0)
            wrt[count++] = node;
    }
    autodiff(graph, loss, NULL, count, wrt, gradients);
    Variable *accumulate = variables_add(graph->variables, "accumulate", HP_SCALAR, shape_scalar());
    for (int i = 0; i < count; i++) {
        const char *name = arena_format(graph->arena, "gradient:%s", wrt[i]->variable->name);
        Variable *v = variables_add(graph->variables, name, HP_GRADIENT, wrt[i]->shape);
        graph->path = wrt[i]->variable->name;
        Node *kept = graph_binary(graph, OP_MULTIPLY, graph_variable(graph, v), graph_variable(graph, accumulate));
        graph_update(graph, v, graph_binary(graph, OP_ADD, kept, gradients[i]));
    }
    graph_result(graph, "loss", loss);
}

static Node *head(Node *x, int64_t classes)
{
    Node *mean = graph_reduce(graph, OP_REDUCE_MEAN, x, 12);
    int64_t rows = x->shape.extents[0], width = x->shape.extents[1];
    Node *flat = graph_reshape(graph, mean, shape_of(2, (int64_t[]){rows, width}));
    graph->path = "fc";
    Node *w = variable("fc.weight", EXTENTS(classes, width)), *b = variable("fc.bias", EXTENTS(classes));
    Node *y = graph_matmul(graph, flat, w, false, true);
    b = graph_broadcast(graph, graph_reshape(graph, b, shape_of(2, (int64_t[]){1, classes})), y->shape);
    return graph_binary(graph, OP_ADD, y, b);
}

/* Binary cross-entropy with logits against a fixed variable. */
static Node *bce(Node *logits)
{
    graph->path = "loss";
    Node *labels = variable("labels", logits->shape.rank, logits->shape.extents);
    labels->variable->kind = HP_INPUT;
    Node *loss = graph_binary(graph, OP_SUBTRACT, graph_unary(graph, OP_SOFTPLUS, logits),
                              graph_binary(graph, OP_MULTIPLY, logits, labels));
    return graph_reshape(graph, graph_reduce(graph, OP_REDUCE_MEAN, loss, 3), shape_scalar());
}

static void test_resnet(void **state)
{
    (void)state;
    Node *x = variable("image", EXTENTS(2, 4, 32, 32));
    x->variable->kind = HP_INPUT;
    x = graph_unary(graph, OP_RELU, batchnorm("bn1", conv("conv1", x, 32, 7, 2)));
    x = pool(OP_MAX_POOL, x, 3, 2, 1);
    x = basic_block("layer1.0", x, 32, 1);
    x = basic_block("layer1.1", x, 32, 1);
    x = basic_block("layer2.0", x, 64, 2);
    train(bce(head(x, 28)));
    pass_expand(graph);
    pass_fold(graph);
    check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_elementwise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_softmax, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resnet, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
