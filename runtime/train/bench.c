/* bench: how long steps take on made-up images, and where the time goes. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "../weights/weights.h"
#include "train.h"

enum { WARM_UP_STEPS = 2, DEFAULT_STEPS = 10, SHOWN_STEPS = 20 };

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

typedef struct Timing {
    const char *name; /* "training", "prediction" */
    int64_t images;   /* a step */
    double median, least, most;
} Timing;

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

static Timing time_steps(HpSession *session, const char *name, void (*step)(HpSession *), int64_t images,
                         int64_t count)
{
    double *seconds = hp_alloc((size_t)count, sizeof *seconds);
    for (int i = 0; i < WARM_UP_STEPS; i++)
        step(session);
    for (int64_t i = 0; i < count; i++) {
        double began = hp_seconds();
        step(session);
        session->device->synchronize();
        seconds[i] = hp_seconds() - began;
    }
    qsort(seconds, (size_t)count, sizeof *seconds, compare_seconds);
    Timing timing = {name, images, seconds[count / 2], seconds[0], seconds[count - 1]};
    free(seconds);
    return timing;
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

/* ---------------------------------------------------------------- steps of a function */

typedef struct StepTime {
    const HpStep *step;
    double seconds;
} StepTime;

static int compare_steps(const void *a, const void *b)
{
    double x = ((const StepTime *)a)->seconds, y = ((const StepTime *)b)->seconds;
    return (x < y) - (x > y);
}

/* Products by their arithmetic, everything else by what it moves. */
static void print_step(const StepTime *time, double total)
{
    const HpStep *step = time->step;
    bool product = step->flops > 0;
    printf("  %8.2f ms %5.1f %%  %7.1f %s  %s: %s\n", time->seconds * 1e3, 100 * time->seconds / total,
           (product ? step->flops : step->bytes) / time->seconds / 1e9, product ? "GFLOP/s" : "GB/s   ",
           step->layers, step->work);
}

static void print_steps(HpSession *session, const HpFunction *function, int64_t count)
{
    if (function->step_count == 0)
        return;
    StepTime *times = hp_alloc((size_t)function->step_count, sizeof *times);
    struct HpClock clock = {hp_alloc((size_t)function->step_count, sizeof(double))};
    double total = 0, products = 0;
    session->context.clock = &clock;
    for (int64_t i = 0; i < count; i++)
        session->device->run(&session->context, function);
    session->context.clock = NULL;
    for (int i = 0; i < function->step_count; i++) {
        times[i] = (StepTime){&function->steps[i], clock.seconds[i] / (double)count};
        total += times[i].seconds;
        products += function->steps[i].flops > 0 ? times[i].seconds : 0;
    }
    qsort(times, (size_t)function->step_count, sizeof *times, compare_steps);
    printf("\n%s: %.1f ms in %d steps, %.1f ms of it products; the slowest:\n", function->name, total * 1e3,
           function->step_count, products * 1e3);
    for (int i = 0; i < function->step_count && i < SHOWN_STEPS; i++)
        print_step(&times[i], total);
    free(times);
    free(clock.seconds);
}

/* ---------------------------------------------------------------- the command */

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

static void print_timing(const Timing *timing)
{
    printf("%-10s %8.2f images/s   %.1f ms for %lld images (%.1f to %.1f)\n", timing->name,
           (double)timing->images / timing->median, timing->median * 1e3, (long long)timing->images,
           timing->least * 1e3, timing->most * 1e3);
}

static void print_json(const HpModel *model, const Timing *timings, int count)
{
    json_t *object = json_object();
    json_object_set_new(object, "model", json_string(model->name));
    json_object_set_new(object, "target", json_string(model->target));
    for (int i = 0; i < count; i++) {
        json_t *row = json_object();
        json_object_set_new(row, "images_per_second",
                            json_real((double)timings[i].images / timings[i].median));
        json_object_set_new(row, "milliseconds", json_real(timings[i].median * 1e3));
        json_object_set_new(object, timings[i].name, row);
    }
    json_object_set_new(object, "peak_megabytes", json_real(peak_memory() / 1e6));
    if (json_dumpf(object, stdout, JSON_REAL_PRECISION(6)) != 0)
        hp_fail("the result cannot be written");
    putchar('\n');
    json_decref(object);
}

static bool wants(const HpOptions *options, const char *job)
{
    return !options->only || strcmp(options->only, job) == 0;
}

int hp_bench(const HpOptions *options, const HpModel *model)
{
    if (options->only && strcmp(options->only, "train") != 0 && strcmp(options->only, "predict") != 0)
        hp_fail("--only is train or predict, not \"%s\"", options->only);
    HpSession session;
    hp_session_open(&session, model, options, wants(options, "train"));
    HpVariables variables = {model, session.device, &session.context};
    hp_weights_initialize(&variables, options->seed);
    if (wants(options, "train"))
        hp_weights_reset_state(&variables);
    int64_t rows = model->part_rows > model->evaluate_rows ? model->part_rows : model->evaluate_rows;
    int64_t count = options->steps ? options->steps : DEFAULT_STEPS;
    HpImageStore images;
    uint8_t *pixels = make_pixels(model, rows, &images);
    Timing timings[2];
    int timed = 0;
    if (wants(options, "train")) {
        upload_rows(&session, &images, model->part_rows, true);
        set_rates(&session);
        hp_session_prepare(&session);
        timings[timed++] = time_steps(&session, "training", train_once,
                                      model->stages[model->stage_count - 1].parts * model->part_rows, count);
    }
    if (wants(options, "predict")) {
        upload_rows(&session, &images, model->evaluate_rows, false);
        hp_session_prepare(&session);
        timings[timed++] = time_steps(&session, "prediction", predict_once, model->evaluate_rows, count);
    }
    if (options->json) {
        print_json(model, timings, timed);
    } else {
        for (int i = 0; i < timed; i++)
            print_timing(&timings[i]);
        printf("peak memory %.1f MB\n", peak_memory() / 1e6);
        const HpStage *stage = &model->stages[model->stage_count - 1];
        if (wants(options, "train")) {
            print_steps(&session, &model->functions[stage->train], count);
            print_steps(&session, &model->functions[stage->update], count);
        }
        if (wants(options, "predict"))
            print_steps(&session, &model->functions[model->predict], count);
    }
    free(pixels);
    hp_session_close(&session);
    return 0;
}
