/* Products as the library sees them. */
#ifndef HPACC_PASSES_LIBRARY_H
#define HPACC_PASSES_LIBRARY_H

#include "../graph/graph.h"

/* From now on products of f32 operands may round them to tf32. */
void library_allow_tf32(void);

/* The call for a CONTRACTION or REORDER node in the formats and types its nodes have now; HP_FORMAT_COUNT
 * leaves one open. */
HpLibraryCall *library_describe(Arena *arena, const Node *node);

/* Is `node` something added to each channel of a product's result? */
bool library_is_bias(const Node *product, const Node *node);

/* The axes that statistics of a channel are over: all others of [N,C,H,W]. */
enum { LIBRARY_PIXELS = 0xd };

/* Fills open formats, algorithm and scratchpad; false when the library cannot run it. */
bool library_accepts(HpLibraryCall *call);

/* Multiplications and additions of a product; 0 for a reorder. */
double library_flops(const HpLibraryCall *call);

#endif
