#include "diagnostic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE, SEVERITY_HELP } Severity;

typedef struct Message Message;
struct Message {
    Severity severity;
    Span at;
    const char *code; /* errors and warnings */
    const char *text;
    LIST(Message *) details; /* notes and help, in the order they were added */
};

struct Diagnostics {
    Arena *arena;
    LIST(Message *) messages;
    LIST(const SourceFile *) files; /* in the order of their first message: the order they are printed in */
    Message *current;               /* what notes and help are added to */
    size_t error_count;
    size_t printed; /* messages before this one were printed already */
};

static const struct {
    const char *name, *colour;
} severity_table[] = {
    [SEVERITY_ERROR] = {"error", "\033[1;31m"},
    [SEVERITY_WARNING] = {"warning", "\033[1;35m"},
    [SEVERITY_NOTE] = {"note", "\033[1;36m"},
    [SEVERITY_HELP] = {"help", "\033[1;32m"},
};

Diagnostics *diagnostics_new(Arena *arena)
{
    Diagnostics *diagnostics = ARENA_NEW(arena, Diagnostics);
    diagnostics->arena = arena;
    return diagnostics;
}

/* ---------------------------------------------------------------- collecting */

static Message *message_new(Diagnostics *d, Severity severity, Span at, const char *code, const char *format,
                            va_list arguments)
{
    Text text = text_new(d->arena);
    text_add_arguments(&text, format, arguments);
    Message *message = ARENA_NEW(d->arena, Message);
    *message = (Message){.severity = severity, .at = at, .code = code, .text = text.data};
    return message;
}

static size_t file_order(Diagnostics *d, const SourceFile *file)
{
    size_t i = 0;
    while (i < d->files.count && d->files.items[i] != file)
        i++;
    return i;
}

/* A block that is used twice reports its mistakes twice: only the first report is kept. */
static bool message_is_known(const Diagnostics *d, const Message *message)
{
    for (size_t i = 0; i < d->messages.count; i++) {
        const Message *other = d->messages.items[i];
        if (other->at.file == message->at.file && other->at.line == message->at.line &&
            other->at.column == message->at.column && !strcmp(other->code, message->code) &&
            !strcmp(other->text, message->text))
            return true;
    }
    return false;
}

static void message_add(Diagnostics *d, Message *message)
{
    d->current = message;
    if (message_is_known(d, message))
        return;
    if (file_order(d, message->at.file) == d->files.count)
        list_push(d->arena, &d->files, message->at.file);
    list_push(d->arena, &d->messages, message);
    d->error_count += message->severity == SEVERITY_ERROR;
}

void diagnostic_error(Diagnostics *d, Span at, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_add(d, message_new(d, SEVERITY_ERROR, at, code, format, arguments));
    va_end(arguments);
}

void diagnostic_warning(Diagnostics *d, Span at, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_add(d, message_new(d, SEVERITY_WARNING, at, code, format, arguments));
    va_end(arguments);
}

static void detail_add(Diagnostics *d, Message *detail)
{
    if (!d->current)
        internal_error("'%s' was added to no message", detail->text);
    list_push(d->arena, &d->current->details, detail);
}

void diagnostic_note(Diagnostics *d, Span at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    detail_add(d, message_new(d, SEVERITY_NOTE, at, NULL, format, arguments));
    va_end(arguments);
}

void diagnostic_help(Diagnostics *d, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    detail_add(d, message_new(d, SEVERITY_HELP, (Span){0}, NULL, format, arguments));
    va_end(arguments);
}

size_t diagnostic_error_count(const Diagnostics *d)
{
    return d->error_count;
}

/* ---------------------------------------------------------------- printing */

static bool colours_are_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

static const char *line_start(const SourceFile *file, int line)
{
    const char *at = file->text, *end = file->text + file->length;
    for (int i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return at;
}

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* A piece of one source line as it may stand on a terminal: control bytes and what is not UTF-8 become '?'.
 */
static void add_printable(Text *out, const char *at, size_t count)
{
    size_t length;
    for (size_t i = 0; i < count; i += length ? length : 1) {
        unsigned char byte = (unsigned char)at[i];
        length = text_character_length(at + i, count - i);
        if (byte == '\t' || byte == '\r')
            text_add_bytes(out, " ", 1);
        else if (length == 0 || byte < ' ' || byte == 127)
            text_add_bytes(out, "?", 1);
        else
            text_add_bytes(out, at + i, length);
    }
}

/* The width of the same piece. */
static size_t printed_width(const char *at, size_t count)
{
    size_t width = 0, length;
    for (size_t i = 0; i < count; i += length ? length : 1, width++)
        length = text_character_length(at + i, count - i);
    return width;
}

/* The source line and the caret below it. A line too long to read is cut around the caret. */
static void add_source_line(Text *out, Span at, const char *colour, const char *plain)
{
    enum { WINDOW = 100, BEFORE = 40 };
    const char *start = line_start(at.file, at.line), *end = at.file->text + at.file->length;
    const char *newline = memchr(start, '\n', (size_t)(end - start));
    size_t length = (size_t)((newline ? newline : end) - start);
    size_t column = at.column > 0 ? (size_t)at.column - 1 : 0;
    if (column > length)
        column = length;
    size_t first = length > WINDOW && column > BEFORE ? column - BEFORE : 0;
    size_t last = length - first > WINDOW ? first + WINDOW : length;
    while (first > 0 && continues_character(start[first]))
        first--;
    while (last < length && continues_character(start[last]))
        last++;

    text_add(out, "%6d | %s", at.line, first ? "..." : "");
    add_printable(out, start + first, last - first);
    size_t marked = at.length > 0 ? (size_t)at.length : 1;
    if (marked > last - column)
        marked = last - column;
    text_add(out, "%s\n       | %s%*s%s^", last < length ? "..." : "", first ? "   " : "",
             (int)printed_width(start + first, column - first), "", colour);
    for (size_t width = printed_width(start + column, marked); width > 1; width--)
        text_add_bytes(out, "^", 1);
    text_add(out, "%s\n", plain);
}

static void add_message(Text *out, const Message *message, bool colours)
{
    const char *colour = colours ? severity_table[message->severity].colour : "";
    const char *plain = colours ? "\033[0m" : "", *bold = colours ? "\033[1m" : "";
    if (message->severity == SEVERITY_HELP) {
        text_add(out, "  %shelp:%s %s\n", colour, plain, message->text);
        return;
    }
    if (message->at.file)
        text_add(out, "%s%s:%d:%d:%s ", bold, message->at.file->path, message->at.line, message->at.column,
                 plain);
    text_add(out, "%s%s:%s %s%s%s", colour, severity_table[message->severity].name, plain, bold,
             message->text, plain);
    if (message->code)
        text_add(out, " [%s]", message->code);
    text_add_bytes(out, "\n", 1);
    if (message->at.file && message->at.line > 0)
        add_source_line(out, message->at, colour, plain);
    for (size_t i = 0; i < message->details.count; i++)
        add_message(out, message->details.items[i], colours);
}

static bool comes_before(Diagnostics *d, const Message *a, const Message *b)
{
    size_t file_a = file_order(d, a->at.file), file_b = file_order(d, b->at.file);
    if (file_a != file_b)
        return file_a < file_b;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line;
    return a->at.column < b->at.column;
}

void diagnostics_print(Diagnostics *d)
{
    Message **messages = d->messages.items;
    for (size_t i = d->printed + 1; i < d->messages.count;
         i++) { /* stable insertion sort: the list is short */
        Message *message = messages[i];
        size_t place = i;
        for (; place > d->printed && comes_before(d, message, messages[place - 1]); place--)
            messages[place] = messages[place - 1];
        messages[place] = message;
    }
    bool colours = colours_are_wanted();
    Text out = text_new(d->arena);
    for (; d->printed < d->messages.count; d->printed++)
        add_message(&out, messages[d->printed], colours);
    fflush(stdout);
    fwrite(out.data, 1, out.length, stderr);
    fflush(stderr);
}

void diagnostic_stop_if_errors(Diagnostics *d)
{
    diagnostics_print(d);
    if (d->error_count)
        exit(1);
}

/* ---------------------------------------------------------------- did you mean */

/* Optimal string alignment: insertions, deletions, changes and swaps of neighbours count 1 each. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    enum { LONGEST = 64 };
    if (a_length > LONGEST || b_length > LONGEST)
        return LONGEST;
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        current[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = previous[j - 1] + (a[i - 1] != b[j - 1]);
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            current[j] = best;
        }
        size_t *oldest = before;
        before = previous;
        previous = current;
        current = oldest;
    }
    return previous[b_length];
}

const char *diagnostic_nearest(const char *name, const char *const *candidates, size_t count)
{
    size_t length = strlen(name);
    size_t nearest_distance = (length / 2 < 5 ? length / 2 : 5) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(name, length, candidates[i], strlen(candidates[i]));
        if (distance < nearest_distance) {
            nearest_distance = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* ---------------------------------------------------------------- ends */

void fatal(const char *format, ...)
{
    fflush(stdout);
    fprintf(stderr, "%s: error: ", program_invocation_short_name);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void internal_error_at(const char *file, int line, const char *format, ...)
{
    fflush(stdout);
    fprintf(stderr, "%s: internal error at %s:%d (a mistake in hpanet, not in your file): ",
            program_invocation_short_name, file, line);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}
