/* What must be true of a graph after every pass. */
#include "graph.h"

#define BROKEN(...)                                                                                          \
    internal_error("after %s, graph %s: %s", after, graph->name, arena_format(graph->arena, __VA_ARGS__))

/* Arithmetic is on floats; indices and sample numbers go where they belong; what is moved stays what it is.
 */
static bool takes_type(const Node *node, int input)
{
    HpDataType dtype = node->inputs[input]->dtype;
    if (op_table[node->op].class == CLASS_MOVEMENT)
        return dtype == node->dtype || (node->op == OP_AFTER && input == 1);
    if (node->op == OP_RANDOM)
        return dtype == HP_I64;
    return node->op == OP_MAX_POOL_GRADIENT && input == 1 ? dtype == HP_U8 : data_type_is_float(dtype);
}

static void verify_inputs(const Graph *graph, const Node *node, const char *after)
{
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        if (input->id < 0 || input->id >= node->id || graph->nodes.items[input->id] != input)
            BROKEN("input %d of node %d (%s) does not come before it", i, node->id, op_table[node->op].name);
        if (!takes_type(node, i))
            BROKEN("input %d of node %d (%s) has the wrong data type", i, node->id, op_table[node->op].name);
    }
}

static void verify_shape(const Graph *graph, const Node *node, const char *after)
{
    Shape shape = node->op == OP_VARIABLE ? node->variable->shape : node->shape;
    const char *wrong =
        shape_infer(graph->arena, node->op, node->input_count, node->inputs, &node->attributes, &shape);
    if (wrong)
        BROKEN("node %d: %s", node->id, wrong);
    if (!shape_equal(shape, node->shape))
        BROKEN("node %d (%s) has shape %s, its inputs give %s", node->id, op_table[node->op].name,
               shape_text(graph->arena, node->shape), shape_text(graph->arena, shape));
    if (node->format != HP_FORMAT_PLAIN && node->shape.rank != 4)
        BROKEN("node %d (%s) has a channel format, but its shape is %s", node->id, op_table[node->op].name,
               shape_text(graph->arena, node->shape));
}

static bool in_graph(const Graph *graph, const Node *node)
{
    return node->id >= 0 && (size_t)node->id < graph->nodes.count && graph->nodes.items[node->id] == node;
}

static void verify_variable(const Graph *graph, const Variable *variable, const char *after)
{
    const VariableList *list = &graph->variables->list;
    if (variable->index < 0 || (size_t)variable->index >= list->count ||
        list->items[variable->index] != variable)
        BROKEN("variable %s is not in the program's table", variable->name);
}

static void verify_effects(const Graph *graph, const char *after)
{
    bool *written = ARENA_ARRAY(graph->arena, bool, graph->variables->list.count);
    for (size_t i = 0; i < graph->results.count; i++)
        if (!in_graph(graph, graph->results.items[i].node))
            BROKEN("result %s is not a node of the graph", graph->results.items[i].name);
    for (size_t i = 0; i < graph->updates.count; i++) {
        const Update *update = &graph->updates.items[i];
        verify_variable(graph, update->variable, after);
        if (!in_graph(graph, update->node))
            BROKEN("the update of %s is not a node of the graph", update->variable->name);
        if (!shape_equal(update->variable->shape, update->node->shape))
            BROKEN("%s has shape %s but is updated with %s", update->variable->name,
                   shape_text(graph->arena, update->variable->shape),
                   shape_text(graph->arena, update->node->shape));
        if (update->variable->dtype != update->node->dtype)
            BROKEN("%s is stored as %s but updated with %s", update->variable->name,
                   graph_type_name(update->variable->dtype), graph_type_name(update->node->dtype));
        if (written[update->variable->index])
            BROKEN("%s is updated twice", update->variable->name);
        written[update->variable->index] = true;
    }
}

void graph_verify(const Graph *graph, const char *after)
{
    const Node **node_of = ARENA_ARRAY(graph->arena, const Node *, graph->variables->list.count);
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.items[i];
        if (node->id != (int)i)
            BROKEN("node %d is at place %zu", node->id, i);
        if ((node->op == OP_VARIABLE) != (node->variable != NULL))
            BROKEN("node %d (%s) and its variable do not agree", node->id, op_table[node->op].name);
        if (node->variable) {
            verify_variable(graph, node->variable, after);
            if (node->dtype != node->variable->dtype)
                BROKEN("node %d has not the data type of its variable %s", node->id, node->variable->name);
            if (node_of[node->variable->index])
                BROKEN("variable %s has two nodes", node->variable->name);
            node_of[node->variable->index] = node;
        }
        verify_inputs(graph, node, after);
        verify_shape(graph, node, after);
    }
    verify_effects(graph, after);
}
