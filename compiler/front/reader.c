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
    return (Reader){.e = e, .setting = setting};
}

static const Expression *next(const Reader *reader)
{
    return !reader->failed && reader->at < reader->setting->values.count
               ? reader->setting->values.items[reader->at]
               : NULL;
}

Span reader_span(const Reader *reader)
{
    const Setting *setting = reader->setting;
    if (reader->at < setting->values.count)
        return setting->values.items[reader->at]->span;
    return setting->values.count ? setting->values.items[setting->values.count - 1]->span : setting->span;
}

bool reader_fail(Reader *reader, const char *expected)
{
    if (!reader->failed)
        report(reader->e, reader_span(reader), "setting-form", "'%s' expects %s%s", reader->setting->word,
               expected, reader->at < reader->setting->values.count ? " here" : " behind this");
    reader->failed = true;
    return false;
}

bool reader_at_end(const Reader *reader)
{
    return reader->failed || reader->at >= reader->setting->values.count;
}

static const char *single_name(const Expression *value)
{
    bool single = value && value->kind == EXPRESSION_PATH && value->path->parts.count == 1;
    return single ? value->path->parts.items[0].name : NULL;
}

bool reader_has_word(const Reader *reader, const char *word)
{
    const char *name = single_name(next(reader));
    return name && !strcmp(name, word);
}

bool reader_take_word(Reader *reader, const char *word)
{
    bool found = reader_has_word(reader, word);
    reader->at += found;
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
        reader->at++;
    else
        reader_fail(reader, what);
    return name;
}

const Expression *reader_path(Reader *reader, const char *what)
{
    const Expression *value = next(reader);
    if (value && value->kind == EXPRESSION_PATH)
        reader->at++;
    else
        reader_fail(reader, what);
    return reader->failed ? NULL : value;
}

const char *reader_string(Reader *reader, const char *what)
{
    const Expression *value = next(reader);
    if (value && value->kind == EXPRESSION_STRING)
        reader->at++;
    else
        reader_fail(reader, what);
    return reader->failed ? NULL : value->text;
}

bool reader_value(Reader *reader, const char *what, Value *out)
{
    const Expression *value = next(reader);
    if (!value || value->kind == EXPRESSION_WORDS)
        return reader_fail(reader, what);
    *out = evaluate(reader->e, value, "");
    reader->at++;
    reader->failed |= out->kind == VALUE_ERROR;
    return !reader->failed;
}

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
        reader->at++;
        return true;
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
    reader->at++;
    return true;
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

bool reader_end(Reader *reader)
{
    return reader->failed
               ? false
               : reader->at == reader->setting->values.count || reader_fail(reader, "nothing more");
}

void reader_no_body(Reader *reader)
{
    if (reader->setting->has_body && !reader->failed)
        report(reader->e, reader->setting->span, "setting-form", "'%s' has no '{ ... }'",
               reader->setting->word);
}
