/* Batches: calls of the same kernel on other memory become one launch.
 *
 * The plan is fixed, so what may change is the order alone: a step moves up to an earlier call of its kernel
 * when no step from there on touches memory that it writes, or writes memory that it reads. */
#include "internal.h"

typedef struct Range { /* bytes of the model's memory */
    int64_t start, end;
} Range;

typedef LIST(Range) RangeList;

typedef struct Entry {
    Step *step;
    RangeList reads, writes;
} Entry;

typedef struct Batcher {
    Arena *arena;
    KernelSet *set;
    const int64_t *variable_offsets;
    int64_t variable_bytes;
    LIST(Entry) entries; /* the steps so far, in their new order */
} Batcher;

/* ---- memory ---- */

/* Of a view all that it may be a part of. Scalars have no memory. */
static void add_ranges(const Batcher *batcher, RangeList *list, Buffer *const *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t offset;
        const Buffer *root = buffer_root(buffers[i], &offset);
        int64_t start = buffer_place(root, batcher->variable_offsets, batcher->variable_bytes);
        if (start >= 0)
            list_push(batcher->arena, list, ((Range){start, start + root->bytes}));
    }
}

static void add_memory(const Batcher *batcher, Entry *entry, const Step *step)
{
    if (step->kind == STEP_ALIAS)
        return;
    add_ranges(batcher, &entry->reads, step->inputs.items, step->inputs.count);
    add_ranges(batcher, &entry->writes, step->outputs.items, step->outputs.count);
    if (step->scratchpad)
        add_ranges(batcher, &entry->writes, &step->scratchpad, 1);
}

static bool meet(const RangeList *a, const RangeList *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (a->items[i].start < b->items[j].end && b->items[j].start < a->items[i].end)
                return true;
    return false;
}

static bool depend(const Entry *a, const Entry *b)
{
    return meet(&a->writes, &b->writes) || meet(&a->writes, &b->reads) || meet(&a->reads, &b->writes);
}

/* ---- batches ---- */

static bool has(Buffer *const *buffers, size_t count, const Buffer *buffer)
{
    for (size_t i = 0; i < count; i++)
        if (buffers[i] == buffer)
            return true;
    return false;
}

static void add_call(Arena *arena, Step *batch, Step *call)
{
    list_push(arena, &batch->batch, call);
    for (size_t i = 0; i < call->nodes.count; i++)
        list_push(arena, &batch->nodes, call->nodes.items[i]);
    for (size_t i = 0; i < call->inputs.count; i++)
        if (!has(batch->inputs.items, batch->inputs.count, call->inputs.items[i]))
            list_push(arena, &batch->inputs, call->inputs.items[i]);
    for (size_t i = 0; i < call->outputs.count; i++)
        list_push(arena, &batch->outputs, call->outputs.items[i]);
}

static bool may_join(const Batcher *batcher, const Step *other, const Step *step)
{
    if (other->kind != STEP_KERNEL)
        return false;
    const Step *first = other->batch.count ? other->batch.items[0] : other;
    size_t calls = other->batch.count ? other->batch.count : 1;
    return kernel_set_batches(batcher->set, first, step) &&
           calls < kernel_set_batch_limit(batcher->set, first);
}

/* The entry that the step can be a call of, or NULL. */
static Entry *find_batch(const Batcher *batcher, const Entry *entry)
{
    if (entry->step->kind != STEP_KERNEL)
        return NULL;
    for (size_t i = batcher->entries.count; i-- > 0;) {
        Entry *other = &batcher->entries.items[i];
        if (depend(other, entry))
            return NULL;
        if (may_join(batcher, other->step, entry->step))
            return other;
    }
    return NULL;
}

static void add_step(Batcher *batcher, Step *step)
{
    Entry entry = {.step = step};
    add_memory(batcher, &entry, step);
    Entry *earlier = find_batch(batcher, &entry);
    if (!earlier) {
        list_push(batcher->arena, &batcher->entries, entry);
        return;
    }
    if (earlier->step->batch.count == 0) {
        Step *batch = ARENA_NEW(batcher->arena, Step);
        batch->kind = STEP_KERNEL;
        add_call(batcher->arena, batch, earlier->step);
        earlier->step = batch;
    }
    add_call(batcher->arena, earlier->step, step);
    add_memory(batcher, earlier, step);
}

void kernels_batch(KernelSet *set, Schedule *schedule, const int64_t *variable_offsets,
                   int64_t variable_bytes)
{
    Batcher batcher = {schedule->graph->arena, set, variable_offsets, variable_bytes, {0}};
    for (size_t i = 0; i < schedule->steps.count; i++)
        add_step(&batcher, schedule->steps.items[i]);
    schedule->steps.count = 0;
    for (size_t i = 0; i < batcher.entries.count; i++) {
        Step *step = batcher.entries.items[i].step;
        list_push(batcher.arena, &schedule->steps, step);
        if (step->batch.count)
            kernel_set_add_batch(set, step);
    }
    schedule_find_lifetimes(schedule);
}
