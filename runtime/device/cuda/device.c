/* CUDA as a device: one GPU, its memory, one stream. */
#include <stdlib.h>
#include "../../base/base.h"
#include "../element.h"
#include "../format.h"
#include "internal.h"
#include "modules.h"

CUstream hp_cuda_stream;
int hp_cuda_capability;
static CUdevice gpu;
static CUcontext primary; /* NULL: not open */
static bool entered;

/* The thread may have a context of its own, which it has again afterwards. */
static void cuda_enter(void)
{
    if (!primary || entered)
        return;
    HP_CUDA(CtxPushCurrent, primary);
    entered = true;
}

static void cuda_leave(void)
{
    CUcontext ours;
    if (!entered)
        return;
    entered = false;
    HP_CUDA(CtxPopCurrent, &ours);
}

/* CUDA_VISIBLE_DEVICES, which the driver obeys, decides which GPU is number 0. */
void hp_cuda_open(const char *source)
{
    char name[256];
    int major, minor;
    hp_driver_open(source);
    HP_CUDA(DeviceGet, &gpu, 0);
    HP_CUDA(DeviceGetName, name, sizeof name, gpu);
    HP_CUDA(DeviceGetAttribute, &major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, gpu);
    HP_CUDA(DeviceGetAttribute, &minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, gpu);
    hp_note("GPU: %s, compute capability %d.%d", name, major, minor);
    hp_cuda_capability = 10 * major + minor;
    HP_CUDA(DevicePrimaryCtxRetain, &primary, gpu);
    cuda_enter();
    HP_CUDA(StreamCreate, &hp_cuda_stream, CU_STREAM_NON_BLOCKING);
    hp_cuda_memory_open();
}

static void cuda_open(const HpModel *model)
{
    if (!model->kernels)
        hp_bug("%s has no kernels that can be launched", model->name);
    hp_cuda_open(model->source);
    hp_modules_load(model, hp_cuda_capability / 10, hp_cuda_capability % 10);
}

static void cuda_upload_variable(HpContext *context, const HpVariable *variable, const float *plain)
{
    size_t count = (size_t)variable->count, bytes = count * (size_t)hp_data_type_bytes(variable->type);
    float *packed = hp_alloc(count, sizeof *packed);
    void *elements = hp_alloc(bytes, 1);
    hp_format_pack(variable->format, variable->rank, variable->shape, plain, packed);
    hp_elements_of_floats(variable->type, packed, elements, variable->count);
    hp_cuda_upload(context->memory + variable->offset, elements, bytes);
    free(elements);
    free(packed);
}

static void cuda_download_variable(HpContext *context, const HpVariable *variable, float *plain)
{
    size_t count = (size_t)variable->count, bytes = count * (size_t)hp_data_type_bytes(variable->type);
    float *packed = hp_alloc(count, sizeof *packed);
    void *elements = hp_alloc(bytes, 1);
    hp_cuda_download(elements, context->memory + variable->offset, bytes);
    hp_floats_of_elements(variable->type, elements, packed, variable->count);
    hp_format_unpack(variable->format, variable->rank, variable->shape, packed, plain);
    free(elements);
    free(packed);
}

static void cuda_synchronize(void)
{
    HP_CUDA(StreamSynchronize, hp_cuda_stream);
}

static void cuda_describe(const HpModel *model, HpMachine *machine)
{
    *machine = (HpMachine){.peak_memory = hp_cuda_memory_peak()};
    HP_CUDA(DeviceGetName, machine->name, sizeof machine->name, gpu);
    hp_cuda_ceilings(model, gpu, machine);
}

void hp_cuda_close(void)
{
    if (!primary)
        return;
    if (hp_cuda_stream) {
        cuda_synchronize();
        hp_cuda_run_close();
        hp_cuda_images_close();
        hp_modules_unload();
        hp_cuda_memory_close();
        HP_CUDA(StreamDestroy, hp_cuda_stream);
    }
    hp_cuda_stream = NULL;
    cuda_leave();
    primary = NULL;
    HP_CUDA(DevicePrimaryCtxRelease, gpu);
}

const HpDevice hp_device_cuda = {
    .name = "cuda",
    .open = cuda_open,
    .enter = cuda_enter,
    .leave = cuda_leave,
    .allocate = hp_cuda_allocate,
    .release = hp_cuda_release,
    .available = hp_cuda_available,
    .prepare = hp_cuda_prepare,
    .upload = hp_cuda_upload,
    .download = hp_cuda_download,
    .fetch = hp_cuda_fetch,
    .fetched = hp_cuda_fetched,
    .upload_variable = cuda_upload_variable,
    .download_variable = cuda_download_variable,
    .set_images = hp_cuda_set_images,
    .run = hp_cuda_run,
    .clock_step = hp_cuda_clock_step,
    .library_run = hp_cuda_library_run,
    .copy = hp_cuda_copy,
    .launch = hp_cuda_launch,
    .synchronize = cuda_synchronize,
    .describe = cuda_describe,
    .close = hp_cuda_close,
};
