/* Which nodes get memory. Everything else is computed inside the kernels that use it, as often as they do. */
#include "fuse.h"
#include "../target/target.h"

int64_t node_bytes(const Node *node)
{
    return format_count(node->format, node->shape) * hp_data_type_bytes(node->dtype);
}

bool node_is_reduction(const Node *node)
{
    return op_table[node->op].class == CLASS_REDUCTION && node->attributes.axes != 0;
}

Shape node_domain(const Node *node)
{
    return node_is_reduction(node) ? node->inputs[0]->shape : node->shape;
}

static Shape squeeze(Shape shape)
{
    Shape out = {0};
    for (int i = 0; i < shape.rank; i++)
        if (shape.extents[i] != 1)
            out.extents[out.rank++] = shape.extents[i];
    return out;
}

bool shape_equal_squeezed(Shape a, Shape b)
{
    return shape_equal(squeeze(a), squeeze(b));
}

static bool is_unit_reshape(const Node *node)
{
    return node->op == OP_RESHAPE && shape_equal_squeezed(node->shape, node->inputs[0]->shape);
}

bool node_is_pointwise(const Node *node)
{
    OpClass class = op_table[node->op].class;
    return class == CLASS_ELEMENTWISE || class == CLASS_REDUCTION || is_unit_reshape(node);
}

bool node_is_costly(const Node *node)
{
    switch (node->op) {
    case OP_EXP:
    case OP_LOG:
    case OP_COS:
    case OP_SIN:
    case OP_TANH:
    case OP_ERF:
    case OP_SIGMOID:
    case OP_LOG_SIGMOID:
    case OP_SOFTPLUS:
    case OP_POWER:
    case OP_RANDOM: return true;
    default: return false;
    }
}

Leaf *leaf_find(const LeafList *list, int id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].id == id)
            return &list->items[i];
    return NULL;
}

void leaf_add(Arena *arena, LeafList *list, int id, bool pointwise)
{
    Leaf *leaf = leaf_find(list, id);
    if (leaf)
        leaf->pointwise = leaf->pointwise && pointwise;
    else
        list_push(arena, list, ((Leaf){id, pointwise}));
}

/* ---- roles ---- */

/* The layout pass prepared the inputs of a concatenation: each can write its part of it. A later one that has
 * some of the same inputs reads them. */
static bool can_join(const Node *node, const NodeList *uses)
{
    bool prepared = format_concat_in_place(node);
    for (int i = 0; i < node->input_count; i++)
        prepared =
            prepared && format_makes_part(node->inputs[i]) && format_home(node->inputs[i], uses) == node;
    return prepared;
}

static Role role_of(const Node *node, const NodeList *uses)
{
    switch (op_table[node->op].class) {
    case CLASS_COMPOSITE: internal_error("%s must be expanded before fusion", op_table[node->op].name);
    case CLASS_CONTRACTION: return ROLE_LIBRARY;
    default: break;
    }
    switch (node->op) {
    case OP_CONSTANT: return ROLE_INLINE;
    case OP_VARIABLE: return node->variable->kind == HP_SCALAR ? ROLE_INLINE : ROLE_SOURCE;
    case OP_IMAGE: return ROLE_IMAGE;
    case OP_CONCAT: return can_join(node, uses) ? ROLE_JOIN : ROLE_KERNEL;
    case OP_REORDER:
        if (format_same_memory(node->format, node->inputs[0]->format, node->shape))
            return ROLE_ALIAS;
        return target()->reorders ? ROLE_LIBRARY : ROLE_KERNEL;
    case OP_RESHAPE: return is_unit_reshape(node) ? ROLE_KERNEL : ROLE_ALIAS;
    case OP_AFTER: return ROLE_ALIAS;
    default: return ROLE_KERNEL;
    }
}

/* A window takes many elements of its input, a reduction all of them, a concat would be computed twice: these
 * get memory. */
static bool must_be_stored(const Node *node)
{
    switch (node->op) {
    case OP_MAX_POOL:
    case OP_MAX_POOL_INDEX:
    case OP_AVERAGE_POOL:
    case OP_CONCAT: return true;
    default: return node_is_reduction(node);
    }
}

static void need_memory(Fusion *fusion, Node *node)
{
    fusion->stored[node->id] = true;
    /* A unit reshape of something in memory is a view of it, else a kernel writes it under its own shape. */
    if (is_unit_reshape(node) && fusion->role[node->inputs[0]->id] != ROLE_KERNEL &&
        fusion->role[node->inputs[0]->id] != ROLE_INLINE)
        fusion->role[node->id] = ROLE_ALIAS;
    if (fusion->role[node->id] == ROLE_ALIAS && !fusion->stored[node->inputs[0]->id])
        need_memory(fusion, node->inputs[0]);
}

/* What must have memory whatever it costs. */
static void store_forced(Fusion *fusion)
{
    Graph *graph = fusion->graph;
    for (size_t i = 0; i < fusion->count; i++) {
        Node *node = graph->nodes.items[i];
        Role role = fusion->role[i];
        if (role == ROLE_SOURCE || role == ROLE_LIBRARY || role == ROLE_IMAGE || must_be_stored(node))
            fusion->stored[i] = true;
        if (role == ROLE_ALIAS)
            need_memory(fusion, node);
        if (node->op == OP_PAD || node->op == OP_CONCAT) /* read only where they reach */
            for (int j = 0; j < node->input_count; j++)
                need_memory(fusion, node->inputs[j]);
        for (size_t j = 0; j < fusion->operands[i].count; j++)
            if (fusion->operands[i].items[j])
                need_memory(fusion, fusion->operands[i].items[j]);
    }
    for (size_t i = 0; i < graph->results.count; i++) {
        need_memory(fusion, graph->results.items[i].node);
        fusion->kept[graph->results.items[i].node->id] = true;
    }
    for (size_t i = 0; i < graph->updates.count; i++) {
        need_memory(fusion, graph->updates.items[i].node);
        fusion->kept[graph->updates.items[i].node->id] = true;
    }
}

/* The windows of a kernel do not nest: an input that holds another window gets memory. */
static void store_between_windows(Fusion *fusion)
{
    bool *holds_window = ARENA_ARRAY(fusion->arena, bool, fusion->count);
    for (size_t i = 0; i < fusion->count; i++) {
        const Node *node = fusion->graph->nodes.items[i];
        bool window = op_table[node->op].class == CLASS_WINDOW;
        holds_window[i] = window;
        for (int j = 0; j < node->input_count; j++) {
            Node *input = node->inputs[j];
            if (fusion->stored[input->id] || !holds_window[input->id])
                continue;
            holds_window[i] = true;
            if (window)
                need_memory(fusion, input);
        }
    }
}

/* ---- levels ---- */

/* A kernel at level l can use everything of lower levels and products of its own level. What needs a
 * reduction of a kernel comes a level later, except small values of the reduction's own shape, which the
 * kernel computes at its end. */
static void level_node(Fusion *fusion, const Node *node)
{
    int level = 0;
    bool after = node_is_reduction(node) && fusion->role[node->id] != ROLE_STATISTICS;
    bool product = fusion->role[node->id] == ROLE_LIBRARY;
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        int from = fusion->level[input->id];
        Role role = fusion->role[input->id];
        if (product)
            from++;
        else if (fusion->after_reduction[input->id]) {
            bool same = !node_is_reduction(node) && node_is_pointwise(node);
            from += !same;
            after = after || (same && from >= level);
        } else if (!node_is_pointwise(node) && fusion->stored[input->id] && role == ROLE_KERNEL)
            from++;
        if (from > level) {
            level = from;
            if (!node_is_reduction(node))
                after = fusion->after_reduction[input->id] && from == fusion->level[input->id];
        }
    }
    fusion->level[node->id] = level;
    fusion->after_reduction[node->id] = after;
}

/* ---- stored or computed again ---- */

static void find_leaves(Fusion *fusion, const Node *node)
{
    LeafList *leaves = &fusion->leaves[node->id];
    leaves->count = 0;
    bool pointwise = node_is_pointwise(node);
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        if (fusion->stored[input->id]) {
            leaf_add(fusion->arena, leaves, input->id, pointwise);
            continue;
        }
        const LeafList *inner = &fusion->leaves[input->id];
        for (size_t j = 0; j < inner->count; j++)
            leaf_add(fusion->arena, leaves, inner->items[j].id, pointwise && inner->items[j].pointwise);
    }
}

/* Bytes of the leaves of `node` that none of the other inputs of `user` reads. */
static int64_t extra_bytes(const Fusion *fusion, const Node *node, const Node *user)
{
    int64_t bytes = 0;
    const LeafList *leaves = &fusion->leaves[node->id];
    for (size_t i = 0; i < leaves->count; i++) {
        int id = leaves->items[i].id;
        bool shared = false;
        for (int j = 0; j < user->input_count && !shared; j++) {
            const Node *other = user->inputs[j];
            shared = other != node && (other->id == id || (!fusion->stored[other->id] &&
                                                           leaf_find(&fusion->leaves[other->id], id)));
        }
        if (!shared)
            bytes += node_bytes(fusion->graph->nodes.items[id]);
    }
    return bytes;
}

/* Only used to fill something much larger, and made of few things. */
static bool is_small(const Fusion *fusion, const Node *node)
{
    int64_t count = shape_count(node->shape);
    const NodeList *uses = &fusion->uses[node->id];
    for (size_t i = 0; i < uses->count; i++) {
        const Node *user = uses->items[i];
        bool small = user->op == OP_BROADCAST ? shape_count(user->shape) >= 4 * count || count == 1
                                              : node_is_pointwise(user) && is_small(fusion, user);
        if (!small)
            return false;
    }
    return uses->count > 0 && fusion->leaves[node->id].count <= 6;
}

/* The traffic and work that storing `node` saves, against writing it. A kernel of another level or domain
 * either reads the node or computes it again from its leaves; kernels of the same level have it in a
 * register. */
static bool is_worth_storing(const Fusion *fusion, const Node *node)
{
    int64_t own = node_bytes(node), saved = 0;
    const NodeList *uses = &fusion->uses[node->id];
    if (node->op == OP_BROADCAST || node->op == OP_RANDOM || uses->count < 2 || is_small(fusion, node))
        return false;
    for (size_t i = 0; i < uses->count; i++) {
        const Node *user = uses->items[i];
        bool same_kernel =
            fusion->level[user->id] == fusion->level[node->id] && shape_equal(node_domain(user), node->shape);
        bool seen = same_kernel;
        for (size_t j = 0; j < i && !seen; j++)
            seen = fusion->level[uses->items[j]->id] == fusion->level[user->id] &&
                   shape_equal(node_domain(uses->items[j]), node_domain(user));
        if (!seen)
            saved += extra_bytes(fusion, node, user) - own + (node_is_costly(node) ? own : 0);
    }
    return saved > own + own / 2;
}

static void store_worthwhile(Fusion *fusion)
{
    for (size_t i = 0; i < fusion->count; i++)
        find_leaves(fusion, fusion->graph->nodes.items[i]);
    for (size_t i = 0; i < fusion->count; i++) {
        Node *node = fusion->graph->nodes.items[i];
        find_leaves(fusion, node);
        if (fusion->role[i] == ROLE_KERNEL && !fusion->stored[i])
            fusion->stored[i] = is_worth_storing(fusion, node);
    }
}

/* ---- the pass ---- */

/* requires formats and no COMPOSITE nodes; drops dead nodes, keeps everything else; the schedule covers every
 * node that a result or an update needs */
Schedule *pass_fuse(Graph *graph)
{
    graph_remove_dead(graph);
    Arena *arena = graph->arena;
    size_t count = graph->nodes.count;
    Fusion *fusion = ARENA_NEW(arena, Fusion);
    *fusion = (Fusion){.arena = arena, .graph = graph, .count = count, .uses = graph_uses(graph)};
    fusion->role = ARENA_ARRAY(arena, Role, count);
    fusion->stored = ARENA_ARRAY(arena, bool, count);
    fusion->kept = ARENA_ARRAY(arena, bool, count);
    fusion->after_reduction = ARENA_ARRAY(arena, bool, count);
    fusion->level = ARENA_ARRAY(arena, int, count);
    fusion->leaves = ARENA_ARRAY(arena, LeafList, count);
    fusion->calls = ARENA_ARRAY(arena, HpLibraryCall *, count);
    fusion->operands = ARENA_ARRAY(arena, NodeList, count);
    fusion->statistics = ARENA_ARRAY(arena, NodeList, count);
    fusion->cluster_of = ARENA_ARRAY(arena, Cluster *, count);
    for (size_t i = 0; i < count; i++)
        fusion->role[i] = role_of(graph->nodes.items[i], fusion->uses);
    fusion_match_libraries(fusion);
    store_forced(fusion);
    store_between_windows(fusion);
    for (size_t i = 0; i < count; i++)
        level_node(fusion, graph->nodes.items[i]);
    store_worthwhile(fusion);
    fusion_cluster(fusion);
    return fusion_schedule(fusion);
}
