/* The resolved recipe: one file without `use`, with every default written out. It parses again to the same
 * program. */
#include "elaborate.h"

#include <math.h>
#include <string.h>

typedef struct Printer {
    Text text;
    const Program *program;
    int indent;
} Printer;

static void print_expression(Printer *p, const Expression *expression, bool inside);
static void print_setting(Printer *p, const Setting *setting);

static void begin_line(Printer *p)
{
    for (int i = 0; i < p->indent; i++)
        text_add(&p->text, "  ");
}

static void print_number(Printer *p, double number)
{
    if (number == floor(number) && fabs(number) < 1e15)
        text_add(&p->text, "%.0f", number);
    else
        text_add_number(&p->text, number);
}

/* ---------------------------------------------------------------- expressions */

static void print_path(Printer *p, const Path *path)
{
    for (size_t i = 0; i < path->parts.count; i++) {
        const PathPart *part = &path->parts.items[i];
        if (i)
            text_add(&p->text, ".");
        if (part->name)
            text_add(&p->text, "%s", part->name);
        else if (part->index->kind == EXPRESSION_STRING)
            print_expression(p, part->index, false);
        else {
            text_add(&p->text, "[");
            print_expression(p, part->index, false);
            text_add(&p->text, "]");
        }
    }
}

static void print_items(Printer *p, const ExpressionList *items)
{
    for (size_t i = 0; i < items->count; i++) {
        text_add(&p->text, "%s", i ? ", " : "");
        print_expression(p, items->items[i], false);
    }
}

static void print_call(Printer *p, const Expression *call)
{
    print_path(p, call->path);
    text_add(&p->text, "(");
    for (size_t i = 0; i < call->arguments.count; i++) {
        const Argument *argument = &call->arguments.items[i];
        text_add(&p->text, "%s", i ? ", " : "");
        if (argument->name)
            text_add(&p->text, "%s = ", argument->name);
        print_expression(p, argument->value, false);
    }
    text_add(&p->text, ")");
    if (call->as) {
        text_add(&p->text, " as ");
        print_path(p, call->as);
    }
}

static void print_operation(Printer *p, const Expression *e)
{
    if (e->kind == EXPRESSION_UNARY) {
        text_add(&p->text, "%s%s", e->text, strcmp(e->text, "not") ? "" : " ");
        print_expression(p, e->a, true);
    } else if (e->kind == EXPRESSION_BINARY) {
        print_expression(p, e->a, true);
        text_add(&p->text, " %s ", e->text);
        print_expression(p, e->b, true);
    } else {
        text_add(&p->text, "if ");
        print_expression(p, e->a, true);
        text_add(&p->text, " then ");
        print_expression(p, e->b, true);
        text_add(&p->text, " else ");
        print_expression(p, e->c, true);
    }
}

static void print_expression(Printer *p, const Expression *e, bool inside)
{
    static const char *const units[] = {"", " %", " px", " deg", " epochs", " steps"};
    switch (e->kind) {
    case EXPRESSION_NUMBER:
        print_number(p, e->number);
        text_add(&p->text, "%s", units[e->unit]);
        break;
    case EXPRESSION_STRING: text_add_quoted(&p->text, e->text); break;
    case EXPRESSION_BOOLEAN: text_add(&p->text, e->number != 0 ? "true" : "false"); break;
    case EXPRESSION_PATH: print_path(p, e->path); break;
    case EXPRESSION_CALL: print_call(p, e); break;
    case EXPRESSION_LIST:
    case EXPRESSION_WORDS:
        text_add(&p->text, e->kind == EXPRESSION_LIST ? "[" : "(");
        for (size_t i = 0; i < e->items.count; i++) {
            text_add(&p->text, "%s", i ? e->kind == EXPRESSION_LIST ? ", " : " " : "");
            print_expression(p, e->items.items[i], false);
        }
        text_add(&p->text, e->kind == EXPRESSION_LIST ? "]" : ")");
        break;
    case EXPRESSION_INDEX:
        print_expression(p, e->a, true);
        text_add(&p->text, "[");
        print_items(p, &e->items);
        text_add(&p->text, "]");
        break;
    case EXPRESSION_UNARY:
    case EXPRESSION_BINARY:
    case EXPRESSION_IF:
        text_add(&p->text, inside ? "(" : "");
        print_operation(p, e);
        text_add(&p->text, inside ? ")" : "");
        break;
    }
}

/* ---------------------------------------------------------------- bodies and definitions */

static void print_body(Printer *p, const StatementList *body);

static void print_repeat(Printer *p, const Statement *s)
{
    text_add(&p->text, "repeat %s in ", s->name);
    print_expression(p, s->first, true);
    text_add(&p->text, " to ");
    print_expression(p, s->last, true);
    text_add(&p->text, " ");
    print_body(p, &s->body);
}

static void print_statement(Printer *p, const Statement *s)
{
    begin_line(p);
    switch (s->kind) {
    case STATEMENT_BIND: text_add(&p->text, "%s = ", s->name); break;
    case STATEMENT_UPDATE: text_add(&p->text, "%s := ", s->name); break;
    case STATEMENT_STATE: text_add(&p->text, "state %s = ", s->name); break;
    case STATEMENT_RETURN: text_add(&p->text, "return "); break;
    case STATEMENT_PARAMETER:
        text_add(&p->text, "parameter %s : [", s->name);
        print_items(p, &s->shape);
        text_add(&p->text, "] = ");
        break;
    case STATEMENT_REPEAT: print_repeat(p, s); return;
    }
    print_expression(p, s->value, false);
    text_add(&p->text, "\n");
}

static void print_body(Printer *p, const StatementList *body)
{
    text_add(&p->text, "{\n");
    p->indent++;
    for (size_t i = 0; i < body->count; i++)
        print_statement(p, body->items[i]);
    p->indent--;
    begin_line(p);
    text_add(&p->text, "}\n");
}

static void print_definition(Printer *p, const Definition *definition)
{
    static const char *const kinds[] = {"block", "loss", "optimizer", "schedule"};
    text_add(&p->text, "%s %s(", kinds[definition->kind], definition->name);
    for (size_t i = 0; i < definition->parameters.count; i++) {
        const Parameter *parameter = &definition->parameters.items[i];
        text_add(&p->text, "%s%s", i ? ", " : "", parameter->name);
        if (parameter->value) {
            text_add(&p->text, " = ");
            print_expression(p, parameter->value, false);
        }
    }
    text_add(&p->text, ") ");
    print_body(p, &definition->body);
    text_add(&p->text, "\n");
}

/* ---------------------------------------------------------------- settings */

static void print_settings(Printer *p, const SettingList *list)
{
    p->indent++;
    for (size_t i = 0; i < list->count; i++)
        print_setting(p, list->items[i]);
    p->indent--;
}

static void print_setting(Printer *p, const Setting *setting)
{
    begin_line(p);
    if (setting->quoted)
        text_add_quoted(&p->text, setting->word);
    else
        text_add(&p->text, "%s%s", setting->word, setting->assigned ? " =" : "");
    for (size_t i = 0; i < setting->values.count; i++) {
        text_add(&p->text, "%s ", setting->values.items[i]->after_comma ? "," : "");
        print_expression(p, setting->values.items[i], false);
    }
    if (setting->has_body) {
        text_add(&p->text, " {\n");
        print_settings(p, &setting->body);
        begin_line(p);
        text_add(&p->text, "}");
    }
    text_add(&p->text, "\n");
}

static void print_split(Printer *p)
{
    const HpSplit *split = &p->program->split;
    text_add(&p->text, split->count ? "split" : "split none");
    for (int i = 0; i < split->count; i++) {
        text_add(&p->text, "%s %s ", i ? "," : "", split->names[i]);
        print_number(p, split->fractions[i]);
    }
    text_add(&p->text, "%s\n", split->stratified ? " stratified" : "");
}

/* optimizer = adam(beta1 = 0.9, ...) with every parameter named */
static void print_optimizer(Printer *p)
{
    const Front *front = p->program->front;
    text_add(&p->text, "optimizer = %s(", front->rule->name);
    for (size_t i = 0; i < front->rule->parameters.count; i++) {
        const Parameter *parameter = &front->rule->parameters.items[i];
        const Expression *value = parameter->value;
        for (size_t j = 0; j < front->rule_call->arguments.count; j++) {
            const Argument *argument = &front->rule_call->arguments.items[j];
            if (argument->name ? !strcmp(argument->name, parameter->name) : i == j)
                value = argument->value;
        }
        text_add(&p->text, "%s%s = ", i ? ", " : "", parameter->name);
        print_expression(p, value, false);
    }
    text_add(&p->text, ")\n");
}

static void print_stage_setting(Printer *p, const SettingList *body, const char *word, const Setting *general)
{
    for (size_t i = 0; body && i < body->count; i++)
        if (!strcmp(body->items[i]->word, word)) {
            print_setting(p, body->items[i]);
            general = NULL;
        }
    if (general)
        print_setting(p, general);
}

static void print_stage(Printer *p, const Stage *stage, const SettingList *body)
{
    static const char *const own[] = {"train",   "freeze",     "loss", "validate", "select",
                                      "augment", "oversample", "from", "keep"};
    const Front *front = p->program->front;
    text_add(&p->text, "stage %s {\n", stage->name);
    p->indent++;
    if (!body) {
        begin_line(p);
        text_add(&p->text, "train everything\n");
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        print_stage_setting(p, body, own[i], NULL);
    if (stage->batch != p->program->batch) {
        begin_line(p);
        text_add(&p->text, "batch %lld\n", (long long)stage->batch);
    }
    print_stage_setting(p, body, "lr", front->lr);
    print_stage_setting(p, body, "epochs", front->epochs);
    p->indent--;
    text_add(&p->text, "}\n");
}

static void print_network(Printer *p)
{
    const Front *front = p->program->front;
    text_add(&p->text, "input %s = data.image at %lld px\ntarget %s = data.labels\n\nnetwork ",
             front->input->name, (long long)p->program->image_size, front->target->name);
    print_body(p, &front->network->body);
    text_add(&p->text, "\n");
    for (size_t i = 0; i < front->weights.count; i++)
        print_setting(p, front->weights.items[i]);
    for (size_t i = 0; i < front->groups.count; i++) {
        text_add(&p->text, "group %s =", front->groups.items[i]->name);
        for (size_t j = 0; j < front->groups.items[i]->paths.count; j++) {
            text_add(&p->text, "%s ", j ? "," : "");
            print_path(p, front->groups.items[i]->paths.items[j]);
        }
        text_add(&p->text, "\n");
    }
}

static void print_training(Printer *p)
{
    const Program *program = p->program;
    const Front *front = program->front;
    const Stage *first = program->stages.items[0];
    print_setting(p, front->loss);
    if (front->validate)
        print_setting(p, front->validate);
    if (front->select)
        print_setting(p, front->select);
    else
        text_add(&p->text, "select = %s %s\n", first->table.select,
                 first->table.select_maximum ? "maximum" : "minimum");
    if (front->normalize)
        print_setting(p, front->normalize);
    print_split(p);
    for (size_t i = 0; i < front->oversample.count; i++)
        print_setting(p, front->oversample.items[i]);
    if (front->augment)
        print_setting(p, front->augment);
    else
        text_add(&p->text, "augment none\n");
    print_optimizer(p);
    if (front->decay)
        print_setting(p, front->decay);
    if (front->clip)
        print_setting(p, front->clip);
    text_add(&p->text, "batch %lld in parts of %lld\n\n", (long long)program->batch,
             (long long)program->part);
    for (size_t i = 0; i < program->stages.count; i++)
        print_stage(p, program->stages.items[i], front->stages.count ? &front->stages.items[i]->body : NULL);
}

const char *program_recipe(Program *program)
{
    const Front *front = program->front;
    Printer *p = ARENA_NEW(program->arena, Printer);
    *p = (Printer){.text = text_new(program->arena), .program = program};
    text_add(&p->text, "hpanet 1\n\n%s\n\n", program->dataset->source);
    for (size_t i = 0; i < front->units.count; i++)
        for (size_t j = 0; j < front->units.items[i]->declarations.count; j++) {
            const Declaration *declaration = front->units.items[i]->declarations.items[j];
            if (declaration->kind != DECLARATION_CONSTANT)
                continue;
            text_add(&p->text, "constant %s = ", declaration->name);
            print_expression(p, declaration->value, false);
            text_add(&p->text, "\n");
        }
    for (size_t i = 0; i < front->definitions.count; i++)
        for (size_t j = 0; j < front->instantiated.count; j++)
            if (front->instantiated.items[j] == front->definitions.items[i])
                print_definition(p, front->definitions.items[i]);
    print_network(p);
    print_training(p);
    return p->text.data;
}
