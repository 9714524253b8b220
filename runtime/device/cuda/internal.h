/* What the files of the CUDA device share. All work goes through one stream and is asked for by one thread.
 */
#ifndef HPART_CUDA_INTERNAL_H
#define HPART_CUDA_INTERNAL_H

#include "../device.h"
#include "driver.h"

extern CUstream hp_cuda_stream;

static inline CUdeviceptr hp_cuda_address(const void *memory)
{
    return (CUdeviceptr)(uintptr_t)memory;
}

/* ---- memory.c */
void hp_cuda_memory_open(void);
void hp_cuda_memory_close(void);
void *hp_cuda_allocate(size_t bytes);
void hp_cuda_release(void *memory);
int64_t hp_cuda_available(void);
void hp_cuda_upload(void *device, const void *host, size_t bytes);
void hp_cuda_download(void *host, const void *device, size_t bytes);

/* ---- images.c */
void hp_cuda_set_images(HpContext *context, const HpImageStore *store, int64_t *sample, int64_t count);
void hp_cuda_images_close(void);

/* ---- run.c */
void hp_cuda_prepare(const HpModel *model);
void hp_cuda_run(HpContext *context, const HpFunction *function);
void hp_cuda_clock_step(HpContext *context, int step);
void hp_cuda_library_run(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                         const void *bias, void *c, float *statistics, void *scratchpad);
void hp_cuda_copy(HpContext *context, void *to, const void *from, size_t bytes);
void hp_cuda_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes);
void hp_cuda_run_close(void);

#endif
