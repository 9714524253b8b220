/* hpacc's command line. */
#ifndef HPACC_OPTIONS_H
#define HPACC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"

typedef enum DumpStage {
    DUMP_NOTHING,
    DUMP_AST,
    DUMP_GRAPH,
    DUMP_LAYOUT,
    DUMP_KERNELS,
    DUMP_PLAN,
    DUMP_SOURCE
} DumpStage;

typedef enum EmitKind {
    EMIT_PROGRAM, /* a trainer and predictor */
    EMIT_SOURCE,  /* only the sources of the program */
    EMIT_LIBRARY  /* a predictor for other programs */
} EmitKind;

typedef enum Precision {
    PRECISION_OF_TARGET, /* bf16 on cuda, fp32 on cpu */
    PRECISION_FP32,
    PRECISION_TF32, /* products of fp32 numbers that are rounded to 10 bits of mantissa */
    PRECISION_BF16,
    PRECISION_FP16
} Precision;

typedef struct Options {
    const char *file;
    const char *dataset;       /* or NULL */
    const char *folder;        /* -o, or NULL */
    const char *choices;       /* --choices, or NULL */
    int64_t size, batch, part; /* 0: the file's */
    const char *archs;         /* --arch, or NULL */
    int64_t memory;            /* bytes the program may take; 0: what it takes */
    bool wants_cuda;           /* --target cuda */
    bool wants_cpu;            /* --target cpu */
    Precision precision;
    bool portable, check, time, tune;
    EmitKind emit;
    DumpStage dump;
} Options;

/* Ends the program with status 2 on a mistake, and with 0 after --help and --version. */
Options options_parse(int argc, char **argv);

const char *precision_name(Precision precision); /* "bf16" */

/* What decides what is written, as a command line: for the header comment of the sources. */
const char *options_command(Arena *arena, const Options *options, const char *target);

#endif
