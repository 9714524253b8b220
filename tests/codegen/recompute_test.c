/* Recompute: the same values with less memory. Each network is tried at several sizes of what it may keep. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"
#include "tests/pass/random_graph.h"

/* ---- networks ---- */

static Node *stem(int64_t size)
{
    Node *x = fixture_input("image", EXTENTS(4, 4, size, size));
    x = graph_unary(graph, OP_RELU, fixture_batchnorm("bn1", fixture_conv("conv1", x, 32, 7, 2)));
    return fixture_pool(OP_MAX_POOL, x, 3, 2, 1, false);
}

/* Residual adds, projections, batch norms. */
static Node *residual(void)
{
    Node *x = stem(32);
    x = fixture_block("layer1.0", x, 32, 1);
    x = fixture_block("layer1.1", x, 32, 1);
    x = fixture_block("layer2.0", x, 64, 2);
    x = fixture_block("layer2.1", x, 64, 1);
    return fixture_head(x, 28);
}

/* The same features at every depth: concatenations of concatenations. */
static Node *dense(void)
{
    Node *x = stem(32);
    for (int i = 0; i < 4; i++) {
        const char *name = arena_format(graph->arena, "dense.%d", i);
        Node *y = graph_unary(graph, OP_RELU, fixture_batchnorm(name, x));
        y = fixture_conv(arena_format(graph->arena, "%s.conv1", name), y, 64, 1, 1);
        y = graph_unary(graph, OP_RELU, fixture_batchnorm(arena_format(graph->arena, "%s.bn2", name), y));
        y = fixture_conv(arena_format(graph->arena, "%s.conv2", name), y, 16, 3, 1);
        x = graph_node(graph, OP_CONCAT, 2, (Node *[]){x, y}, &(Attributes){.concat = 1});
    }
    return fixture_head(graph_unary(graph, OP_RELU, fixture_batchnorm("bn", x)), 7);
}

/* Biases and relus that products take over, pools between them, dropout of whole activations. */
static Node *plain(void)
{
    Node *x = fixture_input("image", EXTENTS(4, 4, 24, 24)), *draw = fixture_input("draw", EXTENTS(4));
    draw->variable->dtype = draw->dtype = HP_I64;
    for (int i = 0; i < 6; i++) {
        const char *name = arena_format(graph->arena, "features.%d", i);
        int64_t width = 32 << i / 2;
        x = fixture_conv(name, x, width, 3, 1);
        Node *bias = fixture_variable(arena_format(graph->arena, "%s.bias", name), EXTENTS(1, width, 1, 1));
        x = graph_unary(graph, OP_RELU,
                        graph_binary(graph, OP_ADD, x, graph_broadcast(graph, bias, x->shape)));
        if (i % 2 == 0)
            continue;
        Attributes random = {.random = {.path = name, .shape = x->shape}};
        Node *uniform = graph_node(graph, OP_RANDOM, 1, &draw, &random);
        Node *keep = graph_binary(graph, OP_LESS, uniform, graph_constant(graph, 0.75));
        x = graph_binary(graph, OP_MULTIPLY, x, keep);
        x = fixture_pool(OP_MAX_POOL, x, 2, 2, 0, false);
    }
    return fixture_head(x, 5);
}

/* Squeeze and excitation, costly elementwise functions, average pools. */
static Node *gated(void)
{
    Node *x = stem(32);
    for (int i = 0; i < 3; i++) {
        const char *name = arena_format(graph->arena, "gate.%d", i);
        Node *y =
            fixture_batchnorm(name, fixture_conv(arena_format(graph->arena, "%s.conv", name), x, 32, 3, 1));
        y = graph_binary(graph, OP_MULTIPLY, y, graph_unary(graph, OP_SIGMOID, y));
        Node *pooled = graph_reduce(graph, OP_REDUCE_MEAN, y, 4 | 8);
        pooled = fixture_conv(arena_format(graph->arena, "%s.squeeze", name), pooled, 32, 1, 1);
        Node *gate = graph_unary(graph, OP_SIGMOID, pooled);
        x = graph_binary(graph, OP_ADD, x,
                         graph_binary(graph, OP_MULTIPLY, y, graph_broadcast(graph, gate, y->shape)));
    }
    return fixture_head(fixture_pool(OP_AVERAGE_POOL, x, 2, 2, 0, true), 5);
}

static Node *(*const networks[])(void) = {residual, dense, plain, gated};
enum { NETWORKS = sizeof networks / sizeof *networks };

/* ---- helpers ---- */

static void build(Node *(*network)(void))
{
    fixture_train(fixture_bce(network()));
    pass_layout(graph);
}

static int count_ops(const Graph *of, Op op)
{
    int count = 0;
    for (size_t i = 0; i < of->nodes.count; i++)
        count += of->nodes.items[i]->op == op;
    return count;
}

static Interpreter *run(const Graph *of)
{
    Interpreter *interpreter = interpreter_new(of->arena, of->variables);
    random_fill(interpreter, of->variables, HARNESS_SEED);
    interpreter_set_seed(interpreter, HARNESS_SEED);
    interpreter_run(interpreter, of);
    return interpreter;
}

/* Loss and all variables, to the last bit. */
static void assert_same_values(const Graph *before, const Graph *after)
{
    Interpreter *a = run(before), *b = run(after);
    for (size_t i = 0; i < before->results.count; i++) {
        const Node *node = before->results.items[i].node;
        assert_memory_equal(interpreter_value(a, node), interpreter_value(b, after->results.items[i].node),
                            (size_t)shape_count(node->shape) * sizeof(double));
    }
    for (size_t i = 0; i < before->variables->list.count; i++) {
        const Variable *variable = before->variables->list.items[i];
        assert_memory_equal(interpreter_variable(a, variable), interpreter_variable(b, variable),
                            (size_t)shape_count(variable->shape) * sizeof(double));
    }
    interpreter_free(a);
    interpreter_free(b);
}

/* ---- tests ---- */

static void test_same_values(void **state)
{
    for (int i = 0; i < NETWORKS; i++) {
        fixture_set_up(state);
        build(networks[i]);
        Schedule *schedule = harness_schedule(graph, 0);
        int64_t saved = 0, wanted = schedule->arena_bytes / 16;
        size_t updates = graph->updates.count;
        for (int64_t last = -1; saved != last; wanted *= 2) { /* until no more can be had */
            last = saved;
            Graph *smaller = pass_recompute(schedule, wanted, &saved);
            assert_non_null(smaller);
            graph_verify(smaller, "recompute");
            assert_int_equal(smaller->updates.count, updates);
            assert_true(count_ops(smaller, OP_AFTER) > 0);
            assert_same_values(graph, smaller);
        }
        fixture_tear_down(state);
    }
}

/* Every step and the whole function, compiled, at a third of what can be freed and at all of it. */
/* Nothing normalises the plain network: weights that keep its activations in the range of fp16. */
static void fill_plain(Interpreter *interpreter, const Graph *of)
{
    random_fill(interpreter, of->variables, HARNESS_SEED);
    for (size_t i = 0; i < of->variables->list.count; i++) {
        const Variable *variable = of->variables->list.items[i];
        bool is_weight = variable->kind == HP_PARAMETER || variable->kind == HP_COPY;
        int64_t count = shape_count(variable->shape), outputs = variable->shape.extents[0];
        double *values = interpreter_variable(interpreter, variable);
        for (int64_t j = 0; is_weight && variable->shape.rank == 4 && j < count; j++)
            values[j] *= sqrt(6.0 * (double)outputs / (double)count); /* He et al. 2015 */
    }
}

static void test_generated_code(void **state)
{
    for (int i = 0; i < NETWORKS; i++)
        for (int all = 0; all < 2; all++) {
            fixture_set_up(state);
            fixture_train(fixture_bce(networks[i]()));
            HarnessOptions options = {.optimise = "-O2",
                                      .tolerance = 1e-5,
                                      .wanted = all ? INT64_MAX : 1,
                                      .fill = networks[i] == plain ? fill_plain : NULL};
            harness_check(graph, options);
            fixture_tear_down(state);
        }
}

/* Without the library's scratchpads, which dwarf images of this size. */
static int64_t tensor_bytes(const Schedule *schedule)
{
    int64_t scratchpad = 0;
    for (size_t i = 0; i < schedule->steps.count; i++)
        if (schedule->steps.items[i]->scratchpad && schedule->steps.items[i]->scratchpad->bytes > scratchpad)
            scratchpad = schedule->steps.items[i]->scratchpad->bytes;
    return schedule->arena_bytes - scratchpad;
}

static void test_memory_shrinks(void **state)
{
    for (int i = 0; i < NETWORKS; i++) {
        fixture_set_up(state);
        build(networks[i]);
        int64_t before = tensor_bytes(harness_schedule(graph, 0)),
                after = tensor_bytes(harness_schedule(graph, INT64_MAX));
        print_message("network %d: %lld of %lld bytes\n", i, (long long)after, (long long)before);
        assert_true(after < before * 9 / 10);
        fixture_tear_down(state);
    }
}

/* What is asked for first is what costs least: the cheap choice clones no product, the last one does. */
static void test_cheap_first(void **state)
{
    (void)state;
    build(residual);
    Schedule *schedule = harness_schedule(graph, 0);
    int64_t saved;
    int products = count_ops(graph, OP_CONVOLUTION), relus = count_ops(graph, OP_RELU);
    Graph *cheap = pass_recompute(schedule, 1, &saved);
    assert_int_equal(count_ops(cheap, OP_CONVOLUTION), products);
    assert_true(count_ops(cheap, OP_RELU) > relus);
    Graph *most = pass_recompute(schedule, INT64_MAX, &saved);
    assert_true(count_ops(most, OP_CONVOLUTION) > products);
    assert_true(count_ops(most, OP_CONVOLUTION) < 2 * products);
    assert_int_equal(count_ops(most, OP_REDUCE_VARIANCE), count_ops(graph, OP_REDUCE_VARIANCE));
}

static void test_nothing_to_free(void **state)
{
    (void)state;
    graph_result(graph, "logits", residual());
    pass_expand(graph);
    pass_layout(graph);
    int64_t saved;
    assert_null(pass_recompute(harness_schedule(graph, 0), 1, &saved)); /* no backward pass */
    assert_int_equal(saved, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_values),    cmocka_unit_test(test_generated_code),
        cmocka_unit_test(test_memory_shrinks), FIXTURE_TEST(test_cheap_first),
        FIXTURE_TEST(test_nothing_to_free),
    };
    harness_choose_target();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
