/* The products of the CUDA device: what its device.c asks of cuDNN and cuBLASLt. */
#ifndef HPART_CUDA_PRODUCTS_H
#define HPART_CUDA_PRODUCTS_H

#include "../../hpart.h"

void hp_cuda_products_open(void *stream);
void hp_cuda_products_close(void);

/* Returns bytes of scratchpad. */
int64_t hp_cuda_product_create(HpLibraryCall *call);
void hp_cuda_product_destroy(HpLibraryCall *call);
void hp_cuda_product_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                         void *scratchpad);

#endif
