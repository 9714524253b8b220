/* Update rules and schedules as graph nodes. */
#include "elaborate.h"

#include <string.h>

static void bind_fixed(Elaborator *e, const char *name, Node *node)
{
    scope_bind(e, name, value_tensor(node), (Span){0})->fixed = true;
}

static Node *scalar_node(Elaborator *e, const char *name)
{
    return graph_variable(e->graph, scalar_variable(e->program, name, 0));
}

/* 0 for the parameters that `decay ... except` leaves out, and where nothing decays */
static Node *decay_node(Elaborator *e, const Variable *parameter)
{
    const Front *front = e->program->front;
    for (size_t i = 0; i < front->decayed_not.count; i++)
        if (front->decayed_not.items[i] == parameter)
            return graph_constant(e->graph, 0);
    return front->decay ? scalar_node(e, "optimizer.decay") : graph_constant(e->graph, 0);
}

void elaborate_update(Program *program, Graph *graph, const Stage *stage, Variable *parameter, Node *gradient)
{
    (void)stage; /* every stage updates by the same rule; its rates are in the group's scalar */
    Front *front = program->front;
    Arena *arena = program->arena;
    const char *group = program->groups.items[parameter->group].name;
    Elaborator *e = elaborator_new(program, graph, CONTEXT_OPTIMIZER);
    const char *outside = graph->path;
    graph->path = parameter->name;
    scope_bind(e, "parameter", value_tensor(graph_variable(graph, parameter)), (Span){0})->variable =
        parameter;
    bind_fixed(e, "gradient", gradient);
    bind_fixed(e, "lr", scalar_node(e, arena_format(arena, "lr.%s", group)));
    bind_fixed(e, "step", scalar_node(e, arena_format(arena, "step.%s", group)));
    bind_fixed(e, "decay", decay_node(e, parameter));
    if (arguments_bind_scalars(e, front->rule_call, front->rule, 0, 0, "optimizer"))
        evaluate_body(e, &front->rule->body);
    for (size_t i = 0; i < e->scope->bindings.count; i++) {
        const Binding *binding = e->scope->bindings.items[i];
        if (binding->variable && binding->value.kind == VALUE_TENSOR)
            graph_update(graph, binding->variable, binding->value.node);
    }
    graph->path = outside;
}

static bool is_result(const Program *program, const char *name)
{
    if (!strcmp(name, "lr"))
        return true;
    const Definition *rule = program->front->rule;
    for (size_t i = 0; i < rule->parameters.count; i++)
        if (!strcmp(rule->parameters.items[i].name, name))
            return true;
    return false;
}

void elaborate_schedule(Program *program, Graph *graph, int schedule)
{
    enum { T_NOW, T_ALL, PEAK, OWN };
    static const char *const given[] = {"schedule.t", "schedule.T", "schedule.peak"};
    const ScheduleUse *use = &program->schedules.items[schedule];
    Elaborator *e = elaborator_new(program, graph, CONTEXT_SCHEDULE);
    graph->path = use->name;
    for (int i = T_NOW; i < OWN; i++)
        bind_fixed(e, use->definition->parameters.items[i].name, scalar_node(e, given[i]));
    if (!arguments_bind_scalars(e, use->call, use->definition, PEAK, OWN, use->name))
        return;
    evaluate_body(e, &use->definition->body);
    for (size_t i = 0; i < e->scope->bindings.count; i++) {
        const Binding *binding = e->scope->bindings.items[i];
        if (binding->fixed || !is_result(program, binding->name))
            continue;
        Node *node = value_node(e, binding->value, binding->span);
        if (node && node->shape.rank != 0)
            report(e, binding->span, "shape", "'%s' is one number; this is %s", binding->name,
                   value_describe(e, binding->value));
        else if (node)
            graph_result(graph, binding->name, node);
    }
}
