/* The table of all storage that outlives a function call, by name. */
#include "graph.h"

#include <string.h>

typedef struct NameIndex { /* open addressing, a power of two, at most half full */
    Variable **slots;
    size_t size;
} NameIndex;

enum { FIRST_SIZE = 256 };

static Variable **slot_of(const NameIndex *index, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++)
        hash = (hash ^ *byte) * 1099511628211u;
    size_t slot = (size_t)hash & (index->size - 1);
    while (index->slots[slot] && strcmp(index->slots[slot]->name, name) != 0)
        slot = (slot + 1) & (index->size - 1);
    return &index->slots[slot];
}

static NameIndex *index_new(Arena *arena, size_t size)
{
    NameIndex *index = ARENA_NEW(arena, NameIndex);
    index->size = size;
    index->slots = ARENA_ARRAY(arena, Variable *, size);
    return index;
}

Variables *variables_new(Arena *arena)
{
    Variables *variables = ARENA_NEW(arena, Variables);
    variables->arena = arena;
    variables->index = index_new(arena, FIRST_SIZE);
    return variables;
}

Variable *variables_find(const Variables *variables, const char *name)
{
    return *slot_of(variables->index, name);
}

Variable *variables_add(Variables *variables, const char *name, HpVariableKind kind, Shape shape)
{
    if (variables_find(variables, name))
        internal_error("two variables are called %s", name);
    NameIndex *index = variables->index;
    if (variables->list.count * 2 >= index->size) {
        index = index_new(variables->arena, index->size * 2);
        for (size_t i = 0; i < variables->list.count; i++)
            *slot_of(index, variables->list.items[i]->name) = variables->list.items[i];
        variables->index = index;
    }
    Variable *variable = ARENA_NEW(variables->arena, Variable);
    variable->name = arena_string(variables->arena, name);
    variable->kind = kind;
    variable->shape = shape;
    variable->group = -1;
    variable->index = (int)variables->list.count;
    list_push(variables->arena, &variables->list, variable);
    *slot_of(index, variable->name) = variable;
    return variable;
}
