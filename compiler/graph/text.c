/* Graph text: one line per variable, node and effect. read.c is its inverse.
 *
 *   graph "predict"
 *   variable "conv1.weight" parameter f32 [64, 4, 7, 7] normal 0.05 value 0.0 group 2
 *   %0 = image batch 16 planes 4 height 224 width 224 : f32 [16, 4, 224, 224]
 *   %1 = variable "conv1.weight" : f32 [64, 4, 7, 7]
 *   %2 = convolution %0 %1 stride 2 2 pad_before 3 3 pad_after 3 3 : f32 [16, 64, 112, 112] as "conv1" at
 * "a.hpanet:7:3" result "logits" %2 update "conv1.weight" %9
 *
 * A format other than plain stands after the shape. Attributes that have their usual value are left out;
 * flags are written when they are set. '#' starts a comment. */
#include "attributes.h"
#include "words.h"

const char *const variable_kind_words[VARIABLE_KINDS] = {
    [HP_PARAMETER] = "parameter", [HP_STATISTIC] = "statistic", [HP_OPTIMIZER_STATE] = "state",
    [HP_GRADIENT] = "gradient",   [HP_INPUT] = "input",         [HP_NORMALIZATION] = "normalization",
    [HP_DERIVED] = "derived",     [HP_COPY] = "copy",           [HP_SCALAR] = "scalar"};

const char *const initializer_words[INITIALIZERS] = {
    [HP_INITIAL_CONSTANT] = "constant", [HP_INITIAL_NORMAL] = "normal", [HP_INITIAL_UNIFORM] = "uniform"};

const char *const data_type_words[DATA_TYPES] = {
    [HP_F32] = "f32", [HP_F16] = "f16", [HP_BF16] = "bf16", [HP_U8] = "u8", [HP_I64] = "i64"};

const char *const format_words[HP_FORMAT_COUNT] = {
    [HP_FORMAT_PLAIN] = "plain",       [HP_FORMAT_NHWC] = "nhwc",
    [HP_FORMAT_NCHW8C] = "nchw8c",     [HP_FORMAT_NCHW16C] = "nchw16c",
    [HP_FORMAT_OIHW8I8O] = "oihw8i8o", [HP_FORMAT_OIHW16I16O] = "oihw16i16o",
    [HP_FORMAT_OIHW8O8I] = "oihw8o8i", [HP_FORMAT_OIHW16O16I] = "oihw16o16i",
    [HP_FORMAT_OHWI8O] = "ohwi8o",     [HP_FORMAT_OHWI16O] = "ohwi16o",
    [HP_FORMAT_HWIO] = "hwio",         [HP_FORMAT_IOHW16O16I] = "iohw16o16i"};

const char *graph_format_name(HpFormat format)
{
    return format_words[format];
}

const char *graph_type_name(HpDataType dtype)
{
    return data_type_words[dtype];
}

static void print_type(Text *out, HpDataType dtype, Shape shape, HpFormat format)
{
    text_add(out, "%s %s", data_type_words[dtype], shape_text(out->arena, shape));
    if (format != HP_FORMAT_PLAIN)
        text_add(out, " %s", format_words[format]);
}

static void print_span(Text *out, Span span)
{
    if (!span.file)
        return;
    text_add(out, " at ");
    text_add_quoted(out, arena_format(out->arena, "%s:%d:%d", span.file->path, span.line, span.column));
}

static void print_variable(Text *out, const Variable *variable)
{
    text_add(out, "variable ");
    text_add_quoted(out, variable->name);
    text_add(out, " %s ", variable_kind_words[variable->kind]);
    print_type(out, variable->dtype, variable->shape, variable->format);
    text_add(out, " %s ", initializer_words[variable->initializer.kind]);
    text_add_number(out, variable->initializer.value);
    if (variable->kind == HP_SCALAR) {
        text_add(out, " value ");
        text_add_number(out, variable->value);
    }
    if (variable->group >= 0)
        text_add(out, " group %d", variable->group);
    print_span(out, variable->span);
    text_add(out, "\n");
}

static void print_element(Text *out, FieldType type, const char *data, int index)
{
    switch (type) {
    case FIELD_INTEGER: text_add(out, " %lld", (long long)((const int64_t *)data)[index]); break;
    case FIELD_INDEX: text_add(out, " %d", ((const int *)data)[index]); break;
    case FIELD_NUMBER:
        text_add(out, " ");
        text_add_number(out, ((const double *)data)[index]);
        break;
    case FIELD_TEXT:
        text_add(out, " ");
        text_add_quoted(out, ((const char *const *)data)[index]);
        break;
    case FIELD_SHAPE: text_add(out, " %s", shape_text(out->arena, ((const Shape *)data)[index])); break;
    case FIELD_AXES:
        for (int axis = 0; axis < SHAPE_MAX_RANK; axis++)
            if (((const unsigned *)data)[index] >> axis & 1)
                text_add(out, " %d", axis);
        break;
    case FIELD_FLAG: break; /* its name says it */
    }
}

static bool is_usual(const AttributeField *field, const char *data, int count)
{
    if (field->type == FIELD_FLAG)
        return !*(const bool *)data;
    if (field->type != FIELD_INTEGER)
        return false;
    for (int i = 0; i < count; i++)
        if (((const int64_t *)data)[i] != field->usual)
            return false;
    return true;
}

static void print_attributes(Text *out, const Node *node)
{
    int field_count;
    const AttributeField *fields = attribute_fields(op_table[node->op].attributes, &field_count);
    for (int i = 0; i < field_count; i++) {
        const char *data = (const char *)&node->attributes + fields[i].offset;
        int count = attribute_field_count(&fields[i], node->shape.rank);
        if (is_usual(&fields[i], data, count))
            continue;
        text_add(out, " %s", fields[i].name);
        for (int j = 0; j < count; j++)
            print_element(out, fields[i].type, data, j);
    }
}

static void print_node(Text *out, const Node *node)
{
    text_add(out, "%%%d = %s", node->id, op_table[node->op].name);
    if (node->variable) {
        text_add(out, " ");
        text_add_quoted(out, node->variable->name);
    }
    for (int i = 0; i < node->input_count; i++)
        text_add(out, " %%%d", node->inputs[i]->id);
    print_attributes(out, node);
    text_add(out, " : ");
    print_type(out, node->dtype, node->shape, node->format);
    if (node->name) {
        text_add(out, " as ");
        text_add_quoted(out, node->name);
    }
    print_span(out, node->span);
    text_add(out, "\n");
}

/* The variables that the graph reads or writes, in the order of the program's table. */
static void print_variables(Text *out, const Graph *graph)
{
    const VariableList *list = &graph->variables->list;
    bool *used = ARENA_ARRAY(out->arena, bool, list->count);
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->variable)
            used[graph->nodes.items[i]->variable->index] = true;
    for (size_t i = 0; i < graph->updates.count; i++)
        used[graph->updates.items[i].variable->index] = true;
    for (size_t i = 0; i < list->count; i++)
        if (used[i])
            print_variable(out, list->items[i]);
}

void graph_print(Text *out, const Graph *graph)
{
    text_add(out, "graph ");
    text_add_quoted(out, graph->name);
    text_add(out, "\n");
    print_variables(out, graph);
    for (size_t i = 0; i < graph->nodes.count; i++)
        print_node(out, graph->nodes.items[i]);
    for (size_t i = 0; i < graph->results.count; i++) {
        text_add(out, "result ");
        text_add_quoted(out, graph->results.items[i].name);
        text_add(out, " %%%d\n", graph->results.items[i].node->id);
    }
    for (size_t i = 0; i < graph->updates.count; i++) {
        text_add(out, "update ");
        text_add_quoted(out, graph->updates.items[i].variable->name);
        text_add(out, " %%%d\n", graph->updates.items[i].node->id);
    }
}
