/* Private to the parser: tokens, the lexer, and the builders that the grammar's actions call. */
#ifndef HPACC_FRONT_BUILD_H
#define HPACC_FRONT_BUILD_H

#include "ast.h"
#include "hpanet.h" /* TOKEN_..., made by Lemon */

typedef struct Token {
    int kind; /* TOKEN_...; 0 is the end of the file */
    Span span;
    const char *text; /* as written; a string's value without quotes and escapes */
    double number;
} Token;

typedef struct Lexer {
    Arena *arena;
    Diagnostics *diagnostics;
    const SourceFile *file;
    size_t at;         /* next byte */
    size_t line_start; /* where the current line begins */
    int line;
    int previous;     /* kind of the last token, 0 before the first */
    LIST(Token) open; /* brackets that are open, outermost first */
    bool failed;      /* an error was reported */
} Lexer;

void lexer_start(Lexer *lexer, Arena *arena, Diagnostics *diagnostics, const SourceFile *file);
Token lexer_next(Lexer *lexer); /* after an error: the end of the file */

typedef struct Parser {
    Arena *arena;
    Diagnostics *diagnostics;
    Lexer lexer;
    SourceUnit *unit;
    Token head;     /* the first token of the declaration being read */
    Token first;    /* the first token of the statement being read */
    Token previous; /* the token before the one being read */
    bool failed;
} Parser;

/* Reports a token that cannot stand where it was found; expected[t]: token t could. */
void parser_unexpected(Parser *parser, Token found, const bool *expected);
void parser_too_deep(Parser *parser);

/* A setting's braces, on their way into the Setting. */
typedef struct SettingBlock {
    SettingList settings;
    Span close;
} SettingBlock;

/* ---- declarations */
void build_unit(Parser *parser, Declaration *declaration);
Declaration *build_version(Parser *parser, Token word, Token number);
Declaration *build_use(Parser *parser, Token word, Token file);
Declaration *build_value(Parser *parser, DeclarationKind kind, Token word, Token name, Expression *value,
                         Expression *size);
Declaration *build_network(Parser *parser, Token word, StatementList *body);
Declaration *build_group(Parser *parser, Token word, Token name, PathList *paths);
Declaration *build_definition(Parser *parser, DefinitionKind kind, Token word, Definition *definition);
Declaration *build_setting_declaration(Parser *parser, Setting *setting);
Definition *build_signature(Parser *parser, Token name, ParameterList *parameters, StatementList *body);
Parameter build_parameter(Token name, Expression *value);

/* ---- lists: the first item comes with list NULL */
PathList *build_paths(Parser *parser, PathList *list, Path *path);
ParameterList *build_parameters(Parser *parser, ParameterList *list, Parameter parameter);
ArgumentList *build_arguments(Parser *parser, ArgumentList *list, Argument argument);
ExpressionList *build_list(Parser *parser, ExpressionList *list, Expression *item);
ExpressionList *build_list_after_comma(Parser *parser, ExpressionList *list, Expression *item);
SettingList *build_settings(Parser *parser, SettingList *list, Setting *setting);
StatementList *build_statements(Parser *parser, StatementList *list,
                                Statement *statement); /* NULL adds nothing */
StatementList *build_states(Parser *parser, StatementList *list, StatementList *states);

/* ---- settings */
Token build_dotted(Parser *parser, Token name, Token part);
SettingBlock *build_braces(Parser *parser, SettingList *settings, Token close);
Setting *build_values(Parser *parser, bool assigned, ExpressionList *values, SettingBlock *block);
Setting *build_assignment(Parser *parser, Expression *value, ExpressionList *words, SettingBlock *block);
Setting *build_setting(Setting *setting, Token name); /* gives the setting its name */

/* ---- statements */
Statement *build_bind(Parser *parser, StatementKind kind, Token name, Expression *value);
Statement *build_return(Parser *parser, Token word, Expression *value);
Statement *build_parameter_statement(Parser *parser, Token word, Token name, ExpressionList *shape,
                                     Expression *value);
Statement *build_repeat(Parser *parser, Token word, Token name, Expression *first, Expression *last,
                        StatementList *body);

/* ---- expressions */
Expression *build_if(Parser *parser, Token word, Expression *condition, Expression *yes, Expression *no);
Expression *build_binary(Parser *parser, Expression *left, Token operator, Expression * right);
Expression *build_unary(Parser *parser, Token operator, Expression * operand);
Expression *build_index(Parser *parser, Expression *list, Expression *index, Token close);
Expression *build_number(Parser *parser, Token number, Unit unit, Token last);
Expression *build_negative(Token minus, Expression *number);
Expression *build_string(Parser *parser, Token string);
Expression *build_boolean(Parser *parser, Token word);
Expression *build_word(Parser *parser, Token word); /* a reserved word among a setting's values */
Expression *build_words(Parser *parser, Token open, ExpressionList *values, Token close);
Expression *build_list_expression(Parser *parser, Token open, ExpressionList *items, Token close);
Expression *build_path_expression(Parser *parser, Path *path);
Expression *build_call(Parser *parser, Path *path, ArgumentList *arguments, Token close);
Expression *build_as(Parser *parser, Expression *call, Path *as);
Argument build_positional(Expression *value);
Argument build_named(Token name, Expression *value);

/* ---- paths: path NULL begins one */
Path *build_path(Parser *parser, Token name);
Path *build_path_part(Parser *parser, Path *path, Token part);
Path *build_path_index(Parser *parser, Path *path, Token open, Expression *index, Token close);
Path *build_path_string(Parser *parser, Token string);

#endif
