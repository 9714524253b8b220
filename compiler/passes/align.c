/* Channels that a library of products can take: convolutions get operands with zeros behind their channels,
 * up to a multiple, and their results are cut to size. Those in groups get whole groups of zeros. What one
 * convolution leaves wide the next one takes as it is. */
#include "../target/target.h"
#include "passes.h"

typedef struct Align {
    Graph *graph;
    int64_t multiple;
    Node *image, *wide_image; /* the sampled planes with zeros behind them, or NULL */
    NodeList padded;          /* the PAD nodes made so far */
} Align;

static int64_t round_up(int64_t count, int64_t multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

/* The sampling kernel writes the zeros itself. */
static Node *widen_image(Align *align, Node *image, int64_t planes)
{
    if (align->wide_image)
        return align->wide_image;
    Attributes attributes = image->attributes;
    attributes.image.padding = planes - image->shape.extents[1];
    align->image = image;
    align->wide_image = graph_node(align->graph, OP_IMAGE, 0, NULL, &attributes);
    align->wide_image->dtype = image->dtype;
    return align->wide_image;
}

static Node *cut(Graph *graph, Node *node, const int64_t extents[2])
{
    Attributes part = {0};
    for (int axis = 0; axis < node->shape.rank; axis++) {
        part.slice.extent[axis] = axis < 2 ? extents[axis] : node->shape.extents[axis];
        part.slice.step[axis] = 1;
    }
    return extents[0] == node->shape.extents[0] && extents[1] == node->shape.extents[1]
               ? node
               : graph_node(graph, OP_SLICE, 1, &node, &part);
}

/* `node` with zeros up to extents[0] x extents[1] in its first two axes. */
static Node *widen(Align *align, Node *node, const int64_t extents[2])
{
    Attributes pad = {0};
    for (int axis = 0; axis < 2; axis++)
        pad.pad.after[axis] = extents[axis] - node->shape.extents[axis];
    if (!pad.pad.after[0] && !pad.pad.after[1])
        return node;
    if (node->op == OP_IMAGE)
        return widen_image(align, node, extents[1]);
    Node *whole = node->op == OP_SLICE ? node->inputs[0] : NULL; /* of a convolution, whose rest is zeros */
    if (whole && op_table[whole->op].class == CLASS_CONTRACTION && whole->shape.extents[0] == extents[0] &&
        whole->shape.extents[1] == extents[1])
        return whole;
    for (size_t i = 0; i < align->padded.count; i++) {
        Node *known = align->padded.items[i];
        if (known->inputs[0] == node && known->shape.extents[0] == extents[0] &&
            known->shape.extents[1] == extents[1])
            return known;
    }
    list_push(align->graph->arena, &align->padded, graph_node(align->graph, OP_PAD, 1, &node, &pad));
    return align->padded.items[align->padded.count - 1];
}

/* The first two extents of an operand or result of a convolution: a batch of channels, or a weight. */
typedef struct Operand {
    const Shape *shape;
    bool is_weight;
} Operand;

/* The fewest groups, of the channels they have now, whose channels are multiples. */
static int64_t enough_groups(const Align *align, const Operand operands[3], int64_t groups)
{
    int64_t step = 1;
    for (int i = 0; i < 3; i++) {
        int64_t channels = operands[i].shape->extents[operands[i].is_weight ? 0 : 1] / groups;
        while (step * channels % align->multiple != 0) /* which is a power of two */
            step *= 2;
    }
    return round_up(groups, step);
}

static int64_t wide_extent(const Align *align, const Operand *operand, int axis, int64_t groups,
                           int64_t more_groups)
{
    int64_t extent = operand->shape->extents[axis];
    bool of_batch = axis == 0 && !operand->is_weight, of_group = axis == 1 && operand->is_weight;
    if (of_batch || (of_group && groups > 1))
        return extent;
    return groups > 1 ? extent / groups * more_groups : round_up(extent, align->multiple);
}

static void align_convolution(Align *align, Node *node)
{
    bool of_weight = node->op == OP_CONVOLUTION_GRADIENT_WEIGHT;
    const Operand operands[3] = {
        {&node->inputs[0]->shape, false}, {&node->inputs[1]->shape, !of_weight}, {&node->shape, of_weight}};
    int64_t groups = node->attributes.convolution.groups, sizes[3][2];
    int64_t more_groups = groups > 1 ? enough_groups(align, operands, groups) : 1;
    bool same = true;
    for (int i = 0; i < 3; i++) {
        for (int axis = 0; axis < 2; axis++) {
            sizes[i][axis] = wide_extent(align, &operands[i], axis, groups, more_groups);
            same = same && sizes[i][axis] == operands[i].shape->extents[axis];
        }
    }
    if (same)
        return;
    Attributes attributes = node->attributes;
    attributes.convolution.groups = more_groups;
    align->graph->span = node->span;
    align->graph->path = node->name;
    Node *inputs[2] = {widen(align, node->inputs[0], sizes[0]), widen(align, node->inputs[1], sizes[1])};
    Node *whole = graph_node(align->graph, node->op, 2, inputs, &attributes);
    whole->dtype = node->dtype;
    graph_replace(align->graph, node, cut(align->graph, whole, node->shape.extents));
}

void pass_align(Graph *graph)
{
    Align align = {.graph = graph, .multiple = target()->channel_multiple};
    size_t count = graph->nodes.count;
    for (size_t i = 0; i < count && align.multiple > 1; i++) {
        Node *node = graph->nodes.items[i];
        if (op_is_convolution(node->op) && hp_data_type_bytes(node->inputs[0]->dtype) == 2)
            align_convolution(&align, node);
    }
    if (align.wide_image) /* its planes are sampled once */
        graph_replace(graph, align.image, cut(graph, align.wide_image, align.image->shape.extents));
    graph->span = (Span){0};
    graph->path = NULL;
    graph_remove_dead(graph);
    graph_sort(graph);
}
