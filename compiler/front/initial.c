/* How a weight starts: a number, a rule by name, or a distribution with its size. */
#include "elaborate.h"

#include <math.h>
#include <string.h>

typedef enum RuleSize { SIZE_FAN_IN, SIZE_FAN_OUT, SIZE_BOTH } RuleSize;

static const struct {
    const char *name;
    HpInitializerKind kind;
    RuleSize size;
    double gain; /* squared; standard deviation or bound is sqrt(gain / size) */
} rules[] = {
    {"pytorch", HP_INITIAL_UNIFORM, SIZE_FAN_IN, 1}, /* kaiming_uniform(a = sqrt 5): the default */
    {"kaiming_uniform_fan_in", HP_INITIAL_UNIFORM, SIZE_FAN_IN, 6},
    {"kaiming_uniform_fan_out", HP_INITIAL_UNIFORM, SIZE_FAN_OUT, 6},
    {"kaiming_normal_fan_in", HP_INITIAL_NORMAL, SIZE_FAN_IN, 2},
    {"kaiming_normal_fan_out", HP_INITIAL_NORMAL, SIZE_FAN_OUT, 2},
    {"glorot_uniform", HP_INITIAL_UNIFORM, SIZE_BOTH, 6}, /* Keras' default */
    {"glorot_normal", HP_INITIAL_NORMAL, SIZE_BOTH, 2},
};

static bool rule_by_name(Elaborator *e, const char *name, Span span, double fan_in, double fan_out,
                         HpInitializer *out)
{
    const char *names[sizeof rules / sizeof *rules + 2] = {"zeros", "ones"};
    if (!strcmp(name, "zeros") || !strcmp(name, "ones")) {
        *out = (HpInitializer){HP_INITIAL_CONSTANT, !strcmp(name, "ones")};
        return true;
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        names[i + 2] = rules[i].name;
        if (strcmp(rules[i].name, name))
            continue;
        double size = rules[i].size == SIZE_FAN_IN    ? fan_in
                      : rules[i].size == SIZE_FAN_OUT ? fan_out
                                                      : fan_in + fan_out;
        *out = (HpInitializer){rules[i].kind, sqrt(rules[i].gain / size)};
        return true;
    }
    if (report(e, span, "unknown-initial", "'%s' is no rule for first weights", name))
        report_nearest(e, name, names, sizeof names / sizeof *names);
    return false;
}

static bool rule_by_call(Elaborator *e, const Expression *expression, HpInitializer *out)
{
    static const char *const parameter[] = {"size"};
    static const char *const functions[] = {"normal", "uniform", "prior"};
    const char *name = path_text(e->program->arena, expression->path);
    bool normal = !strcmp(name, "normal"), prior = !strcmp(name, "prior");
    if (!normal && !prior && strcmp(name, "uniform")) {
        if (report(e, expression->span, "unknown-initial", "'%s' is no rule for first weights", name))
            report_nearest(e, name, functions, 3);
        return false;
    }
    const Argument *found[1];
    if (!arguments_match(e, expression, parameter, 1, found))
        return false;
    Value size = found[0] ? evaluate(e, found[0]->value, "") : value_number(NAN);
    if (size.kind == VALUE_ERROR)
        return false;
    if (size.kind != VALUE_NUMBER || !(size.number > 0) || (prior && size.number >= 1)) {
        report(e, expression->span, "wrong-number", "'%s' takes one number above 0%s", name,
               prior ? " and below 1" : "");
        return false;
    }
    if (prior) /* a sigmoid of this bias is the prior: Lin et al. 2017, section 3.3 */
        *out = (HpInitializer){HP_INITIAL_CONSTANT, -log((1 - size.number) / size.number)};
    else
        *out = (HpInitializer){normal ? HP_INITIAL_NORMAL : HP_INITIAL_UNIFORM, size.number};
    return true;
}

bool initializer_read(Elaborator *e, const Expression *expression, double fan_in, double fan_out,
                      HpInitializer *out)
{
    if (expression->kind == EXPRESSION_CALL && !builtin_find(path_text(e->program->arena, expression->path)))
        return rule_by_call(e, expression, out);
    if (expression->kind == EXPRESSION_PATH && expression->path->parts.count == 1 &&
        expression->path->parts.items[0].name) {
        const char *name = expression->path->parts.items[0].name;
        if (!scope_find(e->scope, name) && !scope_find(e->program->front->constants, name))
            return rule_by_name(e, name, expression->span, fan_in, fan_out, out);
    }
    Value value = evaluate(e, expression, "");
    if (value.kind == VALUE_STRING)
        return rule_by_name(e, value.text, expression->span, fan_in, fan_out, out);
    if (value.kind == VALUE_NUMBER) {
        *out = (HpInitializer){HP_INITIAL_CONSTANT, value.number};
        return true;
    }
    if (value.kind != VALUE_ERROR)
        report(e, expression->span, "wrong-kind", "a weight starts from a number or a rule, not %s",
               value_describe(e, value));
    return false;
}
