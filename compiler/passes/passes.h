/* The passes, in the order main.c runs them. Each is one function on one graph; its contract is the line
 * above it. The pipeline verifies the graph after every one of them. */
#ifndef HPACC_PASSES_PASSES_H
#define HPACC_PASSES_PASSES_H

#include "../graph/graph.h"
#include "schedule.h"

/* requires nothing; keeps values; removes constant arithmetic, identities, equal nodes (CSE) and dead nodes;
 * lets a concatenation hold the one it begins with, and reduces the parts of one each on its own */
void pass_fold(Graph *graph);

/* requires BATCHNORM nodes with running statistics; makes their convolutions' weights carry them (predict,
 * evaluate); keeps values up to rounding */
void pass_fold_batchnorm(Graph *graph);

/* requires nothing; breaks COMPOSITE nodes into primitives; adds updates of running statistics */
void pass_expand(Graph *graph);

/* requires the graphs of evaluate and predict; moves what depends on parameters alone into a new function
 * "prepare" that writes HP_DERIVED variables; returns that graph */
Graph *pass_hoist(Arena *arena, Variables *variables, Graph *const *graphs, size_t count);

/* For targets whose products take 16 bits: of train, evaluate and predict, behind hoist. Requires no COMPOSITE
 * nodes; keeps values but for what storing rounds; stores activations, their gradients and all operands of
 * products as `low` (f16, bf16): products read a HP_COPY variable instead of a parameter, derived weights
 * become low. Parameters, statistics, losses, results and matrix products that no product reads stay f32. */
void pass_precision(Graph *graph, HpDataType low);

/* requires that pass_precision has seen all functions it is for; of an update, and of prepare (`all`): writes
 * the copies of the parameters that the graph changes, or of all parameters */
void pass_precision_copies(Graph *graph, bool all);

/* requires element types; keeps values; convolutions of 16-bit numbers get channels in multiples of what the target's
 * library takes, by zeros behind them */
void pass_align(Graph *graph);

/* requires no COMPOSITE nodes; sets node->format and variable->format, adds REORDER nodes where formats meet.
 * Variables keep the format that the first graph chose. */
void pass_layout(Graph *graph);

/* requires formats; keeps values up to rounding; a convolution's batch statistics become what the sums are of that
 * its library gives with it, where that saves reading the result once more */
void pass_statistics(Graph *graph);

/* requires formats; keeps the graph; groups its nodes into steps (fused kernels, library calls, aliases) */
Schedule *pass_fuse(Graph *graph);

/* requires a schedule; keeps its order; lets a step write over an input that dies there, a concat's inputs
 * write into its slices, and gives every buffer of the function an offset in the shared arena, small ones
 * of launched kernels one of their own. Returns the arena's bytes. */
int64_t pass_plan(Schedule *schedule);

/* requires a planned schedule; returns a copy of its graph whose backward pass computes forward values again
 * instead of keeping them: the cheapest choice that frees `wanted` bytes, or the one that frees most, or what
 * takes next to no time; keeps values. *saved is the estimate of what it frees; NULL: there is nothing to free
 */
enum { RECOMPUTE_CHEAP = -1 };
Graph *pass_recompute(const Schedule *schedule, int64_t wanted, int64_t *saved);

/* Offsets for all variables that have memory; returns the bytes they take. Derived values and gradients lie in
 * one place: a training step overwrites what "prepare" has derived. Run before the functions' arena. */
int64_t pass_plan_variables(Variables *variables, int64_t *offsets);

#endif
