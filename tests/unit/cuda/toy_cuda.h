/* The toy model with functions that are launched as kernels. Its program must link with exports: the fake
 * driver finds toy_kernel by name. */
#ifndef HPANET_TESTS_TOY_CUDA_H
#define HPANET_TESTS_TOY_CUDA_H

#include "runtime/hpart.h"

HpModel toy_cuda_model(void);

#endif
