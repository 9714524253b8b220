/* Which stored nodes share a kernel: greedy, in topological order, each joins the cluster that saves the most
 * traffic among those it may join. Two nodes may share when their loops run over the same shape and no path
 * leaves the cluster and comes back; a small value made of a cluster's reductions may be computed at its end.
 */
#include "fuse.h"

static size_t words(const Fusion *fusion)
{
    return (fusion->count + 63) / 64;
}

static bool has_bit(const uint64_t *bits, int i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *bits, int i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static void unite(const Fusion *fusion, uint64_t *into, const uint64_t *from)
{
    for (size_t i = 0; i < words(fusion); i++)
        into[i] |= from[i];
}

static Cluster *new_cluster(Fusion *fusion, StepKind kind, Node *node)
{
    Cluster *cluster = ARENA_NEW(fusion->arena, Cluster);
    cluster->kind = kind;
    cluster->index = (int)fusion->clusters.count;
    cluster->domain = node_domain(node);
    cluster->level = fusion->level[node->id];
    cluster->before = ARENA_ARRAY(fusion->arena, uint64_t, words(fusion));
    list_push(fusion->arena, &fusion->clusters, cluster);
    return cluster;
}

/* Clusters that must run before one that reads `leaves`. */
static void add_dependences(const Fusion *fusion, const LeafList *leaves, const Cluster *own,
                            uint64_t *before)
{
    for (size_t i = 0; i < leaves->count; i++) {
        const Cluster *producer = fusion->cluster_of[leaves->items[i].id];
        if (!producer || producer == own)
            continue;
        set_bit(before, producer->index);
        unite(fusion, before, producer->before);
    }
}

static void join(Fusion *fusion, Cluster *cluster, Node *node)
{
    const LeafList *leaves = &fusion->leaves[node->id];
    list_push(fusion->arena, &cluster->nodes, node);
    fusion->cluster_of[node->id] = cluster;
    if (node_is_reduction(node))
        cluster->axes = node->attributes.axes;
    for (size_t i = 0; i < leaves->count; i++)
        if (fusion->cluster_of[leaves->items[i].id] != cluster)
            leaf_add(fusion->arena, &cluster->loads, leaves->items[i].id, leaves->items[i].pointwise);
    add_dependences(fusion, leaves, cluster, cluster->before);
    for (size_t i = 0; i < fusion->clusters.count; i++)
        if (has_bit(fusion->clusters.items[i]->before, cluster->index))
            unite(fusion, fusion->clusters.items[i]->before, cluster->before);
}

/* ---- may a node join a cluster ---- */

static Shape reduced_shape(const Cluster *cluster)
{
    Shape shape = cluster->domain;
    for (int i = 0; i < shape.rank; i++)
        if (cluster->axes >> i & 1)
            shape.extents[i] = 1;
    return shape;
}

/* Does the node belong to the end of the cluster, after its reductions? */
static bool belongs_to_end(const Fusion *fusion, const Cluster *cluster, const Node *node)
{
    if (node_is_reduction(node) || !cluster->axes ||
        !shape_equal_squeezed(node->shape, reduced_shape(cluster)))
        return false;
    const LeafList *leaves = &fusion->leaves[node->id];
    for (size_t i = 0; i < leaves->count; i++)
        if (fusion->cluster_of[leaves->items[i].id] == cluster)
            return true;
    return false;
}

/* What a node of the cluster's loops, or of its end, may read of the cluster itself. */
static bool reads_are_legal(const Fusion *fusion, const Cluster *cluster, const Node *node, bool end)
{
    const LeafList *leaves = &fusion->leaves[node->id];
    for (size_t i = 0; i < leaves->count; i++) {
        int id = leaves->items[i].id;
        const Cluster *producer = fusion->cluster_of[id];
        if (producer != cluster) {
            if (producer && has_bit(producer->before, cluster->index))
                return false; /* a path leaves the cluster and comes back */
            continue;
        }
        const Node *leaf = fusion->graph->nodes.items[id];
        bool leaf_at_end = node_is_reduction(leaf) || belongs_to_end(fusion, cluster, leaf);
        if (!leaves->items[i].pointwise || leaf_at_end != end)
            return false;
    }
    return true;
}

/* Bytes that need not be read because the cluster has them; -1: may not join. */
static int64_t benefit(const Fusion *fusion, const Cluster *cluster, const Node *node)
{
    if (cluster->kind != STEP_KERNEL || cluster->level != fusion->level[node->id] ||
        fusion->role[cluster->nodes.items[0]->id] == ROLE_IMAGE)
        return -1;
    bool end = belongs_to_end(fusion, cluster, node);
    if (!end && !shape_equal(cluster->domain, node_domain(node)))
        return -1;
    if (node_is_reduction(node) && cluster->axes && cluster->axes != node->attributes.axes)
        return -1;
    if (!reads_are_legal(fusion, cluster, node, end))
        return -1;
    int64_t bytes = 0;
    const LeafList *leaves = &fusion->leaves[node->id];
    for (size_t i = 0; i < leaves->count; i++) {
        int id = leaves->items[i].id;
        const Node *leaf = fusion->graph->nodes.items[id];
        bool is_number = shape_count(leaf->shape) == 1; /* read by many that have nothing else in common */
        if (fusion->cluster_of[id] == cluster || (!is_number && leaf_find(&cluster->loads, id)))
            bytes += node_bytes(leaf);
    }
    return bytes;
}

typedef LIST(Cluster *) ClusterList;

static void place_kernel_node(Fusion *fusion, ClusterList *readers, Node *node)
{
    const LeafList *leaves = &fusion->leaves[node->id];
    Cluster *best = NULL;
    int64_t best_bytes = 0;
    for (size_t i = 0; i < leaves->count; i++) {
        int id = leaves->items[i].id;
        for (size_t j = 0; j <= readers[id].count; j++) {
            Cluster *cluster = j < readers[id].count ? readers[id].items[j] : fusion->cluster_of[id];
            int64_t bytes = cluster && cluster != best ? benefit(fusion, cluster, node) : -1;
            if (bytes > best_bytes || (bytes > 0 && bytes == best_bytes && cluster->index > best->index)) {
                best = cluster;
                best_bytes = bytes;
            }
        }
    }
    if (!best)
        best = new_cluster(fusion, STEP_KERNEL, node);
    join(fusion, best, node);
    for (size_t i = 0; i < leaves->count; i++) {
        ClusterList *list = &readers[leaves->items[i].id];
        if (fusion->cluster_of[leaves->items[i].id] != best &&
            (!list->count || list->items[list->count - 1] != best))
            list_push(fusion->arena, list, best);
    }
}

/* ---- loads that cost more than they save ---- */

/* Is everything that `load` is made of in the cluster's hands anyway, or small? Then it is computed again. */
static bool is_at_hand(const Fusion *fusion, const Cluster *cluster, const Leaf *load)
{
    const Node *node = fusion->graph->nodes.items[load->id];
    const LeafList *leaves = &fusion->leaves[load->id];
    if (!load->pointwise || fusion->role[load->id] != ROLE_KERNEL || !node_is_pointwise(node) ||
        node_is_reduction(node) || node_is_costly(node) || !shape_equal(node->shape, cluster->domain))
        return false;
    bool any = false;
    for (size_t i = 0; i < leaves->count; i++) {
        int id = leaves->items[i].id;
        bool large = node_bytes(fusion->graph->nodes.items[id]) * 16 > node_bytes(node);
        const Leaf *own = leaf_find(&cluster->loads, id);
        if (large && (!own || !own->pointwise || !leaves->items[i].pointwise))
            return false;
        any = any || large;
    }
    return any;
}

static void compute_again(Fusion *fusion, Cluster *cluster)
{
    LeafList loads = cluster->loads;
    cluster->loads = (LeafList){0};
    for (size_t i = 0; i < loads.count; i++) {
        Cluster view = *cluster;
        view.loads = loads;
        if (!is_at_hand(fusion, &view, &loads.items[i])) {
            leaf_add(fusion->arena, &cluster->loads, loads.items[i].id, loads.items[i].pointwise);
            continue;
        }
        const LeafList *leaves = &fusion->leaves[loads.items[i].id];
        loads.items[i].pointwise = false; /* no longer there for others to rest on */
        for (size_t j = 0; j < leaves->count; j++)
            leaf_add(fusion->arena, &cluster->loads, leaves->items[j].id, leaves->items[j].pointwise);
    }
}

static StepKind step_kind(Role role)
{
    return role == ROLE_LIBRARY                      ? STEP_LIBRARY
           : role == ROLE_ALIAS || role == ROLE_JOIN ? STEP_ALIAS
                                                     : STEP_KERNEL;
}

void fusion_cluster(Fusion *fusion)
{
    ClusterList *readers = ARENA_ARRAY(fusion->arena, ClusterList, fusion->count);
    for (size_t i = 0; i < fusion->count; i++) {
        Node *node = fusion->graph->nodes.items[i];
        Role role = fusion->role[i];
        if (!fusion->stored[i] || role == ROLE_SOURCE || role == ROLE_ABSORBED || role == ROLE_STATISTICS)
            continue;
        if (role == ROLE_KERNEL || role == ROLE_INLINE) {
            place_kernel_node(fusion, readers, node);
            continue;
        }
        if (role == ROLE_LIBRARY) { /* what it reads is its operands, whatever nodes it absorbed */
            fusion->leaves[i].count = 0;
            for (size_t j = 0; j < fusion->operands[i].count; j++)
                if (fusion->operands[i].items[j])
                    leaf_add(fusion->arena, &fusion->leaves[i], fusion->operands[i].items[j]->id, false);
        }
        Cluster *cluster = new_cluster(fusion, step_kind(role), node);
        join(fusion, cluster, node);
        for (size_t j = 0; j < fusion->statistics[i].count; j++)
            join(fusion, cluster, fusion->statistics[i].items[j]);
    }
    for (size_t i = 0; i < fusion->clusters.count; i++)
        if (fusion->clusters.items[i]->kind == STEP_KERNEL)
            compute_again(fusion, fusion->clusters.items[i]);
}
