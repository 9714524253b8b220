/* A graph holds its descriptors until it is freed. After the first thing that the library refuses nothing
 * more is asked, so that only the end of a description has to look. */
#include "cudnn_graph.h"
#include "../../base/base.h"

/* ---------------------------------------------------------------- descriptors */

static void refuse(CudnnGraph *graph, const char *what)
{
    if (!graph->refused)
        graph->refused = what;
}

CudnnDescriptor hp_cudnn_graph_new(CudnnGraph *graph, CudnnDescriptorType type)
{
    CudnnDescriptor descriptor = NULL;
    if (graph->owned_count == CUDNN_GRAPH_DESCRIPTORS)
        hp_bug("a cuDNN graph of more than %d descriptors", CUDNN_GRAPH_DESCRIPTORS);
    if (graph->refused)
        return NULL;
    if (graph->api->create_descriptor(type, &descriptor) != CUDNN_STATUS_SUCCESS) {
        refuse(graph, "creating a descriptor");
        return NULL;
    }
    graph->owned[graph->owned_count++] = descriptor;
    return descriptor;
}

void hp_cudnn_graph_set(CudnnGraph *graph, CudnnDescriptor descriptor, CudnnAttribute name, CudnnType type,
                        int64_t count, const void *values)
{
    if (!graph->refused &&
        graph->api->set_attribute(descriptor, name, type, count, values) != CUDNN_STATUS_SUCCESS)
        refuse(graph, "an attribute");
}

void hp_cudnn_graph_finalize(CudnnGraph *graph, CudnnDescriptor descriptor, const char *what)
{
    if (!graph->refused && graph->api->finalize(descriptor) != CUDNN_STATUS_SUCCESS)
        refuse(graph, what);
}

void hp_cudnn_graph_free(CudnnGraph *graph)
{
    while (graph->owned_count > 0)
        graph->api->destroy_descriptor(graph->owned[--graph->owned_count]);
    *graph = (CudnnGraph){0};
}

static void set_descriptor(CudnnGraph *graph, CudnnDescriptor descriptor, CudnnAttribute name,
                           CudnnDescriptor value)
{
    hp_cudnn_graph_set(graph, descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void set_number(CudnnGraph *graph, CudnnDescriptor descriptor, CudnnAttribute name, int64_t value)
{
    hp_cudnn_graph_set(graph, descriptor, name, CUDNN_TYPE_INT64, 1, &value);
}

/* ---------------------------------------------------------------- tensors */

static CudnnDataType data_type(HpDataType type)
{
    switch (type) {
    case HP_F16: return CUDNN_DATA_HALF;
    case HP_BF16: return CUDNN_DATA_BFLOAT16;
    case HP_F32: return CUDNN_DATA_FLOAT;
    default: hp_bug("a product of elements of type %d", (int)type);
    }
}

/* A tensor [n,c,h,w] whose channels are neighbours; operand 0 is a value that is never stored. */
static CudnnDescriptor add_tensor(CudnnGraph *graph, int operand, CudnnDataType type, const int64_t shape[4],
                                  int64_t pitch)
{
    CudnnDescriptor tensor = hp_cudnn_graph_new(graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    if (pitch == 0)
        pitch = shape[1];
    int64_t strides[4] = {shape[2] * shape[3] * pitch, 1, shape[3] * pitch, pitch};
    bool is_virtual = operand == 0;
    hp_cudnn_graph_set(graph, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    hp_cudnn_graph_set(graph, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, shape);
    hp_cudnn_graph_set(graph, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    hp_cudnn_graph_set(graph, tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
    set_number(graph, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, is_virtual ? 100 + graph->owned_count : operand);
    set_number(graph, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 16);
    hp_cudnn_graph_finalize(graph, tensor, "a tensor");
    return tensor;
}

typedef struct Shapes {
    int64_t x[4], weight[4], y[4], channels[4];
} Shapes;

static Shapes shapes_of(const HpLibraryCall *call)
{
    return (Shapes){
        .x = {call->batch, call->in_channels, call->in_size[0], call->in_size[1]},
        .weight = {call->out_channels, call->in_channels / call->groups, call->kernel[0], call->kernel[1]},
        .y = {call->batch, call->out_channels, call->out_size[0], call->out_size[1]},
        .channels = {1, call->out_channels, 1, 1},
    };
}

/* ---------------------------------------------------------------- operations */

static CudnnDescriptor add_geometry(CudnnGraph *graph, const HpLibraryCall *call)
{
    CudnnDescriptor geometry = hp_cudnn_graph_new(graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    CudnnDataType type = CUDNN_DATA_FLOAT;
    int mode = CUDNN_CROSS_CORRELATION;
    const struct {
        CudnnAttribute name;
        const int64_t *values;
    } sizes[] = {{CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, call->pad_before},
                 {CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, call->pad_after},
                 {CUDNN_ATTR_CONVOLUTION_DILATIONS, call->dilation},
                 {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, call->stride}};
    set_number(graph, geometry, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
    hp_cudnn_graph_set(graph, geometry, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    hp_cudnn_graph_set(graph, geometry, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1,
                       &mode);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        hp_cudnn_graph_set(graph, geometry, sizes[i].name, CUDNN_TYPE_INT64, 2, sizes[i].values);
    hp_cudnn_graph_finalize(graph, geometry, "these strides, pads and dilations");
    return geometry;
}

/* How cuDNN calls the three operands of a product, in the order of our a, b, c. */
typedef struct Words {
    CudnnDescriptorType operation;
    CudnnAttribute a, b, c, geometry, alpha, beta;
} Words;

static const Words words[] = {
    [HP_CONVOLUTION] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [HP_CONVOLUTION_GRADIENT_INPUT] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [HP_CONVOLUTION_GRADIENT_WEIGHT] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static CudnnDescriptor add_product(CudnnGraph *graph, const HpLibraryCall *call, CudnnDescriptor a,
                                   CudnnDescriptor b, CudnnDescriptor c, float beta)
{
    const Words *w = &words[call->kind];
    CudnnDescriptor geometry = add_geometry(graph, call);
    CudnnDescriptor operation = hp_cudnn_graph_new(graph, w->operation);
    float alpha = 1;
    set_descriptor(graph, operation, w->a, a);
    set_descriptor(graph, operation, w->b, b);
    set_descriptor(graph, operation, w->c, c);
    set_descriptor(graph, operation, w->geometry, geometry);
    hp_cudnn_graph_set(graph, operation, w->alpha, CUDNN_TYPE_FLOAT, 1, &alpha);
    hp_cudnn_graph_set(graph, operation, w->beta, CUDNN_TYPE_FLOAT, 1, &beta);
    hp_cudnn_graph_finalize(graph, operation, "these shapes");
    return operation;
}

/* output = input + other, or relu(input) where other is NULL. */
static CudnnDescriptor add_pointwise(CudnnGraph *graph, CudnnDescriptor input, CudnnDescriptor other,
                                     CudnnDescriptor output)
{
    CudnnPointwiseMode mode = other ? CUDNN_POINTWISE_ADD : CUDNN_POINTWISE_RELU_FWD;
    CudnnDataType type = CUDNN_DATA_FLOAT;
    CudnnDescriptor what = hp_cudnn_graph_new(graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    hp_cudnn_graph_set(graph, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    hp_cudnn_graph_set(graph, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
    hp_cudnn_graph_finalize(graph, what, "a step of the epilogue");
    CudnnDescriptor operation = hp_cudnn_graph_new(graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, input);
    if (other)
        set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other);
    set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, output);
    hp_cudnn_graph_finalize(graph, operation, "a step of the epilogue");
    return operation;
}

/* The sums of all pixels of a channel, and of their squares. */
static CudnnDescriptor add_statistics(CudnnGraph *graph, const Shapes *shapes, CudnnDescriptor input)
{
    CudnnStatistics mode = CUDNN_GENSTATS_SUM_SQSUM;
    CudnnDataType type = CUDNN_DATA_FLOAT;
    CudnnDescriptor sums = add_tensor(graph, CUDNN_OPERAND_SUMS, type, shapes->channels, 0);
    CudnnDescriptor squares = add_tensor(graph, CUDNN_OPERAND_SQUARES, type, shapes->channels, 0);
    CudnnDescriptor operation = hp_cudnn_graph_new(graph, CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR);
    hp_cudnn_graph_set(graph, operation, CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, 1,
                       &mode);
    hp_cudnn_graph_set(graph, operation, CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1,
                       &type);
    set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_GENSTATS_XDESC, input);
    set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, sums);
    set_descriptor(graph, operation, CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, squares);
    hp_cudnn_graph_finalize(graph, operation, "these statistics");
    return operation;
}

/* ---------------------------------------------------------------- the graph */

enum { MAX_OPERATIONS = 4 }; /* the product, bias, addend, relu; or the product, statistics */

/* A forward convolution and, one after the other, the steps of its epilogue; in between values are floats. */
static int add_epilogue(CudnnGraph *graph, const HpLibraryCall *call, const Shapes *shapes,
                        CudnnDescriptor value, CudnnDescriptor operations[MAX_OPERATIONS])
{
    CudnnDescriptor others[3];
    int steps = 0, count = 1;
    if (call->bias)
        others[steps++] = add_tensor(graph, CUDNN_OPERAND_BIAS, CUDNN_DATA_FLOAT, shapes->channels, 0);
    if (call->add)
        others[steps++] =
            add_tensor(graph, CUDNN_OPERAND_ADDEND, data_type(call->type_c), shapes->y, call->pitch_c);
    if (call->relu)
        others[steps++] = NULL;
    for (int i = 0; i < steps; i++) {
        CudnnDescriptor output = i == steps - 1 ? add_tensor(graph, CUDNN_OPERAND_C, data_type(call->type_c),
                                                             shapes->y, call->pitch_c)
                                                : add_tensor(graph, 0, CUDNN_DATA_FLOAT, shapes->y, 0);
        operations[count++] = add_pointwise(graph, value, others[i], output);
        value = output;
    }
    return count;
}

static int add_operations(CudnnGraph *graph, const HpLibraryCall *call,
                          CudnnDescriptor operations[MAX_OPERATIONS])
{
    Shapes shapes = shapes_of(call);
    const int64_t *const all[][3] = {[HP_CONVOLUTION] = {shapes.x, shapes.weight, shapes.y},
                                     [HP_CONVOLUTION_GRADIENT_INPUT] = {shapes.y, shapes.weight, shapes.x},
                                     [HP_CONVOLUTION_GRADIENT_WEIGHT] = {shapes.x, shapes.y, shapes.weight}};
    const int64_t *const *s = all[call->kind];
    CudnnDescriptor a = add_tensor(graph, CUDNN_OPERAND_A, data_type(call->type_a), s[0], call->pitch_a);
    CudnnDescriptor b = add_tensor(graph, CUDNN_OPERAND_B, data_type(call->type_b), s[1], call->pitch_b);
    if (!call->bias && !call->relu) {
        CudnnDescriptor c = add_tensor(graph, CUDNN_OPERAND_C, data_type(call->type_c), s[2], call->pitch_c);
        operations[0] = add_product(graph, call, a, b, c, call->add ? 1 : 0);
        if (call->statistics)
            operations[1] = add_statistics(graph, &shapes, c);
        return call->statistics ? 2 : 1;
    }
    CudnnDescriptor value = add_tensor(graph, 0, CUDNN_DATA_FLOAT, s[2], 0);
    operations[0] = add_product(graph, call, a, b, value, 0);
    return add_epilogue(graph, call, &shapes, value, operations);
}

bool hp_cudnn_graph_build(CudnnGraph *graph, const CudnnApi *api, void *handle, const HpLibraryCall *call)
{
    *graph = (CudnnGraph){.api = api};
    CudnnDescriptor operations[MAX_OPERATIONS];
    int count = add_operations(graph, call, operations);
    graph->operations = hp_cudnn_graph_new(graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    if (handle)
        hp_cudnn_graph_set(graph, graph->operations, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1,
                           &handle);
    hp_cudnn_graph_set(graph, graph->operations, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                       count, operations);
    hp_cudnn_graph_finalize(graph, graph->operations, "this chain of operations");
    return !graph->refused;
}
