/* Convolutions through cuDNN: with a device, or for a described one without any. */
#ifndef HPART_DEVICE_CUDA_CUDNN_H
#define HPART_DEVICE_CUDA_CUDNN_H

#include "../../hpart.h"
#include "cudnn_api.h"

enum { CUDNN_MAX_ANSWERS = 24, CUDNN_NAME_BYTES = 160 };

/* One way to run a convolution: an engine and its knobs. */
typedef struct CudnnAnswer {
    char name[CUDNN_NAME_BYTES]; /* "cudnn:e62,k2=0,k13=1" */
    int64_t workspace;
    bool compiled; /* when it is made, for the device that is there */
    bool copies;   /* some operand, as a whole, into its workspace */
    bool slow;     /* many times, where others can run: loops of reference, 16 bits without tensor cores */
} CudnnAnswer;

/* What is asked from now on is asked for the device of this stream, which runs it. */
void hp_cudnn_open(void *stream);
void hp_cudnn_close(void);

/* What is asked from now on is asked for a device described in JSON, and nothing can run. False: the library
 * is not there, or cannot be asked without a device. */
bool hp_cudnn_describe_device(const char *json, const char **why);

/* What the library offers for a convolution, without engines that sum in less than floats, round floats
 * without being allowed to, or give different sums from run to run: in its own order, but slow ones last and
 * before them those that copy. Returns their number, or 0 and why. */
int hp_cudnn_answers(const HpLibraryCall *call, CudnnAnswer answers[CUDNN_MAX_ANSWERS], const char **why);

/* As hp_cuda_product_*. A call without an implementation runs as the first answer that the scratchpad of the
 * call has room for. */
int64_t hp_cudnn_create(HpLibraryCall *call);
void hp_cudnn_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                  float *statistics, void *scratchpad);
void hp_cudnn_destroy(HpLibraryCall *call);

#endif
