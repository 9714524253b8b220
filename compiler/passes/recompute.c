/* Recompute: forward values that the backward pass computes again instead of keeping them. recompute_choice.c
 * decides which; here the graph is rewritten. The backward pass, in the order of the graph, asks for its
 * inputs; where one is not kept it gets a clone of what made it, down to what is kept. A clone reads kept
 * values through AFTER nodes that wait for the last product of the backward pass before the clone's first
 * use: so it cannot run, nor join a kernel, in the forward pass. Clones of dropout read the same random
 * numbers; statistics are small, always kept, and so move once. */
#include "recompute.h"

typedef struct Rewrite {
    Recompute *recompute;
    Graph *graph;
    Node **clones;   /* by id: of the values that are computed again, made at their first use */
    Node **waiting;  /* by id: the newest AFTER of a kept value */
    Node **inlined;  /* by id: what a node without memory is for clones that wait for `after` */
    Node *after;     /* the product that clones made now wait for */
    Node *waits_for; /* the one that `inlined` is for */
} Rewrite;

static Graph *copy_graph(const Graph *graph)
{
    Graph *copy = graph_new(graph->arena, graph->variables, graph->name);
    Node **nodes = ARENA_ARRAY(graph->arena, Node *, graph->nodes.count);
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.items[i];
        Node **inputs = ARENA_ARRAY(graph->arena, Node *, (size_t)node->input_count);
        for (int j = 0; j < node->input_count; j++)
            inputs[j] = nodes[node->inputs[j]->id];
        nodes[i] = graph_copy_node(copy, node, inputs);
        nodes[i]->format = node->format;
        nodes[i]->name = node->name;
        nodes[i]->span = node->span;
    }
    for (size_t i = 0; i < graph->results.count; i++)
        graph_result(copy, graph->results.items[i].name, nodes[graph->results.items[i].node->id]);
    for (size_t i = 0; i < graph->updates.count; i++)
        graph_update(copy, graph->updates.items[i].variable, nodes[graph->updates.items[i].node->id]);
    return copy;
}

static Node *wait(Rewrite *rewrite, Node *kept)
{
    Node **waiting = &rewrite->waiting[kept->id];
    if (*waiting && (*waiting)->inputs[1] == rewrite->after)
        return *waiting;
    rewrite->graph->span = kept->span;
    rewrite->graph->path = kept->name;
    *waiting = graph_node(rewrite->graph, OP_AFTER, 2, (Node *[]){kept, rewrite->after}, NULL);
    (*waiting)->format = kept->format;
    return *waiting;
}

static Node *resolve(Rewrite *rewrite, Node *node, bool in_clone);

/* The node over resolved inputs: itself when they are what they were. */
static Node *copy_over(Rewrite *rewrite, Node *node, bool in_clone)
{
    Node **inputs = ARENA_ARRAY(rewrite->graph->arena, Node *, (size_t)node->input_count);
    bool same = true;
    for (int i = 0; i < node->input_count; i++) {
        inputs[i] = resolve(rewrite, node->inputs[i], in_clone);
        same = same && inputs[i] == node->inputs[i];
    }
    return same ? node : graph_copy_node(rewrite->graph, node, inputs);
}

/* What stands for the forward value `node` in the backward pass: a clone reads what is kept only once it may
 * run; what is no part of a clone follows the newest AFTER, to share its loads. */
static Node *resolve(Rewrite *rewrite, Node *node, bool in_clone)
{
    switch (rewrite->recompute->fate[node->id]) {
    case FATE_BACKWARD:
    case FATE_FREE: return node;
    case FATE_KEPT:
        if (in_clone)
            return wait(rewrite, node);
        return rewrite->waiting[node->id] ? rewrite->waiting[node->id] : node;
    case FATE_AGAIN:
        if (!rewrite->clones[node->id])
            rewrite->clones[node->id] = copy_over(rewrite, node, true);
        return rewrite->clones[node->id];
    case FATE_INLINE: break;
    }
    if (!in_clone)
        return copy_over(rewrite, node, false);
    if (rewrite->waits_for != rewrite->after) {
        rewrite->waits_for = rewrite->after;
        rewrite->inlined = ARENA_ARRAY(rewrite->graph->arena, Node *, rewrite->recompute->count);
    }
    Node **inlined = &rewrite->inlined[node->id];
    if (!*inlined)
        *inlined = copy_over(rewrite, node, true);
    return *inlined;
}

static Graph *rewrite_backward(Recompute *recompute)
{
    const Graph *graph = recompute->schedule->graph;
    Rewrite rewrite = {.recompute = recompute, .graph = copy_graph(graph)};
    rewrite.clones = ARENA_ARRAY(graph->arena, Node *, recompute->count);
    rewrite.waiting = ARENA_ARRAY(graph->arena, Node *, recompute->count);
    for (size_t i = 0; i < recompute->count; i++) {
        Node *node = rewrite.graph->nodes.items[i];
        if (recompute->fate[i] != FATE_BACKWARD)
            continue;
        for (int j = 0; rewrite.after && j < node->input_count; j++)
            node->inputs[j] = resolve(&rewrite, node->inputs[j], false);
        if (op_table[node->op].class == CLASS_CONTRACTION)
            rewrite.after = node;
    }
    rewrite.graph->span = (Span){0};
    rewrite.graph->path = NULL;
    graph_sort(rewrite.graph);
    graph_remove_dead(rewrite.graph);
    return rewrite.graph;
}

Graph *pass_recompute(const Schedule *schedule, int64_t wanted, int64_t *saved)
{
    Recompute recompute = {
        .arena = schedule->graph->arena, .schedule = schedule, .count = schedule->graph->nodes.count};
    *saved = 0;
    if (!recompute_examine(&recompute))
        return NULL;
    *saved = recompute_choose(&recompute, wanted == RECOMPUTE_CHEAP ? recompute_cheap(&recompute) : wanted);
    return *saved > 0 ? rewrite_backward(&recompute) : NULL;
}
