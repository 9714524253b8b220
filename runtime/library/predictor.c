/* A model's predictions for a program that is not ours. */
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include "../base/base.h"
#include "../data/data.h"
#include "../train/train.h"

struct HpPredictor {
    HpSession session;
    HpInference inference;
};

/* What a call was given, and what it has made so far. */
typedef struct Call {
    void (*work)(struct Call *call);
    const HpDevice *device; /* NULL: the predictor has none */
    HpPredictor *predictor;
    const HpModel *model;
    const char *weights;
    const HpPixels *images;
    HpStaging *staging;
    float *probabilities;
} Call;

/* The device and the model's products are one per process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void enter_and_work(void *user)
{
    Call *call = user;
    if (call->device)
        call->device->enter();
    call->work(call);
}

static void leave(void *user)
{
    const Call *call = user;
    if (call->device)
        call->device->leave();
}

/* How many OpenMP threads the host's own loops take stays the host's choice, and so does its GPU. */
static bool run_call(Call *call, char *error, size_t error_bytes)
{
    int threads = omp_get_max_threads();
    pthread_mutex_lock(&lock);
    bool done = hp_catch(enter_and_work, call, error, error_bytes);
    if (done)
        done = hp_catch(leave, call, error, error_bytes);
    else
        hp_catch(leave, call, NULL, 0); /* what failed first is what to say */
    pthread_mutex_unlock(&lock);
    omp_set_num_threads(threads);
    return done;
}

static const HpOptions no_options = {.seed = 1};

static void create(Call *call)
{
    if (!call->weights)
        hp_fail("the weights have no name: NULL");
    HpPredictor *predictor = call->predictor = hp_alloc(1, sizeof *predictor);
    hp_session_open(&predictor->session, call->model, &no_options, false);
    omp_set_num_threads(predictor->session.threads);
    char *wrong = hp_session_load(&predictor->session, call->weights, &no_options);
    if (wrong)
        hp_fail_with(wrong);
    hp_inference_open(&predictor->inference, &predictor->session, -1);
}

static void close_parts(Call *call)
{
    HpPredictor *predictor = call->predictor;
    hp_inference_close(&predictor->inference);
    if (predictor->session.device)
        hp_session_close(&predictor->session);
}

HpPredictor *hp_predictor_create(const HpModel *model, const char *weights, char *error, size_t error_bytes)
{
    Call call = {.work = create, .device = model->device, .model = model, .weights = weights};
    if (run_call(&call, error, error_bytes))
        return call.predictor;
    hp_predictor_destroy(call.predictor);
    return NULL;
}

void hp_predictor_destroy(HpPredictor *predictor)
{
    if (!predictor)
        return;
    Call call = {.work = close_parts, .device = predictor->session.device, .predictor = predictor};
    run_call(&call, NULL, 0);
    free(predictor);
}

static void check_finite(const float *probabilities, int64_t images, int classes, int64_t first)
{
    for (int64_t i = 0; i < images * classes; i++)
        if (!isfinite(probabilities[i]))
            hp_fail("the network's output for image %lld is not a number; the weights are damaged or of a "
                    "run that went wrong",
                    (long long)(first + i / classes));
}

static void predict(Call *call)
{
    HpPredictor *predictor = call->predictor;
    if (!predictor || !call->images || !call->probabilities)
        hp_fail("%s NULL", !predictor      ? "the predictor is"
                           : !call->images ? "the images are"
                                           : "the place for probabilities is");
    HpInference *inference = &predictor->inference;
    const HpModel *model = predictor->session.model;
    int64_t rows = inference->batch.rows, classes = model->dataset->class_count;
    omp_set_num_threads(predictor->session.threads);
    char *wrong = hp_staging_open(&call->staging, model->dataset, model->image_size, call->images, rows);
    if (wrong)
        hp_fail_with(wrong);
    for (int64_t first = 0; first < call->images->count; first += rows) {
        int64_t left = call->images->count - first, count = left < rows ? left : rows;
        float *out = call->probabilities + first * classes;
        HpImageStore store = hp_staging_take(call->staging, first, count);
        for (int64_t row = 0; row < count; row++)
            inference->batch.sample[row] = row;
        hp_inference_run(inference, &store, count, out);
        check_finite(out, count, (int)classes, first);
    }
}

bool hp_predictor_predict(HpPredictor *predictor, const HpPixels *images, float *probabilities, char *error,
                          size_t error_bytes)
{
    Call call = {.work = predict,
                 .device = predictor ? predictor->session.device : NULL,
                 .predictor = predictor,
                 .images = images,
                 .probabilities = probabilities};
    bool done = run_call(&call, error, error_bytes);
    hp_staging_close(call.staging);
    return done;
}
