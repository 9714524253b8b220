/* Runs a graph as generated code and compares every tensor it stores with the interpreter: for the CPU, or
 * for CUDA on the emulator of tests/simt, where every step runs in three orders of threads that have to give
 * the same bits, and touches nothing but its operands. */
#ifndef HPANET_TESTS_CODEGEN_HARNESS_H
#define HPANET_TESTS_CODEGEN_HARNESS_H

#include "compiler/kernel/kernel.h"
#include "compiler/passes/passes.h"

enum { HARNESS_SEED = 7 }; /* of the variables' values and of random numbers */

typedef struct HarnessOptions {
    const char *optimise;                       /* for the C compiler: "-O1" */
    double tolerance;                           /* of each step alone; of the whole run, 100 times as much */
    double floor;                               /* errors count against max|r|, or this if it is larger */
    void (*after_layout)(Graph *);              /* may change formats; NULL: nothing */
    int64_t wanted;                             /* bytes that recompute shall free; 0: it does not run */
    void (*fill)(Interpreter *, const Graph *); /* gives the variables their values; NULL: random_fill() */
} HarnessOptions;

typedef enum HarnessError {
    HARNESS_KERNEL,
    HARNESS_PRODUCT,
    HARNESS_UNITS, /* of either, where 16 bits are stored: in units of the last place */
    HARNESS_RUN,   /* of a whole run */
    HARNESS_ERRORS
} HarnessError;

typedef struct Harness {
    HarnessOptions options;
    Arena *arena;
    Graph *graph;
    Schedule *schedule;
    KernelSet *kernels;
    Interpreter *interpreter;
    double **start;   /* the variables before the run, row-major; NULL: the graph does not use it */
    int64_t *offsets; /* of the variables */
    int64_t variable_bytes;
    char *memory, *first_memory; /* the latter: as the first order of threads left it */
    HpContext context;
    const char *folder; /* of generated files, removed by harness_free */
    void *library;
    double worst[HARNESS_ERRORS]; /* largest error found */
} Harness;

/* In a test's main(): HPANET_TARGET=cuda and, with it, HPANET_PRECISION=bf16 or fp16. */
void harness_choose_target(void);

/* Precision, layout, fusion, kernels, plan; compiled with -Wall -Werror. */
Harness *harness_new(Graph *graph, HarnessOptions options);

/* Fusion, kernels, plan; with `wanted`, of what recompute makes of the graph to free so many bytes. */
Schedule *harness_schedule(Graph *graph, int64_t wanted);

/* Each step alone, fed the interpreter's values as they are stored: every element within tolerance * max|r|
 * of its tensor, every padded element zero. What is stored in 16 bits is within 2 units of the last place
 * besides. */
void harness_check_steps(Harness *harness);

/* The whole function once in its own memory: each step finds its operands as they were made, to the bit. In
 * f32 results and updated variables are the interpreter's, besides. */
void harness_check_run(Harness *harness);

/* All three on a fresh graph; the graph may hold BATCHNORM nodes. */
void harness_check(Graph *graph, HarnessOptions options);

/* Where a buffer begins, in bytes from the start of the memory. */
int64_t harness_place(const Harness *harness, const Buffer *buffer);

void harness_free(Harness *harness);

int harness_kernel_steps(const Harness *harness);

/* Runs one step, for timing. */
void harness_run_step(Harness *harness, const Step *step);

#endif
