/* A weight file that is there when compiling is matched as the program will match it: names and shapes. */
#include "elaborate.h"

#include <stdlib.h>
#include <string.h>

#include "../../runtime/weights/match.h"

enum { MISTAKES_SHOWN = 5 };

/* The program's weights, as the runtime will have them. */
static HpVariable *table_of(const Program *program, int *count)
{
    const VariableList *all = &program->variables->list;
    HpVariable *table = ARENA_ARRAY(program->arena, HpVariable, all->count + 1);
    *count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const Variable *variable = all->items[i];
        if (variable->kind != HP_PARAMETER && variable->kind != HP_STATISTIC)
            continue;
        HpVariable *row = &table[(*count)++];
        *row = (HpVariable){.name = variable->name, .kind = variable->kind, .rank = variable->shape.rank};
        memcpy(row->shape, variable->shape.extents, (size_t)variable->shape.rank * sizeof *row->shape);
    }
    return table;
}

/* Not report(): the mistakes of one file share a place and a kind, and differ all the same. */
static void report_mistake(const Program *program, const HpMatch *match, Span at, const char *path)
{
    Diagnostics *d = program->diagnostics;
    diagnostic_error(d, at, "weight-file", "'%s' does not fit: %s", path, match->why);
    if (match->variable)
        diagnostic_note(d, variables_find(program->variables, match->variable->name)->span,
                        "'%s' is made here", match->variable->name);
}

static void report_mistakes(const Program *program, const HpMatches *matches, Span at, const char *path)
{
    int shown = 0;
    for (int64_t i = 0; i < matches->count && shown < MISTAKES_SHOWN; i++)
        if (matches->items[i].kind == HP_MATCH_WRONG) {
            report_mistake(program, &matches->items[i], at, path);
            shown++;
        }
    if (matches->wrong > shown)
        diagnostic_help(program->diagnostics, "%lld more tensors do not fit",
                        (long long)(matches->wrong - shown));
}

void weight_file_check(Program *program, const HpWeights *weights, const Setting *statement)
{
    Span at = statement->values.items[0]->span;
    char *path = hp_weights_locate(program->source, weights->file), *why;
    if (!path)
        return; /* `train` will need it: the compiler says so at its end */
    HpTensorFile *file = hp_tensors_open(path, &why);
    if (file) {
        int count;
        const HpVariable *variables = table_of(program, &count);
        HpMatches matches = hp_weights_match(weights, file, variables, count);
        report_mistakes(program, &matches, at, path);
        hp_matches_free(&matches);
        hp_tensors_close(file);
    } else {
        diagnostic_error(program->diagnostics, at, "weight-file", "'%s' cannot be used: %s", path, why);
        free(why);
    }
    free(path);
}
