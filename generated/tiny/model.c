/* tiny: its tables
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet --portable */
#include "model.h"

/* ---- data set spots ---- */

static const char *const planes[] = {
    "red", "green",
};
static const char *const files[] = {
    "{id}_{plane}.png",
};
static const char *const classes[] = {
    "few", "many", "large",
};
static const HpPart parts[] = {
    {.name = "train", .folder = "train", .table = "train.csv", .id_column = "Id",
     .label_column = "Target", .separator = " ", .order = NULL, .labels_from_folders = false},
};
static const HpDataset dataset = {
    .name = "spots",
    .plane_count = 2, .planes = planes, .file_count = 1, .files = files,
    .range = HP_RANGE_FIXED, .range_low = 0.0, .range_high = 255.0,
    .one_of = false, .class_count = 3, .classes = classes, .part_count = 1, .parts = parts,
    .source = 
    "dataset spots {\n"
    "  planes red, green\n"
    "  file   \"{id}_{plane}.png\"\n"
    "  range  0 to 255\n"
    "  labels any of [\"few\", \"many\", \"large\"]\n"
    "  part train { folder \"train\"; table \"train.csv\" id \"Id\" labels \"Target\" split \" \" }\n"
    "}",
};

/* ---- variables: name, kind, format, shape, offset, elements, bytes each, initializer, group ---- */

static const HpVariable variables[] = {
    {"sample", HP_INPUT, HP_FORMAT_PLAIN, 1, {4}, 0, 4, 8, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"affine", HP_INPUT, HP_FORMAT_PLAIN, 2, {4, 6}, 64, 24, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gain", HP_INPUT, HP_FORMAT_PLAIN, 1, {4}, 192, 4, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"draw", HP_INPUT, HP_FORMAT_PLAIN, 1, {4}, 256, 4, 8, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"labels", HP_INPUT, HP_FORMAT_PLAIN, 2, {4, 3}, 320, 12, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"normalization.mean", HP_NORMALIZATION, HP_FORMAT_PLAIN, 1, {2}, 384, 2, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"normalization.deviation", HP_NORMALIZATION, HP_FORMAT_PLAIN, 1, {2}, 448, 2, 4, {HP_INITIAL_CONSTANT, 1.0}, -1},
    {"conv1.weight", HP_PARAMETER, HP_FORMAT_HWIO, 4, {6, 2, 3, 3}, 512, 108, 4, {HP_INITIAL_UNIFORM, 0.23570226039551587}, 0},
    {"bn1.weight", HP_PARAMETER, HP_FORMAT_PLAIN, 1, {6}, 960, 6, 4, {HP_INITIAL_CONSTANT, 1.0}, 0},
    {"bn1.bias", HP_PARAMETER, HP_FORMAT_PLAIN, 1, {6}, 1024, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, 0},
    {"bn1.running_mean", HP_STATISTIC, HP_FORMAT_PLAIN, 1, {6}, 1088, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"bn1.running_var", HP_STATISTIC, HP_FORMAT_PLAIN, 1, {6}, 1152, 6, 4, {HP_INITIAL_CONSTANT, 1.0}, -1},
    {"conv2.weight", HP_PARAMETER, HP_FORMAT_HWIO, 4, {8, 6, 3, 3}, 1216, 432, 4, {HP_INITIAL_UNIFORM, 0.13608276348795434}, 1},
    {"conv2.bias", HP_PARAMETER, HP_FORMAT_PLAIN, 1, {8}, 2944, 8, 4, {HP_INITIAL_UNIFORM, 0.13608276348795434}, 1},
    {"head.weight", HP_PARAMETER, HP_FORMAT_PLAIN, 2, {3, 8}, 3008, 24, 4, {HP_INITIAL_UNIFORM, 0.35355339059327373}, 2},
    {"head.bias", HP_PARAMETER, HP_FORMAT_PLAIN, 1, {3}, 3136, 3, 4, {HP_INITIAL_UNIFORM, 0.35355339059327373}, 2},
    {"gradient:head.weight", HP_GRADIENT, HP_FORMAT_PLAIN, 2, {3, 8}, 3200, 24, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gradient:head.bias", HP_GRADIENT, HP_FORMAT_PLAIN, 1, {3}, 3328, 3, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:head.weight", HP_OPTIMIZER_STATE, HP_FORMAT_PLAIN, 2, {3, 8}, 3392, 24, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:head.bias", HP_OPTIMIZER_STATE, HP_FORMAT_PLAIN, 1, {3}, 3520, 3, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gradient:conv1.weight", HP_GRADIENT, HP_FORMAT_HWIO, 4, {6, 2, 3, 3}, 3584, 108, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gradient:bn1.weight", HP_GRADIENT, HP_FORMAT_PLAIN, 1, {6}, 4032, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gradient:bn1.bias", HP_GRADIENT, HP_FORMAT_PLAIN, 1, {6}, 4096, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gradient:conv2.weight", HP_GRADIENT, HP_FORMAT_HWIO, 4, {8, 6, 3, 3}, 4160, 432, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"gradient:conv2.bias", HP_GRADIENT, HP_FORMAT_PLAIN, 1, {8}, 5888, 8, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:conv1.weight", HP_OPTIMIZER_STATE, HP_FORMAT_HWIO, 4, {6, 2, 3, 3}, 5952, 108, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:bn1.weight", HP_OPTIMIZER_STATE, HP_FORMAT_PLAIN, 1, {6}, 6400, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:bn1.bias", HP_OPTIMIZER_STATE, HP_FORMAT_PLAIN, 1, {6}, 6464, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:conv2.weight", HP_OPTIMIZER_STATE, HP_FORMAT_HWIO, 4, {8, 6, 3, 3}, 6528, 432, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"m:conv2.bias", HP_OPTIMIZER_STATE, HP_FORMAT_PLAIN, 1, {8}, 8256, 8, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"derived:conv1.weight", HP_DERIVED, HP_FORMAT_HWIO, 4, {6, 2, 3, 3}, 8320, 108, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
    {"derived:conv1.bias", HP_DERIVED, HP_FORMAT_PLAIN, 4, {1, 6, 1, 1}, 8768, 6, 4, {HP_INITIAL_CONSTANT, 0.0}, -1},
};

static const HpScalar scalars[] = { /* name, default, for --set */
    {"accumulate", 0.0, false},
    {"schedule.t", 0.0, false},
    {"schedule.T", 1.0, false},
    {"schedule.peak", 0.0, false},
    {"stage.head.lr", 0.1, true},
    {"stage.head.epochs", 1.0, true},
    {"stage.all.lr.bottom", 0.01, true},
    {"stage.all.lr.top", 0.1, true},
    {"stage.all.epochs", 2.0, true},
    {"lr.bottom", 0.0, false},
    {"step.bottom", 0.0, false},
    {"lr.top", 0.0, false},
    {"step.top", 0.0, false},
    {"lr.top.2", 0.0, false},
    {"step.top.2", 0.0, false},
    {"optimizer.momentum", 0.9, true},
    {NULL, 0, false}};

/* ---- functions: what each step is, bytes it moves, operations of its product; results ---- */

static const HpStep steps_0[] = { /* train_head */
    {"image image   tests/emit/tiny.hpanet:12", 8352, 0.0},
    {"image reorder   tests/emit/tiny.hpanet:12", 16384, 0.0},
    {"conv1 convolution   tests/emit/tiny.hpanet:16", 33200, 221184.0},
    {"bn1 add, rsqrt, multiply, multiply, multiply, subtract, add → pooled relu, ...   tests/emit/tiny.hpanet:18", 30816, 0.0},
    {"conv2 convolution, add → means relu   tests/emit/tiny.hpanet:20", 9952, 55296.0},
    {"means reduce_mean → logits greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21", 2208, 0.0},
    {"head matmul, add   tests/emit/tiny.hpanet:21", 284, 192.0},
    {"loss negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25", 148, 0.0},
    {"head matmul   tests/emit/tiny.hpanet:21", 272, 192.0},
    {"head reduce_sum → gradient:head.bias select, add   tests/emit/tiny.hpanet:21", 72, 0.0},
    {"gradient:head.weight select, add   tests/emit/tiny.hpanet:21", 288, 0.0},
    {NULL, 0, 0}};

static const HpResult results_0[] = {
    {"loss", 9216, 1}, /* [] */
    {"logits", 9088, 12}, /* [4, 3] */
    {"image", 33408, 2048}, /* [4, 2, 16, 16] */
};

static const HpStep steps_1[] = { /* update_head */
    {"head.weight multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 480, 0.0},
    {"head.bias multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 60, 0.0},
    {NULL, 0, 0}};

static const HpStep steps_2[] = { /* train_all */
    {"image image   tests/emit/tiny.hpanet:12", 8352, 0.0},
    {"image reorder   tests/emit/tiny.hpanet:12", 16384, 0.0},
    {"conv1 convolution   tests/emit/tiny.hpanet:16", 33200, 221184.0},
    {"bn1 reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17", 24720, 0.0},
    {"bn1 subtract, add, rsqrt, multiply, multiply, add → pooled relu, max_pool, ...   tests/emit/tiny.hpanet:18", 32352, 0.0},
    {"conv2 convolution, add → means relu   tests/emit/tiny.hpanet:20", 9952, 55296.0},
    {"means reduce_mean → logits greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21", 2208, 0.0},
    {"head matmul, add   tests/emit/tiny.hpanet:21", 284, 192.0},
    {"loss negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25", 148, 0.0},
    {"head matmul   tests/emit/tiny.hpanet:21", 272, 192.0},
    {"gradient:head.weight select, add   tests/emit/tiny.hpanet:21", 288, 0.0},
    {"head reduce_sum → gradient:head.bias select, add   tests/emit/tiny.hpanet:21", 72, 0.0},
    {"head matmul   tests/emit/tiny.hpanet:21", 272, 192.0},
    {"means greater → logits greater_equal, multiply, multiply → means multiply, select → conv2 reduce_sum → gradient:conv2.bias select, ...   tests/emit/tiny.hpanet:19", 4320, 0.0},
    {"conv2 convolution_gradient_weight   tests/emit/tiny.hpanet:19", 9920, 55296.0},
    {"gradient:conv2.weight select, add   tests/emit/tiny.hpanet:19", 5184, 0.0},
    {"conv2 convolution_gradient_input   tests/emit/tiny.hpanet:19", 9920, 55296.0},
    {"bn1 subtract, add, rsqrt, multiply, multiply, add → pooled relu, greater, ...   tests/emit/tiny.hpanet:17", 32496, 0.0},
    {"bn1 subtract, add, rsqrt, multiply, multiply, add → pooled relu, greater, ...   tests/emit/tiny.hpanet:17", 56976, 0.0},
    {"conv1 convolution_gradient_weight   tests/emit/tiny.hpanet:16", 33200, 221184.0},
    {"gradient:conv1.weight select, add   tests/emit/tiny.hpanet:16", 1296, 0.0},
    {NULL, 0, 0}};

static const HpResult results_2[] = {
    {"loss", 61440, 1}, /* [] */
    {"logits", 61248, 12}, /* [4, 3] */
    {"image", 33408, 2048}, /* [4, 2, 16, 16] */
};

static const HpStep steps_3[] = { /* update_all */
    {"conv1.weight multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 2160, 0.0},
    {"bn1.weight multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 120, 0.0},
    {"bn1.bias multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 120, 0.0},
    {"conv2.weight multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 8640, 0.0},
    {"conv2.bias multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 160, 0.0},
    {"head.weight multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 480, 0.0},
    {"head.bias multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31", 60, 0.0},
    {NULL, 0, 0}};

static const HpStep steps_4[] = { /* evaluate */
    {"image image   tests/emit/tiny.hpanet:12", 8352, 0.0},
    {"image reorder   tests/emit/tiny.hpanet:12", 16384, 0.0},
    {"conv1 convolution, add → pooled relu   tests/emit/tiny.hpanet:18", 33224, 221184.0},
    {"pooled max_pool   tests/emit/tiny.hpanet:18", 30720, 0.0},
    {"conv2 convolution, add → means relu   tests/emit/tiny.hpanet:20", 9952, 55296.0},
    {"means reduce_mean, reshape   tests/emit/tiny.hpanet:20", 2176, 0.0},
    {"head matmul, add   tests/emit/tiny.hpanet:21", 284, 192.0},
    {"loss negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25", 112, 0.0},
    {NULL, 0, 0}};

static const HpResult results_4[] = {
    {"logits", 8832, 12}, /* [4, 3] */
    {"loss.0", 8960, 4}, /* [4] */
};

static const HpStep steps_5[] = { /* predict */
    {"image image   tests/emit/tiny.hpanet:12", 8352, 0.0},
    {"image reorder   tests/emit/tiny.hpanet:12", 16384, 0.0},
    {"conv1 convolution, add → pooled relu   tests/emit/tiny.hpanet:18", 33224, 221184.0},
    {"pooled max_pool   tests/emit/tiny.hpanet:18", 30720, 0.0},
    {"conv2 convolution, add → means relu   tests/emit/tiny.hpanet:20", 9952, 55296.0},
    {"means reduce_mean, reshape   tests/emit/tiny.hpanet:20", 2176, 0.0},
    {"head matmul, add   tests/emit/tiny.hpanet:21", 284, 192.0},
    {NULL, 0, 0}};

static const HpResult results_5[] = {
    {"logits", 8832, 12}, /* [4, 3] */
};

static const HpStep steps_6[] = { /* prepare */
    {"conv1.weight add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17", 912, 0.0},
    {"conv1.weight add, rsqrt, multiply → conv1.bias multiply, subtract   tests/emit/tiny.hpanet:17", 120, 0.0},
    {NULL, 0, 0}};

static const HpFunction functions[] = {
    {"train_head", HP_FUNCTION_TRAIN, train_head, 3, results_0, 11, steps_0},
    {"update_head", HP_FUNCTION_UPDATE, update_head, 0, NULL, 2, steps_1},
    {"train_all", HP_FUNCTION_TRAIN, train_all, 3, results_2, 21, steps_2},
    {"update_all", HP_FUNCTION_UPDATE, update_all, 0, NULL, 7, steps_3},
    {"evaluate", HP_FUNCTION_EVALUATE, evaluate, 2, results_4, 8, steps_4},
    {"predict", HP_FUNCTION_PREDICT, predict, 1, results_5, 7, steps_5},
    {"prepare", HP_FUNCTION_PREPARE, prepare, 0, NULL, 2, steps_6},
};

/* ---- recipe ---- */

static const HpGroup groups[] = {
    {"bottom", 9, 10},
    {"top", 11, 12},
    {"top.2", 13, 14},
};
static const HpRate rates_0[] = { /* scalar, schedule */
    {-1, -1}, {-1, -1}, {4, -1},
};
static const HpRate rates_1[] = { /* scalar, schedule */
    {6, -1}, {7, -1}, {7, -1},
};
static const HpStage stages[] = {
    {.name = "head", .epochs_scalar = 5, .train = 0, .update = 1, .rates = rates_0,
     .validation = 0, .select = "macro_f1", .select_maximum = true,
     .from_best = false, .keep_state = false,
     .augment = {.flip = false, .rotate_low = 0.0, .rotate_high = 0.0, .zoom_low = 1.0, .zoom_high = 1.0,
                 .shift = 0.0, .brightness_low = 1.0, .brightness_high = 1.0}},
    {.name = "all", .epochs_scalar = 8, .train = 2, .update = 3, .rates = rates_1,
     .validation = 0, .select = "macro_f1", .select_maximum = true,
     .from_best = false, .keep_state = false,
     .augment = {.flip = true, .rotate_low = 0.0, .rotate_high = 0.0, .zoom_low = 1.0, .zoom_high = 1.0,
                 .shift = 0.05, .brightness_low = 1.0, .brightness_high = 1.0}},
};
static const char *const split_names[] = {
    "train", "validation",
};
static const double split_fractions[] = {0.8, 0.2};

static const char recipe[] =
    "hpanet 1\n"
    "\n"
    "dataset spots {\n"
    "  planes red, green\n"
    "  file   \"{id}_{plane}.png\"\n"
    "  range  0 to 255\n"
    "  labels any of [\"few\", \"many\", \"large\"]\n"
    "  part train { folder \"train\"; table \"train.csv\" id \"Id\" labels \"Target\" split \" \" }\n"
    "}\n"
    "\n"
    "loss bce(logit, target) {\n"
    "  return mean((target * softplus(-logit)) + ((1 - target) * softplus(logit)))\n"
    "}\n"
    "\n"
    "optimizer momentum(momentum = 0.9) {\n"
    "  state m = 0\n"
    "  m := (momentum * m) + gradient\n"
    "  parameter := parameter - (lr * m)\n"
    "}\n"
    "\n"
    "input image = data.image at 16 px\n"
    "target labels = data.labels\n"
    "\n"
    "network {\n"
    "  conv1 = conv(image, 6, kernel = 3, pad = 1, bias = false)\n"
    "  bn1 = batchnorm(conv1)\n"
    "  pooled = max_pool(relu(bn1), 2)\n"
    "  conv2 = conv(pooled, 8, kernel = 3, stride = 2, pad = 1)\n"
    "  means = global_average_pool(relu(conv2))\n"
    "  logits = linear(dropout(means, 0.5), classes(labels)) as head\n"
    "}\n"
    "\n"
    "group bottom = conv1, bn1\n"
    "group top = conv2, head\n"
    "loss = bce(logits, labels)\n"
    "select = macro_f1 maximum\n"
    "normalize image per plane\n"
    "split train 0.8, validation 0.2 stratified\n"
    "augment none\n"
    "optimizer = momentum(momentum = 0.9)\n"
    "batch 8 in parts of 4\n"
    "\n"
    "stage head {\n"
    "  train head\n"
    "  freeze others\n"
    "  lr = 0.1\n"
    "  epochs 1\n"
    "}\n"
    "stage all {\n"
    "  train everything\n"
    "  augment {\n"
    "    flip\n"
    "    shift 5 %\n"
    "  }\n"
    "  lr = {\n"
    "    bottom 0.01\n"
    "    top 0.1\n"
    "  }\n"
    "  epochs 2\n"
    "}\n";

static const HpModel model = {
    .name = "tiny",
    .source = "tests/emit/tiny.hpanet",
    .recipe = recipe,
    .version = "0.1.0",
    .target = "cpu avx2 portable",
    .isa = "avx2",
    .library_version = NULL,
    .threads = 0,
    .dataset = &dataset,
    .image_size = 16, .part_rows = 4, .parts = 2, .evaluate_rows = 4,
    .memory_bytes = 61504,
    .variable_count = 32, .variables = variables, .scalar_count = 16, .scalars = scalars,
    .accumulate_scalar = 0, .schedule_t_scalar = 1, .schedule_T_scalar = 2, .schedule_peak_scalar = 3,
    .library_count = 10, .library = products, .function_count = 7, .functions = functions,
    .prepare = 6, .evaluate = 4, .predict = 5,
    .group_count = 3, .groups = groups, .stage_count = 2, .stages = stages,
    .split = {2, split_names, split_fractions, true},
    .weights_count = 0, .weights = NULL, .normalize = true,
};

int main(int argc, char **argv)
{
    return hp_main(argc, argv, &model);
}
