#include "elaborate.h"

#include <string.h>

enum { DEEPEST_CALL = 64 };

/* ---------------------------------------------------------------- arguments */

static size_t parameter_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return i;
    return count;
}

static void report_unknown_argument(Elaborator *e, const Expression *call, const Argument *argument,
                                    const char *const *names, size_t count)
{
    Arena *arena = e->program->arena;
    const char *callee = path_text(arena, call->path);
    if (!argument->name) {
        if (report(e, argument->span, "too-many-arguments", "'%s' takes %zu argument%s; this is one more",
                   callee, count, count == 1 ? "" : "s"))
            for (size_t i = 0; i < count; i++)
                if (count <= 4)
                    report_help(e, "argument %zu is '%s'", i + 1, names[i]);
        return;
    }
    if (report(e, argument->span, "unknown-argument", "'%s' has no parameter '%s'", callee, argument->name))
        report_nearest(e, argument->name, names, count);
}

bool arguments_match(Elaborator *e, const Expression *call, const char *const *names, size_t count,
                     const Argument **found)
{
    bool good = true;
    for (size_t i = 0; i < count; i++)
        found[i] = NULL;
    for (size_t i = 0; i < call->arguments.count; i++) {
        const Argument *argument = &call->arguments.items[i];
        size_t at = argument->name ? parameter_of(names, count, argument->name) : i;
        if (at >= count) {
            report_unknown_argument(e, call, argument, names, count);
            good = false;
        } else if (found[at]) {
            if (report(e, argument->span, "duplicate-argument", "'%s' is given twice", names[at]))
                report_note(e, found[at]->span, "first given here");
            good = false;
        } else {
            found[at] = argument;
        }
    }
    return good;
}

static void report_missing(Elaborator *e, const Expression *call, const char *name, Span where)
{
    if (report(e, call->span, "missing-argument", "'%s' is called without its argument '%s'",
               path_text(e->program->arena, call->path), name) &&
        where.file)
        report_note(e, where, "'%s' has no default", name);
}

static const char *const *parameter_names(Elaborator *e, const Definition *definition)
{
    size_t count = definition->parameters.count;
    const char **names = ARENA_ARRAY(e->program->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = definition->parameters.items[i].name;
    return names;
}

/* ---------------------------------------------------------------- calling a definition */

/* A loss's number is a scalar that --set may change; everything else is passed as it is. */
static Value as_scalar(Elaborator *e, Value value, const char *prefix, const char *name)
{
    if (!prefix || value.kind != VALUE_NUMBER)
        return value;
    Variable *variable =
        scalar_variable(e->program, path_join(e->program->arena, prefix, name), value.number);
    return value_tensor(graph_variable(e->graph, variable));
}

/* Evaluates the given arguments in the caller's scope and the defaults in the new one, in order. */
static bool bind_parameters(Elaborator *e, const Expression *call, const Definition *definition,
                            Scope *inside, const char *path, const char *prefix)
{
    size_t count = definition->parameters.count;
    const Argument **found = ARENA_ARRAY(e->program->arena, const Argument *, count + 1);
    if (!arguments_match(e, call, parameter_names(e, definition), count, found))
        return false;
    Scope *outside = e->scope;
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        const Parameter *parameter = &definition->parameters.items[i];
        Value value = value_error();
        if (found[i]) {
            value = evaluate(e, found[i]->value, path);
        } else if (parameter->value) {
            e->scope = inside;
            value = evaluate(e, parameter->value, path);
            e->scope = outside;
        } else {
            report_missing(e, call, parameter->name, parameter->span);
            good = false;
        }
        value = as_scalar(e, value, prefix, parameter->name);
        e->scope = inside;
        scope_bind(e, parameter->name, value, parameter->span);
        e->scope = outside;
    }
    return good;
}

static bool is_callable_here(Elaborator *e, const Expression *call, const Definition *definition)
{
    static const char *const kinds[] = {"block", "loss", "optimizer", "schedule"};
    bool good = definition->kind == DEFINITION_BLOCK ||
                (definition->kind == DEFINITION_LOSS && e->context == CONTEXT_LOSS);
    if (!good && report(e, call->span, "call-place", "'%s' is a %s, which cannot be called here",
                        definition->name, kinds[definition->kind]))
        report_note(e, definition->span, "defined here");
    return good;
}

/* "loss" for a loss that is one call; else "loss.focal", and "loss.focal.2" for a second one. */
static const char *loss_prefix(Elaborator *e, const Definition *definition)
{
    Arena *arena = e->program->arena;
    if (!e->frame && !e->compound)
        return e->scalar_prefix;
    const char *prefix = path_join(arena, e->scalar_prefix, definition->name), *unique = prefix;
    for (int i = 2; is_claimed(e, unique); i++)
        unique = arena_format(arena, "%s.%d", prefix, i);
    list_push(arena, &e->claims, ((Claim){unique, definition->span}));
    return unique;
}

static Value call_definition(Elaborator *e, const Expression *call, const Definition *definition,
                             const char *path, const char *argument_path)
{
    if (!is_callable_here(e, call, definition))
        return value_error();
    int depth = e->frame ? e->frame->depth + 1 : 0;
    if (depth > DEEPEST_CALL) {
        report(e, call->span, "recursion", "'%s' calls itself without end", definition->name);
        e->stopped = true;
        return value_error();
    }
    definition_used(e->program, definition);
    const char *prefix = definition->kind == DEFINITION_LOSS ? loss_prefix(e, definition) : NULL;
    Scope *outside = e->scope, *inside = scope_new(e, NULL);
    if (!bind_parameters(e, call, definition, inside, argument_path, prefix))
        return value_error();
    Frame frame = {
        .caller = e->frame, .callee = definition->name, .path = path, .span = call->span, .depth = depth};
    const Frame *old_frame = e->frame;
    const char *old_path = e->path, *old_prefix = e->scalar_prefix;
    e->scope = inside;
    e->frame = &frame;
    e->path = path;
    if (prefix)
        e->scalar_prefix = prefix;
    Value result = evaluate_body(e, &definition->body);
    e->scope = outside;
    e->frame = old_frame;
    e->path = old_path;
    e->scalar_prefix = old_prefix;
    return result;
}

bool arguments_bind_scalars(Elaborator *e, const Expression *call, const Definition *definition, size_t first,
                            size_t bind, const char *prefix)
{
    size_t count = definition->parameters.count;
    const Argument **found = ARENA_ARRAY(e->program->arena, const Argument *, count + 1);
    if (!arguments_match(e, call, parameter_names(e, definition) + first, count - first, found + first))
        return false;
    definition_used(e->program, definition);
    bool good = true;
    for (size_t i = bind; i < count; i++) {
        const Parameter *parameter = &definition->parameters.items[i];
        const Expression *given = found[i] ? found[i]->value : parameter->value;
        if (!given) {
            report_missing(e, call, parameter->name, parameter->span);
            good = false;
            continue;
        }
        Value value = as_scalar(e, evaluate(e, given, ""), prefix, parameter->name);
        scope_bind(e, parameter->name, value, parameter->span)->fixed = true;
    }
    return good;
}

/* ---------------------------------------------------------------- any call */

static void report_unknown_function(Elaborator *e, const Expression *call, const char *name)
{
    if (!report(e, call->span, "unknown-function", "there is no block or function '%s'", name))
        return;
    const Front *front = e->program->front;
    size_t builtin_count;
    const char *const *builtins = builtin_names(&builtin_count);
    size_t count = builtin_count + front->definitions.count;
    const char **names = ARENA_ARRAY(e->program->arena, const char *, count);
    memcpy(names, builtins, builtin_count * sizeof *names);
    for (size_t i = 0; i < front->definitions.count; i++)
        names[builtin_count + i] = front->definitions.items[i]->name;
    report_nearest(e, name, names, count);
}

Value evaluate_call(Elaborator *e, const Expression *expression, const char *outside)
{
    const char *name = path_text(e->program->arena, expression->path), *path = outside;
    if (expression->as) { /* names this call alone: layers among its arguments keep the statement's name */
        const char *as = path_resolve(e, expression->as);
        if (!as)
            return value_error();
        path = path_join(e->program->arena, e->path, as);
    }
    const Builtin *builtin = builtin_find(name);
    if (builtin)
        return builtin_call(e, builtin, expression, path, outside);
    const Definition *definition = definition_find(e->program->front, name);
    if (definition)
        return call_definition(e, expression, definition, path, outside);
    report_unknown_function(e, expression, name);
    return value_error();
}
