/* Reverse-mode differentiation over the graph. */
#ifndef HPACC_GRAD_AUTODIFF_H
#define HPACC_GRAD_AUTODIFF_H

#include "../graph/graph.h"

/* Adds to `graph` the nodes that compute seed * d(loss)/d(wrt[i]) and stores them in gradients[i].
 * Requires: topological order; loss has one element. Keeps: all existing nodes. Only nodes on a path from some wrt to
 * the loss get a gradient. gradients[i] is a zero of wrt[i]'s shape when the loss does not depend on it.
 * seed may be NULL (1). */
void autodiff(Graph *graph, Node *loss, Node *seed, int count, Node *const *wrt, Node **gradients);

/* The rule of one op (rules.c): given node and the gradient of its value, fill gradients[i] for each input i whose
 * `needed[i]` is set. */
void gradient_rule(Graph *graph, Node *node, Node *gradient, const bool *needed, Node **gradients);

#endif
