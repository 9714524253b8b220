/* One kernel does all of the toy model: it runs the function that it is told. */
#include <stdlib.h>
#include "runtime/hpart.h"
#include "tests/unit/train/toy_model.h"
#include "fake_driver.h"
#include "toy_cuda.h"

typedef struct Arguments {
    int function;
    char *memory;
    const float *scalars;
    const HpImageStore *images;
    uint64_t seed;
} Arguments;

FakeKernel toy_kernel;

void toy_kernel(const void *arguments, unsigned grid_x)
{
    const Arguments *a = arguments;
    HpContext context = {.model = &toy_model,
                         .memory = a->memory,
                         .scalars = (float *)a->scalars,
                         .images = *a->images,
                         .seed = a->seed};
    if (grid_x == 3)
        toy_model.functions[a->function].run(&context);
}

static HpKernel kernel = {.name = "toy_kernel", .origin = "models/toy.hpanet:1", .threads = 256};
static HpKernel *const kernels[] = {&kernel};
static const char code[] = "binary";
static const HpBinary binary = {"sm_90a", code, code + 6};

static void launch(HpContext *context, int function)
{
    Arguments arguments = {function, context->memory, context->device_scalars, context->device_images,
                           context->seed};
    hp_step(context, 0);
    hp_launch(context, &kernel, (HpGrid){3, 1, 1}, &arguments, sizeof arguments);
    for (int step = 1; step <= toy_model.functions[function].step_count; step++)
        hp_step(context, step);
}

#define LAUNCHER(number)                                                                                     \
    static void launch_##number(HpContext *context)                                                          \
    {                                                                                                        \
        launch(context, number);                                                                             \
    }
LAUNCHER(0)
LAUNCHER(1)
LAUNCHER(2)
LAUNCHER(3)
LAUNCHER(4)
LAUNCHER(5)
LAUNCHER(6)
static void (*const launchers[])(HpContext *) = {launch_0, launch_1, launch_2, launch_3,
                                                 launch_4, launch_5, launch_6};
enum { FUNCTIONS = sizeof launchers / sizeof *launchers };

HpModel toy_cuda_model(void)
{
    static const HpKernels all = {1, kernels, "// the kernels of toy\n", 1, &binary};
    static HpFunction functions[FUNCTIONS];
    HpModel model = toy_model;
    if (model.function_count != FUNCTIONS)
        abort();
    for (int i = 0; i < FUNCTIONS; i++) {
        functions[i] = model.functions[i];
        functions[i].run = launchers[i];
    }
    model.functions = functions;
    model.kernels = &all;
    model.device = &hp_device_cuda;
    return model;
}
