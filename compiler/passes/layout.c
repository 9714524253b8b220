/* Formats: activations in the library's blocked format from end to end, weights as their convolution wants
 * them. */
#include <string.h>
#include "../target/target.h"
#include "format.h"
#include "library.h"
#include "passes.h"

typedef struct Layout {
    Graph *graph;
    size_t count;       /* nodes before any REORDER was added */
    int64_t block;      /* of the channels; 0: NHWC */
    bool *decided;      /* the node's format is fixed: by an op that demands it, or by what it is made of */
    NodeList *reorders; /* of each node */
} Layout;

static HpFormat blocked_format(const Layout *layout)
{
    switch (layout->block) {
    case 16: return HP_FORMAT_NCHW16C;
    case 8: return HP_FORMAT_NCHW8C;
    default: return HP_FORMAT_NHWC;
    }
}

/* An operand of a convolution. Fewer channels than a block are not padded to one. */
static HpFormat activation_format(const Layout *layout, int64_t channels)
{
    return channels < layout->block ? HP_FORMAT_PLAIN : blocked_format(layout);
}

static void decide(Layout *layout, Node *node, HpFormat format)
{
    node->format = format;
    layout->decided[node->id] = true;
}

/* ---- variables ---- */

/* A parameter, its copy, its gradient and the optimizer's state lie in one way. */
static void set_variable_format(Variables *variables, Variable *weight, HpFormat format)
{
    Variable *parameter =
        weight->kind == HP_COPY ? variables_find(variables, strchr(weight->name, ':') + 1) : weight;
    parameter->format = format;
    for (size_t i = 0; i < variables->list.count; i++) {
        Variable *other = variables->list.items[i];
        const char *colon = strchr(other->name, ':');
        if ((other->kind == HP_GRADIENT || other->kind == HP_OPTIMIZER_STATE || other->kind == HP_COPY) &&
            colon && strcmp(colon + 1, parameter->name) == 0 && shape_equal(other->shape, parameter->shape))
            other->format = format;
    }
}

/* ---- products ---- */

/* The formats that a convolution's operands and result shall have, the weight's as the library likes it best.
 * When the library cannot do that, all are plain. */
static HpLibraryCall *convolution_formats(Layout *layout, const Node *node)
{
    HpLibraryCall *call = library_describe(layout->graph->arena, node);
    HpFormat x = activation_format(layout, call->in_channels),
             y = activation_format(layout, call->out_channels);
    bool forward = node->op == OP_CONVOLUTION, weight = node->op == OP_CONVOLUTION_GRADIENT_WEIGHT;
    call->format_a = forward || weight ? x : y;
    call->format_b = weight ? y : HP_FORMAT_COUNT;
    call->format_c = forward ? y : weight ? HP_FORMAT_COUNT : x;
    if (library_accepts(call))
        return call;
    call->format_a = call->format_b = call->format_c = HP_FORMAT_PLAIN;
    return call;
}

/* A weight that has no format yet gets the one its forward convolution wants; one that has keeps it if it
 * works. */
static void choose_weight_format(Layout *layout, Node *node)
{
    Node *weight = node->inputs[1];
    HpLibraryCall *call = convolution_formats(layout, node);
    decide(layout, node, call->format_c);
    if (weight->op != OP_VARIABLE || weight->variable->format != HP_FORMAT_PLAIN)
        return;
    set_variable_format(layout->graph->variables, weight->variable, call->format_b);
    weight->format = call->format_b;
}

/* ---- forward: what decides its own format, and what follows its inputs ---- */

static void follow_inputs(Layout *layout, Node *node)
{
    HpFormat format = HP_FORMAT_PLAIN;
    bool decided = false;
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        if (!layout->decided[input->id] || input->shape.rank != node->shape.rank || input->op == OP_BROADCAST)
            continue;
        decided = true;
        if (format == HP_FORMAT_PLAIN)
            format = input->format;
    }
    if (decided)
        decide(layout, node, format);
}

/* Can elements be moved without cutting a block? Shifts along the channels must be whole blocks. */
static bool moves_whole_blocks(const Layout *layout, const Node *node)
{
    int64_t block = layout->block ? layout->block : 1, shift = 0;
    switch (node->op) {
    case OP_SLICE: return node->attributes.slice.start[1] % block == 0 && node->attributes.slice.step[1] == 1;
    case OP_PAD: return node->attributes.pad.before[1] % block == 0;
    case OP_TRANSPOSE: return node->attributes.permutation[1] == 1;
    case OP_CONCAT:
        if (node->attributes.concat != 1)
            return true;
        for (int i = 0; i < node->input_count - 1; i++) {
            shift += node->inputs[i]->shape.extents[1];
            if (shift % block)
                return false;
        }
        return true;
    default: return true;
    }
}

static void decide_forward(Layout *layout, Node *node)
{
    switch (op_table[node->op].class) {
    case CLASS_LEAF:
        if (node->op == OP_VARIABLE)
            decide(layout, node, node->variable->format);
        else if (node->op == OP_IMAGE)
            decide(layout, node, target()->image_format);
        break;
    case CLASS_CONTRACTION:
        if (node->op == OP_CONVOLUTION)
            choose_weight_format(layout, node);
        else
            decide(layout, node,
                   node->op == OP_MATMUL ? HP_FORMAT_PLAIN : convolution_formats(layout, node)->format_c);
        break;
    case CLASS_REDUCTION: decide(layout, node, HP_FORMAT_PLAIN); break;
    case CLASS_MOVEMENT:
        if (node->op == OP_RESHAPE || (node->shape.rank == 4 && !moves_whole_blocks(layout, node)))
            decide(layout, node, HP_FORMAT_PLAIN);
        else if (node->op != OP_BROADCAST)
            follow_inputs(layout, node);
        break;
    default: follow_inputs(layout, node);
    }
    if (node->shape.rank != 4)
        decide(layout, node, HP_FORMAT_PLAIN);
}

/* ---- backward: what is made of numbers alone follows its users ---- */

static void follow_users(Layout *layout, Node *node)
{
    OpClass class = op_table[node->op].class;
    if (class != CLASS_ELEMENTWISE && class != CLASS_WINDOW)
        return;
    for (int i = 0; i < node->input_count; i++) {
        Node *input = node->inputs[i];
        if (!layout->decided[input->id] && shape_equal(input->shape, node->shape))
            decide(layout, input, node->format);
    }
}

/* A kernel writes any format: what updates a variable takes the variable's. */
static void follow_updates(Layout *layout)
{
    for (size_t i = 0; i < layout->graph->updates.count; i++) {
        const Update *update = &layout->graph->updates.items[i];
        OpClass class = op_table[update->node->op].class;
        if (class == CLASS_ELEMENTWISE || !layout->decided[update->node->id])
            decide(layout, update->node, update->variable->format);
    }
}

/* ---- reorders ---- */

static Node *in_format(Layout *layout, Node *node, HpFormat format)
{
    Graph *graph = layout->graph;
    if (node->format == format)
        return node;
    NodeList *known = &layout->reorders[node->id];
    for (size_t i = 0; i < known->count; i++)
        if (known->items[i]->format == format)
            return known->items[i];
    graph->span = node->span;
    graph->path = node->name;
    Node *reorder = graph_node(graph, OP_REORDER, 1, &node, NULL);
    reorder->format = format;
    list_push(graph->arena, known, reorder);
    return reorder;
}

static void fix_convolution(Layout *layout, Node *node)
{
    HpLibraryCall *wanted = convolution_formats(layout, node);
    if (node->op != OP_CONVOLUTION_GRADIENT_WEIGHT) {
        HpLibraryCall as_is = *wanted; /* a weight stays as it is where its forward convolution is content */
        as_is.format_b = node->inputs[1]->format;
        if (node->op == OP_CONVOLUTION && library_accepts(&as_is))
            *wanted = as_is;
    }
    node->format = wanted->format_c;
    node->inputs[0] = in_format(layout, node->inputs[0], wanted->format_a);
    node->inputs[1] = in_format(layout, node->inputs[1], wanted->format_b);
}

static void fix_inputs(Layout *layout, Node *node)
{
    bool plain = node->op == OP_MATMUL || node->op == OP_RESHAPE ||
                 (op_table[node->op].class == CLASS_MOVEMENT && node->shape.rank == 4 &&
                  !moves_whole_blocks(layout, node));
    if (op_is_convolution(node->op))
        fix_convolution(layout, node);
    else if (plain)
        for (int i = 0; i < node->input_count; i++)
            node->inputs[i] = in_format(layout, node->inputs[i], HP_FORMAT_PLAIN);
}

/* ---- concatenations ---- */

static bool is_effect(const Graph *graph, const Node *node)
{
    for (size_t i = 0; i < graph->results.count; i++)
        if (graph->results.items[i].node == node)
            return true;
    for (size_t i = 0; i < graph->updates.count; i++)
        if (graph->updates.items[i].node == node)
            return true;
    return false;
}

/* Can the node be made, and read, where a part of each row of a concatenation is its place? Products and
 * views need their operands in one piece, which the part of a single row is. */
static bool can_be_part(const Layout *layout, const Node *node, const NodeList *uses)
{
    bool one_piece = format_part_in_one_piece(node);
    if (!format_makes_part(node) || is_effect(layout->graph, node))
        return false;
    for (size_t i = 0; i < uses[node->id].count && !one_piece; i++) {
        const Node *user = uses[node->id].items[i];
        if (op_table[user->op].class == CLASS_CONTRACTION || user->op == OP_RESHAPE || user->op == OP_REORDER)
            return false;
    }
    return true;
}

/* What cannot be written in place is copied by a slice of everything. */
static void prepare_concat(Layout *layout, Node *node, const NodeList *uses)
{
    if (!format_concat_in_place(node))
        return;
    for (int i = 0; i < node->input_count; i++) {
        Node *input = node->inputs[i];
        bool repeated = false;
        for (int j = 0; j < i; j++)
            repeated = repeated || node->inputs[j] == input;
        if (!repeated && format_home(input, uses) == node && can_be_part(layout, input, uses))
            continue;
        Attributes all = {0};
        for (int axis = 0; axis < input->shape.rank; axis++) {
            all.slice.extent[axis] = input->shape.extents[axis];
            all.slice.step[axis] = 1;
        }
        layout->graph->span = node->span;
        layout->graph->path = node->name;
        node->inputs[i] = graph_node(layout->graph, OP_SLICE, 1, &input, &all);
        node->inputs[i]->format = node->format;
    }
}

static void prepare_concats(Layout *layout)
{
    graph_sort(layout->graph);
    NodeList *uses = graph_uses(layout->graph);
    size_t count = layout->graph->nodes.count;
    for (size_t i = 0; i < count; i++)
        if (layout->graph->nodes.items[i]->op == OP_CONCAT)
            prepare_concat(layout, layout->graph->nodes.items[i], uses);
}

/* requires no COMPOSITE nodes; keeps values; sets the format of every node, and of every variable that has
 * none yet; adds REORDER nodes before products, reshapes and updates whose format differs */
void pass_layout(Graph *graph)
{
    graph_remove_dead(graph);
    Layout layout = {.graph = graph, .count = graph->nodes.count, .block = target()->channel_block()};
    layout.decided = ARENA_ARRAY(graph->arena, bool, layout.count);
    layout.reorders = ARENA_ARRAY(graph->arena, NodeList, layout.count);
    for (size_t i = 0; i < layout.count; i++)
        decide_forward(&layout, graph->nodes.items[i]);
    for (size_t i = 0; i < layout.count; i++) /* one that stands before the product that chose */
        if (graph->nodes.items[i]->variable)
            graph->nodes.items[i]->format = graph->nodes.items[i]->variable->format;
    follow_updates(&layout);
    for (size_t i = layout.count; i-- > 0;)
        follow_users(&layout, graph->nodes.items[i]);
    for (size_t i = 0; i < layout.count; i++)
        fix_inputs(&layout, graph->nodes.items[i]);
    for (size_t i = 0; i < graph->updates.count; i++)
        graph->updates.items[i].node =
            in_format(&layout, graph->updates.items[i].node, graph->updates.items[i].variable->format);
    prepare_concats(&layout);
    graph_sort(graph);
}
