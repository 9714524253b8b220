/* Values as text. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "print.h"

enum { LONGEST_INLINE = 56 };

const char *float_text(Arena *arena, double value)
{
    if (isinf(value))
        return value > 0 ? "INFINITY" : "-INFINITY";
    if (isnan(value))
        return "NAN";
    char digits[32];
    for (int precision = 1; precision <= 9; precision++) { /* the shortest that is the same float */
        snprintf(digits, sizeof digits, "%.*g", precision, (double)(float)value);
        if (strtof(digits, NULL) == (float)value)
            break;
    }
    return arena_format(arena, "%s%sf", digits, strpbrk(digits, ".e") ? "" : ".0");
}

/* A short constant belongs to the code; a long one comes from sizes, and is an argument, so that kernels that
 * differ in sizes alone share code. */
static const char *constant_text(Printer *printer, double value)
{
    enum { LONGEST = 8 };
    const char *text = float_text(printer->arena, value);
    if (strlen(text) <= LONGEST || !isfinite(value))
        return text;
    for (size_t i = 0; i < printer->parameters.count; i++)
        if (printer->parameters.items[i].kind == PARAMETER_NUMBER &&
            printer->parameters.items[i].number == value)
            return printer->parameters.items[i].name;
    Parameter parameter = {
        .kind = PARAMETER_NUMBER, .name = printer_name(printer, "factor"), .number = value};
    list_push(printer->arena, &printer->parameters, parameter);
    return parameter.name;
}

static const char *exact_constant_text(Printer *printer, double value)
{
    Text text = text_new(printer->arena);
    if (isfinite(value))
        text_add_number(&text, value);
    else
        text_add(&text, "%s", float_text(printer->arena, value));
    return text.data;
}

/* How tightly a text holds together, by its loosest operator outside parentheses. */
typedef enum Precedence { LOOSE, SUM, PRODUCT, ATOM } Precedence;

static Precedence precedence_of(const char *text)
{
    int depth = 0;
    Precedence precedence = *text == '-' ? PRODUCT : ATOM;
    for (const char *c = text; *c; c++) {
        depth += (*c == '(' || *c == '[') - (*c == ')' || *c == ']');
        if (*c != ' ' || depth > 0)
            continue;
        Precedence here = LOOSE;
        if ((c[1] == '*' || c[1] == '/') && c[2] == ' ')
            here = PRODUCT;
        else if ((c[1] == '+' || c[1] == '-') && c[2] == ' ')
            here = SUM;
        precedence = here < precedence ? here : precedence;
        c += strcspn(c + 1, " ") + 1; /* the operator */
        if (!*c)
            break;
    }
    return precedence;
}

static const char *in_parentheses(Printer *printer, const char *text, Precedence needed)
{
    return precedence_of(text) >= needed ? text : arena_format(printer->arena, "(%s)", text);
}

static const char *computed_text(const Printer *printer, const Value *value)
{
    const char *text = printer->value_text[value->id];
    if (!text)
        internal_error("a value of %s is used before it is computed", op_table[value->op].name);
    return text;
}

const char *value_text(Printer *printer, const Value *value)
{
    if (value->kind == VALUE_CONSTANT)
        return constant_text(printer, value->constant);
    const char *text = computed_text(printer, value);
    if (value->kind == VALUE_OPERATION && value->is_number)
        return arena_format(printer->arena, "(float)%s", in_parentheses(printer, text, ATOM));
    return text;
}

const char *value_use(Printer *printer, const Value *value)
{
    return in_parentheses(printer, value_text(printer, value), ATOM);
}

/* As an operand of an expression that is a double. */
static const char *exact_text(Printer *printer, const Value *value)
{
    return value->kind == VALUE_CONSTANT ? exact_constant_text(printer, value->constant)
                                         : computed_text(printer, value);
}

/* ---- operations ---- */

static bool is_comparison(const Value *value)
{
    return value->kind == VALUE_OPERATION && value->op >= OP_EQUAL && value->op <= OP_OR;
}

/* What the place of a letter in a formula asks of the operand: an argument may be anything, the right side of
 * an operator must hold tighter than it, the left side as tight. */
static Precedence needed_at(const char *formula, const char *c)
{
    char before = c > formula ? c[-1] : ' ', after = c[1];
    bool starts = before == '(' || (before == ' ' && c - 1 > formula && c[-2] == ','),
         ends = after == ')' || after == ',';
    if (starts && ends)
        return LOOSE;
    char left = before == ' ' && c - 1 > formula ? c[-2] : before == ' ' || before == '(' ? 0 : before;
    char right = after == ' ' ? c[2] : 0;
    Precedence needed = LOOSE;
    if (left)
        needed = left == '+'                  ? PRODUCT
                 : left == '*' || left == '/' ? ATOM
                 : left == '-'                ? (before == '-' ? ATOM : PRODUCT)
                                              : SUM;
    if (right) {
        Precedence other = right == '+' || right == '-' ? SUM : right == '*' || right == '/' ? PRODUCT : SUM;
        needed = other > needed ? other : needed;
    }
    return needed;
}

/* Puts the operands for the letters a, b, c that stand alone. */
static const char *fill_formula(Printer *printer, const char *formula, const char *const *operands)
{
    Text text = text_new(printer->arena);
    for (const char *c = formula; *c; c++) {
        bool alone = !isalnum((unsigned char)c[1]) && c[1] != '_' && c[1] != '(' &&
                     (c == formula || (!isalnum((unsigned char)c[-1]) && c[-1] != '_' && c[-1] != '.'));
        if (*c >= 'a' && *c <= 'c' && alone)
            text_add(&text, "%s", in_parentheses(printer, operands[*c - 'a'], needed_at(formula, c)));
        else
            text_add_bytes(&text, c, 1);
    }
    return text.data;
}

static const char *operation_text(Printer *printer, const Value *value)
{
    const char *operands[3] = {NULL, NULL, NULL};
    for (int i = 0; i < value->input_count; i++)
        operands[i] = (value->is_number ? exact_text : value_text)(printer, value->inputs[i]);
    const char *formula = (value->is_number ? kernel_exact_formulas : kernel_formulas)[value->op];
    if (!formula)
        internal_error("there is no formula for %s", op_table[value->op].name);
    const Value *condition = value->inputs[0];
    if (value->op == OP_SELECT && is_comparison(condition)) { /* (float)(x > y) != 0 is x > y */
        const char *text = computed_text(printer, condition);
        if (text[0] == '(' && strchr(text, ' ')) {
            formula = "a ? b : c";
            operands[0] = strchr(text, ')') + 1;
        }
    }
    return fill_formula(printer, formula, operands);
}

/* ---- leaves ---- */

static const char *load_text(Printer *printer, const Value *value)
{
    const Access *access = &value->access;
    const Parameter *pointer = pointer_parameter(printer, access->buffer, false);
    const char *address = shared_address(printer, address_text(printer, access, pointer->name));
    const char *element = printer->dialect->element(printer, pointer, address);
    if (!access->guards)
        return element;
    return arena_format(printer->arena, "%s ? %s : %s", guard_text(printer, access), element,
                        value_use(printer, value->inputs[0]));
}

static const char *random_text(Printer *printer, const Value *value)
{
    const char *path = value->node->attributes.random.path;
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *c = path; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    bool known = false;
    for (size_t i = 0; i < printer->parameters.count; i++)
        known = known || printer->parameters.items[i].kind == PARAMETER_SEED;
    if (!known)
        list_push(printer->arena, &printer->parameters,
                  ((Parameter){.kind = PARAMETER_SEED, .name = "seed"}));
    const char *layer = size_parameter(printer, arena_format(printer->arena, "stream_%d", value->id), hash);
    return arena_format(printer->arena, "hp_random_uniform(seed, (uint32_t)%s, %s, (uint32_t)(%s))", layer,
                        value_text(printer, value->inputs[0]),
                        address_text(printer, &value->access, "element"));
}

static const char *scalar_text(Printer *printer, const Variable *scalar)
{
    for (size_t i = 0; i < printer->parameters.count; i++)
        if (printer->parameters.items[i].kind == PARAMETER_SCALAR &&
            printer->parameters.items[i].scalar == scalar)
            return printer->parameters.items[i].name;
    const char *wish = "s";
    if (!printer->canonical) {
        const char *dot = strrchr(scalar->name, '.');
        char *own =
            arena_string(printer->arena, dot && isalpha((unsigned char)dot[1]) ? dot + 1 : scalar->name);
        for (char *c = own; *c; c++)
            if (!isalnum((unsigned char)*c))
                *c = '_';
        wish = own;
    }
    Parameter parameter = {.kind = PARAMETER_SCALAR, .name = printer_name(printer, wish), .scalar = scalar};
    list_push(printer->arena, &printer->parameters, parameter);
    return parameter.name;
}

const char *value_expression(Printer *printer, const Value *value)
{
    switch (value->kind) {
    case VALUE_CONSTANT: return ""; /* spelled where it is used */
    case VALUE_SCALAR: return scalar_text(printer, value->scalar);
    case VALUE_LOAD: return load_text(printer, value);
    case VALUE_RANDOM: return random_text(printer, value);
    case VALUE_OPERATION: return operation_text(printer, value);
    default: internal_error("a value without an expression");
    }
}

/* ---- statements ---- */

const char *value_name(Printer *printer, const Value *value)
{
    if (value->kind == VALUE_LOAD) {
        const char *pointer = pointer_parameter(printer, value->access.buffer, false)->name;
        return printer_name(printer, arena_format(printer->arena, "%s_value", pointer));
    }
    const char *op = op_table[value->op].name;
    return printer_name(printer, strncmp(op, "reduce_", 7) == 0 ? op + 7 : op);
}

/* An element that a store of this kernel may overwrite is read before anything is stored. */
static bool is_overwritten(const Printer *printer, const Value *value)
{
    const Step *step = printer->kernel->step;
    if (value->kind != VALUE_LOAD)
        return false;
    for (size_t i = 0; i < step->overwrites.count; i++)
        if (step->overwrites.items[i].input == value->access.buffer)
            return true;
    return false;
}

bool value_is_inlined(const Printer *printer, const Value *value, const char *expression)
{
    if (value->kind == VALUE_CONSTANT || value->kind == VALUE_SCALAR)
        return true;
    return value->uses <= 1 && !value->crosses && !is_overwritten(printer, value) &&
           strlen(expression) <= LONGEST_INLINE;
}

void print_value(Printer *printer, const Value *value)
{
    if (printer->is_loaded[value->id])
        return;
    const char *expression = value_expression(printer, value);
    const char **text = &printer->value_text[value->id];
    if (value_is_inlined(printer, value, expression)) {
        *text = expression;
    } else if (value->per_lane && value->crosses) {
        print_line(printer, "%s = %s;", *text, expression); /* the array was declared, *text is its element */
    } else {
        const char *type = value->is_number ? "double" : "float";
        if (value->kind == VALUE_LOAD && value->node->dtype == HP_U8) /* compared as whole words */
            type = "int";
        else if (value->kind == VALUE_LOAD && value->node->dtype == HP_I64)
            type = "int64_t";
        *text = value_name(printer, value);
        print_line(printer, "const %s %s = %s;", type, *text, expression);
    }
}
