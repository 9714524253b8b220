/* Reads graph text: the inverse of text.c, which describes the form. The first mistake is reported and ends
 * it. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "attributes.h"
#include "words.h"

typedef struct Reader {
    Arena *arena;
    Diagnostics *diagnostics;
    const SourceFile *file;
    const char *at, *line_start;
    int line;
    bool failed;
    Graph *graph;
    LIST(SourceFile *) files; /* that spans name */
} Reader;

/* ---- the text ---- */

static void __attribute__((format(printf, 2, 3))) mistake(Reader *reader, const char *format, ...)
{
    if (reader->failed)
        return;
    reader->failed = true;
    Text text = text_new(reader->arena);
    va_list arguments;
    va_start(arguments, format);
    text_add_arguments(&text, format, arguments);
    va_end(arguments);
    Span span = {reader->file, reader->line, (int)(reader->at - reader->line_start) + 1, 1};
    diagnostic_error(reader->diagnostics, span, "graph-text", "%s", text.data);
}

/* The next character that is not a space within the line; '\n' at its end, '\0' at the end of the file. */
static char peek(Reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r')
        reader->at++;
    if (*reader->at == '#')
        reader->at += strcspn(reader->at, "\n");
    return *reader->at;
}

static bool accept(Reader *reader, char wanted)
{
    if (reader->failed || peek(reader) != wanted)
        return false;
    reader->at++;
    return true;
}

static void expect(Reader *reader, char wanted)
{
    if (!accept(reader, wanted))
        mistake(reader, "expected '%c'", wanted);
}

static void end_line(Reader *reader)
{
    char next = peek(reader);
    if (next == '\0')
        return;
    if (next != '\n') {
        mistake(reader, "expected the end of the line");
        return;
    }
    reader->at++;
    reader->line++;
    reader->line_start = reader->at;
}

static bool next_is_word(Reader *reader)
{
    return !reader->failed && (isalpha((unsigned char)peek(reader)) || *reader->at == '_');
}

static const char *read_word(Reader *reader)
{
    if (!next_is_word(reader)) {
        mistake(reader, "expected a word");
        return "";
    }
    const char *start = reader->at;
    while (isalnum((unsigned char)*reader->at) || *reader->at == '_')
        reader->at++;
    return arena_string_of(reader->arena, start, (size_t)(reader->at - start));
}

/* Takes the word if it comes next. */
static bool accept_word(Reader *reader, const char *word)
{
    size_t length = strlen(word);
    if (!next_is_word(reader) || strncmp(reader->at, word, length) != 0 ||
        isalnum((unsigned char)reader->at[length]) || reader->at[length] == '_')
        return false;
    reader->at += length;
    return true;
}

/* The index of the next word among `words`. */
static int read_choice(Reader *reader, const char *const *words, int count, const char *what)
{
    const char *word = read_word(reader);
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    mistake(reader, "'%s' is not %s", word, what);
    return 0;
}

static char unescape(Reader *reader)
{
    char escaped = *reader->at++;
    if (escaped == 'n')
        return '\n';
    if (escaped < '0' || escaped > '7')
        return escaped;
    int value = escaped - '0';
    for (int i = 0; i < 2 && *reader->at >= '0' && *reader->at <= '7'; i++)
        value = value * 8 + *reader->at++ - '0';
    return (char)value;
}

static const char *read_string(Reader *reader)
{
    expect(reader, '"');
    Text text = text_new(reader->arena);
    while (!reader->failed && *reader->at != '"') {
        char c = *reader->at;
        if (c == '\0' || c == '\n' || (c == '\\' && (reader->at[1] == '\0' || reader->at[1] == '\n'))) {
            mistake(reader, "this string has no end");
            break;
        }
        reader->at++;
        if (c == '\\')
            c = unescape(reader);
        text_add_bytes(&text, &c, 1);
    }
    if (!reader->failed)
        reader->at++;
    return text.data ? text.data : "";
}

static int64_t read_integer(Reader *reader)
{
    char *end;
    if (reader->failed || (peek(reader) != '-' && !isdigit((unsigned char)*reader->at))) {
        mistake(reader, "expected a whole number");
        return 0;
    }
    errno = 0;
    long long value = strtoll(reader->at, &end, 10);
    if (end == reader->at || errno == ERANGE)
        mistake(reader, "expected a whole number");
    reader->at = end;
    return value;
}

static int read_index(Reader *reader)
{
    int64_t value = read_integer(reader);
    if (value < INT_MIN || value > INT_MAX)
        mistake(reader, "%lld is out of range", (long long)value);
    return reader->failed ? 0 : (int)value;
}

static double read_number(Reader *reader)
{
    char *end;
    peek(reader);
    double value = strtod(reader->at, &end);
    if (end == reader->at)
        mistake(reader, "expected a number");
    reader->at = end;
    return value;
}

static Shape read_shape(Reader *reader)
{
    Shape shape = shape_scalar();
    int64_t count = 1;
    expect(reader, '[');
    while (!reader->failed && !accept(reader, ']')) {
        if (shape.rank > 0)
            expect(reader, ',');
        if (shape.rank == SHAPE_MAX_RANK) {
            mistake(reader, "a shape has at most %d axes", SHAPE_MAX_RANK);
            break;
        }
        int64_t extent = read_integer(reader);
        if (extent < 1 || __builtin_mul_overflow(count, extent, &count))
            mistake(reader, "extents start at 1 and their product must fit in memory");
        shape.extents[shape.rank++] = extent;
    }
    return shape;
}

/* ---- the parts of a line ---- */

typedef struct Type {
    HpDataType dtype;
    Shape shape;
    HpFormat format;
} Type;

static Type read_type(Reader *reader)
{
    Type type = {.dtype = (HpDataType)read_choice(reader, data_type_words, DATA_TYPES, "a data type")};
    type.shape = read_shape(reader);
    for (int format = 0; format < HP_FORMAT_COUNT; format++)
        if (accept_word(reader, format_words[format]))
            type.format = (HpFormat)format;
    return type;
}

static const SourceFile *file_called(Reader *reader, const char *path)
{
    for (size_t i = 0; i < reader->files.count; i++)
        if (strcmp(reader->files.items[i]->path, path) == 0)
            return reader->files.items[i];
    SourceFile *file = ARENA_NEW(reader->arena, SourceFile);
    *file = (SourceFile){.path = path, .text = ""};
    list_push(reader->arena, &reader->files, file);
    return file;
}

/* at "models/a.hpanet:12:5" */
static Span read_span(Reader *reader)
{
    Span span = {0};
    if (!accept_word(reader, "at"))
        return span;
    char *text = arena_string(reader->arena, read_string(reader));
    for (int part = 0; part < 2; part++) {
        char *colon = strrchr(text, ':');
        if (!colon) {
            mistake(reader, "a place is \"file:line:column\"");
            return span;
        }
        *colon = '\0';
        *(part == 0 ? &span.column : &span.line) = atoi(colon + 1);
    }
    span.file = file_called(reader, text);
    return span;
}

static void read_variable(Reader *reader)
{
    const char *name = read_string(reader);
    int kind = read_choice(reader, variable_kind_words, VARIABLE_KINDS, "a kind of variable");
    Type type = read_type(reader);
    HpInitializer initializer = {
        .kind = (HpInitializerKind)read_choice(reader, initializer_words, INITIALIZERS, "an initializer")};
    initializer.value = read_number(reader);
    double value = accept_word(reader, "value") ? read_number(reader) : 0;
    int group = accept_word(reader, "group") ? read_index(reader) : -1;
    Span span = read_span(reader);
    if (!reader->failed && variables_find(reader->graph->variables, name))
        mistake(reader, "two variables are called \"%s\"", name);
    if (reader->failed)
        return;
    Variable *variable = variables_add(reader->graph->variables, name, (HpVariableKind)kind, type.shape);
    variable->dtype = type.dtype;
    variable->format = type.format;
    variable->initializer = initializer;
    variable->value = value;
    variable->group = group;
    variable->span = span;
}

static Variable *read_variable_name(Reader *reader)
{
    const char *name = read_string(reader);
    Variable *variable = reader->failed ? NULL : variables_find(reader->graph->variables, name);
    if (!variable)
        mistake(reader, "there is no variable \"%s\"", name);
    return variable;
}

static Node *read_reference(Reader *reader)
{
    expect(reader, '%');
    int64_t id = read_integer(reader);
    if (!reader->failed && (id < 0 || (size_t)id >= reader->graph->nodes.count))
        mistake(reader, "there is no node %%%lld above this line", (long long)id);
    return reader->failed ? NULL : reader->graph->nodes.items[id];
}

static void read_element(Reader *reader, FieldType type, char *data, int index)
{
    switch (type) {
    case FIELD_INTEGER: ((int64_t *)data)[index] = read_integer(reader); break;
    case FIELD_INDEX: ((int *)data)[index] = read_index(reader); break;
    case FIELD_NUMBER: ((double *)data)[index] = read_number(reader); break;
    case FIELD_TEXT: ((const char **)data)[index] = read_string(reader); break;
    case FIELD_SHAPE: ((Shape *)data)[index] = read_shape(reader); break;
    case FIELD_FLAG: ((bool *)data)[index] = true; break;
    case FIELD_AXES:
        while (isdigit((unsigned char)peek(reader)) && !reader->failed) {
            int64_t axis = read_integer(reader);
            if (axis >= SHAPE_MAX_RANK)
                mistake(reader, "axes are counted from 0 to %d", SHAPE_MAX_RANK - 1);
            else
                *(unsigned *)data |= 1u << axis;
        }
        break;
    }
}

static void read_attributes(Reader *reader, Op op, int rank, Attributes *attributes)
{
    int field_count;
    const AttributeField *fields = attribute_fields(op_table[op].attributes, &field_count);
    for (int i = 0; i < field_count; i++)
        for (int j = 0; fields[i].type == FIELD_INTEGER && j < attribute_field_count(&fields[i], rank); j++)
            ((int64_t *)((char *)attributes + fields[i].offset))[j] =
                fields[i].usual == FIELD_ALWAYS ? 0 : fields[i].usual;
    if (op_table[op].attributes == ATTRIBUTE_random)
        attributes->random.path = "";
    while (next_is_word(reader)) {
        const char *word = read_word(reader);
        int i = 0;
        while (i < field_count && strcmp(fields[i].name, word) != 0)
            i++;
        if (i == field_count) {
            mistake(reader, "%s has no attribute '%s'", op_table[op].name, word);
            return;
        }
        for (int j = 0; j < attribute_field_count(&fields[i], rank); j++)
            read_element(reader, fields[i].type, (char *)attributes + fields[i].offset, j);
    }
}

static Op read_op(Reader *reader)
{
    const char *names[OP_COUNT];
    for (int op = 0; op < OP_COUNT; op++)
        names[op] = op_table[op].name;
    return (Op)read_choice(reader, names, OP_COUNT, "an op");
}

static Node *build(Graph *graph, Op op, Variable *variable, Shape shape, int count, Node **inputs,
                   const Attributes *attributes)
{
    switch (op) {
    case OP_VARIABLE: return graph_variable(graph, variable);
    case OP_BROADCAST: return graph_broadcast(graph, inputs[0], shape);
    case OP_RESHAPE: return graph_reshape(graph, inputs[0], shape);
    default: return graph_node(graph, op, count, inputs, attributes);
    }
}

/* %7 = op "variable" %inputs attributes : type as "name" at "place" */
static void read_node(Reader *reader)
{
    Graph *graph = reader->graph;
    int64_t id = read_integer(reader);
    if (!reader->failed && id != (int64_t)graph->nodes.count)
        mistake(reader, "nodes are numbered in order: this is %%%zu", graph->nodes.count);
    expect(reader, '=');
    Op op = read_op(reader);
    Variable *variable = op == OP_VARIABLE && !reader->failed ? read_variable_name(reader) : NULL;
    NodeList inputs = {0};
    while (!reader->failed && peek(reader) == '%')
        list_push(reader->arena, &inputs, read_reference(reader));
    if (reader->failed)
        return;
    Attributes attributes = {0};
    read_attributes(reader, op, inputs.count > 0 ? inputs.items[0]->shape.rank : 0, &attributes);
    expect(reader, ':');
    Type type = read_type(reader);
    graph->path = accept_word(reader, "as") ? read_string(reader) : NULL;
    graph->span = read_span(reader);
    if (reader->failed)
        return;
    Shape shape = variable ? variable->shape : type.shape;
    const char *wrong = shape_infer(reader->arena, op, (int)inputs.count, inputs.items, &attributes, &shape);
    if (!wrong && !shape_equal(shape, type.shape))
        wrong = arena_format(reader->arena, "the shape is %s", shape_text(reader->arena, shape));
    if (wrong) {
        mistake(reader, "%s", wrong);
        return;
    }
    Node *node = build(graph, op, variable, shape, (int)inputs.count, inputs.items, &attributes);
    if (node->id != id)
        mistake(reader, "this is node %%%d again", node->id);
    else if (node->dtype != type.dtype &&
             (variable || !data_type_is_float(node->dtype) || !data_type_is_float(type.dtype)))
        mistake(reader, "the data type is %s", data_type_words[node->dtype]);
    node->dtype = type.dtype;
    node->format = type.format;
}

static void read_result(Reader *reader)
{
    const char *name = read_string(reader);
    Node *node = read_reference(reader);
    if (node)
        graph_result(reader->graph, name, node);
}

static void read_update(Reader *reader)
{
    Variable *variable = read_variable_name(reader);
    Node *node = reader->failed ? NULL : read_reference(reader);
    if (node && !shape_equal(variable->shape, node->shape))
        mistake(reader, "the variable's shape is %s", shape_text(reader->arena, variable->shape));
    else if (node)
        graph_update(reader->graph, variable, node);
}

static void read_line(Reader *reader)
{
    static const char *const lines[] = {"variable", "result", "update"};
    if (peek(reader) == '\n' || *reader->at == '\0')
        return;
    if (accept(reader, '%')) {
        read_node(reader);
        return;
    }
    switch (read_choice(reader, lines, 3, "variable, result, update or a node")) {
    case 0: read_variable(reader); break;
    case 1: read_result(reader); break;
    default: read_update(reader);
    }
}

Graph *graph_read(Arena *arena, Diagnostics *diagnostics, const SourceFile *file)
{
    Reader reader = {.arena = arena,
                     .diagnostics = diagnostics,
                     .file = file,
                     .at = file->text,
                     .line_start = file->text,
                     .line = 1};
    while (peek(&reader) == '\n')
        end_line(&reader);
    if (!accept_word(&reader, "graph"))
        mistake(&reader, "expected 'graph' and a name");
    const char *name = read_string(&reader);
    reader.graph = graph_new(arena, variables_new(arena), name);
    end_line(&reader);
    while (!reader.failed && *reader.at) {
        read_line(&reader);
        end_line(&reader);
    }
    reader.graph->path = NULL;
    reader.graph->span = (Span){0};
    return reader.failed ? NULL : reader.graph;
}
