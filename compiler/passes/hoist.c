/* Hoisting: what evaluate and predict would compute from weights alone, every time, is computed once by a
 * function "prepare" and kept in HP_DERIVED variables. Graphs that need the same value share the variable. */
#include "passes.h"
#include "../graph/intern.h"

typedef struct Hoist {
    Arena *arena;
    Variables *variables;
    Graph *prepare;
    NodeTable *table;             /* of prepare's nodes: equal ones are one */
    LIST(Variable *) variable_of; /* by the id of prepare's nodes; NULL: none */
} Hoist;

/* One graph on its way, by node id. */
typedef struct Source {
    Graph *graph;
    bool *fixed;    /* depends on weights and constants alone */
    bool *weighted; /* and on at least one weight */
    Node **copies;  /* in prepare */
} Source;

static bool is_weight(const Variable *variable)
{
    return variable->kind == HP_PARAMETER || variable->kind == HP_STATISTIC;
}

static Source examine(Hoist *hoist, Graph *graph)
{
    size_t count = graph->nodes.count;
    Source source = {graph, ARENA_ARRAY(hoist->arena, bool, count), ARENA_ARRAY(hoist->arena, bool, count),
                     ARENA_ARRAY(hoist->arena, Node *, count)};
    for (size_t i = 0; i < count; i++) {
        const Node *node = graph->nodes.items[i];
        source.weighted[i] = node->variable && is_weight(node->variable);
        source.fixed[i] = source.weighted[i] || node->op == OP_CONSTANT || node->input_count > 0;
        for (int j = 0; j < node->input_count; j++) {
            source.fixed[i] &= source.fixed[node->inputs[j]->id];
            source.weighted[i] |= source.weighted[node->inputs[j]->id];
        }
    }
    return source;
}

static Node *copy_to_prepare(Hoist *hoist, Source *source, const Node *node)
{
    Node **copy = &source->copies[node->id];
    if (*copy)
        return *copy;
    Node **inputs = ARENA_ARRAY(hoist->arena, Node *, (size_t)node->input_count);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = copy_to_prepare(hoist, source, node->inputs[i]);
    return *copy = node_table_intern(hoist->table, graph_copy_node(hoist->prepare, node, inputs));
}

/* "derived:body.conv1.weight"; a second value of the same path gets ".2". */
static const char *derived_name(const Hoist *hoist, const Node *node)
{
    const char *base =
        arena_format(hoist->arena, "derived:%s", node->name ? node->name : op_table[node->op].name);
    const char *name = base;
    for (int i = 2; variables_find(hoist->variables, name); i++)
        name = arena_format(hoist->arena, "%s.%d", base, i);
    return name;
}

static Variable *variable_of(Hoist *hoist, Source *source, const Node *node)
{
    Node *copy = copy_to_prepare(hoist, source, node);
    while (hoist->variable_of.count < hoist->prepare->nodes.count)
        list_push(hoist->arena, &hoist->variable_of, NULL);
    Variable **variable = &hoist->variable_of.items[copy->id];
    if (!*variable) {
        *variable = variables_add(hoist->variables, derived_name(hoist, node), HP_DERIVED, node->shape);
        (*variable)->span = node->span;
        graph_update(hoist->prepare, *variable, copy);
    }
    return *variable;
}

/* What is worth moving at a use of `node`: views and repetitions stay where they are used. NULL: nothing is.
 */
static Node *heavy_part(const Source *source, Node *node)
{
    while (node->op == OP_BROADCAST || node->op == OP_RESHAPE)
        node = node->inputs[0];
    bool worth = source->fixed[node->id] && source->weighted[node->id] && node->op != OP_VARIABLE;
    return worth ? node : NULL;
}

/* A value to be loaded instead of computed. */
typedef struct Move {
    Node *node;
    Variable *variable;
} Move;
typedef LIST(Move) MoveList;

static void add_move(Hoist *hoist, Source *source, MoveList *moves, Node *use)
{
    Node *node = source->fixed[use->id] ? heavy_part(source, use) : NULL;
    for (size_t i = 0; node && i < moves->count; i++)
        if (moves->items[i].node == node)
            return;
    if (node)
        list_push(hoist->arena, moves, ((Move){node, variable_of(hoist, source, node)}));
}

/* Where fixed values are used by values that are not, and by the graph's effects. All moves are found before
 * the graph changes. */
static void hoist_graph(Hoist *hoist, Graph *graph)
{
    Source source = examine(hoist, graph);
    MoveList moves = {0};
    for (size_t i = 0; i < graph->nodes.count; i++)
        for (int j = 0; !source.fixed[i] && j < graph->nodes.items[i]->input_count; j++)
            add_move(hoist, &source, &moves, graph->nodes.items[i]->inputs[j]);
    for (size_t i = 0; i < graph->results.count; i++)
        add_move(hoist, &source, &moves, graph->results.items[i].node);
    for (size_t i = 0; i < graph->updates.count; i++)
        add_move(hoist, &source, &moves, graph->updates.items[i].node);
    for (size_t i = 0; i < moves.count; i++)
        graph_replace(graph, moves.items[i].node, graph_variable(graph, moves.items[i].variable));
    graph_remove_dead(graph);
    graph_sort(graph);
}

Graph *pass_hoist(Arena *arena, Variables *variables, Graph *const *graphs, size_t count)
{
    Hoist hoist = {.arena = arena,
                   .variables = variables,
                   .prepare = graph_new(arena, variables, "prepare"),
                   .table = node_table_new(arena)};
    for (size_t i = 0; i < count; i++)
        hoist_graph(&hoist, graphs[i]);
    graph_remove_dead(hoist.prepare);
    graph_sort(hoist.prepare);
    return hoist.prepare;
}
