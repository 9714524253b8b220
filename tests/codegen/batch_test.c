/* Batches: calls of one kernel become few launches, and every step still reads what it read before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/target/target.h"
#include "fixture.h"
#include "tests/pass/random_graph.h"

/* ---- memory as numbers: who wrote each byte last, and what that step had read ---- */

typedef struct Memory {
    int64_t bytes;
    uint64_t *values;
} Memory;

typedef struct Plan {
    Schedule *schedule;
    int64_t *offsets;
    int64_t variable_bytes;
} Plan;

static Memory memory_new(const Plan *plan)
{
    Memory memory = {.bytes = plan->variable_bytes + plan->schedule->arena_bytes};
    memory.values = calloc((size_t)memory.bytes + 1, sizeof *memory.values);
    assert_non_null(memory.values);
    for (int64_t i = 0; i < memory.bytes; i++)
        memory.values[i] = (uint64_t)i;
    return memory;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x9e3779b97f4a7c15u + (hash >> 29);
}

static int64_t find_place(const Plan *plan, const Buffer *buffer, int64_t *bytes)
{
    int64_t offset;
    const Buffer *root = buffer_root(buffer, &offset);
    *bytes = root->bytes;
    return buffer_place(root, plan->offsets, plan->variable_bytes);
}

/* What a step makes is named after the step and all that it reads. */
static void run_step(const Plan *plan, Memory *memory, const Step *step)
{
    uint64_t hash = (uint64_t)(uintptr_t)step;
    int64_t bytes;
    if (step->kind == STEP_ALIAS)
        return;
    for (size_t i = 0; i < step->inputs.count; i++) {
        int64_t place = find_place(plan, step->inputs.items[i], &bytes);
        for (int64_t at = place; place >= 0 && at < place + bytes; at++)
            hash = mix(hash, memory->values[at]);
    }
    for (size_t i = 0; i < step->outputs.count + (step->scratchpad != NULL); i++) {
        const Buffer *output = i < step->outputs.count ? step->outputs.items[i] : step->scratchpad;
        int64_t place = find_place(plan, output, &bytes);
        for (int64_t at = place; at < place + bytes; at++)
            memory->values[at] = mix(hash, (uint64_t)(at - place));
    }
}

/* The calls of a batch run in any order. */
static void run_batched(const Plan *plan, Memory *memory, const Step *step, bool backwards)
{
    size_t count = step->batch.count;
    if (count == 0)
        run_step(plan, memory, step);
    for (size_t i = 0; i < count; i++)
        run_step(plan, memory, step->batch.items[backwards ? count - 1 - i : i]);
}

/* ---- schedules ---- */

typedef struct Counts {
    int calls, launches;
} Counts;

static Counts count_kernels(const Schedule *schedule)
{
    Counts counts = {0};
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        if (step->kind != STEP_KERNEL)
            continue;
        counts.calls += step->batch.count ? (int)step->batch.count : 1;
        counts.launches++;
    }
    return counts;
}

static Plan plan_graph(void)
{
    pass_layout(graph);
    Plan plan = {harness_schedule(graph, 0), ARENA_ARRAY(graph->arena, int64_t, graph->variables->list.count),
                 0};
    plan.variable_bytes = pass_plan_variables(graph->variables, plan.offsets);
    return plan;
}

/* Batches the steps and replays both orders. */
static Counts check_batches(const Plan *plan)
{
    Schedule *schedule = plan->schedule;
    Memory before = memory_new(plan);
    KernelSet *set = kernel_set_new(graph->arena);
    for (size_t i = 0; i < schedule->steps.count; i++) {
        run_step(plan, &before, schedule->steps.items[i]);
        if (schedule->steps.items[i]->kind == STEP_KERNEL)
            kernel_set_add(set, schedule->steps.items[i]);
    }
    int calls = count_kernels(schedule).calls;
    kernels_batch(set, schedule, plan->offsets, plan->variable_bytes);
    for (int backwards = 0; backwards < 2; backwards++) {
        Memory after = memory_new(plan);
        for (size_t i = 0; i < schedule->steps.count; i++)
            run_batched(plan, &after, schedule->steps.items[i], backwards);
        assert_memory_equal(before.values, after.values, (size_t)before.bytes * sizeof *before.values);
        free(after.values);
    }
    free(before.values);
    assert_int_equal(count_kernels(schedule).calls, calls);
    return count_kernels(schedule);
}

/* ---- tests ---- */

enum { PARAMETERS = 100 };

static Node *variable(const char *kind, int number, int64_t count)
{
    return fixture_variable(arena_format(graph->arena, "%s%d", kind, number), EXTENTS(count));
}

/* Of four variables, one of which is only read and one only written. */
static void add_update(int number, int64_t count)
{
    Node *weight = variable("weight", number, count), *gradient = variable("gradient", number, count);
    Node *velocity = variable("velocity", number, count);
    Node *next = graph_binary(graph, OP_ADD, velocity, gradient);
    Node *change = graph_binary(graph, OP_MULTIPLY, fixture_scalar("rate", 0.1), next);
    graph_update(graph, velocity->variable, next);
    graph_update(graph, weight->variable, graph_binary(graph, OP_SUBTRACT, weight, change));
    graph_update(graph, variable("change", number, count)->variable, graph_unary(graph, OP_NEGATE, change));
}

/* One kernel's arguments have room for 56 rows of this update. */
static void test_updates_are_few_launches(void **state)
{
    (void)state;
    for (int i = 0; i < PARAMETERS; i++)
        add_update(i, 4 * (1 + i * i));
    Plan plan = plan_graph();
    Counts counts = check_batches(&plan);
    assert_int_equal(counts.calls, PARAMETERS);
    assert_int_equal(counts.launches, 2);
}

/* Gradients of one shape, made shorter by the norm of all of them: a sum of squares each, their norm, an
 * update each, which share nothing but the number. */
static void test_clipping_is_few_launches(void **state)
{
    (void)state;
    Node *squares = graph_constant(graph, 0);
    for (int i = 0; i < PARAMETERS; i++) {
        Node *gradient = variable("gradient", i, 64);
        Node *sum =
            graph_reduce(graph, OP_REDUCE_SUM, graph_binary(graph, OP_MULTIPLY, gradient, gradient), 1);
        squares = graph_binary(graph, OP_ADD, squares, graph_reshape(graph, sum, shape_scalar()));
    }
    Node *length = graph_unary(graph, OP_RSQRT, squares);
    graph_result(graph, "length", length);
    for (int i = 0; i < PARAMETERS; i++) {
        Node *weight = variable("weight", i, 64), *gradient = variable("gradient", i, 64);
        Node *clipped = graph_binary(graph, OP_MULTIPLY, gradient,
                                     graph_binary(graph, OP_MINIMUM, length, graph_constant(graph, 1)));
        graph_update(graph, weight->variable, graph_binary(graph, OP_SUBTRACT, weight, clipped));
    }
    Plan plan = plan_graph();
    Counts counts = check_batches(&plan);
    assert_int_equal(counts.calls, 2 * PARAMETERS); /* the last sum also makes the norm */
    assert_int_equal(counts.launches, 5);
}

/* Variables lie over each other wherever chance puts them, so that calls depend on each other in all ways. */
static void test_calls_stay_behind_what_they_depend_on(void **state)
{
    enum { TRIES = 50, PLACE = 64, MOST_PLACES = 400 };
    int calls = 0, launches = 0;
    srand(1);
    for (int try = 0; try < TRIES; try++) {
        fixture_set_up(state);
        for (int i = 0; i < PARAMETERS; i++)
            add_update(i, 32);
        Plan plan = plan_graph();
        int places = 10 + rand() % (MOST_PLACES - 10);
        for (size_t i = 0; i < graph->variables->list.count; i++)
            plan.offsets[i] = plan.offsets[i] < 0 ? -1 : rand() % places * PLACE;
        Counts counts = check_batches(&plan);
        calls += counts.calls;
        launches += counts.launches;
        fixture_tear_down(state);
    }
    assert_true(launches > 4 * TRIES && launches < calls / 2);
}

/* What a backward pass makes is read at once, so that hardly a call can move. */
static void test_training(void **state)
{
    (void)state;
    Node *x = fixture_input("image", EXTENTS(2, 4, 16, 16));
    x = graph_unary(graph, OP_RELU, fixture_batchnorm("bn1", fixture_conv("conv1", x, 16, 3, 1)));
    for (int i = 0; i < 4; i++)
        x = fixture_block(arena_format(graph->arena, "layer1.%d", i), x, 16, 1);
    fixture_train(fixture_bce(fixture_head(x, 8)));
    Plan plan = plan_graph();
    Counts counts = check_batches(&plan);
    assert_true(counts.launches < counts.calls);
}

/* Whatever the graph is: all its kernels have a text, and batches keep what they read. */
static void test_random_graphs(void **state)
{
    int calls = 0, launches = 0;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        fixture_set_up(state);
        graph = random_graph(graph->arena, RANDOM_TRAIN, seed, 40);
        pass_expand(graph);
        Plan plan = plan_graph();
        Counts counts = check_batches(&plan);
        calls += counts.calls;
        launches += counts.launches;
        fixture_tear_down(state);
    }
    assert_true(launches < calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(test_updates_are_few_launches),
                                       FIXTURE_TEST(test_clipping_is_few_launches),
                                       cmocka_unit_test(test_calls_stay_behind_what_they_depend_on),
                                       FIXTURE_TEST(test_training), cmocka_unit_test(test_random_graphs)};
    target_use(&target_cuda);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
