/* From a file to a checked program: the order of the checks is the order in which their results are needed.
 */
#include "elaborate.h"

#include <string.h>

static const char *file_stem(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot > name ? arena_string_of(arena, name, (size_t)(dot - name)) : arena_string(arena, name);
}

int program_scalar(const Program *program, const Variable *variable)
{
    int index = 0;
    for (size_t i = 0; i < program->variables->list.count; i++) {
        if (program->variables->list.items[i] == variable)
            return index;
        index += program->variables->list.items[i]->kind == HP_SCALAR;
    }
    internal_error("'%s' is no variable of the program", variable->name);
}

bool program_part_divides(const Program *program, int64_t part)
{
    bool divides = program->batch % part == 0;
    for (size_t i = 0; i < program->stages.count; i++)
        divides &= program->stages.items[i]->batch % part == 0;
    return divides;
}

/* ---------------------------------------------------------------- variables that every program has */

static Variable *add_input(Program *program, const char *name, HpVariableKind kind, HpDataType dtype,
                           Shape shape)
{
    Variable *variable = variables_add(program->variables, name, kind, shape);
    variable->dtype = dtype;
    variable->group = -1;
    return variable;
}

static void add_standard_variables(Program *program)
{
    int64_t rows = program->part, planes = program->dataset->plane_count,
            classes = program->dataset->class_count;
    add_input(program, "sample", HP_INPUT, HP_I64, shape_of(1, &rows));
    add_input(program, "affine", HP_INPUT, HP_F32, shape_of(2, (int64_t[]){rows, 6}));
    add_input(program, "gain", HP_INPUT, HP_F32, shape_of(1, &rows));
    add_input(program, "draw", HP_INPUT, HP_I64, shape_of(1, &rows));
    Variable *labels =
        add_input(program, "labels", HP_INPUT, HP_F32, shape_of(2, (int64_t[]){rows, classes}));
    labels->span = program->front->target->name_span;
    add_input(program, "normalization.mean", HP_NORMALIZATION, HP_F32, shape_of(1, &planes));
    add_input(program, "normalization.deviation", HP_NORMALIZATION, HP_F32, shape_of(1, &planes))
        ->initializer.value = 1;
    scalar_variable(program, "accumulate", 0);
    scalar_variable(program, "schedule.t", 0);
    scalar_variable(program, "schedule.T", 1);
    scalar_variable(program, "schedule.peak", 0);
    if (program->scales_loss)
        scalar_variable(program, "loss_scale", 65536);
}

/* ---------------------------------------------------------------- checks */

static void check_logits(Program *program, struct Scope *scope)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    const Front *front = program->front;
    const Binding *binding = scope_find(scope, "logits");
    if (!binding) {
        if (!scope->elaborator->stopped &&
            report(e, front->network->span, "no-logits", "the network does not say what 'logits' is"))
            report_help(e, "logits = linear(body, classes(%s)): what losses and predictions are made of",
                        front->target->name);
        return;
    }
    if (binding->value.kind == VALUE_ERROR)
        return;
    Shape shape = shape_of(2, (int64_t[]){program->part, program->dataset->class_count});
    const Node *node = scope_value(scope, "logits");
    if (node && shape_equal(node->shape, shape))
        return;
    if (!report(e, binding->span, "shape", "'logits' is %s; a value for each of %d classes is needed: %s",
                value_describe(e, binding->value), program->dataset->class_count,
                shape_text(program->arena, shape)) ||
        !node)
        return;
    if (node->shape.rank == 2)
        report_origin(e, node, 1);
    else
        report_help(e,
                    "global_average_pool(x) or flatten(x) makes [rows, features] of an image, which 'linear' "
                    "takes to the classes");
}

/* Elaborates the network as a training step does and every loss both ways; all mistakes in them are reported
 * here. */
static void check_network(Program *program)
{
    Graph *graph = graph_new(program->arena, program->variables, "check");
    struct Scope *scope = elaborate_network(program, graph, program->part, NETWORK_TRAIN, NULL);
    check_logits(program, scope);
    program->front->checked = graph;
    program->front->network_scope = scope;
}

static void check_losses(Program *program)
{
    Front *front = program->front;
    struct Scope *scope = front->network_scope;
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    for (int i = 0; (size_t)i < program->losses.count; i++)
        elaborate_loss(program, front->checked, scope, i, false);
    for (size_t i = 0; i < program->stages.count; i++) {
        const Stage *stage = program->stages.items[i];
        elaborate_loss(program, front->checked, scope, stage->validation, true);
        const Expression *loss = program->losses.items[stage->loss].expression;
        if (!stage->per_part && program->part < stage->batch &&
            loss_mixes_rows(program, front->checked, scope, stage->loss) &&
            report(e, loss->span, "loss-mixes-rows",
                   "this loss mixes the rows of a batch, and the batch of %lld is cut "
                   "into parts of %lld",
                   (long long)stage->batch, (long long)program->part))
            report_help(e,
                        "batch %lld without parts keeps its rows together; 'loss = ... per part' takes each "
                        "part alone",
                        (long long)stage->batch);
    }
}

/* The rule on a parameter of its own, so that nothing is left behind in the program. */
static void check_rule(Program *program)
{
    if (!program->front->rule)
        return;
    Program trial = *program;
    int64_t one = 1;
    trial.variables = variables_new(program->arena);
    memset(&trial.groups, 0, sizeof trial.groups);
    list_push(program->arena, &trial.groups, ((HpGroup){.name = "all"}));
    Variable *parameter = variables_add(trial.variables, "parameter", HP_PARAMETER, shape_of(1, &one));
    parameter->group = 0;
    Variable *gradient = variables_add(trial.variables, "gradient", HP_GRADIENT, shape_of(1, &one));
    const Variable *decay = variables_find(program->variables, "optimizer.decay");
    scalar_variable(&trial, "optimizer.decay", decay ? decay->value : 0);
    Graph *graph = graph_new(program->arena, trial.variables, "check_update");
    elaborate_update(&trial, graph, NULL, parameter, graph_variable(graph, gradient));
}

static void check_schedules(Program *program)
{
    for (int i = 0; (size_t)i < program->schedules.count; i++) {
        Graph *graph = graph_new(program->arena, program->variables, "check_schedule");
        elaborate_schedule(program, graph, i);
    }
}

Program *program_load(Arena *arena, Diagnostics *diagnostics, const char *path, const ProgramOptions *options)
{
    Program *program = ARENA_NEW(arena, Program);
    program->arena = arena;
    program->diagnostics = diagnostics;
    program->source = path;
    program->name = file_stem(arena, path);
    program->variables = variables_new(arena);
    program->scales_loss = options->scales_loss;
    program->front = ARENA_NEW(arena, Front);
    program_collect(program, path, options);
    settings_read_batch(program, options);
    if (!program->dataset || !program->front->input || !program->front->target || !program->front->network ||
        program->image_size <= 0 || diagnostic_error_count(diagnostics))
        diagnostic_stop_if_errors(diagnostics);
    add_standard_variables(program);
    check_network(program);
    if (diagnostic_error_count(diagnostics) == 0) { /* paths mean nothing in half a network */
        groups_read(program);
        stages_read(program);
        check_losses(program);
        settings_read(program);
        weights_read(program);
        weights_check_fresh(program);
        check_rule(program);
        check_schedules(program);
    }
    unused_check(program);
    diagnostic_stop_if_errors(diagnostics);
    groups_refine(program);
    program->front->loaded = true;
    return program;
}
