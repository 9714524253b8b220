/* What libraries have to know of a GPU that is not there. */
#ifndef HPART_DEVICE_CUDA_ARCHITECTURE_H
#define HPART_DEVICE_CUDA_ARCHITECTURE_H

#include <stdint.h>

typedef struct CudaArchitecture {
    const char *name;  /* "sm_90a" */
    const char *title; /* "NVIDIA H200" */
    int version;       /* 900 */
    int64_t memory_bytes, l2_bytes;
    int multiprocessors, shared_bytes, clock_khz, memory_clock_khz;
    int64_t matrix_scratchpad; /* what cuBLASLt can make use of */
} CudaArchitecture;

/* NULL: not known. */
const CudaArchitecture *hp_cuda_architecture(const char *name);

/* As cuDNN reads it; to be freed. */
char *hp_cuda_architecture_json(const CudaArchitecture *architecture);

#endif
