/* What the functions of a program compute: gradients, parts of a batch, update rules, schedules. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

enum { SIZE = 6, PIXELS = 3 * SIZE * SIZE, BATCH = 4 };

static const char NETWORK[] = "use \"losses.hpanet\"\nuse \"optimizers.hpanet\"\nuse \"schedules.hpanet\"\n"
                              "network {\n  a = softplus(conv(image, 4, 3))\n"
                              "  logits = linear(global_average_pool(a), classes(labels)) as head\n}\n"
                              "loss = focal(logits, labels)\nvalidate = bce(logits, labels)\n";

static Program *load(Arena *arena, const char *recipe)
{
    return load_text(arena, with_data(arena, SIZE, arena_format(arena, "%s%s", NETWORK, recipe)));
}

static double *variable(Interpreter *interpreter, const Program *program, const char *name)
{
    const Variable *found = variables_find(program->variables, name);
    if (!found)
        fail_msg("there is no variable '%s'", name);
    return interpreter_variable(interpreter, found);
}

static void near(const char *what, double found, double wanted, double tolerance)
{
    if (!(fabs(found - wanted) <= tolerance * fmax(1e-3, fabs(wanted))))
        fail_msg("%s is %.17g, not %.17g", what, found, wanted);
}

/* Rows first .. first + part of one fixed batch. */
static void feed(Interpreter *interpreter, const Program *program, int first, double *image)
{
    double *labels = variable(interpreter, program, "labels");
    for (int64_t row = 0; row < program->part; row++) {
        for (int i = 0; i < PIXELS; i++)
            image[row * PIXELS + i] = noise(50, (uint64_t)((first + row) * PIXELS + i));
        for (int i = 0; i < 4; i++)
            labels[row * 4 + i] = noise(51, (uint64_t)((first + row) * 4 + i)) > 0;
    }
    interpreter_set_image(interpreter, image);
}

/* The gradient of the head's weight over one batch, however many parts it is cut into; the loss of the last
 * part. */
static void batch_gradient(Arena *arena, const char *recipe, double gradient[16])
{
    Program *program = load(arena, recipe);
    FunctionList functions = functions_build(program);
    Graph *train = find_function(&functions, "train_all");
    graph_verify(train, "functions_build");
    Interpreter *interpreter = interpreter_new(arena, program->variables);
    fill_all(interpreter, program);
    double image[BATCH * PIXELS];
    double *found = variable(interpreter, program, "gradient:head.weight");
    for (int i = 0; i < 16; i++)
        found[i] = 1e6; /* what the last batch left behind */
    for (int first = 0; first < BATCH; first += (int)program->part) {
        feed(interpreter, program, first, image);
        *variable(interpreter, program, "accumulate") = first > 0;
        interpreter_run(interpreter, train);
    }
    memcpy(gradient, found, 16 * sizeof *gradient);
    interpreter_free(interpreter);
}

static void parts_of_a_batch_add_up(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    double whole[16], halves[16], single[16];
    batch_gradient(arena, "optimizer = adam()\nlr = 0.1\nepochs 1\nbatch 4\n", whole);
    batch_gradient(arena, "optimizer = adam()\nlr = 0.1\nepochs 1\nbatch 4 in parts of 2\n", halves);
    batch_gradient(arena, "optimizer = adam()\nlr = 0.1\nepochs 1\nbatch 4 in parts of 1\n", single);
    for (int i = 0; i < 16; i++) {
        near("a half", halves[i], whole[i], 1e-12);
        near("a single row", single[i], whole[i], 1e-12);
    }
    arena_free(arena);
}

/* Central differences of the loss in every weight of the network. */
static void training_descends_the_loss(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Program *program = load(arena, "optimizer = adam()\nlr = 0.1\nepochs 1\nbatch 4\n");
    FunctionList functions = functions_build(program);
    Graph *train = find_function(&functions, "train_all");
    Interpreter *interpreter = interpreter_new(arena, program->variables);
    fill_all(interpreter, program);
    double image[BATCH * PIXELS];
    feed(interpreter, program, 0, image);
    const Node *loss = find_result(train, "loss");
    for (size_t i = 0; i < program->variables->list.count; i++) {
        const Variable *parameter = program->variables->list.items[i];
        if (parameter->kind != HP_PARAMETER)
            continue;
        double *weight = interpreter_variable(interpreter, parameter), step = 1e-5;
        for (int64_t j = 0; j < shape_count(parameter->shape); j += 7) {
            double old = weight[j], high, low;
            weight[j] = old + step;
            interpreter_run(interpreter, train);
            high = interpreter_value(interpreter, loss)[0];
            weight[j] = old - step;
            interpreter_run(interpreter, train);
            low = interpreter_value(interpreter, loss)[0];
            weight[j] = old;
            interpreter_run(interpreter, train);
            near(parameter->name,
                 variable(interpreter, program, arena_format(arena, "gradient:%s", parameter->name))[j],
                 (high - low) / (2 * step), 1e-5);
        }
    }
    interpreter_free(interpreter);
    arena_free(arena);
}

/* ---------------------------------------------------------------- update rules */

typedef struct Reference { /* one weight */
    double weight, m, v;
} Reference;

static void adam(Reference *r, double g, double lr, double decay, int step)
{
    (void)decay;
    r->m = 0.9 * r->m + 0.1 * g;
    r->v = 0.999 * r->v + 0.001 * g * g;
    r->weight -= lr / (1 - pow(0.9, step)) * r->m / (sqrt(r->v) / sqrt(1 - pow(0.999, step)) + 1e-8);
}

static void adamw(Reference *r, double g, double lr, double decay, int step)
{
    r->weight *= 1 - lr * decay;
    adam(r, g, lr, decay, step);
}

static void sgd(Reference *r, double g, double lr, double decay, int step)
{
    (void)step;
    r->m = 0.9 * r->m + g + decay * r->weight;
    r->weight -= lr * r->m;
}

static void nesterov(Reference *r, double g, double lr, double decay, int step)
{
    (void)step;
    g += decay * r->weight;
    r->m = 0.9 * r->m + g;
    r->weight -= lr * (g + 0.9 * r->m);
}

/* PyTorch's formulas, three updates, a weight that decays and a bias that does not. */
static void check_rule(const char *recipe, double decay,
                       void (*rule)(Reference *, double, double, double, int))
{
    Arena *arena = arena_new();
    Program *program =
        load(arena, arena_format(arena, "optimizer = %s\nlr = 0.1\nepochs 1\nbatch 4\n", recipe));
    FunctionList functions = functions_build(program);
    Graph *update = find_function(&functions, "update_all");
    graph_verify(update, "functions_build");
    Interpreter *interpreter = interpreter_new(arena, program->variables);
    fill_all(interpreter, program);
    double *weight = variable(interpreter, program, "head.weight"),
           *bias = variable(interpreter, program, "head.bias");
    Reference of_weight = {.weight = weight[5]}, of_bias = {.weight = bias[3]};
    *variable(interpreter, program, "lr.all") = 0.03;
    for (int step = 1; step <= 3; step++) {
        double g = noise(60, (uint64_t)step), h = noise(61, (uint64_t)step);
        variable(interpreter, program, "gradient:head.weight")[5] = g;
        variable(interpreter, program, "gradient:head.bias")[3] = h;
        *variable(interpreter, program, "step.all") = step;
        interpreter_run(interpreter, update);
        rule(&of_weight, g, 0.03, decay, step);
        rule(&of_bias, h, 0.03, 0, step);
        near(recipe, weight[5], of_weight.weight, 1e-12);
        near(recipe, bias[3], of_bias.weight, 1e-12);
    }
    interpreter_free(interpreter);
    arena_free(arena);
}

static void update_rules_follow_pytorch(void **state)
{
    (void)state;
    check_rule("adam()", 0, adam);
    check_rule("adamw()\ndecay 0.2 except bias", 0.2, adamw);
    check_rule("sgd()\ndecay 0.2 except head.bias", 0.2, sgd);
    check_rule("sgd(nesterov = true)\ndecay 0.2 except bias", 0.2, nesterov);
}

/* The weight of one update by gradients that are all `gradient`, of the program as it is or with a scaled
 * loss. */
static double clipped(const char *clip, double gradient, bool scaled)
{
    Arena *arena = arena_new();
    const char *text = with_data(
        arena, SIZE,
        arena_format(arena, "%soptimizer = sgd()\nlr = 0.1\nepochs 1\nbatch 4\n%s\n", NETWORK, clip));
    Program *program = scaled ? load_scaled_text(arena, text) : load_text(arena, text);
    FunctionList functions = functions_build(program);
    Interpreter *interpreter = interpreter_new(arena, program->variables);
    fill_all(interpreter, program);
    double *weight = variable(interpreter, program, "head.weight"), before = weight[5];
    *variable(interpreter, program, "lr.all") = 1;
    *variable(interpreter, program, "step.all") = 1;
    for (size_t i = 0; i < program->variables->list.count; i++) {
        const Variable *kept = program->variables->list.items[i];
        for (int64_t j = 0; kept->kind == HP_GRADIENT && j < shape_count(kept->shape); j++)
            interpreter_variable(interpreter, kept)[j] = gradient * (scaled ? 65536 : 1);
    }
    interpreter_run(interpreter, find_function(&functions, "update_all"));
    double moved = before - weight[5];
    interpreter_free(interpreter);
    arena_free(arena);
    return moved;
}

/* torch.nn.utils.clip_grad_norm_ over the convolution's 4 x 3 x 3 x 3 + 4 and the head's 4 x 4 + 4 numbers.
 */
static void large_gradients_are_clipped(void **state)
{
    (void)state;
    const double count = 4 * 27 + 4 + 20, norm = 0.5 * sqrt(count);
    for (int scaled = 0; scaled < 2; scaled++) {
        near("a gradient", clipped("", 0.5, scaled), 0.5, 1e-12);
        near("one that is clipped", clipped("clip 2", 0.5, scaled), 0.5 * 2 / (norm + 1e-6), 1e-12);
        near("one that is not", clipped("clip 6", 0.5, scaled), 0.5, 1e-12);
        near("none", clipped("clip 6", 0, scaled), 0, 1e-12);
    }
}

/* ---------------------------------------------------------------- scaled gradients */

/* One step of a program; returns the head's weights, and its gradient. */
static double *run_step(Interpreter *interpreter, const Program *program, const FunctionList *functions,
                        double gradient[16])
{
    double image[BATCH * PIXELS];
    *variable(interpreter, program, "lr.all") = 0.03;
    *variable(interpreter, program, "step.all") = 1;
    for (int first = 0; first < BATCH; first += (int)program->part) {
        feed(interpreter, program, first, image);
        *variable(interpreter, program, "accumulate") = first > 0;
        interpreter_run(interpreter, find_function(functions, "train_all"));
    }
    memcpy(gradient, variable(interpreter, program, "gradient:head.weight"), 16 * sizeof *gradient);
    interpreter_run(interpreter, find_function(functions, "update_all"));
    return variable(interpreter, program, "head.weight");
}

/* A scale changes the gradients that are kept and not the weights; a gradient that is no number changes
 * nothing. */
static void scaled_gradients_give_the_same_update(void **state)
{
    (void)state;
    static const char recipe[] = "optimizer = adam()\nlr = 0.1\nepochs 1\nbatch 4 in parts of 2\n";
    Arena *arena = arena_new();
    Program *plain = load(arena, recipe),
            *scaled =
                load_scaled_text(arena, with_data(arena, SIZE, arena_format(arena, "%s%s", NETWORK, recipe)));
    FunctionList plain_functions = functions_build(plain), functions = functions_build(scaled);
    Interpreter *one = interpreter_new(arena, plain->variables),
                *other = interpreter_new(arena, scaled->variables);
    double gradient[16], large[16], kept[16];
    fill_all(one, plain);
    for (size_t i = 0; i < plain->variables->list.count; i++) {
        const Variable *from = plain->variables->list.items[i];
        memcpy(variable(other, scaled, from->name), interpreter_variable(one, from),
               (size_t)shape_count(from->shape) * sizeof(double));
    }
    const double *weight = run_step(one, plain, &plain_functions, gradient);
    double *same = run_step(other, scaled, &functions, large);
    const Graph *update = find_function(&functions, "update_all");
    near("finite", *interpreter_value(other, find_result(update, "finite")), 1, 0);
    for (int i = 0; i < 16; i++) {
        near("the kept gradient", large[i], 65536 * gradient[i], 1e-12);
        near("the weight", same[i], weight[i], 1e-12);
    }
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    memcpy(kept, same, sizeof kept);
    for (int i = 0; i < 3; i++) {
        variable(other, scaled, "gradient:head.bias")[1] = bad[i];
        interpreter_run(other, update);
        near("finite", *interpreter_value(other, find_result(update, "finite")), 0, 0);
        assert_memory_equal(same, kept, sizeof kept);
    }
    interpreter_free(one);
    interpreter_free(other);
    arena_free(arena);
}

/* ---------------------------------------------------------------- schedules */

static double one_cycle(double t, double total)
{
    double peak = 0.4, start = peak / 25, end = start / 1e4;
    if (t < 0.25 * total)
        return start + (peak - start) * (1 - cos(M_PI * t / (0.25 * total))) / 2;
    return end + (peak - end) * (1 + cos(M_PI * (t - 0.25 * total) / (0.75 * total))) / 2;
}

static double cosine(double t, double total)
{
    return 0.4 * (0.1 + 0.9 * (1 + cos(M_PI * t / total)) / 2);
}

static double step_decay(double t, double total)
{
    return t < total / 3 ? 0.4 : t < 2 * total / 3 ? 0.04 : 0.004;
}

static double warm_up(double t, double total)
{
    return 0.4 * fmin((t + 1) / (0.1 * total + 1), 1);
}

static void check_schedule(const char *call, double (*function)(double, double))
{
    Arena *arena = arena_new();
    Program *program =
        load(arena, arena_format(arena, "optimizer = adam()\nlr = %s\nepochs 1\nbatch 4\n", call));
    FunctionList functions = functions_build(program);
    Graph *schedule = find_function(&functions, "schedule_0");
    Interpreter *interpreter = interpreter_new(arena, program->variables);
    fill_all(interpreter, program);
    assert_true(*variable(interpreter, program, "stage.all.lr") == 0.4);
    *variable(interpreter, program, "schedule.peak") = 0.4;
    *variable(interpreter, program, "schedule.T") = 40;
    for (int t = 0; t < 40; t++) {
        *variable(interpreter, program, "schedule.t") = t;
        interpreter_run(interpreter, schedule);
        near(call, interpreter_value(interpreter, find_result(schedule, "lr"))[0], function(t, 40), 1e-10);
    }
    interpreter_free(interpreter);
    arena_free(arena);
}

static void schedules_follow_their_formulas(void **state)
{
    (void)state;
    check_schedule("one_cycle(0.4, warm = 0.25)", one_cycle);
    check_schedule("cosine(0.4, floor_rate = 0.1)", cosine);
    check_schedule("step_decay(0.4)", step_decay);
    check_schedule("warm_up(peak = 0.4)", warm_up);
}

/* ---------------------------------------------------------------- stages */

static int count_batchnorms(const Graph *graph, bool batch_statistics)
{
    int count = 0;
    for (size_t i = 0; i < graph->nodes.count; i++)
        count += graph->nodes.items[i]->op == OP_BATCHNORM &&
                 graph->nodes.items[i]->attributes.batchnorm.batch_statistics == batch_statistics;
    return count;
}

static void stages_share_functions_and_freeze_statistics(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *text = "use \"losses.hpanet\"\nuse \"optimizers.hpanet\"\n"
                       "network {\n  a = batchnorm(conv(image, 4, 3) as conv) as norm\n"
                       "  logits = linear(global_average_pool(a), classes(labels)) as head\n}\n"
                       "loss = bce(logits, labels)\noptimizer = sgd()\nlr = 0.1\nepochs 1\nbatch 4\n"
                       "stage one { train head }\nstage two { train everything }\nstage three { freeze "
                       "others; train head }\n"
                       "stage four { train head; loss = focal(logits, labels) }\n";
    Program *program = load_text(arena, with_data(arena, SIZE, text));
    FunctionList functions = functions_build(program);
    const HpStage *stages[4];
    for (int i = 0; i < 4; i++)
        stages[i] = &program->stages.items[i]->table;
    assert_int_equal(stages[0]->train, stages[2]->train);
    assert_int_equal(stages[0]->update, stages[3]->update);
    assert_int_not_equal(stages[0]->train, stages[1]->train);
    assert_int_not_equal(stages[0]->train, stages[3]->train);
    assert_int_equal(functions.items[stages[1]->update].kind, HP_FUNCTION_UPDATE);
    assert_int_equal(count_batchnorms(find_function(&functions, "train_one"), false), 1);
    assert_int_equal(count_batchnorms(find_function(&functions, "train_two"), true), 1);
    assert_int_equal(count_batchnorms(find_function(&functions, "evaluate"), false), 1);
    assert_int_equal(find_function(&functions, "train_one")->updates.count, 2);
    find_result(find_function(&functions, "evaluate"), "loss.0");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_batch_add_up),
        cmocka_unit_test(training_descends_the_loss),
        cmocka_unit_test(update_rules_follow_pytorch),
        cmocka_unit_test(large_gradients_are_clipped),
        cmocka_unit_test(scaled_gradients_give_the_same_update),
        cmocka_unit_test(schedules_follow_their_formulas),
        cmocka_unit_test(stages_share_functions_and_freeze_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
