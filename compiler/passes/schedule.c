/* From clusters to steps: their order, what each reads and writes, and the buffers. */
#include "fuse.h"

/* ---- order ---- */

typedef struct Ordering {
    Fusion *fusion;
    int *waits_for; /* by cluster: unscheduled clusters it reads from */
    int *readers;   /* by node: unscheduled clusters that read it */
    bool *needed;   /* by node: some cluster or the runtime reads it */
} Ordering;

static bool is_planned(const Fusion *fusion, int id)
{
    return fusion->cluster_of[id] && !fusion->kept[id];
}

/* Bytes alive after the cluster has run, less those alive before. */
static int64_t net_bytes(const Ordering *ordering, const Cluster *cluster)
{
    const Fusion *fusion = ordering->fusion;
    int64_t net = 0;
    if (cluster->kind == STEP_ALIAS)
        return 0;
    for (size_t i = 0; i < cluster->nodes.count; i++)
        if (ordering->needed[cluster->nodes.items[i]->id])
            net += node_bytes(cluster->nodes.items[i]);
    for (size_t i = 0; i < cluster->loads.count; i++) {
        int id = cluster->loads.items[i].id;
        if (is_planned(fusion, id) && ordering->readers[id] == 1)
            net -= node_bytes(fusion->graph->nodes.items[id]);
    }
    return net;
}

static void count_readers(Ordering *ordering)
{
    Fusion *fusion = ordering->fusion;
    for (size_t i = 0; i < fusion->count; i++)
        ordering->needed[i] = fusion->kept[i];
    for (size_t i = 0; i < fusion->clusters.count; i++) {
        Cluster *cluster = fusion->clusters.items[i];
        for (size_t j = 0; j < cluster->loads.count; j++) {
            int id = cluster->loads.items[j].id;
            ordering->needed[id] = true;
            ordering->readers[id]++;
            ordering->waits_for[i] += fusion->cluster_of[id] != NULL;
        }
    }
}

static void finish(Ordering *ordering, const Cluster *done)
{
    const Fusion *fusion = ordering->fusion;
    for (size_t i = 0; i < done->loads.count; i++)
        ordering->readers[done->loads.items[i].id]--;
    for (size_t i = 0; i < fusion->clusters.count; i++) {
        const LeafList *loads = &fusion->clusters.items[i]->loads;
        for (size_t j = 0; j < loads->count; j++)
            ordering->waits_for[i] -= fusion->cluster_of[loads->items[j].id] == done;
    }
}

/* Of the clusters that can run, one that leaves no more memory in use than before comes first (the one that
 * frees most); else the one that comes first in the graph. Freeing early is what puts a weight's gradient
 * before the next data gradient. */
static void order_clusters(Ordering *ordering)
{
    Fusion *fusion = ordering->fusion;
    size_t count = fusion->clusters.count;
    Cluster **order = ARENA_ARRAY(fusion->arena, Cluster *, count);
    bool *done = ARENA_ARRAY(fusion->arena, bool, count);
    for (size_t n = 0; n < count; n++) {
        size_t best = count;
        int64_t best_net = 0;
        for (size_t i = 0; i < count; i++) {
            if (done[i] || ordering->waits_for[i])
                continue;
            int64_t net = net_bytes(ordering, fusion->clusters.items[i]);
            if (best == count || (net <= 0 && net < best_net)) {
                best = i;
                best_net = net;
            }
        }
        if (best == count)
            internal_error("the steps of %s depend on each other in a circle", fusion->graph->name);
        done[best] = true;
        order[n] = fusion->clusters.items[best];
        finish(ordering, order[n]);
    }
    fusion->clusters.items = order;
}

/* ---- buffers ---- */

Buffer *schedule_buffer(Schedule *schedule, Node *node, int64_t bytes)
{
    Arena *arena = schedule->graph->arena;
    Buffer *buffer = ARENA_NEW(arena, Buffer);
    *buffer = (Buffer){
        .node = node, .bytes = bytes, .index = (int)schedule->buffers.count, .first = -1, .last = -1};
    list_push(arena, &schedule->buffers, buffer);
    return buffer;
}

const Buffer *buffer_root(const Buffer *buffer, int64_t *offset)
{
    *offset = 0;
    for (; buffer->view_of; buffer = buffer->view_of)
        *offset += buffer->view_offset;
    return buffer;
}

int64_t buffer_place(const Buffer *buffer, const int64_t *variable_offsets, int64_t variable_bytes)
{
    int64_t offset;
    const Buffer *root = buffer_root(buffer, &offset);
    return offset +
           (root->variable ? variable_offsets[root->variable->index] : variable_bytes + root->offset);
}

static Buffer *buffer_of(Schedule *schedule, Node *node)
{
    Buffer **place = &schedule->buffer_of[node->id];
    if (!*place) {
        *place = schedule_buffer(schedule, node, node_bytes(node));
        if (node->op == OP_VARIABLE)
            (*place)->variable = node->variable;
    }
    return *place;
}

/* ---- steps ---- */

/* Everything a kernel computes for `node`: what is not stored elsewhere, inputs first. */
static void add_nodes(const Fusion *fusion, const Cluster *cluster, Step *step, Node *node, bool *seen)
{
    if (seen[node->id] || (fusion->cluster_of[node->id] != cluster && leaf_find(&cluster->loads, node->id)))
        return;
    seen[node->id] = true;
    for (int i = 0; i < node->input_count; i++)
        add_nodes(fusion, cluster, step, node->inputs[i], seen);
    list_push(fusion->arena, &step->nodes, node);
}

/* The product and the epilogue it absorbed. */
static void add_product_nodes(const Fusion *fusion, Step *step, Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (fusion->role[node->inputs[i]->id] == ROLE_ABSORBED)
            add_product_nodes(fusion, step, node->inputs[i]);
    list_push(fusion->arena, &step->nodes, node);
}

static void set_operands(const Fusion *fusion, Schedule *schedule, Step *step, const Node *last)
{
    Buffer **places[4] = {&step->a, &step->b, &step->bias, &step->addend};
    for (size_t i = 0; i < fusion->operands[last->id].count; i++)
        if (fusion->operands[last->id].items[i])
            *places[i] = buffer_of(schedule, fusion->operands[last->id].items[i]);
    step->call = fusion->calls[last->id];
    if (step->call->scratchpad > 0)
        step->scratchpad = schedule_buffer(schedule, NULL, step->call->scratchpad);
}

/* Both sums lie one behind the other, as the library writes them. */
static void set_statistics(const Fusion *fusion, Schedule *schedule, Step *step, const NodeList *sums)
{
    int64_t bytes = 0;
    if (sums->count == 0)
        return;
    step->statistics = schedule_buffer(schedule, NULL, 2 * node_bytes(sums->items[0]));
    for (size_t i = 0; i < sums->count; i++) {
        Node *sum = sums->items[i];
        if (sum->inputs[0] != step->outputs.items[0]->node)
            list_push(fusion->arena, &step->nodes, sum->inputs[0]);
        list_push(fusion->arena, &step->nodes, sum);
        Buffer *half = buffer_of(schedule, sum);
        half->view_of = step->statistics;
        half->view_offset = bytes;
        bytes += half->bytes;
    }
}

/* The inputs of a concatenation become parts of its rows; what they hold themselves follows them. */
static void join_buffers(Schedule *schedule, const Node *node)
{
    Buffer *whole = buffer_of(schedule, schedule->graph->nodes.items[node->id]);
    HpPlaces places = hp_format_places(node->format, node->shape.rank, node->shape.extents);
    int64_t channels = 0;
    for (int i = 0; i < node->input_count; i++) {
        Buffer *part = buffer_of(schedule, node->inputs[i]);
        part->view_of = whole;
        part->view_offset = channels / places.block[1] * places.stride[1] * hp_data_type_bytes(node->dtype);
        if (!format_part_in_one_piece(node))
            part->channels = node->shape.extents[1];
        channels += node->inputs[i]->shape.extents[1];
    }
}

/* A part of a part lies in the outermost concatenation. */
static void set_channels(Schedule *schedule)
{
    for (size_t i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.items[i];
        if (buffer->node && buffer->node->op == OP_AFTER)
            buffer->channels = buffer->view_of->channels;
    }
    for (size_t i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.items[i], *outermost = buffer;
        if (!buffer->channels)
            continue;
        while (outermost->view_of->channels)
            outermost = outermost->view_of;
        buffer->channels = outermost->channels;
    }
}

static void add_step(const Ordering *ordering, Schedule *schedule, Cluster *cluster)
{
    const Fusion *fusion = ordering->fusion;
    Arena *arena = fusion->arena;
    Step *step = ARENA_NEW(arena, Step);
    step->kind = cluster->kind;
    step->index = (int)schedule->steps.count;
    step->domain = cluster->domain;
    step->reduced_axes = cluster->axes;
    Node *first = cluster->nodes.items[0];
    for (size_t i = 0; i < cluster->loads.count; i++)
        list_push(arena, &step->inputs,
                  buffer_of(schedule, fusion->graph->nodes.items[cluster->loads.items[i].id]));
    for (size_t i = 0; i < cluster->nodes.count; i++)
        if (ordering->needed[cluster->nodes.items[i]->id] || cluster->kind == STEP_LIBRARY)
            list_push(arena, &step->outputs, buffer_of(schedule, cluster->nodes.items[i]));
    if (cluster->kind == STEP_LIBRARY) {
        add_product_nodes(fusion, step, first);
        set_operands(fusion, schedule, step, first);
        set_statistics(fusion, schedule, step, &fusion->statistics[first->id]);
    } else {
        bool *seen = ARENA_ARRAY(arena, bool, fusion->count);
        for (size_t i = 0; i < cluster->nodes.count; i++)
            add_nodes(fusion, cluster, step, cluster->nodes.items[i], seen);
    }
    if (fusion->role[first->id] == ROLE_ALIAS) {
        step->outputs.items[0]->view_of = step->inputs.items[0];
        step->inputs.count = 1; /* what an AFTER waits for is there, and not read */
    }
    if (fusion->role[first->id] == ROLE_JOIN)
        join_buffers(schedule, first);
    list_push(arena, &schedule->steps, step);
}

Schedule *fusion_schedule(Fusion *fusion)
{
    Arena *arena = fusion->arena;
    Ordering ordering = {.fusion = fusion};
    ordering.waits_for = ARENA_ARRAY(arena, int, fusion->clusters.count);
    ordering.readers = ARENA_ARRAY(arena, int, fusion->count);
    ordering.needed = ARENA_ARRAY(arena, bool, fusion->count);
    count_readers(&ordering);
    order_clusters(&ordering);
    Schedule *schedule = ARENA_NEW(arena, Schedule);
    schedule->graph = fusion->graph;
    schedule->buffer_of = ARENA_ARRAY(arena, Buffer *, fusion->count);
    for (size_t i = 0; i < fusion->clusters.count; i++)
        add_step(&ordering, schedule, fusion->clusters.items[i]);
    for (size_t i = 0; i < fusion->graph->updates.count; i++) /* a variable that becomes another one */
        buffer_of(schedule, fusion->graph->updates.items[i].node);
    for (size_t i = 0; i < fusion->graph->results.count; i++)
        buffer_of(schedule, fusion->graph->results.items[i].node);
    set_channels(schedule);
    return schedule;
}
