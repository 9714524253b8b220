#include "elaborate.h"

#include <math.h>
#include <string.h>

const char *path_join(Arena *arena, const char *prefix, const char *name)
{
    if (!*prefix)
        return name;
    return *name ? arena_format(arena, "%s.%s", prefix, name) : prefix;
}

/* ---------------------------------------------------------------- computed names */

static const char *name_from_number(Elaborator *e, const Expression *expression)
{
    int64_t number;
    if (!evaluate_integer(e, expression, "a computed name", 0, &number))
        return NULL;
    return arena_format(e->program->arena, "%lld", (long long)number);
}

/* "conv{stage}_block{i}": each {name} is a value known when compiling. */
static const char *name_from_template(Elaborator *e, const Expression *string)
{
    Text text = text_new(e->program->arena);
    for (const char *at = string->text; *at;) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (!close) {
            text_add_bytes(&text, at++, 1);
            continue;
        }
        char *name = arena_string_of(e->program->arena, at + 1, (size_t)(close - at - 1));
        Binding *binding = scope_lookup(e, name, string->span);
        if (!binding)
            return NULL;
        if (binding->value.kind == VALUE_STRING)
            text_add(&text, "%s", binding->value.text);
        else if (binding->value.kind == VALUE_NUMBER && binding->value.number == floor(binding->value.number))
            text_add(&text, "%.0f", binding->value.number);
        else {
            report(e, string->span, "wrong-kind", "a name is made of whole numbers and texts; '%s' is %s",
                   name, value_describe(e, binding->value));
            return NULL;
        }
        at = close + 1;
    }
    return text.data ? text.data : "";
}

const char *path_resolve(Elaborator *e, const Path *path)
{
    const char *result = "";
    for (size_t i = 0; i < path->parts.count; i++) {
        const PathPart *part = &path->parts.items[i];
        const char *name = part->name                               ? part->name
                           : part->index->kind == EXPRESSION_STRING ? name_from_template(e, part->index)
                                                                    : name_from_number(e, part->index);
        if (!name)
            return NULL;
        result = path_join(e->program->arena, result, name);
    }
    return result;
}

/* ---------------------------------------------------------------- one rule per kind of expression */

static Value evaluate_path(Elaborator *e, const Expression *expression)
{
    const Path *path = expression->path;
    if (path->parts.count != 1 || !path->parts.items[0].name) {
        if (report(e, expression->span, "unknown-name", "'%s' is not a value",
                   path_text(e->program->arena, path)))
            report_help(e,
                        "a path names weights in groups, stages and weight files; values have plain names");
        return value_error();
    }
    Binding *binding = scope_lookup(e, path->parts.items[0].name, expression->span);
    return binding ? binding->value : value_error();
}

static Value evaluate_number(Elaborator *e, const Expression *expression)
{
    if (expression->unit != UNIT_NONE) {
        report(e, expression->span, "unit-place", "a number with a unit has no meaning here");
        return value_error();
    }
    return value_number(expression->number);
}

static Value evaluate_if(Elaborator *e, const Expression *expression, const char *path)
{
    Value condition = evaluate(e, expression->a, path);
    if (condition.kind == VALUE_ERROR)
        return condition;
    if (condition.kind != VALUE_BOOLEAN) {
        if (report(e, expression->a->span, "not-constant",
                   "'if' needs a condition that is known when compiling; this is %s",
                   value_describe(e, condition)))
            report_help(e, condition.kind == VALUE_NUMBER
                               ? "compare it: ... != 0"
                               : "select(condition, a, b) chooses element by element");
        return value_error();
    }
    return evaluate(e, condition.number != 0 ? expression->b : expression->c, path);
}

static Value evaluate_list(Elaborator *e, const Expression *expression, const char *path)
{
    Value *items = ARENA_ARRAY(e->program->arena, Value, expression->items.count);
    bool good = true;
    for (size_t i = 0; i < expression->items.count; i++) {
        items[i] = evaluate(e, expression->items.items[i], path);
        good &= items[i].kind != VALUE_ERROR;
    }
    return good ? (Value){.kind = VALUE_LIST, .items = items, .count = expression->items.count}
                : value_error();
}

static Value evaluate_index(Elaborator *e, const Expression *expression, const char *path)
{
    Value list = evaluate(e, expression->a, path);
    int64_t index;
    if (list.kind == VALUE_ERROR || !evaluate_integer(e, expression->items.items[0], "an index", 0, &index))
        return value_error();
    if (list.kind != VALUE_LIST) {
        report(e, expression->span, "wrong-kind", "only a list has items; this is %s",
               value_describe(e, list));
        return value_error();
    }
    if ((size_t)index >= list.count) {
        report(e, expression->items.items[0]->span, "index", "item %lld of a list of %zu; the first is 0",
               (long long)index, list.count);
        return value_error();
    }
    return list.items[index];
}

static Value evaluate_binary(Elaborator *e, const Expression *expression, const char *path)
{
    Value a = evaluate(e, expression->a, path);
    /* "and" and "or" of what is known when compiling need their second side only where the first does not
     * decide */
    if (a.kind == VALUE_BOOLEAN && ((!strcmp(expression->text, "and") && a.number == 0) ||
                                    (!strcmp(expression->text, "or") && a.number != 0)))
        return a;
    return arithmetic_binary(e, expression->text, a, evaluate(e, expression->b, path), expression->span);
}

Value evaluate(Elaborator *e, const Expression *expression, const char *path)
{
    switch (expression->kind) {
    case EXPRESSION_NUMBER: return evaluate_number(e, expression);
    case EXPRESSION_STRING: return (Value){.kind = VALUE_STRING, .text = expression->text};
    case EXPRESSION_BOOLEAN: return value_boolean(expression->number != 0);
    case EXPRESSION_PATH: return evaluate_path(e, expression);
    case EXPRESSION_CALL: return evaluate_call(e, expression, path);
    case EXPRESSION_UNARY:
        return arithmetic_unary(e, expression->text, evaluate(e, expression->a, path), expression->span);
    case EXPRESSION_BINARY: return evaluate_binary(e, expression, path);
    case EXPRESSION_IF: return evaluate_if(e, expression, path);
    case EXPRESSION_LIST: return evaluate_list(e, expression, path);
    case EXPRESSION_INDEX: return evaluate_index(e, expression, path);
    case EXPRESSION_WORDS: break;
    }
    internal_error("expression kind %d", (int)expression->kind);
}

bool evaluate_integer(Elaborator *e, const Expression *expression, const char *what, int64_t least,
                      int64_t *out)
{
    Value value = evaluate(e, expression, e->path);
    if (value.kind == VALUE_ERROR)
        return false;
    if (value.kind != VALUE_NUMBER) {
        report(e, expression->span, value.kind == VALUE_TENSOR ? "not-constant" : "wrong-kind",
               "%s is a whole number known when compiling; this is %s", what, value_describe(e, value));
        return false;
    }
    if (value.number != floor(value.number) || fabs(value.number) > 2147483648.0 ||
        value.number < (double)least) {
        report(e, expression->span, "wrong-number", "%s is a whole number from %lld; this is %g", what,
               (long long)least, value.number);
        return false;
    }
    *out = (int64_t)value.number;
    return true;
}
