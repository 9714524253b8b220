/* Building and changing graphs. */
#include "graph.h"

const OpInfo op_table[OP_COUNT] = {
#define OP(NAME, name, class, inputs, attributes) {#name, CLASS_##class, inputs, ATTRIBUTE_##attributes},
#include "ops.def"
#undef OP
};

/* ---- building ---- */

Graph *graph_new(Arena *arena, Variables *variables, const char *name)
{
    Graph *graph = ARENA_NEW(arena, Graph);
    graph->arena = arena;
    graph->variables = variables;
    graph->name = arena_string(arena, name);
    return graph;
}

bool data_type_is_float(HpDataType dtype)
{
    return dtype == HP_F32 || dtype == HP_F16 || dtype == HP_BF16;
}

bool op_is_convolution(Op op)
{
    return op == OP_CONVOLUTION || op == OP_CONVOLUTION_GRADIENT_INPUT || op == OP_CONVOLUTION_GRADIENT_WEIGHT;
}

static HpDataType infer_data_type(Op op, Node *const *inputs, const Variable *variable)
{
    if (op == OP_VARIABLE)
        return variable->dtype;
    if (op == OP_MAX_POOL_INDEX)
        return HP_U8;
    return op_table[op].class == CLASS_MOVEMENT ? inputs[0]->dtype : HP_F32;
}

/* The axis of inputs[*input] that decides extent `axis` of the node, or -1. */
static int deciding_axis(const Node *node, int axis, int *input)
{
    *input = 0;
    switch (node->op) {
    case OP_TRANSPOSE: return node->attributes.permutation[axis];
    case OP_CONVOLUTION:
    case OP_CONVOLUTION_GRADIENT_INPUT:
        *input = axis == 1; /* channels are the weight's */
        return axis != 1 ? axis : node->op == OP_CONVOLUTION ? 0 : 1;
    case OP_CONVOLUTION_GRADIENT_WEIGHT: *input = axis == 0; return axis <= 1 ? 1 : -1;
    case OP_MATMUL:
        *input = axis == node->shape.rank - 1;
        if (axis == node->shape.rank - 2 && node->attributes.matmul.transpose_a)
            return axis + 1;
        if (axis == node->shape.rank - 1 && node->attributes.matmul.transpose_b)
            return axis - 1;
        return axis;
    default: return node->input_count > 0 && axis < node->inputs[0]->shape.rank ? axis : -1;
    }
}

/* An extent that an input hands on keeps that input's origin; one that is made here comes from here. */
static void set_origins(Node *node)
{
    for (int axis = 0; axis < node->shape.rank; axis++) {
        int input, from = deciding_axis(node, axis, &input);
        node->origins[axis] = node->variable ? node->variable->span : node->span;
        if (from < 0)
            continue;
        const Node *source = node->inputs[input];
        if (source->shape.extents[from] == node->shape.extents[axis] && source->origins[from].file)
            node->origins[axis] = source->origins[from];
    }
}

/* `shape` is the wanted one for the ops that choose theirs. */
static Node *add_node(Graph *graph, Op op, int count, Node *const *inputs, const Attributes *attributes,
                      Shape shape, Variable *variable)
{
    const char *wrong = shape_infer(graph->arena, op, count, inputs, attributes, &shape);
    if (wrong)
        internal_error("graph %s%s%s: %s", graph->name, graph->path ? ", " : "",
                       graph->path ? graph->path : "", wrong);
    Node *node = ARENA_NEW(graph->arena, Node);
    node->op = op;
    node->id = (int)graph->nodes.count;
    node->input_count = count;
    node->inputs = ARENA_ARRAY(graph->arena, Node *, (size_t)count);
    for (int i = 0; i < count; i++)
        node->inputs[i] = inputs[i];
    if (attributes)
        node->attributes = *attributes;
    node->shape = shape;
    node->dtype = infer_data_type(op, inputs, variable);
    node->variable = variable;
    node->name = graph->path;
    node->span = graph->span;
    set_origins(node);
    list_push(graph->arena, &graph->nodes, node);
    return node;
}

Node *graph_node(Graph *graph, Op op, int count, Node *const *inputs, const Attributes *attributes)
{
    if (op == OP_VARIABLE || op == OP_BROADCAST || op == OP_RESHAPE)
        internal_error("%s has a builder of its own", op_table[op].name);
    if (!attributes && op_table[op].attributes != ATTRIBUTE_none)
        internal_error("%s without attributes", op_table[op].name);
    return add_node(graph, op, count, inputs, attributes, shape_scalar(), NULL);
}

Node *graph_variable(Graph *graph, Variable *variable)
{
    while (graph->loaded.count <= (size_t)variable->index)
        list_push(graph->arena, &graph->loaded, NULL);
    Node **node = &graph->loaded.items[variable->index];
    if (!*node)
        *node = add_node(graph, OP_VARIABLE, 0, NULL, NULL, variable->shape, variable);
    return *node;
}

Node *graph_constant(Graph *graph, double value)
{
    return graph_node(graph, OP_CONSTANT, 0, NULL, &(Attributes){.constant = value});
}

Node *graph_unary(Graph *graph, Op op, Node *x)
{
    return graph_node(graph, op, 1, &x, NULL);
}

Node *graph_binary(Graph *graph, Op op, Node *a, Node *b)
{
    if (a->shape.rank == 0)
        a = graph_broadcast(graph, a, b->shape);
    else if (b->shape.rank == 0)
        b = graph_broadcast(graph, b, a->shape);
    return graph_node(graph, op, 2, (Node *[]){a, b}, NULL);
}

Node *graph_convert(Graph *graph, Node *x, HpDataType dtype)
{
    if (x->dtype == dtype)
        return x;
    Node *node = graph_unary(graph, OP_CONVERT, x);
    node->dtype = dtype;
    return node;
}

Node *graph_select(Graph *graph, Node *condition, Node *yes, Node *no)
{
    Shape shape = condition->shape.rank ? condition->shape : yes->shape.rank ? yes->shape : no->shape;
    Node *inputs[3] = {condition, yes, no};
    for (int i = 0; i < 3; i++)
        if (inputs[i]->shape.rank == 0)
            inputs[i] = graph_broadcast(graph, inputs[i], shape);
    return graph_node(graph, OP_SELECT, 3, inputs, NULL);
}

Node *graph_reduce(Graph *graph, Op op, Node *x, unsigned axes)
{
    return graph_node(graph, op, 1, &x, &(Attributes){.axes = axes});
}

Node *graph_broadcast(Graph *graph, Node *x, Shape shape)
{
    return shape_equal(x->shape, shape) ? x : add_node(graph, OP_BROADCAST, 1, &x, NULL, shape, NULL);
}

Node *graph_reshape(Graph *graph, Node *x, Shape shape)
{
    return shape_equal(x->shape, shape) ? x : add_node(graph, OP_RESHAPE, 1, &x, NULL, shape, NULL);
}

Node *graph_transpose(Graph *graph, Node *x, const int *permutation)
{
    Attributes attributes = {0};
    for (int i = 0; i < x->shape.rank; i++)
        attributes.permutation[i] = permutation[i];
    return graph_node(graph, OP_TRANSPOSE, 1, &x, &attributes);
}

Node *graph_matmul(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b)
{
    Attributes attributes = {.matmul = {transpose_a, transpose_b}};
    return graph_node(graph, OP_MATMUL, 2, (Node *[]){a, b}, &attributes);
}

Node *graph_convolution(Graph *graph, Op op, Node *a, Node *b, const Convolution *attributes)
{
    return graph_node(graph, op, 2, (Node *[]){a, b}, &(Attributes){.convolution = *attributes});
}

Node *graph_window(Graph *graph, Op op, Node *const *inputs, int count, const Window *attributes)
{
    return graph_node(graph, op, count, inputs, &(Attributes){.window = *attributes});
}

Node *graph_copy_node(Graph *graph, const Node *model, Node *const *inputs)
{
    if (model->op == OP_VARIABLE)
        return graph_variable(graph, model->variable);
    Node *node =
        add_node(graph, model->op, model->input_count, inputs, &model->attributes, model->shape, NULL);
    node->dtype = model->dtype;
    node->format = model->format;
    node->name = model->name;
    node->span = model->span;
    for (int i = 0; i < SHAPE_MAX_RANK; i++)
        node->origins[i] = model->origins[i];
    return node;
}

void graph_result(Graph *graph, const char *name, Node *node)
{
    list_push(graph->arena, &graph->results, ((Result){arena_string(graph->arena, name), node}));
}

void graph_update(Graph *graph, Variable *variable, Node *node)
{
    list_push(graph->arena, &graph->updates, ((Update){variable, node}));
}

/* ---- changing ---- */

void graph_replace(Graph *graph, Node *old, Node *new)
{
    for (size_t i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.items[i]->input_count; j++)
            if (graph->nodes.items[i]->inputs[j] == old)
                graph->nodes.items[i]->inputs[j] = new;
    for (size_t i = 0; i < graph->results.count; i++)
        if (graph->results.items[i].node == old)
            graph->results.items[i].node = new;
    for (size_t i = 0; i < graph->updates.count; i++)
        if (graph->updates.items[i].node == old)
            graph->updates.items[i].node = new;
}

static void renumber(Graph *graph)
{
    for (size_t i = 0; i < graph->nodes.count; i++)
        graph->nodes.items[i]->id = (int)i;
}

/* A node on the path of the depth-first walk, and which of its inputs comes next. */
typedef struct Visit {
    Node *node;
    int next;
} Visit;

/* Depth first from each node in the old order: an order that was right already stays as it is. */
void graph_sort(Graph *graph)
{
    enum { NEW, OPEN, DONE };
    renumber(graph);
    size_t count = graph->nodes.count, depth = 0, sorted = 0;
    Node **order = ARENA_ARRAY(graph->arena, Node *, count);
    unsigned char *state = ARENA_ARRAY(graph->arena, unsigned char, count);
    Visit *path = ARENA_ARRAY(graph->arena, Visit, count);
    for (size_t i = 0; i < count; i++) {
        if (state[i] == NEW) {
            path[depth++] = (Visit){graph->nodes.items[i], 0};
            state[i] = OPEN;
        }
        while (depth > 0) {
            Visit *visit = &path[depth - 1];
            if (visit->next == visit->node->input_count) {
                state[visit->node->id] = DONE;
                order[sorted++] = visit->node;
                depth--;
                continue;
            }
            Node *input = visit->node->inputs[visit->next++];
            if (input->id < 0 || (size_t)input->id >= count || graph->nodes.items[input->id] != input)
                internal_error("graph %s: a node uses one that is not in the graph", graph->name);
            if (state[input->id] == OPEN)
                internal_error("graph %s: node %d depends on itself", graph->name, input->id);
            if (state[input->id] == NEW) {
                state[input->id] = OPEN;
                path[depth++] = (Visit){input, 0};
            }
        }
    }
    graph->nodes.items = order;
    graph->nodes.capacity = count;
    renumber(graph);
}

/* Nodes that are found to be needed, and whose inputs are still to be looked at. */
typedef struct Marking {
    bool *live; /* by id */
    Node **pending;
    size_t count;
} Marking;

static void mark(Marking *marking, Node *node)
{
    if (marking->live[node->id])
        return;
    marking->live[node->id] = true;
    marking->pending[marking->count++] = node;
}

void graph_remove_dead(Graph *graph)
{
    renumber(graph);
    size_t count = graph->nodes.count, kept = 0;
    Marking marking = {ARENA_ARRAY(graph->arena, bool, count), ARENA_ARRAY(graph->arena, Node *, count), 0};
    for (size_t i = 0; i < graph->results.count; i++)
        mark(&marking, graph->results.items[i].node);
    for (size_t i = 0; i < graph->updates.count; i++)
        mark(&marking, graph->updates.items[i].node);
    for (size_t i = 0; i < count; i++) /* statistics that move are an effect that is not in the list yet */
        if (graph->nodes.items[i]->op == OP_BATCHNORM &&
            graph->nodes.items[i]->attributes.batchnorm.update_statistics)
            mark(&marking, graph->nodes.items[i]);
    while (marking.count > 0) {
        const Node *node = marking.pending[--marking.count];
        for (int i = 0; i < node->input_count; i++)
            mark(&marking, node->inputs[i]);
    }
    for (size_t i = 0; i < count; i++) {
        Node *node = graph->nodes.items[i];
        if (marking.live[i])
            graph->nodes.items[kept++] = node;
        else if (node->variable)
            graph->loaded.items[node->variable->index] = NULL;
    }
    graph->nodes.count = kept;
    renumber(graph);
}

NodeList *graph_uses(Graph *graph)
{
    NodeList *uses = ARENA_ARRAY(graph->arena, NodeList, graph->nodes.count);
    for (size_t i = 0; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.items[i];
        for (int j = 0; j < node->input_count; j++) {
            NodeList *list = &uses[node->inputs[j]->id];
            if (list->count == 0 || list->items[list->count - 1] != node) /* x * x uses x once */
                list_push(graph->arena, list, node);
        }
    }
    return uses;
}
