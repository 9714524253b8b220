/* libcuda.so.1 without a GPU: its memory is the host's, and work on its stream is done as late as the rules
 * allow, when somebody waits for it. FAKE_GPU_COUNT, FAKE_GPU_MEMORY (bytes), FAKE_GPU_CAPABILITY ("9.0")
 * and FAKE_GPU_NAME say what GPU it is. FAKE_GPU_LOG is a file that gets a line for each call, the function's name, and "idle"
 * when somebody has waited until nothing was left to do, and "bytes N" when memory is given. With
 * FAKE_GPU_KERNELS "none" kernels that the program has no function for are found and do nothing. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "fake_driver.h"
#include "runtime/device/cuda/driver.h"

#define DECLARE(name, symbol, parameters) CUresult symbol parameters;
HP_DRIVER_FUNCTIONS(DECLARE)
FakeCalls fake_calls;
FakeImage fake_image;
FakeFault fake_fault;
CUresult cuGetExportTable(const void **table, const void *id);
CUresult cuCtxGetCurrent(CUcontext *context);

enum { ILLEGAL_ADDRESS = 700, INVALID_CONTEXT = 201, CAPTURE_UNSUPPORTED = 900, INVALID_VALUE = 1 };

typedef struct Block { /* of memory; its bytes follow */
    size_t bytes;
} Block;

/* What a launch was given: kept, as graphs launch it again. */
typedef struct Arguments {
    struct Arguments *next;
    _Alignas(16) char bytes[];
} Arguments;

typedef struct CUevent_st {
    double time;
    int pending; /* records that were asked for and are not done */
} Event;

typedef struct Operation {
    void (*kernel)(const void *arguments, unsigned grid_x); /* or NULL: a copy, a fill, an event */
    void *arguments;
    unsigned grid_x;
    char *to;
    const char *from; /* NULL: filled with 0 */
    size_t bytes;
    Event *event;
} Operation;

typedef struct CUgraph_st {
    Operation *items;
    int count;
} List;

static List queue, captured;
static bool capturing;
static CUresult sticky;
static _Thread_local struct {
    CUcontext items[8]; /* the last is current; a NULL among them is none */
    int count;
} contexts;
static size_t total_memory, used_memory;
static const void *last_image;
static Arguments *all_arguments;
static struct {
    const char *name;
    int count;
} calls[64];

/* ---------------------------------------------------------------- bookkeeping */

static void log_line(const char *line)
{
    static FILE *file;
    if (!file && getenv("FAKE_GPU_LOG"))
        file = fopen(getenv("FAKE_GPU_LOG"), "w");
    if (file) {
        fprintf(file, "%s\n", line);
        fflush(file);
    }
}

static CUresult called(const char *function)
{
    log_line(function);
    int i = 0;
    while (calls[i].name && strcmp(calls[i].name, function) != 0)
        i++;
    calls[i].name = function;
    calls[i].count++;
    return sticky;
}
/* Most functions want a current context of this thread. */
static CUresult called_with_context(const char *function)
{
    CUresult result = called(function);
    return result == CUDA_SUCCESS && (contexts.count == 0 || !contexts.items[contexts.count - 1])
               ? INVALID_CONTEXT
               : result;
}

#define CHECK(called)                                                                                        \
    do {                                                                                                     \
        CUresult result_ = called(__func__);                                                                 \
        if (result_ != CUDA_SUCCESS)                                                                         \
            return result_;                                                                                  \
    } while (0)
#define CALLED() CHECK(called)
#define CALLED_WITH_CONTEXT() CHECK(called_with_context)

int fake_calls(const char *function)
{
    int count = 0;
    for (int i = 0; calls[i].name; i++) /* versions of a name are the same function */
        if (strncmp(calls[i].name, function, strlen(function)) == 0)
            count += calls[i].count;
    return count;
}

const void *fake_image(void)
{
    return last_image;
}

void fake_fault(void)
{
    sticky = ILLEGAL_ADDRESS;
}

static void append(List *list, Operation operation)
{
    list->items = realloc(list->items, ((size_t)list->count + 1) * sizeof *list->items);
    list->items[list->count++] = operation;
}

static CUresult submit(Operation operation)
{
    append(capturing ? &captured : &queue, operation);
    if (operation.event && !capturing)
        operation.event->pending++;
    return CUDA_SUCCESS;
}

static void perform(const Operation *operation)
{
    struct timespec now;
    if (operation->kernel) {
        operation->kernel(operation->arguments, operation->grid_x);
    } else if (operation->event) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        operation->event->time = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
        operation->event->pending--;
    } else if (operation->from) {
        memmove(operation->to, operation->from, operation->bytes);
    } else {
        memset(operation->to, 0, operation->bytes);
    }
}

/* Does what was asked for until all records of `event` are done; NULL: everything. */
static CUresult wait_for(const Event *event)
{
    int done = 0;
    if (capturing)
        return CAPTURE_UNSUPPORTED;
    while (done < queue.count && (!event || event->pending > 0) && sticky == CUDA_SUCCESS)
        perform(&queue.items[done++]);
    queue.count -= done;
    if (done > 0)
        memmove(queue.items, queue.items + done, (size_t)queue.count * sizeof *queue.items);
    if (done > 0 && queue.count == 0)
        log_line("idle");
    return sticky;
}

/* ---------------------------------------------------------------- the GPU */

static const char *setting(const char *name, const char *usual)
{
    const char *value = getenv(name);
    return value ? value : usual;
}

CUresult cuInit(unsigned flags)
{
    (void)flags;
    CALLED();
    total_memory = strtoull(setting("FAKE_GPU_MEMORY", "4294967296"), NULL, 10);
    return atoi(setting("FAKE_GPU_COUNT", "1")) > 0 ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

CUresult cuDriverGetVersion(int *version)
{
    CALLED();
    *version = 13000;
    return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char **text)
{
    *text = error == ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER";
    return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char **text)
{
    *text = error == ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "another error";
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    CALLED();
    *device = ordinal;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count)
{
    CALLED();
    *count = atoi(setting("FAKE_GPU_COUNT", "1"));
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device)
{
    (void)device;
    CALLED();
    snprintf(name, (size_t)length, "%s", setting("FAKE_GPU_NAME", "Fake GPU"));
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
    int major, minor;
    (void)device;
    CALLED();
    if (sscanf(setting("FAKE_GPU_CAPABILITY", "9.0"), "%d.%d", &major, &minor) != 2)
        return INVALID_VALUE;
    switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = major; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = minor; break;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *value = 1000000; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 100; break;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *value = 1000000; break;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *value = 4000; break;
    default: return INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    (void)device;
    CALLED();
    *context = (CUcontext)&queue;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    (void)device;
    CALLED();
    return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    CALLED();
    contexts.items[contexts.count++] = context;
    return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
    CALLED_WITH_CONTEXT();
    *context = contexts.items[--contexts.count];
    return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context)
{
    CALLED();
    *context = contexts.count > 0 ? contexts.items[contexts.count - 1] : NULL;
    return CUDA_SUCCESS;
}

/* NVRTC asks a driver that is there for something, and does without. */
CUresult cuGetExportTable(const void **table, const void *id)
{
    (void)id;
    *table = NULL;
    return INVALID_VALUE;
}

/* ---------------------------------------------------------------- memory */

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    CALLED_WITH_CONTEXT();
    *free_bytes = total_memory - used_memory;
    *total = total_memory;
    return CUDA_SUCCESS;
}

/* Not zeroed: that is for the program to do. */
CUresult cuMemAlloc_v2(CUdeviceptr *memory, size_t bytes)
{
    CALLED_WITH_CONTEXT();
    if (capturing)
        return CAPTURE_UNSUPPORTED;
    if (bytes == 0)
        return INVALID_VALUE;
    if (bytes > total_memory - used_memory)
        return CUDA_ERROR_OUT_OF_MEMORY;
    Block *block = malloc(sizeof *block + bytes);
    if (!block)
        return CUDA_ERROR_OUT_OF_MEMORY;
    char line[32];
    snprintf(line, sizeof line, "bytes %zu", bytes);
    log_line(line);
    block->bytes = bytes;
    memset(block + 1, 0xa5, bytes < 4096 ? bytes : 4096);
    used_memory += bytes;
    *memory = (CUdeviceptr)(block + 1);
    return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr memory)
{
    CALLED_WITH_CONTEXT();
    CUresult result = wait_for(NULL);
    Block *block = (Block *)memory - 1;
    used_memory -= block->bytes;
    free(block);
    return result;
}

CUresult cuMemAllocHost_v2(void **memory, size_t bytes)
{
    CALLED_WITH_CONTEXT();
    *memory = malloc(bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *memory)
{
    CALLED_WITH_CONTEXT();
    free(memory);
    return CUDA_SUCCESS;
}

CUresult cuMemsetD8Async(CUdeviceptr memory, unsigned char value, size_t count, CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return value ? INVALID_VALUE : submit((Operation){.to = (char *)memory, .bytes = count});
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return submit((Operation){.to = (char *)to, .from = from, .bytes = bytes});
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return submit((Operation){.to = to, .from = (const char *)from, .bytes = bytes});
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return submit((Operation){.to = (char *)to, .from = (const char *)from, .bytes = bytes});
}

/* ---------------------------------------------------------------- the stream, graphs, events */

CUresult cuStreamCreate(CUstream *stream, unsigned flags)
{
    (void)flags;
    CALLED_WITH_CONTEXT();
    *stream = (CUstream)&queue;
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return wait_for(NULL);
}

CUresult cuStreamSynchronize(CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return wait_for(NULL);
}

CUresult cuStreamBeginCapture_v2(CUstream stream, int mode)
{
    (void)stream, (void)mode;
    CALLED_WITH_CONTEXT();
    capturing = true;
    return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    *graph = calloc(1, sizeof **graph);
    **graph = captured;
    captured = (List){0};
    capturing = false;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags)
{
    (void)flags;
    CALLED_WITH_CONTEXT();
    List *copy = calloc(1, sizeof *copy);
    for (int i = 0; i < graph->count; i++)
        append(copy, graph->items[i]);
    *exec = (CUgraphExec)copy;
    return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    const List *list = (const List *)exec;
    for (int i = 0; i < list->count; i++)
        submit(list->items[i]);
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph)
{
    CALLED_WITH_CONTEXT();
    free(graph->items);
    free(graph);
    return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec exec)
{
    CALLED_WITH_CONTEXT();
    free(((List *)exec)->items);
    free(exec);
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *event, unsigned flags)
{
    (void)flags;
    CALLED_WITH_CONTEXT();
    *event = calloc(1, sizeof **event);
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event)
{
    CALLED_WITH_CONTEXT();
    CUresult result = wait_for(event);
    free(event);
    return result;
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    return submit((Operation){.event = event});
}

/* A record that a graph repeats. */
CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags)
{
    (void)stream;
    CALLED();
    return capturing && flags == CU_EVENT_RECORD_EXTERNAL ? submit((Operation){.event = event})
                                                          : INVALID_VALUE;
}

CUresult cuEventSynchronize(CUevent event)
{
    CALLED_WITH_CONTEXT();
    return wait_for(event);
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
    CALLED_WITH_CONTEXT();
    if (start->pending || end->pending)
        return INVALID_VALUE;
    *milliseconds = (float)((end->time - start->time) * 1e3);
    return CUDA_SUCCESS;
}

/* ---------------------------------------------------------------- kernels */

static void no_kernel(const void *arguments, unsigned grid_x)
{
    (void)arguments, (void)grid_x;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    CALLED_WITH_CONTEXT();
    last_image = image;
    *module = (CUmodule)&last_image;
    return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module)
{
    (void)module;
    CALLED_WITH_CONTEXT();
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    (void)module;
    CALLED_WITH_CONTEXT();
    *function = (CUfunction)dlsym(RTLD_DEFAULT, name);
    if (!*function && strcmp(setting("FAKE_GPU_KERNELS", ""), "none") == 0)
        *function = (CUfunction)no_kernel;
    return *function ? CUDA_SUCCESS : INVALID_VALUE;
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream, void **parameters, void **extra)
{
    (void)stream;
    CALLED_WITH_CONTEXT();
    if (grid_y != 1 || grid_z != 1 || block_x != 256 || block_y != 1 || block_z != 1 || shared_bytes != 0 ||
        parameters || extra[0] != CU_LAUNCH_PARAM_BUFFER_POINTER || extra[2] != CU_LAUNCH_PARAM_BUFFER_SIZE ||
        extra[4] != CU_LAUNCH_PARAM_END)
        return INVALID_VALUE;
    size_t bytes = *(const size_t *)extra[3];
    Arguments *arguments = malloc(sizeof *arguments + bytes);
    memcpy(arguments->bytes, extra[1], bytes);
    arguments->next = all_arguments;
    all_arguments = arguments;
    return submit(
        (Operation){.kernel = (FakeKernel *)function, .arguments = arguments->bytes, .grid_x = grid_x});
}
