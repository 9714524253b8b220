/* Convolutions and matrix products on NVIDIA GPUs, through cuDNN and cuBLASLt.
 *
 * Images are NHWC, weights [O,I,H,W] are stored OHWI, matrices row by row. Every operand begins at a multiple
 * of 16 bytes. Sums are floats and come out the same from run to run. */
#ifndef HPART_DEVICE_CUDA_PRODUCTS_H
#define HPART_DEVICE_CUDA_PRODUCTS_H

#include "../../hpart.h"
#include "../product.h"

/* ---- for a program that runs, after the device was made current ---- */

/* Everything below is done in this stream, and queries are about the device. */
void hp_cuda_products_open(void *stream);
void hp_cuda_products_close(void);

/* Makes the product and sets call->handle; returns the bytes of scratchpad it wants. Exactly what
 * call->implementation names is made; where it names nothing, the first offer of cuDNN that the scratchpad of
 * the call has room for. A call that cannot run ends the program with a message. */
int64_t hp_cuda_product_create(HpLibraryCall *call);
void hp_cuda_product_destroy(HpLibraryCall *call);

/* Leaves it to the libraries how the call runs. */
void hp_cuda_product_forget(HpLibraryCall *call);

/* Starts the product; with `add`, c holds the addend. The stream may be capturing a graph. */
void hp_cuda_product_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                         float *statistics, void *scratchpad);

/* ---- for hpacc, which needs no device ---- */

/* The GPU that queries are about: "sm_80", "sm_90a", "sm_100". False: it is not known here, and queries are
 * answered by rule. */
bool hp_cuda_set_architecture(const char *name);

/* Whether the call can run with these types, pitches and epilogue. Formats left at HP_FORMAT_COUNT become
 * HP_FORMAT_NHWC, or HP_FORMAT_PLAIN for matrices; sets implementation and scratchpad. No implementation: it
 * is chosen when the program starts, within this scratchpad. False: and why, a sentence. A strided tensor is
 * refused where the library would copy it. */
bool hp_cuda_query(HpLibraryCall *call, const char **why);

const char *hp_cuda_library_version(void); /* "cuDNN 9.19.0"; "no cuDNN" where queries are answered by rule */

/* Whether a program may be told to run the call so: whether it can shows when it starts. */
bool hp_cuda_may_name(const HpLibraryCall *call, const char *name);

/* The ways to run a call that was queried: the call itself first. Without a device there are only those of
 * cuDNN that need not be compiled. Returns their number. */
int hp_cuda_candidates(const HpLibraryCall *call, HpLibraryCall candidates[HP_MAX_CANDIDATES]);

#endif
