/* Products on the GPU, timed one by one. */
#include "internal.h"
#include "products.h"

/* Launches are short against what they start only when the GPU has something to do meanwhile: one run goes
 * before those that are timed. */
enum { RUNS = 4 };

static CUevent began, ended;

static void timer_open(void)
{
    hp_cuda_open("the model");
    hp_cuda_products_open(hp_cuda_stream);
    HP_CUDA(EventCreate, &began, CU_EVENT_DEFAULT);
    HP_CUDA(EventCreate, &ended, CU_EVENT_DEFAULT);
}

static double timer_time(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                         void *statistics, void *scratchpad)
{
    float milliseconds;
    hp_driver_begins("the product of", call->name, call->implementation);
    hp_cuda_product_run(call, a, b, bias, c, statistics, scratchpad);
    HP_CUDA(EventRecord, began, hp_cuda_stream);
    for (int i = 0; i < RUNS; i++)
        hp_cuda_product_run(call, a, b, bias, c, statistics, scratchpad);
    HP_CUDA(EventRecord, ended, hp_cuda_stream);
    HP_CUDA(EventSynchronize, ended);
    HP_CUDA(EventElapsedTime, &milliseconds, began, ended);
    return milliseconds / (1e3 * RUNS);
}

static void timer_close(void)
{
    HP_CUDA(EventDestroy, began);
    HP_CUDA(EventDestroy, ended);
    hp_cuda_products_close();
    hp_cuda_close();
}

const HpProductTimer hp_timer_cuda = {
    .open = timer_open,
    .allocate = hp_cuda_allocate,
    .release = hp_cuda_release,
    .upload = hp_cuda_upload,
    .create = hp_cuda_product_create,
    .destroy = hp_cuda_product_destroy,
    .time = timer_time,
    .close = timer_close,
};
