/* Libraries of CUDA are loaded when they are needed: programs and hpacc start without them. */
#ifndef HPART_DEVICE_CUDA_LIBRARIES_H
#define HPART_DEVICE_CUDA_LIBRARIES_H

/* A handle of the first of these names (up to a NULL) that can be loaded. NULL: none, and `searched` is a
 * text to be freed: what was looked for, and what the loader said. */
void *hp_cuda_library(const char *title, const char *const *sonames, char **searched);

#endif
