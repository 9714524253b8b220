/* What the files of the CUDA device share. All work goes through one stream and is asked for by one thread.
 */
#ifndef HPART_CUDA_INTERNAL_H
#define HPART_CUDA_INTERNAL_H

#include "../device.h"
#include "driver.h"

extern CUstream hp_cuda_stream;
extern int hp_cuda_capability; /* 90: 9.0 */

static inline CUdeviceptr hp_cuda_address(const void *memory)
{
    return (CUdeviceptr)(uintptr_t)memory;
}

/* ---- device.c: the GPU, its stream and its memory; `source` is what to compile for another machine. */
void hp_cuda_open(const char *source);
void hp_cuda_close(void); /* also what did not open to the end */

/* ---- memory.c */
void hp_cuda_memory_open(void);
void hp_cuda_memory_close(void);
void *hp_cuda_allocate(size_t bytes);
void hp_cuda_release(void *memory);
int64_t hp_cuda_available(void);
/* The most bytes that were in use at an allocation or are now, beside those before memory was opened: what
 * libraries and the driver took for this program counts, and so does what other programs took meanwhile. */
int64_t hp_cuda_memory_peak(void);
void hp_cuda_upload(void *device, const void *host, size_t bytes);
void hp_cuda_download(void *host, const void *device, size_t bytes);
void hp_cuda_fetch(int slot, const void *device);
float hp_cuda_fetched(int slot);

/* ---- ceilings.c */
/* Sets what a GPU with this name reaches in products as the model's, and in copies. */
void hp_cuda_ceilings(const HpModel *model, CUdevice gpu, HpMachine *machine);

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
