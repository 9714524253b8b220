/* The steps of a stage. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

enum { SMOKE_STEPS = 20, SHOWN_IMAGES = 16 };

/* ---------------------------------------------------------------- plan */

static int whole_epochs(const HpRun *run, const HpStage *stage)
{
    double epochs = run->session.settings[stage->epochs_scalar];
    if (!(epochs >= 0 && epochs <= 1e6) || epochs != floor(epochs))
        hp_fail("%s is %g; epochs are a whole number", run->model->scalars[stage->epochs_scalar].name,
                epochs);
    return (int)epochs;
}

HpPlan hp_plan_stage(const HpRun *run, int stage)
{
    const HpModel *model = run->model;
    HpPlan plan = {.stage = &model->stages[stage],
                   .class_counts = hp_alloc((size_t)model->dataset->class_count, sizeof(int64_t))};
    int64_t batch = model->part_rows * plan.stage->parts;
    plan.list = hp_sampling_list(run->data, model->dataset, plan.stage, stage, run->session.context.seed,
                                 &run->division.train, plan.class_counts, &plan.count);
    plan.steps_per_epoch = plan.count / batch;
    if (plan.steps_per_epoch == 0)
        hp_fail("an epoch has %lld training images and a batch takes %lld: compile with a smaller batch "
                "(hpacc --batch)",
                (long long)plan.count, (long long)batch);
    plan.epochs = whole_epochs(run, plan.stage);
    plan.steps = plan.epochs * plan.steps_per_epoch;
    if (run->options->smoke) {
        plan.steps = SMOKE_STEPS / model->stage_count + (stage < SMOKE_STEPS % model->stage_count);
        plan.epochs = (int)((plan.steps + plan.steps_per_epoch - 1) / plan.steps_per_epoch);
    }
    return plan;
}

void hp_plan_free(HpPlan *plan)
{
    free(plan->list);
    free(plan->class_counts);
}

/* ---------------------------------------------------------------- rates */

static void set_scalar(HpSession *session, int index, double value)
{
    session->context.scalars[index] = (float)value;
}

/* A schedule's other results change the optimizer's numbers: "beta1" is the scalar "optimizer.beta1". */
static void set_optimizer_scalar(HpSession *session, const char *name, float value)
{
    const HpModel *model = session->model;
    for (int i = 0; i < model->scalar_count; i++) {
        const char *scalar = model->scalars[i].name;
        if (strncmp(scalar, "optimizer.", 10) == 0 && strcmp(scalar + 10, name) == 0) {
            session->context.scalars[i] = value;
            return;
        }
    }
    hp_bug("a schedule sets \"%s\", which the optimizer does not have", name);
}

/* How many numbers the schedules of a stage give each update. */
static int schedule_results(const HpModel *model, const HpStage *stage)
{
    int count = 0;
    for (int i = 0; i < model->group_count; i++)
        if (stage->rates[i].scalar >= 0 && stage->rates[i].schedule >= 0)
            count += model->functions[stage->rates[i].schedule].result_count;
    return count;
}

/* What a schedule gives at update `t` of T; returns the place behind its results. */
static float *run_schedule(HpSession *session, const HpRate *rate, int64_t t, int64_t T, float *results)
{
    const HpModel *model = session->model;
    const HpFunction *function = &model->functions[rate->schedule];
    float lr = NAN;
    set_scalar(session, model->schedule_t_scalar, (double)t);
    set_scalar(session, model->schedule_T_scalar, (double)T);
    set_scalar(session, model->schedule_peak_scalar, session->settings[rate->scalar]);
    hp_session_run(session, rate->schedule);
    for (int i = 0; i < function->result_count; i++, results++) {
        session->device->download(results, session->context.memory + function->results[i].offset,
                                  sizeof *results);
        if (strcmp(function->results[i].name, "lr") == 0)
            lr = *results;
    }
    if (!isfinite(lr))
        hp_fail("%s gives no finite learning rate at step %lld of %lld", function->name, (long long)t,
                (long long)T);
    return results;
}

/* Schedules run where the model does, so asking one for a number waits for the device: they are asked for
 * those of all `batches` of an epoch when it begins. To be freed. */
static float *run_schedules(HpRun *run, const HpPlan *plan, int64_t batches)
{
    HpSession *session = &run->session;
    size_t count = (size_t)schedule_results(run->model, plan->stage);
    float *numbers = hp_alloc((size_t)batches, count * sizeof *numbers), *next = numbers;
    hp_session_apply_settings(session);
    for (int64_t batch = 0; count > 0 && batch < batches; batch++)
        for (int i = 0; i < run->model->group_count; i++) {
            const HpRate *rate = &plan->stage->rates[i];
            if (rate->scalar >= 0 && rate->schedule >= 0)
                next = run_schedule(session, rate, run->position.epoch * plan->steps_per_epoch + batch,
                                    plan->steps, next);
        }
    return numbers;
}

/* Sets what a schedule has given but the rate, which it returns. */
static double apply_schedule(HpSession *session, const HpFunction *function, const float *results)
{
    double lr = NAN;
    for (int i = 0; i < function->result_count; i++)
        if (strcmp(function->results[i].name, "lr") == 0)
            lr = results[i];
        else
            set_optimizer_scalar(session, function->results[i].name, results[i]);
    return lr;
}

/* ---------------------------------------------------------------- the scale of the loss */

/* A program whose gradients are in fp16 multiplies the loss: twice as much after GOOD_STEPS updates, half as
 * much when a gradient was not finite. */
enum { GOOD_STEPS = 2000 };
static const double LEAST_SCALE = 0x1p-16, LARGEST_SCALE = 0x1p24;

/* The index of the scalar, or -1. */
static int loss_scale_scalar(const HpModel *model)
{
    for (int i = 0; i < model->scalar_count; i++)
        if (strcmp(model->scalars[i].name, "loss_scale") == 0)
            return i;
    return -1;
}

static void set_loss_scale(HpRun *run)
{
    HpPosition *position = &run->position;
    int scalar = loss_scale_scalar(run->model);
    if (scalar < 0)
        return;
    if (position->loss_scale == 0)
        position->loss_scale = run->session.settings[scalar];
    if (!(position->loss_scale >= LEAST_SCALE && position->loss_scale <= LARGEST_SCALE))
        hp_fail("loss_scale is %g; it may be from %g to %g", position->loss_scale, LEAST_SCALE,
                LARGEST_SCALE);
    set_scalar(&run->session, scalar, position->loss_scale);
}

/* Sets every group's rate and count for the next update, whose numbers of schedules these are; returns the
 * largest rate. */
static double set_rates(HpRun *run, const HpStage *stage, const float *numbers)
{
    HpSession *session = &run->session;
    double largest = 0;
    hp_session_apply_settings(session);
    set_loss_scale(run);
    for (int i = 0; i < run->model->group_count; i++) {
        const HpGroup *group = &run->model->groups[i];
        const HpRate *rate = &stage->rates[i];
        bool frozen = rate->scalar < 0;
        double lr = frozen ? 0 : session->settings[rate->scalar];
        if (!frozen && rate->schedule >= 0) {
            const HpFunction *schedule = &run->model->functions[rate->schedule];
            lr = apply_schedule(session, schedule, numbers);
            numbers += schedule->result_count;
        }
        run->position.group_steps[i] += !frozen;
        set_scalar(session, group->lr_scalar, lr);
        set_scalar(session, group->step_scalar, (double)run->position.group_steps[i]);
        largest = fmax(largest, lr);
    }
    return largest;
}

/* ---------------------------------------------------------------- not a number */

/* " --set NAME=VALUE" for each rate or peak of the stage, at a tenth of what it is; to be freed. */
static char *lower_rates(const HpRun *run)
{
    const HpStage *stage = &run->model->stages[run->position.stage];
    char *text = hp_string("");
    for (int i = 0; i < run->model->group_count; i++) {
        int scalar = stage->rates[i].scalar;
        bool seen = scalar < 0;
        for (int j = 0; j < i; j++)
            seen = seen || stage->rates[j].scalar == scalar;
        if (seen)
            continue;
        char *longer = hp_format("%s --set %s=%g", text, run->model->scalars[scalar].name,
                                 run->session.settings[scalar] / 10);
        free(text);
        text = longer;
    }
    return text;
}

void hp_fail_not_finite(const HpRun *run, const char *what)
{
    const HpOptions *options = run->options;
    const HpStage *stage = &run->model->stages[run->position.stage];
    char *try = lower_rates(run);
    char *kept =
        run->saved_step < 0
            ? hp_format("nothing was saved yet; begin again with a tenth of the learning rate:%s", try)
            : hp_format(
                  "last.safetensors of step %lld is kept; go on from it with a tenth of the learning rate:\n"
                  "%s train --data %s --out %s --resume%s",
                  (long long)run->saved_step, options->program, options->data, options->out, try);
    hp_fail("%s is not a finite number at step %lld (stage %s, epoch %d); training stopped.\n%s", what,
            (long long)run->position.step + 1, stage->name, run->position.epoch + 1, kept);
}

/* After an update: was it one? A group's count tells nothing of those that were not. */
static void judge_update(HpRun *run, const HpStage *stage, const HpResult *result)
{
    HpPosition *position = &run->position;
    float finite;
    hp_session_download(&run->session, result, &finite);
    position->good_steps++;
    if (finite != 0 && position->good_steps < GOOD_STEPS)
        return;
    position->good_steps = 0;
    position->loss_scale =
        finite != 0 ? fmin(position->loss_scale * 2, LARGEST_SCALE) : position->loss_scale / 2;
    for (int i = 0; finite == 0 && i < run->model->group_count; i++)
        position->group_steps[i] -= stage->rates[i].scalar >= 0;
    if (position->loss_scale < LEAST_SCALE)
        hp_fail_not_finite(run, "a gradient");
}

/* ---------------------------------------------------------------- one epoch */

/* The host is one part ahead of the device: what a part was like is read when the next one has begun, so that
 * the device need not wait for the host to prepare it. Position and log are those of steps that were read. */
typedef struct Epoch {
    HpRun *run;
    const HpPlan *plan;
    HpContactSheet *sheet;
    HpLog *log;
    HpProgress progress;
    int64_t *order; /* the plan's list, shuffled for this epoch */
    float *numbers; /* of schedules, for each step */
    HpLoader *loader;
    HpBatch batch; /* one part */
    uint64_t augment_key;
    int64_t first, batches;        /* the step this call began with, those of the whole epoch */
    int64_t parts;                 /* of the whole epoch */
    int64_t started, read;         /* parts */
    const HpResult *loss, *finite; /* finite: NULL where no update is undone */
    double lr, sum; /* of the step that is read next: the largest rate, the losses of its parts */
    double began;
} Epoch;

static void request(Epoch *epoch, int64_t part)
{
    if (part < epoch->parts)
        hp_loader_request(epoch->loader, epoch->order + part * epoch->batch.rows, epoch->batch.rows);
}

static void fill_batch(Epoch *epoch, int64_t part)
{
    HpRun *run = epoch->run;
    HpSession *session = &run->session;
    HpBatch *batch = &epoch->batch;
    HpImageStore images = hp_loader_take(epoch->loader, batch->sample);
    for (int64_t row = 0; row < batch->rows; row++) {
        int64_t draw = part * batch->rows + row;
        hp_augment_draw(&epoch->plan->stage->augment, epoch->augment_key, draw, run->model->image_size,
                        images.height, images.width, batch->affine + 6 * row, &batch->gain[row]);
        batch->draw[row] = hp_draw_number(run->position.stage, run->position.epoch, draw);
    }
    hp_batch_labels(batch, run->data, run->model->dataset->class_count, epoch->order + part * batch->rows,
                    batch->rows);
    session->device->set_images(&session->context, &images, batch->sample, batch->rows);
    hp_batch_upload(session, batch, true);
}

/* Starts forward and backward of the part that is in the batch. */
static void start_part(Epoch *epoch, bool accumulate)
{
    HpSession *session = &epoch->run->session;
    set_scalar(session, session->model->accumulate_scalar, accumulate);
    hp_session_run(session, epoch->plan->stage->train);
    session->device->fetch(epoch->started % HP_FETCHES, session->context.memory + epoch->loss->offset);
    epoch->started++;
}

static void read_part(Epoch *epoch)
{
    float loss = epoch->run->session.device->fetched(epoch->read % HP_FETCHES);
    epoch->read++;
    if (!isfinite(loss))
        hp_fail_not_finite(epoch->run, "the loss");
    epoch->sum += loss;
}

/* Reads what is left of the step that was started last. */
static void finish_step(Epoch *epoch)
{
    HpRun *run = epoch->run;
    HpPosition *position = &run->position;
    const HpStage *stage = epoch->plan->stage;
    read_part(epoch);
    if (epoch->finite)
        judge_update(run, stage, epoch->finite);
    double loss = epoch->sum / (double)stage->parts, now = hp_seconds();
    epoch->sum = 0;
    position->lr = epoch->lr;
    position->batch++;
    position->step++;
    position->loss_sum += loss;
    position->epoch_seconds += now - epoch->began;
    position->seconds += now - epoch->began;
    epoch->began = now;
    hp_log_step(epoch->log, stage->name, position->epoch + 1, position->step, loss, position->lr);
    hp_progress_update(&epoch->progress,
                       (position->batch - epoch->first) * run->model->part_rows * stage->parts,
                       "loss %.4f  lr %.2e", position->loss_sum / (double)position->batch, position->lr);
}

/* Keeps the tensors of the part that has just run. */
static void fill_sheet(const Epoch *epoch)
{
    HpContactSheet *sheet = epoch->sheet;
    const HpRun *run = epoch->run;
    const HpSession *session = &run->session;
    const HpDataset *dataset = run->model->dataset;
    int64_t rows = epoch->batch.rows, classes = dataset->class_count;
    int64_t pixels = dataset->plane_count * run->model->image_size * run->model->image_size;
    const HpResult *image = hp_session_result(session, epoch->plan->stage->train, "image");
    const HpResult *logits = hp_session_result(session, epoch->plan->stage->train, "logits");
    if (!image || image->count != rows * pixels)
        return;
    hp_contact_sheet_free(sheet);
    sheet->count = rows < SHOWN_IMAGES ? (int)rows : SHOWN_IMAGES;
    sheet->pixels = hp_alloc((size_t)image->count, sizeof(float));
    sheet->labels = hp_alloc((size_t)(sheet->count * classes), 1);
    hp_session_download(session, image, sheet->pixels);
    if (logits && logits->count == rows * classes) {
        sheet->scores = hp_alloc((size_t)logits->count, sizeof(float));
        hp_session_download(session, logits, sheet->scores);
    }
    for (int i = 0; i < sheet->count; i++) {
        int64_t sample = epoch->order[run->position.batch * epoch->plan->stage->parts * rows + i];
        if (sheet->scores)
            hp_probabilities(sheet->scores + i * classes, (int)classes, dataset->one_of);
        memcpy(sheet->labels + i * classes, hp_data_labels(run->data, sample), (size_t)classes);
        sheet->images[i] = (HpShownImage){.id = hp_data_id(run->data, sample),
                                          .pixels = sheet->pixels + i * pixels,
                                          .labels = sheet->labels + i * classes,
                                          .scores = sheet->scores ? sheet->scores + i * classes : NULL};
    }
}

void hp_contact_sheet_free(HpContactSheet *sheet)
{
    free(sheet->pixels);
    free(sheet->scores);
    free(sheet->labels);
    *sheet = (HpContactSheet){0};
}

/* Starts all parts of a batch and the update, and finishes the step before: where an update may be undone,
 * before this one begins, which depends on that. */
static void start_step(Epoch *epoch, int64_t batch)
{
    HpRun *run = epoch->run;
    const HpStage *stage = epoch->plan->stage;
    bool behind = epoch->read < epoch->started;
    request(epoch, epoch->started + 1);
    fill_batch(epoch, epoch->started);
    if (behind && epoch->finite)
        finish_step(epoch);
    double lr = set_rates(run, stage, epoch->numbers + batch * schedule_results(run->model, stage));
    start_part(epoch, false);
    if (batch == epoch->first)
        fill_sheet(epoch);
    if (behind && !epoch->finite)
        finish_step(epoch);
    epoch->lr = lr;
    for (int64_t part = 1; part < stage->parts; part++) {
        request(epoch, epoch->started + 1);
        fill_batch(epoch, epoch->started);
        start_part(epoch, true);
        read_part(epoch);
    }
    hp_session_run(&run->session, stage->update);
}

static int64_t batches_of_epoch(const HpRun *run, const HpPlan *plan)
{
    int64_t left = plan->steps - run->position.epoch * plan->steps_per_epoch;
    return left < plan->steps_per_epoch ? left : plan->steps_per_epoch;
}

static void open_epoch(Epoch *epoch)
{
    HpRun *run = epoch->run;
    const HpModel *model = run->model;
    uint64_t seed = run->session.context.seed;
    int stage = run->position.stage, number = run->position.epoch;
    epoch->order = hp_alloc((size_t)epoch->plan->count, sizeof *epoch->order);
    memcpy(epoch->order, epoch->plan->list, (size_t)epoch->plan->count * sizeof *epoch->order);
    hp_shuffle(epoch->order, epoch->plan->count, hp_key(seed, HP_KEY_SHUFFLE, stage, number));
    epoch->augment_key = hp_key(seed, HP_KEY_AUGMENT, stage, number);
    epoch->batch = hp_batch_new(model, model->part_rows);
    epoch->loader = hp_loader_open(run->data, run->session.decoders, model->part_rows);
    epoch->first = run->position.batch;
    epoch->batches = batches_of_epoch(run, epoch->plan);
    epoch->parts = epoch->batches * epoch->plan->stage->parts;
    epoch->started = epoch->read = epoch->first * epoch->plan->stage->parts;
    epoch->numbers = run_schedules(run, epoch->plan, epoch->batches);
    epoch->finite = hp_session_result(&run->session, epoch->plan->stage->update, "finite");
    epoch->loss = hp_session_result(&run->session, epoch->plan->stage->train, "loss");
    if (!epoch->loss)
        hp_bug("%s has no result \"loss\"", model->functions[epoch->plan->stage->train].name);
    request(epoch, epoch->started);
    hp_session_prepare(&run->session); /* loaded weights have no copies yet */
}

static void close_epoch(Epoch *epoch)
{
    hp_loader_close(epoch->loader);
    hp_batch_free(&epoch->batch);
    free(epoch->numbers);
    free(epoch->order);
}

bool hp_train_epoch(HpRun *run, const HpPlan *plan, HpContactSheet *sheet, HpLog *log)
{
    Epoch epoch = {.run = run, .plan = plan, .sheet = sheet, .log = log, .began = hp_seconds()};
    char *title = hp_format("%s %d/%d", plan->stage->name, run->position.epoch + 1, plan->epochs);
    open_epoch(&epoch);
    hp_progress_begin(&epoch.progress, title,
                      (epoch.batches - epoch.first) * run->model->part_rows * plan->stage->parts);
    int64_t batch = epoch.first;
    while (batch < epoch.batches && !hp_session_stopped(&run->session)) {
        start_step(&epoch, batch++);
        if (batch < epoch.batches && hp_seconds() - run->saved_at >= run->options->save_every) {
            finish_step(&epoch);
            hp_checkpoint_save(run);
        }
    }
    if (epoch.read < epoch.started)
        finish_step(&epoch);
    hp_progress_end(&epoch.progress);
    close_epoch(&epoch);
    free(title);
    return batch >= epoch.batches;
}
