/* Built-in functions and shipped losses, run by the interpreter, against their formulas written out here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

enum { ROWS = 2, PLANES = 3, SIZE = 4, AREA = SIZE * SIZE, COUNT = ROWS * PLANES * AREA, CLASSES = 4 };

typedef struct Run {
    Arena *arena;
    Program *program;
    Graph *graph;
    Interpreter *interpreter;
    Shape shape;
    const double *value;
    double image[COUNT];
} Run;

static const char TAIL[] = "loss = bce(logits, labels)\noptimizer = adam()\nlr = 1e-3\nepochs 1\nbatch 2\n";

/* The value `y` of a network that says `y = EXPRESSION`; images lie in [-3, 3). */
static Run run_expression(const char *expression)
{
    Arena *arena = arena_new();
    const char *text = arena_format(arena,
                                    "use \"losses.hpanet\"\nuse \"optimizers.hpanet\"\n"
                                    "network {\n  y = %s\n"
                                    "  logits = linear(flatten(image), classes(labels)) + 0 * mean(y)\n}\n%s",
                                    expression, TAIL);
    Run run = {.arena = arena, .program = load_text(arena, with_data(arena, SIZE, text))};
    run.graph = graph_new(arena, run.program->variables, "test");
    struct Scope *scope = elaborate_network(run.program, run.graph, ROWS, NETWORK_INFER, NULL);
    Node *y = scope_value(scope, "y");
    assert_non_null(y);
    run.shape = y->shape;
    graph_verify(run.graph, "elaborate_network");
    run.interpreter = interpreter_new(arena, run.program->variables);
    fill_all(run.interpreter, run.program);
    for (int i = 0; i < COUNT; i++)
        run.image[i] = 3 * noise(99, (uint64_t)i);
    interpreter_set_image(run.interpreter, run.image);
    interpreter_run(run.interpreter, run.graph);
    run.value = interpreter_value(run.interpreter, y);
    return run;
}

static void run_free(Run *run)
{
    interpreter_free(run->interpreter);
    arena_free(run->arena);
}

static void expect_near(const char *what, int64_t index, double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-12 * fmax(1, fabs(wanted))))
        fail_msg("%s: element %lld is %.17g, not %.17g", what, (long long)index, found, wanted);
}

static double at(const Run *run, int64_t row, int64_t plane, int64_t y, int64_t x)
{
    return run->image[((row * PLANES + plane) * SIZE + y) * SIZE + x];
}

/* ---------------------------------------------------------------- element by element */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2));
}

static double leaky(double x)
{
    return x > 0 ? x : 0.2 * x;
}

static double relu6_of_four_times(double x)
{
    return fmin(fmax(4 * x, 0), 6);
}

static double hard_sigmoid(double x)
{
    return x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5;
}

static double hard_swish(double x)
{
    return x * hard_sigmoid(x);
}

static double log_sigmoid(double x)
{
    return log(sigmoid(x));
}

static double softplus(double x)
{
    return log(1 + exp(x));
}

static double twice_if_positive(double x)
{
    return x > 0 ? 2 * x : 7;
}

static double polynomial(double x)
{
    return -x * x + 2 * x / 4 - 1;
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

static double sign(double x)
{
    return (x > 0) - (x < 0);
}

static double both_bounds(double x)
{
    return x > -1 && !(x > 1);
}

static void functions_of_one_element(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        double (*function)(double);
    } rows[] = {
        {"relu(image)", relu},
        {"silu(image)", silu},
        {"gelu(image)", gelu},
        {"leaky_relu(image, slope = 0.2)", leaky},
        {"relu6(4 * image)", relu6_of_four_times},
        {"hard_sigmoid(image)", hard_sigmoid},
        {"hard_swish(image)", hard_swish},
        {"sigmoid(image)", sigmoid},
        {"log_sigmoid(image)", log_sigmoid},
        {"softplus(image)", softplus},
        {"tanh(image)", tanh},
        {"exp(image)", exp},
        {"cos(image)", cos},
        {"sin(image)", sin},
        {"erf(image)", erf},
        {"abs(image)", fabs},
        {"floor(image)", floor},
        {"sign(image)", sign},
        {"select(image > 0, 2 * image, 7)", twice_if_positive},
        {"-image ^ 2 + 2 * image / 4 - 1", polynomial},
        {"image > -1 and not (image > 1)", both_bounds},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Run run = run_expression(rows[i].expression);
        for (int j = 0; j < COUNT; j++)
            expect_near(rows[i].expression, j, run.value[j], rows[i].function(run.image[j]));
        run_free(&run);
    }
}

static void vectors_meet_axis_one(void **state)
{
    (void)state;
    Run run = run_expression("image * [1, 10, 100] + [0.5, 0, -0.5]");
    static const double factor[] = {1, 10, 100}, term[] = {0.5, 0, -0.5};
    for (int i = 0; i < COUNT; i++)
        expect_near("vector", i, run.value[i], run.image[i] * factor[i / AREA % 3] + term[i / AREA % 3]);
    run_free(&run);
}

/* ---------------------------------------------------------------- along axes */

static void softmax_along_an_axis(void **state)
{
    (void)state;
    Run soft = run_expression("softmax(image)"), logs = run_expression("log_softmax(image, axis = -3)");
    for (int row = 0; row < ROWS; row++)
        for (int pixel = 0; pixel < AREA; pixel++) {
            double sum = 0;
            for (int plane = 0; plane < PLANES; plane++)
                sum += exp(soft.image[(row * PLANES + plane) * AREA + pixel]);
            for (int plane = 0; plane < PLANES; plane++) {
                int i = (row * PLANES + plane) * AREA + pixel;
                expect_near("softmax", i, soft.value[i], exp(soft.image[i]) / sum);
                expect_near("log_softmax", i, logs.value[i], log(exp(soft.image[i]) / sum));
            }
        }
    run_free(&soft);
    run_free(&logs);
}

static void reductions(void **state)
{
    (void)state;
    Run mean = run_expression("mean(image, axes = [2, 3])"),
        variance = run_expression("variance(image, axes = [2, 3])");
    Run least = run_expression("min(image, axes = [-1, -2])"),
        norm = run_expression("norm(image, axes = [2, 3])");
    Run all = run_expression("broadcast(sum(image), like = image)");
    double total = 0;
    for (int i = 0; i < ROWS * PLANES; i++) {
        double sum = 0, squares = 0, low = INFINITY;
        for (int j = 0; j < AREA; j++) {
            double x = mean.image[i * AREA + j];
            sum += x;
            squares += x * x;
            low = fmin(low, x);
        }
        total += sum;
        expect_near("mean", i, mean.value[i], sum / AREA);
        expect_near("variance", i, variance.value[i], squares / AREA - sum / AREA * sum / AREA);
        expect_near("min", i, least.value[i], low);
        expect_near("norm", i, norm.value[i], sqrt(squares));
    }
    expect_near("sum", 0, all.value[COUNT - 1], total);
    assert_int_equal(mean.shape.rank, 4);
    run_free(&mean);
    run_free(&variance);
    run_free(&least);
    run_free(&norm);
    run_free(&all);
}

/* Layer and group norm start as the identity on what they standardised. */
static void check_standardised(const char *expression, int (*group)(int))
{
    Run run = run_expression(expression);
    double *weight =
        interpreter_variable(run.interpreter, variables_find(run.program->variables, "y.weight"));
    double *bias = interpreter_variable(run.interpreter, variables_find(run.program->variables, "y.bias"));
    int64_t width = shape_count(variables_find(run.program->variables, "y.weight")->shape);
    double sum[COUNT] = {0}, squares[COUNT] = {0}, count[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        sum[group(i)] += run.image[i];
        squares[group(i)] += run.image[i] * run.image[i];
        count[group(i)]++;
    }
    for (int i = 0; i < COUNT; i++) {
        int g = group(i);
        double mean = sum[g] / count[g], variance = squares[g] / count[g] - mean * mean;
        int channel = width == SIZE ? i % SIZE : i / AREA % PLANES;
        double wanted = (run.image[i] - mean) / sqrt(variance + 1e-5) * weight[channel] + bias[channel];
        if (fabs(run.value[i] - wanted) > 1e-9)
            fail_msg("%s: element %d is %g, not %g", expression, i, run.value[i], wanted);
    }
    run_free(&run);
}

static int last_axis(int i)
{
    return i / SIZE;
}

static int axis_one(int i)
{
    return i / (PLANES * AREA) * AREA + i % AREA;
}

static int one_group(int i)
{
    return i / (PLANES * AREA);
}

static int group_of_each_plane(int i)
{
    return i / AREA;
}

static void normalising_layers(void **state)
{
    (void)state;
    check_standardised("layernorm(image)", last_axis);
    check_standardised("layernorm(image, axis = 1)", axis_one);
    check_standardised("groupnorm(image, 1)", one_group);
    check_standardised("groupnorm(image, 3)", group_of_each_plane);
}

/* ---------------------------------------------------------------- windows and movement */

/* PyTorch: window i of n covers floor(i size / n) to ceil((i + 1) size / n). */
static void adaptive_pooling_of_uneven_windows(void **state)
{
    (void)state;
    Run run = run_expression("adaptive_average_pool(image, [3, 2])");
    assert_int_equal(shape_count(run.shape), ROWS * PLANES * 6);
    static const int low[2][3] = {{0, 1, 2}, {0, 2, 0}}, high[2][3] = {{2, 3, 4}, {2, 4, 0}};
    for (int i = 0; i < ROWS * PLANES * 6; i++) {
        int y = i / 2 % 3, x = i % 2, plane = i / 6;
        double sum = 0;
        for (int a = low[0][y]; a < high[0][y]; a++)
            for (int b = low[1][x]; b < high[1][x]; b++)
                sum += at(&run, plane / PLANES, plane % PLANES, a, b);
        expect_near("adaptive", i, run.value[i], sum / 4);
    }
    run_free(&run);
}

/* PyTorch's average_pool2d with ceil_mode: the divisor counts the padding that was asked for, never what
 * rounding up adds. */
static double average_window(const Run *run, int64_t i, int64_t pad, int64_t stride, int64_t out,
                             bool padding)
{
    int64_t top = i / out % out * stride - pad, left = i % out * stride - pad, plane = i / (out * out);
    double sum = 0;
    int count = 0;
    for (int64_t y = top; y < top + 3; y++)
        for (int64_t x = left; x < left + 3; x++) {
            bool inside = y >= 0 && y < SIZE && x >= 0 && x < SIZE;
            sum += inside ? at(run, plane / PLANES, plane % PLANES, y, x) : 0;
            count += inside || (padding && y < SIZE + pad && x < SIZE + pad);
        }
    return sum / count;
}

static void average_pooling_rounds_up_on_demand(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        int64_t pad, stride, out;
        bool padding;
    } cases[] = {
        {"average_pool(image, 3, stride = 2)", 0, 2, 1, true},
        {"average_pool(image, 3, stride = 2, ceil = true)", 0, 2, 2, true},
        {"average_pool(image, 3, stride = 2, pad = 1, ceil = true)", 1, 2, 3, true},
        {"average_pool(image, 3, stride = 2, pad = 1, ceil = true, count_padding = false)", 1, 2, 3, false},
        {"average_pool(image, 3, stride = 3, pad = 1, ceil = true)", 1, 3, 2, true},
        {"average_pool(image, 3, stride = 1, pad = 1, ceil = true)", 1, 1, 4, true},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        Run run = run_expression(cases[c].expression);
        int64_t out = cases[c].out;
        assert_true(run.shape.extents[2] == out && run.shape.extents[3] == out);
        for (int64_t i = 0; i < ROWS * PLANES * out * out; i++)
            expect_near(cases[c].expression, i, run.value[i],
                        average_window(&run, i, cases[c].pad, cases[c].stride, out, cases[c].padding));
        run_free(&run);
    }
}

static void max_pooling_rounds_up_on_demand(void **state)
{
    (void)state;
    Run down = run_expression("max_pool(image, 3, stride = 2)"),
        up = run_expression("max_pool(image, 3, stride = 2, ceil = true)");
    assert_int_equal(down.shape.extents[2], 1);
    assert_int_equal(up.shape.extents[2], 2);
    double largest = -INFINITY;
    for (int y = 2; y < 4; y++)
        for (int x = 2; x < 4; x++)
            largest = fmax(largest, at(&up, 0, 0, y, x));
    expect_near("ceil", 3, up.value[3], largest);
    run_free(&down);
    run_free(&up);
}

static void movement(void **state)
{
    (void)state;
    Run run =
        run_expression("concat(slice(image, 2, 1, 2, step = 2), pad(slice(image, -2, 0, 1), [1, 0, 0, 0]))");
    for (int plane = 0; plane < 2 * PLANES; plane++) /* rows 1 and 3, then a row of zeros and row 0 */
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < SIZE; x++) {
                double wanted = plane < PLANES ? at(&run, 1, plane, 1 + 2 * y, x)
                                : y            ? at(&run, 1, plane - PLANES, 0, x)
                                               : 0;
                int i = ((2 * PLANES + plane) * 2 + y) * SIZE + x;
                expect_near("concat", i, run.value[i], wanted);
            }
    run_free(&run);
    run = run_expression("matmul(reshape(image, [-1, 4]), transpose(reshape(image, [12, 4]), [0, 2, 1]))");
    for (int i = 0; i < 12 * 12; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++)
            sum += run.image[i / 12 * 4 + k] * run.image[i % 12 * 4 + k];
        expect_near("matmul", i, run.value[i], sum);
    }
    run_free(&run);
    run = run_expression("upsample(image, [1, 2])");
    for (int i = 0; i < 2 * COUNT; i++)
        expect_near("upsample", i, run.value[i], run.image[i / 2]);
    run_free(&run);
}

static void sizes_are_known_when_compiling(void **state)
{
    (void)state;
    Run run =
        run_expression("reshape(image, [planes(image) * height(image), extent(image, -1) / length([1, 2]), "
                       "if one_of(labels) then 3 else maximum(width(image) / 2, 1)])");
    assert_true(shape_equal(run.shape, shape_of(4, (int64_t[]){2, 12, 2, 2})));
    run_free(&run);
}

static void dropout_is_active_in_training_alone(void **state)
{
    (void)state;
    Run run = run_expression("dropout(image, 0.25)");
    for (int i = 0; i < COUNT; i++)
        expect_near("dropout", i, run.value[i], run.image[i]);
    Graph *graph = graph_new(run.arena, run.program->variables, "train");
    struct Scope *scope = elaborate_network(run.program, graph, ROWS, NETWORK_TRAIN, NULL);
    interpreter_set_image(run.interpreter, run.image);
    interpreter_run(run.interpreter, graph);
    const double *value = interpreter_value(run.interpreter, scope_value(scope, "y"));
    int dropped = 0;
    for (int i = 0; i < COUNT; i++) {
        dropped += value[i] == 0;
        if (value[i] != 0)
            expect_near("dropout", i, value[i], run.image[i] / 0.75);
    }
    assert_in_range(dropped, COUNT / 8, COUNT / 2);
    run_free(&run);
}

/* ---------------------------------------------------------------- losses */

static double bce(double logit, double target)
{
    double p = sigmoid(logit);
    return -(target * log(p) + (1 - target) * log(1 - p));
}

static double focal(double logit, double target)
{
    double p = sigmoid(logit), pt = target * p + (1 - target) * (1 - p),
           alpha = target * 0.3 + (1 - target) * 0.7;
    return -alpha * pow(1 - pt, 1.5) * log(pt);
}

static double weighted(double logit, double target)
{
    double p = sigmoid(logit);
    return -(3 * target * log(p) + (1 - target) * log(1 - p));
}

static double half_and_half(double logit, double target)
{
    return 0.5 * focal(logit, target) + bce(logit, target);
}

static void check_loss(const char *call, double (*function)(double, double))
{
    Arena *arena = arena_new();
    const char *text = arena_format(arena,
                                    "use \"losses.hpanet\"\nuse \"optimizers.hpanet\"\n"
                                    "network { logits = linear(flatten(image), classes(labels)) }\n"
                                    "loss = %s\noptimizer = adam()\nlr = 1e-3\nepochs 1\nbatch 2\n",
                                    call);
    Program *program = load_text(arena, with_data(arena, SIZE, text));
    Graph *graph = graph_new(arena, program->variables, "test");
    struct Scope *scope = elaborate_network(program, graph, ROWS, NETWORK_INFER, NULL);
    const Node *loss = elaborate_loss(program, graph, scope, 0, false),
               *rows = elaborate_loss(program, graph, scope, 0, true);
    assert_int_equal(loss->shape.rank, 0);
    assert_int_equal(rows->shape.rank, 1);
    Interpreter *interpreter = interpreter_new(arena, program->variables);
    fill_all(interpreter, program);
    double image[COUNT], sum = 0;
    for (int i = 0; i < COUNT; i++)
        image[i] = noise(7, (uint64_t)i);
    interpreter_set_image(interpreter, image);
    interpreter_run(interpreter, graph);
    const double *logits = interpreter_value(interpreter, scope_logits(scope));
    const double *labels = interpreter_variable(interpreter, variables_find(program->variables, "labels"));
    for (int row = 0; row < ROWS; row++) {
        double mean = 0;
        for (int i = row * CLASSES; i < (row + 1) * CLASSES; i++)
            mean += function(logits[i], labels[i]) / CLASSES;
        expect_near(call, row, interpreter_value(interpreter, rows)[row], mean);
        sum += mean / ROWS;
    }
    expect_near(call, 0, interpreter_value(interpreter, loss)[0], sum);
    interpreter_free(interpreter);
    arena_free(arena);
}

static void losses_follow_their_formulas(void **state)
{
    (void)state;
    check_loss("bce(logits, labels)", bce);
    check_loss("focal(logits, labels, alpha = 0.3, gamma = 1.5)", focal);
    check_loss("focal(logits, labels, [0.3, 0.3, 0.3, 0.3], 1.5)", focal);
    check_loss("weighted_bce(logits, labels, positive = 3)", weighted);
    check_loss("weighted_bce(logits, labels, positive = [3, 3, 3, 3])", weighted);
    check_loss("0.5 * focal(logits, labels, 0.3, 1.5) + bce(logits, labels)", half_and_half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_one_element),
        cmocka_unit_test(vectors_meet_axis_one),
        cmocka_unit_test(softmax_along_an_axis),
        cmocka_unit_test(reductions),
        cmocka_unit_test(normalising_layers),
        cmocka_unit_test(adaptive_pooling_of_uneven_windows),
        cmocka_unit_test(max_pooling_rounds_up_on_demand),
        cmocka_unit_test(average_pooling_rounds_up_on_demand),
        cmocka_unit_test(movement),
        cmocka_unit_test(sizes_are_known_when_compiling),
        cmocka_unit_test(dropout_is_active_in_training_alone),
        cmocka_unit_test(losses_follow_their_formulas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
