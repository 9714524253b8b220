/* Stages: what trains, at which rates, with which loss. A file without stages has one that trains everything.
 */
#include "reader.h"

#include <string.h>

static const char *const stage_words[] = {"train",   "freeze",     "lr",     "loss", "validate", "select",
                                          "augment", "oversample", "epochs", "from", "keep",     "batch"};

static const Setting *find(const SettingList *list, const char *word)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (!strcmp(list->items[i]->word, word))
            return list->items[i];
    return NULL;
}

static const Setting *either(const SettingList *list, const char *word, const Setting *general)
{
    const Setting *own = find(list, word);
    return own ? own : general;
}

/* ---------------------------------------------------------------- train and freeze */

typedef enum Policy { POLICY_DEFAULT, POLICY_FROZEN, POLICY_MOVING } Policy;

typedef struct Selection {
    bool *marked;
    bool everything, others;
    Policy policy;
} Selection;

/* Does "(statistics frozen)" follow? */
static bool words_follow(const Reader *reader)
{
    return !reader_at_end(reader) && reader->setting->values.items[reader->at]->kind == EXPRESSION_WORDS;
}

static Policy read_policy(Reader *reader)
{
    const Setting *setting = reader->setting;
    if (!words_follow(reader))
        return POLICY_DEFAULT;
    const Expression *words = setting->values.items[reader->at];
    Setting inside = {.word = setting->word, .span = words->span, .values = words->items};
    Reader inner = reader_new(reader->e, &inside);
    Policy policy = POLICY_DEFAULT;
    if (reader_need_word(&inner, "statistics")) {
        policy = reader_take_word(&inner, "moving") ? POLICY_MOVING : POLICY_FROZEN;
        if (policy == POLICY_FROZEN && !reader_take_word(&inner, "frozen"))
            reader_fail(&inner, "'frozen' or 'moving'");
        reader_end(&inner);
    }
    reader->failed |= inner.failed;
    reader->at++;
    return policy;
}

static Selection read_selection(Elaborator *e, const Setting *setting)
{
    Selection selection = {.marked = ARENA_ARRAY(e->program->arena, bool, e->program->variables->list.count)};
    Reader reader = reader_new(e, setting);
    const char *all_word = !strcmp(setting->word, "train") ? "everything" : "others";
    if (reader_take_word(&reader, all_word)) {
        *(!strcmp(all_word, "others") ? &selection.others : &selection.everything) = true;
    } else {
        const Expression *value;
        do {
            value = reader_path(&reader,
                                arena_format(e->program->arena, "'%s' or the path of a layer", all_word));
            const char *path = value ? path_from_values(e->program, value) : NULL;
            if (path)
                select_variables(e, path, value->span, selection.marked);
        } while (value && !words_follow(&reader) && reader_next_item(&reader));
    }
    selection.policy = read_policy(&reader);
    reader_end(&reader);
    return selection;
}

static bool is_weight(const Variable *variable)
{
    return variable->kind == HP_PARAMETER || variable->kind == HP_STATISTIC;
}

static void apply_selections(Elaborator *e, const SettingList *body, Stage *stage)
{
    const VariableList *all = &e->program->variables->list;
    const Setting *train = find(body, "train"), *freeze = find(body, "freeze");
    size_t errors = diagnostic_error_count(e->program->diagnostics);
    Selection trained = train ? read_selection(e, train) : (Selection){.everything = true};
    Selection frozen = freeze ? read_selection(e, freeze) : (Selection){0};
    bool any = diagnostic_error_count(e->program->diagnostics) > errors; /* a wrong selector is enough said */
    for (size_t i = 0; i < all->count; i++) {
        if (!is_weight(all->items[i]))
            continue;
        bool excluded = freeze && !frozen.others && frozen.marked[i];
        bool trains = (trained.everything || trained.marked[i]) && !excluded;
        Policy policy = trains ? trained.policy : frozen.policy;
        stage->trains[i] = trains && all->items[i]->kind == HP_PARAMETER;
        stage->moves_statistics[i] = all->items[i]->kind == HP_STATISTIC &&
                                     (policy == POLICY_DEFAULT ? trains : policy == POLICY_MOVING);
        any |= stage->trains[i];
    }
    if (!any)
        report(e, stage->span, "nothing-trains", "stage '%s' trains nothing", stage->name);
}

/* ---------------------------------------------------------------- learning rates */

typedef struct Rates {   /* of one stage, before the groups are refined */
    Variable **of_group; /* per group as written; [0] when there is none */
    int schedule;
} Rates;

static bool read_rate(Reader *reader, double *rate)
{
    Span at = reader_span(reader);
    if (!reader_number(reader, UNIT_NONE, "a learning rate", rate))
        return false;
    if (*rate >= 0)
        return true;
    report(reader->e, at, "wrong-number", "a learning rate is 0 or more; this is %g", *rate);
    return false;
}

static bool group_trains(const Program *program, const Stage *stage, int group)
{
    const VariableList *all = &program->variables->list;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i]->kind == HP_PARAMETER && stage->trains[i] &&
            program->front->user_group_of[i] == group)
            return true;
    return false;
}

static int group_find(Elaborator *e, const Setting *setting)
{
    const Front *front = e->program->front;
    const char **names = ARENA_ARRAY(e->program->arena, const char *, front->groups.count + 1);
    for (size_t i = 0; i < front->groups.count; i++) {
        names[i] = front->groups.items[i]->name;
        if (!strcmp(names[i], setting->word))
            return (int)i;
    }
    if (report(e, setting->span, "unknown-group", "there is no group '%s'", setting->word))
        report_nearest(e, setting->word, names, front->groups.count);
    return -1;
}

/* { bottom 1e-5; middle 1e-4; top 1e-3 } */
static void read_group_rates(Elaborator *e, const Setting *lr, Stage *stage, Rates *rates)
{
    Program *program = e->program;
    const Front *front = program->front;
    for (size_t i = 0; i < lr->body.count; i++) {
        const Setting *setting = lr->body.items[i];
        int group = group_find(e, setting);
        Reader reader = reader_new(e, setting);
        double rate;
        if (group < 0 || !read_rate(&reader, &rate) || !reader_end(&reader))
            continue;
        if (rates->of_group[group])
            report(e, setting->span, "duplicate-setting", "the rate of '%s' is said twice", setting->word);
        else if (!group_trains(program, stage, group))
            report(e, setting->span, "unused-rate", "nothing of group '%s' trains in stage '%s'",
                   setting->word, stage->name);
        const char *name = arena_format(program->arena, "stage.%s.lr.%s", stage->name, setting->word);
        rates->of_group[group] = scalar_variable(program, name, rate);
    }
    for (size_t i = 0; i < front->groups.count; i++)
        if (!rates->of_group[i] && group_trains(program, stage, (int)i))
            report(e, lr->span, "missing-rate", "group '%s' trains in stage '%s' and has no rate here",
                   front->groups.items[i]->name, stage->name);
}

static void set_rate(Elaborator *e, const Stage *stage, Rates *rates, double rate)
{
    const char *name = arena_format(e->program->arena, "stage.%s.lr", stage->name);
    Variable *scalar = scalar_variable(e->program, name, rate);
    for (size_t i = 0; i < e->program->front->groups.count || i == 0; i++)
        rates->of_group[i] = scalar;
}

static const Definition *find_schedule(Elaborator *e, const Expression *value)
{
    const Front *front = e->program->front;
    const char *name = path_text(e->program->arena, value->path);
    const Definition *definition = definition_find(front, name);
    if (!definition || definition->kind != DEFINITION_SCHEDULE) {
        const char **names = ARENA_ARRAY(e->program->arena, const char *, front->definitions.count + 1);
        size_t count = 0;
        for (size_t i = 0; i < front->definitions.count; i++)
            if (front->definitions.items[i]->kind == DEFINITION_SCHEDULE)
                names[count++] = front->definitions.items[i]->name;
        if (report(e, value->span, "unknown-schedule", "there is no schedule '%s'", name)) {
            report_nearest(e, name, names, count);
            if (!count)
                report_help(e, "use \"schedules.hpanet\" brings the shipped ones");
        }
        return NULL;
    }
    definition_used(e->program, definition);
    if (definition->parameters.count >= 3)
        return definition;
    report(e, definition->span, "schedule-form",
           "the schedule '%s' takes (t, T, peak, ...): the step, the number of "
           "steps and the rate",
           name);
    return NULL;
}

/* one_cycle(1e-3), one_cycle(warm = 0.2) { bottom 1e-5; ... } */
static void read_schedule(Elaborator *e, const Setting *lr, Stage *stage, Rates *rates)
{
    Program *program = e->program;
    const Expression *value = lr->values.items[0];
    const Definition *definition = find_schedule(e, value);
    if (!definition)
        return;
    Expression *call = ARENA_NEW(program->arena, Expression);
    *call = *value;
    call->kind = EXPRESSION_CALL;
    size_t own = definition->parameters.count - 2;
    const char **names = ARENA_ARRAY(program->arena, const char *, own);
    const Argument **found = ARENA_ARRAY(program->arena, const Argument *, own);
    for (size_t i = 0; i < own; i++)
        names[i] = definition->parameters.items[i + 2].name;
    if (!arguments_match(e, call, names, own, found))
        return;
    Value peak = found[0] ? evaluate(e, found[0]->value, "") : value_error();
    if (found[0] && lr->has_body)
        report(e, found[0]->span, "duplicate-setting",
               "the rates are given for each group and here once more");
    else if (found[0] && (peak.kind != VALUE_NUMBER || peak.number < 0))
        report(e, found[0]->span, "wrong-number", "a learning rate is a number from 0; this is %s",
               value_describe(e, peak));
    else if (!found[0] && !lr->has_body)
        report(e, value->span, "missing-rate",
               "'%s' needs its highest rate: %s(1e-3), or { group 1e-3; ... }", definition->name,
               definition->name);
    else if (lr->has_body)
        read_group_rates(e, lr, stage, rates);
    else
        set_rate(e, stage, rates, peak.number);
    rates->schedule = (int)program->schedules.count;
    const char *name = arena_format(program->arena, "stage.%s.schedule", stage->name);
    list_push(program->arena, &program->schedules,
              ((ScheduleUse){.definition = definition, .call = call, .name = name}));
}

static bool report_missing(Elaborator *e, const Stage *stage, const char *what)
{
    const Front *front = e->program->front;
    if (front->stages.count)
        return report(e, stage->span, "missing-setting", "stage '%s' %s", stage->name, what);
    const SourceUnit *file = front->units.items[front->units.count - 1];
    return report(e, (Span){file->file, 1, 1, 1}, "missing-setting", "training %s", what);
}

static void read_lr(Elaborator *e, const Setting *lr, Stage *stage, Rates *rates)
{
    rates->schedule = -1;
    if (!lr) {
        if (report_missing(e, stage, "has no learning rate"))
            report_help(e, "lr = 1e-3");
        return;
    }
    Reader reader = reader_new_assigned(e, lr);
    if (reader.failed)
        return;
    if (lr->has_body && !e->program->front->groups.count) {
        report(e, lr->span, "unknown-group", "rates for each group need groups, and there are none");
        return;
    }
    const Expression *value = lr->values.count ? lr->values.items[0] : NULL;
    if (value && value->kind == EXPRESSION_PATH &&
        scope_find(e->program->front->constants, path_text(e->program->arena, value->path)))
        value = NULL;
    if (lr->values.count == 1 && value &&
        (value->kind == EXPRESSION_CALL || value->kind == EXPRESSION_PATH)) {
        read_schedule(e, lr, stage, rates);
        return;
    }
    double rate;
    if (lr->has_body) {
        if (reader_end_before_body(&reader))
            read_group_rates(e, lr, stage, rates);
    } else if (read_rate(&reader, &rate) && reader_end(&reader)) {
        set_rate(e, stage, rates, rate);
    }
}

/* ---------------------------------------------------------------- one stage */

/* loss = EXPRESSION, and for training `per part`: rows are mixed within each part of a batch alone. */
static const Expression *loss_expression(Elaborator *e, const Setting *setting, bool *per_part)
{
    Reader reader = reader_new_assigned(e, setting);
    if (setting->values.count == 0)
        reader_fail(&reader, "an expression");
    reader.at = 1;
    if (per_part && (*per_part = reader_take_word(&reader, "per")))
        reader_need_word(&reader, "part");
    return reader_end(&reader) ? setting->values.items[0] : NULL;
}

static void read_losses(Elaborator *e, const SettingList *body, Stage *stage)
{
    Program *program = e->program;
    const Front *front = program->front;
    const Setting *loss = either(body, "loss", front->loss),
                  *validate = either(body, "validate", front->validate);
    if (!loss)
        return; /* reported where the file's settings are collected */
    const Expression *training = loss_expression(e, loss, &stage->per_part);
    const Expression *validation = validate ? loss_expression(e, validate, NULL) : training;
    const char *own = arena_format(program->arena, "stage.%s", stage->name);
    if (training)
        stage->loss = loss_use(program, training,
                               loss == front->loss ? "loss" : path_join(program->arena, own, "loss"));
    if (validation && validate)
        stage->validation =
            loss_use(program, validation,
                     validate == front->validate ? "validate" : path_join(program->arena, own, "validate"));
    else
        stage->validation = stage->loss;
}

static void read_epochs(Elaborator *e, const Setting *setting, Stage *stage)
{
    double epochs = 1;
    if (!setting) {
        if (report_missing(e, stage, "does not say how many epochs it takes"))
            report_help(e, "epochs 10");
        return;
    }
    Reader reader = reader_new(e, setting);
    Span at = reader_span(&reader);
    if (reader_number(&reader, UNIT_NONE, "a number of epochs", &epochs) && reader_end(&reader) &&
        (epochs < 1 || epochs > 1e6 || epochs != (double)(int64_t)epochs))
        report(e, at, "wrong-number", "a number of epochs is a whole number from 1; this is %g", epochs);
    scalar_variable(e->program, arena_format(e->program->arena, "stage.%s.epochs", stage->name), epochs);
}

static bool read_words(Elaborator *e, const Setting *setting, const char *word)
{
    if (!setting)
        return false;
    Reader reader = reader_new(e, setting);
    return reader_need_word(&reader, word) && reader_end(&reader);
}

/* A stage's own oversampling replaces the file's; `oversample none` has none. */
static void read_oversample(Elaborator *e, const SettingList *body, Stage *stage)
{
    const Front *front = e->program->front;
    bool own = find(body, "oversample") != NULL;
    size_t count = own ? body->count : front->oversample.count;
    HpOversample *list = ARENA_ARRAY(e->program->arena, HpOversample, count + 1);
    for (size_t i = 0; i < count; i++) {
        const Setting *setting = own ? body->items[i] : front->oversample.items[i];
        if (strcmp(setting->word, "oversample"))
            continue;
        Reader reader = reader_new(e, setting);
        if (reader_take_word(&reader, "none"))
            reader_end(&reader);
        else if (settings_read_oversample(e, setting, &list[stage->table.oversample_count]))
            stage->table.oversample_count++;
    }
    stage->table.oversample = list;
}

static Stage *stage_new(Program *program, const char *name, Span span)
{
    size_t count = program->variables->list.count;
    Stage *stage = ARENA_NEW(program->arena, Stage);
    stage->name = stage->table.name = name;
    stage->span = span;
    stage->trains = ARENA_ARRAY(program->arena, bool, count);
    stage->moves_statistics = ARENA_ARRAY(program->arena, bool, count);
    stage->schedule = -1;
    list_push(program->arena, &program->stages, stage);
    return stage;
}

static void stage_read(Program *program, const char *name, Span span, const SettingList *body)
{
    const Front *front = program->front;
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    size_t groups = front->groups.count ? front->groups.count : 1;
    Rates rates = {.of_group = ARENA_ARRAY(program->arena, Variable *, groups)};
    Stage *stage = stage_new(program, name, span);
    if (body)
        settings_check_words(e, body, "stage", stage_words, sizeof stage_words / sizeof *stage_words);
    apply_selections(e, body, stage);
    groups_check_cover(program, stage->trains);
    read_lr(e, either(body, "lr", front->lr), stage, &rates);
    read_losses(e, body, stage);
    stage->batch = settings_read_stage_batch(e, find(body, "batch"));
    stage->table.parts = stage->batch / program->part;
    read_epochs(e, either(body, "epochs", front->epochs), stage);
    settings_read_select(e, either(body, "select", front->select), &stage->table);
    settings_read_augment(e, either(body, "augment", front->augment), &stage->table.augment);
    read_oversample(e, body, stage);
    stage->table.from_best = read_words(e, find(body, "from"), "best");
    stage->table.keep_state = read_words(e, find(body, "keep"), "state");
    stage->rates = rates.of_group; /* of the groups as written, until they are refined */
    stage->schedule = rates.schedule;
}

void stages_read(Program *program)
{
    Front *front = program->front;
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    if (!front->stages.count)
        stage_read(program, "all", front->network->span, NULL);
    for (size_t i = 0; i < front->stages.count; i++) {
        const Setting *setting = front->stages.items[i];
        Reader reader = reader_new(e, setting);
        Span at = reader_span(&reader);
        const char *name = reader_name(&reader, "the name of a stage");
        if (!name || !reader_need_body(&reader, "stage all { train everything; lr = 1e-3; epochs 10 }"))
            continue;
        for (size_t j = 0; j < program->stages.count; j++)
            if (!strcmp(program->stages.items[j]->name, name) &&
                report(e, at, "duplicate-name", "there are two stages '%s'", name))
                report_note(e, program->stages.items[j]->span, "the other one");
        stage_read(program, name, at, &setting->body);
    }
}

void stage_assign_rates(Program *program, Stage *stage, const int *first_of_group)
{
    Variable **written = stage->rates;
    stage->rates = ARENA_ARRAY(program->arena, Variable *, program->groups.count + 1);
    for (size_t i = 0; i < program->groups.count; i++) {
        int user_group = program->front->user_group_of[first_of_group[i]];
        if (stage->trains[first_of_group[i]])
            stage->rates[i] = written[user_group < 0 ? 0 : user_group];
    }
}
