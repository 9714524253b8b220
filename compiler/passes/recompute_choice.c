/* Which forward values are kept for the backward pass. The values in the order of the graph are cut into
 * segments. The backward pass of a segment starts from what crosses the cut before it, and computes again
 * what it needs and was not worth keeping; its clones live at once, beside what earlier segments keep (later
 * ones are done). Cost is the time of the clones. For a price of memory (`byte_price`, in cost a byte) and a
 * limit on memory the best cuts are found by dynamic programming; prices are tried from a geometric list. */
#include <math.h>
#include "../target/target.h"
#include "format.h"
#include "fuse.h"
#include "library.h"
#include "recompute.h"

enum { SMALL_FRACTION = 1024 }; /* of all values' bytes: less than this is always kept */

/* ---- forward, backward ---- */

static void mark_forward(bool *forward, const Node *node)
{
    if (forward[node->id])
        return;
    forward[node->id] = true;
    for (int i = 0; i < node->input_count; i++)
        mark_forward(forward, node->inputs[i]);
}

/* The last step that makes a result: the forward pass ends there. -1: there is none. */
static int end_of_forward(const Schedule *schedule)
{
    int end = -1;
    for (size_t i = 0; i < schedule->steps.count; i++)
        for (size_t j = 0; j < schedule->steps.items[i]->outputs.count; j++)
            for (size_t k = 0; k < schedule->graph->results.count; k++)
                if (schedule->steps.items[i]->outputs.items[j]->node ==
                    schedule->graph->results.items[k].node)
                    end = (int)i;
    return end;
}

/* By id: results, what is made no later than they, and all that these are made of. */
static bool *find_forward(const Recompute *recompute)
{
    const Schedule *schedule = recompute->schedule;
    bool *forward = ARENA_ARRAY(recompute->arena, bool, recompute->count);
    for (size_t i = 0; i < schedule->graph->results.count; i++)
        mark_forward(forward, schedule->graph->results.items[i].node);
    int end = end_of_forward(schedule);
    for (int i = 0; i <= end; i++)
        for (size_t j = 0; j < schedule->steps.items[i]->outputs.count; j++)
            if (schedule->steps.items[i]->outputs.items[j]->node)
                mark_forward(forward, schedule->steps.items[i]->outputs.items[j]->node);
    return forward;
}

/* ---- values ---- */

static const Buffer *root_of(const Schedule *schedule, const Node *node)
{
    int64_t offset;
    return buffer_root(schedule->buffer_of[node->id], &offset);
}

/* A concatenation that its inputs are parts of, or such a part: it stays whole. */
static bool *find_parts(const Recompute *recompute)
{
    const Schedule *schedule = recompute->schedule;
    bool *part = ARENA_ARRAY(recompute->arena, bool, recompute->count);
    for (size_t i = 0; i < recompute->count; i++) {
        const Node *node = schedule->graph->nodes.items[i];
        for (int j = 0; node->op == OP_CONCAT && j < node->input_count; j++) {
            const Node *input = node->inputs[j];
            if (schedule->buffer_of[i] && schedule->buffer_of[input->id] &&
                root_of(schedule, node) == root_of(schedule, input))
                part[i] = part[input->id] = true;
        }
    }
    return part;
}

/* The values that `node` is made of, through nodes without memory. Costs are what a clone reads, and the
 * products it computes. */
static void find_inputs(Recompute *recompute, Value *value, const Node *node, bool *seen)
{
    if (op_table[node->op].class == CLASS_CONTRACTION)
        value->cost += library_flops(library_describe(recompute->arena, node)) / target()->flops_a_byte;
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        if (seen[input->id])
            continue;
        seen[input->id] = true;
        if (recompute->fate[input->id] == FATE_INLINE)
            find_inputs(recompute, value, input, seen);
        else if (recompute->fate[input->id] == FATE_KEPT)
            value->cost += (double)recompute->schedule->buffer_of[input->id]->bytes;
        if (recompute->value_of[input->id] >= 0)
            list_push(recompute->arena, &value->inputs, recompute->value_of[input->id]);
    }
}

/* The backward pass reads `node`, or what it is made of; `early`: before a clone could run. */
static void mark_needed(Recompute *recompute, const Node *node, bool early, bool *seen)
{
    if (seen[node->id] || recompute->fate[node->id] == FATE_BACKWARD)
        return;
    seen[node->id] = true;
    int index = recompute->value_of[node->id];
    if (index >= 0)
        recompute->values.items[index].needed = true;
    if (index >= 0 && early)
        recompute->values.items[index].cost = INFINITY;
    for (int i = 0; recompute->fate[node->id] == FATE_INLINE && i < node->input_count; i++)
        mark_needed(recompute, node->inputs[i], early, seen);
}

static Fate fate_of(const Recompute *recompute, const Node *node, const bool *forward, int64_t small)
{
    const Buffer *buffer = recompute->schedule->buffer_of[node->id];
    if (!forward[node->id])
        return FATE_BACKWARD;
    if (op_table[node->op].class == CLASS_LEAF && !buffer)
        return FATE_FREE;
    if (!buffer || node->op == OP_RESHAPE)
        return FATE_INLINE;
    bool parameter = node->variable && node->variable->kind != HP_INPUT;
    return parameter || buffer->bytes < small ? FATE_FREE : FATE_KEPT;
}

/* Images and concatenations in one piece are kept, whatever is asked for. */
static void add_values(Recompute *recompute)
{
    bool *part = find_parts(recompute);
    for (size_t i = 0; i < recompute->count; i++) {
        Node *node = recompute->schedule->graph->nodes.items[i];
        recompute->value_of[i] = -1;
        if (recompute->fate[i] != FATE_KEPT || part[i] || op_table[node->op].class == CLASS_LEAF)
            continue;
        Value value = {.node = node, .bytes = recompute->schedule->buffer_of[i]->bytes, .last_user = -1};
        value.cost = (double)value.bytes;
        find_inputs(recompute, &value, node, ARENA_ARRAY(recompute->arena, bool, recompute->count));
        recompute->value_of[i] = (int)recompute->values.count;
        for (size_t j = 0; j < value.inputs.count; j++)
            recompute->values.items[value.inputs.items[j]].last_user = recompute->value_of[i];
        list_push(recompute->arena, &recompute->values, value);
    }
}

bool recompute_examine(Recompute *recompute)
{
    const Graph *graph = recompute->schedule->graph;
    bool *forward = find_forward(recompute);
    int64_t all = 0;
    recompute->fate = ARENA_ARRAY(recompute->arena, Fate, recompute->count);
    recompute->value_of = ARENA_ARRAY(recompute->arena, int, recompute->count);
    for (size_t i = 0; i < recompute->count; i++)
        if (forward[i] && recompute->schedule->buffer_of[i])
            all += recompute->schedule->buffer_of[i]->bytes;
    for (size_t i = 0; i < recompute->count; i++)
        recompute->fate[i] = fate_of(recompute, graph->nodes.items[i], forward, all / SMALL_FRACTION);
    add_values(recompute);
    bool *seen = ARENA_ARRAY(recompute->arena, bool, recompute->count), early = true;
    for (size_t i = 0; i < recompute->count; i++) {
        const Node *node = graph->nodes.items[i];
        for (int j = 0; recompute->fate[i] == FATE_BACKWARD && j < node->input_count; j++)
            mark_needed(recompute, node->inputs[j], early, seen);
        if (recompute->fate[i] == FATE_BACKWARD && op_table[node->op].class == CLASS_CONTRACTION)
            early = false; /* clones wait for a product of the backward pass */
    }
    return !early && recompute->values.count > 0;
}

/* ---- cuts ---- */

/* What a chain of segments, or one of them, costs. */
typedef struct Price {
    double cost;
    int64_t kept, again; /* bytes; again: of a segment's clones */
    int64_t peak;        /* of a chain: the most that is kept and computed again at one time */
} Price;

/* The best way up to a cut, and where its last segment begins. */
typedef struct Cut {
    Price price;
    double total; /* cost + byte_price * kept; infinite when the limit cannot be met */
    int from;
} Cut;

/* Adds value i to a segment that ends with value `end`; everything between is in it already. */
static void extend_segment(const Recompute *recompute, int i, int end, double byte_price, bool *wanted,
                           Price *segment, Fate *fate)
{
    const Value *value = &recompute->values.items[i];
    bool crosses = value->last_user > end;
    if (!crosses && !wanted[i] && !value->needed)
        return;
    if (crosses || value->cost > byte_price * (double)value->bytes) {
        segment->kept += value->bytes;
        return;
    }
    segment->cost += value->cost;
    segment->again += value->bytes;
    for (size_t j = 0; j < value->inputs.count; j++)
        wanted[value->inputs.items[j]] = true;
    if (fate)
        fate[value->node->id] = FATE_AGAIN;
}

static Price append(const Price *chain, const Price *segment)
{
    Price price = {.cost = chain->cost + segment->cost, .kept = chain->kept + segment->kept};
    int64_t here = price.kept + segment->again;
    price.peak = here > chain->peak ? here : chain->peak;
    return price;
}

/* cuts[i] is the best way to place values 0 .. i - 1 within `limit` bytes; false: there is none for all. */
static bool find_cuts(const Recompute *recompute, double byte_price, int64_t limit, Cut *cuts)
{
    int count = (int)recompute->values.count;
    bool *wanted = ARENA_ARRAY(recompute->arena, bool, (size_t)count);
    cuts[0] = (Cut){0};
    for (int end = 0; end < count; end++) {
        Price segment = {0};
        cuts[end + 1].total = INFINITY;
        for (int i = 0; i <= end; i++)
            wanted[i] = false;
        for (int i = end; i >= 0 && segment.again <= limit; i--) {
            extend_segment(recompute, i, end, byte_price, wanted, &segment, NULL);
            double total = cuts[i].total + segment.cost + byte_price * (double)segment.kept;
            Price price = append(&cuts[i].price, &segment);
            if (price.peak <= limit && total < cuts[end + 1].total)
                cuts[end + 1] = (Cut){price, total, i};
        }
    }
    return isfinite(cuts[count].total);
}

static void set_fates(Recompute *recompute, double byte_price, const Cut *cuts)
{
    int count = (int)recompute->values.count;
    bool *wanted = ARENA_ARRAY(recompute->arena, bool, (size_t)count);
    for (int i = 0; i < count; i++)
        recompute->fate[recompute->values.items[i].node->id] = FATE_KEPT;
    for (int end = count; end > 0; end = cuts[end].from) {
        Price segment = {0};
        for (int i = 0; i < count; i++)
            wanted[i] = false;
        for (int i = end - 1; i >= cuts[end].from; i--)
            extend_segment(recompute, i, end - 1, byte_price, wanted, &segment, recompute->fate);
    }
}

/* The most that is kept and computed again at one time, as the fates are. */
static int64_t peak_of(const Recompute *recompute, const int *segment_of)
{
    int64_t kept = 0, again = 0, peak = 0;
    for (size_t i = 0; i < recompute->values.count; i++) {
        const Value *value = &recompute->values.items[i];
        if (i > 0 && segment_of[i] != segment_of[i - 1])
            again = 0;
        if (recompute->fate[value->node->id] == FATE_AGAIN)
            again += value->bytes;
        else if (value->needed || value->last_user > segment_of[i])
            kept += value->bytes;
        if (kept + again > peak)
            peak = kept + again;
    }
    return peak;
}

/* A price treats alike what costs the same a byte: what need not be computed again is kept after all, the
 * costliest first. */
static int64_t keep_more(Recompute *recompute, int64_t limit, const Cut *cuts)
{
    int count = (int)recompute->values.count;
    int *segment_of = ARENA_ARRAY(recompute->arena, int, (size_t)count); /* its last value */
    for (int end = count; end > 0; end = cuts[end].from)
        for (int i = cuts[end].from; i < end; i++)
            segment_of[i] = end - 1;
    bool *tried = ARENA_ARRAY(recompute->arena, bool, (size_t)count);
    for (int round = 0; round < count; round++) {
        int next = -1;
        for (int i = 0; i < count; i++) {
            const Value *value = &recompute->values.items[i];
            if (!tried[i] && recompute->fate[value->node->id] == FATE_AGAIN &&
                (next < 0 || value->cost > recompute->values.items[next].cost))
                next = i;
        }
        if (next < 0)
            break;
        Value *value = &recompute->values.items[next];
        bool needed = value->needed;
        tried[next] = value->needed = true; /* kept, even if only clones read it */
        recompute->fate[value->node->id] = FATE_KEPT;
        if (peak_of(recompute, segment_of) <= limit)
            continue;
        value->needed = needed;
        recompute->fate[value->node->id] = FATE_AGAIN;
    }
    return peak_of(recompute, segment_of);
}

/* The cheapest choice within `limit` bytes sets the fates; returns its bytes, or -1 when there is none. */
static int64_t choose_within(Recompute *recompute, int64_t limit, Cut *cuts)
{
    enum { PRICES = 24 };
    size_t count = recompute->values.count;
    double best_price = 0, best_cost = INFINITY;
    for (int i = 0; i < PRICES; i++) {
        double byte_price = pow(2, 0.5 * i);
        if (!find_cuts(recompute, byte_price, limit, cuts) || cuts[count].price.cost >= best_cost)
            continue;
        best_cost = cuts[count].price.cost;
        best_price = byte_price;
    }
    if (isinf(best_cost))
        return -1;
    find_cuts(recompute, best_price, limit, cuts);
    set_fates(recompute, best_price, cuts);
    return keep_more(recompute, limit, cuts);
}

/* Of all values that the backward pass reads. */
static int64_t bytes_needed(const Recompute *recompute)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < recompute->values.count; i++)
        bytes += recompute->values.items[i].needed ? recompute->values.items[i].bytes : 0;
    return bytes;
}

int64_t recompute_choose(Recompute *recompute, int64_t wanted)
{
    enum { LIMITS = 32 };
    int64_t all = bytes_needed(recompute), taken = -1;
    Cut *cuts = ARENA_ARRAY(recompute->arena, Cut, recompute->values.count + 1);
    if (wanted <= all)
        taken = choose_within(recompute, all - wanted, cuts);
    for (int i = 1; i < LIMITS && taken < 0; i++)
        if (all / LIMITS * i > all - wanted)
            taken = choose_within(recompute, all / LIMITS * i, cuts);
    return taken < 0 ? 0 : all - taken;
}

/* ---- what is cheap ---- */

/* Of all steps: what they move, and the products they compute. */
static double cost_of_steps(const Schedule *schedule)
{
    double cost = 0;
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        for (size_t j = 0; j < step->inputs.count; j++)
            cost += (double)step->inputs.items[j]->bytes;
        for (size_t j = 0; j < step->outputs.count; j++)
            cost += (double)step->outputs.items[j]->bytes;
        if (step->call)
            cost += library_flops(step->call) / target()->flops_a_byte;
    }
    return cost;
}

static double cost_of_clones(const Recompute *recompute)
{
    double cost = 0;
    for (size_t i = 0; i < recompute->values.count; i++)
        if (recompute->fate[recompute->values.items[i].node->id] == FATE_AGAIN)
            cost += recompute->values.items[i].cost;
    return cost;
}

int64_t recompute_cheap(Recompute *recompute)
{
    enum { HALVINGS = 5 };
    const double allowed = 0.015 * cost_of_steps(recompute->schedule);
    int64_t all = bytes_needed(recompute), low = 0, best = 0;
    Cut *cuts = ARENA_ARRAY(recompute->arena, Cut, recompute->values.count + 1);
    for (int64_t i = 0, high = all; i < HALVINGS; i++) {
        int64_t wanted = low + (high - low) / 2;
        int64_t kept = choose_within(recompute, all - wanted, cuts);
        if (kept >= 0 && cost_of_clones(recompute) <= allowed) {
            best = all - kept;
            low = wanted;
        } else {
            high = wanted;
        }
    }
    return best;
}
