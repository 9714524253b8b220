/* bench: how long steps take on made-up images, and where the time goes. */
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "../weights/weights.h"
#include "bench.h"

enum { WARM_UP_STEPS = 2, DEFAULT_STEPS = 10, MOST_PROFILED = 5 };

/* ---------------------------------------------------------------- made-up images */

static uint8_t *make_pixels(const HpModel *model, int64_t rows, HpImageStore *store)
{
    int64_t size = model->image_size, planes = model->dataset->plane_count;
    size_t bytes = (size_t)(rows * size * size * planes);
    uint8_t *pixels = hp_alloc(bytes + sizeof(uint32_t[4]), 1);
    for (size_t i = 0; i < bytes; i += sizeof(uint32_t[4])) {
        uint32_t words[4];
        hp_philox(1, i, 0, words);
        memcpy(pixels + i, words, sizeof words);
    }
    *store = (HpImageStore){.pixels = pixels,
                            .bits = 8,
                            .height = size,
                            .width = size,
                            .planes = planes,
                            .count = rows,
                            .scale = 1.0f / 255};
    return pixels;
}

static void upload_rows(HpSession *session, const HpImageStore *images, int64_t rows, bool training)
{
    const HpModel *model = session->model;
    int classes = model->dataset->class_count;
    HpBatch batch = hp_batch_new(model, rows);
    for (int64_t row = 0; row < rows; row++) {
        batch.sample[row] = batch.draw[row] = row;
        hp_affine_identity(model->image_size, model->image_size, model->image_size, batch.affine + 6 * row);
        batch.labels[row * classes + row % classes] = 1;
    }
    session->device->set_images(&session->context, images, batch.sample, rows);
    hp_batch_upload(session, &batch, training);
    hp_batch_free(&batch);
}

/* ---------------------------------------------------------------- timing */

/* What is timed: steps that each run some functions. */
typedef struct Job {
    const char *name; /* "training", "prediction" */
    void (*step)(HpSession *session);
    int64_t images; /* a step */
    int function_count, functions[2];
    int64_t times[2];           /* of a function in a step */
    double median, least, most; /* seconds of a step that is waited for */
    double enqueued;            /* of one among steps that nobody waits for until the last is done */
    HpProfile profiles[2];
} Job;

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void train_once(HpSession *session)
{
    const HpModel *model = session->model;
    const HpStage *stage = &model->stages[model->stage_count - 1];
    for (int64_t part = 0; part < stage->parts; part++) {
        session->context.scalars[model->accumulate_scalar] = part > 0;
        hp_session_run(session, stage->train);
    }
    hp_session_run(session, stage->update);
}

static void predict_once(HpSession *session)
{
    hp_session_run(session, session->model->predict);
}

static void time_steps(HpSession *session, Job *job, int64_t count)
{
    double *seconds = hp_alloc((size_t)count, sizeof *seconds);
    for (int i = 0; i < WARM_UP_STEPS; i++)
        job->step(session);
    session->device->synchronize();
    for (int64_t i = 0; i < count; i++) {
        double began = hp_seconds();
        job->step(session);
        session->device->synchronize();
        seconds[i] = hp_seconds() - began;
    }
    double began = hp_seconds();
    for (int64_t i = 0; i < count; i++)
        job->step(session);
    session->device->synchronize();
    job->enqueued = (hp_seconds() - began) / (double)count;
    qsort(seconds, (size_t)count, sizeof *seconds, compare_seconds);
    job->median = seconds[count / 2];
    job->least = seconds[0];
    job->most = seconds[count - 1];
    free(seconds);
}

static void measure(HpSession *session, Job *job, const HpMachine *machine, int64_t count)
{
    hp_session_prepare(session);
    time_steps(session, job, count);
    for (int i = 0; i < job->function_count; i++)
        job->profiles[i] = hp_profile_measure(session, job->functions[i], machine,
                                              count < MOST_PROFILED ? count : MOST_PROFILED);
}

static double roofline(const Job *job)
{
    double sum = 0;
    for (int i = 0; i < job->function_count; i++)
        sum += (double)job->times[i] * job->profiles[i].roofline;
    return sum;
}

/* The rates of the last stage as they are before any schedule. */
static void set_rates(HpSession *session)
{
    const HpModel *model = session->model;
    for (int i = 0; i < model->group_count; i++) {
        int rate = model->stages[model->stage_count - 1].rates[i].scalar;
        session->context.scalars[model->groups[i].lr_scalar] = rate < 0 ? 0 : (float)session->settings[rate];
        session->context.scalars[model->groups[i].step_scalar] = 1;
    }
}

/* ---------------------------------------------------------------- showing */

/* The most memory this process has held, in bytes; 0 where the system does not say. */
static double peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lf kB", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

static void print_job(const Job *job)
{
    double least = roofline(job);
    printf("%-10s %8.2f images/s   %.1f ms for %lld images (%.1f to %.1f); back to back %.2f images/s\n",
           job->name, (double)job->images / job->median, job->median * 1e3, (long long)job->images,
           job->least * 1e3, job->most * 1e3, (double)job->images / job->enqueued);
    if (least > 0)
        printf("  roofline: %.1f ms of %.1f ms (%.0f %%)\n", least * 1e3, job->enqueued * 1e3,
               100 * least / job->enqueued);
}

static void print_jobs(const Job *jobs, int count, const HpMachine *machine)
{
    for (int i = 0; i < count; i++)
        print_job(&jobs[i]);
    printf("peak memory %.1f MB\n", peak_memory() / 1e6);
    if (machine->peak_memory > 0)
        printf("peak memory of %s %.1f MB\n", machine->name, (double)machine->peak_memory / 1e6);
    if (machine->flops > 0 && machine->bandwidth > 0)
        printf("roofline of %s: %.1f TFLOP/s, %.2f TB/s\n", machine->name, machine->flops / 1e12,
               machine->bandwidth / 1e12);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < jobs[i].function_count; j++)
            hp_profile_print(&jobs[i].profiles[j]);
}

static json_t *job_json(const Job *job)
{
    json_t *object = json_object(), *functions = json_array();
    double least = roofline(job);
    json_object_set_new(object, "images_per_second", json_real((double)job->images / job->median));
    json_object_set_new(object, "images_per_second_back_to_back",
                        json_real((double)job->images / job->enqueued));
    json_object_set_new(object, "milliseconds", json_real(job->median * 1e3));
    json_object_set_new(object, "least_milliseconds", json_real(job->least * 1e3));
    json_object_set_new(object, "most_milliseconds", json_real(job->most * 1e3));
    if (least > 0) {
        json_object_set_new(object, "roofline_milliseconds", json_real(least * 1e3));
        json_object_set_new(object, "roofline_share", json_real(least / job->enqueued));
    }
    for (int i = 0; i < job->function_count; i++) {
        json_t *function = hp_profile_json(&job->profiles[i]);
        json_object_set_new(function, "times", json_integer(job->times[i]));
        json_array_append_new(functions, function);
    }
    json_object_set_new(object, "functions", functions);
    return object;
}

static json_t *machine_json(const HpMachine *machine)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(machine->name));
    json_object_set_new(object, "flops_per_second", json_real(machine->flops));
    json_object_set_new(object, "bytes_per_second", json_real(machine->bandwidth));
    json_object_set_new(object, "peak_megabytes", json_real((double)machine->peak_memory / 1e6));
    return object;
}

static void print_json(const HpModel *model, const Job *jobs, int count, const HpMachine *machine)
{
    json_t *object = json_object();
    json_object_set_new(object, "model", json_string(model->name));
    json_object_set_new(object, "target", json_string(model->target));
    for (int i = 0; i < count; i++)
        json_object_set_new(object, jobs[i].name, job_json(&jobs[i]));
    json_object_set_new(object, "peak_megabytes", json_real(peak_memory() / 1e6));
    if (*machine->name)
        json_object_set_new(object, "device", machine_json(machine));
    if (json_dumpf(object, stdout, JSON_REAL_PRECISION(6)) != 0)
        hp_fail("the result cannot be written");
    putchar('\n');
    json_decref(object);
}

/* ---------------------------------------------------------------- the command */

static bool wants(const HpOptions *options, const char *job)
{
    return !options->only || strcmp(options->only, job) == 0;
}

static void open_session(HpSession *session, const HpModel *model, const HpOptions *options)
{
    hp_session_open(session, model, options, wants(options, "train"));
    HpVariables variables = {model, session->device, &session->context};
    hp_weights_initialize(&variables, options->seed);
    if (wants(options, "train"))
        hp_weights_reset_state(&variables);
}

static Job training_job(const HpModel *model)
{
    const HpStage *stage = &model->stages[model->stage_count - 1];
    return (Job){.name = "training",
                 .step = train_once,
                 .images = stage->parts * model->part_rows,
                 .function_count = 2,
                 .functions = {stage->train, stage->update},
                 .times = {stage->parts, 1}};
}

static Job prediction_job(const HpModel *model)
{
    return (Job){.name = "prediction",
                 .step = predict_once,
                 .images = model->evaluate_rows,
                 .function_count = 1,
                 .functions = {model->predict},
                 .times = {1}};
}

int hp_bench(const HpOptions *options, const HpModel *model)
{
    if (options->only && strcmp(options->only, "train") != 0 && strcmp(options->only, "predict") != 0)
        hp_fail("--only is train or predict, not \"%s\"", options->only);
    HpSession session;
    open_session(&session, model, options);
    int64_t rows = model->part_rows > model->evaluate_rows ? model->part_rows : model->evaluate_rows;
    int64_t count = options->steps ? options->steps : DEFAULT_STEPS;
    HpImageStore images;
    uint8_t *pixels = make_pixels(model, rows, &images);
    HpMachine machine;
    session.device->describe(model, &machine);
    Job jobs[2];
    int timed = 0;
    if (wants(options, "train")) {
        jobs[timed] = training_job(model);
        upload_rows(&session, &images, model->part_rows, true);
        set_rates(&session);
        measure(&session, &jobs[timed++], &machine, count);
    }
    if (wants(options, "predict")) {
        jobs[timed] = prediction_job(model);
        upload_rows(&session, &images, model->evaluate_rows, false);
        measure(&session, &jobs[timed++], &machine, count);
    }
    session.device->describe(model, &machine); /* now it knows its peak of memory */
    if (options->json)
        print_json(model, jobs, timed, &machine);
    else
        print_jobs(jobs, timed, &machine);
    for (int i = 0; i < timed; i++)
        for (int j = 0; j < jobs[i].function_count; j++)
            hp_profile_free(&jobs[i].profiles[j]);
    free(pixels);
    hp_session_close(&session);
    return 0;
}
