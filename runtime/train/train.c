/* `train`: stages of epochs, each evaluated, kept and shown; then the test. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../base/base.h"
#include "../weights/weights.h"
#include "train.h"

enum { SMOKE_EVALUATION_BATCHES = 4 };

typedef struct Training {
    HpRun run;
    HpPlan plan; /* of the present stage */
    HpContactSheet sheet;
    HpLog *log;
    int64_t sampled_images;
    int64_t *sampled_counts; /* of the last stage that ran */
} Training;

/* ---------------------------------------------------------------- signals */

static volatile sig_atomic_t stop_signal;

/* The first asks to finish the step; a second one ends the program at once. */
static void ask_to_stop(int number)
{
    stop_signal = number;
}

static void watch_signals(HpRun *run)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    stop_signal = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    run->session.signal = &stop_signal;
}

static _Noreturn void stop_and_save(HpRun *run)
{
    hp_checkpoint_save(run);
    printf("\nstopped after step %lld and saved; to go on:\n%s train --data %s --out %s --resume%s\n",
           (long long)run->position.step, run->options->program, run->options->data, run->options->out,
           run->options->smoke ? " --smoke" : "");
    fflush(stdout);
    exit(128 + (int)stop_signal);
}

/* ---------------------------------------------------------------- beginning */

static void write_text(const HpRun *run, const char *file, const char *text)
{
    char *path = hp_run_path(run, file);
    if (!hp_write_file(path, text, strlen(text)))
        hp_fail("cannot write %s: %s", path, strerror(errno));
    free(path);
}

static bool has_file(const HpRun *run, const char *file)
{
    char *path = hp_run_path(run, file);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* An existing run is never touched unless --resume says so. */
static void check_folder(const HpRun *run)
{
    hp_make_folder(run->options->out);
    if (run->options->resume)
        return;
    if (has_file(run, "last.safetensors") || has_file(run, "best.safetensors") || has_file(run, "split.csv"))
        hp_fail("%s holds a run already; --resume goes on with it, another --out begins a new one",
                run->options->out);
}

static void upload_normalization(HpRun *run, const char *name, const double *values)
{
    const HpVariable *variable = hp_variable_find(run->model, name);
    if (!variable)
        return;
    int planes = run->model->dataset->plane_count;
    float *plain = hp_alloc((size_t)planes, sizeof *plain);
    for (int i = 0; i < planes; i++)
        plain[i] = (float)values[i];
    run->session.device->upload_variable(&run->session.context, variable, plain);
    free(plain);
}

/* The network's weights, statistics and normalisation; the scalars stay this run's. */
static void load_network(HpRun *run, const char *path)
{
    HpVariables variables = {run->model, run->session.device, &run->session.context};
    char *wrong;
    HpTensorFile *file = hp_weights_open(run->model, path, &wrong);
    if (file)
        wrong = hp_weights_load(&variables, file, HP_NETWORK_KINDS);
    if (wrong)
        hp_fail_with(wrong);
    hp_tensors_close(file);
    run->session.prepared = false;
}

/* Mean and deviation of each plane over the training part; 0 and 1 where the recipe does not normalise. */
static void measure_normalization(HpRun *run)
{
    const HpDataset *dataset = run->model->dataset;
    double *mean = hp_alloc((size_t)dataset->plane_count, sizeof *mean);
    double *deviation = hp_alloc((size_t)dataset->plane_count, sizeof *deviation);
    for (int i = 0; i < dataset->plane_count; i++)
        deviation[i] = 1;
    if (run->model->normalize) {
        hp_data_statistics(run->data, run->division.train.items, run->division.train.count, mean, deviation);
        printf("normalisation, measured on the training part:\n");
        for (int i = 0; i < dataset->plane_count; i++) {
            printf("  %-12s mean %.5f  deviation %.5f\n", dataset->planes[i], mean[i], deviation[i]);
            if (!(deviation[i] > 0)) {
                hp_warn("plane %s is the same everywhere; it is not scaled", dataset->planes[i]);
                deviation[i] = 1;
            }
        }
    }
    upload_normalization(run, "normalization.mean", mean);
    upload_normalization(run, "normalization.deviation", deviation);
    free(mean);
    free(deviation);
}

static void write_records(const HpRun *run)
{
    char *csv = hp_division_csv(&run->division, run->data);
    char *choices = hp_model_choices(run->model);
    write_text(run, "recipe.hpanet", run->model->recipe);
    write_text(run, "split.csv", csv);
    write_text(run, "choices.json", choices);
    free(choices);
    free(csv);
}

/* Fresh weights, then the recipe's files or --weights; with --weights the normalisation is the file's too.
 * What is written makes the folder a run's, so weights that are not there leave it free. */
static void begin_run(HpRun *run)
{
    HpVariables variables = {run->model, run->session.device, &run->session.context};
    measure_normalization(run);
    hp_weights_initialize(&variables, run->session.context.seed);
    if (run->options->weights) {
        load_network(run, run->options->weights);
        printf("weights and normalisation of %s\n", run->options->weights);
    } else {
        hp_weights_apply(&variables, run->options->initial);
    }
    write_records(run);
}

/* A smoke run looks at a few batches only. */
static void shorten(HpImages *images, int64_t rows)
{
    if (images->count > SMOKE_EVALUATION_BATCHES * rows)
        images->count = SMOKE_EVALUATION_BATCHES * rows;
}

static void open_run(Training *training, const HpOptions *options, const HpModel *model)
{
    HpRun *run = &training->run;
    run->options = options;
    run->model = model;
    run->saved_step = -1;
    run->saved_at = hp_seconds();
    run->position.best = -1;
    run->position.group_steps = hp_alloc((size_t)model->group_count, sizeof(int64_t));
    training->sampled_counts = hp_alloc((size_t)model->dataset->class_count, sizeof(int64_t));
    run->data = hp_open_data(options, model);
    run->data_hash = hp_data_hash(run->data);
    check_folder(run);
    hp_session_open(&run->session, model, options, true);
    watch_signals(run);
    bool resumed = options->resume && hp_checkpoint_load(run);
    run->division = hp_divide(run->data, model, run->session.context.seed);
    if (resumed) {
        printf("%s: goes on after step %lld\n", options->out, (long long)run->position.step);
    } else {
        if (options->resume)
            printf("%s has no checkpoint yet: the run begins\n", options->out);
        hp_division_print(&run->division, run->data, model);
        begin_run(run);
    }
    if (options->smoke) {
        shorten(&run->division.validation, model->evaluate_rows);
        shorten(&run->division.test, model->evaluate_rows);
    }
    training->log = hp_log_open(options->out, run->position.step);
}

/* ---------------------------------------------------------------- the end of an epoch */

/* Do two stages judge alike, so that their epochs can be compared? */
static bool same_judge(const HpStage *a, const HpStage *b)
{
    return strcmp(a->select, b->select) == 0 && a->select_maximum == b->select_maximum &&
           (strcmp(a->select, "loss") != 0 || a->validation == b->validation);
}

static const HpStage *stage_named(const HpModel *model, const char *name)
{
    for (int i = 0; i < model->stage_count; i++)
        if (strcmp(model->stages[i].name, name) == 0)
            return &model->stages[i];
    hp_bug("there is no stage %s", name);
}

/* Is the last epoch better than the best so far? Without a validation part the last one always is. */
static bool is_best(const HpRun *run, const HpStage *stage)
{
    const HpEpoch *last = &run->epochs[run->epoch_count - 1];
    if (run->position.best < 0 || last->validation.images == 0)
        return true;
    const HpEpoch *best = &run->epochs[run->position.best];
    if (!same_judge(stage, stage_named(run->model, best->stage)))
        return true;
    double now = hp_scores_metric(&last->validation, stage->select);
    double before = hp_scores_metric(&best->validation, stage->select);
    if (isnan(now) || isnan(before))
        return isnan(before) && !isnan(now);
    return stage->select_maximum ? now > before : now < before;
}

static void append_epoch(Training *training, HpScores scores)
{
    HpRun *run = &training->run;
    HpPosition *position = &run->position;
    int64_t images = position->batch * run->model->part_rows * training->plan.stage->parts;
    if (run->epoch_count > 0) {
        HpScores *before = &run->epochs[run->epoch_count - 1].validation;
        free(before->confusion);
        before->confusion = NULL;
    }
    run->epochs = hp_realloc(run->epochs, (size_t)run->epoch_count + 1, sizeof *run->epochs);
    run->epochs[run->epoch_count++] = (HpEpoch){
        .stage = training->plan.stage->name,
        .epoch = position->epoch + 1,
        .step = position->step,
        .train_loss = position->loss_sum / (double)position->batch,
        .seconds = position->epoch_seconds,
        .images_per_second = position->epoch_seconds > 0 ? (double)images / position->epoch_seconds : 0,
        .lr = position->lr,
        .validation = scores};
}

/* "0.1234", or "-" for what is not defined. */
static const char *score_text(char text[16], double value)
{
    snprintf(text, 16, isnan(value) ? "-" : "%.4f", value);
    return text;
}

static void print_epoch(const HpEpoch *epoch, int epochs)
{
    const HpScores *scores = &epoch->validation;
    char ap[16];
    printf("%s %d/%d  loss %.4f", epoch->stage, epoch->epoch, epochs, epoch->train_loss);
    if (scores->images > 0)
        printf("  validation loss %.4f  macro AP %s  macro F1 %.4f  sample F1 %.4f", scores->loss,
               score_text(ap, scores->macro_ap), scores->macro_f1, scores->sample_f1);
    if (scores->confusion)
        printf("  accuracy %.4f", scores->accuracy);
    printf("  %.1f images/s%s\n", epoch->images_per_second, epoch->best ? "  best" : "");
    fflush(stdout);
}

static void write_report(Training *training, const HpScores *test)
{
    HpRun *run = &training->run;
    int planes = run->model->dataset->plane_count;
    float *mean = hp_alloc((size_t)planes, sizeof *mean),
          *deviation = hp_alloc((size_t)planes, sizeof *deviation);
    const HpVariable *mean_variable = hp_variable_find(run->model, "normalization.mean");
    const HpVariable *deviation_variable = hp_variable_find(run->model, "normalization.deviation");
    for (int i = 0; i < planes; i++)
        deviation[i] = 1;
    if (mean_variable && deviation_variable) {
        run->session.device->download_variable(&run->session.context, mean_variable, mean);
        run->session.device->download_variable(&run->session.context, deviation_variable, deviation);
    }
    HpReport report = {.model = run->model,
                       .folder = run->options->out,
                       .epoch_count = run->epoch_count,
                       .epochs = run->epochs,
                       .mean = mean,
                       .deviation = deviation,
                       .image_count = training->sheet.count,
                       .images = training->sheet.images,
                       .class_counts = run->division.class_counts,
                       .class_counts_sampled = training->sampled_counts,
                       .train_images = run->division.train.count,
                       .sampled_images = training->sampled_images,
                       .test = test,
                       .seconds = run->position.seconds};
    hp_report_write(&report);
    free(mean);
    free(deviation);
}

/* Evaluates, keeps what is best, and moves to the next epoch. Killed anywhere in here, a run goes on from the
 * checkpoint before and does the same again. */
static void finish_epoch(Training *training)
{
    HpRun *run = &training->run;
    HpPosition *position = &run->position;
    const HpStage *stage = training->plan.stage;
    HpScores scores =
        hp_score_images(&run->session, run->data, &run->division.validation, stage->validation, "validation");
    if (scores.images == 0 && hp_session_stopped(&run->session))
        stop_and_save(run);
    if (!isfinite(scores.loss))
        hp_fail_not_finite(run, "the validation loss");
    append_epoch(training, scores);
    HpEpoch *epoch = &run->epochs[run->epoch_count - 1];
    epoch->best = is_best(run, stage);
    if (epoch->best) {
        for (int i = 0; i < run->epoch_count - 1; i++)
            run->epochs[i].best = false;
        position->best = run->epoch_count - 1;
        hp_best_save(run);
    }
    hp_log_epoch(training->log, epoch);
    print_epoch(epoch, training->plan.epochs);
    position->epoch++;
    position->batch = 0;
    position->loss_sum = position->epoch_seconds = 0;
    if (position->epoch >= training->plan.epochs) {
        position->stage++;
        position->epoch = 0;
    }
    hp_checkpoint_save(run);
    write_report(training, NULL);
}

/* ---------------------------------------------------------------- stages */

/* What happens once, before a stage's first step. */
static void begin_stage(Training *training)
{
    HpRun *run = &training->run;
    const HpStage *stage = training->plan.stage;
    HpVariables variables = {run->model, run->session.device, &run->session.context};
    if (stage->from_best && run->position.best >= 0) {
        char *path = hp_run_path(run, "best.safetensors");
        load_network(run, path);
        free(path);
    }
    if (!stage->keep_state || run->position.stage == 0) {
        hp_weights_reset_state(&variables);
        memset(run->position.group_steps, 0, (size_t)run->model->group_count * sizeof(int64_t));
    }
}

static void run_stage(Training *training)
{
    HpRun *run = &training->run;
    int stage = run->position.stage;
    int64_t batch = run->model->part_rows * run->model->stages[stage].parts;
    training->plan = hp_plan_stage(run, stage);
    HpPlan *plan = &training->plan;
    training->sampled_images = plan->count;
    memcpy(training->sampled_counts, plan->class_counts,
           (size_t)run->model->dataset->class_count * sizeof *plan->class_counts);
    printf("stage %s: %d epochs of %lld steps, %lld images each%s; the last %lld of an epoch's list wait for "
           "the next "
           "shuffle\n",
           plan->stage->name, plan->epochs, (long long)plan->steps_per_epoch, (long long)batch,
           plan->count > run->division.train.count ? " (oversampled)" : "", (long long)(plan->count % batch));
    fflush(stdout);
    if (run->position.epoch == 0 && run->position.batch == 0)
        begin_stage(training);
    if (plan->epochs == 0)
        run->position.stage++;
    while (run->position.stage == stage) {
        if (!hp_train_epoch(run, plan, &training->sheet, training->log) || hp_session_stopped(&run->session))
            stop_and_save(run);
        finish_epoch(training);
    }
    hp_plan_free(plan);
}

/* ---------------------------------------------------------------- the end of the run */

static void print_row(const char *name, const HpScores *scores)
{
    char ap[16];
    if (scores->images > 0)
        printf("%-12s %8lld %10s %10.4f %10.4f %10.4f\n", name, (long long)scores->images,
               score_text(ap, scores->macro_ap), scores->macro_f1, scores->sample_f1, scores->loss);
    else
        printf("%-12s %8d %10s %10s %10s %10s\n", name, 0, "-", "-", "-", "-");
}

/* The best weights on the images that chose nothing. */
static void finish_run(Training *training)
{
    HpRun *run = &training->run;
    int validation = run->model->stages[run->model->stage_count - 1].validation;
    const HpEpoch *best = run->position.best >= 0 ? &run->epochs[run->position.best] : NULL;
    if (!best)
        hp_fail("the recipe trains no epoch: every stage has 0");
    char *path = hp_run_path(run, "best.safetensors"), *report = hp_run_path(run, "report.html");
    load_network(run, path);
    HpScores test = hp_score_images(&run->session, run->data, &run->division.test, validation, "test");
    if (test.images == 0 && hp_session_stopped(&run->session)) {
        printf("\nstopped; the training is complete and saved, --resume does the test\n");
        exit(128 + (int)stop_signal);
    }
    write_report(training, test.images > 0 ? &test : NULL);
    printf("\nbest: %s, epoch %d\n%-12s %8s %10s %10s %10s %10s\n", best->stage, best->epoch, "", "images",
           "macro AP", "macro F1", "sample F1", "loss");
    print_row("validation", &best->validation);
    print_row("test", &test);
    printf("weights  %s\nreport   %s\n", path, report);
    hp_scores_free(&test);
    free(path);
    free(report);
}

static void close_run(Training *training)
{
    HpRun *run = &training->run;
    for (int i = 0; i < run->epoch_count; i++)
        hp_scores_free(&run->epochs[i].validation);
    free(run->epochs);
    free(run->position.group_steps);
    free(training->sampled_counts);
    hp_contact_sheet_free(&training->sheet);
    hp_division_free(&run->division);
    hp_log_close(training->log);
    hp_session_close(&run->session);
    hp_data_close(run->data);
}

int hp_train(const HpOptions *options, const HpModel *model)
{
    Training training = {0};
    if (!options->out)
        hp_fail("--out is missing: the folder for this run's weights and report, such as --out runs/1");
    if (options->weights && options->initial)
        hp_fail("--weights begins with a whole network, --initial with the recipe's weights statement: only "
                "one of them");
    open_run(&training, options, model);
    while (training.run.position.stage < model->stage_count)
        run_stage(&training);
    finish_run(&training);
    close_run(&training);
    return 0;
}
