/* Every loss of models/losses.hpanet, through the language: the gradients of a small network's training
 * function against central differences. A loss that is added there is under test at once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "compiler/grad/functions.h"
#include "tests/pass/random_graph.h"

static const double STEP = 1e-5, TOLERANCE = 1e-5;

/* A linear network over the mean of each plane; %s: 'any' or 'one', what separates several labels, the loss.
 */
static const char model[] =
    "hpanet 1\n"
    "use \"losses.hpanet\"\n"
    "use \"optimizers.hpanet\"\n"
    "dataset toy {\n"
    "  planes a, b, c\n"
    "  file \"{id}_{plane}.png\"\n"
    "  range 0 to 255\n"
    "  labels %s of [\"p\", \"q\", \"r\", \"s\"]\n"
    "  part train { folder \"train\"; table \"train.csv\" id \"Id\" labels \"Target\" %s }\n"
    "}\n"
    "input image = data.image at 2 px\n"
    "target labels = data.labels\n"
    "network { logits = linear(global_average_pool(image), classes(labels)) as head }\n"
    "loss = %s(logits, labels)\n"
    "select = loss minimum\n"
    "optimizer = sgd()\n"
    "batch 5\n"
    "lr = 1e-3\n"
    "epochs 1\n"
    "split train 0.5, validation 0.5\n";

typedef struct Trial {
    Program *program;
    Graph *graph;
    Interpreter *interpreter;
} Trial;

static const char *models_folder(Arena *arena)
{
    const char *root = getenv("HPANET_ROOT");
    return arena_format(arena, "%s/models", root ? root : ".");
}

static Program *load(Arena *arena, const char *loss, bool one_of)
{
    char path[] = "/tmp/hpanet_loss_XXXXXX";
    int handle = mkstemp(path);
    FILE *file = handle >= 0 ? fdopen(handle, "w") : NULL;
    assert_non_null(file);
    fprintf(file, model, one_of ? "one" : "any", one_of ? "" : "split \" \"", loss);
    assert_int_equal(fclose(file), 0);
    ProgramOptions options = {.models = models_folder(arena)};
    Program *program = program_load(arena, diagnostics_new(arena), path, &options);
    unlink(path);
    return program;
}

/* Labels are 0 or 1; one of them in a row where there must be exactly one. */
static void fill(const Trial *trial, bool one_of)
{
    Variables *variables = trial->program->variables;
    random_fill(trial->interpreter, variables, 3);
    const Variable *labels = variables_find(variables, "labels");
    assert_non_null(labels);
    double *values = interpreter_variable(trial->interpreter, labels);
    int64_t classes = labels->shape.extents[1];
    for (int64_t i = 0; i < shape_count(labels->shape); i++)
        values[i] = one_of ? i % classes == i / classes % classes : values[i] > 0;
    for (size_t i = 0; i < variables->list.count; i++) { /* the recipe's own numbers */
        const Variable *scalar = variables->list.items[i];
        if (scalar->kind == HP_SCALAR)
            *interpreter_variable(trial->interpreter, scalar) = scalar->value;
    }
}

static double loss_now(const Trial *trial)
{
    interpreter_run(trial->interpreter, trial->graph);
    for (size_t i = 0; i < trial->graph->results.count; i++)
        if (strcmp(trial->graph->results.items[i].name, "loss") == 0)
            return *interpreter_value(trial->interpreter, trial->graph->results.items[i].node);
    fail_msg("no result is called loss");
    return 0;
}

static void check_parameter(const Trial *trial, const char *loss, const Variable *parameter)
{
    const Variable *gradient = variables_find(
        trial->program->variables, arena_format(trial->program->arena, "gradient:%s", parameter->name));
    assert_non_null(gradient);
    double *values = interpreter_variable(trial->interpreter, parameter);
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < shape_count(parameter->shape); i++) {
        double x = values[i];
        values[i] = x + STEP;
        double above = loss_now(trial);
        values[i] = x - STEP;
        double slope = (above - loss_now(trial)) / (2 * STEP);
        values[i] = x;
        loss_now(trial);
        worst = fmax(worst, fabs(slope - interpreter_variable(trial->interpreter, gradient)[i]));
        largest = fmax(largest, fabs(slope));
    }
    assert_true(largest > 1e-4); /* else the loss does not see this parameter */
    if (!(worst / largest <= TOLERANCE))
        fail_msg("%s, %s: error %g", loss, parameter->name, worst / largest);
}

static void check_loss(const char *loss)
{
    Arena *arena = arena_new();
    bool one_of = strstr(loss, "softmax") != NULL;
    Trial trial = {.program = load(arena, loss, one_of)};
    FunctionList functions = functions_build(trial.program);
    trial.graph = functions.items[0].graph;
    assert_int_equal(functions.items[0].kind, HP_FUNCTION_TRAIN);
    trial.interpreter = interpreter_new(arena, trial.program->variables);
    double image[5 * 3 * 2 * 2];
    for (int i = 0; i < 60; i++)
        image[i] = i * 37 % 60 / 30.0 - 1;
    interpreter_set_image(trial.interpreter, image);
    fill(&trial, one_of);
    const VariableList *list = &trial.program->variables->list;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->kind == HP_PARAMETER)
            check_parameter(&trial, loss, list->items[i]);
    interpreter_free(trial.interpreter);
    arena_free(arena);
}

static void every_shipped_loss(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/losses.hpanet", models_folder(arena));
    SourceUnit *unit = parse_file(arena, diagnostics_new(arena), path);
    int count = 0;
    for (size_t i = 0; i < unit->declarations.count; i++) {
        const Definition *definition = unit->declarations.items[i]->definition;
        if (!definition || definition->kind != DEFINITION_LOSS)
            continue;
        check_loss(definition->name);
        count++;
    }
    assert_true(count >= 4);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_shipped_loss)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
