/* A convolution with its epilogue or statistics, or one of its two gradients, as a graph of cuDNN operations.
 */
#ifndef HPART_DEVICE_CUDA_CUDNN_GRAPH_H
#define HPART_DEVICE_CUDA_CUDNN_GRAPH_H

#include "../../hpart.h"
#include "cudnn_api.h"

/* What a pointer is given as when the graph runs. The addend is c itself. */
typedef enum CudnnOperand {
    CUDNN_OPERAND_A = 1,
    CUDNN_OPERAND_B,
    CUDNN_OPERAND_BIAS,
    CUDNN_OPERAND_C,
    CUDNN_OPERAND_ADDEND,
    CUDNN_OPERAND_SUMS,
    CUDNN_OPERAND_SQUARES
} CudnnOperand;

enum { CUDNN_GRAPH_DESCRIPTORS = 80 };

typedef struct CudnnGraph {
    const CudnnApi *api;
    CudnnDescriptor operations; /* finalised */
    CudnnDescriptor owned[CUDNN_GRAPH_DESCRIPTORS];
    int owned_count;
    const char *refused; /* what the library does not accept, or NULL */
} CudnnGraph;

/* `handle` is NULL where there is no device. False: `refused` says what the library did not accept; the graph
 * is to be freed all the same. */
bool hp_cudnn_graph_build(CudnnGraph *graph, const CudnnApi *api, void *handle, const HpLibraryCall *call);
void hp_cudnn_graph_free(CudnnGraph *graph);

/* Creates a descriptor that the graph frees, and sets an attribute, unless something was refused before. */
CudnnDescriptor hp_cudnn_graph_new(CudnnGraph *graph, CudnnDescriptorType type);
void hp_cudnn_graph_set(CudnnGraph *graph, CudnnDescriptor descriptor, CudnnAttribute name, CudnnType type,
                        int64_t count, const void *values);
void hp_cudnn_graph_finalize(CudnnGraph *graph, CudnnDescriptor descriptor, const char *what);

#endif
