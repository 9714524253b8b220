/* Whole graphs: the gradient of random compositions of smooth ops, for all parameters at once, against
 * central differences along random directions; once as autodiff builds it, once after the passes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compiler/grad/autodiff.h"
#include "compiler/passes/passes.h"
#include "tests/pass/random_graph.h"

static const double STEP = 1e-5, TOLERANCE = 1e-5;
enum { GRAPHS = 80, NODES = 25 };

typedef struct Trial {
    Graph *graph;
    Interpreter *interpreter;
    VariableList parameters;
    Node *loss;
} Trial;

/* The mean of the first result; its gradients are the results that follow. */
static void add_loss(Trial *trial)
{
    Graph *graph = trial->graph;
    Arena *arena = graph->arena;
    const VariableList *list = &graph->variables->list;
    NodeList wrt = {0};
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != HP_PARAMETER)
            continue;
        list_push(arena, &trial->parameters, list->items[i]);
        list_push(arena, &wrt, graph_variable(graph, list->items[i]));
    }
    Node *value = graph->results.items[0].node;
    Node *mean = graph_reduce(graph, OP_REDUCE_MEAN, value, (1u << value->shape.rank) - 1);
    Node *loss = graph_reshape(graph, mean, shape_scalar());
    Node **gradients = ARENA_ARRAY(arena, Node *, wrt.count);
    graph_sort(graph);
    autodiff(graph, loss, NULL, (int)wrt.count, wrt.items, gradients);
    graph->results.count = 0;
    graph->updates.count = 0;
    graph_result(graph, "loss", loss);
    for (size_t i = 0; i < wrt.count; i++)
        graph_result(graph, wrt.items[i]->variable->name, gradients[i]);
}

static double loss_now(const Trial *trial)
{
    interpreter_run(trial->interpreter, trial->graph);
    return *interpreter_value(trial->interpreter, trial->graph->results.items[0].node);
}

static double direction(size_t parameter, int64_t i)
{
    return (double)((parameter * 31 + (size_t)i * 17 + 5) % 23) / 11 - 1;
}

static void move(const Trial *trial, double step)
{
    for (size_t i = 0; i < trial->parameters.count; i++) {
        double *values = interpreter_variable(trial->interpreter, trial->parameters.items[i]);
        for (int64_t j = 0; j < shape_count(trial->parameters.items[i]->shape); j++)
            values[j] += step * direction(i, j);
    }
}

static double slope_of_gradients(const Trial *trial)
{
    double slope = 0;
    loss_now(trial);
    for (size_t i = 0; i < trial->parameters.count; i++) {
        const Node *gradient = trial->graph->results.items[i + 1].node;
        const double *values = interpreter_value(trial->interpreter, gradient);
        for (int64_t j = 0; j < shape_count(gradient->shape); j++)
            slope += values[j] * direction(i, j);
    }
    return slope;
}

static void gradients_agree(void **state)
{
    bool passes = *state != NULL;
    int steep = 0;
    for (uint32_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *arena = arena_new();
        Trial trial = {.graph = random_graph(arena, RANDOM_SMOOTH, seed, NODES)};
        add_loss(&trial);
        graph_verify(trial.graph, "autodiff");
        if (passes) {
            pass_fold(trial.graph);
            graph_verify(trial.graph, "fold");
        }
        trial.interpreter = interpreter_new(arena, trial.graph->variables);
        random_fill(trial.interpreter, trial.graph->variables, seed);
        double slope = slope_of_gradients(&trial);
        move(&trial, STEP);
        double after = loss_now(&trial);
        move(&trial, -2 * STEP);
        double difference = (after - loss_now(&trial)) / (2 * STEP);
        if (!(fabs(slope - difference) <= TOLERANCE * fmax(fabs(difference), 1e-4)))
            fail_msg("seed %u: the gradients say %g, the difference is %g", seed, slope, difference);
        steep += fabs(slope) > 1e-4;
        interpreter_free(trial.interpreter);
        arena_free(arena);
    }
    assert_true(steep > GRAPHS / 2); /* else nothing was tested */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree),
        {"gradients_agree after folding", gradients_agree, NULL, NULL, "passes"},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
