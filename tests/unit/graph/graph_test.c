/* Building, changing and verifying graphs; the table of variables. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "compiler/graph/graph.h"

static Arena *arena;
static Graph *graph;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    graph = graph_new(arena, variables_new(arena), "test");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static Node *variable(const char *name, Shape shape)
{
    Variable *found = variables_find(graph->variables, name);
    return graph_variable(graph, found ? found : variables_add(graph->variables, name, HP_INPUT, shape));
}

static Shape vector(int64_t extent)
{
    return shape_of(1, &extent);
}

static void variables_are_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++)
        variables_add(graph->variables, arena_format(arena, "layer%d.weight", i), HP_PARAMETER,
                      vector(i + 1));
    for (int i = 0; i < 2000; i++) {
        const Variable *found = variables_find(graph->variables, arena_format(arena, "layer%d.weight", i));
        assert_non_null(found);
        assert_int_equal(found->index, i);
        assert_int_equal(found->shape.extents[0], i + 1);
    }
    assert_null(variables_find(graph->variables, "layer2000.weight"));
}

static void builders_share_and_repeat(void **state)
{
    (void)state;
    Node *x = variable("x", vector(3));
    assert_ptr_equal(variable("x", vector(3)), x);
    assert_ptr_equal(graph_broadcast(graph, x, vector(3)), x);
    assert_ptr_equal(graph_reshape(graph, x, vector(3)), x);
    Node *sum = graph_binary(graph, OP_ADD, graph_constant(graph, 1), x);
    assert_int_equal(sum->inputs[0]->op, OP_BROADCAST);
    assert_true(shape_equal(sum->shape, vector(3)));
    Node *choice = graph_select(graph, graph_constant(graph, 1), x, graph_constant(graph, 0));
    assert_true(shape_equal(choice->shape, vector(3)));
    graph_verify(graph, "building");
}

static void replacing_changes_every_use(void **state)
{
    (void)state;
    Node *x = variable("x", vector(3)), *y = variable("y", vector(3));
    Node *old = graph_unary(graph, OP_EXP, x);
    Node *product = graph_binary(graph, OP_MULTIPLY, old, old);
    graph_result(graph, "old", old);
    graph_update(graph, y->variable, old);
    Node *new = graph_unary(graph, OP_TANH, y); /* stands behind its users: the order is broken */
    graph_replace(graph, old, new);
    graph_sort(graph);
    graph_remove_dead(graph);
    graph_verify(graph, "replacing");
    assert_ptr_equal(product->inputs[0], new);
    assert_ptr_equal(product->inputs[1], new);
    assert_ptr_equal(graph->results.items[0].node, new);
    assert_ptr_equal(graph->updates.items[0].node, new);
    assert_int_equal(graph->nodes.count, 2); /* y and its tanh: the product has no use */
}

static void sorting_is_stable(void **state)
{
    (void)state;
    Node *x = variable("x", vector(3));
    for (int i = 0; i < 50; i++)
        x = graph_binary(graph, OP_ADD, graph_unary(graph, OP_EXP, x), graph->nodes.items[i]);
    NodeList before = {0};
    for (size_t i = 0; i < graph->nodes.count; i++)
        list_push(arena, &before, graph->nodes.items[i]);
    graph_sort(graph);
    assert_memory_equal(graph->nodes.items, before.items, before.count * sizeof *before.items);
}

static void uses_name_each_user_once(void **state)
{
    (void)state;
    Node *x = variable("x", vector(3));
    Node *square = graph_binary(graph, OP_MULTIPLY, x, x);
    Node *sum = graph_binary(graph, OP_ADD, square, x);
    NodeList *uses = graph_uses(graph);
    assert_int_equal(uses[x->id].count, 2);
    assert_ptr_equal(uses[x->id].items[0], square);
    assert_ptr_equal(uses[x->id].items[1], sum);
    assert_int_equal(uses[sum->id].count, 0);
}

static void moving_statistics_are_an_effect(void **state)
{
    (void)state;
    Node *inputs[5] = {variable("x", shape_of(2, (int64_t[]){4, 3}))};
    for (int i = 1; i < 5; i++)
        inputs[i] = variable(arena_format(arena, "p%d", i), vector(3));
    Attributes still = {.batchnorm = {1e-5, 0.1, true, false}},
               moving = {.batchnorm = {1e-5, 0.1, true, true}};
    graph_node(graph, OP_BATCHNORM, 5, inputs, &still);
    graph_remove_dead(graph);
    assert_int_equal(graph->nodes.count, 0);
    for (int i = 0; i < 5; i++)
        inputs[i] = graph_variable(graph, inputs[i]->variable);
    graph_node(graph, OP_BATCHNORM, 5, inputs, &moving);
    graph_remove_dead(graph);
    assert_int_equal(graph->nodes.count, 6);
}

/* ---- the verifier ---- */

static void break_order(Node *x, Node *y)
{
    graph->nodes.items[0] = y;
    graph->nodes.items[1] = x;
    y->id = 0;
    x->id = 1;
    graph_verify(graph, "test");
}

static void break_stranger(Node *x, Node *y)
{
    Node stranger = *x;
    y->inputs[0] = &stranger;
    graph_verify(graph, "test");
}

static void break_shape(Node *x, Node *y)
{
    (void)x;
    y->shape = vector(4);
    graph_verify(graph, "test");
}

static void break_number(Node *x, Node *y)
{
    (void)x;
    y->id = 7;
    graph_verify(graph, "test");
}

static void break_update(Node *x, Node *y)
{
    graph_update(graph, x->variable, y);
    graph_update(graph, x->variable, y);
    graph_verify(graph, "test");
}

static void break_result(Node *x, Node *y)
{
    static Node stranger;
    (void)x;
    (void)y;
    graph_result(graph, "stranger", &stranger);
    graph_verify(graph, "test");
}

static void break_type(Node *x, Node *y)
{
    (void)y;
    x->dtype = HP_I64;
    graph_verify(graph, "test");
}

static void break_nothing(Node *x, Node *y)
{
    graph_update(graph, x->variable, y);
    graph_verify(graph, "test");
}

/* Whether `harm` ends in an internal error: tried in a process of its own. */
static bool aborts(void (*harm)(Node *x, Node *y))
{
    Node *x = variable("x", vector(3));
    Node *y = graph_unary(graph, OP_EXP, x);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        fclose(stderr);
        harm(x, y);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void every_broken_invariant_is_found(void **state)
{
    (void)state;
    void (*harms[])(Node *, Node *) = {break_order,  break_stranger, break_shape, break_number,
                                       break_update, break_result,   break_type};
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++)
        assert_true(aborts(harms[i]));
    assert_false(aborts(break_nothing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(variables_are_found_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(builders_share_and_repeat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replacing_changes_every_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sorting_is_stable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(uses_name_each_user_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moving_statistics_are_an_effect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_broken_invariant_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
