/* Kernels against the interpreter. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

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

#define EXTENTS(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

static void test_elementwise(void **state)
{
    (void)state;
    Node *a = variable("a", EXTENTS(3, 5, 7)), *b = variable("b", EXTENTS(3, 5, 7));
    Node *x = graph_binary(graph, OP_ADD, graph_unary(graph, OP_RELU, a), graph_binary(graph, OP_MULTIPLY, a, b));
    x = graph_binary(graph, OP_DIVIDE, x, graph_constant(graph, 3));
    graph_result(graph, "x", graph_unary(graph, OP_TANH, x));
    harness_check(graph, "-O2", 1e-5);
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
    harness_check(graph, "-O2", 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_elementwise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_softmax, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
