/* A model on its device: memory, scalars, the inputs of its functions. */
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "../device/element.h"
#include "../device/format.h"
#include "../weights/weights.h"
#include "train.h"

/* ---------------------------------------------------------------- opening */

static void apply_options(HpSession *session, const HpOptions *options)
{
    for (int i = 0; i < options->setting_count; i++)
        session->settings[options->settings[i].scalar] = options->settings[i].value;
}

/* Where the variables end and the arena of the functions begins. */
static int64_t variables_end(const HpModel *model)
{
    int64_t end = 0;
    for (int i = 0; i < model->variable_count; i++) {
        const HpVariable *variable = &model->variables[i];
        int64_t after = variable->offset + variable->count * hp_data_type_bytes(variable->type);
        end = after > end ? after : end;
    }
    return end;
}

/* Whether hpacc makes a program of such parts: the batches of all stages consist of them. */
static bool divides_batches(const HpModel *model, int64_t part)
{
    for (int i = 0; i < model->stage_count; i++)
        if (model->stages[i].parts * model->part_rows % part != 0)
            return false;
    return true;
}

/* The largest part that `available` bytes should have room for: what is not variables grows with it. 0: none.
 */
static int64_t part_that_fits(const HpModel *model, int64_t available)
{
    int64_t variables = variables_end(model), part = model->part_rows;
    double rows = (double)model->part_rows * (double)(available - variables) /
                  (double)(model->memory_bytes - variables);
    while (part > 0 && ((double)part > rows || !divides_batches(model, part)))
        part--;
    return part;
}

static void check_memory(const HpModel *model)
{
    int64_t available = model->device->available();
    if (available < 0 || model->memory_bytes <= available)
        return;
    int64_t part = part_that_fits(model, available);
    char *advice = part ? hp_format("parts of %lld instead of %lld images should fit (--part %lld)",
                                    (long long)part, (long long)model->part_rows, (long long)part)
                        : hp_format("variables alone take %.1f MB", (double)variables_end(model) / 1e6);
    hp_fail("training takes %.1f MB and %.1f MB are free: %s; `hpacc %s --memory %.0fMB` computes "
            "values again instead of keeping them, or says what fits",
            (double)model->memory_bytes / 1e6, (double)available / 1e6, advice, model->source,
            floor((double)available / 1e6));
}

/* The device and the model's products are the process's: the first session opens them, the last one closes
 * them. */
static struct {
    int sessions, threads;
} shared;

void hp_session_open(HpSession *session, const HpModel *model, const HpOptions *options, bool training)
{
    *session = (HpSession){.model = model, .device = model->device};
    bool first = shared.sessions++ == 0;
    if (first) {
        session->device->open(model);
        shared.threads = omp_get_max_threads();
    }
    if (training)
        check_memory(model);
    session->threads = shared.threads;
    session->decoders = options->threads ? (int)options->threads : session->threads;
    session->context = (HpContext){.model = model,
                                   .device = model->device,
                                   .memory = session->device->allocate((size_t)model->memory_bytes),
                                   .scalars = hp_alloc((size_t)model->scalar_count, sizeof(float)),
                                   .seed = options->seed};
    session->settings = hp_alloc((size_t)model->scalar_count, sizeof *session->settings);
    for (int i = 0; i < model->scalar_count; i++) {
        session->settings[i] = model->scalars[i].value;
        session->context.scalars[i] = (float)model->scalars[i].value;
    }
    apply_options(session, options);
    hp_session_apply_settings(session);
    if (first)
        session->device->prepare(model);
}

void hp_session_close(HpSession *session)
{
    session->device->release(session->context.memory);
    if (--shared.sessions == 0)
        session->device->close();
    free(session->context.scalars);
    free(session->settings);
}

/* ---------------------------------------------------------------- scalars */

void hp_session_apply_settings(HpSession *session)
{
    for (int i = 0; i < session->model->scalar_count; i++)
        if (session->model->scalars[i].settable)
            session->context.scalars[i] = (float)session->settings[i];
}

char *hp_session_settings(const HpSession *session)
{
    json_t *object = json_object();
    for (int i = 0; i < session->model->scalar_count; i++)
        if (session->model->scalars[i].settable)
            json_object_set_new(object, session->model->scalars[i].name, json_real(session->settings[i]));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    if (!text)
        hp_fail("out of memory while the scalars were written down");
    return text;
}

void hp_session_restore_settings(HpSession *session, const char *json, const HpOptions *options)
{
    json_t *object = json ? json_loads(json, 0, NULL) : NULL;
    for (int i = 0; i < session->model->scalar_count; i++) {
        json_t *value = json_object_get(object, session->model->scalars[i].name);
        if (session->model->scalars[i].settable && json_is_number(value))
            session->settings[i] = json_number_value(value);
    }
    json_decref(object);
    apply_options(session, options);
    hp_session_apply_settings(session);
}

char *hp_session_load(HpSession *session, const char *path, const HpOptions *options)
{
    char *wrong;
    HpVariables variables = {session->model, session->device, &session->context};
    HpTensorFile *file = hp_weights_open(session->model, path, &wrong);
    if (!file)
        return wrong;
    wrong = hp_weights_load(&variables, file, HP_NETWORK_KINDS);
    if (!wrong)
        hp_session_restore_settings(session, hp_tensors_metadata(file, HP_META_SCALARS), options);
    hp_tensors_close(file);
    session->prepared = false;
    return wrong;
}

/* ---------------------------------------------------------------- running */

void hp_session_run(HpSession *session, int function)
{
    session->device->run(&session->context, &session->model->functions[function]);
    if (session->model->functions[function].kind == HP_FUNCTION_UPDATE ||
        session->model->functions[function].kind ==
            HP_FUNCTION_TRAIN) /* running statistics move in training */
        session->prepared = false;
}

void hp_session_prepare(HpSession *session)
{
    if (session->prepared)
        return;
    if (session->model->prepare >= 0)
        hp_session_run(session, session->model->prepare);
    session->prepared = true;
}

const HpResult *hp_session_result(const HpSession *session, int function, const char *name)
{
    const HpFunction *f = &session->model->functions[function];
    for (int i = 0; i < f->result_count; i++)
        if (strcmp(f->results[i].name, name) == 0)
            return &f->results[i];
    return NULL;
}

void hp_session_download(const HpSession *session, const HpResult *result, float *out)
{
    int64_t count = hp_format_count(result->format, result->rank, result->shape); /* with padding */
    size_t bytes = (size_t)(count * hp_data_type_bytes(result->type));
    const char *from = session->context.memory + result->offset;
    if (result->type == HP_F32 && result->format == HP_FORMAT_PLAIN) {
        session->device->download(out, from, bytes);
        return;
    }
    void *elements = hp_alloc(bytes, 1);
    float *packed = hp_alloc((size_t)count, sizeof *packed);
    session->device->download(elements, from, bytes);
    hp_floats_of_elements(result->type, elements, packed, count);
    hp_format_unpack(result->format, result->rank, result->shape, packed, out);
    free(elements);
    free(packed);
}

bool hp_session_stopped(const HpSession *session)
{
    return session->signal && *session->signal != 0;
}

/* ---------------------------------------------------------------- inputs */

HpBatch hp_batch_new(const HpModel *model, int64_t rows)
{
    size_t count = (size_t)rows, classes = (size_t)model->dataset->class_count;
    HpBatch batch = {.rows = rows,
                     .sample = hp_alloc(count, sizeof(int64_t)),
                     .draw = hp_alloc(count, sizeof(int64_t)),
                     .affine = hp_alloc(count, 6 * sizeof(float)),
                     .gain = hp_alloc(count, sizeof(float)),
                     .labels = hp_alloc(count * classes, sizeof(float))};
    for (size_t i = 0; i < count; i++)
        batch.gain[i] = 1;
    return batch;
}

void hp_batch_free(HpBatch *batch)
{
    free(batch->sample);
    free(batch->draw);
    free(batch->affine);
    free(batch->gain);
    free(batch->labels);
}

/* The inputs of evaluate and predict are variables of their own where their rows differ from training's. */
static const HpVariable *find_input(const HpModel *model, const char *name, bool training)
{
    const HpVariable *variable = NULL;
    if (!training) {
        char *own = hp_format("evaluate.%s", name);
        variable = hp_variable_find(model, own);
        free(own);
    }
    return variable ? variable : hp_variable_find(model, name);
}

/* A model has only the inputs that its functions read. */
static void upload_input(HpSession *session, const char *name, bool training, const void *values,
                         size_t bytes)
{
    const HpVariable *variable = find_input(session->model, name, training);
    if (!variable)
        return;
    size_t room = (size_t)(variable->count * hp_data_type_bytes(variable->type));
    if (bytes > room)
        hp_bug("input %s takes %zu bytes, the batch has %zu", name, room, bytes);
    session->device->upload(session->context.memory + variable->offset, values, bytes);
}

void hp_batch_upload(HpSession *session, const HpBatch *batch, bool training)
{
    size_t rows = (size_t)batch->rows, classes = (size_t)session->model->dataset->class_count;
    upload_input(session, "sample", training, batch->sample, rows * sizeof(int64_t));
    upload_input(session, "draw", training, batch->draw, rows * sizeof(int64_t));
    upload_input(session, "affine", training, batch->affine, rows * 6 * sizeof(float));
    upload_input(session, "gain", training, batch->gain, rows * sizeof(float));
    upload_input(session, "labels", training, batch->labels, rows * classes * sizeof(float));
}

void hp_batch_labels(HpBatch *batch, const HpData *data, int classes, const int64_t *images, int64_t count)
{
    for (int64_t row = 0; row < batch->rows; row++) {
        const uint8_t *labels = row < count ? hp_data_labels(data, images[row]) : NULL;
        for (int c = 0; c < classes; c++)
            batch->labels[row * classes + c] = labels ? (float)labels[c] : 0;
    }
}
