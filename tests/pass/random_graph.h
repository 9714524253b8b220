/* Random graphs, for tests that hold whatever the graph is. */
#ifndef HPANET_TESTS_RANDOM_GRAPH_H
#define HPANET_TESTS_RANDOM_GRAPH_H

#include "compiler/graph/graph.h"

typedef enum RandomKind {
    RANDOM_SMOOTH, /* only ops with a derivative everywhere, no composites: for finite differences */
    RANDOM_TRAIN,  /* every op; batch norms of batch statistics, some of which move the running ones */
    RANDOM_INFER   /* every op; batch norms of running statistics behind convolutions */
} RandomKind;

/* The same seed gives the same graph, with variables of its own. Results are "r0", "r1", ... */
Graph *random_graph(Arena *arena, RandomKind kind, uint32_t seed, int steps);

/* Numbers that depend on the seed and the variable's name alone; what is a variance is positive. */
void random_fill(Interpreter *interpreter, const Variables *variables, uint32_t seed);

/* max|a - r| / max|r|; 0 when both are all zero. A NaN in one alone is an infinite error. */
double random_error(const double *a, const double *r, int64_t count);

#endif
