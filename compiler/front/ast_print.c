/* The syntax tree as text: declarations and statements on lines of their own, expressions with every bracket
 * written. */
#include "ast.h"

static void print_expression(Text *out, const Expression *expression);

static void print_number(Text *out, double value)
{
    static const double exact = 1e15;
    if (value == (double)(long long)value && value < exact && value > -exact)
        text_add(out, "%lld", (long long)value);
    else
        text_add_number(out, value);
}

static void print_string(Text *out, const char *value)
{
    text_add(out, "\"");
    for (const char *c = value; *c; c++) {
        if (*c == '\n')
            text_add(out, "\\n");
        else if (*c == '\t')
            text_add(out, "\\t");
        else
            text_add(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    text_add(out, "\"");
}

static void print_path(Text *out, const Path *path)
{
    for (size_t i = 0; i < path->parts.count; i++) {
        const PathPart *part = &path->parts.items[i];
        text_add(out, "%s", i ? "." : "");
        if (part->name)
            text_add(out, "%s", part->name);
        else if (part->index->kind == EXPRESSION_STRING)
            print_expression(out, part->index);
        else {
            text_add(out, "[");
            print_expression(out, part->index);
            text_add(out, "]");
        }
    }
}

const char *path_text(Arena *arena, const Path *path)
{
    Text text = text_new(arena);
    print_path(&text, path);
    return text.data;
}

static void print_items(Text *out, const char *open, const ExpressionList *items, const char *close)
{
    text_add(out, "%s", open);
    for (size_t i = 0; i < items->count; i++) {
        text_add(out, "%s", i ? ", " : "");
        print_expression(out, items->items[i]);
    }
    text_add(out, "%s", close);
}

static void print_call(Text *out, const Expression *expression)
{
    print_path(out, expression->path);
    text_add(out, "(");
    for (size_t i = 0; i < expression->arguments.count; i++) {
        const Argument *argument = &expression->arguments.items[i];
        text_add(out, "%s%s%s", i ? ", " : "", argument->name ? argument->name : "",
                 argument->name ? " = " : "");
        print_expression(out, argument->value);
    }
    text_add(out, ")");
    if (expression->as) {
        text_add(out, " as ");
        print_path(out, expression->as);
    }
}

/* The values of a setting, side by side, with commas where they were written. */
static void print_values(Text *out, const ExpressionList *values, const char *before)
{
    for (size_t i = 0; i < values->count; i++) {
        text_add(out, "%s", values->items[i]->after_comma ? ", " : i ? " " : before);
        print_expression(out, values->items[i]);
    }
}

static void print_expression(Text *out, const Expression *expression)
{
    static const char *const units[] = {
        [UNIT_NONE] = "",        [UNIT_PERCENT] = " %",     [UNIT_PIXELS] = " px",
        [UNIT_DEGREES] = " deg", [UNIT_EPOCHS] = " epochs", [UNIT_STEPS] = " steps",
    };
    switch (expression->kind) {
    case EXPRESSION_NUMBER:
        print_number(out, expression->number);
        text_add(out, "%s", units[expression->unit]);
        break;
    case EXPRESSION_STRING: print_string(out, expression->text); break;
    case EXPRESSION_BOOLEAN: text_add(out, "%s", expression->number != 0 ? "true" : "false"); break;
    case EXPRESSION_PATH: print_path(out, expression->path); break;
    case EXPRESSION_CALL: print_call(out, expression); break;
    case EXPRESSION_UNARY:
        text_add(out, "(%s ", expression->text);
        print_expression(out, expression->a);
        text_add(out, ")");
        break;
    case EXPRESSION_BINARY:
        text_add(out, "(");
        print_expression(out, expression->a);
        text_add(out, " %s ", expression->text);
        print_expression(out, expression->b);
        text_add(out, ")");
        break;
    case EXPRESSION_IF:
        text_add(out, "(if ");
        print_expression(out, expression->a);
        text_add(out, " then ");
        print_expression(out, expression->b);
        text_add(out, " else ");
        print_expression(out, expression->c);
        text_add(out, ")");
        break;
    case EXPRESSION_LIST: print_items(out, "[", &expression->items, "]"); break;
    case EXPRESSION_INDEX:
        print_expression(out, expression->a);
        print_items(out, "[", &expression->items, "]");
        break;
    case EXPRESSION_WORDS:
        text_add(out, "(");
        print_values(out, &expression->items, "");
        text_add(out, ")");
        break;
    }
}

static void print_statements(Text *out, const StatementList *statements, int indent);

static void print_statement(Text *out, const Statement *statement, int indent)
{
    text_add(out, "%*s", indent, "");
    switch (statement->kind) {
    case STATEMENT_BIND: text_add(out, "%s = ", statement->name); break;
    case STATEMENT_UPDATE: text_add(out, "%s := ", statement->name); break;
    case STATEMENT_STATE: text_add(out, "state %s = ", statement->name); break;
    case STATEMENT_RETURN: text_add(out, "return "); break;
    case STATEMENT_PARAMETER:
        text_add(out, "parameter %s : ", statement->name);
        print_items(out, "[", &statement->shape, "] = ");
        break;
    case STATEMENT_REPEAT:
        text_add(out, "repeat %s in ", statement->name);
        print_expression(out, statement->first);
        text_add(out, " to ");
        print_expression(out, statement->last);
        text_add(out, " {\n");
        print_statements(out, &statement->body, indent + 2);
        text_add(out, "%*s}\n", indent, "");
        return;
    }
    print_expression(out, statement->value);
    text_add(out, "\n");
}

static void print_statements(Text *out, const StatementList *statements, int indent)
{
    for (size_t i = 0; i < statements->count; i++)
        print_statement(out, statements->items[i], indent);
}

static void print_setting(Text *out, const Setting *setting, int indent)
{
    text_add(out, "%*s", indent, "");
    if (setting->quoted)
        print_string(out, setting->word);
    else
        text_add(out, "%s%s", setting->word, setting->assigned ? " =" : "");
    print_values(out, &setting->values, " ");
    text_add(out, setting->has_body ? " {\n" : "\n");
    for (size_t i = 0; i < setting->body.count; i++)
        print_setting(out, setting->body.items[i], indent + 2);
    if (setting->has_body)
        text_add(out, "%*s}\n", indent, "");
}

static void print_definition(Text *out, const Definition *definition)
{
    static const char *const words[] = {
        [DEFINITION_BLOCK] = "block",
        [DEFINITION_LOSS] = "loss",
        [DEFINITION_OPTIMIZER] = "optimizer",
        [DEFINITION_SCHEDULE] = "schedule",
    };
    text_add(out, "%s %s(", words[definition->kind], definition->name);
    for (size_t i = 0; i < definition->parameters.count; i++) {
        const Parameter *parameter = &definition->parameters.items[i];
        text_add(out, "%s%s", i ? ", " : "", parameter->name);
        if (parameter->value) {
            text_add(out, " = ");
            print_expression(out, parameter->value);
        }
    }
    text_add(out, ") {\n");
    print_statements(out, &definition->body, 2);
    text_add(out, "}\n");
}

static void print_named_value(Text *out, const char *word, const Declaration *declaration)
{
    text_add(out, "%s %s = ", word, declaration->name);
    print_expression(out, declaration->value);
    if (declaration->size) {
        text_add(out, " at ");
        print_expression(out, declaration->size);
    }
    text_add(out, "\n");
}

static void print_declaration(Text *out, const Declaration *declaration)
{
    switch (declaration->kind) {
    case DECLARATION_VERSION:
        text_add(out, "hpanet ");
        print_expression(out, declaration->value);
        text_add(out, "\n");
        break;
    case DECLARATION_USE:
        text_add(out, "use ");
        print_string(out, declaration->name);
        text_add(out, "\n");
        break;
    case DECLARATION_CONSTANT: print_named_value(out, "constant", declaration); break;
    case DECLARATION_INPUT: print_named_value(out, "input", declaration); break;
    case DECLARATION_TARGET: print_named_value(out, "target", declaration); break;
    case DECLARATION_NETWORK:
        text_add(out, "network {\n");
        print_statements(out, &declaration->body, 2);
        text_add(out, "}\n");
        break;
    case DECLARATION_DEFINITION: print_definition(out, declaration->definition); break;
    case DECLARATION_GROUP:
        text_add(out, "group %s =", declaration->name);
        for (size_t i = 0; i < declaration->paths.count; i++) {
            text_add(out, "%s", i ? ", " : " ");
            print_path(out, declaration->paths.items[i]);
        }
        text_add(out, "\n");
        break;
    case DECLARATION_SETTING: print_setting(out, declaration->setting, 0); break;
    }
}

void ast_print(Text *out, const SourceUnit *unit)
{
    for (size_t i = 0; i < unit->declarations.count; i++)
        print_declaration(out, unit->declarations.items[i]);
}
