/* Reverse mode: walks the graph from the loss back, and adds up what arrives at each node. */
#include "autodiff.h"

/* The walk's state, by node id. */
typedef struct Backward {
    Graph *graph;
    bool *depends;     /* the node's value depends on some wrt */
    Gradient *arrived; /* the sum of the gradients so far; whole is NULL: none */
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

static Node *add_or_take(Graph *graph, Node *sum, Node *term)
{
    return sum && term ? graph_binary(graph, OP_ADD, sum, term) : sum ? sum : term;
}

static void add_gradient(Backward *back, const Node *node, Gradient gradient)
{
    Gradient *sum = &back->arrived[node->id];
    if (!shape_equal(node->shape, gradient.whole->shape))
        internal_error("the gradient of %s has shape %s, its value %s", op_table[node->op].name,
                       shape_text(back->graph->arena, gradient.whole->shape),
                       shape_text(back->graph->arena, node->shape));
    sum->whole = add_or_take(back->graph, sum->whole, gradient.whole);
    sum->slope = add_or_take(back->graph, sum->slope, gradient.slope);
    sum->offset = add_or_take(back->graph, sum->offset, gradient.offset);
    if (!sum->mean) /* it is the mean of the node's value, whoever computed it */
        sum->mean = gradient.mean;
}

/* Nothing is put off any more. */
static Node *complete(Graph *graph, Node *node, Gradient *gradient)
{
    if (!gradient->slope)
        return gradient->whole;
    Node *centred =
        graph_binary(graph, OP_SUBTRACT, node, graph_broadcast(graph, gradient->mean, node->shape));
    Node *sloped =
        graph_binary(graph, OP_MULTIPLY, centred, graph_broadcast(graph, gradient->slope, node->shape));
    Node *shifted =
        graph_binary(graph, OP_ADD, gradient->whole, graph_broadcast(graph, gradient->offset, node->shape));
    *gradient = (Gradient){.whole = graph_binary(graph, OP_ADD, shifted, sloped)};
    return gradient->whole;
}

/* Hands the gradient of a node's value on to its inputs. */
static void visit(Backward *back, Node *node)
{
    Arena *arena = back->graph->arena;
    bool *needed = ARENA_ARRAY(arena, bool, (size_t)node->input_count);
    Gradient *gradients = ARENA_ARRAY(arena, Gradient, (size_t)node->input_count);
    bool any = false;
    for (int i = 0; i < node->input_count; i++)
        any |= needed[i] = back->depends[node->inputs[i]->id];
    if (!any)
        return;
    back->graph->span = node->span; /* the backward nodes come from the same line */
    back->graph->path = node->name;
    if (!gradient_can_wait(node))
        complete(back->graph, node, &back->arrived[node->id]);
    gradient_rule(back->graph, node, &back->arrived[node->id], needed, gradients);
    for (int i = 0; i < node->input_count; i++)
        if (gradients[i].whole)
            add_gradient(back, node->inputs[i], gradients[i]);
}

void autodiff(Graph *graph, Node *loss, Node *seed, int count, Node *const *wrt, Node **gradients)
{
    if (shape_count(loss->shape) != 1)
        internal_error("the gradient of a loss of shape %s", shape_text(graph->arena, loss->shape));
    size_t nodes = graph->nodes.count;
    Span span = graph->span;
    const char *path = graph->path;
    Backward back = {graph, ARENA_ARRAY(graph->arena, bool, nodes),
                     ARENA_ARRAY(graph->arena, Gradient, nodes)};
    mark_dependent(&back, count, wrt, loss->id);
    Node *one = seed ? seed : graph_constant(graph, 1);
    back.arrived[loss->id].whole = one->shape.rank == 0 ? graph_broadcast(graph, one, loss->shape)
                                                        : graph_reshape(graph, one, loss->shape);
    for (int id = loss->id; id >= 0; id--)
        if (back.arrived[id].whole && back.depends[id])
            visit(&back, graph->nodes.items[id]);
    graph->span = span;
    graph->path = path;
    for (int i = 0; i < count; i++) {
        Node *arrived = complete(graph, wrt[i], &back.arrived[wrt[i]->id]);
        gradients[i] = arrived ? arrived : graph_broadcast(graph, graph_constant(graph, 0), wrt[i]->shape);
    }
}
