/* Small pieces of C text. */
#include <ctype.h>
#include <string.h>
#include "emit.h"

static const char *const c_words[] = {
    "auto",     "break",  "case",   "char",     "const",    "continue", "default",  "do",
    "double",   "else",   "enum",   "extern",   "float",    "for",      "goto",     "if",
    "inline",   "int",    "long",   "register", "restrict", "return",   "short",    "signed",
    "sizeof",   "static", "struct", "switch",   "typedef",  "union",    "unsigned", "void",
    "volatile", "while",  "bool",   "main",     "context",  "true",     "false"};

const char *emit_identifier(Arena *arena, const char *path)
{
    size_t length = strlen(path);
    char *name = arena_format(arena, "%s%s", isdigit((unsigned char)path[0]) || length == 0 ? "_" : "", path);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '_';
    for (size_t i = 0; i < sizeof c_words / sizeof *c_words; i++)
        if (strcmp(name, c_words[i]) == 0)
            return arena_format(arena, "%s_", name);
    return name;
}

void emit_wrapped(Text *out, const char *first, const char *next, const char *text)
{
    enum { COLUMNS = 110 };
    const char *start = first;
    while (*text) {
        size_t room = COLUMNS - strlen(start), length = strlen(text);
        if (length > room) {
            size_t space = room; /* the last one that fits, else the first one after */
            while (space > 0 && text[space] != ' ')
                space--;
            length = space > 0 ? space : strcspn(text, " ");
        }
        size_t shown = length;
        while (shown > 0 && text[shown - 1] == ' ')
            shown--;
        text_add(out, "%s%.*s\n", start, (int)shown, text);
        text += length;
        text += strspn(text, " ");
        start = next;
    }
}

void emit_string(Text *out, const char *value)
{
    if (value)
        text_add_quoted(out, value);
    else
        text_add(out, "NULL");
}

void emit_long_string(Text *out, const char *value)
{
    if (!value || !*value) {
        emit_string(out, value);
        return;
    }
    while (*value) {
        size_t length = strcspn(value, "\n");
        length += value[length] == '\n';
        text_add(out, "\n    ");
        emit_string(out, arena_string_of(out->arena, value, length));
        value += length;
    }
}

void emit_strings(Text *out, const char *name, int count, const char *const *values)
{
    if (count == 0)
        return;
    text_add(out, "static const char *const %s[] = {", name);
    for (int i = 0; i < count; i++) {
        text_add(out, "%s", i % 4 == 0 ? "\n    " : " ");
        emit_string(out, values[i]);
        text_add(out, ",");
    }
    text_add(out, "\n};\n");
}

const char *emit_table(int64_t count, const char *name)
{
    return count > 0 ? name : "NULL";
}

void emit_numbers(Text *out, int count, const int64_t *values)
{
    text_add(out, "{");
    for (int i = 0; i < count; i++)
        text_add(out, "%s%lld", i ? ", " : "", (long long)values[i]);
    text_add(out, count ? "}" : "0}");
}

bool emit_is_executed(const Step *step)
{
    return step->kind != STEP_ALIAS;
}

bool emit_has_memory(const Variable *variable)
{
    return variable->kind != HP_SCALAR;
}

const char *emit_format(HpFormat format)
{
    static const char *const names[HP_FORMAT_COUNT] = {
        [HP_FORMAT_PLAIN] = "PLAIN",       [HP_FORMAT_NHWC] = "NHWC",
        [HP_FORMAT_NCHW8C] = "NCHW8C",     [HP_FORMAT_NCHW16C] = "NCHW16C",
        [HP_FORMAT_OIHW8I8O] = "OIHW8I8O", [HP_FORMAT_OIHW16I16O] = "OIHW16I16O",
        [HP_FORMAT_OIHW8O8I] = "OIHW8O8I", [HP_FORMAT_OIHW16O16I] = "OIHW16O16I",
        [HP_FORMAT_OHWI8O] = "OHWI8O",     [HP_FORMAT_OHWI16O] = "OHWI16O",
        [HP_FORMAT_HWIO] = "HWIO",         [HP_FORMAT_IOHW16O16I] = "IOHW16O16I"};
    return names[format];
}

const char *emit_data_type(HpDataType type)
{
    static const char *const names[] = {
        [HP_F32] = "F32", [HP_F16] = "F16", [HP_BF16] = "BF16", [HP_U8] = "U8", [HP_I64] = "I64"};
    return names[type];
}
