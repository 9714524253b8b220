/* What a training step, an update, an evaluation and a prediction consist of. */
#include "functions.h"

#include <float.h>
#include <string.h>

#include "autodiff.h"

static Graph *add_function(Program *program, FunctionList *list, HpFunctionKind kind, const char *name)
{
    Graph *graph = graph_new(program->arena, program->variables, name);
    list_push(program->arena, list, ((Function){.name = graph->name, .kind = kind, .graph = graph}));
    return graph;
}

static Variable *variable_need(const Program *program, const char *name)
{
    Variable *variable = variables_find(program->variables, name);
    if (!variable)
        internal_error("the program has no variable '%s'", name);
    return variable;
}

/* ---------------------------------------------------------------- training */

typedef LIST(Variable *) ParameterVariables;

static ParameterVariables trained_parameters(const Program *program, const Stage *stage)
{
    ParameterVariables trained = {0};
    for (size_t i = 0; i < program->variables->list.count; i++) {
        Variable *variable = program->variables->list.items[i];
        if (variable->kind == HP_PARAMETER && stage->trains[i])
            list_push(program->arena, &trained, variable);
    }
    return trained;
}

static Variable *gradient_variable(Program *program, const Variable *parameter)
{
    const char *name = arena_format(program->arena, "gradient:%s", parameter->name);
    Variable *variable = variables_find(program->variables, name);
    if (variable)
        return variable;
    variable = variables_add(program->variables, name, HP_GRADIENT, parameter->shape);
    variable->group = -1;
    variable->span = parameter->span;
    return variable;
}

/* gradient := (accumulate ? gradient : 0) + d(loss)/d(parameter) / parts; a batch of one part reads no old
 * value. */
static void add_gradient(Program *program, Graph *graph, const Stage *stage, const Variable *parameter,
                         Node *gradient)
{
    Variable *variable = gradient_variable(program, parameter);
    graph->path = variable->name;
    graph->span = parameter->span;
    if (program->part < stage->batch) {
        Node *accumulate = graph_variable(graph, variable_need(program, "accumulate"));
        Node *old =
            graph_select(graph, accumulate, graph_variable(graph, variable), graph_constant(graph, 0));
        gradient = graph_binary(graph, OP_ADD, old, gradient);
    }
    graph_update(graph, variable, gradient);
    graph->path = NULL;
}

/* The tensor the network sees: the report shows it. */
static Node *image_of(const Graph *graph)
{
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->op == OP_IMAGE)
            return graph->nodes.items[i];
    internal_error("%s sees no image", graph->name);
}

/* What the loss is multiplied with before it is differentiated: the part's share of the batch, and a scale;
 * NULL: 1. */
static Node *gradient_seed(const Program *program, Graph *graph, const Stage *stage)
{
    Node *share = program->part < stage->batch
                      ? graph_constant(graph, (double)program->part / (double)stage->batch)
                      : NULL;
    if (!program->scales_loss)
        return share;
    Node *scale = graph_variable(graph, variable_need(program, "loss_scale"));
    return share ? graph_binary(graph, OP_MULTIPLY, scale, share) : scale;
}

static void build_train(Program *program, Graph *graph, const Stage *stage)
{
    ParameterVariables trained = trained_parameters(program, stage);
    struct Scope *scope = elaborate_network(program, graph, program->part, NETWORK_TRAIN, stage);
    Node *loss = elaborate_loss(program, graph, scope, stage->loss, false);
    Node **wrt = ARENA_ARRAY(program->arena, Node *, trained.count);
    Node **gradients = ARENA_ARRAY(program->arena, Node *, trained.count);
    for (size_t i = 0; i < trained.count; i++)
        wrt[i] = graph_variable(graph, trained.items[i]);
    Node *seed = gradient_seed(program, graph, stage);
    graph_result(graph, "loss", loss);
    graph_result(graph, "logits", scope_logits(scope));
    graph_result(graph, "image", image_of(graph));
    autodiff(graph, loss, seed, (int)trained.count, wrt, gradients);
    for (size_t i = 0; i < trained.count; i++)
        add_gradient(program, graph, stage, trained.items[i], gradients[i]);
    graph_sort(graph);
}

static Node *sum_of_all(Graph *graph, Node *x)
{
    return graph_reshape(graph, graph_reduce(graph, OP_REDUCE_SUM, x, (1u << x->shape.rank) - 1),
                         shape_scalar());
}

/* How many of its numbers are infinite or none. */
static Node *count_not_finite(Graph *graph, Node *x)
{
    Node *finite =
        graph_binary(graph, OP_LESS_EQUAL, graph_unary(graph, OP_ABS, x), graph_constant(graph, FLT_MAX));
    return sum_of_all(graph, graph_binary(graph, OP_EQUAL, finite, graph_constant(graph, 0)));
}

static Node *square_sum(Graph *graph, Node *x)
{
    return sum_of_all(graph, graph_binary(graph, OP_MULTIPLY, x, x));
}

/* The sum of `measure` over the kept gradients of all that is trained. */
static Node *sum_over_gradients(Program *program, Graph *graph, const ParameterVariables *trained,
                                Node *(*measure)(Graph *graph, Node *gradient))
{
    Node *sum = graph_constant(graph, 0);
    for (size_t i = 0; i < trained->count; i++) {
        Node *gradient = graph_variable(graph, gradient_variable(program, trained->items[i]));
        graph->path = gradient->variable->name;
        graph->span = trained->items[i]->span;
        sum = graph_binary(graph, OP_ADD, sum, measure(graph, gradient));
    }
    graph->path = NULL;
    return sum;
}

/* All variables keep their values when the scale was too large for a gradient; result "finite" says so. */
static void update_if_finite(Program *program, Graph *graph, const ParameterVariables *trained)
{
    Node *count = sum_over_gradients(program, graph, trained, count_not_finite);
    Node *finite = graph_binary(graph, OP_EQUAL, count, graph_constant(graph, 0));
    for (size_t i = 0; i < graph->updates.count; i++) {
        Update *update = &graph->updates.items[i];
        graph->path = update->variable->name;
        graph->span = update->variable->span;
        update->node = graph_select(graph, finite, update->node, graph_variable(graph, update->variable));
    }
    graph->path = NULL;
    graph_result(graph, "finite", finite);
}

/* What kept gradients are multiplied with before rules see them; NULL: 1. The scale of the loss is taken out,
 * and a norm over all that is trained that is larger than `clip` becomes `clip` (Pascanu et al. 2013,
 * algorithm 1; 1e-6 as in PyTorch). */
static Node *gradient_factor(Program *program, Graph *graph, const ParameterVariables *trained)
{
    Node *factor = NULL, *one = graph_constant(graph, 1);
    if (program->scales_loss)
        factor =
            graph_binary(graph, OP_DIVIDE, one, graph_variable(graph, variable_need(program, "loss_scale")));
    Variable *clip = variables_find(program->variables, "clip");
    if (!clip)
        return factor;
    Node *norm = graph_unary(graph, OP_SQRT, sum_over_gradients(program, graph, trained, square_sum));
    if (factor)
        norm = graph_binary(graph, OP_MULTIPLY, norm, factor);
    norm = graph_binary(graph, OP_ADD, norm, graph_constant(graph, 1e-6));
    Node *share = graph_binary(graph, OP_MINIMUM, one,
                               graph_binary(graph, OP_DIVIDE, graph_variable(graph, clip), norm));
    return factor ? graph_binary(graph, OP_MULTIPLY, factor, share) : share;
}

static void build_update(Program *program, Graph *graph, const Stage *stage)
{
    ParameterVariables trained = trained_parameters(program, stage);
    Node *factor = gradient_factor(program, graph, &trained);
    for (size_t i = 0; i < trained.count; i++) {
        Node *gradient = graph_variable(graph, gradient_variable(program, trained.items[i]));
        if (factor)
            gradient = graph_binary(graph, OP_MULTIPLY, gradient, factor);
        elaborate_update(program, graph, stage, trained.items[i], gradient);
    }
    if (program->scales_loss)
        update_if_finite(program, graph, &trained);
}

/* ---------------------------------------------------------------- sharing between stages */

static bool same_over(const Program *program, HpVariableKind kind, const bool *a, const bool *b)
{
    for (size_t i = 0; i < program->variables->list.count; i++)
        if (program->variables->list.items[i]->kind == kind && a[i] != b[i])
            return false;
    return true;
}

/* The first stage whose function this one can share; the stage itself when there is none. */
static size_t first_alike(const Program *program, size_t index, bool update)
{
    const Stage *stage = program->stages.items[index];
    for (size_t i = 0; i < index; i++) {
        const Stage *other = program->stages.items[i];
        if (same_over(program, HP_PARAMETER, stage->trains, other->trains) &&
            (update || (stage->loss == other->loss && stage->batch == other->batch &&
                        same_over(program, HP_STATISTIC, stage->moves_statistics, other->moves_statistics))))
            return i;
    }
    return index;
}

static void build_stages(Program *program, FunctionList *list)
{
    for (size_t i = 0; i < program->stages.count; i++) {
        Stage *stage = program->stages.items[i];
        size_t alike = first_alike(program, i, false);
        stage->table.train = alike < i ? program->stages.items[alike]->table.train : (int)list->count;
        if (alike == i)
            build_train(program,
                        add_function(program, list, HP_FUNCTION_TRAIN,
                                     arena_format(program->arena, "train_%s", stage->name)),
                        stage);
        alike = first_alike(program, i, true);
        stage->table.update = alike < i ? program->stages.items[alike]->table.update : (int)list->count;
        if (alike == i)
            build_update(program,
                         add_function(program, list, HP_FUNCTION_UPDATE,
                                      arena_format(program->arena, "update_%s", stage->name)),
                         stage);
    }
}

/* ---------------------------------------------------------------- evaluation and prediction */

static void build_evaluate(Program *program, Graph *graph)
{
    struct Scope *scope = elaborate_network(program, graph, program->part, NETWORK_INFER, NULL);
    graph_result(graph, "logits", scope_logits(scope));
    bool *built = ARENA_ARRAY(program->arena, bool, program->losses.count);
    for (size_t i = 0; i < program->stages.count; i++) {
        int loss = program->stages.items[i]->validation;
        if (built[loss])
            continue;
        built[loss] = true;
        Node *rows = elaborate_loss(program, graph, scope, loss, true);
        graph_result(graph, arena_format(program->arena, "loss.%d", loss), rows);
    }
}

static void build_predict(Program *program, Graph *graph)
{
    struct Scope *scope = elaborate_network(program, graph, program->part, NETWORK_INFER, NULL);
    graph_result(graph, "logits", scope_logits(scope));
}

/* ---------------------------------------------------------------- what the runtime's tables point at */

static void fill_stage(Program *program, Stage *stage, const int *schedules)
{
    HpRate *rates = ARENA_ARRAY(program->arena, HpRate, program->groups.count);
    for (size_t i = 0; i < program->groups.count; i++) {
        bool trains = stage->rates[i] != NULL;
        rates[i].scalar = trains ? program_scalar(program, stage->rates[i]) : -1;
        rates[i].schedule = trains && stage->schedule >= 0 ? schedules[stage->schedule] : -1;
    }
    const char *epochs = arena_format(program->arena, "stage.%s.epochs", stage->name);
    stage->table.rates = rates;
    stage->table.epochs_scalar = program_scalar(program, variable_need(program, epochs));
    stage->table.validation = stage->validation;
}

FunctionList functions_build(Program *program)
{
    FunctionList list = {0};
    build_stages(program, &list);
    build_evaluate(program, add_function(program, &list, HP_FUNCTION_EVALUATE, "evaluate"));
    build_predict(program, add_function(program, &list, HP_FUNCTION_PREDICT, "predict"));
    int *schedules = ARENA_ARRAY(program->arena, int, program->schedules.count);
    for (int i = 0; (size_t)i < program->schedules.count; i++) {
        schedules[i] = (int)list.count;
        const char *name = arena_format(program->arena, "schedule_%d", i);
        elaborate_schedule(program, add_function(program, &list, HP_FUNCTION_SCHEDULE, name), i);
    }
    for (size_t i = 0; i < program->stages.count; i++)
        fill_stage(program, program->stages.items[i], schedules);
    for (size_t i = 0; i < list.count; i++)
        graph_remove_dead(list.items[i].graph);
    return list;
}
