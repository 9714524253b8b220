/* The interpreter's parts: each computes one node from its inputs' values, all row-major doubles. */
#ifndef HPACC_GRAPH_INTERPRET_H
#define HPACC_GRAPH_INTERPRET_H

#include "graph.h"

/* Memory for one value; running out is fatal. */
double *interpret_alloc(int64_t count);

/* One elementwise op of numbers. */
double interpret_scalar(Op op, double a, double b, double c);

/* interpret_move.c */
typedef enum Combine { COMBINE_COPY, COMBINE_ADD, COMBINE_MAX } Combine;
void interpret_strides(Shape shape, int64_t *strides);
/* For every index of `shape`: target = combine(target, source), each at its own strides. */
void interpret_walk(Shape shape, const double *source, const int64_t *source_strides, double *target,
                    const int64_t *target_strides, Combine combine);
void interpret_movement(const Node *node, const double *const *inputs, double *value);
void interpret_reduction(const Node *node, const double *x, double *value);

/* interpret_window.c */
void interpret_window(const Node *node, const double *const *inputs, double *value);

/* interpret_product.c */
void interpret_product(const Node *node, const double *const *inputs, double *value);

#endif
