/* Inference: gamma * (conv(x, w) + bias - mean) * rstd + beta = conv(x, w * scale) + (bias * scale + shift).
 */
#include "passes.h"
#include "../graph/composite.h"

/* conv -> [+ bias per channel] -> batch norm */
typedef struct Match {
    Node *convolution;
    Node *bias; /* [1, C, 1, 1], or NULL */
} Match;

static bool is_channel_bias(const Node *node)
{
    if (node->op != OP_BROADCAST || node->inputs[0]->shape.rank != 4)
        return false;
    const int64_t *extents = node->inputs[0]->shape.extents;
    return extents[0] == 1 && extents[1] == node->shape.extents[1] && extents[2] == 1 && extents[3] == 1;
}

/* Only a convolution that nothing else reads: its weights are about to change. */
static bool match(const Node *batchnorm, const NodeList *uses, const bool *effects, Match *found)
{
    Node *x = batchnorm->inputs[0];
    *found = (Match){0};
    if (batchnorm->op != OP_BATCHNORM || batchnorm->attributes.batchnorm.batch_statistics ||
        batchnorm->attributes.batchnorm.update_statistics || uses[x->id].count != 1 || effects[x->id])
        return false;
    int side = x->op == OP_ADD && is_channel_bias(x->inputs[0]) ? 0 : 1; /* of the bias */
    if (x->op == OP_ADD && is_channel_bias(x->inputs[side])) {
        found->bias = x->inputs[side]->inputs[0];
        x = x->inputs[1 - side];
        if (uses[x->id].count != 1 || effects[x->id])
            return false;
    }
    found->convolution = x;
    return x->op == OP_CONVOLUTION;
}

/* The names say whose weight and bias the new values are. */
static void set_path(Graph *graph, const Node *convolution, const char *part)
{
    graph->path = convolution->name ? arena_format(graph->arena, "%s.%s", convolution->name, part) : NULL;
}

static void fold_one(Graph *graph, Node *batchnorm, const Match *found)
{
    const Node *convolution = found->convolution;
    Node *weight = convolution->inputs[1];
    graph->span = batchnorm->span;
    set_path(graph, convolution, "weight");
    BatchnormTerms terms = batchnorm_terms(graph, batchnorm);
    Node *scale = batchnorm_scale(graph, &terms);
    Node *per_output =
        graph_reshape(graph, scale, shape_of(4, (int64_t[]){weight->shape.extents[0], 1, 1, 1}));
    Node *scaled =
        graph_binary(graph, OP_MULTIPLY, weight, graph_broadcast(graph, per_output, weight->shape));
    set_path(graph, convolution, "bias");
    Node *bias = batchnorm_shift(graph, &terms);
    if (found->bias)
        bias = graph_binary(graph, OP_ADD, bias, graph_binary(graph, OP_MULTIPLY, found->bias, scale));
    graph->path = convolution->name;
    Node *product = graph_convolution(graph, OP_CONVOLUTION, convolution->inputs[0], scaled,
                                      &convolution->attributes.convolution);
    Node *sum = graph_binary(graph, OP_ADD, product, graph_broadcast(graph, bias, product->shape));
    graph_replace(graph, batchnorm, sum);
}

void pass_fold_batchnorm(Graph *graph)
{
    Span span = graph->span;
    const char *path = graph->path;
    size_t count = graph->nodes.count;
    const NodeList *uses = graph_uses(graph);
    bool *effects = ARENA_ARRAY(graph->arena, bool, count);
    for (size_t i = 0; i < graph->results.count; i++)
        effects[graph->results.items[i].node->id] = true;
    for (size_t i = 0; i < graph->updates.count; i++)
        effects[graph->updates.items[i].node->id] = true;
    for (size_t i = 0; i < count; i++) {
        Match found;
        Node *node = graph->nodes.items[i];
        if (node->op == OP_BATCHNORM && match(node, uses, effects, &found))
            fold_one(graph, node, &found);
    }
    graph->span = span;
    graph->path = path;
    graph_remove_dead(graph);
    graph_sort(graph);
}
