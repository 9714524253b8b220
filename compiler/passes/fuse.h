/* Shared by the files of the fuse pass: fuse.c (what is stored), cluster.c (what shares a kernel), library.c
 * (what a library takes over) and schedule.c (steps, their order, their buffers). */
#ifndef HPACC_PASSES_FUSE_H
#define HPACC_PASSES_FUSE_H

#include "format.h"
#include "passes.h"

typedef enum Role {
    ROLE_INLINE,     /* a constant or a scalar: never in memory on its own */
    ROLE_SOURCE,     /* a variable with memory */
    ROLE_KERNEL,     /* computed in generated loops, stored or inside its consumers */
    ROLE_LIBRARY,    /* a product, or its last epilogue node */
    ROLE_ABSORBED,   /* inside a library step */
    ROLE_STATISTICS, /* over a product's result: sums that its library step stores as well */
    ROLE_ALIAS,      /* a view of its stored input */
    ROLE_JOIN,       /* a concatenation whose stored inputs are views of it */
    ROLE_IMAGE       /* the sampling kernel */
} Role;

/* A stored value that an expression reads. pointwise: element i makes element i. */
typedef struct Leaf {
    int id;
    bool pointwise;
} Leaf;
typedef LIST(Leaf) LeafList;

/* Nodes that become one step. */
typedef struct Cluster {
    StepKind kind;
    int index;
    NodeList nodes; /* the stored nodes it makes, topological; of a library step the result, then its sums */
    Shape domain;   /* kernels: what the loops run over */
    unsigned axes;  /* of its reductions, or 0 */
    int level;
    LeafList loads;   /* stored nodes of other clusters that it reads */
    uint64_t *before; /* bit set of the clusters it depends on */
} Cluster;

typedef struct Fusion {
    Arena *arena;
    Graph *graph;
    size_t count; /* nodes */
    NodeList *uses;
    Role *role;
    bool *stored;          /* the node has a buffer */
    bool *kept;            /* a result or an update needs it */
    bool *after_reduction; /* small, computed when a reduction of the same level is complete */
    int *level;            /* see level_nodes() */
    LeafList *leaves;      /* of the node's own expression */
    HpLibraryCall **calls; /* of the last node of each library step */
    NodeList *operands;    /* likewise: a, b, bias, addend; NULL where there is none */
    NodeList *statistics;  /* likewise: the sum of its pixels and that of their squares, or empty */
    LIST(Cluster *) clusters;
    Cluster **cluster_of;
} Fusion;

/* library.c: finds the products, absorbs their epilogues, fills calls and operands. */
void fusion_match_libraries(Fusion *fusion);

/* cluster.c: groups stored nodes. */
void fusion_cluster(Fusion *fusion);

/* schedule.c */
Schedule *fusion_schedule(Fusion *fusion);

/* Facts about nodes. */
int64_t node_bytes(const Node *node);
Shape node_domain(const Node *node); /* the shape its loops run over */
bool node_is_pointwise(
    const Node *node); /* element i of each input makes element i: also reshapes that move axes of 1 */
bool shape_equal_squeezed(Shape a, Shape b); /* without axes of extent 1 */
bool node_is_costly(const Node *node);       /* worth a load rather than computing it again */
Leaf *leaf_find(const LeafList *list, int id);
void leaf_add(Arena *arena, LeafList *list, int id, bool pointwise); /* joins with an equal one */

#endif
