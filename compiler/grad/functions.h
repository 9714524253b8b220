/* The functions of a program as graphs: the only place that knows what a training step, an update, an
 * evaluation and a prediction consist of. */
#ifndef HPACC_GRAD_FUNCTIONS_H
#define HPACC_GRAD_FUNCTIONS_H

#include "../front/program.h"

typedef struct Function {
    const char *name; /* "train_head": also the C function's name */
    HpFunctionKind kind;
    Graph *graph;
} Function;

typedef struct FunctionList {
    Function *items;
    size_t count, capacity;
} FunctionList;

/* One train and one update function per distinct (trained set, statistics policy, loss), then evaluate,
 * predict and one function per schedule; fills in the indices of each Stage's table. Prepare is made later,
 * by passes/hoist.c. */
FunctionList functions_build(Program *program);

#endif
