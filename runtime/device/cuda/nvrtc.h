/* NVRTC, the compiler of CUDA kernels as a library: for hpacc, for programs whose GPU is not the one they
 * were compiled for, and for tests. It needs no driver and no GPU. */
#ifndef HPART_CUDA_NVRTC_H
#define HPART_CUDA_NVRTC_H

#include <stdbool.h>
#include <stddef.h>

typedef struct HpNvrtcKernel {
    char *name;
    int registers;   /* a thread */
    int spill_bytes; /* stored and loaded by a thread because registers ran out */
} HpNvrtcKernel;

typedef struct HpNvrtcResult {
    void *binary; /* a cubin */
    size_t bytes;
    char *log; /* errors or warnings; "" where there are none */
    int kernel_count;
    HpNvrtcKernel *kernels;
} HpNvrtcResult;

/* NULL when NVRTC is here; else the middle of a sentence: what was not found, where it was looked for. */
const char *hp_nvrtc_missing(void);

/* These want NVRTC to be here. */
const char *hp_nvrtc_version(void);       /* "13.0" */
bool hp_nvrtc_supports(const char *arch); /* "sm_80", "sm_90a" */

/* `name` is what messages call the source. False: it does not compile, and result->log says why. The result
 * is to be freed in both cases. */
bool hp_nvrtc_compile(const char *source, const char *name, const char *arch, HpNvrtcResult *result);
void hp_nvrtc_result_free(HpNvrtcResult *result);

/* All that decides what hp_nvrtc_compile() makes of a source, as text. To be freed. */
char *hp_nvrtc_identity(const char *arch);

#endif
