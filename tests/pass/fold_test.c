/* What folding and hoisting do to graphs as the compiler builds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "compiler/passes/passes.h"
#include "random_graph.h"

static Arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int count_op(const Graph *graph, Op op)
{
    int count = 0;
    for (size_t i = 0; i < graph->nodes.count; i++)
        count += graph->nodes.items[i]->op == op;
    return count;
}

static Node *parameter(Graph *graph, const char *name, HpVariableKind kind, Shape shape)
{
    Variable *variable = variables_find(graph->variables, name);
    return graph_variable(graph, variable ? variable : variables_add(graph->variables, name, kind, shape));
}

/* relu(batchnorm(conv(image, w))) of layer `name`, statistics running or this batch's */
static Node *layer(Graph *graph, Node *x, const char *name, bool batch)
{
    Shape vector = shape_of(1, (int64_t[]){4}), matrix = shape_of(4, (int64_t[]){4, 4, 3, 3});
    Convolution c = {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {0}};
    Attributes norm = {.batchnorm = {1e-5, 0.1, batch, batch}};
    graph->path = arena_format(arena, "%s.conv", name);
    Node *weight = parameter(graph, arena_format(arena, "%s.conv.weight", name), HP_PARAMETER, matrix);
    Node *y = graph_convolution(graph, OP_CONVOLUTION, x, weight, &c);
    graph->path = arena_format(arena, "%s.bn", name);
    Node *inputs[5] = {
        y, parameter(graph, arena_format(arena, "%s.bn.weight", name), HP_PARAMETER, vector),
        parameter(graph, arena_format(arena, "%s.bn.bias", name), HP_PARAMETER, vector),
        parameter(graph, arena_format(arena, "%s.bn.running_mean", name), HP_STATISTIC, vector),
        parameter(graph, arena_format(arena, "%s.bn.running_var", name), HP_STATISTIC, vector)};
    Node *z = graph_node(graph, OP_BATCHNORM, 5, inputs, &norm);
    graph->path = NULL;
    return graph_unary(graph, OP_RELU, z);
}

static Graph *network(Variables *variables, const char *name, int64_t rows, bool batch)
{
    Graph *graph = graph_new(arena, variables, name);
    Node *x = graph_node(graph, OP_IMAGE, 0, NULL, &(Attributes){.image = {rows, 4, 8, 8, batch}});
    graph_result(graph, "logits", layer(graph, layer(graph, x, "a", batch), "b", batch));
    return graph;
}

/* A chain that is all identities and repeats: quadratic work would take minutes. */
static void folding_is_linear(void **state)
{
    (void)state;
    Graph *graph = graph_new(arena, variables_new(arena), "long");
    Node *x = parameter(graph, "x", HP_INPUT, shape_of(1, (int64_t[]){2}));
    Node *y = x;
    for (int i = 0; i < 100000; i++) {
        y = graph_binary(graph, OP_ADD, y, graph_constant(graph, i % 3));
        y = graph_unary(graph, i % 2 ? OP_NEGATE : OP_TANH, y);
    }
    graph_result(graph, "y", y);
    clock_t start = clock();
    pass_fold(graph);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10);
    graph_verify(graph, "fold");
    assert_int_equal(count_op(graph, OP_CONSTANT), 2);
}

static void folding_again_finds_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        Graph *graph = random_graph(arena, RANDOM_TRAIN, seed, 60);
        pass_fold(graph);
        Text once = text_new(arena), twice = text_new(arena);
        graph_print(&once, graph);
        pass_fold(graph);
        graph_print(&twice, graph);
        assert_string_equal(twice.data, once.data);
    }
}

/* The constants of two elements with the values below, and what a product with 0 may become. */
static void infinities_survive(void **state)
{
    (void)state;
    Graph *graph = graph_new(arena, variables_new(arena), "zero");
    Node *x = parameter(graph, "x", HP_INPUT, shape_of(1, (int64_t[]){2}));
    Node *zero = graph_constant(graph, 0);
    graph_result(graph, "x * 0", graph_binary(graph, OP_MULTIPLY, x, zero));
    graph_result(graph, "(x > 0) * 0",
                 graph_binary(graph, OP_MULTIPLY, graph_binary(graph, OP_GREATER, x, zero), zero));
    pass_fold(graph);
    assert_int_equal(count_op(graph, OP_MULTIPLY), 1); /* x may be infinite, a comparison not */
    assert_int_equal(count_op(graph, OP_GREATER), 0);
}

static void equal_attributes_are_needed_to_share(void **state)
{
    (void)state;
    Graph *graph = graph_new(arena, variables_new(arena), "share");
    Node *x = parameter(graph, "x", HP_INPUT, shape_of(2, (int64_t[]){3, 3}));
    graph_result(graph, "rows", graph_reduce(graph, OP_REDUCE_SUM, x, 1));
    graph_result(graph, "columns", graph_reduce(graph, OP_REDUCE_SUM, x, 2));
    graph_result(graph, "once", graph_matmul(graph, x, x, false, true));
    graph_result(graph, "twice", graph_matmul(graph, x, x, false, false));
    graph_result(graph, "difference", graph_binary(graph, OP_SUBTRACT, x, graph_unary(graph, OP_EXP, x)));
    graph_result(graph, "opposite", graph_binary(graph, OP_SUBTRACT, graph_unary(graph, OP_EXP, x), x));
    pass_fold(graph);
    assert_int_equal(count_op(graph, OP_REDUCE_SUM), 2);
    assert_int_equal(count_op(graph, OP_MATMUL), 2);
    assert_int_equal(count_op(graph, OP_SUBTRACT), 2);
    assert_int_equal(count_op(graph, OP_EXP), 1);
}

/* Two functions over the same weights: each derived value is computed and stored once. */
static void functions_share_derived_weights(void **state)
{
    (void)state;
    Variables *variables = variables_new(arena);
    Graph *graphs[2] = {network(variables, "evaluate", 2, false), network(variables, "predict", 8, false)};
    for (int i = 0; i < 2; i++) {
        pass_fold_batchnorm(graphs[i]);
        pass_expand(graphs[i]);
        pass_fold(graphs[i]);
    }
    Graph *prepare = pass_hoist(arena, variables, graphs, 2);
    graph_verify(prepare, "hoist");
    assert_int_equal(prepare->updates.count, 4);
    for (int i = 0; i < 2; i++) {
        graph_verify(graphs[i], "hoist");
        assert_int_equal(count_op(graphs[i], OP_CONVOLUTION), 2);
        assert_int_equal(count_op(graphs[i], OP_MULTIPLY) + count_op(graphs[i], OP_RSQRT), 0);
        assert_int_equal(count_op(graphs[i], OP_VARIABLE), 4);
    }
    const char *names[] = {"derived:a.conv.weight", "derived:a.conv.bias", "derived:b.conv.weight",
                           "derived:b.conv.bias"};
    for (int i = 0; i < 4; i++) {
        const Variable *variable = variables_find(variables, names[i]);
        assert_non_null(variable);
        assert_int_equal(variable->kind, HP_DERIVED);
    }
}

/* Nothing that depends on the image, a scalar or an input may move; nor is it worth to move a mere view. */
static void only_work_on_weights_is_hoisted(void **state)
{
    (void)state;
    Variables *variables = variables_new(arena);
    Graph *graph = graph_new(arena, variables, "evaluate");
    Shape vector = shape_of(1, (int64_t[]){4}), row = shape_of(2, (int64_t[]){1, 4});
    Node *weight = parameter(graph, "weight", HP_PARAMETER, vector);
    Node *scalar = parameter(graph, "scalar", HP_SCALAR, shape_scalar());
    Node *input = parameter(graph, "labels", HP_INPUT, shape_of(2, (int64_t[]){3, 4}));
    Node *view = graph_broadcast(graph, graph_reshape(graph, weight, row), input->shape);
    graph_result(graph, "view", graph_binary(graph, OP_MULTIPLY, input, view));
    graph_result(graph, "scaled", graph_binary(graph, OP_MULTIPLY, weight, scalar));
    size_t nodes = graph->nodes.count;
    Graph *prepare = pass_hoist(arena, variables, &graph, 1);
    assert_int_equal(prepare->updates.count, 0);
    assert_int_equal(prepare->nodes.count, 0);
    assert_int_equal(graph->nodes.count, nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_is_linear),
        cmocka_unit_test(folding_again_finds_nothing),
        cmocka_unit_test(infinities_survive),
        cmocka_unit_test(equal_attributes_are_needed_to_share),
        cmocka_unit_test(functions_share_derived_weights),
        cmocka_unit_test(only_work_on_weights_is_hoisted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
