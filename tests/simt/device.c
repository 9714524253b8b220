/* The emulated device: linked in front of the runtime it is the hp_device_cuda of a program.
 *
 * The environment says how: SIMT_ORDER is forward (the default), reverse or shuffled; SIMT_TRAFFIC names a
 * file that gets what every step moved when the program closes the device. */
#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "number.h"
#include "products.h"
#include "traffic.h"
#include "runtime/base/base.h"
#include "runtime/device/device.h"
#include "runtime/device/format.h"

enum { SHUFFLE_SEED = 1, GARBAGE = 0xff };

static const char *const order_names[SIMT_ORDER_COUNT] = {"forward", "reverse", "shuffled"};

/* What kernels may read beside the device's own memory, and the device copies in earnest. */
static const void *allowed_scalars, *allowed_pixels;

/* ---------------------------------------------------------------- opening */

static void set_order(const char *name)
{
    for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
        if (strcmp(name, order_names[order]) == 0) {
            simt_set_order((SimtOrder)order, SHUFFLE_SEED);
            return;
        }
    }
    hp_fail("SIMT_ORDER is forward, reverse or shuffled, not \"%s\"", name);
}

static void device_open(const HpModel *model)
{
    const char *order = getenv("SIMT_ORDER");
    set_order(order ? order : order_names[SIMT_FORWARD]);
    for (int i = 0; model->kernels && i < model->kernels->kernel_count; i++) {
        const HpKernel *kernel = model->kernels->kernels[i];
        const uint32_t threads = simt_kernel_threads(kernel->name);
        if (threads != (uint32_t)kernel->threads)
            hp_fail("kernel %s has blocks of %u threads and the model says %d", kernel->name, threads,
                    kernel->threads);
    }
}

static void device_prepare(const HpModel *model)
{
    (void)model;
}

static void forget(const void **allowed)
{
    if (*allowed)
        simt_forget(*allowed);
    *allowed = NULL;
}

static void device_close(void)
{
    const char *path = getenv("SIMT_TRAFFIC");
    if (path)
        simt_traffic_write(path);
    forget(&allowed_scalars);
    forget(&allowed_pixels);
}

/* ---------------------------------------------------------------- memory */

static void check_held(const void *device, size_t bytes)
{
    if (!simt_holds(device, bytes, true))
        hp_fail("%zu bytes at %p are not in the device's memory", bytes, device);
}

static void device_upload(void *device, const void *host, size_t bytes)
{
    check_held(device, bytes);
    memcpy(device, host, bytes);
}

static void device_download(void *host, const void *device, size_t bytes)
{
    check_held(device, bytes);
    memcpy(host, device, bytes);
}

static float fetched_floats[HP_FETCHES];

static void device_fetch(int slot, const void *device)
{
    device_download(&fetched_floats[slot], device, sizeof(float));
}

static float device_fetched(int slot)
{
    return fetched_floats[slot];
}

static void device_upload_variable(HpContext *context, const HpVariable *variable, const float *plain)
{
    float *packed = hp_alloc((size_t)variable->count, sizeof *packed);
    hp_format_pack(variable->format, variable->rank, variable->shape, plain, packed);
    for (int64_t i = 0; i < variable->count; i++)
        simt_number_put(variable->type, context->memory + variable->offset, i, (double)packed[i]);
    free(packed);
}

static void device_download_variable(HpContext *context, const HpVariable *variable, float *plain)
{
    float *packed = hp_alloc((size_t)variable->count, sizeof *packed);
    for (int64_t i = 0; i < variable->count; i++)
        packed[i] = (float)simt_number_get(variable->type, context->memory + variable->offset, i);
    hp_format_unpack(variable->format, variable->rank, variable->shape, packed, plain);
    free(packed);
}

static void device_set_images(HpContext *context, const HpImageStore *store, int64_t *sample, int64_t count)
{
    (void)sample, (void)count;
    forget(&allowed_pixels);
    allowed_pixels = store->pixels;
    simt_allow(store->pixels,
               (size_t)(store->count * store->height * store->width * store->planes * (store->bits / 8)),
               "the images", false);
    context->images = *store;
    context->device_images = &context->images;
}

/* ---------------------------------------------------------------- running */

/* Functions share one arena behind the variables, and none may count on what another left there. */
static void spoil_arena(const HpContext *context)
{
    const HpModel *model = context->model;
    int64_t end = 0;
    for (int i = 0; i < model->variable_count; i++) {
        const HpVariable *variable = &model->variables[i];
        const int64_t after = variable->offset + variable->count * hp_data_type_bytes(variable->type);
        if (variable->kind != HP_SCALAR && after > end)
            end = after;
    }
    memset(context->memory + end, GARBAGE, (size_t)(model->memory_bytes - end));
}

static void device_run(HpContext *context, const HpFunction *function)
{
    if (allowed_scalars != context->scalars && context->model->scalar_count > 0) {
        forget(&allowed_scalars);
        allowed_scalars = context->scalars;
        simt_allow(context->scalars, (size_t)context->model->scalar_count * sizeof(float), "the scalars",
                   false);
    }
    context->device_scalars = context->scalars;
    spoil_arena(context);
    simt_traffic_run(context, function);
}

static void device_library_run(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                               const void *bias, void *c, float *statistics, void *scratchpad)
{
    (void)context;
    simt_product_run(call, a, b, bias, c, statistics, scratchpad);
}

static void device_copy(HpContext *context, void *to, const void *from, size_t bytes)
{
    (void)context;
    check_held(to, bytes);
    check_held(from, bytes);
    if ((char *)to < (const char *)from + bytes && (const char *)from < (char *)to + bytes)
        hp_fail("a copy of %zu bytes onto itself", bytes);
    memcpy(to, from, bytes);
    simt_count(bytes, bytes);
}

static void device_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments,
                          size_t bytes)
{
    (void)context;
    const char *error = simt_launch(kernel->name, grid, arguments, bytes);
    if (error)
        hp_fail("%s (%s)", error, kernel->origin);
}

static void device_clock_step(HpContext *context, int step)
{
    (void)context;
    simt_traffic_step(step);
}

static int64_t device_available(void)
{
    return -1;
}

static void device_synchronize(void)
{
}

static void device_enter_or_leave(void)
{
}

/* Its speed says nothing. */
static void device_describe(const HpModel *model, HpMachine *machine)
{
    (void)model;
    *machine = (HpMachine){0};
}

const HpDevice hp_device_cuda = {
    .name = "cuda",
    .open = device_open,
    .enter = device_enter_or_leave,
    .leave = device_enter_or_leave,
    .available = device_available,
    .allocate = simt_allocate,
    .release = simt_release,
    .prepare = device_prepare,
    .upload = device_upload,
    .download = device_download,
    .fetch = device_fetch,
    .fetched = device_fetched,
    .upload_variable = device_upload_variable,
    .download_variable = device_download_variable,
    .set_images = device_set_images,
    .run = device_run,
    .clock_step = device_clock_step,
    .library_run = device_library_run,
    .copy = device_copy,
    .launch = device_launch,
    .synchronize = device_synchronize,
    .describe = device_describe,
    .close = device_close,
};
