/* Products on the CPU, timed one by one. */
#include "../base/base.h"
#include "device.h"
#include "library.h"
#include "product.h"

static void timer_open_or_close(void)
{
}

static void *timer_allocate(size_t bytes)
{
    return hp_device_cpu.allocate(bytes);
}

static void timer_release(void *memory)
{
    hp_device_cpu.release(memory);
}

static void timer_upload(void *device, const void *host, size_t bytes)
{
    hp_device_cpu.upload(device, host, bytes);
}

static double timer_time(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                         void *statistics, void *scratchpad)
{
    (void)statistics; /* no product of the CPU has them */
    double began = hp_seconds();
    hp_library_execute(call, a, b, bias, c, scratchpad);
    return hp_seconds() - began;
}

const HpProductTimer hp_timer_cpu = {
    .open = timer_open_or_close,
    .allocate = timer_allocate,
    .release = timer_release,
    .upload = timer_upload,
    .create = hp_library_create,
    .destroy = hp_library_destroy,
    .time = timer_time,
    .close = timer_open_or_close,
};
