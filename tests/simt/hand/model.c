#include "model.h"

static const HpStep steps[] = {{"image", "means", 12848, 0}, {"head", "linear", 88, 48}};
static const HpResult results[] = {
    {"logits", 320, ROWS * CLASSES, HP_F32, HP_FORMAT_PLAIN, 2, {ROWS, CLASSES}}};
static const HpFunction functions[] = {{"predict", HP_FUNCTION_PREDICT, predict, 1, results, 2, steps}};
static const HpVariable variables[] = {
    {.name = "sample",
     .kind = HP_INPUT,
     .rank = 1,
     .shape = {ROWS},
     .count = ROWS,
     .type = HP_I64,
     .group = -1},
    {.name = "head.weight",
     .kind = HP_PARAMETER,
     .rank = 2,
     .shape = {CLASSES, PLANES},
     .offset = 64,
     .count = CLASSES * PLANES,
     .type = HP_F16,
     .initializer = {HP_INITIAL_UNIFORM, 0.5}},
    {.name = "head.bias",
     .kind = HP_PARAMETER,
     .rank = 1,
     .shape = {CLASSES},
     .offset = 128,
     .count = CLASSES,
     .initializer = {HP_INITIAL_CONSTANT, 1}},
};
static const HpScalar scalars[] = {{"gain", 1, true}};
static const HpStage stages[] = {{.name = "all", .parts = 1}};
static HpLibraryCall *const products[] = {&matmul_1};
static HpKernel *const launched[] = {&launched_kernel_means};
static const HpKernels kernels = {.kernel_count = 1, .kernels = launched};
static const char *const names[] = {"red", "green", "blue"};
static const HpDataset dataset = {.name = "hand",
                                  .plane_count = PLANES,
                                  .planes = names,
                                  .class_count = CLASSES,
                                  .classes = names};

static const HpModel model = {
    .name = "hand",
    .source = "hand.hpanet",
    .recipe = "",
    .version = "0",
    .target = "cuda",
    .device = &hp_device_cuda,
    .dataset = &dataset,
    .image_size = SIZE,
    .part_rows = ROWS,
    .evaluate_rows = ROWS,
    .memory_bytes = 512,
    .variable_count = 3,
    .variables = variables,
    .scalar_count = 1,
    .scalars = scalars,
    .library_count = 1,
    .library = products,
    .kernels = &kernels,
    .function_count = 1,
    .functions = functions,
    .prepare = -1,
    .stage_count = 1,
    .stages = stages,
};

int main(int argc, char **argv)
{
    return hp_main(argc, argv, &model);
}
