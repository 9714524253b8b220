/* The builders that the grammar's actions call: one syntax tree node each, with its span. */
#include "build.h"

#include <string.h>

#define LIST_OR_NEW(list, Type) ((list) ? (list) : ARENA_NEW(parser->arena, Type))

Span span_join(Span from, Span to)
{
    if (from.file == to.file && from.line == to.line && to.column + to.length > from.column + from.length)
        from.length = to.column + to.length - from.column;
    return from;
}

/* ---------------------------------------------------------------- declarations */

static Declaration *declaration_new(Parser *parser, DeclarationKind kind, Token word, Token name)
{
    Declaration *declaration = ARENA_NEW(parser->arena, Declaration);
    *declaration = (Declaration){.kind = kind, .span = word.span, .name = name.text, .name_span = name.span};
    return declaration;
}

void build_unit(Parser *parser, Declaration *declaration)
{
    list_push(parser->arena, &parser->unit->declarations, declaration);
}

Declaration *build_version(Parser *parser, Token word, Token number)
{
    Declaration *declaration = declaration_new(parser, DECLARATION_VERSION, word, word);
    declaration->value = build_number(parser, number, UNIT_NONE, number);
    return declaration;
}

Declaration *build_use(Parser *parser, Token word, Token file)
{
    return declaration_new(parser, DECLARATION_USE, word, file);
}

Declaration *build_value(Parser *parser, DeclarationKind kind, Token word, Token name, Expression *value,
                         Expression *size)
{
    Declaration *declaration = declaration_new(parser, kind, word, name);
    declaration->value = value;
    declaration->size = size;
    return declaration;
}

Declaration *build_network(Parser *parser, Token word, StatementList *body)
{
    Declaration *declaration = declaration_new(parser, DECLARATION_NETWORK, word, word);
    declaration->body = *body;
    return declaration;
}

Declaration *build_group(Parser *parser, Token word, Token name, PathList *paths)
{
    Declaration *declaration = declaration_new(parser, DECLARATION_GROUP, word, name);
    declaration->paths = *paths;
    return declaration;
}

Declaration *build_definition(Parser *parser, DefinitionKind kind, Token word, Definition *definition)
{
    Declaration *declaration = declaration_new(parser, DECLARATION_DEFINITION, word, word);
    definition->kind = kind;
    declaration->definition = definition;
    declaration->name = definition->name;
    declaration->name_span = definition->span;
    return declaration;
}

Declaration *build_setting_declaration(Parser *parser, Setting *setting)
{
    Declaration *declaration = ARENA_NEW(parser->arena, Declaration);
    *declaration = (Declaration){.kind = DECLARATION_SETTING, .span = setting->span, .setting = setting};
    return declaration;
}

Definition *build_signature(Parser *parser, Token name, ParameterList *parameters, StatementList *body)
{
    Definition *definition = ARENA_NEW(parser->arena, Definition);
    *definition = (Definition){.name = name.text, .body = *body, .span = name.span};
    if (parameters)
        definition->parameters = *parameters;
    return definition;
}

Parameter build_parameter(Token name, Expression *value)
{
    return (Parameter){.name = name.text, .value = value, .span = name.span};
}

/* ---------------------------------------------------------------- lists */

PathList *build_paths(Parser *parser, PathList *list, Path *path)
{
    list = LIST_OR_NEW(list, PathList);
    list_push(parser->arena, list, path);
    return list;
}

ParameterList *build_parameters(Parser *parser, ParameterList *list, Parameter parameter)
{
    list = LIST_OR_NEW(list, ParameterList);
    list_push(parser->arena, list, parameter);
    return list;
}

ArgumentList *build_arguments(Parser *parser, ArgumentList *list, Argument argument)
{
    list = LIST_OR_NEW(list, ArgumentList);
    list_push(parser->arena, list, argument);
    return list;
}

ExpressionList *build_list(Parser *parser, ExpressionList *list, Expression *item)
{
    list = LIST_OR_NEW(list, ExpressionList);
    list_push(parser->arena, list, item);
    return list;
}

ExpressionList *build_list_after_comma(Parser *parser, ExpressionList *list, Expression *item)
{
    item->after_comma = true;
    return build_list(parser, list, item);
}

SettingList *build_settings(Parser *parser, SettingList *list, Setting *setting)
{
    list = LIST_OR_NEW(list, SettingList);
    list_push(parser->arena, list, setting);
    return list;
}

StatementList *build_statements(Parser *parser, StatementList *list, Statement *statement)
{
    list = LIST_OR_NEW(list, StatementList);
    if (statement)
        list_push(parser->arena, list, statement);
    return list;
}

StatementList *build_states(Parser *parser, StatementList *list, StatementList *states)
{
    for (size_t i = 0; i < states->count; i++)
        list_push(parser->arena, list, states->items[i]);
    return list;
}

/* ---------------------------------------------------------------- settings */

Token build_dotted(Parser *parser, Token name, Token part)
{
    name.text = arena_format(parser->arena, "%s.%s", name.text, part.text);
    name.span = span_join(name.span, part.span);
    return name;
}

SettingBlock *build_braces(Parser *parser, SettingList *settings, Token close)
{
    SettingBlock *block = ARENA_NEW(parser->arena, SettingBlock);
    if (settings)
        block->settings = *settings;
    block->close = close.span;
    return block;
}

Setting *build_values(Parser *parser, bool assigned, ExpressionList *values, SettingBlock *block)
{
    Setting *setting = ARENA_NEW(parser->arena, Setting);
    setting->assigned = assigned;
    if (values)
        setting->values = *values;
    if (block) {
        setting->has_body = true;
        setting->body = block->settings;
        setting->close = block->close;
    }
    return setting;
}

Setting *build_assignment(Parser *parser, Expression *value, ExpressionList *words, SettingBlock *block)
{
    ExpressionList *values = build_list(parser, NULL, value);
    for (size_t i = 0; words && i < words->count; i++)
        list_push(parser->arena, values, words->items[i]);
    return build_values(parser, true, values, block);
}

Setting *build_setting(Setting *setting, Token name)
{
    setting->word = name.text;
    setting->quoted = name.kind == TOKEN_STRING;
    setting->span = name.span;
    return setting;
}

/* ---------------------------------------------------------------- statements */

static Statement *statement_new(Parser *parser, StatementKind kind, Token first, Token name,
                                Expression *value)
{
    Statement *statement = ARENA_NEW(parser->arena, Statement);
    *statement = (Statement){.kind = kind,
                             .span = value ? span_join(first.span, value->span) : first.span,
                             .name = name.text,
                             .name_span = name.span,
                             .value = value};
    return statement;
}

Statement *build_bind(Parser *parser, StatementKind kind, Token name, Expression *value)
{
    return statement_new(parser, kind, name, name, value);
}

Statement *build_return(Parser *parser, Token word, Expression *value)
{
    Statement *statement = statement_new(parser, STATEMENT_RETURN, word, word, value);
    statement->name = NULL;
    return statement;
}

Statement *build_parameter_statement(Parser *parser, Token word, Token name, ExpressionList *shape,
                                     Expression *value)
{
    Statement *statement = statement_new(parser, STATEMENT_PARAMETER, word, name, value);
    if (shape)
        statement->shape = *shape;
    return statement;
}

Statement *build_repeat(Parser *parser, Token word, Token name, Expression *first, Expression *last,
                        StatementList *body)
{
    Statement *statement = statement_new(parser, STATEMENT_REPEAT, word, name, NULL);
    statement->first = first;
    statement->last = last;
    statement->body = *body;
    return statement;
}

/* ---------------------------------------------------------------- expressions */

/* Long sums and nested calls make high trees; the walks over them recurse. */
static void check_height(Parser *parser, Expression *expression)
{
    if (expression->height <= EXPRESSION_HEIGHT || parser->failed)
        return;
    parser->failed = true;
    diagnostic_error(parser->diagnostics, expression->span, "nested-too-deep",
                     "this expression is more than %d operations deep", EXPRESSION_HEIGHT);
    diagnostic_help(parser->diagnostics, "give a part of it a name of its own: part = ...");
}

static Expression *expression_new(Parser *parser, ExpressionKind kind, Span span)
{
    Expression *expression = ARENA_NEW(parser->arena, Expression);
    expression->kind = kind;
    expression->span = span;
    expression->height = 1;
    return expression;
}

static void expression_contains(Parser *parser, Expression *expression, const Expression *child)
{
    if (child->height >= expression->height)
        expression->height = child->height + 1;
    check_height(parser, expression);
}

static void expression_contains_path(Parser *parser, Expression *expression, const Path *path)
{
    for (size_t i = 0; i < path->parts.count; i++)
        if (path->parts.items[i].index)
            expression_contains(parser, expression, path->parts.items[i].index);
}

static void expression_contains_list(Parser *parser, Expression *expression, const ExpressionList *items)
{
    for (size_t i = 0; i < items->count; i++)
        expression_contains(parser, expression, items->items[i]);
}

Expression *build_if(Parser *parser, Token word, Expression *condition, Expression *yes, Expression *no)
{
    Expression *expression = expression_new(parser, EXPRESSION_IF, span_join(word.span, no->span));
    expression->a = condition;
    expression->b = yes;
    expression->c = no;
    expression_contains(parser, expression, condition);
    expression_contains(parser, expression, yes);
    expression_contains(parser, expression, no);
    return expression;
}

Expression *build_binary(Parser *parser, Expression *left, Token operator, Expression * right)
{
    Expression *expression = expression_new(parser, EXPRESSION_BINARY, span_join(left->span, right->span));
    expression->text = operator.text;
    expression->a = left;
    expression->b = right;
    expression_contains(parser, expression, left);
    expression_contains(parser, expression, right);
    return expression;
}

Expression *build_unary(Parser *parser, Token operator, Expression * operand)
{
    Expression *expression =
        expression_new(parser, EXPRESSION_UNARY, span_join(operator.span, operand->span));
    expression->text = operator.text;
    expression->a = operand;
    expression_contains(parser, expression, operand);
    return expression;
}

Expression *build_index(Parser *parser, Expression *list, Expression *index, Token close)
{
    Expression *expression = expression_new(parser, EXPRESSION_INDEX, span_join(list->span, close.span));
    expression->a = list;
    list_push(parser->arena, &expression->items, index);
    expression_contains(parser, expression, list);
    expression_contains(parser, expression, index);
    return expression;
}

Expression *build_number(Parser *parser, Token number, Unit unit, Token last)
{
    Expression *expression = expression_new(parser, EXPRESSION_NUMBER, span_join(number.span, last.span));
    expression->number = number.number;
    expression->unit = unit;
    return expression;
}

Expression *build_negative(Token minus, Expression *number)
{
    number->number = -number->number;
    number->span = span_join(minus.span, number->span);
    return number;
}

Expression *build_string(Parser *parser, Token string)
{
    Expression *expression = expression_new(parser, EXPRESSION_STRING, string.span);
    expression->text = string.text;
    return expression;
}

Expression *build_boolean(Parser *parser, Token word)
{
    Expression *expression = expression_new(parser, EXPRESSION_BOOLEAN, word.span);
    expression->number = word.kind == TOKEN_TRUE;
    return expression;
}

Expression *build_word(Parser *parser, Token word)
{
    return build_path_expression(parser, build_path(parser, word));
}

Expression *build_words(Parser *parser, Token open, ExpressionList *values, Token close)
{
    Expression *expression = expression_new(parser, EXPRESSION_WORDS, span_join(open.span, close.span));
    expression->items = *values;
    expression_contains_list(parser, expression, values);
    return expression;
}

Expression *build_list_expression(Parser *parser, Token open, ExpressionList *items, Token close)
{
    Expression *expression = expression_new(parser, EXPRESSION_LIST, span_join(open.span, close.span));
    if (items) {
        expression->items = *items;
        expression_contains_list(parser, expression, items);
    }
    return expression;
}

Expression *build_path_expression(Parser *parser, Path *path)
{
    Expression *expression = expression_new(parser, EXPRESSION_PATH, path->span);
    expression->path = path;
    expression_contains_path(parser, expression, path);
    return expression;
}

Expression *build_call(Parser *parser, Path *path, ArgumentList *arguments, Token close)
{
    Expression *expression = expression_new(parser, EXPRESSION_CALL, span_join(path->span, close.span));
    expression->path = path;
    expression_contains_path(parser, expression, path);
    if (arguments)
        expression->arguments = *arguments;
    for (size_t i = 0; i < expression->arguments.count; i++)
        expression_contains(parser, expression, expression->arguments.items[i].value);
    return expression;
}

Expression *build_as(Parser *parser, Expression *call, Path *as)
{
    call->as = as;
    expression_contains_path(parser, call, as);
    return call;
}

Argument build_positional(Expression *value)
{
    return (Argument){.value = value, .span = value->span};
}

Argument build_named(Token name, Expression *value)
{
    return (Argument){.name = name.text, .value = value, .span = span_join(name.span, value->span)};
}

/* ---------------------------------------------------------------- paths */

static Path *path_add(Parser *parser, Path *path, PathPart part)
{
    if (!path) {
        path = ARENA_NEW(parser->arena, Path);
        path->span = part.span;
    }
    path->span = span_join(path->span, part.span);
    list_push(parser->arena, &path->parts, part);
    return path;
}

Path *build_path(Parser *parser, Token name)
{
    return path_add(parser, NULL, (PathPart){.name = name.text, .span = name.span});
}

Path *build_path_part(Parser *parser, Path *path, Token part)
{
    return path_add(parser, path, (PathPart){.name = part.text, .span = part.span});
}

Path *build_path_index(Parser *parser, Path *path, Token open, Expression *index, Token close)
{
    return path_add(parser, path, (PathPart){.index = index, .span = span_join(open.span, close.span)});
}

Path *build_path_string(Parser *parser, Token string)
{
    return path_add(parser, NULL, (PathPart){.index = build_string(parser, string), .span = string.span});
}
