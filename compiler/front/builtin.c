#include "builtin.h"

#include <math.h>
#include <string.h>

#define TENSOR(name)                                                                                         \
    {                                                                                                        \
        name, ARGUMENT_TENSOR, true, 0, 0                                                                    \
    }
#define VALUE(name)                                                                                          \
    {                                                                                                        \
        name, ARGUMENT_VALUE, true, 0, 0                                                                     \
    }
#define INTEGER(name, least)                                                                                 \
    {                                                                                                        \
        name, ARGUMENT_INTEGER, true, 0, least                                                               \
    }
#define INTEGER_OR(name, fallback, least)                                                                    \
    {                                                                                                        \
        name, ARGUMENT_INTEGER, false, fallback, least                                                       \
    }
#define NUMBER(name)                                                                                         \
    {                                                                                                        \
        name, ARGUMENT_NUMBER, true, 0, -INFINITY                                                            \
    }
#define NUMBER_OR(name, fallback, least)                                                                     \
    {                                                                                                        \
        name, ARGUMENT_NUMBER, false, fallback, least                                                        \
    }
#define PAIR(name)                                                                                           \
    {                                                                                                        \
        name, ARGUMENT_PAIR, true, 0, 1                                                                      \
    }
#define PAIR_OR(name, fallback)                                                                              \
    {                                                                                                        \
        name, ARGUMENT_PAIR, false, fallback, 1                                                              \
    }
#define PADDING_OR(name, fallback)                                                                           \
    {                                                                                                        \
        name, ARGUMENT_PADDING, false, fallback, 0                                                           \
    }
#define BOOLEAN_OR(name, fallback)                                                                           \
    {                                                                                                        \
        name, ARGUMENT_BOOLEAN, false, fallback, 0                                                           \
    }
#define AXES_OR(name, fallback)                                                                              \
    {                                                                                                        \
        name, ARGUMENT_AXES, false, fallback, 0                                                              \
    }
#define INITIAL(name)                                                                                        \
    {                                                                                                        \
        name, ARGUMENT_INITIAL, false, 0, 0                                                                  \
    }

/* Every built-in function: its name, what makes its nodes, and its parameters with their defaults
 * (PyTorch's). */
static const Builtin builtins[] = {
    /* layers */
    {"conv",
     layer_conv,
     false,
     {TENSOR("x"), INTEGER("width", 1), PAIR("kernel"), PAIR_OR("stride", 1), PADDING_OR("pad", 0),
      PAIR_OR("dilation", 1), INTEGER_OR("groups", 1, 1), BOOLEAN_OR("bias", true), INITIAL("initial"),
      INITIAL("bias_initial")}},
    {"linear",
     layer_linear,
     false,
     {TENSOR("x"), INTEGER("width", 1), BOOLEAN_OR("bias", true), INITIAL("initial"),
      INITIAL("bias_initial")}},
    {"batchnorm",
     layer_batchnorm,
     false,
     {TENSOR("x"), NUMBER_OR("eps", 1e-5, 0), NUMBER_OR("momentum", 0.1, 0)}},
    {"layernorm", layer_layernorm, false, {TENSOR("x"), AXES_OR("axis", -1), NUMBER_OR("eps", 1e-5, 0)}},
    {"groupnorm", layer_groupnorm, false, {TENSOR("x"), INTEGER("groups", 1), NUMBER_OR("eps", 1e-5, 0)}},
    {"dropout", layer_dropout, false, {TENSOR("x"), NUMBER_OR("p", 0.5, 0)}},
    {"drop_path", layer_drop_path, false, {TENSOR("x"), NUMBER_OR("p", 0.1, 0)}},
    /* pooling */
    {"max_pool",
     pool_max,
     false,
     {TENSOR("x"), PAIR("kernel"), PAIR_OR("stride", 0), PADDING_OR("pad", 0), BOOLEAN_OR("ceil", false)}},
    {"average_pool",
     pool_average,
     false,
     {TENSOR("x"), PAIR("kernel"), PAIR_OR("stride", 0), PADDING_OR("pad", 0), BOOLEAN_OR("ceil", false),
      BOOLEAN_OR("count_padding", true)}},
    {"global_average_pool", pool_global_average, false, {TENSOR("x")}},
    {"global_max_pool", pool_global_max, false, {TENSOR("x")}},
    {"adaptive_average_pool", pool_adaptive_average, false, {TENSOR("x"), PAIR("size")}},
    /* element by element */
    {"exp", math_exp, false, {VALUE("x")}},
    {"log", math_log, false, {VALUE("x")}},
    {"sqrt", math_sqrt, false, {VALUE("x")}},
    {"abs", math_abs, false, {VALUE("x")}},
    {"sign", math_sign, false, {VALUE("x")}},
    {"floor", math_floor, false, {VALUE("x")}},
    {"cos", math_cos, false, {VALUE("x")}},
    {"sin", math_sin, false, {VALUE("x")}},
    {"erf", math_erf, false, {VALUE("x")}},
    {"tanh", math_tanh, false, {VALUE("x")}},
    {"relu", math_relu, false, {VALUE("x")}},
    {"leaky_relu", math_leaky_relu, false, {VALUE("x"), NUMBER_OR("slope", 0.01, 0)}},
    {"relu6", math_relu6, false, {VALUE("x")}},
    {"silu", math_silu, false, {VALUE("x")}},
    {"gelu", math_gelu, false, {VALUE("x")}},
    {"sigmoid", math_sigmoid, false, {VALUE("x")}},
    {"log_sigmoid", math_log_sigmoid, false, {VALUE("x")}},
    {"softplus", math_softplus, false, {VALUE("x")}},
    {"hard_sigmoid", math_hard_sigmoid, false, {VALUE("x")}},
    {"hard_swish", math_hard_swish, false, {VALUE("x")}},
    {"softmax", math_softmax, false, {TENSOR("x"), AXES_OR("axis", 1)}},
    {"log_softmax", math_log_softmax, false, {TENSOR("x"), AXES_OR("axis", 1)}},
    {"maximum", math_maximum, false, {VALUE("a"), VALUE("b")}},
    {"minimum", math_minimum, false, {VALUE("a"), VALUE("b")}},
    {"select", math_select, false, {VALUE("condition"), VALUE("yes"), VALUE("no")}},
    /* reductions: without axes to one number, with axes keeping them as extents of 1 */
    {"sum", reduce_sum, false, {TENSOR("x"), AXES_OR("axes", NAN)}},
    {"mean", reduce_mean, false, {TENSOR("x"), AXES_OR("axes", NAN)}},
    {"max", reduce_max, false, {TENSOR("x"), AXES_OR("axes", NAN)}},
    {"min", reduce_min, false, {TENSOR("x"), AXES_OR("axes", NAN)}},
    {"variance", reduce_variance, false, {TENSOR("x"), AXES_OR("axes", NAN)}},
    {"norm", reduce_norm, false, {TENSOR("x"), AXES_OR("axes", NAN)}},
    /* movement and products */
    {"concat", move_concat, true, {AXES_OR("axis", 1)}},
    {"slice",
     move_slice,
     false,
     {TENSOR("x"),
      {"axis", ARGUMENT_AXES, true, 0, 0},
      INTEGER("first", 0),
      INTEGER("count", 1),
      INTEGER_OR("step", 1, 1)}},
    {"reshape", move_reshape, false, {TENSOR("x"), {"extents", ARGUMENT_EXTENTS, true, 0, -1}}},
    {"flatten", move_flatten, false, {TENSOR("x"), INTEGER_OR("first", 1, 0)}},
    {"transpose", move_transpose, false, {TENSOR("x"), {"axes", ARGUMENT_EXTENTS, true, 0, 0}}},
    {"pad",
     move_pad,
     false,
     {TENSOR("x"), {"size", ARGUMENT_PADDING, true, 0, 0}, NUMBER_OR("value", 0, -INFINITY)}},
    {"upsample", move_upsample, false, {TENSOR("x"), PAIR("factor")}},
    {"broadcast", move_broadcast, false, {VALUE("x"), TENSOR("like")}},
    {"matmul",
     move_matmul,
     false,
     {TENSOR("a"), TENSOR("b"), BOOLEAN_OR("transpose_a", false), BOOLEAN_OR("transpose_b", false)}},
    /* sizes, known when compiling */
    {"channels", size_channels, false, {TENSOR("x")}},
    {"planes", size_channels, false, {TENSOR("x")}},
    {"height", size_height, false, {TENSOR("x")}},
    {"width", size_width, false, {TENSOR("x")}},
    {"extent", size_extent, false, {TENSOR("x"), {"axis", ARGUMENT_AXES, true, 0, 0}}},
    {"classes", size_classes, false, {TENSOR("labels")}},
    {"one_of", size_one_of, false, {TENSOR("labels")}},
    {"length", size_length, false, {VALUE("list")}},
};

enum { BUILTIN_COUNT = sizeof builtins / sizeof *builtins };

const Builtin *builtin_find(const char *name)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (!strcmp(builtins[i].name, name))
            return &builtins[i];
    return NULL;
}

const char *const *builtin_names(size_t *count)
{
    static const char *names[BUILTIN_COUNT];
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        names[i] = builtins[i].name;
    *count = BUILTIN_COUNT;
    return names;
}

/* ---------------------------------------------------------------- checking one argument */

static bool report_kind(Elaborator *e, Span span, const BuiltinParameter *parameter, const char *wanted,
                        Value value)
{
    bool later = value.kind == VALUE_TENSOR;
    report(e, span, later && parameter->kind >= ARGUMENT_NUMBER ? "not-constant" : "wrong-kind",
           "'%s' is %s; this is %s", parameter->name, wanted, value_describe(e, value));
    return false;
}

static bool check_integer(Elaborator *e, Span span, const BuiltinParameter *parameter, Value value)
{
    if (value.kind != VALUE_NUMBER)
        return report_kind(e, span, parameter, "a whole number known when compiling", value);
    if (value.number == floor(value.number) && fabs(value.number) <= INT32_MAX &&
        (value.number >= parameter->least || parameter->kind == ARGUMENT_AXES))
        return true;
    const char *range =
        parameter->kind == ARGUMENT_AXES ? "" : arena_format(e->program->arena, " from %g", parameter->least);
    report(e, span, "wrong-number", "'%s' is a whole number%s; this is %g", parameter->name, range,
           value.number);
    return false;
}

static bool check_integers(Elaborator *e, Span span, const BuiltinParameter *parameter, Value value)
{
    bool pair = parameter->kind == ARGUMENT_PAIR, padding = parameter->kind == ARGUMENT_PADDING;
    if (value.kind != VALUE_LIST)
        return parameter->kind == ARGUMENT_EXTENTS
                   ? report_kind(e, span, parameter, "a list of whole numbers", value)
                   : check_integer(e, span, parameter, value);
    if ((pair && value.count != 2) || (padding && value.count != 2 && value.count != 4))
        return report_kind(e, span, parameter,
                           pair ? "one number or [height, width]"
                                : "one number, [height, width] or [top, bottom, left, right]",
                           value);
    if (value.count > SHAPE_MAX_RANK)
        return report_kind(e, span, parameter, "a list of at most 6 numbers", value);
    for (size_t i = 0; i < value.count; i++)
        if (!check_integer(e, span, parameter, value.items[i]))
            return false;
    return true;
}

static bool check_argument(Elaborator *e, const BuiltinParameter *parameter, Value value, Span span)
{
    switch (parameter->kind) {
    case ARGUMENT_TENSOR:
        if (value.kind == VALUE_TARGET || (value.kind == VALUE_TENSOR && value.node->shape.rank > 0))
            return true;
        return report_kind(e, span, parameter, "a tensor", value);
    case ARGUMENT_VALUE: return true;
    case ARGUMENT_BOOLEAN:
        return value.kind == VALUE_BOOLEAN || report_kind(e, span, parameter, "true or false", value);
    case ARGUMENT_NUMBER:
        if (value.kind != VALUE_NUMBER)
            return report_kind(e, span, parameter, "a number known when compiling", value);
        if (value.number < parameter->least) {
            report(e, span, "wrong-number", "'%s' is at least %g; this is %g", parameter->name,
                   parameter->least, value.number);
            return false;
        }
        return true;
    case ARGUMENT_INTEGER: return check_integer(e, span, parameter, value);
    case ARGUMENT_PAIR:
    case ARGUMENT_PADDING:
    case ARGUMENT_AXES:
    case ARGUMENT_EXTENTS: return check_integers(e, span, parameter, value);
    case ARGUMENT_INITIAL: return true;
    }
    internal_error("argument kind %d", (int)parameter->kind);
}

/* ---------------------------------------------------------------- the call */

static size_t parameter_count(const Builtin *builtin)
{
    size_t count = 0;
    while (count < BUILTIN_MAX_PARAMETERS && builtin->parameters[count].name)
        count++;
    return count;
}

/* The positional arguments of a variadic function become call->rest; a copy of the call keeps the named ones.
 */
static const Expression *split_rest(Call *call, const Expression *expression)
{
    Arena *arena = call->e->program->arena;
    Expression *named = ARENA_NEW(arena, Expression);
    *named = *expression;
    named->arguments.items = NULL;
    named->arguments.count = named->arguments.capacity = 0;
    call->rest = ARENA_ARRAY(arena, Value, expression->arguments.count + 1);
    for (size_t i = 0; i < expression->arguments.count; i++) {
        const Argument *argument = &expression->arguments.items[i];
        if (argument->name)
            list_push(arena, &named->arguments, *argument);
        else
            call->rest[call->rest_count++] = evaluate(call->e, argument->value, call->argument_path);
    }
    return named;
}

static bool read_arguments(Call *call, const Expression *expression)
{
    Elaborator *e = call->e;
    const Builtin *builtin = call->builtin;
    size_t count = parameter_count(builtin);
    const char *names[BUILTIN_MAX_PARAMETERS];
    const Argument *found[BUILTIN_MAX_PARAMETERS];
    for (size_t i = 0; i < count; i++)
        names[i] = builtin->parameters[i].name;
    bool good = arguments_match(e, expression, names, count, found);
    for (size_t i = 0; i < count; i++) {
        const BuiltinParameter *parameter = &builtin->parameters[i];
        call->expressions[i] = found[i] ? found[i]->value : NULL;
        call->values[i] = parameter->kind == ARGUMENT_BOOLEAN ? value_boolean(parameter->fallback != 0)
                                                              : value_number(parameter->fallback);
        if (!found[i] && parameter->required) {
            report(e, expression->span, "missing-argument", "'%s' is called without its argument '%s'",
                   builtin->name, parameter->name);
            good = false;
        } else if (found[i] && parameter->kind != ARGUMENT_INITIAL) {
            call->values[i] = evaluate(e, found[i]->value, call->argument_path);
            good &= call->values[i].kind != VALUE_ERROR &&
                    check_argument(e, parameter, call->values[i], found[i]->value->span);
        }
    }
    for (size_t i = 0; i < call->rest_count; i++)
        good &= call->rest[i].kind != VALUE_ERROR;
    return good;
}

Value builtin_call(Elaborator *e, const Builtin *builtin, const Expression *expression, const char *path,
                   const char *argument_path)
{
    Call call = {
        .e = e, .builtin = builtin, .span = expression->span, .path = path, .argument_path = argument_path};
    if (builtin->variadic)
        expression = split_rest(&call, expression);
    if (!read_arguments(&call, expression))
        return value_error();
    const char *old = name_nodes(e, path);
    Value result = builtin->build(&call);
    name_back(e, old);
    return result;
}

/* ---------------------------------------------------------------- what builders read */

bool call_given(const Call *call, int i)
{
    return call->expressions[i] != NULL;
}

Span call_span(const Call *call, int i)
{
    return call->expressions[i] ? call->expressions[i]->span : call->span;
}

Node *call_node(const Call *call, int i)
{
    return value_node(call->e, call->values[i], call_span(call, i));
}

int64_t call_integer(const Call *call, int i)
{
    return (int64_t)call->values[i].number;
}

void call_pair(const Call *call, int i, int64_t pair[2])
{
    Value value = call->values[i];
    for (int axis = 0; axis < 2; axis++)
        pair[axis] = (int64_t)(value.kind == VALUE_LIST ? value.items[axis].number : value.number);
}

void call_padding(const Call *call, int i, int64_t before[2], int64_t after[2])
{
    Value value = call->values[i];
    bool four = value.kind == VALUE_LIST && value.count == 4;
    call_pair(call, i, before);
    for (int axis = 0; axis < 2; axis++) {
        if (four)
            before[axis] = (int64_t)value.items[2 * axis].number;
        after[axis] = four ? (int64_t)value.items[2 * axis + 1].number : before[axis];
    }
}

static bool axis_of(Call *call, int i, double number, int rank, int *axis)
{
    *axis = (int)(number < 0 ? number + rank : number);
    if (*axis >= 0 && *axis < rank)
        return true;
    report(call->e, call_span(call, i), "wrong-number",
           "axis %g of a tensor with %d axes; the first is 0, the last -1", number, rank);
    return false;
}

bool call_axis(Call *call, int i, int rank, int *axis)
{
    Value value = call->values[i];
    if (value.kind == VALUE_LIST && value.count != 1) {
        report(call->e, call_span(call, i), "wrong-kind", "one axis is needed here; this is %s",
               value_describe(call->e, value));
        return false;
    }
    return axis_of(call, i, value.kind == VALUE_LIST ? value.items[0].number : value.number, rank, axis);
}

bool call_axes(Call *call, int i, int rank, unsigned *axes)
{
    Value value = call->values[i];
    size_t count = value.kind == VALUE_LIST ? value.count : 1;
    *axes = 0;
    for (size_t j = 0; j < count; j++) {
        int axis;
        if (!axis_of(call, i, value.kind == VALUE_LIST ? value.items[j].number : value.number, rank, &axis))
            return false;
        *axes |= 1u << axis;
    }
    return true;
}

bool call_rank(Call *call, int i, int rank, const char *extents)
{
    const Node *node = call_node(call, i);
    if (!node || node->shape.rank == rank)
        return node != NULL;
    if (report(call->e, call_span(call, i), "shape", "'%s' needs %s; this is %s", call->builtin->name,
               extents, shape_text(call->e->program->arena, node->shape)))
        report_origin(call->e, node, node->shape.rank - 1);
    return false;
}
