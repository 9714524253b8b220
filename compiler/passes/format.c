#include "format.h"

/* Slowest first; of equal strides the dimension of extent 1 is the inner one. */
static bool lies_outside(const FormatDim *a, const FormatDim *b)
{
    return a->stride != b->stride ? a->stride > b->stride : a->extent != 1 && b->extent == 1;
}

int format_dims(HpFormat format, Shape shape, FormatDim dims[FORMAT_MAX_DIMS])
{
    HpPlaces places = hp_format_places(format, shape.rank, shape.extents);
    int count = 0;
    for (int pass = 0; pass < 2; pass++) /* whole axes and blocks, then lanes */
        for (int axis = 0; axis < shape.rank; axis++) {
            int64_t block = places.block[axis], extent = shape.extents[axis];
            if (pass == 1 && block == 1)
                continue;
            FormatDim dim = {axis, (extent + block - 1) / block, block, places.stride[axis]};
            if (pass == 1)
                dim = (FormatDim){axis, block, 1, places.inner_stride[axis]};
            int at = count++;
            for (; at > 0 && lies_outside(&dim, &dims[at - 1]); at--)
                dims[at] = dims[at - 1];
            dims[at] = dim;
        }
    return count;
}

int64_t format_block(HpFormat format, int axis)
{
    return format == HP_FORMAT_PLAIN ? 1 : hp_format_places(format, 4, (int64_t[]){1, 1, 1, 1}).block[axis];
}

int64_t format_count(HpFormat format, Shape shape)
{
    shape_count(shape); /* an overflow is an internal error */
    return hp_format_places(format, shape.rank, shape.extents).count;
}

bool format_padded(HpFormat format, Shape shape)
{
    return format_count(format, shape) != shape_count(shape);
}

HpPlaces format_places(HpFormat format, Shape shape, int64_t channels)
{
    if (channels)
        shape.extents[1] = channels;
    return hp_format_places(format, shape.rank, shape.extents);
}

/* The dimensions without those of extent 1, and lanes joined with their blocks where they follow each other.
 */
static int canonical_dims(HpFormat format, Shape shape, FormatDim dims[FORMAT_MAX_DIMS])
{
    FormatDim all[FORMAT_MAX_DIMS];
    int total = format_dims(format, shape, all), count = 0;
    for (int i = 0; i < total; i++) {
        if (all[i].extent == 1)
            continue;
        FormatDim *before = count ? &dims[count - 1] : NULL;
        if (before && before->axis == all[i].axis && before->scale == all[i].scale * all[i].extent)
            *before = (FormatDim){all[i].axis, before->extent * all[i].extent, all[i].scale, all[i].stride};
        else
            dims[count++] = all[i];
    }
    return count;
}

bool format_same_memory(HpFormat a, HpFormat b, Shape shape)
{
    if (a == b)
        return true;
    if (format_padded(a, shape) || format_padded(b, shape))
        return false;
    FormatDim da[FORMAT_MAX_DIMS], db[FORMAT_MAX_DIMS];
    int count = canonical_dims(a, shape, da);
    if (count != canonical_dims(b, shape, db))
        return false;
    for (int i = 0; i < count; i++)
        if (da[i].axis != db[i].axis || da[i].extent != db[i].extent || da[i].scale != db[i].scale)
            return false;
    return true;
}

bool format_concat_in_place(const Node *concat)
{
    int axis = concat->attributes.concat;
    if (axis != 1)
        return false;
    int64_t block = concat->shape.rank == 4 ? format_block(concat->format, 1) : 1;
    for (int i = 0; i < concat->input_count; i++)
        if (concat->inputs[i]->shape.extents[1] % block)
            return false;
    return true;
}

bool format_part_in_one_piece(const Node *node)
{
    int64_t pieces = node->shape.extents[0];
    for (int i = 2; i < node->shape.rank && node->format == HP_FORMAT_NHWC; i++)
        pieces *= node->shape.extents[i];
    return pieces == 1;
}

bool format_makes_part(const Node *node)
{
    switch (op_table[node->op].class) {
    case CLASS_ELEMENTWISE:
    case CLASS_WINDOW: return true;
    case CLASS_REDUCTION: return node->shape.extents[0] == 1;
    default: return node->op == OP_SLICE || node->op == OP_CONCAT;
    }
}

const Node *format_home(const Node *node, const NodeList *uses)
{
    for (size_t i = 0; i < uses[node->id].count; i++) {
        const Node *user = uses[node->id].items[i];
        if (user->op == OP_CONCAT && user->format == node->format && format_concat_in_place(user))
            return user;
    }
    return NULL;
}
