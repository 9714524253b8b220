#include "toy_model.h"
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct ToyMemory {
    float weight[TOY_CLASSES][TOY_FEATURES], bias[TOY_CLASSES], running[TOY_FEATURES];
    float weight_m[TOY_CLASSES][TOY_FEATURES], bias_m[TOY_CLASSES];
    float weight_gradient[TOY_CLASSES][TOY_FEATURES], bias_gradient[TOY_CLASSES];
    float folded[TOY_CLASSES][TOY_FEATURES];
    float mean[TOY_PLANES], deviation[TOY_PLANES];
    int64_t sample[TOY_EVALUATE], draw[TOY_EVALUATE];
    float affine[TOY_EVALUATE][6], gain[TOY_EVALUATE], labels[TOY_EVALUATE][TOY_CLASSES];
    /* the arena: results */
    float image[TOY_EVALUATE][TOY_PLANES][TOY_SIZE][TOY_SIZE];
    float logits[TOY_EVALUATE][TOY_CLASSES], rows[TOY_EVALUATE], loss, lr, momentum, finite;
} ToyMemory;

enum {
    ACCUMULATE,
    T,
    TOTAL,
    PEAK,
    LR_BOTTOM,
    LR_TOP,
    STEP_BOTTOM,
    STEP_TOP,
    MOMENTUM,
    HEAD_EPOCHS,
    HEAD_LR,
    ALL_EPOCHS,
    ALL_LR,
    LAST_EPOCHS,
    LAST_LR,
    LOSS_SCALE,
    SCALARS
};

/* ---------------------------------------------------------------- functions */

static float pixel(const HpImageStore *store, int64_t image, int plane, int64_t y, int64_t x)
{
    if (x < 0 || y < 0 || x >= store->width || y >= store->height)
        return 0;
    int64_t at = ((image * store->height + y) * store->width + x) * store->planes + plane;
    float raw =
        store->bits == 8 ? ((const uint8_t *)store->pixels)[at] : ((const uint16_t *)store->pixels)[at];
    return store->scale * raw + store->offset;
}

static float bilinear(const HpImageStore *store, int64_t image, int plane, float x, float y)
{
    float left = floorf(x), top = floorf(y), u = x - left, v = y - top;
    int64_t ix = (int64_t)left, iy = (int64_t)top;
    return (1 - v) *
               ((1 - u) * pixel(store, image, plane, iy, ix) + u * pixel(store, image, plane, iy, ix + 1)) +
           v * ((1 - u) * pixel(store, image, plane, iy + 1, ix) +
                u * pixel(store, image, plane, iy + 1, ix + 1));
}

static void sample_image(const HpContext *context, ToyMemory *memory, int row, float *features)
{
    const float *a = memory->affine[row];
    memset(features, 0, TOY_FEATURES * sizeof *features);
    for (int plane = 0; plane < TOY_PLANES; plane++) {
        for (int y = 0; y < TOY_SIZE; y++) {
            for (int x = 0; x < TOY_SIZE; x++) {
                float sx = a[0] * x + a[1] * y + a[2], sy = a[3] * x + a[4] * y + a[5];
                float value =
                    memory->gain[row] * bilinear(&context->images, memory->sample[row], plane, sx, sy);
                value = (value - memory->mean[plane]) / memory->deviation[plane];
                memory->image[row][plane][y][x] = value;
                features[4 * plane + 2 * (y >= TOY_SIZE / 2) + (x >= TOY_SIZE / 2)] += value / 16;
            }
        }
    }
}

void toy_logits(const float *weight, const float *bias, const float *running, const float *features,
                float *logits)
{
    for (int c = 0; c < TOY_CLASSES; c++) {
        logits[c] = bias[c];
        for (int f = 0; f < TOY_FEATURES; f++)
            logits[c] += weight[c * TOY_FEATURES + f] * (features[f] - running[f]);
    }
}

static float cross_entropy(float logit, float label)
{
    return fmaxf(logit, 0) - logit * label + log1pf(expf(-fabsf(logit)));
}

static int updates;

/* Every draw of a run has a number of its own, and later draws have larger ones. */
static void check_draws(const ToyMemory *memory)
{
    static int64_t last = -1;
    for (int row = 0; row < TOY_ROWS; row++) {
        if (memory->draw[row] <= last)
            abort();
        last = memory->draw[row];
    }
}

static bool environment_says(const char *name, int number, int *value)
{
    const char *text = getenv(name);
    int at = -1;
    *value = 0;
    return text && sscanf(text, "%d:%d", &at, value) >= 1 && at == number;
}

static void train(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    float features[TOY_ROWS][TOY_FEATURES], sum = 0;
    int unused;
    check_draws(memory);
    if (context->scalars[ACCUMULATE] == 0) {
        memset(memory->weight_gradient, 0, sizeof memory->weight_gradient);
        memset(memory->bias_gradient, 0, sizeof memory->bias_gradient);
    }
    for (int row = 0; row < TOY_ROWS; row++) {
        sample_image(context, memory, row, features[row]);
        for (int f = 0; f < TOY_FEATURES; f++)
            features[row][f] *=
                hp_random_uniform(context->seed, 7, memory->draw[row], (uint32_t)f) < 0.125f ? 0 : 8.0f / 7;
        toy_logits(&memory->weight[0][0], memory->bias, memory->running, features[row], memory->logits[row]);
        for (int c = 0; c < TOY_CLASSES; c++) {
            float logit = memory->logits[row][c], label = memory->labels[row][c];
            float gradient = (1 / (1 + expf(-logit)) - label) / (TOY_CLASSES * TOY_ROWS * TOY_PARTS);
            sum += cross_entropy(logit, label);
            memory->bias_gradient[c] += gradient;
            for (int f = 0; f < TOY_FEATURES; f++)
                memory->weight_gradient[c][f] += gradient * (features[row][f] - memory->running[f]);
        }
    }
    for (int row = 0; row < TOY_ROWS; row++)
        for (int f = 0; f < TOY_FEATURES; f++)
            memory->running[f] += 0.01f * (features[row][f] - memory->running[f]);
    memory->loss = environment_says("TOY_NAN", updates + 1, &unused) ? NAN : sum / (TOY_CLASSES * TOY_ROWS);
}

static void momentum_step(float *value, float *m, const float *gradient, int count, float lr, float beta,
                          float step)
{
    for (int i = 0; i < count; i++) {
        m[i] = beta * m[i] + (1 - beta) * gradient[i];
        value[i] -= lr * m[i] / (1 - powf(beta, step));
    }
}

static void disturb(void)
{
    int signal_number;
    updates++;
    if (environment_says("TOY_SIGNAL", updates, &signal_number))
        raise(signal_number);
    if (getenv("TOY_SLEEP"))
        usleep((useconds_t)atoi(getenv("TOY_SLEEP")));
}

/* Whether a step's gradients are finite numbers: while the loss is scaled by at most TOY_SCALE. */
static bool is_finite(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    const char *most = getenv("TOY_SCALE");
    memory->finite = !most || context->scalars[LOSS_SCALE] <= (float)atof(most);
    return memory->finite != 0;
}

static void update_top(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    const float *scalars = context->scalars;
    if (is_finite(context))
        momentum_step(memory->bias, memory->bias_m, memory->bias_gradient, TOY_CLASSES, scalars[LR_TOP],
                      scalars[MOMENTUM], scalars[STEP_TOP]);
    disturb();
}

static void update_all(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    const float *scalars = context->scalars;
    if (is_finite(context))
        momentum_step(&memory->weight[0][0], &memory->weight_m[0][0], &memory->weight_gradient[0][0],
                      TOY_CLASSES * TOY_FEATURES, scalars[LR_BOTTOM], scalars[MOMENTUM],
                      scalars[STEP_BOTTOM]);
    update_top(context);
}

static void prepare(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    memcpy(memory->folded, memory->weight, sizeof memory->folded);
}

static void predict(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    float features[TOY_EVALUATE][TOY_FEATURES];
    hp_step(context, 0);
    for (int row = 0; row < TOY_EVALUATE; row++)
        sample_image(context, memory, row, features[row]);
    hp_step(context, 1);
    for (int row = 0; row < TOY_EVALUATE; row++)
        toy_logits(&memory->folded[0][0], memory->bias, memory->running, features[row], memory->logits[row]);
    hp_step(context, 2);
}

static void evaluate(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    predict(context);
    for (int row = 0; row < TOY_EVALUATE; row++) {
        memory->rows[row] = 0;
        for (int c = 0; c < TOY_CLASSES; c++)
            memory->rows[row] += cross_entropy(memory->logits[row][c], memory->labels[row][c]) / TOY_CLASSES;
    }
}

static void schedule(HpContext *context)
{
    ToyMemory *memory = (ToyMemory *)context->memory;
    float done = context->scalars[T] / context->scalars[TOTAL];
    memory->lr = context->scalars[PEAK] * (1 - done);
    memory->momentum = 0.5f + 0.4f * done;
}

/* ---------------------------------------------------------------- tables */

#define PLACE(member) offsetof(ToyMemory, member)
#define RESULT(text, member)                                                                                 \
    {                                                                                                        \
        .name = text, .offset = PLACE(member), .count = sizeof(((ToyMemory *)0)->member) / sizeof(float),    \
        .rank = 1, .shape = {                                                                                \
            sizeof(((ToyMemory *)0)->member) / sizeof(float)                                                 \
        }                                                                                                    \
    }

/* Of a training batch, which is smaller than that of evaluation. */
#define ROWS(text, member)                                                                                   \
    {                                                                                                        \
        .name = text, .offset = PLACE(member),                                                               \
        .count = TOY_ROWS * (int64_t)(sizeof(((ToyMemory *)0)->member[0]) / sizeof(float)), .rank = 1,       \
        .shape = {                                                                                           \
            TOY_ROWS * (int64_t)(sizeof(((ToyMemory *)0)->member[0]) / sizeof(float))                        \
        }                                                                                                    \
    }

static const HpResult train_results[] = {RESULT("loss", loss), ROWS("image", image), ROWS("logits", logits)};
static const HpResult update_results[] = {RESULT("finite", finite)};
static const HpResult evaluate_results[] = {RESULT("logits", logits), RESULT("loss.0", rows)};
static const HpResult schedule_results[] = {RESULT("lr", lr), RESULT("momentum", momentum)};

enum { TRAIN, UPDATE_TOP, UPDATE_ALL, PREPARE, EVALUATE, PREDICT, SCHEDULE };

static const HpStep predict_steps[] = {{"image", "samples", 6e3, 0}, {"head", "linear", 2e3, 1e6}};

static const HpFunction functions[] = {
    [TRAIN] = {"train", HP_FUNCTION_TRAIN, train, 3, train_results},
    [UPDATE_TOP] = {"update_top", HP_FUNCTION_UPDATE, update_top, 1, update_results},
    [UPDATE_ALL] = {"update_all", HP_FUNCTION_UPDATE, update_all, 1, update_results},
    [PREPARE] = {"prepare", HP_FUNCTION_PREPARE, prepare, 0, NULL},
    [EVALUATE] = {"evaluate", HP_FUNCTION_EVALUATE, evaluate, 2, evaluate_results},
    [PREDICT] = {"predict", HP_FUNCTION_PREDICT, predict, 1, evaluate_results, 2, predict_steps},
    [SCHEDULE] = {"schedule", HP_FUNCTION_SCHEDULE, schedule, 2, schedule_results},
};

#define VARIABLE(text, variable_kind, member, extents, group_index, ...)                                     \
    {                                                                                                        \
        .name = text, .kind = variable_kind, .rank = extents, .shape = {__VA_ARGS__},                        \
        .offset = PLACE(member), .count = sizeof(((ToyMemory *)0)->member) / 4, .type = HP_F32,              \
        .group = group_index                                                                                 \
    }

static const HpVariable variables[] = {
    {.name = "head.weight",
     .kind = HP_PARAMETER,
     .rank = 2,
     .shape = {TOY_CLASSES, TOY_FEATURES},
     .offset = PLACE(weight),
     .count = TOY_CLASSES * TOY_FEATURES,
     .type = HP_F32,
     .initializer = {HP_INITIAL_UNIFORM, 0.35},
     .group = 0},
    VARIABLE("head.bias", HP_PARAMETER, bias, 1, 1, TOY_CLASSES),
    VARIABLE("norm.running_mean", HP_STATISTIC, running, 1, -1, TOY_FEATURES),
    VARIABLE("m:head.weight", HP_OPTIMIZER_STATE, weight_m, 2, -1, TOY_CLASSES, TOY_FEATURES),
    VARIABLE("m:head.bias", HP_OPTIMIZER_STATE, bias_m, 1, -1, TOY_CLASSES),
    VARIABLE("gradient:head.weight", HP_GRADIENT, weight_gradient, 2, -1, TOY_CLASSES, TOY_FEATURES),
    VARIABLE("gradient:head.bias", HP_GRADIENT, bias_gradient, 1, -1, TOY_CLASSES),
    VARIABLE("folded:head.weight", HP_DERIVED, folded, 2, -1, TOY_CLASSES, TOY_FEATURES),
    VARIABLE("normalization.mean", HP_NORMALIZATION, mean, 1, -1, TOY_PLANES),
    VARIABLE("normalization.deviation", HP_NORMALIZATION, deviation, 1, -1, TOY_PLANES),
    {.name = "sample",
     .kind = HP_INPUT,
     .rank = 1,
     .shape = {TOY_EVALUATE},
     .offset = PLACE(sample),
     .count = TOY_EVALUATE,
     .type = HP_I64},
    {.name = "draw",
     .kind = HP_INPUT,
     .rank = 1,
     .shape = {TOY_EVALUATE},
     .offset = PLACE(draw),
     .count = TOY_EVALUATE,
     .type = HP_I64},
    VARIABLE("affine", HP_INPUT, affine, 2, -1, TOY_EVALUATE, 6),
    VARIABLE("gain", HP_INPUT, gain, 1, -1, TOY_EVALUATE),
    VARIABLE("labels", HP_INPUT, labels, 2, -1, TOY_EVALUATE, TOY_CLASSES),
};

static const HpScalar scalars[SCALARS] = {
    [ACCUMULATE] = {"accumulate", 0, false},
    [T] = {"schedule.t", 0, false},
    [TOTAL] = {"schedule.T", 0, false},
    [PEAK] = {"schedule.peak", 0, false},
    [LR_BOTTOM] = {"lr.bottom", 0, false},
    [LR_TOP] = {"lr.top", 0, false},
    [STEP_BOTTOM] = {"step.bottom", 0, false},
    [STEP_TOP] = {"step.top", 0, false},
    [MOMENTUM] = {"optimizer.momentum", 0.8, true},
    [HEAD_EPOCHS] = {"stage.head.epochs", 2, true},
    [HEAD_LR] = {"stage.head.lr", 0.5, true},
    [ALL_EPOCHS] = {"stage.all.epochs", 3, true},
    [ALL_LR] = {"stage.all.lr", 1, true},
    [LAST_EPOCHS] = {"stage.last.epochs", 2, true},
    [LAST_LR] = {"stage.last.lr", 0.1, true},
    [LOSS_SCALE] = {"loss_scale", 65536, true},
};

static const char *const planes[] = {"red", "green"};
static const char *const files[] = {"{id}_{plane}.png"};
static const char *const classes[] = {"Left", "Right", "Rare one"};
static const HpPart parts[] = {
    {.name = "train",
     .folder = "train",
     .table = "train.csv",
     .id_column = "Id",
     .label_column = "Target",
     .separator = " "},
    {.name = "test", .folder = "test", .id_column = "Id", .order = "order.csv"},
};
static const HpDataset dataset = {.name = "toy",
                                  .plane_count = TOY_PLANES,
                                  .planes = planes,
                                  .file_count = 1,
                                  .files = files,
                                  .range = HP_RANGE_FIXED,
                                  .range_high = 255,
                                  .class_count = TOY_CLASSES,
                                  .classes = classes,
                                  .part_count = 2,
                                  .parts = parts,
                                  .source = "dataset toy"};

static const HpGroup groups[] = {{"bottom", LR_BOTTOM, STEP_BOTTOM}, {"top", LR_TOP, STEP_TOP}};
static const HpRate head_rates[] = {{-1, -1}, {HEAD_LR, -1}};
static const HpRate all_rates[] = {{ALL_LR, SCHEDULE}, {ALL_LR, SCHEDULE}};
static const HpRate last_rates[] = {{LAST_LR, -1}, {LAST_LR, -1}};
static const int rare_classes[] = {2};
static const HpOversample oversample[] = {{1, rare_classes, 12}};

#define NO_AUGMENTATION                                                                                      \
    {                                                                                                        \
        .zoom_low = 1, .zoom_high = 1, .brightness_low = 1, .brightness_high = 1                             \
    }

static const HpStage stages[] = {
    {.name = "head",
     .epochs_scalar = HEAD_EPOCHS,
     .parts = TOY_PARTS,
     .train = TRAIN,
     .update = UPDATE_TOP,
     .rates = head_rates,
     .select = "macro_ap",
     .select_maximum = true,
     .augment = NO_AUGMENTATION},
    {.name = "all",
     .epochs_scalar = ALL_EPOCHS,
     .parts = TOY_PARTS,
     .train = TRAIN,
     .update = UPDATE_ALL,
     .rates = all_rates,
     .select = "macro_ap",
     .select_maximum = true,
     .oversample_count = 1,
     .oversample = oversample,
     .augment = {.flip = false,
                 .rotate_low = -10,
                 .rotate_high = 10,
                 .zoom_low = 0.9,
                 .zoom_high = 1.1,
                 .shift = 0.05,
                 .brightness_low = 0.9,
                 .brightness_high = 1.1}},
    {.name = "last",
     .epochs_scalar = LAST_EPOCHS,
     .parts = TOY_PARTS,
     .train = TRAIN,
     .update = UPDATE_ALL,
     .rates = last_rates,
     .select = "loss",
     .from_best = true,
     .keep_state = true,
     .augment = NO_AUGMENTATION},
};

static const char *const split_names[] = {"train", "validation", "test"};
static const double fractions[] = {0.6, 0.2, 0.2};

const HpModel toy_model = {.name = "toy",
                           .source = "models/toy.hpanet",
                           .recipe = "# toy\n",
                           .version = "0",
                           .target = "cpu",
                           .device = &hp_device_cpu,
                           .isa = "sse",
                           .dataset = &dataset,
                           .image_size = TOY_SIZE,
                           .part_rows = TOY_ROWS,
                           .evaluate_rows = TOY_EVALUATE,
                           .memory_bytes = sizeof(ToyMemory),
                           .variable_count = sizeof variables / sizeof *variables,
                           .variables = variables,
                           .scalar_count = SCALARS,
                           .scalars = scalars,
                           .accumulate_scalar = ACCUMULATE,
                           .schedule_t_scalar = T,
                           .schedule_T_scalar = TOTAL,
                           .schedule_peak_scalar = PEAK,
                           .function_count = sizeof functions / sizeof *functions,
                           .functions = functions,
                           .prepare = PREPARE,
                           .evaluate = EVALUATE,
                           .predict = PREDICT,
                           .group_count = 2,
                           .groups = groups,
                           .stage_count = 3,
                           .stages = stages,
                           .split = {3, split_names, fractions, true},
                           .normalize = true};
