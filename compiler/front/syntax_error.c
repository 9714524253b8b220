/* What to say about a token that cannot stand where it was found. */
#include "build.h"

#include <string.h>

typedef struct TokenInfo {
    const char *spelling;
    enum { CLASS_WORD, CLASS_CONTEXTUAL, CLASS_SYMBOL, CLASS_CLASS } class;
} TokenInfo;

static const TokenInfo token_table[] = {
#define TOKEN(NAME, spelling, class) [TOKEN_##NAME] = {spelling, CLASS_##class},
#include "tokens.def"
#undef TOKEN
};
enum { TOKEN_COUNT = sizeof token_table / sizeof token_table[0] };

/* ---------------------------------------------------------------- found ..., expected ... */

static void add_found(Text *out, Token found)
{
    enum { LONGEST = 40 };
    const char *more = strlen(found.text) > LONGEST ? "..." : "";
    switch (found.kind) {
    case 0: text_add(out, "the end of the file"); break;
    case TOKEN_END:
        text_add(out,
                 !strcmp(found.text, "\n") ? "the end of the line"
                 : !strcmp(found.text, "") ? "the end of the file"
                                           : "'%s'",
                 found.text);
        break;
    case TOKEN_STRING: text_add(out, "the string \"%.*s%s\"", LONGEST, found.text, more); break;
    case TOKEN_NUMBER: text_add(out, "the number %.*s%s", LONGEST, found.text, more); break;
    default:
        text_add(out, token_table[found.kind].class == CLASS_SYMBOL ? "'%.*s%s'" : "the word '%.*s%s'",
                 LONGEST, found.text, more);
    }
}

/* Kinds of tokens that are named together. Each: the tokens that must all be expected, and those it then
 * stands for. */
static const struct {
    const char *name;
    int all[4];
    int stands_for[24];
} families[] = {
    {"a declaration (use, input, network, block, stage, ...)",
     {TOKEN_USE, TOKEN_NETWORK},
     {TOKEN_HPANET, TOKEN_USE, TOKEN_CONSTANT, TOKEN_INPUT, TOKEN_TARGET, TOKEN_NETWORK, TOKEN_BLOCK,
      TOKEN_LOSS, TOKEN_OPTIMIZER, TOKEN_SCHEDULE, TOKEN_GROUP, TOKEN_NAME}},
    {"a statement (name = value, name := value, repeat, return, ...)",
     {TOKEN_REPEAT, TOKEN_RETURN},
     {TOKEN_REPEAT, TOKEN_RETURN, TOKEN_STATE, TOKEN_PARAMETER, TOKEN_NAME}},
    {"an operator",
     {TOKEN_PLUS},
     {TOKEN_PLUS,      TOKEN_MINUS,  TOKEN_STAR,         TOKEN_SLASH,   TOKEN_CARET,         TOKEN_EQUAL,
      TOKEN_NOT_EQUAL, TOKEN_LESS,   TOKEN_LESS_EQUAL,   TOKEN_GREATER, TOKEN_GREATER_EQUAL, TOKEN_AND,
      TOKEN_OR,        TOKEN_DOT,    TOKEN_LEFT_BRACKET, TOKEN_AS,      TOKEN_PERCENT,       TOKEN_PX,
      TOKEN_DEG,       TOKEN_EPOCHS, TOKEN_STEPS}},
    {"a value",
     {TOKEN_NUMBER, TOKEN_NAME, TOKEN_LEFT_PARENTHESIS, TOKEN_MINUS},
     {TOKEN_NUMBER,       TOKEN_NAME,  TOKEN_STRING, TOKEN_LEFT_PARENTHESIS,
      TOKEN_LEFT_BRACKET, TOKEN_MINUS, TOKEN_IF,     TOKEN_NOT,
      TOKEN_AND,          TOKEN_OR,    TOKEN_STAR,   TOKEN_REPEAT,
      TOKEN_TRUE,         TOKEN_FALSE, TOKEN_DOT,    TOKEN_PERCENT,
      TOKEN_PX,           TOKEN_DEG,   TOKEN_EPOCHS, TOKEN_STEPS}},
    {"a name or a string", {TOKEN_NAME, TOKEN_STRING}, {TOKEN_NAME, TOKEN_STRING, TOKEN_LEFT_BRACKET}},
};

static const char *add_expected(Arena *arena, const bool *expected)
{
    bool left[TOKEN_COUNT] = {false};
    LIST(const char *) names = {0};
    memcpy(left, expected, sizeof left);
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        bool all = true;
        for (int i = 0; i < 4 && families[f].all[i]; i++)
            all = all && left[families[f].all[i]];
        if (!all)
            continue;
        list_push(arena, &names, families[f].name);
        for (int i = 0; i < 24 && families[f].stands_for[i]; i++)
            left[families[f].stands_for[i]] = false;
    }
    for (int t = 1; t < TOKEN_COUNT; t++)
        if (left[t])
            list_push(arena, &names,
                      token_table[t].class == CLASS_CLASS
                          ? token_table[t].spelling
                          : arena_format(arena, "'%s'", token_table[t].spelling));
    Text out = text_new(arena);
    for (size_t i = 0; i < names.count; i++)
        text_add(&out, "%s%s", i == 0 ? "" : i + 1 == names.count ? " or " : ", ", names.items[i]);
    return out.data;
}

/* ---------------------------------------------------------------- hints */

/* First words of lines that come from other languages. */
static const struct {
    const char *word, *help;
} foreign_words[] = {
    {"def", "a block is written: block name(x, width) { ... }"},
    {"class", "a block is written: block name(x, width) { ... }"},
    {"function", "a block is written: block name(x, width) { ... }"},
    {"import", "another file is read with: use \"file.hpanet\""},
    {"include", "another file is read with: use \"file.hpanet\""},
    {"from", "another file is read with: use \"file.hpanet\""},
    {"for", "a loop is written: repeat i in 0 to count - 1 { ... }"},
    {"while", "a loop is written: repeat i in 0 to count - 1 { ... }"},
    {"let", "a name is bound with: name = value"},
    {"var", "a name is bound with: name = value"},
    {"const", "a constant is written: constant name = value"},
    {"if", "'if' chooses between two values: x = if condition then one else other"},
    {"else", "'if' chooses between two values: x = if condition then one else other"},
};

static bool hint_about_line(Parser *parser, Token found)
{
    const char *first = parser->first.text;
    if (parser->previous.kind == 0 && found.kind == TOKEN_LESS) {
        diagnostic_help(parser->diagnostics,
                        "this looks like HTML: was a web page saved in place of the file?");
        return true;
    }
    if (parser->previous.kind == 0 && (found.kind == TOKEN_LEFT_BRACE || found.kind == TOKEN_LEFT_BRACKET)) {
        diagnostic_help(parser->diagnostics, "this looks like JSON; a .hpanet file begins with declarations");
        return true;
    }
    for (size_t i = 0; first && i < sizeof foreign_words / sizeof foreign_words[0]; i++)
        if (!strcmp(first, foreign_words[i].word)) {
            diagnostic_help(parser->diagnostics, "%s", foreign_words[i].help);
            return true;
        }
    return false;
}

static bool is_comparison(int kind)
{
    return kind == TOKEN_LESS || kind == TOKEN_LESS_EQUAL || kind == TOKEN_GREATER ||
           kind == TOKEN_GREATER_EQUAL || kind == TOKEN_EQUAL || kind == TOKEN_NOT_EQUAL;
}

/* '=', ':=', '==' and ':' in each other's place. */
static const char *hint_about_assignment(Token previous, Token found, const bool *expected)
{
    if (found.kind == TOKEN_ASSIGN && token_table[previous.kind].class == CLASS_WORD)
        return "the word before it belongs to the language and cannot be a name";
    if (found.kind == TOKEN_UPDATE && expected[TOKEN_ASSIGN])
        return "':=' carries a value through a loop or updates state, inside a block; here '=' is needed";
    if (found.kind == TOKEN_EQUAL && expected[TOKEN_ASSIGN])
        return "'==' compares two values; '=' gives a name its value";
    if (found.kind == TOKEN_COLON && expected[TOKEN_ASSIGN])
        return "a name is given its value with '='; ':' stands before the shape of a parameter only";
    if (found.kind == TOKEN_ASSIGN && expected[TOKEN_PLUS])
        return "'=' gives a name its value, once and at the start of a line; '==' compares";
    if (found.kind == TOKEN_ASSIGN && expected[TOKEN_COLON])
        return "a parameter has a shape: parameter gamma : [width] = 1";
    if (found.kind == TOKEN_LEFT_BRACKET && expected[TOKEN_ASSIGN])
        return "a name cannot be computed; that of a layer can, behind 'as': x := conv(x, 64) as [i]";
    return NULL;
}

static const char *hint_about_symbol(Token previous, Token found, const bool *expected)
{
    if (is_comparison(found.kind) && expected[TOKEN_AND])
        return "comparisons do not chain: write 0 < x and x < 1";
    if (found.kind == TOKEN_PERCENT || previous.kind == TOKEN_PERCENT)
        return "'%' is the unit per cent and stands behind a number: shift 5 %";
    if (found.kind == TOKEN_DOT && previous.kind == TOKEN_NUMBER)
        return expected[TOKEN_LEFT_BRACE] ? "a path that begins with a number stands in quotes: \"0.weight\""
                                          : "the point of a number is followed by a digit: 1.0";
    if (found.kind == TOKEN_NUMBER && expected[TOKEN_STRING] && expected[TOKEN_RIGHT_BRACE])
        return "a path that begins with a number stands in quotes: \"0.weight\"";
    if (previous.kind == TOKEN_DOT || found.kind == TOKEN_DOT)
        return "'.' stands between the parts of a path: body.layer1.0.conv1; a number begins with a digit: "
               "0.5";
    if (found.kind == TOKEN_LEFT_BRACE && expected[TOKEN_LEFT_PARENTHESIS] && !expected[TOKEN_PLUS])
        return "the parameters stand in round brackets, also when there are none: block name() { ... }";
    if (found.kind == TOKEN_END && expected[TOKEN_AT])
        return "an input has a size: input image = data.image at 256 px";
    if (found.kind == TOKEN_END && expected[TOKEN_NUMBER] && !strcmp(found.text, "\n"))
        return "a line goes on behind a comma or an operator, and inside round or square brackets";
    if (found.kind == TOKEN_NAME && expected[TOKEN_END])
        return "two statements stand on lines of their own, or have a ';' between them";
    return NULL;
}

/* A word where the grammar wants another one: "did you mean 'to'?". */
static bool hint_about_word(Parser *parser, Token found, const bool *expected)
{
    const char *candidates[TOKEN_COUNT];
    size_t count = 0;
    for (int t = 1; t < TOKEN_COUNT; t++)
        if (expected[t] && (token_table[t].class == CLASS_WORD || token_table[t].class == CLASS_CONTEXTUAL))
            candidates[count++] = token_table[t].spelling;
    const char *nearest = found.kind == TOKEN_NAME ? diagnostic_nearest(found.text, candidates, count) : NULL;
    if (nearest)
        diagnostic_help(parser->diagnostics, "did you mean '%s'?", nearest);
    return nearest;
}

/* `blok basic(x) { ... return x }` fails at `return`: the word that opened the declaration is to blame. */
static bool hint_about_head(Parser *parser, Token found)
{
    static const char *const words[] = {"network", "block", "loss", "optimizer", "schedule"};
    Token head = parser->head;
    bool statement = found.kind == TOKEN_RETURN || found.kind == TOKEN_UPDATE || found.kind == TOKEN_REPEAT ||
                     found.kind == TOKEN_ASSIGN || found.kind == TOKEN_LEFT_BRACKET;
    if (head.kind != TOKEN_NAME || !parser->lexer.open.count || !statement)
        return false;
    const char *nearest = diagnostic_nearest(head.text, words, sizeof words / sizeof words[0]);
    if (!nearest)
        return false;
    diagnostic_note(parser->diagnostics, head.span, "this begins with '%s'; did you mean '%s'?", head.text,
                    nearest);
    return true;
}

/* Where the innermost bracket was opened, when it seems to be the mistake: a round or square one of another
 * line, or a brace that is still open where a declaration begins. */
static void note_open_bracket(Parser *parser, Token found)
{
    if (!parser->lexer.open.count)
        return;
    Token open = parser->lexer.open.items[parser->lexer.open.count - 1];
    int first = parser->first.kind;
    bool declares = first == TOKEN_USE || first == TOKEN_CONSTANT || first == TOKEN_INPUT ||
                    first == TOKEN_TARGET || first == TOKEN_NETWORK || first == TOKEN_BLOCK ||
                    first == TOKEN_GROUP || first == TOKEN_LOSS || first == TOKEN_OPTIMIZER ||
                    first == TOKEN_SCHEDULE;
    if (open.span.line != found.span.line && (open.kind != TOKEN_LEFT_BRACE || declares))
        diagnostic_note(parser->diagnostics, open.span, "inside the '%s' that was opened here; is it closed?",
                        open.text);
}

/* ---------------------------------------------------------------- entries */

void parser_unexpected(Parser *parser, Token found, const bool *expected)
{
    if (parser->failed)
        return;
    parser->failed = true;
    Text message = text_new(parser->arena);
    text_add(&message, "found ");
    add_found(&message, found);
    text_add(&message, ", expected %s", add_expected(parser->arena, expected));
    diagnostic_error(parser->diagnostics, found.span, "syntax", "%s", message.data);
    if (!hint_about_head(parser, found) && !hint_about_line(parser, found) &&
        !hint_about_word(parser, found, expected)) {
        const char *help = hint_about_assignment(parser->previous, found, expected);
        help = help ? help : hint_about_symbol(parser->previous, found, expected);
        if (help)
            diagnostic_help(parser->diagnostics, "%s", help);
    }
    note_open_bracket(parser, found);
}

void parser_too_deep(Parser *parser)
{
    if (parser->failed)
        return;
    parser->failed = true;
    Span at = parser->previous.span;
    if (parser->lexer.open.count)
        at = parser->lexer.open.items[parser->lexer.open.count - 1].span;
    diagnostic_error(parser->diagnostics, at, "nested-too-deep",
                     "brackets and blocks are nested too deeply here");
    diagnostic_help(parser->diagnostics, "give a part of it a name or a block of its own");
}
