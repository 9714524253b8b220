/* What a run leaves on disk to go on from, and the best weights it found. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../base/base.h"
#include "../device/product.h"
#include "../weights/weights.h"
#include "train.h"

#define META_POSITION "hpanet.position" /* JSON object */
#define META_CHOICES "hpanet.choices"   /* JSON object: what --choices takes */
#define META_BEST "hpanet.best"         /* JSON object: stage, epoch, metric, value */

char *hp_run_path(const HpRun *run, const char *file)
{
    return hp_format("%s/%s", run->options->out, file);
}

static HpVariables run_variables(HpRun *run)
{
    return (HpVariables){run->model, run->session.device, &run->session.context};
}

/* Whatever hashes differently cannot be resumed with the same bits. */
static char *recipe_hash(const HpModel *model)
{
    return hp_format("%016llx", (unsigned long long)hp_hash(model->recipe, strlen(model->recipe), 0));
}

static char *data_hash(const HpRun *run)
{
    return hp_format("%016llx", (unsigned long long)run->data_hash);
}

static json_t *choices_of(const HpModel *model)
{
    return hp_choices_json(model->isa, model->library_version, model->threads, model->library,
                           model->library_count);
}

char *hp_model_choices(const HpModel *model)
{
    json_t *object = choices_of(model);
    char *text = json_dumps(object, JSON_INDENT(1) | JSON_SORT_KEYS);
    json_decref(object);
    if (!text)
        hp_fail("out of memory while the choices were written down");
    char *line = hp_format("%s\n", text);
    free(text);
    return line;
}

/* ---------------------------------------------------------------- history as tensors */

/* The columns of "history:epochs". */
#define EPOCH_COLUMNS(COLUMN)                                                                                \
    COLUMN(epoch)                                                                                            \
    COLUMN(step)                                                                                             \
    COLUMN(train_loss)                                                                                       \
    COLUMN(seconds)                                                                                          \
    COLUMN(images_per_second)                                                                                \
    COLUMN(lr)                                                                                               \
    COLUMN(best)                                                                                             \
    COLUMN(validation.images)                                                                                \
    COLUMN(validation.loss)                                                                                  \
    COLUMN(validation.macro_f1)                                                                              \
    COLUMN(validation.macro_ap)                                                                              \
    COLUMN(validation.sample_f1)                                                                             \
    COLUMN(validation.micro_f1)                                                                              \
    COLUMN(validation.accuracy)
#define ONE(field) +1
enum { COLUMNS = 1 EPOCH_COLUMNS(ONE), CLASS_ROWS = 4 }; /* the first column is the stage */

static int stage_index(const HpModel *model, const char *name)
{
    for (int i = 0; i < model->stage_count; i++)
        if (strcmp(model->stages[i].name, name) == 0)
            return i;
    hp_bug("there is no stage %s", name);
}

static void epochs_source(void *user, void *out)
{
    const HpRun *run = user;
    double *value = out;
    for (int i = 0; i < run->epoch_count; i++) {
        const HpEpoch *epoch = &run->epochs[i];
        *value++ = stage_index(run->model, epoch->stage);
#define PUT(field) *value++ = (double)epoch->field;
        EPOCH_COLUMNS(PUT)
#undef PUT
    }
}

static void take_epochs(HpRun *run, const double *value)
{
    for (int i = 0; i < run->epoch_count; i++) {
        HpEpoch *epoch = &run->epochs[i];
        int stage = (int)*value++;
        if (stage < 0 || stage >= run->model->stage_count)
            hp_fail("the checkpoint's history names a stage this program does not have");
        epoch->stage = run->model->stages[stage].name;
#define TAKE(field) epoch->field = (__typeof__(epoch->field))*value++;
        EPOCH_COLUMNS(TAKE)
#undef TAKE
    }
}

/* f1, ap, precision and recall of each epoch; without a validation they do not exist and stay 0. */
static double *class_row(const HpScores *scores, int row)
{
    double *const rows[CLASS_ROWS] = {scores->f1, scores->ap, scores->precision, scores->recall};
    return rows[row];
}

static void classes_source(void *user, void *out)
{
    const HpRun *run = user;
    size_t classes = (size_t)run->model->dataset->class_count;
    double *value = out;
    for (int i = 0; i < run->epoch_count; i++)
        for (int row = 0; row < CLASS_ROWS; row++, value += classes) {
            const double *from = class_row(&run->epochs[i].validation, row);
            memset(value, 0, classes * sizeof *value);
            if (from)
                memcpy(value, from, classes * sizeof *value);
        }
}

static void support_source(void *user, void *out)
{
    const HpRun *run = user;
    size_t classes = (size_t)run->model->dataset->class_count;
    int64_t *value = out;
    for (int i = 0; i < run->epoch_count; i++, value += classes) {
        memset(value, 0, classes * sizeof *value);
        if (run->epochs[i].validation.support)
            memcpy(value, run->epochs[i].validation.support, classes * sizeof *value);
    }
}

static void confusion_source(void *user, void *out)
{
    const HpRun *run = user;
    size_t classes = (size_t)run->model->dataset->class_count;
    memcpy(out, run->epochs[run->epoch_count - 1].validation.confusion, classes * classes * sizeof(int64_t));
}

static bool has_confusion(const HpRun *run)
{
    return run->epoch_count > 0 && run->epochs[run->epoch_count - 1].validation.confusion;
}

static void add_history(HpTensorWriter *writer, HpRun *run)
{
    int64_t epochs = run->epoch_count, classes = run->model->dataset->class_count;
    if (epochs == 0)
        return;
    hp_writer_add(writer, "history:epochs", HP_TENSOR_F64, 2, (int64_t[]){epochs, COLUMNS}, epochs_source,
                  run);
    hp_writer_add(writer, "history:classes", HP_TENSOR_F64, 3, (int64_t[]){epochs, CLASS_ROWS, classes},
                  classes_source, run);
    hp_writer_add(writer, "history:support", HP_TENSOR_I64, 2, (int64_t[]){epochs, classes}, support_source,
                  run);
    if (has_confusion(run))
        hp_writer_add(writer, "history:confusion", HP_TENSOR_I64, 2, (int64_t[]){classes, classes},
                      confusion_source, run);
}

/* The 8-byte elements of a history tensor of `count` elements; to be freed. */
static void *read_history(const HpTensorFile *file, const char *name, int64_t count)
{
    const HpTensor *tensor = hp_tensors_find(file, name);
    if (!tensor || tensor->count != count || tensor->end - tensor->begin != (uint64_t)count * 8)
        hp_fail("%s: its %s does not fit this program", hp_tensors_path(file), name);
    void *values = hp_alloc((size_t)count, 8);
    if (!hp_tensors_read(file, tensor, values))
        hp_fail("cannot read %s: %s", hp_tensors_path(file), strerror(errno));
    return values;
}

static void load_history(HpRun *run, const HpTensorFile *file)
{
    const HpTensor *epochs = hp_tensors_find(file, "history:epochs");
    int64_t classes = run->model->dataset->class_count, count = epochs ? epochs->shape[0] : 0;
    if (count == 0)
        return;
    double *table = read_history(file, "history:epochs", count * COLUMNS);
    double *per_class = read_history(file, "history:classes", count * CLASS_ROWS * classes);
    int64_t *support = read_history(file, "history:support", count * classes);
    run->epoch_count = (int)count;
    run->epochs = hp_alloc((size_t)count, sizeof *run->epochs);
    for (int i = 0; i < count; i++) {
        HpScores *scores = &run->epochs[i].validation;
        bool last = i == count - 1;
        *scores = hp_scores_new((int)classes, last && hp_tensors_find(file, "history:confusion"));
        for (int row = 0; row < CLASS_ROWS; row++)
            memcpy(class_row(scores, row), per_class + (i * CLASS_ROWS + row) * classes, (size_t)classes * 8);
        memcpy(scores->support, support + i * classes, (size_t)classes * 8);
        if (scores->confusion) {
            int64_t *confusion = read_history(file, "history:confusion", classes * classes);
            memcpy(scores->confusion, confusion, (size_t)(classes * classes) * 8);
            free(confusion);
        }
    }
    take_epochs(run, table);
    free(table);
    free(per_class);
    free(support);
}

/* ---------------------------------------------------------------- position */

static char *position_text(const HpRun *run)
{
    const HpPosition *position = &run->position;
    char *recipe = recipe_hash(run->model), *data = data_hash(run);
    char *seed = hp_format("%llu", (unsigned long long)run->session.context.seed);
    json_t *groups = json_array();
    for (int i = 0; i < run->model->group_count; i++)
        json_array_append_new(groups, json_integer(position->group_steps[i]));
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:I, s:I, s:f, s:f, s:f, s:f, s:i, s:o, s:f, s:I}", "recipe",
        recipe, "data", data, "seed", seed, "smoke", run->options->smoke, "threads", run->session.threads,
        "stage", position->stage, "epoch", position->epoch, "batch", (json_int_t)position->batch, "step",
        (json_int_t)position->step, "loss_sum", position->loss_sum, "lr", position->lr, "epoch_seconds",
        position->epoch_seconds, "seconds", position->seconds, "best", position->best, "group_steps", groups,
        "loss_scale", position->loss_scale, "good_steps", (json_int_t)position->good_steps);
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    free(recipe);
    free(data);
    free(seed);
    if (!text)
        hp_fail("out of memory while a checkpoint was made");
    return text;
}

static void check_same(const char *path, const char *theirs, char *ours, const char *advice)
{
    if (!theirs || strcmp(theirs, ours) != 0)
        hp_fail("%s cannot be resumed: %s", path, advice);
    free(ours);
}

/* What would make the rest of the run another one. */
static void check_origin(HpRun *run, const char *path, const char *recipe, const char *data, const char *seed,
                         int smoke, int threads)
{
    check_same(path, recipe, recipe_hash(run->model),
               "the program was compiled from another recipe since; compile the run's recipe.hpanet, or "
               "begin a new run "
               "with --weights");
    check_same(path, data, data_hash(run), "the images or labels in --data are not those the run began with");
    run->session.context.seed = strtoull(seed, NULL, 10);
    if (run->options->seed_given && run->options->seed != run->session.context.seed)
        hp_fail("%s cannot be resumed with --seed %llu: its seed is %s", path,
                (unsigned long long)run->options->seed, seed);
    if ((bool)smoke != run->options->smoke)
        hp_fail("%s cannot be resumed so: its run is %s", path,
                smoke ? "a smoke run; add --smoke" : "not a smoke run; leave --smoke out");
    if (threads != run->session.threads)
        hp_warn(
            "the run had %d threads and goes on with %d: its last bits may differ (--threads %d keeps them)",
            threads, run->session.threads, threads);
}

/* Another implementation of a product rounds otherwise. */
static void check_choices(const HpRun *run, const HpTensorFile *file)
{
    const char *text = hp_tensors_metadata(file, META_CHOICES);
    json_t *theirs = text ? json_loads(text, 0, NULL) : NULL, *ours = choices_of(run->model);
    json_object_del(theirs, "threads"); /* the position has them */
    json_object_del(ours, "threads");
    if (!json_equal(theirs, ours))
        hp_warn("the run's products had other implementations than this program's: its last bits may differ "
                "(a program made with hpacc --choices %s/choices.json keeps them)",
                run->options->out);
    json_decref(theirs);
    json_decref(ours);
}

static void check_range(const HpRun *run, const char *path)
{
    const HpPosition *position = &run->position;
    if (position->stage < 0 || position->stage > run->model->stage_count || position->epoch < 0 ||
        position->batch < 0 || position->best < -1 || position->best >= run->epoch_count)
        hp_fail("%s: its position is outside the recipe", path);
}

static void load_position(HpRun *run, const HpTensorFile *file)
{
    const char *path = hp_tensors_path(file), *text = hp_tensors_metadata(file, META_POSITION);
    const char *recipe = NULL, *data = NULL, *seed = NULL;
    int smoke = 0, threads = 0;
    HpPosition *position = &run->position;
    json_t *object = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL, *groups = NULL;
    json_int_t batch = 0, step = 0, good = 0;
    if (!object ||
        json_unpack(object,
                    "{s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:I, s:I, s:F, s:F, s:F, s:F, s:i, s:o, s?F, s?I}",
                    "recipe", &recipe, "data", &data, "seed", &seed, "smoke", &smoke, "threads", &threads,
                    "stage", &position->stage, "epoch", &position->epoch, "batch", &batch, "step", &step,
                    "loss_sum", &position->loss_sum, "lr", &position->lr, "epoch_seconds",
                    &position->epoch_seconds, "seconds", &position->seconds, "best", &position->best,
                    "group_steps", &groups, "loss_scale", &position->loss_scale, "good_steps", &good) != 0)
        hp_fail("%s is not a checkpoint of a run", path);
    position->batch = batch;
    position->step = step;
    position->good_steps = good;
    check_origin(run, path, recipe, data, seed, smoke, threads);
    check_range(run, path);
    for (int i = 0; i < run->model->group_count; i++)
        position->group_steps[i] = json_integer_value(json_array_get(groups, (size_t)i));
    json_decref(object);
}

/* ---------------------------------------------------------------- files */

/* Saves and frees the writer. */
static void save(HpRun *run, HpTensorWriter *writer, const char *file)
{
    char *path = hp_run_path(run, file);
    if (!hp_writer_save(writer, path)) {
        int error = errno;
        if (run->saved_step >= 0)
            hp_fail(
                "cannot save %s: %s\nlast.safetensors of step %lld is untouched: when there is room again, "
                "`%s train --data %s --out %s --resume` goes on from it",
                path, strerror(error), (long long)run->saved_step, run->options->program, run->options->data,
                run->options->out);
        hp_fail("cannot save %s: %s; no checkpoint of this run exists yet", path, strerror(error));
    }
    hp_writer_free(writer);
    free(path);
}

static HpTensorWriter *begin_file(const char *kind)
{
    HpTensorWriter *writer = hp_writer_new();
    hp_writer_metadata(writer, HP_META_KIND, kind);
    return writer;
}

void hp_checkpoint_save(HpRun *run)
{
    HpTensorWriter *writer = begin_file("checkpoint");
    HpVariables variables = run_variables(run);
    char *position = position_text(run), *scalars = hp_session_settings(&run->session);
    char *choices = hp_model_choices(run->model);
    hp_writer_metadata(writer, META_POSITION, position);
    hp_writer_metadata(writer, META_CHOICES, choices);
    add_history(writer, run);
    hp_weights_add(writer, &variables, HP_CHECKPOINT_KINDS, scalars);
    save(run, writer, "last.safetensors");
    run->saved_step = run->position.step;
    run->saved_at = hp_seconds();
    free(choices);
    free(position);
    free(scalars);
}

bool hp_checkpoint_load(HpRun *run)
{
    char *path = hp_run_path(run, "last.safetensors");
    bool there = access(path, F_OK) == 0;
    if (there) {
        char *wrong;
        HpTensorFile *file = hp_weights_open(run->model, path, &wrong);
        if (!file)
            hp_fail_with(wrong);
        HpVariables variables = run_variables(run);
        load_history(run, file);
        load_position(run, file);
        check_choices(run, file);
        hp_session_restore_settings(&run->session, hp_tensors_metadata(file, HP_META_SCALARS), run->options);
        wrong = hp_weights_load(&variables, file, HP_CHECKPOINT_KINDS);
        if (wrong)
            hp_fail_with(wrong);
        hp_tensors_close(file);
        run->session.prepared = false;
        run->saved_step = run->position.step;
        run->saved_at = hp_seconds();
    }
    free(path);
    return there;
}

void hp_best_save(HpRun *run)
{
    const HpEpoch *epoch = &run->epochs[run->position.best];
    const char *metric = run->model->stages[stage_index(run->model, epoch->stage)].select;
    HpTensorWriter *writer = begin_file("weights");
    HpVariables variables = run_variables(run);
    json_t *object = json_pack("{s:s, s:i, s:I}", "stage", epoch->stage, "epoch", epoch->epoch, "step",
                               (json_int_t)epoch->step);
    if (epoch->validation.images > 0)
        json_object_set_new(object, metric, json_real(hp_scores_metric(&epoch->validation, metric)));
    char *best = json_dumps(object, JSON_COMPACT), *scalars = hp_session_settings(&run->session);
    hp_writer_metadata(writer, META_BEST, best ? best : "{}");
    hp_weights_add(writer, &variables, HP_NETWORK_KINDS, scalars);
    save(run, writer, "best.safetensors");
    json_decref(object);
    free(best);
    free(scalars);
}
