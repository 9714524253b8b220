/* The device on a fake driver: memory, variables, images, functions and their graphs, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "child.h"
#include "fake_driver.h"
#include "fake_products.h"
#include "runtime/base/base.h"
#include "runtime/device/device.h"
#include "runtime/device/product.h"

static FakeCalls *calls;
static FakeFault *fault;

/* ---------------------------------------------------------------- a model of three numbers */

enum { SCALARS = 2, MEMORY = 4096, ANSWER = 1024, PIXEL = 1028, PRODUCT = 1032 };

typedef struct Arguments {
    char *memory;
    const float *scalars;
    const HpImageStore *images;
    uint64_t seed;
} Arguments;

FakeKernel add_scalar, read_pixel, touch_nothing;

void add_scalar(const void *arguments, unsigned grid_x)
{
    const Arguments *a = arguments;
    *(float *)(a->memory + ANSWER) += a->scalars[1] * (float)grid_x;
}

/* The first pixel of the image that sample 0 names. */
void read_pixel(const void *arguments, unsigned grid_x)
{
    const Arguments *a = arguments;
    int64_t sample = *(const int64_t *)a->memory,
            bytes = a->images->height * a->images->width * a->images->planes;
    (void)grid_x;
    *(a->memory + PIXEL) = ((const char *)a->images->pixels)[sample * bytes];
}

static bool broken;

void touch_nothing(const void *arguments, unsigned grid_x)
{
    (void)arguments, (void)grid_x;
    if (broken)
        fault();
}

static HpKernel add = {.name = "add_scalar", .origin = "model.hpanet:3", .threads = 256};
static HpKernel look = {.name = "read_pixel", .origin = "model.hpanet:4", .threads = 256};
static HpKernel touch = {.name = "touch_nothing", .origin = "model.hpanet:5", .threads = 256};
static HpLibraryCall product = {.kind = HP_MATMUL, .name = "head"};

static void step(HpContext *context)
{
    Arguments arguments = {context->memory, context->device_scalars, context->device_images, context->seed};
    hp_step(context, 0);
    hp_launch(context, &add, (HpGrid){2, 1, 1}, &arguments, sizeof arguments);
    hp_step(context, 1);
    hp_launch(context, &touch, (HpGrid){1, 1, 1}, &arguments, sizeof arguments);
    hp_step(context, 2);
}

static void show(HpContext *context)
{
    Arguments arguments = {context->memory, context->device_scalars, context->device_images, context->seed};
    hp_launch(context, &look, (HpGrid){1, 1, 1}, &arguments, sizeof arguments);
    hp_copy(context, context->memory + PIXEL + 1, context->memory + PIXEL, 1);
}

static void multiply(HpContext *context)
{
    hp_library_run(context, &product, context->memory, context->memory + 1, NULL, context->memory + PRODUCT,
                   NULL, NULL);
}

static const HpStep steps[2] = {{"a", "adds", 4, 0}, {"b", "nothing", 0, 0}};
static const HpFunction functions[] = {{.name = "train", .run = step, .step_count = 2, .steps = steps},
                                       {.name = "predict", .run = show},
                                       {.name = "product", .run = multiply}};
static HpKernel *const kernel_list[] = {&add, &look, &touch};
static HpLibraryCall *const library[] = {&product};
static const char cubin[] = "binary";
static const HpBinary binary = {"sm_90a", cubin, cubin + 6};
static const HpKernels kernels = {3, kernel_list, "", 1, &binary};
static HpModel model = {.name = "test",
                        .source = "models/test.hpanet",
                        .device = &hp_device_cuda,
                        .isa = "sm_90a",
                        .memory_bytes = MEMORY,
                        .scalar_count = SCALARS,
                        .library_count = 1,
                        .library = library,
                        .kernels = &kernels};
static const HpDevice *const device = &hp_device_cuda;
static float scalars[SCALARS];
static HpContext context;

static int open_device(void **state)
{
    (void)state;
    device->open(&model);
    scalars[0] = 0;
    scalars[1] = 1;
    context = (HpContext){
        .model = &model, .device = device, .memory = device->allocate(MEMORY), .scalars = scalars, .seed = 5};
    device->prepare(&model);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device->release(context.memory);
    device->close();
    assert_int_equal(fake_products_open, 0);
    assert_int_equal(fake_products_alive, 0);
    assert_null(product.handle);
    assert_int_equal(calls("cuMemAlloc_v2"), calls("cuMemFree_v2"));
    assert_int_equal(calls("cuMemAllocHost"), calls("cuMemFreeHost"));
    assert_int_equal(calls("cuEventCreate"), calls("cuEventDestroy"));
    assert_int_equal(calls("cuGraphInstantiate"), calls("cuGraphExecDestroy"));
    assert_int_equal(calls("cuGraphInstantiate"), calls("cuGraphDestroy"));
    assert_int_equal(calls("cuModuleLoadData"), calls("cuModuleUnload"));
    assert_int_equal(calls("cuDevicePrimaryCtxRetain"), calls("cuDevicePrimaryCtxRelease"));
    return 0;
}

static float answer(void)
{
    float value;
    device->download(&value, context.memory + ANSWER, sizeof value);
    return value;
}

/* ---------------------------------------------------------------- memory */

static char *random_bytes(size_t bytes, uint64_t key)
{
    char *data = hp_alloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (char)((key = key * 6364136223846793005u + 1442695040888963407u) >> 56);
    return data;
}

/* Sizes around and above that of the pinned memory; nobody waits between the uploads. */
static void what_goes_up_comes_down(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 63, 100, (32 << 20) - 64, 32 << 20, (32 << 20) + 1, 80000003, 5};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    char *memory[COUNT], *host[COUNT];
    for (int i = 0; i < COUNT; i++) {
        host[i] = random_bytes(sizes[i], (uint64_t)i);
        memory[i] = device->allocate(sizes[i]);
        device->upload(memory[i], host[i], sizes[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        char *again = hp_alloc(sizes[i], 1);
        device->download(again, memory[i], sizes[i]);
        assert_memory_equal(again, host[i], sizes[i]);
        device->release(memory[i]);
        free(again);
        free(host[i]);
    }
}

/* The next part's images go up while a function is at work: the first run of all, which waits, is over. */
static void uploads_do_not_wait_for_functions(void **state)
{
    (void)state;
    const size_t bytes = 30000000;
    char *host = random_bytes(bytes, 9), *memory = device->allocate(bytes);
    const float *answer_there =
        (const float *)(context.memory + ANSWER); /* this GPU's memory is the host's */
    for (int i = 0; i < 3; i++)
        device->run(&context, &functions[0]);
    device->synchronize();
    for (int i = 0; i < 8; i++) {
        device->upload(memory, host, bytes);
        float before = *answer_there;
        device->run(&context, &functions[0]);
        device->upload(memory, host, bytes);
        assert_true(*answer_there == before);
        device->synchronize();
        assert_true(*answer_there > before);
    }
    device->release(memory);
    free(host);
}

static void memory_is_zero_and_counted(void **state)
{
    (void)state;
    int64_t before = device->available();
    char *memory = device->allocate(1000), values[1000];
    assert_int_equal(device->available(), before - 1000);
    memset(values, 1, sizeof values);
    device->download(values, memory, sizeof values);
    for (size_t i = 0; i < sizeof values; i++)
        assert_int_equal(values[i], 0);
    device->release(memory);
    device->release(NULL);
    assert_int_equal(device->available(), before);
}

static void what_it_is(void **state)
{
    (void)state;
    HpMachine machine;
    int64_t bytes = 5000000;
    device->describe(&model, &machine);
    int64_t before = machine.peak_memory;
    assert_string_equal(machine.name, "Fake GPU");
    device->release(device->allocate((size_t)bytes));
    device->describe(&model, &machine);
    assert_true(machine.peak_memory >= bytes && machine.peak_memory <= before + bytes);
    product.type_a = HP_BF16; /* 0.9 of 4096 a clock and multiprocessor */
    device->describe(&model, &machine);
    assert_float_equal(machine.flops, 0.9 * 4096 * 100 * 1e9, 1e9);
    assert_float_equal(machine.bandwidth, 0.9e12, 1e6);
    product.type_a = HP_F32;
    product.tf32 = true;
    device->describe(&model, &machine);
    assert_float_equal(machine.flops, 0.9 * 2048 * 100 * 1e9, 1e9);
    product.tf32 = false;
}

static void too_much(void)
{
    device->allocate((size_t)5 << 30);
}

static void memory_ends(void **state)
{
    (void)state;
    EXPECT_FAILURE(too_much, "out of GPU memory: 5368.7 MB were asked for and 1140.8 MB are free");
}

static void variables_convert(void **state)
{
    (void)state;
    HpVariable variable = {.name = "w",
                           .format = HP_FORMAT_NHWC,
                           .rank = 4,
                           .shape = {1, 2, 1, 2},
                           .offset = 64,
                           .count = 4,
                           .type = HP_BF16};
    const float plain[4] = {1, 2, 3, 4.01f};
    float again[4];
    uint16_t words[5] = {0, 0, 0, 0, 0xffff};
    device->upload_variable(&context, &variable, plain);
    device->download(words, context.memory + 64, sizeof words);
    assert_memory_equal(words, ((uint16_t[]){0x3f80, 0x4040, 0x4000, 0x4080, 0}), sizeof words);
    device->download_variable(&context, &variable, again);
    assert_memory_equal(again, ((float[]){1, 2, 3, 4}), sizeof again);
    variable.type = HP_F32;
    device->upload_variable(&context, &variable, plain);
    device->download(again, context.memory + 64, sizeof again);
    assert_memory_equal(again, ((float[]){1, 3, 2, 4.01f}), sizeof again);
    device->download_variable(&context, &variable, again);
    assert_memory_equal(again, plain, sizeof again);
}

/* ---------------------------------------------------------------- functions */

static void graphs_replay(void **state)
{
    (void)state;
    int graphs = calls("cuGraphInstantiate"), replays = calls("cuGraphLaunch"), launches, uploads, waits;
    device->run(&context, &functions[0]);
    assert_int_equal(calls("cuGraphLaunch"), replays);
    assert_true(answer() == 2);
    device->run(&context, &functions[0]);
    assert_int_equal(calls("cuGraphInstantiate"), graphs + 1);
    assert_int_equal(calls("cuGraphLaunch"), replays + 1);
    assert_true(answer() == 4);

    launches = calls("cuLaunchKernel"), uploads = calls("cuMemcpyHtoDAsync"),
    waits = calls("cuStreamSynchronize");
    device->run(&context, &functions[0]);
    device->run(&context, &functions[0]);
    assert_int_equal(calls("cuMemcpyHtoDAsync"), uploads); /* nothing has changed */
    scalars[1] = 10;
    device->run(&context, &functions[0]);
    assert_int_equal(calls("cuMemcpyHtoDAsync"), uploads + 1);
    scalars[1] = 100;
    device->run(&context, &functions[0]);
    assert_int_equal(calls("cuStreamSynchronize"), waits); /* the host is ahead */
    assert_int_equal(calls("cuLaunchKernel"), launches);
    assert_int_equal(calls("cuGraphLaunch"), replays + 5);
    assert_int_equal(calls("cuGraphInstantiate"), graphs + 1);
    assert_true(answer() == 4 + 2 + 2 + 20 + 200);
}

/* What is baked into a graph makes another one. */
static void another_seed_is_another_graph(void **state)
{
    (void)state;
    int graphs = calls("cuGraphInstantiate"), launches = calls("cuLaunchKernel");
    for (int i = 0; i < 3; i++)
        device->run(&context, &functions[0]);
    context.seed = 6;
    for (int i = 0; i < 3; i++)
        device->run(&context, &functions[0]);
    assert_int_equal(calls("cuGraphInstantiate"), graphs + 2);
    assert_int_equal(calls("cuLaunchKernel"), launches + 8);
    char *memory = context.memory;
    context.memory = device->allocate(MEMORY);
    device->run(&context, &functions[0]);
    assert_true(answer() == 2);
    device->release(context.memory);
    context.memory = memory;
    context.seed = 5;
    device->run(&context, &functions[0]);
    assert_int_equal(calls("cuGraphInstantiate"), graphs + 2);
    assert_int_equal(calls("cuLaunchKernel"), launches + 10);
    assert_true(answer() == 7 * 2);
}

static void a_clock_times_steps(void **state)
{
    (void)state;
    double seconds[3] = {0, 0, -1};
    struct HpClock clock = {seconds};
    device->run(&context, &functions[0]);
    device->run(&context, &functions[0]);
    int replays = calls("cuGraphLaunch"), graphs = calls("cuGraphInstantiate");
    context.clock = &clock;
    for (int i = 0; i < 3; i++)
        device->run(&context, &functions[0]);
    context.clock = NULL;
    assert_int_equal(calls("cuGraphLaunch"), replays + 3); /* kernels follow each other as they usually do */
    assert_true(seconds[0] > 0 && seconds[0] < 60 && seconds[1] > 0 && seconds[1] < 60);
    assert_true(seconds[2] == -1);
    device->run(&context, &functions[0]); /* without events */
    assert_int_equal(calls("cuGraphInstantiate"), graphs + 3);
    assert_true(answer() == 12);
}

static void products_run(void **state)
{
    (void)state;
    char numbers[2] = {3, 4}, sum;
    assert_int_equal(fake_products_open, 1);
    device->upload(context.memory, numbers, 2);
    device->synchronize();
    for (int i = 0; i < 2; i++) {
        device->run(&context, &functions[2]);
        device->download(&sum, context.memory + PRODUCT, 1);
        assert_int_equal(sum, 7);
    }
    assert_null(fake_product_given);
}

/* ---------------------------------------------------------------- scratchpads */

static int open_with_scratchpad(void **state)
{
    fake_product_scratchpad = 100;
    return open_device(state);
}

static int close_with_scratchpad(void **state)
{
    fake_product_scratchpad = 0;
    return close_device(state);
}

static void products_share_a_scratchpad(void **state)
{
    (void)state;
    device->run(&context, &functions[2]);
    assert_non_null(fake_product_given);
}

static void a_plan_too_small(void)
{
    model.library_version = "cuDNN 9.19";
    model.threads = 1;
    fake_product_scratchpad = 100;
    open_device(NULL);
}

static void a_plan_for_threads_is_kept(void **state)
{
    (void)state;
    EXPECT_FAILURE(a_plan_too_small, "cuDNN 9.19 wants 100 bytes of scratchpad for head and the plan has 0");
}

/* The plan's scratchpad, which generated code gives, where it has room; else the shared one. */
static void a_plan_too_small_is_not_used(void **state)
{
    (void)state;
    char planned[128] = {0};
    product.scratchpad = 99;
    hp_library_run(&context, &product, planned, planned + 1, NULL, context.memory + PRODUCT, NULL, planned);
    assert_non_null(fake_product_given);
    assert_ptr_not_equal(fake_product_given, planned);
    product.scratchpad = 100;
    hp_library_run(&context, &product, planned, planned + 1, NULL, context.memory + PRODUCT, NULL, planned);
    assert_ptr_equal(fake_product_given, planned);
    product.scratchpad = 0;
}

/* ---------------------------------------------------------------- products alone */

static void products_are_timed(void **state)
{
    (void)state;
    const HpProductTimer *timer = &hp_timer_cuda;
    HpLibraryCall call = {.kind = HP_MATMUL, .name = "alone"};
    const char numbers[2] = {3, 4};
    int events = calls("cuEventCreate");
    timer->open();
    assert_int_equal(fake_products_open, 1);
    char *memory = timer->allocate(3), sum;
    timer->upload(memory, numbers, 2);
    device->synchronize();
    assert_int_equal(timer->create(&call), 0);
    double seconds = timer->time(&call, memory, memory + 1, NULL, memory + 2, NULL, NULL);
    assert_true(seconds >= 0 && seconds < 10);
    device->download(&sum, memory + 2, 1);
    assert_int_equal(sum, 7);
    timer->destroy(&call);
    timer->release(memory);
    timer->close();
    assert_int_equal(fake_products_open, 0);
    assert_int_equal(fake_products_alive, 0);
    assert_true(calls("cuEventCreate") > events);
    assert_int_equal(calls("cuEventCreate"), calls("cuEventDestroy"));
    assert_int_equal(calls("cuMemAlloc_v2"), calls("cuMemFree_v2"));
}

/* ---------------------------------------------------------------- another GPU than planned */

static int open_planned_for(const char *architecture)
{
    model.isa = architecture;
    product.implementation = "cudnn:e1";
    return open_device(NULL);
}

static int open_planned(void **state)
{
    (void)state;
    return open_planned_for("sm_90a");
}

static int open_elsewhere(void **state)
{
    (void)state;
    return open_planned_for("sm_80");
}

static void names_are_of_an_architecture(void **state)
{
    (void)state;
    assert_string_equal(product.implementation, "cudnn:e1");
}

static void names_are_forgotten_elsewhere(void **state)
{
    (void)state;
    assert_null(product.implementation);
}

/* ---------------------------------------------------------------- images */

enum { IMAGES = 10, IMAGE = 2 * 2 * 3 };

static HpImageStore store_of(char *pixels, int64_t count)
{
    for (int64_t i = 0; i < count * IMAGE; i++)
        pixels[i] = (char)(i / IMAGE + 1);
    return (HpImageStore){
        .pixels = pixels, .bits = 8, .height = 2, .width = 2, .planes = 3, .count = count, .scale = 1};
}

/* Runs the kernel that reads the first image of the batch. */
static int first_pixel(const int64_t *sample)
{
    char pixels[2];
    device->upload(context.memory, sample, sizeof *sample);
    device->run(&context, &functions[1]);
    device->download(pixels, context.memory + PIXEL, 2);
    assert_int_equal(pixels[0], pixels[1]);
    return pixels[0];
}

static void images_cross_once(void **state)
{
    (void)state;
    char pixels[IMAGES * IMAGE];
    HpImageStore store = store_of(pixels, IMAGES);
    int64_t sample[3] = {7, 2, 7};
    int uploads = calls("cuMemcpyHtoDAsync");
    device->set_images(&context, &store, sample, 3);
    assert_int_equal(calls("cuMemcpyHtoDAsync"), uploads + 2);
    assert_int_equal(sample[0], 7);
    assert_int_equal(first_pixel(sample), 8);
    int64_t next[3] = {2, 9, 7};
    uploads = calls("cuMemcpyHtoDAsync");
    device->set_images(&context, &store, next, 3);
    assert_int_equal(calls("cuMemcpyHtoDAsync"), uploads + 1);
    assert_int_equal(first_pixel(next), 3);
    assert_int_equal(first_pixel(next + 1), 10);
    char others[IMAGES * IMAGE];
    HpImageStore other = store_of(others, IMAGES);
    others[2 * IMAGE] = 77;
    device->set_images(&context, &other, next, 3);
    assert_int_equal(first_pixel(next), 77);
}

/* The decoder's buffers come again with other images. */
static void a_batch_is_copied_again(void **state)
{
    (void)state;
    char pixels[3 * IMAGE];
    HpImageStore store = store_of(pixels, 3);
    int64_t sample[3] = {2, 0, 0};
    device->set_images(&context, &store, sample, 3);
    assert_memory_equal(sample, ((int64_t[]){0, 1, 2}), sizeof sample);
    assert_int_equal(first_pixel(sample), 3);
    assert_int_equal(first_pixel(sample + 1), 1);
    memset(pixels, 50, sizeof pixels);
    device->set_images(&context, &store, sample, 3);
    assert_int_equal(first_pixel(sample), 50);
}

static void no_room_for_all(void **state)
{
    (void)state;
    char pixels[IMAGES * IMAGE];
    HpImageStore store = store_of(pixels, IMAGES);
    int64_t sample[3] = {7, 2, 7}, next[3] = {9, 0, 1};
    void *most = device->allocate((size_t)device->available() - ((size_t)1 << 30));
    device->set_images(&context, &store, sample, 3);
    assert_memory_equal(sample, ((int64_t[]){0, 1, 2}), sizeof sample);
    assert_int_equal(first_pixel(sample), 8);
    assert_int_equal(first_pixel(sample + 1), 3);
    device->set_images(&context, &store, next, 3);
    assert_int_equal(first_pixel(next), 10);
    assert_int_equal(first_pixel(next + 2), 2);
    device->release(most);
}

/* ---------------------------------------------------------------- errors */

static void break_first_run(void)
{
    open_device(NULL);
    broken = true;
    device->run(&context, &functions[0]);
}

static void break_later_run(void)
{
    open_device(NULL);
    for (int i = 0; i < 3; i++)
        device->run(&context, &functions[0]);
    device->synchronize();
    broken = true;
    device->run(&context, &functions[0]);
    answer();
}

static void faults_are_named(void **state)
{
    (void)state;
    EXPECT_FAILURE(break_first_run,
                   "the GPU reports CUDA_ERROR_ILLEGAL_ADDRESS in kernel touch_nothing (model.hpanet:5): ",
                   "an illegal memory access was encountered");
    EXPECT_FAILURE(break_later_run, "the GPU reports CUDA_ERROR_ILLEGAL_ADDRESS in function train: ");
}

#define WITH_DEVICE(test) cmocka_unit_test_setup_teardown(test, open_device, close_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(what_goes_up_comes_down),
        WITH_DEVICE(memory_is_zero_and_counted),
        WITH_DEVICE(memory_ends),
        WITH_DEVICE(what_it_is),
        WITH_DEVICE(variables_convert),
        WITH_DEVICE(graphs_replay),
        WITH_DEVICE(uploads_do_not_wait_for_functions),
        WITH_DEVICE(another_seed_is_another_graph),
        WITH_DEVICE(a_clock_times_steps),
        WITH_DEVICE(products_run),
        cmocka_unit_test_setup_teardown(products_share_a_scratchpad, open_with_scratchpad,
                                        close_with_scratchpad),
        cmocka_unit_test_setup_teardown(a_plan_too_small_is_not_used, open_with_scratchpad,
                                        close_with_scratchpad),
        cmocka_unit_test(a_plan_for_threads_is_kept),
        cmocka_unit_test(products_are_timed),
        cmocka_unit_test_setup_teardown(names_are_of_an_architecture, open_planned, close_device),
        cmocka_unit_test_setup_teardown(names_are_forgotten_elsewhere, open_elsewhere, close_device),
        WITH_DEVICE(images_cross_once),
        WITH_DEVICE(a_batch_is_copied_again),
        WITH_DEVICE(no_room_for_all),
        cmocka_unit_test(faults_are_named),
    };
    setenv("HPANET_CUDA_LIBRARIES", FAKE_FOLDER, 1);
    setenv("FAKE_GPU_MEMORY", "1140850688", 1); /* 64 MB more than what stays free beside a data set */
    void *driver = dlopen(FAKE_FOLDER "/libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver)
        return 1;
    calls = (FakeCalls *)dlsym(driver, "fake_calls");
    fault = (FakeFault *)dlsym(driver, "fake_fault");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
