/* Reverse mode: walks the graph from the loss back, and adds up what arrives at each node. */
#include "autodiff.h"

/* The walk's state, by node id. */
typedef struct Backward {
    Graph *graph;
    bool *depends;  /* the node's value depends on some wrt */
    Node **arrived; /* the sum of the gradients so far, or NULL */
} Backward;

static void mark_dependent(Backward *back, int count, Node *const *wrt, int last)
{
    for (int i = 0; i < count; i++)
        back->depends[wrt[i]->id] = true;
    for (int id = 0; id <= last; id++) {
        const Node *node = back->graph->nodes.items[id];
        for (int j = 0; j < node->input_count; j++)
            back->depends[id] |= back->depends[node->inputs[j]->id];
    }
}

static void add_gradient(Backward *back, const Node *node, Node *gradient)
{
    Node **sum = &back->arrived[node->id];
    if (!shape_equal(node->shape, gradient->shape))
        internal_error("the gradient of %s has shape %s, its value %s", op_table[node->op].name,
                       shape_text(back->graph->arena, gradient->shape),
                       shape_text(back->graph->arena, node->shape));
    *sum = *sum ? graph_binary(back->graph, OP_ADD, *sum, gradient) : gradient;
}

/* Hands the gradient of a node's value on to its inputs. */
static void visit(Backward *back, Node *node)
{
    Arena *arena = back->graph->arena;
    bool *needed = ARENA_ARRAY(arena, bool, (size_t)node->input_count);
    Node **gradients = ARENA_ARRAY(arena, Node *, (size_t)node->input_count);
    bool any = false;
    for (int i = 0; i < node->input_count; i++)
        any |= needed[i] = back->depends[node->inputs[i]->id];
    if (!any)
        return;
    back->graph->span = node->span; /* the backward nodes come from the same line */
    back->graph->path = node->name;
    gradient_rule(back->graph, node, back->arrived[node->id], needed, gradients);
    for (int i = 0; i < node->input_count; i++)
        if (gradients[i])
            add_gradient(back, node->inputs[i], gradients[i]);
}

void autodiff(Graph *graph, Node *loss, Node *seed, int count, Node *const *wrt, Node **gradients)
{
    if (shape_count(loss->shape) != 1)
        internal_error("the gradient of a loss of shape %s", shape_text(graph->arena, loss->shape));
    size_t nodes = graph->nodes.count;
    Span span = graph->span;
    const char *path = graph->path;
    Backward back = {graph, ARENA_ARRAY(graph->arena, bool, nodes), ARENA_ARRAY(graph->arena, Node *, nodes)};
    mark_dependent(&back, count, wrt, loss->id);
    Node *one = seed ? seed : graph_constant(graph, 1);
    back.arrived[loss->id] = one->shape.rank == 0 ? graph_broadcast(graph, one, loss->shape)
                                                  : graph_reshape(graph, one, loss->shape);
    for (int id = loss->id; id >= 0; id--)
        if (back.arrived[id] && back.depends[id])
            visit(&back, graph->nodes.items[id]);
    graph->span = span;
    graph->path = path;
    for (int i = 0; i < count; i++) {
        Node *arrived = back.arrived[wrt[i]->id];
        gradients[i] = arrived ? arrived : graph_broadcast(graph, graph_constant(graph, 0), wrt[i]->shape);
    }
}
