/* The hp_main of the programs that steps.sh makes: training steps of one program, each from the weights and
 * state of another.
 *
 *     PROGRAM record TAPE STEPS SEED
 *     PROGRAM check|check-smooth|check-functions TAPE STEPS SEED
 *
 * All do the same steps on the same made-up images and meet the same tensors in the same order: record
 * writes them down, the others compare what they have with the tape and begin the next step with what the
 * tape says. The tape may be a pipe.
 *
 * Where a relu or a maximum is about to fall to the other side, two right programs give other gradients:
 * check does not hold them to anything, nor what an update makes of them but the weights, which a step moves
 * by little. check-smooth does, of networks that have no kinks. check-functions holds an update to what it
 * makes of the tape's gradients: a rule like Adam's divides small ones by their own size, and with them their
 * roundings. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/base.h"
#include "runtime/train/train.h"
#include "runtime/weights/weights.h"

typedef enum Kind { LOSS, LOGITS, PARAMETER, MOVE, STATISTIC, STATE, GRADIENT, KIND_COUNT } Kind;

typedef struct Group {
    int64_t compared;
    double worst; /* error so far, of the tensor `at` in step `step` */
    char *at;
    int64_t step;
} Group;

typedef enum Command { RECORD, CHECK, CHECK_SMOOTH, CHECK_FUNCTIONS, COMMAND_COUNT } Command;

typedef struct Run {
    HpSession session;
    FILE *tape;
    Command command;
    int64_t step, steps;
    uint64_t seed, digest; /* of all that this program computed */
    Group groups[KIND_COUNT];
} Run;

static const char *const kinds[] = {"losses",     "logits", "parameters", "moves",
                                    "statistics", "states", "gradients"};

/* Gradients in front of a batch norm are what is left of much larger numbers, and with them their roundings:
 * up to 1.2e-4 were seen. */
static double bound_of(const Run *run, Kind kind)
{
    const bool is_kept = kind != GRADIENT && kind != MOVE && kind != STATE;
    const bool is_held =
        run->command == CHECK_SMOOTH || (run->command == CHECK_FUNCTIONS && kind != GRADIENT);
    return is_kept ? 1e-4 : is_held ? 1e-3 : INFINITY;
}

/* ---------------------------------------------------------------- the tape */

static void write_tensor(Run *run, const float *values, int64_t count)
{
    if (fwrite(&count, sizeof count, 1, run->tape) != 1 ||
        fwrite(values, sizeof *values, (size_t)count, run->tape) != (size_t)count)
        hp_fail("the tape cannot be written: %s", strerror(errno));
}

static float *read_tensor(Run *run, const char *name, int64_t count)
{
    int64_t recorded;
    float *values = hp_alloc((size_t)count, sizeof *values);
    if (fread(&recorded, sizeof recorded, 1, run->tape) != 1)
        hp_fail("the tape ends before %s of step %lld", name, (long long)run->step);
    if (recorded != count)
        hp_fail("the tape has %lld values of %s, not %lld", (long long)recorded, name, (long long)count);
    if (fread(values, sizeof *values, (size_t)count, run->tape) != (size_t)count)
        hp_fail("the tape ends within %s of step %lld", name, (long long)run->step);
    return values;
}

/* The largest difference over the largest value. */
static double error_of(const float *found, const float *recorded, int64_t count)
{
    double difference = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        const double apart = fabs((double)found[i] - (double)recorded[i]);
        if (!(apart <= difference)) /* NaN too */
            difference = apart;
        largest = fmax(largest, fabs((double)recorded[i]));
    }
    return difference == 0 ? 0 : difference / largest;
}

static void compare(Run *run, Kind kind, const char *name, const float *found, const float *recorded,
                    int64_t count)
{
    Group *group = &run->groups[kind];
    const double error = error_of(found, recorded, count);
    run->digest = hp_hash(found, (size_t)count * sizeof *found, run->digest);
    group->compared++;
    if (error <= group->worst && group->at)
        return;
    free(group->at);
    group->worst = error;
    group->at = hp_string(name);
    group->step = run->step;
}

/* `values` become what the tape says. */
static void meet(Run *run, Kind kind, const char *name, float *values, int64_t count)
{
    if (run->command == RECORD) {
        write_tensor(run, values, count);
        return;
    }
    float *recorded = read_tensor(run, name, count);
    compare(run, kind, name, values, recorded, count);
    memcpy(values, recorded, (size_t)count * sizeof *values);
    free(recorded);
}

static void meet_result(Run *run, Kind kind, int function, const char *name)
{
    const HpResult *result = hp_session_result(&run->session, function, name);
    if (!result)
        hp_fail("%s has no result %s", run->session.model->functions[function].name, name);
    float *values = hp_alloc((size_t)result->count, sizeof *values);
    hp_session_download(&run->session, result, values);
    meet(run, kind, name, values, result->count);
    free(values);
}

static void meet_variables(Run *run, HpVariableKind wanted, Kind kind)
{
    HpSession *session = &run->session;
    for (int i = 0; i < session->model->variable_count; i++) {
        const HpVariable *variable = &session->model->variables[i];
        if (variable->kind != wanted)
            continue;
        const int64_t count = hp_variable_elements(variable);
        float *values = hp_alloc((size_t)count, sizeof *values);
        session->device->download_variable(&session->context, variable, values);
        meet(run, kind, variable->name, values, count);
        if (kind != GRADIENT || run->command == CHECK_FUNCTIONS)
            session->device->upload_variable(&session->context, variable, values);
        free(values);
    }
}

/* Values of a model's variables by their number; NULL: of another kind. */
static float **copy_variables(Run *run, HpVariableKind kind)
{
    const HpModel *model = run->session.model;
    float **copies = hp_alloc((size_t)model->variable_count, sizeof *copies);
    for (int i = 0; i < model->variable_count; i++) {
        const HpVariable *variable = &model->variables[i];
        if (variable->kind != kind)
            continue;
        copies[i] = hp_alloc((size_t)hp_variable_elements(variable), sizeof **copies);
        run->session.device->download_variable(&run->session.context, variable, copies[i]);
    }
    return copies;
}

static void free_copies(const Run *run, float **copies)
{
    for (int i = 0; i < run->session.model->variable_count; i++)
        free(copies[i]);
    free(copies);
}

/* What an update changed; where the results are the same but for a rounding, the same. */
static void subtract(float *found, float *recorded, const float *before, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const float result = recorded[i];
        recorded[i] -= before[i];
        found[i] =
            fabsf(found[i] - result) <= FLT_EPSILON * fabsf(result) ? recorded[i] : found[i] - before[i];
    }
}

/* `before`: the parameters as the update found them, by variable. */
static void compare_moves(Run *run, float *const *before, float *const *after)
{
    const HpModel *model = run->session.model;
    for (int i = 0; i < model->variable_count; i++) {
        const HpVariable *variable = &model->variables[i];
        if (!before[i])
            continue;
        const int64_t count = hp_variable_elements(variable);
        float *recorded = hp_alloc((size_t)count, sizeof *recorded);
        run->session.device->download_variable(&run->session.context, variable, recorded);
        subtract(after[i], recorded, before[i], count);
        compare(run, MOVE, variable->name, after[i], recorded, count);
        free(recorded);
    }
}

/* ---------------------------------------------------------------- made-up images */

/* Larger than what the network sees, and not square. */
static HpImageStore make_images(const HpModel *model, int64_t count)
{
    HpImageStore store = {.bits = 8,
                          .height = model->image_size + 6,
                          .width = model->image_size + 10,
                          .planes = model->dataset->plane_count,
                          .count = count,
                          .scale = 1.0f / 255};
    const size_t bytes = (size_t)(count * store.height * store.width * store.planes);
    uint8_t *pixels = hp_alloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(256 * hp_uniform(1, i, 0));
    store.pixels = pixels;
    return store;
}

/* A relu that is far from its kink for nearly all pixels lets both programs take the same side, mostly:
 * scales are about 1/2 and biases about 1 1/2 of either sign. */
static float initial_value(const HpVariable *variable, uint64_t key, int64_t element)
{
    const double spread = hp_uniform(key, (uint64_t)element, 0) - 0.5;
    const double sign = hp_uniform(key, (uint64_t)element, 1) < 0.5 ? -1 : 1;
    const bool is_scale = variable->initializer.value == 1;
    return (float)(is_scale ? 0.5 + 0.2 * spread : sign * (1.5 + spread));
}

static void initialize(Run *run)
{
    HpSession *session = &run->session;
    HpVariables variables = {session->model, session->device, &session->context};
    hp_weights_initialize(&variables, run->seed);
    hp_weights_reset_state(&variables);
    for (int i = 0; i < session->model->variable_count; i++) {
        const HpVariable *variable = &session->model->variables[i];
        if (variable->kind != HP_PARAMETER || variable->rank != 1)
            continue;
        const int64_t count = hp_variable_elements(variable);
        float *values = hp_alloc((size_t)count, sizeof *values);
        for (int64_t j = 0; j < count; j++)
            values[j] = initial_value(variable, run->seed + (uint64_t)i, j);
        session->device->upload_variable(&session->context, variable, values);
        free(values);
    }
}

static void set_normalization(HpSession *session)
{
    const HpModel *model = session->model;
    const int64_t planes = model->dataset->plane_count;
    float *mean = hp_alloc((size_t)planes, sizeof *mean), *deviation = hp_alloc((size_t)planes, sizeof *mean);
    for (int64_t plane = 0; plane < planes; plane++) {
        mean[plane] = 0.4f + 0.05f * (float)plane;
        deviation[plane] = 0.3f - 0.02f * (float)plane;
    }
    session->device->upload_variable(&session->context, hp_variable_find(model, "normalization.mean"), mean);
    session->device->upload_variable(&session->context, hp_variable_find(model, "normalization.deviation"),
                                     deviation);
    free(mean);
    free(deviation);
}

/* The images of a part of the run's batch, augmented and labelled by their positions. */
static void upload_images(Run *run, const HpImageStore *images, int64_t part, int64_t rows, bool training)
{
    static const HpAugment augment = {.flip = true,
                                      .rotate_high = 360,
                                      .zoom_low = 0.9,
                                      .zoom_high = 1.1,
                                      .shift = 0.05,
                                      .brightness_low = 0.9,
                                      .brightness_high = 1.1};
    HpSession *session = &run->session;
    const HpModel *model = session->model;
    const int64_t classes = model->dataset->class_count;
    HpBatch batch = hp_batch_new(model, rows);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t position = (run->step * session->model->stages[0].parts + part) * rows + row;
        batch.sample[row] = position % images->count;
        batch.draw[row] = hp_draw_number(0, 0, position);
        hp_augment_draw(&augment, run->seed, position, model->image_size, images->height, images->width,
                        batch.affine + 6 * row, &batch.gain[row]);
        for (int64_t c = 0; c < classes; c++)
            batch.labels[row * classes + c] =
                hp_uniform(run->seed, (uint64_t)(position * classes + c), 1) < 0.2;
    }
    session->device->set_images(&session->context, images, batch.sample, rows);
    hp_batch_upload(session, &batch, training);
    hp_batch_free(&batch);
}

/* ---------------------------------------------------------------- steps */

static float scheduled_rate(Run *run, const HpRate *rate)
{
    HpSession *session = &run->session;
    const HpModel *model = session->model;
    float *scalars = session->context.scalars, lr;
    if (rate->schedule < 0)
        return scalars[rate->scalar];
    scalars[model->schedule_t_scalar] = (float)run->step;
    scalars[model->schedule_T_scalar] = (float)run->steps;
    scalars[model->schedule_peak_scalar] = scalars[rate->scalar];
    hp_session_run(session, rate->schedule);
    const HpResult *result = hp_session_result(session, rate->schedule, "lr");
    hp_session_download(session, result, &lr);
    return lr;
}

static void set_rates(Run *run, const HpStage *stage)
{
    const HpModel *model = run->session.model;
    for (int i = 0; i < model->group_count; i++) {
        const float lr = scheduled_rate(run, &stage->rates[i]);
        run->session.context.scalars[model->groups[i].lr_scalar] = lr;
        run->session.context.scalars[model->groups[i].step_scalar] = (float)(run->step + 1);
    }
}

/* The forward and backward passes of a batch. */
static void run_parts(Run *run, const HpImageStore *images, void (*after)(Run *run, const HpStage *stage))
{
    HpSession *session = &run->session;
    const HpModel *model = session->model;
    const HpStage *stage = &model->stages[0];
    for (int64_t part = 0; part < stage->parts; part++) {
        upload_images(run, images, part, model->part_rows, true);
        session->context.scalars[model->accumulate_scalar] = part > 0;
        hp_session_run(session, stage->train);
        if (after)
            after(run, stage);
    }
}

/* ---------------------------------------------------------------- a step */

static void meet_loss(Run *run, const HpStage *stage)
{
    meet_result(run, LOSS, stage->train, "loss");
}

static void train(Run *run, const HpImageStore *images)
{
    const HpStage *stage = &run->session.model->stages[0];
    run_parts(run, images, meet_loss);
    meet_variables(run, HP_GRADIENT, GRADIENT);
    set_rates(run, stage);
    float **before = copy_variables(run, HP_PARAMETER);
    hp_session_run(&run->session, stage->update);
    float **after = copy_variables(run, HP_PARAMETER);
    meet_variables(run, HP_PARAMETER, PARAMETER);
    if (run->command != RECORD)
        compare_moves(run, before, after);
    free_copies(run, before);
    free_copies(run, after);
    meet_variables(run, HP_STATISTIC, STATISTIC);
    meet_variables(run, HP_OPTIMIZER_STATE, STATE);
}

static void evaluate(Run *run, const HpImageStore *images)
{
    HpSession *session = &run->session;
    const HpModel *model = session->model;
    char *loss = hp_format("loss.%d", model->stages[0].validation);
    upload_images(run, images, 0, model->evaluate_rows, false);
    hp_session_prepare(session);
    hp_session_run(session, model->evaluate);
    meet_result(run, LOGITS, model->evaluate, "logits");
    meet_result(run, LOSS, model->evaluate, loss);
    free(loss);
    hp_session_run(session, model->predict);
    meet_result(run, LOGITS, model->predict, "logits");
}

/* ---------------------------------------------------------------- the program */

static int report(const Run *run)
{
    int failed = 0;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const Group *group = &run->groups[kind];
        if (group->compared == 0)
            continue;
        const bool wrong = !(group->worst <= bound_of(run, (Kind)kind));
        printf("%-10s %6lld compared, off by at most %.2e (%s, step %lld)%s\n", kinds[kind],
               (long long)group->compared, group->worst, group->at, (long long)group->step,
               wrong ? ": too much" : "");
        failed += wrong;
    }
    printf("digest %016llx\n", (unsigned long long)run->digest);
    return failed > 0;
}

static int64_t number(const char *text)
{
    char *end;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < 1)
        hp_fail("\"%s\" is no positive number", text);
    return value;
}

int hp_main(int argc, char **argv, const HpModel *model)
{
    hp_set_program(argv[0]);
    static const char *const commands[] = {"record", "check", "check-smooth", "check-functions"};
    int command = 0;
    while (command < COMMAND_COUNT && (argc != 5 || strcmp(argv[1], commands[command]) != 0))
        command++;
    if (command == COMMAND_COUNT)
        hp_fail("usage: %s record|check|check-smooth|check-functions TAPE STEPS SEED", argv[0]);
    Run run = {.command = (Command)command, .steps = number(argv[3]), .seed = (uint64_t)number(argv[4])};
    run.tape = fopen(argv[2], command == RECORD ? "wb" : "rb");
    if (!run.tape)
        hp_fail("%s: %s", argv[2], strerror(errno));
    hp_session_open(&run.session, model, &(HpOptions){.program = argv[0], .seed = run.seed}, true);
    initialize(&run);
    set_normalization(&run.session);
    hp_session_prepare(&run.session); /* 16-bit copies of the weights */
    const HpImageStore images = make_images(model, 3 * model->part_rows);
    for (run.step = 0; run.step < run.steps; run.step++)
        train(&run, &images);
    evaluate(&run, &images);
    if (fclose(run.tape) != 0)
        hp_fail("%s: %s", argv[2], strerror(errno));
    hp_session_close(&run.session);
    free((void *)images.pixels);
    return command == RECORD ? 0 : report(&run);
}
