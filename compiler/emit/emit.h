/* What hpacc writes: C sources that a person can read, and the program or library made of them. */
#ifndef HPACC_EMIT_EMIT_H
#define HPACC_EMIT_EMIT_H

#include "../front/program.h"
#include "../grad/functions.h"
#include "../kernel/kernel.h"
#include "../passes/schedule.h"
#include "../target/target.h"

/* A library call that several steps, also of different functions, may share: they differ in pointers alone.
 */
typedef struct Product {
    const char *name; /* the C variable: "convolution_3" */
    HpLibraryCall *call;
} Product;

/* Everything the sources say. The pipeline fills it; emit only prints. */
typedef struct Emission {
    Arena *arena;
    Program *program;
    FunctionList functions;
    Schedule **schedules; /* one per function */
    KernelSet *kernels;
    int64_t variable_bytes; /* the variables come first in memory, then the arena that all functions share */
    int64_t arena_bytes;
    const int64_t *variable_offsets; /* by Variable.index */
    const char *command;             /* for the header comment: what made these files */
    const char *isa;                 /* "avx512", "sm_90a" */
    const char *precision;           /* "bf16"; NULL: the target has one */
    const char *library;             /* "oneDNN 2.6.3", or NULL for portable sources */
    int threads;                     /* 0 for portable sources and for a GPU */
    LIST(Product) products;          /* filled by emit_products_collect() */
    ArchitectureList archs;          /* that kernels are compiled for */
} Emission;

/* Writes model.c, model.h, functions.c, kernels.h and products.c to `folder`, which is made when missing. */
void emit_sources(const Emission *emission, const char *folder);
/* Beside them: main.c of a program, */
void emit_main(const Emission *emission, const char *folder);
/* or NAME.h and library.c of a shared library. */
void emit_library(const Emission *emission, const char *folder);

/* The files of a target that launches its kernels: kernels.cu, kernels.h and a binary for each of `archs`.
 * headers: the folder of the runtime's headers. */
void emit_cuda(const Emission *emission, const char *folder, const char *headers);
void emit_kernel_table(Text *out, const Emission *emission); /* what model.c embeds of them */

/* Names the library calls of all schedules; before anything is printed. */
void emit_products_collect(Emission *emission);

/* ---- the parts, each a text ---- */

void emit_products(Text *out, const Emission *emission);
const char *emit_product_name(const Emission *emission, const HpLibraryCall *call);
void emit_functions(Text *out, const Emission *emission);
void emit_function_tables(Text *out, const Emission *emission); /* HpStep, HpResult and HpFunction rows */
void emit_model(Text *out, const Emission *emission);
void emit_recipe(Text *out, const Emission *emission); /* groups, stages, split, weights */
void emit_dataset(Text *out, const HpDataset *dataset);

/* ---- helpers of the printers ---- */

/* A file that begins with what it is and what made it. */
Text emit_begin(const Emission *emission, const char *what);
void emit_file(const Emission *emission, const char *folder, const char *name, const Text *text);

/* "body.layer1.0.conv1" as a C name: body_layer1_0_conv1; words of C get a '_'. */
const char *emit_identifier(Arena *arena, const char *path);

/* `text` cut at spaces into lines of at most 110 columns, the first after `first`, the others after `next`.
 */
void emit_wrapped(Text *out, const char *first, const char *next, const char *text);

/* A quoted string, or NULL. */
void emit_string(Text *out, const char *value);
/* The same for text of many lines, a line each. */
void emit_long_string(Text *out, const char *value);
/* `static const char *const NAME[] = {"a", "b"};`; nothing for count 0. */
void emit_strings(Text *out, const char *name, int count, const char *const *values);
/* The initializer of a table that may be empty: NAME, or NULL. */
const char *emit_table(int64_t count, const char *name);
void emit_numbers(Text *out, int count, const int64_t *values); /* {1, 2} */

/* "NHWC": what stands behind HP_FORMAT_ */
const char *emit_format(HpFormat format);
/* "F32": what stands behind HP_ */
const char *emit_data_type(HpDataType type);

/* Aliases do nothing and have no number. */
bool emit_is_executed(const Step *step);

/* Whether a variable has a place in memory. */
bool emit_has_memory(const Variable *variable);

#endif
