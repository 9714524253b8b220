/* The abstract syntax: what the grammar builds and elaboration reads. Every node knows its span. */
#ifndef HPACC_FRONT_AST_H
#define HPACC_FRONT_AST_H

#include <stdbool.h>
#include "../base/arena.h"
#include "../base/diagnostic.h"
#include "../base/text.h"

typedef enum Unit { UNIT_NONE, UNIT_PERCENT, UNIT_PIXELS, UNIT_DEGREES, UNIT_EPOCHS, UNIT_STEPS } Unit;

typedef enum ExpressionKind {
    EXPRESSION_NUMBER,  /* number, unit */
    EXPRESSION_STRING,  /* text */
    EXPRESSION_BOOLEAN, /* number is 0 or 1 */
    EXPRESSION_PATH,    /* path */
    EXPRESSION_CALL,    /* path, arguments; as */
    EXPRESSION_UNARY,   /* text is the operator: "-" or "not"; a */
    EXPRESSION_BINARY,  /* text is the operator: + - * / ^ == != < <= > >= and or; a, b */
    EXPRESSION_IF,      /* if a then b else c */
    EXPRESSION_LIST,    /* items */
    EXPRESSION_INDEX,   /* a [ items[0] ] */
    EXPRESSION_WORDS    /* settings only: values in round brackets, "(statistics frozen)": items */
} ExpressionKind;

typedef struct Expression Expression;
typedef LIST(Expression *) ExpressionList;

/* One part of a path: a name, or computed (name == NULL): an [expression] as in body.layer1.[i].conv1, or,
 * behind `as` alone, a string whose {name} holes are values known to the compiler: as
 * "conv{stage}_block{i}_1_conv". */
typedef struct PathPart {
    const char *name;
    Expression *index;
    Span span;
} PathPart;

typedef struct Path {
    LIST(PathPart) parts;
    Span span;
} Path;
typedef LIST(Path *) PathList;

typedef struct Argument {
    const char *name; /* NULL: by position */
    Expression *value;
    Span span;
} Argument;
typedef LIST(Argument) ArgumentList;

struct Expression {
    ExpressionKind kind;
    Span span;
    double number;
    Unit unit;
    const char *text;
    Path *path;
    ArgumentList arguments;
    Path *as; /* EXPRESSION_CALL: "project(x) as downsample" inside a larger expression; NULL: none */
    Expression *a, *b, *c;
    ExpressionList items;
    bool after_comma; /* among the values of a setting: a comma stands before it */
    int height;       /* of the tree below; at most EXPRESSION_HEIGHT, so that recursion over it is safe */
};
enum { EXPRESSION_HEIGHT = 500 };

typedef enum StatementKind {
    STATEMENT_BIND,      /* name = value */
    STATEMENT_UPDATE,    /* name := value */
    STATEMENT_STATE,     /* state name = value (one statement per name) */
    STATEMENT_PARAMETER, /* parameter name : [shape] = value; shape may be empty: a rank-0 parameter */
    STATEMENT_REPEAT,    /* repeat name in first to last { body }; last included */
    STATEMENT_RETURN     /* return value */
} StatementKind;

typedef struct Statement Statement;
typedef LIST(Statement *) StatementList;
struct Statement {
    StatementKind kind;
    Span span;
    const char *name;
    Span name_span;
    Expression *value;
    Expression *first, *last;
    ExpressionList shape;
    StatementList body;
};

typedef struct Parameter { /* of a block, loss, optimizer or schedule */
    const char *name;
    Expression *value; /* the default, or NULL */
    Span span;
} Parameter;
typedef LIST(Parameter) ParameterList;

/* block, loss, optimizer, schedule: a name, parameters and a body */
typedef enum DefinitionKind {
    DEFINITION_BLOCK,
    DEFINITION_LOSS,
    DEFINITION_OPTIMIZER,
    DEFINITION_SCHEDULE
} DefinitionKind;

typedef struct Definition {
    DefinitionKind kind;
    const char *name;
    ParameterList parameters;
    StatementList body;
    Span span; /* of the name */
} Definition;

/* A setting inside a stage, dataset, augment ... : words and values in order, as written.
 * "rotate 0 to 360 deg", "train head", "freeze others (statistics frozen)", "lr = one_cycle { bottom 1e-5;
 * ... }", "part train { folder "train"; ... }". What the words mean is decided by elaboration, which knows
 * the context. */
typedef struct Setting Setting;
typedef LIST(Setting *) SettingList;
struct Setting {
    const char *word; /* the first word: "rotate", "train", "lr", "file"; with its dots when it is a path:
                         "conv1.weight" */
    bool quoted;      /* the word is a path written in double quotes */
    Span span;        /* of the word */
    bool assigned; /* written with '=': values[0] is a whole expression, words may follow ("macro_ap maximum")
                    */
    ExpressionList values; /* what follows, in order: numbers (a minus sign is in the number), strings,
                              [lists], (words), paths. Connecting words ("to", "or", "of", "any", "except",
                              "from", "*") are paths of one part. */
    bool has_body;
    SettingList body; /* { ... } */
    Span close;       /* the closing brace */
};

typedef enum DeclarationKind {
    DECLARATION_VERSION,    /* hpanet 1: value; checked by the parser */
    DECLARATION_USE,        /* use "file" */
    DECLARATION_CONSTANT,   /* constant name = value */
    DECLARATION_INPUT,      /* input image = data.image at 256 px */
    DECLARATION_TARGET,     /* target labels = data.labels */
    DECLARATION_NETWORK,    /* network { ... } */
    DECLARATION_DEFINITION, /* block, loss, optimizer, schedule */
    DECLARATION_GROUP,      /* group bottom = body.conv1, body.bn1 */
    DECLARATION_SETTING /* everything else: dataset, normalize, weights, loss =, validate =, select =, split,
                           oversample, augment, optimizer =, batch, stage */
} DeclarationKind;

typedef struct Declaration {
    DeclarationKind kind;
    Span span;
    const char *name; /* constant, input, target, group, definition: the name; use: the file */
    Span name_span;
    Expression *value;  /* version, constant, input, target */
    Expression *size;   /* input: "at 256 px" */
    StatementList body; /* network */
    Definition *definition;
    PathList paths; /* group */
    Setting *setting;
} Declaration;

typedef struct SourceUnit { /* one parsed file */
    const SourceFile *file;
    LIST(Declaration *) declarations;
} SourceUnit;

/* Reads a source file whole; a file that is missing, too long or not text ends the program with a message. */
const SourceFile *source_read(Arena *arena, const char *path);

/* Parses. A syntax error is reported with what was expected and ends the program with status 1. */
SourceUnit *parse_file(Arena *arena, Diagnostics *diagnostics, const char *path);
SourceUnit *parse_text(Arena *arena, Diagnostics *diagnostics, const SourceFile *file);

/* "body.layer1.[i].conv1" */
const char *path_text(Arena *arena, const Path *path);

/* From the first byte of `from` to the last of `to` when they share a line, else `from`. */
Span span_join(Span from, Span to);

/* The tree as text, for --dump ast and tests. */
void ast_print(Text *out, const SourceUnit *unit);

#endif
