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

/* ---- variables: kind, name, format, ..., place, elements with padding, rank, shape ---- */

#define VARIABLE(kind, name, format, type, place, count, rank, ...) \
    {name, HP_##kind, HP_FORMAT_##format, rank, {__VA_ARGS__}, place, count, HP_##type, \
     {HP_INITIAL_CONSTANT, 0}, -1}
#define INITIALIZED(kind, name, format, initial, value, group, place, count, rank, ...) \
    {name, HP_##kind, HP_FORMAT_##format, rank, {__VA_ARGS__}, place, count, HP_F32, \
     {HP_INITIAL_##initial, value}, group}
#define TRAINED(name, format, initial, value, group, count, place, gradient_place, m_place, rank, ...) \
    INITIALIZED(PARAMETER, name, format, initial, value, group, place, count, rank, __VA_ARGS__), \
    VARIABLE(GRADIENT, "gradient:" name, format, F32, gradient_place, count, rank, __VA_ARGS__), \
    VARIABLE(OPTIMIZER_STATE, "m:" name, format, F32, m_place, count, rank, __VA_ARGS__)

static const HpVariable variables[] = {
    VARIABLE(INPUT, "sample", PLAIN, I64, 0, 4, 1, 4),
    VARIABLE(INPUT, "affine", PLAIN, F32, 64, 24, 2, 4, 6),
    VARIABLE(INPUT, "gain", PLAIN, F32, 192, 4, 1, 4),
    VARIABLE(INPUT, "draw", PLAIN, I64, 256, 4, 1, 4),
    VARIABLE(INPUT, "labels", PLAIN, F32, 320, 12, 2, 4, 3),
    VARIABLE(NORMALIZATION, "normalization.mean", PLAIN, F32, 384, 2, 1, 2),
    INITIALIZED(NORMALIZATION, "normalization.deviation", PLAIN, CONSTANT, 1.0, -1, 448, 2, 1, 2),
    TRAINED("conv1.weight", HWIO, UNIFORM, 0.23570226039551587, 0, 108, 512, 5952, 3392, 4, 6, 2, 3, 3),
    TRAINED("bn1.weight", PLAIN, CONSTANT, 1.0, 0, 6, 960, 6400, 3840, 1, 6),
    TRAINED("bn1.bias", PLAIN, CONSTANT, 0.0, 0, 6, 1024, 6464, 3904, 1, 6),
    VARIABLE(STATISTIC, "bn1.running_mean", PLAIN, F32, 1088, 6, 1, 6),
    INITIALIZED(STATISTIC, "bn1.running_var", PLAIN, CONSTANT, 1.0, -1, 1152, 6, 1, 6),
    TRAINED("conv2.weight", HWIO, UNIFORM, 0.13608276348795434, 1, 432, 1216, 6528, 3968, 4, 8, 6, 3, 3),
    TRAINED("conv2.bias", PLAIN, UNIFORM, 0.13608276348795434, 1, 8, 2944, 8256, 5696, 1, 8),
    TRAINED("head.weight", PLAIN, UNIFORM, 0.35355339059327373, 2, 24, 3008, 5760, 3200, 2, 3, 8),
    TRAINED("head.bias", PLAIN, UNIFORM, 0.35355339059327373, 2, 3, 3136, 5888, 3328, 1, 3),
    VARIABLE(DERIVED, "derived:conv1.weight", HWIO, F32, 5760, 108, 4, 6, 2, 3, 3),
    VARIABLE(DERIVED, "derived:conv1.bias", PLAIN, F32, 6208, 6, 4, 1, 6, 1, 1),
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

static const char work_0[] = "image   tests/emit/tiny.hpanet:12";
static const char work_1[] = "reorder   tests/emit/tiny.hpanet:12";
static const char work_2[] = "convolution   tests/emit/tiny.hpanet:16";
static const char work_3[] = "add, rsqrt, multiply, multiply, multiply, subtract, add, relu, ...   tests/emit/tiny.hpanet:18";
static const char work_4[] = "convolution, add, relu   tests/emit/tiny.hpanet:20";
static const char work_5[] = "reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21";
static const char work_6[] = "matmul, add   tests/emit/tiny.hpanet:21";
static const char work_7[] = "negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25";
static const char work_8[] = "matmul   tests/emit/tiny.hpanet:21";
static const char work_9[] = "reduce_sum, select, add   tests/emit/tiny.hpanet:21";
static const char work_10[] = "select, add   tests/emit/tiny.hpanet:21";
static const char work_11[] = "multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31";
static const char work_12[] = "reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17";
static const char work_13[] = "subtract, add, rsqrt, multiply, multiply, add, relu, max_pool, ...   tests/emit/tiny.hpanet:18";
static const char work_14[] = "greater, greater_equal, multiply, multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19";
static const char work_15[] = "convolution_gradient_input   tests/emit/tiny.hpanet:19";
static const char work_16[] = "convolution_gradient_weight   tests/emit/tiny.hpanet:19";
static const char work_17[] = "select, add   tests/emit/tiny.hpanet:19";
static const char work_18[] = "greater, select, max_pool_gradient, reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17";
static const char work_19[] = "greater, select, max_pool_gradient, multiply, subtract, subtract, add, rsqrt, ...   tests/emit/tiny.hpanet:17";
static const char work_20[] = "convolution_gradient_weight   tests/emit/tiny.hpanet:16";
static const char work_21[] = "select, add   tests/emit/tiny.hpanet:16";
static const char work_22[] = "convolution, add, relu   tests/emit/tiny.hpanet:18";
static const char work_23[] = "max_pool   tests/emit/tiny.hpanet:18";
static const char work_24[] = "reduce_mean, reshape   tests/emit/tiny.hpanet:20";
static const char work_25[] = "add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17";
static const char work_26[] = "add, rsqrt, multiply, multiply, subtract   tests/emit/tiny.hpanet:17";

static const HpStep steps_0[] = { /* train_head */
    {"image", work_0, 8352, 0},
    {"image", work_1, 16384, 0},
    {"conv1", work_2, 33200, 221184},
    {"bn1 → pooled", work_3, 30816, 0},
    {"conv2 → means", work_4, 9952, 55296},
    {"means → logits", work_5, 2208, 0},
    {"head", work_6, 284, 192},
    {"loss", work_7, 148, 0},
    {"head", work_8, 272, 192},
    {"head → gradient:head.bias", work_9, 72, 0},
    {"gradient:head.weight", work_10, 288, 0},
    {NULL, NULL, 0, 0}};

static const HpResult results_0[] = {
    {"loss", 8704, 1, HP_F32, HP_FORMAT_PLAIN, 0, {0}},
    {"logits", 8576, 12, HP_F32, HP_FORMAT_PLAIN, 2, {4, 3}},
    {"image", 32896, 2048, HP_F32, HP_FORMAT_PLAIN, 4, {4, 2, 16, 16}},
};

static const HpStep steps_1[] = { /* update_head */
    {"head.weight", work_11, 480, 0},
    {"head.bias", work_11, 60, 0},
    {NULL, NULL, 0, 0}};

static const HpStep steps_2[] = { /* train_all */
    {"image", work_0, 8352, 0},
    {"image", work_1, 16384, 0},
    {"conv1", work_2, 33200, 221184},
    {"bn1", work_12, 24720, 0},
    {"bn1 → pooled", work_13, 32352, 0},
    {"conv2 → means", work_4, 9952, 55296},
    {"means → logits", work_5, 2208, 0},
    {"head", work_6, 284, 192},
    {"loss", work_7, 148, 0},
    {"head", work_8, 272, 192},
    {"gradient:head.weight", work_10, 288, 0},
    {"head → gradient:head.bias", work_9, 72, 0},
    {"head", work_8, 272, 192},
    {"means → logits → means → conv2 → gradient:conv2.bias", work_14, 4320, 0},
    {"conv2", work_15, 9920, 55296},
    {"conv2", work_16, 9920, 55296},
    {"gradient:conv2.weight", work_17, 5184, 0},
    {"pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias", work_18, 38592, 0},
    {"pooled → bn1", work_19, 63096, 0},
    {"conv1", work_20, 33200, 221184},
    {"gradient:conv1.weight", work_21, 1296, 0},
    {NULL, NULL, 0, 0}};

static const HpResult results_2[] = {
    {"loss", 67072, 1, HP_F32, HP_FORMAT_PLAIN, 0, {0}},
    {"logits", 66880, 12, HP_F32, HP_FORMAT_PLAIN, 2, {4, 3}},
    {"image", 32896, 2048, HP_F32, HP_FORMAT_PLAIN, 4, {4, 2, 16, 16}},
};

static const HpStep steps_3[] = { /* update_all */
    {"conv1.weight", work_11, 2160, 0},
    {"bn1.weight", work_11, 120, 0},
    {"bn1.bias", work_11, 120, 0},
    {"conv2.weight", work_11, 8640, 0},
    {"conv2.bias", work_11, 160, 0},
    {"head.weight", work_11, 480, 0},
    {"head.bias", work_11, 60, 0},
    {NULL, NULL, 0, 0}};

static const HpStep steps_4[] = { /* evaluate */
    {"image", work_0, 8352, 0},
    {"image", work_1, 16384, 0},
    {"conv1 → pooled", work_22, 33224, 221184},
    {"pooled", work_23, 30720, 0},
    {"conv2 → means", work_4, 9952, 55296},
    {"means", work_24, 2176, 0},
    {"head", work_6, 284, 192},
    {"loss", work_7, 112, 0},
    {NULL, NULL, 0, 0}};

static const HpResult results_4[] = {
    {"logits", 8320, 12, HP_F32, HP_FORMAT_PLAIN, 2, {4, 3}},
    {"loss.0", 8448, 4, HP_F32, HP_FORMAT_PLAIN, 1, {4}},
};

static const HpStep steps_5[] = { /* predict */
    {"image", work_0, 8352, 0},
    {"image", work_1, 16384, 0},
    {"conv1 → pooled", work_22, 33224, 221184},
    {"pooled", work_23, 30720, 0},
    {"conv2 → means", work_4, 9952, 55296},
    {"means", work_24, 2176, 0},
    {"head", work_6, 284, 192},
    {NULL, NULL, 0, 0}};

static const HpResult results_5[] = {
    {"logits", 8320, 12, HP_F32, HP_FORMAT_PLAIN, 2, {4, 3}},
};

static const HpStep steps_6[] = { /* prepare */
    {"conv1.weight", work_25, 912, 0},
    {"conv1.weight → conv1.bias", work_26, 120, 0},
    {NULL, NULL, 0, 0}};

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
    {.name = "head", .epochs_scalar = 5, .parts = 2, .train = 0, .update = 1, .rates = rates_0,
     .validation = 0, .select = "macro_f1", .select_maximum = true,
     .from_best = false, .keep_state = false,
     .augment = {.flip = false, .rotate_low = 0.0, .rotate_high = 0.0, .zoom_low = 1.0, .zoom_high = 1.0,
                 .shift = 0.0, .brightness_low = 1.0, .brightness_high = 1.0}},
    {.name = "all", .epochs_scalar = 8, .parts = 2, .train = 2, .update = 3, .rates = rates_1,
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

const HpModel model = {
    .name = "tiny",
    .source = "tests/emit/tiny.hpanet",
    .recipe = recipe,
    .version = "0.1.0",
    .target = "cpu avx2 portable",
    .device = &hp_device_cpu,
    .isa = "avx2",
    .library_version = NULL,
    .threads = 0,
    .dataset = &dataset,
    .image_size = 16, .part_rows = 4, .evaluate_rows = 4,
    .memory_bytes = 67136,
    .variable_count = 32, .variables = variables, .scalar_count = 16, .scalars = scalars,
    .accumulate_scalar = 0, .schedule_t_scalar = 1, .schedule_T_scalar = 2, .schedule_peak_scalar = 3,
    .library_count = 10, .library = products, .function_count = 7, .functions = functions,
    .prepare = 6, .evaluate = 4, .predict = 5,
    .group_count = 3, .groups = groups, .stage_count = 2, .stages = stages,
    .split = {2, split_names, split_fractions, true},
    .weights_count = 0, .weights = NULL, .normalize = true,
};
