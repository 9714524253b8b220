/* A model's kernels on the GPU. */
#ifndef HPART_CUDA_MODULES_H
#define HPART_CUDA_MODULES_H

#include "../../hpart.h"

/* Loads the binary that runs on a GPU of this compute capability, or compiles the source for it, and fills
 * the handles of all kernels. The program ends with a message when neither can be done. */
void hp_modules_load(const HpModel *model, int major, int minor);
void hp_modules_unload(void);

#endif
