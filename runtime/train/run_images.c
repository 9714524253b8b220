/* The network over a list of images: evaluation and prediction. */
#include <stdlib.h>
#include "../base/base.h"
#include "train.h"

typedef struct ImageRun {
    HpData *data;
    const int64_t *images;
    int64_t count;
    HpLoader *loader;
    HpInference inference;
} ImageRun;

static int64_t rows_at(const ImageRun *run, int64_t start)
{
    int64_t left = run->count - start, rows = run->inference.batch.rows;
    return left < rows ? left : rows;
}

static void request(ImageRun *run, int64_t start)
{
    if (start < run->count)
        hp_loader_request(run->loader, run->images + start, rows_at(run, start));
}

static double run_batch(ImageRun *run, int64_t start, float *probabilities)
{
    HpInference *inference = &run->inference;
    int classes = inference->session->model->dataset->class_count;
    int64_t rows = rows_at(run, start);
    HpImageStore images = hp_loader_take(run->loader, inference->batch.sample);
    if (inference->loss)
        hp_batch_labels(&inference->batch, run->data, classes, run->images + start, rows);
    return hp_inference_run(inference, &images, rows, probabilities + start * classes);
}

bool hp_run_images(HpSession *session, HpData *data, const int64_t *images, int64_t count, int validation,
                   const char *title, float *probabilities, double *loss)
{
    ImageRun run = {.data = data, .images = images, .count = count};
    HpProgress progress;
    int64_t start = 0;
    double loss_sum = 0;
    hp_inference_open(&run.inference, session, validation);
    int64_t rows = run.inference.batch.rows;
    run.loader = hp_loader_open(data, session->decoders, rows);
    hp_progress_begin(&progress, title, count);
    request(&run, 0);
    for (; start < count && !hp_session_stopped(session); start += rows) {
        request(&run, start + rows);
        loss_sum += run_batch(&run, start, probabilities);
        hp_progress_update(&progress, start + rows_at(&run, start), "%s", "");
    }
    hp_progress_end(&progress);
    hp_loader_close(run.loader);
    hp_inference_close(&run.inference);
    *loss = count > 0 ? loss_sum / (double)count : 0;
    return start >= count;
}

HpScores hp_score_images(HpSession *session, HpData *data, const HpImages *images, int validation,
                         const char *title)
{
    int classes = session->model->dataset->class_count;
    size_t values = (size_t)images->count * (size_t)classes;
    float *probabilities = hp_alloc(values, sizeof *probabilities);
    uint8_t *labels = hp_alloc(values, sizeof *labels);
    HpScores scores = {0};
    double loss;
    for (int64_t i = 0; i < images->count; i++)
        for (int c = 0; c < classes; c++)
            labels[i * classes + c] = hp_data_labels(data, images->items[i])[c];
    if (images->count > 0 &&
        hp_run_images(session, data, images->items, images->count, validation, title, probabilities, &loss))
        scores = hp_scores_measure(classes, session->model->dataset->one_of, images->count, probabilities,
                                   labels, loss);
    free(probabilities);
    free(labels);
    return scores;
}
