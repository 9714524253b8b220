/* The network over images in the compiled batch: evaluation and prediction. */
#include <math.h>
#include <stdlib.h>
#include "../base/base.h"
#include "train.h"

void hp_probabilities(float *row, int classes, bool one_of)
{
    double largest = row[0], sum = 0;
    for (int c = 1; one_of && c < classes; c++)
        largest = fmax(largest, row[c]);
    for (int c = 0; one_of && c < classes; c++)
        sum += exp(row[c] - largest);
    for (int c = 0; c < classes; c++)
        row[c] = (float)(one_of ? exp(row[c] - largest) / sum : 1 / (1 + exp(-(double)row[c])));
}

typedef struct ImageRun {
    HpSession *session;
    HpData *data;
    const int64_t *images;
    int64_t count;
    HpLoader *loader;
    HpBatch batch;
    int function;
    const HpResult *logits, *loss; /* loss NULL: only predict */
    float *logit_rows, *loss_rows; /* of one batch */
    double loss_sum;
} ImageRun;

static const HpResult *find_result(const HpSession *session, int function, const char *name, int64_t count)
{
    const HpResult *result = hp_session_result(session, function, name);
    if (!result || result->count < count)
        hp_bug("function %s has no result \"%s\" of %lld values", session->model->functions[function].name,
               name, (long long)count);
    return result;
}

static void open_run(ImageRun *run, int validation)
{
    const HpModel *model = run->session->model;
    int64_t rows = model->evaluate_rows, classes = model->dataset->class_count;
    run->function = validation >= 0 ? model->evaluate : model->predict;
    run->logits = find_result(run->session, run->function, "logits", rows * classes);
    if (validation >= 0) {
        char *name = hp_format("loss.%d", validation);
        run->loss = find_result(run->session, run->function, name, rows);
        free(name);
    }
    run->logit_rows = hp_alloc((size_t)run->logits->count, sizeof(float));
    run->loss_rows = hp_alloc((size_t)rows, sizeof(float));
    run->batch = hp_batch_new(model, rows);
    run->loader = hp_loader_open(run->data, run->session->decoders, rows);
    hp_session_prepare(run->session);
}

static void close_run(ImageRun *run)
{
    hp_loader_close(run->loader);
    hp_batch_free(&run->batch);
    free(run->logit_rows);
    free(run->loss_rows);
}

static int64_t rows_at(const ImageRun *run, int64_t start)
{
    int64_t left = run->count - start;
    return left < run->batch.rows ? left : run->batch.rows;
}

static void request(ImageRun *run, int64_t start)
{
    if (start < run->count)
        hp_loader_request(run->loader, run->images + start, rows_at(run, start));
}

/* Rows behind the last image repeat the batch's first; nothing of them leaves this function. */
static void run_batch(ImageRun *run, int64_t start, float *probabilities)
{
    HpSession *session = run->session;
    const HpModel *model = session->model;
    int classes = model->dataset->class_count;
    HpBatch *batch = &run->batch;
    int64_t rows = rows_at(run, start);
    HpImageStore images = hp_loader_take(run->loader, batch->sample);
    for (int64_t row = 0; row < batch->rows; row++) {
        if (row >= rows)
            batch->sample[row] = batch->sample[0];
        hp_affine_identity(model->image_size, images.height, images.width, batch->affine + 6 * row);
    }
    session->device->set_images(&session->context, &images, batch->sample, batch->rows);
    if (run->loss)
        hp_batch_labels(batch, run->data, classes, run->images + start, rows);
    hp_batch_upload(session, batch, false);
    hp_session_run(session, run->function);
    hp_session_download(session, run->logits, run->logit_rows);
    if (run->loss)
        hp_session_download(session, run->loss, run->loss_rows);
    for (int64_t row = 0; row < rows; row++) {
        float *out = probabilities + (start + row) * classes;
        for (int c = 0; c < classes; c++) {
            out[c] = run->logit_rows[row * classes + c];
            if (!isfinite(out[c]))
                run->loss_sum = NAN;
        }
        hp_probabilities(out, classes, model->dataset->one_of);
        run->loss_sum += run->loss ? run->loss_rows[row] : 0;
    }
}

bool hp_run_images(HpSession *session, HpData *data, const int64_t *images, int64_t count, int validation,
                   const char *title, float *probabilities, double *loss)
{
    ImageRun run = {.session = session, .data = data, .images = images, .count = count};
    HpProgress progress;
    int64_t start = 0;
    open_run(&run, validation);
    hp_progress_begin(&progress, title, count);
    request(&run, 0);
    for (; start < count && !hp_session_stopped(session); start += run.batch.rows) {
        request(&run, start + run.batch.rows);
        run_batch(&run, start, probabilities);
        hp_progress_update(&progress, start + rows_at(&run, start), "%s", "");
    }
    hp_progress_end(&progress);
    close_run(&run);
    *loss = count > 0 ? run.loss_sum / (double)count : 0;
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
