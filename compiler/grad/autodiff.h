/* Reverse-mode differentiation over the graph. */
#ifndef HPACC_GRAD_AUTODIFF_H
#define HPACC_GRAD_AUTODIFF_H

#include "../graph/graph.h"

/* Adds to `graph` the nodes that compute seed * d(loss)/d(wrt[i]) and stores them in gradients[i].
 * Requires: topological order; loss has one element. Keeps: all existing nodes. Only nodes on a path from
 * some wrt to the loss get a gradient. gradients[i] is a zero of wrt[i]'s shape when the loss does not depend
 * on it. seed may be NULL (1). */
void autodiff(Graph *graph, Node *loss, Node *seed, int count, Node *const *wrt, Node **gradients);

/* The gradient of a value v as it travels back: whole + slope * (v - mean) + offset, the last three per
 * channel
 * ([1,C,1,1]), mean that of v; all three NULL where there is nothing to put off. A batch norm's gradient is
 * complete only when sums over the batch are; where many of them read one growing concatenation, each hands
 * on what it has at once, so that this is added up in the pass that makes the sums, and the rest once, where
 * a part of the concatenation needs it. */
typedef struct Gradient {
    Node *whole, *slope, *offset, *mean;
} Gradient;

/* Whether a node's rule hands on what is put off. */
bool gradient_can_wait(const Node *node);

/* The rule of one op (rules.c): given node and the gradient of its value, fill gradients[i] for each input i
 * whose `needed[i]` is set. Nothing is put off in `arrived` unless gradient_can_wait(node). */
void gradient_rule(Graph *graph, Node *node, const Gradient *arrived, const bool *needed,
                   Gradient *gradients);

#endif
