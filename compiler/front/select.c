/* Selectors: paths of layers in groups, stages, weight files and decay. */
#include "elaborate.h"

#include <string.h>

static bool is_below(const char *name, const char *path)
{
    size_t length = strlen(path);
    return !strncmp(name, path, length) && (name[length] == 0 || name[length] == '.');
}

/* Every path that a selector may name: each prefix of a variable's name, without repeats. */
static void report_candidates(Elaborator *e, const char *path)
{
    Arena *arena = e->program->arena;
    LIST(const char *) names = {0};
    const VariableList *all = &e->program->variables->list;
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i]->kind != HP_PARAMETER && all->items[i]->kind != HP_STATISTIC)
            continue;
        const char *name = all->items[i]->name;
        for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
            const char *prefix = arena_string_of(arena, name, (size_t)(dot - name));
            if (names.count == 0 || strcmp(names.items[names.count - 1], prefix))
                list_push(arena, &names, prefix);
        }
        list_push(arena, &names, name);
    }
    report_nearest(e, path, names.items, names.count);
}

bool select_variables(Elaborator *e, const char *path, Span span, bool *marked)
{
    const VariableList *all = &e->program->variables->list;
    bool found = false;
    for (size_t i = 0; i < all->count; i++) {
        bool weight = all->items[i]->kind == HP_PARAMETER || all->items[i]->kind == HP_STATISTIC;
        if (weight && is_below(all->items[i]->name, path))
            found = marked[i] = true;
    }
    if (!found && report(e, span, "unmatched-selector", "no layer and no weight is named '%s'", path))
        report_candidates(e, path);
    return found;
}

const char *path_from_values(Program *program, const Expression *expression)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    return path_resolve(e, expression->path);
}
