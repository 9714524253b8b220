#include "networks.h"
#include <stdlib.h>

HpLibraryCall convolution_of(HpLibraryKind kind, HpDataType type, int64_t batch, int64_t in, int64_t out,
                             int64_t size, int64_t kernel, int64_t stride, int64_t pad)
{
    int64_t after = (size + 2 * pad - kernel) / stride + 1;
    return (HpLibraryCall){.kind = kind,
                           .name = "body.layer",
                           .batch = batch,
                           .groups = 1,
                           .in_channels = in,
                           .out_channels = out,
                           .in_size = {size, size},
                           .out_size = {after, after},
                           .kernel = {kernel, kernel},
                           .stride = {stride, stride},
                           .pad_before = {pad, pad},
                           .pad_after = {pad, pad},
                           .dilation = {1, 1},
                           .format_a = HP_FORMAT_COUNT,
                           .format_b = HP_FORMAT_COUNT,
                           .format_c = HP_FORMAT_COUNT,
                           .type_a = type,
                           .type_b = type,
                           .type_c = type,
                           .tf32 = true};
}

/* Appends a layer that reads what is now [batch, channels, size, size]. */
typedef struct Builder {
    Network *network;
    HpDataType type;
    int64_t batch, channels, size;
} Builder;

static void add(Builder *b, int64_t out, int64_t kernel, int64_t stride)
{
    if (b->network->layer_count == MAX_LAYERS)
        abort();
    b->network->layers[b->network->layer_count++] = convolution_of(
        HP_CONVOLUTION, b->type, b->batch, b->channels, out, b->size, kernel, stride, kernel / 2);
    b->channels = out;
    b->size /= stride;
}

void resnet34_layers(Network *network, HpDataType type, int64_t batch, int64_t planes, int64_t size)
{
    static const int blocks[] = {3, 4, 6, 3};
    Builder b = {network, type, batch, planes, size};
    *network = (Network){.name = "ResNet34"};
    add(&b, 64, 7, 2);
    b.size /= 2;
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++) {
            int64_t width = 64 << stage, stride = stage > 0 && block == 0 ? 2 : 1;
            if (stride > 1) {
                Builder projection = b;
                add(&projection, width, 1, stride);
            }
            add(&b, width, 3, stride);
            add(&b, width, 3, 1);
        }
}

void resnet_layers(Network *network, const char *name, const int blocks[4], HpDataType type, int64_t batch,
                   int64_t planes, int64_t size)
{
    Builder b = {network, type, batch, planes, size};
    *network = (Network){.name = name};
    add(&b, 64, 7, 2);
    b.size /= 2;
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++) {
            int64_t width = 64 << stage, stride = stage > 0 && block == 0 ? 2 : 1;
            if (block == 0) {
                Builder projection = b;
                add(&projection, 4 * width, 1, stride);
            }
            add(&b, width, 1, 1);
            add(&b, width, 3, stride);
            add(&b, 4 * width, 1, 1);
        }
}

void densenet121_layers(Network *network, HpDataType type, int64_t batch, int64_t planes, int64_t size)
{
    static const int layers[] = {6, 12, 24, 16};
    Builder b = {network, type, batch, planes, size};
    *network = (Network){.name = "DenseNet121"};
    add(&b, 64, 7, 2);
    b.size /= 2;
    for (int block = 0; block < 4; block++) {
        for (int layer = 0; layer < layers[block]; layer++) {
            int64_t channels = b.channels;
            add(&b, 128, 1, 1);
            add(&b, 32, 3, 1);
            b.channels = channels + 32;
        }
        if (block < 3) {
            add(&b, b.channels / 2, 1, 1);
            b.size /= 2;
        }
    }
}

void vgg16_layers(Network *network, HpDataType type, int64_t batch, int64_t planes, int64_t size)
{
    static const int64_t widths[] = {64, 64,  0,   128, 128, 0,   256, 256, 256,
                                     0,  512, 512, 512, 0,   512, 512, 512};
    Builder b = {network, type, batch, planes, size};
    *network = (Network){.name = "VGG16"};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i] == 0)
            b.size /= 2;
        else
            add(&b, widths[i], 3, 1);
}
