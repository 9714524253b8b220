/* The oracle itself: against definitions written out once more, identities, and published numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compiler/graph/graph.h"
#include "runtime/base/base.h"

static Arena *arena;
static Graph *graph;
static Interpreter *interpreter;
static uint32_t random_state;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    graph = graph_new(arena, variables_new(arena), "test");
    interpreter = interpreter_new(arena, graph->variables);
    random_state = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    interpreter_free(interpreter);
    arena_free(arena);
    return 0;
}

#define S(...) shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static double uniform(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (double)(random_state >> 8) * 0x1p-23 - 1;
}

/* A variable of random numbers. */
static Node *input(const char *name, Shape shape)
{
    Variable *variable = variables_add(graph->variables, name, HP_INPUT, shape);
    double *values = interpreter_variable(interpreter, variable);
    for (int64_t i = 0; i < shape_count(shape); i++)
        values[i] = uniform();
    return graph_variable(graph, variable);
}

static const double *run(const Node *node)
{
    interpreter_run(interpreter, graph);
    return interpreter_value(interpreter, node);
}

static double dot(const Node *a, const Node *b)
{
    const double *x = interpreter_value(interpreter, a), *y = interpreter_value(interpreter, b);
    double sum = 0;
    for (int64_t i = 0; i < shape_count(a->shape); i++)
        sum += x[i] * y[i];
    return sum;
}

static const Convolution convolutions[] = {{{1, 1}, {0, 0}, {0, 0}, {1, 1}, 1, {0}},
                                           {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {0}},
                                           {{2, 2}, {1, 2}, {1, 0}, {1, 1}, 2, {0}},
                                           {{1, 3}, {2, 0}, {1, 3}, {2, 1}, 4, {0}},
                                           {{3, 1}, {0, 1}, {0, 1}, {1, 2}, 1, {0}}};

/* One output element by the definition. */
static double convolution_at(const Node *x, const Node *w, const Convolution *c, int64_t n, int64_t o,
                             int64_t row, int64_t column)
{
    const double *image = interpreter_value(interpreter, x), *weight = interpreter_value(interpreter, w);
    const int64_t *xe = x->shape.extents, *we = w->shape.extents;
    int64_t first = o / (we[0] / c->groups) * we[1];
    double sum = 0;
    for (int64_t i = 0; i < we[1]; i++)
        for (int64_t ky = 0; ky < we[2]; ky++)
            for (int64_t kx = 0; kx < we[3]; kx++) {
                int64_t y = row * c->stride[0] - c->pad_before[0] + ky * c->dilation[0];
                int64_t z = column * c->stride[1] - c->pad_before[1] + kx * c->dilation[1];
                if (y >= 0 && y < xe[2] && z >= 0 && z < xe[3])
                    sum += image[((n * xe[1] + first + i) * xe[2] + y) * xe[3] + z] *
                           weight[((o * we[1] + i) * we[2] + ky) * we[3] + kx];
            }
    return sum;
}

static void convolutions_follow_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof convolutions / sizeof convolutions[0]; i++) {
        const Convolution *c = &convolutions[i];
        Node *x = input(arena_format(arena, "x%zu", i), S(2, 4, 7, 6));
        Node *w = input(arena_format(arena, "w%zu", i), S(8, 4 / c->groups, 3, 2));
        Node *y = graph_convolution(graph, OP_CONVOLUTION, x, w, c);
        const double *values = run(y);
        const int64_t *e = y->shape.extents;
        for (int64_t at = 0; at < shape_count(y->shape); at++) {
            double expected = convolution_at(x, w, c, at / (e[1] * e[2] * e[3]), at / (e[2] * e[3]) % e[1],
                                             at / e[3] % e[2], at % e[3]);
            assert_true(fabs(values[at] - expected) < 1e-13);
        }
    }
}

/* <conv(x, w), g> = <x, gradient of x> = <w, gradient of w> */
static void convolution_gradients_are_adjoint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof convolutions / sizeof convolutions[0]; i++) {
        Convolution c = convolutions[i];
        Node *x = input(arena_format(arena, "x%zu", i), S(2, 4, 7, 6));
        Node *w = input(arena_format(arena, "w%zu", i), S(8, 4 / c.groups, 3, 2));
        Node *y = graph_convolution(graph, OP_CONVOLUTION, x, w, &c);
        Node *g = input(arena_format(arena, "g%zu", i), y->shape);
        c.missing[0] = 7, c.missing[1] = 6;
        Node *dx = graph_convolution(graph, OP_CONVOLUTION_GRADIENT_INPUT, g, w, &c);
        c.missing[0] = 3, c.missing[1] = 2;
        Node *dw = graph_convolution(graph, OP_CONVOLUTION_GRADIENT_WEIGHT, x, g, &c);
        interpreter_run(interpreter, graph);
        assert_true(fabs(dot(y, g) - dot(x, dx)) < 1e-12);
        assert_true(fabs(dot(y, g) - dot(w, dw)) < 1e-12);
    }
}

/* Sizes that do not fit the blocks of the product's loops. */
static void products_follow_the_definition(void **state)
{
    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        bool ta = turn & 1, tb = turn & 2;
        Node *a = input(arena_format(arena, "a%d", turn), ta ? S(2, 131, 5) : S(2, 5, 131));
        Node *b = input(arena_format(arena, "b%d", turn), tb ? S(2, 7, 131) : S(2, 131, 7));
        Node *c = graph_matmul(graph, a, b, ta, tb);
        const double *product = run(c);
        const double *left = interpreter_value(interpreter, a), *right = interpreter_value(interpreter, b);
        for (int64_t at = 0; at < 2 * 5 * 7; at++) {
            int64_t n = at / 35, i = at / 7 % 5, j = at % 7;
            double sum = 0;
            for (int64_t k = 0; k < 131; k++)
                sum += left[n * 655 + (ta ? k * 5 + i : i * 131 + k)] *
                       right[n * 917 + (tb ? j * 131 + k : k * 7 + j)];
            assert_true(fabs(product[at] - sum) < 1e-12);
        }
    }
}

static void pools_know_their_padding(void **state)
{
    (void)state;
    Variable *variable = variables_add(graph->variables, "x", HP_INPUT, S(1, 1, 3, 3));
    double *x = interpreter_variable(interpreter, variable);
    for (int i = 0; i < 9; i++)
        x[i] = i < 8 ? -1 - i : 5; /* -1 -2 -3 / -4 -5 -6 / -7 -8 5 */
    Node *node = graph_variable(graph, variable);
    Window window = {{2, 2}, {2, 2}, {1, 1}, {0, 0}, true, {0}};
    Node *largest = graph_window(graph, OP_MAX_POOL, &node, 1, &window);
    Node *tap = graph_window(graph, OP_MAX_POOL_INDEX, &node, 1, &window);
    Node *whole = graph_window(graph, OP_AVERAGE_POOL, &node, 1, &window);
    window.count_padding = false;
    Node *inside = graph_window(graph, OP_AVERAGE_POOL, &node, 1, &window);
    interpreter_run(interpreter, graph);
    const double expected[4][4] = {
        {-1, -2, -4, 5}, {3, 2, 1, 3}, {-0.25, -1.25, -2.75, -3.5}, {-1, -2.5, -5.5, -3.5}};
    const Node *nodes[4] = {largest, tap, whole, inside};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            assert_true(interpreter_value(interpreter, nodes[i])[j] == expected[i][j]);
}

static void equal_pixels_choose_the_first(void **state)
{
    (void)state;
    Variable *variable = variables_add(graph->variables, "x", HP_INPUT, S(1, 1, 2, 2));
    double *x = interpreter_variable(interpreter, variable);
    x[0] = 1, x[1] = 3, x[2] = 3, x[3] = 3;
    Node *node = graph_variable(graph, variable);
    Window window = {{2, 2}, {1, 1}, {0, 0}, {0, 0}, false, {0}};
    assert_true(*run(graph_window(graph, OP_MAX_POOL_INDEX, &node, 1, &window)) == 1);
}

static Node *batchnorm(bool batch, bool update)
{
    Variable *x = variables_add(graph->variables, "x", HP_INPUT, S(2, 1, 1, 2));
    double *values = interpreter_variable(interpreter, x);
    values[0] = 1, values[1] = 2, values[2] = 3,
    values[3] = 6; /* mean 3, biased variance 3.5, unbiased 14/3 */
    static const char *const names[4] = {"gamma", "beta", "mean", "variance"};
    static const double numbers[4] = {2, 10, 1, 4};
    Node *inputs[5] = {graph_variable(graph, x)};
    for (int i = 0; i < 4; i++) {
        Variable *variable =
            variables_add(graph->variables, names[i], i < 2 ? HP_PARAMETER : HP_STATISTIC, S(1));
        *interpreter_variable(interpreter, variable) = numbers[i];
        inputs[i + 1] = graph_variable(graph, variable);
    }
    Attributes attributes = {.batchnorm = {0.5, 0.25, batch, update}};
    return graph_node(graph, OP_BATCHNORM, 5, inputs, &attributes);
}

static double variable_now(const char *name)
{
    return *interpreter_variable(interpreter, variables_find(graph->variables, name));
}

static void batch_statistics_normalise_and_move(void **state)
{
    (void)state;
    const double *y = run(batchnorm(true, true));
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[i] - (((double[]){1, 2, 3, 6}[i] - 3) * 2 / sqrt(3.5 + 0.5) + 10)) < 1e-14);
    assert_true(fabs(variable_now("mean") - (0.75 * 1 + 0.25 * 3)) < 1e-14);
    assert_true(fabs(variable_now("variance") - (0.75 * 4 + 0.25 * 14 / 3)) < 1e-14);
}

static void running_statistics_normalise_and_rest(void **state)
{
    (void)state;
    const double *y = run(batchnorm(false, false));
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[i] - (((double[]){1, 2, 3, 6}[i] - 1) * 2 / sqrt(4 + 0.5) + 10)) < 1e-14);
    assert_true(variable_now("mean") == 1 && variable_now("variance") == 4);
}

/* The counter-based generator, against the vectors that come with it (Random123, kat_vectors). */
static void philox_is_philox(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, low, high;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x85a308d3243f6a88,
         0x0370734413198a2e,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        hp_philox(known[i].key, known[i].low, known[i].high, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
    assert_int_equal(hp_random_path(""), 0x811c9dc5); /* FNV-1a's own vectors */
    assert_int_equal(hp_random_path("foobar"), 0xbf9cf968);
}

/* A row's numbers are its draw's, wherever the row stands and whatever stands beside it. */
static void random_rows_depend_on_their_draw(void **state)
{
    (void)state;
    Variable *draw = variables_add(graph->variables, "draw", HP_INPUT, S(3));
    draw->dtype = HP_I64;
    double *draws = interpreter_variable(interpreter, draw);
    draws[0] = 7, draws[1] = 123456789, draws[2] = 7;
    Node *node = graph_variable(graph, draw);
    Node *random =
        graph_node(graph, OP_RANDOM, 1, &node, &(Attributes){.random = {"head.dropout", S(3, 2, 2)}});
    Node *other = graph_node(graph, OP_RANDOM, 1, &node, &(Attributes){.random = {"head", S(3, 2, 2)}});
    interpreter_set_seed(interpreter, 99);
    const double *values = run(random);
    for (int i = 0; i < 12; i++)
        assert_true(values[i] == hp_random_uniform(99, hp_random_path("head.dropout"), (int64_t)draws[i / 4],
                                                   (uint32_t)(i % 4)));
    assert_true(values[0] == values[8] && values[0] != values[4]);
    assert_true(values[0] != interpreter_value(interpreter, other)[0]);
}

static void updates_happen_at_the_end(void **state)
{
    (void)state;
    Node *a = input("a", S(2)), *b = input("b", S(2));
    double first = interpreter_variable(interpreter, a->variable)[1];
    double second = interpreter_variable(interpreter, b->variable)[1];
    graph_update(graph, a->variable, b);
    graph_update(graph, b->variable, a);
    interpreter_run(interpreter, graph);
    assert_true(interpreter_variable(interpreter, a->variable)[1] == second);
    assert_true(interpreter_variable(interpreter, b->variable)[1] == first);
    assert_true(interpreter_value(interpreter, a)[1] == first);
}

static void scalars_start_at_their_default(void **state)
{
    (void)state;
    Variable *gamma = variables_add(graph->variables, "loss.gamma", HP_SCALAR, shape_scalar());
    gamma->value = 2;
    assert_true(*run(graph_variable(graph, gamma)) == 2);
    *interpreter_variable(interpreter, gamma) = 3;
    assert_true(*run(graph_variable(graph, gamma)) == 3);
}

static void the_image_is_the_callers(void **state)
{
    (void)state;
    const double pixels[] = {1, 2, 3, 4};
    Node *image = graph_node(graph, OP_IMAGE, 0, NULL, &(Attributes){.image = {1, 1, 2, 2, true}});
    interpreter_set_image(interpreter, pixels);
    assert_memory_equal(run(image), pixels, sizeof pixels);
}

static void extreme_values_stay_finite(void **state)
{
    (void)state;
    Variable *variable = variables_add(graph->variables, "x", HP_INPUT, S(2));
    double *x = interpreter_variable(interpreter, variable);
    x[0] = -1000, x[1] = 1000;
    Node *node = graph_variable(graph, variable);
    Node *log_sigmoid = graph_unary(graph, OP_LOG_SIGMOID, node),
         *softplus = graph_unary(graph, OP_SOFTPLUS, node);
    Node *sigmoid = graph_unary(graph, OP_SIGMOID, node);
    interpreter_run(interpreter, graph);
    assert_true(interpreter_value(interpreter, log_sigmoid)[0] == -1000);
    assert_true(interpreter_value(interpreter, log_sigmoid)[1] == 0);
    assert_true(interpreter_value(interpreter, softplus)[0] == 0);
    assert_true(interpreter_value(interpreter, softplus)[1] == 1000);
    assert_true(interpreter_value(interpreter, sigmoid)[0] == 0 &&
                interpreter_value(interpreter, sigmoid)[1] == 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(convolutions_follow_the_definition),
        TEST(convolution_gradients_are_adjoint),
        TEST(products_follow_the_definition),
        TEST(pools_know_their_padding),
        TEST(equal_pixels_choose_the_first),
        TEST(batch_statistics_normalise_and_move),
        TEST(running_statistics_normalise_and_rest),
        TEST(philox_is_philox),
        TEST(random_rows_depend_on_their_draw),
        TEST(updates_happen_at_the_end),
        TEST(scalars_start_at_their_default),
        TEST(the_image_is_the_callers),
        TEST(extreme_values_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
