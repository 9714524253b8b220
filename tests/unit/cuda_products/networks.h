/* The convolutions of whole networks, for tests that ask a library about each of them. */
#ifndef TESTS_CUDA_PRODUCTS_NETWORKS_H
#define TESTS_CUDA_PRODUCTS_NETWORKS_H

#include "runtime/hpart.h"

enum { MAX_LAYERS = 160 };

typedef struct Network {
    const char *name;
    int layer_count;
    HpLibraryCall layers[MAX_LAYERS]; /* forward, the first reads the images */
} Network;

/* A square convolution without an epilogue, with open formats. */
HpLibraryCall convolution_of(HpLibraryKind kind, HpDataType type, int64_t batch, int64_t in, int64_t out,
                             int64_t size, int64_t kernel, int64_t stride, int64_t pad);

void resnet34_layers(Network *network, HpDataType type, int64_t batch, int64_t planes, int64_t size);
/* ResNets of bottlenecks; `blocks` of each of the four stages. */
void resnet_layers(Network *network, const char *name, const int blocks[4], HpDataType type, int64_t batch,
                   int64_t planes, int64_t size);
void densenet121_layers(Network *network, HpDataType type, int64_t batch, int64_t planes, int64_t size);
void vgg16_layers(Network *network, HpDataType type, int64_t batch, int64_t planes, int64_t size);

#endif
