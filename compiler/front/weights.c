/* Statements `weights "FILE" into PATH { except ...; WEIGHT from planes ... }`. */
#include "reader.h"

#include <math.h>
#include <string.h>

typedef LIST(const char *) NameList;

/* except fc, layer4.2: paths of the file; the network need not have them */
static void read_except(Elaborator *e, const Setting *setting, NameList *except)
{
    Reader reader = reader_new(e, setting);
    do {
        const Expression *value = reader_path(&reader, "a path of the file");
        if (value)
            list_push(e->program->arena, except, path_text(e->program->arena, value->path));
    } while (!reader_at_end(&reader));
    reader_no_body(&reader);
}

static const Variable *find_plane_weight(Elaborator *e, const Setting *setting, const HpWeights *weights)
{
    const char *name = path_join(e->program->arena, weights->prefix, setting->word);
    const Variable *variable = variables_find(e->program->variables, name);
    if (variable && variable->shape.rank == 4)
        return variable;
    if (variable) {
        report(e, setting->span, "shape", "planes belong to the weight of a convolution; '%s' is %s", name,
               shape_text(e->program->arena, variable->shape));
        return NULL;
    }
    bool *marked = ARENA_ARRAY(e->program->arena, bool, e->program->variables->list.count);
    select_variables(e, name, setting->span, marked);
    return NULL;
}

/* conv1.weight from planes 1, 2, 3, copy 1 */
static void read_planes(Elaborator *e, const Setting *setting, HpWeights *weights)
{
    const Variable *variable = find_plane_weight(e, setting, weights);
    Reader reader = reader_new(e, setting);
    int *planes = ARENA_ARRAY(e->program->arena, int, setting->values.count + 1);
    int count = 0;
    if (!reader_need_word(&reader, "from") || !reader_need_word(&reader, "planes"))
        return;
    do {
        double number;
        reader_take_word(&reader, "copy");
        Span at = reader_span(&reader);
        if (!reader_number(&reader, UNIT_NONE, "the number of a plane of the file", &number))
            return;
        if (number < 1 || number > 1000 || number != floor(number))
            report(e, at, "wrong-number", "planes of the file are counted from 1; this is %g", number);
        planes[count++] = (int)number;
    } while (!reader_at_end(&reader));
    if (variable && count != variable->shape.extents[1] &&
        report(e, setting->span, "shape", "'%s' takes %lld planes; %d are given", variable->name,
               (long long)variable->shape.extents[1], count))
        report_note(e, variable->span, "the convolution is made here");
    weights->plane_count = count;
    weights->plane_weight = setting->word;
    weights->planes = planes;
}

static void read_prefix(Elaborator *e, Reader *reader, HpWeights *weights)
{
    if (!reader_take_word(reader, "into"))
        return;
    const Expression *value = reader_path(reader, "the path of a block");
    weights->prefix = value ? path_from_values(e->program, value) : NULL;
    bool *marked = ARENA_ARRAY(e->program->arena, bool, e->program->variables->list.count);
    if (weights->prefix)
        select_variables(e, weights->prefix, value->span, marked);
    else
        weights->prefix = "";
}

static void read_one(Program *program, const Setting *setting)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    Reader reader = reader_new(e, setting);
    HpWeights weights = {.prefix = ""};
    NameList except = {0};
    weights.file = reader_string(&reader, "the name of a file, in quotes");
    read_prefix(e, &reader, &weights);
    reader_end(&reader);
    for (size_t i = 0; i < setting->body.count; i++) {
        const Setting *inner = setting->body.items[i];
        if (!strcmp(inner->word, "except"))
            read_except(e, inner, &except);
        else if (weights.plane_weight)
            report(e, inner->span, "duplicate-setting", "planes are said for '%s' already",
                   weights.plane_weight);
        else
            read_planes(e, inner, &weights);
    }
    weights.except_count = (int)except.count;
    weights.except = except.items;
    list_push(program->arena, &program->weights, weights);
}

void weights_read(Program *program)
{
    for (size_t i = 0; i < program->front->weights.count; i++)
        read_one(program, program->front->weights.items[i]);
}

/* ---------------------------------------------------------------- fresh weights at low rates */

static bool is_below(const char *name, const char *path)
{
    size_t length = strlen(path);
    return length == 0 || (!strncmp(name, path, length) && (name[length] == 0 || name[length] == '.'));
}

static bool is_loaded(const Program *program, const char *name)
{
    for (size_t i = 0; i < program->weights.count; i++) {
        const HpWeights *weights = &program->weights.items[i];
        bool loaded = is_below(name, weights->prefix);
        for (int j = 0; j < weights->except_count; j++)
            loaded &= !is_below(name, path_join(program->arena, weights->prefix, weights->except[j]));
        if (loaded)
            return true;
    }
    return false;
}

static double highest_rate(const Program *program, const Stage *stage)
{
    double highest = 0;
    for (size_t i = 0; i < program->front->groups.count; i++)
        if (stage->rates[i] && stage->rates[i]->value > highest)
            highest = stage->rates[i]->value;
    return highest;
}

static void check_stage(Elaborator *e, const Stage *stage, bool *seen)
{
    const Program *program = e->program;
    const VariableList *all = &program->variables->list;
    double highest = highest_rate(program, stage);
    for (size_t i = 0; i < all->count; i++) {
        const Variable *parameter = all->items[i];
        if (parameter->kind != HP_PARAMETER || seen[i] || !stage->trains[i])
            continue;
        seen[i] = true;
        int group = program->front->user_group_of[i];
        const Variable *rate = group < 0 ? NULL : stage->rates[group];
        if (rate && rate->value < highest && !is_loaded(program, parameter->name) &&
            report_warning(
                e, parameter->span, "slow-fresh-weight",
                "'%s' starts from random numbers and trains at %g, below the highest rate %g of stage '%s'",
                parameter->name, rate->value, highest, stage->name) &&
            program->front->stages.count)
            report_note(e, stage->span, "the stage");
    }
}

/* What starts from random numbers learns at the highest rate of its first stage. */
void weights_check_fresh(Program *program)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    bool *seen = ARENA_ARRAY(program->arena, bool, program->variables->list.count);
    for (size_t i = 0; i < program->stages.count && program->weights.count; i++)
        check_stage(e, program->stages.items[i], seen);
}
