#include "text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostic.h"

Text text_new(Arena *arena)
{
    enum { FIRST_CAPACITY = 128 };
    return (Text){.arena = arena, .data = arena_alloc(arena, FIRST_CAPACITY), .capacity = FIRST_CAPACITY};
}

/* Room for `more` bytes and the NUL behind them. */
static void text_reserve(Text *text, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(text->length, more, &needed) || needed > SIZE_MAX / 4)
        fatal("out of memory: a text of more than %zu bytes was needed", text->length);
    if (needed < text->capacity)
        return;
    size_t capacity = text->capacity;
    while (capacity <= needed)
        capacity *= 2;
    char *larger = arena_alloc(text->arena, capacity);
    memcpy(larger, text->data, text->length + 1);
    text->data = larger;
    text->capacity = capacity;
}

void text_add_bytes(Text *text, const char *bytes, size_t length)
{
    text_reserve(text, length);
    if (length)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add_arguments(Text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    size_t room = text->capacity - text->length;
    int length = vsnprintf(text->data + text->length, room, format, arguments);
    if (length < 0)
        internal_error("cannot format '%s'", format);
    if ((size_t)length >= room) {
        text->data[text->length] = '\0';
        text_reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    }
    text->length += (size_t)length;
    va_end(again);
}

void text_add(Text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add_arguments(text, format, arguments);
    va_end(arguments);
}

void text_add_number(Text *text, double value)
{
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    text_add_bytes(text, digits, strlen(digits));
    if (isfinite(value) && !strpbrk(digits, ".e"))
        text_add_bytes(text, ".0", 2);
}

void text_add_quoted(Text *text, const char *value)
{
    text_add_bytes(text, "\"", 1);
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\')
            text_add(text, "\\%c", byte);
        else if (byte == '\n')
            text_add_bytes(text, "\\n", 2);
        else if (byte < ' ' || byte == 127)
            text_add(text, "\\%03o", byte);
        else
            text_add_bytes(text, c, 1);
    }
    text_add_bytes(text, "\"", 1);
}

size_t text_character_length(const char *at, size_t left)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t length = byte[0] < 0x80   ? 1
                    : byte[0] < 0xC2 ? 0
                    : byte[0] < 0xE0 ? 2
                    : byte[0] < 0xF0 ? 3
                    : byte[0] < 0xF5 ? 4
                                     : 0;
    if (length > left || (byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xF0 && byte[1] < 0x90))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
    return length;
}
