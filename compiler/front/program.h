/* Program: what a .hpanet file says, with every name resolved and every constant known. Elaboration turns its
 * network, losses, update rules and schedules into graphs, as often as a function needs one. */
#ifndef HPACC_FRONT_PROGRAM_H
#define HPACC_FRONT_PROGRAM_H

#include "../../runtime/hpart.h"
#include "../graph/graph.h"
#include "ast.h"

typedef struct ProgramOptions {
    const char *dataset; /* --dataset: overrides the file's, or NULL */
    const char *models;  /* folder of the shipped files, searched after the using file's own; or NULL */
    int64_t image_size;  /* --size: 0 keeps the file's */
    int64_t batch, part; /* --batch: 0 keeps the file's */
    bool scales_loss;    /* gradients are kept times a scalar "loss_scale": in fp16 small ones would be 0 */
} ProgramOptions;

typedef struct Stage { /* one stage statement; the implied single stage when the file has none */
    const char *name;
    Span span;
    bool *trains;           /* per Variable.index of a HP_PARAMETER variable */
    bool *moves_statistics; /* per Variable.index of a HP_STATISTIC variable */
    int loss;               /* index of the training loss in Program.losses */
    bool per_part;          /* a loss that mixes rows may do so within each part of a batch */
    int validation;         /* likewise */
    Variable **rates; /* per group: the scalar with its learning rate or peak; NULL: the group is frozen */
    int schedule;     /* index in Program.schedules, or -1: the rates are constant */
    int64_t batch;    /* Program.part divides it */
    HpStage table;    /* what the runtime needs; its indices are filled by functions_build() */
} Stage;

typedef struct LossUse { /* a loss expression of the recipe; equal expressions share one */
    const char *name;    /* "loss", "validate" */
    Expression *expression;
} LossUse;

typedef struct ScheduleUse {
    const Definition *definition;
    Expression *call;
    const char *name; /* prefix of its scalars: "stage.depth.schedule" */
} ScheduleUse;

typedef struct Program {
    Arena *arena;
    Diagnostics *diagnostics;
    const char *name; /* file name without .hpanet */
    const char *source;
    HpDataset *dataset;
    int64_t image_size, batch, part; /* part divides batch */
    Variables *variables;            /* filled by the first elaboration of the network */
    LIST(HpGroup) groups;
    LIST(LossUse) losses;
    LIST(ScheduleUse) schedules;
    LIST(Stage *) stages;
    LIST(HpWeights) weights;
    HpSplit split;
    bool normalize;
    bool scales_loss;
    struct Front *front; /* private to front/ */
} Program;

/* Position of a HP_SCALAR variable among HpModel.scalars: they are the HP_SCALAR variables in their order. */
int program_scalar(const Program *program, const Variable *variable);

/* Can all batches be cut into parts of so many images? */
bool program_part_divides(const Program *program, int64_t part);

/* Parses the file and all it uses, resolves and checks everything (the network is elaborated once to do so).
 * Never returns with errors: they are printed and the program ends with status 1. */
Program *program_load(Arena *arena, Diagnostics *diagnostics, const char *path,
                      const ProgramOptions *options);

/* Only the dataset block of a file: what hpadata links. */
HpDataset *program_load_dataset(Arena *arena, Diagnostics *diagnostics, const char *path);
HpDataset *program_read_dataset(Arena *arena, Diagnostics *diagnostics, const SourceFile *file);

/* The recipe with every default written out, as text that parses again. */
const char *program_recipe(Program *program);

/* ---- elaboration: each call adds nodes to `graph` ---- */

typedef enum NetworkMode { NETWORK_TRAIN, NETWORK_INFER } NetworkMode;

/* The network at `rows` images. TRAIN: dropout is active and batch norms follow the stage's statistics
 * policy; INFER: running statistics, no dropout. Returns the scope in which losses are elaborated. */
struct Scope *elaborate_network(Program *program, Graph *graph, int64_t rows, NetworkMode mode,
                                const Stage *stage);
Node *scope_value(struct Scope *scope, const char *name); /* a value bound in network { }: "logits" */
Node *scope_logits(struct Scope *scope);                  /* what predictions are made of */

/* The loss as a rank-0 node; per_row: as [rows], each row's own value (the mean over rows is the loss). */
Node *elaborate_loss(Program *program, Graph *graph, struct Scope *scope, int loss, bool per_row);

/* The update rule for one parameter: adds the updates of the parameter and its states to the graph. */
void elaborate_update(Program *program, Graph *graph, const Stage *stage, Variable *parameter,
                      Node *gradient);

/* The schedule's results ("lr", ...) from the scalars "schedule.t", "schedule.T", "schedule.peak". */
void elaborate_schedule(Program *program, Graph *graph, int schedule);

#endif
