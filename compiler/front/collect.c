/* Reads a file and all it uses, and sorts what they declare. */
#include "elaborate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset.h"

typedef struct Opening { /* a file whose `use` lines are being followed */
    const struct Opening *user;
    const char *path; /* resolved: two names of one file are one file */
    Span use;
} Opening;

typedef struct Collector {
    Program *program;
    Elaborator *e;
    const ProgramOptions *options;
    LIST(const char *) read; /* resolved paths */
} Collector;

static const char *resolved(Arena *arena, const char *path)
{
    char *real = realpath(path, NULL);
    const char *copy = arena_string(arena, real ? real : path);
    free(real);
    return copy;
}

/* Beside the file that uses it, else among the shipped ones. */
static const char *find_used(Collector *c, const SourceFile *user, const Declaration *use)
{
    Arena *arena = c->program->arena;
    const char *slash = strrchr(user->path, '/');
    const char *beside =
        *use->name == '/' || !slash
            ? use->name
            : arena_format(arena, "%.*s/%s", (int)(slash - user->path), user->path, use->name);
    if (access(beside, R_OK) == 0)
        return beside;
    const char *shipped =
        c->options->models ? arena_format(arena, "%s/%s", c->options->models, use->name) : NULL;
    if (shipped && access(shipped, R_OK) == 0)
        return shipped;
    if (report(c->e, use->name_span, "missing-file", "there is no file '%s'", use->name))
        report_help(c->e, "looked for %s%s", beside, shipped ? " and among the shipped files" : "");
    return NULL;
}

static bool is_open(Collector *c, const Opening *opening, const char *path, const Declaration *use)
{
    for (const Opening *at = opening; at; at = at->user) {
        if (strcmp(at->path, path))
            continue;
        if (report(c->e, use->span, "import-cycle", "'%s' uses itself", use->name))
            for (const Opening *back = opening; back != at; back = back->user)
                report_note(c->e, back->use, "by way of this line");
        return true;
    }
    return false;
}

static void read_unit(Collector *c, const char *path, const Opening *opening)
{
    Program *program = c->program;
    list_push(program->arena, &c->read, opening->path);
    SourceUnit *unit = parse_file(program->arena, program->diagnostics, path);
    for (size_t i = 0; i < unit->declarations.count; i++) {
        const Declaration *use = unit->declarations.items[i];
        if (use->kind != DECLARATION_USE)
            continue;
        const char *used = find_used(c, unit->file, use);
        const char *real = used ? resolved(program->arena, used) : NULL;
        bool known = !used || is_open(c, opening, real, use);
        for (size_t j = 0; j < c->read.count && !known; j++)
            known = !strcmp(c->read.items[j], real);
        if (!known)
            read_unit(c, used, &(Opening){.user = opening, .path = real, .use = use->span});
    }
    list_push(program->arena, &program->front->units, unit);
}

/* ---------------------------------------------------------------- sorting declarations */

static void set_once(Collector *c, const Declaration **slot, const Declaration *declaration, const char *what)
{
    if (!*slot)
        *slot = declaration;
    else if (report(c->e, declaration->span, "duplicate-setting", "there are two %s", what))
        report_note(c->e, (*slot)->span, "the other one");
}

static void add_definition(Collector *c, Definition *definition)
{
    const Definition *other = definition_find(c->program->front, definition->name);
    if (other && report(c->e, definition->span, "duplicate-name", "'%s' is defined twice", definition->name))
        report_note(c->e, other->span, "first defined here");
    if (builtin_find(definition->name))
        report(c->e, definition->span, "duplicate-name", "'%s' is a built-in function", definition->name);
    if (!other)
        list_push(c->program->arena, &c->program->front->definitions, definition);
}

static void add_setting(Collector *c, const Setting *setting)
{
    Front *front = c->program->front;
    Arena *arena = c->program->arena;
    const struct {
        const char *word;
        const Setting **slot;
    } slots[] = {{"dataset", &front->dataset},
                 {"loss", &front->loss},
                 {"validate", &front->validate},
                 {"select", &front->select},
                 {"split", &front->split},
                 {"augment", &front->augment},
                 {"optimizer", &front->optimizer},
                 {"batch", &front->batch},
                 {"decay", &front->decay},
                 {"lr", &front->lr},
                 {"epochs", &front->epochs},
                 {"normalize", &front->normalize},
                 {"clip", &front->clip}};
    enum { SLOTS = sizeof slots / sizeof *slots };
    const char *words[SLOTS + 4] = {"oversample", "weights", "stage", "network"};
    for (size_t i = 0; i < SLOTS; i++) {
        words[i + 4] = slots[i].word;
        if (strcmp(slots[i].word, setting->word))
            continue;
        if (*slots[i].slot &&
            report(c->e, setting->span, "duplicate-setting", "'%s' is said twice", setting->word))
            report_note(c->e, (*slots[i].slot)->span, "first said here");
        *slots[i].slot = setting;
        return;
    }
    if (!strcmp(setting->word, "oversample"))
        list_push(arena, &front->oversample, setting);
    else if (!strcmp(setting->word, "weights"))
        list_push(arena, &front->weights, setting);
    else if (!strcmp(setting->word, "stage"))
        list_push(arena, &front->stages, setting);
    else if (report(c->e, setting->span, "unknown-setting", "there is no setting '%s'", setting->word))
        report_nearest(c->e, setting->word, words, SLOTS + 4);
}

static void add_constant(Collector *c, const Declaration *declaration)
{
    Value value = evaluate(c->e, declaration->value, "");
    c->e->scope = c->program->front->constants;
    scope_bind(c->e, declaration->name, value, declaration->name_span);
    c->e->scope = scope_new(c->e, NULL);
}

static void sort_unit(Collector *c, const SourceUnit *unit)
{
    Front *front = c->program->front;
    for (size_t i = 0; i < unit->declarations.count; i++) {
        const Declaration *declaration = unit->declarations.items[i];
        switch (declaration->kind) {
        case DECLARATION_VERSION:
        case DECLARATION_USE: break;
        case DECLARATION_CONSTANT: add_constant(c, declaration); break;
        case DECLARATION_INPUT: set_once(c, &front->input, declaration, "inputs"); break;
        case DECLARATION_TARGET: set_once(c, &front->target, declaration, "targets"); break;
        case DECLARATION_NETWORK: set_once(c, &front->network, declaration, "networks"); break;
        case DECLARATION_DEFINITION: add_definition(c, declaration->definition); break;
        case DECLARATION_GROUP: list_push(c->program->arena, &front->groups, declaration); break;
        case DECLARATION_SETTING:
            if (!c->options->dataset || strcmp(declaration->setting->word, "dataset"))
                add_setting(c, declaration->setting);
            break;
        }
    }
}

/* ---------------------------------------------------------------- what must be there */

static void need(Collector *c, bool there, const char *what, const char *example)
{
    if (there)
        return;
    const SourceUnit *file = c->program->front->units.items[c->program->front->units.count - 1];
    diagnostic_error(c->program->diagnostics, (Span){file->file, 1, 1, 1}, "missing-declaration",
                     "this file has no %s", what);
    report_help(c->e, "%s", example);
}

/* `data.image`, `data.labels` */
static void check_source(Collector *c, const Declaration *declaration, const char *field)
{
    if (!declaration)
        return;
    Arena *arena = c->program->arena;
    const Expression *value = declaration->value;
    const char *wanted = arena_format(arena, "data.%s", field);
    if (value->kind == EXPRESSION_PATH && !strcmp(path_text(arena, value->path), wanted))
        return;
    if (report(c->e, value->span, "unknown-name", "the data set gives '%s' here", wanted))
        report_help(c->e, "data.image is what an input reads, data.labels what a target reads");
}

static void read_size(Collector *c)
{
    Program *program = c->program;
    const Declaration *input = program->front->input;
    const Expression *size = input ? input->size : NULL;
    program->image_size = c->options->image_size;
    if (!size)
        return;
    if (size->kind != EXPRESSION_NUMBER || size->unit != UNIT_PIXELS) {
        if (report(c->e, size->span, "missing-unit", "the size of the input is a number of pixels"))
            report_help(c->e, "at 256 px");
    } else if (size->number < 1 || size->number > LARGEST_IMAGE ||
               size->number != (double)(int64_t)size->number) {
        report(c->e, size->span, "wrong-number", "an image has 1 to %d pixels a side; this says %g",
               LARGEST_IMAGE, size->number);
    } else if (!program->image_size) {
        program->image_size = (int64_t)size->number;
    }
}

static void find_rule(Collector *c)
{
    Front *front = c->program->front;
    const Setting *setting = front->optimizer;
    const Expression *value = setting && setting->values.count == 1 ? setting->values.items[0] : NULL;
    if (!setting)
        return;
    if (!value || !setting->assigned || (value->kind != EXPRESSION_CALL && value->kind != EXPRESSION_PATH)) {
        report(c->e, setting->span, "setting-form",
               "'optimizer' expects '=' and the name of an optimizer here");
        return;
    }
    const char *name = path_text(c->program->arena, value->path);
    const char **names = ARENA_ARRAY(c->program->arena, const char *, front->definitions.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < front->definitions.count; i++) {
        const Definition *definition = front->definitions.items[i];
        if (definition->kind != DEFINITION_OPTIMIZER)
            continue;
        names[count++] = definition->name;
        if (!strcmp(definition->name, name))
            front->rule = definition;
    }
    if (!front->rule && report(c->e, value->span, "unknown-optimizer", "there is no optimizer '%s'", name)) {
        report_nearest(c->e, name, names, count);
        if (!count)
            report_help(c->e, "use \"optimizers.hpanet\" brings the shipped ones");
    }
    Expression *call = ARENA_NEW(c->program->arena, Expression);
    *call = *value;
    call->kind = EXPRESSION_CALL;
    front->rule_call = call;
}

static void check_all(Collector *c)
{
    const Front *front = c->program->front;
    if (diagnostic_error_count(c->program->diagnostics))
        return; /* what is missing may stand in a file that was not read */
    need(c, front->dataset, "data set",
         "use \"data/hpa.hpanet\", or any file with a dataset block; or hpacc --dataset FILE");
    need(c, front->input, "input", "input image = data.image at 256 px");
    need(c, front->target, "target", "target labels = data.labels");
    need(c, front->network, "network", "network { logits = ... }");
    need(c, front->loss, "loss", "loss = bce(logits, labels)");
    need(c, front->optimizer, "optimizer", "optimizer = adam()");
    check_source(c, front->input, "image");
    check_source(c, front->target, "labels");
    read_size(c);
    find_rule(c);
}

static void read_dataset(Collector *c)
{
    Program *program = c->program;
    if (c->options->dataset) {
        SourceUnit *unit = parse_file(program->arena, program->diagnostics, c->options->dataset);
        program->front->dataset = dataset_find(program->diagnostics, unit);
        if (!program->front->dataset)
            fatal("%s has no dataset block", c->options->dataset);
    }
    if (program->front->dataset)
        program->dataset = dataset_build(c->e, program->front->dataset);
}

void program_collect(Program *program, const char *path, const ProgramOptions *options)
{
    Collector *c = ARENA_NEW(program->arena, Collector);
    *c = (Collector){.program = program, .options = options};
    program->front->constants = ARENA_NEW(program->arena, Scope);
    c->e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    read_unit(c, path, &(Opening){.path = resolved(program->arena, path)});
    for (size_t i = 0; i < program->front->units.count; i++)
        sort_unit(c, program->front->units.items[i]);
    read_dataset(c);
    check_all(c);
}
