#include "elaborate.h"

#include <string.h>

Value value_error(void)
{
    return (Value){.kind = VALUE_ERROR};
}

Value value_number(double number)
{
    return (Value){.kind = VALUE_NUMBER, .number = number};
}

Value value_boolean(bool truth)
{
    return (Value){.kind = VALUE_BOOLEAN, .number = truth};
}

Value value_tensor(Node *node)
{
    return node ? (Value){.kind = VALUE_TENSOR, .node = node} : value_error();
}

const char *value_describe(Elaborator *e, Value value)
{
    Arena *arena = e->program->arena;
    switch (value.kind) {
    case VALUE_ERROR: return "a mistake";
    case VALUE_NUMBER: return arena_format(arena, "the number %g", value.number);
    case VALUE_BOOLEAN: return value.number != 0 ? "true" : "false";
    case VALUE_STRING: return arena_format(arena, "the text \"%s\"", value.text);
    case VALUE_LIST: return arena_format(arena, "a list of %zu", value.count);
    case VALUE_TARGET: return "the labels";
    case VALUE_TENSOR:
        return value.node->shape.rank == 0
                   ? "a number that is known when the program runs"
                   : arena_format(arena, "a tensor %s", shape_text(arena, value.node->shape));
    }
    internal_error("value kind %d", (int)value.kind);
}

bool value_equal(Value a, Value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == VALUE_STRING)
        return !strcmp(a.text, b.text);
    if (a.kind != VALUE_LIST)
        return a.number == b.number;
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (!value_equal(a.items[i], b.items[i]))
            return false;
    return true;
}
