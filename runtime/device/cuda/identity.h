/* When two calls are one and the same product, and names that stay. */
#ifndef HPART_DEVICE_CUDA_IDENTITY_H
#define HPART_DEVICE_CUDA_IDENTITY_H

#include "../../hpart.h"

enum { CUDA_FACTS = 38 };

/* Everything about a call but its name and how it runs: equal calls have equal bytes. */
typedef struct CudaFacts {
    int64_t values[CUDA_FACTS];
} CudaFacts;

CudaFacts hp_cuda_facts(const HpLibraryCall *call);

/* A text like this one that lives as long as the process; equal texts are the same pointer. */
const char *hp_cuda_lasting_name(const char *name);

#endif
