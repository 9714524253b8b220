#include "reader.h"

#include <string.h>

static const struct {
    const char *text, *name;
} units[] = {
    [UNIT_NONE] = {"", "without a unit"},    [UNIT_PERCENT] = {"%", "in percent"},
    [UNIT_PIXELS] = {"px", "in pixels"},     [UNIT_DEGREES] = {"deg", "in degrees"},
    [UNIT_EPOCHS] = {"epochs", "in epochs"}, [UNIT_STEPS] = {"steps", "in steps"},
};

Reader reader_new(Elaborator *e, const Setting *setting)
{
    Reader reader = {.e = e, .setting = setting, .failed = setting->assigned};
    if (reader.failed)
        report(e, setting->span, "setting-form", "'%s' is written without '='", setting->word);
    return reader;
}

Reader reader_new_assigned(Elaborator *e, const Setting *setting)
{
    Reader reader = {.e = e, .setting = setting, .failed = !setting->assigned};
    if (reader.failed)
        report(e, setting->span, "setting-form", "'%s' is written with '='", setting->word);
    return reader;
}

Span reader_span(const Reader *reader)
{
    const Setting *setting = reader->setting;
    if (reader->at < setting->values.count)
        return setting->values.items[reader->at]->span;
    return setting->values.count ? setting->values.items[setting->values.count - 1]->span : setting->span;
}

static bool fail(Reader *reader, const char *expected, const char *where)
{
    if (!reader->failed)
        report(reader->e, reader_span(reader), "setting-form", "'%s' expects %s %s", reader->setting->word,
               expected, where);
    reader->failed = true;
    return false;
}

bool reader_fail(Reader *reader, const char *expected)
{
    return fail(reader, expected, reader->at < reader->setting->values.count ? "here" : "behind this");
}

bool reader_at_end(const Reader *reader)
{
    return reader->failed || reader->at >= reader->setting->values.count;
}

/* ---------------------------------------------------------------- one value */

static const Expression *next(const Reader *reader)
{
    return reader_at_end(reader) ? NULL : reader->setting->values.items[reader->at];
}

/* The next value is taken; a comma before it begins an item. */
static void take(Reader *reader)
{
    if (next(reader)->after_comma && reader->item != reader->at)
        fail(reader, "no comma", "before this");
    reader->at++;
}

bool reader_next_item(Reader *reader)
{
    const Expression *value = next(reader);
    if (!value)
        return false;
    reader->item = reader->at;
    return value->after_comma || fail(reader, "a comma", "before this");
}

static const char *single_name(const Expression *value)
{
    bool single = value && value->kind == EXPRESSION_PATH && value->path->parts.count == 1;
    return single ? value->path->parts.items[0].name : NULL;
}

const char *reader_word(const Reader *reader)
{
    return single_name(reader->at < reader->setting->values.count ? reader->setting->values.items[reader->at]
                                                                  : NULL);
}

bool reader_has_word(const Reader *reader, const char *word)
{
    const char *name = single_name(next(reader));
    return name && !strcmp(name, word);
}

bool reader_has_string(const Reader *reader)
{
    const Expression *value = next(reader);
    return value && value->kind == EXPRESSION_STRING;
}

bool reader_take_word(Reader *reader, const char *word)
{
    bool found = reader_has_word(reader, word);
    if (found)
        take(reader);
    return found;
}

bool reader_need_word(Reader *reader, const char *word)
{
    return reader_take_word(reader, word) ||
           reader_fail(reader, arena_format(reader->e->program->arena, "'%s'", word));
}

const char *reader_name(Reader *reader, const char *what)
{
    const char *name = single_name(next(reader));
    if (name)
        take(reader);
    else
        reader_fail(reader, what);
    return reader->failed ? NULL : name;
}

/* The next value, of this kind; NULL after a report. */
static const Expression *need(Reader *reader, ExpressionKind kind, const char *what)
{
    const Expression *value = next(reader);
    if (value && value->kind == kind)
        take(reader);
    else
        reader_fail(reader, what);
    return reader->failed ? NULL : value;
}

static const Expression *quoted_path(Arena *arena, const Expression *string)
{
    Expression *value = ARENA_NEW(arena, Expression);
    *value = *string;
    value->kind = EXPRESSION_PATH;
    value->path = ARENA_NEW(arena, Path);
    value->path->span = string->span;
    list_push(arena, &value->path->parts, ((PathPart){.index = (Expression *)string, .span = string->span}));
    return value;
}

const Expression *reader_path(Reader *reader, const char *what)
{
    const Expression *value = next(reader);
    if (!value || value->kind != EXPRESSION_STRING)
        return need(reader, EXPRESSION_PATH, what);
    take(reader);
    return reader->failed ? NULL : quoted_path(reader->e->program->arena, value);
}

const char *reader_string(Reader *reader, const char *what)
{
    const Expression *value = need(reader, EXPRESSION_STRING, what);
    return value ? value->text : NULL;
}

const Expression *reader_list(Reader *reader, const char *what)
{
    return need(reader, EXPRESSION_LIST, what);
}

bool reader_value(Reader *reader, const char *what, Value *out)
{
    const Expression *value = next(reader);
    if (!value || value->kind == EXPRESSION_WORDS)
        return reader_fail(reader, what);
    *out = evaluate(reader->e, value, "");
    take(reader);
    reader->failed |= out->kind == VALUE_ERROR;
    return !reader->failed;
}

/* ---------------------------------------------------------------- numbers and their units */

static bool report_unit(Reader *reader, const Expression *value, Unit unit, const char *what)
{
    if (value->unit == UNIT_NONE && report(reader->e, value->span, "missing-unit",
                                           "%s is given %s, not as a bare number", what, units[unit].name))
        report_help(reader->e, "write %g %s", value->number, units[unit].text);
    else if (value->unit != UNIT_NONE)
        report(reader->e, value->span, "wrong-unit", "%s is given %s, not %s", what, units[unit].name,
               units[value->unit].name);
    reader->failed = true;
    return false;
}

static bool number(Reader *reader, Unit unit, bool unit_follows, const char *what, double *out)
{
    const Expression *value = next(reader);
    if (value && value->kind == EXPRESSION_NUMBER) {
        if (value->unit != unit && !(unit_follows && value->unit == UNIT_NONE))
            return report_unit(reader, value, unit, what);
        *out = value->number;
        take(reader);
        return !reader->failed;
    }
    bool computed = value && (value->kind == EXPRESSION_UNARY || value->kind == EXPRESSION_BINARY ||
                              value->kind == EXPRESSION_INDEX);
    if (computed && unit == UNIT_NONE) {
        Value result;
        if (!reader_value(reader, what, &result))
            return false;
        *out = result.number;
        reader->at -= result.kind != VALUE_NUMBER;
        return result.kind == VALUE_NUMBER || reader_fail(reader, what);
    }
    const char *name = single_name(value);
    const Binding *constant = name ? scope_find(reader->e->program->front->constants, name) : NULL;
    if (!constant || constant->value.kind != VALUE_NUMBER)
        return reader_fail(reader, what);
    if (unit != UNIT_NONE && !unit_follows) {
        reader->failed = true;
        report(reader->e, value->span, "missing-unit", "%s is given %s; a constant has no unit", what,
               units[unit].name);
        return false;
    }
    *out = constant->value.number;
    take(reader);
    return !reader->failed;
}

bool reader_number(Reader *reader, Unit unit, const char *what, double *out)
{
    return number(reader, unit, false, what, out);
}

bool reader_interval(Reader *reader, Unit unit, const char *what, double *low, double *high)
{
    Span at = reader_span(reader);
    if (!number(reader, unit, true, what, low) || !reader_need_word(reader, "to") ||
        !number(reader, unit, false, what, high))
        return false;
    if (*low <= *high)
        return true;
    reader->failed = true;
    report(reader->e, at, "wrong-number", "%s goes from %g down to %g", what, *low, *high);
    return false;
}

/* ---------------------------------------------------------------- the end */

bool reader_end_before_body(Reader *reader)
{
    return reader_at_end(reader) ? !reader->failed : reader_fail(reader, "nothing more");
}

bool reader_need_body(Reader *reader, const char *example)
{
    if (reader_at_end(reader) && !reader->failed && reader->setting->has_body)
        return true;
    return reader_fail(reader, arena_format(reader->e->program->arena, "'{' (%s)", example));
}

bool reader_end(Reader *reader)
{
    if (!reader_end_before_body(reader) || !reader->setting->has_body)
        return !reader->failed;
    reader->failed = true;
    report(reader->e, reader->setting->span, "setting-form", "'%s' has no '{ ... }'", reader->setting->word);
    return false;
}
