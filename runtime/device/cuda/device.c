/* CUDA as a device: one GPU, its memory, one stream. */
#include <stdio.h>
#include <stdlib.h>
#include "../../base/base.h"
#include "../element.h"
#include "../format.h"
#include "internal.h"
#include "modules.h"

CUstream hp_cuda_stream;
static CUdevice gpu;

/* CUDA_VISIBLE_DEVICES, which the driver obeys, decides which GPU is number 0. */
static void cuda_open(const HpModel *model)
{
    CUcontext context;
    char name[256];
    int major, minor;
    if (!model->kernels)
        hp_bug("%s has no kernels that can be launched", model->name);
    hp_driver_open(model->source);
    HP_CUDA(DeviceGet, &gpu, 0);
    HP_CUDA(DeviceGetName, name, sizeof name, gpu);
    HP_CUDA(DeviceGetAttribute, &major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, gpu);
    HP_CUDA(DeviceGetAttribute, &minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, gpu);
    fprintf(stderr, "GPU: %s, compute capability %d.%d\n", name, major, minor);
    HP_CUDA(DevicePrimaryCtxRetain, &context, gpu);
    HP_CUDA(CtxSetCurrent, context);
    HP_CUDA(StreamCreate, &hp_cuda_stream, CU_STREAM_NON_BLOCKING);
    hp_cuda_memory_open();
    hp_modules_load(model, major, minor);
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

static void cuda_close(void)
{
    cuda_synchronize();
    hp_cuda_run_close();
    hp_cuda_images_close();
    hp_modules_unload();
    hp_cuda_memory_close();
    HP_CUDA(StreamDestroy, hp_cuda_stream);
    HP_CUDA(CtxSetCurrent, NULL);
    HP_CUDA(DevicePrimaryCtxRelease, gpu);
    hp_cuda_stream = NULL;
}

const HpDevice hp_device_cuda = {
    .name = "cuda",
    .open = cuda_open,
    .allocate = hp_cuda_allocate,
    .release = hp_cuda_release,
    .available = hp_cuda_available,
    .prepare = hp_cuda_prepare,
    .upload = hp_cuda_upload,
    .download = hp_cuda_download,
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
    .close = cuda_close,
};
