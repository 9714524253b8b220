/* Kernels against the interpreter: one small graph per kind of kernel, in every format. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <omp.h>
#include <cmocka.h>

#include "compiler/target/target.h"
#include "fixture.h"
#include "runtime/device/format.h"

static Node *reduce(Op op, Node *x, unsigned axes)
{
    return graph_broadcast(graph, graph_reduce(graph, op, x, axes), x->shape);
}

static Node *binary(Op op, Node *a, Node *b)
{
    return graph_binary(graph, op, a, b);
}

static Node *unary(Op op, Node *x)
{
    return graph_unary(graph, op, x);
}

/* ---- rank 0 to 3 ---- */

/* Every elementwise op with a kernel of its own operands. */
static void test_every_elementwise_op(void **state)
{
    (void)state;
    Node *a = fixture_variable("a", EXTENTS(3, 5, 7)), *b = fixture_variable("b", EXTENTS(3, 5, 7));
    Node *positive = binary(OP_ADD, unary(OP_ABS, a), graph_constant(graph, 0.25));
    for (Op op = 0; op < OP_COUNT; op++) {
        if (op_table[op].class != CLASS_ELEMENTWISE)
            continue;
        Node *x = op == OP_LOG || op == OP_SQRT || op == OP_RSQRT || op == OP_POWER ? positive : a, *y;
        switch (op_table[op].input_count) {
        case 1: y = unary(op, x); break;
        case 2: y = binary(op, x, b); break;
        default: y = graph_select(graph, binary(OP_LESS, a, b), a, b);
        }
        graph_result(graph, op_table[op].name, y);
    }
    fixture_check();
}

/* Functions of our own over the whole range that matters, against the interpreter's. */
static void test_functions_far_out(void **state)
{
    (void)state;
    static const Op ops[] = {OP_EXP, OP_TANH, OP_SIGMOID, OP_LOG_SIGMOID, OP_SOFTPLUS};
    static const double scales[] = {1e-4, 3, 80};
    Node *x = fixture_variable("x", EXTENTS(1000));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (int j = 0; j < 3; j++)
            graph_result(graph, arena_format(graph->arena, "%s_%d", op_table[ops[i]].name, j),
                         unary(ops[i], binary(OP_MULTIPLY, x, graph_constant(graph, scales[j]))));
    Node *e = unary(OP_EXP, binary(OP_MULTIPLY, x, graph_constant(graph, 80)));
    graph_result(graph, "log", unary(OP_LOG, e));
    fixture_check();
}

/* Numbers alone: schedules and bias corrections, in double. */
static void test_scalars(void **state)
{
    (void)state;
    Node *t = fixture_scalar("t", 3), *beta = fixture_scalar("beta", 0.999);
    Node *correction = binary(OP_SUBTRACT, graph_constant(graph, 1), binary(OP_POWER, beta, t));
    Node *angle = unary(OP_COS, binary(OP_MULTIPLY, t, graph_constant(graph, 0.1)));
    graph_result(graph, "correction", correction);
    graph_result(graph, "lr", graph_select(graph, binary(OP_LESS, t, graph_constant(graph, 2)), t, angle));
    fixture_check();
}

static void test_softmax_rows(void **state)
{
    (void)state;
    Node *x = fixture_variable("x", EXTENTS(6, 28));
    Node *e = unary(OP_EXP, binary(OP_SUBTRACT, x, reduce(OP_REDUCE_MAX, x, 2)));
    Node *s = reduce(OP_REDUCE_SUM, e, 2);
    graph_result(graph, "softmax", binary(OP_DIVIDE, e, s));
    graph_result(graph, "all", graph_reduce(graph, OP_REDUCE_MEAN, unary(OP_LOG, s), 3));
    graph_result(graph, "columns", graph_reduce(graph, OP_REDUCE_VARIANCE, e, 1));
    fixture_check();
}

/* One axis that is long, odd and reduced: chunks, and a last one that is not full. */
static void test_long_reduction(void **state)
{
    (void)state;
    Node *x = fixture_variable("x", EXTENTS(10007));
    graph_result(graph, "norm", graph_reduce(graph, OP_REDUCE_SUM, binary(OP_MULTIPLY, x, x), 1));
    graph_result(graph, "largest", graph_reduce(graph, OP_REDUCE_MAX, unary(OP_ABS, x), 1));
    fixture_check();
}

static void test_dropout(void **state)
{
    (void)state;
    Node *x = fixture_variable("x", EXTENTS(5, 40)), *draw = fixture_input("draw", EXTENTS(5));
    draw->variable->dtype = draw->dtype = HP_I64;
    Attributes a = {.random = {.path = "dropout", .shape = x->shape}};
    Node *random = graph_node(graph, OP_RANDOM, 1, &draw, &a);
    Node *keep = binary(OP_GREATER_EQUAL, random, graph_constant(graph, 0.5));
    graph_result(graph, "y", binary(OP_MULTIPLY, x, binary(OP_MULTIPLY, keep, graph_constant(graph, 2))));
    graph_result(graph, "random", random);
    fixture_check();
}

/* ---- optimizers ---- */

static void test_adam(void **state)
{
    (void)state;
    Node *p = fixture_variable("p", EXTENTS(28, 20, 3, 3)),
         *g = fixture_variable("gradient:p", EXTENTS(28, 20, 3, 3));
    Node *m = fixture_variable("m:p", EXTENTS(28, 20, 3, 3)),
         *v = fixture_variable("variance:p", EXTENTS(28, 20, 3, 3));
    static const HpFormat formats[] = {HP_FORMAT_PLAIN, HP_FORMAT_OIHW16I16O, HP_FORMAT_OHWI16O,
                                       HP_FORMAT_OIHW16O16I};
    Node *one = graph_constant(graph, 1), *lr = fixture_scalar("lr", 1e-3), *step = fixture_scalar("step", 4);
    Node *beta1 = fixture_scalar("beta1", 0.9), *beta2 = fixture_scalar("beta2", 0.999);
    Node *new_m = binary(OP_ADD, binary(OP_MULTIPLY, beta1, m),
                         binary(OP_MULTIPLY, binary(OP_SUBTRACT, one, beta1), g));
    Node *new_v = binary(OP_ADD, binary(OP_MULTIPLY, beta2, v),
                         binary(OP_MULTIPLY, binary(OP_SUBTRACT, one, beta2), binary(OP_MULTIPLY, g, g)));
    Node *hat_m = binary(OP_DIVIDE, new_m, binary(OP_SUBTRACT, one, binary(OP_POWER, beta1, step)));
    Node *hat_v = binary(OP_DIVIDE, new_v, binary(OP_SUBTRACT, one, binary(OP_POWER, beta2, step)));
    Node *root = binary(OP_ADD, unary(OP_SQRT, hat_v), graph_constant(graph, 1e-8));
    graph_update(graph, m->variable, new_m);
    graph_update(graph, v->variable, new_v);
    graph_update(graph, p->variable,
                 binary(OP_SUBTRACT, p, binary(OP_MULTIPLY, lr, binary(OP_DIVIDE, hat_m, root))));
    Node *const all[] = {p, g, m, v};
    for (int i = 0; i < 4; i++) /* each in another format with padding: slow, but right */
        all[i]->variable->format = target()->launches ? HP_FORMAT_NHWC : formats[i];
    fixture_check();
}

/* A variable's old value is read after its new one is made, and by another variable. */
static void test_updates_that_must_wait(void **state)
{
    (void)state;
    Node *a = fixture_variable("a", EXTENTS(4, 8)), *b = fixture_variable("b", EXTENTS(4, 8));
    Node *transposed = graph_transpose(graph, a, (int[]){1, 0});
    Node *product = graph_matmul(graph, a, transposed, false, false);
    Node *sum = graph_reduce(graph, OP_REDUCE_SUM, product, 3);
    Node *next = binary(OP_MULTIPLY, a, graph_broadcast(graph, sum, a->shape));
    graph_update(graph, a->variable, unary(OP_NEGATE, a));
    graph_update(graph, b->variable, a);
    graph_result(graph, "next", next);
    fixture_check();
}

/* ---- images in every format ---- */

static HpFormat forced;

static void force_format(Graph *g)
{
    for (size_t i = 0; i < g->nodes.count; i++) {
        Node *node = g->nodes.items[i];
        OpClass class = op_table[node->op].class;
        if (node->shape.rank == 4 && shape_count(node->shape) > node->shape.extents[1] &&
            (class == CLASS_ELEMENTWISE || class == CLASS_WINDOW))
            node->format = forced;
        if (node->op == OP_VARIABLE && node->variable->kind == HP_INPUT && node->shape.rank == 4)
            node->format = node->variable->format = forced;
    }
    for (size_t i = 0; i < g->results.count; i++)
        g->results.items[i].node->format = HP_FORMAT_PLAIN;
    for (size_t i = 0; i < g->updates.count; i++)
        g->updates.items[i].node->format = g->updates.items[i].variable->format;
}

/* Builds a graph by `build` and checks it in every format; 20 and 24 channels leave padding. */
static void in_every_format(void (*build)(int64_t channels))
{
    static const HpFormat formats[] = {HP_FORMAT_PLAIN, HP_FORMAT_NHWC, HP_FORMAT_NCHW8C, HP_FORMAT_NCHW16C};
    static const int64_t channels[] = {16, 20, 48};
    for (int f = 0; f < (target()->launches ? 2 : 4); f++) /* kernels that are launched have no blocks */
        for (int c = 0; c < 3; c++) {
            void *state = NULL;
            fixture_tear_down(&state);
            fixture_set_up(&state);
            forced = formats[f];
            build(channels[c]);
            graph->name =
                arena_format(graph->arena, "%s with %d channels", hp_format_name(forced), (int)channels[c]);
            harness_check(
                graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5, .after_layout = force_format});
        }
}

/* Batch statistics, their application, both sums of the backward pass and the gradient. */
static void build_batchnorm(int64_t channels)
{
    Node *x = fixture_input("x", EXTENTS(3, channels, 5, 7));
    Node *scaled = binary(OP_MULTIPLY, x, fixture_variable("scale", EXTENTS(3, channels, 5, 7)));
    Node *y = unary(OP_RELU, fixture_batchnorm("bn", scaled));
    fixture_train(fixture_bce(y));
}

static void test_batchnorm(void **state)
{
    (void)state;
    in_every_format(build_batchnorm);
}

static Op pool_op;
static bool pool_counts_padding;
static int64_t pool_kernel, pool_stride, pool_pad;

/* An expression is pooled, so the taps compute it; the gradient goes through another one. */
static void build_pool(int64_t channels)
{
    Node *x = fixture_input("x", EXTENTS(2, channels, 9, 11));
    Node *bias = fixture_variable("bias", EXTENTS(1, channels, 1, 1));
    Node *y = unary(OP_TANH, binary(OP_ADD, x, graph_broadcast(graph, bias, x->shape)));
    y = fixture_pool(pool_op, y, pool_kernel, pool_stride, pool_pad, pool_counts_padding);
    fixture_train(fixture_bce(y));
}

static void check_pool(Op op, int64_t kernel, int64_t stride, int64_t pad, bool counts)
{
    pool_op = op;
    pool_kernel = kernel;
    pool_stride = stride;
    pool_pad = pad;
    pool_counts_padding = counts;
    in_every_format(build_pool);
}

static void test_max_pool(void **state)
{
    (void)state;
    check_pool(OP_MAX_POOL, 3, 2, 1, false);
    check_pool(OP_MAX_POOL, 2, 2, 0, false);
}

/* Logarithms of negative numbers: NaN wins, as in PyTorch. */
static void build_max_pool_of_nans(int64_t channels)
{
    Node *logarithms = unary(OP_LOG, fixture_input("x", EXTENTS(2, channels, 9, 11)));
    Node *pooled = fixture_pool(OP_MAX_POOL, logarithms, 3, 2, 1, false);
    graph_result(graph, "largest", pooled);
    graph_result(graph, "tap", graph_node(graph, OP_MAX_POOL_INDEX, 1, &logarithms, &pooled->attributes));
}

static void test_max_pool_of_nans(void **state)
{
    (void)state;
    in_every_format(build_max_pool_of_nans);
}

static void test_average_pool(void **state)
{
    (void)state;
    check_pool(OP_AVERAGE_POOL, 3, 1, 1, false);
    check_pool(OP_AVERAGE_POOL, 3, 2, 1, true);
}

/* Poolings beside each other and behind each other: their gradients meet in one kernel, and do not nest. */
static void build_pools(int64_t channels)
{
    Node *x = fixture_input("x", EXTENTS(2, channels, 9, 11));
    Node *bias = fixture_variable("bias", EXTENTS(1, channels, 1, 1));
    Node *y = unary(OP_TANH, binary(OP_ADD, x, graph_broadcast(graph, bias, x->shape)));
    Node *average = fixture_pool(OP_AVERAGE_POOL, y, 3, 1, 1, false);
    Node *wide = fixture_pool(OP_AVERAGE_POOL, y, 5, 1, 2, false);
    Node *largest = fixture_pool(OP_MAX_POOL, binary(OP_ADD, average, y), 3, 1, 1, false);
    Node *sum = binary(OP_ADD, unary(OP_EXP, wide), binary(OP_MULTIPLY, largest, average));
    fixture_train(fixture_bce(fixture_pool(OP_AVERAGE_POOL, sum, 3, 2, 1, true)));
}

static void test_pools_together(void **state)
{
    (void)state;
    in_every_format(build_pools);
}

/* Reductions of every set of axes that networks use, of one expression. */
static void build_reductions(int64_t channels)
{
    static const unsigned axes[] = {1 | 4 | 8, 4 | 8, 2, 1, 15, 2 | 4 | 8, 8};
    Node *x = fixture_input("x", EXTENTS(3, channels, 4, 6));
    Node *y = binary(OP_SUBTRACT, unary(OP_EXP, x), graph_constant(graph, 0.5));
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
        for (Op op = OP_REDUCE_SUM; op <= OP_REDUCE_VARIANCE; op++)
            graph_result(graph, arena_format(graph->arena, "%s_%u", op_table[op].name, axes[i]),
                         graph_reduce(graph, op, y, axes[i]));
}

static void test_reductions(void **state)
{
    (void)state;
    in_every_format(build_reductions);
}

/* ---- movement ---- */

static void test_movement(void **state)
{
    (void)state;
    Node *x = fixture_variable("x", EXTENTS(2, 16, 6, 6));
    Attributes a = {.pad = {{0, 0, 1, 2}, {0, 0, 2, 0}, -1}};
    Node *padded = graph_node(graph, OP_PAD, 1, &x, &a);
    a = (Attributes){.slice = {{0, 4, 1, 0}, {2, 8, 3, 4}, {1, 1, 2, 2}}};
    Node *sliced = graph_node(graph, OP_SLICE, 1, &padded, &a);
    Node *parts[3] = {sliced, unary(OP_NEGATE, sliced), unary(OP_ABS, sliced)};
    Node *joined = graph_node(graph, OP_CONCAT, 3, parts, &(Attributes){.concat = 1});
    Node *larger = graph_node(graph, OP_UPSAMPLE, 1, &joined, &(Attributes){.upsample = {2, 3}});
    graph_result(graph, "larger", larger);
    graph_result(graph, "turned", graph_transpose(graph, unary(OP_SIGMOID, joined), (int[]){3, 1, 0, 2}));
    graph_result(graph, "flat", graph_reshape(graph, unary(OP_TANH, x), shape_of(2, (int64_t[]){2, 576})));
    fixture_check();
}

/* ---- products and their epilogues ---- */

static Node *add_bias(Node *y, const char *name)
{
    Node *bias = fixture_variable(name, EXTENTS(y->shape.extents[1]));
    bias = graph_reshape(graph, bias, shape_of(4, (int64_t[]){1, y->shape.extents[1], 1, 1}));
    return binary(OP_ADD, y, graph_broadcast(graph, bias, y->shape));
}

static void test_inference_epilogues(void **state)
{
    (void)state;
    Node *x = fixture_input("x", EXTENTS(2, 4, 16, 16));
    x = unary(OP_RELU, add_bias(fixture_conv("conv1", x, 32, 3, 1), "b1"));
    Node *y = unary(OP_RELU, add_bias(fixture_conv("conv2", x, 32, 3, 1), "b2"));
    y = add_bias(fixture_conv("conv3", y, 32, 3, 1), "b3");
    y = unary(OP_RELU, binary(OP_ADD, y, x));
    Node *again = unary(OP_RELU, binary(OP_ADD, add_bias(fixture_conv("conv4", y, 32, 1, 1), "b4"), y));
    graph_result(graph, "logits", fixture_head(again, 28));
    Harness *harness = harness_new(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5});
    harness_check_steps(harness);
    harness_check_run(harness);
    if (!target()->launches) /* the global average: all else is in the products */
        assert_int_equal(harness_kernel_steps(harness), 1);
    harness_free(harness);
}

/* ---- bits ---- */

/* Every result and update after a run with so many threads. */
static char *run_with_threads(Harness *harness, int threads, size_t *bytes)
{
    omp_set_num_threads(threads);
    harness_check_run(harness);
    *bytes = (size_t)harness->variable_bytes;
    char *copy = arena_alloc(harness->arena, *bytes);
    memcpy(copy, harness->memory, *bytes);
    return copy;
}

static void test_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    int most = omp_get_max_threads();
    Node *x = fixture_input("x", EXTENTS(4, 32, 24, 24));
    Node *scaled = binary(OP_MULTIPLY, x, fixture_variable("scale", EXTENTS(4, 32, 24, 24)));
    Node *y = unary(OP_RELU, fixture_batchnorm("bn", scaled));
    fixture_train(fixture_bce(fixture_pool(OP_MAX_POOL, y, 3, 2, 1, false)));
    Harness *harness = harness_new(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5});
    size_t bytes;
    const char *one = run_with_threads(harness, 1, &bytes), *three = run_with_threads(harness, 3, &bytes);
    assert_memory_equal(one, three, bytes);
    harness_free(harness);
    omp_set_num_threads(most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_every_elementwise_op),
        FIXTURE_TEST(test_functions_far_out),
        FIXTURE_TEST(test_scalars),
        FIXTURE_TEST(test_softmax_rows),
        FIXTURE_TEST(test_long_reduction),
        FIXTURE_TEST(test_dropout),
        FIXTURE_TEST(test_adam),
        FIXTURE_TEST(test_updates_that_must_wait),
        FIXTURE_TEST(test_batchnorm),
        FIXTURE_TEST(test_max_pool),
        FIXTURE_TEST(test_max_pool_of_nans),
        FIXTURE_TEST(test_average_pool),
        FIXTURE_TEST(test_pools_together),
        FIXTURE_TEST(test_reductions),
        FIXTURE_TEST(test_movement),
        FIXTURE_TEST(test_inference_epilogues),
        FIXTURE_TEST(test_bits_do_not_depend_on_threads),
    };
    harness_choose_target();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
