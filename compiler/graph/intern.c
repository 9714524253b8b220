#include "intern.h"

#include "attributes.h"

struct NodeTable {
    Arena *arena;
    Node **slots; /* open addressing, a power of two, at most half full */
    size_t size, count;
};

enum { FIRST_SIZE = 256 };

NodeTable *node_table_new(Arena *arena)
{
    NodeTable *table = ARENA_NEW(arena, NodeTable);
    table->arena = arena;
    table->size = FIRST_SIZE;
    table->slots = ARENA_ARRAY(arena, Node *, table->size);
    return table;
}

static bool commutes(Op op)
{
    return op == OP_ADD || op == OP_MULTIPLY || op == OP_MAXIMUM || op == OP_MINIMUM || op == OP_EQUAL ||
           op == OP_NOT_EQUAL || op == OP_AND || op == OP_OR;
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCDu;
    return value ^ value >> 29;
}

static uint64_t node_hash(const Node *node)
{
    uint64_t hash = mix(attributes_hash(node->op, node->shape.rank, &node->attributes) + (uint64_t)node->op);
    for (int axis = 0; axis < node->shape.rank; axis++)
        hash = mix(hash + (uint64_t)node->shape.extents[axis]);
    hash = mix(hash + (uint64_t)(uintptr_t)node->variable);
    bool ordered = !commutes(node->op);
    uint64_t sum = 0;
    for (int i = 0; i < node->input_count; i++)
        sum += mix((uint64_t)(uintptr_t)node->inputs[i] + (ordered ? (uint64_t)i << 56 : 0));
    return mix(hash + sum);
}

static bool node_equal(const Node *a, const Node *b)
{
    if (a->op != b->op || a->variable != b->variable || a->dtype != b->dtype || a->format != b->format ||
        a->input_count != b->input_count || !shape_equal(a->shape, b->shape) ||
        !attributes_equal(a->op, a->shape.rank, &a->attributes, &b->attributes))
        return false;
    if (commutes(a->op) && a->inputs[0] == b->inputs[1] && a->inputs[1] == b->inputs[0])
        return true;
    for (int i = 0; i < a->input_count; i++)
        if (a->inputs[i] != b->inputs[i])
            return false;
    return true;
}

static Node **slot_of(Node **slots, size_t size, const Node *node)
{
    size_t slot = (size_t)node_hash(node) & (size - 1);
    while (slots[slot] && !node_equal(slots[slot], node))
        slot = (slot + 1) & (size - 1);
    return &slots[slot];
}

static void grow(NodeTable *table)
{
    Node **slots = ARENA_ARRAY(table->arena, Node *, table->size * 2);
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i])
            *slot_of(slots, table->size * 2, table->slots[i]) = table->slots[i];
    table->slots = slots;
    table->size *= 2;
}

Node *node_table_intern(NodeTable *table, Node *node)
{
    if (table->count * 2 >= table->size)
        grow(table);
    Node **slot = slot_of(table->slots, table->size, node);
    if (!*slot) {
        *slot = node;
        table->count++;
    }
    return *slot;
}

Node *node_table_find(const NodeTable *table, const Node *node)
{
    return *slot_of(table->slots, table->size, node);
}
