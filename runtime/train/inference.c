/* The network over one batch of its compiled size: what evaluation, prediction and the library share. */
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

static const HpResult *find_result(const HpSession *session, int function, const char *name, int64_t count)
{
    const HpResult *result = hp_session_result(session, function, name);
    if (!result || result->count < count)
        hp_bug("function %s has no result \"%s\" of %lld values", session->model->functions[function].name,
               name, (long long)count);
    return result;
}

void hp_inference_open(HpInference *inference, HpSession *session, int validation)
{
    const HpModel *model = session->model;
    int64_t rows = model->evaluate_rows, classes = model->dataset->class_count;
    *inference =
        (HpInference){.session = session, .function = validation >= 0 ? model->evaluate : model->predict};
    inference->logits = find_result(session, inference->function, "logits", rows * classes);
    if (validation >= 0) {
        char *name = hp_format("loss.%d", validation);
        inference->loss = find_result(session, inference->function, name, rows);
        free(name);
    }
    inference->logit_rows = hp_alloc((size_t)inference->logits->count, sizeof(float));
    inference->loss_rows = hp_alloc((size_t)rows, sizeof(float));
    inference->batch = hp_batch_new(model, rows);
    hp_session_prepare(session);
}

void hp_inference_close(HpInference *inference)
{
    hp_batch_free(&inference->batch);
    free(inference->logit_rows);
    free(inference->loss_rows);
}

/* Rows behind the last image repeat the batch's first; nothing of them leaves this function. */
double hp_inference_run(HpInference *inference, const HpImageStore *images, int64_t rows,
                        float *probabilities)
{
    HpSession *session = inference->session;
    const HpModel *model = session->model;
    int classes = model->dataset->class_count;
    HpBatch *batch = &inference->batch;
    double loss_sum = 0;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (row >= rows)
            batch->sample[row] = batch->sample[0];
        hp_affine_identity(model->image_size, images->height, images->width, batch->affine + 6 * row);
    }
    session->device->set_images(&session->context, images, batch->sample, batch->rows);
    hp_batch_upload(session, batch, false);
    hp_session_run(session, inference->function);
    hp_session_download(session, inference->logits, inference->logit_rows);
    if (inference->loss)
        hp_session_download(session, inference->loss, inference->loss_rows);
    for (int64_t row = 0; row < rows; row++) {
        float *out = probabilities + row * classes;
        for (int c = 0; c < classes; c++) {
            out[c] = inference->logit_rows[row * classes + c];
            if (!isfinite(out[c]))
                loss_sum = NAN;
        }
        hp_probabilities(out, classes, model->dataset->one_of);
        loss_sum += inference->loss ? inference->loss_rows[row] : 0;
    }
    return loss_sum;
}
