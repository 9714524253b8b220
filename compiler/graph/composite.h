/* Composite ops in primitives. Expansion and differentiation build the same nodes, so that CSE joins them. */
#ifndef HPACC_GRAPH_COMPOSITE_H
#define HPACC_GRAPH_COMPOSITE_H

#include "graph.h"

typedef struct BatchnormTerms { /* each [1, C, 1, 1], one axis per axis of x */
    unsigned axes;              /* all but the channel's */
    Node *gamma, *beta;
    Node *mean, *variance; /* this batch's (biased), or the running ones */
    Node *rstd;            /* 1 / sqrt(variance + epsilon) */
} BatchnormTerms;

BatchnormTerms batchnorm_terms(Graph *graph, const Node *batchnorm);

/* (x - mean) * rstd, of x's shape */
Node *batchnorm_normalized(Graph *graph, const Node *batchnorm, const BatchnormTerms *terms);

/* With running statistics: y = x * scale + shift, both [1, C, 1, 1]. */
Node *batchnorm_scale(Graph *graph, const BatchnormTerms *terms);
Node *batchnorm_shift(Graph *graph, const BatchnormTerms *terms);

#endif
