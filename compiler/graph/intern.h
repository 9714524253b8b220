/* Hash-consing: the first of all nodes that compute the same value. */
#ifndef HPACC_GRAPH_INTERN_H
#define HPACC_GRAPH_INTERN_H

#include "graph.h"

typedef struct NodeTable NodeTable;

NodeTable *node_table_new(Arena *arena);

/* The node of the table that has the same op, attributes, shape, variable and inputs; else `node`, which is
 * added. */
Node *node_table_intern(NodeTable *table, Node *node);

/* That node, or NULL: nothing is added. */
Node *node_table_find(const NodeTable *table, const Node *node);

#endif
