/* What a user did wrong, and what we did wrong: two different things.
 *
 * diagnostic_error() reports a mistake in a source file: file:line:col, the source line, a caret, what was
 * found, what was expected and why. Errors are collected (a syntax error alone stops at once) and
 * diagnostic_stop_if_errors() ends the program with exit status 1.
 * fatal() is a user's mistake that has no place in a source file (a missing file, a bad option): exit
 * status 1. internal_error() is a broken invariant of ours: prints where, then aborts. */
#ifndef HPACC_BASE_DIAGNOSTIC_H
#define HPACC_BASE_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>
#include "arena.h"

typedef struct SourceFile {
    const char *path; /* as the user wrote it, or relative to the file that uses it */
    const char *text; /* NUL-terminated */
    size_t length;
} SourceFile;

/* A piece of a source file; column counts from 1 in bytes. file == NULL: made by the compiler. */
typedef struct Span {
    const SourceFile *file;
    int line;
    int column;
    int length;
} Span;

typedef struct Diagnostics Diagnostics;

Diagnostics *diagnostics_new(Arena *arena);

/* `code` is a stable id such as "unknown-name"; every code has a golden test under tests/lang/bad. */
void diagnostic_error(Diagnostics *d, Span at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diagnostic_warning(Diagnostics *d, Span at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds to the last message: a second place ("first bound here"), or a line of help ("did you mean"). */
void diagnostic_note(Diagnostics *d, Span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diagnostic_help(Diagnostics *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t diagnostic_error_count(const Diagnostics *d);

/* Prints everything collected, in source order, to standard error. */
void diagnostics_print(Diagnostics *d);

/* Prints; exits with status 1 when there was an error. */
void diagnostic_stop_if_errors(Diagnostics *d);

/* The candidate nearest to `name` (edit distance at most min(length / 2, 5)), or NULL. */
const char *diagnostic_nearest(const char *name, const char *const *candidates, size_t count);

_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void internal_error_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define internal_error(...) internal_error_at(__FILE__, __LINE__, __VA_ARGS__)

#endif
