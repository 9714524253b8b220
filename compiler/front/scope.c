#include "elaborate.h"

#include <string.h>

Scope *scope_new(Elaborator *e, Scope *parent)
{
    Scope *scope = ARENA_NEW(e->program->arena, Scope);
    scope->parent = parent;
    scope->elaborator = e;
    return scope;
}

Binding *scope_find(const Scope *scope, const char *name)
{
    for (; scope; scope = scope->parent)
        for (size_t i = 0; i < scope->bindings.count; i++)
            if (!strcmp(scope->bindings.items[i]->name, name))
                return scope->bindings.items[i];
    return NULL;
}

Binding *scope_bind(Elaborator *e, const char *name, Value value, Span span)
{
    const Binding *first = scope_find(e->scope, name);
    if (!first)
        first = scope_find(e->program->front->constants, name);
    if (first && report(e, span, "duplicate-name", "'%s' is bound twice", name)) {
        if (first->span.file)
            report_note(e, first->span, "first bound here");
        report_help(e, "a name is bound once; ':=' carries a value through a loop or updates a state");
    }
    Binding *binding = ARENA_NEW(e->program->arena, Binding);
    *binding = (Binding){.name = name, .value = value, .span = span};
    list_push(e->program->arena, &e->scope->bindings, binding);
    return binding;
}

typedef LIST(const char *) NameList;

static void add_names(Arena *arena, NameList *names, const Scope *scope)
{
    for (; scope; scope = scope->parent)
        for (size_t i = 0; i < scope->bindings.count; i++)
            list_push(arena, names, scope->bindings.items[i]->name);
}

Binding *scope_lookup(Elaborator *e, const char *name, Span span)
{
    const Scope *constants = e->program->front->constants;
    Binding *binding = scope_find(e->scope, name);
    if (!binding)
        binding = scope_find(constants, name);
    if (binding)
        return binding;
    if (report(e, span, "unknown-name", "'%s' is not known here", name)) {
        NameList names = {0};
        add_names(e->program->arena, &names, e->scope);
        add_names(e->program->arena, &names, constants);
        const char *nearest = diagnostic_nearest(name, names.items, names.count);
        if (nearest)
            report_help(e, "did you mean '%s'?", nearest);
        else if (builtin_find(name) || definition_find(e->program->front, name))
            report_help(e, "'%s' is called with its arguments in brackets: %s(...)", name, name);
    }
    return NULL;
}

const Definition *definition_find(const Front *front, const char *name)
{
    for (size_t i = 0; i < front->definitions.count; i++)
        if (!strcmp(front->definitions.items[i]->name, name))
            return front->definitions.items[i];
    return NULL;
}

void definition_used(Program *program, const Definition *definition)
{
    Front *front = program->front;
    for (size_t i = 0; i < front->instantiated.count; i++)
        if (front->instantiated.items[i] == definition)
            return;
    list_push(program->arena, &front->instantiated, definition);
}
