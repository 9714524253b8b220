/* Every gradient rule against central differences in double, through the interpreter. The loss of a case is
 * the sum of the op's output times fixed weights. Inputs are distinct numbers on a shuffled grid, so that
 * none lies on a kink. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compiler/grad/autodiff.h"

enum { MAX_INPUTS = 5, MAX_CHECKED = 40 /* elements of one input that are moved */ };
static const double STEP = 1e-5, TOLERANCE = 1e-5;

typedef struct Case {
    Op op;
    int count;
    Shape shapes[MAX_INPUTS];
    double low, high; /* of the inputs; both 0: -1.6 to 1.7 */
    Attributes attributes;
    Shape target; /* BROADCAST, RESHAPE */
} Case;

/* The cases are a table, laid out by hand. */
/* clang-format off */
#define S0 {0}
#define S1(a) {1, {a}}
#define S2(a, b) {2, {a, b}}
#define S3(a, b, c) {3, {a, b, c}}
#define S4(a, b, c, d) {4, {a, b, c, d}}
#define S6(a, b, c, d, e, f) {6, {a, b, c, d, e, f}}
#define CASE(NAME, inputs, ...) {.op = OP_##NAME, .count = inputs, .shapes = {__VA_ARGS__},
#define FROM(from, to) .low = from, .high = to,
#define WITH .attributes
#define END }
#define UNARY(NAME) CASE(NAME, 1, S2(3, 4)) END, CASE(NAME, 1, S0) FROM(-1.3, -0.2) END
#define POSITIVE(NAME) CASE(NAME, 1, S2(3, 4)) FROM(0.3, 4) END
#define BINARY(NAME) CASE(NAME, 2, S2(3, 4), S2(3, 4)) END
#define REDUCTION(NAME) \
    CASE(NAME, 1, S3(2, 3, 4)) WITH.axes = 1 END, CASE(NAME, 1, S3(2, 3, 4)) WITH.axes = 6 END, \
    CASE(NAME, 1, S4(2, 3, 2, 2)) WITH.axes = 13 END
#define BATCHNORM(shape, batch) \
    CASE(BATCHNORM, 5, shape, S1(3), S1(3), S1(3), S1(3)) FROM(0.3, 2.1) \
        WITH.batchnorm = {1e-5, 0.1, batch, false} END

static const Case cases[] = {
    UNARY(NEGATE), UNARY(EXP), POSITIVE(LOG), POSITIVE(SQRT), POSITIVE(RSQRT), UNARY(ABS), UNARY(SIGN),
    UNARY(FLOOR), UNARY(COS), UNARY(SIN), UNARY(TANH), UNARY(ERF), UNARY(RELU), UNARY(SIGMOID),
    UNARY(LOG_SIGMOID), CASE(LOG_SIGMOID, 1, S1(6)) FROM(-40, 45) END,
    UNARY(CONVERT), UNARY(SOFTPLUS), CASE(SOFTPLUS, 1, S1(6)) FROM(-40, 45) END,
    BINARY(ADD), BINARY(SUBTRACT), BINARY(MULTIPLY),
    CASE(DIVIDE, 2, S2(3, 4), S2(3, 4)) FROM(0.4, 3) END,
    CASE(POWER, 2, S2(3, 4), S2(3, 4)) FROM(0.4, 3) END,
    BINARY(MAXIMUM), BINARY(MINIMUM), BINARY(EQUAL), BINARY(NOT_EQUAL), BINARY(LESS), BINARY(LESS_EQUAL),
    BINARY(GREATER), BINARY(GREATER_EQUAL), BINARY(AND), BINARY(OR),
    CASE(SELECT, 3, S2(3, 4), S2(3, 4), S2(3, 4)) END,
    REDUCTION(REDUCE_SUM), REDUCTION(REDUCE_MEAN), REDUCTION(REDUCE_MAX), REDUCTION(REDUCE_VARIANCE),
    CASE(BROADCAST, 1, S0) .target = S2(3, 4) END,
    CASE(BROADCAST, 1, S4(1, 3, 1, 1)) .target = S4(2, 3, 4, 2) END,
    CASE(BROADCAST, 1, S3(2, 1, 3)) .target = S3(2, 4, 3) END,
    CASE(RESHAPE, 1, S3(2, 3, 4)) .target = S2(6, 4) END,
    CASE(RESHAPE, 1, S1(1)) .target = S0 END,
    CASE(TRANSPOSE, 1, S4(2, 3, 4, 5)) WITH.permutation = {2, 0, 3, 1} END,
    CASE(SLICE, 1, S3(4, 7, 5)) WITH.slice = {{1, 0, 2}, {2, 7, 1}, {1, 1, 1}} END,
    CASE(SLICE, 1, S3(4, 7, 6)) WITH.slice = {{0, 1, 1}, {2, 2, 2}, {2, 3, 4}} END,
    CASE(SLICE, 1, S6(2, 1, 2, 1, 5, 3))
        WITH.slice = {{0, 0, 1, 0, 0, 1}, {1, 1, 1, 1, 3, 1}, {1, 1, 1, 1, 2, 5}} END,
    CASE(PAD, 1, S3(2, 3, 2)) WITH.pad = {{0, 1, 2}, {1, 0, 3}, 0.5} END,
    CASE(CONCAT, 3, S3(2, 3, 2), S3(2, 1, 2), S3(2, 4, 2)) WITH.concat = 1 END,
    CASE(CONCAT, 2, S2(2, 3), S2(4, 3)) WITH.concat = 0 END,
    CASE(UPSAMPLE, 1, S4(2, 2, 3, 2)) WITH.upsample = {2, 3} END,
    CASE(MAX_POOL, 1, S4(2, 3, 6, 7)) WITH.window = {{3, 3}, {2, 2}, {1, 1}, {1, 1}, false, {0}} END,
    CASE(MAX_POOL, 1, S4(1, 2, 5, 6)) WITH.window = {{2, 3}, {1, 2}, {0, 1}, {1, 0}, false, {0}} END,
    CASE(AVERAGE_POOL, 1, S4(2, 3, 6, 7)) WITH.window = {{3, 3}, {2, 2}, {1, 1}, {1, 1}, true, {0}} END,
    CASE(AVERAGE_POOL, 1, S4(2, 3, 6, 7)) WITH.window = {{3, 2}, {2, 1}, {1, 1}, {1, 0}, false, {0}} END,
    CASE(CONVOLUTION, 2, S4(2, 3, 6, 5), S4(4, 3, 3, 3))
        WITH.convolution = {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {0}} END,
    CASE(CONVOLUTION, 2, S4(2, 4, 8, 7), S4(6, 4, 7, 3))
        WITH.convolution = {{2, 2}, {3, 1}, {3, 1}, {1, 1}, 1, {0}} END,
    CASE(CONVOLUTION, 2, S4(2, 4, 7, 8), S4(6, 2, 3, 2))
        WITH.convolution = {{2, 1}, {0, 1}, {2, 0}, {1, 2}, 2, {0}} END,
    CASE(CONVOLUTION, 2, S4(2, 3, 5, 5), S4(3, 1, 3, 3))
        WITH.convolution = {{1, 1}, {2, 2}, {2, 2}, {2, 2}, 3, {0}} END,
    CASE(CONVOLUTION, 2, S4(2, 5, 4, 4), S4(3, 5, 1, 1))
        WITH.convolution = {{2, 2}, {0, 0}, {0, 0}, {1, 1}, 1, {0}} END,
    CASE(MATMUL, 2, S2(3, 4), S2(4, 5)) END,
    CASE(MATMUL, 2, S2(4, 3), S2(4, 5)) WITH.matmul = {true, false} END,
    CASE(MATMUL, 2, S2(3, 4), S2(5, 4)) WITH.matmul = {false, true} END,
    CASE(MATMUL, 2, S3(2, 4, 3), S3(2, 5, 4)) WITH.matmul = {true, true} END,
    BATCHNORM(S4(4, 3, 3, 2), true), BATCHNORM(S4(4, 3, 3, 2), false), BATCHNORM(S2(7, 3), true),
    BATCHNORM(S3(5, 3, 2), true), BATCHNORM(S2(7, 3), false)};
/* clang-format on */

enum { CASE_COUNT = sizeof cases / sizeof cases[0] };

/* Ops that no network holds when autodiff runs, or that nothing trained reaches. Those that undo another op
 * (the gradient ops) are under test wherever that op's gradient is. */
static bool has_no_gradient(Op op)
{
    switch (op) {
    case OP_VARIABLE:
    case OP_CONSTANT:
    case OP_IMAGE:
    case OP_RANDOM:
    case OP_REORDER:
    case OP_AFTER:
    case OP_MAX_POOL_INDEX:
    case OP_MAX_POOL_GRADIENT:
    case OP_AVERAGE_POOL_GRADIENT:
    case OP_CONVOLUTION_GRADIENT_INPUT:
    case OP_CONVOLUTION_GRADIENT_WEIGHT: return true;
    default: return false;
    }
}

static void every_op_has_a_case(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        bool found = has_no_gradient((Op)op);
        for (int i = 0; i < CASE_COUNT; i++)
            found |= cases[i].op == (Op)op;
        if (!found)
            fail_msg("op %s has no gradient test", op_table[op].name);
    }
}

/* ---- one case ---- */

typedef struct Trial {
    Graph *graph;
    Interpreter *interpreter;
    int count;
    Variable *variables[MAX_INPUTS + 1];
    Node *inputs[MAX_INPUTS], *gradients[MAX_INPUTS];
    Node *loss;
} Trial;

static uint32_t random_state = 12345;

static uint32_t next_random(void)
{
    return random_state = random_state * 1664525u + 1013904223u;
}

/* Distinct numbers over all inputs: a shuffled grid. */
static void fill(const Case *test, Trial *trial)
{
    int64_t total = 0, at = 0;
    double low = test->low, high = test->high;
    if (low == 0 && high == 0)
        low = -1.6, high = 1.7;
    double *place[1000];
    for (int i = 0; i < trial->count; i++) {
        double *memory = interpreter_variable(trial->interpreter, trial->variables[i]);
        for (int64_t j = 0; j < shape_count(trial->variables[i]->shape); j++, total++) {
            assert_true(total < 1000);
            place[total] = &memory[j];
        }
    }
    for (int64_t i = total - 1; i > 0; i--) {
        int64_t other = (int64_t)((next_random() >> 8) % (uint32_t)(i + 1));
        double *swap = place[i];
        place[i] = place[other];
        place[other] = swap;
    }
    for (; at < total; at++)
        *place[at] = low + (high - low) * ((double)at + 0.5) / (double)total;
}

static Node *output_of(const Case *test, Trial *trial)
{
    if (test->op == OP_BROADCAST)
        return graph_broadcast(trial->graph, trial->inputs[0], test->target);
    if (test->op == OP_RESHAPE)
        return graph_reshape(trial->graph, trial->inputs[0], test->target);
    return graph_node(trial->graph, test->op, test->count, trial->inputs, &test->attributes);
}

static void build(Arena *arena, const Case *test, Trial *trial)
{
    Variables *variables = variables_new(arena);
    trial->graph = graph_new(arena, variables, "test");
    trial->count = test->count;
    for (int i = 0; i < test->count; i++) {
        trial->variables[i] =
            variables_add(variables, arena_format(arena, "x%d", i), HP_PARAMETER, test->shapes[i]);
        trial->inputs[i] = graph_variable(trial->graph, trial->variables[i]);
    }
    Node *output = output_of(test, trial);
    Variable *weights = variables_add(variables, "weights", HP_INPUT, output->shape);
    Node *product = graph_binary(trial->graph, OP_MULTIPLY, output, graph_variable(trial->graph, weights));
    Node *sum = graph_reduce(trial->graph, OP_REDUCE_SUM, product, (1u << output->shape.rank) - 1);
    trial->loss = graph_reshape(trial->graph, sum, shape_scalar());
    /* running statistics are not differentiated */
    int wrt = test->op == OP_BATCHNORM ? 3 : test->count;
    graph_result(trial->graph, "loss", trial->loss);
    autodiff(trial->graph, trial->loss, NULL, wrt, trial->inputs, trial->gradients);
    for (int i = 0; i < wrt; i++)
        graph_result(trial->graph, arena_format(arena, "d%d", i), trial->gradients[i]);
    graph_verify(trial->graph, "autodiff");
    trial->interpreter = interpreter_new(arena, variables);
    fill(test, trial);
    double *weight = interpreter_variable(trial->interpreter, weights);
    for (int64_t i = 0; i < shape_count(output->shape); i++)
        weight[i] = (double)(next_random() >> 8) / (1 << 24) + 0.25;
    trial->count = wrt;
}

static double loss_at(Trial *trial, double *place, double value)
{
    double kept = *place;
    *place = value;
    interpreter_run(trial->interpreter, trial->graph);
    *place = kept;
    return *interpreter_value(trial->interpreter, trial->loss);
}

/* max|a - r| / max|r| of one input's gradient. */
static double gradient_error(Trial *trial, int input)
{
    int64_t count = shape_count(trial->inputs[input]->shape);
    int64_t stride = count / MAX_CHECKED + 1;
    double *memory = interpreter_variable(trial->interpreter, trial->variables[input]);
    double analytic[MAX_CHECKED], worst = 0, largest = 0;
    interpreter_run(trial->interpreter, trial->graph);
    for (int64_t i = 0; i * stride < count; i++)
        analytic[i] = interpreter_value(trial->interpreter, trial->gradients[input])[i * stride];
    for (int64_t i = 0; i * stride < count; i++) {
        double *place = &memory[i * stride], x = *place;
        double slope = (loss_at(trial, place, x + STEP) - loss_at(trial, place, x - STEP)) / (2 * STEP);
        worst = fmax(worst, fabs(slope - analytic[i]));
        largest = fmax(largest, fabs(slope));
    }
    return largest < 1e-9 ? worst : worst / largest;
}

static void rules_agree_with_differences(void **state)
{
    (void)state;
    for (int i = 0; i < CASE_COUNT; i++) {
        Arena *arena = arena_new();
        Trial trial = {0};
        build(arena, &cases[i], &trial);
        for (int input = 0; input < trial.count; input++) {
            double error = gradient_error(&trial, input);
            if (!(error <= TOLERANCE))
                fail_msg("case %d, %s, input %d: error %g", i, op_table[cases[i].op].name, input, error);
        }
        interpreter_free(trial.interpreter);
        arena_free(arena);
    }
}

/* ---- the walk ---- */

/* loss = sum(x * x + x) used twice, by way of a seed of 3; y does not matter. */
static void gradients_add_up(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Variables *variables = variables_new(arena);
    Graph *graph = graph_new(arena, variables, "test");
    Variable *variable = variables_add(variables, "x", HP_PARAMETER, shape_of(1, (int64_t[]){2}));
    Node *x = graph_variable(graph, variable);
    Node *y = graph_variable(graph, variables_add(variables, "y", HP_PARAMETER, shape_of(1, (int64_t[]){3})));
    Node *sum = graph_binary(graph, OP_ADD, graph_binary(graph, OP_MULTIPLY, x, x), x);
    Node *loss = graph_reshape(graph, graph_reduce(graph, OP_REDUCE_SUM, sum, 1), shape_scalar());
    Node *gradients[2];
    size_t before = graph->nodes.count;
    autodiff(graph, loss, graph_constant(graph, 3), 2, (Node *[]){x, y}, gradients);
    graph_verify(graph, "autodiff");
    assert_true(graph->nodes.count > before);
    graph_result(graph, "dx", gradients[0]);
    Interpreter *interpreter = interpreter_new(arena, variables);
    double *values = interpreter_variable(interpreter, variable);
    values[0] = 2, values[1] = -5;
    interpreter_run(interpreter, graph);
    assert_true(interpreter_value(interpreter, gradients[0])[0] == 3 * (2 * 2 + 1));
    assert_true(interpreter_value(interpreter, gradients[0])[1] == 3 * (2 * -5 + 1));
    assert_int_equal(gradients[1]->shape.extents[0], 3);
    for (int i = 0; i < 3; i++)
        assert_true(interpreter_value(interpreter, gradients[1])[i] == 0);
    interpreter_free(interpreter);
    arena_free(arena);
}

/* The gradient of x ^ 2 at 0 and of 0 ^ y is a number. */
static void powers_of_zero_have_gradients(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Variables *variables = variables_new(arena);
    Graph *graph = graph_new(arena, variables, "test");
    Node *x = graph_variable(graph, variables_add(variables, "x", HP_PARAMETER, shape_scalar()));
    Node *y = graph_variable(graph, variables_add(variables, "y", HP_PARAMETER, shape_scalar()));
    Node *gradients[2];
    autodiff(graph, graph_binary(graph, OP_POWER, x, y), NULL, 2, (Node *[]){x, y}, gradients);
    Interpreter *interpreter = interpreter_new(arena, variables);
    for (int exponent = 0; exponent < 3; exponent++) {
        *interpreter_variable(interpreter, y->variable) = exponent;
        interpreter_run(interpreter, graph);
        assert_true(*interpreter_value(interpreter, gradients[0]) == (exponent == 1));
        assert_true(*interpreter_value(interpreter, gradients[1]) == 0);
    }
    interpreter_free(interpreter);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_has_a_case),
        cmocka_unit_test(rules_agree_with_differences),
        cmocka_unit_test(gradients_add_up),
        cmocka_unit_test(powers_of_zero_have_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
