#include "elaborate.h"

#include <math.h>
#include <string.h>

static const struct OperatorRow {
    const char *text;
    Op op;
    bool comparison; /* of two numbers gives true or false */
} operators[] = {
    {"+", OP_ADD, false},       {"-", OP_SUBTRACT, false},      {"*", OP_MULTIPLY, false},
    {"/", OP_DIVIDE, false},    {"^", OP_POWER, false},         {"==", OP_EQUAL, true},
    {"!=", OP_NOT_EQUAL, true}, {"<", OP_LESS, true},           {"<=", OP_LESS_EQUAL, true},
    {">", OP_GREATER, true},    {">=", OP_GREATER_EQUAL, true}, {"and", OP_AND, true},
    {"or", OP_OR, true},        {"maximum", OP_MAXIMUM, false}, {"minimum", OP_MINIMUM, false},
};

static const struct OperatorRow *operator_of(Op op)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].op == op)
            return &operators[i];
    internal_error("'%s' is not an operator", op_table[op].name);
}

static double fold_binary(Op op, double a, double b)
{
    switch (op) {
    case OP_ADD: return a + b;
    case OP_SUBTRACT: return a - b;
    case OP_MULTIPLY: return a * b;
    case OP_DIVIDE: return a / b;
    case OP_POWER: return pow(a, b);
    case OP_MAXIMUM: return fmax(a, b);
    case OP_MINIMUM: return fmin(a, b);
    case OP_EQUAL: return a == b;
    case OP_NOT_EQUAL: return a != b;
    case OP_LESS: return a < b;
    case OP_LESS_EQUAL: return a <= b;
    case OP_GREATER: return a > b;
    case OP_GREATER_EQUAL: return a >= b;
    case OP_AND: return a != 0 && b != 0;
    case OP_OR: return a != 0 || b != 0;
    default: internal_error("'%s' has no rule for numbers", op_table[op].name);
    }
}

static double fold_unary(Op op, double a)
{
    switch (op) {
    case OP_NEGATE: return -a;
    case OP_EXP: return exp(a);
    case OP_LOG: return log(a);
    case OP_SQRT: return sqrt(a);
    case OP_RSQRT: return 1 / sqrt(a);
    case OP_ABS: return fabs(a);
    case OP_SIGN: return (a > 0) - (a < 0);
    case OP_FLOOR: return floor(a);
    case OP_COS: return cos(a);
    case OP_SIN: return sin(a);
    case OP_TANH: return tanh(a);
    case OP_ERF: return erf(a);
    case OP_RELU: return fmax(a, 0);
    case OP_SIGMOID: return 1 / (1 + exp(-a));
    case OP_LOG_SIGMOID: return fmin(a, 0) - log1p(exp(-fabs(a)));
    case OP_SOFTPLUS: return fmax(a, 0) + log1p(exp(-fabs(a)));
    default: internal_error("'%s' has no rule for numbers", op_table[op].name);
    }
}

static bool is_number(Value value)
{
    return value.kind == VALUE_NUMBER || value.kind == VALUE_BOOLEAN;
}

static bool is_tensor(Value value)
{
    return value.kind == VALUE_TENSOR || value.kind == VALUE_TARGET;
}

/* ---------------------------------------------------------------- values to nodes */

static Node *vector_node(Elaborator *e, Value list, Span span)
{
    Node **items = ARENA_ARRAY(e->program->arena, Node *, list.count);
    for (size_t i = 0; i < list.count; i++) {
        if (!is_number(list.items[i])) {
            report(e, span, "wrong-kind", "a list of numbers is needed here; item %zu is %s", i + 1,
                   value_describe(e, list.items[i]));
            return NULL;
        }
        int64_t one = 1;
        items[i] = make_reshape(e, graph_constant(e->graph, list.items[i].number), shape_of(1, &one), span);
    }
    Attributes attributes = {.concat = 0};
    return make_node(e, OP_CONCAT, (int)list.count, items, &attributes, span);
}

Node *value_node(Elaborator *e, Value value, Span span)
{
    switch (value.kind) {
    case VALUE_TENSOR: return value.node;
    case VALUE_TARGET: return graph_variable(e->graph, variables_find(e->program->variables, "labels"));
    case VALUE_NUMBER:
    case VALUE_BOOLEAN: return graph_constant(e->graph, value.number);
    case VALUE_LIST: return vector_node(e, value, span);
    case VALUE_STRING:
        report(e, span, "wrong-kind", "a number or a tensor is needed here, not %s",
               value_describe(e, value));
        return NULL;
    case VALUE_ERROR: return NULL;
    }
    internal_error("value kind %d", (int)value.kind);
}

Node *broadcast_like(Elaborator *e, Node *vector, const Node *like)
{
    Shape shape = like->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.extents[i] = i == 1 ? vector->shape.extents[0] : 1;
    return graph_broadcast(e->graph, graph_reshape(e->graph, vector, shape), like->shape);
}

/* ---------------------------------------------------------------- shapes that meet */

/* A vector meets axis 1, and does not fit it. */
static void report_vector(Elaborator *e, const Node *vector, const Node *other, Span span)
{
    if (!report(e, span, "shape", "a vector of %lld meets axis 1 of %s, which has %lld",
                (long long)vector->shape.extents[0], shape_text(e->program->arena, other->shape),
                (long long)other->shape.extents[1]))
        return;
    report_origin(e, vector, 0);
    report_origin(e, other, 1);
}

static void report_mismatch(Elaborator *e, const char *operator, Node * a, Node *b, Span span)
{
    Arena *arena = e->program->arena;
    if (a->shape.rank == 1 && b->shape.rank > 1) {
        report_vector(e, a, b, span);
        return;
    }
    if (b->shape.rank == 1 && a->shape.rank > 1) {
        report_vector(e, b, a, span);
        return;
    }
    if (!report(e, span, "shape", "'%s' needs equal shapes: %s and %s do not meet", operator,
                shape_text(arena, a->shape), shape_text(arena, b->shape)))
        return;
    Node *both[] = {a, b};
    unsigned axes = a->shape.rank == b->shape.rank ? differing_axes(2, both) : ~1u;
    report_origins(e, 2, both, axes);
    bool repeats = a->shape.rank == b->shape.rank;
    for (int axis = 0; axis < a->shape.rank; axis++)
        repeats &= !(axes >> axis & 1) || a->shape.extents[axis] == 1 || b->shape.extents[axis] == 1;
    if (repeats)
        report_help(e, "broadcast(x, like = y) repeats an extent of 1");
    if (a->shape.rank + b->shape.rank == 2 + 4) /* [rows, channels] and an image */
        report_help(
            e, "mean(x, axes = [2, 3]) keeps the axes, with extent 1; broadcast(x, like = y) repeats it");
}

static bool is_vector_for(const Node *vector, const Node *like)
{
    return vector->shape.rank == 1 && like->shape.rank >= 2 &&
           vector->shape.extents[0] == like->shape.extents[1];
}

/* Rows that were averaged apart may meet numbers and each other, nothing else. */
static bool rows_stay_apart(Elaborator *e, Value a, Value b, Span span)
{
    bool mixed =
        (a.per_row && !b.per_row && is_tensor(b) && (b.kind == VALUE_TARGET || b.node->shape.rank > 0)) ||
        (b.per_row && !a.per_row && is_tensor(a) && (a.kind == VALUE_TARGET || a.node->shape.rank > 0)) ||
        (a.per_row && b.kind == VALUE_LIST) || (b.per_row && a.kind == VALUE_LIST);
    if (!mixed)
        return true;
    report_mixed_rows(e, span, "a mean over all rows meets single rows");
    return false;
}

static Value combine_tensors(Elaborator *e, Op op, Value a, Value b, Span span)
{
    if (!rows_stay_apart(e, a, b, span))
        return value_error();
    Node *x = value_node(e, a, span), *y = value_node(e, b, span);
    if (!x || !y)
        return value_error();
    if (is_vector_for(x, y))
        x = broadcast_like(e, x, y);
    else if (is_vector_for(y, x))
        y = broadcast_like(e, y, x);
    if (x->shape.rank > 0 && y->shape.rank > 0 && !shape_equal(x->shape, y->shape)) {
        report_mismatch(e, operator_of(op)->text, x, y, span);
        return value_error();
    }
    Value result = value_tensor(make_binary(e, op, x, y, span));
    result.per_row = a.per_row || b.per_row;
    return result;
}

/* ---------------------------------------------------------------- numbers and lists */

static Value combine_numbers(Elaborator *e, Op op, Value a, Value b, Span span)
{
    if (op == OP_DIVIDE && b.number == 0) {
        report(e, span, "division-by-zero", "%g / 0 has no value", a.number);
        return value_error();
    }
    double result = fold_binary(op, a.number, b.number);
    if (!isfinite(result) && isfinite(a.number) && isfinite(b.number)) {
        report(e, span, "not-finite", "%g %s %g has no finite value", a.number, operator_of(op)->text,
               b.number);
        return value_error();
    }
    return operator_of(op)->comparison ? value_boolean(result != 0) : value_number(result);
}

static Value combine_lists(Elaborator *e, Op op, Value a, Value b, Span span)
{
    size_t count = a.kind == VALUE_LIST ? a.count : b.count;
    if (a.kind == VALUE_LIST && b.kind == VALUE_LIST && a.count != b.count) {
        report(e, span, "shape", "lists of %zu and of %zu items do not meet", a.count, b.count);
        return value_error();
    }
    Value *items = ARENA_ARRAY(e->program->arena, Value, count);
    for (size_t i = 0; i < count; i++) {
        Value x = a.kind == VALUE_LIST ? a.items[i] : a, y = b.kind == VALUE_LIST ? b.items[i] : b;
        items[i] = arithmetic_op(e, op, x, y, span);
        if (items[i].kind == VALUE_ERROR)
            return value_error();
    }
    return (Value){.kind = VALUE_LIST, .items = items, .count = count};
}

Value arithmetic_op(Elaborator *e, Op op, Value a, Value b, Span span)
{
    if (a.kind == VALUE_ERROR || b.kind == VALUE_ERROR)
        return value_error();
    if ((op == OP_EQUAL || op == OP_NOT_EQUAL) && a.kind == VALUE_STRING && b.kind == VALUE_STRING)
        return value_boolean(value_equal(a, b) == (op == OP_EQUAL));
    if (a.kind == VALUE_STRING || b.kind == VALUE_STRING) {
        report(e, span, "wrong-kind", "'%s' does not take %s", operator_of(op)->text,
               value_describe(e, a.kind == VALUE_STRING ? a : b));
        return value_error();
    }
    if (is_number(a) && is_number(b))
        return combine_numbers(e, op, a, b, span);
    if (is_tensor(a) || is_tensor(b))
        return combine_tensors(e, op, a, b, span);
    return combine_lists(e, op, a, b, span);
}

Value arithmetic_binary(Elaborator *e, const char *operator, Value a, Value b, Span span)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (!strcmp(operators[i].text, operator))
            return arithmetic_op(e, operators[i].op, a, b, span);
    internal_error("operator '%s'", operator);
}

Value arithmetic_map(Elaborator *e, Op op, Value a, Span span)
{
    if (a.kind == VALUE_ERROR)
        return a;
    if (is_number(a)) {
        double result = fold_unary(op, a.number);
        if (isfinite(result))
            return value_number(result);
        report(e, span, "not-finite", "%s of %g has no finite value", op_table[op].name, a.number);
        return value_error();
    }
    if (a.kind == VALUE_LIST) {
        Value *items = ARENA_ARRAY(e->program->arena, Value, a.count);
        for (size_t i = 0; i < a.count; i++)
            if ((items[i] = arithmetic_map(e, op, a.items[i], span)).kind == VALUE_ERROR)
                return value_error();
        return (Value){.kind = VALUE_LIST, .items = items, .count = a.count};
    }
    Value result = value_tensor(make_unary(e, op, value_node(e, a, span), span));
    result.per_row = a.per_row;
    return result;
}

Value arithmetic_unary(Elaborator *e, const char *operator, Value a, Span span)
{
    if (!strcmp(operator, "-"))
        return arithmetic_map(e, OP_NEGATE, a, span);
    if (a.kind == VALUE_BOOLEAN)
        return value_boolean(a.number == 0);
    return arithmetic_op(e, OP_EQUAL, a, value_number(0), span); /* not */
}
