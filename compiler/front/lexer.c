/* Text to tokens, by hand: lines, numbers and paths need to know what stood before them. */
#include "build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Spelling {
    const char *text;
    int kind;
} Spelling;

/* Words and symbols; a symbol stands before its own beginning (":=" before ":"). */
static const Spelling spellings[] = {
#define SPELLING_WORD(NAME, text) {text, TOKEN_##NAME},
#define SPELLING_CONTEXTUAL(NAME, text) {text, TOKEN_##NAME},
#define SPELLING_SYMBOL(NAME, text) {text, TOKEN_##NAME},
#define SPELLING_CLASS(NAME, text)
#define TOKEN(NAME, text, class) SPELLING_##class(NAME, text)
#include "tokens.def"
#undef TOKEN
};
enum { SPELLING_COUNT = sizeof spellings / sizeof spellings[0] };

/* What people who come from other languages write. */
static const struct {
    const char *text, *help;
} foreign[] = {
    {"//", "a comment begins with '#'"},
    {"/*", "a comment begins with '#' and ends with its line"},
    {"&&", "write 'and'"},
    {"||", "write 'or'"},
    {"!", "write 'not', or '!=' for 'is not equal to'"},
    {"**", "a power is written with '^'"},
    {"+=", "write 'x := x + ...'"},
    {"-=", "write 'x := x - ...'"},
    {"*=", "write 'x := x * ...'"},
    {"->", "a block needs no type: its value is what it returns"},
    {"'", "strings stand in double quotes"},
    {"\xE2\x80\x9C", "strings stand in straight double quotes: \"...\""},
    {"\xE2\x80\x9D", "strings stand in straight double quotes: \"...\""},
    {"\xE2\x80\x98", "strings stand in straight double quotes: \"...\""},
    {"\xE2\x80\x99", "strings stand in straight double quotes: \"...\""},
    {"\xC2\xA0",
     "this is a no-break space, as word processors and web pages write it; an ordinary space is needed"},
    {"\xC2\xB0", "degrees are written 'deg': rotate 0 to 360 deg"},
    {"\xC3\x97", "a product is written with '*'"},
    {"\xE2\x88\x92", "this is a typographic minus; the sign on the keyboard is needed: '-'"},
};

/* ---------------------------------------------------------------- bytes */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool continues_name(char c)
{
    return begins_name(c) || is_digit(c);
}

static Span span_of(const Lexer *lexer, size_t first, size_t last)
{
    return (Span){lexer->file, lexer->line, (int)(first - lexer->line_start) + 1, (int)(last - first)};
}

/* A token from byte `first` to where the lexer stands. */
static Token token_from(Lexer *lexer, int kind, size_t first)
{
    lexer->previous = kind;
    return (Token){.kind = kind,
                   .span = span_of(lexer, first, lexer->at),
                   .text = arena_string_of(lexer->arena, lexer->file->text + first, lexer->at - first)};
}

static Token end_of_file(Lexer *lexer)
{
    lexer->previous = 0;
    return (Token){.span = span_of(lexer, lexer->at, lexer->at), .text = ""};
}

static Token failed(Lexer *lexer)
{
    lexer->failed = true;
    return end_of_file(lexer);
}

/* ---------------------------------------------------------------- lines */

/* Can a statement end behind the last token? Not behind a comma or an operator, and there is none before the
 * first. */
static bool statement_may_end(const Lexer *lexer)
{
    switch (lexer->previous) {
    case 0:
    case TOKEN_END:
    case TOKEN_LEFT_BRACE:
    case TOKEN_COMMA:
    case TOKEN_PLUS:
    case TOKEN_MINUS:
    case TOKEN_STAR:
    case TOKEN_SLASH:
    case TOKEN_CARET:
    case TOKEN_EQUAL:
    case TOKEN_NOT_EQUAL:
    case TOKEN_LESS:
    case TOKEN_LESS_EQUAL:
    case TOKEN_GREATER:
    case TOKEN_GREATER_EQUAL:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_NOT:
    case TOKEN_IF:
    case TOKEN_THEN:
    case TOKEN_ELSE: return false;
    default: return true;
    }
}

static bool inside_brackets(const Lexer *lexer)
{
    return lexer->open.count && lexer->open.items[lexer->open.count - 1].kind != TOKEN_LEFT_BRACE;
}

static bool word_is_next(const Lexer *lexer, size_t at, const char *word)
{
    size_t length = strlen(word);
    return lexer->file->length - at >= length && !memcmp(lexer->file->text + at, word, length) &&
           !continues_name(lexer->file->text[at + length]);
}

/* Does the text at `at`, behind a newline, go on with the statement before it? */
static bool line_continues(const Lexer *lexer, size_t at)
{
    return lexer->file->text[at] == '{' || word_is_next(lexer, at, "then") || word_is_next(lexer, at, "else");
}

static size_t after_blanks(const Lexer *lexer, size_t at)
{
    const char *text = lexer->file->text;
    while (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\f')
        at++;
    if (text[at] == '#')
        while (at < lexer->file->length && text[at] != '\n')
            at++;
    return at;
}

/* Skips blanks, comments and newlines. True: a newline ends the statement; *end is its END token. */
static bool skip_to_token(Lexer *lexer, Token *end)
{
    const char *text = lexer->file->text;
    bool newline = false;
    for (;;) {
        lexer->at = after_blanks(lexer, lexer->at);
        if (text[lexer->at] != '\n')
            break;
        if (!newline && !inside_brackets(lexer) && statement_may_end(lexer)) {
            newline = true;
            *end = (Token){TOKEN_END, span_of(lexer, lexer->at, lexer->at + 1), "\n", 0};
        }
        lexer->at++;
        lexer->line++;
        lexer->line_start = lexer->at;
    }
    if (!newline || line_continues(lexer, lexer->at))
        return false;
    lexer->previous = TOKEN_END;
    return true;
}

/* ---------------------------------------------------------------- numbers, words, strings */

static Token read_number(Lexer *lexer)
{
    const char *text = lexer->file->text;
    size_t first = lexer->at, at = first;
    while (is_digit(text[at]))
        at++;
    bool whole = true;
    if (text[at] == '.' && is_digit(text[at + 1])) {
        whole = false;
        for (at++; is_digit(text[at]);)
            at++;
    }
    size_t sign = text[at] == 'e' || text[at] == 'E' ? 1 + (text[at + 1] == '-' || text[at + 1] == '+') : 0;
    if (sign && is_digit(text[at + sign])) {
        whole = false;
        for (at += sign; is_digit(text[at]);)
            at++;
    }
    if (begins_name(text[at]) && !word_is_next(lexer, at, "px") && !word_is_next(lexer, at, "deg")) {
        while (continues_name(text[at]))
            at++;
        diagnostic_error(lexer->diagnostics, span_of(lexer, first, at), "bad-number",
                         "'%.*s' is neither a number nor a name", at - first < 40 ? (int)(at - first) : 40,
                         text + first);
        diagnostic_help(lexer->diagnostics,
                        "a name begins with a letter; a number is written 3, 0.25 or 1e-3, "
                        "and a unit stands behind it: 256 px, 5 %%, 90 deg, 3 epochs");
        return failed(lexer);
    }
    lexer->at = at;
    Token token = token_from(lexer, TOKEN_NUMBER, first);
    token.number = strtod(token.text, NULL);
    if (isfinite(token.number) && !(whole && token.number > 0x1p53))
        return token;
    diagnostic_error(lexer->diagnostics, token.span, "bad-number", "this number is too large%s",
                     whole ? ": whole numbers are exact up to 2^53" : ": the largest is about 1.8e308");
    return failed(lexer);
}

static Token read_word(Lexer *lexer)
{
    size_t first = lexer->at;
    bool part = lexer->previous == TOKEN_DOT;
    while (continues_name(lexer->file->text[lexer->at]))
        lexer->at++;
    Token token = token_from(lexer, part ? TOKEN_PART : TOKEN_NAME, first);
    for (int i = 0; !part && i < SPELLING_COUNT; i++)
        if (!strcmp(spellings[i].text, token.text))
            lexer->previous = token.kind = spellings[i].kind;
    return token;
}

static Token string_error(Lexer *lexer, Span at, const char *code, const char *problem, const char *help)
{
    diagnostic_error(lexer->diagnostics, at, code, "%s", problem);
    diagnostic_help(lexer->diagnostics, "%s", help);
    return failed(lexer);
}

static Token read_string(Lexer *lexer)
{
    const char *text = lexer->file->text;
    size_t first = lexer->at++;
    char *value = arena_alloc(lexer->arena, strcspn(text + lexer->at, "\n") + 1);
    size_t length = 0;
    for (; text[lexer->at] != '"'; lexer->at++) {
        char c = text[lexer->at];
        if (c == '\0' || c == '\n')
            return string_error(lexer, span_of(lexer, first, lexer->at), "unterminated-string",
                                "this string has no closing '\"'", "a string ends on the line it begins on");
        if (c == '\\') {
            size_t escape = lexer->at++;
            c = text[lexer->at];
            if (c != '"' && c != '\\' && c != 'n' && c != 't')
                return string_error(lexer, span_of(lexer, escape, escape + 2), "bad-escape",
                                    "this is not an escape that strings know",
                                    "strings know \\\" \\\\ \\n and \\t; a path is written with '/'");
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        } else if ((unsigned char)c < ' ' || c == 127) {
            return string_error(lexer, span_of(lexer, lexer->at, lexer->at + 1), "unknown-character",
                                "a control character stands in this string", "a tab is written \\t");
        }
        value[length++] = c;
    }
    lexer->at++;
    Token token = token_from(lexer, TOKEN_STRING, first);
    token.text = value;
    return token;
}

/* ---------------------------------------------------------------- symbols */

static Token unknown_character(Lexer *lexer)
{
    const char *text = lexer->file->text + lexer->at;
    size_t length = 1;
    while (((unsigned char)text[length] & 0xC0) == 0x80)
        length++;
    const char *help = NULL;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0] && !help; i++)
        if (!strncmp(text, foreign[i].text, strlen(foreign[i].text))) {
            help = foreign[i].help;
            length = strlen(foreign[i].text);
        }
    Span at = span_of(lexer, lexer->at, lexer->at + length);
    if ((unsigned char)*text < ' ' || *text == 127)
        diagnostic_error(lexer->diagnostics, at, "unknown-character",
                         "a control character (code %d) stands here", (unsigned char)*text);
    else
        diagnostic_error(lexer->diagnostics, at, "unknown-character", "the language has no '%.*s'",
                         (int)length, text);
    if (help)
        diagnostic_help(lexer->diagnostics, "%s", help);
    return failed(lexer);
}

static int partner(int kind)
{
    return kind == TOKEN_RIGHT_BRACE         ? TOKEN_LEFT_BRACE
           : kind == TOKEN_RIGHT_PARENTHESIS ? TOKEN_LEFT_PARENTHESIS
           : kind == TOKEN_RIGHT_BRACKET     ? TOKEN_LEFT_BRACKET
                                             : 0;
}

static bool close_bracket(Lexer *lexer, Token close)
{
    if (!lexer->open.count) {
        diagnostic_error(lexer->diagnostics, close.span, "unopened-bracket", "this '%s' closes nothing",
                         close.text);
        diagnostic_help(lexer->diagnostics,
                        "every bracket before it is closed already: one '%s' too many, or a "
                        "bracket missing further up",
                        close.text);
        return false;
    }
    Token open = lexer->open.items[lexer->open.count - 1];
    if (open.kind != partner(close.kind)) {
        diagnostic_error(lexer->diagnostics, close.span, "unclosed-bracket",
                         "found '%s' before the '%s' further up was closed", close.text, open.text);
        diagnostic_note(lexer->diagnostics, open.span, "this '%s' is open", open.text);
        return false;
    }
    lexer->open.count--;
    return true;
}

static Token read_symbol(Lexer *lexer)
{
    const char *text = lexer->file->text + lexer->at;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (!strncmp(text, foreign[i].text, strlen(foreign[i].text)) && strncmp(text, "!=", 2))
            return unknown_character(lexer);
    for (int i = 0; i < SPELLING_COUNT; i++) {
        size_t length = strlen(spellings[i].text);
        if (strncmp(text, spellings[i].text, length))
            continue;
        int kind = spellings[i].kind;
        size_t first = lexer->at;
        if (kind == TOKEN_RIGHT_BRACE && lexer->previous != TOKEN_END &&
            lexer->previous != TOKEN_LEFT_BRACE &&
            !inside_brackets(lexer)) { /* the '}' also ends the statement before it */
            lexer->previous = TOKEN_END;
            return (Token){TOKEN_END, span_of(lexer, first, first + length), "}", 0};
        }
        lexer->at += length;
        Token token = token_from(lexer, kind, first);
        if (kind == TOKEN_LEFT_BRACE || kind == TOKEN_LEFT_PARENTHESIS || kind == TOKEN_LEFT_BRACKET)
            list_push(lexer->arena, &lexer->open, token);
        else if (partner(kind) && !close_bracket(lexer, token))
            return failed(lexer);
        return token;
    }
    return unknown_character(lexer);
}

/* ---------------------------------------------------------------- entry */

void lexer_start(Lexer *lexer, Arena *arena, Diagnostics *diagnostics, const SourceFile *file)
{
    *lexer = (Lexer){.arena = arena, .diagnostics = diagnostics, .file = file, .line = 1};
    if (file->length >= 3 && !memcmp(file->text, "\xEF\xBB\xBF", 3))
        lexer->at = 3; /* the byte order mark of some editors */
}

static Token read_end_of_file(Lexer *lexer)
{
    if (lexer->open.count) {
        Token open = lexer->open.items[lexer->open.count - 1];
        diagnostic_error(lexer->diagnostics, open.span, "unclosed-bracket",
                         "the file ends before this '%s' is closed", open.text);
        return failed(lexer);
    }
    if (lexer->previous == TOKEN_END || lexer->previous == 0)
        return end_of_file(lexer);
    lexer->previous = TOKEN_END;
    return (Token){TOKEN_END, span_of(lexer, lexer->at, lexer->at), "", 0};
}

Token lexer_next(Lexer *lexer)
{
    Token end;
    if (lexer->failed)
        return end_of_file(lexer);
    for (;;) {
        if (skip_to_token(lexer, &end))
            return end;
        if (lexer->at >= lexer->file->length)
            return read_end_of_file(lexer);
        char c = lexer->file->text[lexer->at];
        if (c == ';') {
            size_t first = lexer->at++;
            if (lexer->previous == 0 || lexer->previous == TOKEN_END || lexer->previous == TOKEN_LEFT_BRACE)
                continue;
            return token_from(lexer, TOKEN_END, first);
        }
        if (continues_name(c) && lexer->previous == TOKEN_DOT)
            return read_word(lexer);
        if (is_digit(c))
            return read_number(lexer);
        if (begins_name(c))
            return read_word(lexer);
        return c == '"' ? read_string(lexer) : read_symbol(lexer);
    }
}
