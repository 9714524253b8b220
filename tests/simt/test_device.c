/* The device of emulated programs, called as the trainer and generated code call it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "emulator.h"
#include "kernels/kernels.h"
#include "refused.h"
#include "runtime/base/base.h"
#include "runtime/device/device.h"

enum { COUNT = 2 * 3 * 2 * 2, HALF = 0, BRAIN = 64, PLAIN = 128, ARENA = 256, MEMORY = 1024 };

/* ---------------------------------------------------------------- a model */

static HpKernel copy = {"copy_f32_1", "a copy", 256, NULL};
static HpKernel *const launched[] = {&copy};
static const HpKernels kernels = {.kernel_count = 1, .kernels = launched};

#define TENSOR(label, where, element, layout)                                                                \
    {                                                                                                        \
        .name = label, .rank = 4, .shape = {2, 3, 2, 2}, .offset = where, .count = COUNT, .type = element,   \
        .format = layout                                                                                     \
    }
static const HpVariable variables[] = {TENSOR("half", HALF, HP_F16, HP_FORMAT_NHWC),
                                       TENSOR("brain", BRAIN, HP_BF16, HP_FORMAT_PLAIN),
                                       TENSOR("plain", PLAIN, HP_F32, HP_FORMAT_NHWC)};
static const HpScalar scalars[] = {{"first", 3, true}, {"second", 5, true}};
static const HpModel model = {.name = "test",
                              .kernels = &kernels,
                              .memory_bytes = MEMORY,
                              .variable_count = 3,
                              .variables = variables,
                              .scalar_count = 2,
                              .scalars = scalars};

static float scalar_values[2] = {3, 5};

static HpContext open_context(void)
{
    hp_device_cuda.open(&model);
    HpContext context = {.model = &model,
                         .device = &hp_device_cuda,
                         .memory = hp_device_cuda.allocate(MEMORY),
                         .scalars = scalar_values};
    hp_device_cuda.prepare(&model);
    return context;
}

static void close_context(HpContext *context)
{
    hp_device_cuda.release(context->memory);
    hp_device_cuda.close();
}

/* ---------------------------------------------------------------- variables */

static void test_variables(void **state)
{
    (void)state;
    HpContext context = open_context();
    float plain[COUNT], back[COUNT];
    for (int i = 0; i < COUNT; i++)
        plain[i] = (float)(i + 1) / 4;
    for (int i = 0; i < 3; i++) {
        hp_device_cuda.upload_variable(&context, &variables[i], plain);
        memset(back, 0, sizeof back);
        hp_device_cuda.download_variable(&context, &variables[i], back);
        assert_memory_equal(plain, back, sizeof plain);
    }
    /* Element (1,2,0,1) is the 21st plain one, 5.5, and lies at pixel 5 of 3 channels. */
    uint16_t half, brain;
    float number;
    hp_device_cuda.download(&half, context.memory + HALF + 2 * (5 * 3 + 2), sizeof half);
    hp_device_cuda.download(&brain, context.memory + BRAIN + 2 * 21, sizeof brain);
    hp_device_cuda.download(&number, context.memory + PLAIN + 4 * (5 * 3 + 2), sizeof number);
    assert_int_equal(half, 0x4580);
    assert_int_equal(brain, 0x40b0);
    assert_true(number == 5.5f);
    close_context(&context);
}

/* ---------------------------------------------------------------- functions */

static float *place(const HpContext *context, int offset)
{
    return (float *)(void *)(context->memory + offset);
}

static void launch_copy(HpContext *context, const float *from, int offset, uint32_t count)
{
    const struct copy_f32_1 arguments = {count, from, place(context, offset)};
    hp_launch(context, &copy, (HpGrid){1, 1, 1}, &arguments, sizeof arguments);
}

/* Scalars, a variable, and a part of the arena that nothing wrote. */
static void copy_everything(HpContext *context)
{
    hp_step(context, 0);
    launch_copy(context, context->device_scalars, ARENA, 2);
    hp_step(context, 1);
    launch_copy(context, place(context, PLAIN), ARENA + 8, 4);
    hp_copy(context, place(context, ARENA + 32), place(context, ARENA + 64), 4);
    hp_step(context, 2);
}

static void write_scalar(HpContext *context)
{
    const struct copy_f32_1 arguments = {1, place(context, PLAIN), context->scalars};
    hp_launch(context, &copy, (HpGrid){1, 1, 1}, &arguments, sizeof arguments);
}

static const HpStep steps[] = {{"a", "scalars", 16, 0}, {"b", "the rest", 40, 0}};
static const HpFunction everything = {"everything", HP_FUNCTION_PREDICT, copy_everything, 0, NULL, 2, steps};
static const HpFunction forbidden = {"forbidden", HP_FUNCTION_PREDICT, write_scalar, 0, NULL, 0, NULL};

static void test_function(void **state)
{
    (void)state;
    HpContext context = open_context();
    const float values[4] = {1, 2, 3, 4};
    float results[9];
    hp_device_cuda.upload(context.memory + PLAIN, values, sizeof values);
    memset(context.memory + ARENA, 0, MEMORY - ARENA);
    const SimtTraffic before = simt_traffic();
    hp_device_cuda.run(&context, &everything);
    const SimtTraffic moved = simt_traffic_since(before);
    assert_int_equal(moved.read, 8 + 16 + 4);
    assert_int_equal(moved.written, 8 + 16 + 4);
    assert_null(context.clock);
    hp_device_cuda.download(results, context.memory + ARENA, sizeof results);
    assert_memory_equal(results, scalar_values, sizeof scalar_values);
    assert_memory_equal(results + 2, values, sizeof values);
    assert_true(isnan(results[8])); /* the arena holds garbage when a function begins */
    close_context(&context);
}

static void test_images(void **state)
{
    (void)state;
    HpContext context = open_context();
    uint8_t pixels[2][3] = {{1, 2, 3}, {4, 5, 6}};
    HpImageStore store = {.bits = 8, .height = 1, .width = 3, .planes = 1, .count = 1, .scale = 1};
    for (int i = 0; i < 2; i++) {
        int64_t sample = 0;
        store.pixels = pixels[i];
        hp_device_cuda.set_images(&context, &store, &sample, 1);
        assert_int_equal(sample, 0);
        assert_ptr_equal(context.device_images->pixels, pixels[i]);
        assert_int_equal(context.device_images->width, 3);
        assert_true(simt_holds(pixels[i], 3, false));
        assert_false(simt_holds(pixels[i], 3, true));
        assert_false(simt_holds(pixels[1 - i], 3, false));
    }
    close_context(&context);
    assert_false(simt_holds(pixels[1], 3, false));
}

/* ---------------------------------------------------------------- mistakes */

static void upload_behind(void *argument)
{
    HpContext *context = argument;
    hp_device_cuda.upload(context->memory + MEMORY - 2, &(float){1}, sizeof(float));
}

static void copy_onto_itself(void *argument)
{
    HpContext *context = argument;
    hp_copy(context, context->memory + 8, context->memory, 16);
}

static void run_forbidden(void *argument)
{
    HpContext *context = argument;
    hp_device_cuda.run(context, &forbidden);
}

static void assert_mistake(void (*mistake)(void *), const char *message)
{
    HpContext context = open_context();
    assert_refused(mistake, &context, message);
    close_context(&context);
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_mistake(upload_behind, "4 bytes at ");
    assert_mistake(copy_onto_itself, "a copy of 16 bytes onto itself");
    assert_mistake(run_forbidden, "kernel copy_f32_1, block (0,0,0), thread 0: writes to the scalars, where "
                                  "it may only read (a copy)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variables), cmocka_unit_test(test_function),
                                       cmocka_unit_test(test_images), cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
