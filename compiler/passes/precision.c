/* Element types: what nodes are stored as, f32 or a `low` type of 16 bits. Arithmetic is in float whatever is
 * stored, and kernels convert where they load and store: a CONVERT stands only where a value that must stay
 * as it is meets a reader or a variable that wants another type. */
#include "passes.h"

typedef struct Precision {
    Graph *graph;
    HpDataType low;
    size_t count;   /* nodes before any was added */
    bool *batched;  /* by id: axis 0 are the images of the batch */
    bool *kept;     /* by id: a result or an update takes the node, or a view of it */
    Node **lowered; /* by id: what a product reads instead; NULL: not known yet */
} Precision;

static bool moves(const Node *node)
{
    return op_table[node->op].class == CLASS_MOVEMENT;
}

/* ---- which nodes are activations ---- */

static bool any_input_batched(const Precision *precision, const Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (precision->batched[node->inputs[i]->id])
            return true;
    return false;
}

static bool is_batched(const Precision *precision, const Node *node)
{
    const Node *first = node->input_count > 0 ? node->inputs[0] : NULL;
    if (node->shape.rank == 0)
        return false;
    switch (node->op) {
    case OP_IMAGE:
    case OP_RANDOM: return true;
    case OP_VARIABLE: return node->variable->kind == HP_INPUT;
    case OP_CONVOLUTION_GRADIENT_WEIGHT: return false;
    case OP_TRANSPOSE: return precision->batched[first->id] && node->attributes.permutation[0] == 0;
    case OP_RESHAPE:
        return precision->batched[first->id] && first->shape.extents[0] == node->shape.extents[0];
    case OP_MATMUL:
        if (node->shape.rank == 2)
            return precision->batched[first->id] && !node->attributes.matmul.transpose_a;
        break;
    default: break;
    }
    if (op_table[node->op].class == CLASS_REDUCTION && (node->attributes.axes & 1))
        return false;
    return any_input_batched(precision, node);
}

/* A tensor over the batch, or its gradient. What a reduction leaves of one is small and stays f32. */
static bool is_activation(const Precision *precision, const Node *node)
{
    OpClass class = op_table[node->op].class;
    return precision->batched[node->id] && node->shape.rank == 4 && node->dtype == HP_F32 &&
           (class == CLASS_ELEMENTWISE || class == CLASS_WINDOW || class == CLASS_CONTRACTION ||
            node->op == OP_IMAGE);
}

static Node *convert(Precision *precision, Node *node, HpDataType dtype)
{
    precision->graph->span = node->span;
    precision->graph->path = node->name;
    return graph_convert(precision->graph, node, dtype);
}

/* What is moved stays what it is; a concatenation of both types becomes low. */
static void follow_inputs(Precision *precision, Node *node)
{
    if (!moves(node))
        return;
    node->dtype = node->inputs[0]->dtype;
    if (node->op != OP_CONCAT)
        return;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i]->dtype == precision->low)
            node->dtype = precision->low;
    for (int i = 0; i < node->input_count; i++)
        node->inputs[i] = convert(precision, node->inputs[i], node->dtype);
}

/* What convolutions make is low, gradients of weights too, because libraries write it in the type they read.
 */
static void lower_activations(Precision *precision)
{
    for (size_t i = 0; i < precision->count; i++) {
        Node *node = precision->graph->nodes.items[i];
        precision->batched[i] = is_batched(precision, node);
        if (node->variable)
            node->dtype = node->variable->dtype; /* another graph may have lowered it */
        if (is_activation(precision, node) || op_is_convolution(node->op))
            node->dtype = precision->low;
        follow_inputs(precision, node);
    }
}

static void find_kept(Precision *precision)
{
    const Graph *graph = precision->graph;
    for (size_t i = 0; i < graph->results.count; i++)
        precision->kept[graph->results.items[i].node->id] = true;
    for (size_t i = 0; i < graph->updates.count; i++)
        precision->kept[graph->updates.items[i].node->id] = true;
    for (size_t i = precision->count; i-- > 0;) {
        const Node *node = graph->nodes.items[i];
        for (int j = 0; precision->kept[i] && moves(node) && j < node->input_count; j++)
            precision->kept[node->inputs[j]->id] = true;
    }
}

/* ---- what products read ---- */

static const char *copy_name(const Variables *variables, const Variable *parameter)
{
    return arena_format(variables->arena, "low:%s", parameter->name);
}

static Variable *copy_of(Variables *variables, const Variable *parameter, HpDataType low)
{
    const char *name = copy_name(variables, parameter);
    Variable *copy = variables_find(variables, name);
    if (copy)
        return copy;
    copy = variables_add(variables, name, HP_COPY, parameter->shape);
    copy->dtype = low;
    copy->span = parameter->span;
    return copy;
}

static Node *low_variable(Precision *precision, Node *node)
{
    Graph *graph = precision->graph;
    switch (node->variable->kind) {
    case HP_PARAMETER:
        return graph_variable(graph, copy_of(graph->variables, node->variable, precision->low));
    case HP_DERIVED: node->dtype = node->variable->dtype = precision->low; return node;
    default: return convert(precision, node, precision->low);
    }
}

static Node *low_node(Precision *precision, Node *node);

/* A view of what can be low is low; of what cannot, a second view is made. */
static Node *low_movement(Precision *precision, Node *node)
{
    Node **inputs = ARENA_ARRAY(precision->graph->arena, Node *, (size_t)node->input_count);
    bool same = true;
    for (int i = 0; i < node->input_count; i++) {
        inputs[i] = low_node(precision, node->inputs[i]);
        same = same && inputs[i] == node->inputs[i];
    }
    Node *low = same ? node : graph_copy_node(precision->graph, node, inputs);
    low->dtype = precision->low;
    return low;
}

/* What a kernel or a product makes is stored low at once, unless its f32 value leaves the function. */
static Node *make_low(Precision *precision, Node *node)
{
    if (node->variable)
        return low_variable(precision, node);
    if (moves(node))
        return low_movement(precision, node);
    if (op_table[node->op].class == CLASS_LEAF || precision->kept[node->id])
        return convert(precision, node, precision->low);
    node->dtype = precision->low;
    return node;
}

static Node *low_node(Precision *precision, Node *node)
{
    if (node->dtype == precision->low)
        return node;
    Node **lowered = &precision->lowered[node->id];
    if (!*lowered)
        *lowered = make_low(precision, node);
    return *lowered;
}

static void lower_operands(Precision *precision)
{
    for (size_t i = 0; i < precision->count; i++) {
        Node *node = precision->graph->nodes.items[i];
        for (int j = 0; op_table[node->op].class == CLASS_CONTRACTION && j < node->input_count; j++)
            node->inputs[j] = low_node(precision, node->inputs[j]);
    }
    for (size_t i = 0; i < precision->count; i++) /* views of what has become low */
        follow_inputs(precision, precision->graph->nodes.items[i]);
}

/* ---- what leaves the function ---- */

static void convert_updates(Graph *graph)
{
    for (size_t i = 0; i < graph->updates.count; i++) {
        Update *update = &graph->updates.items[i];
        graph->span = update->node->span;
        graph->path = update->node->name;
        update->node = graph_convert(graph, update->node, update->variable->dtype);
    }
}

/* Adds a node and, behind it, those of the new ones that are made of it. */
static void place(NodeList *order, const Graph *graph, size_t old, Node *node)
{
    list_push(graph->arena, order, node);
    for (size_t i = old; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->input_count > 0 && graph->nodes.items[i]->inputs[0] == node)
            place(order, graph, old, graph->nodes.items[i]);
}

/* New nodes stand where their inputs are made, as a scheduler and recompute take the order of the graph for
 * the order of things. */
static void place_new_nodes(Graph *graph, size_t old)
{
    NodeList order = {0};
    for (size_t i = old; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->input_count == 0)
            place(&order, graph, old, graph->nodes.items[i]);
    for (size_t i = 0; i < old; i++)
        place(&order, graph, old, graph->nodes.items[i]);
    graph->nodes = order;
}

/* `old`: nodes before any was added. */
static void finish(Graph *graph, size_t old)
{
    convert_updates(graph);
    place_new_nodes(graph, old);
    graph->span = (Span){0};
    graph->path = NULL;
    graph_sort(graph);
    graph_remove_dead(graph);
}

/* requires no COMPOSITE nodes and hoisted weights; keeps values up to what storing rounds; sets node->dtype
 * and the data types of derived weights, makes products read copies of the parameters, adds CONVERT nodes */
void pass_precision(Graph *graph, HpDataType low)
{
    Precision precision = {.graph = graph, .low = low, .count = graph->nodes.count};
    precision.batched = ARENA_ARRAY(graph->arena, bool, precision.count);
    precision.kept = ARENA_ARRAY(graph->arena, bool, precision.count);
    precision.lowered = ARENA_ARRAY(graph->arena, Node *, precision.count);
    find_kept(&precision);
    lower_activations(&precision);
    lower_operands(&precision);
    finish(graph, precision.count);
}

void pass_precision_copies(Graph *graph, bool all)
{
    Variables *variables = graph->variables;
    size_t changed = graph->updates.count, old = graph->nodes.count;
    for (size_t i = 0; i < changed; i++) {
        Update update = graph->updates.items[i];
        Variable *copy = variables_find(variables, copy_name(variables, update.variable));
        if (copy)
            graph_update(graph, copy, update.node);
    }
    for (size_t i = 0; all && i < variables->list.count; i++) {
        Variable *parameter = variables->list.items[i];
        Variable *copy = variables_find(variables, copy_name(variables, parameter));
        if (copy)
            graph_update(graph, copy, graph_variable(graph, parameter));
    }
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->variable)
            graph->nodes.items[i]->dtype = graph->nodes.items[i]->variable->dtype;
    finish(graph, old);
}
