/* Where the libraries of CUDA are: nothing of CUDA is linked, so that a program starts and explains itself
 * where there is none. */
#ifndef HPART_CUDA_LIBRARIES_H
#define HPART_CUDA_LIBRARIES_H

/* Opens the first of `sonames` (ends with NULL) that loads: from the folders of HPANET_CUDA_LIBRARIES, by the
 * system's own search, from the toolkit, from NVIDIA's Python packages. NULL: none did, and *searched, to be
 * freed, is the middle of a sentence: "cuDNN (libcudnn.so.9) was not found in ...". */
void *hp_cuda_library(const char *title, const char *const *sonames, char **searched);

#endif
