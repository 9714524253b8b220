/* The grammar of .hpanet files, for Lemon. Every action is one builder call (compiler/front/ast.c); nothing is checked here.
 *
 * The lexer does the lines: END stands at a newline, a ';' or before a '}' that ends a statement, never twice in a row
 * and never inside round or square brackets. Words of the language are contextual (%fallback): `input`, `state`, `train`
 * are names wherever the grammar does not expect them. There are no conflicts, and the build fails if one appears. */

%name            LemonParser
%token_prefix    TOKEN_
%token_type      {Token}
%extra_argument  {Parser *parser}
%start_symbol    file
%stack_size      1000

%include {
#include "build.h"
#define YYNOERRORRECOVERY 1 /* the first syntax error is the last */
struct yyParser;
static void report_unexpected(struct yyParser *yypParser, Parser *parser, Token found);
}

%syntax_error   { report_unexpected(yypParser, parser, TOKEN); }
%stack_overflow { parser_too_deep(parser); }

%fallback NAME HPANET USE CONSTANT INPUT TARGET NETWORK BLOCK LOSS OPTIMIZER SCHEDULE GROUP STATE PARAMETER
               IN TO AT AS PX DEG EPOCHS STEPS.

/* ---------------------------------------------------------------- declarations */

file ::= declarations.
declarations ::= .
declarations ::= declarations declaration(D) END. { build_unit(parser, D); }

%type declaration {Declaration *}
declaration(A) ::= HPANET(W) NUMBER(N).                                { A = build_version(parser, W, N); }
declaration(A) ::= USE(W) STRING(F).                                   { A = build_use(parser, W, F); }
declaration(A) ::= CONSTANT(W) NAME(N) ASSIGN expression(V).           { A = build_value(parser, DECLARATION_CONSTANT, W, N, V, NULL); }
declaration(A) ::= INPUT(W) NAME(N) ASSIGN expression(V) AT expression(S). { A = build_value(parser, DECLARATION_INPUT, W, N, V, S); }
declaration(A) ::= TARGET(W) NAME(N) ASSIGN expression(V).             { A = build_value(parser, DECLARATION_TARGET, W, N, V, NULL); }
declaration(A) ::= NETWORK(W) block(B).                                { A = build_network(parser, W, B); }
declaration(A) ::= GROUP(W) NAME(N) ASSIGN paths(P).                   { A = build_group(parser, W, N, P); }
declaration(A) ::= BLOCK(W) definition(D).                             { A = build_definition(parser, DEFINITION_BLOCK, W, D); }
declaration(A) ::= LOSS(W) definition(D).                              { A = build_definition(parser, DEFINITION_LOSS, W, D); }
declaration(A) ::= OPTIMIZER(W) definition(D).                         { A = build_definition(parser, DEFINITION_OPTIMIZER, W, D); }
declaration(A) ::= SCHEDULE(W) definition(D).                          { A = build_definition(parser, DEFINITION_SCHEDULE, W, D); }
declaration(A) ::= LOSS(W) assignment(S).                              { A = build_setting_declaration(parser, build_setting(S, W)); }
declaration(A) ::= OPTIMIZER(W) assignment(S).                         { A = build_setting_declaration(parser, build_setting(S, W)); }
declaration(A) ::= setting(S).                                         { A = build_setting_declaration(parser, S); }

%type paths {PathList *}
%type selector {Path *}
paths(A) ::= selector(P).                { A = build_paths(parser, NULL, P); }
paths(A) ::= paths(L) COMMA selector(P). { A = build_paths(parser, L, P); }
selector(A) ::= path(P).                 { A = P; }
selector(A) ::= STRING(S).               { A = build_path_string(parser, S); }

%type definition {Definition *}
definition(A) ::= NAME(N) LEFT_PARENTHESIS parameters(P) RIGHT_PARENTHESIS block(B). { A = build_signature(parser, N, P, B); }

%type parameters {ParameterList *}
%type some_parameters {ParameterList *}
parameters(A) ::= .                                        { A = NULL; }
parameters(A) ::= some_parameters(P).                      { A = P; }
some_parameters(A) ::= parameter(P).                       { A = build_parameters(parser, NULL, P); }
some_parameters(A) ::= some_parameters(L) COMMA parameter(P). { A = build_parameters(parser, L, P); }
%type parameter {Parameter}
parameter(A) ::= NAME(N).                      { A = build_parameter(N, NULL); }
parameter(A) ::= NAME(N) ASSIGN expression(V). { A = build_parameter(N, V); }

/* ---------------------------------------------------------------- settings */

%type setting {Setting *}
setting(A) ::= setting_name(N) values(V) settings_block(B). { A = build_setting(build_values(parser, false, V, B), N); }
setting(A) ::= setting_name(N) assignment(S).               { A = build_setting(S, N); }

setting_name(A) ::= NAME(N).                          { A = N; }
setting_name(A) ::= setting_name(N) DOT PART(P).      { A = build_dotted(parser, N, P); }

%type assignment {Setting *}
assignment(A) ::= ASSIGN expression(E) words(W) settings_block(B). { A = build_assignment(parser, E, W, B); }
assignment(A) ::= ASSIGN braces(B).                                { A = build_values(parser, true, NULL, B); }

%type settings_block {SettingBlock *}
%type braces {SettingBlock *}
settings_block(A) ::= .                                    { A = NULL; }
settings_block(A) ::= braces(B).                           { A = B; }
braces(A) ::= LEFT_BRACE settings(S) RIGHT_BRACE(E).       { A = build_braces(parser, S, E); }
%type settings {SettingList *}
settings(A) ::= .                                          { A = NULL; }
settings(A) ::= settings(L) setting(S) END.                { A = build_settings(parser, L, S); }
settings(A) ::= settings(L) STRING(N) values(V) END.       { A = build_settings(parser, L, build_setting(build_values(parser, false, V, NULL), N)); }

/* What follows a setting's name: values side by side, with commas where the writer put them. */
%type values {ExpressionList *}
%type some_values {ExpressionList *}
values(A) ::= .                                    { A = NULL; }
values(A) ::= some_values(L).                      { A = L; }
some_values(A) ::= value(V).                       { A = build_list(parser, NULL, V); }
some_values(A) ::= some_values(L) value(V).        { A = build_list(parser, L, V); }
some_values(A) ::= some_values(L) COMMA value(V).  { A = build_list_after_comma(parser, L, V); }

/* What follows an assigned expression: begins with a word, or it would be part of the expression. */
%type words {ExpressionList *}
%type some_words {ExpressionList *}
words(A) ::= .                                     { A = NULL; }
words(A) ::= some_words(L).                        { A = L; }
some_words(A) ::= path(P).                         { A = build_list(parser, NULL, build_path_expression(parser, P)); }
some_words(A) ::= some_words(L) value(V).          { A = build_list(parser, L, V); }
some_words(A) ::= some_words(L) COMMA value(V).    { A = build_list_after_comma(parser, L, V); }

%type value {Expression *}
value(A) ::= number(N).                            { A = N; }
value(A) ::= MINUS(M) number(N).                   { A = build_negative(M, N); }
value(A) ::= STRING(S).                            { A = build_string(parser, S); }
value(A) ::= path(P).                              { A = build_path_expression(parser, P); }
value(A) ::= list(L).                              { A = L; }
value(A) ::= LEFT_PARENTHESIS(L) some_values(V) RIGHT_PARENTHESIS(R). { A = build_words(parser, L, V, R); }
value(A) ::= OR(W).                                { A = build_word(parser, W); }
value(A) ::= AND(W).                               { A = build_word(parser, W); }
value(A) ::= NOT(W).                               { A = build_word(parser, W); }
value(A) ::= STAR(W).                              { A = build_word(parser, W); }
value(A) ::= REPEAT(W).                            { A = build_word(parser, W); }

/* ---------------------------------------------------------------- statements */

%type block {StatementList *}
%type statements {StatementList *}
block(A) ::= LEFT_BRACE statements(S) RIGHT_BRACE.    { A = S; }
statements(A) ::= .                                   { A = build_statements(parser, NULL, NULL); }
statements(A) ::= statements(L) statement(S) END.     { A = build_statements(parser, L, S); }
statements(A) ::= statements(L) STATE states(S) END.  { A = build_states(parser, L, S); }

%type statement {Statement *}
statement(A) ::= bound_name(N) ASSIGN expression(V).  { A = build_bind(parser, STATEMENT_BIND, N, V); }
statement(A) ::= bound_name(N) UPDATE expression(V).  { A = build_bind(parser, STATEMENT_UPDATE, N, V); }
statement(A) ::= RETURN(W) expression(V).             { A = build_return(parser, W, V); }
statement(A) ::= PARAMETER(W) NAME(N) COLON LEFT_BRACKET expressions(S) RIGHT_BRACKET ASSIGN expression(V).
                                                      { A = build_parameter_statement(parser, W, N, S, V); }
statement(A) ::= REPEAT(W) NAME(N) IN expression(F) TO expression(L) block(B).
                                                      { A = build_repeat(parser, W, N, F, L, B); }

/* `parameter := parameter - lr * gradient`: the words that open a statement can also be bound. */
bound_name(A) ::= NAME(N).       { A = N; }
bound_name(A) ::= STATE(N).      { A = N; }
bound_name(A) ::= PARAMETER(N).  { A = N; }

%type states {StatementList *}
states(A) ::= NAME(N) ASSIGN expression(V).                 { A = build_statements(parser, NULL, build_bind(parser, STATEMENT_STATE, N, V)); }
states(A) ::= states(L) COMMA NAME(N) ASSIGN expression(V). { A = build_statements(parser, L, build_bind(parser, STATEMENT_STATE, N, V)); }

/* ---------------------------------------------------------------- expressions, loosest first */

%type expression {Expression *}
%type disjunction {Expression *}
%type conjunction {Expression *}
%type negation {Expression *}
%type comparison {Expression *}
%type sum {Expression *}
%type product {Expression *}
%type unary {Expression *}
%type power {Expression *}
%type postfix {Expression *}
%type primary {Expression *}

expression(A) ::= disjunction(E).  { A = E; }
expression(A) ::= IF(W) expression(C) THEN expression(T) ELSE expression(E). { A = build_if(parser, W, C, T, E); }

disjunction(A) ::= conjunction(E).                    { A = E; }
disjunction(A) ::= disjunction(L) OR(O) conjunction(R).  { A = build_binary(parser, L, O, R); }
conjunction(A) ::= negation(E).                       { A = E; }
conjunction(A) ::= conjunction(L) AND(O) negation(R). { A = build_binary(parser, L, O, R); }
negation(A) ::= comparison(E).                        { A = E; }
negation(A) ::= NOT(O) negation(E).                   { A = build_unary(parser, O, E); }

comparison(A) ::= sum(E).                             { A = E; }
comparison(A) ::= sum(L) EQUAL(O) sum(R).             { A = build_binary(parser, L, O, R); }
comparison(A) ::= sum(L) NOT_EQUAL(O) sum(R).         { A = build_binary(parser, L, O, R); }
comparison(A) ::= sum(L) LESS(O) sum(R).              { A = build_binary(parser, L, O, R); }
comparison(A) ::= sum(L) LESS_EQUAL(O) sum(R).        { A = build_binary(parser, L, O, R); }
comparison(A) ::= sum(L) GREATER(O) sum(R).           { A = build_binary(parser, L, O, R); }
comparison(A) ::= sum(L) GREATER_EQUAL(O) sum(R).     { A = build_binary(parser, L, O, R); }

sum(A) ::= product(E).                                { A = E; }
sum(A) ::= sum(L) PLUS(O) product(R).                 { A = build_binary(parser, L, O, R); }
sum(A) ::= sum(L) MINUS(O) product(R).                { A = build_binary(parser, L, O, R); }
product(A) ::= unary(E).                              { A = E; }
product(A) ::= product(L) STAR(O) unary(R).           { A = build_binary(parser, L, O, R); }
product(A) ::= product(L) SLASH(O) unary(R).          { A = build_binary(parser, L, O, R); }

unary(A) ::= power(E).                                { A = E; }
unary(A) ::= MINUS(O) unary(E).                       { A = build_unary(parser, O, E); }
power(A) ::= postfix(E).                              { A = E; }
power(A) ::= postfix(L) CARET(O) unary(R).            { A = build_binary(parser, L, O, R); }
postfix(A) ::= primary(E).                            { A = E; }
postfix(A) ::= postfix(E) LEFT_BRACKET expression(I) RIGHT_BRACKET(R). { A = build_index(parser, E, I, R); }

primary(A) ::= number(E).                             { A = E; }
primary(A) ::= STRING(S).                             { A = build_string(parser, S); }
primary(A) ::= TRUE(W).                               { A = build_boolean(parser, W); }
primary(A) ::= FALSE(W).                              { A = build_boolean(parser, W); }
primary(A) ::= path(P).                               { A = build_path_expression(parser, P); }
primary(A) ::= call(E).                               { A = E; }
primary(A) ::= call(E) AS as_path(P).                 { A = build_as(parser, E, P); }
primary(A) ::= list(E).                               { A = E; }
primary(A) ::= LEFT_PARENTHESIS expression(E) RIGHT_PARENTHESIS. { A = E; }

%type number {Expression *}
number(A) ::= NUMBER(N).             { A = build_number(parser, N, UNIT_NONE, N); }
number(A) ::= NUMBER(N) PERCENT(U).  { A = build_number(parser, N, UNIT_PERCENT, U); }
number(A) ::= NUMBER(N) PX(U).       { A = build_number(parser, N, UNIT_PIXELS, U); }
number(A) ::= NUMBER(N) DEG(U).      { A = build_number(parser, N, UNIT_DEGREES, U); }
number(A) ::= NUMBER(N) EPOCHS(U).   { A = build_number(parser, N, UNIT_EPOCHS, U); }
number(A) ::= NUMBER(N) STEPS(U).    { A = build_number(parser, N, UNIT_STEPS, U); }

%type list {Expression *}
list(A) ::= LEFT_BRACKET(L) expressions(E) RIGHT_BRACKET(R). { A = build_list_expression(parser, L, E, R); }
%type expressions {ExpressionList *}
%type some_expressions {ExpressionList *}
expressions(A) ::= .                                         { A = NULL; }
expressions(A) ::= some_expressions(L).                      { A = L; }
expressions(A) ::= some_expressions(L) COMMA.                { A = L; }
some_expressions(A) ::= expression(E).                       { A = build_list(parser, NULL, E); }
some_expressions(A) ::= some_expressions(L) COMMA expression(E). { A = build_list(parser, L, E); }

%type call {Expression *}
call(A) ::= path(P) LEFT_PARENTHESIS arguments(L) RIGHT_PARENTHESIS(R). { A = build_call(parser, P, L, R); }
%type arguments {ArgumentList *}
%type some_arguments {ArgumentList *}
arguments(A) ::= .                                         { A = NULL; }
arguments(A) ::= some_arguments(L).                        { A = L; }
some_arguments(A) ::= argument(E).                         { A = build_arguments(parser, NULL, E); }
some_arguments(A) ::= some_arguments(L) COMMA argument(E). { A = build_arguments(parser, L, E); }
%type argument {Argument}
argument(A) ::= expression(E).                             { A = build_positional(E); }
argument(A) ::= NAME(N) ASSIGN expression(E).              { A = build_named(N, E); }

/* ---------------------------------------------------------------- paths */

%type path {Path *}
path(A) ::= NAME(N).                                       { A = build_path(parser, N); }
path(A) ::= path(P) DOT PART(N).                           { A = build_path_part(parser, P, N); }
path(A) ::= path(P) DOT LEFT_BRACKET(L) expression(E) RIGHT_BRACKET(R). { A = build_path_index(parser, P, L, E, R); }

%type as_path {Path *}
as_path(A) ::= path(P).                                    { A = P; }
as_path(A) ::= computed_path(P).                           { A = P; }
%type computed_path {Path *}
computed_path(A) ::= STRING(S).                            { A = build_path_string(parser, S); }
computed_path(A) ::= LEFT_BRACKET(L) expression(E) RIGHT_BRACKET(R). { A = build_path_index(parser, NULL, L, E, R); }
computed_path(A) ::= computed_path(P) DOT PART(N).         { A = build_path_part(parser, P, N); }
computed_path(A) ::= computed_path(P) DOT LEFT_BRACKET(L) expression(E) RIGHT_BRACKET(R). { A = build_path_index(parser, P, L, E, R); }

/* ---------------------------------------------------------------- what could have stood here */

%code {
/* Would `token` itself (not the name it falls back to) be shifted here? Runs the reductions that it would cause on a copy
 * of the stack of states. Relies on `lemon -c`: a table without default reductions. */
static bool token_is_expected(const yyParser *p, int token)
{
    YYACTIONTYPE states[YYSTACKDEPTH + 1];
    int top = (int)(p->yytos - p->yystack);
    for (int i = 0; i <= top; i++)
        states[i] = p->yystack[i].stateno;
    for (;;) {
        YYACTIONTYPE action = states[top];
        if (action <= YY_MAX_SHIFT) {
            int place = yy_shift_ofst[action] + token;
            if (yy_lookahead[place] != token)
                return false;
            action = yy_action[place];
        }
        if (action < YY_MIN_REDUCE)
            return action <= YY_MAX_SHIFTREDUCE;
        int rule = action - YY_MIN_REDUCE;
        top += yyRuleInfoNRhs[rule] + 1;
        if (top > YYSTACKDEPTH)
            return false;
        states[top] = yy_find_reduce_action(states[top - 1], yyRuleInfoLhs[rule]);
    }
}

static void report_unexpected(yyParser *p, Parser *parser, Token found)
{
    bool expected[YYNTOKEN] = {false};
    for (int token = 1; token < YYNTOKEN; token++)
        expected[token] = token_is_expected(p, token);
    parser_unexpected(parser, found, expected);
}
}
