/* Every kernel and product of ResNet34, ReLU and smooth, in the functions of its program: each step alone,
 * fed the interpreter's values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/grad/functions.h"
#include "harness.h"
#include "tests/vectors/vectors.h"

/* Updates of larger parameters are left out: elementwise, they run the kernels of the smaller ones. */
enum { LARGEST_UPDATE = 300000 };

static Graph *prepare; /* what evaluate and predict read is derived by it */

static bool infers(const Function *function)
{
    return function->kind == HP_FUNCTION_EVALUATE || function->kind == HP_FUNCTION_PREDICT;
}

/* Values as a training run has them: variances and second moments are positive, scalars what the recipe says.
 */
static void fill_variable(const Variable *v, double *values)
{
    if (v->kind == HP_SCALAR) {
        values[0] = strncmp(v->name, "step.", 5) == 0 ? 3 : strncmp(v->name, "lr.", 3) == 0 ? 1e-3 : v->value;
        if (strcmp(v->name, "accumulate") == 0)
            values[0] = 1;
        return;
    }
    vectors_fill(NULL, v->name, v->shape.rank, v->shape.extents, values);
    for (int64_t i = 0; strncmp(v->name, "v:", 2) == 0 && i < shape_count(v->shape); i++)
        values[i] *= values[i];
}

static void fill_what_it_reads(Interpreter *interpreter, const Graph *graph)
{
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const Variable *v = graph->nodes.items[i]->variable;
        if (v && v->kind != HP_DERIVED)
            fill_variable(v, interpreter_variable(interpreter, v));
    }
}

static void fill(Interpreter *interpreter, const Graph *graph)
{
    fill_what_it_reads(interpreter, graph);
    if (strcmp(graph->name, "evaluate") == 0 || strcmp(graph->name, "predict") == 0) {
        fill_what_it_reads(interpreter, prepare);
        interpreter_run(interpreter, prepare);
    }
}

static void drop_large_updates(Graph *graph)
{
    size_t kept = 0;
    for (size_t i = 0; i < graph->updates.count; i++)
        if (shape_count(graph->updates.items[i].variable->shape) <= LARGEST_UPDATE)
            graph->updates.items[kept++] = graph->updates.items[i];
    assert_true(kept > 0 && kept < graph->updates.count);
    graph->updates.count = kept;
    graph_remove_dead(graph);
}

/* The passes of hpacc, in its order, up to where the harness goes on. */
static FunctionList functions_of(Arena *arena, const char *model)
{
    const char *build = getenv("HPANET_BUILD");
    const char *path = arena_format(arena, "%s/tests/parity/%s", build ? build : "build", model);
    Program *program = program_load(arena, diagnostics_new(arena), path, &(ProgramOptions){0});
    FunctionList functions = functions_build(program);
    Graph *inference[2];
    size_t count = 0;
    for (size_t i = 0; i < functions.count; i++) {
        Graph *graph = functions.items[i].graph;
        pass_fold(graph);
        if (infers(&functions.items[i])) {
            pass_fold_batchnorm(graph);
            inference[count++] = graph;
        }
        pass_expand(graph);
        pass_fold(graph);
        if (functions.items[i].kind == HP_FUNCTION_UPDATE)
            drop_large_updates(graph);
    }
    assert_int_equal(count, 2);
    prepare = pass_hoist(arena, program->variables, inference, count);
    list_push(arena, &functions, ((Function){"prepare", HP_FUNCTION_PREPARE, prepare}));
    return functions;
}

static void check_model(const char *model)
{
    Arena *arena = arena_new();
    FunctionList functions = functions_of(arena, model);
    for (size_t i = 0; i < functions.count; i++) {
        Graph *graph = functions.items[i].graph;
        Harness *harness =
            harness_new(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5, .fill = fill});
        harness_check_steps(harness);
        printf("%s, %s: %d calls of %zu kernels off by at most %.2e, products by %.2e\n", model, graph->name,
               harness_kernel_steps(harness), kernel_set_count(harness->kernels),
               harness->worst[HARNESS_KERNEL], harness->worst[HARNESS_PRODUCT]);
        fflush(stdout);
        harness_free(harness);
    }
    arena_free(arena);
}

static void test_resnet34(void **state)
{
    (void)state;
    check_model("resnet34.hpanet");
}

static void test_smooth_resnet34(void **state)
{
    (void)state;
    check_model("resnet34_smooth.hpanet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resnet34),
        cmocka_unit_test(test_smooth_resnet34),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
