/* What every dialect needs of a kernel: names, parameters, indices and addresses. */
#include <ctype.h>
#include <string.h>
#include "print.h"

/* ---- lines ---- */

static void print_indent(Printer *printer)
{
    text_add(&printer->text, "%*s", 4 * printer->indent, "");
}

void print_line(Printer *printer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_indent(printer);
    text_add_arguments(&printer->text, format, arguments);
    text_add(&printer->text, "\n");
    va_end(arguments);
}

void print_open(Printer *printer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_indent(printer);
    text_add_arguments(&printer->text, format, arguments);
    text_add(&printer->text, " {\n");
    va_end(arguments);
    printer->indent++;
}

void print_close(Printer *printer)
{
    printer->indent--;
    print_line(printer, "}");
}

/* ---- names ---- */

/* Words of C, of the printer itself and of the headers that kernels include. */
static const char *const reserved[] = {
    "auto",    "bool",    "break",    "case",      "char",     "const",  "continue",  "default",
    "do",      "double",  "else",     "enum",      "extern",   "false",  "float",     "for",
    "goto",    "if",      "inline",   "int",       "long",     "main",   "register",  "restrict",
    "return",  "short",   "signed",   "sizeof",    "static",   "struct", "switch",    "true",
    "typedef", "union",   "unsigned", "void",      "volatile", "while",  "size_t",    "lane",
    "end",     "partial", "context",  "seed",      "row",      "column", "ky",        "kx",
    "wins",    "inside",  "share",    "candidate", "tap",      "start",  "first_row", "first_column",
    "memset",  "sqrtf",   "fabsf",    "floorf",    "cosf",     "sinf",   "powf",      "erff",
    "exp",     "log",     "sqrt",     "pow",       "floor",    "y0",     "y1",        "yn",
    "j0",      "j1",      "jn",       "gamma",     "index",    "sin",    "cos",       "tan",
    "tanh",    "erf",     "fabs",     "a",         "scratch",  "group",  "first",     "place",
    "chunk",   "kept",    "width",    "chunks",    "at_kept",  "stride", "store",     "block",
    "segment"};

static bool is_taken(const Printer *printer, const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i], name) == 0)
            return true;
    for (int l = 0; l < printer->kernel->loop_count; l++)
        if (strcmp(printer->kernel->loops[l].index, name) == 0 ||
            (printer->kernel->loops[l].count && strcmp(printer->kernel->loops[l].count, name) == 0))
            return true;
    for (size_t i = 0; i < printer->names.count; i++)
        if (strcmp(printer->names.items[i], name) == 0)
            return true;
    return false;
}

const char *printer_name(Printer *printer, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; is_taken(printer, name); i++)
        name = arena_format(printer->arena, "%s_%d", wanted, i);
    list_push(printer->arena, &printer->names, name);
    return name;
}

/* The end of a path as a C name: "body.layer1.0.conv1" is conv1, "body.layer1.0" is layer1_0. */
static const char *short_name(Arena *arena, const char *path)
{
    const char *start = path + strlen(path);
    while (start > path) {
        while (start > path && start[-1] != '.' && start[-1] != ':')
            start--;
        if (isalpha((unsigned char)*start) || start == path)
            break;
        start--;
    }
    char *name = arena_format(arena, "%s%s", isalpha((unsigned char)*start) ? "" : "v", start);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return name;
}

/* A variable is named by the last two parts of its path: the layer and what it is of it. */
static const char *variable_short_name(Arena *arena, const char *path)
{
    const char *dot = strrchr(path, '.');
    if (!dot)
        return short_name(arena, path);
    const char *layer = short_name(arena, arena_string_of(arena, path, (size_t)(dot - path)));
    const char *colon = strchr(path, ':');
    const char *role = colon ? arena_format(arena, "%.*s_", (int)(colon - path), path) : "";
    return short_name(arena, arena_format(arena, "%s%s_%s", role, layer, dot + 1));
}

static const char *pointer_wish(Printer *printer, const Buffer *buffer)
{
    if (printer->canonical)
        return "v";
    if (buffer->variable)
        return variable_short_name(printer->arena, buffer->variable->name);
    const Node *node = buffer->node;
    const char *op = op_table[node->op].name;
    if (strncmp(op, "reduce_", 7) == 0)
        op += 7;
    if (!node->name)
        return op;
    const char *layer = short_name(printer->arena, node->name);
    return node->op == OP_CONVOLUTION || node->op == OP_MATMUL
               ? layer
               : arena_format(printer->arena, "%s_%s", layer, op);
}

const char *c_type(HpDataType dtype)
{
    switch (dtype) {
    case HP_U8: return "uint8_t";
    case HP_F16:
    case HP_BF16: return "uint16_t";
    case HP_I64: return "int64_t";
    default: return "float";
    }
}

/* ---- parameters ---- */

const char *size_parameter(Printer *printer, const char *name, int64_t value)
{
    const char *base = name;
    int again = 1; /* a tensor read in two ways has two strides of one name */
    for (size_t i = 0; i < printer->parameters.count; i++) {
        const Parameter *parameter = &printer->parameters.items[i];
        if (parameter->kind != PARAMETER_SIZE || strcmp(parameter->name, name) != 0)
            continue;
        if (parameter->size == value)
            return parameter->name;
        name = arena_format(printer->arena, "%s_%d", base, ++again);
        i = (size_t)-1; /* look from the start again */
    }
    Parameter parameter = {.kind = PARAMETER_SIZE, .name = arena_string(printer->arena, name), .size = value};
    list_push(printer->arena, &printer->parameters, parameter);
    return parameter.name;
}

static bool same_memory(const Buffer *a, const Buffer *b)
{
    int64_t offset_a, offset_b;
    const Buffer *root_a = buffer_root(a, &offset_a), *root_b = buffer_root(b, &offset_b);
    return offset_a == offset_b &&
           (root_a == root_b || (root_a->variable && root_a->variable == root_b->variable));
}

Parameter *pointer_parameter(Printer *printer, const Buffer *buffer, bool written)
{
    for (size_t i = 0; i < printer->parameters.count; i++) {
        Parameter *parameter = &printer->parameters.items[i];
        if (parameter->kind != PARAMETER_POINTER || !same_memory(parameter->buffer, buffer))
            continue;
        parameter->written = parameter->written || written;
        parameter->read = parameter->read || !written;
        return parameter;
    }
    bool partial = !buffer->node && !buffer->variable;
    const char *name = partial ? "partial" : printer_name(printer, pointer_wish(printer, buffer));
    HpDataType dtype = partial ? HP_F32 : buffer->node ? buffer->node->dtype : buffer->variable->dtype;
    list_push(printer->arena, &printer->parameters,
              ((Parameter){.kind = PARAMETER_POINTER,
                           .name = name,
                           .buffer = buffer,
                           .partial = partial,
                           .written = written,
                           .read = !written,
                           .dtype = dtype}));
    return &printer->parameters.items[printer->parameters.count - 1];
}

/* ---- indices ---- */

bool taps_of_gradient(const TapLoops *taps)
{
    return taps->kind == WINDOW_MAX_GRADIENT || taps->kind == WINDOW_AVERAGE_GRADIENT;
}

const char *loop_count_text(Printer *printer, int loop)
{
    const Loop *l = &printer->kernel->loops[loop];
    if (!l->count)
        return arena_format(printer->arena, "%lld", (long long)l->extent);
    return size_parameter(printer, l->count, l->extent);
}

const char *axis_index_text(Printer *printer, int axis)
{
    static const char *const names[2][2] = {{"ky", "kx"}, {"row", "column"}};
    const Kernel *kernel = printer->kernel;
    if (axis >= TAP_AXIS) /* taps are counted, but those of a gradient are the pixels they touch */
        return names[printer->taps && taps_of_gradient(printer->taps)][axis - TAP_AXIS];
    Text text = text_new(printer->arena);
    for (int l = 0; l < kernel->loop_count; l++) {
        const Loop *loop = &kernel->loops[l];
        if (loop->axis != axis)
            continue;
        if (loop->joined)
            internal_error("the index of a joined loop is asked for");
        text_add(&text, text.length ? " + %s" : "%s", loop->index);
        if (loop->scale > 1)
            text_add(&text, " * %lld", (long long)loop->scale);
    }
    if (!text.length)
        return "0";
    return strchr(text.data, ' ') ? arena_format(printer->arena, "(%s)", text.data) : text.data;
}

const char *form_text(Printer *printer, const Form *form)
{
    if (printer->taps && form_equal(form, &printer->taps->inside[0]))
        return "row";
    if (printer->taps && form_equal(form, &printer->taps->inside[1]))
        return "column";
    Text text = text_new(printer->arena);
    for (int axis = 0; axis < KERNEL_AXES; axis++) {
        if (!form->factor[axis])
            continue;
        text_add(&text, text.length ? " + %s" : "%s", axis_index_text(printer, axis));
        if (form->factor[axis] != 1)
            text_add(&text, " * %lld", (long long)form->factor[axis]);
    }
    if (!text.length)
        return arena_format(printer->arena, "%lld", (long long)form->offset);
    if (form->offset) /* unsigned: what lies before the start wraps round to far behind the end */
        text_add(&text, " %c %lld", form->offset < 0 ? '-' : '+',
                 (long long)(form->offset < 0 ? -form->offset : form->offset));
    if (form->divisor != 1)
        return arena_format(printer->arena, strchr(text.data, ' ') ? "(%s) / %lld" : "%s / %lld", text.data,
                            (long long)form->divisor);
    return text.data;
}

/* ---- addresses ---- */

/* Are the strides those of a tensor whose dimensions are the loops themselves? */
static bool is_natural(const Kernel *kernel, const Access *access)
{
    int64_t expected = 1;
    for (int l = kernel->loop_count - 1; l >= 0; l--) {
        if (!access->stride[l])
            continue;
        if (access->stride[l] != expected)
            return false;
        expected *= kernel->loops[l].extent;
    }
    for (int axis = 0; axis < access->map.rank; axis++)
        if (access->term_stride[axis])
            return false;
    return true;
}

static const char *natural_address(Printer *printer, const Access *access)
{
    const Kernel *kernel = printer->kernel;
    const char *text = NULL;
    for (int l = 0; l < kernel->loop_count; l++) {
        if (!access->stride[l])
            continue;
        const char *index = kernel->loops[l].index;
        if (!text)
            text = index;
        else
            text = arena_format(printer->arena, strchr(text, ' ') ? "(%s) * %s + %s" : "%s * %s + %s", text,
                                loop_count_text(printer, l), index);
    }
    return text ? text : "0";
}

/* One or a whole block is part of the structure, other strides are sizes. */
static const char *stride_text(Printer *printer, const char *name, const char *index, int64_t stride)
{
    int64_t block = printer->kernel->lanes;
    if (stride == 1 || stride == block)
        return arena_format(printer->arena, "%lld", (long long)stride);
    return size_parameter(printer, arena_format(printer->arena, "%s_%s", name, index), stride);
}

static void add_stride(Printer *printer, Text *text, const char *name, const char *wish, const char *index,
                       int64_t stride)
{
    if (stride == 1)
        text_add(text, "%s%s", text->length ? " + " : "", index);
    else
        text_add(text, strchr(index, ' ') ? "%s(%s) * %s" : "%s%s * %s", text->length ? " + " : "", index,
                 stride_text(printer, name, wish, stride));
}

const char *address_text(Printer *printer, const Access *access, const char *name)
{
    const Kernel *kernel = printer->kernel;
    const char *base = NULL;
    if (printer->dialect->shares_strides)
        name = "stride";
    if (is_natural(kernel, access)) {
        base = natural_address(printer, access);
    } else {
        static const char *const axis_names[SHAPE_MAX_RANK] = {"n", "c", "row", "column", "p", "q"};
        Text text = text_new(printer->arena);
        for (int l = 0; l < kernel->loop_count; l++)
            if (access->stride[l])
                add_stride(printer, &text, name, kernel->loops[l].index, kernel->loops[l].index,
                           access->stride[l]);
        for (int axis = 0; axis < access->map.rank; axis++)
            if (access->term_stride[axis])
                add_stride(printer, &text, name, axis_names[axis],
                           form_text(printer, &access->map.axes[axis]), access->term_stride[axis]);
        base = text.length ? text.data : "0";
    }
    if (!access->offset)
        return base;
    const char *offset =
        size_parameter(printer, arena_format(printer->arena, "%s_offset", name), access->offset);
    return arena_format(printer->arena, "%s + %s", base,
                        offset); /* a negative one wraps back: sizes are unsigned */
}

const char *guard_text(Printer *printer, const Access *access)
{
    Text text = text_new(printer->arena);
    for (int axis = 0; axis < access->map.rank; axis++) {
        if (!(access->guards >> axis & 1))
            continue;
        const char *index = form_text(printer, &access->map.axes[axis]);
        text_add(&text, "%s%s < %lld", text.length ? " && " : "", index,
                 (long long)access->shape.extents[axis]);
    }
    return text.data;
}
