/* NAME: a backbone from its .hpanet file, in the interpreter, against PyTorch in double precision: outputs,
 * every gradient, running statistics, and the losses of some Adam steps. */
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/grad/functions.h"
#include "compiler/passes/passes.h"
#include "tests/vectors/vectors.h"

static const double TOLERANCE = 1e-9, LOSS_TOLERANCE = 1e-6;
enum { CHUNK = 4096, SMOOTH_STEPS = 3 /* the rest is the same arithmetic */ };

static const char *backbone;

typedef struct Subject {
    Arena *arena;
    Vectors *vectors;
    Program *program;
    Graph *train;
    Interpreter *interpreter;
    double *image;
} Subject;

static Program *load(Arena *arena)
{
    const char *build = getenv("HPANET_BUILD");
    const char *path = arena_format(arena, "%s/tests/parity/%s.hpanet", build ? build : "build", backbone);
    return program_load(arena, diagnostics_new(arena), path, &(ProgramOptions){0});
}

static Graph *train_function(Program *program)
{
    FunctionList functions = functions_build(program);
    for (size_t i = 0; i < functions.count; i++)
        if (functions.items[i].kind == HP_FUNCTION_TRAIN)
            return functions.items[i].graph;
    fail_msg("there is no training function");
    return NULL;
}

/* Parameters, statistics, image and labels as the recording had them; optimizer states 0. */
static void reset(Subject *subject)
{
    const VariableList *list = &subject->program->variables->list;
    for (size_t i = 0; i < list->count; i++) {
        const Variable *v = list->items[i];
        if (v->kind == HP_PARAMETER || v->kind == HP_STATISTIC || strcmp(v->name, "labels") == 0)
            vectors_fill(subject->vectors, v->name, v->shape.rank, v->shape.extents,
                         interpreter_variable(subject->interpreter, v));
    }
    interpreter_set_image(subject->interpreter, subject->image);
}

static Subject subject_new(void)
{
    Subject s = {.arena = arena_new()};
    s.vectors = vectors_read(arena_format(s.arena, "%s.txt", backbone));
    s.program = load(s.arena);
    s.train = train_function(s.program);
    s.interpreter = interpreter_new(s.arena, s.program->variables);
    const int64_t *image = s.vectors->image;
    assert_int_equal(image[1], s.program->dataset->plane_count);
    assert_int_equal(image[2], s.program->image_size);
    s.image = ARENA_ARRAY(s.arena, double, (size_t)(image[0] * image[1] * image[2] * image[3]));
    vectors_fill(s.vectors, "image", 4, image, s.image);
    reset(&s);
    return s;
}

static void subject_free(Subject *subject)
{
    interpreter_free(subject->interpreter);
    vectors_free(subject->vectors);
    arena_free(subject->arena);
}

static void check(const Subject *subject, const char *name, const double *values)
{
    const VectorTensor *tensor = vectors_find(subject->vectors, name);
    if (!tensor)
        fail_msg("%s was not recorded", name);
    double error = vectors_error(subject->vectors, tensor, values);
    if (!(error <= TOLERANCE))
        fail_msg("%s: error %g", name, error);
}

static const Node *result(const Graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->results.count; i++)
        if (strcmp(graph->results.items[i].name, name) == 0)
            return graph->results.items[i].node;
    fail_msg("%s has no result %s", graph->name, name);
    return NULL;
}

/* ---- what is compared ---- */

static Graph *inference(const Subject *subject, const char *name)
{
    Graph *graph = graph_new(subject->arena, subject->program->variables, name);
    struct Scope *scope =
        elaborate_network(subject->program, graph, subject->vectors->image[0], NETWORK_INFER, NULL);
    graph_result(graph, "logits", scope_logits(scope));
    return graph;
}

static void evaluation(const Subject *subject)
{
    Graph *plain = inference(subject, "plain"), *folded = inference(subject, "folded");
    interpreter_run(subject->interpreter, plain);
    check(subject, "logits.evaluate", interpreter_value(subject->interpreter, result(plain, "logits")));
    pass_fold_batchnorm(folded);
    pass_expand(folded);
    pass_fold(folded);
    Graph *prepare = pass_hoist(subject->arena, subject->program->variables, &folded, 1);
    interpreter_run(subject->interpreter, prepare);
    interpreter_run(subject->interpreter, folded);
    check(subject, "logits.evaluate", interpreter_value(subject->interpreter, result(folded, "logits")));
}

/* One forward and backward pass, and what it leaves in the variables. */
static void training_step(const Subject *subject)
{
    interpreter_run(subject->interpreter, subject->train);
    check(subject, "logits.train", interpreter_value(subject->interpreter, result(subject->train, "logits")));
    const VariableList *list = &subject->program->variables->list;
    int checked = 0;
    for (size_t i = 0; i < list->count; i++) {
        const Variable *v = list->items[i];
        if ((v->kind != HP_GRADIENT && v->kind != HP_STATISTIC) || !vectors_find(subject->vectors, v->name))
            continue;
        check(subject, v->name, interpreter_variable(subject->interpreter, v));
        checked++;
    }
    assert_int_equal(checked + 2, subject->vectors->count); /* logits.evaluate, logits.train */
}

/* ---- Adam ---- */

/* The update rule of the file for CHUNK numbers at a time: it is elementwise, and small pieces stay in the
 * cache. */
typedef struct Updater {
    Graph *graph;
    Variable *parameter, *gradient, *m, *v;
} Updater;

static Variable *need(const Subject *subject, const char *name)
{
    Variable *variable = variables_find(subject->program->variables, name);
    if (!variable)
        fail_msg("there is no variable %s", name);
    return variable;
}

static Updater updater_new(Subject *subject)
{
    Variables *variables = subject->program->variables;
    Shape shape = shape_of(1, (int64_t[]){CHUNK});
    Updater u = {.graph = graph_new(subject->arena, variables, "update_chunk"),
                 .parameter = variables_add(variables, "chunk", HP_PARAMETER, shape),
                 .gradient = variables_add(variables, "gradient:chunk", HP_GRADIENT, shape)};
    u.parameter->group = 0;
    elaborate_update(subject->program, u.graph, subject->program->stages.items[0], u.parameter,
                     graph_variable(u.graph, u.gradient));
    u.m = need(subject, "m:chunk");
    u.v = need(subject, "v:chunk");
    pass_fold(u.graph);
    graph_verify(u.graph, "fold");
    return u;
}

static void copy_piece(double *target, const double *source, int64_t count)
{
    memcpy(target, source, (size_t)count * sizeof *target);
}

static void update_parameter(Subject *subject, const Updater *u, const Variable *parameter)
{
    Interpreter *interpreter = subject->interpreter;
    const char *prefixes[3] = {"gradient:", "m:", "v:"};
    const Variable *own[4] = {parameter}, *piece[4] = {u->parameter, u->gradient, u->m, u->v};
    for (int i = 0; i < 3; i++)
        own[i + 1] = need(subject, arena_format(subject->arena, "%s%s", prefixes[i], parameter->name));
    int64_t count = shape_count(parameter->shape);
    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t size = count - at < CHUNK ? count - at : CHUNK;
        for (int i = 0; i < 4; i++)
            copy_piece(interpreter_variable(interpreter, piece[i]),
                       interpreter_variable(interpreter, own[i]) + at, size);
        interpreter_run(interpreter, u->graph);
        for (int i = 0; i < 4; i++)
            copy_piece(interpreter_variable(interpreter, own[i]) + at,
                       interpreter_variable(interpreter, piece[i]), size);
    }
}

static void adam_losses(Subject *subject, int steps)
{
    Updater updater = updater_new(subject);
    const VariableList *list = &subject->program->variables->list;
    size_t variables = list->count;
    double worst = 0;
    const char *group = subject->program->groups.items[0].name;
    *interpreter_variable(subject->interpreter, need(subject, arena_format(subject->arena, "lr.%s", group))) =
        1e-3;
    double *step = interpreter_variable(subject->interpreter,
                                        need(subject, arena_format(subject->arena, "step.%s", group)));
    reset(subject);
    for (int i = 0; i < steps; i++) {
        interpreter_run(subject->interpreter, subject->train);
        double loss = *interpreter_value(subject->interpreter, result(subject->train, "loss"));
        worst = fmax(worst, fabs(loss - subject->vectors->losses[i]));
        *step = i + 1;
        for (size_t j = 0; j < variables && i + 1 < steps; j++)
            if (list->items[j]->kind == HP_PARAMETER && list->items[j] != updater.parameter)
                update_parameter(subject, &updater, list->items[j]);
    }
    double error = worst / subject->vectors->losses[0]; /* the largest */
    if (!(error <= LOSS_TOLERANCE))
        fail_msg("the losses of %d steps: error %g", steps, error);
}

/* ---- */

static void backbone_is_pytorchs(void **state)
{
    (void)state;
    Subject subject = subject_new();
    evaluation(&subject);
    training_step(&subject);
    reset(&subject); /* statistics have moved */
    pass_fold(subject.train);
    pass_expand(subject.train);
    pass_fold(subject.train);
    graph_verify(subject.train, "fold");
    training_step(&subject);
    if (subject.vectors->steps > 0)
        adam_losses(&subject, subject.vectors->smooth && subject.vectors->steps > SMOOTH_STEPS
                                  ? SMOOTH_STEPS
                                  : subject.vectors->steps);
    subject_free(&subject);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    backbone = argv[1];
    /* Values of one run go where those of the last one were, instead of back to the system and around again.
     */
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const struct CMUnitTest tests[] = {cmocka_unit_test(backbone_is_pytorchs)};
    return cmocka_run_group_tests_name(backbone, tests, NULL, NULL);
}
