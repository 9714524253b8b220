/* What libraries have to know of a GPU that is not there. */
#ifndef HPART_DEVICE_CUDA_ARCHITECTURE_H
#define HPART_DEVICE_CUDA_ARCHITECTURE_H

#include <stdint.h>

typedef struct CudaArchitecture {
    int version;       /* 900 */
    const char *title; /* "NVIDIA H200" */
    int64_t memory_bytes, l2_bytes;
    int multiprocessors, shared_bytes, clock_khz, memory_clock_khz;
    int64_t matrix_scratchpad; /* what cuBLASLt can make use of */
} CudaArchitecture;

/* Of "sm_90" or "sm_90a"; NULL: not known. */
const CudaArchitecture *hp_cuda_architecture(const char *name);

/* The most special architecture of a GPU: 9.0 and 10.0 have instructions that later ones lack. */
void hp_cuda_name_architecture(char name[static 16], int major, int minor);

/* As cuDNN reads it; to be freed. */
char *hp_cuda_architecture_json(const CudaArchitecture *architecture);

#endif
