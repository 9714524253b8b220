/* Batch statistics that come with a product: where the library also gives the sums of a convolution's result
 * and of its squares, mean and variance are made of these, and no kernel reads the result for them. */
#include "../target/target.h"
#include "library.h"
#include "passes.h"

typedef struct Sums { /* over the pixels of a channel; NULL: not made */
    Node *sum, *squares;
} Sums;

/* The convolution whose result, but for a bias of its channels, is `value`; NULL: there is none. */
static Node *convolution_below(const Node *value, Node **bias)
{
    *bias = NULL;
    if (value->op == OP_CONVOLUTION)
        return (Node *)value;
    if (value->op != OP_ADD)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (value->inputs[i]->op == OP_CONVOLUTION && library_is_bias(value->inputs[i], value->inputs[!i])) {
            *bias = value->inputs[!i]->inputs[0];
            return value->inputs[i];
        }
    return NULL;
}

/* A part of a concatenation is copied into its place, and the kernel that does it has the statistics for
 * nothing. */
static bool is_copied(const NodeList *uses)
{
    for (size_t i = 0; i < uses->count; i++)
        if (uses->items[i]->op == OP_SLICE)
            return true;
    return false;
}

static bool has_statistics(Arena *arena, const Node *convolution)
{
    HpLibraryCall *call = library_describe(arena, convolution);
    call->statistics = true;
    return library_accepts(call);
}

static void make_sums(Graph *graph, Node *convolution, Sums *sums)
{
    Node *square = graph_binary(graph, OP_MULTIPLY, convolution, convolution);
    square->format = convolution->format;
    sums->sum = graph_reduce(graph, OP_REDUCE_SUM, convolution, LIBRARY_PIXELS);
    sums->squares = graph_reduce(graph, OP_REDUCE_SUM, square, LIBRARY_PIXELS);
}

/* The difference of two rounded numbers may be below zero, the variance is not. */
static Node *from_sums(Graph *graph, const Node *statistic, const Sums *sums, Node *bias)
{
    Shape shape = statistic->inputs[0]->shape;
    Node *share = graph_constant(graph, (double)shape.extents[1] / (double)shape_count(shape));
    Node *mean = graph_binary(graph, OP_MULTIPLY, sums->sum, share);
    if (statistic->op == OP_REDUCE_MEAN)
        return bias ? graph_binary(graph, OP_ADD, mean, bias) : mean;
    Node *mean_square = graph_binary(graph, OP_MULTIPLY, sums->squares, share);
    Node *square_mean = graph_binary(graph, OP_MULTIPLY, mean, mean);
    return graph_unary(graph, OP_RELU, graph_binary(graph, OP_SUBTRACT, mean_square, square_mean));
}

void pass_statistics(Graph *graph)
{
    size_t count = graph->nodes.count;
    const NodeList *uses = graph_uses(graph);
    Sums *made = ARENA_ARRAY(graph->arena, Sums, count); /* by the convolution's id */
    for (size_t i = 0; i < count && target()->gives_statistics; i++) {
        Node *node = graph->nodes.items[i], *bias;
        if ((node->op != OP_REDUCE_MEAN && node->op != OP_REDUCE_VARIANCE) ||
            node->attributes.axes != LIBRARY_PIXELS)
            continue;
        Node *value = node->inputs[0], *convolution = convolution_below(value, &bias);
        if (!convolution || is_copied(&uses[value->id]) || !has_statistics(graph->arena, convolution))
            continue;
        graph->span = node->span;
        graph->path = node->name;
        if (!made[convolution->id].sum)
            make_sums(graph, convolution, &made[convolution->id]);
        graph_replace(graph, node, from_sums(graph, node, &made[convolution->id], bias));
    }
    graph->span = (Span){0};
    graph->path = NULL;
    graph_remove_dead(graph);
    graph_sort(graph);
}
