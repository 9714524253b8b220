/* Composite ops become primitives, which fusion then treats like all others. */
#include "passes.h"
#include "../graph/composite.h"

/* running := (1 - momentum) * running + momentum * batch */
static void update_running(Graph *graph, Node *running, Node *batch, double momentum)
{
    Node *vector = graph_reshape(graph, batch, running->shape);
    Node *kept = graph_binary(graph, OP_MULTIPLY, running, graph_constant(graph, 1 - momentum));
    Node *moved = graph_binary(graph, OP_MULTIPLY, vector, graph_constant(graph, momentum));
    if (running->op != OP_VARIABLE)
        internal_error("batch norm moves statistics that are not variables");
    graph_update(graph, running->variable, graph_binary(graph, OP_ADD, kept, moved));
}

/* The running variance is the unbiased one: times count / (count - 1). */
static void update_statistics(Graph *graph, const Node *node)
{
    Attributes batch = node->attributes;
    batch.batchnorm.batch_statistics = true; /* statistics can move while the running ones normalise */
    Node like = *node;
    like.attributes = batch;
    BatchnormTerms terms = batchnorm_terms(graph, &like);
    double count = (double)shape_count(node->shape) / (double)node->shape.extents[1];
    Node *unbiased =
        graph_binary(graph, OP_MULTIPLY, terms.variance, graph_constant(graph, count / (count - 1)));
    update_running(graph, node->inputs[3], terms.mean, batch.batchnorm.momentum);
    update_running(graph, node->inputs[4], unbiased, batch.batchnorm.momentum);
}

static Node *expand_batchnorm(Graph *graph, const Node *node)
{
    Node *x = node->inputs[0];
    BatchnormTerms terms = batchnorm_terms(graph, node);
    if (node->attributes.batchnorm.update_statistics)
        update_statistics(graph, node);
    if (node->attributes.batchnorm.batch_statistics) {
        Node *normalized = batchnorm_normalized(graph, node, &terms);
        Node *scaled =
            graph_binary(graph, OP_MULTIPLY, normalized, graph_broadcast(graph, terms.gamma, x->shape));
        return graph_binary(graph, OP_ADD, scaled, graph_broadcast(graph, terms.beta, x->shape));
    }
    Node *scale = graph_broadcast(graph, batchnorm_scale(graph, &terms), x->shape);
    Node *shift = graph_broadcast(graph, batchnorm_shift(graph, &terms), x->shape);
    return graph_binary(graph, OP_ADD, graph_binary(graph, OP_MULTIPLY, x, scale), shift);
}

void pass_expand(Graph *graph)
{
    Span span = graph->span;
    const char *path = graph->path;
    size_t count = graph->nodes.count;
    for (size_t i = 0; i < count; i++) {
        Node *node = graph->nodes.items[i];
        if (node->op != OP_BATCHNORM)
            continue;
        graph->span = node->span;
        graph->path = node->name;
        graph_replace(graph, node, expand_batchnorm(graph, node));
        node->attributes.batchnorm.update_statistics = false; /* the updates do it now: the node is dead */
    }
    graph->span = span;
    graph->path = path;
    graph_remove_dead(graph);
    graph_sort(graph);
}
