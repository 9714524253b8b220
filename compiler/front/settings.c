/* The settings that stand by themselves: batch, split, augment, oversample, select, normalize, decay,
 * clip. */
#include "reader.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- augmentation */

static void read_flip(Reader *reader, HpAugment *out)
{
    out->flip = true;
    reader_end(reader);
}

static void read_rotate(Reader *reader, HpAugment *out)
{
    reader_interval(reader, UNIT_DEGREES, "an angle", &out->rotate_low, &out->rotate_high);
    reader_end(reader);
}

static void read_positive(Reader *reader, const char *what, double *low, double *high)
{
    Span at = reader_span(reader);
    if (reader_interval(reader, UNIT_NONE, what, low, high) && reader_end(reader) && *low <= 0)
        report(reader->e, at, "wrong-number", "%s is a factor above 0; this is %g", what, *low);
}

static void read_zoom(Reader *reader, HpAugment *out)
{
    read_positive(reader, "a zoom", &out->zoom_low, &out->zoom_high);
}

static void read_brightness(Reader *reader, HpAugment *out)
{
    read_positive(reader, "a brightness", &out->brightness_low, &out->brightness_high);
}

static void read_shift(Reader *reader, HpAugment *out)
{
    Span at = reader_span(reader);
    double percent;
    if (!reader_number(reader, UNIT_PERCENT, "a shift", &percent) || !reader_end(reader))
        return;
    if (percent < 0 || percent > 100)
        report(reader->e, at, "wrong-number", "a shift is 0 to 100 %%; this is %g %%", percent);
    out->shift = percent / 100;
}

void settings_read_augment(Elaborator *e, const Setting *setting, HpAugment *out)
{
    static const char *const words[] = {"flip", "rotate", "zoom", "shift", "brightness"};
    static void (*const readers[])(Reader *, HpAugment *) = {read_flip, read_rotate, read_zoom, read_shift,
                                                             read_brightness};
    *out = (HpAugment){.zoom_low = 1, .zoom_high = 1, .brightness_low = 1, .brightness_high = 1};
    if (!setting)
        return;
    Reader whole = reader_new(e, setting);
    if (reader_take_word(&whole, "none")) {
        reader_end(&whole);
        return;
    }
    reader_need_body(&whole, "augment { flip; ... }, or augment none");
    settings_check_words(e, &setting->body, "augment", words, 5);
    for (size_t i = 0; i < setting->body.count; i++)
        for (size_t j = 0; j < 5; j++)
            if (!strcmp(setting->body.items[i]->word, words[j])) {
                Reader reader = reader_new(e, setting->body.items[i]);
                readers[j](&reader, out);
            }
}

void settings_check_words(Elaborator *e, const SettingList *list, const char *where, const char *const *words,
                          size_t count)
{
    for (size_t i = 0; i < list->count; i++) {
        const Setting *setting = list->items[i];
        size_t known = 0;
        while (known < count && strcmp(words[known], setting->word))
            known++;
        if (known == count &&
            report(e, setting->span, "unknown-setting", "'%s' has no setting '%s'", where, setting->word))
            report_nearest(e, setting->word, words, count);
        for (size_t j = 0; j < i && known < count; j++)
            if (!strcmp(list->items[j]->word, setting->word) && strcmp(setting->word, "oversample") &&
                report(e, setting->span, "duplicate-setting", "'%s' is said twice", setting->word))
                report_note(e, list->items[j]->span, "first said here");
    }
}

/* ---------------------------------------------------------------- sampling */

static int class_index(Elaborator *e, Value value, Span span)
{
    const HpDataset *dataset = e->program->dataset;
    if (value.kind == VALUE_STRING) {
        for (int i = 0; i < dataset->class_count; i++)
            if (!strcmp(dataset->classes[i], value.text))
                return i;
        if (report(e, span, "unknown-class", "the data set has no class \"%s\"", value.text))
            report_nearest(e, value.text, dataset->classes, (size_t)dataset->class_count);
    } else if (value.kind == VALUE_NUMBER && value.number == floor(value.number) && value.number >= 0 &&
               value.number < dataset->class_count) {
        return (int)value.number;
    } else {
        report(e, span, "unknown-class", "a class is its name or its number from 0 to %d; this is %s",
               dataset->class_count - 1, value_describe(e, value));
    }
    return -1;
}

bool settings_read_oversample(Elaborator *e, const Setting *setting, HpOversample *out)
{
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    Value list;
    double target;
    if (!reader_value(&reader, "a list of classes", &list) || !reader_need_word(&reader, "to"))
        return false;
    Span target_span = reader_span(&reader);
    if (!reader_number(&reader, UNIT_NONE, "a number of images", &target) || !reader_end(&reader))
        return false;
    if (list.kind != VALUE_LIST || list.count == 0) {
        report(e, at, "wrong-kind", "'oversample' takes a list of classes; this is %s",
               value_describe(e, list));
        return false;
    }
    if (target < 1 || target != floor(target) || target > 1e9) {
        report(e, target_span, "wrong-number", "a number of images is a whole number from 1; this is %g",
               target);
        return false;
    }
    int *classes = ARENA_ARRAY(e->program->arena, int, list.count);
    for (size_t i = 0; i < list.count; i++)
        if ((classes[i] = class_index(e, list.items[i], at)) < 0)
            return false;
    *out = (HpOversample){.class_count = (int)list.count, .classes = classes, .target = (int64_t)target};
    return true;
}

void settings_read_select(Elaborator *e, const Setting *setting, HpStage *out)
{
    static const char *const metrics[] = {"macro_ap", "macro_f1", "sample_f1", "accuracy", "loss"};
    if (!setting) {
        out->select = e->program->dataset->one_of ? "accuracy" : "macro_ap";
        out->select_maximum = true;
        return;
    }
    Reader reader = reader_new_assigned(e, setting);
    Span at = reader_span(&reader);
    const char *name = reader_name(&reader, "a metric");
    out->select = "loss";
    if (!name)
        return;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (!strcmp(metrics[i], name))
            out->select = metrics[i];
    if (strcmp(out->select, name) && report(e, at, "unknown-metric", "there is no metric '%s'", name)) {
        report_nearest(e, name, metrics, sizeof metrics / sizeof *metrics);
        report_help(e, "macro_ap, macro_f1, sample_f1, accuracy or loss");
    }
    out->select_maximum = reader_take_word(&reader, "maximum");
    if (!out->select_maximum && !reader_take_word(&reader, "minimum"))
        reader_fail(&reader, "'maximum' or 'minimum'");
    reader_end(&reader);
}

/* ---------------------------------------------------------------- split */

static void default_split(HpSplit *split)
{
    static const char *const names[] = {"train", "validation", "test"};
    static const double fractions[] = {0.8, 0.1, 0.1};
    *split = (HpSplit){.count = 3, .names = names, .fractions = fractions, .stratified = true};
}

static void read_split(Elaborator *e, const Setting *setting, HpSplit *split)
{
    if (!setting) {
        default_split(split);
        return;
    }
    Reader reader = reader_new(e, setting);
    *split = (HpSplit){0};
    if (reader_take_word(&reader, "none")) {
        reader_end(&reader);
        return;
    }
    const char **names = ARENA_ARRAY(e->program->arena, const char *, setting->values.count + 1);
    double *fractions = ARENA_ARRAY(e->program->arena, double, setting->values.count + 1), sum = 0;
    *split = (HpSplit){.names = names, .fractions = fractions};
    do {
        Span at = reader_span(&reader);
        const char *name = reader_name(&reader, "the name of a part");
        double fraction = 0;
        if (!name || !reader_number(&reader, UNIT_NONE, "a fraction", &fraction))
            return;
        for (int i = 0; i < split->count; i++)
            if (!strcmp(names[i], name))
                report(e, at, "duplicate-name", "the part '%s' is named twice", name);
        if (fraction <= 0 || fraction > 1)
            report(e, at, "wrong-number", "'%s' is a fraction above 0 and up to 1; this is %g", name,
                   fraction);
        names[split->count] = name;
        fractions[split->count++] = fraction;
        sum += fraction;
        split->stratified = reader_take_word(&reader, "stratified");
    } while (!split->stratified && reader_next_item(&reader));
    if (!reader_end(&reader))
        return;
    bool train = false, validation = false;
    for (int i = 0; i < split->count; i++) {
        train |= !strcmp(names[i], "train");
        validation |= !strcmp(names[i], "validation");
    }
    if (!train || !validation)
        report(e, setting->span, "split",
               "a split has the parts 'train' and 'validation'; this one has no '%s'",
               train ? "validation" : "train");
    else if (fabs(sum - 1) > 1e-9)
        report(e, setting->span, "split", "the fractions of a split add up to 1; these add up to %g", sum);
}

/* ---------------------------------------------------------------- batch */

static bool is_count(Elaborator *e, Span at, double number)
{
    enum { LARGEST_BATCH = 1 << 20 };
    if (number >= 1 && number == floor(number) && number <= LARGEST_BATCH)
        return true;
    report(e, at, "wrong-number", "a batch is a whole number of images from 1 to %d; this is %g",
           LARGEST_BATCH, number);
    return false;
}

static void read_batch(Elaborator *e, const Setting *setting, Program *program)
{
    enum { DEFAULT_BATCH = 32 };
    program->batch = program->part = DEFAULT_BATCH;
    if (!setting)
        return;
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    double batch = 0, part = 0;
    if (!reader_number(&reader, UNIT_NONE, "a number of images", &batch) || !is_count(e, at, batch))
        return;
    program->batch = program->part = (int64_t)batch;
    if (!reader_take_word(&reader, "in")) {
        reader_end(&reader);
        return;
    }
    if (!reader_need_word(&reader, "parts") || !reader_need_word(&reader, "of"))
        return;
    at = reader_span(&reader);
    if (!reader_number(&reader, UNIT_NONE, "a number of images", &part) || !reader_end(&reader) ||
        !is_count(e, at, part))
        return;
    program->part = (int64_t)part;
    if (program->batch % program->part)
        report(e, at, "batch-parts", "parts of %lld do not divide a batch of %lld", (long long)program->part,
               (long long)program->batch);
}

int64_t settings_read_stage_batch(Elaborator *e, const Setting *setting)
{
    const Program *program = e->program;
    double batch;
    if (!setting)
        return program->batch;
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    if (!reader_number(&reader, UNIT_NONE, "a number of images", &batch) || !is_count(e, at, batch))
        return program->batch;
    if (reader_has_word(&reader, "in"))
        reader_fail(&reader, "no parts (those of the file's batch are every stage's)");
    if (!reader_end(&reader) || program->front->batch_chosen)
        return program->batch;
    if ((int64_t)batch % program->part &&
        report(e, at, "batch-parts", "parts of %lld do not divide a batch of %lld", (long long)program->part,
               (long long)batch))
        report_help(
            e, "every stage works on parts of one size: say it in the file's 'batch %lld in parts of ...'",
            (long long)program->batch);
    return (int64_t)batch;
}

/* --batch and --part win; a part that no longer divides shrinks to one that does. */
static void apply_options(Program *program, const ProgramOptions *options)
{
    program->front->batch_chosen = options->batch > 0;
    if (options->batch > 0)
        program->batch = options->batch;
    if (options->part > 0) {
        if (program->batch % options->part)
            fatal("parts of %lld do not divide a batch of %lld", (long long)options->part,
                  (long long)program->batch);
        program->part = options->part;
    }
    while (program->batch % program->part)
        program->part--;
}

/* ---------------------------------------------------------------- normalize, decay, clip */

static void read_normalize(Elaborator *e, const Setting *setting, Program *program)
{
    program->normalize = setting != NULL;
    if (!setting)
        return;
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    const char *name = reader_name(&reader, "the name of the input");
    const Declaration *input = program->front->input;
    if (name && input && strcmp(name, input->name) &&
        report(e, at, "unknown-name", "'%s' is not the input", name))
        report_note(e, input->name_span, "the input is '%s'", input->name);
    if (reader_need_word(&reader, "per") && reader_need_word(&reader, "plane"))
        reader_end(&reader);
}

static void except_kind(Program *program, const char *kind)
{
    Front *front = program->front;
    const VariableList *all = &program->variables->list;
    if (!strcmp(kind, "norm")) {
        for (size_t i = 0; i < front->norms.count; i++)
            list_push(program->arena, &front->decayed_not, front->norms.items[i]);
        return;
    }
    for (size_t i = 0; i < all->count; i++) {
        const char *dot = strrchr(all->items[i]->name, '.');
        if (all->items[i]->kind == HP_PARAMETER && !strcmp(dot ? dot + 1 : all->items[i]->name, "bias"))
            list_push(program->arena, &front->decayed_not, all->items[i]);
    }
}

static void except_path(Elaborator *e, const Expression *value)
{
    const char *path = path_from_values(e->program, value);
    if (!path)
        return;
    const VariableList *all = &e->program->variables->list;
    bool *marked = ARENA_ARRAY(e->program->arena, bool, all->count);
    select_variables(e, path, value->span, marked);
    for (size_t i = 0; i < all->count; i++)
        if (marked[i])
            list_push(e->program->arena, &e->program->front->decayed_not, all->items[i]);
}

static void read_decay(Elaborator *e, const Setting *setting)
{
    Front *front = e->program->front;
    if (!setting)
        return;
    Reader reader = reader_new(e, setting);
    double decay;
    Span at = reader_span(&reader);
    if (!reader_number(&reader, UNIT_NONE, "a decay", &decay))
        return;
    if (decay < 0)
        report(e, at, "wrong-number", "a decay is 0 or more; this is %g", decay);
    scalar_variable(e->program, "optimizer.decay", decay);
    if (front->rule && !body_reads(e->program, &front->rule->body, "decay") &&
        report(e, setting->span, "unread-decay", "'%s' does not read 'decay', so this changes nothing",
               front->rule->name)) {
        report_note(e, front->rule->span, "the optimizer is defined here");
        report_help(e, "adamw and sgd decay weights");
    }
    if (reader_take_word(&reader, "except"))
        do {
            bool kind = reader_has_word(&reader, "bias") || reader_has_word(&reader, "norm");
            const Expression *value = reader_path(&reader, "'bias', 'norm' or the path of a layer");
            if (value && kind)
                except_kind(e->program, value->path->parts.items[0].name);
            else if (value)
                except_path(e, value);
        } while (reader_next_item(&reader));
    reader_end(&reader);
}

static void read_clip(Elaborator *e, const Setting *setting)
{
    if (!setting)
        return;
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    double clip;
    if (!reader_number(&reader, UNIT_NONE, "a norm", &clip))
        return;
    if (clip <= 0)
        report(e, at, "wrong-number", "the norm that gradients are clipped to is above 0; this is %g", clip);
    scalar_variable(e->program, "clip", clip);
    reader_end(&reader);
}

void settings_read_batch(Program *program, const ProgramOptions *options)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    read_batch(e, program->front->batch, program);
    apply_options(program, options);
}

void settings_read(Program *program)
{
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    const Front *front = program->front;
    read_normalize(e, front->normalize, program);
    read_split(e, front->split, &program->split);
    read_decay(e, front->decay);
    read_clip(e, front->clip);
}
