/* Functions that work element by element; those of a number known when compiling are folded. */
#include "builtin.h"

#include <math.h>

#define MAP(function, OPERATION)                                                                             \
    Value function(Call *call)                                                                               \
    {                                                                                                        \
        return arithmetic_map(call->e, OPERATION, call->values[0], call->span);                              \
    }

MAP(math_exp, OP_EXP)
MAP(math_log, OP_LOG)
MAP(math_sqrt, OP_SQRT)
MAP(math_abs, OP_ABS)
MAP(math_sign, OP_SIGN)
MAP(math_floor, OP_FLOOR)
MAP(math_cos, OP_COS)
MAP(math_sin, OP_SIN)
MAP(math_erf, OP_ERF)
MAP(math_tanh, OP_TANH)
MAP(math_relu, OP_RELU)
MAP(math_sigmoid, OP_SIGMOID)
MAP(math_log_sigmoid, OP_LOG_SIGMOID)
MAP(math_softplus, OP_SOFTPLUS)

static Value combine(Call *call, Op op, Value a, Value b)
{
    return arithmetic_op(call->e, op, a, b, call->span);
}

static Value scale(Call *call, Value a, double factor)
{
    return combine(call, OP_MULTIPLY, a, value_number(factor));
}

static Value shift(Call *call, Value a, double term)
{
    return combine(call, OP_ADD, a, value_number(term));
}

/* max(x, 0) + slope * min(x, 0) */
Value math_leaky_relu(Call *call)
{
    Value x = call->values[0];
    Value below = combine(call, OP_MINIMUM, x, value_number(0));
    return combine(call, OP_ADD, arithmetic_map(call->e, OP_RELU, x, call->span),
                   scale(call, below, call->values[1].number));
}

static Value relu6_of(Call *call, Value x)
{
    return combine(call, OP_MINIMUM, arithmetic_map(call->e, OP_RELU, x, call->span), value_number(6));
}

Value math_relu6(Call *call)
{
    return relu6_of(call, call->values[0]);
}

Value math_silu(Call *call)
{
    Value x = call->values[0];
    return combine(call, OP_MULTIPLY, x, arithmetic_map(call->e, OP_SIGMOID, x, call->span));
}

/* x / 2 * (1 + erf(x / sqrt 2)) */
Value math_gelu(Call *call)
{
    Value x = call->values[0];
    Value error_function = arithmetic_map(call->e, OP_ERF, scale(call, x, sqrt(0.5)), call->span);
    return combine(call, OP_MULTIPLY, scale(call, x, 0.5), shift(call, error_function, 1));
}

static Value hard_sigmoid_of(Call *call, Value x)
{
    return scale(call, relu6_of(call, shift(call, x, 3)), 1.0 / 6);
}

Value math_hard_sigmoid(Call *call)
{
    return hard_sigmoid_of(call, call->values[0]);
}

Value math_hard_swish(Call *call)
{
    return combine(call, OP_MULTIPLY, call->values[0], hard_sigmoid_of(call, call->values[0]));
}

Value math_maximum(Call *call)
{
    return combine(call, OP_MAXIMUM, call->values[0], call->values[1]);
}

Value math_minimum(Call *call)
{
    return combine(call, OP_MINIMUM, call->values[0], call->values[1]);
}

/* Three values of one shape; numbers and vectors take the shape of the largest. */
Value math_select(Call *call)
{
    Elaborator *e = call->e;
    Node *nodes[3], *largest = NULL;
    bool per_row = false;
    if (!e->graph)
        return call->values[call->values[0].number != 0 ? 1 : 2];
    for (int i = 0; i < 3; i++) {
        nodes[i] = call_node(call, i);
        if (!nodes[i])
            return value_error();
        per_row |= call->values[i].per_row;
        if (!largest || nodes[i]->shape.rank > largest->shape.rank)
            largest = nodes[i];
    }
    for (int i = 0; i < 3; i++) {
        if (nodes[i]->shape.rank == 0)
            nodes[i] = graph_broadcast(e->graph, nodes[i], largest->shape);
        else if (nodes[i]->shape.rank == 1 && largest->shape.rank > 1 &&
                 nodes[i]->shape.extents[0] == largest->shape.extents[1])
            nodes[i] = broadcast_like(e, nodes[i], largest);
    }
    Value result = value_tensor(make_node(e, OP_SELECT, 3, nodes, NULL, call->span));
    result.per_row = per_row;
    return result;
}

/* ---------------------------------------------------------------- along one axis */

/* x - max(x): the largest exponent is 0, so nothing overflows. */
static Node *shifted_below_zero(Call *call, unsigned *axes)
{
    Elaborator *e = call->e;
    Node *x = call_node(call, 0);
    int axis;
    if (!x || !call_axis(call, 1, x->shape.rank, &axis))
        return NULL;
    *axes = 1u << axis;
    Node *largest = make_reduce(e, OP_REDUCE_MAX, x, *axes, call->span);
    return largest ? make_binary(e, OP_SUBTRACT, x, graph_broadcast(e->graph, largest, x->shape), call->span)
                   : NULL;
}

Value math_softmax(Call *call)
{
    Elaborator *e = call->e;
    unsigned axes = 0;
    Node *shifted = shifted_below_zero(call, &axes);
    Node *power = shifted ? make_unary(e, OP_EXP, shifted, call->span) : NULL;
    Node *sum = power ? make_reduce(e, OP_REDUCE_SUM, power, axes, call->span) : NULL;
    if (!sum)
        return value_error();
    return value_tensor(
        make_binary(e, OP_DIVIDE, power, graph_broadcast(e->graph, sum, power->shape), call->span));
}

Value math_log_softmax(Call *call)
{
    Elaborator *e = call->e;
    unsigned axes = 0;
    Node *shifted = shifted_below_zero(call, &axes);
    Node *power = shifted ? make_unary(e, OP_EXP, shifted, call->span) : NULL;
    Node *sum = power ? make_reduce(e, OP_REDUCE_SUM, power, axes, call->span) : NULL;
    Node *log_sum = sum ? make_unary(e, OP_LOG, sum, call->span) : NULL;
    if (!log_sum)
        return value_error();
    return value_tensor(
        make_binary(e, OP_SUBTRACT, shifted, graph_broadcast(e->graph, log_sum, shifted->shape), call->span));
}
