/* Reads source files and drives Lemon's parser over their tokens. */
#include "build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What Lemon makes from grammar/hpanet.y. */
void *LemonParserAlloc(void *(*allocate)(size_t));
void LemonParserFree(void *lemon, void (*release)(void *));
void LemonParser(void *lemon, int kind, Token token, Parser *parser);

enum { SOURCE_LIMIT = 16 << 20, LANGUAGE_VERSION = 1 };

/* ---------------------------------------------------------------- files */

const SourceFile *source_read(Arena *arena, const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        fatal("cannot open '%s': %s", path, strerror(errno));
    Text text = text_new(arena);
    char block[1 << 14];
    size_t got;
    while ((got = fread(block, 1, sizeof block, stream)) > 0 && text.length <= SOURCE_LIMIT)
        text_add_bytes(&text, block, got);
    if (ferror(stream))
        fatal("cannot read '%s': %s", path, strerror(errno));
    fclose(stream);
    if (text.length > SOURCE_LIMIT)
        fatal("'%s' is longer than %d MiB: no model description is", path, SOURCE_LIMIT >> 20);
    SourceFile *file = ARENA_NEW(arena, SourceFile);
    *file = (SourceFile){arena_string(arena, path), text.data, text.length};
    return file;
}

/* Reports the first byte that is not text. */
static bool check_text(Diagnostics *diagnostics, const SourceFile *file)
{
    const char *text = file->text;
    Span at = {file, 1, 1, 1};
    size_t line_start = 0;
    for (size_t i = 0, length; i < file->length; i += length) {
        length = text_character_length(text + i, file->length - i);
        at.column = (int)(i - line_start) + 1;
        if (length == 0 || text[i] == '\0') {
            diagnostic_error(diagnostics, at, "not-text",
                             length ? "a NUL byte stands here: this is not a text file"
                                    : "byte 0x%02X is not UTF-8 text",
                             (unsigned char)text[i]);
            diagnostic_help(diagnostics, "a .hpanet file is plain text in UTF-8%s",
                            length ? "; was a weight file or an image named instead?"
                                   : "; the editor that wrote it used another encoding");
            return false;
        }
        if (text[i] == '\n') {
            at.line++;
            line_start = i + 1;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- parsing */

static void check_version(Parser *parser)
{
    for (size_t i = 0; i < parser->unit->declarations.count; i++) {
        const Declaration *declaration = parser->unit->declarations.items[i];
        if (declaration->kind != DECLARATION_VERSION)
            continue;
        if (i > 0) {
            diagnostic_error(parser->diagnostics, declaration->span, "version",
                             "the version line stands before everything else");
            diagnostic_note(parser->diagnostics, parser->unit->declarations.items[0]->span,
                            "the first line is here");
        } else if (declaration->value->number != LANGUAGE_VERSION) {
            diagnostic_error(
                parser->diagnostics, declaration->value->span, "version",
                "this file is written in version %g of the language; this compiler knows version %d",
                declaration->value->number, LANGUAGE_VERSION);
        }
    }
}

static void feed(Parser *parser, void *lemon)
{
    Token token;
    do {
        token = lexer_next(&parser->lexer);
        if (parser->lexer.failed)
            return;
        int previous = parser->previous.kind;
        if (previous == 0 || previous == TOKEN_END || previous == TOKEN_LEFT_BRACE)
            parser->first = token;
        if (previous == 0 || (previous == TOKEN_END && !parser->lexer.open.count))
            parser->head = token;
        LemonParser(lemon, token.kind, token, parser);
        parser->previous = token;
    } while (token.kind != 0 && !parser->failed);
}

static void *allocate_or_stop(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        fatal("out of memory: %zu more bytes were needed", size);
    return memory;
}

SourceUnit *parse_text(Arena *arena, Diagnostics *diagnostics, const SourceFile *file)
{
    Parser parser = {.arena = arena, .diagnostics = diagnostics, .unit = ARENA_NEW(arena, SourceUnit)};
    parser.unit->file = file;
    if (check_text(diagnostics, file)) {
        lexer_start(&parser.lexer, arena, diagnostics, file);
        void *lemon = LemonParserAlloc(allocate_or_stop);
        feed(&parser, lemon);
        LemonParserFree(lemon, free);
        check_version(&parser);
    }
    diagnostic_stop_if_errors(diagnostics);
    return parser.unit;
}

SourceUnit *parse_file(Arena *arena, Diagnostics *diagnostics, const char *path)
{
    return parse_text(arena, diagnostics, source_read(arena, path));
}
