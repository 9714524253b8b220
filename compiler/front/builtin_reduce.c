/* Reductions. Without axes they give one number; in a loss that is elaborated per row, a mean over everything
 * gives each row its own. */
#include "builtin.h"

#include <math.h>

enum { REDUCE_X, REDUCE_AXES };

/* Whether axis 0 of the node counts the rows of the batch: it comes from the images or the labels. */
static bool comes_from_rows(const Node *node, bool *seen)
{
    if (seen[node->id])
        return false;
    seen[node->id] = true;
    if (node->op == OP_IMAGE || (node->op == OP_VARIABLE && node->variable->kind == HP_INPUT))
        return true;
    for (int i = 0; i < node->input_count; i++)
        if (comes_from_rows(node->inputs[i], seen))
            return true;
    return false;
}

static bool mixes_rows(Elaborator *e, const Node *x, unsigned axes)
{
    if (!e->per_row || !(axes & 1) || x->shape.extents[0] != e->rows)
        return false;
    return comes_from_rows(x, ARENA_ARRAY(e->program->arena, bool, e->graph->nodes.count));
}

static Value report_mixed(Call *call)
{
    report_mixed_rows(call->e, call->span,
                      arena_format(call->e->program->arena, "'%s' reduces over all rows of the batch",
                                   call->builtin->name));
    return value_error();
}

static Value reduce(Call *call, Op op)
{
    Elaborator *e = call->e;
    Value value = call->values[REDUCE_X];
    Node *x = call_node(call, REDUCE_X);
    if (!x)
        return value_error();
    if (value.per_row)
        return op == OP_REDUCE_MEAN ? value : report_mixed(call);
    bool everything = !call_given(call, REDUCE_AXES);
    unsigned axes = (1u << x->shape.rank) - 1;
    if (!everything && !call_axes(call, REDUCE_AXES, x->shape.rank, &axes))
        return value_error();
    if (mixes_rows(e, x, axes)) {
        if (op != OP_REDUCE_MEAN || !everything)
            return report_mixed(call);
        Node *mean = make_reduce(e, op, x, axes & ~1u, call->span);
        Value rows = value_tensor(make_reshape(e, mean, shape_of(1, x->shape.extents), call->span));
        rows.per_row = true;
        return rows;
    }
    Node *result = make_reduce(e, op, x, axes, call->span);
    if (everything && result)
        result = make_reshape(e, result, shape_scalar(), call->span);
    return value_tensor(result);
}

Value reduce_sum(Call *call)
{
    return reduce(call, OP_REDUCE_SUM);
}

Value reduce_mean(Call *call)
{
    return reduce(call, OP_REDUCE_MEAN);
}

Value reduce_max(Call *call)
{
    return reduce(call, OP_REDUCE_MAX);
}

Value reduce_min(Call *call)
{
    call->values[REDUCE_X] =
        arithmetic_map(call->e, OP_NEGATE, value_tensor(call_node(call, REDUCE_X)), call->span);
    return arithmetic_map(call->e, OP_NEGATE, reduce(call, OP_REDUCE_MAX), call->span);
}

Value reduce_variance(Call *call)
{
    return reduce(call, OP_REDUCE_VARIANCE);
}

/* The Euclidean norm. */
Value reduce_norm(Call *call)
{
    Value x = value_tensor(call_node(call, REDUCE_X));
    call->values[REDUCE_X] = arithmetic_op(call->e, OP_MULTIPLY, x, x, call->span);
    return arithmetic_map(call->e, OP_SQRT, reduce(call, OP_REDUCE_SUM), call->span);
}
