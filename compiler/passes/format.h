/* What a format means for loops: the dimensions of a tensor as they lie in memory, from the slowest to the
 * fastest. */
#ifndef HPACC_PASSES_FORMAT_H
#define HPACC_PASSES_FORMAT_H

#include "../../runtime/device/format.h"
#include "../graph/graph.h"

enum { FORMAT_MAX_DIMS = SHAPE_MAX_RANK + 2 };

/* One dimension in memory. An axis in blocks of b has two: the blocks (scale b) and the lanes (scale 1); the
 * index along the axis is the sum of scale times index over its dimensions. */
typedef struct FormatDim {
    int axis;
    int64_t extent, scale, stride; /* stride in elements */
} FormatDim;

/* Fills dims, outermost first; returns their number. */
int format_dims(HpFormat format, Shape shape, FormatDim dims[FORMAT_MAX_DIMS]);

/* The block of an axis: 8, 16, or 1 when the format does not cut it. */
int64_t format_block(HpFormat format, int axis);

/* Where the elements of a tensor lie; channels: of the concatenation that it is a slice of, or 0. */
HpPlaces format_places(HpFormat format, Shape shape, int64_t channels);

int64_t format_count(HpFormat format, Shape shape); /* elements in memory, padding included */
bool format_padded(HpFormat format, Shape shape);

/* Do both formats put every element of this shape at the same place? [N,C,1,1] in whole blocks is plain. */
bool format_same_memory(HpFormat a, HpFormat b, Shape shape);

/* Can a CONCAT's inputs lie where it wants them: each in whole blocks of channels? */
bool format_concat_in_place(const Node *concat);

/* Does a part of a concatenation along the channels that has this node's shape and format lie in one piece? */
bool format_part_in_one_piece(const Node *node);

/* Is the node made by what can write a part of each row, with a gap to the next? */
bool format_makes_part(const Node *node);

/* The concatenation whose memory the node lies in if it can: the first that has its inputs in place, or NULL.
 */
const Node *format_home(const Node *node, const NodeList *uses);

#endif
