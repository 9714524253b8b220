/* Groups of parameters as written, and their refinement: what every stage treats alike shares one rate and
 * one count of steps. */
#include "elaborate.h"

#include <string.h>

static void mark_group(Elaborator *e, int index, Span *where)
{
    Front *front = e->program->front;
    const Declaration *group = front->groups.items[index];
    const VariableList *all = &e->program->variables->list;
    for (size_t i = 0; i < group->paths.count; i++) {
        const Path *selector = group->paths.items[i];
        const char *path = path_resolve(e, selector);
        bool *marked = ARENA_ARRAY(e->program->arena, bool, all->count);
        if (!path || !select_variables(e, path, selector->span, marked)) {
            front->groups_failed = true;
            continue;
        }
        for (size_t j = 0; j < all->count; j++) {
            if (!marked[j])
                continue;
            if (where[j].file && all->items[j]->kind == HP_PARAMETER &&
                report(e, selector->span, "overlapping-groups", "'%s' is in two groups", all->items[j]->name))
                report_note(e, where[j], "the other selector, of group '%s'",
                            front->groups.items[front->user_group_of[j]]->name);
            where[j] = selector->span;
            front->user_group_of[j] = index;
        }
    }
}

void groups_read(Program *program)
{
    Front *front = program->front;
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    size_t count = program->variables->list.count;
    front->user_group_of = ARENA_ARRAY(program->arena, int, count);
    Span *where = ARENA_ARRAY(program->arena, Span, count);
    for (size_t i = 0; i < count; i++)
        front->user_group_of[i] = -1;
    for (size_t i = 0; i < front->groups.count; i++) {
        const Declaration *group = front->groups.items[i];
        for (size_t j = 0; j < i; j++)
            if (!strcmp(front->groups.items[j]->name, group->name) &&
                report(e, group->name_span, "duplicate-name", "there are two groups '%s'", group->name))
                report_note(e, front->groups.items[j]->name_span, "the other one");
        mark_group(e, (int)i, where);
    }
}

void groups_check_cover(Program *program, const bool *trains)
{
    const Front *front = program->front;
    const VariableList *all = &program->variables->list;
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    const Declaration *last = front->groups.count ? front->groups.items[front->groups.count - 1] : NULL;
    for (size_t i = 0; last && !front->groups_failed && i < all->count; i++) {
        if (!trains[i] || all->items[i]->kind != HP_PARAMETER || front->user_group_of[i] >= 0)
            continue;
        if (report(e, last->name_span, "uncovered", "'%s' trains and is in no group", all->items[i]->name)) {
            report_note(e, all->items[i]->span, "the layer is made here");
            report_help(e, "where there are groups, they cover everything that trains");
        }
    }
}

/* ---------------------------------------------------------------- refinement */

static bool trained_alike(const Program *program, int a, int b)
{
    const Front *front = program->front;
    if (front->user_group_of[a] != front->user_group_of[b])
        return false;
    for (size_t i = 0; i < program->stages.count; i++)
        if (program->stages.items[i]->trains[a] != program->stages.items[i]->trains[b])
            return false;
    return true;
}

static bool ever_trains(const Program *program, int variable)
{
    for (size_t i = 0; i < program->stages.count; i++)
        if (program->stages.items[i]->trains[variable])
            return true;
    return false;
}

/* "top", then "top.2" for those of its parameters that other stages train */
static const char *group_name(const Program *program, int user_group)
{
    const char *base = user_group < 0 ? "all" : program->front->groups.items[user_group]->name, *name = base;
    for (int i = 2;; i++) {
        bool taken = false;
        for (size_t j = 0; j < program->groups.count; j++)
            taken |= !strcmp(program->groups.items[j].name, name);
        if (!taken)
            return name;
        name = arena_format(program->arena, "%s.%d", base, i);
    }
}

void groups_refine(Program *program)
{
    const VariableList *all = &program->variables->list;
    LIST(int) firsts = {0}; /* one parameter of each group */
    size_t count = all->count;
    for (int i = 0; (size_t)i < count; i++) {
        Variable *parameter = all->items[i];
        if (parameter->kind != HP_PARAMETER || !ever_trains(program, i))
            continue;
        size_t group = 0;
        while (group < firsts.count && !trained_alike(program, firsts.items[group], i))
            group++;
        parameter->group = (int)group;
        if (group < firsts.count)
            continue;
        list_push(program->arena, &firsts, i);
        const char *name = group_name(program, program->front->user_group_of[i]);
        list_push(program->arena, &program->groups, ((HpGroup){.name = name}));
    }
    for (size_t i = 0; i < program->groups.count; i++) {
        HpGroup *group = &program->groups.items[i];
        Variable *lr = scalar_variable(program, arena_format(program->arena, "lr.%s", group->name), 0);
        Variable *step = scalar_variable(program, arena_format(program->arena, "step.%s", group->name), 0);
        group->lr_scalar = program_scalar(program, lr);
        group->step_scalar = program_scalar(program, step);
    }
    for (size_t i = 0; i < program->stages.count; i++)
        stage_assign_rates(program, program->stages.items[i], firsts.items);
}
