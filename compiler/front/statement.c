#include "elaborate.h"

#include <string.h>

enum { MOST_REPEATS = 10000, MOST_STEPS = 200000 };

static bool run(Elaborator *e, const StatementList *body, Value *result);

static Value evaluate_as(Elaborator *e, const Expression *expression, const char *path)
{
    const char *old = name_nodes(e, path);
    Value value = evaluate(e, expression, path);
    name_back(e, old);
    return value;
}

static Value evaluate_named(Elaborator *e, const Statement *statement)
{
    return evaluate_as(e, statement->value, path_join(e->program->arena, e->path, statement->name));
}

static void run_bind(Elaborator *e, const Statement *statement)
{
    scope_bind(e, statement->name, evaluate_named(e, statement), statement->name_span);
}

static void run_update(Elaborator *e, const Statement *statement)
{
    Binding *binding = scope_find(e->scope, statement->name);
    Value value = evaluate_named(e, statement);
    if (!binding) {
        scope_lookup(e, statement->name, statement->name_span); /* reports it, or finds a constant */
        if (scope_find(e->program->front->constants, statement->name))
            report(e, statement->name_span, "update-place", "the constant '%s' cannot change",
                   statement->name);
        return;
    }
    if (binding->fixed) {
        report(e, statement->name_span, "update-place", "'%s' is given from outside and cannot change",
               statement->name);
        return;
    }
    if (binding->variable && value.kind != VALUE_ERROR) {
        Node *node = value_node(e, value, statement->span);
        if (node && node->shape.rank == 0)
            node = graph_broadcast(e->graph, node, binding->variable->shape);
        if (node && !shape_equal(node->shape, binding->variable->shape)) {
            report(e, statement->span, "shape", "'%s' is %s and cannot become %s", statement->name,
                   shape_text(e->program->arena, binding->variable->shape),
                   shape_text(e->program->arena, node->shape));
            return;
        }
        value = value_tensor(node);
    }
    binding->value = value;
}

/* One variable beside the parameter: "m:head.weight", of its shape. */
static void run_state(Elaborator *e, const Statement *statement)
{
    Value initial = evaluate(e, statement->value, "");
    if (e->context != CONTEXT_OPTIMIZER) {
        report(e, statement->span, "state-place", "state belongs to an optimizer");
        scope_bind(e, statement->name, value_error(), statement->name_span);
        return;
    }
    if (initial.kind != VALUE_NUMBER) {
        if (initial.kind != VALUE_ERROR)
            report(e, statement->value->span, "not-constant",
                   "a state starts from a number that is known when compiling");
        scope_bind(e, statement->name, value_error(), statement->name_span);
        return;
    }
    const Variable *parameter = scope_find(e->scope, "parameter")->variable;
    const char *name = arena_format(e->program->arena, "%s:%s", statement->name, parameter->name);
    Variable *variable = variables_find(e->program->variables, name);
    if (!variable) {
        variable = variables_add(e->program->variables, name, HP_OPTIMIZER_STATE, parameter->shape);
        variable->initializer = (HpInitializer){HP_INITIAL_CONSTANT, initial.number};
        variable->span = statement->span;
        variable->group = -1;
    }
    Binding *binding = scope_bind(e, statement->name, value_tensor(graph_variable(e->graph, variable)),
                                  statement->name_span);
    binding->variable = variable;
}

static void run_parameter(Elaborator *e, const Statement *statement)
{
    Shape shape = {.rank = (int)statement->shape.count};
    if (statement->shape.count > SHAPE_MAX_RANK) {
        report(e, statement->span, "shape", "a tensor has at most %d axes", SHAPE_MAX_RANK);
        return;
    }
    bool good = true;
    for (int i = 0; i < shape.rank; i++)
        good &= evaluate_integer(e, statement->shape.items[i], "an extent", 1, &shape.extents[i]);
    HpInitializer initializer = {HP_INITIAL_CONSTANT, 0};
    double count = good && shape.rank ? (double)shape_count(shape) / (double)shape.extents[0] : 1;
    good = initializer_read(e, statement->value, count, shape.rank ? (double)shape.extents[0] : 1,
                            &initializer) &&
           good;
    Node *node =
        good ? make_variable(e, e->path, statement->name, HP_PARAMETER, shape, initializer, statement->span)
             : NULL;
    for (int i = 0; node && i < shape.rank; i++)
        origin_set(node, i, statement->shape.items[i]->span);
    scope_bind(e, statement->name, value_tensor(node), statement->name_span);
}

static bool run_repeat(Elaborator *e, const Statement *statement, Value *result)
{
    int64_t first, last;
    if (!evaluate_integer(e, statement->first, "the first value of a loop", INT32_MIN, &first) ||
        !evaluate_integer(e, statement->last, "the last value of a loop", INT32_MIN, &last))
        return false;
    if (last - first >= MOST_REPEATS) {
        report(e, statement->span, "too-large", "%lld repeats; the most is %d", (long long)(last - first + 1),
               MOST_REPEATS);
        return false;
    }
    Scope *outside = e->scope;
    bool returned = false;
    for (int64_t i = first; i <= last && !returned; i++) {
        e->scope = scope_new(e, outside);
        scope_bind(e, statement->name, value_number((double)i), statement->name_span)->fixed = true;
        returned = run(e, &statement->body, result);
    }
    e->scope = outside;
    return returned;
}

static bool run(Elaborator *e, const StatementList *body, Value *result)
{
    for (size_t i = 0; i < body->count; i++) {
        const Statement *statement = body->items[i];
        if (!e->stopped && e->steps++ == MOST_STEPS) {
            report(e, statement->span, "too-large", "loops and calls run more than %d statements",
                   MOST_STEPS);
            e->stopped = true;
        }
        if (e->stopped)
            return true;
        switch (statement->kind) {
        case STATEMENT_BIND: run_bind(e, statement); break;
        case STATEMENT_UPDATE: run_update(e, statement); break;
        case STATEMENT_STATE: run_state(e, statement); break;
        case STATEMENT_PARAMETER: run_parameter(e, statement); break;
        case STATEMENT_REPEAT:
            if (run_repeat(e, statement, result))
                return true;
            break;
        case STATEMENT_RETURN:
            *result = evaluate_as(e, statement->value, e->path);
            if (i + 1 < body->count &&
                report(e, body->items[i + 1]->span, "after-return", "this is never reached"))
                report_note(e, statement->span, "the body ends here");
            return true;
        }
    }
    return false;
}

Value evaluate_body(Elaborator *e, const StatementList *body)
{
    Value result = value_error();
    run(e, body, &result);
    return result;
}
