/* Memory of the GPU, and the way to it: through pinned memory, which the GPU copies from while the host goes
 * on. */
#include <string.h>
#include "../../base/base.h"
#include "internal.h"

enum { HALF = 32 << 20, ALIGNMENT = 64 };

/* Two halves: one is filled while the GPU copies from the other. A part's images that take no more than one
 * do not wait for the part that runs: 32 of 512 x 512 pixels in 4 planes. */
static struct {
    char *bytes;
    CUevent copied[2]; /* the GPU has done with a half */
    int half;
    size_t used; /* of the half */
} staging;

/* Pinned as well, but apart: what was fetched stays while other bytes come and go. */
static struct {
    float *floats;
    CUevent copied[HP_FETCHES];
} fetches;

static int64_t free_at_open, least_free;

void hp_cuda_memory_open(void)
{
    void *bytes;
    free_at_open = least_free = hp_cuda_available();
    HP_CUDA(MemAllocHost, &bytes, 2 * HALF + sizeof(float[HP_FETCHES]));
    staging.bytes = bytes;
    fetches.floats = (float *)(staging.bytes + 2 * HALF);
    for (int i = 0; i < HP_FETCHES; i++)
        HP_CUDA(EventCreate, &fetches.copied[i], CU_EVENT_DISABLE_TIMING);
    for (int i = 0; i < 2; i++)
        HP_CUDA(EventCreate, &staging.copied[i], CU_EVENT_DISABLE_TIMING);
    staging.half = 0;
    staging.used = 0;
}

static void destroy_events(CUevent *events, int count)
{
    for (int i = 0; i < count; i++) {
        if (events[i])
            HP_CUDA(EventDestroy, events[i]);
        events[i] = NULL;
    }
}

void hp_cuda_memory_close(void)
{
    destroy_events(staging.copied, 2);
    destroy_events(fetches.copied, HP_FETCHES);
    if (staging.bytes)
        HP_CUDA(MemFreeHost, staging.bytes);
    staging.bytes = NULL;
}

int64_t hp_cuda_available(void)
{
    size_t free, total;
    HP_CUDA(MemGetInfo, &free, &total);
    return (int64_t)free;
}

int64_t hp_cuda_memory_peak(void)
{
    int64_t now = hp_cuda_available();
    least_free = now < least_free ? now : least_free;
    return free_at_open - least_free;
}

void *hp_cuda_allocate(size_t bytes)
{
    CUdeviceptr memory = 0;
    size_t room = bytes ? bytes : ALIGNMENT;
    CUresult result = hp_driver.MemAlloc(&memory, room);
    if (result == CUDA_ERROR_OUT_OF_MEMORY)
        hp_fail(
            "out of GPU memory: %.1f MB were asked for and %.1f MB are free; a smaller --batch needs less",
            (double)bytes / 1e6, (double)hp_cuda_available() / 1e6);
    hp_driver_check(result, "cuMemAlloc");
    hp_cuda_memory_peak();
    HP_CUDA(MemsetD8Async, memory, 0, room, hp_cuda_stream);
    return (void *)(uintptr_t)memory;
}

void hp_cuda_release(void *memory)
{
    if (memory)
        HP_CUDA(MemFree, hp_cuda_address(memory));
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void next_half(void)
{
    HP_CUDA(EventRecord, staging.copied[staging.half], hp_cuda_stream);
    staging.half = 1 - staging.half;
    staging.used = 0;
    HP_CUDA(EventSynchronize, staging.copied[staging.half]);
}

void hp_cuda_upload(void *device, const void *host, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        if (staging.used == HALF)
            next_half();
        size_t count = least(bytes - done, HALF - staging.used);
        char *at = staging.bytes + (size_t)staging.half * HALF + staging.used;
        memcpy(at, (const char *)host + done, count);
        HP_CUDA(MemcpyHtoDAsync, hp_cuda_address(device) + done, at, count, hp_cuda_stream);
        staging.used = least(HALF, (staging.used + count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        done += count;
    }
}

/* The stream keeps the order of copies, so what was uploaded through the same bytes has left them. */
void hp_cuda_download(void *host, const void *device, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        size_t count = least(bytes - done, 2 * HALF);
        HP_CUDA(MemcpyDtoHAsync, staging.bytes, hp_cuda_address(device) + done, count, hp_cuda_stream);
        HP_CUDA(StreamSynchronize, hp_cuda_stream);
        memcpy((char *)host + done, staging.bytes, count);
        done += count;
    }
}

void hp_cuda_fetch(int slot, const void *device)
{
    HP_CUDA(MemcpyDtoHAsync, &fetches.floats[slot], hp_cuda_address(device), sizeof(float), hp_cuda_stream);
    HP_CUDA(EventRecord, fetches.copied[slot], hp_cuda_stream);
}

float hp_cuda_fetched(int slot)
{
    HP_CUDA(EventSynchronize, fetches.copied[slot]);
    return fetches.floats[slot];
}
