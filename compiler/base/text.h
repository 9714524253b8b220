/* A growing piece of text, for dumps, generated code and messages. */
#ifndef HPACC_BASE_TEXT_H
#define HPACC_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include "arena.h"

typedef struct Text {
    Arena *arena;
    char *data; /* NUL-terminated */
    size_t length;
    size_t capacity;
} Text;

Text text_new(Arena *arena);
void text_add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_arguments(Text *text, const char *format, va_list arguments);
void text_add_bytes(Text *text, const char *bytes, size_t length);

/* The shortest decimal form that reads back to the same double, always with a '.' or an exponent. */
void text_add_number(Text *text, double value);

/* A C string literal with its quotes. */
void text_add_quoted(Text *text, const char *value);

/* Bytes of the UTF-8 character at `at`, of which `left` bytes may be looked at; 0: that is not UTF-8. */
size_t text_character_length(const char *at, size_t left);

#endif
