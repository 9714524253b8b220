/* Statements `weights "FILE" into PATH { except ...; rename ... to ...; WEIGHT from planes ... }`. */
#include "reader.h"

#include <math.h>
#include <string.h>

/* A statement being read. */
typedef struct Rules {
    HpWeights weights;
    LIST(const char *) except;
    LIST(HpRename) renames;
    LIST(HpStem) stems;
} Rules;

/* except fc, layer4.2: paths of the file; the network need not have them */
static void read_except(Elaborator *e, const Setting *setting, Rules *rules)
{
    Reader reader = reader_new(e, setting);
    do {
        const Expression *value = reader_path(&reader, "a path of the file");
        const char *path = value ? path_resolve(e, value->path) : NULL;
        if (path)
            list_push(e->program->arena, &rules->except, path);
    } while (reader_next_item(&reader));
    reader_end(&reader);
}

/* rename norm.1 to norm1: a run of whole parts of a name; to "" takes them out */
static void read_rename(Elaborator *e, const Setting *setting, Rules *rules)
{
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    const Expression *from = reader_path(&reader, "a part of the file's names");
    if (!reader_need_word(&reader, "to"))
        return;
    const Expression *to = reader_path(&reader, "the name it has here");
    if (!from || !to || !reader_end(&reader))
        return;
    HpRename rename = {path_resolve(e, from->path), path_resolve(e, to->path)};
    if (rename.from && rename.to && !*rename.from)
        report(e, at, "setting-form", "'rename' expects a part of the file's names; this is nothing");
    else if (rename.from && rename.to)
        list_push(e->program->arena, &rules->renames, rename);
}

/* ---------------------------------------------------------------- stems */

static const Variable *find_stem_weight(Elaborator *e, const Setting *setting, const HpWeights *weights)
{
    const char *name = path_join(e->program->arena, weights->prefix, setting->word);
    const Variable *variable = variables_find(e->program->variables, name);
    if (variable && variable->shape.rank == 4)
        return variable;
    if (variable) {
        if (report(e, setting->span, "shape", "planes belong to the weight of a convolution; '%s' is %s",
                   name, shape_text(e->program->arena, variable->shape)))
            report_note(e, variable->span, "it is made here");
        return NULL;
    }
    bool *marked = ARENA_ARRAY(e->program->arena, bool, e->program->variables->list.count);
    if (select_variables(e, name, setting->span, marked) &&
        report(e, setting->span, "unmatched-selector", "'%s' is a layer; planes belong to its weight", name))
        report_help(e, "did you mean '%s.weight'?", setting->word);
    return NULL;
}

static void help_with_source(const Reader *reader)
{
    static const char *const words[] = {"mean", "zero", "fresh", "all", "repeat"};
    const char *word = reader_word(reader);
    const char *nearest = word ? diagnostic_nearest(word, words, sizeof words / sizeof *words) : NULL;
    if (nearest)
        report_help(reader->e, "did you mean '%s'?", nearest);
    else if (word)
        report_help(reader->e, "a plane that the file names stands in quotes: \"%s\"", word);
}

/* 1, copy 1, "red", mean, zero, fresh */
static bool read_source(Reader *reader, HpPlane *plane)
{
    static const struct {
        const char *word;
        HpPlaneSource source;
    } sources[] = {{"mean", HP_PLANE_MEAN}, {"zero", HP_PLANE_ZERO}, {"fresh", HP_PLANE_FRESH}};
    static const char expected[] =
        "the number of a plane of the file, its name in quotes, 'mean', 'zero' or 'fresh'";
    enum { LARGEST = 1000 };
    *plane = (HpPlane){.source = HP_PLANE_NUMBER, .scale = 1};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (reader_take_word(reader, sources[i].word)) {
            plane->source = sources[i].source;
            return !reader->failed;
        }
    if (reader_has_string(reader)) {
        plane->source = HP_PLANE_NAME;
        plane->name = reader_string(reader, "the name of a plane of the file");
        return plane->name != NULL;
    }
    reader_take_word(reader, "copy");
    Span at = reader_span(reader);
    double number;
    if (!reader_number(reader, UNIT_NONE, expected, &number)) {
        help_with_source(reader);
        return false;
    }
    if (number < 1 || number > LARGEST || number != floor(number))
        report(reader->e, at, "wrong-number", "planes of the file are counted from 1; this is %g", number);
    plane->number = (int)number;
    return true;
}

/* A source and its factor: mean * 0.75 */
static bool read_plane(Reader *reader, HpPlane *plane)
{
    if (!read_source(reader, plane))
        return false;
    if (!reader_has_word(reader, "*"))
        return true;
    if (plane->source == HP_PLANE_ZERO || plane->source == HP_PLANE_FRESH)
        return reader_fail(reader, "no factor of what does not come from the file");
    return reader_take_word(reader, "*") && reader_number(reader, UNIT_NONE, "a factor", &plane->scale);
}

static HpPlane *repeat_plane(Elaborator *e, HpPlane plane, size_t count)
{
    HpPlane *planes = ARENA_ARRAY(e->program->arena, HpPlane, count);
    for (size_t i = 0; i < count; i++)
        planes[i] = plane;
    return planes;
}

/* A source for each of our planes: listed, one for `all`, or the file's in turn. */
static bool read_planes(Reader *reader, HpStem *stem, int64_t ours)
{
    HpPlane plane = {.source = HP_PLANE_REPEAT, .scale = 1};
    LIST(HpPlane) list = {0};
    bool same = reader_take_word(reader, "repeat");
    if (!same && reader_take_word(reader, "all")) {
        same = true;
        if (!read_plane(reader, &plane))
            return false;
    }
    if (same) {
        stem->plane_count = (int)ours;
        stem->planes = repeat_plane(reader->e, plane, (size_t)ours);
        return true;
    }
    do {
        if (!read_plane(reader, &plane))
            return false;
        list_push(reader->e->program->arena, &list, plane);
    } while (!reader_has_word(reader, "scaled") && reader_next_item(reader));
    stem->plane_count = (int)list.count;
    stem->planes = list.items;
    return true;
}

static bool takes_planes(const HpStem *stem)
{
    for (int i = 0; i < stem->plane_count; i++)
        if (stem->planes[i].source != HP_PLANE_ZERO && stem->planes[i].source != HP_PLANE_FRESH)
            return true;
    return false;
}

/* conv1.weight from planes 1, 2, 3, mean scaled */
static void read_stem(Elaborator *e, const Setting *setting, Rules *rules)
{
    Reader reader = reader_new(e, setting);
    HpStem stem = {.weight = setting->word};
    if (!reader_need_word(&reader, "from") || !reader_need_word(&reader, "planes"))
        return;
    const Variable *variable = find_stem_weight(e, setting, &rules->weights);
    if (!variable || !read_planes(&reader, &stem, variable->shape.extents[1]))
        return;
    Span at = reader_span(&reader);
    stem.scaled = reader_take_word(&reader, "scaled");
    if (!reader_end(&reader))
        return;
    if (stem.scaled && !takes_planes(&stem))
        report(e, at, "setting-form", "nothing is taken from the file, so nothing can be 'scaled'");
    for (size_t i = 0; i < rules->stems.count; i++)
        if (!strcmp(rules->stems.items[i].weight, stem.weight))
            report(e, setting->span, "duplicate-setting", "the planes of '%s' are said twice", stem.weight);
    if (stem.plane_count != variable->shape.extents[1] &&
        report(e, setting->span, "shape", "'%s' takes %lld planes; %d are given", variable->name,
               (long long)variable->shape.extents[1], stem.plane_count)) {
        report_note(e, variable->span, "the convolution is made here");
        report_help(e, "a list has one for each plane; 'all mean' and 'repeat' are for any number of them");
    }
    list_push(e->program->arena, &rules->stems, stem);
}

/* ---------------------------------------------------------------- the statement */

static void read_prefix(Elaborator *e, Reader *reader, HpWeights *weights)
{
    if (!reader_take_word(reader, "into"))
        return;
    const Expression *value = reader_path(reader, "the path of a block");
    weights->prefix = value ? path_resolve(e, value->path) : NULL;
    bool *marked = ARENA_ARRAY(e->program->arena, bool, e->program->variables->list.count);
    if (weights->prefix)
        select_variables(e, weights->prefix, value->span, marked);
    else
        weights->prefix = "";
}

/* Is this `PATH from planes ...`? */
static bool is_stem(Elaborator *e, const Setting *setting)
{
    static const char *const words[] = {"except", "rename"};
    Reader reader = reader_new(e, setting);
    if (setting->quoted || strchr(setting->word, '.') || reader_has_word(&reader, "from") || reader.failed)
        return true;
    if (report(e, setting->span, "unknown-setting", "'weights' has no rule '%s'", setting->word))
        report_nearest(e, setting->word, words, sizeof words / sizeof *words);
    return false;
}

static void read_one(Program *program, const Setting *setting)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    Reader reader = reader_new(e, setting);
    Rules rules = {.weights.prefix = ""};
    rules.weights.file = reader_string(&reader, "the name of a file, in quotes");
    read_prefix(e, &reader, &rules.weights);
    reader_end_before_body(&reader);
    size_t errors = diagnostic_error_count(program->diagnostics);
    for (size_t i = 0; i < setting->body.count; i++) {
        const Setting *inner = setting->body.items[i];
        if (!inner->quoted && !strcmp(inner->word, "except"))
            read_except(e, inner, &rules);
        else if (!inner->quoted && !strcmp(inner->word, "rename"))
            read_rename(e, inner, &rules);
        else if (is_stem(e, inner))
            read_stem(e, inner, &rules);
    }
    HpWeights *weights = &rules.weights;
    weights->except_count = (int)rules.except.count;
    weights->except = rules.except.items;
    weights->rename_count = (int)rules.renames.count;
    weights->renames = rules.renames.items;
    weights->stem_count = (int)rules.stems.count;
    weights->stems = rules.stems.items;
    if (!reader.failed && diagnostic_error_count(program->diagnostics) == errors)
        weight_file_check(program, weights, setting);
    list_push(program->arena, &program->weights, *weights);
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
