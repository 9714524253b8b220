/* Matrix products through cuBLASLt, and the convolutions that are matrix products of images as they lie. */
#ifndef HPART_DEVICE_CUDA_CUBLASLT_H
#define HPART_DEVICE_CUDA_CUBLASLT_H

#include "../../hpart.h"

/* A matrix product, or a convolution of kernel 1x1, stride 1 and no pads. */
bool hp_cublaslt_is_matrix_product(const HpLibraryCall *call);

/* Whether the library computes such a call with this epilogue and these types; false: and why. Asks no
 * library: it answers only where there is a device. */
bool hp_cublaslt_fits(const HpLibraryCall *call, const char **why);

/* What is made from now on runs in this stream. */
void hp_cublaslt_open(void *stream);
void hp_cublaslt_close(void);

/* The ways to run a call on the device that is open, the library's favourite first: at most `room`, each with
 * implementation ("cublaslt:" and the algorithm's words) and scratchpad, which is at most the call's. Returns
 * their number. */
int hp_cublaslt_offers(const HpLibraryCall *call, HpLibraryCall *offers, int room);

/* As hp_cuda_product_*. The implementation "cublaslt" is the library's favourite. */
int64_t hp_cublaslt_create(HpLibraryCall *call);
void hp_cublaslt_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                     void *scratchpad);
void hp_cublaslt_destroy(HpLibraryCall *call);

#endif
