/* Between which bounds a node's values lie, as far as its arithmetic tells: enough to warn where a log, a
 * division or a power may meet 0. Bounds follow the formulas in real numbers. */
#include "elaborate.h"

#include <math.h>
#include <string.h>

typedef struct Range {
    double low, high;
} Range;

enum { DEEPEST_LOOK = 24 };

static const Range ANYTHING = {-INFINITY, INFINITY};

static Range range_of(const Node *node, int depth);

/* The trainer keeps these; every other scalar is judged by its default. */
static Range range_of_variable(const Variable *variable)
{
    const char *name = variable->name;
    if (variable->kind == HP_INPUT && !strcmp(name, "labels"))
        return (Range){0, 1};
    if (variable->kind != HP_SCALAR)
        return ANYTHING;
    if (!strcmp(name, "schedule.T") || !strncmp(name, "step.", 5))
        return (Range){1, INFINITY};
    if (!strncmp(name, "schedule.", 9) || !strncmp(name, "lr.", 3))
        return (Range){0, INFINITY};
    return (Range){variable->value, variable->value};
}

static double product(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

static Range range_multiply(Range a, Range b)
{
    double corners[] = {product(a.low, b.low), product(a.low, b.high), product(a.high, b.low),
                        product(a.high, b.high)};
    Range range = {corners[0], corners[0]};
    for (int i = 1; i < 4; i++) {
        range.low = fmin(range.low, corners[i]);
        range.high = fmax(range.high, corners[i]);
    }
    return range;
}

static Range range_power(Range base, Range exponent)
{
    if (exponent.low == exponent.high && fmod(exponent.low, 2) == 0) {
        double low = base.low <= 0 && base.high >= 0 ? 0 : fmin(fabs(base.low), fabs(base.high));
        double high = fmax(fabs(base.low), fabs(base.high));
        return exponent.low >= 0 ? (Range){pow(low, exponent.low), pow(high, exponent.low)}
                                 : (Range){0, INFINITY};
    }
    if (base.low < 0)
        return ANYTHING;
    if (base.high <= 1 && exponent.low >= 0)
        return (Range){pow(base.low, exponent.high), pow(base.high, exponent.low)};
    return (Range){0, INFINITY};
}

static Range range_binary(Op op, Range a, Range b)
{
    switch (op) {
    case OP_ADD: return (Range){a.low + b.low, a.high + b.high};
    case OP_SUBTRACT: return (Range){a.low - b.high, a.high - b.low};
    case OP_MULTIPLY: return range_multiply(a, b);
    case OP_DIVIDE:
        return b.low > 0 || b.high < 0 ? range_multiply(a, (Range){1 / b.high, 1 / b.low}) : ANYTHING;
    case OP_POWER: return range_power(a, b);
    case OP_MAXIMUM: return (Range){fmax(a.low, b.low), fmax(a.high, b.high)};
    case OP_MINIMUM: return (Range){fmin(a.low, b.low), fmin(a.high, b.high)};
    default: return (Range){0, 1}; /* comparisons */
    }
}

static Range range_unary(Op op, Range a)
{
    switch (op) {
    case OP_NEGATE: return (Range){-a.high, -a.low};
    case OP_EXP: return (Range){exp(a.low), exp(a.high)};
    case OP_LOG: return (Range){a.low > 0 ? log(a.low) : -INFINITY, a.high > 0 ? log(a.high) : INFINITY};
    case OP_SQRT: return (Range){a.low > 0 ? sqrt(a.low) : 0, a.high > 0 ? sqrt(a.high) : INFINITY};
    case OP_RSQRT: return (Range){0, INFINITY};
    case OP_ABS:
        return (Range){a.low > 0 ? a.low : a.high < 0 ? -a.high : 0, fmax(fabs(a.low), fabs(a.high))};
    case OP_RELU: return (Range){fmax(a.low, 0), fmax(a.high, 0)};
    case OP_SIGMOID: return (Range){0, 1};
    case OP_LOG_SIGMOID: return (Range){-INFINITY, 0};
    case OP_SOFTPLUS: return (Range){0, INFINITY};
    case OP_SIGN:
    case OP_COS:
    case OP_SIN:
    case OP_TANH:
    case OP_ERF: return (Range){-1, 1};
    default: return ANYTHING;
    }
}

static double reduced_count(const Node *node)
{
    return (double)shape_count(node->inputs[0]->shape) / (double)shape_count(node->shape);
}

/* A softmax's sum holds exp(0) of its largest entry. */
static bool is_sum_of_softmax(const Node *node)
{
    const Node *power = node->inputs[0];
    if (power->op != OP_EXP || power->inputs[0]->op != OP_SUBTRACT)
        return false;
    const Node *largest = power->inputs[0]->inputs[1];
    return largest->op == OP_BROADCAST && largest->inputs[0]->op == OP_REDUCE_MAX &&
           largest->inputs[0]->inputs[0] == power->inputs[0]->inputs[0];
}

static Range range_of(const Node *node, int depth)
{
    if (depth > DEEPEST_LOOK)
        return ANYTHING;
    switch (node->op) {
    case OP_CONSTANT: return (Range){node->attributes.constant, node->attributes.constant};
    case OP_VARIABLE: return range_of_variable(node->variable);
    case OP_RANDOM: return (Range){0, 1};
    case OP_SELECT: {
        Range yes = range_of(node->inputs[1], depth + 1), no = range_of(node->inputs[2], depth + 1);
        return (Range){fmin(yes.low, no.low), fmax(yes.high, no.high)};
    }
    case OP_REDUCE_SUM: {
        Range terms = range_of(node->inputs[0], depth + 1);
        if (is_sum_of_softmax(node))
            return (Range){1, reduced_count(node)};
        return (Range){product(terms.low, reduced_count(node)), product(terms.high, reduced_count(node))};
    }
    case OP_REDUCE_VARIANCE: return (Range){0, INFINITY};
    case OP_REDUCE_MEAN:
    case OP_REDUCE_MAX:
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_UPSAMPLE: return range_of(node->inputs[0], depth + 1);
    default: break;
    }
    if (op_table[node->op].class != CLASS_ELEMENTWISE)
        return ANYTHING;
    Range a = range_of(node->inputs[0], depth + 1);
    if (node->input_count == 1)
        return range_unary(node->op, a);
    /* x * x */
    if (node->op == OP_MULTIPLY && node->inputs[0] == node->inputs[1])
        return range_power(a, (Range){2, 2});
    return range_binary(node->op, a, range_of(node->inputs[1], depth + 1));
}

void range_check(Elaborator *e, Op op, Node *const *inputs, Span span)
{
    if (op == OP_LOG && range_of(inputs[0], 0).low <= 0) {
        if (report_warning(e, span, "log-of-zero", "the operand of this logarithm can be 0"))
            report_help(
                e, "log_sigmoid, log_softmax and softplus stay finite; log(x + 1e-8) is the last resort");
    } else if (op == OP_DIVIDE) {
        Range divisor = range_of(inputs[1], 0);
        if (divisor.low <= 0 && divisor.high >= 0 &&
            report_warning(e, span, "division-by-zero", "the divisor can be 0"))
            report_help(e, "add a small number to it, or take its maximum with one");
    } else if (op == OP_POWER) {
        Range base = range_of(inputs[0], 0), exponent = range_of(inputs[1], 0);
        bool whole =
            exponent.low == exponent.high && exponent.low == floor(exponent.low) && exponent.low >= 1;
        if (base.low <= 0 && !whole && !(base.low == 0 && exponent.low >= 1))
            report_warning(e, span, "power-of-zero",
                           "the base of this power can be 0 or less, where it or its gradient has no value");
    }
}
