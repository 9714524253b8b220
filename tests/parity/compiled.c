/* The hp_main of the programs that compiled.sh makes: runs the compiled functions on the recorded input and
 * compares what they leave with PyTorch in double precision.
 *
 *     PROGRAM RECORDED
 *
 * A smooth network is compared by itself, 1e-4. The gradients and losses of one with kinks jump where single
 * precision takes another side of a ReLU or another maximum than double does, so they are held to what
 * PyTorch's own single precision does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/base.h"
#include "runtime/train/train.h"
#include "runtime/weights/weights.h"
#include "tests/vectors/vectors.h"

static const double TOLERANCE = 1e-4, SINGLE_TIMES = 3, ZERO_TOLERANCE = 1e-5;

typedef struct Subject {
    HpSession session;
    Vectors *vectors;
    int compared, failed;
    double worst;          /* error of a tensor held to TOLERANCE, */
    double worst_gradient; /* of a gradient, */
    double worst_times;    /* and how many times PyTorch's own that was at most */
} Subject;

/* ---- the recorded input ---- */

static void fill_variables(Subject *subject)
{
    HpSession *session = &subject->session;
    for (int i = 0; i < session->model->variable_count; i++) {
        const HpVariable *v = &session->model->variables[i];
        if (v->kind == HP_OPTIMIZER_STATE || v->kind == HP_GRADIENT) {
            memset(session->context.memory + v->offset, 0, (size_t)(v->count * hp_data_type_bytes(v->type)));
            continue;
        }
        int64_t elements = 1;
        for (int axis = 0; axis < v->rank; axis++)
            elements *= v->shape[axis];
        double *values = hp_alloc((size_t)elements, sizeof *values);
        float *plain = hp_alloc((size_t)elements, sizeof *plain);
        vectors_fill(subject->vectors, v->name, v->rank, v->shape, values);
        for (int64_t j = 0; j < elements; j++)
            plain[j] = v->kind != HP_NORMALIZATION ? (float)values[j] : strstr(v->name, "deviation") ? 1 : 0;
        if (v->kind == HP_PARAMETER || v->kind == HP_STATISTIC || v->kind == HP_NORMALIZATION)
            session->device->upload_variable(&session->context, v, plain);
        free(values);
        free(plain);
    }
}

/* The image as 16-bit pixels, for the image kernel to sample: exact, as README.md of the vectors says. */
static HpImageStore store_image(const Vectors *vectors, const HpModel *model)
{
    const HpDataset *dataset = model->dataset;
    int64_t rows = model->part_rows, planes = dataset->plane_count, side = model->image_size,
            area = side * side;
    double range = dataset->range_high - dataset->range_low;
    double *values = hp_alloc((size_t)(rows * planes * area), sizeof *values);
    uint16_t *pixels = hp_alloc((size_t)(rows * planes * area), sizeof *pixels);
    vectors_fill(vectors, "image", 4, (int64_t[]){rows, planes, side, side}, values);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t plane = 0; plane < planes; plane++)
            for (int64_t i = 0; i < area; i++)
                pixels[(row * area + i) * planes + plane] =
                    (uint16_t)(values[(row * planes + plane) * area + i] * range + dataset->range_low);
    free(values);
    return (HpImageStore){.pixels = pixels,
                          .bits = 16,
                          .height = side,
                          .width = side,
                          .planes = planes,
                          .count = rows,
                          .scale = (float)(1 / range),
                          .offset = (float)(-dataset->range_low / range)};
}

static void fill_batch(Subject *subject, const HpImageStore *store)
{
    HpSession *session = &subject->session;
    const HpModel *model = session->model;
    int64_t classes = model->dataset->class_count, side = model->image_size;
    HpBatch batch = hp_batch_new(model, model->part_rows);
    double *labels = hp_alloc((size_t)(batch.rows * classes), sizeof *labels);
    vectors_fill(subject->vectors, "labels", 2, (int64_t[]){batch.rows, classes}, labels);
    for (int64_t i = 0; i < batch.rows * classes; i++)
        batch.labels[i] = (float)labels[i];
    for (int64_t row = 0; row < batch.rows; row++) {
        batch.sample[row] = row;
        hp_affine_identity(side, side, side, batch.affine + 6 * row);
    }
    session->device->set_images(&session->context, store, batch.sample, batch.rows);
    hp_batch_upload(session, &batch, true);
    hp_batch_upload(session, &batch, false);
    free(labels);
    hp_batch_free(&batch);
}

/* ---- comparing ---- */

static void fail(Subject *subject, const char *name, double error, double allowed)
{
    printf("%s: error %.3g, allowed are %.3g\n", name, error, allowed);
    subject->failed++;
}

static void compare(Subject *subject, const char *name, const float *found)
{
    const VectorTensor *tensor = vectors_find(subject->vectors, name);
    if (!tensor)
        hp_fail("%s was not recorded", name);
    int64_t count = vectors_elements(tensor);
    double *values = hp_alloc((size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = found[i];
    double error = vectors_error(subject->vectors, tensor, values);
    bool gradient = strncmp(name, "gradient:", 9) == 0;
    bool zero = gradient && vectors_is_zero(tensor);
    double allowed = zero                                    ? ZERO_TOLERANCE
                     : gradient && !subject->vectors->smooth ? SINGLE_TIMES * tensor->single
                                                             : TOLERANCE;
    if (gradient && !zero) {
        subject->worst_gradient = fmax(subject->worst_gradient, error);
        subject->worst_times = fmax(subject->worst_times, error / tensor->single);
    } else if (!gradient) {
        subject->worst = fmax(subject->worst, error);
    }
    subject->compared++;
    if (!(error <= allowed))
        fail(subject, name, error, allowed);
    free(values);
}

static float *download_result(const Subject *subject, int function, const char *name)
{
    const HpResult *result = hp_session_result(&subject->session, function, name);
    if (!result)
        hp_fail("there is no result %s", name);
    float *values = hp_alloc((size_t)result->count, sizeof *values);
    hp_session_download(&subject->session, result, values);
    return values;
}

static void compare_result(Subject *subject, int function, const char *result, const char *recorded)
{
    float *values = download_result(subject, function, result);
    compare(subject, recorded, values);
    free(values);
}

/* What the image kernel made of the pixels is the recorded image, to the last bit. */
static void compare_image(Subject *subject, int function)
{
    const HpModel *model = subject->session.model;
    int64_t extents[] = {model->part_rows, model->dataset->plane_count, model->image_size, model->image_size};
    int64_t count = extents[0] * extents[1] * extents[2] * extents[3], wrong = 0;
    float *found = download_result(subject, function, "image");
    double *values = hp_alloc((size_t)count, sizeof *values);
    vectors_fill(subject->vectors, "image", 4, extents, values);
    for (int64_t i = 0; i < count; i++)
        wrong += found[i] != (float)values[i];
    if (wrong > 0)
        hp_fail("%lld of the image's %lld values are not those recorded", (long long)wrong, (long long)count);
    free(values);
    free(found);
}

static void compare_variables(Subject *subject)
{
    HpSession *session = &subject->session;
    for (int i = 0; i < session->model->variable_count; i++) {
        const HpVariable *v = &session->model->variables[i];
        if ((v->kind != HP_GRADIENT && v->kind != HP_STATISTIC) || !vectors_find(subject->vectors, v->name))
            continue;
        float *plain = hp_alloc((size_t)v->count, sizeof *plain);
        session->device->download_variable(&session->context, v, plain);
        compare(subject, v->name, plain);
        free(plain);
    }
}

/* ---- running ---- */

static void evaluate(Subject *subject)
{
    const HpModel *model = subject->session.model;
    hp_session_prepare(&subject->session);
    const int functions[] = {model->evaluate, model->predict};
    for (int i = 0; i < 2; i++) {
        hp_session_run(&subject->session, functions[i]);
        compare_result(subject, functions[i], "logits", "logits.evaluate");
    }
}

static void compare_loss(Subject *subject, int step, double loss)
{
    const Vectors *vectors = subject->vectors;
    double error = fabs(loss - vectors->losses[step]);
    double allowed =
        vectors->smooth ? TOLERANCE * vectors->losses[0] : SINGLE_TIMES * vectors->losses_single[step];
    printf("step %2d: loss %.6e, error %.2e, PyTorch's %.2e\n", step + 1, loss, error,
           vectors->losses_single[step]);
    if (!(error <= allowed))
        fail(subject, "the loss", error, allowed);
}

/* One step of training, and as many more as losses are recorded of. */
static void train(Subject *subject)
{
    HpSession *session = &subject->session;
    const HpModel *model = session->model;
    const HpStage *stage = &model->stages[0];
    float *scalars = session->context.scalars;
    const HpGroup *group = &model->groups[0];
    scalars[model->accumulate_scalar] = 0;
    scalars[group->lr_scalar] = scalars[stage->rates[0].scalar];
    int steps = subject->vectors->steps;
    for (int step = 0; step == 0 || step < steps; step++) {
        hp_session_run(session, stage->train);
        float *loss = download_result(subject, stage->train, "loss");
        if (step < steps)
            compare_loss(subject, step, *loss);
        free(loss);
        if (step == 0) {
            compare_image(subject, stage->train);
            compare_result(subject, stage->train, "logits", "logits.train");
            compare_variables(subject);
        }
        scalars[group->step_scalar] = (float)(step + 1);
        hp_session_run(session, stage->update);
    }
}

int hp_main(int argc, char **argv, const HpModel *model)
{
    hp_set_program(argv[0]);
    if (argc != 2)
        hp_fail("usage: %s RECORDED", argv[0]);
    Subject subject = {.vectors = vectors_read(argv[1])};
    hp_session_open(&subject.session, model, &(HpOptions){.program = argv[0], .seed = 1}, true);
    HpImageStore store = store_image(subject.vectors, model);
    fill_variables(&subject);
    fill_batch(&subject, &store);
    evaluate(&subject);
    train(&subject);
    printf("%s: %d tensors compared; outputs and statistics off by at most %.2e, gradients by %.2e, %.2f "
           "times PyTorch's "
           "single precision; %d wrong\n",
           model->name, subject.compared, subject.worst, subject.worst_gradient, subject.worst_times,
           subject.failed);
    int expected = subject.vectors->count + 1; /* logits.evaluate twice: by evaluate and by predict */
    if (subject.compared != expected)
        hp_fail("%d tensors were compared, %d are recorded", subject.compared, expected);
    hp_session_close(&subject.session);
    vectors_free(subject.vectors);
    free((void *)store.pixels);
    return subject.failed > 0;
}
