#include "composite.h"

static Node *per_channel(Graph *graph, Node *vector, int rank)
{
    Shape shape = {.rank = rank};
    for (int axis = 0; axis < rank; axis++)
        shape.extents[axis] = axis == 1 ? vector->shape.extents[0] : 1;
    return graph_reshape(graph, vector, shape);
}

BatchnormTerms batchnorm_terms(Graph *graph, const Node *batchnorm)
{
    Node *x = batchnorm->inputs[0];
    int rank = x->shape.rank;
    BatchnormTerms terms = {.axes = ((1u << rank) - 1) & ~2u,
                            .gamma = per_channel(graph, batchnorm->inputs[1], rank),
                            .beta = per_channel(graph, batchnorm->inputs[2], rank)};
    if (batchnorm->attributes.batchnorm.batch_statistics) {
        terms.mean = graph_reduce(graph, OP_REDUCE_MEAN, x, terms.axes);
        terms.variance = graph_reduce(graph, OP_REDUCE_VARIANCE, x, terms.axes);
    } else {
        terms.mean = per_channel(graph, batchnorm->inputs[3], rank);
        terms.variance = per_channel(graph, batchnorm->inputs[4], rank);
    }
    Node *epsilon = graph_constant(graph, batchnorm->attributes.batchnorm.epsilon);
    terms.rstd = graph_unary(graph, OP_RSQRT, graph_binary(graph, OP_ADD, terms.variance, epsilon));
    return terms;
}

Node *batchnorm_normalized(Graph *graph, const Node *batchnorm, const BatchnormTerms *terms)
{
    Node *x = batchnorm->inputs[0];
    Node *centred = graph_binary(graph, OP_SUBTRACT, x, graph_broadcast(graph, terms->mean, x->shape));
    return graph_binary(graph, OP_MULTIPLY, centred, graph_broadcast(graph, terms->rstd, x->shape));
}

Node *batchnorm_scale(Graph *graph, const BatchnormTerms *terms)
{
    return graph_binary(graph, OP_MULTIPLY, terms->gamma, terms->rstd);
}

Node *batchnorm_shift(Graph *graph, const BatchnormTerms *terms)
{
    Node *moved = graph_binary(graph, OP_MULTIPLY, terms->mean, batchnorm_scale(graph, terms));
    return graph_binary(graph, OP_SUBTRACT, terms->beta, moved);
}
