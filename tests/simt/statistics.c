/* The hp_main of the programs that statistics.sh makes: one training step from made-up weights, images and
 * labels. Says what the loss is and what became of each running statistic, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/base.h"
#include "runtime/train/train.h"
#include "runtime/weights/weights.h"

enum { SEED = 1, LOSS_SCALE = 1024 };

static void upload_noise(HpSession *session, const HpVariable *variable, double low, double high)
{
    const int64_t count = hp_variable_elements(variable);
    float *values = hp_alloc((size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(low + (high - low) * hp_uniform(SEED, (uint64_t)i, 2));
    session->device->upload_variable(&session->context, variable, values);
    free(values);
}

static HpImageStore make_images(const HpModel *model)
{
    HpImageStore store = {.bits = 8,
                          .height = model->image_size,
                          .width = model->image_size,
                          .planes = model->dataset->plane_count,
                          .count = model->part_rows,
                          .scale = 1.0f / 255};
    const size_t bytes = (size_t)(store.count * store.height * store.width * store.planes);
    uint8_t *pixels = hp_alloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(256 * hp_uniform(SEED, i, 0));
    store.pixels = pixels;
    return store;
}

static void upload_batch(HpSession *session, const HpImageStore *images)
{
    static const HpAugment none = {.zoom_low = 1, .zoom_high = 1, .brightness_low = 1, .brightness_high = 1};
    const HpModel *model = session->model;
    const int64_t classes = model->dataset->class_count;
    HpBatch batch = hp_batch_new(model, model->part_rows);
    for (int64_t row = 0; row < model->part_rows; row++) {
        batch.sample[row] = row;
        batch.draw[row] = hp_draw_number(0, 0, row);
        hp_augment_draw(&none, SEED, row, model->image_size, images->height, images->width,
                        batch.affine + 6 * row, &batch.gain[row]);
        for (int64_t c = 0; c < classes; c++)
            batch.labels[row * classes + c] = c == row % classes;
    }
    session->device->set_images(&session->context, images, batch.sample, model->part_rows);
    hp_batch_upload(session, &batch, true);
    hp_batch_free(&batch);
}

static void print_values(const char *name, const float *values, int64_t count)
{
    printf("%s", name);
    for (int64_t i = 0; i < count; i++)
        printf(" %.9g", (double)values[i]);
    printf("\n");
}

static void print_statistics(HpSession *session, int function)
{
    float loss;
    hp_session_download(session, hp_session_result(session, function, "loss"), &loss);
    print_values("loss", &loss, 1);
    for (int i = 0; i < session->model->variable_count; i++) {
        const HpVariable *variable = &session->model->variables[i];
        if (variable->kind != HP_STATISTIC)
            continue;
        const int64_t count = hp_variable_elements(variable);
        float *values = hp_alloc((size_t)count, sizeof *values);
        session->device->download_variable(&session->context, variable, values);
        print_values(variable->name, values, count);
        free(values);
    }
}

int hp_main(int argc, char **argv, const HpModel *model)
{
    HpSession session;
    (void)argc;
    hp_set_program(argv[0]);
    hp_session_open(&session, model, &(HpOptions){.program = argv[0], .seed = SEED}, true);
    HpVariables variables = {model, session.device, &session.context};
    hp_weights_initialize(&variables, SEED);
    upload_noise(&session, hp_variable_find(model, "normalization.mean"), 0.3, 0.5);
    upload_noise(&session, hp_variable_find(model, "normalization.deviation"), 0.2, 0.3);
    for (int i = 0; i < model->variable_count; i++) /* what they become is a share of the batch's own */
        if (model->variables[i].kind == HP_STATISTIC)
            upload_noise(&session, &model->variables[i], 0, 0);
    for (int i = 0; i < model->scalar_count; i++)
        if (strcmp(model->scalars[i].name, "loss_scale") == 0)
            session.context.scalars[i] = LOSS_SCALE;
    const HpImageStore images = make_images(model);
    const int function = model->stages[0].train;
    hp_session_prepare(&session);
    upload_batch(&session, &images);
    session.context.scalars[model->accumulate_scalar] = 0;
    hp_session_run(&session, function);
    print_statistics(&session, function);
    hp_session_close(&session);
    free((void *)images.pixels);
    return 0;
}
