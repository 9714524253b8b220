/* Shared by the files of the recompute pass: recompute_choice.c (what is kept, what is computed again) and
 * recompute.c (the rewritten graph). */
#ifndef HPACC_PASSES_RECOMPUTE_H
#define HPACC_PASSES_RECOMPUTE_H

#include "passes.h"

/* What becomes of a node for the backward pass. */
typedef enum Fate {
    FATE_BACKWARD, /* belongs to it */
    FATE_FREE,     /* may be read at any time: a variable, a number, a small value */
    FATE_INLINE,   /* has no memory: computed wherever it is used */
    FATE_KEPT,
    FATE_AGAIN
} Fate;

/* A forward value of some size that has memory of its own. */
typedef struct Value {
    Node *node;
    int64_t bytes;
    double cost;      /* of computing it once more, in bytes that memory could have moved meanwhile */
    bool needed;      /* the backward pass reads it */
    int last_user;    /* the last value made of it, or -1 */
    LIST(int) inputs; /* the values it is made of */
} Value;

typedef struct Recompute {
    Arena *arena;
    const Schedule *schedule;
    size_t count;       /* nodes */
    Fate *fate;         /* by id */
    LIST(Value) values; /* in the order of the graph */
    int *value_of;      /* by id: index in values, or -1 */
} Recompute;

/* Finds the values and their fates when all are kept; false: this graph has no backward pass. */
bool recompute_examine(Recompute *recompute);

/* Sets the fates: the cheapest choice that frees `wanted` bytes or, when there is none, the one that frees
 * most. Returns the bytes it frees, an estimate. */
int64_t recompute_choose(Recompute *recompute, int64_t wanted);

/* The bytes to ask for so that the clones take 1.5 % of the time of all steps, by the same estimate. */
int64_t recompute_cheap(Recompute *recompute);

#endif
